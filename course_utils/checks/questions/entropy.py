"""Lesson 01: the entropy of a policy."""

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a few logits, or rows of them."""
    n = int(rng.integers(3, 6))
    shape = (n,) if rng.random() < 0.3 else (int(rng.integers(2, 4)), n)
    return {"logits": rng.normal(scale=1.5, size=shape).round(2)}


def overflowing(logits: FloatArray) -> FloatArray:
    """Return the entropy without any care for large logits, as log Σ exp z − Σ π z."""
    weights = np.exp(logits)
    total = weights.sum(axis=-1)
    return np.asarray(np.log(total) - (weights * logits).sum(axis=-1) / total)


def zero_times_log_zero(logits: FloatArray) -> FloatArray:
    """Return the entropy with the log taken of probabilities that may be 0."""
    pi = policy.softmax(logits)
    return np.asarray(-(pi * np.log(pi)).sum(axis=-1))


QUESTION = Question(
    name="entropy",
    lesson="01",
    prompt="Return the entropy of the softmax policy with these logits, −Σ π log π in nats, one number for each row.",
    points=2,
    signature="entropy(logits)",
    fixed=(
        {"logits": np.array([0.0, 1.0])},
        {"logits": np.array([2.0, 0.0, 0.0])},
        {"logits": np.array([[0.0, 1.0, 3.0], [2.0, 2.0, 0.0]])},
    ),
    extreme=(
        {"logits": np.array([1000.0, 1000.0])},
        {"logits": np.array([0.0, -1000.0])},
    ),
    fresh=fresh,
    oracle=policy.entropy,
    remark="It is largest, log n, when all n actions are equally likely, and 0 when one of them is certain.",
    read=sections.ENTROPY,
    mistakes=(
        Mistake(
            "no-maximum",
            "M1",
            overflowing,
            "The formula is right, and it is not finite here: `exp(1000)` is larger than any float, and inf/inf is "
            "NaN.",
            "During training logits drift, and one NaN ends the run. Only differences of logits count, so subtract the "
            "maximum before you take exponentials.",
            sections.OVERFLOW,
            almost=True,
        ),
        Mistake(
            "zero-log-zero",
            "",
            zero_times_log_zero,
            "The formula is right, and it is not finite here: one probability is 0 in floats, and `0 * log(0)` is "
            "0 · (−∞), which is NaN.",
            "An action that is never taken adds nothing to the entropy; the limit of p log p at 0 is 0. Take log π "
            "from the logits (z − log Σ exp z), which stays finite, or leave out the terms where π is 0.",
            almost=True,
        ),
        Mistake(
            "sign",
            "M16",
            lambda logits: -policy.entropy(logits),
            "Your answer has the opposite sign: it is Σ π log π.",
            "The log of a probability is negative, so entropy needs the minus to be positive. With the sign turned "
            "round, an entropy bonus would reward the policy for becoming certain.",
        ),
        Mistake(
            "base-two",
            "",
            lambda logits: policy.entropy(logits) / np.log(2),
            "Your answer is in bits, with the logarithm to base 2. This course counts in nats, with the natural one.",
            "Bits are as good a unit, but all gradients here are those of the natural logarithm. In bits they would be "
            "larger by a factor of 1.44.",
        ),
        Mistake(
            "logits-for-probabilities",
            "M1",
            lambda logits: -(logits * np.log(logits)).sum(axis=-1),
            "You put the logits where the probabilities belong.",
            "Logits are preferences: they may be negative, and do not add up to 1. The softmax turns them into π "
            "first.",
            sections.SOFTMAX,
            variants=(
                lambda logits: -(logits * policy.log_softmax(logits)).sum(axis=-1),
                lambda logits: -(logits * policy.softmax(logits)).sum(axis=-1),
            ),
        ),
        Mistake(
            "not-weighted",
            "",
            lambda logits: -policy.log_softmax(logits).sum(axis=-1),
            "You added up −log π without the factor π.",
            "Entropy is an expected surprise: each action's surprise −log π counts as often as the action is taken. "
            "Without the weight, actions that hardly ever happen dominate.",
        ),
        Mistake(
            "mean-for-sum",
            "M7",
            lambda logits: policy.entropy(logits) / np.shape(logits)[-1],
            "You averaged π log π over the actions, where the formula adds them up.",
            "The factor π is already the weight of a mean. Averaging again divides by the number of actions.",
        ),
        Mistake(
            "not-summed",
            "",
            lambda logits: -policy.softmax(logits) * policy.log_softmax(logits),
            "You returned the terms −π log π, one for each action, and did not add them up.",
            "Entropy is one number for each state: how uncertain the policy is there as a whole.",
        ),
        Mistake(
            "summed-over-rows",
            "",
            lambda logits: policy.entropy(logits).sum(),
            "You added up everything, and the rows with it: each row should have its own entropy.",
            "Each row is a state. A policy can be certain in one and undecided in another, and one sum hides that. Sum "
            "over `axis=-1`.",
            variants=(lambda logits: policy.entropy(logits).mean(),),
        ),
    ),
)
