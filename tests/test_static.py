"""Lint, format and types, so that the one pytest call covers them; and how that call shares out its tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_a_file_stays_on_one_worker_and_faults_spread(tmp_path: Path) -> None:
    # Long enough that a worker which is held up for a moment still gets its share.
    body = "import time, pytest\n@pytest.mark.parametrize('i', range(8))\ndef test_it(i):\n    time.sleep(0.3)\n"
    for name in ("tests/test_one.py", "tests/test_two.py", "tests/mutants/test_faults.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(body)
    (tmp_path / "pytest.ini").touch()
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "share_out", "-n", "2", "-v", "tests"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests/plugins")},
        stdout=subprocess.PIPE,
        text=True,
    )
    workers: dict[str, set[str]] = {}
    for worker, name in re.findall(r"^\[(gw\d)\].* (tests/\S+?\.py)::", run.stdout, re.MULTILINE):
        workers.setdefault(name, set()).add(worker)
    assert run.returncode == 0, run.stdout
    assert {name: len(on) for name, on in workers.items() if "mutants" not in name} == {
        "tests/test_one.py": 1,
        "tests/test_two.py": 1,
    }
    assert len(workers["tests/mutants/test_faults.py"]) == 2
