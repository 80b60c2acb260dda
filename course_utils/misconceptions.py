"""The course's one list of mistakes, M1, M2, … in words: what questions, quizzes and deliberate faults cite."""

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType

from course_utils import data_files
from course_utils.data_files import DataFileError

__all__ = ["Misconception", "known", "read"]

PATH = data_files.DATA / "misconceptions.json"


@dataclass(frozen=True)
class Misconception:
    """A way to go wrong that many take."""

    id: str
    """M and its place in the list, from 1; it never changes its meaning, because learners' records keep it"""
    title: str
    sentence: str
    """what is done or believed"""
    lessons: tuple[str, ...]
    """where it is met, two digits each"""


KEYS = {field.name for field in fields(Misconception)}


def read(path: Path = PATH) -> dict[str, Misconception]:
    """Return the list, by id.

    Raises:
        DataFileError: the file cannot be read or breaks a rule; the message has file, line and reason.
    """
    document, lines = data_files.document(path)
    if not isinstance(document, list) or not document:
        raise DataFileError(path, 1, "expected a list of misconceptions")
    found = {}
    for place, entry in enumerate(document):
        line = lines[(place,)]
        if not isinstance(entry, dict) or entry.keys() != KEYS:
            raise DataFileError(path, line, f"expected an object with {', '.join(sorted(KEYS))}, and nothing else")
        if entry["id"] != f"M{place + 1}":
            raise DataFileError(path, line, f"the id is {data_files.shown(entry['id'])}, expected 'M{place + 1}'")
        lessons = entry["lessons"] if isinstance(entry["lessons"], list) else [None]
        for text in (entry["title"], entry["sentence"], *(lessons or [None])):
            if not isinstance(text, str) or not text.strip():
                raise DataFileError(path, line, "title and sentence are texts, lessons a list of one or more")
        found[entry["id"]] = Misconception(**entry | {"lessons": tuple(lessons)})
    return found


@cache
def known() -> MappingProxyType[str, Misconception]:
    """Return the course's own list, by id."""
    return MappingProxyType(read())
