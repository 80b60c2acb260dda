"""What a check answers: an object to read in code, and a card to read on the page, in the same words."""

import html
import re
import textwrap
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from course_utils.checks.limit import attempt

__all__ = ["CheckResult", "cut", "marked_up", "printable", "show", "show_inputs", "show_pair"]


Status = Literal["correct", "almost", "not yet", "not attempted"]

MOST = 1000  # entries of a list, or letters of a text; of longer ones nothing is shown
MANY = 24  # entries of an array; longer ones are shown by their beginning
WIDTH = 88
MARKS = re.compile(r"`(?P<code>[^`]+)`|(?<![\w'\"])(?P<symbol>[^\W\d_])_(?P<index>ref|old|new|\w)\b")
# Second and third carriers beside the words: each status has its own kind of line, and colour, on the left of the card.
LINES = {"correct": "solid #009e73", "almost": "double #e69f00", "not yet": "dashed #d55e00"}
TICK = (
    '<span aria-hidden="true" style="background: #00795a; color: #fff; border-radius: 50%; padding: 1px 6px">✓</span> '
)
LABELS = ("Why it matters", "What may help", "Where to read", "What is asked")
CARD = "border-left: 6px {line}; padding: 2px 14px; max-width: 720px; line-height: 1.5"
ROWS = "white-space: pre-wrap; overflow-wrap: anywhere; font-size: inherit; line-height: 1.4; background: transparent"


@dataclass(frozen=True)
class CheckResult:
    """The outcome of a check. Shown in a notebook it is a card; ``print`` gives the same words."""

    status: Status
    mistake: str | None
    """stable id of the mistake that was recognised, None where there is none or it is not a known one"""
    evidence: dict[str, Any]
    """"input", "got", "wanted" (None where they do not apply), "seed", and what else led to the answer"""
    question: str
    paragraphs: tuple[str, ...]
    """what the card says, before and after the rows; `code` in backticks"""
    rows: tuple[tuple[str, str], ...] = field(default=())
    """what the card shows, as (name, text)"""
    rows_after: int = 1
    """the number of paragraphs above the rows"""

    @property
    def text(self) -> str:
        """Everything that the card says, as plain text."""
        above, below = self.paragraphs[: self.rows_after], self.paragraphs[self.rows_after :]
        shown = [textwrap.indent(_table(self.rows), "  ")] if self.rows else []
        blocks = [textwrap.fill(p, WIDTH, break_long_words=False, break_on_hyphens=False) for p in above]
        blocks += shown
        blocks += [textwrap.fill(p, WIDTH, break_long_words=False, break_on_hyphens=False) for p in below]
        return "\n\n".join([self._headline(), *blocks])

    def __post_init__(self) -> None:
        """Keep out of the words what no terminal and no page can show."""
        object.__setattr__(self, "question", printable(self.question))
        object.__setattr__(self, "paragraphs", tuple(map(printable, self.paragraphs)))
        object.__setattr__(self, "rows", tuple((printable(name), printable(text)) for name, text in self.rows))

    def __repr__(self) -> str:
        """Return what the card says."""
        return self.text

    def _repr_html_(self) -> str:
        """Return the card. It reads the same where a viewer drops the styles."""
        paragraphs = [f"<p>{marked_up(p)}</p>" for p in self.paragraphs]
        if self.rows:
            paragraphs.insert(self.rows_after, f'<pre style="{ROWS}">{html.escape(_table(self.rows))}</pre>')
        headline = html.escape(self._headline())
        is_right = self.status == "correct"
        style = CARD.format(line=LINES.get(self.status, "dotted #808080"))
        style += "; background: rgba(0, 158, 115, 0.12)" if is_right else ""
        return "\n".join(
            [
                f'<div role="group" aria-label="{headline}" style="{style}">',
                f"<p>{TICK if is_right else ''}<strong>{headline}</strong></p>",
                *paragraphs,
                "</div>",
            ]
        )

    def _headline(self) -> str:
        return f"{self.question}: {self.status}"


def _table(rows: tuple[tuple[str, str], ...]) -> str:
    width = max((len(name) for name, text in rows if text), default=0) + 3
    return "\n".join(
        (name.ljust(width) + text.replace("\n", "\n" + " " * width)) if text else name for name, text in rows
    )


def marked_up(paragraph: str) -> str:
    """Return a paragraph as HTML: `code` in backticks, indices such as π_ref's below, and its label in bold."""
    marked = MARKS.sub(_marked, html.escape(paragraph, quote=False))
    return re.sub(rf"^({'|'.join(LABELS)}):", r"<strong>\1:</strong>", marked)


def _marked(found: re.Match[str]) -> str:
    return f"<code>{found['code']}</code>" if found["code"] else f"{found['symbol']}<sub>{found['index']}</sub>"


# --- values as text ----------------------------------------------------------------------------------


def cut(text: str, length: int) -> str:
    """Return the beginning of a text that is too long."""
    return text if len(text) <= length else text[: length - 2].rstrip() + " …"


def printable(text: str) -> str:
    """Return the text with escapes, such as \\x1b, in place of control characters and of halves of surrogate pairs."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", lambda found: ascii(found[0])[1:-1], text)


def show(value: Any, digits: int = 4) -> str:
    """Return a value as text that is short enough for a card; numbers to ``digits`` significant digits."""
    return printable(attempt(lambda: _shown(value, digits), f"an object of type {cut(type(value).__name__, 60)}"))


def _shown(value: Any, digits: int) -> str:
    if isinstance(value, bool | np.bool_) or value is None:
        return str(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        return _show_array(value, digits)
    if isinstance(value, int | float | np.integer | np.floating):
        return _number(value, digits)
    if isinstance(value, np.random.Generator):
        return "a numpy Generator"
    if isinstance(value, np.ndarray) and value.size > MANY:
        return f"an array of shape {value.shape} (dtype {value.dtype})"
    length: int = len(value) if isinstance(value, dict | tuple | list | set | str | bytes) else 0
    if length > MOST:
        return f"a {type(value).__name__} of {length}"
    return textwrap.shorten(repr(value)[:2000], 200, placeholder=" …")


def show_inputs(inputs: Any) -> str:
    """Return arguments as text, one a line: name = value. A generator has nothing to show and is left out."""
    lines = []
    for name, value in inputs.items():
        if name == "rng":
            continue
        start = f"{name} = "
        lines.append(start + show(value).replace("\n", "\n" + " " * len(start)))
    return "\n".join(lines)


def show_pair(got: Any, wanted: Any) -> tuple[str, str]:
    """Return two values as text, with as many digits as it takes to tell them apart."""
    for digits in (4, 6, 8, 10, 12, 17):
        texts = show(got, digits), show(wanted, digits)
        if texts[0] != texts[1]:
            break
    return texts


def _number(value: Any, digits: int) -> str:
    if isinstance(value, int | np.integer):
        return str(value) if abs(int(value)) < 10**20 else f"a whole number of {int(value).bit_length()} bits"
    text = f"{value:.{digits}g}"
    return "0" if text == "-0" else text


def _decimal(value: Any, digits: int) -> str:
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _show_array(array: np.ndarray[Any, Any], digits: int) -> str:
    if array.size > MANY:
        beginning = ", ".join(_number(x, digits) for x in array.flat[:6])
        return f"an array of shape {array.shape} that begins with {beginning}"
    if array.ndim == 0:
        return _number(array[()], digits)
    texts = [_number(x, digits) for x in array.ravel()]
    sizes = np.abs(array[np.isfinite(array) & (array != 0)])
    if array.dtype.kind == "f" and sizes.size and sizes.min() >= 10.0 ** (2 - digits) and sizes.max() < 1e4:
        texts = [_number(x, digits) if not np.isfinite(x) else _decimal(x, digits) for x in array.ravel()]
    width = max(map(len, texts), default=0) if array.ndim > 1 else 0
    return _nested(np.array([t.rjust(width) for t in texts], dtype=object).reshape(array.shape), 1)


def _nested(texts: np.ndarray[Any, Any], depth: int) -> str:
    if texts.ndim == 1:
        return f"[{', '.join(texts)}]"
    return "[" + (",\n" + " " * depth).join(_nested(part, depth + 1) for part in texts) + "]"
