"""Problem set 2: trajectories, REINFORCE and baselines (lessons 04 to 06)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Words
from course_utils.grading.problem_sets import Criterion, Item, Number, ProblemSet, function, stage, written

__all__ = ["PROBLEM_SET"]


def three_replies(rng: np.random.Generator) -> Mapping[str, Any]:
    """Draw the probabilities of three replies, in tenths, and what they earn."""
    first = int(rng.integers(4, 7))
    second = int(rng.integers(2, 10 - first))
    top = int(rng.integers(9, 14))
    return {
        "pi": [first / 10, second / 10, round((10 - first - second) / 10, 1)],
        "rewards": [top, top - int(rng.integers(1, 3)), top - int(rng.integers(3, 6))],
    }


def samples(pi: Sequence[float], rewards: Sequence[float], baseline: float) -> tuple[FloatArray, FloatArray]:
    """Return the gradient of one sample for each reply, shape (3, 3), and their mean."""
    shares = np.array(pi)
    rows = (np.eye(3) - shares) * (np.array(rewards) - baseline)[:, None]
    return rows, shares @ rows


def value(pi: Sequence[float], rewards: Sequence[float]) -> float:
    """Return V = Σ π R."""
    return float(np.dot(pi, rewards))


def spread(pi: Sequence[float], rewards: Sequence[float], baseline: float) -> float:
    """Return the variance of one sample's gradient, all entries together."""
    rows, mean = samples(pi, rewards, baseline)
    return float(np.dot(pi, (rows**2).sum(axis=1)) - mean @ mean)


def steps(rng: np.random.Generator) -> Mapping[str, Any]:
    """Draw the rewards of three steps and a discount."""
    return {"rewards": rng.integers(1, 8, size=3).tolist(), "discount": int(rng.integers(5, 10)) / 10}


told = Words(
    """
no-baseline (M10): You returned the variance without a baseline.
    V is to be subtracted from each reward. Then every sample says better or worse than usual, and not how good.
mean-not-subtracted (M42): You returned the mean squared length. That of the mean is still to be subtracted.
    A variance is the mean squared distance from the exact gradient, and not from 0.
of-the-rewards (M42): You returned the variance of the reward, without the score.
    What is sampled is score times (reward − V). Each reply's score has its own length.
plain-mean (M10): You subtracted the plain mean of the three rewards in place of V.
    V counts each reward with its probability.
first-entry (M42): You returned the variance of the first entry of the gradient alone.
    All three entries together are asked for: the mean squared distance of a vector.
discount-twice (M9): You applied γ^(t−1) twice: the return from step 3 is discounted already as seen from step 1.
    The theorem's gradient holds γ^(t−1) G_t, and G_t counts its own reward in full.
without-the-factor (M9): You returned G₂ itself, without the factor γ in front.
    The gradient of the discounted performance weighs step t with γ^(t−1) G_t. Most programs leave that out, and then
    follow the gradient of nothing.
total (M8): You returned the whole discounted return.
    The action of step 2 cannot change the reward of step 1.
"""
)

AT_V = Number(
    prompt="The variance of one sample's gradient with V as baseline, all three entries together.",
    variant=three_replies,
    answer=lambda pi, rewards: spread(pi, rewards, value(pi, rewards)),
    low=0.0,
    high=20.0,
    remark="Lesson 06 prints the same number for its own three replies.",
    read=sections.BEST_BASELINE,
    mistakes=(
        told("no-baseline", lambda pi, rewards: spread(pi, rewards, 0.0)),
        told(
            "mean-not-subtracted",
            lambda pi, rewards: np.dot(pi, (samples(pi, rewards, value(pi, rewards))[0] ** 2).sum(axis=1)),
        ),
        told("of-the-rewards", lambda pi, rewards: np.dot(pi, (np.array(rewards) - value(pi, rewards)) ** 2)),
        told("plain-mean", lambda pi, rewards: spread(pi, rewards, float(np.mean(rewards)))),
        told(
            "first-entry",
            lambda pi, rewards: (
                np.dot(pi, samples(pi, rewards, value(pi, rewards))[0][:, 0] ** 2)
                - samples(pi, rewards, value(pi, rewards))[1][0] ** 2
            ),
        ),
    ),
)
WEIGHT = Number(
    prompt="The weight of step 2's score in the gradient of the discounted performance, γ G₂.",
    variant=steps,
    answer=lambda rewards, discount: discount * (rewards[1] + discount * rewards[2]),
    low=0.0,
    high=14.0,
    remark="γ^(t−1) counts how late the step comes, and the discount inside G_t how late its rewards are after it.",
    read=sections.DISCOUNT,
    mistakes=(
        told("discount-twice", lambda rewards, discount: discount**2 * (rewards[1] + discount * rewards[2])),
        told("without-the-factor", lambda rewards, discount: rewards[1] + discount * rewards[2]),
        told("total", lambda rewards, discount: rewards[0] + discount * rewards[1] + discount**2 * rewards[2]),
    ),
)

PROBLEM_SET = ProblemSet(
    name="ps2",
    title="Trajectories, REINFORCE, and baselines",
    lessons=("04", "05", "06"),
    items=(
        function("ps2-q1", "A variance on two lines", "two_armed_variance"),
        function("ps2-q2", "A baseline for each entry", "separate_baselines"),
        Item("ps2-q3", "number", "The variance at V", 3.0, "variance", AT_V),
        Item("ps2-q4", "number", "The weight of a step", 2.0, "weight", WEIGHT),
        stage("ps2-q5", "The build: REINFORCE", "build_reinforce"),
        stage("ps2-q6", "The build: a baseline", "build_baseline"),
        written(
            "ps2-q7",
            "Read a plot: two parabolas",
            Criterion(
                "Where the lowest points lie",
                2.0,
                "Each lowest point is b*, the mean of the rewards weighted with π |score|². For the even policy all "
                "scores are equally long, so b* is V; for the nearly certain one the rare reply's long score pulls b* "
                "to the rare reply's reward.",
                "The lowest point is the best baseline, and it differs.",
            ),
            Criterion(
                "Whether V helps",
                2.0,
                "For the nearly certain policy V lies farther from b* than 0 does, and the parabola is symmetric about "
                "b*: V has the larger variance, so no baseline is better than V there.",
                "V is not always good.",
            ),
            Criterion(
                "What stays the same",
                1.0,
                "The mean of the estimate: no constant changes it, on either curve. Only its scatter changes.",
                "The gradient is not wrong.",
            ),
        ),
    ),
)
