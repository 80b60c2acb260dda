"""pyproject.toml, environment.yml and constraints.txt agree with each other and with what the code imports."""

from __future__ import annotations

import ast
import os
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from course_utils.build import constraints, install
from course_utils.grading import sandbox

pytestmark = pytest.mark.long


ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONSTRAINTS = [
    Requirement(line)
    for line in (ROOT / "course_utils/build/constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
# Run by name and never imported; the text shows where.
MOUNTED = {Path(name).stem for name in sandbox.OWN_FILES}  # modules that a worker of the grader finds without a package
COMMANDS = {
    "jupyter-server-mathjax": (
        "course_utils/grading/nbgrader_templates/formgrade/mathjax.html.j2",
        "/jupyter_server_mathjax/",
    ),
    "nbval": ("Makefile", "--nbval"),
    "notebook": ("tests/browser/test_notebook_states.py", '"notebooks"'),
    "django-static-mathjax": ("course_utils/build/slides.py", '"mathjax"'),
    "sphinx-revealjs": ("course_utils/build/slides.py", '"sphinx_revealjs"'),
    "pytest-rerunfailures": ("tests/conftest.py", "pytest.mark.flaky"),
    "ruff": ("Makefile", "-m ruff check"),
    "mypy": ("Makefile", "-m mypy"),
    "furo": ("course_utils/build/site.py", '"html_theme": "furo"'),
    "myst-nb": ("course_utils/build/site.py", '"myst_nb"'),
    "psycopg2-binary": ("tests/test_grading_gradebook.py", "psycopg2"),
}


def requirements(*groups: list[str]) -> dict[str, SpecifierSet]:
    """Name and bounds of every requirement but the course itself."""
    parsed = [Requirement(line) for group in groups for line in group]
    return {canonicalize_name(r.name): r.specifier for r in parsed if r.name != PROJECT["name"]}


RUNTIME = requirements(PROJECT["dependencies"])
BUILD = RUNTIME | requirements(*(EXTRAS[name] for name in ("build", "grading", "real", "site", "slides")))
EVERYTHING = BUILD | requirements(EXTRAS["test"])


def imported_names(*folders: str) -> dict[str, str]:
    """Every module that the files under these folders import, with one file that does."""
    found = {}
    for file in [f for folder in folders for f in sorted((ROOT / folder).rglob("*.py"))]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            else:
                continue
            found.update({name.partition(".")[0]: file.relative_to(ROOT).as_posix() for name in names})
    return found


def test_environment_yml_asks_for_what_learners_need_and_nbval() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    assert pip["pip"][-1] == "-e ."
    conda_lines = [Requirement(line) for line in conda]
    asked = {r.name: r.specifier for r in conda_lines if r.name != "pip"}
    assert asked.pop("python") == SpecifierSet(PROJECT["requires-python"] + ",<3.15")
    to_pypi = {conda_name: name for name, conda_name in constraints.CONDA_NAMES.items()}
    both = {to_pypi.get(name, name): bounds for name, bounds in asked.items()}
    both |= requirements(pip["pip"][:-1])
    assert both == RUNTIME | {"nbval": EVERYTHING["nbval"]}


def test_environment_yml_is_up_to_date() -> None:
    assert (ROOT / "environment.yml").read_text(encoding="utf-8") == constraints.environment_yml()


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    pinned = {canonicalize_name(r.name): r for r in CONSTRAINTS}
    assert len(pinned) == len(CONSTRAINTS), "a package is pinned twice"
    for name, bounds in (EVERYTHING | requirements(EXTRAS["lite"])).items():
        assert name in pinned, f"{name} is missing in constraints.txt: run make constraints"
        [pin] = pinned[name].specifier
        assert pin.operator == "==", name
        assert bounds.contains(pin.version), f"{name}: {pin.version} is outside {bounds}: run make constraints"


def test_what_the_dependencies_need_is_pinned_too() -> None:
    pinned = {canonicalize_name(r.name): r.specifier for r in CONSTRAINTS}
    waiting, seen = [(canonicalize_name(name), "") for name in EVERYTHING], set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        assert name in pinned, f"{name} is missing in constraints.txt: run make constraints"
        for line in metadata.requires(name) or []:
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(need.name), e) for e in ("", *need.extras)]
    assert len(seen) > 80


def test_supported_pythons_agree() -> None:
    assert SpecifierSet(PROJECT["requires-python"]) == SpecifierSet(f">={install.dotted(install.OLDEST)}")
    assert constraints.PYTHONS[0] == install.dotted(install.OLDEST)
    assert constraints.PYTHONS[-1] == install.dotted(install.NEWEST)


def test_every_third_party_import_of_the_package_is_declared() -> None:
    owners = metadata.packages_distributions()
    declared = {*BUILD, "playwright"}  # the last to measure slides, where it is there
    for module, file in imported_names("course_utils", "notebooks/src").items():
        if module in sys.stdlib_module_names or module in {"course_utils", "build", *MOUNTED}:
            continue
        names = {canonicalize_name(owner) for owner in owners.get(module, [])}
        assert names & declared, f"{file} imports {module}, which pyproject.toml does not ask for"


def test_every_dependency_is_used() -> None:
    owners = metadata.packages_distributions()
    used = {
        canonicalize_name(owner)
        for module in imported_names("course_utils", "tests", "notebooks/src")
        for owner in owners.get(module, [])
    }
    for name in EVERYTHING:
        if name in COMMANDS:
            file, text = COMMANDS[name]
            assert text in (ROOT / file).read_text(encoding="utf-8"), f"{name} is not used in {file}"
        else:
            assert name in used, f"nothing imports {name}"


def text_files() -> list[Path]:
    skipped = {"build", "dist", "node_modules"}  # of git's ignored folders, those without a dot
    files = []
    for folder, folders, names in os.walk(ROOT):
        at_top = Path(folder) == ROOT
        folders[:] = [
            name
            for name in folders
            if (not name.startswith(".") or name == ".ci")
            and not name.endswith(".egg-info")
            and name != "__pycache__"
            and not (at_top and name in skipped)
        ]
        files += [Path(folder) / name for name in names]
    return files


# Written in pieces, so that this file does not match itself.
REGISTRIES = "|".join(["py" + "pi", "python" + "hosted", "npm" + "js", "/sim" + "ple", r"conda\." + "anaconda"])
FOLDERS = "|".join(["ro" + "ot", r"ho" + r"me/\w+", "wo" + "rk", r"Us" + r"ers/\w+", "opt/py" + "pi"])
FORBIDDEN = {
    "a package registry's address": rf"https?://[^\s\"'<>)]*(?:{REGISTRIES})",
    "an index option": r"--(?:extra-)?index" + r"-url[= ]https?:",
    "a path of one machine": rf"(?<![\w./~$}}])/(?:{FOLDERS})/\w|[A-Z]:\\+Us" + r"ers\\",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_committed_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for file in text_files():
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{file.relative_to(ROOT)}: {match.group()}" for match in pattern.finditer(text)]
    assert not found, f"{what}: {found[:5]}"


def test_the_search_for_forbidden_text_finds_it() -> None:
    examples = {
        "a package registry's address": "see https://" + "py" + "pi.org/project/x",
        "an index option": "pip install --index" + "-url http://127.0.0.1/x",
        "a path of one machine": "File /ro" + "ot/course/x.py",
    }
    for what, text in examples.items():
        assert re.search(FORBIDDEN[what], text), what
