"""How often `similarity` is wrong, and how long it takes: python tests/bench/similarity.py [STUDENTS …].

Of each class a tenth copies from another student, all answers, in other words and another order.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "grading"))

import numpy as np
import test_similarity

from course_utils.grading import similarity


def measured(students, classes):
    """Print the pairs shown without a reason, and the share of copies found, each with its standard error."""
    began, copies = time.process_time(), max(2, students // 10)
    found, missed, others = np.array(
        [test_similarity.met(students - copies, copies, seed) for seed in range(classes)]
    ).T
    seconds, power = (time.process_time() - began) / classes, found / (found + missed)
    root = max(1, classes - 1) ** 0.5
    print(
        f"{students} students, threshold {similarity.threshold_of(students):.2f}: {others.mean():.1f} ± "
        f"{others.std() / root:.1f} pairs without a reason, {power.mean():.0%} ± {power.std() / root:.0%} of copies "
        f"found, {seconds:.1f} s of a processor, in {classes} classes",
        flush=True,
    )


if __name__ == "__main__":
    for size in map(int, sys.argv[1:] or ("30", "100", "300", "3000")):
        measured(size, max(2, min(40, 2000 // size)))
