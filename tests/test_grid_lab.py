"""The grid lab's Python side: its values against walks and sweeps, its traits, its first frame."""

import re

import numpy as np
import pytest

from course_utils.widgets import GridLab
from course_utils.widgets.grid_lab import CELLS, DECISIONS, ENTRIES, START
from course_utils.worlds import GRID

UP, RIGHT, DOWN, LEFT = range(4)
WAY_OUT = {"a1": UP, "a2": UP, "a3": RIGHT, "b3": RIGHT, "c3": RIGHT, "c2": UP, "c1": UP, "b1": RIGHT, "d1": LEFT}


def at(name):
    return CELLS.index(name)


def certain(moves, strength=10.0):
    logits = np.full((12, 4), -strength)
    for name, a in moves.items():
        logits[at(name), a] = strength
    return logits


def some(rng, discount=0.9):
    return GridLab(rng.uniform(-3, 3, size=(12, 4)), discount=discount, selected=str(rng.choice(DECISIONS)))


def test_values_of_the_way_out_by_hand():
    """With the best moves all but certain: c3 earns 10, one step before it −2 + 9 = 7, then −1 + γ times that."""
    lab = GridLab(certain(WAY_OUT))
    V = lab.state_values()
    for name, exact in {"c3": 10, "b3": 7, "c2": 7, "a3": 5.3, "c1": 5.3, "b1": 3.77, "d1": 3.77, "a1": 2.393}.items():
        assert V[at(name)] == pytest.approx(exact, abs=1e-6), name
    assert lab.performance() == V[at(START)]
    assert lab.action_values()[at("b3"), LEFT] == pytest.approx(-1 + 0.9 * 5.3, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_values_are_the_fixed_point_of_sweeps(seed):
    """V by 2,000 sweeps of the Bellman equation over the layout itself, without transition tables."""
    rng = np.random.default_rng(seed)
    lab = some(rng, discount=float(rng.uniform(0.5, 0.97)))
    pi, V = lab.probabilities(), np.zeros(12)
    kinds = "".join(GRID)
    for _ in range(2000):
        Q = np.zeros((12, 4))
        for s, a in np.ndindex(12, 4):
            if kinds[s] in "GX#":
                continue
            x, y = s % 4 + (0, 1, 0, -1)[a], s // 4 + (-1, 0, 1, 0)[a]
            to = y * 4 + x if 0 <= x < 4 and 0 <= y < 3 and kinds[y * 4 + x] != "#" else s
            r = -1 if to == s else {"G": 10, "X": -10, "T": -2}.get(kinds[to], -1)
            Q[s, a] = r + lab.discount * V[to]
        after = (pi * Q).sum(axis=1)
        settled, V = np.abs(after - V).max() < 1e-14, after
        if settled:
            break
    live = [at(name) for name in DECISIONS]
    np.testing.assert_allclose(lab.state_values(), V, atol=1e-11)
    np.testing.assert_allclose(lab.action_values()[live], Q[live], atol=1e-11)
    np.testing.assert_allclose(lab.advantages()[live], (Q - V[:, None])[live], atol=1e-11)
    np.testing.assert_allclose((pi * lab.advantages()).sum(axis=1), 0, atol=1e-12)
    assert lab.visits() @ (pi * lab.mdp().rewards).sum(axis=1) == pytest.approx(lab.performance(), abs=1e-11)


def test_the_best_move_may_have_the_lowest_reward():
    """The lesson's point: from b3 the toll is the worst reward at once and the best advantage, for now and for good."""
    for logits in (None, certain(WAY_OUT)):
        lab = GridLab(logits, selected="b3")
        s = at("b3")
        assert lab.mdp().rewards[s].argmin() == lab.advantages()[s].argmax() == RIGHT
        assert np.all(lab.mdp().rewards[s, [UP, DOWN, LEFT]] == -1)


def test_improving_lowers_no_value_and_finds_the_way_out():
    lab = GridLab()
    for _ in range(6):
        before, logits, A = lab.state_values(), lab.table(), lab.advantages()
        lab.improve()
        np.testing.assert_array_equal(lab.table(), np.clip(logits + A, -10, 10))
        assert np.all(lab.state_values() >= before - 1e-9)
    assert lab.performance() == pytest.approx(2.393, abs=0.02)


def test_greedy_here_moves_one_logit_and_takes_the_first_of_equals():
    lab = GridLab(selected="b3")
    lab.greedy_here()
    assert np.argwhere(lab.table() != 0).tolist() == [[at("b3"), RIGHT]]
    assert lab.table()[at("b3"), RIGHT] == 3
    for _ in range(4):
        lab.greedy_here()
    assert lab.table()[at("b3"), RIGHT] == 10, "no further than the limit"
    assert lab.advantages()[at("b3"), RIGHT] < 0.01, "nearly certain: V is nearly its Q"
    a1 = GridLab(certain(WAY_OUT | {"a1": LEFT}), selected="a1")  # up and right are worth the same there
    a1.greedy_here()
    assert a1.table()[at("a1"), [UP, RIGHT]].tolist() == [-7, -10]


def test_one_cell_moves_every_value():
    logits = np.zeros((12, 4))
    logits[at("c1"), UP] = 2
    moved = GridLab(logits).state_values() - GridLab().state_values()
    assert all(abs(moved[at(name)]) > 1e-9 for name in DECISIONS)


def test_uniform():
    lab = some(np.random.default_rng(5), discount=0.8)
    lab.uniform()
    assert lab.logits == [0.0] * ENTRIES


def test_the_words_have_a_real_minus_sign():
    assert not re.search(r"-\d", repr(GridLab(selected="b3")))
