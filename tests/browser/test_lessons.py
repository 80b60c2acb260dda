"""Every committed lesson, opened in JupyterLab and not run: its labs live, its outputs accessible."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from appearance import axe
from jupyterlab_page import JupyterLabPage

from course_utils.build import notebooks
from course_utils.widgets.offline import MIME_TYPE

pytestmark = pytest.mark.browser

LESSONS = sorted(notebooks.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
IN_DARK_TOO = ("00", "03")  # the map; checks, quiz and figures; test_themes_in_browser.py has the labs
OUTPUTS = ".jp-Cell-outputArea"
_RENDERED = """() => ({
  outputs: document.querySelectorAll(".jp-OutputArea-output").length,
  widgets: document.querySelectorAll(".jp-OutputArea-output .pgc-lab, .jp-OutputArea-output [data-lab]").length,
})"""


def in_dark(app: JupyterLabPage) -> dict[str, list[str]]:
    """What axe finds in JupyterLab's dark theme, and under forced colours on a dark ground."""
    app.set_theme("JupyterLab Dark")
    found = {"dark": axe(app.page, OUTPUTS)}
    app.set_theme("JupyterLab Light")
    app.page.emulate_media(forced_colors="active", color_scheme="dark")
    found["forced colours"] = axe(app.page, OUTPUTS)
    app.page.emulate_media(forced_colors="none", color_scheme="light")
    return found


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_labs_are_alive_and_no_output_breaks_a_serious_rule_of_axe(path: Path, app: JupyterLabPage) -> None:
    lesson = nbformat.read(path, as_version=4)
    outputs = [output for cell in lesson.cells for output in cell.get("outputs", [])]
    shown = sum(MIME_TYPE in output.get("data", {}) for output in outputs)
    app.server.trust(app.server.add_notebook(path.name, lesson))
    app.open(path.name)
    app.command("notebook:show-all-cell-outputs")  # those that answer a prediction are folded
    found = app.wait_for_page(
        _RENDERED, lambda now: now["outputs"] >= len(outputs) and now["widgets"] >= shown, timeout=40
    )
    assert found["outputs"] == len(outputs)
    assert "Error displaying widget" not in app.page.inner_text(".jp-Notebook")
    assert axe(app.page, OUTPUTS) == []
    if path.name[:2] in IN_DARK_TOO:
        assert in_dark(app) == {"dark": [], "forced colours": []}
