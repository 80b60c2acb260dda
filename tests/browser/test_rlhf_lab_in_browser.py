"""The RLHF lab in Chromium: its picture against Python's numbers, keys, layout."""

from __future__ import annotations

from typing import Any

import pytest
from every_lab import hacked, healthy
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils.widgets import rlhf_lab

pytestmark = pytest.mark.browser
PANELS = dict(zip(("scores", "lengths", "kl", "approxkl"), rlhf_lab.PANELS, strict=True))


def test_the_picture_shows_pythons_numbers(page: Page) -> None:
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
            assert xs[-1] == pytest.approx(left + (right - left) * lab.updates / end, abs=0.1)
            assert xs[1] == pytest.approx(left + (right - left) * (1 + every) / end, abs=0.1)
        assert seen.role("now").nth(2).inner_text() == rlhf_lab.digits(lab.kl[-1])
        assert ", ".join(seen.role("line").locator("span").all_inner_texts()) == lab.line()
        assert seen.role("reply").all_inner_texts() == lab.replies
        assert seen.role("first").all_inner_texts() == lab.first_replies
        assert seen.role("count").inner_text() == f"update {lab.updates} of {end}"
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


def test_wishes_by_mouse_and_keys(page: Page) -> None:
    seen = MountedLab(page, healthy(), answers=True)
    assert seen.wishes() == ["hear"]
    buttons = ["train", "one-update", "reset", "new-seed"]
    for role, wish in zip(buttons, ("train", "update", "reset", "new seed"), strict=True):
        seen.role(role).press("Enter")
        assert seen.wishes() == [wish]
    seen.set(running=True)
    assert seen.role("train").inner_text() == "Pause"
    assert seen.role("one-update").is_disabled()
    seen.role("train").click()
    assert seen.wishes() == ["pause"]
    seen.role("features").select_option("rich")
    assert seen.wishes() == ["rich"]
    assert seen.role("features").input_value() == "log", "until Python has changed it"

    def now(trait: str) -> Any:
        return page.evaluate(f"window.lab.get('{trait}')")

    for wanted in (0.5, 1, 3, 10):
        seen.role("kl-coef").press("ArrowRight")
        assert now("kl_coef") == wanted
    seen.set(kl_coef=0.7)
    assert seen.role("kl-coef").get_attribute("aria-valuetext") == "0.7"
    seen.role("kl-coef").press("Home")
    assert now("kl_coef") == 0
    seen.role("learning-rate").press("ArrowRight")
    assert 0.021 < now("learning_rate") < 0.025
    seen.role("learning-rate").press("Home")
    assert now("learning_rate") == 0.001
    seen.role("epochs").press("End")
    assert now("num_ppo_epochs") == 16
    seen.role("clip").press(" ")
    seen.role("show-gold").press(" ")
    assert (now("clip"), now("show_gold")) == (False, True)

    # While it runs it speaks now and then, at rest of every change.
    seen.set(updates=38)
    page.wait_for_timeout(450)
    spoken = seen.role("live").text_content() or ""
    assert spoken.startswith("Training: update 3")
    seen.set(updates=39)
    page.wait_for_timeout(450)
    assert seen.role("live").text_content() == spoken
    seen.set(running=False)
    assert seen.spoken().startswith("At rest: update 39 of 100, score 1.")
