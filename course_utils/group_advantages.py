"""Advantages from a group of replies to one prompt, and the weight of a token: what RLOO, GRPO and its repairs change.

All of them climb one objective,

    (1/m) Σ_i w_i Σ_t A_i log π(a_t | s_t),

and differ in the advantage A_i of a reply and the weight w_i of its tokens alone. ``METHODS`` has them by name. A group
is the K replies to one prompt, the last axis of rewards and lengths; leading axes are groups.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from course_utils import arguments, kernels
from course_utils.arguments import FloatArray

__all__ = ["Method", "batch_token_mean", "constant_length", "group_normalised", "group_token_mean"]
__all__ += ["leave_one_out", "mean_baseline", "reply_mean", "sd_weight", "sum_over_time"]
__all__ += ["total_return"]

EPSILON = 1e-4
"""what TRL adds to the standard deviation"""


class Method(NamedTuple):
    """What a method puts into the one objective."""

    advantages: Callable[[FloatArray], FloatArray]
    """from rewards, shape (..., K), to A"""
    token_weights: Callable[[FloatArray, int], FloatArray]
    """from lengths, shape (..., K), and the largest possible length to w"""


def total_return(rewards: ArrayLike) -> FloatArray:
    """Return the rewards themselves: no baseline.

    A_i = R_i

    Args:
        rewards: of the replies, shape (..., K).

    Returns:
        A, shape (..., K).

    Raises:
        TypeError, ValueError: bad arguments.

    Source: Williams 1992 (REINFORCE).
    """
    return _rewards(rewards)


@arguments.no_overflow("rewards")
def mean_baseline(rewards: ArrayLike) -> FloatArray:
    """Return the rewards less the mean of the group, the reply itself among it.

    A_i = R_i − (1/K) Σ_j R_j = (1 − 1/K) (R_i − mean of the others)

    So the expected update is 1 − 1/K times that of ``leave_one_out``: shorter, in the same direction.

    Args:
        rewards: of the replies, shape (..., K).

    Returns:
        A, shape (..., K).

    Raises:
        TypeError, ValueError: bad arguments, or an overflow.

    Source: Liu et al. 2025, Understanding R1-Zero-Like Training (Dr. GRPO).
    """
    rewards = _rewards(rewards)
    result: FloatArray = rewards - rewards.mean(axis=-1, keepdims=True)
    return result


@arguments.no_overflow("rewards")
def leave_one_out(rewards: ArrayLike) -> FloatArray:
    """Return the rewards less the mean of the other replies of the group: RLOO.

    A_i = R_i − (1/(K−1)) Σ_{j ≠ i} R_j

    The others know nothing of reply i, so the expected update is the gradient of the expected reward.

    Args:
        rewards: of the replies, shape (..., K), K ≥ 2.

    Returns:
        A, shape (..., K).

    Raises:
        TypeError, ValueError: bad arguments, or an overflow.

    Source: Kool, van Hoof & Welling 2019; Ahmadian et al. 2024, Back to Basics.
    """
    rewards = _rewards(rewards, at_least=2)
    return rewards - kernels.mean_of_others(rewards)


@arguments.no_overflow("rewards")
def group_normalised(rewards: ArrayLike, *, ddof: int = 1, epsilon: float = EPSILON) -> FloatArray:
    """Return the rewards less the mean of the group, over the standard deviation of the group: GRPO.

    A_i = (R_i − mean R) / (sd R + ε), sd² = Σ_j (R_j − mean R)² / (K − ddof); 0 in a group whose rewards are all equal

    The divisor depends on reply i too, and re-weights prompts: see ``sd_weight``.

    Args:
        rewards: of the replies, shape (..., K); K ≥ 2 with ddof 1.
        ddof: 1 for the sample's sd, as TRL has it; 0 for the population's.
        epsilon: ε ≥ 0, which matters only where the sd is not far above it.

    Returns:
        A, shape (..., K).

    Raises:
        TypeError, ValueError: bad arguments, or an overflow.

    Source: Shao et al. 2024, DeepSeekMath, section 4.1.
    """
    rewards, epsilon = _rewards(rewards, at_least=1 + _ddof(ddof)), arguments.number("epsilon", epsilon, low=0.0)
    return _divided(rewards, kernels.group_sd(rewards, int(ddof)), epsilon)


def sum_over_time(lengths: ArrayLike) -> FloatArray:
    """Return the weight 1 of every token: U(τ; θ) sums over time.

    w_i = 1

    Args:
        lengths: tokens of each reply, at least 1, shape (..., K).

    Returns:
        w, shape (..., K).

    Raises:
        TypeError, ValueError: bad arguments.
    """
    return np.ones_like(_lengths(lengths))


def reply_mean(lengths: ArrayLike) -> FloatArray:
    """Return the weight of every token where each reply is a mean over its tokens: GRPO's, TRL's "grpo".

    w_i = 1 / |o_i|

    An advantage counts more in each token of a short reply: of the right replies the short ones gain most, of the wrong
    ones the long ones lose least.

    Args:
        lengths: |o_i|, tokens of each reply, at least 1, shape (..., K).

    Returns:
        w, shape (..., K).

    Raises:
        TypeError, ValueError: bad arguments.

    Source: Shao et al. 2024, DeepSeekMath, equation 3.
    """
    return 1 / _lengths(lengths)


def constant_length(lengths: ArrayLike, longest: int) -> FloatArray:
    """Return the weight of every token where each reply is a sum over a constant: Dr. GRPO's, TRL's "dr_grpo".

    w_i = 1 / L

    Args:
        lengths: tokens of each reply, at least 1, shape (..., K).
        longest: L, the largest possible length.

    Returns:
        w, shape (..., K).

    Raises:
        TypeError, ValueError: bad arguments, or a reply longer than L.

    Source: Liu et al. 2025, Understanding R1-Zero-Like Training (Dr. GRPO).
    """
    tokens, longest = _lengths(lengths), arguments.count("longest", longest)
    arguments.require("lengths", tokens, tokens <= longest, f"at most longest, {longest}")
    return np.full_like(tokens, 1 / longest)


@arguments.no_overflow("lengths")
def group_token_mean(lengths: ArrayLike) -> FloatArray:
    """Return the weight of every token where each group is a mean over all its tokens: DAPO's.

    w_i = K / Σ_j |o_j|, the sum over the group

    All tokens of a group count alike. A group of long replies still counts less in each token than one of short ones.

    Args:
        lengths: |o_i|, tokens of each reply, at least 1, shape (..., K).

    Returns:
        w, shape (..., K).

    Raises:
        TypeError, ValueError: bad arguments.

    Source: Yu et al. 2025, DAPO, section 3.3.
    """
    tokens = _lengths(lengths)
    return np.broadcast_to(1 / tokens.mean(axis=-1, keepdims=True), tokens.shape).copy()


@arguments.no_overflow("lengths")
def batch_token_mean(lengths: ArrayLike) -> FloatArray:
    """Return the weight of every token where the batch is a mean over all its tokens: TRL's "dapo".

    w_i = m / Σ_j |o_j|, the sum over all m replies of the batch

    Args:
        lengths: |o_i|, tokens of each reply, at least 1, shape (..., K).

    Returns:
        w, shape (..., K).

    Raises:
        TypeError, ValueError: bad arguments.

    Source: TRL, GRPOConfig.loss_type.
    """
    tokens = _lengths(lengths)
    return np.full_like(tokens, 1 / tokens.mean())


def sd_weight(p: ArrayLike, group_size: int, *, ddof: int = 0) -> FloatArray:
    """Return by how much the division by the group's sd multiplies a prompt's expected update, for rewards of 0 and 1.

    w_K(p) = Σ_{S=1}^{K−1} C(K, S) p^{S−1} (1 − p)^{K−S−1} √(S (K − S)) / K, times √((K − 1)/K) for the sample's sd

    p is the probability of a right reply to the prompt; the expected update of the group is w_K(p) ∇p, and ∇p without
    the division. It is smallest at p = ½ and the same for p and 1 − p: easy prompts gain as much as hard ones. At K = 2
    and 3 it is constant; from below it approaches 1/√(p (1 − p)) as K grows.

    Args:
        p: in [0, 1], any shape.
        group_size: K, from 2 to 1,000.
        ddof: 0 for the population's sd, 1 for the sample's.

    Returns:
        w_K(p), shape of p.

    Raises:
        TypeError, ValueError: bad arguments.

    Source: this course; for K → ∞ Mroueh 2025, Reinforcement Learning with Verifiable Rewards.
    """
    (p,) = arguments.floats(p=p)
    arguments.within("p", p, 0.0, 1.0)
    K = arguments.count("group_size", group_size, low=2, high=1_000)
    S = np.arange(1, K)
    log_binomial = np.array([math.lgamma(K + 1) - math.lgamma(s + 1) - math.lgamma(K - s + 1) for s in S])
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 · log 0 counts as 0
        log_p, log_q = (np.where(n == 0, 0.0, n * np.log(x)[..., None]) for n, x in ((S - 1, p), (K - S - 1, 1 - p)))
    terms = np.exp(log_binomial + log_p + log_q) * np.sqrt(S * (K - S)) / K
    result: FloatArray = terms.sum(axis=-1) * math.sqrt((K - _ddof(ddof)) / K)
    return result


TOKEN_WEIGHTS: Mapping[str, Callable[[ArrayLike, int], FloatArray]] = MappingProxyType(
    {
        "grpo": lambda lengths, longest: reply_mean(lengths),
        "dr_grpo": constant_length,
        "dapo": lambda lengths, longest: batch_token_mean(lengths),
    }
)
"""By TRL's loss_type: from the lengths of a batch, and the largest possible length, to w"""

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "total return": Method(total_return, lambda lengths, longest: sum_over_time(lengths)),
        "mean of the group": Method(mean_baseline, lambda lengths, longest: sum_over_time(lengths)),
        "RLOO": Method(leave_one_out, lambda lengths, longest: sum_over_time(lengths)),
        "sd alone": Method(group_normalised, lambda lengths, longest: sum_over_time(lengths)),
        "1/|o| alone": Method(leave_one_out, lambda lengths, longest: reply_mean(lengths)),
        "GRPO": Method(group_normalised, lambda lengths, longest: reply_mean(lengths)),
        "Dr. GRPO": Method(mean_baseline, constant_length),
        "DAPO": Method(group_normalised, lambda lengths, longest: group_token_mean(lengths)),
    }
)
"""The methods, and the two halves of GRPO alone. DAPO's higher clip and its sampling are not in A and w."""


def _divided(rewards: FloatArray, sd: FloatArray, epsilon: float) -> FloatArray:
    """Return (R − mean of the group) / (sd + ε), and 0 where the sd is 0."""
    centred = rewards - rewards.mean(axis=-1, keepdims=True)
    return np.where(sd > 0, centred / np.where(sd > 0, sd + epsilon, 1.0), 0.0)


def _rewards(rewards: ArrayLike, at_least: int = 1) -> FloatArray:
    """Return rewards with a last axis of at least so many replies."""
    (array,) = arguments.floats(rewards=rewards)
    if array.ndim == 0 or array.shape[-1] < at_least:
        wanted = f"(..., K) with K of at least {at_least}, the replies of a group on the last axis"
        raise ValueError(f"rewards has shape {array.shape}, expected {wanted}")
    return array


def _lengths(lengths: ArrayLike) -> FloatArray:
    """Return lengths, whole numbers of at least 1, as floats."""
    counts = arguments.indices("lengths", lengths, 2**31, "a number of tokens")
    if counts.ndim == 0:
        raise ValueError(f"lengths has shape {counts.shape}, expected (..., K)")
    arguments.require("lengths", counts, counts >= 1, "at least 1 token")
    return counts.astype(np.float64)


def _ddof(ddof: int) -> int:
    """Return 0 or 1."""
    return arguments.whole("ddof", ddof, 0, 1)
