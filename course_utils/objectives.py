"""Objectives (to ascend) and losses (to descend): the value, its gradient, and every intermediate by name.

Sums run over time, the last axis of actions; means run over trajectories, the leading axes. So
``value`` = (1/m) Σ_τ Σ_t …, with m the number of trajectories, and gradients contain the 1/m. Gradients are
with respect to the arrays that went in. Single numbers come out as Python floats.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from course_utils import arguments, policy, returns
from course_utils.arguments import FloatArray


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


@arguments.no_overflow("advantages, weights")
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
    logits, advantages, weights = arguments.floats(
        logits=logits, advantages=advantages, weights=1.0 if weights is None else weights
    )
    score = policy.score(logits, actions)
    log_probs = policy.log_prob(logits, actions)
    arguments.shape("advantages", advantages, log_probs.shape, "actions")
    weighted = arguments.spread("weights", weights, log_probs.shape, "actions") * advantages
    m = math.prod(log_probs.shape[:-1])
    terms = log_probs * weighted
    return AdvantageObjective(
        value=float(terms.sum() / m),
        grad_logits=score * weighted[..., None] / m,
        log_probs=log_probs,
        probabilities=policy.softmax(logits),
        score=score,
        terms=terms,
        per_trajectory=np.atleast_1d(terms).sum(axis=-1),
    )


@arguments.no_overflow("advantages")
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
    logits, advantages = arguments.floats(logits=logits, advantages=advantages)
    probabilities = policy.softmax(logits)
    arguments.shape("advantages", advantages, logits.shape, "logits")
    baseline = (probabilities * advantages).sum(axis=-1)
    centered = advantages - baseline[..., None]
    m = math.prod(logits.shape[:-2])
    return ExpectedAdvantageObjective(
        value=float(baseline.sum() / m),
        grad_logits=probabilities * centered / m,
        probabilities=probabilities,
        baseline=baseline,
        centered=centered,
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
    logits, rewards, discounts, values = arguments.floats(
        logits=logits, rewards=rewards, discounts=discounts, values=values
    )
    value_cost = arguments.number("value_cost", value_cost, low=0.0)
    entropy_cost = arguments.number("entropy_cost", entropy_cost, low=0.0)
    arguments.logits_rows("logits", logits)
    arguments.time_axis("rewards", rewards)
    arguments.shape("rewards", rewards, logits.shape[:-1], "logits without their last axis")
    advantages = returns.gae(rewards, discounts, values, lambda_)
    objective = advantage_objective(logits, actions, advantages)
    m = math.prod(rewards.shape[:-1])

    entropies = policy.entropy(logits)
    log_pi = np.where(logits > -np.inf, policy.log_softmax(logits), 0.0)  # a forbidden action: π log π = 0
    grad_entropy = -objective.probabilities * (log_pi + entropies[..., None]) / m
    grad_values = np.zeros_like(values)
    grad_values[..., :-1] = -value_cost * advantages / m  # V − G = −A

    actor = -objective.value
    critic = float((0.5 * advantages**2).sum() / m)
    entropy = float(entropies.sum() / m)
    return A2CLoss(
        total=actor + value_cost * critic - entropy_cost * entropy,
        actor=actor,
        critic=critic,
        entropy=entropy,
        advantages=advantages,
        returns=advantages + values[..., :-1],
        grad_logits=-objective.grad_logits - entropy_cost * grad_entropy,
        grad_values=grad_values,
        log_probs=objective.log_probs,
        probabilities=objective.probabilities,
    )
