"""Lesson 13: advantages normalised by their group."""

from collections.abc import Callable

import numpy as np

from course_utils import group_advantages
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


EPSILON = group_advantages.EPSILON


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the rewards of two or three groups of four or five replies."""
    n, K = int(rng.integers(2, 4)), int(rng.integers(4, 6))
    return {
        "rewards": (rng.normal(size=(n, 1)) + rng.uniform(0.2, 3.0, size=(n, 1)) * rng.normal(size=(n, K))).round(2)
    }


def mean(rewards: FloatArray) -> FloatArray:
    """Return the mean of each group, shape (n, 1)."""
    return np.asarray(rewards.mean(axis=1, keepdims=True))


def sd(rewards: FloatArray, ddof: int = 1) -> FloatArray:
    """Return the standard deviation of each group, exactly 0 where all are equal, shape (n, 1)."""
    spread = np.ptp(rewards, axis=1, keepdims=True) > 0
    return np.where(spread, rewards.std(axis=1, ddof=ddof, keepdims=True), 0.0)


def over(size: Callable[[FloatArray], FloatArray]) -> Callable[[FloatArray], FloatArray]:
    """Return what divides the centred rewards by another size."""
    return lambda rewards: (rewards - mean(rewards)) / size(rewards)


def of_the_others(rewards: FloatArray) -> FloatArray:
    """Subtract the mean of the other replies of the group."""
    K = rewards.shape[1]
    return np.asarray((rewards - mean(rewards)) * K / (K - 1))


def whole_batch(rewards: FloatArray, ddof: int) -> FloatArray:
    """Take mean and spread over all rewards."""
    return np.asarray((rewards - rewards.mean()) / (rewards.std(ddof=ddof) + EPSILON))


def across(rewards: FloatArray, ddof: int) -> FloatArray:
    """Take mean and spread down the columns, over the groups."""
    centred = rewards - rewards.mean(axis=0)
    with np.errstate(invalid="ignore"):  # the sample's spread of one group is 0/0
        return np.asarray(centred / (np.sqrt((centred**2).sum(axis=0) / (len(rewards) - ddof)) + EPSILON))


told = Words(
    """
zero-by-zero (M12): On groups with spread your function is nearly right. Where all rewards are equal it divides 0 by 0.
    Nothing is added to the standard deviation. A group without spread has nothing to teach: its advantages are 0, and
    NaN would destroy all parameters. Add 1e-4.
population (M42): You divided by K inside the standard deviation. The sample's divides by K − 1, as `ddof=1` does.
    For a group of four your advantages are larger by a factor of 1.15. TRL takes the sample's, and papers differ: say
    which one you mean.
inside-the-root (M39): You added 1e-4 to the variance, inside the root.
    For a group without spread that is a divisor of 0.01, and not of 0.0001. It belongs beside the standard deviation.
whole-batch (M34): You took mean and standard deviation over the whole batch.
    Then a right reply to a hard prompt is compared with replies to other prompts, and the prompt itself is praised or
    blamed. Each group is compared with its own.
batch-spread (M34): You subtracted the mean of the group, and divided by the spread of the whole batch.
    TRL calls that `scale_rewards="batch"`. It re-weights no prompt against another within a batch, so it is another
    method than GRPO.
across-groups (M12): You took mean and standard deviation down the columns, over the first replies of all groups, then
  the second ones.
    Those are replies to different prompts, and have nothing in common. The replies of one group stand in a row: axis 1.
variance (M12): You divided by the variance. The standard deviation is its square root.
    Rewards ten times as large would give advantages ten times as small.
not-divided (M34): You subtracted the mean of the group, and did not divide.
    That is the advantage of Dr. GRPO. It follows the gradient, up to 1 − 1/K. GRPO divides by the spread as well.
leave-one-out (M10): You subtracted the mean of the *others*, and did not divide.
    That is RLOO, and it has the gradient as its mean. GRPO subtracts the mean of all K, and divides by their spread.
others-divided (M10): You subtracted the mean of the others, and divided by the spread.
    All entries come out larger by K/(K − 1). GRPO subtracts the mean of all K replies, the own one among them.
not-centred (M12): You divided by the standard deviation, and subtracted nothing.
    A group of right replies alone would be pushed up all the same. The mean of the group is the baseline.
sign (M5): Your answer has the opposite sign: you subtracted the rewards from the mean.
    What is better than its group would be made rarer.
brackets (M39): The terms are right, and brackets are missing: only the mean is divided.
    Division comes before subtraction. It is `(rewards - mean) / (sd + 1e-4)`.
zero-to-one (M12): You mapped each group to the range from 0 to 1.
    Then no reply is below 0, and all that was written is made likelier.
mean-absolute (M12): You divided by the mean absolute deviation.
    It is a measure of spread as well, and a smaller one. GRPO divides by the standard deviation.
"""
)

QUESTION = Question(
    name="grpo_advantages",
    lesson="13",
    prompt="Return (reward − mean of its group) / (sample sd of its group + 1e-4), for n groups of K replies.",
    points=2,
    signature="grpo_advantages(rewards)",
    fixed=(
        {"rewards": np.array([[1.0, 0.0, 0.0, 1.0], [3.0, 1.0, 0.5, 2.0]])},
        {"rewards": np.array([[0.0, 2.0, 1.0], [-1.0, 4.0, 0.5], [2.5, 2.0, 1.0]])},
        {"rewards": np.array([[0.501, 0.5, 0.499, 0.5], [1.0, 0.0, 0.0, 0.0], [6.0, 5.0, 5.5, -12.0]])},
        {"rewards": np.array([[-2.0, 0.3, 0.7, 1.6, -0.4]])},
    ),
    extreme=(
        {"rewards": np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0]])},
        {"rewards": np.array([[0.0, 0.0], [2.0, 1.0]])},
    ),
    fresh=fresh,
    oracle=group_advantages.group_normalised,
    remark="A group of equal rewards sends no gradient. In a log it counts in frac_reward_zero_std.",
    read=sections.SPREAD,
    mistakes=(
        told(
            "zero-by-zero",
            lambda rewards: (rewards - mean(rewards)) / sd(rewards),
            variants=(lambda rewards: (rewards - mean(rewards)) / sd(rewards, ddof=0),),
            almost=True,
        ),
        told("population", over(lambda rewards: sd(rewards, ddof=0) + EPSILON), almost=True),
        told(
            "inside-the-root",
            over(lambda rewards: np.sqrt(sd(rewards) ** 2 + EPSILON)),
            variants=(over(lambda rewards: np.sqrt(sd(rewards, ddof=0) ** 2 + EPSILON)),),
            almost=True,
        ),
        told(
            "whole-batch",
            lambda rewards: whole_batch(rewards, 1),
            variants=(lambda rewards: whole_batch(rewards, 0),),
        ),
        told(
            "batch-spread",
            over(lambda rewards: rewards.std(ddof=1) + EPSILON),
            variants=(over(lambda rewards: rewards.std() + EPSILON),),
        ),
        told(
            "across-groups",
            lambda rewards: across(rewards, 0),
            sections.GROUP,
            variants=(lambda rewards: across(rewards, 1),),
        ),
        told(
            "variance",
            over(lambda rewards: sd(rewards) ** 2 + EPSILON),
            variants=(over(lambda rewards: sd(rewards, ddof=0) ** 2 + EPSILON),),
        ),
        told("not-divided", over(lambda rewards: np.ones_like(mean(rewards))), sections.GROUP),
        told("leave-one-out", of_the_others, sections.GROUP),
        told("others-divided", lambda rewards: of_the_others(rewards) / (sd(rewards) + EPSILON), sections.GROUP),
        told("not-centred", lambda rewards: rewards / (sd(rewards) + EPSILON)),
        told("sign", lambda rewards: -group_advantages.group_normalised(rewards)),
        told("brackets", lambda rewards: rewards - mean(rewards) / (sd(rewards) + EPSILON)),
        told(
            "zero-to-one",
            lambda rewards: (
                (rewards - rewards.min(axis=1, keepdims=True)) / (np.ptp(rewards, axis=1, keepdims=True) + EPSILON)
            ),
        ),
        told(
            "mean-absolute", over(lambda rewards: np.abs(rewards - mean(rewards)).mean(axis=1, keepdims=True) + EPSILON)
        ),
    ),
)
