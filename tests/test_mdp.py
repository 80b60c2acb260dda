"""Tabular MDPs against closed forms, plain enumeration and differentiation oracles."""

import time
import tracemalloc
from math import exp, inf

import gymnasium
import numpy as np
import oracles
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from refusals import bad
from small_mdps import random_mdp

from course_utils import mdp, policy, returns, worlds


def random_logits(problem, seed=1):
    return np.random.default_rng(seed).normal(size=(problem.n_states, problem.n_actions))


def layered_mdp(discount=0.8):
    """Two decisions, chance after each, and no horizon: 0 → 1 or 2 → 3, the end."""
    transitions = np.zeros((4, 2, 4))
    transitions[0] = [[0, 0.5, 0.5, 0], [0, 0.1, 0.6, 0.3]]
    transitions[1:, :, 3] = 1.0
    rewards = [[1.0, 2.0], [3.0, -1.0], [0.5, 4.0], [0.0, 0.0]]
    return mdp.TabularMDP(transitions, rewards, [0.7, 0.3, 0, 0], discount, terminal_states=[3])


PROBLEMS = {
    "horizon and end": random_mdp(horizon=3),
    "horizon, no end": random_mdp(1, n_states=2, n_actions=3, horizon=3, terminal=False),
    "horizon, undiscounted": random_mdp(2, discount=1.0, horizon=3),
    "one step": random_mdp(3, horizon=1),
    "no horizon, discounted": random_mdp(4, discount=0.7),
    "no horizon, no end": random_mdp(5, discount=0.6, terminal=False),
    "no horizon, undiscounted": random_mdp(6, discount=1.0, n_states=4),
    "layers": layered_mdp(),
    "three actions": worlds.three_action_state(),
    "geometric": worlds.geometric_mdp(0.9),
}
STEPS = {"horizon": 3, "one": 1, "layers": 2, "three": 1}  # steps after which nothing can follow
LONG = 400  # steps for the others: what remains is far below rounding
problems = pytest.mark.parametrize("name", PROBLEMS)
short = pytest.mark.parametrize(
    "name", ["horizon and end", "horizon, no end", "horizon, undiscounted", "one step", "layers", "three actions"]
)


def steps(name):
    return STEPS.get(name.replace(",", "").split()[0], LONG)


# Closed forms


def test_values_keep_their_digits_when_the_episode_is_very_long():
    # V = π_stay / π_stop = exp(30), although 1 − π_stay has lost three of its sixteen digits
    assert worlds.geometric_mdp().performance([[30.0, 0.0], [0.0, 0.0]]) == pytest.approx(exp(30), rel=1e-13)


# Enumeration


@short
def test_every_exact_value_against_brute_force(name):
    problem = PROBLEMS[name]
    logits = random_logits(problem)
    pi, horizon = policy.softmax(logits), steps(name)
    whole, performance, gradient = 0.0, 0.0, np.zeros_like(logits)
    sums, mass = np.zeros((2, horizon, *logits.shape))
    for p, total, states, actions in oracles.trajectories(problem, logits, horizon):
        whole, performance, past = whole + p, performance + p * total, 0.0
        for t, (s, a) in enumerate(zip(states[:-1], actions, strict=True)):
            if s in problem.terminal_states:
                break
            gradient[s] += p * total * (np.eye(problem.n_actions)[a] - pi[s])
            sums[t, s, a] += p * (total - past) / problem.discount**t
            mass[t, s, a] += p
            past += problem.discount**t * problem.rewards[s, a]
    assert whole == pytest.approx(1, abs=1e-12)
    assert problem.performance(logits) == pytest.approx(performance, abs=1e-10)
    assert_allclose(problem.policy_gradient(logits), gradient, atol=1e-10)
    visits = mass.sum(axis=-1) * problem.discount ** np.arange(horizon)[:, None]
    assert_allclose(problem.visits(logits), visits if problem.horizon else visits.sum(axis=0), atol=1e-10)

    q, advantages = (np.broadcast_to(f(logits), mass.shape) for f in (problem.action_values, problem.advantages))
    v = problem.state_values(logits)
    v = np.broadcast_to(v if problem.horizon is None else v[:-1], mass.shape[:2])
    seen, state_seen = mass > 0, mass.any(axis=-1)
    assert_allclose(q[seen], sums[seen] / mass[seen], atol=1e-10)
    assert_allclose(v[state_seen], sums.sum(axis=-1)[state_seen] / mass.sum(axis=-1)[state_seen], atol=1e-10)
    assert_allclose(advantages[state_seen], (q - v[..., None])[state_seen], atol=1e-10)


@short
def test_enumeration_against_brute_force(name):
    problem = PROBLEMS[name]
    logits = random_logits(problem)
    got = problem.enumerate_trajectories(logits)
    every = {
        (*states, *actions): pytest.approx((p, total), abs=1e-12)
        for p, total, states, actions in oracles.trajectories(problem, logits, steps(name))
        if p > 0
    }
    steps_of_all = np.hstack([got.states, np.where(got.mask > 0, got.actions, 0)])
    assert len(steps_of_all) == len(every)
    assert dict(zip(map(tuple, steps_of_all), zip(got.probabilities, got.returns, strict=True), strict=True)) == every


@short
def test_trajectories_are_ready_for_the_other_modules(name):
    problem = PROBLEMS[name]
    logits = random_logits(problem)
    got = problem.enumerate_trajectories(logits)
    assert got.probabilities.sum() == pytest.approx(1, abs=1e-12)
    assert_allclose(got.probabilities, got.policy_probabilities * got.dynamics_probabilities, rtol=1e-14)
    log_probs = policy.log_prob(logits[got.states[:, :-1]], got.actions)
    assert_allclose(np.log(got.policy_probabilities), (log_probs * got.mask).sum(axis=-1), atol=1e-12)
    assert_allclose(returns.discounted_returns(got.rewards, got.discounts)[:, 0], got.returns, atol=1e-12)
    assert got.probabilities @ got.returns == pytest.approx(problem.performance(logits), abs=1e-12)
    assert np.all(got.rewards[got.mask == 0] == 0)
    assert np.all(got.discounts[:, -1] == 0)


def test_enumeration_leaves_out_forbidden_actions():
    problem, logits = worlds.geometric_mdp(horizon=3), np.array([[-inf, 0.0], [0.0, -inf]])
    got = problem.enumerate_trajectories(logits)
    assert_array_equal(got.states, [[0, 1, 1, 1]])
    assert_array_equal(got.actions, [[1, 0, 0]])  # the padding is allowed too
    assert_array_equal(got.mask, [[1, 0, 0]])
    assert_array_equal(got.discounts, [[0, 0, 0]])
    assert_array_equal(got.probabilities, [1])


def test_enumeration_refuses_more_than_the_limit():
    problem = random_mdp(horizon=4, terminal=False)  # 3 starts, then 2 actions × 3 states in each of 4 steps
    logits = np.zeros((3, 2))
    bad(ValueError, r"limit is 100, but there are 3888 trajectories", problem.enumerate_trajectories, logits, limit=100)
    assert len(problem.enumerate_trajectories(logits, limit=3888).returns) == 3 * 6**4
    bad(ValueError, r"more than 10\^18", random_mdp(horizon=10**6, terminal=False).enumerate_trajectories, logits)


def many_trajectories(horizon):
    """Ten actions in each of the first six steps, then one: 10⁶ trajectories."""
    transitions = np.zeros((horizon + 1, 10, horizon + 1))
    for s in range(horizon + 1):
        transitions[s, :, min(s + 1, horizon)] = 1.0
    rewards = np.random.default_rng(0).normal(size=(horizon + 1, 10))
    rewards[-1] = 0.0
    problem = mdp.TabularMDP(transitions, rewards, np.eye(horizon + 1)[0], 0.9, horizon, [horizon])
    logits = np.random.default_rng(1).normal(size=rewards.shape)
    logits[6:, 1:] = -inf
    return problem, logits


@pytest.mark.long
@pytest.mark.parametrize("horizon", [6, 20])
def test_a_million_trajectories_take_less_than_two_seconds(horizon):
    problem, logits = many_trajectories(horizon)
    seconds = []
    for _ in range(3):  # the best of three, since other programs may be busy
        start = time.process_time()
        got = problem.enumerate_trajectories(logits)
        seconds.append(time.process_time() - start)
        if seconds[-1] < 2:
            break
    assert len(got.returns) == 10**6
    assert min(seconds) < 2
    assert got.probabilities @ got.returns == pytest.approx(problem.performance(logits), rel=1e-10)


@pytest.mark.long
def test_the_largest_record_takes_less_than_one_gigabyte():
    problem, logits = many_trajectories(20)
    tracemalloc.start()
    try:
        got = problem.enumerate_trajectories(logits)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert got.states.shape == (10**6, 21)
    assert peak < 1e9


def test_enumeration_refuses_what_does_not_fit_into_memory():
    problem, logits = many_trajectories(23)
    told = "horizon is 23, and there are 1000000 trajectories of 23 steps"
    bad(ValueError, told, problem.enumerate_trajectories, logits)
    ten_ways = mdp.TabularMDP(np.ones((1, 10, 1)), np.zeros((1, 10)), [1.0], horizon=7).enumerate_trajectories
    bad(ValueError, "limit is 1000000, but there are 10000000 trajectories", ten_ways, np.zeros((1, 10)))


def test_enumeration_refuses_episodes_of_any_length():
    bad(ValueError, "infinitely many", worlds.geometric_mdp().enumerate_trajectories, np.zeros((2, 2)))
    stop_at_once = [[-inf, 0.0], [0.0, 0.0]]
    assert len(worlds.geometric_mdp().enumerate_trajectories(stop_at_once).returns) == 1


# Builders


def test_features_are_checked_and_frozen():
    tables = {"transitions": np.ones((1, 2, 1)), "rewards": np.ones((1, 2)), "start": [1.0], "discount": 0.5}
    bad(
        ValueError,
        r"features has shape \(2, 1, 3\), exp.* \(S, A, d\)",
        mdp.TabularMDP,
        **tables,
        features=np.zeros((2, 1, 3)),
    )
    with pytest.raises(ValueError, match="read-only"):
        mdp.TabularMDP(**tables, features=np.zeros((1, 2, 3))).features[0, 0, 0] = 1.0
    assert worlds.three_action_state().features is None


def follow(table, pi, s, steps):
    """The mean undiscounted return from s, with the reward of every single transition."""
    total = 0.0
    for a, transitions in table[s].items():
        for p, following, reward, terminated in transitions:
            rest = 0.0 if terminated or steps == 1 else follow(table, pi, following, steps - 1)
            total += pi[s, a] * p * (reward + rest)
    return total


@pytest.mark.long
@pytest.mark.parametrize(
    ("env_id", "options", "terminal"),
    [
        ("FrozenLake-v1", {}, (5, 7, 11, 12, 15)),
        ("FrozenLake-v1", {"is_slippery": False, "desc": ["SF", "HG"]}, (2, 3)),
        ("CliffWalking-v1", {"is_slippery": True}, (47,)),
        ("CliffWalking-v1", {}, (47,)),
        ("Taxi-v4", {}, (0, 85, 410, 475)),
    ],
)
def test_from_gymnasium_against_the_table_read_step_by_step(env_id, options, terminal):
    problem = mdp.from_gymnasium(env_id, horizon=3, **options)
    env = gymnasium.make(env_id, **options).unwrapped
    assert problem.terminal_states == terminal
    assert_array_equal(problem.start, env.initial_state_distrib)
    logits = random_logits(problem)
    values, pi = problem.state_values(logits), policy.softmax(logits)
    reached = np.flatnonzero(mdp.from_gymnasium(env_id, 0.9, **options).visits(np.zeros_like(logits)))
    for s in np.random.default_rng(0).choice(reached, min(15, len(reached)), replace=False):
        assert values[0, s] == pytest.approx(follow(env.P, pi, s, 3), abs=1e-12)
    assert_array_equal(values[:, list(terminal)], 0)


def test_known_answers_of_gymnasium_environments():
    cliff = mdp.from_gymnasium("CliffWalking-v1")  # 0 up, 1 right, 2 down, 3 left; 4 rows of 12
    path = np.full((48, 4), 1.0) * np.where(np.eye(4)[0], 0.0, -inf)  # up, and along the edge
    path[24:35] = np.where(np.eye(4)[1], 0.0, -inf)
    path[[11, 23, 35]] = np.where(np.eye(4)[2], 0.0, -inf)
    path[:11] = path[12:23] = np.where(np.eye(4)[1], 0.0, -inf)
    assert cliff.performance(path) == -13  # the book's optimal path: 1 up, 11 right, 1 down
    straight = mdp.from_gymnasium("FrozenLake-v1", is_slippery=False, desc=["SFFG"], discount=0.5)
    assert straight.performance([[-inf, -inf, 0.0, -inf]] * 4) == 0.25


def test_from_gymnasium_says_what_is_wrong():
    make = mdp.from_gymnasium
    bad(ValueError, "env_id is 'Pendulum-v1', whose actions are Box.*, expected Discrete", make, "Pendulum-v1")
    bad(ValueError, "env_id is 'CartPole-v1', which publishes no transition table", make, "CartPole-v1")
    bad(TypeError, "env_id is 3", make, 3)
    bad(ValueError, "horizon is 0", make, "FrozenLake-v1", horizon=0)


class Mixed(gymnasium.Env):
    """State 1 ends the episode when it is entered by action 1, but not by action 0."""

    action_space, observation_space = gymnasium.spaces.Discrete(2), gymnasium.spaces.Discrete(2)
    P = {s: {0: [(1.0, 1, 0.0, False)], 1: [(1.0, 1, 1.0, True)]} for s in (0, 1)}  # noqa: RUF012
    initial_state_distrib = (1.0, 0.0)


def test_from_gymnasium_refuses_states_that_end_only_some_episodes():
    gymnasium.register("Mixed-v0", entry_point=Mixed)
    try:
        with pytest.raises(ValueError, match="'Mixed-v0', where state 1 ends some episodes and not others"):
            mdp.from_gymnasium("Mixed-v0", disable_env_checker=True)
    finally:
        del gymnasium.registry["Mixed-v0"]


# Differentiation


@pytest.mark.long
@problems
def test_performance_and_its_gradient_against_the_oracles(name):
    problem = PROBLEMS[name]
    logits = random_logits(problem)

    def j(z):
        return oracles.performance(problem, z, steps(name))

    assert problem.performance(logits) == pytest.approx(j(logits), rel=1e-11)
    oracles.agree(problem.policy_gradient(logits), j, logits)


# Laws


@problems
def test_bellman_equations(name):
    problem = PROBLEMS[name]
    logits = random_logits(problem)
    pi, v, q = policy.softmax(logits), problem.state_values(logits), problem.action_values(logits)
    current, following = (v[:-1], v[1:]) if problem.horizon else (v, v)
    assert_allclose((pi * q).sum(axis=-1), current, atol=1e-12)
    assert_allclose((pi * problem.advantages(logits)).sum(axis=-1), 0, atol=1e-12)
    after = np.einsum("sax,...x->...sa", problem.transitions, following)
    assert_allclose(q, problem.rewards + problem.discount * after, atol=1e-12)
    gradient, ends = problem.policy_gradient(logits), list(problem.terminal_states)
    assert_allclose(gradient.sum(axis=-1), 0, atol=1e-13)
    assert not gradient[ends].any()
    assert not problem.visits(logits)[..., ends].any()


def test_a_forbidden_action_has_no_gradient():
    problem = random_mdp(4, discount=0.7, n_actions=3)
    logits = random_logits(problem)
    logits[0, 1] = -inf
    gradient = problem.policy_gradient(logits)
    assert gradient[0, 1] == 0
    assert_allclose(gradient, problem.policy_gradient(np.maximum(logits, -50.0)), atol=1e-12)
    assert np.all(gradient[0, [0, 2]] != 0)


def test_tables_are_copied_and_frozen():
    rewards = np.zeros((1, 1))
    problem = mdp.TabularMDP(np.ones((1, 1, 1)), rewards, [1.0], discount=0.5)
    rewards[0, 0] = 7.0
    assert problem.performance([[0.0]]) == 0
    with pytest.raises(ValueError, match="read-only"):
        problem.rewards[0, 0] = 1.0
    with pytest.raises(AttributeError):
        problem.discount = 0.1


def test_names():
    problem = worlds.three_action_state()
    assert problem.state_names == ("decision", "end")
    assert len(problem.action_names) == problem.n_actions == 3
    assert worlds.geometric_mdp().action_names == ("stay", "stop")


def test_answers_are_float64_whatever_the_logits():
    logits = np.float32([[0.1, 0.2], [0.0, 0.0]])
    problem = worlds.geometric_mdp()
    assert problem.policy_gradient(logits).dtype == np.float64
    assert problem.performance(logits) == problem.performance(logits.astype(np.float64))
    assert type(problem.performance(logits)) is float
