"""The audit log: what was graded, when, from which file, with which seeds, limits and versions, and what came out.

One line of JSON for each event; lines are added and never changed. Each line holds the SHA-256 of the line before it,
so a line that was changed, left out or put in later breaks the chain there. Whoever keeps the hash of the last line
(``status`` prints it) also sees whether the end was cut off. A line that a kill broke off stays, and the chain goes
on.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["Log", "Verdict", "events", "verify"]


START = "0" * 64  # what the first line holds in place of a hash


class Log:
    """An audit log to add to, by one process at a time."""

    def __init__(self, file: Path) -> None:
        """file: is made where there is none."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        last, ended = _last_line(self._handle)
        if not ended:
            os.write(self._handle, b"\n")
        self._previous = hashlib.sha256(last).hexdigest() if last else START

    def add(self, event: Mapping[str, Any]) -> None:
        """Add an event, with the time and the hash of the line before."""
        record = {"time": datetime.now(UTC).isoformat(timespec="seconds"), **event, "previous": self._previous}
        line = json.dumps(record, ensure_ascii=True, allow_nan=False).encode()
        os.write(self._handle, line + b"\n")
        self._previous = hashlib.sha256(line).hexdigest()

    def close(self) -> None:
        """Write what the system still keeps back, and close the file."""
        os.fsync(self._handle)
        os.close(self._handle)

    def __enter__(self) -> "Log":
        """Return the log."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


@dataclass(frozen=True)
class Verdict:
    """What an audit log's chain says."""

    lines: int
    problems: tuple[str, ...]
    """one sentence for each break"""
    last: str
    """the hash of the last line"""


def verify(file: Path) -> Verdict:
    """Follow the chain of a log. OSError where the file cannot be read."""
    previous, problems, number = START, [], 0
    for number, line in enumerate(_lines(file), start=1):
        record = _parsed(line)
        if record is None:
            problems.append(f"Line {number} is no event: a kill broke it off, or it was changed.")
        elif record.get("previous") != previous:
            problems.append(f"Line {number} does not follow the line before it: one was changed, left out or put in.")
        previous = hashlib.sha256(line).hexdigest()
    return Verdict(number, tuple(problems), previous)


def events(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a log, oldest first; none where there is no log."""
    if file.exists():
        for line in _lines(file):
            if (record := _parsed(line)) is not None:
                yield record


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        for line in stream:
            yield line.removesuffix(b"\n")


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _last_line(handle: int) -> tuple[bytes, bool]:
    """Return the last line, and whether it ended; looks no further back than it must."""
    end = os.lseek(handle, 0, os.SEEK_END)
    tail, start = b"", end
    while start and tail.removesuffix(b"\n").count(b"\n") == 0:
        step = min(65_536, start)
        start -= step
        os.lseek(handle, start, os.SEEK_SET)
        tail = os.read(handle, step) + tail
    return tail.removesuffix(b"\n").rpartition(b"\n")[2], not tail or tail.endswith(b"\n")
