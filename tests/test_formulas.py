"""Formulas are SVG with the spoken formula as their accessible name."""

from xml.etree import ElementTree

import ziamath

from course_utils.widgets.formulas import formula


def test_a_formula_is_valid_svg_with_an_accessible_name() -> None:
    svg = ElementTree.fromstring(formula(r"\pi_a \leq 1", 'pi a is "at most" 1 & positive'))
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == 'pi a is "at most" 1 & positive'
    assert float(svg.get("width", 0)) > 10


def test_typesetting_leaves_the_librarys_settings_alone() -> None:
    before = ziamath.config.svg2, ziamath.config.precision
    formula("a+b", "a plus b", size=11)
    assert (ziamath.config.svg2, ziamath.config.precision) == before
