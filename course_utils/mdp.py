"""Tabular Markov decision processes and their exact answers: the oracle beside every sampled estimate.

A policy is a table of logits, shape (S, A): one softmax row per state, the same at every step. All answers are
float64. Without a horizon, values depend on the state alone; with a horizon they also depend on the time left,
and every answer by state gets a leading time axis (the one exception to "time is the last axis").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils import arguments, policy
from course_utils.arguments import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from gymnasium.envs.registration import EnvSpec

__all__ = ["TabularMDP", "Trajectories", "from_gymnasium"]


_ROW_SUM_TOLERANCE = 1e-9
_LARGEST_CONDITION = 1e12  # beyond it, a solved value has fewer than about 4 correct digits
_LONGEST_HORIZON = 1_000_000  # steps; answers by time have a row for each


class Trajectories(NamedTuple):
    """All N trajectories of a small MDP with their probabilities; shorter ones are padded to T steps.

    After the end of an episode the state stays, ``mask``, ``rewards`` and ``discounts`` are 0, and ``actions``
    repeats the state's most probable action, so that ``logits[states[:, :-1]]`` can score every entry.
    """

    probabilities: FloatArray
    """Pr_θ(τ) = policy part · dynamics part, shape (N,); they sum to 1"""
    policy_probabilities: FloatArray
    """Π_t π(a_t | s_t), shape (N,)"""
    dynamics_probabilities: FloatArray
    """Pr(s_1) Π_t Pr(s_{t+1} | s_t, a_t), shape (N,)"""
    states: NDArray[np.int32]
    """s_1 … s_{T+1}, the last one where the trajectory ended, shape (N, T + 1)"""
    actions: NDArray[np.int32]
    """a_1 … a_T, shape (N, T)"""
    rewards: FloatArray
    """r_1 … r_T, shape (N, T)"""
    discounts: FloatArray
    """The MDP's discount, 0 at the last step of the episode, shape (N, T)"""
    mask: FloatArray
    """1 for a step that was taken, 0 for padding, shape (N, T)"""
    returns: FloatArray
    """R(τ) = Σ_t γ^(t−1) r_t, shape (N,)"""


@dataclass(frozen=True, eq=False)
class TabularMDP:
    """A Markov decision process with S states and A actions, given by its tables.

    An episode ends in a terminal state, or after ``horizon`` steps, whichever comes first. A terminal state must
    lead to itself with reward 0 under every action, so that its value is 0.

    Args:
        transitions: Pr(s' | s, a), shape (S, A, S); every row sums to 1.
        rewards: mean reward of action a in state s, shape (S, A).
        start: Pr(s_1), shape (S,); terminal states have probability 0.
        discount: γ in [0, 1]. With 1 and no horizon, a terminal state must be reachable from every state.
        horizon: number of steps after which an episode ends, at least 1; None for no limit.
        terminal_states: indices of the states that end an episode.
        state_names: one name for each state, for figures.
        action_names: one name for each action, for figures.
        features: x(s, a), for policies that share parameters θ by ``logits = features @ theta``, shape (S, A, d);
            then ∂J / ∂θ = Σ_{s, a} x(s, a) ∂J / ∂logits(s, a).

    Raises:
        TypeError: tables that are not real numbers, indices or a horizon that are not whole numbers.
        ValueError: wrong shape, NaN or inf, rows that do not sum to 1, a number out of range, or an episode
            that cannot end and is not discounted.

    Source: Sutton & Barto 2018, chapter 3.
    """

    transitions: FloatArray
    rewards: FloatArray
    start: FloatArray
    discount: float = 1.0
    horizon: int | None = None
    terminal_states: Sequence[int] = ()
    state_names: Sequence[str] | None = None
    action_names: Sequence[str] | None = None
    features: FloatArray | None = None

    def __post_init__(self) -> None:
        """Check and freeze the tables."""
        transitions, rewards, start = (
            np.array(arguments.floats(**{name: value})[0], dtype=np.float64)
            for name, value in [("transitions", self.transitions), ("rewards", self.rewards), ("start", self.start)]
        )
        if transitions.ndim != 3 or transitions.shape[0] != transitions.shape[2]:
            raise ValueError(f"transitions has shape {transitions.shape}, expected (S, A, S)")
        n_states, n_actions, _ = transitions.shape
        arguments.shape("rewards", rewards, (n_states, n_actions), "transitions")
        arguments.shape("start", start, (n_states,), "transitions")
        _distribution("transitions", transitions)
        _distribution("start", start)
        terminal = _terminal_states(self.terminal_states, n_states)
        for s in terminal:
            if (transitions[s, :, s] < 1).any() or rewards[s].any():
                raise ValueError(f"transitions or rewards leave terminal state {s}, expected a loop with reward 0")
            if start[s]:
                raise ValueError(f"start[{s}] is {start[s]}, expected 0 in a terminal state")
        features = None
        if self.features is not None:
            features = np.array(arguments.floats(features=self.features)[0], dtype=np.float64)
            if features.ndim != 3 or features.shape[:2] != rewards.shape:
                raise ValueError(f"features has shape {features.shape}, expected (S, A, d) to match rewards")
        for table in (transitions, rewards, start, *(() if features is None else (features,))):
            table.setflags(write=False)
        checked = {
            "transitions": transitions,
            "rewards": rewards,
            "start": start,
            "discount": arguments.number("discount", self.discount, low=0.0, high=1.0),
            "horizon": None
            if self.horizon is None
            else arguments.count("horizon", self.horizon, high=_LONGEST_HORIZON),
            "terminal_states": terminal,
            "state_names": _names("state_names", self.state_names, n_states),
            "action_names": _names("action_names", self.action_names, n_actions),
            "features": features,
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)  # the documented way to set fields of a frozen dataclass
        self._require_end(transitions.max(axis=1), "any policy")

    @property
    def n_states(self) -> int:
        """Number of states S, terminal ones included."""
        return len(self.transitions)

    @property
    def n_actions(self) -> int:
        """Number of actions A."""
        return len(self.rewards[0])

    @arguments.no_overflow("rewards, logits")
    def state_values(self, logits: ArrayLike) -> FloatArray:
        """Return the exact state values.

        V(s) = Σ_a π(a | s) (r(s, a) + γ Σ_s' Pr(s' | s, a) V(s')), and 0 in terminal states

        Args:
            logits: shape (S, A).

        Returns:
            V, shape (S,). With a horizon T: V_t(s) with t − 1 steps gone, shape (T + 1, S), the last row 0.

        Raises:
            TypeError: logits are not real numbers.
            ValueError: bad logits, values that overflow, or (γ = 1, no horizon) an episode that never ends.

        Source: Sutton & Barto 2018, section 3.5 (the Bellman equation).
        """
        pi = self._policy(logits)
        mean_rewards = (pi * self.rewards).sum(axis=1)
        if self.horizon is None:
            return self._solve(pi, mean_rewards)
        moves = self._moves(pi)
        values = np.zeros((self.horizon + 1, self.n_states))
        for t in reversed(range(self.horizon)):
            values[t] = mean_rewards + self.discount * moves @ values[t + 1]
        return values

    @arguments.no_overflow("rewards, logits")
    def action_values(self, logits: ArrayLike) -> FloatArray:
        """Return the exact action values.

        Q(s, a) = r(s, a) + γ Σ_s' Pr(s' | s, a) V(s')

        Args:
            logits: shape (S, A).

        Returns:
            Q, shape (S, A). With a horizon T: shape (T, S, A).

        Raises:
            TypeError, ValueError: see ``state_values``.

        Source: Sutton & Barto 2018, section 3.5.
        """
        values = self.state_values(logits)
        following = values if self.horizon is None else values[1:]
        result: FloatArray = self.rewards + self.discount * np.tensordot(following, self.transitions, axes=(-1, 2))
        return result

    @arguments.no_overflow("rewards, logits")
    def advantages(self, logits: ArrayLike) -> FloatArray:
        """Return the exact advantages.

        A(s, a) = Q(s, a) − V(s), so Σ_a π(a | s) A(s, a) = 0

        Args:
            logits: shape (S, A).

        Returns:
            A, shape (S, A). With a horizon T: shape (T, S, A).

        Raises:
            TypeError, ValueError: see ``state_values``.

        Source: Xiao & Zhu, Foundations of Large Language Models, ch. 4; Baird 1993.
        """
        values = self.state_values(logits)
        current = values if self.horizon is None else values[:-1]
        return self.action_values(logits) - current[..., None]

    @arguments.no_overflow("rewards, logits")
    def performance(self, logits: ArrayLike) -> float:
        """Return the exact performance of the policy.

        J(θ) = E_τ[R(τ)] = Σ_s Pr(s_1 = s) V(s)

        Args:
            logits: shape (S, A).

        Returns:
            J, a Python float.

        Raises:
            TypeError, ValueError: see ``state_values``.

        Source: Xiao & Zhu, Foundations of Large Language Models, ch. 4.
        """
        values = self.state_values(logits)
        return float(self.start @ (values if self.horizon is None else values[0]))

    @arguments.no_overflow("logits")
    def visits(self, logits: ArrayLike) -> FloatArray:
        """Return how often the policy decides in each state, later steps discounted.

        d(s) = Σ_t γ^(t−1) Pr(s_t = s), and 0 in terminal states, where nothing is decided

        Args:
            logits: shape (S, A).

        Returns:
            d, shape (S,). With a horizon T: its T summands, shape (T, S).

        Raises:
            TypeError, ValueError: see ``state_values``.

        Source: Sutton et al. 2000, Theorem 1.
        """
        pi = self._policy(logits)
        if self.horizon is None:
            return self._solve(pi, self.start, transposed=True)
        moves = self._moves(pi)
        result = np.zeros((self.horizon, self.n_states))
        result[0] = self.start
        for t in range(1, self.horizon):
            result[t] = self.discount * result[t - 1] @ moves
            result[t, list(self.terminal_states)] = 0.0
        return result

    @arguments.no_overflow("rewards, logits")
    def policy_gradient(self, logits: ArrayLike) -> FloatArray:
        """Return the exact gradient of the performance with respect to the logits.

        ∂J / ∂logits(s, a) = Σ_t γ^(t−1) Pr(s_t = s) π(a | s) A_t(s, a)

        The factor γ^(t−1) belongs to the gradient of J; many programs leave it out and so follow another
        direction.

        Args:
            logits: shape (S, A).

        Returns:
            The gradient, shape (S, A), with or without a horizon; 0 for terminal states and forbidden actions.

        Raises:
            TypeError, ValueError: see ``state_values``.

        Source: Sutton et al. 2000, Theorem 1 (the policy gradient theorem).
        """
        weighted = self.visits(logits)[..., None] * self._policy(logits) * self.advantages(logits)
        result: FloatArray = weighted if self.horizon is None else weighted.sum(axis=0)
        return result

    @arguments.no_overflow("rewards, logits")
    def enumerate_trajectories(self, logits: ArrayLike, limit: int = 1_000_000) -> Trajectories:
        """Return every trajectory that has a positive probability.

        Pr_θ(τ) = Π_t π(a_t | s_t) · Pr(s_1) Π_t Pr(s_{t+1} | s_t, a_t): the policy part times the dynamics part

        Args:
            logits: shape (S, A).
            limit: the largest number of trajectories to return, at least 1.

        Returns:
            Trajectories, in lexicographic order; each field says its shape. T is the horizon, or without one
            the length of the longest trajectory.

        Raises:
            TypeError: logits are not real numbers, or limit is not a whole number.
            ValueError: bad logits, more trajectories than ``limit`` (the message says how many), more than 22
                million steps in all of them, or infinitely many, since without a horizon an episode can be of any
                length.

        Source: Xiao & Zhu, Foundations of Large Language Models, ch. 4 (J as a sum over trajectories).
        """
        limit = arguments.whole("limit", limit, low=1)
        pi = self._policy(logits)
        padding = pi.argmax(axis=1)
        for s in self.terminal_states:  # an ended episode continues in one way only, with probability 1
            pi[s] = np.arange(self.n_actions) == padding[s]
        possible = (pi[:, :, None] > 0) & (self.transitions > 0)
        branches = possible.sum(axis=1)
        length = self._require_few(branches, limit)

        # Step by step, every beginning grows by every possible step (state, action, next state) from where it is, and
        # fills as many rows of the step's column as there are ways to go on from the next state.
        source, action, following = np.nonzero(possible)
        running = self._running(np.arange(self.n_states)).astype(np.float64)
        n_steps = np.bincount(source, minlength=self.n_states)
        first_step = np.cumsum(n_steps) - n_steps
        ways = [np.ones(self.n_states, dtype=np.intp)]  # what overflows belongs to a state that is out of reach then
        for _ in range(length):
            ways.append(branches @ ways[-1])
        state = np.flatnonzero(self.start)
        dynamics_part: FloatArray = np.repeat(self.start[state], ways[length][state])
        policy_part: FloatArray = np.ones(len(dynamics_part))
        states = np.empty((len(policy_part), length + 1), dtype=np.int32, order="F")
        actions = np.empty((len(policy_part), length), dtype=np.int32, order="F")
        rewards, discounts, mask = (np.empty(actions.shape, order="F") for _ in range(3))
        columns: list[tuple[NDArray[Any], NDArray[Any]]] = [
            (states, source.astype(np.int32)),
            (actions, action.astype(np.int32)),
            (rewards, self.rewards[source, action]),
            (discounts, self.discount * running[following]),
            (mask, running[source]),
        ]
        policy_step, dynamics_step = pi[source, action], self.transitions[source, action, following]
        for t in range(length):
            grown = n_steps[state]
            step = np.arange(grown.sum()) - np.repeat(np.cumsum(grown) - grown - first_step[state], grown)
            state = following[step]
            step = np.repeat(step, ways[length - 1 - t][state])
            policy_part *= policy_step[step]
            dynamics_part *= dynamics_step[step]
            for record, table in columns:
                table.take(step, out=record[:, t], mode="clip")  # with any other mode, NumPy makes a copy
        states[:, length] = state
        if self.horizon is not None:
            discounts[:, -1] = 0.0
        return Trajectories(
            probabilities=policy_part * dynamics_part,
            policy_probabilities=policy_part,
            dynamics_probabilities=dynamics_part,
            states=states,
            actions=actions,
            rewards=rewards,
            discounts=discounts,
            mask=mask,
            returns=rewards @ self.discount ** np.arange(length),
        )

    def _policy(self, logits: ArrayLike) -> FloatArray:
        """Return π in float64, shape (S, A)."""
        (checked,) = arguments.floats(logits=logits)
        arguments.shape("logits", checked, self.rewards.shape, "the MDP's (S, A)")
        return policy.softmax(checked.astype(np.float64))

    def _moves(self, pi: FloatArray) -> FloatArray:
        """Return Σ_a π(a | s) Pr(s' | s, a), shape (S, S)."""
        moves: FloatArray = np.einsum("sa,sax->sx", pi, self.transitions)
        return moves

    def _running(self, states: IntArray) -> BoolArray:
        """Return where an episode in these states goes on."""
        return ~np.isin(states, self.terminal_states)

    def _solve(self, pi: FloatArray, right: FloatArray, *, transposed: bool = False) -> FloatArray:
        """Solve x = right + γ P x over the states that are not terminal (P transposed for visits); 0 elsewhere."""
        moves = self._moves(pi)
        self._require_end(moves, "these logits")
        live = np.flatnonzero(self._running(np.arange(self.n_states)))
        # 1 − γ P(s, s) loses all digits when the policy nearly always stays; the sum over the other states does not.
        away = moves.copy()
        np.fill_diagonal(away, 0.0)
        diagonal = (1.0 - self.discount) + self.discount * away.sum(axis=1)[live]
        system = np.diag(diagonal) - self.discount * away[np.ix_(live, live)]
        scaled = system / diagonal[:, None]
        if np.linalg.cond(scaled) > _LARGEST_CONDITION:
            raise ValueError("logits make the episode all but endless, expected a policy that ends it more often")
        result = np.zeros(self.n_states)
        if transposed:
            result[live] = np.linalg.solve(scaled.T, right[live]) / diagonal
        else:
            result[live] = np.linalg.solve(scaled, right[live] / diagonal)
        return result

    def _require_end(self, moves: FloatArray, whose: str) -> None:
        """Require that undiscounted episodes without a horizon can end, from every state."""
        if self.horizon is not None or self.discount < 1:
            return
        ends = ~self._running(np.arange(self.n_states))
        for _ in range(self.n_states):
            ends = ends | (moves[:, ends] > 0).any(axis=1)
        if not ends.all():
            raise ValueError(
                f"discount is 1, horizon is None, and under {whose} no terminal state is reached from state "
                f"{np.flatnonzero(~ends)[0]}, so it has no value: expected a way to end, a horizon or a discount < 1"
            )

    def _require_few(self, branches: IntArray, limit: int) -> int:
        """Require at most ``limit`` trajectories, by counting them step by step; return their length.

        There are ``branches[s, s']`` actions that can lead from s to s', shape (S, S).
        """
        length = self.horizon
        if length is None:
            reached, length = self.start > 0, 0
            while reached.any():
                if length == self.n_states:
                    raise ValueError(
                        "horizon is None and under these logits an episode can be of any length: expected a horizon, "
                        "since there are infinitely many trajectories"
                    )
                reached = branches[reached].any(axis=0) & self._running(np.arange(self.n_states))
                length += 1
        count, branches = (self.start > 0).astype(object), branches.astype(object)  # Python's integers do not overflow
        for _ in range(length):
            count = count @ branches
            if count.sum() > 10**18:
                raise ValueError(f"limit is {limit}, but there are more than 10^18 trajectories: expected fewer")
        if count.sum() > limit:
            raise ValueError(f"limit is {limit}, but there are {count.sum()} trajectories: expected a higher limit")
        if count.sum() * length > arguments.LARGEST_RECORD:
            raise ValueError(
                f"horizon is {self.horizon}, and there are {count.sum()} trajectories of {length} steps: expected at "
                f"most {arguments.LARGEST_RECORD} steps in all, since more would not fit into 1 GB"
            )
        return length


def from_gymnasium(
    env_id: "str | EnvSpec", discount: float = 1.0, horizon: int | None = None, **kwargs: Any
) -> TabularMDP:
    """Return the MDP of a Gymnasium environment that publishes its transition table.

    r(s, a) = Σ_s' Pr(s' | s, a) r(s, a, s'): the mean, where the reward depends on the next state (FrozenLake)

    A state entered by a transition that terminates is terminal here, and what the table says about leaving it is
    left out. (Taxi has states that no episode reaches; the answers for those may differ from its table.) The
    environment's own time limit is a truncation and no part of the MDP: pass it as ``horizon`` to count it.

    Args:
        env_id: whatever ``gymnasium.make`` takes: "FrozenLake-v1", "CliffWalking-v1", "Taxi" for its newest version,
            "module:id" to import a module first, or an EnvSpec.
        discount: γ in [0, 1].
        horizon: at most so many steps, at least 1; None for no limit.
        kwargs: passed to ``gymnasium.make``, for example ``is_slippery=False``.

    Returns:
        An MDP with the environment's own numbers for states and actions, counted from 0.

    Raises:
        TypeError: an env_id that is not text, or discount or horizon that are not numbers.
        ValueError: an environment that is unknown, has continuous actions or publishes no table, or an MDP that
            ``TabularMDP`` refuses.

    Source: Towers et al. 2024, Gymnasium (toy text environments).
    """
    import gymnasium

    if not isinstance(env_id, (str, gymnasium.envs.registration.EnvSpec)):
        raise TypeError(f"env_id is {arguments.said(env_id)}, expected text such as 'FrozenLake-v1'")
    try:
        env = gymnasium.make(env_id, **kwargs)
    except (gymnasium.error.Error, ImportError, TypeError, ValueError) as error:
        raise ValueError(f"env_id is {arguments.said(env_id)}, which Gymnasium cannot make: {error}") from error
    env.close()
    if not isinstance(env.action_space, gymnasium.spaces.Discrete):
        raise ValueError(f"env_id is {env_id!r}, whose actions are {env.action_space}, expected Discrete actions")
    table = getattr(env.unwrapped, "P", None)
    start = getattr(env.unwrapped, "initial_state_distrib", None)
    if table is None or start is None:
        raise ValueError(
            f"env_id is {env_id!r}, which publishes no transition table (P and initial_state_distrib of "
            "env.unwrapped), expected one that does, such as 'FrozenLake-v1'"
        )
    space = env.observation_space
    first_state = int(space.start) if isinstance(space, gymnasium.spaces.Discrete) else 0
    first_action = int(env.action_space.start)
    n_states, n_actions = len(table), int(env.action_space.n)
    transitions, rewards = np.zeros((n_states, n_actions, n_states)), np.zeros((n_states, n_actions))
    ends, goes_on = np.zeros((2, n_states, n_states), dtype=bool)
    for s, a in np.ndindex(n_states, n_actions):
        try:
            ways = table[first_state + s][first_action + a]
        except LookupError as error:
            raise ValueError(
                f"env_id is {env_id!r}, whose table P lacks state {first_state + s} with action {first_action + a}: "
                f"expected the numbers of {env.observation_space} and {env.action_space}"
            ) from error
        for probability, number, reward, terminated in ways:
            following = arguments.whole("a next state in P", number, first_state, first_state + n_states - 1)
            following -= first_state
            transitions[s, a, following] += probability  # the same next state may be listed twice
            rewards[s, a] += probability * reward
            (ends if terminated else goes_on)[s, following] |= probability > 0
    terminal = ends.any(axis=0)
    live = np.asarray(start) > 0
    for _ in range(n_states):
        live = live | goes_on[live].any(axis=0)
    if (live & terminal).any():
        s = np.flatnonzero(live & terminal)[0]
        raise ValueError(f"env_id is {env_id!r}, where state {s} ends some episodes and not others: expected always")
    transitions[terminal] = np.eye(n_states)[terminal][:, None]
    rewards[terminal] = 0.0
    return TabularMDP(transitions, rewards, start, discount, horizon, tuple(np.flatnonzero(terminal)))


def _distribution(name: str, table: FloatArray) -> None:
    """Require probabilities along the last axis."""
    arguments.within(name, table, 0.0, 1.0)
    sums = np.asarray(table.sum(axis=-1))
    fine = np.asarray(np.abs(sums - 1.0) <= _ROW_SUM_TOLERANCE)
    arguments.require(f"the sum over the last axis of {name}", sums, fine, "1 (a probability distribution)")


def _terminal_states(states: object, n_states: int) -> tuple[int, ...]:
    """Return the indices as a tuple."""
    indices = arguments.rectangular("terminal_states", states)
    if indices.size == 0:
        return ()
    if indices.dtype.kind not in "iu":
        raise TypeError(f"terminal_states has dtype {indices.dtype}, expected integers")
    if indices.ndim != 1:
        raise ValueError(f"terminal_states has shape {indices.shape}, expected a list of states")
    fine = np.asarray((indices >= 0) & (indices < n_states))
    arguments.require("terminal_states", indices, fine, f"a state from 0 to {n_states - 1}")
    return tuple(int(i) for i in indices)


def _names(name: str, names: Sequence[str] | None, count: int) -> tuple[str, ...] | None:
    """Return the names as a tuple, or None."""
    if names is None:
        return None
    if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(n, str) for n in names):
        raise TypeError(f"{name} is {arguments.said(names)}, expected a list of {count} strings")
    if len(names) != count:
        raise ValueError(f"{name} has {len(names)} entries, expected {count}")
    return tuple(names)
