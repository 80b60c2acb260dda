"""Lesson 08: the gradient of U with respect to the logits."""

import numpy as np

from course_utils import objectives, policy
from course_utils.arguments import FloatArray, IntArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a trajectory of two to four steps."""
    length, n = int(rng.integers(2, 5)), int(rng.integers(3, 5))
    return {
        "logits": rng.normal(size=(length, n)).round(2),
        "actions": rng.integers(n, size=length),
        "advantages": rng.normal(loc=0.5, scale=1.5, size=length).round(2),
    }


def gradient(logits: FloatArray, actions: IntArray, advantages: FloatArray) -> FloatArray:
    """Return A_t (one-hot(a_t) − π_t), a row for each step."""
    return objectives.advantage_objective(logits, actions, advantages).grad_logits


def one_hot(logits: FloatArray, actions: IntArray) -> FloatArray:
    """Return a row with a 1 at the action for each step."""
    return np.eye(logits.shape[-1])[actions]


def overflowing(logits: FloatArray, actions: IntArray, advantages: FloatArray) -> FloatArray:
    """Return the gradient without any care for large logits."""
    weights = np.exp(logits)
    pi = weights / weights.sum(axis=-1, keepdims=True)
    return np.asarray(advantages[:, None] * (one_hot(logits, actions) - pi))


def over_time(logits: FloatArray, actions: IntArray, advantages: FloatArray) -> FloatArray:
    """Return the gradient with a softmax over the steps."""
    pi = policy.softmax(logits.T).T
    return np.asarray(advantages[:, None] * (one_hot(logits, actions) - pi))


QUESTION = Question(
    name="advantage_gradient",
    lesson="08",
    prompt="Return the gradient of U with respect to the logits of every step, shape (T, n).",
    points=2,
    signature="advantage_gradient(logits, actions, advantages)",
    fixed=(
        {"logits": np.array([[0.0, 1.0]]), "actions": np.array([0]), "advantages": np.array([2.0])},
        {
            "logits": np.array([[0.0, 1.0], [0.5, 0.0]]),
            "actions": np.array([1, 0]),
            "advantages": np.array([2.0, -1.0]),
        },
        {
            "logits": np.array([[0.0, 1.0, 0.5], [2.0, 0.0, 0.0]]),
            "actions": np.array([2, 0]),
            "advantages": np.array([1.0, 3.0]),
        },
    ),
    extreme=(
        {
            "logits": np.array([[1000.0, 0.0], [0.0, 0.0]]),
            "actions": np.array([1, 0]),
            "advantages": np.array([1.0, 1.0]),
        },
    ),
    fresh=fresh,
    oracle=gradient,
    remark="Each row adds up to 0, and a step whose advantage is 0 contributes a row of zeros.",
    read=sections.GRADIENT,
    mistakes=(
        Mistake(
            "no-maximum",
            "M1",
            overflowing,
            "The formula is right, and it is not finite here: `exp(1000)` is larger than any float, and inf/inf is "
            "NaN.",
            "One NaN in a gradient makes all parameters NaN in the next step. Subtract each row's maximum before you "
            "take exponentials.",
            sections.OVERFLOW,
            almost=True,
        ),
        Mistake(
            "sign",
            "M5",
            lambda logits, actions, advantages: -gradient(logits, actions, advantages),
            "Your answer has the opposite sign: it is the gradient of the loss −U.",
            "U goes up. Walking uphill along this gradient would make good actions rarer.",
            sections.LOSS,
        ),
        Mistake(
            "mean-over-steps",
            "M7",
            lambda logits, actions, advantages: gradient(logits, actions, advantages) / len(actions),
            "You divided by the number of steps.",
            "U adds up its steps, so each step's row stands for itself. Divided by T, a step in a long episode counts "
            "less than one in a short episode.",
            sections.MANY_STEPS,
        ),
        Mistake(
            "no-advantage",
            "",
            lambda logits, actions, advantages: policy.score(logits, actions),
            "You returned the scores: the advantages do not come into it.",
            "This direction makes everything that was done more likely, good or bad. Each step's score is to be "
            "multiplied by its advantage.",
        ),
        Mistake(
            "no-one-hot",
            "M1",
            lambda logits, actions, advantages: -advantages[:, None] * policy.softmax(logits),
            "You returned −A π: the 1 at the action that was taken is missing.",
            "The score is one-hot − π. Without the one-hot it does not matter which action was taken.",
            sections.SCORE,
        ),
        Mistake(
            "only-one-hot",
            "M1",
            lambda logits, actions, advantages: advantages[:, None] * one_hot(logits, actions),
            "You returned A · one-hot: −π is missing.",
            "The other logits matter too: raising one of them takes probability from the action that was taken. Its "
            "entry is −A π.",
            sections.SCORE,
        ),
        Mistake(
            "score-of-probability",
            "M1",
            lambda logits, actions, advantages: (
                gradient(logits, actions, advantages) * np.exp(policy.log_prob(logits, actions))[:, None]
            ),
            "You differentiated π where U has log π: each row is π(a_t) times too small.",
            "∂ log π = ∂π / π. That division undoes that likely actions are also drawn more often.",
            sections.SCORE,
        ),
        Mistake(
            "log-kept",
            "M4",
            lambda logits, actions, advantages: (
                gradient(logits, actions, advantages) * policy.log_prob(logits, actions)[:, None]
            ),
            "You kept the factor log π(a_t) beside the score.",
            "Differentiating log π · A replaces log π by its derivative. The advantage stays as a constant factor; "
            "log π does not stay.",
        ),
        Mistake(
            "summed-over-steps",
            "",
            lambda logits, actions, advantages: gradient(logits, actions, advantages).sum(axis=0),
            "You added up the rows of all steps.",
            "That is the gradient when all steps share the same logits. Here each step has a row of its own, and so "
            "has its gradient: shape (T, n).",
        ),
        Mistake(
            "softmax-over-time",
            "M1",
            over_time,
            "Your softmax runs over the steps, axis 0, where it should run over the actions.",
            "The probabilities of one state's actions add up to 1; those of one action at different times need not. "
            "Actions are on the last axis.",
            sections.SOFTMAX,
        ),
    ),
)
