"""Formulas for labs and quizzes, typeset to SVG in Python: the same in every viewer, without a network."""

from functools import cache
from html import escape

__all__ = ["formula"]


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
        svg = ziamath.Latex(latex, size=size, inline=True).svg()
    finally:
        ziamath.config.svg2, ziamath.config.precision, ziafont.config.precision = before
    return str(svg).replace("<svg ", f'<svg role="img" aria-label="{escape(spoken)}" ', 1)
