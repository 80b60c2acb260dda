"""Returns and advantage estimates against longhand arithmetic and their own laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from course_utils import returns

REWARDS = [1.0, 2.0, 3.0]
VALUES = [10.0, 20.0, 30.0, 40.0]
NUMBERS = st.floats(-100, 100, allow_subnormal=False)


@st.composite
def records(draw):
    """Rewards, discounts and values of a random batch, some episodes ending on the way."""
    shape = draw(hnp.array_shapes(max_dims=3, max_side=5))
    rewards = draw(hnp.arrays(np.float64, shape, elements=NUMBERS))
    discounts = draw(hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.3, 0.9, 1.0])))
    values = draw(hnp.arrays(np.float64, (*shape[:-1], shape[-1] + 1), elements=NUMBERS))
    return rewards, discounts, values


def definition(rewards, discounts, last):
    """G_t as the sum of its terms, each with its own product of discounts."""
    result = []
    for t in range(len(rewards)):
        factors = [np.prod(discounts[t:k]) for k in range(t, len(rewards) + 1)]
        result.append(sum(f * r for f, r in zip(factors, [*rewards[t:], last], strict=True)))
    return result


D = [1 + 0.9 * 20 - 10, 2 + 0.9 * 30 - 20, 3 + 0.9 * 40 - 30]  # the TD errors
L = 0.9 * 0.8
ENDS_AFTER_TWO = [0.9, 0.0, 0.9]
BATCH = [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    ("function", "arguments", "wanted"),
    [
        (returns.discounted_returns, (REWARDS, 0.9), [1 + 0.9 * (2 + 0.9 * 3), 2 + 0.9 * 3, 3]),
        (
            returns.discounted_returns,
            (REWARDS, [0.5, 0.25, 0.125], 8.0),
            [1 + 0.5 * (2 + 0.25 * 4), 2 + 0.25 * 4, 3 + 1],
        ),
        (returns.discounted_returns, (REWARDS, ENDS_AFTER_TWO), [1 + 0.9 * 2, 2, 3]),
        (returns.discounted_returns, (REWARDS, [0.9, 0.9, 0.0], 99.0), [1 + 0.9 * (2 + 0.9 * 3), 2 + 0.9 * 3, 3]),
        (
            returns.discounted_returns,
            (BATCH, 0.5, [0, 8, 16]),
            [[1 + 0.5 * 2, 2], [3 + 0.5 * 8, 8], [5 + 0.5 * 14, 14]],
        ),
        (returns.reward_to_go, (REWARDS,), [1 + 2 + 3, 2 + 3, 3]),
        (returns.reward_to_go, (BATCH,), [[3, 2], [7, 4], [11, 6]]),
        (returns.td_errors, (REWARDS, [0.9, 0.9, 0.0], VALUES), [*D[:2], 3 + 0 * 40 - 30]),
        (returns.gae, (REWARDS, 0.9, VALUES, 0.8), [D[0] + L * (D[1] + L * D[2]), D[1] + L * D[2], D[2]]),
        (returns.gae, (REWARDS, ENDS_AFTER_TWO, VALUES, 0.8), [D[0] + L * (2 - 20), 2 - 20, D[2]]),
        # λ = 0 keeps the discounted next value; γ = 0 does not
        (returns.gae, (REWARDS, 1.0, VALUES, 0.0), [1 + 20 - 10, 2 + 30 - 20, 3 + 40 - 30]),
        (returns.gae, (REWARDS, 0.0, VALUES, 1.0), [1 - 10, 2 - 20, 3 - 30]),
    ],
)
def test_each_function_equals_its_longhand(function, arguments, wanted):
    assert_allclose(function(*arguments), wanted, rtol=1e-14 if function is returns.gae else 1e-15)


def test_dtypes():
    single, double = np.float32(REWARDS), np.array(REWARDS)
    v = np.float32(VALUES)
    assert returns.discounted_returns(single, 0.9, bootstrap=1.0).dtype == np.float32
    assert returns.reward_to_go(single).dtype == np.float32
    assert returns.td_errors(single, np.float64(0.9), v).dtype == np.float32
    assert returns.gae(single, 0.9, v, 0.5).dtype == np.float32
    assert returns.gae(double, 0.9, v, 0.5).dtype == np.float64
    assert returns.reward_to_go([1, 2]).dtype == np.float64


@pytest.mark.long
@given(records())
def test_discounted_returns_equal_their_definition(record):
    rewards, discounts, values = record
    got = returns.discounted_returns(rewards, discounts, values[..., -1])
    for index in np.ndindex(rewards.shape[:-1]):
        wanted = definition(rewards[index], discounts[index], values[index][-1])
        assert_allclose(got[index], wanted, rtol=1e-12, atol=1e-11)


@given(records())
def test_reward_to_go_is_the_undiscounted_return(record):
    rewards = record[0]
    assert_allclose(returns.reward_to_go(rewards), returns.discounted_returns(rewards, 1.0), atol=1e-11)
    assert_allclose(returns.reward_to_go(rewards)[..., 0], rewards.sum(axis=-1), atol=1e-11)


@given(records())
def test_gae_with_lambda_one_is_return_minus_value(record):
    rewards, discounts, values = record
    wanted = returns.discounted_returns(rewards, discounts, values[..., -1]) - values[..., :-1]
    assert_allclose(returns.gae(rewards, discounts, values, 1.0), wanted, atol=1e-10)


@given(records())
def test_gae_with_lambda_zero_is_the_td_error(record):
    assert_array_equal(returns.gae(*record, 0.0), returns.td_errors(*record))


@given(records(), st.floats(0, 1))
def test_gae_is_the_weighted_sum_of_td_errors(record, lambda_):
    rewards, discounts, _ = record
    deltas = returns.td_errors(*record)
    got = returns.gae(*record, lambda_)
    for index in np.ndindex(rewards.shape[:-1]):
        wanted = definition(deltas[index], lambda_ * discounts[index], 0.0)
        assert_allclose(got[index], wanted, rtol=1e-12, atol=1e-10)


@given(records(), st.floats(0, 1))
def test_true_values_have_td_errors_of_zero(record, lambda_):
    # rewards without noise and the returns themselves as the critic: nothing is left to learn
    rewards, discounts, values = record
    exact = np.concatenate([returns.discounted_returns(rewards, discounts, values[..., -1]), values[..., -1:]], -1)
    assert_allclose(returns.gae(rewards, discounts, exact, lambda_), 0, atol=1e-10)


# Whitening


def test_whitening_longhand():
    # mean 3 and variance (4 + 0 + 4) / 3 of the three steps that were taken
    got = returns.whiten([[1.0, 3.0], [5.0, 9.0]], [[1, 1], [1, 0]])
    assert_allclose(got, np.array([[-2.0, 0.0], [2.0, 0.0]]) / (8 / 3 + 1e-8) ** 0.5, rtol=1e-14)
    assert_array_equal(returns.whiten([[1.0, 3.0], [5.0, 9.0]], np.array([[True, True], [True, False]])), got)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e200])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whitened_advantages_have_mean_0_and_standard_deviation_1(scale, dtype):
    scale = min(scale, 1e30) if dtype == np.float32 else scale
    got = returns.whiten((scale * np.random.default_rng(0).normal(5.0, 3.0, size=(2, 30))).astype(dtype))
    assert got.dtype == dtype
    assert_allclose([got.mean(), got.std()], [0.0, 1.0], atol=1e-2 if scale < 1 else 1e-5)


def test_advantages_that_are_all_the_same_are_whitened_to_nothing():
    mask = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    assert_array_equal(returns.whiten(np.full((2, 3), 0.1) * mask, mask), np.zeros((2, 3)))
    for value in (0.1, 1e20, -7e15):
        same_everywhere = np.full((4, 5), value) * (1 + 1e-16 * np.arange(20).reshape(4, 5))
        assert_array_equal(returns.whiten(same_everywhere), np.zeros((4, 5)))


def test_a_mask_says_of_each_step_whether_it_was_taken():
    for mask, message in [
        ([1, 0], r"mask has shape \(2,\), expected \(3,\) to match advantages"),
        ([1, 0.5, 1], r"mask\[1\] is 0.5, expected 0 or 1"),
        ([0, 0, 0], "mask is 0 everywhere, expected at least one step that was taken"),
    ]:
        with pytest.raises(ValueError, match=message):
            returns.whiten(REWARDS, mask)
