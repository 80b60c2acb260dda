"""Calling a learner's function: with copies of the inputs, its output kept, its errors told at its own line."""

import copy
import dis
import inspect
import io
import linecache
import random
import sysconfig
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, MethodType, TracebackType
from typing import Any, Self

import numpy as np

from course_utils.checks.question import Inputs

KEEP = 2000  # characters of printed text, in case an endless loop prints
LIBRARIES = tuple(str(Path(sysconfig.get_paths()[key]).resolve()) for key in ("stdlib", "platstdlib", "purelib"))
PACKAGE = str(Path(__file__).resolve().parents[1])


@dataclass(frozen=True)
class Stop:
    """Why a call did not come to its end: an exception, or the learner's own interrupt."""

    error: str
    """the name of the exception's type"""
    message: str
    line: int | None
    """the learner's line: its number in their cell or file"""
    text: str
    """that line"""
    seconds: float
    """how long the function had run"""
    interrupted: bool = False
    arithmetic: bool = False
    """the numbers were too large or too small for it"""


@dataclass
class Call:
    """One call of the learner's function."""

    inputs: Inputs
    """as they were before the call"""
    value: Any = None
    stop: Stop | None = None
    printed: str = ""
    changed: tuple[str, ...] = ()
    """arguments that the function changed"""
    shared: str = ""
    """the argument that the answer is, or is a view of"""


@dataclass
class Learner:
    """The learner's function. A context, in which warnings are quiet and the global random state is looked after."""

    function: Callable[..., Any]
    touched_global_state: bool = False
    _printed: "_Kept" = field(default_factory=lambda: _Kept())
    _exits: ExitStack = field(default_factory=ExitStack)
    _started: float = 0.0

    def __enter__(self) -> Self:
        """Keep what is printed, quieten warnings, remember the global random state."""
        self._exits.enter_context(redirect_stdout(self._printed))
        self._exits.enter_context(warnings.catch_warnings())
        self._exits.enter_context(np.errstate(all="ignore"))
        warnings.simplefilter("ignore")
        self._random, self._numpy_random = random.getstate(), np.random.get_state(legacy=False)  # noqa: NPY002
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        """Restore all of it."""
        random.setstate(self._random)
        np.random.set_state(self._numpy_random)  # noqa: NPY002
        self._exits.close()

    def __call__(self, inputs: Inputs) -> Call:
        """Call the function with the inputs, in order; a numpy Generator among them is passed on as it is."""
        call = Call(inputs)
        given = {k: v if callable(v) or isinstance(v, np.random.Generator) else copy.copy(v) for k, v in inputs.items()}
        before = self._printed.total
        try:
            call.value = self.function(*given.values())
            if inspect.iscoroutine(call.value):
                call.value.close()  # or Python complains later that it was never awaited
        except KeyboardInterrupt as error:
            call.stop = self.stopped(error, interrupted=True)
        except (Exception, SystemExit) as error:
            call.stop = self.stopped(error)
        if self._printed.total > before:
            call.printed = self._printed.getvalue()
        for name, value in given.items():
            if isinstance(value, np.ndarray):
                if not _same(value, inputs[name]):
                    call.changed += (name,)
                if isinstance(call.value, np.ndarray) and np.may_share_memory(call.value, value):
                    call.shared = name
        return call

    def watch_global_state(self) -> None:
        """Remember whether the function has used the random numbers that all code shares."""
        then, now = self._numpy_random["state"], np.random.get_state(legacy=False)["state"]  # noqa: NPY002
        moved = any(not np.array_equal(then[key], now[key]) for key in then)
        self.touched_global_state |= moved or random.getstate() != self._random

    def stopped(self, error: BaseException, interrupted: bool = False) -> Stop:
        """Return what an exception says to the learner."""
        line, text = own_line(error.__traceback__, self.function)
        message = " ".join(str(error).split())
        too_large = isinstance(error, ArithmeticError) or message.startswith(("math domain", "expected a positive"))
        seconds = time.perf_counter() - self._started
        return Stop(type(error).__name__, message, line, text, seconds, interrupted, too_large)


class _Kept(io.StringIO):
    """Keeps the beginning of what is printed and counts the rest."""

    total = 0

    def write(self, text: str, /) -> int:
        super().write(text[: max(KEEP - self.total, 0)])
        self.total += len(text)
        return len(text)


def own_line(trace: TracebackType | None, function: Callable[..., Any]) -> tuple[int | None, str]:
    """Return number and text of the innermost line that the learner wrote, or (None, "") where there is none."""
    own_file = getattr(getattr(function, "__code__", None), "co_filename", None)
    found: tuple[int | None, str] = (None, "")
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file == own_file or _written_by_learner(file):
            found = trace.tb_lineno, linecache.getline(file, trace.tb_lineno).strip()
        trace = trace.tb_next
    return found


def _written_by_learner(file: str) -> bool:
    if file.startswith("<frozen") or file == "<__array_function__ internals>":
        return False
    return not str(Path(file).resolve()).startswith((PACKAGE, *LIBRARIES))


def is_stub(function: Callable[..., Any]) -> bool:
    """Say whether a function's body is still empty: `...`, `pass`, a docstring, or the comment "your code here"."""
    if isinstance(function, MethodType):
        return is_stub(function.__func__)
    if not isinstance(function, FunctionType):
        return False
    return _empty(function.__code__)


def has_placeholder(function: Callable[..., Any]) -> bool:
    """Say whether the stub's comment, "your code here", is still in the function's source."""
    try:
        return "your code here" in inspect.getsource(function)
    except (OSError, TypeError, SyntaxError):
        return False


def _empty(code: CodeType) -> bool:
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("RESUME", "NOP", "CACHE")]
    returns_none = bool(steps) and steps[0].opname in ("LOAD_CONST", "RETURN_CONST") and steps[0].argval is None
    return returns_none and len(steps) <= 2


def refusal(function: Callable[..., Any], inputs: Inputs) -> str | None:
    """Return how a function is written, "(logits)", if it cannot be called with these arguments, else None."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None  # some functions written in C do not tell
    try:
        signature.bind(*inputs.values())
    except TypeError:
        return str(signature)
    return None


def _same(a: Any, b: Any) -> bool:
    return bool(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())
