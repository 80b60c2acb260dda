"""The list of misconceptions is well formed, and whatever cites it names an entry."""

import json
import re

import pytest
from mutants.faults import FAULTS

from course_utils import checks, lessons, misconceptions
from course_utils.data_files import DataFileError

KNOWN = misconceptions.known()
ENTRY = {"id": "M1", "title": "t", "sentence": "s", "lessons": ["01"]}


def cited_in_quizzes(value):
    """Yield each misconception in a JSON document."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    if isinstance(value, dict) and "misconception" in value:
        yield value["misconception"]
    for part in inside:
        yield from cited_in_quizzes(part)


@pytest.mark.parametrize("one", KNOWN.values(), ids=lambda one: one.id)
def test_an_entry_is_a_title_a_sentence_and_lessons(one):
    assert set(one.lessons) <= {lesson.number for lesson in lessons.LESSONS}
    assert list(one.lessons) == sorted(set(one.lessons))
    assert len(one.title) <= 60
    assert not one.title.endswith(".")
    assert 40 <= len(one.sentence) <= 200
    assert re.search(r"\.”?$", one.sentence)
    assert "—" not in one.title + one.sentence
    assert not re.search(r"\b(simply|clearly|obviously|trivial)\b|!(?!=)", one.sentence)


def test_no_two_entries_are_equal():
    assert len({one.title for one in KNOWN.values()}) == len({one.sentence for one in KNOWN.values()}) == len(KNOWN)


@pytest.mark.parametrize("name", checks.names())
def test_questions_cite_entries(name):
    assert {mistake.misconception for mistake in checks.load(name).mistakes} <= {"", *KNOWN}


QUESTIONS = [path for of in (lessons.QUIZZES, lessons.PREDICTIONS) for path in sorted(of.glob("[0-9][0-9].json"))]


@pytest.mark.parametrize("path", QUESTIONS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_quizzes_cite_entries(path):
    assert set(cited_in_quizzes(json.loads(path.read_text(encoding="utf-8")))) <= set(KNOWN)


def test_faults_cite_entries():
    cited = {fault.misconception.partition(":")[0] for fault in FAULTS if re.match(r"[A-Z]+\d", fault.misconception)}
    assert cited
    assert cited <= set(KNOWN)


@pytest.mark.parametrize(
    ("document", "line", "reason"),
    [
        ({}, 1, "expected a list"),
        ([], 1, "expected a list"),
        ([3], 1, "expected an object with id, lessons, sentence, title"),
        ([ENTRY, ENTRY], 1, "the id is 'M1', expected 'M2'"),
        ([{**ENTRY, "why": ""}], 1, "and nothing else"),
        ([{**ENTRY, "title": " "}], 1, "title and sentence are texts"),
        ([{**ENTRY, "lessons": []}], 1, "lessons a list of one or more"),
        ([{**ENTRY, "lessons": "01"}], 1, "lessons a list of one or more"),
    ],
)
def test_a_list_that_breaks_a_rule_is_refused(tmp_path, document, line, reason):
    path = tmp_path / "misconceptions.json"
    path.write_text(json.dumps(document))
    with pytest.raises(DataFileError, match=rf"misconceptions\.json, line {line}: .*{reason}"):
        misconceptions.read(path)
