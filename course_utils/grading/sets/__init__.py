"""The course's problem sets, a file each."""

__all__: list[str] = []
