"""Keys with the focus in a lab: plain ones are the lab's, those with a modifier JupyterLab's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import every_lab
import nbformat
import pytest
from jupyterlab_page import PYTHON, JupyterLabPage
from mounted_lab import MountedLab
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PLAIN = ("ArrowDown", "ArrowRight", "End", "PageDown", "ArrowLeft", "Home", "ArrowUp", "PageUp", "Backspace", "Delete")
PLAIN += (*"dzA0", "Shift+ArrowDown", "Shift+M", "Shift+Space")
MODIFIED = ("Control+s", "Meta+s", "Control+Shift+c", "Control+Shift+s", "Control+b", "Alt+a", "F2", "Escape", "Tab")
EDITING = ("Control+z", "Control+y", "Control+Shift+z", "Meta+z", "Control+a", "Control+c", "Control+Backspace")
MODIFIERS = ("Control", "Meta", "Alt", "Shift")
STATE = """() => JSON.stringify([...document.querySelectorAll(".pgc-lab input, .pgc-lab [aria-valuenow]")]
  .map((n) => [n.value, n.checked, n.getAttribute("aria-valuenow")]))"""

# Room to scroll on both sides, and an ear where JupyterLab has its own.
LISTEN = """() => {
  document.querySelector("main").style.cssText = "margin: 3000px 0";
  window.heard = [];
  document.addEventListener("click", (e) => e.target.closest("a") && e.preventDefault()); // stay on this page
  document.addEventListener("keydown", (e) => {
    if (e.target.closest(".pgc-lab")) window.heard.push([e.key, e.defaultPrevented]);
  });
  document.querySelector(".pgc-lab").scrollIntoView();
  window.scrolled = 0;
  requestAnimationFrame(() => requestAnimationFrame(() => (window.onscroll = () => (window.scrolled += 1))));
  window.kindOf = (n) => [n.tagName, n.type ?? "", n.getAttribute("role") ?? ""].join();
  window.usable = () => [...document.querySelectorAll(".pgc-lab, .pgc-lab *")].filter((n) => !n.disabled &&
    (n.tabIndex >= 0 || n.matches(".pgc-lab")) && n.checkVisibility({ visibilityProperty: true }));
}"""
# One of a kind that can be used now takes the focus; false where there is none.
FOCUS = """(kind) => {
  const node = usable().find((n) => kindOf(n) === kind);
  node?.focus({ preventScroll: true });
  window.heard = [];
  return node !== undefined && document.activeElement === node;
}"""


def mounted(page: Page, name: str) -> list[str]:
    """Show the lab in a page that can scroll; return the kinds of what can have the focus."""
    MountedLab(page, every_lab.made(name), answers=False)
    page.evaluate(LISTEN)
    kinds: list[str] = page.evaluate("[...new Set(usable().map(kindOf))]")
    assert len(kinds) > 1
    return kinds


def heard(page: Page, kind: str, *keys: str) -> list[list[Any]]:
    """Press keys in a control of this kind; return what went past the lab, and whether it was prevented."""
    assert page.evaluate(FOCUS, kind), f"no {kind} can be used"
    for key in keys:
        page.keyboard.press(key)
        if kind.startswith("SELECT") and key.endswith(("Space", "Enter")):
            page.keyboard.press("Escape")  # its list is open
            page.evaluate("window.heard = window.heard.filter(([key]) => key !== 'Escape')")
    return page.evaluate(f"window.heard.filter(([key]) => !{list(MODIFIERS)}.includes(key))")


@pytest.mark.parametrize("name", every_lab.NAMES)
def test_plain_keys_stay_in_the_lab_and_scroll_nothing(page: Page, name: str) -> None:
    for kind in mounted(page, name):
        assert heard(page, kind, *PLAIN) == [], kind
        assert page.evaluate("document.activeElement.closest('.pgc-lab') !== null"), kind
        for key in ("Enter", "Space"):  # these may take a control away
            assert heard(page, kind, key) == [], (kind, key)
    page.wait_for_timeout(100)
    assert page.evaluate("window.scrolled") == 0


@pytest.mark.parametrize("name", every_lab.NAMES)
def test_keys_with_a_modifier_go_on(page: Page, name: str) -> None:
    for kind in mounted(page, name):
        before = page.evaluate(STATE)
        gone_on = heard(page, kind, *MODIFIED)
        assert [key.lower() for key, _ in gone_on] == [key.split("+")[-1].lower() for key in MODIFIED], kind
        assert not any(prevented for _, prevented in gone_on), kind
        assert page.evaluate(STATE) == before, kind
        if kind.startswith("INPUT,text"):
            assert heard(page, kind, *EDITING) == []
        assert len(heard(page, kind, "Shift+Enter")) == 1, kind


@pytest.mark.parametrize("name", every_lab.NAMES)
def test_a_handle_has_the_keys_of_a_slider(page: Page, name: str) -> None:
    lab = MountedLab(page, every_lab.made(name), answers=False)
    handles = lab.root.locator('svg [role="slider"]:not([visibility="hidden"])')
    for handle in handles.all():
        low, high = (float(handle.get_attribute(f"aria-value{end}") or "") for end in ("min", "max"))
        at = []
        for key in ("Home", "ArrowUp", "PageUp", "End", "ArrowDown", "PageDown"):
            handle.press(key)
            at.append(float(handle.get_attribute("aria-valuenow") or ""))
        assert low < high
        assert (at[0], at[3]) == pytest.approx((low, high), abs=0.011)
        assert at[2] - at[1] > 3 * (at[1] - at[0]) > 0
        assert at[4] - at[5] > 3 * (at[3] - at[4]) > 0
    assert (handles.count() > 0) is every_lab.row(name).handles


# --- in JupyterLab -----------------------------------------------------------------------------------------

CELL = "import sys; sys.path.insert(0, {folder!r}); import every_lab; every_lab.made({name!r})"
LABS = ("advantage_lab", "preference_lab", "quiz", "course_map")
RECORD = """() => {
  window.ran = [];
  window.jupyterapp.commands.commandExecuted.connect((_, { id }) => window.ran.push(id));
}"""
CELLS = """() => {
  const { widgets, activeCellIndex } = window.jupyterapp.shell.currentWidget.content;
  return [widgets.length, activeCellIndex, widgets.filter((cell) => cell.isHidden || cell.headingCollapsed).length];
}"""
MAC = "Object.defineProperty(navigator, 'platform', { get: () => 'MacIntel' });"


def open_all(notebook: JupyterLabPage, *names: str) -> None:
    """A notebook of these labs, each under a heading, run."""
    cells: list[Any] = []
    for name in names:
        source = CELL.format(folder=str(Path(every_lab.__file__).parent), name=name)
        cells += [nbformat.v4.new_markdown_cell(f"# {name}"), nbformat.v4.new_code_cell(source)]
    made = nbformat.v4.new_notebook(cells=cells, metadata=PYTHON)
    notebook.open(notebook.server.add_notebook("keys.ipynb", made)).run_all().page.evaluate(RECORD)


def assert_runs(page: Page, keys: str, command: str) -> None:
    """The keys run the command, and nothing else has run since the last time."""
    page.keyboard.press(keys)
    page.wait_for_function("window.ran.length > 0", timeout=5000)
    assert page.evaluate("window.ran.splice(0)") == [command]


def test_in_jupyterlab_plain_keys_run_no_command_and_others_do(app: JupyterLabPage) -> None:
    page = app.page
    open_all(app, *LABS)
    for n, name in enumerate(LABS):
        lab = app.cell(2 * n + 1).locator(".pgc-lab")
        app.scroll_to(lab)
        lab.click(position={"x": 3, "y": 3})  # beside the controls
        for control in (lab, lab.locator('[role="slider"], input:not(:disabled), select, button, a').first):
            control.focus()
            for key in ("d", "d", "x", "z", "a", "b", "m", "Shift+M", "ArrowLeft", "ArrowUp", "k", "0", "0"):
                page.keyboard.press(key)
            assert_runs(page, "Control+s", "docmanager:save")
        assert page.evaluate(CELLS) == [2 * len(LABS), 2 * n + 1, 0], name
    page.keyboard.press("Escape")
    assert_runs(page, "ArrowUp", "notebook:move-cursor-up")


def test_on_a_mac_the_command_key_saves_and_what_was_typed_can_be_undone(
    new_page: Callable[..., JupyterLabPage],
) -> None:
    notebook = new_page()
    page = notebook.page
    page.add_init_script(MAC)
    open_all(notebook, "advantage_lab", "quiz")
    roles = ("advantage", "advantage-input", "mode")
    for selector in (*(f'[data-role="{role}"]' for role in roles), ".pgc-quiz input"):
        control = page.locator(selector).first
        notebook.scroll_to(control)
        control.focus()
        assert_runs(page, "Meta+s", "docmanager:save")
    field = page.locator('[data-role="advantage-input"]').first
    notebook.scroll_to(field)
    field.fill("7")
    page.keyboard.down("Meta")
    page.wait_for_timeout(100)  # JupyterLab waits a moment for what a key does
    page.keyboard.press("z")
    page.keyboard.up("Meta")
    assert page.evaluate("window.ran") == []
