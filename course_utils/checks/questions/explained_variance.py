"""Lesson 09: how much of the returns' variance a critic explains."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw returns and a critic that is roughly right, or roughly the opposite, and too low or too high."""
    n = int(rng.integers(3, 8))
    returns = np.array([-5.0, 4.0, *rng.uniform(-6, 6, size=n - 2).round(3)])
    slope, offset = rng.choice([-0.6, 0.6, 1.5]), rng.choice([-2.0, 3.0])
    return {"values": (slope * returns + offset + rng.uniform(-0.5, 0.5, size=n)).round(3), "returns": returns}


def explained(values: FloatArray, returns: FloatArray) -> float:
    """Return 1 − Var(G − V) / Var(G)."""
    return float(1 - (returns - values).var() / returns.var())


told = Words(
    """
arguments-swapped (M24): You divided by the variance of the *values*. The variance of the returns is what is to be
  explained.
    A timid critic, whose values hardly vary, would get a hugely negative number, and a wild one a good one.
offset-counts (M24): You took the mean of (G − V)² for the variance of G − V.
    That is R², another good measure, which also sees a constant offset. Explained variance does not, and that is what
    the logs of most libraries show.
unexplained (M24): You returned the share that is *not* explained: the 1 − is missing.
    A perfect critic would get 0, and one that says nothing 1.
ratio-of-variances (M24): You compared the two variances. Whether the critic is high where the return is high does not
  enter.
    A critic that says the opposite of the truth has the right variance too.
correlation (M24): You returned the correlation, or its square.
    It is blind to the scale as well: a critic that says a tenth of the truth would get 1, and as a baseline it would
    take away hardly any variance.
clipped (M24): You cut the answer off at 0, or took its absolute value.
    A critic can be worse than a constant: then more variance is left than there was, and the number is below 0. That is
    when you most want to see it.
not-centred (M24): Below the line you took the mean of G² for the variance of G.
    A variance is taken around the mean. If all returns lay near 100, their squares would be huge, and any critic would
    seem to explain nearly all.
standard-deviations (M24): You divided standard deviations where variances belong.
    Variances add up, for what is explained and what is left. Standard deviations do not.
upside-down (M24): Your fraction is upside down.
    What is left over stands above, what there was to explain below.
left-over (M24): You returned the variance that is left, without comparing it with what there was.
    Its size depends on the scale of the rewards. As a share of Var(G) it can be compared between runs.
"""
)

QUESTION = Question(
    name="explained_variance",
    lesson="09",
    prompt="Return the share of the returns' variance that the critic explains, a number up to 1.",
    points=1,
    signature="explained_variance(values, returns)",
    fixed=(
        {"values": np.array([0.0, 1.0, 3.0]), "returns": np.array([1.0, 2.0, 6.0])},
        {"values": np.array([1.0, 2.0, 2.0, 4.0]), "returns": np.array([0.0, 4.0, 3.0, 6.0])},
        {"values": np.array([2.0, -1.0, 0.0]), "returns": np.array([-3.0, -1.0, -2.0])},
        {"values": np.array([5.0, 5.0, 5.0, 5.0, 3.0]), "returns": np.array([-2.0, 0.0, 0.0, 4.0, -7.0])},
        {"values": np.array([-1.0, 7.0]), "returns": np.array([-6.0, 2.0])},
        {"values": np.array([30.5, -21.125, 3.0]), "returns": np.array([-1.25, 2.0, -0.375])},
        {"values": np.array([-21.25, 12.375, 4.0, -1.5]), "returns": np.array([-24.125, 31.75, 0.25, 0.375])},
    ),
    fresh=fresh,
    oracle=explained,
    remark="It does not see a constant offset: a critic that is wrong by 100 everywhere gets the same number.",
    read=sections.EXPLAINED,
    mistakes=(
        told("arguments-swapped", lambda values, returns: 1 - (returns - values).var() / values.var()),
        told(
            "offset-counts", lambda values, returns: 1 - ((returns - values) ** 2).mean() / returns.var(), almost=True
        ),
        told("unexplained", lambda values, returns: (returns - values).var() / returns.var()),
        told(
            "ratio-of-variances",
            lambda values, returns: values.var() / returns.var(),
            variants=(lambda values, returns: 1 - values.var() / returns.var(),),
        ),
        told(
            "correlation",
            lambda values, returns: float(np.corrcoef(values, returns)[0, 1]) ** 2,
            variants=(lambda values, returns: float(np.corrcoef(values, returns)[0, 1]),),
        ),
        told(
            "clipped",
            lambda values, returns: max(0.0, explained(values, returns)),
            variants=(lambda values, returns: abs(explained(values, returns)),),
        ),
        told(
            "not-centred",
            lambda values, returns: 1 - (returns - values).var() / (returns**2).mean(),
            variants=(lambda values, returns: 1 - ((returns - values) ** 2).mean() / (returns**2).mean(),),
        ),
        told("standard-deviations", lambda values, returns: 1 - (returns - values).std() / returns.std()),
        told("upside-down", lambda values, returns: 1 - returns.var() / (returns - values).var()),
        told("left-over", lambda values, returns: (returns - values).var()),
    ),
)
