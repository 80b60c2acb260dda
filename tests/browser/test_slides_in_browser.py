"""A deck in Chromium: hand and keys of a lab, votes, answers, what the speaker sees; test_hosts.py holds all decks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from course_utils.build import slides_check

pytestmark = pytest.mark.browser

SHOW = """(words) => {
  const page = Reveal.getSlides().find((one) => one.querySelector(words));
  const { h, v } = Reveal.getIndices(page);
  Reveal.slide(h, v, 99);
}"""


@pytest.fixture(scope="module")
def path(built_decks: Path) -> Path:
    return built_decks / "08_advantage_objective.html"


@pytest.fixture(scope="module")
def screen(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.context.close()


@pytest.fixture
def deck(screen: Page, path: Path) -> Page:
    """The deck of lesson 08, which tests share."""
    screen.set_viewport_size({"width": 1280, "height": 720})
    if path.name not in screen.url:
        slides_check.opened(screen, path)
    return screen


def show(page: Page, words: str) -> None:
    page.evaluate(SHOW, words)
    page.wait_for_timeout(100)


def test_an_overflow_is_told_with_slide_and_element(deck):
    show(deck, "pre")
    deck.evaluate("""Reveal.getCurrentSlide().append(
      Object.assign(document.createElement("pre"), { textContent: "1\\n".repeat(50) }))""")
    found = deck.evaluate("policyGradientSlides.faults('pre')")
    deck.evaluate("[...document.querySelectorAll('section > pre')].at(-1).remove()")
    assert any("pre “1" in fault and "below the slide" in fault for fault in found), found


def test_a_hand_drags_where_it_points_and_arrows_move_the_lab_not_the_slide(deck):
    deck.set_viewport_size({"width": 1920, "height": 1080})
    show(deck, '[data-lab="advantage"]')
    handle = deck.locator(".present .pgc-slider .pgc-handle").first
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    deck.mouse.move(x, y)
    deck.mouse.down()
    deck.mouse.move(x, y + 30, steps=3)
    moved = handle.bounding_box()
    deck.mouse.up()
    assert moved["y"] + moved["height"] / 2 == pytest.approx(y + 30, abs=3)
    slider = deck.locator(".present .pgc-slider").first
    before, slide = slider.get_attribute("aria-valuenow"), deck.evaluate("Reveal.getIndices()")
    deck.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuenow") != before
    assert deck.evaluate("Reveal.getIndices()") == slide
    deck.keyboard.press("PageDown")  # as a clicker does
    assert deck.evaluate("Reveal.getIndices()") != slide


def test_keys_find_the_ends_and_the_overview(deck):
    deck.mouse.click(5, 5)
    at = "Reveal.getSlidePastCount()"
    last = deck.evaluate("Reveal.getTotalSlides()") - 1
    for key, place in (("Home", 0), ("ArrowRight", 1), ("End", last), ("Home", 0), ("End", last)):
        deck.keyboard.press(key)  # reveal.js by itself goes to what was seen last in the first or last column
        assert deck.evaluate(at) == place, key
    for key, is_open in (("o", True), ("Enter", False)):
        deck.keyboard.press(key)
        assert deck.evaluate("Reveal.isOverview()") is is_open


def test_a_printed_slide_keeps_its_margin_and_a_fault_of_a_picture_or_formula_is_told(screen, path):
    screen.goto(f"{path.as_uri()}?print-pdf")
    screen.wait_for_selector("html[data-ready]")
    screen.wait_for_selector(".pdf-page")
    padding = "(pages) => pages.map((page) => parseFloat(getComputedStyle(page).paddingLeft))"
    assert min(screen.locator(".pdf-page section.pgs-page").evaluate_all(padding)) >= 24
    slides_check.opened(screen, path)
    screen.evaluate("""async () => {
      Reveal.slide(0, 0);
      const page = Reveal.getCurrentSlide();
      page.insertAdjacentHTML("beforeend", '<img alt="x" src="no.png"><p id="odd">$\\\\nosuch$</p>');
      await MathJax.typesetPromise([document.getElementById("odd")]);
    }""")
    screen.wait_for_function("document.querySelector('img[alt=x]').complete")
    found = "\n".join(screen.evaluate("policyGradientSlides.faults('#odd')"))
    assert "is not there" in found
    assert "cannot be set: it has an unknown word" in found


def test_a_vote_is_counted_shown_beside_what_came_and_kept(deck, path):
    prediction = '[data-question="three-actions"]'
    show(deck, prediction)
    for key in ("Digit1", "Digit2", "Digit2", "Shift+Digit1"):
        deck.keyboard.press(key)
    deck.get_by_role("button", name="one vote for 3").locator("visible=true").click()
    tally = deck.locator(".present .pgs-votes")
    assert tally.get_by_role("status").inner_text() == "3 votes."
    assert tally.locator("li").nth(1).inner_text().split() == ["2", "−", "2", "(67", "%)", "+"]
    assert tally.locator(".pgs-came").count() == 0, "nobody has been told yet"
    deck.locator(f".present {prediction} [data-role=show]").click()
    assert tally.locator(".pgs-came").count() == 1
    deck.reload()
    slides_check.opened(deck, path)
    show(deck, prediction)
    assert tally.get_by_role("status").inner_text() == "3 votes."
    assert deck.locator(f".present {prediction}.pgc-answered").count() == 1, "the answer is kept too"
    tally.get_by_role("button", name="Clear the votes").click()
    assert tally.get_by_role("status").inner_text() == "0 votes."


def test_a_question_brings_its_tally_and_a_sparse_page_goes_with_its_neighbour(deck):
    show(deck, '[data-question="zero"]')
    tally = deck.locator(".present .pgs-votes")
    for act, is_there in (("Reveal.prevFragment()", False), ("Reveal.nextFragment()", True)):
        deck.evaluate(act)
        assert tally.is_visible() is is_there
    card = deck.locator("section:has(> .pgs-block blockquote table)")
    assert card.locator("> .fragment pre").count() > 0, "the code that shows what the card says"


def test_a_phone_shows_one_slide_with_a_small_foot(deck):
    deck.set_viewport_size({"width": 390, "height": 219})
    assert not deck.evaluate("Reveal.isScrollView()")
    sizes = "(feet) => feet.map((foot) => parseFloat(getComputedStyle(foot).fontSize))"
    assert max(deck.locator(".pgs-foot, .slide-number").evaluate_all(sizes)) < 5
    deck.set_viewport_size({"width": 1280, "height": 720})


def test_no_line_begins_with_the_sign_after_a_formula(deck):
    after = """[...document.querySelectorAll("mjx-container, .pgc-quiz .pgc-formula")]
      .filter((formula) => getComputedStyle(formula.parentNode).whiteSpace !== "nowrap")
      .map((formula) => formula.nextSibling?.data ?? "").filter((text) => /^[.,;:?!)]/.test(text))"""
    assert deck.evaluate(after) == []
    assert deck.locator(".pgs-held").count() > 10


def test_answers_of_all_kinds_keep_within_the_slide(deck):
    deck.evaluate("document.querySelectorAll('[data-role=show]').forEach((button) => button.click())")
    deck.locator('[data-role="question"]:not(.pgc-answered)').evaluate_all(
        """(cards) => cards.forEach((card) => {
          card.querySelector("input[type=radio], input[type=checkbox]")?.click();
          const field = card.querySelector("input[type=text]");
          if (field) { field.value = "7"; field.dispatchEvent(new Event("input", { bubbles: true })); }
          card.querySelector("[data-role=send]").click();
        })"""
    )
    asked = "Reveal.getSlides().filter((slide) => slide.querySelector('[data-role=question]'))"
    for n in range(deck.evaluate(f"{asked}.length")):
        slide = f"{asked}[{n}]"
        deck.evaluate(f"(({{h, v}}) => Reveal.slide(h, v))(Reveal.getIndices({slide}))")
        # A card that has grown shrinks once it is seen, frame by frame.
        deck.wait_for_function(f"{slide}.scrollHeight <= {slide}.clientHeight", timeout=5000)
    assert n > 3


def test_the_speaker_sees_the_minutes_and_the_card_is_a_table(deck):
    assert any("minutes: from minute" in text for text in deck.locator("aside.notes").all_text_contents())
    assert deck.locator("blockquote table").count() >= 1
    assert deck.evaluate("Reveal.getPlugins().notes !== undefined")
