"""Every deliberate fault in faults.py makes at least one unit test fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults import FAULTS

import course_utils

TESTS = Path(__file__).parents[1]
PACKAGE = Path(course_utils.__file__).parent
FLOOR = [
    "__init__.py",
    "arguments.py",
    "policy.py",
    "returns.py",
    "objectives.py",
    "mdp.py",
    "rollout.py",
    "estimators.py",
    "training.py",
]
PASSED, FAILED = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def copy(tmp_path):
    """A copy of the numeric floor, to be spoiled."""
    (tmp_path / "course_utils").mkdir()
    for name in FLOOR:
        shutil.copy(PACKAGE / name, tmp_path / "course_utils" / name)
    return tmp_path / "course_utils"


def run_tests(copy, names):
    """Run unit tests on the copy; tests/conftest.py makes sure that it is the one imported."""
    environment = os.environ | {
        "COURSE_UTILS_COPY": str(copy),
        "COURSE_HYPOTHESIS_PROFILE": "mutants",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # none is needed, and loading them takes longer than the tests
        "PYTEST_ADDOPTS": "",
        "PYTHONPATH": str(copy.parent),
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *(str(TESTS / name) for name in names)],
        env=environment,
        cwd=copy.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_copy_passes_as_it_is(copy):
    names = sorted({name for fault in FAULTS for name in fault.tests})
    done = run_tests(copy, names)
    assert done.returncode == PASSED, done.stdout + done.stderr


def test_names_are_unique():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 24


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_noticed(fault, copy):
    module = copy / fault.module
    text = module.read_text(encoding="utf-8")
    assert text.count(fault.snippet) == 1, f"{fault.snippet!r} occurs {text.count(fault.snippet)} times"
    module.write_text(text.replace(fault.snippet, fault.replacement), encoding="utf-8")
    done = run_tests(copy, fault.tests)
    assert done.returncode == FAILED, f"{fault.misconception}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
