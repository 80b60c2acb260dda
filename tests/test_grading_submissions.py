"""What students handed in, found and read: each layout, each oddity with its sentence."""

import json
import zipfile

import class_of_students as students
import pytest

from course_utils.grading import submissions

NOTEBOOK = students.notebook()
LAYOUTS = {
    "files": (["anna.ipynb", "bob.ipynb"], ["anna", "bob"]),
    "folders": (["anna/ps1.ipynb", "bob/ps1.ipynb", "README.txt"], ["anna", "bob"]),
    "nbgrader": (
        ["submitted/anna/ps1/ps1.ipynb", "submitted/anna/ps1/timestamp.txt", "submitted/bob/ps1/ps1.ipynb"],
        ["anna", "bob"],
    ),
    "nbgrader, inside": (["anna/ps1/ps1.ipynb", "bob/ps1/ps1.ipynb", "carl/ps2/ps2.ipynb"], ["anna", "bob"]),
    "nbgrader, one student": (["anna/ps1/ps1.ipynb"], ["anna"]),
    "Canvas": (
        ["doejane_11_501_ps1.ipynb", "doejane_11_502_ps1-1.ipynb", "roerick_LATE_12_400_ps1.ipynb"],
        ["doejane_11", "roerick_12"],
    ),
    "Moodle": (
        [
            "Zoë Łuk O'Hara_77_assignsubmission_file_/ps1.ipynb",
            "Zoë Łuk O'Hara_77_assignsubmission_onlinetext_/onlinetext.html",
            "Max Doe_78_assignsubmission_file_ps1.ipynb",
        ],
        ["Max_Doe_78", "Zoë_Łuk_O_Hara_77"],
    ),
    "wrapped": (["hand-ins/anna.ipynb", "hand-ins/bob.ipynb", "hand-ins/ps1.ipynb"], ["anna", "bob", "ps1"]),
    "clutter": (["anna.ipynb", "__MACOSX/._anna.ipynb", "bob/.ipynb_checkpoints/ps1.ipynb", ".DS_Store"], ["anna"]),
}


def laid_out(folder, files):
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(NOTEBOOK, encoding="utf-8")
    return folder


def zipped(file, files):
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file


@pytest.mark.parametrize(
    ("layout", "packed"),
    [(name, packed) for name in LAYOUTS for packed in (False, True) if packed or name != "wrapped"],
)
def test_each_layout_gives_one_submission_for_each_student(layout, packed, tmp_path):
    files, wanted = LAYOUTS[layout]
    source = zipped(tmp_path / "class.zip", dict.fromkeys(files, NOTEBOOK)) if packed else laid_out(tmp_path, files)
    found = list(submissions.collect(source, students.SET))
    assert [one.student for one in found] == wanted
    for one in found:
        assert one.refused == ""
        assert one.cells == {"ps1-score": students.GOOD, "ps1-variance": "variance = 2.0"}
        assert one.written == {"ps1-essay": "Because of the score."}


def read(tmp_path, content, name="anna.ipynb"):
    (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (one,) = submissions.collect(tmp_path, students.SET)
    return one


def test_the_newest_attempt_counts_by_the_platforms_number(tmp_path):
    laid_out(tmp_path, LAYOUTS["Canvas"][0])
    first, second = submissions.find(tmp_path, "ps1").students
    assert first.files[0][0].where.name == "doejane_11_502_ps1-1.ipynb"
    assert first.notes == ("2 files were handed in, and the newest by its name counts: 'doejane_11_502_ps1-1.ipynb'.",)
    assert (first.name, first.number) == ("doejane", "11")
    assert second.notes == ("The platform marks it as late.",)


@pytest.mark.parametrize(
    ("files", "counts"),
    [
        (["ps1.ipynb", "ps1-1.ipynb", "ps1-2.ipynb"], "ps1-2.ipynb"),
        (["ps1.ipynb", "ps1 (10).ipynb", "ps1 (9).ipynb"], "ps1 (10).ipynb"),
        (["zzz.ipynb", "ps1.ipynb", "aaa.ipynb"], "ps1.ipynb"),
        (["ps1.ipynb", "ps1-9.html", "notes.pdf"], "ps1.ipynb"),
    ],
)
def test_of_several_files_the_right_name_counts_then_its_number(files, counts, tmp_path):
    laid_out(tmp_path, [f"anna/{name}" for name in files])
    (one,) = submissions.find(tmp_path, "ps1").students
    assert one.files[0][1] == counts


OLD_CELL = {"input": [students.GOOD], "cell_type": "code", "metadata": {"nbgrader": {"grade_id": "ps1-score"}}}
OLD = {"worksheets": [{"cells": [OLD_CELL]}], "nbformat": 3, "metadata": {}}
ODD = {  # content: what a note says
    "nbformat 3": (json.dumps(OLD), "of the old format 3"),
    "missing": (students.notebook(students.cells()[1:]), "The cell ps1-score is missing."),
    "twice": (
        students.notebook([*students.cells(), students.cell("x", "def score(): 'last'", grade_id="ps1-score")]),
        "2 cells are called ps1-score; the last one counts",
    ),
    "foreign": (
        students.notebook([*students.cells(), students.cell("ps2-gae", "x = 1")]),
        "1 cell for answers not of ps1, passed over: 'ps2-gae'.",
    ),
    "type": (
        students.notebook([{**students.cells()[0], "cell_type": "raw"}, *students.cells()[1:]]),
        "The cell ps1-score is of the type 'raw', expected code; its text counts.",
    ),
    "reordered": (students.notebook(students.cells()[::-1]), "another order"),
    "broken cells": (students.notebook([*students.cells(), 7, {"source": 3}]), "2 cells are broken"),
    "surrogates": (students.notebook(score="x = '\ud800'"), "no Unicode"),
    "long": (students.notebook(score="#" * 300_000), "300,000 characters"),
    "another student": (students.notebook(variance="student = 'bob'"), "says that its student is 'bob'"),
}


@pytest.mark.parametrize("name", ODD)
def test_each_oddity_has_its_sentence_and_the_rest_is_read(name, tmp_path):
    content, sentence = ODD[name]
    one = read(tmp_path, content)
    assert any(sentence in note for note in one.notes), one.notes
    assert one.refused == ""
    assert one.cells or one.written


def test_forged_points_and_edited_tests_change_nothing(tmp_path):
    honest = read(tmp_path / "a", NOTEBOOK)
    forged = students.cells()
    forged[1]["source"] = "print('all right')"
    forged[0]["metadata"]["nbgrader"] |= {"points": 1e9, "grade": True, "locked": True}
    forged = read(tmp_path / "b", students.notebook(forged))
    assert (forged.cells, forged.written) == (honest.cells, honest.written)


REFUSED = {
    "empty": ("", "is empty"),
    "blank": (" \n\t", "is empty"),
    "login page": ("\n<!DOCTYPE html><html><body>Sign in", "is a web page"),
    "cut short": (NOTEBOOK[: len(NOTEBOOK) // 2], "breaks off in line 1"),
    "not JSON": ("{'cells': []}", "is not JSON: Expecting property name"),
    "a list": ("[1, 2]", "is JSON, and no notebook"),
    "no cells": ('{"cells": {"a": 1}}', "has no list of cells"),
    "nobody's cells": (students.notebook([students.cell("x", "1")]), "without any cell of ps1"),
    "deep": ("[" * 100_000, "is nested too deeply"),
    "deep and large": ("[" * 5_000_000, "is no notebook by its form"),
    "bytes": (b'{"cells": "\xff\xfe\x00"}', "is not JSON"),
    "a long number": ('{"cells": ' + "9" * 5000 + "}", "is not JSON"),
    "a PDF": (b"%PDF-1.7", "is a PDF"),
    "large": (students.notebook(essay="x" * 9_000_000), "has more than 8.0 MB without its outputs"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_graded_is_refused_in_one_sentence(name, tmp_path):
    content, sentence = REFUSED[name]
    one = read(tmp_path, content)
    assert sentence in one.refused
    assert one.refused.endswith(".")
    assert not one.cells


def test_outputs_of_any_size_are_left_out(tmp_path):
    cells = students.cells()
    cells[0]["outputs"] = [{"text": ['"outputs": [ ] }\n'] * 300_000}, {"data": {"image/png": "A" * 3_000_000}}]
    one = read(tmp_path, students.notebook(cells))
    assert dict(one.cells) == {"ps1-score": students.GOOD, "ps1-variance": "variance = 2.0"}
    assert any("without its outputs" in note for note in one.notes)
    one = read(tmp_path, students.notebook(cells)[:4_500_000])
    assert "breaks off in an output" in one.refused


def test_a_wrong_name_is_said_and_the_file_is_graded(tmp_path):
    one = read(tmp_path, NOTEBOOK, "anna/final version.ipynb")
    assert one.notes == ("The file is called 'final version.ipynb', expected ps1.ipynb.",)
    assert one.cells


@pytest.mark.parametrize(
    ("name", "same"),
    [
        *((name, True) for name in ("anna", "s123.x", "Jürgen")),
        *(
            (name, False)
            for name in ("", "a b", "../a", "CON", "a/b", ".hidden", "a" * 300, "a-0123abcd", "\udcff", "=1")
        ),
    ],
)
def test_a_name_is_safe_for_a_file(name, same):
    own = submissions.safe_name(name)
    assert (own == name) is same
    assert not set(own) & set("/\\: \0=")
    assert len(own) < 100
    assert own[0] not in ".-"
    assert own.encode()


def test_names_that_differ_in_nothing_but_case_stay_apart(tmp_path):
    folder = students.hand_in(tmp_path, Anna=NOTEBOOK, anna=NOTEBOOK)
    found = submissions.find(folder, "ps1").students
    assert len({one.student.casefold() for one in found}) == 2
    assert [one.student for one in found if one.student == one.student.casefold()] == ["anna"]


@pytest.mark.parametrize("content", [None, {}, {"README.txt": "hello"}])
def test_without_a_submission_there_is_one_sentence(content, tmp_path):
    source = tmp_path / "gone" if content is None else laid_out(tmp_path, content)
    with pytest.raises(submissions.SubmissionsError, match=r"^SUBMISSIONS is .*expected"):
        submissions.find(source, "ps1")
