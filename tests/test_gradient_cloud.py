"""The gradient cloud's Python side: its moments against plain enumeration, its draws one by one, its traits."""

import itertools

import numpy as np
import pytest

from course_utils import policy
from course_utils.widgets import GradientCloud
from course_utils.widgets.gradient_cloud import ESTIMATES, VERTICALS, WEIGHTINGS
from course_utils.widgets.lab import uniform

CALM = (0.8, 0.3)
REWARDS = ((-1.0, 0.0), (1.0, 3.0), (0.0, -4.0))
SETTINGS = list(itertools.product(WEIGHTINGS, VERTICALS))


def some(rng, weighting, vertical):
    return GradientCloud(rng.uniform(-3, 3, size=(3, 2)), 7, weighting, vertical=vertical, seed=int(rng.integers(999)))


def walk(cloud):
    """Probability and the two drawn components of each path, by hand: its factors, its scores, its weights."""
    pi = policy.softmax(np.reshape(cloud.logits, (3, 2)))
    up = {"calm": 1, "angry": 2}[cloud.vertical]
    values = [0.0, *(pi[s] @ REWARDS[s] for s in (1, 2))]
    for a in (0, 1):
        values[0] += pi[0, a] * (REWARDS[0][a] + CALM[a] * values[1] + (1 - CALM[a]) * values[2])
    for a, s, b in itertools.product((0, 1), (1, 2), (0, 1)):
        r1, r2 = REWARDS[0][a], REWARDS[s][b]
        w1, w2 = {
            "total return": (r1 + r2, r1 + r2),
            "reward to go": (r1 + r2, r2),
            "reward to go minus V": (r1 + r2 - values[0], r2 - values[s]),
        }[cloud.weighting]
        across = w1 * ((a == 0) - pi[0, 0])
        upwards = w2 * ((b == 0) - pi[s, 0]) if s == up else 0.0
        yield pi[0, a] * (CALM[a] if s == 1 else 1 - CALM[a]) * pi[s, b], np.array([across, upwards])


@pytest.mark.parametrize(("weighting", "vertical"), SETTINGS)
@pytest.mark.parametrize("seed", range(2))
def test_each_weighting_has_the_exact_gradient_as_its_mean(weighting, vertical, seed):
    cloud = some(np.random.default_rng(seed), weighting, vertical)
    place = ([0, VERTICALS.index(vertical) + 1], [0, 0])
    gradient = cloud.mdp().policy_gradient(cloud.table())
    np.testing.assert_allclose(cloud.exact_gradient(), gradient[place], rtol=0, atol=1e-13)
    mean = sum(p * g for p, g in walk(cloud))
    np.testing.assert_allclose(mean, cloud.exact_gradient(), rtol=0, atol=1e-13)
    whole = np.einsum("i,isa->sa", cloud.trajectories().probabilities, cloud.path_gradients())
    np.testing.assert_allclose(whole, cloud.mdp().policy_gradient(cloud.table())[:3], rtol=0, atol=1e-13)


@pytest.mark.parametrize(("weighting", "vertical"), SETTINGS)
def test_the_covariance_is_that_of_all_possible_estimates(weighting, vertical):
    """One conversation: eight outcomes. Two: sixty-four."""
    cloud = some(np.random.default_rng(4), weighting, vertical)
    one, exact = list(walk(cloud)), cloud.exact_gradient()
    two = [(p * q, (g + h) / 2) for (p, g), (q, h) in itertools.product(one, repeat=2)]
    for m, outcomes in ((1, one), (2, two)):
        cloud.samples = m
        wanted = sum(p * np.outer(g - exact, g - exact) for p, g in outcomes)
        np.testing.assert_allclose(cloud.covariance(), wanted, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(cloud.standard_deviation(), np.sqrt(np.diag(wanted)), rtol=1e-12)
    before = cloud.standard_deviation()
    cloud.samples = 8
    np.testing.assert_allclose(cloud.standard_deviation(), before / 2, rtol=1e-12)


def test_the_estimates_are_means_over_conversations_drawn_one_by_one():
    cloud = some(np.random.default_rng(5), "reward to go", "calm")
    cloud.draw, outcomes = 3, [g for _, g in walk(cloud)]
    pi = policy.softmax(np.reshape(cloud.logits, (3, 2)))
    for k in (0, 17, ESTIMATES - 1):
        total = np.zeros(2)
        for i in range(cloud.samples):
            first, mood, second = (uniform(cloud.seed, cloud.draw, k, 3 * i + j) for j in range(3))
            a = 0 if first < pi[0, 0] else 1
            s = 1 if mood < CALM[a] else 2
            b = 0 if second < pi[s, 0] else 1
            total += outcomes[4 * a + 2 * (s - 1) + b]
        np.testing.assert_allclose(cloud.estimates()[k], total / cloud.samples, rtol=0, atol=1e-13)


def test_more_conversations_continue_those_there_were():
    cloud, last = GradientCloud(samples=1, seed=6), np.zeros((ESTIMATES, 8))
    for m in (1, 2, 4, 8, 64):
        cloud.samples = m
        counts = cloud.counts()
        assert (counts >= last).all()
        assert (counts.sum(axis=1) == m).all()
        last = counts
    cloud.draw_again()
    assert (cloud.counts() != last).any()


@pytest.mark.long
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_the_estimates_scatter_as_the_exact_moments_say(weighting):
    """The z of the mean and of the mean square, over 10 draws of 60: beyond 6 by chance below 1e-7 in the test.

    At m = 1,024 an estimate is near enough to normal for both.
    """
    cloud = GradientCloud(samples=1024, weighting=weighting, seed=7)
    exact, deviation, z = cloud.exact_gradient(), cloud.standard_deviation(), []
    for draw in range(10):
        cloud.draw = draw
        z.append((cloud.estimates() - exact) / deviation)
    z = np.concatenate(z)
    assert np.abs(z.mean(axis=0) * np.sqrt(len(z))).max() < 6
    assert np.abs(((z**2).mean(axis=0) - 1) * np.sqrt(len(z) / 2)).max() < 6


def test_what_the_weightings_do_to_the_cloud():
    """At the first message the reward to go is the whole return; V(s) takes out most of what is left upwards."""
    clouds = [GradientCloud(samples=1, weighting=weighting) for weighting in WEIGHTINGS]
    total, to_go, minus_value = (cloud.standard_deviation() for cloud in clouds)
    assert total[0] == pytest.approx(to_go[0], rel=1e-13)
    assert minus_value[1] < to_go[1] < total[1]
    np.testing.assert_allclose(clouds[0].exact_gradient(), [0.275, 0.432], atol=1e-13)


def test_uphill_counts_positive_dot_products():
    cloud = GradientCloud(samples=2, seed=3)
    exact = cloud.exact_gradient()
    by_hand = sum(1 for g in cloud.estimates() if g[0] * exact[0] + g[1] * exact[1] > 1e-12)
    assert cloud.uphill() == by_hand
    assert 0 < by_hand < ESTIMATES
    cloud.samples = 1024
    assert cloud.uphill() == ESTIMATES, "the gradient is 10 standard deviations long"


def test_the_buttons():
    cloud = GradientCloud(np.zeros((3, 2)), 4, "reward to go", vertical="calm", zoom=True)
    before = cloud.estimates()
    cloud.logits, cloud.samples, cloud.weighting, cloud.vertical = range(-3, 3), 1, "total return", "angry"
    cloud.draw_again()
    cloud.reset()
    np.testing.assert_array_equal(cloud.estimates(), before)


@pytest.mark.parametrize("setting", [{"samples": 16}, {"samples": 1, "vertical": "calm"}, {"zoom": True}])
def test_the_words_count_what_points_uphill(setting):
    cloud = GradientCloud(**setting)
    assert f"m = {cloud.samples} conversations" in repr(cloud)
    assert f"{cloud.uphill()} of 60 point" in repr(cloud)
