"""CartPole-v1 until the mean of 100 fresh episodes is 195, twice: A2C of the course beside SB3's A2C and its tuned PPO.

All are judged by their most probable actions, as SB3's evaluate_policy does. The course's policy and critic are linear
in the four observations and a constant; SB3's are its default networks. PPO's settings are those of RL Baselines3 Zoo.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import timing
import training_time
from training_time import Clock

from course_utils import rollout, training
from course_utils.widgets.training_lab import cart_features

sb3 = training_time.sb3
WANTED, MOST = 195.0, 60_000


def ours(seed: int) -> Clock:
    envs = rollout.make_vec("CartPole-v1", 16, max_steps=200)
    clock = Clock(training_time.envs("CartPole-v1", 100), WANTED, MOST)
    training_time.of_the_course(
        clock,
        seed,
        lambda theta: lambda x: (cart_features(x) @ theta).argmax(axis=1),
        env=envs,
        parameters=np.zeros((5, 2)),
        features=cart_features,
        episodes=16,
        optimizer=training.Adam(0.2),
        value_optimizer=training.Adam(0.5),
        discount=0.99,
        lambda_=0.98,
        whiten=True,
    )
    return clock


def theirs(kind: str) -> Any:
    def run(seed: int) -> Clock:
        envs = sb3.common.env_util.make_vec_env("CartPole-v1", n_envs=8, seed=seed)
        settings: dict[str, Any] = {"seed": seed, "device": "cpu"}
        if kind == "PPO":
            settings |= {"n_steps": 32, "batch_size": 256, "gae_lambda": 0.8, "gamma": 0.98, "n_epochs": 20}
            settings |= {"learning_rate": lambda left: 0.001 * left, "clip_range": lambda left: 0.2 * left}
        clock = Clock(training_time.envs("CartPole-v1", 100), WANTED, MOST)
        training_time.of_stable_baselines(
            clock, getattr(sb3, kind)("MlpPolicy", envs, **settings), every=500, greedy=True
        )
        return clock

    return run


def rows() -> Iterator[dict[str, Any]]:
    contenders = {"ours": ours, "SB3 A2C": sb3 and theirs("A2C"), "SB3 PPO": sb3 and theirs("PPO")}
    yield training_time.race("cart-pole", contenders, 1 if timing.QUICK else 11)
