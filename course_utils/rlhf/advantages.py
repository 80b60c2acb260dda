"""The advantage of each token of a batch of replies: one function for each baseline, by name in ``ADVANTAGES``."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from course_utils import kernels
from course_utils.arguments import FloatArray
from course_utils.rlhf.world import Replies

__all__ = ["generalised", "return_less"]

Estimator: TypeAlias = Callable[
    [Replies, FloatArray, FloatArray, FloatArray, float],
    tuple[FloatArray, FloatArray],
]
"""From the replies, r, γ, V and λ to the advantages, and the returns that the critic is to predict: 0 in padding."""


def generalised(
    replies: Replies, rewards: FloatArray, discounts: FloatArray, values: FloatArray, lam: float
) -> tuple[FloatArray, FloatArray]:
    """Return A = GAE(γ, λ) and G = A + V."""
    advantages = kernels.gae(rewards, discounts, values, lam)
    return advantages, advantages + values[:, :-1]


def return_less(baseline: Callable[[FloatArray], FloatArray | float]) -> Estimator:
    """Return the estimator A_t = G_t − b, with b of each reply from the returns of all replies, shape (m,)."""

    def estimate(
        replies: Replies, rewards: FloatArray, discounts: FloatArray, values: FloatArray, lam: float
    ) -> tuple[FloatArray, FloatArray]:
        targets = kernels.backward(rewards, discounts)
        b = np.broadcast_to(baseline(targets[:, 0]), len(targets))
        return (targets - b[:, None]) * replies.mask, targets

    return estimate


ADVANTAGES: Mapping[str, Estimator] = MappingProxyType(
    {
        "value": generalised,
        "none": return_less(lambda G: 0.0),
        "batch mean": return_less(lambda G: G.mean()),
        "leave one out": return_less(lambda G: (G.sum() - G) / (len(G) - 1)),
    }
)
