"""Policy gradients in plain NumPy: the package behind the course's notebooks.

Each module is a small set of pure functions, one per equation. Import the module you need:

    from course_utils import mdp, objectives, policy, returns

Importing ``course_utils`` itself loads nothing else, so it stays quick.
"""

__version__ = "0.1.0"
