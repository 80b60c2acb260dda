"""What lesson 06 says about numbers: exact ones against a second way, sampled ones by z-bounds against enumeration.

The lesson's cells run here with a seed that its reader does not see. Sampled means are held to 7 standard errors, which
a normal distribution leaves once in 4 · 10^11. Fewer than 200 means are compared, each over 300 terms or more, so that
a false alarm has a chance below 1 in 100,000 even where the tails are a thousand times heavier. Frequencies of episode
lengths are held to Bernstein's inequality, which needs no such allowance.
"""

import contextlib
import io
import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from claims import Lesson, holds
from conversation import GRADIENT, PR, REWARDS, STATES, V, averaged, gradients, moments, of_state, to_go, total

from course_utils import estimators, learning_curves, mdp, policy, worlds
from course_utils.widgets.baseline_lab import PRESETS

FIGURES = ("puzzle-figure", "bandit", "corridor", "length-figure")
LESSON = Lesson("06", "predict-", "may-lab", "height-lab", *FIGURES)
prose = LESSON.prose
ASKED, CAME = LESSON.predictions, LESSON.came
Z = 7.0
EXACT = np.array([0.275, -0.176, 0.432])
np.testing.assert_allclose(GRADIENT, np.stack([EXACT, -EXACT], axis=1), atol=1e-12)

read = LESSON.played()
again = LESSON.played(616)


def test_the_puzzle(read: Any) -> None:
    seen = read["puzzle-code"]
    variance = {}
    for name, more in (("as it was", 0.0), ("100 more", 100.0)):
        rewards = REWARDS + more
        mean, variance[name] = moments(total(rewards))
        for gradient in (mean, seen["both_worlds"][name].policy_gradient(seen["logits"])[:3]):
            np.testing.assert_allclose(gradient[:, 0], EXACT, atol=1e-12)
        assert seen["variance"][name] == pytest.approx(variance[name], rel=1e-10)
        assert moments(to_go(rewards) - values_on_paths(more))[1] == pytest.approx(3.57026, rel=1e-7)
    length = 2 * (EXACT**2).sum()
    assert round(variance["100 more"] / variance["as it was"]) == 7348
    assert round(100 * variance["as it was"] / length) == 825
    assert 100 * variance["100 more"] / length > 6e6
    holds(prose, "grown 7,348 times", "825 conversations", "more than six million", "is 3.5703 in both worlds")
    assert read["values-code"]["printed"].count("variance 3.5703") == 2
    assert "by a factor of 7,348" in CAME["hundred-points"]


def values_on_paths(more: float = 0.0) -> np.ndarray:
    """V(s_t) of the two steps of each path, shape (8, 2)."""
    return np.array([of_state(to_go(REWARDS + more), s) for s in range(3)])[STATES]


def test_the_values_grow_by_200_and_100() -> None:
    np.testing.assert_allclose(values_on_paths(100) - values_on_paths(), [[200, 100]] * 8, atol=1e-12)
    assert "by 200 where two replies are still to come, and by 100 where there is one" in prose


def test_the_values_by_hand(read: Any) -> None:
    seen = read["values-code"]
    by_hand = [seen["V_first"], seen["V_calm"], seen["V_angry"]]
    np.testing.assert_allclose(by_hand, V, atol=1e-12)
    for name, more in (("as it was", 0.0), ("100 more", 100.0)):
        values = seen["both_worlds"][name].state_values(seen["logits"])[:3]
        np.testing.assert_allclose(values, [of_state(to_go(REWARDS + more), s) for s in range(3)], atol=1e-10)
    assert seen["V_first"] == pytest.approx(PR @ REWARDS.sum(axis=1))  # "is J"
    holds(prose, "0.2\\cdot1+0.8\\cdot3=2.6$", "That is 0.21, and it is $J$")
    assert LESSON.offered("angry-value") == pytest.approx([seen["V_angry"], (0 - 4) / 2, -4, 0.6 * -4, 1.6, 0])
    came = "V(angry) = −1.6. With V(calm) = 2.6 the value of the first message is 0.21,"
    assert CAME["angry-value"].startswith(came)


def test_a_hundred_points_change_the_gradient_where_the_length_depends_on_actions() -> None:
    game = worlds.geometric_mdp()
    paid = mdp.TabularMDP(game.transitions, game.rewards + np.array([[100.0], [0.0]]), game.start, terminal_states=(1,))
    logits = np.zeros((2, 2))
    assert np.abs(paid.policy_gradient(logits) - game.policy_gradient(logits)).max() > 1


def test_the_lemma(read: Any) -> None:
    printed, pi = read["lemma-code"]["printed"], np.array([0.5, 0.3, 0.2])
    assert re.findall(r"= +(-?\d+\.\d)\n", printed)[:3] == ["25.0", "-15.0", "-10.0"]
    assert printed.count("1.0000") == 2
    answer, without_pi, own = 100 * (pi[1:] * -pi[0]).sum(), 100 * -pi[0] * 2, 100 * (pi[1:] * -pi[1:]).sum()
    assert LESSON.offered("three-terms") == pytest.approx([answer, 25, 0, without_pi, own])
    seen = read["lemma-action-code"]
    np.testing.assert_allclose(seen["g"], [0.35, -0.09, -0.26], atol=1e-12)
    np.testing.assert_allclose(seen["biased"] - seen["g"], -seen["b_of_action"] @ seen["d_pi"], atol=1e-12)
    assert seen["biased"][0] == pytest.approx(-0.15)
    assert seen["R"][0] - seen["b_of_action"][0] == seen["R"][2] - seen["b_of_action"][2]  # "no more than an apology"
    holds(prose, "contributions are 25, −15 and −10", "pays no more than an apology", "went from 0.35 to −0.15")
    assert "went from 0.35 to −0.15" in CAME["colleague"]


def test_the_parabola_and_its_lowest_point(read: Any) -> None:
    seen = read["best-code"]
    pi, R, variance_with, V, best = (seen[name] for name in ("pi", "R", "variance_with", "V", "best"))
    assert PRESETS["near_ten"]["rewards"] == R.tolist(), "the lab's first situation is the lesson's"
    np.testing.assert_allclose(policy.softmax(PRESETS["near_ten"]["logits"]), pi, atol=1e-12)
    for b in (0.0, 10.0, 20.0):
        samples = (R - b)[:, None] * (np.eye(3) - pi)
        assert variance_with(b) == pytest.approx(pi @ ((samples - pi @ samples) ** 2).sum(axis=1))
    assert pytest.approx(10.3) == V
    at = round(variance_with(0.0), 2), round(variance_with(V), 4), round(variance_with(best), 4), round(best, 3)
    assert at == (62.07, 0.2472, 0.1877, 9.990)
    holds(CAME["lowest"], "lowest at 9.990", "At V = 10.3 the variance is 0.2472, at the lowest point 0.1877")
    assert min(variance_with(b) for b in (9.0, 11.0)) > 2 * variance_with(V)
    assert all(variance_with(best) <= variance_with(b) for b in np.linspace(0, 20, 401))
    assert seen["lowest"] == pytest.approx(9.990, abs=1e-9)
    assert seen["gap"] == pytest.approx(variance_with(V) - variance_with(best), abs=1e-12)
    np.testing.assert_allclose(seen["squared_score"], [0.38, 0.78, 0.98], atol=1e-12)
    assert min(variance_with(0.0), variance_with(20.0)) > 62
    curve = "at 0 and at 20 the variance is above 62, and between them it falls below 0.2"
    lengths, heights = "0.98 for *apologise*, 0.38 for *refund*", "from 62.07 to 0.2472, and the last bit to 0.1877"
    holds(prose, "$V=10.3$", heights, lengths, curve)
    even = np.full(3, 1 / 3)
    weights = even * ((np.eye(3) - even) ** 2).sum(axis=1)
    assert weights @ R / weights.sum() == pytest.approx(even @ R)  # "if all scores are equally long the two coincide"


def test_where_v_hurts(read: Any) -> None:
    for p in np.linspace(0.05, 0.99, 48):
        pi, R = np.array([p, 1 - p]), np.array([1.0, 0.0])
        score = np.eye(2) - pi
        squared, g = (score**2).sum(axis=1), pi @ (R[:, None] * score)
        of_0, of_V, of_best = (pi @ (squared * (R - b) ** 2) - g @ g for b in (0, p, 1 - p))
        assert (pi * squared) @ R / (pi @ squared) == pytest.approx(1 - p)
        assert of_best == pytest.approx(0, abs=1e-12)
        assert (of_V > of_0) == (p > 2 / 3)
        if p == pytest.approx(0.95):
            assert round(of_V / of_0) == 324
            assert "324 times that without a baseline. Beyond p = 2/3" in CAME["nearly-certain"]
            assert math.sqrt(squared[1] / squared[0]) == pytest.approx(19)  # "a score 19 times as long"
    seen = read["hurts-lab-check"]
    assert PRESETS["nearly_certain"]["rewards"] == seen["points"].tolist()
    np.testing.assert_allclose(policy.softmax(PRESETS["nearly_certain"]["logits"]), seen["sure"], atol=1e-12)
    assert seen["at_V"] > 3_000 * seen["at_0"] > 0
    holds(prose, "$p=0.95$ its variance is 324 times", "Beyond two thirds", "weight −0.95", "more than 3,000 times")


def test_baselines_from_the_batch(read: Any) -> None:
    """For larger batches test_estimators.py has the means of B and C."""
    G, seen = to_go(), read["batch-code"]
    own = G - G.mean(axis=1, keepdims=True)
    mean, _ = moments(own)
    np.testing.assert_allclose(mean[:, 0], [-0.125, 0, 0], atol=1e-12)
    np.testing.assert_allclose(seen["A"][:3], mean, atol=1e-12)
    np.testing.assert_allclose(own * 2, REWARDS[:, :1] * [1, -1], atol=1e-12)
    for m in (2, 3):
        rows = np.array(list(itertools.product(range(8), repeat=m)))  # every batch of m conversations, (8^m, m)
        with_self = G[rows] - G[rows].mean(axis=1, keepdims=True)
        others = (G[rows].sum(axis=1, keepdims=True) - G[rows]) / (m - 1)
        np.testing.assert_allclose(with_self * m / (m - 1), G[rows] - others, atol=1e-12)
    np.testing.assert_allclose([seen["B"][:3, 0], seen["C"][:3, 0]], [EXACT / 2, EXACT], atol=1e-12)
    assert seen["printed"].endswith("B is half of exact: True   C is exact: True\n")
    factor = "In every single batch B's weights are $1-\\frac1m$ times C's"
    holds(prose, "$r_1/2$ and $-r_1/2$", factor, "with $m=100$ by one percent")
    assert [option["right"] for option in ASKED["three-means"]["options"]] == [True, True, False]


def test_what_a_baseline_may_depend_on(read: Any) -> None:
    """The lab's table says so too: test_baseline_table.py."""
    taken = read["may-code"]["taken_away"]
    innocent = ["a constant", "the time t", "the state s_t", "what was done before", "another's return"]
    guilty = ["the action a_t", "the reward r_t", "the next state", "the own return"]
    biased = {name: not np.allclose(bias, 0, atol=1e-12) for name, bias in taken.items()}
    assert biased == dict.fromkeys(innocent, False) | dict.fromkeys(guilty, True)
    np.testing.assert_allclose(taken["the own return"][:3, 0], EXACT, atol=1e-12)  # "takes away the whole gradient"


# --- the geometric task ----------------------------------------------------------------------------------

FORMULAS: dict[str, Callable[[float], float]] = {
    "total return": lambda p: 1 + 8 * p + 4 * p**2,
    "total return − V": lambda p: 1 + 6 * p + p**2,
    "reward-to-go": lambda p: 1 + 3 * p + p**2,
    "reward-to-go − V": lambda p: 1 + p,
}


def closed_form(name: str, p: float) -> float:
    """The variance of one episode's gradient."""
    return 2 * p * FORMULAS[name](p) / (1 - p) ** 2


def of_length(name: str, length: np.ndarray, p: float) -> np.ndarray:
    """The gradient's first entry (the second is its negative) after so many stays, as the lesson writes it."""
    q, V = 1 - p, p / (1 - p)
    first: dict[str, np.ndarray] = {
        "total return": length * q * (length - V),
        "total return − V": q * (length - V) ** 2,
        "reward-to-go": q / 2 * length * (length + 1),
        "reward-to-go − V": q / 2 * length * (length + 1) - V * q * (length - V),
    }
    return first[name]


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8, 0.9])
def test_the_closed_forms_by_enumeration(read: Any, p: float) -> None:
    horizon = math.ceil(math.log(1e-18) / math.log(p))
    game, logits = worlds.geometric_mdp(horizon=horizon), np.array([[np.log(p), np.log(1 - p)], [0.0, 0.0]])
    listed, seen = game.enumerate_trajectories(logits), read["length-code"]
    stays = listed.returns
    ended = stays < horizon  # the last trajectory is cut off by the horizon
    assert listed.probabilities @ listed.mask.sum(axis=1) == pytest.approx(1 / (1 - p), rel=1e-9)  # "on average 1/q"
    for name, weights in seen["weightings"](listed, V=p / (1 - p)).items():
        found = estimators.exact_moments(listed, logits, weights)
        expected = closed_form(name, p)
        np.testing.assert_allclose(found.mean[0], p / (1 - p) * np.array([1.0, -1.0]), rtol=1e-9)
        assert found.variance == pytest.approx(expected, rel=1e-7)
        assert seen["closed_form"][name](p) == pytest.approx(expected, rel=1e-12)
        each = estimators.score_gradients(logits, listed, weights)
        np.testing.assert_allclose(each[ended, 0, 0], of_length(name, stays, p)[ended], rtol=1e-9, atol=1e-9)
    for k, moment in enumerate([p, p * (1 + p), p * (1 + 4 * p + p**2), p * (1 + 11 * p + 11 * p**2 + p**3)], start=1):
        assert listed.probabilities @ stays**k == pytest.approx(moment / (1 - p) ** k, rel=1e-7)


def test_what_is_said_of_longer_episodes(read: Any) -> None:
    for name in FORMULAS:
        value = closed_form(name, 0.5)
        assert f"{name:17s} {value:8.4f} {value:16.4f}" in read["length-code"]["printed"]
        near, far, farther = (closed_form(name, p) for p in (0.9, 0.99, 0.999))
        assert 100 < far / near < 130  # "Ten times longer episodes have about a hundred times the variance"
        assert 100 < farther / far < 103
    assert [round(closed_form("total return", p)) for p in (0.5, 0.9, 0.99)] == [24, 2059, 254240]
    assert [formula(1) for formula in FORMULAS.values()] == [13, 8, 5, 2]
    holds(prose, "from 24 at 2 steps to 2,059 at 10 and 254,240 at 100", "the four come to 13, 8, 5 and 2")


def test_the_measured_variances_come_from_episodes_of_the_right_lengths(again: Any) -> None:
    seen = again["length-sample"]
    p, record, n = 0.9, seen["record"], seen["episodes"]
    stays = record.rewards.sum(axis=1)
    for name, pairs in seen["measured"].items():
        squared = 2 * (of_length(name, stays, p) - p / (1 - p)) ** 2
        assert pairs[-1][0] == pytest.approx(squared.mean(), rel=1e-9)
        assert pairs[-1][1] == pytest.approx(squared.std(ddof=1) / math.sqrt(n), rel=1e-9)
    for k in range(1, 80, 4):
        chance = p**k
        log = math.log(2 / 1e-8)
        bound = (log / 3 + math.sqrt(log**2 / 9 + 2 * n * log * chance * (1 - chance))) / n  # Bernstein
        assert abs((stays >= k).mean() - chance) < bound


def test_the_measured_variances_lie_near_the_curves_for_the_reader(read: Any) -> None:
    """Within three exact standard errors, of the eighth moment: the sample's own is too small where tails are heavy."""
    seen = read["length-sample"]
    length = np.arange(3_000.0)
    for name, pairs in seen["measured"].items():
        for p, (v, _) in zip(seen["staying"], pairs, strict=True):
            squared = 2 * (of_length(name, length, p) - p / (1 - p)) ** 2
            mean, variance = averaged(squared, p**length * (1 - p))
            assert abs(v - mean) < 3 * math.sqrt(variance / seen["episodes"]), (name, p)


# --- sampled statements ----------------------------------------------------------------------------------


def check_puzzle(seen: dict[str, Any], z: float) -> None:
    for name, more in (("as it was", 0.0), ("100 more", 100.0)):
        _, variance = moments(total(REWARDS + more))
        squared = ((seen["cloud"][name] - seen["exact"]) ** 2).sum(axis=(1, 2))  # the typical error is the mean's root
        estimates = np.column_stack([seen["cloud"][name][:, :3, 0], squared])
        error = estimates.std(axis=0, ddof=1) / math.sqrt(len(estimates))
        assert np.all(np.abs(estimates.mean(axis=0) - [*EXACT, variance / seen["m"]]) < z * error)
    assert "The typical error is $\\sqrt{\\text{variance}/m}$." in prose


def best_constant(G: np.ndarray) -> float:
    """Σ E[g(G) g(1)] / Σ E[g(1)²] over the entries of the gradients."""
    ones = gradients(np.ones((8, 2)))
    return float(PR @ (gradients(G) * ones).sum(axis=(1, 2)) / (PR @ (ones**2).sum(axis=(1, 2))))


def check_tables(tables: dict[str, dict[str, Any]], z: float) -> None:
    for world, more in (("as it was", 0.0), ("100 more", 100.0)):
        rewards, table = REWARDS + more, tables[world]
        G = to_go(rewards)
        weights = {"total return": total(rewards), "reward-to-go": G}
        weights |= {"best constant": G - best_constant(G), "V": G - values_on_paths(more)}
        for name, weight in weights.items():
            row, variance = table[name], moments(weight)[1] / 10
            assert abs(row.variance - variance) < z * row.variance_error, (world, name)
            assert row.largest_z < z, (world, name)
        assert table["leave one out"].largest_z < z
        row, other = table["batch mean"], table["leave one out"]
        assert np.all(np.abs(row.mean[:3] - 0.9 * GRADIENT) < z * row.bias_error[:3])
        np.testing.assert_allclose(row.mean, 0.9 * other.mean, atol=1e-9)
        assert row.cosine == pytest.approx(other.cosine, abs=1e-9)
        assert row.variance == pytest.approx(0.81 * other.variance, rel=1e-9)


def test_sampled_numbers_agree_with_exact_ones(again: Any) -> None:
    check_puzzle(again["puzzle-sample"], Z)
    check_tables(again["compare-code"]["tables"], Z)


def test_what_the_reader_sees_is_not_far_off(read: Any) -> None:
    check_puzzle(read["puzzle-sample"], 3.5)
    check_tables(read["compare-code"]["tables"], 4.5)


def test_the_best_constant_and_leave_one_out(again: Any) -> None:
    """The sentences below the two tables, by variances with their standard errors."""
    before, generous = again["compare-code"]["tables"]["as it was"], again["compare-code"]["tables"]["100 more"]

    def noisier(one: Any, other: Any, factor: float = 1.0) -> bool:
        return bool(one.variance > factor * other.variance)  # in truth by five standard errors or more: once in 10^6

    assert noisier(before["leave one out"], before["total return"])  # "even noisier than no baseline"
    assert all(noisier(table[name], table["V"]) for table in (before, generous) for name in table if name != "V")
    assert noisier(generous["total return"], generous["best constant"], 10)
    assert noisier(generous["best constant"], generous["leave one out"], 200)
    for name in ("batch mean", "leave one out", "V"):  # "do not notice the hundred points"
        error = math.hypot(before[name].variance_error, generous[name].variance_error)
        assert abs(before[name].variance - generous[name].variance) < Z * error
    for name in ("total return", "reward-to-go"):  # "close to 0"
        assert generous[name].cosine < 0.03 + Z * generous[name].cosine_error
    np.testing.assert_allclose(values_on_paths()[[0, 2], 1], [2.6, -1.6], atol=1e-12)
    G = to_go(REWARDS + 100)
    assert moments(G - best_constant(G))[1] < 0.1 * moments(G)[1]
    assert "takes away more than nine tenths of the variance" in prose
    for option in ASKED["who-notices"]["options"]:
        assert option["right"] == noisier(generous[option["text"]], before[option["text"]], 100)
    assert "2.6 points are to be expected of a calm customer and −1.6 of an angry one" in prose


def test_the_reader_sees_one_bias_in_each_table(read: Any) -> None:
    for table in read["compare-code"]["tables"].values():
        assert [name for name, row in table.items() if row.biased] == ["batch mean"]


# --- the two figures of the book -------------------------------------------------------------------------


def test_the_text_has_the_bandits_numbers() -> None:
    rows = re.findall(r"last 100 steps: (\d+\.\d) % ± (\d\.\d) %", LESSON.stored["bandit-table"])
    cells = [f"{share} % ± {error} %" for share, error in rows]
    assert f"| $\\alpha=0.1$ | {cells[0]} | {cells[1]} | | $\\alpha=0.4$ | {cells[2]} | {cells[3]} |" in prose
    of_push = re.findall(r"t = +(\d+): .* in the average is ([\d.]+) of that without", LESSON.stored["bandit-table"])
    assert [(t, float(ratio)) for t, ratio in of_push] == [("2", 0.5), ("10", 0.9), ("50", 0.98)]
    assert "multiplies the push by $1-\\frac1t$: a half at step 2, a tenth less at step 10" in prose
    alt = LESSON.cells["bandit-figure"].source.replace('"\n    "', "")
    told = [round(float(share)) for share, _ in rows]
    words = ["0.1 climbs to {} percent", "0.1 reaches {} percent", "levels off at {}.", "0.4 reaches {}."]
    for share, sentence in zip(told, words, strict=True):
        assert sentence.format(share) in alt


@pytest.fixture(scope="module")
def bandit() -> dict[str, Any]:
    """The bandit with other arms, and fewer runs."""
    assert "runs, n_steps, pulls = 2_000, 1_000, np.random.default_rng(25)" in LESSON.cells["bandit-code"].source
    space: dict[str, Any] = {"np": np, "policy": policy}
    for label in ("bandit-code", "bandit-table"):
        source = LESSON.cells[label].source.replace("default_rng(25)", "default_rng(725)").replace("2_000, 1", "500, 1")
        with contextlib.redirect_stdout(io.StringIO()):
            exec(source, space)
    return space


def test_other_arms_give_the_same_plateaus(bandit: Any) -> None:
    assert bandit["alpha"].ravel().tolist() == [0.1, 0.1, 0.4, 0.4]
    assert bandit["subtract"].ravel().tolist() == [1, 0, 1, 0]
    assert bandit["hits"].shape == (1_000, 4, 500)
    assert abs(bandit["q"].mean() - 4) < Z / math.sqrt(bandit["q"].size)
    told = np.array([[83.6, 0.8], [49.6, 1.1], [71.9, 1.0], [28.2, 1.0]])  # the text's; the test above compares them
    assert np.all(np.abs(bandit["final"] - told[:, 0]) < Z * np.hypot(bandit["final_error"], told[:, 1]))
    curve = bandit["hits"].mean(axis=2)[100:]
    # "From step 100 on": 10 points or more in truth, 2 to a standard error
    blocks = curve.reshape(9, 100, 4).mean(axis=1)
    assert np.all(blocks[:, [0, 2]].min(axis=1) > blocks[:, [1, 3]].max(axis=1))


def test_the_text_has_the_corridors_numbers() -> None:
    rows = re.findall(r"episodes +(\d+) to +(\d+): +(-\d+\.\d\d) ± (\d+\.\d\d)", LESSON.stored["corridor-code"])
    assert [(first, last) for first, last, _, _ in rows] == [("1", "10"), ("51", "100"), ("901", "1000")] * 2
    told = [f"−{mean[1:]} ± {error}" for *_, mean, error in rows]
    plain, helped = told[:3], told[3:]
    holds(prose, f"runs with baseline earn {helped[1]},", f"REINFORCE alone is at {plain[1]} by then")
    assert f"**{helped[2]} with baseline**, **{plain[2]} without**" in prose
    large = re.search(r"-(\d+\.\d+ ± \d+\.\d+)", LESSON.stored["corridor-large"])
    assert large is not None
    assert f"earn −{large[1]} in episodes 101 to 200" in prose


SETTINGS = [(2**-13, None, 51, 100), (2**-9, 2**-6, 51, 100), (2**-9, None, 101, 200)]  # α, α^w, episodes


def test_the_corridor_with_other_seeds() -> None:
    """test_worlds.py has the optimum."""
    assert f"\\approx{-(6 + 4 * math.sqrt(2)):.2f}$" in prose
    rng, theta = np.random.default_rng(2_013), np.log([0.05, 0.95])
    rows = re.findall(r"51 to +100: +(-[\d.]+) ± ([\d.]+)", LESSON.stored["corridor-code"])
    rows += re.findall(r"101 to 200: (-[\d.]+) ± ([\d.]+)", LESSON.stored["corridor-large"])
    for row, (alpha, beta, first, last) in zip(rows, SETTINGS, strict=True):
        mean, error = (float(number) for number in row)
        returns = learning_curves.reinforce_runs(
            worlds.short_corridor(), theta, step_sizes=[alpha], runs=50, episodes=last, value_step_size=beta, rng=rng
        )
        each = returns[0, :, first - 1 :].mean(axis=1)
        assert abs(each.mean() - mean) < Z * math.hypot(error, each.std(ddof=1) / math.sqrt(50)), (alpha, beta)
