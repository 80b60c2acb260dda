"""Returns and advantage estimates of recorded rewards.

Time is the last axis, leading axes are batch. ``discounts[t]`` multiplies what comes after step t; a discount
of 0 ends an episode there, so nothing from later steps flows back over it. ``values`` has T + 1 entries: the
last one stands for all that comes after the record. Float32 arrays give float32 results, all others float64.
"""

import numpy as np
from numpy.typing import ArrayLike

from course_utils import arguments, kernels
from course_utils.arguments import FloatArray

__all__ = ["discounted_returns", "gae", "reward_to_go", "td_errors", "whiten"]


@arguments.no_overflow("rewards, discounts, bootstrap")
def discounted_returns(rewards: ArrayLike, discounts: ArrayLike, bootstrap: ArrayLike = 0.0) -> FloatArray:
    """Return the discounted return from every step on.

    G_t = r_t + γ_t G_{t+1}, with G_{T+1} = bootstrap

    Args:
        rewards: r, shape (..., T).
        discounts: γ in [0, 1], a scalar or shape (..., T); 0 at the last step of an episode.
        bootstrap: the value of the state after the record, a scalar or shape (...).

    Returns:
        G, shape (..., T).

    Raises:
        TypeError: not real numbers.
        ValueError: wrong shape, NaN or inf, a discount outside [0, 1], or a return that overflows.

    Source: Sutton & Barto 2018, section 3.3.
    """
    rewards, discounts, bootstrap = arguments.floats(rewards=rewards, discounts=discounts, bootstrap=bootstrap)
    discounts = arguments.discount_steps(rewards, discounts)
    following = arguments.spread("bootstrap", bootstrap, rewards.shape[:-1], "rewards without their last axis")
    return kernels.backward(rewards, discounts, following)


@arguments.no_overflow("rewards")
def reward_to_go(rewards: ArrayLike) -> FloatArray:
    """Return the plain sum of the rewards from every step on: the part of R(τ) that the step can still change.

    Σ_{k ≥ t} r_k, so the first entry is R(τ) = Σ_t r_t itself

    There is no discount, no bootstrap value and no end of episode inside the record: each row is one complete
    episode. For all of those use ``discounted_returns``, which gives the same numbers with ``discounts=1``.

    Args:
        rewards: r, shape (..., T).

    Returns:
        Reward-to-go, shape (..., T).

    Raises:
        TypeError: not real numbers.
        ValueError: no time axis, NaN or inf, or a sum that overflows.

    Source: Xiao & Zhu, Foundations of Large Language Models, ch. 4.
    """
    (rewards,) = arguments.floats(rewards=rewards)
    arguments.time_axis("rewards", rewards)
    return np.flip(np.flip(rewards, axis=-1).cumsum(axis=-1), axis=-1)


@np.errstate(over="ignore", invalid="ignore")  # the result is looked at
def td_errors(rewards: ArrayLike, discounts: ArrayLike, values: ArrayLike) -> FloatArray:
    """Return the temporal-difference errors, the one-step estimates of the advantage.

    δ_t = r_t + γ_t V_{t+1} − V_t

    Args:
        rewards: r, shape (..., T).
        discounts: γ in [0, 1], a scalar or shape (..., T); 0 at the last step of an episode.
        values: V, shape (..., T + 1), the last one for bootstrapping.

    Returns:
        δ, shape (..., T).

    Raises:
        TypeError: not real numbers.
        ValueError: wrong shape, NaN or inf, a discount outside [0, 1], or an error that overflows.

    Source: Sutton & Barto 2018, section 6.1.
    """
    result = kernels.td_errors(*arguments.record(rewards, discounts, values))
    return arguments.finite_result(result, rewards=rewards, discounts=discounts, values=values)


@np.errstate(over="ignore", invalid="ignore")  # the result is looked at
def gae(rewards: ArrayLike, discounts: ArrayLike, values: ArrayLike, lambda_: float) -> FloatArray:
    """Return the generalised advantage estimates.

    A_t = δ_t + γ_t λ A_{t+1}, with A_{T+1} = 0

    λ = 0 gives the TD error (little variance, all of the critic's bias); λ = 1 gives the bootstrapped return
    minus the value (no bias but the bootstrap's, all of the variance).

    Args:
        rewards: r, shape (..., T).
        discounts: γ in [0, 1], a scalar or shape (..., T); 0 at the last step of an episode.
        values: V, shape (..., T + 1), the last one for bootstrapping.
        lambda_: λ in [0, 1].

    Returns:
        A, shape (..., T).

    Raises:
        TypeError: not real numbers.
        ValueError: wrong shape, NaN or inf, a discount or λ outside [0, 1], or an estimate that overflows.

    Source: Schulman et al. 2016, High-Dimensional Continuous Control Using Generalized Advantage Estimation.
    """
    lambda_ = arguments.number("lambda_", lambda_, low=0.0, high=1.0)
    result = kernels.gae(*arguments.record(rewards, discounts, values), lambda_)
    return arguments.finite_result(result, rewards=rewards, discounts=discounts, values=values)


@arguments.no_overflow("advantages")
def whiten(advantages: ArrayLike, mask: ArrayLike | None = None) -> FloatArray:
    """Return advantages with mean 0 and standard deviation 1 over the steps that were taken.

    (A − mean) / √(variance + 10⁻⁸), and 0 in padding; 0 everywhere where all are the same but for rounding

    Args:
        advantages: A, shape (..., T).
        mask: 1 or True for a step that was taken, 0 or False for padding, shape (..., T); None for no padding.

    Returns:
        Shape (..., T).

    Raises:
        TypeError: not real numbers.
        ValueError: wrong shape, NaN or inf, a mask of other numbers than 0 and 1 or without any step.

    Source: Ziegler et al. 2019, Fine-Tuning Language Models from Human Preferences (and TRL's ``masked_whiten``).
    """
    (advantages,) = arguments.floats(advantages=advantages)
    arguments.time_axis("advantages", advantages)
    if mask is None:
        return kernels.whiten(advantages, np.ones(advantages.shape, dtype=bool))
    taken = arguments.rectangular("mask", mask)
    if taken.dtype != bool:
        (taken,) = arguments.floats(mask=taken)
        arguments.require("mask", taken, (taken == 0) | (taken == 1), "0 or 1")
    arguments.shape("mask", taken, advantages.shape, "advantages")
    if not taken.any():
        raise ValueError("mask is 0 everywhere, expected at least one step that was taken")
    return kernels.whiten(advantages, taken > 0)
