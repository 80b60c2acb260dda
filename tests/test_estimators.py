"""Gradient estimators against enumeration, longhand sums and closed forms.

Expectations are exact: sums over all trajectories, or over all batches of two or three. Where something is sampled, a
mean of m ≥ 800 independent terms is held to 8 of its estimated standard errors. A normal one leaves them with
probability 1e-15; with skewness (at most 3, that of a normal number squared) about exp(8³ · skewness / (3 √m)) times as
often, which is below 1e-7. (The mean of 100 estimates by finite differences, each of 100 episodes and so nearly normal,
follows Student's t: 3e-12.) No test makes more than 8 comparisons: its false alarms have a probability below 1e-6.
"""

from dataclasses import replace
from functools import partial
from itertools import pairwise, product
from math import exp, inf, pi, sqrt

import autograd.numpy as anp
import numpy as np
import oracles
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from refusals import bad
from small_mdps import Z, random_mdp, rng

from course_utils import estimators, kernels, policy, returns, rollout, worlds

PROBLEMS = {
    "conversation": worlds.conversation(),
    "tokens": worlds.token_mdp(),
    "geometric": worlds.geometric_mdp(0.9, horizon=4),
    "corridor": replace(worlds.short_corridor(), horizon=6),
    "random": random_mdp(discount=0.7, horizon=3),
    "undiscounted": random_mdp(5, discount=1.0, horizon=3, n_actions=3),
}
problems = pytest.mark.parametrize("name", PROBLEMS)
discounted = pytest.mark.parametrize("name", ["geometric", "random"])


def setting(name):
    """The MDP, logits, all trajectories and the exact gradient."""
    problem = PROBLEMS[name]
    logits = 0.7 * rng(9).normal(size=problem.rewards.shape)
    return problem, logits, problem.enumerate_trajectories(logits), problem.policy_gradient(logits)


def exact_mean(trajectories, logits, weights):
    return estimators.exact_moments(trajectories, logits, weights).mean


def close(got, wanted, tolerance=1e-10):
    assert_allclose(got, wanted, rtol=0, atol=tolerance)


# Two states and an end (2); γ = ½. The first two episodes reach the end, the third is cut off.
MASK = np.array([[1.0, 0, 0], [1, 1, 1], [1, 1, 0]])
HAND = rollout.Rollout(
    states=np.array([[0, 2, 2, 2], [0, 1, 0, 2], [1, 1, 0, 0]]),
    actions=np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0]]),
    rewards=np.array([[4.0, 0, 0], [1, 2, 8], [6, 2, 0]]),
    discounts=np.array([[0.0, 0, 0], [0.5, 0.5, 0], [0.5, 0.5, 1]]),
    mask=MASK,
    truncated=np.array([False, False, True]),
)
for part in HAND:  # every record is left alone
    part.setflags(write=False)
V = [10.0, 20.0, 77.0]  # the last one belongs to the end and must never count
BY_TIME = [[10.0, 20.0, 77.0], [1.0, 2.0, 77.0], [30.0, 40.0, 77.0], [5.0, 6.0, 77.0]]


# Weights, longhand


GO = np.array([[4, 0, 0], [1 + 2 / 2 + 8 / 4, 2 + 8 / 2, 8], [6 + 2 / 2, 2, 0]])
POWERS = np.array([1, 0.5, 0.25])
TD = [[4 - 10, 0, 0], [1 + 20 / 2 - 10, 2 + 10 / 2 - 20, 8 - 10], [6 + 20 / 2 - 20, 2 + 10 / 2 - 20, 0]]
TD_BY_TIME = [[4 - 10, 0, 0], [1 + 2 / 2 - 10, 2 + 30 / 2 - 2, 8 - 30], [6 + 2 / 2 - 20, 2 + 30 / 2 - 2, 0]]
SUMS = [[1, 0, 0], [0.1, 1, 0], [0.01, 0.1, 1]]  # γλ = 0.1
OTHERS = [[4 - (4 + 7) / 2, 0, 0], [4 - (4 + 7) / 2, 6 - 2 / 2, 8 - 0], [7 - (4 + 4) / 2, 2 - 6 / 2, 0]]
LONGHAND = {
    "reward to go": (estimators.reward_to_go, GO),
    "constant": (partial(estimators.constant_baseline, baseline=3.0), (GO - 3) * MASK),
    "batch mean": (estimators.batch_mean_baseline, (GO - [(4 + 4 + 7) / 3, (0 + 6 + 2) / 3, (0 + 8 + 0) / 3]) * MASK),
    "leave one out": (estimators.leave_one_out_baseline, OTHERS),
    "value": (partial(estimators.value_baseline, values=V), GO - [[10, 0, 0], [10, 20, 10], [20, 20, 0]]),
    "value by time": (partial(estimators.value_baseline, values=BY_TIME), GO - [[10, 0, 0], [10, 2, 30], [20, 2, 0]]),
    "TD": (partial(estimators.td_error, values=V), TD),
    "TD by time": (partial(estimators.td_error, values=BY_TIME), TD_BY_TIME),
    "GAE": (partial(estimators.gae, values=V, lambda_=0.2), np.dot(TD, SUMS)),
    "GAE by time": (partial(estimators.gae, values=BY_TIME, lambda_=0.2), np.dot(TD_BY_TIME, SUMS)),
}


@pytest.mark.parametrize("name", LONGHAND)
def test_weights_longhand(name):
    function, wanted = LONGHAND[name]
    close(function(HAND, discount_steps=False), wanted)
    got = function(HAND)
    close(got, wanted * POWERS)
    assert not np.signbit(got[MASK == 0]).any()  # 0 prints as 0
    close(estimators.total_return(HAND), GO[:, :1] * MASK)


def test_a_discount_of_zero_leaves_the_first_step():
    record = HAND._replace(discounts=0 * HAND.discounts)
    close(estimators.reward_to_go(record), record.rewards * [1, 0, 0])
    close(estimators.total_return(record), record.rewards[:, :1] * MASK)


# The sum of scores


def test_score_gradients_are_those_of_autograd():
    logits, weights = rng(1).normal(size=(3, 2)), rng(2).normal(size=(3, 3))
    got = estimators.score_gradients(logits, HAND, weights)
    for i in range(3):

        def weighted(z, i=i):
            log_probs = oracles.picked(oracles.log_softmax(z)[HAND.states[i, :-1]], HAND.actions[i])
            return anp.sum(weights[i] * MASK[i] * log_probs)

        oracles.agree(got[i], weighted, logits)


def test_score_gradients_of_thousands_of_trajectories():
    problem, logits = PROBLEMS["tokens"], rng(3).normal(size=(22, 4))
    record = rollout.from_mdp(problem, logits, 3_000, rng())
    weights = rng(4).normal(size=(3_000, 3))
    got = estimators.score_gradients(logits, record, weights)
    assert got.shape == (3_000, 22, 4)
    wanted, at = np.zeros(got.shape), record.states[:, :-1]
    np.add.at(wanted, (np.arange(3_000)[:, None], at), weights[..., None] * policy.score(logits[at], record.actions))
    close(got, wanted, 1e-12)


def test_forbidden_actions_have_no_gradient_and_cannot_have_been_taken():
    logits = np.array([[0.0, 0.5], [1.0, 0.0], [-inf, 0.0]])
    assert np.isfinite(estimators.score_gradients(logits, HAND, np.ones((3, 3)))).all()  # padding repeats action 0
    logits[1, 0] = -inf
    with pytest.raises(ValueError, match=r"record.actions\[2, 0\] is 0, expected an action that logits allow"):
        estimators.score_gradients(logits, HAND, np.ones((3, 3)))


# Without the score


def raw_moments(tables, logits, values, lambda_, sweeps=3000):
    """E[Â] and E[Â²] of every state and action, by sweeping their recursions until nothing moves."""
    pi, decay = policy.softmax(logits), tables.discount * lambda_
    deltas = tables.rewards[:, :, None] + tables.discount * values - values[:, None, None]
    first = second = np.zeros(tables.n_states)
    for _ in range(sweeps):
        of_actions = (tables.transitions * (deltas + decay * first)).sum(axis=2)
        squares = (tables.transitions * (deltas**2 + 2 * decay * deltas * first + decay**2 * second)).sum(axis=2)
        first, second = (pi * of_actions).sum(axis=1), (pi * squares).sum(axis=1)
    return of_actions, squares


@pytest.mark.parametrize("lambda_", [0.0, 0.4, 0.95, 1.0])
def test_moments_are_those_of_all_paths(lambda_):
    """The eight conversations, each with its probability: the estimate of every path, weighed."""
    generator = rng(7)
    tables, logits = worlds.conversation(), np.vstack([worlds.REPLY_LOGITS, np.zeros((1, 2))])
    values = np.append(generator.normal(size=3), 0.0)
    paths = tables.enumerate_trajectories(logits)
    estimates = returns.gae(paths.rewards, paths.discounts, values[paths.states], lambda_)
    seen = estimators.gae_moments(tables, logits, values, lambda_)
    for t, s, a in ((0, 0, 0), (0, 0, 1), (1, 1, 0), (1, 1, 1), (1, 2, 0), (1, 2, 1)):
        here = (paths.states[:, t] == s) & (paths.actions[:, t] == a)
        weights = paths.probabilities[here] / paths.probabilities[here].sum()
        mean = weights @ estimates[here, t]
        assert seen.mean[s, a] == pytest.approx(mean, abs=1e-12)
        assert seen.variance[s, a] == pytest.approx(weights @ (estimates[here, t] - mean) ** 2, abs=1e-12)
    assert not seen.mean[3].any()
    assert not seen.variance[3].any()


@pytest.mark.parametrize("seed", range(6))
def test_moments_where_places_come_again(seed):
    generator = rng(seed)
    tables = worlds.icy_path(generator.uniform(0.5, 1))
    logits, values = generator.normal(size=(7, 2)), np.append(generator.normal(size=6), 0.0)
    lambda_ = generator.uniform() if seed else 1.0
    first, second = raw_moments(tables, logits, values, lambda_)
    seen = estimators.gae_moments(tables, logits, values, lambda_)
    np.testing.assert_allclose(seen.mean[:6], first[:6], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(seen.variance[:6], (second - first**2)[:6], rtol=1e-9, atol=1e-9)


def test_moments_refuse_by_name():
    right = {"mdp": worlds.icy_path(), "logits": np.zeros((7, 2)), "values": np.zeros(7), "lambda_": 0.5}
    for message, wrong in [
        ("lambda_", {"lambda_": 1.1}),
        (r"values\[6\] is 1.0, expected 0 in a terminal state", {"values": np.ones(7)}),
        ("values has shape", {"values": np.zeros(3)}),
        ("values", {"values": np.full(7, np.nan)}),
        ("logits has shape", {"logits": np.zeros((2, 2))}),
        ("horizon 3, expected None", {"mdp": replace(worlds.icy_path(), horizon=3)}),
    ]:
        bad(ValueError, message, estimators.gae_moments, **right | wrong)


def spread_of_differences(problem, logits, common, each, runs=400, **kwargs):
    """The variance of the estimate in the first state, and its standard error.

    With two actions allowed there, one logit up is the other one down: both entries have the same distribution but
    for the sign.
    """
    step, generators = 0.3, rng(5).spawn(runs)
    differences = partial(estimators.finite_difference, problem, logits, 4 * each, step)
    found = np.array([differences(rng=g, common_random_numbers=common, **kwargs)[0, :2] for g in generators])
    squares = ((found * [1, -1] - (found * [1, -1]).mean()) ** 2).ravel()
    return squares.mean(), squares.std() / sqrt(2 * runs)


@pytest.mark.long
def test_common_random_numbers_cancel_what_chance_does():
    rewards, logits, h, each = np.array([1.0, 0.25, -1.0]), np.array([[0.2, 0.0, -inf], [0, 0, 0]]), 0.3, 100
    problem = worlds.three_action_state(rewards)
    moved = np.array([h, 0, 0])
    up, down = policy.softmax(logits[0] + moved), policy.softmax(logits[0] - moved)
    independent = sum(p @ rewards**2 - (p @ rewards) ** 2 for p in (up, down))
    cuts = np.unique([0.0, up[0], down[0], 1.0])
    first = second = 0.0
    for low, high in pairwise(cuts):  # both draws by inversion at the same u
        u = (low + high) / 2
        difference = rewards[(up.cumsum() <= u).sum()] - rewards[(down.cumsum() <= u).sum()]
        first, second = first + (high - low) * difference, second + (high - low) * difference**2
    common = second - first**2
    assert common < independent / 3
    for flag, wanted in ((False, independent), (True, common)):
        got, error = spread_of_differences(problem, logits, flag, each)
        assert abs(got - wanted / each / (2 * h) ** 2) <= Z * error


@pytest.mark.long
@pytest.mark.parametrize("limited", ["horizon", "max_steps", "neither"])
def test_episodes_share_their_numbers_also_after_others_have_ended(limited):
    # Both stay while u_t < π_stay; from where one stops, the other goes on alone.
    h, each, steps = 0.3, 100, 5 if limited != "neither" else 400
    logits = np.array([[0.8, 0.0], [0.0, 0.0]])
    high, low = 1 / (1 + exp(-0.8 - h)), 1 / (1 + exp(-0.8 + h))
    first = second = 0.0

    def gain(t, n):
        """The discounted sum of n rewards from step t on."""
        return 0.8**t * (1 - 0.8**n) / (1 - 0.8)

    for t in range(steps):
        part = low**t * (high - low)
        left = steps - t - 1
        law = [(gain(t, 1 + j), high**j * (1 - high if j < left else 1)) for j in range(left + 1)]
        first += part * sum(n * p for n, p in law)
        second += part * sum(n * n * p for n, p in law)
    problem = worlds.geometric_mdp(0.8, horizon=5 if limited == "horizon" else None)
    kwargs = {"max_steps": 5} if limited == "max_steps" else {}
    got, error = spread_of_differences(problem, logits, True, each, **kwargs)
    assert abs(got - (second - first**2) / each / (2 * h) ** 2) <= Z * error


@pytest.mark.long
def test_finite_differences_estimate_the_central_difference():
    problem, logits, _, exact = setting("random")
    step, each, runs = 0.5, 100, 100
    wanted = np.zeros(exact.shape)
    for index in np.ndindex(2, 2):
        moved = np.zeros(exact.shape)
        moved[index] = step
        wanted[index] = (problem.performance(logits + moved) - problem.performance(logits - moved)) / (2 * step)
    assert np.abs(wanted - exact).max() > 1e-4
    for common in (False, True):
        one = partial(estimators.finite_difference, problem, logits, 2 * 4 * each, step, common_random_numbers=common)
        found = np.array([one(rng=generator) for generator in rng(common).spawn(runs)])
        assert found.shape == (runs, 3, 2)
        assert_array_equal(found[:, 2], 0)
        error = found.std(axis=0, ddof=1) / sqrt(runs)
        assert (np.abs(found.mean(axis=0) - wanted) <= Z * error + 1e-15).all()


def test_finite_differences_leave_out_forbidden_actions():
    problem, logits = worlds.conversation(), np.zeros((4, 2))
    logits[0, 1] = -inf
    got = estimators.finite_difference(problem, logits, 10, 0.1, rng())
    assert_array_equal(got[[0, 3, 3], [1, 0, 1]], 0)
    assert got[:3].any()


# Summaries, against known laws


def test_a_summary_longhand():
    c = estimators.summarise([[[3.0, 4.0]], [[1.0, 0.0]]], [[1.0, 0.0]])
    close(c.mean, [[2, 2]])
    close(c.bias, [[1, 2]])
    close(c.bias_error, [[1, 2]])
    assert c.largest_z == pytest.approx(1)
    assert c.variance == pytest.approx(2 + 8)
    assert c.snr == pytest.approx(1 / 10)
    assert c.cosine == pytest.approx((3 / 5 + 1) / 2)
    assert c.cosine_error == pytest.approx((1 - 3 / 5) / 2)
    assert not c.biased
    assert isinstance(c.biased, bool)


def test_student_limits():
    limit = kernels.student_limit
    for probability in (0.5, 0.05, 1e-3, 1e-6):
        assert limit(probability, 1) == pytest.approx(1 / np.tan(pi * probability / 2), rel=1e-8)  # Cauchy
        t = limit(probability, 2)
        assert 1 - t / sqrt(2 + t * t) == pytest.approx(probability, rel=1e-6)
        t = limit(probability, 4)  # 1 − F in closed form, by parts
        u = t / sqrt(4 + t * t)
        assert 1 - (1.5 * u - 0.5 * u**3) == pytest.approx(probability, rel=1e-5, abs=1e-14)
    assert limit(0.05, 10**6) == pytest.approx(1.959966, abs=1e-5)  # normal
    assert limit(1e-6, 10**6) == pytest.approx(4.89167, abs=1e-4)
    assert limit(0.01, 30) == pytest.approx(2.75000, abs=1e-5)  # the printed tables


@pytest.mark.long
@pytest.mark.parametrize("batches", [4, 30])
def test_an_unbiased_estimator_is_called_biased_as_often_as_stated(batches):
    exact, runs, stated = np.array([[1.0, -2.0, 0.5]]), 2_500, 0.05
    noise = rng(batches).normal(size=(runs, batches, 1, 3)) * [0.1, 1.0, 10.0]
    alarms = sum(estimators.summarise(exact + n, exact, false_alarm=stated).biased for n in noise)
    p = 1 - (1 - stated / 3) ** 3  # three independent entries
    assert abs(alarms - runs * p) <= Z * sqrt(runs * p * (1 - p))
    assert p <= stated


@pytest.mark.long
def test_standard_errors_are_what_they_say():
    # Over many summaries of B normal estimates: the deviation of each figure is its standard error, and that of the
    # variance the textbook's √(2 Σ σ⁴ / B). From 1,200 summaries a deviation errs by less than 3 %, and order 1/B
    # adds 1 %: 20 % is more than 6 standard errors.
    exact, sd, batches, runs = np.array([[2.0, -2.0]]), np.array([0.5, 1.5]), 150, 1_200
    noise = rng(1).normal(size=(runs, batches, 1, 2)) * sd
    found = [estimators.summarise(exact + n, exact) for n in noise]
    for name in ("variance", "snr", "cosine"):
        figures = np.array([getattr(c, name) for c in found])
        errors = np.array([getattr(c, f"{name}_error") for c in found])
        assert figures.std() == pytest.approx(np.sqrt((errors**2).mean()), rel=0.2)
    variances = np.array([c.variance for c in found])
    assert variances.std() == pytest.approx(sqrt(2 * (sd**4).sum() / batches), rel=0.2)
    assert abs(variances.mean() - (sd**2).sum()) <= Z * variances.std() / sqrt(runs)
    biases = np.array([c.bias for c in found])
    assert_allclose(biases.std(axis=0)[0], sd / sqrt(batches), rtol=0.2)
    assert_allclose(np.mean([c.bias_error for c in found], axis=0)[0], sd / sqrt(batches), rtol=0.02)


def test_estimates_that_never_vary():
    exact = np.array([[0.1, -0.1], [0.0, 0.0]])
    same = np.tile(exact + 1e-17, (5, 1, 1))
    right = estimators.summarise(same, exact)
    assert not right.biased
    assert (right.variance, right.snr, right.variance_error, right.snr_error) == (0, inf, 0, 0)
    wrong = estimators.summarise(np.tile(exact + 0.01, (5, 1, 1)), exact)
    assert wrong.biased
    assert wrong.largest_z == inf
    assert "at [0, 0] (z = inf" in estimators.describe({"x": wrong})
    with pytest.raises(TypeError, match="comparisons\\['x'\\] has fields that are no numbers"):
        estimators.describe({"x": wrong._replace(variance_error=np.ma.masked)})
    nothing = estimators.summarise(np.zeros((5, 2, 2)), np.zeros((2, 2)))
    assert (nothing.biased, nothing.snr, nothing.cosine) == (False, 0, 0)


# Expectations, by enumeration

UNBIASED = {
    "total return": lambda record, values: estimators.total_return(record),
    "reward to go": lambda record, values: estimators.reward_to_go(record),
    "b = 2": lambda record, values: estimators.constant_baseline(record, 2.0),
    "b = −30": lambda record, values: estimators.constant_baseline(record, -30.0),
    "value": estimators.value_baseline,
    "value of nothing": lambda record, values: estimators.value_baseline(record, rng(7).normal(size=values.shape)),
    "TD": estimators.td_error,
    "GAE": lambda record, values: estimators.gae(record, values, 0.6),
    "GAE, λ = 1": lambda record, values: estimators.gae(record, rng(7).normal(size=values.shape), 1.0),
}


@problems
@pytest.mark.parametrize("weighting", UNBIASED)
def test_the_expectation_is_the_exact_gradient(name, weighting):
    problem, logits, every, exact = setting(name)
    weights = UNBIASED[weighting](every, problem.state_values(logits))
    close(exact_mean(every, logits, weights), exact)


@problems
def test_moments_are_the_sums_over_trajectories(name):
    _, logits, every, _ = setting(name)
    weights = estimators.reward_to_go(every)
    g = estimators.score_gradients(logits, every, weights).reshape(len(weights), -1)
    mean = every.probabilities @ g
    covariance = (every.probabilities[:, None] * (g - mean)).T @ (g - mean)
    got = estimators.exact_moments(every, logits, weights)
    close(got.mean.ravel(), mean, 1e-12)
    assert got.variance == pytest.approx(np.trace(covariance), rel=1e-12)


def test_moments_and_optimum_do_not_depend_on_the_size_of_the_chunks(monkeypatch):
    _, logits, every, _ = setting("corridor")
    whole = estimators.exact_moments(every, logits, estimators.reward_to_go(every))
    optimum = estimators.optimal_baseline(every, logits)
    monkeypatch.setattr(estimators, "_LARGEST_CHUNK", 7 * 8)
    parts = estimators.exact_moments(every, logits, estimators.reward_to_go(every))
    close(parts.mean, whole.mean, 1e-12)
    assert parts.variance == pytest.approx(whole.variance, rel=1e-12)
    assert estimators.optimal_baseline(every, logits) == pytest.approx(optimum, rel=1e-12)


@discounted
def test_without_the_discount_of_steps_the_direction_is_another(name):
    problem, logits, every, exact = setting(name)
    values = problem.state_values(logits)
    visits = replace(problem, discount=1.0).visits(logits)  # Pr(s_t = s), shape (T, S)
    wanted = (visits[..., None] * policy.softmax(logits) * problem.advantages(logits)).sum(axis=0)
    assert np.abs(wanted - exact).max() > 0.01
    for weights in (
        estimators.reward_to_go(every, discount_steps=False),
        estimators.constant_baseline(every, 2.0, discount_steps=False),
        estimators.value_baseline(every, values, discount_steps=False),
        estimators.td_error(every, values, discount_steps=False),
        estimators.gae(every, values, 0.5, discount_steps=False),
    ):
        close(exact_mean(every, logits, weights), wanted)


def lambda_return_gradient(problem, logits, values, lambda_):
    """E g by dynamic programming: what the weights are on average for each time, state and action.

    values: V̂ at times 1 … T + 1, shape (T + 1, S).
    """
    probabilities, visits = policy.softmax(logits), problem.visits(logits)
    following, result = np.zeros(problem.n_states), 0.0  # the mean λ-return from each state on
    for t in reversed(range(problem.horizon)):
        target = (1 - lambda_) * values[t + 1] + lambda_ * following
        target[list(problem.terminal_states)] = 0.0
        if t == problem.horizon - 1:
            target = 0 * target
        q = problem.rewards + problem.discount * problem.transitions @ target
        following = (probabilities * q).sum(axis=1)
        result = result + visits[t][:, None] * probabilities * (q - following[:, None])
    return result


@pytest.mark.parametrize("name", ["geometric", "corridor", "random", "undiscounted"])
@pytest.mark.parametrize("by_time", [False, True])
@pytest.mark.parametrize("lambda_", [0.0, 0.3, 0.9])
def test_wrong_values_make_a_bias_of_the_computed_size(name, by_time, lambda_):
    problem, logits, every, exact = setting(name)
    right = problem.state_values(logits)
    wrong = rng(11).normal(size=right.shape if by_time else problem.n_states) + 1.0
    got = exact_mean(every, logits, estimators.gae(every, wrong, lambda_))
    spread = np.broadcast_to(wrong, right.shape)
    wanted = lambda_return_gradient(problem, logits, spread, lambda_)
    close(got, wanted)
    assert np.abs(got - exact).max() > 0.001
    if lambda_ == 0:
        close(exact_mean(every, logits, estimators.td_error(every, wrong)), wanted)


@pytest.mark.parametrize("steps", [1, 3])
def test_truncated_episodes_are_bootstrapped(steps):
    problem = random_mdp(8, discount=0.7)
    logits = rng(3).normal(size=(3, 2))
    cut = replace(problem, horizon=steps)
    every = cut.enumerate_trajectories(logits)
    goes_on = every.states[:, -1] != 2
    discounts = every.discounts.copy()
    discounts[:, -1] = np.where(goes_on, problem.discount, 0.0)
    every = every._replace(discounts=discounts)  # cut off, not ended: the record of a Rollout with max_steps
    values = problem.state_values(logits)
    credit = (cut.visits(logits)[..., None] * policy.softmax(logits) * problem.advantages(logits)).sum(axis=0)
    gae = partial(estimators.gae, every, values)
    for weights in (estimators.td_error(every, values), gae(0.7), gae(1.0)):
        close(exact_mean(every, logits, weights), credit)
    recorded_only = cut.policy_gradient(logits)
    assert np.abs(recorded_only - credit).max() > 0.01
    returns = estimators.total_return(every), estimators.reward_to_go(every)
    for weights in (*returns, estimators.value_baseline(every, values)):
        close(exact_mean(every, logits, weights), recorded_only)


# The best constant


@problems
@pytest.mark.parametrize("discount_steps", [True, False])
def test_the_optimal_baseline_is_the_lowest_point_of_the_variance(name, discount_steps):
    _, logits, every, _ = setting(name)

    def variance(b):
        weights = estimators.constant_baseline(every, b, discount_steps=discount_steps)
        return estimators.exact_moments(every, logits, weights).variance

    best = estimators.optimal_baseline(every, logits, discount_steps=discount_steps)
    low, middle, high = variance(-1.0), variance(0.0), variance(1.0)
    assert best == pytest.approx((low - high) / (2 * (low - 2 * middle + high)), rel=1e-9)  # of a parabola
    grid = best + np.linspace(-2, 2, 21)
    assert np.argmin([variance(b) for b in grid]) == 10
    assert estimators.optimal_baseline(every, logits, every.probabilities, discount_steps=discount_steps) == best


def test_the_optimal_baseline_from_a_sample():
    problem, logits, every, _ = setting("geometric")
    exact = estimators.optimal_baseline(every, logits)

    def of_return_and_of_one(record):
        to_go = estimators.reward_to_go(record)
        ones = to_go - estimators.constant_baseline(record, 1)
        return (estimators.score_gradients(logits, record, weights) for weights in (to_go, ones))

    x, y = of_return_and_of_one(every)
    numerator, denominator = (x * y).sum(axis=(1, 2)), (y * y).sum(axis=(1, 2))
    influence = (numerator - exact * denominator) / (every.probabilities @ denominator)  # mean 0
    m = 40_000
    record = rollout.from_mdp(problem, logits, m, rng())
    got = estimators.optimal_baseline(record, logits)
    assert abs(got - exact) <= Z * sqrt(every.probabilities @ influence**2 / m)
    x, y = of_return_and_of_one(record)
    assert got == pytest.approx((x * y).mean() / (y * y).mean(), rel=1e-10)


def test_without_a_choice_every_baseline_is_as_good():
    logits = np.array([[0.0, -inf], [0.0, 0.0]])
    every = worlds.geometric_mdp(0.9, horizon=3).enumerate_trajectories(logits)
    assert estimators.optimal_baseline(every, logits) == 0.0


# Batches, all of them


def batch_expectation(name, m, weighting):
    """E of the estimate over all batches of m."""
    _, logits, every, exact = setting(name)
    fields = every.states, every.actions, every.rewards, every.discounts, every.mask
    total = np.zeros(exact.shape)
    for batch in product(range(len(every.probabilities)), repeat=m):
        rows = list(batch)
        record = rollout.Rollout(*(field[rows] for field in fields), np.zeros(m, bool))
        estimate = estimators.score_gradients(logits, record, weighting(record)).mean(axis=0)
        total += every.probabilities[rows].prod() * estimate
    return total, exact


@pytest.mark.parametrize(("name", "m"), [("conversation", 2), ("geometric", 2), ("geometric", 3)])
def test_the_batch_mean_shrinks_the_gradient_and_leaving_one_out_does_not(name, m):
    got, exact = batch_expectation(name, m, estimators.batch_mean_baseline)
    close(got, (1 - 1 / m) * exact, 1e-12)
    got, exact = batch_expectation(name, m, estimators.leave_one_out_baseline)
    close(got, exact, 1e-12)


def test_the_batch_mean_of_one_leaves_nothing():
    one = rollout.Rollout(*(part[1:2] for part in HAND))
    assert_array_equal(estimators.batch_mean_baseline(one), np.zeros((1, 3)))
    bad(ValueError, "record has 1 trajectory, expected at least 2", estimators.leave_one_out_baseline, one)


def test_leaving_one_out_does_not_count_padding():
    # as if the rewards of a learner's own record went on after the end
    noisy = HAND._replace(rewards=np.where(HAND.mask == 0, 99.0, HAND.rewards))
    for function in (estimators.leave_one_out_baseline, estimators.batch_mean_baseline, estimators.total_return):
        close(function(noisy), function(HAND))


# Sampled


def weightings(problem, logits):
    values = problem.state_values(logits)
    return {name: partial(function, values=values) for name, function in UNBIASED.items()}


def test_all_estimators_see_the_same_batches_and_every_batch_is_new():
    problem, logits, _, exact = setting("geometric")
    seen = {"first": [], "second": []}

    def noting(key, record):
        seen[key].append(record)
        return estimators.reward_to_go(record)

    functions = {key: partial(noting, key) for key in seen}
    found = estimators.compare(functions, problem, logits, episodes=9, batches=30, rng=rng())
    assert_array_equal(found["first"].mean, found["second"].mean)
    each = [estimators.score_gradients(logits, r, estimators.reward_to_go(r)).mean(axis=0) for r in seen["second"]]
    close(found["second"].mean, np.mean(each, axis=0), 1e-12)
    assert found["second"].variance == pytest.approx(np.var(each, axis=0, ddof=1).sum())
    assert [len(r.mask) for r in seen["first"]] == [9] * 30
    assert all(r.mask[:, -1].any() for r in seen["first"])  # trimmed to the longest of the batch
    assert len({r.actions.tobytes() for r in seen["first"]}) > 20
    again = estimators.compare(functions, problem, logits, episodes=9, batches=30, rng=rng())
    assert_array_equal(again["first"].bias, found["first"].bias)
    close(found["first"].bias, found["first"].mean - exact)


@pytest.mark.long
@pytest.mark.parametrize("name", ["conversation", "geometric"])
def test_compare_agrees_with_the_exact_moments(name):
    problem, logits, every, exact = setting(name)
    functions, m = weightings(problem, logits), 20
    functions = {key: functions[key] for key in ("value of nothing", "GAE")}
    found = estimators.compare(functions, problem, logits, episodes=m, batches=2_000, rng=rng(), false_alarm=1e-9)
    assert list(found) == list(functions)
    for key, c in found.items():
        moments = estimators.exact_moments(every, logits, functions[key](every))
        assert not c.biased
        assert c.largest_z <= c.z_limit
        close(c.bias, c.mean - exact, 1e-12)
        assert abs(c.variance - moments.variance / m) <= Z * c.variance_error
        assert 0 < c.variance_error < 0.2 * c.variance
        assert c.snr == pytest.approx((exact**2).sum() / c.variance)


@pytest.mark.long
def test_many_episodes_are_sampled_in_several_parts(monkeypatch):
    problem, logits, every, _ = setting("geometric")
    monkeypatch.setattr(estimators, "_SAMPLED_AT_ONCE", 50)
    settings = {"episodes": 20, "batches": 1_001, "rng": rng(), "false_alarm": 1e-9}
    c = estimators.compare({"G": estimators.reward_to_go}, problem, logits, **settings)["G"]
    moments = estimators.exact_moments(every, logits, estimators.reward_to_go(every))
    assert not c.biased
    assert abs(c.variance - moments.variance / 20) <= Z * c.variance_error


@pytest.mark.long
def test_the_mean_cosine_of_single_trajectories():
    problem, logits, every, exact = setting("conversation")
    g = estimators.score_gradients(logits, every, estimators.reward_to_go(every))
    lengths = np.sqrt((g**2).sum(axis=(1, 2)) * (exact**2).sum())
    wanted = every.probabilities @ ((g * exact).sum(axis=(1, 2)) / np.where(lengths > 0, lengths, 1))
    c = estimators.compare({"G": estimators.reward_to_go}, problem, logits, episodes=1, batches=2_500, rng=rng())["G"]
    assert abs(c.cosine - wanted) <= Z * c.cosine_error
    assert 0 < c.cosine_error < 0.02


@pytest.mark.long
def test_the_bias_of_the_batch_mean_is_found():
    # Half the gradient is missing, more than 15 standard errors, and the limit is below 7: 8 of them lie in between.
    problem, logits, _, exact = setting("conversation")
    both = {"batch mean": estimators.batch_mean_baseline, "leave one out": estimators.leave_one_out_baseline}
    settings = {"episodes": 2, "batches": 2_500, "rng": rng(), "false_alarm": 1e-9}
    found = estimators.compare(both, problem, logits, **settings)
    c = found["batch mean"]
    entry = np.abs(exact).argmax()
    assert np.abs(exact).max() / 2 / c.bias_error.flat[entry] > 15
    assert c.biased
    assert c.largest_z > c.z_limit
    live = c.bias_error > 0
    assert (np.abs(c.bias + exact / 2)[live] <= Z * c.bias_error[live]).all()
    assert not found["leave one out"].biased
    text = estimators.describe(found).splitlines()
    assert text[0].split() == ["estimator", "variance", "SNR", "cosine", "bias"]
    assert text[2].endswith("  not distinguishable from 0")
    s, a = np.unravel_index(np.where(live, np.abs(c.bias) / np.where(live, c.bias_error, 1), 0).argmax(), exact.shape)
    told = f"{c.bias[s, a]:+.3g} ± {c.bias_error[s, a]:.1g} at [{s}, {a}] (z = {c.largest_z:.1f} > {c.z_limit:.1f})"
    assert text[1].endswith(told)
    assert f"{c.variance:.3g} ± {c.variance_error:.1g}" in text[1]
    assert text[0].index("bias") == text[1].index(f"{c.bias[s, a]:+.3g}") == text[2].index("not")


@pytest.mark.long
def test_truncation_is_a_bias_of_the_returns():
    problem, logits = worlds.geometric_mdp(0.9), np.array([[1.0, 0.0], [0.0, 0.0]])
    both = {"to go": estimators.reward_to_go, "GAE": weightings(problem, logits)["GAE"]}
    found = estimators.compare(both, problem, logits, episodes=50, batches=400, rng=rng(), max_steps=2)
    for c in found.values():  # without what comes after two steps, and without its actions: hundreds of errors
        assert c.biased
        assert c.largest_z > 100


# Bad input


def test_bad_input_to_weights():
    total, to_go, constant = estimators.total_return, estimators.reward_to_go, estimators.constant_baseline
    nan, states = np.array([[1.0, np.nan, 0], [1, 1, 1], [1, 1, 1]]), HAND.states
    bad(TypeError, "record is int", total, 3)
    bad(TypeError, "record is tuple", estimators.td_error, tuple(HAND), V)
    bad(ValueError, r"mask has shape \(3, 2\), expected \(3, 3\)", total, HAND._replace(mask=HAND.mask[:, :2]))
    bad(ValueError, r"states has shape \(3, 3\), expected \(m, T \+ 1\)", total, HAND._replace(states=states[:, :3]))
    bad(ValueError, r"record.rewards has shape \(3,\), expected \(m, T\)", total, HAND._replace(rewards=np.ones(3)))
    bad(ValueError, r"rewards\[0, 1\] is nan", to_go, HAND._replace(rewards=nan))
    bad(TypeError, "discount_steps is 1, expected", to_go, HAND, discount_steps=1)
    bad(TypeError, "baseline has dtype", constant, HAND, "2")
    bad(ValueError, r"baseline has shape \(3, 1\)", constant, HAND, np.ones((3, 1)))
    bad(ValueError, "baseline is nan", constant, HAND, np.nan)
    bad(ValueError, "states up to 2, expected 0 to 1, as values has", estimators.value_baseline, HAND, [1.0, 2.0])
    bad(ValueError, r"values has shape \(\)", estimators.value_baseline, HAND, 1.0)
    bad(ValueError, r"values has shape \(3, 3\), expected at least 4 times", estimators.gae, HAND, np.ones((3, 3)), 0.5)
    bad(ValueError, "lambda_ is 1.5", estimators.gae, HAND, V, 1.5)
    odd = r"record.states has shape \(3, 4, 2\) and dtype float64, expected state indices"
    bad(ValueError, odd, estimators.td_error, HAND._replace(states=np.ones((3, 4, 2))), V)


def test_bad_input_to_gradients_and_moments():
    gradients, best, exact = estimators.score_gradients, estimators.optimal_baseline, estimators.exact_moments
    table, ones = np.zeros((3, 2)), np.ones((3, 3))
    bad(ValueError, r"weights has shape \(3,\), expected \(3, 3\)", gradients, table, HAND, np.ones(3))
    bad(ValueError, "states up to 2, expected 0 to 1, as logits has", gradients, np.zeros((2, 2)), HAND, ones)
    bad(ValueError, "actions up to 1, expected 0 to 0", gradients, np.zeros((3, 1)), HAND, ones)
    bad(ValueError, r"logits has shape \(3,\)", best, HAND, np.zeros(3))
    bad(ValueError, "probabilities sum to 3.0, expected 1", best, HAND, table, np.ones(3))
    bad(TypeError, "trajectories is Rollout, expected course_utils.mdp.Trajectories", exact, HAND, table, ones)


def test_bad_input_to_summaries():
    summarise = estimators.summarise
    three, one = np.ones((3, 2, 2)), np.ones((2, 2))
    bad(ValueError, "expected .B, S, A. with B at least 2", summarise, three[:1], V)
    bad(ValueError, r"exact has shape \(3,\), expected \(2, 2\)", summarise, three, V)
    bad(ValueError, "false_alarm is 1.0, expected a probability between", summarise, three, one, false_alarm=1)
    bad(ValueError, "estimates, exact overflow", summarise, 1e200 * three, one)
    bad(TypeError, "comparisons is 3", estimators.describe, 3)
    bad(ValueError, "comparisons is empty", estimators.describe, {})


def test_bad_input_to_compare_and_finite_difference():
    good = {"mdp": worlds.conversation(), "logits": np.ones((4, 2)), "rng": rng()}
    both = [
        (TypeError, "mdp is int", {"mdp": 3}),
        (ValueError, r"logits has shape \(2, 2\)", {"logits": np.zeros((2, 2))}),
        (TypeError, "rng is int", {"rng": 0}),
    ]
    comparing = good | {"weightings": {"x": estimators.total_return}, "episodes": 2, "batches": 2}
    for error, text, changes in [
        *both,
        (TypeError, "weightings is", {"weightings": [estimators.total_return]}),
        (TypeError, "weightings is", {"weightings": {"x": 3}}),
        (ValueError, "weightings is empty", {"weightings": {}}),
        (ValueError, r"weightings\['x'\] has shape \(3,\)", {"weightings": {"x": lambda r: np.ones(3)}}),
        (ValueError, r"weightings\['x'\]\[0, 0\] is nan", {"weightings": {"x": lambda r: r.mask * np.nan}}),
        (ValueError, "batches is 1, expected a whole number of at least 2", {"batches": 1}),
        (ValueError, "episodes is 0", {"episodes": 0}),
        (ValueError, "false_alarm is 0.0", {"false_alarm": 0}),
    ]:
        bad(error, text, estimators.compare, **comparing | changes)
    for error, text, changes in [
        *both,
        (ValueError, "episodes is 11, expected a whole number of at least 12", {"episodes": 11}),
        (ValueError, "step is 0.0, expected a positive number", {"step": 0}),
        (ValueError, r"step is 1e-20, too small to move logits\[0, 0\], which is 1.0", {"step": 1e-20}),
        (TypeError, "common_random_numbers is 1", {"common_random_numbers": 1}),
    ]:
        bad(error, text, estimators.finite_difference, **good | {"episodes": 12, "step": 0.1} | changes)


@pytest.mark.parametrize("common", [False, True])
def test_an_episode_without_end_is_refused(common):
    stay = np.array([[0.0, -inf], [0.0, 0.0]])
    call = partial(estimators.finite_difference, worlds.geometric_mdp(0.9), stay, 8, 0.1, common_random_numbers=common)
    bad(ValueError, "max_steps is None", call, rng=rng())
    assert_array_equal(call(rng=rng(), max_steps=3), np.zeros((2, 2)))


def test_a_spread_of_rounding_errors_is_none():
    exact = np.array([[0.3, -0.3]])
    rounded = exact * (1 + np.array([0.0, 1e-16, 2e-16, -1e-16]))[:, None, None]
    got = estimators.summarise(rounded, exact)
    assert (got.variance, got.snr, got.biased) == (0.0, np.inf, False)
    assert got.cosine == pytest.approx(1.0)
    noise = 1e-17 * np.array([[[1.0, -1.0]], [[-1.0, 1.0]], [[1.0, -1.0]]])
    assert estimators.summarise(noise, exact).cosine == 0.0, "rounding errors point nowhere"
    assert estimators.summarise(1e6 * noise, exact).cosine != 0.0


def test_weightings_cannot_change_the_batch_of_the_next():
    def greedy(record):
        record.rewards[:] = 7.0
        return record.mask

    good = {"mdp": worlds.geometric_mdp(0.9, horizon=3), "logits": np.zeros((2, 2)), "episodes": 2, "batches": 2}
    bad(ValueError, "read-only", estimators.compare, {"greedy": greedy}, rng=rng(), **good)
