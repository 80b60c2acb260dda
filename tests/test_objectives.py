"""Objectives and losses against longhand arithmetic, differentiation oracles and their own laws."""

from itertools import product
from math import inf, log

import autograd.numpy as anp
import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from course_utils import objectives, policy, returns

HALVES, QUARTERS = np.log([0.5, 0.5]), np.log([0.25, 0.75])
SHAPES = [(5,), (4, 5), (2, 3, 4)]  # of actions: one trajectory, four, two by three


def example(shape, seed=0, n=3):
    """Random logits, actions, advantages and weights."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(*shape, n)), rng.integers(n, size=shape), rng.normal(size=shape), rng.random(shape)


def record(shape, seed=1):
    """Random rewards, discounts (with an episode that ends on the way) and values."""
    rng = np.random.default_rng(seed)
    discounts = np.full(shape, 0.9)
    discounts[..., 1] = 0.0
    return rng.normal(size=shape), discounts, rng.normal(size=(*shape[:-1], shape[-1] + 1))


# The advantage objective


def test_objective_longhand():
    got = objectives.advantage_objective([HALVES, QUARTERS], [0, 1], [2.0, -3.0])
    assert got.value == pytest.approx(2 * log(0.5) - 3 * log(0.75), rel=1e-15)
    assert_allclose(got.terms, [2 * log(0.5), -3 * log(0.75)], rtol=1e-14)
    assert_allclose(got.log_probs, [log(0.5), log(0.75)], rtol=1e-14)
    assert_allclose(got.probabilities, [[0.5, 0.5], [0.25, 0.75]], rtol=1e-14)
    assert_allclose(got.score, [[1 - 0.5, -0.5], [-0.25, 1 - 0.75]], rtol=1e-14)
    assert_allclose(got.grad_logits, [[2 * 0.5, 2 * -0.5], [-3 * -0.25, -3 * 0.25]], rtol=1e-14)
    assert got.per_trajectory == pytest.approx(got.value)


def test_objective_sums_over_time_and_averages_over_trajectories():
    logits, actions = [[HALVES, QUARTERS], [QUARTERS, HALVES]], [[0, 1], [0, 0]]
    got = objectives.advantage_objective(logits, actions, [[1.0, 2.0], [3.0, 4.0]])
    first, second = 1 * log(0.5) + 2 * log(0.75), 3 * log(0.25) + 4 * log(0.5)
    assert_allclose(got.per_trajectory, [first, second], rtol=1e-14)
    assert got.value == pytest.approx((first + second) / 2, rel=1e-14)
    assert_allclose(got.grad_logits[1, 0], [3 * 0.75 / 2, 3 * -0.75 / 2], rtol=1e-14)


def test_weights_multiply_the_terms():
    got = objectives.advantage_objective([HALVES, QUARTERS], [0, 1], [2.0, -3.0], weights=[0.0, 0.5])
    assert got.value == pytest.approx(0.5 * -3 * log(0.75), rel=1e-14)
    assert_array_equal(got.grad_logits[0], [0, 0])
    assert_allclose(got.grad_logits[1], [0.5 * -3 * -0.25, 0.5 * -3 * 0.25], rtol=1e-14)


def test_a_single_decision():
    got = objectives.advantage_objective(QUARTERS, 1, -2.0)
    assert got.value == pytest.approx(-2 * log(0.75), rel=1e-15)
    assert_allclose(got.grad_logits, [-2 * -0.25, -2 * 0.25], rtol=1e-14)
    assert got.grad_logits.shape == (2,)


def test_zero_advantage_gives_no_gradient():
    got = objectives.advantage_objective([HALVES, QUARTERS], [0, 1], [0.0, 1.0])
    assert_array_equal(got.grad_logits[0], [0, 0])
    assert np.all(got.grad_logits[1] != 0)


def test_the_mean_over_steps_is_the_objective_divided_by_their_number():
    logits, actions, advantages, _ = example((4, 5))
    u = objectives.advantage_objective(logits, actions, advantages)
    mean = np.mean(policy.log_prob(logits, actions) * advantages)
    assert u.value == pytest.approx(5 * mean, rel=1e-14)


@pytest.mark.parametrize("shape", [(), *SHAPES])
def test_objective_and_its_gradient_against_the_oracles(shape):
    logits, actions, advantages, weights = example(shape)
    m = np.prod(shape[:-1], dtype=int)

    def u(z):
        return anp.sum(oracles.picked(oracles.log_softmax(z), actions) * advantages * weights) / m

    got = objectives.advantage_objective(logits, actions, advantages, weights)
    assert got.value == pytest.approx(u(logits), rel=1e-14)
    oracles.agree(got.grad_logits, u, logits)


@given(st.integers(0, 10**6), st.floats(-3, 3), st.floats(-3, 3))
def test_gradient_is_linear_in_the_advantages(seed, x, y):
    logits, actions, a, b = example((2, 3), seed)

    def gradient(advantages):
        return objectives.advantage_objective(logits, actions, advantages).grad_logits

    assert_allclose(gradient(x * a + y * b), x * gradient(a) + y * gradient(b), atol=1e-14)


@given(st.integers(0, 10**6), st.floats(-1000, 1000))
def test_shifting_logits_changes_nothing(seed, shift):
    logits, actions, advantages, _ = example((2, 3), seed)
    here = objectives.advantage_objective(logits, actions, advantages)
    there = objectives.advantage_objective(logits + shift, actions, advantages)
    assert there.value == pytest.approx(here.value, abs=1e-10)
    assert_allclose(there.grad_logits, here.grad_logits, atol=1e-11)
    assert_allclose(here.grad_logits.sum(axis=-1), 0, atol=1e-15)


def test_objective_at_extreme_logits():
    got = objectives.advantage_objective([[1000.0, -1000.0], [-inf, 0.0]], [1, 1], [3.0, 5.0])
    assert got.value == 3 * -2000
    assert_array_equal(got.grad_logits, [[-3, 3], [0, 0]])


# The expected update


def test_expected_objective_longhand():
    got = objectives.expected_advantage_objective(np.log([0.5, 0.3, 0.2]), [1.0, -1.0, 2.0])
    mean = 0.5 * 1 + 0.3 * -1 + 0.2 * 2
    assert got.value == pytest.approx(mean, rel=1e-15)
    assert got.baseline == pytest.approx(mean, rel=1e-15)
    assert_allclose(got.centered, [1 - mean, -1 - mean, 2 - mean], rtol=1e-14)
    assert_allclose(got.grad_logits, [0.5 * (1 - mean), 0.3 * (-1 - mean), 0.2 * (2 - mean)], rtol=1e-14)


@pytest.mark.parametrize("shape", [(), *SHAPES])
def test_expected_objective_against_the_oracles(shape):
    logits, _, _, _ = example(shape)
    advantages = np.random.default_rng(9).normal(size=logits.shape)
    m = np.prod(shape[:-1], dtype=int)

    def value(z):
        return anp.sum(anp.exp(oracles.log_softmax(z)) * advantages) / m

    got = objectives.expected_advantage_objective(logits, advantages)
    assert got.value == pytest.approx(value(logits), rel=1e-13)
    oracles.agree(got.grad_logits, value, logits)


def test_expected_gradient_is_the_mean_of_the_sampled_ones():
    # two steps, three actions: all 9 trajectories, each weighted with its probability
    logits, _, _, _ = example((2,))
    advantages = np.array([[1.0, -2.0, 0.5], [0.3, 0.0, -1.0]])
    mean = np.zeros((2, 3))
    for actions in product(range(3), repeat=2):
        a = np.array(actions)
        sampled = objectives.advantage_objective(logits, a, advantages[[0, 1], a])
        mean += np.exp(sampled.log_probs.sum()) * sampled.grad_logits
    assert_allclose(mean, objectives.expected_advantage_objective(logits, advantages).grad_logits, atol=1e-15)


def test_a_baseline_leaves_the_expected_gradient_alone():
    logits, _, _, _ = example((4,))
    advantages = np.random.default_rng(2).normal(size=(4, 3))
    shifted = advantages + np.array([[10.0], [-3.0], [0.5], [7.0]])  # one number for each state
    here, there = (objectives.expected_advantage_objective(logits, a).grad_logits for a in (advantages, shifted))
    assert_allclose(there, here, atol=1e-14)


# The loss of A2C


def test_a2c_longhand():
    got = objectives.a2c_loss(
        [HALVES, QUARTERS], [0, 1], [1.0, 2.0], [0.9, 0.0], [3.0, 4.0, 100.0], value_cost=0.5, entropy_cost=0.1
    )
    g1, g0 = 2.0, 1 + 0.9 * 2.0  # the episode ends: the last value, 100, plays no part
    a1, a0 = g1 - 4, g0 - 3
    h0, h1 = log(2), -(0.25 * log(0.25) + 0.75 * log(0.75))
    assert_allclose(got.returns, [g0, g1], rtol=1e-14)
    assert_allclose(got.advantages, [a0, a1], rtol=1e-13)
    assert got.actor == pytest.approx(-(a0 * log(0.5) + a1 * log(0.75)), rel=1e-13)
    assert got.critic == pytest.approx(a0**2 / 2 + a1**2 / 2, rel=1e-13)
    assert got.entropy == pytest.approx(h0 + h1, rel=1e-14)
    assert got.total == pytest.approx(got.actor + 0.5 * got.critic - 0.1 * got.entropy, rel=1e-14)
    assert_allclose(got.grad_values, [-0.5 * a0, -0.5 * a1, 0], rtol=1e-13)
    bonus = 0.1 * np.array([0.25 * (log(0.25) + h1), 0.75 * (log(0.75) + h1)])
    assert_allclose(got.grad_logits[1], [-a1 * -0.25 + bonus[0], -a1 * 0.25 + bonus[1]], rtol=1e-13)
    assert_allclose(got.log_probs, [log(0.5), log(0.75)], rtol=1e-14)
    assert_allclose(got.probabilities, [[0.5, 0.5], [0.25, 0.75]], rtol=1e-14)


def test_a2c_defaults():
    logits, actions, _, _ = example((2, 4))
    rewards, discounts, values = record((2, 4))
    plain = objectives.a2c_loss(logits, actions, rewards, discounts, values)
    spelled = objectives.a2c_loss(
        logits, actions, rewards, discounts, values, lambda_=1.0, value_cost=0.5, entropy_cost=0.0
    )
    assert plain.total == spelled.total
    assert plain.total == pytest.approx(plain.actor + 0.5 * plain.critic, rel=1e-14)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("lambda_", [0.0, 0.7, 1.0])
def test_a2c_against_the_oracles(shape, lambda_):
    logits, actions, _, _ = example(shape)
    rewards, discounts, values = record(shape)
    m = np.prod(shape[:-1], dtype=int)
    # the constants of the two gradients, computed once from the values as they are
    advantages = returns.gae(rewards, discounts, values, lambda_)
    targets = advantages + values[..., :-1]

    def actor(z):
        return -anp.sum(oracles.picked(oracles.log_softmax(z), actions) * advantages) / m

    def entropy(z):
        return -anp.sum(anp.exp(oracles.log_softmax(z)) * oracles.log_softmax(z)) / m

    def critic(v):
        return anp.sum(0.5 * (targets - v[..., :-1]) ** 2) / m

    got = objectives.a2c_loss(
        logits, actions, rewards, discounts, values, lambda_=lambda_, value_cost=0.3, entropy_cost=0.2
    )
    assert_allclose([got.actor, got.critic, got.entropy], [actor(logits), critic(values), entropy(logits)], rtol=1e-13)
    assert got.total == pytest.approx(actor(logits) + 0.3 * critic(values) - 0.2 * entropy(logits), rel=1e-13)
    assert_allclose(got.returns, targets, rtol=1e-13)
    oracles.agree(got.grad_logits, lambda z: actor(z) - 0.2 * entropy(z), logits)
    oracles.agree(got.grad_values, lambda v: 0.3 * critic(v), values)


def test_the_bootstrap_value_gets_no_gradient():
    logits, actions, _, _ = example((2, 3))
    rewards, _, values = record((2, 3))
    got = objectives.a2c_loss(logits, actions, rewards, 0.9, values)
    assert got.grad_values.shape == (2, 4)
    assert_array_equal(got.grad_values[:, -1], [0, 0])


def test_the_actor_is_minus_the_objective():
    logits, actions, _, _ = example((2, 3))
    rewards, _, values = record((2, 3))
    loss = objectives.a2c_loss(logits, actions, rewards, 0.9, values, value_cost=7.0)
    u = objectives.advantage_objective(logits, actions, loss.advantages)
    assert loss.actor == -u.value
    assert_allclose(loss.grad_logits, -u.grad_logits, rtol=1e-15)


def test_a_forbidden_action_does_not_spoil_the_entropy_bonus():
    got = objectives.a2c_loss([[-inf, *HALVES]], [1], [1.0], 0.0, [0.0, 0.0], entropy_cost=1.0)
    assert got.entropy == pytest.approx(log(2), rel=1e-15)
    assert_allclose(got.grad_logits, [[0, -0.5, 0.5]], atol=1e-15)


def test_dtypes_follow_the_arrays():
    logits, actions, advantages, _ = example((2, 3))
    rewards, discounts, values = record((2, 3))
    for dtype in (np.float32, np.float64):
        u = objectives.advantage_objective(logits.astype(dtype), actions, advantages.astype(dtype))
        loss = objectives.a2c_loss(
            *(logits.astype(dtype), actions),
            *(x.astype(dtype) for x in (rewards, discounts, values)),
            entropy_cost=0.1,
        )
        expected = objectives.expected_advantage_objective(logits.astype(dtype), logits.astype(dtype))
        for field in [*u[1:], *loss[4:], *expected[1:]]:
            assert field.dtype == dtype
        for number in [u.value, *loss[:4], expected.value]:
            assert type(number) is float
