"""The final test: twenty questions over the whole course, and at the end a result by topic with the ways back."""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from course_utils import data_files, lessons, progress
from course_utils.widgets import quiz
from course_utils.widgets.lab import lab_source, lab_style
from course_utils.widgets.quiz import Quiz

__all__ = ["FinalTest", "load"]

NAME = "final"


@cache
def _schema() -> dict[str, Any]:
    numbers = {"type": "string", "enum": [lesson.number for lesson in lessons.LESSONS]}
    return quiz.schema_of(lessons.QUIZZES / f"{NAME}_schema.json", "lesson", numbers)


def load() -> dict[str, Any]:
    """Return the final test as it stands in its file, checked as a quiz is; raises QuizError as there."""
    return quiz.load(lessons.QUIZZES / f"{NAME}.json", schema=_schema())


@cache
def _content() -> dict[str, Any]:
    document = load()
    topic = {number: one["title"] for one in document["topics"] for number in one["lessons"]}
    notebook = {lesson.number: lesson.notebook() or "" for lesson in lessons.LESSONS}
    asked = [q | {"topic": topic[q["lesson"]], "notebook": notebook[q["lesson"]]} for q in document["questions"]]
    return {"title": document["title"], "formulas": quiz.drawn(document), "questions": asked}


class FinalTest(Quiz):
    """Twenty questions over the whole course, with the result by topic and links to what was missed.

    quiz: "final". Without it the test is empty and knows its questions, which is what viewers without Python are built
    from. What was answered is in the learner's own record (course_utils.progress) and is shown again the next day.
    """

    _esm = lab_source("quiz.js", "final_test.js")
    _css = lab_style("quiz.css")
    offline_note = "Run the cell to keep your answers: this test is not connected to Python."
    called = "Final test"

    def _read(self, name: str) -> dict[str, Any]:
        if name not in ("", NAME):
            raise ValueError(f"there is no final test {data_files.shown(name)}, expected {NAME!r}")
        return {NAME: deepcopy(_content())}

    def _remember(self) -> None:
        """Show all tries that are in the record, but for those of a question that was another one then."""
        done = progress.summary().get(self.quiz, {}).get("quiz", {})
        said = {q["id"]: done.get(q["id"], {}).get("said", []) for q in self.questions}
        kept = {q["id"]: said[q["id"]] for q in self.questions if all(quiz.is_answer(q, n) for n in said[q["id"]])}
        self.take_over({name: tries for name, tries in kept.items() if tries})

    def _keep(self, question: Mapping[str, Any], given: Any, is_first: bool) -> None:
        progress.record_quiz(self.quiz, question["id"], quiz.is_right(question, given), is_first, said=given)
