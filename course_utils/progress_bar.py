"""A bar that shows how far a run is, while a person watches."""

import os
import sys
from collections.abc import Iterable

__all__ = ["bar"]


def bar(steps: Iterable[int], progress: bool) -> Iterable[int]:
    """Wrap the steps in a progress bar, if it is wanted and a person watches.

    A bar writes times, which differ from run to run: none may get into a stored notebook or a log. JupyterLab tells
    its kernels the name of the session; a kernel that was started to build or test a notebook has none.
    """
    in_jupyterlab = "JPY_SESSION_NAME" in os.environ
    if not progress or not (sys.stderr.isatty() or in_jupyterlab):
        return steps
    from tqdm import tqdm

    shown: Iterable[int] = tqdm(steps, desc="updates", leave=False, file=_Line() if in_jupyterlab else sys.stderr)
    return shown


class _Line:
    """A text file whose last line stands below the notebook's cell, and nothing once it is blank.

    tqdm.auto would show a widget, which the notebook goes on naming when it is gone: an error text on the next day.
    """

    encoding = "utf-8"

    def __init__(self) -> None:
        from IPython.display import display

        self._output = display({}, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def write(self, text: str) -> None:
        line = text.strip()
        if line or text.strip("\r\n"):
            self._output.update({"text/plain": line} if line else {}, raw=True)

    def flush(self) -> None:
        """Nothing is kept back."""
