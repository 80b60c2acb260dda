"""Write course_utils/README.md, the reference page, from docstrings: ``python -m course_utils.build reference``."""

import ast
import re
from functools import cache
from pathlib import Path

import course_utils
from course_utils import lessons

__all__ = ["equation", "lesson_of", "main", "modules", "page", "rooms"]


PACKAGE = Path(__file__).resolve().parents[1]
PAGE = PACKAGE / "README.md"
SOURCES = PACKAGE.parent / "notebooks" / "src"
HEAD = """# Functions of the package

Made from the docstrings by `python -m course_utils.build reference`, which `make notebooks` runs too. The lesson is the
first that uses the name, itself or in a lab; 00, which shows a little of all, counts last.
"""


def rooms() -> list[str]:
    """Return the modules and packages that the map names, in its order."""
    return re.findall(r"^    (?:\d\d  |    )(\w+)", course_utils.__doc__ or "", re.MULTILINE)


def modules() -> dict[str, ast.Module]:
    """Return the source of every module that has public names, by its name within the package, in the map's order."""
    paths = [
        path
        for room in rooms()
        for path in [PACKAGE / f"{room}.py", *sorted((PACKAGE / room).rglob("*.py"))]
        if path.is_file() and path.stem not in ("__init__", "__main__")
    ]
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts): _tree(path) for path in paths}


def equation(docstring: str) -> list[str]:
    """Return the lines of a docstring's equation, its second paragraph; none where that is a sentence or missing."""
    paragraphs = docstring.split("\n\n")
    lines = [line.strip() for line in paragraphs[1].splitlines()] if len(paragraphs) > 1 else []
    formula = lines and not lines[-1].endswith((".", ":")) and re.search("[=←≻∝]", " ".join(lines))
    return lines if formula and not re.match(r"[A-Z]\w+:$", lines[0]) else []


@cache
def lesson_of(module: str, name: str) -> str:
    """Return the number of the lesson that asks a question, or the first that uses a name, itself or in a lab."""
    found = [lesson.number for lesson in lessons.LESSONS if module.removeprefix("checks.questions.") in lesson.checks]
    sources = sorted(SOURCES.glob("[0-9]*.py"))
    direct = [path.stem[:2] for path in sources if (module, name) in _uses(path)]
    taught = re.search(rf"^    \d\d  {module.split('.')[0]} ", course_utils.__doc__ or "", re.MULTILINE)
    shown = [path.stem[:2] for path in sources if taught for lab in _labs(path) if (module, name) in _uses(lab)]
    return next((number for number in [*found, *direct, *shown] if number != "00"), (direct or [""])[0])


def page() -> str:
    """Return the reference page: for every module its public names, each with its equation and its lesson."""
    parts = [HEAD]
    for module, tree in modules().items():
        file = f"{module.replace('.', '/')}.py"
        said = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
        if module.startswith("checks.questions."):
            number = lesson_of(module, "QUESTION")
            parts.append(f"- [`{module}`]({file}): {said.replace(f'Lesson {number}', f'Lesson {_link(number)}', 1)}\n")
            continue
        rows = [
            f"| `{node.name}` | {_described(node)} | {_link(lesson_of(module, node.name))} |\n"
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        ]
        table = ["\n| name | equation, or what it does | lesson |\n|---|---|---|\n", *rows] if rows else []
        parts.append("".join([f"\n## [`{module}`]({file})\n\n{said}\n", *table]))
    return "".join(parts)


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    return 0


def _described(node: ast.FunctionDef | ast.ClassDef) -> str:
    """Return an equation in code, or the first sentence."""
    docstring = ast.get_docstring(node) or ""
    lines = [f"`{line}`" for line in equation(docstring)] or [" ".join(docstring.split("\n\n")[0].split())]
    return "<br>".join(lines).replace("|", r"\|")


def _link(number: str) -> str:
    """Return a lesson's number, as a link to its notebook."""
    notebook = next((lesson.notebook() for lesson in lessons.LESSONS if lesson.number == number), None)
    return f"[{number}](../notebooks/{notebook})" if notebook else number


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _labs(path: Path) -> list[Path]:
    """Return the files of the labs that a lesson's source shows."""
    homes = {module for module, _ in _uses(path) if module.startswith("widgets.")}
    return [PACKAGE / f"{home.replace('.', '/')}.py" for home in homes]


@cache
def _uses(path: Path) -> frozenset[tuple[str, str]]:
    """Return the pairs of module and name that a lesson's source uses; a lab's module is its own."""
    homes = {
        node.names[0].name: f"widgets.{node.module.rpartition('.')[2]}"
        for node in _tree(PACKAGE / "widgets" / "__init__.py").body
        if isinstance(node, ast.ImportFrom) and node.module
    }
    aliases: dict[str, str] = {}
    found = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course_utils"):
            within = (node.module or "").removeprefix("course_utils").lstrip(".")
            for alias in node.names:
                aliases[alias.asname or alias.name] = f"{within}.{alias.name}".lstrip(".")
                found.add((homes.get(alias.name, within), alias.name))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            found.add((aliases[node.value.id], node.attr))
    return frozenset(found)
