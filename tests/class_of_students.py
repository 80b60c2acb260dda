"""A small set, notebooks of students, and a marker that runs nothing: for tests of what lies around the marking."""

import json
import os
import signal
import time
from pathlib import Path

from course_utils.grading.marking import Outcome
from course_utils.grading.problem_sets import Criterion, Item, ProblemSet

RUBRIC = (Criterion("a reason", 3.0, "because of the score", "because"),)
SET = ProblemSet(
    "ps1",
    "A small set",
    ("01",),
    (
        Item("ps1-score", "function", "Score", 4.0, "score"),
        Item("ps1-variance", "number", "Variance", 3.0, "variance"),
        Item("ps1-essay", "written", "Essay", 3.0, rubric=RUBRIC),
    ),
)
GOOD = "def score():\n    return 'right'"


def cell(id, source, kind="code", **nbgrader):
    kinds = {"code": {"execution_count": None, "outputs": []}}.get(kind, {})
    nbgrader = {"grade_id": id, "solution": True, "grade": False, "locked": False, "schema_version": 3} | nbgrader
    return {"cell_type": kind, "id": id, "metadata": {"nbgrader": nbgrader}, "source": source, **kinds}


def cells(score=GOOD, variance="variance = 2.0", essay="Because of the score."):
    return [
        cell("ps1-score", score),
        cell("ps1-score-check", "check('score', score)", solution=False, grade=True, locked=True, points=4.0),
        cell("ps1-variance", variance),
        cell("ps1-essay", essay, "markdown", grade=True, points=3.0),
    ]


def notebook(*args, **kwargs):
    """A student's notebook as JSON text: of a list of cells, or of the sources that ``cells`` takes."""
    found = args[0] if args else cells(**kwargs)
    return json.dumps({"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def hand_in(folder: Path, **files) -> Path:
    """Write files STUDENT.ipynb, of text or bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for student, content in files.items():
        (folder / f"{student}.ipynb").write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def mark(task):
    """Give full points for the word right; die, fail, wait or count where the source says so."""
    source = task.cells.get("ps1-score", "")
    if "DIE" in source:
        os.kill(os.getpid(), signal.SIGKILL)
    if "RAISE" in source:
        raise OSError("no room")
    if "WAIT" in source:
        time.sleep(0.05)
    if "ONCE" in source:  # fails the first time
        marker = Path(source.partition("ONCE ")[2].split()[0])
        if not marker.exists():
            marker.touch()
            raise OSError("no room")
    right = "right" in source
    return [
        Outcome("ps1-score", "correct" if right else "wrong", 4.0 if right else 0.0, 4.0, seed=task.seeds["ps1-score"]),
        Outcome("ps1-variance", "partial", 1.5, 3.0, mistake="halved", seed=task.seeds["ps1-variance"]),
        Outcome("ps1-essay", "needs-marking" if task.written else "no-answer", None if task.written else 0.0, 3.0),
    ]
