"""A whole run: its log, its errors, interrupting it and going on with it, its speed."""

import dataclasses
import json
import os
import pickle
import subprocess
import sys
import time
from itertools import count

import numpy as np
import pytest
from processors import processors
from refusals import bad
from threadpoolctl import threadpool_info, threadpool_limits

from course_utils.rlhf import ppo, reward_model
from course_utils.rlhf import run as rlhf
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.evaluation import evaluate, pair_accuracy
from course_utils.rlhf.run import begin, resume, run

WORLD = worlds.load()
SHORT = {"updates": 3, "batch_size": 8, "demonstrations": 300, "sft_epochs": 2, "pairs": 100}


def test_scores_are_normal_on_replies_of_the_reference():
    start = begin(RunConfig(**SHORT), 0).start
    scores = reward_model.reward_score(start.reward_model, WORLD, start.normalising)
    assert (scores.mean(), scores.std()) == pytest.approx((0, 1), abs=1e-9)
    other = begin(RunConfig(**SHORT, reward_scale=4.0, reward_offset=-2.0), 0).start
    assert reward_model.reward_score(other.reward_model, WORLD, other.normalising) == pytest.approx(4 * scores - 2)


def same(a, b):
    return a.rows == b.rows and a.samples == b.samples and (a.state.parameters == b.state.parameters).all()


@pytest.mark.long
def test_the_same_seed_gives_the_same_log():
    config = RunConfig(**SHORT)
    first = run(config, 5)
    rlhf._start.cache_clear()
    rlhf._sft.cache_clear()
    assert same(run(config, 5), first)
    assert run(config, 6).rows != first.rows


@pytest.mark.long
@pytest.mark.parametrize(
    "options",
    [{}, {"adap_kl_ctrl": True, "num_mini_batches": 2}, {"relabel_every": 2, "relabel_pairs": 20}],
    ids=["plain", "adaptive", "relabel"],
)
def test_resuming_equals_one_long_run(options):
    config = RunConfig(**SHORT | {"updates": 6} | options)
    long = run(config, 1)
    first = run(dataclasses.replace(config, updates=2), 1)
    assert same(resume(resume(first, 3), 1), long)
    assert same(resume(begin(config, 1), 6), long)
    assert same(resume(pickle.loads(pickle.dumps(first)), 4), long)


@pytest.mark.long
def test_an_interrupt_keeps_the_log_and_can_go_on(capsys, monkeypatch):
    config = RunConfig(**SHORT | {"updates": 5})
    long = run(config, 2)

    def stop(log):
        if len(log) == 3:
            raise KeyboardInterrupt

    cut = run(config, 2, on_update=stop)
    assert cut.interrupted
    assert "Interrupted after update 3 of 5" in capsys.readouterr().out
    assert cut.rows == long.rows[:3]
    assert same(resume(cut, 2), long)

    original, calls = ppo._policy_step, count(1)

    def in_the_middle(*args, **kwargs):  # of update 2, after it has sampled
        if next(calls) == 6:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(ppo, "_policy_step", in_the_middle)
    cut = run(config, 2)
    assert cut.interrupted
    assert len(cut) == 1
    assert same(resume(cut, 4), long)


def test_a_run_that_runs_away_says_where(monkeypatch):
    config = RunConfig(**SHORT)
    good = run(config, 0)
    original, calls = reward_model.reward_score, count(1)

    def breaks(*args):
        return original(*args) * (np.nan if next(calls) == 2 else 1.0)

    monkeypatch.setattr(reward_model, "reward_score", breaks)
    with pytest.raises(rlhf.NonFiniteError, match="update 2: objective/scores is nan") as caught:
        run(config, 0)
    assert caught.value.log.rows == good.rows[:1]
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.log.rows == good.rows[:1]


def test_one_blas_thread_inside_the_run_and_its_measurements(monkeypatch):
    original, seen = reward_model.reward_score, []

    def watched(*args):
        seen.append({i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"})
        return original(*args)

    monkeypatch.setattr(reward_model, "reward_score", watched)
    with threadpool_limits(2, user_api="blas"):
        log = run(RunConfig(**SHORT), 0)
        evaluate(log, replies=10)
        pair_accuracy(log, pairs=10)
        assert {i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"} == {2}
    assert len(seen) >= SHORT["updates"] + 3
    assert seen == [{1}] * len(seen)


def test_samples_can_be_read():
    log = run(RunConfig(**SHORT | {"updates": 10}), 0)
    assert sorted({sample.update for sample in log.samples}) == [1, 10]
    assert len(log.samples) == 8
    for sample in log.samples:
        reply = WORLD.replies([sample.prompt], [sample.reply])
        assert reward_model.reward_score(log.state.reward_model, WORLD, reply)[0] == pytest.approx(sample.score)


def test_relabelling_adds_pairs_and_changes_the_reward_model():
    log = run(RunConfig(**SHORT | {"updates": 5, "relabel_every": 2, "relabel_pairs": 30}), 0)
    assert len(log.state.pairs.chosen.prompts) == 100 + 2 * 30
    assert len(log.start.pairs.chosen.prompts) == 100
    assert (log.state.reward_model.weights != log.start.reward_model.weights).any()


def test_your_own_preferences_train_the_reward_model():
    config = RunConfig(**SHORT)
    sample = reward_model.read_pairs(worlds.DATA / "preferences.jsonl", WORLD)
    log = run(config, 0, pairs=sample)
    assert (log.start.reward_model.weights == reward_model.fit(WORLD, sample).weights).all()
    scores = reward_model.reward_score(log.start.reward_model, WORLD, log.start.normalising)
    assert scores.mean() == pytest.approx(0, abs=1e-9)
    assert log.rows != run(config, 0).rows


def test_relabelling_by_hand():
    log = run(RunConfig(**SHORT), 0)
    weights = worlds.prompt_weights(WORLD, only_topics=("billing",))
    again = rlhf.relabel(log, 50, weights=weights)
    added = again.state.pairs.chosen.prompts[100:]
    assert len(added) == 50
    assert {WORLD.topics[WORLD.prompts[prompt].topic] for prompt in added} == {"billing"}
    assert again.rows == log.rows
    assert len(log.state.pairs.chosen.prompts) == 100
    assert len(resume(again, 2)) == 5


def test_bad_arguments_of_a_run():
    bad(TypeError, "config is dict, expected RunConfig", run, {}, 0)
    bad(ValueError, "seed is -1", run, RunConfig(), -1)
    bad(TypeError, "on_update is int, expected a function of the log so far", run, RunConfig(**SHORT), 0, on_update=3)
    for function, more in ((resume, [1]), (evaluate, []), (rlhf.relabel, [1]), (pair_accuracy, [])):
        bad(TypeError, "log is NoneType, expected RunLog", function, None, *more)


@pytest.mark.long
def test_speed():
    """Limits with room for a slow moment; ``python -m course_utils.rlhf.speed`` prints what it is."""
    start, before = begin(RunConfig(), 0), time.process_time()
    resume(start, 50, progress=False)
    assert time.process_time() - before < 0.5 * 2


@pytest.mark.slow
def test_the_speeds_that_are_promised():
    table = subprocess.run(
        [sys.executable, "-m", "course_utils.rlhf.speed"], check=True, capture_output=True, text=True, timeout=120
    ).stdout.splitlines()
    sft, reward, short, long, *sampling, memory = (float(line.split()[-2].replace(",", "")) for line in table)
    assert sft <= 1.5
    assert reward <= 0.2
    assert short <= 1
    assert long <= 3
    assert min(sampling) >= 100_000
    assert memory <= 500


@pytest.mark.long
def test_another_processor_gives_the_same_log():
    """In float32 these two logs part after some sixty updates. Elsewhere than on x86-64 the variables do nothing."""
    code = """
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.run import run
print(run(RunConfig(kl_coef=0.0, updates=80), 0, progress=False)["objective/scores"].tolist())
"""
    *_, oldest = [{}, *processors().values()]
    environment = {**os.environ, **oldest}
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    here = run(RunConfig(kl_coef=0.0, updates=80), 0, progress=False)["objective/scores"]
    assert json.loads(printed.stdout) == pytest.approx(here.tolist(), rel=1e-6)


@pytest.mark.parametrize("error", [KeyError, SystemExit])
def test_an_error_of_on_update_keeps_the_log(error):
    config = RunConfig(**SHORT | {"updates": 6})

    def fails(log):
        if len(log) == 3:
            raise error("mine")

    with pytest.raises(error, match="mine") as caught:
        run(config, 0, on_update=fails)
    assert caught.value.log.rows == run(RunConfig(**SHORT), 0).rows
    assert caught.value.__notes__[0].startswith("After update 3: the log until then is this error's attribute log")
    assert same(resume(caught.value.log, 3), run(config, 0))


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"kl_coef": 1e300}, r"Try a smaller kl_coef: it is 1e\+300\."),
        ({"reward_offset": 1e300}, r"Try a smaller reward_offset: it is 1e\+300\."),
        ({"entropy_coef": 1e308}, r"Try a smaller entropy_coef: it is 1e\+308\."),
        ({"vf_learning_rate": 1e308}, r"Try a smaller vf_learning_rate: it is 1e\+308\."),
        ({"temperature": 5e-324}, r"Try a larger temperature: it is 4.9"),
        ({"learning_rate": 1e38}, r"Try a smaller learning_rate\.$"),
    ],
)
def test_the_guilty_setting_is_named(settings, advice):
    config = RunConfig(**SHORT | {"max_grad_norm": None, "updates": 5} | settings)
    told = rf"^update [1-5]: [a-z/_' ]+ is (inf|nan|-inf), expected a finite number.*{advice}"
    with pytest.raises(rlhf.NonFiniteError, match=told) as caught:
        run(config, 0)
    assert len(caught.value.log) < 5


@pytest.mark.parametrize("value", [1e-300, 1e-30])
def test_reward_penalties_that_are_too_small_are_refused_by_their_own_name(value):
    told = f"^reward_penalty is {value}, with which .* expected a larger number"
    bad(ValueError, told, begin, RunConfig(**SHORT | {"reward_penalty": value}), 0)
