"""Marking one submission: each item's answer is asked for in the sandbox, and judged here."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, Self, cast

import numpy as np

from course_utils.checks.calls import Stop
from course_utils.checks.engine import examine
from course_utils.checks.result import cut
from course_utils.checks.sentences import raised
from course_utils.checks.stage import Stage, Stopped
from course_utils.grading.problem_sets import Item, Judgement, ProblemSet, given, preamble
from course_utils.grading.remote import MissingError, RemoteFunctions, RemoteLearner, deadline, passed, stop_of
from course_utils.grading.sandbox import Died, Sandbox, UnsendableError, Worker

__all__ = ["Outcome", "mark"]


Status = Literal[
    "correct", "partial", "wrong", "error", "timeout", "memory", "no-answer", "needs-marking", "infrastructure"
]
NOTHING: Mapping[str, str] = MappingProxyType({})
ALMOST = 0.75  # of the points, where the idea is right and something small is not
MOST_ARGUMENTS = 9
ALIVE = 5.0  # seconds in which a worker says that it is still there
NO_COURSE = "The course's package is not there when your code is marked: your cells have to do with NumPy alone."
NOT_THERE = "There is no `{}` when your cells have run."
DROPPED = "Lines for the notebook alone (`%`, `!`, `?`) were left out."


@dataclass(frozen=True)
class Outcome:
    """What one item of a submission is worth."""

    id: str
    status: Status
    points: float | None
    """None: not graded (needs-marking, infrastructure), which is never 0"""
    max_points: float
    mistake: str | None = None
    parts: tuple[tuple[str, float, float, str], ...] = ()
    """of a stage: each part's id, points, most points, and status"""
    paragraphs: tuple[str, ...] = ()
    """feedback; no input and no seed stands in it"""
    rows: tuple[tuple[str, str], ...] = ()
    """the first failing case, which an instructor may choose to show"""
    seed: int = 0
    """of the item's inputs"""
    seconds: float = 0.0


def mark(
    problem_set: ProblemSet,
    cells: Mapping[str, str],
    student_seed: Callable[[str], int],
    sandbox: Sandbox,
    *,
    student: str = "",
    written: Mapping[str, str] = NOTHING,
) -> list[Outcome]:
    """Mark one submission.

    Args:
        problem_set: what was asked.
        cells: the source of each solution cell, by the item's id.
        student_seed: gives the seed of an item's fresh inputs, by the item's id.
        sandbox: where the student's code runs.
        student: the student's id, from which the data of numbers follow.
        written: the Markdown of each written answer, by the item's id.

    Returns:
        one Outcome for each item, in the set's order. Nothing that a submission holds raises.
    """
    with _Submission(problem_set, cells, sandbox, student) as submission:
        return [_marked(submission, item, student_seed(item.id), written) for item in problem_set.items]


class _Submission:
    """The student's cells in a worker, and in a fresh one after it died."""

    def __init__(self, problem_set: ProblemSet, cells: Mapping[str, str], sandbox: Sandbox, student: str) -> None:
        self.sandbox, self.student = sandbox, student
        self.cells = {item.id: cells[item.id] for item in problem_set.items if item.id in cells}
        self.preamble = preamble(problem_set, student)
        self.items = [item for item in problem_set.items if item.id in self.cells]
        self.facts: dict[str, dict[str, Any]] = {}
        self.stops: dict[str, Stop] = {}
        self.died: dict[str, Died] = {}
        self.dropped: set[str] = set()
        self._worker: Worker | None = None
        self._over = deadline(sandbox.limits.submission)

    def until(self) -> float:
        """Return the time by which what begins now has to be done; raise Died where the submission has had its time."""
        if time.monotonic() >= self._over:
            raise Died("timeout", f"Your cells took more than {self.sandbox.limits.submission:g} s together.")
        return min(deadline(self.sandbox.limits.wall), self._over)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._worker:
            self._worker.close()
        self._worker = None

    def worker(self) -> Worker:
        """Return a worker that has executed the cells, each but those that end one.

        Values are fetched, and functions looked at, before the code has seen any input that is hidden. One that an
        earlier question has broken is not the next one's fault: it is started again.
        """
        if self._worker is not None:
            until = min(self.until(), deadline(ALIVE))
            try:
                self._worker.ask({"do": "touched"}, until)
            except Died:
                self.close()
        while self._worker is None:
            self._worker = self.sandbox.start()
            self._execute("preamble", self.preamble)
            steps: list[tuple[str, Callable[[], None]]] = [
                *((id, partial(self._execute, id, source)) for id, source in self.cells.items()),
                *((item.id, partial(self._look_at, item)) for item in self.items if item.id not in self.facts),
            ]
            for id, step in steps:
                if id in self.died:
                    continue
                try:
                    step()
                except Died as died:
                    self.died[id] = died
                    self.close()
                    break
                except BaseException:
                    self.close()
                    raise
        return self._worker

    def _look_at(self, item: Item) -> None:
        if self._worker is None:
            return
        ask, until = self._worker.ask, self.until()
        if item.kind in ("number", "cure"):
            self.facts[item.id] = ask({"do": "get", "name": item.name}, until)
            return
        looked = ask({"do": "look", "name": item.name, "counts": list(range(MOST_ARGUMENTS))}, until)
        if item.kind == "function" and looked.get("callable") is True:
            looked |= ask({"do": "outside", "name": item.name, "arguments": passed(item.question.fixed[0])}, until)
        if item.kind == "stage" and looked.get("is_stub") is True:
            looked["is_stub"] = not any(map(self._is_written, item.question.own()))
        self.facts[item.id] = looked

    def _is_written(self, name: str) -> bool:
        assert self._worker is not None
        looked = self._worker.ask({"do": "look", "name": name, "counts": []}, self.until())
        return looked.get("callable") is True and looked.get("is_stub") is not True

    def _execute(self, id: str, source: str) -> None:
        if self._worker is None:
            return
        try:
            answer = self._worker.ask({"do": "cell", "id": id, "source": source}, self.until())
        except UnsendableError:
            raise Died("error", "This cell holds characters that no program can hold, or is too long.") from None
        self.stops.pop(id, None)
        if answer.get("stop") is not None:
            self.stops[id] = stop_of(answer["stop"], self.cells)
        if answer.get("dropped") is True:
            self.dropped.add(id)


def _marked(submission: _Submission, item: Item, seed: int, written: Mapping[str, str]) -> Outcome:
    """Return what an item is worth; where the machine or the grader fails, nothing is said about the answer."""
    started = time.perf_counter()
    outcome = Outcome(item.id, "no-answer", 0.0, item.points, paragraphs=("Nothing was handed in.",), seed=seed)
    try:
        if item.kind == "written":
            if written.get(item.id, "").strip():
                outcome = replace(outcome, status="needs-marking", points=None, paragraphs=())
        elif item.id in submission.cells:
            outcome = _by_kind(submission, item, outcome)
    except Died as died:
        submission.close()
        outcome = replace(outcome, status=died.status, points=0.0, paragraphs=(died.sentence,))
    except Exception as error:  # whatever it is, it is no mark
        submission.close()
        told = f"This could not be marked: {type(error).__name__}: {cut(str(error), 400)}"
        outcome = replace(outcome, status="infrastructure", points=None, paragraphs=(told,))
    if item.id in submission.dropped and outcome.status not in ("needs-marking", "infrastructure"):
        outcome = replace(outcome, paragraphs=(*outcome.paragraphs, DROPPED))
    return replace(outcome, seconds=time.perf_counter() - started)


def _by_kind(submission: _Submission, item: Item, outcome: Outcome) -> Outcome:
    worker = submission.worker()
    if item.id in submission.died:
        raise submission.died[item.id]
    until = submission.until()
    looked = submission.facts[item.id]
    if looked.get("missing") is True:
        return _missing(item, outcome, submission.stops.get(item.id))
    if item.kind in ("number", "cure"):
        value = ... if looked.get("ellipsis") is True else looked.get("value", "an object")
        data = (given(item.id, submission.student) if item.kind == "number" else outcome.seed,)
        judged: Judgement = item.question.judge(value, *data)
        points, rows = judged.share * item.points, judged.rows
        return replace(
            outcome,
            status=judged.status,
            points=points,
            mistake=judged.mistake,
            paragraphs=judged.paragraphs,
            rows=rows,
        )
    if looked.get("callable") is not True:
        told = f"`{item.name}` is not a function when your cells have run."
        return replace(outcome, status="error", paragraphs=(told,))
    if item.kind == "stage":
        return _stage(submission, item, outcome, looked.get("is_stub") is True)
    result = examine(item.question, RemoteLearner(worker, item.name, looked, until, submission.cells), outcome.seed)
    raised = "error" in result.evidence and result.status == "not yet"
    statuses: dict[str, Status] = {"almost": "partial", "not yet": "wrong", "not attempted": "no-answer"}
    return replace(
        outcome,
        status="correct" if result.status == "correct" else "error" if raised else statuses[result.status],
        points=item.points * {"correct": 1.0, "almost": ALMOST}.get(result.status, 0.0),
        mistake=result.mistake,
        paragraphs=_with_hint(result.paragraphs),
        rows=_cases(result.rows),
    )


def _cases(rows: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return the rows without what the student's code is free to say there: it may be another question's inputs."""
    return tuple(row for row in rows if row[0] not in ("message", "printed"))


def _missing(item: Item, outcome: Outcome, stop: Stop | None) -> Outcome:
    """Return what is said where a name is not there: the cell broke off, or never had it."""
    if stop is None:
        return replace(outcome, paragraphs=(NOT_THERE.format(item.name),))
    told = raised(stop, False).happened.replace("Your function stopped", "Your cell stopped")
    return replace(outcome, status="error", mistake="raised", paragraphs=_with_hint((told,)))


def _with_hint(paragraphs: tuple[str, ...]) -> tuple[str, ...]:
    return (*paragraphs, NO_COURSE) if any("course_utils" in one for one in paragraphs) else paragraphs


def _stage(submission: _Submission, item: Item, outcome: Outcome, is_stub: bool) -> Outcome:
    """Mark the parts one by one; each runs for itself, also after one that ended the worker."""
    if is_stub:
        return replace(outcome, paragraphs=("Your function is still empty.",))
    stage: Stage = item.question
    scale = item.points / stage.points
    parts, paragraphs, rows = list[tuple[str, float, float, str]](), list[str](), tuple[tuple[str, str], ...]()
    mistake = None
    for place, part in enumerate(stage.parts):
        status, told = "correct", tuple[str, ...]()
        try:
            functions = RemoteFunctions(submission.worker(), submission.until(), submission.cells)
            with np.errstate(all="ignore"):  # what the student's numbers lead to, as `building.examine` takes it
                fault = part.run(functions, np.random.default_rng([outcome.seed, place]))
        except Died as died:
            submission.close()
            status, told = died.status, (died.sentence,)
        except MissingError as missing:
            status, told = "error", (NOT_THERE.format(missing.args[0]),)
        except Stopped as stopped:
            found_stop, helps = raised(stopped.stop, False), stage.help(stopped.stop)
            status, told = "error", _with_hint((found_stop.happened, f"What may help: {helps or found_stop.why}"))
            mistake = mistake or "raised"
        else:
            if fault:
                label = "Why it matters" if fault.mistake else "What may help"
                told = (fault.happened, *([f"{label}: {fault.why}"] if fault.why else ()))
                status, rows = "wrong", rows or _cases(fault.saw)
                mistake = mistake or fault.mistake
        points = part.points * scale
        parts.append((part.id, points if status == "correct" else 0.0, points, status))
        paragraphs += [f"{part.title}: {status}.", *told]
    if mistake is not None or any(part[3] == "wrong" for part in parts):
        paragraphs += [f"Where to read: {stage.read}."]
    reached, found = sum(part[1] for part in parts), {part[3] for part in parts}
    status = "correct" if found == {"correct"} else "partial" if reached else parts[0][3]
    return replace(
        outcome,
        status=cast(Status, status),
        points=reached,
        mistake=mistake,
        parts=tuple(parts),
        paragraphs=tuple(paragraphs),
        rows=rows,
    )
