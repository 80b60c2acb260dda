"""Decks of slides as files: notes with minutes, links, cards, code that is left out, what each loads."""

import re

import nbformat
import pytest

from course_utils.build import pages, slides
from course_utils.lessons import LESSONS

CARD = "Before\n\n> ### Card\n>\n> | a | b |\n> |---|---|\n> | 1 | 2 |\n\nAfter\n\n> A plain quote."
CELLS = [
    ("slide", "# Title\n\nSee [lesson 09](09_actor_critic.ipynb#x) and [notation](reference.ipynb).", {"minutes": 2}),
    ("-", CARD, {}),
    ("slide", "## Second", {"minutes": 1}),
    ("skip", "hidden words", {"minutes": 5}),
    ("notes", "for the speaker", {}),
]


@pytest.fixture(scope="module")
def deck():
    cells = [
        nbformat.v4.new_markdown_cell(text, metadata={"slideshow": {"slide_type": kind}, **more})
        for kind, text, more in CELLS
    ]
    output = nbformat.v4.new_output("stream", text="a < b")
    cells.append(nbformat.v4.new_code_cell("# draws\nx", metadata={"tags": ["folded"]}, outputs=[output]))
    return slides.deck(nbformat.v4.new_notebook(cells=cells), LESSONS[8])


def test_minutes_are_notes_and_what_is_skipped_takes_none(deck):
    assert deck.minutes == 3
    notes = re.findall(r'<aside class="notes">(.*?)</aside>', deck.html, re.DOTALL)
    assert [re.sub("<[^>]*>", "", note).strip() for note in notes] == [
        "2 minutes: from minute 0 to minute 2.",
        "1 minute: from minute 2 to minute 3.",
        "for the speaker",
    ]
    assert "hidden words" not in deck.html


def test_links_lead_to_decks_and_a_card_is_a_table(deck):
    assert 'href="09_actor_critic.html"' in deck.html
    assert "reference.ipynb" not in deck.html
    assert re.search(r"<blockquote>\s*<h3[^>]*>Card.*?<table>.*?</table>\s*</blockquote>", deck.html, re.DOTALL)


def test_folded_code_is_left_out_and_its_output_is_text(deck):
    assert "# draws" not in deck.html
    assert "a &lt; b" in deck.html


@pytest.mark.parametrize("code", ["Lab(1)", "Lab(\n    1,\n    b=[2],\n)", "lab = Lab(1)\nlab"])
def test_code_that_only_shows_a_lab_is_left_out(code):
    output = nbformat.v4.new_output("display_data", {"text/html": '<img alt="a lab">'})
    shown = nbformat.v4.new_code_cell(code, outputs=[output], metadata={"slideshow": {"slide_type": "slide"}})
    assert "pgs-code" not in slides.deck(nbformat.v4.new_notebook(cells=[shown]), LESSONS[8]).html


def test_only_a_quote_with_a_table_is_rewritten():
    rewritten = pages.with_tables(CARD)
    assert rewritten.count("<blockquote>") == 1
    assert rewritten.endswith("> A plain quote.")


def test_a_deck_loads_only_what_is_beside_it(deck):
    loaded = re.findall(r'(?:src|href)="(assets/[^"]*)"', deck.html)
    assert {name.removeprefix("assets/") for name in loaded} <= {*slides.assets(), "page.js"}
    assert "https://" not in deck.html


PNG = {"image/png": "AAAA", "text/plain": "a picture"}


@pytest.mark.parametrize(
    ("cell", "is_told"),
    [
        (nbformat.v4.new_markdown_cell("![](a.png)"), False),
        (nbformat.v4.new_markdown_cell("![words](a.png)"), True),
        (nbformat.v4.new_markdown_cell('<img src="a.png">'), False),
        (nbformat.v4.new_markdown_cell('<img src="a.png" alt="words">'), True),
        (nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", PNG)]), False),
        *(
            (
                nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", PNG, metadata=about)]),
                bool(alt),
            )
            for alt in ("", "words")
            for about in [{"image/png": {"alt": alt}}]
        ),
        (nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("stream", text="![](a.png)")]), True),
    ],
)
def test_a_picture_without_words_is_refused_with_its_cell(cell, is_told):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A"), cell])
    for one in notebook.cells:
        one.metadata.slideshow = {"slide_type": "slide"}
    if is_told:
        assert "a.png" in (html := slides.deck(notebook, LESSONS[8]).html) or 'alt="words"' in html
    else:
        with pytest.raises(ValueError, match=f"08: a picture of the cell '{cell.id}' has no alt text"):
            slides.deck(notebook, LESSONS[8])


def test_an_unknown_lesson_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no lesson '99', expected some of"):
        slides.build(["99"], target=tmp_path)
    assert not [*tmp_path.iterdir()]
