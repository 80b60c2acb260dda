"""The estimator explorer's Python side: its estimators against enumeration, its traits, its first frame."""

import itertools

import numpy as np
import pytest

from course_utils import policy, worlds
from course_utils.widgets import EstimatorExplorer
from course_utils.widgets.estimator_explorer import BATCHES
from course_utils.widgets.lab import uniform, uniforms

Z_BOUND = 6.0  # a normal deviate beyond it has probability 2e-9
SETTINGS = [
    {},
    {"quantities": [4.0, 3.1, 0.35], "logits": [0.2, -1.0, 0.7]},
    {"quantities": [2.6, -0.4, -3.0], "reward_kind": "step"},
    {"quantities": [0.0, 5.0, -0.1], "reward_kind": "thumb", "h": 2.0},
]


def moments(laws, combine):
    """Mean and variance of combine(…) over independent draws, by all outcomes; a law lists (probability, outcome)."""
    outcomes = [(np.prod([p for p, _ in joint]), combine([x for _, x in joint])) for joint in itertools.product(*laws)]
    mean = sum(p * x for p, x in outcomes)
    return mean, sum(p * (x - mean) ** 2 for p, x in outcomes)


def test_uniforms_are_those_of_the_browser_labs():
    key = 7, 2**32 - 1, 3, 1
    np.testing.assert_array_equal(uniforms(50, *key), [uniform(*key, i) for i in range(50)])


@pytest.mark.parametrize("setting", SETTINGS)
def test_exact_gradient_is_the_oracles(setting):
    lab = EstimatorExplorer(**setting)
    oracle = worlds.three_action_state(lab.rewards).policy_gradient(np.stack([lab.logits, np.zeros(3)]))[0]
    np.testing.assert_allclose(lab.exact_gradient(), oracle, atol=1e-14)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("m", [1, 3])
def test_moments_of_the_score_function_by_enumeration(setting, m):
    lab = EstimatorExplorer(samples=m, **setting)
    pi, rewards = policy.softmax(lab.logits), lab.rewards
    law = [(pi[a], rewards[a] * (np.eye(3)[a] - pi)) for a in range(3)]
    mean, variance = moments([law] * m, lambda xs: sum(xs) / m)
    found = lab.score_function()
    np.testing.assert_allclose(found.mean, mean, atol=1e-14)
    np.testing.assert_allclose(found.error**2, variance, atol=1e-14)
    assert found.expected_squared_error == pytest.approx(variance.sum(), abs=1e-14)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("m", [6, 8, 13])
def test_moments_of_finite_differences_by_enumeration(setting, m):
    """The m samples are shared out: with 8, the first two of the six means have two samples each."""
    lab = EstimatorExplorer(samples=m, **setting)
    found = lab.finite_differences()
    for a in range(3):
        laws = []
        for side, sign in enumerate((1, -1)):
            pi = policy.softmax(np.array(lab.logits) + sign * lab.h * np.eye(3)[a])
            share = len(range(2 * a + side, m, 6))
            laws += [[(p, sign * R / share) for p, R in zip(pi, lab.rewards, strict=True)]] * share
        mean, variance = moments(laws, lambda xs: sum(xs) / (2 * lab.h))
        assert found.mean[a] == pytest.approx(mean, abs=1e-13)
        assert found.error[a] ** 2 == pytest.approx(variance, abs=1e-12)
    bias = found.mean - lab.exact_gradient()
    assert found.expected_squared_error == pytest.approx((found.error**2 + bias**2).sum())


@pytest.mark.long
@pytest.mark.parametrize("setting", SETTINGS)
def test_batches_scatter_about_their_mean_with_their_standard_error(setting):
    """False alarms: below 1e-6 in all. Sums of 40 draws × 8 batches, taken as normal, within 6 standard errors."""
    lab = EstimatorExplorer(samples=600, seed=5, **setting)
    for method in (lab.score_function, lab.finite_differences):
        batches = []
        for draw in range(40):
            lab.draw = draw
            batches.append(method().batches)
        found, exact, n = np.concatenate(batches), method(), 40 * BATCHES
        assert found.shape == (n, 3)
        error = np.maximum(exact.error, 1e-12)
        assert np.all(np.abs(found.mean(axis=0) - exact.mean) < Z_BOUND * error / np.sqrt(n))
        ratio = found.var(axis=0) / error**2
        assert np.all(np.abs(ratio - 1) < Z_BOUND * np.sqrt(2.5 / n))  # an excess kurtosis up to 0.5


def test_reward_kinds():
    lab = EstimatorExplorer(quantities=[2.7, -0.2, 0.0])
    for kind, rewards in (("number", [2.7, -0.2, 0.0]), ("step", [2, -1, 0]), ("thumb", [1, -1, 1])):
        lab.reward_kind = kind
        np.testing.assert_array_equal(lab.rewards, rewards)


@pytest.mark.long
def test_no_finite_differences_below_six_samples():
    lab = EstimatorExplorer(samples=5)
    assert lab.finite_differences() is None
    assert "finite differences" not in lab.alt_text()
    assert lab.first_frame().startswith(b"\x89PNG")
