"""The clip lab in Chromium: its mathematics against Python's, mouse, finger, keys, layout, and JupyterLab."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mounted_lab import MountedLab, assert_close
from playwright.sync_api import Page

from course_utils.widgets import ClipLab

pytestmark = pytest.mark.browser
START = {"ratio": 1.1, "advantage": 1.0, "epsilon": 0.2, "clip": True, "step_size": 0.5, "steps": 0}
FACTS = ("unclipped", "clipped", "surrogate", "gradient", "outside", "active")

SAYS = """{
  point: role("point"), plain: role("plain-point"), facts: numbers(".pgc-side dd"), now: role("now"), old: role("old"),
  ratios: role("ratio-mark"), totals: numbers(".pgc-second dd"),
  ...Object.fromEntries(nodes('[data-role="series"]').map((n) => [n.dataset.name.replace(" ", "_"), n.values])),
  states: nodes('[data-role="status"]').map((node) => node.dataset.state),
  here: nodes('[data-role="case"]').map((node) => node.matches('[aria-current="true"]')),
}"""

# Everything that must stand still while the ratio is dragged: axes, lines, regions, frames, and the batch.
STILL = """() => [...document.querySelectorAll(".pgc-lab svg > *")]
  .filter((n) => !n.matches('[data-role="ratio"]'))
  .map((n) => ["d", "x", "y", "x1", "y1", "width", "height"].map((name) => n.getAttribute(name)) + n.textContent)
  .concat([...document.querySelectorAll(".pgc-lab > *, .pgc-lab svg, .pgc-second > *")].map((n) => {
    const box = n.getBoundingClientRect();
    return n.classList.contains("pgc-hidden") ? "" : `${box.left} ${box.top} ${box.width} ${box.height}`;
  }))"""


def mounted(page: Page) -> MountedLab:
    return MountedLab(page, ClipLab(), SAYS)


@pytest.fixture
def context_options() -> dict[str, Any]:
    return {"viewport": {"width": 800, "height": 1300}}


def test_the_mathematics_is_pythons(page: Page) -> None:
    clip = mounted(page)
    rng = np.random.default_rng(17)
    settings: list[dict[str, Any]] = [
        {
            "ratio": rng.uniform(0, 2),
            "advantage": rng.uniform(-2, 2),
            "epsilon": rng.uniform(0, 0.5),
            "clip": bool(rng.integers(2)),
            "step_size": rng.uniform(0.1, 2),
            "steps": int(rng.integers(101)),
        }
        for _ in range(20)
    ]
    settings += [START | {"steps": k} for k in (0, 1, 20, 95, 100)]
    settings += [START | {"ratio": r, "epsilon": e, "steps": 5} for r in (0.0, 0.8, 1.0, 1.2, 2.0) for e in (0.0, 0.2)]
    settings += [START | {"advantage": 0.0, "ratio": 1.7}]
    seen_states = set()
    for setting, seen in clip.beside(settings):
        lab = clip.twin
        sample, batch = lab.sample(), lab.batch()
        wanted: dict[str, Any] = {
            "point": [lab.surrogate()],
            "plain": [sample.unclipped],
            "facts": [float(getattr(sample, name)) for name in FACTS],
            "now": lab.run()[-1],
            "old": [0.6, 0.3, 0.1],
            "ratios": lab.ratios()[-1],
            "largest_clip": lab.largest_ratio(True),
            "largest_free": lab.largest_ratio(False),
            "kl_clip": lab.kl(True),
            "kl_free": lab.kl(False),
            "totals": [
                lab.largest_ratio()[-1],
                lab.kl()[-1],
                batch.clip_fraction,
                batch.active_fraction,
                np.linalg.norm(batch.grad_logits.sum(axis=(0, 1))),
            ],
        }
        assert_close(seen, wanted, setting)
        of_actions = batch.active[[0, 7, 11], 0]
        assert [state == "off" for state in seen["states"]] == of_actions.tolist()
        seen_states |= set(seen["states"])
        column = 0 if setting["ratio"] < 1 - setting["epsilon"] else 2 if sample.outside else 1
        here = [setting["advantage"] * sign > 0 and k == column for sign in (1, -1) for k in range(3)]
        assert seen["here"] == here, setting
    assert seen_states == {"on", "off", "back"}


def test_mouse(page: Page) -> None:
    clip = mounted(page)
    assert clip.text("sentence").startswith("Inside 1 ± ε")
    still = page.evaluate(STILL)
    x, y = clip.grip("ratio")
    page.mouse.move(x, y)
    page.mouse.down()
    seen = []
    for step in range(1, 9):
        page.mouse.move(x + 15 * step, y - 3 * step)
        seen.append(clip.trait("ratio"))
        assert page.evaluate(STILL) == still, "something jumped while the ratio was dragged"
        assert abs(clip.grip("ratio")[0] - (x + 15 * step)) < 3, "the handle is under the hand"
    assert seen == sorted(set(seen))
    page.mouse.move(x + 2000, y)
    page.mouse.up()
    assert clip.trait("ratio") == 2
    assert clip.text("sentence").startswith("Likelier and good: above 1 + ε = 1.2, the clipped")
    x, y = clip.grip("advantage")
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(x + step, y + 15 * step)
        assert abs(clip.grip("advantage")[1] - (y + 15 * step)) < 3
    page.mouse.up()
    assert clip.trait("advantage") < -1
    assert "Likelier and bad: above 1 + ε = 1.2, yet ρA is the smaller" in clip.text("sentence")
    rail = clip.role("ratio").locator("rect").first.bounding_box()
    assert rail is not None
    page.mouse.click(rail["x"] + rail["width"] / 4, rail["y"])
    assert clip.trait("ratio") == pytest.approx(0.5, abs=0.01), "a click on the axis takes the ratio there"
    assert clip.text("sentence").startswith("Rarer and bad: below 1 − ε = 0.8, the clipped")

    assert clip.text("batch-sentence").startswith("All ratios are 1")
    clip.role("step").click()
    assert clip.trait("steps") == 1
    for _ in range(2):
        clip.role("ten-steps").click()
    assert clip.trait("steps") == 21
    assert "apologise is off, yet its ratio is" in clip.text("batch-sentence")
    clip.role("steps").fill("20")
    assert "replace: outside 1 ± ε, yet on" in clip.text("batch-sentence")
    for _ in range(9):  # the 100th is the last
        clip.role("ten-steps").click()
    assert clip.trait("steps") == 100
    assert "All 12 samples are off" in clip.text("batch-sentence")
    clip.role("clip").uncheck()
    assert clip.trait("clip") is False
    assert "is 9.95, and each step takes it further" in clip.text("batch-sentence")
    clip.role("restart").click()
    assert (clip.trait("steps"), clip.trait("clip")) == (0, False)
    clip.role("epsilon").fill("0.4")
    clip.role("step-size").fill("1.5")
    clip.role("steps").fill("7")
    assert clip.traits("epsilon", "step_size", "steps") == [0.4, 1.5, 7]
    clip.click("reset")
    assert clip.traits(*START) == list(START.values())


def test_keys_and_the_live_region(page: Page) -> None:
    clip = mounted(page)
    keys = [*[("PageUp", k / 10) for k in range(1, 12)], ("ArrowLeft", 1.09), ("PageUp", 1.19), ("ArrowUp", 1.2)]
    clip.press("ratio", None, "ratio", ("End", 2), ("Home", 0), *keys, ("Shift+ArrowRight", 1.3))
    ratio = clip.role("ratio")
    assert ratio.get_attribute("aria-valuetext") == "1.3, surrogate +1.2, gradient off"
    assert ratio.get_attribute("aria-orientation") == "horizontal"
    keys = [("ArrowDown", 0.95), ("PageDown", 0.45), ("ArrowUp", 0.5), ("Home", -2.0), ("End", 2.0), ("PageDown", 1.5)]
    clip.press("advantage", None, "advantage", *keys)
    assert clip.role("advantage").get_attribute("aria-valuetext") == "+1.5"
    assert clip.spoken().startswith("Ratio 1.3, advantage +1.5. Likelier and good: above 1 + ε = 1.2")
    for role, value in (("epsilon", 0.21), ("step-size", 0.6), ("steps", 1)):
        clip.press(role, None, role.replace("-", "_"), ("ArrowRight", value))
    clip.press("clip", None, "clip", ("Space", False))
    clip.press("step", None, "steps", ("Enter", 2))
    clip.press("ten-steps", None, "steps", ("Enter", 12))
    said = "After 12 steps: Without the clip no sample is ever off"
    assert clip.spoken().startswith(said), "the sample is not spoken again"
    for role in ("restart", "reset"):
        clip.press(role, None, "steps", ("Enter", 0))
        assert clip.trait("clip") is (role == "reset")
