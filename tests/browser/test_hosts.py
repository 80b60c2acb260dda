"""Every lab, quiz and prediction of every lesson, on its page and on its slides: the contract where each is used.

test_contract.py holds what is the same wherever a lab stands; this, what the page or the deck around it might break.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import every_lab
import hosts
import pytest
from appearance import axe_of_page, layout_faults, moving
from hosts import Host, Place
from playwright.sync_api import Browser, ViewportSize
from test_contract import wait_until

from course_utils.build import live_pages, site_sources, slides_check
from course_utils.lessons import LESSONS
from course_utils.widgets import quiz

pytestmark = pytest.mark.browser
SIZE: ViewportSize = {"width": 1280, "height": 720}
NARROW: ViewportSize = {"width": 390, "height": 844}
HINTED = """() => [...document.querySelectorAll(".pgc-kernel-hint")].map((hint) => {
  const picture = hint.closest(".pgs-page, .cell_output").querySelector("img");
  return [hint.textContent, picture.alt.length > 40, picture.naturalWidth > 100];
})"""
CASES = [("page", path) for path in site_sources.notebooks()] + [
    ("deck", path) for lesson in LESSONS if (path := site_sources.NOTEBOOKS / str(lesson.notebook())).is_file()
]


def case_of(param: tuple[str, Path], request: pytest.FixtureRequest, browser: Browser) -> Iterator[Host]:
    kind, path = param
    inside = path.relative_to(site_sources.NOTEBOOKS).with_suffix(".html")
    folder: Path = request.getfixturevalue("built_site" if kind == "page" else "built_decks")
    page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
    shown = Host(page, folder / inside, path, kind == "deck")
    shown.open()
    yield shown
    page.context.close()


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]} {case[1].stem}")
def host(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Host]:
    """One page or deck, which the tests share in this order."""
    yield from case_of(request.param, request, browser)


@pytest.fixture(params=[CASES[1], CASES[-1]], ids=["page", "deck"])
def other(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Host]:
    """One to be spoiled."""
    yield from case_of(request.param, request, browser)


def test_no_slide_overflows(host: Host) -> None:
    if host.is_deck:
        assert slides_check.faults(host.page, host.path.stem) == []
        host.page.set_viewport_size(SIZE)


def test_all_of_its_labs_are_there_alive_or_as_a_picture(host: Host) -> None:
    alive, still = hosts.expected(host.notebook, host.is_deck)
    assert [place.name for place in host.places] == alive
    assert host.page.evaluate(HINTED) == [[live_pages.KERNEL_HINT, True, True]] * still


def use_lab(host: Host, place: Place, is_first: bool) -> None:
    """Move it, the first of its kind by hand, keys and finger; after each the numbers are those of Python."""
    row, view = every_lab.row(place.name), place.view
    if view.role("reveal").count():  # it asks for a guess before it shows its numbers
        view.click("reveal")
    place.numbers_are_those_of_python(may_wait=True)
    hands = [hand for hand in row.hands if hosts.usable(view, hand)]
    assert hands or not row.hands
    ways = hosts.HOW if is_first else ("hand",)
    for n in range(max(len(ways), len(hands) if is_first else 1) if hands else 0):
        hand, how = hands[n % len(hands)], ways[n] if n < len(ways) else "hand"
        before, where = place.values()[hand.trait], host.where()
        hosts.use(view, hand, how)
        wait_until(host.page, lambda: place.values()[hand.trait] != before)  # noqa: B023
        assert host.where() == where, "what was done to a lab turned the slide"
        place.numbers_are_those_of_python()


def use_question(host: Host, place: Place, question: Any, how: str, turn: int) -> None:
    """A quiz is answered wrongly, then rightly; a prediction and what is on a slide, in turn the one or the other."""
    tries = [every_lab.wrong_answer(question), every_lab.right_answer(question)]
    if place.name == "prediction" or host.is_deck:
        tries = [tries[turn % 2]]
    for n, given in enumerate(tries, start=1):
        said = hosts.answer(place.view, question, given, how)
        assert place.values()["answers"][question["id"]] == tries[:n]
        is_right = quiz.is_right(question, given)
        assert ("It came as you said." in said or "✓ Right." in said) == is_right, (question["id"], given, said)
        assert is_right or "What came:" in said or "✗ Not yet" in said, said


def test_each_lab_and_question_is_used_and_outlasts_a_change(host: Host) -> None:
    """One question by hand, finger or keys, lesson by lesson: test_contract.py does each with every kind."""
    host.begin()
    turns, seen, met = count(), list[Any](), set[str]()
    ways = [hosts.HOW[sum(host.path.stem[:2].encode()) % 3], *["script"] * 30]
    for place in host.places:
        host.show(place)
        if not place.questions:
            use_lab(host, place, place.name not in met)
        for question in place.questions:
            turn = next(turns)
            use_question(host, place, question, ways[turn], turn)
        met.add(place.name)
        seen.append(place.values())
    host.go_and_come_back()
    for place, before in zip(host.places, seen, strict=True):
        host.show(place)
        assert place.values() == before, place.name
        place.numbers_are_those_of_python()
        assert place.view.root.locator(".pgc-answered").count() == len(place.questions)
    assert host.faults == [], "what the console says, and what is asked for outside"


def test_nothing_moves_by_itself_for_who_asked_for_less_motion(host: Host) -> None:
    assert moving(host.page) == []


def test_a_phone_holds_a_page_and_axe_finds_nothing_serious(host: Host) -> None:
    """What is too wide for a phone scrolls, and must be within reach of the keyboard. All slides stand in a row."""
    if host.is_deck:
        host.page.evaluate(hosts.SPREAD)
    else:
        host.page.set_viewport_size(NARROW)
        assert not host.page.evaluate(hosts.WIDE)
        labs = {place.name: place.selector for place in host.places if not place.questions}
        leaves = {name: every_lab.row(name).leaves for name in labs}
        faults = {name: layout_faults(host.page, labs[name], True, leaves[name]) for name in labs}
        assert {name: found for name, found in faults.items() if found} == {}, "the page's style is not the lab's"
    assert axe_of_page(host.page) == {}


PALE = """() => {
  const places = [...document.querySelectorAll("article section, .slides section:not(:has(section))")];
  places.forEach((place, i) => { // each is of a size of its own, so that none stands for another
    const look = `background: #ffffff; color: #dddddd; font-size: ${8 + i / 10}px`;
    const pale = `<span style="${look}">hardly to be read</span>`;
    place.append(Object.assign(document.createElement("p"), { innerHTML: pale }));
  });
  return places.length;
}"""


def test_a_pale_text_is_found_wherever_it_stands(other: Host) -> None:
    if other.is_deck:
        other.page.evaluate(hosts.SPREAD)
    places = other.page.evaluate(PALE)
    found = axe_of_page(other.page)
    seen = {scheme: faults[0].count("hardly to be read") for scheme, faults in found.items()}
    assert seen == {"light": places, "dark": places}
    assert places > 10
