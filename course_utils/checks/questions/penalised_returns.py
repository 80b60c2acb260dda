"""Problem set 4: the return-to-go of each token of a reply, with the KL penalty in the rewards."""

import numpy as np

from course_utils import returns
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a score, the log-probabilities of a reply's tokens under both models, a price and a discount."""
    length = int(rng.integers(3, 6))
    return {
        "score": round(float(rng.uniform(-2, 3)), 2),
        "log_probs": rng.uniform(-3, -0.1, size=length).round(2),
        "ref_log_probs": rng.uniform(-3, -0.1, size=length).round(2),
        "beta": round(float(rng.uniform(0.05, 1.5)), 2),
        "gamma": round(float(rng.uniform(0.7, 0.97)), 2),
    }


def log_ratio(log_probs: FloatArray, ref_log_probs: FloatArray) -> FloatArray:
    """Return log π − log π_ref of each token."""
    return np.asarray(log_probs - ref_log_probs)


def paid(penalties: FloatArray, score: float) -> FloatArray:
    """Return minus the penalties, and the score with the last token."""
    rewards = -1.0 * penalties
    rewards[-1] += score
    return rewards


def to_go(score: float, log_probs: FloatArray, ref_log_probs: FloatArray, beta: float, gamma: float) -> FloatArray:
    """Return G_t = Σ_{k ≥ t} γ^(k−t) r_k, with r_k = −β (log π − log π_ref), and the score with the last token."""
    return returns.discounted_returns(paid(beta * log_ratio(log_probs, ref_log_probs), score), gamma)


def slot(score: float, log_probs: FloatArray, ref_log_probs: FloatArray, beta: float, gamma: float) -> FloatArray:
    """Return G where the score takes the place of the last token's penalty."""
    penalties = beta * log_ratio(log_probs, ref_log_probs)
    penalties[-1] = 0.0
    return returns.discounted_returns(paid(penalties, score), gamma)


def squared(score: float, log_probs: FloatArray, ref_log_probs: FloatArray, beta: float, gamma: float) -> FloatArray:
    """Return G with k3 as the penalty."""
    x = -log_ratio(log_probs, ref_log_probs)
    return returns.discounted_returns(paid(beta * (np.exp(x) - 1 - x), score), gamma)


told = Words(
    """
rewards-only (M8): You returned the rewards of the tokens. What follows a token is not added up.
    The score comes with the last token alone. An earlier token hears of it only through its return-to-go.
slot-overwritten (M29): The penalty of the last token is lost: the score stands in its place.
    `rewards[-1] = score` replaces, `rewards[-1] += score` adds. The last token may leave the reference as far as any
    other.
score-everywhere (M22): You added the score to every token's reward.
    It is paid once, with the last token. Earlier tokens get their share through the return-to-go; paid at each token, a
    reply of ten tokens would earn it ten times.
ratio-turned-round (M19): You turned the log-ratio round: your penalty pays the policy for leaving the reference.
    The policy pays β (log π − log π_ref): a token that it likes more than the reference does costs something.
no-beta: You left out β: the penalty counts in full.
    β is the price of a nat of distance, in points of the score.
discount-ignored (M9): You added up without the discount.
    A reward that comes k tokens later counts γᵏ.
discounted-from-the-start (M9): Your exponents count from the first token, and not from the token itself.
    Seen from token t its own reward counts in full. Yours is γ^(t−1) times the wanted number.
past-for-future (M8): You added up what came before each token, and not what comes after.
    A token cannot change what was paid before it. Begin at the last token and go backwards.
score-to-go-only (M22): You discounted the score back to each token, and let each pay its own penalty alone.
    The penalties of later tokens follow from this one as well: they belong to its return-to-go, with their discount.
undiscounted-score (M9): You gave each token the score in full, and discounted the penalties alone.
    The score comes with the last token. Seen from token t it is T − t tokens away, and counts that power of γ.
total (M8): You gave every token the return of the whole reply.
    It is not biased, and noisy: what was paid before a token is in its weight, and it could not change that.
k3-in-reward (M19): Your penalty is k3, the estimate that is never negative. In the reward k1 is asked for.
    k1 = log π − log π_ref in the reward gives the gradient of the KL divergence exactly. k3 there gives another one.
sign (M5): Your answer has the opposite sign.
    The score is a reward and the KL term a price: score minus penalties.
"""
)

QUESTION = Question(
    name="penalised_returns",
    lesson="10",
    prompt="Return each token's discounted return: −β (log π − log π_ref) per token, and the score with the last one.",
    points=3,
    signature="penalised_returns(score, log_probs, ref_log_probs, beta, gamma)",
    fixed=(
        {
            "score": 2.0,
            "log_probs": np.array([-1.0, -0.5]),
            "ref_log_probs": np.array([-1.5, -1.2]),
            "beta": 0.5,
            "gamma": 0.9,
        },
        {
            "score": -1.0,
            "log_probs": np.array([-0.3, -2.0, -1.1]),
            "ref_log_probs": np.array([-0.7, -1.0, -1.6]),
            "beta": 2.0,
            "gamma": 0.5,
        },
        {
            "score": 0.4,
            "log_probs": np.array([-3.0, -0.2, -0.9, -1.4]),
            "ref_log_probs": np.array([-1.0, -0.2, -2.9, -0.6]),
            "beta": 0.11,
            "gamma": 0.97,
        },
    ),
    fresh=fresh,
    oracle=to_go,
    remark="With γ = 1 the first entry is what the whole reply earns: its score less β times its log-ratio.",
    read=sections.WHERE_KL,
    mistakes=(
        told(
            "rewards-only",
            lambda score, log_probs, ref_log_probs, beta, gamma: paid(
                beta * log_ratio(log_probs, ref_log_probs), score
            ),
        ),
        told("slot-overwritten", slot),
        told(
            "score-everywhere",
            lambda score, log_probs, ref_log_probs, beta, gamma: returns.discounted_returns(
                score - beta * log_ratio(log_probs, ref_log_probs), gamma
            ),
        ),
        told(
            "ratio-turned-round",
            lambda score, log_probs, ref_log_probs, beta, gamma: to_go(score, ref_log_probs, log_probs, beta, gamma),
        ),
        told(
            "no-beta",
            lambda score, log_probs, ref_log_probs, beta, gamma: to_go(score, log_probs, ref_log_probs, 1.0, gamma),
        ),
        told(
            "discount-ignored",
            lambda score, log_probs, ref_log_probs, beta, gamma: to_go(score, log_probs, ref_log_probs, beta, 1.0),
        ),
        told(
            "discounted-from-the-start",
            lambda score, log_probs, ref_log_probs, beta, gamma: (
                gamma ** np.arange(len(log_probs)) * to_go(score, log_probs, ref_log_probs, beta, gamma)
            ),
        ),
        told(
            "past-for-future",
            lambda score, log_probs, ref_log_probs, beta, gamma: returns.discounted_returns(
                paid(beta * log_ratio(log_probs, ref_log_probs), score)[::-1], gamma
            )[::-1],
        ),
        told(
            "score-to-go-only",
            lambda score, log_probs, ref_log_probs, beta, gamma: (
                score * gamma ** np.arange(len(log_probs))[::-1] - beta * log_ratio(log_probs, ref_log_probs)
            ),
        ),
        told(
            "undiscounted-score",
            lambda score, log_probs, ref_log_probs, beta, gamma: (
                score + to_go(0.0, log_probs, ref_log_probs, beta, gamma)
            ),
        ),
        told(
            "total",
            lambda score, log_probs, ref_log_probs, beta, gamma: np.full(
                len(log_probs), to_go(score, log_probs, ref_log_probs, beta, gamma)[0]
            ),
        ),
        told("k3-in-reward", squared),
        told(
            "sign",
            lambda score, log_probs, ref_log_probs, beta, gamma: -to_go(score, log_probs, ref_log_probs, beta, gamma),
        ),
    ),
)
