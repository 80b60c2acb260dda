"""The group lab seen from Python: its presets' numbers, the update against the list of all replies, its traits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from traitlets import TraitError

from course_utils import group_advantages
from course_utils.rlhf import exact, language_model
from course_utils.widgets import GroupLab
from course_utils.widgets.group_lab import GROUPS, PROMPT, SHOWN, start


@pytest.mark.parametrize(
    ("preset", "method", "advantages", "weights"),
    [
        ("two right, two wrong", "total return", [1, 1, 0, 0], [1, 1, 0, 0]),
        ("two right, two wrong", "mean of the group", [0.5, 0.5, -0.5, -0.5], [0.5, 0.5, -0.5, -0.5]),
        ("two right, two wrong", "RLOO", [2 / 3, 2 / 3, -2 / 3, -2 / 3], [2 / 3, 2 / 3, -2 / 3, -2 / 3]),
        ("two right, two wrong", "GRPO", [0.866, 0.866, -0.866, -0.866], [0.433, 0.289, -0.433, -0.289]),
        ("two right, two wrong", "Dr. GRPO", [0.5, 0.5, -0.5, -0.5], [0.125, 0.125, -0.125, -0.125]),
        ("two right, two wrong", "DAPO", [0.866, 0.866, -0.866, -0.866], [0.346, 0.346, -0.346, -0.346]),
        ("all right", "total return", [1] * 4, [1] * 4),
        ("all right", "GRPO", [0] * 4, [0] * 4),
        ("nearly equal", "RLOO", [0.00133, 0, -0.00133, 0], [0.00133, 0, -0.00133, 0]),
        ("nearly equal", "GRPO", [1.091, 0, -1.091, 0], [0.546, 0, -0.546, 0]),
        ("short and long", "GRPO", [0.866, 0.866, -0.866, -0.866], [0.433, 0.2165, -0.433, -0.2165]),
        ("one of eight", "RLOO", [1, *[-1 / 7] * 7], [1, *[-1 / 7] * 7]),
        ("one of eight", "GRPO", [2.474, *[-0.353] * 7], np.array([2.474, *[-0.353] * 7]) / [2, 2, 3, 2, 3, 3, 3, 2]),
        ("seven of eight", "GRPO", [*[0.353] * 7, -2.474], np.array([*[0.353] * 7, -2.474]) / [2, 3, 3, 4, 3, 3, 4, 2]),
    ],
)
def test_the_presets_show_what_they_are_named_for(preset, method, advantages, weights):
    lab = GroupLab(preset, method=method)
    assert_allclose(lab.advantages(), advantages, atol=6e-4)
    assert_allclose(lab.weights(), weights, atol=6e-4)


def test_half_of_the_model_s_replies_are_right_and_the_groups_are_among_them():
    world, model = start()
    listed = exact.list_replies(model, world, PROMPT)
    said = dict(zip(world.text(listed.replies), listed.probabilities, strict=True))
    assert sum(p for text, p in said.items() if "parcel" in text and "bill" not in text and "refund" not in text) == (
        pytest.approx(0.5)
    )
    for preset, (texts, _, _, _) in GROUPS.items():
        assert_allclose(GroupLab(preset).probabilities(), [said[text] for text in texts], rtol=1e-12)


@pytest.mark.parametrize("method", SHOWN)
@pytest.mark.parametrize("preset", ["two right, two wrong", "reward offset +5", "seven of eight"])
def test_the_update_is_that_of_the_whole_language_model(preset, method):
    """Against the scores of the oracle that lists all replies."""
    (world, model), lab = start(), GroupLab(preset, step_size=0.3)
    listed = exact.list_replies(model, world, PROMPT)
    rows = [world.text(listed.replies).index(text) for text in lab.replies]
    R, lengths = np.array(lab.rewards) + lab.offset, listed.replies.lengths[rows]
    made = group_advantages.METHODS[method]
    wA = made.token_weights(lengths, 4) * made.advantages(R)
    gradient = wA @ listed.token_scores[rows].sum(axis=1) / len(rows)
    moved = language_model.unpack(language_model.pack(model) + 0.3 * gradient, model)
    wanted = exact.list_replies(moved, world, PROMPT).probabilities[rows]
    assert_allclose(lab.probabilities_after(method), wanted, rtol=1e-12)


def test_an_offset_moves_the_total_return_alone():
    plain, offset = GroupLab(), GroupLab("reward offset +5")
    for method in SHOWN[1:]:
        assert_allclose(offset.probabilities_after(method), plain.probabilities_after(method), rtol=1e-9)
    move = offset.probabilities_after() - offset.probabilities()
    assert offset.method == "total return"
    assert move[1] < -0.05, "a right reply falls"
    assert move[2] > 0.1, "a wrong one rises"
    assert offset.probabilities_after()[2] > 4 * offset.probabilities()[2]


def test_equal_rewards_move_nothing_but_the_total_return():
    lab = GroupLab("all right")
    for method in SHOWN[1:]:
        assert (lab.probabilities_after(method) == lab.probabilities()).all(), method
    assert (lab.probabilities_after("total return") > lab.probabilities()).all()


def test_traits_follow_the_preset_and_keep_what_is_given():
    lab = GroupLab(rewards=[1, 0.5, 0.25, 0], offset=1.0, shown=["DAPO", "RLOO"])
    assert lab.shown == ["RLOO", "DAPO"]
    lab.token = 1
    lab.preset = "one of eight"
    assert (lab.rewards, lab.offset, lab.method, lab.token) == ([1.0, *[0.0] * 7], 0.0, "GRPO", 0)
    lab.set_state({"preset": "all right", "rewards": [1, 0, 1, 1], "offset": 2})  # a choice and a drag in one message
    assert (lab.rewards, lab.offset) == ([1, 0, 1, 1], 2)
    lab.set_state({"method": "DAPO", "shown": ["DAPO"]})
    lab.reset()
    assert (lab.preset, lab.rewards, lab.offset) == ("two right, two wrong", [1, 0.5, 0.25, 0], 1.0)
    assert (lab.method, lab.shown) == ("GRPO", ["RLOO", "DAPO"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "nonsense"}, "preset is 'nonsense', expected one of two right, two wrong, "),
        ({"preset": "one of eight", "rewards": [0] * 4}, "rewards has 4 entries, expected 8, one for each reply"),
        ({"rewards": [0] * 5}, "rewards has 5 entries, expected 4 to 8"),
        ({"shown": []}, r"shown is \[\], expected some of total return"),
        ({"shown": ["RLOO", "RLOO"]}, "shown is "),
        ({"shown": ["sd alone"]}, "shown is "),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, message):
    with pytest.raises(TraitError, match=message):
        GroupLab(**arguments)
