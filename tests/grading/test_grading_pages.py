"""The pages of students and instructors: whole, alone, harmless, and nothing in them that should stay hidden."""

import copy
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import small_class

from course_utils.grading import class_page, feedback, pages, similarity
from course_utils.grading.marking import Status

VOID = {"meta", "br", "path", "circle", "rect"}


class Reader(HTMLParser):
    """Reads a page strictly: what is opened is closed, and an id stands once."""

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.tags, self.text = [], [], set(), ""
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.ids += [value for name, value in attributes if name == "id"]
        assert not [name for name, _ in attributes if name.startswith("on") or name in ("src", "srcset", "style")]
        assert all(value.startswith("#") for name, value in attributes if name == "href")
        if tag not in VOID:
            self.open.append(tag)
        self.text += " " if tag in ("td", "th", "p", "h2", "br") else ""

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


def read(page):
    reader = Reader(page)
    assert len(reader.ids) == len(set(reader.ids))
    assert not reader.tags & {"script", "img", "link", "iframe", "form", "object"}
    assert not re.search(r"url\((?!#)|@import|https?:", page)
    assert "default-src 'none'" in page
    page.encode()  # no half of a surrogate pair
    return " ".join(reader.text.split())


@pytest.fixture(scope="module")
def results():
    return small_class.results()


def of_first(status, **more):
    """The page of a student whose first question has this status and who did not hand in more."""
    outcome = small_class.outcome(small_class.SET.items[0], status) | more
    return read(feedback.page(small_class.SET, small_class.result("anna", [outcome])))


def test_every_status_has_its_words_and_what_is_not_graded_is_never_0():
    assert set(pages.STATUSES) == set(Status.__args__)
    for status, (_, words) in pages.STATUSES.items():
        text = of_first(status)
        assert words in text
        not_graded = status in ("needs-marking", "infrastructure")
        assert ("Nothing is graded yet" in text) == not_graded
        assert ("– of 3" in text) == not_graded
        assert not re.search(r"\b0 of \d\b", text) or status in ("wrong", "error", "timeout", "memory", "no-answer")
    assert "3 of 3 points graded so far; 16 points are not graded yet" in of_first("correct")


def test_hidden_inputs_stay_hidden_unless_the_instructor_shows_them(results):
    for result in results:
        page = feedback.page(small_class.SET, result)
        assert not re.search("HIDDEN|271828|FULL|PART", page), result["student"]
    page = feedback.page(small_class.SET, results[0], show_first_failure=True)
    assert "HIDDEN-INPUT [0.25, 17]" in read(page)
    assert not re.search("271828|FULL|PART", page)


def test_a_mark_and_a_comment_of_a_person_stand_on_the_page(results):
    marks = {"ps1-essay": feedback.ManualMark(4.5, "Say <which> axis.\nSee 06.")}
    text = read(feedback.page(small_class.SET, results[0], marks, name="Anna Ä"))
    assert "Anna Ä (student00)" in text
    assert "marked by a person · 4.5 of 6 points" in text
    assert "Say <which> axis. See 06." in text
    assert "not graded yet" not in text
    waiting = read(feedback.page(small_class.SET, results[0], {"ps1-essay": feedback.ManualMark(None, "Soon.")}))
    assert "not graded yet: a person reads it" in waiting


def test_whatever_a_submission_holds_is_shown_and_does_nothing(results):
    hostile = copy.deepcopy(results[0]) | {"student": small_class.HOSTILE, "notes": [small_class.HOSTILE]}
    for outcome in hostile["outcomes"]:
        more = {"mistake": small_class.HOSTILE, "paragraphs": [small_class.HOSTILE], "status": "wrong"}
        outcome |= more | {"rows": [[small_class.HOSTILE] * 2], "parts": [[small_class.HOSTILE, 0, 1, "wrong"]]}
    fragment = similarity.Fragment("ps1-gae", small_class.HOSTILE, small_class.HOSTILE)
    similar = [similarity.Group((small_class.HOSTILE, "b", small_class.HOSTILE), 1.0, 9, (fragment,))]
    said = {small_class.HOSTILE: {small_class.HOSTILE: 1}}
    for page in (
        feedback.page(small_class.SET, hostile, name=small_class.HOSTILE, show_first_failure=True),
        class_page.page(small_class.SET, [hostile], similar=similar, predictions=said),
    ):
        assert '<img src=x onerror="alert(1)">' in read(page)


def test_the_files_of_a_class(results, tmp_path):
    files = feedback.write(small_class.SET, results, tmp_path / "feedback")
    assert [file.stem for file in files] == [result["student"] for result in results]
    assert "lesson 01, section" in files[1].read_text(encoding="utf-8")


def test_the_class_page_counts_what_the_results_hold(results):
    text = read(class_page.page(small_class.SET, results, similar=[], predictions={"08-far": {"far ✓": 3, "near": 5}}))
    shown = [one for one in results if one["outcomes"]]
    counts = [
        sum(one["outcomes"][0]["status"] == status for one in shown) for status in ("correct", "partial", "wrong")
    ]
    assert f"1. A stable softmax {' '.join(map(str, counts))} " in text
    met = [one["outcomes"][0]["mistake"] for one in shown if one["outcomes"][0]["mistake"]]
    most = max(sorted(set(met)), key=met.count)
    assert f"({most})" in text
    assert "The file is no JSON: it ends in line 3." in text
    assert "to be marked: question 4" in text
    assert "the grader failed, grade again: question 3" in text
    assert text.index("near") < text.index("far ✓")
    assert "No two share more than the class does." in text


@pytest.mark.parametrize("some", [[], [small_class.result("anna", [])]])
def test_a_class_without_marks_has_a_page(some):
    text = read(class_page.page(small_class.SET, some))
    assert "Nothing is graded yet." in text
    assert "0 of" not in text


def test_a_mark_of_a_person_counts_in_the_class(results):
    essay = {one["student"]: {"ps1-essay": feedback.ManualMark(6.0)} for one in results}
    assert "to be marked" not in read(class_page.page(small_class.SET, results, marks=essay))


def test_a_page_names_no_colour_and_only_roles_that_are_told():
    css = Path(pages.__file__).with_name("page.css").read_text(encoding="utf-8")
    assert not re.search(r"#[0-9a-f]{3}|rgb|hsl", css)
    roles = pages.document("", "").partition("</style>")[0]
    assert {name for name in re.findall(r"var\((--pgc-[\w-]+)\)", css) if f"{name}:" not in roles} == set()
