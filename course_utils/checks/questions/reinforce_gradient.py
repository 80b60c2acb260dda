"""Lesson 05: REINFORCE's estimate of the gradient, from a batch of trajectories."""

from collections.abc import Callable

import numpy as np

from course_utils import policy, returns
from course_utils.arguments import FloatArray, IntArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question

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


def normalised(weights: FloatArray) -> FloatArray:
    """Return weights over the sum of their row."""
    result: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return result


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
            "counted-from-zero",
            "M25",
            with_weights(lambda rewards, discount: right_weights(rewards, discount) / discount),
            "All entries are 1/γ times the wanted ones: you took γ^(t−1) literally, with t counted from 0.",
            "In the book the steps are counted from 1, so the first has the factor γ⁰ = 1. Python counts from 0: there "
            "the same factor is `discount**t`.",
            sections.DISCOUNT,
            almost=True,
        ),
        Mistake(
            "remainder-undiscounted",
            "M25",
            with_weights(lambda rewards, discount: powers(rewards, discount) * returns.reward_to_go(rewards)),
            "You added up the plain rewards that remain, and multiplied the sum by a power of γ.",
            "γ^(t−1) G_t has both: the factor in front, and inside G_t the factor γ^(k−t) of each reward. Then the "
            "reward of step k counts γ^(k−1), wherever it is credited.",
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
            "one-trajectory-only",
            "M7",
            one_trajectory(0, divided=True),
            "Only one trajectory is in your answer, the first or the last.",
            "The mean over all of them makes the estimate less noisy. A `return` inside the outer loop ends it after "
            "the first; `=` for `+=` keeps the last.",
            variants=(one_trajectory(0, False), one_trajectory(-1, True), one_trajectory(-1, False)),
        ),
        Mistake(
            "first-step-missing",
            "M3",
            steps_only(slice(1, None)),
            "You left out the first step of each trajectory.",
            "`range(1, T)` begins with the second step: Python counts from 0. The first action is a term of the sum "
            "too.",
            sections.THEOREM,
        ),
        Mistake(
            "last-step-missing",
            "M3",
            steps_only(slice(None, -1)),
            "You left out the last step of each trajectory.",
            "`range(T - 1)` ends with the last step but one. The last action earns a reward too.",
            sections.THEOREM,
        ),
        Mistake(
            "last-step-only",
            "M3",
            steps_only(slice(-1, None)),
            "You used the last step of each trajectory alone. The sum over t is missing.",
            "log Pr has a term for each step. Without the early ones, no early action is ever learned.",
            sections.THEOREM,
        ),
        Mistake(
            "first-step-only",
            "M3",
            steps_only(slice(1)),
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
            "weight-on-one-hot-only",
            "M1",
            changed(
                lambda logits, states, actions, weights: gathered(
                    logits, states, weights[..., None] * one_hot(logits, actions) - policy.softmax(logits)[states]
                )
            ),
            "Your weight stands at the one-hot alone: weight · one-hot − π. Brackets are missing.",
            "The whole score is weighted: weight · (one-hot − π). Without the brackets π is subtracted in full, "
            "however little the step was worth.",
            sections.SCORE,
        ),
        Mistake(
            "times-pi",
            "M1",
            changed(
                lambda logits, states, actions, weights: gathered(
                    logits,
                    states,
                    weights[..., None] * policy.softmax(logits)[states] * scores(logits, states, actions),
                )
            ),
            "A factor π too many stands before the score.",
            "The π in front of ∂ log π belongs to an expectation, and drawing the actions supplies it already. With it "
            "as well, rare actions hardly learn.",
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
        Mistake(
            "logits-for-probabilities",
            "M1",
            with_pi(lambda logits: logits),
            "You subtracted the logits from the one-hot. The probabilities are to be subtracted.",
            "Logits are preferences on any scale. Only after the softmax do they say how often each action is taken.",
            sections.SOFTMAX,
        ),
        Mistake(
            "not-normalised",
            "M1",
            with_pi(np.exp),
            "You subtracted exp(z), which is not divided by its sum yet.",
            "exp(z) are weights. Only after the division by the sum of their row are they probabilities.",
            sections.SOFTMAX,
            variants=(with_pi(lambda logits: np.exp(logits - logits.max(axis=1, keepdims=True))),),
        ),
        Mistake(
            "softmax-over-table",
            "M27",
            with_pi(lambda logits: policy.softmax(logits.ravel()).reshape(logits.shape)),
            "Your softmax runs over the whole table: all its entries add up to 1, where each row should.",
            "Each row is the policy in one state, and in each state some action is taken for certain. "
            "`sum(axis=-1, keepdims=True)` adds up each row by itself.",
            sections.SOFTMAX,
        ),
        Mistake(
            "softmax-over-states",
            "M1",
            with_pi(lambda logits: policy.softmax(logits.T).T),
            "Your softmax runs over the states, axis 0, where it should run over the actions.",
            "The probabilities of the actions in one state add up to 1. Those of one action in all states need not.",
            sections.SOFTMAX,
        ),
        Mistake(
            "no-maximum",
            "M1",
            with_pi(lambda logits: normalised(np.exp(logits))),
            "The formula is right, and it is not finite here. The exponential of a large number is more than any "
            "float, that of a very negative one is 0, and inf/inf and 0/0 are NaN.",
            "One NaN in a gradient makes all parameters NaN in the next step. Subtract each row's own maximum before "
            "you take exponentials, or call `policy.score`.",
            sections.OVERFLOW,
            variants=(
                with_pi(lambda logits: normalised(np.exp(logits - logits.max()))),
                with_pi(lambda logits: normalised(np.exp(logits - logits.mean(axis=1, keepdims=True)))),
            ),
            almost=True,
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
