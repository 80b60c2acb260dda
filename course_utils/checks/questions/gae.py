"""Lesson 07: generalised advantage estimates of a record that may hold the ends of episodes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_utils.arguments import BoolArray, FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a record of three to seven steps, with ends of episodes anywhere in it."""
    length = int(rng.integers(3, 8))
    return {
        "rewards": rng.uniform(-3, 3, size=length).round(3),
        "values": rng.uniform(-4, 5, size=length + 1).round(3),
        "ended": rng.random(length) < 0.3,
        "discount": float(rng.uniform(0.6, 0.95)),
        "lambda_": round(float(rng.uniform(0.3, 0.95)), 3),
    }


def recursion(
    rewards: FloatArray, following: FloatArray, present: FloatArray, step: FloatArray, carry: FloatArray
) -> FloatArray:
    """Return A_t = r_t + step_t · following_t − present_t + carry_t · A_{t+1}, from the last step to the first."""
    result, after = np.zeros(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        after = rewards[t] + step[t] * following[t] - present[t] + carry[t] * after
        result[t] = after
    return result


def estimates(rewards: FloatArray, values: FloatArray, ended: BoolArray, discount: float, lambda_: float) -> FloatArray:
    """Return A_t = δ_t + γ λ A_{t+1}, where an end of an episode lets neither V(s_{t+1}) nor A_{t+1} through."""
    goes_on = discount * (1.0 - ended)
    return recursion(rewards, values[1:], values[:-1], goes_on, lambda_ * goes_on)


def with_parts(
    step: Callable[..., Any], carry: Callable[..., Any]
) -> Callable[[FloatArray, FloatArray, BoolArray, float, float], FloatArray]:
    """Return the recursion with other factors; both are functions of (goes on, γ, λ)."""

    def mistaken(
        rewards: FloatArray, values: FloatArray, ended: BoolArray, discount: float, lambda_: float
    ) -> FloatArray:
        on = 1.0 - ended
        return recursion(
            rewards,
            values[1:],
            values[:-1],
            step(on, discount, lambda_) + 0 * on,
            carry(on, discount, lambda_) + 0 * on,
        )

    return mistaken


def forwards(rewards: FloatArray, values: FloatArray, ended: BoolArray, discount: float, lambda_: float) -> FloatArray:
    """Carry the estimates from the first step to the last."""
    deltas = recursion(rewards, values[1:], values[:-1], discount * (1.0 - ended), 0 * rewards)
    result, before = np.zeros(len(rewards)), 0.0
    for t in range(len(rewards)):
        before = deltas[t] + discount * lambda_ * (1.0 - ended[t]) * before
        result[t] = before
    return result


def summed(exponent: int) -> Callable[[FloatArray, FloatArray, BoolArray, float, float], FloatArray]:
    """Return A_t = Σ_l (γλ)^(l + exponent) δ_{t+l}, as far as the episode's end."""

    def mistaken(
        rewards: FloatArray, values: FloatArray, ended: BoolArray, discount: float, lambda_: float
    ) -> FloatArray:
        deltas = rewards + discount * (1.0 - ended) * values[1:] - values[:-1]
        result = np.zeros(len(rewards))
        for t in range(len(rewards)):
            for k in range(t, len(rewards)):
                result[t] += (discount * lambda_) ** (k - t + exponent) * deltas[k]
                if ended[k]:
                    break
        return result

    return mistaken


def off_by_one(by: int, delta_too: bool) -> Callable[[FloatArray, FloatArray, BoolArray, float, float], FloatArray]:
    """Return the estimates with A_{t+1} cut by the end of step t + by, and with V(s_{t+1}) cut so too, or rightly."""

    def mistaken(
        rewards: FloatArray, values: FloatArray, ended: BoolArray, discount: float, lambda_: float
    ) -> FloatArray:
        shifted = np.zeros(len(ended))
        kept = slice(0, -1) if by > 0 else slice(1, None)
        shifted[kept] = ended[1:] if by > 0 else ended[:-1]
        step = shifted if delta_too else ended
        return recursion(
            rewards, values[1:], values[:-1], discount * (1.0 - step), discount * lambda_ * (1.0 - shifted)
        )

    return mistaken


def some_steps(
    first: int, last: int, whole: bool
) -> Callable[[FloatArray, FloatArray, BoolArray, float, float], FloatArray]:
    """Return the estimates of some steps, from first to before last, and 0 for the others.

    whole: the steps that are left out count in those before them.
    """

    def mistaken(
        rewards: FloatArray, values: FloatArray, ended: BoolArray, discount: float, lambda_: float
    ) -> FloatArray:
        places = range(*slice(first, last or None).indices(len(rewards)))
        cut = len(rewards) if whole else places.stop
        result = np.zeros(len(rewards))
        result[places] = estimates(rewards[:cut], values[: cut + 1], ended[:cut], discount, lambda_)[places]
        return result

    return mistaken


def returns_of(
    rewards: FloatArray, values: FloatArray, ended: BoolArray, discount: float, lambda_: float
) -> FloatArray:
    """Return what a critic is fitted to: A_t + V(s_t)."""
    return estimates(rewards, values, ended, discount, lambda_) + values[:-1]


RECORD = {
    "rewards": np.array([1.0, 0.0, 2.0]),
    "values": np.array([2.0, 3.0, 1.0, 4.0]),
    "ended": np.array([False, False, False]),
    "discount": 0.5,
    "lambda_": 0.8,
}

told = Words(
    """
not-cut (M18): At the end of an episode you let A_{t+1} through: it belongs to the next episode.
    What the next episode earned would be credited to the last action of this one. Where an episode ended, the sum
    starts anew: multiply γλA_{t+1} by 0 there.
bootstraps-terminal (M18): At the end of an episode you added γV(s_{t+1}). After the end nothing follows.
    `values` holds the next episode's first state there, or whatever the critic makes of a state in which nothing is
    earned any more. The value after an end is 0.
ends-ignored (M18): You did not use `ended`: both γV(s_{t+1}) and A_{t+1} cross from one episode to the next.
    An end cuts twice. No value follows, and no advantage of a later step belongs to this episode.
last-is-an-end (M18): At the last step γV(s_{t+1}) is missing: you took the end of the record for the end of an episode.
    A record may stop while an episode goes on. Then the last entry of `values` stands for all that is still to come.
    Only `ended` says where nothing follows.
cut-one-off (M18): The cut falls one step beside the end: A_{t+1} is dropped before or after the step that `ended`
  marks.
    `ended[t]` says that step t was the last of its episode. So the estimate of step t takes nothing from t + 1, and
    that of step t − 1 still takes what step t found.
ends-inverted (M18): You multiplied by `ended` where 1 − `ended` belongs: something follows only where an episode is
  over.
    `ended[t]` is True, so 1, where nothing follows. What comes after a step counts where it is False: multiply by `1 -
    ended[t]`.
exponent-off-by-one (M25): The exponent of γλ is one too low or too high: the TD error of step t itself counts (γλ)^0 =
  1 in A_t.
    A TD error l steps later counts (γλ)^l, with l from 0. A formula with l − 1 counts l from 1.
discounted-again (M9): You multiplied each estimate by a power of γ or of γλ that grows with t.
    An advantage compares what follows step t with V(s_t), seen from step t. How late in the record the step stands does
    not matter to it.
step-left-out (M18): The loop leaves out steps: the first, the last, or all but the first or last. Their estimates are
  0.
    `reversed(range(T))` goes from T − 1 down to 0; `range(T - 1, 0, -1)` stops before 0. A `return` inside the loop
    ends the function after the first round.
reversed (M18): The numbers are right, in the opposite order: the last step's comes first.
    Going through the steps backwards, a list that you append to is filled backwards too. Turn it round at the end with
    `[::-1]`, or write each estimate to its place.
no-lambda (M18): λ is missing: you carried γA_{t+1} where it should be γλA_{t+1}.
    That is the case λ = 1, the return minus the value: no bias from the critic, and all the variance.
no-discount-in-carry (M18): You carried λA_{t+1}: γ is missing there.
    A TD error l steps later counts (γλ)^l. With λ alone, what comes late counts for too much.
lambda-in-delta (M18): Your TD error has λ where γ belongs: r_t + λV(s_{t+1}) − V(s_t).
    γ belongs to the problem, it says how much later rewards count. λ belongs to the estimate, and enters where one
    step's estimate is carried to the step before.
exchanged (M18): λ stands where γ belongs, in the TD error and in what is carried.
    γ belongs to the problem, it says how much later rewards count. λ belongs to the estimate.
lambda-beside-discount (M18): Your TD error holds λ beside γ: r_t + γλV(s_{t+1}) − V(s_t).
    The TD error compares one step with what the critic expects, and holds γ alone. λ enters where one step's estimate
    is carried to the step before.
td-errors (M18): You returned the TD errors: nothing is carried from one step to the one before.
    That is the case λ = 0: little variance, and all of the critic's bias.
no-value-subtracted (M11): V(s_t) is not subtracted.
    An advantage says how much *better than usual* it went. Without −V(s_t) a good state makes every action look good.
value-of-wrong-state (M11): The two values are exchanged: you have r_t + γV(s_t) − V(s_{t+1}).
    `values[t]` belongs to the state *before* the step and is what you compare with; `values[t + 1]` to the state after
    it, and stands for what is still to come.
forwards (M18): You carried the estimates from the first step to the last.
    An action is judged by what comes *after* it. Go through the steps backwards.
returns: You returned A_t + V(s_t).
    That is the target for the critic (lesson 09). The advantage is what is left when V(s_t) is taken off.
sign (M5): Your answer has the opposite sign: what went better than usual comes out below 0.
    With it, actions that are better than usual would be made rarer.
"""
)

QUESTION = Question(
    name="gae",
    lesson="07",
    prompt="Return the generalised advantage estimate of each step, shape (T,).",
    points=3,
    signature="gae(rewards, values, ended, discount, lambda_)",
    fixed=(
        RECORD,
        {**RECORD, "ended": np.array([False, True, False])},
        {
            "rewards": np.array([1.0, -1.0, 0.5, 2.0, 0.0]),
            "values": np.array([1.5, 2.5, 0.5, 3.0, 2.0, 1.0]),
            "ended": np.array([False, False, True, False, True]),
            "discount": 0.9,
            "lambda_": 0.5,
        },
        {**RECORD, "rewards": np.array([2.0]), "values": np.array([-1.0, 3.0]), "ended": np.array([False])},
        {
            "rewards": np.array([0.0, -2.0, 1.0, 3.0]),
            "values": np.array([-1.0, 2.0, -3.0, 0.5, -2.0]),
            "ended": np.array([True, True, False, False]),
            "discount": 1.0,
            "lambda_": 0.9,
        },
        {
            "rewards": np.array([-1.0, 0.0, 0.0, -4.0]),
            "values": np.array([2.0, 2.0, 0.0, -1.0, 6.0]),
            "ended": np.array([False, True, False, True]),
            "discount": 0.6,
            "lambda_": 1.0,
        },
        {
            "rewards": np.array([25.125, -31.375, 12.0]),
            "values": np.array([-22.5, 30.0, 21.125, -40.5]),
            "ended": np.array([False, False, False]),
            "discount": 0.625,
            "lambda_": 0.375,
        },
    ),
    fresh=fresh,
    oracle=estimates,
    remark="One pass from the last step to the first gives all of them. `returns.gae` does it for a batch.",
    read=sections.GAE,
    mistakes=(
        told("not-cut", with_parts(lambda on, g, lam: g * on, lambda on, g, lam: g * lam)),
        told("bootstraps-terminal", with_parts(lambda on, g, lam: g, lambda on, g, lam: g * lam * on)),
        told("ends-ignored", with_parts(lambda on, g, lam: g, lambda on, g, lam: g * lam)),
        told(
            "last-is-an-end",
            lambda rewards, values, ended, discount, lambda_: estimates(
                rewards, values, np.append(ended[:-1], True), discount, lambda_
            ),
        ),
        told(
            "cut-one-off",
            off_by_one(1, False),
            variants=(off_by_one(1, True), off_by_one(-1, False), off_by_one(-1, True)),
        ),
        told(
            "ends-inverted",
            lambda rewards, values, ended, discount, lambda_: estimates(rewards, values, ~ended, discount, lambda_),
            variants=(
                with_parts(lambda on, g, lam: g * (1 - on), lambda on, g, lam: g * lam * on),
                with_parts(lambda on, g, lam: g * on, lambda on, g, lam: g * lam * (1 - on)),
            ),
        ),
        told("exponent-off-by-one", summed(-1), variants=(summed(1),)),
        told(
            "discounted-again",
            lambda rewards, values, ended, discount, lambda_: (
                discount ** np.arange(len(rewards)) * estimates(rewards, values, ended, discount, lambda_)
            ),
            variants=(
                lambda rewards, values, ended, discount, lambda_: (
                    (discount * lambda_) ** np.arange(len(rewards))
                    * estimates(rewards, values, ended, discount, lambda_)
                ),
            ),
        ),
        told(
            "step-left-out",
            some_steps(1, 0, True),
            variants=(
                some_steps(0, -1, True),
                some_steps(0, -1, False),
                some_steps(-1, 0, True),
                some_steps(0, 1, False),
                some_steps(0, 1, True),
            ),
        ),
        told(
            "reversed",
            lambda rewards, values, ended, discount, lambda_: estimates(rewards, values, ended, discount, lambda_)[
                ::-1
            ],
            almost=True,
        ),
        told("no-lambda", with_parts(lambda on, g, lam: g * on, lambda on, g, lam: g * on)),
        told("no-discount-in-carry", with_parts(lambda on, g, lam: g * on, lambda on, g, lam: lam * on)),
        told("lambda-in-delta", with_parts(lambda on, g, lam: lam * on, lambda on, g, lam: g * lam * on)),
        told("exchanged", with_parts(lambda on, g, lam: lam * on, lambda on, g, lam: lam * on)),
        told("lambda-beside-discount", with_parts(lambda on, g, lam: g * lam * on, lambda on, g, lam: g * lam * on)),
        told("td-errors", with_parts(lambda on, g, lam: g * on, lambda on, g, lam: 0.0)),
        told(
            "no-value-subtracted",
            lambda rewards, values, ended, discount, lambda_: recursion(
                rewards,
                values[1:],
                0 * values[:-1],
                discount * (1.0 - ended),
                discount * lambda_ * (1.0 - ended),
            ),
        ),
        told(
            "value-of-wrong-state",
            lambda rewards, values, ended, discount, lambda_: recursion(
                rewards,
                values[:-1],
                values[1:],
                discount * (1.0 - ended),
                discount * lambda_ * (1.0 - ended),
            ),
        ),
        told("forwards", forwards),
        told("returns", returns_of),
        told(
            "sign",
            lambda rewards, values, ended, discount, lambda_: -estimates(rewards, values, ended, discount, lambda_),
        ),
    ),
)
