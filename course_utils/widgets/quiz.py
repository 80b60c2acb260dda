"""The quiz at the end of a lesson: questions that run in the browser, with a reason for every option."""

import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from traitlets import Dict, TraitError, observe, validate

from course_utils import data_files, json_schema, lessons, misconceptions, progress
from course_utils.data_files import DataFileError, JSONPath
from course_utils.widgets.formulas import formula
from course_utils.widgets.lab import Lab, Text, Whole, lab_source, lab_style, uniform

__all__ = ["Quiz", "QuizError", "as_html", "decimal", "drawn", "drawn_in", "is_answer", "is_right", "load", "names"]
__all__ += ["schema", "schema_of", "shuffled", "texts"]


FORMULA_SIZE = 15  # px, the size of the text around it
ROUNDING = 1e-12  # so that an answer at the very edge of the tolerance counts


class QuizError(DataFileError):
    """A quiz file that breaks a rule; the message names file, line and reason, of every fault in turn."""


# --- reading and checking a file ---------------------------------------------------------------------


def load(path: Path, what: str = "quiz", schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a quiz as it stands in its file, checked against the schema and the rules that no schema can say.

    what: the key that holds the lesson's number, in other files of questions (prediction.py); schema: theirs.

    Raises QuizError, which names each fault with file and line.
    """
    try:
        return json_schema.load(path, schema or _schema(), lambda document: _against_rules(document, path.stem, what))
    except FileNotFoundError:
        known = ", ".join(names(path.parent)) or "none"
        reason = f"there is no {what} {path.stem!r} in {path.parent}, expected one of: {known}"
        raise QuizError(path, None, reason) from None
    except DataFileError as error:
        raise QuizError(path, error.line, error.reason) from None


def names(folder: Path | None = None) -> list[str]:
    """Return the names of the quizzes, or other files of questions, that there are."""
    return sorted(path.stem for path in (folder or lessons.QUIZZES).glob("[0-9][0-9].json"))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of quiz files."""
    return deepcopy(_schema())


def schema_of(path: Path, name: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of files whose questions are a quiz's with one property more, of this name; path: the rest."""
    own: dict[str, Any] = data_files.document(path)[0]
    shared = schema()["$defs"]
    for kind in ("choice", "numeric", "order"):
        shared[kind]["properties"][name] = more
    return {**own, "$defs": shared}


@cache
def _schema() -> dict[str, Any]:
    read: dict[str, Any] = data_files.document(lessons.QUIZZES / "schema.json")[0]
    return read


def _against_rules(document: dict[str, Any], stem: str, what: str) -> Iterator[tuple[JSONPath, str]]:
    if document[what] != stem:
        yield (what,), f"got {document[what]!r}, wanted {stem!r} to match the file's name"
    used: set[str] = set()
    for where, text in texts(document):
        if text.count("$") % 2:
            yield where, "a formula begins with $ and does not end"
            continue
        for latex in text.split("$")[1::2]:
            used.add(latex)
            if latex not in document["formulas"]:
                yield where, f"the formula ${latex}$ has no spoken form in formulas"
    for latex in document["formulas"].keys() - used:
        yield ("formulas", latex), "no text uses this formula"
    for latex, spoken in document["formulas"].items():
        try:
            formula(latex, spoken, FORMULA_SIZE)
        except Exception as error:  # whatever the typesetter stumbles over
            yield ("formulas", latex), f"cannot be typeset: {error or type(error).__name__}"
    ids = [question["id"] for question in document["questions"]]
    for n, question in enumerate(document["questions"]):
        where = ("questions", n)
        if question["id"] in ids[:n]:
            yield (*where, "id"), f"the id {question['id']!r} is used twice"
        yield from _question_rules(question, where)


def _question_rules(question: dict[str, Any], where: JSONPath) -> Iterator[tuple[JSONPath, str]]:
    kind = question["kind"]
    parts = {"numeric": "wrong", "order": "items"}.get(kind, "options")
    for n, part in enumerate(question[parts]):
        if "misconception" not in part:
            continue
        known = misconceptions.known()
        if part["misconception"] not in known:
            reason = f"{part['misconception']!r} is not one of M1 to M{len(known)}"
            yield (*where, parts, n, "misconception"), reason
        if part.get("right"):
            yield (*where, parts, n, "misconception"), "a right option is no misconception"
    if kind == "numeric":
        for n, wrong in enumerate(question["wrong"]):
            if is_right(question, wrong["value"]):
                yield (*where, "wrong", n, "value"), f"{wrong['value']} counts as right within the tolerance"
            if any(
                abs(wrong["value"] - other["value"]) <= 2 * question["tolerance"] for other in question["wrong"][:n]
            ):
                yield (*where, "wrong", n, "value"), f"{wrong['value']} cannot be told from an earlier wrong value"
        return
    texts = [" ".join(part["text"].split()) for part in question[parts]]
    for n, text in enumerate(texts):
        if text in texts[:n]:
            yield (*where, parts, n, "text"), "another one has the same text"
    if kind == "order":
        if sorted(question["start"]) != list(range(len(texts))):
            yield (*where, "start"), f"expected each of 0 to {len(texts) - 1} once"
        elif is_right(question, question["start"]):
            yield (*where, "start"), "the items start in the right order, so there is nothing to do"
        return
    right = sum(option["right"] for option in question["options"])
    if kind == "single" and right != 1:
        yield (*where, "options"), f"{right} options are right, expected exactly one"
    if kind == "several" and not 0 < right < len(texts):
        yield (
            (*where, "options"),
            f"{right} of {len(texts)} options are right, expected at least one right and one wrong",
        )


def texts(value: Any, where: JSONPath = ()) -> Iterator[tuple[JSONPath, str]]:
    """Yield each text that a learner reads, with its place."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and key in ("text", "reason", "otherwise", "came"):
                yield (*where, key), inner
            elif key != "formulas":
                yield from texts(inner, (*where, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from texts(inner, (*where, index))


# --- what an answer is worth -------------------------------------------------------------------------


def is_right(question: Mapping[str, Any], given: Any) -> bool:
    """Say whether an answer is right.

    given: the option's index (single), the indices of the chosen options (several), the number (numeric), or the
    items' indices in the order they were put in (order); indices count from 0 in the file's order.
    """
    kind = question["kind"]
    if kind == "numeric":
        return (
            _is_number(given) and abs(given - question["answer"]) <= question["tolerance"] * (1 + ROUNDING) + ROUNDING
        )
    if kind == "order":
        return bool(given == list(range(len(question["items"]))))
    right = [n for n, option in enumerate(question["options"]) if option["right"]]
    if kind == "single":
        return bool([given] == right)
    return isinstance(given, list) and sorted(map(str, given)) == sorted(map(str, right))


def _is_number(given: Any) -> bool:
    """Say whether this is a finite number as the page knows numbers: an edited record may hold a larger one."""
    return isinstance(given, int | float) and not isinstance(given, bool) and abs(given) <= sys.float_info.max


def is_answer(question: Mapping[str, Any], given: Any) -> bool:
    """Say whether this can be an answer to the question as it is now; a record may be of an older one."""
    if question["kind"] == "numeric":
        return _is_number(given)
    places = range(len(question.get("items") or question.get("options", [])))
    chosen = given if isinstance(given, list) else [given]
    if not all(isinstance(n, int) and not isinstance(n, bool) and n in places for n in chosen):
        return False
    if question["kind"] == "order":
        return sorted(chosen) == [*places]
    return isinstance(given, list) == (question["kind"] == "several") and len({*chosen}) == len(chosen) > 0


def shuffled(seed: int, question: Mapping[str, Any]) -> list[int]:
    """Return the indices of a question's options in the order that the learner with this seed sees.

    Options that are ``ordered``, such as the lines of what stands above, stay as they are.
    """
    if question.get("ordered"):
        return [*range(len(question["options"]))]
    letters = [ord(letter) for letter in question["id"]]
    return sorted(range(len(question["options"])), key=lambda n: uniform(seed, *letters, n))


# --- the widget --------------------------------------------------------------------------------------


@cache
def _content(name: str) -> dict[str, Any]:
    document = load(lessons.QUIZZES / f"{name}.json")
    return {"title": document["title"], "formulas": drawn(document), "questions": document["questions"]}


def drawn(document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return each formula of a file, as SVG and as it is said."""
    return {
        latex: {"svg": formula(latex, spoken, FORMULA_SIZE), "spoken": spoken}
        for latex, spoken in document["formulas"].items()
    }


def drawn_in(question: Mapping[str, Any], formulas: Mapping[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Return those of a file's drawn formulas that stand in one question."""
    used = {latex for _, text in texts(question) for latex in text.split("$")[1::2]}
    return {latex: drawing for latex, drawing in formulas.items() if latex in used}


def _is_recording() -> bool:
    try:
        return progress.location() is not None
    except OSError:
        return False


class Quiz(Lab):
    """A lesson's quiz, with a reason for every option and as many tries as one likes.

    quiz: the two-digit number of the lesson. Without it the quiz is empty and knows every lesson's questions,
    which is what viewers without Python are built from.

    Read `answers` (by question, all tries in order) and `results`. Answers go into the learner's own record
    (course_utils.progress). Raises QuizError for a quiz that does not exist or whose file breaks a rule.
    """

    _esm = lab_source("quiz.js")
    _css = lab_style("quiz.css")
    offline_note = "Run the cell to keep your answers: this quiz is not connected to Python."
    called = "Quiz"

    quiz = Text("").tag(sync=True)
    seed = Whole(0, min=0, max=2**32 - 1, help="which order of the options this learner sees").tag(sync=True)
    library = Dict(read_only=True).tag(sync=True)
    answers = Dict().tag(sync=True)
    before = Dict(read_only=True, help="by question, whether its first answer was right, in the record").tag(sync=True)
    recorded = Whole(0, min=-1, max=100_000, help="answers taken into the record; −1: recording is off").tag(sync=True)

    def __init__(self, quiz: str = "") -> None:
        if not isinstance(quiz, str):
            raise TypeError(f"quiz is {data_files.shown(quiz)}, expected the number of its lesson, such as '01'")
        self._counted: dict[str, int] = {}
        library = self._read(quiz)
        super().__init__(quiz=quiz, seed=progress.learner_seed() if quiz else 0)
        self.set_trait("library", library)
        if quiz:
            self._remember()

    def _read(self, quiz: str) -> dict[str, Any]:
        """Return this quiz, or all, by name."""
        return {name: deepcopy(_content(name)) for name in ([quiz] if quiz else names())}

    def _remember(self) -> None:
        """Take over what the learner's record holds."""
        self.set_trait("before", self._first_answers())

    def _keep(self, question: Mapping[str, Any], given: Any, is_first: bool) -> None:
        progress.record_quiz(self.quiz, question["id"], is_right(question, given), is_first)

    @property
    def questions(self) -> list[dict[str, Any]]:
        """Return the questions as they stand in the file."""
        return list(self.library[self.quiz]["questions"]) if self.quiz in self.library else []

    def _first_answers(self) -> dict[str, bool]:
        """Return what the learner's record holds of this quiz."""
        answered = progress.summary().get(self.quiz, {}).get("quiz", {})
        names = (question["id"] for question in self.questions)
        return {name: answered[name]["first_try"] for name in names if name in answered}

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """Return, for each question answered: first_try (right at once), correct (ever) and tries."""
        found = {}
        for question in self.questions:
            tries = [is_right(question, given) for given in self.answers.get(question["id"], [])]
            if tries:
                found[question["id"]] = {"first_try": tries[0], "correct": any(tries), "tries": len(tries)}
        return found

    def take_over(self, answers: Mapping[str, list[Any]]) -> None:
        """Show answers that are in the record already."""
        self._counted |= {name: len(tries) for name, tries in answers.items()}
        self.answers = {**self.answers, **answers}

    @validate("answers")
    def _checked(self, proposal: Any) -> Any:
        for question in self.questions:
            tries = proposal.value.get(question["id"], [])
            if not isinstance(tries, list) or not all(self._is_answer(question, given) for given in tries):
                raise TraitError(
                    f"answers[{question['id']!r}] is {data_files.shown(tries)}, expected a list of answers, each "
                    f"such as the question's kind, {question['kind']!r}, has"
                )
        return proposal.value

    def _is_answer(self, question: Mapping[str, Any], given: Any) -> bool:
        return is_answer(question, given)

    @observe("answers")
    def _record(self, _change: Any) -> None:
        for question in self.questions:
            name = question["id"]
            tries = self.answers.get(name, [])
            for n in range(self._counted.get(name, 0), len(tries)):
                self._keep(question, tries[n], n == 0)
            self._counted[name] = max(self._counted.get(name, 0), len(tries))
        self.recorded = sum(self._counted.values()) if _is_recording() else -1

    # --- viewers without widgets ---------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return the quiz's title and questions, as text."""
        if self.quiz not in self.library:
            return "Quiz."
        asked = [f"{n}. {self.as_said(q['text'])}" for n, q in enumerate(self.questions, start=1)]
        return "\n".join([f"{self.called}: {self.library[self.quiz]['title']}", *asked])

    def first_frame(self) -> bytes:
        """Return nothing: as text a quiz says more than as a picture."""
        return b""

    def page(self) -> str:
        """Return the questions as HTML, with the answers and their reasons behind a fold, for pages without widgets."""
        if self.quiz not in self.library:
            return ""
        asked = "".join(f"<li>{as_html(question, self.seed)}</li>" for question in self.questions)
        return f"<p><b>{self.called}: {escape(self.library[self.quiz]['title'])}</b></p><ol>{asked}</ol>"

    def as_said(self, text: str) -> str:
        """Return a text with its formulas in words."""
        formulas = self.library[self.quiz]["formulas"]
        return "".join(formulas[p]["spoken"] if n % 2 else p for n, p in enumerate(text.split("$")))


def as_html(
    question: Mapping[str, Any],
    seed: int,
    marks: tuple[str, str] = ("right", "not right"),
    fold: str = "Answer and reasons",
) -> str:
    """Return a question as HTML, with what is told after the answer behind a fold.

    seed: of the options' order; marks: what stands before a right and a wrong answer there; fold: its title.
    """
    kind, (good, bad) = question["kind"], marks
    choices: list[str] = []
    if kind == "order":
        told = [("", item["text"], item["reason"]) for item in question["items"]]
        choices = [question["items"][n]["text"] for n in question["start"]]
        hint = "Put these in the right order."
    elif kind == "numeric":
        told = [(f"{good}: ", decimal(question["answer"]), question["reason"])]
        told += [(f"{bad}: ", decimal(wrong["value"]), wrong["reason"]) for wrong in question["wrong"]]
        hint = "Answer with a number."
    else:
        options = [question["options"][n] for n in shuffled(seed, question)]
        told = [(f"{good if o['right'] else bad}: ", o["text"], o["reason"]) for o in options]
        choices = [option["text"] for option in options]
        hint = "Choose one." if kind == "single" else "Choose all that are right."
    listed = "".join(f"<li>{escape(text)}</li>" for text in choices)
    listed = f"<ul>{listed}</ul>" if listed else ""
    outer = "ol" if kind == "order" else "ul"
    reasons = "".join(f"<li><b>{mark}{escape(text)}</b><br>{escape(reason)}</li>" for mark, text, reason in told)
    came = f"<p>{escape(question['came'])}</p>" if "came" in question else ""
    told_later = f"<details><summary>{fold}</summary>{came}<{outer}>{reasons}</{outer}></details>"
    return f"<p>{escape(question['text'])} <i>{hint}</i></p>{listed}{told_later}"


def decimal(x: float) -> str:
    """Return a number as a learner reads it, with a real minus sign."""
    return f"{x:.12g}".replace("-", "−")
