"""Problem set 2: the exact variance of one sample's gradient, with two actions and a baseline."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a probability, two rewards and a baseline."""
    return {
        "p": round(float(rng.uniform(0.1, 0.9)), 2),
        "rewards": rng.uniform(-3, 5, size=2).round(1),
        "baseline": round(float(rng.uniform(-2, 4)), 1),
    }


def law(p: float) -> tuple[FloatArray, FloatArray]:
    """Return the probabilities of both actions, and the entry of the first logit in the score of each."""
    return np.array([p, 1 - p]), np.array([1 - p, -p])


def second_moment(p: float, rewards: FloatArray, baseline: float) -> float:
    """Return E[(s (R − b))²]."""
    probabilities, scores = law(p)
    return float(probabilities @ (scores * (rewards - baseline)) ** 2)


def mean(p: float, rewards: FloatArray, baseline: float) -> float:
    """Return E[s (R − b)], which no baseline changes."""
    probabilities, scores = law(p)
    return float(probabilities @ (scores * (rewards - baseline)))


def variance(p: float, rewards: FloatArray, baseline: float) -> float:
    """Return E[(s (R − b))²] − (∂J/∂z₁)²."""
    return second_moment(p, rewards, baseline) - mean(p, rewards, baseline) ** 2


def of_rewards(p: float, rewards: FloatArray, baseline: float) -> float:
    """Return the variance of R − b itself."""
    return float(p * (1 - p) * (rewards[0] - rewards[1]) ** 2)


def counted_once(p: float, rewards: FloatArray, baseline: float) -> float:
    """Return the variance when both actions are taken equally often."""
    products = law(p)[1] * (rewards - baseline)
    return float(products.var())


def one_score(p: float, rewards: FloatArray, baseline: float) -> float:
    """Return the variance with 1 − p as the score of either action."""
    products = (1 - p) * (rewards - baseline)
    return float(p * (1 - p) * (products[0] - products[1]) ** 2)


def probabilities_for_scores(p: float, rewards: FloatArray, baseline: float) -> float:
    """Return the variance of π(a) (R − b)."""
    products = np.array([p, 1 - p]) * (rewards - baseline)
    return float(p * (1 - p) * (products[0] - products[1]) ** 2)


told = Words(
    """
mean-not-subtracted (M42): You returned the mean of the squares. The square of the mean is still to be subtracted.
    A variance is E[x²] − (E[x])². What you have is the mean squared distance from 0, and the estimate is scattered
    about the gradient, not about 0.
standard-deviation (M42): You returned the standard deviation. Its square is asked for.
    Variances of independent samples add up, and the mean of m of them has a variance m times smaller. For standard
    deviations neither holds.
no-baseline (M10): Your answer does not depend on the baseline: it is the variance for b = 0.
    Subtracting b leaves the mean where it is and changes the variance. That is all that a baseline is for.
baseline-added (M10): You added the baseline to the rewards.
    It is R − b. An added baseline is one of the opposite sign: unbiased as well, and it lifts the variance where the
    other would lower it.
baseline-outside (M39): You subtracted the baseline from the product of score and reward: s R − b.
    A constant that is subtracted from the whole estimate changes no variance, and it shifts the mean. The baseline
    stands inside the bracket, beside the reward.
of-the-rewards (M42): You returned the variance of the reward. That of score times reward is asked for.
    The estimate is a gradient, and the score is part of each sample. A rare action has a long score: that is where
    most of the noise comes from.
actions-equally-often (M7): You let both actions count one half.
    They are drawn with probabilities p and 1 − p. An action that is taken nine times in ten counts nine tenths.
one-score (M1): You used 1 − p as the score of both actions.
    The entry of the first logit is 1 − p when action 1 was taken, and −p when action 2 was: raising the first logit
    takes probability from the second action.
probability-for-score (M36): You multiplied the rewards by probabilities where the scores belong.
    The estimate holds ∂ log π, which is 1 − p or −p. How often an action is drawn is in the mean, not in the sample.
all-entries (M42): You added up the variances of both logits' entries. The first entry alone is asked for.
    The two entries of a score of two actions are each other's negative, so both have the same variance and yours is
    twice the wanted one.
"""
)

QUESTION = Question(
    name="two_armed_variance",
    lesson="06",
    prompt="Return the exact variance of the first entry of one sample's gradient, score times (reward − baseline).",
    points=3,
    signature="two_armed_variance(p, rewards, baseline)",
    fixed=(
        {"p": 0.3, "rewards": np.array([1.0, 0.0]), "baseline": 0.5},
        {"p": 0.5, "rewards": np.array([2.0, 3.5]), "baseline": 0.0},
        {"p": 0.9, "rewards": np.array([-1.0, -4.0]), "baseline": -2.3},
        {"p": 0.07, "rewards": np.array([10.0, 9.1]), "baseline": 9.7},
    ),
    fresh=fresh,
    oracle=variance,
    remark="Where it is 0, one sample is enough: that is at b = (1 − p) R₁ + p R₂.",
    read=sections.BEST_BASELINE,
    mistakes=(
        told("mean-not-subtracted", second_moment),
        told("standard-deviation", lambda p, rewards, baseline: np.sqrt(max(variance(p, rewards, baseline), 0.0))),
        told("no-baseline", lambda p, rewards, baseline: variance(p, rewards, 0.0)),
        told("baseline-added", lambda p, rewards, baseline: variance(p, rewards, -baseline)),
        told(
            "baseline-outside",
            lambda p, rewards, baseline: law(p)[0] @ (law(p)[1] * rewards - baseline) ** 2 - mean(p, rewards, 0.0) ** 2,
        ),
        told("of-the-rewards", of_rewards),
        told("actions-equally-often", counted_once),
        told("one-score", one_score),
        told("probability-for-score", probabilities_for_scores),
        told("all-entries", lambda p, rewards, baseline: 2 * variance(p, rewards, baseline)),
    ),
)
