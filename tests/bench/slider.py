"""From a slider's new value to a new picture, as far as the kernel works for it: the Advantage Lab beside interact.

Both are moved in one real kernel, in turn. The lab takes the trait, computes, and sends what the page draws from;
interact draws with matplotlib and sends the picture, as PNG or as SVG. What the page takes is no part of it.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import timing

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

CELL = """
import time
import numpy as np
from IPython.display import display
from course_utils.widgets import AdvantageLab
lab = AdvantageLab(advantages=[1.5, 0.5, -1.0])
widget = ipywidgets.interactive(draw, advantage=ipywidgets.FloatSlider(value=1.5, min=-3, max=3, step=0.01))
display(widget)

def ours(value):
    lab.set_state({"advantages": [value, 0.5, -1.0]})

def interact(value):
    widget.children[0].value = value

def seconds(move, values):
    start = time.process_time()
    for value in values:
        move(value)
    return (time.process_time() - start) / len(values)

A, before = np.array([-2.0, 0.5, -1.0]), np.ones(3) / 3
ours(-2.0)
assert np.allclose(lab.probabilities_after, softmax(before * (A - before @ A)), atol=1e-12)
assert lab.advantages == [-2.0, 0.5, -1.0]
"""
ROUND = """
from IPython import get_ipython
times = {{"ours": seconds(ours, [{n} / 100 + i / 1000 for i in range(200)])}}
for name in ("png", "svg"):
    get_ipython().run_line_magic("config", f"InlineBackend.figure_formats = ['{{name}}']")
    times[name] = seconds(interact, [{n} / 100 - 0.5 * i for i in range(1, 4)])
times
"""


def rows() -> Iterator[dict[str, Any]]:
    if timing.peer("jupyter_client") is None:
        yield timing.measured("slider", {"ours": [float("nan")]}, ["interact, PNG", "interact, SVG"])
        return
    import measure_drag
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", stderr=subprocess.DEVNULL)
    try:
        drawing, _, _ = measure_drag.INTERACT_CELL.rpartition("\nipywidgets.interact(")
        said(client, drawing)
        said(client, CELL)
        times: dict[str, list[float]] = {"ours": [], "interact, PNG": [], "interact, SVG": []}
        for n in range(-1, 3 if timing.QUICK else 12 // timing.PROCESSES):
            found = ast.literal_eval(said(client, ROUND.format(n=n)))
            if n >= 0:  # the first finds fonts
                for name, taken in zip(times, found.values(), strict=True):
                    times[name].append(taken)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    yield timing.measured("slider", times)


def said(client: Any, code: str) -> str:
    """Run a cell and return its result as text; its error is raised."""
    found: list[str] = []

    def heard(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "error":
            raise RuntimeError("\n".join(content["traceback"]))
        if message["msg_type"] == "execute_result":
            found.append(content["data"]["text/plain"])

    client.execute_interactive(code, timeout=120, output_hook=heard)
    return found[-1] if found else ""
