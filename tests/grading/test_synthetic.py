"""The synthetic class is as it says: seeded, read without a note, of all kinds, each answer what the plan says."""

from collections import Counter

import numpy as np
import synthetic

from course_utils.checks import check
from course_utils.grading import problem_sets, similarity, submissions


def test_a_class_is_read_without_a_note_and_is_what_the_plan_says(tmp_path):
    ps1 = problem_sets.load("ps1")
    plans = synthetic.write(tmp_path / "one", ps1)
    assert synthetic.write(tmp_path / "two", ps1) == plans
    read = list(submissions.collect(tmp_path / "one", ps1))
    assert [one.student for one in read] == sorted(plans)
    assert {(one.notes, one.refused) for one in read} == {((), "")}
    kinds = Counter(what for plan in plans.values() for what in plan.values())
    assert {"right", "unfinished", "crash", "written"} < kinds.keys()
    assert len(kinds) >= 8  # four mistakes or more
    for one in read:
        data = problem_sets.given("ps1-q3", one.student)
        if plans[one.student]["ps1-q3"] not in ("unfinished", "crash"):
            said: dict[str, object] = {}
            exec(one.cells["ps1-q3"], said)
            judged = ps1.item("ps1-q3").question.judge(said["trace"], data)
            assert (judged.mistake or "right") == plans[one.student]["ps1-q3"]
    assert isinstance(similarity.groups({one.student: one.cells for one in read}), list)


def test_its_answers_run_alone_and_are_told_as_they_say():
    for item in problem_sets.load("ps1").items[:2]:
        for right in (True, False):
            found = synthetic.answers(item.name, right)
            assert len(found) >= 2
            for what, source in found[:2]:
                alone: dict[str, object] = {"np": np}
                exec(source, alone)
                told = check(item.name, alone[item.name], seed=1) if item.kind == "function" else None
                assert (told.mistake or "right") == what
