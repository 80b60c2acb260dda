"""A deck in Chromium: hand and keys of a lab, votes, answers, what the speaker sees; test_hosts.py holds all decks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import every_lab
import numpy as np
import pytest
from jupyterlab_page import middle
from lab_view import LabView
from playwright.sync_api import Browser, Page
from slide_picture import show

from course_utils.build import slides_check
from course_utils.widgets import Predict, Quiz

pytestmark = pytest.mark.browser

PREDICTIONS = ("08-three-actions", "08-zero", "08-sampled", "08-order", "08-large", "08-loss")
# What the tallies mark, slide by slide: the option, by its index, the number, or the place in an order.
MARKED = """() => [...document.querySelectorAll(".pgs-asked")].map((asked) => {
  const options = [...asked.querySelectorAll("label.pgc-option input")].map((input) => Number(input.value));
  return [...asked.querySelectorAll(".pgs-came > :first-child")].map((name) => parseFloat(name.textContent))
    .map((name) => options[name - 1] ?? name).sort();
})"""
SAY_3 = "(all) => all.forEach((form) => { form.querySelector('input').value = '3'; form.requestSubmit(); })"
# As if a question of the quiz had been another one when it was answered.
OTHERWISE = """() => {
  const name = "policy-gradient-course/answers/quiz/08";
  const kept = JSON.parse(localStorage[name]);
  Object.values(kept)[0].of += 1;
  localStorage[name] = JSON.stringify(kept);
}"""


def came(question):
    """What a tally marks once it is told: of an order the place where the line was that stands first."""
    if question["kind"] == "order":
        return [question["start"].index(0) + 1]
    return np.ravel(every_lab.right_answer(question)).tolist()


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


@pytest.mark.parametrize(
    ("look", "told"),
    [
        ("top: 700px", "px below the slide"),
        ("top: 9px; left: -9px", "leaves the slide sideways"),
        ("top: 9px; width: 50px", "is cut: "),
        ("top: 9px; font-size: 9px", "has letters of 9.0 px"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_element(deck, look, told):
    show(deck, "pre")
    deck.evaluate(
        """(look) => Reveal.getCurrentSlide().insertAdjacentHTML("beforeend",
          `<pre id="odd" style="position: absolute; overflow: hidden; margin: 0; ${look}">odd odd odd</pre>`)""",
        look,
    )
    found = deck.evaluate("policyGradientSlides.faults('#odd')")
    deck.evaluate("document.querySelector('#odd').remove()")
    assert ["pre “odd" in fault and told in fault for fault in found] == [True]


def test_words_stand_on_the_slide_before_where_there_is_room(deck):
    titled = """(title) => Reveal.getSlides().filter((one) => one.querySelector("h2")?.textContent === title)
      .map((one) => one.textContent)"""
    assert ["Three things to notice" in text for text in deck.evaluate(titled, "The objective U")] == [True]


def test_a_hand_drags_where_it_points_and_arrows_move_the_lab_not_the_slide(deck):
    deck.set_viewport_size({"width": 1920, "height": 1080})
    lab = '.pgs-page.present [data-lab="advantage"]'
    show(deck, '[data-lab="advantage"]')
    zooms = deck.locator(".pgc-live").evaluate_all("(all) => all.map((one) => one.style.getPropertyValue('--zoom'))")
    assert max(map(float, zooms)) > 1.3, "a lab is as large as it can be"
    handle = deck.locator(".present .pgc-slider .pgc-handle").first
    x, y = middle(handle)
    deck.mouse.move(x, y)
    deck.mouse.down()
    deck.mouse.move(x, y + 30, steps=3)
    assert middle(handle)[1] == pytest.approx(y + 30, abs=3)
    deck.mouse.up()
    slider = deck.locator(".present .pgc-slider").first
    before, slide = slider.get_attribute("aria-valuenow"), deck.evaluate("Reveal.getIndices()")
    deck.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuenow") != before
    assert deck.evaluate("Reveal.getIndices()") == slide
    past = "Reveal.getSlidePastCount()"
    here = deck.evaluate(past)
    for keys, turned in ((["PageDown"], 1), (["PageUp"], -1), (["Escape", "ArrowRight"], 1)):
        slider.focus()
        for key in keys:  # those of a page, as a clicker sends them, and what gives the keys back to the slides
            deck.keyboard.press(key)
        assert deck.evaluate(past) == here + turned, keys
        show(deck, '[data-lab="advantage"]')
    across = middle(deck.locator(lab))[0]
    LabView(deck, lab).touch(across, deck.locator(lab).bounding_box()["y"] + 20, right=-300)
    assert deck.evaluate(past) == here, "a finger on a lab turns no slide"


def test_keys_find_the_ends_and_the_overview(deck):
    deck.mouse.click(5, 5)
    at = "Reveal.getSlidePastCount()"
    last = deck.evaluate("Reveal.getTotalSlides()") - 1
    turns = (("Home", 0), ("ArrowRight", 1), ("End", last), ("Home", 0), ("Space", 1), ("End", last))
    for key, place in turns:
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


def test_a_vote_is_counted_shown_beside_what_came_and_kept(deck):
    prediction = '[data-question="three-actions"]'
    show(deck, prediction)
    for key in ("Digit1", "Digit2", "Digit2", "Shift+Digit1", "Control+Digit2"):
        deck.keyboard.press(key)
    deck.get_by_role("button", name="one vote for 3").locator("visible=true").click()
    tally = deck.locator(".present .pgs-votes")
    assert tally.get_by_role("status").inner_text() == "3 votes."
    assert tally.locator("li").nth(1).inner_text().split() == ["2", "−", "2", "(67", "%)", "+"]
    assert tally.locator(".pgs-came").count() == 0, "nobody has been told yet"
    deck.locator(f".present {prediction} [data-role=show]").click()
    assert tally.locator(".pgs-came").count() == 1
    deck.wait_for_function("location.hash.includes(Object.values(Reveal.getIndices()).slice(0, 2).join('/'))")
    deck.reload()
    deck.wait_for_selector("html[data-ready]")
    assert deck.locator(f".present {prediction}").count() == 1, "it is the same slide"
    show(deck, prediction)
    assert tally.get_by_role("status").inner_text() == "3 votes."
    assert deck.locator(f".present {prediction}.pgc-answered").count() == 1, "the answer is kept too"
    assert tally.locator(".pgs-came").is_visible()
    tally.get_by_role("button", name="one vote less for 1").click()
    assert tally.get_by_role("status").inner_text() == "3 votes.", "there is no vote less than none"
    tally.get_by_role("button", name="Clear the votes").click()
    assert tally.get_by_role("status").inner_text() == "0 votes."


def test_numbers_that_are_said_are_counted(deck):
    show(deck, '[data-kind="numeric"]')
    tally = deck.locator(".pgs-page.present .pgs-votes")
    for said in ("−1/2", "3", "-0,5", "three", "", "1/2/3"):
        tally.get_by_role("textbox").fill(said)
        tally.get_by_role("textbox").press("Enter")
    rows = [row.split() for row in tally.locator("li").all_inner_texts()]
    assert [(row[0], row[2]) for row in rows] == [("−0.5", "2"), ("3", "1")]
    tally.get_by_role("button", name="one vote less for 3").click()
    assert tally.locator("li").count() == 1


def test_a_question_brings_its_tally_and_a_sparse_page_goes_with_its_neighbour(deck):
    show(deck, '[data-question="zero"]')
    assert deck.evaluate("Reveal.getPlugins().notes !== undefined"), "the speaker sees the minutes"
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


def test_no_line_begins_with_the_sign_after_a_formula(deck):
    after = """[...document.querySelectorAll("mjx-container, .pgc-quiz .pgc-formula")]
      .filter((formula) => getComputedStyle(formula.parentNode).whiteSpace !== "nowrap")
      .map((formula) => formula.nextSibling?.data ?? "").filter((text) => /^[.,;:?!)]/.test(text))"""
    assert deck.evaluate(after) == []
    assert deck.locator(".pgs-held").count() > 10


def test_answers_of_all_kinds_keep_within_the_slide_and_stay(deck):
    deck.locator(".pgs-votes form").evaluate_all(SAY_3)
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
    asked = [one for name in PREDICTIONS for one in Predict(name).questions] + Quiz("08").questions
    for question, marked in zip(asked, deck.evaluate(MARKED), strict=True):
        assert marked == came(question), question["id"]
    link = deck.locator('[data-role="missed"] a').first
    link.evaluate("(link) => link.click()")
    assert deck.locator(".pgs-page.present :is(h1, h2, h3)").first.text_content() == link.text_content()
    answered = deck.locator(".pgc-answered").count()
    deck.evaluate(OTHERWISE)
    deck.reload()
    deck.wait_for_selector("html[data-ready]")
    assert deck.locator(".pgc-answered").count() == answered - 1, "of all but what is asked otherwise now"
    votes = deck.locator(".pgs-votes [role=status]").all_text_contents()  # of the one question that has some
    assert sum(not said.startswith("0") for said in votes) == 1, "each question of a quiz has votes of its own"
