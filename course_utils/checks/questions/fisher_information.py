"""Lesson 02: the Fisher information of a softmax policy."""

from collections.abc import Callable

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the probabilities of two to five actions."""
    return {"probabilities": policy.softmax(rng.normal(scale=1.5, size=int(rng.integers(2, 6))))}


def fisher(probabilities: FloatArray) -> FloatArray:
    """Return diag(π) − π πᵀ."""
    return np.diag(probabilities) - np.outer(probabilities, probabilities)


def scores(probabilities: FloatArray) -> FloatArray:
    """Return the score of action a in row a."""
    return np.eye(probabilities.size) - probabilities


def plain_mean(probabilities: FloatArray) -> FloatArray:
    """Return the mean of score · scoreᵀ over actions that count equally."""
    return scores(probabilities).T @ scores(probabilities) / probabilities.size


def some_actions(keep: slice) -> Callable[[FloatArray], FloatArray]:
    """Return the sum of π · score · scoreᵀ over some of the actions."""
    return lambda probabilities: np.asarray(
        scores(probabilities)[keep].T @ (probabilities[keep, None] * scores(probabilities)[keep])
    )


told = Words(
    """
only-diagonal (M1): You returned diag(π): the mean of one-hot times one-hot. −π πᵀ is missing.
    The score is one-hot minus π. Leaving out its second part is leaving out that the probabilities share a total of 1.
only-variances: You returned the variances π(1 − π) on the diagonal, and 0 for all other entries.
    The entries of the score are not independent: when one action is taken the others are not. Off the diagonal stands
    their covariance, −π_a π_b.
inner-product (M40): You subtracted one number, Σ π², from every entry: π @ π is the inner product.
    π πᵀ is a matrix with the entry π_a π_b at (a, b). A one-dimensional array has no rows and columns to exchange, so
    `.T` does nothing to it. `np.outer(p, p)` makes the matrix.
squares: You subtracted π * π, the squares: NumPy took them for a row, and subtracted it from each row.
    π πᵀ is a matrix with the entry π_a π_b at (a, b). `*` multiplies entry by entry; `np.outer(p, p)` makes the matrix.
plus: You added π πᵀ to diag(π). It is subtracted.
    A covariance is the mean of the products minus the product of the means. With a plus, the rows no longer add up to
    0.
sign: Your answer has the opposite sign: it is π πᵀ − diag(π).
    That is the second derivative of log π, and Fisher information is its negative. Being a covariance, it has no
    negative entry on the diagonal.
only-outer: You returned π πᵀ alone: diag(π) is missing.
    The Fisher information is diag(π) − π πᵀ, the mean of score times score. π πᵀ is the product of two means.
plain-mean (M7): You added up or averaged score · scoreᵀ over the actions as if all were equally likely.
    The mean is one under the policy: each action counts with its probability π(a).
inner-product-of-scores (M40): For each action you multiplied the score with itself to one number, its squared length.
    A one-dimensional array has no rows and columns to exchange: for it `s @ s.T` is the inner product. `np.outer(s, s)`
    makes the matrix of all products.
scores-exchanged: Your product has the two matrices the other way round, S first and Sᵀ second. It is Sᵀ S, with π
  between them.
    Row a of S is the score of action a. S Sᵀ multiplies the scores of two actions with each other; Sᵀ S adds up over
    the actions, and that is the sum that the mean needs.
columns-weighted: π multiplies the columns of your matrix of scores. It belongs to the rows.
    NumPy lays a one-dimensional array along the last axis. Row a is the score of action a and counts π(a) times: write
    `probabilities[:, None] * S`.
one-action (M3): Of all the actions, only the first or only the last is in your answer.
    The mean adds up over all of them. In a loop, `F =` forgets the actions before and `F +=` adds to them; a `return`
    inside the loop ends the function at the first action.
action-left-out (M3): One action is left out, the first or the last.
    Actions are counted from 0 to n − 1. `range(n)` goes through all of them; `range(1, n)` leaves out the first and
    `range(n - 1)` the last.
"""
)

QUESTION = Question(
    name="fisher_information",
    lesson="02",
    prompt="Return the Fisher information of a softmax policy with these probabilities, an n × n matrix.",
    points=2,
    signature="fisher_information(probabilities)",
    fixed=(
        {"probabilities": np.array([0.25, 0.75])},
        {"probabilities": np.array([0.5, 0.3, 0.2])},
        {"probabilities": np.array([0.1, 0.2, 0.7])},
        {"probabilities": np.array([0.2, 0.2, 0.598, 0.002])},
    ),
    fresh=fresh,
    oracle=fisher,
    remark="Each row adds up to 0: adding the same number to all logits changes no probability, and so tells nothing.",
    read=sections.FISHER,
    mistakes=(
        told("only-diagonal", lambda probabilities: np.diag(probabilities)),
        told("only-variances", lambda probabilities: np.diag(probabilities * (1 - probabilities))),
        told("inner-product", lambda probabilities: np.diag(probabilities) - probabilities @ probabilities),
        told("squares", lambda probabilities: np.diag(probabilities) - probabilities * probabilities),
        told("plus", lambda probabilities: np.diag(probabilities) + np.outer(probabilities, probabilities)),
        told("sign", lambda probabilities: -fisher(probabilities)),
        told("only-outer", lambda probabilities: np.outer(probabilities, probabilities)),
        told(
            "plain-mean", plain_mean, variants=(lambda probabilities: plain_mean(probabilities) * probabilities.size,)
        ),
        told(
            "inner-product-of-scores",
            lambda probabilities: np.full(
                (probabilities.size, probabilities.size), probabilities @ (scores(probabilities) ** 2).sum(axis=1)
            ),
            variants=(lambda probabilities: probabilities @ (scores(probabilities) ** 2).sum(axis=1),),
        ),
        told(
            "scores-exchanged",
            lambda probabilities: (probabilities[:, None] * scores(probabilities)) @ scores(probabilities).T,
            variants=(
                lambda probabilities: (probabilities * scores(probabilities)) @ scores(probabilities).T,
                lambda probabilities: scores(probabilities) @ (probabilities[:, None] * scores(probabilities).T),
                lambda probabilities: probabilities * (scores(probabilities) @ scores(probabilities).T),
                lambda probabilities: scores(probabilities) @ scores(probabilities).T,
            ),
        ),
        told(
            "columns-weighted",
            lambda probabilities: scores(probabilities).T @ (probabilities * scores(probabilities)),
            variants=(lambda probabilities: (probabilities * scores(probabilities)).T @ scores(probabilities),),
        ),
        told("one-action", some_actions(slice(0, 1)), variants=(some_actions(slice(-1, None)),)),
        told("action-left-out", some_actions(slice(1, None)), variants=(some_actions(slice(0, -1)),)),
    ),
)
