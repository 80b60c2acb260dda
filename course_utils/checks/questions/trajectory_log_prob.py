"""Lesson 04: the log-probability of a trajectory."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the factors of a trajectory of two to five steps."""
    length = int(rng.integers(2, 6))
    return {
        "policy_probs": rng.uniform(0.15, 0.9, size=length).round(2),
        "dynamics_probs": rng.uniform(0.15, 0.9, size=length).round(2),
    }


def log_prob(policy_probs: FloatArray, dynamics_probs: FloatArray) -> FloatArray:
    """Return Σ_t log π(a_t | s_t) + log Pr(s_1) + Σ_t log Pr(s_{t+1} | s_t, a_t)."""
    return np.asarray(np.log(policy_probs).sum() + np.log(dynamics_probs).sum())


def probability(policy_probs: FloatArray, dynamics_probs: FloatArray) -> FloatArray:
    """Return Pr_θ(τ) itself."""
    return np.asarray(np.prod(policy_probs) * np.prod(dynamics_probs))


QUESTION = Question(
    name="trajectory_log_prob",
    lesson="04",
    prompt="Return log Pr of a trajectory, from the probabilities of its actions and of its states.",
    points=1,
    signature="trajectory_log_prob(policy_probs, dynamics_probs)",
    fixed=(
        {"policy_probs": np.array([0.5]), "dynamics_probs": np.array([0.8])},
        {"policy_probs": np.array([0.5, 0.8]), "dynamics_probs": np.array([0.6, 0.3])},
        {"policy_probs": np.array([0.9, 0.25, 0.4]), "dynamics_probs": np.array([1.0, 0.7, 0.2])},
    ),
    extreme=({"policy_probs": np.full(800, 0.5), "dynamics_probs": np.full(800, 0.4)},),
    fresh=fresh,
    oracle=log_prob,
    remark="A sum of logarithms stays a harmless number where the product is too small for any float.",
    read=sections.DECOMPOSITION,
    mistakes=(
        Mistake(
            "underflow",
            "",
            lambda policy_probs, dynamics_probs: np.log(probability(policy_probs, dynamics_probs)),
            "The formula is right. On a trajectory of 800 steps the product is 0 in floating point, and its logarithm "
            "is −inf.",
            "A reply of a language model has hundreds of steps. Take the logarithm of each factor first, then add.",
            almost=True,
        ),
        Mistake(
            "no-logarithm",
            "M4",
            probability,
            "You returned the probability Pr: the product of all factors, without its logarithm.",
            "The product is right, and the question asks for its logarithm. Only there do policy and dynamics stand "
            "apart, as two terms of a sum.",
        ),
        Mistake(
            "dynamics-dropped",
            "M4",
            lambda policy_probs, dynamics_probs: np.log(policy_probs).sum(),
            "You left the dynamics out: this is log of the policy part alone.",
            "The gradient with respect to θ may leave them out, because theirs is 0. The value may not: without them "
            "the probabilities of all trajectories do not sum to 1.",
        ),
        Mistake(
            "policy-dropped",
            "",
            lambda policy_probs, dynamics_probs: np.log(dynamics_probs).sum(),
            "You left the policy out: this is log of the dynamics part alone.",
            "The actions are drawn too. Without their probabilities nothing in Pr depends on θ, and there would be "
            "nothing to learn.",
        ),
        Mistake(
            "mean-for-sum",
            "M7",
            lambda policy_probs, dynamics_probs: np.log(policy_probs).mean() + np.log(dynamics_probs).mean(),
            "You took means over the steps where the logarithm of a product is a sum.",
            "Divided by T, a long trajectory looks as probable as a short one. Each step has its factor in Pr, so "
            "each has its full term in log Pr.",
            sections.PATH_PROBABILITY,
            variants=(
                lambda policy_probs, dynamics_probs: np.log(np.concatenate([policy_probs, dynamics_probs])).mean(),
            ),
        ),
        Mistake(
            "log-of-sum",
            "",
            lambda policy_probs, dynamics_probs: np.log(np.sum(policy_probs)) + np.log(np.sum(dynamics_probs)),
            "You added the probabilities before taking the logarithm.",
            "Things that all have to happen, one after the other, multiply their probabilities. Take the logarithm of "
            "each factor, then add.",
            sections.PATH_PROBABILITY,
            variants=(lambda policy_probs, dynamics_probs: np.log(np.sum(policy_probs) + np.sum(dynamics_probs)),),
        ),
        Mistake(
            "sum-of-probabilities",
            "",
            lambda policy_probs, dynamics_probs: np.sum(policy_probs) + np.sum(dynamics_probs),
            "You added up the probabilities, without a logarithm.",
            "Probabilities of successive steps multiply. Their logarithms are what adds up.",
            sections.PATH_PROBABILITY,
        ),
        Mistake(
            "product-of-logs",
            "",
            lambda policy_probs, dynamics_probs: np.log(policy_probs).sum() * np.log(dynamics_probs).sum(),
            "You multiplied the two logarithms.",
            "The logarithm turns a product into a sum: log(x · y) = log x + log y. So the two parts are added.",
        ),
        Mistake(
            "ratio",
            "",
            lambda policy_probs, dynamics_probs: np.log(policy_probs).sum() - np.log(dynamics_probs).sum(),
            "You subtracted the dynamics part.",
            "A difference of logarithms belongs to a quotient. The policy part and the dynamics part are multiplied.",
        ),
        Mistake(
            "first-state-dropped",
            "M4",
            lambda policy_probs, dynamics_probs: np.log(policy_probs).sum() + np.log(dynamics_probs[1:]).sum(),
            "You left out the first entry of the dynamics, Pr(s_1).",
            "Where a trajectory starts is part of its probability. It is 1 only if all trajectories start in the same "
            "state.",
            sections.PATH_PROBABILITY,
        ),
        Mistake(
            "sign",
            "M5",
            lambda policy_probs, dynamics_probs: -log_prob(policy_probs, dynamics_probs),
            "Your answer has the opposite sign: it is −log Pr.",
            "That is a loss, known as the negative log-likelihood. The logarithm of a probability is never above 0.",
        ),
        Mistake(
            "base",
            "",
            lambda policy_probs, dynamics_probs: log_prob(policy_probs, dynamics_probs) / np.log(2),
            "You took logarithms to another base than e.",
            "The trick ∂Pr = Pr ∂log Pr holds for the natural logarithm. Another base multiplies every gradient by a "
            "constant.",
            variants=(lambda policy_probs, dynamics_probs: log_prob(policy_probs, dynamics_probs) / np.log(10),),
            almost=True,
        ),
    ),
)
