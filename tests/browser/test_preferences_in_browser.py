"""The preference lab in Chromium: its reward model against Python's, mouse, keys, layout, JupyterLab, no kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mounted_lab import MountedLab
from playwright.sync_api import Page

from course_utils.rlhf import reward_model, world
from course_utils.widgets import PreferenceLab

pytestmark = pytest.mark.browser
LAB = '.pgc-lab[data-lab="preference"]'
WORLD = world.load()
N_WORDS = len(WORLD.words) - 1

# What the picture says under each setting, in full precision.
READ = """(settings) => settings.map(([choices, kind]) => {
  window.lab.set("choices", choices);
  const select = document.querySelector('[data-role="select"]');
  select.value = kind;
  select.dispatchEvent(new Event("change"));
  const nodes = (role) => [...document.querySelectorAll(`[data-role="${role}"]`)];
  const shown = (role) => nodes(role).filter((node) => "value" in node.dataset);
  const numbers = (role) => shown(role).map((node) => Number(node.dataset.value));
  const texts = (role) => nodes(role).map((node) => node.textContent);
  return {
    words: ["liked", "disliked"].map((role) => shown(role).map((row) => row.querySelector(".pgc-word").textContent)),
    weights: ["liked", "disliked"].map(numbers),
    facts: ["training", "agreement", "held-out"].map((role) => numbers(role)[0]),
    scores: ["best", "worst"].map(numbers),
    replies: ["best-text", "worst-text"].map(texts),
    places: [...document.querySelectorAll(".pgc-lab, .pgc-lab > *, .pgc-card > *, .pgc-section > *, .pgc-favourite")]
      .map((node) => node.classList.contains("pgc-hidden") ? "" : JSON.stringify(node.getBoundingClientRect())),
  };
})"""


class Preferences(MountedLab):
    """The lab on a page of its own, and the same lab in Python."""

    def __init__(self, page: Page, choices: list[int] | None = None) -> None:
        super().__init__(page, PreferenceLab(choices))

    def choices(self) -> list[int]:
        return list(self.trait("choices"))


def converged(model: reward_model.RewardModel, pairs: reward_model.Pairs) -> reward_model.RewardModel:
    """The fit after more of Newton's steps than its stopping rule asks for."""
    x = reward_model.features(WORLD, pairs.chosen) - reward_model.features(WORLD, pairs.rejected)
    w = model.weights
    for _ in range(3):
        right = 1 / (1 + np.exp(-x @ w))
        curvature = (x.T * (right * (1 - right))) @ x + np.eye(w.size)
        w = w - np.linalg.solve(curvature, w - x.T @ (1 - right))
    return reward_model.RewardModel("log", w)


def margins(model: reward_model.RewardModel, pairs: reward_model.Pairs) -> np.ndarray[Any, Any]:
    chosen, rejected = (reward_model.reward_score(model, WORLD, replies) for replies in pairs)
    return chosen - rejected


def share_right(values: np.ndarray[Any, Any]) -> float:
    return float(np.where(np.abs(values) < 1e-9, 0.5, values > 0).mean())


def ranked(names: list[str], values: np.ndarray[Any, Any]) -> list[tuple[str, float]]:
    """The largest first, where rounding alone makes no difference."""
    return [(names[i], float(values[i])) for i in np.argsort(-np.round(values, 9), kind="stable")]


def test_the_reward_model_is_pythons(page: Page) -> None:
    lab = Preferences(page)
    rng = np.random.default_rng(5)
    raters = lab.twin.rater_choices()
    lists = [rng.integers(-1, 2, n).tolist() for n in (20, 20, 20, 13, 8, 5, 3)]
    lists += [raters, [-choice for choice in raters], [1] * 20, [0, 0, 1], [-1], [0] * 20]
    kinds = [f"{topic}, {mood}" for topic in WORLD.topics for mood in world.MOODS]
    settings = [(choices, kinds[i % 12]) for i, choices in enumerate(lists)]
    held_out = lab.twin.held_out()
    everything = reward_model.join([held_out, reward_model.Pairs(held_out.rejected, held_out.chosen)]).chosen
    of_pairs = np.arange(360).reshape(2, 180).T.ravel()  # chosen, rejected, chosen, …
    for (choices, kind), seen in zip(settings, page.evaluate(READ, settings), strict=True):
        lab.twin.choices = choices
        if not any(choices):
            assert [seen[name] for name in ("words", "weights", "scores")] == [[[], []]] * 3
            assert seen["facts"] == [None] * 3
            continue
        fitted = lab.twin.reward_model()
        model = converged(fitted, lab.twin.pairs())
        np.testing.assert_allclose(fitted.weights, model.weights, rtol=0, atol=1e-9)
        weights = model.weights[:N_WORDS]
        by_size = ranked(list(WORLD.words[1:]), np.abs(weights))
        own = dict(zip(WORLD.words[1:], weights, strict=True))
        for side, sign in enumerate((1, -1)):
            wanted = [word for word, size in by_size if size > 1e-9 and own[word] * sign > 0][:6]
            assert seen["words"][side] == wanted
            np.testing.assert_allclose(seen["weights"][side], [own[word] for word in wanted], rtol=0, atol=1e-12)
        facts = [
            share_right(margins(model, lab.twin.pairs())),
            lab.twin.agreement(),
            share_right(margins(model, held_out)),
        ]
        np.testing.assert_allclose(seen["facts"], facts, rtol=0, atol=1e-12)
        topic, mood = kind.split(", ")
        of_kind = [
            i
            for i in of_pairs
            if WORLD.topics[WORLD.topic_of[everything.prompts[i]]] == topic
            and world.MOODS[WORLD.mood_of[everything.prompts[i]]] == mood
        ]
        scores = reward_model.reward_score(model, WORLD, everything.take(of_kind))
        by_text = dict(zip(WORLD.text(everything.take(of_kind)), scores, strict=True))
        for side, sign in enumerate((1, -1)):
            wanted_replies = ranked(list(by_text), sign * np.array(list(by_text.values())))[:2]
            assert seen["replies"][side] == [text for text, _ in wanted_replies], kind
            np.testing.assert_allclose(
                seen["scores"][side], [sign * score for _, score in wanted_replies], rtol=0, atol=1e-12
            )


def test_mouse(page: Page) -> None:
    lab = Preferences(page)
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
        lab.role(role).click()
        assert lab.choices()[pair:] == [choice]
        assert shown() == wanted(pair + 1)
    assert not lab.role("nothing").is_visible()
    assert lab.text("training") == "3 of 3 (100 %)"
    assert lab.root.get_by_role("progressbar").get_attribute("aria-valuenow") == "4"
    assert page.evaluate("window.lab.saves") == 4
    lab.role("back").click()
    assert lab.choices() == [1, -1, 0]
    lab.role("start-over").click()
    assert lab.choices() == []
    assert lab.text("back") == "Undo"
    lab.role("back").click()
    assert lab.choices() == [1, -1, 0], "what was started over is not lost"
    assert lab.text("back") == "Back"
    lab.role("rater").click()
    assert lab.choices() == [1, -1, 0, *lab.twin.rater_choices()[3:]]
    assert lab.text("place") == "20 of 20 pairs judged"
    assert lab.role("done").is_visible()
    assert not lab.role("question").is_visible()
    agreed = 17 + (lab.twin.rater_choices()[:2] == [1, -1]) + (lab.twin.rater_choices()[:2] == [1, 1])
    assert f"a preference in 19 of them. In {agreed} you" in lab.text("done")
    for role in ("skip", "rater"):
        lab.role(role).click(force=True)
    assert len(lab.choices()) == 20
    lab.role("back").click()
    assert lab.choices() == [1, -1, 0]
    before = [lab.role("best-text").nth(k).inner_text() for k in range(2)]
    lab.role("select").select_option("refund, angry")
    assert before != [lab.role("best-text").nth(k).inner_text() for k in range(2)]


def test_keys_names_and_the_live_region(page: Page) -> None:
    lab = Preferences(page)
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
        assert lab.choices() == choices, key
    for key in ("ArrowRight", "Enter"):  # held down
        for _ in range(3):
            page.keyboard.down(key)
        page.keyboard.up(key)
    assert lab.choices() == [1, -1, 1, 1, -1, 1], "a key held down judges one pair"
    spoken = lab.spoken()
    assert spoken.startswith("Pair 6: left. Your model agrees with the raters on ")
    assert f"{lab.text('held-out')} other pairs. Pair 7 of 20. {lab.text('customer')} Left: " in spoken
    for _ in range(14):
        page.keyboard.press("ArrowLeft")
    assert len(lab.choices()) == 20
    assert page.evaluate("document.activeElement.dataset.role") == "done", "the focus went nowhere"
    page.keyboard.press("ArrowLeft")
    assert len(lab.choices()) == 20
    page.keyboard.press("Backspace")
    assert len(lab.choices()) == 19
    assert page.evaluate("document.activeElement.dataset.role") == "left"
    for role, number in (("rater", 20), ("back", 19), ("start-over", 0), ("back", 19), ("skip", 20)):
        lab.role(role).focus()
        page.keyboard.press("Enter")
        assert len(lab.choices()) == number, role
    lab.role("select").focus()
    chosen = lab.role("select").input_value()
    page.keyboard.press("ArrowUp")
    assert lab.role("select").input_value() != chosen
    assert len(lab.choices()) == 20, "the keys of a list are its own"
    lab.root.locator(".pgc-section .pgc-title").first.click()
    for key, number in (("Backspace", 19), ("ArrowLeft", 20), ("Control+Backspace", 20)):
        page.keyboard.press(key)
        assert len(lab.choices()) == number, "beside the controls the focus is in the lab all the same"


@pytest.mark.parametrize("width", [736, 390, 302])
def test_nothing_moves_when_a_pair_is_judged(page: Page, width: int) -> None:
    lab = Preferences(page)
    page.set_viewport_size({"width": width, "height": 1400})
    raters = lab.twin.rater_choices()
    kinds = [f"{topic}, {mood}" for topic in WORLD.topics for mood in world.MOODS]
    places = [state["places"] for state in page.evaluate(READ, [(raters[:n], kinds[n % 12]) for n in range(21)])]
    assert [n for n in range(1, 21) if places[n] != places[0]] == []
