"""The baseline lab and the baseline table in Chromium: mathematics against Python's, what controls do, keys, words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mounted_lab import MountedLab, assert_close
from playwright.sync_api import Page

from course_utils.widgets import BaselineLab, BaselineTable

pytestmark = pytest.mark.browser

SAYS = """{
  pi: role("pi"), weights: role("weight"), levels: role("level"), heaps: role("heap"), counts: role("heap", "count"),
  marks: role("mark"), places: role("mark", "at"), now: numbers('[data-role="baseline"] .pgc-handle'),
  sd: role("deviation"), centre: role("mean"), exact: role("exact"), average: role("average"),
  table_baseline: row("baseline"), table_variance: row("variance"), table_ratio: row("ratio"),
  table_weight: row("weight"), table_exact: row("exact"), table_mean: row("mean"), table_bias: row("bias"),
}"""


def test_the_mathematics_is_pythons(page: Page) -> None:
    """Random settings, to 1e-12 of the size of the numbers."""
    hand = MountedLab(page, BaselineLab(), SAYS)
    lab = hand.twin
    rng = np.random.default_rng(6)
    settings = [
        {
            "rewards": (rng.choice([0.3, 5.0, 20.0]) * rng.uniform(-1, 1, 3)).tolist(),
            "logits": (rng.choice([1.0, 8.0]) * rng.uniform(-1, 1, 3)).tolist(),
            "baseline": float(rng.uniform(-20, 20)),
            "action_dependence": float(rng.choice([0.0, 1.0, rng.uniform()])),
        }
        | {"component": int(rng.integers(3)), "samples": int(rng.integers(1, 400))}
        | {"seed": int(rng.integers(2**32)), "draw": int(rng.integers(4))}
        for _ in range(60)
    ]
    for setting, seen in hand.beside(settings):
        k = lab.component
        baselines = [0.0, lab.value(), lab.best_baseline()]
        variances = [lab.variance(b, 0) for b in baselines]
        here = [lab.variance(), *variances]
        wanted: dict[str, Any] = {
            "pi": lab.probabilities(),
            "weights": lab.weights(),
            "levels": np.array(lab.rewards) - lab.weights(),
            "heaps": lab.weights() * (np.eye(3) - lab.probabilities())[:, k],
            "counts": np.bincount(lab.drawn_actions(), minlength=3),
            "marks": variances,
            "places": baselines,
            "now": [lab.variance()],
            "sd": [lab.deviations()[k]],
            "centre": [lab.mean_estimate()[k]],
            "exact": [lab.exact_gradient()[k]],
            "average": [lab.estimates()[:, k].mean()],
            "table_baseline": [lab.baseline, *baselines],
            "table_variance": here,
            "table_ratio": np.array(here) / variances[0],
            "table_weight": lab.weights(),
            "table_exact": lab.exact_gradient(),
            "table_mean": lab.mean_estimate(),
            "table_bias": lab.bias(),
        }
        assert wanted.keys() == seen.keys()
        assert_close(seen, wanted, setting)


def test_mouse(page: Page) -> None:
    hand = MountedLab(page, BaselineLab())
    # The handle lies on the parabola: down to the best baseline the variance falls, and it sinks.
    seen = [hand.grip("baseline")[1]]
    for _ in range(6):
        hand.drag("baseline", None, 70, -40, moves=1)
        seen.append(hand.grip("baseline")[1])
    assert seen == sorted(seen)
    hand.drag("baseline", None, 3000, 0)
    assert hand.trait("baseline") == pytest.approx(12.1), "the drag left the picture"
    hand.use("set-best", baseline=pytest.approx(hand.twin.best_baseline(), abs=1e-12))
    assert "330 times less" in hand.text("sentence")
    hand.use("set-value", baseline=pytest.approx(10.3))
    hand.drag("reward", 2, 1, 40)
    assert hand.trait("rewards")[:2] == [11, 10]
    assert hand.trait("rewards")[2] < 6

    for wrong in ("abc", "", "21"):
        hand.type_into("baseline-input", wrong)
        assert "from −20 to 20" in hand.text("message"), wrong
    hand.type_into("baseline-input", "−1,5")
    assert hand.trait("baseline") == -1.5
    assert not hand.role("message").is_visible()
    hand.type_into("reward-input", "4", 0)
    assert hand.trait("rewards")[0] == 4

    hand.use("preset-nearly_certain", rewards=[10, 0, 0], baseline=0)
    assert "worse than no baseline, 3,100 times the variance" in hand.text("sentence")
    hand.use("depends", True, action_dependence=0.5)
    assert "bias is −0.098" in hand.text("sentence")
    hand.use("dependence", "0.8", action_dependence=0.8)
    hand.use("depends", False, action_dependence=0)
    hand.role("logit", 1).fill("2")
    assert hand.trait("logits")[1] == 2
    hand.use("component", "2", component=2)
    heaps = hand.seen("role('heap', 'count')")
    hand.click("draw-again")
    assert hand.seen("role('heap', 'count')") != heaps
    names = ("rewards", "logits", "baseline", "action_dependence", "draw")
    hand.use("reset", **{name: getattr(hand.twin, name) for name in names})


def test_keys_and_the_live_region(page: Page) -> None:
    hand = MountedLab(page, BaselineLab())
    keys = [("ArrowRight", 0.1), ("PageUp", 1.1), ("ArrowLeft", 1.0), ("End", 20), ("PageUp", 20), ("Home", -20)]
    hand.press("baseline", None, "baseline", *keys, ("PageUp", -19), ("PageDown", -20), ("PageDown", -20))
    hand.press("reward", 1, "rewards", ("ArrowUp", 10.1), ("Shift+ArrowDown", 9.1), ("Home", -20), ("End", 20))
    hand.press("dependence", None, "action_dependence", ("ArrowRight", 0.05), ("End", 1))
    hand.press("logit", 2, "logits", ("End", 8), ("Home", -8))
    hand.press("depends", None, "action_dependence", ("Space", 0))
    hand.press("component", None, "component", ("ArrowDown", 1))
    hand.press("preset-even", None, "baseline", ("Enter", 0))
    hand.press("set-value", None, "baseline", ("Enter", 1))
    assert hand.role("baseline").get_attribute("aria-valuetext") == "1, variance 2"
    assert hand.spoken().startswith("Baseline 1: variance 2, bias 0. At b = 1")


def test_a_line_of_the_table_is_answered_once_and_its_proof_opens(page: Page) -> None:
    lab = MountedLab(page, BaselineTable())
    assert "Right" not in lab.root.inner_text()
    assert lab.row("taken") == []
    lab.role("biased", 0).press("Enter")
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
    lab.use("show", index=7, answers=[2, 0, 3, 0, 0, 0, 0, 2])
    assert lab.text("sentence").startswith("Right")
    lab.use("reset", answers=[0] * 8)
