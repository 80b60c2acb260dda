"""The grid lab in Chromium: its mathematics against Python's, mouse, finger, keys, layout, and JupyterLab."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from mounted_lab import MountedLab
from playwright.sync_api import Locator, Page

from course_utils.build import labextension
from course_utils.widgets import GridLab, offline
from course_utils.widgets.grid_lab import ACTIONS, CELLS, DECISIONS, ENTRIES

pytestmark = pytest.mark.browser
LAB = '.pgc-lab[data-lab="grid_lab"]'

# What the picture says under each setting, in full precision.
READ = """(settings) => settings.map((setting) => {
  Object.entries(setting).forEach(([name, value]) => window.lab.set(name, value));
  const numbers = (selector) => [...document.querySelectorAll(selector)].map((node) => Number(node.dataset.value));
  const read = {};
  for (const role of ["value", "arrow", "bar", "action-value", "advantage", "mean", "performance"])
    read[role] = numbers(`[data-role="${role}"]`);
  for (const row of ["pi", "reward", "next-value", "action-value", "advantage"])
    read[`row ${row}`] = numbers(`td[data-row="${row}"]`);
  return read;
})"""


class Grid(MountedLab):
    """The grid on a page of its own, and the same grid in Python."""

    def __init__(self, page: Page, **arguments: Any) -> None:
        super().__init__(page, GridLab(**arguments), LAB)

    def cell(self, name: str) -> Locator:
        return self.role("cell", CELLS.index(name))

    def trait(self, name: str) -> Any:
        return self.page.evaluate("(name) => window.lab.get(name)", name)

    def text(self, role: str) -> str:
        return self.role(role).inner_text()


def test_the_mathematics_is_pythons(page: Page) -> None:
    grid = Grid(page)
    rng = np.random.default_rng(7)
    settings = [
        {
            "logits": rng.uniform(-spread, spread, ENTRIES).tolist(),
            "discount": discount,
            "selected": str(rng.choice(DECISIONS)),
            "action": str(rng.choice(ACTIONS)),
        }
        for spread in (0.1, 2.0, 10.0)
        for discount in (0.5, 0.9, 0.99)
        for _ in range(8)
    ]
    for setting, seen in zip(settings, page.evaluate(READ, settings), strict=True):
        for name, value in setting.items():
            setattr(grid.twin, name, value)
        s, a = CELLS.index(str(setting["selected"])), ACTIONS.index(str(setting["action"]))
        world, values = grid.twin.mdp(), grid.twin.state_values()
        live = [CELLS.index(name) for name in DECISIONS]
        Q, A, pi = grid.twin.action_values(), grid.twin.advantages(), grid.twin.probabilities()
        wanted: dict[str, Any] = {
            "value": values[live],
            "arrow": pi[live].ravel(),
            "bar": A[s],
            "action-value": Q[s, a : a + 1],
            "advantage": A[s, a : a + 1],
            "mean": [0.0],
            "performance": [grid.twin.performance()],
            "row pi": pi[s],
            "row reward": world.rewards[s],
            "row next-value": world.transitions[s] @ values,
            "row action-value": Q[s],
            "row advantage": A[s],
        }
        wanted["value"] = [*wanted["value"], values[s]]  # the cell's, then the one below the table
        # V = (1 − γ P)⁻¹ r: the error that solving may make grows with 2 / (1 − γ)
        limit = 1e-12 * max(1.0, 0.2 / (1 - float(str(setting["discount"]))))
        for name, value in wanted.items():
            np.testing.assert_allclose(seen[name], value, rtol=limit, atol=limit, err_msg=f"{name}, {setting}")


def test_mouse(page: Page) -> None:
    grid = Grid(page)
    grid.cell("b3").click()
    assert grid.trait("selected") == "b3"
    assert grid.cell("b3").get_attribute("aria-checked") == "true"
    assert grid.cell("a1").get_attribute("aria-checked") == "false"
    said = grid.text("sentence")
    assert "best move is right, A = +2.68" in said
    assert "lower than another’s: −2 against −1" in said
    assert "Nothing has moved yet" in said
    grid.role("column", 1).hover()
    assert grid.text("move-name") == "right goes to c3", "pointing shows a move"
    assert grid.trait("action") == "up", "and does not choose it"
    page.mouse.move(5, 5)
    assert grid.text("move-name") == "up stays in b3", "the chosen move did not come back"
    grid.role("move", 1).click()
    assert grid.trait("action") == "right"
    assert grid.text("action-value") == "= −2 + 0.9 × (−1.79) = −3.61"
    assert grid.text("advantage") == "= −3.61 − (−6.29) = +2.68"
    grid.role("column", 3).click()
    assert grid.trait("action") == "left"

    twin = grid.twin
    twin.selected = "b3"
    grid.role("greedy").click()
    twin.greedy_here()
    np.testing.assert_allclose(grid.trait("logits"), twin.logits, rtol=0, atol=1e-12)
    assert "π has moved in 1 of 9 cells, and V in 9 of 9" in grid.text("sentence")
    for _ in range(6):  # far enough that logits meet their limit
        grid.role("improve").click()
        twin.improve()
        np.testing.assert_allclose(grid.trait("logits"), twin.logits, rtol=0, atol=1e-10)
    assert max(twin.logits) == 10
    assert "nearly certain" in grid.text("sentence")
    grid.role("uniform").click()
    assert grid.trait("logits") == [0.0] * ENTRIES
    grid.role("logit", 2).fill("1.5")
    assert [k for k, z in enumerate(grid.trait("logits")) if z] == [4 * CELLS.index("b3") + 2]
    assert grid.trait("action") == "down"
    grid.role("discount").fill("0.5")
    assert grid.trait("discount") == 0.5
    assert "γ from 0.9 to 0.5" in grid.text("sentence")
    grid.role("reset").click()
    assert (grid.trait("logits"), grid.trait("discount")) == (twin.initial_logits, 0.9)
    assert "Nothing has moved yet" in grid.text("sentence")
    page.evaluate("window.unmount()")


@pytest.mark.parametrize("context_options", [{"viewport": {"width": 390, "height": 800}, "has_touch": True}])
def test_finger(page: Page) -> None:
    grid = Grid(page)
    grid.cell("c2").tap()
    assert grid.trait("selected") == "c2"
    grid.role("move", 1).tap()
    assert grid.text("move-name") == "right goes to d2, the trap"
    grid.role("logit", 0).tap(position={"x": 2, "y": 5})
    assert grid.trait("logits")[4 * CELLS.index("c2")] < -9, "the left end of the slider"


def test_keys_names_and_the_live_region(page: Page) -> None:
    grid = Grid(page)
    seen = []
    page.keyboard.press("Tab")
    for _ in range(20):
        role, name, inside = page.evaluate(
            """() => {
              const node = document.activeElement;
              const name = node.getAttribute("aria-label") || node.labels?.[0]?.textContent || node.textContent;
              return [node.dataset.role, name, !!node.closest(".pgc-lab")];
            }"""
        )
        if not inside:
            break
        assert name.strip(), role
        seen.append(role)
        page.keyboard.press("Tab")
    assert seen == ["cell", *["move", "logit"] * 4, "greedy", "improve", "uniform", "reset", "discount"]
    grid.cell("a1").focus()
    moves = [("ArrowRight", "b1"), ("ArrowUp", "b3"), ("ArrowRight", "c3"), ("ArrowRight", "c3"), ("ArrowDown", "c2")]
    for key, place in [
        *moves,
        ("End", "d1"),
        ("ArrowUp", "d1"),
        ("ArrowLeft", "c1"),
        ("Home", "a3"),
        ("ArrowLeft", "a3"),
    ]:
        page.keyboard.press(key)
        assert grid.trait("selected") == place, key
        assert page.evaluate("Number(document.activeElement.dataset.index)") == CELLS.index(place), "the focus stayed"
    grid.role("move", 2).focus()
    page.keyboard.press("Enter")
    assert grid.trait("action") == "down"
    grid.role("logit", 1).focus()
    page.keyboard.press("ArrowRight")
    assert grid.trait("logits")[1] == pytest.approx(0.1)
    grid.role("discount").focus()
    page.keyboard.press("ArrowLeft")
    assert grid.trait("discount") == pytest.approx(0.89)
    for role in ("greedy", "improve"):
        before = grid.trait("logits")
        grid.role(role).focus()
        page.keyboard.press("Space")
        assert grid.trait("logits") != before, role
    page.wait_for_timeout(500)
    spoken = grid.role("live").text_content() or ""
    assert spoken.startswith("a3: V is ")
    assert "V in 9 of 9" in spoken
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert grid.trait("logits") == [0.0] * ENTRIES


STICKS_OUT = """() => {
  const root = document.querySelector(".pgc-lab"), frame = root.getBoundingClientRect(), faults = [];
  if (frame.width > 720) faults.push("wider than 720 px");
  if (document.documentElement.scrollWidth > innerWidth) faults.push("the page scrolls sideways");
  const visible = (n, b) => b.width > 1 && b.height > 0 && getComputedStyle(n).visibility !== "hidden";
  const shared = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]) > 1;
  const overlap = (a, b) => shared(a, b, "left", "right") && shared(a, b, "top", "bottom");
  const boxes = (selector) => [...root.querySelectorAll(selector)]
    .map((n) => [n.textContent.slice(0, 24), n.getBoundingClientRect(), n]).filter(([_, b, n]) => visible(n, b));
  for (const [text, b, n] of boxes("*"))
    if (b.left < frame.left - 1 || b.right > frame.right + 1) faults.push(`${n.tagName} “${text}” sticks out`);
  for (const n of root.querySelectorAll("td, th, button, p, .pgc-totals span, .pgc-equation span"))
    if (n.scrollWidth > n.clientWidth + 1 && n.clientWidth > 0) faults.push(`“${n.textContent}” is cut`);
  for (const selector of ["svg text", "td, th", ".pgc-controls > *", ".pgc-totals > *"]) {
    const all = boxes(selector);
    all.forEach(([one, a], i) => all.slice(i + 1).forEach(([two, b]) => {
      if (overlap(a, b)) faults.push(`“${one}” and “${two}” overlap`);
    }));
  }
  const texts = boxes(".pgc-world text");
  for (const [_, a, arrow] of boxes('[data-role="arrow"]'))
    for (const [text, b] of texts) {
      const ink = {left: b.left, right: b.right, top: b.top + 4, bottom: b.bottom - 4};
      if (overlap(a, ink)) faults.push(`arrow ${arrow.dataset.index} runs over “${text}”`);
    }
  return faults;
}"""


@pytest.mark.parametrize("width", [1280, 720, 390, 302])  # 302: what a phone leaves a lab in JupyterLab
def test_layout_and_axe(page: Page, shots: Path, width: int) -> None:
    grid = Grid(page)
    page.set_viewport_size({"width": width, "height": 1000})
    shots.mkdir(parents=True, exist_ok=True)
    greedy = [10.0 if k % 4 == 1 else 0.0 for k in range(ENTRIES)]
    endless = [10.0 if k % 4 == 3 else -10.0 for k in range(ENTRIES)]
    settings: dict[str, dict[str, Any]] = {
        "start": {},
        "toll": {"selected": "b3", "action": "right"},
        "greedy": {"logits": greedy, "selected": "c2", "action": "up"},
        "endless": {"logits": endless, "discount": 0.99, "selected": "d1", "action": "up"},
    }
    grid.twin.improve()
    grid.twin.improve()
    settings["improved"] = {"logits": grid.twin.logits, "discount": 0.9, "selected": "b3", "action": "right"}
    for name, setting in settings.items():
        page.evaluate(READ, [setting])
        page.wait_for_timeout(60)
        grid.root.screenshot(path=shots / f"grid_{width}_{name}.png")
        assert page.evaluate(STICKS_OUT) == [], name
    if width in (1280, 390):
        violations = Axe().run(page, context=LAB).response["violations"]
        assert [v["id"] for v in violations if v["impact"] in ("serious", "critical")] == []


def test_next_to_no_room_draws_nothing_negative(page: Page) -> None:
    """A side bar leaves 34 px: the page fixture fails on what the console says."""
    grid = Grid(page)
    for width in (60, 34, 20, 200, 720):
        page.set_viewport_size({"width": width, "height": 600})
        page.wait_for_timeout(60)
    assert grid.root.is_visible()


def test_in_jupyterlab_the_kernel_and_the_picture_are_one(open_cells: Callable[..., Any]) -> None:
    notebook = open_cells("from course_utils.widgets import GridLab\ngrid = GridLab()\ngrid")
    root = notebook.page.locator(LAB)
    root.wait_for()
    notebook.scroll_to(root)
    root.locator(f'[data-role="cell"][data-index="{CELLS.index("b3")}"]').click()
    notebook.wait_for_kernel("grid.selected", lambda selected: selected == "b3")
    root.locator('[data-role="greedy"]').click()
    notebook.wait_for_kernel("grid.logits", lambda logits: logits[4 * CELLS.index("b3") + 1] == 3)
    seen = f"""[...document.querySelectorAll('{LAB} svg [data-role="value"]')].map((n) => Number(n.dataset.value))"""
    live = [CELLS.index(name) for name in DECISIONS]
    for code in ("pass", "grid.discount = 0.6", "grid.improve()", "grid.reset()"):
        notebook.execute(code)
        wanted = notebook.kernel_value(f"grid.state_values()[{live}].tolist()")
        notebook.wait_for_page(seen, lambda values, want=wanted: np.allclose(values, want, rtol=0, atol=1e-11))


OFFLINE = """async ([source, state]) => {
  const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  document.querySelector("main").replaceChildren();
  return module.mount(document.querySelector("main"), state) !== null;
}"""


def test_without_python_it_lives_and_takes_no_broken_state(page: Page) -> None:
    source, state = labextension.lab_module("grid_lab"), offline.stored(GridLab(selected="b3"))["state"]
    page.set_content('<html lang="en"><body><main></main></body></html>')
    broken: list[dict[str, Any]] = [
        {"logits": [0.0] * 47},
        {"logits": [0.0] * 47 + [11.0]},
        {"discount": 1.0},
        {"discount": 0.4},
        {"selected": "d3"},
        {"selected": "<img src=x onerror=alert(1)>"},
        {"action": "jump"},
        {"formulas": {"mean": "<img src=x onerror=alert(1)>"}},
    ]
    for values in broken:
        assert not page.evaluate(OFFLINE, [source, state | values]), values
        assert page.locator("main *").count() == 0
    assert page.evaluate(OFFLINE, [source, state])
    root = page.locator(LAB)
    root.locator('[data-role="improve"]').click()
    assert "π has moved in 9 of 9 cells, and V in 9 of 9" in root.locator('[data-role="sentence"]').inner_text()
    assert root.locator(".pgc-totals svg").count() == 3, "the formulas come from the package"
