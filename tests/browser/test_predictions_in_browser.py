"""Predictions in a real JupyterLab: committed or just shown, and what answers them unfolds then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import nbformat
import pytest
from jupyterlab_page import JupyterLabPage
from lab_view import LabView
from mounted_lab import MountedLab
from playwright.sync_api import Locator, Page, expect

from course_utils.widgets import Predict

pytestmark = pytest.mark.browser

CELLS = {
    "predict": "import os\nfrom course_utils.widgets import Predict\n"
    "os.environ['POLICY_GRADIENT_COURSE_PROGRESS'] = os.environ.get('RECORD', '')\n"
    "card = Predict('08-three-actions')\ncard",
    "answer": "print('the probabilities after the step:')\nprint('refund rises')",
    "other": "print('of another prediction')",
    "folded": "# Draws nothing at all.\nprint('beside it')",
    "second": "Predict('08-zero')",
    "both": "print('of two predictions')",
}
TEXTS = {"Refund rose.": ["three-actions"], "Nobody asks.": ["how-far"], "Of both.": ["three-actions", "how-far"]}
WAITS = "The explanation opens when you have answered above."
ANSWERS = {"answer": ["how-far", "three-actions"], "other": ["three"], "both": ["three-actions", "zero"]}


@pytest.fixture(scope="module")
def stored(as_committed: Callable[[Mapping[str, str]], nbformat.NotebookNode]) -> nbformat.NotebookNode:
    notebook = as_committed(CELLS)
    for cell in notebook.cells:
        if cell.id in ANSWERS:
            cell.metadata |= {"answers": ANSWERS[cell.id], "jupyter": {"outputs_hidden": True}}
    notebook.cells[3].metadata |= {"jupyter": {"source_hidden": True}}
    for text, answers in TEXTS.items():
        notebook.cells.append(nbformat.v4.new_markdown_cell(text, metadata={"answers": answers}))
    return notebook


def texts(notebook: JupyterLabPage) -> list[str]:
    """What is seen of each text cell, with what the style says before it."""
    return notebook.page.locator(".jp-MarkdownOutput").evaluate_all(
        """cells => cells.map((cell) => {
          const before = getComputedStyle(cell, "::before").content;
          return [before === "none" ? "" : JSON.parse(before), cell.innerText.replace("¶", "").trim()].join("");
        })"""
    )


def card(notebook: JupyterLabPage, nth: int = 0) -> LabView:
    return LabView(notebook.page, '.pgc-lab[data-lab="prediction"]', nth)


def output(notebook: JupyterLabPage, nth: int) -> Locator:
    return notebook.cell(nth).locator(".jp-OutputArea-output")


def test_untrusted_and_without_a_kernel_it_is_made_and_its_answer_unfolds(
    small_app: JupyterLabPage, stored: nbformat.NotebookNode
) -> None:
    notebook = small_app.open(small_app.server.add_notebook("predictions.ipynb", stored))
    shown, answer, both = card(notebook), output(notebook, 1), output(notebook, 5)
    expect(answer).to_have_count(0)
    assert texts(notebook) == [WAITS, "Nobody asks.", WAITS]
    expect(notebook.cell(3).locator(".jp-InputPlaceholder")).to_contain_text("# Draws nothing at all.")
    shown.click("send")
    expect(shown.role("message")).to_have_text("Choose an answer first.")
    shown.role("option", 0).check()
    expect(answer).to_have_count(0)
    shown.role("send").dblclick()  # the second click does not ask again
    expect(answer).to_contain_text("refund rises")
    for still_open in (output(notebook, 2), both):
        expect(still_open).to_have_count(0)
    card(notebook, 1).role("show").press("Enter")
    expect(both).to_contain_text("of two")
    assert texts(notebook) == ["Refund rose.", "Nobody asks.", "Of both."]
    for told in ("What came: Only that of refund", "You said: Those of refund and replace"):
        expect(shown.role("result")).to_contain_text(told)
    expect(shown.role("verdict")).to_have_count(0)
    expect(shown.role("note")).to_contain_text("Not recorded")


def test_with_a_kernel_it_is_kept_and_shown_again_the_next_day(
    small_app: JupyterLabPage, stored: nbformat.NotebookNode, tmp_path: Path
) -> None:
    notebook = small_app.open(small_app.server.add_notebook("next_day.ipynb", stored))
    notebook.execute(f"import os; os.environ['RECORD'] = {str(tmp_path / 'record.json')!r}")
    notebook.run_cell(0)
    shown, answer = card(notebook), output(notebook, 1)
    shown.click("show")
    expect(answer).to_contain_text("refund rises")
    expect(shown.role("result")).not_to_contain_text("You said")
    shown.click("send")  # predict again
    shown.role("option", 1).check()
    shown.click("send")
    expect(shown.role("verdict")).to_have_text("✓ It came as you said.")
    notebook.wait_for_kernel("card.answers['three-actions']", lambda said: said == [None, 1])
    notebook.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.widgets[1].outputHidden = true; }")
    notebook.run_cell(0)  # as after a new start of the kernel
    expect(shown.role("verdict")).to_have_text("✓ It came as you said.")
    expect(answer).to_contain_text("refund rises")


def test_a_busy_kernel_takes_it_later_and_a_held_key_asks_once(page: Page) -> None:
    page.clock.install()
    lab = MountedLab(page, Predict("08-three-actions"))
    lab.role("option").first.check()
    lab.role("send").focus()
    for _ in range(3):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    expect(lab.role("result")).to_be_visible()
    page.clock.run_for(2_500)
    expect(lab.role("note")).to_contain_text("Not recorded")
    page.evaluate("window.lab.set('recorded', 1)")
    expect(lab.role("note")).to_have_text("")
