"""Writes pictures/advantage_lab.webp, the README's moving picture: `python tests/browser/animated_lab.py`.

Chromium drives the lab as a hand does. Headless, it draws no pointer, so the page has one.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from jupyterlab_page import chromium, middle
from mounted_lab import MountedLab
from PIL import Image
from playwright.sync_api import Page

from course_utils.widgets import AdvantageLab

TARGET = Path(__file__).parents[2] / "pictures" / "advantage_lab.webp"
SIZE = (860, 650)
FRAME = 70  # ms
Q, LOGITS, ACTIONS = [4.0, 3.1, 0.35], np.log([0.5, 0.3, 0.2]), ["refund", "replace", "apologise"]  # of lesson 08
POINTER = """() => {
  const hand = document.createElement("div");
  hand.innerHTML = '<svg width="26" height="30" viewBox="0 0 26 30"><path d="M3 2v21l5-5 4 9 4-2-4-8h8z" ' +
    'fill="#000" stroke="#fff" stroke-width="1.5"/></svg>';
  hand.style.cssText = "position: fixed; z-index: 9; pointer-events: none; left: -40px; top: 0";
  document.body.append(hand);
  addEventListener("pointermove", (e) => {
    Object.assign(hand.style, { left: `${e.clientX - 2}px`, top: `${e.clientY - 1}px` });
  }, true);
}"""
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


class Film:
    """Frames of a page, each with the time that it stands; the pointer glides between places."""

    def __init__(self, page: Page) -> None:
        self.page, self.frames, self.times = page, list[Image.Image](), list[int]()
        self.at = np.array([SIZE[0] / 2, SIZE[1] - 60.0])
        page.mouse.move(*self.at)

    def take(self, stands: int = FRAME) -> None:
        self.page.evaluate(DRAWN)
        self.frames.append(Image.open(io.BytesIO(self.page.screenshot(type="png"))).convert("RGB"))
        self.times.append(stands)

    def glide(self, to: tuple[float, float], frames: int) -> None:
        begin = self.at
        for share in np.linspace(0, 1, frames + 1)[1:]:
            self.at = begin + (np.array(to) - begin) * share**2 * (3 - 2 * share)  # slow at both ends
            self.page.mouse.move(*self.at)
            self.take()

    def drag(self, by: tuple[float, float], frames: int) -> None:
        self.page.mouse.down()
        self.glide((self.at[0] + by[0], self.at[1] + by[1]), frames)
        self.page.mouse.up()

    def write(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        first, *rest = self.frames
        how = {"loop": 0, "lossless": True, "quality": 75, "method": 4}
        first.save(path, save_all=True, append_images=rest, duration=self.times, **how)


def play(page: Page) -> Film:
    """Drag an action value up, down and back, then take steps."""
    lab = MountedLab(page, AdvantageLab(action_values=Q, logits=LOGITS, actions=ACTIONS))
    page.evaluate(POINTER)
    film = Film(page)
    film.take(1200)
    film.glide(lab.grip("advantage", 1), 8)
    film.drag((0, -70), 14)
    film.take(700)
    film.drag((0, 110), 16)
    film.take(700)
    film.drag((0, -40), 8)
    film.glide(middle(lab.role("step")), 10)
    for _ in range(6):
        page.mouse.down()
        page.mouse.up()
        for _ in range(4):
            film.take()
        film.take(350)
    film.take(1500)
    return film


def main() -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme="light")
        film = play(page)
        film.write(TARGET)
    print(f"{TARGET.name}: {len(film.frames)} frames, {TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
