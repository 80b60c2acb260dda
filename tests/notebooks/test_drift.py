"""The committed notebooks are what the builder makes of the sources; nbval compares their outputs."""

from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_utils.build import markers, notebooks
from course_utils.lessons import LESSONS
from course_utils.widgets import offline
from course_utils.widgets.offline import MIME_TYPE

SOURCES = list(notebooks.sources())
FOLDERS = ("", "solutions/", "problem_sets/", "solutions/problem_sets/")
COMMITTED = sorted(path for folder in FOLDERS for path in notebooks.NOTEBOOKS.glob(f"{folder}*.ipynb"))


def name(path: Path) -> str:
    return str(path.relative_to(notebooks.NOTEBOOKS))


def test_each_committed_notebook_has_a_source_and_each_source_its_notebooks() -> None:
    expected = sorted(target for source in SOURCES for target in notebooks.outputs(source))
    assert expected == COMMITTED, "run `make notebooks`"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_cells_ids_and_tags_are_those_of_the_source(source: Path) -> None:
    for target, expected in notebooks.outputs(source).items():
        committed = nbformat.read(target, as_version=4)
        for was, now in zip(committed.cells, expected.cells, strict=True):
            where = f"{name(target)}, cell {now.id!r}: run `make notebooks`"
            assert (was.id, was.cell_type, was.source) == (now.id, now.cell_type, now.source), where
            assert was.metadata == now.metadata, where


@pytest.mark.parametrize("path", COMMITTED, ids=name)
def test_every_code_cell_has_run_without_error_or_warning(path: Path) -> None:
    committed = nbformat.read(path, as_version=4)
    nbformat.validate(committed)
    for cell in committed.cells:
        if cell.cell_type == "code":
            assert cell.execution_count is not None, cell.id
            for output in cell.outputs:
                assert output.output_type != "error", cell.id
                assert output.get("name") != "stderr", cell.id


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_what_a_learner_has_to_fill_in_says_nothing_before(source: Path) -> None:
    learner, *_ = notebooks.outputs(source)
    to_fill_in = [
        cell.metadata["label"] for cell in notebooks.read_source(source).cells if markers.SOLUTION.search(cell.source)
    ]
    shown = {cell.id: cell.get("outputs") for cell in nbformat.read(learner, as_version=4).cells}
    assert [label for label in to_fill_in if shown[label]] == [], "a stub is silent"


@pytest.mark.parametrize("path", COMMITTED, ids=name)
def test_pictures_carry_alt_text_and_texts_carry_no_address(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                assert output.metadata["image/png"]["alt"].strip(), cell.id
            assert " at 0x" not in data.get("text/plain", "") + output.get("text", ""), cell.id


@pytest.mark.parametrize("path", COMMITTED, ids=name)
def test_no_widget_is_stored_but_as_data_that_the_present_package_draws(path: Path) -> None:
    committed = nbformat.read(path, as_version=4)
    assert committed.metadata == notebooks.notebook_metadata(), "run `make notebooks`"
    labs = offline.labs()
    for cell in committed.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            assert notebooks.WIDGET_VIEW not in data, cell.id
            if MIME_TYPE in data:
                stored = data[MIME_TYPE]
                assert stored["state"].keys() == offline.rules(labs[stored["lab"]]).keys(), (
                    f"{cell.id}: run `make notebooks`"
                )
                assert data.keys() & {"image/png", "text/html"}, cell.id


def test_pictures_beside_the_notebooks_are_those_inside() -> None:
    wanted: dict[Path, bytes] = {}
    for source in SOURCES:
        for target in notebooks.outputs(source):
            committed = nbformat.read(target, as_version=4)
            wanted.update(notebooks.pictures(notebooks.read_source(source), committed, source.name))
    folder = notebooks.NOTEBOOKS / notebooks.PICTURES
    assert {path: path.read_bytes() for path in folder.iterdir()} == wanted, "run `make notebooks`"


def test_the_readme_lists_the_lessons() -> None:
    readme = notebooks.README.read_text(encoding="utf-8")
    assert all(f"[{lesson.number} · {lesson.title}](notebooks/{lesson.number}_" in readme for lesson in LESSONS[:13])
    assert notebooks.with_table(readme) == readme, "run `make notebooks`"


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_building_again_gives_the_same_text_outputs(source: Path) -> None:
    def texts(notebook: Any) -> list[Any]:
        return [
            (cell.id, output.get("text"), output.get("data", {}).get("text/plain"))
            for cell in notebook.cells
            for output in cell.get("outputs", [])
        ]

    for target, content in notebooks.build(source).items():
        if target.suffix == ".ipynb":
            again = nbformat.reads(content.decode(), as_version=4)
            assert texts(again) == texts(nbformat.read(target, as_version=4)), name(target)
