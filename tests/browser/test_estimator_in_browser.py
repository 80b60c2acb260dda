"""The estimator explorer in Chromium: its mathematics against Python's, what its controls do, keys, words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils.widgets import EstimatorExplorer

pytestmark = pytest.mark.browser
SAYS = """{
  pi: role("pi"), reward: role("reward"), exact: role("exact"),
  score: role("score-mark"), difference: role("difference-mark"),
  score_error: row("score-error"), difference_error: row("difference-error"), bias: row("difference-bias"),
  score_expected: role("score-expected-error"), difference_expected: role("difference-expected-error"),
  score_squared: role("score-squared-error"), difference_squared: role("difference-squared-error"),
}"""


def test_the_mathematics_is_pythons(page: Page) -> None:
    """60 random settings, to 1e-12 of the size of the numbers (finite differences are divided by 2h)."""
    explorer, rng = MountedLab(page, EstimatorExplorer(), SAYS), np.random.default_rng(33)
    settings: list[dict[str, Any]] = [
        {
            "logits": np.clip(rng.choice([0.5, 3.0]) * rng.normal(size=3), -8, 8).tolist(),
            "quantities": np.clip(rng.choice([0.4, 4.0]) * rng.normal(size=3), -10, 10).tolist(),
            "reward_kind": str(rng.choice(["number", "step", "thumb"])),
            "samples": int(np.exp(rng.uniform(0, np.log(1_000)))),
            "h": float(np.exp(rng.uniform(np.log(0.01), np.log(3)))),
        }
        | {"seed": int(rng.integers(2**32)), "draw": int(rng.integers(5))}
        for _ in range(60)
    ]
    for setting, seen in explorer.beside([*settings, {"samples": 10_000, "h": 0.5}]):
        lab = explorer.twin
        exact, score, difference = lab.exact_gradient(), lab.score_function(), lab.finite_differences()
        size = max(1.0, float(np.abs(lab.rewards).max()))
        wanted = {"reward": (lab.rewards, 1), "exact": (exact, size), "score": (score.batches.T, size)}
        estimates = [("score", score, size)]
        if difference is None:
            assert seen["difference_error"] == [None] * 3
        else:
            wide = size / lab.h
            wanted |= {"difference": (difference.batches.T, wide), "bias": (difference.mean - exact, wide)}
            estimates.append(("difference", difference, wide))
        for kind, of, scale in estimates:
            wanted[f"{kind}_squared"] = of.squared_error, scale**2
            wanted[f"{kind}_expected"] = of.expected_squared_error, scale**2
            # A variance is a difference of squares: its root carries the root of their rounding error.
            squared = np.square(seen[f"{kind}_error"])
            np.testing.assert_allclose(squared, of.error**2, rtol=1e-9, atol=1e-12 * scale**2)
        for name, (value, scale) in wanted.items():
            said = f"{name}, {setting}"
            np.testing.assert_allclose(seen[name], np.ravel(value), rtol=1e-12, atol=1e-12 * scale, err_msg=said)


def test_hands(page: Page) -> None:
    explorer = MountedLab(page, EstimatorExplorer())
    before = explorer.trait("logits")
    explorer.drag("logit", 1, 1, -40)
    after = explorer.trait("logits")
    assert after[1] > before[1]
    assert [after[0], after[2]] == [before[0], before[2]], "another logit moved"
    explorer.drag("quantity", 0, 1, 30)
    moved = explorer.trait("quantities")[0]
    assert moved < 2
    explorer.role("reward-kind").select_option("step")
    assert explorer.numbers("reward")[0] == np.floor(moved)
    explorer.type_into("logit-input", "1,5", 2)
    assert explorer.trait("logits")[2] == 1.5
    for wrong in ("abc", "", "99", "NaN"):
        explorer.type_into("quantity-input", wrong, 1)
        assert explorer.role("message").is_visible(), f"took {wrong!r}"
    assert explorer.trait("quantities")[1] == 1
    explorer.click("draw-again")
    assert explorer.trait("draw") == 1
    assert not explorer.role("message").is_visible(), "the message outlived its cause"
    explorer.role("samples").fill("2")
    assert explorer.trait("samples") == 5
    assert "at least 6" in explorer.text("sentence")
    explorer.role("samples").fill("12")
    explorer.role("h").fill("7")
    assert explorer.traits("samples", "h") == [10_000, 2]
    assert "Bias" in explorer.text("sentence")
    explorer.role("differences").uncheck()
    assert not explorer.role("h").is_visible()
    assert explorer.role("difference-mark").first.is_hidden()
    explorer.click("reset")
    assert explorer.traits("logits", "quantities") == [before, [2, 1, -1]]


def test_keys_and_the_live_region(page: Page) -> None:
    explorer = MountedLab(page, EstimatorExplorer(actions=["refund", "replace", "apologise"]))
    keys = [("Home", -8), ("PageDown", -8), ("End", 8), ("PageDown", 7), ("ArrowUp", 7.1), ("Shift+ArrowUp", 8)]
    explorer.press("logit", 2, "logits", *keys, ("ArrowDown", 7.9))
    explorer.type_into("logit-input", "1", 2)
    assert explorer.role("logit", 2).get_attribute("aria-valuetext") == "1, probability 0.77"
    explorer.press("samples", None, "samples", ("ArrowRight", 200))
    spoken = explorer.spoken()
    assert "Exact gradient: refund" in spoken
    assert "m = 200" in spoken


def test_more_samples_close_in(page: Page) -> None:
    """What the lesson says to watch: the marks of m = 10,000 lie nearer than those of m = 10, for both kinds.

    The mean over 8 batches falls 1,000-fold on average; that it should not fall at all has a chance below 1e-9.
    """
    explorer = MountedLab(page, EstimatorExplorer(seed=9), SAYS)
    few, many = (explorer.read(samples=m) for m in (10, 10_000))
    for name in ("score_squared", "difference_squared"):
        assert np.mean(many[name]) < np.mean(few[name])
