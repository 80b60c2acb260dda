"""Lesson 02: the score of a softmax policy."""

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw logits and an action."""
    n = int(rng.integers(3, 6))
    return {"logits": rng.normal(size=n).round(2), "action": int(rng.integers(1, n))}


def one_hot(logits: FloatArray, action: int) -> FloatArray:
    """Return 1 at the action and 0 elsewhere."""
    row: FloatArray = np.eye(logits.size)[action]
    return row


def shifted(logits: FloatArray, action: int, by: float = 0.0) -> FloatArray:
    """Return the score when another number than the maximum is subtracted from the logits, or none."""
    weights = np.exp(logits - by)
    pi: FloatArray = weights / weights.sum()
    return one_hot(logits, action) - pi


told = Words(
    """
no-maximum (M1): The formula is right, and it is not finite here. The exponential of a large number is more than any
  float, that of a very negative one is 0, and inf/inf and 0/0 are NaN.
    One NaN in a gradient makes all parameters NaN in the next step. Subtract the largest logit before you take
    exponentials.
no-one-hot (M1): You returned −π: the 1 at the action that was taken is missing.
    log π(a) = z_a − log Σ exp z. The second part gives −π for every action; the first gives the 1 for the one that was
    taken. Without it the gradient is the same whichever action it was, and nothing can be learned.
score-of-probability (M1): You returned the gradient of π(a), not of log π(a): every entry is π(a) times too small.
    ∂ log π = ∂π / π. That division is the point: it undoes that likely actions are also drawn more often, so that an
    average over samples comes out right.
times-pi (M36): You multiplied the score by π, entry by entry.
    The π in front of ∂ log π belongs to an expectation: it is how often an action is drawn. The score itself is one-hot
    − π, without another factor.
sign (M5): Your answer has the opposite sign: it is π − one-hot.
    That is the gradient of −log π, the loss of a classifier. The score points where log π(a) grows: the entry of the
    action that was taken is positive.
only-one-hot (M1): You returned the one-hot vector of the action: −π is missing.
    The other logits matter too. Each of them stands in the sum under the fraction, so raising it takes probability from
    the action that was taken.
only-own-entry (M1): You filled in the entry of the action that was taken, 1 − π(a), and left the others at 0.
    The entry of another action b is −π(b), not 0: raising its logit takes probability from the action that was taken.
own-probability-everywhere (M1): You subtracted π of the action that was taken from every entry.
    Each logit has its own probability in the sum: the entry of action b is −π(b), and only the entry of the action that
    was taken holds its π.
not-normalised (M37): You subtracted exp(z), which is not divided by its sum yet.
    exp(z) are weights. Only after the division by their sum are they probabilities, and the entries of the score add up
    to 0.
one-over-pi (M1): You returned 1/π(a) at the action that was taken: the derivative of log π(a) with respect to π(a).
    The question asks for the derivative with respect to the logits. By the chain rule ∂π/∂z is still to be multiplied,
    and what remains is one-hot − π.
log-probability-itself (M1): You returned log π(a), one number. Its gradient is asked for.
    The gradient has an entry for each logit: how much log π(a) grows when that logit is raised.
all-actions (M1): You returned the scores of all actions, a row for each.
    Only one action was taken. Its row is the answer.
uniform-subtracted (M1): You subtracted 1/n from each entry, whatever the logits are.
    That is π only while all logits are equal. The score subtracts π of the policy as it is now.
next-action: You put the 1 one place too early: at `action - 1`.
    Actions count from 0, so `action` is the place itself. With `action - 1`, action 0 becomes −1, which Python reads as
    the last one, without an error.
logits-for-probabilities (M37): You subtracted the logits from the one-hot vector. The probabilities are to be
  subtracted.
    Logits are preferences on any scale. Only after the softmax do they say how often each action is taken.
log-probabilities (M1): You subtracted log π from the one-hot vector. π itself is to be subtracted.
    The derivative of log Σ exp z is exp z / Σ exp z, which is π: the logarithm is gone after differentiating.
"""
)

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
        {"logits": np.array([-0.5, -0.5, -3.0, 1.0]), "action": 0},
        {"logits": np.array([-1.0, -2.0, -1.5]), "action": 2},
    ),
    extreme=(
        {"logits": np.array([1000.0, 0.0]), "action": 1},
        {"logits": np.array([-1000.0, -1000.0, -1001.0]), "action": 2},
        {"logits": np.array([5000.0, 0.0, 1.0]), "action": 0},
        {"logits": np.array([0.5, -800.0, 0.0]), "action": 2},
    ),
    fresh=fresh,
    oracle=lambda logits, action: policy.score(logits, action),
    remark="Its entries add up to 0: raising all logits together changes no probability.",
    read=sections.SCORE,
    mistakes=(
        told(
            "no-maximum",
            shifted,
            sections.OVERFLOW,
            variants=(
                lambda logits, action: shifted(logits, action, logits.mean()),
                lambda logits, action: shifted(logits, action, logits.min()),
            ),
            almost=True,
        ),
        told("no-one-hot", lambda logits, action: -policy.softmax(logits)),
        told(
            "score-of-probability",
            lambda logits, action: policy.score(logits, action) * np.exp(policy.log_prob(logits, action)),
        ),
        told("times-pi", lambda logits, action: policy.softmax(logits) * policy.score(logits, action)),
        told("sign", lambda logits, action: -policy.score(logits, action)),
        told("only-one-hot", one_hot),
        told("only-own-entry", lambda logits, action: one_hot(logits, action) * policy.score(logits, action)),
        told(
            "own-probability-everywhere",
            lambda logits, action: one_hot(logits, action) - policy.softmax(logits)[action],
        ),
        told(
            "not-normalised",
            lambda logits, action: one_hot(logits, action) - np.exp(logits),
            sections.SOFTMAX,
            variants=(lambda logits, action: one_hot(logits, action) - np.exp(logits - logits.max()),),
        ),
        told("one-over-pi", lambda logits, action: one_hot(logits, action) / policy.softmax(logits)),
        told("log-probability-itself", lambda logits, action: policy.log_prob(logits, action)),
        told("all-actions", lambda logits, action: np.eye(logits.size) - policy.softmax(logits), almost=True),
        told("uniform-subtracted", lambda logits, action: one_hot(logits, action) - 1 / logits.size),
        told("next-action", lambda logits, action: policy.score(logits, action - 1 if action else logits.size - 1)),
        told("logits-for-probabilities", lambda logits, action: one_hot(logits, action) - logits, sections.SOFTMAX),
        told("log-probabilities", lambda logits, action: one_hot(logits, action) - policy.log_softmax(logits)),
    ),
)
