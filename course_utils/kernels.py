"""The bare equations of the floor, each in one place: they check nothing, and call one another.

``policy``, ``returns``, ``objectives`` and ``rlhf`` check what comes in and call these. Actions are the last axis of
logits, time is the last axis of per-step arrays; nothing that goes in is changed. A logit of −inf forbids an action.
A NaN or an infinity that goes in comes out of every row that it touches, so whoever calls can look at the result alone.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from course_utils import arguments
from course_utils.arguments import BoolArray, FloatArray, IntArray

__all__ = ["AdamState", "Clipped", "Preference", "Softmax", "Weighted", "adam", "adam_start", "adapted_beta", "at"]
__all__ += [
    "backward",
    "bradley_terry",
    "entries",
    "entropy",
    "exponentials",
    "finite_log",
    "gae",
    "group_sd",
    "invert",
    "k3",
    "linear_weighted",
    "log_prob",
    "log_softmax",
]
__all__ += ["log_softmax_by_row", "mean_of_others", "mean_slope", "mean_under", "ppo_clip", "row_sums", "score"]
__all__ += ["softmax", "student_limit", "table_gradient", "td_errors", "weighted_log_prob", "whiten"]


NO_SHIFT = 30.0  # exponentials of logits within ± this are neither too large nor too small, in float32 too
CACHED = 2**17  # logits at once: 1 MB, which a core's own cache holds
SMALL = 2048  # entries: below, one pass more is cheaper than the question whether it is needed


class Softmax(NamedTuple):
    """A softmax, from one exponential of each logit."""

    probabilities: FloatArray
    """π, shape (..., n)"""
    shifted: FloatArray
    """z − c, with a number c of each row, shape (..., n)"""
    log_total: FloatArray
    """log Σ_b exp(z_b − c), shape (..., 1): log π = shifted − log_total"""


def softmax(z: FloatArray) -> Softmax:
    """Return π_a = exp(z_a − c) / Σ_b exp(z_b − c): any c gives the same π, and the row's maximum no overflow."""
    pi, shifted, total = exponentials(z)
    pi /= total
    return Softmax(pi, shifted, np.log(total, out=total))


def exponentials(z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return exp(z_a − c), z − c, and Σ_b exp(z_b − c) of shape (..., 1), with a number c of each row."""
    if z.size >= SMALL and z.max() <= NO_SHIFT and z.min() >= -NO_SHIFT:
        shifted = z
    else:
        shifted = z - z.max(axis=-1, keepdims=True)
    e = np.exp(shifted)
    return e, shifted, row_sums(e)


def row_sums(x: FloatArray) -> FloatArray:
    """Return the sum over the last axis, which stays: as a product with ones, where there are many short rows."""
    if x.size < SMALL or x.shape[-1] > 64:
        return np.asarray(x.sum(axis=-1, keepdims=True))
    sums: FloatArray = x.reshape(-1, x.shape[-1]) @ np.ones(x.shape[-1], x.dtype)
    return sums.reshape(*x.shape[:-1], 1)


def log_softmax(z: FloatArray) -> FloatArray:
    """Return log π_a = z_a − c − log Σ_b exp(z_b − c)."""
    _, shifted, log_total = softmax(z)
    result: FloatArray = shifted - log_total
    return result


def log_softmax_by_row(z: FloatArray) -> FloatArray:
    """Return log π_a = z_a − max z − log Σ_b exp(z_b − max z): of a row the same bits whatever rows are beside it."""
    log_pi: FloatArray = z - z.max(axis=-1, keepdims=True)
    log_pi -= np.log(np.exp(log_pi).sum(axis=-1, keepdims=True))
    return log_pi


def at(rows: FloatArray, actions: IntArray) -> FloatArray:
    """Return the entry of each row at its action, shape (...)."""
    return rows.reshape(-1).take(entries(actions, rows.shape[-1]))


def entries(actions: IntArray, n: int) -> IntArray:
    """Return where the action of each row stands in the flattened rows of n, shape (...)."""
    return np.arange(0, actions.size * n, n).reshape(actions.shape) + actions


def log_prob(policy: Softmax, actions: IntArray) -> FloatArray:
    """Return log π(a) of the action in each row."""
    return at(policy.shifted, actions) - policy.log_total[..., 0]


def entropy(policy: Softmax) -> FloatArray:
    """Return H = −Σ_a π_a log π_a, where 0 · log 0 counts as 0."""
    return 0.0 - mean_under(policy.probabilities, finite_log(policy))  # -x would print −0.0


def k3(k1: FloatArray) -> FloatArray:
    """Return e^(−x) − 1 + x of x = log π(a) − log π_ref(a), k1: the same mean under π, and never below 0."""
    return np.expm1(-k1) + k1


def adapted_beta(beta: float, kl: float, target: float, gain: float) -> float:
    """Return β (1 + gain · clip(KL / target − 1, −0.2, 0.2)), the controller that steers the KL to a target."""
    return float(beta * (1 + gain * min(max(kl / target - 1, -0.2), 0.2)))


def mean_under(pi: FloatArray, x: FloatArray) -> FloatArray:
    """Return Σ_a π_a x_a of each row: −H with x = log π, the KL divergence with x = log π − log π_ref."""
    result: FloatArray = (pi * x).sum(axis=-1)
    return result


def mean_slope(pi: FloatArray, x: FloatArray, mean: FloatArray, weight: float | FloatArray) -> FloatArray:
    """Return w ∂ mean / ∂z = w π (x − mean), also where x is log π and a constant, since Σ_a π_a ∂ log π_a / ∂z = 0."""
    result: FloatArray = weight * pi * (x - mean[..., None])
    return result


def finite_log(policy: Softmax) -> FloatArray:
    """Return log π, and the smallest number there is where π is 0: their product is 0."""
    log_pi = policy.shifted - policy.log_total
    return np.maximum(log_pi, np.finfo(log_pi.dtype).min, out=log_pi)


def score(
    pi: FloatArray, actions: IntArray, weights: FloatArray | None = None, out: FloatArray | None = None
) -> FloatArray:
    """Return ∂ log π(a) / ∂z = one-hot(a) − π, times the weight of each row if there are weights.

    out: an array for the result, in C order, which may be π itself
    """
    if weights is None:
        result = np.subtract(0.0, pi, out=out, dtype=pi.dtype, order="C")  # whose reshape is itself
    else:
        result = np.multiply(-weights[..., None], pi, out=out, dtype=pi.dtype, order="C")
    result.reshape(-1)[entries(actions, pi.shape[-1])] += 1 if weights is None else weights
    return result


class Weighted(NamedTuple):
    """The log-probabilities of what was done, each with a weight."""

    log_probs: FloatArray
    policy: Softmax
    score: FloatArray
    terms: FloatArray
    """weight · log π(a)"""
    gradient: FloatArray
    """∂ (1/m) Σ terms / ∂ logits"""


def weighted_log_prob(z: FloatArray, actions: IntArray, weights: FloatArray, m: int) -> Weighted:
    """Return w_t log π(a_t | s_t), and (1/m) w_t (one-hot(a_t) − π_t): the course's objective, with w = A."""
    policy = softmax(z)
    log_probs, of_each = log_prob(policy, actions), score(policy.probabilities, actions)
    return Weighted(log_probs, policy, of_each, log_probs * weights, of_each * np.expand_dims(weights / m, -1))


def table_gradient(pi: FloatArray, entries: IntArray, weights: FloatArray) -> FloatArray:
    """Return Σ_t w_t (one-hot(a_t) − π) in the row of s_t: of W, the weights summed by entry, W − π Σ_b W.

    entries: where the state and the action of each step stand in the flattened table
    """
    taken = np.bincount(entries.ravel(), weights.ravel(), minlength=pi.size).reshape(pi.shape)
    result: FloatArray = (taken - pi * taken.sum(axis=-1, keepdims=True)).astype(pi.dtype, copy=False)
    return result


def linear_weighted(
    theta: FloatArray, x: FloatArray, actions: IntArray, weights: FloatArray
) -> tuple[float, FloatArray]:
    """Return Σ_t w_t log π(a_t | s_t) with logits z = x θ, and Σ_t w_t x_tᵀ (one-hot(a_t) − π_t).

    A few rows at a time: their logits never leave the cache, and all logits at once stand nowhere. The weight and the
    softmax's divisor Σ_b exp z_b go to x_t, which is shorter than the score.
    """
    value, gradient = 0.0, np.zeros_like(theta)
    size = max(1, CACHED // theta.shape[1])
    for rows in (slice(first, first + size) for first in range(0, len(x), size)):
        e, shifted, total = exponentials(x[rows] @ theta)
        w, taken, total = weights[rows], entries(actions[rows], theta.shape[1]), total[:, 0]
        value += float((shifted.reshape(-1).take(taken) - np.log(total)) @ w)
        e.reshape(-1)[taken] -= total  # (π − one-hot) Σ_b exp z_b
        gradient -= (x[rows] * (w / total)[:, None]).T @ e
    return value, gradient


class Clipped(NamedTuple):
    """PPO's surrogate of each step."""

    ratio: FloatArray
    active: BoolArray
    """whether the clipped term is the smaller one"""
    surrogate: FloatArray
    slope: FloatArray
    """∂ surrogate / ∂ log π(a)"""


def ppo_clip(
    log_probs: FloatArray, old_log_probs: FloatArray, advantages: FloatArray, epsilon: float, high: float | None = None
) -> Clipped:
    """Return min(ρA, clip(ρ, 1 − ε, 1 + ε) A), with ρ = π / π_old; its slope is ρA, and 0 where the clip is active.

    high: another ε for the upper bound (DAPO)
    """
    high = epsilon if high is None else high
    ratio = np.exp(log_probs - old_log_probs)
    free = ratio * advantages
    active = ((ratio > 1 + high) & (advantages > 0)) | ((ratio < 1 - epsilon) & (advantages < 0))
    surrogate = np.minimum(free, np.clip(ratio, 1 - epsilon, 1 + high) * advantages)
    return Clipped(ratio, active, surrogate, np.where(active, 0.0, free))


def backward(x: FloatArray, decay: FloatArray, last: FloatArray | float = 0.0) -> FloatArray:
    """Return y_t = x_t + decay_t y_{t+1}, with y_{T+1} = last, along the last axis: returns and GAE are such sums.

    Steps are in blocks of about √T. All blocks go backwards side by side, as if nothing came after each of them; then
    each block hears of what comes after it, of one block, then two, four, eight; then each step gets its share of it.
    Meanwhile the step within the block is the first axis, so that one step of all blocks lies together.
    """
    T = x.shape[-1]
    size = _block_size(T)
    blocks = -(-T // size)
    y, share = (
        _by_step(x, size, 0.0),
        _by_step(decay if decay.shape == x.shape else np.broadcast_to(decay, x.shape), size, 1.0),
    )
    for y_t, y_next, share_t, share_next in zip(y[-2::-1], y[:0:-1], share[-2::-1], share[:0:-1], strict=True):
        y_t += share_t * y_next
        share_t *= share_next
    first, factor = y[0].reshape(-1, blocks).T, share[0].reshape(-1, blocks).T[1:]
    after = np.empty(first.shape, x.dtype)
    after[:-1], after[-1] = first[1:], np.ravel(last)
    reach = 1
    while reach < blocks:
        after[:-reach] += factor * after[reach:]
        factor = factor[:-reach] * factor[reach:]
        reach *= 2
    share *= after.T.ravel()
    share += y
    return share.T.reshape(-1, blocks * size)[:, :T].reshape(x.shape)


def _by_step(x: FloatArray, size: int, padding: float) -> FloatArray:
    """Return a copy of shape (size, rows · blocks), padded behind the last step."""
    T = x.shape[-1]
    rows = x.reshape(-1, T)
    if T % size:
        behind = np.full((len(rows), -T % size), padding, x.dtype)
        rows = np.concatenate([rows, behind], axis=1)
    return rows.reshape(-1, size).T.copy()


@lru_cache(maxsize=128)
def _block_size(T: int) -> int:
    """Return a number near √T, if there is one that divides T."""
    root = max(1, round(math.sqrt(T)))
    return next((size for size in range(root, root // 2, -1) if T % size == 0), root)


def td_errors(rewards: FloatArray, discounts: FloatArray, values: FloatArray) -> FloatArray:
    """Return δ_t = r_t + γ_t V_{t+1} − V_t."""
    result: FloatArray = rewards + discounts * values[..., 1:] - values[..., :-1]
    return result


def gae(rewards: FloatArray, discounts: FloatArray, values: FloatArray, lambda_: float) -> FloatArray:
    """Return A_t = δ_t + γ_t λ A_{t+1}."""
    return backward(td_errors(rewards, discounts, values), lambda_ * discounts)


def whiten(x: FloatArray, mask: BoolArray) -> FloatArray:
    """Return (x − mean) / √(var + 10⁻⁸) over the mask and 0 elsewhere; 0 where all are the same but for rounding."""
    inside = x[mask]
    spread = arguments.deviation(inside)
    if not spread:
        return np.zeros_like(x)
    with np.errstate(over="ignore"):
        variance = inside.var()
    size = np.sqrt(variance + 1e-8) if np.isfinite(variance) else spread
    return np.where(mask, (x - inside.mean()) / size, np.zeros_like(x))


def mean_of_others(x: FloatArray, axis: int = -1) -> FloatArray:
    """Return (Σ_j x_j − x_i) / (K − 1): of each the mean of all others, which knows nothing of it."""
    result: FloatArray = (x.sum(axis=axis, keepdims=True) - x) / (x.shape[axis] - 1)
    return result


def group_sd(x: FloatArray, ddof: int) -> FloatArray:
    """Return √(Σ_i (x_i − mean)² / (K − ddof)) of each group, the last axis, which stays; 0 where all are equal."""
    equal = x.max(axis=-1, keepdims=True) == x.min(axis=-1, keepdims=True)
    return np.where(equal, 0.0, x.std(axis=-1, ddof=ddof, keepdims=True))


class Preference(NamedTuple):
    """What Bradley–Terry says of pairs."""

    loss: FloatArray
    """−log σ(margin)"""
    right: FloatArray
    """σ(margin)"""
    wrong: FloatArray
    """1 − σ(margin), exact for large margins too"""


def bradley_terry(margin: FloatArray) -> Preference:
    """Return −log σ(x), σ(x) and σ(−x), the loss's slope but for its sign, of the margin x of each pair."""
    loss = np.logaddexp(0.0, -margin)
    return Preference(loss, np.exp(-loss), np.exp(-np.logaddexp(0.0, margin)))


def invert(cumulative: FloatArray, uniform: FloatArray | float) -> IntArray:
    """Return min { b : c_b > u c_n } of running sums c, in any proportion: a draw with their shares, for u in [0, 1).

    One row of sums serves all u; of several rows each has its own. c_n and not 1: rounding must not leave a gap.
    """
    threshold = uniform * cumulative[..., -1]
    if cumulative.ndim == 1:
        return np.searchsorted(cumulative, threshold, side="right")
    drawn: IntArray = (cumulative > threshold[..., None]).argmax(axis=-1)
    return drawn


class AdamState(NamedTuple):
    """What Adam remembers."""

    mean: FloatArray
    square: FloatArray
    steps: int


def adam_start(parameters: FloatArray) -> AdamState:
    """Return what Adam remembers before the first step: nothing."""
    return AdamState(np.zeros_like(parameters), np.zeros_like(parameters), 0)


def adam(
    parameters: FloatArray,
    gradient: FloatArray,
    state: AdamState,
    step_size: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[FloatArray, AdamState]:
    """Return θ + α (m / (1 − β₁ᵏ)) / (√(v / (1 − β₂ᵏ)) + ε), and what is remembered after this step k.

    m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²: a v that is infinite makes a step of 0, so look at it too
    """
    k = state.steps + 1
    mean = beta1 * state.mean + _rest(beta1) * gradient
    square = beta2 * state.square + _rest(beta2) * gradient**2
    size = np.sqrt(square / (1 - beta2**k)) + epsilon
    moved: FloatArray = parameters + (step_size / (1 - beta1**k)) * mean / size
    return moved, AdamState(mean, square, k)


def _rest(beta: float) -> float:
    """Return 1 − β as one writes it: 1 − 0.9 is 0.09999999999999998 in binary, and 0.1 is nearer to what is meant."""
    return float(f"{1 - beta:.15g}")


@lru_cache(maxsize=128)
def student_limit(probability: float, freedom: int) -> float:
    """Return z with Pr(|t| > z) = probability, for Student's t with so many degrees of freedom.

    With t = √ν tan u the tail is c ∫ cos^(ν−1) u du from arctan(z / √ν) to π/2, c = Γ((ν+1)/2) / (√π Γ(ν/2)).
    """
    log_c = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(math.pi) / 2
    nodes, node_weights = np.polynomial.legendre.leggauss(96)

    def tail(angle: float) -> float:
        width = min(math.pi / 2 - angle, 12 / math.sqrt(freedom))  # beyond it there is next to nothing
        cosines = np.cos(angle + width * (nodes + 1) / 2)
        return 2 * math.exp(log_c) * width / 2 * float(node_weights @ cosines ** (freedom - 1))

    low, high = 0.0, math.pi / 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle) > probability else (low, middle)
    return math.sqrt(freedom) * math.tan(low)
