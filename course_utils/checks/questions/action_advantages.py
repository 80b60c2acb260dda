"""Lesson 07: the advantages of all actions, from action values and a policy."""

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a policy and action values of two to four states and two to four actions, not as many of each."""
    n_states, n_actions = rng.permutation([2, 3, 4])[:2]
    return {
        "logits": rng.normal(size=(n_states, n_actions)).round(2),
        "q_values": rng.uniform(-5, 9, size=(n_states, n_actions)).round(1),
    }


def values(logits: FloatArray, q_values: FloatArray) -> FloatArray:
    """Return V(s) = Σ_a π(a | s) Q(s, a), shape (S, 1)."""
    return np.asarray((policy.softmax(logits) * q_values).sum(axis=1, keepdims=True))


def advantages(logits: FloatArray, q_values: FloatArray) -> FloatArray:
    """Return A(s, a) = Q(s, a) − V(s), shape (S, A)."""
    return np.asarray(q_values - values(logits, q_values))


def overflowing(logits: FloatArray, q_values: FloatArray) -> FloatArray:
    """Return the advantages without any care for large logits."""
    weights = np.exp(logits)
    pi = weights / weights.sum(axis=1, keepdims=True)
    return np.asarray(q_values - (pi * q_values).sum(axis=1, keepdims=True))


def over_states(logits: FloatArray, q_values: FloatArray) -> FloatArray:
    """Subtract from each action its mean over the states."""
    pi = policy.softmax(logits.T).T
    return np.asarray(q_values - (pi * q_values).sum(axis=0))


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
    ),
    extreme=({"logits": np.array([[1000.0, 0.0], [0.0, 0.5]]), "q_values": np.array([[8.0, 12.0], [1.0, 3.0]])},),
    fresh=fresh,
    oracle=advantages,
    remark="Under the policy, each row has the mean 0: V is the policy's own average.",
    read=sections.ADVANTAGE,
    mistakes=(
        Mistake(
            "no-maximum",
            "M1",
            overflowing,
            "The formula is right, and it is not finite here: `exp(1000)` is larger than any float, and inf/inf is "
            "NaN.",
            "Subtract each row's maximum before you take exponentials, or call `policy.softmax`.",
            sections.OVERFLOW,
            almost=True,
        ),
        Mistake(
            "plain-mean",
            "M11",
            lambda logits, q_values: q_values - q_values.mean(axis=1, keepdims=True),
            "You subtracted the plain mean of the action values: every action counts the same.",
            "V(s) is what the *policy* earns on average, so each action counts as often as the policy takes it. A "
            "policy that already takes the best action nearly always has a V close to the best Q.",
        ),
        Mistake(
            "best-subtracted",
            "M11",
            lambda logits, q_values: q_values - q_values.max(axis=1, keepdims=True),
            "You compared each action with the best one.",
            "The advantage compares with the policy's average, not with the best action. With your version no "
            "advantage is ever above 0, and an ascent step could only push actions down.",
        ),
        Mistake(
            "most-probable-subtracted",
            "M11",
            lambda logits, q_values: (
                q_values - np.take_along_axis(q_values, logits.argmax(axis=1, keepdims=True), axis=1)
            ),
            "You compared each action with the most probable one.",
            "V(s) is the mean over all that the policy may do. The most probable action is one term of it.",
        ),
        Mistake(
            "sign",
            "M5",
            lambda logits, q_values: -advantages(logits, q_values),
            "You computed V − Q, the opposite sign.",
            "With it, actions that are better than usual would be made rarer.",
        ),
        Mistake(
            "over-states",
            "M11",
            over_states,
            "You took the mean over the states, axis 0, where it should run over the actions.",
            "V(s) is the average of one state. An action is compared with what else could have been done *there*.",
        ),
        Mistake(
            "one-value-for-all",
            "M11",
            lambda logits, q_values: q_values - values(logits, q_values).mean(),
            "You subtracted one number from all states.",
            "Each state has its own V. With one number for all, an action in a good state looks good whatever it is.",
        ),
        Mistake(
            "weighted",
            "M11",
            lambda logits, q_values: policy.softmax(logits) * advantages(logits, q_values),
            "You returned π · A: each advantage multiplied by its action's probability.",
            "That is how much the action adds to the expected gradient. The advantage itself does not care how often "
            "its action is taken.",
        ),
        Mistake(
            "weighted-q",
            "M11",
            lambda logits, q_values: q_values - policy.softmax(logits) * q_values,
            "You subtracted π(a | s) Q(s, a) from each Q(s, a): the sum over the actions is missing.",
            "V(s) is one number for each state, the sum of π(a | s) Q(s, a) over all its actions.",
        ),
        Mistake(
            "values-returned",
            "",
            lambda logits, q_values: np.broadcast_to(values(logits, q_values), q_values.shape),
            "You returned V(s), and did not subtract it from Q(s, a).",
            "V says how good the state is. The advantage says how much better the action is.",
            variants=(lambda logits, q_values: values(logits, q_values)[:, 0], values),
        ),
    ),
)
