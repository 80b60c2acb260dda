"""The list of misconceptions is well formed, and whatever cites it names an entry."""

import json
import re

import pytest
from mutants.faults import FAULTS
from refusals import bad

from course_utils import checks, lessons, misconceptions
from course_utils.data_files import DataFileError

KNOWN = misconceptions.known()
ENTRY = {"id": "M1", "title": "t", "sentence": "s", "lessons": ["01"]}


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
    assert set(re.findall(r'"misconception": *"(.*?)"', path.read_text(encoding="utf-8"))) <= set(KNOWN)


def test_faults_cite_entries():
    cited = {fault.misconception.partition(":")[0] for fault in FAULTS if re.match(r"[A-Z]+\d", fault.misconception)}
    assert cited
    assert cited <= set(KNOWN)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "expected a list"),
        ([], "expected a list"),
        ([3], "expected an object with id, lessons, sentence, title"),
        ([ENTRY, ENTRY], "the id is 'M1', expected 'M2'"),
        ([{**ENTRY, "why": ""}], "and nothing else"),
        ([{**ENTRY, "title": " "}], "title and sentence are texts"),
        ([{**ENTRY, "lessons": []}], "lessons a list of one or more"),
        ([{**ENTRY, "lessons": "01"}], "lessons a list of one or more"),
    ],
)
def test_a_list_that_breaks_a_rule_is_refused(tmp_path, document, reason):
    path = tmp_path / "misconceptions.json"
    path.write_text(json.dumps(document))
    bad(DataFileError, rf"misconceptions\.json, line 1: .*{reason}", misconceptions.read, path)
