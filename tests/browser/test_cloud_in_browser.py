"""The gradient cloud in Chromium: its mathematics against Python's, its shapes, what its controls do, keys, words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mounted_lab import MountedLab, assert_close
from playwright.sync_api import Page

from course_utils.widgets import GradientCloud
from course_utils.widgets.gradient_cloud import VERTICALS, WEIGHTINGS

pytestmark = pytest.mark.browser

SAYS = """{
  estimates: nodes('[data-role="estimate"]').map(({dataset}) => [Number(dataset.x), Number(dataset.y)]),
  points_uphill: role("estimate", "uphill"), uphill: role("uphill")[0], unit: role("plane", "unit")[0],
  exact: row("exact"), mean: row("mean"), deviation: row("deviation"), measured: row("measured"),
  error: numbers('td[data-row="mean"]', "error"),
  ellipses: nodes('[data-role="ellipse"]').map(({dataset: d}) => [d.index, d.long, d.thin, d.angle].map(Number)),
}"""

CENTRES = """(nodes) => nodes.map((node) => node.getBoundingClientRect()).map((b) =>
  [b.left + b.width / 2, b.top + b.height / 2])"""
# Which dots lie on the grey side, drawn point in drawn shape; and which way the ellipse's long axis points.
SHAPES = """() => {
  const [grey, ellipse] = ["downhill", "ellipse"].map((role) => document.querySelector(`[data-role="${role}"]`));
  const onGrey = [...document.querySelectorAll('[data-role="estimate"]')].map((dot) => {
    const b = dot.getBoundingClientRect();
    const place = new DOMPoint(b.left + b.width / 2, b.top + b.height / 2);
    return grey.isPointInFill(place.matrixTransform(grey.getScreenCTM().inverse()));
  });
  const { a, b } = ellipse.getScreenCTM();
  return [onGrey, Math.atan2(-b, a), Number(ellipse.dataset.angle)];
}"""


def mounted(page: Page, **arguments: Any) -> MountedLab:
    return MountedLab(page, GradientCloud(**arguments), SAYS)


@pytest.fixture
def context_options() -> dict[str, Any]:
    return {"viewport": {"width": 800, "height": 1000}, "reduced_motion": "reduce"}


def test_the_mathematics_is_pythons(page: Page) -> None:
    cloud, rng = mounted(page), np.random.default_rng(55)
    settings = [
        {"logits": rng.uniform(-5, 5, 6).tolist() if k % 2 else rng.normal(size=6).tolist()}
        | {"samples": int(np.exp(rng.uniform(0, np.log(1025)))), "weighting": WEIGHTINGS[k % 3]}
        | {"vertical": str(rng.choice(VERTICALS)), "zoom": bool(rng.integers(2))}
        | {"seed": int(rng.integers(2**32)), "draw": int(rng.integers(5))}
        for k in range(18)
    ]
    settings.append({"samples": 1, "draw": 2**31})
    twin = cloud.twin
    for setting, seen in cloud.beside(settings):
        estimates = twin.estimates()
        measured = estimates.std(axis=0, ddof=1)
        wanted = {"estimates": estimates, "exact": twin.exact_gradient(), "mean": estimates.mean(axis=0)}
        assert_close(seen, wanted | {"measured": measured, "error": measured / np.sqrt(60)}, setting)
        covariance = twin.covariance()
        np.testing.assert_allclose(np.square(seen["deviation"]), np.diag(covariance), rtol=1e-10, atol=1e-12)
        assert seen["uphill"] == sum(seen["points_uphill"]) == twin.uphill(), setting
        for k, long, thin, angle in seen["ellipses"]:  # turned and stretched, the unit circle has this covariance
            axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([long, thin])
            np.testing.assert_allclose(axes @ axes.T, k**2 * covariance, rtol=1e-10, atol=1e-12)


def test_a_larger_m_shrinks_the_cloud_and_not_the_axes(page: Page) -> None:
    cloud = mounted(page, samples=1)
    first = cloud.read()
    width = 'document.querySelector(\'[data-role="ellipse"][data-index="1"]\').rx.baseVal.value'
    widths, seen = [page.evaluate(width)], first
    for step in range(1, 11):
        cloud.use("samples", str(step), samples=2**step)
        seen = cloud.read()
        assert seen["unit"] == first["unit"], "the axes moved under the cloud"
        widths.append(page.evaluate(width))
    np.testing.assert_allclose(np.divide(widths[:-1], widths[1:]), np.sqrt(2), rtol=1e-6)
    assert first["measured"][0] > 10 * seen["measured"][0]
    assert cloud.text("samples-shown") == "1,024"
    cloud.role("zoom").check()
    units = [cloud.read(weighting=weighting)["unit"] for weighting in WEIGHTINGS]
    assert units[0] > 20 * first["unit"], "the zoom did not follow the cloud"
    assert units == units[:1] * 3, "clouds of two weightings cannot be compared"
    seen = cloud.read()
    values = np.array([*seen["estimates"], seen["exact"]])
    pixels = np.concatenate([cloud.role(role).evaluate_all(CENTRES) for role in ("estimate", "exact-mark")])
    inside = (np.abs(values - values[-1]) < 2.5 * np.array(seen["deviation"])).all(axis=1)
    wanted = (values - values[-1]) * seen["unit"] * [1, -1]
    np.testing.assert_allclose((pixels - pixels[-1])[inside], wanted[inside], atol=0.3)


def test_the_shapes_are_drawn_where_they_belong(page: Page) -> None:
    cloud = mounted(page)
    for setting in ({"samples": 5}, {"samples": 12, "zoom": True}, {"vertical": "calm", "draw": 1}):
        seen = cloud.read(**setting)
        on_grey, drawn, angle = page.evaluate(SHAPES)
        assert drawn == pytest.approx(angle, abs=1e-6)
        dots, exact = np.array(seen["estimates"]), np.array(seen["exact"])
        clear = np.abs(dots @ exact) * seen["unit"] / np.linalg.norm(exact) > 10  # pixels: a heap may reach across
        assert clear.sum() > 40
        assert np.sum(on_grey) > 0
        np.testing.assert_array_equal(np.array(on_grey)[clear], (dots @ exact < 0)[clear])


def test_mouse(page: Page) -> None:
    cloud = mounted(page, samples=2)
    assert "The exact gradient is 0.51 long" in cloud.text("sentence")
    wide = cloud.read()["deviation"]
    cloud.root.get_by_text("reward to go minus V").click()
    assert cloud.trait("weighting") == "reward to go minus V"
    assert cloud.read()["deviation"][1] < 0.6 * wide[1]
    before = cloud.trait("logits")
    cloud.role("policy", 2).fill("0.1")
    after = cloud.trait("logits")
    assert after[:4] == before[:4], "another state's policy moved"
    assert 1 / (1 + np.exp(after[5] - after[4])) == pytest.approx(0.1, abs=0.03)
    assert cloud.text("policy-shown", 2).startswith(".1")
    cloud.use("vertical", "calm", vertical="calm")
    assert "calm customer" in cloud.root.locator("thead").inner_text()
    old = cloud.read()
    cloud.use("draw-again", draw=1)
    new = cloud.read()
    assert new["estimates"] != old["estimates"]
    assert (new["exact"], new["deviation"]) == (old["exact"], old["deviation"]), "a new draw moved what is exact"
    cloud.use("reset", logits=before, samples=2, weighting="total return", vertical="angry", draw=0)
    assert cloud.root.locator("input[type=radio]:checked").get_attribute("data-value") == "total return"


def test_estimates_off_the_plane_point_outwards(page: Page) -> None:
    """A rare apology that is followed by another has the component −.9 · −4 = 3.6: a triangle at the edge."""
    cloud = mounted(page, samples=1, seed=1)
    seen = cloud.read(logits=np.log([0.9, 0.1, 0.5, 0.5, 0.05, 0.95]).tolist())
    outside = {str(k) for k, (x, _) in enumerate(seen["estimates"]) if x > 3.4}
    marked = cloud.seen("nodes('[data-outside]').map((n) => [n.dataset.index, n.dataset.outside])")
    assert outside
    assert {tuple(one) for one in marked} == {(k, "1 0") for k in outside}
    assert cloud.text("beyond") == f"{len(outside)} beyond the edge"
    cloud.read(samples=1024)
    assert cloud.role("beyond").is_hidden()


def test_keys_and_the_live_region(page: Page) -> None:
    cloud = mounted(page, samples=8)
    keys = [("ArrowRight", 16), ("ArrowLeft", 8), ("ArrowDown", 4), ("End", 1024), ("Home", 1)]
    cloud.press("samples", None, "samples", *keys)
    assert cloud.role("samples").get_attribute("aria-valuetext") == "1 conversation"
    cloud.role("weighting").first.focus()
    for key, name in (("ArrowDown", WEIGHTINGS[1]), ("ArrowDown", WEIGHTINGS[2]), ("ArrowUp", WEIGHTINGS[1])):
        page.keyboard.press(key)
        assert cloud.trait("weighting") == name, key
    cloud.role("policy", 0).press("ArrowRight")
    assert cloud.text("policy-shown", 0) == ".51"
    assert cloud.role("policy", 0).get_attribute("aria-valuetext") == "π(refund) = 0.51"
    cloud.press("vertical", None, "vertical", ("ArrowUp", "calm"))
    cloud.press("zoom", None, "zoom", ("Space", True))
    cloud.press("draw-again", None, "draw", ("Enter", 1))
    spoken = cloud.spoken()
    assert spoken.startswith("m is 1, reward to go. ")
    assert cloud.text("sentence") in spoken
    assert "Standard deviation of one estimate" in spoken
    cloud.press("reset", None, "samples", ("Space", 8))
    assert cloud.trait("draw") == 0
