"""The worlds of the lessons: their tables by hand, and the closed forms that their lessons tell."""

from itertools import product
from math import e, prod, sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from refusals import bad

from course_utils import policy, worlds


def test_three_actions_longhand():
    problem, logits = worlds.three_action_state([3.0, 1.0, -2.0]), [np.log([0.2, 0.5, 0.3]), [0.0, 0.0, 0.0]]
    v = 0.2 * 3 + 0.5 * 1 + 0.3 * -2
    assert_allclose(problem.state_values(logits), [v, 0], rtol=1e-14)
    assert_allclose(problem.action_values(logits), [[3, 1, -2], [0, 0, 0]], rtol=1e-14)
    assert_allclose(problem.advantages(logits), [[3 - v, 1 - v, -2 - v], [0, 0, 0]], rtol=1e-14)
    assert problem.performance(logits) == pytest.approx(v, rel=1e-14)
    wanted = [[0.2 * (3 - v), 0.5 * (1 - v), 0.3 * (-2 - v)], [0, 0, 0]]
    assert_allclose(problem.policy_gradient(logits), wanted, rtol=1e-14)


@pytest.mark.parametrize("discount", [0.0, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("logit", [-2.0, 0.0, 1.5])
def test_geometric_closed_form(discount, logit):
    problem, logits = worlds.geometric_mdp(discount), [[logit, 0.0], [0.0, 0.0]]
    stay = e**logit / (e**logit + 1)
    value = stay / (1 - discount * stay)
    slope = stay * (1 - stay) / (1 - discount * stay) ** 2
    assert_allclose(problem.state_values(logits), [value, 0], rtol=1e-13)
    assert_allclose(problem.action_values(logits)[0], [1 + discount * value, 0], rtol=1e-13)
    assert_allclose(problem.advantages(logits)[0], [1 + discount * value - value, -value], rtol=1e-12, atol=1e-15)
    assert problem.performance(logits) == pytest.approx(value, rel=1e-13)
    assert_allclose(problem.visits(logits), [1 / (1 - discount * stay), 0], rtol=1e-13)
    assert_allclose(problem.policy_gradient(logits), [[slope, -slope], [0, 0]], rtol=1e-12)


def test_the_conversation_by_hand():
    world = worlds.conversation()
    assert world.state_names == ("first message", "calm", "angry", "closed")
    assert world.action_names == ("refund", "apologise")
    assert_array_equal(world.transitions[0], [[0, 0.8, 1 - 0.8, 0], [0, 0.3, 0.7, 0]])
    assert_array_equal(world.transitions[1:, :, 3], 1)
    assert_array_equal(world.rewards, [[-1, 0], [1, 3], [0, -4], [0, 0]])
    value = np.array([0.2 * 1 + 0.8 * 3, 0.4 * -4])  # of a calm and of an angry customer
    first = 0.5 * (-1 + [0.8, 0.2] @ value) + 0.5 * ([0.3, 0.7] @ value)
    assert world.performance(np.vstack([worlds.REPLY_LOGITS, [0, 0]])) == pytest.approx(first, rel=1e-13)


def test_the_conversation_refuses_by_name():
    bad(ValueError, r"calm_after\[1\] is 1.2", worlds.conversation, calm_after=[0.5, 1.2])
    bad(ValueError, r"calm_after has shape \(1,\), expected \(2,\)", worlds.conversation, calm_after=[0.5])
    bad(ValueError, r"rewards has shape \(6,\), expected \(3, 2\)", worlds.conversation, rewards=np.zeros(6))
    bad(ValueError, "rewards", worlds.conversation, rewards=np.full((3, 2), np.nan))


@pytest.mark.parametrize(("vocabulary", "length"), [(4, 3), (3, 1), (1, 4), (2, 5)])
def test_token_mdp_against_every_text(vocabulary, length):
    rewards = np.random.default_rng(0).normal(size=(vocabulary,) * length)
    problem = worlds.token_mdp(vocabulary, length, rewards)
    logits = np.random.default_rng(1).normal(size=(problem.n_states, vocabulary))
    pi = policy.softmax(logits)
    performance, gradient = 0.0, np.zeros_like(logits)
    for text in product(range(vocabulary), repeat=length):
        s, visited = 0, []
        for token in text:
            visited.append((s, token))
            s = vocabulary * s + 1 + token
        weight = prod(pi[step] for step in visited) * rewards[text]
        performance += weight
        for s, token in visited:
            gradient[s] += weight * (np.eye(vocabulary)[token] - pi[s])
    assert problem.performance(logits) == pytest.approx(performance, abs=1e-12)
    assert_allclose(problem.policy_gradient(logits), gradient, atol=1e-12)
    every = problem.enumerate_trajectories(logits)
    assert_allclose(every.returns, rewards.ravel(), atol=1e-14)  # the texts in alphabetical order
    assert_array_equal(every.actions, list(product(range(vocabulary), repeat=length)))
    assert_array_equal(every.dynamics_probabilities, 1)


def test_token_mdp_longhand():
    problem = worlds.token_mdp()
    assert (problem.n_states, problem.horizon) == (1 + 4 + 16 + 1, 3)
    assert problem.state_names[:7] == ("start", "a", "b", "c", "d", "aa", "ab")
    assert problem.state_names[-2:] == ("dd", "end")
    texts = {"abc": 2, "aab": 1, "cba": 0, "add": 1, "aca": 1}
    every = problem.enumerate_trajectories(np.zeros((22, 4)))
    letters = ["".join("abcd"[a] for a in row) for row in every.actions]
    assert {text: every.returns[letters.index(text)] for text in texts} == texts
    assert problem.performance(np.zeros((22, 4))) == pytest.approx(2 * 6 / 16)  # of 16 pairs, 6 are in order


def test_token_mdp_refuses_what_is_too_large():
    bad(ValueError, "vocabulary is 27, expected at most 26", worlds.token_mdp, 27)
    bad(ValueError, "vocabulary 4 and length 100 make 1365 or more states", worlds.token_mdp, 4, 100)
    bad(ValueError, r"rewards has shape \(4, 4\), expected \(4, 4, 4\)", worlds.token_mdp, rewards=np.zeros((4, 4)))
    bad(ValueError, "length is 0", worlds.token_mdp, length=0)


def test_short_corridor_has_the_optimum_of_the_book():
    problem = worlds.short_corridor()

    def performance(p):
        return problem.performance(problem.features @ np.log([p, 1 - p]))

    for p in np.linspace(0.03, 0.97, 48):
        assert performance(p) == pytest.approx(-(4 - 2 * p) / (p * (1 - p)), rel=1e-11)
    best = 2 - sqrt(2)  # p² − 4p + 2 = 0, from dJ/dp = 0
    assert performance(best) == pytest.approx(-(6 + 4 * sqrt(2)), rel=1e-12)
    assert all(performance(p) < performance(best) for p in (best - 1e-3, best + 1e-3, 0.05, 0.95))
    # Sutton & Barto: "the best probability is about 0.59, and achieves a value of about −11.6"; ε-greedy with
    # ε = 0.1 gets no more than −44 and −82.
    assert round(best, 2) == 0.59
    assert -11.7 < performance(best) < -11.6
    assert [performance(p) for p in (0.95, 0.05)] == pytest.approx([-44, -82], abs=0.3)
    gradient = np.tensordot(problem.policy_gradient(problem.features @ np.log([best, 1 - best])), problem.features)
    assert_allclose(gradient, 0, atol=1e-12)


def test_the_grid_by_hand():
    world = worlds.grid_world()
    at = worlds.GRID_CELLS.index
    assert world.state_names == ("a3", "b3", "c3", "d3", "a2", "b2", "c2", "d2", "a1", "b1", "c1", "d1")
    assert world.action_names == ("up", "right", "down", "left")
    assert world.terminal_states == (at("d3"), at("b2"), at("d2"))
    assert world.start[at("a1")] == 1
    for place, a, following, reward in [
        ("a1", 0, "a2", -1),
        ("a1", 3, "a1", -1),
        ("a2", 1, "a2", -1),  # the wall
        ("b1", 0, "b1", -1),
        ("b3", 1, "c3", -2),  # the toll
        ("c2", 0, "c3", -2),
        ("c3", 0, "c3", -1),  # staying there is not entering it
        ("c3", 1, "d3", 10),
        ("c2", 1, "d2", -10),
        ("d1", 0, "d2", -10),
        ("d3", 3, "d3", 0),  # over
    ]:
        assert world.transitions[at(place), a, at(following)] == 1
        assert world.rewards[at(place), a] == reward


def test_the_icy_path_by_hand():
    world = worlds.icy_path()
    assert (world.state_names[0], world.state_names[-1]) == ("place 1", "home")
    for place, action, ways in [(0, 0, {0: 0.2, 1: 0.8}), (3, 1, {0: 0.2, 5: 0.8}), (5, 1, {0: 0.2, 6: 0.8})]:
        assert {s: p for s, p in enumerate(world.transitions[place, action]) if p} == ways
    assert_array_equal(world.rewards, [[-1, -1]] * 6 + [[0, 0]])


def test_the_frozen_lake_by_hand():
    lake = worlds.frozen_lake(horizon=6)
    assert lake.terminal_states == (5, 7, 11, 12, 15)
    logits = np.zeros((16, 4))
    for s, a in [(0, 1), (4, 1), (8, 2), (9, 1), (13, 2), (14, 2)]:  # the only way of six steps along the left edge
        logits[s, a] = 50.0
    assert lake.performance(logits) == pytest.approx(1.0)
    assert lake.performance(np.zeros((16, 4))) == pytest.approx(3 / 4**6)  # three ways of six steps


@pytest.mark.parametrize("make", [worlds.grid_world, worlds.icy_path, worlds.geometric_mdp, worlds.frozen_lake])
@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_a_wrong_discount_is_refused(make, wrong):
    bad(ValueError, "discount", make, wrong)
