"""The problem sets: their notebooks as nbgrader sees them, numbers, the cure, and the archive for students."""

import importlib
import io
import json
import os
import re
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
from traitlets.config import Config

from course_utils import checks
from course_utils.build import notebooks
from course_utils.checks.stage import Stage
from course_utils.grading import problem_sets, release
from course_utils.grading.problem_sets import Cure, Number

SETS = problem_sets.names()
SOURCES = {name: notebooks.NOTEBOOKS / "src" / f"{name}.py" for name in SETS}
NUMBERS = [item for name in SETS for item in problem_sets.load(name).items if isinstance(item.question, Number)]
CURES = [item.question for name in SETS for item in problem_sets.load(name).items if isinstance(item.question, Cure)]


def notebook(name, *, solved):
    return notebooks.derive(notebooks.read_source(SOURCES[name]), solved=solved, graded=problem_sets.load(name))


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_what_its_notebook_says(name):
    found = problem_sets.load(name)
    assert [item.id for item in found.items] == [f"{name}-q{n}" for n in range(1, len(found.items) + 1)]
    assert 5 <= len(found.items) <= 8
    for item in found.items:
        assert item.points == sum(one.points for one in item.rubric) or not item.rubric
        assert (item.kind == "written") == bool(item.rubric) == (item.question is None)
    head = notebook(name, solved=False).cells[0].source
    rows = re.findall(r"^\| (\d+) · (.+?) \| ([\d.]+) \|", head, re.MULTILINE)
    assert [float(points) for *_, points in rows] == [item.points for item in found.items]
    for (number, title, _), item in zip(rows, found.items, strict=True):
        assert item.id.endswith(number)
        assert item.kind == "written" or title == item.title
    assert f"{found.points:g} points" in head


def test_every_question_is_of_a_lesson_of_its_set():
    for name in SETS:
        found = problem_sets.load(name)
        for item in found.items:
            if item.kind == "function":
                assert item.question.lesson in found.lessons
                assert item.name == item.question.name in checks.names()


def test_a_question_of_the_build_names_every_function_that_is_marked():
    """Or what a student pastes lacks a function that the one asked for does not call, and loses its points."""
    asked = 0
    for name in SETS:
        text, stages = "", [item for item in problem_sets.load(name).items if isinstance(item.question, Stage)]
        for item in stages:
            texts = [cell.source for cell in notebook(name, solved=False).cells if cell.id == f"{item.id[4:]}-text"]
            text += "".join(texts)  # an earlier question's functions may be called
            wanted = {item.question.function, *item.question.uses}
            assert {one for one in wanted if f"`{one}`" not in text} == set(), item.id
            asked += 1
    assert asked == 6


def test_a_question_that_the_sandbox_cannot_ask_is_refused_with_its_set():
    item = problem_sets.function("ps1-q1", "A slope", "finite_difference")
    message = r"ps1-q1 asks `finite_difference`, and its input f is a function, which cannot be passed into the sandbox"
    with pytest.raises(ValueError, match=message):
        replace(problem_sets.load("ps1"), items=(item,))
    named = replace(item.question, fixed=({"x": object()},))
    with pytest.raises(
        ValueError, match="`finite_difference`, and its input x cannot be passed into the sandbox: an obj"
    ):
        replace(problem_sets.load("ps1"), items=(replace(item, question=named),))


# --- nbgrader ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The notebooks that nbgrader's generate_assignment makes of the solved ones."""
    from nbgrader.apps import NbGraderAPI

    folder = tmp_path_factory.mktemp("course")
    for name in SETS:
        target = folder / "source" / name
        target.mkdir(parents=True)
        nbformat.write(notebook(name, solved=True), target / f"{name}.ipynb")
    config = Config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.course_id = "course"
    config.ClearSolutions.code_stub = {"python": "pass  # your code here"}  # silent outside of a function too
    config.ClearSolutions.text_stub = notebooks.TO_WRITE
    config.IncludeHeaderFooter.header = ""
    config.Exchange.root = str(folder / "exchange")
    api = NbGraderAPI(config=config)
    with pytest.MonkeyPatch.context() as patch:  # nbgrader calls alembic by name
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        for name in SETS:
            result = api.generate_assignment(name)
            assert result["success"], result
    return folder / "release"


@pytest.mark.long
@pytest.mark.parametrize("name", SETS)
def test_generate_assignment_makes_the_learners_notebook(name, released):
    made = nbformat.read(released / name / f"{name}.ipynb", as_version=4)
    wanted = [cell.source for cell in notebook(name, solved=False).cells]
    stub = re.compile(r"^( *)(\.\.\.  )?(# your code here)$", re.MULTILINE)
    assert [cell.source for cell in made.cells] == [stub.sub(r"\1pass  \3", text) for text in wanted]
    points = {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points
        for cell in made.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    tested = {
        item.id if item.kind == "written" else f"{item.id}-check": item.points for item in problem_sets.load(name).items
    }
    assert points == tested


@pytest.mark.long
@pytest.mark.parametrize("name", SETS)
def test_nbgraders_validator_accepts_the_set(name, tmp_path, monkeypatch):
    from nbgrader.nbgraderformat import MetadataValidator
    from nbgrader.validator import Validator

    monkeypatch.setenv(notebooks.PROGRESS_FILE, "")
    learner = notebook(name, solved=False)
    MetadataValidator().validate_nb(learner)
    if name != SETS[0]:
        return  # one is enough to be run
    path = tmp_path / f"{name}.ipynb"
    nbformat.write(learner, path)
    assert Validator().validate(str(path)) == {}
    learner.cells = [cell for cell in learner.cells if cell.id != f"{name}-q1"]
    nbformat.write(learner, path)
    assert Validator().validate(str(path)).keys() == {"failed"}


# --- numbers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("item", NUMBERS, ids=lambda item: item.id)
def test_a_number_and_its_mistakes_over_many_students(item):
    number = item.question
    told = {mistake.id: 0 for mistake in number.mistakes}
    drawn = set()
    for student in range(200):
        data = problem_sets.given(item.id, f"student {student}")
        drawn.add(json.dumps(data))
        answer = number.answer(**data)
        assert number.low <= answer <= number.high
        assert number.judge(answer * (1 + number.rtol / 2), data).status == "correct"
        assert number.judge(answer + 3, data).status == "wrong"
        for mistake in number.mistakes:
            found = number.judge(float(mistake.compute(**data)), data)
            assert found.status != "correct", (mistake.id, data)
            told[mistake.id] += found.mistake == mistake.id
    assert len(drawn) > 20
    assert set(told.values()) == {200}, told


@pytest.mark.parametrize("value", [..., None, "1", True, np.nan, np.inf, [1.0], 10**400, 1j, np.zeros(2)], ids=str)
def test_what_is_no_number_is_no_answer(value):
    number = NUMBERS[0].question
    data = problem_sets.given(NUMBERS[0].id, "a")
    found = number.judge(value, data)
    assert (found.status, found.share) == ("no-answer" if value is ... or value is None else "wrong", 0.0)
    assert f"{number.answer(**data):.3g}" not in number.form(value)


def test_data_follow_from_the_item_and_the_student_alone():
    one = problem_sets.given("ps1-q3", "Ann ")
    assert one == problem_sets.given("ps1-q3", "ann")
    assert any(problem_sets.given("ps1-q3", str(n)) != one for n in range(3))
    names: dict = {}
    exec(problem_sets.preamble(problem_sets.load("ps1"), "x'); raise SystemExit #"), names)
    assert names["trace_data"] == problem_sets.given("ps1-q3", "x'); raise SystemExit #")


# --- the cure ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (3, "a dict is asked for"),
        ({}, "nothing is changed"),
        ({"kl_coef": 9}, "expected a number from 0 to 5"),
        ({"kl_coef": True}, "expected a number"),
        ({"kl_coef": np.nan}, "expected a number"),
        ({"num_ppo_epochs": 1.5}, "expected a whole number from 1 to 8"),
        ({"baseline": "gold"}, "expected one of"),
        ({"adap_kl_ctrl": 1}, "expected one of"),
        ({"pairs": 3000}, "is not to be changed"),
        ({1: 2}, "a dict is asked for"),
        ({"kl_coef": 1, "target": 1, "updates": 40, "cliprange": 0.2}, "at most 3"),
    ],
    ids=str,
)
def test_settings_that_may_not_be_are_refused_with_a_sentence(settings, sentence):
    judged = CURES[0].judge(settings, seed=1)
    assert judged.status == "wrong"
    assert sentence in judged.paragraphs[0]


@pytest.mark.parametrize(
    ("golds", "status"),
    [([2.5, 2.4, 2.6, 2.5], "correct"), ([1.5, 1.6, 1.5, 1.4], "partial"), ([4.0, 1.0, 3.5, 0.5], "wrong")],
)
def test_a_cure_is_judged_by_the_lower_end_of_its_interval(golds, status):
    seeds = []

    def measured(settings, seed, replies):
        assert settings["kl_coef"] == 0.3
        seeds.append(seed)
        return golds[len(seeds) - 1], 1.1

    judged = replace(CURES[0], measure=measured).judge({"kl_coef": 0.3}, seed=4)
    assert judged.status == status
    assert len(set(seeds)) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("settings", "status"), [({"kl_coef": 0.3}, "correct"), ({"learning_rate": 0.01}, "wrong")])
def test_the_run_is_cured_by_the_penalty_and_not_by_smaller_steps(settings, status):
    assert {CURES[0].judge(settings, seed).status for seed in range(5)} == {status}


# --- the archive -------------------------------------------------------------------------------------


def files_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {name: packed.read(name).decode() for name in packed.namelist()}


def code_lines(text):
    return {line.strip() for line in text.splitlines() if len(line.strip()) > 24 and not line.strip().startswith("#")}


@pytest.mark.parametrize("name", SETS)
def test_nothing_that_answers_leaves_in_the_archive(name, tmp_path):
    learner = notebook(name, solved=False)
    learner.cells[1]["outputs"] = [nbformat.v4.new_output("stream", text="an output 0.12345")]
    nbformat.write(learner, tmp_path / f"{name}.ipynb")
    content = release.archive(name, tmp_path)
    assert content == release.archive(name, tmp_path)  # to the byte
    files = files_of(content)
    assert files.keys() == {f"{name}/README.txt", f"{name}/{name}.ipynb"}
    handed_out = nbformat.reads(files[f"{name}/{name}.ipynb"], as_version=4)
    nbformat.validate(handed_out)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in handed_out.cells)
    everything = "\n".join(
        [files[f"{name}/README.txt"], *(cell.source for cell in handed_out.cells), json.dumps(files)]
    )

    secret = set()
    for cell in notebooks.read_source(SOURCES[name]).cells:
        for solution in re.findall(r"# BEGIN SOLUTION\n(.*?)# END SOLUTION", cell.source, re.DOTALL):
            secret |= code_lines(solution)
        if any(item.id == cell.metadata["label"] and item.rubric for item in problem_sets.load(name).items):
            secret |= code_lines(cell.source)
    for item in problem_sets.load(name).items:
        secret |= {text for one in item.rubric for text in (one.full, one.partial)}
        if item.kind == "function":
            module = importlib.import_module(f"course_utils.checks.questions.{item.name}")
            secret |= {line for line in code_lines(Path(module.__file__).read_text("utf-8")) if "return" in line}
        if isinstance(item.question, Number):
            data = problem_sets.given(item.id, "your-id")
            secret.add(f"{item.question.answer(**data):.4g}")
    assert secret
    assert [line for line in secret if line in everything] == []


def test_a_set_that_is_not_built_is_refused(tmp_path, capsys):
    assert release.main("ps1", tmp_path) == 0 or "make notebooks NOTEBOOKS=ps1" in capsys.readouterr().err
    assert release.main("ps9", tmp_path) == 1
    assert "ps9" in capsys.readouterr().err
