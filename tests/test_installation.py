"""The check of the installation says what is missing."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from course_utils import data_files, installation, lessons


def test_nothing_is_missing_here_and_a_missing_package_and_a_wrong_version_are_named():
    assert installation.report() == "Everything that the course needs is installed."
    missing, old = installation.problems(["no-such-package-xyz>=1", "numpy>=99", 'windows-only; extra == "test"'])
    assert missing == "no-such-package-xyz is missing; the course needs no-such-package-xyz>=1."
    assert re.fullmatch("numpy has version .*the course needs numpy>=99.", old)


def test_without_an_installation_the_repository_tells_what_is_needed(monkeypatch):
    def not_installed(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", not_installed)
    assert installation.report() == "Everything that the course needs is installed."
    monkeypatch.setattr(lessons, "REPOSITORY", Path("nowhere"))
    assert installation.report().startswith("The course is not installed, so it is not known")


def test_missing_data_and_a_missing_checker_are_told(monkeypatch):
    monkeypatch.setattr(data_files, "DATA", Path("nowhere"))
    assert "The course's data is missing: there is no folder nowhere." in installation.report()
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    assert "packaging is missing" in installation.report()


@pytest.mark.install
def test_a_plain_installation_has_its_data_and_says_where_the_notebooks_are(tmp_path):
    """As after `pip install .`: the wheel, unpacked away from the repository, in a Python that has what it needs."""
    source, there = tmp_path / "source", tmp_path / "there"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "course_utils", "data"):
        (source / name).symlink_to(Path(__file__).parents[1] / name)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(there), str(source)], check=True, timeout=300)

    def run(*command):
        # -P: not from the current folder. The environment's own course is in its site-packages, which come later.
        options = {"cwd": tmp_path, "env": {"PYTHONPATH": str(there), "HOME": str(tmp_path), "PATH": ""}}
        return subprocess.run([sys.executable, "-P", *command], **options, capture_output=True, text=True, timeout=120)

    told = run("-c", PLAIN)
    assert told.stderr == ""
    assert told.stdout.splitlines() == [
        str(there / "course_utils"),
        "Everything that the course needs is installed.",
        "The notebooks are not in this folder: they are in the course's repository.",
        "correct 24 200",
    ]
    assert (tmp_path / ".policy-gradient-course" / "progress.json").is_file()
    lab = run("-m", "course_utils.build", "lab", "--no-browser")
    assert lab.returncode == 1
    assert lab.stderr.count("\n") == 1
    assert "the course's repository" in lab.stderr


PLAIN = """
import pathlib
import course_utils
from course_utils import installation, policy
from course_utils.checks import check
from course_utils.rlhf import reward_model, world
from course_utils.widgets.course_map import CourseMap
from course_utils.widgets.quiz import Quiz, names
print(pathlib.Path(course_utils.__file__).parent)
print(installation.report())
shown = CourseMap()
assert {row["state"] for row in shown.lessons} == {"here", "new"}, shown
print(shown.suggestion["text"])
made = world.load()
pairs = reward_model.read_pairs(world.DATA / "preferences.jsonl", made)
print(check("softmax", policy.softmax).status, len(made.prompts), len(pairs.chosen.prompts))
for name in names():
    Quiz(name)
"""
