"""The training lab in Chromium: its picture against Python's numbers, keys, layout."""

from __future__ import annotations

import numpy as np
import pytest
from every_lab import cart, lake
from mounted_lab import MountedLab
from playwright.sync_api import Page

pytestmark = pytest.mark.browser


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
