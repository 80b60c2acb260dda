"""The training lab: an actor-critic that learns in the kernel, drawn while it does."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from traitlets import Dict, Enum, observe

from course_utils import arguments, mdp, policy, rollout, training, worlds
from course_utils.arguments import FloatArray
from course_utils.widgets.kernel_lab import KernelLab, budget, stride
from course_utils.widgets.lab import Flag, Number, Numbers, Whole, lab_source, lab_style

__all__ = ["Settings", "TrainingLab", "cart_features", "frame_stride"]


class Settings(NamedTuple):
    """What an environment is trained with, as far as no control sets it."""

    episodes: int
    """Episodes of a batch"""
    discount: float
    """γ; an MDP has its own"""
    value_step_size: float
    """Adam's step size for the critic"""
    step_size: float
    """Adam's step size for the policy, at the start"""
    lambda_: float
    """λ at the start"""
    highest: float
    """The largest return that there is"""


ENVIRONMENTS = {
    "FrozenLake": Settings(8, 1.0, 0.1, 0.05, 0.95, 1.0),
    "CartPole": Settings(8, 0.99, 1.0, 0.1, 0.99, 500.0),
}
STEP_LIMIT = 100  # FrozenLake's; Gymnasium has the same
SCALES = np.array([2.4, 2.0, 0.21, 2.0])  # position, speed, angle, angular speed of CartPole
LOWEST_STEP_SIZE, HIGHEST_STEP_SIZE = 0.001, 1.0
HIGHEST_ENTROPY_COST = 0.2
EVALUATIONS = 30  # the last so many are drawn
FRAMES = 100  # of a replayed episode


def cart_features(observations: NDArray[Any]) -> FloatArray:
    """Return the four observations of CartPole, each over its usual size, and a constant: shape (n, 5)."""
    scaled = np.asarray(observations, dtype=np.float64) / SCALES
    return np.concatenate([scaled, np.ones((len(scaled), 1))], axis=1)


class _Kept:
    """An optimiser that goes on from one call of a2c to the next: fresh() forgets nothing."""

    def __init__(self, inner: training.Adam) -> None:
        self.inner = inner

    def step(self, parameters: Any, gradient: Any) -> FloatArray:
        return self.inner.step(parameters, gradient)

    def fresh(self) -> "_Kept":
        return self


class _Still:
    """An optimiser that does not move: the critic stays 0, and its advantages are the returns."""

    def step(self, parameters: Any, gradient: Any) -> FloatArray:
        return np.asarray(parameters)

    def fresh(self) -> "_Still":
        return self


class TrainingLab(KernelLab):
    """A lab that trains an actor-critic in the kernel, update by update, and shows what it learns.

    environment: "FrozenLake" (a table of logits and of values; J is known exactly) or "CartPole" (both linear in four
    observations and a constant); critic: off makes the weights the returns to go, without a baseline (then λ does
    nothing); entropy_cost: c_H from 0 to 0.2; lambda_: λ of the GAE; step_size: Adam's for the policy, from 0.001 to
    1; None for the environment's own λ and step size; seed: of everything that is random.

    Call `train(updates)`, `evaluate(episodes)` and `reset(seed)`; read `parameters`, `value_parameters`, `history()`,
    `probabilities()` and `performance()`. `running = True` trains in the background, where an event loop runs.

    Raises TraitError, naming the trait, for values that are not finite or out of range.
    """

    _esm = lab_source("kernel_lab.js", "training_lab.js")
    _css = lab_style("kernel_lab.css", "training_lab.css")

    environment = Enum(tuple(ENVIRONMENTS), "FrozenLake").tag(sync=True)
    critic = Flag(True).tag(sync=True)
    entropy_cost = Number(0.01, min=0.0, max=HIGHEST_ENTROPY_COST).tag(sync=True)
    lambda_ = Number(0.95, min=0.0, max=1.0).tag(sync=True)
    step_size = Number(0.05, min=LOWEST_STEP_SIZE, max=HIGHEST_STEP_SIZE).tag(sync=True)

    # What the picture shows. All of it follows from the training; nothing is to be set.
    updates = Whole(0, min=0).tag(sync=True)
    steps = Whole(0, min=0).tag(sync=True)
    entropy = Number(0.0).tag(sync=True)
    batch_return = Number(0.0).tag(sync=True)
    batch_returns = Numbers(-1e6, 1e6).tag(sync=True)
    exact = Numbers(0.0, 1.0).tag(sync=True)
    evaluated_at = Numbers(0.0, 1e9).tag(sync=True)
    evaluated_over = Numbers(0.0, 1e9).tag(sync=True)
    evaluated_mean = Numbers(-1e6, 1e6).tag(sync=True)
    evaluated_low = Numbers(-1e6, 1e6).tag(sync=True)
    evaluated_high = Numbers(-1e6, 1e6).tag(sync=True)
    policy = Numbers(0.0, 1.0, (0, 64)).tag(sync=True)
    values = Numbers(-1e6, 1e6, (0, 16)).tag(sync=True)
    cart = Numbers(-10.0, 10.0).tag(sync=True)
    pole = Numbers(-10.0, 10.0).tag(sync=True)
    replay_length = Whole(0, min=0, max=500).tag(sync=True)
    world = Dict(read_only=True).tag(sync=True)

    def __init__(
        self,
        environment: str = "FrozenLake",
        *,
        critic: bool = True,
        entropy_cost: float = 0.01,
        lambda_: float | None = None,
        step_size: float | None = None,
        seed: int = 0,
    ) -> None:
        usual = ENVIRONMENTS.get(environment if isinstance(environment, str) else "", ENVIRONMENTS["FrozenLake"])
        super().__init__(
            environment=environment,
            critic=critic,
            entropy_cost=entropy_cost,
            lambda_=usual.lambda_ if lambda_ is None else lambda_,
            step_size=usual.step_size if step_size is None else step_size,
            seed=seed,
        )
        self._lake = worlds.frozen_lake(horizon=STEP_LIMIT)
        self._envs: dict[int, Any] = {}  # CartPoles that step together, by their number
        self.set_trait(
            "world", {"map": _letters(self._lake), "highest": {k: s.highest for k, s in ENVIRONMENTS.items()}}
        )
        self._ready = True
        self.reset()

    # --- training -----------------------------------------------------------------------------------

    def reset(self, seed: int | None = None) -> None:
        """Forget what was learned and begin anew; with another seed, if one is given."""
        if seed is not None:
            self.seed = seed
        settings = ENVIRONMENTS[self.environment]
        states, actions = (16, 4) if self.environment == "FrozenLake" else (len(SCALES) + 1, 2)
        self.parameters: FloatArray = np.zeros((states, actions))
        self.value_parameters: FloatArray = np.zeros(states)
        self._actor = _Kept(training.Adam(self.step_size))
        self._judge = _Kept(training.Adam(settings.value_step_size))
        self._rng = np.random.default_rng([self.seed, 0])
        self._rows: list[tuple[float, ...]] = []
        self._exact = [self.performance()] if self.environment == "FrozenLake" else []
        self._evaluations: list[tuple[float, ...]] = []
        self._n_evaluations = 0
        self._steps = 0
        self._show(at_rest=True, message="")

    def evaluate(self, episodes: int = 100) -> training.Evaluation:
        """Measure the policy on fresh episodes, draw the result, and return it."""
        episodes = arguments.whole("episodes", episodes, low=2)
        rng = np.random.default_rng([self.seed, 1, len(self._rows), self._n_evaluations])
        result = training.evaluate(
            self._environment(min(episodes, 100)),
            self.parameters,
            episodes=episodes,
            rng=rng,
            features=self._features(),
        )
        self._n_evaluations += 1
        self._evaluations.append((len(self._rows), episodes, result.mean, result.low, result.high))
        self._show(message="")
        return result

    def history(self) -> training.History:
        """Return what every update saw in its batch: arrays of shape (updates,)."""
        table = np.array(self._rows).reshape(len(self._rows), len(training.History._fields))
        return training.History(*table.T.copy())

    def performance(self) -> float:
        """Return the exact J of FrozenLake: the probability to reach the present within 100 steps.

        Raises ValueError for CartPole, where nobody knows it.
        """
        if self.environment != "FrozenLake":
            raise ValueError(f"environment is {self.environment}, expected FrozenLake: no oracle knows J of another")
        return self._lake.performance(self.parameters)

    def probabilities(self) -> FloatArray:
        """Return FrozenLake's policy π(a | s), shape (16, 4), in the order left, down, right, up."""
        if self.environment != "FrozenLake":
            raise ValueError(f"environment is {self.environment}, expected FrozenLake: only it has numbered states")
        return policy.softmax(self.parameters)

    def _features(self) -> training.Features | None:
        return None if self.environment == "FrozenLake" else cart_features

    def _environment(self, copies: int) -> training.Environment:
        if self.environment == "FrozenLake":
            return self._lake
        if copies not in self._envs:
            self._envs[copies] = rollout.make_vec("CartPole-v1", copies)
        envs: training.Environment = self._envs[copies]
        return envs

    def _done(self) -> int:
        return len(self._rows)

    def _update(self) -> None:
        """Do one update with the controls as they are. What fails leaves everything as it was."""
        settings = ENVIRONMENTS[self.environment]
        self._actor.inner.step_size = self.step_size
        try:
            result = training.a2c(
                self._environment(settings.episodes),
                self.parameters,
                updates=1,
                episodes=settings.episodes,
                optimizer=self._actor,
                value_optimizer=self._judge if self.critic else _Still(),
                rng=self._rng,
                value_parameters=self.value_parameters if self.critic else None,
                features=self._features(),
                lambda_=self.lambda_ if self.critic else 1.0,
                entropy_cost=self.entropy_cost,
                discount=None if self.environment == "FrozenLake" else settings.discount,
                progress=False,
            )
        except FloatingPointError as error:
            words = str(error).removeprefix("update 1: ")
            raise FloatingPointError(f"update {len(self._rows) + 1}: {words}") from error
        if result.updates_done == 0:
            raise KeyboardInterrupt
        exact = None if self.environment != "FrozenLake" else self._lake.performance(result.parameters)
        self.parameters = result.parameters
        if self.critic and result.value_parameters is not None:
            self.value_parameters = result.value_parameters
        row = tuple(float(column[0]) for column in result.history)
        self._rows.append(row)
        self._steps += round(row[training.History._fields.index("lengths")] * settings.episodes)
        if exact is not None:
            self._exact.append(exact)

    # --- the picture --------------------------------------------------------------------------------

    def _show(self, *, at_rest: bool = False, message: str | None = None) -> None:
        """Bring what the browser draws up to date, in one message; at rest with an episode to replay."""
        n, lake = len(self._rows), self.environment == "FrozenLake"
        kept = slice(None, None, stride(n))
        history = self.history()
        last = self._evaluations[-EVALUATIONS:]
        columns = np.array(last).reshape(len(last), 5).T
        frames: dict[str, Any] = {}
        if not lake and at_rest:
            frames = self._replay()
        elif lake:
            frames = {"cart": [], "pole": [], "replay_length": 0}
        with self.hold_sync():
            self.updates, self.steps = n, self._steps
            self.batch_returns = history.returns[kept]
            self.batch_return = float(history.returns[-1]) if n else 0.0
            self.entropy = float(history.entropies[-1]) if n else 0.0
            self.exact = np.clip([*self._exact[:-1][kept], self._exact[-1]], 0, 1) if lake else []
            self.evaluated_at, self.evaluated_over, self.evaluated_mean = columns[:3]
            self.evaluated_low, self.evaluated_high = columns[3:]
            self.policy = self.probabilities().ravel() if lake else []
            self.values = self.value_parameters if lake else []
            for name, value in frames.items():
                setattr(self, name, value)
            if message is not None:
                self.message = message

    def _replay(self) -> dict[str, Any]:
        """Play one fresh episode of CartPole; return at most 100 frames of it."""
        rng = np.random.default_rng([self.seed, 2, len(self._rows)])
        envs = self._environment(1)
        record = rollout.from_gymnasium(envs, lambda o: cart_features(o) @ self.parameters, 1, rng)  # type: ignore[arg-type]
        length = record.actions.shape[1]
        frames = [*range(0, length, frame_stride(length)), length]
        states = np.clip(record.states[0, frames].astype(np.float64), -10, 10)
        return {"cart": states[:, 0], "pole": states[:, 2], "replay_length": length}

    # --- the page -----------------------------------------------------------------------------------

    @observe("environment")
    def _on_environment(self, change: Any) -> None:
        if self._ready:
            usual = ENVIRONMENTS[change["new"]]
            self.lambda_, self.step_size = usual.lambda_, usual.step_size
            self.reset()

    def _wishes(self) -> Mapping[str, Callable[[], object]]:
        return {
            "evaluate": self.evaluate,
            **{name: partial(self.set_trait, "environment", name) for name in ENVIRONMENTS},
        }

    # --- viewers without widgets --------------------------------------------------------------------

    def line(self) -> str:
        """Return the line of numbers under the picture."""
        words = f"update {self.updates:,}, {self.steps:,} steps"
        if self.updates:
            words += f", batch return {self._number(self.batch_return)}, entropy {self.entropy:.2f}"
        if self._evaluations:
            _, episodes, mean, low, high = self._evaluations[-1]
            limits = f"[{self._number(max(low, 0))}, {self._number(min(high, self._highest()))}]"
            words += f", fresh: {self._number(mean)} {limits} over {episodes:.0f} episodes"
        return words

    def _highest(self) -> float:
        return ENVIRONMENTS[self.environment].highest

    def _number(self, x: float) -> str:
        return f"{x:.2f}" if self.environment == "FrozenLake" else f"{x:.0f}"

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        words = f"Training lab: {self.environment}, {self.line()}."
        if self.environment == "FrozenLake":
            words += f" The exact probability to reach the present is {self.performance():.3g}."
        elif self.replay_length:
            words += f" One fresh episode lasted {self.replay_length} of at most 500 steps."
        return words

    def first_frame(self) -> bytes:
        """Return the learning curve and the policy (or the pole's angle) as PNG bytes."""
        from course_utils import figures

        fig, (left, right) = figures.new_figure(7.2, 3.4, columns=2)
        at = np.arange(len(self.batch_returns)) * stride(self.updates)
        left.plot(at, self.batch_returns, "o", color=figures.SAMPLED, ms=4, label="training batches")
        if self.exact:
            left.plot([*at, self.updates], self.exact, "-", color=figures.EXACT, lw=2, label="exact J")
        if self.evaluated_at:
            mean = np.array(self.evaluated_mean)
            bars = np.abs(np.clip([self.evaluated_low, self.evaluated_high], 0, self._highest()) - mean)
            left.errorbar(
                self.evaluated_at, mean, yerr=bars, fmt="D", color=figures.POLICY, label="fresh episodes, 95 %"
            )
        left.set(
            xlim=(-0.02 * budget(self.updates), budget(self.updates)),
            ylim=(-0.03 * self._highest(), 1.05 * self._highest()),
        )
        left.set_xlabel("updates")
        left.set_title("return", fontsize=11, loc="left")
        if self.updates:
            left.legend(frameon=False, fontsize=9)
        if self.environment == "FrozenLake":
            self._draw_lake(right)
        else:
            steps = np.linspace(0, self.replay_length, len(self.pole))
            right.plot(steps, np.degrees(self.pole), color=figures.POLICY)
            right.axhline(0, color=figures.REFERENCE, lw=1)
            right.set(ylim=(-14, 14))
            right.set_xlabel("step of one fresh episode")
            right.set_title("angle of the pole, degrees", fontsize=11, loc="left")
        return figures.png(fig)

    def _draw_lake(self, ax: Any) -> None:
        from course_utils import figures

        pi = self.probabilities()
        for s, letter in enumerate(self.world["map"]):
            x, y = s % 4, 3 - s // 4
            ax.plot([x, x + 1, x + 1, x, x], [y, y, y + 1, y + 1, y], color=figures.LINE, lw=0.8)
            if letter in "HG":
                ax.annotate(
                    "hole" if letter == "H" else "present", (x + 0.5, y + 0.5), ha="center", va="center", fontsize=9
                )
                continue
            for a, (dx, dy) in enumerate(((-1, 0), (0, -1), (1, 0), (0, 1))):
                ax.plot(x + 0.5 + 0.42 * pi[s, a] * np.array([0, dx]), y + 0.42 + 0.42 * pi[s, a] * np.array([0, dy]),
                        color=figures.POLICY, lw=1 + 3 * pi[s, a])  # fmt: skip
            if self.critic:
                ax.annotate(f"{self.value_parameters[s]:.2f}", (x + 0.97, y + 0.95), ha="right", va="top", fontsize=8)
        ax.annotate("start", (0.04, 3.03), va="bottom", fontsize=8)
        ax.set(aspect="equal")
        ax.axis("off")
        ax.set_title("policy" + (" and critic's V" if self.critic else ""), fontsize=11, loc="left")


def frame_stride(length: int) -> int:
    """Return how many steps lie between two frames of a replayed episode."""
    return max(1, -(-length // (FRAMES - 1)))


def _letters(lake: mdp.TabularMDP) -> str:
    """Return the map, a letter for each state: S the start, F ice, H a hole, G the present."""
    present = np.argmax((lake.rewards[:, :, None] * lake.transitions).sum(axis=(0, 1)))
    letters = ["F"] * lake.n_states
    for s in lake.terminal_states:
        letters[s] = "H"
    letters[int(present)], letters[int(np.argmax(lake.start))] = "G", "S"
    return "".join(letters)
