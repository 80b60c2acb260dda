"""The softmaxes that learners write by mistake. The questions whose answers hold a softmax share them."""

from collections.abc import Callable

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Mistake, Words

__all__ = ["identity", "no_maximum", "not_normalised", "one_maximum", "over_first_axis", "over_table", "row_mean"]
__all__ += ["shifted", "table_mean", "wrong"]


def shifted(logits: FloatArray, shift: FloatArray | float) -> FloatArray:
    """Return the softmax over the last axis, computed from ``logits − shift``: exact on paper, whatever the shift."""
    weights = np.exp(logits - shift)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def no_maximum(logits: FloatArray) -> FloatArray:
    """Subtract nothing."""
    return shifted(logits, 0.0)


def one_maximum(logits: FloatArray) -> FloatArray:
    """Subtract the largest entry of the whole table from every row."""
    return shifted(logits, logits.max())


def row_mean(logits: FloatArray) -> FloatArray:
    """Subtract each row's mean in place of its maximum."""
    return shifted(logits, logits.mean(axis=-1, keepdims=True))


def table_mean(logits: FloatArray) -> FloatArray:
    """Subtract the mean of the whole table in place of each row's maximum."""
    return shifted(logits, logits.mean())


def over_table(logits: FloatArray) -> FloatArray:
    """Let all entries of the table add up to 1, in place of each row's."""
    return policy.softmax(logits.ravel()).reshape(logits.shape)


def over_first_axis(logits: FloatArray) -> FloatArray:
    """Let each column add up to 1, in place of each row."""
    return policy.softmax(logits.T).T


def not_normalised(logits: FloatArray) -> FloatArray:
    """Take exponentials and divide them by nothing."""
    return np.asarray(np.exp(logits))


def identity(logits: FloatArray) -> FloatArray:
    """Take the logits for probabilities."""
    return logits


told = Words(
    """
no-maximum (M1): The formula is right, and it is not finite here. The exponential of a large number is more than any
  float, that of a very negative one is 0, and inf/inf and 0/0 are NaN.
    One NaN in a gradient makes all parameters NaN in the next step. Subtract each row's own maximum before you take
    exponentials, or call `policy.score`.
logits-for-probabilities (M37): You subtracted the logits from the one-hot. The probabilities are to be subtracted.
    Logits are preferences on any scale. Only after the softmax do they say how often each action is taken.
not-normalised (M37): You subtracted exp(z), which is not divided by its sum yet.
    exp(z) are weights. Only after the division by the sum of their row are they probabilities.
softmax-over-table (M27): Your softmax runs over the whole table: all its entries add up to 1, where each row should.
    Each row is the policy in one state, and in each state some action is taken for certain. `sum(axis=-1,
    keepdims=True)` adds up each row by itself.
softmax-over-states (M1): Your softmax runs over the states, axis 0, where it should run over the actions.
    The probabilities of the actions in one state add up to 1. Those of one action in all states need not.
"""
)


def wrong(with_pi: Callable[[Callable[[FloatArray], FloatArray]], Callable[..., FloatArray]]) -> tuple[Mistake, ...]:
    """Return the mistakes of a table π, for an answer in which any function of the table of logits can stand for π."""
    return (
        told("logits-for-probabilities", with_pi(identity), sections.SOFTMAX),
        told(
            "not-normalised",
            with_pi(not_normalised),
            sections.SOFTMAX,
            variants=(with_pi(lambda logits: np.exp(logits - logits.max(axis=1, keepdims=True))),),
        ),
        told("softmax-over-table", with_pi(over_table), sections.SOFTMAX),
        told("softmax-over-states", with_pi(over_first_axis), sections.SOFTMAX),
        told(
            "no-maximum",
            with_pi(no_maximum),
            sections.OVERFLOW,
            variants=(with_pi(one_maximum), with_pi(row_mean)),
            almost=True,
        ),
    )
