"""Lesson 01: drawing an action."""

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Law, Mistake, Question, index_law


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
        {"probabilities": np.array([0.0, 0.05, 0.95]), "rng": None},
        {"probabilities": np.array([0.05, 0.6, 0.05, 0.3]), "rng": None},
    ),
    fresh=fresh,
    fresh_count=1,
    calls=9500,  # an error of 0.05 in any one probability is noticed but once in a thousand checks
    index=True,
    oracle=one_draw,
    remark="One uniform number is enough for it: lay the probabilities end to end on [0, 1] and see where it falls.",
    read=sections.SAMPLING,
    mistakes=(
        Mistake(
            "greedy",
            "",
            lambda probabilities, rng: certain(int(np.argmax(probabilities)), probabilities.size),
            "You always return the most probable action.",
            "Then the policy never tries anything else, and cannot find out that something else is better. An action "
            "of probability 0.1 should be drawn about once in ten times.",
        ),
        Mistake(
            "uniform",
            "",
            lambda probabilities, rng: index_law(
                np.full(probabilities.size, 1 / probabilities.size), probabilities.size
            ),
            "You draw all actions equally often, whatever their probabilities.",
            "The policy is those probabilities: what it has learned is lost if the draw does not use them. "
            "`rng.choice(n, p=probabilities)` does, and `rng.integers(n)` does not.",
        ),
        Mistake(
            "softmax-again",
            "M1",
            lambda probabilities, rng: index_law(policy.softmax(probabilities), probabilities.size),
            "You applied a softmax to numbers that are probabilities already.",
            "A second softmax takes them for logits, and as they differ by less than 1 it evens them out: even an "
            "action of probability 0 is drawn.",
            sections.SOFTMAX,
        ),
        Mistake(
            "one-based",
            "",
            lambda probabilities, rng: index_law(np.concatenate([[0.0], probabilities]), probabilities.size),
            "Your indices are one too large: you count the actions from 1.",
            "Python counts from 0. The last action's index would point past the end, and each of the others at its "
            "neighbour, without an error.",
        ),
        Mistake(
            "not-cumulative",
            "",
            counted_without_adding,
            "You compare the uniform number with each probability by itself. It has to be compared with their running "
            "sum.",
            "Lay the probabilities end to end on [0, 1]: action b owns the piece between two running sums. `np.cumsum` "
            "gives these edges.",
        ),
        Mistake(
            "first-above",
            "",
            first_above,
            "You take the first action whose own probability exceeds the uniform number.",
            "A uniform number of 0.5 then never finds two actions of 0.3 each, though together they own more than "
            "half. Compare it with the running sum, `np.cumsum(probabilities)`.",
        ),
        Mistake(
            "reversed",
            "",
            lambda probabilities, rng: index_law(probabilities[::-1], probabilities.size),
            "You draw the actions with their probabilities in reverse order: the first gets the last one's.",
            "Each probability belongs to the action at the same place. If you compare with a running sum, look at "
            "which side of it you count.",
            variants=(
                lambda probabilities, rng: index_law(np.concatenate([[0.0], probabilities[::-1]]), probabilities.size),
            ),
        ),
    ),
)
