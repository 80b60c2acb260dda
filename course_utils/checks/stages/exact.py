"""The build's own functions, exact, and with a switch for each known mistake: what the stages compare with."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks.probe_environment import ProbeEnvironment
from course_utils.checks.probing import record_of

__all__ = ["actor", "advantages", "chosen", "clip_weights", "critic", "log_probabilities", "paths", "reward_to_go"]
__all__ += ["small_world", "spread_over"]

Record = Mapping[str, Any]


def log_probabilities(theta: FloatArray, states: FloatArray) -> FloatArray:
    """Return log π(a | s), shape (N, A)."""
    logits = states @ theta
    logits = logits - logits.max(axis=1, keepdims=True)
    result: FloatArray = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return result


def chosen(theta: FloatArray, record: Record) -> FloatArray:
    """Return log π of the actions that were taken, shape (N,)."""
    return np.asarray(log_probabilities(theta, record["states"])[np.arange(len(record["actions"])), record["actions"]])


def reward_to_go(
    rewards: FloatArray, ended: Any, discount: float, *, reset: Any = None, own: bool = True, late: bool = False
) -> FloatArray:
    """Return G_t. reset: where to cut, in place of ended; own: with r_t itself; late: γ from the first reward on."""
    cut, result, after = ended if reset is None else reset, np.zeros(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        after = 0.0 if cut[t] else after
        with_own = (discount if late else 1.0) * rewards[t] + discount * after
        result[t] = with_own if own else discount * after
        after = with_own
    return result


def spread_over(ended: Any) -> Any:
    """Return the number of its episode for each step, from 0 on."""
    return np.cumsum(ended) - ended


def advantages(
    rewards: FloatArray,
    values: FloatArray,
    next_values: FloatArray,
    terminated: Any,
    ended: Any,
    discount: float,
    lambda_: float,
    *,
    carry: float | None = None,
) -> FloatArray:
    """Return the estimates of GAE. carry: in place of γ λ."""
    deltas = rewards + discount * next_values * (1 - np.asarray(terminated, dtype=float)) - values
    return reward_to_go(deltas, ended, discount * lambda_ if carry is None else carry)


def actor(
    theta: FloatArray,
    record: Record,
    weights: FloatArray,
    *,
    per_step: bool = False,
    total: bool = False,
    score: str = "score",
    entropy_weight: float = 0.0,
) -> FloatArray:
    """Return Σ_t weight_t · score_t, averaged over episodes (per_step: over steps; total: not at all)."""
    log_pi = log_probabilities(theta, record["states"])
    pi, taken = np.exp(log_pi), np.eye(theta.shape[1])[record["actions"]]
    scores = {
        "score": taken - pi,
        "one-hot": taken,
        "minus-pi": -pi,
        "times-pi": (taken - pi) * np.exp(chosen(theta, record))[:, None],
    }[score]
    bonus = -entropy_weight * pi * (log_pi - (pi * log_pi).sum(axis=1, keepdims=True))
    count = 1 if total else len(weights) if per_step else record["ended"].sum()
    return np.asarray(record["states"].T @ (weights[:, None] * scores + bonus) / count)


def critic(w: FloatArray, record: Record, targets: FloatArray) -> FloatArray:
    """Return the gradient in w of ½ (V(s_t) − target)², averaged over steps."""
    return np.asarray(record["states"].T @ (record["states"] @ w - targets) / len(targets))


def clip_weights(ratios: FloatArray, given: FloatArray, epsilon: float) -> FloatArray:
    """Return what each score is multiplied with in the gradient of PPO's clipped objective."""
    plain, clipped = ratios * given, np.clip(ratios, 1 - epsilon, 1 + epsilon) * given
    return np.where(plain <= clipped, plain, 0.0)


def small_world() -> ProbeEnvironment:
    """Return three states and an end: two or three steps, rewards that depend on the path, 12 paths in all."""
    moves = np.zeros((4, 2, 4))
    moves[0, 0] = [0, 0.7, 0.3, 0]
    moves[0, 1] = [0, 0.2, 0.3, 0.5]
    moves[1, 0, 2] = moves[1, 1, 3] = moves[2, :, 3] = moves[3, :, 3] = 1
    return ProbeEnvironment(moves, [[1, -0.5], [0, 2], [3, -1], [0, 0]])


def paths(world: ProbeEnvironment, theta: FloatArray) -> Iterator[tuple[float, dict[str, Any]]]:
    """Yield each possible episode of a world that ends by itself: its probability and its record."""
    pi = np.exp(log_probabilities(theta, world.observations))

    def grow(state: int, chance: float, steps: list[tuple[int, int, int]]) -> Iterator[tuple[float, Any]]:
        if world.terminal[state]:
            before, actions, after = (list(column) for column in zip(*steps, strict=True))
            see = world.observations
            ends = np.arange(len(steps)) == len(steps) - 1
            yield chance, record_of(see[before], actions, world.rewards[before, actions], ends, see[after])
            return
        for action, following in product(range(world.n_actions), range(len(pi))):
            if world.transitions[state, action, following]:
                p = pi[state, action] * world.transitions[state, action, following]
                yield from grow(following, chance * p, [*steps, (state, action, following)])

    for first in np.flatnonzero(world.start):
        yield from grow(int(first), float(world.start[first]), [])
