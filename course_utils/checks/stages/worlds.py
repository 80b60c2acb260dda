"""Records and plays that several stages look at."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks.probe_environment import CartPole, ProbeEnvironment
from course_utils.checks.probing import record_of
from course_utils.checks.stage import Fault
from course_utils.checks.stages.exact import log_probabilities

__all__ = ["bandit", "cart_pole_returns", "climbed", "drawn_record", "in_words", "one_step", "play", "two_steps"]


def one_step(pays: float = 2.0) -> dict[str, Any]:
    """Return one episode of one step."""
    return record_of([[1.0]], [1], [pays], [True], [[0.0]])


def two_steps() -> dict[str, Any]:
    """Return one episode in which the first action decides a reward of 4 at the second step."""
    return record_of([[1.0, 0.0], [0.0, 1.0]], [1, 0], [0.0, 4.0], [False, True], [[0.0, 1.0], [0.0, 0.0]])


def drawn_record(rng: np.random.Generator, n_actions: int = 3) -> dict[str, Any]:
    """Return three episodes of 3, 1 and 4 steps; the last one is cut off, not terminated."""
    ended = np.array([0, 0, 1, 1, 0, 0, 0, 1], dtype=bool)
    terminated = ended & (np.arange(8) < 7)
    states, following = rng.normal(size=(2, 8, 2)).round(2)
    following[:-1] = np.where(ended[:-1, None], following[:-1], states[1:])
    rewards = rng.uniform(-2, 3, 8).round(2)
    return record_of(states, rng.integers(n_actions, size=8), rewards, ended, following, terminated)


def bandit(pays: int) -> ProbeEnvironment:
    """Return one step and two actions, of which this one pays 1."""
    return ProbeEnvironment(np.full((2, 2, 2), [0.0, 1.0]), np.eye(2)[[pays, pays]])


def climbed(name: str, env: ProbeEnvironment, before: FloatArray, after: FloatArray, pays: int) -> Fault | None:
    """Say what is wrong where 60 updates of 8 episodes on the bandit have not made the action that pays likely.

    Or too likely: the gradient shrinks as π comes near 1, so it stays below 0.99 unless it is always that of the start.
    """
    if env.begun[0] < 60 * 8:
        return Fault(
            "one-rollout",
            f"`{name}` does not play new episodes for each update.",
            "An estimate is right for the θ that has played. `rollout` belongs into the loop, with the newest θ.",
            (("episodes played", str(env.begun[0])), ("wanted", "480: 60 updates of 8")),
        )
    chance = float(np.exp(log_probabilities(after, np.eye(2)[:1])[0, pays]))
    saw = (("π of the action that pays", f"{chance:.2f} after 60 updates, 0.50 before, wanted at least 0.80"),)
    if chance > 0.999:
        return Fault(
            "first-theta",
            f"`{name}` computes each gradient with the θ that came in.",
            "Each update begins where the last one has ended: the newest θ plays, and its gradient is taken.",
            (("π of the action that pays", f"{chance:.6f}, too near 1 for a gradient that shrinks on the way"),),
        )
    if chance >= 0.8:
        return None
    if np.array_equal(before, after):
        return Fault(
            "no-step",
            f"`{name}` returns the θ that came in.",
            "Each update adds step_size times the gradient: `theta = theta + …`.",
            saw,
        )
    if chance < 0.5:
        return Fault(
            "descends",
            f"`{name}` walks downhill: what pays becomes rarer.",
            "J is an objective: add the gradient.",
            saw,
        )
    return Fault(
        "learns-too-little",
        f"`{name}` hardly learns.",
        "It needs new episodes for each update, with the θ of that update.",
        saw,
    )


def play(env: ProbeEnvironment, act: Callable[[FloatArray], Any], episodes: int, seed: int) -> FloatArray:
    """Return what each of so many fresh episodes earned."""
    rng, earned = np.random.default_rng(seed), np.zeros(episodes)
    for k in range(episodes):
        state, over = env.reset(seed=int(rng.integers(2**31)))[0], False
        while not over:
            state, reward, terminated, truncated, _ = env.step(act(state))
            earned[k], over = earned[k] + reward, terminated or truncated
    return earned


def cart_pole_returns(pole: CartPole, theta: FloatArray, seed: int, episodes: int = 40) -> FloatArray:
    """Return how long the pole stood in fresh episodes of a softmax policy."""
    rng = np.random.default_rng(seed)
    return play(pole, lambda s: int(rng.random() < np.exp(log_probabilities(theta, s[None])[0, 1])), episodes, seed + 1)


def in_words(record: dict[str, Any]) -> str:
    """Return a record in words."""
    ends = np.flatnonzero(record["ended"])
    return f"{len(ends)} episodes of {', '.join(map(str, np.diff(ends, prepend=-1)))} steps"
