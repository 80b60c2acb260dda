"""What runs in the sandbox: it executes a student's cells, calls their functions, and answers in data.

It knows nothing of what is right, and nobody relies on what it says: the student's code lives in the same process and
may say anything in its place, which is then that student's answer. It imports Python, NumPy and the files that lie
beside it: ``protocol``, ``inspection``, ``limit`` and ``played``.

A request and its answer are each one line, a dict of the protocol with the same number ``n``.
"""

import ast
import json
import linecache
import os
import random
import re
import resource
import sys
import time
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

try:
    import inspection  # type: ignore[import-not-found]
    import played  # type: ignore[import-not-found]
    import protocol  # type: ignore[import-not-found]
except ModuleNotFoundError:  # not in the sandbox: read by the tools alone
    from course_utils.checks import inspection, played
    from course_utils.grading import protocol

__all__ = ["main", "without_magics"]


TEXT = 400  # characters of what an exception says
SHOWN = 300  # characters of a line


def main() -> None:
    """Answer requests until there are none; the argument holds the limits, as JSON."""
    limits = json.loads(sys.argv[1])
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):  # what the student's code prints, also past Python, goes nowhere
        os.dup2(null, number)
    os.close(null)
    _limit(limits)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    request: dict[str, Any] = {}

    def exchange(asked: list[Any]) -> Any:
        """Ask the grader to play, and return what it says."""
        _send(answers, {"play": asked, "n": request["n"]})
        return protocol.decode(requests.readline())

    session = _Session(exchange)
    _send(answers, {"ready": True})
    while line := requests.readline():
        request = protocol.decode(line)
        try:
            answer = session.answer(request)
        except MemoryError:
            answer = {"memory": True}
        _send(answers, {**answer, "n": request["n"]})


def _send(answers: Any, message: dict[str, Any]) -> None:
    answers.write(protocol.encode(message).encode() + b"\n")
    answers.flush()


def _limit(limits: dict[str, Any]) -> None:
    """Set the limits for good, and leave the rights of root behind where they are there."""
    if limits["user"] is not None:
        os.setgroups([])
        os.setresgid(*[limits["user"]] * 3)
        os.setresuid(*[limits["user"]] * 3)
    for name, key in (("AS", "memory"), ("FSIZE", "file"), ("NPROC", "processes"), ("NOFILE", "files"), ("CORE", "")):
        number = getattr(resource, f"RLIMIT_{name}")
        wanted, most = limits.get(key, 0), resource.getrlimit(number)[1]
        resource.setrlimit(number, (wanted, wanted) if most < 0 else (min(wanted, most), min(wanted, most)))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu"], limits["cpu"] + 1))


def without_magics(source: str) -> tuple[str, bool]:
    """Return a cell's source, and whether lines that only a notebook understands (%, !, ?) were taken out."""
    try:
        ast.parse(source)
    except SyntaxError:
        lines = source.split("\n")
        for place, line in enumerate(lines):
            if re.match(r"\s*([%!?]|[\w.]+\s*=\s*[%!]|[\w.]+\?{1,2}\s*$)", line):
                lines[place] = line[: len(line) - len(line.lstrip())] + "pass"
        return "\n".join(lines), "\n".join(lines) != source
    except (ValueError, RecursionError, MemoryError):
        pass  # executing it says why
    return source, False


class _Session:
    """The student's names, and what was answered."""

    def __init__(self, exchange: Callable[[list[Any]], Any]) -> None:
        self.exchange = exchange
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module  # as in a notebook
        self.names = module.__dict__
        self.names["np"] = np
        self.kept: list[Any] = []
        self.given: list[Any] = []
        self.begin()

    def begin(self) -> dict[str, Any]:
        self.random, self.numpy_random = random.getstate(), self._numpy_state()
        self.kept, self.given = [], []
        return {}

    @staticmethod
    def _numpy_state() -> list[bytes | int]:
        state: Any = np.random.get_state(legacy=False)  # noqa: NPY002
        return [state["state"]["key"].tobytes(), int(state["state"]["pos"])]

    def touched(self) -> dict[str, Any]:
        return {"touched": random.getstate() != self.random or self._numpy_state() != self.numpy_random}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        kinds: dict[str, Any] = {
            "cell": self.cell,
            "begin": self.begin,
            "touched": self.touched,
            "look": self.look,
            "call": self.call,
        }
        kinds |= {"draws": self.draws, "later": self.later, "outside": self.outside, "get": self.get}
        arguments = {key: value for key, value in request.items() if key not in ("n", "do")}
        answer: dict[str, Any] = kinds[request["do"]](**arguments)
        return answer

    def cell(self, id: str, source: str) -> dict[str, Any]:
        """Execute a cell."""
        file = f"<{id}>"
        source, dropped = without_magics(source)
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        started, stop = time.perf_counter(), None
        sys.stdout = sys.stderr = inspection.Kept()
        try:
            exec(compile(source, file, "exec"), self.names)
        except BaseException as error:
            stop = self.stop(error, None, started)
        return {"stop": stop, "dropped": dropped}

    def stop(self, error: BaseException, function: Any, started: float) -> dict[str, Any]:
        """Return what an exception says."""
        message = inspection.attempt(lambda: "".join(str.__getitem__(str(error), slice(20_000))), "(it cannot be read)")
        message = " ".join(message.split())
        line, text = inspection.own_line(error, function)
        if isinstance(error, SyntaxError) and line is None:
            line, text = error.lineno, (error.text or "").strip()
        number_trouble = ("math domain", "expected a positive", "int too large to convert to float")
        return {
            "error": _clean(type(error).__name__, 60),
            "message": _clean(message, TEXT),
            "line": line if type(line) is int else None,
            "text": _clean(text, SHOWN),
            "seconds": time.perf_counter() - started,
            "arithmetic": isinstance(error, ArithmeticError) or message.startswith(number_trouble),
            "memory": isinstance(error, MemoryError),
        }

    def look(self, name: str, counts: list[int]) -> dict[str, Any]:
        """Say what is known of a function without calling it."""
        if name not in self.names:
            return {"missing": True}
        function = self.names[name]
        refusals = [inspection.refusal(function, count) for count in counts]
        listed = [one and [_clean(one.written, TEXT), [_clean(n, 60) for n in one.by_keyword[:9]]] for one in refusals]
        return {
            "callable": callable(function),
            "described": _described(function),
            "own_name": _clean(inspection.own_name(function, ""), 80),
            "is_stub": inspection.is_stub(function),
            "is_async": inspection.is_async(function),
            "has_placeholder": inspection.has_placeholder(function),
            "returns_something": inspection.returns_something(function),
            "makes_generator": inspection.makes_generator(function),
            "refusals": listed,
        }

    def outside(self, name: str, arguments: list[Any]) -> dict[str, Any]:
        """Say which variables the function reads in place of its arguments."""
        found = inspection.read_from_outside(self.names[name], arguments)
        listed = ([_clean(one, 60) for one in part[:9]] for part in (found.unused, found.names)) if found else ()
        return {"outside": list(listed) or None}

    def call(self, name: str, arguments: list[Any], heed: bool = False, in_place: bool = False) -> dict[str, Any]:
        """Call a function once."""
        if in_place:
            for place, (old, new) in enumerate(zip(self.given, arguments, strict=False)):
                if isinstance(old, np.ndarray):
                    old[...] = new
                    arguments[place] = old
        self.given = arguments
        if name not in self.names:
            return {"missing": True}
        answer, value = self.once(name, arguments, heed)
        self.kept.append(value)
        return answer

    def once(self, name: str, arguments: list[Any], heed: bool = False) -> tuple[dict[str, Any], Any]:
        passed = [self.arrived(value) for value in arguments]
        before = {place: value.copy() for place, value in enumerate(passed) if type(value) is np.ndarray}
        printed, value, invalid, numbers = inspection.Kept(), None, frozenset[str](), inspection.NOTHING
        answer: dict[str, Any] = {}
        sys.stdout = sys.stderr = printed
        function, started = self.names.get(name), time.perf_counter()
        try:
            if heed:
                value, invalid = inspection.heeding(function, *passed)
            else:
                value = function(*passed)  # type: ignore[misc]
            answer["kind"], numbers = inspection.look_at(value)
        except BaseException as error:
            answer["stop"] = self.stop(error, function, started)
        if printed.total:
            answer["printed"] = _clean(printed.getvalue(), inspection.KEEP)
        if invalid:
            answer["invalid"] = [_clean(one, 60) for one in sorted(invalid)[:50]]
        for place, copy in before.items():
            if not inspection.same(passed[place], copy):
                answer.setdefault("changed", []).append(place)
            if type(value) is np.ndarray and np.may_share_memory(value, passed[place]):
                answer["shared"] = place
        if "stop" not in answer:
            answer |= _sent(value, answer["kind"], numbers)
        return answer, value

    def arrived(self, value: Any) -> Any:
        """Return an argument as the function gets it."""
        if isinstance(value, played.Handle):
            return played.Played(
                lambda seed: self.play([value.number, "reset", seed]),
                lambda action: self.play([value.number, "step", action]),
            )
        return value.generator() if isinstance(value, played.Seed) else value

    def play(self, asked: list[Any]) -> Any:
        """Return what a world of the grader answers; raise what it raises."""
        told = self.exchange(asked)
        if "seen" in told:
            return told["seen"]
        raise (RuntimeError if told["raised"] == "over" else ValueError)(told["message"])

    def draws(self, name: str, arguments: list[Any], seed: list[int], times: int) -> dict[str, Any]:
        """Call a function many times with one generator. Answers of one kind that follow each other come as one."""
        rng = np.random.default_rng(seed)
        before = inspection.progress_of(rng)
        answers: list[dict[str, Any]] = []
        run: list[Any] = []
        first: dict[str, Any] = {}
        same: Any = None

        def close() -> None:
            if run:
                answers.append({**first, "numbers": np.array(run, dtype=float), "times": len(run)})
                run.clear()

        for _ in range(times):
            copies = [value.copy() if type(value) is np.ndarray else value for value in arguments]
            passed = [rng if isinstance(value, played.Seed) else value for value in copies]
            answer, value = self.once(name, passed)
            if set(answer) - {"value", "kind"} or answer["kind"] != "numbers":
                close()
                answers.append({**answer, "times": 1})
                if "stop" in answer:
                    break
                continue
            shape = getattr(value, "shape", None)
            if run and ((type(value), shape) != same or isinstance(value, list | tuple)):
                close()
            if not run:
                first, same = answer, (type(value), shape)
            run.append(inspection.look_at(value)[1])
        close()
        return {"answers": answers, "drew": inspection.progress_of(rng) != before}

    def later(self, calls: list[int]) -> dict[str, Any]:
        """Return the numbers that earlier answers hold now."""
        return {"numbers": [np.array(self.kept[place], dtype=float) for place in calls]}

    def get(self, name: str) -> dict[str, Any]:
        """Return what a name stands for."""
        if name not in self.names:
            return {"missing": True}
        value = self.names[name]
        return _sent(value, *inspection.look_at(value))


def _sent(value: Any, kind: str, numbers: Any) -> dict[str, Any]:
    """Return a value as data; where it is none, what can be said of it, and its numbers if it is made of them."""
    if value is Ellipsis:
        return {"ellipsis": True}
    try:
        if kind == "too many":
            raise protocol.ProtocolError
        protocol.encode(value)
    except Exception:
        told = {"elsewhere": [_clean(type(value).__name__, 60), _described(value), callable(value)]}
        return {**told, "numbers": numbers} if kind == "numbers" else told
    return {"value": value}


def _described(value: Any) -> str:
    if type(value) is np.ndarray:
        shape = f"an array of shape {value.shape}" if value.ndim else "a single number"
        return _clean(f"{shape} (dtype {value.dtype})", 200)
    name = _clean(type(value).__name__, 60)
    if type(value) in (dict, tuple, list, set):
        return f"a {name} of {len(value)}"
    return ""


def _clean(text: Any, length: int) -> str:
    """Return a text that can be passed on, and is not longer."""
    plain = text if type(text) is str else ""
    return plain[:length].encode("utf-8", "backslashreplace").decode()
