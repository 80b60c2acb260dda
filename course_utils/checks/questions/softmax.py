"""Lesson 01: the softmax."""

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a few logits, or rows of them."""
    n, temperature = int(rng.integers(3, 6)), round(float(rng.uniform(0.4, 0.7)), 2)
    shape = (n,) if rng.random() < 0.3 else (int(rng.integers(2, 4)), n)
    return {"logits": rng.normal(scale=1.5, size=shape).round(2), "temperature": temperature}


def normalised(weights: FloatArray, axis: int | None = -1) -> FloatArray:
    """Return weights over their sum."""
    result: FloatArray = weights / weights.sum(axis=axis, keepdims=True)
    return result


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
    ),
    extreme=(
        {"logits": np.array([1000.0, 999.0])},
        {"logits": np.array([-1000.0, -1000.0])},
        {"logits": np.array([[0.0, 1000.0], [-1000.0, 0.0]])},
    ),
    fresh=fresh,
    oracle=policy.softmax,
    remark="Add 7 to all logits and call it again: nothing changes. Only differences of logits count.",
    read=sections.SOFTMAX,
    mistakes=(
        Mistake(
            "no-maximum",
            "M1",
            lambda logits, temperature=1.0: normalised(np.exp(logits / temperature)),
            "The formula is right, and it is not finite here: `exp(1000)` is larger than any float, `exp(-1000)` is 0, "
            "and inf/inf and 0/0 are NaN.",
            "During training logits drift, and one NaN ends the run. Only differences of logits count, so subtract the "
            "row's maximum first: then the largest exponent is 0.",
            sections.OVERFLOW,
            variants=(
                lambda logits, temperature=1.0: normalised(np.exp((logits - np.min(logits)) / temperature)),
                lambda logits, temperature=1.0: normalised(np.exp((logits - np.max(logits)) / temperature)),
            ),
            almost=True,
        ),
        Mistake(
            "wrong-axis",
            "M1",
            lambda logits, temperature=1.0: normalised(np.exp(logits / temperature), axis=0),
            "You divided by sums over the first axis: in your answer the columns add up to 1, and the rows do not.",
            "Actions are on the last axis, and each row is a state of its own. Down a column you would share one "
            "probability among different states. `axis=-1` is the last axis, and `keepdims=True` keeps it for the "
            "division.",
        ),
        Mistake(
            "over-everything",
            "M1",
            lambda logits, temperature=1.0: normalised(np.exp(logits / temperature), axis=None),
            "You divided by the sum of all entries: the whole array adds up to 1, where each row should.",
            "Each row is the policy in one state, and in each state some action is taken for certain. `sum()` without "
            "an axis adds up everything; `sum(axis=-1, keepdims=True)` adds up each row.",
        ),
        Mistake(
            "no-exponential",
            "M1",
            lambda logits, temperature=1.0: normalised(logits / temperature),
            "You divided the logits by their sum, without `exp`.",
            "A logit may be negative or 0, a probability may not: `exp` makes every weight positive, and turns equal "
            "differences of logits into equal ratios of probabilities.",
        ),
        Mistake(
            "not-normalised",
            "M1",
            lambda logits, temperature=1.0: np.exp(logits / temperature),
            "You took the exponential and did not divide by the sum.",
            "These are weights: positive, and in the right proportion. Probabilities also have to add up to 1.",
            variants=(
                lambda logits, temperature=1.0: np.exp((logits - np.max(logits, axis=-1, keepdims=True)) / temperature),
            ),
        ),
        Mistake(
            "temperature-multiplied",
            "",
            lambda logits, temperature=1.0: normalised(np.exp(logits * temperature)),
            "You multiplied the logits by the temperature. They are divided by it.",
            "Hot means even: a temperature of 2 halves all differences and brings the probabilities together. Your "
            "version drives them apart.",
            sections.TEMPERATURE,
        ),
        Mistake(
            "temperature-ignored",
            "",
            lambda logits, temperature=1.0: normalised(np.exp(logits)),
            "The temperature has no effect on your answer.",
            "It sets how far the policy prefers the best action, without touching the order of the actions. Divide the "
            "logits by it before the exponential.",
            sections.TEMPERATURE,
        ),
        Mistake(
            "temperature-after",
            "",
            lambda logits, temperature=1.0: normalised(np.exp(logits)) / temperature,
            "You divided by the temperature after the exponential.",
            "The result then no longer adds up to 1. The temperature belongs to the logits: it changes the differences "
            "between them.",
            sections.TEMPERATURE,
        ),
        Mistake(
            "log-probabilities",
            "",
            policy.log_softmax,
            "You returned log-probabilities: numbers below 0 whose exponentials add up to 1.",
            "Both are useful, and mixing them up is a common cause of training that goes nowhere. Here the "
            "probabilities themselves are asked for.",
        ),
    ),
)
