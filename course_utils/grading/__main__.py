"""Command line of the grader: ``python -m course_utils.grading grade SUBMISSIONS/ --set ps1``."""

import argparse
import dataclasses
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from course_utils import data_files, progress
from course_utils.grading import audit, export, gradebook, problem_sets, results, run, submissions
from course_utils.grading.problem_sets import ProblemSet

__all__ = ["main"]


CODES = """exit codes:
  0    all is graded, or what was asked for is written
  1    something could not be graded or written, for reasons that are no student's; the same command tries it again
  2    an argument cannot be used
  130  stopped by Ctrl-C; what was graded is kept, and the same command goes on
"""
EXPECTED = (run.UsageError, submissions.SubmissionsError, export.RosterError, gradebook.GradebookError)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.set is not None:
            options.set = problem_sets.load(options.set)
        code: int = options.run(options)
        return code
    except KeyboardInterrupt:
        print("Stopped. What was graded is kept; the same command goes on.", file=sys.stderr)
        return 130
    except EXPECTED as error:
        print(_sentence(error), file=sys.stderr)
        return 2
    except ValueError as error:
        if isinstance(options.set, str):
            print(f"--set is {options.set!r}, expected one of {', '.join(problem_sets.names())}.", file=sys.stderr)
            return 2
        if isinstance(error, data_files.DataFileError):  # begins with the file's name
            print(f"{error}.", file=sys.stderr)
            return 1
        raise
    except OSError as error:
        print(f"{error.filename or 'A file'}: {error.strerror or error}.", file=sys.stderr)
        return 1


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper() if not text.startswith('--') else text[:1]}{text[1:].rstrip('.')}."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.grading",
        description="Grade a class's problem sets. Everything is written to one folder.",
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(
        name: str, work: Any, text: str, *, source: bool = False, book: bool = False, of_set: bool = True
    ) -> Any:
        made = commands.add_parser(
            name, help=text, description=text, epilog=CODES, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if source:
            made.add_argument("submissions", metavar="SUBMISSIONS", help="a folder, or the ZIP of one")
        if of_set:
            made.add_argument("--set", required=True, metavar="SET", help="such as ps1")
        made.add_argument(
            "--out", type=Path, default=Path("grading"), help="the folder for all files (default: grading)"
        )
        if book:
            made.add_argument(
                "--db", metavar="URL", help="the gradebook (default: OUT/gradebook.db), or postgresql://…"
            )
        made.set_defaults(run=work, **({} if of_set else {"set": None}))
        return made

    made = command("grade", _grade, "grade what is not graded yet", source=True, book=True)
    made.add_argument(
        "--sandbox",
        choices=["bubblewrap", "none"],
        default="bubblewrap",
        help="none: the students' code can do whatever you can do",
    )
    made.add_argument("--jobs", type=_jobs, metavar="N", help="marking processes (default: one for each processor)")
    made.add_argument(
        "--scheduler", metavar="URL", help="a Dask scheduler, tcp://…, in place of this machine's processes"
    )
    made.add_argument("--show-first-failure", action="store_true", help="feedback shows the first failing case")
    made.add_argument("--replay", metavar="STUDENT", help="mark one again with the log's seeds, compare, write nothing")
    made.set_defaults(predictions=None)
    command("collect-check", _collect_check, "list what was handed in, and what is odd about it", source=True)
    command("status", _status, "say how far the class is graded, and whether the log is whole", book=True)
    made = command("export", _export, "write the marks for a platform; what is not graded is empty, never 0", book=True)
    made.add_argument("--to", choices=["canvas", "moodle", "csv"], required=True)
    made.add_argument("--roster", type=Path, metavar="FILE", help="the platform's own CSV, to fill the marks in")
    made.add_argument(
        "--column", default="", metavar="NAME", help="the CSV's column for them (default: the set's name)"
    )
    made = command("feedback", _feedback, "write each student's page, and the page of the class", book=True)
    made.add_argument("--show-first-failure", action="store_true", help="show the first failing case")
    made.add_argument(
        "--predictions", type=Path, metavar="FOLDER", help="of the learners' records: what the class predicted"
    )
    command("release", _release, "write the archive that students get")
    made = command("bank", _bank, "write an exam from the bank of questions, and its key", of_set=False)
    made.add_argument("--seed", type=_seed, required=True, metavar="N", help="draws the questions and their numbers")
    made.add_argument("--count", type=int, default=10, metavar="N", help="how many questions (default: 10)")
    made.add_argument("--lessons", type=_lessons, default="00-99", metavar="NN-NN", help="such as 05-08, or 06")
    return parser


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"is {text!r}, expected a whole number from 1 to 1024")
    return int(text)


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise argparse.ArgumentTypeError(f"is {text!r}, expected a whole number, 0 or more")
    return int(text)


def _lessons(text: str) -> str:
    if not re.fullmatch(r"[0-9]{2}(-[0-9]{2})?", text):
        raise argparse.ArgumentTypeError(f"is {text!r}, expected lessons such as 05-08, or one such as 06")
    return text


# --- the commands ------------------------------------------------------------------------------------


def _grade(options: argparse.Namespace) -> int:
    problem_set: ProblemSet = options.set
    if options.sandbox == "none":
        print(
            "Warning: --sandbox=none. Each student's code can read, change and send whatever you can. Use it only "
            "where bubblewrap cannot be had, and on a machine that holds nothing else.",
            file=sys.stderr,
        )
    if options.replay is not None:
        compared = run.replay(options.submissions, problem_set, options.out, options.replay, sandbox=options.sandbox)
        for one in compared:
            same = "the same" if one.then == one.now else f"then {one.then[0]}, {_points(one.then[1])}"
            print(f"{one.id}  seed {one.seed}  {one.now[0]}, {_points(one.now[1])}  {same}")
        return 0 if all(one.then == one.now for one in compared) else 1
    url = gradebook.address(options.out, options.db)
    options.out.mkdir(parents=True, exist_ok=True)
    gradebook.prepare(options.out, problem_set, url)
    gradebook.record(url, problem_set, [])  # a database that cannot be opened is told before the work
    summary = run.grade(
        options.submissions,
        problem_set,
        options.out,
        sandbox=options.sandbox,
        jobs=options.jobs,
        scheduler=options.scheduler,
        each=lambda submission, _: gradebook.lay_out(options.out, problem_set, submission),
    )
    for note in summary.notes:
        print(note)
    print(
        f"{summary.graded} of {summary.found} submissions graded in {summary.seconds:.1f} s, "
        f"{summary.kept} unchanged, {summary.refused} that cannot be read."
    )
    print(", ".join(f"{count} {status}" for status, count in summary.statuses.most_common()))
    if summary.interrupted:
        print("Stopped. What was graded is kept; the same command goes on.", file=sys.stderr)
        return 130
    gradebook.record(url, problem_set, results.stored(options.out, problem_set.name))
    _feedback(options)
    if summary.failed:
        print(
            f"{len(summary.failed)} could not be graded, and that is not the students' doing: {_some(summary.failed)}. "
            "The same command tries them again.",
            file=sys.stderr,
        )
        return 1
    return 0


def _collect_check(options: argparse.Namespace) -> int:
    problem_set: ProblemSet = options.set
    listing = submissions.find(options.submissions, problem_set.name)
    odd = refused = 0
    for handed in listing.students:
        one = submissions.read(handed, problem_set)
        state = "refused" if one.refused else f"{len(one.cells) + len(one.written)} of {len(problem_set.items)} answers"
        print(f"{one.student}  {state}")
        for sentence in (one.refused, *one.notes):
            if sentence:
                print(f"    {sentence}")
        odd += bool(one.notes) and not one.refused
        refused += bool(one.refused)
    for note in listing.notes:
        print(note)
    print(f"{len(listing.students)} submissions: {odd} with a remark, {refused} that cannot be read.")
    return 0


def _status(options: argparse.Namespace) -> int:
    statuses: dict[str, Counter[str]] = {item.id: Counter() for item in options.set.items}
    found = refused = 0
    says: dict[str, list[str]] = {}
    for result in results.stored(options.out, options.set.name):
        found += 1
        refused += bool(result.refused)
        for outcome in result.outcomes:
            statuses.setdefault(outcome.id, Counter())[outcome.status] += 1
        if result.says and result.number:
            says.setdefault(result.says.strip().casefold(), []).append(result.student)
    print(f"{found} results of {options.set.name} in {options.out}, {refused} of files that cannot be read.")
    for item, counts in statuses.items():
        print(f"{item}  " + ", ".join(f"{count} {status}" for status, count in counts.most_common()))
    for name, students in says.items():
        if len(students) > 1:
            print(
                f"{', '.join(students)} all say in their notebooks that their student id is {data_files.shown(name)}."
            )
    log = options.out / "audit.jsonl"
    if not log.exists():
        return 0
    verdict = audit.verify(log)
    for problem in verdict.problems:
        print(f"{log}: {problem}")
    print(f"{log}: {verdict.lines} lines, the last one's hash is {verdict.last}.")
    return 0


def _marks(options: argparse.Namespace) -> dict[str, dict[str, gradebook.Mark]]:
    if options.db is None and not (options.out / "gradebook.db").exists():
        return {}
    return gradebook.marks(gradebook.address(options.out, options.db), options.set)


def _export(options: argparse.Namespace) -> int:
    manual = {student: {item: m.points for item, m in own.items()} for student, own in _marks(options).items()}
    rows = export.rows(results.stored(options.out, options.set.name), options.set, manual)
    if not rows:
        raise run.UsageError(f"--out is {options.out}, which holds no result of {options.set.name}; grade it first")
    file = options.out / f"{options.set.name}_{options.to}.csv"
    print(export.write(export.table(rows, options.set, options.to, options.roster, options.column), file))
    lost = export.left_out(rows, options.to, options.roster) if options.roster and options.to != "csv" else []
    if lost:
        print(f"{len(lost)} handed in and stand on no line of {options.roster}: {_some(lost)}.", file=sys.stderr)
    empty = sum(row.total is None for row in rows)
    if empty:
        print(f"{empty} of {len(rows)} are not graded in full, and their field is empty.")
    return 0


def _feedback(options: argparse.Namespace) -> int:
    from course_utils.grading import class_page, feedback, similarity

    marks = {
        student: {item: feedback.ManualMark(mark.points, mark.comment) for item, mark in own.items()}
        for student, own in _marks(options).items()
    }
    documents = [dataclasses.asdict(one) for one in results.stored(options.out, options.set.name)]
    if not documents:
        raise run.UsageError(f"--out is {options.out}, which holds no result of {options.set.name}; grade it first")
    names = {one["student"]: one["name"] for one in documents if one["name"]}
    folder = options.out / "feedback" / options.set.name
    feedback.write(options.set, documents, folder, marks, names=names, show_first_failure=options.show_first_failure)
    code = gradebook.code(options.out, options.set, [one["student"] for one in documents])
    page = class_page.write(
        options.set,
        documents,
        options.out / f"class_{options.set.name}.html",
        marks=marks,
        predictions=None if options.predictions is None else _predicted(options.predictions),
        similar=similarity.groups(code, gradebook.stubs(options.set)),
    )
    print(f"{len(documents)} pages in {folder}, and the class in {page}")
    return 0


def _predicted(folder: Path) -> dict[str, Counter[str]]:
    """Return how many learners said what at first, by prediction; a file that is no record is told and passed over."""
    if not folder.is_dir():
        raise run.UsageError(f"--predictions is {folder}, expected a folder of the files that learners exported")
    found: dict[str, Counter[str]] = {}
    for file in sorted(folder.glob("*.json")):
        try:
            for name, counts in progress.count_predictions([file]).items():
                found.setdefault(name, Counter()).update(counts)
        except data_files.DataFileError as error:
            print(f"{error}.", file=sys.stderr)
    return dict(sorted(found.items()))


def _release(options: argparse.Namespace) -> int:
    from course_utils.grading import release

    return int(release.main(options.set.name, options.out))


def _bank(options: argparse.Namespace) -> int:
    from course_utils.grading import bank

    return bank.main(options.out, options.seed, options.count, options.lessons)


def _some(students: list[str]) -> str:
    return ", ".join(students[:10]) + (", …" if len(students) > 10 else "")


def _points(points: float | None) -> str:
    return "not graded" if points is None else f"{points:g} points"


if __name__ == "__main__":
    sys.exit(main())
