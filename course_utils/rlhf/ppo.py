"""RLHF by PPO: the whole pipeline from one configuration and one seed, and the log that it writes.

One update = sample replies to a batch of prompts; score them with the reward model; let every token pay for its
distance to the reference; estimate advantages; climb PPO's clipped objective for a few epochs on that batch. In
``policy_step`` stands U(τ; θ), the advantage-weighted log-probability of what was said: at ratio 1 its gradient, the
score times the advantage, is all that happens.

Names are those of TRL where TRL has the option. Three things differ from its PPOTrainer: policy and critic have an
optimiser each; the critic's loss is not clipped; and means leave padding out everywhere.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from course_utils import arguments, progress_bar, returns, training
from course_utils.arguments import BoolArray, FloatArray
from course_utils.rlhf import policy, reward_model
from course_utils.rlhf import world as worlds
from course_utils.rlhf.metrics import METRICS, Row
from course_utils.rlhf.policy import AdamState, Contexts, LanguageModel
from course_utils.rlhf.reward_model import Pairs, RewardModel
from course_utils.rlhf.world import Replies, World

BASELINES = ("value", "none", "batch mean", "leave one out")
ALGORITHMS: dict[str, dict[str, Any]] = {
    "PPO": {},
    "A2C": {"num_ppo_epochs": 1, "cliprange": None},
    "REINFORCE": {"num_ppo_epochs": 1, "cliprange": None, "baseline": "none"},
    "RLOO": {"num_ppo_epochs": 1, "cliprange": None, "baseline": "leave one out"},
}
"""What to pass to RunConfig for each: ``RunConfig(**ALGORITHMS["A2C"], updates=50)``"""

SAMPLES_KEPT = 4
_SAMPLE_EVERY = 10
_BEFORE_PPO = (
    "demonstrations",
    "sft_epochs",
    "hidden",
    "pairs",
    "label_temperature",
    "polite_bias",
    "length_bias",
    "biased_share",
    "feature_kind",
    "length_control",
    "reward_penalty",
    "reward_offset",
    "unseen_topics",
    "angry_share",
)


@dataclass(frozen=True)
class RunConfig:
    """All settings of a run. The defaults make a healthy one.

    Raises:
        TypeError, ValueError: a setting of the wrong kind or out of range; the message names the field.
    """

    # supervised fine-tuning
    demonstrations: int = 3000
    sft_epochs: int = 6
    hidden: int = 0
    """units of a tanh layer beside the log-linear policy"""

    # the raters and the reward model
    pairs: int = 1500
    label_temperature: float = 0.6
    polite_bias: float = 0.0
    """points that raters give for each polite word"""
    length_bias: float = 0.0
    """points that raters give for each token"""
    biased_share: float = 1.0
    """share of the labels with these biases"""
    feature_kind: str = "log"
    """"count", "log", "presence" or "rich" """
    length_control: bool = False
    """train the reward model with the length as a feature, and leave it out of the score"""
    reward_penalty: float = 1.0
    """pull of the reward model's weights to 0"""
    reward_offset: float = 0.0
    """added to every score: a reward model that was not normalised"""
    gold_reward: bool = False
    """train on the gold reward itself, which no real run can"""

    # the traffic that raters and PPO see
    unseen_topics: tuple[str, ...] = ()
    angry_share: float = 0.5

    # PPO
    updates: int = 100
    batch_size: int = 64
    learning_rate: float = 0.02
    vf_learning_rate: float = 0.05
    num_ppo_epochs: int = 4
    num_mini_batches: int = 1
    cliprange: float | None = 0.2
    """ε; None for no clip"""
    gamma: float = 1.0
    lam: float = 0.95
    """λ of the GAE, for the baseline "value" """
    kl_coef: float = 0.3
    """β"""
    kl_estimator: str = "k1"
    """"k1" or "k3", of the penalty in the reward"""
    kl_in_loss: bool = False
    """the exact penalty in the loss, instead of an estimate in the reward"""
    adap_kl_ctrl: bool = False
    """let β follow objective/kl, from kl_coef on"""
    target: float = 1.5
    """the KL to which the adaptive β steers"""
    horizon: int = 320
    """replies in which the adaptive β moves by at most 20 %"""
    target_kl: float | None = None
    """end the epochs of an update when ½ mean (Δ log π)² is over 1.5 times this"""
    entropy_coef: float = 0.0
    """weight of the entropy bonus"""
    baseline: str = "value"
    """"value" (GAE), "none", "batch mean" or "leave one out" (of the replies' returns)"""
    critic: bool = True
    """False: V = 0 in the GAE"""
    whiten_advantages: bool = True
    whiten_rewards: bool = False
    max_grad_norm: float | None = 1.0
    missing_eos_penalty: float | None = None
    """taken off the score of a reply without an end token"""
    temperature: float = 1.0
    """of sampling and of the policy that is trained"""

    # around PPO
    stop_at_kl: float | None = None
    """early stopping: end the run after an update whose objective/kl is over this"""
    relabel_every: int = 0
    """after so many updates let raters label replies of the policy, and train the reward model anew; 0 for never"""
    relabel_pairs: int = 500

    def __post_init__(self) -> None:
        """Check every field."""
        at_least = {"demonstrations": 20, "pairs": 10, "batch_size": 2, "hidden": 0, "relabel_every": 0}
        at_most = {"demonstrations": 100_000, "pairs": 100_000, "batch_size": 100_000, "hidden": 10_000}
        at_most |= {"relabel_pairs": 100_000, "relabel_every": 10**9, "horizon": 10**9}
        whole = ("sft_epochs", "updates", "num_ppo_epochs", "num_mini_batches", "horizon", "relabel_pairs")
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        checked: dict[str, Any] = {}
        for name in (*at_least, *whole):
            most = at_most.get(name, 10_000_000)
            checked[name] = arguments.count(name, given[name], low=at_least.get(name, 1), high=most)
        for name in ("polite_bias", "length_bias", "reward_offset"):
            checked[name] = arguments.number(name, given[name])
        for name in ("biased_share", "angry_share", "gamma", "lam"):
            checked[name] = arguments.number(name, given[name], low=0.0, high=1.0)
        for name in ("kl_coef", "entropy_coef", "learning_rate", "vf_learning_rate"):
            checked[name] = arguments.number(name, given[name], low=0.0)
        for name in ("label_temperature", "reward_penalty", "target", "temperature"):
            checked[name] = arguments.positive(name, given[name])
        for name in ("cliprange", "target_kl", "max_grad_norm", "missing_eos_penalty", "stop_at_kl"):
            checked[name] = None if given[name] is None else arguments.positive(name, given[name])
        choices = {"feature_kind": reward_model.KINDS, "baseline": BASELINES, "kl_estimator": ("k1", "k3")}
        for name, wanted in choices.items():
            arguments.choice(name, given[name], wanted)
        for field in dataclasses.fields(self):
            if field.type is bool:
                checked[field.name] = arguments.flag(field.name, given[field.name])
        checked["unseen_topics"] = _topics(self.unseen_topics)
        for name, value in checked.items():
            if type(given[name]) not in (int, float):  # a NumPy number or an array without axes becomes a plain one
                object.__setattr__(self, name, value)
        if self.num_mini_batches > self.batch_size:
            raise ValueError(
                f"num_mini_batches is {self.num_mini_batches}, expected at most batch_size, {self.batch_size}"
            )


class Start(NamedTuple):
    """What a run begins with: the result of the stages before PPO."""

    sft: policy.FineTuned
    """its model is the reference π_ref too"""
    reward_model: RewardModel
    pairs: Pairs
    normalising: Replies
    """replies of the SFT model, on which scores have mean 0 and sd 1"""


class State(NamedTuple):
    """All that changes from update to update."""

    updates: int
    parameters: FloatArray
    """of the policy, in one row"""
    adam: AdamState
    critic: FloatArray
    """V(s) = x(s) · critic, shape (d,)"""
    critic_adam: AdamState
    kl_coef: float
    reward_model: RewardModel
    pairs: Pairs
    random: dict[str, Any]
    """state of the random generator"""


class Sample(NamedTuple):
    """A reply that was seen on the way."""

    update: int
    prompt: int
    reply: str
    score: float


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
        return policy.unpack(self.state.parameters, self.start.sft.model)

    @property
    def reference(self) -> LanguageModel:
        """The frozen reference, which is the SFT model."""
        return self.start.sft.model


class Evaluation(NamedTuple):
    """A policy on fresh replies."""

    gold: float
    """mean gold reward"""
    gold_error: float
    """its standard error"""
    score: float
    """mean score of the reward model"""
    kl: float
    """mean log(π / π_ref) of a reply"""
    length: float
    """mean tokens"""
    polite_words: float
    unique: float
    """share of the replies that differ from each other"""
    replies: Replies


class NonFiniteError(FloatingPointError):
    """A run that ran away; ``log`` has everything up to the last good update."""

    def __init__(self, update: int, metric: str, value: float, log: RunLog) -> None:
        super().__init__(f"update {update}: {metric} is {value}, expected a finite number. {_advice(log.config)}")
        self.log = log

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it travel between processes."""
        return _rebuild, (str(self), self.log)


OnUpdate: TypeAlias = Callable[[RunLog], object]


@policy.one_blas_thread
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
        update, also one of on_update, has the log until then as its attribute ``log``, for ``resume``.

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
    parameters = policy.pack(start.sft.model)
    critic = np.zeros(policy.n_features(world), dtype=parameters.dtype)
    random = np.random.default_rng([seed, 2]).bit_generator.state
    state = State(
        updates=0,
        parameters=parameters,
        adam=policy.adam_start(parameters),
        critic=critic,
        critic_adam=policy.adam_start(critic),
        kl_coef=config.kl_coef,
        reward_model=start.reward_model,
        pairs=start.pairs,
        random=dict(random),
    )
    return RunLog(config, seed, world, arguments.frozen(start), arguments.frozen(state))


@policy.one_blas_thread
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


@policy.one_blas_thread
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
    (traffic,) = arguments.floats(weights=_traffic(log.world, log.config) if weights is None else weights)
    state = _relabelled(log, rng, traffic, pairs)
    return dataclasses.replace(log, state=state._replace(random=dict(rng.bit_generator.state)))


@arguments.typed
def prepare(config: RunConfig, seed: int, world: World) -> Start:
    """Return the SFT model and the reward model of a run; equal settings make them only once."""
    seed = arguments.whole("seed", seed, low=0)
    return _start(world, seed, RunConfig(**{name: getattr(config, name) for name in _BEFORE_PPO}))


@policy.one_blas_thread
@arguments.typed
def evaluate(
    log: RunLog,
    *,
    replies: int = 2000,
    seed: int = 0,
    weights: ArrayLike | None = None,
    model: LanguageModel | None = None,
) -> Evaluation:
    """Measure a run's policy on fresh replies to fresh prompts.

    Args:
        log: the run.
        replies: how many, at least 2.
        seed: of this evaluation.
        weights: the traffic, shape (prompts,), as ``world.prompt_weights`` gives it; None for the run's own.
        model: another policy to measure in its place, such as ``log.reference``.

    Returns:
        Evaluation.
    """
    n = arguments.count("replies", replies, low=2, high=100_000)
    rng = np.random.default_rng([arguments.whole("seed", seed, low=0), 3])
    traffic = _traffic(log.world, log.config) if weights is None else weights
    chosen = log.model if model is None else model
    policy.checked_model("model", chosen, log.world)
    prompts = worlds.sample_prompts(log.world, n, rng, traffic)
    said, log_probs = policy.sample(chosen, log.world, prompts, rng, temperature=log.config.temperature)
    gold = worlds.gold_reward(log.world, said).total
    reference = policy.log_probs(_tempered(log.reference, log.config.temperature), log.world, said)
    return Evaluation(
        gold=float(gold.mean()),
        gold_error=float(gold.std(ddof=1) / np.sqrt(n)),
        score=float(reward_model.score(log.state.reward_model, log.world, said).mean()),
        kl=float((log_probs - reference).sum(axis=1).mean()),
        length=float(said.lengths.mean()),
        polite_words=float((worlds.counts(log.world, said) @ log.world.tags["polite"]).mean()),
        unique=len(np.unique(said.tokens, axis=0)) / n,
        replies=said,
    )


@policy.one_blas_thread
@arguments.typed
def pair_accuracy(
    log: RunLog,
    *,
    pairs: int = 2000,
    seed: int = 0,
    weights: ArrayLike | None = None,
    model: LanguageModel | None = None,
    own_raters: bool = False,
) -> float:
    """Return how often the run's reward model agrees with raters on fresh pairs that a policy writes.

    Below .5 it ranks backwards where it is used, whatever it reaches on the pairs that it was trained on.

    Args:
        log: the run.
        pairs: how many, at least 1.
        seed: of this measurement.
        weights: the traffic; None for the run's own.
        model: who writes; None for the run's policy, ``log.reference`` for the SFT model.
        own_raters: let the run's own raters judge, with their biases; otherwise unbiased ones.

    Returns:
        The share of pairs that it ranks as the raters did.
    """
    pairs = arguments.count("pairs", pairs, high=100_000)
    rng = np.random.default_rng([arguments.whole("seed", seed, low=0), 4])
    traffic = _traffic(log.world, log.config) if weights is None else weights
    both = reward_model.sample_pairs(log.model if model is None else model, log.world, pairs, rng, traffic)
    raters = log.config if own_raters else RunConfig(label_temperature=log.config.label_temperature)
    labels = _labelled(log.world, both, rng, raters)
    return reward_model.accuracy(log.state.reward_model, log.world, labels)


class GradientNoise(NamedTuple):
    """How much the policy's gradient differs from batch to batch, the policy being held fixed."""

    noise: float
    """trace of the covariance of one batch's gradient"""
    signal: float
    """squared length of the mean gradient, the noise that is left in it taken off"""
    mean: FloatArray
    """the mean gradient, parameters in one row"""


@policy.one_blas_thread
@arguments.typed
def gradient_noise(log: RunLog, config: RunConfig | None = None, *, batches: int = 40, seed: int = 0) -> GradientNoise:
    """Measure the gradient of the first epoch on many fresh batches, without taking a step.

    noise = Σ_j Var(g_j);  signal = ‖mean g‖² − noise / batches

    Whitening would hide what offset and scale of the reward do, so it is left out.

    Args:
        log: a run; its policy, critic and reward model are used as they are.
        config: other settings for the estimate, such as another baseline; None for the run's.
        batches: how many, at least 2.
        seed: of this measurement.

    Returns:
        GradientNoise.
    """
    batches = arguments.count("batches", batches, low=2, high=100_000)
    rng = np.random.default_rng([arguments.whole("seed", seed, low=0), 5])
    settings = dataclasses.replace(log.config if config is None else config, whiten_advantages=False)
    fixed = dataclasses.replace(log, config=settings)
    gradients = []
    for _ in range(batches):
        batch = _collect(fixed, rng, _traffic(log.world, settings)).ascent
        step = policy_step(
            settings,
            log.model,
            batch.batch,
            batch.old,
            batch.advantages,
            kl_coef=settings.kl_coef,
            log_ref=batch.log_ref,
        )
        gradients.append(step.gradient.astype(np.float64) * step.scale)
    mean = np.mean(gradients, axis=0)
    noise = float(np.var(gradients, axis=0, ddof=1).sum())
    return GradientNoise(noise, float(mean @ mean) - noise / batches, mean)


def _advance(log: RunLog, updates: int, progress: bool, on_update: OnUpdate | None) -> RunLog:
    """Do so many updates more."""
    if on_update is not None:
        arguments.function("on_update", on_update, "a function of the log so far")
    rng = np.random.default_rng()
    rng.bit_generator.state = log.state.random
    traffic = _traffic(log.world, log.config)
    last = log.state.updates + updates
    shown = tuple(dict(row) for row in log.rows)
    try:
        for _ in progress_bar.bar(range(log.state.updates + 1, last + 1), progress):
            try:
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # what comes of it is looked at
                    state, row, seen = _update(log, rng, traffic)
            except arguments.OverflowValueError as error:
                raise NonFiniteError(log.state.updates + 1, "a number in it", np.inf, log) from error
            _require_finite(log, **row)
            _require_finite(log, **{"the policy's parameters": state.parameters, "the critic's": state.critic})
            samples = (*log.samples, *seen)
            rows = (*log.rows, row)
            log = dataclasses.replace(log, state=arguments.frozen(state), rows=rows, samples=samples)  # all new or old
            if on_update is not None:
                shown = (*shown, dict(row))  # what it does with its rows changes none of the log's
                on_update(dataclasses.replace(log, rows=shown))
            if log.config.stop_at_kl is not None and row["objective/kl"] > log.config.stop_at_kl:
                return dataclasses.replace(log, stopped_early=True)
    except Exception as error:
        if log.rows and not isinstance(error, NonFiniteError):
            error.log = log  # type: ignore[attr-defined]
            error.add_note(training.kept("the log", log.state.updates, "log"))
        raise
    except KeyboardInterrupt:
        print(f"Interrupted after update {log.state.updates} of {last}: the log until then is kept.")
        return dataclasses.replace(log, interrupted=True)
    return log


def _require_finite(log: RunLog, **found: FloatArray | float) -> None:
    """Stop the run if a number of the update after ``log`` is not finite."""
    for name, value in found.items():
        wrong = ~np.isfinite(value)
        if np.any(wrong):
            raise NonFiniteError(log.state.updates + 1, name, float(np.asarray(value)[wrong].flat[0]), log)


class _Ascent(NamedTuple):
    """A batch with all that is constant while its epochs run."""

    batch: Contexts
    old: FloatArray
    advantages: FloatArray
    targets: FloatArray
    log_ref: FloatArray | None

    def take(self, rows: BoolArray) -> "_Ascent":
        """Return the tokens of some rows."""
        return _Ascent(
            Contexts(self.batch.x[rows], self.batch.actions[rows], self.batch.rows[rows], self.batch.steps[rows]),
            self.old[rows],
            self.advantages[rows],
            self.targets[rows],
            None if self.log_ref is None else self.log_ref[rows],
        )


class _Collected(NamedTuple):
    """A batch of replies, scored, with advantages."""

    replies: Replies
    log_probs: FloatArray
    """of the policy that sampled, shape (m, T)"""
    scores: FloatArray
    gold: FloatArray
    k1: FloatArray
    """log π − log π_ref, shape (m, T)"""
    penalty: FloatArray
    """−β · KL estimate, shape (m, T)"""
    full_kl: FloatArray
    """Σ_t KL(π(· | s_t) ‖ π_ref(· | s_t)), shape (m,)"""
    values: FloatArray
    """V of each token, shape (N,)"""
    ascent: _Ascent


def _collect(log: RunLog, rng: np.random.Generator, traffic: FloatArray) -> _Collected:
    """Sample a batch with the policy as it is, and estimate advantages."""
    config, world, state = log.config, log.world, log.state
    model = log.model
    prompts = worlds.sample_prompts(world, config.batch_size, rng, traffic)
    replies, sampled = policy.sample(model, world, prompts, rng, temperature=config.temperature)
    batch = policy.contexts(world, replies, model.table.dtype)
    n = np.arange(len(batch.x))
    old = sampled[batch.rows, batch.steps]
    log_pi = policy.log_probabilities(policy.logits(model, batch.x) / config.temperature)
    log_ref = policy.log_probabilities(policy.logits(log.reference, batch.x) / config.temperature)

    gold = worlds.gold_reward(world, replies).total
    scores = gold if config.gold_reward else reward_model.score(state.reward_model, world, replies)
    if config.missing_eos_penalty is not None:
        scores = scores - config.missing_eos_penalty * ~replies.ended
    k1 = np.zeros(replies.tokens.shape)
    k1[batch.rows, batch.steps] = old - log_ref[n, batch.actions]
    penalty = -state.kl_coef * (k1 if config.kl_estimator == "k1" else np.expm1(-k1) + k1)
    rewards = np.zeros_like(k1) if config.kl_in_loss else penalty.copy()
    rewards[np.arange(len(rewards)), replies.lengths - 1] += scores
    if config.whiten_rewards and arguments.deviation(rewards[replies.mask]):
        rewards = rewards / np.sqrt(rewards[replies.mask].var() + 1e-8)  # scaled, not shifted: 0 stays 0 in padding
    values = np.zeros((len(rewards), world.max_tokens + 1))
    if config.critic and config.baseline == "value":
        values[batch.rows, batch.steps] = batch.x @ state.critic
    _require_finite(log, **{"objective/scores": scores, "objective/kl": k1, "ours/mean_value": values})
    advantages, targets = advantage_estimates(config, replies, rewards, values)
    weights = _whitened(advantages, replies.mask) if config.whiten_advantages else advantages
    per_token = np.maximum((np.exp(log_pi) * (log_pi - log_ref)).sum(axis=1), 0.0)
    return _Collected(
        replies=replies,
        log_probs=sampled,
        scores=scores,
        gold=gold,
        k1=k1,
        penalty=penalty,
        full_kl=np.asarray(np.bincount(batch.rows, per_token), dtype=np.float64),
        values=values[batch.rows, batch.steps],
        ascent=_Ascent(
            batch=batch,
            old=old.astype(np.float64),
            advantages=weights[batch.rows, batch.steps],
            targets=targets[batch.rows, batch.steps],
            log_ref=log_ref if config.kl_in_loss else None,
        ),
    )


def _update(log: RunLog, rng: np.random.Generator, traffic: FloatArray) -> tuple[State, Row, list[Sample]]:
    """Do one update: return the new state, its row of the log, and some of the replies."""
    config, world = log.config, log.world
    update = log.state.updates + 1
    if config.relabel_every and log.state.updates and log.state.updates % config.relabel_every == 0:
        log = dataclasses.replace(log, state=_relabelled(log, rng, traffic, config.relabel_pairs))
    state = log.state
    got = _collect(log, rng, traffic)
    replies, scores = got.replies, got.scores
    moved, epochs = _climb(config, state, log.model, got.ascent, rng)

    non_score = float(got.penalty.sum(axis=1).mean())
    targets = got.ascent.targets
    spread = float(targets.var()) if arguments.deviation(targets) else 0.0
    kl = got.k1.sum(axis=1).mean()
    ratios = [epoch.mean_ratio for epoch in epochs]
    row: dict[str, Any] = {
        "objective/kl": kl,
        "objective/entropy": -got.log_probs.sum(axis=1, dtype=np.float64).mean(),
        "objective/non_score_reward": non_score,
        "objective/rlhf_reward": non_score + scores.mean(),
        "objective/scores": scores.mean(),
        "policy/approxkl_avg": np.mean([epoch.approxkl for epoch in epochs]),
        "policy/clipfrac_avg": np.mean([epoch.clipfrac for epoch in epochs]),
        "policy/entropy_avg": np.mean([epoch.entropy for epoch in epochs]),
        "loss/policy_avg": np.mean([epoch.policy_loss for epoch in epochs]),
        "loss/value_avg": np.mean([epoch.value_loss for epoch in epochs]),
        "val/ratio": np.mean(ratios),
        "val/ratio_var": np.var(ratios, ddof=1) if len(ratios) > 1 else 0.0,
        "val/num_eos_tokens": replies.ended.sum(),
        "lr": config.learning_rate,
        "episode": update * config.batch_size,
        "ours/gold": got.gold.mean(),
        "ours/reply_length": replies.lengths.mean(),
        "ours/polite_words": (worlds.counts(world, replies) @ world.tags["polite"]).mean(),
        "ours/unique_replies": len({row.tobytes() for row in replies.tokens}) / len(replies.tokens),
        "ours/kl_full": got.full_kl.mean(),
        "ours/kl_coef": state.kl_coef,
        "ours/explained_variance": 1 - (targets - got.values).var() / spread if spread else 0.0,
        "ours/mean_value": got.values.mean(),
        "ours/mean_return": targets.mean(),
        "ours/max_ratio": max(epoch.max_ratio for epoch in epochs),
        "ours/out_of_range": np.mean([epoch.out_of_range for epoch in epochs]),
        "ours/gradient_norm": np.mean([epoch.gradient_norm for epoch in epochs]),
        "ours/epochs": len({epoch.number for epoch in epochs if epoch.stepped}),
    }
    kl_coef = state.kl_coef
    if config.adap_kl_ctrl:
        error = float(np.clip(kl / config.target - 1, -0.2, 0.2))
        kl_coef *= 1 + error * min(1.0, config.batch_size / config.horizon)
    seen = []
    if update == 1 or update % _SAMPLE_EVERY == 0:
        few = replies.take(slice(0, SAMPLES_KEPT))
        texts = world.text(few)
        seen = [Sample(update, int(few.prompts[i]), texts[i], float(scores[i])) for i in range(len(texts))]
    random = dict(rng.bit_generator.state)
    return (
        moved._replace(updates=update, kl_coef=kl_coef, random=random),
        {name: float(value) for name, value in row.items()},
        seen,
    )


@arguments.typed
def advantage_estimates(
    config: RunConfig, replies: Replies, rewards: FloatArray, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the advantage of every token, and the return that the critic is to predict.

    baseline "value": A = GAE(γ, λ), G = A + V; "none": A_t = G_t; "batch mean", "leave one out": A_t = G_t − b, with b
    the mean return of the batch's replies, of all of them or of all others

    Args:
        config: has baseline, gamma and lam.
        replies: m replies.
        rewards: r_t, the score with the last token, shape (m, T), 0 in padding.
        values: V(s_t), shape (m, T + 1), 0 in padding.

    Returns:
        (advantages, targets), both of shape (m, T), 0 in padding.

    Raises:
        TypeError, ValueError: bad arguments, or an overflow.

    Source: Schulman et al. 2016 (GAE); Ahmadian et al. 2024, Back to Basics (leave-one-out).
    """
    worlds.checked("replies", None, replies)
    rewards, values = arguments.floats(rewards=rewards, values=values)
    arguments.shape("rewards", rewards, replies.tokens.shape, "replies")
    m, length = rewards.shape
    arguments.shape("values", values, (m, length + 1), "replies and one value after the last token")
    goes_on = np.arange(length) < replies.lengths[:, None] - 1
    discounts = config.gamma * goes_on
    if config.baseline == "value":
        advantages = returns.gae(rewards, discounts, values, config.lam)
        return advantages, advantages + values[:, :-1]
    targets = returns.discounted_returns(rewards, discounts)
    b = np.zeros(len(rewards))
    if config.baseline == "batch mean":
        b += targets[:, 0].mean()
    elif config.baseline == "leave one out":
        b = (targets[:, 0].sum() - targets[:, 0]) / (len(b) - 1)
    return (targets - b[:, None]) * replies.mask, targets


class _Epoch(NamedTuple):
    """What one mini-batch of an epoch measured."""

    number: int
    approxkl: float
    clipfrac: float
    out_of_range: float
    entropy: float
    policy_loss: float
    value_loss: float
    mean_ratio: float
    max_ratio: float
    gradient_norm: float
    stepped: bool


class PolicyStep(NamedTuple):
    """The objective of one mini-batch and its gradient: everything per token is a mean over its N tokens."""

    value: float
    """mean min(ρ A, clip(ρ) A)"""
    gradient: FloatArray
    """of value + entropy bonus − penalty, with respect to the parameters in one row; times ``scale``"""
    scale: float
    """what the gradient must be multiplied with (a ratio of e¹⁰⁰ does not fit float32)"""
    ratio: FloatArray
    active: BoolArray
    entropy: float


@np.errstate(over="ignore", invalid="ignore")  # the result is looked at
@arguments.typed
def policy_step(
    config: RunConfig,
    model: LanguageModel,
    batch: Contexts,
    old: FloatArray,
    advantages: FloatArray,
    *,
    kl_coef: float = 0.0,
    log_ref: FloatArray | None = None,
) -> PolicyStep:
    """Return PPO's objective over the tokens of a mini-batch, and its gradient.

    value = (1/N) Σ_t min(ρ_t A_t, clip(ρ_t, 1 − ε, 1 + ε) A_t);  ∂ value / ∂θ = (1/N) Σ_t ρ_t A_t x_tᵀ (one-hot − π_t),
    without the tokens where the clip is active. With ρ_t = 1 this is ∂U(τ; θ)/∂θ over N: the advantage-weighted score.

    Args:
        config: has cliprange, entropy_coef and temperature.
        model: the policy.
        batch: contexts and tokens, N rows.
        old: log π_old of the tokens, shape (N,).
        advantages: A, shape (N,).
        kl_coef: β of a penalty in the loss.
        log_ref: log π_ref, shape (N, V), for a penalty in the loss; None for none.

    Returns:
        PolicyStep.

    Raises:
        TypeError, ValueError: bad arguments, or an overflow.

    Source: Schulman et al. 2017, equation 7; ``objectives.ppo_clip_objective`` is the sum over time and mean over
    replies.
    """
    policy.checked_batch("batch", batch, model)
    n = np.arange(len(batch.x))
    old, advantages = arguments.floats(old=old, advantages=advantages)
    arguments.shape("old", old, n.shape, "the batch's tokens")
    arguments.shape("advantages", advantages, n.shape, "the batch's tokens")
    kl_coef = arguments.number("kl_coef", kl_coef, low=0.0)
    log_pi = policy.log_probabilities(policy.logits(model, batch.x) / config.temperature)
    if log_ref is not None:
        (log_ref,) = arguments.floats(log_ref=log_ref)
        arguments.shape("log_ref", log_ref, log_pi.shape, "the batch's tokens and words")
    pi = np.exp(log_pi)
    ratio = np.exp(log_pi[n, batch.actions].astype(np.float64) - old)
    surrogate = ratio * advantages
    active = np.zeros(len(n), dtype=bool)
    if config.cliprange is not None:
        epsilon = config.cliprange
        active = np.where(advantages > 0, ratio > 1 + epsilon, (ratio < 1 - epsilon) & (advantages < 0))
        surrogate = np.minimum(surrogate, np.clip(ratio, 1 - epsilon, 1 + epsilon) * advantages)
    # The advantage-weighted score of every token: U(τ; θ) climbs here.
    slope = np.where(active, 0.0, ratio * advantages) / len(n)
    scale = max(1.0, float(np.abs(slope).max()))
    weights = (slope / scale).astype(pi.dtype)
    rows = -weights[:, None] * pi
    rows[n, batch.actions] += weights
    per_token = -(pi * log_pi).sum(axis=1)
    if config.entropy_coef:
        rows -= (config.entropy_coef / len(n) / scale) * pi * (log_pi + per_token[:, None])
    if log_ref is not None:
        log_ratio = log_pi - log_ref
        distance = (pi * log_ratio).sum(axis=1, keepdims=True)
        rows -= (kl_coef / len(n) / scale) * pi * (log_ratio - distance)
    gradient = policy.pack(policy.gradient(model, batch.x, rows)) / config.temperature
    value = float(surrogate.mean())
    if not (np.isfinite(value) and arguments.all_finite(gradient) and arguments.all_finite(ratio)):
        raise arguments.OverflowValueError("model, old, advantages, kl_coef", surrogate.dtype)
    return PolicyStep(value, gradient, scale, ratio, active, float(per_token.mean()))


def _climb(
    config: RunConfig, state: State, model: LanguageModel, ascent: _Ascent, rng: np.random.Generator
) -> tuple[State, list[_Epoch]]:
    """Take the steps of one update, epoch after epoch on the same batch."""
    parameters, adam = state.parameters, state.adam
    critic, critic_adam = state.critic, state.critic_adam
    learns_values = config.critic and config.baseline == "value"
    measured: list[_Epoch] = []
    stop = False
    for number in range(config.num_ppo_epochs):
        parts = [ascent]
        if config.num_mini_batches > 1:
            group = rng.permutation(config.batch_size) % config.num_mini_batches
            parts = [ascent.take(group[ascent.batch.rows] == i) for i in range(config.num_mini_batches)]
        for part in parts:
            now = policy.unpack(parameters, model)
            step = policy_step(
                config, now, part.batch, part.old, part.advantages, kl_coef=state.kl_coef, log_ref=part.log_ref
            )
            errors = part.targets - (part.batch.x @ critic if learns_values else 0.0)
            approxkl = float(0.5 * (np.log(step.ratio) ** 2).mean())
            stop = config.target_kl is not None and approxkl > 1.5 * config.target_kl
            length = float(np.linalg.norm(step.gradient)) * step.scale
            epsilon = np.inf if config.cliprange is None else config.cliprange
            measured.append(
                _Epoch(
                    number=number,
                    approxkl=approxkl,
                    clipfrac=float(step.active.mean()),
                    out_of_range=float((np.abs(step.ratio - 1) > epsilon).mean()),
                    entropy=step.entropy,
                    policy_loss=-step.value,
                    value_loss=float(0.5 * (errors**2).mean()),
                    mean_ratio=float(step.ratio.mean()),
                    max_ratio=float(step.ratio.max()),
                    gradient_norm=length,
                    stepped=not stop,
                )
            )
            if stop:
                break
            factor = step.scale
            if config.max_grad_norm is not None and length > config.max_grad_norm:
                factor *= config.max_grad_norm / length
            parameters, adam = policy.adam_step(parameters, step.gradient * factor, adam, config.learning_rate)
            if learns_values:
                uphill = (errors / len(errors)).astype(critic.dtype) @ part.batch.x
                critic, critic_adam = policy.adam_step(critic, uphill, critic_adam, config.vf_learning_rate)
        if stop:
            break
    return state._replace(parameters=parameters, adam=adam, critic=critic, critic_adam=critic_adam), measured


def _relabelled(log: RunLog, rng: np.random.Generator, traffic: FloatArray, n: int) -> State:
    """Let raters label pairs of the present policy, and train the reward model on all pairs there are."""
    both = reward_model.sample_pairs(log.model, log.world, n, rng, traffic)
    pairs = reward_model.join([log.state.pairs, _labelled(log.world, both, rng, log.config)])
    model = _fitted(log.world, pairs, log.start.normalising, log.config)
    return log.state._replace(pairs=pairs, reward_model=model)


def _labelled(world: World, both: tuple[Replies, Replies], rng: np.random.Generator, config: RunConfig) -> Pairs:
    """Let the raters of this configuration choose."""
    return reward_model.label(
        world,
        *both,
        rng,
        temperature=config.label_temperature,
        polite_bias=config.polite_bias,
        length_bias=config.length_bias,
        biased_share=config.biased_share,
    )


def _fitted(world: World, pairs: Pairs, normalising: Replies, config: RunConfig) -> RewardModel:
    """Train the reward model of this configuration."""
    kind, penalty, control = config.feature_kind, config.reward_penalty, config.length_control
    try:
        model = reward_model.fit(world, pairs, kind, penalty=penalty, length_control=control)
    except reward_model.UnsettledError as error:
        raise ValueError(f"reward_{error}") from None  # the setting's own name
    normal = reward_model.normalise(model, world, normalising)
    return dataclasses.replace(normal, offset=config.reward_offset)


@lru_cache(maxsize=16)
def _sft(world: World, seed: int, demonstrations: int, epochs: int, hidden: int) -> policy.FineTuned:
    """Return the SFT model; its demonstrators see all the traffic."""
    rng = np.random.default_rng([seed, 0])
    shown = worlds.demonstrations(world, demonstrations, rng)
    return arguments.frozen(policy.sft(world, shown, rng, epochs=epochs, hidden=hidden))


@lru_cache(maxsize=16)
def _start(world: World, seed: int, config: RunConfig) -> Start:
    """Return what PPO begins with."""
    sft = _sft(world, seed, config.demonstrations, config.sft_epochs, config.hidden)
    rng = np.random.default_rng([seed, 1])
    both = reward_model.sample_pairs(sft.model, world, config.pairs, rng, _traffic(world, config))
    pairs = _labelled(world, both, rng, config)
    return arguments.frozen(Start(sft, _fitted(world, pairs, both[0], config), pairs, both[0]))


def _traffic(world: World, config: RunConfig) -> FloatArray:
    """Return the prompts that raters and PPO see."""
    return worlds.prompt_weights(world, unseen_topics=config.unseen_topics, angry_share=config.angry_share)


def _tempered(model: LanguageModel, temperature: float) -> LanguageModel:
    """Return the model whose logits are those of the given one over the temperature."""
    n_words = model.readout.shape[1]
    table = model.table.copy()
    table[:, :n_words] /= temperature
    return LanguageModel(table, model.readout / np.asarray(temperature, model.readout.dtype))


def _whitened(x: FloatArray, mask: BoolArray) -> FloatArray:
    """Return x with mean 0 and standard deviation 1 over the mask, and 0 elsewhere; 0 where all are the same."""
    inside = x[mask]
    if not arguments.deviation(inside):
        return np.zeros_like(x)
    result: FloatArray = np.where(mask, (x - inside.mean()) / np.sqrt(inside.var() + 1e-8), 0.0)
    return result


def _topics(value: Any) -> tuple[str, ...]:
    """Return topics as a tuple, from any sequence of texts but a text."""
    several = isinstance(value, Sequence) and not isinstance(value, str)
    if not several or not all(isinstance(topic, str) for topic in value):
        raise TypeError(f"unseen_topics is {arguments.said(value)}, expected a tuple of topics")
    return tuple(value)


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
