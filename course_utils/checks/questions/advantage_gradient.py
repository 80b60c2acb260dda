"""Lesson 08: the gradient of U with respect to the logits."""

from collections.abc import Callable

import numpy as np

from course_utils import objectives, policy
from course_utils.arguments import FloatArray, IntArray
from course_utils.checks import sections, softmaxes
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a trajectory of two to five steps."""
    length, n = int(rng.integers(2, 6)), int(rng.integers(2, 5))
    return {
        "logits": rng.normal(size=(length, n)).round(3),
        "actions": rng.integers(n, size=length),
        "advantages": rng.normal(loc=rng.choice([-1.0, 1.0]), scale=1.5, size=length).round(3),
    }


def gradient(logits: FloatArray, actions: IntArray, advantages: FloatArray) -> FloatArray:
    """Return A_t (one-hot(a_t) − π_t), a row for each step."""
    return objectives.advantage_objective(logits, actions, advantages).grad_logits


def one_hot(logits: FloatArray, actions: IntArray) -> FloatArray:
    """Return a row with a 1 at the action for each step."""
    return np.eye(logits.shape[-1])[actions]


def with_policy(
    softmax: Callable[[FloatArray], FloatArray],
) -> Callable[[FloatArray, IntArray, FloatArray], FloatArray]:
    """Return the gradient computed with another softmax."""

    def mistaken(logits: FloatArray, actions: IntArray, advantages: FloatArray) -> FloatArray:
        return np.asarray(advantages[:, None] * (one_hot(logits, actions) - softmax(logits)))

    return mistaken


def whitened(ddof: int, epsilon: float) -> Callable[[FloatArray, IntArray, FloatArray], FloatArray]:
    """Return the gradient with advantages of mean 0 and standard deviation 1."""

    def mistaken(logits: FloatArray, actions: IntArray, advantages: FloatArray) -> FloatArray:
        deviation = advantages - advantages.mean()
        variance = (deviation**2).sum() / np.float64(advantages.size - ddof)
        return np.asarray(gradient(logits, actions, deviation) / (np.sqrt(variance) + epsilon))

    return mistaken


def rows(keep: slice) -> Callable[[FloatArray, IntArray, FloatArray], FloatArray]:
    """Return the gradient with zeros in all rows but some."""

    def mistaken(logits: FloatArray, actions: IntArray, advantages: FloatArray) -> FloatArray:
        result = np.zeros(logits.shape)
        result[keep] = gradient(logits, actions, advantages)[keep]
        return result

    return mistaken


def first_entry(logits: FloatArray, actions: IntArray, advantages: FloatArray) -> FloatArray:
    """Return zeros, with the gradient in the very first entry."""
    result = np.zeros(logits.shape)
    result[0, 0] = gradient(logits, actions, advantages)[0, 0]
    return result


told = Words(
    """
no-maximum (M1): The formula is right, and it is not finite here: `exp(1000)` is larger than any float, and inf/inf is
  NaN.
    One NaN in a gradient makes all parameters NaN in the next step. Subtract each row's maximum before you take
    exponentials.
one-maximum (M27): You subtracted one maximum, that of the whole table, from all logits. Where a row lies far below it,
  all its exponentials are 0 in floats, and 0/0 is NaN.
    Each row is a step of its own. Subtract each row's own maximum, or call `policy.softmax`.
mean-subtracted (M1): You subtracted the mean of the logits. A logit that lies 710 above it still overflows.
    Any shift is right on paper. The maximum is the one after which no exponential is above 1. `policy.softmax`
    subtracts it.
sign (M5): Your answer has the opposite sign: it is the gradient of the loss −U.
    U goes up. Walking uphill along this gradient would make good actions rarer.
mean-over-steps (M7): You divided by the number of steps.
    U adds up its steps, so each step's row stands for itself. Divided by T, a step in a long episode counts less than
    one in a short episode.
no-advantage: You returned the scores: the advantages do not come into it.
    This direction makes everything that was done more likely, good or bad. Each step's score is to be multiplied by its
    advantage.
no-one-hot (M1): You returned −A π: the 1 at the action that was taken is missing.
    The score is one-hot − π. Without the one-hot it does not matter which action was taken.
brackets (M39): The advantage multiplies only one of the two terms, the one-hot or π: brackets are missing.
    The whole score is weighted, A (one-hot − π). Without the brackets a row no longer adds up to 0, and a step with A =
    0 still moves the policy.
only-one-hot (M1): You returned A · one-hot: −π is missing.
    The other logits matter too: raising one of them takes probability from the action that was taken. Its entry is −A
    π.
score-of-probability (M1): You differentiated π where U has log π: each row is π(a_t) times too small.
    ∂ log π = ∂π / π. That division undoes that likely actions are also drawn more often.
score-times-pi (M36): You multiplied each entry of the score by its own π.
    Where actions are drawn from the policy, π is already in how often each one is drawn. The factor belongs to the sum
    over all actions, and the score stays as it is.
log-kept (M4): You kept the factor log π(a_t) beside the score.
    Differentiating log π · A replaces log π by its derivative. The advantage stays as a constant factor; log π does not
    stay.
summed-over-steps: You added up the rows of all steps.
    That is the gradient when all steps share the same logits. Here each step has a row of its own, and so has its
    gradient: shape (T, n).
softmax-over-time (M1): Your softmax runs over the steps, axis 0, where it should run over the actions.
    The probabilities of one state's actions add up to 1; those of one action at different times need not. Actions are
    on the last axis.
whole-table (M27): Your softmax runs over the whole table: the probabilities of all steps together add up to 1.
    Each step has a policy of its own, so each row adds up to 1. `policy.softmax` works row by row.
logits-for-probabilities (M37): You subtracted the logits from the one-hot. The probabilities belong there.
    The score is one-hot − π. Logits are preferences; the softmax turns them into π first.
not-normalised (M37): You subtracted exp(z) from the one-hot: these numbers do not add up to 1.
    The softmax divides each exponential by the sum of all in its row. With that, each row of the score adds up to 0.
whitened (M12): You shifted the advantages of the trajectory to mean 0, or scaled them too, before you used them.
    Within one trajectory that turns advantages round: where all went well, the least good step is punished. Use them as
    they come in.
one-step (M38): Your answer stops after the first step, or its first entry, and the rest is 0.
    A `return` that is indented as far as the body of a loop ends the function in the loop's first round. Move it to the
    left, below the loop.
step-left-out (M38): The first or the last step is left out: its row is 0.
    Steps are counted from 0 to T − 1. `range(T)` goes through all of them; `range(1, T)` leaves out the first and
    `range(T - 1)` the last.
"""
)

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
        {
            "logits": np.array([[-1.0, 2.0], [-3.0, -3.0], [4.0, 0.5], [0.0, -0.5]]),
            "actions": np.array([0, 1, 1, 1]),
            "advantages": np.array([-1.5, -0.5, 0.0, -2.0]),
        },
        {
            "logits": np.array([[0.0, 1.0, -4.0], [-1.0, 0.0, 2.0], [3.0, 3.0, 0.0]]),
            "actions": np.array([2, 0, 1]),
            "advantages": np.array([5.0, 5.0, -0.3]),
        },
        {
            "logits": np.array([[12.5, 13.375, 0.25], [-0.125, 0.0, 0.375]]),
            "actions": np.array([1, 1]),
            "advantages": np.array([25.125, -31.0]),
        },
    ),
    extreme=(
        {
            "logits": np.array([[1000.0, 999.0], [1000.0, 1000.0]]),
            "actions": np.array([1, 0]),
            "advantages": np.array([1.0, 1.0]),
        },
        {
            "logits": np.array([[700.0, 699.0], [-60.0, -61.0]]),
            "actions": np.array([1, 0]),
            "advantages": np.array([1.0, 1.0]),
        },
        {
            "logits": np.array([[700.0, -1500.0], [-1500.0, 700.0]]),
            "actions": np.array([1, 1]),
            "advantages": np.array([1.0, 1.0]),
        },
    ),
    fresh=fresh,
    oracle=gradient,
    remark="Each row adds up to 0, and a step whose advantage is 0 contributes a row of zeros.",
    read=sections.GRADIENT,
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
        told("sign", lambda logits, actions, advantages: -gradient(logits, actions, advantages), sections.LOSS),
        told(
            "mean-over-steps",
            lambda logits, actions, advantages: gradient(logits, actions, advantages) / len(actions),
            sections.MANY_STEPS,
        ),
        told("no-advantage", lambda logits, actions, advantages: policy.score(logits, actions)),
        told(
            "no-one-hot",
            lambda logits, actions, advantages: -advantages[:, None] * policy.softmax(logits),
            sections.SCORE,
        ),
        told(
            "brackets",
            lambda logits, actions, advantages: advantages[:, None] * one_hot(logits, actions) - policy.softmax(logits),
            sections.SCORE,
            variants=(
                lambda logits, actions, advantages: (
                    one_hot(logits, actions) - advantages[:, None] * policy.softmax(logits)
                ),
            ),
        ),
        told(
            "only-one-hot",
            lambda logits, actions, advantages: advantages[:, None] * one_hot(logits, actions),
            sections.SCORE,
        ),
        told(
            "score-of-probability",
            lambda logits, actions, advantages: (
                gradient(logits, actions, advantages) * np.exp(policy.log_prob(logits, actions))[:, None]
            ),
            sections.SCORE,
        ),
        told(
            "score-times-pi",
            lambda logits, actions, advantages: policy.softmax(logits) * gradient(logits, actions, advantages),
            sections.SAMPLED_STEP,
        ),
        told(
            "log-kept",
            lambda logits, actions, advantages: (
                gradient(logits, actions, advantages) * policy.log_prob(logits, actions)[:, None]
            ),
        ),
        told(
            "summed-over-steps", lambda logits, actions, advantages: gradient(logits, actions, advantages).sum(axis=0)
        ),
        told("softmax-over-time", with_policy(softmaxes.over_first_axis), sections.SOFTMAX),
        told("whole-table", with_policy(softmaxes.over_table), sections.SOFTMAX),
        told("logits-for-probabilities", with_policy(softmaxes.identity), sections.SCORE),
        told("not-normalised", with_policy(softmaxes.not_normalised), sections.SCORE),
        told(
            "whitened",
            lambda logits, actions, advantages: gradient(logits, actions, advantages - advantages.mean()),
            sections.WHITENING,
            variants=tuple(whitened(ddof, epsilon) for ddof in (0, 1) for epsilon in (0.0, 1e-8)),
        ),
        told("one-step", rows(slice(0, 1)), variants=(first_entry,)),
        told("step-left-out", rows(slice(1, None)), variants=(rows(slice(0, -1)),)),
    ),
)
