"""Lesson 09: the gradient of the critic's loss, with its target held constant."""

from collections.abc import Callable

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw two to six steps, which end an episode or go on after the last."""
    length = int(rng.integers(2, 7))
    values = rng.uniform(-4, 5, size=length + 1).round(3)
    values[-1] *= rng.integers(2)
    return {
        "rewards": rng.uniform(-3, 3, size=length).round(3),
        "values": values,
        "discount": float(rng.uniform(0.3, 0.95)),
    }


def errors(rewards: FloatArray, values: FloatArray, discount: float) -> FloatArray:
    """Return the TD errors δ_t, shape (T,)."""
    return np.asarray(rewards + discount * values[1:] - values[:-1])


def gradient(rewards: FloatArray, values: FloatArray, discount: float) -> FloatArray:
    """Return ∂/∂V_t of Σ_t ½ (y_t − V_t)² with the targets y_t constant: −δ_t."""
    return -errors(rewards, values, discount)


def through_target(rewards: FloatArray, values: FloatArray, discount: float) -> FloatArray:
    """Return the gradient with respect to all values but the last, when the targets are differentiated too."""
    result = gradient(rewards, values, discount)
    result[1:] += discount * errors(rewards, values, discount)[:-1]
    return result


def monte_carlo(rewards: FloatArray, values: FloatArray, discount: float, following: float = 0.0) -> FloatArray:
    """Return the gradient when the target is the whole discounted return; ``following`` comes after the last step."""
    target = np.zeros(len(rewards))
    for t in reversed(range(len(rewards))):
        following = rewards[t] + discount * following
        target[t] = following
    return values[:-1] - target


def powers(first: int) -> Callable[[FloatArray, FloatArray, float], FloatArray]:
    """Return the gradient with targets r_t + γ^(t + first) V(s_{t+1})."""
    return lambda rewards, values, discount: (
        values[:-1] - rewards - discount ** np.arange(first, first + len(rewards)) * values[1:]
    )


def left_out(keep: slice) -> Callable[[FloatArray, FloatArray, float], FloatArray]:
    """Return the gradient with zeros in all entries but some."""

    def mistaken(rewards: FloatArray, values: FloatArray, discount: float) -> FloatArray:
        result = np.zeros(len(rewards))
        result[keep] = gradient(rewards, values, discount)[keep]
        return result

    return mistaken


told = Words(
    """
through-target (M15): You differentiated the target too: V(s_{t+1}) in it sends a gradient to the next state's value.
    The target is what the critic should become, and stays put while the critic moves to it. With your version the next
    value is also pulled towards the present one, and the fixed point is another.
sign (M5): Your answer has the opposite sign: it is the TD error itself.
    A loss goes down. Stepping against the gradient −δ raises V where it was too low; with your sign the critic runs
    away from its target.
factor-two: Your answer is twice the wanted one: the ½ is missing.
    The ½ is there so that the 2 of the square cancels. Elsewhere the loss has none; then the critic's cost factor means
    something else.
mean-over-steps (M7): You divided by the number of steps.
    Losses sum over time in this course, like U. Divided by T, a step of a long episode counts less.
whole-return (M18): Your target is the whole discounted return. The question asks for r_t + γV(s_{t+1}).
    That is a target as well, with more noise and less bias: the case λ = 1.
no-discount (M11): γ is missing in the target.
    What follows counts γ times. Without it the values come out too large.
discount-power (M25): You raised γ to a power that grows with t. Each target holds one γ: r_t + γV(s_{t+1}).
    Seen from step t, the value after it is one step away, however late in the episode that is. Powers of γ appear where
    a sum is written out over many steps.
last-is-an-end (M18): At the last step γV(s_{t+1}) is missing: you took it for the end of the episode.
    A record may stop while the episode goes on. The last entry of `values` says what follows; after a true end it is 0,
    so it can always be used.
value-of-wrong-state (M11): The two values are exchanged: you have V(s_{t+1}) − (r_t + γV(s_t)).
    `values[t]` belongs to the state before the step: it is what the critic said, and what is corrected. `values[t + 1]`
    belongs to the state after it, and stands in the target.
step-left-out (M38): Some steps are left out: the first, the last, or all but the first are 0.
    Steps are counted from 0 to T − 1: `range(1, T)` leaves out the first, `range(T - 1)` the last. A `return` inside
    the loop ends the function after the first round.
value-not-subtracted (M15): You returned the target, or minus the target: V(s_t) is missing.
    The gradient is V − y. It is 0 where the critic is right.
reward-only (M15): Your target is the next reward alone. What follows is missing.
    A value counts everything that is still to come: r_t now, and γV(s_{t+1}) for the rest.
loss-terms: You returned the loss of each step, ½ (y − V)². Its derivative was asked for.
    The derivative of ½ (y − V)² with respect to V is −(y − V).
last-value-too: You returned an entry for the value after the last step too.
    Your numbers are right. One entry for each step was asked for: nothing is predicted after the end.
"""
)

QUESTION = Question(
    name="critic_gradient",
    lesson="09",
    prompt="Return the gradient of Σ ½ (y − V)² with respect to V of each step, with y = r + γV(next) as a constant.",
    points=2,
    signature="critic_gradient(rewards, values, discount)",
    fixed=(
        {"rewards": np.array([1.0, 2.0]), "values": np.array([3.0, 1.0, 0.0]), "discount": 0.5},
        {"rewards": np.array([0.0, -1.0, 4.0]), "values": np.array([2.0, 3.0, 1.0, 0.0]), "discount": 0.9},
        {"rewards": np.array([-1.5]), "values": np.array([-2.0, 4.0]), "discount": 0.8},
        {"rewards": np.array([2.0, 0.0, 0.0, -3.0]), "values": np.array([-1.0, -1.0, 2.5, 0.0, 2.0]), "discount": 1.0},
        {"rewards": np.array([-1.0, -4.0, 0.0]), "values": np.array([-3.0, 2.0, -2.0, 5.0]), "discount": 0.4},
        {"rewards": np.array([25.125, -31.375]), "values": np.array([-22.5, 30.0, 21.125]), "discount": 0.625},
    ),
    fresh=fresh,
    oracle=gradient,
    remark="It is minus the TD error: the critic learns from the same number that tells the actor how good it was.",
    read=sections.STOP_GRADIENT,
    mistakes=(
        told("through-target", through_target),
        told("sign", lambda rewards, values, discount: errors(rewards, values, discount)),
        told("factor-two", lambda rewards, values, discount: 2 * gradient(rewards, values, discount), almost=True),
        told("mean-over-steps", lambda rewards, values, discount: gradient(rewards, values, discount) / len(rewards)),
        told(
            "whole-return",
            monte_carlo,
            variants=(lambda rewards, values, discount: monte_carlo(rewards, values, discount, values[-1]),),
        ),
        told("no-discount", lambda rewards, values, discount: gradient(rewards, values, 1.0)),
        told("discount-power", powers(0), variants=(powers(1), powers(-1))),
        told(
            "last-is-an-end", lambda rewards, values, discount: gradient(rewards, np.append(values[:-1], 0.0), discount)
        ),
        told("value-of-wrong-state", lambda rewards, values, discount: values[1:] - rewards - discount * values[:-1]),
        told("step-left-out", left_out(slice(1, None)), variants=(left_out(slice(0, -1)), left_out(slice(0, 1)))),
        told(
            "value-not-subtracted",
            lambda rewards, values, discount: -(rewards + discount * values[1:]),
            variants=(lambda rewards, values, discount: rewards + discount * values[1:],),
        ),
        told("reward-only", lambda rewards, values, discount: values[:-1] - rewards),
        told("loss-terms", lambda rewards, values, discount: 0.5 * errors(rewards, values, discount) ** 2),
        told(
            "last-value-too",
            lambda rewards, values, discount: np.append(gradient(rewards, values, discount), 0.0),
            almost=True,
        ),
    ),
)
