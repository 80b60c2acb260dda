"""One file for each question, found by its name. CONTRIBUTING.md shows how to add one."""

__all__ = []
