"""Puts data/ into the wheel as course_utils/data, so that the repository holds it once; pyproject.toml has all else."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithData(build_py):
    """Builds the package with its data; an editable installation finds it where it lies."""

    def run(self) -> None:
        """Build."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "course_utils", "data")
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree("data", target)

    def get_source_files(self) -> list[str]:
        """Return what a source distribution needs."""
        return [*super().get_source_files(), *(str(path) for path in Path("data").rglob("*") if path.is_file())]


setup(cmdclass={"build_py": BuildWithData})
