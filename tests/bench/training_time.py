"""How long a learner takes until fresh episodes are good enough; the episodes that say so do not count."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import timing

from course_utils import rollout, training

sb3 = timing.peer("stable_baselines3")
Actions = Callable[[np.ndarray], np.ndarray]


class Reached(Exception):
    """Fresh episodes are good enough."""


class Clock:
    """Processor time of the training alone, and the steps that it took in the environment."""

    def __init__(self, envs: Any, wanted: float, most: int) -> None:
        self.envs, self.wanted, self.most = envs, wanted, most
        self.seconds, self.steps, self.reached = 0.0, 0, False
        self.began = time.process_time()

    def look(self, steps: int, actions: Actions) -> bool:
        """Stop the clock and play fresh episodes, twice where the first are good enough; say whether to end."""
        self.seconds += time.process_time() - self.began
        self.steps = steps
        self.reached = all(played(self.envs, actions, seed) >= self.wanted for seed in (2 * steps, 2 * steps + 1))
        self.began = time.process_time()
        return self.reached or steps >= self.most


def played(envs: Any, actions: Actions, seed: int) -> float:
    """Return the mean return of the first episode of each environment, all played with these actions."""
    observations, _ = envs.reset(seed=seed)
    total, running = np.zeros(envs.num_envs), np.ones(envs.num_envs, dtype=bool)
    while running.any():
        observations, rewards, terminated, truncated, _ = envs.step(actions(observations))
        total += rewards * running
        running &= ~(terminated | truncated)
    return float(total.mean())


def of_the_course(
    clock: Clock, seed: int, acting: Callable[[np.ndarray], Actions], episodes: int, **settings: Any
) -> None:
    """Train by a2c until the clock says so, or some 200 updates were in vain."""

    def after(update: int, theta: np.ndarray, _: Any, history: training.History) -> None:
        if clock.look(round(float(history.lengths.sum()) * episodes), acting(theta)):
            raise Reached

    with suppress(Reached):
        training.a2c(
            updates=200, episodes=episodes, rng=np.random.default_rng(seed), on_update=after, progress=False, **settings
        )


def of_stable_baselines(clock: Clock, model: Any, every: int, *, greedy: bool) -> None:
    """Train until the clock says so; it looks after about so many steps."""

    class Look(sb3.common.callbacks.BaseCallback):
        next_look, going = every, True

        def _on_step(self) -> bool:
            return self.going

        def _on_rollout_start(self) -> None:  # the update is done
            if self.num_timesteps >= self.next_look:
                self.next_look = self.num_timesteps + every
                self.going = not clock.look(
                    self.num_timesteps, lambda x: self.model.predict(x, deterministic=greedy)[0]
                )

    clock.began = time.process_time()
    model.learn(clock.most + every, callback=Look())


def race(id: str, contenders: dict[str, Callable[[int], Clock] | None], rounds: int) -> dict[str, Any]:
    """Return the row of contenders that train in turn, a seed for each round."""
    there = {name: run for name, run in contenders.items() if run}
    clocks: dict[str, list[Clock]] = {name: [] for name in there}
    for seed in range(rounds):
        for name, run in there.items():
            clocks[name].append(run(seed))
    times = {name: [clock.seconds for clock in found] for name, found in clocks.items()}
    said = []
    for name, found in clocks.items():
        steps = f"{name} {int(np.median([clock.steps for clock in found])):,}"
        missed = sum(not clock.reached for clock in found)
        said.append(steps + (f" (not reached in {missed} of {len(found)})" if missed else ""))
    missing = [name for name in contenders if name not in there]
    return timing.measured(id, times, missing, f"steps: {', '.join(said)}")


def envs(name: str, n: int, **settings: Any) -> Any:
    """Return environments to play fresh episodes in."""
    return rollout.make_vec(name, n, **settings)
