"""Lesson 08: the objective U of one trajectory."""

from collections.abc import Callable

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a trajectory of two to six steps, some of them improbable."""
    length = int(rng.integers(2, 7))
    return {
        "log_probs": np.log(rng.uniform(0.1, 0.9, size=length) ** rng.choice([1, 1, 4], size=length)),
        "advantages": (rng.choice([-1, 1]) * rng.uniform(-0.5, 3.0, size=length)).round(3),
    }


def objective(log_probs: FloatArray, advantages: FloatArray) -> float:
    """Return Σ_t log π(a_t | s_t) A_t."""
    return float((log_probs * advantages).sum())


def terms(keep: slice) -> Callable[[FloatArray, FloatArray], float]:
    """Return U of some steps only."""
    return lambda log_probs, advantages: objective(log_probs[keep], advantages[keep])


def whitened(ddof: int, epsilon: float) -> Callable[[FloatArray, FloatArray], float]:
    """Return U with advantages of mean 0 and standard deviation 1."""

    def mistaken(log_probs: FloatArray, advantages: FloatArray) -> float:
        deviation = advantages - advantages.mean()
        variance = (deviation**2).sum() / np.float64(advantages.size - ddof)
        return objective(log_probs, deviation / (np.sqrt(variance) + epsilon))

    return mistaken


told = Words(
    """
mean-for-sum (M7): You averaged over the steps, where U adds them up.
    Divided by T, a step in a long episode counts less than one in a short episode. In this course sums run over time,
    and the mean is over trajectories.
sign (M5): You returned −U. That is the actor's loss.
    U is an objective: more of it is better, and you walk uphill on it. A loss is its negative, made for optimisers that
    walk downhill. Taking one for the other trains the worst action.
probabilities (M4): You turned the log-probabilities back into probabilities, and returned Σ π A.
    Over sampled steps it is the gradient of log π that makes the mean come out right. The gradient of π counts likely
    actions twice: once for their probability, and once for being drawn so often.
log-twice: You took the logarithm of `log_probs`, which are logarithms already.
    Log-probabilities are 0 or below. The log of a negative number is NaN, that of 0 is −∞. They come in ready to use.
no-advantage: You added up the log-probabilities: the advantages do not come into it.
    Raising this makes everything that was done more likely, good or bad: it is imitation. The advantage says which of
    it to repeat.
one-step (M3): Of all the steps, only the first or only the last is in your answer.
    U is a sum over all of them. In a loop, `U =` forgets the steps before and `U +=` adds to them; a `return` inside
    the loop ends the function at the first step.
step-left-out (M3): One step is left out, the first or the last.
    Steps are counted from 0 to T − 1. `range(T)` goes through all of them; `range(1, T)` leaves out the first and
    `range(T - 1)` the last.
product-of-sums: You multiplied the sum of the log-probabilities by the sum of the advantages.
    Then every step is judged by the total, and a bad step in a good episode is praised. Multiply step by step, and add
    up after that.
not-summed: You returned the terms log π · A, one for each step, and did not add them up.
    U is one number for a whole trajectory: the thing that you ascend.
whitened (M12): You shifted or scaled the advantages of the trajectory to mean 0 or standard deviation 1 before you used
  them.
    Over a large batch that is common. Within one trajectory it turns advantages round: in an episode where all went
    well, the least good step is punished. And a single step has no spread to divide by.
"""
)

QUESTION = Question(
    name="advantage_objective",
    lesson="08",
    prompt="Return U of one trajectory, Σ_t log π(a_t | s_t) A(s_t, a_t), from its log-probabilities and advantages.",
    points=1,
    signature="advantage_objective(log_probs, advantages)",
    fixed=(
        {"log_probs": np.array([-0.5]), "advantages": np.array([2.0])},
        {"log_probs": np.array([-0.5, -1.0]), "advantages": np.array([2.0, -1.0])},
        {"log_probs": np.array([-0.2, -1.5, -0.7]), "advantages": np.array([1.0, 3.0, -2.0])},
        {"log_probs": np.array([0.0]), "advantages": np.array([3.0])},
        {"log_probs": np.array([-0.5, 0.0, -9.0, -0.5]), "advantages": np.array([-1.0, -4.0, -0.5, 0.0])},
        {"log_probs": np.array([-25.375, -0.03125, -13.5]), "advantages": np.array([-1.257, 30.125, 12.5])},
    ),
    fresh=fresh,
    oracle=objective,
    remark="More of it is better. Its size, though, says nothing about how good the policy is.",
    read=sections.OBJECTIVE,
    mistakes=(
        told("mean-for-sum", lambda log_probs, advantages: (log_probs * advantages).mean(), sections.MANY_STEPS),
        told("sign", lambda log_probs, advantages: -objective(log_probs, advantages), sections.LOSS),
        told("probabilities", lambda log_probs, advantages: objective(np.exp(log_probs), advantages)),
        told("log-twice", lambda log_probs, advantages: objective(np.log(log_probs), advantages)),
        told("no-advantage", lambda log_probs, advantages: log_probs.sum()),
        told("one-step", terms(slice(0, 1)), variants=(terms(slice(-1, None)),)),
        told("step-left-out", terms(slice(1, None)), variants=(terms(slice(0, -1)),)),
        told("product-of-sums", lambda log_probs, advantages: log_probs.sum() * advantages.sum()),
        told("not-summed", lambda log_probs, advantages: log_probs * advantages),
        told(
            "whitened",
            whitened(0, 0.0),
            variants=(
                whitened(0, 1e-8),
                whitened(1, 0.0),
                whitened(1, 1e-8),
                lambda log_probs, advantages: objective(log_probs, advantages - advantages.mean()),
            ),
        ),
    ),
)
