"""How often `similarity` is wrong, and how long it takes: python tests/bench/similarity.py [STUDENTS …].

Of each class a tenth copies from another student, all answers, in other words and another order. After that a tenth
copies one of its three answers alone, and changes nothing but names: how many of them are found, and how many pairs
that never met have written one answer alike, so that a comparison of single answers would show them.
"""

import random
import sys
import time
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "grading"))

import numpy as np
import similar_code
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


def one_answer(students, classes):
    """Print the copies of one answer that are found, and the honest pairs with an answer that does the same."""
    found, alike = [], []
    for seed in range(classes):
        rng = random.Random(seed)
        cells = {f"h{n:04}": similar_code.honest(rng) for n in range(students - students // 10)}
        done = [{i: tuple(similarity.fingerprints(x)) for i, x in answers.items()} for answers in cells.values()]
        alike.append(sum(any(one[i] == two[i] for i in one) for one, two in combinations(done, 2)))
        pairs = []
        for n, source in enumerate(rng.sample(sorted(cells), students // 10)):
            copied = rng.choice(sorted(cells[source]))
            cells[f"c{n:04}"] = similar_code.honest(rng) | {copied: cells[source][copied]}
            pairs.append({source, f"c{n:04}"})
        shown = [set(group.students) for group in similarity.groups(cells)]
        found += [any(pair <= one for one in shown) for pair in pairs]
    print(
        f"{students} students, one answer of three copied: {np.mean(found):.0%} found; "
        f"{np.mean(alike):.0f} pairs that never met wrote an answer alike, in {classes} classes",
        flush=True,
    )


if __name__ == "__main__":
    for size in map(int, sys.argv[1:] or ("30", "100", "300", "3000")):
        measured(size, max(2, min(40, 2000 // size)))
    for size in map(int, sys.argv[1:] or ("30", "100")):
        one_answer(size, max(2, min(40, 1000 // size)))
