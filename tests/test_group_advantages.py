"""Advantages of groups and weights of tokens: longhand, against enumeration, and what a method is blind to."""

import itertools
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from course_utils import group_advantages as group
from course_utils.group_advantages import METHODS

HALF_RIGHT, LENGTHS = [1.0, 1.0, 0.0, 0.0], [2, 3, 2, 3]


@pytest.mark.parametrize(
    ("method", "advantages", "products"),
    [
        ("total return", [1, 1, 0, 0], [1, 1, 0, 0]),
        ("mean of the group", [0.5, 0.5, -0.5, -0.5], [0.5, 0.5, -0.5, -0.5]),
        ("RLOO", [2 / 3, 2 / 3, -2 / 3, -2 / 3], [2 / 3, 2 / 3, -2 / 3, -2 / 3]),
        ("sd alone", [sqrt(3) / 2, sqrt(3) / 2, -sqrt(3) / 2, -sqrt(3) / 2], [0.866, 0.866, -0.866, -0.866]),
        ("1/|o| alone", [2 / 3, 2 / 3, -2 / 3, -2 / 3], [1 / 3, 2 / 9, -1 / 3, -2 / 9]),
        ("GRPO", [sqrt(3) / 2, sqrt(3) / 2, -sqrt(3) / 2, -sqrt(3) / 2], [0.433, 0.2887, -0.433, -0.2887]),
        ("Dr. GRPO", [0.5, 0.5, -0.5, -0.5], [0.125, 0.125, -0.125, -0.125]),
        ("DAPO", [sqrt(3) / 2, sqrt(3) / 2, -sqrt(3) / 2, -sqrt(3) / 2], [0.3464, 0.3464, -0.3464, -0.3464]),
    ],
)
def test_half_of_four_replies_are_right(method, advantages, products):
    A = METHODS[method].advantages(np.array(HALF_RIGHT))
    w = METHODS[method].token_weights(np.array(LENGTHS), 4)
    assert_allclose(A, advantages, rtol=2e-4)  # TRL's ε is in it
    assert_allclose(A * w, products, rtol=3e-4)


def test_one_of_eight_and_seven_of_eight():
    rewards = np.eye(8)[0]
    assert_allclose(group.group_normalised(rewards, epsilon=0)[:2], [2.474874, -0.353553], rtol=1e-5)
    assert_allclose(group.group_normalised(1 - rewards, epsilon=0)[:2], [-2.474874, 0.353553], rtol=1e-5)
    assert_allclose(group.leave_one_out(rewards)[:2], [1, -1 / 7])


def test_population_and_sample_sd_differ_by_a_factor():
    rewards = np.random.default_rng(0).normal(size=(5, 7))
    sample, population = (group.group_normalised(rewards, ddof=ddof, epsilon=0) for ddof in (1, 0))
    assert_allclose(population, sample * sqrt(7 / 6))
    assert_allclose(sample.std(axis=-1, ddof=1), 1)


def test_an_offset_moves_the_total_return_alone():
    rewards = np.random.default_rng(1).normal(size=(3, 4))
    for name, method in METHODS.items():
        same = np.allclose(method.advantages(rewards + 5), method.advantages(rewards))
        assert same == (name != "total return"), name


@given(st.integers(0, 10**6), st.integers(2, 9))
def test_without_the_reply_itself_is_the_mean_baseline_and_a_factor(seed, K):
    rewards = np.random.default_rng(seed).normal(size=(2, K))
    assert_allclose(group.mean_baseline(rewards), (1 - 1 / K) * group.leave_one_out(rewards), atol=1e-12)
    by_hand = [[r[i] - np.delete(r, i).mean() for i in range(K)] for r in rewards]
    assert_allclose(group.leave_one_out(rewards), by_hand, atol=1e-12)


@pytest.mark.parametrize("reward", [0.0, 1.0, 0.1, -1e300])
def test_a_group_without_spread_has_no_advantage(reward):
    equal = np.full((2, 3), reward)
    for epsilon in (0.0, 1e-4):
        assert_array_equal(group.group_normalised(equal, epsilon=epsilon), 0)
    assert_allclose(group.leave_one_out(equal), 0, atol=1e-15 * abs(reward))


def test_noise_of_a_thousandth_becomes_an_advantage_of_one():
    rewards = [0.501, 0.500, 0.499, 0.500]
    assert np.abs(group.leave_one_out(rewards)).max() == pytest.approx(0.00133, rel=0.01)
    assert np.abs(group.group_normalised(rewards)).max() == pytest.approx(1.09, rel=0.01)
    assert np.abs(group.group_normalised(rewards, epsilon=0)).max() == pytest.approx(sqrt(1.5), rel=1e-10)


def test_token_weights_longhand():
    lengths = np.array([[1, 3], [2, 2]])
    assert_array_equal(group.sum_over_time(lengths), [[1, 1], [1, 1]])
    assert_allclose(group.reply_mean(lengths), [[1, 1 / 3], [0.5, 0.5]])
    assert_allclose(group.constant_length(lengths, 4), np.full((2, 2), 1 / 4))
    assert_allclose(group.group_token_mean([[1, 4], [2, 2]]), [[2 / 5, 2 / 5], [1 / 2, 1 / 2]])
    assert_allclose(group.batch_token_mean([[1, 4], [2, 2]]), np.full((2, 2), 4 / 9))
    one = group.batch_token_mean([[1, 4]])
    assert_array_equal(one, group.group_token_mean([[1, 4]]), "of one group they are the same")


def test_how_the_sd_re_weights_prompts():
    """The table of the lesson, and w_K against the sum over all 2^K groups."""
    p = np.array([0.01, 0.05, 0.25, 0.5])
    table = {2: [1, 1, 1, 1], 3: [1.414] * 4, 4: [1.727, 1.710, 1.645, 1.616], 8: [2.609, 2.473, 2.026, 1.856]}
    table |= {16: [3.733, 3.267, 2.198, 1.934]}
    for K, expected in table.items():
        assert_allclose(group.sd_weight(p, K), expected, rtol=4e-4)
        assert_allclose(group.sd_weight(1 - p, K), group.sd_weight(p, K), rtol=1e-10)
        assert group.sd_weight(0.0, K) == group.sd_weight(1.0, K) == pytest.approx(sqrt(K - 1))
    assert_allclose(group.sd_weight(p[1:], 1000), 1 / np.sqrt(p * (1 - p))[1:], rtol=0.02)
    for K, ddof in itertools.product((2, 5), (0, 1)):
        every = np.array(list(itertools.product((0.0, 1.0), repeat=K)))
        A = group.group_normalised(every, ddof=ddof, epsilon=0)
        for chance in (0.05, 0.7):
            pr = (chance**every * (1 - chance) ** (1 - every)).prod(axis=1)
            score = (every - chance) / (chance * (1 - chance))  # ∂ log Pr(R) / ∂p
            assert group.sd_weight(chance, K, ddof=ddof) == pytest.approx(pr @ (A * score).mean(axis=1), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: group.leave_one_out([1.0]), r"rewards has shape \(1,\), expected \(..., K\) with K of at least 2"),
        (lambda: group.group_normalised([[1.0]]), r"rewards has shape \(1, 1\), expected .* at least 2"),
        (lambda: group.mean_baseline(3.0), r"rewards has shape \(\)"),
        (lambda: group.mean_baseline([1.0, np.nan]), r"rewards\[1\] is nan"),
        (lambda: group.group_normalised([1.0, 2.0], ddof=2), "ddof is 2, expected"),
        (lambda: group.group_normalised([1.0, 2.0], epsilon=-1), "epsilon is -1.0, expected"),
        (lambda: group.reply_mean([0, 2]), r"lengths\[0\] is 0, expected"),
        (lambda: group.reply_mean([1.5, 2]), "lengths has dtype float64, expected integers"),
        (lambda: group.constant_length([3, 5], 4), r"lengths\[1\] is 5.0, expected at most longest, 4"),
        (lambda: group.sd_weight(1.1, 4), r"p is 1.1, expected a number in \[0, 1\]"),
        (lambda: group.sd_weight(0.5, 1), "group_size is 1, expected"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
