"""FrozenLake-v1, 4 × 4 without slipping, to 90 % of the optimum: A2C of the course by a table beside SB3's A2C.

Both are judged by the policy itself on 100 fresh episodes, its actions drawn: with the most probable ones all episodes
would be one and the same. The optimum is 1. The course draws its training episodes from the lake's own table of
transitions, as its lessons do, many at once; SB3 steps eight lakes.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import timing
import training_time
from training_time import Clock

from course_utils import mdp, policy, training

sb3 = training_time.sb3
LAKE = {"is_slippery": False}
WANTED, MOST = 0.9, 60_000


def ours(seed: int) -> Clock:
    lake = mdp.from_gymnasium("FrozenLake-v1", 0.95, **LAKE)
    clock = Clock(training_time.envs("FrozenLake-v1", 100, **LAKE), WANTED, MOST)
    drawn = np.random.default_rng(seed + 1000)
    training_time.of_the_course(
        clock,
        seed,
        lambda theta: lambda states: policy.sample(theta[states], drawn),
        env=lake,
        max_steps=50,
        parameters=np.zeros_like(lake.rewards),
        episodes=128,
        optimizer=training.Adam(1.0),
        value_optimizer=training.Adam(0.3),
        whiten=True,
    )
    return clock


def theirs(seed: int) -> Clock:
    envs = sb3.common.env_util.make_vec_env("FrozenLake-v1", n_envs=8, seed=seed, env_kwargs=LAKE)
    clock = Clock(training_time.envs("FrozenLake-v1", 100, **LAKE), WANTED, MOST)
    model = sb3.A2C("MlpPolicy", envs, seed=seed, device="cpu")
    training_time.of_stable_baselines(clock, model, every=500, greedy=False)
    return clock


def rows() -> Iterator[dict[str, Any]]:
    contenders = {"ours": ours, "SB3 A2C": sb3 and theirs}
    yield training_time.race("frozen-lake", contenders, 1 if timing.QUICK else 5)
