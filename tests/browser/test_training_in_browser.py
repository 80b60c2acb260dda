"""The training lab in Chromium: its picture against Python's numbers, keys, layout, no kernel, and a live kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from every_lab import cart, lake
from mounted_lab import MountedLab
from playwright.sync_api import Page

pytestmark = pytest.mark.browser
LAB = '.pgc-lab[data-lab="training"]'
NO_KERNEL = "Run this cell first: training needs Python."


def test_the_picture_shows_pythons_numbers(page: Page) -> None:
    seen = MountedLab(page, lake(), answers=True)
    assert seen.numbers("batch") == lake().history().returns[::2].tolist(), "65 updates: every second one"
    assert seen.numbers("exact") == [pytest.approx(lake().performance(), abs=1e-12)]
    arrows = np.reshape(seen.numbers("arrow"), (11, 4))
    here = [s for s, letter in enumerate(lake().world["map"]) if letter in "SF"]
    np.testing.assert_allclose(arrows, lake().probabilities()[here], atol=1e-12)
    values = seen.root.locator('[data-role="cell"] text:last-child').all_text_contents()
    assert values[here[-1]] == f"{lake().value_parameters[here[-1]]:.2f}".replace("0.", ".")
    assert seen.numbers("evaluation") == lake().evaluated_mean
    assert seen.role("line").inner_text() == lake().line()
    seen.set(critic=False)
    assert not "".join(seen.root.locator('[data-role="cell"] text:last-child').all_text_contents())

    seen = MountedLab(page, cart(), answers=True)
    assert seen.role("line").inner_text() == cart().line()
    for frame in (0, 3, len(cart().pole) - 1):
        step = min(frame * -(-cart().replay_length // 99), cart().replay_length)
        seen.role("time").fill(str(step))
        assert seen.numbers("pole") == [pytest.approx(cart().pole[frame], abs=1e-9)]


def test_where_there_is_room_the_pictures_stand_side_by_side(page: Page) -> None:
    for lab in (lake(), cart()):
        tops = (
            MountedLab(page, lab)
            .root.locator(".pgc-panel")
            .evaluate_all("panels => panels.map((panel) => panel.getBoundingClientRect().top)")
        )
        assert [top - tops[0] for top in tops] == [0, 0], lab.environment


def test_wishes_by_mouse_and_keys(page: Page) -> None:
    seen = MountedLab(page, lake(), answers=True)
    assert seen.wishes() == ["hear"]
    buttons = ["train", "one-update", "evaluate", "reset", "new-seed"]
    for role, wish in zip(buttons, ("train", "update", "evaluate", "reset", "new seed"), strict=True):
        seen.role(role).press("Enter")
        assert seen.wishes() == [wish]
    seen.set(running=True)
    assert seen.role("train").inner_text() == "Pause"
    assert seen.role("one-update").is_disabled()
    seen.role("train").click()
    assert seen.wishes() == ["pause"]
    seen.set(running=False)
    seen.role("environment").select_option("CartPole")
    assert seen.wishes() == ["CartPole"]
    assert seen.role("environment").input_value() == "FrozenLake", "until Python has changed it"
    for role, trait, wanted in (("entropy-cost", "entropy_cost", 0.005), ("lambda", "lambda_", 0.94)):
        seen.role(role).press("ArrowLeft")
        assert page.evaluate(f"window.lab.get('{trait}')") == pytest.approx(wanted)
    before = page.evaluate("window.lab.get('step_size')")
    seen.role("step-size").press("ArrowRight")
    assert 1.05 * before < page.evaluate("window.lab.get('step_size')") < 1.25 * before
    seen.role("critic").press(" ")
    assert page.evaluate("window.lab.get('critic')") is False
    seen.set(updates=66)
    assert seen.spoken().startswith("At rest: update 66")

    seen = MountedLab(page, cart(), answers=True)
    assert seen.role("play").inner_text() == "Play", "nothing plays by itself"
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
    seen.role("play").click()
    page.wait_for_function("window.frames_seen.size >= 3")
    assert page.evaluate("[...window.frames_seen]")[:3] == [0, 25, 50], "and none between them"


def test_without_a_kernel_the_button_says_so(page: Page) -> None:
    seen = MountedLab(page, lake(), answers=False)
    seen.set(running=True)
    assert seen.role("train").inner_text() == "Train", "stored while it ran: but nothing runs here"
    seen.role("train").click()
    page.wait_for_timeout(1150)
    assert seen.role("message").inner_text() == NO_KERNEL
    page.evaluate("window.unmount(); delete window.lab.send")  # as in the static page
    page.evaluate(
        """async (source) => {
          const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
          window.unmount = module.default.render({model: window.lab, el: document.querySelector("main")});
        }""",
        seen.twin._esm,
    )
    page.locator(LAB).locator('[data-role="train"]').last.click()
    assert page.locator(LAB).locator('[data-role="message"]').last.inner_text() == NO_KERNEL


def test_in_a_live_kernel_it_learns_while_one_watches(open_cells: Callable[..., Any]) -> None:
    notebook = open_cells("from course_utils.widgets import TrainingLab\nlab = TrainingLab()\nlab")
    page = notebook.page
    root = page.locator(LAB)
    root.wait_for()
    notebook.scroll_to(root)
    line = f"document.querySelector('{LAB} [data-role=line]').textContent"
    count = f"Number({line}.split(' ')[1].replaceAll(',', ''))"
    train = root.locator('[data-role="train"]')
    train.focus()
    page.keyboard.press("Enter")
    notebook.wait_for_page(count, lambda n: n > 0)
    assert train.inner_text() == "Pause"
    seen = {notebook.wait_for_page(count, lambda n: n > 0) for _ in range(12) if page.wait_for_timeout(60) is None}
    assert len(seen) > 3, "the picture moves while it trains"
    page.keyboard.press("Enter")
    notebook.wait_for_kernel("lab.running", lambda running: running is False)
    notebook.wait_for_page(f"document.querySelector('{LAB} [data-role=train]').textContent", lambda t: t == "Train")
    paused = notebook.kernel_value("lab.updates")
    page.wait_for_timeout(300)
    assert notebook.kernel_value("lab.updates") == paused == page.evaluate(count)
    root.locator('[data-role="evaluate"]').press("Enter")
    mean = notebook.wait_for_kernel("lab.evaluated_mean", lambda means: len(means) == 1)[0]
    notebook.wait_for_page(
        f"""document.querySelector('{LAB} [data-role="line"]').textContent""", lambda t: f"{mean:.2f}" in t
    )
    root.locator('[data-role="one-update"]').press("Enter")
    notebook.wait_for_page(count, lambda n: n == paused + 1)

    # An interrupt, as JupyterLab's button sends it, ends it in words.
    train.press("Enter")
    notebook.wait_for_page(count, lambda n: n > paused + 5)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    told = f"""document.querySelector('{LAB} [data-role="message"]').textContent"""
    notebook.wait_for_page(told, lambda words: words.startswith("Interrupted after update"))
    assert notebook.kernel_value("lab.running") is False
    assert notebook.kernel_value("lab.updates") == page.evaluate(count)

    # Another environment, and back to the beginning.
    root.locator('[data-role="environment"]').select_option("CartPole")
    notebook.wait_for_kernel("[lab.environment, lab.updates]", lambda now: now == ["CartPole", 0])
    root.locator('[data-role="one-update"]').press("Enter")
    notebook.wait_for_page(count, lambda n: n == 1)
    assert root.locator('[data-role="cart"]').is_visible()
    root.locator('[data-role="new-seed"]').press("Enter")
    notebook.wait_for_kernel("[lab.seed, lab.updates]", lambda now: now == [1, 0])
