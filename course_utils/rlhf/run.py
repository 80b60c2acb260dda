"""The whole pipeline from one configuration and one seed, the log that it writes, and how to go on with it."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from course_utils import arguments, kernels, progress_bar, training
from course_utils.arguments import FloatArray
from course_utils.rlhf import config as settings
from course_utils.rlhf import language_model, network, ppo, reward_model
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RewardConfig, RunConfig, SFTConfig, StartConfig
from course_utils.rlhf.metrics import METRICS, Row
from course_utils.rlhf.network import LanguageModel
from course_utils.rlhf.ppo import State
from course_utils.rlhf.reward_model import Pairs, RewardModel
from course_utils.rlhf.world import Replies, World

__all__ = ["NonFiniteError", "RunLog", "Sample", "Start", "begin", "prepare", "relabel", "resume", "run"]

SAMPLES_KEPT = 4
_SAMPLE_EVERY = 10


class Start(NamedTuple):
    """What a run begins with: the result of the stages before PPO."""

    sft: language_model.FineTuned
    """its model is the reference π_ref too"""
    reward_model: RewardModel
    pairs: Pairs
    normalising: Replies
    """replies of the SFT model, on which scores have mean 0 and sd 1"""


class Sample(NamedTuple):
    """A reply that was seen on the way."""

    update: int
    prompt: int
    reply: str
    score: float
    """of the reward model"""


@dataclass(frozen=True, eq=False)
class RunLog:
    """What a run has logged, and all that it needs to go on."""

    config: RunConfig
    seed: int
    world: World
    start: Start
    state: State
    rows: tuple[Row, ...] = ()
    """one for each update; METRICS says what the names mean"""
    samples: tuple[Sample, ...] = ()
    """a few replies of every tenth update"""
    interrupted: bool = False
    """whether a KeyboardInterrupt ended the run early"""
    stopped_early: bool = False
    """whether stop_at_kl ended it"""

    def __getitem__(self, name: str) -> FloatArray:
        """Return a column of the log, one number for each update."""
        if not isinstance(name, str) or name not in METRICS:
            raise KeyError(f"{arguments.said(name)} is not in the log, expected one of {', '.join(METRICS)}")
        return np.array([row[name] for row in self.rows])

    def __len__(self) -> int:
        """Return the number of updates done."""
        return len(self.rows)

    @property
    def model(self) -> LanguageModel:
        """The policy as it is now."""
        return network.unpack(self.state.parameters, self.start.sft.model)

    @property
    def reference(self) -> LanguageModel:
        """The frozen reference, which is the SFT model."""
        return self.start.sft.model


class NonFiniteError(FloatingPointError):
    """A run that ran away; ``log`` has everything up to the last good update."""

    def __init__(self, update: int, what: str, log: RunLog) -> None:
        super().__init__(f"update {update}: {what} {_advice(log.config)}")
        self.log = log

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it travel between processes."""
        return _rebuild, (str(self), self.log)


OnUpdate: TypeAlias = Callable[[RunLog], object]


@language_model.one_blas_thread
@arguments.typed
def run(
    config: RunConfig,
    seed: int,
    *,
    world: World | None = None,
    pairs: Pairs | None = None,
    progress: bool = True,
    on_update: OnUpdate | None = None,
) -> RunLog:
    """Run the pipeline: demonstrations → SFT → pairs → reward model → PPO.

    The same configuration, seed and world give the same log: to the last digit on one machine, but for rounding on any.

    Args:
        config: the settings.
        seed: a whole number of at least 0.
        world: None for ``world.load()``.
        pairs: preferences to train the reward model on, such as your own; None for labels by the raters of config.
        progress: show a bar while a person watches: in a terminal or in JupyterLab, and nowhere else.
        on_update: called with the log so far after every update; for live pictures.

    Returns:
        RunLog. A KeyboardInterrupt ends the run and keeps the log, with ``interrupted=True``. Any error after the first
        update, also one of on_update and SystemExit, has the log until then as its attribute ``log``, for ``resume``.

    Raises:
        TypeError, ValueError: bad arguments.
        NonFiniteError: a metric or parameter that is not finite; the message names the update and the metric.

    Source: Ouyang et al. 2022; Ziegler et al. 2019, Fine-Tuning Language Models from Human Preferences.
    """
    log = begin(config, seed, world=world, pairs=pairs)
    return _advance(log, config.updates, progress, on_update)


@arguments.typed
def begin(config: RunConfig, seed: int, *, world: World | None = None, pairs: Pairs | None = None) -> RunLog:
    """Return the log of a run before its first update: SFT and reward model are there, PPO has not begun.

    ``resume(begin(config, seed), n)`` equals ``run`` with n updates.
    """
    seed = arguments.whole("seed", seed, low=0)
    world = worlds.load() if world is None else world
    start = prepare(config, seed, world)
    if pairs is not None:
        reward_model.check_pairs("pairs", world, pairs)
        pairs = reward_model.join([pairs])  # a copy
        start = start._replace(pairs=pairs, reward_model=_fitted(world, pairs, start.normalising, config))
    parameters = network.pack(start.sft.model)
    critic = np.zeros(language_model.n_features(world), dtype=parameters.dtype)
    random = np.random.default_rng([seed, 2]).bit_generator.state
    state = State(
        updates=0,
        parameters=parameters,
        adam=kernels.adam_start(parameters),
        critic=critic,
        critic_adam=kernels.adam_start(critic),
        kl_coef=config.kl_coef,
        reward_model=start.reward_model,
        pairs=start.pairs,
        random=dict(random),
    )
    return RunLog(config, seed, world, arguments.frozen(start), arguments.frozen(state))


@language_model.one_blas_thread
@arguments.typed
def resume(
    log: RunLog,
    updates: int,
    *,
    config: RunConfig | None = None,
    progress: bool = True,
    on_update: OnUpdate | None = None,
) -> RunLog:
    """Go on with a run: the result equals one long run.

    Args:
        log: what ``run``, ``begin`` or ``resume`` returned; it is not changed.
        updates: how many more, at least 1.
        config: other settings from here on; None for the same. SFT and reward model stay as they are.
        progress: as for ``run``.
        on_update: as for ``run``.

    Returns:
        RunLog of all updates.

    Raises:
        As for ``run``.
    """
    updates = arguments.count("updates", updates)
    changed = log
    if config is not None:
        kl_coef = config.kl_coef if config.kl_coef != log.config.kl_coef else log.state.kl_coef
        changed = dataclasses.replace(log, config=config, state=log.state._replace(kl_coef=kl_coef))
    return _advance(dataclasses.replace(changed, interrupted=False, stopped_early=False), updates, progress, on_update)


@language_model.one_blas_thread
@arguments.typed
def relabel(log: RunLog, pairs: int, *, weights: ArrayLike | None = None) -> RunLog:
    """Let the run's raters label fresh replies of its policy, and train the reward model on all pairs there are.

    Args:
        log: the run; it is not changed.
        pairs: how many new pairs, at least 1.
        weights: the traffic that they come from, shape (prompts,); None for the run's own.

    Returns:
        The run with the new reward model, to be resumed.
    """
    pairs = arguments.count("pairs", pairs, high=100_000)
    rng = np.random.default_rng()
    rng.bit_generator.state = log.state.random
    (traffic,) = arguments.floats(weights=log.config.traffic(log.world) if weights is None else weights)
    state = _relabelled(log, rng, traffic, pairs)
    return dataclasses.replace(log, state=state._replace(random=dict(rng.bit_generator.state)))


@arguments.typed
def prepare(config: StartConfig, seed: int, world: World) -> Start:
    """Return the SFT model and the reward model of a run; equal settings make them only once."""
    seed = arguments.whole("seed", seed, low=0)
    return _start(world, seed, settings.stage(config, StartConfig))


def _advance(log: RunLog, updates: int, progress: bool, on_update: OnUpdate | None) -> RunLog:
    """Do so many updates more."""
    if on_update is not None:
        arguments.function("on_update", on_update, "a function of the log so far")
    rng = np.random.default_rng()
    rng.bit_generator.state = log.state.random
    traffic = log.config.traffic(log.world)
    last = log.state.updates + updates
    shown = tuple(dict(row) for row in log.rows)
    try:
        for _ in progress_bar.bar(range(log.state.updates + 1, last + 1), progress):
            try:
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # what comes of it is looked at
                    log = _updated(log, traffic, rng)  # all new or old
            except arguments.OverflowValueError as error:
                what = "a number in it is inf, expected a finite number."
                raise NonFiniteError(log.state.updates + 1, what, log) from error
            except ppo.NotFiniteError as error:
                raise NonFiniteError(log.state.updates + 1, str(error), log) from None
            if on_update is not None:
                shown = (*shown, dict(log.rows[-1]))  # what it does with its rows changes none of the log's
                on_update(dataclasses.replace(log, rows=shown))
            if log.config.stop_at_kl is not None and log.rows[-1]["objective/kl"] > log.config.stop_at_kl:
                return dataclasses.replace(log, stopped_early=True)
    except (Exception, SystemExit) as error:
        if log.rows and not isinstance(error, NonFiniteError):
            error.log = log  # type: ignore[union-attr]
            error.add_note(training.kept("the log", log.state.updates, "log"))
        raise
    except KeyboardInterrupt:
        print(f"Interrupted after update {log.state.updates} of {last}: the log until then is kept.")
        return dataclasses.replace(log, interrupted=True)
    return log


def _updated(log: RunLog, traffic: FloatArray, rng: np.random.Generator) -> RunLog:
    """Do one update, after new labels where they are due, and log it."""
    config, state, update = log.config, log.state, log.state.updates + 1
    if config.relabel_every and state.updates and state.updates % config.relabel_every == 0:
        state = _relabelled(log, rng, traffic, config.relabel_pairs)
    done = ppo.update(config, log.world, log.reference, state, traffic, rng)
    samples = log.samples
    if update == 1 or update % _SAMPLE_EVERY == 0:
        few = done.collected.replies.take(slice(0, SAMPLES_KEPT))
        of_each = zip(few.prompts.tolist(), log.world.text(few), done.collected.reward_scores.tolist(), strict=False)
        samples = (*samples, *(Sample(update, *sample) for sample in of_each))
    return dataclasses.replace(log, state=arguments.frozen(done.state), rows=(*log.rows, done.row), samples=samples)


def _relabelled(log: RunLog, rng: np.random.Generator, traffic: FloatArray, n: int) -> State:
    """Let raters label pairs of the present policy, and train the reward model on all pairs there are."""
    both = reward_model.sample_pairs(log.model, log.world, n, rng, traffic)
    pairs = reward_model.join([log.state.pairs, log.config.label(log.world, both, rng)])
    model = _fitted(log.world, pairs, log.start.normalising, log.config)
    return log.state._replace(pairs=pairs, reward_model=model)


def _fitted(world: World, pairs: Pairs, normalising: Replies, config: RewardConfig) -> RewardModel:
    """Train the reward model of this configuration."""
    kind, penalty, control = config.feature_kind, config.reward_penalty, config.length_control
    try:
        model = reward_model.fit(world, pairs, kind, penalty=penalty, length_control=control)
    except reward_model.UnsettledError as error:
        raise ValueError(f"reward_{error}") from None  # the setting's own name
    normal = reward_model.normalise(model, world, normalising)
    return dataclasses.replace(normal, sd=normal.sd / config.reward_scale, offset=config.reward_offset)


@lru_cache(maxsize=16)
def _sft(world: World, seed: int, config: SFTConfig) -> language_model.FineTuned:
    """Return the SFT model; its demonstrators see all the traffic."""
    rng = np.random.default_rng([seed, 0])
    shown = worlds.demonstrations(world, config.demonstrations, rng)
    return arguments.frozen(language_model.sft(world, shown, rng, epochs=config.sft_epochs, hidden=config.hidden))


@lru_cache(maxsize=16)
def _start(world: World, seed: int, config: StartConfig) -> Start:
    """Return what PPO begins with."""
    sft = _sft(world, seed, settings.stage(config, SFTConfig))
    rng = np.random.default_rng([seed, 1])
    both = reward_model.sample_pairs(sft.model, world, config.pairs, rng, config.traffic(world))
    pairs = config.label(world, both, rng)
    return arguments.frozen(Start(sft, _fitted(world, pairs, both[0], config), pairs, both[0]))


def _advice(config: RunConfig) -> str:
    """Return what to try against numbers that are not finite: less of the setting that is most above its usual size."""
    usual = RunConfig()
    scales = ("learning_rate", "vf_learning_rate", "kl_coef", "entropy_coef", "reward_offset", "missing_eos_penalty")
    sizes = {name: abs(getattr(config, name) or 0.0) / (getattr(usual, name) or 1.0) for name in scales}
    sizes["temperature"] = 1 / max(config.temperature, 1e-300)
    name = max(sizes, key=lambda scale: sizes[scale])
    is_it = "" if name == "learning_rate" else f": it is {getattr(config, name):g}"
    return f"Try a {'larger' if name == 'temperature' else 'smaller'} {name}{is_it}."


def _rebuild(message: str, log: RunLog) -> NonFiniteError:
    """Make the error again in another process."""
    error = NonFiniteError.__new__(NonFiniteError, message)
    error.log = log
    return error
