"""The policy explorer and the score explorer in Chromium: their mathematics, hands, keys and words.

Most tests show a lab on a bare page with a model that lives in the page alone, which takes a moment; the last ones
show both in JupyterLab, where the kernel must agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from ipywidgets import DOMWidget
from jupyterlab_page import JupyterLabPage
from playwright.sync_api import Locator, Page

from course_utils import policy
from course_utils.widgets import PolicyExplorer, ScoreExplorer
from course_utils.widgets.lab import Lab

pytestmark = pytest.mark.browser

NAMES = ["refund", "replace", "apologise"]
LOGITS = [1.0, 0.5, -0.5]
PI = [0.5, 0.3, 0.2]

MOUNT = """async ([source, css, state]) => {
  document.head.insertAdjacentHTML("beforeend", `<style>${css}</style>`);
  const handlers = new Set();
  window.state = state;
  window.model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; for (const handler of handlers) handler(); },
    on: (_, handler) => handlers.add(handler),
    off: (_, handler) => handlers.delete(handler),
    save_changes: () => {},
  };
  const lab = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  const el = document.createElement("main");
  document.body.append(el);
  lab.default.render({model: window.model, el});
}"""


class Stage:
    """One lab on a bare page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator(".pgc-lab")

    def show(self, lab: Lab, width: int = 800) -> Stage:
        self.page.set_viewport_size({"width": width, "height": 1100})
        self.page.set_content("<!doctype html><html lang='en'><title>lab</title><body style='margin:12px'></body>")
        of_widgets = set(DOMWidget.class_trait_names())
        own = [name for name in lab.trait_names(sync=True) if name not in of_widgets and not name.startswith("_")]
        state = {name: getattr(lab, name) for name in own}
        self.page.evaluate(MOUNT, [str(lab._esm), str(lab._css), state])
        self.root.locator("td").first.wait_for()
        return self

    def role(self, role: str, index: int | None = None) -> Locator:
        where = "" if index is None else f'[data-index="{index}"]'
        return self.root.locator(f'[data-role="{role}"]{where}')

    def state(self, name: str) -> Any:
        return self.page.evaluate("(name) => window.state[name]", name)

    def set(self, **values: Any) -> None:
        self.page.evaluate("(v) => Object.entries(v).forEach(([k, x]) => window.model.set(k, x))", values)

    def row(self, name: str) -> list[float]:
        return self.root.locator(f'td[data-row="{name}"]').evaluate_all(
            "cells => cells.map((cell) => cell.dataset.value === undefined ? null : Number(cell.dataset.value))"
        )

    def text(self, role: str) -> str:
        return self.role(role).inner_text()

    def grip(self, role: str, index: int | None = None) -> tuple[float, float]:
        box = self.role(role, index).locator("circle.pgc-handle").bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, role: str, index: int | None, right: float, down: float) -> None:
        x, y = self.grip(role, index)
        self.page.mouse.move(x + 2, y + 2)
        self.page.mouse.down()
        self.page.mouse.move(x + 2 + right, y + 2 + down, steps=5)
        self.page.mouse.up()

    def type_into(self, role: str, text: str, index: int | None = None) -> None:
        self.role(role, index).fill(text)
        self.role(role, index).press("Enter")

    def axe(self) -> list[str]:
        found = Axe().run(self.page, context=".pgc-lab").response["violations"]
        return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found if v["impact"] in ("serious", "critical")]

    def cut_off(self) -> list[str]:
        """Texts that stick out of the lab, or that their own box cuts."""
        return self.root.evaluate(
            """(root) => { const frame = root.getBoundingClientRect(); const out = [];
              for (const node of root.querySelectorAll("text, button, td, th, label, p, span, select")) {
                if (!node.textContent.trim() || node.closest(".pgc-hidden, [visibility=hidden]")) continue;
                const box = node.getBoundingClientRect();
                if (box.width === 0 || box.height === 0) continue;
                if (box.left < frame.left - 0.5 || box.right > frame.right + 0.5) out.push(node.textContent);
                if (node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).overflow === "hidden")
                  out.push(`cut: ${node.textContent}`);
              } return out; }"""
        )


@pytest.fixture
def stage(page: Page) -> Stage:
    return Stage(page)


def assert_policy(stage: Stage, z: Any, kappa: float = 1.0, c: float = 0.0) -> None:
    """The table, the bars and the entropy are the package's, to 1e-12."""
    z = np.array(z, dtype=float)
    want = policy.softmax(z, kappa)
    np.testing.assert_allclose(stage.row("logit"), z, rtol=0, atol=0)
    np.testing.assert_allclose(stage.row("scaled"), (z + c) / kappa, rtol=1e-12)
    np.testing.assert_allclose(stage.row("probability"), want, rtol=0, atol=1e-12)
    bars = stage.role("pi").evaluate_all("bars => bars.map((b) => [Number(b.dataset.value), b.getBBox().height])")
    np.testing.assert_allclose([b[0] for b in bars], want, rtol=0, atol=1e-12)
    heights = np.array([b[1] for b in bars])
    np.testing.assert_allclose(heights / heights.sum(), want, atol=1e-6)
    entropy = float(stage.role("entropy").get_attribute("data-value") or "nan")
    assert entropy == pytest.approx(float(policy.entropy(z / kappa)), abs=1e-12)


# --- the policy explorer -----------------------------------------------------------------------------------


def test_policy_mathematics(stage: Stage) -> None:
    rng = np.random.default_rng(1)
    for n in range(2, 7):
        stage.show(PolicyExplorer([0.0] * n))
        for _ in range(6):
            z = (rng.choice([0.3, 3.0, 30.0]) * rng.normal(size=n)).tolist()
            kappa, c = float(10 ** rng.uniform(-1, 1)), float(rng.normal(scale=5))
            stage.set(logits=z, temperature=kappa, shift=c)
            assert_policy(stage, z, kappa, c)


def test_policy_samples_are_pythons(stage: Stage) -> None:
    stage.show(PolicyExplorer(LOGITS, NAMES, seed=11))
    lab = PolicyExplorer(LOGITS, NAMES, seed=11)
    for button, n in (("draw-1", 1), ("draw-1", 1), ("draw-100", 100), ("draw-100", 100)):
        stage.role(button).click()
        lab.draw(n)
        assert stage.row("count") == lab.counts
        assert NAMES[lab.drawn_actions[-1]] in stage.text("drawn")
    np.testing.assert_allclose(stage.row("share"), np.array(lab.counts) / 202, atol=1e-12)
    error = np.sqrt(lab.probabilities * (1 - lab.probabilities) / 202)
    np.testing.assert_allclose(stage.row("error"), error, atol=1e-12)
    stage.role("clear").click()
    lab.clear()
    assert stage.row("count") == [None] * 3
    stage.role("draw-100").click()
    lab.draw(100)
    assert stage.row("count") == lab.counts, "after clearing the draws are new ones, the same as Python's"
    stage.set(draws=9950)
    stage.role("draw-100").click()
    assert stage.state("draws") == 10_000
    assert stage.role("draw-1").is_disabled()


def test_policy_by_hand_and_keys(stage: Stage) -> None:
    stage.show(PolicyExplorer(LOGITS, NAMES, draws=10))
    x, y = stage.grip("logit", 0)
    stage.drag("logit", 0, 0, -40)
    assert stage.grip("logit", 0) == pytest.approx((x, y - 40), abs=1.5), "the top follows the hand"
    z = stage.state("logits")
    assert z[0] > 1
    assert z[1:] == LOGITS[1:]
    assert_policy(stage, z)
    assert stage.state("draws") == 0, "a new policy, no draws of the old one"
    assert stage.state("draw_start") == 10
    stage.role("logit", 2).focus()
    for key, want in (
        ("ArrowUp", -0.4),
        ("Shift+ArrowDown", -1.4),
        ("Home", -3.0),
        ("End", 3.0),
        ("PageDown", 2.0),
        ("ArrowLeft", 1.9),
    ):
        stage.page.keyboard.press(key)
        assert stage.state("logits")[2] == pytest.approx(want)
    assert "apologise" in (stage.role("logit", 2).get_attribute("aria-label") or "")
    stage.type_into("logit-input", "−2,5", 1)
    assert stage.state("logits")[1] == -2.5
    for wrong in ("abc", "", "1e9", "NaN"):
        stage.type_into("logit-input", wrong, 1)
        assert "logit of replace" in stage.text("message")
        assert stage.state("logits")[1] == -2.5
    stage.role("reset").click()
    assert_policy(stage, LOGITS)
    assert stage.text("message") == ""


@pytest.mark.parametrize("context_options", [{"has_touch": True}])
def test_policy_by_finger(stage: Stage) -> None:
    stage.show(PolicyExplorer(LOGITS, NAMES), width=390)
    hand = stage.page.context.new_cdp_session(stage.page)
    x, y = stage.grip("logit", 1)
    points = [[{"x": x, "y": y}], *([{"x": x, "y": y + 5 * i}] for i in range(1, 8)), []]
    for kind, point in zip(["touchStart", *["touchMove"] * 7, "touchEnd"], points, strict=True):
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": point})
    assert stage.state("logits")[1] < 0.5
    assert stage.page.evaluate("scrollY") == 0, "the page scrolled under the finger"


def test_a_shift_changes_no_probability(stage: Stage) -> None:
    stage.show(PolicyExplorer(LOGITS, NAMES, draws=100))
    counts = stage.row("count")
    tops = stage.role("logit-bar").evaluate_all("bars => bars.map((b) => Number(b.dataset.value))")
    stage.role("shift").evaluate("e => { e.value = 4; e.dispatchEvent(new Event('input')); }")
    assert_policy(stage, LOGITS, c=4)
    moved = stage.role("logit-bar").evaluate_all("bars => bars.map((b) => Number(b.dataset.value))")
    np.testing.assert_allclose(np.subtract(moved, tops), 4)
    assert stage.row("count") == counts, "the same policy keeps its draws"
    stage.type_into("shift-input", "1000")
    assert_policy(stage, LOGITS, c=1000)
    assert "∞" in stage.root.locator('td[data-row="exponential"]').first.inner_text()
    assert "too large" in stage.text("sentence")
    stage.type_into("shift-input", "-1000")
    assert "0/0" in stage.text("sentence")
    stage.role("temperature").evaluate("e => { e.value = -1; e.dispatchEvent(new Event('input')); }")
    assert stage.state("temperature") == 0.1
    assert_policy(stage, LOGITS, 0.1, -1000)
    stage.type_into("temperature-input", "0")
    assert "temperature" in stage.text("message")


def test_number_of_actions(stage: Stage) -> None:
    stage.show(PolicyExplorer(LOGITS, NAMES))
    stage.role("count-of-actions").select_option("5")
    assert stage.state("actions") == [*NAMES, "a", "b"]
    assert_policy(stage, [*LOGITS, 0, 0])
    stage.role("count-of-actions").select_option("2")
    assert_policy(stage, LOGITS[:2])
    assert "log 2 = 0.693" in stage.text("entropy")
    stage.role("reset").click()
    assert_policy(stage, LOGITS)


def test_predict_first(stage: Stage) -> None:
    stage.show(PolicyExplorer([2.0, 0.5, -0.5], NAMES, predict_first=True))
    want = policy.softmax([2.0, 0.5, -0.5])
    stage.page.wait_for_timeout(500)  # the live region speaks late
    markup = stage.root.inner_html()
    assert not re.search("|".join(f"{p:.2f}"[1:] + r"\b" for p in want), stage.root.inner_text())
    assert not any(f"{p:.4f}" in markup for p in want), "the answer is in the page"
    assert not stage.role("entropy").is_visible()
    stage.drag("ghost", 0, 0, -70)
    stage.role("ghost", 2).focus()
    stage.page.keyboard.press("Shift+ArrowDown")
    drawn = np.array(stage.state("ghosts"))
    stage.role("reveal").click()
    (record,) = stage.state("predictions")
    np.testing.assert_allclose(record["predicted"], drawn / drawn.sum(), atol=1e-12)
    np.testing.assert_allclose(record["actual"], want, atol=1e-12)
    gap = np.abs(drawn / drawn.sum() - want).sum() / 2
    assert record["total_variation"] == pytest.approx(gap, abs=1e-12)
    assert f"{gap:.3f}".rstrip("0") in stage.text("gap")
    assert_policy(stage, [2.0, 0.5, -0.5])
    stage.drag("logit", 1, 0, -20)
    assert not stage.role("gap").is_visible(), "a new policy, and the old prediction is gone"
    stage.role("reset").click()
    assert stage.role("reveal").is_visible()
    for index in range(3):
        stage.role("ghost", index).focus()
        stage.page.keyboard.press("Home")
    stage.role("reveal").click()
    assert "all at 0" in stage.text("message")


# --- the score explorer ------------------------------------------------------------------------------------


def assert_scores(stage: Stage, lab: ScoreExplorer) -> None:
    """The table is the package's, to 1e-12; each arrow goes from π to the corner of its action, true to scale."""
    for a in range(3):
        np.testing.assert_allclose(stage.row(f"score-{a}"), lab.scores[a], rtol=0, atol=1e-12)
    lengths = np.linalg.norm(lab.scores, axis=1)
    shown = [stage.row(f"score-{a}-length")[0] for a in range(3)]
    np.testing.assert_allclose(shown, lengths, atol=1e-12)
    np.testing.assert_allclose(stage.row("exact-mean"), 0, atol=1e-15)
    if lab.draws:
        np.testing.assert_allclose(stage.row("sample-mean"), lab.mean_score, rtol=0, atol=1e-12)
        error = np.sqrt(np.diag(lab.fisher_information) / lab.draws)
        np.testing.assert_allclose(stage.row("error"), error, rtol=0, atol=1e-12)
    arrows = np.array(
        stage.role("score").evaluate_all("l => l.map((n) => ['x1','y1','x2','y2'].map((k) => +n.getAttribute(k)))")
    )
    corners = np.array(
        [p.split(",") for p in (stage.root.locator("svg > polygon").first.get_attribute("points") or "").split()], float
    )
    weights = np.array(lab.probabilities) if lab.weighted else np.ones(3)
    np.testing.assert_allclose(arrows[:, :2], np.tile(lab.probabilities @ corners, (3, 1)), atol=1e-9)
    ends = arrows[:, :2] + weights[:, None] * (corners - arrows[:, :2])
    np.testing.assert_allclose(arrows[:, 2:], ends, atol=1e-9)
    side = np.linalg.norm(corners[0] - corners[1])  # the distance of two corners, √2 in probabilities
    drawn = np.hypot(*(arrows[:, 2:] - arrows[:, :2]).T)
    np.testing.assert_allclose(drawn * np.sqrt(2) / side, weights * lengths, atol=1e-9)


def test_score_mathematics(stage: Stage) -> None:
    rng = np.random.default_rng(2)
    stage.show(ScoreExplorer(PI, NAMES))
    assert_scores(stage, ScoreExplorer(PI))
    for _ in range(15):
        pi = policy.softmax(rng.choice([0.3, 1.0]) * rng.normal(size=3).clip(-2, 2)).tolist()
        lab = ScoreExplorer(pi, weighted=bool(rng.random() < 0.5), draws=int(rng.integers(0, 300)), seed=5)
        stage.set(**{name: getattr(lab, name) for name in ("probabilities", "weighted", "draws", "seed")})
        assert_scores(stage, lab)


def test_the_mean_of_sampled_scores(stage: Stage) -> None:
    lab = ScoreExplorer(PI, NAMES, seed=4)
    stage.show(lab)
    for n in (1, 10, 100, 100):
        stage.role(f"draw-{n}").click()
        lab.draw(n)
        assert_scores(stage, lab)
        length = float(np.linalg.norm(lab.mean_score))
        assert stage.row("sample-mean-length")[0] == pytest.approx(length, abs=1e-12)
        mean = stage.role("mean").evaluate(
            "n => Math.hypot(n.x2.baseVal.value - n.x1.baseVal.value, n.y2.baseVal.value - n.y1.baseVal.value)"
        )
        side = stage.root.locator("svg > polygon").first.evaluate("p => p.getBBox().width")
        assert mean * np.sqrt(2) / side == pytest.approx(length, abs=1e-4)
        radii = stage.role("error-ellipse").evaluate("e => [e.rx.baseVal.value, e.ry.baseVal.value]")
        variances = np.sort(np.linalg.eigvalsh(lab.fisher_information))[::-1][:2]
        np.testing.assert_allclose(np.array(radii) * np.sqrt(2) / side, 2 * np.sqrt(variances / lab.draws), atol=1e-4)
    assert len((stage.role("trail").get_attribute("points") or "").split()) > 40
    stage.role("clear").click()
    assert stage.row("sample-mean") == [None] * 3


def test_score_by_hand_and_keys(stage: Stage) -> None:
    stage.show(ScoreExplorer(PI, NAMES, draws=10))
    x, y = stage.grip("policy")
    stage.drag("policy", None, 30, -25)
    assert stage.grip("policy") == pytest.approx((x + 30, y - 25), abs=1.5), "the point follows the hand"
    pi = stage.state("probabilities")
    assert sum(pi) == pytest.approx(1, abs=1e-12)
    assert pi[0] > 0.5
    assert pi[1] < 0.3
    assert_scores(stage, ScoreExplorer(pi))
    assert stage.state("draws") == 0
    stage.drag("policy", None, 900, 700)
    far = stage.state("probabilities")
    assert min(far) >= 0.0099, "the point stays inside"
    assert_scores(stage, ScoreExplorer(far))
    stage.role("policy").focus()
    for key, value in (("Home", 0.01), ("End", 0.98), ("PageDown", 0.88)):
        stage.page.keyboard.press(key)
        assert stage.state("probabilities")[0] == pytest.approx(value, abs=0.011), key
    for key, grows in (("ArrowUp", 0), ("ArrowRight", 2), ("ArrowLeft", 1), ("Shift+ArrowUp", 0)):
        before = stage.state("probabilities")[grows]
        stage.page.keyboard.press(key)
        assert stage.state("probabilities")[grows] > before, key
    assert "refund" in (stage.role("policy").get_attribute("aria-valuetext") or "")
    stage.role("reset").click()
    stage.type_into("probability-input", ".6", 1)
    np.testing.assert_allclose(stage.state("probabilities"), [2 / 7, 0.6, 0.8 / 7], atol=1e-3)
    for wrong in ("0", "1", "x"):
        stage.type_into("probability-input", wrong, 1)
        assert "probability of replace" in stage.text("message")
    stage.role("weighted").check()
    assert "add up to 0" in stage.text("sentence")
    stage.role("reset").click()
    assert_scores(stage, ScoreExplorer(PI))


# --- both ----------------------------------------------------------------------------------------------------

LABS: list[Callable[[], Lab]] = [
    lambda: PolicyExplorer(LOGITS, NAMES, draws=30),
    lambda: PolicyExplorer([12.0, 0.5, -0.5, 0.0, 2.0, -3.25], draws=10_000, temperature=2.0, shift=5.0),
    lambda: PolicyExplorer(LOGITS, NAMES, predict_first=True),
    lambda: ScoreExplorer(PI, NAMES),
    lambda: ScoreExplorer([0.9, 0.06, 0.04], NAMES, draws=10_000, seed=3),
]


@pytest.mark.parametrize("width", [800, 390])
def test_nothing_is_cut_off_and_all_is_accessible(stage: Stage, width: int) -> None:
    for make in LABS:
        lab = make()
        stage.show(lab, width)
        assert stage.cut_off() == [], repr(lab)
        assert stage.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
        assert stage.root.bounding_box()["width"] <= 720  # type: ignore[index]
        if width < 720:  # the same nodes at either width, and axe takes its time
            assert stage.axe() == [], repr(lab)


def test_the_live_region_speaks(stage: Stage) -> None:
    for lab, role, words in (
        (PolicyExplorer(LOGITS, NAMES), "draw-100", ("refund 0.55", "After 100 draws")),
        (ScoreExplorer(PI, NAMES), "draw-10", ("refund 0.50", "mean of 10 scores")),
    ):
        stage.show(lab)
        stage.role(role).click()
        stage.page.wait_for_timeout(500)
        said = stage.role("live").text_content() or ""
        assert all(word in said for word in words), said


def test_in_jupyterlab_the_kernel_agrees(open_cells: Callable[..., JupyterLabPage]) -> None:
    notebook = open_cells(
        f"from course_utils.widgets import PolicyExplorer, ScoreExplorer\nlab = PolicyExplorer({LOGITS}, draws=5)\nlab",
        f"score = ScoreExplorer({PI})\nscore",
    )
    for kind, name, role in (("policy", "lab", "logit"), ("score", "score", "policy")):
        stage = Stage(notebook.page)
        stage.root = notebook.page.locator(f'.pgc-lab[data-lab="{kind}"]')
        stage.root.wait_for()
        notebook.scroll_to(stage.root)
        stage.drag(role, 0 if kind == "policy" else None, 0, -30)
        stage.role("draw-100").click()
        seen = stage.row("probability")
        notebook.wait_for_kernel(f"list({name}.probabilities)", lambda v, w=seen: np.allclose(v, w, rtol=0, atol=1e-12))
        notebook.wait_for_kernel(f"{name}.draws", lambda v: v == 100)
        if kind == "policy":
            assert notebook.kernel_value("lab.counts") == stage.row("count")
            notebook.execute("lab.logits = [0, 0, 2]")
        else:
            np.testing.assert_allclose(
                notebook.kernel_value("list(score.mean_score)"), stage.row("sample-mean"), atol=1e-12
            )
            notebook.execute("score.probabilities = [0.2, 0.2, 0.6]")
        want = [*policy.softmax([0, 0, 2])] if kind == "policy" else [0.2, 0.2, 0.6]
        notebook.wait_for_page(
            f"""[...document.querySelectorAll('.pgc-lab[data-lab="{kind}"] td[data-row="probability"]')]"""
            ".map((c) => Number(c.dataset.value))",
            lambda v, w=want: np.allclose(v, w, rtol=0, atol=1e-12),
        )
        assert notebook.kernel_value(f"{name}.draws") == 0
        told = notebook.execute(
            f"try:\n    {name}.{'logits' if kind == 'policy' else 'probabilities'} = [1, 2]\n"
            "except Exception as error:\n    print(type(error).__name__)"
        )
        assert "TraitError" in told, json.dumps(told)
