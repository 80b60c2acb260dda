"""A run over a class: nothing is lost, nobody changes another's marks, and what is done is done once."""

import dataclasses
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import class_of_students as students
import pytest

from course_utils.grading import audit, results, run

pytestmark = pytest.mark.long  # starts processes or databases

NOTEBOOK = students.notebook()


def grade(source, out, **options):
    return run.grade(source, students.SET, out, **{"marker": students.mark, "sandbox": "none", "jobs": 1} | options)


def kept(out):
    return {file.name: file.read_bytes() for file in (out / "results" / "ps1").iterdir()}


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """A class of honest ones and of one that kills its marker, one that fails once and one that always fails."""
    folder = tmp_path_factory.mktemp("class")
    once = folder / "once"
    source = students.hand_in(
        folder / "in",
        anna=NOTEBOOK,
        bob=students.notebook(score="def score(): return 'wro' 'ng'"),
        carl=students.notebook(score="DIE"),
        dora=students.notebook(score=f"ONCE {once} right"),
        emil=students.notebook(score="RAISE"),
        fay="<html>",
        gus=NOTEBOOK,
    )
    return source, folder / "out", grade(source, folder / "out", jobs=2)


def test_each_gets_what_is_theirs(classroom):
    _, out, summary = classroom
    found = {one.student: one for one in results.stored(out, "ps1")}
    assert {name: one.outcomes[0].status for name, one in found.items() if one.outcomes} == {
        **dict.fromkeys(("anna", "dora", "gus"), "correct"),
        "bob": "wrong",
        **dict.fromkeys(("carl", "emil"), "infrastructure"),
    }
    assert [outcome.points for outcome in found["carl"].outcomes] == [None] * 3
    assert "its marking process died" in found["carl"].notes[-1]
    assert "OSError: no room" in found["emil"].notes[-1]
    assert (summary.found, summary.graded, summary.refused, sorted(summary.failed)) == (7, 7, 1, ["carl", "emil"])
    assert audit.verify(out / "audit.jsonl").problems == ()
    assert stat.S_IMODE((out / "secret.txt").stat().st_mode) == 0o600


def test_a_second_run_grades_only_what_failed(classroom):
    source, out, _ = classroom
    before = kept(out)
    summary = grade(source, out)
    assert (summary.graded, summary.kept) == (2, 5)
    assert kept(out) == before


def test_the_honest_ones_have_the_same_bytes_without_the_others(classroom, tmp_path):
    _, out, _ = classroom
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret.txt").write_bytes((out / "secret.txt").read_bytes())
    grade(students.hand_in(tmp_path / "in", anna=NOTEBOOK, gus=NOTEBOOK), tmp_path / "out")
    alone = kept(tmp_path / "out")
    assert len(alone) == 2
    assert alone == {name: content for name, content in kept(out).items() if name in alone}


def test_another_file_secret_or_definition_is_graded_again(tmp_path):
    source, out = students.hand_in(tmp_path / "in", anna=NOTEBOOK, bob=NOTEBOOK), tmp_path / "out"
    grade(source, out)
    assert grade(source, out).kept == 2
    students.hand_in(source, bob=students.notebook(score="other"))
    assert grade(source, out).kept == 1
    other = dataclasses.replace(students.SET, items=students.SET.items[:2])
    changed = run.grade(source, other, out, marker=students.mark, sandbox="none", jobs=1)
    assert changed.kept == 0
    (out / "secret.txt").write_text("f" * 64)
    assert grade(source, out).kept == 0


def test_a_kill_in_the_middle_loses_nothing(tmp_path):
    """Sixty submissions, SIGKILL after some, and the same command again: each is marked once, none is lost."""
    names = [f"s{n:02d}" for n in range(60)]
    source = students.hand_in(tmp_path / "in", **dict.fromkeys(names, students.notebook(score="WAIT right")))
    out = tmp_path / "out"
    call = f"run.grade({str(source)!r}, s.SET, {str(out)!r}, marker=s.mark, sandbox='none', jobs=2)"
    code = f"import class_of_students as s\nfrom course_utils.grading import run\nif __name__ == '__main__': {call}"
    script = tmp_path / "once.py"
    script.write_text(code)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, str(script)], env=environment)
    folder = out / "results" / "ps1"
    deadline = time.monotonic() + 60
    while not (folder.is_dir() and len(list(folder.glob("*.json"))) > 5):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = kept(out)
    assert 5 < len([name for name in before if name.endswith(".json")]) < 60
    summary = grade(source, out, jobs=2)
    assert summary.graded + summary.kept == 60
    assert summary.kept >= len([name for name in before if name.endswith(".json")])
    after = kept(out)
    assert sorted(name for name in after if name.endswith(".json")) == [f"{name}.json" for name in names]
    assert all(after[name] == content for name, content in before.items() if name.endswith(".json"))
    graded = [event["student"] for event in audit.events(out / "audit.jsonl") if event["event"] == "graded"]
    assert set(graded) == set(names)
    assert all("does not follow" not in problem for problem in audit.verify(out / "audit.jsonl").problems)


def test_ctrl_c_keeps_what_is_there(tmp_path):
    source = students.hand_in(tmp_path / "in", anna=NOTEBOOK, bob=NOTEBOOK)

    def stop(submission, result):
        raise KeyboardInterrupt

    summary = grade(source, tmp_path / "out", each=stop)
    assert summary.interrupted
    assert len(kept(tmp_path / "out")) == 1
    assert grade(source, tmp_path / "out").kept == 1


def test_seeds_are_each_students_own_and_replay_from_the_log(tmp_path):
    source, out = students.hand_in(tmp_path / "in", anna=NOTEBOOK, bob=NOTEBOOK), tmp_path / "out"
    grade(source, out)
    seeds = {outcome.seed for one in results.stored(out, "ps1") for outcome in one.outcomes[:2]}
    assert len(seeds) == 4
    assert seeds == {
        run.seed(run.secret(out), "ps1", student, item)
        for student in ("anna", "bob")
        for item in ("ps1-score", "ps1-variance")
    }
    (out / "secret.txt").unlink()
    compared = run.replay(source, students.SET, out, "anna", marker=students.mark, sandbox="none")
    assert all(one.then == one.now for one in compared)
    assert {one.seed for one in compared[:2]} <= seeds
    students.hand_in(source, anna=students.notebook(score="another"))
    for student in ("anna", "nobody"):
        with pytest.raises(run.UsageError, match="--replay is"):
            run.replay(source, students.SET, out, student, marker=students.mark)


def test_the_log_holds_what_a_mark_follows_from(tmp_path):
    source, out = students.hand_in(tmp_path / "in", anna=NOTEBOOK), tmp_path / "out"
    grade(source, out)
    event = next(one for one in audit.events(out / "audit.jsonl") if one["event"] == "graded")
    (result,) = results.stored(out, "ps1")
    assert event["sha256"] == result.sha256
    assert event["items"]["ps1-variance"] == {
        "seed": result.outcomes[1].seed,
        "status": "partial",
        "points": 1.5,
    }
    assert {"course", "python", "numpy"} <= set(event["versions"])
    assert event["limits"]["sandbox"] == "none"
    assert Path(out / "secret.txt").read_text().strip() not in json.dumps(event)


def test_one_run_at_a_time_writes_to_a_folder(tmp_path):
    source = students.hand_in(tmp_path / "in", anna=NOTEBOOK)

    def again(submission, result):
        grade(source, tmp_path / "out")

    with pytest.raises(run.UsageError, match="another run is writing"):
        grade(source, tmp_path / "out", each=again)


def test_a_scheduler_that_does_not_answer_is_said(tmp_path):
    source = students.hand_in(tmp_path / "in", anna=NOTEBOOK)
    with pytest.raises(run.UsageError, match="--scheduler is 'nowhere'"):
        grade(source, tmp_path / "out", scheduler="nowhere")


def test_a_dask_cluster_gives_the_same_marks_and_one_of_its_workers_may_die(tmp_path):
    distributed = pytest.importorskip("distributed")
    names = [f"s{n:02d}" for n in range(24)]
    source = students.hand_in(tmp_path / "in", **dict.fromkeys(names, students.notebook(score="WAIT right")))
    for out in ("cluster", "here"):
        (tmp_path / out).mkdir()
        (tmp_path / out / "secret.txt").write_text("5" * 64)
    killed = []

    def kill_one(submission, result):
        if not killed:
            killed.append(next(iter(cluster.workers.values())).process.process.pid)
            os.kill(killed[0], signal.SIGKILL)

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, protocol="tcp", silence_logs=50
    ) as cluster:
        summary = grade(source, tmp_path / "cluster", scheduler=cluster.scheduler_address, each=kill_one)
    assert (summary.graded, summary.failed, len(killed)) == (24, [], 1)
    grade(source, tmp_path / "here")
    assert kept(tmp_path / "cluster") == kept(tmp_path / "here")
