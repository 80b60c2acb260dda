"""The learner's own record of checks, quizzes and predictions: one local file that no network ever sees.

The file is $POLICY_GRADIENT_COURSE_PROGRESS if that is set, else .progress.json in the notebooks folder, or where
there is none .policy-gradient-course/progress.json in the home folder; an empty value switches recording off. It holds
a list of events, oldest first. Each change is made under a lock, to a copy that then takes the file's place, so that
several notebooks at once lose nothing and a crash leaves the old file or the new one. A file that cannot be read, or
that a newer course wrote, is set aside under another name.

Recording never stops a lesson: what goes wrong is told in one sentence, once. An event that cannot be written now
(another notebook holds the lock, the disk is full) waits, and is written with the next one or when Python ends.
"""

import argparse
import atexit
import csv
import errno
import json
import math
import os
import secrets
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from course_utils import data_files, lessons

__all__ = [
    "count_predictions",
    "export",
    "learner_seed",
    "location",
    "main",
    "merge",
    "record_check",
    "record_clinic",
    "record_prediction",
    "record_quiz",
    "report",
    "reset",
    "summary",
]


VARIABLE = "POLICY_GRADIENT_COURSE_PROGRESS"
FORMAT = "policy-gradient-course progress"
VERSION = 1
MERGED = ("check", "quiz", "prediction", "clinic")  # kinds of events that another record may bring
CLINIC = "12"  # the lesson
SIGNS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet runs a cell that begins so, and learners write some cells
PATIENCE = 5.0  # seconds to wait for another notebook that is writing
# What file systems without locks say. There one goes on: for one notebook at a time that is safe.
WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}

Event = dict[str, Any]
_told: set[str] = set()
_waiting: dict[Path, list[Event]] = {}


def location() -> Path | None:
    """Return the file that progress is kept in, at the end of all links, or None where recording is switched off.

    Raises OSError where the home folder in its name, or the current folder, cannot be found.
    """
    named = os.environ.get(VARIABLE)
    if named is None and lessons.are_here():
        named = str(lessons.NOTEBOOKS / ".progress.json")
    elif named is None:
        named = os.path.join("~", ".policy-gradient-course", "progress.json")
    if not named.strip() or named == os.devnull:
        return None
    expanded = os.path.expanduser(named)
    if expanded.startswith("~"):
        raise FileNotFoundError(f"the home folder of {named.split(os.sep)[0]} is not known")
    return Path(os.path.realpath(expanded))


# --- what lessons call -------------------------------------------------------------------------------


def record_check(question: str, lesson: str, status: str, mistake: str | None = None) -> None:
    """Record the outcome of a check. One that was not attempted is not recorded.

    question: the check's name; lesson: its two-digit number; status: "correct", "almost", "not yet" or
    "not attempted"; mistake: the id of the mistake that was recognised, if any.
    """
    if status != "not attempted":
        _record({"kind": "check", "lesson": lesson, "question": question, "status": status, "mistake": mistake})


def record_quiz(quiz: str, question: str, correct: bool, first_try: bool, said: Any = None) -> None:
    """Record an answer to a quiz's question.

    quiz: the two-digit number of the quiz's lesson, or "final"; question: the question's id; correct: whether the
    answer was right; first_try: whether it was the first answer since the quiz was shown; said: the answer itself,
    where it is to be shown again.
    """
    answer = {"question": question, "correct": correct, "first_try": first_try}
    answer |= {} if said is None else {"said": said}
    _record({"kind": "quiz", "quiz": quiz, **answer})


def record_prediction(lab: str, record: dict[str, Any]) -> None:
    """Record a prediction that was made before its answer was shown.

    lab: the lab's name; record: what the lab keeps of a prediction, with its gap to the truth as "total_variation"
    if it has one, and "lesson" if the lab alone does not tell it.
    """
    _record({"kind": "prediction", "lab": lab, "record": record})


def record_clinic(case: str, step: str, record: dict[str, Any]) -> None:
    """Record what was tried in a case of the clinic.

    case: its name; step: "change", "verdict", "diagnosis", "blueprint", "answer" or "debrief"; record: what is kept of
    it, such as settings, seeds and whether it "cured", whether the cause was "right" and "supported", or a written
    answer.
    """
    _record({"kind": "clinic", "case": case, "step": step, "record": record})


def learner_seed() -> int:
    """Return a number of the learner's own, to draw by what is in another order for each; kept in the record.

    It is 0 where recording is switched off. A record that starts over has another one.
    """
    try:
        file = location()
    except OSError:
        file = None
    if file is None:
        return 0
    for event in [*_read_quietly(), *_waiting.get(file, [])]:
        if event.get("kind") == "learner" and isinstance(event.get("seed"), int) and 0 <= event["seed"] < 2**32:
            return int(event["seed"])
    seed = secrets.randbelow(2**32)
    _record({"kind": "learner", "seed": seed})
    return seed


# --- what learners call ------------------------------------------------------------------------------


def summary() -> dict[str, dict[str, Any]]:
    """Return what was done in each lesson that has a record, by the lesson's number.

    Each lesson has three entries. "checks", by name: status (the best so far), tries, and mistakes (the ids met).
    "quiz", by question: correct (ever), first_try (the very first answer was right), tries, and said, the answers that
    were kept (of the final test, whose number is "final"). "predictions": count,
    mean_gap, the mean total variation between prediction and answer, or None, and asked, what was last said to each
    question of ``Predict``, by its id: one that was only shown does not count, and one made twice counts once. Where
    the clinic was visited there is "clinic", by case: verdicts (how many), cured, and diagnosed (the cause was right,
    and two curves supported it).
    """
    return _summed_up(_read_quietly())


def _summed_up(events: Iterable[Event]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        kind, times = event.get("kind"), event.get("times", 1)
        record = event.get("record")
        record = record if isinstance(record, dict) else {}
        number = {
            "check": event.get("lesson"),
            "quiz": event.get("quiz"),
            "prediction": record.get("lesson") or lessons.lesson_of_lab(str(event.get("lab", ""))),
            "clinic": CLINIC,
        }.get(str(kind))
        if not isinstance(number, str) or not isinstance(times, int) or times < 1:
            continue
        lesson = found.setdefault(
            number, {"checks": {}, "quiz": {}, "predictions": {"count": 0, "mean_gap": None, "asked": {}, "gaps": []}}
        )
        question = str(event.get("question"))
        if kind == "check":
            entry = lesson["checks"].setdefault(question, {"status": "not yet", "tries": 0, "mistakes": []})
            entry["tries"] += times
            entry["status"] = max(entry["status"], str(event.get("status")), key=_rank)
            mistake = event.get("mistake")
            if isinstance(mistake, str) and mistake not in entry["mistakes"]:
                entry["mistakes"].append(mistake)
        elif kind == "quiz":
            correct = event.get("correct") is True
            entry = lesson["quiz"].setdefault(question, {"correct": False, "first_try": correct, "tries": 0})
            entry["tries"] += times
            entry["correct"] = entry["correct"] or correct
            if "said" in event:
                entry.setdefault("said", []).append(event["said"])
        elif kind == "clinic":
            at_first = {"verdicts": 0, "cured": False, "diagnosed": False}
            visit = lesson.setdefault("clinic", {}).setdefault(str(event.get("case")), at_first)
            step = event.get("step")
            visit["verdicts"] += times if step == "verdict" else 0
            visit["cured"] |= step == "verdict" and record.get("cured") is True
            told = step == "diagnosis" and record.get("right") is True and record.get("supported") is True
            visit["diagnosed"] |= told
        elif isinstance(record.get("prediction"), str):
            asked, name = lesson["predictions"]["asked"], record["prediction"]
            asked[name] = asked.get(name) if record.get("said") is None else record["said"]
        else:
            lesson["predictions"]["count"] += times
            gap = record.get("total_variation")
            if isinstance(gap, float | int) and abs(gap) <= sys.float_info.max:
                lesson["predictions"]["gaps"].append((gap, times))
    for lesson in found.values():
        lesson["predictions"]["count"] += sum(said is not None for said in lesson["predictions"]["asked"].values())
        gaps = lesson["predictions"].pop("gaps")
        count = sum(times for _, times in gaps)
        lesson["predictions"]["mean_gap"] = sum(gap * (times / count) for gap, times in gaps) if count else None
    return dict(sorted(found.items()))


def export(path: str | os.PathLike[str] | None = None, name: str = "") -> Path:
    """Write all that is recorded, and its summary, to one JSON file to keep or hand in, and return its path.

    path: the file to write; without it a new file, named after the day, in the current folder; name: yours, or your
    number, where the file is for an instructor.

    Raises RuntimeError where recording is switched off, OSError where the file cannot be written.
    """
    if location() is None:
        raise RuntimeError(f"recording is switched off: the environment variable {VARIABLE} is empty")
    if path is None:
        day = datetime.now().strftime("%Y-%m-%d")
        names = (Path(f"progress-{day}{'' if n == 1 else f'-{n}'}.json") for n in range(1, 10_000))
        target = next(name for name in names if not name.exists()).resolve()
    else:
        target = Path(path).expanduser().resolve()
    _write_waiting(PATIENCE)
    with _lock(patiently=True):
        events = _read()
    document = {"format": FORMAT, "version": VERSION, "exported": _now(), "summary": _summed_up(events)}
    document |= ({"name": name} if name else {}) | {"events": events}
    _replace(target, document)
    return target


def merge(path: str | os.PathLike[str]) -> int:
    """Take what an export holds into the record and return how many events are new; taken twice, it is there once.

    path: a file that ``export`` wrote, here or elsewhere, or that the course's pages saved.

    Raises DataFileError for a file that is no export, RuntimeError where recording is switched off, OSError where the
    record cannot be written.
    """
    file = location()
    if file is None:
        raise RuntimeError(f"recording is switched off: the environment variable {VARIABLE} is empty")
    given = [event for event in _exported(Path(path))[1] if event.get("kind") in MERGED]
    _write_waiting(PATIENCE)
    with _lock():
        events = _read()
        there = {json.dumps(event, sort_keys=True) for event in events}
        new = [event for event in given if json.dumps(event, sort_keys=True) not in there]
        if new:
            events = sorted([*events, *new], key=lambda event: str(event.get("time", "")))
            _replace(file, {"format": FORMAT, "version": VERSION, "events": events})
    return len(new)


def reset(confirm: bool = False) -> Path | None:
    """Start over, after asking; a copy of the record stays. Return the copy's path, or None if nothing changed.

    confirm: True goes ahead without asking.

    Raises TypeError where confirm is no Boolean, RuntimeError where nobody can be asked.
    """
    if not isinstance(confirm, bool):
        raise TypeError(f"confirm is {data_files.shown(confirm)}, expected True or False")
    file = location()
    _write_waiting(PATIENCE)
    if file is None or not file.exists():
        print("Nothing is recorded, so there is nothing to reset.")
        return None
    if not confirm:
        try:
            answer = input("This empties your progress map (a copy of the record stays). Type yes to go on: ")
        except (EOFError, NotImplementedError, RuntimeError):  # a kernel without prompts raises its own kind of these
            raise RuntimeError(
                "reset asks before it empties anything, and nobody can be asked here. "
                "To go ahead without the question: progress.reset(confirm=True)"
            ) from None
        if answer.strip().lower() not in ("yes", "y"):
            print("Nothing was changed.")
            return None
    with _lock(patiently=True):
        backup = _free_name(file, "backup")
        os.replace(file, backup)
    print(f"Your progress starts over. A copy of the old record is {backup}")
    return backup


# --- what instructors call ---------------------------------------------------------------------------


def count_predictions(exports: Iterable[str | os.PathLike[str]]) -> dict[str, Counter[str]]:
    """Return, for each prediction by its name ("08-three-actions"), how many learners said what at first, in words.

    exports: files that ``export`` wrote, one for each learner. What is said after the answer was seen does not count.

    Raises DataFileError for a file that is no export.
    """
    counts: dict[str, Counter[str]] = {}
    for path in map(Path, exports):
        events = _exported(path)[1]
        for name, record in _first_said(events).items():
            counts.setdefault(name, Counter())[_said_in_words(name, record)] += 1
    return dict(sorted(counts.items()))


def report(exports: Iterable[str | os.PathLike[str]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what learners did, a row for each check and prediction of each of them, and a sentence for each odd file.

    A row has learner (the name given, or that of the file), lesson, what ("check" or "prediction"), question,
    status (the best, or what was first said), tries and mistakes (the ids met). A learner can edit an export.

    exports: files that ``export`` wrote, or folders of them.
    """
    rows: list[dict[str, Any]] = []
    odd: list[str] = []
    met: dict[str, Path] = {}
    files = [Path(one) for one in exports]
    for path in [file for one in files for file in (sorted(one.glob("*.json")) if one.is_dir() else [one])]:
        try:
            name, events = _exported(path)
            lessons_done = _summed_up(events)
        except data_files.DataFileError as error:
            odd.append(str(error))
            continue
        if name in met:
            odd.append(f"{path.name}: {met[name].name} has the same name, {name}; both are counted")
        met.setdefault(name, path)
        for number, lesson in lessons_done.items():
            for question, check in lesson["checks"].items():
                row = {"learner": name, "lesson": number, "what": "check", "question": question}
                rows.append(row | {key: check[key] for key in ("status", "tries", "mistakes")})
        for question, record in _first_said(events).items():
            row = {"learner": name, "lesson": question[:2], "what": "prediction", "question": question[3:]}
            rows.append(row | {"status": _said_in_words(question, record), "tries": 1, "mistakes": []})
    return rows, odd


def _exported(path: Path) -> tuple[str, list[Event]]:
    """Return the learner's name, or else that of the file, and the events of an export; raise DataFileError."""
    document, _ = data_files.document(path)
    events = document.get("events") if isinstance(document, dict) and document.get("format") == FORMAT else None
    if not isinstance(events, list):
        raise data_files.DataFileError(path, None, "this is no export of the course's progress")
    name = document.get("name")
    name = " ".join(name.split())[:80] if isinstance(name, str) else ""
    return name or path.stem, [event for event in events if isinstance(event, dict)]


def _first_said(events: list[Event]) -> dict[str, Event]:
    """Return the record of the first answer to each prediction, by its name."""
    first: dict[str, Event] = {}
    for event in events:
        record = event.get("record") if event.get("kind") == "prediction" else None
        if isinstance(record, dict) and isinstance(record.get("prediction"), str):
            first.setdefault(f"{record.get('lesson')}-{record['prediction']}", record)
    return first


def _said_in_words(name: str, record: Event) -> str:
    said = record.get("said")
    if said is None:
        return "(just shown)"
    question = _predictions(name[:2]).get(name[3:], {})
    parts = question.get("options") or question.get("items") or []
    chosen = said if isinstance(said, list) else [said]
    if all(n in range(len(parts)) for n in chosen):
        said = (" → " if "items" in question else " · ").join(parts[n]["text"] for n in chosen)
    return f"{said}{' ✓' if record.get('came_so') is True else ''}"


def _predictions(number: str) -> dict[str, Any]:
    """Return a lesson's predictions as they stand in its file, by id; none where there is no such file."""
    try:
        document, _ = data_files.document(lessons.PREDICTIONS / f"{number}.json")
        return {question["id"]: question for question in document["questions"]}
    except (ValueError, KeyError, TypeError):
        return {}


def main(argv: list[str] | None = None) -> int:
    """Write your record to one file, or read those of a class."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.progress", description=main.__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    one = commands.add_parser("export", help="write all that is recorded to one file, to hand in")
    one.add_argument("path", nargs="?", help="the file; without it one that is named after the day")
    one.add_argument("--name", default="", help="your name or number")
    one = commands.add_parser(
        "import", help="take what a file holds into your record: of the course's pages, or another's"
    )
    one.add_argument("path", help="a file that the pages saved, or that export wrote")
    for name, words in (
        ("predictions", "print how many learners said what; ✓: it came so"),
        ("report", "print what each learner did: best status, tries, named mistakes, predictions"),
    ):
        one = commands.add_parser(name, help=words)
        one.add_argument("exports", nargs="+", metavar="EXPORT", help="a file that progress.export() wrote")
    one.add_argument("--csv", action="store_true", help="as comma-separated values")
    arguments = parser.parse_args(argv)
    try:
        if arguments.what == "export":
            print(export(arguments.path, arguments.name))
        elif arguments.what == "import":
            count = merge(arguments.path)
            print(f"{count} new event{'' if count == 1 else 's'} in {location()}")
        elif arguments.what == "report":
            return _print_report(arguments.exports, arguments.csv)
        else:
            _print_predictions(arguments.exports)
    except (data_files.DataFileError, OSError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _print_predictions(exports: list[str]) -> None:
    for name, said in count_predictions(exports).items():
        print(f"{name}: {_predictions(name[:2]).get(name[3:], {}).get('text', 'of another version of the course')}")
        for words, count in said.most_common():
            print(f"{count:6d}  {words}")


def _print_report(exports: list[str], as_csv: bool) -> int:
    """Print the class's table; 1 where a file could not be read."""
    rows, odd = report(exports)
    cells = [{**row, "mistakes": " ".join(map(str, row["mistakes"]))} for row in rows]
    columns = ("learner", "lesson", "what", "question", "status", "tries", "mistakes")
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        quoted = [[f"'{row[key]}" if str(row[key]).startswith(SIGNS) else row[key] for key in columns] for row in cells]
        writer.writerows([columns, *quoted])
    else:
        widths = [min(40, max(len(key), *(len(str(row[key])) for row in cells), 0)) for key in columns]
        for row in [dict(zip(columns, columns, strict=True)), *cells]:
            line = "  ".join(f"{row[key]!s:.40}".ljust(width) for key, width in zip(columns, widths, strict=True))
            print("".join(sign if sign.isprintable() else "?" for sign in line).rstrip())
    for sentence in odd:
        print(sentence, file=sys.stderr)
    print("A learner can edit an export: this shows where a class stands, and is no mark.", file=sys.stderr)
    return 1 if odd and not rows else 0


# --- the file ----------------------------------------------------------------------------------------


def _rank(status: str) -> int:
    order = ("not attempted", "not yet", "almost", "correct")
    return order.index(status) if status in order else -1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _tell(sentence: str) -> None:
    """Print a sentence as a notice, once for each Python process."""
    if sentence not in _told:
        _told.add(sentence)
        with suppress(Exception):  # nobody listens any more
            print(sentence, file=sys.stderr)


def _record(event: Event) -> None:
    try:
        file = location()
        if file is None:
            return
        # There and back, so that it holds what JSON can keep, and changes no more.
        event = _parsed(json.dumps({**event, "time": _now()}, default=_plain))
    except Exception as error:
        _tell(f"Your progress could not be recorded ({_reason(error)}); the lesson goes on without it.")
        return
    held_up = bool(_waiting.get(file))
    _waiting.setdefault(file, []).append(event)
    _write_waiting(0.1 if held_up else PATIENCE)  # wait for another notebook once, not again at each check


def _write_waiting(patience: float) -> None:
    """Write all events that wait into their files; those of a file that cannot be written now go on waiting."""
    for file, waiting in [*_waiting.items()]:
        if not waiting:
            continue
        try:
            with _lock(file, patience=patience):
                new = [*waiting]  # a thread may add to it meanwhile
                events = _read(file)
                for event in new:
                    if events and _what(events[-1]) == _what(event):
                        times = events[-1].get("times", 1)
                        events[-1]["times"] = times + 1 if isinstance(times, int) else 2
                    else:
                        events.append(event)
                _replace(file, {"format": FORMAT, "version": VERSION, "events": events})
                del waiting[: len(new)]
        except Exception as error:
            _tell(
                f"Your progress could not be recorded in {file} ({_reason(error)}); the lesson goes on without it, "
                "and it is tried again."
            )


atexit.register(lambda: _write_waiting(PATIENCE))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.clear)  # they are the parent's to write


def _what(event: Event) -> Event:
    return {key: value for key, value in event.items() if key not in ("time", "times")}


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # NumPy's arrays and numbers
        return value.tolist()
    raise TypeError(f"a record holds {data_files.shown(value)}, which JSON cannot keep")


def _parsed(text: str) -> Any:
    """Return what JSON says, null where it says NaN or an infinity: nothing else could be written again."""

    def finite(number: str) -> float | None:
        return value if math.isfinite(value := float(number)) else None

    value = json.loads(text, parse_constant=lambda _: None, parse_float=finite)
    json.dumps(value, indent=1)  # fails where it is nested too deeply to be written again
    return value


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _read(file: Path | None = None) -> list[Event]:
    """Return the events; a file that is not ours to understand is set aside first. Called under the lock."""
    file = file or location()
    if file is None or not os.path.lexists(file):
        return []
    if not file.is_file():
        raise OSError(f"it is {'a folder' if file.is_dir() else 'no file'}")
    try:
        document = _parsed(file.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return _set_aside(file, "cannot be read")
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return _set_aside(file, "is not a record of this course")
    version, events = document.get("version"), document.get("events")
    if isinstance(version, int) and version > VERSION:
        return _set_aside(file, "was written by a newer version of the course")
    if version != VERSION or not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        return _set_aside(file, "cannot be read")
    return events


def _set_aside(file: Path, what: str) -> list[Event]:
    aside = _free_name(file, "set-aside")
    os.replace(file, aside)
    _tell(f"The file of your progress {what}. It was renamed to {aside}, and a new one begins.")
    return []


def _read_quietly() -> list[Event]:
    """Return the events for reading only; where they cannot be read, tell it and return none."""
    try:
        file = location()
        _write_waiting(0.1)
        if file is None or not os.path.lexists(file):
            return []  # without even a lock file
        with _lock(patiently=True):
            return _read()
    except Exception as error:
        _tell(f"Your progress could not be read ({_reason(error)}).")
        return []


def _free_name(file: Path, purpose: str) -> Path:
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    names = (file.with_name(f"{file.stem}.{purpose}-{stamp}{'' if n == 1 else f'-{n}'}.json") for n in range(1, 10_000))
    return next(name for name in names if not name.exists())


def _replace(file: Path, document: dict[str, Any]) -> None:
    # In ASCII, since half of a surrogate pair, which JSON can hold, is no UTF-8.
    data_files.write(file, json.dumps(document, allow_nan=False, indent=1) + "\n")


@contextmanager
def _lock(file: Path | None = None, *, patiently: bool = False, patience: float | None = None) -> Iterator[None]:
    """Keep other notebooks out until the end. The system frees the lock of a process that dies.

    patiently: for readers: where no lock file can be made (a read-only folder), go on without; patience: seconds to
    wait.
    """
    from filelock import FileLock, Timeout  # here, since it takes a while to load and nothing may ever be recorded

    file = file or location()
    if file is None:
        yield
        return
    lock = FileLock(f"{file}.lock", timeout=PATIENCE if patience is None else patience)
    held = True
    try:
        if not patiently:
            file.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings(action="ignore"):  # a system without locks: filelock then uses the file itself
            lock.acquire(poll_interval=0.01)
    except (Timeout, RuntimeError):  # the latter where this very thread holds it
        raise TimeoutError(f"another notebook has been writing for {PATIENCE:g} s") from None
    except OSError as error:
        if not patiently and error.errno not in WITHOUT_LOCKS:
            raise
        held = False
    try:
        yield
    finally:
        if held:
            with suppress(OSError):
                lock.release()


if __name__ == "__main__":
    sys.exit(main())
