"""Lesson 05: REINFORCE's estimate of the gradient, from a batch of trajectories."""

from collections.abc import Callable

import numpy as np

from course_utils import policy, returns
from course_utils.arguments import FloatArray, IntArray
from course_utils.checks import sections, softmaxes
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


Gradient = Callable[[FloatArray, IntArray, IntArray, FloatArray, float], FloatArray]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a policy of three states and two to five trajectories, each of which returns to a state."""
    n_actions, m, length = (int(rng.integers(low, high)) for low, high in ((2, 5), (2, 6), (3, 5)))
    states = rng.integers(3, size=(m, length))
    states[:, -1] = states[:, 0]
    return {
        "logits": rng.normal(size=(3, n_actions)).round(2),
        "states": states,
        "actions": rng.integers(n_actions, size=(m, length)),
        "rewards": (rng.uniform(0.5, 3.0, size=(m, length)) * rng.choice([-1, 1, 1], size=(m, length))).round(1),
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


def with_pi(pi: Callable[[FloatArray], FloatArray]) -> Gradient:
    """Return the estimate with another π, a function of the whole table of logits."""
    return changed(
        lambda logits, states, actions, weights: gathered(
            logits, states, weights[..., None] * (one_hot(logits, actions) - pi(logits)[states])
        )
    )


right = with_weights(right_weights)


def steps_only(steps: slice) -> Gradient:
    """Return the estimate from some of the steps of each trajectory, with their right weights."""
    return changed(
        lambda logits, states, actions, weights: gathered(
            logits, states[:, steps], (weights[..., None] * scores(logits, states, actions))[:, steps]
        )
    )


def one_trajectory(place: int, divided: bool) -> Gradient:
    """Return the estimate from one trajectory, divided by the number of all or not."""

    def gradient(
        logits: FloatArray, states: IntArray, actions: IntArray, rewards: FloatArray, discount: float
    ) -> FloatArray:
        one = slice(place, place + 1 or None)
        estimate = right(logits, states[one], actions[one], rewards[one], discount)
        return estimate / len(states) if divided else estimate

    return gradient


told = Words(
    """
total-return (M8): You weighed every step with the return of its whole trajectory.
    This estimate is unbiased as well, so it is no wrong direction. It is mostly noisier: an action cannot change the
    past. Use what was earned from its own step on.
undiscounted-total-return (M8): You weighed every step with the plain sum of all rewards, past ones too, and without the
  discount.
    The lesson's first loop does this, where γ = 1. Here the reward of step k has the factor γ^(k−1), and a step's
    weight counts from that step on.
factor-dropped (M9): You left out the factor γ^(t−1) in front of G_t.
    Most programs do so. But then later states count for more than they do in J, and the direction is not that of its
    gradient.
factor-twice (M9): You applied the factor γ^(t−1) twice.
    A sum of γ^(k−1) r_k over k ≥ t contains it already: it is γ^(t−1) G_t. Then later steps count for too little.
discount-off-by-one (M11): All entries are γ times the wanted ones: your exponent is one too large.
    The first step has the factor γ⁰ = 1. Python counts it as step 0, so `discount**t` is right there.
counted-from-zero (M25): All entries are 1/γ times the wanted ones: you took γ^(t−1) literally, with t counted from 0.
    In the book the steps are counted from 1, so the first has the factor γ⁰ = 1. Python counts from 0: there the same
    factor is `discount**t`.
remainder-undiscounted (M25): You added up the plain rewards that remain, and multiplied the sum by a power of γ.
    γ^(t−1) G_t has both: the factor in front, and inside G_t the factor γ^(k−t) of each reward. Then the reward of step
    k counts γ^(k−1), wherever it is credited.
discount-ignored (M9): The discount has no effect: you added up the plain rewards.
    This is the gradient of the undiscounted performance. J discounts the reward of step t with γ^(t−1).
past-for-future (M8): You weighed each step with what was earned up to it.
    The past has nothing to say about an action: these terms have mean 0, but for the step's own reward. What comes
    after, which the action did change, is missing.
own-reward-only (M8): You weighed each step with its own reward, and did not add up what comes after it.
    Then an action that costs a point now and earns ten later looks bad. An action is answerable for all that follows.
sum-over-trajectories (M7): You added up the m trajectories and did not divide by m.
    Then the step grows with the batch. An expectation is estimated by a mean: each trajectory counts 1/m.
mean-over-steps (M7): You divided by the number of steps as well.
    The formula has a sum over the steps of a trajectory. Here all are equally long, so it is a smaller step; where
    lengths differ it is another direction.
states-overwritten: Where a state occurs more than once, only its last visit counts.
    `g[states] += rows` counts a repeated index once. `np.add.at(g, states, rows)`, or a loop with `g[s] += row`, counts
    each visit.
one-trajectory-only (M7): Only one trajectory is in your answer, the first or the last.
    The mean over all of them makes the estimate less noisy. A `return` inside the outer loop ends it after the first;
    `=` for `+=` keeps the last.
first-step-missing (M3): You left out the first step of each trajectory.
    `range(1, T)` begins with the second step: Python counts from 0. The first action is a term of the sum too.
last-step-missing (M3): You left out the last step of each trajectory.
    `range(T - 1)` ends with the last step but one. The last action earns a reward too.
last-step-only (M3): You used the last step of each trajectory alone. The sum over t is missing.
    log Pr has a term for each step. Without the early ones, no early action is ever learned.
first-step-only (M3): You used the first step of each trajectory alone. The sum over t is missing.
    log Pr has a term for each step. Without the later ones, no later action is ever learned.
policy-of-first-state: At every step you used π of the state in which the trajectory begins.
    The score is one-hot − π of the state in which the action was drawn. Computed once, before the loop over the steps,
    π belongs to the first state alone.
weight-on-one-hot-only (M1): Your weight stands at the one-hot alone: weight · one-hot − π. Brackets are missing.
    The whole score is weighted: weight · (one-hot − π). Without the brackets π is subtracted in full, however little
    the step was worth.
times-pi (M36): A factor π too many stands before the score.
    The π in front of ∂ log π belongs to an expectation, and drawing the actions supplies it already. With it as well,
    rare actions hardly learn.
no-one-hot (M1): You used −π as the score: the 1 at the action that was taken is missing.
    Without the one-hot the push is the same whatever was done, and nothing can be learned from it.
only-one-hot (M1): You used the one-hot alone as the score: −π is missing.
    Then with positive rewards every action that is taken rises, the common ones most often. −π makes up for how often
    an action is drawn.
sign (M5): Your answer has the opposite sign: it is the gradient of a loss.
    J is an objective, and the step is added. With this sign the worst conversation wins.
"""
)

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
        # more trajectories than steps, more states than actions, rewards below 0, no discount
        {
            "logits": np.array([[-1.0, 0.5], [2.0, -0.5], [0.0, 0.0], [-0.3, -1.2]]),
            "states": np.array([[3, 0, 3], [1, 1, 0], [3, 3, 2], [0, 2, 1], [1, 0, 0]]),
            "actions": np.array([[1, 0, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1]]),
            "rewards": np.array(
                [[-1.0, -2.0, -0.5], [0.0, 0.0, -3.0], [-1.5, 1.0, 0.0], [0.0, -4.0, -1.0], [2.0, -1.0, -1.0]]
            ),
            "discount": 1.0,
        },
        {
            "logits": np.array([[0.3, -0.4, 0.0, 1.0], [0.6, 0.1, -2.0, 0.2]]),
            "states": np.array([[1], [1], [0]]),
            "actions": np.array([[3], [0], [2]]),
            "rewards": np.array([[2.0], [-1.0], [0.5]]),
            "discount": 0.6,
        },
    ),
    extreme=(
        {
            "logits": np.array([[1000.0, 0.0], [0.0, 0.5], [0.3, 0.0]]),
            "states": np.array([[0, 1, 2]]),
            "actions": np.array([[1, 0, 0]]),
            "rewards": np.array([[1.0, 0.5, -2.0]]),
            "discount": 0.5,
        },
        {
            "logits": np.array([[0.0, 1.0], [-1000.0, -1001.0], [0.3, 0.0]]),
            "states": np.array([[1, 2, 1]]),
            "actions": np.array([[1, 0, 0]]),
            "rewards": np.array([[1.0, 0.5, -2.0]]),
            "discount": 0.5,
        },
        {
            "logits": np.array([[5000.0, 0.0, 1.0], [-6000.0, 0.5, 0.0]]),
            "states": np.array([[0, 1], [1, 1]]),
            "actions": np.array([[0, 2], [1, 2]]),
            "rewards": np.array([[1.0, 0.5], [-2.0, 3.0]]),
            "discount": 0.9,
        },
    ),
    fresh=fresh,
    oracle=right,
    remark="This is the whole of REINFORCE: what is left is a step uphill, and new trajectories.",
    read=sections.REINFORCE,
    mistakes=(
        told("total-return", with_weights(total), sections.PAST, almost=True),
        told(
            "undiscounted-total-return",
            with_weights(lambda rewards, discount: np.broadcast_to(rewards.sum(axis=1, keepdims=True), rewards.shape)),
            sections.PAST,
        ),
        told(
            "factor-dropped",
            with_weights(lambda rewards, discount: returns.discounted_returns(rewards, discount)),
            sections.DISCOUNT,
        ),
        told(
            "factor-twice",
            with_weights(lambda rewards, discount: powers(rewards, discount) * right_weights(rewards, discount)),
            sections.DISCOUNT,
        ),
        told(
            "discount-off-by-one",
            with_weights(lambda rewards, discount: discount * right_weights(rewards, discount)),
            sections.DISCOUNT,
            almost=True,
        ),
        told(
            "counted-from-zero",
            with_weights(lambda rewards, discount: right_weights(rewards, discount) / discount),
            sections.DISCOUNT,
            almost=True,
        ),
        told(
            "remainder-undiscounted",
            with_weights(lambda rewards, discount: powers(rewards, discount) * returns.reward_to_go(rewards)),
            sections.DISCOUNT,
            variants=(
                with_weights(
                    lambda rewards, discount: discount * powers(rewards, discount) * returns.reward_to_go(rewards)
                ),
                with_weights(
                    lambda rewards, discount: powers(rewards, discount) * returns.reward_to_go(rewards) / discount
                ),
            ),
        ),
        told(
            "discount-ignored", with_weights(lambda rewards, discount: returns.reward_to_go(rewards)), sections.DISCOUNT
        ),
        told(
            "past-for-future",
            with_weights(past),
            sections.PAST,
            variants=(with_weights(lambda rewards, discount: np.cumsum(rewards, axis=1)),),
        ),
        told(
            "own-reward-only",
            with_weights(lambda rewards, discount: powers(rewards, discount) * rewards),
            sections.PAST,
            variants=(with_weights(lambda rewards, discount: rewards),),
        ),
        told(
            "sum-over-trajectories",
            lambda logits, states, actions, rewards, discount: (
                len(states) * right(logits, states, actions, rewards, discount)
            ),
        ),
        told(
            "mean-over-steps",
            lambda logits, states, actions, rewards, discount: (
                right(logits, states, actions, rewards, discount) / states.shape[1]
            ),
            sections.LENGTHS,
        ),
        told("states-overwritten", changed(overwritten), variants=(changed(overwritten_in_each),)),
        told(
            "one-trajectory-only",
            one_trajectory(0, divided=True),
            variants=(one_trajectory(0, False), one_trajectory(-1, True), one_trajectory(-1, False)),
        ),
        told("first-step-missing", steps_only(slice(1, None)), sections.THEOREM),
        told("last-step-missing", steps_only(slice(None, -1)), sections.THEOREM),
        told("last-step-only", steps_only(slice(-1, None)), sections.THEOREM),
        told("first-step-only", steps_only(slice(1)), sections.THEOREM),
        told(
            "policy-of-first-state",
            changed(
                lambda logits, states, actions, weights: gathered(
                    logits,
                    states,
                    weights[..., None]
                    * (one_hot(logits, actions) - policy.softmax(logits)[np.broadcast_to(states[:, :1], states.shape)]),
                )
            ),
            sections.SCORE,
        ),
        told(
            "weight-on-one-hot-only",
            changed(
                lambda logits, states, actions, weights: gathered(
                    logits, states, weights[..., None] * one_hot(logits, actions) - policy.softmax(logits)[states]
                )
            ),
            sections.SCORE,
        ),
        told(
            "times-pi",
            changed(
                lambda logits, states, actions, weights: gathered(
                    logits,
                    states,
                    weights[..., None] * policy.softmax(logits)[states] * scores(logits, states, actions),
                )
            ),
            sections.SCORE,
            variants=(
                changed(
                    lambda logits, states, actions, weights: gathered(
                        logits,
                        states,
                        (weights * np.exp(policy.log_prob(logits[states], actions)))[..., None]
                        * scores(logits, states, actions),
                    )
                ),
            ),
        ),
        *softmaxes.wrong(with_pi),
        told(
            "no-one-hot",
            changed(
                lambda logits, states, actions, weights: gathered(
                    logits, states, -weights[..., None] * policy.softmax(logits)[states]
                )
            ),
            sections.SCORE,
        ),
        told(
            "only-one-hot",
            changed(
                lambda logits, states, actions, weights: gathered(
                    logits, states, weights[..., None] * one_hot(logits, actions)
                )
            ),
            sections.SCORE,
        ),
        told(
            "sign",
            lambda logits, states, actions, rewards, discount: -right(logits, states, actions, rewards, discount),
            sections.ASCENT,
        ),
    ),
)
