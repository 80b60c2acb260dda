"""The course for a reader without a network, in one file: ``python -m course_utils.build offline``.

It holds the site and the course's folder as `make lab` wants it, and lies beside a file with its SHA-256.
"""

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from course_utils import __version__
from course_utils.build import site
from course_utils.build.notebooks import REPOSITORY

__all__ = ["files", "main", "pack"]


OUT = REPOSITORY / "build"
NAME = f"policy-gradient-course-{__version__}"
COURSE = ("course_utils", "data", "notebooks", "pictures")
BESIDE = (
    "CONTRIBUTING.md",
    "LECTURING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "TEACHING.md",
    "environment.yml",
    "pyproject.toml",
    "setup.py",
)
LEFT_OUT = {"__pycache__", ".ipynb_checkpoints"}
DAY = (1980, 1, 1, 0, 0, 0)  # the oldest that the format knows: the same files give the same archive


def files() -> Iterator[tuple[str, Path]]:
    """Yield each file with its path in the archive."""
    for folder in [site.OUT, *(REPOSITORY / name for name in COURSE)]:
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder.parent)
            hidden = any(part.startswith(".") or part in LEFT_OUT for part in inside.parts)
            if path.is_file() and not hidden:
                yield inside.as_posix(), path
    yield from ((name, REPOSITORY / name) for name in BESIDE)


def pack(out: Path = OUT) -> tuple[Path, Path]:
    """Write the archive of what is built and its checksum, and return both."""
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{NAME}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files():
            archive.writestr(zipfile.ZipInfo(f"{NAME}/{name}", DAY), path.read_bytes(), zipfile.ZIP_DEFLATED)
    checksum = target.with_suffix(".zip.sha256")
    checksum.write_text(f"{hashlib.sha256(target.read_bytes()).hexdigest()}  {target.name}\n", encoding="utf-8")
    return target, checksum


def main() -> int:
    """Build the site, pack it with the course, and say where both files are."""
    if failed := site.main():
        return failed
    target, checksum = pack()
    print(f"{target}  {target.stat().st_size / 1e6:.1f} MB\n{checksum}")
    return 0
