"""Binder, the dev container and GitHub Actions: files that parse, commands and versions that there are."""

import json
import os
import re
import stat
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from course_utils.build import __main__ as builder
from course_utils.build import install, lab, labextension, pages

ROOT = Path(__file__).parents[1]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


PYTHONS = SpecifierSet(tomllib.loads(text("pyproject.toml"))["project"]["requires-python"])
(JOBS,) = (yaml.safe_load(text(path))["jobs"] for path in (ROOT / ".github" / "workflows").glob("*.yml"))
CONTAINER = json.loads(text(".devcontainer/devcontainer.json"))
STEPS = [step for job in JOBS.values() for step in job["steps"]]
COMMANDS = [step["run"] for step in STEPS if "run" in step] + [CONTAINER["postCreateCommand"]]
COMMANDS += [line for line in text("postBuild").splitlines() if line.startswith("python ")]
TARGETS = set(re.findall(r"^([\w-]+):", text("Makefile"), re.MULTILINE))
BUILDER = text("course_utils/build/__main__.py")


# `sudo sysctl` is the machine's own, not the repository's.
@pytest.mark.parametrize("command", [command for command in COMMANDS if not command.startswith("sudo sysctl")])
def test_what_is_run_is_there(command):
    match command.split():
        case ["make", target]:
            assert target in TARGETS
        case ["python", "-m", "course_utils.build", name]:
            assert re.search(rf'add_parser\(\s*"{name}"', BUILDER)
        case [*_, file]:
            assert (ROOT / file).is_file()
            assert file.endswith(".py") or os.access(ROOT / file, os.X_OK)


def test_binder_finds_environment_and_what_runs_after_it():
    assert not any((ROOT / name).exists() for name in ("binder", ".binder")), "it would hide both"
    assert (ROOT / "environment.yml").is_file()
    assert (ROOT / "postBuild").stat().st_mode & stat.S_IXUSR
    assert "python -m course_utils.build jupyter" in COMMANDS


def test_that_command_puts_in_place_all_that_make_lab_does(monkeypatch):
    done = []
    for module, name in ((pages, "install"), (labextension, "install"), (install, "write_lab_settings")):
        monkeypatch.setattr(module, name, lambda *_, of=module: done.append(of))
    assert builder.main(["jupyter"]) == 0
    assert done == [pages, labextension, install]


def test_versions_of_python_are_supported():
    asked = [step["with"]["python-version"] for step in STEPS if "python-version" in step.get("with", {})]
    asked.append(re.fullmatch(r"python:([\d.]+)-\w+", CONTAINER["image"])[1])
    assert all(PYTHONS.contains(version) for version in asked)
    assert len(asked) > 1


def test_the_container_shows_the_port_that_jupyterlab_takes_and_the_courses_python():
    assert CONTAINER["forwardPorts"] == [lab.FIRST_PORT] == [int(port) for port in CONTAINER["portsAttributes"]]
    settings = CONTAINER["customizations"]["vscode"]["settings"]
    assert settings["python.defaultInterpreterPath"].endswith("/.venv/bin/python")


def test_pages_are_published_after_the_tests_and_from_where_they_are_built():
    assert [JOBS[name].get("needs") for name in ("tests", "site", "publish")] == [None, "tests", "site"]
    assert [step["run"] for step in JOBS["tests"]["steps"] if "run" in step][-1] == ".ci/run"
    (built,) = (step["with"]["path"] for step in JOBS["site"]["steps"] if "upload-pages" in step.get("uses", ""))
    assert built == "build/site"
    assert JOBS["publish"]["permissions"] == {"pages": "write", "id-token": "write"}
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in STEPS if "uses" in step)
