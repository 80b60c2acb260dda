"""Problem set 4: leave-one-out advantages where the groups are not equally large."""

import numpy as np

from course_utils.arguments import FloatArray, IntArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw rewards of three prompts with two to four replies each, mixed up."""
    prompts = rng.permutation(np.repeat([0, 1, 2], [2, *rng.integers(3, 5, size=2)]))
    return {"rewards": rng.normal(size=prompts.size).round(2) + 2 * prompts, "prompts": prompts}


def sums(rewards: FloatArray, prompts: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return, for each reply, the sum of the rewards of its prompt and their number."""
    same = (prompts[:, None] == prompts).astype(float)
    return np.asarray(same @ rewards), same.sum(axis=1)


def advantages(rewards: FloatArray, prompts: IntArray) -> FloatArray:
    """Return each reward less the mean of the other replies to its prompt; 0 where there are none."""
    total, count = sums(rewards, prompts)
    return np.where(count > 1, rewards - (total - rewards) / np.maximum(count - 1, 1), 0.0)


def group_mean(rewards: FloatArray, prompts: IntArray) -> FloatArray:
    """Return each reward less the mean of its prompt, itself among it."""
    total, count = sums(rewards, prompts)
    return np.asarray(rewards - total / count)


def alone(rewards: FloatArray, prompts: IntArray) -> FloatArray:
    """Return the advantages where a reply that is alone keeps its reward."""
    total, count = sums(rewards, prompts)
    return np.asarray(rewards - (total - rewards) / np.maximum(count - 1, 1))


def one_size(rewards: FloatArray, prompts: IntArray, size: float) -> FloatArray:
    """Return the advantages with one number of others for all groups."""
    total, _ = sums(rewards, prompts)
    return np.asarray(rewards - (total - rewards) / size)


told = Words(
    """
includes-itself (M10): You subtracted the mean of the group, with the reply itself in it.
    That shrinks the gradient to 1 − 1/K, and with unequal groups by a different factor in each: prompts with few
    replies count for less.
other-prompts (M23): You subtracted the mean of all other replies, whatever their prompt.
    Scores mean something within a prompt alone. Across prompts a mild question makes all of its replies look good.
batch-mean (M23): You subtracted the mean of the whole batch.
    Scores mean something within a prompt alone, and the reply itself is in that mean.
divided-by-k (M10): You divided the sum of the others by K. There are K − 1 of them.
    Then the baseline is too close to 0, and adding a constant to all rewards of a prompt changes its advantages.
one-size (M10): You divided by the size of one group, whatever the group.
    Each prompt has its own number of replies. With a common K the baselines of the others are too high or too low.
nothing-to-compare: The formula is right where there are others. A reply that is alone in its group has none, and its
  advantage is not 0 in yours.
    0/0 is NaN, and a reward with nothing subtracted is praise without comparison. One reply alone says nothing of how
    good it was: its weight is 0.
sign (M5): Your answer has the opposite sign.
    A reply that was better than the others would be made rarer. It is reward minus baseline.
baseline-only (M10): You returned the baselines themselves, the means of the others.
    The weights are reward minus baseline. The baseline alone knows nothing of its own reply.
nothing-subtracted (M10): You returned the rewards as they are.
    They are unbiased weights and noisy ones: where all rewards of a prompt are high, every reply is praised.
divided-by-spread (M34): You divided by the standard deviation of the group as well.
    That is the step of GRPO. It weighs prompts anew, by how alike their replies are; here only the mean of the
    others is subtracted.
"""
)

QUESTION = Question(
    name="uneven_leave_one_out",
    lesson="13",
    prompt="Return each reply's reward less the mean of the other replies to its prompt; 0 for a reply that is alone.",
    points=3,
    signature="uneven_leave_one_out(rewards, prompts)",
    fixed=(
        {"rewards": np.array([1.0, 3.0, 5.0, 2.0, 8.0]), "prompts": np.array([0, 1, 0, 0, 1])},
        {"rewards": np.array([0.0, 1.0, 1.0, 0.0, 1.0, 1.0]), "prompts": np.array([1, 1, 0, 0, 0, 0])},
        {"rewards": np.array([-4.0, -2.5, -9.0, -1.0, -3.0]), "prompts": np.array([7, 3, 7, 3, 3])},
    ),
    extreme=(
        {"rewards": np.array([2.0, 5.0, 1.0]), "prompts": np.array([0, 1, 0])},
        {"rewards": np.array([-3.0, 4.0]), "prompts": np.array([2, 9])},
    ),
    fresh=fresh,
    oracle=advantages,
    remark="Within a prompt the advantages add up to 0, however many replies it has.",
    read=sections.GROUP,
    mistakes=(
        told("includes-itself", group_mean),
        told("other-prompts", lambda rewards, prompts: advantages(rewards, 0 * prompts)),
        told("batch-mean", lambda rewards, prompts: rewards - rewards.mean()),
        told(
            "divided-by-k",
            lambda rewards, prompts: rewards - (sums(rewards, prompts)[0] - rewards) / sums(rewards, prompts)[1],
        ),
        told(
            "one-size",
            lambda rewards, prompts: one_size(rewards, prompts, sums(rewards, prompts)[1].max() - 1),
            variants=(
                lambda rewards, prompts: one_size(rewards, prompts, max((prompts == prompts[0]).sum() - 1, 1)),
                lambda rewards, prompts: one_size(rewards, prompts, len(prompts) / len(set(prompts)) - 1),
            ),
        ),
        told("nothing-to-compare", alone, almost=True),
        told("sign", lambda rewards, prompts: -advantages(rewards, prompts)),
        told("baseline-only", lambda rewards, prompts: rewards - advantages(rewards, prompts)),
        told("nothing-subtracted", lambda rewards, prompts: 1.0 * rewards),
        told(
            "divided-by-spread",
            lambda rewards, prompts: (
                advantages(rewards, prompts)
                / np.array([rewards[prompts == p].std() if rewards[prompts == p].std() else 1.0 for p in prompts])
            ),
        ),
    ),
)
