"""The language model as bare equations: from contexts to logits, and back to the parameters. Nothing is checked here.

Logits are linear in a context x, with a small tanh layer beside the linear part where there is one.
"""

from typing import NamedTuple

import numpy as np

from course_utils.arguments import FloatArray

__all__ = ["LanguageModel", "gradient", "logits", "pack", "unpack"]


class LanguageModel(NamedTuple):
    """The parameters of a policy over tokens."""

    table: FloatArray
    """θ, and beside it H of the tanh layer, shape (d, V + hidden)"""
    readout: FloatArray
    """R of the tanh layer, shape (hidden, V); no rows in a log-linear model"""


def logits(model: LanguageModel, x: FloatArray) -> FloatArray:
    """Return z = x θ, or x θ + tanh(x H) R."""
    n_words = model.readout.shape[1]
    inner: FloatArray = x @ model.table
    if not len(model.readout):
        return inner
    result: FloatArray = inner[:, :n_words] + np.tanh(inner[:, n_words:]) @ model.readout
    return result


def gradient(model: LanguageModel, x: FloatArray, grad_logits: FloatArray) -> LanguageModel:
    """Return ∂/∂θ = xᵀ ∂/∂z; with h = tanh(x H) also ∂/∂R = hᵀ ∂/∂z and ∂/∂H = xᵀ ((∂/∂z Rᵀ) (1 − h²))."""
    if not len(model.readout):
        return LanguageModel(x.T @ grad_logits, np.zeros_like(model.readout))
    h = np.tanh(x @ model.table[:, model.readout.shape[1] :])
    inner = np.concatenate([grad_logits, (grad_logits @ model.readout.T) * (1 - h**2)], axis=1)
    return LanguageModel(x.T @ inner, h.T @ grad_logits)


def pack(model: LanguageModel) -> FloatArray:
    """Return all parameters in one row."""
    return np.concatenate([model.table.ravel(), model.readout.ravel()])


def unpack(parameters: FloatArray, like: LanguageModel) -> LanguageModel:
    """Return the model whose ``pack`` is this row."""
    table, readout = parameters[: like.table.size], parameters[like.table.size :]
    return LanguageModel(table.reshape(like.table.shape), readout.reshape(like.readout.shape))
