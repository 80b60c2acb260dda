"""Objectives (to ascend) and losses (to descend): the value, its gradient, and every intermediate by name.

Sums run over time, the last axis of actions; means run over trajectories, the leading axes. So
``value`` = (1/m) Σ_τ Σ_t …, with m the number of trajectories, and gradients contain the 1/m. Gradients are
with respect to the arrays that went in. Single numbers come out as Python floats.
"""

import math
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from course_utils import arguments, kernels, policy
from course_utils.arguments import BoolArray, FloatArray

__all__ = ["A2CLoss", "AdvantageObjective", "BradleyTerryLoss", "DPOLoss", "ExpectedAdvantageObjective", "KLEstimates"]
__all__ += ["KLPenalty", "PPOClipObjective", "ParametersObjective", "a2c_loss", "advantage_objective"]
__all__ += ["bradley_terry_loss", "dpo_loss", "expected_advantage_objective", "kl_estimates", "kl_penalised_rewards"]
__all__ += ["kl_penalty", "linear_advantage_objective", "ppo_clip_objective", "tabular_advantage_objective"]


class AdvantageObjective(NamedTuple):
    """U(τ; θ), averaged over trajectories, and what it is made of."""

    value: float
    """(1/m) Σ_τ U(τ; θ)"""
    grad_logits: FloatArray
    """∂ value / ∂ logits, shape (..., T, n)"""
    log_probs: FloatArray
    """log π(a_t | s_t), shape (..., T)"""
    probabilities: FloatArray
    """π(· | s_t), shape (..., T, n)"""
    score: FloatArray
    """∂ log π(a_t | s_t) / ∂ logits = one-hot − π, shape (..., T, n)"""
    terms: FloatArray
    """w_t log π(a_t | s_t) A_t, shape (..., T)"""
    per_trajectory: FloatArray
    """U(τ; θ) = Σ_t terms, shape (...)"""


class ParametersObjective(NamedTuple):
    """U(τ; θ), averaged over trajectories, and its gradient with respect to the policy's parameters."""

    value: float
    """(1/m) Σ_τ U(τ; θ)"""
    gradient: FloatArray
    """∂ value / ∂θ, shape of θ"""


class ExpectedAdvantageObjective(NamedTuple):
    """The mean advantage under the policy, and what it is made of."""

    value: float
    """(1/m) Σ_τ Σ_t Σ_a π(a | s_t) A(s_t, a)"""
    grad_logits: FloatArray
    """∂ value / ∂ logits, shape (..., T, n)"""
    probabilities: FloatArray
    """π(· | s_t), shape (..., T, n)"""
    baseline: FloatArray
    """Σ_b π(b | s_t) A(s_t, b), the mean advantage of each decision, shape (..., T)"""
    centered: FloatArray
    """A(s_t, a) − baseline, shape (..., T, n)"""


class A2CLoss(NamedTuple):
    """The loss of advantage actor-critic, its parts (without their cost factors) and its gradients."""

    total: float
    """actor + value_cost · critic − entropy_cost · entropy"""
    actor: float
    """−U: (1/m) Σ_τ Σ_t −log π(a_t | s_t) A_t"""
    critic: float
    """(1/m) Σ_τ Σ_t ½ (G_t − V_t)²"""
    entropy: float
    """(1/m) Σ_τ Σ_t H(π(· | s_t))"""
    advantages: FloatArray
    """A_t, by GAE, shape (..., T)"""
    returns: FloatArray
    """G_t = A_t + V_t, the critic's targets, shape (..., T)"""
    grad_logits: FloatArray
    """∂ total / ∂ logits with A constant, shape (..., T, n)"""
    grad_values: FloatArray
    """∂ total / ∂ values with A and G constant, shape (..., T + 1); 0 for the bootstrap value"""
    log_probs: FloatArray
    """log π(a_t | s_t), shape (..., T)"""
    probabilities: FloatArray
    """π(· | s_t), shape (..., T, n)"""


class PPOClipObjective(NamedTuple):
    """PPO's clipped surrogate, and what it is made of."""

    value: float
    """(1/m) Σ_τ Σ_t w_t min(ρ_t A_t, clip(ρ_t, 1 − ε, 1 + ε) A_t)"""
    grad_logits: FloatArray
    """∂ value / ∂ logits, shape (..., T, n); 0 at the steps where the clip is active"""
    ratio: FloatArray
    """ρ_t = π(a_t | s_t) / π_old(a_t | s_t), shape (..., T)"""
    active: BoolArray
    """Whether the clipped term is the smaller one, so that the step sends no gradient, shape (..., T)"""
    clip_fraction: float
    """Share of the steps whose ratio is outside 1 ± ε, whatever the advantage: what most libraries log"""
    active_fraction: float
    """Share of the steps where the clip is active: out of range on the side to which the advantage pushes"""
    log_probs: FloatArray
    """log π(a_t | s_t), shape (..., T)"""
    terms: FloatArray
    """w_t min(…), shape (..., T)"""
    per_trajectory: FloatArray
    """Σ_t terms, shape (...)"""


class KLEstimates(NamedTuple):
    """Three estimates of KL(π ‖ π_ref) from samples of π, one number for each sample."""

    k1: FloatArray
    """log π − log π_ref: unbiased, and below 0 for many samples"""
    k2: FloatArray
    """½ (log π − log π_ref)²: biased, never below 0"""
    k3: FloatArray
    """π_ref / π − 1 − log(π_ref / π): unbiased, never below 0"""


class KLPenalty(NamedTuple):
    """The exact KL to a reference policy, to be kept small, and its gradient."""

    value: float
    """(1/m) Σ_τ Σ_t KL(π(· | s_t) ‖ π_ref(· | s_t))"""
    grad_logits: FloatArray
    """∂ value / ∂ logits, shape (..., T, n)"""
    per_step: FloatArray
    """KL(π(· | s_t) ‖ π_ref(· | s_t)), shape (..., T)"""


class DPOLoss(NamedTuple):
    """The loss of direct preference optimisation, and what it is made of."""

    value: float
    """(1/n) Σ_i −log σ(margin_i)"""
    grad_chosen: FloatArray
    """∂ value / ∂ log Pr_π(chosen), shape (n,)"""
    grad_rejected: FloatArray
    """∂ value / ∂ log Pr_π(rejected), shape (n,)"""
    chosen_rewards: FloatArray
    """β (log Pr_π − log Pr_ref) of the chosen replies, shape (n,)"""
    rejected_rewards: FloatArray
    """the same of the rejected ones, shape (n,)"""
    margins: FloatArray
    """their difference, shape (n,)"""


class BradleyTerryLoss(NamedTuple):
    """The loss of a reward model that is trained as a ranking of pairs."""

    value: float
    """(1/n) Σ_i −log σ(chosen_i − rejected_i)"""
    grad_chosen: FloatArray
    """∂ value / ∂ chosen, shape (n,)"""
    grad_rejected: FloatArray
    """∂ value / ∂ rejected, shape (n,)"""
    probabilities: FloatArray
    """σ(chosen_i − rejected_i), the model's probability of the choice that was made, shape (n,)"""
    accuracy: float
    """Share of the pairs whose chosen reply has the higher score; a tie counts half"""


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # the result is looked at
def advantage_objective(
    logits: ArrayLike, actions: ArrayLike, advantages: ArrayLike, weights: ArrayLike | None = None
) -> AdvantageObjective:
    """Return the course's objective, to be ascended: the advantage-weighted log-probability of trajectories.

    U(τ; θ) = Σ_t w_t log π(a_t | s_t) A_t;  value = (1/m) Σ_τ U(τ; θ)
    ∂ value / ∂ logits_t = (1/m) w_t A_t (one-hot(a_t) − π_t)

    Args:
        logits: one row per step, shape (..., T, n); or (n,) for a single decision.
        actions: what was done, integers of shape (..., T); or a scalar for a single decision.
        advantages: A, constants, shape of actions.
        weights: w, a scalar or the shape of actions, for example a mask of 0 and 1; None counts every step once.

    Returns:
        AdvantageObjective; each field says its shape.

    Raises:
        TypeError: not real numbers, or actions that are not integers.
        ValueError: wrong shape, NaN or inf, an action out of range or forbidden, or an overflow.

    Source: Xiao & Zhu, Foundations of Large Language Models, ch. 4; Sutton et al. 2000.
    """
    weights = 1.0 if weights is None else weights
    z, A, w = arguments.cast(logits=logits, advantages=advantages, weights=weights)
    arguments.action_axis("logits", z)
    chosen = arguments.action_indices(actions, z)
    arguments.shape("advantages", A, chosen.shape, "actions")
    arguments.scalar_or("weights", w, chosen.shape, "actions")
    m = math.prod(chosen.shape[:-1])
    found = kernels.weighted_log_prob(z, chosen, w * A, m)
    value = float(found.terms.sum() / m)
    if not math.isfinite(value):
        _check_taken(logits, actions, advantages=advantages, weights=weights)
    return AdvantageObjective(
        value=value,
        grad_logits=found.gradient,
        log_probs=found.log_probs[()],
        probabilities=found.policy.probabilities,
        score=found.score,
        terms=found.terms[()],
        per_trajectory=np.atleast_1d(found.terms).sum(axis=-1),
    )


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # the result is looked at
def tabular_advantage_objective(
    logits: ArrayLike, states: ArrayLike, actions: ArrayLike, advantages: ArrayLike
) -> ParametersObjective:
    """Return the course's objective of a policy that is a table, to be ascended, and its gradient by the table.

    value = (1/m) Σ_τ Σ_t log π(a_t | s_t) A_t, with π(· | s) = softmax(logits_s)
    ∂ value / ∂ logits_s = (1/m) Σ_{t: s_t = s} A_t (one-hot(a_t) − π_s)

    The softmax is taken of the table, once, however many steps there are.

    Args:
        logits: θ, a row for each state, shape (S, n).
        states: where it was done, integers of shape (..., T).
        actions: what was done, integers of shape (..., T).
        advantages: A, constants, shape (..., T).

    Returns:
        ParametersObjective, with a gradient of shape (S, n).

    Raises:
        TypeError: not real numbers, or states or actions that are not integers.
        ValueError: wrong shape, NaN or inf, a state or an action out of range or forbidden, or an overflow.

    Source: Sutton & Barto 2018, section 13.1.
    """
    z, A = arguments.cast(logits=logits, advantages=advantages)
    if z.ndim != 2:
        raise ValueError(f"logits has shape {z.shape}, expected (S, n): a row for each state")
    at = arguments.indices("states", states, len(z), "a state")
    chosen = arguments.indices("actions", actions, z.shape[1], "an action", at.shape, "states")
    arguments.shape("advantages", A, at.shape, "states")
    m = math.prod(at.shape[:-1])
    policy_of = kernels.softmax(z)
    entries = at * z.shape[1] + chosen
    log_pi = policy_of.shifted - policy_of.log_total
    value = float(log_pi.ravel().take(entries.ravel()) @ A.ravel()) / m
    gradient = kernels.table_gradient(policy_of.probabilities, entries, A / m)
    if not (math.isfinite(value) and arguments.all_finite(gradient)):
        (table,) = arguments.floats(logits=logits)
        arguments.logits_rows("logits", table)
        _check_taken(table[at], chosen, names="logits, advantages", advantages=advantages)
    return ParametersObjective(value, gradient)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # the result is looked at
def linear_advantage_objective(
    parameters: ArrayLike, features: ArrayLike, actions: ArrayLike, advantages: ArrayLike
) -> ParametersObjective:
    """Return the course's objective of a policy that is linear in features, to be ascended, and its gradient.

    value = (1/m) Σ_τ Σ_t log π(a_t | s_t) A_t, with logits z_t = x(s_t) θ
    ∂ value / ∂θ = (1/m) Σ_τ Σ_t A_t x(s_t)ᵀ (one-hot(a_t) − π_t)

    It takes a few steps at a time, so the logits of all steps at once need no memory.

    Args:
        parameters: θ, shape (d, n).
        features: x(s_t), shape (..., T, d).
        actions: what was done, integers of shape (..., T).
        advantages: A, constants, shape (..., T).

    Returns:
        ParametersObjective, with a gradient of shape (d, n).

    Raises:
        TypeError: not real numbers, or actions that are not integers.
        ValueError: wrong shape, NaN or inf, an action out of range, or an overflow.

    Source: Sutton & Barto 2018, section 13.1.
    """
    theta, x, A = arguments.cast(parameters=parameters, features=features, advantages=advantages)
    if theta.ndim != 2:
        raise ValueError(f"parameters has shape {theta.shape}, expected (d, n): a row for each feature")
    if not x.ndim:
        raise ValueError("features has shape (), expected (..., T, d)")
    arguments.shape("features", x, (*x.shape[:-1], len(theta)), "parameters")
    chosen = arguments.indices("actions", actions, theta.shape[1], "an action", x.shape[:-1], "features")
    arguments.shape("advantages", A, chosen.shape, "actions")
    m = math.prod(chosen.shape[:-1])
    value, gradient = kernels.linear_weighted(theta, x.reshape(-1, len(theta)), chosen.ravel(), A.ravel())
    value, gradient = value / m, gradient / m
    if not (math.isfinite(value) and arguments.all_finite(gradient)):
        arguments.floats(parameters=parameters, features=features, advantages=advantages)
        raise arguments.OverflowValueError("parameters, features, advantages", theta.dtype)
    return ParametersObjective(value, gradient)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # the result is looked at
def expected_advantage_objective(logits: ArrayLike, advantages: ArrayLike) -> ExpectedAdvantageObjective:
    """Return the mean advantage under the policy, to be ascended: all actions at once, nothing sampled.

    value = (1/m) Σ_τ Σ_t Σ_a π(a | s_t) A(s_t, a)
    ∂ value / ∂ logits_{t,a} = (1/m) π_a (A_a − Σ_b π_b A_b)

    Its gradient is the mean of ``advantage_objective``'s gradient when each a_t is drawn from π and scored with
    A(s_t, a_t). (The two values differ: Σ π A is not the mean of log π · A.)

    Args:
        logits: one row per step, shape (..., T, n); or (n,) for a single decision.
        advantages: A of every action, constants, shape of logits.

    Returns:
        ExpectedAdvantageObjective; each field says its shape.

    Raises:
        TypeError: not real numbers.
        ValueError: wrong shape, NaN or inf, or an overflow.

    Source: Sutton et al. 2000, Policy Gradient Methods for Reinforcement Learning with Function Approximation.
    """
    z, A = arguments.cast(logits=logits, advantages=advantages)
    arguments.action_axis("logits", z)
    arguments.shape("advantages", A, z.shape, "logits")
    pi = kernels.softmax(z).probabilities
    baseline = (pi * A).sum(axis=-1)
    centered = A - np.expand_dims(baseline, -1)
    m = math.prod(z.shape[:-2])
    value, gradient = float(baseline.sum() / m), pi * centered / m
    arguments.finite_result(value, value, centered, names="advantages", logits=logits, advantages=advantages)
    return ExpectedAdvantageObjective(
        value=value, grad_logits=gradient, probabilities=pi, baseline=baseline, centered=centered
    )


@arguments.no_overflow("rewards, discounts, values, value_cost, entropy_cost")
def a2c_loss(
    logits: ArrayLike,
    actions: ArrayLike,
    rewards: ArrayLike,
    discounts: ArrayLike,
    values: ArrayLike,
    *,
    lambda_: float = 1.0,
    value_cost: float = 0.5,
    entropy_cost: float = 0.0,
) -> A2CLoss:
    """Return the loss of advantage actor-critic, to be descended.

    total = actor + c_V · critic − c_H · entropy, each summed over time and averaged over trajectories:
    actor = −Σ_t log π(a_t | s_t) A_t;  critic = Σ_t ½ (G_t − V_t)²;  entropy = Σ_t H(π(· | s_t))
    ∂ total / ∂ logits_{t,a} = (1/m) (−A_t (1[a = a_t] − π_a) + c_H π_a (log π_a + H))
    ∂ total / ∂ V_t = (1/m) c_V (V_t − G_t)

    A is the GAE and G = A + V. A is a constant in the actor, G a constant in the critic: the actor sends no
    gradient to the values, and the critic none through its target.

    Args:
        logits: one row per step, shape (..., T, n).
        actions: what was done, integers of shape (..., T).
        rewards: r, shape (..., T).
        discounts: γ in [0, 1], a scalar or shape (..., T); 0 at the last step of an episode.
        values: V, the critic's output, shape (..., T + 1), the last one for bootstrapping.
        lambda_: λ of the GAE, in [0, 1].
        value_cost: c_V, at least 0.
        entropy_cost: c_H, at least 0.

    Returns:
        A2CLoss; each field says its shape.

    Raises:
        TypeError: not real numbers, or actions that are not integers.
        ValueError: wrong shape, NaN or inf, an action out of range or forbidden, or an overflow.

    Source: Mnih et al. 2016, Asynchronous Methods for Deep Reinforcement Learning; Schulman et al. 2016 (GAE).
    """
    value_cost = arguments.number("value_cost", value_cost, low=0.0)
    entropy_cost = arguments.number("entropy_cost", entropy_cost, low=0.0)
    lambda_ = arguments.number("lambda_", lambda_, low=0.0, high=1.0)
    z, r, gamma, V = arguments.cast(logits=logits, rewards=rewards, discounts=discounts, values=values)
    arguments.action_axis("logits", z)
    arguments.time_axis("rewards", r)
    arguments.shape("rewards", r, z.shape[:-1], "logits without their last axis")
    chosen = arguments.action_indices(actions, z)
    advantages = kernels.gae(*arguments.record(r, gamma, V), lambda_)
    m = math.prod(r.shape[:-1])
    found = kernels.weighted_log_prob(z, chosen, advantages, m)

    pi, log_pi, entropies = found.policy.probabilities, kernels.finite_log(found.policy), kernels.entropy(found.policy)
    grad_entropy = kernels.mean_slope(pi, log_pi, -entropies, -1.0) / m
    grad_values = np.zeros_like(V)
    grad_values[..., :-1] = -value_cost * advantages / m  # V − G = −A

    actor = -float(found.terms.sum() / m)
    critic = float((0.5 * advantages**2).sum() / m)
    entropy = float(entropies.sum() / m)
    loss = A2CLoss(
        total=actor + value_cost * critic - entropy_cost * entropy,
        actor=actor,
        critic=critic,
        entropy=entropy,
        advantages=advantages,
        returns=advantages + V[..., :-1],
        grad_logits=-found.gradient - entropy_cost * grad_entropy,
        grad_values=grad_values,
        log_probs=found.log_probs,
        probabilities=pi,
    )
    if not (
        math.isfinite(loss.total) and all(map(arguments.all_finite, (loss.grad_logits, grad_values, loss.returns)))
    ):
        _check_taken(
            logits,
            actions,
            names="rewards, discounts, values, value_cost, entropy_cost",
            rewards=rewards,
            discounts=discounts,
            values=values,
        )
    return loss


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # the result is looked at
def ppo_clip_objective(
    logits: ArrayLike,
    old_log_probs: ArrayLike,
    actions: ArrayLike,
    advantages: ArrayLike,
    epsilon: float = 0.2,
    weights: ArrayLike | None = None,
) -> PPOClipObjective:
    """Return PPO's clipped surrogate objective, to be ascended.

    ρ_t = π(a_t | s_t) / π_old(a_t | s_t)
    value = (1/m) Σ_τ Σ_t w_t min(ρ_t A_t, clip(ρ_t, 1 − ε, 1 + ε) A_t)
    ∂ value / ∂ logits_t = (1/m) w_t ρ_t A_t (one-hot(a_t) − π_t), and 0 where the clip is active

    The clip is active where ρ_t > 1 + ε and A_t > 0, or ρ_t < 1 − ε and A_t < 0. It takes the gradient of those
    steps away. It does not bound the ratio: other steps and other states can carry it further.

    Args:
        logits: of the present policy, one row per step, shape (..., T, n).
        old_log_probs: log π_old(a_t | s_t) of the policy that sampled, constants, at most 0, shape (..., T).
        actions: what was done, integers of shape (..., T).
        advantages: A, constants, shape (..., T).
        epsilon: ε, at least 0.
        weights: w, a scalar or shape (..., T), for example a mask of 0 and 1; None counts every step once.

    Returns:
        PPOClipObjective; each field says its shape. The two fractions are over the steps with a weight other than 0.

    Raises:
        TypeError: not real numbers, or actions that are not integers.
        ValueError: wrong shape, NaN or inf, a log-probability above 0, an action out of range or forbidden, or an
            overflow (a ratio of e^700, say).

    Source: Schulman et al. 2017, Proximal Policy Optimization Algorithms, equation 7.
    """
    epsilon = arguments.number("epsilon", epsilon, low=0.0)
    weights = 1.0 if weights is None else weights
    z, old, A, w = arguments.cast(logits=logits, old_log_probs=old_log_probs, advantages=advantages, weights=weights)
    arguments.action_axis("logits", z)
    chosen = arguments.action_indices(actions, z)
    arguments.shape("old_log_probs", old, chosen.shape, "actions")
    arguments.shape("advantages", A, chosen.shape, "actions")
    arguments.scalar_or("weights", w, chosen.shape, "actions")
    if not old.max() <= 0:
        arguments.floats(logits=logits, old_log_probs=old_log_probs, advantages=advantages, weights=weights)
        arguments.within("old_log_probs", old, -np.inf, 0.0)
    m = math.prod(chosen.shape[:-1])

    pi = kernels.softmax(z)
    log_probs = kernels.log_prob(pi, chosen)
    found = kernels.ppo_clip(log_probs, old, A, epsilon)
    terms, slope = w * found.surrogate, w * found.slope
    counted = np.broadcast_to(w != 0, chosen.shape)
    n_counted = max(1, int(np.count_nonzero(counted)))
    value = float(terms.sum() / m)
    if not (math.isfinite(value) and all(map(arguments.all_finite, (log_probs, found.ratio, slope)))):
        arguments.floats(logits=logits, old_log_probs=old_log_probs, advantages=advantages, weights=weights)
        _check_taken(logits, actions, names="logits, old_log_probs, advantages, weights")
    return PPOClipObjective(
        value=value,
        grad_logits=kernels.score(pi.probabilities, chosen, np.asarray(slope / m), out=pi.probabilities),
        ratio=found.ratio,
        active=found.active,
        clip_fraction=int(np.count_nonzero((np.abs(found.ratio - 1) > epsilon) & counted)) / n_counted,
        active_fraction=int(np.count_nonzero(found.active & counted)) / n_counted,
        log_probs=log_probs[()],
        terms=terms,
        per_trajectory=np.atleast_1d(terms).sum(axis=-1),
    )


@arguments.no_overflow("log_probs, ref_log_probs")
def kl_estimates(log_probs: ArrayLike, ref_log_probs: ArrayLike) -> KLEstimates:
    """Return three estimates of KL(π ‖ π_ref), each a number for each sample of π.

    With x = log π(a | s) − log π_ref(a | s) and a ~ π:  k1 = x,  k2 = x² / 2,  k3 = e^(−x) − 1 + x

    k1 and k3 have the mean KL(π ‖ π_ref), k2 only nearly, when the two are close. As losses, differentiated with the
    samples held fixed, they differ: the gradient of k1 has the mean 0, that of k2 the gradient of KL(π ‖ π_ref) for
    its mean, and that of k3 the gradient of KL(π_ref ‖ π), the other way round.

    Args:
        log_probs: log π of what was sampled from π, at most 0, shape (..., T).
        ref_log_probs: log π_ref of the same, at most 0, shape (..., T).

    Returns:
        KLEstimates, each of shape (..., T).

    Raises:
        TypeError: not real numbers.
        ValueError: wrong shape, NaN or inf, a log-probability above 0, or an overflow.

    Source: Schulman 2020, Approximating KL Divergence.
    """
    log_probs, ref_log_probs = arguments.floats(log_probs=log_probs, ref_log_probs=ref_log_probs)
    arguments.time_axis("log_probs", log_probs)
    arguments.shape("ref_log_probs", ref_log_probs, log_probs.shape, "log_probs")
    for name, array in (("log_probs", log_probs), ("ref_log_probs", ref_log_probs)):
        arguments.within(name, array, -np.inf, 0.0)
    x = log_probs - ref_log_probs
    return KLEstimates(k1=x, k2=0.5 * x**2, k3=kernels.k3(x))


@arguments.no_overflow("rewards, log_probs, ref_log_probs, beta")
def kl_penalised_rewards(rewards: ArrayLike, log_probs: ArrayLike, ref_log_probs: ArrayLike, beta: float) -> FloatArray:
    """Return rewards with the KL penalty in them: each step pays for its own log-ratio.

    r_t − β (log π(a_t | s_t) − log π_ref(a_t | s_t))

    Args:
        rewards: r, shape (..., T); for text, the score comes with the last token and the rest is 0.
        log_probs: log π of the actions taken, at most 0, shape (..., T), constants.
        ref_log_probs: log π_ref of the same, at most 0, shape (..., T).
        beta: β, at least 0.

    Returns:
        The penalised rewards, shape (..., T).

    Raises:
        TypeError: not real numbers.
        ValueError: wrong shape, NaN or inf, a log-probability above 0, β below 0, or an overflow.

    Source: Ziegler et al. 2019, Fine-Tuning Language Models from Human Preferences.
    """
    (rewards,) = arguments.floats(rewards=rewards)
    arguments.time_axis("rewards", rewards)
    beta = arguments.number("beta", beta, low=0.0)
    k1 = kl_estimates(log_probs, ref_log_probs).k1
    arguments.shape("log_probs", k1, rewards.shape, "rewards")
    result: FloatArray = rewards - beta * k1
    return result


@arguments.no_overflow("logits, ref_logits, weights")
def kl_penalty(logits: ArrayLike, ref_logits: ArrayLike, weights: ArrayLike | None = None) -> KLPenalty:
    """Return the exact KL to the reference in the visited states, to be kept small: the penalty in the loss.

    value = (1/m) Σ_τ Σ_t w_t Σ_a π(a | s_t) log(π(a | s_t) / π_ref(a | s_t))
    ∂ value / ∂ logits_{t,a} = (1/m) w_t π_a (log π_a − log π_ref,a − KL_t)

    Args:
        logits: of π, one row per step, shape (..., T, n).
        ref_logits: of the frozen reference, shape of logits.
        weights: w, a scalar or shape (..., T), for example a mask of 0 and 1; None counts every step once.

    Returns:
        KLPenalty; each field says its shape.

    Raises:
        TypeError: not real numbers.
        ValueError: wrong shape, NaN or inf, an action that the reference forbids and π does not, or an overflow.

    Source: Ouyang et al. 2022, Training language models to follow instructions with human feedback.
    """
    logits, ref_logits, weights = arguments.floats(
        logits=logits, ref_logits=ref_logits, weights=1.0 if weights is None else weights
    )
    arguments.logits_rows("logits", logits)
    arguments.logits_rows("ref_logits", ref_logits)
    arguments.shape("ref_logits", ref_logits, logits.shape, "logits")
    fine = (ref_logits > -np.inf) | (logits == -np.inf)
    arguments.require("ref_logits", ref_logits, fine, "more than -inf wherever logits allow the action: KL is infinite")
    per_step = policy.kl_divergence(logits, ref_logits)
    weights = arguments.spread("weights", weights, np.shape(per_step), "steps")
    m = math.prod(np.shape(per_step)[:-1])
    pi = policy.softmax(logits)
    allowed = logits > -np.inf
    log_pi = np.where(allowed, policy.log_softmax(logits), 0.0)  # a forbidden action: π log π = 0
    log_ref = np.where(allowed, policy.log_softmax(ref_logits), 0.0)
    slope = pi * (log_pi - log_ref - np.asarray(per_step)[..., None])
    return KLPenalty(
        value=float((weights * per_step).sum() / m),
        grad_logits=np.asarray(weights)[..., None] * slope / m,
        per_step=per_step,
    )


@arguments.no_overflow("chosen, rejected")
def bradley_terry_loss(chosen: ArrayLike, rejected: ArrayLike) -> BradleyTerryLoss:
    """Return the Bradley–Terry loss of scores of preference pairs, to be descended.

    Pr(chosen ≻ rejected) = σ(chosen − rejected);  value = (1/n) Σ_i −log σ(chosen_i − rejected_i)
    ∂ value / ∂ chosen_i = −(1/n) σ(rejected_i − chosen_i) = −∂ value / ∂ rejected_i

    Only the difference of the two scores enters: a number added to both changes nothing.

    Args:
        chosen: score of the reply that was preferred, shape (n,).
        rejected: score of the other reply to the same prompt, shape (n,).

    Returns:
        BradleyTerryLoss; each field says its shape.

    Raises:
        TypeError: not real numbers.
        ValueError: wrong shape, no pair, NaN or inf, or an overflow.

    Source: Bradley & Terry 1952; Ouyang et al. 2022.
    """
    chosen, rejected = arguments.floats(chosen=chosen, rejected=rejected)
    if chosen.ndim != 1 or not chosen.size:
        raise ValueError(f"chosen has shape {chosen.shape}, expected one score for each of n ≥ 1 pairs, shape (n,)")
    arguments.shape("rejected", rejected, chosen.shape, "chosen")
    margin = chosen - rejected
    loss, right, wrong = kernels.bradley_terry(margin)
    return BradleyTerryLoss(
        value=float(loss.mean()),
        grad_chosen=-wrong / chosen.size,
        grad_rejected=wrong / chosen.size,
        probabilities=right,
        accuracy=float((margin > 0).mean() + 0.5 * (margin == 0).mean()),
    )


@arguments.no_overflow("chosen, rejected, ref_chosen, ref_rejected, beta")
def dpo_loss(
    chosen: ArrayLike, rejected: ArrayLike, ref_chosen: ArrayLike, ref_rejected: ArrayLike, beta: float
) -> DPOLoss:
    """Return the loss of direct preference optimisation, to be descended: Bradley–Terry with the policy as its score.

    r(τ) = β (log Pr_π(τ) − log Pr_ref(τ));  value = (1/n) Σ_i −log σ(r(chosen_i) − r(rejected_i))
    ∂ value / ∂ log Pr_π(chosen_i) = −(β/n) σ(r(rejected_i) − r(chosen_i)) = −∂ value / ∂ log Pr_π(rejected_i)

    The policy that maximises E[R] − β KL has R = r + a constant of the prompt, which a difference does not see. Only
    differences enter: the loss falls too where both log-probabilities fall, the rejected reply's faster.

    Args:
        chosen: log Pr_π of the reply that was preferred, the sum over its tokens, shape (n,).
        rejected: log Pr_π of the other reply to the same prompt, shape (n,).
        ref_chosen: log Pr_ref of the first, shape (n,).
        ref_rejected: log Pr_ref of the second, shape (n,).
        beta: β > 0.

    Returns:
        DPOLoss; each field says its shape.

    Raises:
        TypeError: not real numbers.
        ValueError: wrong shape, no pair, NaN or inf, a log-probability above 0, β not above 0, or an overflow.

    Source: Rafailov et al. 2023, Direct Preference Optimization, equation 7.
    """
    beta = arguments.positive("beta", beta)
    logs = {"chosen": chosen, "rejected": rejected, "ref_chosen": ref_chosen, "ref_rejected": ref_rejected}
    arrays = dict(zip(logs, arguments.floats(**logs), strict=True))
    n = arrays["chosen"].shape
    if len(n) != 1:
        raise ValueError(f"chosen has shape {n}, expected one log-probability for each of n ≥ 1 pairs, shape (n,)")
    for name, array in arrays.items():
        arguments.shape(name, array, n, "chosen")
        arguments.require(name, array, array <= 0, "a log-probability, at most 0")
    rewards = [beta * (arrays[side] - arrays[f"ref_{side}"]) for side in ("chosen", "rejected")]
    margins = rewards[0] - rewards[1]
    loss, _, wrong = kernels.bradley_terry(margins)
    return DPOLoss(
        value=float(loss.mean()),
        grad_chosen=-beta * wrong / n[0],
        grad_rejected=beta * wrong / n[0],
        chosen_rewards=rewards[0],
        rejected_rewards=rewards[1],
        margins=margins,
    )


def _check_taken(logits: ArrayLike, actions: ArrayLike, *, names: str = "", **values: ArrayLike) -> NoReturn:
    """Raise the error of the argument for which a result is not finite, an action that is forbidden among them."""
    z, *_ = arguments.floats(logits=logits, **values)
    arguments.logits_rows("logits", z)
    arguments.action_indices(actions, z, allowed_only=True)
    raise arguments.OverflowValueError(names or ", ".join(values), z.dtype)
