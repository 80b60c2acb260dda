"""Lesson 10: PPO's clipped surrogate of each step."""

from collections.abc import Callable

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw steps in all four quadrants, in any order, with ratios inside and outside the range, two of them large."""
    ratio = np.array([1.5, 1.4, 0.5, 0.6, 1.05, 0.97, 11.0, 6.0]) * rng.uniform(0.95, 1.05, size=8)
    signs = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, -1.0, 1.0])
    order = rng.permutation(8)
    old = rng.uniform(-4.5, -2.8, size=8).round(2)
    return {
        "log_probs": old + np.log(ratio[order]),
        "old_log_probs": old,
        "advantages": signs[order] * rng.uniform(0.5, 2.0, size=8).round(1),
        "epsilon": float(rng.choice([0.1, 0.2, 0.25])),
    }


def surrogate(log_probs: FloatArray, old_log_probs: FloatArray, advantages: FloatArray, epsilon: float) -> FloatArray:
    """Return min(ρA, clip(ρ, 1 − ε, 1 + ε) A) of each step."""
    ratio = np.exp(log_probs - old_log_probs)
    return np.asarray(np.minimum(ratio * advantages, np.clip(ratio, 1 - epsilon, 1 + epsilon) * advantages))


def ratio_of(log_probs: FloatArray, old_log_probs: FloatArray) -> FloatArray:
    """Return ρ."""
    return np.asarray(np.exp(log_probs - old_log_probs))


def clipped_ratio(log_probs: FloatArray, old_log_probs: FloatArray, epsilon: float) -> FloatArray:
    """Return ρ, clipped."""
    return np.asarray(np.clip(ratio_of(log_probs, old_log_probs), 1 - epsilon, 1 + epsilon))


def zero_outside(
    log_probs: FloatArray, old_log_probs: FloatArray, advantages: FloatArray, epsilon: float
) -> FloatArray:
    """Leave out every step whose ratio is out of range."""
    ratio = ratio_of(log_probs, old_log_probs)
    return np.asarray(np.where(np.abs(ratio - 1) > epsilon, 0.0, ratio * advantages))


def dual_clip(bound: float) -> Callable[..., FloatArray]:
    """Return the surrogate that is kept above ``bound`` times A where A is negative."""

    def mistaken(
        log_probs: FloatArray, old_log_probs: FloatArray, advantages: FloatArray, epsilon: float
    ) -> FloatArray:
        plain = surrogate(log_probs, old_log_probs, advantages, epsilon)
        return np.asarray(np.where(advantages < 0, np.maximum(plain, bound * advantages), plain))

    return mistaken


told = Words(
    """
underflow (M1): The formula is right. For very small probabilities, though, you divide 0 by 0.
    `exp(-800)` is too small for a float. Subtract the logarithms first, and take the exponential of the difference.
minimum-before-advantage (M17): You took the minimum of the two ratios, and then multiplied by A.
    For a negative advantage the smaller ratio gives the *larger* product. The minimum is taken of the two products, ρA
    and clip(ρ)A.
only-clipped (M17): You returned clip(ρ)A: the minimum with ρA is missing.
    Then a step that went the wrong way and out of range sends no gradient any more, and cannot come back.
not-clipped (M17): You returned ρA without any clipping.
    That is the surrogate without a brake. On a batch that is used again, nothing stops it.
maximum (M17): You took the larger of the two products.
    The larger one keeps the gradient where the step has gone too far, and takes it away where it should come back: both
    the wrong way round. (In a loss, −A in place of A, it is the maximum.)
dual-clip (M17): Where A is negative you do not let the surrogate fall below a multiple of A: that is PPO with a dual
  clip.
    It keeps one step with a huge ratio from ruling a batch, and some libraries have it. Asked for is PPO's own: without
    a second bound, a step that went far the wrong way is pushed back in full.
clipped-product (M17): You clipped the product ρA to the range around 1. It is the ratio alone that is clipped.
    The range from 1 − ε to 1 + ε is one for ratios. Of an advantage of 30 nothing but 1 + ε would be left. Clip ρ, and
    then multiply by A.
upper-side-only (M17): You clipped the ratio at 1 + ε, and not at 1 − ε.
    The lower side is the brake for negative advantages: it ends the push once an action has become rare enough.
lower-side-only (M17): You clipped the ratio at 1 − ε, and not at 1 + ε.
    The upper side is the brake for positive advantages: it ends the push once an action has become likely enough.
log-ratio-clipped (M17): You clipped the logarithm of the ratio, to ±ε.
    That is the range from exp(−ε) to exp(ε), which is not 1 − ε to 1 + ε. Take the exponential first, then clip.
quotient-of-logs (M28): You divided one log-probability by the other.
    A ratio of logarithms is no ratio of probabilities. ρ = π/π_old = exp(log π − log π_old).
difference-of-probabilities (M28): You used the difference π − π_old as the ratio.
    Where the policies agree, the ratio is 1 and the difference 0. ρ = π/π_old says how much more often the present
    policy would have drawn the action.
averaged (M7): You put the steps together in one number.
    The surrogates are right. Asked for is that of each step, shape (T,).
advantages-whitened (M12): You whitened the advantages first.
    Many programs do, for each small part of a batch. It is another choice: here the advantages are taken as they are.
zero-where-clipped (M17): Where the clip acts you returned 0.
    There the gradient is 0, and you have seen where that is so. The surrogate itself is not 0 there: it stays at (1 ±
    ε) A.
zero-outside (M17): You set steps whose ratio is out of range to 0.
    A ratio can be out of range on the side where the step should come back. There the gradient stays on.
loss (M5): Your answer has the opposite sign: it is a loss.
    The surrogate is an objective, to be ascended. Libraries minimise its negative.
log-ratio (M17): You used the difference of the log-probabilities as the ratio: the exponential is missing.
    ρ = π/π_old = exp(log π − log π_old). Where the policies agree, the ratio is 1 and the difference 0.
ratio-upside-down (M17): Your ratio is upside down: π_old/π.
    The present policy stands above, the one that sampled below. Upside down, an ascent step makes good actions rarer.
probability-not-ratio (M17): You used π where the ratio π/π_old belongs.
    The samples came from π_old. The ratio says how much more often the present policy would have drawn them.
clipped-around-zero (M17): You clipped the ratio to ±ε. The range is around 1: from 1 − ε to 1 + ε.
    Where nothing has changed the ratio is 1, not 0.
"""
)

QUESTION = Question(
    name="ppo_surrogate",
    lesson="10",
    prompt="Return PPO's clipped surrogate of each step, min(ρA, clip(ρ, 1 − ε, 1 + ε) A), shape (T,).",
    points=2,
    signature="ppo_surrogate(log_probs, old_log_probs, advantages, epsilon)",
    fixed=(
        {
            "log_probs": np.log([0.6, 0.3]),
            "old_log_probs": np.log([0.4, 0.6]),
            "advantages": np.array([-2.0, 1.0]),
            "epsilon": 0.2,
        },
        {
            "log_probs": np.log([0.6, 0.3, 0.6, 0.3, 0.52]),
            "old_log_probs": np.log([0.4, 0.6, 0.4, 0.6, 0.5]),
            "advantages": np.array([2.0, 1.0, -2.0, -1.0, 3.0]),
            "epsilon": 0.2,
        },
        # ratios 12, 0.05, 1 and 8, and an advantage of 0
        {
            "log_probs": np.log([0.84, 0.02, 0.5, 0.64, 0.9]),
            "old_log_probs": np.log([0.07, 0.4, 0.5, 0.08, 0.3]),
            "advantages": np.array([-0.5, -1.5, 1.0, 2.0, 0.0]),
            "epsilon": 0.4,
        },
        {
            "log_probs": np.array([-0.25, -0.125, -6.5, -7.25]),
            "old_log_probs": np.array([-5.5, -4.625, -1.0, -1.5]),
            "advantages": np.array([-12.5, 30.25, 17.125, -25.0]),
            "epsilon": 0.3,
        },
    ),
    extreme=(
        {
            "log_probs": np.array([-800.0, -1.0]),
            "old_log_probs": np.array([-800.5, -1.5]),
            "advantages": np.array([1.0, -1.0]),
            "epsilon": 0.2,
        },
        {
            "log_probs": np.array([-0.5, -31.0]),
            "old_log_probs": np.array([-30.0, -0.25]),
            "advantages": np.array([-1.0, 1.0]),
            "epsilon": 0.2,
        },
    ),
    fresh=fresh,
    oracle=surrogate,
    remark="The minimum always takes the more pessimistic of the two. It stops a push that has gone far enough, and "
    "never a push back.",
    read=sections.CLIP,
    mistakes=(
        told(
            "underflow",
            lambda log_probs, old_log_probs, advantages, epsilon: np.minimum(
                np.exp(log_probs) / np.exp(old_log_probs) * advantages,
                np.clip(np.exp(log_probs) / np.exp(old_log_probs), 1 - epsilon, 1 + epsilon) * advantages,
            ),
            almost=True,
        ),
        told(
            "minimum-before-advantage",
            lambda log_probs, old_log_probs, advantages, epsilon: (
                np.minimum(ratio_of(log_probs, old_log_probs), clipped_ratio(log_probs, old_log_probs, epsilon))
                * advantages
            ),
        ),
        told(
            "only-clipped",
            lambda log_probs, old_log_probs, advantages, epsilon: (
                clipped_ratio(log_probs, old_log_probs, epsilon) * advantages
            ),
        ),
        told(
            "not-clipped",
            lambda log_probs, old_log_probs, advantages, epsilon: ratio_of(log_probs, old_log_probs) * advantages,
        ),
        told(
            "maximum",
            lambda log_probs, old_log_probs, advantages, epsilon: np.maximum(
                ratio_of(log_probs, old_log_probs) * advantages,
                clipped_ratio(log_probs, old_log_probs, epsilon) * advantages,
            ),
        ),
        told("dual-clip", dual_clip(3.0), variants=(dual_clip(2.0), dual_clip(5.0), dual_clip(10.0)), almost=True),
        told(
            "clipped-product",
            lambda log_probs, old_log_probs, advantages, epsilon: np.minimum(
                ratio_of(log_probs, old_log_probs) * advantages,
                np.clip(ratio_of(log_probs, old_log_probs) * advantages, 1 - epsilon, 1 + epsilon),
            ),
            variants=(
                lambda log_probs, old_log_probs, advantages, epsilon: np.clip(
                    ratio_of(log_probs, old_log_probs) * advantages, 1 - epsilon, 1 + epsilon
                ),
            ),
        ),
        told(
            "upper-side-only",
            lambda log_probs, old_log_probs, advantages, epsilon: np.minimum(
                ratio_of(log_probs, old_log_probs) * advantages,
                np.minimum(ratio_of(log_probs, old_log_probs), 1 + epsilon) * advantages,
            ),
        ),
        told(
            "lower-side-only",
            lambda log_probs, old_log_probs, advantages, epsilon: np.minimum(
                ratio_of(log_probs, old_log_probs) * advantages,
                np.maximum(ratio_of(log_probs, old_log_probs), 1 - epsilon) * advantages,
            ),
        ),
        told(
            "log-ratio-clipped",
            lambda log_probs, old_log_probs, advantages, epsilon: np.minimum(
                ratio_of(log_probs, old_log_probs) * advantages,
                np.exp(np.clip(log_probs - old_log_probs, -epsilon, epsilon)) * advantages,
            ),
            almost=True,
        ),
        told(
            "quotient-of-logs",
            lambda log_probs, old_log_probs, advantages, epsilon: np.minimum(
                log_probs / old_log_probs * advantages,
                np.clip(log_probs / old_log_probs, 1 - epsilon, 1 + epsilon) * advantages,
            ),
        ),
        told(
            "difference-of-probabilities",
            lambda log_probs, old_log_probs, advantages, epsilon: np.minimum(
                (np.exp(log_probs) - np.exp(old_log_probs)) * advantages,
                np.clip(np.exp(log_probs) - np.exp(old_log_probs), 1 - epsilon, 1 + epsilon) * advantages,
            ),
        ),
        told(
            "averaged",
            lambda log_probs, old_log_probs, advantages, epsilon: surrogate(
                log_probs, old_log_probs, advantages, epsilon
            ).mean(),
            variants=(
                lambda log_probs, old_log_probs, advantages, epsilon: surrogate(
                    log_probs, old_log_probs, advantages, epsilon
                ).sum(),
            ),
            almost=True,
        ),
        told(
            "advantages-whitened",
            lambda log_probs, old_log_probs, advantages, epsilon: surrogate(
                log_probs, old_log_probs, (advantages - advantages.mean()) / advantages.std(), epsilon
            ),
            variants=(
                lambda log_probs, old_log_probs, advantages, epsilon: surrogate(
                    log_probs, old_log_probs, (advantages - advantages.mean()) / (advantages.std() + 1e-8), epsilon
                ),
            ),
            almost=True,
        ),
        told(
            "zero-where-clipped",
            lambda log_probs, old_log_probs, advantages, epsilon: np.where(
                surrogate(log_probs, old_log_probs, advantages, epsilon)
                < ratio_of(log_probs, old_log_probs) * advantages,
                0.0,
                ratio_of(log_probs, old_log_probs) * advantages,
            ),
            almost=True,
        ),
        told("zero-outside", zero_outside),
        told(
            "loss",
            lambda log_probs, old_log_probs, advantages, epsilon: (
                -surrogate(log_probs, old_log_probs, advantages, epsilon)
            ),
        ),
        told(
            "log-ratio",
            lambda log_probs, old_log_probs, advantages, epsilon: np.minimum(
                (log_probs - old_log_probs) * advantages,
                np.clip(log_probs - old_log_probs, 1 - epsilon, 1 + epsilon) * advantages,
            ),
        ),
        told(
            "ratio-upside-down",
            lambda log_probs, old_log_probs, advantages, epsilon: surrogate(
                old_log_probs, log_probs, advantages, epsilon
            ),
        ),
        told(
            "probability-not-ratio",
            lambda log_probs, old_log_probs, advantages, epsilon: np.minimum(
                np.exp(log_probs) * advantages,
                np.clip(np.exp(log_probs), 1 - epsilon, 1 + epsilon) * advantages,
            ),
        ),
        told(
            "clipped-around-zero",
            lambda log_probs, old_log_probs, advantages, epsilon: np.minimum(
                ratio_of(log_probs, old_log_probs) * advantages,
                np.clip(ratio_of(log_probs, old_log_probs), -epsilon, epsilon) * advantages,
            ),
        ),
    ),
)
