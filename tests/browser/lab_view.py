"""One lab on a page: what a test reads off its picture, and what it does to it by hand."""

from __future__ import annotations

from typing import Any

from jupyterlab_page import JupyterLabPage
from playwright.sync_api import Locator, Page

# An expression in these words says what to read of the lab `root`: the full numbers behind its parts.
_WORDS = """
  const nodes = (selector) => [...root.querySelectorAll(selector)];
  const numbers = (selector, key = "value") =>
    nodes(selector).map(({ dataset: { [key]: value } }) => (value === undefined ? null : Number(value)));
  const role = (name, key) => numbers(`[data-role="${name}"]`, key);
  const row = (name) => numbers(`td[data-row="${name}"]`);
  const texts = (role) => nodes(`[data-role="${role}"]`).map((node) => node.textContent);
"""


def reading(selector: str, expression: str) -> str:
    """The script that reads this expression of the one lab that the selector finds."""
    return f"() => {{ const root = document.querySelector({selector!r}); {_WORDS} return ({expression}); }}"


def faults_of(page: Page, *kinds: str) -> list[str]:
    """A list to which comes what scripts of the page throw and its console says from now on, errors and these kinds."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type in ("error", *kinds) else None)
    return faults


class LabView:
    """The `nth` lab that a selector finds on the page."""

    def __init__(self, page: Page, selector: str, nth: int = 0) -> None:
        self.page = page
        self.root = page.locator(selector).nth(nth)
        self.root.wait_for()

    @classmethod
    def in_notebook(cls, notebook: JupyterLabPage, selector: str, nth: int = 0) -> LabView:
        """The lab of an opened notebook, scrolled into view."""
        view = cls(notebook.page, selector, nth)
        notebook.scroll_to(view.root)
        return view

    def role(self, role: str, index: int | None = None) -> Locator:
        where = "" if index is None else f'[data-index="{index}"]'
        return self.root.locator(f'[data-role="{role}"]{where}')

    # -- what the picture says ---------------------------------------------------------------------------

    def seen(self, expression: str) -> Any:
        """What an expression in the words above reads of it."""
        return self.root.evaluate(f"(root) => {{ {_WORDS} return ({expression}); }}")

    def numbers(self, role: str) -> list[float]:
        """The full numbers behind the parts of one kind."""
        return list(self.seen(f"role({role!r})"))

    def row(self, name: str) -> list[float]:
        """The full numbers in a row of the table; None where a cell has none."""
        return list(self.seen(f"row({name!r})"))

    def heights(self, role: str) -> list[float]:
        """Heights of the parts of one kind in pixels, as drawn."""
        return list(self.seen(f"""nodes('[data-role="{role}"]').map((bar) => bar.getBoundingClientRect().height)"""))

    def slider_values(self, role: str) -> list[float]:
        return list(self.seen(f"""nodes('[data-role="{role}"]').map((g) => Number(g.getAttribute("aria-valuenow")))"""))

    def text(self, role: str, index: int | None = None) -> str:
        """What it says; a space that no line ends at is a space."""
        return self.role(role, index).inner_text().replace("\xa0", " ")

    def spoken(self) -> str:
        """What the live region says once it has come to rest: it waits 400 ms."""
        self.page.wait_for_timeout(500)
        return self.role("live").text_content() or ""

    # -- what a hand does --------------------------------------------------------------------------------

    def grip(self, role: str, index: int | None = None) -> tuple[float, float]:
        """The middle of a handle, or of another part, as a point of the page."""
        circles = self.role(role, index).locator("circle")
        box = (circles.last if circles.count() else self.role(role, index).first).bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, role: str, index: int | None, right: float, down: float, moves: int = 5) -> None:
        """Drag a handle with the mouse by so many pixels, taken beside its middle."""
        self.role(role, index).scroll_into_view_if_needed()
        x, y = self.grip(role, index)
        self.page.mouse.move(x + 2, y + 2)
        while (now := self.grip(role, index)) != (x, y):  # a page that is still being laid out
            (x, y) = now
            self.page.mouse.move(x + 2, y + 2)
        self.page.mouse.down()
        self.page.mouse.move(x + 2 + right, y + 2 + down, steps=moves)
        self.page.mouse.up()

    def click_on_rail(self, role: str, share: float) -> None:
        """Click on a handle's rail, at a share of its length."""
        rail = self.role(role).locator("rect").first
        rail.click(
            force=True, position={"x": share * rail.evaluate("rail => rail.getBoundingClientRect().width") - 1, "y": 1}
        )

    def touch(self, x: float, y: float, right: float = 0, down: float = 0) -> None:
        """Drag with one finger from a point of the page; without a way, a tap."""
        hand = self.page.context.new_cdp_session(self.page)
        hand.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
        places = [(x + right * step / 8, y + down * step / 8) for step in range(1, 9 if right or down else 1)]
        for kind, points in (("Start", [(x, y)]), *(("Move", [place]) for place in places), ("End", [])):
            touches = [{"x": px, "y": py} for px, py in points]
            hand.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touches})
        hand.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
        hand.detach()

    def type_into(self, role: str, text: str, index: int | None = None) -> None:
        self.role(role, index).fill(text)
        self.role(role, index).press("Enter")

    def click(self, role: str, index: int | None = None) -> None:
        self.role(role, index).click()
