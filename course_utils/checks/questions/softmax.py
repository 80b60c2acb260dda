"""Lesson 01: the softmax."""

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a few logits, or rows of them."""
    n, temperature = int(rng.integers(3, 6)), round(float(rng.uniform(0.4, 0.7)), 2)
    shape = (n,) if rng.random() < 0.3 else (int(rng.integers(2, 4)), n)
    return {"logits": rng.normal(scale=1.5, size=shape).round(2), "temperature": temperature}


def normalised(weights: FloatArray, axis: int | None = -1) -> FloatArray:
    """Return weights over their sum."""
    result: FloatArray = weights / weights.sum(axis=axis, keepdims=True)
    return result


told = Words(
    """
no-maximum (M1): The formula is right, and it is not finite here. The exponential of a large number is more than any
  float, that of a very negative one is 0, and inf/inf and 0/0 are NaN.
    During training logits drift, and one NaN ends the run. Only differences of logits count, so subtract each row's own
    maximum first: then the largest exponent of the row is 0.
maximum-undivided (M1): You divided the logits by κ, and subtracted from them a number that was not divided.
    The formula is right, but where κ is far from 1 all exponents are far from 0, and inf/inf and 0/0 are NaN. Divide by
    κ first, and subtract the maximum of what you then have.
wrong-axis (M1): You divided by sums over the first axis: in your answer the columns add up to 1, and the rows do not.
    Actions are on the last axis, and each row is a state of its own. Down a column you would share one probability
    among different states. `axis=-1` is the last axis, and `keepdims=True` keeps it for the division.
columns-shifted (M1): You subtracted the maximum of each column. It has to be that of each row.
    Only a number that is the same for the whole row cancels in the fraction. Another one for each action changes the
    differences between the actions, and so the probabilities.
over-everything (M1): You divided by the sum of all entries: the whole array adds up to 1, where each row should.
    Each row is the policy in one state, and in each state some action is taken for certain. `sum()` without an axis
    adds up everything; `sum(axis=-1, keepdims=True)` adds up each row.
no-exponential (M1): You divided the logits by their sum, without `exp`.
    A logit may be negative or 0, a probability may not: `exp` makes every weight positive, and turns equal differences
    of logits into equal ratios of probabilities.
not-normalised (M37): You took the exponential and did not divide by the sum.
    These are weights: positive, and in the right proportion. Probabilities also have to add up to 1.
sign (M5): Your exponents have the opposite sign: the smallest logit gets the largest probability.
    A logit is a preference: the larger, the more often the action is taken. (In physics the exponent is minus an
    energy.)
hard-maximum: You returned 1 for the largest logit and 0 for the others.
    That is the maximum, a hard choice. The soft one leaves every action a chance, and it has a derivative.
base-two: Your base is not e.
    Another base is another temperature: 2 to the power z is exp(z · log 2). The score one-hot − π, which the next
    lesson derives, needs base e.
one-plus: There is a 1 too many below the fraction: your probabilities add up to less than 1.
    exp(z) / (1 + exp(z)) belongs to two actions of which one has the logit 0. With a logit for each action the sum of
    all exponentials stands there, and nothing else.
each-alone: You took the sigmoid of each logit by itself.
    A sigmoid is for one yes or no. Here the actions compete: their probabilities have to add up to 1.
temperature-multiplied: You multiplied the logits by the temperature. They are divided by it.
    Hot means even: a temperature of 2 halves all differences and brings the probabilities together. Your version drives
    them apart.
temperature-ignored: The temperature has no effect on your answer.
    It sets how far the policy prefers the best action, without touching the order of the actions. Divide the logits by
    it before the exponential.
temperature-after: You divided by the temperature after the exponential.
    The result then no longer adds up to 1. The temperature belongs to the logits: it changes the differences between
    them.
log-probabilities: You returned log-probabilities: numbers below 0 whose exponentials add up to 1.
    Both are useful, and mixing them up is a common cause of training that goes nowhere. Here the probabilities
    themselves are asked for.
"""
)

QUESTION = Question(
    name="softmax",
    lesson="01",
    prompt="Turn logits into probabilities: exp(z / κ) over its sum along the last axis, for one row or several.",
    points=2,
    signature="softmax(logits, temperature=1.0)",
    fixed=(
        {"logits": np.array([0.0, 1.0])},
        {"logits": np.array([0.0, 1.0]), "temperature": 0.5},
        {"logits": np.array([[0.0, 1.0, 3.0], [2.0, 2.0, 0.0]])},
        {"logits": np.array([[[0.0, 1.0, -1.0], [2.0, 0.0, 1.0]], [[1.0, 1.0, 0.0], [0.0, -2.0, 0.5]]])},
        {"logits": np.array([[1.0, -1.0, 0.5], [0.0, 0.3, -2.0]]), "temperature": 2.0},
        {"logits": np.array([[-3.0, -1.0], [-2.0, -2.0], [-0.5, -4.0]]), "temperature": 0.7},
    ),
    extreme=(
        {"logits": np.array([1000.0, 999.0])},
        {"logits": np.array([-1000.0, -1000.0])},
        {"logits": np.array([[0.0, 1000.0], [-1000.0, 0.0]])},
        {"logits": np.array([10000.0, 9000.0]), "temperature": 1000.0},
        {"logits": np.array([[5000.0, 0.0, 1.0], [1.0, 0.0, -5000.0]])},
        {"logits": np.array([3.0, 1.0]), "temperature": 0.001},
        {"logits": np.array([0.0, -800.0, 1.0])},
    ),
    fresh=fresh,
    oracle=policy.softmax,
    remark="Add 7 to all logits and call it again: nothing changes. Only differences of logits count.",
    read=sections.SOFTMAX,
    mistakes=(
        told(
            "no-maximum",
            lambda logits, temperature=1.0: normalised(np.exp(logits / temperature)),
            sections.OVERFLOW,
            variants=(
                lambda logits, temperature=1.0: normalised(np.exp((logits - np.min(logits)) / temperature)),
                lambda logits, temperature=1.0: normalised(np.exp((logits - np.max(logits)) / temperature)),
                lambda logits, temperature=1.0: normalised(np.exp((logits - np.mean(logits)) / temperature)),
                lambda logits, temperature=1.0: normalised(
                    np.exp((logits - logits.mean(axis=-1, keepdims=True)) / temperature)
                ),
                lambda logits, temperature=1.0: normalised(
                    np.exp((logits - logits.min(axis=-1, keepdims=True)) / temperature)
                ),
            ),
            almost=True,
        ),
        told(
            "maximum-undivided",
            lambda logits, temperature=1.0: normalised(
                np.exp(logits / temperature - logits.max(axis=-1, keepdims=True))
            ),
            sections.OVERFLOW,
            almost=True,
        ),
        told("wrong-axis", lambda logits, temperature=1.0: normalised(np.exp(logits / temperature), axis=0)),
        told(
            "columns-shifted",
            lambda logits, temperature=1.0: normalised(np.exp((logits - logits.max(axis=0)) / temperature)),
            sections.OVERFLOW,
        ),
        told("over-everything", lambda logits, temperature=1.0: normalised(np.exp(logits / temperature), axis=None)),
        told("no-exponential", lambda logits, temperature=1.0: normalised(logits / temperature)),
        told(
            "not-normalised",
            lambda logits, temperature=1.0: np.exp(logits / temperature),
            variants=(
                lambda logits, temperature=1.0: np.exp((logits - np.max(logits, axis=-1, keepdims=True)) / temperature),
                lambda logits, temperature=1.0: np.exp((logits - np.max(logits)) / temperature),
            ),
        ),
        told("sign", lambda logits, temperature=1.0: normalised(np.exp(-logits / temperature))),
        told("hard-maximum", lambda logits, temperature=1.0: np.eye(logits.shape[-1])[logits.argmax(axis=-1)]),
        told(
            "base-two",
            lambda logits, temperature=1.0: normalised(2.0 ** (logits / temperature)),
            variants=(lambda logits, temperature=1.0: normalised(10.0 ** (logits / temperature)),),
        ),
        told(
            "one-plus",
            lambda logits, temperature=1.0: (
                np.exp(logits / temperature) / (1 + np.exp(logits / temperature).sum(axis=-1, keepdims=True))
            ),
        ),
        told("each-alone", lambda logits, temperature=1.0: 1 / (1 + np.exp(-logits / temperature))),
        told(
            "temperature-multiplied",
            lambda logits, temperature=1.0: normalised(np.exp(logits * temperature)),
            sections.TEMPERATURE,
        ),
        told("temperature-ignored", lambda logits, temperature=1.0: normalised(np.exp(logits)), sections.TEMPERATURE),
        told(
            "temperature-after",
            lambda logits, temperature=1.0: normalised(np.exp(logits)) / temperature,
            sections.TEMPERATURE,
        ),
        told("log-probabilities", policy.log_softmax),
    ),
)
