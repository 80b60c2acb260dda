"""Say whether what the course needs is installed, and what to do when it is not."""

from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import Requirement

DISTRIBUTION = "policy-gradient-course"


def problems(requirements: Iterable[str]) -> list[str]:
    """Return one sentence for each requirement that is missing or has a version outside its bounds.

    requirements: as in pyproject.toml, such as "numpy>=2.0,<3"; those of extras are passed over.
    """
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


def report() -> str:
    """Return what is missing and how to install it, or that everything is there."""
    found = problems(metadata.requires(DISTRIBUTION) or [])
    if not found:
        return "Everything that the course needs is installed."
    return "\n".join(
        [*found, "To mend it, close JupyterLab and start the course with `make lab` (or see README.md for pip)."]
    )
