"""What lessons 01 and 02 claim about samples, held against exact values.

No test leans on a seed: each bound is the exact law's, or a normal one with the exact variance, so that it would
fail for a fresh seed with a chance of at most ALARM. About 40 comparisons are made: a false alarm in the whole file
has a chance below 1e-5. It is the numbers that the notebook printed that are compared; test_policy.py holds samples of
other seeds to the probabilities.
"""

import itertools
import math
import re
from statistics import NormalDist

import numpy as np
import pytest
from claims import Lesson, assert_count, binomial, holds, numbers

from course_utils import policy

ALARM = 1e-7
Z = NormalDist().inv_cdf(1 - ALARM / 2)  # 5.33
LOGITS_01 = np.array([1.0, 0.5, -0.5])
PI_01 = policy.softmax(LOGITS_01)
PI_02 = np.array([0.5, 0.3, 0.2])
SCORES_02 = np.eye(3) - PI_02
FISHER_02 = np.diag(PI_02) - np.outer(PI_02, PI_02)
SEEDS = (101, 102)
LESSON_01, LESSON_02 = Lesson("01"), Lesson("02")


@pytest.mark.parametrize(
    ("lesson", "cell", "pi", "mean", "sizes", "of_error"),
    [
        (LESSON_01, "sampling-table", PI_01, 0 * PI_01, [100, 10_000], 0.0),
        (LESSON_02, "mean-code", PI_02, PI_02, [10, 1_000, 100_000], 0.4),  # its errors are sampled too
    ],
    ids=["01: shares", "02: mean scores"],
)
def test_what_is_sampled_lies_about_a_standard_error_from_its_mean(lesson, cell, pi, mean, sizes, of_error):
    """A share is a binomial count, and so is the mean score with π added: the bounds are exact, also for 10 draws."""
    lines = re.findall(r"m = +(\d+) +sampled \[(.*?)\] +standard error \[(.*?)\]", lesson.stored[cell])
    assert [int(m) for m, _, _ in lines] == sizes
    for m, (_, sampled, errors) in zip(sizes, lines, strict=True):
        np.testing.assert_allclose(numbers(errors), np.sqrt(pi * (1 - pi) / m), rtol=of_error, atol=5.1e-5)
        for share, p in zip(numbers(sampled) + mean, pi, strict=True):
            assert_count(round(share * m), m, p, ALARM)


# --- lesson 01 -----------------------------------------------------------------------------------------------


def test_01_what_the_function_above_the_exercise_does():
    two_moves, row = LESSON_01.function("overflow-code", "two_moves"), np.array([1.0, 0.5, -0.5])
    np.testing.assert_allclose(two_moves(row), policy.softmax(row), rtol=1e-12)
    assert not np.allclose(two_moves(np.stack([row, row])).sum(axis=1), 1)  # several rows
    assert not np.isfinite(two_moves(row + 1000)).all()
    asked = "for one row of logits and for several, with a temperature, and for logits as large as 1000"
    holds(LESSON_01.prose, asked, "`two_moves` above does only the first of these")


def test_01_about_95_of_100_experiments_lie_within_two_standard_errors():
    low, high, exact, share = numbers(LESSON_01.stored["sampling-within"].replace("two", ""))
    assert (low, high) == (45, 64)
    inside = binomial(100, PI_01[0])[45:65].sum()
    assert exact == pytest.approx(inside, abs=5e-5)
    assert 0.945 < inside < 0.965, "“about 95 of 100”"
    assert_count(round(share * 10_000), 10_000, inside, ALARM)
    assert binomial(100, PI_01[0]).argmax() in (54, 55)
    assert binomial(100, PI_01[0])[55] < 0.1, "55 is one count among many"


def exact_never_again():
    """The chance that “always the best-looking” never offers replace again, by following each way it can go."""
    refund, replace, apologise = 0.5, 0.7, 0.3  # if replace satisfies, it is drawn at share 1 until it fails
    nothing = (1 - refund) * (1 - apologise)  # else another reply has a share above 0 for good, and replace stays at 0
    # all at 0: one of three at random, until replace is drawn or another satisfies
    lost = (refund + apologise) / 3 / (1 - (2 - refund - apologise) / 3)
    return (1 - replace) * (1 - nothing + nothing * lost)


def test_01_the_best_looking_drops_the_best_reply_in_a_quarter_of_the_runs():
    never = exact_never_again()
    assert 0.23 < never < 0.26, "“about one run of four”"
    assert numbers(LESSON_01.stored["explore-exact"])[0] == pytest.approx(100 * never, abs=0.051)
    runs = 2_000
    first, second = re.findall(r"again: +([\d.]+)%", LESSON_01.stored["explore-code"])
    assert_count(round(float(first) / 100 * runs), runs, never, ALARM)
    assert float(second) < 5
    serve = LESSON_01.function("explore-code", "serve")
    given, satisfied = serve(1e-9, runs, np.random.default_rng(SEEDS[0]), 500)
    assert_count(int((given[:, 1] == 1).sum()), runs, never, ALARM)
    soft_given, soft_satisfied = serve(0.1, runs, np.random.default_rng(SEEDS[1]), 500)
    dropped = int((soft_given[:, 1] == 1).sum())
    # “Bad luck is repaired”: were the true chance 5 % or more, so few would have a chance below ALARM.
    assert binomial(runs, 0.05)[: dropped + 1].sum() < ALARM
    assert given.sum(axis=1).tolist() == [503] * runs, "each run: three tries, then its customers"
    # “It satisfies more of them”: the difference of two means of independent runs, in standard errors.
    a, b = satisfied.sum(axis=1) / given.sum(axis=1), soft_satisfied.sum(axis=1) / soft_given.sum(axis=1)
    assert (b.mean() - a.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / runs) > Z
    shown = [float(x) for x in re.findall(r"satisfied: ([\d.]+)%", LESSON_01.stored["explore-code"])]
    for share, run in zip(shown, (a, b), strict=True):
        assert abs(share / 100 - run.mean()) < Z * np.sqrt(2 * run.var(ddof=1) / runs) + 5e-4


def test_01_the_exact_numbers_of_the_prose():
    raised = policy.softmax([2.0, 0.5, -0.5])
    np.testing.assert_array_equal(PI_01.round(3), [0.547, 0.331, 0.122])
    assert round(raised[0], 3) == 0.766
    assert PI_01[1] - raised[1] > PI_01[2] - raised[2], "replace loses more"
    assert raised[1] / raised[2] == pytest.approx(math.e)
    assert policy.softmax(LOGITS_01, 0.1)[0] > 0.99


def test_01_what_came_of_the_predictions():
    told, raised = LESSON_01.came, policy.softmax([2.0, 0.5, -0.5])
    falls = PI_01 - raised
    for ratio in (falls[1] / falls[2], PI_01[1] / PI_01[2], raised[1] / raised[2]):
        assert told["ratio"].count(f"{ratio:.3f} times as") == 2
    holds(told["entropy"], f"log 2 = {math.log(2):.4f}", f"log 3 = {math.log(3):.4f}")
    assert policy.entropy(np.log([0.5, 0.5, 1e-300])) == pytest.approx(math.log(2))
    law = binomial(100, PI_01[0])
    for words in (told["counts"], LESSON_01.prose):
        holds(words, f"bout {100 * law[45:65].sum():.0f} of 100")
    assert law[75:].sum() < 1e-4, "“less than once in 10,000”"
    assert law[53:57].sum() < 0.5, "most end outside of 53 to 56"
    assert max(law[:36].sum(), law[75:].sum()) < 1e-3, "35 or 75 would be a reason to doubt"
    assert f"In {100 * exact_never_again():.1f} of 100 runs" in told["explore"]
    more = (policy.softmax([1.0, 0.51, -0.5]) - PI_01) @ [0.5, 0.7, 0.3]
    assert f"rises by {more:.5f}" in told["smooth"]
    assert f"here +{more:.5f}" in LESSON_01.prose


# --- lesson 02 -----------------------------------------------------------------------------------------------


def test_02_the_mean_is_0_under_no_other_policy():
    evenly = np.full(3, 1 / 3)
    np.testing.assert_allclose(evenly @ SCORES_02, evenly - PI_02, atol=1e-15)


def test_02_the_covariance_is_the_fisher_information():
    """Each entry that was sampled lies within Z exact standard errors of F (0 where a product is constant)."""
    _, sampled, errors = re.split("sampled, m = 100000:|standard error:", LESSON_02.stored["fisher-code"])
    each = np.array([np.outer(s, s) for s in SCORES_02])
    error = np.sqrt(np.maximum(np.tensordot(PI_02, each**2, 1) - FISHER_02**2, 0) / 100_000)
    assert np.all(np.abs(np.reshape(numbers(sampled), (3, 3)) - FISHER_02) <= Z * error + 1e-9)
    assert numbers(errors)[0] == 0, "“one standard error is 0”"


def test_02_the_typical_length_of_the_mean():
    """E‖mean‖² = Σ F_bb / m, by all ways to draw m scores."""
    for m in (1, 2, 5):
        draws = np.array(list(itertools.product(range(3), repeat=m)))
        squares = (SCORES_02[draws].mean(axis=1) ** 2).sum(axis=1)
        assert PI_02[draws].prod(axis=1) @ squares == pytest.approx(np.trace(FISHER_02) / m)


def test_02_what_came_of_the_predictions():
    told, logits = LESSON_02.came, np.log(PI_02)
    assert "slopes are −0.5, 0.7 and −0.2" in told["nudges"]
    sure = np.log([0.99, 0.005, 0.005])
    assert np.linalg.norm(policy.score(sure, 0)) < 0.02, told["arrows"]
    assert 1.4 < np.linalg.norm(policy.score(sure, 1)) < math.sqrt(2)
    sums = [sum(p * (1 - p) for p in pi) for pi in ([1 / 3] * 3, [0.98, 0.01, 0.01])]
    assert told["fisher"].startswith("{:.3f} for the even policy, {:.3f}".format(*sums))
    steps = [0.1 * np.array(d) / np.linalg.norm(d) for d in ((1, 0, -1), (1, 0, 0), (1, 1, 1))]
    moved = [policy.kl_divergence(logits, logits + step) for step in steps]
    assert moved == pytest.approx([0.5 * step @ FISHER_02 @ step for step in steps], rel=0.02, abs=1e-12)
    assert "of {:.5f}, against {:.5f}".format(*moved) in told["furthest"]
    assert moved[0] > moved[1] > moved[2] == pytest.approx(0, abs=1e-12)


def test_02_the_natural_gradient_is_a_direction_with_the_fisher_matrix():
    """F d = g has a solution, since the entries of g sum to 0; it moves the policy most for its KL divergence."""
    g = PI_02 * (np.array([1.0, 0.1, -2.65]) - PI_02 @ [1.0, 0.1, -2.65])
    d = np.linalg.pinv(FISHER_02) @ g
    np.testing.assert_allclose(FISHER_02 @ d, g, atol=1e-12)
    assert "is the direction $d$ with $F\\,d=g$" in LESSON_02.prose
    slopes = [step @ g / np.sqrt(step @ FISHER_02 @ step) for step in (d, g)]
    assert slopes[0] > 1.01 * slopes[1]


def test_02_the_exact_numbers_of_the_prose():
    np.testing.assert_allclose(policy.score(np.log(PI_02), 1), [-0.5, 0.7, -0.2], atol=1e-15)
    wrong = PI_02 @ (PI_02[:, None] * SCORES_02)
    assert wrong.argmax() == 0, "the mean of the gradient of π points to refund"
    assert wrong[0] > 0.05
    push = [p * np.linalg.norm(policy.score(np.log([p, (1 - p) / 2, (1 - p) / 2]), 0)) for p in (0.99, 0.5, 0.001)]
    assert push[1] > max(push[0], push[2])
