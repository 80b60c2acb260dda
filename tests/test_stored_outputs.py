"""A notebook without an optional package: it says so in a sentence, and shows what is stored."""

import re
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from course_utils import stored_outputs
from course_utils.build import notebooks

LESSON = notebooks.NOTEBOOKS / "14_real_code.ipynb"


def test_a_package_that_is_there_is_used(capsys):
    assert stored_outputs.needs("json", "14_real_code") is True
    assert capsys.readouterr().out == ""


def test_a_notebook_that_cannot_be_read_stores_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(stored_outputs.lessons, "NOTEBOOKS", tmp_path)
    assert stored_outputs.needs("no_such_package_xyz", "14_real_code") is False
    assert capsys.readouterr().out == f"{stored_outputs.SENTENCE}\n"


@pytest.mark.long
def test_lesson_14_runs_from_top_to_bottom_without_pytorch(tmp_path):
    """Each cell that needs PyTorch shows what is stored; checks say what is missing; nothing fails."""
    stored, run = nbformat.read(LESSON, as_version=4), nbformat.read(LESSON, as_version=4)
    run.cells = [cell for cell in run.cells if cell.cell_type == "code"]
    run.cells[0].source = f"import sys; sys.modules['torch'] = None\n{run.cells[0].source}"
    at = {"metadata": {"path": str(LESSON.parent)}}
    NotebookClient(run, timeout=60, kernel_name="python3", resources=at).execute()

    def texts(cell):
        return ["".join(o.get("text", o.get("data", {}).get("text/plain", ""))) for o in cell.outputs]

    assert stored_outputs.SENTENCE in "".join(texts(run.cells[0]))
    by_id = {cell.id: cell for cell in stored.cells}
    needing = [cell for cell in run.cells if "needs-torch" in cell.metadata.get("tags", [])]
    assert len(needing) > 10
    for cell in needing:
        is_check = "answer" in cell.metadata["tags"]
        assert texts(cell) == ([stored_outputs.CHECK] if is_check else texts(by_id[cell.id])), cell.id


def test_a_check_without_pytorch_says_what_is_missing(monkeypatch):
    from course_utils.checks import check

    monkeypatch.setitem(sys.modules, "torch", None)
    result = check("reply_mask", lambda tokens, end: tokens)
    assert (result.status, result.mistake) == ("not attempted", "no-torch")


def test_every_cell_that_names_torch_is_tagged():
    for cell in nbformat.read(LESSON, as_version=4).cells:
        if cell.cell_type == "code" and cell.id != "setup" and re.match(r"(?!def ).*torch", cell.source, re.DOTALL):
            assert "needs-torch" in cell.metadata["tags"], cell.source
