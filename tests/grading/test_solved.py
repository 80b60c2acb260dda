"""In the sandbox: solved notebooks get full points for all that no person marks, and answers are told apart."""

import os
import shutil

import nbformat
import pytest
import synthetic

from course_utils import lessons
from course_utils.build import notebooks
from course_utils.grading import problem_sets, submissions
from course_utils.grading.marking import mark
from course_utils.grading.sandbox import Sandbox

if shutil.which("bwrap") is None and not os.environ.get("REQUIRE_SANDBOX"):
    pytest.skip("needs bubblewrap (Debian package bubblewrap)", allow_module_level=True)

SOURCES = {name: lessons.NOTEBOOKS / "src" / f"{name}.py" for name in problem_sets.names()}


@pytest.fixture(scope="module")
def sandbox():
    return Sandbox("bubblewrap")


def hand_in(folder, name):
    """Write the solved notebook, whose student is still "your-id", and return it as the grader reads it."""
    found = problem_sets.load(name)
    solved = notebooks.derive(notebooks.read_source(SOURCES[name]), solved=True, graded=found)
    nbformat.write(solved, folder / "your-id.ipynb")
    [one] = submissions.collect(folder, found)
    return one


@pytest.mark.long
@pytest.mark.parametrize("name", SOURCES)
def test_a_solved_notebook_gets_full_points(name, sandbox, tmp_path):
    one = hand_in(tmp_path, name)
    assert (one.notes, one.refused) == ((), "")
    outcomes = mark(problem_sets.load(name), one.cells, lambda _: 1, sandbox, student=one.student, written=one.written)
    for outcome in outcomes:
        if problem_sets.load(name).item(outcome.id).kind == "written":
            assert (outcome.status, outcome.points) == ("needs-marking", None)
        else:
            assert (outcome.status, outcome.points) == ("correct", outcome.max_points), outcome


ASKED = [item for name in SOURCES for item in problem_sets.load(name).items if item.kind == "function"]


@pytest.mark.long
@pytest.mark.parametrize("item", ASKED, ids=lambda item: item.name)
def test_what_learners_write_is_told_in_the_sandbox_as_in_the_notebook(item, sandbox):
    name = item.id.partition("-")[0]
    answers = dict([*synthetic.answers(item.name, True), *synthetic.answers(item.name, False)])  # one of each kind
    assert len(answers) >= 2
    for what, source in answers.items():
        [outcome] = [
            one for one in mark(problem_sets.load(name), {item.id: source}, lambda _: 2, sandbox) if one.id == item.id
        ]
        assert (outcome.mistake or "right") == what, (source, outcome)
        assert (outcome.points == outcome.max_points) == (what == "right"), (source, outcome)


@pytest.mark.long
@pytest.mark.parametrize("how", ["mistake", "unfinished", "crash"])
@pytest.mark.parametrize("name", ["ps2", "ps3", "ps4"])
def test_each_set_tells_mistaken_unfinished_and_crashing_answers(name, how, sandbox):
    graded(name, "ada", sandbox, how=how)


@pytest.mark.slow  # each stage trains, and each cure trains four runs: two minutes
@pytest.mark.parametrize("name", ["ps2", "ps3", "ps4"])
def test_a_class_of_each_set_gets_the_marks_of_its_plan(name, sandbox):
    for n in range(6):
        graded(name, f"student{n}", sandbox)


def graded(name, student, sandbox, **plan):
    found = problem_sets.load(name)
    document, plan = synthetic.notebook(found, student, seed=4, **plan)
    sources = {cell["id"]: cell["source"] for cell in document["cells"]}
    cells = {id: source for id, source in sources.items() if id in plan and plan[id] != "written"}
    written = {id: source for id, source in sources.items() if plan.get(id) == "written"}
    for outcome in mark(found, cells, lambda _: 1, sandbox, student=student, written=written):
        statuses, mistake = synthetic.expected(plan[outcome.id])
        assert (outcome.status in statuses, outcome.mistake) == (True, mistake), outcome
        if plan[outcome.id] != "written":
            assert (outcome.points == outcome.max_points) == (plan[outcome.id] == "right"), outcome
