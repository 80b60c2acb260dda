"""The log's metrics: three ways to the same KL, and files."""

import dataclasses

import numpy as np
import pytest
import tiny_world
from refusals import bad
from tiny_world import random_model

from course_utils.rlhf import language_model, metrics
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.metrics import METRICS
from course_utils.rlhf.run import resume, run

WORLD = worlds.load()
Z_LIMIT = 5.5  # two-sided false alarm 4e-8 for each comparison


@pytest.mark.long
def test_three_ways_to_the_same_kl(tmp_path):
    world = tiny_world.load(tmp_path)
    model, reference = random_model(world, 0, scale=0.5), random_model(world, 1, scale=0.5)
    m, rng = 20_000, np.random.default_rng(2)
    for prompt in range(2):
        exact = metrics.exact_kl(model, reference, world, prompt)
        listed = tiny_world.every_reply(world, prompt)
        pi, ref = (language_model.log_probs(each, world, listed).sum(axis=1) for each in (model, reference))
        assert exact.value == pytest.approx(np.exp(pi) @ (pi - ref), abs=1e-12)
        sampled = language_model.sample(model, world, np.full(m, prompt), rng)
        k1 = (sampled.log_probs - language_model.log_probs(reference, world, sampled.replies)).sum(axis=1)
        assert abs(k1.mean() - exact.value) < Z_LIMIT * np.sqrt(exact.k1_variance / m)
        full = metrics.full_kl(model, reference, world, sampled.replies)
        assert abs(full.mean() - exact.value) < Z_LIMIT * full.std(ddof=1) / np.sqrt(m)
        assert full.var() < exact.k1_variance  # all tokens counted: less noise
    assert metrics.exact_kl(model, model, world, 0).value == pytest.approx(0, abs=1e-12)
    two = random_model(WORLD, 0), random_model(WORLD, 1)
    bad(ValueError, "expected at most 200000", metrics.exact_kl, *two, WORLD, 0)


@pytest.mark.long
def test_the_log_of_a_run_holds_the_exact_kl(tmp_path):
    """After some updates in the tiny world, objective/kl of a large batch agrees with the list of all replies."""
    world = tiny_world.load(tmp_path)
    small = RunConfig(updates=5, demonstrations=100, pairs=100, kl_coef=0.05, learning_rate=0.1)
    log = run(small, 0, world=world)
    m = 20_000
    log = resume(log, 1, config=dataclasses.replace(small, batch_size=m, learning_rate=0.0))
    exact = [metrics.exact_kl(log.model, log.reference, world, prompt) for prompt in range(2)]
    mean = np.mean([e.value for e in exact])
    spread = np.mean([e.k1_variance + (e.value - mean) ** 2 for e in exact])
    assert mean > 0.05
    assert abs(log["objective/kl"][-1] - mean) < Z_LIMIT * np.sqrt(spread / m)
    assert abs(log["ours/kl_full"][-1] - mean) < Z_LIMIT * np.sqrt(spread / m)


def test_every_metric_is_described_and_logged():
    log = run(RunConfig(updates=3, batch_size=8, demonstrations=300, sft_epochs=2, pairs=100), 0)
    assert set(log.rows[0]) == set(METRICS)
    assert all(name.startswith("ours/") == (metric.source == "ours") for name, metric in METRICS.items())
    assert metrics.columns(log.rows)["objective/scores"] == log["objective/scores"].tolist()
    bad(KeyError, "'objective/score' is not in the log", log.__getitem__, "objective/score")
