"""The places of a lesson without Python, its page and its deck: what of every_lab.py's contract is done in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import every_lab
import nbformat
import numpy as np
from every_lab import Hand
from jupyterlab_page import middle
from lab_view import LabView, faults_of, reading
from playwright.sync_api import Locator, Page
from slide_picture import show
from test_contract import do

from course_utils.build import slides_check
from course_utils.build.notebooks import NOTEBOOKS
from course_utils.widgets import offline, quiz
from course_utils.widgets.kernel_lab import KernelLab
from course_utils.widgets.lab import Lab

# Beside each lab stands what it would send to Python, as `values` of the element that it is mounted in.
LISTEN = """globalThis.policyGradientLabs = new Proxy({}, { set(labs, name, made) {
  const save = (el, more) => (values) => {
    el.values = values;
    more?.save?.(values);
  };
  const mount = (el, state, more) => made.mount(el, state, { ...more, save: save(el, more) });
  return (labs[name] = { ...made, mount }, true);
} });"""
PLACES = """() => [...document.querySelectorAll(".pgc-live")].map((place, n) => {
  place.dataset.place = n;
  return { ...JSON.parse(place.firstElementChild.textContent), alive: place.matches(".pgc-mounted") };
})"""
WIDE = "document.documentElement.scrollWidth > innerWidth"
VALUES = "place => place.children[1].values ?? null"
KEYS = {"slider": "ArrowDown", "range": "ArrowRight", "radio": "Space", "checkbox": "Space"}
HOW = ("keys", "hand", "finger")
# Press these parts one after the other, each where it is in sight; then what is told.
ANSWER = """async (card, [parts, number]) => {
  for (const selector of parts) {
    const part = card.querySelector(selector);
    part.scrollIntoView({ block: "nearest" });
    const { left, top, width, height } = part.getBoundingClientRect();
    const found = document.elementFromPoint(left + width / 2, top + height / 2);
    if (!part.contains(found)) throw new Error(`${part.outerHTML} is behind ${found?.outerHTML}`);
    if (part.type === "text") {
      part.value = number;
      part.dispatchEvent(new Event("input", { bubbles: true }));
    } else part.click();
    await new Promise(requestAnimationFrame);
  }
  return [...card.querySelectorAll('[data-role="result"] :is(p, .pgc-mark)')].map((one) => one.textContent).join(" ");
}"""
# All slides and fragments at once, below each other on one page: axe compares no colours of what is scrolled away.
SPREAD = """() => {
  document.head.append(Object.assign(document.createElement("style"), { textContent: `
    html, body, .reveal, .reveal .slides { position: static !important; width: auto !important; height: auto !important;
      overflow: visible !important; zoom: 1 !important; }
    .reveal :is(.backgrounds, .pause-overlay) { display: none !important; }
    .reveal .slides, .reveal .slides section { display: block !important; position: static !important;
      visibility: visible !important; opacity: 1 !important; transform: none !important; height: auto !important; }
    .reveal .fragment { opacity: 1 !important; visibility: visible !important; }` }));
  for (const slide of document.querySelectorAll(".slides section")) {
    slide.hidden = false;
    slide.removeAttribute("aria-hidden");
  }
}"""


@dataclass
class Place:
    """One lab, quiz or prediction of a lesson where it is used."""

    page: Page
    n: int
    name: str
    stored: Mapping[str, Any]
    questions: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def selector(self) -> str:
        return f'[data-place="{self.n}"] .pgc-lab'

    @property
    def view(self) -> LabView:
        return LabView(self.page, self.selector)

    def values(self) -> dict[str, Any]:
        """What its traits are now: what it would have sent to Python, or as stored before anything was done."""
        sent = self.page.locator(f'[data-place="{self.n}"]').evaluate(VALUES)
        return dict(sent or self.stored)

    def numbers_are_those_of_python(self, may_wait: bool = False) -> None:
        """may_wait: it may show none before it is touched."""
        row = every_lab.row(self.name)
        if row.seen:
            seen = self.page.evaluate(reading(self.selector, row.seen))
            wanted = np.array(eval(row.computed, {"lab": twin(self.name, self.values())}), float)
            if seen or not may_wait:
                np.testing.assert_allclose(np.array(seen, float), wanted, rtol=0, atol=1e-11, err_msg=str(self))


def twin(name: str, values: Mapping[str, Any]) -> Lab:
    """The lab in Python, set as one in a page is."""
    lab = offline.labs()[name]()
    with lab.hold_trait_notifications():
        for trait in offline.rules(type(lab)):
            lab.set_trait(trait, values[trait])
    return lab


class Host:
    """A lesson's page or deck in a browser of its own profile."""

    def __init__(self, page: Page, path: Path, notebook: Path, is_deck: bool) -> None:
        self.page, self.path, self.notebook, self.is_deck = page, path, notebook, is_deck
        self.faults = faults_of(page, "warning")
        self.is_used = False
        folder = path.parents[len(notebook.relative_to(NOTEBOOKS).parts) - 1]
        page.add_init_script(LISTEN)
        inside = ("data:", "blob:", "about:", f"{folder.as_uri()}/")
        page.on("request", lambda asked: asked.url.startswith(inside) or self.faults.append(f"asks for {asked.url}"))

    def open(self) -> None:
        """Open it, all folds too, and find what is to be used in it."""
        if self.is_deck:
            slides_check.opened(self.page, self.path)
        else:
            self.page.goto(self.path.as_uri())
            self.page.evaluate("document.querySelectorAll('article details').forEach((fold) => { fold.open = true; })")
        self.places = []
        for n, one in enumerate(self.page.evaluate(PLACES)):
            assert one["alive"], one["lab"]
            library = next(iter(one["constants"].get("library", {}).values()), {})
            self.places.append(Place(self.page, n, one["lab"], one["state"], library.get("questions", [])))

    def begin(self) -> None:
        """Be as at first, where a test runs once more."""
        if self.is_used:
            self.page.evaluate("localStorage.clear()")
            self.faults.clear()
            self.open()
        self.is_used = True

    def show(self, place: Place) -> None:
        if self.is_deck:
            show(self.page, f'[data-place="{place.n}"]')

    def where(self) -> Any:
        """The slide, which nothing that is done to a lab turns."""
        return self.page.evaluate("Reveal.getIndices()") if self.is_deck else None

    def go_and_come_back(self) -> None:
        """To all other slides, or another theme, and back."""
        if self.is_deck:
            self.page.evaluate("Reveal.slide(0); Reveal.getSlides().forEach(() => Reveal.next())")
        else:
            for scheme in ("dark", "light"):
                self.page.emulate_media(color_scheme=scheme)


def expected(path: Path, is_deck: bool) -> tuple[list[str], int]:
    """The labs of a notebook that a page or deck has alive, by name, and how many it has as pictures.

    A quiz is on a deck's slides question by question.
    """
    notebook, alive, still = nbformat.read(path, as_version=4), list[str](), 0
    for cell in notebook.cells:
        if is_deck and cell.metadata.get("slideshow", {}).get("slide_type") in ("skip", "notes"):
            continue
        for stored in (output.get("data", {}).get(offline.MIME_TYPE) for output in cell.get("outputs", [])):
            for one in stored.get("labs", [stored]) if stored else ():
                lab = offline.labs()[one["lab"]]
                still += issubclass(lab, KernelLab)
                parts = len(lab(one["state"]["quiz"]).questions) if is_deck and issubclass(lab, quiz.Quiz) else 1
                alive += [] if issubclass(lab, KernelLab) else [one["lab"]] * parts
    return alive, still


def press(part: Locator) -> None:
    """Use a control by the keyboard: its own key, or that of a handle."""
    kind = part.evaluate("part => part.type ?? part.getAttribute('role')")
    is_mark = part.evaluate("part => Boolean(part.ownerSVGElement)") and kind == "radio"
    part.press("End" if is_mark else KEYS.get(kind, "Enter"))


def touch(view: LabView, part: Locator) -> None:
    part.scroll_into_view_if_needed()
    view.touch(*middle(part))


def use(view: LabView, hand: Hand, how: str) -> None:
    """What a row's hand does, or the same by finger or keys."""
    part = view.role(hand.roles.split()[0], hand.index).first
    if how == "keys":
        return press(part)
    part.scroll_into_view_if_needed()
    do(view, hand, finger=how == "finger")
    if how == "finger":
        view.page.wait_for_timeout(100)  # its click comes a moment later
    if view.role("run").count() and view.text("run") == "pause":
        view.click("run")


def usable(view: LabView, hand: Hand) -> bool:
    """Whether the lab shows what the hand takes, and that is not chosen already."""
    parts = [view.role(role, hand.index).first for role in hand.roles.split()]
    no = "part => ['pressed', 'checked', 'disabled'].some((word) => part.getAttribute(`aria-${word}`) === 'true')"
    return all(part.count() and part.is_visible() and not part.evaluate(no) for part in parts)


def answer(view: LabView, question: Mapping[str, Any], given: Any, how: str) -> str:
    """Give an answer to a question that has none, or another one; return what is told then.

    how: by "hand", "finger" or "keys"; or by "script", which presses what a hand would hit, without moving a mouse.
    """
    card = view.root.locator(f'[data-question="{question["id"]}"]')
    parts = ['[data-role="send"]'] if "pgc-answered" in str(card.get_attribute("class")) else []
    if question["kind"] == "numeric":
        parts.append('[data-role="number"]')
    elif question["kind"] == "order":
        now = list(question["start"])
        for place, item in enumerate(given):
            parts += [f'[data-role="item"][data-index="{item}"] [data-role="up"]'] * (now.index(item) - place)
            now.remove(item)
            now.insert(place, item)
    else:
        parts += [f'[data-role="option"][data-index="{index}"]' for index in np.ravel(given)]
    parts.append('[data-role="send"]')
    if how == "script":
        return str(card.evaluate(ANSWER, [parts, str(given)]))
    act = {"hand": Locator.click, "finger": partial(touch, view), "keys": press}[how]
    for part in map(card.locator, parts):
        part.fill(repr(given)) if part.get_attribute("data-role") == "number" else act(part)
    card.locator('[data-role="result"]').wait_for()  # what a finger does comes a moment later
    return str(card.evaluate(ANSWER, [[], ""]))
