"""Objectives and losses against longhand arithmetic, differentiation oracles and their own laws."""

from math import exp, inf, log

import autograd.numpy as anp
import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from refusals import bad

from course_utils import kernels, objectives, policy, returns

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


@pytest.mark.parametrize("shape", [(), *SHAPES])
@pytest.mark.parametrize("name", ["advantage objective", "expected advantage objective", "KL penalty"])
def test_value_and_gradient_against_the_oracles(name, shape):
    logits, actions, advantages, weights = example(shape)
    rows = np.random.default_rng(9).normal(size=logits.shape)
    ref = oracles.log_softmax(rows)
    got, terms = {
        "advantage objective": (
            objectives.advantage_objective(logits, actions, advantages, weights),
            lambda log_pi: oracles.picked(log_pi, actions) * advantages * weights,
        ),
        "expected advantage objective": (
            objectives.expected_advantage_objective(logits, rows),
            lambda log_pi: anp.sum(anp.exp(log_pi) * rows, axis=-1),
        ),
        "KL penalty": (
            objectives.kl_penalty(logits, rows, weights),
            lambda log_pi: weights * anp.sum(anp.exp(log_pi) * (log_pi - ref), axis=-1),
        ),
    }[name]

    def value(z):
        return anp.sum(terms(oracles.log_softmax(z))) / np.prod(shape[:-1], dtype=int)

    assert got.value == pytest.approx(value(logits), rel=1e-14 if name == "advantage objective" else 1e-13)
    oracles.agree(got.grad_logits, value, logits)


@pytest.mark.parametrize("shape", [(), *SHAPES])
@pytest.mark.parametrize("at_once", [1, 7, 2**17])  # entries: rows one by one, in parts that do not divide them, all
def test_a_tabular_and_a_linear_policy_against_the_objective_by_its_logits(shape, at_once, monkeypatch):
    monkeypatch.setattr(kernels, "CACHED", at_once)
    rng = np.random.default_rng(0)
    theta, states, advantages = rng.normal(size=(4, 3)), rng.integers(4, size=shape), rng.normal(size=shape)
    actions, features = rng.integers(3, size=shape), np.eye(4)[states] + 0.1
    for got, x in (
        (objectives.tabular_advantage_objective(theta, states, actions, advantages), np.eye(4)[states]),
        (objectives.linear_advantage_objective(theta, features, actions, advantages), features),
    ):
        wanted = objectives.advantage_objective(x @ theta, actions, advantages)
        assert got.value == pytest.approx(wanted.value, rel=1e-13)
        assert_allclose(got.gradient, np.tensordot(x, wanted.grad_logits, (range(len(shape)),) * 2), atol=1e-13)


def test_a_table_may_forbid_what_was_not_done():
    table = [[0.0, -inf, 0.0], [0.0, 0.0, 0.0]]
    got = objectives.tabular_advantage_objective(table, [0, 1], [2, 1], [1.0, 3.0])
    assert got.value == pytest.approx(log(1 / 2) + 3 * log(1 / 3), rel=1e-14)
    assert_allclose(got.gradient, [[-0.5, 0, 0.5], [-1, 2, -1]], rtol=1e-14)
    bad(ValueError, "actions", objectives.tabular_advantage_objective, table, [0, 1], [1, 1], [1.0, 3.0])


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
    given = *example((2, 4))[:2], *record((2, 4))
    spelled = objectives.a2c_loss(*given, lambda_=1.0, value_cost=0.5, entropy_cost=0.0)
    assert objectives.a2c_loss(*given).total == spelled.total


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("lambda_", [0.0, 0.7, 1.0])
def test_a2c_against_the_oracles(shape, lambda_):
    (logits, actions, *_), (rewards, discounts, values) = example(shape), record(shape)
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

    costs = {"lambda_": lambda_, "value_cost": 0.3, "entropy_cost": 0.2}
    got = objectives.a2c_loss(logits, actions, rewards, discounts, values, **costs)
    assert_allclose([got.actor, got.critic, got.entropy], [actor(logits), critic(values), entropy(logits)], rtol=1e-13)
    assert got.total == pytest.approx(actor(logits) + 0.3 * critic(values) - 0.2 * entropy(logits), rel=1e-13)
    assert_allclose(got.returns, targets, rtol=1e-13)
    oracles.agree(got.grad_logits, lambda z: actor(z) - 0.2 * entropy(z), logits)
    oracles.agree(got.grad_values, lambda v: 0.3 * critic(v), values)


def test_a_forbidden_action_does_not_spoil_the_entropy_bonus():
    got = objectives.a2c_loss([[-inf, *HALVES]], [1], [1.0], 0.0, [0.0, 0.0], entropy_cost=1.0)
    assert got.entropy == pytest.approx(log(2), rel=1e-15)
    assert_allclose(got.grad_logits, [[0, -0.5, 0.5]], atol=1e-15)


def test_ppo_refuses_an_action_that_is_forbidden_now():
    with pytest.raises(ValueError, match=r"actions\[0\] is 0, expected an action that logits allow"):
        objectives.ppo_clip_objective([[-inf, *HALVES]], [-0.7], [0], [1.0])  # its ratio is 0, and finite


def test_dtypes_follow_the_arrays():
    for dtype in (np.float32, np.float64):
        logits, actions, advantages, *rest = (
            x if x.dtype == int else x.astype(dtype) for x in (*example((2, 3))[:3], *record((2, 3)))
        )
        u = objectives.advantage_objective(logits, actions, advantages)
        loss = objectives.a2c_loss(logits, actions, *rest, entropy_cost=0.1)
        expected = objectives.expected_advantage_objective(logits, logits)
        for field in [*u[1:], *loss[4:], *expected[1:]]:
            assert field.dtype == dtype
        for number in [u.value, *loss[:4], expected.value]:
            assert type(number) is float


# PPO's clipped surrogate


def test_ppo_longhand():
    logits, actions = [HALVES, QUARTERS], [0, 1]
    got = objectives.ppo_clip_objective(logits, [log(0.25), log(0.9)], actions, [2.0, -3.0])
    assert_allclose(got.ratio, [0.5 / 0.25, 0.75 / 0.9], rtol=1e-14)
    assert_allclose(got.terms, [1.2 * 2.0, 0.75 / 0.9 * -3.0], rtol=1e-14)
    assert got.value == pytest.approx(1.2 * 2 - 3 * 0.75 / 0.9, rel=1e-14)
    assert_array_equal(got.active, [True, False])
    assert_array_equal(got.grad_logits[0], [0, 0])
    assert_allclose(got.grad_logits[1], 0.75 / 0.9 * -3 * np.array([-0.25, 0.25]), rtol=1e-14)
    assert (got.clip_fraction, got.active_fraction) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("ratio", "advantage", "term", "active"),
    [
        (1.5, 2.0, 1.2 * 2.0, True),  # already likelier, and good: no further push
        (1.5, -2.0, 1.5 * -2.0, False),  # likelier and bad: pushed back with its full weight
        (0.5, 2.0, 0.5 * 2.0, False),  # rarer and good: pushed back
        (0.5, -2.0, 0.8 * -2.0, True),  # already rarer, and bad: no further push
    ],
)
def test_the_four_quadrants(ratio, advantage, term, active):
    got = objectives.ppo_clip_objective([np.log([0.7, 0.3])], [log(0.3 / ratio)], [1], [advantage])
    assert got.value == pytest.approx(term, rel=1e-14)
    assert got.active[0] == active
    assert np.any(got.grad_logits) != active
    assert got.clip_fraction == 1.0  # the ratio is outside in all four
    assert got.active_fraction == float(active)


@pytest.mark.parametrize("advantage", [2.0, -2.0])
@pytest.mark.parametrize("side", [1, -1])
def test_the_clip_is_off_up_to_its_edge_and_on_beyond(side, advantage):
    logits = np.log([0.7, 0.3])
    edge = 1 + side * 0.2
    inside, outside = (
        objectives.ppo_clip_objective([logits], [log(0.3 / (edge + side * nudge))], [1], [advantage])
        for nudge in (-1e-9, 1e-9)
    )
    assert not inside.active[0]
    assert outside.active[0] == (side * advantage > 0)
    assert inside.value == pytest.approx(edge * advantage, abs=1e-8)
    assert outside.value == pytest.approx(inside.value, abs=1e-8)  # no jump in the value
    assert (inside.clip_fraction, outside.clip_fraction) == (0.0, 1.0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("epsilon", [0.0, 0.2, 10.0])
def test_ppo_and_its_gradient_against_the_oracles(shape, epsilon):
    logits, actions, advantages, weights = example(shape)
    old = policy.log_prob(logits + 0.3 * np.random.default_rng(5).normal(size=logits.shape), actions)
    m = np.prod(shape[:-1], dtype=int)

    def surrogate(z):
        ratio = anp.exp(oracles.picked(oracles.log_softmax(z), actions) - old)
        clipped = anp.maximum(anp.minimum(ratio, 1 + epsilon), 1 - epsilon)
        return anp.sum(weights * anp.minimum(ratio * advantages, clipped * advantages)) / m

    got = objectives.ppo_clip_objective(logits, old, actions, advantages, epsilon, weights)
    assert got.value == pytest.approx(surrogate(logits), rel=1e-14)
    assert got.per_trajectory.sum() / m == pytest.approx(got.value, rel=1e-13)
    if epsilon == 0.2:  # at ε = 0 every step sits on an edge of the minimum
        assert 0 < got.active_fraction < got.clip_fraction < 1
    if epsilon > 0:
        oracles.agree(got.grad_logits, surrogate, logits)


def test_padding_does_not_count_in_the_clip_fractions():
    logits = np.log([[0.7, 0.3], [0.7, 0.3]])
    for weights in ([0.0, 1.0], [1.0, 0.0]):
        got = objectives.ppo_clip_objective(logits, [log(0.1), log(0.3)], [1, 1], [1.0, 1.0], weights=weights)
        assert (got.clip_fraction, got.active_fraction) == (weights[0], weights[0])


# KL to a reference


def test_kl_estimates_longhand():
    got = objectives.kl_estimates([log(0.5), log(0.1)], [log(0.25), log(0.3)])
    assert_allclose(got.k1, [log(2), log(1 / 3)], rtol=1e-14)
    assert_allclose(got.k2, [log(2) ** 2 / 2, log(3) ** 2 / 2], rtol=1e-14)
    assert_allclose(got.k3, [0.5 - 1 + log(2), 3 - 1 - log(3)], rtol=1e-14)


@given(st.integers(0, 10**6))
def test_k1_and_k3_are_unbiased_and_k2_and_k3_not_negative(seed):
    p, q = np.random.default_rng(seed).normal(size=(2, 4))
    got = objectives.kl_estimates(policy.log_softmax(p), policy.log_softmax(q))
    kl = policy.kl_divergence(p, q)
    pi = policy.softmax(p)
    assert pi @ got.k1 == pytest.approx(kl, abs=1e-13)
    assert pi @ got.k3 == pytest.approx(kl, abs=1e-13)
    assert (got.k3 >= 0).all()
    assert (got.k2 >= 0).all()


def test_kl_penalty_at_the_reference_and_at_forbidden_actions():
    logits = np.array([[0.5, -1.0, 2.0], [0.0, 1.0, 2.0]])
    got = objectives.kl_penalty(logits, logits + 7.0)
    assert got.value == pytest.approx(0, abs=1e-15)
    assert_allclose(got.grad_logits, 0, atol=1e-15)
    for weight in (None, [2.0]):
        got = objectives.kl_penalty([[0.0, 0.0, -inf]], [[0.0, 0.0, 0.0]], weight)
        assert got.value == pytest.approx((weight or [1])[0] * log(1.5), rel=1e-14)
        assert_allclose(got.per_step, [log(1.5)], rtol=1e-14)
        assert got.grad_logits[0, 2] == 0
    bad(ValueError, r"ref_logits\[0, 1\] is -inf.*KL is infinite", objectives.kl_penalty, [[0.0, 0.0]], [[0.0, -inf]])


def test_penalised_rewards():
    got = objectives.kl_penalised_rewards([0.0, 1.0], [log(0.5), log(0.2)], [log(0.25), log(0.4)], beta=0.3)
    assert_allclose(got, [-0.3 * log(2), 1 + 0.3 * log(2)], rtol=1e-14)
    assert_array_equal(objectives.kl_penalised_rewards([0.5], [log(0.5)], [log(0.1)], beta=0.0), [0.5])


# Preferences


def test_bradley_terry_longhand():
    got = objectives.bradley_terry_loss([log(3.0), 1.0], [0.0, 1.0])
    assert got.value == pytest.approx((-log(0.75) - log(0.5)) / 2, rel=1e-14)
    assert_allclose(got.probabilities, [0.75, 0.5], rtol=1e-14)
    assert_allclose(got.grad_chosen, [-0.25 / 2, -0.5 / 2], rtol=1e-14)
    assert_allclose(got.grad_rejected, [0.25 / 2, 0.5 / 2], rtol=1e-14)
    assert got.accuracy == 0.75  # one right, one tie


PAIRS = -np.abs(np.random.default_rng(9).normal(3, 1, size=(4, 6)))  # chosen, rejected, and both under the reference


@pytest.mark.parametrize(
    ("function", "given", "margin"),
    [
        (objectives.bradley_terry_loss, (), lambda c, r: c - r),
        (objectives.dpo_loss, (*PAIRS[2:], 0.7), lambda c, r: 0.7 * ((c - PAIRS[2]) - (r - PAIRS[3]))),
    ],
)
def test_losses_of_pairs_against_the_oracles(function, given, margin):
    chosen, rejected = PAIRS[:2]

    def loss(c, r):
        return anp.mean(anp.log(1 + anp.exp(-margin(c, r))))

    got = function(chosen, rejected, *given)
    assert got.value == pytest.approx(loss(chosen, rejected), rel=1e-14)
    oracles.agree(got.grad_chosen, lambda c: loss(c, rejected), chosen)
    oracles.agree(got.grad_rejected, lambda r: loss(chosen, r), rejected)


def test_bradley_terry_at_huge_margins():
    got = objectives.bradley_terry_loss([2000.0, -2000.0], [-2000.0, 2000.0])
    assert got.value == 2000.0
    assert_array_equal(got.grad_chosen, [0.0, -0.5])
    assert_array_equal(got.probabilities, [1.0, 0.0])
    assert got.accuracy == 0.5


def test_dpo_longhand():
    got = objectives.dpo_loss([-1.0], [-2.0], [-2.0], [-2.0 - log(3.0)], 0.5)
    assert_allclose(got.chosen_rewards, [0.5 * 1.0])
    assert_allclose(got.rejected_rewards, [0.5 * log(3.0)])
    margin = 0.5 - 0.5 * log(3.0)
    assert got.value == pytest.approx(log(1 + exp(-margin)), rel=1e-14)
    assert_allclose(got.grad_chosen, [-0.5 / (1 + exp(margin))], rtol=1e-14)
    assert_allclose(got.margins, [margin], rtol=1e-13)


def test_dpo_at_huge_margins():
    got = objectives.dpo_loss([-1.0, -1e6], [-1e6, -1.0], [-2.0, -2.0], [-2.0, -2.0], 1.0)
    assert_allclose(got.grad_chosen, [0.0, -0.5])
    assert got.value == pytest.approx((1e6 - 1) / 2)
