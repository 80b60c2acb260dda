"""The learner's record: nothing lost, nothing overwritten, nothing that stops a lesson."""

import csv
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from refusals import bad

from course_utils import data_files, lessons, progress
from course_utils.checks import check

THREE_ACTIONS = data_files.document(lessons.PREDICTIONS / "08.json")[0]["questions"][0]
OPTIONS = [option["text"] for option in THREE_ACTIONS["options"]]


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    """A record of its own for each test, and notices that are told anew."""
    path = tmp_path / "learner" / ".progress.json"
    monkeypatch.setenv(progress.VARIABLE, str(path))
    monkeypatch.setattr(progress, "_told", set())
    progress._waiting.clear()
    yield path
    progress._waiting.clear()


def events(path):
    return json.loads(path.read_text(encoding="utf-8"))["events"]


def questions(path):
    return [event["question"] for event in events(path)]


def answered(*names):
    """Record right answers to questions of lesson 08's quiz."""
    for name in names:
        progress.record_quiz("08", name, True, True)


def put(path, content):
    path.parent.mkdir()
    path.write_bytes(content)


def neighbours(path, word):
    return [other for other in path.parent.iterdir() if word in other.name]


def raising(error):
    def act(*_):
        raise error

    return act


def python(code, *arguments, **pipes):
    """Begin to run code in another process."""
    code = f"import os, sys\nfrom course_utils import progress\n{code}"
    return subprocess.Popen([sys.executable, "-c", code, *arguments], text=True, stderr=subprocess.PIPE, **pipes)


def test_checks_quizzes_and_predictions_are_summed_up_by_lesson(file):
    progress.record_check("softmax", "01", "not attempted", None)
    progress.record_check("softmax", "01", "not yet", "wrong_axis")
    progress.record_check("softmax", "01", "correct", None)
    progress.record_check("softmax", "01", "almost", "overflow")
    progress.record_quiz("08", "sign", False, True)
    progress.record_quiz("08", "sign", True, True)  # the cell was run again: a fresh quiz, not a first answer
    progress.record_quiz("08", "sum", True, True)
    progress.record_prediction("AdvantageLab", {"total_variation": np.float64(0.25), "predicted": np.array([0.5, 0.5])})
    progress.record_prediction("advantage", {"total_variation": 0.75})
    progress.record_prediction("some lab", {"lesson": "02", "total_variation": np.nan})
    for name, said in [("a", 2), ("a", 1), ("b", None), ("a", None)]:
        progress.record_prediction("Predict", {"lesson": "02", "prediction": name, "said": said})
    found = progress.summary()
    softmax = {"status": "correct", "tries": 3, "mistakes": ["wrong_axis", "overflow"]}
    assert found["01"]["checks"] == {"softmax": softmax}
    of_sum = {"correct": True, "first_try": True, "tries": 1}
    assert found["08"]["quiz"] == {"sign": {"correct": True, "first_try": False, "tries": 2}, "sum": of_sum}
    assert found["08"]["predictions"] == {"count": 2, "mean_gap": 0.5, "asked": {}}
    assert found["02"]["predictions"] == {"count": 2, "mean_gap": None, "asked": {"a": 1, "b": None}}
    assert list(found) == ["01", "02", "08"]
    assert len(events(file)) == 13
    assert events(file)[-5]["record"] == {"lesson": "02", "total_variation": None}


def test_only_true_is_true(file):
    for value in ("False", 1, np.array([True]), "yes"):
        progress.record_quiz("08", "sum", value, value)
        bad(TypeError, r"confirm is .*, expected True or False", progress.reset, value)
    assert progress.summary()["08"]["quiz"] == {"sum": {"correct": False, "first_try": False, "tries": 4}}
    progress.record_quiz("08", "sum", np.True_, False)
    assert progress.summary()["08"]["quiz"]["sum"]["correct"]


def test_the_same_again_and_again_does_not_grow_the_file(file):
    for _ in range(50):
        progress.record_check("softmax", "01", "not yet", "wrong_axis")
    assert [event["times"] for event in events(file)] == [50]
    assert progress.summary()["01"]["checks"]["softmax"]["tries"] == 50


def test_an_empty_variable_switches_recording_off(file, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for empty in ("", "  "):
        monkeypatch.setenv(progress.VARIABLE, empty)
        progress.record_check("softmax", "01", "correct", None)
        assert progress.location() is None
        assert progress.summary() == {}
        assert progress.reset(confirm=True) is None
        bad(RuntimeError, progress.VARIABLE, progress.export)
    assert list(tmp_path.iterdir()) == []


def test_another_record_is_taken_in_once_in_the_order_of_time(file, tmp_path, monkeypatch):
    answered("one")
    elsewhere = tmp_path / "elsewhere.json"
    wrong = {"kind": "quiz", "quiz": "08", "question": "one", "correct": False, "first_try": True}
    earlier = [{**wrong, "time": "2020-01-01T00:00:00+00:00"}, {"kind": "learner", "seed": 3}, {"kind": "strange"}]
    elsewhere.write_bytes(ours(events=[*earlier, 7]))
    assert [progress.merge(elsewhere) for _ in range(2)] == [1, 0]
    assert [event["correct"] for event in events(file)] == [False, True]
    assert progress.summary()["08"]["quiz"]["one"] == {"correct": True, "first_try": False, "tries": 2}
    assert progress.merge(progress.export(tmp_path / "mine.json")) == 0


def test_what_is_no_export_is_not_taken_in(file, tmp_path, monkeypatch, capsys):
    other = tmp_path / "other.json"
    other.write_text('{"format": "another"}', encoding="utf-8")
    assert progress.main(["import", str(other)]) == 1
    assert "other.json" in capsys.readouterr().err
    assert progress.summary() == {}
    assert not file.parent.exists(), "looking leaves no trace"
    monkeypatch.setenv(progress.VARIABLE, "")
    bad(RuntimeError, "switched off", progress.merge, other)


WRITER = """
for n in range(int(sys.argv[2])):
    progress.record_quiz("08", f"{sys.argv[1]}-{n}", True, True)
"""


@pytest.mark.long
def test_many_processes_lose_nothing(file):
    processes, each = 8, 25
    for process in [python(WRITER, str(k), str(each)) for k in range(processes)]:
        told = process.communicate(timeout=60)[1]
        assert (process.returncode, told) == (0, "")
    assert set(questions(file)) == {f"{k}-{n}" for k in range(processes) for n in range(each)}
    assert not neighbours(file, ".tmp")


KILLED = """
os.replace = lambda *paths: os._exit(9)  # power fails after the new text was written, before it took its place
progress.record_quiz("08", "lost", True, True)
"""


@pytest.mark.long
def test_a_process_that_dies_leaves_the_old_file_and_no_lock(file):
    answered("kept")
    before = file.read_bytes()
    with python(KILLED) as killed:
        assert killed.wait(60) == 9
    assert file.read_bytes() == before
    answered("next")
    assert questions(file) == ["kept", "next"]


def test_a_notebook_that_holds_the_lock_for_long_is_told_not_waited_for(file, monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    with progress._lock():
        answered("sign", "sign")
    assert capsys.readouterr().err.count("another notebook") == 1
    assert not file.exists()
    assert progress.summary()["08"]["quiz"]["sign"]["tries"] == 2, "what waited is written when the lock is free"
    answered("sum")
    assert questions(file) == ["sign", "sum"]


HOLDER = """
with progress._lock():
    print("held", flush=True)
    sys.stdin.readline()
"""
HELD_UP = """
progress.PATIENCE = 0.2
progress.record_quiz("08", "first", True, True)
progress.record_quiz("08", "second", True, True)
print("at the end", flush=True)
progress.PATIENCE = 60
"""


@pytest.mark.long
def test_what_waits_for_another_process_is_written_when_python_ends(file):
    file.parent.mkdir()
    holder = python(HOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == "held\n"
    held_up = python(HELD_UP, stdout=subprocess.PIPE)
    assert held_up.stdout.readline() == "at the end\n"
    assert not file.exists()
    holder.communicate("\n", timeout=60)
    assert re.fullmatch(".*another notebook.*\n", held_up.communicate(timeout=60)[1])
    assert questions(file) == ["first", "second"]


def test_only_the_first_event_waits_long_for_the_lock(file, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 1.0)
    with progress._lock():
        answered("1")
        begun = time.monotonic()
        answered("0", "1", "2")
    assert time.monotonic() - begun < 0.9, "three times 0.1 s, not three times the patience"


FORKED = """
progress.PATIENCE = 0.1
with progress._lock():
    progress.record_quiz("08", "sign", True, True)
if os.fork():
    os.wait()
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_what_waits_is_written_by_one_process_only(file):
    with python(FORKED) as process:
        assert process.wait(60) == 0
    assert ["times" in event for event in events(file)] == [False]


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_stays_a_link(file, tmp_path):
    """Whoever keeps the record in a synchronised folder finds it there."""
    there = tmp_path / "synchronised" / "record.json"
    file.parent.mkdir()
    file.symlink_to(there)
    for n in range(2):
        answered(f"{n}")
        assert file.is_symlink()
        assert questions(there) == ["0", "1"][: n + 1]
    there.write_text("{")
    answered("2")
    assert progress.reset(confirm=True).parent == there.parent
    answered("3")
    assert file.is_symlink()
    assert questions(there) == ["3"]
    assert not neighbours(file, "set-aside")


def ours(version=1, **more):
    return json.dumps({"format": progress.FORMAT, "version": version} | more).encode()


STRANGE = {
    "cannot be read": [b"{ not json", b"\xff\xfe\x00", b"", b"[" * 100_000, ours(events=[1]), ours()],
    "not a record of this course": [b"[]", b'{"my": "notes"}'],
    "newer version": [ours(version=2, events=[])],
}


@pytest.mark.parametrize(("content", "why"), [(content, why) for why in STRANGE for content in STRANGE[why]])
@pytest.mark.parametrize("by", ["recording", "reading"])
def test_a_strange_file_is_set_aside_never_overwritten(file, capsys, content, why, by):
    put(file, content)
    if by == "recording":
        progress.record_check("softmax", "01", "correct", None)
    assert progress.summary().keys() == ({"01"} if by == "recording" else set())
    (aside,) = neighbours(file, "set-aside")
    assert aside.read_bytes() == content
    told = capsys.readouterr().err
    assert why in told
    assert str(aside) in told
    assert told.count("\n") == 1


def test_odd_entries_are_passed_over(file):
    check = {"kind": "check", "lesson": "01", "question": "softmax", "status": "wonderful", "times": 1}
    prediction = {"kind": "prediction", "lab": "advantage", "record": 3, "times": "many"}
    odd = [{}, {"kind": "check"}, {"kind": "quiz", "quiz": 8}, {"kind": "other", "lesson": "01"}]
    put(file, ours(events=[*odd, {"kind": "prediction"}, check, prediction]))
    assert progress.summary()["01"]["checks"]["softmax"]["status"] == "not yet"


@pytest.mark.parametrize(
    "value", ["NaN", "-Infinity", "1e999", r'"\ud800"', r'"\u2028"', "true", "9" * 400, "[" * 40 + "]" * 40, "null"]
)
@pytest.mark.parametrize("key", ["times", "record", "total_variation", "question", "x"])
def test_an_odd_value_in_it_stops_no_later_recording(file, capsys, key, value):
    odd = f'{{"kind": "prediction", "lab": "advantage", "{key}": {value}, "record": {{"{key}": {value}}}}}'
    quiz = f'{{"kind": "quiz", "quiz": "08", "question": "q", "correct": true, "{key}": {value}}}'
    file.parent.mkdir()
    file.write_text(f'{{"format": "{progress.FORMAT}", "version": 1, "events": [{odd}, {quiz}]}}', encoding="utf-8-sig")
    for name in ("softmax", "entropy"):
        progress.record_check(name, "01", "correct")
    assert progress.summary()["01"]["checks"].keys() == {"softmax", "entropy"}
    assert len(events(file)) == 4
    assert capsys.readouterr().err == ""


@pytest.mark.long
@pytest.mark.parametrize("depth", [100, 900, 940, 960, 970, 980, 990, 2000])
def test_what_could_not_be_written_again_is_set_aside(file, depth):
    deep = ours(events=[{"x": "…"}]).replace(rb'"\u2026"', b"[" * depth + b"]" * depth)
    put(file, deep)
    progress.record_check("softmax", "01", "correct")
    assert events(file)[-1]["question"] == "softmax"
    assert [path.read_bytes() for path in neighbours(file, "set-aside")] == [deep] * (2 - len(events(file)))


@pytest.mark.parametrize("named", ["~nosuchuser/p.json", "~/p.json", "", "/dev/null", "folder", "link", "gone/../p"])
def test_no_name_of_a_file_stops_a_check(named, tmp_path, monkeypatch, capsys):
    (tmp_path / "folder").mkdir()
    if os.name == "posix":
        (tmp_path / "link").symlink_to("link")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(progress.VARIABLE, named)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for a user who is not known, and has no HOME
    assert check("softmax", lambda logits: 0).status == "not yet"
    assert progress.summary().keys() <= {"01"}
    told = capsys.readouterr().err
    assert told.count("\n") <= 2, "one sentence about writing, one about reading"
    assert ("home folder" in told) == named.startswith("~")
    assert Path("/dev/null").exists() == (os.name == "posix")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("~")]


def test_a_current_folder_that_is_gone(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    monkeypatch.setenv(progress.VARIABLE, "p.json")
    if os.name == "posix":
        (tmp_path / "gone").rmdir()
    progress.record_check("softmax", "01", "correct")
    assert progress.summary().keys() <= {"01"}
    assert capsys.readouterr().err.count("\n") <= 2


def test_without_the_variable_the_file_lies_with_the_notebooks_and_without_these_at_home(tmp_path, monkeypatch):
    monkeypatch.delenv(progress.VARIABLE)
    assert progress.location() == lessons.NOTEBOOKS / ".progress.json"
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path / "nothing")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path.replace("~", str(tmp_path)))
    progress.record_check("softmax", "01", "correct")
    assert len(events(tmp_path / ".policy-gradient-course" / "progress.json")) == 1


def test_a_folder_that_cannot_be_written_is_told_once(tmp_path, monkeypatch, capsys):
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    monkeypatch.setenv(progress.VARIABLE, str(blocked / "progress.json"))
    for _ in range(3):
        progress.record_check("softmax", "01", "correct", None)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "the lesson goes on" in told
    assert progress.summary() == {}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(file, capsys):
    progress.record_check("softmax", "01", "correct", None)
    file.parent.chmod(0o500)
    try:
        progress.record_check("entropy", "01", "correct", None)
        assert list(progress.summary()["01"]["checks"]) == ["softmax"]
    finally:
        file.parent.chmod(0o700)
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("record", [{"x": 10**5000}, {"x": object()}, {("a", "b"): 1}], ids=["digits", "object", "key"])
def test_a_record_that_json_cannot_keep_is_told_not_raised(file, capsys, record):
    progress.record_prediction("advantage", record)
    assert "could not be recorded" in capsys.readouterr().err
    assert not file.exists()


def test_a_full_disk_leaves_the_old_file(file, monkeypatch, capsys):
    answered("kept")
    before = file.read_bytes()
    with monkeypatch.context() as while_full:
        while_full.setattr(os, "fsync", raising(OSError(28, "No space left on device")))
        answered("late")
    assert file.read_bytes() == before
    assert "No space left" in capsys.readouterr().err
    assert not neighbours(file, ".tmp")
    answered("next")
    assert questions(file) == ["kept", "late", "next"]


def test_export_is_one_file_with_everything(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answered("sign")
    exports = {progress.export(), progress.export(), progress.export(tmp_path / "hand_in.json")}
    assert [path.parent for path in exports] == [tmp_path] * 3
    for path in exports:
        document = json.loads(path.read_text(encoding="utf-8"))
        assert document["summary"] == progress.summary()
        assert document["events"] == events(file)
        assert {"format", "version", "exported"} <= document.keys()
    bad(OSError, "nowhere", progress.export, tmp_path / "nowhere" / "x.json")


@pytest.mark.parametrize(("answer", "gone"), [("yes", True), (" Y ", True), ("no", False), ("", False)])
def test_reset_asks_and_keeps_a_copy(file, monkeypatch, answer, gone):
    answered("sign")
    before = file.read_bytes()
    monkeypatch.setattr("builtins.input", lambda _: answer)
    backup = progress.reset()
    assert (backup is not None) == gone
    assert (progress.summary() == {}) == gone
    assert (backup or file).read_bytes() == before


@pytest.mark.parametrize("error", [EOFError, NotImplementedError])
def test_reset_where_nobody_can_be_asked(file, monkeypatch, error):
    monkeypatch.setattr("builtins.input", raising(error))
    answered("sign")
    bad(RuntimeError, r"reset\(confirm=True\)", progress.reset)
    assert progress.summary()
    first = progress.reset(confirm=True)
    answered("sign")
    second = progress.reset(confirm=True)
    assert first != second
    assert first.exists()
    assert second.exists()
    assert progress.reset(confirm=True) is None


def test_lessons_are_numbered_and_their_labs_are_known():
    assert [lesson.number for lesson in lessons.LESSONS] == [f"{n:02d}" for n in range(15)]
    names = [lessons.lab_name(name) for name in ("AdvantageLab", "advantage_lab", "advantage", "Score Explorer")]
    assert names == ["advantage", "advantage", "advantage", "score"]
    assert lessons.lesson_of_lab("AdvantageLab") == "08"
    assert lessons.lesson_of_lab("no such lab") is None


def test_a_lesson_exists_as_a_source_or_as_a_notebook(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "08_objective.py").touch()
    (tmp_path / "09_actor_critic.ipynb").touch()
    found = {lesson.number: name for lesson in lessons.LESSONS if (name := lesson.notebook(tmp_path)) is not None}
    assert found == {"08": "08_objective.ipynb", "09": "09_actor_critic.ipynb"}


def test_an_instructor_counts_what_learners_said_first(tmp_path, monkeypatch, capsys):
    for learner, said in enumerate([[0, 1], [0], [None, 1], [1], [9], []]):
        monkeypatch.setenv(progress.VARIABLE, str(tmp_path / f"{learner}.json"))
        for one in said:
            about = {"lesson": "08", "prediction": "three-actions", "said": one}
            progress.record_prediction("Predict", about | {"came_so": one == 1})
        progress.record_prediction("AdvantageLab", {"total_variation": 0.1})
        progress.export(tmp_path / f"export{learner}.json")
    assert progress.main(["predictions", *map(str, sorted(tmp_path.glob("export*.json")))]) == 0
    first, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith("08-three-actions: ")
    most, *others = [tuple(row.split(maxsplit=1)) for row in rows]
    assert most == ("2", OPTIONS[0])
    assert others == [("1", "(just shown)"), ("1", f"{OPTIONS[1]} ✓"), ("1", "9")]
    (tmp_path / "other.json").write_text("{}")
    assert progress.main(["predictions", str(tmp_path / "other.json")]) == 1
    assert "other.json: this is no export" in capsys.readouterr().err


def test_an_instructor_sees_what_a_class_did(tmp_path, monkeypatch, capsys):
    exports = tmp_path / "exports"
    exports.mkdir()
    for name in ("Ada", "=2+3", ""):
        monkeypatch.setenv(progress.VARIABLE, str(tmp_path / f"record{len(name)}.json"))
        progress.record_check("softmax", "01", "not yet", "wrong-axis")
        progress.record_check("softmax", "01", "correct")
        for said in (0, 1):
            about = {"lesson": "08", "prediction": "three-actions", "said": said, "came_so": False}
            progress.record_prediction("Predict", about)
        assert progress.main(["export", str(exports / f"file{len(name)}.json"), "--name", name]) == 0
    document = json.loads((exports / "file0.json").read_text())
    assert "name" not in document
    (exports / "odd.json").write_text("{")
    (exports / "odd2.json").write_text(json.dumps(document | {"events": ["x", None, {"kind": []}], "name": "Ada"}))
    capsys.readouterr()
    assert progress.main(["report", str(exports), "--csv"]) == 0
    out, told = capsys.readouterr()
    rows = list(csv.reader(out.splitlines()))
    assert [row[0] for row in rows] == ["learner", "file0", "file0", "Ada", "Ada", "'=2+3", "'=2+3"]
    assert rows[3] == ["Ada", "01", "check", "softmax", "correct", "2", "wrong-axis"]
    assert rows[4] == ["Ada", "08", "prediction", "three-actions", OPTIONS[0], "1", ""]
    assert "odd.json" in told
    assert "odd2.json: file3.json has the same name, Ada" in told
    assert "A learner can edit an export" in told
    assert progress.main(["report", str(exports / "file3.json")]) == 0
    assert re.search(r"^Ada +01 +check +softmax +correct +2 +wrong-axis$", capsys.readouterr().out, re.MULTILINE)
    assert progress.main(["report", str(exports / "odd.json")]) == 1
    assert progress.main(["report", str(tmp_path / "nowhere.json")]) == 1
