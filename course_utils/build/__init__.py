"""What makes the course: the installation, the notebooks from their sources, the pinned versions.

``python -m course_utils.build --help`` lists the commands. Learners need none of this but ``make lab``.
"""

__all__ = []
