"""Checking a stage of the build: every part is run, and the card lists them with tick and cross.

``examine`` runs the parts on functions wherever they are; ``judge_stage`` on the functions of the file that a learner's
function stands in.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import Any, Literal

import numpy as np

from course_utils.checks import sentences
from course_utils.checks.calls import Learner, Stop
from course_utils.checks.inspection import is_stub, own_name, reads
from course_utils.checks.limit import TimeUp, Watch, attempt
from course_utils.checks.played import Seed
from course_utils.checks.probe_environment import ProbeEnvironment
from course_utils.checks.result import CheckResult
from course_utils.checks.stage import Fault, Functions, Part, Stage, Stopped

__all__ = ["LocalFunctions", "PartOutcome", "examine", "judge_stage"]


LIMIT = 120.0  # seconds for all parts
TRAINING = 20.0  # seconds of one call before it is said that it is still running: it may train
EMPTY = "Empty"  # the error's name where a function is a stub, or is not there


@dataclass(frozen=True)
class PartOutcome:
    """What became of a part."""

    part: Part
    status: Literal["correct", "wrong", "error"]
    fault: Fault | None = None
    stop: Stop | None = None

    @property
    def points(self) -> float:
        """What it earned."""
        return self.part.points if self.status == "correct" else 0.0


def examine(stage: Stage, functions: Functions, seed: int) -> tuple[PartOutcome, ...]:
    """Run every part; each has a generator of its own, so that one part's inputs do not depend on another's fate."""
    found = []
    for k, part in enumerate(stage.parts):
        try:
            with np.errstate(all="ignore"):
                fault = part.run(functions, np.random.default_rng([seed, k]))
            found.append(PartOutcome(part, "wrong" if fault else "correct", fault))
        except Stopped as stopped:
            found.append(PartOutcome(part, "error", stop=stopped.stop))
            if stopped.stop.interrupted or stopped.stop.limit is not None:
                break
    return tuple(found)


class LocalFunctions:
    """The functions of the file or notebook that a learner's function stands in."""

    def __init__(self, function: Callable[..., Any], name: str, watch: Watch) -> None:
        """function: that of the stage, called ``name`` whatever the learner calls it."""
        self._function, self._name, self._watch = function, name, watch

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a function with copies of the arguments; see ``stage.Functions``."""
        space = getattr(self._function, "__globals__", {})
        function = self._function if name == self._name else space.get(name)
        if not callable(function) or is_stub(function):
            raise Stopped(Stop(EMPTY, f"your `{name}` is still empty", None, "", 0.0))
        if self._watch.since and isinstance(function, type):
            raise Stopped(Stop("TypeError", f"`{name}` is a class, expected a function", None, "", 0.0))
        names = attempt(lambda: list(signature(function).parameters), list[str]())
        if len(names) != len(arguments):
            names = [f"argument {k + 1}" for k in range(len(arguments))]
        inputs = {key: _arrived(value) for key, value in zip(names, arguments, strict=True)}
        with Learner(function, self._watch) as learner:
            call = learner(inputs)
            learner.watch_global_state()
        if call.stop is not None:
            raise Stopped(self._with_stubs(call.stop, function, space))
        if call.changed:
            what = "a record" if isinstance(inputs[call.changed[0]], dict) else "an array"
            message = f"`{name}` writes into `{call.changed[0]}`, {what} that comes in"
            raise Stopped(Stop("Mutates", message, None, "", 0.0))
        if learner.touched_global_state:
            message = f"`{name}` draws from `np.random` or `random`, whose numbers all code shares"
            raise Stopped(Stop("Shared", message, None, "", 0.0))
        return _left(call.value)

    def _with_stubs(self, stop: Stop, function: Any, space: dict[str, Any]) -> Stop:
        """Say that a function which the learner's own one calls is still empty, where that is so."""
        empty = [name for name in sorted(reads(function)) if name in space and _empty(space[name])]
        if not empty or stop.interrupted or stop.limit is not None:
            return stop
        return Stop(EMPTY, f"it calls your `{empty[0]}`, which is still empty", stop.line, stop.text, stop.seconds)


def _empty(value: Any) -> bool:
    return callable(value) and not isinstance(value, type) and is_stub(value)


def _arrived(value: Any) -> Any:
    """Return an argument as the learner's function gets it."""
    if isinstance(value, Seed):
        return value.generator()
    if isinstance(value, ProbeEnvironment):
        return value.played()
    return {key: _arrived(part) for key, part in value.items()} if isinstance(value, dict) else value


def _left(value: Any) -> Any:
    """Return an answer as data: tuples as lists, NumPy's numbers as Python's."""
    if isinstance(value, tuple | list):
        return [_left(part) for part in value]
    if isinstance(value, dict):
        return {key: _left(part) for key, part in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def judge_stage(
    stage: Stage, function: Callable[..., Any], seed: int | None = None, limit: float | None = LIMIT
) -> CheckResult:
    """Check a stage on the functions around a learner's function, and record nothing. See ``engine.check``."""
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
    evidence: dict[str, Any] = {"input": None, "got": None, "wanted": None, "seed": seed}
    if not callable(function):
        diagnosis = sentences.not_callable(stage.name, function)
        return _card(stage, diagnosis.status, diagnosis.mistake, evidence, [diagnosis.happened, diagnosis.why])
    space = getattr(function, "__globals__", {})
    begun = [name for name in stage.own() if callable(space.get(name)) and not is_stub(space[name])]
    if is_stub(function) and not begun:
        says = "Your function is still empty. Put your code where the `...` is, save the file, and run this cell again."
        asked = f"What is asked: {stage.prompt} It is called as `{stage.signature}`."
        return _card(stage, "not attempted", None, evidence, [says, asked, f"Where to read: {stage.read}."])
    own, out, started = own_name(function, stage.function), sys.stdout, time.perf_counter()
    say = partial(attempt, lambda: print(sentences.still_running(own, limit), file=out, flush=True), None)
    watch = Watch(limit, say, TRAINING)
    try:
        with watch:
            outcomes = examine(stage, LocalFunctions(function, stage.function, watch), seed)
            return _result(stage, outcomes, evidence, time.perf_counter() - started)
    except (KeyboardInterrupt, TimeUp) as error:
        watch.stop()
        stopped = "Stopped by you." if isinstance(error, KeyboardInterrupt) else f"Still running after {limit:g} s."
        return _card(stage, "not yet", None, evidence, [stopped, "Nothing is lost: what you wrote is as it was."])
    finally:
        watch.stop()


def _result(stage: Stage, outcomes: tuple[PartOutcome, ...], evidence: dict[str, Any], seconds: float) -> CheckResult:
    earned = sum(outcome.points for outcome in outcomes)
    marks = {outcome.part.id: "✓" if outcome.status == "correct" else "✗" for outcome in outcomes}
    rows = tuple((f"{marks.get(part.id, '·')} {part.title}", "") for part in stage.parts)
    evidence |= {"points": earned, "seconds": seconds}
    evidence["parts"] = [(outcome.part.id, outcome.points, outcome.part.points, outcome.status) for outcome in outcomes]
    bad = next((outcome for outcome in outcomes if outcome.status != "correct"), None)
    if bad is None:
        says = f"All {len(stage.parts)} parts are right ({earned:g} of {stage.points:g} points)."
        return _card(stage, "correct", None, evidence, [says, stage.remark], rows)
    start = f"{earned:g} of {stage.points:g} points. The first part that fails: {bad.part.title}."
    if bad.fault is not None:
        rows += (("", ""), *bad.fault.saw) if bad.fault.saw else ()
        happened, why, mistake = bad.fault.happened, bad.fault.why, bad.fault.mistake
        why = f"{'Why it matters' if mistake else 'What may help'}: {why}"
    else:
        happened, why, mistake = _of_stop(stage, bad.stop or Stop("", "", None, "", 0.0), evidence)
    again = f'`check("{stage.name}", {stage.function}, seed={evidence["seed"]})` draws the same inputs again.'
    words = [f"{start} {happened}", why, f"Where to read: {stage.read}.", again]
    return _card(stage, "not yet", mistake, evidence, [word for word in words if word], rows)


def _of_stop(stage: Stage, stop: Stop, evidence: dict[str, Any]) -> tuple[str, str, str | None]:
    """Return what is said of a call that did not come to its end."""
    evidence |= {"error": stop.error, "message": stop.message, "line": stop.line, "line_text": stop.text}
    if stop.error == EMPTY:
        where = f" (line {stop.line}: `{stop.text}`)" if stop.line else ""
        return f"It cannot go on: {stop.message}{where}.", "What may help: write that function first.", "empty"
    if stop.error == "Mutates":
        why = (
            "Why it matters: the caller's own one is changed too. Operators such as `-=` and `x[0] = …` write into it; "
        )
        return f"{stop.message}.", why + "`x = x - …`, `x.copy()` and `{**record, …}` make a new one.", "mutates-input"
    if stop.error == "Shared":
        why = "Why it matters: a run can then not be repeated. All chance comes from the `rng` that is passed in."
        return f"{stop.message}.", why, "global-rng"
    if stop.interrupted:
        return f"Stopped by you after {stop.seconds:.1f} s{sentences.in_line(stop)}.", "Nothing is lost.", "interrupted"
    if stop.limit is not None:
        found = sentences.too_long(stop, stage.name, stage.function)
        return found.happened, f"{found.label}: {found.why}", found.mistake
    found, helps = sentences.raised(stop, False), stage.help(stop)
    number, text = stop.caller
    called = f" That line was reached from line {number}: `{text}`." if number and text else ""
    return (
        f"{found.happened}{called} It says: {(stop.message or stop.error).rstrip('.')}.",
        f"What may help: {helps}" if helps else f"{found.label}: {found.why}",
        found.mistake,
    )


def _card(
    stage: Stage, status: Any, mistake: str | None, evidence: dict[str, Any], words: list[str], rows: Any = ()
) -> CheckResult:
    return CheckResult(status, mistake, evidence, stage.name, tuple(word for word in words if word), rows)
