"""Lint, format and types, so that the one pytest call covers them; and how that call shares out its tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long


ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("command", ["ruff check .", "ruff format --check .", "mypy"])
def test_is_clean(command: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert run.returncode == 0, run.stdout


def test_the_makefile_keeps_files_together() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "PYTHONPATH=tests/plugins" in makefile
    assert "-p share_out" in makefile
    assert "-p solved_once" in makefile


def test_modules_come_first_then_what_is_said_of_them_then_what_is_slow(tmp_path: Path) -> None:
    order = """test_kernels test_policy test_objectives test_estimators test_rlhf_ppo test_clip_lab test_figures
        test_check_questions test_quiz notebooks/test_claims browser/test_pages mutants/test_faults"""
    files = [f"tests/{name}.py" for name in order.split()]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("def test_it(): pass\n" * (1 + ("clip" in name)))  # the largest is not the first
    (tmp_path / "tests/conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    (tmp_path / "pytest.ini").touch()
    ran = pytest_run(tmp_path, "-n", "1", "-v", "tests")
    assert re.findall(r"^\[gw0\].* (tests/\S+?\.py)::", ran, re.MULTILINE) == files


def pytest_run(folder: Path, *arguments: str) -> str:
    """Return the output of a run that passes, with the Makefile's plugin."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist", "-p", "share_out", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests/plugins"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    return run.stdout


# The first of the faults waits for the other worker to take one, in vain if they all belong to its own.
TESTS = """import os, time, pathlib, pytest
@pytest.mark.parametrize("i", range(8))
def test_it(i):
    if "mutants" in __file__:
        (pathlib.Path(__file__).parent / os.environ["PYTEST_XDIST_WORKER"]).touch()
        end = time.monotonic() + 30
        while i == 0 and len(list(pathlib.Path(__file__).parent.glob("gw*"))) < 2 and time.monotonic() < end:
            time.sleep(0.02)
"""


def test_a_file_stays_on_one_worker_and_faults_spread(tmp_path: Path) -> None:
    for name in ("tests/test_one.py", "tests/test_two.py", "tests/mutants/test_faults.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(TESTS)
    (tmp_path / "pytest.ini").touch()
    ran = pytest_run(tmp_path, "-n", "2", "-v", "tests")
    workers: dict[str, set[str]] = {}
    for worker, name in re.findall(r"^\[(gw\d)\].* (tests/\S+?\.py)::", ran, re.MULTILINE):
        workers.setdefault(name, set()).add(worker)
    assert {name: len(on) for name, on in workers.items() if "mutants" not in name} == {
        "tests/test_one.py": 1,
        "tests/test_two.py": 1,
    }
    assert len(workers["tests/mutants/test_faults.py"]) == 2
