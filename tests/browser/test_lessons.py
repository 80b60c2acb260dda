"""Every committed lesson, opened in JupyterLab and not run: its labs live, its outputs accessible."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyterlab_page import JupyterLabPage, JupyterLabServer
from playwright.sync_api import Browser

from course_utils.build import labextension, notebooks
from course_utils.widgets.offline import MIME_TYPE

pytestmark = pytest.mark.browser

LESSONS = sorted(notebooks.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
IN_DARK_TOO = ("00", "03", "08", "11")  # the map; checks, quiz and figures; a lab that predicts; one of the kernel's
OUTPUTS = ".jp-Cell-outputArea"
_RENDERED = """() => ({
  outputs: document.querySelectorAll(".jp-OutputArea-output").length,
  widgets: document.querySelectorAll(".jp-OutputArea-output .pgc-lab, .jp-OutputArea-output [data-lab]").length,
})"""


@pytest.fixture(scope="module")
def page(browser: Browser, shots: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLabPage]:
    """JupyterLab as `make lab` starts it, with the course's extension."""
    prefix = tmp_path_factory.mktemp("prefix")
    labextension.install(prefix)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(prefix / "share" / "jupyter"))
        with JupyterLabServer(tmp_path_factory.mktemp("jupyterlab")) as server:
            page = JupyterLabPage(browser, server, shots)
            yield page
            page.close()


def in_dark(page: JupyterLabPage) -> dict[str, list[str]]:
    """What axe finds in JupyterLab's dark theme, and under forced colours on a dark ground."""
    page.set_theme("JupyterLab Dark")
    found = {"dark": page.axe(OUTPUTS)}
    page.set_theme("JupyterLab Light")
    page.page.emulate_media(forced_colors="active", color_scheme="dark")
    found["forced colours"] = page.axe(OUTPUTS)
    page.page.emulate_media(forced_colors="none", color_scheme="light")
    return found


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_labs_are_alive_and_no_output_breaks_a_serious_rule_of_axe(path: Path, page: JupyterLabPage) -> None:
    lesson = nbformat.read(path, as_version=4)
    outputs = [output for cell in lesson.cells for output in cell.get("outputs", [])]
    shown = sum(MIME_TYPE in output.get("data", {}) for output in outputs)
    page.server.trust(page.server.add_notebook(path.name, lesson))
    page.open(path.name)
    found = page.wait_for_page(
        _RENDERED, lambda now: now["outputs"] >= len(outputs) and now["widgets"] >= shown, timeout=40
    )
    assert found["outputs"] == len(outputs)
    assert "Error displaying widget" not in page.page.inner_text(".jp-Notebook")
    assert page.axe(OUTPUTS) == []
    if path.name[:2] in IN_DARK_TOO:
        assert in_dark(page) == {"dark": [], "forced colours": []}
    faults = page.faults()
    page.close_notebook()
    assert faults == []
