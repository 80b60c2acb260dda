"""Problem set 3: advantages whitened within groups."""

from collections.abc import Callable

import numpy as np

from course_utils.arguments import FloatArray, IntArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw advantages of two or three groups, mixed up, one of them all equal now and then."""
    groups = rng.permutation(np.repeat([0, 1, 2], rng.integers(2, 4, size=3)))
    return {"advantages": rng.normal(size=groups.size).round(2) + groups, "groups": groups}


def each(
    advantages: FloatArray, groups: IntArray, change: Callable[[FloatArray], FloatArray] | None = None
) -> FloatArray:
    """Return the advantages after a change of each group: (A − mean)/sd, and 0 where the sd is 0."""
    result = np.zeros(len(advantages))
    for group in np.unique(groups):
        inside = groups == group
        result[inside] = (change or whitened)(advantages[inside])
    return result


def whitened(part: FloatArray) -> FloatArray:
    """Return (A − mean)/sd, and 0 where all are equal."""
    spread = np.ptp(part) and part.std()
    return np.asarray((part - part.mean()) / spread if spread else np.zeros(part.size))


def by_sample_sd(part: FloatArray) -> FloatArray:
    """Return (A − mean)/sd, with the sd of n − 1."""
    spread = np.ptp(part) and part.std(ddof=1)
    return np.asarray((part - part.mean()) / spread if spread else np.zeros(part.size))


def one_spread(advantages: FloatArray, groups: IntArray) -> FloatArray:
    """Return the deviations from each group's mean over the sd of all of them."""
    centred = each(advantages, groups, lambda part: part - part.mean())
    return np.asarray(centred / centred.std())


told = Words(
    """
whole-batch (M12): You took mean and standard deviation over the whole batch, and not group by group.
    Then a group that is good on the whole is praised in every step, and the comparison inside it is lost.
no-spread (M34): You subtracted each group's mean and did not divide by its standard deviation.
    That is a fine thing to do, and another one: here every group is to have the spread 1.
no-mean (M12): You divided by each group's standard deviation and did not subtract its mean.
    What is left is no comparison within the group: its mean stays in every weight.
spread-of-batch (M34): You divided by the standard deviation of the whole batch in place of each group's own.
    Each group is to have the spread 1. With one number for all, groups that spread widely keep most of the weight.
spread-of-centred (M34): You subtracted each group's mean, and divided by one standard deviation for all of them.
    Each group is to have the spread 1. With one number for all, groups that spread widely keep most of the weight.
mean-of-batch (M12): You divided by each group's standard deviation, but subtracted the mean of the whole batch.
    A group that is good on the whole then has positive weights alone. Mean and spread both belong to the group.
n-minus-one (M42): Your standard deviation divides by n − 1.
    That is the usual estimate from a sample. Here the group is all there is: its own mean square deviation is asked
    for, `std()` without `ddof`.
variance (M42): You divided by the variance, where its square root belongs.
    The result then changes with the units: ten times larger rewards would give ten times smaller weights.
equal-group (M34): The formula is right, and it is not finite where all advantages of a group are equal.
    0/0 is NaN, and one NaN in a gradient makes all parameters NaN. A group without a difference teaches nothing: its
    weights are 0.
sorted-by-group: Your numbers are right and stand in the order of the groups.
    Each number belongs to its step. Write into the places where the group is, `result[groups == g] = …`.
"""
)

QUESTION = Question(
    name="whiten_by_group",
    lesson="07",
    prompt="Return the advantages with mean 0 and standard deviation 1 in each group; 0 where a group is all equal.",
    points=3,
    signature="whiten_by_group(advantages, groups)",
    fixed=(
        {"advantages": np.array([1.0, 2.0, 4.0, -1.0]), "groups": np.array([0, 1, 0, 1])},
        {"advantages": np.array([0.5, 3.0, -2.0, 1.0, 6.0, 0.0]), "groups": np.array([2, 0, 2, 0, 0, 2])},
        {"advantages": np.array([-3.0, -1.0, -2.5, -0.5, -7.0]), "groups": np.array([1, 1, 1, 5, 5])},
    ),
    extreme=(
        {"advantages": np.array([2.0, 2.0, 1.0, 4.0]), "groups": np.array([0, 0, 1, 1])},
        {"advantages": np.array([7.0, 1.0, 4.5]), "groups": np.array([3, 1, 1])},
    ),
    fresh=fresh,
    oracle=each,
    remark="A group of one has nothing to be compared with: its weight is 0.",
    read=sections.WHITENING,
    mistakes=(
        told("whole-batch", lambda advantages, groups: whitened(advantages)),
        told("no-spread", lambda advantages, groups: each(advantages, groups, lambda part: part - part.mean())),
        told("no-mean", lambda advantages, groups: each(advantages, groups, lambda part: part / part.std())),
        told(
            "spread-of-batch",
            lambda advantages, groups: each(advantages, groups, lambda part: part - part.mean()) / advantages.std(),
        ),
        told("spread-of-centred", one_spread),
        told(
            "mean-of-batch",
            lambda advantages, groups: each(advantages, groups, lambda part: (part - advantages.mean()) / part.std()),
        ),
        told("n-minus-one", lambda advantages, groups: each(advantages, groups, by_sample_sd)),
        told("variance", lambda advantages, groups: each(advantages, groups, lambda p: (p - p.mean()) / p.var())),
        told(
            "equal-group",
            lambda advantages, groups: each(advantages, groups, lambda part: (part - part.mean()) / part.std()),
            almost=True,
        ),
        told(
            "sorted-by-group",
            lambda advantages, groups: np.concatenate([whitened(advantages[groups == g]) for g in np.unique(groups)]),
        ),
    ),
)
