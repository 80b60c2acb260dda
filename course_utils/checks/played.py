"""What stands for a generator and for a world in the calls of a learner's code: nothing that a planner could read.

This one file is also there where a student's code runs in the grader, so it imports Python and NumPy alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Handle", "Played", "Seed"]


@dataclass(frozen=True)
class Seed:
    """Stands for a new generator in the arguments of a call: whoever makes the call passes ``generator()``."""

    number: int

    def generator(self) -> np.random.Generator:
        """Return ``numpy.random.default_rng(number)``."""
        return np.random.default_rng(self.number)


@dataclass(frozen=True)
class Handle:
    """Stands for a world that is played elsewhere: its place among those of the call."""

    number: int


class Played:
    """A world as a learner's code gets it: Gymnasium's ``reset`` and ``step``, and nothing else."""

    __slots__ = ("reset", "step")

    def __init__(self, reset: Callable[..., Any], step: Callable[[Any], Any]) -> None:
        """reset: takes a seed or None. step: takes an action."""

        def begin(*, seed: int | None = None, options: object = None) -> Any:
            return reset(seed)

        self.reset, self.step = begin, step

    def __repr__(self) -> str:
        """Say what there is."""
        return "an environment with reset(seed=…) and step(action)"
