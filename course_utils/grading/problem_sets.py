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
from itertools import pairwise
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from course_utils import arguments, checks
from course_utils.checks import stage as stages
from course_utils.checks.question import Mistake, Question, Section
from course_utils.checks.result import show
from course_utils.grading import cures, protocol

__all__ = ["Criterion", "Cure", "Item", "Judgement", "Number", "ProblemSet", "function", "given", "load"]
__all__ += ["look_at", "names", "preamble", "stage", "written"]


Kind = Literal["function", "number", "stage", "written", "cure"]
T_95 = MappingProxyType({2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 8: 2.365, 10: 2.262})
"""Student's t, two-sided at 95%, by the number of seeds"""
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

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw data on which the answer and the known mistakes are numbers of their own."""
        while True:
            data = dict(self.variant(rng))
            numbers = sorted([self.answer(**data), *(float(one.compute(**data)) for one in self.mistakes)])
            gap = 30 * self.rtol * abs(self.answer(**data))
            if all(b - a > gap for a, b in pairwise(numbers)):
                return data

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
    """A run to cure by its settings: trained with fresh seeds, and measured by the gold reward of fresh replies.

    It is cured where the mean gold over the seeds, less the half-width of its 95% interval (Student's t), is at least
    ``enough``; half the points where that is above the mean gold of the reference, which no training is needed for.
    """

    prompt: str
    settings: Mapping[str, Any]
    """of the sick run: keywords of RunConfig"""
    bounds: Mapping[str, tuple[Any, ...]]
    """what may be turned: (low, high) of a number, or the choices of a text or a flag"""
    enough: float
    remark: str
    read: Section
    most_changes: int = 3
    seeds: int = 4
    replies: int = 1000
    measure: Callable[[Mapping[str, Any], int, int], tuple[float, float]] = cures.gold_of_run
    """from settings, seed and number of replies to the gold of policy and reference"""

    def refusal(self, value: object) -> str:
        """Say why these cannot be the settings of a cure; "" where they can. Any student may read it."""
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            return (
                f"The settings are {show(value)}, and a dict is asked for, such as {{'{next(iter(self.bounds))}': …}}."
            )
        if not value:
            return "The dict is empty: nothing is changed, and the run goes wrong as it did."
        if len(value) > self.most_changes:
            return (
                f"{len(value)} settings are changed, and at most {self.most_changes} may be: say which of them cures."
            )
        for name, given in value.items():
            if name not in self.bounds:
                return f"{show(name)} is not to be changed. What you may turn: {', '.join(self.bounds)}."
            allowed = self.bounds[name]
            if isinstance(allowed[0], str | bool):
                if not any(type(given) is type(one) and given == one for one in allowed):
                    return f"{name} is {show(given)}, expected one of {', '.join(map(repr, allowed))}."
                continue
            number = _real(given)
            whole = isinstance(allowed[0], int)
            if number is None or not allowed[0] <= number <= allowed[1] or (whole and number != int(number)):
                kind = "a whole number" if whole else "a number"
                return f"{name} is {show(given)}, expected {kind} from {allowed[0]:g} to {allowed[1]:g}."
        return ""

    def judge(self, value: object, seed: int) -> Judgement:
        """Train with fresh seeds, drawn from this one, and judge the settings by the gold of fresh replies."""
        if value is ... or value is None:
            return Judgement("no-answer", 0.0, ("No settings were handed in.",))
        read = f"Where to read: {self.read}."
        if refused := self.refusal(value):
            return Judgement("wrong", 0.0, (refused, read), "refused")
        assert isinstance(value, Mapping)
        turned = {
            name: int(given) if isinstance(self.bounds[name][0], int) and type(given) is not bool else given
            for name, given in value.items()
        }
        drawn = np.random.default_rng(seed).choice(2**31, size=self.seeds, replace=False).tolist()
        try:
            measured = [self.measure({**self.settings, **turned}, one, self.replies) for one in drawn]
        except FloatingPointError:
            return Judgement("wrong", 0.0, ("With these settings a run ended in numbers that are not finite.", read))
        after = np.array([gold for gold, _ in measured])
        reference = float(np.mean([gold for _, gold in measured]))
        half = T_95[self.seeds] * float(after.std(ddof=1)) / math.sqrt(self.seeds)
        lowest = float(after.mean()) - half
        said = (
            f"Trained with {self.seeds} fresh seeds, fresh replies earn {after.mean():.2f} points (95% interval ± "
            f"{half:.2f}); those of the reference earn {reference:.2f}. The lower end is to reach {self.enough:g}."
        )
        if lowest >= self.enough:
            return Judgement("correct", 1.0, (f"The run is cured. {said}", self.remark))
        if lowest > reference:
            return Judgement("partial", 0.5, (f"Better than the reference, and not enough. {said}", read))
        return Judgement("wrong", 0.0, (f"The run is not cured. {said}", read))


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

    def __post_init__(self) -> None:
        """Raise ValueError where the sandbox could not be asked one of its questions."""
        for item in self.items:
            if isinstance(item.question, Question):
                _check_inputs(item.id, item.question)

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
    return question.draw(np.random.default_rng(int.from_bytes(digest[:8], "big")))


def function(id: str, title: str, name: str) -> Item:
    """Return an item that a question of ``checks`` judges."""
    question = checks.load(name)
    return Item(id, "function", title, float(question.points), name, question)


def stage(id: str, title: str, name: str) -> Item:
    """Return an item that a stage of the build judges, part by part."""
    question = stages.load(name)
    return Item(id, "stage", title, float(question.points), question.function, question)


def written(id: str, title: str, *rubric: Criterion) -> Item:
    """Return an item that is read by a person, with this rubric."""
    return Item(id, "written", title, sum(one.points for one in rubric), rubric=rubric)


def look_at(id: str, value: object) -> None:
    """Print whether a value can be an answer to a number or a cure: all that a notebook says of them.

    What is right stays with the grader: this knows of form and range alone.
    """
    question = load(id.partition("-")[0]).item(id).question
    if isinstance(question, Cure):
        said = "Nothing is there yet." if value is ... else question.refusal(value)
        print(said or "Settings that can be tried. They are marked after you hand them in, with seeds of their own.")
    else:
        print(question.form(value))


def preamble(problem_set: ProblemSet, student: str) -> str:
    """Return what the solution cells may rely on, as source: NumPy, and the data of the numbers, as in the notebook."""
    lines = ["import numpy as np", f"student = {student!r}"]
    for item in problem_set.items:
        if isinstance(item.question, Number):
            lines.append(f"{item.name}_data = {given(item.id, student)!r}")
    return "\n".join(lines)


def _check_inputs(id: str, question: Question) -> None:
    """Raise ValueError where an input cannot be passed into the sandbox."""
    drawn = question.fresh(np.random.default_rng(0))
    for inputs in (*question.fixed, *question.extreme, drawn):
        for name, value in inputs.items():
            start = f"{id} asks `{question.name}`, and its input {name}"
            if callable(value):
                raise ValueError(f"{start} is a function, which cannot be passed into the sandbox: it is for practice.")
            try:
                protocol.encode(value)
            except protocol.ProtocolError as error:
                raise ValueError(f"{start} cannot be passed into the sandbox: {error}.") from None


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
