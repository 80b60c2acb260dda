"""Problem set 3: the advantage, its objective, and actor-critic (lessons 07 to 09)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Words
from course_utils.grading.problem_sets import Criterion, Item, Number, ProblemSet, function, stage, written

__all__ = ["PROBLEM_SET"]


def three_actions(rng: np.random.Generator) -> Mapping[str, Any]:
    """Draw the probabilities of three actions, and action values that make one a little better than usual."""
    first = int(rng.integers(2, 5))
    return {
        "pi": [first / 10, 0.3, round(0.7 - first / 10, 1)],
        "q": [int(rng.integers(6, 9)), int(rng.integers(2, 5)), int(rng.integers(0, 3))],
    }


def parts(pi: Sequence[float], q: Sequence[float]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return π, the advantages, and the gradient g = π A of the expected objective by the logits."""
    shares = np.array(pi)
    advantages = np.array(q) - shares @ np.array(q)
    return shares, advantages, shares * advantages


def first_order(pi: Sequence[float], q: Sequence[float]) -> float:
    """Return dπ₁/dη = π₁ (g₁ − Σ π_b g_b)."""
    shares, _, g = parts(pi, q)
    return float(shares[0] * (g[0] - shares @ g))


told = Words(
    """
gradient-itself: You returned g₁, how fast the logit rises. That of the probability is asked for.
    All three logits move, and the softmax couples them: π₁ grows by π₁ (g₁ − Σ π g).
mean-missing (M14): You left out the mean Σ π g: how the other logits move.
    Only the difference from that mean changes a probability. A logit that rises less than the average loses.
values-for-advantages (M11): You used Q where the advantage belongs.
    g = π (Q − V). The step without −V is another one.
"""
)

STEP = Number(
    prompt="The rate dπ₁/dη at which action 1's probability changes when the logits follow the exact gradient.",
    variant=three_actions,
    answer=first_order,
    low=-2.0,
    high=2.0,
    remark="It takes both: the logit's own slope, and what the others do.",
    read=sections.STEP,
    mistakes=(
        told("gradient-itself", lambda pi, q: parts(pi, q)[2][0]),
        told("mean-missing", lambda pi, q: pi[0] * parts(pi, q)[2][0]),
        told(
            "values-for-advantages",
            lambda pi, q: pi[0] * (pi[0] * q[0] - sum(p * p * x for p, x in zip(pi, q, strict=True))),
        ),
    ),
)

PROBLEM_SET = ProblemSet(
    name="ps3",
    title="The advantage, its objective, and actor-critic",
    lessons=("07", "08", "09"),
    items=(
        function("ps3-q1", "n steps, then a value", "n_step_advantages"),
        function("ps3-q2", "Cut off is not ended", "truncated_targets"),
        function("ps3-q3", "Whiten group by group", "whiten_by_group"),
        Item("ps3-q4", "number", "How fast does a probability move?", 3.0, "rate", STEP),
        stage("ps3-q5", "The build: A2C", "build_a2c"),
        stage("ps3-q6", "The build: an action that is any number", "build_gaussian"),
        written(
            "ps3-q7",
            "Read a plot: a loss that rises",
            Criterion(
                "Why the actor's loss says nothing of progress",
                2.0,
                "The loss −U is built anew in every batch, with the batch's own advantages: its gradient at the "
                "present parameters is right, and its height compares nothing. With whitened advantages it is near 0 "
                "all the time, whatever the returns are.",
                "A policy's loss is not a usual loss.",
            ),
            Criterion(
                "Why the critic's loss rises while the agent learns",
                2.0,
                "The critic's target is the return, and the returns change as the policy gets better: larger returns "
                "make larger squared errors, until the critic has caught up.",
                "The critic is still learning.",
            ),
            Criterion(
                "What to look at instead",
                1.0,
                "The mean return of fresh episodes over several seeds, with an interval; beside it the critic's "
                "explained variance.",
                "The rewards.",
            ),
        ),
    ),
)
