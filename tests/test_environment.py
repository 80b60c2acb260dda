"""pyproject.toml, environment.yml and constraints.txt agree with each other and with what the code imports."""

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
    "jupyter-server-mathjax": ("course_utils/grading/nbgrader_templates/formgrade/mathjax.html.j2", "server_mathjax/"),
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


def requirements(*groups):
    """Name and bounds of every requirement but the course itself."""
    parsed = [Requirement(line) for group in groups for line in group]
    return {canonicalize_name(r.name): r.specifier for r in parsed if r.name != PROJECT["name"]}


RUNTIME = requirements(PROJECT["dependencies"])
BUILD = RUNTIME | requirements(*(EXTRAS[name] for name in ("build", "grading", "real", "site", "slides")))
EVERYTHING = BUILD | requirements(EXTRAS["test"])
PINNED = {canonicalize_name(r.name): r.specifier for r in CONSTRAINTS}
ENVIRONMENT = (ROOT / "environment.yml").read_text(encoding="utf-8")
OWNERS = metadata.packages_distributions()


def imported_names(*folders):
    """Every module that the files under these folders import, with one file that does."""
    found = {}
    for file in [f for folder in folders for f in sorted((ROOT / folder).rglob("*.py"))]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            found |= {name.partition(".")[0]: file.relative_to(ROOT).as_posix() for name in names}
    return found


def owners(module):
    return {canonicalize_name(owner) for owner in OWNERS.get(module, [])}


def test_environment_yml_asks_for_what_learners_need_and_nbval():
    *conda, pip = yaml.safe_load(ENVIRONMENT)["dependencies"]
    assert pip["pip"][-1] == "-e ."
    asked = {r.name: r.specifier for r in map(Requirement, conda) if r.name != "pip"}
    assert asked.pop("python") == SpecifierSet(PROJECT["requires-python"] + ",<3.15")
    to_pypi = {conda_name: name for name, conda_name in constraints.CONDA_NAMES.items()}
    both = {to_pypi.get(name, name): bounds for name, bounds in asked.items()}
    assert both | requirements(pip["pip"][:-1]) == RUNTIME | {"nbval": EVERYTHING["nbval"]}


def test_environment_yml_is_up_to_date():
    assert constraints.environment_yml() == ENVIRONMENT


def test_every_dependency_is_pinned_within_its_bounds():
    assert len(PINNED) == len(CONSTRAINTS), "a package is pinned twice"
    for name, bounds in (EVERYTHING | requirements(EXTRAS["lite"])).items():
        assert name in PINNED, f"{name} is missing in constraints.txt: run make constraints"
        [pin] = PINNED[name]
        assert pin.operator == "==", name
        assert bounds.contains(pin.version), f"{name}: {pin.version} is outside {bounds}: run make constraints"


def test_what_the_dependencies_need_is_pinned_too():
    waiting, seen = {(canonicalize_name(name), "") for name in EVERYTHING}, set()
    while waiting:
        name, extra = waiting.pop()
        seen.add((name, extra))
        assert name in PINNED, f"{name} is missing in constraints.txt: run make constraints"
        for need in map(Requirement, metadata.requires(name) or []):
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                waiting |= {(canonicalize_name(need.name), e) for e in ("", *need.extras)} - seen
    assert len(seen) > 80


def test_supported_pythons_agree():
    assert SpecifierSet(PROJECT["requires-python"]) == SpecifierSet(f">={install.dotted(install.OLDEST)}")
    assert constraints.PYTHONS[0] == install.dotted(install.OLDEST)
    assert constraints.PYTHONS[-1] == install.dotted(install.NEWEST)


def test_every_third_party_import_of_the_package_is_declared():
    declared = {*BUILD, "playwright"}  # the last to measure slides, where it is there
    for module, file in imported_names("course_utils", "notebooks/src").items():
        if module not in {*sys.stdlib_module_names, "course_utils", "build", *MOUNTED}:
            assert owners(module) & declared, f"{file} imports {module}, which pyproject.toml does not ask for"


def test_every_dependency_is_used():
    used = set().union(*map(owners, imported_names("course_utils", "tests", "notebooks/src")))
    assert EVERYTHING.keys() - COMMANDS.keys() <= used
    for name, (file, text) in COMMANDS.items():
        assert text in (ROOT / file).read_text(encoding="utf-8"), f"{name} is not used in {file}"


def text_files():
    at_top = {"build", "dist", "node_modules"}  # of git's ignored folders, those without a dot
    for folder, folders, names in os.walk(ROOT):
        skipped = (at_top if Path(folder) == ROOT else set()) | {"__pycache__"}
        kept = [name for name in folders if name not in skipped and not name.endswith(".egg-info")]
        folders[:] = [name for name in kept if not name.startswith(".") or name == ".ci"]
        yield from (Path(folder) / name for name in names)


# Written in pieces, so that this file does not match itself.
REGISTRIES = "|".join(["py" + "pi", "python" + "hosted", "npm" + "js", "/sim" + "ple", r"conda\." + "anaconda"])
FOLDERS = "|".join(["ro" + "ot", r"ho" + r"me/\w+", "wo" + "rk", r"Us" + r"ers/\w+", "opt/py" + "pi"])
FORBIDDEN = {  # with an example
    "registry": (rf"https?://[^\s\"'<>)]*(?:{REGISTRIES})", "see https://" + "py" + "pi.org/project/x"),
    "index": (r"--(?:extra-)?index" + r"-url[= ]https?:", "pip install --index" + "-url http://127.0.0.1/x"),
    "path": (rf"(?<![\w./~$}}])/(?:{FOLDERS})/\w|[A-Z]:\\+Us" + r"ers\\", "File /ro" + "ot/course/x.py"),
}


@pytest.mark.parametrize(("pattern", "example"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_no_committed_file_names_a_registry_an_index_or_a_path_of_one_machine(pattern, example):
    assert re.search(pattern, example)
    texts = {file: file.read_bytes().decode(errors="ignore") for file in text_files()}
    assert [(file, match[0]) for file, text in texts.items() for match in re.finditer(pattern, text)] == []
