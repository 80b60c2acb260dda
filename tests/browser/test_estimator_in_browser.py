"""The estimator explorer in Chromium: its mathematics against Python's, hands and keys, layout, and JupyterLab."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page

from course_utils.widgets import EstimatorExplorer, offline

pytestmark = pytest.mark.browser
Open = Callable[..., Any]

LAB = '.pgc-lab[data-lab="estimator"]'

# A model of its own for a page without Jupyter: what render() asks of it, and no more.
START = """async ([source, style, values]) => {
  document.head.insertAdjacentHTML("beforeend", `<title>lab</title><style>${style}</style>`);
  const handlers = new Set();
  window.lab = {
    get: (name) => values[name],
    set(name, value) { values[name] = value; handlers.forEach((handler) => handler()); },
    save_changes() {},
    on: (event, handler) => handlers.add(handler),
    off: (event, handler) => handlers.delete(handler),
  };
  const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
  (await import(url)).default.render({model: window.lab, el: document.querySelector("main")});
}"""

# Set each setting and read what the picture and the table then say.
FEED = """(settings) => settings.map((setting) => {
  for (const [name, value] of Object.entries(setting)) window.lab.set(name, value);
  const number = ({dataset: {value}}) => (value === undefined ? null : Number(value));
  const values = (selector) => [...document.querySelectorAll(selector)].map(number);
  const role = (name) => values(`[data-role="${name}"]`);
  const row = (name) => values(`td[data-row="${name}"]`);
  return {
    pi: role("pi"), reward: role("reward"), exact: role("exact"),
    score: role("score-mark"), difference: role("difference-mark"),
    score_error: row("score-error"), difference_error: row("difference-error"), bias: row("difference-bias"),
    score_expected: role("score-expected-error"), difference_expected: role("difference-expected-error"),
    score_squared: role("score-squared-error"), difference_squared: role("difference-squared-error"),
  };
})"""


class Explorer:
    """The lab on a bare page."""

    def __init__(self, page: Page, **setting: Any) -> None:
        self.page = page
        self.twin = EstimatorExplorer(**setting)
        values = {name: getattr(self.twin, name) for name in offline.traits(EstimatorExplorer)}
        page.set_content('<html lang="en"><body><main></main></body></html>')
        page.evaluate(START, [self.twin._esm, self.twin._css, values])
        self.root = page.locator(LAB)
        self.root.wait_for()

    def role(self, role: str, index: int | None = None) -> Locator:
        where = "" if index is None else f'[data-index="{index}"]'
        return self.root.locator(f'[data-role="{role}"]{where}')

    def trait(self, name: str) -> Any:
        return self.page.evaluate("(name) => window.lab.get(name)", name)

    def slide(self, role: str, place: int) -> None:
        self.role(role).evaluate(
            "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", place
        )

    def drag(self, role: str, index: int, down: float) -> tuple[float, float]:
        """Drag a handle; return where the hand let go and where the handle then is, both from the top."""
        handle = self.role(role, index).locator("circle").last
        box = handle.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + 1, y + down, steps=5)
        moved = handle.bounding_box()
        self.page.mouse.up()
        assert moved is not None
        return y + down, moved["y"] + moved["height"] / 2


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
    """200 random settings, to 1e-12 of the size of the numbers (finite differences are divided by 2h)."""
    explorer = Explorer(page)
    settings = random_settings(np.random.default_rng(33), 200)
    settings.append({"samples": 10_000, "h": 0.5})
    for setting, seen in zip(settings, page.evaluate(FEED, settings), strict=True):
        lab = explorer.twin
        for name, value in setting.items():
            setattr(lab, name, value)
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
    hand, handle = explorer.drag("logit", 1, -40)
    assert handle == pytest.approx(hand, abs=1.5), "the bar did not stay under the pointer"
    after = explorer.trait("logits")
    assert after[1] > before[1]
    assert [after[0], after[2]] == [before[0], before[2]], "another logit moved"
    hand, handle = explorer.drag("quantity", 0, 30)
    assert handle == pytest.approx(hand, abs=1.5)
    assert explorer.trait("quantities")[0] < 2
    explorer.role("reward-kind").select_option("step")
    moved = explorer.trait("quantities")[0]
    assert float(explorer.role("reward", 0).get_attribute("data-value") or "nan") == np.floor(moved)
    explorer.role("logit-input", 2).fill("1,5")
    explorer.role("logit-input", 2).press("Enter")
    assert explorer.trait("logits")[2] == 1.5
    for wrong in ("abc", "", "99", "NaN"):
        explorer.role("quantity-input", 1).fill(wrong)
        explorer.role("quantity-input", 1).press("Enter")
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


def test_keys_names_and_the_live_region(page: Page) -> None:
    explorer = Explorer(page, actions=["refund", "replace", "apologise"])
    explorer.role("reward-kind").focus()
    reached = []
    for _ in range(25):
        role, index, name, inside = page.evaluate(
            """() => {
              const e = document.activeElement;
              const name = e.getAttribute("aria-label") || e.labels?.[0]?.textContent || e.textContent;
              return [e.dataset.role ?? e.tagName, e.dataset.index ?? null, name, !!e.closest(".pgc-lab")];
            }"""
        )
        if not inside:
            break
        assert name.strip(), f"{role} {index} has no name"
        reached.append((role, index))
        page.keyboard.press("Tab")
    wanted = {(role, None) for role in ("reward-kind", "differences", "samples", "h", "draw-again", "reset", "SUMMARY")}
    wanted |= {(role, str(i)) for role in ("logit", "quantity", "logit-input", "quantity-input") for i in range(3)}
    assert set(reached) == wanted
    assert len(reached) == len(wanted), "Tab went in a circle"
    explorer.role("logit", 2).focus()
    for key, value in (
        ("Home", -8),
        ("End", 8),
        *[("PageDown", k) for k in range(7, -1, -1)],
        ("ArrowUp", 0.1),
        ("Shift+ArrowUp", 1.1),
        ("ArrowDown", 1.0),
    ):
        page.keyboard.press(key)
        assert explorer.trait("logits")[2] == value, key
    assert explorer.role("logit", 2).get_attribute("aria-valuetext") == "1, probability 0.77"
    explorer.role("samples").focus()
    page.keyboard.press("ArrowRight")
    assert explorer.trait("samples") == 200
    page.wait_for_timeout(500)
    spoken = explorer.role("live").text_content() or ""
    assert "Exact gradient: refund" in spoken
    assert "m = 200" in spoken


def test_more_samples_close_in(page: Page) -> None:
    """What the lesson says to watch: the marks of m = 10,000 lie nearer than those of m = 10, for both kinds.

    The mean over 8 batches falls 1,000-fold on average; that it should not fall at all has a chance below 1e-9.
    """
    explorer = Explorer(page, seed=9)
    few, many = page.evaluate(FEED, [{"samples": 10}, {"samples": 10_000}])
    for name in ("score_squared", "difference_squared"):
        assert np.mean(many[name]) < np.mean(few[name])
    assert explorer.root.is_visible()


LAYOUT = """() => {
  const root = document.querySelector('.pgc-lab');
  const box = (n) => n.getBoundingClientRect();
  const frame = box(root), faults = [];
  if (frame.width > 720) faults.push(`the lab is ${frame.width} px wide`);
  for (const n of root.querySelectorAll("*")) {
    const b = box(n);
    const outside = b.left < frame.left - 1 || b.right > frame.right + 1;
    if (outside && b.width > 1 && getComputedStyle(n).visibility !== "hidden")
      faults.push(`${n.tagName} ${n.dataset.role ?? ""} “${n.textContent.slice(0, 30)}” sticks out`);
  }
  for (const input of root.querySelectorAll("input[type=text]"))
    if (input.scrollWidth > input.clientWidth + 1) faults.push(`“${input.value}” is cut`);
  for (const svg of root.querySelectorAll(".pgc-panel svg")) {
    const out = box(svg);
    const shown = [...svg.querySelectorAll("text")].filter((t) => t.textContent.trim() !== ""
      && getComputedStyle(t).visibility !== "hidden" && box(t).width > 0);
    shown.forEach((t, i) => {
      const b = box(t);
      if (b.left < out.left - 1 || b.right > out.right + 1 || b.top < out.top - 1 || b.bottom > out.bottom + 1)
        faults.push(`“${t.textContent}” is cut by its picture`);
      for (const other of shown.slice(i + 1)) {
        const c = box(other);
        const wide = Math.min(b.right, c.right) - Math.max(b.left, c.left);
        const high = Math.min(b.bottom, c.bottom) - Math.max(b.top, c.top);
        if (wide > 1 && high > 1)
          faults.push(`“${t.textContent}” and “${other.textContent}” overlap`);
      }
    });
  }
  return [...new Set(faults)];
}"""


def test_layout_and_axe(page: Page, shots: Any) -> None:
    explorer = Explorer(page, actions=["refund", "replace", "apologise"], quantities=[2.35, -0.75, -9.5])
    explorer.root.locator("summary").click()
    faults = {}
    for width in (1280, 720, 390, 302):  # 302: what a phone leaves a lab in JupyterLab
        page.set_viewport_size({"width": width, "height": 1100})
        for kind, differences, samples in (("number", True, 20), ("step", True, 10_000), ("thumb", False, 1)):
            page.evaluate(FEED, [{"reward_kind": kind, "differences": differences, "samples": samples}])
            page.wait_for_timeout(60)
            if found := page.evaluate(LAYOUT):
                faults[f"{width} px, {kind}"] = found
            shots.mkdir(parents=True, exist_ok=True)
            explorer.root.screenshot(path=shots / f"estimator_{width}_{kind}.png")
        violations = Axe().run(page, context=LAB).response["violations"]
        serious = [v["id"] for v in violations if v["impact"] in ("serious", "critical")]
        if serious:
            faults[f"{width} px, axe"] = serious
    assert not faults, json.dumps(faults, indent=1, ensure_ascii=False)


def test_in_jupyterlab_the_kernel_and_the_picture_are_one(open_cells: Open) -> None:
    cell = "from course_utils.widgets import EstimatorExplorer\nlab = EstimatorExplorer(seed=4)\nlab"
    notebook = open_cells(cell)
    root = notebook.page.locator(LAB)
    root.wait_for()
    notebook.scroll_to(root)
    box = root.locator('[data-role="logit"][data-index="0"] circle').last.bounding_box()
    notebook.page.mouse.move(box["x"] + 8, box["y"] + 8)
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + 8, box["y"] - 20, steps=4)
    notebook.page.mouse.up()
    slider = root.locator('[data-role="logit"][data-index="0"]')
    final = float(slider.get_attribute("aria-valuenow"))  # messages to the kernel come a little later
    moved = notebook.wait_for_kernel("lab.logits", lambda z: z[0] == final)
    assert final > -0.5
    marks = f"""[...document.querySelectorAll('{LAB} [data-role="score-mark"][data-batch="0"]')]
      .map((n) => Number(n.dataset.value))"""
    for code in ("pass", "lab.samples = 700; lab.reward_kind = 'thumb'", "lab.draw_again()"):
        notebook.execute(code)
        wanted = notebook.kernel_value("lab.score_function().batches[0].tolist()")
        notebook.wait_for_page(marks, lambda seen, want=wanted: np.allclose(seen, want, rtol=0, atol=1e-12))
    assert notebook.kernel_value("lab.logits") == moved
