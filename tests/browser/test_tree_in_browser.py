"""The trajectory tree in Chromium: its mathematics against Python's, what its controls do, keys, words."""

from __future__ import annotations

import numpy as np
import pytest
from mounted_lab import MountedLab, assert_close
from playwright.sync_api import Page

from course_utils.widgets import TrajectoryTree

pytestmark = pytest.mark.browser

SAYS = """{
  probability: role("probability"), returns: role("return"), factors: role("factor"),
  policy: row("split-policy"), dynamics: row("split-dynamics"), both: row("split-both"),
  score: row("gradient-both"), zero: row("gradient-dynamics"), total: role("total"), performance: role("performance"),
  gradient: JSON.parse(nodes('[data-role="performance"]')[0].dataset.gradient),
}"""


def test_the_mathematics_is_pythons(page: Page) -> None:
    tree = MountedLab(page, TrajectoryTree(selected=0), SAYS)
    rng = np.random.default_rng(44)
    settings = [
        {"logits": rng.uniform(-5, 5, 6).tolist(), "calm": rng.uniform(0.02, 0.98, 2).tolist()}
        | {"rewards": rng.uniform(-10, 10, 6).tolist(), "selected": int(rng.integers(8))}
        for _ in range(60)
    ]
    first = tree.twin.trajectories()
    parts = {"policy": "policy_probabilities", "dynamics": "dynamics_probabilities", "both": "probabilities"}
    for setting, seen in tree.beside(settings):
        paths, i = tree.twin.trajectories(), setting["selected"]
        split = {name: (getattr(paths, part)[i], getattr(first, part)[i]) for name, part in parts.items()}
        wanted = {name: [now, before, np.log(now)] for name, (now, before) in split.items()} | {
            "probability": paths.probabilities,
            "returns": paths.returns,
            "score": tree.twin.scores()[i].ravel(),
            "zero": np.zeros(6),
            "total": [1.0],
            "performance": [tree.twin.performance()],
            "gradient": tree.twin.gradient().ravel(),
        }
        assert_close(seen, wanted, setting)
        assert np.prod(seen["factors"]) == pytest.approx(paths.probabilities[i], rel=1e-12)


def test_mouse(page: Page) -> None:
    tree = MountedLab(page, TrajectoryTree(selected=1))
    assert tree.text("path-name").startswith("refund → calm → apologise")
    tree.role("path", 6).hover()
    assert tree.text("path-name").startswith("apologise → angry → refund"), "pointing shows a path"
    assert tree.trait("selected") == 1, "and does not choose it"
    page.mouse.move(5, 5)
    tree.root.locator(".pgc-totals").hover()
    assert tree.text("path-name").startswith("refund → calm → apologise"), "the chosen path did not come back"
    tree.use("path", index=6, selected=6)
    assert [tree.role("path", k).get_attribute("aria-checked") for k in (1, 6)] == ["false", "true"]
    assert "Nothing has moved" in tree.text("sentence")
    tree.role("policy").fill("2")
    assert tree.trait("logits")[0] == 2
    assert "policy part has moved on all 8 paths, the dynamics part on no path" in tree.text("sentence")
    tree.use("reset", logits=tree.twin.initial_logits)
    tree.role("policy-which").select_option("1")
    tree.role("policy").fill("0")
    assert [tree.trait("logits")[k] for k in (0, 2)] == [tree.twin.logits[0], 0]
    assert "moved on 4 of 8 paths, the dynamics part on no path" in tree.text("sentence")
    tree.click("reset")
    tree.role("dynamics-which").select_option("1")
    tree.use("dynamics", "0.9", calm=[0.8, 0.9])
    assert "moved on no path, the dynamics part on 4 of 8 paths" in tree.text("sentence")
    assert "sum to 1." in tree.text("sentence")


def test_keys_and_the_live_region(page: Page) -> None:
    tree = MountedLab(page, TrajectoryTree(selected=2))
    tree.role("path", 2).focus()
    for key, place in (("ArrowDown", 3), ("ArrowRight", 4), ("ArrowUp", 3), ("End", 7), ("ArrowDown", 0), ("Home", 0)):
        page.keyboard.press(key)
        assert tree.trait("selected") == place, key
        assert page.evaluate("Number(document.activeElement.dataset.index)") == place, "the focus stayed behind"
    tree.role("policy").press("ArrowRight")
    assert tree.trait("logits")[0] > tree.twin.logits[0]
    spoken = tree.spoken()
    assert spoken.startswith("refund, calm, refund: probability")
    assert "the dynamics part on no path" in spoken
