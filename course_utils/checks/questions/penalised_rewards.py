"""Lesson 10: the rewards of a reply, with the KL penalty in them and the score at its end."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a reply of three to six tokens and its score."""
    length = int(rng.integers(3, 7))
    log_probs = rng.uniform(-2.0, -0.2, size=length).round(2)
    ref_log_probs = (log_probs + rng.normal(scale=0.8, size=length)).round(2).clip(max=-0.05)
    score = float(rng.uniform(1.0, 3.0) * rng.choice([-1, 1]))
    beta = round(float(rng.uniform(0.2, 0.6)), 2)
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
    ),
    fresh=fresh,
    oracle=penalised,
    remark="Reward-to-go then sees the penalties of all later tokens: a token pays for the drift that it leads to.",
    read=sections.WHERE_KL,
    mistakes=(
        Mistake(
            "score-everywhere",
            "M22",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                -beta * (log_probs - ref_log_probs), score, slice(None)
            ),
            "You added the score to every token.",
            "The score is given once, for the finished reply. With it at every token a reply of ten tokens earns it "
            "ten times, and long replies pay.",
        ),
        Mistake(
            "score-shared",
            "M22",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                -beta * (log_probs - ref_log_probs), score / len(log_probs), slice(None)
            ),
            "You shared the score out among the tokens.",
            "The sum is right, and reward-to-go is not: a late token would be credited with a part of the score only, "
            "though all of it is still to come.",
        ),
        Mistake(
            "score-at-first",
            "M22",
            lambda score, log_probs, ref_log_probs, beta: with_score(-beta * (log_probs - ref_log_probs), score, 0),
            "You put the score at the first token.",
            "Reward-to-go counts what is still to come. Only the first token would ever see the score.",
        ),
        Mistake(
            "no-score",
            "M22",
            lambda score, log_probs, ref_log_probs, beta: -beta * (log_probs - ref_log_probs),
            "The score is missing.",
            "With the penalty alone the best policy is the reference.",
        ),
        Mistake(
            "pays-the-policy",
            "M20",
            lambda score, log_probs, ref_log_probs, beta: with_score(beta * (log_probs - ref_log_probs), score),
            "The penalty has the wrong sign: you *pay* the policy for moving away from the reference.",
            "A token that π likes better than the reference does has a positive log-ratio, and that is what costs.",
        ),
        Mistake(
            "penalty-at-end",
            "M22",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                np.zeros(len(log_probs)), score - beta * (log_probs - ref_log_probs).sum()
            ),
            "You put the whole penalty at the last token.",
            "The sum is right, but every token then pays for the drift of the tokens *before* it too: noise that it "
            "can do nothing about.",
            almost=True,
        ),
        Mistake(
            "mean-penalty",
            "M7",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                -beta * (log_probs - ref_log_probs) / len(log_probs), score
            ),
            "You divided the penalty by the number of tokens.",
            "Then a long reply pays less for each token, and β means something else for each length.",
        ),
        Mistake(
            "beta-on-score",
            "",
            lambda score, log_probs, ref_log_probs, beta: with_score(-beta * (log_probs - ref_log_probs), beta * score),
            "You multiplied the score by β as well.",
            "β is the price of the KL. If everything is multiplied by it, it is a step size and no price.",
        ),
        Mistake(
            "no-beta",
            "",
            lambda score, log_probs, ref_log_probs, beta: with_score(-(log_probs - ref_log_probs), score),
            "The factor β is missing.",
            "β decides how much score a nat of KL is worth.",
        ),
        Mistake(
            "squared",
            "M19",
            lambda score, log_probs, ref_log_probs, beta: with_score(
                -beta * 0.5 * (log_probs - ref_log_probs) ** 2, score
            ),
            "You penalised half the squared log-ratio, k2.",
            "Its mean is not the KL, and in the reward the value is all that counts. The log-ratio itself has it.",
        ),
    ),
)
