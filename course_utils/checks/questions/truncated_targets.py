"""Problem set 3: what a critic learns from, where an episode ends and where only the clock ran out."""

import numpy as np

from course_utils.arguments import BoolArray, FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a batch of steps, some terminated, some truncated, hardly any both."""
    length = int(rng.integers(4, 8))
    return {
        "rewards": rng.uniform(-2, 3, size=length).round(2),
        "next_values": rng.uniform(-4, 5, size=length).round(2),
        "terminated": rng.random(length) < 0.3,
        "truncated": rng.random(length) < 0.3,
        "discount": round(float(rng.uniform(0.5, 0.95)), 2),
    }


def targets(
    rewards: FloatArray, next_values: FloatArray, terminated: BoolArray, truncated: BoolArray, discount: float
) -> FloatArray:
    """Return r + γ (1 − terminated) V(s')."""
    return np.asarray(rewards + discount * ~terminated * next_values)


told = Words(
    """
truncation-is-an-end (M18): You dropped the value of the next state where the clock ran out, too.
    A truncated episode was cut off, and would have gone on: its next state is worth what it is worth. Who puts 0 there
    teaches the critic that good states are bad whenever the clock is late.
no-mask (M18): You kept the value of the next state everywhere, also behind a terminal step.
    After the end nothing comes. The critic's number for a terminal state was never trained and means nothing.
masks-exchanged (M18): You kept the value behind terminal steps and dropped it behind truncated ones.
    It is the other way round: terminated means that nothing follows, truncated that nobody watched what follows.
mask-the-wrong-way (M18): You kept the value only behind terminal steps.
    There nothing follows. Everywhere else the value stands for what follows: `~terminated`, not `terminated`.
only-where-both (M18): You dropped the value only where a step is terminated and truncated at once.
    A terminal step is worth its reward alone, whether or not the clock ran out with it.
truncated-wins (M18): Where a step is both terminated and truncated, you kept the value of the next state.
    The episode ended in that very step. What the clock says no longer matters.
reward-dropped-at-the-end: You set the whole target to 0 at terminal steps. Their reward is lost.
    The last step earns its reward like any other, and often it is the largest.
discount-ignored (M9): You did not discount the value of the next state.
    It stands for rewards that come one step later and more, and each of them counts γ less than now.
reward-discounted (M11): You discounted the reward of the step as well.
    r + γ V: the reward of the step counts in full, and the discount begins with what follows.
reward-alone (M18): You returned the rewards: no value of a next state is in your targets.
    A critic of one step must be told what follows. That is what V(s') is for.
no-reward: You left out the rewards.
    They are the only thing in the target that was measured. Without them the critic learns from itself alone.
"""
)

QUESTION = Question(
    name="truncated_targets",
    lesson="09",
    prompt="Return the critic's one-step targets, r + γ V(s′), where some steps are terminated and some truncated.",
    points=3,
    signature="truncated_targets(rewards, next_values, terminated, truncated, discount)",
    fixed=(
        {
            "rewards": np.array([1.0, 2.0, 0.5, -1.0]),
            "next_values": np.array([3.0, -2.0, 4.0, 1.5]),
            "terminated": np.array([False, True, False, True]),
            "truncated": np.array([False, False, True, True]),
            "discount": 0.9,
        },
        {
            "rewards": np.array([0.0, 1.3]),
            "next_values": np.array([2.0, 5.0]),
            "terminated": np.array([False, False]),
            "truncated": np.array([False, True]),
            "discount": 0.51,
        },
        {
            "rewards": np.array([-2.0, -0.3, 0.0]),
            "next_values": np.array([-1.0, -3.0, 0.7123]),
            "terminated": np.array([True, False, False]),
            "truncated": np.array([False, True, False]),
            "discount": 0.99,
        },
    ),
    fresh=fresh,
    oracle=targets,
    remark="`truncated` does not stand in the formula. It says where the record stops, not what a state is worth.",
    read=sections.STOP_GRADIENT,
    mistakes=(
        told(
            "truncation-is-an-end",
            lambda rewards, next_values, terminated, truncated, discount: targets(
                rewards, next_values, terminated | truncated, truncated, discount
            ),
        ),
        told(
            "no-mask",
            lambda rewards, next_values, terminated, truncated, discount: rewards + discount * next_values,
        ),
        told(
            "masks-exchanged",
            lambda rewards, next_values, terminated, truncated, discount: targets(
                rewards, next_values, truncated, terminated, discount
            ),
        ),
        told(
            "mask-the-wrong-way",
            lambda rewards, next_values, terminated, truncated, discount: targets(
                rewards, next_values, ~terminated, truncated, discount
            ),
        ),
        told(
            "only-where-both",
            lambda rewards, next_values, terminated, truncated, discount: targets(
                rewards, next_values, terminated & truncated, truncated, discount
            ),
        ),
        told(
            "truncated-wins",
            lambda rewards, next_values, terminated, truncated, discount: targets(
                rewards, next_values, terminated & ~truncated, truncated, discount
            ),
        ),
        told(
            "reward-dropped-at-the-end",
            lambda rewards, next_values, terminated, truncated, discount: (
                ~terminated * (rewards + discount * next_values)
            ),
        ),
        told(
            "discount-ignored",
            lambda rewards, next_values, terminated, truncated, discount: targets(
                rewards, next_values, terminated, truncated, 1.0
            ),
        ),
        told(
            "reward-discounted",
            lambda rewards, next_values, terminated, truncated, discount: (
                discount * (rewards + ~terminated * next_values)
            ),
        ),
        told("reward-alone", lambda rewards, next_values, terminated, truncated, discount: rewards),
        told(
            "no-reward",
            lambda rewards, next_values, terminated, truncated, discount: discount * ~terminated * next_values,
        ),
    ),
)
