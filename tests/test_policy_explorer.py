"""The policy explorer without a browser: its traits, its numbers, its first frame."""

import numpy as np
import pytest
from refusals import bad
from traitlets import TraitError

from course_utils import policy
from course_utils.widgets import PolicyExplorer
from course_utils.widgets.lab import uniform

LOGITS = [1.0, 0.5, -0.5]


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


@pytest.mark.parametrize(
    ("name", "value", "begins"),
    [("logits", [0, 0, 1], (0, 20)), ("temperature", 2, (0, 20)), ("seed", 5, (0, 20)), ("shift", 4, (20, 0))],
)
def test_a_new_policy_starts_a_new_sample(name, value, begins):
    lab = PolicyExplorer(LOGITS, draws=20)
    before = lab.counts
    setattr(lab, name, value)
    assert (lab.draws, lab.draw_start) == begins
    assert lab.counts == (before if name == "shift" else [0, 0, 0])


def test_one_action_or_seven_are_refused():
    for count in (1, 7):
        bad(TraitError, "entries|names", PolicyExplorer, [0.0] * count)
