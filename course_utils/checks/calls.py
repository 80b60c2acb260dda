"""Calling a learner's function: with copies of the inputs, its output kept, its errors told at its own line."""

import dis
import inspect
import io
import linecache
import random
import sysconfig
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from numbers import Real
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from course_utils.checks.limit import TimeUp, Watch, attempt
from course_utils.checks.question import Inputs, copied
from course_utils.checks.result import cut

__all__ = ["Call", "Learner", "Outside", "Refusal", "Stop", "has_placeholder", "heeding", "is_async", "is_single"]
__all__ += [
    "is_stub",
    "makes_generator",
    "own_line",
    "own_name",
    "read_from_outside",
    "reads",
    "refusal",
    "returns_something",
]


KEEP = 2000  # characters of printed text, in case an endless loop prints
PLAIN = (float, np.float64, np.int64)  # numbers that need no second look
MOST = 10**6  # numbers in an answer; what claims to hold more is not even copied
LIBRARIES = tuple(str(Path(sysconfig.get_paths()[key]).resolve()) for key in ("stdlib", "platstdlib", "purelib"))
PACKAGE = str(Path(__file__).resolve().parents[1])


UNREADABLE = "(its message cannot be read)"
NOTHING = np.array(None, dtype=object)


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
    limit: float | None = None
    """the seconds that were allowed, where they were used up"""


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
    kind: str = "numbers"
    """what the answer is: "numbers", "other", "too many", "coroutine" or "iterator" """
    numbers: NDArray[Any] = field(default_factory=lambda: NOTHING)
    """the answer as a new array of floats, where it is made of real numbers"""
    invalid: frozenset[str] = frozenset()
    """the NumPy functions that warned of invalid values"""

    @property
    def single(self) -> bool:
        """Say whether every number is one of float32's, and the answer was not given as whole numbers."""
        kind = self.value.dtype.kind if isinstance(self.value, np.ndarray | np.generic) else "f"
        return kind == self.numbers.dtype.kind == "f" and is_single(self.numbers)


@dataclass
class Learner:
    """The learner's function. A context, in which warnings are quiet and the global random state is looked after."""

    function: Callable[..., Any]
    watch: Watch
    touched_global_state: bool = False
    _printed: "_Kept" = field(default_factory=lambda: _Kept())
    _exits: ExitStack = field(default_factory=ExitStack)
    _started: float = 0.0
    _given: dict[str, NDArray[Any]] = field(default_factory=dict)

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

    def __call__(self, inputs: Inputs, heed_warnings: bool = False, in_place: bool = False) -> Call:
        """Call the function with the inputs, in order; a numpy Generator among them is passed on as it is.

        in_place: the arrays of the call before are passed again, with these numbers in them.
        """
        call = Call(inputs)
        given = {name: copied(value) for name, value in inputs.items()}
        if in_place:
            for name, array in self._given.items():
                array[...] = given[name]
                given[name] = array
        self._given = {name: value for name, value in given.items() if isinstance(value, np.ndarray)}
        before = self._printed.total
        try:
            self.watch.since, self.watch.inside = time.perf_counter(), True
            if heed_warnings:
                call.value, call.invalid = heeding(self.function, *given.values())
            else:
                call.value = self.function(*given.values())
            _look_at(call)
            self.watch.inside = False
        except BaseException as error:  # whatever a function raises is part of its answer
            self.watch.inside = False
            if isinstance(error, KeyboardInterrupt | TimeUp):
                self.watch.stop()
            call.stop = self.stopped(error)
        if self._printed.total > before:
            call.printed = self._printed.getvalue()
        for name, value in given.items():
            if isinstance(value, np.ndarray):
                if not _same(value, inputs[name]):
                    call.changed += (name,)
                if type(call.value) is np.ndarray and np.may_share_memory(call.value, value):
                    call.shared = name
        return call

    def watch_global_state(self) -> None:
        """Remember whether the function has used the random numbers that all code shares."""
        then, now = self._numpy_random["state"], np.random.get_state(legacy=False)["state"]  # noqa: NPY002
        moved = any(not np.array_equal(then[key], now[key]) for key in then)
        self.touched_global_state |= moved or random.getstate() != self._random

    def stopped(self, error: BaseException) -> Stop:
        """Return what an exception says to the learner."""
        line, text = own_line(error, self.function)
        message = attempt(lambda: "".join(str.__getitem__(str(error), slice(10 * KEEP))), UNREADABLE)
        message = " ".join(message.split())
        return Stop(
            cut(type(error).__name__, 60),
            cut(message, 400),
            line,
            cut(text, 120),
            time.perf_counter() - self._started,
            interrupted=isinstance(error, KeyboardInterrupt),
            arithmetic=isinstance(error, ArithmeticError)
            or message.startswith(("math domain", "expected a positive", "int too large to convert to float")),
            limit=self.watch.seconds if isinstance(error, TimeUp) else None,
        )


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


def _look_at(call: Call) -> None:
    """Find out what the answer is, while the clock is running: looking runs the code of strange objects."""
    value = call.value
    if (
        type(value) in PLAIN
        or (type(value) is int and abs(value) < 2**53)
        or (type(value) is np.ndarray and value.dtype == float and value.size <= MOST)
    ):
        call.numbers = np.array(value, dtype=float)
        return
    call.kind = attempt(lambda: _kind(value), "other")
    if call.kind == "numbers":
        call.numbers = attempt(lambda: _numbers(value), NOTHING)
        call.kind = "numbers" if call.numbers.dtype.kind == "f" else "other"


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


class _Kept(io.StringIO):
    """Keeps the beginning of what is printed and counts the rest."""

    total = 0

    def write(self, text: str, /) -> int:
        super().write(text[: max(KEEP - self.total, 0)])
        self.total += len(text)
        return len(text)

    def close(self) -> None:
        """Stay open, whatever a learner's function does to ``sys.stdout``."""


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


def _written_by_learner(file: str) -> bool:
    if file.startswith("<frozen") or file == "<__array_function__ internals>":
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


def read_from_outside(function: Callable[..., Any], inputs: Inputs) -> Outside | None:
    """Return which variables of the notebook stand where arguments belong, if some argument is never read.

    A variable counts if it holds data, or a function where an argument that is a function goes unread.
    """
    plain = function if type(function) is FunctionType else None
    if plain is None:
        return None
    read, arguments = _read(plain.__code__), plain.__code__.co_varnames[: len(inputs)]
    unused = {name: value for name, value in zip(arguments, inputs.values(), strict=False) if name not in read}
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


def refusal(function: Callable[..., Any], inputs: Inputs) -> Refusal | None:
    """Return how a function is written if it cannot be called with these arguments, else None."""
    signature = attempt(lambda: inspect.signature(function), None)  # some functions written in C do not tell
    if signature is None:
        return None
    try:
        signature.bind(*inputs.values())
    except TypeError:
        by_keyword = tuple(p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY)
        return Refusal(_written(signature), by_keyword)
    return None


def _written(signature: inspect.Signature) -> str:
    """Return a signature without annotations and with short defaults."""
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    names = f"({', '.join(signature.parameters)})"  # where a default value cannot be shown
    text = attempt(lambda: str(signature.replace(parameters=bare, return_annotation=signature.empty)), names)
    return cut(text, 120)


def _same(a: Any, b: Any) -> bool:
    return bool(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())
