"""Lesson 01: drawing an action."""

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Law, Question, Words, index_law

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the probabilities of three to five actions."""
    return {"probabilities": policy.softmax(rng.normal(size=int(rng.integers(3, 6)))), "rng": None}


def one_draw(probabilities: FloatArray, rng: None) -> Law:
    """Return the law of the right answer."""
    return index_law(probabilities, probabilities.size)


def certain(index: int, n: int) -> Law:
    """Return the law of an index that is always the same."""
    return index_law(np.eye(n)[index], n)


def counted_without_adding(probabilities: FloatArray, rng: None) -> Law:
    """Return the law of #{b : π_b < u}: the uniform number compared with each probability by itself."""
    edges = np.concatenate([[0.0], np.sort(probabilities), [1.0]])
    return index_law(np.diff(edges), probabilities.size)


def first_above(probabilities: FloatArray, rng: None) -> Law:
    """Return the law of the first b with π_b > u, or 0 where there is none: argmax(π > u)."""
    record, chances = 0.0, []
    for p in probabilities:
        chances.append(max(p - record, 0.0))
        record = max(record, p)
    chances[0] += 1 - record
    return index_law(chances, probabilities.size)


def fresh_number_each(edges: FloatArray, otherwise: int) -> Law:
    """Return the law of the first b with a number u_b of its own below its edge; ``otherwise`` where there is none."""
    edges = np.minimum(edges, 1)
    missed = np.concatenate([[1.0], np.cumprod(1 - edges)])
    chances = edges * missed[:-1]
    chances[otherwise] += missed[-1]
    return index_law(chances, edges.size)


def counted_each(edges: FloatArray) -> Law:
    """Return the law of #{b : edge_b < u_b}, with a number u_b of its own for each b."""
    chances = np.ones(1)
    for edge in np.minimum(edges, 1):
        chances = np.convolve(chances, [edge, 1 - edge])
    return index_law(chances, edges.size)


def largest_sum(probabilities: FloatArray, rng: None) -> Law:
    """Return the law of argmax_b of π_b + u_b, from a fine grid of each u_b."""
    u = (np.arange(1000) + 0.5) / 1000
    below = np.clip(probabilities[:, None, None] + u - probabilities[:, None], 0, 1)  # [a, b, u]: chance that b is less
    below[np.eye(probabilities.size, dtype=bool)] = 1
    chances = below.prod(axis=1).mean(axis=1)
    return index_law(chances / chances.sum(), probabilities.size)


told = Words(
    """
greedy: You always return the most probable action.
    Then the policy never tries anything else, and cannot find out that something else is better. An action of
    probability 0.1 should be drawn about once in ten times.
always-the-same: You always return the same action, the first or the last.
    A policy has to try the others as well, each as often as its probability says.
uniform: You draw all actions equally often, whatever their probabilities.
    The policy is those probabilities: what it has learned is lost if the draw does not use them. `rng.choice(n,
    p=probabilities)` does, and `rng.integers(n)` does not.
softmax-again (M1): You took numbers that are probabilities already for logits, with a softmax or with Gumbel noise.
    As logits they differ by at most 1, and the draw is much more even than they are: an action of probability 0 is
    drawn too. Gumbel noise belongs to log π.
one-based: Your indices are one too large: you count the actions from 1.
    Python counts from 0. The last action's index would point past the end, and each of the others at its neighbour,
    without an error.
not-cumulative (M26): You compare the uniform number with each probability by itself. It has to be compared with their
  running sum.
    Lay the probabilities end to end on [0, 1]: action b owns the piece between two running sums. `np.cumsum` gives
    these edges.
first-above (M26): You take the first action whose own probability exceeds the uniform number.
    A uniform number of 0.5 then never finds two actions of 0.3 each, though together they own more than half. Compare
    it with the running sum, `np.cumsum(probabilities)`.
fresh-number-each (M26): You drew a fresh random number for each action.
    One number falls into one piece of [0, 1], and the pieces are as long as the probabilities. A new number at each
    comparison is a new chance, and the shares are no longer those of π. Draw one, and compare it with the running sums.
largest-with-noise (M26): You added a random number of its own to each probability, and took the largest sum.
    That draws likely actions more often, but not as often as π says. Only one kind of noise does: Gumbel noise on log
    π. One uniform number and the running sum do as well.
sorted (M26): You sorted the probabilities, and your index is the place in the sorted list.
    Each probability belongs to the action at its own place. The running sum needs no well.
reversed: You draw the actions with their probabilities in reverse order: the first gets the last one's.
    Each probability belongs to the action at the same place. If you compare with a running sum, look at which side of
    it you count.
"""
)

QUESTION = Question(
    name="sample_action",
    lesson="01",
    prompt="Draw one action with these probabilities from the generator rng, and return its index.",
    points=2,
    signature="sample_action(probabilities, rng)",
    # no uniform number draws the most probable action in both of the first two: a fixed seed cannot look greedy
    fixed=(
        {"probabilities": np.array([0.6, 0.4]), "rng": None},
        {"probabilities": np.array([0.3, 0.3, 0.4]), "rng": None},
        {"probabilities": np.array([0.05, 0.6, 0.05, 0.3]), "rng": None},
        {"probabilities": np.array([0.0, 0.125, 0.5, 0.0, 0.125, 0.125, 0.125, 0.0]), "rng": None},
    ),
    fresh=fresh,
    fresh_count=1,
    calls=9500,  # an error of 0.05 in a probability is noticed 999 times in 1,000: a test computes it
    index=True,
    oracle=one_draw,
    remark="One uniform number is enough for it: lay the probabilities end to end on [0, 1] and see where it falls.",
    read=sections.SAMPLING,
    mistakes=(
        told("greedy", lambda probabilities, rng: certain(int(np.argmax(probabilities)), probabilities.size)),
        told(
            "always-the-same",
            lambda probabilities, rng: certain(0, probabilities.size),
            variants=(lambda probabilities, rng: certain(probabilities.size - 1, probabilities.size),),
        ),
        told(
            "uniform",
            lambda probabilities, rng: index_law(
                np.full(probabilities.size, 1 / probabilities.size), probabilities.size
            ),
        ),
        told(
            "softmax-again",
            lambda probabilities, rng: index_law(policy.softmax(probabilities), probabilities.size),
            sections.SOFTMAX,
        ),
        told(
            "one-based",
            lambda probabilities, rng: index_law(np.concatenate([[0.0], probabilities]), probabilities.size),
        ),
        told("not-cumulative", counted_without_adding),
        told("first-above", first_above),
        told(
            "fresh-number-each",
            lambda probabilities, rng: fresh_number_each(probabilities.cumsum(), -1),
            variants=(
                lambda probabilities, rng: fresh_number_each(probabilities, 0),
                lambda probabilities, rng: fresh_number_each(probabilities, -1),
                lambda probabilities, rng: counted_each(probabilities.cumsum()),
                lambda probabilities, rng: counted_each(probabilities),
            ),
        ),
        told("largest-with-noise", largest_sum),
        told(
            "sorted",
            lambda probabilities, rng: index_law(np.sort(probabilities), probabilities.size),
            variants=(lambda probabilities, rng: index_law(np.sort(probabilities)[::-1], probabilities.size),),
        ),
        told(
            "reversed",
            lambda probabilities, rng: index_law(probabilities[::-1], probabilities.size),
            variants=(
                lambda probabilities, rng: index_law(np.concatenate([[0.0], probabilities[::-1]]), probabilities.size),
            ),
        ),
    ),
)
