"""The policy explorer without a browser: its traits, its numbers, its first frame."""

import numpy as np
import pytest
from traitlets import TraitError

from course_utils import policy
from course_utils.widgets import PolicyExplorer
from course_utils.widgets.lab import uniform

LOGITS = [1.0, 0.5, -0.5]
NAMES = ["refund", "replace", "apologise"]


@pytest.mark.parametrize("count", [2, 3, 6])
def test_numbers_are_the_packages(count):
    z = np.random.default_rng(count).normal(size=count)
    lab = PolicyExplorer(z, temperature=0.7, shift=3.0)
    np.testing.assert_allclose(lab.probabilities, policy.softmax(z, 0.7), rtol=0, atol=1e-14)
    assert lab.entropy == pytest.approx(policy.entropy(z / 0.7), abs=1e-14)
    assert lab.actions == list("abcdef")[:count]


def test_draws_are_those_of_the_seed():
    lab = PolicyExplorer(LOGITS, seed=7, draws=50)
    ends = np.cumsum(policy.softmax(LOGITS))
    assert lab.drawn_actions == [int(np.argmax(uniform(7, i) < ends)) for i in range(50)]
    assert sum(lab.counts) == 50
    assert lab.counts == [lab.drawn_actions.count(a) for a in range(3)]
    lab.draw(25)
    assert lab.drawn_actions[:50] == PolicyExplorer(LOGITS, seed=7, draws=50).drawn_actions
    lab.clear()
    assert (lab.draws, lab.draw_start, lab.counts) == (0, 75, [0, 0, 0])
    lab.draw(100_000)
    assert lab.draws == 10_000


@pytest.mark.parametrize(
    ("change", "keeps"),
    [({"logits": [0, 0, 1]}, False), ({"temperature": 2}, False), ({"seed": 5}, False), ({"shift": 4}, True)],
)
def test_a_new_policy_starts_a_new_sample(change, keeps):
    lab = PolicyExplorer(LOGITS, draws=20)
    before = lab.counts
    for name, value in change.items():
        setattr(lab, name, value)
    assert (lab.draws, lab.draw_start) == ((20, 0) if keeps else (0, 20))
    if keeps:
        assert lab.counts == before


def test_reset_brings_back_the_first_setting_and_keeps_predictions():
    lab = PolicyExplorer(LOGITS, NAMES, 2.0, shift=1.0, predict_first=True)
    lab.predictions = [{"total_variation": 0.1}]
    with lab.hold_trait_notifications():
        lab.actions, lab.logits = ["x", "y"], [0.0, 1.0]
    lab.temperature, lab.shift, lab.revealed = 1.0, 0.0, True
    lab.reset()
    assert (lab.actions, lab.logits, lab.temperature, lab.shift) == (NAMES, LOGITS, 2.0, 1.0)
    assert not lab.revealed
    assert lab.predictions == [{"total_variation": 0.1}]


@pytest.mark.parametrize("n", [0, -1, 2.5, "3"])
def test_draw_wants_a_whole_number(n):
    with pytest.raises(ValueError, match="n is"):
        PolicyExplorer().draw(n)


def test_one_action_or_seven_are_refused():
    for count in (1, 7):
        with pytest.raises(TraitError, match=r"entries|names"):
            PolicyExplorer([0.0] * count)


@pytest.mark.long
def test_words_and_picture_do_not_give_the_answer_away():
    hidden = PolicyExplorer(LOGITS, NAMES, predict_first=True)
    assert "0.55" not in repr(hidden)
    assert hidden.first_frame() != PolicyExplorer(LOGITS, NAMES).first_frame()
