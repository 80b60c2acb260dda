"""Worlds of a few steps in which one fault at a time shows, and CartPole, with Gymnasium's ``reset`` and ``step``.

A learner's code gets ``played()``, which has no tables. In the grader the worlds stay outside of the sandbox, and a
reset or a step is a question to them.
"""

from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.checks.played import Played

__all__ = ["CartPole", "ProbeEnvironment"]


class ProbeEnvironment:
    """A small world, given by its tables.

    ``reset(seed=…)`` returns (observation, info), ``step(action)`` returns (observation, reward, terminated, truncated,
    info), as in Gymnasium. A step after the end of an episode raises RuntimeError.

    Args:
        transitions: Pr(s' | s, a), shape (S, A, S).
        rewards: r(s, a), shape (S, A).
        start: Pr(s_1), shape (S,); None: the first state.
        terminal: whether an episode ends in a state, shape (S,); None: in the last one alone.
        observations: what is seen of each state, shape (S, d); None: its one-hot vector.
        limit: steps after which an episode is cut off (truncated), 0 for no limit.
        targets: for an action that is any number, shape (S,): the reward is then r(s, 0) − (a − target_s)², and A is 1.
    """

    def __init__(
        self,
        transitions: ArrayLike,
        rewards: ArrayLike,
        start: ArrayLike | None = None,
        terminal: ArrayLike | None = None,
        observations: ArrayLike | None = None,
        limit: int = 0,
        targets: ArrayLike | None = None,
    ) -> None:
        self.transitions, self.rewards = np.array(transitions, dtype=float), np.array(rewards, dtype=float)
        n, self.n_actions = self.rewards.shape
        last = np.arange(n) == n - 1
        self.start = np.eye(n)[0] if start is None else np.array(start, dtype=float)
        self.terminal = last if terminal is None else np.array(terminal, dtype=bool)
        self.observations = np.eye(n) if observations is None else np.array(observations, dtype=float)
        self.limit, self.targets = int(limit), None if targets is None else np.array(targets, dtype=float)
        self._moves = self.transitions.cumsum(axis=2)
        self._rng = np.random.default_rng()
        self._state, self._steps, self._over = 0, 0, True
        self.begun = [0]
        """how many episodes have begun, also in worlds made afresh of this one"""

    def fresh(self) -> Self:
        """Return this world before its first episode, with chance of its own."""
        again = copy(self)
        again._rng, again._over = np.random.default_rng(), True
        return again

    def played(self) -> Played:
        """Return this world, begun afresh, as a learner's code gets it."""
        world = self.fresh()
        return Played(lambda seed: world.reset(seed=seed), lambda action: world.step(action))

    def reset(self, *, seed: int | None = None, options: object = None) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """Begin an episode; the seed fixes all that the world draws from now on."""
        if seed is not None:
            self._rng = np.random.default_rng(int(seed))
        self._state = int((self.start.cumsum() <= self._rng.random()).sum().clip(max=len(self.start) - 1))
        self._steps, self._over = 0, False
        self.begun[0] += 1
        return self.observations[self._state].copy(), {}

    def step(self, action: Any) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """Take an action."""
        if self._over:
            raise RuntimeError("step was called after the end of an episode: call reset first")
        state, number = self._state, float(np.asarray(action, dtype=float).reshape(()))
        index = 0 if self.targets is not None else int(number)
        if self.targets is None and (index != number or not 0 <= index < self.n_actions):
            raise ValueError(f"the action is {action!r}, expected a whole number from 0 to {self.n_actions - 1}")
        reward = float(self.rewards[state, index])
        if self.targets is not None:
            reward -= (number - float(self.targets[state])) ** 2
        moves = self._moves[state, index]
        self._state = int((moves <= self._rng.random()).sum().clip(max=len(moves) - 1))
        self._steps += 1
        terminated = bool(self.terminal[self._state])
        truncated = bool(self.limit and self._steps >= self.limit and not terminated)
        self._over = terminated or truncated
        return self.observations[self._state].copy(), reward, terminated, truncated, {}


class CartPole(ProbeEnvironment):
    """Gymnasium's CartPole, cut off after ``limit`` steps, with features that make a linear policy and critic enough.

    What is seen are d = 11 numbers: 1; the cart's place and speed and the pole's angle and angular speed, each divided
    by a usual size; their squares; and angle · angular speed and place · speed. order: a permutation of 1 … 11, the
    place of each; below 0 where its sign is turned.
    """

    SIZES = np.array([2.4, 2.0, 0.2, 2.0])

    def __init__(self, limit: int = 200, order: ArrayLike | None = None) -> None:
        from gymnasium.envs.classic_control import CartPoleEnv

        self.limit, self.n_actions = int(limit), 2
        self._order = np.arange(1, 12) if order is None else np.array(order)
        self._cart: Any = CartPoleEnv()
        self._steps, self._over, self.begun = 0, True, [0]

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Self:
        """Return it with its features in another order and with other signs: what balances one fails on the next.

        A learner that begins at 0 notices nothing of it: in exact arithmetic its parameters are permuted alike.
        """
        return cls(order=np.concatenate([[1], (rng.permutation(10) + 2) * rng.choice([-1, 1], size=10)]))

    def fresh(self) -> Self:
        """Return this world before its first episode, with chance of its own."""
        again = type(self)(self.limit, self._order)
        again.begun = self.begun
        return again

    def _seen(self, raw: NDArray[Any]) -> NDArray[np.float64]:
        x = np.asarray(raw, dtype=float) / self.SIZES
        seen = np.concatenate([[1.0], x, x**2, [x[2] * x[3], x[0] * x[1]]])
        return np.asarray(np.sign(self._order) * seen[np.abs(self._order) - 1])

    def reset(self, *, seed: int | None = None, options: object = None) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """Begin an episode."""
        raw, info = self._cart.reset(seed=None if seed is None else int(seed))
        self._steps, self._over = 0, False
        self.begun[0] += 1
        return self._seen(raw), info

    def step(self, action: Any) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """Push the cart to the left (0) or to the right (1)."""
        if self._over:
            raise RuntimeError("step was called after the end of an episode: call reset first")
        if action not in (0, 1):
            raise ValueError(f"the action is {action!r}, expected 0 or 1")
        raw, reward, terminated, _, info = self._cart.step(int(action))
        self._steps += 1
        truncated = self._steps >= self.limit and not terminated
        self._over = terminated or truncated
        return self._seen(raw), float(reward), bool(terminated), truncated, info
