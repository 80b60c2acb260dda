"""What of a solved notebook is run, beside the learner's: no difference may go unseen."""

import runpy
from pathlib import Path

import nbformat
import pytest

from course_utils.build.notebooks import NOTEBOOKS

to_run = runpy.run_path(str(Path(__file__).parents[1] / "plugins" / "solved_once.py"))["to_run"]
SHARED = {
    "setup": "import numpy as np",
    "seed": "rng = np.random.default_rng(0)",
    "draw": "x = rng.random()",
    "turn": "def double(a):\n    ...",
    "check": "print(double(1))",
    "after": "y = 2",
    "text": "print(np.ones(2))",
}


def cells(code, printed=()):
    made = [nbformat.v4.new_code_cell(source, id=name) for name, source in code.items()]
    for cell in made:
        if cell.id in dict(printed):
            cell.outputs = [nbformat.v4.new_output("stream", text=dict(printed)[cell.id])]
    return made


@pytest.mark.parametrize(
    ("solution", "also", "run"),
    [
        ("def double(a):\n    return 2 * a", {}, "turn check"),
        ("def double(a):\n    return np.add(a, a)", {}, "setup turn check"),
        ("def double(a):\n    return a + x", {}, "setup seed draw turn check"),  # what x came from too
        ("double = rng.permuted", {}, "setup seed draw turn check"),  # a draw before it moves what rng gives
        ("def double(a):\n    y = a\n    return 2 * y", {}, "turn check"),  # a name of its own
        ("def double(a):\n    return 2 * a", {"after": "y = 3"}, "turn check after"),
        ("def double(a):\n    return 2 * a", {"new": "z = y"}, "turn check after new"),
        ("%timeit 1", {}, " ".join(SHARED)),  # no plain Python: all
    ],
)
def test_what_differs_runs_with_what_uses_it_and_what_it_needs(solution, also, run):
    solved = cells(SHARED | {"turn": solution} | also)
    assert [solved[i].id for i in sorted(to_run(cells(SHARED), solved))] == run.split()


def test_a_stored_output_that_differs_runs_and_a_widgets_number_does_not_differ():
    solved = cells(SHARED, {"text": "[1. 1.]"})
    assert [solved[i].id for i in sorted(to_run(cells(SHARED, {"text": "[2. 2.]"}), solved))] == ["setup", "text"]
    for number, made in enumerate(pair := (cells(SHARED), cells(SHARED))):
        view = {"application/vnd.jupyter.widget-view+json": {"model_id": str(number)}, "text/plain": "a lab"}
        made[-1].outputs = [nbformat.v4.new_output("display_data", data=view)]
    assert to_run(*pair) == set()


@pytest.mark.parametrize("path", sorted((NOTEBOOKS / "solutions").glob("*.ipynb")), ids=lambda path: path.stem)
def test_each_solution_of_a_lesson_runs(path):
    at = NOTEBOOKS / path.name
    learners = at if at.is_file() else NOTEBOOKS / "problem_sets" / path.name
    both = [nbformat.read(at, as_version=4).cells for at in (learners, path)]
    ran = {both[1][i].id for i in to_run(*both)}
    theirs = {cell.id: cell.source for cell in both[0]}
    assert ran >= {cell.id for cell in both[1] if cell.cell_type == "code" and cell.source != theirs.get(cell.id)}
