"""The softmax policy against longhand arithmetic, differentiation oracles and its own laws."""

from math import e, exp, inf, log

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from course_utils import policy

ROWS = hnp.arrays(
    np.float64, hnp.array_shapes(max_dims=3, max_side=5), elements=st.floats(-1000, 1000, allow_subnormal=False)
)
LOG_1_2_3 = np.log([1.0, 2.0, 3.0])  # logits of the policy 1/6, 2/6, 3/6
TWO = [LOG_1_2_3, [0.0, 0.0, log(2)]]  # the second one is 1/4, 1/4, 2/4
ROOTS = 1 + 2**0.5 + 3**0.5


# Longhand


@pytest.mark.parametrize(
    ("function", "arguments", "wanted"),
    [
        (policy.softmax, (LOG_1_2_3,), [1 / 6, 2 / 6, 3 / 6]),
        (policy.softmax, ([0, 1],), [1 / (1 + e), e / (1 + e)]),
        (policy.softmax, ([1000.0, 999.0],), [e / (1 + e), 1 / (1 + e)]),
        (policy.softmax, ([-1000.0, -1001.0],), [e / (1 + e), 1 / (1 + e)]),
        (
            policy.softmax,
            ([[0.0, 0.0], [0.0, log(3)], [log(4), 0.0]],),
            [[1 / 2, 1 / 2], [1 / 4, 3 / 4], [4 / 5, 1 / 5]],
        ),
        # at κ = 1/2 the odds 1 : 2 : 3 are squared, at κ = 2 their roots are taken
        (policy.softmax, (LOG_1_2_3, 0.5), [1 / 14, 4 / 14, 9 / 14]),
        (policy.softmax, (LOG_1_2_3, 2.0), [1 / ROOTS, 2**0.5 / ROOTS, 3**0.5 / ROOTS]),
        (policy.log_softmax, (LOG_1_2_3, 0.5), [log(1 / 14), log(4 / 14), log(9 / 14)]),
        (policy.log_softmax, (LOG_1_2_3,), [log(1 / 6), log(2 / 6), log(3 / 6)]),
        (policy.log_prob, (TWO, [1, 2]), [log(2 / 6), log(2 / 4)]),
        (policy.log_prob, (LOG_1_2_3, 2), log(3 / 6)),
        (policy.score, (LOG_1_2_3, 1), [-1 / 6, 1 - 2 / 6, -3 / 6]),
        (policy.score, (TWO, [0, 2]), [[1 - 1 / 6, -2 / 6, -3 / 6], [-1 / 4, -1 / 4, 1 - 2 / 4]]),
        (policy.entropy, (LOG_1_2_3,), -(1 / 6 * log(1 / 6) + 2 / 6 * log(2 / 6) + 3 / 6 * log(3 / 6))),
        (policy.entropy, (np.zeros((2, 5)),), [log(5), log(5)]),
    ],
)
def test_each_function_equals_its_longhand(function, arguments, wanted):
    assert_allclose(function(*arguments), wanted, rtol=1e-15)


def test_kl_divergence_longhand_and_its_direction():
    p, q = np.log([[0.5, 0.5], [0.5, 0.5]]), np.log([[0.25, 0.75], [0.5, 0.5]])
    forward = 0.5 * log(0.5 / 0.25) + 0.5 * log(0.5 / 0.75)
    backward = 0.25 * log(0.25 / 0.5) + 0.75 * log(0.75 / 0.5)
    assert_allclose(policy.kl_divergence(p, q), [forward, 0.0], rtol=1e-14)
    assert_allclose(policy.kl_divergence(q, p), [backward, 0.0], rtol=1e-14)


# Extremes


def test_exact_at_logits_of_1000():
    logits = [1000.0, 0.0, -1000.0]
    assert_array_equal(policy.softmax(logits), [1, 0, 0])
    assert_array_equal(policy.log_softmax(logits), [0, -1000, -2000])
    assert_array_equal(policy.score(logits, 2), [-1, 0, 1])
    assert policy.entropy(logits) == 0
    assert policy.kl_divergence(logits, [-1000.0, 0.0, 1000.0]) == 2000


def test_small_entropy_keeps_its_digits():
    # π = (1 − ε, ε) with ε = exp(−40): H = ε (1 + 40) to first order, although 1 − ε rounds to 1
    assert policy.entropy([40.0, 0.0]) == pytest.approx(41 * exp(-40), rel=0.03)


def test_forbidden_action():
    logits = [-inf, 0.0, log(3)]
    assert_allclose(policy.softmax(logits), [0, 1 / 4, 3 / 4], rtol=1e-15)
    assert policy.softmax(logits)[0] == 0
    assert_allclose(policy.log_softmax(logits), [-inf, log(1 / 4), log(3 / 4)], rtol=1e-15)
    assert policy.log_prob(logits, 0) == -inf
    assert_allclose(policy.score(logits, 1), [0, 3 / 4, -3 / 4], rtol=1e-15)
    assert policy.entropy(logits) == pytest.approx(-(1 / 4 * log(1 / 4) + 3 / 4 * log(3 / 4)), rel=1e-15)
    assert policy.entropy([-inf, 5.0]) == 0
    assert str(policy.entropy([-inf, 5.0])) == "0.0"


def test_kl_with_forbidden_actions():
    free, narrow = [0.0, 0.0, 0.0], [-inf, 0.0, 0.0]
    assert policy.kl_divergence(free, narrow) == inf
    assert policy.kl_divergence(narrow, free) == pytest.approx(log(3 / 2), rel=1e-15)
    assert policy.kl_divergence(narrow, narrow) == 0
    assert_array_equal(policy.kl_divergence([free, narrow], [narrow, narrow]), [inf, 0])


def test_kl_of_a_policy_from_itself_is_not_negative_by_rounding():
    logits = np.random.default_rng(3).normal(size=(1000, 6))
    nearly = logits + 1e-9 * np.random.default_rng(4).normal(size=(1000, 6))
    assert (policy.kl_divergence(logits, nearly) >= 0).all()


def test_dtypes_and_shapes():
    for dtype, wanted in [(np.float32, np.float32), (np.float64, np.float64), (np.int8, np.float64)]:
        logits = np.array([[1, 2, 3], [3, 2, 1]], dtype=dtype)
        for got, shape in [
            (policy.softmax(logits, 0.7), (2, 3)),
            (policy.log_softmax(logits, 0.7), (2, 3)),
            (policy.log_prob(logits, [0, 1]), (2,)),
            (policy.score(logits, [0, 1]), (2, 3)),
            (policy.entropy(logits), (2,)),
            (policy.kl_divergence(logits, logits), (2,)),
        ]:
            assert got.dtype == wanted
            assert got.shape == shape


# Gradients


@pytest.mark.parametrize("action", range(4))
def test_score_is_the_gradient_of_log_prob(action):
    logits = np.array([0.3, -1.2, 0.8, 0.1])
    oracles.agree(policy.score(logits, action), lambda z: oracles.picked(oracles.log_softmax(z), action), logits)


# Laws


@given(ROWS)
def test_probabilities_sum_to_one(logits):
    assert_allclose(policy.softmax(logits).sum(axis=-1), 1, rtol=1e-14)
    assert_allclose(np.exp(policy.log_softmax(logits)), policy.softmax(logits), rtol=1e-12, atol=1e-300)


@given(ROWS)
def test_score_has_mean_zero_under_the_policy(logits):
    n = logits.shape[-1]
    every = [policy.score(logits, np.full(logits.shape[:-1], a)) for a in range(n)]
    mean = np.einsum("...a,a...b->...b", policy.softmax(logits), np.array(every))
    assert_allclose(mean, 0, atol=1e-14)


@given(ROWS, st.floats(-1000, 1000))
def test_shifting_logits_changes_nothing(logits, shift):
    assert_allclose(policy.log_softmax(logits + shift), policy.log_softmax(logits), rtol=1e-11, atol=1e-11)


@given(ROWS)
def test_entropy_lies_between_zero_and_log_n(logits):
    h = policy.entropy(logits)
    assert np.all(h >= 0)
    assert np.all(h <= log(logits.shape[-1]) + 1e-14)


@given(ROWS, st.randoms(use_true_random=False))
def test_kl_is_not_negative_and_zero_for_equal_policies(p, random):
    q = np.array([random.uniform(-50, 50) for _ in range(p.size)]).reshape(p.shape)
    assert np.all(policy.kl_divergence(p, q) >= 0)
    assert_allclose(policy.kl_divergence(p, p + 1.0), 0, atol=1e-11)


# Samples


@pytest.mark.parametrize(
    ("pi", "temperature", "wanted"),
    [
        ([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]], 1.0, [[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]]),
        ([[1 / 6, 2 / 6, 3 / 6]], 0.5, [[1 / 14, 4 / 14, 9 / 14]]),  # κ = 1/2 squares the odds
    ],
)
def test_samples_follow_the_probabilities(pi, temperature, wanted):
    # 200,000 draws; each count lies within 7 standard deviations of its mean but for a false alarm of
    # at most 3e-12 a count (normal tail), 2e-11 in all; the seed makes the outcome the same every time
    draws, wanted = 200_000, np.array(wanted)
    actions = policy.sample(np.broadcast_to(np.log(pi), (draws, *wanted.shape)), np.random.default_rng(7), temperature)
    counts = (actions[..., None] == np.arange(wanted.shape[1])).sum(axis=0)
    assert np.all(np.abs(counts - draws * wanted) < 7 * np.sqrt(draws * wanted * (1 - wanted)))


def test_forbidden_actions_are_never_drawn():
    logits = np.tile([-inf, 0.0, -inf, -1000.0, -inf], (10_000, 1))
    assert set(policy.sample(logits, np.random.default_rng(0))) == {1}


class Extreme(np.random.Generator):
    """A generator whose uniform numbers are the smallest or the largest possible."""

    def __init__(self, uniform):
        super().__init__(np.random.PCG64(0))
        self.uniform = uniform

    def random(self, size=None):
        return np.full(size, self.uniform)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sampling_at_the_ends_of_the_unit_interval(dtype):
    logits = np.array([[-inf, *([0.1] * 97), -inf], [-inf, *([-3.0] * 97), -inf]], dtype=dtype)
    assert_array_equal(policy.sample(logits, Extreme(0.0)), [1, 1])
    assert_array_equal(policy.sample(logits, Extreme(1 - 2.0**-53)), [97, 97])


def test_samples_repeat_with_the_seed():
    logits = np.zeros((50, 3))
    first, again = (policy.sample(logits, np.random.default_rng(5)) for _ in range(2))
    assert_array_equal(first, again)
    assert policy.sample([0.0, -inf], np.random.default_rng(5)) == 0
