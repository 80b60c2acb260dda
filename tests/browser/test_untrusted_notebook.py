"""Opening a committed notebook in JupyterLab before any cell has run: alive when not trusted, safe when hostile."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from appearance import axe
from jupyterlab_page import LAB, JupyterLabPage
from lab_view import LabView
from playwright.sync_api import Locator, expect

from course_utils import diagrams
from course_utils.build import labextension, notebooks
from course_utils.widgets import AdvantageLab, CourseMap, offline
from course_utils.widgets.offline import MIME_TYPE

ADVANTAGES, LOGITS = [1.5, 0.5, -1.0], [0.4, -0.3, 0.1]
CELL = f"""from course_utils.widgets import AdvantageLab

lab = AdvantageLab(advantages={ADVANTAGES}, logits={LOGITS})
lab"""
REFUSAL = "This lab cannot be shown from what the notebook stores. Run the cell to see it."
PWNED = "<img src=x onerror=window.pwned=1>"
pytestmark = pytest.mark.browser


def test_files_are_well_formed_and_written_once(tmp_path: Path) -> None:
    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}

    folder = labextension.install(tmp_path)
    assert folder == tmp_path / "share/jupyter/labextensions/policy-gradient-course"
    package = json.loads((folder / "package.json").read_text())
    build = package["jupyterlab"]["_build"]
    assert (package["name"], package["jupyterlab"]["extension"], build["extension"]) == (
        folder.name,
        True,
        "./extension",
    )
    assert "advantage_lab." in (folder / build["load"]).read_text()
    written = files()
    assert labextension.install(tmp_path) == folder
    assert files() == written
    (folder / build["load"]).unlink()
    labextension.install(tmp_path)
    assert set(files()) == set(written), "a damaged extension is not repaired"


def test_a_changed_source_changes_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def files() -> dict[str, str]:
        static = labextension.install(tmp_path) / "static"
        return {path.name.split(".")[0]: path.name for path in static.iterdir()}

    before = files()
    sources, module = labextension.fingerprint, labextension.lab_module
    monkeypatch.setattr(labextension, "fingerprint", lambda: sources() + "changed")
    assert files() == before, "a change that does not reach the files must not rename them"
    monkeypatch.setattr(labextension, "fingerprint", lambda: sources() + "changed again")
    monkeypatch.setattr(labextension, "lab_module", lambda name: module(name) + "// changed\n")
    after = files()
    assert set(after) == set(before) == {"remoteEntry", *offline.labs()}
    assert all(after[name] != before[name] for name in before)


def test_the_fingerprint_follows_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WIDGETS", "DATA"):
        shutil.copytree(getattr(labextension, name), tmp_path / name)
        monkeypatch.setattr(labextension, name, tmp_path / name)
    before = labextension.fingerprint()
    for changed in ("WIDGETS/advantage_lab.js", "WIDGETS/lab.css", "WIDGETS/advantage_lab.py", "DATA/rlhf/grammar.txt"):
        with (tmp_path / changed).open("a") as source:
            source.write("\n")
        assert before != (before := labextension.fingerprint()), changed


@pytest.fixture(scope="module")
def committed(as_committed: Callable[..., nbformat.NotebookNode]) -> nbformat.NotebookNode:
    return as_committed({"lab": CELL})


def is_trusted(app: JupyterLabPage) -> bool:
    return bool(app.page.evaluate("window.jupyterapp.shell.currentWidget.content.model.cells.get(0).trusted"))


def test_an_untrusted_diagram_is_sharp_and_has_its_words(
    app: JupyterLabPage, as_committed: Callable[..., nbformat.NotebookNode]
) -> None:
    diagram = diagrams.agent_environment()
    notebook = as_committed({"diagram": "from course_utils import diagrams\ndiagrams.agent_environment()"})
    app.open(app.server.add_notebook("diagram.ipynb", notebook))
    shown = app.page.get_by_role("img", name=diagram.alt)
    expect(shown).to_have_js_property("naturalWidth", 560)
    assert (shown.get_attribute("src") or "").startswith("data:image/svg+xml")
    assert not is_trusted(app)


def test_an_untrusted_notebook_is_alive(app: JupyterLabPage, committed: nbformat.NotebookNode) -> None:
    app.open(app.server.add_notebook("untrusted.ipynb", committed))
    app.page.get_by_text(AdvantageLab.offline_note).wait_for()
    assert not is_trusted(app)
    lab = LabView.in_notebook(app, LAB)
    assert lab.slider_values("advantage") == ADVANTAGES
    lab.drag("advantage", 0, 0, 60)
    advantages = lab.slider_values("advantage")
    assert advantages[0] < 1.5
    assert advantages[1:] == ADVANTAGES[1:]
    after = AdvantageLab(advantages, logits=LOGITS).probabilities_after
    np.testing.assert_allclose(lab.numbers("pi-after"), after, rtol=0, atol=1e-12)
    heights = np.array(lab.heights("pi-after"))
    np.testing.assert_allclose(heights / heights.sum(), after, atol=2 / heights.sum())
    assert sum(lab.heights("pi-before")) == pytest.approx(heights.sum(), abs=2)
    lab.click("step")
    assert lab.text("steps-taken") == "1 step taken"
    lab.role("preset").select_option("zero_advantage")
    assert lab.slider_values("advantage") == [1.0, 0.0, -2.5]
    assert lab.root.locator(".pgc-formula svg").count() > 0, "the package's formulas are missing"
    assert not axe(app.page, LAB)


def refused(state: dict[str, Any]) -> dict[str, Any]:
    """Data that must be refused, by what is wrong with it."""
    changes: dict[str, Any] = {
        "its own code": {"_esm": "window.pwned = 1; export default { render() { window.pwned = 1; } }"},
        "its own style": {"_css": "@import url(http://192.0.2.1/evil.css)"},
        "a script as formula": {"formulas": {"logit": PWNED, "gradient:expected": f"<svg>{PWNED}</svg>"}},
        "its own presets": {"presets": {PWNED: {"label": PWNED}}},
        "a prediction": {"predictions": [PWNED]},
        "many numbers": {"advantages": [1.0] * 10**4},
        "many names": {"actions": [PWNED] * 10**4},
        "long lists everywhere": {key: [0.5] * 7 for key, value in state.items() if isinstance(value, list) and value},
        "one number too few": {"logits": [0.0, 0.0]},
        "no names": {"actions": []},
        "NaN as text": {"advantages": ["NaN", 0.5, -1.0]},
        "NaN as null": {"advantages": [None, 0.5, -1.0]},
        "an enormous number": {"advantages": [1e308, 0.5, -1.0]},
        "a number out of range": {"step_size": -1.0},
        "half a trajectory": {"trajectory_length": 2.5},
        "an endless trajectory": {"trajectory_length": 10**9},
        "an object as name": {"actions": [{"toString": PWNED}, "b", "c"]},
        "an endless name": {"actions": [PWNED * 1000, "b", "c"]},
        "a mode of its own": {"mode": PWNED},
        "a flag that is text": {"predict_first": PWNED},
        "a prototype's property": {"constructor": PWNED},
    }
    states: dict[str, Any] = {name: state | change for name, change in changes.items()}
    states["a missing trait"] = {trait: value for trait, value in state.items() if trait != "logits"}
    states |= {f"state {str(wrong)[:30]!r}": wrong for wrong in (None, PWNED, [], [state], 7)}
    labs = ("../../evil", "http://192.0.2.1/evil.js", "__proto__", "constructor", "toString", PWNED, "", None, ["x"])
    return (
        {name: {"lab": "advantage_lab", "state": wrong} for name, wrong in states.items()}
        | {f"lab {lab!r}": {"lab": lab, "state": state} for lab in labs}
        | {f"data {data!r}": data for data in (None, 7, PWNED, [], [PWNED], {}, {"lab": "advantage_lab"})}
    )


def refused_maps() -> dict[str, Any]:
    """The same for the course map, whose data is nested."""
    state = offline.stored(CourseMap())["state"]
    first, *others = state["lessons"]
    fewer = {key: value for key, value in first.items() if key != "title"}
    lessons: dict[str, Any] = {
        "no list": {"0": first},
        "too many": [first] * 10**3,
        "no lesson": [PWNED],
        "a lesson too few fields": [fewer],
        "a field of its own": [{**first, "html": PWNED}],
        "another field instead": [{**fewer, "constructor": PWNED}],
        "a title that is none": [{**first, "title": {"toString": PWNED}}],
        "facts that are none": [{**first, "facts": PWNED}],
        "a fact that is none": [{**first, "hard": [[PWNED]]}],
        "an endless fact": [*others, {**first, "hard": [PWNED * 1000]}],
    }
    states = {name: state | {"lessons": rows} for name, rows in lessons.items()}
    for wrong in (None, PWNED, [], {}, {**state["suggestion"], "more": ""}):
        states[f"suggestion {wrong!r}"] = state | {"suggestion": wrong}
    return {f"map: {name}": {"lab": "course_map", "state": wrong} for name, wrong in states.items()}


@pytest.fixture
def show_hostile(app: JupyterLabPage, committed: nbformat.NotebookNode) -> Callable[..., Locator]:
    """Opens an untrusted notebook with these data as outputs, first what is to be shown, then what is to be refused."""

    def show(name: str, shown: list[Any], cases: dict[str, Any]) -> Locator:
        notebook = copy.deepcopy(committed)
        view = {"version_major": 2, "version_minor": 0, "model_id": "evil"}
        notebook.cells[0].outputs = [
            nbformat.v4.new_output("display_data", {notebooks.WIDGET_VIEW: view, MIME_TYPE: data, "text/html": PWNED})
            for data in (*shown, *cases.values())
        ]
        app.open(app.server.add_notebook(f"hostile_{name}.ipynb", notebook))
        outputs = app.page.locator(".jp-OutputArea-output .pgc-offline")
        expect(outputs.get_by_text(REFUSAL)).to_have_count(len(cases))
        texts = outputs.all_inner_texts()[len(shown) :]
        assert dict(zip(cases, texts, strict=True)) == dict.fromkeys(cases, REFUSAL)
        assert outputs.locator("img, script").count() == 0
        assert not is_trusted(app)
        assert app.page.evaluate("window.pwned === undefined && ({}).advantages === undefined")
        assert not [url for url in app.requests if "evil" in url]
        return outputs

    return show


def test_hostile_data_runs_nothing(
    app: JupyterLabPage, committed: nbformat.NotebookNode, show_hostile: Callable[..., Locator]
) -> None:
    good = committed.cells[0].outputs[0].data[MIME_TYPE]
    named = {**good, "state": {**good["state"], "actions": [PWNED, "<script>window.pwned=1</script>", "c"]}}
    outputs = show_hostile("lab", [named], refused(good["state"]))
    assert app.page.locator(LAB).count() == 1
    assert outputs.first.locator("th", has_text=PWNED).count() == 1, "a strange name is a text like any other"
    LabView.in_notebook(app, LAB).drag("advantage", 0, 0, 30)
    assert app.page.evaluate("window.pwned === undefined")


def test_of_a_hostile_box_the_first_good_labs_are_shown(app: JupyterLabPage, committed: nbformat.NotebookNode) -> None:
    notebook = copy.deepcopy(committed)
    good = notebook.cells[0].outputs[0].data[MIME_TYPE]
    hostile = [PWNED, {"lab": "../../evil", "state": {}}, {"labs": [good]}]
    boxes: list[Any] = [[*hostile, *[good] * 30], PWNED, {"0": good}]
    notebook.cells[0].outputs = [nbformat.v4.new_output("display_data", {MIME_TYPE: {"labs": box}}) for box in boxes]
    app.open(app.server.add_notebook("hostile_box.ipynb", notebook))
    outputs = app.page.locator(".jp-OutputArea-output .pgc-offline")
    expect(outputs.first.locator(LAB)).to_have_count(20 - len(hostile))
    expect(outputs.get_by_text(REFUSAL)).to_have_count(len(hostile) + 2)
    assert app.page.evaluate("window.pwned === undefined")


def test_a_hostile_map_links_nowhere(show_hostile: Callable[..., Locator]) -> None:
    link = {"text": PWNED, "detail": PWNED, "notebook": "javascript:window.pwned=1//.ipynb"}
    outputs = show_hostile("map", [{"lab": "course_map", "state": {"lessons": [], "suggestion": link}}], refused_maps())
    assert outputs.first.inner_text().count(PWNED) == 2, "what a map says is text"
    assert outputs.locator("a").count() == 0


# What no notebook file can carry into JupyterLab, or only slowly, is given to the lab's module itself.
MOUNT = """async ([file, state]) => {
  const { mount } = await import(file);
  const mounted = (change) => {
    const el = document.createElement("div");
    const unmount = mount(el, { ...state, ...change });
    const result = [unmount !== null, el.childElementCount > 0];
    unmount?.();
    return [...result, el.childElementCount > 0];
  };
  return {
    good: mounted({}),
    NaN: mounted({ logits: [NaN, 0, 0] }),
    infinity: mounted({ step_size: Infinity }),
    "a million numbers": mounted({ advantages: Array(1e6).fill(1) }),
    holes: mounted({ advantages: Array(3) }),
    "an array in disguise": mounted({ advantages: { length: 3, every: () => true } }),
  };
}"""


def test_each_lab_draws_its_own_setting_and_refuses_what_json_cannot_say(app: JupyterLabPage, extension: Path) -> None:
    app.open(app.server.write_notebook("empty.ipynb", []))
    found = {}
    for name, lab in offline.labs().items():
        (file,) = (labextension.folder(extension) / "static").glob(f"{name}.*.js")
        url = f"{app.server.url}lab/extensions/policy-gradient-course/static/{file.name}"
        found[name] = results = app.page.evaluate(MOUNT, [url, offline.stored(lab())["state"]])
    wanted = {key: [False, False, False] for key in results} | {"good": [True, True, False]}
    assert found == dict.fromkeys(found, wanted)
