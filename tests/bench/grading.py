"""How fast a class is graded, in how much memory: python tests/bench/grading.py SUBMISSIONS/ --set ps1 [--nbgrader].

Without SUBMISSIONS, 3,000 notebooks of a small set are made and "marked" by a function that runs nothing: the cost of
all that lies around the marking. With them, the sandbox as it is; --nbgrader also measures
nbgrader's autograde, in one process, on five of the same submissions.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import class_of_students as students

from course_utils.grading import gradebook, problem_sets, results, run


def synthetic(folder, count):
    names = [f"s{n:04d}" for n in range(count)]
    return students.hand_in(folder / "in", **{name: students.notebook(essay=f"Because {name}.") for name in names})


def measured(source, problem_set, out, **options):
    before = spent()
    summary = run.grade(source, problem_set, out, **options)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = summary.graded / summary.seconds
    print(f"{summary.graded} graded in {summary.seconds:.1f} s, {rate:.1f} a second, peak {peak:.0f} MB", flush=True)
    print(f"{(spent() - before) / summary.graded:.2f} s of a processor for each (without bubblewrap's own children)")
    return rate


def spent():
    """Return the seconds of the processors that this process and those it has ended took."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def autograde(source, problem_set, out, count=5):
    """Return nbgrader's submissions a second, of some of the same notebooks in one process."""
    course = out / "autograde"
    gradebook.prepare(course, problem_set, f"sqlite:///{course / 'gradebook.db'}")
    found = results.stored(out, problem_set.name)
    names = [result.student for _, result in zip(range(count), found, strict=False)]
    for name in names:
        shutil.copytree(out / "nbgrader" / "submitted" / name, course / "nbgrader" / "submitted" / name)
    gradebook.record(f"sqlite:///{course / 'gradebook.db'}", problem_set, [])
    began = time.monotonic()
    command = [sys.executable, "-m", "nbgrader", "autograde", problem_set.name]
    subprocess.run(command, cwd=course / "nbgrader", check=True, capture_output=True)
    return len(names) / (time.monotonic() - began)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("submissions", nargs="?", type=Path)
    parser.add_argument("--set", default="ps1")
    parser.add_argument("--sandbox", choices=["bubblewrap", "none"], default="bubblewrap")
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
        rate = measured(
            options.submissions,
            problem_set,
            out,
            sandbox=options.sandbox,
            each=lambda submission, _: gradebook.lay_out(out, problem_set, submission),
        )
        if options.nbgrader:
            other = autograde(options.submissions, problem_set, out)
            print(f"nbgrader's autograde: {other:.2f} a second in one process; {rate / other:.1f} times as fast")


if __name__ == "__main__":
    main()
