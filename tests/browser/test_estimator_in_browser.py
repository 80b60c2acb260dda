"""The estimator explorer in Chromium: its mathematics against Python's, hands and keys, layout, and JupyterLab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils.widgets import EstimatorExplorer

pytestmark = pytest.mark.browser
Open = Callable[..., Any]


SAYS = """{
  pi: role("pi"), reward: role("reward"), exact: role("exact"),
  score: role("score-mark"), difference: role("difference-mark"),
  score_error: row("score-error"), difference_error: row("difference-error"), bias: row("difference-bias"),
  score_expected: role("score-expected-error"), difference_expected: role("difference-expected-error"),
  score_squared: role("score-squared-error"), difference_squared: role("difference-squared-error"),
}"""


class Explorer(MountedLab):
    def __init__(self, page: Page, **setting: Any) -> None:
        super().__init__(page, EstimatorExplorer(**setting), SAYS)

    def slide(self, role: str, place: int) -> None:
        self.role(role).evaluate(
            "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", place
        )

    def drag_down(self, role: str, index: int, down: float) -> None:
        """Drag a handle: it must stay under the hand."""
        _, y = self.grip(role, index)
        self.drag(role, index, 1, down)
        assert self.grip(role, index)[1] == pytest.approx(y + down, abs=1.5)


@pytest.fixture
def context_options() -> dict[str, Any]:
    return {"viewport": {"width": 800, "height": 1100}}


def random_settings(rng: np.random.Generator, how_many: int) -> list[dict[str, Any]]:
    return [
        {
            "logits": np.clip(rng.choice([0.5, 3.0]) * rng.normal(size=3), -8, 8).tolist(),
            "quantities": np.clip(rng.choice([0.4, 4.0]) * rng.normal(size=3), -10, 10).tolist(),
            "reward_kind": str(rng.choice(["number", "step", "thumb"])),
            "samples": int(np.exp(rng.uniform(0, np.log(1_000)))),
            "h": float(np.exp(rng.uniform(np.log(0.01), np.log(3)))),
            "seed": int(rng.integers(2**32)),
            "draw": int(rng.integers(5)),
        }
        for _ in range(how_many)
    ]


def test_the_mathematics_is_pythons(page: Page) -> None:
    """60 random settings, to 1e-12 of the size of the numbers (finite differences are divided by 2h)."""
    explorer = Explorer(page)
    settings = random_settings(np.random.default_rng(33), 60)
    settings.append({"samples": 10_000, "h": 0.5})
    for setting, seen in explorer.beside(settings):
        lab = explorer.twin
        size = max(1.0, float(np.abs(lab.rewards).max()))

        def equal(name: str, wanted: Any, scale: float, seen: Any = seen, setting: Any = setting) -> None:
            np.testing.assert_allclose(
                seen[name], np.ravel(wanted), rtol=1e-12, atol=1e-12 * scale, err_msg=f"{name}, {setting}"
            )

        equal("reward", lab.rewards, 1)
        equal("exact", lab.exact_gradient(), size)
        score, difference = lab.score_function(), lab.finite_differences()
        equal("score", score.batches.T, size)
        # A variance is a difference of squares: its root carries the root of their rounding error.
        np.testing.assert_allclose(np.square(seen["score_error"]), score.error**2, rtol=1e-9, atol=1e-12 * size**2)
        equal("score_squared", score.squared_error, size**2)
        equal("score_expected", score.expected_squared_error, size**2)
        if difference is None:
            assert seen["difference_error"] == [None] * 3
            continue
        wide = size / lab.h
        equal("difference", difference.batches.T, wide)
        equal("bias", difference.mean - lab.exact_gradient(), wide)
        np.testing.assert_allclose(
            np.square(seen["difference_error"]), difference.error**2, rtol=1e-9, atol=1e-12 * wide**2
        )
        equal("difference_squared", difference.squared_error, wide**2)
        equal("difference_expected", difference.expected_squared_error, wide**2)


def test_hands(page: Page) -> None:
    explorer = Explorer(page)
    before = explorer.trait("logits")
    explorer.drag_down("logit", 1, -40)
    after = explorer.trait("logits")
    assert after[1] > before[1]
    assert [after[0], after[2]] == [before[0], before[2]], "another logit moved"
    explorer.drag_down("quantity", 0, 30)
    assert explorer.trait("quantities")[0] < 2
    explorer.role("reward-kind").select_option("step")
    moved = explorer.trait("quantities")[0]
    assert float(explorer.role("reward", 0).get_attribute("data-value") or "nan") == np.floor(moved)
    explorer.type_into("logit-input", "1,5", 2)
    assert explorer.trait("logits")[2] == 1.5
    for wrong in ("abc", "", "99", "NaN"):
        explorer.type_into("quantity-input", wrong, 1)
        assert explorer.role("message").is_visible(), f"took {wrong!r}"
    assert explorer.trait("quantities")[1] == 1
    explorer.role("draw-again").click()
    assert explorer.trait("draw") == 1
    assert not explorer.role("message").is_visible(), "the message outlived its cause"
    explorer.slide("samples", 2)
    assert explorer.trait("samples") == 5
    assert "at least 6" in explorer.role("sentence").inner_text()
    explorer.slide("samples", 12)
    explorer.slide("h", 7)
    assert [explorer.trait("samples"), explorer.trait("h")] == [10_000, 2]
    assert "Bias" in explorer.role("sentence").inner_text()
    explorer.role("differences").uncheck()
    assert not explorer.role("h").is_visible()
    assert explorer.role("difference-mark").first.is_hidden()
    explorer.role("reset").click()
    assert [explorer.trait("logits"), explorer.trait("quantities")] == [before, [2, 1, -1]]


def test_keys_and_the_live_region(page: Page) -> None:
    explorer = Explorer(page, actions=["refund", "replace", "apologise"])
    keys = [("Home", -8), ("End", 8), *[("PageDown", k) for k in range(7, -1, -1)]]
    explorer.press("logit", 2, "logits", *keys, ("ArrowUp", 0.1), ("Shift+ArrowUp", 1.1), ("ArrowDown", 1.0))
    assert explorer.role("logit", 2).get_attribute("aria-valuetext") == "1, probability 0.77"
    explorer.press("samples", None, "samples", ("ArrowRight", 200))
    spoken = explorer.spoken()
    assert "Exact gradient: refund" in spoken
    assert "m = 200" in spoken


def test_more_samples_close_in(page: Page) -> None:
    """What the lesson says to watch: the marks of m = 10,000 lie nearer than those of m = 10, for both kinds.

    The mean over 8 batches falls 1,000-fold on average; that it should not fall at all has a chance below 1e-9.
    """
    explorer = Explorer(page, seed=9)
    few, many = (explorer.read(samples=m) for m in (10, 10_000))
    for name in ("score_squared", "difference_squared"):
        assert np.mean(many[name]) < np.mean(few[name])
    assert explorer.root.is_visible()
