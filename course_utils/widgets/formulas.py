"""Formulas for labs and quizzes, typeset to SVG in Python: the same in every viewer, without a network."""

import re
from functools import cache
from html import escape

__all__ = ["formula"]

# The thin space of TeX after the name of a function, which ziamath leaves out: not before its argument's bracket.
AFTER_A_NAME = re.compile(r"(\\(?:log|exp)(?![a-zA-Z]))\s*(?![\s(\[^_}|)]|\\[,;:!|{]|\\left|\\[Bb]ig|$)")


@cache
def formula(latex: str, spoken: str, size: float = 14) -> str:
    """Return inline SVG for a LaTeX formula, with the spoken formula as its accessible name.

    latex: the formula, without dollar signs; spoken: how one would say it; size: font size in px.
    """
    import ziafont  # here, so that importing a lab does not load the fonts
    import ziamath

    before = ziamath.config.svg2, ziamath.config.precision, ziafont.config.precision
    ziamath.config.svg2, ziamath.config.precision, ziafont.config.precision = False, 1, 1
    try:
        svg = ziamath.Latex(AFTER_A_NAME.sub(r"\1\\,", latex), size=size, inline=True).svg()
    finally:
        ziamath.config.svg2, ziamath.config.precision, ziafont.config.precision = before
    return str(svg).replace("<svg ", f'<svg role="img" aria-label="{escape(spoken)}" ', 1)
