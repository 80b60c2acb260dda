"""Lesson 11: the Bradley–Terry loss of preference pairs."""

import numpy as np

from course_utils import objectives
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the scores of three to five pairs, some of them ranked the wrong way round."""
    n = int(rng.integers(3, 6))
    rejected = rng.normal(scale=1.5, size=n).round(2)
    return {"chosen": (rejected + rng.normal(loc=0.7, scale=1.2, size=n)).round(2), "rejected": rejected}


def loss(chosen: FloatArray, rejected: FloatArray) -> float:
    """Return the mean of −log σ(chosen − rejected)."""
    return objectives.bradley_terry_loss(chosen, rejected).value


def sigmoid(x: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(−x)), with no care for large −x."""
    return np.asarray(1 / (1 + np.exp(-x)))


def strength(chosen: FloatArray, rejected: FloatArray) -> FloatArray:
    """Return exp(chosen) / (exp(chosen) + exp(rejected)), with no care for large scores."""
    return np.asarray(np.exp(chosen) / (np.exp(chosen) + np.exp(rejected)))


told = Words(
    """
overflow: The formula is right, and it is not finite here: an `exp` in it is larger than any float, or so small that it
  is 0.
    One infinite loss makes every weight NaN in the next step. `np.logaddexp(0, -margin)` is the same number without the
    overflow.
exchanged (M5): You exchanged chosen and rejected: your loss falls when the rejected reply scores higher.
    Trained on it, the reward model ranks backwards, and PPO goes where it points.
no-difference (M23): The rejected scores do not come into it.
    This asks for high scores of everything that was ever chosen. A preference says only that one reply is better than
    the *other*: the loss is one of the difference.
each-alone (M23): You judged each reply alone: chosen ones as good, rejected ones as bad.
    Two good replies make a pair as well, and one of them is rejected. Only their difference is known.
no-logarithm: The logarithm is missing: this is the mean probability, subtracted from 0 or from 1.
    The loss is −log of the probability of what the rater chose. A pair that is ranked wrong by far would hardly count
    without it.
probability (M5): You returned the mean probability σ(chosen − rejected) itself.
    It goes up when the model gets better. The loss is its negative logarithm.
log-likelihood (M5): The sign is that of an objective: this is log σ, which goes up.
    A loss goes down. Minimising this one would make the choices of the raters as improbable as it can.
difference: You returned the mean margin without log σ.
    Nothing stops it: it goes on for ever when all scores are multiplied by a larger number. −log σ levels off where a
    pair is ranked right.
sum (M7): You summed over the pairs, and the mean is asked for.
    With a sum the step size would have to change with the number of pairs.
not-averaged: You returned the loss of each pair.
    They are right. What is asked for is their mean, one number.
loss-of-the-mean (M41): You averaged the margins first, and took −log σ of the mean.
    Then one pair with a wide margin makes up for many that are ranked wrong. Each pair has its own loss.
log-of-the-mean (M41): You averaged the probabilities first, and took −log of their mean.
    The pairs were judged one by one, so their probabilities multiply, and their logarithms are averaged. A pair ranked
    wrong by far hardly moves a mean probability.
sigmoid-of-each (M23): You took σ of each score by itself, and compared after that.
    Two scores of 10 and 12 have nearly the same σ, though they differ by 2. Subtract first: σ is taken of the
    difference.
accuracy (M23): You returned the share of pairs that are ranked right, or wrong.
    It says nothing of by how much, and it has no derivative to learn from: a small change of the scores leaves it as it
    is.
hinge: You returned a hinge: 0 where the margin is wide enough, and straight below that.
    It ranks as well. But it is no −log of a probability: the Bradley–Terry model says how often raters choose each, and
    that is what −log σ fits.
base: You took logarithms to another base than e.
    Another base multiplies the loss and every gradient by a constant. Natural logarithms are meant.
one-pair-only: You returned the loss of one pair, the first or the last.
    All pairs are to be learned from. In a loop, `=` for `+=` keeps the last term, and a `return` inside it ends it
    after the first.
"""
)

QUESTION = Question(
    name="preference_loss",
    lesson="11",
    prompt="Return the mean of −log σ(chosen − rejected) over the pairs, one number.",
    points=2,
    signature="preference_loss(chosen, rejected)",
    fixed=(
        {"chosen": np.array([1.0]), "rejected": np.array([0.5])},
        {"chosen": np.array([2.0, -0.5]), "rejected": np.array([0.5, 0.3])},
        {"chosen": np.array([-3.0, -1.0, -2.0, 0.0, -0.4]), "rejected": np.array([-1.5, -1.0, -4.0, 0.0, -2.0])},
    ),
    extreme=(
        {"chosen": np.array([1000.0, 2.0]), "rejected": np.array([999.0, 1.0])},
        {"chosen": np.array([-1000.0, -1001.0, -1002.0]), "rejected": np.array([-1001.0, -1000.0, -1002.0])},
        {"chosen": np.array([-1000.0, 2.0]), "rejected": np.array([1000.0, 1.0])},
        {"chosen": np.array([1000.0, 2.0]), "rejected": np.array([-1000.0, 1.0])},
    ),
    fresh=fresh,
    oracle=loss,
    remark="A pair ranked right by a wide margin costs nearly nothing. One ranked wrong costs about its margin.",
    read=sections.REWARD_MODEL,
    mistakes=(
        told(
            "overflow",
            lambda chosen, rejected: np.mean(-np.log(sigmoid(chosen - rejected))),
            variants=(
                lambda chosen, rejected: np.log(1 + np.exp(rejected - chosen)).mean(),
                lambda chosen, rejected: -np.log(strength(chosen, rejected)).mean(),
                lambda chosen, rejected: (np.log(np.exp(chosen) + np.exp(rejected)) - chosen).mean(),
            ),
            almost=True,
        ),
        told("exchanged", lambda chosen, rejected: loss(rejected, chosen)),
        told("no-difference", lambda chosen, rejected: np.logaddexp(0, -chosen).mean()),
        told("each-alone", lambda chosen, rejected: (np.logaddexp(0, -chosen) + np.logaddexp(0, rejected)).mean()),
        told(
            "no-logarithm",
            lambda chosen, rejected: -sigmoid(chosen - rejected).mean(),
            variants=(lambda chosen, rejected: 1 - sigmoid(chosen - rejected).mean(),),
        ),
        told("probability", lambda chosen, rejected: sigmoid(chosen - rejected).mean()),
        told("log-likelihood", lambda chosen, rejected: -loss(chosen, rejected)),
        told(
            "difference",
            lambda chosen, rejected: (rejected - chosen).mean(),
            variants=(lambda chosen, rejected: (chosen - rejected).mean(),),
        ),
        told("sum", lambda chosen, rejected: len(chosen) * loss(chosen, rejected), almost=True),
        told("not-averaged", lambda chosen, rejected: np.logaddexp(0, rejected - chosen), almost=True),
        told("loss-of-the-mean", lambda chosen, rejected: np.logaddexp(0, -(chosen - rejected).mean())),
        told("log-of-the-mean", lambda chosen, rejected: -np.log(sigmoid(chosen - rejected).mean())),
        told(
            "sigmoid-of-each",
            lambda chosen, rejected: (np.logaddexp(0, -chosen) - np.logaddexp(0, -rejected)).mean(),
            variants=(
                lambda chosen, rejected: -np.log(sigmoid(chosen) / (sigmoid(chosen) + sigmoid(rejected))).mean(),
                lambda chosen, rejected: np.logaddexp(0, sigmoid(rejected) - sigmoid(chosen)).mean(),
            ),
        ),
        told(
            "accuracy",
            lambda chosen, rejected: (chosen > rejected).mean(),
            variants=(
                lambda chosen, rejected: (chosen <= rejected).mean(),
                lambda chosen, rejected: (chosen < rejected).mean(),
            ),
        ),
        told(
            "hinge",
            lambda chosen, rejected: np.maximum(0, 1 - (chosen - rejected)).mean(),
            variants=(lambda chosen, rejected: np.maximum(0, rejected - chosen).mean(),),
        ),
        told(
            "base",
            lambda chosen, rejected: loss(chosen, rejected) / np.log(2),
            variants=(lambda chosen, rejected: loss(chosen, rejected) / np.log(10),),
            almost=True,
        ),
        told(
            "one-pair-only",
            lambda chosen, rejected: loss(chosen[:1], rejected[:1]),
            variants=(
                lambda chosen, rejected: loss(chosen[-1:], rejected[-1:]),
                lambda chosen, rejected: loss(chosen[:1], rejected[:1]) / len(chosen),
                lambda chosen, rejected: loss(chosen[-1:], rejected[-1:]) / len(chosen),
            ),
        ),
    ),
)
