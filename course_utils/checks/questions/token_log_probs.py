"""Lesson 14: the log-probability of each token, from the logits of a language model."""

import numpy as np

from course_utils.arguments import FloatArray, IntArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words
from course_utils.kernels import log_softmax_by_row

__all__ = ["QUESTION"]


def batch(seed: int, m: int, length: int, words: int, size: float = 1.5) -> Inputs:
    """Return logits of m sequences and their tokens."""
    return fresh_batch(np.random.default_rng(seed), m, length, words, size)


def fresh_batch(rng: np.random.Generator, m: int, length: int, words: int, size: float) -> Inputs:
    """Draw logits, around 24 as those of a large model may be, and tokens."""
    return {
        "logits": rng.normal(24.0, size, (m, length, words)).round(3),
        "tokens": rng.integers(words, size=(m, length)),
    }


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a batch of two or three sequences."""
    return fresh_batch(rng, int(rng.integers(2, 4)), 4, 5, 1.5)


def log_pi(logits: FloatArray) -> FloatArray:
    """Return log π of every word, over the last axis."""
    return log_softmax_by_row(logits.reshape(-1, logits.shape[-1])).reshape(logits.shape)


def taken(table: FloatArray, tokens: IntArray) -> FloatArray:
    """Return the entry of each token."""
    return np.asarray(np.take_along_axis(table, tokens[..., None], axis=-1)[..., 0])


def exact(logits: FloatArray, tokens: IntArray) -> FloatArray:
    """Return log π of each token but the first, given those before it."""
    return taken(log_pi(logits[:, :-1]), tokens[:, 1:])


def bfloat16(x: FloatArray) -> FloatArray:
    """Return the nearest numbers with eight binary digits, the even one of two."""
    bits = np.asarray(x, dtype=np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return np.asarray(rounded.astype(np.uint32).view(np.float32), dtype=float)


def log_of_softmax(logits: FloatArray) -> FloatArray:
    """Return log(softmax), which is −∞ where the softmax is too small for a float."""
    return np.log(np.exp(log_pi(logits)))


told = Words(
    """
not-shifted (M35): Position t of the logits was asked for the token at position t.
    What stands at t in the logits is the model's forecast of token t + 1: it has read token t already. Asked for the
    token that it has read, it learns to repeat.
shifted-backwards (M35): Position t of the logits was asked for the token at position t − 1.
    The forecast made at t is of token t + 1. Drop the last row of the logits, and the first token.
half-precision (M35): The logits went through 16 bits on their way.
    Eight binary digits are left of a logit, or eleven. Over a long reply the errors add up, and the ratio to another
    computation of the same number is no longer 1. Take the log-softmax in float32 or better.
log-of-softmax (M1): You took the softmax first and its logarithm afterwards.
    A probability of e⁻⁸⁰⁰ is 0 as a float, and its logarithm −∞. `log_softmax` subtracts the logarithm of the sum and
    never forms the small number.
probabilities (M37): These are probabilities.
    The ratio, the KL and U are made of logarithms. `log_softmax` gives them without the detour.
logits (M37): These are the logits themselves.
    A logit is a log-probability up to a constant of its row, and each row has another one: subtract log Σ exp.
axis (M1): The softmax ran over positions.
    Each position is a choice among words: the probabilities of one row, over the last axis, sum to 1.
negative (M5): The sign is that of a cross-entropy.
    `cross_entropy` returns −log π. A log-probability is at most 0.
summed (M7): You summed over the tokens of each sequence.
    That is log Pr of the whole sequence. Ratios and advantages belong to single tokens, so keep them apart.
"""
)

QUESTION = Question(
    name="token_log_probs",
    lesson="14",
    prompt="Return log π of each token but the first, given the tokens before it, shape (m, T − 1).",
    points=2,
    signature="token_log_probs(logits, tokens)",
    fixed=(batch(1, 1, 3, 3), batch(2, 2, 4, 3), batch(3, 3, 5, 4), batch(4, 1, 2, 6)),
    fresh=fresh,
    oracle=exact,
    remark="Of T tokens T − 1 were forecast: the first was given, and the one after the last is not there.",
    read=sections.BUGS,
    extreme=(
        {"logits": np.array([[[0.0, -800.0, 1.0], [900.0, 0.0, -900.0]]]), "tokens": np.array([[0, 1]])},
        {"logits": np.array([[[-700.0, 800.0], [0.0, 0.0], [1.0, 0.0]]]), "tokens": np.array([[1, 0, 1]])},
    ),
    tensors=True,
    mistakes=(
        told(
            "not-shifted",
            lambda logits, tokens: taken(log_pi(logits), tokens),
            variants=(
                lambda logits, tokens: taken(log_pi(logits), tokens)[:, 1:],
                lambda logits, tokens: taken(log_pi(logits), tokens)[:, :-1],
            ),
        ),
        told("shifted-backwards", lambda logits, tokens: taken(log_pi(logits[:, 1:]), tokens[:, :-1])),
        told(
            "half-precision",
            lambda logits, tokens: exact(bfloat16(logits), tokens),
            variants=(lambda logits, tokens: exact(logits.astype(np.float16).astype(float), tokens),),
        ),
        told(
            "log-of-softmax",
            lambda logits, tokens: taken(log_of_softmax(logits[:, :-1]), tokens[:, 1:]),
            almost=True,
        ),
        told("probabilities", lambda logits, tokens: np.exp(exact(logits, tokens))),
        told("logits", lambda logits, tokens: taken(logits[:, :-1], tokens[:, 1:])),
        told(
            "axis",
            lambda logits, tokens: taken(log_pi(logits[:, :-1].swapaxes(1, 2)).swapaxes(1, 2), tokens[:, 1:]),
        ),
        told("negative", lambda logits, tokens: -exact(logits, tokens)),
        told("summed", lambda logits, tokens: exact(logits, tokens).sum(axis=1)),
    ),
)
