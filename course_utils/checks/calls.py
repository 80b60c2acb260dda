"""Calling a learner's function: with copies of the inputs, its output kept, its errors told at its own line."""

import random
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from course_utils.checks import inspection
from course_utils.checks.inspection import KEEP, NOTHING, Kept, Outside, Refusal
from course_utils.checks.limit import TimeUp, Watch, attempt
from course_utils.checks.question import Inputs, copied
from course_utils.checks.result import cut

__all__ = ["Answers", "Call", "Elsewhere", "Learner", "Stop"]


UNREADABLE = "(its message cannot be read)"


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
    caller: tuple[int | None, str] = (None, "")
    """number and text of the line of the function that was called, where the exception came from one that it calls"""


def _holds_the_same(now: dict[str, Any], was: dict[str, Any]) -> bool:
    return now.keys() == was.keys() and all(np.array_equal(now[key], was[key]) for key in was)


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
        return kind == self.numbers.dtype.kind == "f" and inspection.is_single(self.numbers)


@dataclass(frozen=True)
class Elsewhere:
    """Stands for an answer that is no plain data, where the function runs elsewhere: what can be said of it."""

    type_name: str
    described: str
    """such as "an array of shape (3,) (dtype complex128)", or "" """
    callable: bool = False

    def __repr__(self) -> str:
        """Return what is shown in its place."""
        return self.described or f"an object of type {self.type_name}"


class Answers(Protocol):
    """A learner's function as a check sees it, wherever it runs. A context around all calls."""

    touched_global_state: bool
    """see ``watch_global_state``"""
    drew: bool
    """whether the last ``draws`` took any number from its generator"""

    def __enter__(self) -> Self:
        """Begin with the calls."""

    def __exit__(self, *_: object) -> None:
        """Leave everything as it was before."""

    def __call__(self, inputs: Inputs, heed_warnings: bool = False, in_place: bool = False) -> Call:
        """Call the function with the inputs, in order; see ``Learner``."""

    def draws(self, inputs: Inputs, seed: Sequence[int], times: int) -> Iterator[Call]:
        """Call the function this often with one generator, made from the seed, as its last argument."""

    def later(self, calls: Sequence[Call]) -> list[NDArray[Any]]:
        """Return the numbers that the answers hold now."""

    def watch_global_state(self) -> None:
        """Remember whether the function has used the random numbers that all code shares."""

    def own_name(self, otherwise: str = "your_function") -> str:
        """Return what the learner calls the function."""

    def is_stub(self) -> bool:
        """Say whether its body is still empty."""

    def is_async(self) -> bool:
        """Say whether it begins with ``async def``."""

    def has_placeholder(self) -> bool:
        """Say whether the stub's comment is still there."""

    def returns_something(self) -> bool:
        """Say whether there is a `return` with a value somewhere."""

    def makes_generator(self) -> bool:
        """Say whether it makes or seeds a random generator."""

    def refusal(self, count: int) -> Refusal | None:
        """Return how it is written if it cannot be called with this many arguments."""

    def read_from_outside(self, inputs: Inputs) -> Outside | None:
        """Return which variables of the notebook stand where arguments belong."""


@dataclass
class Learner:
    """The learner's function, here. A context: warnings are quiet and the global random state is looked after."""

    function: Callable[..., Any]
    watch: Watch
    through: Callable[..., Any] | None = None
    """what calls the function, as ``through(function, *arguments)``, where it takes other things than arrays"""
    touched_global_state: bool = False
    drew: bool = False
    _printed: Kept = field(default_factory=Kept)
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
            function = partial(self.through, self.function) if self.through else self.function
            if heed_warnings:
                call.value, call.invalid = inspection.heeding(function, *given.values())
            else:
                call.value = function(*given.values())
            call.kind, call.numbers = inspection.look_at(call.value)
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
                if not inspection.same(value, inputs[name]):
                    call.changed += (name,)
                if type(call.value) is np.ndarray and np.may_share_memory(call.value, value):
                    call.shared = name
            elif isinstance(value, dict) and not _holds_the_same(value, inputs[name]):
                call.changed += (name,)
        return call

    def watch_global_state(self) -> None:
        """Remember whether the function has used the random numbers that all code shares."""
        then, now = self._numpy_random["state"], np.random.get_state(legacy=False)["state"]  # noqa: NPY002
        moved = any(not np.array_equal(then[key], now[key]) for key in then)
        self.touched_global_state |= moved or random.getstate() != self._random

    def draws(self, inputs: Inputs, seed: Sequence[int], times: int) -> Iterator[Call]:
        """Yield the calls, one by one; ``drew`` says at the end whether the generator was used."""
        rng = np.random.default_rng(seed)
        before = inspection.progress_of(rng)
        for _ in range(times):
            yield self({**inputs, "rng": rng})
        self.drew = inspection.progress_of(rng) != before

    def later(self, calls: Sequence[Call]) -> list[NDArray[Any]]:
        """Return the numbers that the answers hold now."""
        return [np.array(call.value, dtype=float) for call in calls]

    def own_name(self, otherwise: str = "your_function") -> str:
        """Return what the learner calls the function."""
        return inspection.own_name(self.function, otherwise)

    def is_stub(self) -> bool:
        """Say whether its body is still empty."""
        return inspection.is_stub(self.function)

    def is_async(self) -> bool:
        """Say whether it begins with ``async def``."""
        return inspection.is_async(self.function)

    def has_placeholder(self) -> bool:
        """Say whether the stub's comment is still there."""
        return inspection.has_placeholder(self.function)

    def returns_something(self) -> bool:
        """Say whether there is a `return` with a value somewhere."""
        return inspection.returns_something(self.function)

    def makes_generator(self) -> bool:
        """Say whether it makes or seeds a random generator."""
        return inspection.makes_generator(self.function)

    def refusal(self, count: int) -> Refusal | None:
        """Return how it is written if it cannot be called with this many arguments."""
        return inspection.refusal(self.function, count)

    def read_from_outside(self, inputs: Inputs) -> Outside | None:
        """Return which variables of the notebook stand where arguments belong."""
        return inspection.read_from_outside(self.function, list(inputs.values()))

    def stopped(self, error: BaseException) -> Stop:
        """Return what an exception says to the learner."""
        line, text = inspection.own_line(error, self.function)
        number, called = inspection.calling_line(error, self.function)
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
            caller=(number, cut(called, 120)) if number != line else (None, ""),
        )
