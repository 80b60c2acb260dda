"""Problem set 4: how strongly DPO pushes on a pair."""

from collections.abc import Callable

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the log-probabilities of three to five pairs under both models, and β."""
    n = int(rng.integers(3, 6))
    names = ("chosen", "rejected", "ref_chosen", "ref_rejected")
    drawn = {name: rng.uniform(-9, -1, size=n).round(1) for name in names}
    return drawn | {"beta": round(float(rng.uniform(0.1, 0.9)), 2)}


def sigmoid(x: FloatArray) -> FloatArray:
    """Return 1/(1 + exp(−x)), without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)))


def margin(chosen: FloatArray, rejected: FloatArray, ref_chosen: FloatArray, ref_rejected: FloatArray) -> FloatArray:
    """Return log(π/π_ref) of the chosen reply less that of the rejected one."""
    return np.asarray(chosen - ref_chosen - (rejected - ref_rejected))


def weight(
    chosen: FloatArray, rejected: FloatArray, ref_chosen: FloatArray, ref_rejected: FloatArray, beta: float
) -> FloatArray:
    """Return β σ(−β margin)."""
    return np.asarray(beta * sigmoid(-beta * margin(chosen, rejected, ref_chosen, ref_rejected)))


def overflowing(
    chosen: FloatArray, rejected: FloatArray, ref_chosen: FloatArray, ref_rejected: FloatArray, beta: float
) -> FloatArray:
    """Return β σ(−β margin) as a quotient whose numerator and denominator overflow."""
    x = np.exp(-beta * margin(chosen, rejected, ref_chosen, ref_rejected))
    return np.asarray(beta * x / (1 + x))


def by_place(version: Callable[..., FloatArray]) -> Callable[..., FloatArray]:
    """Return the version with its arguments by name."""
    return lambda chosen, rejected, ref_chosen, ref_rejected, beta: version(
        chosen, rejected, ref_chosen, ref_rejected, beta
    )


told = Words(
    """
overflow (M1): The formula is right, and it is not finite here: exp of a large number is inf, and inf/inf is NaN.
    A policy can be far from its reference in every token of a long reply. 1/(1 + exp(x)) stays finite, whatever x.
right-pairs-pushed (M5): You returned β σ(+β margin): pairs that are right already are pushed most.
    The loss is −log σ(β margin), and its slope is −β σ(−β margin): a pair that is right by far is left alone.
no-beta-in-front: You left out the β in front of σ.
    It comes from the chain rule: the margin stands in the loss as β times margin. It is there twice, inside and
    in front.
no-beta-inside: You left out the β inside σ.
    The reward that DPO stands for is β log(π/π_ref). σ compares rewards, so β belongs inside as well as in front.
no-reference (M21): You left out the reference model: your margin is that of the policy alone.
    DPO's reward is how much more the policy likes a reply than the reference does. Without it, replies that the
    reference found improbable are pushed forever.
reference-alone (M21): You took the margin of the reference, and left out the policy.
    Then the weights stay as they were before training. It is log π − log π_ref of each reply.
loss (M6): You returned the loss −log σ(β margin).
    The weight of a pair is the slope of its loss in the margin: β σ(−β margin).
sign (M5): Your answer has the opposite sign.
    The weight says how strongly log π(chosen) − log π(rejected) is raised. It is positive for every pair.
reference-added (M19): You added the reference's log-probabilities, where they are to be subtracted.
    log(π/π_ref) = log π − log π_ref.
averaged (M7): You returned the mean over the pairs. A weight for each pair is asked for.
    The weights differ from pair to pair: that is what they are for.
slope-of-sigmoid: You multiplied by σ(β margin) as well: that is the slope of σ, not of log σ.
    ∂ log σ(x) = 1 − σ(x) = σ(−x). The logarithm divides the other factor away; with it, pairs that are quite wrong
    would hardly be pushed.
"""
)

QUESTION = Question(
    name="pair_weight",
    lesson="13",
    prompt="Return, for each pair, the weight with which a step on DPO's loss raises log π(chosen) − log π(rejected).",
    points=3,
    signature="pair_weight(chosen, rejected, ref_chosen, ref_rejected, beta)",
    fixed=(
        {
            "chosen": np.array([-2.0, -5.0]),
            "rejected": np.array([-3.0, -1.5]),
            "ref_chosen": np.array([-2.5, -4.0]),
            "ref_rejected": np.array([-2.0, -3.0]),
            "beta": 0.5,
        },
        {
            "chosen": np.array([-1.0, -7.0, -3.3]),
            "rejected": np.array([-6.0, -2.0, -3.0]),
            "ref_chosen": np.array([-2.0, -4.0, -3.0]),
            "ref_rejected": np.array([-3.0, -5.0, -2.7]),
            "beta": 0.2,
        },
        {
            "chosen": np.array([-4.0]),
            "rejected": np.array([-4.5]),
            "ref_chosen": np.array([-9.0]),
            "ref_rejected": np.array([-1.0]),
            "beta": 1.7,
        },
    ),
    extreme=(
        {
            "chosen": np.array([-900.0, -2.0]),
            "rejected": np.array([-50.0, -3.0]),
            "ref_chosen": np.array([-60.0, -2.0]),
            "ref_rejected": np.array([-70.0, -2.5]),
            "beta": 1.0,
        },
    ),
    fresh=fresh,
    oracle=weight,
    remark="It is at most β, and β/2 for every pair before the first step, where the policy is the reference.",
    read=sections.DPO,
    mistakes=(
        told("overflow", overflowing, sections.OVERFLOW, almost=True),
        told("right-pairs-pushed", by_place(lambda *given: weight(given[1], given[0], given[3], given[2], given[4]))),
        told("no-beta-in-front", by_place(lambda *given: weight(*given) / given[-1])),
        told("no-beta-inside", by_place(lambda *given: given[4] * weight(given[0], given[1], given[2], given[3], 1.0))),
        told("no-reference", by_place(lambda *given: weight(given[0], given[1], 0 * given[2], 0 * given[3], given[4]))),
        told(
            "reference-alone",
            by_place(lambda *given: weight(0 * given[0], 0 * given[1], -given[2], -given[3], given[4])),
        ),
        told("loss", by_place(lambda *given: np.logaddexp(0.0, -given[-1] * margin(*given[:-1])))),
        told("sign", by_place(lambda *given: -weight(*given))),
        told("reference-added", by_place(lambda *given: weight(given[0], given[1], -given[2], -given[3], given[4]))),
        told("averaged", by_place(lambda *given: weight(*given).mean())),
        told("slope-of-sigmoid", by_place(lambda *given: weight(*given) * (1 - weight(*given) / given[-1]))),
    ),
)
