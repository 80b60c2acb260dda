"""Marks for a platform: what is not graded is empty, and no name is a formula."""

import csv
import io

import class_of_students as students
import pytest

from course_utils.grading import export, results
from course_utils.grading.marking import Outcome

WHOLE = [Outcome("ps1-score", "correct", 4.0, 4.0), Outcome("ps1-variance", "wrong", 0.0, 3.0)]
ESSAY = Outcome("ps1-essay", "needs-marking", None, 3.0)


@pytest.fixture
def rows():
    def one(student, *outcomes, **others):
        return results.Result("ps1", student, "ab", outcomes, **others)

    found = [
        one("doejane_11", *WHOLE, ESSAY, name="doejane", number="11"),
        one("max_12", *WHOLE, ESSAY, name="=HYPERLINK(1)", number="12"),
        one("refused_13", refused="is empty", name="zoe", number="13"),
    ]
    return export.rows(found, students.SET, {"doejane_11": {"ps1-essay": 2.5, "ps1-score": None}})


def written(tmp_path, rows, target, roster=None):
    text = export.write(export.table(rows, students.SET, target, roster), tmp_path / "out.csv").read_text("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_a_total_needs_every_item_and_a_persons_mark_completes_it(rows):
    assert [row.total for row in rows] == [6.5, None, None]
    assert rows[1].points == (4.0, 0.0, None)
    assert rows[2].points == (None, None, None)


def test_what_each_platform_takes_in(rows, tmp_path):
    assert written(tmp_path, rows, "canvas") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "ps1"],
        ["    Points Possible", "", "", "", "", "10"],
        ["doejane", "11", "", "", "", "6.5"],
        ["'=HYPERLINK(1)", "12", "", "", "", ""],
        ["zoe", "13", "", "", "", ""],
    ]
    moodle = written(tmp_path, rows, "moodle")
    assert moodle[0] == ["Identifier", "Full name", "Email address", "Grade", "Maximum Grade"]
    assert [line[0] for line in moodle[1:]] == ["Participant 11", "Participant 12", "Participant 13"]
    assert [line[3] for line in moodle[1:]] == ["6.5", "", ""]
    plain = written(tmp_path, rows, "csv")
    assert plain[0][3:] == ["ps1-score", "ps1-variance", "ps1-essay", "total", "maximum"]
    assert plain[2][3:] == ["4", "0", "", "", "10"]


ROSTERS = {
    "canvas": "Student,ID,SIS Login ID,ps0 (7),ps1 (8)\r\n  P,,,5,9\r\n@Doe,11,jd,3,\r\nElse,99,el,-1,2\r\n",
    "moodle": "Identifier,Full name,Grade\nParticipant 11,Jane,\nParticipant 99,Else,2\n",
}


@pytest.mark.parametrize("target", ROSTERS)
def test_marks_are_filled_into_the_platforms_own_list(target, rows, tmp_path):
    roster = tmp_path / "roster.csv"
    roster.write_text(ROSTERS[target], encoding="utf-8-sig")
    lines = written(tmp_path, rows, target, roster)
    by = {line[1 if target == "canvas" else 0]: line for line in lines}
    assert by["11" if target == "canvas" else "Participant 11"][-1] == "6.5"
    assert by["99" if target == "canvas" else "Participant 99"][-1] == "2"  # as it was
    if target == "canvas":
        assert by["11"][0] == "'@Doe"
        assert by["99"][3] == "-1"
        assert lines[0][-1] == "ps1 (8)"
        other = export.table(rows, students.SET, target, roster, "ps0")
        assert next(line for line in other if line[1] == "11")[3:] == ["6.5", ""]
        with pytest.raises(export.RosterError, match=r"--column is 'ps2'.*expected one of 'ps0 \(7\)', 'ps1 \(8\)'"):
            export.table(rows, students.SET, target, roster, "ps2")
    assert export.left_out(rows, target, roster) == ["max_12", "refused_13"]


@pytest.mark.parametrize("content", [b"", b"a,b\n", b"\xff\xfe\x00"])
def test_another_list_is_refused(content, rows, tmp_path):
    (tmp_path / "roster.csv").write_bytes(content)
    with pytest.raises(export.RosterError, match="--roster is"):
        written(tmp_path, rows, "canvas", tmp_path / "roster.csv")
