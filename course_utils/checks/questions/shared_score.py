"""Problem set 1: the score of a policy whose actions share their parameters."""

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words
from course_utils.checks.softmaxes import identity, no_maximum, not_normalised

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw parameters, a row of features for each action, and an action."""
    n, d = int(rng.integers(3, 6)), int(rng.integers(2, 5))
    return {
        "theta": rng.normal(size=d).round(2),
        "features": rng.normal(size=(n, d)).round(1),
        "action": int(rng.integers(1, n)),
    }


def pi(theta: FloatArray, features: FloatArray) -> FloatArray:
    """Return the policy: softmax of φ θ."""
    return policy.softmax(features @ theta)


def score(theta: FloatArray, features: FloatArray, action: int) -> FloatArray:
    """Return ∂ log π(a)/∂θ = φ(a) − Σ_b π(b) φ(b)."""
    return np.asarray(features[action] - pi(theta, features) @ features)


def logit_score(theta: FloatArray, features: FloatArray, action: int) -> FloatArray:
    """Return ∂ log π(a)/∂z, the score with respect to the logits."""
    return policy.score(features @ theta, action)


told = Words(
    """
no-maximum (M1): The formula is right, and it is not finite here. The exponential of a large number is more than any
  float, and inf/inf is NaN.
    One NaN in a gradient makes all parameters NaN in the next step. Subtract the largest logit before you take
    exponentials.
sign (M5): Your answer has the opposite sign.
    That is the gradient of −log π, a loss. The score points where the log-probability of the action that was taken
    grows.
only-own-features (M1): You returned the features of the action that was taken. What is subtracted from them is missing.
    Raising θ along φ(a) raises the logits of all actions whose features point the same way. The average of the features
    under the policy takes that off.
mean-alone (M1): You returned minus the average of the features. Those of the action that was taken are missing.
    The same vector comes out whichever action was taken, and nothing can be learned from it.
plain-mean: You subtracted the plain average of the features.
    The derivative of the logarithm of the sum weighs each action's features with its probability. The plain average is
    that only while all logits are equal.
score-of-logits (M1): You returned the score with respect to the logits: one entry for each action.
    The parameters are θ, and z = φ θ. By the chain rule each entry of the score of the logits takes its row of features
    along: multiply by φ.
times-pi (M36): You multiplied the score by π of the action.
    That is the gradient of π(a), not of log π(a). The π in front of a score belongs to an expectation: it is how often
    the action is drawn.
not-normalised (M37): You weighted the features with exp(z), which is not divided by its sum.
    exp(z) are weights. Only after the division by their sum do they say how often each action is taken.
logits-for-probabilities (M37): You weighted the features with the logits. The probabilities belong there.
    Logits are preferences on any scale. Only after the softmax do they say how often each action is taken.
own-features-shrunk (M39): You returned (1 − π(a)) φ(a): what the other actions contribute is missing.
    Each action shares θ, so each takes part in the sum under the fraction: −π(b) φ(b) for every other action b.
"""
)

QUESTION = Question(
    name="shared_score",
    lesson="02",
    prompt="Return the gradient of log π(action) with respect to θ, where the logits are `features @ theta`.",
    points=3,
    signature="shared_score(theta, features, action)",
    fixed=(
        {"theta": np.array([0.5]), "features": np.array([[1.0], [2.0], [0.5]]), "action": 0},
        {"theta": np.array([1.0, -0.5]), "features": np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), "action": 2},
        {"theta": np.array([-0.3, 0.8, 0.0]), "features": np.array([[2.0, 1.0, -1.0], [0.5, -1.0, 3.0]]), "action": 1},
        {"theta": np.array([0.2, 0.4]), "features": np.array([[1.0, 3.0], [-2.0, 0.5]]), "action": 0},
    ),
    extreme=(
        {"theta": np.array([100.0, 0.0]), "features": np.array([[9.0, 1.0], [8.0, -1.0], [9.0, 0.5]]), "action": 1},
        {"theta": np.array([300.0]), "features": np.array([[-4.0], [-3.0]]), "action": 0},
    ),
    fresh=fresh,
    oracle=score,
    remark="It is features minus expected features. With the identity as features it is one-hot − π again.",
    read=sections.SCORE,
    mistakes=(
        told(
            "no-maximum",
            lambda theta, features, action: features[action] - no_maximum(features @ theta) @ features,
            sections.OVERFLOW,
            almost=True,
        ),
        told("sign", lambda theta, features, action: -score(theta, features, action)),
        told("only-own-features", lambda theta, features, action: features[action]),
        told("mean-alone", lambda theta, features, action: -pi(theta, features) @ features),
        told("plain-mean", lambda theta, features, action: features[action] - features.mean(axis=0)),
        told("score-of-logits", logit_score),
        told(
            "times-pi",
            lambda theta, features, action: pi(theta, features)[action] * score(theta, features, action),
        ),
        told(
            "not-normalised",
            lambda theta, features, action: features[action] - not_normalised(features @ theta) @ features,
            sections.SOFTMAX,
        ),
        told(
            "logits-for-probabilities",
            lambda theta, features, action: features[action] - identity(features @ theta) @ features,
            sections.SOFTMAX,
        ),
        told(
            "own-features-shrunk",
            lambda theta, features, action: (1 - pi(theta, features)[action]) * features[action],
        ),
    ),
)
