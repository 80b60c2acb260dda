"""LECTURING.md against the lessons: its minutes, headings, labels, predictions, labs and buttons are theirs."""

import json
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

from course_utils import lessons, misconceptions, widgets
from course_utils.build import notebooks
from course_utils.grading import problem_sets

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "LECTURING.md").read_text(encoding="utf-8")
PARTS = {part.split("\n")[0]: part.split("\n", 1)[1] for part in GUIDE.split("\n## ")[1:]}
OF_LESSON = {title[:2]: part for title, part in PARTS.items() if re.match(r"\d\d · ", title)}
KNOWN = set(misconceptions.known())
CONTROLS = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "course_utils/widgets").glob("*.js")).lower()
BOLD = re.compile(r"\*\*([^*]+)\*\*")
NUMBER = re.compile(r"\d+[.,]\d+|\d{2,}")
OF_THE_GUIDE = {"50 minutes", "90 minutes", "Ask", "Wrong answers", "Cut first:"}
PLANNED = re.compile(r"(?<!\*)\*([^*]+)\*\s(\d+)")
COMMANDS = {"make slides", "data/misconceptions.json", "build.py", *problem_sets.names()}


def on_one_line(text):
    return " ".join(text.split())


@cache
def source(number):
    (path,) = (notebooks.NOTEBOOKS / "src").glob(f"{number}_*.py")
    return notebooks.read_source(path).cells


@cache
def stored(number):
    (path,) = notebooks.NOTEBOOKS.glob(f"{number}_*.ipynb")
    return nbformat.read(path, as_version=4).cells


@cache
def minutes(number):
    """Minutes from one heading on the slides to the next."""
    found = {}
    for cell in source(number):
        text = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL) if cell.cell_type == "markdown" else ""
        if heading := re.search(r"^(?:> )?#{1,3} (.+)$", text, re.MULTILINE):
            found[latest := heading[1]] = 0
        found[latest] += cell.metadata.get("minutes", 0)
    return found


def planned(number, length):
    """The minutes of a plan: what it says, and what its words come to."""
    words = on_one_line(re.search(rf"\*\*{length} minutes\*\* (.*?)(?=\n\*\*|\n\n)", OF_LESSON[number], re.DOTALL)[1])
    said, rule = re.match(r"\((\d+)\): (.*?)(?:, at the start.*)?(?:\.( |$)|$)", words).groups()[:2]
    of = minutes(number)
    listed = sum(of[heading] for heading, _ in PLANNED.findall(rule))
    if rule.startswith("all but "):
        return int(said), sum(of.values()) - listed
    if rule.startswith("only "):
        return int(said), listed
    if last := re.match(r"up to \*(.+)\*", rule):
        return int(said), sum(list(of.values())[: list(of).index(last[1]) + 1])
    if several := re.match(r"lessons (\d\d) and (\d\d)", rule):
        return int(said), sum(sum(minutes(one).values()) for one in several.groups())
    assert rule in ("all of it", "the same")
    return int(said), sum(of.values())


def test_each_lesson_has_its_part_under_its_title():
    wanted = [f"{lesson.number} · {lesson.title}" for lesson in lessons.LESSONS]
    assert [title for title in PARTS if title[:2] in OF_LESSON] == wanted


@pytest.mark.parametrize("length", [50, 90])
@pytest.mark.parametrize("number", OF_LESSON)
def test_a_plan_fits_and_adds_up(number, length):
    said, comes_to = planned(number, length)
    assert said == comes_to <= length


@pytest.mark.parametrize("number", OF_LESSON)
def test_what_is_named_is_in_the_lesson(number):
    part, cells = OF_LESSON[number], source(number)
    for heading, said in PLANNED.findall(on_one_line(part)):
        assert (heading, int(said)) in minutes(number).items()
    labels, text = {cell.metadata["label"] for cell in cells}, "\n".join(cell.source for cell in cells)
    (checks,) = (lesson.checks for lesson in lessons.LESSONS if lesson.number == number)
    file = lessons.PREDICTIONS / f"{number}.json"
    questions = {one["id"]: one for one in json.loads(file.read_text(encoding="utf-8"))["questions"]}
    known = {*labels, *questions, *checks, *(name for name in widgets.__all__ if f"{name}(" in text)}
    assert set(re.findall(r"`([^`]+)`", part)) <= known
    for name, wrong in re.findall(r"^- `([a-z_-]+)`(?:, (M\d+|the check))?:", part, re.MULTILINE):
        options = {one.get("misconception") for one in questions[name].get("options", [])} if name in questions else {}
        assert name in checks if wrong == "the check" else name in questions and (not wrong or wrong in options), name
    for control in {on_one_line(bold) for bold in BOLD.findall(part)} - OF_THE_GUIDE:
        assert control.lower().replace("'", "’") in CONTROLS or control.lower() in text.lower(), control
    assert set(re.findall(r"\bM\d+\b", part)) <= KNOWN
    printed = [output.get("text", "") for cell in stored(number) for output in cell.get("outputs", [])]
    told = re.sub(r"M\d+|lessons? \d\d|`[^`]*`", "", part[part.index("**Ask**") : part.index("**Cut first:**")])
    in_lesson = NUMBER.findall("\n".join([text + file.read_text(encoding="utf-8"), *printed]))
    assert set(NUMBER.findall(told)) <= set(in_lesson)


def test_the_rest_names_what_there_is():
    rest = "\n".join(text for title, text in PARTS.items() if not re.match(r"\d\d ·", title))
    assert set(re.findall(r"`([^`]+)`", rest)) <= COMMANDS | set(widgets.__all__)


def weeks(title):
    rows = re.findall(r"^\| \d+ \|(.+)\|$", PARTS[title], re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows]


def test_the_syllabus_fits_and_gives_out_nothing_too_early():
    twelve = weeks("Twelve weeks, one lecture of 90 minutes")
    six = weeks("Six weeks, two lectures of 50 minutes")
    plans = {
        90: [(re.findall(r"\d\d", week[0]), week[1]) for week in twelve],
        50: [(re.findall(r"\d\d", week[k]), week[2] if k else "") for week in six for k in (0, 1)],
    }
    for length, lectures in plans.items():
        assert sorted(number for numbers, _ in lectures for number in numbers) == list(OF_LESSON)
        seen = set()
        for numbers, given_out in lectures:
            whole = [sum(minutes(one).values()) if len(numbers) > 1 else planned(one, length)[1] for one in numbers]
            assert sum(whole) <= length or numbers == ["12", "13", "14"]
            seen.update(int(number) for number in numbers)
            for name in re.findall(r"ps\d", given_out):
                head = (ROOT / "notebooks" / "src" / f"{name}.py").read_text(encoding="utf-8")
                first, last = map(int, re.search(r"Covers lessons (\d\d) to (\d\d)", head).groups())
                assert set(range(first, last + 1)) <= seen, name


def test_the_stages_follow_the_lessons_that_are_named():
    said = on_one_line(PARTS["Twelve weeks, one lecture of 90 minutes"])
    for lesson in lessons.LESSONS:
        assert (f"after {lesson.number}" in said) == bool(lesson.stages)
