"""The check of the installation says what is missing."""

from course_utils import installation


def test_nothing_is_missing_here() -> None:
    assert installation.report() == "Everything that the course needs is installed."


def test_a_missing_package_and_a_wrong_version_are_named() -> None:
    missing, old = installation.problems(["no-such-package-xyz>=1", "numpy>=99", 'windows-only; extra == "test"'])
    assert missing == "no-such-package-xyz is missing; the course needs no-such-package-xyz>=1."
    assert old.startswith("numpy has version ")
    assert old.endswith("the course needs numpy>=99.")
