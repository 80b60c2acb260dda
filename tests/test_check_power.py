"""What the check of score_function_estimate lets pass, over all its inputs together: bounds, by Bernstein's inequality.

A check passes an error where every input passes it. The inputs' draws are independent, so the chance of that is at most
the product over the inputs of the least chance that a single comparison gives.
"""

from itertools import permutations, product
from math import prod

import numpy as np
import pytest

from course_utils.checks import engine, load
from course_utils.checks.question import Law

QUESTION = load("score_function_estimate")
LAWS = [QUESTION.oracle(**inputs) for inputs in QUESTION.fixed]
ROUNDING = 1e-6  # more than the comparisons allow for it
MOST = 2 * engine.comparisons(LAWS)  # a fresh input doubles them at most


def passes(gap, variance, largest, n):
    """Bound the chance that the mean of n independent numbers is off by the gap, of all entries the one seen best."""
    gap = np.maximum(gap - ROUNDING, 0)
    return np.exp(-n * gap**2 / (2 * (variance + largest * gap / 3) + 1e-300)).min()


def by_mean(law, probabilities, calls=QUESTION.calls):
    """Bound the chance that draws with other probabilities have a mean within the bound."""
    draw = Law(law.outcomes, probabilities)
    gap = np.abs(draw.mean() - law.mean()) - engine.bounds(law, calls, MOST)[0]
    variance, _, largest = draw.moments()
    return passes(gap, variance, largest, calls * law.count)


def by_variance(law, other):
    """Bound the chance that answers of another law have a variance within the bound."""
    (right, _, _), (variance, fourth, largest) = law.moments(), other.moments()
    gap = np.abs(variance - right) - engine.bounds(law, QUESTION.calls, MOST)[1]
    return passes(gap, fourth - variance**2, np.maximum(largest**2 - variance, variance), QUESTION.calls)


def by_products(law, share):
    """Bound the chance that this share of answers, equal to the answers before, is not seen in their products."""
    variance, fourth, largest = law.moments()
    n, mean = QUESTION.calls // 2, share * variance
    gap = mean - engine._bernstein(variance**2, largest**2, n, MOST)
    spread = share * fourth + (1 - share) * variance**2 - mean**2
    return passes(gap, spread, np.maximum(largest**2 - mean, variance), n)


def errors(p):
    """Return probabilities of which at least one is wrong by 0.05, the others by anything up to that."""
    steps = np.linspace(-0.05, 0.05, 41 if p.size < 4 else 11)
    for first in product(steps, repeat=p.size - 1):
        wrong = p + np.array([*first, -sum(first)])
        if (wrong >= 0).all() and np.abs(wrong - p).max() >= 0.05 - 1e-9:
            yield wrong


def test_the_comparisons_are_not_more_than_is_assumed():
    for seed in range(200):
        drawn = QUESTION.oracle(**QUESTION.fresh(np.random.default_rng(seed)))
        assert engine.comparisons([*LAWS, drawn]) <= MOST


def test_an_error_of_0_05_in_a_probability_is_noticed_999_times_in_1000():
    assert prod(max(by_mean(law, wrong) for wrong in errors(law.probabilities)) for law in LAWS) <= 1e-3


@pytest.mark.parametrize("by", [0.05, -0.05])
def test_with_a_tenth_of_the_calls_it_would_not_be(by):
    law = LAWS[2]
    moves = [by * (np.eye(3)[i] - np.eye(3)[j]) for i, j in permutations(range(3), 2)]
    assert max(by_mean(law, law.probabilities + move, QUESTION.calls // 10) for move in moves) > 1e-3


def test_draws_of_an_answer_that_are_used_twice_are_noticed_999_times_in_1000():
    twice = [(law, Law(law.outcomes, law.probabilities, (law.count + 1) // 2)) for law in LAWS if law.count > 1]
    assert prod(by_variance(law, other) for law, other in twice) <= 1e-3


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_answers_that_come_twice_are_noticed_999_times_in_1000(share):
    assert prod(by_products(law, share) for law in LAWS) <= 1e-3
