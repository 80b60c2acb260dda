"""What `import course_utils` takes beside `import numpy`, each in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import timing

CODE = "import time; start = time.process_time(); import {}; print(time.process_time() - start)"
FLOOR = ", ".join(
    f"course_utils.{name}" for name in ("policy", "returns", "objectives", "mdp", "rollout", "estimators")
)


def seconds(modules: str) -> float:
    """Return the processor time of an import in a fresh process."""
    return float(
        subprocess.run([sys.executable, "-I", "-c", CODE.format(modules)], check=True, capture_output=True).stdout
    )


def rows() -> Iterator[dict[str, Any]]:
    imported = {"ours": FLOOR, "import numpy": "numpy"}
    times: dict[str, list[float]] = {name: [] for name in imported}
    for n in range(-1, 7 if timing.QUICK else 25):
        for name, modules in imported.items():
            taken = seconds(modules)
            if n >= 0:  # the one before writes byte code
                times[name].append(taken)
    yield timing.measured("import", times)
