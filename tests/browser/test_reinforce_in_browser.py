"""The REINFORCE lab in Chromium: it runs, pauses and begins anew; its words."""

from __future__ import annotations

import pytest
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils.widgets import ReinforceLab

pytestmark = pytest.mark.browser


def test_it_runs_and_pauses_and_a_new_setting_begins_anew(page: Page) -> None:
    lab = MountedLab(page, ReinforceLab())
    assert "begin at π(right) = .05, where J = −62.1. The best possible is −11.7" in lab.text("sentence")
    lab.click("run")
    page.wait_for_function("window.lab.get('updates') > 3")
    assert lab.text("run") == "pause"
    lab.click("run")
    done = lab.trait("updates")
    page.wait_for_timeout(100)
    assert lab.trait("updates") == done
    assert lab.text("run") == "run"
    lab.use("one-update", updates=done + 1)
    lab.twin.updates = done + 1
    exact = lab.twin.runs()
    assert sorted(lab.numbers("run-j")) == pytest.approx(sorted(exact.performances[:, -1]), rel=1e-12)
    assert lab.row("J") == pytest.approx([exact.performances[0, -1], exact.performances[:, -1].mean()], rel=1e-12)
    assert lab.row("batch")[0] == pytest.approx(exact.mean_returns[0, -1], rel=1e-12)
    lab.set(updates=199)
    lab.click("run")  # to the end, where it stops by itself
    page.wait_for_function("window.lab.get('updates') === 200")
    assert lab.text("run") == "run"
    lab.press("step-size", None, "step_size", ("ArrowRight", 2.0**-8), ("ArrowLeft", 2.0**-9))
    assert lab.trait("updates") == 0
    lab.role("sign").select_option("minus")
    lab.set(updates=40)
    assert lab.text("sentence").startswith("With a minus sign the steps go downhill on average.")
    assert lab.row("J")[1] < -85
    lab.set(step_size=2.0**-3, samples=1, sign="plus")
    assert "runs have collapsed" in lab.text("sentence")
    lab.use("reset", step_size=2.0**-9, samples=10, updates=0)
