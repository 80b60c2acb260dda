"""Rollouts: many sampled episodes at once, from a tabular MDP or from vectorised Gymnasium environments.

One row of a record is one episode, padded to the longest. Termination and truncation are kept apart: at the last
step of an episode that ended, the discount is 0, so nothing follows; of one that was only cut off, it is γ, and the
state after it is kept in ``states``, so that a critic can stand for what would have followed.
"""

from __future__ import annotations  # numpy.random, named in annotations, is slow to load

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils import arguments, kernels, policy
from course_utils.arguments import BoolArray, FloatArray, IntArray
from course_utils.mdp import TabularMDP

if TYPE_CHECKING:
    from gymnasium.envs.registration import EnvSpec
    from gymnasium.spaces import Discrete
    from gymnasium.vector import VectorEnv

__all__ = ["EndlessEpisodeError", "Rollout", "from_gymnasium", "from_mdp", "make_vec", "require_end"]
__all__ += ["require_end_by"]


Policy: TypeAlias = ArrayLike | Callable[[NDArray[Any]], ArrayLike]

LONGEST_EPISODE = 50_000  # steps; what has not ended by then, and nothing cuts off, counts as endless


class EndlessEpisodeError(ValueError):
    """An episode that has not ended after LONGEST_EPISODE steps, or a record that would not fit into memory."""


class Rollout(NamedTuple):
    """m sampled episodes, each padded to the T steps of the longest.

    After the end of an episode the state stays, ``mask`` and ``rewards`` are 0, and ``actions`` repeats the state's
    most probable action. ``discounts`` is 0 in the padding of an episode that terminated and 1 in that of one that
    was truncated, so that ``returns.gae`` and the like carry the value of the last state back to the cut unchanged.
    """

    states: NDArray[Any]
    """s_1 … s_{T+1}, the last one where the episode stopped: indices (m, T + 1) or observations (m, T + 1, ...)"""
    actions: IntArray
    """a_1 … a_T, shape (m, T)"""
    rewards: FloatArray
    """r_1 … r_T, shape (m, T)"""
    discounts: FloatArray
    """γ, but 0 at the step that terminated the episode, shape (m, T)"""
    mask: FloatArray
    """1 for a step that was taken, 0 for padding, shape (m, T)"""
    truncated: BoolArray
    """Whether the episode was cut off before it ended, shape (m,)"""


def from_mdp(
    mdp: TabularMDP, logits: ArrayLike, episodes: int, rng: np.random.Generator, max_steps: int | None = None
) -> Rollout:
    """Sample episodes of a tabular MDP, all at once.

    s_1 ~ Pr(s_1), a_t ~ π(· | s_t), s_{t+1} ~ Pr(· | s_t, a_t), each by inverting its cumulative distribution

    An episode terminates in a terminal state or after the MDP's horizon, as in ``enumerate_trajectories``. Rewards
    are the MDP's means r(s, a).

    Args:
        mdp: the MDP.
        logits: shape (S, A).
        episodes: m, at least 1.
        rng: a numpy.random.Generator.
        max_steps: cut episodes off (truncate them) after so many steps, at least 1; None for no cut.

    Returns:
        Rollout with state indices; each field says its shape.

    Raises:
        TypeError: mdp, rng, episodes or max_steps of another type, or logits that are not real numbers.
        ValueError: bad logits, episodes or max_steps below 1, or more than 22 million steps in all, padding included.
        EndlessEpisodeError (a ValueError): no horizon, no max_steps, and an episode that has not ended after 50,000
            steps.

    Source: Sutton & Barto 2018, section 13.3; Devroye 1986, section III.2 (inversion).
    """
    arguments.instance("mdp", mdp, TabularMDP)
    (logits,) = arguments.floats(logits=logits)
    arguments.shape("logits", logits, mdp.rewards.shape, "the MDP's (S, A)")
    pi = policy.softmax(logits.astype(np.float64))
    episodes = arguments.count("episodes", episodes)
    generator = arguments.generator(rng)
    limit = np.inf if max_steps is None else arguments.whole("max_steps", max_steps, low=1)
    ending = np.isin(np.arange(mdp.n_states), mdp.terminal_states)
    if max_steps is None:
        require_end(mdp, logits)
    horizon = np.inf if mdp.horizon is None else mdp.horizon
    endless = mdp.horizon is None and max_steps is None

    most_probable = pi.argmax(axis=1)
    cumulative_pi, cumulative_start = pi.cumsum(axis=1), mdp.start.cumsum()
    width = int((mdp.transitions > 0).sum(axis=2).max())  # no state and action has more next states than this
    following = np.argsort(-mdp.transitions, axis=2, kind="stable")[:, :, :width]
    cumulative_transitions = np.take_along_axis(mdp.transitions, following, axis=2).cumsum(axis=2)

    state = kernels.invert(cumulative_start, generator.random(episodes))
    running = np.ones(episodes, dtype=bool)
    states, actions = [state], list[IntArray]()
    rewards, discounts, mask = list[FloatArray](), list[FloatArray](), list[FloatArray]()
    while running.any() and len(actions) < limit:
        require_end_by(len(actions), episodes, endless=endless)
        live = np.flatnonzero(running)
        s = state[live]
        a = kernels.invert(cumulative_pi[s], generator.random(len(s)))
        branch = kernels.invert(cumulative_transitions[s, a], generator.random(len(s)))
        mask.append(running.astype(np.float64))
        action, state = most_probable[state], state.copy()
        action[live], state[live] = a, following[s, a, branch]
        reward = np.zeros(episodes)
        reward[live] = mdp.rewards[s, a]
        running = running & ~ending[state] & (len(actions) + 1 < horizon)
        states.append(state)
        actions.append(action)
        rewards.append(reward)
        discounts.append(mdp.discount * running)
    return Rollout(
        states=np.stack(states, axis=1),
        actions=np.stack(actions, axis=1),
        rewards=np.stack(rewards, axis=1),
        discounts=np.stack(discounts, axis=1),
        mask=np.stack(mask, axis=1),
        truncated=running,
    )


def require_end(mdp: TabularMDP, logits: ArrayLike) -> None:
    """Require a horizon, or that from every state that can be reached, a terminal state can be.

    Args:
        mdp: the MDP.
        logits: shape (S, A).

    Raises:
        TypeError: arguments of another type.
        ValueError: logits of another shape, or episodes that may never end.

    Source: Puterman 1994, Markov Decision Processes, appendix A (reachable states).
    """
    arguments.instance("mdp", mdp, TabularMDP)
    (logits,) = arguments.floats(logits=logits)
    arguments.shape("logits", logits, mdp.rewards.shape, "the MDP's (S, A)")
    if mdp.horizon is not None:
        return
    moves = np.einsum("sa,sax->sx", policy.softmax(logits), mdp.transitions) > 0
    ending = np.isin(np.arange(mdp.n_states), mdp.terminal_states)
    reached, ends = mdp.start > 0, ending
    for _ in range(mdp.n_states):
        reached, ends = reached | moves[reached & ~ending].any(axis=0), ends | moves[:, ends].any(axis=1)
    if (reached & ~ends).any():
        raise ValueError(
            "max_steps is None, the MDP has no horizon, and under these logits no terminal state is reached from state "
            f"{np.flatnonzero(reached & ~ends)[0]}: expected max_steps"
        )


def require_end_by(steps: int, episodes: int, *, endless: bool, name: str = "episodes") -> None:
    """Require that a record has room for one more step, and (``endless``: nothing cuts off) that episodes end.

    Raises:
        EndlessEpisodeError: after 50,000 steps that nothing would cut off, or 22 million in all episodes together.
    """
    if endless and steps >= LONGEST_EPISODE:
        raise EndlessEpisodeError(
            f"max_steps is None, and an episode has not ended after {steps} steps: expected max_steps, which cuts "
            "episodes off, a horizon, or a policy that ends them"
        )
    if steps * episodes >= arguments.LARGEST_RECORD:
        raise EndlessEpisodeError(
            f"{name} is {episodes}, and one of them has not ended after {steps} steps: expected fewer of them, or "
            f"max_steps to cut them off, since more than {arguments.LARGEST_RECORD} steps would not fit into memory"
        )


def make_vec(env_id: str | EnvSpec, n: int, max_steps: int | None = None, **kwargs: Any) -> VectorEnv[Any, Any, Any]:
    """Return n copies of a Gymnasium environment that step together.

    Where the environment has a vectorised entry point (CartPole-v1) one call steps all copies in NumPy; the others
    are stepped one after the other.

    Args:
        env_id: whatever ``gymnasium.make_vec`` takes: "CartPole-v1", "CartPole" for its newest version,
            "module:CartPole-v1" to import a module first, or an EnvSpec.
        n: number of copies, at least 1.
        max_steps: truncate episodes after so many steps, at least 1; None for the environment's own time limit.
        kwargs: passed to the environment, for example ``is_slippery=False``.

    Returns:
        The vectorised environment, for ``from_gymnasium``.

    Raises:
        TypeError: an env_id that is not text, or n or max_steps that are not whole numbers.
        ValueError: an environment that is unknown, has continuous actions, or has no time limit of its own while
            max_steps is None, or n or max_steps below 1.

    Source: Towers et al. 2024, Gymnasium (vector environments).
    """
    import gymnasium

    if not isinstance(env_id, (str, gymnasium.envs.registration.EnvSpec)):
        raise TypeError(f"env_id is {arguments.said(env_id)}, expected text such as 'CartPole-v1'")
    n = arguments.count("n", n, high=100_000)
    if max_steps is not None:
        kwargs["max_episode_steps"] = arguments.whole("max_steps", max_steps, low=1)
    try:
        envs = gymnasium.make_vec(env_id, num_envs=n, **kwargs)
    except (gymnasium.error.Error, ImportError, TypeError, ValueError) as error:
        raise ValueError(f"env_id is {arguments.said(env_id)}, which Gymnasium cannot make: {error}") from error
    try:
        if max_steps is None and (envs.spec is None or envs.spec.max_episode_steps is None):
            raise ValueError(f"max_steps is None, but {env_id} has no time limit of its own: expected a whole number")
        _discrete_actions(envs, f"env_id is {env_id!r}, whose actions are")
    except ValueError:
        envs.close()
        raise
    return envs


def from_gymnasium(
    envs: VectorEnv[Any, Any, Any],
    logits: Policy,
    episodes: int,
    rng: np.random.Generator,
    discount: float = 1.0,
) -> Rollout:
    """Sample episodes of vectorised Gymnasium environments, from the reset to termination or truncation.

    Episode i belongs to environment i mod n, however long the others take: to keep the first m that finish would
    favour short ones. The environments are reset with a seed drawn from ``rng``, so one seed reproduces it all. Each of
    Gymnasium's autoreset modes is followed; the step with which an environment in mode NEXT_STEP resets itself is not
    recorded. Discrete observations are numbered from 0, whatever ``start`` their space has.

    Args:
        envs: n environments with Discrete actions, for example from ``make_vec``; their metadata say in which
            autoreset mode they are.
        logits: shape (S, A), where observations are Discrete; or a function from the observations of all
            environments, shape (n, ...), to logits, shape (n, A).
        episodes: m, at least 1; multiples of n waste no steps.
        rng: a numpy.random.Generator.
        discount: γ in [0, 1].

    Returns:
        Rollout; ``states`` keeps the observations' dtype and shape.

    Raises:
        TypeError: envs, episodes or rng of another type, logits or rewards that are not real numbers, or ends of
            episodes that are not Booleans.
        ValueError: environments with continuous actions, with observations that are no arrays or without an autoreset
            mode, logits of the wrong shape, NaN or inf, a number out of range, or rewards of the environment that are
            NaN or inf.
        EndlessEpisodeError (a ValueError): an episode that has not ended after 50,000 steps and has no later limit.

    Source: Towers et al. 2024, Gymnasium; Pardo et al. 2018, Time Limits in Reinforcement Learning.
    """
    actions_of = _discrete_actions(envs, "envs has actions")
    n_actions, first_action = int(actions_of.n), int(actions_of.start)
    first_state = _first_state(envs)
    episodes = arguments.count("episodes", episodes)
    generator = arguments.generator(rng)
    discount = arguments.number("discount", discount, low=0.0, high=1.0)
    if isinstance(logits, type):
        arguments.function("logits", logits, "a table (S, A), or a function from observations to logits")
    mode = _autoreset_mode(envs)
    spec = getattr(envs, "spec", None)  # it may promise a late end; make_vec's own limit is among the kwargs
    cut_after = 0 if spec is None else spec.kwargs.get("max_episode_steps") or spec.max_episode_steps or 0

    n = envs.num_envs
    episode, t = np.arange(n), np.zeros(n, dtype=np.intp)  # which episode each environment plays, and its step
    lengths, truncated = np.zeros(episodes, dtype=np.intp), np.zeros(episodes, dtype=bool)
    resetting = np.zeros(n, dtype=bool)
    record: list[tuple[NDArray[Any], ...]] = []
    last: list[tuple[IntArray, NDArray[Any]]] = []
    observations = _numbered(envs.reset(seed=int(generator.integers(2**31)))[0], first_state, n)
    while (episode < episodes).any():
        require_end_by(int(t.max()), 1, endless=t.max() >= cut_after)
        actions = policy.sample(_logits_at(logits, observations, n_actions), generator)
        following, rewards, terminated, cut, info = envs.step(actions + first_action)
        following, rewards = _numbered(following, first_state, n), _of_each("rewards", rewards, n)
        terminated, cut = _flags("terminated", terminated, n), _flags("truncated", cut, n)
        taken = np.flatnonzero((episode < episodes) & ~resetting)
        discounts = np.where(terminated, 0.0, discount)
        record.append((episode[taken], t[taken], observations[taken], actions[taken], rewards[taken], discounts[taken]))
        t[taken] += 1
        done = terminated | cut
        ended = taken[done[taken]]
        if len(ended):
            final = _final(info, ended, first_state) if mode == "SameStep" else following[ended]
            last.append((episode[ended], final))
            lengths[episode[ended]] = t[ended]
            truncated[episode[ended]] = ~terminated[ended]
            episode[ended] += n
            t[ended] = 0
        if mode == "Disabled" and done.any():
            following = _numbered(envs.reset(options={"reset_mask": done})[0], first_state, n)
        resetting = done & (mode == "NextStep")
        observations = following
    return _padded(record, last, lengths, truncated, lambda final: _logits_at(logits, final, n_actions))


def _autoreset_mode(envs: VectorEnv[Any, Any, Any]) -> str:
    """Return NextStep, SameStep or Disabled: what the environments do when an episode of theirs has ended."""
    import gymnasium

    mode = (envs.metadata or {}).get("autoreset_mode")
    if mode is None and not hasattr(gymnasium.vector, "AutoresetMode"):
        return "NextStep"  # Gymnasium 1.0 has this mode only, and does not say so
    mode = getattr(mode, "value", mode)
    if mode not in ("NextStep", "SameStep", "Disabled"):
        raise ValueError(
            f"envs has autoreset mode {arguments.said(mode)} in its metadata, expected one of "
            "gymnasium.vector.AutoresetMode: without it nobody knows which step begins an episode. Say it with, for "
            'example, envs.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}'
        )
    return str(mode)


def _first_state(envs: VectorEnv[Any, Any, Any]) -> int:
    """Return the first number of a Discrete space of observations, and 0 for any other space of arrays."""
    from gymnasium import spaces

    space = envs.single_observation_space
    if not isinstance(space, (spaces.Box, spaces.Discrete, spaces.MultiBinary, spaces.MultiDiscrete)):
        raise ValueError(
            f"envs has observations {space}, expected arrays (Box, Discrete, MultiBinary or MultiDiscrete): "
            "Gymnasium's wrapper FlattenObservation makes arrays of many others"
        )
    return int(space.start) if isinstance(space, spaces.Discrete) else 0


def _of_each(what: str, values: Any, n: int, axes: int = 1) -> NDArray[Any]:
    """Return what environments gave, an entry for each of them, with so many axes at most."""
    array = arguments.rectangular(f"envs' {what}", values)
    if array.shape[:1] != (n,) or array.ndim > axes:
        wanted = f"({n},)" if axes == 1 else f"({n}, ...)"
        raise ValueError(f"envs gave {what} of shape {array.shape}, expected {wanted}: one for each environment")
    return array


def _flags(what: str, values: Any, n: int) -> BoolArray:
    """Return the Booleans that environments gave, one for each of them."""
    array = _of_each(what, values, n)
    if array.dtype != bool:  # ~1 is true
        raise TypeError(f"envs gave {what} of dtype {array.dtype}, expected Booleans")
    return array


def _numbered(observations: Any, first_state: int, n: int) -> NDArray[Any]:
    """Return a copy of the observations, one for each environment; those of a Discrete space count from 0."""
    array = _of_each("observations", observations, n, axes=64)
    return array - first_state if first_state else array.copy()


def _final(info: Any, ended: IntArray, first_state: int) -> NDArray[Any]:
    """Return the last observations of episodes whose environments have already begun the next ones."""
    try:
        last = [info["final_obs"][i] for i in ended]
    except (KeyError, TypeError, IndexError):
        raise ValueError(
            "envs is in autoreset mode SameStep, but its info does not have final_obs, where the last observations of "
            "episodes stand: expected it, or another mode"
        ) from None
    return _numbered(last, first_state, len(ended))


def _padded(
    record: list[tuple[NDArray[Any], ...]],
    last: list[tuple[IntArray, NDArray[Any]]],
    lengths: IntArray,
    truncated: BoolArray,
    logits_at: Callable[[NDArray[Any]], FloatArray],
) -> Rollout:
    """Sort the steps of all environments into one row for each episode."""
    row, step, observations, taken_actions, taken_rewards, taken_discounts = (
        np.concatenate(column) for column in zip(*record, strict=True)
    )
    m, n_steps = len(lengths), int(lengths.max())
    require_end_by(n_steps - 1, m, endless=False)
    final = np.empty((m, *observations.shape[1:]), dtype=observations.dtype)
    for rows, values in last:
        final[rows] = values
    padding = np.arange(n_steps) >= lengths[:, None]
    states = np.empty((m, n_steps + 1, *observations.shape[1:]), dtype=observations.dtype)
    states[...] = final[:, None]
    states[row, step] = observations
    actions = np.repeat(logits_at(final).argmax(axis=-1)[:, None], n_steps, axis=1)
    actions[row, step] = taken_actions
    (taken_rewards,) = arguments.floats(**{"envs' rewards": taken_rewards})
    rewards = np.zeros((m, n_steps))
    rewards[row, step] = taken_rewards
    discounts = np.where(padding & truncated[:, None], 1.0, 0.0)
    discounts[row, step] = taken_discounts
    return Rollout(states, actions, rewards, discounts, (~padding).astype(np.float64), truncated)


def _discrete_actions(envs: object, what: str) -> Discrete:
    """Return the space of actions, which must be Discrete."""
    import gymnasium

    if not isinstance(envs, gymnasium.vector.VectorEnv):
        raise TypeError(f"envs is {type(envs).__name__}, expected gymnasium.vector.VectorEnv, as from make_vec")
    space = envs.single_action_space
    if not isinstance(space, gymnasium.spaces.Discrete):
        raise ValueError(f"{what} {space}, expected Discrete actions: a softmax policy needs a finite number of them")
    return space


def _logits_at(logits: Policy, observations: NDArray[Any], n_actions: int) -> FloatArray:
    """Return the policy's logits at the observations, a row for each."""
    if callable(logits):
        (rows,) = arguments.floats(logits=logits(observations.copy()))  # the function may change what it gets
        arguments.shape("logits", rows, (len(observations), n_actions), "the observations and actions")
        return rows
    (table,) = arguments.floats(logits=logits)
    if observations.ndim != 1 or observations.dtype.kind not in "iu":
        raise ValueError(
            f"logits is a table, but observations have shape {observations.shape[1:]} and dtype {observations.dtype}: "
            "expected Discrete observations, or a function from observations to logits"
        )
    if observations.min() < 0:
        raise ValueError(f"envs gave the observation {observations.min()}, expected states from 0 on")
    if table.ndim != 2 or table.shape[1] != n_actions or len(table) <= observations.max():
        raise ValueError(f"logits has shape {table.shape}, expected (S, {n_actions}) with a row for each observation")
    rows = np.asarray(table[observations])
    return rows
