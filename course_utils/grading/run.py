"""Grading a folder of submissions: many at once, each result kept as soon as it is there.

A run that is killed at any moment loses no result, and the same command goes on where it stopped. A result stands for
as long as the file that was handed in, the set with all that judges it, and the course's secret are the same. What
fails and is not the student's doing is tried again, then reported, and is never a mark. One submission neither stops
nor changes another: where a marking process dies, those that it may have been working on are tried again one by one.
"""

import concurrent.futures
import dataclasses
import functools
import hashlib
import hmac
import importlib.metadata
import multiprocessing
import os
import platform
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout

import course_utils
from course_utils import data_files
from course_utils.grading import audit, marking, problem_sets, results, submissions
from course_utils.grading.marking import Outcome
from course_utils.grading.problem_sets import ProblemSet
from course_utils.grading.results import Result
from course_utils.grading.sandbox import Limits, Sandbox
from course_utils.grading.submissions import Handed, Submission

__all__ = [
    "Comparison",
    "Summary",
    "Task",
    "UsageError",
    "definition",
    "grade",
    "mark_task",
    "replay",
    "secret",
    "seed",
]


RETRIES = 2  # after a failure that is not the student's
Kind = Literal["bubblewrap", "none"]
Marker = Callable[["Task"], list[Outcome]]


class UsageError(ValueError):
    """An argument that cannot be used; the message names it, what was got and what was wanted."""


@dataclass(frozen=True)
class Task:
    """One submission, as it goes to a marking process: plain data alone."""

    set: str
    student: str
    says: str
    """the id that the data of its numbers follow from"""
    cells: Mapping[str, str]
    written: Mapping[str, str]
    seeds: Mapping[str, int]
    """of each item; the course's secret does not travel"""
    sandbox: Kind
    limits: Limits


@dataclass
class Summary:
    """What came of a run."""

    found: int = 0
    graded: int = 0
    """in this run"""
    kept: int = 0
    """graded before, and unchanged since"""
    refused: int = 0
    failed: list[str] = field(default_factory=list)
    """the students whose submission could not be graded for reasons that are not theirs"""
    statuses: Counter[str] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    interrupted: bool = False


def grade(
    source: str | os.PathLike[str],
    problem_set: ProblemSet,
    out: str | os.PathLike[str] = "grading",
    *,
    sandbox: Kind = "bubblewrap",
    limits: Limits | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    marker: Marker | None = None,
    progress: bool = True,
    each: Callable[[Submission, Result], object] | None = None,
) -> Summary:
    """Grade what is not graded yet, and return what came of it.

    Args:
        source: a folder or ZIP, as ``submissions.find`` takes it.
        problem_set: what was asked.
        out: the folder for all that is written.
        sandbox: "bubblewrap", or "none", in which a student's code can do what you can do.
        limits: of the sandbox.
        jobs: marking processes; None for one on each processor.
        scheduler: the address of a Dask scheduler, in place of processes of this machine.
        marker: in place of ``mark_task``; a function that a new process can import.
        progress: whether a bar shows how far it is, where a person watches.
        each: is called with each submission and its result, kept ones too, in this process.

    Raises:
        SubmissionsError: source holds no submission.
        UsageError: an argument cannot be used, or another run is writing to the same folder.
    """
    if marker is None:
        try:
            _sandbox(sandbox, limits or Limits())
        except RuntimeError as error:  # told once, before it fails for each submission
            raise UsageError(f"--sandbox is {sandbox!r}, which cannot be had: {error}") from None
    folder = Path(out)
    began = time.monotonic()
    with _alone(folder):
        listing = submissions.find(source, problem_set.name)
        key = secret(folder)
        run = _Run(problem_set, folder, key, sandbox, limits or Limits(), marker or mark_task, each)
        summary = run.summary
        summary.found, summary.notes = len(listing.students), listing.notes
        with audit.Log(folder / "audit.jsonl") as run.log, _bar(len(listing.students), progress) as run.tick:
            run.log.add({"event": "run", "set": problem_set.name, "sandbox": sandbox, **run.circumstances})
            try:
                with _executor(jobs, scheduler) as pool:
                    run.all(listing.students, pool)
            except KeyboardInterrupt:
                summary.interrupted = True
            summary.seconds = time.monotonic() - began
            run.log.add({"event": "end", "set": problem_set.name, "graded": summary.graded, "failed": summary.failed})
    return summary


def mark_task(task: Task) -> list[Outcome]:
    """Mark one submission, in whatever process or machine this is called."""
    problem_set = problem_sets.load(task.set)
    return marking.mark(
        problem_set,
        task.cells,
        lambda item: task.seeds[item],
        _sandbox(task.sandbox, task.limits),
        student=task.says,
        written=task.written,
    )


@functools.cache
def _sandbox(kind: Kind, limits: Limits) -> Sandbox:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the command has warned of "none"
        return Sandbox(kind, limits)


# --- what a result follows from ----------------------------------------------------------------------


def secret(out: Path) -> str:
    """Return the course's secret, from which the inputs of each student follow; it is made at first."""
    file = out / "secret.txt"
    out.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(32) + "\n")
    key = file.read_text(encoding="utf-8").strip()
    if len(key) < 16:
        raise UsageError(
            f"{file} holds {len(key)} characters, expected at least 16; a new one is made where it is gone"
        )
    return key


def seed(key: str, set_name: str, student: str, item: str) -> int:
    """Return the seed of an item's inputs: 63 bits of HMAC-SHA256(secret, "set|student|item")."""
    digest = hmac.new(key.encode(), f"{set_name}|{student}|{item}".encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def definition(problem_set: ProblemSet) -> str:
    """Return the SHA-256 of a set and of the sources that judge it: a result of other ones is graded again."""
    package = Path(course_utils.__file__).parent
    grading = package / "grading"
    own = ("cures", "marking", "problem_sets", "protocol", "remote", "sandbox", "system_calls", "worker")
    files = [*sorted((package / "checks").rglob("*.py")), *(grading / f"{name}.py" for name in own)]
    files.append(grading / "sets" / f"{problem_set.name}.py")
    digest = hashlib.sha256()
    for item in problem_set.items:
        digest.update(repr((item.id, item.kind, item.title, item.points, item.name, item.rubric)).encode())
    for file in files:
        if file.exists():
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


@functools.cache
def _versions() -> dict[str, str]:
    found = {"course": course_utils.__version__, "python": platform.python_version(), "numpy": np.__version__}
    if shutil.which("bwrap"):
        with suppress(OSError, subprocess.SubprocessError):
            asked = subprocess.run(["bwrap", "--version"], capture_output=True, text=True, timeout=20, check=True)
            found["bubblewrap"] = asked.stdout.split()[-1]
    with suppress(importlib.metadata.PackageNotFoundError):
        found["nbgrader"] = importlib.metadata.version("nbgrader")
    return found


# --- the run -----------------------------------------------------------------------------------------


class _Run:
    """One run: what is the same for all its submissions."""

    log: audit.Log
    tick: Callable[[], None]

    def __init__(
        self,
        problem_set: ProblemSet,
        out: Path,
        key: str,
        sandbox: Kind,
        limits: Limits,
        marker: Marker,
        each: Callable[[Submission, Result], object] | None,
    ) -> None:
        self.set, self.out, self.key = problem_set, out, key
        self.sandbox, self.limits, self.marker, self.each = sandbox, limits, marker, each
        self.summary = Summary()
        self.circumstances: dict[str, Any] = {
            "limits": {"sandbox": sandbox, **dataclasses.asdict(limits)},
            "versions": _versions(),
            "secret": hashlib.sha256(key.encode()).hexdigest(),
            "definition": definition(problem_set),
        }

    def all(self, students: tuple[Handed, ...], pool: "_Pool") -> None:
        """Grade all, with few of them in memory at a time."""
        waiting: dict[Future[list[Outcome]], tuple[Submission, int]] = {}
        suspects: list[Submission] = []
        try:
            for handed in students:
                submission = submissions.read(handed, self.set)
                if self._is_done(submission):
                    continue
                while len(waiting) >= pool.room:
                    self._take(waiting, suspects, pool)
                waiting[pool.submit(self.marker, self._task(submission))] = submission, 0
            while waiting:
                self._take(waiting, suspects, pool)
            for submission in suspects:
                self._alone(submission, pool)
        except BaseException:
            pool.stop()
            raise

    def _take(
        self, waiting: dict[Future[list[Outcome]], tuple[Submission, int]], suspects: list[Submission], pool: "_Pool"
    ) -> None:
        """Take what has come in; what failed and may do better is tried again."""
        done, _ = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
        broken = any(isinstance(future.exception(), BrokenProcessPool) for future in done)
        if broken:  # a marking process died, and it is not known which submission it had
            suspects += [submission for submission, _ in waiting.values()]
            waiting.clear()
            pool.renew()
            return
        for future in done:
            submission, tries = waiting.pop(future)
            outcomes, reason = _outcomes(future, self.set)
            if reason and tries < RETRIES:
                waiting[pool.submit(self.marker, self._task(submission))] = submission, tries + 1
            else:
                self._keep(submission, outcomes, reason)

    def _alone(self, submission: Submission, pool: "_Pool") -> None:
        """Grade one with nothing else running, so that it alone can be what a marking process dies of."""
        for _ in range(RETRIES + 1):
            future = pool.submit(self.marker, self._task(submission))
            concurrent.futures.wait([future])
            outcomes, reason = _outcomes(future, self.set)
            if isinstance(future.exception(), BrokenProcessPool):
                pool.renew()
            if not reason:
                break
        self._keep(submission, outcomes, reason)

    def _task(self, submission: Submission) -> Task:
        seeds = {item.id: seed(self.key, self.set.name, submission.student, item.id) for item in self.set.items}
        return _task(self.set, submission, seeds, self.sandbox, self.limits)

    def _is_done(self, submission: Submission) -> bool:
        """Say whether there is nothing to mark: it was marked as it is, or nothing of it can be."""
        old = None
        with suppress(data_files.DataFileError):
            old = results.read(results.location(self.out, self.set.name, submission.student))
        now = self._result(submission, ())
        same = old is not None and dataclasses.replace(
            now, outcomes=old.outcomes, limits=old.limits, versions=old.versions, notes=old.notes
        ) == dataclasses.replace(old)
        if old is not None and same and old.whole and (submission.refused or old.outcomes):
            self.summary.kept += 1
            self._count(submission, old)
            return True
        if submission.refused:
            self._keep(submission, [], "")
            return True
        return False

    def _result(self, submission: Submission, outcomes: tuple[Outcome, ...], reason: str = "") -> Result:
        failed = (f"{results.FAILED}: {reason}",) if reason else ()
        return Result(
            set=self.set.name,
            student=submission.student,
            sha256=submission.sha256,
            outcomes=outcomes,
            notes=(*submission.notes, *failed),
            refused=submission.refused,
            name=submission.name,
            number=submission.number,
            says=submission.says,
            **self.circumstances,
        )

    def _keep(self, submission: Submission, outcomes: list[Outcome], reason: str) -> None:
        result = self._result(submission, tuple(outcomes), reason)
        results.write(self.out, result)
        self.log.add(
            {
                "event": "graded",
                "set": self.set.name,
                "student": result.student,
                "file": str(submission.file),
                "sha256": result.sha256,
                "refused": result.refused,
                "failed": reason,
                "says": _whose(submission),
                "items": {
                    outcome.id: {"seed": outcome.seed, "status": outcome.status, "points": outcome.points}
                    for outcome in outcomes
                },
                **self.circumstances,
            }
        )
        self.summary.graded += 1
        self._count(submission, result)

    def _count(self, submission: Submission, result: Result) -> None:
        self.summary.refused += bool(result.refused)
        self.summary.statuses.update(outcome.status for outcome in result.outcomes)
        if not result.whole:
            self.summary.failed.append(result.student)
        if self.each is not None:
            self.each(submission, result)
        self.tick()


def _task(
    problem_set: ProblemSet, submission: Submission, seeds: Mapping[str, int], sandbox: Kind, limits: Limits
) -> Task:
    return Task(
        problem_set.name,
        submission.student,
        _whose(submission),
        submission.cells,
        submission.written,
        dict(seeds),
        sandbox,
        limits,
    )


def _whose(submission: Submission) -> str:
    """Return the id that a student's data follow from: the file's, or the notebook's where a platform names the file.

    Nobody knows the number that Canvas or Moodle gives; what the notebook says then stands in the result as well, where
    two students that say the same are seen.
    """
    return (submission.number and submission.says) or submission.student


def _outcomes(future: Future[list[Outcome]], problem_set: ProblemSet) -> tuple[list[Outcome], str]:
    """Return the outcomes of a submission, and why it could not be graded, if so."""
    error = future.exception()
    if error is None:
        outcomes = future.result()
        failed = [outcome for outcome in outcomes if outcome.status == "infrastructure"]
        reason = (failed[0].paragraphs or ("the sandbox failed",))[0] if failed else ""
        return outcomes, reason
    reason = "its marking process died" if isinstance(error, BrokenProcessPool) else f"{type(error).__name__}: {error}"
    return [Outcome(item.id, "infrastructure", None, item.points) for item in problem_set.items], reason


# --- where it runs -----------------------------------------------------------------------------------


class _Pool:
    """An executor, and how many submissions it gets at a time."""

    def __init__(self, make: Callable[[], Executor], room: int) -> None:
        self._make, self.room = make, room
        self._executor = make()

    def submit(self, function: Marker, task: Task) -> Future[list[Outcome]]:
        try:
            return self._executor.submit(function, task)
        except BrokenProcessPool as error:  # it broke between two looks at it
            failed: Future[list[Outcome]] = Future()
            failed.set_exception(error)
            return failed

    def renew(self) -> None:
        """Start anew after a process died."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._make()

    def stop(self) -> None:
        """End what is running, at once: its results are not wanted any more."""
        local = isinstance(self._executor, ProcessPoolExecutor)
        processes = [one for one in multiprocessing.active_children() if local and isinstance(one, SpawnProcess)]
        self._executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _executor(jobs: int | None, scheduler: str | None) -> Iterator[_Pool]:
    if scheduler is None:
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        count = count if jobs is None else jobs
        context = multiprocessing.get_context("spawn")
        pool = _Pool(
            lambda: ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(os.getpid(),)),
            2 * count,
        )
        try:
            yield pool
        finally:
            pool.close()
        return
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("--scheduler needs Dask, which is not here: pip install distributed") from None
    try:
        client = Client(scheduler, timeout=20, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(f"--scheduler is {scheduler!r}, where no scheduler answers ({error})") from None
    with client:
        threads = sum(client.nthreads().values())  # type: ignore[no-untyped-call]
        yield _Pool(lambda: client.get_executor(retries=RETRIES), 2 * max(threads, jobs or 1))  # type: ignore[no-untyped-call]


def _begin(parent: int) -> None:
    """Begin a marking process: it leaves Ctrl-C to its parent, and ends when that is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    if os.name == "posix":
        threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Let no second run write to a folder meanwhile."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out is {out}, which cannot be made ({error.strerror}); expected a folder") from None
    lock = FileLock(out / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(f"--out is {out}, where another run is writing; wait for it or take another folder") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _bar(total: int, progress: bool) -> Iterator[Callable[[], None]]:
    if not (progress and sys.stderr.isatty()):
        yield lambda: None
        return
    from tqdm import tqdm

    with tqdm(total=total, desc="submissions", unit="") as bar:
        yield lambda: bar.update() and None


# --- again, from the log -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """An item's outcome now, beside what the audit log says of it."""

    id: str
    seed: int
    then: tuple[str, float | None]
    now: tuple[str, float | None]


def replay(
    source: str | os.PathLike[str],
    problem_set: ProblemSet,
    out: str | os.PathLike[str],
    student: str,
    *,
    sandbox: Kind = "bubblewrap",
    limits: Limits | None = None,
    marker: Marker | None = None,
) -> list[Comparison]:
    """Mark a student's submission with the seeds of the audit log, and compare; nothing is written.

    Raises UsageError where the log tells of no such student, or another file was graded then.
    """
    told = None
    for event in audit.events(Path(out) / "audit.jsonl"):
        if (event.get("event"), event.get("set"), event.get("student")) == ("graded", problem_set.name, student):
            told = event
    if told is None or not told["items"]:
        raise UsageError(f"--replay is {student!r}, of whom the audit log tells nothing for {problem_set.name}")
    found = [handed for handed in submissions.find(source, problem_set.name).students if handed.student == student]
    submission = submissions.read(found[0], problem_set) if found else None
    if submission is None or submission.sha256 != told["sha256"]:
        raise UsageError(f"--replay is {student!r}, whose file is not the one that was graded at {told['time']}")
    seeds = {item: entry["seed"] for item, entry in told["items"].items()}
    task = _task(problem_set, submission, seeds, sandbox, limits or Limits())
    return [
        Comparison(
            outcome.id,
            outcome.seed,
            (told["items"][outcome.id]["status"], told["items"][outcome.id]["points"]),
            (outcome.status, outcome.points),
        )
        for outcome in (marker or mark_task)(task)
    ]
