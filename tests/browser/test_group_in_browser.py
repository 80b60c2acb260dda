"""The group lab in Chromium: rewards by hand, the formula of a token, the choice of methods, axes that stand still."""

from __future__ import annotations

import numpy as np
import pytest
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils.widgets import GroupLab
from course_utils.widgets.group_lab import SHOWN

pytestmark = pytest.mark.browser

# Everything that a drag must leave where it is: the axes' numbers and ticks, the policy's bars, frames.
STILL = """() => [...document.querySelectorAll(".pgc-lab svg > :is(line, rect, text)")]
  .filter((n) => !n.matches('[data-role="pi-after"], text:is([font-weight], .pgc-small)'))
  .map((n) => ["x", "y", "x1", "y1", "width", "height"].map((name) => n.getAttribute(name)).join())
  .concat([...document.querySelectorAll(".pgc-lab > *, .pgc-lab .pgc-table")].map((n) => {
    const box = n.getBoundingClientRect();
    return n.classList.contains("pgc-hidden") ? "" : `${box.left} ${box.top} ${box.width} ${box.height}`;
  }))"""


def assert_as_in_python(lab: MountedLab) -> None:
    lab.twin.set_state({name: lab.trait(name) for name in ("preset", "rewards", "offset", "step_size", "shown")})
    for role, of in (("advantage", lab.twin.advantages), ("pi-after", lab.twin.probabilities_after)):
        np.testing.assert_allclose(lab.numbers(role), np.ravel([of(name) for name in lab.twin.shown]), atol=1e-12)


def test_a_dragged_reward_moves_every_method_and_no_axis(page: Page) -> None:
    lab = MountedLab(page, GroupLab())
    assert_as_in_python(lab)
    still = page.evaluate(STILL)
    x, y = lab.grip("reward", 2)
    page.mouse.move(x, y)
    page.mouse.down()
    for right in (10, 25, 60, 40):
        page.mouse.move(x + right, y + 3, steps=2)
        assert lab.grip("reward", 2)[0] == pytest.approx(x + right, abs=1.5), "the handle is under the hand"
        assert page.evaluate(STILL) == still, "something jumped"
    page.mouse.up()
    assert lab.trait("rewards")[2] > 1
    assert_as_in_python(lab)
    lab.press("reward", 0, "rewards", ("ArrowLeft", 0.99), ("PageUp", 1.09), ("Home", -1.0), ("End", 2.0))
    assert_as_in_python(lab)
    assert "GRPO" in lab.spoken()
    lab.role("offset").press("ArrowRight")
    assert lab.trait("offset") == 1
    assert_as_in_python(lab)
    lab.click("reset")
    assert lab.traits("rewards", "offset") == [[1, 1, 0, 0], 0]


def test_the_formula_of_a_token_opens_with_its_numbers(page: Page) -> None:
    lab = MountedLab(page, GroupLab())
    names = lab.role("token").evaluate_all("marks => marks.map((mark) => mark.ariaLabel)")
    lab.role("token").nth(names.index("RLOO, reply 2, token 2, parcel: +.667")).click()
    assert lab.traits("method", "reply", "token") == ["RLOO", 1, 1]
    assert "parcel, token 2 of “sorry parcel”, under RLOO" in lab.root.inner_text()
    assert "= 1 − .333 = +.667" in lab.text("steps")
    assert "= 1, so w A = +.667" in lab.text("steps")
    page.keyboard.press("ArrowRight")  # the reply's end, then the next method
    assert lab.traits("method", "reply", "token") == ["RLOO", 1, 2]
    page.keyboard.press("ArrowRight")
    assert lab.traits("method", "reply", "token") == ["GRPO", 1, 0]
    assert "= (1 − .5) / (.577 + .0001) = +.866" in lab.text("steps")
    assert "= 1/3 = .333, so w A = +.289" in lab.text("steps")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert lab.traits("method", "reply", "token") == ["GRPO", 2, 0]
    assert lab.role("token").evaluate_all("marks => marks.filter((mark) => mark.tabIndex === 0).length") == 1
    pi, score, gradient = (np.array(lab.row(name)) for name in ("pi", "score", "gradient"))
    np.testing.assert_allclose(score, np.eye(6)[2] - pi, atol=1e-12)
    np.testing.assert_allclose(gradient, lab.twin.weights("GRPO")[2] / 4 * score, atol=1e-12)
    page.keyboard.press("End")
    assert lab.traits("method", "token") == ["DAPO", 1]


def test_groups_and_methods_are_chosen(page: Page) -> None:
    lab = MountedLab(page, GroupLab())
    for k in range(4):
        lab.click(f"show-{k}")
    assert lab.trait("shown") == ["Dr. GRPO", "DAPO"]
    assert len(lab.numbers("advantage")) == 8
    lab.click("show-4")
    lab.click("show-5")
    assert lab.trait("shown") == ["DAPO"]
    assert "At least one method" in lab.text("message")
    assert lab.role("show-5").is_checked()
    for k in range(5):
        lab.click(f"show-{k}")
    assert lab.trait("shown") == list(SHOWN)
    for preset, words in {
        "reward offset +5": "total return: of the best replies sorry parcel (−.0607) falls, of the worst bill (+.114)",
        "all right": "GRPO: all rewards are 1, so every advantage is 0",
        "nearly equal": "GRPO: the rewards are at most 0.002 apart, the advantages 2.18",
        "seven of eight": "GRPO: parcel (−.0053) falls, though none has a higher reward",
        "two right, two wrong": "GRPO: sorry parcel (+.0347) gains most, refund thanks (−.0091) loses most",
    }.items():
        lab.role("preset").select_option(preset)
        assert words in lab.text("sentence")
        assert_as_in_python(lab)


def test_it_fits_a_screen_of_1280_by_800(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    lab = MountedLab(page, GroupLab())
    for preset in ("two right, two wrong", "one of eight"):
        lab.role("preset").select_option(preset)
        assert lab.root.evaluate("root => root.getBoundingClientRect().height") < 740, preset
