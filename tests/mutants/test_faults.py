"""Every deliberate fault in faults.diff makes at least one unit test fail."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
from faults import FAULTS, read

import course_utils

TESTS = Path(__file__).parents[1]
PACKAGE = Path(course_utils.__file__).parent
if shutil.which("bwrap") is None and not os.environ.get("REQUIRE_SANDBOX"):  # the walls cannot be tried
    FAULTS = [fault for fault in FAULTS if not fault.module.startswith("grading/")]
NOTICING = sorted({name for fault in FAULTS for name in fault.tests})
BY_NAME = [name for name in NOTICING if "::" in name]
COPIES = [pytest.param([name], id=name) for name in NOTICING if "::" not in name]
COPIES += [pytest.param([*{name.partition("::")[0]: name for name in BY_NAME}.values()], id="one by name of each file")]
COPIES += [pytest.param(BY_NAME, id="all by name", marks=pytest.mark.slow)]
KEPT = ("rlhf", "checks", "grading", "widgets", "build", "__pycache__")
PASSED, FAILED = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def copy(tmp_path_factory):
    """A copy of what faults are in, to be spoiled: a file like that of PACKAGE is compiled already."""
    folder = tmp_path_factory.mktemp("copy")
    others = [path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name not in KEPT]
    shutil.copytree(PACKAGE, folder / "course_utils", ignore=lambda at, _: others if Path(at) == PACKAGE else [])
    shutil.copytree(PACKAGE.parent / "data", folder / "data")
    return folder / "course_utils"


@pytest.fixture(scope="session")
def forks():
    """A process that runs pytest in forks of itself: the libraries are imported once and not for each fault."""
    environment = os.environ | {
        "OPENBLAS_NUM_THREADS": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "",
    }
    command = [sys.executable, str(Path(__file__).with_name("forked_pytest.py"))]
    with subprocess.Popen(command, env=environment, stdin=PIPE, stdout=PIPE, text=True) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def run_tests(forks, copy, tmp_path):
    """Run unit tests on the copy, return exit code and output; tests/conftest.py makes sure which one is imported.

    Of a whole file those that are quick: a long one that is to notice is named.
    """

    def run(names):
        output = tmp_path / "output.txt"
        marked = "not slow" if any("::" in name for name in names) else "not slow and not long"
        arguments = [
            "-x",
            "-q",
            "--tb=line",
            "-p",
            "no:cacheprovider",
            "-m",
            marked,
            *(str(TESTS / at) for at in names),
        ]
        environment = {"COURSE_UTILS_COPY": str(copy), "COURSE_HYPOTHESIS_PROFILE": "mutants"}
        job = {"arguments": arguments, "environment": environment, "path": str(copy.parent), "output": str(output)}
        print(json.dumps(job | {"seconds": 120}), file=forks.stdin, flush=True)
        return int(forks.stdout.readline()), output.read_text(encoding="utf-8")[-4000:]

    return run


@pytest.mark.parametrize("names", COPIES)
def test_the_copy_passes_as_it_is(names, run_tests):
    code, output = run_tests(names)
    assert code == PASSED, output


def test_names_are_unique():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 24


def test_a_line_that_belongs_to_no_fault_is_an_error():
    with pytest.raises(ValueError, match="' shifted = z' is no part of a fault"):
        read("@@ kernels.py: test_policy.py\n# name: why\n-z\n shifted = z\n")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_noticed(fault, copy, run_tests):
    module = copy / fault.module
    text = module.read_text(encoding="utf-8")
    assert text.count(fault.snippet) == 1, f"{fault.snippet!r} occurs {text.count(fault.snippet)} times"
    module.write_text(text.replace(fault.snippet, fault.replacement), encoding="utf-8")
    try:
        code, output = run_tests(fault.tests)
    finally:
        shutil.copy2(PACKAGE / fault.module, module)
    assert code == FAILED, f"{fault.misconception}\n{output}"
