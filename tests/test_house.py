"""The package as its source shows it: who imports whom, what is public, and the map and the page that say so."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

from course_utils.build import reference

PACKAGE = Path(__file__).parents[1] / "course_utils"
SOURCES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}
CONTRIBUTING = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
every_module = pytest.mark.parametrize("module", SOURCES)

# Each room may use what stands before it, and its own modules.
ROOMS = (
    *("arguments", "data_files", "json_schema", "misconceptions", "lessons", "progress", "installation"),
    *("stored_outputs", "progress_bar", "kernels", "policy", "returns", "objectives", "group_advantages"),
    *("mdp", "worlds", "rollout", "estimators", "training", "learning_curves", "rlhf"),
    *("figures", "diagrams", "checks", "widgets", "grading", "build"),
)
NAMED_TUPLES_HAVE = {"_replace", "_asdict", "_fields"}  # underscored, so that fields may have any name


DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
BY_NAME = ("getattr", "setattr", "hasattr")


def own_names(tree):
    """What a module defines or binds, at any depth."""
    nodes = list(ast.walk(tree))
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return bound | {node.name for node in nodes if isinstance(node, DEFINITION)}


def imports(tree):
    """(module, name or None) of every import, also of those in functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


def used(module):
    """The package's modules that a module imports."""
    named = [(where, f"{where}.{name}") for where, name in imports(TREES[module]) if where in SOURCES]
    return {full if full in SOURCES else where for where, full in named} - {module}


def room(module):
    return [*module.split("."), ""][1]


def foreign_private_names(tree):
    """Private names that a module takes from another one, or from a class of another one."""
    nodes = list(ast.walk(tree))
    own = own_names(tree)
    own |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    taken = {part for module, name in imports(tree) for part in (name or "", *module.split("."))}
    taken |= {node.attr for node in nodes if isinstance(node, ast.Attribute)} - own - NAMED_TUPLES_HAVE
    calls = [node.args[1] for node in nodes if getattr(getattr(node, "func", None), "id", "") in BY_NAME]
    taken |= {given.value for given in calls if isinstance(given, ast.Constant)} - own
    private = {name for name in taken if name.startswith("_") and not name.endswith("__")}
    return private - {"_thread", "_getframe", "_exit"}  # Python's own, and documented


@every_module
def test_no_module_takes_a_private_name_of_another(module):
    assert not foreign_private_names(TREES[module])


@pytest.mark.parametrize(
    ("code", "taken"),
    [
        ("from course_utils.training import _bar", {"_bar"}),
        ("import course_utils._secret", {"_secret"}),
        ("def f(lab): return lab._css", {"_css"}),
        ("class A(B):\n    def f(self): return self._of_b", {"_of_b"}),
        ("getattr(x, '_y')", {"_y"}),
        ("class A:\n    def __init__(self): self._x = 1\n    def f(self): return self._x", set()),
        ("async def _g(): pass\nclass A:\n    async def _h(self): await self._h()", set()),
        ("from __future__ import annotations\nx.__name__\nrow._replace(a=1)", set()),
    ],
)
def test_what_counts_as_private(code, taken):
    assert foreign_private_names(ast.parse(code)) == taken


def test_no_import_goes_in_a_circle():
    list(graphlib.TopologicalSorter({module: used(module) for module in SOURCES}).static_order())


@every_module
def test_imports_point_one_way(module):
    here = room(module)
    for other in used(module) - {"course_utils"}:
        if room(other) != here:
            assert ROOMS.index(room(other)) < ROOMS.index(here), f"{module} imports {other}"


def public(tree):
    """The functions and classes that a module defines for others."""
    return [node for node in tree.body if isinstance(node, DEFINITION) and not node.name.startswith("_")]


def listed(tree):
    """What stands in __all__, which there must be."""
    told = [node.value for node in tree.body if re.match(r"__all__(: \S+)? \+?= ", ast.unparse(node))]
    assert told, "there is no __all__"
    return [name for value in told for name in ast.literal_eval(value)]


@every_module
def test_all_lists_what_is_public_and_nothing_else(module):
    tree = TREES[module]
    names = {node.name for node in public(tree)}
    if SOURCES[module].name == "__init__.py":
        used_here = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {name for where, name in imports(tree) if where.startswith("course_utils")} - used_here
    if module.startswith("course_utils.checks.questions."):
        names = {"QUESTION"}
    if module.startswith("course_utils.grading.sets."):
        names = {"PROBLEM_SET"} if listed(tree) else set()
    if module == "course_utils.grading.bank_formulas":
        names = {"FORMULAS"}
    if module.startswith("course_utils.checks.stages.build_"):
        names = {"STAGE", *(set(listed(tree)) & names)}
    assert sorted(listed(tree)) == sorted(names)
    assert [node.name for node in public(tree) if not ast.get_docstring(node)] == []


def test_the_map_names_every_module_once():
    assert sorted(reference.rooms()) == sorted({room(module) for module in SOURCES} - {""})


def test_the_reference_page_is_that_of_the_docstrings():
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), "run python -m course_utils.build reference"


@pytest.mark.parametrize(
    ("docstring", "lines"),
    [
        ("Return x.\n\nx = 1\ny = 2\n\nArgs:\n    a: b = c", ["x = 1", "y = 2"]),
        ("Return x.\n\nIt is = to y, as a sentence says.", []),
        ("Return x.\n\nArgs:\n    a: b = c", []),
        ("Return x = 1.", []),
    ],
)
def test_the_equation_of_a_docstring(docstring, lines):
    assert reference.equation(docstring) == lines


def test_lessons_are_those_that_teach():
    assert [reference.lesson_of("policy", "score"), reference.lesson_of("worlds", "icy_path")] == ["02", "07"]
    assert reference.lesson_of("widgets.advantage_lab", "AdvantageLab") == "08"
    assert reference.lesson_of("widgets.course_map", "CourseMap") == "00"
    assert reference.lesson_of("checks.questions.whiten", "QUESTION") == "07"
    assert reference.lesson_of("arguments", "floats") == ""


def test_the_walks_in_contributing_go_through_names_that_exist():
    walks = CONTRIBUTING.split("## Two walks through the code")[1].split("\n## ")[0].replace("`lab.advantages = ", "")
    homes = {full.split(".")[-1]: own_names(tree) for full, tree in TREES.items()}
    named = [pair for pair in re.findall(r"`([a-z_]+)\.([A-Za-z_]+)\b", walks) if pair[0] in homes and pair[1] != "py"]
    assert len(named) > 20
    assert [f"{module}.{name}" for module, name in named if name not in homes[module]] == []


def test_contributing_names_files_that_exist():
    root = PACKAGE.parent
    folders = [path.as_posix() for folder in ("course_utils", "data", "tests") for path in (root / folder).rglob("*.*")]
    there = [*folders, *(path.as_posix() for path in root.glob("*.*"))]
    named = re.findall(r"`((?!\S*(?:NN|NAME))[\w/]+\.(?:py|js|css|json|toml|txt|yml))`", CONTRIBUTING)
    assert len(named) > 40
    assert [name for name in named if not any(path.endswith(f"/{name}") for path in there)] == []
