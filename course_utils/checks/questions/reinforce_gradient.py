"""Lesson 05: REINFORCE's estimate of the gradient, from a batch of trajectories."""

from collections.abc import Callable

import numpy as np

from course_utils import policy, returns
from course_utils.arguments import FloatArray, IntArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question

Gradient = Callable[[FloatArray, IntArray, IntArray, FloatArray, float], FloatArray]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a policy of three states and two to four trajectories, each of which returns to a state."""
    n_actions, m, length = (int(rng.integers(low, high)) for low, high in ((2, 4), (2, 5), (3, 5)))
    states = rng.integers(3, size=(m, length))
    states[:, -1] = states[:, 0]
    return {
        "logits": rng.normal(size=(3, n_actions)).round(2),
        "states": states,
        "actions": rng.integers(n_actions, size=(m, length)),
        "rewards": rng.uniform(0.5, 3.0, size=(m, length)).round(1),
        "discount": round(float(rng.uniform(0.3, 0.9)), 2),
    }


def gathered(logits: FloatArray, states: IntArray, steps: FloatArray) -> FloatArray:
    """Add each step's row to its state's row, and divide by the number of trajectories."""
    result = np.zeros(logits.shape)
    np.add.at(result, states, steps)
    return result / len(states)


def with_weights(weights: Callable[[FloatArray, float], FloatArray]) -> Gradient:
    """Return the estimate with these weights of the steps, a function of rewards (m, T) and discount."""

    def gradient(
        logits: FloatArray, states: IntArray, actions: IntArray, rewards: FloatArray, discount: float
    ) -> FloatArray:
        scores = policy.score(logits[states], actions)
        return gathered(logits, states, weights(rewards, discount)[..., None] * scores)

    return gradient


def changed(change: Callable[[FloatArray, IntArray, IntArray, FloatArray], FloatArray]) -> Gradient:
    """Return the estimate with another use of the right weights, a function of logits, states, actions and weights."""

    def gradient(
        logits: FloatArray, states: IntArray, actions: IntArray, rewards: FloatArray, discount: float
    ) -> FloatArray:
        return change(logits, states, actions, right_weights(rewards, discount))

    return gradient


def powers(rewards: FloatArray, discount: float) -> FloatArray:
    """Return γ^(t−1) for each step, shape (T,)."""
    result: FloatArray = discount ** np.arange(rewards.shape[1])
    return result


def right_weights(rewards: FloatArray, discount: float) -> FloatArray:
    """Return γ^(t−1) G_t."""
    return returns.reward_to_go(powers(rewards, discount) * rewards)


def total(rewards: FloatArray, discount: float) -> FloatArray:
    """Return R(τ) at every step."""
    return np.broadcast_to(right_weights(rewards, discount)[:, :1], rewards.shape)


def past(rewards: FloatArray, discount: float) -> FloatArray:
    """Return what was earned up to each step."""
    result: FloatArray = (powers(rewards, discount) * rewards).cumsum(axis=1)
    return result


def scores(logits: FloatArray, states: IntArray, actions: IntArray) -> FloatArray:
    """Return the score of each step, shape (m, T, A)."""
    return policy.score(logits[states], actions)


def one_hot(logits: FloatArray, actions: IntArray) -> FloatArray:
    """Return a row with a 1 at the action, for each step."""
    return np.eye(logits.shape[1])[actions]


def overwritten(logits: FloatArray, states: IntArray, actions: IntArray, weights: FloatArray) -> FloatArray:
    """Return the estimate when `g[states] += …` counts a repeated state once."""
    result = np.zeros(logits.shape)
    result[states] += weights[..., None] * scores(logits, states, actions)
    return result / len(states)


def overwritten_in_each(logits: FloatArray, states: IntArray, actions: IntArray, weights: FloatArray) -> FloatArray:
    """Return the estimate when a repeated state counts once within each trajectory."""
    result = np.zeros(logits.shape)
    for s, rows in zip(states, weights[..., None] * scores(logits, states, actions), strict=True):
        result[s] += rows
    return result / len(states)


right = with_weights(right_weights)

QUESTION = Question(
    name="reinforce_gradient",
    lesson="05",
    prompt="Return REINFORCE's estimate of ∂J/∂logits from m trajectories of T steps, shape (S, A).",
    points=3,
    signature="reinforce_gradient(logits, states, actions, rewards, discount)",
    fixed=(
        {
            "logits": np.array([[0.0, 1.0], [0.5, 0.0]]),
            "states": np.array([[0, 1]]),
            "actions": np.array([[0, 1]]),
            "rewards": np.array([[1.0, 2.0]]),
            "discount": 0.5,
        },
        {
            "logits": np.array([[0.0, 1.0], [0.5, 0.0]]),
            "states": np.array([[0, 1, 0], [0, 0, 1]]),
            "actions": np.array([[0, 1, 1], [1, 0, 0]]),
            "rewards": np.array([[1.0, 0.0, 2.0], [3.0, 1.0, 0.5]]),
            "discount": 0.5,
        },
        {
            "logits": np.array([[0.0, 1.0, 0.3], [0.5, 0.0, 0.2], [0.1, 0.4, 0.0]]),
            "states": np.array([[0, 1, 2, 0], [0, 2, 1, 1], [0, 1, 1, 2]]),
            "actions": np.array([[0, 2, 1, 1], [1, 0, 0, 2], [2, 2, 1, 0]]),
            "rewards": np.array([[1.0, 0.5, 2.0, 1.0], [-1.0, 3.0, 0.0, 1.0], [0.5, 2.0, -2.0, 4.0]]),
            "discount": 0.8,
        },
    ),
    fresh=fresh,
    oracle=right,
    remark="This is the whole of REINFORCE: what is left is a step uphill, and new trajectories.",
    read=sections.REINFORCE,
    mistakes=(
        Mistake(
            "total-return",
            "M8",
            with_weights(total),
            "You weighed every step with the return of its whole trajectory.",
            "This estimate is unbiased as well, so it is no wrong direction. It is mostly noisier: an action cannot "
            "change the past. Use what was earned from its own step on.",
            sections.PAST,
            almost=True,
        ),
        Mistake(
            "undiscounted-total-return",
            "M8",
            with_weights(lambda rewards, discount: np.broadcast_to(rewards.sum(axis=1, keepdims=True), rewards.shape)),
            "You weighed every step with the plain sum of all rewards, past ones too, and without the discount.",
            "The lesson's first loop does this, where γ = 1. Here the reward of step k has the factor γ^(k−1), and a "
            "step's weight counts from that step on.",
            sections.PAST,
        ),
        Mistake(
            "factor-dropped",
            "M9",
            with_weights(lambda rewards, discount: returns.discounted_returns(rewards, discount)),
            "You left out the factor γ^(t−1) in front of G_t.",
            "Most programs do so. But then later states count for more than they do in J, and the direction is not "
            "that of its gradient.",
            sections.DISCOUNT,
        ),
        Mistake(
            "factor-twice",
            "M9",
            with_weights(lambda rewards, discount: powers(rewards, discount) * right_weights(rewards, discount)),
            "You applied the factor γ^(t−1) twice.",
            "A sum of γ^(k−1) r_k over k ≥ t contains it already: it is γ^(t−1) G_t. Then later steps count for too "
            "little.",
            sections.DISCOUNT,
        ),
        Mistake(
            "discount-off-by-one",
            "M11",
            with_weights(lambda rewards, discount: discount * right_weights(rewards, discount)),
            "All entries are γ times the wanted ones: your exponent is one too large.",
            "The first step has the factor γ⁰ = 1. Python counts it as step 0, so `discount**t` is right there.",
            sections.DISCOUNT,
            almost=True,
        ),
        Mistake(
            "discount-ignored",
            "M9",
            with_weights(lambda rewards, discount: returns.reward_to_go(rewards)),
            "The discount has no effect: you added up the plain rewards.",
            "This is the gradient of the undiscounted performance. J discounts the reward of step t with γ^(t−1).",
            sections.DISCOUNT,
        ),
        Mistake(
            "past-for-future",
            "M8",
            with_weights(past),
            "You weighed each step with what was earned up to it.",
            "The past has nothing to say about an action: these terms have mean 0, but for the step's own reward. What "
            "comes after, which the action did change, is missing.",
            sections.PAST,
            variants=(with_weights(lambda rewards, discount: np.cumsum(rewards, axis=1)),),
        ),
        Mistake(
            "own-reward-only",
            "M8",
            with_weights(lambda rewards, discount: powers(rewards, discount) * rewards),
            "You weighed each step with its own reward, and did not add up what comes after it.",
            "Then an action that costs a point now and earns ten later looks bad. An action is answerable for all that "
            "follows.",
            sections.PAST,
            variants=(with_weights(lambda rewards, discount: rewards),),
        ),
        Mistake(
            "sum-over-trajectories",
            "M7",
            lambda logits, states, actions, rewards, discount: (
                len(states) * right(logits, states, actions, rewards, discount)
            ),
            "You added up the m trajectories and did not divide by m.",
            "Then the step grows with the batch. An expectation is estimated by a mean: each trajectory counts 1/m.",
        ),
        Mistake(
            "mean-over-steps",
            "M7",
            lambda logits, states, actions, rewards, discount: (
                right(logits, states, actions, rewards, discount) / states.shape[1]
            ),
            "You divided by the number of steps as well.",
            "The formula has a sum over the steps of a trajectory. Here all are equally long, so it is a smaller step; "
            "where lengths differ it is another direction.",
            sections.LENGTHS,
        ),
        Mistake(
            "states-overwritten",
            "",
            changed(overwritten),
            "Where a state occurs more than once, only its last visit counts.",
            "`g[states] += rows` counts a repeated index once. `np.add.at(g, states, rows)`, or a loop with "
            "`g[s] += row`, counts each visit.",
            variants=(changed(overwritten_in_each),),
        ),
        Mistake(
            "last-step-only",
            "M3",
            changed(
                lambda logits, states, actions, weights: gathered(
                    logits, states[:, -1:], (weights[..., None] * scores(logits, states, actions))[:, -1:]
                )
            ),
            "You used the last step of each trajectory alone. The sum over t is missing.",
            "log Pr has a term for each step. Without the early ones, no early action is ever learned.",
            sections.THEOREM,
        ),
        Mistake(
            "first-step-only",
            "M3",
            changed(
                lambda logits, states, actions, weights: gathered(
                    logits, states[:, :1], (weights[..., None] * scores(logits, states, actions))[:, :1]
                )
            ),
            "You used the first step of each trajectory alone. The sum over t is missing.",
            "log Pr has a term for each step. Without the later ones, no later action is ever learned.",
            sections.THEOREM,
        ),
        Mistake(
            "policy-of-first-state",
            "",
            changed(
                lambda logits, states, actions, weights: gathered(
                    logits,
                    states,
                    weights[..., None]
                    * (one_hot(logits, actions) - policy.softmax(logits)[np.broadcast_to(states[:, :1], states.shape)]),
                )
            ),
            "At every step you used π of the state in which the trajectory begins.",
            "The score is one-hot − π of the state in which the action was drawn. Computed once, before the loop over "
            "the steps, π belongs to the first state alone.",
            sections.SCORE,
        ),
        Mistake(
            "no-one-hot",
            "M1",
            changed(
                lambda logits, states, actions, weights: gathered(
                    logits, states, -weights[..., None] * policy.softmax(logits)[states]
                )
            ),
            "You used −π as the score: the 1 at the action that was taken is missing.",
            "Without the one-hot the push is the same whatever was done, and nothing can be learned from it.",
            sections.SCORE,
        ),
        Mistake(
            "only-one-hot",
            "M1",
            changed(
                lambda logits, states, actions, weights: gathered(
                    logits, states, weights[..., None] * one_hot(logits, actions)
                )
            ),
            "You used the one-hot alone as the score: −π is missing.",
            "Then with positive rewards every action that is taken rises, the common ones most often. −π makes up for "
            "how often an action is drawn.",
            sections.SCORE,
        ),
        Mistake(
            "sign",
            "M5",
            lambda logits, states, actions, rewards, discount: -right(logits, states, actions, rewards, discount),
            "Your answer has the opposite sign: it is the gradient of a loss.",
            "J is an objective, and the step is added. With this sign the worst conversation wins.",
            sections.ASCENT,
        ),
    ),
)
