"""Lesson 09: the gradient of the actor's loss with an entropy bonus."""

from collections.abc import Callable

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray, IntArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw an episode of two to four steps with three or four actions."""
    length, n = int(rng.integers(2, 5)), int(rng.integers(3, 5))
    return {
        "logits": rng.normal(size=(length, n)).round(2),
        "actions": rng.integers(n, size=length),
        "advantages": rng.uniform(0.5, 2.5, size=length).round(1) * rng.choice([-1.0, 1.0], size=length),
        "entropy_cost": round(float(rng.uniform(0.4, 0.9)), 2),
    }


def pushes(logits: FloatArray, actions: IntArray, advantages: FloatArray) -> FloatArray:
    """Return ∂U/∂logits, shape (T, A)."""
    return np.asarray(policy.score(logits, actions) * advantages[:, None])


def entropy_slope(logits: FloatArray) -> FloatArray:
    """Return ∂H/∂logits of each step, −π (log π + H), shape (T, A)."""
    log_pi = policy.log_softmax(logits)
    return np.asarray(-np.exp(log_pi) * (log_pi + policy.entropy(logits)[:, None]))


def parts(of_actor: float, of_entropy: float) -> Callable[[FloatArray, IntArray, FloatArray, float], FloatArray]:
    """Return the function a · ∂U/∂logits + b · c_H ∂H/∂logits."""

    def gradient(logits: FloatArray, actions: IntArray, advantages: FloatArray, entropy_cost: float) -> FloatArray:
        bonus = of_entropy * entropy_cost * entropy_slope(logits)
        return np.asarray(of_actor * pushes(logits, actions, advantages) + bonus)

    return gradient


wanted = parts(-1.0, -1.0)


def uncentred(logits: FloatArray, actions: IntArray, advantages: FloatArray, entropy_cost: float) -> FloatArray:
    """Differentiate −Σ π log π as if the probabilities were free numbers."""
    log_pi = policy.log_softmax(logits)
    return np.asarray(-pushes(logits, actions, advantages) + entropy_cost * (log_pi + 1))


def of_taken(logits: FloatArray, actions: IntArray, advantages: FloatArray, entropy_cost: float) -> FloatArray:
    """Take −log π of the action for the entropy."""
    return np.asarray(-pushes(logits, actions, advantages) + entropy_cost * policy.score(logits, actions))


QUESTION = Question(
    name="actor_gradient",
    lesson="09",
    prompt="Return the gradient of the loss −U − c_H Σ H with respect to the logits of one episode, shape (T, A).",
    points=3,
    signature="actor_gradient(logits, actions, advantages, entropy_cost)",
    fixed=(
        {
            "logits": np.log([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]),
            "actions": np.array([0, 2]),
            "advantages": np.array([1.0, -2.0]),
            "entropy_cost": 0.5,
        },
        {
            "logits": np.array([[0.0, 1.0, 0.5], [2.0, 0.0, -1.0], [0.3, 0.0, 0.4]]),
            "actions": np.array([1, 0, 0]),
            "advantages": np.array([2.0, 0.5, -1.0]),
            "entropy_cost": 0.8,
        },
    ),
    fresh=fresh,
    oracle=wanted,
    remark="Descend on it: good actions become likelier, and the entropy bonus pulls towards trying everything.",
    read=sections.THREE_TERMS,
    mistakes=(
        Mistake(
            "ascent",
            "M5",
            parts(1.0, 1.0),
            "This is the gradient of U + c_H H, the objective. The loss has the opposite sign.",
            "Who descends on it makes good actions rarer. An objective goes up, a loss goes down.",
        ),
        Mistake(
            "entropy-sign",
            "M16",
            parts(-1.0, 1.0),
            "The entropy has the wrong sign: your loss punishes it.",
            "The bonus is there to keep the policy trying things. With your sign, descending makes it certain as fast "
            "as it can.",
        ),
        Mistake(
            "actor-sign",
            "M5",
            parts(1.0, -1.0),
            "The entropy part is right. The actor's part has the opposite sign.",
            "The loss is −U. Descending on +U makes the actions rarer that were better than usual.",
        ),
        Mistake(
            "no-entropy",
            "M16",
            parts(-1.0, 0.0),
            "The entropy bonus is missing.",
            "The loss has a second term, −c_H Σ H, and it depends on the logits too.",
        ),
        Mistake(
            "entropy-uncentred",
            "M16",
            uncentred,
            "Your entropy part differentiates −Σ π log π by the probabilities: −(log π + 1).",
            "The logits move the probabilities, and those share a total of 1. By the logits the slope is "
            "−π (log π + H).",
        ),
        Mistake(
            "entropy-of-taken",
            "M16",
            of_taken,
            "You used −log π of the action that was taken in place of the entropy.",
            "The entropy is the mean of −log π over all actions. With the action's own alone the gradient has the mean "
            "0 and the bonus does nothing on average.",
        ),
        Mistake(
            "mean-over-steps",
            "M7",
            lambda logits, actions, advantages, entropy_cost: (
                wanted(logits, actions, advantages, entropy_cost) / len(actions)
            ),
            "You divided by the number of steps.",
            "U sums over time and averages over trajectories, and here there is one trajectory.",
        ),
        Mistake(
            "cost-forgotten",
            "M16",
            lambda logits, actions, advantages, entropy_cost: wanted(logits, actions, advantages, 1.0),
            "The entropy counts fully: the factor c_H is missing.",
            "c_H decides how much certainty may cost. Without it the bonus can drown the advantages.",
        ),
        Mistake(
            "no-advantage",
            "M14",
            lambda logits, actions, advantages, entropy_cost: wanted(
                logits, actions, np.ones(len(actions)), entropy_cost
            ),
            "The advantages are missing: every action that was taken is pushed up alike.",
            "That imitates what the policy did, good or bad. The advantage says how far, and whether up or down.",
        ),
        Mistake(
            "no-one-hot",
            "M1",
            lambda logits, actions, advantages, entropy_cost: (
                policy.softmax(logits) * advantages[:, None] - entropy_cost * entropy_slope(logits)
            ),
            "The score is one-hot − π, and your one-hot is missing.",
            "Without it the push is the same whichever action was taken.",
            sections.SCORE,
        ),
    ),
)
