"""The softmaxes that learners write by mistake. The questions whose answers hold a softmax share them."""

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray

__all__ = ["identity", "no_maximum", "not_normalised", "one_maximum", "over_first_axis", "over_table", "row_mean"]
__all__ += ["shifted", "table_mean"]


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
