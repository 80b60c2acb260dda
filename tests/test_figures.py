"""Static figures carry alt text and are the same each time."""

import io

import matplotlib.image
import numpy as np
import pytest
from refusals import bad

from course_utils import figures
from course_utils.build import notebooks


def draw():
    fig, (ax,) = figures.new_figure()
    ax.plot([1, 2, 3])
    return fig


@pytest.mark.long
@pytest.mark.parametrize(("width", "height", "columns"), [(7.2, 3.0, 1), (7.2, 4.6, 2), (4.0, 2.0, 1)])
def test_a_figure_is_a_white_card_with_room_on_all_sides(width, height, columns):
    fig, axes = figures.new_figure(width, height, columns)
    for ax in axes:
        ax.plot([1, 2, 3])
        ax.set(title="title", xlabel="words", ylabel="words")
    picture = matplotlib.image.imread(io.BytesIO(figures.png(fig)))
    assert picture.shape[:2] == (round(100 * height), round(100 * width))
    picture[10:-10, 10:-10] = 1
    assert np.all(picture == 1), "black on a dark page cannot be read: the ground is opaque"


@pytest.mark.long
def test_show_puts_the_alt_text_beside_the_picture_which_is_the_same_each_time(monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "display", lambda data, raw, metadata: shown.append((data, metadata)))
    figures.show(draw(), alt="A rising line.")
    data = {"image/png": figures.png(draw()), "text/plain": "Figure: A rising line."}
    assert shown == [(data, {"image/png": {"alt": "A rising line."}})]


def test_show_wants_alt_text():
    bad(ValueError, "alt is empty, expected a sentence", figures.show, draw(), alt=" ")


@pytest.mark.parametrize(("x", "text"), [(0.0, "0"), (1.0, "+1"), (-2.65, "−2.65"), (0.12345, "+0.123")])
def test_signed_numbers_have_three_digits_and_a_real_minus(x, text):
    assert figures.signed(x) == text


def test_no_lesson_draws_an_arrow_of_matplotlib():
    """It searches for the arrow's ends until they are near enough, and stops elsewhere in one process in five."""
    for source in notebooks.sources():
        assert "arrowprops" not in source.read_text(encoding="utf-8"), source.name
