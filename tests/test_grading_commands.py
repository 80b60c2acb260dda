"""The grader's commands: exit codes, and one clear sentence for each argument that cannot be used."""

import re

import class_of_students as students
import pytest

from course_utils.grading import __main__ as command
from course_utils.grading import problem_sets, run

pytestmark = pytest.mark.long  # starts processes or databases


@pytest.fixture
def ran(monkeypatch, tmp_path, capsys):
    """Runs a command on a small set with a marker that runs nothing; gives the exit code and what was said."""
    monkeypatch.setattr(problem_sets, "load", lambda name: {"ps1": students.SET}.get(name) or wrong(name))
    monkeypatch.setattr(problem_sets, "names", lambda: ["ps1"])
    monkeypatch.setattr(command, "_feedback", lambda options: 0)
    monkeypatch.setattr(run, "mark_task", students.mark)
    monkeypatch.chdir(tmp_path)

    def wrong(name):
        raise ValueError(name)

    def call(*arguments):
        try:
            code = command.main(list(arguments))
        except SystemExit as ended:
            code = ended.code
        return code, capsys.readouterr()

    return call


def test_from_submissions_to_an_export(ran, tmp_path):
    students.hand_in(tmp_path / "in", anna=students.notebook(), bob=students.notebook(score="RAISE"), fay="<html>")
    grade = ("grade", "in", "--set", "ps1", "--sandbox", "none", "--jobs", "1")
    code, said = ran(*grade)
    assert code == 1
    assert said.err.startswith("Warning: --sandbox=none.")
    assert "1 could not be graded, and that is not the students' doing: bob." in said.err
    students.hand_in(tmp_path / "in", bob=students.notebook(essay=""))
    code, said = ran(*grade)
    assert code == 0
    assert "1 of 3 submissions graded" in said.out
    assert "2 unchanged" in said.out
    code, said = ran("collect-check", "in", "--set", "ps1")
    assert (code, said.out.count("\n    ")) == (0, 1)
    assert "fay  refused\n    'fay.ipynb' is a web page" in said.out
    code, said = ran("status", "--set", "ps1")
    assert "ps1-score  2 correct" in said.out
    assert re.search(r"hash is [0-9a-f]{64}\.", said.out)
    code, said = ran("export", "--set", "ps1", "--to", "csv")
    assert code == 0
    assert "3 of 3 are not graded in full, and their field is empty." in said.out
    assert (tmp_path / "grading" / "ps1_csv.csv").read_text("utf-8-sig").splitlines()[1] == "anna,,,4,1.5,,,10"
    code, said = ran(*grade, "--replay", "anna")
    assert (code, said.out.count("the same")) == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("grade", "gone", "--set", "ps1"), "SUBMISSIONS is gone, which is not there; expected a folder or a ZIP"),
        (("grade", "in", "--set", "ps9"), "--set is 'ps9', expected one of ps1."),
        (("grade", "in", "--set", "ps1", "--jobs", "0"), "is '0', expected a whole number from 1 to 1024"),
        (("grade", "in", "--set", "ps1", "--sandbox", "no"), "invalid choice: 'no'"),
        (("grade", "in", "--set", "ps1", "--out", "in/anna.ipynb"), "in/anna.ipynb"),
        (("grade", "in", "--set", "ps1", "--db", "mysql"), "--db is 'mysql', which cannot be opened"),
        (("grade", "in", "--set", "ps1", "--replay", "nobody"), "--replay is 'nobody', of whom the audit log"),
        (("grade", "in", "--set", "ps1", "--scheduler", "x"), "--scheduler is 'x'"),
        (("export", "--set", "ps1", "--to", "csv"), "--out is grading, which holds no result of ps1"),
        (("collect-check", "in/anna.ipynb", "--set", "ps1"), "is no ZIP that can be read"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(arguments, sentence, ran, tmp_path):
    students.hand_in(tmp_path / "in", anna=students.notebook())
    code, said = ran(*arguments)
    assert code in (1, 2)
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_help_says_the_exit_codes(ran):
    code, said = ran("grade", "--help")
    assert code == 0
    assert re.search(r"130 +stopped by Ctrl-C", said.out)
