"""Every committed notebook's outputs, as JupyterLab opens them: its labs live, all accessible in all colours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from appearance import axe_of_all, axe_of_colours
from jupyterlab_page import VIEWPORT, JupyterLabPage, JupyterLabServer
from playwright.sync_api import Browser

from course_utils.build import site_sources
from course_utils.widgets.offline import MIME_TYPE

pytestmark = pytest.mark.browser

READ = {path: nbformat.read(path, as_version=4) for path in site_sources.notebooks()}
NOTEBOOKS = [path for path, notebook in READ.items() if any(cell.get("outputs") for cell in notebook.cells)]
OUTPUTS = ".jp-OutputArea-output"
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
# How many outputs are drawn, and how many labs in them.
_RENDERED = """[".jp-OutputArea-output", ".jp-OutputArea-output :is(.pgc-lab, [data-lab])"]
  .map((selector) => document.querySelectorAll(selector).length)"""
# Axe compares no colours of what has been scrolled away: the notebook alone, from top to bottom, as a page. The colours
# of code in a text are JupyterLab's own.
_SPREAD = """() => {
  document.head.append(Object.assign(document.createElement("style"), { id: "spread", textContent: `
    body { position: static !important; height: auto !important; overflow: visible !important }
    body > :not(.jp-Notebook) { display: none !important }
    body > .jp-Notebook, .jp-WindowedPanel-outer { position: static !important; width: auto !important;
      height: auto !important; overflow: visible !important; contain: none !important }` }));
  const notebook = document.querySelector(".jp-Notebook");
  window.back = () => {
    document.getElementById("spread").remove();
    panel.append(notebook);
  };
  const panel = notebook.parentNode;
  document.body.append(notebook);
  for (const token of notebook.querySelectorAll(".jp-RenderedMarkdown code span")) token.className = "";
}"""
_PALE = """() => {
  const outputs = [...document.querySelectorAll(".jp-OutputArea-output")];
  outputs.forEach((output, n) => { // of colours of their own: axe looks at one text of each
    const pale = document.createElement("p");
    pale.innerHTML = `<span style="background: #ffffff; color: rgb(221, 221, ${200 + n})">hardly to be read</span>`;
    output.append(pale);
  });
  return outputs.length;
}"""


@pytest.fixture(scope="module")
def lab(browser: Browser, server: JupyterLabServer) -> Iterator[JupyterLabPage]:
    """A JupyterLab that draws all cells of a notebook, in sight or not."""
    with server.setting("notebook-extension/tracker", {"windowingMode": "none"}):
        page = JupyterLabPage(browser, server, viewport=VIEWPORT)
        yield page
        page.close()


@pytest.fixture
def opened(request: pytest.FixtureRequest, lab: JupyterLabPage) -> Iterator[JupyterLabPage]:
    """The outputs of a notebook, laid out as one page."""
    path: Path = request.param
    hidden = {"jupyter": {"source_hidden": True}}
    cells = [{**cell, "metadata": {**cell.metadata, **hidden}} for cell in READ[path].cells if cell.get("outputs")]
    outputs = nbformat.from_dict({**READ[path], "cells": cells})
    lab.server.trust(lab.server.add_notebook(path.name, outputs))
    lab.open(path.name)
    yield lab
    faults = lab.faults()
    lab.page.evaluate("() => { window.back?.(); delete window.back; }")
    lab.close_notebook()
    assert faults == []


def in_all_colours(lab: JupyterLabPage) -> dict[str, list[str]]:
    """What axe finds in JupyterLab's light and dark theme, and under forced colours on a dark ground."""
    lab.page.evaluate(_SPREAD)
    themes = [LIGHT, DARK] if lab.page.evaluate("document.body.dataset.jpThemeLight") == "true" else [DARK, LIGHT]
    found = {themes[0]: axe_of_all(lab.page, OUTPUTS)}
    lab.set_theme(themes[1])  # the next notebook begins in it: to change it takes a second
    found[themes[1]] = axe_of_colours(lab.page, OUTPUTS)
    lab.page.emulate_media(forced_colors="active", color_scheme="dark")
    found["forced colours"] = axe_of_colours(lab.page, OUTPUTS)
    lab.page.emulate_media(forced_colors="none", color_scheme="light")
    return {where: faults for where, faults in found.items() if faults}


@pytest.mark.parametrize("opened", NOTEBOOKS, ids=lambda path: path.stem, indirect=True)
def test_labs_are_alive_and_no_output_breaks_a_serious_rule_of_axe(
    opened: JupyterLabPage, request: pytest.FixtureRequest
) -> None:
    path = request.node.callspec.params["opened"]
    outputs = [output for cell in READ[path].cells for output in cell.get("outputs", [])]
    shown = sum(MIME_TYPE in output.get("data", {}) for output in outputs)
    opened.wait_for_page(_RENDERED, lambda now: now[0] == len(outputs) and now[1] >= shown, timeout=40)
    assert "Error displaying widget" not in opened.page.inner_text(".jp-Notebook")
    assert in_all_colours(opened) == {}


@pytest.mark.parametrize("opened", NOTEBOOKS[1:2], ids=lambda path: path.stem, indirect=True)
def test_a_pale_text_is_found_in_every_output(opened: JupyterLabPage) -> None:
    outputs = sum(len(cell.get("outputs", [])) for cell in READ[NOTEBOOKS[1]].cells)
    opened.wait_for_page(_RENDERED, lambda now: now[0] >= outputs, timeout=40)
    assert opened.page.evaluate(_PALE) == outputs > 5
    found = in_all_colours(opened)
    seen = [found.pop(theme)[0].count("hardly to be read") for theme in (LIGHT, DARK)]
    assert seen == [outputs, outputs], "each is looked at"
    assert found == {}, "under forced colours it is as dark as any text"
