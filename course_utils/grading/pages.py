"""What the pages that grading writes have in common: one file each, no request to any network, light and dark."""

from functools import cache
from html import escape
from pathlib import Path

from course_utils.checks.result import printable

__all__ = ["amount", "document", "said", "status"]


_HERE = Path(__file__).resolve().parent
# Of each status: how it looks (group), and what a student reads. The last two are not graded yet, which is never 0.
STATUSES = {
    "correct": ("correct", "correct"),
    "partial": ("partial", "partly correct"),
    "wrong": ("wrong", "not correct"),
    "error": ("stopped", "stopped with an error"),
    "timeout": ("stopped", "took too long"),
    "memory": ("stopped", "needed too much memory"),
    "no-answer": ("none", "no answer"),
    "needs-marking": ("open", "not graded yet: a person reads it"),
    "infrastructure": ("open", "not graded yet: the grader failed, not your code"),
}
GROUPS = {
    "correct": "correct",
    "partial": "partly correct",
    "wrong": "not correct",
    "stopped": "stopped: error, time or memory",
    "none": "no answer",
    "open": "not graded yet",
}
_DISC = '<circle class="{}" cx="10" cy="10" r="9"/><path class="sign" d="{}"/>'
_SIGNS = {
    "correct": _DISC.format("tick", "M5.5 10.5 8.7 13.6 14.5 6.8"),
    "partial": '<circle class="half" cx="10" cy="10" r="9"/><path class="dot" d="M10 3.5a6.5 6.5 0 0 1 0 13z"/>',
    "wrong": _DISC.format("cross", "M6.5 6.5 13.5 13.5M13.5 6.5 6.5 13.5"),
    "stopped": '<path class="warn" d="M10 1 19.5 18.5H.5z"/><path class="sign" d="M10 7.5v5M10 15.6v.1"/>',
    "none": _DISC.format("none", "M6 10h8"),
    "open": _DISC.format("pen", "M6 10h.1M10 10h.1M14 10h.1"),
}


@cache
def _style() -> str:
    rule = (_HERE.parent / "widgets" / "lab.css").read_text(encoding="utf-8").partition(".pgc-lab {")[2]
    roles = rule.partition("  box-sizing")[0]
    return f":root {{{roles}}}\n{(_HERE / 'page.css').read_text(encoding='utf-8')}"


def document(title: str, body: str, wide: bool = False) -> str:
    """Return a whole page; its policy forbids it to load or to run anything, whatever a submission put into it."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{said(title)}</title>
<style>
{_style()}</style>
</head>
<body>
<main{' class="wide"' if wide else ""}>
{body}
</main>
</body>
</html>
"""


def said(text: object) -> str:
    """Return a text, whatever it holds, as HTML that shows it."""
    return escape(printable(str(text)))


def amount(points: float) -> str:
    """Return points as a reader writes them."""
    return f"{round(points, 2):g}"


def status(name: str, words: str = "") -> str:
    """Return a status with its sign and its words."""
    group, told = STATUSES.get(name, ("open", f"not graded yet: {name}"))
    sign = f'<svg viewBox="0 0 20 20" aria-hidden="true">{_SIGNS[group]}</svg>'
    return f'<span class="status">{sign}{said(words or told)}</span>'
