"""From what a learning platform hands over, a folder or a ZIP, to one submission for each student.

Whatever lies there, each oddity gets a sentence of its own, and what can be graded is graded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Submission"]


@dataclass(frozen=True)
class Submission:
    """What one student handed in."""

    student: str
    """the student's id, from the name of the file or folder; safe as the name of a file"""
    file: Path
    sha256: str
    cells: Mapping[str, str]
    """the source of each solution cell, by its id: only ids of the set"""
    written: Mapping[str, str]
    """the Markdown of each written answer, by its id"""
    notes: tuple[str, ...]
    """one sentence for each oddity"""
    refused: str = ""
    """the sentence that says why nothing of it can be graded"""
