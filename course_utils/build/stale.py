"""Which notebooks are stale: something that went into them has changed since they were built.

The builder loads this module into its kernels as an IPython extension, which notes each file that is opened and each
folder that is searched. The digests of what was noted of the repository are kept beside it, in build/notebooks.json.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from importlib.util import source_from_cache
from pathlib import Path
from typing import Any

from course_utils import data_files

__all__ = ["digest", "keep", "load_ipython_extension", "noted", "records", "why"]

REPOSITORY = Path(__file__).resolve().parents[2]
RECORD = REPOSITORY / "build" / "notebooks.json"  # of this copy of the repository alone: git ignores it
WATCHED = [REPOSITORY / "course_utils", data_files.DATA, REPOSITORY / "notebooks" / "src"]
BUILDER = [Path(__file__).with_name(name) for name in ("notebooks.py", "markers.py", "constraints.txt")]
NOT_STORED = (".js", ".css")  # of a lab a notebook holds its state, a picture and words
NOTES = "POLICY_GRADIENT_COURSE_NOTES"  # the file that a kernel writes into


def load_ipython_extension(_shell: Any) -> None:
    """Note in the file that NOTES names what this process reads from now on, and what it has imported."""
    notes = open(os.environ[NOTES], "a", encoding="utf-8", buffering=1)  # noqa: SIM115  # as long as the process lives
    seen = set()

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("open", "os.scandir") and isinstance(arguments[0], str | os.PathLike):
            path = os.path.abspath(arguments[0])
            if path not in seen:
                seen.add(path)
                notes.write(f"{path}\n")

    for module in list(sys.modules.values()):
        note("open", (getattr(module, "__file__", None),))
    sys.addaudithook(note)


def noted(notes: Path) -> set[Path]:
    """Return what is noted of the package, the data and the sources; of data the folder too, for what may be added."""
    paths = {Path(line) for line in notes.read_text(encoding="utf-8").splitlines()}
    paths = {path for path in paths if any(path.is_relative_to(folder) for folder in WATCHED) and path.exists()}
    paths = {Path(source_from_cache(path)) if path.suffix == ".pyc" else path for path in paths}
    folders = {path.parent for path in paths if path.is_relative_to(data_files.DATA)}
    return {path for path in paths | folders if path.suffix not in NOT_STORED}


def keep(lesson: str, reads: Iterable[Path], files: Iterable[Path], since: float) -> None:
    """Write down what a lesson was built from and its files; not if something changed since the build began."""
    reads = [*reads, *BUILDER]
    built = {os.path.relpath(path, REPOSITORY): digest(path) for path in sorted([*reads, *files])}
    if all(path.stat().st_mtime < since for path in reads if path.is_file()):
        RECORD.parent.mkdir(exist_ok=True)
        data_files.write(RECORD, json.dumps(records() | {lesson: built}, indent=1))


def why(lesson: str) -> str | None:
    """Return why a lesson is stale, or None where all is as it was when it was built."""
    built = records().get(lesson)
    if built is None:
        return "not built here yet"
    return next((f"{name} has changed" for name, was in built.items() if digest(REPOSITORY / name) != was), None)


def records() -> dict[str, dict[str, str]]:
    """Return the digests of what each lesson was built from, by the names of its source and of the files."""
    try:
        read: dict[str, dict[str, str]] = json.loads(RECORD.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read


def digest(path: Path) -> str:
    """Return a digest of a file's content or of the names in a folder; "" for what is not there."""
    if path.is_dir():
        content = "\n".join(sorted(name for name in os.listdir(path) if not name.startswith((".", "__")))).encode()
    else:
        content = path.read_bytes() if path.is_file() else b""
    return hashlib.sha256(content).hexdigest() if content else ""
