"""The Advantage Lab and interact under a real drag in one JupyterLab, by tests/browser/measure_drag.py, in turn."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import timing

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))


def rows() -> Iterator[dict[str, Any]]:
    if timing.peer("playwright") is None or (executable := browser()) is None:
        yield {"id": "drag", "ours": float("nan"), "peers": {name: {"missing": True} for name in ("interact", "event")},
               "rounds": 0, "note": ""}  # fmt: skip
        return
    import jupyterlab_page
    import measure_drag

    with (
        tempfile.TemporaryDirectory() as folder,
        jupyterlab_page.chromium(executable) as opened,
        jupyterlab_page.JupyterLabServer(Path(folder)) as server,
    ):
        notebook = jupyterlab_page.JupyterLabPage(opened, server)
        cells = [measure_drag.LAB_CELL, measure_drag.INTERACT_CELL]
        notebook.open(server.write_notebook("drag.ipynb", cells))
        notebook.run_all()
        seconds, rounds = (1.5, 1) if timing.QUICK else (2.0, 7)
        drags = [measure_drag.measure(notebook, seconds) for _ in range(rounds)]
        notebook.close()
    times = {
        "ours": [1 / lab.updates_per_second for lab, _ in drags],
        "interact": [interact.seconds / max(interact.updates, 1) for _, interact in drags],
        "event": [lab.seconds / lab.events for lab, _ in drags],
    }
    lab, interact = drags[-1]
    note = f"{lab.updates_per_second:.0f} updates a second for {lab.events / lab.seconds:.0f} events, "
    yield timing.measured("drag", times, note=note + f"interact {interact.updates_per_second:.1f}")


def browser() -> Any:
    import jupyterlab_page

    return jupyterlab_page.find_chromium()
