"""Colours stand in two places, by role: the first rule of lab.css, and figures.py for pictures; they are the same."""

import re

import matplotlib.colors

from course_utils import figures, lessons
from course_utils.widgets import lab

COLOUR = re.compile(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?\b|\b(?:rgba?|hsla?)\((?!0 0 0 /)|: (?:black|white|gr[ae]y)\b")
SOURCES = {p.name: p.read_text(encoding="utf-8") for p in sorted(lab.HERE.iterdir()) if p.suffix in (".css", ".js")}
ROLES, rest = SOURCES["lab.css"].split("  box-sizing", 1)

# A string that matplotlib or a page would take for a colour; "gold" is a reward.
NAMES = "|".join(sorted(matplotlib.colors.CSS4_COLORS.keys() - {"gold"}))
IN_PYTHON = re.compile(rf'#(?:[0-9a-fA-F]{{3}}){{1,2}}\b|"(?:{NAMES}|C\d)"|(?:colou?rs?|\bm?[fe]c|\bc|cmap)="(?!none")')
# Words that a palette would make wrong, or a dark page.
WORD = re.compile(r"\b(?:orange|vermillion|yellow|purple|pink|blue|green|gr[ae]y|red|black|white)\b", re.IGNORECASE)
LESSONS = {p.name: p.read_text(encoding="utf-8") for p in sorted(lessons.NOTEBOOKS.glob("src/*.py"))}
QUIZZES = {p.name: p.read_text(encoding="utf-8") for p in sorted(lessons.QUIZZES.glob("[0-9]*.json"))}


def found(pattern, texts):
    return [(name, match) for name, text in texts.items() for match in pattern.findall(text)]


def test_no_lab_names_a_colour():
    assert COLOUR.search(ROLES)
    assert found(COLOUR, SOURCES | {"lab.css": rest}) == []


def test_every_role_that_a_lab_names_is_told_and_none_in_vain():
    told = re.findall(r"^  --pgc-([\w-]+):", ROLES, re.MULTILINE)
    forced = re.findall(r"^    --pgc-([\w-]+):", rest, re.MULTILINE)
    named = re.findall(r'colour\("([\w-]+)"\)|var\(--pgc-([\w-]+)\)', "".join(SOURCES.values()))
    assert sorted(told) == sorted({one or two for one, two in named})
    assert set(forced) < set(told)


def test_pictures_have_the_colours_of_the_labs_in_a_light_page():
    light = dict(re.findall(r"^  --pgc-([\w-]+): (?:light-dark\()?(#\w+)", ROLES, re.MULTILINE))
    drawn = {name: value for name, value in vars(figures).items() if name.isupper() and str(value).startswith("#")}
    assert {"POLICY", "SAMPLED", "EXACT", "INK"} < drawn.keys()
    for name, value in drawn.items():
        assert value.lower() == matplotlib.colors.to_hex(light[name.lower().replace("_", "-")]), name


def test_no_lesson_and_no_module_but_figures_names_a_colour():
    package = lab.HERE.parent
    # The card of a check has one grey, legible on any page, and does not load matplotlib.
    modules = {p for p in package.rglob("*.py") if p.name != "figures.py" and p != package / "checks" / "result.py"}
    texts = LESSONS | {str(p.relative_to(package)): p.read_text(encoding="utf-8") for p in sorted(modules)}
    assert found(IN_PYTHON, texts) == []
    assert IN_PYTHON.findall((package / "figures.py").read_text(encoding="utf-8"))


def test_what_a_learner_reads_tells_marks_by_their_form_and_label():
    assert found(WORD, LESSONS | QUIZZES) == []
    said = "".join(text for name, text in SOURCES.items() if name.endswith(".js"))
    assert [text for text in re.findall(r'"[^"\n]*"', said) if WORD.search(text)] == []
