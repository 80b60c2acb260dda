"""Learning curves of hundreds of independent runs of the book's REINFORCE, all of them at once.

``training.reinforce`` takes one step for each batch, and one run at a time; the book's figures need 100 runs of 1,000
episodes each, with an update after every step.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from course_utils import arguments, kernels, rollout
from course_utils.arguments import FloatArray, IntArray
from course_utils.mdp import TabularMDP

__all__ = ["reinforce_runs"]


_BLOCK = 64  # steps between two looks at what goes wrong rarely


@np.errstate(over="ignore", invalid="ignore")  # what is not finite is found at the next look
def reinforce_runs(
    mdp: TabularMDP,
    parameters: ArrayLike,
    *,
    step_sizes: Sequence[float] | FloatArray,
    runs: int,
    episodes: int,
    rng: np.random.Generator,
    value_step_size: float | None = None,
    least_probability: float = 0.05,
    max_steps: int | None = None,
) -> FloatArray:
    """Return the learning curves of many independent runs of the book's REINFORCE, all of them at once.

    after every episode, for its steps in order: δ = G_t − w;  w ← w + α^w δ;  θ ← θ + α δ ∂ log π(a_t | s_t, θ) / ∂θ

    θ changes within this sweep: later terms are taken at the parameters that earlier ones left. w is one number, the
    same for all states, 0 at the start; without ``value_step_size`` it stays 0 (no baseline). Every run goes at its
    own pace: one that has ended an episode sweeps over it, and then begins the next.

    π is the softmax p of the logits x θ with a floor, π_a = ε + (1 − A ε) max(p_a − ε, 0) / Σ_b max(p_b − ε, 0), which
    changes nothing where no p_a is below ε. Zhang's well-known program for the book's figures has it too: otherwise a
    long episode can make a run all but deterministic, and in the corridor its next episode does not end.

    Args:
        mdp: an undiscounted MDP with features, such as ``short_corridor()``.
        parameters: θ at the start of every run, shape (d,), in the order of the MDP's features: for the corridor
            (right, left). log(0.05 / 0.95) and 0 make right 5 % probable.
        step_sizes: α, one curve of runs for each, every one positive.
        runs: runs of every step size, at least 1.
        episodes: episodes of every run, at least 1, and so many sweeps of updates.
        rng: a numpy.random.Generator.
        value_step_size: α^w > 0, or None for no baseline.
        least_probability: ε in [0, 1 / A), the floor; 0 for the plain softmax.
        max_steps: cut episodes off after so many steps (then R(τ) and G_t count what was collected); None for no cut.

    Returns:
        R(τ) of every episode, shape (len(step_sizes), runs, episodes).

    Raises:
        TypeError: arguments of another type.
        ValueError: wrong shapes, numbers out of range, an MDP without features or with a discount below 1, or a run
            that diverged: an episode of more than 50,000 steps that nothing cuts off.
        FloatingPointError: parameters that are no longer finite.

    Source: Sutton & Barto 2018, the boxes "REINFORCE" (section 13.3) and "REINFORCE with Baseline" (section 13.4).
    """
    arguments.instance("mdp", mdp, TabularMDP)
    if mdp.features is None:
        raise ValueError("mdp has no features, expected features of shape (S, A, d), as short_corridor() has them")
    if mdp.discount != 1:
        raise ValueError(f"mdp has discount {mdp.discount}, expected 1")
    (theta,) = arguments.floats(parameters=parameters)
    arguments.shape("parameters", theta, mdp.features.shape[2:], "the MDP's features")
    (alphas,) = arguments.floats(step_sizes=step_sizes)
    if alphas.ndim != 1:
        raise ValueError(f"step_sizes has shape {alphas.shape}, expected a list of numbers")
    arguments.require("step_sizes", alphas, np.asarray(alphas > 0), "a positive number")
    runs, episodes = arguments.count("runs", runs), arguments.count("episodes", episodes)
    if len(alphas) * runs * episodes > arguments.LARGEST_RECORD:
        raise ValueError(
            f"step_sizes, runs and episodes make {len(alphas)} · {runs} · {episodes} episodes, expected at most "
            f"{arguments.LARGEST_RECORD}"
        )
    arguments.generator(rng)
    beta = 0.0 if value_step_size is None else arguments.positive("value_step_size", value_step_size)
    floor = arguments.number("least_probability", least_probability, low=0.0)
    if floor >= 1 / mdp.n_actions:
        raise ValueError(f"least_probability is {floor}, expected less than 1 / {mdp.n_actions}")
    limit = rollout.LONGEST_EPISODE if max_steps is None else arguments.whole("max_steps", max_steps, low=1)
    limit = limit if mdp.horizon is None else min(limit, mdp.horizon)
    cut = max_steps is not None or mdp.horizon is not None

    # One column is one run. Everything is indexed by code = state · A + action, and "here" is the state · A.
    n_states, n_actions, _ = mdp.features.shape
    n = len(alphas) * runs
    x_state = np.repeat(mdp.features.transpose(1, 2, 0), n_actions, axis=2)  # (A, d, code)
    x_code = np.ascontiguousarray(mdp.features.reshape(n_states * n_actions, -1).T)  # (d, code)
    reward_of = mdp.rewards.ravel()
    ending = np.repeat(np.isin(np.arange(n_states), mdp.terminal_states), n_actions)
    draw_start, draw_next = _Inversion(mdp.start[None]), _Inversion(mdp.transitions.reshape(-1, n_states))

    theta = np.repeat(theta.astype(np.float64)[:, None], n, axis=1)
    w, g = np.zeros(n), np.zeros(n)  # g: the return so far while sampling, what is left of it while updating
    alpha = np.repeat(alphas.astype(np.float64), runs)
    updating = np.zeros(n, dtype=bool)
    run, slot = np.arange(n), episodes * np.arange(n)  # slot = run · episodes + episode
    at = np.arange(n)  # where in the flat record: step · n + run
    result = np.zeros(n * episodes)
    capacity = 4 * _BLOCK
    rollout.require_end_by(capacity, n, endless=False, name="runs")
    heres, actions = np.zeros((2, capacity * n), dtype=np.intp)
    heres[at] = n_actions * draw_start(np.zeros(n, dtype=np.intp), rng)
    clock = 0
    while len(run):
        if clock % _BLOCK == 0:
            uniform = rng.random((_BLOCK, len(run)))
            if at.max() >= (capacity - _BLOCK) * n:
                rollout.require_end_by(2 * capacity, n, endless=False, name="runs")
                heres, actions = (np.concatenate([record, np.zeros_like(record)]) for record in (heres, actions))
                capacity *= 2
            _require_convergence(theta, at // n, None if cut else limit, alpha, run % runs, slot % episodes)
        here = heres.take(at)
        x = x_state.take(here, axis=2)
        pi = _policy(x, theta, floor)
        action = np.where(updating, actions.take(at), _drawn(pi, uniform[clock % _BLOCK]))
        clock += 1
        actions[at] = action
        code = here + action

        x *= pi[:, None]
        score = x_code.take(code, axis=1)
        score -= x.sum(axis=0)
        if beta:
            delta = g - w
            w += beta * updating * delta
        else:
            delta = g
        score *= alpha * updating * delta
        theta += score

        reward = reward_of.take(code)
        np.negative(reward, out=reward, where=updating)
        g += reward
        at += n
        following = n_actions * draw_next(code, rng)
        if not draw_next.certain:
            following = np.where(updating, heres.take(at), following)
        heres[at] = following
        over = ending.take(following)
        if cut:
            over |= at >= limit * n
        ended = np.flatnonzero(over)
        if not len(ended):
            continue
        # Who has sampled an episode goes back to its first step to update; who has updated begins the next episode.
        at[ended] = run[ended]
        updating ^= over
        sampled, swept = ended[updating[ended]], ended[~updating[ended]]
        result[slot[sampled]] = g[sampled]
        g[swept] = 0.0
        slot[swept] += 1
        heres[run[swept]] = n_actions * draw_start(np.zeros(len(swept), dtype=np.intp), rng)
        if (slot[swept] % episodes == 0).any():
            going = ~(over & ~updating & (slot % episodes == 0))
            theta, uniform = theta[:, going], uniform[:, going]
            w, g, alpha = w[going], g[going], alpha[going]
            updating, run, slot, at = updating[going], run[going], slot[going], at[going]
    return result.reshape(len(alphas), runs, episodes)


def _policy(x: FloatArray, theta: FloatArray, floor: float) -> FloatArray:
    """Return π, the softmax of x θ with a floor, one column for each run, shape (A, n)."""
    z = (x * theta).sum(axis=1)
    z -= z.max(axis=0)
    pi: FloatArray = np.exp(z, out=z)
    pi /= pi.sum(axis=0)
    if floor and pi.min() < floor:
        spare = np.maximum(pi - floor, 0.0)
        pi = floor + spare * ((1 - len(pi) * floor) / spare.sum(axis=0))
    return pi


def _drawn(pi: FloatArray, uniform: FloatArray) -> IntArray:
    """Draw an action for each run, by inversion; a sum over few actions is faster than cumsum."""
    edge = pi[0]
    action: IntArray = (edge <= uniform).astype(np.intp)
    for a in range(1, len(pi) - 1):
        edge = edge + pi[a]
        action += edge <= uniform
    return action


class _Inversion:
    """Draws from the rows of a table of probabilities, by inverting their cumulative distributions."""

    def __init__(self, table: FloatArray) -> None:
        width = int((table > 0).sum(axis=1).max())
        self.outcomes = np.argsort(-table, axis=1, kind="stable")[:, :width]
        self.cumulative = np.take_along_axis(table, self.outcomes, axis=1).cumsum(axis=1)
        self.certain = width == 1
        self._only = self.outcomes[:, 0].copy()

    def __call__(self, rows: IntArray, rng: np.random.Generator) -> IntArray:
        """Draw one outcome from each of the rows; no random number is used where there is no choice."""
        if self.certain:
            return self._only.take(rows)
        drawn: IntArray = self.outcomes[rows, kernels.invert(self.cumulative[rows], rng.random(len(rows)))]
        return drawn


def _require_convergence(
    theta: FloatArray, steps: IntArray, limit: int | None, alpha: FloatArray, run: IntArray, episode: IntArray
) -> None:
    """Require finite parameters and an end to every episode, of all runs; θ has one column for each."""
    for wrong, what, error in [
        (~np.isfinite(theta).all(axis=0), "the parameters are not finite", FloatingPointError),
        (
            steps > (np.inf if limit is None else limit),
            f"more than {limit} steps; max_steps would cut it off",
            ValueError,
        ),
    ]:
        if wrong.any():
            i = np.flatnonzero(wrong)[0]
            raise error(
                f"step size {alpha[i]:g}, run {run[i] + 1}, episode {episode[i] + 1}: {what}. Try a smaller step size."
            )
