"""The numeric floor is quick to import and drags nothing heavy along."""

import subprocess
import sys
from statistics import median

import pytest

pytestmark = pytest.mark.long

FLOOR = (
    "course_utils.policy, course_utils.returns, course_utils.objectives, course_utils.mdp, course_utils.worlds, "
    "course_utils.rollout, course_utils.estimators"
)
ROUNDS = 9


def run(code):
    return subprocess.check_output([sys.executable, "-I", "-c", code], text=True, timeout=60)


TIMED = """
import time
start = time.process_time()
import numpy
numpy_alone = time.process_time() - start
import {modules}
print((time.process_time() - start) / numpy_alone)
"""


@pytest.mark.parametrize("modules", ["course_utils", FLOOR], ids=["package", "floor"])
def test_import_costs_at_most_1_3_times_numpy(modules):
    # Processor time, so that waiting for other programs does not count; both imports in one process, so that a slow
    # moment hits both; and the median of several processes.
    run(TIMED.format(modules=modules))  # writes the byte code
    assert median(float(run(TIMED.format(modules=modules))) for _ in range(ROUNDS)) <= 1.3


@pytest.mark.parametrize("modules", ["course_utils", FLOOR, "course_utils.checks"], ids=["package", "floor", "checks"])
def test_no_plotting_or_widgets_are_loaded(modules):
    loaded = run(f"import sys, {modules}; print(*sys.modules)").split()
    heavy = {"matplotlib", "ipywidgets", "anywidget", "IPython", "ziamath", "autograd", "scipy", "gymnasium"}
    assert heavy.isdisjoint(loaded)
    if modules == "course_utils":
        assert "numpy" not in loaded
