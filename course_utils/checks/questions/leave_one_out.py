"""Lesson 06: the leave-one-out baseline of a batch of returns."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question

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
        Mistake(
            "includes-itself",
            "M10",
            lambda returns: returns - returns.mean(),
            "You subtracted the mean of all m returns: each return is part of its own baseline.",
            "That part takes a share of 1/m of the gradient away: its mean shrinks to 1 − 1/m. Leave the episode's own "
            "return out, and divide by m − 1.",
        ),
        Mistake(
            "divided-by-m",
            "M10",
            lambda returns: returns - others(returns) / returns.size,
            "You left the own return out of the sum and divided by m.",
            "The others are m − 1. Divided by m, the baseline is too low by one part in m; a batch of equal returns "
            "would not get the advantage 0.",
        ),
        Mistake(
            "itself-in-the-sum",
            "M10",
            lambda returns: returns - returns.sum() / (returns.size - 1),
            "You divided by m − 1, and the sum still holds the episode's own return.",
            "This baseline is too high, and it depends on the episode's own actions. Take the own return out of the "
            "sum as well.",
        ),
        Mistake(
            "brackets",
            "M10",
            lambda returns: returns - returns.sum() - returns / (returns.size - 1),
            "The terms are right, and brackets are missing or stand in another place.",
            "Division comes before subtraction, and subtraction goes from left to right. The baseline is "
            "`(returns.sum() - returns) / (m - 1)`, with both brackets; it is subtracted from the return as a whole.",
            variants=(
                lambda returns: returns - (returns.sum() - returns / (returns.size - 1)),
                lambda returns: (returns - (returns.sum() - returns)) / (returns.size - 1),
                lambda returns: returns - others(returns) / returns.size - 1,
                lambda returns: returns - returns.sum() - returns / returns.size - 1,
                lambda returns: returns - returns.sum() / (returns.size - 1) - returns,
                lambda returns: returns - (returns.sum() - returns / returns.size - 1),
            ),
        ),
        Mistake(
            "equal-ones-left-out",
            "M10",
            by_value,
            "You left out all returns that are equal to the episode's own, where only the episode itself is left out.",
            "Two episodes may have the same return, and the other one belongs to the baseline. Leave out by place, as "
            "`np.delete(returns, i)` does, and not by value.",
        ),
        Mistake(
            "shrunk-for-stretched",
            "M10",
            lambda returns: (returns - returns.mean()) * (returns.size - 1) / returns.size,
            "You multiplied the difference from the mean of all by (m − 1)/m. It is m/(m − 1) that restores it.",
            "The mean of all counts the own return, which shrinks the difference to 1 − 1/m of itself. Another such "
            "factor shrinks it twice.",
        ),
        Mistake(
            "median",
            "",
            lambda returns: np.array([r - np.median(np.delete(returns, i)) for i, r in enumerate(returns)]),
            "You subtracted the median of the others, where their mean is asked for.",
            "That is unbiased as well, and steadier when one return lies far out. But the exact factors of this lesson "
            "hold for the mean.",
            almost=True,
        ),
        Mistake(
            "best-of-the-others",
            "",
            lambda returns: np.array([r - np.delete(returns, i).max() for i, r in enumerate(returns)]),
            "You subtracted the largest return of the others.",
            "It is unbiased, and far from the middle: only the best episode of a batch would ever be praised.",
        ),
        Mistake(
            "sum-for-mean",
            "M7",
            lambda returns: returns - others(returns),
            "You subtracted the sum of the others, where their mean belongs.",
            "It is unbiased, as any number that does not depend on the episode's own actions is. But it grows with m, "
            "and the variance with its square.",
        ),
        Mistake(
            "baseline-only",
            "M10",
            lambda returns: others(returns) / (returns.size - 1),
            "You returned the baselines themselves: the means of the others.",
            "The weights of the scores are return minus baseline. The baselines alone know nothing of how their own "
            "episode went.",
        ),
        Mistake(
            "sign",
            "M5",
            lambda returns: -advantages(returns),
            "Your answer has the opposite sign: you subtracted the return from the baseline.",
            "An episode that went better than the others would be made rarer. It is return minus baseline.",
        ),
        Mistake(
            "nothing-subtracted",
            "M10",
            lambda returns: 1.0 * returns,
            "You returned the returns as they are: nothing is subtracted.",
            "They are unbiased weights, and noisy ones: when all returns lie near 200, every episode is praised.",
            sections.PUZZLE,
        ),
        Mistake(
            "own-return",
            "M10",
            lambda returns: 0.0 * returns,
            "Your advantages are all 0, as if each return were subtracted from itself.",
            "The episode's own return depends on its actions. As a baseline it takes the whole gradient away.",
            sections.MAY_DEPEND,
        ),
        Mistake(
            "same-left-out",
            "M10",
            lambda returns: same_left_out(0, returns),
            "You left the same episode out of every baseline.",
            "All the other episodes are then still part of their own baseline. Each episode needs a baseline of its "
            "own, without its own return.",
            variants=(lambda returns: same_left_out(-1, returns),),
        ),
        Mistake(
            "whitened",
            "M12",
            lambda returns: (returns - returns.mean()) / returns.std(),
            "You subtracted the mean and divided by the standard deviation: that is whitening.",
            "It also counts each return in its own mean, and it changes the length of the gradient from batch to "
            "batch. Here only the mean of the others is subtracted.",
            variants=(
                lambda returns: (returns - returns.mean()) / returns.std(ddof=1),
                lambda returns: (returns - returns.mean()) / (returns.std() + 1e-8),
            ),
        ),
        Mistake(
            "one-neighbour",
            "",
            lambda returns: neighbour(-1, returns),
            "You subtracted the return of one other episode, the next or the one before.",
            "That is unbiased. But one return is a noisier baseline than the mean of all the others.",
            variants=(lambda returns: neighbour(1, returns),),
            almost=True,
        ),
        Mistake(
            "earlier-ones",
            "",
            earlier,
            "You subtracted the mean of the episodes before one's own, and nothing from the first.",
            "That is unbiased too. But the first episodes have hardly any baseline, while the whole batch is there to "
            "compare with: use the later ones as well.",
            almost=True,
        ),
    ),
)
