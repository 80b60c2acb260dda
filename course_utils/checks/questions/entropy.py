"""Lesson 01: the entropy of a policy."""

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections, softmaxes
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a few logits around 0 or far from it, or one to four rows of them."""
    n = int(rng.integers(2, 6))
    shape = (n,) if rng.random() < 0.3 else (int(rng.integers(1, 5)), n)
    return {"logits": rng.normal(rng.choice([-3.0, 0.0, 3.0]), 1.5, size=shape).round(3)}


def shifted(logits: FloatArray, shift: FloatArray | float) -> FloatArray:
    """Return the entropy as log Σ exp z − Σ π z, with exp(z − shift) in place of exp z."""
    weights = np.exp(logits - shift)
    total = weights.sum(axis=-1, keepdims=True)
    terms = np.log(total) + shift - (weights * logits).sum(axis=-1, keepdims=True) / total
    return np.asarray(terms[..., 0])


def of(probabilities: FloatArray, axis: int | None = -1) -> FloatArray:
    """Return −Σ p log p of any positive numbers."""
    return np.asarray(-(probabilities * np.log(probabilities)).sum(axis=axis))


told = Words(
    """
no-maximum (M1): The formula is right, and it is not finite here: `exp(1000)` is larger than any float, and inf/inf is
  NaN.
    During training logits drift, and one NaN ends the run. Only differences of logits count, so subtract the maximum
    before you take exponentials.
zero-log-zero: The formula is right, and it is not finite here: one probability is 0 in floats, and `0 * log(0)` is 0 ·
  (−∞), which is NaN.
    An action that is never taken adds nothing to the entropy; the limit of p log p at 0 is 0. Take log π from the
    logits (z − log Σ exp z), which stays finite, or leave out the terms where π is 0.
one-maximum (M27): You subtracted one maximum, that of the whole table, from all rows. Where a row lies far below it,
  all its exponentials are 0 in floats, and 0/0 is NaN.
    Each row is a state of its own. Subtract each row's own maximum: `z.max(axis=-1, keepdims=True)`.
mean-subtracted (M1): You subtracted the mean of the logits. A logit that lies 710 above it still overflows.
    Any shift is right on paper. The maximum is the one after which no exponent is above 0, so that no exponential is
    above 1.
whole-table (M27): Your softmax runs over the whole table: all its entries together add up to 1.
    Each row is a state with a policy of its own, so each row of probabilities adds up to 1. Take the softmax over
    `axis=-1`.
first-axis (M1): You worked down the columns, axis 0: in the softmax, in the sum, or in both.
    A row holds the actions of one state, and the entropy is taken over those. Actions are on the last axis, `axis=-1`.
not-normalised (M37): You took the exponentials of the logits for probabilities: they do not add up to 1.
    The softmax divides each exponential by the sum of all in its row. Only then is −Σ p log p an entropy.
divided-by-log-n: You divided by log n, so that the largest entropy is 1.
    A share of the largest entropy compares policies over different numbers of actions. Asked for is the entropy itself,
    in nats; it reaches log n.
sign (M16): Your answer has the opposite sign: it is Σ π log π.
    The log of a probability is negative, so entropy needs the minus to be positive. With the sign turned round, an
    entropy bonus would reward the policy for becoming certain.
base-two: Your answer is in bits, with the logarithm to base 2. This course counts in nats, with the natural one.
    Bits are as good a unit, but all gradients here are those of the natural logarithm. In bits they would be larger by
    a factor of 1.44.
logits-for-probabilities (M37): You put the logits where the probabilities, or their logarithms, belong.
    Logits are preferences: they may have any sign, and their exponentials do not add up to 1. The softmax turns them
    into π first.
not-weighted: You added up −log π without the factor π.
    Entropy is an expected surprise: each action's surprise −log π counts as often as the action is taken. Without the
    weight, actions that hardly ever happen dominate.
mean-for-sum (M7): You averaged π log π over the actions, where the formula adds them up.
    The factor π is already the weight of a mean. Averaging again divides by the number of actions.
not-summed: You returned the terms −π log π, one for each action, and did not add them up.
    Entropy is one number for each state: how uncertain the policy is there as a whole.
summed-over-rows: You made one number of all rows, by a sum or a mean: each row should have its own entropy.
    Each row is a state. A policy can be certain in one and undecided in another, and one number hides that. Sum over
    `axis=-1`.
"""
)

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
        {"logits": np.array([[-1.0, 0.5, -2.0]])},
        {"logits": np.array([[0.0, -4.0], [1.0, 3.0], [-1.0, -1.0]])},
        {"logits": np.array([[0.0, 2.0, 1.0], [-1.0, 3.0, 0.0], [0.0, 0.0, -6.0]])},
        {"logits": np.array([12.125, 12.375, 11.75, 12.0, 12.437])},
        {"logits": np.array([[0.0, -9.5], [-19.6, 0.0], [0.5, 0.25]])},
    ),
    extreme=(
        {"logits": np.array([1000.0, 1000.0])},
        {"logits": np.array([[0.0, -1000.0], [0.0, 1.0]])},
        {"logits": np.array([[700.0, 699.0], [-60.0, -61.0]])},
        {"logits": np.array([[700.0] + 39 * [-38.0], 2 * [700.0] + 38 * [-38.0]])},
    ),
    fresh=fresh,
    oracle=policy.entropy,
    remark="It is largest, log n, when all n actions are equally likely, and 0 when one of them is certain.",
    read=sections.ENTROPY,
    mistakes=(
        told("no-maximum", lambda logits: shifted(logits, 0.0), sections.OVERFLOW, almost=True),
        told("zero-log-zero", lambda logits: of(policy.softmax(logits)), almost=True),
        told("one-maximum", lambda logits: shifted(logits, logits.max()), sections.OVERFLOW, almost=True),
        told(
            "mean-subtracted",
            lambda logits: shifted(logits, logits.mean(axis=-1, keepdims=True)),
            sections.OVERFLOW,
            variants=(lambda logits: shifted(logits, logits.mean()),),
            almost=True,
        ),
        told(
            "whole-table",
            lambda logits: of(softmaxes.over_table(logits)),
            sections.SOFTMAX,
            variants=(lambda logits: of(softmaxes.over_table(logits), axis=None),),
        ),
        told(
            "first-axis",
            lambda logits: of(softmaxes.over_first_axis(logits), axis=0),
            variants=(
                lambda logits: of(softmaxes.over_first_axis(logits)),
                lambda logits: of(policy.softmax(logits), axis=0),
            ),
        ),
        told("not-normalised", lambda logits: of(softmaxes.not_normalised(logits)), sections.SOFTMAX),
        told("divided-by-log-n", lambda logits: policy.entropy(logits) / np.log(np.shape(logits)[-1])),
        told("sign", lambda logits: -policy.entropy(logits)),
        told("base-two", lambda logits: policy.entropy(logits) / np.log(2)),
        told(
            "logits-for-probabilities",
            lambda logits: -(logits * np.log(logits)).sum(axis=-1),
            sections.SOFTMAX,
            variants=(
                lambda logits: -(logits * policy.log_softmax(logits)).sum(axis=-1),
                lambda logits: -(logits * policy.softmax(logits)).sum(axis=-1),
            ),
        ),
        told("not-weighted", lambda logits: -policy.log_softmax(logits).sum(axis=-1)),
        told("mean-for-sum", lambda logits: policy.entropy(logits) / np.shape(logits)[-1]),
        told("not-summed", lambda logits: -policy.softmax(logits) * policy.log_softmax(logits)),
        told(
            "summed-over-rows",
            lambda logits: policy.entropy(logits).sum(),
            variants=(lambda logits: policy.entropy(logits).mean(),),
        ),
    ),
)
