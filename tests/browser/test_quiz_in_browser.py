"""Quizzes and the course map in a real JupyterLab: answered by mouse, touch and keyboard, kept by the kernel."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import hosts
import nbformat
import pytest
from appearance import axe, layout_faults
from every_lab import questions, right_answer, wrong_answer
from jupyterlab_page import JupyterLabPage, JupyterLabServer, middle, with_widget_state
from lab_view import LabView
from mounted_lab import MountedLab
from playwright.sync_api import Locator, Page, expect

from course_utils import lessons
from course_utils.widgets import FinalTest

pytestmark = pytest.mark.browser

QUIZ = '.pgc-lab[data-lab="quiz"]'
MAP = '.pgc-lab[data-lab="map"]'
TALL = 3800  # px: the longest quiz in one picture
Open = Callable[..., JupyterLabPage]


def setting(record: Path | str) -> str:
    """Answers go into a record of the test's own, or into none."""
    return f"import os\nos.environ['POLICY_GRADIENT_COURSE_PROGRESS'] = {str(record)!r}"


def cell(name: str, record: Path | str = "") -> str:
    return f"{setting(record)}\nfrom course_utils.widgets import Quiz\nquiz = Quiz({name!r})\nquiz"


class QuizView(LabView):
    """The quiz of a notebook, and one of its questions at a time."""

    def __init__(self, notebook: JupyterLabPage) -> None:
        super().__init__(notebook.page, QUIZ)

    def question(self, name: str) -> Locator:
        return self.root.locator(f'[data-question="{name}"]')

    def part(self, name: str, role: str) -> Locator:
        return self.question(name).locator(f"[data-role={role}]")

    def send(self, name: str) -> str:
        """Answer, or try again; return what is told then."""
        self.part(name, "send").click()
        return self.result(name)

    def choose(self, name: str, *options: int) -> str:
        for box in self.question(name).locator("input[type=checkbox]:checked").all():
            box.uncheck()
        for option in options:
            self.question(name).locator(f'[data-role=option][data-index="{option}"]').check()
        return self.send(name)

    def type_number(self, name: str, text: str) -> str:
        self.part(name, "number").fill(text)
        return self.send(name)

    def result(self, name: str) -> str:
        return "".join(self.part(name, "result").all_inner_texts())

    def order(self, name: str) -> list[int]:
        return indices(self.part(name, "item"))

    def says(self, wanted: str) -> None:
        """Wait until the live region says so."""
        expect(self.role("live")).to_contain_text(wanted, timeout=3000)


def indices(parts: Locator) -> list[int]:
    return parts.evaluate_all("parts => parts.map((part) => Number(part.dataset.index))")


def words(text: str) -> str:
    """The longest piece of a text between its formulas."""
    return max(text.split("$")[::2], key=len)


def test_every_kind_right_wrong_and_again(open_cells: Open, tmp_path: Path) -> None:
    notebook = open_cells(cell("03", tmp_path / "record.json"))
    view = QuizView(notebook)
    asked = {item["id"]: item for item in questions("03")}
    assert view.text("overall") == "0 of 5 answered."
    assert view.root.locator("[data-role=result]:visible").count() == 0

    # nothing chosen: said, not counted
    view.send("purpose")
    assert view.part("purpose", "message").inner_text() == "Choose an answer first."
    assert view.text("overall") == "0 of 5 answered."

    # single: the chosen option's reason first, the others behind a fold that is closed while the answer is wrong
    options = asked["purpose"]["options"]
    told = view.choose("purpose", 0)
    assert all(text in told for text in ("Not yet.", words(options[0]["reason"]), "(this shows the answer)"))
    assert words(options[2]["reason"]) not in told
    in_folds_too = view.part("purpose", "result").text_content() or ""
    assert all(words(option["reason"]) in in_folds_too for option in options)
    view.says(words(options[0]["reason"])[:40])
    view.send("purpose")  # try again
    assert view.part("purpose", "result").is_hidden()
    told = view.choose("purpose", 2)
    assert all(text in told for text in ("Right.", *(words(option["reason"]) for option in options)))
    assert view.part("purpose", "tries").inner_text() == "First answer: not right. This was the second try."

    # several: what is missing is counted
    told = view.choose("which-rewards", 0, 1, 3)
    assert "you chose 2 of the 4 that are right, and 1 that is not" in told
    assert words(asked["which-rewards"]["options"][3]["reason"]) in told

    # numeric: a comma, a known mistake, no number at all
    number = asked["one-sample"]
    view.type_number("one-sample", "viel")
    assert "“viel” is no number" in view.part("one-sample", "message").inner_text()
    assert words(number["wrong"][1]["reason"]) in view.type_number("one-sample", "0,8")
    for text, told in (("17", number["otherwise"]), ("8,02/2", number["reason"])):
        view.send("one-sample")  # try again
        assert told in view.type_number("one-sample", text)

    # order: how much is in place
    assert view.order("derivation") == asked["derivation"]["start"]
    placed = "Not yet: 1 of 6 stands in the right place, and line 1 is the first that does not."
    assert placed in view.send("derivation")

    view.choose("flawed", 1)
    assert view.text("overall") == "1 of 5 right at the first try, 3 by now."
    by_now = {"purpose": " (right by now)", "one-sample": " (right by now)"}
    assert view.text("missed").splitlines() == [
        f"{item['title']}{by_now.get(name, '')}: {item['section']}" for name, item in asked.items() if name != "flawed"
    ]
    answers = {"purpose": [0, 2], "which-rewards": [[0, 1, 3]], "one-sample": [0.8, 17, 4.01], "flawed": [1]}
    answers["derivation"] = [asked["derivation"]["start"]]
    notebook.wait_for_kernel("quiz.answers", lambda value: value == answers)
    assert view.root.locator("[data-role=note]").text_content() == ""


def test_next_day_a_quiz_says_what_was_answered(open_cells: Open, tmp_path: Path) -> None:
    asked = questions("03")
    notebook = open_cells(cell("03", tmp_path / "record.json"))
    notebook.execute(
        "from course_utils import progress\n"
        f"progress.record_quiz('03', {asked[0]['id']!r}, True, True)\n"
        f"progress.record_quiz('03', {asked[1]['id']!r}, False, True)"
    )
    notebook.run_cell(0)
    view = QuizView(notebook)
    overall = view.role("overall")
    expect(overall).to_have_text("Before: 2 of 5 answered, 1 right at the first try. Answer again as you like.")
    view.choose("purpose", 0)
    expect(overall).to_have_text(re.compile("^1 of 5 answered"))
    notebook.execute("quiz.answers = {'one-sample': [1.5, 4.01]}")  # as another view of it does
    expect(view.part("one-sample", "tries")).to_have_text(re.compile("^First answer: not right."))
    assert "Right." in view.result("one-sample")


def test_keyboard_alone(open_cells: Open) -> None:
    """Tab, arrows, Space and Enter answer every kind, and JupyterLab's own shortcuts stay out of the way."""
    notebook = open_cells(cell("03"), "# another cell")
    view, keys = QuizView(notebook), notebook.page.keyboard
    focused = "() => document.activeElement.dataset.role + (document.activeElement.dataset.index ?? '')"
    shown = {name: indices(view.part(name, "option")) for name in ("purpose", "which-rewards")}
    assert all(sorted(order) != order for order in shown.values())
    view.part("purpose", "option").first.focus()
    for key in ["ArrowDown"] * shown["purpose"].index(2) or ["Space"]:
        keys.press(key)
    keys.press("Tab")
    assert notebook.page.evaluate(focused) == "send"
    keys.press("Enter")
    assert "Right." in view.result("purpose")
    assert notebook.page.evaluate(focused) == "send", "the focus got lost"

    view.part("which-rewards", "option").first.focus()
    for n in shown["which-rewards"]:
        if n != 3:
            keys.press("Space")
        keys.press("Tab")
    keys.press("Space")
    assert "Right." in view.result("which-rewards")

    view.part("one-sample", "number").focus()
    for text, told in (("-,5", "Not yet."), ("4", "Right.")):
        assert notebook.page.evaluate(focused) == "number"
        keys.type(text)
        keys.press("Enter")
        assert told in view.result("one-sample")
        assert notebook.page.evaluate(focused) == "send"
        keys.press("Enter")  # try again

    for item in range(6):
        button = view.question("derivation").locator(f'[data-role=item][data-index="{item}"] [data-role=up]')
        button.focus()
        moves = view.order("derivation").index(item) - item
        for n in range(moves):
            keys.press("ArrowUp" if n % 2 else "Enter")
        assert button.evaluate("button => button === document.activeElement"), "the focus stayed behind"
        if moves:
            view.says(f"Now at place {item + 1} of 6.")
    assert view.order("derivation") == list(range(6))
    view.part("derivation", "send").press("Enter")
    assert "Right." in view.result("derivation")
    cells = notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")
    assert cells == 2, "a key reached JupyterLab and changed the notebook"
    assert notebook.kernel_value("quiz.recorded") == -1


@pytest.fixture(scope="module")
def stored() -> nbformat.NotebookNode:
    return with_widget_state(
        nbformat.v4.new_markdown_cell(f"## {questions('08')[0]['section']}", id="section"),
        nbformat.v4.new_code_cell(cell("08"), id="quiz"),
        nbformat.v4.new_code_cell("from course_utils.widgets import CourseMap\nCourseMap()", id="map"),
    )


def test_alive_from_the_saved_state_by_mouse_and_finger(
    new_page: Open, server: JupyterLabServer, stored: nbformat.NotebookNode
) -> None:
    notebook = new_page().open(server.add_notebook("stored_quiz.ipynb", stored))
    view = QuizView(notebook)
    assert '<a href="08_advantage_objective.ipynb">' in stored.cells[2].outputs[0].data["text/html"], "where no map is"
    first = questions("08")[0]
    hosts.answer(view, first, wrong_answer(first), "hand")
    for item in questions("08"):
        assert "Right." in hosts.answer(view, item, right_answer(item), "hand")
    assert view.text("overall") == "4 of 5 right at the first try, 5 by now."

    view.send("one-update")  # again
    notebook.scroll_to(view.question("one-update"))
    start = view.order("one-update")

    def of_item(place: int, what: str) -> tuple[float, float]:
        return middle(view.part("one-update", "item").nth(place).locator(what))

    (x, y), (_, end) = of_item(0, ".pgc-words"), of_item(2, ".pgc-words")
    notebook.page.mouse.move(x, y)
    notebook.page.mouse.down()
    notebook.page.mouse.move(x, end + 8, steps=4)
    notebook.page.mouse.up()
    assert view.order("one-update") == [start[1], start[2], start[0], *start[3:]]

    before = view.order("one-update")
    (x, y), (_, end) = of_item(3, ".pgc-grip"), of_item(2, ".pgc-grip")
    view.touch(x, y, 0, end - 8 - y)
    assert view.order("one-update") == [*before[:2], before[3], before[2], *before[4:]]

    link = view.role("missed").locator("a")
    notebook.scroll_to(link)
    link.click()
    expect(notebook.page.get_by_role("heading", name=first["section"])).to_be_in_viewport()
    expect(view.role("note")).to_contain_text("Not recorded", timeout=6000)
    assert notebook.execute("print('quiz' in globals())").strip() == "False", "the kernel ran the cell"
    far = [nbformat.v4.new_markdown_cell("one line\n\n" * 9) for _ in range(40)]
    far[30].source = "### Far away?"
    server.add_notebook("far.ipynb", nbformat.v4.new_notebook(cells=far))
    link.evaluate("link => link.setAttribute('href', 'far.ipynb#Far-away?')")
    notebook.scroll_to(link)
    link.click()
    expect(notebook.page.get_by_role("heading", name="Far away?")).to_be_in_viewport()


def test_the_map_shows_what_was_done(open_cells: Open, tmp_path: Path) -> None:
    show = "\nfrom course_utils import progress\nfrom course_utils.widgets import CourseMap\nCourseMap()"
    notebook = open_cells(setting(tmp_path / "record.json") + show)
    root = notebook.page.locator(MAP)
    root.wait_for()
    assert root.locator("[data-role=lesson]").count() == len(lessons.LESSONS)
    assert root.locator("[data-state=begun], [data-state=done]").count() == 0
    notebook.execute(
        "for name in ('advantage_objective', 'advantage_gradient', 'ascent_step'):\n"
        "    progress.record_check(name, '08', 'correct')\n"
        "progress.record_check('softmax', '01', 'not yet', 'wrong_axis')\n"
        + "".join(f"progress.record_quiz('08', {item['id']!r}, True, True)\n" for item in questions("08"))
        + "progress.record_prediction('advantage', {'total_variation': 0.1})"
    )
    notebook.run_cell(0)
    done = "3 of 3 checks · quiz: 5 of 5 right, 5 at the first try · 0 of 6 predictions · 1 prediction in labs"
    expect(root.locator('[data-number="08"][data-state=done]')).to_contain_text(done)
    assert "check softmax (1 try; met: wrong axis)" in root.locator('[data-number="01"]').inner_text()
    for width in (1280, 390):
        notebook.page.set_viewport_size({"width": width, "height": TALL})
        assert layout_faults(notebook.page, MAP) == [], width
    assert axe(notebook.page, MAP) == []


def test_the_final_test_tells_its_result_by_topic_with_ways_back(page: Page) -> None:
    shown = MountedLab(page, FinalTest("final"))
    assert shown.role("topics").count() == 0
    shown.set(answers={"even-odds": [4, 1.386], "mean-of-estimates": [0.6], "falling-curve": [1]})
    assert shown.text("overall") == "3 of 20 answered, 1 right at the first try."
    first, second, *rest = (" ".join(text.split()) for text in shown.role("topic").all_inner_texts())
    only = "01 · What does one logit do?"
    assert first == f"Policies and scores: 1 of 3 at the first try, 1 open Even odds (right by now): {only}"
    assert second.endswith("0 of 4 at the first try, 3 open A falling curve: 05 · Walking uphill")
    assert [": 0 of " in text for text in rest] == [True] * 3
    links = shown.role("link").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    assert links == ["01_policies.ipynb#What-does-one-logit-do?", "05_reinforce.ipynb#Walking-uphill"]
