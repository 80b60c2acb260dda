"""The markers of a source: a solution that the learner writes, and a stage of the build that is taken in.

The lines between ``# BEGIN SOLUTION`` and ``# END SOLUTION`` are the solution; those among them that begin with ``#: ``
are a bug, which the learner gets in its place and has to find. The line

    from build import reinforce  # STAGE build_reinforce

stands for that stage as notebooks/src/files/build.py solves it: the functions that it is made of, where no stage above
has brought them, as one solution, and below them the stage's own function, whose body is another.
"""

import re
from pathlib import Path

from nbformat import NotebookNode

from course_utils.checks import stage

__all__ = ["derived", "take_in"]


TO_FILL_IN = "...  # your code here"
SOLUTION = re.compile(r"^([ \t]*)# BEGIN SOLUTION\n(.*?)^[ \t]*# END SOLUTION$", re.DOTALL | re.MULTILINE)
_BUG = re.compile(r"^([ \t]*)#: (.*\n?)", re.MULTILINE)
_STAGE = re.compile(r"^from build import (\w+)  # STAGE (\w+)$", re.MULTILINE)
_FUNCTION = re.compile(r"^def (\w+)\(.*?^    # END SOLUTION$", re.DOTALL | re.MULTILINE)


def derived(text: str, *, solved: bool) -> str:
    """Return a cell's or a file's text with its solutions, or with a line to fill in, or a bug, for each.

    Outside of a function the line to fill in is a comment alone: `...` would be what the cell shows.
    """
    return SOLUTION.sub((lambda m: _BUG.sub("", m[2]).rstrip("\n")) if solved else _left_to_do, text)


def _left_to_do(solution: re.Match[str]) -> str:
    if bug := "".join(indent + line for indent, line in _BUG.findall(solution[2])).rstrip("\n"):
        return bug
    return f"{solution[1]}{TO_FILL_IN}" if solution[1] else TO_FILL_IN.removeprefix("...").strip()


def _stage_in(cell: NotebookNode) -> str | None:
    """Return the name of the stage that a cell of a source stands for, or None."""
    found = _STAGE.search(cell.source) if cell.cell_type == "code" else None
    return found[2] if found else None


def take_in(notebook: NotebookNode, build: Path) -> None:
    """Put the stages into the cells that name them.

    Args:
        notebook: a source's cells, which are changed.
        build: the file with all functions of the build.

    Raises LookupError where there is no such stage, or where it has another function.
    """
    marked = [cell for cell in notebook.cells if _stage_in(cell)]
    functions = {m[1]: m[0] for m in _FUNCTION.finditer(build.read_text(encoding="utf-8"))} if marked else {}
    for cell in marked:
        cell.source = _STAGE.sub(lambda marker: _taken(marker[2], marker[1], functions), cell.source)


def _taken(name: str, function: str, functions: dict[str, str]) -> str:
    """Return a stage's source, and take what is in it out of the functions that are still to be brought."""
    found = stage.load(name)
    if found.function != function or function not in functions:
        raise LookupError(f"the stage {name} is `{found.function}`, once in a notebook, and not `{function}`")
    parts = [derived(functions.pop(part), solved=True) for part in list(functions) if part in found.uses]
    before = "\n\n\n".join(["# BEGIN SOLUTION\n" + parts[0], *parts[1:], "# END SOLUTION", ""]) if parts else ""
    return before + functions.pop(function)
