"""The clip lab in Chromium: its mathematics against Python's, what its controls do, keys, words."""

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


def test_the_mathematics_is_pythons(page: Page) -> None:
    clip = MountedLab(page, ClipLab(), SAYS)
    rng = np.random.default_rng(17)
    low, high = np.array([[0, -2, 0, 0.1], [2, 2, 0.5, 2]])
    settings = [
        dict(zip(("ratio", "advantage", "epsilon", "step_size"), rng.uniform(low, high).tolist(), strict=True))
        | {"clip": bool(rng.integers(2)), "steps": int(rng.integers(101))}
        for _ in range(20)
    ]
    settings += [START | {"steps": k} for k in (0, 1, 20, 95, 100)]
    settings += [START | {"ratio": r, "epsilon": e, "steps": 5} for r in (0.0, 0.8, 1.0, 1.2, 2.0) for e in (0.0, 0.2)]
    settings += [START | {"advantage": 0.0, "ratio": 1.7}]
    seen_states = set()
    for setting, seen in clip.beside(settings):
        lab = clip.twin
        sample, batch, pull = lab.sample(), lab.batch(), np.linalg.norm(lab.batch().grad_logits.sum(axis=(0, 1)))
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
            "totals": [lab.largest_ratio()[-1], lab.kl()[-1], batch.clip_fraction, batch.active_fraction, pull],
        }
        assert_close(seen, wanted, setting)
        assert [state == "off" for state in seen["states"]] == batch.active[[0, 7, 11], 0].tolist()
        seen_states |= set(seen["states"])
        column = 0 if setting["ratio"] < 1 - setting["epsilon"] else 2 if sample.outside else 1
        here = [setting["advantage"] * sign > 0 and k == column for sign in (1, -1) for k in range(3)]
        assert seen["here"] == here, setting
    assert seen_states == {"on", "off", "back"}


def test_mouse(page: Page) -> None:
    clip = MountedLab(page, ClipLab(), SAYS)
    assert clip.text("sentence").startswith("Inside 1 ± ε")
    clip.drag("ratio", None, 2000, 0)
    assert clip.trait("ratio") == 2
    assert clip.text("sentence").startswith("Likelier and good: above 1 + ε = 1.2, the clipped")
    clip.drag("advantage", None, 5, 75)
    assert clip.trait("advantage") < -1
    assert "Likelier and bad: above 1 + ε = 1.2, yet ρA is the smaller" in clip.text("sentence")
    clip.click_on_rail("ratio", 1 / 4)
    assert clip.trait("ratio") == pytest.approx(0.5, abs=0.01)
    assert clip.text("sentence").startswith("Rarer and bad: below 1 − ε = 0.8, the clipped")

    assert clip.text("batch-sentence").startswith("All ratios are 1")
    for role, steps in (("step", 1), ("ten-steps", 11), ("ten-steps", 21)):
        clip.use(role, steps=steps)
    assert "apologise is off, yet its ratio is" in clip.text("batch-sentence")
    clip.role("steps").fill("20")
    assert "replace: outside 1 ± ε, yet on" in clip.text("batch-sentence")
    for steps in (*range(30, 101, 10), 100):  # the 100th is the last
        clip.use("ten-steps", steps=steps)
    assert "All 12 samples are off" in clip.text("batch-sentence")
    clip.use("clip", False, clip=False)
    assert "is 9.95, and each step takes it further" in clip.text("batch-sentence")
    clip.use("restart", steps=0, clip=False)
    for role, value in {"epsilon": 0.4, "step-size": 1.5, "steps": 7}.items():
        clip.use(role, str(value), **{role.replace("-", "_"): value})
    clip.use("reset", **START)


def test_keys_and_the_live_region(page: Page) -> None:
    clip = MountedLab(page, ClipLab(), SAYS)
    keys = [("Home", 0), ("End", 2), ("PageDown", 1.9), ("ArrowLeft", 1.89), ("ArrowUp", 1.9), ("Shift+ArrowLeft", 1.8)]
    clip.press("ratio", None, "ratio", *keys)
    assert clip.role("ratio").get_attribute("aria-valuetext") == "1.8, surrogate +1.2, gradient off"
    clip.press("advantage", None, "advantage", ("ArrowDown", 0.95), ("PageDown", 0.45), ("End", 2.0), ("PageDown", 1.5))
    assert clip.role("advantage").get_attribute("aria-valuetext") == "+1.5"
    assert clip.spoken().startswith("Ratio 1.8, advantage +1.5. Likelier and good: above 1 + ε = 1.2")
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
