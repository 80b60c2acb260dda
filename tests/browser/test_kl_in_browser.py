"""The KL lab in Chromium: bars, dial and keys, axes that stand still, its words, a screen of 1280 × 800."""

from __future__ import annotations

from typing import Any

import pytest
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils.widgets import KLLab

pytestmark = pytest.mark.browser

# What a drag of a bar must leave where it is: every axis and its numbers, the frames.
STILL = """() => [...document.querySelectorAll(".pgc-lab svg > :is(line, text)")]
  .filter((n) => !n.matches("[font-weight], .pgc-event, .pgc-small"))
  .map((n) => n.textContent + ["x", "y", "x1", "y1"].map((name) => n.getAttribute(name)).join())
  .concat([...document.querySelectorAll(".pgc-lab > :not(.pgc-hidden), .pgc-panel > svg")].map((n) => {
    const box = n.getBoundingClientRect();
    return `${box.left} ${box.top} ${box.width} ${box.height}`;
  }))"""


@pytest.fixture
def context_options() -> dict[str, Any]:
    return {"viewport": {"width": 1280, "height": 800}}


def test_bars_dial_and_words(page: Page) -> None:
    lab = MountedLab(page, KLLab())
    assert lab.root.evaluate("root => root.getBoundingClientRect().height") < 740
    assert lab.text("sentence").startswith(
        "k₁ is below 0 in 33 of 100 samples: π takes replace and apologise less often"
    )
    x, y = lab.grip("pi", 3)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 1)
    still = page.evaluate(STILL)
    for up in (20, 60, 90):
        page.mouse.move(x + 2, y - up)
        assert abs(lab.grip("pi", 3)[1] - (y - up)) < 2, "the handle is under the hand"
        moved = [now for now, before in zip(page.evaluate(STILL), still, strict=True) if now != before]
        assert len(moved) <= 4, f"more than the lines of the exact KL and of three errors moved: {moved}"
    page.mouse.up()
    lab.twin.logits = lab.trait("logits")
    assert lab.numbers("kl") == pytest.approx([lab.twin.kl()], abs=1e-12)
    lab.click("to-reference")
    assert lab.text("sentence").startswith("π is the reference: both KLs are 0")
    lab.role("adaptive").check()
    lab.press("updates", None, "updates", ("ArrowRight", 1), ("PageUp", 51), ("End", 600), ("Home", 0))
    lab.click("ten-updates")
    assert lab.trait("updates") == 10
    lab.set(updates=600)
    assert "π is the best policy at this β." in lab.text("sentence")
    assert lab.numbers("kl") == pytest.approx([0.1], abs=2e-3)
    assert "Adaptive β" in lab.spoken()
    lab.press("pi", 0, "updates", ("ArrowUp", 0))
    lab.press("reward", 3, "rewards", ("PageDown", -2.0), ("ArrowUp", -1.9))
    lab.click("reset")
    assert lab.traits("adaptive", "updates", "rewards") == [False, 0, [1, 0.5, 0, -1]]
