"""Lesson 09: the gradient of the critic's loss, with its target held constant."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw an episode of three to six steps that ends with its last one."""
    length = int(rng.integers(3, 7))
    return {
        "rewards": rng.uniform(-2, 3, size=length).round(1),
        "values": np.append(rng.uniform(1, 5, size=length).round(1), 0.0),
        "discount": round(float(rng.uniform(0.6, 0.95)), 2),
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


def monte_carlo(rewards: FloatArray, values: FloatArray, discount: float) -> FloatArray:
    """Return the gradient when the target is the whole discounted return."""
    target, following = np.zeros(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        following = rewards[t] + discount * following
        target[t] = following
    return values[:-1] - target


QUESTION = Question(
    name="critic_gradient",
    lesson="09",
    prompt="Return the gradient of Σ ½ (y − V)² with respect to V of each step, with y = r + γV(next) as a constant.",
    points=2,
    signature="critic_gradient(rewards, values, discount)",
    fixed=(
        {"rewards": np.array([1.0, 2.0]), "values": np.array([3.0, 1.0, 0.0]), "discount": 0.5},
        {"rewards": np.array([0.0, -1.0, 4.0]), "values": np.array([2.0, 3.0, 1.0, 0.0]), "discount": 0.9},
    ),
    fresh=fresh,
    oracle=gradient,
    remark="It is minus the TD error: the critic learns from the same number that tells the actor how good it was.",
    read=sections.STOP_GRADIENT,
    mistakes=(
        Mistake(
            "through-target",
            "M15",
            through_target,
            "You differentiated the target too: V(s_{t+1}) in it sends a gradient to the next state's value.",
            "The target is what the critic should become, and stays put while the critic moves to it. With your "
            "version the next value is also pulled towards the present one, and the fixed point is another.",
        ),
        Mistake(
            "sign",
            "M5",
            lambda rewards, values, discount: errors(rewards, values, discount),
            "Your answer has the opposite sign: it is the TD error itself.",
            "A loss goes down. Stepping against the gradient −δ raises V where it was too low; with your sign the "
            "critic runs away from its target.",
        ),
        Mistake(
            "factor-two",
            "",
            lambda rewards, values, discount: 2 * gradient(rewards, values, discount),
            "Your answer is twice the wanted one: the ½ is missing.",
            "The ½ is there so that the 2 of the square cancels. Elsewhere the loss has none; then the critic's cost "
            "factor means something else.",
            almost=True,
        ),
        Mistake(
            "mean-over-steps",
            "M7",
            lambda rewards, values, discount: gradient(rewards, values, discount) / len(rewards),
            "You divided by the number of steps.",
            "Losses sum over time in this course, like U. Divided by T, a step of a long episode counts less.",
        ),
        Mistake(
            "whole-return",
            "M18",
            monte_carlo,
            "Your target is the whole discounted return. The question asks for r_t + γV(s_{t+1}).",
            "That is a target as well, with more noise and no bias: the case λ = 1.",
        ),
        Mistake(
            "no-discount",
            "M11",
            lambda rewards, values, discount: gradient(rewards, values, 1.0),
            "γ is missing in the target.",
            "What follows counts γ times. Without it the values come out too large.",
        ),
        Mistake(
            "value-not-subtracted",
            "M15",
            lambda rewards, values, discount: -(rewards + discount * values[1:]),
            "You returned minus the target: V(s_t) is missing.",
            "The gradient is V − y. It is 0 where the critic is right.",
            variants=(lambda rewards, values, discount: rewards + discount * values[1:],),
        ),
        Mistake(
            "reward-only",
            "M15",
            lambda rewards, values, discount: values[:-1] - rewards,
            "Your target is the next reward alone. What follows is missing.",
            "A value counts everything that is still to come: r_t now, and γV(s_{t+1}) for the rest.",
        ),
        Mistake(
            "loss-terms",
            "",
            lambda rewards, values, discount: 0.5 * errors(rewards, values, discount) ** 2,
            "You returned the loss of each step, ½ (y − V)². Its derivative was asked for.",
            "The derivative of ½ (y − V)² with respect to V is −(y − V).",
        ),
        Mistake(
            "last-value-too",
            "",
            lambda rewards, values, discount: np.append(gradient(rewards, values, discount), 0.0),
            "You returned an entry for the value after the last step too.",
            "Your numbers are right. One entry for each step was asked for: nothing is predicted after the end.",
            almost=True,
        ),
    ),
)
