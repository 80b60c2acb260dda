"""The instructor's guide: each of its commands, one after the other, from nothing to an exported gradebook."""

import csv
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
import synthetic

from course_utils import progress
from course_utils.grading import __main__ as grading
from course_utils.grading import problem_sets, results

ROOT = Path(__file__).parents[2]
COMMANDS = [
    (name, shlex.split(command)[3:])
    for name in ("TEACHING.md", "README.md")
    for block in re.findall(r"^```\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for command in block.splitlines()
    if command.startswith("python -m course_utils.")
]
SANDBOX = "bubblewrap" if shutil.which("bwrap") or os.environ.get("REQUIRE_SANDBOX") else "none"


def run(arguments, folder):
    arguments = [{"SUBMISSIONS": str(folder / "submissions"), "EXPORTS": str(folder)}.get(a, a) for a in arguments]
    if arguments[0] == "report":
        return progress.main(arguments)
    return grading.main([*arguments, *(["--sandbox", SANDBOX] if arguments[0] == "grade" else [])])


@pytest.mark.long
def test_from_nothing_to_an_exported_gradebook(tmp_path, monkeypatch, capsys):
    ps1 = problem_sets.load("ps1")
    plans = synthetic.write(tmp_path / "submissions", ps1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "record" / "progress.json"))
    progress.record_check("softmax", "01", "correct")
    progress.record_prediction("Predict", {"lesson": "08", "prediction": "three-actions", "said": 0, "came_so": False})
    progress.export(tmp_path / "ada.json", name="Ada")
    guide = [arguments for name, arguments in COMMANDS if name == "TEACHING.md"]
    assert len(guide) == 10
    for arguments in guide:
        assert run(arguments, tmp_path) == 0, (arguments, capsys.readouterr())
    assert {name for name, arguments in COMMANDS if arguments not in guide} == set()
    out = tmp_path / "grading"
    for student, plan in plans.items():
        result = results.read(results.location(out, "ps1", student))
        for outcome in result.outcomes:
            statuses, mistake = synthetic.expected(plan[outcome.id])
            assert outcome.status in statuses, (student, outcome)
            assert outcome.mistake == mistake, (student, outcome)
            assert (outcome.points == outcome.max_points) == (plan[outcome.id] == "right"), (student, outcome)
    with (out / "ps1_csv.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.reader(file))) == 1 + len(plans)
    assert len([*(out / "feedback" / "ps1").glob("*.html")]) == len(plans)
    page = (out / "class_ps1.html").read_text(encoding="utf-8")
    for words in ("30 submissions", "Shared code", "What the class predicted", "08-three-actions"):
        assert words in page
    assert (out / "exam_7_key.md").is_file()
