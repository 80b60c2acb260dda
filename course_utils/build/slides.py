"""Make a deck of slides of each lesson, of the same cells: ``python -m course_utils.build slides [NN …]``.

build/slides/NN_topic.html are reveal.js decks of the committed notebooks, index.html is where to start. Everything that
they load lies in build/slides/assets, copied from packages that pip has installed: no request leaves the machine. Cells
say by their tags where a slide begins; slides.js lays them out in the browser, so that none overflows.
"""

import argparse
import re
import sys
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

from course_utils import lessons
from course_utils.build import live_pages, pages, slides_check
from course_utils.lessons import LESSONS, Lesson

__all__ = ["Deck", "assets", "build", "deck", "index", "main", "minutes"]


HERE = Path(__file__).parent
TARGET = lessons.REPOSITORY / "build" / "slides"
OURS = ("slides.css", "slides.js", "votes.js")
SPOKEN = {1: "1 minute"}
_LINK = re.compile(r"\]\((\d\d_\w+)\.ipynb(?:#[^)\s]*)?\)")
_OTHER_NOTEBOOK = re.compile(r"\[([^\]]*)\]\([\w/]+\.ipynb(?:#[^)\s]*)?\)")
# Code that makes a lab, lets it run and shows it.
_CALL = r"[\w.]+\((?:[^\n]*|(?:\n    [^\n]*)+\n)\)"
_CODE_THAT_SHOWS = re.compile(rf"(?:from [^\n]*\n+)?(?:(\w+) = )?{_CALL}(?:\n\1\.\w+\([^\n]*\))?(?:\n\w+)?")


class Deck(NamedTuple):
    """One lesson's slides."""

    lesson: Lesson
    minutes: int
    html: str
    labs: frozenset[str]


def minutes(cell: Any) -> int:
    """Return the minutes that a cell's slide takes, 0 where it says none."""
    return int(cell.metadata.get("minutes", 0))


def deck(notebook: Any, lesson: Lesson) -> Deck:
    """Return the slides of a lesson's notebook; raise ValueError for a picture without words."""
    from nbconvert import SlidesExporter

    notebook = nbformat.from_dict(notebook)
    pages.check_words(notebook, lesson.number)
    labs = frozenset(live_pages.prepare(notebook, one_by_one=True))
    for cell in notebook.cells:
        for output in (output for output in cell.get("outputs", []) if "data" in output):
            if html := pages.still(output):
                output.data["text/html"] = html
        if cell.cell_type == "markdown":
            cell.source = _OTHER_NOTEBOOK.sub(r"\1", _LINK.sub(r"](\1.html)", pages.with_tables(cell.source)))
        else:
            cell.metadata["slide_code"] = not _only_shows(cell)
            cell.source = re.sub(r"\n{3,}", "\n\n", cell.source)  # room is scarcer on a slide than in a notebook
    total = _add_notes(notebook)
    title = f"{lesson.number} · {lesson.title}"
    exporter: Any = SlidesExporter(  # type: ignore[no-untyped-call]
        raw_template=(HERE / "slides.html.j2").read_text(encoding="utf-8"), exclude_anchor_links=True
    )
    scripts = ["tex-svg.js", *(name for name in live_pages.scripts(set(labs))), "reveal.js", "notes.js"]
    resources = {"deck": {"title": title, "scripts": [*scripts, "votes.js", "slides.js"]}}
    html, _ = exporter.from_notebook_node(notebook, resources)
    return Deck(lesson, total, html, labs)


def _only_shows(cell: Any) -> bool:
    """Return whether what is to be seen of a cell is its lab, its picture, or the text that it lays out."""
    kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
    shows = _CODE_THAT_SHOWS.fullmatch(cell.source.strip()) is not None
    return "text/markdown" in kinds or (shows and "text/html" in kinds)


def _add_notes(notebook: Any) -> int:
    """Give each slide that has minutes a note that says how many, and until when; return their sum."""
    total = 0
    for cell in notebook.cells:
        if minutes(cell) and cell.metadata.get("slideshow", {}).get("slide_type") != "skip":
            before, total = total, total + minutes(cell)
            taken = SPOKEN.get(minutes(cell), f"{minutes(cell)} minutes")
            cell.metadata["said"] = f"<p><strong>{taken}</strong>: from minute {before} to minute {total}.</p>"
    return total


def assets() -> dict[str, bytes]:
    """Return what every deck loads, by file name: reveal.js, MathJax and the course's own style and scripts."""
    reveal = _package("sphinx_revealjs") / "_static" / "revealjs"
    files = {
        "reveal.css": reveal / "dist" / "reveal.css",
        "reveal.js": reveal / "dist" / "reveal.js",
        "notes.js": reveal / "plugin" / "notes" / "notes.js",
        "tex-svg.js": _package("mathjax") / "static" / "mathjax" / "es5" / "tex-svg.js",
        **{name: HERE / name for name in OURS},
    }
    return {name: path.read_bytes() for name, path in files.items()}


def _package(name: str) -> Path:
    """Return the folder of a package that only slides need."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{name} is not installed; slides need: pip install 'policy-gradient-course[slides]'")
    return Path(next(iter(spec.submodule_search_locations)))


def index(decks: list[Deck], files: dict[str, str]) -> str:
    """Return the start page: each lesson with its question and minutes; files: of each deck, by the lesson's number."""
    rows = "".join(
        f'<tr><td>{one.lesson.number}</td><td><a href="{files[one.lesson.number]}">{escape(one.lesson.title)}</a></td>'
        f"<td>{escape(one.lesson.question)}</td><td>{one.minutes or '–'}</td></tr>\n"
        for one in decks
    )
    return (HERE / "slides_index.html").read_text(encoding="utf-8").replace("<!-- rows -->", rows)


def build(numbers: list[str], *, source: Path | None = None, target: Path = TARGET) -> list[Path]:
    """Write the decks of these lessons, or of all and a start page; return the decks.

    source: the folder of the notebooks.
    """
    folder = lessons.NOTEBOOKS if source is None else source
    known = {lesson.number: name for lesson in LESSONS if (name := lesson.notebook(folder))}
    if unknown := sorted(set(numbers) - set(known)):
        raise ValueError(f"there is no lesson {unknown[0]!r}, expected some of {sorted(known)}")
    (target / "assets").mkdir(parents=True, exist_ok=True)
    shared, labs = assets(), set[str]()
    written: list[Path] = []
    decks: list[Deck] = []
    files = {number: f"{Path(name).stem}.html" for number, name in known.items()}
    chosen = [lesson for lesson in LESSONS if lesson.number in (numbers or known)]
    for n, lesson in enumerate(chosen, start=1):
        print(f"{n} of {len(chosen)}, {files[lesson.number]}", flush=True)
        one = deck(nbformat.read(folder / known[lesson.number], as_version=4), lesson)
        path = target / files[lesson.number]
        path.write_text(one.html, encoding="utf-8", newline="\n")
        written, decks, labs = [*written, path], [*decks, one], labs | one.labs
    for name, text in {**shared, **{k: v.encode() for k, v in live_pages.scripts(labs).items()}}.items():
        (target / "assets" / name).write_bytes(text)
    if not numbers:
        (target / "index.html").write_text(index(decks, files), encoding="utf-8", newline="\n")
    return written


def main(argv: list[str]) -> int:
    """Build, then measure in Chromium where there is one; return 1 where a slide overflows."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.build slides", description=__doc__)
    parser.add_argument("numbers", nargs="*", metavar="NN", help="lessons, by two digits (default: all)")
    parser.add_argument("--unmeasured", action="store_true", help="do not look for slides that overflow")
    arguments = parser.parse_args(argv)
    try:
        decks = build(arguments.numbers)
    except (ValueError, ModuleNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    first = decks[0] if arguments.numbers else TARGET / "index.html"
    print(f"Open {first.relative_to(lessons.REPOSITORY)} in a browser.")
    return 0 if arguments.unmeasured else slides_check.main(decks)
