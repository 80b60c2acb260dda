"""Lesson 11: U of a batch of replies that have different lengths."""

import numpy as np

from course_utils.arguments import BoolArray, FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def batch(log_probs: list[list[float]], advantages: list[list[float]], lengths: list[int]) -> Inputs:
    """Return inputs whose padding, −7 and 9, means nothing."""
    mask = np.arange(len(log_probs[0])) < np.array(lengths)[:, None]
    return {
        "log_probs": np.where(mask, log_probs, -7.0),
        "advantages": np.where(mask, advantages, 9.0),
        "mask": mask,
    }


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw two or three replies of different lengths."""
    m, longest = int(rng.integers(2, 4)), 5
    lengths = rng.permutation([2, 3, 5])[:m]
    return batch(
        rng.uniform(-2.5, -0.1, size=(m, longest)).round(2).tolist(),
        rng.normal(loc=0.4, size=(m, longest)).round(2).tolist(),
        lengths.tolist(),
    )


def objective(log_probs: FloatArray, advantages: FloatArray, mask: BoolArray) -> float:
    """Return the mean over replies of Σ_t log π A."""
    return float(np.where(mask, log_probs * advantages, 0.0).sum() / len(mask))


def terms(log_probs: FloatArray, advantages: FloatArray, mask: BoolArray) -> FloatArray:
    """Return log π · A of each token, 0 in padding."""
    return np.asarray(np.where(mask, log_probs * advantages, 0.0))


def last_tokens(log_probs: FloatArray, advantages: FloatArray, mask: BoolArray) -> float:
    """Return the mean of log π · A of the replies' last tokens."""
    ends = np.arange(len(mask)), mask.sum(axis=1) - 1
    return float(terms(log_probs, advantages, mask)[ends].mean())


def product_of_sums(log_probs: FloatArray, advantages: FloatArray, mask: BoolArray) -> float:
    """Return the mean of log π(reply) · Σ_t A_t."""
    of_reply, total = (np.where(mask, x, 0.0).sum(axis=1) for x in (log_probs, advantages))
    return float((of_reply * total).mean())


told = Words(
    """
padding-counts: The padding counts: you summed over positions where there is no token.
    What stands there means nothing. A short reply would be judged mostly by its padding.
mean-over-tokens (M7): You took the mean over all tokens.
    Many libraries do, TRL's PPO among them. The direction is the same; the size is not: it is divided by the mean
    length once more. U sums over the tokens of a reply and averages over replies.
mean-over-positions (M7): You took the mean over all positions, the empty ones too.
    Then the objective of the same replies depends on how long the longest one is.
mean-within-replies (M7): You averaged over the tokens of each reply before you averaged over the replies.
    A token of a long reply then counts less than one of a short reply: long bad replies are punished less. Lesson 13
    meets this in GRPO.
sum-over-replies (M7): You summed over the replies as well.
    The step would grow with the size of the batch. Divide by the number of replies.
not-averaged: You returned U of each reply.
    They are right. What is asked for is their mean, one number.
terms: You returned the term of each token.
    They are right. What is asked for is one number: their sum over the tokens of a reply, and the mean of that over the
    replies.
loss (M5): The sign is that of the loss, −U.
    U goes up. Ascending on its negative makes good tokens rarer.
no-advantages: The advantages do not come into it: this is the log-probability of the replies.
    Raising it is what supervised fine-tuning does. It makes the policy surer of what it already writes.
no-log-probs: The log-probabilities do not come into it.
    The advantages are constants. What depends on θ is log π, and only through it can the gradient reach the parameters.
probability-not-log (M1): You weighted the probabilities π, not their logarithms.
    Frequent tokens are drawn more often already. With π in place of log π they count twice.
last-token-only (M22): You took the last token of each reply only.
    The *score* comes with the last token. Its advantages reach back to every token before it, and all of them learn.
first-token-missing (M38): You left out the first token of each reply.
    `range(1, T)` begins with the second one: Python counts from 0. The first token is drawn too, and the others follow
    from it.
last-token-missing (M38): You left out the last token of each reply.
    `range(length - 1)` ends with the last token but one. The last is drawn too: where a reply ends is a choice.
shifted (M35): You weighed each log-probability with the advantage of a neighbouring token.
    Both arrays have the same places: entry t of one belongs to entry t of the other. (Logits and labels of a language
    model are shifted by one; here that is done already.)
one-reply-only (M3): Only one reply is in your answer, the first or the last.
    All replies are to be learned from. In a loop, `=` for `+=` keeps the last term, and a `return` inside it ends it
    after the first.
axes-exchanged (M7): You summed over the replies, and took the mean over the positions.
    It is the other way round: the sum over the tokens of a reply, the mean over the replies.
whole-reply: You multiplied the log-probability of the whole reply by the sum of its advantages.
    Each token has an advantage of its own. Multiplied out, your product credits a token with the advantages of all the
    others.
"""
)

QUESTION = Question(
    name="reply_objective",
    lesson="11",
    prompt="Return U of the batch: the sum over the tokens of a reply, the mean over the replies, one number.",
    points=2,
    signature="reply_objective(log_probs, advantages, mask)",
    fixed=(
        batch([[-0.5, -1.0], [-2.0, -1.0]], [[1.0, 2.0], [0.5, 0.0]], [2, 1]),
        batch([[-0.5, -1.0, -0.3], [-2.0, -1.0, -0.1]], [[1.0, 2.0, -1.5], [0.5, 1.5, 0.0]], [3, 2]),
        # advantages and log-probabilities of exactly 0, a reply of one token, and none that fills the row
        batch(
            [[-0.4, 0.0, -2.5, -1.1, 0.0], [-1.2, 0.0, 0.0, 0.0, 0.0], [0.0, -0.7, 0.0, 0.0, 0.0]],
            [[0.0, 1.5, -2.0, 0.5, 0.0], [3.0, 0.0, 0.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0, 0.0]],
            [4, 1, 2],
        ),
        batch([[-0.7, -0.2, -1.5, -0.9]], [[0.8, -1.0, 0.0, 2.0]], [4]),
        batch([[-0.03125, -12.375, -25.5], [-0.125, -2.25, 0.0]], [[30.25, -1.125, 12.5], [-24.75, 11.0, 0.0]], [3, 2]),
    ),
    fresh=fresh,
    oracle=objective,
    remark="Its gradient is the advantage-weighted score of every token: the line in which a language model learns.",
    read=sections.HAND_UPDATE,
    mistakes=(
        told("padding-counts", lambda log_probs, advantages, mask: (log_probs * advantages).sum() / len(mask)),
        told(
            "mean-over-tokens",
            lambda log_probs, advantages, mask: terms(log_probs, advantages, mask).sum() / mask.sum(),
            almost=True,
        ),
        told("mean-over-positions", lambda log_probs, advantages, mask: terms(log_probs, advantages, mask).mean()),
        told(
            "mean-within-replies",
            lambda log_probs, advantages, mask: (
                terms(log_probs, advantages, mask).sum(axis=1) / mask.sum(axis=1)
            ).mean(),
        ),
        told("sum-over-replies", lambda log_probs, advantages, mask: terms(log_probs, advantages, mask).sum()),
        told(
            "not-averaged",
            lambda log_probs, advantages, mask: terms(log_probs, advantages, mask).sum(axis=1),
            almost=True,
        ),
        told("terms", terms, almost=True),
        told("loss", lambda log_probs, advantages, mask: -objective(log_probs, advantages, mask)),
        told("no-advantages", lambda log_probs, advantages, mask: np.where(mask, log_probs, 0.0).sum() / len(mask)),
        told("no-log-probs", lambda log_probs, advantages, mask: np.where(mask, advantages, 0.0).sum() / len(mask)),
        told(
            "probability-not-log",
            lambda log_probs, advantages, mask: terms(np.exp(log_probs), advantages, mask).sum() / len(mask),
        ),
        told("last-token-only", last_tokens),
        told(
            "first-token-missing",
            lambda log_probs, advantages, mask: terms(log_probs, advantages, mask)[:, 1:].sum() / len(mask),
        ),
        told(
            "last-token-missing",
            lambda log_probs, advantages, mask: (
                (terms(log_probs, advantages, mask).sum() / len(mask)) - last_tokens(log_probs, advantages, mask)
            ),
        ),
        told(
            "shifted",
            lambda log_probs, advantages, mask: (
                np.where(mask[:, 1:], log_probs[:, :-1] * advantages[:, 1:], 0.0).sum() / len(mask)
            ),
            variants=(
                lambda log_probs, advantages, mask: (
                    np.where(mask[:, 1:], log_probs[:, 1:] * advantages[:, :-1], 0.0).sum() / len(mask)
                ),
            ),
        ),
        told(
            "one-reply-only",
            lambda log_probs, advantages, mask: terms(log_probs, advantages, mask)[0].sum(),
            variants=(
                lambda log_probs, advantages, mask: terms(log_probs, advantages, mask)[-1].sum(),
                lambda log_probs, advantages, mask: terms(log_probs, advantages, mask)[0].sum() / len(mask),
                lambda log_probs, advantages, mask: terms(log_probs, advantages, mask)[-1].sum() / len(mask),
            ),
        ),
        told(
            "axes-exchanged",
            lambda log_probs, advantages, mask: terms(log_probs, advantages, mask).sum(axis=0).mean(),
            variants=(lambda log_probs, advantages, mask: terms(log_probs, advantages, mask).mean(axis=1).sum(),),
        ),
        told("whole-reply", product_of_sums),
    ),
)
