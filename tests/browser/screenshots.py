"""Write pictures of all that a learner sees, for people to look at: ``make screenshots`` (LESSONS='00 08' for some).

Each lesson in JupyterLab, each page and each deck, at 1,280 and 390 px, into build/screenshots: a notebook or a page in
strips side by side, a deck's slides in rows. What fails is tried once more, and named at the end. It needs Chromium.
"""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import nbformat
from jupyterlab_page import JupyterLabPage, JupyterLabServer, chromium
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize

from course_utils.build import labextension, site, slides, slides_check
from course_utils.build.notebooks import NOTEBOOKS, REPOSITORY

OUT = REPOSITORY / "build" / "screenshots"
WIDTHS = (1280, 390)
STRIP = 2400  # px of height
SHEET = 4000  # px of width, at most
GAP = 16
PATIENCE = 180  # s, with a busy machine
TRIES = 2
# All cells are drawn at once: one that came late would move what is below it out of the pictures, a quiz or a recap.
WHOLE = {"notebook-extension/tracker": {"windowingMode": "none", "scrollPastEnd": False}}
SLIDES = """() => Reveal.getSlides().map((slide) => { const { h, v } = Reveal.getIndices(slide); return [h, v]; })"""
SCROLL_ON = """(box) => {  // as long as a cell goes on below: after the last, JupyterLab scrolls into a blank
  const { bottom } = box.getBoundingClientRect();
  const more = [...box.querySelectorAll(".jp-Cell")].some((cell) => cell.getBoundingClientRect().bottom > bottom);
  if (more) box.scrollTop += box.clientHeight - 40;
  return more;
}"""


class Shown(NamedTuple):
    """What one or more sheets show, in rows: the pictures of it at a width."""

    name: str
    rows: int
    pictures: Callable[[int], Generator[bytes]]


def write(name: str, pictures: Iterator[bytes], per_row: int, rows: int) -> int:
    """Write pictures of one size, side by side and in rows, as name_1.png, name_2.png, …; return how many sheets."""
    for path in OUT.glob(f"{name}_[0-9]*.png"):
        path.unlink()  # of an earlier time, when there may have been more
    (OUT / name).parent.mkdir(parents=True, exist_ok=True)
    number = 0
    while shown := [Image.open(io.BytesIO(picture)).convert("RGB") for picture in islice(pictures, per_row * rows)]:
        number += 1
        width, height = shown[0].size
        used = -(-len(shown) // per_row)
        sheet = Image.new("RGB", (min(per_row, len(shown)) * (width + GAP), used * (height + GAP)), "#888")
        for n, picture in enumerate(shown):
            sheet.paste(picture, (n % per_row * (width + GAP), n // per_row * (height + GAP)))
        sheet.save(OUT / f"{name}_{number}.png")
    return number


def write_all(all_shown: list[Shown]) -> list[str]:
    """Write the sheets of each, saying which; return what failed, a line each."""
    todo = [(f"{shown.name}_{width}", shown, width) for shown in all_shown for width in WIDTHS]
    failed = []
    for n, (name, shown, width) in enumerate(todo, start=1):
        print(f"{n} of {len(todo)}, {name}", end="", flush=True)
        for more in reversed(range(TRIES)):
            try:
                with closing(shown.pictures(width)) as pictures:
                    print(f": {write(name, pictures, SHEET // width, shown.rows)}")
                break
            except Exception as error:  # whatever it is, the others are written
                print(f": {error!r}\n  once more" if more else f": {error!r}", flush=True)
                if not more:
                    failed.append(f"{name}: {error!r}")
    return failed


def new_page(browser: Browser, width: int, height: int) -> Page:
    size: ViewportSize = {"width": width, "height": height}
    page = browser.new_page(viewport=size, reduced_motion="reduce", color_scheme="light")
    page.set_default_timeout(PATIENCE * 1000)
    return page


def of_page(browser: Browser, path: Path, width: int) -> Generator[bytes]:
    with new_page(browser, width, STRIP) as page:
        page.goto(path.as_uri() + ("?q=baseline" if path.stem == "search" else ""))
        page.evaluate("document.querySelectorAll('article details').forEach((fold) => { fold.open = true; })")
        for top in range(0, page.evaluate("document.documentElement.scrollHeight"), STRIP):
            page.evaluate("(top) => scrollTo(0, top)", top)
            page.wait_for_timeout(300)
            yield page.screenshot()


def of_deck(browser: Browser, path: Path, width: int) -> Generator[bytes]:
    with new_page(browser, width, width * 9 // 16) as page:
        slides_check.opened(page, path)
        for h, v in page.evaluate(SLIDES):
            page.evaluate("([h, v]) => Reveal.slide(h, v, 99)", [h, v])
            page.wait_for_timeout(60)
            yield page.screenshot()


def of_notebook(browser: Browser, server: JupyterLabServer, path: Path, width: int) -> Generator[bytes]:
    """As it is opened, not run, trusted, with all outputs unfolded: one picture for each screen of it."""
    server.trust(server.add_notebook(path.name, nbformat.read(path, as_version=4)))
    with closing(JupyterLabPage(browser, server, viewport={"width": width, "height": STRIP})) as shown:
        shown.page.set_default_timeout(PATIENCE * 1000)
        shown.open(path.name, PATIENCE)
        shown.command("notebook:show-all-cell-outputs")
        more = True
        while more:
            yield settled(shown.page)
            more = shown.page.locator(".jp-WindowedPanel-outer").first.evaluate(SCROLL_ON)


def settled(page: Page) -> bytes:
    """A picture of the page once two of them are the same."""
    now = page.screenshot()
    for _ in range(20):
        page.wait_for_timeout(500)
        before, now = now, page.screenshot()
        if now == before:
            break
    return now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lessons", nargs="*", metavar="NN", help="lessons, by two digits (default: all that there is)")
    parser.add_argument("--hosts", nargs="*", default=["page", "slides", "jupyterlab"], help="some of these alone")
    arguments = parser.parse_args()

    def wanted(name: str) -> bool:
        return not arguments.lessons or name[:2] in arguments.lessons

    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory()))
        browser = stack.enter_context(chromium())
        todo: list[Shown] = []
        if "page" in arguments.hosts:
            site.build(place / "site")
            for path in sorted((place / "site").rglob("*.html")):
                name = "_".join(path.relative_to(place / "site").with_suffix("").parts)
                if wanted(name):
                    todo.append(Shown(f"page/{name}", 1, partial(of_page, browser, path)))
        if "slides" in arguments.hosts:
            decks = slides.build(arguments.lessons, target=place / "slides")
            todo += [Shown(f"slides/{path.stem}", 4, partial(of_deck, browser, path)) for path in decks]
        if "jupyterlab" in arguments.hosts:
            labextension.install(place / "prefix")
            os.environ["JUPYTER_PATH"] = str(place / "prefix" / "share" / "jupyter")
            server = stack.enter_context(JupyterLabServer(place / "server", WHOLE))
            lessons = [path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")) if wanted(path.stem)]
            todo += [Shown(f"jupyterlab/{one.stem}", 1, partial(of_notebook, browser, server, one)) for one in lessons]
        try:
            failed = write_all(todo)
        except KeyboardInterrupt:
            raise SystemExit(f"\nStopped; what was written stays in {OUT.relative_to(REPOSITORY)}.") from None
    print(f"Look into {OUT.relative_to(REPOSITORY)}.")
    if failed:
        raise SystemExit("\n".join(["Not written, or not whole:", *failed]))


if __name__ == "__main__":
    main()
