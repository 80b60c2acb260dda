"""The students' archive of a problem set: its notebook without answers and outputs, and a page that says how to start.

Nothing in it holds a solution, an answer, a seed of the grader's or the output of a cell. It is the same to the byte
whenever it is made from the same notebook.
"""

import json
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from course_utils import lessons
from course_utils.grading import problem_sets

__all__ = ["archive", "main", "stripped", "write"]


FOLDER = lessons.NOTEBOOKS / "problem_sets"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest date that a ZIP can hold
README = """{title}
{line}

Covers lessons {lessons}; {points:g} points.

1. Open {name}.ipynb in the JupyterLab of the course (`make lab`, or any Jupyter with the course installed).
2. Where a cell asks for your student id, write it there.
3. Answer in the cells that say so. Leave the other cells, their order and their ids as they are.
4. Save, and hand in {name}.ipynb by itself.

The checks in the notebook are for practice. What counts is your code, run on other inputs and without the course's
package, with NumPy as `np`: a function may call what stands in your answers, and nothing else.
"""


def stripped(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook, as JSON, without outputs and execution counts."""
    cells = [
        {**cell, "outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell
        for cell in notebook["cells"]
    ]
    return {**notebook, "cells": cells}


def archive(name: str, folder: Path | None = None) -> bytes:
    """Return the archive of a set, a ZIP.

    Args:
        name: of the set, such as "ps1".
        folder: with the learner's notebooks; None for the course's own.

    Raises:
        ValueError: a set that does not exist.
        FileNotFoundError: a notebook that is not built.
    """
    found = problem_sets.load(name)
    path = (FOLDER if folder is None else folder) / f"{name}.ipynb"
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is not there: build it with `make notebooks NOTEBOOKS={name}`")
    notebook = stripped(json.loads(path.read_text(encoding="utf-8")))
    title = f"Problem set {name.removeprefix('ps')}: {found.title}"
    readme = README.format(
        title=title, line="=" * len(title), lessons=", ".join(found.lessons), points=found.points, name=name
    )
    files = {
        "README.txt": readme,
        f"{name}.ipynb": json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n",
    }
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for file, text in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{name}/{file}", LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, text.encode())
    return buffer.getvalue()


def write(name: str, out: Path, folder: Path | None = None) -> Path:
    """Write the archive of a set into a folder, and return its path."""
    content = archive(name, folder)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.zip"
    path.write_bytes(content)
    return path


def main(name: str, out: Path) -> int:
    """Write the archive, say where it is, and return an exit code: what the command ``release`` does."""
    try:
        print(write(name, out))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
