"""A lesson before *Going deeper*: its words, its code, time with nothing to do, what it asks to predict."""

import re
from fractions import Fraction
from functools import cache
from typing import Any

import nbformat
import pytest

from course_utils import lessons, widgets
from course_utils.build import notebooks
from course_utils.widgets import prediction

SOURCES = {path.name[:2]: path for path in notebooks.sources()}
MOST = {"words": 2600, "lines": 200, "minutes": 10}

TO_DO = re.compile(rf"\b({'|'.join(widgets.__all__)}|check)\(")
ASKS = re.compile(r"^Predict\([\"'](\d\d)-([a-z0-9-]+)[\"']\)$", re.MULTILINE)
NUMBER = re.compile(r"\d+/\d+|\d[\d,.]*\d")  # of one digit alone there are too many
DIGIT = re.compile(r"(?<![\w.,/])\d(?![\w/]|[.,]\d)")


@cache
def main_path(number: str) -> list[Any]:
    """The cells of a lesson's source before *Going deeper*."""
    cells = notebooks.read_source(SOURCES[number]).cells
    deeper = [n for n, cell in enumerate(cells) if cell.source.startswith("## Going deeper")]
    return cells[: deeper[0] if deeper else None]


def words(number: str) -> int:
    texts = (cell.source for cell in main_path(number) if cell.cell_type == "markdown")
    return sum(len(re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL).split()) for text in texts)


def lines(number: str) -> int:
    """Of code that is read: not of stubs, solutions and folded cells."""
    code = (cell for cell in main_path(number) if cell.cell_type == "code" and "BEGIN SOLUTION" not in cell.source)
    read = (cell.source for cell in code if not {"folded", "solution"} & {*cell.metadata.get("tags", [])})
    return sum(bool(line.strip()) and not line.strip().startswith("#") for text in read for line in text.split("\n"))


def minutes(number: str) -> int:
    """The longest time of slides in a row on which nothing is predicted, tried or answered."""
    runs, slide, has_task = [0], 0, False
    for cell in [*main_path(number), nbformat.v4.new_markdown_cell(metadata={"minutes": 0})]:
        if "minutes" in cell.metadata:
            runs = [*runs, 0] if has_task else [*runs[:-1], runs[-1] + slide]
            slide, has_task = cell.metadata["minutes"], False
        has_task |= cell.cell_type == "code" and bool(TO_DO.search(cell.source))
    return max(runs)


@pytest.mark.parametrize("number", SOURCES)
@pytest.mark.parametrize("measure", [words, lines, minutes], ids=lambda measure: measure.__name__)
def test_the_main_path_is_within_its_limits(number, measure):
    assert measure(number) <= MOST[measure.__name__]


def test_what_is_measured(monkeypatch):
    new = nbformat.v4
    cells = [
        new.new_markdown_cell("one two\n<details>\nthree\n</details>", metadata={"minutes": 4}),
        new.new_code_cell("# a comment\nx = 1\n\ny = 2"),
        new.new_code_cell("# BEGIN SOLUTION\nz = 3"),
        new.new_code_cell("# Draws.\nz = 3", metadata={"tags": ["folded"]}),
        new.new_markdown_cell("more", metadata={"minutes": 7}),
        new.new_code_cell("Predict('08-far')"),
        new.new_markdown_cell("the end", metadata={"minutes": 3}),
    ]
    monkeypatch.setitem(globals(), "main_path", lambda _: cells)
    assert (words("08"), lines("08"), minutes("08")) == (5, 3, 4)


# --- no prediction is answered before it is made ----------------------------------------------------------------------


@cache
def predictions(number: str) -> dict[str, dict[str, Any]]:
    file = lessons.PREDICTIONS / f"{number}.json"
    return {question["id"]: question for question in prediction.load(file)["questions"]} if file.is_file() else {}


def shown(cell: Any) -> str:
    """What a reader sees of a cell that nobody has touched: of a folded output the first line."""
    if cell.cell_type == "markdown" and "answers" in cell.metadata:
        return ""
    if cell.cell_type == "markdown":
        return str(re.sub(r"<details>.*?</details>", "", cell.source, flags=re.DOTALL))
    texts = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
        texts += [output.get("text", ""), data.get("text/plain", ""), alt]
    text = "\n".join(texts).strip()
    return text.split("\n")[0] if cell.metadata.get("jupyter", {}).get("outputs_hidden") else text


def numbers(text: str, pattern: re.Pattern[str] = NUMBER) -> set[float]:
    """The numbers in a text, as numbers: 0.50 is 1/2, and 04 is a lesson."""
    plain = (found.replace(",", "").rstrip(".") for found in pattern.findall(text))
    return {float(Fraction(one)) for one in plain if re.fullmatch(r"(0?|[1-9]\d*)(\.\d+)?(/[1-9]\d*)?", one)}


def told_early(cells: list[Any]) -> list[str]:
    """Numbers of what came, or of the answer, that are seen before a prediction is made: each with its cell."""
    found = []
    for n, cell in enumerate(cells):
        for number, name in ASKS.findall(cell.source) if cell.cell_type == "code" else ():
            question = predictions(number)[name]
            outputs = [k for k, other in enumerate(cells) if other.cell_type == "code"]
            answers = [k for k in outputs if name in cells[k].metadata.get("answers", [])]
            last = answers[-1] + 1 if answers else n + 1
            while (
                last < len(cells)
                and not cells[last].source.startswith("#")
                and (cells[last].cell_type == "markdown" or not answers)
            ):  # what explains it; where a lab answers, what stands before the next heading
                last += 1
            asked = [
                question["text"],
                *(part["text"] for part in question.get("options", []) + question.get("items", [])),
            ]
            before = " ".join([*asked, *(other.source + shown(other) for other in cells[:n])])
            answer = {abs(question["answer"])} if "answer" in question else set()
            telling = (numbers(question["came"]) | answer) - numbers(before)
            for other in cells[n + 1 : last]:
                if other.cell_type == "code" and not answers:
                    continue
                seen = telling & numbers(shown(other))
                if other.cell_type == "markdown":  # code prints counts, and axes have digits
                    seen |= answer & numbers(shown(other), DIGIT) - numbers(before, DIGIT)
                found += [f"{name}: {number:g} stands in {other.id!r}" for number in sorted(seen)]
    return found


@pytest.mark.parametrize("path", SOURCES.values(), ids=lambda path: path.stem)
def test_no_output_answers_a_prediction_before_it_is_made(path):
    learner = next(iter(notebooks.outputs(path)))
    assert told_early(nbformat.read(learner, as_version=4).cells) == []


def test_what_is_told_early_is_found(monkeypatch):
    question = {"text": "How far, after 25 steps?", "answer": 0.67, "came": "To 0.67, from 0.50 after 25 steps."}
    monkeypatch.setitem(globals(), "predictions", lambda _: {"far": question})
    output = nbformat.v4.new_output("stream", text="all 25 steps:\n0.67\n")
    cells = [
        nbformat.v4.new_code_cell("Predict('08-far')", id="asks"),
        nbformat.v4.new_markdown_cell("It is 0.67.", id="says"),
        nbformat.v4.new_code_cell("first()", id="first", outputs=[output], metadata={"answers": ["far"]}),
        nbformat.v4.new_markdown_cell("It was 0.670.", id="explains", metadata={"answers": ["far"]}),
    ]
    assert told_early(cells) == ["far: 0.67 stands in 'says'", "far: 0.67 stands in 'first'"]
    cells[2].metadata["jupyter"] = {"outputs_hidden": True}
    cells[1].source = "Twice."
    assert told_early(cells) == []
    output.text = "0.67 it is\nafter 25 steps"
    assert told_early(cells) == ["far: 0.67 stands in 'first'"]
    output.text, question["answer"] = "steps", 4
    del cells[3].metadata["answers"]
    assert told_early(cells) == ["far: 0.67 stands in 'explains'"]
    cells[3].source = "# Next"
    for text, told in [("2/3", []), ("67/100", [0.67]), ("four", []), ("It is 4.", [4]), ("lesson 04, x4, 4.5", [])]:
        cells[1].source = text
        assert told_early(cells) == [f"far: {number:g} stands in 'says'" for number in told], text
