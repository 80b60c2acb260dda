"""The review at the start of a lesson: three questions out of earlier quizzes, those first that were missed."""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from course_utils import data_files, lessons, progress
from course_utils.widgets import quiz
from course_utils.widgets.lab import lab_source, lab_style
from course_utils.widgets.quiz import Quiz

__all__ = ["Review"]


# By lesson: what is asked where the record tells of nothing that was missed.
CHOICE = {
    "04": ("01-why-probabilities", "02-mean-zero", "03-purpose"),
    "08": ("04-dynamics", "06-hundred", "07-ten-and-eight"),
    "11": ("08-what-it-says", "09-which-parameters", "10-which-estimate"),
}


@cache
def _earlier(number: str) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Return the question and the formulas of each quiz question of a lesson, by the name that a review gives it."""
    document = quiz.load(lessons.QUIZZES / f"{number}.json")
    formulas = quiz.drawn(document)
    notebook = next(lesson.notebook() or "" for lesson in lessons.LESSONS if lesson.number == number)
    found = {}
    for question in document["questions"]:
        name = f"{number}-{question['id']}"
        asked = {**question, "id": name, "notebook": notebook}
        if not notebook:  # there is nothing to link to
            asked.pop("section", None)
        found[name] = asked, quiz.drawn_in(question, formulas)
    return found


def _content(names: tuple[str, ...]) -> dict[str, Any]:
    chosen = [_earlier(name[:2])[name] for name in names]
    formulas = {latex: drawn for _, used in chosen for latex, drawn in used.items()}
    asked = {"title": "what you have met", "formulas": formulas, "questions": [question for question, _ in chosen]}
    return deepcopy(asked)


class Review(Quiz):
    """Three questions out of the quizzes of earlier lessons: those first that the learner's record says were missed.

    quiz: the two-digit number of the lesson that opens with it. Answers count for the quizzes that they are from.
    """

    _esm = lab_source("quiz.js", "review.js")
    _css = lab_style("quiz.css")
    called = "Review"

    def _read(self, number: str) -> dict[str, Any]:
        if number and number not in CHOICE:
            raise ValueError(f"there is no review {data_files.shown(number)}, expected one of: {', '.join(CHOICE)}")
        if not number:
            return {name: _content(names) for name, names in CHOICE.items()}
        return {number: _content(_chosen(number))}

    def _remember(self) -> None:
        """Ask afresh: what was answered before is why a question is here."""

    def _keep(self, question: Mapping[str, Any], given: Any, is_first: bool) -> None:
        number, _, name = question["id"].partition("-")
        progress.record_quiz(number, name, quiz.is_right(question, given), is_first)


def _chosen(number: str) -> tuple[str, ...]:
    """Return the names of three questions: open ones before those that were right later, the newest lesson first."""
    missed = {
        f"{lesson}-{name}": not answer["correct"]
        for lesson, done in sorted(progress.summary().items(), reverse=True)
        if lesson < number
        for name, answer in done["quiz"].items()
        if not answer["first_try"] and lesson in quiz.names() and f"{lesson}-{name}" in _earlier(lesson)
    }
    first = sorted(missed, key=lambda name: not missed[name])
    return tuple(dict.fromkeys((*first, *CHOICE[number])))[: len(CHOICE[number])]
