"""Write the README's picture of a slide: ``python tests/browser/slide_picture.py``. It needs Chromium.

A prediction of lesson 08, with the votes of a room beside what came.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from jupyterlab_page import chromium, find_chromium
from playwright.sync_api import Page

from course_utils.build import slides, slides_check

PICTURE = Path(__file__).parents[2] / "pictures" / "slide.png"
QUESTION = "[data-question='three-actions']"
VOTES = (2, 9, 14, 3)
SHOW = """(selector) => {
  const { h, v } = Reveal.getIndices(Reveal.getSlides().find((slide) => slide.querySelector(selector)));
  Reveal.slide(h, v, 99);
}"""


def show(page: Page, selector: str) -> None:
    """Turn to the first slide with this in it, with all that comes on it one by one."""
    page.evaluate(SHOW, selector)


def main() -> None:
    executable = find_chromium()
    if executable is None:
        raise SystemExit("there is no Chromium")
    with TemporaryDirectory() as folder, chromium(executable) as browser:
        (deck,) = slides.build(["08"], target=Path(folder))
        page = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme="light")
        slides_check.opened(page, deck)
        show(page, QUESTION)
        for place, votes in enumerate(VOTES, start=1):
            for _ in range(votes):
                page.keyboard.press(f"Digit{place}")
        page.locator(f".present {QUESTION} [data-role=show]").click()
        page.wait_for_timeout(600)
        page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
