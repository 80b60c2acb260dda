"""The trajectory tree's Python side: its paths against a plain product, its traits, its first frame."""

import itertools

import numpy as np
import pytest
from traitlets import TraitError

from course_utils import policy
from course_utils.widgets import TrajectoryTree, offline
from course_utils.widgets.trajectory_tree import ACTIONS, PATHS, STATES
from course_utils.worlds import conversation


def some(rng):
    return TrajectoryTree(
        logits=rng.uniform(-3, 3, size=(3, 2)), calm=rng.uniform(0.02, 0.98, 2), rewards=rng.uniform(-9, 9, size=(3, 2))
    )


def by_products(tree):
    """Probability and return of each path, factor by factor."""
    pi = policy.softmax(np.reshape(tree.logits, (3, 2)))
    points = np.reshape(tree.rewards, (3, 2))
    rows = []
    for a, s, b in itertools.product((0, 1), (1, 2), (0, 1)):
        chance = tree.calm[a] if s == 1 else 1 - tree.calm[a]
        rows.append((pi[0, a] * pi[s, b], chance, points[0, a] + points[s, b]))
    return np.array(rows).T


@pytest.mark.parametrize("seed", range(5))
def test_paths_are_products_and_sum_to_one(seed):
    tree = some(np.random.default_rng(seed))
    policy_part, dynamics_part, returns = by_products(tree)
    paths = tree.trajectories()
    np.testing.assert_allclose(paths.policy_probabilities, policy_part, rtol=1e-13)
    np.testing.assert_allclose(paths.dynamics_probabilities, dynamics_part, rtol=1e-13)
    np.testing.assert_allclose(paths.returns, returns, atol=1e-13)
    assert paths.probabilities.sum() == pytest.approx(1, abs=1e-13)
    assert tree.performance() == pytest.approx(paths.probabilities @ paths.returns, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_the_gradients_of_log_pr_and_give_the_policy_gradient(seed):
    tree = some(np.random.default_rng(seed))
    scores, paths, h = tree.scores(), tree.trajectories(), 1e-6
    assert scores.shape == (PATHS, 3, 2)
    before = np.array(tree.logits)
    for k in range(6):
        nudge = h * np.eye(6)[k]
        logs = []
        for side in (before + nudge, before - nudge):
            tree.logits = side
            moved = tree.trajectories()
            logs.append(np.log(moved.probabilities))
            np.testing.assert_array_equal(moved.dynamics_probabilities, paths.dynamics_probabilities)
        np.testing.assert_allclose(scores.reshape(PATHS, 6)[:, k], (logs[0] - logs[1]) / (2 * h), atol=1e-8)
    tree.logits = before
    total = np.einsum("i,isa,i->sa", paths.probabilities, scores, paths.returns)
    np.testing.assert_allclose(total, tree.gradient(), atol=1e-12)


def test_the_conversation_is_the_trees():
    tree = TrajectoryTree()
    world = conversation()
    assert list(world.state_names)[:3] == list(STATES)
    assert list(world.action_names) == list(ACTIONS)
    assert tree.performance() == pytest.approx(0.21)
    assert tree.names()[1] == "refund, calm, apologise"
    assert tree.trajectories().probabilities[1] == pytest.approx(0.32)


def test_reset_goes_back():
    tree = TrajectoryTree(logits=np.zeros((3, 2)), calm=[0.5, 0.4])
    tree.logits, tree.calm, tree.selected = [1, 0, 2, 0, 3, 0], [0.9, 0.9], 5
    tree.reset()
    assert (tree.logits, tree.calm, tree.selected) == ([0.0] * 6, [0.5, 0.4], 5)


@pytest.mark.parametrize(
    ("trait", "wrong"),
    [
        ("logits", [0, 1]),
        ("logits", [0, 1, 2, 3, 4, 6]),
        ("logits", [0, 1, 2, 3, 4, float("nan")]),
        ("calm", [0.5]),
        ("calm", [0.5, 0.0]),
        ("calm", [0.5, 1.0]),
        ("rewards", [0, 1, 2, 3, 4, 11]),
        ("selected", 8),
        ("selected", -1),
        ("logit_state", 3),
        ("dynamics_action", 2),
    ],
)
def test_a_wrong_value_is_refused_by_name(trait, wrong):
    tree = TrajectoryTree()
    before = getattr(tree, trait)
    with pytest.raises(TraitError, match=trait):
        setattr(tree, trait, wrong)
    assert getattr(tree, trait) == before


@pytest.mark.parametrize("wrong", [np.zeros((2, 3)), np.zeros((4, 2)), "abc", [[0, 1], [2]]])
def test_a_table_of_another_shape_is_refused(wrong):
    for name in ("logits", "rewards"):
        with pytest.raises(TraitError, match=name):
            TrajectoryTree(**{name: wrong})


@pytest.mark.long
def test_what_viewers_without_widgets_get():
    tree = TrajectoryTree(selected=1)
    data, metadata = tree._repr_mimebundle_()
    alt = metadata["image/png"]["alt"]
    assert data["text/plain"] == alt == repr(tree)
    for words in ("refund, calm, apologise: 0.32, return +2", "J = 0.21", "policy part 0.4 times dynamics part 0.8"):
        assert words in alt
    assert data["image/png"].startswith(b"\x89PNG")
    assert len(data["image/png"]) < 60_000
    state = offline.stored(tree)["state"]
    assert state["selected"] == 1
    assert "formulas" not in state, "markup comes from the package alone"
    assert offline.rules(TrajectoryTree)["selected"] == {"kind": "number", "low": 0, "high": 7, "whole": True}
