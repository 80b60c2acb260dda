"""Lesson 04: the score of a whole trajectory."""

from collections.abc import Callable

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray, IntArray
from course_utils.checks import sections, softmaxes
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a policy of three or four states, and a trajectory that returns to one of them and misses another."""
    n_states, n_actions, length = int(rng.integers(3, 5)), int(rng.integers(2, 4)), int(rng.integers(3, 6))
    visited = rng.permutation(n_states)[: n_states - 1]
    states = np.concatenate([visited[:1], rng.choice(visited, size=length - 2), visited[:1]])
    return {
        "logits": rng.normal(size=(n_states, n_actions)).round(2),
        "states": states,
        "actions": rng.integers(n_actions, size=length),
    }


def rows(logits: FloatArray, states: IntArray, actions: IntArray) -> FloatArray:
    """Return the score of each step, shape (T, A)."""
    return policy.score(logits[states], actions)


def gathered(logits: FloatArray, states: IntArray, steps: FloatArray) -> FloatArray:
    """Add each step's row to its state's row, shape (S, A)."""
    result = np.zeros(logits.shape)
    np.add.at(result, states, steps)
    return result


def score(logits: FloatArray, states: IntArray, actions: IntArray) -> FloatArray:
    """Return Σ_t ∂ log π(a_t | s_t) / ∂logits."""
    return gathered(logits, states, rows(logits, states, actions))


def one_hot(logits: FloatArray, actions: IntArray) -> FloatArray:
    """Return a row with a 1 at the action, for each step."""
    return np.eye(logits.shape[1])[actions]


def overwritten(logits: FloatArray, states: IntArray, actions: IntArray) -> FloatArray:
    """Return the scores when a later visit to a state replaces an earlier one."""
    result = np.zeros(logits.shape)
    for s, row in zip(states, rows(logits, states, actions), strict=True):
        result[s] = row
    return result


def with_pi(pi: Callable[[FloatArray], FloatArray]) -> Callable[[FloatArray, IntArray, IntArray], FloatArray]:
    """Return the score with another π, a function of the whole table of logits."""
    return lambda logits, states, actions: gathered(logits, states, one_hot(logits, actions) - pi(logits)[states])


def of_visits(logits: FloatArray, states: IntArray, actions: IntArray) -> FloatArray:
    """Divide each state's row by the number of its visits."""
    visits = np.bincount(states, minlength=len(logits))
    return score(logits, states, actions) / np.maximum(visits, 1)[:, None]


def everywhere(logits: FloatArray, states: IntArray, actions: IntArray) -> FloatArray:
    """Subtract π in every state at every step, visited or not."""
    return gathered(logits, states, one_hot(logits, actions)) - len(states) * policy.softmax(logits)


told = Words(
    """
last-step-only (M3): You returned the score of the last step. The sum over t is missing.
    log Pr has a term for each step, and so has its gradient. With the last step alone, nothing that was done earlier is
    ever learned from.
first-step-missing (M3): You left out the first step.
    `range(1, T)` begins with the second step: Python counts from 0. The first action is a term of the sum too.
last-step-missing (M3): You left out the last step.
    `range(T - 1)` ends with the last step but one. The last action is a term of the sum too.
first-step-only (M3): You returned the score of the first step. The sum over t is missing.
    log Pr has a term for each step, and so has its gradient. A `return` inside the loop ends it after one round.
overwritten (M3): Where the trajectory comes back to a state, your later visit replaces the earlier one.
    Both visits are terms of the sum. `g[states] += rows` also counts a repeated index once; `np.add.at(g, states,
    rows)`, or a loop with `g[s] += row`, counts them all.
mean-over-steps (M7): You divided by the number of steps.
    The logarithm of a product is a sum over the steps. Divided by T, each step of a long trajectory would count less
    than one of a short trajectory.
mean-over-visits (M7): You divided each state's row by the number of its visits.
    Each visit is a term of the sum, and counts in full. A state that is met twice is learned from twice.
row-for-each-step: You returned one row for each step, shape (T, A).
    Each of your rows is right. The logits are shared by all steps in a state, so the rows of a state are added up in
    its row of a table of shape (S, A).
states-ignored: You added up the rows of all steps, whatever their state: shape (A,).
    Each state has its own logits. A step pushes those of the state it was taken in, and no others.
no-one-hot (M1): You returned −π for each step: the 1 at the action that was taken is missing.
    Without the one-hot the gradient is the same whatever was done, and nothing can be learned from it.
only-one-hot (M1): You counted how often each action was taken: −π is missing.
    The score is one-hot − π. Raising one logit takes probability from all actions of its state, and −π says how much.
times-pi (M36): You multiplied each score by π, entry by entry.
    The π in front of ∂ log π belongs to an expectation: it is how often an action is drawn. The score itself is one-hot
    − π, without another factor.
score-of-probability (M1): You added up the gradients of π, not of log π: each step carries a factor π(a) too many.
    ∂ log π = ∂π / π. That division undoes that likely actions are also drawn more often.
policy-of-first-state: At every step you used π of the state in which the trajectory begins.
    The score is one-hot − π of the state in which the action was drawn. Computed once, before the loop over the steps,
    π belongs to the first state alone.
pi-in-every-state: You subtracted π in every state at every step.
    A step changes the logits of the state it was taken in. A state that was not visited has a row of zeros.
gradient-of-pr (M4): You differentiated the product of the probabilities where its logarithm was asked for.
    ∂Pr = Pr · ∂log Pr: drawing the trajectories supplies the factor Pr. With Pr in it as well, rare trajectories count
    for too little.
log-pr-kept (M4): You kept log π as a factor beside its gradient.
    Differentiating replaces the logarithm by its derivative. The logarithm itself is not in the result.
sign (M5): Your answer has the opposite sign: it is the gradient of −log Pr.
    That is the gradient of a loss. Walking uphill along it makes what was done rarer.
"""
)

QUESTION = Question(
    name="trajectory_score",
    lesson="04",
    prompt="Return the gradient of log Pr of a trajectory with respect to the table of logits, shape (S, A).",
    points=2,
    signature="trajectory_score(logits, states, actions)",
    fixed=(
        {
            "logits": np.array([[0.0, 1.0], [0.5, 0.0], [0.0, 0.3]]),
            "states": np.array([0, 1]),
            "actions": np.array([0, 1]),
        },
        {
            "logits": np.array([[0.0, 1.0], [0.5, 0.0], [0.2, 0.0]]),
            "states": np.array([1, 0, 1]),
            "actions": np.array([0, 1, 1]),
        },
        {
            "logits": np.array([[0.0, 1.0, 0.5], [2.0, 0.0, 0.0], [0.1, 0.2, -0.4], [0.0, 0.3, 0.9]]),
            "states": np.array([3, 0, 0, 3]),
            "actions": np.array([2, 0, 2, 1]),
        },
        {
            "logits": np.array([[-1.0, -2.0, 0.0, 0.5], [0.2, -0.4, -0.4, -3.0]]),
            "states": np.array([1, 1, 0, 1, 1, 0]),
            "actions": np.array([3, 0, 3, 1, 1, 2]),
        },
        {
            "logits": np.array([[0.5, 0.0, -1.0], [-0.3, 1.2, 0.4], [-2.0, 0.0, -0.5]]),
            "states": np.array([2]),
            "actions": np.array([0]),
        },
    ),
    extreme=(
        {
            "logits": np.array([[1000.0, 0.0], [0.0, 0.5], [0.3, 0.0]]),
            "states": np.array([0, 1]),
            "actions": np.array([1, 0]),
        },
        {
            "logits": np.array([[0.0, 1.0], [-1000.0, -1001.0], [0.3, 0.0]]),
            "states": np.array([1, 1]),
            "actions": np.array([0, 1]),
        },
        {
            "logits": np.array([[5000.0, 0.0, 1.0], [-6000.0, 0.5, 0.0], [0.3, 0.0, 0.2]]),
            "states": np.array([0, 1]),
            "actions": np.array([0, 2]),
        },
    ),
    fresh=fresh,
    oracle=score,
    remark="No probability of the customer is among its arguments: the dynamics part has gradient 0.",
    read=sections.NO_MODEL,
    mistakes=(
        told(
            "last-step-only",
            lambda logits, states, actions: gathered(logits, states[-1:], rows(logits, states, actions)[-1:]),
        ),
        told(
            "first-step-missing",
            lambda logits, states, actions: gathered(logits, states[1:], rows(logits, states, actions)[1:]),
        ),
        told(
            "last-step-missing",
            lambda logits, states, actions: gathered(logits, states[:-1], rows(logits, states, actions)[:-1]),
        ),
        told(
            "first-step-only",
            lambda logits, states, actions: gathered(logits, states[:1], rows(logits, states, actions)[:1]),
        ),
        told("overwritten", overwritten),
        told(
            "mean-over-steps",
            lambda logits, states, actions: score(logits, states, actions) / len(states),
            sections.DECOMPOSITION,
        ),
        told("mean-over-visits", of_visits, sections.DECOMPOSITION),
        told("row-for-each-step", rows),
        told("states-ignored", lambda logits, states, actions: rows(logits, states, actions).sum(axis=0)),
        told(
            "no-one-hot",
            lambda logits, states, actions: gathered(logits, states, -policy.softmax(logits)[states]),
            sections.SCORE,
        ),
        told(
            "only-one-hot",
            lambda logits, states, actions: gathered(logits, states, one_hot(logits, actions)),
            sections.SCORE,
        ),
        *softmaxes.wrong(with_pi),
        told(
            "times-pi",
            lambda logits, states, actions: gathered(
                logits, states, policy.softmax(logits)[states] * rows(logits, states, actions)
            ),
            sections.SCORE,
        ),
        told(
            "score-of-probability",
            lambda logits, states, actions: gathered(
                logits,
                states,
                np.exp(policy.log_prob(logits[states], actions))[:, None] * rows(logits, states, actions),
            ),
            sections.SCORE,
        ),
        told(
            "policy-of-first-state",
            lambda logits, states, actions: gathered(
                logits, states, one_hot(logits, actions) - policy.softmax(logits)[states[0]]
            ),
            sections.SCORE,
        ),
        told("pi-in-every-state", everywhere),
        told(
            "gradient-of-pr",
            lambda logits, states, actions: (
                score(logits, states, actions) * np.exp(policy.log_prob(logits[states], actions).sum())
            ),
            sections.THEOREM,
        ),
        told(
            "log-pr-kept",
            lambda logits, states, actions: (
                score(logits, states, actions) * policy.log_prob(logits[states], actions).sum()
            ),
            sections.DECOMPOSITION,
        ),
        told("sign", lambda logits, states, actions: -score(logits, states, actions)),
    ),
)
