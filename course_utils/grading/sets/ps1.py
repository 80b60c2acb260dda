"""Problem set 1: policies, scores and the log-derivative trick (lessons 01 to 03)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from course_utils.checks import sections
from course_utils.checks.question import Words
from course_utils.grading.problem_sets import Criterion, Item, Number, ProblemSet, function, written

__all__ = ["PROBLEM_SET"]


def three_shares(rng: np.random.Generator) -> Mapping[str, Any]:
    """Draw the probabilities of three actions, in hundredths."""
    first = int(rng.integers(40, 66))
    second = int(rng.integers(20, 90 - first))
    return {"pi": [first / 100, second / 100, round((100 - first - second) / 100, 2)]}


def two_rewards(rng: np.random.Generator) -> Mapping[str, Any]:
    """Draw the probability of the first of two actions, and both rewards."""
    low = int(rng.integers(1, 4))
    return {"p": int(rng.integers(12, 40)) / 100, "rewards": [low + int(rng.integers(3, 7)), low]}


def trace(pi: Sequence[float]) -> float:
    """Return Σ π (1 − π), the trace of the Fisher information of a softmax's logits."""
    return float(sum(p * (1 - p) for p in pi))


def estimates(p: float, rewards: Sequence[float]) -> tuple[float, float]:
    """Return mean and mean square of one sample's score times reward, for the first logit."""
    outcomes = [(p, (1 - p) * rewards[0]), (1 - p, -p * rewards[1])]
    return sum(q * x for q, x in outcomes), sum(q * x * x for q, x in outcomes)


def variance(p: float, rewards: Sequence[float]) -> float:
    """Return the variance of one sample's score times reward, for the first logit."""
    mean, square = estimates(p, rewards)
    return square - mean**2


told = Words(
    """
sum-of-squares (M42): You returned Σ π², which is 1 minus the trace.
    The diagonal of the Fisher information holds π (1 − π), the variance of each entry of the score.
second-diagonal (M42): You returned the squared length of one score in place of the expected one.
    The trace is the mean of that length under π: rare actions have long scores, and come seldom.
entropy (M16): You returned the entropy of the policy.
    Both are largest for an even policy, and they are different numbers: −Σ π log π and Σ π (1 − π).
mean-not-subtracted (M42): You returned the mean of the squares. The square of the mean is still to be subtracted.
    A variance is E[x²] − (E[x])².
gradient: You returned the mean, which is the gradient itself.
    The variance says how far one sample is scattered about it.
standard-deviation (M42): You returned the standard deviation. Its square is asked for.
    Variances of independent samples add up; standard deviations do not.
of-the-rewards (M42): You returned the variance of the reward, without the score.
    The estimate is score times reward, and a rare action has a long score.
"""
)

TRACE = Number(
    prompt="The expected squared length of the score: the trace of the Fisher information of the three logits.",
    variant=three_shares,
    answer=trace,
    low=0.0,
    high=1.0,
    remark="It is 1 − Σ π²: largest for an even policy, and 0 where one action is certain.",
    read=sections.FISHER,
    mistakes=(
        told("sum-of-squares", lambda pi: sum(p * p for p in pi)),
        told("second-diagonal", lambda pi: sum(p * p for p in pi) + 1 - 2 * pi[0]),
        told("entropy", lambda pi: -sum(p * np.log(p) for p in pi)),
    ),
)
VARIANCE = Number(
    prompt="The variance of one sample's estimate of ∂E[R]/∂z₁, score times reward.",
    variant=two_rewards,
    answer=variance,
    low=0.0,
    high=25.0,
    remark="p (1 − p) ((1 − p) R₁ + p R₂)²: it is not 0 even where both rewards are equal.",
    read=sections.TRICK,
    mistakes=(
        told("mean-not-subtracted", lambda p, rewards: estimates(p, rewards)[1]),
        told("gradient", lambda p, rewards: estimates(p, rewards)[0]),
        told("standard-deviation", lambda p, rewards: variance(p, rewards) ** 0.5),
        told("of-the-rewards", lambda p, rewards: p * (1 - p) * (rewards[0] - rewards[1]) ** 2),
    ),
)

PROBLEM_SET = ProblemSet(
    name="ps1",
    title="Policies, scores, and the log-derivative trick",
    lessons=("01", "02", "03"),
    items=(
        function("ps1-q1", "Heat a policy", "temperature_gradient"),
        function("ps1-q2", "Actions that share their parameters", "shared_score"),
        Item("ps1-q3", "number", "How long is a score?", 2.0, "trace", TRACE),
        Item("ps1-q4", "number", "The noise of one sample", 3.0, "variance", VARIANCE),
        written(
            "ps1-q5",
            "Read a plot: error against samples",
            Criterion(
                "The slope",
                2.0,
                "On these axes both lines fall by a half per unit: the typical error is the square root of variance/m, "
                "so a tenth of the error costs a hundred times the samples.",
                "The error falls with m, and slower and slower.",
            ),
            Criterion(
                "The distance of the lines",
                2.0,
                "A factor between errors is a constant distance on these axes. The rewards around 10 have the same "
                "differences, so the same exact gradient, and a far larger variance of score times reward: the error "
                "is larger by the same factor at every m.",
                "The upper one is noisier, since its rewards are larger.",
            ),
            Criterion(
                "A change that lowers a line without more samples",
                1.0,
                "Subtract a number near the mean reward: the mean of the score is 0, so the gradient stays, and the "
                "upper line comes down to the lower one.",
                "Use smaller rewards.",
            ),
        ),
    ),
)
