"""The baseline lab's Python side: brute force over the actions, samples, traits, first frame."""

import itertools

import numpy as np
import pytest
from traitlets import TraitError

from course_utils import estimators, policy
from course_utils.widgets import BaselineLab
from course_utils.widgets.baseline_lab import PRESETS
from course_utils.worlds import three_action_state

Z_BOUND = 6.5  # two-sided tail of a normal: below 1e-10


def some(seed):
    rng = np.random.default_rng(seed)
    return BaselineLab(
        rewards=rng.uniform(-20, 20, 3),
        logits=rng.uniform(-3, 3, 3),
        baseline=rng.uniform(-20, 20),
        action_dependence=float(rng.choice([0, rng.uniform()])),
        seed=seed,
    )


def by_hand(lab, baselines):
    """Mean and variance of (R_a − b_a) ∂ log π_a/∂z, a term for each action; the scores by policy.score."""
    pi = policy.softmax(lab.logits)
    terms = [(lab.rewards[a] - baselines[a]) * policy.score(np.array(lab.logits), a) for a in range(3)]
    mean = sum(p * g for p, g in zip(pi, terms, strict=True))
    square = sum(p * g**2 for p, g in zip(pi, terms, strict=True))
    return mean, square - mean**2


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
    lab, h = some(seed), 1e-6
    J = [policy.softmax(np.array(lab.logits) + s * h * np.eye(3)) @ lab.rewards for s in (1, -1)]
    np.testing.assert_allclose(lab.exact_gradient(), (J[0] - J[1]) / (2 * h), atol=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_the_variance_is_a_parabola_and_lowest_at_the_best_baseline(seed):
    lab = some(seed)
    pi, R = policy.softmax(lab.logits), np.array(lab.rewards)
    lengths = ((np.eye(3) - pi) ** 2).sum(axis=1)
    for b in (-12.0, 0.5, 9.0):
        formula = pi @ ((R - b) ** 2 * lengths) - (lab.exact_gradient() ** 2).sum()
        assert lab.variance(b, 0) == pytest.approx(formula, rel=1e-9)
    best, h = lab.best_baseline(), 0.01
    for step in (-h, h):
        rise = lab.variance(best + step, 0) - lab.variance(best, 0)
        assert rise == pytest.approx(h**2 * (pi @ lengths), rel=1e-6)


def test_the_best_baseline_is_that_of_the_estimators():
    for seed in range(3):
        lab = some(seed)
        table = np.vstack([lab.logits, np.zeros(3)])
        world = three_action_state(lab.rewards)
        paths = world.enumerate_trajectories(table)
        moments = estimators.exact_moments(paths, table, estimators.constant_baseline(paths, 3.0))
        assert moments.variance == pytest.approx(lab.variance(3.0, 0), rel=1e-9)
        np.testing.assert_allclose(moments.mean[0], lab.exact_gradient(), atol=1e-12)
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
    lab = some(seed)
    lab.samples = 1000
    drawn = []
    for draw in range(20):
        lab.draw = draw
        drawn.append(lab.estimates()[:, component])
    values = np.concatenate(drawn)
    mean, sd = lab.mean_estimate()[component], lab.deviations()[component]
    assert abs(values.mean() - mean) < Z_BOUND * sd / np.sqrt(values.size) + 1e-12
    pi = lab.probabilities()
    each = lab.weights() * (np.eye(3) - pi)[:, component]
    fourth = pi @ (each - mean) ** 4 - sd**4  # variance of a squared deviation
    assert abs(((values - mean) ** 2).mean() - sd**2) < Z_BOUND * np.sqrt(fourth / values.size) + 1e-12


def test_buttons_from_python():
    lab = BaselineLab(baseline=2.0, seed=3)
    first = lab.drawn_actions()
    assert lab.estimates().shape == (200, 3)
    lab.draw_again()
    assert not np.array_equal(lab.drawn_actions(), first)
    lab.action_dependence = 0.5
    lab.use_preset("nearly_certain")
    assert (lab.rewards, lab.baseline, lab.action_dependence) == ([10.0, 0.0, 0.0], 0.0, 0.0)
    lab.reset()
    assert (lab.rewards, lab.baseline) == (PRESETS["near_ten"]["rewards"], 2.0)
    np.testing.assert_array_equal(lab.drawn_actions(), first)
    with pytest.raises(ValueError, match="name is 'x'"):
        lab.use_preset("x")


def test_a_wrong_preset_is_refused():
    with pytest.raises(TraitError, match="preset is 'x', expected one of near_ten"):
        BaselineLab(preset="x")
