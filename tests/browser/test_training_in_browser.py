"""The labs that train, TrainingLab and RlhfLab, in Chromium: Python's numbers, what they ask Python for, keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from every_lab import cart, hacked, healthy, lake
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils.widgets import rlhf_lab

pytestmark = pytest.mark.browser
PANELS = dict(zip(("scores", "lengths", "kl", "approxkl"), rlhf_lab.PANELS, strict=True))
BUTTONS = {"train": "train", "one-update": "update", "reset": "reset", "new-seed": "new seed"}


@pytest.mark.parametrize(
    ("lab", "buttons", "choice", "wish", "now"),
    [
        (lake, BUTTONS | {"evaluate": "evaluate"}, "environment", "CartPole", "FrozenLake"),
        (healthy, BUTTONS, "features", "rich", "log"),
    ],
)
def test_a_button_or_choice_is_a_wish_and_nothing_changes_until_python_has_done_it(
    page: Page, lab: Callable[[], Any], buttons: dict[str, str], choice: str, wish: str, now: str
) -> None:
    seen = MountedLab(page, lab(), answers=True)
    assert seen.wishes() == ["hear"]
    for role, wanted in buttons.items():
        seen.role(role).press("Enter")
        assert seen.wishes() == [wanted]
    seen.set(running=True)
    assert seen.text("train") == "Pause"
    assert seen.role("one-update").is_disabled()
    seen.click("train")
    assert seen.wishes() == ["pause"]
    seen.role(choice).select_option(wish)
    assert seen.wishes() == [wish]
    assert seen.role(choice).input_value() == now


# --- TrainingLab ------------------------------------------------------------------------------------------------------


def test_the_training_labs_picture_shows_pythons_numbers(page: Page) -> None:
    seen = MountedLab(page, lake(), answers=True)
    assert seen.numbers("batch") == lake().history().returns[::2].tolist(), "65 updates: every second one"
    assert seen.numbers("exact") == [pytest.approx(lake().performance(), abs=1e-12)]
    here = [s for s, letter in enumerate(lake().world["map"]) if letter in "SF"]
    arrows = np.reshape(seen.numbers("arrow"), (11, 4))
    np.testing.assert_allclose(arrows, lake().probabilities()[here], atol=1e-12)
    values = seen.root.locator('[data-role="cell"] text:last-child')
    wanted = f"{lake().value_parameters[here[-1]]:.2f}".replace("0.", ".")
    assert values.all_text_contents()[here[-1]] == wanted
    assert seen.numbers("evaluation") == lake().evaluated_mean
    assert seen.role("line").inner_text() == lake().line()
    seen.set(critic=False)
    assert not "".join(values.all_text_contents())

    seen = MountedLab(page, cart(), answers=True)
    assert seen.role("line").inner_text() == cart().line()
    for frame in (0, 3, len(cart().pole) - 1):
        step = min(frame * -(-cart().replay_length // 99), cart().replay_length)
        seen.role("time").fill(str(step))
        assert seen.numbers("pole") == [pytest.approx(cart().pole[frame], abs=1e-9)]


def test_where_there_is_room_the_pictures_stand_side_by_side(page: Page) -> None:
    for lab in (lake(), cart()):
        tops = MountedLab(page, lab).seen("nodes('.pgc-panel').map((panel) => panel.getBoundingClientRect().top)")
        assert tops == tops[:1] * 2, lab.environment


def test_keys_and_words_of_the_training_lab(page: Page) -> None:
    seen = MountedLab(page, lake(), answers=True)
    for role, trait, wanted in (("entropy-cost", "entropy_cost", 0.005), ("lambda", "lambda_", 0.94)):
        seen.press(role, None, trait, ("ArrowLeft", wanted))
    before = seen.trait("step_size")
    seen.role("step-size").press("ArrowRight")
    assert 1.05 * before < seen.trait("step_size") < 1.25 * before
    seen.press("critic", None, "critic", ("Space", False))
    seen.set(updates=66)
    assert seen.spoken().startswith("At rest: update 66")

    seen = MountedLab(page, cart(), answers=True)
    assert seen.text("play") == "Play", "nothing plays by itself"
    seen.role("play").press("Enter")
    page.wait_for_function("Number(document.querySelector('[data-role=time]').value) > 3")
    seen.role("play").press("Enter")
    stopped = int(seen.role("time").input_value())
    assert 3 < stopped < cart().replay_length
    page.wait_for_timeout(100)
    assert int(seen.role("time").input_value()) == stopped


@pytest.mark.parametrize("context_options", [{"reduced_motion": "reduce"}])
def test_reduced_motion_gets_stills(page: Page) -> None:
    seen = MountedLab(page, cart(), answers=True)
    page.evaluate("""() => {
      const slider = document.querySelector("[data-role=time]");
      window.frames_seen = new Set();
      const look = () => (window.frames_seen.add(Number(slider.value)), requestAnimationFrame(look));
      look();
    }""")
    seen.click("play")
    page.wait_for_function("window.frames_seen.size >= 3")
    assert page.evaluate("[...window.frames_seen]")[:3] == [0, 25, 50], "and none between them"


# --- RlhfLab ----------------------------------------------------------------------------------------------------------


def test_the_rlhf_labs_picture_shows_pythons_numbers(page: Page) -> None:
    for lab, end, every in ((healthy(), 100, 2), (hacked(), 200, 4)):
        seen = MountedLab(page, lab, answers=True)
        for trait, name in PANELS.items():
            panel = seen.role(trait)
            dots = panel.locator('[data-role="dot"]')
            values = dots.evaluate_all("dots => dots.map((dot) => Number(dot.dataset.value))")
            assert values == lab.log[name][rlhf_lab.shown_rows(lab.updates)].tolist(), name
            assert values[1] == lab.log[name][every]
            xs = dots.evaluate_all("dots => dots.map((d) => Number(d.getAttribute('transform').match(/[\\d.]+/)[0]))")
            left, right = (float(panel.locator("line").first.get_attribute(at) or "") for at in ("x1", "x2"))
            places = [left + (right - left) * update / end for update in (1 + every, lab.updates)]
            assert [xs[1], xs[-1]] == pytest.approx(places, abs=0.1)
        assert seen.role("now").nth(2).inner_text() == rlhf_lab.digits(lab.kl[-1])
        assert ", ".join(seen.role("line").locator("span").all_inner_texts()) == lab.line()
        assert seen.role("reply").all_inner_texts() == lab.replies
        assert seen.role("first").all_inner_texts() == lab.first_replies
        assert seen.text("count") == f"update {lab.updates} of {end}"
        bar = seen.root.get_by_role("progressbar", name="updates of this run")
        assert bar.evaluate("bar => [bar.value, bar.max]") == [lab.updates, end]
    score, gold = lab.reply_scores[0], lab.reply_gold[0]
    assert seen.role("reply-worth").first.inner_text() == f"score {score:.2f}\ngold {gold:.2f}".replace("-", "−")
    assert seen.numbers("gold") == [lab.log["ours/gold"][-1]]
    labels = seen.role("scores").locator("text").all_text_contents()
    assert labels[:3] == [rlhf_lab.digits(x) for x in (lab.axes[2], 0.0, lab.axes[3])]
    seen.set(show_gold=False)
    assert seen.numbers("gold") == []
    assert "gold" not in seen.root.inner_text().replace("show the gold reward", "")
    strange = [0.0, -1.5e-5, 184_321.0, 1234.5, 99_999.0, 0.5]
    seen.set(line_numbers=strange)
    assert seen.role("line").locator("b").all_inner_texts() == [rlhf_lab.digits(x) for x in strange]
    seen.set(before="seed 9", before_scores=[0.0, 1.0], before_updates=2, changed_at=[7.0], changes=["β 0.3 → 1"])
    assert seen.numbers("before")[0] == 1
    assert seen.numbers("change") == [7] * len(PANELS)
    told = [seen.role(role).inner_text() for role in ("seed", "run-before", "changes")]
    assert told == [f"seed {lab.seed}", "Dashed: the run before (seed 9). ", "Dotted: after update 7 β 0.3 → 1."]
    seen.page.set_viewport_size({"width": 1280, "height": 800})
    one_screen = "lab => lab.getBoundingClientRect().height < 700"  # curves and replies, below a notebook's head
    seen.page.wait_for_function(one_screen, arg=seen.root.element_handle())


def test_keys_and_words_of_the_rlhf_lab(page: Page) -> None:
    seen = MountedLab(page, healthy(), answers=True)
    seen.press("kl-coef", None, "kl_coef", *(("ArrowRight", wanted) for wanted in (0.5, 1, 3, 10)))
    seen.set(kl_coef=0.7)
    assert seen.role("kl-coef").get_attribute("aria-valuetext") == "0.7"
    seen.press("kl-coef", None, "kl_coef", ("Home", 0))
    seen.role("learning-rate").press("ArrowRight")
    assert 0.021 < seen.trait("learning_rate") < 0.025
    seen.press("learning-rate", None, "learning_rate", ("Home", 0.001))
    seen.press("epochs", None, "num_ppo_epochs", ("End", 16))
    seen.press("clip", None, "clip", ("Space", False))
    seen.press("show-gold", None, "show_gold", ("Space", True))

    # While it runs it speaks now and then, at rest of every change.
    seen.set(running=True, updates=38)
    spoken = seen.spoken()
    assert spoken.startswith("Training: update 3")
    seen.set(updates=39)
    assert seen.spoken() == spoken
    seen.set(running=False)
    assert seen.spoken().startswith("At rest: update 39 of 100, score 1.")
