"""The clinic lab in Chromium: its picture against Python's numbers, what it asks Python for, and a live kernel."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from every_lab import shortened, visited
from lab_view import LabView
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils.widgets import ClinicLab, clinic_lab

pytestmark = pytest.mark.browser
LAB = '.pgc-lab[data-lab="clinic"]'


def values(lab: LabView, selector: str) -> list[float]:
    """The full numbers behind these parts."""
    return lab.root.locator(selector).evaluate_all("parts => parts.map((part) => Number(part.dataset.value))")


def curves(lab: LabView, side: int) -> list[float]:
    """The newest number of each panel's curve: 0 for the case as it is, 1 for the change."""
    return values(lab, f'[data-role="curve"][data-index="{side}"]')


def cite(lab: LabView, *evidence: tuple[str, str]) -> None:
    for n, (metric, direction) in enumerate(evidence):
        lab.role("metric", n).select_option(metric)
        lab.role("direction", n).select_option(direction)


def ask(lab: MountedLab, button: str, says: str, *wishes: str) -> None:
    """Press a button: the lab says this, and asks Python for that."""
    lab.click(button)
    assert (lab.text("message"), lab.wishes()) == (says, [*wishes])


def test_the_picture_shows_pythons_numbers(page: Page) -> None:
    lab = visited()
    seen = MountedLab(page, lab, answers=True)
    assert seen.text("title") == "D7: A careful run in a regulated field"
    assert seen.text("brief") == lab.case.file.brief
    assert curves(seen, 0) == [numbers[-1] for numbers in lab.first]
    assert curves(seen, 1) == [numbers[-1] for numbers in lab.second]
    names = [*lab.case.file.dashboard, "ours/gold"]
    assert seen.root.locator('[data-role="panel"] code').all_inner_texts() == names
    heights = seen.root.locator('[data-role="panel"] .pgc-title').evaluate_all("all => all.map((e) => e.clientHeight)")
    assert len({*heights}) == 1, "no number makes a line of its own"
    settings = seen.root.locator('[data-role="settings"] dt').all_text_contents()
    assert len(settings) == len(lab.case.settings)
    assert {"pairs = 300", "gamma = 1", "stop_at_kl = none", "adap_kl_ctrl = false"} < {*settings}
    first, second = (seen.root.locator(f'[data-role="curve"][data-index="{n}"]').first for n in (0, 1))
    assert first.get_attribute("stroke-dasharray"), "the case as it is has a form of its own"
    assert second.get_attribute("stroke-dasharray") is None
    places = [float(pair.split()[0]) for pair in re.split("[ML]", second.get_attribute("d") or "")[1:]]
    axis = seen.role("curves").first.locator("line").first
    left, right = (float(axis.get_attribute(end) or "") for end in ("x1", "x2"))
    wanted = [left + (right - left) * update / 6 for update in clinic_lab.shown_updates(6)]
    assert places == pytest.approx(wanted, abs=0.01)
    groups = 1 + 7 + 2
    measures = ("score", "spread", "kl", "length", "helpful", "unsafe", "wrong_object", "repeat", "odd", "gold")
    for n, name in enumerate(measures):
        shown = values(seen, f'table[aria-label="fresh replies to all topics"] td[data-row="{name}"]')
        assert shown == [lab.fresh[side * groups][n] for side in range(3)]
    seen.role("measure").select_option("helpful")
    assert seen.row("advice") == [lab.fresh[side * groups + 7][4] for side in range(3)]
    shares = values(seen, 'table[aria-label="agreement with the reward model"] td')
    assert shares == [side[k] for n in range(3) for side in lab.accuracy for k in (n, n + 3)]
    assert seen.role("reply").all_inner_texts()[:3] == [lab.replies[side * 4] or "(nothing)" for side in range(3)]
    seen.set(step="verdict")
    assert seen.role("goal").count() == 6
    assert seen.role("tries").locator("li").count() == 2
    assert seen.numbers("try") == [sum(one["goals"][5][1]) / len(one["seeds"]) for one in lab.told["tries"]]
    filled = seen.role("try").evaluate_all("dots => dots.map((dot) => !dot.getAttribute('fill').includes('paper'))")
    assert filled == [one["best"] for one in lab.told["tries"]]
    seen.set(told={"tries": [lab.told["tries"][0] | {"goals": [[[1], [1], True]] * 6, "ran_away": []}]})
    assert seen.text("verdict").startswith("✗ Not known yet: all of the seeds 0, 1, 2 count.")
    seen.set(told=lab.told)
    assert (seen.role("across").input_value(), seen.role("up").input_value()) == ("5", "0"), "KL, Helpful"
    seen.role("across").select_option("4")
    assert seen.numbers("try") == [sum(one["goals"][4][1]) / len(one["seeds"]) for one in lab.told["tries"]]
    seen.set(step="blueprint")
    assert seen.role("faults").locator("li").count() == len(lab.told["blueprint"]["faults"])


def test_steps_are_shown_when_they_make_sense(page: Page) -> None:
    def steps(seen: MountedLab) -> list[str]:
        return seen.role("step").all_inner_texts()

    assert steps(MountedLab(page, ClinicLab("D7"))) == ["Debrief"]
    lab = shortened("D2", 2)
    lab.run()
    seen = MountedLab(page, lab, answers=True)
    assert steps(seen) == ["Replies", "Diagnosis", "One change", "Debrief"]
    seen.set(step="diagnosis")
    assert seen.role("metric").count() == 0, "a quick case needs no curves"
    seen.set(step="debrief")
    assert seen.role("answer").count() == 0
    assert "ends the hiding" in seen.root.inner_text()
    assert steps(MountedLab(page, visited()))[3:] == ["Verdict", "Blueprint", "Debrief"]
    seen = MountedLab(page, visited(), answers=True)
    seen.role("step", 0).press("ArrowRight")
    assert (seen.trait("step"), page.evaluate("document.activeElement.textContent")) == ("diagnosis", "Diagnosis")
    page.keyboard.press("End")
    assert seen.trait("step") == "debrief"
    assert seen.root.get_by_role("tabpanel", name="Debrief").is_visible()


def test_wishes_by_mouse_and_keys(page: Page) -> None:
    lab = shortened("D7", 2)
    lab.run()
    seen = MountedLab(page, lab, answers=True)
    assert seen.wishes() == ["hear"]
    seen.set(step="diagnosis")
    ask(seen, "diagnose", "Choose a cause first.")
    seen.role("cause", 3).check()
    ask(seen, "diagnose", "Choose two curves, and for each what it does.")
    cite(seen, ("fresh/helpful/advice", "falls"), ("objective/kl", "rises"))
    ask(seen, "diagnose", "", "diagnose")
    diagnosis = ["coverage", ["fresh/helpful/advice", "falls", "objective/kl", "rises"]]
    assert list(page.evaluate("window.lab.brought").values()) == seen.traits("cause", "evidence") == diagnosis

    seen.set(step="change")
    ask(seen, "intervene", "Choose a change first.")
    for name in ("kl_coef", "adap_kl_ctrl", "loss_type", "target_kl"):
        seen.role("turn").select_option(name)
    field = seen.root.locator('input[data-name="kl_coef"]')
    field.fill("0,5")
    field.press("Enter")
    seen.root.locator('input[data-name="adap_kl_ctrl"]').press(" ")
    seen.root.locator('select[data-name="loss_type"]').select_option("grpo")
    field = seen.root.locator('input[data-name="target_kl"]')
    for nothing in ("1e400", "", "much"):
        field.fill(nothing)
        field.press("Enter")
        assert seen.text("message") == f"target_kl: got “{nothing}”, wanted a number."
    assert seen.trait("turned") == ["kl_coef=0.5", "adap_kl_ctrl=true", 'loss_type="grpo"', "target_kl=null"]
    assert field.input_value() == "much"
    seen.role("change", 0).check()
    assert seen.text("message") == ""
    ask(seen, "intervene", "target_kl: got “much”, wanted a number.")
    seen.role("as-it-was").last.press("Enter")
    ask(seen, "intervene", "", "change")
    assert len(seen.trait("turned")) == 3

    seen.set(running=True, job="change")
    assert seen.role("train").inner_text() == "Pause"
    assert seen.role("intervene").is_disabled()
    seen.click("train")
    seen.set(running=False)
    assert seen.role("train").inner_text() == "Go on"
    for role in ("train", "stop", "new-seed"):
        seen.click(role)
    assert seen.wishes() == ["pause", "train", "stop", "new seed"]
    seen.set(job="", step="blueprint")
    seen.role("part", "frozen.reference").check()
    seen.click("blueprint")
    assert (seen.trait("plan"), seen.wishes()) == (["frozen.reference"], ["blueprint"])
    seen.set(job="verdict", standing=[2, 3, 1, 30, 60])
    assert seen.text("count") == "seed 2 of 3, with the change: update 30 of 60"
    assert seen.role("bar").evaluate("bar => [bar.value, bar.max]") == [3.5, 6]

    seen.set(job="", step="debrief")
    assert seen.role("rubric").inner_text() == "Show the criteria without an answer"
    answer = seen.role("answer")
    answer.press_sequentially("No one askd.")
    page.evaluate("document.addEventListener('keydown', ({ key }) => (window.heard = [...(window.heard ?? []), key]))")
    for key in ("ArrowLeft", "ArrowLeft", "e", "End", "Shift+Enter", "b", "Home", "a", "Space", "Control+a", "ArrowUp"):
        answer.press(key)
    assert seen.trait("answer") == "No one asked.\na b"
    assert page.evaluate("window.heard") == ["Control"], "JupyterLab would take the others for commands"
    for role in ("keep", "rubric", "debrief"):
        seen.click(role)
    assert seen.wishes() == ["keep", "rubric", "debrief"]
    seen.set(told={"rubric": [{"id": "gate", "text": "Gives a gate.", "full": ["<img src=x>"], "partial": ["Or."]}]})
    assert "“<img src=x>”" in seen.root.inner_text()
    assert seen.root.locator("img").count() == 0
    seen.role("criterion", 0).check()
    assert (seen.trait("criteria"), seen.wishes()) == (["gate"], ["keep"])
    assert seen.text("met") == "1 of 1 met, by your own reading."


def test_a_refused_answer_leaves_no_former_one_on_the_screen(page: Page) -> None:
    seen = MountedLab(page, visited(), answers=True)
    seen.set(step="diagnosis")
    assert seen.role("diagnosis").count() == 1
    seen.role("metric", 1).select_option("")
    seen.click("diagnose")
    assert seen.text("message") == "Choose two curves, and for each what it does."
    assert seen.role("diagnosis").count() == 0


def test_it_says_what_happens(page: Page) -> None:
    seen = MountedLab(page, visited(), answers=True)
    seen.spoken()
    seen.set(step="diagnosis")
    assert seen.spoken().startswith("At rest: update 6 of 6. Right. No pair and no prompt")
    seen.set(step="verdict")
    assert seen.spoken().startswith("At rest: update 6 of 6. 2 tried. Not cured. Raise β to 3.")
    cured = seen.trait("told")["tries"][1] | {"cured": True}
    seen.set(told={"tries": [cured | {"turned": turned} for turned in (True, False)]})
    said = [line.split("✓ ")[1].split(".")[0] for line in seen.role("tries").locator("li").all_inner_texts()]
    assert said == ["Cured", "All goals met"]
    places = seen.role("try").evaluate_all("dots => dots.map((dot) => Number(dot.getAttribute('cx')))")
    assert abs(places[0] - places[1]) >= 12, "equal tries do not cover each other"


SHORT = """import dataclasses
from course_utils.rlhf import clinic
from course_utils.widgets import ClinicLab
clinic.REPLIES, clinic.PAIRS = 200, 100
def short(name, updates):
    lab = ClinicLab(name)
    config = dataclasses.replace(lab.case.file.config, updates=updates)
    lab.case.file = dataclasses.replace(lab.case.file, seeds=(0,), config=config)
    return lab
one = short("D4", 30)
one"""
# While Python takes a change, Jupyter keeps the page's next ones back, but lets its wishes pass.
SLOW = """import time
def slow(changes, take=one.set_state):
    time.sleep(.5)
    take(changes)
one.set_state = slow"""


def test_in_a_live_kernel_two_cases_are_open_at_once(open_cells: Callable[..., Any]) -> None:
    notebook = open_cells(SHORT, "other = short('D1', 400)\nother", viewport=(1280, 3000))
    page = notebook.page
    one, other = (LabView(page, LAB, nth) for nth in (0, 1))

    def said(nth: int, role: str) -> str:
        return f"document.querySelectorAll('{LAB}')[{nth}].querySelector('[data-role={role}]').textContent"

    def count(nth: int) -> str:
        return f"Number(({said(nth, 'count')}.match(/update (\\d+)/) ?? [0, 0])[1])"

    def wait_for(lab: LabView, selector: str) -> None:
        lab.root.locator(selector).first.wait_for(timeout=20_000)

    other.click("train")
    notebook.wait_for_page(count(1), lambda n: n > 0, timeout=10)
    one.click("train")
    notebook.wait_for_page(count(0), lambda n: n > 0, timeout=10)
    seen = {tuple(page.evaluate(f"[{count(0)}, {count(1)}]")) for _ in range(10) if page.wait_for_timeout(60) is None}
    assert min(len({n for n, _ in seen}), len({n for _, n in seen})) > 2, "both move while they train"
    other.click("train")
    wait_for(one, 'td[data-row="score"]')
    assert notebook.kernel_value("[one.updates, one.running, len(other.first)]") == [[30], False, 9]

    # An interrupt, as JupyterLab's button sends it, keeps what was run, and one may go on.
    notebook.wait_for_kernel("other.running", lambda running: running is False)
    done = notebook.kernel_value("other.updates[0]")
    other.click("train")
    notebook.wait_for_page(count(1), lambda n: n > done)
    session = "window.jupyterapp.shell.currentWidget.sessionContext.session"
    page.evaluate(f"() => {session}.kernel.interrupt()")
    notebook.wait_for_page(said(1, "message"), lambda words: words.startswith("Interrupted. Nothing is lost"))
    assert notebook.kernel_value("other.updates[0]") == page.evaluate(count(1)) > done
    assert other.role("train").inner_text() == "Go on"

    before = curves(one, 0)
    one.root.get_by_role("tab", name="One change").click()
    one.role("change", 0).check()
    one.click("intervene")
    wait_for(one, '[data-role="curve"][data-index="1"]')
    assert curves(one, 0) == before, "the case as it is stays beside it"
    notebook.wait_for_kernel("one.running", lambda running: running is False, timeout=10)

    one.root.get_by_role("tab", name="Diagnosis").click()
    page.evaluate(f"() => void {session}.kernel.requestExecute({{code: {SLOW!r}}})")
    one.role("cause", 0).check()
    cite(one, ("ours/unsafe", "rises"), ("ours/max_ratio", "high"))
    assert "The raters love a promise" not in one.root.inner_text()
    one.click("diagnose")
    wait_for(one, '[data-role="diagnosis"]')
    assert "The raters love a promise" in one.text("diagnosis")
    told = [line.split(".")[0] for line in one.role("citation").all_inner_texts()]
    assert told == ["✓ It tells", "✗ It does not tell"]

    one.root.get_by_role("tab", name="Verdict").click()
    one.click("measure")
    wait_for(one, '[data-role="verdict"]')
    assert notebook.kernel_value("[list(v.seeds) for v in one.case.tries]") == [[0]]
    assert one.role("goal").count() == 1

    assert one.root.get_by_text("ours/gold").count() == 0
    one.root.get_by_role("tab", name="Debrief").click()
    one.click("debrief")
    wait_for(one, '[data-role="told"]')
    gold = one.root.locator('[data-role="panel"]').last
    assert gold.locator("code").inner_text() == "ours/gold"
    assert curves(one, 1)[-1] == notebook.kernel_value("one.case.shown(one._charts[1])['ours/gold'][-1]")
    assert other.root.get_by_text("ours/gold").count() == 0, "the other case keeps its secret"
