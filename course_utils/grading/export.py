"""Marks for a learning platform: CSV for Canvas, for Moodle, and plain.

What is not graded is an empty field, never 0: a total stands only where every item of a submission is graded, by the
grader or by a person. A text that a spreadsheet would take for a formula gets an apostrophe in front.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from course_utils.grading import results
from course_utils.grading.problem_sets import ProblemSet
from course_utils.grading.results import Result

__all__ = ["RosterError", "Row", "harmless", "left_out", "rows", "table", "write"]


Target = Literal["canvas", "moodle", "csv"]
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE = ("Identifier", "Full name", "Email address", "Grade", "Maximum Grade")
# of an item, by the id of its student and its own: the points a person gave, with extra credit
Marks = Mapping[str, Mapping[str, float | None]]


class RosterError(ValueError):
    """A list of students that cannot be used; the message says why."""


@dataclass(frozen=True)
class Row:
    """The marks of one student."""

    student: str
    name: str
    number: str
    points: tuple[float | None, ...]
    """of each item, in the set's order; None: not graded"""

    @property
    def total(self) -> float | None:
        """All points, or None where one item is not graded."""
        known = [value for value in self.points if value is not None]
        return sum(known) if known and len(known) == len(self.points) else None


def rows(found: Iterable[Result], problem_set: ProblemSet, marks: Marks) -> list[Row]:
    """Return the marks of each student; what a person gave takes the place of what the grader found."""
    made = []
    for result in found:
        own = {outcome.id: outcome.points for outcome in result.outcomes}
        own |= {item: points for item, points in marks.get(result.student, {}).items() if points is not None}
        points = tuple(own.get(item.id) for item in problem_set.items)
        made.append(Row(result.student, result.name, result.number, points))
    return made


def table(
    marks: list[Row], problem_set: ProblemSet, target: Target, roster: Path | None = None, column: str = ""
) -> list[list[str]]:
    """Return the lines of the CSV that a platform takes in.

    Args:
        marks: of each student.
        problem_set: what was asked.
        target: whose CSV.
        roster: the platform's own list, in which the marks are filled in: of Canvas the exported gradebook, of Moodle
            the grading worksheet. Without one, a list is made of what the files' names say.
        column: of the roster, for the marks; Canvas adds a number in brackets. "": the set's name, or Moodle's "Grade".

    Raises RosterError where the roster is no such list, or has no such column.
    """
    if target == "csv":
        head = ["student", "name", "number", *(item.id for item in problem_set.items), "total", "maximum"]
        most = _number(problem_set.points)
        return [head, *([r.student, r.name, r.number, *map(_number, r.points), _number(r.total), most] for r in marks)]
    if roster is not None:
        return _filled_in(marks, problem_set, target, roster, column)
    if target == "canvas":
        head = [*CANVAS, problem_set.name]
        possible = ["    Points Possible", "", "", "", "", _number(problem_set.points)]
        lines = [[row.name or row.student, row.number, "", _login(row), "", _number(row.total)] for row in marks]
        return [head, possible, *lines]
    most = _number(problem_set.points)
    lines = [
        [f"Participant {row.number}" if row.number else "", row.name or row.student, "", _number(row.total), most]
        for row in marks
    ]
    return [list(MOODLE), *lines]


def write(lines: list[list[str]], file: Path) -> Path:
    """Write a CSV in UTF-8, which says so to spreadsheets, and return its path."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows([harmless(field) for field in line] for line in lines)
    results.write_whole(file, buffer.getvalue().encode("utf-8-sig"))
    return file


def harmless(field: str) -> str:
    """Return a field that no spreadsheet takes for a formula; a number stays as it is."""
    try:
        float(field)
    except ValueError:
        return f"'{field}" if field.lstrip()[:1] in ("=", "+", "-", "@") or field[:1] in ("\t", "\r", "\n") else field
    return field


def _number(points: float | None) -> str:
    return "" if points is None else f"{round(points, 4):g}"


def _login(row: Row) -> str:
    return "" if row.number else row.student


def left_out(marks: list[Row], target: Target, roster: Path) -> list[str]:
    """Return the students whose marks no line of a platform's list takes; raise RosterError where it is none."""
    lines = _read(roster, target)
    taken = {row.student for row in _whose(lines, target, marks).values()}
    return [row.student for row in marks if row.student not in taken]


def _read(roster: Path, target: Target) -> list[list[str]]:
    try:
        lines = list(csv.reader(io.StringIO(roster.read_text(encoding="utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RosterError(f"--roster is {roster}, which cannot be read as CSV ({error})") from None
    wanted = ("ID", "SIS Login ID") if target == "canvas" else ("Identifier", "Grade")
    missing = [name for name in wanted if name not in (lines[0] if lines else [])]
    if missing:
        raise RosterError(f"--roster is {roster}, without the column {missing[0]!r} that {target}'s own list has")
    return lines


def _whose(lines: list[list[str]], target: Target, marks: list[Row]) -> dict[int, Row]:
    """Return the marks that belong to each line, by the line's place."""
    by: dict[str, Row] = {}
    for row in marks:
        by |= {row.student.casefold(): row} | ({row.number: row} if row.number else {})
    keys = ("ID", "SIS Login ID", "SIS User ID") if target == "canvas" else ("Identifier", "Email address", "ID number")
    places = [lines[0].index(key) for key in keys if key in lines[0]]
    found = {}
    for n, line in enumerate(lines[1:], start=1):
        own = (line[place].removeprefix("Participant ").strip().casefold() for place in places if place < len(line))
        mine = next((by[key] for key in own if key and key in by), None)
        if mine is not None:
            found[n] = mine
    return found


def _filled_in(marks: list[Row], problem_set: ProblemSet, target: Target, roster: Path, column: str) -> list[list[str]]:
    lines = _read(roster, target)
    head, name = lines[0], column or ("Grade" if target == "moodle" else problem_set.name)
    names = [one for one in head if one == name or one.startswith(f"{name} (")]
    if not names:
        others = ", ".join(repr(one) for one in head if one not in CANVAS)
        raise RosterError(f"--column is {name!r}, which {roster} does not have, expected one of {others}")
    place = head.index(names[0])
    for n, row in _whose(lines, target, marks).items():
        lines[n] += [""] * (len(head) - len(lines[n]))
        lines[n][place] = _number(row.total)
    return lines
