"""Hostile and broken files beside honest ones: each is told what it is; the honest ones' results stay, to the byte."""

import io
import json
import os
import struct
import zipfile

import class_of_students as students
import pytest

from course_utils.grading import results, run

HONEST = {"anna": students.notebook(), "zoe": students.notebook(score="def score(): return 'no'")}
CANARY = "SECRET-OF-THE-MACHINE"


def zipped(*entries, link=None):
    """A ZIP of (name, content); a link points where its content says."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o120777 if name == link else 0o100644) << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def encrypted():
    packed = bytearray(zipped(("ps1.ipynb", HONEST["anna"])))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.find(mark) + place] |= 1
    return bytes(packed)


def overlapping():
    """Two names for one place, as in a ZIP bomb that is its own file many times over."""
    packed = bytearray(zipped(("a.ipynb", "x" * 99), ("ps1.ipynb", HONEST["anna"])))
    second = packed.rfind(b"PK\x01\x02")
    struct.pack_into("<I", packed, second + 42, 1)
    return bytes(packed)


def forged_points():
    cells = students.cells(score="nothing")
    for cell in cells:
        cell["metadata"]["nbgrader"] |= {"points": 1e9, "grade": True, "score": 1e9}
    cells[1]["source"] = "assert True"
    return json.dumps({"cells": cells, "metadata": {"student": "anna", "score": 1e9}, "nbformat": 4})


DEEP = '{"cells":' * 3000 + "1" + "}" * 3000
COPIED = [*students.cells(score="def score(): 'wrong'"), students.cell("copy", students.GOOD, grade_id="ps1-score")]
RENAMED = [{**students.cells()[0], "id": "other", "metadata": {}}, *students.cells()[1:]]
BOMB = zipped(("ps1.ipynb", b"0" * 60_000_000))
# What is handed in as STUDENT.ipynb: (content, what is said of it, whether anything is graded)
FILES = {
    "empty": ("", "is empty", False),
    "html": ("<!DOCTYPE html><title>Log in</title>", "is a web page", False),
    "truncated": (HONEST["anna"][:-60], "breaks off", False),
    "text": ("dear grader, please", "is not JSON", False),
    "number": ("9" * 6000, "is not JSON", False),
    "nan": ('{"cells": NaN}', "has no list of cells", False),
    "deep": (DEEP, "is nested too deeply", False),
    "binary": (os.urandom(64).replace(b"<", b"x") + b"\xff", "", False),
    "pdf": (b"%PDF-1.4 ...", "is a PDF", False),
    "nothing": (students.notebook([]), "without any cell", False),
    "foreign": (students.notebook([students.cell("ps2-x", "1")]), "without any cell", False),
    "nbformat3": (
        json.dumps({"worksheets": [{"cells": [{"input": "x", "metadata": {"nbgrader": {"grade_id": "ps1-score"}}}]}]}),
        "of the old format 3",
        True,
    ),
    "deleted": (students.notebook(students.cells()[2:]), "ps1-score is missing", True),
    "copied": (students.notebook(COPIED), "2 cells are called ps1-score", True),
    "renamed": (students.notebook(RENAMED), "ps1-score is missing", True),
    "reordered": (students.notebook(students.cells()[::-1]), "another order", True),
    "retyped": (students.notebook([{**c, "cell_type": "raw"} for c in students.cells()]), "of the type 'raw'", True),
    "forged": (forged_points(), "", True),
    "surrogate": (students.notebook(score="'\ud800'"), "no Unicode", True),
    "lists": (json.dumps({"cells": [[], 1, None, {"id": [], "source": {}}, *students.cells()]}), "4 cells are", True),
    "large": (students.notebook(essay="x" * 10_000_000), "without its outputs", False),
    "outputs": (
        json.dumps({"cells": [{**students.cells()[0], "outputs": ["y" * 20_000_000]}, *students.cells()[1:]]}),
        "without its outputs, which are not needed",
        True,
    ),
    "bomb": (BOMB, "as a ZIP bomb does", False),
    "overlap": (overlapping(), "lie over each other", False),
    "nested": (zipped(("inner.zip", BOMB)), "a ZIP inside a ZIP is not opened", False),
    "many": (zipped(*((f"{n}", "") for n in range(1001))), "1,001 entries", False),
    "encrypted": (encrypted(), "is encrypted", False),
    "torn": (zipped(("ps1.ipynb", HONEST["anna"]))[:-30], "is no ZIP that can be read", False),
    "traversal": (
        zipped(("../../anna.ipynb", "x"), ("/etc/ps1.ipynb", "x"), ("C:\\ps1.ipynb", "x")),
        "without a",
        False,
    ),
    "beside": (zipped(("../anna.ipynb", "x"), ("ps1.ipynb", HONEST["anna"])), "names a place outside", True),
    "linked": (zipped(("ps1.ipynb", "/etc/passwd"), link="ps1.ipynb"), "is a link", False),
    "another": (students.notebook(variance="student = 'anna'"), "says that its student is 'anna'", True),
}
NAMES = [
    "-rf",
    "a b",
    "名前",
    "é",
    "..ipynb",
    "CON",
    "x" * 200,
    "$(touch pwned)",
    "a\nb",
    "=cmd",
    os.fsdecode(b"\xff\xfe"),
]


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The class with all of them, and the honest ones alone, under one secret."""
    folder = tmp_path_factory.mktemp("attacks")
    (folder / "outside").write_text(HONEST["anna"].replace("ps1", CANARY))
    source = students.hand_in(folder / "in", **HONEST, **{name: content for name, (content, _, _) in FILES.items()})
    for name in NAMES:
        (source / f"{name}.ipynb").write_text(HONEST["anna"])
    (source / "link.ipynb").symlink_to(folder / "outside")
    (source / "linked-folder").symlink_to(folder)
    (source / "Anna.ipynb").write_text(students.notebook(score="def score(): return 'no'"))
    os.mkfifo(source / "pipe.ipynb")
    key = "0" * 64
    for name, handed_in in (("all", source), ("alone", students.hand_in(folder / "honest", **HONEST))):
        (folder / name).mkdir()
        (folder / name / "secret.txt").write_text(key)
        before = {path for path in folder.rglob("*") if folder / name not in path.parents}
        summary = run.grade(handed_in, students.SET, folder / name, marker=students.mark, sandbox="none", jobs=1)
        assert summary.failed == []
        assert {path for path in folder.rglob("*") if folder / name not in path.parents} == before
    return folder


def of(graded, student):
    return results.read(results.location(graded / "all", "ps1", student))


@pytest.mark.parametrize("name", FILES)
def test_each_is_told_what_it_is_and_graded_as_far_as_it_goes(name, graded):
    _, sentence, is_graded = FILES[name]
    found = of(graded, name)
    assert sentence in " ".join((found.refused, *found.notes))
    assert bool(found.refused) is not is_graded
    assert bool(found.outcomes) is is_graded
    assert is_graded or found.points is None  # never 0


@pytest.mark.parametrize("student", HONEST)
def test_the_honest_ones_results_are_the_same_to_the_byte(student, graded):
    together, alone = (results.location(graded / name, "ps1", student) for name in ("all", "alone"))
    assert together.read_bytes() == alone.read_bytes()


def test_nothing_forged_counts(graded):
    assert of(graded, "forged").outcomes[0].status == "wrong"
    assert of(graded, "copied").outcomes[0].status == "correct"  # the last one, as in a notebook that is run


def test_links_pipes_and_names_lead_nowhere(graded):
    (capital,) = (graded / "all" / "results" / "ps1").glob("Anna-*.json")
    assert results.read(capital).outcomes[0].status == "wrong"
    for name in ("link", "linked-folder", "pipe"):
        assert of(graded, name).refused
    files = list((graded / "all" / "results" / "ps1").iterdir())
    assert len(files) == len(HONEST) + len(FILES) + len(NAMES) + 4
    assert not [file for file in files if set(file.name) & set(" \n$=()") or file.name[0] in ".-"]
    assert not any(CANARY in file.read_text() for file in files)


@pytest.mark.parametrize("named", [b"\xff\xfe", "../../up", "/abs", "a\\..\\..\\b"])
def test_a_platforms_zip_with_hostile_names_writes_nothing_outside(named, tmp_path):
    name = named.decode("latin-1") if isinstance(named, bytes) else named
    source = tmp_path / "class.zip"
    source.write_bytes(zipped((f"{name}/ps1.ipynb", HONEST["anna"]), ("anna/ps1.ipynb", HONEST["anna"])))
    run.grade(source, students.SET, tmp_path / "out", marker=students.mark, sandbox="none", jobs=1)
    assert {path.name for path in tmp_path.iterdir()} == {"class.zip", "out"}
    assert results.read(results.location(tmp_path / "out", "ps1", "anna")).points is None  # the essay waits
    assert all((tmp_path / "out") in path.parents for path in (tmp_path / "out").rglob("*"))
