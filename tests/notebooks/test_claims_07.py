"""What lesson 07 says about numbers: exact ones against plain NumPy, sampled ones by z-bounds against enumeration.

The numbers of the text are looked up in the text: each string below is made from a number worked out here. The lesson's
sampling cells run again with seeds that its reader does not see. All their means but one kind are over independent
bounded terms, and each carries its own chance of a false alarm at 8 exact standard errors, by Bernstein's inequality;
a test adds these chances up and demands less than 1 in 1,000,000 for a seed (given how often each state was met). The
exception is batches of 64, which have too many outcomes to list: 6 numbers of a seed, means over 500 batches that are
themselves means over 64 conversations, held to 8 standard errors beside a simulation, which a normal distribution
leaves once in 10^15. So a false alarm has a chance below 1 in 100,000 for the whole file.
"""

import itertools
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from claims import Lesson, holds, multinomial, stay_within
from conversation import (
    CALM,
    GRADIENT,
    PATHS,
    PI,
    POINTS,
    PR,
    REPLIES,
    REWARDS,
    SCORES,
    STATES,
    Q,
    V,
    averaged,
    chances,
    cosine,
    gradients,
    moments,
    of_state,
    to_go,
    total,
)  # fmt: skip
from oracles import central_differences

from course_utils import rollout
from course_utils.widgets import GaeLab, GridLab
from course_utils.widgets.gae_lab import LOGITS

LESSON = Lesson("07", "predict-", "grid-lab", "dial-lab")
text = LESSON.text
ASKED, CAME = LESSON.predictions, LESSON.came
SAMPLED = ("setup", "values-", "advantage-code", "theorem-code", "sampled-code", "learn-code", "td-code", "whitening-")
Z = 8.0
HALF_A_DIGIT = 0.0005 + 1e-9  # a number printed with three decimals; on an edge rounding decides which

TO_GO = to_go()
A = Q - V[:, None]
OVERRATED = V + np.array([0.0, 1.0, 0.0])  # the calm customer, by one point


def minus_values(values: np.ndarray) -> np.ndarray:
    return TO_GO - values[STATES]


def td_errors(values: np.ndarray) -> np.ndarray:
    following = np.stack([values[STATES[:, 1]], np.zeros(8)], axis=1)
    return REWARDS + following - values[STATES]


WEIGHTS = {
    "total return": total(),
    "reward-to-go": TO_GO,
    "reward-to-go − V": minus_values(V),
    "one TD error": td_errors(V),
    "exact advantage": A[STATES, REPLIES],
}


def sign(x: float, digits: int) -> str:
    return f"{x:+.{digits}f}".replace("-", "−")


read = LESSON.played()
again = LESSON.played(711, 712, only=SAMPLED)


# --- values and advantages -------------------------------------------------------------------------------


def test_a_ten_and_an_eight(read: Any) -> None:
    holds(text["ten-eight"], "usually worth 10", "leads to 8 points")
    assert read["ten-eight-code"]["printed"] == f"advantage: 8 − 10 = {8 - 10}\n"
    assert f"The advantage is {sign(8 - 10, 0)}. Eight points" in text["ten-eight-read"]


def test_values(read: Any) -> None:
    seen = read["values-code"]
    np.testing.assert_allclose(seen["V"], V, atol=1e-14)
    np.testing.assert_allclose(seen["Q"], Q, atol=1e-14)
    np.testing.assert_allclose((PI * Q).sum(axis=1), V, atol=1e-14)  # “the two belong together”
    of_next = CALM * V[1] + (1 - CALM) * V[2]
    np.testing.assert_allclose(Q, [POINTS[0] + of_next, *POINTS[1:]], atol=1e-14)  # “nothing follows”: the reward
    for s, name in enumerate(seen["states"]):
        line = f"{name:14s} V = {V[s]:5.2f}   Q(refund) = {Q[s, 0]:5.2f}   Q(apologise) = {Q[s, 1]:5.2f}"
        assert line in seen["printed"]
    assert f"V(calm) = {V[1]:.1f} and V(angry) = {sign(V[2], 1)}" in ASKED["refund-first"]["text"]
    told = [Q[0, 0], POINTS[0, 0], of_next[0], POINTS[0, 0] + V[1], V[0]]
    assert LESSON.offered("refund-first") == pytest.approx(told)
    came = f"= {Q[0, 0]:.2f}. An apology is worth {sign(Q[0, 1], 2)}, and V is the mean of the two"
    holds(CAME["refund-first"], came, f", {V[0]:.2f}.")
    assert "The discount $\\gamma$ is 1 here." in text["values"]
    assert seen["support"].discount == 1


def test_advantages(read: Any) -> None:
    np.testing.assert_allclose(read["advantage-code"]["A"], A, atol=1e-14)
    np.testing.assert_allclose((PI * A).sum(axis=1), 0, atol=1e-14)
    printed = read["advantage-code"]["printed"]
    assert printed.count("mean 0.00") == 3
    assert "mdp.advantages to 1e-12: True" in printed
    assert np.all(A.max(axis=1) > 0)
    assert np.all(A.min(axis=1) < 0)
    asked = ASKED["which-hold"]
    holds(asked["text"], f"V is {V[0]:.2f} at the first message, {V[1]:.1f} for", f"and {sign(V[2], 1)} for")
    came = f"A(first message, refund) = {sign(A[0, 0], 2)} and A(angry, refund) = {sign(A[2, 0], 2)}."
    holds(asked["came"], came, f"they are {sign(A[1, 0], 2)} and {sign(A[1, 1], 2)}.")
    lower, mean_0 = POINTS[0, 0] < POINTS[0, 1], np.allclose((PI * A).sum(axis=1), 0)
    assert [o["right"] for o in asked["options"]] == [A[0, 0] > 0 and lower, A[2, 0] == 0, mean_0, A[1].min() > 0]
    holds(
        text["advantage-read"],
        f"A refund for an angry customer earns nothing and has advantage {sign(A[2, 0], 1)}:",
        f"{Q[2, 0]:.0f} points are much better there than the usual {sign(V[2], 1)}.",
        f"at once, {sign(POINTS[0, 0], 0)} against {POINTS[0, 1]:.0f}, and the *positive*",
        f"advantage, {sign(A[0, 0], 2)}. It makes a calm customer likelier",
        f"a calm customer is worth {V[1]:.1f}.",
    )
    assert A[0, 0] > 0 > A[0, 1]
    assert CALM[0] > CALM[1]


# --- the grid --------------------------------------------------------------------------------------------


def test_the_grid(read: Any) -> None:
    """What the cell computes, once more by the lab's buttons; test_grid_lab.py holds the lab to the layout."""
    assert 'GridLab(selected="b3")' in LESSON.cells["grid-lab"].source
    after, lab = read["grid-check"], GridLab(selected="b3")
    before, told, worth = lab.state_values(), [], []
    b3 = after["b3"]
    for press in range(3):
        advantage = lab.advantages()[b3]
        assert advantage.argmax() == 1
        line = f"pressed {press} times: π(right) {lab.probabilities()[b3, 1]:.3f}   A(right) {advantage[1]:.3f}"
        assert line in after["printed"]
        told.append(f"{advantage[1]:.2f}")
        worth.append((lab.state_values()[b3], lab.action_values()[b3, 1]))
        lab.greedy_here()
    rises, stays = np.diff(worth, axis=0).T
    assert np.all(rises > 0)  # “V has risen to meet it”
    assert np.all(stays >= 0)  # “the move did not become worse”
    assert [float(x) for x in told] == sorted(map(float, told), reverse=True)
    np.testing.assert_array_equal(lab.table(), after["table"])
    assert (np.abs(lab.state_values() - before) > 1e-9).sum() == 9
    holds(after["printed"], "V changed in 9 of the 9 cells", "up, right, down, left: [-1. -2. -1. -1.]")
    toll = "the toll of 2, where the others cost 1. Behind the toll"  # “the lowest reward at once”
    np.testing.assert_array_equal(lab.mdp().rewards[b3], [-1, -2, -1, -1])
    holds(text["grid-read"], "from {} to {} to {}.".format(*told), "**every** cell's $V$ did", toll)
    came = "changed in all 9 cells with a decision. The advantage of the best move fell to {} and then to {},"
    holds(CAME["one-cell"], came.format(*told[1:]), "lowest reward at once")


# --- the theorem -----------------------------------------------------------------------------------------


def nudged(function: Any) -> np.ndarray:
    """The slope of a function of the policy by each logit, (3, 2)."""
    return central_differences(lambda z: function(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)), np.log(PI))


def test_five_weights_one_expectation(read: Any) -> None:
    np.testing.assert_allclose(GRADIENT, nudged(lambda pi: chances(pi) @ REWARDS.sum(axis=1)), atol=1e-9)
    np.testing.assert_allclose(read["theorem-code"]["exact"][:3], GRADIENT, atol=1e-14)
    printed, variances = read["theorem-code"]["printed"], {}
    assert list(read["theorem-code"]["weightings"]) == list(WEIGHTS)
    for name, weights in WEIGHTS.items():
        mean, variances[name] = moments(weights)
        np.testing.assert_allclose(mean, GRADIENT, atol=1e-14)
        assert f"{name:17s} mean = exact gradient: True   variance {variances[name]:.2f}\n" in printed
    holds(text["theorem"], "Here are five weights", "all eight conversations")
    first, *_, last = variances.values()
    assert list(variances.values()) == sorted(variances.values(), reverse=True)  # each line gets rid of something
    told = f"The variance falls from {first:.2f} to {last:.2f}.", f"What remains, {last:.2f}, is"
    holds(text["theorem-read"], *told, f"{first:.2f} / {last:.2f}, more than five times fewer")
    assert 5 < first / last < 6
    assert f"from {first:.2f} with the total return to {last:.2f} with the exact advantage" in CAME["five-weights"]


def test_the_sum_over_states(read: Any) -> None:
    seen = read["states-code"]
    d = [(PR[:, None] * (s == STATES)).sum() for s in range(3)]
    np.testing.assert_allclose(seen["d"], d, atol=1e-12)
    np.testing.assert_allclose(seen["support"].visits(seen["logits"])[:3], d, atol=1e-12)
    np.testing.assert_allclose(np.array(d)[:, None] * PI * A, GRADIENT, atol=1e-12)  # “the inner sum is π A”
    for s in range(3):
        assert f"= {GRADIENT[s, 0]:6.3f}   exact {GRADIENT[s, 0]:6.3f}\n" in seen["printed"]
        score = np.diag(PI[s]) - np.outer(PI[s], PI[s])  # ∂π(a | s), by the logits of s
        np.testing.assert_allclose(score.T @ Q[s], PI[s] * A[s], atol=1e-14)
        np.testing.assert_allclose(score.sum(axis=0), 0, atol=1e-14)  # “A may stand for Q”


def test_the_theorem_unrolled(read: Any) -> None:
    seen = read["unroll-code"]
    grid, even, b3 = seen["grid"], seen["even"], seen["b3"]
    assert not even.any()
    np.testing.assert_allclose(seen["total"], grid.policy_gradient(even), atol=1e-9)
    slope = f"{grid.policy_gradient(even)[b3, 1]:.4f}"
    assert re.findall(r"b3 right (-?[\d.]+)", seen["printed"])[-1] == slope
    assert seen["printed"].endswith(f"J nudged: {slope}\n")
    assert seen["printed"].count("b3 right 0.0000") == 2  # “At first b3 has not been reached”
    moves = seen["moves"]
    early = [(grid.start @ np.linalg.matrix_power(moves, k))[b3] for k in range(4)]
    assert early[:3] == [0, 0, 0] < [early[3]]
    slopes = np.linalg.solve(np.eye(len(moves)) - grid.discount * moves, np.eye(len(moves)))  # the recursion, solved
    np.testing.assert_allclose((grid.start @ slopes)[:, None] * seen["B"], grid.policy_gradient(even), atol=1e-9)


def test_the_gradient_of_u() -> None:
    def U(pi: np.ndarray) -> float:
        return float(PR @ [np.log(pi[0, a]) * A[0, a] + np.log(pi[s, b]) * A[s, b] for a, s, b in PATHS])

    np.testing.assert_allclose(nudged(U), GRADIENT, atol=1e-9)
    # “With a discount, step t has the factor γ^(t−1) in front”
    gamma = 0.5
    Q_first = POINTS[0] + gamma * (CALM * V[1] + (1 - CALM) * V[2])
    A_first = Q_first - PI[0] @ Q_first
    weights = np.stack([A_first[REPLIES[:, 0]], gamma * A[STATES, REPLIES][:, 1]], axis=1)
    discounted = nudged(lambda pi: chances(pi) @ (REWARDS @ [1, gamma]))
    np.testing.assert_allclose(moments(weights)[0], discounted, atol=1e-9)
    holds(text["theorem"], "with $A$ held constant", "the factor $\\gamma^{t-1}$ in front")


def test_the_table_of_samples(read: Any) -> None:
    """test_estimators.py holds the columns; here each variance is near its exact value, and no bias is found."""
    assert "400 batches of 50 conversations" in text["sampled"]
    assert "episodes=50, batches=400" in LESSON.cells["sampled-code"].source
    for name, weights in WEIGHTS.items():
        assert read["sampled-code"]["found"][name].variance == pytest.approx(moments(weights)[1] / 50, rel=0.15)
    assert read["sampled-code"]["printed"].count("not distinguishable from 0") == 5


# --- the critic and the TD error -------------------------------------------------------------------------


def check_learned(after: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """A critic from 20 conversations: its table, and the exact bias and variance of the three weights with it."""
    rewards, second, learned = after["few"].rewards, after["few"].states[:, 1], after["V_hat"]
    assert rewards.shape == (20, 2)
    expected = [rewards[second == s, 1].mean() if s in second else 0.0 for s in (1, 2)]
    np.testing.assert_allclose(learned, [rewards.sum(axis=1).mean(), *expected, 0], atol=1e-14)
    weights = {"reward-to-go": TO_GO, "reward-to-go − V_hat": minus_values(learned), "one TD error": td_errors(learned)}
    result = {}
    for name, of_path in weights.items():
        mean, variance = moments(of_path)
        result[name] = (float(np.linalg.norm(mean - GRADIENT)), variance)
        bias = round(result[name][0], 12) + 0.0
        assert f"{name:20s} bias {bias:.3f}   variance {variance:.2f}\n" in after["printed"]
    assert result["reward-to-go"][0] < 1e-14
    assert result["reward-to-go − V_hat"][0] < 1e-14
    return result


def test_a_critic_from_twenty_conversations(read: Any) -> None:
    found = check_learned(read["learn-code"])
    assert "from only 20 conversations" in text["learn"]
    assert np.abs(read["learn-code"]["V_hat"][:3] - V).max() > 0.1  # “it comes out wrong”
    wrong, exact = found["reward-to-go − V_hat"][1], moments(WEIGHTS["reward-to-go − V"])[1]
    assert wrong > exact  # “Here it grows a little”
    lucky = moments(minus_values(np.array([0.21, 1.4, -2.4, 0.0])))[1]
    assert lucky < exact
    assert f"With (0.21, 1.4, −2.4) in place of $V$ it would be {lucky:.2f}" in text["learn-read"]
    plain = moments(TO_GO)[1]
    came = f"The variance is {wrong:.2f}, against {exact:.2f} with the exact V and {plain:.2f} without a baseline"
    assert came in CAME["rough-critic"]
    bias, variance = found["one TD error"]
    assert bias > 0.01  # “costs bias, and it saves variance”
    assert variance < wrong
    assert "That costs bias, and it saves variance." in text["learn-read"]


def mean_delta(values: np.ndarray) -> np.ndarray:
    """E[δ | s, a] as an average over conversations, (3, 2)."""
    return np.array([[of_state(td_errors(values), s, a) for a in range(2)] for s in range(3)])


def test_the_td_error(read: Any) -> None:
    np.testing.assert_allclose(mean_delta(V), A, atol=1e-14)
    error = np.array([0.3, -1.2, 0.7])
    to_come = np.array([CALM * error[1] + (1 - CALM) * error[2], [0, 0], [0, 0]])
    np.testing.assert_allclose(mean_delta(V + error) - A, to_come - error[:, None], atol=1e-14)
    shift = mean_delta(OVERRATED) - A
    np.testing.assert_allclose(read["td-code"]["overrated"], [*OVERRATED, 0], atol=1e-14)
    assert "overrates the calm customer by one point" in text["td"]
    np.testing.assert_allclose(shift[1], shift[1, 0], atol=1e-14)
    holds(
        text["td-read"],
        f"For the calm customer that is {sign(shift[1, 0], 0)} for both actions",
        f"it is {sign(shift[0, 0], 1)} for a refund, which leads to a calm customer",
        f"with probability {CALM[0]}, and {sign(shift[0, 1], 1)} for an apology.",
    )
    told = [shift[0, 0], 1, 0, shift[1, 0], -shift[0, 0], shift[0, 1]]
    assert LESSON.offered("overrated") == pytest.approx(told)
    came = f"rises by {shift[0, 0]:.1f}, and that of an apology by {shift[0, 1]:.1f} only"
    assert came in CAME["overrated"]
    # “a shift that the lemma forgives” (calm), and one that it does not (first message)
    mean = moments(td_errors(OVERRATED))[0]
    np.testing.assert_allclose(mean[1:], GRADIENT[1:], atol=1e-14)
    assert np.all(np.abs(mean[0] - GRADIENT[0]) > 0.1)
    lines = [line for line in read["td-code"]["printed"].splitlines() if line.startswith("   calm")]
    assert ["± 0.000" in line for line in lines] == [True] * 4


# --- GAE -------------------------------------------------------------------------------------------------


def gae_as_a_sum(rewards: Any, values: Any, discount: float, lambda_: float) -> np.ndarray:
    """Σ_l (γλ)^l δ_{t+l} with the powers written out, for an episode that ends with its last step."""
    T = len(rewards)
    deltas = rewards + discount * np.append(values[1:T], 0) - values[:T]
    return np.array([(discount * lambda_) ** np.arange(T - t) @ deltas[t:] for t in range(T)])


def test_the_dial(read: Any) -> None:
    after = read["gae-code"]
    points, guesses = after["points"], after["guesses"]
    assert after["printed"].count("package agrees: True") == 3
    for lambda_ in (0.0, 0.5, 1.0):
        expected = gae_as_a_sum(points, guesses, 0.9, lambda_)
        np.testing.assert_allclose(after["gae_by_hand"](points, guesses, 0.9, lambda_), expected, atol=1e-14)
        assert f"λ = {lambda_}: {expected}   package" in after["printed"]
    G = [0.9 ** np.arange(4 - t) @ points[t:] for t in range(4)]
    np.testing.assert_allclose(gae_as_a_sum(points, guesses, 0.9, 1.0), G - guesses[:4], atol=1e-14)
    deltas = points + 0.9 * np.append(guesses[1:4], 0) - guesses[:4]
    np.testing.assert_allclose(gae_as_a_sum(points, guesses, 0.9, 0.0), deltas, atol=1e-14)
    np.testing.assert_array_equal(after["discounts"], [0.9, 0.9, 0.9, 0])
    # the n-step estimates of step 1, each by its two formulas, and their mix
    steps = [G[0] - 0.9**n * (G[n] - guesses[n]) - guesses[0] for n in (1, 2, 3)] + [G[0] - guesses[0]]
    np.testing.assert_allclose(steps, np.cumsum(0.9 ** np.arange(4) * deltas), atol=1e-14)
    shown = re.findall(r"n = \d: estimate +(-?[\d.]+)   weight ([\d.]+)", read["steps-code"]["printed"])
    np.testing.assert_allclose([float(a) for a, _ in shown], steps, atol=6e-5)
    weights = [0.5, 0.25, 0.125, 0.125]
    assert [float(w) for _, w in shown] == weights
    mix = gae_as_a_sum(points, guesses, 0.9, 0.5)[0]
    assert read["steps-code"]["mix"] == pytest.approx(mix, abs=1e-14) == np.dot(weights, steps)
    ends = "λ = 0 gives the TD errors, λ = 1 the return minus the value."
    holds(text["gae-read"], ends, f"the mix of the four estimates, {sign(mix, 4)}, is the first")


def test_turning_the_dial(read: Any) -> None:
    """Statements over all λ; test_estimators.py and test_gae_lab.py hold the lab's moments to other ways to them."""
    lambdas, exact = np.arange(101) / 100, GaeLab().exact_advantage()
    assert f"advantage of walking first: {exact:.3f}\n" in read["dial-check"]["printed"]
    assert exact < 0 < GaeLab(action=1).exact_advantage()  # “running is the better start”
    best = []
    for error in (0.0, 1.0, 2.0, 3.0):
        bias, variance = GaeLab(critic_error=error).curves(lambdas)
        best.append(lambdas[np.argmin(bias**2 + variance)])
        assert bias[100] == pytest.approx(0, abs=1e-10)  # “whatever the critic says of the later places”
        assert variance[100] > 4
        if error == 0:
            assert np.all(np.diff(variance) > 0)
            assert variance[0] < 0.1  # “there is next to no variance”
        assert f"at the best λ, {best[-1]:.2f}: " in read["dial-check"]["printed"]
    assert best[0] == 0  # “with a faultless critic λ = 0 is best”
    assert np.all(np.diff(best) > 0)  # “the worse the critic, the farther the best λ moves towards 1”
    assert CAME["best-dial"].endswith(f"with 1 it is {best[1]:.2f}, and with 3 it is {best[3]:.2f}.")
    bias = GaeLab(critic_error=2.0).exact_bias(0.0)
    assert bias + exact > 0
    told = f"the bias of a critic with error 2 is {bias:.2f}. Added to the advantage of {sign(exact, 3)}"
    holds(text["dial-read"], told, "With a faultless critic λ = 0 is best")


def test_the_lab_is_what_the_text_says() -> None:
    assert LESSON.cells["dial-lab"].source == "GaeLab()"
    lab = GaeLab()
    assert (lab.action, lab.critic_error) == (0, 2.0)
    error = lab.critic() - lab.values()
    np.testing.assert_allclose(error[:2], [0, lab.critic_error], atol=1e-12)
    assert np.all(np.diff(error[1:]) < 0)
    told = text["dial"] + text["dial-lab-text"]
    holds(told, "so much at the second place, and less and less towards home", "the first of six icy places")
    holds(told, "with probability ½", f"{lab.episodes().mask.shape[0]} sampled estimates")
    assert not LOGITS.any()
    assert "the critic's error from 0 to 3" in text["dial-tasks"]
    assert GaeLab.critic_error.max == 3
    # “Does the mean of the dots still have the right sign? … what happens to their spread?” for what the reader sees
    at_0, at_1 = (GaeLab(lambda_=x).estimates() for x in (0.0, 1.0))
    assert at_0.mean() > 0 > lab.exact_advantage()
    assert at_1.mean() < at_0.mean()
    assert at_1.std() > 1.7 * at_0.std()


# --- whitening -------------------------------------------------------------------------------------------


def test_four_batches(read: Any) -> None:
    after = read["whitening-code"]
    for name, batch in after["batches"].items():
        expected = (batch - batch.mean()) / (math.sqrt((batch**2).mean() - batch.mean() ** 2) + 1e-8)
        np.testing.assert_allclose(after["whitened"](batch), expected, atol=1e-14)
        assert f"{name:30s} {batch} → {after['whitened'](batch)}\n" in after["printed"]
    batches = list(after["batches"].values())
    mixed, better, same, two = white = [after["whitened"](batch) for batch in batches]
    lost = [bool(((batch > 0) & (w < -1e-9)).any()) for batch, w in zip(batches, white, strict=True)]
    assert [option["right"] for option in ASKED["four-batches"]["options"]] == lost
    assert np.array_equal(np.sign(mixed), [-1, -1, 1, 1])
    assert np.all(after["batches"]["all better than usual"] > 0)
    assert (better < 0).sum() == 3
    assert "three actions that were better than usual are now below 0" in text["whitening-read"]
    assert not same.any()
    np.testing.assert_allclose(two, [1, -1], atol=1e-6)
    first, second = after["batches"]["one conversation, two replies"]
    assert 0 < first - second < 0.03 * second  # “far better than usual, and hardly different”


ADVANTAGES = minus_values(V)


def whitened_gradients(counts: np.ndarray, divide: bool = True) -> np.ndarray:
    """The estimate of batches with so many of each conversation, less their mean and over their spread, (n, 3, 2)."""
    m = counts.sum(axis=1)
    mean = counts @ ADVANTAGES.mean(axis=1) / m
    spread = np.sqrt(np.maximum(counts @ (ADVANTAGES**2).mean(axis=1) / m - mean**2, 0)) + 1e-8
    weighted = np.tensordot(counts, gradients(ADVANTAGES), axes=1)
    plain = np.tensordot(counts, SCORES.sum(axis=1), axes=1)
    sums = weighted - mean[:, None, None] * plain
    return np.asarray(sums / (m * (spread if divide else 1.0))[:, None, None])


class Whitened(NamedTuple):
    mean: np.ndarray
    sd: np.ndarray
    largest: np.ndarray  # of |g − mean|, each (3, 2)
    mean_error: np.ndarray  # 0 where the mean is exact


@pytest.fixture(scope="module")
def whitened() -> dict[int, Whitened]:
    result = {}
    for m in (2, 8):
        counts, chance = multinomial(m, PR)
        assert chance.sum() == pytest.approx(1, abs=1e-12)
        g = whitened_gradients(counts)
        mean = np.tensordot(chance, g, axes=1)
        sd = np.sqrt(np.tensordot(chance, (g - mean) ** 2, axes=1))
        result[m] = Whitened(mean, sd, np.abs(g - mean).max(axis=0), 0 * sd)
    g = whitened_gradients(np.random.default_rng(64).multinomial(64, PR, size=40_000))
    result[64] = Whitened(g.mean(axis=0), g.std(axis=0), 0 * g[0], g.std(axis=0) / 200)
    return result


def test_the_direction_of_whitened_gradients(read: Any, whitened: Any) -> None:
    exact = float(np.linalg.norm(GRADIENT))
    length = {m: float(np.linalg.norm(w.mean)) for m, w in whitened.items()}
    right = {m: cosine(w.mean, GRADIENT) for m, w in whitened.items()}
    assert right[64] > 0.9999  # “the direction is nearly right” for 64
    assert 0.91 < right[2] < 0.93  # for 2 it is not, and exactly so
    assert right[2] < right[8] < right[64]
    sd = math.sqrt(PR @ (ADVANTAGES**2).mean(axis=1))
    assert PR @ ADVANTAGES.mean(axis=1) == pytest.approx(0, abs=1e-14)
    assert length[64] / exact == pytest.approx(0.5, abs=0.02)  # “the length is halved”
    assert length[64] / exact == pytest.approx(1 / sd, rel=0.02)  # “a change of the step size”
    halved = "From batches of 64 the direction is nearly right, and the length is halved"
    turned = "Dividing by the standard deviation of two conversations turns it further."
    holds(text["whitening-end"], halved, f"standard deviation of about {sd:.0f}.", turned)
    # what the reader sees
    printed = read["whitening-direction"]["printed"]
    row = r"of +(\d+): cosine to the exact gradient ([\d.]+)   length ([\d.]+) ± ([\d.]+)   exact ([\d.]+)"
    shown = {int(m): tuple(map(float, values)) for m, *values in re.findall(row, printed)}
    assert set(shown) == {2, 8, 64}
    for m, (c, size, error, of) in shown.items():
        assert of == pytest.approx(exact, abs=5e-4)
        assert abs(size - length[m]) < 4 * error
        assert c == pytest.approx(right[m], abs=0.01)
        assert error == pytest.approx(math.sqrt((whitened[m].sd ** 2).sum() / (32_000 // m)), rel=0.1)
    assert shown[2][0] < 0.95 < 0.999 < shown[64][0]
    shown_sd = float(re.findall(r"before whitening: ([\d.]+)", printed)[0])
    assert shown_sd == pytest.approx(sd, abs=0.03)
    assert f"{shown_sd:.0f}" == f"{sd:.0f}"


def test_large_surprises_are_divided_by_large_numbers() -> None:
    size = np.abs(ADVANTAGES).max(axis=1)
    divisor = np.array([[np.std([one, other]) for other in ADVANTAGES] for one in ADVANTAGES]) @ PR
    assert divisor[size.argmax()] == divisor.max() > 2 * divisor.min()
    assert "a batch with a large surprise is divided by a large number" in text["whitening-end"]


def test_subtracting_the_batch_mean_turns_the_direction(read: Any, whitened: Any) -> None:
    """Subtract the mean, do not divide: the rows shrink by two factors, which are nearer to 1 the larger m is."""
    by_pairs = read["whitening-direction"]["pairs"][:3]
    for m in (2, 8):
        counts, chance = multinomial(m, PR)
        g = np.tensordot(chance, whitened_gradients(counts, divide=False), axes=1)
        np.testing.assert_allclose((g / GRADIENT)[:, 0], [1 - 1 / (2 * m), 1 - 1 / m, 1 - 1 / m], atol=1e-12)
        if m == 2:
            np.testing.assert_allclose(by_pairs, g, atol=1e-12)
    left = "Subtracting leaves 0.75 of the gradient at the first message and 0.5 at the second"
    holds(text["whitening-end"], left, "No sign changes")
    turned = cosine(by_pairs, GRADIENT)
    assert cosine(whitened[2].mean, GRADIENT) < turned - 0.05 < 1 - 0.05  # “turns”, “turns it further”
    assert turned < 0.99
    assert "a quarter of the first reply's push, and half of the second's" in LESSON.quiz  # what is missing: 1 − left


def test_the_words_around_the_exact_zeros() -> None:
    """Statements that tests above work out, with the very words of the text."""
    gae = ["\\delta_t+\\gamma\\lambda\\,\\delta_{t+1}+(\\gamma\\lambda)^2\\delta_{t+2}+\\dots"]
    gae += ["\\delta_t+\\gamma\\lambda\\,\\hat A_{t+1}$$"]
    dial = ["At λ = 1 the bias is 0, whatever the critic says of the later places", "At λ = 0 the bias of a critic"]
    dial += ["the farther the best λ moves towards 1."]
    for label, *words in (
        ("ten-eight", "you collect 10 points from here on"),
        ("advantage-read", "The mean under the policy is 0 in every state."),
        ("theorem-read", "No expectation differs."),
        ("learn-read", "lesson 06's lemma holds for any function of the state"),
        ("td", "$$\\delta_t=r_t+\\gamma\\,V(s_{t+1})-V(s_t)$$"),
        ("td-read", "\\gamma\\,\\mathbb E[e(s_{t+1})\\mid s,a]-e(s)$", "(The ± is 0 for the calm customer."),
        ("gae", "-V(s_t)=\\delta_t+\\gamma\\,\\delta_{t+1}+\\dots+\\gamma^{n-1}\\delta_{t+n-1}$$"),
        ("gae-mix", *gae),
        ("gae-read", "the end of an episode is a **discount of 0**"),
        ("dial", "each step costs 1."),
        ("dial-read", *dial),
        ("whitening-small", "keeps 0/0 out"),
    ):
        holds(text[label], *words)


# --- sampled statements ----------------------------------------------------------------------------------


class Held(NamedTuple):
    z: np.ndarray
    false_alarm: float


def deviations(seen: dict[str, dict[str, Any]], whitened: dict[int, Whitened]) -> Iterator[tuple[str, Held]]:
    """How many exact standard errors each sampled mean lies from its exact value, and the chance of Z of them."""

    def compare(name: str, found: Any, n: int, exact: Any, sd: Any, largest: Any) -> tuple[str, Held]:
        found, exact, sd, largest = (np.asarray(x, dtype=float) for x in (found, exact, sd, largest))
        varies = sd > 1e-12  # what does not vary has to be right
        np.testing.assert_allclose(found[~varies], exact[~varies], atol=1e-12)
        chance = 2 * np.exp(-(Z**2) / 2 / (1 + largest[varies] / sd[varies] * Z / 3 / math.sqrt(n)))
        return name, Held((found - exact)[varies] / sd[varies] * math.sqrt(n), float(chance.sum()))

    def of_paths(name: str, sampled: np.ndarray, values: np.ndarray, met: Any = slice(None)) -> tuple[str, Held]:
        """The mean of what was sampled, beside a quantity of the conversations."""
        mean, variance = averaged(values[met], PR[met] / PR[met].sum())
        largest = np.abs(values[met] - mean).max(axis=0)
        return compare(name, sampled.mean(), len(sampled), mean, np.sqrt(variance), largest)

    first_reply, customer, _ = np.array(PATHS).T
    talks = seen["values-sampled"]["talks"]
    G = talks.rewards.sum(axis=1)
    yield of_paths("V(first)", G, TO_GO[:, 0])
    for s in (1, 2):
        yield of_paths(f"V({s})", talks.rewards[talks.states[:, 1] == s, 1], TO_GO[:, 1], customer == s)
    for action in (0, 1):
        yield of_paths(f"Q(first, {action})", G[talks.actions[:, 0] == action], TO_GO[:, 0], first_reply == action)

    for name, weights in WEIGHTS.items():
        of_path = gradients(weights)
        mean, variance = averaged(of_path)
        found, largest = seen["sampled-code"]["found"][name].mean[:3], np.abs(of_path - mean).max(axis=0)
        yield compare(name, found, 20_000, mean, np.sqrt(variance), largest)

    fresh = seen["td-code"]["fresh"]
    shown = np.array(re.findall(r"mean δ +(-?[\d.]+) ±", seen["td-code"]["printed"]), dtype=float)
    for critic in (V, OVERRATED):
        deltas = fresh.rewards[:, 0] + critic[fresh.states[:, 1]] - critic[0]
        for action in (0, 1):
            here = deltas[fresh.actions[:, 0] == action]
            assert np.abs(shown - here.mean()).min() < HALF_A_DIGIT
            yield of_paths(f"δ(first, {action}) by {critic}", here, td_errors(critic)[:, 0], first_reply == action)

    batches = dict(re.findall(r"of +(\d+): .*length ([\d.]+)", seen["whitening-direction"]["printed"]))
    assert set(batches) == {"2", "8", "64"}
    for m, found in sampled_whitened(seen["whitening-direction"]):
        assert abs(np.linalg.norm(found) - float(batches[str(m)])) < HALF_A_DIGIT
        exact, n = whitened[m], 32_000 // m
        sd = np.sqrt(exact.sd**2 + n * exact.mean_error**2)
        yield compare(f"whitened, {m}", found, n, exact.mean, sd, exact.largest)


def sampled_whitened(space: dict[str, Any]) -> Iterator[tuple[int, np.ndarray]]:
    """The mean whitened gradients of the lesson's cell, worked out again from counts of its conversations."""
    rng = np.random.default_rng(72 if space["seed"] is None else [72, space["seed"]])
    for m in (2, 8, 64):
        record = rollout.from_mdp(space["support"], space["logits"], 32_000, rng)
        which = 4 * record.actions[:, 0] + 2 * (record.states[:, 1] - 1) + record.actions[:, 1]
        counts = np.eye(8, dtype=int)[which].reshape(-1, m, 8).sum(axis=1)
        yield m, whitened_gradients(counts).mean(axis=0)


def test_sampled_means_agree_with_exact_values(again: Any, whitened: Any) -> None:
    found = dict(deviations(again, whitened))
    stay_within(Z, {name: held.z for name, held in found.items()})
    assert sum(held.false_alarm for held in found.values()) < 1e-6


def test_what_the_reader_sees_is_not_far_off(read: Any, whitened: Any) -> None:
    stay_within(3.5, {name: held.z for name, held in deviations(read, whitened)})


def test_the_critic_of_other_conversations(again: Any) -> None:
    """No bias as a baseline, whichever 20 conversations it was learned from: any function of the state may be one."""
    check_learned(again["learn-code"])


def test_the_printed_samples_are_those_that_are_compared(again: Any, read: Any) -> None:
    for after in (again, read):
        sampled = after["values-sampled"]["printed"]
        for s, a in itertools.product((1, 2), (0, 1)):
            assert f": sampled {Q[s, a]:6.3f} ± 0.000   exact {Q[s, a]:6.3f}" in sampled
        (first, *_) = re.findall(r"V: sampled +(-?[\d.]+)   exact", sampled)
        assert abs(after["values-sampled"]["talks"].rewards.sum(axis=1).mean() - float(first)) < HALF_A_DIGIT
