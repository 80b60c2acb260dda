"""The deliberate faults of faults.diff, each of which the unit tests must notice.

They are the mistakes that learners and libraries really make, written as a diff:

    @@ module: the tests that must notice, files or where a file takes long the test in it
    # name: the misconception
    -what stands in the module exactly once
    +what stands there instead, if anything
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """One edit that makes the package wrong."""

    name: str
    module: str
    snippet: str
    replacement: str
    tests: tuple[str, ...]
    misconception: str


def read(text: str) -> list[Fault]:
    """Read the faults of a diff; a line of another form is an error."""
    faults: list[Fault] = []
    module, tests, name, misconception = "", "", "", ""
    edit: dict[str, list[str]] = {"-": [], "+": []}
    for line in [*text.splitlines(), "#"]:
        if edit["-"] and line[:1] not in ("-", "+"):
            snippet, replacement = ("\n".join(edit[sign]) for sign in "-+")
            faults.append(Fault(name, module, snippet, replacement, tuple(tests.split()), misconception))
            edit = {"-": [], "+": []}
        if line.startswith("@@ "):
            module, _, tests = line[3:].partition(": ")
        elif line.startswith("# "):
            name, _, misconception = line[2:].partition(": ")
        elif line[:1] in edit:
            edit[line[0]].append(line[1:])
        elif line not in ("", "#") and not line.startswith("=== "):
            raise ValueError(f"faults.diff: {line!r} is no part of a fault")
    return faults


FAULTS = read(Path(__file__).with_suffix(".diff").read_text(encoding="utf-8"))
