"""Lesson 14: the loss of actor and critic, by its gradients."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw two or three trajectories."""
    shape = int(rng.integers(2, 4)), 3
    return {
        "log_probs": rng.uniform(-2.5, -0.1, shape).round(2),
        "values": rng.normal(0.5, 1.0, shape).round(2),
        "returns": rng.normal(1.0, 2.0, shape).round(2),
    }


def parts(log_probs: FloatArray, values: FloatArray, returns: FloatArray) -> tuple[float, float, FloatArray]:
    """Return the actor's and the critic's loss, and A."""
    A, m = returns - values, len(values)
    return float(-(log_probs * A).sum() / m), float((A**2).sum() / (2 * m)), A


def loss(
    log_probs: FloatArray,
    values: FloatArray,
    returns: FloatArray,
    actor: float = 1.0,
    critic: float = 0.5,
    *,
    to_policy: float = 1.0,
    to_values: float = 1.0,
    leak: float = 0.0,
    scale: float = 1.0,
) -> FloatArray:
    """Return actor + ½ critic, and its gradients by log_probs and by values, in one row.

    actor, critic: their weights; to_policy, to_values: 0 where no gradient gets there; leak: what of the actor's loss
    reaches the values; scale: of all.
    """
    of_actor, of_critic, A = parts(log_probs, values, returns)
    m = len(values)
    by_log_probs = -actor * to_policy * A / m
    by_values = -critic * to_values * A / m + leak * actor * log_probs / m
    value = actor * of_actor + critic * of_critic
    return scale * np.concatenate([[value], by_log_probs.ravel(), by_values.ravel()])


told = Words(
    """
not-detached (M15): The actor's loss also moved the values: its gradient ran through A.
    The value of your loss is right, and nothing printed gives this away. Each V is pushed up by −log π, away from the
    mean return. Write `(returns - values).detach()` for A.
critic-detached (M15): The critic gets no gradient: its loss was made of detached values.
    A is a constant for the *actor*. In the critic's loss V is what is to be learned, and only the target stands
    still.
policy-detached (M15): The policy gets no gradient: its log-probabilities were detached.
    In the actor's loss A stands still, and log π is what is to be moved.
wrong-one-detached (M15): You detached log π, and A is still in the graph.
    It is the other way round: A is the constant, and log π is what is to be moved.
nothing-to-learn (M15): The value is right, and no gradient reaches anything.
    `detach`, `no_grad`, `.item()` and `.numpy()` all cut the graph. Cut it at A alone.
sign (M5): The actor's part has the sign of U.
    An optimiser goes down. The loss is −U: with this sign it would make better than usual actions rarer.
objective (M5): All of it has the opposite sign.
    An optimiser goes down. It would make good actions rarer, and the critic's errors larger.
no-critic (M15): The critic's part is missing.
    The actor's loss does not move V, and must not. What teaches the critic is ½ (G − V)².
no-actor (M15): The actor's part is missing.
    The critic learns what the returns are, and the policy stays as it is.
critic-rewarded (M5): The critic's part is subtracted.
    Going down, the optimiser would make its errors larger.
critic-too-heavy: The critic's part weighs twice as much as asked for.
    It is ½ · ½ (G − V)²: one ½ belongs to the square, the other is its weight.
critic-too-light: The critic's part weighs half as much as asked for.
    It is ½ · ½ (G − V)², and that is ¼ of the square.
critic-mean (M7): The critic's part is a mean over the steps, and the actor's a sum.
    `mse_loss` takes a mean over everything. The weight between actor and critic then depends on how long the
    trajectories are: sum over time in both.
axes-exchanged (M7): You summed over trajectories, and averaged over time.
    Time is the last axis. Write `.sum(-1).mean()`.
mean-over-steps (M7): You took the mean over all steps.
    U sums over the steps of a trajectory and averages over trajectories. The direction is that, the step T times
    smaller.
sum-over-trajectories (M7): You summed over trajectories.
    The step would grow with the batch. Divide by m.
"""
)

QUESTION = Question(
    name="actor_critic_loss",
    lesson="14",
    prompt="Return −U + ½ Σ ½ (G − V)², summed over steps, averaged over trajectories. Its gradients count.",
    points=2,
    signature="actor_critic_loss(log_probs, values, returns)",
    fixed=(
        {
            "log_probs": np.array([[-0.5, -1.0]]),
            "values": np.array([[1.0, 0.5]]),
            "returns": np.array([[2.0, -1.0]]),
        },
        {
            "log_probs": np.array([[-0.25, -1.5, -0.75], [-2.0, -0.125, -1.0]]),
            "values": np.array([[0.5, -1.0, 2.0], [0.0, 1.5, -0.25]]),
            "returns": np.array([[1.0, 1.0, -2.0], [3.0, 0.5, 0.75]]),
        },
    ),
    fresh=fresh,
    oracle=loss,
    remark="Value and both gradients are those of `objectives.a2c_loss` without its entropy bonus.",
    read=sections.BUGS,
    tensors=True,
    gradients=("log_probs", "values"),
    mistakes=(
        told("not-detached", lambda log_probs, values, returns: loss(log_probs, values, returns, leak=1.0)),
        told("critic-detached", lambda log_probs, values, returns: loss(log_probs, values, returns, to_values=0.0)),
        told("policy-detached", lambda log_probs, values, returns: loss(log_probs, values, returns, to_policy=0.0)),
        told(
            "wrong-one-detached",
            lambda log_probs, values, returns: loss(log_probs, values, returns, to_policy=0.0, leak=1.0),
        ),
        told(
            "nothing-to-learn",
            lambda log_probs, values, returns: loss(log_probs, values, returns, to_policy=0.0, to_values=0.0),
        ),
        told(
            "sign",
            lambda log_probs, values, returns: loss(log_probs, values, returns, actor=-1.0),
            variants=(lambda log_probs, values, returns: loss(log_probs, values, returns, actor=-1.0, leak=1.0),),
        ),
        told("objective", lambda log_probs, values, returns: loss(log_probs, values, returns, scale=-1.0)),
        told("no-critic", lambda log_probs, values, returns: loss(log_probs, values, returns, critic=0.0)),
        told("no-actor", lambda log_probs, values, returns: loss(log_probs, values, returns, actor=0.0)),
        told("critic-rewarded", lambda log_probs, values, returns: loss(log_probs, values, returns, critic=-0.5)),
        told(
            "critic-too-heavy",
            lambda log_probs, values, returns: loss(log_probs, values, returns, critic=1.0),
            almost=True,
        ),
        told(
            "critic-too-light",
            lambda log_probs, values, returns: loss(log_probs, values, returns, critic=0.25),
            almost=True,
        ),
        told(
            "critic-mean",
            lambda log_probs, values, returns: loss(log_probs, values, returns, critic=1 / values.shape[1]),
            variants=(
                lambda log_probs, values, returns: loss(log_probs, values, returns, critic=0.5 / values.shape[1]),
            ),
        ),
        told(
            "axes-exchanged",
            lambda log_probs, values, returns: loss(log_probs, values, returns, scale=len(values) / values.shape[1]),
        ),
        told(
            "mean-over-steps",
            lambda log_probs, values, returns: loss(log_probs, values, returns, scale=1 / values.shape[1]),
            almost=True,
        ),
        told(
            "sum-over-trajectories",
            lambda log_probs, values, returns: loss(log_probs, values, returns, scale=len(values)),
            almost=True,
        ),
    ),
)
