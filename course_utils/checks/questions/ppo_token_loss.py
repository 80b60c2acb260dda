"""Lesson 14: PPO's clipped loss over the tokens of replies, by its gradient."""

import numpy as np

from course_utils.arguments import BoolArray, FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]

EPSILON = 0.2


def batch(rng: np.random.Generator, lengths: list[int], longest: int) -> Inputs:
    """Draw replies of these lengths; what stands in their padding means nothing."""
    shape = len(lengths), longest
    mask = np.arange(longest) < np.array(lengths)[:, None]
    old = rng.uniform(-2.5, -0.6, shape).round(2)
    moved = rng.choice([-0.5, -0.35, -0.1, 0.05, 0.12, 0.3, 0.45], shape)
    advantages = rng.choice([-2.0, -1.25, -0.5, 0.75, 1.5, 2.25], shape)
    return {
        "log_probs": np.where(mask, old + moved, -6.9),
        "old_log_probs": np.where(mask, old, -7.0),
        "advantages": np.where(mask, advantages, 9.0),
        "mask": mask.astype(float),
    }


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw three replies of different lengths."""
    return batch(rng, rng.permutation([2, 3, 5])[: int(rng.integers(2, 4))].tolist(), 6)


def clipped(ratio: FloatArray, A: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return min(ρ A, clip(ρ) A), and where it depends on ρ."""
    plain, cut = ratio * A, np.clip(ratio, 1 - EPSILON, 1 + EPSILON) * A
    return np.minimum(plain, cut), plain <= cut


def clip_alone(ratio: FloatArray, A: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return clip(ρ) A, and where it depends on ρ."""
    return np.clip(ratio, 1 - EPSILON, 1 + EPSILON) * A, np.abs(ratio - 1) < EPSILON


def larger(ratio: FloatArray, A: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return max(ρ A, clip(ρ) A), and where it depends on ρ."""
    plain, cut = ratio * A, np.clip(ratio, 1 - EPSILON, 1 + EPSILON) * A
    return np.maximum(plain, cut), plain >= cut


def not_clipped(ratio: FloatArray, A: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return ρ A, which depends on ρ everywhere."""
    return ratio * A, np.ones(A.shape, dtype=bool)


def loss(
    log_probs: FloatArray,
    old_log_probs: FloatArray,
    advantages: FloatArray,
    weights: FloatArray,
    terms: object = clipped,
    *,
    sign: float = -1.0,
    slope: float = 1.0,
    power: float = 1.0,
) -> FloatArray:
    """Return −Σ w min(ρ A, clip(ρ) A), and its gradient by log_probs, in one row; power: of ρ, 0 for its logarithm."""
    assert callable(terms)
    far = log_probs - old_log_probs
    ratio, by_log_prob = (np.exp(power * far), power * np.exp(power * far)) if power else (far, np.ones(far.shape))
    value, free = terms(ratio, advantages)
    gradient = slope * weights * by_log_prob * advantages * free
    return sign * np.concatenate([[(weights * value).sum()], gradient.ravel()])


def exact(log_probs: FloatArray, old_log_probs: FloatArray, advantages: FloatArray, mask: FloatArray) -> FloatArray:
    """Return the loss that is asked for: the sum over a reply's tokens, the mean over replies."""
    return loss(log_probs, old_log_probs, advantages, mask / len(mask))


told = Words(
    """
padding-counts (M35): The padding counts.
    What stands there means nothing, and its ratio pulls on the policy all the same. Multiply by the mask before you
    sum.
mean-over-tokens (M7): You took the mean over all tokens of the batch.
    Many libraries do, and the direction is the same: it is one number for the whole batch. The step is smaller by the
    mean length, so a learning rate does not carry over.
mean-over-positions (M35): You took the mean over all positions, the empty ones too.
    Then the step depends on how long the longest reply of the batch happens to be.
mean-within-replies (M42): You averaged over the tokens of each reply first.
    A token of a long reply then counts less, so long bad replies are punished less. Lesson 13 measured it.
sum-over-replies (M7): You summed over the replies as well.
    The step would grow with the batch. Divide by the number of replies.
padding-in-the-mean (M35): The mask is in, but each reply is divided by the number of its positions, not by 1.
    A mean over an axis divides by the padding as well. Sum over it.
objective (M5): The sign is that of the objective.
    An optimiser goes down: return minus the clipped objective.
no-exp (M37): The difference of the logarithms stands where the ratio belongs.
    It is 0 before the first step, and the ratio is 1: write `(log_probs - old_log_probs).exp()`.
upside-down (M35): The ratio is old by new.
    ρ = π(a) / π_old(a): what is trained stands above, so that a larger A makes it larger.
old-moves (M35): The ratio is 1 on every input: old and new log-probabilities are the same numbers.
    The old ones belong to the policy that sampled. Taken anew from the policy that is trained, nothing is ever
    clipped.
nothing-to-learn (M15): The value is right, and no gradient reaches the log-probabilities.
    Detach what is constant, which is the old log-probabilities and A. The new ones must stay in the graph.
no-clip (M17): Nothing is clipped.
    One batch is used for several steps, and the ratio is the only thing that stops them.
clip-only (M17): You took the clipped term alone, without the minimum.
    A bad action whose ratio has run *up* then gets no gradient back down. The minimum keeps it.
maximum (M17): You took the larger of the two terms.
    PPO is pessimistic: the smaller one, so that no gain beyond the range is believed.
"""
)


QUESTION = Question(
    name="ppo_token_loss",
    lesson="14",
    prompt="Return PPO's clipped loss, ε = 0.2: summed over tokens, averaged over replies. Its gradient counts.",
    points=2,
    signature="ppo_token_loss(log_probs, old_log_probs, advantages, mask)",
    fixed=(
        batch(np.random.default_rng(5), [2, 1], 3),
        batch(np.random.default_rng(6), [3, 1, 4], 5),
        batch(np.random.default_rng(7), [5, 2, 4, 3], 6),
    ),
    fresh=fresh,
    oracle=exact,
    remark="`objectives.ppo_clip_objective` with the mask as its weights has the same value and gradient, with a plus.",
    read=sections.BUGS,
    tensors=True,
    gradients=("log_probs",),
    mistakes=(
        told("padding-counts", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, old_log_probs, advantages, np.ones(mask.shape) / len(mask))),
        told("mean-over-tokens", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, old_log_probs, advantages, mask / mask.sum()), almost=True),
        told("mean-over-positions", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, old_log_probs, advantages, np.ones(mask.shape) / mask.size)),
        told("mean-within-replies", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, old_log_probs, advantages, mask / mask.sum(axis=1, keepdims=True) / len(mask))),
        told("padding-in-the-mean", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, old_log_probs, advantages, mask / mask.size)),
        told("sum-over-replies", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, old_log_probs, advantages, mask)),
        told("no-exp", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, old_log_probs, advantages, mask / len(mask), power=0.0)),
        told("upside-down", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, old_log_probs, advantages, mask / len(mask), power=-1.0)),
        told("objective", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, old_log_probs, advantages, mask / len(mask), sign=1.0)),
        told("old-moves", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, log_probs, advantages, mask / len(mask)),
            variants=(lambda log_probs, old_log_probs, advantages, mask: loss(
                log_probs, log_probs, advantages, mask / len(mask), slope=0.0),)),
        told("nothing-to-learn", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, old_log_probs, advantages, mask / len(mask), slope=0.0)),
        told("no-clip", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, old_log_probs, advantages, mask / len(mask), not_clipped)),
        told("clip-only", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, old_log_probs, advantages, mask / len(mask), clip_alone)),
        told("maximum", lambda log_probs, old_log_probs, advantages, mask: loss(
            log_probs, old_log_probs, advantages, mask / len(mask), larger)),
    ),
)  # fmt: skip
