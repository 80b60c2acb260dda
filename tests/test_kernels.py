"""Where a kernel saves a pass over memory it gives what the plain equation gives."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils import kernels

LIMIT = kernels.NO_SHIFT


def plain_log_softmax(z):
    shifted = z - z.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def plain_backward(x, decay, last):
    result, following = np.empty_like(x), last
    for t in reversed(range(x.shape[-1])):
        following = x[..., t] + decay[..., t] * following
        result[..., t] = following
    return result


@pytest.mark.parametrize("n", [2, 64, 65, 500])
@pytest.mark.parametrize("size", [1.0, LIMIT, 1.01 * LIMIT, 500.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_with_and_without_a_shift_the_softmax_is_the_same(n, size, dtype):
    z = np.random.default_rng(n).uniform(-size, size, (kernels.SMALL // 2, n)).astype(dtype)
    tight = 20 * np.finfo(dtype).eps
    policy = kernels.softmax(z)
    wanted = plain_log_softmax(z.astype(np.float64))
    np.testing.assert_allclose(kernels.log_softmax(z), wanted, rtol=tight, atol=tight * size)
    np.testing.assert_allclose(policy.probabilities, np.exp(wanted), rtol=tight * size, atol=1e-30)
    assert policy.probabilities.dtype == policy.log_total.dtype == dtype
    for of_row in (policy, kernels.softmax(z[:1])):
        np.testing.assert_allclose(of_row.probabilities.sum(axis=-1), 1, rtol=tight)


def test_a_forbidden_action_has_no_share_and_no_entropy_in_either_way():
    z = np.zeros((kernels.SMALL, 3))
    z[:, 1] = -np.inf
    for rows in (z, z[:4]):
        policy = kernels.softmax(rows)
        np.testing.assert_array_equal(policy.probabilities, np.tile([0.5, 0.0, 0.5], (len(rows), 1)))
        np.testing.assert_allclose(kernels.entropy(policy), np.log(2), rtol=1e-15)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
@pytest.mark.parametrize("rows", [3, kernels.SMALL])
def test_what_is_not_finite_comes_out_of_its_row(poison, rows):
    z, actions, weights = np.zeros((rows, 3)), np.ones(rows, dtype=np.intp), np.zeros(rows)
    z[1, 2] = poison
    with np.errstate(invalid="ignore"):
        found = kernels.weighted_log_prob(z, actions, weights, 1)
    assert np.isnan(found.terms[1]), "also with a weight of 0"
    assert np.isnan(found.terms).sum() == 1


@given(
    T=st.integers(1, 70),
    leading=st.sampled_from([(), (1,), (3,), (2, 2)]),
    share_of_ends=st.sampled_from([0.0, 0.2, 1.0]),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 999),
)
def test_a_scan_in_two_levels_is_the_loop_over_time(T, leading, share_of_ends, dtype, seed):
    rng = np.random.default_rng(seed)
    x, last = rng.normal(size=(*leading, T)).astype(dtype), np.asarray(rng.normal(size=leading), dtype=dtype)
    decay = np.where(rng.random(x.shape) < share_of_ends, 0, rng.random(x.shape)).astype(dtype)
    before = x.copy(), decay.copy()
    found = kernels.backward(x, decay, last)
    tight = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(found, plain_backward(x, decay, last), rtol=tight, atol=tight)
    assert found.dtype == dtype
    assert found.shape == x.shape
    for array, was in zip((x, decay), before, strict=True):
        np.testing.assert_array_equal(array, was)


def test_the_order_in_memory_of_what_goes_in_does_not_matter():
    rng = np.random.default_rng(0)
    z, actions, weights = rng.normal(size=(4, 3, 2)), rng.integers(2, size=(4, 3)), rng.normal(size=(4, 3))
    wanted = kernels.weighted_log_prob(z, actions, weights, 4)
    for order in itertools.permutations(range(3)):
        other = np.ascontiguousarray(z.transpose(order)).transpose(np.argsort(order))
        found = kernels.weighted_log_prob(other, np.asfortranarray(actions), np.asfortranarray(weights), 4)
        np.testing.assert_allclose(found.gradient, wanted.gradient, rtol=1e-13)
        np.testing.assert_allclose(found.score.sum(axis=-1), 0, atol=1e-15)
