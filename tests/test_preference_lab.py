"""The preference lab's Python side: its material, what choices mean, errors, and viewers without widgets."""

import json

import numpy as np
import pytest
from refusals import bad

from course_utils.rlhf import reward_model, world
from course_utils.widgets import PreferenceLab

WORLD = world.load()
LINES = [json.loads(line) for line in (world.DATA / "preferences.jsonl").read_text(encoding="utf-8").splitlines()]
MIXED = [1, -1, 0, 0, -1, 1, 1]


def shown(lab, pair):
    """The customer's message, the left and the right reply of a pair, as texts from what goes to the page."""
    entry, words = lab.material["pairs"][pair], np.array(lab.material["words"])
    left, right = (" ".join(words[entry[side]]) for side in ("left", "right"))
    return lab.material["prompts"][entry["prompt"]]["text"], left, right


def test_the_material_is_the_file_with_the_first_twenty_pairs_to_be_judged():
    lab = PreferenceLab()
    raters = lab.rater_choices()
    assert len(LINES) == 200
    assert len(raters) == len(lab.material["pairs"]) == 20
    for pair, (line, choice) in enumerate(zip(LINES[:20], raters, strict=True)):
        sides = (line["chosen"], line["rejected"]) if choice == 1 else (line["rejected"], line["chosen"])
        assert shown(lab, pair) == (line["prompt"], *sides)
        assert lab.material["pairs"][pair]["rater"] == choice
    held_out, words = lab.held_out(), lab.material["words"]
    chosen, rejected = ([line[side] for line in LINES[20:]] for side in ("chosen", "rejected"))
    assert (WORLD.text(held_out.chosen), WORLD.text(held_out.rejected)) == (chosen, rejected)
    assert [" ".join(words[token] for token in pair["chosen"]) for pair in lab.material["held_out"]] == chosen
    assert [words[token] for token in lab.material["polite"]] == ["please", "thanks", "sorry", "glad", "kindly"]
    assert json.loads(json.dumps(lab.material)) == lab.material == PreferenceLab().material


def test_the_side_does_not_tell_the_label():
    raters = np.array(PreferenceLab().rater_choices())
    assert set(raters.tolist()) == {1, -1}
    assert 5 <= (raters == 1).sum() <= 15
    assert 5 <= (np.diff(raters) != 0).sum() <= 14, "neither long runs nor always the other side"


def test_the_left_reply_is_chosen_by_1_and_the_right_one_by_minus_1():
    lab = PreferenceLab(MIXED)
    pairs = lab.pairs()
    judged = [(shown(lab, i), choice) for i, choice in enumerate(MIXED) if choice]
    assert WORLD.text(pairs.chosen) == [left if choice == 1 else right for (_, left, right), choice in judged]
    assert WORLD.text(pairs.rejected) == [right if choice == 1 else left for (_, left, right), choice in judged]
    assert [WORLD.prompts[i].text for i in pairs.chosen.prompts] == [customer for (customer, *_), _ in judged]
    assert np.array_equal(pairs.chosen.prompts, pairs.rejected.prompts)


def test_the_raters_choices_give_back_the_files_pairs(tmp_path):
    lab = PreferenceLab()
    lab.choices = lab.rater_choices()
    assert lab.agreement() == 1
    lab.write(tmp_path / "mine.jsonl")
    assert [json.loads(line) for line in (tmp_path / "mine.jsonl").read_text().splitlines()] == LINES[:20]
    read = reward_model.read_pairs(tmp_path / "mine.jsonl", WORLD)
    assert np.array_equal(read.chosen.tokens, lab.pairs().chosen.tokens)
    assert np.array_equal(lab.reward_model().weights, reward_model.fit(WORLD, read).weights)
    assert lab.reward_model("count").kind == "count"


def test_agreement_counts_preferences_only():
    lab = PreferenceLab()
    first = lab.rater_choices()[:6]
    lab.choices = [first[0], 0, -first[2], first[3], 0, first[5]]
    assert lab.agreement() == 3 / 4
    lab.choices = [-choice for choice in lab.rater_choices()]
    assert lab.agreement() == 0


@pytest.mark.parametrize("choices", [[], [0, 0]])
def test_without_a_preference_there_is_nothing_to_train_on(choices, tmp_path):
    lab = PreferenceLab(choices)
    for call in (lab.pairs, lab.reward_model, lab.agreement, lambda: lab.write(tmp_path / "mine.jsonl")):
        bad(ValueError, "choices has no preference yet .* judge a pair", call)
    assert not (tmp_path / "mine.jsonl").exists()


def test_choices_take_any_sequence_and_become_whole_numbers():
    lab = PreferenceLab(np.array([1.0, -1.0, 0.0]))
    assert lab.choices == [1, -1, 0]
    assert all(type(choice) is int for choice in lab.choices)
    lab.choices = (1,) * 20
    assert lab.choices == [1] * 20


@pytest.mark.long
def test_words_and_picture():
    lab = PreferenceLab(MIXED)
    alt, model = repr(lab), lab.reward_model()
    customer, left, right = shown(lab, 7)
    for words in (f"“{customer}”", f"left reply: “{left}”", f"right reply: “{right}”"):
        assert words in alt
    table = dict(reward_model.weight_table(model, WORLD))
    largest = max(WORLD.words[1:], key=lambda word: table[word])
    assert f"likes {largest} +{table[largest]:.3g}, " in alt
    accuracy = reward_model.accuracy(model, WORLD, lab.held_out())
    assert f"agrees with the raters on {accuracy:.0%} of the other pairs" in alt
    frames = [PreferenceLab(choices).first_frame() for choices in ([], MIXED, lab.rater_choices(), [0] * 20)]
    assert len(set(frames)) == 4
    assert "learned nothing" in PreferenceLab([0]).alt_text()
    assert PreferenceLab(lab.rater_choices()).alt_text().startswith("Preference lab. All 20 pairs are judged.")
