"""The softmax policy: probabilities, log-probabilities, score, entropy, KL divergence, samples.

The last axis of logits holds the actions, leading axes are batch. A logit of −inf forbids an action: its
probability is exactly 0. Float32 logits give float32 results, all others float64. Scores and derivatives are
with respect to the logits; at a temperature κ they are those of ``logits / κ``.
"""

from __future__ import annotations  # numpy.random, named in annotations, is slow to load

import numpy as np
from numpy.typing import ArrayLike

from course_utils import arguments, kernels
from course_utils.arguments import FloatArray, IntArray

__all__ = ["entropy", "kl_divergence", "log_prob", "log_softmax", "sample", "score", "softmax"]


def softmax(logits: ArrayLike, temperature: float = 1.0) -> FloatArray:
    """Return the probabilities of a softmax policy.

    π_a = exp(z_a / κ) / Σ_b exp(z_b / κ), with logits z and temperature κ

    Args:
        logits: shape (..., n).
        temperature: κ > 0; a small one favours the best action, a large one evens the actions out.

    Returns:
        π, shape (..., n); every row sums to 1.

    Raises:
        TypeError: not real numbers.
        ValueError: NaN, +inf, a row of −inf only, no action at all, or a temperature that is not positive.

    Source: Xiao & Zhu, Foundations of Large Language Models, ch. 4; Sutton & Barto 2018, section 13.1.
    """
    return kernels.softmax(_checked("logits", logits, temperature)).probabilities


def log_softmax(logits: ArrayLike, temperature: float = 1.0) -> FloatArray:
    """Return the log-probabilities of a softmax policy, exact also where π itself would round to 0.

    log π_a = z_a / κ − log Σ_b exp(z_b / κ)

    Args:
        logits: shape (..., n).
        temperature: κ > 0.

    Returns:
        log π, shape (..., n); −inf for a forbidden action.

    Raises:
        TypeError: not real numbers.
        ValueError: NaN, +inf, a row of −inf only, no action at all, or a temperature that is not positive.

    Source: Xiao & Zhu, Foundations of Large Language Models, ch. 4.
    """
    return kernels.log_softmax(_checked("logits", logits, temperature))


def log_prob(logits: ArrayLike, actions: ArrayLike) -> FloatArray:
    """Return the log-probability of each action taken.

    log π(a) = z_a − log Σ_b exp(z_b)

    Args:
        logits: shape (..., n).
        actions: integers from 0 to n − 1, shape (...).

    Returns:
        log π(a), shape (...); −inf for a forbidden action.

    Raises:
        TypeError: logits are not real numbers, or actions not integers.
        ValueError: bad logits (see ``softmax``), or actions of the wrong shape or out of range.

    Source: Xiao & Zhu, Foundations of Large Language Models, ch. 4.
    """
    z = _checked("logits", logits)
    chosen = arguments.action_indices(actions, z)
    return kernels.log_prob(kernels.softmax(z), chosen)[()]  # [()] makes a plain number of an array without axes


def score(logits: ArrayLike, actions: ArrayLike) -> FloatArray:
    """Return the score, the gradient of log π(a) with respect to the logits.

    ∂ log π(a) / ∂z_b = 1[a = b] − π_b

    Args:
        logits: shape (..., n).
        actions: integers from 0 to n − 1, shape (...).

    Returns:
        One-hot minus π, shape (..., n); every row sums to 0.

    Raises:
        TypeError: logits are not real numbers, or actions not integers.
        ValueError: bad logits (see ``softmax``), actions of the wrong shape or out of range, or a forbidden
            action: its log-probability is −inf and has no gradient.

    Source: Williams 1992 (REINFORCE); Sutton & Barto 2018, section 13.3.
    """
    z = _checked("logits", logits)
    chosen = arguments.action_indices(actions, z, allowed_only=True)
    return kernels.score(kernels.softmax(z).probabilities, chosen)


def entropy(logits: ArrayLike) -> FloatArray:
    """Return the entropy of the policy, in nats.

    H(π) = −Σ_a π_a log π_a, where 0 · log 0 counts as 0

    Args:
        logits: shape (..., n).

    Returns:
        H, shape (...), from 0 (one action certain) to log n (all alike).

    Raises:
        TypeError: not real numbers.
        ValueError: bad logits (see ``softmax``).

    Source: Mnih et al. 2016, section 4 (the entropy bonus).
    """
    return kernels.entropy(kernels.softmax(_checked("logits", logits)))[()]


def kl_divergence(p_logits: ArrayLike, q_logits: ArrayLike) -> FloatArray:
    """Return the Kullback–Leibler divergence of policy p from policy q, in nats.

    KL(p ‖ q) = Σ_a p_a (log p_a − log q_a), where 0 · log 0 counts as 0

    Args:
        p_logits: logits of p, over which the mean is taken, shape (..., n).
        q_logits: logits of q, the reference, shape (..., n).

    Returns:
        KL, shape (...), at least 0. It is +inf exactly where p allows an action that q forbids.

    Raises:
        TypeError: not real numbers.
        ValueError: bad logits (see ``softmax``), or two different shapes.

    Source: Kullback & Leibler 1951; Xiao & Zhu, Foundations of Large Language Models, ch. 4.
    """
    p_logits, q_logits = arguments.floats(p_logits=p_logits, q_logits=q_logits)
    arguments.logits_rows("p_logits", p_logits)
    arguments.shape("q_logits", q_logits, p_logits.shape, "p_logits")
    log_p = kernels.log_softmax(_checked("p_logits", p_logits))
    log_q = kernels.log_softmax(_checked("q_logits", q_logits))
    both = (p_logits > -np.inf) & (q_logits > -np.inf)
    log_ratio = np.subtract(log_p, log_q, where=both, out=np.zeros_like(log_p))
    divergence = np.maximum((np.exp(log_p) * log_ratio).sum(axis=-1), 0.0)  # rounding can dip below 0
    impossible = ((p_logits > -np.inf) & (q_logits == -np.inf)).any(axis=-1)
    result: FloatArray = np.where(impossible, np.inf, divergence).astype(log_p.dtype)
    return result[()]


def sample(logits: ArrayLike, rng: np.random.Generator, temperature: float = 1.0) -> IntArray:
    """Draw one action from each row of logits.

    a = min { b : π_0 + … + π_b > u }, with u uniform on [0, 1): the inverse of the cumulative distribution

    Args:
        logits: shape (..., n).
        rng: a numpy.random.Generator; one uniform number is drawn per row.
        temperature: κ > 0.

    Returns:
        Actions, integers of shape (...); never a forbidden one.

    Raises:
        TypeError: logits are not real numbers, or rng is not a Generator.
        ValueError: bad logits or temperature (see ``softmax``).

    Source: Devroye 1986, Non-Uniform Random Variate Generation, section III.2.
    """
    generator = arguments.generator(rng)
    cumulative = softmax(logits, temperature).cumsum(axis=-1)
    return kernels.invert(cumulative, generator.random(cumulative.shape[:-1]))


def _checked(name: str, logits: ArrayLike, temperature: float = 1.0) -> FloatArray:
    """Return z, or (z − max z) / κ: the same policy as z / κ, and its exponential cannot overflow."""
    z, kappa = arguments.cast(**{name: logits, "temperature": temperature})
    arguments.action_axis(name, z)
    with np.errstate(over="ignore", invalid="ignore"):
        if not kappa.ndim and kappa == 1 and np.isfinite(z.max() - z.min()):
            return z
    z, kappa = arguments.floats(**{name: logits, "temperature": temperature})
    if kappa.ndim or kappa <= 0:
        raise ValueError(f"temperature is {temperature}, expected a positive number (in {z.dtype})")
    arguments.logits_rows(name, z)
    with np.errstate(over="ignore"):
        scaled: FloatArray = (z - z.max(axis=-1, keepdims=True)) / kappa
    fits = np.isfinite(scaled) | (z == -np.inf)
    arguments.require(name, z, fits, f"logits whose differences, over the temperature, fit {z.dtype}")
    return scaled
