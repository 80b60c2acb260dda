"""What `make bench` has measured so far: build/bench.json, written after every row, so that an interrupt loses none."""

import hashlib
import json
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build" / "bench.json"
BEFORE = ROOT / "build" / "bench_before.json"
PACKAGES = ("numpy", "torch", "jax", "numba", "autograd", "stable-baselines3", "gymnasium", "matplotlib", "ipywidgets")
PACKAGES += ("nbgrader", "nbval")
Results = dict[str, Any]


def version(package: str) -> str | None:
    """Return an installed package's version; None where it is not there."""
    try:
        return metadata.version(package).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def machine() -> dict[str, Any]:
    """Return what the times depend on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "processor": model or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := version(name))},
    }


def code() -> str:
    """Return a digest of the code that is measured and of what measures it."""
    files = sorted([*(ROOT / "course_utils").rglob("*.py"), *(ROOT / "tests" / "bench").glob("*.py")])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def begin(quick: bool, out: Path = OUT, before: Path = BEFORE) -> Results:
    """Return the results to go on with: those of an interrupted run of this very code here, else none.

    What a whole run measured is kept beside, to be compared with.
    """
    new = {"machine": machine(), "code": code(), "quick": quick, "complete": False, "rows": {}, "failed": {}}
    old = load(out)
    if old and not old["complete"] and all(old[key] == new[key] for key in ("machine", "code", "quick")):
        return old | {"failed": {}}
    if old and old["complete"]:
        store(old, before)
    store(new, out)
    return new


def load(out: Path = OUT) -> Results:
    """Return the results in a file, nothing where there is none or it is broken."""
    try:
        found: Results = json.loads(out.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def store(results: Results, out: Path = OUT) -> None:
    """Write the results, all or nothing."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(".part")
    part.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(out)
