"""Lesson 10: an estimate of the KL to a reference that is never negative."""

from collections.abc import Callable

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw log-probabilities of a few samples under both policies, near to each other and far apart."""
    n = int(rng.integers(2, 6))
    log_probs = rng.uniform(-5.0, -0.3, size=n).round(3)
    shift = rng.uniform(0.3, 3.0, size=n) * rng.choice([-1.0, 1.0], size=n)
    return {"log_probs": log_probs, "ref_log_probs": np.minimum(log_probs + shift, -0.05).round(3)}


def log_ratio(log_probs: FloatArray, ref_log_probs: FloatArray) -> FloatArray:
    """Return log π − log π_ref."""
    return np.asarray(log_probs - ref_log_probs)


def k3(log_probs: FloatArray, ref_log_probs: FloatArray) -> FloatArray:
    """Return π_ref/π − 1 − log(π_ref/π)."""
    x = log_ratio(log_probs, ref_log_probs)
    return np.asarray(np.expm1(-x) + x)


def of_ratio(ratio: Callable[[FloatArray, FloatArray], FloatArray]) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """Return r − 1 − log r of another ratio r."""

    def mistaken(log_probs: FloatArray, ref_log_probs: FloatArray) -> FloatArray:
        r = ratio(log_probs, ref_log_probs)
        return np.asarray(r - 1 - np.log(r))

    return mistaken


told = Words(
    """
underflow (M1): The formula is right. For very small probabilities, though, you divide 0 by 0.
    A long reply has a probability too small for a float. Work with the difference of the logarithms.
k1 (M20): You returned k1, the log-ratio log π − log π_ref.
    Its mean is the KL as well. Single samples are often negative, though, and its spread is larger when the policies
    are close.
minus-k1 (M19): You returned log π_ref − log π.
    Its mean is *minus* the KL: a penalty with it pays the policy for drifting away.
k2 (M19): You returned the squared log-ratio; half of it is called k2.
    k2 is never negative either, but its mean is the KL only nearly, when the policies are close.
ratio-upside-down (M19): Your ratio is upside down: π/π_ref − 1 − log(π/π_ref).
    With samples of π, its mean is not KL(π ‖ π_ref). The reference stands above.
log-sign (M19): The sign of the logarithm is the other way round: you added log(π_ref/π).
    The first part has the mean 0 by itself, so what you estimate is minus the KL.
no-log (M19): You returned π_ref/π − 1: the logarithm is missing.
    The mean of that is 0, whatever the policies are. It is there to take noise out. The logarithm is what is estimated.
no-minus-one (M19): Your answer is too large by 1: the −1 is missing.
    Where the two policies agree the ratio is 1, and the estimate has to be 0.
weighted (M20): You multiplied by π: the log-ratio, or k3 itself.
    The samples were drawn from π, so π is in how often each comes up. As a factor too, it counts twice.
sign (M5): Your answer has the opposite sign.
    A divergence is never below 0. As a penalty it is subtracted, but the estimate itself is positive.
mean: You returned one number, the mean or the sum over the samples.
    The estimates in it are right. One estimate for each sample was asked for: each token pays its own.
ratio-of-logs (M28): You formed the ratio from the log-probabilities themselves, as a quotient or a difference of them.
    The ratio π_ref/π is one of probabilities. From logarithms it is `np.exp(ref_log_probs - log_probs)`: the difference
    first, and then the exponential.
absolute (M20): You took the absolute value of the log-ratio.
    It is never negative, but its mean is not the KL: what makes the mean of the log-ratio right is that the negative
    samples take away from the positive ones. k3 keeps that.
clipped (M20): You replaced negative log-ratios by 0.
    Without the negative samples the mean is above the KL. k3 is never negative because a term of mean 0 is added.
"""
)

QUESTION = Question(
    name="kl_estimate",
    lesson="10",
    prompt="Return k3 = π_ref/π − 1 − log(π_ref/π) of each sample, an estimate of KL(π ‖ π_ref), shape (T,).",
    points=2,
    signature="kl_estimate(log_probs, ref_log_probs)",
    fixed=(
        {"log_probs": np.log([0.5, 0.1]), "ref_log_probs": np.log([0.25, 0.3])},
        {"log_probs": np.log([0.8, 0.2, 0.5]), "ref_log_probs": np.log([0.4, 0.6, 0.1])},
        {"log_probs": np.array([-0.5]), "ref_log_probs": np.array([-2.0])},
        {"log_probs": np.array([-4.5, -0.25, -1.0, 0.0]), "ref_log_probs": np.array([-0.5, -6.25, -1.0, -0.5])},
        {"log_probs": np.array([-30.5, -0.125]), "ref_log_probs": np.array([-27.0, -24.5])},
    ),
    extreme=({"log_probs": np.array([-900.0, -6.5]), "ref_log_probs": np.array([-900.75, -0.5])},),
    fresh=fresh,
    oracle=k3,
    remark="Its mean is KL(π ‖ π_ref) exactly, and no single sample is below 0. As a loss it follows another gradient.",
    read=sections.KL_ESTIMATES,
    mistakes=(
        told(
            "underflow",
            lambda log_probs, ref_log_probs: (
                np.exp(ref_log_probs) / np.exp(log_probs) - 1 - np.log(np.exp(ref_log_probs) / np.exp(log_probs))
            ),
            almost=True,
        ),
        told("k1", log_ratio),
        told("minus-k1", lambda log_probs, ref_log_probs: -log_ratio(log_probs, ref_log_probs)),
        told(
            "k2",
            lambda log_probs, ref_log_probs: 0.5 * log_ratio(log_probs, ref_log_probs) ** 2,
            variants=(lambda log_probs, ref_log_probs: log_ratio(log_probs, ref_log_probs) ** 2,),
        ),
        told("ratio-upside-down", lambda log_probs, ref_log_probs: k3(ref_log_probs, log_probs)),
        told(
            "log-sign",
            lambda log_probs, ref_log_probs: (
                np.expm1(-log_ratio(log_probs, ref_log_probs)) - log_ratio(log_probs, ref_log_probs)
            ),
        ),
        told("no-log", lambda log_probs, ref_log_probs: np.expm1(-log_ratio(log_probs, ref_log_probs))),
        told("no-minus-one", lambda log_probs, ref_log_probs: k3(log_probs, ref_log_probs) + 1),
        told(
            "weighted",
            lambda log_probs, ref_log_probs: np.exp(log_probs) * log_ratio(log_probs, ref_log_probs),
            variants=(lambda log_probs, ref_log_probs: np.exp(log_probs) * k3(log_probs, ref_log_probs),),
        ),
        told("sign", lambda log_probs, ref_log_probs: -k3(log_probs, ref_log_probs)),
        told(
            "mean",
            lambda log_probs, ref_log_probs: k3(log_probs, ref_log_probs).mean(),
            variants=(lambda log_probs, ref_log_probs: k3(log_probs, ref_log_probs).sum(),),
            almost=True,
        ),
        told(
            "ratio-of-logs",
            of_ratio(lambda log_probs, ref_log_probs: ref_log_probs / log_probs),
            sections.RATIO,
            variants=(
                lambda log_probs, ref_log_probs: ref_log_probs / log_probs - 1 + log_ratio(log_probs, ref_log_probs),
                lambda log_probs, ref_log_probs: log_probs / ref_log_probs - 1 + log_ratio(log_probs, ref_log_probs),
                of_ratio(lambda log_probs, ref_log_probs: log_probs / ref_log_probs),
                of_ratio(lambda log_probs, ref_log_probs: ref_log_probs - log_probs),
                lambda log_probs, ref_log_probs: np.full(log_probs.shape, -1.0),
            ),
        ),
        told("absolute", lambda log_probs, ref_log_probs: np.abs(log_ratio(log_probs, ref_log_probs))),
        told("clipped", lambda log_probs, ref_log_probs: np.maximum(log_ratio(log_probs, ref_log_probs), 0.0)),
    ),
)
