"""The committed notebooks are what the builder makes of the sources; nbval compares their outputs."""

import nbformat
import pytest

from course_utils.build import markers, notebooks
from course_utils.lessons import LESSONS
from course_utils.widgets import offline
from course_utils.widgets.offline import MIME_TYPE

SOURCES = list(notebooks.sources())
FOLDERS = ("", "solutions/", "problem_sets/", "solutions/problem_sets/")
COMMITTED = sorted(path for folder in FOLDERS for path in notebooks.NOTEBOOKS.glob(f"{folder}*.ipynb"))


each_source = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
each_committed = pytest.mark.parametrize("path", COMMITTED, ids=lambda path: name(path))


def name(path):
    return str(path.relative_to(notebooks.NOTEBOOKS))


def cells(path):
    return nbformat.read(path, as_version=4).cells


def outputs(path):
    """Each output of a notebook, with its data and the label of its cell."""
    for cell in cells(path):
        yield from ((output, output.get("data", {}), cell.id) for output in cell.get("outputs", []))


def test_each_committed_notebook_has_a_source_and_each_source_its_notebooks():
    expected = sorted(target for source in SOURCES for target in notebooks.outputs(source))
    assert expected == COMMITTED, "run `make notebooks`"


@each_source
def test_cells_ids_and_tags_are_those_of_the_source(source):
    for target, expected in notebooks.outputs(source).items():
        for was, now in zip(cells(target), expected.cells, strict=True):
            where = f"{name(target)}, cell {now.id!r}: run `make notebooks`"
            assert (was.id, was.cell_type, was.source) == (now.id, now.cell_type, now.source), where
            assert was.metadata == now.metadata, where


@each_committed
def test_every_code_cell_has_run_without_error_or_warning(path):
    nbformat.validate(nbformat.read(path, as_version=4))
    assert [cell.id for cell in cells(path) if cell.cell_type == "code" and cell.execution_count is None] == []
    for output, _, id in outputs(path):
        assert output.output_type != "error", id
        assert output.get("name") != "stderr", id


@each_source
def test_what_a_learner_has_to_fill_in_says_nothing_before(source):
    learner, *_ = notebooks.outputs(source)
    read = notebooks.read_source(source).cells
    to_fill_in = {cell.metadata["label"] for cell in read if markers.SOLUTION.search(cell.source)}
    assert to_fill_in.isdisjoint(id for _, _, id in outputs(learner)), "a stub is silent"


@each_committed
def test_pictures_carry_alt_text_and_texts_carry_no_address(path):
    for output, data, id in outputs(path):
        assert "image/png" not in data or output.metadata["image/png"]["alt"].strip(), id
        assert " at 0x" not in data.get("text/plain", "") + output.get("text", ""), id


@each_committed
def test_no_widget_is_stored_but_as_data_that_the_present_package_draws(path):
    assert nbformat.read(path, as_version=4).metadata == notebooks.notebook_metadata(), "run `make notebooks`"
    labs = offline.labs()
    for _, data, id in outputs(path):
        assert notebooks.WIDGET_VIEW not in data, id
        if stored := data.get(MIME_TYPE):
            assert stored["state"].keys() == offline.rules(labs[stored["lab"]]).keys(), f"{id}: run `make notebooks`"
            assert data.keys() & {"image/png", "text/html"}, id


def test_pictures_beside_the_notebooks_are_those_inside():
    wanted = {}
    for source in SOURCES:
        for target in notebooks.outputs(source):
            committed = nbformat.read(target, as_version=4)
            wanted.update(notebooks.pictures(notebooks.read_source(source), committed, source.name))
    folder = notebooks.NOTEBOOKS / notebooks.PICTURES
    assert {path: path.read_bytes() for path in folder.iterdir()} == wanted, "run `make notebooks`"


def test_the_readme_lists_the_lessons():
    readme = notebooks.README.read_text(encoding="utf-8")
    assert all(f"[{lesson.number} · {lesson.title}](notebooks/{lesson.number}_" in readme for lesson in LESSONS[:13])
    assert notebooks.with_table(readme) == readme, "run `make notebooks`"


@pytest.mark.slow
@each_source
def test_building_again_gives_the_same_text_outputs(source, tmp_path):
    def texts(path):
        return [(id, output.get("text"), data.get("text/plain")) for output, data, id in outputs(path)]

    for target, content in notebooks.build(source).items():
        if target.suffix == ".ipynb":
            (tmp_path / target.name).write_bytes(content)
            assert texts(tmp_path / target.name) == texts(target), name(target)
