"""Run the suite as other processors would: other kernels of OpenBLAS, and NumPy without its dispatched features.

    python tests/processors.py [PYTEST ARGUMENT …]

A processor's last bits are its own: which instructions add and multiply decides how a sum is rounded. OpenBLAS chooses
its kernels by OPENBLAS_CORETYPE and NumPy its loops by NPY_DISABLE_CPU_FEATURES, so one machine can stand in for older
ones. What it cannot run is named and left out. Tests in a browser and the deliberate faults do not depend on it.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from threadpoolctl import threadpool_info

HERE = Path(__file__).parent
CORES = {"Prescott": "SSE3", "Haswell": "AVX2", "SkylakeX": "AVX512_SKX"}  # kernels, and what a machine needs for each
SUITE = ["-m", "not slow and not browser", f"--ignore={HERE}/browser", f"--ignore={HERE}/mutants"]


def can_run(core: str) -> bool:
    """Say whether this machine has the instructions of an OpenBLAS kernel; OpenBLAS itself does not ask."""
    return bool(__cpu_features__.get(CORES[core]))


def dispatched() -> list[str]:
    """Return the features that this NumPy chooses at run time and this machine has, by NumPy's own names."""
    return [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]


def processors() -> dict[str, dict[str, str]]:
    """Return the environment of each stand-in, by its name; the last is the oldest of all."""
    found = {f"OpenBLAS {core}": {"OPENBLAS_CORETYPE": core} for core in CORES if can_run(core)}
    if features := dispatched():
        oldest = {"NPY_DISABLE_CPU_FEATURES": " ".join(features)}
        found[f"NumPy without {' '.join(features)}"] = oldest
        if can_run("Prescott"):
            found["both, as the oldest processor"] = {**oldest, "OPENBLAS_CORETYPE": "Prescott"}
    return found


def main(arguments: list[str]) -> int:
    """Run the suite once for each stand-in; return 1 if one of them failed."""
    print(f"NumPy {np.__version__}, OpenBLAS {[(x['internal_api'], x['architecture']) for x in threadpool_info()]}")
    found = processors()
    for core in CORES:
        if not can_run(core):
            print(f"left out: OpenBLAS {core}, for this machine has no {CORES[core]}")
    results = {}
    for name, environment in found.items():
        print(f"\n== {name}", flush=True)
        start = time.monotonic()
        command = [sys.executable, "-m", "pytest", "-q", *SUITE, *arguments, str(HERE), str(HERE.parent / "notebooks")]
        code = subprocess.run(command, env={**os.environ, **environment}, cwd=HERE.parent).returncode
        results[name] = f"{'green' if code == 0 else f'RED, exit code {code}'}, {time.monotonic() - start:.0f} s"
    print("\n" + "\n".join(f"{name}: {result}" for name, result in results.items()))
    return int(not results or any("RED" in result for result in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
