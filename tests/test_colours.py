"""Colours stand in one place, the first rule of lab.css, by role; labs name roles."""

import re

from course_utils.widgets import lab

COLOUR = re.compile(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?\b|\b(?:rgba?|hsla?)\((?!0 0 0 /)|: (?:black|white|gr[ae]y)\b")
SOURCES = {p.name: p.read_text(encoding="utf-8") for p in sorted(lab.HERE.iterdir()) if p.suffix in (".css", ".js")}
ROLES, rest = SOURCES["lab.css"].split("  box-sizing", 1)


def test_no_lab_names_a_colour() -> None:
    assert COLOUR.search(ROLES)
    found = [(name, text) for name, all_ in (SOURCES | {"lab.css": rest}).items() for text in COLOUR.findall(all_)]
    assert found == []


def test_every_role_that_a_lab_names_is_told_and_none_in_vain() -> None:
    told = re.findall(r"^  --pgc-([\w-]+):", ROLES, re.MULTILINE)
    forced = re.findall(r"^    --pgc-([\w-]+):", rest, re.MULTILINE)
    named = re.findall(r'colour\("([\w-]+)"\)|var\(--pgc-([\w-]+)\)', "".join(SOURCES.values()))
    assert sorted(told) == sorted({one or two for one, two in named})
    assert set(forced) < set(told)
