"""The baseline lab in Chromium: its mathematics against Python's, mouse, finger, keys, layout, and without Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mounted_lab import MountedLab, assert_close
from playwright.sync_api import Page

from course_utils.widgets import BaselineLab

pytestmark = pytest.mark.browser

SAYS = """{
  pi: role("pi"), weights: role("weight"), levels: role("level"), heaps: role("heap"), counts: role("heap", "count"),
  marks: role("mark"), places: role("mark", "at"), now: numbers('[data-role="baseline"] .pgc-handle'),
  sd: role("deviation"), centre: role("mean"), exact: role("exact"), average: role("average"),
  table_baseline: row("baseline"), table_variance: row("variance"), table_ratio: row("ratio"),
  table_weight: row("weight"), table_exact: row("exact"), table_mean: row("mean"), table_bias: row("bias"),
}"""


class Hand(MountedLab):
    def __init__(self, page: Page) -> None:
        super().__init__(page, BaselineLab(), SAYS)

    def ticks(self) -> list[str]:
        """The labels of the parabola's axes, with their places."""
        return (
            self.root.locator("svg")
            .first.locator("text")
            .evaluate_all(
                "ts => ts.filter((t) => getComputedStyle(t).visibility !== 'hidden').map((t) => "
                "`${t.textContent} ${t.getAttribute('x')} ${t.getAttribute('y')}`)"
            )
        )


@pytest.fixture
def context_options() -> dict[str, Any]:
    return {"viewport": {"width": 800, "height": 1250}}


def test_the_mathematics_is_pythons(page: Page) -> None:
    """Random settings, to 1e-12 of the size of the numbers."""
    hand = Hand(page)
    lab = hand.twin
    rng = np.random.default_rng(6)
    settings = [
        {
            "rewards": (rng.choice([0.3, 5.0, 20.0]) * rng.uniform(-1, 1, 3)).tolist(),
            "logits": (rng.choice([1.0, 8.0]) * rng.uniform(-1, 1, 3)).tolist(),
            "baseline": float(rng.uniform(-20, 20)),
            "action_dependence": float(rng.choice([0.0, 1.0, rng.uniform()])),
            "component": int(rng.integers(3)),
            "samples": int(rng.integers(1, 400)),
            "seed": int(rng.integers(2**32)),
            "draw": int(rng.integers(4)),
        }
        for _ in range(60)
    ]
    for setting, seen in hand.beside(settings):
        k, drawn = lab.component, lab.drawn_actions()
        baselines = [0.0, lab.value(), lab.best_baseline()]
        variances = [lab.variance(b, 0) for b in baselines]
        here = [lab.variance(), *variances]
        wanted: dict[str, Any] = {
            "pi": lab.probabilities(),
            "weights": lab.weights(),
            "levels": np.array(lab.rewards) - lab.weights(),
            "heaps": lab.weights() * (np.eye(3) - lab.probabilities())[:, k],
            "counts": np.bincount(drawn, minlength=3),
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
    hand = Hand(page)
    before, mean = hand.ticks(), hand.role("exact").get_attribute("d")
    x, y = hand.grip("baseline")
    page.mouse.move(x + 3, y + 2)
    page.mouse.down()
    seen = []
    for step in range(1, 7):
        page.mouse.move(x + 3 + 70 * step, y - 40)
        at, up = hand.grip("baseline")
        assert at == pytest.approx(x + 70 * step, abs=1), "the handle did not stay under the hand"
        b = hand.trait("baseline")
        lab = BaselineLab(baseline=b)
        assert float(hand.role("baseline").locator(".pgc-handle").get_attribute("data-value") or "") == pytest.approx(
            lab.variance()
        )
        assert hand.ticks() == before, "the scales moved under the hand"
        assert hand.role("exact").get_attribute("d") == mean, "the exact gradient moved"
        seen.append(up)
    page.mouse.move(x + 3000, y)
    assert hand.trait("baseline") == pytest.approx(12.1), "the drag left the picture"
    page.mouse.up()
    assert seen == sorted(seen), "the handle is not on the parabola: the variance fell and it did not sink"
    hand.role("set-best").click()
    assert hand.trait("baseline") == pytest.approx(hand.twin.best_baseline(), abs=1e-12)
    assert "330 times less" in hand.text("sentence")
    hand.role("set-value").click()
    assert hand.trait("baseline") == pytest.approx(10.3)

    x, y = hand.grip("reward", 2)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 1, y + 40, steps=4)
    assert hand.grip("reward", 2)[1] == pytest.approx(y + 40, abs=2)
    page.mouse.up()
    first, second, third = hand.trait("rewards")
    assert [first, second] == [11, 10]
    assert third < 6

    for wrong in ("abc", "", "21"):
        hand.type_into("baseline-input", wrong)
        assert "from −20 to 20" in hand.text("message"), wrong
    hand.type_into("baseline-input", "−1,5")
    assert hand.trait("baseline") == -1.5
    assert not hand.role("message").is_visible()
    hand.type_into("reward-input", "4", 0)
    assert hand.trait("rewards")[0] == 4

    hand.role("preset-nearly_certain").click()
    assert [hand.trait(name) for name in ("rewards", "baseline")] == [[10, 0, 0], 0]
    assert "worse than no baseline, 3,100 times the variance" in hand.text("sentence")
    hand.role("depends").check()
    assert hand.trait("action_dependence") == 0.5
    assert "bias is −0.098" in hand.text("sentence")
    hand.role("dependence").fill("0.8")
    assert hand.trait("action_dependence") == 0.8
    hand.role("depends").uncheck()
    assert hand.trait("action_dependence") == 0
    hand.role("logit", 1).fill("2")
    assert hand.trait("logits")[1] == 2
    hand.role("component").select_option("2")
    assert hand.trait("component") == 2
    heaps = [hand.role("heap", a).get_attribute("data-count") for a in range(3)]
    hand.role("draw-again").click()
    assert [hand.role("heap", a).get_attribute("data-count") for a in range(3)] != heaps
    hand.role("reset").click()
    for name in ("rewards", "logits", "baseline", "action_dependence", "draw"):
        assert hand.trait(name) == getattr(hand.twin, name)
    page.evaluate("window.unmount()")


def test_keys_and_the_live_region(page: Page) -> None:
    hand = Hand(page)
    ends = [("End", 20), ("Home", -20), *[("PageUp", k) for k in range(-19, 1)]]
    keys = [("ArrowRight", 0.1), ("PageUp", 1.1), ("ArrowLeft", 1.0), *ends]
    hand.press("baseline", None, "baseline", *keys, *[("PageDown", -k) for k in range(1, 21)], ("PageDown", -20))
    hand.press("reward", 1, "rewards", ("ArrowUp", 10.1), ("Shift+ArrowDown", 9.1), ("Home", -20), ("End", 20))
    hand.press("dependence", None, "action_dependence", ("ArrowRight", 0.05), ("End", 1))
    hand.press("logit", 2, "logits", ("End", 8), ("Home", -8))
    hand.press("depends", None, "action_dependence", ("Space", 0))
    hand.press("component", None, "component", ("ArrowDown", 1))
    hand.press("preset-even", None, "baseline", ("Enter", 0))
    hand.press("set-value", None, "baseline", ("Enter", 1))
    slider = hand.role("baseline")
    assert slider.get_attribute("aria-valuetext") == "1, variance 2"
    assert slider.get_attribute("aria-orientation") == "horizontal"
    assert hand.spoken().startswith("Baseline 1: variance 2, bias 0. At b = 1")
