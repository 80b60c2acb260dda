"""The GAE lab in Chromium: its mathematics against Python's, mouse, finger, keys, layout, and JupyterLab."""

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

# Everything that must stand still while the dial is turned: axes, exact curves, frames.
STILL = """() => [...document.querySelectorAll('.pgc-lab [data-role="curve"]')].map((n) => n.getAttribute("d"))
  .concat([...document.querySelectorAll('.pgc-lab svg > text, .pgc-lab svg > path[data-role="best"]')]
    .filter((n) => !n.closest("svg").querySelector('[data-role="weight"]'))
    .map((n) => `${n.textContent} ${n.getAttribute("x")} ${n.getAttribute("y")} ${n.getAttribute("d")}`)
    .filter((words) => !words.includes("further left")))
  .concat([...document.querySelectorAll(".pgc-lab > *, .pgc-lab svg")].map((n) => {
    const box = n.getBoundingClientRect();
    return n.classList.contains("pgc-hidden") ? "" : `${box.left} ${box.top} ${box.width} ${box.height}`;
  }))"""


def mounted(page: Page) -> MountedLab:
    return MountedLab(page, GaeLab(), SAYS)


def test_the_mathematics_is_pythons(page: Page) -> None:
    gae = mounted(page)
    rng = np.random.default_rng(66)
    settings: list[dict[str, Any]] = [
        {
            "lambda_": rng.uniform(),
            "critic_error": rng.uniform(-3, 3),
            "discount": rng.uniform(0.5, 1),
            "action": int(rng.integers(2)),
            "seed": int(rng.integers(2**32)),
            "draw": int(rng.integers(1000)),
        }
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
    gae = mounted(page)
    assert gae.text("sentence").startswith("Variance is 90 % of the squared error")
    still = page.evaluate(STILL)
    x, y = gae.grip("lambda")
    page.mouse.move(x, y)
    page.mouse.down()
    seen = []
    for step in range(1, 11):
        page.mouse.move(x - 40 * step, y + 3 * step)
        seen.append(gae.trait("lambda_"))
        assert page.evaluate(STILL) == still, "something jumped while the dial was turned"
        assert abs(gae.grip("lambda")[0] - (x - 40 * step)) < 5, "the handle is under the hand"
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 10
    page.mouse.move(x - 2000, y)
    page.mouse.up()
    assert gae.trait("lambda_") == 0
    assert "leans on a critic that is too optimistic" in gae.text("sentence")
    rail = gae.root.locator('[data-role="lambda"] rect').first.bounding_box()
    assert rail is not None
    page.mouse.click(rail["x"] + rail["width"], rail["y"])
    assert gae.trait("lambda_") == 1, "a click on the rail takes the dial there"
    assert "the critic’s error drops out" in gae.text("sentence")
    gae.role("critic-error").fill("0")
    assert gae.read()["best"] == [0]
    gae.role("discount").fill("0.8")
    gae.role("action").select_option("1")
    before = gae.read()["estimates"]
    gae.role("draw-again").click()
    assert gae.trait("draw") == 1
    assert gae.read()["estimates"] != before
    gae.role("reset").click()
    assert gae.traits("lambda_", "critic_error", "discount", "action", "draw") == [0.9, 2.0, 0.95, 0, 0]


def test_keys_and_the_live_region(page: Page) -> None:
    gae, dial = mounted(page), page.locator('[data-role="lambda"]')
    keys = [("ArrowLeft", 0.89), ("PageDown", 0.79), ("ArrowUp", 0.8), ("Shift+ArrowRight", 0.9), ("End", 1)]
    gae.press("lambda", None, "lambda_", *keys, ("Home", 0))
    assert dial.get_attribute("aria-valuetext") == "0, bias +1.52, variance 0.977"
    assert dial.get_attribute("aria-orientation") == "horizontal"
    gae.press("critic-error", None, "critic_error", ("ArrowLeft", 1.9))
    gae.press("discount", None, "discount", ("ArrowLeft", 0.94))
    assert gae.role("critic-error").get_attribute("aria-valuetext") == "+1.9, too optimistic"
    gae.press("action", None, "action", ("ArrowDown", 1))
    gae.press("draw-again", None, "draw", ("Enter", 1))
    gae.press("reset", None, "draw", ("Enter", 0))
    said = "λ .90: bias +0.427, variance 1.71, bias squared plus variance 1.89. Variance is 90"
    assert gae.spoken().startswith(said)
