"""The Advantage Lab in a real JupyterLab: driven by mouse, touch, keyboard and kernel, and compared with the
package's mathematics."""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Callable

import measure_drag
import nbformat
import numpy as np
import pytest
from conftest import RunningApp
from jupyterlab_page import LAB, JupyterLabPage, JupyterLabServer
from lab_view import ROWS, LabView, one_step

from course_utils import objectives, policy
from course_utils.widgets import AdvantageLab

pytestmark = pytest.mark.browser

IMPORT = "from course_utils.widgets import AdvantageLab\n"
LAB_CELL = IMPORT + "lab = AdvantageLab()\nlab"
LOGITS = [0.4, -0.3, 0.1]
CELL_WITH_LOGITS = IMPORT + f"lab = AdvantageLab(advantages=[1.5, 0.5, -1.0], logits={LOGITS})\nlab"
Open = Callable[..., JupyterLabPage]


def assert_one_step(lab: LabView, logits: list[float], advantages: list[float], step_size: float = 1.0) -> None:
    """The bars before and after are those of the setting, by value and, on one scale, by height."""
    before = np.exp(logits) / np.exp(logits).sum()
    after = one_step(logits, advantages, step_size)
    np.testing.assert_allclose(lab.bars("pi-before"), before, rtol=0, atol=1e-12)
    np.testing.assert_allclose(lab.bars("pi-after"), after, rtol=0, atol=1e-12)
    heights = np.array([lab.heights("pi-before"), lab.heights("pi-after")])
    scale = heights.sum() / 2  # each distribution's bars add up to this many pixels
    np.testing.assert_allclose(heights / scale, [before, after], atol=2 / scale)


# --- 1 to 3: the hand ------------------------------------------------------------------------------------


def test_mouse_drag_moves_the_bars_as_the_mathematics_says(open_cells: Open) -> None:
    notebook = open_cells(CELL_WITH_LOGITS)
    lab = LabView(notebook)
    assert_one_step(lab, LOGITS, [1.5, 0.5, -1.0])
    for index, down in ((1, -50.0), (2, -40.0), (0, 90.0)):
        before = lab.slider_values()
        lab.drag(index, down)
        after = lab.slider_values()
        assert (after[index] - before[index]) * -down > 0, f"bar {index} did not follow the hand"
        assert after[:index] + after[index + 1 :] == before[:index] + before[index + 1 :]
        assert_one_step(lab, LOGITS, after)
        seen = notebook.wait_for_kernel("lab.advantages", lambda value, want=after: value == want)
        np.testing.assert_allclose(
            notebook.kernel_value("list(lab.probabilities_after)"), one_step(LOGITS, seen, 1.0), atol=1e-12
        )
    notebook.screenshot("lab_dragged", lab.root)


def test_the_dragged_top_stays_under_the_pointer(open_cells: Open) -> None:
    lab = LabView(open_cells(CELL_WITH_LOGITS))
    x, y = lab.grip(0)
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    for down in (10, 35, 60, 20):
        lab.page.mouse.move(x, y + down, steps=3)
        assert lab.grip(0)[1] == pytest.approx(y + down, abs=1.5)
    lab.page.mouse.up()


def test_touch_drag(open_cells: Open) -> None:
    """A finger moves the bar, not the page."""
    notebook = open_cells(CELL_WITH_LOGITS, *["# room to scroll\n" * 30] * 3)
    lab = LabView(notebook)
    lab.page.wait_for_timeout(300)  # the wheel's scrolling has come to rest
    x, y = lab.grip(0)
    hand = notebook.context.new_cdp_session(notebook.page)
    hand.send("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def touch(kind: str, *points: tuple[float, float]) -> None:
        hand.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": px, "y": py} for px, py in points]},
        )

    top = lab.root.bounding_box()
    touch("touchStart", (x, y))
    for step in range(1, 11):
        touch("touchMove", (x, y + 6 * step))
    touch("touchEnd")
    hand.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
    hand.detach()
    assert lab.root.bounding_box() == top, "the page scrolled under the finger"
    assert lab.grip(0)[1] == pytest.approx(y + 60, abs=1.5), "the bar did not follow the finger"
    advantages = lab.slider_values()
    assert advantages[0] < 1.5
    assert advantages[1:] == [0.5, -1.0]
    assert_one_step(lab, LOGITS, advantages)
    notebook.wait_for_kernel("lab.advantages", lambda value: value == advantages)


def test_keyboard(open_cells: Open) -> None:
    notebook = open_cells(CELL_WITH_LOGITS)
    lab = LabView(notebook)
    keys = notebook.page.keyboard
    lab.role("preset").focus()
    reached = []
    focused = """() => { const e = document.activeElement; const s = (n) => {
        const c = getComputedStyle(n); return [c.outlineStyle, c.outlineWidth, c.boxShadow, c.opacity, c.stroke,
        c.strokeWidth].join(); };
      return {inside: !!e.closest('.pgc-lab'), role: e.dataset.role, index: e.dataset.index ?? null,
              name: e.getAttribute('aria-label') || (e.labels && e.labels[0]?.textContent) || e.textContent,
              look: [s(e), ...[...e.querySelectorAll('*')].map(s)].join(';')}; }"""
    looks: dict[tuple[str, str | None], str] = {}
    for _ in range(40):
        here = notebook.page.evaluate(focused)
        if not here["inside"]:
            break
        reached.append((here["role"], here["index"]))
        looks[reached[-1]] = here["look"]
        assert here["name"].strip(), f"{reached[-1]} has no name"
        keys.press("Tab")
    assert len(reached) == len(set(reached)), "Tab went in a circle inside the lab"
    wanted = {(role, None) for role in ("preset", "mode", "predict-first", "step-size", "step-size-input")}
    wanted |= {(role, None) for role in ("step", "ten-steps", "reset")}
    wanted |= {(role, str(i)) for role in ("advantage", "advantage-input", "logit-input") for i in range(3)}
    assert wanted <= set(reached), wanted - set(reached)
    for role, index in wanted:
        unfocused = lab.role(role, None if index is None else int(index)).evaluate(
            """(e) => { e.blur(); const s = (n) => { const c = getComputedStyle(n); return [c.outlineStyle,
                c.outlineWidth, c.boxShadow, c.opacity, c.stroke, c.strokeWidth].join(); };
              return [s(e), ...[...e.querySelectorAll('*')].map(s)].join(';'); }"""
        )
        assert unfocused != looks[role, index], f"focus on {role} {index} cannot be seen"

    for key, value in (
        ("ArrowUp", 0.6),
        ("ArrowUp", 0.7),
        ("ArrowDown", 0.6),
        ("Shift+ArrowUp", 1.6),
        ("Shift+ArrowDown", 0.6),
        ("End", 3.0),
        ("PageDown", 2.0),
        ("Home", -3.0),
        *[("PageUp", k) for k in (-2.0, -1.0, 0.0)],
        ("ArrowDown", -0.1),
    ):
        lab.role("advantage", 1).focus()
        keys.press(key)
        assert lab.slider_values()[1] == value, key
    assert_one_step(lab, LOGITS, [1.5, -0.1, -1.0])
    notebook.wait_for_kernel("lab.advantages", lambda value: value == [1.5, -0.1, -1.0])
    spoken = lab.spoken()
    for name, probability in zip("abc", lab.bars("pi-after"), strict=True):
        assert f"{name} {probability:.2f}" in spoken, spoken
    assert lab.role("advantage", 1).get_attribute("aria-valuetext").replace("−", "-").startswith("-0.1")


# --- 4: numbers, buttons, presets, modes -----------------------------------------------------------------


def test_typed_numbers_and_what_is_refused(open_cells: Open) -> None:
    notebook = open_cells(CELL_WITH_LOGITS)
    lab = LabView(notebook)
    lab.type_into("advantage-input", "2.25", 1)
    lab.type_into("logit-input", "-1.5", 0)
    lab.type_into("step-size-input", "0.7")
    logits = [-1.5, *LOGITS[1:]]
    assert_one_step(lab, logits, [1.5, 2.25, -1.0], 0.7)
    notebook.wait_for_kernel(
        "[lab.advantages, lab.logits, lab.step_size]", lambda v: v == [[1.5, 2.25, -1.0], logits, 0.7]
    )
    other_numbers = itertools.cycle(["-0.5", "-0.6"])
    for role, index in (("advantage-input", 1), ("logit-input", 0), ("step-size-input", None)):
        field = lab.role(role, index)
        shown = field.input_value()
        for wrong in ("abc", "", "1e999", "NaN", "Infinity", "1,2,3", "0x10"):
            lab.type_into("advantage-input", next(other_numbers), 2)
            assert not lab.role("message").is_visible(), "the message outlived its cause"
            lab.type_into(role, wrong, index)
            assert lab.role("message").is_visible(), f"{role} took {wrong!r}"
            assert field.input_value() == shown, f"{role} kept {wrong!r}"
    lab.type_into("advantage-input", "-1", 2)
    for wrong in ("0", "-1"):
        lab.type_into("step-size-input", wrong)
        assert lab.role("message").is_visible(), f"step size took {wrong}"
    assert_one_step(lab, logits, [1.5, 2.25, -1.0], 0.7)
    wanted = [[1.5, 2.25, -1.0], logits, 0.7]
    notebook.wait_for_kernel("[lab.advantages, lab.logits, lab.step_size]", lambda v: v == wanted)
    lab.type_into("advantage-input", "3", 1)
    assert not lab.role("message").is_visible()
    # The range slider and its number are one step size.
    lab.role("step-size").evaluate("e => { e.value = 2.5; e.dispatchEvent(new Event('input', {bubbles: true})); }")
    assert float(lab.role("step-size-input").input_value()) == 2.5
    assert_one_step(lab, logits, [1.5, 3, -1.0], 2.5)


def test_step_ten_steps_reset(open_cells: Open) -> None:
    notebook = open_cells(CELL_WITH_LOGITS)
    lab = LabView(notebook)
    advantages, z = np.array([1.5, 0.5, -1.0]), np.array(LOGITS)

    def stepped(z: np.ndarray, times: int) -> np.ndarray:
        for _ in range(times):
            pi = policy.softmax(z)
            z = z + pi * (advantages - pi @ advantages)
        return z

    after = lab.bars("pi-after")
    lab.click("step")
    np.testing.assert_allclose(lab.bars("pi-before"), after, atol=1e-12)
    np.testing.assert_allclose(lab.table("logit"), stepped(z, 1), atol=1e-12)
    lab.click("ten-steps")
    np.testing.assert_allclose(lab.table("logit"), stepped(z, 11), atol=1e-11)
    notebook.wait_for_kernel("list(lab.logits)", lambda v: np.allclose(v, stepped(z, 11), atol=1e-11))
    lab.click("reset")
    assert_one_step(lab, LOGITS, [1.5, 0.5, -1.0])
    notebook.wait_for_kernel("list(lab.logits)", lambda v: v == LOGITS)
    # A reset also takes back what was dragged.
    lab.type_into("advantage-input", "-2", 0)
    notebook.wait_for_kernel("lab.advantages", lambda v: v[0] == -2)
    lab.click("reset")
    assert_one_step(lab, LOGITS, [1.5, 0.5, -1.0])
    notebook.wait_for_kernel("lab.advantages", lambda v: v[0] == 1.5)
    # The same from Python.
    notebook.execute("lab.step(); lab.step(10)")
    notebook.wait_for_page(
        f"""[...document.querySelectorAll('{LAB} td[data-row="logit"]')].map((c) => Number(c.dataset.value))""",
        lambda v: np.allclose(v, stepped(z, 11), atol=1e-11),
    )
    notebook.execute("lab.reset()")
    notebook.wait_for_kernel("list(lab.logits)", lambda v: v == LOGITS)


def test_presets(open_cells: Open) -> None:
    """Each preset applies; the two that make a claim keep it. Presets of three actions fit a lab of five."""
    notebook = open_cells(IMPORT + "lab = AdvantageLab(advantages=[1, 0, -1, 0, 2])\nlab")
    lab = LabView(notebook)
    options = lab.role("preset").evaluate("s => [...s.options].map((o) => [o.value, o.textContent])")
    kept = set()
    for value, label in options:
        if value == "":
            continue
        lab.role("preset").select_option(value)
        assert not lab.role("message").is_visible()
        setting = notebook.wait_for_kernel(
            "dict(preset=lab.preset, A=list(lab.advantages), z=list(lab.logits), eta=lab.step_size,"
            " mode=lab.mode, names=list(lab.actions))",
            lambda v, want=value: v["preset"] == want,
        )
        assert lab.slider_values() == setting["A"], label
        assert lab.table("logit") == setting["z"], label
        assert lab.role("mode").input_value() == setting["mode"], label
        change = np.array(lab.table("change"))
        if setting["mode"] == "expected":
            assert_one_step(lab, setting["z"], setting["A"], setting["eta"])
            if re.search("positive.*fall", label):
                assert any(A > 0 and moved < -1e-3 for A, moved in zip(setting["A"], change, strict=True)), label
                assert "positive advantage" in lab.text("sentence")
                kept.add("falls")
            if "zero" in label:
                assert any(A == 0 and abs(moved) > 1e-3 for A, moved in zip(setting["A"], change, strict=True)), label
                kept.add("moves")
    assert kept == {"falls", "moves"}, f"presets that keep their claim: {kept}, of {options}"


def test_modes_and_samples_are_reproducible_by_seed(open_cells: Open) -> None:
    cell = (
        IMPORT + "labs = [AdvantageLab(advantages=[1, 0.1, -2.65], mode='sampled_action', seed=s) for s in (7, 7, 8)]\n"
    )
    notebook = open_cells(cell + "display(*labs)\nlab = labs[0]")
    first, twin, other = (LabView(notebook, nth) for nth in range(3))

    def gradient_of(drawn: list[int], z: list[float]) -> np.ndarray:
        A = np.array([1, 0.1, -2.65])
        return objectives.advantage_objective(np.tile(z, (len(drawn), 1)), np.array(drawn), A[drawn]).grad_logits.sum(
            axis=0
        )

    samples: dict[int, list[list[int]]] = {0: [], 1: [], 2: []}
    for mode, length, numbers in (("sampled_action", 1, (1, 2, 3)), ("sampled_trajectory", 5, (4, 5, 6))):
        for nth, lab in enumerate((first, twin, other)):
            lab.notebook.scroll_to(lab.root)
            lab.role("mode").select_option(mode)
            for number in numbers:
                lab.role("sample").click()
                drawn = notebook.wait_for_kernel(
                    f"[labs[{nth}].mode, labs[{nth}].draw, list(labs[{nth}].sampled_actions)]",
                    lambda v, want=[mode, number, length]: [v[0], v[1], len(v[2])] == want,
                )[2]
                samples[nth].append(drawn)
                np.testing.assert_allclose(lab.table("gradient"), gradient_of(drawn, [0, 0, 0]), atol=1e-12)
                np.testing.assert_allclose(
                    lab.table("probability-after"), policy.softmax(gradient_of(drawn, [0, 0, 0])), atol=1e-12
                )
    assert samples[0] == samples[1], "one seed, two samples"
    assert samples[0] != samples[2], "two seeds, one sample"
    # A step goes on to the next sample; the sampled step is the one that was shown.
    first.notebook.scroll_to(first.root)
    shown = first.bars("pi-after")
    first.click("step")
    np.testing.assert_allclose(first.bars("pi-before"), shown, atol=1e-12)
    notebook.wait_for_kernel("lab.draw", lambda v: v == 7)
    first.role("mode").select_option("expected")
    assert not first.role("sample").is_visible()
    notebook.execute("labs[1].new_sample()")
    notebook.wait_for_kernel("labs[1].draw", lambda v: v == 7)


def test_jupyterlab_leaves_the_arrow_keys_to_the_labs_sliders_and_lists(open_cells: Open) -> None:
    notebook = open_cells(CELL_WITH_LOGITS)
    lab = LabView(notebook)
    lab.role("step-size").focus()
    for _ in range(3):
        lab.page.keyboard.press("ArrowRight")
    notebook.wait_for_kernel("lab.step_size", lambda v: v == pytest.approx(1.3))
    lab.role("mode").focus()
    lab.page.keyboard.press("ArrowDown")
    notebook.wait_for_kernel("lab.mode", lambda v: v == "sampled_action")


# --- 5: predict first ------------------------------------------------------------------------------------


def test_predict_first(open_cells: Open) -> None:
    notebook = open_cells(CELL_WITH_LOGITS)
    lab = LabView(notebook)
    assert not lab.role("reveal").is_visible()
    lab.role("predict-first").check()
    assert lab.role("reveal").is_visible()
    after = one_step(LOGITS, [1.5, 0.5, -1.0], 1.0)

    def shows_the_answer() -> list[str]:
        """Places of the lab's markup that give the step away before it is revealed."""
        bars = lab.role("pi-after").evaluate_all("bars => bars.filter((b) => b.dataset.value !== undefined).length")
        visible = [b for b in lab.heights("pi-after") if b > 0]
        words = lab.root.inner_text().replace("−", "-") + lab.role("live").text_content()
        told = [f"{p:.3f}" for p in after if f"{p:.3f}" in words]
        return ["data-value"] * bars + [f"height {b}" for b in visible] + told

    lab.page.wait_for_timeout(600)  # the live region speaks late
    assert shows_the_answer() == []
    lab.drag(0, -45, role="ghost")
    lab.drag(1, 30, role="ghost")
    lab.role("ghost", 2).focus()
    lab.page.keyboard.press("ArrowDown")
    drawn = np.array(lab.slider_values("ghost"))
    lab.page.wait_for_timeout(600)
    assert shows_the_answer() == []
    notebook.screenshot("lab_predict", lab.root)
    lab.click("reveal")
    predicted = drawn / drawn.sum()
    (record,) = notebook.wait_for_kernel("lab.predictions", lambda v: len(v) == 1)
    pi = np.exp(LOGITS) / np.exp(LOGITS).sum()
    np.testing.assert_allclose(record["before"], pi, atol=1e-12)
    np.testing.assert_allclose(record["predicted"], predicted, atol=1e-9)
    np.testing.assert_allclose(record["actual"], after, atol=1e-12)
    gap = 0.5 * np.abs(np.array(record["predicted"]) - after).sum()
    assert record["total_variation"] == pytest.approx(gap, abs=1e-12)
    assert record["advantages"] == [1.5, 0.5, -1.0]
    assert record["logits"] == LOGITS
    assert record["step_size"] == 1.0
    assert record["mode"] == "expected"
    assert_one_step(lab, LOGITS, [1.5, 0.5, -1.0])
    sentence = lab.text("gap")
    (number,) = re.findall(r"total variation\)?:? *(0?\.\d+)", sentence)
    assert float(number) == pytest.approx(gap, abs=5e-4)
    assert len(sentence) > 60, sentence
    notebook.screenshot("lab_revealed", lab.root)
    # A new setting asks for a new prediction, which is recorded after the first.
    lab.type_into("advantage-input", "-1", 0)
    assert lab.role("reveal").is_visible()
    assert [b for b in lab.heights("pi-after") if b > 0] == []
    lab.click("reveal")
    records = notebook.wait_for_kernel("lab.predictions", lambda v: len(v) == 2)
    assert records[0] == record
    np.testing.assert_allclose(records[1]["predicted"], pi, atol=1e-12)
    lab.role("predict-first").uncheck()
    assert_one_step(lab, LOGITS, [-1.0, 0.5, -1.0])


# --- 6: from the kernel ----------------------------------------------------------------------------------


def test_the_kernel_moves_the_picture(open_cells: Open) -> None:
    notebook = open_cells(CELL_WITH_LOGITS)
    lab = LabView(notebook)
    after_bars = (
        f"""[...document.querySelectorAll('{LAB} [data-role="pi-after"]')].map((b) => Number(b.dataset.value))"""
    )

    def set_and_see(code: str, logits: list[float], advantages: list[float], step_size: float) -> None:
        notebook.execute(code)
        want = one_step(logits, advantages, step_size)
        notebook.wait_for_page(after_bars, lambda v: np.allclose(v, want, rtol=0, atol=1e-12))
        assert_one_step(lab, logits, advantages, step_size)
        assert lab.slider_values() == advantages

    set_and_see("import numpy as np; lab.advantages = np.array([-2, 1, 0.25])", LOGITS, [-2, 1, 0.25], 1)
    set_and_see("lab.logits = [0, 2, -1]", [0, 2, -1], [-2, 1, 0.25], 1)
    set_and_see("lab.step_size = 3", [0, 2, -1], [-2, 1, 0.25], 3)
    set_and_see("lab.probabilities = [0.2, 0.5, 0.3]", list(np.log([0.2, 0.5, 0.3])), [-2, 1, 0.25], 3)
    assert float(lab.role("step-size-input").input_value()) == 3
    notebook.execute("lab.predict_first = True")
    lab.role("reveal").wait_for()
    notebook.execute("lab.predict_first = False; lab.mode = 'sampled_action'")
    lab.role("sample").wait_for()
    # What Python refuses leaves the picture alone, and the error names the trait.
    notebook.execute("lab.mode = 'expected'; lab.probabilities = [0.2, 0.5, 0.3]")
    lab.role("sample").wait_for(state="hidden")
    bars = lab.bars("pi-after")
    for trait, wrong in (
        ("advantages", "[1, 2]"),
        ("advantages", "[1, 2, float('nan')]"),
        ("advantages", "['x', 1, 2]"),
        ("logits", "[0, 0, float('inf')]"),
        ("probabilities", "[0.5, 0.6, 0.1]"),
        ("probabilities", "[1.5, -0.6, 0.1]"),
        ("probabilities", "[1, 0, 0]"),
        ("step_size", "0"),
        ("step_size", "float('nan')"),
        ("step_size", "'big'"),
        ("mode", "'all'"),
        ("seed", "-1"),
        ("trajectory_length", "0"),
        ("actions", "['a', 'a', 'b']"),
    ):
        before = notebook.kernel_value(f"lab.{trait}")
        told = notebook.execute(
            f"try:\n    lab.{trait} = {wrong}\nexcept Exception as error:\n    print(type(error).__name__, error)"
        )
        assert re.match("ValueError|TypeError|TraitError", told), f"{trait} = {wrong}: {told or 'taken'}"
        assert trait in told, told
        after = notebook.kernel_value(f"lab.{trait}")
        if trait == "probabilities":  # a softmax of logarithms: equal but for the last bit
            assert after == pytest.approx(before, abs=1e-12), f"{trait} = {wrong} left a mark"
        else:
            assert after == before, f"{trait} = {wrong} left a mark"
    lab.page.wait_for_timeout(150)
    np.testing.assert_allclose(lab.bars("pi-after"), bars, rtol=0, atol=1e-12)


# --- 7: the mathematics ----------------------------------------------------------------------------------

FEED = """([settings, rows]) => {
  const root = document.querySelector('.pgc-lab[data-lab="advantage"]');
  const commit = (role, index, value) => {
    const field = root.querySelector(`[data-role="${role}"]` + (index === null ? "" : `[data-index="${index}"]`));
    field.value = String(value);
    field.dispatchEvent(new Event("change", {bubbles: true}));
  };
  const before = {logits: [], advantages: [], step_size: null};
  return settings.map(({logits, advantages, step_size}) => {
    advantages.forEach((v, index) => { if (v !== before.advantages[index]) commit("advantage-input", index, v); });
    logits.forEach((v, index) => { if (v !== before.logits[index]) commit("logit-input", index, v); });
    if (step_size !== before.step_size) commit("step-size-input", null, step_size);
    Object.assign(before, {logits, advantages, step_size});
    const message = root.querySelector('[data-role="message"]').textContent;
    if (message) return message;
    return Object.fromEntries(rows.map((row) => [row,
      [...root.querySelectorAll(`td[data-row="${row}"]`)].map((cell) => Number(cell.dataset.value))]));
  });
}"""


def random_settings(rng: np.random.Generator, actions: int, how_many: int) -> list[dict]:
    """Settings of all sizes; now and then equal advantages, zeros, a near-certain policy, a tiny step.

    From one setting to the next some of the numbers are drawn anew (at least one), as a hand would do it.
    """
    settings: list[dict] = []
    logits, advantages = np.zeros(actions), np.zeros(actions)
    step_size = 1.0
    for number in range(how_many):
        anew = rng.random((2, actions)) < (1 if number == 0 else 0.2)
        anew[rng.integers(2), rng.integers(actions)] = True
        logits = np.where(anew[0], rng.choice([0.3, 2.0, 8.0]) * rng.normal(size=actions), logits)
        advantages = np.where(
            anew[1], rng.choice([0, 0.1, 1, 10], p=[0.1, 0.3, 0.3, 0.3]) * rng.normal(size=actions), advantages
        )
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


def assert_rows(got: dict[str, list[float]], setting: dict, drawn: list[int] | None) -> None:
    assert isinstance(got, dict), f"refused: {got}"
    for row, want in expected_rows(setting, drawn).items():
        error = np.abs(np.array(got[row]) - want) / np.maximum(1, np.abs(want))
        assert np.all(error <= 1e-12), f"{row}: {got[row]}, wanted {want.tolist()}, setting {setting}"


def test_thousand_random_settings_equal_course_utils(open_cells: Open) -> None:
    notebook = open_cells(IMPORT + "lab = AdvantageLab(advantages=[0, 0])\nlab")
    rng = np.random.default_rng(2024)
    for actions in range(2, 7):
        if actions > 2:  # a fresh lab in the same output
            notebook.page.evaluate(
                """(source) => { const cell = window.jupyterapp.shell.currentWidget.content.widgets[0];
                  cell.model.sharedModel.setSource(source); }""",
                IMPORT + f"lab = AdvantageLab(advantages=[0] * {actions})\nlab",
            )
            notebook.run_cell(0)
        lab = LabView(notebook)
        assert lab.role("advantage").count() == actions
        settings = random_settings(rng, actions, 200)
        got = notebook.page.evaluate(FEED, [settings, ROWS])
        for setting, rows in zip(settings, got, strict=True):
            assert_rows(rows, setting, None)
        last = settings[-1]
        wanted = [last["advantages"], last["logits"], last["step_size"]]
        notebook.wait_for_kernel("[lab.advantages, lab.logits, lab.step_size]", lambda v, w=wanted: v == w)
        twin = notebook.kernel_value("list(lab.probabilities_after)")
        np.testing.assert_allclose(twin, got[-1]["probability-after"], rtol=0, atol=1e-12)
        for mode in ("sampled_action", "sampled_trajectory"):
            lab.role("mode").select_option(mode)
            for setting in random_settings(rng, actions, 3):
                (rows,) = notebook.page.evaluate(FEED, [[setting], ROWS])
                drawn = AdvantageLab(**setting, mode=mode).sampled_actions  # the same seed, drawn in Python
                notebook.wait_for_kernel("list(lab.sampled_actions)", lambda v, want=drawn: v == want)
                assert_rows(rows, setting, drawn)


# --- 8: several labs -------------------------------------------------------------------------------------


def test_two_labs_two_views_and_a_cell_run_again(open_cells: Open) -> None:
    second = "other = AdvantageLab(advantages=[0.5, -0.5])\nother"
    notebook = open_cells(CELL_WITH_LOGITS, second, "display(lab)")
    assert notebook.page.locator(LAB).count() == 3
    lab, other, view = (LabView(notebook, nth) for nth in range(3))
    notebook.scroll_to(lab.root)
    lab.drag(0, 30)
    moved = lab.slider_values()
    assert moved[0] < 1.5
    assert view.slider_values() == moved, "two views of one lab differ"
    assert view.bars("pi-after") == lab.bars("pi-after")
    assert other.slider_values() == [0.5, -0.5], "the other lab moved too"
    notebook.wait_for_kernel("[lab.advantages, other.advantages]", lambda v: v == [moved, [0.5, -0.5]])
    notebook.scroll_to(view.root)
    view.drag(2, -30)
    assert lab.slider_values() == view.slider_values()
    moved = lab.slider_values()
    notebook.scroll_to(other.root)
    other.drag(0, -20)
    assert other.slider_values()[0] > 0.5
    assert lab.slider_values() == moved

    ids = notebook.page.evaluate(f"[...document.querySelectorAll('{LAB} [id]')].map((node) => node.id)")
    assert len(ids) == len(set(ids)), "two labs share an element id"

    notebook.run_cell(0)
    again = LabView(notebook, 0)
    assert again.slider_values() == [1.5, 0.5, -1.0], "the cell's second run is no fresh lab"
    again.drag(0, 30)
    assert again.slider_values()[0] < 1.5
    notebook.wait_for_kernel("lab.advantages", lambda v: v == again.slider_values())
    assert view.slider_values() == moved, "the old lab's view followed the new lab"


# --- 9: opened, not run ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored() -> nbformat.NotebookNode:
    """A notebook with one lab, executed and stored with its widget state, as the builder does it."""
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(CELL_WITH_LOGITS, id="lab")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    NotebookClient(notebook, kernel_name="python3", store_widget_state=True, timeout=60).execute()
    return notebook


def test_alive_on_opening_never_run(new_page: Open, server: JupyterLabServer, stored: nbformat.NotebookNode) -> None:
    """The committed notebook as `make lab` opens it: its signature known, none of its cells run."""
    notebook = new_page()
    path = server.add_notebook("stored.ipynb", stored)
    server.trust(path)
    notebook.open(path)
    lab = LabView(notebook)
    assert "Error displaying widget" not in notebook.page.locator(".jp-Notebook").inner_text()
    assert_one_step(lab, LOGITS, [1.5, 0.5, -1.0])
    lab.drag(0, 40)
    lab.drag(2, -60)
    advantages = lab.slider_values()
    assert advantages[0] < 1.5
    assert advantages[2] > -1.0
    assert_one_step(lab, LOGITS, advantages)
    lab.click("step")
    np.testing.assert_allclose(lab.bars("pi-before"), one_step(LOGITS, advantages, 1.0), atol=1e-12)
    notebook.screenshot("lab_never_run", lab.root)
    assert notebook.execute("print('lab' in globals())").strip() == "False", "the kernel ran the cell"


def test_where_widgets_are_not_trusted_the_first_frame_stands(
    running_app: RunningApp, server: JupyterLabServer, stored: nbformat.NotebookNode
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
    notebook = running_app.take()
    notebook.open(server.add_notebook("untrusted.ipynb", untrusted))
    trusted = "() => window.jupyterapp.shell.currentWidget.content.widgets[0].model.trusted"
    assert notebook.page.evaluate(trusted) is False
    picture = notebook.cell(0).locator(".jp-OutputArea img")
    picture.wait_for()
    assert picture.evaluate("img => img.complete && img.naturalWidth") > 500
    assert "Error displaying widget" not in notebook.page.locator(".jp-Notebook").inner_text()
    notebook.run_cell(0)
    lab = LabView(notebook)
    lab.drag(0, 40)
    assert_one_step(lab, LOGITS, lab.slider_values())
    faults = notebook.faults()
    running_app.leave()
    assert not faults, faults


def test_first_frame_for_viewers_without_widgets(stored: nbformat.NotebookNode) -> None:
    (output,) = stored.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in output.data
    assert output.data["image/png"].startswith("iVBORw0KGgo"), "no PNG"
    alt = output.metadata["image/png"]["alt"]
    assert all(name in alt for name in ("a ", "b ", "c "))
    assert len(alt) > 40
    text = output.data["text/plain"]
    assert text.strip()
    assert not re.search(r"0x[0-9a-f]{6,}|model_id|[0-9a-f]{32}", text), f"an address in {text!r}"
    assert "text/html" not in output.data, "untrusted pages drop it"


# --- 10: accessible and legible --------------------------------------------------------------------------

CROWDED = (
    IMPORT
    + """lab = AdvantageLab(advantages=[-0.35, 2.75, 0, -3, 1.25, -12.5], logits=[0, 1, -2, 0.5, 3, -1],
    actions=["go left", "go right", "stay", "jump", "wait", "stop now"])
lab"""
)

LAYOUT = """() => {
  const root = document.querySelector('.pgc-lab[data-lab="advantage"]');
  const faults = [];
  const box = (n) => n.getBoundingClientRect();
  const frame = box(root);
  if (frame.width > 720) faults.push(`the lab is ${frame.width} px wide`);
  for (const n of [root, ...root.querySelectorAll("*")]) {
    const style = getComputedStyle(n);
    const inline = style.display === "inline" || n.ownerSVGElement || n.tagName === "svg" || n.tagName === "OPTION";
    const small = n.clientWidth <= 1;  // the live region, for ears only
    const name = n.closest("thead");  // long names of actions end in an ellipsis
    if (!inline && !small && !name && n.scrollWidth > n.clientWidth + 1 && !["INPUT", "SELECT"].includes(n.tagName))
      faults.push(`${n.tagName} ${n.className} ${n.dataset.role ?? n.dataset.row ?? ""} `
        + `“${n.textContent.slice(0, 30)}”: ${n.scrollWidth} px in ${n.clientWidth}`);
    const b = box(n);
    const seen = b.width > 1 && !small && style.visibility !== "hidden";
    if (seen && (b.left < frame.left - 1 || b.right > frame.right + 1))
      faults.push(`${n.tagName} ${n.dataset.role ?? ""} sticks out of the lab`);
  }
  const [left, right] = [...root.querySelectorAll(".pgc-panel svg")].map(box);
  if (Math.abs(left.top - right.top) > 4 && left.width < 0.8 * frame.width)
    faults.push(`pictures ${left.width} px wide, one above the other, in a lab of ${frame.width}`);
  for (const input of root.querySelectorAll("input[type=text]"))
    if (input.offsetParent && input.scrollWidth > input.clientWidth + 1)
      faults.push(`${input.dataset.role} ${input.dataset.index}: “${input.value}” is cut`);
  for (const svg of root.querySelectorAll(".pgc-panel svg, svg[role=group]")) {
    const out = box(svg);
    const texts = [...svg.querySelectorAll("text")].filter((t) => t.textContent.trim() !== ""
      && getComputedStyle(t).visibility !== "hidden" && getComputedStyle(t).display !== "none" && box(t).width > 0);
    texts.forEach((t, i) => {
      const b = box(t);
      if (b.left < out.left - 1 || b.right > out.right + 1 || b.top < out.top - 1 || b.bottom > out.bottom + 1)
        faults.push(`text “${t.textContent}” is cut by its picture`);
      for (const other of texts.slice(i + 1)) {
        const c = box(other);
        const wide = Math.min(b.right, c.right) - Math.max(b.left, c.left);
        const high = Math.min(b.bottom, c.bottom) - Math.max(b.top, c.top);
        if (wide > 1 && high > 1) faults.push(`texts “${t.textContent}” and “${other.textContent}” overlap`);
      }
    });
  }
  return [...new Set(faults)];
}"""


# In a page 390 px wide JupyterLab leaves the lab 286; six actions are asked to fit 390, as on a static page.
@pytest.mark.parametrize(
    ("cell", "widths"), [(LAB_CELL, (1280, 720, 390)), (CROWDED, (1280, 720, 494))], ids=["three", "six"]
)
def test_layout(open_cells: Open, cell: str, widths: tuple[int, ...]) -> None:
    notebook = open_cells(cell)
    faults = {}
    for width in widths:
        notebook.page.set_viewport_size({"width": width, "height": 1600})  # all of the lab in one screenshot
        notebook.page.wait_for_timeout(250)
        lab = LabView(notebook)
        for mode in ("expected", "sampled_trajectory"):
            lab.role("mode").select_option(mode)
            for predicting in (False, True):
                lab.role("predict-first").set_checked(predicting)
                found = notebook.page.evaluate(LAYOUT)
                if found:
                    faults[f"{width} px, {mode}{', predicting' if predicting else ''}"] = found
                name = f"layout_{lab.role('advantage').count()}_{width}_{mode}{'_predict' if predicting else ''}"
                notebook.screenshot(name, lab.root)
        lab.role("predict-first").uncheck()
        lab.role("mode").select_option("expected")
    assert not faults, json.dumps(faults, indent=1, ensure_ascii=False)


def test_axe_finds_nothing_serious(open_cells: Open) -> None:
    notebook = open_cells(LAB_CELL)
    lab = LabView(notebook)
    found = {"expected": notebook.axe(LAB)}
    lab.type_into("advantage-input", "abc", 0)
    lab.role("mode").select_option("sampled_trajectory")
    found["sampled trajectory"] = notebook.axe(LAB)
    lab.role("predict-first").check()
    lab.type_into("step-size-input", "abc")
    found["predict first, with a message"] = notebook.axe(LAB)
    lab.click("reveal")
    found["revealed"] = notebook.axe(LAB)
    assert not any(found.values()), json.dumps(found, indent=1)


# --- smooth ----------------------------------------------------------------------------------------------


def test_drag_is_smooth(open_cells: Open) -> None:
    """At least 45 updates a second, or one for each input event on a machine too busy to deliver as many; and
    at least 4 times those of the same picture by interact, dragged in the same page."""
    notebook = open_cells(measure_drag.LAB_CELL, measure_drag.INTERACT_CELL)
    lab, interact = measure_drag.measure(notebook, seconds=2.0)
    figures = measure_drag.report(lab, interact)
    print(figures)
    assert lab.updates_per_second >= 45 or lab.updates >= 0.95 * lab.events, figures
    assert interact.updates > 0, figures
    assert lab.updates_per_second >= 4 * interact.updates_per_second, figures
