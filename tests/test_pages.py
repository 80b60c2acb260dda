"""`jupyter nbconvert` on a lesson, as a reader calls it: pages with pictures and words, a script that is Python."""

import base64
import os
import subprocess
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup

from course_utils import diagrams
from course_utils.build import notebooks, pages
from course_utils.widgets import AdvantageLab, Quiz, TrainingLab

pytestmark = pytest.mark.long

CELLS = {
    "lab": """from course_utils import diagrams, figures
from course_utils.widgets import AdvantageLab, Quiz, TrainingLab

AdvantageLab(actions=["<a>", "b", "c"])""",
    "training": "TrainingLab()",
    "quiz": 'Quiz("02")',
    "figure": """fig, ax = figures.new_figure(2, 2)
figures.show(fig, alt='Nothing & "all".')
diagrams.agent_environment()""",
}
ALTS = [AdvantageLab(actions=["<a>", "b", "c"]).alt_text(), TrainingLab().alt_text(), 'Nothing & "all".']
DIAGRAM = diagrams.agent_environment().alt
NO_ALT = "No description has been provided for this image"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    slide = {"slideshow": {"slide_type": "slide"}}
    cells = [nbformat.v4.new_code_cell(source, id=name, metadata=slide) for name, source in CELLS.items()]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=notebooks.notebook_metadata())
    notebook.cells.append(nbformat.v4.new_markdown_cell("It *rose*.", metadata={"answers": ["three-actions"]}))
    return notebooks.execute(notebook, "test", tmp_path_factory.mktemp("build"))


@pytest.fixture
def convert(tmp_path, lesson):
    """Runs nbconvert on the lesson with these options, in an environment whose Jupyter knows of the course."""

    def run(*options):
        path = tmp_path / "lesson.ipynb"
        path.write_bytes(notebooks.written(lesson))
        folders = {"PATH": str(pages.install(tmp_path / "prefix").parent), "DIR": str(tmp_path)}
        environment = os.environ | {f"JUPYTER_CONFIG_{name}": folder for name, folder in folders.items()}
        command = [sys.executable, "-m", "nbconvert", *options, str(path)]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)
        (made,) = set(tmp_path.glob("lesson.*")) - {path}
        return made

    return run


@pytest.mark.parametrize("options", [["--to", "html"], ["--to", "html", "--execute"], ["--to", "slides"]], ids=" ".join)
def test_a_page_shows_each_picture_with_its_alt_text_and_each_quiz(options, convert):
    page = BeautifulSoup(convert(*options).read_text(encoding="utf-8"), "html.parser")
    pictures = page.select(".jp-OutputArea-output img")
    assert [picture["alt"] for picture in pictures] == [*ALTS, DIAGRAM]
    assert all(picture["src"].startswith("data:image/png;base64,iVBOR") for picture in pictures[:-1])
    drawn = pictures[-1]["src"].removeprefix("data:image/svg+xml;base64,")
    assert base64.b64decode(drawn).decode() == diagrams.agent_environment().svg()
    assert page.select('[type*="jupyter.widget"]') == []
    assert [fold.get_text() for fold in page.select("details > p > em")] == ["rose"]
    quiz = page.select(".jp-OutputArea-output")[2].get_text(" ")
    for question in Quiz("02").library["02"]["questions"]:
        assert question["text"] in quiz
        assert all(option["text"] in quiz for option in question.get("options", []))


def test_a_script_is_python(convert):
    script = convert("--to", "script")
    assert script.name == "lesson.py"
    compile(script.read_text(encoding="utf-8"), script.name, "exec")


def test_without_the_course_a_picture_is_there_all_the_same(lesson):
    from nbconvert.exporters import HTMLExporter

    page = BeautifulSoup(HTMLExporter().from_notebook_node(lesson)[0], "html.parser")
    assert [picture["alt"] for picture in page.select(".jp-OutputArea-output img")] == [NO_ALT] * 4


def test_notebooks_of_others_keep_their_widgets_and_pictures():
    data = {pages.VIEW: {"model_id": "x"}, "text/plain": "IntSlider()"}
    outputs = [
        nbformat.v4.new_output("display_data", data),
        nbformat.v4.new_output("display_data", {"image/png": "AAAA", "text/plain": "a"}),
        nbformat.v4.new_output("stream", text="words"),
    ]
    cells = [nbformat.v4.new_markdown_cell("Text"), nbformat.v4.new_code_cell(outputs=outputs)]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"widgets": {"a": "b"}})
    before = nbformat.writes(notebook)
    assert nbformat.writes(pages.as_page(notebook, {})[0]) == before


def test_the_configuration_is_written_once_and_that_of_others_stays(tmp_path):
    path = pages.install(tmp_path)
    written = path.stat().st_mtime_ns
    assert pages.install(tmp_path).stat().st_mtime_ns == written
    mine = "c = get_config()\n"
    for there, then in ((f"{pages.MARK}\nold", pages.CONFIGURATION), (mine, mine)):
        path.write_text(there)
        assert pages.install(tmp_path).read_text() == then
