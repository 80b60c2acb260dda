"""Lesson 07: the advantages of all actions, from action values and a policy."""

from collections.abc import Callable

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections, softmaxes
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a policy and action values of one to four states and two to four actions."""
    shape = int(rng.integers(1, 5)), int(rng.integers(2, 5))
    return {
        "logits": rng.normal(scale=1.5, size=shape).round(3),
        "q_values": rng.uniform(-9, 9, size=shape).round(3),
    }


def values(logits: FloatArray, q_values: FloatArray) -> FloatArray:
    """Return V(s) = Σ_a π(a | s) Q(s, a), shape (S, 1)."""
    return np.asarray((policy.softmax(logits) * q_values).sum(axis=1, keepdims=True))


def advantages(logits: FloatArray, q_values: FloatArray) -> FloatArray:
    """Return A(s, a) = Q(s, a) − V(s), shape (S, A)."""
    return np.asarray(q_values - values(logits, q_values))


def with_policy(
    softmax: Callable[[FloatArray], FloatArray], axis: int = 1
) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """Return the advantages computed with another softmax, or with the sum over another axis."""

    def mistaken(logits: FloatArray, q_values: FloatArray) -> FloatArray:
        return np.asarray(q_values - (softmax(logits) * q_values).sum(axis=axis, keepdims=True))

    return mistaken


told = Words(
    """
no-maximum (M1): The formula is right, and it is not finite here: `exp(1000)` is larger than any float, and inf/inf is
  NaN.
    Subtract each row's maximum before you take exponentials, or call `policy.softmax`.
one-maximum (M27): You subtracted one maximum, that of the whole table, from all logits. Where a row lies far below it,
  all its exponentials are 0 in floats, and 0/0 is NaN.
    Each row is a state of its own. Subtract each row's own maximum, or call `policy.softmax`.
mean-subtracted (M1): You subtracted the mean of the logits. A logit that lies 710 above it still overflows.
    Any shift is right on paper. The maximum is the one after which no exponential is above 1. `policy.softmax`
    subtracts it.
whole-table (M27): Your softmax runs over the whole table: all its entries together add up to 1.
    Each state has a policy of its own, so each row adds up to 1. With weights that add up to less, V(s) is no mean.
    `policy.softmax` works row by row.
logits-for-probabilities (M37): You weighted the action values with the logits. The probabilities belong there.
    Logits are preferences: they may be negative, and do not add up to 1. The softmax turns them into π first.
not-normalised (M37): You weighted the action values with exp(z): these weights do not add up to 1.
    The softmax divides each exponential by the sum of all in its row. V(s) is a mean, and if all actions are worth 10
    it has to be 10.
plain-mean (M11): You subtracted the plain mean of the action values: every action counts the same.
    V(s) is what the *policy* earns on average, so each action counts as often as the policy takes it. A policy that
    already takes the best action nearly always has a V close to the best Q.
best-subtracted (M11): You compared each action with the best one.
    The advantage compares with the policy's average, not with the best action. With your version no advantage is ever
    above 0, and an ascent step could only push actions down.
most-probable-subtracted (M11): You compared each action with the most probable one.
    V(s) is the mean over all that the policy may do. The most probable action is one term of it.
sign (M5): You computed V − Q, the opposite sign.
    With it, actions that are better than usual would be made rarer.
over-states (M11): You took the mean, or the softmax in it, over the states, axis 0. It should run over the actions.
    V(s) is the average of one state. An action is compared with what else could have been done *there*.
one-value-for-all (M11): You subtracted one number from all states.
    Each state has its own V. With one number for all, an action in a good state looks good whatever it is.
weighted (M11): You returned π · A: each advantage multiplied by its action's probability.
    That is how much the action adds to the expected gradient. The advantage itself does not care how often its action
    is taken.
weighted-q (M11): You subtracted π(a | s) Q(s, a) from each Q(s, a): the sum over the actions is missing.
    V(s) is one number for each state, the sum of π(a | s) Q(s, a) over all its actions.
values-returned: You returned V(s), and did not subtract it from Q(s, a).
    V says how good the state is. The advantage says how much better the action is.
"""
)

QUESTION = Question(
    name="action_advantages",
    lesson="07",
    prompt="Return the advantage of every action in every state, shape (S, A).",
    points=1,
    signature="action_advantages(logits, q_values)",
    fixed=(
        {"logits": np.log([[0.5, 0.5], [0.2, 0.8]]), "q_values": np.array([[8.0, 12.0], [1.0, 3.0]])},
        {"logits": np.log([[0.75, 0.25], [0.4, 0.6]]), "q_values": np.array([[8.0, 16.0], [1.0, -3.0]])},
        {
            "logits": np.array([[0.0, 1.0, 0.5], [2.0, 0.0, -1.0]]),
            "q_values": np.array([[4.0, 3.1, 0.3], [-1.0, 0.0, 5.0]]),
        },
        {"logits": np.array([[-1.0, -2.5, -1.0]]), "q_values": np.array([[-4.0, -4.0, -1.0]])},
        {
            "logits": np.array([[3.0, -2.0], [0.0, 0.0], [-1.0, 4.0]]),
            "q_values": np.array([[0.0, -6.0], [-2.0, -3.0], [-1.0, 0.0]]),
        },
        {"logits": np.array([[13.0, 12.125, -0.375]]), "q_values": np.array([[25.5, -31.25, 4.125]])},
    ),
    extreme=(
        {"logits": np.array([[1000.0, 999.0], [1000.0, 1001.0]]), "q_values": np.array([[8.0, 12.0], [1.0, 3.0]])},
        {"logits": np.array([[700.0, 699.0], [-60.0, -61.0]]), "q_values": np.array([[8.0, 12.0], [1.0, 3.0]])},
        {"logits": np.array([[700.0, -1500.0], [-1500.0, 700.0]]), "q_values": np.array([[8.0, 12.0], [1.0, 3.0]])},
    ),
    fresh=fresh,
    oracle=advantages,
    remark="Under the policy, each row has the mean 0: V is the policy's own average.",
    read=sections.ADVANTAGE,
    mistakes=(
        told("no-maximum", with_policy(softmaxes.no_maximum), sections.OVERFLOW, almost=True),
        told("one-maximum", with_policy(softmaxes.one_maximum), sections.OVERFLOW, almost=True),
        told(
            "mean-subtracted",
            with_policy(softmaxes.row_mean),
            sections.OVERFLOW,
            variants=(with_policy(softmaxes.table_mean),),
            almost=True,
        ),
        told("whole-table", with_policy(softmaxes.over_table), sections.SOFTMAX),
        told("logits-for-probabilities", with_policy(softmaxes.identity), sections.SOFTMAX),
        told("not-normalised", with_policy(softmaxes.not_normalised), sections.SOFTMAX),
        told("plain-mean", lambda logits, q_values: q_values - q_values.mean(axis=1, keepdims=True)),
        told("best-subtracted", lambda logits, q_values: q_values - q_values.max(axis=1, keepdims=True)),
        told(
            "most-probable-subtracted",
            lambda logits, q_values: (
                q_values - np.take_along_axis(q_values, logits.argmax(axis=1, keepdims=True), axis=1)
            ),
        ),
        told("sign", lambda logits, q_values: -advantages(logits, q_values)),
        told(
            "over-states",
            with_policy(softmaxes.over_first_axis, axis=0),
            variants=(
                with_policy(softmaxes.over_first_axis),
                with_policy(policy.softmax, axis=0),
                lambda logits, q_values: q_values - q_values.mean(axis=0),
            ),
        ),
        told(
            "one-value-for-all",
            lambda logits, q_values: q_values - values(logits, q_values).mean(),
            variants=(
                lambda logits, q_values: q_values - values(logits, q_values).sum(),
                lambda logits, q_values: q_values - q_values.mean(),
                lambda logits, q_values: q_values - (softmaxes.over_table(logits) * q_values).sum(),
            ),
        ),
        told("weighted", lambda logits, q_values: policy.softmax(logits) * advantages(logits, q_values)),
        told("weighted-q", lambda logits, q_values: q_values - policy.softmax(logits) * q_values),
        told(
            "values-returned",
            lambda logits, q_values: np.broadcast_to(values(logits, q_values), q_values.shape),
            variants=(lambda logits, q_values: values(logits, q_values)[:, 0], values),
        ),
    ),
)
