"""The Advantage Lab driven by mouse, keyboard and kernel, and compared with the package's mathematics."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import measure_drag
import nbformat
import numpy as np
import pytest
from appearance import axe
from conftest import RunningApp, lent
from jupyterlab_page import LAB, VIEWPORT, JupyterLabPage, JupyterLabServer, picture, with_widget_state
from lab_view import LabView
from mounted_lab import MountedLab
from playwright.sync_api import Browser, Page

from course_utils import objectives, policy
from course_utils.widgets import AdvantageLab

pytestmark = pytest.mark.browser

ADVANTAGES, LOGITS = [1.5, 0.5, -1.0], [0.4, -0.3, 0.1]
CELL = f"from course_utils.widgets import AdvantageLab\nlab = AdvantageLab({ADVANTAGES}, logits={LOGITS})\nlab"
Open = Callable[..., JupyterLabPage]


def one_step(logits: Sequence[float], advantages: Sequence[float], step_size: float = 1.0) -> np.ndarray:
    return np.array(AdvantageLab(list(advantages), logits=logits, step_size=step_size).probabilities_after)


def assert_one_step(lab: LabView, logits: list[float], advantages: list[float], step_size: float = 1.0) -> None:
    """The bars before and after are those of the setting, by value and, on one scale, by height."""
    wanted = [policy.softmax(logits), one_step(logits, advantages, step_size)]
    bars = ("pi-before", "pi-after")
    for bar in bars:
        lab.role(bar).nth(len(logits) - 1).wait_for(state="attached")
    np.testing.assert_allclose([lab.numbers(bar) for bar in bars], wanted, rtol=0, atol=1e-12)
    heights = np.array([lab.heights(bar) for bar in bars])
    scale = heights.sum() / 2  # each distribution's bars add up to this many pixels
    np.testing.assert_allclose(heights / scale, wanted, atol=2 / scale)


def laboratory(page: Page, **arguments: Any) -> MountedLab:
    """The lab on a page of its own, with the words of its table to read."""
    rows = ("logit", "probability", "advantage", "relative", "gradient", "new-logit", "probability-after", "change")
    says = "{" + ", ".join(f'"{name}": row("{name}")' for name in rows) + "}"
    return MountedLab(page, AdvantageLab(**{"advantages": ADVANTAGES, "logits": LOGITS, **arguments}), says)


# --- hand and keys --------------------------------------------------------------------------------------


def test_mouse_drag_moves_the_bars_as_the_mathematics_says(page: Page) -> None:
    lab = laboratory(page)
    assert_one_step(lab, LOGITS, ADVANTAGES)
    for index, down in ((1, -50.0), (2, -40.0), (0, 90.0)):
        before = lab.slider_values("advantage")
        lab.drag("advantage", index, 0, down)
        after = lab.slider_values("advantage")
        assert (after[index] - before[index]) * -down > 0, f"bar {index} did not follow the hand"
        assert after[:index] + after[index + 1 :] == before[:index] + before[index + 1 :]
        assert_one_step(lab, LOGITS, after)
        assert lab.trait("advantages") == after
    picture("lab_dragged", lab.root)


def test_keys_and_the_live_region(page: Page) -> None:
    lab = laboratory(page)
    keys = [("ArrowUp", 0.6), ("Shift+ArrowUp", 1.6), ("ArrowDown", 1.5), ("End", 3.0), ("PageDown", 2.0)]
    keys += [("Home", -3.0), *[("PageUp", k) for k in (-2.0, -1.0, 0.0)], ("ArrowDown", -0.1)]
    lab.press("advantage", 1, "advantages", *keys)
    assert_one_step(lab, LOGITS, [1.5, -0.1, -1.0])
    spoken = lab.spoken()
    for name, probability in zip("abc", lab.numbers("pi-after"), strict=True):
        assert f"{name} {probability:.2f}" in spoken, spoken
    assert (lab.role("advantage", 1).get_attribute("aria-valuetext") or "").startswith("−0.1")


# --- numbers, buttons, presets, modes -----------------------------------------------------------------


def test_typed_numbers_and_what_is_refused(page: Page) -> None:
    lab = laboratory(page)
    lab.type_into("advantage-input", "2.25", 1)
    lab.type_into("logit-input", "-1.5", 0)
    lab.type_into("step-size-input", "0.7")
    setting = [[1.5, 2.25, -1.0], [-1.5, *LOGITS[1:]], 0.7]
    assert lab.traits("advantages", "logits", "step_size") == setting
    wrong = (("advantage-input", 1, "abc"), ("logit-input", 0, ""), *(("step-size-input", None, x) for x in "0x"))
    for (role, index, text), other in zip(wrong, ("-0.5", "-0.6", "-0.7", "-1"), strict=True):
        shown = lab.role(role, index).input_value()
        lab.type_into(role, text, index)
        assert lab.role("message").is_visible(), f"{role} took {text!r}"
        assert lab.role(role, index).input_value() == shown, f"{role} kept {text!r}"
        assert axe(page) == []
        lab.type_into("advantage-input", other, 2)
        assert not lab.role("message").is_visible(), "the message outlived its cause"
    assert lab.traits("advantages", "logits", "step_size") == setting
    lab.role("step-size").fill("2.5")
    assert float(lab.role("step-size-input").input_value()) == 2.5, "the slider and its number are one step size"
    assert_one_step(lab, setting[1], setting[0], 2.5)


def test_step_ten_steps_reset(page: Page) -> None:
    lab = laboratory(page)
    advantages, z = np.array(ADVANTAGES), np.array(LOGITS)

    def stepped(z: np.ndarray, times: int) -> np.ndarray:
        for _ in range(times):
            pi = policy.softmax(z)
            z = z + pi * (advantages - pi @ advantages)
        return z

    after = lab.numbers("pi-after")
    lab.click("step")
    np.testing.assert_allclose(lab.numbers("pi-before"), after, atol=1e-12)
    np.testing.assert_allclose(lab.row("logit"), stepped(z, 1), atol=1e-12)
    lab.click("ten-steps")
    for logits in (lab.row("logit"), lab.trait("logits")):
        np.testing.assert_allclose(logits, stepped(z, 11), atol=1e-11)
    lab.click("reset")
    assert_one_step(lab, LOGITS, ADVANTAGES)
    assert lab.traits("advantages", "logits") == [ADVANTAGES, LOGITS]


def test_presets(page: Page) -> None:
    """Each preset applies; the two that make a claim keep it. Presets of three actions fit a lab of five."""
    lab = laboratory(page, advantages=[1, 0, -1, 0, 2], logits=[0.0] * 5)
    presets = [value for value in lab.role("preset").evaluate("s => [...s.options].map(({ value }) => value)") if value]
    assert {"small_positive", "zero_advantage"} <= set(presets)
    for value in presets:
        lab.role("preset").select_option(value)
        assert not lab.role("message").is_visible()
        preset, advantages, logits, step_size, mode = lab.traits("preset", "advantages", "logits", "step_size", "mode")
        assert preset == value
        assert lab.slider_values("advantage") == advantages, value
        assert lab.row("logit") == logits, value
        assert lab.role("mode").input_value() == mode, value
        moved = list(zip(advantages, lab.row("change"), strict=True))
        if mode == "expected":
            assert_one_step(lab, logits, advantages, step_size)
        if value == "small_positive":
            assert any(A > 0 and change < -1e-3 for A, change in moved)
            assert "positive advantage" in lab.text("sentence")
        if value == "zero_advantage":
            assert any(A == 0 and abs(change) > 1e-3 for A, change in moved)


def test_modes_and_samples_are_pythons(page: Page) -> None:
    lab = laboratory(page, advantages=[1, 0.1, -2.65], logits=[0.0] * 3, mode="sampled_action", seed=7)
    for mode, length, numbers in (("sampled_action", 1, (1, 2, 3)), ("sampled_trajectory", 5, (4, 5, 6))):
        lab.role("mode").select_option(mode)
        for number in numbers:
            lab.use("sample", mode=mode, draw=number)
            lab.twin.mode, lab.twin.draw = mode, number
            drawn = lab.twin.sampled_actions
            assert len(drawn) == length
            rows = expected_rows({"advantages": [1, 0.1, -2.65], "logits": [0.0] * 3, "step_size": 1.0}, drawn)
            for row in ("gradient", "probability-after"):
                np.testing.assert_allclose(lab.row(row), rows[row], atol=1e-12)
    # A step goes on to the next sample; the sampled step is the one that was shown.
    shown = lab.numbers("pi-after")
    lab.click("step")
    np.testing.assert_allclose(lab.numbers("pi-before"), shown, atol=1e-12)
    assert lab.trait("draw") == 7
    lab.role("mode").select_option("expected")
    assert not lab.role("sample").is_visible()


# --- predict first ---------------------------------------------------------------------------------------


def test_predict_first(page: Page) -> None:
    lab = laboratory(page)
    assert not lab.role("reveal").is_visible()
    lab.role("predict-first").check()
    assert lab.role("reveal").is_visible()
    after = one_step(LOGITS, ADVANTAGES)

    def shows_the_answer() -> list[str]:
        """Places of the lab's markup that give the step away before it is revealed."""
        bars = lab.role("pi-after").evaluate_all("bars => bars.filter((b) => b.dataset.value !== undefined).length")
        visible = [b for b in lab.heights("pi-after") if b > 0]
        words = lab.root.inner_text().replace("−", "-") + lab.spoken()
        told = [f"{p:.3f}" for p in after if f"{p:.3f}" in words]
        return ["data-value"] * bars + [f"height {b}" for b in visible] + told

    assert shows_the_answer() == []
    lab.drag("ghost", 0, 0, -45)
    lab.drag("ghost", 1, 0, 30)
    lab.role("ghost", 2).press("ArrowDown")
    drawn = np.array(lab.slider_values("ghost"))
    assert shows_the_answer() == []
    lab.click("reveal")
    (record,) = lab.trait("predictions")
    np.testing.assert_allclose(record["before"], policy.softmax(LOGITS), atol=1e-12)
    assert record["predicted"] == drawn.tolist(), "bars are compared as drawn"
    np.testing.assert_allclose(record["actual"], after, atol=1e-12)
    gap = 0.5 * np.abs(np.array(record["predicted"]) - after).sum()
    assert record["total_variation"] == pytest.approx(gap, abs=1e-12)
    assert record.items() >= {"advantages": ADVANTAGES, "logits": LOGITS, "step_size": 1.0, "mode": "expected"}.items()
    assert_one_step(lab, LOGITS, ADVANTAGES)
    sentence = lab.text("gap")
    (number,) = re.findall(r"total variation\)?:? *(0?\.\d+)", sentence)
    assert float(number) == pytest.approx(gap, abs=5e-4)
    assert len(sentence) > 60, sentence
    assert axe(page) == []
    assert lab.row("yours") == drawn.tolist()
    # From then on the lab is free: a drag moves the bars at once. A new prediction is recorded after the first.
    lab.drag("advantage", 1, 0, -20)
    assert_one_step(lab, LOGITS, lab.slider_values("advantage"))
    assert not lab.role("gap").is_visible()
    lab.type_into("advantage-input", "0.5", 1)
    lab.type_into("advantage-input", "-1", 0)
    lab.click("predict-again")
    assert [b for b in lab.heights("pi-after") if b > 0] == []
    lab.click("reveal")
    records = lab.trait("predictions")
    assert records[:-1] == [record]
    np.testing.assert_allclose(records[1]["predicted"], policy.softmax(LOGITS), atol=1e-12)
    lab.role("predict-first").uncheck()
    assert_one_step(lab, LOGITS, [-1.0, 0.5, -1.0])


# --- A or Q, the path, the words ------------------------------------------------------------------------


def test_q_or_a_stays_between_steps_as_in_python(page: Page) -> None:
    """The twin takes the same steps: V, A, π and the path agree, and Q does not move."""
    Q = [4.0, 3.1, 0.35]
    for mode in ("expected", "sampled_action"):
        lab = laboratory(page, advantages=None, action_values=Q, logits=np.log([0.5, 0.3, 0.2]), mode=mode, seed=3)
        for button, steps in (("step", 1), ("ten-steps", 10)):
            lab.click(button)
            lab.twin.step(steps)
            for trait in ("advantages", "state_value", "path"):
                np.testing.assert_allclose(lab.trait(trait), getattr(lab.twin, trait), rtol=0, atol=1e-12)
        assert len(lab.trait("path")) == 12
        np.testing.assert_allclose(lab.slider_values("advantage"), Q, atol=1e-12)
        assert abs(np.dot(lab.numbers("pi-before"), lab.row("advantage"))) < 1e-12
        assert lab.numbers("state-value") == pytest.approx([np.dot(lab.numbers("pi-before"), Q)], abs=1e-12)
        lab.use("reset", path=[])
        assert len(lab.trait("former")) == 12, "the run before stands behind the next"
    lab.role("keep").select_option("advantages")
    lab.role("mode").select_option("expected")
    lab.click("ten-steps")
    assert lab.row("advantage") == pytest.approx([1, 0.1, -2.65], abs=1e-12)
    mean = np.dot(lab.numbers("pi-before"), lab.row("advantage"))
    assert f"{mean:.3f} (of true advantages: 0)" in lab.text("drawn")


def test_the_expected_step_stands_behind_the_sampled_one(page: Page) -> None:
    lab = laboratory(page, mode="sampled_action")
    np.testing.assert_allclose(lab.numbers("pi-expected"), one_step(LOGITS, ADVANTAGES), atol=1e-12)
    lab.role("mode").select_option("expected")
    assert lab.numbers("pi-expected") == []


def test_why_a_good_action_falls_is_told_by_its_logit(page: Page) -> None:
    """g above 0, below it, and 0: three stories, each where it is true."""
    lab = laboratory(page, advantages=[1, 0.1, -2.65], logits=np.log([0.5, 0.3, 0.2]))
    stories = {1: "the others’ logits pull harder", -1: "its logit falls, because", 0: "its logit stays, because"}
    pi, seen = np.array([0.5, 0.3, 0.2]), set()
    for advantages in ([1, 0.1, -2.65], [2, 0.1, -0.5], [2, 0.5, -2.5], [3, 1, -1], [2, 0.75, -2.375]):
        lab.set(advantages=advantages)
        g = pi * (np.array(advantages) - pi @ advantages)
        assert lab.row("change")[1] < 0 < advantages[1]
        sign = 0 if abs(g[1]) < 1e-12 else int(np.sign(g[1]))
        told = [story for story, words in stories.items() if words in lab.text("sentence")]
        assert told == [sign], (advantages, lab.text("sentence"))
        seen.update(told)
    assert seen == {1, 0, -1}


def test_the_reduced_lab_has_bars_and_steps_alone(page: Page) -> None:
    lab = laboratory(page, advantages=[1, 0.3, -2], logits=[0.0, 0, 0], actions=["left", "stay", "right"], reduced=True)
    for press in ("step", "ten-steps", "ten-steps", "reset"):
        lab.click(press)
        words = lab.root.inner_text() + lab.spoken()
        assert not re.search(r"logit|gradient|expected|sampl|π|η|\bA\b|\bQ\b|mean", words), words
    lab.drag("advantage", 1, 0, -30)
    assert lab.trait("advantages")[1] > 0.3
    assert lab.root.locator("select, table, input").count() == 0


def test_names_stay_and_numbers_fit_their_fields(page: Page) -> None:
    names = ["refund", "replace", "apologise"]
    lab = laboratory(page, actions=names, logits=np.log([0.5, 0.3, 0.2]))
    lab.use("preset", "zero_advantage", actions=names)
    for width in (1280, 760, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(60)
        fields = lab.root.locator('[data-role$="-input"]')
        assert lab.role("logit-input", 0).input_value() == "−0.6931"
        assert fields.evaluate_all("all => all.every((field) => field.scrollWidth <= field.clientWidth)"), width
        if width == 1280:
            box = lab.root.bounding_box() or {}
            assert (box["width"], box["height"] < 660) == (1080, True), "what JupyterLab leaves of 800 px"


# --- the mathematics ----------------------------------------------------------------------------------


def random_settings(rng: np.random.Generator, actions: int, how_many: int) -> list[dict]:
    """Settings of all sizes; now and then equal advantages, zeros, a near-certain policy, a tiny step.

    From one setting to the next some of the numbers are drawn anew (at least one), as a hand would do it.
    """
    settings: list[dict] = []
    logits, advantages, step_size = np.zeros(actions), np.zeros(actions), 1.0
    for number in range(how_many):
        anew = rng.random((2, actions)) < (1 if number == 0 else 0.2)
        anew[rng.integers(2), rng.integers(actions)] = True
        logits = np.where(anew[0], rng.choice([0.3, 2.0, 8.0]) * rng.normal(size=actions), logits)
        sizes = rng.choice([0, 0.1, 1, 10], p=[0.1, 0.3, 0.3, 0.3])
        advantages = np.where(anew[1], sizes * rng.normal(size=actions), advantages)
        if rng.random() < 0.05:
            advantages = np.full(actions, advantages[0])
        if number == 0 or rng.random() < 0.3:
            step_size = float(10 ** rng.uniform(-2.9, 1.5))
        settings.append({"logits": logits.tolist(), "advantages": advantages.tolist(), "step_size": step_size})
    return settings


def expected_rows(setting: dict, drawn: list[int] | None) -> dict[str, np.ndarray]:
    """The table by course_utils; `drawn` are the sampled actions, None for the expected update."""
    z, A = np.array(setting["logits"]), np.array(setting["advantages"])
    pi = policy.softmax(z)
    if drawn is None:
        expected = objectives.expected_advantage_objective(z, A)
        gradient, relative = expected.grad_logits, expected.centered
    else:
        sampled = objectives.advantage_objective(np.tile(z, (len(drawn), 1)), np.array(drawn), A[drawn])
        gradient, relative = sampled.grad_logits.sum(axis=0), None
    new = z + setting["step_size"] * gradient
    rows = {"logit": z, "probability": pi, "advantage": A, "gradient": gradient, "new-logit": new}
    rows |= {"probability-after": policy.softmax(new), "change": policy.softmax(new) - pi}
    return rows if relative is None else rows | {"relative": relative}


def assert_rows(lab: MountedLab, settings: list[dict], mode: str) -> None:
    for setting, seen in lab.beside([setting | {"mode": mode} for setting in settings]):
        for row, want in expected_rows(setting, None if mode == "expected" else lab.twin.sampled_actions).items():
            error = np.abs(np.array(seen[row]) - want) / np.maximum(1, np.abs(want))
            assert np.all(error <= 1e-12), f"{row}: {seen[row]}, wanted {want.tolist()}, setting {setting}"
        np.testing.assert_allclose(seen["probability-after"], lab.twin.probabilities_after, rtol=0, atol=1e-12)


def test_hundreds_of_random_settings_equal_course_utils(page: Page) -> None:
    rng = np.random.default_rng(2024)
    for actions in range(2, 7):
        lab = laboratory(page, advantages=[0.0] * actions, logits=[0.0] * actions)
        assert lab.role("advantage").count() == actions
        assert_rows(lab, random_settings(rng, actions, 60), "expected")
        for mode in ("sampled_action", "sampled_trajectory"):
            assert_rows(lab, random_settings(rng, actions, 3), mode)


# --- in JupyterLab ----------------------------------------------------------------------------------------


def test_keys_stay_in_the_lab_and_a_cell_run_again_is_a_fresh_one(open_cells: Open) -> None:
    notebook = open_cells(CELL, "display(lab)")
    lab, view = (LabView.in_notebook(notebook, LAB, nth) for nth in range(2))
    notebook.scroll_to(lab.root)
    lab.drag("advantage", 0, 0, 30)
    moved = lab.slider_values("advantage")
    assert view.slider_values("advantage") == moved != ADVANTAGES, "two views of one lab differ"
    lab.role("step-size").press("ArrowRight")  # JupyterLab leaves it to the slider and to the list
    lab.role("mode").press("ArrowDown")
    notebook.wait_for_kernel("[lab.step_size, lab.mode]", lambda now: now == [pytest.approx(1.1), "sampled_action"])
    notebook.execute("lab.mode = 'expected'; lab.predict_first = True")
    lab.role("reveal").wait_for()
    assert not lab.role("sample").is_visible()
    notebook.run_cell(0)
    again = LabView.in_notebook(notebook, LAB, 0)
    assert again.slider_values("advantage") == ADVANTAGES, "the cell's second run is no fresh lab"
    again.drag("advantage", 0, 0, 30)
    assert again.slider_values("advantage")[0] < 1.5
    notebook.wait_for_kernel("lab.advantages", lambda v: v == again.slider_values("advantage"))
    assert view.slider_values("advantage") == moved, "the old lab's view followed the new lab"


# --- opened, not run -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored() -> nbformat.NotebookNode:
    return with_widget_state(nbformat.v4.new_code_cell(CELL, id="lab"))


@pytest.fixture(scope="module")
def without_extension(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """A JupyterLab that does not know the course."""
    with JupyterLabServer(tmp_path_factory.mktemp("jupyterlab")) as server:
        app = RunningApp(browser, server, VIEWPORT)
        yield app
        app.drop()


@pytest.fixture
def bare(without_extension: RunningApp) -> Iterator[JupyterLabPage]:
    yield from lent(without_extension)


def test_alive_on_opening_never_run(bare: JupyterLabPage, stored: nbformat.NotebookNode) -> None:
    """The committed notebook as `make lab` opens it: its signature known, none of its cells run."""
    path = bare.server.add_notebook("stored.ipynb", stored)
    bare.server.trust(path)
    bare.open(path)
    lab = LabView.in_notebook(bare, LAB)
    assert "Error displaying widget" not in bare.page.locator(".jp-Notebook").inner_text()
    assert_one_step(lab, LOGITS, ADVANTAGES)
    lab.drag("advantage", 0, 0, 40)
    lab.drag("advantage", 2, 0, -60)
    advantages = lab.slider_values("advantage")
    assert advantages[0] < 1.5
    assert advantages[2] > -1.0
    assert_one_step(lab, LOGITS, advantages)
    lab.click("step")
    np.testing.assert_allclose(lab.numbers("pi-before"), one_step(LOGITS, advantages, 1.0), atol=1e-12)
    picture("lab_never_run", lab.root)
    assert bare.execute("print('lab' in globals())").strip() == "False", "the kernel ran the cell"


def test_where_widgets_are_not_trusted_the_first_frame_stands(
    bare: JupyterLabPage, stored: nbformat.NotebookNode
) -> None:
    """JupyterLab shows no widget view of an untrusted notebook (ipywidgets registers it as unsafe, and rightly:
    it is a stranger's JavaScript). Without the course's extension the picture stands in its place.
    """
    untrusted = copy.deepcopy(stored)
    untrusted.cells[0].metadata["tags"] = ["untrusted"]  # a signature holds for every notebook of one content
    data = untrusted.cells[0].outputs[0].data
    untrusted.cells[0].outputs[0].data = {
        kind: data[kind] for kind in ("application/vnd.jupyter.widget-view+json", "image/png", "text/plain")
    }
    bare.open(bare.server.add_notebook("untrusted.ipynb", untrusted))
    trusted = "() => window.jupyterapp.shell.currentWidget.content.widgets[0].model.trusted"
    assert bare.page.evaluate(trusted) is False
    picture = bare.cell(0).locator(".jp-OutputArea img")
    picture.wait_for()
    assert picture.evaluate("img => img.complete && img.naturalWidth") > 500
    assert "Error displaying widget" not in bare.page.locator(".jp-Notebook").inner_text()
    bare.run_cell(0)
    lab = LabView.in_notebook(bare, LAB)
    lab.drag("advantage", 0, 0, 40)
    assert_one_step(lab, LOGITS, lab.slider_values("advantage"))


# --- smooth ----------------------------------------------------------------------------------------------


def test_drag_is_smooth(open_cells: Open) -> None:
    """At least 45 updates a second, or one for each input event on a machine too busy to deliver as many; and
    at least 4 times those of the same picture by interact, dragged in the same page."""
    notebook = open_cells(measure_drag.LAB_CELL, measure_drag.INTERACT_CELL)
    lab, interact = measure_drag.measure(notebook, seconds=1.0)
    figures = f"{lab}, {interact}"
    print(figures)
    assert lab.updates_per_second >= 45 or lab.updates >= 0.95 * lab.events, figures
    assert interact.updates > 0, figures
    assert lab.updates_per_second >= 4 * interact.updates_per_second, figures
