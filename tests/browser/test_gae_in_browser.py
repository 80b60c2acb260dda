"""The GAE lab in Chromium: its mathematics against Python's, what its controls do, keys, words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mounted_lab import MountedLab, assert_close
from playwright.sync_api import Page

from course_utils.widgets import GaeLab

pytestmark = pytest.mark.browser

SAYS = """{
  points: role("point"), best: role("best"), weights: role("weight"), values: role("value"), critic: role("critic"),
  advantage: role("advantage"), estimates: nodes('[data-role="estimates"]')[0].estimates,
  exact: row("exact"), measured: row("measured"), error: row("error"),
}"""


def test_the_mathematics_is_pythons(page: Page) -> None:
    gae = MountedLab(page, GaeLab(), SAYS)
    rng = np.random.default_rng(66)
    settings: list[dict[str, Any]] = [
        {"lambda_": rng.uniform(), "critic_error": rng.uniform(-3, 3), "discount": rng.uniform(0.5, 1)}
        | {"action": int(rng.integers(2)), "seed": int(rng.integers(2**32)), "draw": int(rng.integers(1000))}
        for _ in range(16)
    ]
    settings += [settings[0] | {"lambda_": x, "critic_error": e, "discount": 1.0} for x in (0.0, 1.0) for e in (0.0, 3)]
    for setting, seen in gae.beside(settings):
        lab = gae.twin
        advantage, sample = lab.exact_advantage(), lab.estimates()
        bias, variance = lab.exact_bias(), lab.exact_variance()
        squares, deviations = (sample - advantage) ** 2, (sample - sample.mean()) ** 2
        wanted: dict[str, Any] = {
            "points": [bias**2, variance, bias**2 + variance],
            "best": [lab.best_lambda()],
            "weights": (lab.discount * lab.lambda_) ** np.arange(11),
            "values": lab.values(),
            "critic": lab.critic(),
            "advantage": [advantage],
            "estimates": sample,
            "exact": [advantage + bias, bias, variance, bias**2 + variance],
            "measured": [sample.mean(), sample.mean() - advantage, sample.var(ddof=1), squares.mean()],
        }
        error = np.array([sample.std(ddof=1), sample.std(ddof=1), deviations.std(), squares.std()]) / 20
        assert_close(seen, wanted, setting)
        assert_close(seen, {"error": error}, setting, 1e-9)  # its fourth powers lose digits


def test_mouse(page: Page) -> None:
    gae = MountedLab(page, GaeLab(), SAYS)
    assert gae.text("sentence").startswith("Variance is 90 % of the squared error")
    gae.drag("lambda", None, -2000, 0)
    assert gae.trait("lambda_") == 0
    assert "leans on a critic that is too optimistic" in gae.text("sentence")
    gae.click_on_rail("lambda", 1)
    assert gae.trait("lambda_") == 1
    assert "the critic’s error drops out" in gae.text("sentence")
    gae.role("critic-error").fill("0")
    assert gae.read()["best"] == [0]
    gae.role("discount").fill("0.8")
    gae.role("action").select_option("1")
    before = gae.read()["estimates"]
    gae.use("draw-again", draw=1)
    assert gae.read()["estimates"] != before
    gae.use("reset", lambda_=0.9, critic_error=2.0, discount=0.95, action=0, draw=0)


def test_keys_and_the_live_region(page: Page) -> None:
    gae = MountedLab(page, GaeLab(), SAYS)
    keys = [("ArrowLeft", 0.89), ("PageDown", 0.79), ("ArrowUp", 0.8), ("Shift+ArrowRight", 0.9), ("Home", 0)]
    gae.press("lambda", None, "lambda_", *keys)
    assert gae.role("lambda").get_attribute("aria-valuetext") == "0, bias +1.52, variance 0.977"
    gae.press("critic-error", None, "critic_error", ("ArrowLeft", 1.9))
    assert gae.role("critic-error").get_attribute("aria-valuetext") == "+1.9, too optimistic"
    gae.press("discount", None, "discount", ("ArrowLeft", 0.94))
    gae.press("action", None, "action", ("ArrowDown", 1))
    gae.press("draw-again", None, "draw", ("Enter", 1))
    gae.press("reset", None, "draw", ("Enter", 0))
    said = "λ .90: bias +0.427, variance 1.71, bias squared plus variance 1.89. Variance is 90"
    assert gae.spoken().startswith(said)
