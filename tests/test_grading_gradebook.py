"""nbgrader's gradebook: scores go in, what persons mark stays and comes back; SQLite and a real PostgreSQL."""

import json
import os
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import class_of_students as students
import pytest

from course_utils.grading import gradebook, results, submissions
from course_utils.grading.marking import Outcome

pytestmark = pytest.mark.long  # starts processes or databases

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    api = pytest.importorskip("nbgrader.api")
    from nbgrader import nbgraderformat


def result(student="anna", points=4.0, essay=None, **others):
    outcomes = (
        Outcome("ps1-score", "correct", points, 4.0, paragraphs=("Right.",)),
        Outcome("ps1-variance", "infrastructure", None, 3.0),
        Outcome("ps1-essay", "needs-marking" if essay is None else "no-answer", essay, 3.0),
    )
    return results.Result("ps1", student, "ab", () if others.get("refused") else outcomes, **others)


@pytest.fixture(scope="module")
def postgresql():
    """The URL of a PostgreSQL server of its own, on a socket in a temporary folder."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not (found and shutil.which("runuser")) and not os.environ.get("REQUIRE_POSTGRES"):
        pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
    pytest.importorskip("psycopg2")
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if user:
            shutil.chown(folder, "postgres")

        def call(program, *arguments):
            subprocess.run([*user, str(found[-1] / program), *arguments], check=True, capture_output=True, timeout=60)

        data = f"{folder}/data"
        call("initdb", "-D", data, "-A", "trust", "-U", "grader", "--no-sync")
        options = f"-k {folder} -c listen_addresses= -c fsync=off"
        call("pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield f"postgresql://grader@/postgres?host={folder}"
        finally:
            call("pg_ctl", "-D", data, "-m", "immediate", "stop")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    db = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    yield gradebook.address(tmp_path, db)
    if db:
        with api.Gradebook(gradebook.address(tmp_path, db)) as book:
            api.Base.metadata.drop_all(book.engine)
            book.db.execute(api.text("DROP TABLE alembic_version"))
            book.db.commit()


def grades(url, student="anna"):
    with api.Gradebook(url) as book:
        (notebook,) = book.find_submission("ps1", student).notebooks
        return {
            grade.name: (grade.auto_score, grade.manual_score, grade.needs_manual_grade) for grade in notebook.grades
        }


def test_scores_go_in_and_persons_marks_stay_and_come_back(url):
    gone = result("fay", refused="fay.ipynb is empty.")
    assert gradebook.record(url, students.SET, [result(), gone]) == 2
    first = {
        "ps1-score-check": (4.0, None, False),
        "ps1-variance-check": (None, None, True),  # not graded is no 0
        "ps1-essay": (None, None, True),
    }
    assert grades(url) == first
    assert {grade[:2] for grade in grades(url, "fay").values()} == {(None, None)}
    assert gradebook.marks(url, students.SET) == {}
    gradebook.record(url, students.SET, [result(), gone])
    assert grades(url) == first
    with api.Gradebook(url) as book:  # as formgrader does
        essay = book.find_grade("ps1-essay", "ps1", "ps1", "anna")
        essay.manual_score, essay.extra_credit, essay.needs_manual_grade = 2.0, 0.5, False
        book.find_grade("ps1-score-check", "ps1", "ps1", "anna").manual_score = 1.0
        comment = book.find_comment("ps1-essay", "ps1", "ps1", "anna")
        comment.manual_comment = "Well argued."
        assert book.find_comment("ps1-score", "ps1", "ps1", "anna").auto_comment == "Right."
        assert book.find_assignment("ps1").max_score == 10
        book.db.commit()
    gradebook.record(url, students.SET, [result(points=3.0)])
    assert grades(url)["ps1-score-check"] == (3.0, 1.0, True)  # a person marked it on other grounds
    assert grades(url)["ps1-essay"] == (None, 2.0, False)
    assert gradebook.marks(url, students.SET) == {
        "anna": {"ps1-essay": gradebook.Mark(2.5, "Well argued."), "ps1-score": gradebook.Mark(1.0)}
    }


@pytest.mark.parametrize("db", ["nonsense", "sqlite:////nowhere/at/all.db", "postgresql://me:hush@/x?host=/nowhere"])
def test_a_gradebook_that_cannot_be_opened_is_said_without_its_password(db, tmp_path):
    with pytest.raises(gradebook.GradebookError, match="--db is") as caught:
        gradebook.record(gradebook.address(tmp_path, db), students.SET, [])
    assert "hush" not in str(caught.value)


def test_formgraders_folders_hold_what_was_handed_out_with_the_answers_in_it(tmp_path):
    cells = students.cells(
        score="<script>1</script>", essay="1 < 2 <b>4</b> [x](javascript:5) ![y][z]\n\n[z]: http://6"
    )
    cells[0]["outputs"] = [{"output_type": "display_data", "data": {"text/html": "<script>2</script>"}, "metadata": {}}]
    cells.append(students.cell("mine", "<script>3</script>", "markdown"))
    source = students.hand_in(tmp_path / "in", anna=students.notebook(cells))
    (submission,) = submissions.collect(source, students.SET)
    root = gradebook.prepare(tmp_path, students.SET, "sqlite:///x")
    file = gradebook.lay_out(tmp_path, students.SET, submission)
    assert file == root / "autograded" / "anna" / "ps1" / "ps1.ipynb"
    for path in (file, root / "submitted" / "anna" / "ps1" / "ps1.ipynb", root / "source" / "ps1" / "ps1.ipynb"):
        notebook = nbgraderformat.read(str(path), as_version=4)
        ids = {c.metadata.nbgrader.grade_id for c in notebook.cells if "nbgrader" in c.metadata}
        assert {"ps1-score", "ps1-score-check", "ps1-essay"} <= ids
    texts = json.loads(file.read_text())["cells"]
    assert [c["source"] for c in texts if c["id"] == "ps1-score"] == ["<script>1</script>"]
    assert [c["source"] for c in texts if c["id"] == "ps1-essay"] == [
        "1 < 2 < b>4< /b> [x] (javascript:5) ![y][z]\n\n[z] : http://6"
    ]
    rubrics = [c["id"] for c in texts if "The rubric" in c["source"] and "because of the score" in c["source"]]
    assert rubrics == ["ps1-essay-rubric"]
    assert "because of the score" not in (root / "submitted" / "anna" / "ps1" / "ps1.ipynb").read_text()
    assert "<script>2" not in file.read_text()
    assert "<script>3" not in file.read_text()
    assert (root / "nbgrader_config.py").read_text().count("sqlite:///x") == 1
