"""Looking at a learner's function and at its answer: without calling it, and without knowing what is right.

This file is also there where a student's code runs in the grader, so it imports NumPy, Python and ``limit`` alone.
"""

import dis
import inspect
import io
import linecache
import sysconfig
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    from course_utils.checks.limit import TimeUp, attempt
except ModuleNotFoundError:
    from limit import TimeUp, attempt  # type: ignore[import-not-found, no-redef]

__all__ = [
    "Kept",
    "Outside",
    "Refusal",
    "calling_line",
    "has_placeholder",
    "heeding",
    "is_async",
    "is_single",
    "is_stub",
    "look_at",
]
__all__ += ["makes_generator", "own_line", "own_name", "progress_of", "read_from_outside", "reads", "refusal"]
__all__ += ["returns_something", "same"]


KEEP = 2000  # characters of printed text, in case an endless loop prints
PLAIN = (float, np.float64, np.int64)  # numbers that need no second look
MOST = 10**6  # numbers in an answer; what claims to hold more is not even copied
LIBRARIES = tuple(str(Path(sysconfig.get_paths()[key]).resolve()) for key in ("stdlib", "platstdlib", "purelib"))
PACKAGE = str(Path(__file__).resolve().parents[1 if __package__ else 0])
NOTHING = np.array(None, dtype=object)


class Kept(io.StringIO):
    """Keeps the beginning of what is printed and counts the rest."""

    total = 0

    def write(self, text: str, /) -> int:
        """Keep what there is room for."""
        super().write(text[: max(KEEP - self.total, 0)])
        self.total += len(text)
        return len(text)

    def close(self) -> None:
        """Stay open, whatever a learner's function does to ``sys.stdout``."""


# --- looking at an answer ----------------------------------------------------------------------------


def heeding(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, frozenset[str]]:
    """Call a function; return its answer, and the names of the NumPy functions that warned of an invalid value."""
    with warnings.catch_warnings(record=True) as caught, np.errstate(invalid="warn"):
        warnings.simplefilter("always")
        value = function(*args, **kwargs)
    start = "invalid value encountered in "
    told = (str(warning.message) for warning in caught if warning.category is RuntimeWarning)
    return value, frozenset(text.removeprefix(start) for text in told if text.startswith(start))


def is_single(numbers: NDArray[Any]) -> bool:
    """Say whether every number can be written in float32."""
    with np.errstate(all="ignore"):
        return np.array_equal(numbers.astype(np.float32), numbers, equal_nan=True)


def look_at(value: Any) -> tuple[str, NDArray[Any]]:
    """Return what an answer is and, where it is made of real numbers, these as a new array of floats.

    What it is: "numbers", "other", "too many", "coroutine" or "iterator". Looking runs the code of strange objects.
    """
    if (
        type(value) in PLAIN
        or (type(value) is int and abs(value) < 2**53)
        or (type(value) is np.ndarray and value.dtype == float and value.size <= MOST)
    ):
        return "numbers", np.array(value, dtype=float)
    kind = attempt(lambda: _kind(value), "other")
    numbers = attempt(lambda: _numbers(value), NOTHING) if kind == "numbers" else NOTHING
    return "other" if kind == "numbers" and numbers.dtype.kind != "f" else kind, numbers


def _kind(value: Any) -> str:
    if inspect.iscoroutine(value):
        value.close()  # or Python complains later that it was never awaited
    if inspect.isawaitable(value):
        return "coroutine"
    if isinstance(value, Iterator):
        return "iterator"
    return "too many" if _size(value) > MOST else "numbers"


def _size(value: Any) -> float:
    """Return how many numbers an array or nested list claims to hold, without going through them."""
    size = 1.0
    for _ in range(65):  # more than the axes of an array
        if isinstance(value, np.ndarray):
            return size * value.size
        if isinstance(value, str | bytes) or not hasattr(value, "__len__") or not hasattr(value, "__getitem__"):
            break
        if isinstance(value, Mapping) or (length := len(value)) == 0:
            break
        size *= length
        value = value[0]
    return size


def _numbers(value: Any) -> NDArray[Any]:
    """Return the value as a new array of floats, or of objects where it is not made of real numbers."""
    if isinstance(value, np.ma.MaskedArray):
        value = np.ma.filled(value.astype(float), np.nan)
    array = np.array(value)
    real = array.dtype.kind in "iuf" or (array.dtype.kind == "O" and all(isinstance(x, Real) for x in array.flat))
    return array.astype(float) if real else NOTHING


def same(a: Any, b: Any) -> bool:
    """Say whether two arrays hold the same bytes."""
    return bool(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())


def progress_of(rng: np.random.Generator) -> tuple[Any, int]:
    """Return how far a generator has come: its state, and the number of generators that were spawned from it."""
    return rng.bit_generator.state, int(getattr(rng.bit_generator.seed_seq, "n_children_spawned", 0))


# --- looking at a function ---------------------------------------------------------------------------


def own_line(error: BaseException, function: Callable[..., Any]) -> tuple[int | None, str]:
    """Return number and text of the innermost line that the learner wrote, or (None, "") where there is none."""
    code = _code(function)
    own_file = code.co_filename if code else None
    found: tuple[int | None, str] = (None, "")
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file == own_file or _written_by_learner(file):
            found = trace.tb_lineno, linecache.getline(file, trace.tb_lineno).strip()
        trace = trace.tb_next
    before = error.__context__ if isinstance(error, TimeUp | KeyboardInterrupt) and not found[0] else None
    return own_line(before, function) if before else found


def calling_line(error: BaseException, function: Callable[..., Any]) -> tuple[int | None, str]:
    """Return number and text of the line of this very function that the error went through, or (None, "")."""
    code, line, trace = _code(function), None, error.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code is code else line
        trace = trace.tb_next
    return line, linecache.getline(code.co_filename, line).strip() if code and line else ""


def _written_by_learner(file: str) -> bool:
    if file.startswith("<frozen") or file == "<__array_function__ internals>" or file.endswith(".pyx"):
        return False
    return not str(Path(file).resolve()).startswith((PACKAGE, *LIBRARIES))


def _plain(function: Any) -> FunctionType | None:
    """Return the function that was written with ``def`` or ``lambda``, or None. Runs none of the object's code."""
    while type(function) in (MethodType, partial):
        function = function.__func__ if type(function) is MethodType else function.func
    return function if type(function) is FunctionType else None


def _code(function: Any) -> CodeType | None:
    plain = _plain(function)
    return plain.__code__ if plain else None


def own_name(function: Any, otherwise: str = "your_function") -> str:
    """Return what the learner calls the function, or ``otherwise`` where it has no name of its own."""
    if type(function) is np.vectorize:
        function = function.pyfunc
    plain = _plain(function)
    name = plain.__name__ if plain else function.__name__ if type(function) in (type, BuiltinFunctionType) else ""
    return name if name.isidentifier() and len(name) <= 80 else otherwise


def is_async(function: Any) -> bool:
    """Say whether a function begins with ``async def``."""
    plain = _plain(function)
    return plain is not None and inspect.iscoroutinefunction(plain)


def is_stub(function: Callable[..., Any]) -> bool:
    """Say whether a function's body is still empty: `...`, `pass`, a docstring, or the comment "your code here"."""
    code = _code(function)
    return code is not None and _empty(code)


def has_placeholder(function: Callable[..., Any]) -> bool:
    """Say whether the stub's comment, "your code here", is still in the function's source."""
    return attempt(lambda: "your code here" in inspect.getsource(function), False)


def returns_something(function: Callable[..., Any]) -> bool:
    """Say whether there is a `return` with a value somewhere in the function."""
    code = _code(function)
    steps = [step for step in dis.get_instructions(code) if step.opname != "NOP"] if code else []
    pairs = zip([None, *steps], steps, strict=False)
    return any(
        (step.opname == "RETURN_CONST" and step.argval is not None)
        or (step.opname == "RETURN_VALUE" and not (last and last.opname == "LOAD_CONST" and last.argval is None))
        for last, step in pairs
    )


def _empty(code: CodeType) -> bool:
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("RESUME", "NOP", "CACHE")]
    returns_none = bool(steps) and steps[0].opname in ("LOAD_CONST", "RETURN_CONST") and steps[0].argval is None
    return returns_none and len(steps) <= 2


def makes_generator(function: Callable[..., Any]) -> bool:
    """Say whether a function's own code makes or seeds a random generator."""
    code = _code(function)
    made = {"default_rng", "RandomState", "Generator", "PCG64", "Random", "seed", "SeedSequence", "manual_seed"}
    return code is not None and not made.isdisjoint(_read(code))


def reads(function: Any) -> set[str]:
    """Return every name that a function's code reads; none where its code cannot be seen."""
    code = _code(function)
    return _read(code) if code else set()


def _read(code: CodeType) -> set[str]:
    """Return every name that code reads: variables and attributes, also inside of nested functions."""
    names: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname.startswith("LOAD") and step.opname != "LOAD_CONST":
            names.update(step.argval if isinstance(step.argval, tuple) else (str(step.argval),))
    nested = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return names.union(*map(_read, nested))


@dataclass(frozen=True)
class Outside:
    """Names from outside that a function reads, and its own arguments that it never reads."""

    unused: tuple[str, ...]
    names: tuple[str, ...]


def read_from_outside(function: Callable[..., Any], inputs: Sequence[Any]) -> Outside | None:
    """Return which variables of the notebook stand where arguments belong, if some argument is never read.

    A variable counts if it holds data, or a function where an argument that is a function goes unread.
    """
    plain = function if type(function) is FunctionType else None
    if plain is None:
        return None
    read, arguments = _read(plain.__code__), plain.__code__.co_varnames[: len(inputs)]
    unused = {name: value for name, value in zip(arguments, inputs, strict=False) if name not in read}
    codes = [plain.__code__, *(code for code in plain.__code__.co_consts if isinstance(code, CodeType))]
    used = dict.fromkeys(name for code in codes for name in code.co_names)
    outside = {name: plain.__globals__[name] for name in used if name in plain.__globals__}
    wanted_function = any(map(callable, unused.values()))
    names = tuple(
        name
        for name, value in outside.items()
        if name in read
        and value is not plain
        and (wanted_function if isinstance(value, FunctionType) else not isinstance(value, ModuleType | type))
        and (wanted_function or not callable(value))
    )
    return Outside(tuple(unused), names) if unused and names else None


@dataclass(frozen=True)
class Refusal:
    """Why a function cannot be called with a question's arguments."""

    written: str
    """as the learner wrote them: "(logits)" """
    by_keyword: tuple[str, ...]
    """arguments that stand after a `*`"""


def refusal(function: Callable[..., Any], count: int) -> Refusal | None:
    """Return how a function is written if it cannot be called with this many arguments, else None."""
    signature = attempt(lambda: inspect.signature(function), None)  # some functions written in C do not tell
    if signature is None:
        return None
    try:
        signature.bind(*[None] * count)
    except TypeError:
        by_keyword = tuple(p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY)
        return Refusal(_written(signature), by_keyword)
    return None


def _written(signature: inspect.Signature) -> str:
    """Return a signature without annotations and with short defaults."""
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    names = f"({', '.join(signature.parameters)})"  # where a default value cannot be shown
    text = attempt(lambda: str(signature.replace(parameters=bare, return_annotation=signature.empty)), names)
    return text
