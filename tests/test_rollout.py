"""Rollouts against exact distributions, scripted environments and a plain loop over single environments.

Statistical bounds: a count over independent episodes with a known standard deviation σ leaves ± 8 σ with probability
at most 2 exp(−32 / (1 + 8 / (3 σ))) by Bernstein: 2e-11 for σ ≥ 10, 4e-10 for σ ≥ 6. A mean leaves ± 8 estimated
standard errors with probability about 1e-15 · exp(8³ · skewness / (3 √m)) (normal tail, first correction): below 1e-11
for the skewness of at most 2 (lengths are at worst geometric) and the m ≥ 3,000 used here. No test makes more than 24
comparisons at σ ≥ 10, or more than one at σ ≥ 6: each raises a false alarm with probability below 1e-9.
"""

from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from numpy.testing import assert_allclose, assert_array_equal
from refusals import bad
from small_mdps import Z, dense_mdp, rng, same, within

from course_utils import arguments, mdp, policy, returns, rollout, worlds

# From an MDP


def test_every_step_has_the_exact_distribution():
    problem, logits, m = dense_mdp(horizon=3, discount=1.0), rng(5).normal(size=(3, 2)), 40_000
    got = rollout.from_mdp(problem, logits, m, rng())
    visits, pi = problem.visits(logits), policy.softmax(logits)
    for t, s, a, following in np.ndindex(2, 2, 2, 3):
        p = visits[t, s] * pi[s, a] * problem.transitions[s, a, following]
        sigma = np.sqrt(m * p * (1 - p))
        assert sigma >= 10
        step = (got.states[:, t] == s) & (got.actions[:, t] == a) & (got.states[:, t + 1] == following)
        assert abs((step * got.mask[:, t]).sum() - m * p) <= Z * sigma


WORLDS = {f"horizon {horizon}": dense_mdp(horizon=horizon) for horizon in (3, None, 1)}
WORLDS |= {"geometric": worlds.geometric_mdp(0.9), "corridor": worlds.short_corridor(), "tokens": worlds.token_mdp()}


@pytest.mark.long
@pytest.mark.parametrize("problem", WORLDS.values(), ids=WORLDS)
def test_returns_and_visits_have_the_exact_means(problem):
    logits = 0.5 * rng(6).normal(size=problem.rewards.shape)
    got = rollout.from_mdp(problem, logits, 20_000, rng(1))
    within(returns.discounted_returns(got.rewards, got.discounts)[:, 0], problem.performance(logits))
    weights = problem.discount ** np.arange(got.mask.shape[1]) * got.mask
    visits = problem.visits(logits).reshape(-1, problem.n_states).sum(axis=0)
    for s in range(min(3, problem.n_states)):
        if 0 < visits[s] < 1 or problem.horizon is None:
            within((weights * (got.states[:, :-1] == s)).sum(axis=1), visits[s])


def test_a_record_is_consistent():
    problem, logits = dense_mdp(), np.zeros((3, 2))
    logits[2, 0] = -np.inf
    got = rollout.from_mdp(problem, logits, 500, rng())
    ends = got.states == 2
    lengths = ends.argmax(axis=1)
    assert_array_equal(got.mask, np.arange(got.mask.shape[1]) < lengths[:, None])
    assert got.mask.shape[1] == lengths.max()  # stops when all have ended
    assert np.all(ends[np.arange(500), lengths])
    last = np.arange(got.mask.shape[1]) == lengths[:, None] - 1
    assert_array_equal(got.discounts, np.where(last, 0.0, 0.9) * got.mask)
    assert_array_equal(got.rewards, problem.rewards[got.states[:, :-1], got.actions] * got.mask)
    assert np.all(got.actions[got.mask == 0] == 1)  # never the forbidden one
    assert not got.truncated.any()
    assert [got.states.dtype, got.actions.dtype, got.truncated.dtype] == [np.intp, np.intp, bool]
    assert {got.rewards.dtype, got.discounts.dtype, got.mask.dtype} == {np.dtype(np.float64)}


def test_a_horizon_terminates_and_max_steps_truncates():
    logits = np.zeros((2, 2))
    ended = rollout.from_mdp(worlds.geometric_mdp(0.9, horizon=2), logits, 200, rng())
    assert ended.actions.shape == (200, 2)
    assert not ended.truncated.any()
    assert np.all(ended.discounts[:, 1] == 0)
    also = rollout.from_mdp(worlds.geometric_mdp(0.9, horizon=2), logits, 200, rng(), max_steps=2)
    same(ended, also)
    cut = rollout.from_mdp(worlds.geometric_mdp(0.9), logits, 200, rng(), max_steps=2)
    assert_array_equal(cut.truncated, cut.states[:, -1] == 0)
    assert_array_equal(cut.discounts[:, 1], 0.9 * cut.truncated)
    assert 0 < cut.truncated.sum() < 200


def test_one_seed_reproduces_everything_and_another_does_not():
    problem, logits = dense_mdp(horizon=3), np.zeros((3, 2))
    first, again, other = (rollout.from_mdp(problem, logits, 50, rng(seed)) for seed in (1, 1, 2))
    same(first, again)
    assert not np.array_equal(first.states, other.states)


def test_bad_input_from_mdp():
    problem, logits = dense_mdp(horizon=3), np.zeros((3, 2))
    for error, text, given in [
        (TypeError, "mdp is int", (3, logits, 1, rng())),
        (ValueError, r"logits has shape \(2, 2\), expected \(3, 2\)", (problem, np.zeros((2, 2)), 1, rng())),
        (ValueError, "episodes is 0", (problem, logits, 0, rng())),
        (TypeError, "episodes is 1.5", (problem, logits, 1.5, rng())),
        (TypeError, "rng is int", (problem, logits, 1, 0)),
        (ValueError, "max_steps is 0", (problem, logits, 1, rng(), 0)),
    ]:
        bad(error, text, rollout.from_mdp, *given)
    stay = [[0.0, -np.inf], [0.0, 0.0]]
    told = r"max_steps is None.*no terminal state is reached from state 0"
    bad(ValueError, told, rollout.from_mdp, worlds.geometric_mdp(0.9), stay, 1, rng())
    assert rollout.from_mdp(worlds.geometric_mdp(0.9), stay, 1, rng(), max_steps=5).truncated.all()


# From Gymnasium


class Scripted(gymnasium.Env):
    """Episode k lasts plan[k][0] steps and is then terminated or truncated; observation 10 k + step, reward 1 + it."""

    def __init__(self, *plan):
        self.plan, self.episode, self.over = plan, -1, True
        self.observation_space, self.action_space = gymnasium.spaces.Discrete(100), gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episode, self.t, self.over = (self.episode + 1) % len(self.plan), 0, False
        return 10 * self.episode, {}

    def step(self, action):
        assert not self.over
        length, how = self.plan[self.episode]
        self.t += 1
        self.over = self.t == length
        observation = 10 * self.episode + self.t
        return observation, float(observation), self.over and how == "terminated", self.over and how == "truncated", {}


def scripted(mode):
    return SyncVectorEnv(
        [
            lambda: Scripted((2, "terminated"), (3, "truncated"), (1, "terminated"), (9, "terminated")),
            lambda: Scripted((4, "terminated"), (2, "truncated"), (9, "terminated")),
        ],
        autoreset_mode=mode,
    )


modes = pytest.mark.parametrize("mode", list(AutoresetMode))


@modes
def test_scripted_episodes_longhand(mode):
    logits = np.zeros((100, 2))
    logits[[2, 21], 0] = -1.0  # in the states where episodes 0 and 4 end, action 1 is the most probable
    got = rollout.from_gymnasium(scripted(mode), logits, 5, rng(), 0.9)
    starts = [[0, 1, 2, 2, 2], [0, 1, 2, 3, 4], [10, 11, 12, 13, 13], [10, 11, 12, 12, 12], [20, 21, 21, 21, 21]]
    assert_array_equal(got.states, starts)
    assert_array_equal(got.mask, [[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]])
    assert_array_equal(got.rewards, [[1, 2, 0, 0], [1, 2, 3, 4], [11, 12, 13, 0], [11, 12, 0, 0], [21, 0, 0, 0]])
    discounts = [[0.9, 0, 0, 0], [0.9, 0.9, 0.9, 0], [0.9, 0.9, 0.9, 1], [0.9, 0.9, 1, 1], [0, 0, 0, 0]]
    assert_array_equal(got.discounts, discounts)
    assert_array_equal(got.truncated, [False, False, True, True, False])
    assert_array_equal(got.actions[0, 2:], 1)
    assert_array_equal(got.actions[4, 1:], 1)
    assert_array_equal(got.actions[3, 2:], 0)


@pytest.mark.parametrize("env_id", ["FrozenLake-v1", "CliffWalking-v1"])
def test_vectorised_like_a_plain_loop_over_single_environments(env_id):
    n, m, limit = 3, 8, 12
    envs = rollout.make_vec(env_id, n, max_steps=limit)
    logits = rng(2).normal(size=(envs.single_observation_space.n, 4))
    got = rollout.from_gymnasium(envs, logits, m, rng(7), 0.9)
    seed = int(rng(7).integers(2**31))
    lengths = got.mask.sum(axis=1).astype(int)
    for i in range(n):
        env = gymnasium.make(env_id, max_episode_steps=limit)
        for k, episode in enumerate(range(i, m, n)):
            observation, _ = env.reset(seed=seed + i if k == 0 else None)
            for t in range(lengths[episode]):
                assert got.states[episode, t] == observation
                observation, reward, terminated, truncated, _ = env.step(got.actions[episode, t])
                assert got.rewards[episode, t] == reward
                assert got.discounts[episode, t] == (0 if terminated else 0.9)
                assert (terminated or truncated) == (t == lengths[episode] - 1)
            assert np.all(got.states[episode, lengths[episode] :] == observation)
            assert got.truncated[episode] == (truncated and not terminated)
    assert len(set(lengths)) > 1 or env_id == "CliffWalking-v1"


def balance(observations):
    """Push towards the side the pole falls to, nearly always."""
    lean = 40 * observations[:, 2] + 10 * observations[:, 3]
    return np.stack([-lean, lean], axis=1)


def test_cart_pole_by_its_own_vectorised_entry_point():
    envs = rollout.make_vec("CartPole-v1", 4, max_steps=60)
    assert not isinstance(envs, SyncVectorEnv)
    got = rollout.from_gymnasium(envs, lambda x: 0.05 * balance(x), 12, rng(), 0.99)
    lengths = got.mask.sum(axis=1).astype(int)
    single = gymnasium.make("CartPole-v1").unwrapped
    single.reset(seed=0)
    assert got.states.dtype == np.float32
    assert 0 < got.truncated.sum() < 12
    for i, n in enumerate(lengths):
        assert np.all(np.abs(got.states[i, 0]) <= 0.05)  # every episode begins with a reset
        for t in range(n):
            single.state = got.states[i, t].astype(np.float64)
            single.steps_beyond_terminated = None
            following, reward, terminated, _, _ = single.step(got.actions[i, t])
            assert_allclose(got.states[i, t + 1], following, atol=1e-5)
            assert got.rewards[i, t] == reward
            assert terminated == (t == n - 1 and not got.truncated[i])
            assert got.discounts[i, t] == (0 if terminated else 0.99)
        assert got.truncated[i] == (n == 60)


def test_a_good_cart_pole_policy_is_truncated_at_the_time_limit():
    got = rollout.from_gymnasium(rollout.make_vec("CartPole-v1", 8), balance, 8, rng())
    assert got.mask.sum(axis=1).mean() > 195
    assert got.states.shape == (8, got.actions.shape[1] + 1, 4)


@pytest.mark.long
def test_mean_return_and_length_are_those_of_the_exact_mdp():
    # The mean length shows at once whether the episodes that finish first are favoured, or reset steps counted.
    problem, logits = mdp.from_gymnasium("FrozenLake-v1", horizon=100), np.zeros((16, 4))
    got = rollout.from_gymnasium(rollout.make_vec("FrozenLake-v1", 40), logits, 3000, rng())
    within(got.mask.sum(axis=1), problem.visits(logits).sum())
    p, successes = problem.performance(logits), got.rewards.sum()  # the reward is 1 or 0, and seldom 1
    sigma = np.sqrt(3000 * p * (1 - p))
    assert sigma >= 6
    assert abs(successes - 3000 * p) <= Z * sigma


def test_one_seed_reproduces_gymnasium_too():
    envs = rollout.make_vec("CartPole-v1", 3, max_steps=20)
    first, again, other = (rollout.from_gymnasium(envs, balance, 4, rng(seed)) for seed in (1, 1, 2))
    same(first, again)
    assert not np.array_equal(first.states, other.states)


class Shifted(Scripted):
    """Actions are called 5 and 6."""

    def __init__(self):
        super().__init__((1, "terminated"))
        self.action_space = gymnasium.spaces.Discrete(2, start=5)

    def step(self, action):
        _, _, *rest = super().step(action)
        return 1, float(action), *rest


def test_actions_that_do_not_begin_at_zero():
    got = rollout.from_gymnasium(SyncVectorEnv([Shifted] * 2), np.zeros((100, 2)), 20, rng())
    assert_array_equal(got.rewards, got.actions + 5)
    assert set(got.actions.ravel()) == {0, 1}


def test_bad_input_make_vec():
    for error, text, given in [
        (ValueError, r"env_id is 'Pendulum-v1', whose actions are Box.*, expected Discrete", ("Pendulum-v1", 2)),
        (ValueError, "max_steps is None, but CliffWalking-v1 has no time limit", ("CliffWalking-v1", 2)),
        (ValueError, "max_steps is 0", ("CartPole-v1", 2, 0)),
        (ValueError, "n is 0", ("CartPole-v1", 0)),
        (TypeError, "n is 2.0", ("CartPole-v1", 2.0)),
        (TypeError, "env_id is 3", (3, 2)),
    ]:
        bad(error, text, rollout.make_vec, *given)


def test_bad_input_from_gymnasium():
    lake, pole, table = rollout.make_vec("FrozenLake-v1", 2), rollout.make_vec("CartPole-v1", 2), np.zeros((16, 4))
    nan = gymnasium.wrappers.TransformReward(Scripted((1, "terminated")), float("nan").__add__)
    bad_rewards = SyncVectorEnv([lambda: nan])
    for error, text, given in [
        (TypeError, "envs is TimeLimit, expected gymnasium.vector.VectorEnv", (gymnasium.make("CartPole-v1"),)),
        (ValueError, "envs has actions Box", (SyncVectorEnv([lambda: gymnasium.make("Pendulum-v1")]),)),
        (ValueError, "episodes is 0", (lake, table, 0)),
        (ValueError, "discount is 1.5", (lake, table, 1, rng(), 1.5)),
        (TypeError, "rng is int", (lake, table, 1, 0)),
        (ValueError, r"logits has shape \(16, 3\), expected \(S, 4\)", (lake, np.zeros((16, 3)))),
        (ValueError, "logits is a table, but observations have shape", (pole, np.zeros((4, 2)))),
        (ValueError, r"logits has shape \(2, 3\), expected \(2, 2\)", (pole, lambda x: np.zeros((2, 3)))),
        (ValueError, r"logits\[0, 0\] is nan", (pole, lambda x: np.full((2, 2), np.nan))),
        (ValueError, r"rewards\[0\] is nan", (bad_rewards, np.zeros((100, 2)))),
    ]:
        defaults = (lake, table, 1, rng())
        bad(error, text, rollout.from_gymnasium, *given, *defaults[len(given) :])


# Inputs of another convention


class Answering(gymnasium.vector.VectorEnv):
    """Two environments with episodes of 3 steps, states 0, 1, 2 and at the end 3; ``change`` changes their answers."""

    def __init__(self, change=lambda answer: answer, mode=AutoresetMode.DISABLED):
        self.num_envs, self.change, self.metadata = 2, change, {"autoreset_mode": mode}
        self.single_observation_space, self.single_action_space = map(gymnasium.spaces.Discrete, (9, 2))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = np.zeros(2, dtype=int) if options is None else np.where(options["reset_mask"], 0, self.t)
        return self.t.copy(), {}

    def step(self, actions):
        mode, over = self.metadata["autoreset_mode"], self.t == 3
        self.t = np.where(over & (mode == AutoresetMode.NEXT_STEP), 0, self.t + 1)
        done, final = (self.t == 3) & ~over, self.t.copy()
        if mode == AutoresetMode.SAME_STEP:
            self.t[done] = 0
        answer = {"observations": self.t.copy(), "rewards": np.ones(2), "terminated": done}
        answer |= {"truncated": np.zeros(2, dtype=bool), "info": {"final_obs": final}}
        return self.change(answer).values()


@modes
def test_environments_of_every_autoreset_mode(mode):
    got = rollout.from_gymnasium(Answering(mode=mode), np.zeros((9, 2)), 6, rng())
    assert_array_equal(got.states, [[0, 1, 2, 3]] * 6)
    assert_array_equal(got.mask, np.ones((6, 3)))


@pytest.mark.parametrize("metadata", [{}, None, {"autoreset_mode": "sometimes"}, {"autoreset_mode": True}])
def test_environments_that_do_not_say_when_they_reset_are_refused(metadata):
    envs = Answering()
    envs.metadata = metadata
    told = r"envs has autoreset mode .* in its metadata, expected one of gymnasium"
    bad(ValueError, told, rollout.from_gymnasium, envs, np.zeros((9, 2)), 6, rng())


def observing(how, start=0):
    """As Scripted, with other observations."""
    space, wrap = gymnasium.spaces.Discrete(100, start=start), gymnasium.wrappers.TransformObservation
    return lambda *plan: wrap(Scripted(*plan), how, space)


@modes
def test_observations_that_do_not_begin_at_zero_are_numbered_from_zero(mode):
    offset = observing(lambda x: x - 3, start=-3)  # a fourth of them would count from the end of a table
    seen = []

    def logits(states):
        seen.append(states)
        states = states.copy()
        return np.stack([0.1 * states, np.zeros(len(states))], axis=1)

    plan = (2, "terminated"), (3, "truncated"), (1, "terminated")
    table = np.stack([0.1 * np.arange(100), np.zeros(100)], axis=1)
    got, by_function, usual = (
        rollout.from_gymnasium(SyncVectorEnv([lambda k=kind: k(*plan)] * 2, autoreset_mode=mode), policy, 6, rng())
        for kind, policy in ((offset, table), (offset, logits), (Scripted, table))
    )
    for record in (got, by_function):
        same(record, usual)
    assert all((states >= 0).all() for states in seen)


def answering(name, change):
    return Answering(lambda answer: answer | {name: change(answer[name])})


@pytest.mark.parametrize("name", ["observations", "rewards", "terminated", "truncated"])
def test_what_environments_answer_is_checked(name):
    table = np.zeros((9, 2))
    got, usual = (rollout.from_gymnasium(answering(name, how), table, 4, rng()) for how in (list, np.asarray))
    same(got, usual)
    assert_array_equal(got.discounts, [[1, 1, 0]] * 4)
    wrong = [
        (lambda x: x[:1], rf"envs gave {name} of shape \(1,\), expected \(2.*one for each"),
        (lambda x: x[0], rf"envs gave {name} of shape \(\), expected \(2.*one for each"),
        (lambda x: np.r_[x, x], rf"envs gave {name} of shape \(4,\), expected \(2"),
        (lambda x: x[:, None], f"{name} (of|have) shape"),
        (lambda x: np.ma.array(x, mask=[True, False]), f"envs' {name} is a masked array"),
        (lambda x: x.astype(object), f"{name}.* dtype object"),
    ]
    if name in ("terminated", "truncated"):  # ~1 is true, so that every end would count as a cut
        told = f"envs gave {name} of dtype .*, expected Booleans"
        wrong += [(lambda x: x.astype(int), told), (lambda x: x.astype(float), told)]
    for how, message in wrong:
        bad((TypeError, ValueError), message, rollout.from_gymnasium, answering(name, how), table, 4, rng())


def test_the_last_observations_stand_in_the_info_of_same_step():
    envs = Answering(lambda answer: answer | {"info": [{}, {}]}, AutoresetMode.SAME_STEP)  # as DictInfoToList makes it
    with pytest.raises(ValueError, match="envs is in autoreset mode SameStep, but its info does not have final_obs"):
        rollout.from_gymnasium(envs, np.zeros((9, 2)), 4, rng())


def test_every_kind_of_observation_is_taken_or_refused():
    spaces = gymnasium.spaces
    arrays = [spaces.MultiDiscrete([4, 5]), spaces.MultiDiscrete([4], start=[3]), spaces.MultiBinary(3)]
    arrays += [spaces.Box(-5, 9, (), np.int64), spaces.Box(-1, 1, (2, 3)), spaces.Discrete(4, start=-2)]
    others = [spaces.Tuple((spaces.Discrete(9),) * 2), spaces.Dict(a=spaces.Discrete(9)), spaces.Text(5)]
    others += [spaces.Sequence(spaces.Discrete(3)), spaces.Graph(spaces.Discrete(3), None)]

    def environment(space):
        env = gymnasium.make("CartPole-v1", max_episode_steps=3)
        return gymnasium.wrappers.TransformObservation(env, lambda _: space.sample(), space)

    def logits(observations):
        return np.zeros((2, 2))

    for space in arrays:
        got = rollout.from_gymnasium(SyncVectorEnv([lambda s=space: environment(s)] * 2), logits, 2, rng())
        assert got.states.shape == (2, 4, *space.shape)
    for space in others:
        envs = SyncVectorEnv([lambda s=space: environment(s)] * 2)
        bad(ValueError, r"envs has observations .*, expected arrays", rollout.from_gymnasium, envs, logits, 2, rng())


def test_observations_below_the_first_state_are_refused():
    envs = SyncVectorEnv([lambda: observing(lambda _: -1)((2, "terminated"))])
    told = "envs gave the observation -1, expected states from 0 on"
    bad(ValueError, told, rollout.from_gymnasium, envs, np.zeros((100, 2)), 2, rng())


def test_a_policy_that_changes_what_it_is_given_does_not_change_the_record():
    envs = rollout.make_vec("CartPole-v1", 2, max_steps=9)

    def scaled(observations):
        observations /= 100.0
        return np.zeros((len(observations), 2))

    got = rollout.from_gymnasium(envs, scaled, 4, rng())
    fine = rollout.from_gymnasium(envs, lambda x: np.zeros((len(x), 2)), 4, rng())
    same(got, fine)


@pytest.mark.parametrize("make", [partial(rollout.make_vec, n=2), mdp.from_gymnasium])
def test_gymnasium_decides_which_ids_there_are(make):
    with pytest.warns(UserWarning, match="latest versioned environment"):
        make("FrozenLake")
    make("gymnasium.envs.toy_text:FrozenLake-v1")
    make(gymnasium.spec("FrozenLake-v1"))
    for env_id, reason in [
        ("nosuchmodule:FrozenLake-v1", "No module named 'nosuchmodule'"),
        ("a:b:c", "too many values"),
        ("", "Malformed"),
        ("FrozenLake-v99", "version `v99`"),
    ]:
        bad(ValueError, f"env_id is '{env_id}', which Gymnasium cannot make: .*{reason}", make, env_id)


# Episodes without an end


def test_a_nearly_deterministic_policy_is_stopped_with_advice(monkeypatch):
    assert rollout.LONGEST_EPISODE == 50_000
    monkeypatch.setattr(rollout, "LONGEST_EPISODE", 1000)
    away = np.zeros((4, 2))
    away[:, 0] = 30.0  # left, with probability 1 − 1e-13
    with pytest.raises(rollout.EndlessEpisodeError, match=r"not ended after 1000 steps: expected max_steps.*a horizon"):
        rollout.from_mdp(worlds.short_corridor(), away, 4, rng())
    assert rollout.from_mdp(worlds.short_corridor(), away, 4, rng(), max_steps=3).truncated.all()


def test_records_that_would_not_fit_into_memory_are_refused(monkeypatch):
    monkeypatch.setattr(arguments, "LARGEST_RECORD", 22_000)
    stay = [[9.0, 0.0], [0.0, 0.0]]
    with pytest.raises(rollout.EndlessEpisodeError, match=r"episodes is 1000, .* after 22 steps: expected fewer"):
        rollout.from_mdp(worlds.geometric_mdp(horizon=1000), stay, 1000, rng())
    with pytest.raises(ValueError, match="episodes is 1000000000000, expected a whole number from 1 to"):
        rollout.from_mdp(worlds.geometric_mdp(horizon=3), stay, 10**12, rng())


def test_an_environment_that_never_ends_is_stopped(monkeypatch):
    monkeypatch.setattr(rollout, "LONGEST_EPISODE", 100)
    envs, error = SyncVectorEnv([lambda: Scripted((10**6, "terminated"))]), rollout.EndlessEpisodeError
    bad(error, "not ended after 100 steps", rollout.from_gymnasium, envs, lambda x: [[0.0, 0.0]], 1, rng())
    longer = rollout.from_gymnasium(rollout.make_vec("CliffWalking-v1", 1, max_steps=150), np.zeros((48, 4)), 1, rng())
    assert longer.mask.sum() == 150
