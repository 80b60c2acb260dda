"""Formulas are SVG with the spoken formula as their accessible name."""

from xml.etree import ElementTree

import pytest
import ziamath

from course_utils.widgets.formulas import formula


def test_a_formula_is_valid_svg_with_an_accessible_name():
    svg = ElementTree.fromstring(formula(r"\pi_a \leq 1", 'pi a is "at most" 1 & positive'))
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == 'pi a is "at most" 1 & positive'
    assert float(svg.get("width", 0)) > 10


def test_typesetting_leaves_the_librarys_settings_alone():
    before = ziamath.config.svg2, ziamath.config.precision
    formula("a+b", "a plus b", size=11)
    assert (ziamath.config.svg2, ziamath.config.precision) == before


@pytest.mark.parametrize(
    ("latex", "as_tex_spaces_it"),
    [
        (r"\log\pi_\theta", r"\log\,\pi_\theta"),
        (r"\nabla_\theta\log \pi", r"\nabla_\theta\log\,\pi"),
        (r"\log(x)", r"\log(x)"),
        (r"-\log\left(x\right)", r"-\log\left(x\right)"),
        (r"a\exp(b)", r"a\exp(b)"),
        (r"x\,\log\,p", r"x\,\log\,p"),
    ],
)
def test_the_name_of_a_function_stands_off_its_argument(latex, as_tex_spaces_it):
    drawn = [ziamath.Latex(latex, size=15, inline=True).svg(), *(formula(x, "", 15) for x in (latex, as_tex_spaces_it))]
    plain, made, wanted = (float(ElementTree.fromstring(svg).get("width")) for svg in drawn)
    assert made == wanted
    assert (made - plain > 1) == (latex != as_tex_spaces_it)
