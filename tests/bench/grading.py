"""How fast a class is graded, in how much memory: python tests/bench/grading.py SUBMISSIONS/ --set ps1 [--nbgrader].

`make bench` takes `rows`: a class that never was, on two cores, beside nbgrader's autograde in one process.

Without SUBMISSIONS, 3,000 notebooks of a small set are made and "marked" by a function that runs nothing: the cost of
all that lies around the marking. With them, the same few submissions are marked in turn, by one process each: in the
sandbox, without it, and with --nbgrader by nbgrader's autograde. What else the machine does falls on all three alike.
"""

import argparse
import functools
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "grading")]

import class_of_students as students
import synthetic as synthetic_class
import timing

from course_utils.grading import gradebook, problem_sets, results, run, sandbox


def synthetic(folder, count):
    names = [f"s{n:04d}" for n in range(count)]
    return students.hand_in(folder / "in", **{name: students.notebook(essay=f"Because {name}.") for name in names})


def measured(source, problem_set, out, **options):
    before = spent()
    summary = run.grade(source, problem_set, out, **options)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = summary.graded / summary.seconds
    print(f"{summary.graded} graded in {summary.seconds:.1f} s, {rate:.1f} a second, peak {peak:.0f} MB", flush=True)
    print(f"{(spent() - before) / summary.graded:.4f} s of a processor for each", flush=True)


def spent():
    """Return the seconds of the processors that this process and those it has ended took."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def mark_counted(task):
    """Mark a submission, and write down how long its sandboxes ran: bubblewrap tells nobody what its children took."""
    close = sandbox.Worker.close
    taken = []

    def counted(worker):
        if worker._process.poll() is None:
            taken.append(sum(map(processor_time, descendants(worker._process.pid))))
        close(worker)

    sandbox.Worker.close = counted
    try:
        return run.mark_task(task)
    finally:
        sandbox.Worker.close = close
        if task.sandbox == "bubblewrap":
            with (Path(os.environ["BENCH"]) / "seconds").open("a") as file:
                file.writelines(f"{seconds}\n" for seconds in taken)


def descendants(pid):
    """The processes below one."""
    below = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*below, *(one for child in below for one in descendants(child))]


def processor_time(pid):
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ours(source, problem_set, out, kind, jobs=1):
    """Return the seconds, on the clock and of a processor, of one submission."""
    os.environ["BENCH"] = str(out)
    out.mkdir()
    before, each = spent(), functools.partial(gradebook.lay_out, out, problem_set)
    summary = run.grade(
        source,
        problem_set,
        out,
        sandbox=kind,
        jobs=jobs,
        marker=mark_counted,
        progress=False,
        each=lambda one, _: each(one),
    )
    inside = (out / "seconds").read_text().split() if kind == "bubblewrap" else []
    return summary.seconds / summary.graded, (spent() - before + sum(map(float, inside))) / summary.graded


def autograde(problem_set, out, count):
    """Return what nbgrader takes for one of a few submissions that were laid out."""
    course = out / "autograde"
    gradebook.prepare(course, problem_set, f"sqlite:///{course / 'gradebook.db'}")
    for folder in sorted((out / "nbgrader" / "submitted").iterdir())[:count]:
        shutil.copytree(folder, course / "nbgrader" / "submitted" / folder.name)
    gradebook.record(f"sqlite:///{course / 'gradebook.db'}", problem_set, [])
    began, before = time.monotonic(), spent()
    command = [sys.executable, "-m", "nbgrader", "autograde", problem_set.name]
    subprocess.run(command, cwd=course / "nbgrader", check=True, capture_output=True)
    return (time.monotonic() - began) / count, (spent() - before) / count


def in_turn(source, problem_set, folder, rounds, nbgrader):
    """Print what one submission takes, and how much longer nbgrader takes than the sandbox, round by round."""
    few = folder / "few"
    few.mkdir()
    for one in sorted(source.iterdir())[:20]:
        (shutil.copytree if one.is_dir() else shutil.copy)(one, few / one.name)
    kinds = ["bubblewrap", "none", *(["nbgrader"] if nbgrader else [])]
    found = {kind: [] for kind in kinds}
    for n in range(rounds):
        for kind in kinds:
            out = folder / f"{kind}{n}"
            if kind == "nbgrader":
                found[kind].append(autograde(problem_set, folder / f"none{n}", 4))
            else:
                found[kind].append(ours(few, problem_set, out, kind))
    for kind, pairs in found.items():
        clock, processor = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{kind}: {clock:.2f} s on the clock and {processor:.2f} s of a processor for each, medians", flush=True)
        if kind != "bubblewrap":
            for column, of in enumerate(("on the clock", "of a processor")):
                ratios = sorted(b[column] / a[column] for a, b in zip(found["bubblewrap"], pairs, strict=True))
                print(
                    f"  {of} {statistics.median(ratios):.2f} times the sandbox's, {ratios[0]:.2f} to {ratios[-1]:.2f}"
                )


def rows():
    """Yield the row of `make bench`."""
    problem_set, kind = problem_sets.load("ps1"), "bubblewrap" if shutil.which("bwrap") else "none"
    nbgrader = timing.peer("nbgrader") is not None
    times, clocks = {"ours": [], "nbgrader, one process": []}, []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        synthetic_class.write(folder / "class", problem_set, students=3 if timing.QUICK else 16)
        for n in range(1 if timing.QUICK else 5):
            clock, taken = ours(folder / "class", problem_set, folder / f"out{n}", kind, jobs=2)
            times["ours"].append(taken / 2)  # two cores have twice the processor time
            clocks.append(clock)
            if nbgrader:
                _, taken = autograde(problem_set, folder / f"out{n}", 1 if timing.QUICK else 2)
                times["nbgrader, one process"].append(taken)
    missing = [] if nbgrader else [times.popitem()[0]]
    each = 2 * statistics.median(times["ours"])
    note = f"{1 / statistics.median(clocks):.1f} a second on the clock of this machine as busy as it was"
    note += "" if kind == "bubblewrap" else ", without the sandbox"
    yield timing.measured("grading", times, missing, note) | {"figures": {"processor": each}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("submissions", nargs="?", type=Path)
    parser.add_argument("--set", default="ps1")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--nbgrader", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        if options.submissions is None:
            source = synthetic(Path(folder), options.count)
            for part in (options.count // 10, options.count):  # memory is flat if the second peak is near the first
                few = Path(folder) / f"first{part}"
                few.mkdir()
                for file in sorted(source.iterdir())[:part]:
                    shutil.copy(file, few)
                measured(few, students.SET, out, marker=students.mark, sandbox="none")
            began = time.monotonic()
            url = gradebook.address(out)
            count = gradebook.record(url, students.SET, results.stored(out, "ps1"))
            print(f"{count} into the gradebook in {time.monotonic() - began:.1f} s")
            return
        problem_set = problem_sets.load(options.set)
        in_turn(options.submissions, problem_set, Path(folder), options.rounds, options.nbgrader)


if __name__ == "__main__":
    main()
