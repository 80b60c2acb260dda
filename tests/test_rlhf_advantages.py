"""The advantages of tokens, by baseline."""

import numpy as np
import pytest

from course_utils import returns
from course_utils.rlhf import ppo
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig

WORLD = worlds.load()


def test_advantages_are_gae_of_every_reply():
    replies = WORLD.replies([0, 1, 2], ["we can help", "we", "we " * 15 + "we"])
    rng = np.random.default_rng(0)
    rewards = rng.normal(size=(3, 16)) * replies.mask
    values = np.zeros((3, 17))
    values[:, :16] = rng.normal(size=(3, 16)) * replies.mask
    advantages, targets = ppo.advantage_estimates(RunConfig(lam=0.9, gamma=0.95), replies, rewards, values)
    for i, n in enumerate(replies.lengths):
        alone = returns.gae(rewards[i, :n], [0.95] * (n - 1) + [0.0], np.append(values[i, :n], 0.0), 0.9)
        assert advantages[i, :n] == pytest.approx(alone, abs=1e-12)
        assert targets[i, :n] == pytest.approx(alone + values[i, :n], abs=1e-12)
    assert (advantages[~replies.mask] == 0).all()


def test_baselines_by_hand():
    replies = WORLD.replies([0, 1], ["we can", "we"])
    rewards = np.zeros((2, 16))
    rewards[0, :3] = [1, 2, 4]
    rewards[1, :2] = [10, 20]
    values = np.zeros((2, 17))
    expected = {
        "none": ([7, 6, 4], [30, 20]),
        "batch mean": ([7 - 18.5, 6 - 18.5, 4 - 18.5], [30 - 18.5, 20 - 18.5]),
        "leave one out": ([7 - 30, 6 - 30, 4 - 30], [30 - 7, 20 - 7]),
    }
    for baseline, (first, second) in expected.items():
        advantages, targets = ppo.advantage_estimates(RunConfig(baseline=baseline), replies, rewards, values)
        assert advantages[0, :3].tolist() == first
        assert advantages[1, :2].tolist() == second
        assert targets[0, :3].tolist() == [7, 6, 4]
        assert (advantages[~replies.mask] == 0).all()
