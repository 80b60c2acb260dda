"""JupyterLite without its Python: the wheel, what it brings, the notebooks, imports without what Pyodide lacks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_utils.build import lite

pytestmark = pytest.mark.long

# What a lesson imports, and no module beyond it; what Pyodide does not have ends as it would there.
IMPORTS = """
import importlib, pkgutil, sys

class Browser:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in [name for name in sys.modules if name.partition(".")[0] in ABSENT]:
    del sys.modules[name]
sys.meta_path.insert(0, Browser())
import course_utils
rooms = [m.name for m in pkgutil.walk_packages(course_utils.__path__, "course_utils.") if not m.name.startswith(LEFT)]
for name in rooms:
    importlib.import_module(name)
print(len(rooms), sorted({name.partition(".")[0] for name in sys.modules}))
"""
# These serve, grade and build; and a grader's copy of one module is no package's.
LEFT = ("course_utils.build", "course_utils.grading", "course_utils.checks.probe_environment")
LEFT += ("course_utils.rlhf.transformer",)  # PyTorch, which lesson 14 does without


def test_the_package_imports_without_what_pyodide_lacks() -> None:
    code = f"ABSENT, LEFT = {lite.ABSENT!r}, {LEFT!r}\n{IMPORTS}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    count, names = run.stdout.split(" ", 1)
    assert int(count) > 80
    assert not lite.ABSENT & set(json.loads(names.replace("'", '"')))


def test_the_wheel_asks_for_what_a_browser_can_have(tmp_path: Path) -> None:
    wheel = zipfile.ZipFile(lite.course_wheel(tmp_path / "wheels"))
    names = wheel.namelist()
    about = Parser().parsestr(wheel.read(next(n for n in names if n.endswith("/METADATA"))).decode())
    asked = {canonicalize_name(Requirement(line).name) for line in about.get_all("Requires-Dist", [])}
    brought = {re.split("==", pin)[0] for pin in lite.to_bring()}
    assert asked <= lite.IN_PYODIDE | brought
    assert {"numpy", "ipywidgets", "filelock"} <= asked
    assert not asked & lite.SERVER_ONLY
    assert about.get_all("Provides-Extra") is None
    assert {"course_utils/policy.py", "course_utils/data/quizzes/08.json", "course_utils/widgets/lab.js"} <= set(names)


def test_each_notebook_installs_the_course_first(tmp_path: Path) -> None:
    names = lite.contents(tmp_path)
    assert {"08_advantage_objective.ipynb", "problem_sets/build.py", "problem_sets/ps1.ipynb"} <= set(names)
    for name in (name for name in names if name.endswith(".ipynb")):
        notebook = nbformat.read(tmp_path / name, as_version=4)
        nbformat.validate(notebook)
        assert notebook.cells[0].source == lite.FIRST
        assert notebook.metadata.kernelspec.name == "python"


@pytest.mark.slow  # it installs JupyterLite and fetches wheels: 30 MB and a network
def test_the_build_lists_its_notebooks_and_holds_the_extension(tmp_path: Path) -> None:
    lite.build(tmp_path / "lite")
    listed = json.loads((tmp_path / "lite/api/contents/all.json").read_text())["content"]
    assert {"00_start_here.ipynb", "problem_sets"} <= {entry["name"] for entry in listed}
    wheels = json.loads((tmp_path / "lite/pypi/all.json").read_text())
    assert set(wheels) == {lite.COURSE, *(pin.partition("==")[0] for pin in lite.to_bring())}
    config = json.loads((tmp_path / "lite/jupyter-lite.json").read_text())["jupyter-config-data"]
    assert {lite.COURSE, *lite.EXTENSIONS} <= {extension["name"] for extension in config["federated_extensions"]}
