"""Lesson 08: the probabilities after one expected ascent step."""

from collections.abc import Callable

import numpy as np

from course_utils import objectives, policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections, softmaxes
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a policy, advantages whose mean is not 0, and a step size."""
    n = int(rng.integers(2, 6))
    return {
        "logits": rng.normal(size=n).round(3),
        "advantages": rng.normal(loc=rng.choice([-1.0, 1.0]), scale=1.5, size=n).round(3),
        "step_size": round(float(rng.uniform(0.3, 3.0)), 3),
    }


def direction(logits: FloatArray, advantages: FloatArray) -> FloatArray:
    """Return the expected gradient, π (A − Σ π A)."""
    return objectives.expected_advantage_objective(logits, advantages).grad_logits


def step(logits: FloatArray, advantages: FloatArray, step_size: float) -> FloatArray:
    """Return the probabilities after the step."""
    return policy.softmax(logits + step_size * direction(logits, advantages))


def with_policies(
    before: Callable[[FloatArray], FloatArray], after: Callable[[FloatArray], FloatArray]
) -> Callable[[FloatArray, FloatArray, float], FloatArray]:
    """Return the probabilities computed with other softmaxes, before and after the step."""

    def mistaken(logits: FloatArray, advantages: FloatArray, step_size: float) -> FloatArray:
        pi = before(logits)
        return after(logits + step_size * pi * (advantages - pi @ advantages))

    return mistaken


def first_order(logits: FloatArray, advantages: FloatArray, step_size: float) -> FloatArray:
    """Return π + η π (g − Σ π g)."""
    pi, g = policy.softmax(logits), direction(logits, advantages)
    return np.asarray(pi + step_size * pi * (g - pi @ g))


told = Words(
    """
no-maximum (M1): The formula is right, and it is not finite here: `exp(1000)` is larger than any float, and inf/inf is
  NaN.
    During training logits drift, and one NaN ends the run. Subtract the maximum before you take exponentials.
mean-subtracted (M1): You subtracted the mean of the logits. A logit that lies 710 above it still overflows.
    Any shift is right on paper. The maximum is the one after which no exponential is above 1. `policy.softmax`
    subtracts it.
not-normalised (M37): Somewhere you took exp(z) for probabilities: these numbers do not add up to 1.
    The softmax divides each exponential by the sum of all of them. It is needed twice: for π before the step, and for
    the probabilities after it.
logits-for-probabilities (M37): In the gradient you put the logits where the probabilities belong.
    In g_a = π_a (A_a − Σ π A), π are the probabilities before the step. The softmax turns logits into them first.
softmax-twice (M1): You applied the softmax twice after the step.
    A softmax takes its input for logits. Probabilities differ by less than 1, so a second one evens them out.
descends (M5): You stepped downhill: the gradient is subtracted from the logits.
    Optimisers subtract because they are given a loss. This is the gradient of an objective, so add it: otherwise the
    actions above average become rarer.
moves-probabilities: You added the step to the probabilities. It belongs to the logits.
    g is the gradient with respect to the logits. Added to π it can give a probability below 0. And it hides the
    coupling of the actions, which comes from the softmax after the step.
softmax-of-probabilities (M1): You added the step to the probabilities, and applied a softmax to the result.
    A softmax takes its input for logits. Probabilities differ by less than 1, so it evens them out, and even a step of
    size 0 would change the policy. Add the step to the logits.
mean-not-subtracted: You used π A as the gradient, without subtracting the mean advantage Σ π A.
    In a sampled update a constant in A cancels on average, because the mean of the score is 0. In π A nothing cancels:
    with equal advantages, where nothing should happen, the likely actions would still gain.
plain-mean (M10): You subtracted the plain mean of the advantages, which counts all actions alike.
    The usual outcome is what the policy earns: each action counts with its probability, Σ π A. What an action that is
    hardly ever taken would have earned hardly matters.
no-probability-factor: The factor π is missing: you moved each logit by the advantage itself, as if each action were
  taken equally often.
    An action contributes as often as it is drawn, so g_a = π_a (A_a − Σ π A). (What you computed exists as well: it is
    the step of the natural policy gradient, which divides by the Fisher information.)
returns-logits: You returned the new logits. The new probabilities are asked for.
    Looking at logits alone hides what happens: a logit can rise while its probability falls, if the others rise more.
    Apply the softmax to them.
returns-change: You returned the change of the probabilities. The new probabilities are asked for.
    The changes add up to 0, the probabilities to 1. Add the change to the old probabilities, or return the softmax as
    it is.
step-size-ignored: The step size has no effect on your answer.
    How far to go is decided by whoever calls the function. Multiply the gradient by it.
first-order: This is the first-order formula, π + η π (g − Σ π g). The exact probabilities are asked for.
    For a small step the two agree. For a large one the formula overshoots and can leave the range from 0 to 1. Move the
    logits, and take the softmax.
"""
)

QUESTION = Question(
    name="ascent_step",
    lesson="08",
    prompt="Return the probabilities after one expected ascent step, with g_a = π_a (A_a − Σ_b π_b A_b).",
    points=2,
    signature="ascent_step(logits, advantages, step_size)",
    fixed=(
        {"logits": np.array([0.0, 1.0]), "advantages": np.array([2.0, 1.0]), "step_size": 2.0},
        {"logits": np.array([0.0, 0.5, 1.0]), "advantages": np.array([3.0, 0.0, 1.0]), "step_size": 1.0},
        {"logits": np.log([0.5, 0.3, 0.2]), "advantages": np.array([1.0, 0.1, -2.65]), "step_size": 2.0},
        {"logits": np.array([-1.0, -1.0, -2.0]), "advantages": np.array([-2.0, -2.0, -2.0]), "step_size": 0.5},
        {
            "logits": np.array([3.0, -2.0, 0.0, 0.0, 1.0]),
            "advantages": np.array([-1.0, -4.0, 0.0, -0.5, -0.5]),
            "step_size": 6.0,
        },
        {
            "logits": np.array([12.5, 13.125, 0.25]),
            "advantages": np.array([31.0, -25.257, 0.0]),
            "step_size": 0.125,
        },
    ),
    extreme=(
        {"logits": np.array([1000.0, 1000.0]), "advantages": np.array([1.0, -1.0]), "step_size": 1.0},
        {"logits": np.array([700.0, -1500.0]), "advantages": np.array([1.0, -1.0]), "step_size": 1.0},
    ),
    fresh=fresh,
    oracle=step,
    remark="Try advantages of 1, 0.1 and −2.65 on the policy 0.5, 0.3, 0.2: an action above 0 loses probability.",
    read=sections.STEP,
    mistakes=(
        told("no-maximum", with_policies(softmaxes.no_maximum, softmaxes.no_maximum), sections.OVERFLOW, almost=True),
        told("mean-subtracted", with_policies(softmaxes.row_mean, softmaxes.row_mean), sections.OVERFLOW, almost=True),
        told(
            "not-normalised",
            with_policies(policy.softmax, softmaxes.not_normalised),
            sections.SOFTMAX,
            variants=(
                with_policies(softmaxes.not_normalised, policy.softmax),
                with_policies(softmaxes.not_normalised, softmaxes.not_normalised),
            ),
        ),
        told("logits-for-probabilities", with_policies(softmaxes.identity, policy.softmax), sections.SOFTMAX),
        told(
            "softmax-twice",
            lambda logits, advantages, step_size: policy.softmax(step(logits, advantages, step_size)),
            sections.SOFTMAX,
        ),
        told("descends", lambda logits, advantages, step_size: step(logits, advantages, -step_size), sections.LOSS),
        told(
            "moves-probabilities",
            lambda logits, advantages, step_size: policy.softmax(logits) + step_size * direction(logits, advantages),
        ),
        told(
            "softmax-of-probabilities",
            lambda logits, advantages, step_size: policy.softmax(
                policy.softmax(logits) + step_size * direction(logits, advantages)
            ),
        ),
        told(
            "mean-not-subtracted",
            lambda logits, advantages, step_size: policy.softmax(
                logits + step_size * policy.softmax(logits) * advantages
            ),
        ),
        told(
            "plain-mean",
            lambda logits, advantages, step_size: policy.softmax(
                logits + step_size * policy.softmax(logits) * (advantages - advantages.mean())
            ),
        ),
        told(
            "no-probability-factor",
            lambda logits, advantages, step_size: policy.softmax(logits + step_size * advantages),
        ),
        told(
            "returns-logits", lambda logits, advantages, step_size: logits + step_size * direction(logits, advantages)
        ),
        told(
            "returns-change",
            lambda logits, advantages, step_size: step(logits, advantages, step_size) - policy.softmax(logits),
        ),
        told("step-size-ignored", lambda logits, advantages, step_size: step(logits, advantages, 1.0)),
        told("first-order", first_order),
    ),
)
