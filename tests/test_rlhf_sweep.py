"""Many runs at once: a failure loses nothing, and it does not matter where they run."""

import joblib
import pytest
from distributed import Client, LocalCluster

from course_utils.rlhf import run as rlhf
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.run import run
from course_utils.rlhf.sweep import sweep

pytestmark = pytest.mark.long


SHORT = {"updates": 3, "batch_size": 8, "demonstrations": 300, "sft_epochs": 2, "pairs": 100}


def assert_same(here, there):
    for a, b in zip(here, there, strict=True):
        assert (a.config, a.seed, a.error) == (b.config, b.seed, b.error)
        assert (a.log.rows, a.log.samples) == (b.log.rows, b.log.samples)


def test_a_sweep_reports_the_failed_and_keeps_the_others():
    good, bad = RunConfig(**SHORT), RunConfig(**SHORT | {"learning_rate": 1e38})
    wrong = RunConfig(**SHORT, unseen_topics=("tax",))
    results = sweep([good, bad, wrong], [0, 1], jobs=1, progress=False)
    assert [(r.config, r.seed) for r in results] == [(c, s) for c in (good, bad, wrong) for s in (0, 1)]
    assert [r.error is None for r in results] == [True, True, False, False, False, False]
    assert results[1].log.rows == run(good, 1).rows
    assert results[2].error.startswith("update 1: ")
    assert len(results[2].log) == 0
    assert results[4].error.startswith("ValueError: unseen_topics has 'tax'")
    with pytest.raises(ValueError, match="configs has 1 and seeds 0 entries"):
        sweep(good, [])
    with pytest.raises(ValueError, match="jobs is 0"):
        sweep(good, [0], jobs=0)


def test_an_interrupted_sweep_keeps_what_is_done(monkeypatch, capsys):
    original, calls = rlhf._updated, []

    def interrupts(*args):
        calls.append(1)
        if len(calls) == 5:  # the second update of the second run
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(rlhf, "_updated", interrupts)
    results = sweep(RunConfig(**SHORT), [0, 1, 2], jobs=1, progress=False)
    assert [(r.seed, len(r.log), r.log.interrupted) for r in results] == [(0, 3, False), (1, 1, True)]
    assert "Interrupted: 2 of 3 runs are kept." in capsys.readouterr().out


def test_a_sweep_over_processes_equals_one_in_this_process():
    configs = [RunConfig(**SHORT), RunConfig(**SHORT | {"learning_rate": 1e38})]
    here, there = (sweep(configs, [0, 1, 2], jobs=jobs, progress=False) for jobs in (1, 2))
    assert_same(here, there)


def test_a_sweep_over_a_dask_cluster_equals_one_in_this_process():
    configs = [RunConfig(**SHORT), RunConfig(**SHORT | {"learning_rate": 1e38})]
    here = sweep(configs, [0, 1], jobs=1, progress=False)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        joblib.parallel_config("dask"),
    ):
        there = sweep(configs, [0, 1], progress=False)
    assert_same(here, there)
