"""Whole walks, as the README leads: a learner's first evening and the day after, an instructor from a set to marks.

A reader's walk, from a folder to the notebooks' record and its map, is in test_site_in_browser.py; a lecture with its
votes in test_slides_in_browser.py.
"""

from __future__ import annotations

import csv
import os
import shutil
import sys
import zipfile
from pathlib import Path

import every_lab
import hosts
import pytest
from jupyterlab_page import JupyterLabPage, JupyterLabServer
from lab_view import LabView
from playwright.sync_api import Browser, Page, expect

from course_utils import lessons, progress
from course_utils.grading import __main__ as grading
from course_utils.grading import problem_sets
from course_utils.widgets import Quiz

sys.path.append(str(Path(__file__).parents[1] / "grading"))
import synthetic

pytestmark = pytest.mark.browser

FIRST, SECOND = "00_start_here.ipynb", "01_policies.ipynb"
MAP = "from course_utils.widgets import CourseMap"
LESSON = '[data-role="lesson"][data-number="01"]'
WRONG = """def entropy(logits):
pi = policy.softmax(logits)
return np.sum(pi * np.log(pi), axis=-1)"""
RIGHT = WRONG.replace("np.sum", "-np.sum").replace("np.log(pi)", "policy.log_softmax(logits)")
SANDBOX = "bubblewrap" if shutil.which("bwrap") or os.environ.get("REQUIRE_SANDBOX") else "none"


@pytest.fixture
def evening(tmp_path: Path, extension: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer with nothing of the course but its first lessons."""
    monkeypatch.setenv("JUPYTER_PATH", str(extension / "share" / "jupyter"))
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "record.json"))
    (tmp_path / "root").mkdir()
    for name in (FIRST, SECOND):
        shutil.copy(lessons.NOTEBOOKS / name, tmp_path / "root")
    return tmp_path


def opened(browser: Browser, server: JupyterLabServer, name: str) -> JupyterLabPage:
    lab = JupyterLabPage(browser, server)
    lab.page.goto(f"{server.url}lab/tree/{name}")
    lab.page.locator(".jp-Notebook").first.wait_for()  # the tabs of the day before are there again
    return lab.open(name)


def cell(lab: JupyterLabPage, name: str, start: str) -> int:
    """Which cell of the open notebook begins so."""
    found = """([name, start]) => [...window.jupyterapp.shell.widgets("main")]
      .find((one) => one.context?.path === name).content.widgets
      .findIndex((cell) => cell.model.sharedModel.getSource().startsWith(start))"""
    return int(lab.page.evaluate(found, [name, start]))


def shown(lab: JupyterLabPage, name: str, start: str, selector: str) -> LabView:
    """What a cell shows, scrolled into view."""
    index = cell(lab, name, start)
    lab.page.evaluate("index => window.jupyterapp.shell.currentWidget.content.scrollToItem(index, 'start')", index)
    view = LabView(lab.page, f'.jp-MainAreaWidget:not(.lm-mod-hidden) [data-windowed-list-index="{index}"] {selector}')
    view.root.scroll_into_view_if_needed()
    return view


def mapped(lab: JupyterLabPage) -> None:
    """Go back to the map and have it drawn anew."""
    lab.open(FIRST).run_cell(cell(lab, FIRST, MAP))
    shown(lab, FIRST, MAP, ".pgc-lab")


def tried(lab: JupyterLabPage, code: str, says: str) -> None:
    """Write a function into the exercise as a learner does, run it and its check, which says this."""
    index = cell(lab, SECOND, "def entropy")
    shown(lab, SECOND, "def entropy", ".cm-content").root.click()
    lab.page.keyboard.press("ControlOrMeta+a")
    for line in code.split("\n"):
        lab.page.keyboard.type(f"{line}\n")  # the editor indents
    lab.page.keyboard.press("Shift+Enter")
    lab.page.keyboard.press("Shift+Enter")
    checked = lab.page.locator(f'[data-windowed-list-index="{index + 1}"] .jp-OutputArea').last
    expect(checked).to_contain_text(says, timeout=30_000)


def test_a_learner_begins_errs_mends_and_finds_all_of_it_the_next_day(browser: Browser, evening: Path) -> None:
    asked = Quiz("01").questions[0]
    with JupyterLabServer(evening) as server:
        lab = opened(browser, server, FIRST)
        lab.run_all()
        assert "Everything that the course needs is installed" in shown(lab, FIRST, "try:", "pre").root.inner_text()
        shown(lab, FIRST, MAP, ".pgc-lab")
        row = lab.page.locator(LESSON)
        assert row.get_attribute("data-state") == "new"
        row.locator("a").click()
        lab.page.wait_for_function("name => window.jupyterapp.shell.currentWidget.context?.path === name", arg=SECOND)
        lab.open(SECOND).run_all()

        quiz = shown(lab, SECOND, 'Quiz("01")', ".pgc-lab")
        hosts.answer(quiz, asked, every_lab.wrong_answer(asked), "hand")
        expect(quiz.role("missed")).to_be_visible()
        hosts.answer(quiz, asked, every_lab.right_answer(asked), "hand")
        tried(lab, WRONG, says="opposite sign")
        tried(lab, RIGHT, says="entropy: correct")
        lab.command("docmanager:save")
        mapped(lab)
        assert row.get_attribute("data-state") == "begun"
        facts = row.inner_text()
        assert "1 of 3 checks · quiz: 1 of 5 right, 0 at the first try" in facts
        lab.command("docmanager:save")
        faults = lab.faults()
        lab.context.close()
    with JupyterLabServer(evening) as server:
        lab = opened(browser, server, SECOND)
        assert "-np.sum" in shown(lab, SECOND, "def entropy", ".cm-content").root.inner_text()
        mapped(lab)
        assert lab.page.locator(LESSON).inner_text() == facts
        faults += lab.faults()
        lab.context.close()
    assert faults == []


def test_an_instructor_hands_out_grades_and_sees_the_class(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def grade(*command: str) -> str:
        assert grading.main([*command, "--set", "ps1"]) == 0, capsys.readouterr()
        return capsys.readouterr().out

    grade("release")
    (archive,) = (tmp_path / "grading").rglob("*.zip")
    with zipfile.ZipFile(archive) as packed:
        handed_out = b"".join(packed.read(name) for name in packed.namelist())
    assert b"your code here" in handed_out
    assert b"BEGIN SOLUTION" not in handed_out
    synthetic.write(tmp_path / "in", problem_sets.load("ps1"), 2)
    grade("collect-check", "in")
    grade("grade", "in", "--sandbox", SANDBOX, "--jobs", "1")
    assert "2" in grade("status")
    grade("feedback")
    grade("export", "--to", "csv")
    with (tmp_path / "grading" / "ps1_csv.csv").open(encoding="utf-8-sig", newline="") as file:
        exported = {row["student"]: row for row in csv.DictReader(file)}
    page.goto((tmp_path / "grading" / "class_ps1.html").as_uri())
    page.eval_on_selector_all("details", "(folds) => folds.forEach((fold) => { fold.open = true; })")
    assert [row["total"] == "" for row in exported.values()] == [True, False], "a person has still to mark an essay"
    for student, row in exported.items():
        *points, total = page.get_by_role("row", name=student).last.get_by_role("cell").all_inner_texts()
        assert points == [given or "–" for name, given in row.items() if name.startswith("ps1-")]
        assert not row["total"] or total == f"{row['total']} of {row['maximum']}"
    page.goto((tmp_path / "grading" / "feedback" / "ps1" / "student0000.html").as_uri())
