"""Questions for quizzes and exams, with numbers drawn from a seed: the answer is computed, and so are the distractors.

A template of ``data/bank/*.json`` holds a text with places for its parameters, what they are drawn from, the formula of
the answer, and one formula for each distractor with the misconception that leads to it. The formulas are functions of
``bank_formulas``, by name. So an exam can be given again with other numbers, and its key is right by construction.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from course_utils import arguments, data_files, misconceptions
from course_utils.grading.bank_formulas import FORMULAS

__all__ = ["Drawn", "Template", "draw", "exam", "key", "main", "templates", "write", "written"]


FOLDER = data_files.DATA / "bank"
DIGITS = 3
TRIES = 200  # of drawing parameters whose options are numbers of their own


@dataclass(frozen=True)
class Template:
    """A question with places for its numbers."""

    id: str
    lesson: str
    text: str
    parameters: Mapping[str, list[Any]]
    """name → values to draw one from"""
    answer: str
    """name of a formula"""
    distractors: tuple[tuple[str, str], ...]
    """(name of a formula, misconception) each; three or more"""
    reason: str


@dataclass(frozen=True)
class Drawn:
    """A question with its numbers."""

    template: Template
    values: Mapping[str, Any]
    text: str
    options: tuple[str, ...]
    right: int
    """index of the right option"""
    misconceptions: tuple[str, ...]
    """of each option; "" of the right one"""


@cache
def templates() -> tuple[Template, ...]:
    """Return all templates, by lesson and id."""
    found = []
    for path in sorted(FOLDER.glob("[0-9][0-9].json")):
        for one in json.loads(path.read_text(encoding="utf-8")):
            wrong = tuple((formula, cited) for formula, cited in one["distractors"])
            entry = {**one, "lesson": path.stem, "distractors": wrong}
            template = Template(**entry)
            for formula in (template.answer, *(formula for formula, _ in wrong)):
                if formula not in FORMULAS:
                    raise ValueError(f"{path.name}, {template.id!r}: there is no formula {formula!r}")
            for _, cited in wrong:
                if cited not in misconceptions.known():
                    raise ValueError(f"{path.name}, {template.id!r}: there is no misconception {cited!r}")
            found.append(template)
    return tuple(found)


def draw(template: Template, seed: int) -> Drawn:
    """Return a template with the numbers of a seed: four options that print as different numbers.

    Raises:
        ValueError: a template whose parameters never give four different ones.
    """
    rng = np.random.default_rng([seed, *template.id.encode()])
    for _ in range(TRIES):
        values = {name: choices[int(rng.integers(len(choices)))] for name, choices in template.parameters.items()}
        answer = float(FORMULAS[template.answer](**values))
        wrong = [(float(FORMULAS[formula](**values)), cited) for formula, cited in template.distractors]
        numbers = sorted([answer, *(number for number, _ in wrong)])
        if not all(np.isfinite(numbers)) or min(b - a for a, b in pairwise(numbers)) < 0.02 * max(map(abs, numbers)):
            continue
        kept = [wrong[i] for i in sorted(rng.permutation(len(wrong))[:3])]
        both = [(answer, ""), *kept]
        order = rng.permutation(4)
        options = tuple(_printed(both[i][0]) for i in order)
        cited = tuple(both[i][1] for i in order)
        return Drawn(template, values, template.text.format(**values), options, int(np.argmin(order)), cited)
    raise ValueError(f"{template.id!r}: {TRIES} draws gave no four different options")


def exam(seed: int, count: int, lessons: tuple[str, str] = ("00", "99")) -> list[Drawn]:
    """Return so many questions of lessons first to last, drawn from a seed, in the lessons' order, each once.

    Raises:
        ValueError: more questions than there are, or none.
    """
    known = [one for one in templates() if lessons[0] <= one.lesson <= lessons[1]]
    count = arguments.count("count", count, low=1, high=max(len(known), 1))
    if not known:
        raise ValueError(f"no question is of the lessons {lessons[0]} to {lessons[1]}")
    chosen = np.random.default_rng(seed).permutation(len(known))[:count]
    return [draw(known[i], seed) for i in sorted(chosen)]


def written(questions: list[Drawn], seed: int) -> str:
    """Return the exam as Markdown."""
    lines = [f"# Exam {seed}", ""]
    for n, one in enumerate(questions, start=1):
        lines += [f"**{n}.** {one.text}", ""]
        lines += [f"- {letter}) {option}" for letter, option in zip("ABCD", one.options, strict=True)]
        lines += [""]
    return "\n".join(lines)


def key(questions: list[Drawn], seed: int) -> str:
    """Return its key as Markdown: the right letter, why, and what the others are."""
    known = misconceptions.known()
    lines = [f"# Key of exam {seed}, for instructors", ""]
    for n, one in enumerate(questions, start=1):
        lines += [f"**{n}. {'ABCD'[one.right]}** ({one.options[one.right]}). {one.template.reason}", ""]
        for letter, option, cited in zip("ABCD", one.options, one.misconceptions, strict=True):
            if cited:
                lines += [f"- {letter}) {option}: {known[cited].title}"]
        lines += ["", f"Lesson {one.template.lesson}, `{one.template.id}`, {dict(one.values)}", ""]
    return "\n".join(lines)


def write(out: Path, seed: int, count: int, lessons: tuple[str, str]) -> tuple[Path, Path]:
    """Write exam and key into a folder, and return their paths."""
    questions = exam(seed, count, lessons)
    out.mkdir(parents=True, exist_ok=True)
    paths = out / f"exam_{seed}.md", out / f"exam_{seed}_key.md"
    paths[0].write_text(written(questions, seed), encoding="utf-8")
    paths[1].write_text(key(questions, seed), encoding="utf-8")
    return paths


def main(out: Path, seed: int, count: int, lessons: str = "00-99") -> int:
    """Write exam and key, say where, and return an exit code. lessons: such as "05-08", or "06"."""
    first, _, last = lessons.partition("-")
    try:
        for path in write(out, seed, count, (first, last or first)):
            print(path)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1 if isinstance(error, OSError) else 2
    return 0


def _printed(number: float) -> str:
    return f"{number:.{DIGITS}g}" if abs(number) < 1000 else f"{number:.0f}"
