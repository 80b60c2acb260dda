"""The policy, the score and the estimator explorer in Chromium: their mathematics, hands, keys and words."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from lab_view import LabView
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils import policy
from course_utils.widgets import EstimatorExplorer, PolicyExplorer, ScoreExplorer

pytestmark = pytest.mark.browser

NAMES = ["refund", "replace", "apologise"]
LOGITS = [1.0, 0.5, -0.5]
PI = [0.5, 0.3, 0.2]


def assert_policy(stage: LabView, z: Any, kappa: float = 1.0, c: float = 0.0) -> None:
    """The table, the bars and the entropy are the package's, to 1e-12."""
    z = np.array(z, dtype=float)
    want = policy.softmax(z, kappa)
    np.testing.assert_allclose(stage.row("logit"), z, rtol=0, atol=0)
    np.testing.assert_allclose(stage.row("scaled"), (z + c) / kappa, rtol=1e-12)
    np.testing.assert_allclose(stage.row("probability"), want, rtol=0, atol=1e-12)
    np.testing.assert_allclose(stage.numbers("pi"), want, rtol=0, atol=1e-12)
    heights = stage.seen("nodes('[data-role=pi]').map((bar) => bar.getBBox().height)")
    np.testing.assert_allclose(np.divide(heights, sum(heights)), want, atol=1e-6)
    assert stage.numbers("entropy") == pytest.approx([float(policy.entropy(z / kappa))], abs=1e-12)


# --- the policy explorer -----------------------------------------------------------------------------------


def test_policy_mathematics(page: Page) -> None:
    rng = np.random.default_rng(1)
    for n in range(2, 7):
        stage = MountedLab(page, PolicyExplorer([0.0] * n))
        for _ in range(6):
            z = (rng.choice([0.3, 3.0, 30.0]) * rng.normal(size=n)).tolist()
            kappa, c = float(10 ** rng.uniform(-1, 1)), float(rng.normal(scale=5))
            stage.set(logits=z, temperature=kappa, shift=c)
            assert_policy(stage, z, kappa, c)


def test_policy_samples_are_pythons(page: Page) -> None:
    stage = MountedLab(page, PolicyExplorer(LOGITS, NAMES, seed=11))
    lab = stage.twin
    for button, n in (("draw-1", 1), ("draw-1", 1), ("draw-100", 100), ("draw-100", 100)):
        stage.click(button)
        lab.draw(n)
        assert stage.row("count") == lab.counts
        assert NAMES[lab.drawn_actions[-1]] in stage.text("drawn")
    np.testing.assert_allclose(stage.row("share"), np.array(lab.counts) / 202, atol=1e-12)
    error = np.sqrt(lab.probabilities * (1 - lab.probabilities) / 202)
    np.testing.assert_allclose(stage.row("error"), error, atol=1e-12)
    stage.click("clear")
    lab.clear()
    assert stage.row("count") == [None] * 3
    stage.click("draw-100")
    lab.draw(100)
    assert stage.row("count") == lab.counts, "after clearing the draws are new ones, the same as Python's"
    stage.set(draws=9950)
    stage.use("draw-100", draws=10_000)
    assert stage.role("draw-1").is_disabled()


def test_policy_by_hand_and_keys(page: Page) -> None:
    stage = MountedLab(page, PolicyExplorer(LOGITS, NAMES, draws=10))
    stage.drag("logit", 0, 0, -40)
    z = stage.trait("logits")
    assert z[0] > 1
    assert z[1:] == LOGITS[1:]
    assert_policy(stage, z)
    assert stage.traits("draws", "draw_start") == [0, 10], "a new policy, no draws of the old one"
    keys = [("ArrowUp", -0.4), ("Shift+ArrowDown", -1.4), ("Home", -3.0), ("End", 3.0), ("PageDown", 2.0)]
    stage.press("logit", 2, "logits", *keys, ("ArrowLeft", 1.9))
    assert "apologise" in (stage.role("logit", 2).get_attribute("aria-label") or "")
    stage.type_into("logit-input", "−2,5", 1)
    for wrong in ("abc", "", "1e9", "NaN"):
        stage.type_into("logit-input", wrong, 1)
        assert "logit of replace" in stage.text("message")
        assert stage.trait("logits")[1] == -2.5
    stage.click("reset")
    assert_policy(stage, LOGITS)
    assert stage.text("message") == ""


def test_a_shift_changes_no_probability(page: Page) -> None:
    stage = MountedLab(page, PolicyExplorer(LOGITS, NAMES, draws=100))
    counts = stage.row("count")
    tops = stage.numbers("logit-bar")
    stage.role("shift").fill("4")
    assert_policy(stage, LOGITS, c=4)
    np.testing.assert_allclose(np.subtract(stage.numbers("logit-bar"), tops), 4)
    assert stage.row("count") == counts, "the same policy keeps its draws"
    stage.type_into("shift-input", "1000")
    assert_policy(stage, LOGITS, c=1000)
    assert "∞" in stage.root.locator('td[data-row="exponential"]').first.inner_text()
    assert "too large" in stage.text("sentence")
    stage.type_into("shift-input", "-1000")
    assert "0/0" in stage.text("sentence")
    stage.use("temperature", "-1", temperature=0.1)
    assert_policy(stage, LOGITS, 0.1, -1000)
    stage.type_into("temperature-input", "0")
    assert "temperature" in stage.text("message")


def test_number_of_actions(page: Page) -> None:
    stage = MountedLab(page, PolicyExplorer(LOGITS, NAMES))
    stage.use("count-of-actions", "5", actions=[*NAMES, "a", "b"])
    assert_policy(stage, [*LOGITS, 0, 0])
    stage.role("count-of-actions").select_option("2")
    assert_policy(stage, LOGITS[:2])
    assert "log 2 = 0.693" in stage.text("entropy")
    stage.click("reset")
    assert_policy(stage, LOGITS)


def test_predict_first(page: Page) -> None:
    stage = MountedLab(page, PolicyExplorer([2.0, 0.5, -0.5], NAMES, predict_first=True))
    want = policy.softmax([2.0, 0.5, -0.5])
    page.wait_for_timeout(500)  # the live region speaks late
    markup = stage.root.inner_html()
    assert not re.search("|".join(f"{p:.2f}"[1:] + r"\b" for p in want), stage.root.inner_text())
    assert not any(f"{p:.4f}" in markup for p in want), "the answer is in the page"
    assert not stage.role("entropy").is_visible()
    stage.drag("ghost", 0, 0, -70)
    stage.role("ghost", 2).press("Shift+ArrowDown")
    drawn = np.array(stage.trait("ghosts"))
    stage.click("reveal")
    (record,) = stage.trait("predictions")
    assert record["predicted"] == drawn.tolist(), "bars are compared as drawn"
    np.testing.assert_allclose(record["actual"], want, atol=1e-12)
    gap = np.abs(drawn - want).sum() / 2
    assert record["total_variation"] == pytest.approx(gap, abs=1e-12)
    assert f"{gap:.3f}".rstrip("0") in stage.text("gap")
    assert_policy(stage, [2.0, 0.5, -0.5])
    stage.drag("logit", 1, 0, -20)
    assert not stage.role("gap").is_visible(), "a new policy, and the old prediction is gone"
    stage.click("reset")
    assert stage.role("reveal").is_visible()
    for index in range(3):
        stage.role("ghost", index).press("Home")
    stage.click("reveal")
    assert "all at 0" in stage.text("message")
    for bars, alike in (([0.4, 0.3, 0.3], False), ([0.9, 0.8, 0.7], True), ([0.5, 0.2, 0.3], False)):
        stage.set(ghosts=bars, revealed=False)
        stage.click("reveal")
        assert ("The order of your bars is right" in stage.text("gap")) is alike, "a tie is not an order"
        worst = np.argmax(np.abs(bars - want))
        assert f"{NAMES[worst]} is {'less' if bars[worst] > want[worst] else 'more'} probable" in stage.text("gap")


# --- the score explorer ------------------------------------------------------------------------------------


ENDS = """nodes('[data-role="score"]').map((n) => ["x1", "y1", "x2", "y2"].map((end) => +n.getAttribute(end)))"""
CORNERS = "nodes('svg > polygon')[0].getAttribute('points').trim().split(' ').map((one) => one.split(',').map(Number))"


def assert_scores(stage: LabView, lab: ScoreExplorer) -> None:
    """The table is the package's, to 1e-12; each arrow goes from π to the corner of its action, true to scale."""
    lengths = np.linalg.norm(lab.scores, axis=1)
    for a in range(3):
        np.testing.assert_allclose(stage.row(f"score-{a}"), lab.scores[a], rtol=0, atol=1e-12)
        assert stage.row(f"score-{a}-length")[0] == pytest.approx(lengths[a], abs=1e-12)
    if lab.draws:  # before the first, the lab does not answer the lesson's question
        np.testing.assert_allclose(stage.row("exact-mean"), 0, atol=1e-15)
        np.testing.assert_allclose(stage.row("sample-mean"), lab.mean_score, rtol=0, atol=1e-12)
        error = np.sqrt(np.diag(lab.fisher_information) / lab.draws)
        np.testing.assert_allclose(stage.row("error"), error, rtol=0, atol=1e-12)
    (tails, heads), corners = np.reshape(stage.seen(ENDS), (3, 2, 2)).swapaxes(0, 1), np.array(stage.seen(CORNERS))
    weights = np.array(lab.probabilities) if lab.weighted else np.ones(3)
    np.testing.assert_allclose(tails, np.tile(lab.probabilities @ corners, (3, 1)), atol=1e-9)
    np.testing.assert_allclose(heads, tails + weights[:, None] * (corners - tails), atol=1e-9)
    side = np.linalg.norm(corners[0] - corners[1])  # the distance of two corners, √2 in probabilities
    drawn = np.linalg.norm(heads - tails, axis=1)
    np.testing.assert_allclose(drawn * np.sqrt(2) / side, weights * lengths, atol=1e-9)


def test_score_mathematics(page: Page) -> None:
    rng = np.random.default_rng(2)
    stage = MountedLab(page, ScoreExplorer(PI, NAMES))
    assert_scores(stage, ScoreExplorer(PI))
    for _ in range(15):
        pi = policy.softmax(rng.choice([0.3, 1.0]) * rng.normal(size=3).clip(-2, 2)).tolist()
        lab = ScoreExplorer(pi, weighted=bool(rng.random() < 0.5), draws=int(rng.integers(0, 300)), seed=5)
        stage.set(**{name: getattr(lab, name) for name in ("probabilities", "weighted", "draws", "seed")})
        assert_scores(stage, lab)


def test_the_mean_of_sampled_scores(page: Page) -> None:
    lab = ScoreExplorer(PI, NAMES, seed=4)
    stage = MountedLab(page, lab)
    for n in (1, 10, 100, 100):
        stage.click(f"draw-{n}")
        lab.draw(n)
        assert_scores(stage, lab)
        length = float(np.linalg.norm(lab.mean_score))
        assert stage.row("sample-mean-length")[0] == pytest.approx(length, abs=1e-12)
        (tail, head), corners = np.reshape(stage.seen(ENDS.replace("score", "mean")), (2, 2)), stage.seen(CORNERS)
        side = np.linalg.norm(np.subtract(*corners[:2]))
        assert np.linalg.norm(head - tail) * np.sqrt(2) / side == pytest.approx(length, abs=1e-4)
        radii = stage.role("error-ellipse").evaluate("e => [e.rx.baseVal.value, e.ry.baseVal.value]")
        variances = np.sort(np.linalg.eigvalsh(lab.fisher_information))[::-1][:2]
        np.testing.assert_allclose(np.array(radii) * np.sqrt(2) / side, 2 * np.sqrt(variances / lab.draws), atol=1e-4)
    assert len((stage.role("trail").get_attribute("points") or "").split()) > 40
    stage.click("clear")
    assert stage.row("sample-mean") == [None] * 3


def test_score_by_hand_and_keys(page: Page) -> None:
    stage = MountedLab(page, ScoreExplorer(PI, NAMES, draws=10))
    x, y = stage.grip("policy")
    stage.drag("policy", None, 30, -25)
    assert stage.grip("policy") == pytest.approx((x + 30, y - 25), abs=1.5), "the point follows the hand"
    pi = stage.trait("probabilities")
    assert sum(pi) == pytest.approx(1, abs=1e-12)
    assert pi[0] > 0.5
    assert pi[1] < 0.3
    assert_scores(stage, ScoreExplorer(pi))
    assert stage.trait("draws") == 0
    stage.drag("policy", None, 900, 700)
    far = stage.trait("probabilities")
    assert min(far) >= 0.0099, "the point stays inside"
    assert_scores(stage, ScoreExplorer(far))
    for key, value in (("Home", 0.01), ("End", 0.98), ("PageDown", 0.88)):
        stage.role("policy").press(key)
        assert stage.trait("probabilities")[0] == pytest.approx(value, abs=0.011), key
    for key, grows in (("ArrowUp", 0), ("ArrowRight", 2), ("ArrowLeft", 1), ("Shift+ArrowUp", 0)):
        before = stage.trait("probabilities")[grows]
        page.keyboard.press(key)
        assert stage.trait("probabilities")[grows] > before, key
    assert "refund" in (stage.role("policy").get_attribute("aria-valuetext") or "")
    stage.click("reset")
    stage.type_into("probability-input", ".6", 1)
    np.testing.assert_allclose(stage.trait("probabilities"), [2 / 7, 0.6, 0.8 / 7], atol=1e-3)
    for wrong in ("0", "1", "x"):
        stage.type_into("probability-input", wrong, 1)
        assert "probability of replace" in stage.text("message")
    stage.role("weighted").check()
    assert "add up to 0" in stage.text("sentence")
    stage.click("reset")
    assert_scores(stage, ScoreExplorer(PI))


# --- the estimator explorer --------------------------------------------------------------------------------

SAYS = """{
  pi: role("pi"), reward: role("reward"), exact: role("exact"),
  score: role("score-mark"), difference: role("difference-mark"),
  score_error: row("score-error"), difference_error: row("difference-error"), bias: row("difference-bias"),
  score_expected: role("score-expected-error"), difference_expected: role("difference-expected-error"),
  score_squared: role("score-squared-error"), difference_squared: role("difference-squared-error"),
}"""


def test_estimator_mathematics(page: Page) -> None:
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


def test_estimator_by_hand(page: Page) -> None:
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
    explorer.use("draw-again", draw=1)
    assert not explorer.role("message").is_visible(), "the message outlived its cause"
    explorer.use("samples", "2", samples=5)
    assert "at least 6" in explorer.text("sentence")
    explorer.role("samples").fill("12")
    explorer.use("h", "7", samples=10_000, h=2)
    assert "Bias" in explorer.text("sentence")
    explorer.role("differences").uncheck()
    assert not explorer.role("h").is_visible()
    assert explorer.role("difference-mark").first.is_hidden()
    explorer.use("reset", logits=before, quantities=[2, 1, -1])


def test_estimator_by_keys_and_the_live_region(page: Page) -> None:
    explorer = MountedLab(page, EstimatorExplorer(actions=NAMES))
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


# --- the policy and the score explorer ----------------------------------------------------------------------


def test_the_live_region_speaks(page: Page) -> None:
    for lab, role, words in (
        (PolicyExplorer(LOGITS, NAMES), "draw-100", ("refund 0.55", "After 100 draws")),
        (ScoreExplorer(PI, NAMES), "draw-10", ("refund 0.50", "mean of 10 scores")),
    ):
        stage = MountedLab(page, lab)
        stage.click(role)
        said = stage.spoken()
        assert all(word in said for word in words), said
