"""Diagrams: SVG that says itself in words, with no word over an edge, a line or another word."""

import itertools
import xml.etree.ElementTree as ET

import pytest
from matplotlib.transforms import Bbox

from course_utils import diagrams

SVG = "{http://www.w3.org/2000/svg}"
every_diagram = pytest.mark.parametrize("name", sorted({*diagrams.__all__} - {"Diagram"}))


@every_diagram
def test_a_diagram_is_svg_that_says_itself_and_is_the_same_each_time(name):
    diagram = getattr(diagrams, name)()
    data, about = diagram._repr_mimebundle_()
    root = ET.fromstring(data["image/svg+xml"])
    assert root.find(f"{SVG}title").text == root.get("aria-label") == diagram.alt
    assert root.get("role") == "img"
    assert int(root.get("width", 0)) <= 720
    assert list(root.iter(f"{SVG}text")) == [], "letters are outlines: the same in every viewer"
    assert about["image/svg+xml"] == about["image/png"] == {"alt": diagram.alt}
    assert data["text/plain"] == f"Figure: {diagram.alt}"
    assert data == getattr(diagrams, name)()._repr_mimebundle_()[0]


@every_diagram
def test_no_word_lies_over_an_edge_a_line_or_another_word(name):
    figure = getattr(diagrams, name)().figure
    (axes,) = figure.axes
    renderer = figure.canvas.get_renderer()
    words = [(text.get_text(), text.get_window_extent(renderer).padded(2)) for text in axes.texts]
    boxes = [figure.bbox, *(patch.get_window_extent(renderer) for patch in axes.patches if patch.get_linewidth())]
    lines = [axes.transData.transform(line.get_xydata()).tolist() for line in axes.lines]
    pieces = [Bbox(ends) for line in lines for ends in itertools.pairwise(line)]
    for text, place in words:
        for box in boxes:
            inside = box.x0 < place.x0 < place.x1 < box.x1 and box.y0 < place.y0 < place.y1 < box.y1
            assert inside or not Bbox.intersection(place, box), text
        assert not any(Bbox.intersection(place, piece) for piece in pieces), text
    for (one, place), (other, there) in itertools.combinations(words, 2):
        assert not Bbox.intersection(place, there), (one, other)
