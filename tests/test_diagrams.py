"""Diagrams: SVG that says itself in words, with no word over an edge, a line or another word."""

import itertools
import xml.etree.ElementTree as ET

import pytest
from matplotlib.transforms import Bbox

from course_utils import diagrams

ALL = [name for name in diagrams.__all__ if name != "Diagram"]
SVG = "{http://www.w3.org/2000/svg}"
every_diagram = pytest.mark.parametrize("name", ALL)


def drawn(name):
    found = getattr(diagrams, name)()
    return found


@every_diagram
def test_a_diagram_is_svg_that_says_itself_and_is_the_same_each_time(name):
    diagram = drawn(name)
    data, about = diagram._repr_mimebundle_()
    root = ET.fromstring(data["image/svg+xml"])
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text == root.get("aria-label") == diagram.alt
    assert root.get("role") == "img"
    assert int(root.get("width", 0)) <= 720
    assert list(root.iter(f"{SVG}text")) == [], "letters are outlines: the same in every viewer"
    assert about["image/svg+xml"] == about["image/png"] == {"alt": diagram.alt}
    assert data["text/plain"] == f"Figure: {diagram.alt}"
    assert data == drawn(name)._repr_mimebundle_()[0]


@every_diagram
def test_no_word_lies_over_an_edge_a_line_or_another_word(name):
    figure = drawn(name).figure
    (axes,) = figure.axes
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    words = [(text.get_text(), text.get_window_extent(renderer).padded(2)) for text in axes.texts]
    boxes = [figure.bbox, *(patch.get_window_extent(renderer) for patch in axes.patches if patch.get_linewidth())]
    lines = [axes.transData.transform(line.get_xydata()).tolist() for line in axes.lines]
    pieces = [Bbox(ends) for line in lines for ends in itertools.pairwise(line)]
    for text, place in words:
        for box in boxes:
            assert not touch(place, box) or (box.x0 < place.x0 and place.x1 < box.x1), text
            assert not touch(place, box) or (box.y0 < place.y0 and place.y1 < box.y1), text
        assert not any(touch(place, piece) for piece in pieces), text
    for (one, place), (other, there) in itertools.combinations(words, 2):
        assert not touch(place, there), (one, other)


def touch(one, other):
    return Bbox.intersection(one, other) is not None
