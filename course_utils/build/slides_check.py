"""Look in Chromium whether each slide keeps within its edges, at 1280 × 720 and 1920 × 1080, and can be read."""

import os
import shutil
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["faults", "main", "opened"]


SIZES = ((1280, 720), (1920, 1080))
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 30_000  # ms


def opened(page: Any, path: Path) -> None:
    """Show a deck in a page of Playwright, laid out."""
    page.goto(path.resolve().as_uri())
    page.wait_for_selector("html[data-ready]", timeout=PATIENCE)


def faults(page: Any, name: str) -> list[str]:
    """Return what leaves a slide of the opened deck, or is too small: a line for each, with deck, slide and element."""
    found: dict[str, None] = {}
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        # What is not drawn anew is the same at each size: reveal.js scales it.
        alone = "*" if (width, height) == SIZES[0] else ".pgc-lab, img"
        for one in page.evaluate("(alone) => policyGradientSlides.faults(alone)", alone):
            found[f"{name}, {width} × {height}, {one}"] = None
    return list(found)


def main(decks: Iterable[Path]) -> int:
    """Measure decks where there is a Chromium; print what is wrong and return 1 if there is anything."""
    executable = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None or find_spec("playwright") is None:
        print("Not measured: to see whether a slide overflows needs Chromium and Playwright (extra `test`).")
        return 0
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        page = browser.new_page()
        for path in decks:
            opened(page, path)
            found += faults(page, path.stem)
            print(f"measured {path.stem}", flush=True)
        browser.close()
    print("\n".join(found), file=sys.stderr)
    return 1 if found else 0
