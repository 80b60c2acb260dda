"""Write pictures of all that a learner sees, for people to look at: ``make screenshots`` (LESSONS='00 08' for some).

Each lesson in JupyterLab, each page and each deck, at 1,280 and 390 px, into build/screenshots: a notebook or a page in
strips side by side, a deck's slides in rows. It needs Chromium.
"""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from jupyterlab_page import NO_CHROMIUM, JupyterLabPage, JupyterLabServer, chromium, find_chromium
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize

from course_utils.build import labextension, site, slides, slides_check
from course_utils.build.notebooks import NOTEBOOKS, REPOSITORY

OUT = REPOSITORY / "build" / "screenshots"
WIDTHS = (1280, 390)
STRIP = 2400  # px of height
SHEET = 4000  # px of width, at most
GAP = 16
SLIDES = """() => Reveal.getSlides().map((slide) => { const { h, v } = Reveal.getIndices(slide); return [h, v]; })"""


def sheets(name: str, pictures: Iterator[bytes], per_row: int, rows: int) -> None:
    """Write pictures of one size, side by side and in rows, as name_1.png, name_2.png, …"""
    waiting: list[Image.Image] = []
    number = 0

    def write() -> None:
        nonlocal number
        number += 1
        width, height = waiting[0].size
        used = -(-len(waiting) // per_row)
        sheet = Image.new("RGB", (min(per_row, len(waiting)) * (width + GAP), used * (height + GAP)), "#888")
        for n, picture in enumerate(waiting):
            sheet.paste(picture, (n % per_row * (width + GAP), n // per_row * (height + GAP)))
        path = OUT / f"{name}_{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(path)
        waiting.clear()

    for picture in pictures:
        waiting.append(Image.open(io.BytesIO(picture)).convert("RGB"))
        if len(waiting) == per_row * rows:
            write()
    if waiting:
        write()


def strips(page: Page, height: float, scroll_to: str) -> Iterator[bytes]:
    """One picture for each screen of what is so high; scroll_to: the script that brings a place to the top."""
    top = 0.0
    while top < height:
        page.evaluate(scroll_to, top)
        page.wait_for_timeout(300)
        yield page.screenshot()
        top += STRIP


def pages(browser: Browser, folder: Path, only: list[str]) -> None:
    for width in WIDTHS:
        size: ViewportSize = {"width": width, "height": STRIP}
        page = browser.new_page(viewport=size, reduced_motion="reduce", color_scheme="light")
        for path in sorted(folder.rglob("*.html")):
            name = path.relative_to(folder).with_suffix("").as_posix().replace("/", "_")
            if wanted(name, only):
                page.goto(path.as_uri() + ("?q=baseline" if name == "search" else ""))
                page.evaluate("document.querySelectorAll('article details').forEach((fold) => { fold.open = true; })")
                height = page.evaluate("document.documentElement.scrollHeight")
                sheets(f"page/{name}_{width}", strips(page, height, "(top) => scrollTo(0, top)"), SHEET // width, 1)
        page.context.close()


def decks(browser: Browser, folder: Path, only: list[str]) -> None:
    for path in slides.build(only, target=folder):
        for width in WIDTHS:
            size: ViewportSize = {"width": width, "height": width * 9 // 16}
            page = browser.new_page(viewport=size, reduced_motion="reduce", color_scheme="light")
            slides_check.opened(page, path)
            sheets(f"slides/{path.stem}_{width}", each_slide(page), SHEET // width, 4)
            page.context.close()


def each_slide(page: Page) -> Iterator[bytes]:
    for h, v in page.evaluate(SLIDES):
        page.evaluate("([h, v]) => Reveal.slide(h, v, 99)", [h, v])
        page.wait_for_timeout(60)
        yield page.screenshot()


def notebooks(browser: Browser, only: list[str]) -> None:
    """As they are opened, not run: trusted, with the course's extension."""
    with TemporaryDirectory() as place:
        labextension.install(Path(place, "prefix"))
        os.environ["JUPYTER_PATH"] = str(Path(place, "prefix", "share", "jupyter"))
        with JupyterLabServer(Path(place, "server")) as server:
            for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
                if not wanted(path.stem, only):
                    continue
                server.trust(server.add_notebook(path.name, nbformat.read(path, as_version=4)))
                for width in WIDTHS:
                    shown = JupyterLabPage(browser, server, viewport={"width": width, "height": STRIP})
                    shown.open(path.name)
                    shown.command("notebook:show-all-cell-outputs")
                    sheets(f"jupyterlab/{path.stem}_{width}", wheeled(shown.page), SHEET // width, 1)
                    shown.close()


def wheeled(page: Page) -> Iterator[bytes]:
    """One picture for each screen of a notebook, which draws its cells as they come into view."""
    box = page.locator(".jp-Notebook").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 3, box["y"] + box["height"] / 2)
    before = None
    while True:
        page.wait_for_timeout(800)
        now = page.screenshot()
        if now == before:
            return
        yield now
        before = now
        page.mouse.wheel(0, box["height"] - 40)


def wanted(name: str, only: list[str]) -> bool:
    return not only or name[:2] in only


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lessons", nargs="*", metavar="NN", help="lessons, by two digits (default: all that there is)")
    parser.add_argument("--hosts", nargs="*", default=["page", "slides", "jupyterlab"], help="some of these alone")
    arguments = parser.parse_args()
    executable = find_chromium()
    if executable is None:
        raise SystemExit(NO_CHROMIUM)
    with TemporaryDirectory() as place, chromium(executable) as browser:
        if "page" in arguments.hosts:
            site.build(Path(place, "site"))
            pages(browser, Path(place, "site"), arguments.lessons)
        if "slides" in arguments.hosts:
            decks(browser, Path(place, "slides"), arguments.lessons)
        if "jupyterlab" in arguments.hosts:
            notebooks(browser, arguments.lessons)
    print(f"Look into {OUT.relative_to(REPOSITORY)}.")


if __name__ == "__main__":
    main()
