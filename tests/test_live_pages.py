"""Outputs with labs as HTML that mounts itself: what is live, what stays a picture, and no data becomes a script."""

import json

import nbformat
import pytest

from course_utils.build import live_pages
from course_utils.widgets import ClipLab, Predict, TrainingLab, offline


def notebook(*outputs):
    made = [nbformat.v4.new_output("display_data", data, metadata=about) for data, about in outputs]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=made)])


def html(made):
    return made.cells[0].outputs[0].data["text/html"]


def stored_in(made):
    return json.loads(html(made).partition('<script type="application/json">')[2].partition("</script>")[0])


def bundle(lab):
    data, about = lab._repr_mimebundle_()
    return {key: value if isinstance(value, (str, dict)) else "AAAA" for key, value in data.items()}, about


def test_a_lab_brings_its_data_and_its_picture():
    made = notebook(bundle(ClipLab()))
    assert live_pages.prepare(made) == {"clip_lab"}
    assert stored_in(made) == {**offline.stored(ClipLab()), "constants": {}}
    assert f'alt="{ClipLab().alt_text()[:20]}' in html(made)


def test_a_prediction_brings_its_question_and_no_other():
    made = notebook(bundle(Predict("08-three-actions")))
    assert live_pages.prepare(made) == {"prediction"}
    assert list(stored_in(made)["constants"]["library"]) == ["08-three-actions"]
    assert "08-three-actions" not in live_pages.script("prediction")


def test_what_learns_in_python_stays_a_picture_with_a_hint():
    made = notebook(bundle(TrainingLab()))
    assert live_pages.prepare(made) == set()
    assert "<img" in html(made)
    assert live_pages.KERNEL_HINT in html(made)
    assert "<script" not in html(made)


def test_a_box_keeps_each_of_its_labs():
    stored = {"labs": [offline.stored(ClipLab()), offline.stored(ClipLab())]}
    made = notebook(({offline.MIME_TYPE: stored, "text/plain": "two"}, {}))
    assert live_pages.prepare(made) == {"clip_lab"}
    assert html(made).count("pgc-live") == 2


def test_no_text_of_a_notebook_ends_its_data():
    stored = {"lab": "clip_lab", "state": {"text": "</script><script>alert(1)</script>"}}
    made = notebook(({offline.MIME_TYPE: stored, "text/plain": ""}, {}))
    live_pages.prepare(made)
    assert html(made).count("<script") == html(made).count("</script") == 1


@pytest.mark.parametrize("stored", [{"lab": "nolab", "state": {}}, {"labs": [{"x": 1}]}])
def test_a_lab_that_there_is_not_is_refused_with_its_cell(stored):
    made = notebook(({offline.MIME_TYPE: stored, "text/plain": ""}, {}))
    with pytest.raises(ValueError, match=f"the cell '{made.cells[0].id}' holds the lab"):
        live_pages.prepare(made)


@pytest.mark.parametrize("name", offline.labs())
def test_a_script_is_plain(name):
    text = live_pages.script(name)
    assert not any(line.startswith(("export", "import")) for line in text.splitlines())
