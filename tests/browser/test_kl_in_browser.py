"""The KL lab in Chromium: bars, dial, keys and words."""

from __future__ import annotations

import pytest
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils.widgets import KLLab

pytestmark = pytest.mark.browser


def test_bars_dial_and_words(page: Page) -> None:
    lab = MountedLab(page, KLLab())
    assert lab.text("sentence").startswith(
        "k₁ is below 0 in 33 of 100 samples: π takes replace and apologise less often"
    )
    lab.drag("pi", 3, 2, -90)
    lab.twin.logits = lab.trait("logits")
    assert lab.numbers("kl") == pytest.approx([lab.twin.kl()], abs=1e-12)
    lab.click("to-reference")
    assert lab.text("sentence").startswith("π is the reference: both KLs are 0")
    lab.role("adaptive").check()
    lab.press("updates", None, "updates", ("ArrowRight", 1), ("PageUp", 51), ("End", 600), ("Home", 0))
    lab.use("ten-updates", updates=10)
    lab.set(updates=600)
    assert "π is the best policy at this β." in lab.text("sentence")
    assert lab.numbers("kl") == pytest.approx([0.1], abs=2e-3)
    assert "Adaptive β" in lab.spoken()
    lab.press("pi", 0, "updates", ("ArrowUp", 0))
    lab.press("reward", 3, "rewards", ("PageDown", -2.0), ("ArrowUp", -1.9))
    lab.use("reset", adaptive=False, updates=0, rewards=[1, 0.5, 0, -1])
