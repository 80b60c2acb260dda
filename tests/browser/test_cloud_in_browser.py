"""The gradient cloud in Chromium: its mathematics against Python's, mouse, finger, keys, layout, and JupyterLab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from mounted_lab import MountedLab
from playwright.sync_api import Locator, Page

from course_utils.build import labextension
from course_utils.widgets import GradientCloud, offline
from course_utils.widgets.gradient_cloud import VERTICALS, WEIGHTINGS

pytestmark = pytest.mark.browser
LAB = '.pgc-lab[data-lab="gradient_cloud"]'

# What the picture says under each setting, in full precision.
READ = """(settings) => settings.map((setting) => {
  Object.entries(setting).forEach(([name, value]) => window.lab.set(name, value));
  const nodes = (selector) => [...document.querySelectorAll(selector)];
  const row = (name) => nodes(`td[data-row="${name}"]`).map((node) => Number(node.dataset.value));
  return {
    estimates: nodes('[data-role="estimate"]').map(({dataset}) => [Number(dataset.x), Number(dataset.y)]),
    points_uphill: nodes('[data-role="estimate"]').map(({dataset}) => Number(dataset.uphill)),
    exact: row("exact"), mean: row("mean"), deviation: row("deviation"), measured: row("measured"),
    error: nodes('td[data-row="mean"]').map((node) => Number(node.dataset.error)),
    uphill: Number(document.querySelector('[data-role="uphill"]').dataset.value),
    ellipses: nodes('[data-role="ellipse"]').map(({dataset: d}) => [d.index, d.long, d.thin, d.angle].map(Number)),
    unit: Number(document.querySelector('[data-role="plane"]').dataset.unit),
  };
})"""


CENTRES = """(role) => [...document.querySelectorAll(`[data-role="${role}"]`)].map((node) => {
  const b = node.getBoundingClientRect();
  return [b.left + b.width / 2, b.top + b.height / 2];
})"""


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


class Cloud(MountedLab):
    """The lab on a page of its own, and the same lab in Python."""

    def __init__(self, page: Page, **arguments: Any) -> None:
        page.set_default_timeout(5_000)
        super().__init__(page, GradientCloud(**arguments), LAB)

    def trait(self, name: str) -> Any:
        return self.page.evaluate("(name) => window.lab.get(name)", name)

    def read(self, **setting: Any) -> dict[str, Any]:
        (seen,) = self.page.evaluate(READ, [setting])
        return dict(seen)

    def said(self) -> str:
        return self.role("sentence").inner_text()


@pytest.fixture
def context_options() -> dict[str, Any]:
    return {"viewport": {"width": 800, "height": 1000}, "reduced_motion": "reduce"}


def test_the_mathematics_is_pythons(page: Page) -> None:
    cloud, rng = Cloud(page), np.random.default_rng(55)
    settings = [
        {
            "logits": rng.uniform(-5, 5, 6).tolist() if k % 2 else rng.normal(size=6).tolist(),
            "samples": int(np.exp(rng.uniform(0, np.log(1025)))),
            "weighting": WEIGHTINGS[k % 3],
            "vertical": str(rng.choice(VERTICALS)),
            "zoom": bool(rng.integers(2)),
            "seed": int(rng.integers(2**32)),
            "draw": int(rng.integers(5)),
        }
        for k in range(50)
    ]
    settings.append({"samples": 1, "draw": 2**31})
    twin = cloud.twin
    for setting, seen in zip(settings, page.evaluate(READ, settings), strict=True):
        for name, value in setting.items():
            setattr(twin, name, value)
        estimates, exact = twin.estimates(), twin.exact_gradient()
        measured = estimates.std(axis=0, ddof=1)
        wanted = {
            "estimates": estimates,
            "exact": exact,
            "mean": estimates.mean(axis=0),
            "measured": measured,
            "error": measured / np.sqrt(60),
        }
        for name, value in wanted.items():
            np.testing.assert_allclose(seen[name], value, rtol=1e-12, atol=1e-12, err_msg=f"{name}, {setting}")
        covariance = twin.covariance()
        np.testing.assert_allclose(np.square(seen["deviation"]), np.diag(covariance), rtol=1e-10, atol=1e-12)
        assert seen["uphill"] == sum(seen["points_uphill"]) == twin.uphill(), setting
        for k, long, thin, angle in seen["ellipses"]:  # turned and stretched, the unit circle has this covariance
            axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([long, thin])
            np.testing.assert_allclose(axes @ axes.T, k**2 * covariance, rtol=1e-10, atol=1e-12)


def drag_slider(slider: Locator, start: float, end: float) -> Iterator[None]:
    """Press on a native slider at a share of its length, move in steps, let go; yield after each step."""
    box = slider.bounding_box()
    assert box is not None
    mouse, y = slider.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + 8 + start * (box["width"] - 16), y)
    mouse.down()
    for share in np.linspace(start, end, 11)[1:]:
        mouse.move(box["x"] + 8 + share * (box["width"] - 16), y)
        yield
    mouse.up()


def test_a_drag_of_m_shrinks_the_cloud_and_not_the_axes(page: Page) -> None:
    cloud = Cloud(page, samples=1)
    first = cloud.read()
    width = 'document.querySelector(\'[data-role="ellipse"][data-index="1"]\').rx.baseVal.value'
    widths, seen = [page.evaluate(width)], first
    for step, _ in enumerate(drag_slider(cloud.role("samples"), 0, 1), start=1):
        assert cloud.trait("samples") == 2**step
        seen = cloud.read()
        assert seen["unit"] == first["unit"], "the axes moved under the cloud"
        widths.append(page.evaluate(width))
    np.testing.assert_allclose(np.divide(widths[:-1], widths[1:]), np.sqrt(2), rtol=1e-6)
    assert first["measured"][0] > 10 * seen["measured"][0]
    assert cloud.role("samples-shown").inner_text() == "1,024"
    cloud.role("zoom").check()
    units = [cloud.read(weighting=weighting)["unit"] for weighting in WEIGHTINGS]
    assert units[0] > 20 * first["unit"], "the zoom did not follow the cloud"
    assert units == units[:1] * 3, "clouds of two weightings cannot be compared"
    seen = cloud.read()
    values = np.array([*seen["estimates"], seen["exact"]])
    pixels = np.array([place for role in ("estimate", "exact-mark") for place in page.evaluate(CENTRES, role)])
    inside = (np.abs(values - values[-1]) < 2.5 * np.array(seen["deviation"])).all(axis=1)
    wanted = (values - values[-1]) * seen["unit"] * [1, -1]
    np.testing.assert_allclose((pixels - pixels[-1])[inside], wanted[inside], atol=0.3)


def test_the_shapes_are_drawn_where_they_belong(page: Page) -> None:
    cloud = Cloud(page)
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
    cloud = Cloud(page, samples=2)
    assert "The exact gradient is 0.51 long" in cloud.said()
    wide = cloud.read()["deviation"]
    cloud.root.get_by_text("reward to go minus V").click()
    assert cloud.trait("weighting") == "reward to go minus V"
    assert cloud.read()["deviation"][1] < 0.6 * wide[1]
    before = cloud.trait("logits")
    for _ in drag_slider(cloud.role("policy", 2), 0.6, 0.1):
        pass
    after = cloud.trait("logits")
    assert after[:4] == before[:4], "another state's policy moved"
    assert 1 / (1 + np.exp(after[5] - after[4])) == pytest.approx(0.1, abs=0.03)
    assert cloud.role("policy-shown", 2).inner_text().startswith(".1")
    cloud.role("vertical").select_option("calm")
    assert cloud.trait("vertical") == "calm"
    assert "calm customer" in cloud.root.locator("thead").inner_text()
    old = cloud.read()
    cloud.role("draw-again").click()
    new = cloud.read()
    assert cloud.trait("draw") == 1
    assert new["estimates"] != old["estimates"]
    assert (new["exact"], new["deviation"]) == (old["exact"], old["deviation"]), "a new draw moved what is exact"
    cloud.role("reset").click()
    assert [cloud.trait(name) for name in ("logits", "samples", "weighting", "vertical", "draw")] == [
        before,
        2,
        "total return",
        "angry",
        0,
    ]
    assert cloud.root.locator("input[type=radio]:checked").get_attribute("data-value") == "total return"
    page.evaluate("window.unmount()")


def test_estimates_off_the_plane_point_outwards(page: Page) -> None:
    """A rare apology that is followed by another has the component −.9 · −4 = 3.6: a triangle at the edge."""
    cloud = Cloud(page, samples=1, seed=1)
    seen = cloud.read(logits=np.log([0.9, 0.1, 0.5, 0.5, 0.05, 0.95]).tolist())
    outside = {str(k) for k, (x, _) in enumerate(seen["estimates"]) if x > 3.4}
    marked = cloud.root.locator("[data-outside]").evaluate_all("ns => ns.map((n) => n.dataset.index)")
    assert outside
    assert set(marked) == outside
    assert set(cloud.root.locator("[data-outside]").evaluate_all("ns => ns.map((n) => n.dataset.outside)")) == {"1 0"}
    assert cloud.role("beyond").inner_text() == f"{len(outside)} beyond the edge"
    cloud.read(samples=1024)
    assert cloud.role("beyond").is_hidden()


@pytest.mark.parametrize("context_options", [{"viewport": {"width": 390, "height": 1200}, "has_touch": True}])
def test_finger(page: Page) -> None:
    cloud = Cloud(page)
    cloud.role("samples").tap()
    assert cloud.trait("samples") == 32, "the middle of the slider"
    cloud.root.get_by_text("reward to go", exact=True).tap()
    assert cloud.trait("weighting") == "reward to go"
    cloud.role("zoom").tap()
    assert cloud.trait("zoom") is True


def test_keys_names_and_the_live_region(page: Page) -> None:
    cloud = Cloud(page, samples=8)
    seen = []
    page.keyboard.press("Tab")
    for _ in range(15):
        role, name, inside = page.evaluate(
            """() => {
              const node = document.activeElement;
              const name = node.getAttribute("aria-label") || node.labels?.[0]?.textContent || node.textContent;
              return [node.dataset.role, name, !!node.closest(".pgc-lab")];
            }"""
        )
        if not inside:
            break
        assert name.strip(), role
        seen.append(role)
        page.keyboard.press("Tab")
    assert seen == ["samples", "weighting", *["policy"] * 3, "draw-again", "reset", "vertical", "zoom"]
    cloud.role("samples").focus()
    for key, m in (("ArrowRight", 16), ("ArrowLeft", 8), ("ArrowDown", 4), ("End", 1024), ("Home", 1)):
        page.keyboard.press(key)
        assert cloud.trait("samples") == m, key
    assert cloud.role("samples").get_attribute("aria-valuetext") == "1 conversation"
    cloud.role("weighting").first.focus()
    for key, name in (
        ("ArrowDown", "reward to go"),
        ("ArrowDown", "reward to go minus V"),
        ("ArrowUp", "reward to go"),
    ):
        page.keyboard.press(key)
        assert cloud.trait("weighting") == name, key
    cloud.role("policy", 0).focus()
    page.keyboard.press("ArrowRight")
    assert cloud.role("policy-shown", 0).inner_text() == ".51"
    assert cloud.role("policy", 0).get_attribute("aria-valuetext") == "π(refund) = 0.51"
    cloud.role("vertical").focus()
    page.keyboard.press("ArrowUp")
    assert cloud.trait("vertical") == "calm"
    cloud.role("zoom").focus()
    page.keyboard.press("Space")
    assert cloud.trait("zoom") is True
    cloud.role("draw-again").focus()
    page.keyboard.press("Enter")
    assert cloud.trait("draw") == 1
    page.wait_for_timeout(500)
    spoken = cloud.role("live").text_content() or ""
    assert spoken.startswith("m is 1, reward to go. ")
    assert cloud.said() in spoken
    assert "Standard deviation of one estimate" in spoken
    cloud.role("reset").focus()
    page.keyboard.press("Space")
    assert [cloud.trait("samples"), cloud.trait("draw")] == [8, 0]


FAULTS = """() => {
  const root = document.querySelector(".pgc-lab"), frame = root.getBoundingClientRect(), faults = [];
  if (frame.width > 720) faults.push("wider than 720 px");
  if (document.documentElement.scrollWidth > innerWidth) faults.push("the page scrolls sideways");
  const box = (n) => n.getBoundingClientRect();
  const visible = (n) => box(n).width > 1 && box(n).height > 0 && getComputedStyle(n).visibility !== "hidden";
  const shown = [...root.querySelectorAll("*")].filter((n) => visible(n) && n.closest(".pgc-plot") === null);
  for (const n of shown) {
    const b = box(n);
    if (b.left < frame.left || b.right > frame.right || b.bottom > frame.bottom)
      faults.push(`${n.tagName} “${n.textContent.slice(0, 20)}” sticks out`);
    if (["TD", "TH", "LABEL", "BUTTON", "SELECT"].includes(n.tagName) && n.scrollWidth > n.clientWidth + 1)
      faults.push(`“${n.textContent}” is cut`);
  }
  const kinds = "text, .pgc-title, .pgc-legend-item, .pgc-line > *, .pgc-choice > *, .pgc-view > *, button, th, td, " +
    ".pgc-sentence, .pgc-estimate";
  const parts = shown.filter((n) => n.matches(kinds));
  const shared = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]) > 1;
  parts.forEach((one, i) => parts.slice(i + 1).forEach((two) => {
    if (one.contains(two) || two.contains(one)) return;
    const [a, b] = [box(one), box(two)];
    if (shared(a, b, "left", "right") && shared(a, b, "top", "bottom"))
      faults.push(`“${one.textContent}” and “${two.textContent}” overlap`);
  }));
  const plane = box(root.querySelector('[data-role="plane"]'));
  for (const n of root.querySelectorAll('[data-role="plane"] text, .pgc-dot')) {
    const b = box(n);
    if (b.left < plane.left - 1 || b.right > plane.right + 1 || b.top < plane.top - 1 || b.bottom > plane.bottom + 1)
      faults.push(`${n.tagName} “${n.textContent}” is cut by the picture`);
  }
  return [...new Set(faults)];
}"""

EXTREME = [4.6, -5, -5, 5, 5, -5]
LAYOUTS: dict[str, dict[str, Any]] = {
    "start": {"samples": 16, "weighting": "total return"},
    "one": {"samples": 1},
    "all": {"samples": 1024},
    "all-zoomed": {"zoom": True},
    "extreme": {"logits": EXTREME, "vertical": "calm", "weighting": "reward to go minus V"},
    "outside": {"logits": [4, 0, 0, 0, -3, 1], "samples": 1, "zoom": False, "vertical": "angry"},
}


@pytest.mark.parametrize(
    "width", [740, 660, 390, 302]
)  # 740: as wide as it gets; 302: what a phone leaves a lab in JupyterLab
def test_layout_and_axe(page: Page, shots: Path, width: int) -> None:
    cloud = Cloud(page)
    page.set_viewport_size({"width": width, "height": 1200})
    shots.mkdir(parents=True, exist_ok=True)
    heights = []
    for name, setting in LAYOUTS.items():
        cloud.read(**setting)
        page.wait_for_timeout(30)
        if width in (740, 390):
            cloud.root.screenshot(path=shots / f"cloud_{width}_{name}.png")
        assert page.evaluate(FAULTS) == [], name
        heights.append(page.evaluate("document.querySelector('.pgc-lab').offsetHeight"))
    if width >= 390:
        assert len(set(heights[:4])) == 1, f"the lab's height jumps: {heights}"
    if width in (740, 390):
        violations = Axe().run(page, context=LAB).response["violations"]
        assert [v["id"] for v in violations if v["impact"] in ("serious", "critical")] == []


def test_next_to_no_room_draws_nothing_negative(page: Page) -> None:
    """A side bar leaves 34 px: the page fixture fails on what the console says."""
    cloud = Cloud(page)
    for width in (60, 34, 20, 200, 720):
        page.set_viewport_size({"width": width, "height": 600})
        page.wait_for_timeout(30)
    assert cloud.root.is_visible()


def test_in_jupyterlab_the_kernel_and_the_picture_are_one(open_cells: Callable[..., Any]) -> None:
    notebook = open_cells("from course_utils.widgets import GradientCloud\ncloud = GradientCloud(samples=4)\ncloud")
    root = notebook.page.locator(LAB)
    root.wait_for()
    notebook.scroll_to(root)
    root.locator('[data-role="samples"]').focus()
    for _ in range(2):
        notebook.page.keyboard.press("ArrowRight")
    notebook.wait_for_kernel("cloud.samples", lambda m: m == 16)
    root.get_by_text("reward to go", exact=True).click()
    notebook.wait_for_kernel("cloud.weighting", lambda weighting: weighting == "reward to go")
    dots = f"""[...document.querySelectorAll('{LAB} [data-role="estimate"]')]
      .map(({{dataset}}) => [Number(dataset.x), Number(dataset.y)])"""
    for code in (
        "pass",
        "cloud.samples = 700",
        "cloud.logits = [1, 0, 0, 2, -1, 1]; cloud.draw_again()",
        "cloud.reset()",
    ):
        notebook.execute(code)
        wanted = notebook.kernel_value("cloud.estimates().tolist()")
        notebook.wait_for_page(dots, lambda seen, want=wanted: np.allclose(seen, want, rtol=0, atol=1e-12))


OFFLINE = """async ([source, state]) => {
  const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  document.querySelector("main").replaceChildren();
  return module.mount(document.querySelector("main"), state) !== null;
}"""


def test_without_python_it_lives_and_takes_no_broken_state(page: Page) -> None:
    source, state = labextension.lab_module("gradient_cloud"), offline.stored(GradientCloud(samples=4))["state"]
    page.set_content('<html lang="en"><body><main></main></body></html>')
    broken: list[dict[str, Any]] = [
        {"logits": [0.0] * 5},
        {"samples": 0},
        {"samples": 2048},
        {"weighting": "<img src=x onerror=alert(1)>"},
        {"vertical": "closed"},
        {"initial": {"samples": 1e9}},
        {"world": {"calm": [0.5, 0.5], "rewards": [0] * 6}},
        {"formulas": {"estimate": "<img src=x onerror=alert(1)>"}},
    ]
    for values in broken:
        assert not page.evaluate(OFFLINE, [source, state | values]), values
        assert page.locator("main *").count() == 0
    assert page.evaluate(OFFLINE, [source, state])
    root = page.locator(LAB)
    assert root.locator('[data-role="uphill"]').inner_text() == f"{GradientCloud(samples=4).uphill()} of 60"
    root.locator('[data-role="samples"]').fill("10")
    assert root.locator('[data-role="uphill"]').inner_text() == "60 of 60"
    assert root.locator(".pgc-formula svg").count() == 4, "the formulas come from the package"
    root.locator('[data-role="reset"]').click()
    assert root.locator('[data-role="samples-shown"]').inner_text() == "4"
