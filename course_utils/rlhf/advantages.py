"""The advantage of each token of a batch of replies: one function for each baseline, by name in ``ADVANTAGES``."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from course_utils import group_advantages, kernels
from course_utils.arguments import FloatArray
from course_utils.rlhf.world import Replies

__all__ = ["generalised", "return_less"]

Estimator: TypeAlias = Callable[
    [Replies, FloatArray, FloatArray, FloatArray, float, int, str],
    tuple[FloatArray, FloatArray],
]
"""From the replies, r, γ, V, λ, K and what scales to the advantages, and the returns that the critic is to predict.

Both are 0 in padding. The replies come in groups of K to one prompt; "group" and "batch" scale by the sd of returns.
"""


def generalised(
    replies: Replies, rewards: FloatArray, discounts: FloatArray, values: FloatArray, lam: float, K: int, scale: str
) -> tuple[FloatArray, FloatArray]:
    """Return A = GAE(γ, λ) and G = A + V."""
    advantages = kernels.gae(rewards, discounts, values, lam)
    return advantages, advantages + values[:, :-1]


def return_less(baseline: Callable[[FloatArray], FloatArray | float]) -> Estimator:
    """Return the estimator A_t = G_t − b, over sd + ε where it is scaled, b from the replies' returns, (groups, K)."""

    def estimate(
        replies: Replies, rewards: FloatArray, discounts: FloatArray, values: FloatArray, lam: float, K: int, scale: str
    ) -> tuple[FloatArray, FloatArray]:
        targets = kernels.backward(rewards, discounts)
        G = targets[:, 0].reshape(-1, K)
        b = np.broadcast_to(baseline(G), G.shape).reshape(-1, 1)
        advantages = (targets - b) * replies.mask
        if scale != "none":
            of_group = kernels.group_sd(G if scale == "group" else G.reshape(1, -1), ddof=1)
            sd = np.broadcast_to(of_group, G.shape).reshape(-1, 1)
            advantages = np.where(sd > 0, advantages / (sd + group_advantages.EPSILON), 0.0)
        return advantages, targets

    return estimate


ADVANTAGES: Mapping[str, Estimator] = MappingProxyType(
    {
        "value": generalised,
        "none": return_less(lambda G: 0.0),
        "batch mean": return_less(lambda G: G.mean()),
        "group mean": return_less(lambda G: G.mean(axis=-1, keepdims=True)),
        "leave one out": return_less(kernels.mean_of_others),
    }
)
