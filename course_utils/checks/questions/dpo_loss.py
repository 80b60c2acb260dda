"""Lesson 13: the loss of direct preference optimisation."""

import numpy as np

from course_utils import objectives
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the log-probabilities of three to five pairs."""
    n = int(rng.integers(3, 6))
    ref_chosen, ref_rejected = rng.uniform(-12.0, -5.0, size=(2, n)).round(1)
    moved = rng.normal(scale=1.5, size=(2, n)).round(1)
    return {
        "chosen": ref_chosen + moved[0],
        "rejected": ref_rejected + moved[1],
        "ref_chosen": ref_chosen,
        "ref_rejected": ref_rejected,
        "beta": float(np.round(rng.uniform(0.2, 0.8), 1)),
    }


def margin(chosen: FloatArray, rejected: FloatArray, ref_chosen: FloatArray, ref_rejected: FloatArray) -> FloatArray:
    """Return the margin without β."""
    return (chosen - ref_chosen) - (rejected - ref_rejected)


def loss(m: FloatArray) -> float:
    """Return the mean of −log σ(m)."""
    return float(np.logaddexp(0, -m).mean())


def exact(
    chosen: FloatArray, rejected: FloatArray, ref_chosen: FloatArray, ref_rejected: FloatArray, beta: float
) -> float:
    """Return the loss."""
    return objectives.dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta).value


def sigmoid(m: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(−m)), with no care for large −m."""
    return np.asarray(1 / (1 + np.exp(-m)))


told = Words(
    """
overflow: The formula is right, and it is not finite here: an `exp` in it is larger than any float, or so small that it
  is 0.
    Log-probabilities of long replies differ by hundreds. `np.logaddexp(0, -margin)` is the same number without the
    overflow.
exchanged (M5): You exchanged chosen and rejected: your loss falls when the rejected replies become likelier.
    Trained on it, the policy learns the opposite of what raters want.
no-reference: The reference is missing: your margin is that of the policy's log-probabilities alone.
    Then a pair is won as soon as the chosen reply is likelier, however it was before, and nothing says what a distance
    from the reference costs.
reference-exchanged (M5): The reference's part has the wrong sign, or its chosen and rejected are exchanged.
    What counts is how far the policy has moved: policy minus reference, for each of the two replies.
not-logarithms (M28): You took the exponentials of the log-probabilities before you compared them.
    The implied reward is β (log π − log π_ref), a difference of logarithms.
beta-outside: You multiplied the loss by β, and the margin has none.
    Outside σ, β is only a step size. Inside, it says how far the policy has to move for a margin of 1.
beta-left-out: There is no β in it, as if it were 1.
    β is the price of a distance from the reference. Without it you train for one fixed price.
beta-divides: You divided the margin by β.
    The implied reward is R = β log(π/π_ref): the reward is the logarithm *times* β.
chosen-only (M23): The rejected replies do not come into it.
    A preference says only that one reply is better than the other, and $Z$ cancels only in the difference.
ascent (M5): The sign is that of an objective: this is log σ, which goes up.
    A loss goes down. Minimising this one makes the choices of the raters improbable.
probability (M5): You returned the mean probability σ(margin), without −log.
    It goes up when the policy gets better, and is nearly flat where a pair is ranked wrong by far.
difference: You returned the mean margin, or its negative, without log σ.
    Nothing would stop it: the margin can be widened for ever. −log σ levels off where a pair is ranked right.
sum (M7): You summed over the pairs, and the mean is asked for.
    With a sum the step size would have to change with the size of the batch.
not-averaged: You returned the loss of each pair.
    They are right. What is asked for is their mean, one number.
loss-of-the-mean (M41): You averaged the margins first, and took −log σ of the mean.
    Then one pair with a wide margin makes up for many that are ranked wrong. Each pair has its own loss.
log-of-the-mean (M41): You averaged the probabilities first, and took −log of their mean.
    The pairs were judged one by one. A pair ranked wrong by far hardly moves a mean probability.
each-alone (M23): You took σ of each implied reward by itself.
    Two good replies make a pair as well, and one of them is rejected. σ is taken of the difference.
"""
)

QUESTION = Question(
    name="dpo_loss",
    lesson="13",
    prompt="Return the mean of −log σ(β ((chosen − ref_chosen) − (rejected − ref_rejected))) over the pairs.",
    points=2,
    signature="dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta)",
    fixed=(
        {
            "chosen": np.array([-4.0]),
            "rejected": np.array([-7.0]),
            "ref_chosen": np.array([-5.5]),
            "ref_rejected": np.array([-6.0]),
            "beta": 0.5,
        },
        {
            "chosen": np.array([-6.0, -9.5]),
            "rejected": np.array([-8.0, -9.0]),
            "ref_chosen": np.array([-5.0, -7.0]),
            "ref_rejected": np.array([-5.5, -8.5]),
            "beta": 0.3,
        },
        {
            "chosen": np.array([-3.0, -11.0, -6.25, -7.0]),
            "rejected": np.array([-2.5, -14.0, -6.0, -10.75]),
            "ref_chosen": np.array([-3.5, -18.0, -6.0, -7.25]),
            "ref_rejected": np.array([-3.0, -12.0, -7.25, -9.0]),
            "beta": 0.65,
        },
    ),
    extreme=(
        {
            "chosen": np.array([-5000.0, -8.0]),
            "rejected": np.array([-10.0, -9.0]),
            "ref_chosen": np.array([-12.0, -8.0]),
            "ref_rejected": np.array([-11.0, -8.5]),
            "beta": 0.5,
        },
        {
            "chosen": np.array([-10.0, -8.0]),
            "rejected": np.array([-5000.0, -9.0]),
            "ref_chosen": np.array([-11.0, -8.0]),
            "ref_rejected": np.array([-12.0, -8.5]),
            "beta": 0.5,
        },
    ),
    fresh=fresh,
    oracle=exact,
    remark="It is lesson 11's preference loss, with β log(π/π_ref) in the place of the score.",
    read=sections.DPO,
    mistakes=(
        told(
            "overflow",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: np.mean(
                -np.log(sigmoid(beta * margin(chosen, rejected, ref_chosen, ref_rejected)))
            ),
            variants=(
                lambda chosen, rejected, ref_chosen, ref_rejected, beta: np.log(
                    1 + np.exp(-beta * margin(chosen, rejected, ref_chosen, ref_rejected))
                ).mean(),
            ),
            almost=True,
        ),
        told(
            "exchanged",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: loss(
                -beta * margin(chosen, rejected, ref_chosen, ref_rejected)
            ),
        ),
        told(
            "no-reference",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: loss(beta * (chosen - rejected)),
        ),
        told(
            "reference-exchanged",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: loss(
                beta * margin(chosen, rejected, ref_rejected, ref_chosen)
            ),
            variants=(
                lambda chosen, rejected, ref_chosen, ref_rejected, beta: loss(
                    beta * (chosen - ref_chosen - rejected - ref_rejected)
                ),
            ),
        ),
        told(
            "not-logarithms",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: loss(
                beta * margin(np.exp(chosen), np.exp(rejected), np.exp(ref_chosen), np.exp(ref_rejected))
            ),
            variants=(
                lambda chosen, rejected, ref_chosen, ref_rejected, beta: loss(
                    beta * (np.exp(chosen - ref_chosen) - np.exp(rejected - ref_rejected))
                ),
                lambda chosen, rejected, ref_chosen, ref_rejected, beta: loss(
                    beta * (chosen / ref_chosen - rejected / ref_rejected)
                ),
            ),
        ),
        told(
            "beta-outside",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: (
                beta * loss(margin(chosen, rejected, ref_chosen, ref_rejected))
            ),
        ),
        told(
            "beta-left-out",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: loss(
                margin(chosen, rejected, ref_chosen, ref_rejected)
            ),
        ),
        told(
            "beta-divides",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: loss(
                margin(chosen, rejected, ref_chosen, ref_rejected) / beta
            ),
        ),
        told(
            "chosen-only",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: loss(beta * (chosen - ref_chosen)),
        ),
        told(
            "ascent",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: (
                -exact(chosen, rejected, ref_chosen, ref_rejected, beta)
            ),
        ),
        told(
            "probability",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: np.exp(
                -np.logaddexp(0, -beta * margin(chosen, rejected, ref_chosen, ref_rejected))
            ).mean(),
            variants=(
                lambda chosen, rejected, ref_chosen, ref_rejected, beta: (
                    -np.exp(-np.logaddexp(0, -beta * margin(chosen, rejected, ref_chosen, ref_rejected))).mean()
                ),
            ),
        ),
        told(
            "difference",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: (
                -beta * margin(chosen, rejected, ref_chosen, ref_rejected).mean()
            ),
            variants=(
                lambda chosen, rejected, ref_chosen, ref_rejected, beta: (
                    beta * margin(chosen, rejected, ref_chosen, ref_rejected).mean()
                ),
            ),
        ),
        told(
            "sum",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: np.logaddexp(
                0, -beta * margin(chosen, rejected, ref_chosen, ref_rejected)
            ).sum(),
        ),
        told(
            "not-averaged",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: np.logaddexp(
                0, -beta * margin(chosen, rejected, ref_chosen, ref_rejected)
            ),
        ),
        told(
            "loss-of-the-mean",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: loss(
                np.array([beta * margin(chosen, rejected, ref_chosen, ref_rejected).mean()])
            ),
        ),
        told(
            "log-of-the-mean",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: (
                -np.log(np.exp(-np.logaddexp(0, -beta * margin(chosen, rejected, ref_chosen, ref_rejected))).mean())
            ),
        ),
        told(
            "each-alone",
            lambda chosen, rejected, ref_chosen, ref_rejected, beta: (
                loss(beta * (chosen - ref_chosen)) - loss(beta * (rejected - ref_rejected))
            ),
            variants=(
                lambda chosen, rejected, ref_chosen, ref_rejected, beta: (
                    loss(beta * (chosen - ref_chosen)) + loss(-beta * (rejected - ref_rejected))
                ),
            ),
        ),
    ),
)
