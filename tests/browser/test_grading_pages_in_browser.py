"""The pages of students and instructors in a browser: nothing sticks out, axe finds nothing, paper shows it all."""

import sys
from pathlib import Path

import pytest
from appearance import axe

from course_utils.grading import class_page, feedback, similarity

sys.path.append(str(Path(__file__).parents[1] / "grading"))
import small_class

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    results, folder = small_class.results(), tmp_path_factory.mktemp("pages")
    group = similarity.Group(("anna", "ben"), 0.9, 12, (similarity.Fragment("ps1-gae", "x = 1 + y\n" * 3, "z = 2"),))
    predictions = {"08-far": {"far ✓": 3, "near": 5}}
    class_page.write(small_class.SET, results, folder / "class.html", similar=[group], predictions=predictions)
    feedback.write(small_class.SET, results[:1], folder, show_first_failure=True)
    return [folder / "class.html", folder / "student00.html"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_folded_and_what_is_not_can_be_read(page, files, scheme):
    page.emulate_media(color_scheme=scheme)
    for file in files:
        page.goto(file.as_uri())
        page.eval_on_selector_all("details", "(all) => all.forEach((one) => { one.open = true; })")
        assert axe(page, "main") == []
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            cut = """(texts) => texts.filter((t) => { const a = t.getBoundingClientRect(),
                b = t.ownerSVGElement.getBoundingClientRect(); return a.left < b.left - 1 || a.right > b.right + 1; })
                .map((t) => t.textContent)"""
            assert page.eval_on_selector_all("figure text", cut) == []
    page.emulate_media(color_scheme="no-preference")


def test_paper_shows_the_tables_that_a_screen_folds(page, files):
    page.goto(files[0].as_uri())
    assert not page.get_by_role("row", name="student03").last.is_visible()
    page.emulate_media(media="print")
    assert page.get_by_role("row", name="student03").last.is_visible()
    page.emulate_media(media="screen")
