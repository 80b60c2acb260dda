"""The baseline table in Chromium: answers by key, verdicts, proofs, a screen of 1280 × 800."""

from __future__ import annotations

from typing import Any

import pytest
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils.widgets import BaselineTable

pytestmark = pytest.mark.browser


@pytest.fixture
def context_options() -> dict[str, Any]:
    return {"viewport": {"width": 1280, "height": 800}}


def test_a_line_is_answered_once_and_its_proof_opens(page: Page) -> None:
    lab = MountedLab(page, BaselineTable())
    assert "Right" not in lab.root.inner_text()
    assert lab.row("taken") == []
    lab.role("biased", 0).focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.role") == "biased", "the focus stays"
    assert lab.text("sentence").startswith("No: it is not biased. Given the state, b is the same")
    assert lab.row("taken") == pytest.approx([0, 0, 0], abs=1e-12)
    lab.click("not-biased", 0)
    assert lab.trait("answers")[0] == 2, "the answer stands"
    lab.click("biased", 7)
    assert lab.text("sentence").startswith("Right: it is biased. Half of b")
    lab.twin.selected = 7
    assert lab.row("gradient") == pytest.approx(lab.twin.proof().gradient, abs=1e-12)
    lab.click("show", 2)
    assert lab.text("sentence").startswith("It is not biased.")
    assert lab.text("count") == "1 of 3 answered right."
    lab.click("show", 7)
    assert lab.trait("answers") == [2, 0, 3, 0, 0, 0, 0, 2]
    assert lab.text("sentence").startswith("Right")
    assert lab.root.evaluate("root => root.getBoundingClientRect().height") < 740
    lab.click("reset")
    assert lab.trait("answers") == [0] * 8
