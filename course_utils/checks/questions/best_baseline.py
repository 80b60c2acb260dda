"""Lesson 06: the constant baseline with the smallest variance, in one state."""

from collections.abc import Callable

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a policy of two to five actions, some of them improbable, and their rewards, all above 0 or all below."""
    n = int(rng.integers(2, 6))
    weights = rng.uniform(0.1, 9.0, size=n).round(1)
    rewards = rng.choice([-1.0, 1.0]) * rng.uniform(1.0, 9.0, size=n).round(3)
    return {"probabilities": weights / weights.sum(), "rewards": rewards}


def squared_lengths(probabilities: FloatArray) -> FloatArray:
    """Return |∂ log π(a) / ∂z|² of each action, shape (n,)."""
    result: FloatArray = ((np.eye(probabilities.size) - probabilities) ** 2).sum(axis=1)
    return result


def mean(weights: FloatArray, rewards: FloatArray) -> FloatArray:
    """Return the weighted mean of the rewards."""
    return np.asarray(weights @ rewards / weights.sum())


def best(probabilities: FloatArray, rewards: FloatArray) -> FloatArray:
    """Return E[|score|² R] / E[|score|²]."""
    return mean(probabilities * squared_lengths(probabilities), rewards)


def with_lengths(
    squared: Callable[[FloatArray], FloatArray],
) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """Return the mean of the rewards weighted with π times something else than the squared lengths of the scores."""
    return lambda probabilities, rewards: mean(probabilities * squared(probabilities), rewards)


def for_each_logit(probabilities: FloatArray, rewards: FloatArray) -> FloatArray:
    """Return the best baseline of each entry of the gradient by itself, shape (n,)."""
    weights = probabilities[:, None] * (np.eye(probabilities.size) - probabilities) ** 2
    result: FloatArray = rewards @ weights / weights.sum(axis=0)
    return result


told = Words(
    """
value (M13): You returned V, the mean reward under the policy.
    V is a good baseline, and rarely the best one. What counts is how hard a sample pushes: weigh each reward with π
    times the squared length of its score.
plain-mean (M10): You returned the plain mean of the rewards, in which each action counts the same.
    It is unbiased, as every constant is. But the variance is a mean over samples, and those come with probability π and
    push with the length of their score.
not-squared: You weighed with the length of the score, where its square belongs.
    Variance is a mean of squared lengths, so the score comes in squared. No root is taken.
no-probabilities: You weighed with the squared length of the score alone: π is missing.
    The two expectations are over actions drawn from the policy. An action that is hardly ever drawn hardly adds to the
    variance.
only-own-entry (M1): Of each score you used one entry, 1 − π at its own action.
    A sample moves the other logits too, by −π. The squared length adds up the squares of all entries.
variance-weights (M42): Your weights are in proportion to π(1 − π), or to that times π. The squared length of the score
  is another number.
    π(1 − π) is the variance of the one-hot at one action. A score is a vector: for action a its entries are 1 − π_a and
    all the other −π_b. Each is squared, they are added up, and that counts with weight π_a.
axis-of-actions (M42): You added up the squares over the actions, axis 0: that mixes the scores of different actions.
    Row a of `np.eye(n) - probabilities` is the score of action a. Its squared length is the sum along that row, axis 1.
score-of-probability (M1): You used the gradient of π, where that of log π belongs.
    ∂π = π ∂log π: your weights hold the factor π twice too often, in the square of the length.
not-divided: You returned E[|score|² R] and did not divide it by E[|score|²].
    A baseline is a height among the rewards. If all rewards are 10, it has to be 10.
divided-without-probabilities: Above the line your weights hold π, below it they do not.
    Both are expectations under the policy. With unequal weights the result is no mean: if all rewards are 10, it would
    not be 10.
divided-by-mean (M7): Your answer is n times the wanted one: a sum stands above the line, and a mean over the actions
  below.
    π already makes both a mean. If all rewards are 10, the best baseline has to be 10: add up the weights below the
    line too.
sign (M5): Your answer has the opposite sign.
    The weight of a score is R − b. With −b* you would add the baseline, and move away from the lowest point.
for-each-logit: You returned a baseline for each logit, shape (n,).
    That is right for each entry of the gradient by itself, and even a little better. Asked for is one number for all:
    add up the squares over the entries before you divide.
"""
)

QUESTION = Question(
    name="best_baseline",
    lesson="06",
    prompt="Return b*, the constant baseline with the smallest variance, of a softmax policy in its only state.",
    points=3,
    signature="best_baseline(probabilities, rewards)",
    fixed=(
        {"probabilities": np.array([0.5, 0.3, 0.2]), "rewards": np.array([10.0, 9.0, 7.0])},
        {"probabilities": np.array([0.1, 0.7, 0.2]), "rewards": np.array([1.0, 0.0, 4.0])},
        {"probabilities": np.array([0.4, 0.3, 0.2, 0.1]), "rewards": np.array([2.0, -1.0, 5.0, 3.0])},
        {"probabilities": np.array([0.75, 0.25]), "rewards": np.array([-4.0, 2.0])},
        {"probabilities": np.array([0.001, 0.03, 0.968, 0.001]), "rewards": np.array([-29.25, -12.125, -1.0, -9.5])},
        {"probabilities": np.array([0.2, 0.2, 0.2, 0.3, 0.1]), "rewards": np.array([0.0, 8.0, 1.0, 0.0, 3.0])},
    ),
    fresh=fresh,
    oracle=best,
    remark="It needs the length of every score. V needs none, and is nearly as good: so V is what people subtract.",
    read=sections.BEST_BASELINE,
    mistakes=(
        told("value", lambda probabilities, rewards: np.asarray(probabilities @ rewards)),
        told("plain-mean", lambda probabilities, rewards: np.asarray(rewards.mean())),
        told("not-squared", with_lengths(lambda p: np.sqrt(squared_lengths(p)))),
        told("no-probabilities", lambda probabilities, rewards: mean(squared_lengths(probabilities), rewards)),
        told("only-own-entry", with_lengths(lambda p: (1 - p) ** 2), sections.SCORE),
        told(
            "variance-weights",
            with_lengths(lambda p: 1 - p),
            sections.SCORE,
            variants=(with_lengths(lambda p: p * (1 - p)),),
        ),
        told(
            "axis-of-actions",
            with_lengths(lambda p: ((np.eye(p.size) - p) ** 2).sum(axis=0)),
            variants=(
                lambda probabilities, rewards: mean(
                    ((np.eye(probabilities.size) - probabilities) ** 2).sum(axis=0), rewards
                ),
            ),
        ),
        told("score-of-probability", with_lengths(lambda p: p**2 * squared_lengths(p)), sections.SCORE),
        told(
            "not-divided",
            lambda probabilities, rewards: np.asarray((probabilities * squared_lengths(probabilities)) @ rewards),
        ),
        told(
            "divided-without-probabilities",
            lambda probabilities, rewards: np.asarray(
                (probabilities * squared_lengths(probabilities)) @ rewards / squared_lengths(probabilities).sum()
            ),
        ),
        told("divided-by-mean", lambda probabilities, rewards: best(probabilities, rewards) * probabilities.size),
        told("sign", lambda probabilities, rewards: -best(probabilities, rewards)),
        told("for-each-logit", for_each_logit, almost=True),
    ),
)
