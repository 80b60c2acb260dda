"""Say whether what the course needs is installed, and what to do when it is not."""

import tomllib
from collections.abc import Iterable
from importlib import metadata

from course_utils import data_files, lessons

__all__ = ["problems", "report", "requirements"]


DISTRIBUTION = "policy-gradient-course"


def problems(requirements: Iterable[str]) -> list[str]:
    """Return one sentence for each requirement that is missing or has a version outside its bounds.

    requirements: as in pyproject.toml, such as "numpy>=2.0,<3"; those of extras are passed over.
    """
    try:
        from packaging.requirements import Requirement
    except ModuleNotFoundError:
        return ["packaging is missing, without which the rest cannot be checked."]
    found = []
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            found.append(f"{requirement.name} is missing; the course needs {requirement}.")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{requirement.name} has version {version}; the course needs {requirement}.")
    return found


def requirements() -> list[str] | None:
    """Return what the course needs, by its repository or else by its installation; None where neither is there."""
    try:
        project = tomllib.loads((lessons.REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        if project["name"] == DISTRIBUTION:
            return list(project["dependencies"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    try:
        return metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return None


def report() -> str:
    """Return what is missing and how to install it, or that everything is there."""
    needed = requirements()
    if needed is None:
        found = ["The course is not installed, so it is not known whether what it needs is there."]
    else:
        found = problems(needed)
    if not (data_files.DATA / "quizzes").is_dir():
        found.append(f"The course's data is missing: there is no folder {data_files.DATA}.")
    if not found:
        return "Everything that the course needs is installed."
    return "\n".join(
        [*found, "To mend it, close JupyterLab and start the course with `make lab` (or see README.md for pip)."]
    )
