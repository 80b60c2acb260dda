"""Predictions: what is asked before an output answers it. What came, and why, is told after one has committed."""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from course_utils import data_files, lessons, misconceptions, progress
from course_utils.widgets import quiz
from course_utils.widgets.lab import lab_source, lab_style
from course_utils.widgets.quiz import Quiz

__all__ = ["Predict", "load", "schema"]


def load(path: Path) -> dict[str, Any]:
    """Return a lesson's predictions as they stand in their file, checked as a quiz is; raises QuizError as there."""
    return quiz.load(path, "predictions", schema())


@cache
def _schema() -> dict[str, Any]:
    return quiz.schema_of(lessons.PREDICTIONS / "schema.json", "came", {"$ref": "#/$defs/text"})


def schema() -> dict[str, Any]:
    """Return the JSON Schema of files of predictions, whose questions are those of a quiz and say what `came`."""
    return deepcopy(_schema())


@cache
def _lesson(number: str) -> dict[str, dict[str, Any]]:
    """Return what the page needs of each prediction of a lesson, by name."""
    document = load(lessons.PREDICTIONS / f"{number}.json")
    formulas = quiz.drawn(document)
    found = {}
    for question in document["questions"]:
        cited = {part.get("misconception") for part in [*question.get("options", []), *question.get("wrong", [])]}
        found[f"{number}-{question['id']}"] = {
            "title": question["title"],
            "formulas": quiz.drawn_in(question, formulas),
            "misconceptions": {
                id: {"title": entry.title, "sentence": entry.sentence}
                for id, entry in misconceptions.known().items()
                if id in cited
            },
            "questions": [question],
        }
    return found


class Predict(Quiz):
    """One prediction of a lesson: commit, or ask to be shown, and see what came, what you said, and why.

    quiz: its name, such as "08-three-actions": the lesson's number and the question's id. Without it every lesson's
    predictions are known, which is what viewers without Python are built from.

    What was said last is in the learner's own record (course_utils.progress) and is shown again the next day. In
    `answers` None stands for *just show me*. Raises QuizError for a prediction that does not exist or whose file breaks
    a rule.
    """

    _esm = lab_source("quiz.js", "prediction.js")
    _css = lab_style("quiz.css", "prediction.css")
    offline_note = "Run the cell to keep your prediction: this card is not connected to Python."

    def _read(self, quiz_name: str) -> dict[str, Any]:
        numbers = quiz.names(lessons.PREDICTIONS)
        if not quiz_name:
            return deepcopy({name: one for number in numbers for name, one in _lesson(number).items()})
        number = quiz_name[:2]
        known = _lesson(number) if number in numbers else {}
        if quiz_name not in known:
            path = lessons.PREDICTIONS / f"{number}.json"
            reason = (
                f"there is no prediction {data_files.shown(quiz_name)}, expected one of: {', '.join(known) or 'none'}"
            )
            raise quiz.QuizError(path, None, reason)
        return {quiz_name: deepcopy(known[quiz_name])}

    def _remember(self) -> None:
        asked = progress.summary().get(self.quiz[:2], {}).get("predictions", {}).get("asked", {})
        there = [question for question in self.questions if question["id"] in asked]
        fits = [q for q in there if asked[q["id"]] is None or quiz.is_answer(q, asked[q["id"]])]
        self.take_over({q["id"]: [asked[q["id"]]] for q in fits})

    def _is_answer(self, question: Mapping[str, Any], given: Any) -> bool:
        return given is None or quiz.is_answer(question, given)

    def _keep(self, question: Mapping[str, Any], given: Any, is_first: bool) -> None:
        came = None if given is None else quiz.is_right(question, given)
        record = {"lesson": self.quiz[:2], "prediction": question["id"], "said": given, "came_so": came}
        progress.record_prediction("Predict", record)

    def alt_text(self) -> str:
        """Return the question, as text."""
        return "\n".join(f"Predict: {self.as_said(question['text'])}" for question in self.questions) or "A prediction."

    def page(self) -> str:
        """Return the question as HTML, with what came and why behind a fold, for pages without widgets."""
        words = ("came", "did not come"), "What came, and why"
        asked = (quiz.as_html(question, self.seed, *words) for question in self.questions)
        return "".join(f"<p><b>Predict: {escape(self.library[self.quiz]['title'])}</b></p>{one}" for one in asked)
