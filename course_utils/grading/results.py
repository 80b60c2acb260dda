"""The result of a submission: one JSON file, written whole or not at all.

The file is OUT/results/SET/STUDENT.json. Points of None say "not graded", which is never 0.
"""

import dataclasses
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_utils import data_files
from course_utils.grading.marking import Outcome

__all__ = ["Result", "location", "read", "stored", "write", "write_whole"]


FORMAT = "policy-gradient-course result"
VERSION = 1
FAILED = "It could not be graded, and that is not the student's doing"  # begins a note for the instructor alone


@dataclass(frozen=True)
class Result:
    """What came of one submission."""

    set: str
    student: str
    sha256: str
    """of the file that was handed in"""
    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...] = ()
    refused: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""
    """SHA-256 of the course's secret"""
    definition: str = ""
    """SHA-256 of the set and of what judges it"""
    name: str = ""
    number: str = ""
    says: str = ""
    """as in Submission"""

    @property
    def points(self) -> float | None:
        """The points of all items, or None where one of them is not graded, or the whole is refused."""
        points = [outcome.points for outcome in self.outcomes]
        return None if not points or None in points else sum(value for value in points if value is not None)

    @property
    def whole(self) -> bool:
        """Whether nothing failed that was not the student's."""
        return all(outcome.status != "infrastructure" for outcome in self.outcomes)


def location(out: Path, set_name: str, student: str) -> Path:
    """Return the file of a student's result; the id is one of ``submissions``, safe as a name."""
    return out / "results" / set_name / f"{student}.json"


def write(out: Path, result: Result) -> Path:
    """Write a result, and return its file; a kill at any moment leaves the old file or the new one."""
    document = {"format": FORMAT, "version": VERSION, **dataclasses.asdict(result)}
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    file = location(out, result.set, result.student)
    write_whole(file, text.encode("utf-8", "replace"))
    return file


def write_whole(file: Path, content: bytes) -> None:
    """Write a file by way of another one beside it, so that it is never seen half written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=file.parent, prefix=".writing-", suffix=".tmp")
    try:
        with open(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, file)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def read(file: Path) -> Result:
    """Return a stored result; DataFileError (of ``data_files``) where it is none of this version."""
    document, _ = data_files.document(file)
    if not isinstance(document, dict) or (document.get("format"), document.get("version")) != (FORMAT, VERSION):
        raise data_files.DataFileError(file, None, f"this is no result of version {VERSION}")
    try:
        outcomes = tuple(_outcome(one) for one in document["outcomes"])
        known = {one.name for one in dataclasses.fields(Result)} - {"outcomes", "notes"}
        rest = {key: value for key, value in document.items() if key in known}
        return Result(outcomes=outcomes, notes=tuple(document["notes"]), **rest)
    except (KeyError, TypeError, ValueError) as error:
        raise data_files.DataFileError(file, None, f"this is no result: {error}") from None


def _outcome(stored: dict[str, Any]) -> Outcome:
    tuples = {key: tuple(map(tuple, stored[key])) for key in ("parts", "rows")}
    return Outcome(**{**stored, **tuples, "paragraphs": tuple(stored["paragraphs"])})


def stored(out: Path, set_name: str) -> Iterator[Result]:
    """Yield all results of a set, sorted by the student's id."""
    for file in sorted((out / "results" / set_name).glob("*.json")):
        if not file.name.startswith("."):
            yield read(file)
