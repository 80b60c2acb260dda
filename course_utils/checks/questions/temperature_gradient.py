"""Problem set 1: how a softmax policy changes with its temperature."""

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words
from course_utils.checks.softmaxes import not_normalised

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw logits and a temperature."""
    n = int(rng.integers(3, 6))
    return {"logits": rng.normal(size=n).round(2), "temperature": round(float(rng.uniform(0.4, 3.0)), 2)}


def pi(logits: FloatArray, temperature: float) -> FloatArray:
    """Return softmax(z / T)."""
    return policy.softmax(logits / temperature)


def below_mean(logits: FloatArray, temperature: float) -> FloatArray:
    """Return Σ_b π_b z_b − z_a for each action a."""
    return np.asarray(pi(logits, temperature) @ logits - logits)


def gradient(logits: FloatArray, temperature: float) -> FloatArray:
    """Return ∂π_a/∂T = π_a (Σ_b π_b z_b − z_a) / T²."""
    return np.asarray(pi(logits, temperature) * below_mean(logits, temperature) / temperature**2)


def overflowing(logits: FloatArray, temperature: float) -> FloatArray:
    """Return the derivative from a softmax without the maximum subtracted."""
    weights = np.exp(logits / temperature)
    shares = weights / weights.sum()
    return np.asarray(shares * (shares @ logits - logits) / temperature**2)


def raw(logits: FloatArray, temperature: float) -> FloatArray:
    """Return the derivative with exp(z / T) where π belongs."""
    weights = not_normalised(logits / temperature)
    return np.asarray(weights * (weights @ logits - logits) / temperature**2)


told = Words(
    """
no-maximum (M1): The formula is right, and it is not finite here. The exponential of a large number is more than any
  float, and inf/inf is NaN.
    At a low temperature z/T is large although z is not. Subtract the largest entry of z/T before you take exponentials.
sign (M5): Your answer has the opposite sign.
    A higher temperature makes the policy more even: an action whose logit is above the average loses probability. Your
    policy would become surer of itself as it is heated.
mean-dropped (M1): You returned −π z/T²: the average of the logits, Σ π z, is missing.
    Temperature is also in the sum under the fraction. Without that part all probabilities could fall together, and the
    entries must add up to 0.
own-part-dropped (M1): You kept the derivative of the sum under the fraction and dropped that of the action's own
  exponential.
    Both depend on T. Together they compare the action's logit with the average under the policy.
temperature-once: You divided by T, where the derivative of z/T brings T².
    ∂(z/T)/∂T = −z/T². At T = 1 you do not see the difference.
temperature-dropped: You did not divide by T² at all.
    The logits stand in the policy as z/T, and by the chain rule the slope of z/T is a factor. It is −z/T².
policy-at-one: Your probabilities are those at temperature 1.
    The slope is asked for where the policy is now: π is the softmax of z/T everywhere in the formula.
log-probability (M1): You returned the derivative of log π. That of π itself is asked for.
    ∂ log π = ∂π / π. Multiply by π. (The derivative of log π has mean 0 under π; that of π has sum 0.)
plain-mean: You compared each logit with the plain average of the logits.
    The average that the derivative brings is that under the policy: each logit counts with its probability.
not-normalised (M37): You used exp(z/T) for the probabilities: it is not divided by its sum.
    exp(z/T) are weights. Only after the division by their sum do they say how often each action is taken.
by-inverse: You returned the derivative with respect to 1/T.
    Physicists call 1/T the coldness. By the chain rule ∂/∂T is −1/T² times ∂/∂(1/T).
"""
)

QUESTION = Question(
    name="temperature_gradient",
    lesson="01",
    prompt="Return the derivative of each probability of softmax(z/T) with respect to the temperature T.",
    points=3,
    signature="temperature_gradient(logits, temperature)",
    fixed=(
        {"logits": np.array([0.0, 1.0]), "temperature": 2.0},
        {"logits": np.array([2.0, 0.5, -1.0]), "temperature": 1.0},
        {"logits": np.array([-0.5, -0.5, -3.0, -1.2]), "temperature": 0.5},
        {"logits": np.array([1.0, 3.0, 2.5]), "temperature": 3.5},
    ),
    extreme=(
        {"logits": np.array([8.0, 9.0, 7.5]), "temperature": 0.01},
        {"logits": np.array([-900.0, -901.0]), "temperature": 1.0},
    ),
    fresh=fresh,
    oracle=gradient,
    remark="Its entries add up to 0. Heat flows from the actions above the average logit to those below it.",
    read=sections.TEMPERATURE,
    mistakes=(
        told("no-maximum", overflowing, sections.OVERFLOW, almost=True),
        told("sign", lambda logits, temperature: -gradient(logits, temperature)),
        told("mean-dropped", lambda logits, temperature: -pi(logits, temperature) * logits / temperature**2),
        told(
            "own-part-dropped",
            lambda logits, temperature: pi(logits, temperature) * (pi(logits, temperature) @ logits) / temperature**2,
        ),
        told("temperature-once", lambda logits, temperature: gradient(logits, temperature) * temperature, almost=True),
        told("temperature-dropped", lambda logits, temperature: gradient(logits, temperature) * temperature**2),
        told("policy-at-one", lambda logits, temperature: gradient(logits, 1.0) / temperature**2),
        told("log-probability", lambda logits, temperature: below_mean(logits, temperature) / temperature**2),
        told(
            "plain-mean",
            lambda logits, temperature: pi(logits, temperature) * (logits.mean() - logits) / temperature**2,
        ),
        told("not-normalised", raw, sections.SOFTMAX),
        told("by-inverse", lambda logits, temperature: -gradient(logits, temperature) * temperature**2),
    ),
)
