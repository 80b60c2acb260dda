"""Predictions: files that break a rule are refused, nothing is told early, what was said is kept."""

import html
import json
import re

import pytest
from traitlets import TraitError

from course_utils import lessons, progress
from course_utils.widgets import Predict, offline, prediction, quiz
from course_utils.widgets.quiz import QuizError

NAME = "08-three-actions"
GOOD = """{
  "predictions": "07",
  "formulas": { "x^2": "x squared" },
  "questions": [
    {
      "id": "two", "kind": "numeric", "title": "Two", "text": "How many $x^2$?", "came": "One came.",
      "answer": 1, "tolerance": 0.1, "reason": "so", "otherwise": "count again",
      "wrong": [{ "value": 2, "reason": "twice", "misconception": "M1" }]
    },
    {
      "id": "three", "kind": "order", "title": "Three", "text": "In order?", "came": "a, b, c.",
      "items": [{ "text": "a", "reason": "1" }, { "text": "b", "reason": "2" }, { "text": "c", "reason": "3" }],
      "start": [2, 0, 1]
    },
    {
      "id": "four", "kind": "several", "title": "Four", "text": "Which?", "came": "p alone.",
      "options": [{ "text": "p", "right": true, "reason": "yes" }, { "text": "q", "right": false, "reason": "no" }]
    }
  ]
}
"""


@pytest.fixture(autouse=True)
def record(tmp_path, monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "record.json"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of predictions with one good file."""
    prediction.schema()  # is read once, from the course's own folder
    monkeypatch.setattr(lessons, "PREDICTIONS", tmp_path)
    prediction._lesson.cache_clear()
    (tmp_path / "07.json").write_text(GOOD)
    yield tmp_path
    prediction._lesson.cache_clear()


def test_the_good_file_is_good_and_each_prediction_has_what_it_needs(folder):
    assert prediction.load(folder / "07.json") == json.loads(GOOD)
    library = Predict().library
    assert [*library] == ["07-two", "07-three", "07-four"]
    assert [[*one["formulas"], *one["misconceptions"]] for one in library.values()] == [["x^2", "M1"], [], []]
    assert [*Predict("07-three").library] == ["07-three"]  # a page tells nothing of the others
    Predict("07-two").library["07-two"]["title"] = "spoiled"
    assert Predict("07-two").library["07-two"]["title"] == "Two"


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        (', "came": "One came."', "", 5, "'came' is a required property"),
        ('"came": "a, b, c."', '"came": "$a"', 11, "does not end"),
        ('"predictions": "07"', '"quiz": "07"', 1, "'quiz' was unexpected"),
        ('"predictions": "07"', '"predictions": "08"', 2, "to match the file's name"),
        ('"M1"', '"M99"', 8, "'M99' is not one of"),
        ('"id": "four"', '"id": "two"', 16, "used twice"),
        ('"kind": "several"', '"kind": "multiple"', 16, "not one of"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_reason(folder, old, new, line, reason):
    assert GOOD.count(old) == 1
    (folder / "07.json").write_text(GOOD.replace(old, new))
    with pytest.raises(QuizError, match=rf"07.json, line {line}: .*{re.escape(reason)}"):
        prediction.load(folder / "07.json")


@pytest.mark.parametrize(
    ("name", "known"), [("08-nothing", NAME), ("77-three-actions", "none"), ("", None), ("three-actions", "none")]
)
def test_a_prediction_that_does_not_exist_says_which_do(name, known):
    if known is None:
        assert Predict(name).alt_text() == "A prediction."
    else:
        with pytest.raises(QuizError, match=rf"there is no prediction '{name}', expected one of: .*{known}"):
            Predict(name)


@pytest.mark.long
@pytest.mark.parametrize("number", quiz.names(lessons.PREDICTIONS))
def test_a_page_without_widgets_tells_the_answer_behind_a_fold_alone(number):
    for name in prediction._lesson(number):
        card = Predict(name)
        data, _ = card._repr_mimebundle_()
        assert "answers" not in data[offline.MIME_TYPE]["state"]
        page = html.unescape(data["text/html"])
        (fold,) = re.findall(r"<details><summary>What came, and why</summary>(.*)</details>", page, re.DOTALL)
        seen = page.replace(fold, "")
        (question,) = card.questions
        assert question["text"] in seen
        for told in [question["came"], *(text for where, text in quiz.texts(question) if where[-1] == "reason")]:
            assert told in fold, name
            assert told not in seen + data["text/plain"], name


def test_what_was_said_is_recorded_once_and_shown_again(monkeypatch):
    card = Predict(NAME)
    card.answers = {"three-actions": [None]}
    card.answers = {"three-actions": [None, 1]}
    assert card.recorded == 2
    assert progress.summary()["08"]["predictions"] == {"count": 1, "mean_gap": None, "asked": {"three-actions": 1}}
    Predict("00-larger").answers = {"larger": [0]}
    assert progress.summary()["00"]["predictions"]["asked"] == {"larger": 0}
    events = json.loads(progress.location().read_text())["events"]
    said = [event["record"]["came_so"] for event in events if event["kind"] == "prediction"]
    assert said == [None, True, False]
    again = Predict(NAME)
    assert (again.answers, again.recorded) == ({"three-actions": [1]}, 1)
    monkeypatch.setenv(progress.VARIABLE, "")
    assert Predict(NAME).answers == {}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("07-two", [0.5, -1e308, None], ["1", True, [1], {"1": 1}, 10**400, -(10**309)]),
        ("07-three", [[0, 2, 1], None], [[0, 1], [0, 1, 1], 2, [0, 1, 2, 3], [0, 1, "2"]]),
        ("07-four", [[0], [1, 0]], [[], [2], 0, [0, 0], [True], [[0]], {"0": 0}, "01"]),
        (NAME, [3], [[3], 4, -1, "0"]),
    ],
)
def test_what_an_older_course_recorded_is_not_shown(request, name, good, bad):
    if name != NAME:
        request.getfixturevalue("folder")
    for said, is_shown in [*((one, True) for one in good), *((one, False) for one in bad)]:
        about = {"lesson": name[:2], "prediction": name[3:], "said": said}
        progress.record_prediction("Predict", about)
        shown = Predict(name).answers
        assert shown == ({name[3:]: [said]} if is_shown else {}), said
        progress.reset(confirm=True)
        if not is_shown:
            with pytest.raises(TraitError, match=r"answers\['\w+(-\w+)?'\] is .*, expected a list of answers"):
                Predict(name).answers = {name[3:]: [said]}


def test_a_record_that_nobody_can_find_stops_no_prediction(monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, "~nobody-has-this-name/record.json")
    card = Predict(NAME)
    card.answers = {"three-actions": [1]}
    assert card.recorded == -1
