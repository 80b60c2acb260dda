"""The settings of a run, and what is said of bad ones."""

import dataclasses

import numpy as np
import pytest
from refusals import bad

from course_utils.rlhf import config
from course_utils.rlhf.config import RunConfig


def test_defaults_are_those_of_the_design():
    config = RunConfig()
    assert (config.batch_size, config.learning_rate, config.vf_learning_rate) == (64, 0.02, 0.05)
    assert (config.num_ppo_epochs, config.num_mini_batches, config.cliprange) == (4, 1, 0.2)
    assert (config.gamma, config.lam, config.kl_coef, config.max_grad_norm) == (1.0, 0.95, 0.3, 1.0)
    assert (config.whiten_advantages, config.target_kl) == (True, None)
    assert RunConfig(critic=np.True_).critic is True


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("kl_coef", -0.1, r"kl_coef is -0.1, expected a number of at least 0"),
        ("kl_coef", "much", r"kl_coef has dtype .*, expected real numbers"),
        ("learning_rate", np.nan, r"learning_rate is nan, expected a finite number"),
        ("updates", 0, r"updates is 0, expected a whole number of at least 1"),
        ("updates", 1.5, r"updates is 1.5, expected a whole number of at least 1"),
        ("batch_size", 1, r"batch_size is 1, expected a whole number of at least 2"),
        ("num_mini_batches", 65, r"num_mini_batches is 65, expected at most batch_size, 64"),
        ("lam", 1.1, r"lam is 1.1, expected a number in \[0, 1\]"),
        ("cliprange", 0, r"cliprange is 0, expected a positive number"),
        ("temperature", 0.0, r"temperature is 0.0, expected a positive number"),
        ("feature_kind", "words", r"feature_kind is 'words', expected one of 'count', 'log'"),
        ("baseline", "critic", r"baseline is 'critic', expected one of 'value', 'none'"),
        ("kl_estimator", "k2", r"kl_estimator is 'k2', expected one of 'k1', 'k3'"),
        ("critic", 1, r"critic is 1, expected True or False"),
        ("unseen_topics", "billing", r"unseen_topics is 'billing', expected a tuple of topics"),
    ],
)
def test_a_bad_setting_is_named(field, value, message):
    bad((TypeError, ValueError), message, RunConfig, **{field: value})


def test_each_setting_belongs_to_one_stage():
    several = (config.SFTConfig, config.RewardConfig, config.TrafficConfig, config.PPOConfig)
    names = [field.name for stage in several for field in dataclasses.fields(stage)]
    assert len(names) == len(set(names))
    given = RunConfig(hidden=3, polite_bias=1.0, unseen_topics=["billing"], kl_coef=2.0)
    assert config.stage(given, config.SFTConfig) == config.SFTConfig(hidden=3)
    start = config.StartConfig(hidden=3, polite_bias=1.0, unseen_topics=("billing",))
    assert config.stage(given, config.StartConfig) == start
    assert hash(config.stage(dataclasses.replace(given, kl_coef=0.0), config.StartConfig)) == hash(start)
