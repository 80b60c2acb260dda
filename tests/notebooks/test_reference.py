"""The reference: what it names is there, and each entry leads to the lesson that has it."""

import importlib
import inspect
import re

import pytest

from course_utils.build import notebooks

CELLS = {cell.metadata["label"]: cell.source for cell in notebooks.read_source(*notebooks.sources(["reference"])).cells}
CALLS = re.findall(r"`(\w+)\.(\w+)\((.*?)\)`", CELLS["cheat-sheet"])
ENTRIES = re.findall(r"^\*\*(.+?)\*\*: (.+)$", CELLS["glossary"], re.MULTILINE)


@pytest.mark.parametrize(("module", "name", "given"), CALLS)
def test_each_call_is_one_that_can_be_made(module: str, name: str, given: str) -> None:
    function = getattr(importlib.import_module(f"course_utils.{module}"), name)
    if "+" not in given:  # else it is an expression
        names = given.split(", ")
        asked = list(inspect.signature(function).parameters.values())
        assert names == [one.name for one in asked[: len(names)]]
        assert all(one.default is not one.empty for one in asked[len(names) :])


def test_each_row_of_the_cheat_sheet_has_a_call() -> None:
    assert len(CALLS) == CELLS["cheat-sheet"].count("\n| $")


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_each_link_leads_to_the_lesson_of_its_number(cell: str) -> None:
    for number, file in re.findall(r"\[(\d\d)\]\((.+?)\)", cell):
        assert file.startswith(number)
        assert (notebooks.NOTEBOOKS / file).is_file()


def test_the_glossary_stands_in_the_order_of_the_alphabet() -> None:
    words = [word.lower() for word, _ in ENTRIES]
    assert len(words) == CELLS["glossary"].count("**: ")
    assert words == sorted(words)


@pytest.mark.parametrize(("word", "told"), ENTRIES)
def test_the_lesson_of_a_word_uses_it(word: str, told: str) -> None:
    (number,) = re.findall(r"\[(\d\d)\]", told)
    (source,) = notebooks.sources([number])
    text = re.sub(r"\s+", " ", source.read_text(encoding="utf-8").replace("\n#", "").lower())
    for one in word.lower().split(", "):
        assert one in text, f"lesson {number} never says {one!r}"
