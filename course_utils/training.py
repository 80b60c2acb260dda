"""Training: REINFORCE and advantage actor-critic as plain ascent loops, and evaluation on fresh episodes.

One update = sample a batch with the policy as it is, estimate the gradient of J(θ), take one step, throw the batch
away. A policy is linear in its parameters θ:

- a table of logits, shape (S, A), where states are numbered;
- shape (d, A) with ``features``, a function from n observations to an array (n, d): logits = features(s) @ θ;
- shape (d,) on a TabularMDP with features x(s, a): logits = x @ θ, so that states share parameters.

A critic is a table of values, shape (S,), or shape (d,) with ``features``: V(s) = features(s) @ w.
"""

import copy
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils import arguments, estimators, kernels, progress_bar, returns, rollout
from course_utils.arguments import FloatArray
from course_utils.mdp import TabularMDP
from course_utils.rollout import Rollout

if TYPE_CHECKING:
    from gymnasium.vector import VectorEnv

__all__ = ["SGD", "Adam", "Evaluation", "History", "Optimizer", "Trained", "a2c", "evaluate", "kept", "reinforce"]


Environment: TypeAlias = "TabularMDP | VectorEnv[Any, Any, Any]"
Features: TypeAlias = Callable[[NDArray[Any]], ArrayLike]
Numbers = TypeVar("Numbers", FloatArray, np.floating[Any])
Baseline: TypeAlias = Literal["none", "batch mean", "leave one out", "value"]
BASELINES = ("none", "batch mean", "leave one out", "value")

_LARGE = 1e6  # a cost above it is the first suspect where something overflows


class Optimizer(Protocol):
    """What turns a gradient into a step upwards."""

    def step(self, parameters: ArrayLike, gradient: ArrayLike) -> FloatArray:
        """Return the parameters after one step of ascent."""

    def fresh(self) -> Self:
        """Return an optimiser with the same settings and nothing remembered."""


class SGD:
    """Stochastic gradient ascent.

    θ ← θ + α g

    Args:
        step_size: α > 0.

    Raises:
        TypeError, ValueError: a step size that is not a positive number.

    Source: Robbins & Monro 1951; Sutton & Barto 2018, equation 13.1.
    """

    def __init__(self, step_size: float) -> None:
        self.step_size = arguments.positive("step_size", step_size)

    @arguments.no_overflow("parameters, gradient, step_size")
    def step(self, parameters: ArrayLike, gradient: ArrayLike) -> FloatArray:
        """Return θ + α g, shape of parameters.

        Raises:
            TypeError: not real numbers.
            ValueError: NaN or inf, a gradient of another shape, or an overflow.
        """
        parameters, gradient = _pair(parameters, gradient)
        return parameters + self.step_size * gradient

    def fresh(self) -> Self:
        """Return an optimiser with the same settings; this one remembers nothing."""
        return copy.copy(self)


class Adam:
    """Adam, for ascent: every entry takes steps of about the step size, whatever the scale of its gradient.

    m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  θ ← θ + α (m / (1 − β₁ᵏ)) / (√(v / (1 − β₂ᵏ)) + ε) at step k

    It remembers m, v and k from one step to the next. ``reinforce`` and ``a2c`` begin with ``fresh()``, so one
    object may serve several runs, and policy and critic of one run.

    Args:
        step_size: α > 0.
        beta1: β₁ in [0, 1), the memory of the mean gradient.
        beta2: β₂ in [0, 1), the memory of the mean squared gradient.
        epsilon: ε > 0, which keeps the division finite.

    Raises:
        TypeError, ValueError: settings that are not numbers, or out of range.

    Source: Kingma & Ba 2015, Adam: A Method for Stochastic Optimization, algorithm 1 (with the sign of ascent).
    """

    def __init__(self, step_size: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> None:
        self.step_size = arguments.positive("step_size", step_size)
        self.beta1, self.beta2 = _memory("beta1", beta1), _memory("beta2", beta2)
        self.epsilon = arguments.positive("epsilon", epsilon)
        self._state: kernels.AdamState | None = None

    @arguments.no_overflow("parameters, gradient, step_size")
    def step(self, parameters: ArrayLike, gradient: ArrayLike) -> FloatArray:
        """Return the parameters after one step, and remember m, v and k.

        Raises:
            TypeError: not real numbers.
            ValueError: NaN or inf, a gradient of another shape (than the parameters, or than that of the step
                before), or an overflow.
        """
        parameters, gradient = _pair(parameters, gradient)
        before = kernels.adam_start(parameters) if self._state is None else self._state
        arguments.shape("gradient", gradient, before.mean.shape, "that of the steps before (fresh() forgets them)")
        settings = self.step_size, self.beta1, self.beta2, self.epsilon
        moved, self._state = kernels.adam(parameters, gradient, before, *settings)
        if not np.isfinite(self._state.square).all():  # the step would be 0, without a word
            raise arguments.OverflowValueError("gradient, squared,", gradient.dtype)
        return moved

    def fresh(self) -> Self:
        """Return an optimiser with the same settings and nothing remembered."""
        return type(self)(self.step_size, self.beta1, self.beta2, self.epsilon)


class History(NamedTuple):
    """What every update saw in its batch, before it changed the parameters: arrays of shape (updates,)."""

    returns: FloatArray
    """Mean R(τ) of the batch: discounted by the MDP's γ; of a Gymnasium environment the plain sum of rewards"""
    return_errors: FloatArray
    """Standard error of that mean; NaN for a batch of one episode"""
    lengths: FloatArray
    """Mean number of steps of an episode"""
    entropies: FloatArray
    """Mean entropy H(π(· | s_t)) over the steps of the batch, in nats"""
    gradient_norms: FloatArray
    """Euclidean length of the estimated gradient with respect to θ"""
    value_errors: FloatArray
    """Root of the mean (G_t − V(s_t))² over the steps, G_t being the critic's target; NaN without a critic"""


class Trained(NamedTuple):
    """What a run of training leaves behind."""

    parameters: FloatArray
    """θ after the last update"""
    value_parameters: FloatArray | None
    """The critic's parameters after the last update; None without a critic"""
    history: History
    """Batch statistics of the updates done"""
    updates_done: int
    """Number of updates done"""
    interrupted: bool
    """Whether a KeyboardInterrupt ended the run early"""


class Evaluation(NamedTuple):
    """The performance of a policy on fresh episodes."""

    mean: float
    """Mean R(τ)"""
    standard_error: float
    """Sample standard deviation / √episodes"""
    low: float
    """Lower end of the 95 % confidence interval of J"""
    high: float
    """Upper end of it"""
    returns: FloatArray
    """R(τ) of every episode, shape (episodes,)"""


OnUpdate: TypeAlias = Callable[[int, FloatArray, FloatArray | None, History], object]


def reinforce(
    env: Environment,
    parameters: ArrayLike,
    *,
    updates: int,
    episodes: int,
    optimizer: Optimizer,
    rng: np.random.Generator,
    features: Features | None = None,
    baseline: Baseline = "none",
    value_parameters: ArrayLike | None = None,
    value_optimizer: Optimizer | None = None,
    discount: float | None = None,
    discount_steps: bool = True,
    max_steps: int | None = None,
    progress: bool = True,
    on_update: OnUpdate | None = None,
) -> Trained:
    """Train a policy by REINFORCE, with or without a baseline.

    g = (1/m) Σ_τ Σ_t γ^(t−1) (G_t − b) ∂ log π(a_t | s_t) / ∂θ;  θ moves upwards along g, once per batch
    with baseline "value" also (1/m) Σ_τ Σ_t (G_t − V(s_t)) ∂ V(s_t) / ∂w, along which w moves

    A truncated episode counts as if nothing followed; with baseline "value", V(s_{T+1}) stands for what would have.

    Args:
        env: a TabularMDP, or vectorised Gymnasium environments, as from ``rollout.make_vec``.
        parameters: θ at the start, shape (S, A), or (d, A) with features, or (d,) with the MDP's features.
        updates: number of updates, at least 1.
        episodes: m, the episodes of one batch, at least 1 (2 for "leave one out").
        optimizer: SGD(...) or Adam(...) for θ; the run works on a fresh copy.
        rng: a numpy.random.Generator.
        features: a function from observations (n, ...) to features (n, d).
        baseline: b: "none" (0), "batch mean" or "leave one out" (means of the other rows of the batch at the same
            step, with or without the row itself), or "value" (V(s_t), learned along the way).
        value_parameters: w at the start, shape (S,), or (d,) with features; None for zeros. Only with "value".
        value_optimizer: SGD(...) or Adam(...) for w. Only with "value", and needed there.
        discount: γ for a Gymnasium environment, None for 1; an MDP has its own, so None there.
        discount_steps: False leaves γ^(t−1) out, as many programs do (another direction, when γ < 1).
        max_steps: cut the MDP's episodes off after so many steps; for Gymnasium tell ``make_vec``.
        progress: show a bar while a person watches: in a terminal or in JupyterLab, and nowhere else.
        on_update: called as on_update(update, parameters, value_parameters, history_so_far) after every update,
            which counts from 1; for live pictures.

    Returns:
        Trained. A KeyboardInterrupt ends the run and keeps what was learned, with ``interrupted=True``. Any error after
        the first update, also one of on_update and SystemExit, has it as its attribute ``trained``.

    Raises:
        TypeError, ValueError: bad arguments.
        EndlessEpisodeError (a ValueError): an episode that has not ended after 50,000 steps.
        FloatingPointError: a gradient or parameters that are not finite; the message names the update.

    Source: Williams 1992; Sutton & Barto 2018, sections 13.3 and 13.4.
    """
    problem = _Problem(env, parameters, features, discount, max_steps)
    arguments.choice("baseline", baseline, BASELINES)
    episodes = arguments.count("episodes", episodes, low=2 if baseline == "leave one out" else 1)
    discount_steps = arguments.flag("discount_steps", discount_steps)
    if baseline == "value":
        value_optimizer = _optimizer("value_optimizer", value_optimizer)
        start = problem.checked_values(value_parameters)
    elif value_parameters is not None or value_optimizer is not None:
        raise ValueError(f"baseline is {baseline!r}, which learns no values: expected no value_parameters or optimizer")
    else:
        start = None

    def weigh(record: Rollout, values: FloatArray | None) -> tuple[FloatArray, FloatArray | None]:
        if values is not None:
            errors = returns.gae(record.rewards, record.discounts, values, 1.0)  # G_t − V(s_t)
            gammas = problem.discount ** np.arange(errors.shape[1]) if discount_steps else 1.0
            return gammas * errors, errors
        weights = {
            "none": estimators.reward_to_go,
            "batch mean": estimators.batch_mean_baseline,
            "leave one out": estimators.leave_one_out_baseline,
        }[baseline]
        return weights(record, discount_steps=discount_steps), None

    return _ascend(problem, weigh, start, updates, episodes, optimizer, value_optimizer, rng, progress, on_update)


def a2c(
    env: Environment,
    parameters: ArrayLike,
    *,
    updates: int,
    episodes: int,
    optimizer: Optimizer,
    value_optimizer: Optimizer,
    rng: np.random.Generator,
    value_parameters: ArrayLike | None = None,
    features: Features | None = None,
    lambda_: float = 0.95,
    entropy_cost: float = 0.0,
    whiten: bool = False,
    discount: float | None = None,
    max_steps: int | None = None,
    progress: bool = True,
    on_update: OnUpdate | None = None,
) -> Trained:
    """Train a policy and a critic by advantage actor-critic (A2C).

    θ goes upwards along (1/m) Σ_τ Σ_t (A_t ∂ log π(a_t | s_t) / ∂θ + c_H ∂ H(π(· | s_t)) / ∂θ)
    w goes upwards along (1/m) Σ_τ Σ_t (G_t − V(s_t)) ∂ V(s_t) / ∂w, with A_t by GAE and G_t = A_t + V(s_t)

    These are the negative gradients of ``objectives.a2c_loss``, A_t and G_t being constants. γ^(t−1) is left out, as
    is usual. After truncation, V(s_{T+1}) stands for what would have followed.

    Settings that work, with their processor time on one core. FrozenLake-v1 without slipping and discount 0.95, by a
    table: 12 updates of 128 episodes of at most 50 steps, Adam(1.0), Adam(0.3) for the critic, whitened: 0.05 s, about
    10,000 steps; all of 60 seeds reached the goal in all of 200 fresh episodes. CartPole-v1, 16 environments cut off
    after 200 steps, discount 0.99, features observation / (2.4, 2, 0.21, 2): 25 updates of 16 episodes, Adam(0.2),
    Adam(0.5), λ = 0.98, whitened: 1 s, about 66,000 steps; over 24 seeds the median of the mean of 100 fresh episodes
    of up to 500 steps was 500, the worst 245.

    Args:
        env, parameters, updates, episodes, optimizer, rng: as for ``reinforce``.
        value_optimizer: SGD(...) or Adam(...) for w; c_V of the loss is part of its step size.
        value_parameters: w at the start, shape (S,), or (d,) with features; None for zeros.
        lambda_: λ of the GAE, in [0, 1].
        entropy_cost: c_H, at least 0.
        whiten: shift and scale the advantages of a batch to mean 0 and standard deviation 1 over its steps, for
            the policy's gradient only; a batch whose advantages are all equal gets 0.
        features, discount, max_steps, progress, on_update: as for ``reinforce``.

    Returns:
        Trained, as from ``reinforce``.

    Raises:
        TypeError, ValueError: bad arguments.
        EndlessEpisodeError (a ValueError): an episode that has not ended after 50,000 steps.
        FloatingPointError: a gradient or parameters that are not finite; the message names the update.

    Source: Mnih et al. 2016, Asynchronous Methods for Deep Reinforcement Learning; Schulman et al. 2016 (GAE).
    """
    problem = _Problem(env, parameters, features, discount, max_steps)
    episodes = arguments.count("episodes", episodes)
    whiten = arguments.flag("whiten", whiten)
    lambda_ = arguments.number("lambda_", lambda_, low=0.0, high=1.0)
    entropy_cost = arguments.number("entropy_cost", entropy_cost, low=0.0)
    value_optimizer = _optimizer("value_optimizer", value_optimizer)
    start = problem.checked_values(value_parameters)

    def weigh(record: Rollout, values: FloatArray | None) -> tuple[FloatArray, FloatArray | None]:
        assert values is not None
        advantages = returns.gae(record.rewards, record.discounts, values, lambda_)  # G_t − V(s_t) too
        return kernels.whiten(advantages, record.mask > 0) if whiten else advantages, advantages

    return _ascend(
        problem, weigh, start, updates, episodes, optimizer, value_optimizer, rng, progress, on_update, entropy_cost
    )


def evaluate(
    env: Environment,
    parameters: ArrayLike,
    *,
    episodes: int,
    rng: np.random.Generator,
    features: Features | None = None,
    greedy: bool = False,
    max_steps: int | None = None,
) -> Evaluation:
    """Measure a policy on fresh episodes: none that it was trained on.

    mean = (1/m) Σ_τ R(τ), an unbiased estimate of J(θ); the interval is mean ± t standard errors

    R(τ) is discounted by an MDP's γ, and the plain sum of rewards of a Gymnasium environment. The interval supposes
    that the mean of m returns is nearly normal. When all returns are equal it has no width: that no episode differed
    does not prove that none would.

    Args:
        env: a TabularMDP, or vectorised Gymnasium environments, as from ``rollout.make_vec``.
        parameters: θ, shape (S, A), or (d, A) with features, or (d,) with the MDP's features.
        episodes: m, at least 2.
        rng: a numpy.random.Generator.
        features: a function from observations (n, ...) to features (n, d).
        greedy: always take the most probable action, instead of sampling.
        max_steps: cut the MDP's episodes off after so many steps; for Gymnasium tell ``make_vec``.

    Returns:
        Evaluation.

    Raises:
        TypeError, ValueError: bad arguments, or an episode that never ends.

    Source: Student 1908, The Probable Error of a Mean.
    """
    problem = _Problem(env, parameters, features, None, max_steps)
    episodes = arguments.count("episodes", episodes, low=2)
    greedy, rng = arguments.flag("greedy", greedy), arguments.generator(rng)
    sampled = problem.scores(problem.sample(problem.parameters, episodes, rng, greedy=greedy))
    with np.errstate(over="ignore", invalid="ignore"):
        mean, error = float(sampled.mean()), float(sampled.std(ddof=1) / np.sqrt(episodes))
    if not math.isfinite(error):
        raise arguments.OverflowValueError("the env's rewards", sampled.dtype)
    half = kernels.student_limit(0.05, episodes - 1) * error
    return Evaluation(mean, error, mean - half, mean + half, sampled)


class _Problem:
    """An environment with a linear policy on it: how to sample a batch, and how its gradients reach θ and w."""

    def __init__(
        self,
        env: Environment,
        parameters: ArrayLike,
        features: Features | None,
        discount: float | None,
        max_steps: int | None,
    ) -> None:
        self.env, self.features, self.max_steps = env, features, max_steps
        (theta,) = arguments.floats(parameters=parameters)
        self.parameters: FloatArray = theta.astype(np.float64)
        if features is not None:
            arguments.function("features", features, "a function from observations to (n, d)")
        if isinstance(env, TabularMDP):
            if discount is not None:
                raise ValueError(
                    f"discount is {arguments.said(discount)}, but the MDP has its own ({env.discount}): expected None"
                )
            self.discount = env.discount
            if features is not None:
                self.logits(self.parameters, np.arange(env.n_states))
            elif theta.ndim == 1:
                if env.features is None:
                    raise ValueError(
                        f"parameters has shape {theta.shape}, but the MDP has no features: expected (S, A)"
                    )
                arguments.shape("parameters", theta, env.features.shape[2:], "the MDP's features")
            else:
                arguments.shape("parameters", theta, env.rewards.shape, "the MDP's (S, A)")
            return
        import gymnasium

        if not isinstance(env, gymnasium.vector.VectorEnv):
            raise TypeError(
                f"env is {type(env).__name__}, expected course_utils.mdp.TabularMDP or gymnasium.vector.VectorEnv, as "
                "from make_vec"
            )
        if max_steps is not None:
            raise ValueError("max_steps cuts off episodes of an MDP: expected None, and make_vec(..., max_steps=...)")
        if theta.ndim != 2:
            raise ValueError(f"parameters has shape {theta.shape}, expected (S, A), or (d, A) with features")
        self.discount = 1.0 if discount is None else arguments.number("discount", discount, low=0.0, high=1.0)

    def sample(self, theta: FloatArray, episodes: int, rng: np.random.Generator, *, greedy: bool = False) -> Rollout:
        """Sample a batch of whole episodes."""

        def logits_at(states: NDArray[Any]) -> FloatArray:
            rows = self.logits(theta, states)
            return np.where(np.arange(rows.shape[1]) == rows.argmax(axis=1)[:, None], 0.0, -np.inf) if greedy else rows

        if isinstance(self.env, TabularMDP):
            table = logits_at(np.arange(self.env.n_states))
            return rollout.from_mdp(self.env, table, episodes, rng, self.max_steps)
        chosen = logits_at if greedy or self.features is not None else theta
        return rollout.from_gymnasium(self.env, chosen, episodes, rng, self.discount)

    def logits(self, theta: FloatArray, states: NDArray[Any]) -> FloatArray:
        """Return one row of logits for each state."""
        if self.features is not None:
            rows = _product("parameters", self.features, states, theta)
        elif theta.ndim == 1:
            assert isinstance(self.env, TabularMDP)
            assert self.env.features is not None
            rows = np.asarray(self.env.features[states] @ theta)
        else:
            rows = np.asarray(theta[states])
        _finite("the logits, or their differences,", np.ptp(rows))
        return rows

    def values(self, w: FloatArray, record: Rollout) -> FloatArray:
        """Return V(s_1) … V(s_{T+1}), shape (m, T + 1), with 0 after the end of an episode that terminated.

        So all advantages in the padding are 0: there, one discount is 0 and the values are 0, or (after truncation)
        it is 1 and the value stays the same.
        """
        if self.features is None:
            values: FloatArray = w[record.states]
        else:
            flat = record.states.reshape(-1, *record.states.shape[2:])
            values = _product("value_parameters", self.features, flat, w).reshape(record.states.shape[:2])
        follows = np.concatenate([record.mask, np.zeros_like(record.mask[:, :1])], axis=1) > 0
        return _finite("the critic's values", np.where(follows | record.truncated[:, None], values, 0.0))

    def checked_values(self, w: ArrayLike | None) -> FloatArray:
        """Return the critic's parameters at the start; zeros if there are none."""
        n_weights = self.parameters.shape[0]  # S, or d with features
        if isinstance(self.env, TabularMDP) and self.features is None:
            n_weights = self.env.n_states
        (checked,) = arguments.floats(value_parameters=np.zeros(n_weights) if w is None else w)
        arguments.shape("value_parameters", checked, (n_weights,), "the states, or the features")
        return checked.astype(np.float64)

    def scores(self, record: Rollout) -> FloatArray:
        """Return R(τ) of every episode: discounted in an MDP, the plain sum in a Gymnasium environment."""
        gamma = self.env.discount if isinstance(self.env, TabularMDP) else 1.0
        result: FloatArray = record.rewards @ gamma ** np.arange(record.rewards.shape[1])
        return result

    def gradient(
        self, theta: FloatArray, record: Rollout, weights: FloatArray, entropy_cost: float
    ) -> tuple[FloatArray, float]:
        """Return (1/m) Σ_τ Σ_t (w_t ∂ log π(a_t | s_t) + c_H ∂ H(π(· | s_t))) / ∂θ, and the mean of H."""
        taken = record.mask > 0
        states, actions, w = record.states[:, :-1][taken], record.actions[taken], weights[taken]
        pi = kernels.softmax(self.logits(theta, states))
        score, entropies = kernels.score(pi.probabilities, actions), kernels.entropy(pi)
        entropy_slope = -pi.probabilities * (kernels.finite_log(pi) + entropies[:, None])
        by_step = w[:, None] * score + entropy_cost * entropy_slope  # with respect to the logits of each step
        _finite("the costs of entropy", entropy_cost * entropies.sum())
        return self.through_logits(theta, states, by_step / len(record.actions)), float(entropies.sum()) / len(states)

    def through_logits(self, theta: FloatArray, states: NDArray[Any], by_step: FloatArray) -> FloatArray:
        """Return the gradient with respect to θ from those with respect to the logits of each step: the chain rule."""
        if self.features is not None or theta.ndim == 2:
            return self.summed(states, by_step, len(theta))
        assert isinstance(self.env, TabularMDP)
        assert self.env.features is not None
        return np.asarray(np.tensordot(self.summed(states, by_step, self.env.n_states), self.env.features, axes=2))

    def value_gradient(self, w: FloatArray, record: Rollout, errors: FloatArray) -> FloatArray:
        """Return (1/m) Σ_τ Σ_t (G_t − V(s_t)) ∂ V(s_t) / ∂w."""
        taken = record.mask > 0
        return self.summed(record.states[:, :-1][taken], errors[taken] / len(errors), len(w))

    def summed(self, states: NDArray[Any], rows: FloatArray, n: int) -> FloatArray:
        """Return the sum over steps of features times row, shape (n, ...): without features, the row of the state."""
        if self.features is not None:
            return np.asarray(np.asarray(self.features(states.copy())).T @ rows)
        result = np.zeros((n, *rows.shape[1:]))
        np.add.at(result, states, rows)
        return result


def _ascend(
    problem: _Problem,
    weigh: Callable[[Rollout, FloatArray | None], tuple[FloatArray, FloatArray | None]],
    w: FloatArray | None,
    updates: int,
    episodes: int,
    optimizer: Optimizer,
    value_optimizer: Optimizer | None,
    rng: np.random.Generator,
    progress: bool,
    on_update: OnUpdate | None,
    entropy_cost: float = 0.0,
) -> Trained:
    """Repeat: sample a batch, weigh its steps, θ ← θ + α (1/m) Σ_τ Σ_t w_t ∂ log π(a_t | s_t) / ∂θ."""
    updates, progress = arguments.count("updates", updates), arguments.flag("progress", progress)
    arguments.generator(rng)
    if on_update is not None:
        arguments.function("on_update", on_update, "a function of update, parameters, value_parameters and history")
    optimizer = _optimizer("optimizer", optimizer).fresh()
    value_optimizer = None if value_optimizer is None else value_optimizer.fresh()
    theta, table = problem.parameters, np.zeros((updates, len(History._fields)))
    done, interrupted = 0, False
    try:
        for update in progress_bar.bar(range(1, updates + 1), progress):
            stepped = update > 1
            try:
                with np.errstate(over="ignore", invalid="ignore"):
                    record = problem.sample(theta, episodes, rng)
                    weights, errors = weigh(record, None if w is None else problem.values(w, record))
                    gradient, entropy = problem.gradient(theta, record, weights, entropy_cost)
                    row = _statistics(problem.scores(record), record.mask, gradient, entropy, errors)
                    value_gradient = w if w is None or errors is None else problem.value_gradient(w, record, errors)
                    stepped = True
                    new_theta = _stepped("optimizer", optimizer, theta, _finite("the gradient", gradient))
                    _finite("the differences of the parameters", np.ptp(new_theta))
                    new_w = w
                    if w is not None and value_gradient is not None and value_optimizer is not None:
                        _finite("the critic's gradient", value_gradient)
                        new_w = _stepped("value_optimizer", value_optimizer, w, value_gradient)
            except (FloatingPointError, arguments.OverflowValueError) as error:
                suspects = [f"entropy_cost (it is {entropy_cost:g})"] if entropy_cost > _LARGE else []
                suspects += ["step size"] if stepped else []  # before the first step it has done nothing yet
                advice = f" Try a smaller {suspects[0]}." if suspects else ""
                raise FloatingPointError(f"update {update}: {error}.{advice}") from error
            table[done] = row
            theta, w, done = new_theta, new_w, update  # in one line: an interrupt finds all of them old or all new
            if on_update is not None:
                on_update(update, theta.copy(), None if w is None else w.copy(), _history(table, done))
    except (Exception, SystemExit) as error:
        if done:
            error.trained = Trained(theta, w, _history(table, done), done, interrupted)  # type: ignore[union-attr]
            error.add_note(kept("what was learned", done, "trained"))
        raise
    except KeyboardInterrupt:
        interrupted = True
        print(f"Interrupted after update {done} of {updates}: what was learned until then is kept.")
    return Trained(theta, w, _history(table, done), done, interrupted)


def _statistics(
    scores: FloatArray, mask: FloatArray, gradient: FloatArray, entropy: float, errors: FloatArray | None
) -> list[float]:
    """Return a batch's row of the history, in the order of its fields."""
    return [
        float(scores.mean()),
        float(scores.std(ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else np.nan,
        float(mask.sum(axis=1).mean()),
        entropy,
        float(np.linalg.norm(gradient)),
        np.nan if errors is None else float(np.sqrt((errors[mask > 0] ** 2).mean())),
    ]


def _stepped(name: str, optimizer: Optimizer, parameters: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return the parameters after one step of an optimiser, perhaps a learner's own."""
    result = arguments.rectangular(f"what {name} returns", optimizer.step(parameters, gradient))
    if result.dtype.kind not in "iuf" or result.shape != parameters.shape:
        got = f"an array of {result.dtype} of shape {result.shape}" if result.shape else arguments.said(result[()])
        raise TypeError(f"{name} returns {got}, expected the new parameters, of shape {parameters.shape}")
    return np.array(result, dtype=np.float64)  # a copy: an optimiser may go on to change its own


def kept(what: str, done: int, name: str) -> str:
    """Return what an error's note says of the updates that were done before it."""
    return (
        f"After update {done}: {what} until then is this error's attribute {name}; sys.last_value.{name} in a notebook."
    )


def _history(table: FloatArray, done: int) -> History:
    """Return the columns of the updates done."""
    return History(*table[:done].T.copy())


def _product(name: str, features: Features, states: NDArray[Any], weights: FloatArray) -> FloatArray:
    """Return features(states) @ weights."""
    (x,) = arguments.floats(features=features(states.copy()))  # the function may change what it gets
    if x.ndim != 2 or x.shape != (len(states), len(weights)):
        raise ValueError(
            f"{name} has shape {weights.shape} and features gives {x.shape} for {len(states)} observations, expected "
            "(d, A) or (d,), and (n, d)"
        )
    product: FloatArray = x @ weights
    return product


def _finite(what: str, array: Numbers) -> Numbers:
    """Require finite numbers where training has diverged if there are others."""
    if not np.isfinite(array).all():
        raise FloatingPointError(f"{what} {'is' if what.endswith('gradient') else 'are'} not finite")
    return array


def _pair(parameters: ArrayLike, gradient: ArrayLike) -> list[FloatArray]:
    """Return parameters and a gradient of their shape."""
    parameters, gradient = arguments.floats(parameters=parameters, gradient=gradient)
    arguments.shape("gradient", gradient, parameters.shape, "parameters")
    return [parameters, gradient]


def _optimizer(name: str, optimizer: Optimizer | None) -> Optimizer:
    """Require something that takes steps."""
    takes_steps = callable(getattr(optimizer, "step", None)) and callable(getattr(optimizer, "fresh", None))
    if not takes_steps or isinstance(optimizer, type):  # SGD without its brackets is a class
        raise TypeError(f"{name} is {arguments.said(optimizer)}, expected SGD(step_size) or Adam(step_size)")
    assert optimizer is not None
    return optimizer


def _memory(name: str, value: float) -> float:
    """Return a number in [0, 1)."""
    number = arguments.number(name, value, low=0.0, high=1.0)
    if number == 1:
        raise ValueError(f"{name} is {value}, expected a number below 1")
    return number
