"""Lesson 02: the score of a softmax policy."""

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw logits and an action."""
    n = int(rng.integers(3, 6))
    return {"logits": rng.normal(size=n).round(2), "action": int(rng.integers(1, n))}


def one_hot(logits: FloatArray, action: int) -> FloatArray:
    """Return 1 at the action and 0 elsewhere."""
    row: FloatArray = np.eye(logits.size)[action]
    return row


def overflowing(logits: FloatArray, action: int) -> FloatArray:
    """Return the score without any care for large logits."""
    weights = np.exp(logits)
    pi: FloatArray = weights / weights.sum()
    return one_hot(logits, action) - pi


QUESTION = Question(
    name="score",
    lesson="02",
    prompt="Return the score, the gradient of log π(action) with respect to the logits.",
    points=2,
    signature="score(logits, action)",
    fixed=(
        {"logits": np.array([0.0, 1.0]), "action": 0},
        {"logits": np.array([0.0, 1.0]), "action": 1},
        {"logits": np.array([0.0, 0.5, 2.0]), "action": 1},
    ),
    extreme=({"logits": np.array([1000.0, 0.0]), "action": 1},),
    fresh=fresh,
    oracle=lambda logits, action: policy.score(logits, action),
    remark="Its entries add up to 0: raising all logits together changes no probability.",
    read=sections.SCORE,
    mistakes=(
        Mistake(
            "no-maximum",
            "M1",
            overflowing,
            "The formula is right, and it is not finite here: `exp(1000)` is larger than any float, and inf/inf is "
            "NaN.",
            "One NaN in a gradient makes all parameters NaN in the next step. Subtract the largest logit before you "
            "take exponentials.",
            sections.OVERFLOW,
            almost=True,
        ),
        Mistake(
            "no-one-hot",
            "M1",
            lambda logits, action: -policy.softmax(logits),
            "You returned −π: the 1 at the action that was taken is missing.",
            "log π(a) = z_a − log Σ exp z. The second part gives −π for every action; the first gives the 1 for the "
            "one that was taken. Without it the gradient is the same whichever action it was, and nothing can be "
            "learned.",
        ),
        Mistake(
            "score-of-probability",
            "M1",
            lambda logits, action: policy.score(logits, action) * np.exp(policy.log_prob(logits, action)),
            "You returned the gradient of π(a), not of log π(a): every entry is π(a) times too small.",
            "∂ log π = ∂π / π. That division is the point: it undoes that likely actions are also drawn more often, so "
            "that an average over samples comes out right.",
        ),
        Mistake(
            "sign",
            "M5",
            lambda logits, action: -policy.score(logits, action),
            "Your answer has the opposite sign: it is π − one-hot.",
            "That is the gradient of −log π, the loss of a classifier. The score points where log π(a) grows: the "
            "entry of the action that was taken is positive.",
        ),
        Mistake(
            "only-one-hot",
            "M1",
            one_hot,
            "You returned the one-hot vector of the action: −π is missing.",
            "The other logits matter too. Each of them stands in the sum under the fraction, so raising it takes "
            "probability from the action that was taken.",
        ),
        Mistake(
            "only-own-entry",
            "M1",
            lambda logits, action: one_hot(logits, action) * policy.score(logits, action),
            "You filled in the entry of the action that was taken, 1 − π(a), and left the others at 0.",
            "The entry of another action b is −π(b), not 0: raising its logit takes probability from the action that "
            "was taken.",
        ),
        Mistake(
            "next-action",
            "",
            lambda logits, action: policy.score(logits, action - 1 if action else logits.size - 1),
            "You put the 1 one place too early: at `action - 1`.",
            "Actions count from 0, so `action` is the place itself. With `action - 1`, action 0 becomes −1, which "
            "Python reads as the last one, without an error.",
        ),
        Mistake(
            "logits-for-probabilities",
            "M1",
            lambda logits, action: one_hot(logits, action) - logits,
            "You subtracted the logits from the one-hot vector. The probabilities are to be subtracted.",
            "Logits are preferences on any scale. Only after the softmax do they say how often each action is taken.",
            sections.SOFTMAX,
        ),
        Mistake(
            "log-probabilities",
            "M1",
            lambda logits, action: one_hot(logits, action) - policy.log_softmax(logits),
            "You subtracted log π from the one-hot vector. π itself is to be subtracted.",
            "The derivative of log Σ exp z is exp z / Σ exp z, which is π: the logarithm is gone after "
            "differentiating.",
        ),
    ),
)
