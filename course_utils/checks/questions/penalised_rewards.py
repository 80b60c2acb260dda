"""Lesson 10: the rewards of a reply, with the KL penalty in them and the score at its end."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a reply of three to six tokens and its score."""
    length = int(rng.integers(3, 7))
    log_probs = rng.uniform(-2.0, -0.2, size=length).round(2)
    ref_log_probs = (log_probs + rng.normal(scale=0.8, size=length)).round(2).clip(max=-0.05)
    score = float(rng.uniform(1.0, 3.0) * rng.choice([-1, 1]))
    beta = round(float(rng.choice([rng.uniform(0.2, 0.6), rng.uniform(1.4, 2.5)])), 2)
    return {"score": round(score, 1), "log_probs": log_probs, "ref_log_probs": ref_log_probs, "beta": beta}


def penalised(score: float, log_probs: FloatArray, ref_log_probs: FloatArray, beta: float) -> FloatArray:
    """Return −β (log π − log π_ref) of each token, plus the score at the last."""
    rewards = -beta * (log_probs - ref_log_probs)
    rewards[-1] += score
    return np.asarray(rewards)


def with_score(penalty: FloatArray, score: float, place: int | slice = -1) -> FloatArray:
    """Return the penalty with the score added in some places."""
    rewards = np.array(penalty, dtype=float)
    rewards[place] += score
    return rewards


told = Words(
    """
score-everywhere (M22): You added the score to every token.
    The score is given once, for the finished reply. With it at every token a reply of ten tokens earns it ten times,
    and long replies pay.
score-shared (M22): You shared the score out among the tokens.
    The sum is right, and reward-to-go is not: a late token would be credited with a part of the score only, though all
    of it is still to come.
score-replaces (M29): You put the score in the place of the last token's penalty.
    The last token has drifted as well, and pays for it: the score is added there. `rewards[-1] = score` overwrites what
    `rewards[-1] += score` keeps.
score-at-first (M22): You put the score at the first token.
    Reward-to-go counts what is still to come. Only the first token would ever see the score.
no-score (M22): The score is missing.
    With the penalty alone the best policy is the reference.
score-subtracted (M5): You subtracted the score.
    A good reply would be punished. The score is what is earned, and the penalty what it costs.
pays-the-policy (M20): The penalty has the wrong sign: you *pay* the policy for moving away from the reference.
    A token that π likes better than the reference does has a positive log-ratio, and that is what costs.
penalty-at-end (M22): You put the whole penalty at the last token.
    The sum is right, but every token then pays for the drift of the tokens *before* it too: noise that it can do
    nothing about.
mean-penalty (M7): You divided the penalty by the number of tokens.
    Then a long reply pays less for each token, and β means something else for each length.
beta-on-score: You multiplied the score by β as well.
    β is the price of the KL. If everything is multiplied by it, it is a step size and no price.
no-beta: The factor β is missing.
    β decides how much score a nat of KL is worth.
k3 (M19): You penalised k3, which is never below 0.
    As a reward it also punishes a token that π likes *less* than the reference does, where the log-ratio pays for it.
    The gradient of the mean reward is then not that of the KL.
absolute (M19): Your penalty is never below 0: the sign of the log-ratio is lost.
    A single token's log-ratio may be negative, and then it pays. Only with its sign is its mean the KL.
quotient-of-logs (M28): You divided one log-probability by the other.
    log(π / π_ref) is the *difference* log π − log π_ref. A quotient of logarithms is the logarithm to another base, and
    no log-ratio.
ratio-without-logarithm (M28): You penalised the ratio π/π_ref, not its logarithm.
    Where the two policies agree the ratio is 1 and would cost β for every token. Its logarithm is 0 there, and its mean
    is the KL.
difference-of-probabilities (M28): You penalised the difference of the probabilities, not that of their logarithms.
    From 0.01 to 0.1 is a small difference and a factor of ten. The KL counts factors.
weighted-by-pi (M20): You weighed each log-ratio with π of its token.
    In a sum over all tokens the KL has this factor. Here the tokens are drawn from π, and the drawing supplies it: with
    the factor as well, likely tokens count twice.
reference-ignored (M21): The reference does not come into it: you penalised log π alone.
    That is a bonus for entropy. The KL measures the distance to the reference: log π − log π_ref.
reward-to-go (M8): You have added up what is still to come: yours is the reward-to-go.
    It is made from the right rewards. Asked for are the rewards themselves, before any sum.
total (M7): You added up the rewards of all tokens.
    Each token has a reward of its own, shape (T,): what it costs is charged where it was written.
underflow: The formula is right. For very small probabilities, though, their `exp` is 0, and you divide 0 by 0 or take
  the logarithm of 0.
    The log-ratio is a difference of numbers that you are given: no `exp` and no `log` is needed.
squared (M19): You penalised the square of the log-ratio, as k2 does.
    Its mean is not the KL, and in the reward the value is all that counts. The log-ratio itself has it.
"""
)

QUESTION = Question(
    name="penalised_rewards",
    lesson="10",
    prompt="Return the reward of each token: the KL penalty everywhere, and the score at the last token, shape (T,).",
    points=2,
    signature="penalised_rewards(score, log_probs, ref_log_probs, beta)",
    fixed=(
        {"score": 2.0, "log_probs": np.log([0.5, 0.8]), "ref_log_probs": np.log([0.25, 0.9]), "beta": 0.5},
        {
            "score": -1.5,
            "log_probs": np.log([0.5, 0.1, 0.9]),
            "ref_log_probs": np.log([0.6, 0.3, 0.3]),
            "beta": 0.3,
        },
        {"score": 0.7, "log_probs": np.log([0.6]), "ref_log_probs": np.log([0.2]), "beta": 1.5},
        {
            "score": 0.0,
            "log_probs": np.log([0.9, 0.2, 0.4, 1.0]),
            "ref_log_probs": np.log([0.1, 0.2, 0.7, 0.5]),
            "beta": 1.5,
        },
        {
            "score": 4.0,
            "log_probs": np.log([0.3, 0.6, 0.8, 0.05, 0.7]),
            "ref_log_probs": np.log([0.5, 0.6, 0.2, 0.4, 0.1]),
            "beta": 0.0,
        },
        {
            "score": -12.5,
            "log_probs": np.array([-0.5, -14.25, -3.125]),
            "ref_log_probs": np.array([-9.75, -0.25, -0.75]),
            "beta": 2.125,
        },
    ),
    extreme=(
        {
            "score": 1.0,
            "log_probs": np.array([-800.0, -2.0, -1.0]),
            "ref_log_probs": np.array([-799.0, -1.5, -3.0]),
            "beta": 0.4,
        },
    ),
    fresh=fresh,
    oracle=penalised,
    remark="Reward-to-go then sees the penalties of all later tokens: a token pays for the drift that it leads to.",
    read=sections.WHERE_KL,
    mistakes=(
        told(
            "score-everywhere",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                -beta * (log_probs - ref_log_probs), score, slice(None)
            ),
        ),
        told(
            "score-shared",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                -beta * (log_probs - ref_log_probs), score / len(log_probs), slice(None)
            ),
        ),
        told(
            "score-replaces",
            lambda score, log_probs, ref_log_probs, beta: np.append(-beta * (log_probs - ref_log_probs)[:-1], score),
        ),
        told(
            "score-at-first",
            lambda score, log_probs, ref_log_probs, beta: with_score(-beta * (log_probs - ref_log_probs), score, 0),
        ),
        told("no-score", lambda score, log_probs, ref_log_probs, beta: -beta * (log_probs - ref_log_probs)),
        told(
            "score-subtracted",
            lambda score, log_probs, ref_log_probs, beta: with_score(-beta * (log_probs - ref_log_probs), -score),
            variants=(
                lambda score, log_probs, ref_log_probs, beta: with_score(beta * (log_probs - ref_log_probs), -score),
            ),
        ),
        told(
            "pays-the-policy",
            lambda score, log_probs, ref_log_probs, beta: with_score(beta * (log_probs - ref_log_probs), score),
        ),
        told(
            "penalty-at-end",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                np.zeros(len(log_probs)), score - beta * (log_probs - ref_log_probs).sum()
            ),
            almost=True,
        ),
        told(
            "mean-penalty",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                -beta * (log_probs - ref_log_probs) / len(log_probs), score
            ),
        ),
        told(
            "beta-on-score",
            lambda score, log_probs, ref_log_probs, beta: with_score(-beta * (log_probs - ref_log_probs), beta * score),
        ),
        told("no-beta", lambda score, log_probs, ref_log_probs, beta: with_score(-(log_probs - ref_log_probs), score)),
        told(
            "k3",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                -beta * (np.exp(ref_log_probs - log_probs) - 1 - (ref_log_probs - log_probs)), score
            ),
            variants=(
                lambda score, log_probs, ref_log_probs, beta: with_score(
                    -beta * (np.exp(log_probs - ref_log_probs) - 1 - (log_probs - ref_log_probs)), score
                ),
            ),
        ),
        told(
            "absolute",
            lambda score, log_probs, ref_log_probs, beta: with_score(-beta * np.abs(log_probs - ref_log_probs), score),
            variants=(
                lambda score, log_probs, ref_log_probs, beta: with_score(
                    -beta * np.maximum(log_probs - ref_log_probs, 0), score
                ),
            ),
        ),
        told(
            "quotient-of-logs",
            lambda score, log_probs, ref_log_probs, beta: with_score(-beta * log_probs / ref_log_probs, score),
        ),
        told(
            "ratio-without-logarithm",
            lambda score, log_probs, ref_log_probs, beta: with_score(-beta * np.exp(log_probs - ref_log_probs), score),
        ),
        told(
            "difference-of-probabilities",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                -beta * (np.exp(log_probs) - np.exp(ref_log_probs)), score
            ),
        ),
        told(
            "weighted-by-pi",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                -beta * np.exp(log_probs) * (log_probs - ref_log_probs), score
            ),
        ),
        told("reference-ignored", lambda score, log_probs, ref_log_probs, beta: with_score(-beta * log_probs, score)),
        told(
            "reward-to-go",
            lambda score, log_probs, ref_log_probs, beta: np.cumsum(
                penalised(score, log_probs, ref_log_probs, beta)[::-1]
            )[::-1],
            almost=True,
        ),
        told(
            "total",
            lambda score, log_probs, ref_log_probs, beta: penalised(score, log_probs, ref_log_probs, beta).sum(),
        ),
        told(
            "underflow",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                -beta * np.log(np.exp(log_probs) / np.exp(ref_log_probs)), score
            ),
            variants=(
                lambda score, log_probs, ref_log_probs, beta: with_score(
                    -beta * (np.log(np.exp(log_probs)) - np.log(np.exp(ref_log_probs))), score
                ),
            ),
            almost=True,
        ),
        told(
            "squared",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                -beta * 0.5 * (log_probs - ref_log_probs) ** 2, score
            ),
            variants=(
                lambda score, log_probs, ref_log_probs, beta: with_score(
                    -beta * (log_probs - ref_log_probs) ** 2, score
                ),
            ),
        ),
    ),
)
