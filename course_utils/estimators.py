"""Estimators of the policy gradient from sampled trajectories, and their errors beside the exact gradient.

All score-function estimators are one sum with different weights: g(τ) = Σ_t w_t ∂ log π(a_t | s_t) / ∂logits, and the
estimate is the mean of g over the m trajectories of a batch. All answers are float64.

A weight function takes a record of m trajectories of at most T steps (``rollout.Rollout`` or ``mdp.Trajectories``) and
returns the weights, shape (m, T), 0 in padding. It raises TypeError for a record of another type or what is no real
number, and ValueError for arrays that do not fit together, NaN or inf, or an overflow.

With γ < 1 the gradient of J counts step t by Γ_t = γ^(t−1). ``discount_steps=False`` leaves that factor out, as many
programs do: another direction, which is in general the gradient of nothing. Return, reward-to-go and every baseline
count recorded rewards only: where an episode was truncated, what would have followed counts as 0. ``td_error`` and
``gae`` let the value of the last state stand for it.
"""

from __future__ import annotations  # numpy.random, named in annotations, is slow to load

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils import arguments, kernels, policy, returns, rollout
from course_utils.arguments import FloatArray, IntArray
from course_utils.mdp import TabularMDP, Trajectories
from course_utils.rollout import Rollout

__all__ = ["Comparison", "GaeMoments", "Moments", "batch_mean_baseline", "compare", "constant_baseline", "describe"]
__all__ += ["exact_moments", "finite_difference", "gae", "gae_moments", "leave_one_out_baseline", "optimal_baseline"]
__all__ += ["reward_to_go", "score_gradients", "summarise", "td_error", "total_return", "value_baseline"]


Record: TypeAlias = Rollout | Trajectories
AnyRecord = TypeVar("AnyRecord", bound=Record)
Weighting: TypeAlias = Callable[[Rollout], ArrayLike]

_LARGEST_CHUNK = 4_000_000  # entries of the gradients of some trajectories at once: 32 MB
_LARGEST = float(np.finfo(np.float64).max)
_SAMPLED_AT_ONCE = 20_000  # episodes
_ROUNDING = 1e-12  # relative to the largest entry: a bias below it is rounding


class Moments(NamedTuple):
    """Exact expectation and variance of one trajectory's gradient; of a mean over m of them, variance / m."""

    mean: FloatArray
    """E[g(τ)], shape (S, A)"""
    variance: float
    """E|g(τ) − E g|², the trace of the covariance"""


class Comparison(NamedTuple):
    """What B independent estimates of one gradient say about their estimator, with standard errors."""

    mean: FloatArray
    """mean over the estimates, shape (S, A)"""
    bias: FloatArray
    """mean − exact, shape (S, A)"""
    bias_error: FloatArray
    """standard error of each entry of the bias, shape (S, A)"""
    largest_z: float
    """the largest |bias| / bias_error of all entries"""
    z_limit: float
    """what an unbiased estimator exceeds with probability false_alarm at most (Student's t, Bonferroni)"""
    biased: bool
    """largest_z > z_limit: the bias is distinguishable from 0"""
    variance: float
    """of one estimate: the trace of the covariance"""
    variance_error: float
    """standard error of the variance"""
    snr: float
    """|exact|² / variance, the signal-to-noise ratio of one estimate; inf without any variance"""
    snr_error: float
    """standard error of the signal-to-noise ratio"""
    cosine: float
    """mean cosine of the angle between an estimate and the exact gradient; one of length 0 counts as 0"""
    cosine_error: float
    """standard error of the cosine"""


class GaeMoments(NamedTuple):
    """What the estimate Â of a state and a first action is on average, and how far it spreads."""

    mean: FloatArray
    """E[Â_t | s_t = s, a_t = a], shape (S, A)"""
    variance: FloatArray
    """Var[Â_t | s_t = s, a_t = a], shape (S, A)"""


# One sum for all


@arguments.no_overflow("weights, logits")
def score_gradients(logits: ArrayLike, record: Record, weights: ArrayLike) -> FloatArray:
    """Return the weighted sum of scores of every trajectory.

    g(τ) = Σ_t w_t ∂ log π(a_t | s_t) / ∂logits, so g(s, a) = n_w(s, a) − π(a | s) Σ_b n_w(s, b), where n_w(s, a)
    is the sum of the weights of all steps with action a in state s

    The estimate of the policy gradient is the mean over trajectories, ``.mean(axis=0)``: each sampled trajectory has
    the same probability 1/m, however probable it was.

    Args:
        logits: shape (S, A).
        record: m trajectories with state indices.
        weights: shape (m, T), as returned by the weight functions; what stands in padding is ignored.

    Returns:
        g, shape (m, S, A).

    Raises:
        TypeError: a record of another type, or logits or weights that are not real numbers.
        ValueError: wrong shapes, NaN or inf, states or actions that logits do not have, or an overflow.

    Source: Williams 1992 (REINFORCE); Xiao & Zhu, Foundations of Large Language Models, ch. 4.
    """
    _check(record)
    return _gradients(_policy(logits, record), record, _checked_weights("weights", weights, record))


# The weights


@arguments.no_overflow("record.rewards")
def total_return(record: Record) -> FloatArray:
    """Return the whole return as the weight of every step.

    w_t = R(τ) = Σ_k γ^(k−1) r_k

    Every action gets the credit for all rewards, also for those before it. Rewards that were not recorded, since the
    episode was truncated, do not count.

    Source: Williams 1992 (REINFORCE); Xiao & Zhu, Foundations of Large Language Models, ch. 4.
    """
    _check(record)
    total = (_step_discounts(record) * record.rewards * record.mask).sum(axis=1, keepdims=True)
    result: FloatArray = total * record.mask
    return result + 0.0  # padding must not print -0.0


@arguments.no_overflow("record.rewards")
def reward_to_go(record: Record, *, discount_steps: bool = True) -> FloatArray:
    """Return the part of the return that the step can still change.

    w_t = γ^(t−1) G_t, with G_t = Σ_{k ≥ t} γ^(k−t) r_k

    Rewards that were not recorded, since the episode was truncated, do not count.

    Source: Sutton & Barto 2018, section 13.3.
    """
    return _weighted(record, _returns_to_go(record), discount_steps)


@arguments.no_overflow("record.rewards, baseline")
def constant_baseline(record: Record, baseline: float, *, discount_steps: bool = True) -> FloatArray:
    """Return reward-to-go minus a constant.

    w_t = γ^(t−1) (G_t − b)

    The expectation of the estimate is the same for every b, its variance is not.

    Args:
        baseline: b.

    Source: Williams 1992; Sutton & Barto 2018, section 13.4.
    """
    baseline = arguments.number("baseline", baseline)
    return _weighted(record, _returns_to_go(record) - baseline, discount_steps)


@arguments.no_overflow("record.rewards")
def batch_mean_baseline(record: Record, *, discount_steps: bool = True) -> FloatArray:
    """Return reward-to-go minus its mean over the batch, the trajectory itself included.

    w_t = γ^(t−1) (G_t − b_t), with b_t = (1/m) Σ_j G_t^j, where an episode that is over by then counts as 0

    Its own return is part of each trajectory's baseline, so the expectation of the estimate is (1 − 1/m) times what
    it should be. The weights of a trajectory depend on the batch: take a sampled batch, not an enumeration.

    Source: Greensmith, Bartlett & Baxter 2004 (baselines that depend on the sample).
    """
    to_go = _returns_to_go(record)
    return _weighted(record, to_go - to_go.mean(axis=0), discount_steps)


@arguments.no_overflow("record.rewards")
def leave_one_out_baseline(record: Record, *, discount_steps: bool = True) -> FloatArray:
    """Return reward-to-go minus its mean over the other trajectories of the batch.

    w_t^i = γ^(t−1) (G_t^i − b_t^i), with b_t^i = (1/(m−1)) Σ_{j ≠ i} G_t^j, where an episode that is over by then
    counts as 0

    The baseline is independent of the trajectory that it is for, so it leaves the expectation alone. The weights are
    m/(m−1) times those of ``batch_mean_baseline``. Take a sampled batch of m ≥ 2, not an enumeration.

    Source: Kool, van Hoof & Welling 2019, Buy 4 REINFORCE Samples, Get a Baseline for Free!
    """
    to_go = _returns_to_go(record)
    m = len(to_go)
    if m < 2:
        raise ValueError("record has 1 trajectory, expected at least 2: leave-one-out needs others to average over")
    return _weighted(record, to_go - kernels.mean_of_others(to_go, axis=0), discount_steps)


@arguments.no_overflow("record.rewards, values")
def value_baseline(record: Record, values: ArrayLike, *, discount_steps: bool = True) -> FloatArray:
    """Return reward-to-go minus the value of the state.

    w_t = γ^(t−1) (G_t − V(s_t))

    Any table leaves the expectation alone, since it is not asked about the action. Rewards that were not recorded,
    since the episode was truncated, do not count; ``gae`` with λ = 1 is the same with a bootstrap there.

    Args:
        values: V, shape (S,); or by time, shape (horizon + 1, S), as from ``TabularMDP.state_values``.

    Source: Sutton & Barto 2018, section 13.4 (REINFORCE with baseline).
    """
    to_go = _returns_to_go(record)
    return _weighted(record, to_go - _values_at(record, values)[:, :-1], discount_steps)


@arguments.no_overflow("record.rewards, values")
def td_error(record: Record, values: ArrayLike, *, discount_steps: bool = True) -> FloatArray:
    """Return the temporal-difference errors.

    w_t = γ^(t−1) δ_t, with δ_t = r_t + γ V(s_{t+1}) − V(s_t), where nothing follows the end of an episode

    Unbiased with the exact values; with others, the error of V(s_{t+1}) is a bias. Where an episode was truncated,
    the value of the state after it counts.

    Args:
        values: V, shape (S,); or by time, shape (horizon + 1, S), as from ``TabularMDP.state_values``.

    Source: Sutton & Barto 2018, section 13.5 (one-step actor-critic).
    """
    _check(record)
    deltas = returns.td_errors(record.rewards, record.discounts, _values_at(record, values))
    return _weighted(record, deltas, discount_steps)


@arguments.no_overflow("record.rewards, values")
def gae(record: Record, values: ArrayLike, lambda_: float, *, discount_steps: bool = True) -> FloatArray:
    """Return the generalised advantage estimates.

    w_t = γ^(t−1) Σ_l (γλ)^l δ_{t+l}, cut at the end of the episode

    λ = 0 is ``td_error``. λ = 1 is ``value_baseline``, but where an episode was truncated the value of the state
    after it counts.

    Args:
        values: V, shape (S,); or by time, shape (horizon + 1, S), as from ``TabularMDP.state_values``.
        lambda_: λ in [0, 1].

    Source: Schulman et al. 2016, High-Dimensional Continuous Control Using Generalized Advantage Estimation.
    """
    _check(record)
    advantages = returns.gae(record.rewards, record.discounts, _values_at(record, values), lambda_)
    return _weighted(record, advantages, discount_steps)


@arguments.no_overflow("record.rewards, logits")
def optimal_baseline(
    record: Record, logits: ArrayLike, probabilities: ArrayLike | None = None, *, discount_steps: bool = True
) -> float:
    """Return the constant baseline that makes the variance of the estimate smallest.

    b = E[X · Y] / E|Y|², with X = Σ_t γ^(t−1) G_t ∂ log π(a_t | s_t) / ∂logits and Y the same sum without G_t

    Y has expectation 0, so the variance E|X − b Y|² − |E X|² is a parabola in b, and this is its lowest point. Other
    than V, it weighs each return with the squared length of its score.

    Args:
        record: all trajectories of an MDP, for the exact answer; or a sampled batch, for an estimate.
        logits: shape (S, A).
        probabilities: Pr(τ) of each trajectory, shape (m,); None for those of ``mdp.Trajectories``, 1/m for a batch.
        discount_steps: as for ``constant_baseline``: False leaves γ^(t−1) out of X and Y.

    Returns:
        b; 0 where a baseline changes nothing, because every score is 0.

    Raises:
        TypeError: a record of another type, arrays that are not real numbers, or discount_steps no Boolean.
        ValueError: wrong shapes, NaN or inf, states or actions that logits do not have, probabilities that do not
            sum to 1, or an overflow.

    Source: Weaver & Tao 2001; Greensmith, Bartlett & Baxter 2004.
    """
    to_go = _returns_to_go(record)
    pi, p = _policy(logits, record), _probabilities(record, probabilities)
    with_return = _weighted(record, to_go, discount_steps)
    without = _weighted(record, np.ones_like(to_go), discount_steps)
    product = square = 0.0
    for rows in _chunks(len(p), pi.size):
        part = _rows(record, rows)
        x, y = _gradients(pi, part, with_return[rows]), _gradients(pi, part, without[rows])
        product += float(p[rows] @ (x * y).sum(axis=(1, 2)))
        square += float(p[rows] @ (y * y).sum(axis=(1, 2)))
    return product / square if square > 0 else 0.0


# Exact


@arguments.no_overflow("weights, logits")
def exact_moments(trajectories: Trajectories, logits: ArrayLike, weights: ArrayLike) -> Moments:
    """Return the exact expectation and variance of one trajectory's weighted sum of scores, by enumeration.

    E g = Σ_τ Pr(τ) g(τ) and E|g − E g|² = Σ_τ Pr(τ) |g(τ) − E g|²

    Args:
        trajectories: all of them, from ``TabularMDP.enumerate_trajectories`` with the same logits.
        logits: shape (S, A).
        weights: shape (N, T); each trajectory's must depend on itself alone (no batch baselines).

    Returns:
        Moments: the mean, shape (S, A), and the trace of the covariance.

    Raises:
        TypeError: trajectories of another type, or arrays that are not real numbers.
        ValueError: wrong shapes, NaN or inf, probabilities that do not sum to 1, states or actions that logits do
            not have, or an overflow.

    Source: Xiao & Zhu, Foundations of Large Language Models, ch. 4 (J as a sum over trajectories).
    """
    if not isinstance(trajectories, Trajectories):
        raise TypeError(f"trajectories is {type(trajectories).__name__}, expected course_utils.mdp.Trajectories")
    _check(trajectories, "trajectories")
    pi, checked = _policy(logits, trajectories, "trajectories"), _checked_weights("weights", weights, trajectories)
    p = _probabilities(trajectories, None)
    shares, means, squares = [], [], 0.0
    for rows in _chunks(len(p), pi.size):
        g = _gradients(pi, _rows(trajectories, rows), checked[rows])
        share = p[rows].sum()
        mean = np.tensordot(p[rows], g, axes=1) / share if share > 0 else g[0]
        squares += float(p[rows] @ ((g - mean) ** 2).sum(axis=(1, 2)))
        shares.append(share)
        means.append(mean)
    mean = np.tensordot(shares, means, axes=1)
    between = float(np.dot(shares, ((np.array(means) - mean) ** 2).sum(axis=(1, 2))))
    return Moments(mean, squares + between)


@arguments.no_overflow("values, logits")
def gae_moments(mdp: TabularMDP, logits: ArrayLike, values: ArrayLike, lambda_: float) -> GaeMoments:
    """Return the exact mean and variance of the generalised advantage estimate of every state and action.

    E[Â | s, a] = E_{s'}[X], with X = r(s, a) + γ V̂(s') − V̂(s) + γλ m(s')
    Var[Â | s, a] = Var_{s'}[X] + (γλ)² E_{s'}[v(s')]

    since Â_t = δ_t + γλ Â_{t+1}. Both m(s) = E[Â | s] = Σ_a π(a | s) E[Â | s, a] and v(s) = Var[Â | s] =
    Σ_a π(a | s) Var[Â | s, a] + Var_a[E[Â | s, a]] solve a linear system.

    Args:
        mdp: an MDP without a horizon.
        logits: of the policy that acts from the second step on, shape (S, A).
        values: the critic V̂, shape (S,), 0 in terminal states.
        lambda_: λ in [0, 1].

    Returns:
        GaeMoments; both of shape (S, A), 0 in terminal states.

    Raises:
        TypeError: not real numbers.
        ValueError: wrong shape, an MDP with a horizon, a critic that is not 0 in a terminal state, or λ out of range.

    Source: the law of total variance; Sobel 1982 (the variance of discounted returns).
    """
    arguments.instance("mdp", mdp, TabularMDP)
    lambda_ = arguments.number("lambda_", lambda_, low=0.0, high=1.0)
    mdp.state_values(logits)  # refuses logits of another shape, and a policy without values
    logits, values = arguments.floats(logits=logits, values=values)
    arguments.shape("values", values, (mdp.n_states,), "the MDP's states")
    if mdp.horizon is not None:
        raise ValueError(f"mdp has horizon {mdp.horizon}, expected None: the moments depend on the state alone")
    terminal = np.isin(np.arange(mdp.n_states), mdp.terminal_states)
    arguments.require("values", values, ~terminal | (values == 0), "0 in a terminal state")
    pi, decay = policy.softmax(logits), mdp.discount * lambda_
    moves = np.einsum("sa,sax->sx", pi, mdp.transitions)
    live = np.flatnonzero(~terminal)

    def solve(right: FloatArray, factor: float) -> FloatArray:
        """Return x = right + factor · P x over the states that are not terminal; 0 elsewhere."""
        x = np.zeros(mdp.n_states)
        x[live] = np.linalg.solve(np.eye(live.size) - factor * moves[np.ix_(live, live)], right[live])
        return x

    deltas = mdp.rewards[:, :, None] + mdp.discount * values - values[:, None, None]  # δ of (s, a, s')
    mean_deltas = (mdp.transitions * deltas).sum(axis=2)
    following = solve((pi * mean_deltas).sum(axis=1), decay)  # m
    mean = (mdp.transitions * (deltas + decay * following)).sum(axis=2)
    within = (mdp.transitions * (deltas + decay * following - mean[:, :, None]) ** 2).sum(axis=2)
    of_actions = (pi * (mean - following[:, None]) ** 2).sum(axis=1)
    spread = solve((pi * within).sum(axis=1) + of_actions, decay**2)  # v
    variance = within + decay**2 * mdp.transitions @ spread
    return GaeMoments(np.where(terminal[:, None], 0.0, mean), np.where(terminal[:, None], 0.0, variance))


# Measured


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what is not finite is found at the end
def summarise(estimates: ArrayLike, exact: ArrayLike, *, false_alarm: float = 1e-3) -> Comparison:
    """Return bias, variance, signal-to-noise ratio and cosine of an estimator, from independent estimates.

    bias = mean − exact; variance = Σ_b |g_b − mean|² / (B − 1); SNR = |exact|² / variance; cosine = mean of
    g_b · exact / (|g_b| |exact|)

    The bias counts as distinguishable from 0 where an entry is more standard errors away from it than z_limit, a
    quantile of Student's t. That happens to an unbiased estimator with probability ``false_alarm`` at most, as far as
    the mean of B estimates is normally distributed. The standard errors of variance and SNR are those of large B.

    Args:
        estimates: shape (B, S, A), with B ≥ 2; each from its own samples.
        exact: the exact gradient, shape (S, A).
        false_alarm: in (0, 1); shared out over all entries that vary (Bonferroni).

    Returns:
        Comparison; each field says what it is.

    Raises:
        TypeError: not real numbers.
        ValueError: wrong shapes, NaN or inf, fewer than two estimates, false_alarm out of range, or an overflow.

    Source: Sutton & Barto 2018, section 13.4; Student 1908.
    """
    estimates, exact = (
        arguments.floats(**{name: value})[0].astype(np.float64)
        for name, value in [("estimates", estimates), ("exact", exact)]
    )
    if estimates.ndim != 3 or len(estimates) < 2:
        raise ValueError(f"estimates has shape {estimates.shape}, expected (B, S, A) with B at least 2")
    arguments.shape("exact", exact, estimates.shape[1:], "estimates without their first axis")
    false_alarm = _false_alarm(false_alarm)
    largest_square = float((estimates**2).sum() + (exact**2).sum())
    if not math.isfinite(largest_square):
        raise arguments.OverflowValueError("estimates, exact", estimates.dtype)
    n, root = len(estimates), math.sqrt(len(estimates))
    centre = estimates[0]  # subtracted first, so that an entry that never varies has a deviation of exactly 0
    mean = centre + (estimates - centre).mean(axis=0)
    deviation = estimates - mean
    bias, bias_error = mean - exact, estimates.std(axis=0, ddof=1) / root
    bias_error[np.ptp(estimates, axis=0) == 0] = 0.0
    rounding = _ROUNDING * max(np.abs(estimates).max(), np.abs(exact).max())
    z = np.where(np.abs(bias) <= rounding, 0.0, np.abs(bias) / bias_error)
    z_limit = kernels.student_limit(false_alarm / max(1, int((bias_error > 0).sum())), n - 1)

    squares = (deviation**2).sum(axis=(1, 2))
    variance, variance_error = float(squares.sum() / (n - 1)), float(squares.std(ddof=1) / root)
    if variance <= exact.size * rounding**2:  # what is left is rounding, and must not make the SNR a large number
        variance = variance_error = 0.0
    if not (math.isfinite(variance) and math.isfinite(variance_error)):
        raise arguments.OverflowValueError("estimates, exact", estimates.dtype)
    signal = float((exact**2).sum())
    snr = signal / variance if variance > 0 else (math.inf if signal > 0 else 0.0)
    snr_error = snr * variance_error / variance if variance > 0 else 0.0
    lengths = np.sqrt((estimates**2).sum(axis=(1, 2)) * signal)
    directed = lengths > rounding * math.sqrt(exact.size * signal)  # the direction of rounding errors is none
    cosines = np.divide((estimates * exact).sum(axis=(1, 2)), lengths, where=directed, out=np.zeros(n))
    return Comparison(
        mean=mean,
        bias=bias,
        bias_error=bias_error,
        largest_z=float(z.max()),
        z_limit=z_limit,
        biased=bool(z.max() > z_limit),
        variance=variance,
        variance_error=variance_error,
        snr=snr,
        snr_error=snr_error,
        cosine=float(cosines.mean()),
        cosine_error=float(cosines.std(ddof=1) / root),
    )


def compare(
    weightings: Mapping[str, Weighting],
    mdp: TabularMDP,
    logits: ArrayLike,
    *,
    episodes: int,
    batches: int,
    rng: np.random.Generator,
    max_steps: int | None = None,
    false_alarm: float = 1e-3,
) -> dict[str, Comparison]:
    """Measure estimators beside the exact policy gradient, all on the same sampled batches.

    Each estimate is (1/m) Σ_i Σ_t w_t^i ∂ log π(a_t | s_t) / ∂logits over one batch of m episodes.

    Args:
        weightings: by name, functions from a batch (Rollout) to weights, shape (m, T). Those of this module with more
            arguments: ``lambda record: td_error(record, values)``.
        mdp: the MDP.
        logits: shape (S, A).
        episodes: m, the size of a batch, at least 1.
        batches: B, at least 2.
        rng: a numpy.random.Generator.
        max_steps: truncate episodes after so many steps; None for no cut.
        false_alarm: probability that an unbiased estimator is called biased, in (0, 1), for each estimator.

    Returns:
        A Comparison of B estimates for each name.

    Raises:
        TypeError: weightings without names or functions, or an argument of another type.
        ValueError: weights of the wrong shape, NaN or inf, or a number out of range; see also ``rollout.from_mdp``
            and ``summarise``.

    Source: Greensmith, Bartlett & Baxter 2004 (estimators by their variance).
    """
    if not isinstance(weightings, Mapping) or not all(
        callable(function) and not isinstance(function, type) for function in weightings.values()
    ):
        raise TypeError(
            f"weightings is {arguments.said(weightings)}, expected a dictionary of functions from a record to weights"
        )
    if not weightings:
        raise ValueError("weightings is empty, expected at least one function from a record to weights")
    arguments.instance("mdp", mdp, TabularMDP)
    episodes = arguments.count("episodes", episodes)
    batches = arguments.count("batches", batches, low=2)
    generator, false_alarm = arguments.generator(rng), _false_alarm(false_alarm)
    exact = mdp.policy_gradient(logits)
    estimates = {name: np.empty((batches, *exact.shape)) for name in weightings}
    at_once = max(1, _SAMPLED_AT_ONCE // episodes)
    for first in range(0, batches, at_once):
        count = min(at_once, batches - first)
        # Read-only: the functions that follow all get the same batch, and none may change it for the next.
        sampled: Rollout = arguments.frozen(rollout.from_mdp(mdp, logits, count * episodes, generator, max_steps))
        pi = _policy(logits, sampled)
        for b in range(count):
            batch = _trimmed(_rows(sampled, slice(b * episodes, (b + 1) * episodes)))
            for name, function in weightings.items():
                weights = _checked_weights(f"weightings[{name!r}]", function(batch), batch)
                estimates[name][first + b] = kernels.table_gradient(pi, _entries(pi, batch), weights) / episodes
    return {name: summarise(found, exact, false_alarm=false_alarm) for name, found in estimates.items()}


def describe(comparisons: Mapping[str, Comparison]) -> str:
    """Return comparisons as a small table of text, one line for each estimator.

    Standard errors stand after ±. A bias is given where it is distinguishable from 0: that of the entry with the
    largest z, with its state and action.

    Args:
        comparisons: by name, as from ``compare``.

    Returns:
        The table, to be printed.

    Raises:
        TypeError: anything but comparisons by name.
        ValueError: none at all.

    Source: this course.
    """
    if not isinstance(comparisons, Mapping) or not all(isinstance(c, Comparison) for c in comparisons.values()):
        raise TypeError(
            f"comparisons is {arguments.said(comparisons)}, expected a dictionary of Comparison, as from compare"
        )
    if not comparisons:
        raise ValueError("comparisons is empty, expected at least one")
    rows = [("estimator", "variance", "SNR", "cosine", "bias")]
    for name, c in comparisons.items():
        pairs = ((c.variance, c.variance_error), (c.snr, c.snr_error), (c.cosine, c.cosine_error))
        try:
            variance, snr, cosine = (_measured(*pair) for pair in pairs)
            rows.append((str(name), variance, snr, cosine, _described_bias(c)))
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise TypeError(f"comparisons[{name!r}] has fields that are no numbers, expected one of compare") from error
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    return "\n".join("  ".join([*(f"{row[k]:<{widths[k]}}" for k in range(4)), row[4]]) for row in rows)


# Without the score


@arguments.no_overflow("rewards, step")
def finite_difference(
    mdp: TabularMDP,
    logits: ArrayLike,
    episodes: int,
    step: float,
    rng: np.random.Generator,
    *,
    common_random_numbers: bool = False,
    max_steps: int | None = None,
) -> FloatArray:
    """Return an estimate of the policy gradient by central differences of sampled returns.

    ĝ(s, a) = (J̄(logits + h e_sa) − J̄(logits − h e_sa)) / (2 h), with J̄ the mean return of sampled episodes and
    step h

    One estimate for each logit takes two rollouts, so ``episodes`` are shared out over 2 · S · A of them, S the
    states that are not terminal. The expectation is the central difference of J, off the gradient by order h²; the
    variance grows as 1/h². With common random numbers, step t of episode i draws the same numbers in both rollouts of
    a pair, so that most of what chance does cancels.

    Args:
        mdp: the MDP.
        logits: shape (S, A).
        episodes: number of episodes in all, at least one for each rollout; a remainder is not used.
        step: h > 0.
        rng: a numpy.random.Generator.
        common_random_numbers: whether the two rollouts of a pair share their random numbers.
        max_steps: truncate episodes after so many steps; None for no cut.

    Returns:
        The estimate, shape (S, A); 0 for terminal states and forbidden actions, which take no rollout.

    Raises:
        TypeError: an argument of another type.
        ValueError: too few episodes, a step that is not positive or too small to move a logit, or an overflow; see
            also ``rollout.from_mdp``.

    Source: Glasserman 2004, Monte Carlo Methods in Financial Engineering, section 7.1.
    """
    arguments.instance("mdp", mdp, TabularMDP)
    (table,) = arguments.floats(logits=logits)
    arguments.shape("logits", table, mdp.rewards.shape, "the MDP's (S, A)")
    arguments.logits_rows("logits", table)
    table = table.astype(np.float64)
    step = arguments.positive("step", arguments.number("step", step))
    generator = arguments.generator(rng)
    common = arguments.flag("common_random_numbers", common_random_numbers)
    if max_steps is None:
        rollout.require_end(mdp, table)
    varied = [(int(s), int(a)) for s, a in np.argwhere(table > -np.inf) if s not in mdp.terminal_states]
    episodes = arguments.count("episodes", episodes, low=2 * len(varied))
    each = episodes // (2 * len(varied))
    result = np.zeros(table.shape)
    for s, a in varied:
        pair = np.array([table, table])
        pair[:, s, a] += (step, -step)
        if (pair[:, s, a] == table[s, a]).any():
            raise ValueError(f"step is {step}, too small to move logits[{s}, {a}], which is {table[s, a]}")
        if common:
            up, down = _paired_performance(mdp, policy.softmax(pair), each, generator, max_steps)
        else:
            up, down = (
                _returns_to_go(rollout.from_mdp(mdp, moved, each, generator, max_steps))[:, 0].mean() for moved in pair
            )
        result[s, a] = (up - down) / (2 * step)
    return result


# Inside


def _paired_performance(
    mdp: TabularMDP, pair: FloatArray, episodes: int, generator: np.random.Generator, max_steps: int | None
) -> FloatArray:
    """Return the mean returns of two policies, shape (2, S, A), whose episodes share their random numbers.

    ``rollout.from_mdp`` draws for the episodes that still run, so the numbers of two rollouts shift against each other
    as soon as an episode ends in one of them only. Here step t of episode i has the same numbers in both.
    """
    limits = [mdp.horizon, None if max_steps is None else arguments.whole("max_steps", max_steps, low=1)]
    limit = min((steps for steps in limits if steps is not None), default=None)
    ending = np.isin(np.arange(mdp.n_states), mdp.terminal_states)
    side = np.arange(2)[:, None]
    cumulative_pi, cumulative_transitions = pair.cumsum(axis=2), mdp.transitions.cumsum(axis=2)
    first = kernels.invert(mdp.start.cumsum(), generator.random(episodes))
    state = np.stack([first, first])
    total, factor, t = np.zeros(state.shape), 1.0, 0
    while not ending[state].all() and (limit is None or t < limit):
        rollout.require_end_by(t, 1, endless=limit is None)
        action = kernels.invert(cumulative_pi[side, state], generator.random(episodes))
        total += factor * mdp.rewards[state, action]  # 0 in terminal states, which lead to themselves
        state = kernels.invert(cumulative_transitions[state, action], generator.random(episodes))
        factor, t = factor * mdp.discount, t + 1
    result: FloatArray = total.mean(axis=1)
    return result


def _check(record: object, called: str = "record") -> None:
    """Require a record whose arrays fit together."""
    if not isinstance(record, (Rollout, Trajectories)):
        raise TypeError(
            f"{called} is {type(record).__name__}, expected course_utils.rollout.Rollout or "
            "course_utils.mdp.Trajectories"
        )
    arrays = {name: value for name, value in record._asdict().items() if name != "states"}
    for name, array in (("states", record.states), *arrays.items()):
        if type(array) not in (np.ndarray, np.memmap):  # a masked array's mask would be lost, a matrix multiplies
            raise TypeError(f"{called}.{name} is {type(array).__name__}, expected an array, as from a rollout")
    shape = record.rewards.shape
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"{called}.rewards has shape {shape}, expected (m, T) with at least one step")
    for name in ("actions", "discounts", "mask"):
        arguments.shape(f"{called}.{name}", arrays[name], shape, f"{called}.rewards")
    if record.states.shape[:2] != (shape[0], shape[1] + 1):
        wanted = f"expected (m, T + 1) for rewards of shape {shape}"
        raise ValueError(f"{called}.states has shape {record.states.shape}, {wanted}")
    for name in ("probabilities", "policy_probabilities", "dynamics_probabilities", "returns", "truncated"):
        if name in arrays:
            arguments.shape(f"{called}.{name}", arrays[name], shape[:1], f"{called}.rewards without their last axis")
    if record.actions.dtype.kind not in "iu":
        raise TypeError(f"{called}.actions has dtype {record.actions.dtype}, expected integers")
    for name in ("rewards", "discounts", "mask"):
        if arrays[name].dtype.kind not in "iuf" or arrays[name].dtype.itemsize > 8:
            raise TypeError(f"{called}.{name} has dtype {arrays[name].dtype}, expected float64")
    for name, low, high in (("discounts", 0.0, 1.0), ("mask", 0.0, 1.0), ("rewards", -_LARGEST, _LARGEST)):
        array = arrays[name]
        if not (array.min() >= low and array.max() <= high):  # NaN neither
            arguments.require(f"{called}.{name}", array, np.isfinite(array), "a finite number")
            arguments.within(f"{called}.{name}", array, low, high)


def _state_indices(record: Record, n_states: int, name: str, called: str = "record") -> NDArray[Any]:
    """Require states that are indices below n_states, the number of those that ``name`` has."""
    states = record.states
    if states.ndim != 2 or states.dtype.kind not in "iu":
        raise ValueError(
            f"{called}.states has shape {states.shape} and dtype {states.dtype}, expected state indices (m, T + 1)"
        )
    if states.min() < 0 or states.max() >= n_states:
        raise ValueError(
            f"{called}.states has states up to {states.max()}, expected 0 to {n_states - 1}, as {name} has"
        )
    return states


def _policy(logits: ArrayLike, record: Record, called: str = "record") -> FloatArray:
    """Return π in float64, shape (S, A); require that the logits allow what was done in the record."""
    (checked,) = arguments.floats(logits=logits)
    if checked.ndim != 2:
        raise ValueError(f"logits has shape {checked.shape}, expected (S, A)")
    arguments.logits_rows("logits", checked)
    table = checked.astype(np.float64)
    states = _state_indices(record, len(table), "logits", called)[:, :-1]
    actions, n_actions = record.actions, table.shape[1]
    if actions.min() < 0 or actions.max() >= n_actions:
        raise ValueError(f"{called}.actions has actions up to {actions.max()}, expected 0 to {n_actions - 1}")
    if not np.isfinite(table).all():
        fine = np.isfinite(table[states, actions]) | (record.mask == 0)
        arguments.require(f"{called}.actions", actions, fine, "an action that logits allow (its logit is -inf)")
    return policy.softmax(table)


def _checked_weights(name: str, weights: ArrayLike, record: Record) -> FloatArray:
    """Return weights of the record's shape, 0 in padding."""
    (checked,) = arguments.floats(**{name: weights})
    arguments.shape(name, checked, record.rewards.shape, "the record's rewards (m, T)")
    result: FloatArray = checked * record.mask
    return result


def _probabilities(record: Record, probabilities: ArrayLike | None) -> FloatArray:
    """Return the probability of each trajectory of the record."""
    m, name = len(record.rewards), "probabilities"
    if probabilities is None:
        if isinstance(record, Rollout):
            return np.full(m, 1 / m)
        probabilities, name = record.probabilities, "trajectories.probabilities"
    (p,) = arguments.floats(**{name: probabilities})
    arguments.shape(name, p, (m,), "the record's trajectories")
    arguments.within(name, p, 0.0, np.inf)
    if abs(p.sum() - 1) > 1e-6:
        raise ValueError(f"probabilities sum to {p.sum()}, expected 1: all trajectories of the MDP")
    return p.astype(np.float64)


def _false_alarm(value: float) -> float:
    false_alarm = arguments.number("false_alarm", value)
    if not 0 < false_alarm < 1:
        raise ValueError(f"false_alarm is {false_alarm}, expected a probability between 0 and 1")
    return false_alarm


def _step_discounts(record: Record) -> FloatArray:
    """Return Γ_t = Π_{k < t} γ_k, shape (m, T); what it is in padding does not matter."""
    before = np.ones(record.discounts.shape)
    np.cumprod(record.discounts[:, :-1], axis=1, out=before[:, 1:])
    return before


def _returns_to_go(record: Record) -> FloatArray:
    """Return G_t of the recorded rewards, shape (m, T); 0 in padding."""
    _check(record)
    return returns.discounted_returns(record.rewards * record.mask, record.discounts)


def _weighted(record: Record, credit: FloatArray, discount_steps: bool) -> FloatArray:
    """Return γ^(t−1) times the credit, 0 in padding."""
    discounted = arguments.flag("discount_steps", discount_steps)
    result: FloatArray = credit * (_step_discounts(record) * record.mask if discounted else record.mask)
    return result + 0.0  # padding must not print -0.0


def _values_at(record: Record, values: ArrayLike) -> FloatArray:
    """Return V(s_t) for t = 1 … T + 1, in padding the one of the last state at the time when the episode stopped."""
    (table,) = arguments.floats(values=values)
    if table.ndim not in (1, 2):
        raise ValueError(f"values has shape {table.shape}, expected (S,) or by time (horizon + 1, S)")
    states = _state_indices(record, table.shape[-1], "values")
    if table.ndim == 1:
        at_state: FloatArray = table[states]
        return at_state
    lengths = record.mask.sum(axis=1).astype(np.intp)
    if len(table) < lengths.max() + 1:
        raise ValueError(
            f"values has shape {table.shape}, expected at least {lengths.max() + 1} times (the first axis), for "
            f"episodes of {lengths.max()} steps"
        )
    at_time: FloatArray = table[np.minimum(np.arange(states.shape[1]), lengths[:, None]), states]
    return at_time


def _gradients(pi: FloatArray, record: Record, weights: FloatArray) -> FloatArray:
    """Return Σ_t w_t (one-hot − π) of each trajectory, shape (m, S, A), for weights that are 0 in padding."""
    m, size = len(weights), pi.size
    entry = np.arange(m, dtype=np.intp)[:, None] * size + _entries(pi, record)
    taken = np.bincount(entry.ravel(), weights.ravel(), minlength=m * size).reshape(m, *pi.shape)
    result: FloatArray = taken - pi * taken.sum(axis=2, keepdims=True)
    return result


def _entries(pi: FloatArray, record: Record) -> IntArray:
    """Return where each step's state and action stand in the flattened table, shape (m, T)."""
    entries: IntArray = record.states[:, :-1].astype(np.intp) * pi.shape[1] + record.actions
    return entries


def _chunks(m: int, size: int) -> Iterator[slice]:
    """Cut m trajectories into parts whose gradients, of the given size each, fit into memory."""
    count = max(1, _LARGEST_CHUNK // size)
    for first in range(0, m, count):
        yield slice(first, first + count)


def _rows(record: AnyRecord, rows: slice) -> AnyRecord:
    """Return some trajectories of a record."""
    fields: list[Any] = [field[rows] for field in record]
    part: AnyRecord = type(record)(*fields)
    return part


def _trimmed(record: Rollout) -> Rollout:
    """Return a batch without the steps that are padding in every row."""
    n_steps = int(record.mask.any(axis=0).sum())
    steps = {name: getattr(record, name)[:, :n_steps] for name in ("actions", "rewards", "discounts", "mask")}
    return record._replace(states=record.states[:, : n_steps + 1], **steps)


def _measured(value: float, error: float) -> str:
    if not all(isinstance(number, int | float | np.number) for number in (value, error)):
        raise TypeError("not a number")
    return f"{value:.3g} ± {error:.1g}"


def _described_bias(c: Comparison) -> str:
    """Say how large a bias is, if it is one."""
    if not c.biased:
        return "not distinguishable from 0"
    z = np.divide(np.abs(c.bias), c.bias_error, where=c.bias_error > 0, out=np.where(c.bias != 0, np.inf, 0.0))
    s, a = np.unravel_index(z.argmax(), z.shape)
    return f"{c.bias[s, a]:+.3g} ± {c.bias_error[s, a]:.1g} at [{s}, {a}] (z = {c.largest_z:.1f} > {c.z_limit:.1f})"
