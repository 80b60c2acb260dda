"""Lesson 09: the gradient of the actor's loss with an entropy bonus."""

from collections.abc import Callable

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray, IntArray
from course_utils.checks import sections, softmaxes
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw an episode of two to five steps with two to four actions."""
    length, n = int(rng.integers(2, 6)), int(rng.integers(2, 5))
    return {
        "logits": rng.normal(size=(length, n)).round(3),
        "actions": rng.integers(n, size=length),
        "advantages": rng.uniform(0.5, 2.5, size=length).round(3) * rng.choice([-1.0, 1.0], size=length),
        "entropy_cost": round(float(rng.uniform(0.4, 1.8)), 3),
    }


def pushes(logits: FloatArray, actions: IntArray, advantages: FloatArray) -> FloatArray:
    """Return ∂U/∂logits, shape (T, A)."""
    return np.asarray(policy.score(logits, actions) * advantages[:, None])


def entropy_slope(logits: FloatArray) -> FloatArray:
    """Return ∂H/∂logits of each step, −π (log π + H), shape (T, A)."""
    log_pi = policy.log_softmax(logits)
    return np.asarray(-np.exp(log_pi) * (log_pi + policy.entropy(logits)[:, None]))


def parts(of_actor: float, of_entropy: float) -> Callable[[FloatArray, IntArray, FloatArray, float], FloatArray]:
    """Return the function a · ∂U/∂logits + b · c_H ∂H/∂logits."""

    def gradient(logits: FloatArray, actions: IntArray, advantages: FloatArray, entropy_cost: float) -> FloatArray:
        bonus = of_entropy * entropy_cost * entropy_slope(logits)
        return np.asarray(of_actor * pushes(logits, actions, advantages) + bonus)

    return gradient


wanted = parts(-1.0, -1.0)


def with_bonus(
    slope: Callable[[FloatArray], FloatArray],
) -> Callable[[FloatArray, IntArray, FloatArray, float], FloatArray]:
    """Return −∂U/∂logits − c_H · slope(logits), with something else for the entropy's derivative."""

    def gradient(logits: FloatArray, actions: IntArray, advantages: FloatArray, entropy_cost: float) -> FloatArray:
        return np.asarray(-pushes(logits, actions, advantages) - entropy_cost * slope(logits))

    return gradient


def with_push(
    push: Callable[[FloatArray, FloatArray, FloatArray], FloatArray],
) -> Callable[[FloatArray, IntArray, FloatArray, float], FloatArray]:
    """Return −push − c_H ∂H/∂logits; the push is made of the logits, the one-hots and a column of advantages."""

    def gradient(logits: FloatArray, actions: IntArray, advantages: FloatArray, entropy_cost: float) -> FloatArray:
        one_hot = np.eye(logits.shape[1])[actions]
        return np.asarray(-push(logits, one_hot, advantages[:, None]) - entropy_cost * entropy_slope(logits))

    return gradient


def with_policy(
    softmax: Callable[[FloatArray], FloatArray],
) -> tuple[Callable[[FloatArray, IntArray, FloatArray, float], FloatArray], ...]:
    """Return the gradient with another softmax: in both parts, in the push alone, in the entropy alone."""

    def slope(logits: FloatArray) -> FloatArray:
        pi = softmax(logits)
        return np.asarray(-pi * (np.log(pi) - (pi * np.log(pi)).sum(axis=1, keepdims=True)))

    def both(logits: FloatArray, actions: IntArray, advantages: FloatArray, entropy_cost: float) -> FloatArray:
        one_hot = np.eye(logits.shape[1])[actions]
        return np.asarray(-advantages[:, None] * (one_hot - softmax(logits)) - entropy_cost * slope(logits))

    return (
        both,
        with_push(lambda logits, one_hot, advantages: advantages * (one_hot - softmax(logits))),
        with_bonus(slope),
    )


def entropies(logits: FloatArray) -> FloatArray:
    """Return H of each step, shape (T, 1)."""
    return policy.entropy(logits)[:, None]


def bracket(inside: Callable[[FloatArray, FloatArray], FloatArray]) -> Callable[[FloatArray], FloatArray]:
    """Return −π · inside(log π, H) in place of the entropy's derivative −π (log π + H)."""
    return lambda logits: -policy.softmax(logits) * inside(policy.log_softmax(logits), entropies(logits))


def of_taken(logits: FloatArray, actions: IntArray, advantages: FloatArray, entropy_cost: float) -> FloatArray:
    """Take −log π of the action for the entropy."""
    return np.asarray(-pushes(logits, actions, advantages) + entropy_cost * policy.score(logits, actions))


told = Words(
    """
ascent (M5): This is the gradient of U + c_H H, the objective. The loss has the opposite sign.
    Who descends on it makes good actions rarer. An objective goes up, a loss goes down.
entropy-sign (M16): The entropy has the wrong sign: your loss punishes it.
    The bonus is there to keep the policy trying things. With your sign, descending makes it certain as fast as it can.
actor-sign (M5): The entropy part is right. The actor's part has the opposite sign.
    The loss is −U. Descending on +U makes the actions rarer that were better than usual.
no-entropy (M16): The entropy bonus is missing.
    The loss has a second term, −c_H Σ H, and it depends on the logits too.
entropy-uncentred (M16): Your entropy part differentiates −Σ π log π by the probabilities: −(log π + 1).
    The logits move the probabilities, and those share a total of 1. By the logits the slope is −π (log π + H).
entropy-bracket (M16): In the entropy's derivative, −π (log π + H), the bracket holds something else for + H: nothing,
  1, or −H.
    H is the mean of −log π. With it each row of the derivative adds up to 0, as it must: adding the same number to all
    logits changes no probability.
entropy-itself (M43): The second part of your answer is c_H H itself. Its derivative was asked for.
    A gradient says how the entropy changes with each logit: −π (log π + H). The entropy's own size moves nothing in the
    right direction.
entropy-of-all-steps (M27): The H in your bracket belongs to no single step: it is the sum, or the mean, over all of
  them.
    Each step has a policy of its own, and its own H. Sum over the actions alone and keep the axis:
    `policy.entropy(logits)[:, None]`.
entropy-averaged (M7): You averaged the entropies over the steps. The loss holds their sum, Σ H.
    U sums over time, and so does the bonus. With a mean, c_H would mean less the longer the episode is.
entropy-of-taken (M16): You used −log π of the action that was taken in place of the entropy.
    The entropy is the mean of −log π over all actions. With the action's own alone the gradient has the mean 0 and the
    bonus does nothing on average.
mean-over-steps (M7): You divided by the number of steps.
    U sums over time and averages over trajectories, and here there is one trajectory.
cost-forgotten (M16): The entropy counts fully: the factor c_H is missing.
    c_H decides how much certainty may cost. Without it the bonus can drown the advantages.
no-advantage (M14): The advantages are missing: every action that was taken is pushed up alike.
    That imitates what the policy did, good or bad. The advantage says how far, and whether up or down.
no-one-hot (M1): The score is one-hot − π, and your one-hot is missing.
    Without it the push is the same whichever action was taken.
only-one-hot (M1): The score is one-hot − π, and your −π is missing.
    Raising one logit takes probability from the other actions. Their entries are −A π.
brackets (M39): The advantage multiplies only one of the two terms, the one-hot or π: brackets are missing.
    The whole score is weighted, A (one-hot − π). Without the brackets a step with A = 0 still moves the policy.
score-times-pi (M36): In the actor's part you multiplied the score by π, that of each entry or that of the action taken.
    The actions were drawn from the policy, so π is already in how often each one is drawn. The score of the action that
    was taken stays as it is.
logits-for-probabilities (M37): In the actor's part you subtracted the logits from the one-hot. The probabilities belong
  there.
    The score is one-hot − π. Logits are preferences; the softmax turns them into π first.
whole-table (M27): A softmax of yours runs over the whole table: the probabilities of all steps together add up to 1.
    Each step has a policy of its own, so each row adds up to 1. `policy.softmax` works row by row.
softmax-over-time (M1): A softmax of yours runs over the steps, axis 0, where it should run over the actions.
    The probabilities of one state's actions add up to 1; those of one action at different times need not. Actions are
    on the last axis.
not-normalised (M37): You took exp(z) for probabilities: these numbers do not add up to 1.
    The softmax divides each exponential by the sum of all in its row. Score and entropy are both made of the
    probabilities that come out.
"""
)

QUESTION = Question(
    name="actor_gradient",
    lesson="09",
    prompt="Return the gradient of the loss −U − c_H Σ H with respect to the logits of one episode, shape (T, A).",
    points=3,
    signature="actor_gradient(logits, actions, advantages, entropy_cost)",
    fixed=(
        {
            "logits": np.log([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]),
            "actions": np.array([0, 2]),
            "advantages": np.array([1.0, -2.0]),
            "entropy_cost": 0.5,
        },
        {
            "logits": np.array([[0.0, 1.0, 0.5], [2.0, 0.0, -1.0], [0.3, 0.0, 0.4]]),
            "actions": np.array([1, 0, 0]),
            "advantages": np.array([2.0, 0.5, -1.0]),
            "entropy_cost": 0.8,
        },
        {
            "logits": np.array([[-1.0, 3.0], [0.5, 0.5], [-2.0, 2.0]]),
            "actions": np.array([0, 1, 1]),
            "advantages": np.array([-1.5, -0.5, 0.0]),
            "entropy_cost": 1.5,
        },
        {
            "logits": np.array([[0.0, -1.0, 1.0, -5.0]]),
            "actions": np.array([3]),
            "advantages": np.array([3.0]),
            "entropy_cost": 0.0,
        },
        {
            "logits": np.array([[12.5, 13.375, 0.25], [-0.125, 0.0, 0.375]]),
            "actions": np.array([1, 1]),
            "advantages": np.array([25.125, -31.0]),
            "entropy_cost": 12.375,
        },
    ),
    fresh=fresh,
    oracle=wanted,
    remark="Descend on it: good actions become likelier, and the entropy bonus pulls towards trying everything.",
    read=sections.THREE_TERMS,
    mistakes=(
        told("ascent", parts(1.0, 1.0)),
        told("entropy-sign", parts(-1.0, 1.0)),
        told("actor-sign", parts(1.0, -1.0)),
        told("no-entropy", parts(-1.0, 0.0)),
        told("entropy-uncentred", with_bonus(lambda logits: -(policy.log_softmax(logits) + 1))),
        told(
            "entropy-bracket",
            with_bonus(bracket(lambda log_pi, entropy: log_pi)),
            variants=(
                with_bonus(bracket(lambda log_pi, entropy: log_pi + 1)),
                with_bonus(bracket(lambda log_pi, entropy: log_pi - entropy)),
            ),
        ),
        told(
            "entropy-itself",
            with_bonus(entropies),
            variants=(
                with_bonus(lambda logits: -entropies(logits)),
                with_bonus(lambda logits: entropies(logits).sum()),
                with_bonus(lambda logits: -entropies(logits).sum()),
            ),
        ),
        told(
            "entropy-of-all-steps",
            with_bonus(bracket(lambda log_pi, entropy: log_pi + entropy.sum())),
            variants=(with_bonus(bracket(lambda log_pi, entropy: log_pi + entropy.mean())),),
        ),
        told("entropy-averaged", with_bonus(lambda logits: entropy_slope(logits) / len(logits))),
        told("entropy-of-taken", of_taken),
        told(
            "mean-over-steps",
            lambda logits, actions, advantages, entropy_cost: (
                wanted(logits, actions, advantages, entropy_cost) / len(actions)
            ),
        ),
        told(
            "cost-forgotten", lambda logits, actions, advantages, entropy_cost: wanted(logits, actions, advantages, 1.0)
        ),
        told(
            "no-advantage",
            lambda logits, actions, advantages, entropy_cost: wanted(
                logits, actions, np.ones(len(actions)), entropy_cost
            ),
        ),
        told(
            "no-one-hot",
            lambda logits, actions, advantages, entropy_cost: (
                policy.softmax(logits) * advantages[:, None] - entropy_cost * entropy_slope(logits)
            ),
            sections.SCORE,
        ),
        told("only-one-hot", with_push(lambda logits, one_hot, advantages: advantages * one_hot), sections.SCORE),
        told(
            "brackets",
            with_push(lambda logits, one_hot, advantages: advantages * one_hot - policy.softmax(logits)),
            sections.SCORE,
            variants=(with_push(lambda logits, one_hot, advantages: one_hot - advantages * policy.softmax(logits)),),
        ),
        told(
            "score-times-pi",
            with_push(
                lambda logits, one_hot, advantages: (
                    policy.softmax(logits) * advantages * (one_hot - policy.softmax(logits))
                )
            ),
            sections.SCORE,
            variants=(
                with_push(
                    lambda logits, one_hot, advantages: (
                        (policy.softmax(logits) * one_hot).sum(axis=1, keepdims=True)
                        * advantages
                        * (one_hot - policy.softmax(logits))
                    )
                ),
            ),
        ),
        told(
            "logits-for-probabilities",
            with_push(lambda logits, one_hot, advantages: advantages * (one_hot - logits)),
            sections.SCORE,
        ),
        told(
            "whole-table",
            with_policy(softmaxes.over_table)[0],
            sections.SOFTMAX,
            variants=with_policy(softmaxes.over_table)[1:],
        ),
        told(
            "softmax-over-time",
            with_policy(softmaxes.over_first_axis)[0],
            sections.SOFTMAX,
            variants=with_policy(softmaxes.over_first_axis)[1:],
        ),
        told(
            "not-normalised",
            with_policy(softmaxes.not_normalised)[0],
            sections.SOFTMAX,
            variants=with_policy(softmaxes.not_normalised)[1:],
        ),
    ),
)
