"""Result files: there and back, whole or not at all, and "not graded" is never 0."""

import json
import math

import pytest

from course_utils import data_files
from course_utils.grading import results
from course_utils.grading.marking import Outcome

PART = ("baseline", 1.0, 2.0, "partial")
RIGHT = Outcome("a", "correct", 2.0, 2.0, parts=(PART,), paragraphs=("Well done.",), rows=(("x", "1"),), seed=2**62)
ESSAY = Outcome("b", "needs-marking", None, 3.0)


def result(*outcomes, **others):
    return results.Result("ps1", "zoë", "ab", outcomes, **others)


def test_a_result_comes_back_as_it_was_written(tmp_path):
    written = result(RIGHT, ESSAY, notes=("late",), limits={"wall": 3.0}, versions={"numpy": "2"}, says="z")
    file = results.write(tmp_path, written)
    assert file == tmp_path / "results" / "ps1" / "zoë.json"
    assert results.read(file) == written
    assert list(results.stored(tmp_path, "ps1")) == [written]
    document = json.loads(file.read_bytes())
    assert (document["format"], document["version"]) == ("policy-gradient-course result", 1)


@pytest.mark.parametrize(
    ("outcomes", "points"), [((RIGHT,), 2.0), ((RIGHT, RIGHT), 4.0), ((RIGHT, ESSAY), None), ((), None)]
)
def test_what_is_not_graded_in_part_has_no_points(outcomes, points):
    assert result(*outcomes).points == points


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path):
    file = results.write(tmp_path, result(RIGHT))
    old = file.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        results.write(tmp_path, result(Outcome("a", "correct", math.nan, 2.0)))
    assert file.read_bytes() == old
    assert [one.name for one in file.parent.iterdir()] == ["zoë.json"]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": "x"}', '{"format": "policy-gradient-course result", "version": 1}']
)
def test_what_is_no_result_is_said(content, tmp_path):
    file = tmp_path / "a.json"
    file.write_text(content)
    with pytest.raises(data_files.DataFileError, match=r"a\.json"):
        results.read(file)
