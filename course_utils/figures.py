"""Static figures: the course's palette and look, and pictures that carry their alt text."""

import io
from typing import Any

from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

__all__ = ["new_figure", "png", "show", "signed"]


# What stands for what: the colours of lab.css in a light page, by the same names (tests/test_colours.py compares them).
# Okabe–Ito for quantities, each with a second carrier besides its colour (hatch, line style, marker).
POLICY = "#0072B2"  # solid bar
AFTER = "#56B4E9"  # hatched bar
ABOVE = "#009E73"  # advantage above 0: bar above the axis
BELOW = "#D55E00"  # advantage below 0: bar below the axis
EXACT = "#000000"  # solid line or diamond, labelled "exact"
SAMPLED = "#E69F00"  # dots with a standard-error band
SAMPLED_INK = "#7A5200"  # outline of the dots, and words
VALUE = "#CC79A7"  # dashed
VALUE_WASH = "#E6BCD4"  # ground: the larger the value, the fuller
REFERENCE = "#757575"  # dotted outline
NEUTRAL = "#555555"  # the line at 0; what is neither
PAPER = "#FFFFFF"
INK = "#1A1A1A"
QUIET = "#4A4A4A"  # words that matter less
EDGE = "#767676"  # frames
LINE = "#C8C8C8"  # lines behind what is drawn
MUTED = "#F4F4F4"  # grounds, from light to dark
WASH = "#E6F1F8"
BLOCK = "#E0E0E0"
HATCH = "////"
MARGIN = 0.12  # inches of white around a figure: in a dark page it stands there as a white card


def new_figure(width: float = 7.2, height: float = 3.0, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Return an empty figure in the course's look, and its axes from left to right.

    width, height: in inches, 100 pixels each; columns: the number of panels.
    """
    fig = Figure(figsize=(width, height), dpi=100, layout="constrained")
    left, bottom = MARGIN / width, MARGIN / height
    fig.get_layout_engine().set(rect=(left, bottom, 1 - 2 * left, 1 - 2 * bottom))  # type: ignore[union-attr, call-arg]
    FigureCanvasAgg(fig)
    axes = [fig.add_subplot(1, columns, 1 + i) for i in range(columns)]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=10)
    return fig, axes


def png(fig: Figure, colours: int | None = None) -> bytes:
    """Return the figure as PNG bytes, the same for the same figure (no date, no program name).

    colours: at most so many, which makes a picture of lines and words four times smaller; None for all that there are.
    """
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", metadata={"Software": None})
    if colours is None:
        return buffer.getvalue()
    picture, small = Image.open(buffer).convert("RGB"), io.BytesIO()
    picture.quantize(colours, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def show(fig: Figure, alt: str) -> None:
    """Display a figure in a notebook with alt text, for readers who do not see it.

    alt: one or two sentences that say what the picture shows. Raises ValueError when it is empty.
    """
    if not alt.strip():
        raise ValueError("alt is empty, expected a sentence that says what the figure shows")
    data: dict[str, Any] = {"image/png": png(fig), "text/plain": f"Figure: {alt}"}
    display(data, raw=True, metadata={"image/png": {"alt": alt}})  # type: ignore[no-untyped-call]


def signed(x: float) -> str:
    """Return a number with its sign and at most three significant digits, as figures and labs write it."""
    return f"{x:+.3g}".replace("-", "−") if x else "0"
