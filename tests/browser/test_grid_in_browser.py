"""The grid lab in Chromium: its mathematics against Python's, what its controls do, keys, words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mounted_lab import MountedLab, assert_close
from playwright.sync_api import Page

from course_utils.widgets import GridLab
from course_utils.widgets.grid_lab import ACTIONS, CELLS, DECISIONS, ENTRIES

pytestmark = pytest.mark.browser

SAYS = """Object.fromEntries([
  ...["value", "arrow", "bar", "action-value", "advantage", "mean", "performance"].map((name) => [name, role(name)]),
  ...["pi", "reward", "next-value", "action-value", "advantage"].map((name) => [`row ${name}`, row(name)]),
])"""


def test_the_mathematics_is_pythons(page: Page) -> None:
    grid = MountedLab(page, GridLab(), SAYS)
    rng = np.random.default_rng(7)
    settings: list[dict[str, Any]] = [
        {"logits": rng.uniform(-spread, spread, ENTRIES).tolist(), "discount": discount}
        | {"selected": str(rng.choice(DECISIONS)), "action": str(rng.choice(ACTIONS))}
        for spread in (0.1, 2.0, 10.0)
        for discount in (0.5, 0.9, 0.99)
        for _ in range(8)
    ]
    for setting, seen in grid.beside(settings):
        s, a = CELLS.index(setting["selected"]), ACTIONS.index(setting["action"])
        world, values = grid.twin.mdp(), grid.twin.state_values()
        live = [CELLS.index(name) for name in DECISIONS]
        Q, A, pi = grid.twin.action_values(), grid.twin.advantages(), grid.twin.probabilities()
        wanted: dict[str, Any] = {
            "value": [*values[live], values[s]],  # the cell's, then the one below the table
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
        # V = (1 − γ P)⁻¹ r: the error that solving may make grows with 2 / (1 − γ)
        assert_close(seen, wanted, setting, 1e-12 * max(1.0, 0.2 / (1 - setting["discount"])))


def test_mouse(page: Page) -> None:
    grid = MountedLab(page, GridLab(), SAYS)
    grid.use("cell", index=CELLS.index("b3"), selected="b3")
    checked = [grid.role("cell", CELLS.index(name)).get_attribute("aria-checked") for name in ("b3", "a1")]
    assert checked == ["true", "false"]
    said = grid.text("sentence")
    assert "best move is right, A = +2.68" in said
    assert "lower than another’s: −2 against −1" in said
    assert "Nothing has moved yet" in said
    grid.role("column", 1).hover()
    assert grid.text("move-name") == "right goes to c3", "pointing shows a move"
    assert grid.trait("action") == "up", "and does not choose it"
    page.mouse.move(5, 5)
    assert grid.text("move-name") == "up stays in b3", "the chosen move did not come back"
    grid.use("move", index=1, action="right")
    assert grid.text("action-value") == "= −2 + 0.9 × (−1.79) = −3.61"
    assert grid.text("advantage") == "= −3.61 − (−6.29) = +2.68"
    grid.use("column", index=3, action="left")

    twin = grid.twin
    twin.selected = "b3"
    grid.click("greedy")
    twin.greedy_here()
    np.testing.assert_allclose(grid.trait("logits"), twin.logits, rtol=0, atol=1e-12)
    assert "π has moved in 1 of 9 cells, and V in 9 of 9" in grid.text("sentence")
    for _ in range(6):  # far enough that logits meet their limit
        grid.click("improve")
        twin.improve()
        np.testing.assert_allclose(grid.trait("logits"), twin.logits, rtol=0, atol=1e-10)
    assert max(twin.logits) == 10
    assert "nearly certain" in grid.text("sentence")
    grid.use("uniform", logits=[0.0] * ENTRIES)
    grid.role("logit", 2).fill("1.5")
    assert [k for k, z in enumerate(grid.trait("logits")) if z] == [4 * CELLS.index("b3") + 2]
    assert grid.trait("action") == "down"
    grid.use("discount", "0.5", discount=0.5)
    assert "γ from 0.9 to 0.5" in grid.text("sentence")
    grid.use("reset", logits=twin.initial_logits, discount=0.9)
    assert "Nothing has moved yet" in grid.text("sentence")


def test_keys_and_the_live_region(page: Page) -> None:
    grid = MountedLab(page, GridLab(), SAYS)
    grid.role("cell", CELLS.index("a1")).focus()
    moves = [("ArrowRight", "b1"), ("ArrowUp", "b3"), ("ArrowRight", "c3"), ("ArrowRight", "c3"), ("ArrowDown", "c2")]
    moves += [("End", "d1"), ("ArrowUp", "d1"), ("ArrowLeft", "c1"), ("Home", "a3"), ("ArrowLeft", "a3")]
    for key, place in moves:
        page.keyboard.press(key)
        assert grid.trait("selected") == place, key
        assert page.evaluate("Number(document.activeElement.dataset.index)") == CELLS.index(place), "the focus stayed"
    grid.press("move", 2, "action", ("Enter", "down"))
    grid.press("logit", 1, "logits", ("ArrowRight", 0.1), ("Home", -10))
    grid.press("discount", None, "discount", ("ArrowLeft", 0.89))
    for role in ("greedy", "improve"):
        before = grid.trait("logits")
        grid.role(role).press("Space")
        assert grid.trait("logits") != before, role
    spoken = grid.spoken()
    assert spoken.startswith("a3: V is ")
    assert "V in 9 of 9" in spoken
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert grid.trait("logits") == [0.0] * ENTRIES
