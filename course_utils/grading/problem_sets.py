"""What a problem set consists of: its items, what each is worth, and how an answer is judged.

A set is a file ``sets/psN.py``, which defines ``PROBLEM_SET``; its notebook is built from ``notebooks/src/psN.py``. A
function is judged by its ``Question``, a stage of the build by its ``Stage``; both call the student's code wherever it
runs. What is judged by its value alone, a number or the settings of a run, is judged here, in the marking process.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Literal

import numpy as np

from course_utils import arguments
from course_utils.checks.question import Mistake, Section
from course_utils.checks.result import show

__all__ = ["Criterion", "Cure", "Item", "Judgement", "Number", "ProblemSet", "given", "load", "names", "preamble"]


Kind = Literal["function", "number", "stage", "written", "cure"]
NAMING = 0.5  # of a number's tolerance: how closely an answer agrees with a known mistake's


@dataclass(frozen=True)
class Judgement:
    """What an answer by value is worth: what ``marking`` makes an Outcome of."""

    status: Literal["correct", "partial", "wrong", "no-answer"]
    share: float
    """of the item's points, from 0 to 1"""
    paragraphs: tuple[str, ...]
    mistake: str | None = None
    rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Criterion:
    """What a written answer is read for, with an example of a full and of a partial answer."""

    title: str
    points: float
    full: str
    partial: str


@dataclass(frozen=True)
class Number:
    """A number to derive, from data that differ from student to student."""

    prompt: str
    """in one line"""
    variant: Callable[[np.random.Generator], Mapping[str, Any]]
    """draws the data that a student sees: plain numbers and lists of them"""
    answer: Callable[..., float]
    """takes the data by name"""
    mistakes: tuple[Mistake, ...]
    remark: str
    """said when the answer is right"""
    read: Section
    low: float = -math.inf
    high: float = math.inf
    """the values that any data allow, for feedback in the notebook; not the answer"""
    rtol: float = 2e-3
    """relative to the answer: three significant digits are enough"""

    def form(self, value: object) -> str:
        """Say whether a value can be an answer at all, in a sentence that any student may read."""
        if value is ... or value is None:
            return "Nothing is there yet."
        number = _real(value)
        if number is None:
            return f"This is {show(value)}, and one finite number is asked for."
        if not self.low <= number <= self.high:
            return f"{show(number)} cannot be: the number is between {self.low:g} and {self.high:g}."
        return f"A number that can be: {show(number)}. It is marked after you hand it in."

    def judge(self, value: object, data: Mapping[str, Any]) -> Judgement:
        """Judge the number of a student with these data."""
        number = _real(value)
        if value is ... or value is None:
            return Judgement("no-answer", 0.0, ("No number was handed in.",))
        if number is None:
            return Judgement("wrong", 0.0, (self.form(value),))
        wanted = float(self.answer(**data))
        allowed = self.rtol * abs(wanted)
        if abs(number - wanted) <= allowed:
            return Judgement("correct", 1.0, ("Your number is right.", self.remark))
        read = f"Where to read: {self.read}."
        for mistake in self.mistakes:
            if any(abs(number - float(f(**data))) <= max(NAMING * allowed, 1e-12) for f in mistake.versions()):
                share = 0.5 if mistake.almost else 0.0
                told = (
                    mistake.happened,
                    f"Why it matters: {mistake.why}",
                    f"Where to read: {mistake.read or self.read}.",
                )
                return Judgement("partial" if share else "wrong", share, told, mistake.id)
        if abs(number - wanted) <= 25 * allowed:
            return Judgement(
                "partial", 0.5, ("Your number is near the exact one, and not it: rounded too early?", read)
            )
        return Judgement("wrong", 0.0, ("Your number is not the exact one, and no known mistake gives it.", read))


@dataclass(frozen=True)
class Cure:
    """A run to cure by its settings: trained with fresh seeds, and measured by the gold reward of fresh replies."""

    prompt: str
    bounds: Mapping[str, tuple[float, float] | tuple[Any, ...]]


@dataclass(frozen=True)
class Item:
    """One item of a set.

    Its id is the label of its solution cell, and of that cell in the notebook and in nbgrader; the cell of its test
    is called ``{id}-check``.
    """

    id: str
    kind: Kind
    title: str
    points: float
    name: str = ""
    """of the function to call (function, stage), of the variable (number), or of the dict of settings (cure)"""
    question: Any = None
    """a Question, Stage, Number or Cure, by kind; None for what is written"""
    rubric: tuple[Criterion, ...] = ()


@dataclass(frozen=True)
class ProblemSet:
    """A problem set."""

    name: str
    """such as "ps1" """
    title: str
    lessons: tuple[str, ...]
    """two digits each"""
    items: tuple[Item, ...]

    @property
    def points(self) -> float:
        """What all items are worth together."""
        return sum(item.points for item in self.items)

    def item(self, id: str) -> Item:
        """Return the item with this id."""
        return next(
            item for item in self.items if item.id == arguments.choice("id", id, [one.id for one in self.items])
        )


def names() -> list[str]:
    """Return the names of the problem sets, sorted."""
    package = import_module("course_utils.grading.sets")
    return sorted(module.name for module in iter_modules(package.__path__))


@cache
def load(name: str) -> ProblemSet:
    """Return a problem set; raise ValueError where there is none of this name."""
    arguments.choice("name", name, names())
    found: ProblemSet = import_module(f"course_utils.grading.sets.{name}").PROBLEM_SET
    return found


def given(id: str, student: str) -> dict[str, Any]:
    """Return the data of a number: what this student sees in the notebook, and what the grader judges by.

    They follow from the item and the student's id alone, SHA-256("item|student") as a seed. That is public on purpose:
    the student must see the data. What is not public is a mark, and that comes from the answer handed in. The grader
    takes the id from the file's name, not from the notebook, so another student's number does not fit.

    Args:
        id: of the item, such as "ps1-q3".
        student: the id.
    """
    question = load(id.partition("-")[0]).item(id).question
    if not isinstance(question, Number):
        raise ValueError(f"id is {id!r}, expected the id of a number to derive")
    digest = hashlib.sha256(f"{id}|{student.strip().casefold()}".encode()).digest()
    return dict(question.variant(np.random.default_rng(int.from_bytes(digest[:8], "big"))))


def preamble(problem_set: ProblemSet, student: str) -> str:
    """Return what the solution cells may rely on, as source: NumPy, and the data of the numbers, as in the notebook."""
    lines = ["import numpy as np", f"student = {student!r}"]
    for item in problem_set.items:
        if isinstance(item.question, Number):
            lines.append(f"{item.name}_given = {given(item.id, student)!r}")
    return "\n".join(lines)


def _real(value: object) -> float | None:
    """Return a finite number as a float, and None for anything else."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
