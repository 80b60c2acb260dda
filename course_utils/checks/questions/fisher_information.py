"""Lesson 02: the Fisher information of a softmax policy."""

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the probabilities of three to five actions."""
    return {"probabilities": policy.softmax(rng.normal(size=int(rng.integers(3, 6))))}


def fisher(probabilities: FloatArray) -> FloatArray:
    """Return diag(π) − π πᵀ."""
    return np.diag(probabilities) - np.outer(probabilities, probabilities)


def plain_mean(probabilities: FloatArray) -> FloatArray:
    """Return the mean of score · scoreᵀ over actions that count equally."""
    scores = np.eye(probabilities.size) - probabilities
    return scores.T @ scores / probabilities.size


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
    ),
    fresh=fresh,
    oracle=fisher,
    remark="Each row adds up to 0: adding the same number to all logits changes no probability, and so tells nothing.",
    read=sections.FISHER,
    mistakes=(
        Mistake(
            "only-diagonal",
            "M1",
            lambda probabilities: np.diag(probabilities),
            "You returned diag(π): the mean of one-hot times one-hot. −π πᵀ is missing.",
            "The score is one-hot minus π. Leaving out its second part is leaving out that the probabilities share a "
            "total of 1.",
        ),
        Mistake(
            "only-variances",
            "",
            lambda probabilities: np.diag(probabilities * (1 - probabilities)),
            "You returned the variances π(1 − π) on the diagonal, and 0 for all other entries.",
            "The entries of the score are not independent: when one action is taken the others are not. Off the "
            "diagonal stands their covariance, −π_a π_b.",
        ),
        Mistake(
            "inner-product",
            "",
            lambda probabilities: np.diag(probabilities) - probabilities @ probabilities,
            "You subtracted one number, Σ π², from every entry: π @ π is the inner product.",
            "π πᵀ is a matrix with the entry π_a π_b at (a, b). A one-dimensional array has no rows and columns to "
            "exchange, so `.T` does nothing to it. `np.outer(p, p)` makes the matrix.",
        ),
        Mistake(
            "squares",
            "",
            lambda probabilities: np.diag(probabilities) - probabilities * probabilities,
            "You subtracted π * π, the squares: NumPy took them for a row, and subtracted it from each row.",
            "π πᵀ is a matrix with the entry π_a π_b at (a, b). `*` multiplies entry by entry; `np.outer(p, p)` makes "
            "the matrix.",
        ),
        Mistake(
            "plus",
            "",
            lambda probabilities: np.diag(probabilities) + np.outer(probabilities, probabilities),
            "You added π πᵀ to diag(π). It is subtracted.",
            "A covariance is the mean of the products minus the product of the means. With a plus, the rows no longer "
            "add up to 0.",
        ),
        Mistake(
            "sign",
            "",
            lambda probabilities: -fisher(probabilities),
            "Your answer has the opposite sign: it is π πᵀ − diag(π).",
            "That is the second derivative of log π, and Fisher information is its negative. Being a covariance, it "
            "has no negative entry on the diagonal.",
        ),
        Mistake(
            "only-outer",
            "",
            lambda probabilities: np.outer(probabilities, probabilities),
            "You returned π πᵀ alone: diag(π) is missing.",
            "The Fisher information is diag(π) − π πᵀ, the mean of score times score. π πᵀ is the product of two "
            "means.",
        ),
        Mistake(
            "plain-mean",
            "M7",
            plain_mean,
            "You averaged score · scoreᵀ over the actions as if all were equally likely.",
            "The mean is one under the policy: each action counts with its probability π(a).",
            variants=(lambda probabilities: plain_mean(probabilities) * probabilities.size,),
        ),
    ),
)
