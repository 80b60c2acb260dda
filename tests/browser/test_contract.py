"""What must hold of every lab, the quiz and the map: the table in every_lab.py, a test for each line of the contract.

A new lab gets all of it for its row. Its mathematics, its sentences and what its handles mean stand in its own file;
test_keys_in_browser.py and test_themes_in_browser.py hold two more lines, of keys and of colours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import every_lab
import numpy as np
import pytest
from appearance import axe_of_all, layout_faults
from conftest import RunningApp
from every_lab import Hand
from ipywidgets import DOMWidget
from jupyterlab_page import JupyterLabPage, JupyterLabServer, picture
from lab_view import LabView, reading
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils.build import labextension
from course_utils.widgets import offline

pytestmark = pytest.mark.browser
each_lab = pytest.mark.parametrize("name", every_lab.NAMES)
WIDTHS = (1280, 390, 284)  # room to spare; a phone; what that leaves a lab in JupyterLab


@pytest.fixture
def context_options() -> dict[str, Any]:
    """What moves by itself is at once where it belongs."""
    return {"viewport": {"width": 800, "height": 1000}, "reduced_motion": "reduce"}


def test_every_lab_has_a_row() -> None:
    assert set(every_lab.ROWS) == set(every_lab.NAMES)


def do(view: LabView, hand: Hand, finger: bool = False) -> None:
    for role in hand.roles.split():
        if finger:
            view.role(role, hand.index).first.scroll_into_view_if_needed()
            view.touch(*view.grip(role, hand.index), *(hand.by or ()))
        elif hand.by:
            view.drag(role, hand.index, *hand.by)
        else:
            view.role(role, hand.index).first.click()


def drag_under_the_hand(view: LabView, hand: Hand, finger: bool = False) -> None:
    """The handle stays where it was touched, along its axis if it has one; a mouse takes it 2 px beside its middle."""
    before = view.grip(hand.roles, hand.index)
    axes = {"horizontal": [0], "vertical": [1], None: [0, 1]}
    along = axes[view.role(hand.roles, hand.index).get_attribute("aria-orientation")]
    do(view, hand, finger)
    off = np.subtract(view.grip(hand.roles, hand.index), before) - (hand.by or 0)
    assert np.abs(off[along]).max() < (1 if finger else 2.5), (hand, off)


def looks(view: LabView) -> list[Any]:
    """What a lab shows in words and in numbers, and what its controls hold."""
    return view.root.evaluate(
        """(lab) => {
          const live = lab.querySelector('[data-role="live"]') ?? document.createElement("p");
          live.style.display = "none"; // it speaks late
          const words = lab.innerText;
          live.style.display = "";
          const parts = [...lab.querySelectorAll("[data-value], input, select")];
          return [words, ...parts.map((part) => [part.dataset.value, part.value, part.checked])];
        }"""
    )


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    for _ in range(40):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never held")


# --- how it looks -----------------------------------------------------------------------------------------------------


def shown_under(page: Page, name: str, setting: every_lab.State, shown: MountedLab | None = None) -> MountedLab:
    """The lab under a setting of its row, the one that is shown already if it is that, all folds open."""
    twin = setting.get("lab") or every_lab.made(name)
    if shown is None or shown.twin is not twin:
        shown = MountedLab(page, twin, answers=True)
    shown.set(**{trait: value for trait, value in setting.items() if trait not in ("lab", "least")})
    shown.root.locator("details").evaluate_all("folds => folds.forEach((fold) => { fold.open = true; })")
    return shown


@each_lab
def test_nothing_sticks_out_is_cut_overlaps_or_jumps_at_any_width(page: Page, name: str) -> None:
    row, shown = every_lab.row(name), None
    faults: dict[str, list[str]] = {}
    heights: dict[str, float] = {}
    for state, setting in row.states.items():
        shown = shown_under(page, name, setting, shown)
        for width in WIDTHS:
            page.set_viewport_size({"width": max(width, setting.get("least", row.least)), "height": 1600})
            faults[f"{state}, {width} px"] = layout_faults(page, pushes=width < row.calm, leaves=row.leaves)
            heights[f"{state}, {width} px"] = shown.root.evaluate("lab => lab.getBoundingClientRect().height")
            picture(f"{name}_{width}_{state.replace(' ', '_')}", shown.root)
    assert {where: found for where, found in faults.items() if found} == {}
    for width in WIDTHS[:2]:
        assert len({heights[f"{state}, {width} px"] for state in row.level}) <= 1, f"it jumps: {heights}"


TALL = {  # of what is read from top to bottom
    "clinic_lab": "a case of several steps", "course_map": "a list", "final_test": "questions, one below the other",
    "quiz": "questions, one below the other", "review": "questions, one below the other",
}  # fmt: skip
STILL = """(lab, stays) => {
  const place = (node) => node.matches(stays)
    ? node.textContent + ["d", "x", "y", "x1", "y1", "width", "height"].map((name) => node.getAttribute(name))
    : (({ left, top, width, height }) => [left, top, width, height].join())(node.getBoundingClientRect());
  const frames = ":scope > :not(.pgc-hidden), .pgc-panel, svg:not(svg svg, .pgc-formula svg)";
  return [lab, ...lab.querySelectorAll(`${frames}, ${stays}`)].map(place);
}"""
BEFORE_A_ROOM = 959  # px that JupyterLab's presentation mode leaves a notebook, of 1920 × 1080; a cell has 1,440 across
LAID_OUT = """() => {
  const now = document.querySelector(".pgc-lab").getBoundingClientRect();
  const before = window.before;
  window.before = `${now.width} ${now.height}`;
  return window.before === before;
}"""
SMALL = """lab => [...lab.querySelectorAll("*:not(script, style)")].filter((node) => {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim() !== "");
  const seen = node.checkVisibility({ visibilityProperty: true }) && !node.closest(".pgc-hidden, .pgc-formula");
  const { width } = node.getBoundingClientRect(), zoom = (node.closest("svg") ?? node).currentCSSZoom;
  const isSmall = parseFloat(getComputedStyle(node).fontSize) * zoom < 20;
  return own && seen && width > 1 && isSmall && !node.matches(".pgc-pi, .pgc-sign, sub");
}).map((node) => `${node.tagName} ${node.className} “${node.textContent.slice(0, 30)}”`)"""


@each_lab
def test_it_fits_one_screen_and_a_room_s_and_holds_still_during_a_drag(page: Page, name: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    row, shown = every_lab.row(name), MountedLab(page, every_lab.made(name), answers=True)
    handles = shown.root.locator(".pgc-slider, input[type=range]")
    roles = dict.fromkeys(handles.evaluate_all("parts => parts.map((part) => part.dataset.role)"))
    for role in roles:
        x, y = shown.grip(role)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 1, y)
        stays = ", ".join(filter(None, ('[data-role="tick"]', row.stays if role == row.hands[0].roles else "")))
        before = shown.root.evaluate(STILL, stays)
        for right, down in ((60, -70), (-60, 70)):
            page.mouse.move(x + right, y + down, steps=3)
            assert shown.root.evaluate(STILL, stays) == before, (role, right)
        page.mouse.up()
    if name not in TALL:
        assert (shown.root.bounding_box() or {})["height"] <= row.high

    page.set_viewport_size({"width": 1920, "height": 1080})
    page.evaluate("document.body.classList.add('jp-mod-presentationMode')")
    page.locator("main").evaluate("(main) => { main.style.width = '1440px'; }")
    page.wait_for_function(LAID_OUT)
    assert shown.root.evaluate(SMALL) == []
    picture(f"presented_{name}", shown.root)
    if name not in TALL:
        assert (shown.root.bounding_box() or {})["height"] <= BEFORE_A_ROOM


@each_lab
def test_axe_finds_nothing_serious(page: Page, name: str) -> None:
    row = every_lab.row(name)
    page.set_viewport_size({"width": 390, "height": 1600})
    labs = {id(setting.get("lab")): setting for setting in row.states.values()}  # the last state of each
    for setting in labs.values():
        shown_under(page, name, setting)
        assert axe_of_all(page) == []
    page.set_viewport_size({"width": 760, "height": 1600})
    assert axe_of_all(page) == []


@each_lab
def test_next_to_no_room_draws_nothing_negative(page: Page, name: str) -> None:
    """A side bar leaves 34 px: the page fixture fails on what the console says."""
    lab = MountedLab(page, every_lab.made(name))
    for width in (60, 34, 20, 200, 720) if every_lab.row(name).narrow else (200, 720):
        page.set_viewport_size({"width": width, "height": 600})
        page.wait_for_timeout(40)
    assert lab.root.is_visible()


# --- hand, finger, keys -----------------------------------------------------------------------------------------------


@each_lab
def test_a_hand_moves_it_it_says_so_and_reset_brings_it_back(page: Page, name: str) -> None:
    row = every_lab.row(name)
    page.set_viewport_size({"width": 800, "height": 1600})
    for hand in row.hands:
        lab = MountedLab(page, every_lab.made(name), answers=False)
        speaks = row.speaks and hand is row.hands[0]
        said = lab.spoken() if speaks else ""
        before, saves = lab.trait(hand.trait), page.evaluate("window.lab.saves")
        (drag_under_the_hand if hand.by else do)(lab, hand)
        assert lab.trait(hand.trait) != before, hand
        assert page.evaluate("window.lab.saves") > saves, "the kernel does not hear of it"
        assert not speaks or lab.spoken() not in ("", said), hand
        if row.reset and hand is row.hands[0]:
            lab.click(row.reset)
            assert lab.trait(hand.trait) == before, "reset"


@each_lab
def test_a_finger_moves_it_and_not_the_page(page: Page, name: str) -> None:
    row = every_lab.row(name)
    page.set_viewport_size({"width": 390, "height": 800})
    for hand in row.hands:
        lab = MountedLab(page, every_lab.made(name), answers=False)
        page.evaluate("document.body.style.padding = '600px 0 3000px'")
        lab.role(hand.roles.split()[0], hand.index).first.scroll_into_view_if_needed()
        page.wait_for_timeout(50)
        before, top = lab.trait(hand.trait), page.evaluate("scrollY")
        (drag_under_the_hand if hand.by and row.still else do)(lab, hand, finger=True)
        after = lab.trait(hand.trait)
        assert after != before, hand
        assert not row.still or hand.by is None or page.evaluate("scrollY") == top, "the page scrolled under the finger"
        if hand.by is not None:  # elsewhere a finger scrolls the page
            place = lab.role(hand.roles, hand.index).evaluate(
                """(handle) => {
                  const svg = handle.ownerSVGElement, { left, top, width, height } = svg.getBoundingClientRect();
                  for (let y = 0.1; y < 1; y += 0.1) for (let x = 0.1; x < 1; x += 0.1) {
                    const at = [left + x * width, top + y * height], found = document.elementFromPoint(...at);
                    if (svg.contains(found) && !found.closest('[role="slider"]')) return at;
                  }
                }"""
            )
            lab.touch(*place)
            assert lab.trait(hand.trait) == after, "it moved where no handle is"


STOPS = """() => {
  const node = document.activeElement;
  if (!node.closest(".pgc-lab")) return null;
  const name = node.getAttribute("aria-label") || node.labels?.[0]?.textContent || node.textContent;
  const place = [...document.querySelectorAll(".pgc-lab *")].indexOf(node);
  return [node.dataset.role ?? node.tagName, name.trim(), place];
}"""


def written_out(tab: str) -> list[str]:
    """The roles that a row's `tab` stands for."""
    stops = []
    for several, one, times in re.findall(r"(?:\(([^)]+)\)|([\w-]+))(?:×(\d+))?", tab):
        stops += (several or one).split() * int(times or 1)
    return stops


@each_lab
def test_tab_reaches_every_control_in_order_and_each_has_a_name(page: Page, name: str) -> None:
    MountedLab(page, every_lab.made(name), answers=False)
    page.evaluate("document.body.prepend(document.createElement('button'))")
    page.evaluate("document.body.append(document.createElement('button'))")
    page.locator("button").first.press("Tab")
    stops = []
    while (stop := page.evaluate(STOPS)) is not None:
        assert stop[1], f"{stop[0]} has no name"
        assert stop not in stops, "Tab went in a circle"
        stops.append(stop)
        page.keyboard.press("Tab")
    assert [role for role, _, _ in stops] == written_out(every_lab.row(name).tab)


# --- several, and none any more ---------------------------------------------------------------------------------------


@each_lab
def test_two_views_of_a_lab_are_one_and_two_labs_are_two(page: Page, name: str) -> None:
    lab = MountedLab(page, every_lab.made(name), answers=False)
    page.evaluate(
        """async () => {
          window.other = window.makeModel();
          for (const model of [window.lab, window.other]) {
            const main = document.createElement("main");
            document.body.append(main);
            window.show(model, main);
          }
        }"""
    )
    view, other = (LabView(page, ".pgc-lab", nth) for nth in (1, 2))
    ids = page.evaluate("[...document.querySelectorAll('.pgc-lab [id]')].map((node) => node.id)")
    assert len(ids) == len(set(ids)), "two labs share the id of a part"
    groups = page.evaluate("[...document.querySelectorAll('input[type=radio]')].map(({ name }) => name)")
    assert all(groups.count(group) < len(groups) for group in groups), "two labs share a group of choices"
    wait_until(page, lambda: looks(lab) == looks(view) == looks(other))
    before = looks(other)
    for hand in every_lab.row(name).hands[:1]:
        do(lab, hand)
        page.mouse.move(1, 1)
        wait_until(page, lambda: looks(view) == looks(lab) != before)
        assert looks(other) == before, "the other lab moved too"


@each_lab
def test_a_lab_that_is_gone_listens_no_more(page: Page, name: str) -> None:
    MountedLab(page, every_lab.made(name), answers=False)
    listeners = "Object.values(window.lab.listeners).reduce((all, some) => all + some.size, 0)"
    assert page.evaluate(listeners) > 0
    page.evaluate("window.unmount()")
    assert page.evaluate(listeners) == 0


OFFLINE = """async ([source, states]) => {
  const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  const main = document.querySelector("main");
  return states.map((state) => {
    main.replaceChildren();
    window.leave = module.mount(main, state);
    return window.leave !== null || main.childElementCount > 0;
  });
}"""
PWNED = "<img src=x onerror=alert(1)>" * 200


def broken(lab: DOMWidget) -> Iterator[dict[str, Any]]:
    """Stored states that break a rule in one trait each; what the rules are is tested in test_lab_contract.py."""
    state, rules = offline.stored(lab)["state"], offline.rules(type(lab))
    for trait in offline.traits(type(lab)):
        rule, value = rules.get(trait, {}), state.get(trait)
        wrong: list[Any] = [None, PWNED, [PWNED], {"length": 1}]
        if "low" in rule:
            beyond = [rule["low"] - abs(rule["low"]) - 1, rule["high"] + abs(rule["high"]) + 1]
            fraction = [rule["low"] + 0.5] if rule.get("whole") else []
            wrong += [[*value[1:], one] for one in beyond] if "lengths" in rule else [*beyond, *fraction, str(value)]
        if lengths := rule.get("lengths"):
            wrong += [[rule["low"]] * many for many in range(max(lengths) + 2) if many not in lengths]
        if trait in getattr(lab, "same_length", ()) and len(lab.same_length) > 1:
            wrong += [value[1:]]
        if trait == "initial":
            wrong += [{other: PWNED} for other in [*rules, "world"]]
        yield from (state | {trait: one} for one in wrong)


@each_lab
def test_without_python_it_lives_and_takes_no_broken_state(page: Page, name: str) -> None:
    row, lab = every_lab.row(name), every_lab.made(name)
    source, state = labextension.lab_module(name), offline.stored(lab)["state"]
    page.set_viewport_size({"width": 1280, "height": 1000})  # both as broad as a lab gets
    page.set_content('<!doctype html><html lang="en"><body><main></main></body></html>')
    states = list(broken(lab))
    taken = page.evaluate(OFFLINE, [source, states])
    assert [one for one, is_taken in zip(states, taken, strict=True) if is_taken] == []
    assert page.evaluate(OFFLINE, [source, [state]]) == [True]
    shown = LabView(page, ".pgc-lab")
    formulas = shown.root.locator(".pgc-formula svg").count()
    page.wait_for_timeout(50)
    stored = looks(shown)[0]
    for hand in row.hands[:1]:
        before = looks(shown)
        do(shown, hand)
        page.wait_for_timeout(50)
        alone = looks(shown)
        assert alone != before
        with_python = MountedLab(page, lab)
        page.wait_for_timeout(50)
        assert looks(with_python)[0] == stored, "what is stored has lost digits that are seen"
        do(with_python, hand)
        page.wait_for_timeout(50)
        assert looks(with_python)[0] == alone[0]
        assert with_python.root.locator(".pgc-formula svg").count() == formulas, "they come from the package"
    page.set_content('<!doctype html><html lang="en"><body><main></main></body></html>')
    page.evaluate(OFFLINE, [source, [state]])
    page.evaluate("window.leave()")
    assert page.locator("main *").count() == 0


# --- in JupyterLab ----------------------------------------------------------------------------------------------------

OF_THE_KERNEL = ("clinic_lab", "course_map", "final_test", "prediction", "quiz", "review", "rlhf_lab", "training_lab")
SYNCED = tuple(name for name in every_lab.NAMES if name not in OF_THE_KERNEL)


def close(seen: Any, wanted: Any) -> bool:
    return np.shape(seen) == np.shape(wanted) and np.allclose(seen, wanted, rtol=0, atol=1e-11)


@pytest.fixture(scope="module")
def notebook(running_app: RunningApp, server: JupyterLabServer) -> Iterator[JupyterLabPage]:
    """One notebook with all labs, run; those that learn or record in the kernel have tests of their own."""
    page = running_app.take()
    page.page.set_viewport_size({"width": 1280, "height": 12_000})  # none is outside the window that JupyterLab draws
    cells = ["from course_utils.widgets import *\nfrom course_utils.widgets import offline\nlabs = {}"]
    cells += [f"labs[{name!r}] = offline.labs()[{name!r}]()\nlabs[{name!r}]" for name in SYNCED]
    page.open(server.write_notebook("contract.ipynb", cells))
    page.run_all()
    yield page
    running_app.leave()


@pytest.mark.parametrize("name", SYNCED)
def test_in_jupyterlab_the_kernel_and_the_picture_are_one(notebook: JupyterLabPage, name: str) -> None:
    row = every_lab.row(name)
    selector = f'.jp-Cell[data-windowed-list-index="{1 + SYNCED.index(name)}"] .pgc-lab'
    lab = LabView(notebook.page, selector)
    notebook.execute(f"lab = labs[{name!r}]; start = lab.{row.hands[0].trait}")
    do(lab, row.hands[0])
    notebook.wait_for_kernel(f"lab.{row.hands[0].trait} != start", bool)
    refused = f"try:\n    lab.{row.hands[0].trait} = object()\nexcept Exception:\n    pass\nelse:\n    raise ValueError"
    for code in ("pass", *row.codes, refused):
        notebook.execute(code)
        wanted = notebook.kernel_value(f"__import__('numpy').array({row.computed}, dtype=float).tolist()")
        notebook.wait_for_page(reading(selector, row.seen), partial(close, wanted=wanted))
    faults = notebook.faults()
    notebook.console_errors.clear()
    assert faults == []
