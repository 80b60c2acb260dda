"""Lesson 06: the leave-one-out baseline of a batch of returns."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the returns of a batch of three to six episodes."""
    return {"returns": rng.uniform(-3.0, 9.0, size=int(rng.integers(3, 7))).round(1)}


def others(returns: FloatArray) -> FloatArray:
    """Return the sum of all returns but one's own, for each, shape (m,)."""
    result: FloatArray = returns.sum() - returns
    return result


def advantages(returns: FloatArray) -> FloatArray:
    """Return R_i − Σ_{j ≠ i} R_j / (m − 1)."""
    return returns - others(returns) / (returns.size - 1)


def neighbour(step: int, returns: FloatArray) -> FloatArray:
    """Subtract the return of one other episode, the next or the one before."""
    return returns - np.roll(returns, step)


def earlier(returns: FloatArray) -> FloatArray:
    """Subtract the mean of the episodes before one's own; nothing from the first."""
    before = np.concatenate([[0.0], returns.cumsum()[:-1]])
    return returns - before / np.maximum(np.arange(returns.size), 1)


def same_left_out(place: int, returns: FloatArray) -> FloatArray:
    """Leave the same episode out of every baseline."""
    result: FloatArray = returns - np.delete(returns, place).mean()
    return result


def by_value(returns: FloatArray) -> FloatArray:
    """Leave out all returns that are equal to one's own."""
    return np.array([r - returns[returns != r].mean() for r in returns])


told = Words(
    """
includes-itself (M10): You subtracted the mean of all m returns: each return is part of its own baseline.
    That part takes a share of 1/m of the gradient away: its mean shrinks to 1 − 1/m. Leave the episode's own return
    out, and divide by m − 1.
divided-by-m (M10): You left the own return out of the sum and divided by m.
    The others are m − 1. Divided by m, the baseline is too low by one part in m; a batch of equal returns would not get
    the advantage 0.
itself-in-the-sum (M10): You divided by m − 1, and the sum still holds the episode's own return.
    This baseline is too high, and it depends on the episode's own actions. Take the own return out of the sum as well.
brackets (M39): The terms are right, and brackets are missing or stand in another place.
    Division comes before subtraction, and subtraction goes from left to right. The baseline is `(returns.sum() -
    returns) / (m - 1)`, with both brackets; it is subtracted from the return as a whole.
equal-ones-left-out (M10): You left out all returns that are equal to the episode's own, where only the episode itself
  is left out.
    Two episodes may have the same return, and the other one belongs to the baseline. Leave out by place, as
    `np.delete(returns, i)` does, and not by value.
shrunk-for-stretched (M10): You multiplied the difference from the mean of all by (m − 1)/m. It is m/(m − 1) that
  restores it.
    The mean of all counts the own return, which shrinks the difference to 1 − 1/m of itself. Another such factor
    shrinks it twice.
median: You subtracted the median of the others, where their mean is asked for.
    That is unbiased as well, and steadier when one return lies far out. But the exact factors of this lesson hold for
    the mean.
best-of-the-others: You subtracted the largest return of the others.
    It is unbiased, and far from the middle: only the best episode of a batch would ever be praised.
sum-for-mean (M7): You subtracted the sum of the others, where their mean belongs.
    It is unbiased, as any number that does not depend on the episode's own actions is. But it grows with m, and the
    variance with its square.
baseline-only (M10): You returned the baselines themselves: the means of the others.
    The weights of the scores are return minus baseline. The baselines alone know nothing of how their own episode went.
sign (M5): Your answer has the opposite sign: you subtracted the return from the baseline.
    An episode that went better than the others would be made rarer. It is return minus baseline.
nothing-subtracted (M10): You returned the returns as they are: nothing is subtracted.
    They are unbiased weights, and noisy ones: when all returns lie near 200, every episode is praised.
own-return (M10): Your advantages are all 0, as if each return were subtracted from itself.
    The episode's own return depends on its actions. As a baseline it takes the whole gradient away.
same-left-out (M10): You left the same episode out of every baseline.
    All the other episodes are then still part of their own baseline. Each episode needs a baseline of its own, without
    its own return.
whitened (M12): You subtracted the mean and divided by the standard deviation: that is whitening.
    It also counts each return in its own mean, and it changes the length of the gradient from batch to batch. Here only
    the mean of the others is subtracted.
one-neighbour: You subtracted the return of one other episode, the next or the one before.
    That is unbiased. But one return is a noisier baseline than the mean of all the others.
earlier-ones: You subtracted the mean of the episodes before one's own, and nothing from the first.
    That is unbiased too. But the first episodes have hardly any baseline, while the whole batch is there to compare
    with: use the later ones as well.
"""
)

QUESTION = Question(
    name="leave_one_out",
    lesson="06",
    prompt="Return, for each of the m returns of a batch, the return minus the mean of the other m − 1 returns.",
    points=2,
    signature="leave_one_out(returns)",
    fixed=(
        {"returns": np.array([1.0, 2.0, 6.0])},
        {"returns": np.array([4.0, -1.0])},
        {"returns": np.array([0.0, 1.0, 1.0, 0.0, 1.0])},
        {"returns": np.array([-4.0, -2.5, -9.0, -1.0])},
        {"returns": np.array([20.0, 3.0, -7.5, 0.0, 3.0, 12.0, -1.0, 8.0])},
    ),
    extreme=({"returns": np.array([3.0, 3.0, 3.0])},),
    fresh=fresh,
    oracle=advantages,
    remark="Its mean gradient is exact for every m of two or more. Lesson 13 meets it again under the name RLOO.",
    read=sections.BATCH,
    mistakes=(
        told("includes-itself", lambda returns: returns - returns.mean()),
        told("divided-by-m", lambda returns: returns - others(returns) / returns.size),
        told("itself-in-the-sum", lambda returns: returns - returns.sum() / (returns.size - 1)),
        told(
            "brackets",
            lambda returns: returns - returns.sum() - returns / (returns.size - 1),
            variants=(
                lambda returns: returns - (returns.sum() - returns / (returns.size - 1)),
                lambda returns: (returns - (returns.sum() - returns)) / (returns.size - 1),
                lambda returns: returns - others(returns) / returns.size - 1,
                lambda returns: returns - returns.sum() - returns / returns.size - 1,
                lambda returns: returns - returns.sum() / (returns.size - 1) - returns,
                lambda returns: returns - (returns.sum() - returns / returns.size - 1),
            ),
        ),
        told("equal-ones-left-out", by_value),
        told("shrunk-for-stretched", lambda returns: (returns - returns.mean()) * (returns.size - 1) / returns.size),
        told(
            "median",
            lambda returns: np.array([r - np.median(np.delete(returns, i)) for i, r in enumerate(returns)]),
            almost=True,
        ),
        told(
            "best-of-the-others",
            lambda returns: np.array([r - np.delete(returns, i).max() for i, r in enumerate(returns)]),
        ),
        told("sum-for-mean", lambda returns: returns - others(returns)),
        told("baseline-only", lambda returns: others(returns) / (returns.size - 1)),
        told("sign", lambda returns: -advantages(returns)),
        told("nothing-subtracted", lambda returns: 1.0 * returns, sections.PUZZLE),
        told("own-return", lambda returns: 0.0 * returns, sections.MAY_DEPEND),
        told(
            "same-left-out",
            lambda returns: same_left_out(0, returns),
            variants=(lambda returns: same_left_out(-1, returns),),
        ),
        told(
            "whitened",
            lambda returns: (returns - returns.mean()) / returns.std(),
            variants=(
                lambda returns: (returns - returns.mean()) / returns.std(ddof=1),
                lambda returns: (returns - returns.mean()) / (returns.std() + 1e-8),
            ),
        ),
        told(
            "one-neighbour",
            lambda returns: neighbour(-1, returns),
            variants=(lambda returns: neighbour(1, returns),),
            almost=True,
        ),
        told("earlier-ones", earlier, almost=True),
    ),
)
