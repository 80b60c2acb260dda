"""Where a student's code runs: alone, without network, with nothing to read that says what is right."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Limits", "Sandbox"]


@dataclass(frozen=True)
class Limits:
    """What a submission's code may use."""

    wall: float = 30.0
    """seconds for all calls of one item together"""
    start: float = 30.0
    """seconds for Python and NumPy to start, before it is the machine's fault"""
    cpu: int = 180
    """seconds of the processor, for all items together"""
    memory: int = 2 * 2**30
    """bytes of address space"""
    file: int = 4 * 2**20
    """bytes of one file"""
    folder: int = 16 * 2**20
    """bytes of all files together"""
    processes: int = 16
    """processes and threads"""
    files: int = 64
    """open files"""
    output: int = 32 * 2**20
    """bytes of one answer"""


class Sandbox:
    """How workers are started: in bubblewrap, or with limits of resources alone ("none", which warns)."""

    def __init__(self, kind: Literal["bubblewrap", "none"] = "bubblewrap", limits: Limits | None = None) -> None:
        """Raise ``Infrastructure`` where bubblewrap is missing."""
        self.kind, self.limits = kind, limits or Limits()
