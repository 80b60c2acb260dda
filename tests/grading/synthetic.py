"""A class that never was: seeded submissions to a problem set, right, mistaken, unfinished and crashing ones.

Answers to functions are those of ``tests/answers``, as learners write them. A number is the right one or a known
mistake's. A stage is the set's own solution, or that with a mistake of ``test_build_stages``; the settings of a cure
are the solution's, or refused. What is written is one of three texts. The plan says what each answer is, to compare
with the marks.
"""

import ast
import builtins
import contextlib
import inspect
import json
import random
import textwrap
from functools import cache
from pathlib import Path

import learners
from test_build_stages import TABLE, mistaken

from course_utils import lessons
from course_utils.build import notebooks
from course_utils.grading import problem_sets

TEXTS = (
    "The error falls with the square root of m.",
    "It falls by a half per unit: variance over m, and its root.",
    "",
)
CRASHES = ("return undefined_name", "return 1 / 0", "raise SystemExit", "return (")


def cell(kind, name, source, **nbgrader):
    about = {
        "schema_version": 3,
        "grade_id": name,
        "locked": False,
        "solution": True,
        "grade": False,
        "cell_type": kind,
    }
    entry = {"cell_type": kind, "id": name, "metadata": {"nbgrader": about | nbgrader}, "source": source}
    return entry | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def names_read(source):
    """Names that code reads and does not set itself."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)} | {"np", *dir(builtins)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return {node.id for node in names} - own - {node.name for node in nodes if isinstance(node, ast.FunctionDef)}


@cache
def answers(name, right):
    """Answers as (what, code) that need nothing but NumPy, and so run alone."""
    found = []
    for answer in learners.read(name):
        if (answer.what == "right") != right or answer.what == "unnamed" or not answer.code:
            continue
        code = answer.code.replace(f"my_{name}", name)
        head = f"{name}{inspect.signature(answer.function)}"
        try:
            source = f"def {head}:\n{textwrap.indent(code, '    ')}\n"
            while shared := [one for one in names_read(source) if inspect.isfunction(getattr(learners, one, None))]:
                source = "\n\n".join([*(inspect.getsource(getattr(learners, one)) for one in sorted(shared)), source])
        except (SyntaxError, ValueError):
            continue
        if not names_read(source):
            found.append((answer.what, source))
    return found


@cache
def solutions(name):
    """The solved cells of a set, by item."""
    source = notebooks.read_source(lessons.NOTEBOOKS / "src" / f"{name}.py")
    solved = notebooks.derive(source, solved=True, graded=problem_sets.load(name))
    return {cell["id"]: cell["source"] for cell in solved.cells}


def stage_answers(item):
    """The mistaken answers to a stage as (what, code)."""
    right, found = solutions(item.id.partition("-")[0])[item.id], []
    for stage, what, part, changes in TABLE:
        if stage == item.question.name and not part:
            with contextlib.suppress(AssertionError):  # of another stage, which this one is made of
                found.append((what, mistaken(changes, right)))
    return found


def answer(item, student, rng, how=None):
    """One answer as (what it is, source); what it is: right, a mistake's id, unfinished, crash or written."""
    how = how or rng.choices(["right", "mistake", "unfinished", "crash"], [55, 28, 10, 7])[0]
    if item.kind == "written":
        return "written", rng.choice(TEXTS)
    if item.kind == "number":
        data = problem_sets.given(item.id, student)
        mistake = rng.choice(item.question.mistakes)
        value = item.question.answer(**data) if how == "right" else mistake.compute(**data)
        if how in ("right", "mistake"):
            return how if how == "right" else mistake.id, f"{item.name} = {float(value)!r}  # on paper\n"
        return how, f"{item.name} = ...\n" if how == "unfinished" else f"{item.name} = undefined_name\n"
    if how == "right" and item.kind in ("stage", "cure"):
        return how, solutions(item.id.partition("-")[0])[item.id]
    if item.kind == "cure":
        sources = {"mistake": "{'seed': 1}", "unfinished": "...", "crash": "undefined_name"}
        return "refused" if how == "mistake" else how, f"{item.name} = {sources[how]}\n"
    if how == "mistake" and item.kind == "stage":
        return rng.choice(stage_answers(item))
    signature = item.question.signature
    known = answers(item.name, how == "right") if item.kind == "function" else []
    if how in ("right", "mistake") and known:
        return rng.choice(known)
    body = rng.choice(CRASHES) if how == "crash" else "..."
    return "crash" if how == "crash" else "unfinished", f"def {signature}:\n    {body}\n"


def notebook(problem_set, student, seed=0, how=None):
    """Return a submission as JSON's objects, and its plan: what each answer is, by item; how: the same for all."""
    rng, cells, plan = random.Random(f"{seed}|{student}"), [], {}
    for item in problem_set.items:
        stands_on = [plan[one.id] for one in problem_set.items if one.kind == item.kind == "stage" and one.id in plan]
        unfinished = "unfinished" if set(stands_on) - {"right"} else None  # a stage is made of those before it
        plan[item.id], source = answer(item, student, rng, unfinished or how)
        if item.kind == "written":
            cells.append(cell("markdown", item.id, source, grade=True, points=item.points))
            continue
        cells.append(cell("code", item.id, source))
        test = {"grade": True, "solution": False, "locked": True, "points": item.points}
        cells.append(cell("code", f"{item.id}-check", f"# the test of {item.id}", **test))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, plan


def expected(what):
    """The statuses and the mistake that an answer of a plan leads to."""
    known = {"right": ("correct", None), "unfinished": ("no-answer", None), "crash": ("error", "raised")}
    status, mistake = known.get(what, (None, what))
    if what == "written":
        return ("needs-marking", "no-answer"), None
    return (status,) if status else ("wrong", "partial"), mistake


def write(folder: Path, problem_set, students: int = 30, seed: int = 0):
    """Write folder/STUDENT/SET.ipynb for each student, and return the plans by student."""
    plans = {}
    for n in range(students):
        student = f"student{n:04}"
        (folder / student).mkdir(parents=True, exist_ok=True)
        document, plans[student] = notebook(problem_set, student, seed)
        (folder / student / f"{problem_set.name}.ipynb").write_text(json.dumps(document), encoding="utf-8")
    return plans


__all__ = ["answers", "expected", "notebook", "write"]
