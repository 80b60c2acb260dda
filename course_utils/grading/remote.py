"""A student's functions as the engine of the checks and the stages call them, while they run in a sandbox.

Everything that comes back is data, and of a known form: what has another form counts as code that broke off.

The code has seen the hidden inputs, and may put them into any text that it is free to choose. So a text that comes back
after the first call gets into no sentence: a line is quoted as it was handed in, a type is named where its name is
Python's, NumPy's or stands in the cells, and what is said of a function is asked before anything is called.
"""

import builtins
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from course_utils.checks import inspection
from course_utils.checks.calls import Call, Elsewhere, Stop
from course_utils.checks.inspection import Outside, Refusal
from course_utils.checks.played import Handle, Seed
from course_utils.checks.probe_environment import ProbeEnvironment
from course_utils.checks.question import Inputs
from course_utils.checks.result import cut
from course_utils.checks.stage import Stopped
from course_utils.grading.sandbox import Died, UnsendableError, Worker

__all__ = ["MissingError", "RemoteFunctions", "RemoteLearner", "deadline", "passed", "stop_of"]


T = TypeVar("T")
KNOWN = {
    *(name for space in (builtins, np, np.exceptions) for name, one in vars(space).items() if isinstance(one, type)),
    *("LinAlgError", "UFuncTypeError", "_UFuncNoLoopError", "_UFuncBinaryResolutionError", "_UFuncOutputCastingError"),
    *("_ArrayMemoryError", "generator", "coroutine", "function", "module", "ufunc", "Fraction", "Decimal", "method"),
}
KINDS = ("numbers", "other", "too many", "coroutine", "iterator")


def _of(kind: type[T], value: Any) -> T:
    """Return a value that is of this kind, or say that the answer is none."""
    if type(value) is not kind:
        raise Died("error", "What came back from your code is not an answer.")
    return value


class RemoteLearner:
    """The student's function, in a worker. See ``checks.calls.Answers``."""

    def __init__(
        self, worker: Worker, name: str, looked: Mapping[str, Any], deadline: float, cells: Mapping[str, str]
    ) -> None:
        """looked: the worker's answers to "look" and "outside" before any call; cells: what was handed in."""
        self.worker, self.name, self.looked, self.deadline, self.cells = worker, name, looked, deadline, cells
        self.touched_global_state, self.drew, self._calls = False, False, list[Call]()

    def __enter__(self) -> Self:
        """Begin."""
        self.ask(do="begin")
        return self

    def __exit__(self, *_: object) -> None:
        """Leave."""

    def ask(self, **request: Any) -> dict[str, Any]:
        """Ask the worker."""
        return self.worker.ask(request, self.deadline)

    def __call__(self, inputs: Inputs, heed_warnings: bool = False, in_place: bool = False) -> Call:
        """Call the function with the inputs, in order."""
        request = {"name": self.name, "arguments": passed(inputs), "heed": heed_warnings, "in_place": in_place}
        call = _call(inputs, self.ask(do="call", **request), self.cells)
        self._calls.append(call)
        return call

    def draws(self, inputs: Inputs, seed: Sequence[int], times: int) -> Iterator[Call]:
        """Call the function this often with one generator; the seed that the worker sees does not give ours away."""
        own = [int(word) for word in np.random.SeedSequence(list(seed)).generate_state(4)]
        request = {"name": self.name, "arguments": passed({**inputs, "rng": None}), "seed": own, "times": times}
        answer = self.ask(do="draws", **request)
        self.drew = _of(bool, answer.get("drew"))
        count = 0
        for one in _of(list, answer.get("answers")):
            one = _of(dict, one)
            often, numbers = _of(int, one.get("times")), one.pop("numbers", None)
            count += often
            if often == 1 and (numbers is None or "elsewhere" in one):
                told = one if numbers is None else {**one, "numbers": numbers}
                yield _call({**inputs, "rng": None}, told, self.cells)
                continue
            if (
                often < 1
                or count > times
                or np.shape(_of(np.ndarray, numbers))[:1] != (often,)
                or numbers.dtype != float
            ):
                raise Died("error", "What came back from your code is not an answer.")
            first = _call({**inputs, "rng": None}, {**one, "numbers": numbers[0]}, self.cells)
            for row in numbers:
                yield Call(first.inputs, first.value, numbers=np.asarray(row))
        if count < times:
            stopped = count > 0 and "stop" in answer["answers"][-1]
            if not stopped:
                raise Died("error", "What came back from your code is not an answer.")

    def later(self, calls: Sequence[Call]) -> list[NDArray[Any]]:
        """Return the numbers that the answers hold now."""
        places = [next(i for i, one in enumerate(self._calls) if one is call) for call in calls]
        numbers = _of(list, self.ask(do="later", calls=places).get("numbers"))
        if len(numbers) != len(calls) or not all(type(one) is np.ndarray and one.dtype == float for one in numbers):
            raise Died("error", "What came back from your code is not an answer.")
        return numbers

    def watch_global_state(self) -> None:
        """Remember whether the function has used the random numbers that all code shares."""
        self.touched_global_state |= _of(bool, self.ask(do="touched").get("touched"))

    def own_name(self, otherwise: str = "your_function") -> str:
        """Return what the student calls the function."""
        name = _of(str, self.looked.get("own_name"))
        return name if name.isidentifier() and len(name) <= 80 else otherwise

    def is_stub(self) -> bool:
        """Say whether its body is still empty."""
        return self.looked.get("is_stub") is True

    def is_async(self) -> bool:
        """Say whether it begins with ``async def``."""
        return self.looked.get("is_async") is True

    def has_placeholder(self) -> bool:
        """Say whether the stub's comment is still there."""
        return self.looked.get("has_placeholder") is True

    def returns_something(self) -> bool:
        """Say whether there is a `return` with a value somewhere."""
        return self.looked.get("returns_something") is True

    def makes_generator(self) -> bool:
        """Say whether it makes or seeds a random generator."""
        return self.looked.get("makes_generator") is True

    def refusal(self, count: int) -> Refusal | None:
        """Return how it is written if it cannot be called with this many arguments."""
        refusals = _of(list, self.looked.get("refusals"))
        if len(refusals) <= count or refusals[count] is None:
            return None
        written, names = (*_of(list, refusals[count]), None, None)[:2]
        return Refusal(_of(str, written), tuple(_of(str, name) for name in _of(list, names)))

    def read_from_outside(self, inputs: Inputs) -> Outside | None:
        """Return which variables of the notebook stand where arguments belong."""
        found = self.looked.get("outside")
        if found is None:
            return None
        unused, names = (*_of(list, found), None, None)[:2]
        listed = [tuple(cut(_of(str, name), 60) for name in _of(list, part)) for part in (unused, names)]
        return Outside(*listed) if all(listed) else None


class MissingError(Exception):
    """A function that a stage stands on is not there; its argument is the function's name."""


class RemoteFunctions:
    """The student's functions, for the parts of a stage. See ``checks.stage.Functions``."""

    def __init__(self, worker: Worker, deadline: float, cells: Mapping[str, str]) -> None:
        """Take the worker, the time by which all calls have to be done, and what was handed in."""
        self.worker, self.deadline, self.cells = worker, deadline, cells
        self._answered = False  # from then on, arguments may be made of what the student's code returned

    def call(self, name: str, *arguments: Any) -> Any:
        """Return a function's answer as data: tuples as lists; raise Stopped where the code stops, or MissingError."""
        worlds = [one.fresh() for one in arguments if isinstance(one, ProbeEnvironment)]
        places = iter(range(len(worlds)))
        sent = [Handle(next(places)) if isinstance(one, ProbeEnvironment) else one for one in arguments]
        try:
            request = {"do": "call", "name": name, "arguments": sent}
            answer = self.worker.ask(request, self.deadline, partial(_played, worlds))
        except UnsendableError:
            if not self._answered:
                raise
            raise Died("error", "What one of your functions returned cannot be passed on to another.") from None
        if answer.get("missing") is True:
            raise MissingError(name)
        self._answered = True
        call = _call({}, answer, self.cells)
        if call.stop:
            raise Stopped(call.stop)
        if isinstance(call.value, Elsewhere):
            if call.kind != "numbers":
                raise Stopped(Stop("TypeError", f"its answer is {call.value!r}", None, "", 0.0))
            return call.numbers
        return _lists(call.value)


def _played(worlds: Sequence[ProbeEnvironment], asked: Any) -> dict[str, Any]:
    """Return what a world answers to a reset or a step, or the error that it raises."""
    number, what, given = (*_of(list, asked), None, None, None)[:3]
    if type(number) is not int or not 0 <= number < len(worlds):
        raise Died("error", "What came back from your code is not an answer.")
    try:
        world = worlds[number]
        return {"seen": world.step(given) if what == "step" else world.reset(seed=given)}
    except Exception as error:  # whatever the seed or the action is
        return {"raised": "over" if isinstance(error, RuntimeError) else "", "message": cut(str(error), 400)}


def passed(inputs: Inputs) -> list[Any]:
    """Return a question's inputs as they are sent."""
    return [Seed(0) if key == "rng" else value for key, value in inputs.items()]


def _lists(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_lists(one) for one in value]
    return {key: _lists(one) for key, one in value.items()} if isinstance(value, dict) else value


def stop_of(told: Any, cells: Mapping[str, str]) -> Stop:
    """Return what an exception says; raise Died where the memory was used up."""
    told = _of(dict, told)
    if told.get("memory") is True:
        raise Died("memory", "Your code asked for more memory than there is.")
    line = told.get("line")
    error, message, text = (cut(_of(str, told.get(key)), 400) for key in ("error", "message", "text"))
    own = type(line) is int and any(
        text[:200] == written[line - 1].strip()[:200]
        for written in (source.split("\n") for source in cells.values())
        if 0 < line <= len(written)
    )
    return Stop(
        _type_name(error, cells, "Exception"),
        message,
        line if own else None,
        cut(text, 120) if own else "",
        _of(float, told.get("seconds")),
        arithmetic=told.get("arithmetic") is True,
    )


def _type_name(name: str, cells: Mapping[str, str], otherwise: str) -> str:
    known = name in KNOWN or any(re.search(rf"\bclass {re.escape(name)}\b", source) for source in cells.values())
    return name if known and len(name) <= 60 else otherwise


def _described(text: str) -> str:
    """Return what the worker says of an array without its shape, which it chooses; "" where it is no array."""
    found = re.fullmatch(r"(an array|a single number)( of shape [\d, ()]+)? (\(dtype [a-z]{1,12}\d{0,3}\))", text)
    return f"{found[1]} {found[3]}" if found else ""


def _call(inputs: Inputs, answer: dict[str, Any], cells: Mapping[str, str]) -> Call:
    """Return a call as the worker tells it. What an answer is made of is seen here, not believed."""
    call, names = Call(inputs), list(inputs)
    call.printed = cut(_of(str, answer.get("printed", "")), 2000)
    call.invalid = frozenset(_of(str, name) for name in _of(list, answer.get("invalid", [])))
    changed = [_of(int, place) for place in _of(list, answer.get("changed", []))]
    call.changed = tuple(names[place] for place in changed if 0 <= place < len(names))
    shared = answer.get("shared")
    call.shared = names[shared] if type(shared) is int and 0 <= shared < len(names) else ""
    if "stop" in answer:
        call.stop = stop_of(answer["stop"], cells)
    elif answer.get("ellipsis") is True:
        call.value, call.kind = ..., "other"
    elif "elsewhere" in answer:
        name, described, is_callable = (*_of(list, answer["elsewhere"]), None, None, None)[:3]
        name = _type_name(_of(str, name), cells, "object")
        call.value = Elsewhere(name, _described(_of(str, described)), is_callable is True)
        call.kind = kind if (kind := answer.get("kind")) in KINDS else "other"
        if call.kind == "numbers":
            call.numbers = _of(np.ndarray, answer.get("numbers"))
            if call.numbers.dtype != float or call.numbers.size > inspection.MOST:
                raise Died("error", "What came back from your code is not an answer.")
    else:
        call.value = answer.get("value")
        call.kind, call.numbers = inspection.look_at(call.value)
    return call


def deadline(seconds: float) -> float:
    """Return the time of ``time.monotonic`` in so many seconds."""
    return time.monotonic() + seconds
