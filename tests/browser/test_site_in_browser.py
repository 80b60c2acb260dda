"""The course's pages, opened from a folder: readable at once, searched, printed; progress is kept, saved and taken.

What is alive on them is held by test_hosts.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hosts
import pytest
from appearance import axe_of_page
from every_lab import right_answer, wrong_answer
from lab_view import LabView, faults_of
from playwright.sync_api import Browser, Page, ViewportSize, expect

from course_utils import progress
from course_utils.build import pdf
from course_utils.widgets import CourseMap, Predict, Quiz

pytestmark = pytest.mark.browser
SIZE: ViewportSize = {"width": 1280, "height": 1000}
NARROW: ViewportSize = {"width": 390, "height": 844}
BEGUN = '[data-role="lesson"][data-state="begun"]'
PREDICTION, QUESTION = Predict("08-three-actions").questions[0], Quiz("08").questions[0]
SCROLLS = """[...document.querySelectorAll("html, body, article, article :not(.pgc-lab *), :has(article)")]
  .filter((one) => /auto|scroll/.test(getComputedStyle(one).overflow)).map((one) => one.tagName + one.className)"""


class Reader:
    """A browser with the pages of a folder."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.faults, self.asked = faults_of(page, "warning"), set[str]()
        page.on("request", lambda request: self.asked.add(request.url))

    def open(self, name: str, more: str = "") -> Page:
        self.page.set_viewport_size(SIZE)
        self.page.goto(f"{(self.folder / f'{name}.html').as_uri()}{more}")
        return self.page


NewReader = Callable[..., Reader]


@pytest.fixture(scope="module")
def new_reader(browser: Browser, built_site: Path) -> Iterator[NewReader]:
    """Makes readers, each with a browser profile of its own. At the end each must have been quiet."""
    made: list[Reader] = []

    def make(**options: Any) -> Reader:
        made.append(Reader(browser.new_context(reduced_motion="reduce", **options).new_page(), built_site))
        return made[-1]

    yield make
    for reader in made:
        reader.page.context.close()
    assert [fault for reader in made for fault in reader.faults] == []
    inside = ("data:", "blob:", f"{built_site.as_uri()}/")
    assert [url for reader in made for url in reader.asked if not url.startswith(inside)] == []


@pytest.fixture(scope="module")
def reader(new_reader: NewReader) -> Reader:
    return new_reader()


def predict(page: Page) -> None:
    hosts.answer(LabView(page, '.pgc-lab[data-lab="prediction"]'), PREDICTION, right_answer(PREDICTION), "hand")


@pytest.mark.parametrize("name", ["index", "problem_sets", "functions", "reference", "teaching", "lecturing", "search"])
def test_the_pages_around_fit_too(reader: Reader, name: str) -> None:
    page = reader.open(name, "?q=baseline" if name == "search" else "")
    page.set_viewport_size(NARROW)
    assert not page.evaluate(hosts.WIDE)
    page.set_viewport_size(SIZE)
    assert axe_of_page(page) == {}


def test_a_table_keeps_its_shape_on_a_narrow_page(reader: Reader) -> None:
    page = reader.open("04_trajectories")
    page.set_viewport_size(NARROW)
    page.evaluate("document.querySelectorAll('article details').forEach((fold) => { fold.open = true; })")
    covered = """[...document.querySelectorAll("td + td")].filter((cell) => {
      const [one, two] = [cell.previousElementSibling, cell].map((at) => at.getBoundingClientRect());
      return Math.abs(one.top - two.top) < 2 && one.right > two.left + 1;
    }).length"""
    assert page.evaluate(covered) == 0
    reader.open("reference")
    page.set_viewport_size(NARROW)
    assert page.evaluate("Math.max(...[...document.querySelectorAll('tr')].map((row) => row.offsetHeight))") < 250


def test_a_search_finds_headings_and_words(reader: Reader) -> None:
    page = reader.open("search", "?q=objective")
    expect(page.locator("#search-results a", has_text="The objective U").first).to_be_visible()


@pytest.mark.parametrize("name", ["00_start_here", "01_policies"])
def test_the_first_lessons_are_light_and_readable_before_any_script(new_reader: NewReader, name: str) -> None:
    quick = new_reader()
    quick.open(name)
    files = {Path(urlsplit(url).path) for url in quick.asked if url.startswith("file:")}
    assert sum(file.stat().st_size for file in files) < 2_000_000
    still = new_reader(java_script_enabled=False).open(name)
    for lab in still.locator(".pgc-live").all():
        assert len(lab.inner_text().strip()) > 40 or lab.locator("img[alt]").count() == 1
    assert still.locator("math").first.is_visible()


def test_a_reader_predicts_goes_saves_and_takes_it_elsewhere(
    new_reader: NewReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = new_reader(accept_downloads=True)
    page = one.open("08_advantage_objective")
    fold = page.locator(".tag_answers-three-actions details").first
    told = page.query_selector("details.pgc-answer[data-answers~=three-actions]")
    assert told is not None
    expect(fold).to_have_js_property("open", False)
    predict(page)
    expect(fold).to_have_js_property("open", True)
    assert told.evaluate("fold => fold.open")
    quiz = LabView(page, '.pgc-lab[data-lab="quiz"]')
    hosts.answer(quiz, QUESTION, wrong_answer(QUESTION), "hand")
    link = quiz.role("missed").locator("a")
    link.hover()
    assert page.locator(str(link.get_attribute("href"))).count() == 1, "to read again"
    hosts.answer(quiz, QUESTION, right_answer(QUESTION), "hand")

    one.open("08_advantage_objective")
    expect(fold).to_have_js_property("open", True)
    page = one.open("index")
    row = page.locator('[data-role="lesson"][data-number="08"]')
    assert row.get_attribute("data-state") == "begun"
    assert "quiz: 1 of 5 right, 0 at the first try" in row.inner_text()
    row.locator("a").hover()
    assert row.locator("a").get_attribute("href") == "08_advantage_objective.html"
    with page.expect_download() as download:
        page.get_by_role("button", name="Save to a file").click()
    saved = tmp_path / "saved.json"
    download.value.save_as(saved)

    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "record.json"))
    assert progress.merge(saved) == 3
    assert progress.merge(saved) == 0
    done = progress.summary()["08"]
    assert done["quiz"] == {QUESTION["id"]: {"correct": True, "first_try": False, "tries": 2}}
    assert list(done["predictions"]["asked"]) == [PREDICTION["id"]]
    assert [row["number"] for row in CourseMap().lessons if row["state"] == "begun"] == ["08"], "the notebooks' map"
    rows, odd = progress.report([saved])
    assert (len(rows), odd) == (1, [])

    page = new_reader().open("index")
    status = page.locator(".pgc-record [role=status]")
    assert page.locator(BEGUN).count() == 0
    for text, said in (("{", "no JSON"), ("[]", "no file of this course")):
        strange = tmp_path / "strange.json"
        strange.write_text(text)
        page.set_input_files(".pgc-record input", strange)
        expect(status).to_contain_text(said)
    page.set_input_files(".pgc-record input", saved)
    expect(status).to_contain_text("2 questions taken")
    expect(page.locator(BEGUN)).to_have_attribute("data-number", "08")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Start over").click()
    expect(page.locator(BEGUN)).to_have_count(0)


def test_a_file_in_a_folder_is_said_to_be_there(reader: Reader, built_site: Path) -> None:
    page = reader.open("problem_sets")
    page.locator("a[download]").first.click()  # of a page from a folder no browser saves a file: it shows its text
    assert page.url.endswith("problem_sets.html")
    assert Path(page.locator(".pgc-where").inner_text().rpartition(": ")[2]).is_file()


def test_another_tab_shows_what_was_done(new_reader: NewReader) -> None:
    index = new_reader().open("index")
    lesson = index.context.new_page()
    lesson.goto(index.url.replace("index.html", "08_advantage_objective.html"))
    predict(lesson)
    expect(index.locator(BEGUN)).to_have_attribute("data-number", "08")


def test_a_lesson_is_printed_with_its_folds_open(reader: Reader, built_site: Path, tmp_path: Path) -> None:
    page = reader.open("08_advantage_objective")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("article details:not([open])").count() == 0
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 680, "height": 1000})  # of paper: what is wider is cut, and what scrolls has a bar
    assert page.evaluate(SCROLLS) == []
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("article details:not([open])").count() > 0, "what was folded is folded again"
    pdf.print_page(built_site / "reference.html", tmp_path / "reference.pdf")
    assert (tmp_path / "reference.pdf").read_bytes().startswith(b"%PDF")
