"""Lesson 12: how often a reward model ranks a pair as its raters did."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the scores of several pairs, ties among them; on each prompt they are of another height."""
    n = int(rng.choice([7, 11, 13]))
    height, margin = rng.uniform(-4.0, 4.0, size=n), rng.normal(0.4, 1.0, size=n)
    margin[: int(rng.integers(2, 5))] = 0.0
    rejected = height.round(2)
    order = rng.permutation(n)
    return {"chosen": (rejected + margin.round(2))[order], "rejected": rejected[order]}


def agreement(chosen: FloatArray, rejected: FloatArray) -> float:
    """Return the share of pairs with chosen above rejected, ties counted half."""
    return float((chosen > rejected).mean() + 0.5 * (chosen == rejected).mean())


def sigmoid(d: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(−d))."""
    return np.asarray(1 / (1 + np.exp(-d)))


told = Words(
    """
ties-lost (M46): You counted a pair with equal scores as ranked wrong.
    A model that gives every reply the same score would get 0, and seem to rank backwards. It knows nothing, which
    is one half.
ties-won (M46): You counted a pair with equal scores as ranked right.
    A model that gives every reply the same score would be right always. It knows nothing, which is one half.
ties-left-out (M46): You left out the pairs with equal scores.
    A model that is undecided about nearly all pairs would be judged by the few that are left. A tie is a coin: it
    counts half.
exchanged (M5): You counted the pairs that are ranked *wrong*, or exchanged chosen and rejected.
    A good model would get less than one half, which is what a model gets that ranks backwards.
each-alone (M23): You looked at the sign of each score by itself.
    A score means nothing but its difference to another one for the same prompt: on a hard prompt both replies may be
    below 0, and one is still the better.
across-prompts (M23): You compared every chosen score with every rejected one, or with a common threshold.
    Most of these replies answer different prompts, and there the scores have no common height. Compare within each
    pair.
one-comparison (M41): You compared two means, or two sums, where each pair is to be judged by itself.
    One pair with a wide margin would make up for many that are ranked wrong.
mean-probability: You averaged σ(chosen − rejected): how sure the model is, not how often it is right.
    A model whose scores are ten times as large is ten times as sure, and ranks every pair as before.
margin: You averaged the margins.
    They grow with the scale of the scores, which says nothing about the ranking. Accuracy counts signs.
above-a-coin: You took a wrong pair as −1 and a right one as +1.
    That is twice the accuracy minus 1: a coin gets 0 in place of one half.
count (M7): You counted the pairs, and their share is asked for.
    A count grows with the number of pairs, and cannot be held against another set's.
percent: You returned per cent, and the share is asked for.
    It is the same number times 100.
"""
)

QUESTION = Question(
    name="ranking_accuracy",
    lesson="12",
    prompt="Return the share of pairs that the scores rank as the raters did, a number from 0 to 1.",
    points=1,
    signature="ranking_accuracy(chosen, rejected)",
    fixed=(
        {"chosen": np.array([1.5, 0.5, 2.0]), "rejected": np.array([0.5, 0.5, 3.0])},
        {
            "chosen": np.array([-1.0, -2.5, 3.0, 0.25, -0.5, 4.0, 1.0]),
            "rejected": np.array([-1.5, -3.0, 2.0, 0.25, -0.5, 4.5, 2.0]),
        },
        {
            "chosen": np.array([2.0, -4.0, 0.0, 1.0, -3.0, 0.5]),
            "rejected": np.array([1.0, -1.5, 0.0, 2.25, -2.0, 3.5]),
        },
        {"chosen": np.array([0.7, 0.7, 1.2]), "rejected": np.array([0.2, 0.1, 1.9])},
    ),
    fresh=fresh,
    oracle=agreement,
    remark="It has a ceiling: where raters disagree with themselves, no model can be right more often than they are.",
    read=sections.TELLING_NUMBERS,
    mistakes=(
        told("ties-lost", lambda chosen, rejected: (chosen > rejected).mean(), almost=True),
        told("ties-won", lambda chosen, rejected: (chosen >= rejected).mean(), almost=True),
        told(
            "ties-left-out",
            lambda chosen, rejected: (chosen > rejected).sum() / max((chosen != rejected).sum(), 1),
            almost=True,
        ),
        told(
            "exchanged",
            lambda chosen, rejected: 1 - agreement(chosen, rejected),
            variants=(
                lambda chosen, rejected: (chosen < rejected).mean(),
                lambda chosen, rejected: (chosen <= rejected).mean(),
            ),
        ),
        told(
            "each-alone",
            lambda chosen, rejected: (chosen > 0).mean(),
            variants=(
                lambda chosen, rejected: ((chosen > 0) & (rejected < 0)).mean(),
                lambda chosen, rejected: ((chosen > 0).mean() + (rejected < 0).mean()) / 2,
            ),
        ),
        told(
            "across-prompts",
            lambda chosen, rejected: (chosen[:, None] > rejected).mean(),
            variants=(
                lambda chosen, rejected: agreement(chosen[:, None], rejected),
                lambda chosen, rejected: (chosen > rejected.mean()).mean(),
            ),
        ),
        told("one-comparison", lambda chosen, rejected: float(chosen.mean() > rejected.mean())),
        told("mean-probability", lambda chosen, rejected: sigmoid(chosen - rejected).mean()),
        told(
            "margin",
            lambda chosen, rejected: (chosen - rejected).mean(),
            variants=(lambda chosen, rejected: np.maximum(chosen - rejected, 0).mean(),),
        ),
        told("above-a-coin", lambda chosen, rejected: np.sign(chosen - rejected).mean()),
        told(
            "count",
            lambda chosen, rejected: len(chosen) * agreement(chosen, rejected),
            variants=(lambda chosen, rejected: (chosen > rejected).sum(),),
        ),
        told("percent", lambda chosen, rejected: 100 * agreement(chosen, rejected), almost=True),
    ),
)
