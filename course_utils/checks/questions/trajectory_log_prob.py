"""Lesson 04: the log-probability of a trajectory."""

from collections.abc import Callable

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


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


def shifted(epsilon: float) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """Return the answer with epsilon added to each probability."""
    return lambda policy_probs, dynamics_probs: log_prob(policy_probs + epsilon, dynamics_probs + epsilon)


def probability(policy_probs: FloatArray, dynamics_probs: FloatArray) -> FloatArray:
    """Return Pr_θ(τ) itself."""
    return np.asarray(np.prod(policy_probs) * np.prod(dynamics_probs))


told = Words(
    """
underflow: The formula is right. On a trajectory of 1,200 steps a product of probabilities is 0 in floating point, and
  its logarithm is −inf.
    A reply of a language model has hundreds of steps. Take the logarithm of each factor first, then add.
shifted-logarithm: You added a small number to the probabilities before you took their logarithm, or did not let them
  fall below it. A probability that is smaller still then counts as that number.
    It keeps log 0 away, which cannot come here: an action that was drawn has a probability above 0. A very improbable
    step is the one that this number changes.
first-step-only (M3): You took the first step alone. The sum over t is missing.
    Every step has its factor in Pr. A `return` inside the loop ends it after one round.
last-step-only (M3): You took the last step alone. The sum over t is missing.
    Every step has its factor in Pr. In a loop, `=` keeps the last term where `+=` adds them all.
first-step-missing (M3): You left out the first step, its action and Pr(s_1).
    `range(1, T)` begins with the second step: Python counts from 0. The first action is drawn too.
last-step-missing (M3): You left out the last step.
    `range(T - 1)` ends with the last step but one. The last action is drawn too.
first-action-dropped (M4): You left out the first action.
    There are as many actions as states here: each state of the trajectory has the action that was taken in it.
weighted: You weighted each logarithm with its probability.
    Σ p log p is an average over all that could have happened, such as an entropy. This trajectory did happen: each of
    its steps counts in full.
sum-within-steps: You added the two probabilities of each step before taking the logarithm.
    The action and the state that follows both have to happen, so their probabilities multiply, and their logarithms add
    up.
row-for-each-step (M3): You returned the terms of the sum, one for each step.
    They are right. Their sum, one number, is log Pr of the trajectory.
no-logarithm (M4): You returned the probability Pr: the product of all factors, without its logarithm.
    The product is right, and the question asks for its logarithm. Only there do policy and dynamics stand apart, as two
    terms of a sum.
dynamics-dropped (M4): You left the dynamics out: this is log of the policy part alone.
    The gradient with respect to θ may leave them out, because theirs is 0. The value may not: without them the
    probabilities of all trajectories do not sum to 1.
policy-dropped: You left the policy out: this is log of the dynamics part alone.
    The actions are drawn too. Without their probabilities nothing in Pr depends on θ, and there would be nothing to
    learn.
mean-for-sum (M7): You took means over the steps where the logarithm of a product is a sum.
    Divided by T, a long trajectory looks as probable as a short one. Each step has its factor in Pr, so each has its
    full term in log Pr.
log-of-sum: You added the probabilities before taking the logarithm.
    Things that all have to happen, one after the other, multiply their probabilities. Take the logarithm of each
    factor, then add.
sum-of-probabilities: You added up the probabilities, without a logarithm.
    Probabilities of successive steps multiply. Their logarithms are what adds up.
product-of-logs: You multiplied the two logarithms.
    The logarithm turns a product into a sum: log(x · y) = log x + log y. So the two parts are added.
ratio: You subtracted the dynamics part.
    A difference of logarithms belongs to a quotient. The policy part and the dynamics part are multiplied.
first-state-dropped (M4): You left out the first entry of the dynamics, Pr(s_1).
    Where a trajectory starts is part of its probability. It is 1 only if all trajectories start in the same state.
sign (M5): Your answer has the opposite sign: it is −log Pr.
    That is a loss, known as the negative log-likelihood. The logarithm of a probability is never above 0.
base: You took logarithms to another base than e.
    The trick ∂Pr = Pr ∂log Pr holds for the natural logarithm. Another base multiplies every gradient by a constant.
"""
)

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
        {"policy_probs": np.array([1e-12, 0.8]), "dynamics_probs": np.array([0.5, 1e-12])},
    ),
    # long enough that the product of the policy's part is 0 by itself, and that of the dynamics too
    extreme=({"policy_probs": np.full(1200, 0.5), "dynamics_probs": np.full(1200, 0.4)},),
    fresh=fresh,
    oracle=log_prob,
    remark="A sum of logarithms stays a harmless number where the product is too small for any float.",
    read=sections.DECOMPOSITION,
    mistakes=(
        told(
            "underflow",
            lambda policy_probs, dynamics_probs: np.log(probability(policy_probs, dynamics_probs)),
            variants=(
                lambda policy_probs, dynamics_probs: np.log(np.prod(policy_probs)) + np.log(np.prod(dynamics_probs)),
                lambda policy_probs, dynamics_probs: np.log(np.prod(policy_probs)) + np.log(dynamics_probs).sum(),
                lambda policy_probs, dynamics_probs: np.log(policy_probs).sum() + np.log(np.prod(dynamics_probs)),
            ),
            almost=True,
        ),
        told(
            "shifted-logarithm",
            shifted(1e-8),
            variants=(
                shifted(1e-6),
                shifted(1e-10),
                shifted(1e-12),
                lambda policy_probs, dynamics_probs: log_prob(policy_probs.clip(1e-8), dynamics_probs.clip(1e-8)),
                lambda policy_probs, dynamics_probs: log_prob(policy_probs.clip(1e-10), dynamics_probs.clip(1e-10)),
            ),
            almost=True,
        ),
        told(
            "first-step-only",
            lambda policy_probs, dynamics_probs: log_prob(policy_probs[:1], dynamics_probs[:1]),
            sections.PATH_PROBABILITY,
        ),
        told(
            "last-step-only",
            lambda policy_probs, dynamics_probs: log_prob(policy_probs[-1:], dynamics_probs[-1:]),
            sections.PATH_PROBABILITY,
        ),
        told(
            "first-step-missing",
            lambda policy_probs, dynamics_probs: log_prob(policy_probs[1:], dynamics_probs[1:]),
            sections.PATH_PROBABILITY,
        ),
        told(
            "last-step-missing",
            lambda policy_probs, dynamics_probs: log_prob(policy_probs[:-1], dynamics_probs[:-1]),
            sections.PATH_PROBABILITY,
        ),
        told(
            "first-action-dropped",
            lambda policy_probs, dynamics_probs: log_prob(policy_probs[1:], dynamics_probs),
            sections.PATH_PROBABILITY,
        ),
        told(
            "weighted",
            lambda policy_probs, dynamics_probs: (
                (policy_probs * np.log(policy_probs)).sum() + (dynamics_probs * np.log(dynamics_probs)).sum()
            ),
        ),
        told(
            "sum-within-steps",
            lambda policy_probs, dynamics_probs: np.log(policy_probs + dynamics_probs).sum(),
            sections.PATH_PROBABILITY,
        ),
        told(
            "row-for-each-step",
            lambda policy_probs, dynamics_probs: np.log(policy_probs) + np.log(dynamics_probs),
            almost=True,
        ),
        told("no-logarithm", probability),
        told("dynamics-dropped", lambda policy_probs, dynamics_probs: np.log(policy_probs).sum()),
        told("policy-dropped", lambda policy_probs, dynamics_probs: np.log(dynamics_probs).sum()),
        told(
            "mean-for-sum",
            lambda policy_probs, dynamics_probs: np.log(policy_probs).mean() + np.log(dynamics_probs).mean(),
            sections.PATH_PROBABILITY,
            variants=(
                lambda policy_probs, dynamics_probs: np.log(np.concatenate([policy_probs, dynamics_probs])).mean(),
                lambda policy_probs, dynamics_probs: np.log(policy_probs).mean() + np.log(dynamics_probs).sum(),
            ),
        ),
        told(
            "log-of-sum",
            lambda policy_probs, dynamics_probs: np.log(np.sum(policy_probs)) + np.log(np.sum(dynamics_probs)),
            sections.PATH_PROBABILITY,
            variants=(lambda policy_probs, dynamics_probs: np.log(np.sum(policy_probs) + np.sum(dynamics_probs)),),
        ),
        told(
            "sum-of-probabilities",
            lambda policy_probs, dynamics_probs: np.sum(policy_probs) + np.sum(dynamics_probs),
            sections.PATH_PROBABILITY,
        ),
        told(
            "product-of-logs",
            lambda policy_probs, dynamics_probs: np.log(policy_probs).sum() * np.log(dynamics_probs).sum(),
        ),
        told("ratio", lambda policy_probs, dynamics_probs: np.log(policy_probs).sum() - np.log(dynamics_probs).sum()),
        told(
            "first-state-dropped",
            lambda policy_probs, dynamics_probs: np.log(policy_probs).sum() + np.log(dynamics_probs[1:]).sum(),
            sections.PATH_PROBABILITY,
        ),
        told("sign", lambda policy_probs, dynamics_probs: -log_prob(policy_probs, dynamics_probs)),
        told(
            "base",
            lambda policy_probs, dynamics_probs: log_prob(policy_probs, dynamics_probs) / np.log(2),
            variants=(lambda policy_probs, dynamics_probs: log_prob(policy_probs, dynamics_probs) / np.log(10),),
            almost=True,
        ),
    ),
)
