"""The baseline lab's Python side: brute force over the actions, samples, traits, first frame."""

import itertools

import numpy as np
import pytest
from oracles import central_differences
from refusals import bad
from traitlets import TraitError

from course_utils import estimators, policy
from course_utils.widgets import BaselineLab
from course_utils.widgets.baseline_lab import PRESETS
from course_utils.worlds import three_action_state

Z_BOUND = 6.5  # two-sided tail of a normal: below 1e-10


def some(seed):
    rng = np.random.default_rng(seed)
    rewards, logits, baseline = rng.uniform(-20, 20, 3), rng.uniform(-3, 3, 3), rng.uniform(-20, 20)
    dependence = float(rng.choice([0, rng.uniform()]))
    return BaselineLab(rewards=rewards, logits=logits, baseline=baseline, action_dependence=dependence, seed=seed)


def by_hand(lab, baselines):
    """Mean and variance of (R_a − b_a) ∂ log π_a/∂z, a term for each action; the scores by policy.score."""
    pi = policy.softmax(lab.logits)
    terms = [(lab.rewards[a] - baselines[a]) * policy.score(np.array(lab.logits), a) for a in range(3)]
    mean = pi @ terms
    return mean, pi @ np.square(terms) - mean**2


@pytest.mark.parametrize("seed", range(6))
def test_mean_and_variance_are_those_of_the_three_actions(seed):
    lab = some(seed)
    c = lab.action_dependence
    mean, variances = by_hand(lab, [(1 - c) * lab.baseline + c * R for R in lab.rewards])
    np.testing.assert_allclose(lab.mean_estimate(), mean, atol=1e-12)
    assert lab.variance() == pytest.approx(variances.sum(), abs=1e-9)
    np.testing.assert_allclose(lab.deviations() ** 2, variances, atol=1e-9)
    for b in (-7.0, 0.0, 2.5):
        mean, variances = by_hand(lab, [b] * 3)
        np.testing.assert_allclose(mean, lab.exact_gradient(), atol=1e-12)
        assert lab.variance(b, 0) == pytest.approx(variances.sum(), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_exact_gradient_is_the_slope_of_j(seed):
    lab = some(seed)
    wanted = central_differences(lambda z: policy.softmax(z) @ lab.rewards, lab.logits)
    np.testing.assert_allclose(lab.exact_gradient(), wanted, atol=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_the_best_baseline_is_that_of_the_estimators(seed):
    lab = some(seed)
    table = np.vstack([lab.logits, np.zeros(3)])
    paths = three_action_state(lab.rewards).enumerate_trajectories(table)
    best = estimators.optimal_baseline(paths, table, paths.probabilities)
    assert best == pytest.approx(lab.best_baseline(), rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_a_baseline_that_knows_the_action_is_biased_and_others_are_not(seed):
    lab = some(seed)
    for b in (-5.0, 0.0, 11.0):
        lab.baseline, lab.action_dependence = b, 0.0
        np.testing.assert_allclose(lab.bias(), 0, atol=1e-12)
        lab.action_dependence = 0.4
        np.testing.assert_allclose(lab.bias(), -0.4 * lab.exact_gradient(), atol=1e-12)
    lab.action_dependence = 1.0
    assert lab.variance() == pytest.approx(0, abs=1e-20), "the weights are all 0"


def test_v_is_close_to_best_near_ten_and_bad_for_a_nearly_certain_policy():
    lab = BaselineLab(preset="near_ten")
    assert lab.value() == pytest.approx(10.3)
    assert lab.variance(0) / lab.variance(lab.value()) > 200
    assert lab.variance(lab.value()) < 1.5 * lab.variance(lab.best_baseline())
    lab = BaselineLab(preset="nearly_certain")
    assert lab.value() == pytest.approx(9.8)
    assert lab.variance(lab.value()) / lab.variance(0) > 3000
    lab = BaselineLab(preset="even")
    assert lab.best_baseline() == pytest.approx(lab.value())


@pytest.mark.parametrize(("seed", "component"), list(itertools.product((0, 1, 2), (0, 2))))
def test_samples_scatter_about_their_mean(seed, component):
    """False alarms: 6 sample means and 6 variances, each beyond its bound by less than 1e-10."""
    lab, drawn = some(seed), []
    lab.samples = 1000
    for lab.draw in range(20):
        drawn.append(lab.estimates()[:, component])
    values = np.concatenate(drawn)
    mean, sd = lab.mean_estimate()[component], lab.deviations()[component]
    assert abs(values.mean() - mean) < Z_BOUND * sd / np.sqrt(values.size) + 1e-12
    pi = lab.probabilities()
    each = lab.weights() * (np.eye(3) - pi)[:, component]
    fourth = pi @ (each - mean) ** 4 - sd**4  # variance of a squared deviation
    assert abs(((values - mean) ** 2).mean() - sd**2) < Z_BOUND * np.sqrt(fourth / values.size) + 1e-12


def test_a_preset_may_come_later_and_its_name_is_checked():
    lab = BaselineLab(baseline=2.0, action_dependence=0.5)
    lab.use_preset("nearly_certain")
    assert (lab.rewards, lab.baseline, lab.action_dependence) == ([10.0, 0.0, 0.0], 0.0, 0.0)
    lab.reset()
    assert (lab.rewards, lab.baseline) == (PRESETS["near_ten"]["rewards"], 2.0)
    bad(ValueError, "name is 'x'", lab.use_preset, "x")
    bad(TraitError, "preset is 'x', expected one of near_ten", BaselineLab, preset="x")
