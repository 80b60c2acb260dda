"""Problem set 3: advantages from n steps of rewards and a value behind them."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a piece of a trajectory, a discount and n."""
    length = int(rng.integers(4, 8))
    return {
        "rewards": rng.uniform(-2, 3, size=length).round(2),
        "values": rng.uniform(-3, 4, size=length + 1).round(2),
        "discount": round(float(rng.uniform(0.5, 0.95)), 2),
        "n": int(rng.integers(2, 4)),
    }


def estimates(
    rewards: FloatArray,
    values: FloatArray,
    discount: float,
    n: int,
    *,
    start: int = 0,
    bootstrap: int = 0,
    subtracted: bool = True,
    with_value: bool = True,
    at_the_end: bool = True,
) -> FloatArray:
    """Return Σ_{k<n} γ^k r_{t+k} + γ^n V(s_{t+n}) − V(s_t), or with one part changed; fewer steps near the end."""
    length = len(rewards)
    result = np.zeros(length)
    for t in range(length):
        end = min(t + n, length)
        total = sum(discount ** (k - t + start) * rewards[k] for k in range(t, end))
        if with_value and (at_the_end or t + n <= length):
            total += discount ** (end - t) * values[end + bootstrap]
        result[t] = total - (values[t] if subtracted else 0.0)
    return result


def whole(rewards: FloatArray, values: FloatArray, discount: float, n: int) -> FloatArray:
    """Return the estimate with all steps that there are."""
    return estimates(rewards, values, discount, len(rewards))


def remainder_undiscounted(rewards: FloatArray, values: FloatArray, discount: float, n: int) -> FloatArray:
    """Return the estimate with V(s_{t+n}) at full weight."""
    length = len(rewards)
    ends = np.minimum(np.arange(length) + n, length)
    powers = discount ** (ends - np.arange(length))
    return np.asarray(estimates(rewards, values, discount, n) + (1 - powers) * values[ends])


def full_power_at_the_end(rewards: FloatArray, values: FloatArray, discount: float, n: int) -> FloatArray:
    """Return the estimate with γ^n before the last value, however few steps remain."""
    length = len(rewards)
    ends = np.minimum(np.arange(length) + n, length)
    powers = discount ** (ends - np.arange(length))
    return np.asarray(estimates(rewards, values, discount, n) + (discount**n - powers) * values[ends])


told = Words(
    """
no-bootstrap (M18): You left out what comes after the n steps: γⁿ V(s_{t+n}) is missing.
    The steps after the n-th still pay. Without a value in their place every action looks as bad as if the episode ended
    there.
no-end-value (M18): Near the end of the record you left out the last value.
    The record ends, the episode goes on: `values` has an entry behind the last step for that. Only a terminal state
    is worth nothing, and none is here.
value-not-subtracted (M11): You did not subtract V(s_t): yours is the n-step return.
    An advantage says how much better than usual it went. The return alone praises every action in a good state.
sign (M5): Your answer has the opposite sign.
    It is what came minus what was expected: positive where it went better than usual.
one-step (M11): You used one step, whatever n is: these are the TD errors.
    n rewards are added up before the value takes over. A larger n trusts the critic less and lets more noise in.
all-steps (M18): You added up all rewards to the end of the record, whatever n is.
    After n steps the value stands for the rest. With all steps the critic's errors
    are gone, and the noise is all there.
one-too-few (M25): You stopped one step early: it is the estimate for n − 1.
    n rewards, r_t to r_{t+n−1}, and then the value of the state that follows them.
one-too-many (M25): You took one step too many: it is the estimate for n + 1.
    `range(t, t + n)` has n steps. The value behind them is that of state t + n.
value-undiscounted (M9): You did not discount the value behind the n steps.
    It stands for rewards that come n steps later and more. Its factor is γⁿ, as that of a reward n steps later.
discount-ignored (M9): You added up rewards and value without the discount.
    A reward k steps later counts γᵏ.
rewards-undiscounted (M9): You discounted the value, and not the rewards before it.
    A reward k steps later counts γᵏ, as the value behind n steps counts γⁿ.
discounted-from-one (M25): You discounted the step's own reward as well.
    Seen from step t, its own reward counts in full, the next one γ. The exponents begin with 0.
value-before (M11): You used the value of the state one step too early.
    Behind the rewards r_t to r_{t+n−1} stands the state s_{t+n}. The state before it has its reward counted already.
full-power-at-the-end (M9): Near the end of the record you discount the last value by γⁿ, although fewer steps remain.
    The power counts the steps that were added up. Two steps before the end it is γ², whatever n is.
"""
)

QUESTION = Question(
    name="n_step_advantages",
    lesson="07",
    prompt="Return the n-step advantage estimate of each step, with fewer steps where the record ends.",
    points=3,
    signature="n_step_advantages(rewards, values, discount, n)",
    fixed=(
        {"rewards": np.array([1.0, 2.0, 0.5]), "values": np.array([0.5, 1.0, 2.0, 4.0]), "discount": 0.5, "n": 2},
        {
            "rewards": np.array([0.0, -1.0, 3.0, 0.0, 2.0]),
            "values": np.array([1.0, -2.0, 0.5, 0.0, 3.0, -1.5]),
            "discount": 0.9,
            "n": 3,
        },
        {"rewards": np.array([-2.0, 1.5]), "values": np.array([-1.0, 0.3, 0.8]), "discount": 0.7, "n": 5},
        {
            "rewards": np.array([0.3, 0.7, -0.2, 1.1]),
            "values": np.array([2.0, 1.0, 0.7, 0.1, 0.6]),
            "discount": 0.8,
            "n": 1,
        },
    ),
    fresh=fresh,
    oracle=estimates,
    remark="GAE is their mean over all n, with weights (1 − λ) λⁿ⁻¹.",
    read=sections.GAE,
    mistakes=(
        told(
            "no-bootstrap",
            lambda rewards, values, discount, n: estimates(rewards, values, discount, n, with_value=False),
        ),
        told(
            "no-end-value",
            lambda rewards, values, discount, n: estimates(rewards, values, discount, n, at_the_end=False),
        ),
        told(
            "value-not-subtracted",
            lambda rewards, values, discount, n: estimates(rewards, values, discount, n, subtracted=False),
        ),
        told("sign", lambda rewards, values, discount, n: -estimates(rewards, values, discount, n)),
        told("one-step", lambda rewards, values, discount, n: estimates(rewards, values, discount, 1)),
        told("all-steps", whole),
        told("one-too-few", lambda rewards, values, discount, n: estimates(rewards, values, discount, n - 1)),
        told("one-too-many", lambda rewards, values, discount, n: estimates(rewards, values, discount, n + 1)),
        told("value-undiscounted", remainder_undiscounted),
        told("discount-ignored", lambda rewards, values, discount, n: estimates(rewards, values, 1.0, n)),
        told(
            "rewards-undiscounted",
            lambda rewards, values, discount, n: (
                estimates(rewards, values, discount, n)
                - estimates(rewards, values, discount, n, with_value=False)
                + estimates(rewards, values, 1.0, n, with_value=False)
            ),
        ),
        told(
            "discounted-from-one", lambda rewards, values, discount, n: estimates(rewards, values, discount, n, start=1)
        ),
        told(
            "value-before", lambda rewards, values, discount, n: estimates(rewards, values, discount, n, bootstrap=-1)
        ),
        told("full-power-at-the-end", full_power_at_the_end),
    ),
)
