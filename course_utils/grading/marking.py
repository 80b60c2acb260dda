"""Marking one submission: each item's answer is asked for in the sandbox, and judged here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from course_utils.grading.problem_sets import ProblemSet
from course_utils.grading.sandbox import Sandbox

__all__ = ["Outcome", "Status", "mark"]


Status = Literal[
    "correct", "partial", "wrong", "error", "timeout", "memory", "no-answer", "needs-marking", "infrastructure"
]
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Outcome:
    """What one item of a submission is worth."""

    id: str
    status: Status
    points: float | None
    """None: not graded (needs-marking, infrastructure), which is never 0"""
    max_points: float
    mistake: str | None = None
    parts: tuple[tuple[str, float, float, str], ...] = ()
    """of a stage: each part's id, points, most points, and status"""
    paragraphs: tuple[str, ...] = ()
    """feedback; no input and no seed stands in it"""
    rows: tuple[tuple[str, str], ...] = ()
    """the first failing case, which an instructor may choose to show"""
    seed: int = 0
    """of the item's inputs"""
    seconds: float = 0.0


def mark(
    problem_set: ProblemSet,
    cells: Mapping[str, str],
    student_seed: Callable[[str], int],
    sandbox: Sandbox,
    *,
    student: str = "",
    written: Mapping[str, str] = NOTHING,
) -> list[Outcome]:
    """Mark one submission.

    Args:
        problem_set: what was asked.
        cells: the source of each solution cell, by the item's id.
        student_seed: gives the seed of an item's fresh inputs, by the item's id.
        sandbox: where the student's code runs.
        student: the student's id, from which the data of numbers follow.
        written: the Markdown of each written answer, by the item's id.

    Returns:
        one Outcome for each item, in the set's order. Nothing that a submission holds raises.
    """
    raise NotImplementedError
