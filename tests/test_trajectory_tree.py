"""The trajectory tree's Python side: its paths against a plain product, its traits, its first frame."""

import itertools

import numpy as np
import pytest
from oracles import slopes

from course_utils import policy
from course_utils.widgets import TrajectoryTree
from course_utils.widgets.trajectory_tree import ACTIONS, PATHS, STATES
from course_utils.worlds import conversation


def some(rng):
    logits, calm = rng.uniform(-3, 3, size=(3, 2)), rng.uniform(0.02, 0.98, 2)
    return TrajectoryTree(logits=logits, calm=calm, rewards=rng.uniform(-9, 9, size=(3, 2)))


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
    scores, paths, before = tree.scores(), tree.trajectories(), np.array(tree.logits)

    def log_probabilities(logits):
        tree.logits = logits
        np.testing.assert_array_equal(tree.trajectories().dynamics_probabilities, paths.dynamics_probabilities)
        return np.log(tree.trajectories().probabilities)

    wanted = slopes(log_probabilities, before, np.arange(6))
    np.testing.assert_allclose(scores, wanted.T.reshape(PATHS, 3, 2), atol=1e-8)
    tree.logits = before
    total = np.einsum("i,isa,i->sa", paths.probabilities, scores, paths.returns)
    np.testing.assert_allclose(total, tree.gradient(), atol=1e-12)


def test_the_conversation_is_the_trees():
    assert list(conversation().state_names)[:3] == list(STATES)
    assert list(conversation().action_names) == list(ACTIONS)


def test_reset_keeps_the_path_that_is_selected():
    tree = TrajectoryTree()
    tree.selected = 5
    tree.reset()
    assert tree.selected == 5
