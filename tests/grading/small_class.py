"""A small class as its result files say it, for the pages that show one: every status, and words that would harm."""

import random

from course_utils.checks import load, sections
from course_utils.grading.problem_sets import Criterion, Item, ProblemSet

HOSTILE = '<img src=x onerror="alert(1)"></style><script>alert(2)</script>\x1b[31m\ud800'
SET = ProblemSet(
    "ps1",
    "Problem set 1: policies and scores",
    ("01", "02"),
    (
        Item("ps1-softmax", "function", "A stable softmax", 3, "softmax", load("softmax")),
        Item("ps1-score", "function", "The score of a softmax policy", 4, "score", load("score")),
        Item("ps1-gae", "function", "Advantages by GAE", 6, "gae", load("gae")),
        Item(
            "ps1-essay", "written", "What the plot shows", 6, rubric=(Criterion("names the axis", 6, "FULL", "PART"),)
        ),
    ),
)


def outcome(item, status, mistake=None, parts=()):
    share = {"correct": 1.0, "partial": 0.5, "needs-marking": None, "infrastructure": None}.get(status, 0.0)
    known = {one.id: one for one in item.question.mistakes} if item.question else {}
    told = ["Right, on fresh inputs too."] if status == "correct" else ["Your code did not get this far: `np.exp`."]
    if mistake:
        told = [known[mistake].happened, f"Why it matters: {known[mistake].why}", f"Where to read: {sections.SOFTMAX}."]
    return {
        "id": item.id, "status": status, "points": None if share is None else share * item.points,
        "max_points": item.points, "mistake": mistake, "parts": parts, "paragraphs": told,
        "rows": [["HIDDEN-INPUT", "[0.25, 17]"]], "seed": 271828, "seconds": 0.1,
    }  # fmt: skip


def result(student, outcomes, **more):
    return {
        "student": student,
        "set": "ps1",
        "sha256": "ab" * 32,
        "notes": [],
        "refused": "",
        "outcomes": outcomes,
    } | more


def results(students=30, seed=0):
    rng = random.Random(seed)
    found = []
    for n in range(students):
        outcomes = []
        for item in SET.items:
            how = rng.choices(["correct", "partial", "wrong", "error", "timeout", "no-answer"], [50, 12, 20, 6, 3, 9])[
                0
            ]
            if item.kind == "written":
                how = "needs-marking"
            mistakes = [one.id for one in item.question.mistakes] if item.question else []
            mistake = mistakes[int(rng.expovariate(0.7)) % len(mistakes)] if how in ("partial", "wrong") else None
            parts = [["shape", 2, 2, "correct"], ["values", 1, 4, "partial"]] if item.id == "ps1-gae" else []
            outcomes.append(outcome(item, how, mistake, parts))
        found.append(result(f"student{n:02}", outcomes))
    found[3]["outcomes"][2] |= {
        "status": "infrastructure",
        "points": None,
        "paragraphs": ["The sandbox did not start."],
    }
    found[5] |= {"notes": [f"The cell {HOSTILE} is not one of the set's."]}
    found[7] |= {"refused": "The file is no JSON: it ends in line 3.", "outcomes": []}
    return found
