"""One Advantage Lab on a page: what a test reads off its picture, and what it does to it by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from jupyterlab_page import LAB, JupyterLabPage
from playwright.sync_api import Locator

ROWS = ("logit", "probability", "advantage", "relative", "gradient", "new-logit", "probability-after", "change")


def one_step(logits: Any, advantages: Any, step_size: float) -> np.ndarray:
    """π after one expected ascent step: softmax(z + η π (A − Σ π A)), in plain NumPy."""

    def softmax(z: np.ndarray) -> np.ndarray:
        e = np.exp(z - z.max())
        return e / e.sum()

    z, A = np.array(logits, dtype=float), np.array(advantages, dtype=float)
    pi = softmax(z)
    return softmax(z + step_size * pi * (A - pi @ A))


class LabView:
    """The `nth` Advantage Lab on the page, scrolled into view."""

    def __init__(self, notebook: JupyterLabPage, nth: int = 0) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self.root = self.page.locator(LAB).nth(nth)
        self.root.wait_for()
        notebook.scroll_to(self.root)

    def role(self, role: str, index: int | None = None) -> Locator:
        where = "" if index is None else f'[data-index="{index}"]'
        return self.root.locator(f'[data-role="{role}"]{where}')

    # -- what the picture says ---------------------------------------------------------------------------

    def bars(self, role: str) -> list[float]:
        """Full-precision values of the bars of one kind."""
        return self.role(role).evaluate_all("bars => bars.map((bar) => Number(bar.dataset.value))")

    def heights(self, role: str) -> list[float]:
        """Heights of the bars in pixels, as drawn."""
        return self.role(role).evaluate_all("bars => bars.map((bar) => bar.getBoundingClientRect().height)")

    def table(self, row: str) -> list[float]:
        return self.root.locator(f'td[data-row="{row}"]').evaluate_all(
            "cells => cells.map((cell) => Number(cell.dataset.value))"
        )

    def text(self, role: str) -> str:
        return self.role(role).inner_text()

    def slider_values(self, role: str = "advantage") -> list[float]:
        return self.role(role).evaluate_all("gs => gs.map((g) => Number(g.getAttribute('aria-valuenow')))")

    def spoken(self) -> str:
        """What the live region says once it has come to rest."""
        live = self.role("live")
        said = live.text_content()
        for _ in range(40):
            self.page.wait_for_timeout(120)
            before, said = said, live.text_content()
            if said == before and said:
                self.page.wait_for_timeout(450)
                if live.text_content() == said:
                    break
        return said or ""

    # -- what a hand does --------------------------------------------------------------------------------

    def grip(self, index: int, role: str = "advantage") -> tuple[float, float]:
        """Point of the page at the top of a bar (the bottom of a negative one): the middle of its handle."""
        box = self.role(role, index).locator("circle").last.bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, index: int, down: float, role: str = "advantage", moves: int = 8) -> None:
        """Drag a bar's top with the mouse, so many pixels down (negative: up)."""
        x, y = self.grip(index, role)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + 2, y + down, steps=moves)
        self.page.mouse.up()

    def type_into(self, role: str, text: str, index: int | None = None) -> None:
        field = self.role(role, index)
        field.fill(text)
        field.press("Enter")

    def click(self, role: str) -> None:
        self.role(role).click()
