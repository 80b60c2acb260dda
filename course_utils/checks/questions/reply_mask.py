"""Lesson 14: which tokens of a reply are trained."""

import numpy as np

from course_utils.arguments import FloatArray, IntArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def replies(rows: list[list[int]], end: int) -> Inputs:
    """Return the arguments as arrays."""
    return {"tokens": np.array(rows), "end": end}


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw replies with an end token in places of their own, and one without."""
    end, length = int(rng.integers(3)), int(rng.integers(5, 8))
    tokens = rng.choice([token for token in range(6) if token != end], (4, length))
    for row, at in zip(tokens[:3], rng.permutation(length - 2)[:3], strict=True):
        row[at] = row[-1] = end
    return replies(tokens.tolist(), end)


def before(tokens: IntArray, end: int) -> FloatArray:
    """Return how many end tokens stand before each token."""
    is_end = tokens == end
    return np.asarray(is_end.cumsum(axis=1) - is_end)


def exact(tokens: IntArray, end: int) -> FloatArray:
    """Return 1 up to the first end token and for itself, 0 after it."""
    return np.asarray(before(tokens, end) == 0, dtype=float)


def to_the_last_end(tokens: IntArray, end: int) -> FloatArray:
    """Return 1 up to the last end token of a row, or for all of a row without one."""
    after = (tokens == end)[:, ::-1].cumsum(axis=1)[:, ::-1]
    return np.asarray((after > 0) | ~(tokens == end).any(axis=1, keepdims=True), dtype=float)


def by_argmax(tokens: IntArray, end: int) -> FloatArray:
    """Return 1 up to the place that argmax gives, which is 0 where there is no end token."""
    return np.asarray(np.arange(tokens.shape[1]) <= (tokens == end).argmax(axis=1)[:, None], dtype=float)


told = Words(
    """
end-not-trained (M35): The end token itself is masked out.
    When to stop is a choice of the policy, and the score judges it. Left out of the loss, the end token never learns:
    whatever the reward says of a length, the policy cannot follow. It happens by itself where the padding token *is*
    the end token.
all-but-ends (M35): You left out every end token, and nothing else.
    What stands behind the first end token is no part of the reply, whatever it is. And the first end token is: to
    stop is a choice.
every-token (M30): All positions count, those behind the end too.
    Nobody chose what stands there, or the reply was over. A short reply would be judged mostly by its padding.
no-end-no-reply: Of a reply without an end token only the first token is left.
    `argmax` of a row without any True is 0. Such a reply was cut off: all of its tokens were chosen.
unfinished-dropped: A reply without an end token is left out altogether.
    Some recipes do that on purpose, and call it overlong filtering. Here the tokens that were chosen count.
last-end: You counted up to the last end token of the row.
    The reply is over at the first one. What comes after it was never part of it.
one-too-many (M38): One position behind the end token counts as well.
    The mask ends with the end token. Subtract what `cumsum` counts at the place itself.
to-the-second-end (M38): Whatever stands before the second end token counts.
    `ends <= 1` also holds behind the first end token. Ask how many stand *before* a position: subtract what `cumsum`
    counts at the place itself.
wraps-around (M38): The last column came round to the front.
    `roll` moves what falls off the end to the beginning, so that a row that ends with the end token has none of its
    tokens left. Put a zero there.
along-the-batch (M1): You counted along the batch.
    Each row is a reply of its own. Time is the last axis: `cumsum(-1)`.
end-is-0: You looked for the token 0, whatever `end` is.
    Which token ends a reply is a choice of each vocabulary. Compare with the argument.
inverted: This is the mask of what is *not* trained.
    1 stands for a token that counts.
lengths: These are the numbers of tokens.
    They are right. What is asked for has a 1 for each of them.
"""
)

QUESTION = Question(
    name="reply_mask",
    lesson="14",
    prompt="Return 1 for each token of the reply, its first end token included, and 0 behind it, shape (m, T).",
    points=1,
    signature="reply_mask(tokens, end)",
    fixed=(
        replies([[4, 0, 0], [2, 3, 5]], 0),
        replies([[3, 1, 0, 5, 0], [0, 2, 0, 0, 4], [4, 4, 1, 3, 2]], 0),
        replies([[0, 5, 1, 2, 2, 1], [5, 5, 0, 3, 2, 4], [2, 0, 3, 2, 5, 4], [1, 1, 0, 4, 3, 0]], 2),
        replies([[3, 5, 1, 1]], 1),
    ),
    fresh=fresh,
    oracle=exact,
    remark="Where padding and end are one token, only what stands before a position tells which it is.",
    read=sections.BUGS,
    tensors=True,
    mistakes=(
        told("end-not-trained", lambda tokens, end: ((tokens == end).cumsum(axis=1) == 0).astype(float)),
        told("all-but-ends", lambda tokens, end: (tokens != end).astype(float)),
        told("every-token", lambda tokens, end: np.ones(tokens.shape)),
        told("no-end-no-reply", by_argmax),
        told(
            "unfinished-dropped",
            lambda tokens, end: exact(tokens, end) * (tokens == end).any(axis=1, keepdims=True),
        ),
        told("last-end", to_the_last_end),
        told(
            "one-too-many",
            lambda tokens, end: np.pad(exact(tokens, end), ((0, 0), (1, 0)), constant_values=1)[:, :-1],
        ),
        told("to-the-second-end", lambda tokens, end: ((tokens == end).cumsum(axis=1) <= 1).astype(float)),
        told("wraps-around", lambda tokens, end: (np.roll(tokens == end, 1, axis=1).cumsum(axis=1) == 0).astype(float)),
        told(
            "along-the-batch",
            lambda tokens, end: ((tokens == end).cumsum(axis=0) - (tokens == end) == 0).astype(float),
            variants=(lambda tokens, end: ((tokens == end).cumsum(axis=0) == 0).astype(float),),
        ),
        told("end-is-0", lambda tokens, end: exact(tokens, 0)),
        told("inverted", lambda tokens, end: 1 - exact(tokens, end)),
        told("lengths", lambda tokens, end: exact(tokens, end).sum(axis=1)),
    ),
)
