"""nbgrader's gradebook: the grader's scores go in, what a person marks in formgrader comes back.

The database is nbgrader's own, by its API: SQLite, or PostgreSQL for a department. What is not graded has no score and
waits for a person. Manual scores, extra credit and comments stay as they are when a class is graded again; where the
grader's own score changes below one of them, nbgrader's mark "needs manual grade" asks a person to look again.
"""

import copy
import importlib.util
import json
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils import lessons
from course_utils.grading.marking import Outcome
from course_utils.grading.problem_sets import Item, ProblemSet
from course_utils.grading.results import Result, write_whole
from course_utils.grading.submissions import Submission

__all__ = ["GradebookError", "Mark", "address", "code", "lay_out", "marks", "prepare", "record", "stubs"]


class GradebookError(RuntimeError):
    """A gradebook that cannot be used; the message says why."""


@dataclass(frozen=True)
class Mark:
    """What a person gave an item in the gradebook."""

    points: float | None
    """with extra credit; None where only a comment was written"""
    comment: str = ""


def address(out: Path, db: str | None = None) -> str:
    """Return the URL of the gradebook: db, or of the SQLite file in the folder."""
    if db is None:
        return f"sqlite:///{(out / 'gradebook.db').resolve()}"
    if db.startswith("postgresql://") and importlib.util.find_spec("psycopg") is None:
        return db.replace(
            "postgresql://", "postgresql+psycopg2://", 1
        )  # what a bare URL means changed in SQLAlchemy 2.1
    return db


@contextmanager
def _opened(url: str) -> Iterator[Any]:
    """Open a gradebook; a new one gets its tables. GradebookError where there is no nbgrader or no such database."""
    path = os.environ.get("PATH", "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from nbgrader.api import Gradebook
            from sqlalchemy.exc import ArgumentError, DBAPIError
        except ImportError as error:
            raise GradebookError(f"the gradebook needs nbgrader, which is not here ({error})") from None
        try:
            # For a new database nbgrader runs alembic, which lies beside this Python and perhaps not on the path.
            os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), path])
            book = Gradebook(url)
        except (ArgumentError, DBAPIError, ImportError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise GradebookError(f"--db is {_without_password(url)!r}, which cannot be opened: {reason}") from None
        finally:
            os.environ["PATH"] = path
        with book:
            yield book


def _without_password(url: str) -> str:
    before, at, after = url.rpartition("@")
    return f"{before.rpartition(':')[0]}:…{at}{after}" if at and before.count(":") > 1 else url


def _cell(item: Item) -> str:
    """Return the name of the cell that holds an item's grade."""
    return item.id if item.kind == "written" else f"{item.id}-check"


def record(url: str, problem_set: ProblemSet, found: Iterable[Result]) -> int:
    """Put the results of a set into a gradebook, and return how many; doing it twice changes nothing."""
    count = 0
    with _opened(url) as book:
        from nbgrader.api import Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook

        name = problem_set.name
        book.update_or_create_assignment(name)
        book.update_or_create_notebook(name, name, kernelspec=json.dumps(KERNEL))
        names: dict[str, Item] = {}
        answers: dict[str, Item] = {}
        for item in problem_set.items:
            kind = "markdown" if item.kind == "written" else "code"
            cell = book.update_or_create_grade_cell(_cell(item), name, name, max_score=item.points, cell_type=kind)
            names[cell.id] = item
            answers[book.update_or_create_solution_cell(item.id, name, name).id] = item
        for cell in _notebook(problem_set)["cells"]:
            told = cell["metadata"].get("nbgrader")
            if told:
                book.update_or_create_source_cell(
                    told["grade_id"],
                    name,
                    name,
                    cell_type=cell["cell_type"],
                    locked=told["locked"],
                    source=cell["source"],
                    checksum=told.get("checksum"),
                )
        # Many rows at a time: the API's own functions commit each one, which takes minutes for a class of thousands.
        assignment_id, notebook_id = book.find_assignment(name).id, book.find_notebook(name, name).id
        known = {row[0] for row in book.db.query(Student.id)}
        for result in found:
            count += 1
            if result.student not in known:
                book.db.add(Student(id=result.student, last_name=result.name or None))
            submission = (
                book.db.query(SubmittedAssignment)
                .filter_by(student_id=result.student, assignment_id=assignment_id)
                .one_or_none()
            )
            if submission is None:
                submission = SubmittedAssignment(student_id=result.student, assignment_id=assignment_id)
                submission.notebooks.append(SubmittedNotebook(notebook_id=notebook_id))
                book.db.add(submission)
            outcomes = {outcome.id: outcome for outcome in result.outcomes}
            for notebook in submission.notebooks:
                grades = {grade.cell_id: grade for grade in notebook.grades}
                for cell_id, item in names.items():
                    grade = grades.get(cell_id) or Grade(cell_id=cell_id, notebook=notebook)
                    _score(grade, outcomes.get(item.id))
                    book.db.add(grade)
                comments = {comment.cell_id: comment for comment in notebook.comments}
                for cell_id, item in answers.items():
                    comment = comments.get(cell_id) or Comment(cell_id=cell_id, notebook=notebook)
                    comment.auto_comment = _told(outcomes.get(item.id)) or result.refused or None
                    book.db.add(comment)
            if count % 100 == 0:
                book.db.commit()
                book.db.expunge_all()  # memory stays flat
        book.db.commit()
    return count


def _score(grade: Any, outcome: Outcome | None) -> None:
    points = None if outcome is None else outcome.points
    if grade.manual_score is None:
        grade.needs_manual_grade = points is None
    elif grade.auto_score != points:
        grade.needs_manual_grade = True  # a person marked it on other grounds
    grade.auto_score = points


def _told(outcome: Outcome | None) -> str:
    return "" if outcome is None else "\n\n".join(outcome.paragraphs)[:10_000]


def marks(url: str, problem_set: ProblemSet) -> dict[str, dict[str, Mark]]:
    """Return what persons gave, by student and item: only items that someone marked or wrote a comment to."""
    found: dict[str, dict[str, Mark]] = {}
    with _opened(url) as book:
        from nbgrader.api import (
            BaseCell,
            Comment,
            Grade,
            MissingEntry,
            Notebook,
            Student,
            SubmittedAssignment,
            SubmittedNotebook,
        )

        try:
            notebook = book.find_notebook(problem_set.name, problem_set.name)
        except MissingEntry:
            return {}
        items = {_cell(item): item.id for item in problem_set.items} | {item.id: item.id for item in problem_set.items}

        def of(kind: Any, *values: Any) -> Any:
            return (
                book.db.query(Student.id, BaseCell.name, *values)
                .select_from(kind)
                .join(BaseCell, BaseCell.id == kind.cell_id)
                .join(SubmittedNotebook, SubmittedNotebook.id == kind.notebook_id)
                .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
                .join(Student, Student.id == SubmittedAssignment.student_id)
                .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
                .filter(Notebook.id == notebook.id)
            )

        for student, cell, manual, auto, extra in of(Grade, Grade.manual_score, Grade.auto_score, Grade.extra_credit):
            score = manual if manual is not None else auto
            if cell in items and score is not None and (manual is not None or extra is not None):
                found.setdefault(student, {})[items[cell]] = Mark(score + (extra or 0.0))
        for student, cell, comment in of(Comment, Comment.manual_comment):
            if cell in items and comment:
                own = found.setdefault(student, {})
                own[items[cell]] = Mark(own[items[cell]].points if items[cell] in own else None, comment)
    return found


# --- the folders that formgrader opens ---------------------------------------------------------------


KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
CONFIG = """# JupyterLab with this folder as its root shows the class in formgrader: jupyter lab --ServerApp.root_dir=.
from nbgrader.server_extensions.formgrader import handlers

c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.db_url = {url!r}
c.HTMLExporter.extra_template_basedirs = [{templates!r}, handlers.template_path]
"""


def prepare(out: Path, problem_set: ProblemSet, url: str) -> Path:
    """Lay out the folder that formgrader opens, with the set as it was handed out, and return it."""
    root = out / "nbgrader"
    templates = str(Path(__file__).resolve().with_name("nbgrader_templates"))
    config = CONFIG.format(root=str(root.resolve()), url=url, templates=templates)
    _put(root / "nbgrader_config.py", config.encode())
    notebook = json.dumps(_notebook(problem_set), indent=1, ensure_ascii=False).encode("utf-8", "replace")
    for kind in ("source", "release"):
        _put(root / kind / problem_set.name / f"{problem_set.name}.ipynb", notebook)
    return root


def lay_out(out: Path, problem_set: ProblemSet, submission: Submission) -> Path:
    """Put a submission where formgrader looks for it, and return its notebook.

    It is the notebook that was handed out, with this student's answers in their cells: nothing else of what the student
    handed in gets there, no output and no markup of the rest. What the marker opens has the rubrics too, and the
    hand-out's own figures in place of the code that draws them.
    """
    notebook = copy.deepcopy(_notebook(problem_set))
    answers = {**submission.cells, **{id: _harmless(text) for id, text in submission.written.items()}}
    ids = {item.id for item in problem_set.items}
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if grade_id in ids:
            cell["source"] = answers.get(grade_id, "")
    cells = notebook["cells"]
    for kind in ("submitted", "autograded"):
        if kind == "submitted":
            notebook["cells"] = [cell | ({"outputs": []} if "outputs" in cell else {}) for cell in cells]
        else:
            notebook["cells"] = [one for cell in cells for one in (_drawn(cell), *_rubric(cell, problem_set))]
        content = json.dumps(notebook, indent=1, ensure_ascii=False).encode("utf-8", "replace")
        file = out / "nbgrader" / kind / submission.student / problem_set.name / f"{problem_set.name}.ipynb"
        _put(file, content)
    return file


def _harmless(text: str) -> str:
    """Return Markdown without HTML, links and pictures: formgrader would run a script in it, with the marker's rights.

    A space after the sign that opens one makes it text, which reads the same; also in code and in a formula.
    """
    return re.sub(r"\](?=[(:])", "] ", re.sub(r"<(?=[A-Za-z/!?])", "< ", text))


def _drawn(cell: dict[str, Any]) -> dict[str, Any]:
    """Return a cell, of one with a figure the first remark alone: what it draws."""
    return {**cell, "source": cell["source"].partition("\n")[0]} if cell.get("outputs") else cell


def _rubric(cell: Mapping[str, Any], problem_set: ProblemSet) -> list[dict[str, Any]]:
    """Return the cell that tells the marker of a written answer what it is read for; none below other cells."""
    grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
    rubric = next((item.rubric for item in problem_set.items if item.id == grade_id), ())
    if not rubric:
        return []
    lines = [f"- **{one.title}** ({one.points:g}). *Full:* {one.full} *Partial:* {one.partial}" for one in rubric]
    source = "\n".join(["**The rubric, for the marker**", "", *lines])
    return [_plain({"cell_type": "markdown", "id": f"{grade_id}-rubric", "metadata": {}, "source": source})]


def code(out: Path, problem_set: ProblemSet, students: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the code that students handed in, by student and item, of those for whom it was laid out."""
    found = {}
    for student in students:
        file = out / "nbgrader" / "submitted" / student / problem_set.name / f"{problem_set.name}.ipynb"
        if file.is_file():
            found[student] = _code(json.loads(file.read_text(encoding="utf-8")), problem_set)
    return found


def stubs(problem_set: ProblemSet) -> dict[str, str]:
    """Return what the hand-out holds in the cells for code, by item."""
    return _code(_notebook(problem_set), problem_set)


def _code(notebook: Mapping[str, Any], problem_set: ProblemSet) -> dict[str, str]:
    ids = {item.id for item in problem_set.items if item.kind != "written"}
    named = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell["source"] for cell in notebook["cells"]}
    return {id: source for id, source in named.items() if id in ids}


def _put(file: Path, content: bytes) -> None:
    if not file.is_file() or file.read_bytes() != content:
        write_whole(file, content)


_made: dict[tuple[str, Path], dict[str, Any]] = {}


def _notebook(problem_set: ProblemSet) -> dict[str, Any]:
    """Return the set's notebook as it was handed out; where it is not built, one of the items alone."""
    file = lessons.NOTEBOOKS / "problem_sets" / f"{problem_set.name}.ipynb"
    key = repr(problem_set.items), file
    if key not in _made:
        notebook = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        cells = [_plain(cell) for cell in notebook.get("cells", [])]
        present = {cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in cells}
        if not all({item.id, _cell(item)} <= present for item in problem_set.items):
            cells = [cell for item in problem_set.items for cell in _cells(item)]
        _made[key] = {
            "cells": [_with_checksum(cell) for cell in cells],
            "metadata": {"kernelspec": KERNEL, "language_info": {"name": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    return _made[key]


def _plain(cell: Mapping[str, Any]) -> dict[str, Any]:
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    figures = [one for one in cell.get("outputs", ()) if "image/png" in one.get("data", {})]
    code: dict[str, Any] = {"execution_count": None, "outputs": figures} if cell["cell_type"] == "code" else {}
    nbgrader = cell["metadata"].get("nbgrader")
    metadata = {"nbgrader": dict(nbgrader)} if nbgrader else {}
    return {"cell_type": cell["cell_type"], "id": cell["id"], "metadata": metadata, "source": source, **code}


def _cells(item: Item) -> list[dict[str, Any]]:
    written = item.kind == "written"

    def cell(id: str, kind: str, source: str, **nbgrader: Any) -> dict[str, Any]:
        told = {"schema_version": 3, "grade_id": id, "grade": False, "solution": False, "locked": False, "task": False}
        return _plain({"cell_type": kind, "id": id, "metadata": {"nbgrader": told | nbgrader}, "source": source})

    points: dict[str, Any] = {"grade": True, "points": item.points}
    title = cell(f"{item.id}-title", "markdown", f"## {item.title}", locked=True)
    if written:
        return [title, cell(item.id, "markdown", "", solution=True, **points)]
    check = cell(f"{item.id}-check", "code", f"# {item.title}: marked by the grader", locked=True, **points)
    return [title, cell(item.id, "code", "", solution=True), check]


def _with_checksum(cell: dict[str, Any]) -> dict[str, Any]:
    told = cell["metadata"].get("nbgrader")
    if told and "checksum" not in told:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from nbformat import from_dict
            from nbgrader.utils import compute_checksum

            told["checksum"] = compute_checksum(from_dict(cell))
            told.setdefault("cell_type", cell["cell_type"])
    return cell
