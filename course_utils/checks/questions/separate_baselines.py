"""Problem set 2: the best baseline of each entry of the gradient, from a batch of trajectories."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the scores and returns of a batch."""
    m, d = int(rng.integers(3, 7)), int(rng.integers(2, 5))
    return {"scores": rng.normal(size=(m, d)).round(1) + 0.05, "returns": rng.uniform(-4, 9, size=m).round(1)}


def weighted(weights: FloatArray, returns: FloatArray) -> FloatArray:
    """Return the mean of the returns, weighted by the columns of weights."""
    return np.asarray(weights.T @ returns / weights.sum(axis=0))


told = Words(
    """
one-for-all (M42): You returned one baseline, with the squared length of the whole score as weight.
    That is the best height if all entries must share one. Here each entry of the gradient may have its own: weigh with
    the square of that entry.
not-squared: You weighted with the scores themselves, where their squares belong.
    The mean of a score is 0, so these weights have both signs and their sum is near 0: the result can be anything.
absolute: You weighted with the absolute value of the scores, where their squares belong.
    The variance holds the square of score times (R − b). Its slope in b is 0 where the weights are the squares.
plain-mean: You returned the mean of the returns, for each entry.
    That is an estimate of V. The best height counts each trajectory with the square of its score: those that push
    hardest decide.
not-divided: You did not divide by the sum of the weights.
    Without it the result is no mean of the returns: it grows with the length of the scores.
divided-by-m (M7): You divided by the number of trajectories, where the sum of the weights belongs.
    A weighted mean is divided by the sum of its weights. Then equal returns give that return as baseline.
over-entries: You added up over the entries of the score where the trajectories are to be added up.
    Axis 0 counts trajectories, axis 1 the entries of θ. A baseline for each entry is a mean over trajectories.
returns-squared: You squared score times return as a whole.
    Only the score is squared: the slope of (s (R − b))² in b is −2 s² (R − b).
gradient (M10): You returned the mean of score times return: the estimate of the gradient itself.
    The baseline is a height in points, which is subtracted from the returns. Its weights are squares of the scores.
centred: You subtracted the mean score before you squared.
    The exact mean of the score is 0, so there is nothing to subtract; the mean of a batch is noise.
"""
)

QUESTION = Question(
    name="separate_baselines",
    lesson="06",
    prompt="Return for each entry j of the score the best baseline b_j, estimated from a batch of trajectories.",
    points=3,
    signature="separate_baselines(scores, returns)",
    fixed=(
        {"scores": np.array([[1.0, 0.5], [-0.5, 2.0]]), "returns": np.array([3.0, 1.0])},
        {"scores": np.array([[0.7, -0.7], [-0.3, 0.3], [0.7, -1.1]]), "returns": np.array([-1.0, -2.0, -6.5])},
        {
            "scores": np.array([[0.0, 1.5, -1.0], [2.0, 0.0, 0.3], [-1.0, -1.0, -1.0], [0.4, 0.0, 0.9]]),
            "returns": np.array([10.0, 0.0, 4.0, 7.0]),
        },
    ),
    fresh=fresh,
    oracle=lambda scores, returns: weighted(scores**2, returns),
    remark=(
        "Estimated from the same batch it depends on each trajectory's own actions, and so brings a small bias; from "
        "another batch it brings none."
    ),
    read=sections.BEST_BASELINE,
    mistakes=(
        told(
            "one-for-all",
            lambda scores, returns: weighted((scores**2).sum(axis=1), returns) + np.zeros(scores.shape[1]),
        ),
        told("not-squared", lambda scores, returns: weighted(scores, returns)),
        told("absolute", lambda scores, returns: weighted(np.abs(scores), returns)),
        told("plain-mean", lambda scores, returns: np.full(scores.shape[1], returns.mean()), sections.BATCH),
        told("not-divided", lambda scores, returns: (scores**2).T @ returns),
        told("divided-by-m", lambda scores, returns: (scores**2).T @ returns / len(returns)),
        told(
            "over-entries",
            lambda scores, returns: (scores**2 * returns[:, None]).sum(axis=1) / (scores**2).sum(axis=1),
            variants=(lambda scores, returns: (scores**2 * returns[:, None]).sum(axis=1) / (scores**2).sum(),),
        ),
        told(
            "returns-squared",
            lambda scores, returns: ((scores * returns[:, None]) ** 2).sum(axis=0) / (scores**2).sum(axis=0),
        ),
        told("gradient", lambda scores, returns: scores.T @ returns / len(returns)),
        told("centred", lambda scores, returns: weighted((scores - scores.mean(axis=0)) ** 2, returns)),
    ),
)
