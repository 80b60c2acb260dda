"""The lessons as slides: what is on them, what each holds, and minutes that add up to what the head says."""

import ast
import re
from functools import cache
from typing import Any

import pytest

from course_utils.build import notebooks
from course_utils.build.notebooks import REPOSITORY

LESSONS = {path.name[:2]: path for path in notebooks.sources() if re.match(r"\d\d_", path.name)}
ROOM = 27  # lines of code at 20 px on a slide of 720
WORDS = 140  # at 26 px
CODE = 20
COLUMNS = 97
SHOWN = REPOSITORY / "course_utils" / "rlhf" / "transformer.py"  # in lesson 14, these of it
FUNCTIONS = ("forward", "log_policy")
SKIPPED = ("check-installation", "setup", "review", "next")  # besides checks and what is deeper


@cache
def cells(number: str) -> list[Any]:
    return list(notebooks.read_source(LESSONS[number]).cells)


def tag(cell: Any) -> str:
    (found,) = notebooks.SLIDE_TAGS & set(cell.metadata.get("tags", []))
    return str(found)


def slides(number: str) -> list[list[Any]]:
    """The slides of a lesson, each as the cells that stand on it together."""
    found: list[list[Any]] = []
    for cell in cells(number):
        if tag(cell) in ("slide", "subslide"):
            found.append([cell])
        elif tag(cell) == "fragment":
            found[-1].append(cell)
    return found


def words(cell: Any) -> int:
    """Of text that stands there: not in folds, tables and fences; a formula is a word."""
    if cell.cell_type == "code":
        return 0
    text = re.sub(r"<details>.*?</details>|```.*?```|^[> ]*\|[^\n]*$", "", cell.source, flags=re.DOTALL | re.MULTILINE)
    return len(re.sub(r"\$\$.*?\$\$|\$[^$]+\$", " x ", text, flags=re.DOTALL).split())


def code(cell: Any) -> int:
    """Lines of code: of folded code the first, of a stub what a learner gets."""
    if cell.cell_type == "markdown":
        return 0
    if "folded" in cell.metadata.get("tags", []):
        return 1
    return sum(bool(line.strip()) for line in notebooks.derived(cell.source, solved=False).split("\n"))


def too_much(slide: list[Any]) -> list[str]:
    text, lines = sum(map(words, slide)), sum(map(code, slide))
    formulas = sum(cell.source.count("$$") / 2 for cell in slide if cell.cell_type == "markdown")
    room = text / 9 + 3 * formulas + lines
    limits = {"words": (text, WORDS), "lines of code": (lines, CODE), "lines in all": (room, ROOM)}
    return [f"{slide[0].metadata['label']}: {n:.0f} {what}" for what, (n, most) in limits.items() if n > most]


@pytest.mark.parametrize("number", LESSONS)
def test_no_slide_holds_more_than_its_room(number):
    assert [line for slide in slides(number) for line in too_much(slide)] == []


@pytest.mark.parametrize("number", LESSONS)
def test_no_line_of_code_is_wider_than_a_slide(number):
    on_slides = [cell for slide in slides(number) for cell in slide if "folded" not in cell.metadata.get("tags", [])]
    texts = "\n".join(cell.source for cell in on_slides if cell.cell_type == "markdown")
    code = [cell.source for cell in on_slides if cell.cell_type == "code"]
    code += re.findall(r"```\w*\n(.*?)```", texts, re.DOTALL)
    if number == "14":
        text = SHOWN.read_text(encoding="utf-8")
        functions = [node for node in ast.walk(ast.parse(text)) if getattr(node, "name", None) in FUNCTIONS]
        code += [ast.get_source_segment(text, node, padded=True) for node in functions]
    assert [line for block in code for line in block.split("\n") if len(line) > COLUMNS] == []


@pytest.mark.parametrize("number", LESSONS)
def test_what_is_on_the_slides(number):
    """An exercise's question and stub are, its check is not; no setup, nothing deeper."""
    deeper = False
    for cell in cells(number):
        label, first = cell.metadata["label"], cell.source.split("\n")[0]
        deeper |= first == "## Going deeper"
        if deeper or label in SKIPPED or "check(" in first:
            assert tag(cell) == "skip", label
        elif "our turn" in first:
            assert tag(cell) == "slide", label
        elif "BEGIN SOLUTION" in cell.source:
            assert tag(cell) == "fragment", label
        elif "Quiz(" in first or "Predict(" in first or first.startswith("#"):
            assert tag(cell) != "skip", label


@pytest.mark.parametrize("number", LESSONS)
def test_minutes_add_up_to_what_the_head_says(number):
    """Minutes of the exercises apart where the head names them; the clinic's up to the end of a sitting."""
    labels = [cell.metadata["label"] for cell in cells(number)]
    sitting = cells(number)[: labels.index("sitting") if "sitting" in labels else None]
    minutes = {True: 0, False: 0}
    for cell in sitting:
        given = cell.metadata.get("minutes", 0)
        assert bool(given) or tag(cell) != "slide", cell.metadata["label"]
        assert not given or tag(cell) in ("slide", "subslide"), cell.metadata["label"]
        minutes["our turn" in cell.source.split("\n")[0]] += given
    said = re.search(r"[Aa]bout (\d+) minutes(?:, and (\d+) more)?", "".join(cell.source for cell in cells(number)[:2]))
    assert said is not None
    if said[2]:
        assert (minutes[False], minutes[True]) == (int(said[1]), int(said[2]))
    else:
        assert sum(minutes.values()) == int(said[1])
