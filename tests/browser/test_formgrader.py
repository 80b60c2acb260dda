"""nbgrader's formgrader on a graded class: the scores, a written answer with its rubric, a mark that stays."""

import csv
import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from jupyterlab_page import JupyterLabServer, picture
from playwright.sync_api import TimeoutError

from course_utils.grading import __main__ as grading
from course_utils.grading import problem_sets, results

sys.path.append(str(Path(__file__).parents[1] / "grading"))
import synthetic

NBGRADER = find_spec("nbgrader") is not None  # each worker reads this file, and one needs it
pytestmark = [pytest.mark.browser, pytest.mark.skipif(not NBGRADER, reason="needs nbgrader")]
SANDBOX = "bubblewrap" if shutil.which("bwrap") or os.environ.get("REQUIRE_SANDBOX") else "none"
HOSTILE = r"""It falls as 1/√m, for $a<b$, and $\href{javascript:document.title='forged'}{\text{press}}$.

<script>document.title = "forged"</script><img src=x onerror="document.title = 'forged'"> <svg/onload=alert(1)>
[a link](javascript:alert(1)) ![a picture](http://127.0.0.1:1/x.png) [another] <javascript:alert(1)>

[another]: javascript:alert(1)
"""


def saves(page, field, value):
    """Fill in a field until formgrader saves it: its page answers to nothing before its own scripts have loaded."""
    for _ in range(6):
        try:
            with page.expect_response(lambda answer: answer.request.method == "PUT", timeout=10_000) as saved:
                field.fill("")
                field.fill(value)
                field.press("Tab")
            return saved.value.ok
        except TimeoutError:
            continue
    return False


@pytest.fixture
def class_of_three(tmp_path, monkeypatch):
    synthetic.write(tmp_path / "in", problem_sets.load("ps1"), 3)
    file = tmp_path / "in" / "student0001" / "ps1.ipynb"
    notebook = json.loads(file.read_text("utf-8"))
    notebook["cells"][-1]["source"] = HOSTILE
    file.write_text(json.dumps(notebook), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def grade():
    assert grading.main(["grade", "in", "--set", "ps1", "--sandbox", SANDBOX, "--jobs", "1"]) == 0


def test_an_essay_is_marked_in_formgrader_and_the_mark_stays(class_of_three, browser, monkeypatch, tmp_path):
    grade()
    out = tmp_path / "grading"
    totals = {
        result.student: sum(outcome.points or 0 for outcome in result.outcomes) for result in results.stored(out, "ps1")
    }
    server = JupyterLabServer(tmp_path / "server")
    server.root = out / "nbgrader"
    monkeypatch.chdir(server.root)
    with server, browser.new_context(viewport={"width": 1280, "height": 1000}) as context:
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.goto(f"{server.url}formgrader/gradebook/ps1/ps1")
        rows = page.locator("tbody tr")
        rows.nth(2).wait_for()
        shown = [row.locator("td").nth(2).inner_text() for row in rows.all()]
        assert sorted(shown) == sorted(f"{total:g} / 16" for total in totals.values())
        picture("formgrader_scores", page)
        told = server.rest("GET", "formgrader/api/submitted_notebooks/ps1/ps1")
        page.goto(server.url + "formgrader/submissions/" + next(s["id"] for s in told if s["student"] == "student0001"))
        page.locator(".MathJax", has_text="softmax").first.wait_for()
        page.locator(".MathJax", has_text="press").click()  # drawn as a formula, and no link
        assert page.get_by_alt_text("Two straight lines").evaluate("(image) => image.naturalWidth") > 500
        assert [url for url in asked if not url.startswith((server.url, "data:", "about:"))] == []
        assert "The rubric, for the marker" in page.inner_text("body")
        assert page.title() != "forged"
        assert page.locator("[href^='javascript:'], [onerror], [onload], .nbgrader_cell img").count() == 0
        for field, value in (("input.score", "3.5"), ("textarea.comment", "Why do the lines lie apart?")):
            assert saves(page, page.locator(field).last, value)
        picture("formgrader_essay", page)
    monkeypatch.chdir(tmp_path)
    grade()
    assert grading.main(["export", "--set", "ps1", "--to", "csv"]) == 0
    with (out / "ps1_csv.csv").open(encoding="utf-8-sig", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["student"] == "student0001")
    assert (float(row["ps1-q5"]), float(row["total"])) == (3.5, totals["student0001"] + 3.5)
    assert "Why do the lines lie apart?" in (out / "feedback" / "ps1" / "student0001.html").read_text("utf-8")
