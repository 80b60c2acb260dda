"""Testing all notebooks as `make test` does, beside nbval on as many with the same imports and nothing else.

Processor time of pytest and of the kernels; both run at once, on a core each. It is long, so there is one round.
"""

import ast
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import results
import timing

FOLDER = results.ROOT / "notebooks"
NBVAL = ["-q", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=300"]
AS_THE_MAKEFILE = ["-p", "quick_imports", "-p", "solved_once"]


def imports_of(source: str) -> str:
    """Return the imports of a cell."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a magic
        return ""
    return "\n".join(ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))


def emptied(notebook: Path, to: Path) -> None:
    """Write the notebook with the imports of its cells alone, which print nothing."""
    found = nbformat.read(notebook, as_version=4)
    for cell in found.cells:
        if cell.cell_type == "code":
            cell.source, cell.outputs = imports_of(cell.source), []
    to.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(found, to)


def seconds(paths: list[Path], options: list[str]) -> tuple[float, bool]:
    """Return the processor time of a pytest and its kernels, and whether all passed."""
    env = os.environ | {"PYTHONPATH": str(results.ROOT / "tests" / "plugins")}
    command = [sys.executable, "-m", "pytest", *options, *NBVAL, *map(str, paths)]
    process = subprocess.Popen(command, cwd=results.ROOT, env=env, stdout=2)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, process.returncode == 0


def rows() -> Iterator[dict[str, Any]]:
    pattern = "08_*.ipynb" if timing.QUICK else "[01]*.ipynb"
    paths = [
        path
        for folder in (FOLDER, FOLDER / "solutions")[: 1 if timing.QUICK else 2]
        for path in sorted(folder.glob(pattern))
    ]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        empty = [Path(folder) / path.relative_to(FOLDER) for path in paths]
        for path, to in zip(paths, empty, strict=True):
            emptied(path, to)
        ours = pool.submit(seconds, paths, AS_THE_MAKEFILE)
        theirs = pool.submit(seconds, empty, ["--rootdir", folder])
        times = {"ours": [ours.result()[0]], "nbval on imports": [theirs.result()[0]]}
        passed = ours.result()[1] and theirs.result()[1]
    note = f"{len(paths)} notebooks" + ("" if passed else ", of which some cells failed")
    yield timing.measured("notebooks", times, note=note) | {"figures": {"notebooks": len(paths)}}
