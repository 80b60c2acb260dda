"""The preference lab in Chromium: its reward model against Python's, what its controls do, keys, words, layout."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils.rlhf import reward_model, world
from course_utils.widgets import PreferenceLab

pytestmark = pytest.mark.browser
WORLD = world.load()
KINDS = [f"{topic}, {mood}" for topic in WORLD.topics for mood in world.MOODS]

# What the picture says under a setting, in full precision.
READ = """([choices, kind]) => {
  window.lab.set("choices", choices);
  const [select] = nodes('[data-role="select"]');
  select.value = kind;
  select.dispatchEvent(new Event("change"));
  const values = (name) => role(name).filter((value) => value !== null), sides = ["liked", "disliked"];
  return {
    words: sides.map((side) => nodes(`[data-role="${side}"][data-value] .pgc-word`).map((node) => node.textContent)),
    weights: sides.map(values),
    facts: ["training", "agreement", "held-out"].map((name) => values(name)[0]),
    scores: ["best", "worst"].map(values),
    replies: ["best-text", "worst-text"].map(texts),
    places: [root, ...nodes(":scope > *, .pgc-card > *, .pgc-section > *, .pgc-favourite")]
      .map((node) => node.classList.contains("pgc-hidden") ? "" : JSON.stringify(node.getBoundingClientRect())),
  };
}"""


def read(lab: MountedLab, settings: list[tuple[list[int], str]]) -> list[dict[str, Any]]:
    return list(lab.seen(f"{json.dumps(settings)}.map({READ})"))


def converged(model: reward_model.RewardModel, pairs: reward_model.Pairs) -> reward_model.RewardModel:
    """The fit after more of Newton's steps than its stopping rule asks for."""
    x = reward_model.features(WORLD, pairs.chosen) - reward_model.features(WORLD, pairs.rejected)
    w = model.weights
    for _ in range(3):
        right = 1 / (1 + np.exp(-x @ w))
        curvature = (x.T * (right * (1 - right))) @ x + np.eye(w.size)
        w = w - np.linalg.solve(curvature, w - x.T @ (1 - right))
    return reward_model.RewardModel("log", w)


def share_right(model: reward_model.RewardModel, pairs: reward_model.Pairs) -> float:
    chosen, rejected = (reward_model.reward_score(model, WORLD, replies) for replies in pairs)
    margins = chosen - rejected
    return float(np.where(np.abs(margins) < 1e-9, 0.5, margins > 0).mean())


def ranked(values: dict[str, float]) -> list[str]:
    """The names of the largest first, where rounding alone makes no difference."""
    return sorted(values, key=lambda name: -np.round(values[name], 9))


def test_the_reward_model_is_pythons(page: Page) -> None:
    lab = MountedLab(page, PreferenceLab())
    rng = np.random.default_rng(5)
    raters = lab.twin.rater_choices()
    lists = [rng.integers(-1, 2, n).tolist() for n in (20, 20, 20, 13, 8, 5, 3)]
    lists += [raters, [-choice for choice in raters], [1] * 20, [0, 0, 1], [-1], [0] * 20]
    settings = [(choices, KINDS[i % 12]) for i, choices in enumerate(lists)]
    held_out = lab.twin.held_out()
    everything = reward_model.join([held_out, reward_model.Pairs(held_out.rejected, held_out.chosen)]).chosen
    kinds = WORLD.topic_of[everything.prompts] * len(world.MOODS) + WORLD.mood_of[everything.prompts]
    of_pairs = np.arange(360).reshape(2, 180).T.ravel()  # chosen, rejected, chosen, …
    for (choices, kind), seen in zip(settings, read(lab, settings), strict=True):
        lab.twin.choices = choices
        if not any(choices):
            assert [seen[name] for name in ("words", "weights", "scores")] == [[[], []]] * 3
            assert seen["facts"] == [None] * 3
            continue
        fitted = lab.twin.reward_model()
        model = converged(fitted, lab.twin.pairs())
        np.testing.assert_allclose(fitted.weights, model.weights, rtol=0, atol=1e-9)
        facts = [share_right(model, lab.twin.pairs()), lab.twin.agreement(), share_right(model, held_out)]
        np.testing.assert_allclose(seen["facts"], facts, rtol=0, atol=1e-12)
        of_words = dict(zip(WORLD.words[1:], model.weights.tolist(), strict=False))
        of_kind = [i for i in of_pairs if kinds[i] == KINDS.index(kind)]
        scores = reward_model.reward_score(model, WORLD, everything.take(of_kind)).tolist()
        of_replies = dict(zip(WORLD.text(everything.take(of_kind)), scores, strict=True))
        for side, sign in enumerate((1, -1)):
            words = ranked({word: sign * weight for word, weight in of_words.items() if weight * sign > 1e-9})[:6]
            assert seen["words"][side] == words
            np.testing.assert_allclose(seen["weights"][side], [of_words[word] for word in words], rtol=0, atol=1e-12)
            replies = ranked({reply: sign * score for reply, score in of_replies.items()})[:2]
            assert seen["replies"][side] == replies, kind
            np.testing.assert_allclose(seen["scores"][side], [of_replies[one] for one in replies], rtol=0, atol=1e-12)


def test_mouse(page: Page) -> None:
    lab = MountedLab(page, PreferenceLab())
    material = lab.twin.material

    def shown() -> tuple[str, ...]:
        return tuple(lab.text(role) for role in ("place", "kind", "customer", "left-text", "right-text"))

    def wanted(pair: int) -> tuple[str, ...]:
        entry = material["pairs"][pair]
        prompt = material["prompts"][entry["prompt"]]
        kind = f"{material['topics'][prompt['topic']]}, {material['moods'][prompt['mood']]}"
        sides = (" ".join(material["words"][token] for token in entry[side]) for side in ("left", "right"))
        return f"Pair {pair + 1} of 20", f"The customer writes ({kind})", prompt["text"], *sides

    assert shown() == wanted(0)
    assert lab.role("nothing").is_visible()
    assert lab.text("training") == lab.text("held-out") == "–"
    for role in ("back", "start-over"):
        assert lab.role(role).get_attribute("aria-disabled") == "true"
        lab.role(role).click(force=True)
    for pair, (role, choice) in enumerate((("left", 1), ("right", -1), ("skip", 0), ("right", -1))):
        lab.click(role)
        assert lab.trait("choices")[pair:] == [choice]
        assert shown() == wanted(pair + 1)
    assert not lab.role("nothing").is_visible()
    assert lab.text("training") == "3 of 3 (100 %)"
    assert lab.root.get_by_role("progressbar").get_attribute("aria-valuenow") == "4"
    assert page.evaluate("window.lab.saves") == 4
    lab.use("back", choices=[1, -1, 0])
    lab.use("start-over", choices=[])
    assert lab.text("back") == "Undo"
    lab.use("back", choices=[1, -1, 0])  # what was started over is not lost
    assert lab.text("back") == "Back"
    lab.use("rater", choices=[1, -1, 0, *lab.twin.rater_choices()[3:]])
    assert lab.text("place") == "20 of 20 pairs judged"
    assert lab.role("done").is_visible()
    assert not lab.role("question").is_visible()
    agreed = 17 + (lab.twin.rater_choices()[:2] == [1, -1]) + (lab.twin.rater_choices()[:2] == [1, 1])
    assert f"a preference in 19 of them. In {agreed} you" in lab.text("done")
    for role in ("skip", "rater"):
        lab.role(role).click(force=True)
    assert len(lab.trait("choices")) == 20
    lab.use("back", choices=[1, -1, 0])
    before = lab.seen("texts('best-text')")
    lab.role("select").select_option("refund, angry")
    assert lab.seen("texts('best-text')") != before


def test_keys_names_and_the_live_region(page: Page) -> None:
    lab = MountedLab(page, PreferenceLab())
    name = f"← Left reply {lab.text('left-text')} This one is better"
    assert lab.root.get_by_role("button", name=name, exact=True).count() == 1

    lab.role("left").focus()
    for key, choices in (
        ("ArrowLeft", [1]),
        ("ArrowRight", [1, -1]),
        ("ArrowDown", [1, -1, 0]),
        ("Backspace", [1, -1]),
        ("Enter", [1, -1, 1]),
        ("Space", [1, -1, 1, 1]),
        ("Shift+ArrowLeft", [1, -1, 1, 1]),
    ):
        page.keyboard.press(key)
        assert lab.trait("choices") == choices, key
    for key in ("ArrowRight", "Enter"):  # held down
        for _ in range(3):
            page.keyboard.down(key)
        page.keyboard.up(key)
    assert lab.trait("choices") == [1, -1, 1, 1, -1, 1], "a key held down judges one pair"
    spoken = lab.spoken()
    assert spoken.startswith("Pair 6: left. Your model agrees with the raters on ")
    assert f"{lab.text('held-out')} other pairs. Pair 7 of 20. {lab.text('customer')} Left: " in spoken
    for _ in range(14):
        page.keyboard.press("ArrowLeft")
    assert len(lab.trait("choices")) == 20
    assert page.evaluate("document.activeElement.dataset.role") == "done", "the focus went nowhere"
    page.keyboard.press("ArrowLeft")
    assert len(lab.trait("choices")) == 20
    page.keyboard.press("Backspace")
    assert len(lab.trait("choices")) == 19
    assert page.evaluate("document.activeElement.dataset.role") == "left"
    for role, number in (("rater", 20), ("back", 19), ("start-over", 0), ("back", 19), ("skip", 20)):
        lab.role(role).press("Enter")
        assert len(lab.trait("choices")) == number, role
    chosen = lab.role("select").input_value()
    lab.role("select").press("ArrowUp")
    assert lab.role("select").input_value() != chosen
    assert len(lab.trait("choices")) == 20, "the keys of a list are its own"
    lab.root.locator(".pgc-section .pgc-title").first.click()
    for key, number in (("Backspace", 19), ("ArrowLeft", 20), ("Control+Backspace", 20)):
        page.keyboard.press(key)
        assert len(lab.trait("choices")) == number, "beside the controls the focus is in the lab all the same"


@pytest.mark.parametrize("width", [736, 390, 302])
def test_nothing_moves_when_a_pair_is_judged(page: Page, width: int) -> None:
    lab = MountedLab(page, PreferenceLab())
    page.set_viewport_size({"width": width, "height": 1400})
    raters = lab.twin.rater_choices()
    places = [state["places"] for state in read(lab, [(raters[:n], KINDS[n % 12]) for n in range(21)])]
    assert [n for n in range(1, 21) if places[n] != places[0]] == []
