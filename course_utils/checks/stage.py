"""A stage of the build: a function of the learner's own file, and the parts that it is checked in.

A part calls the learner's functions through ``Functions``, here or in the grader's sandbox: arguments and answers are
numbers, strings, lists, dictionaries and arrays, ``Seed`` where a generator belongs, and a ``ProbeEnvironment``, of
which the learner's code gets ``reset`` and ``step`` alone.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol

import numpy as np

from course_utils.checks.calls import Stop
from course_utils.checks.question import Section, UnknownQuestionError

__all__ = ["Fault", "FaultFound", "Functions", "Part", "Stage", "Stopped", "finding", "load", "names"]


@dataclass(frozen=True)
class Fault:
    """What a part found. The texts may hold `code` in backticks."""

    mistake: str | None
    """stable id, None where it is none of the known ones"""
    happened: str
    why: str
    saw: tuple[tuple[str, str], ...] = ()
    """rows of name and value, to be shown"""


class FaultFound(Exception):
    """Ends a part from inside of it, with what it found; ``finding`` turns it into the part's answer."""

    def __init__(self, fault: Fault) -> None:
        """Keep the fault."""
        super().__init__(fault.happened)
        self.fault = fault


class Stopped(Exception):
    """A call of the learner's code did not come to its end."""

    def __init__(self, stop: Stop) -> None:
        """Keep why."""
        super().__init__(f"{stop.error}: {stop.message}")
        self.stop = stop


class Functions(Protocol):
    """The functions of a learner's file, wherever they run."""

    def call(self, name: str, *arguments: Any) -> Any:
        """Return a function's answer as data: tuples as lists. Raises Stopped where the code stops."""


Run = Callable[[Functions, np.random.Generator], Fault | None]


@dataclass(frozen=True)
class Part:
    """One thing that a stage is checked for."""

    id: str
    title: str
    points: float
    run: Run
    """None where nothing was found; the generator is the check's own, and decides its inputs"""


@dataclass(frozen=True)
class Stage:
    """A stage of the build."""

    name: str
    """as it is asked for: "build_reinforce" """
    lesson: str
    """two digits: the lesson that it follows"""
    prompt: str
    """what is asked, in one line"""
    signature: str
    """as a learner writes it"""
    function: str
    """the name of the function that is checked"""
    parts: tuple[Part, ...]
    """from the simplest to the last; a part that fails does not stop the ones after it"""
    read: Section
    remark: str = ""
    """said when every part is right"""
    uses: tuple[str, ...] = ()
    """other functions of the file that the stage is made of"""
    helps: tuple[tuple[str, str], ...] = ()
    """what may help where the code stops: a pattern of the error, its message and its line, and a sentence"""
    seconds: float = 3.0
    """how long all parts take, on a slow machine"""

    def own(self) -> tuple[str, ...]:
        """Return the functions that this stage adds to the file, but for the one that is checked."""
        order = names()
        before = [load(name) for name in order[: order.index(self.name)]] if self.name in order else []
        known = {name for stage in before for name in (stage.function, *stage.uses)}
        return tuple(name for name in self.uses if name not in known)

    def help(self, stop: Stop) -> str:
        """Return what may help where the code stopped, or ""."""
        told = f"{stop.error}: {stop.message} in {stop.text} from {stop.caller[1]}"
        return next((sentence for pattern, sentence in self.helps if re.search(pattern, told)), "")

    @property
    def points(self) -> float:
        """What all parts are worth."""
        return sum(part.points for part in self.parts)


def finding(run: Run) -> Run:
    """Let a part answer with the fault that is raised inside of it."""

    @wraps(run)
    def found(functions: Functions, rng: np.random.Generator) -> Fault | None:
        try:
            return run(functions, rng)
        except FaultFound as found:
            return found.fault

    return found


def names() -> list[str]:
    """Return the names of all stages, in the order in which they are built."""
    package = import_module("course_utils.checks.stages")
    found = [module.name for module in iter_modules(package.__path__) if module.name.startswith("build_")]
    return sorted(found, key=package.ORDER.index)


def load(name: str) -> Stage:
    """Return the stage with this name; raise UnknownQuestionError where there is none."""
    if type(name) is not str or name not in names():
        raise UnknownQuestionError(name)
    stage: Stage = import_module(f"course_utils.checks.stages.{name}").STAGE
    return stage
