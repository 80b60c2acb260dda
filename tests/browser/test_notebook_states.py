"""Every state that a notebook can be in: its labs, map and quiz are alive, or their first frame says what to do."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from conftest import RunningApp
from jupyterlab_page import TALL, JupyterLabPage, JupyterLabServer, environment, write_settings
from lab_view import LabView, faults_of
from playwright.sync_api import Browser, Page, expect

from course_utils import lessons
from course_utils.build import lab, notebooks
from course_utils.widgets import AdvantageLab, ClipLab, CourseMap, Quiz, TrainingLab

pytestmark = pytest.mark.browser

CELLS = {
    "lab": "from course_utils.widgets import *\n\nlab = AdvantageLab()\nlab",
    "map": "CourseMap()",
    "quiz": 'quiz = Quiz("01")\nquiz',
    "training": "training = TrainingLab()\ntraining",
    "box": "import ipywidgets\n\nclip = ClipLab()\nipywidgets.Tab([ipywidgets.VBox([clip, ipywidgets.IntSlider()])])",
}
# What each cell shows, and its name in the page; the last in a learner's own boxes.
SHOWN = dict(zip(CELLS, (AdvantageLab, CourseMap, Quiz, TrainingLab, ClipLab), strict=True))
IN_PAGE = dict(zip(CELLS, ("advantage", "map", "quiz", "training", "clip"), strict=True))
IN_A_BOX = "Run the cell to see these side by side, and what else was with them."
LOST = "Its kernel has ended: this is not connected to Python until you run the cell again."
NEEDS_PYTHON = "Run this cell first: training needs Python."


def use_lab(lab: LabView, connected: bool) -> None:
    slider = lab.role("advantage", 0)
    before = str(slider.get_attribute("aria-valuenow"))
    lab.drag("advantage", 0, 0, 40)
    expect(slider).not_to_have_attribute("aria-valuenow", before)
    lab.click("step")
    expect(lab.role("steps-taken")).to_have_text("1 step taken")


def use_map(lab: LabView, connected: bool) -> None:
    expect(lab.role("lesson")).to_have_count(len(lessons.LESSONS))
    expect(lab.root.locator('a[href$=".ipynb"]').first).to_be_visible()


def use_quiz(lab: LabView, connected: bool) -> None:
    lab.root.locator("input").first.check()
    lab.role("send").first.click()
    expect(lab.role("verdict")).to_have_text(re.compile("[✓✗]"))


def use_training(lab: LabView, connected: bool) -> None:
    lab.click("one-update")
    expect(lab.root).to_contain_text("update 1," if connected else NEEDS_PYTHON)


def use_box(lab: LabView, connected: bool) -> None:
    output = lab.page.locator(".jp-OutputArea-output", has=lab.root)
    is_offline = output.locator(".pgc-offline").count() == 1
    expect(output.get_by_text(IN_A_BOX)).to_have_count(1 if is_offline else 0)
    expect(output.locator(".widget-slider")).to_have_count(0 if is_offline else 1)
    lab.role("clip").uncheck()


USE = {"lab": use_lab, "map": use_map, "quiz": use_quiz, "training": use_training, "box": use_box}


def check(page: Page, live: frozenset[str], lost: bool = False) -> None:
    """Each output is the live widget or the offline one, as is due; it says which; and it answers the hand."""
    all_notes = dict.fromkeys([*(shown.offline_note for shown in SHOWN.values()), LOST])
    for name, shown in SHOWN.items():
        root = f'[data-lab="{IN_PAGE[name]}"]'
        lab = page.locator(f"{root}:not(.pgc-offline *)" if name in live else f".pgc-offline {root}")
        expect(lab).to_have_count(1, timeout=30_000)
        expect(page.locator(root)).to_have_count(1)
        said = page.locator(".jp-OutputArea-output", has=page.locator(root)).first.inner_text()
        due = [LOST] if lost else [] if name in live else [shown.offline_note]
        assert [note for note in all_notes if note in said] == due, name
        USE[name](LabView(page, root), connected=name in live and not lost)
    assert "Error displaying widget" not in page.locator(".jp-Notebook").inner_text()


@pytest.fixture(scope="module")
def lesson(as_committed: Callable[..., nbformat.NotebookNode]) -> nbformat.NotebookNode:
    return as_committed(CELLS)


@pytest.fixture(scope="module")
def saved(tall_app: RunningApp, server: JupyterLabServer, lesson: nbformat.NotebookNode) -> str:
    """A notebook that was run to its end and saved in JupyterLab, its kernel shut down since."""
    app = tall_app.take()
    app.open(server.add_notebook("saved.ipynb", lesson)).run_all().command("docmanager:save")
    app.close_notebook()
    server.shut_kernels_down()  # waits for the end of those that are being shut down
    return "saved.ipynb"


OFFLINE, LIVE = frozenset[str](), frozenset(CELLS)
OF_SESSION = "() => window.jupyterapp.shell.currentWidget.sessionContext.%s()"
State = Callable[[JupyterLabPage, str, str], object]


def trusted(app: JupyterLabPage, lesson: str, saved: str) -> None:
    app.server.trust(lesson)
    app.open(lesson)


def copied(app: JupyterLabPage, lesson: str, saved: str) -> None:
    shutil.copy(app.server.root / saved, app.server.root / "copied.ipynb")
    app.open("copied.ipynb")


def copied_elsewhere_by_a_stranger(app: JupyterLabPage, lesson: str, saved: str) -> None:
    """Its content is no longer what was signed, so it is not trusted; its widgets' ids are of a kernel long gone."""
    notebook = nbformat.read(app.server.root / saved, as_version=4)
    notebook.cells[0].source += "  # mine"
    (app.server.root / "another folder").mkdir(exist_ok=True)  # there already where this runs once more
    app.open(app.server.add_notebook("another folder/copied é.ipynb", notebook))


def restarted(app: JupyterLabPage, lesson: str, saved: str) -> None:
    app.open(lesson).run_all().page.evaluate(OF_SESSION % "restartKernel")
    app.wait_idle()


def reloaded(app: JupyterLabPage, lesson: str, saved: str) -> None:
    app.open(lesson).run_all().command("docmanager:save")
    app.page.goto(f"{app.server.url}doc/tree/{lesson}")
    app.page.locator(".jp-Notebook").wait_for()


STATES: dict[str, tuple[State, frozenset[str], bool]] = {  # what leads there; what is live; whether its kernel is gone
    "never_run": (lambda app, lesson, _: app.open(lesson), OFFLINE, False),
    "trusted": (trusted, OFFLINE, False),
    "partly_run": (lambda app, lesson, _: app.open(lesson).run_cell(0), frozenset({"lab"}), False),
    "wholly_run": (lambda app, lesson, _: app.open(lesson).run_all(), LIVE, False),
    "next_day": (lambda app, _, saved: app.open(saved), OFFLINE, False),
    "copied": (copied, OFFLINE, False),
    "copied_elsewhere_by_a_stranger": (copied_elsewhere_by_a_stranger, OFFLINE, False),
    "restarted": (restarted, LIVE, True),
    "shut_down": (lambda app, lesson, _: app.open(lesson).run_all().page.evaluate(OF_SESSION % "shutdown"), LIVE, True),
    "reloaded": (reloaded, LIVE, False),
}


@pytest.mark.parametrize("state", STATES)
def test_in_each_state_of_a_notebook_what_it_shows_is_alive(
    state: str, app: JupyterLabPage, server: JupyterLabServer, lesson: nbformat.NotebookNode, saved: str
) -> None:
    lead, live, lost = STATES[state]
    lead(app, server.add_notebook(f"{state}.ipynb", lesson), saved)
    check(app.page, live, lost)
    if live and not lost:
        app.wait_for_kernel("lab.logits", lambda logits: logits != AdvantageLab().logits)


START = """import pathlib, sys
from course_utils.build import lab
lab.main(browser=False, root=pathlib.Path(sys.argv[1]))"""
AUTOSAVE = 1  # s
# What Notebook 7.6 says on its console without the course too: of its settings, and of a command that Lab alone has.
OF_NOTEBOOK_7 = ("(reading 'schema')", "Command 'filebrowser:open-path' not registered")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, lesson: nbformat.NotebookNode) -> Iterator[tuple[Path, str, str]]:
    """A course with this lesson for every one, started by the launcher: the first one's file, address and token.

    JupyterLab saves every second. It asks for what the map links to, and says so on its console where that is missing.
    """
    base = tmp_path_factory.mktemp("make_lab")
    path = base / lab.FIRST_LESSON
    path.parent.mkdir(parents=True)
    for name in (one.name for one in notebooks.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        (path.parent / name).write_bytes(notebooks.written(lesson))
    write_settings(base, {"docmanager-extension/plugin": {"autosave": True, "autosaveInterval": AUTOSAVE}})
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(base)],
        env=environment(base),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    assert process.stdout is not None
    try:
        printed = process.stdout.readline() + process.stdout.readline()
        found = re.search(r"(http://\S+/)lab/tree/\S+token=(\S+)", printed)
        assert found, "the launcher printed no address"
        yield path, found[1], found[2]
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.mark.parametrize("viewer", ["lab/tree", "notebooks"])
def test_the_launchers_notebook_is_alive_and_opening_it_changes_nothing(
    viewer: str, course: tuple[Path, str, str], lesson: nbformat.NotebookNode, browser: Browser
) -> None:
    path, address, token = course
    before = notebooks.written(lesson)
    path.write_bytes(before)
    page = browser.new_page(viewport=TALL)
    page.set_default_timeout(15_000)
    faults = faults_of(page)
    page.goto(f"{address}{viewer}/{lab.FIRST_LESSON}?token={token}")
    check(page, OFFLINE)
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for()
    page.wait_for_timeout(3000 * AUTOSAVE)
    assert page.locator(".jp-mod-dirty").count() == 0
    assert path.read_bytes() == before

    # A real change is marked and saved, and with it goes what the kernel said.
    page.locator(".jp-Notebook .jp-CodeCell").first.locator(".cm-content").click()
    page.keyboard.type("# ")
    if viewer == "lab/tree":  # the other has no tabs
        page.wait_for_selector(".jp-mod-dirty")
    deadline = time.monotonic() + 20
    while b'"version": "3' not in path.read_bytes() and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    after = nbformat.read(path, as_version=4)
    assert after.metadata.language_info.pop("version")
    assert after.cells[0].source != lesson.cells[0].source
    after.cells[0].source = lesson.cells[0].source
    assert notebooks.written(after) == before
    page.close()
    assert [fault for fault in faults if not any(known in fault for known in OF_NOTEBOOK_7)] == []


def test_the_menus_page_shows_pictures_and_quiz_without_a_network(
    course: tuple[Path, str, str], browser: Browser
) -> None:
    """File → Save and Export Notebook As → HTML, opened where nothing but the server answers."""
    _, address, token = course
    page = browser.new_page()
    page.route(lambda url: not url.startswith((address, "data:")), lambda route: route.abort())
    page.goto(f"{address}nbconvert/html/{lab.FIRST_LESSON}?token={token}&download=false")
    pictures = page.locator(".jp-OutputArea-output img")
    expect(pictures).to_have_count(2)
    found = pictures.evaluate_all("images => images.map((image) => [image.alt, image.naturalWidth > 0])")
    assert found == [[AdvantageLab().alt_text(), True], [TrainingLab().alt_text(), True]]
    quiz = page.locator(".jp-OutputArea-output", has_text="Quiz: Policies")
    for question in Quiz("01").library["01"]["questions"]:
        expect(quiz.get_by_text(question["text"].split("$")[0])).to_be_visible()
    page.close()
