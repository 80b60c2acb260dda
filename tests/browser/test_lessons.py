"""Every committed notebook, opened in JupyterLab and not run: its labs live, its outputs accessible in all colours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from appearance import OF_COLOURS, axe
from conftest import RunningApp
from jupyterlab_page import JupyterLabPage

from course_utils.build import site_sources
from course_utils.widgets.offline import MIME_TYPE

pytestmark = pytest.mark.browser

READ = {path: nbformat.read(path, as_version=4) for path in site_sources.notebooks()}
NOTEBOOKS = [path for path, notebook in READ.items() if any(cell.get("outputs") for cell in notebook.cells)]
OUTPUTS = ".jp-Cell-outputArea"
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
_RENDERED = """() => ({
  outputs: document.querySelectorAll(".jp-OutputArea-output").length,
  widgets: document.querySelectorAll(".jp-OutputArea-output .pgc-lab, .jp-OutputArea-output [data-lab]").length,
})"""


@pytest.fixture(scope="module", autouse=True)
def light_again(tall_app: RunningApp) -> Iterator[None]:
    """A notebook begins in the theme that the one before has ended with: to change it takes a second."""
    yield
    tall_app.take().set_theme(LIGHT)


def in_all_colours(app: JupyterLabPage) -> dict[str, list[str]]:
    """What axe finds in JupyterLab's light and dark theme, and under forced colours on a dark ground."""
    themes = [LIGHT, DARK] if app.page.evaluate("document.body.dataset.jpThemeLight") == "true" else [DARK, LIGHT]
    found = {themes[0]: axe(app.page, OUTPUTS)}
    app.set_theme(themes[1])
    found[themes[1]] = axe(app.page, OUTPUTS, *OF_COLOURS)
    app.page.emulate_media(forced_colors="active", color_scheme="dark")
    found["forced colours"] = axe(app.page, OUTPUTS, *OF_COLOURS)
    app.page.emulate_media(forced_colors="none", color_scheme="light")
    return {where: faults for where, faults in found.items() if faults}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_labs_are_alive_and_no_output_breaks_a_serious_rule_of_axe(path: Path, app: JupyterLabPage) -> None:
    outputs = [output for cell in READ[path].cells for output in cell.get("outputs", [])]
    shown = sum(MIME_TYPE in output.get("data", {}) for output in outputs)
    app.server.trust(app.server.add_notebook(path.name, READ[path]))
    app.open(path.name)
    app.command("notebook:show-all-cell-outputs")  # those that answer a prediction are folded
    found = app.wait_for_page(
        _RENDERED, lambda now: now["outputs"] >= len(outputs) and now["widgets"] >= shown, timeout=40
    )
    assert found["outputs"] == len(outputs)
    assert "Error displaying widget" not in app.page.inner_text(".jp-Notebook")
    assert in_all_colours(app) == {}
