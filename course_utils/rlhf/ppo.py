"""One update of PPO: collect replies, estimate advantages, climb.

One update = sample replies to a batch of prompts; score them with the reward model; let every token pay for its
distance to the reference; estimate advantages; climb PPO's clipped objective for a few epochs on that batch. In
``policy_step`` stands U(τ; θ), the advantage-weighted log-probability of what was said: at ratio 1 its gradient, the
score times the advantage, is all that happens.

Names are those of TRL where TRL has the option. Three things differ from its PPOTrainer: policy and critic have an
optimiser each; the critic's loss is not clipped; and means leave padding out everywhere.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from course_utils import arguments, group_advantages, kernels
from course_utils.arguments import BoolArray, FloatArray, IntArray
from course_utils.kernels import AdamState
from course_utils.rlhf import checkers, language_model, network, reward_model
from course_utils.rlhf import world as worlds
from course_utils.rlhf.advantages import ADVANTAGES
from course_utils.rlhf.config import PPOConfig
from course_utils.rlhf.language_model import Contexts
from course_utils.rlhf.metrics import METRICS, Row
from course_utils.rlhf.network import LanguageModel
from course_utils.rlhf.reward_model import Pairs, RewardModel
from course_utils.rlhf.world import GoldReward, Replies, World

__all__ = ["Batch", "Climbed", "Collected", "NotFiniteError", "PolicyStep", "State", "Updated"]
__all__ += ["advantage_estimates", "climb", "collect", "policy_step", "update"]


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


class NotFiniteError(FloatingPointError):
    """A number of an update that is not finite."""

    def __init__(self, name: str, value: float) -> None:
        super().__init__(f"{name} is {value}, expected a finite number.")


class Batch(NamedTuple):
    """The tokens of a batch, with all that is constant while its epochs run; N rows each."""

    tokens: Contexts
    old: FloatArray
    """log π_old(a_t | s_t)"""
    advantages: FloatArray
    targets: FloatArray
    """G_t, which the critic is to predict"""
    log_ref: FloatArray | None
    """log π_ref, shape (N, V), for a penalty in the loss"""
    weights: FloatArray | None
    """of each token in the objective, by loss_type; None for 1 / N"""

    def take(self, rows: IntArray) -> "Batch":
        """Return the tokens of some rows."""
        x, actions, of_reply, steps = self.tokens
        return Batch(
            Contexts(x.take(rows, axis=0), actions[rows], of_reply[rows], steps[rows]),
            self.old[rows],
            self.advantages[rows],
            self.targets[rows],
            None if self.log_ref is None else self.log_ref[rows],
            None if self.weights is None else self.weights[rows],
        )


class Collected(NamedTuple):
    """A batch of replies, scored, with advantages."""

    replies: Replies
    log_probs: FloatArray
    """of the policy that sampled, shape (m, T)"""
    reward_scores: FloatArray
    gold: GoldReward
    k1: FloatArray
    """log π − log π_ref, shape (m, T)"""
    penalty: FloatArray
    """−β · KL estimate, shape (m, T)"""
    full_kl: FloatArray
    """Σ_t KL(π(· | s_t) ‖ π_ref(· | s_t)), shape (m,)"""
    values: FloatArray
    """V of each token, shape (N,)"""
    advantages: FloatArray
    """of each token before whitening, shape (N,)"""
    log_pi: FloatArray
    """of every word where a token was chosen, shape (N, V)"""
    batch: Batch


class PolicyStep(NamedTuple):
    """The objective of one mini-batch and its gradient: a mean over its N tokens, or a weighted sum."""

    value: float
    """mean or weighted sum of min(ρ A, clip(ρ) A)"""
    gradient: FloatArray
    """of value + entropy bonus − penalty, with respect to the parameters in one row; times ``scale``"""
    scale: float
    """what the gradient must be multiplied with (a ratio of e¹⁰⁰ does not fit float32)"""
    ratio: FloatArray
    active: BoolArray
    entropy: float


class Climbed(NamedTuple):
    """What one mini-batch of an epoch measured."""

    epoch: int
    stepped: bool
    row: Row
    """by the names of the log, which has the means over the mini-batches"""


class Updated(NamedTuple):
    """What one update leaves behind."""

    state: State
    row: Row
    """of the log"""
    collected: Collected


def update(
    config: PPOConfig,
    world: World,
    reference: LanguageModel,
    state: State,
    traffic: FloatArray,
    rng: np.random.Generator,
) -> Updated:
    """Do one update: collect, climb, and let an adaptive β follow the KL; nothing that goes in is changed.

    Raises:
        NotFiniteError: scores, distances or values that are not finite.
        OverflowValueError (a ValueError): a step that overflows.
    """
    collected = collect(config, world, reference, state, traffic, rng)
    moved, measured = climb(config, state, reference, collected, rng)
    moved = moved._replace(updates=state.updates + 1)
    row = _row(config, world, moved, collected, measured)
    _require_finite(row)
    _require_finite({"the policy's parameters": moved.parameters, "the critic's": moved.critic})
    _require_finite({"Adam's v of the policy": moved.adam.square, "Adam's v of the critic": moved.critic_adam.square})
    kl_coef = state.kl_coef
    if config.adap_kl_ctrl:
        gain = min(1.0, config.batch_size / config.horizon)
        kl_coef = kernels.adapted_beta(kl_coef, row["objective/kl"], config.target, gain)
    random = dict(rng.bit_generator.state)
    return Updated(moved._replace(kl_coef=kl_coef, random=random), row, collected)


def collect(
    config: PPOConfig,
    world: World,
    reference: LanguageModel,
    state: State,
    traffic: FloatArray,
    rng: np.random.Generator,
) -> Collected:
    """Sample a batch with the policy as it is, score it, let every token pay, and estimate advantages."""
    model = network.unpack(state.parameters, reference)
    prompts = worlds.sample_prompts(world, config.batch_size // config.num_generations, rng, traffic)
    prompts = np.repeat(prompts, config.num_generations)
    replies, sampled = language_model.sample(model, world, prompts, rng, temperature=config.temperature)
    tokens = language_model.contexts(world, replies, model.table.dtype)
    at = tokens.rows, tokens.steps
    old = sampled[at]
    log_pi, log_ref = (_log_policy(config, each, tokens) for each in (model, reference))
    gold = worlds.gold_reward(world, replies)
    if config.reward == "model":
        scores = reward_model.reward_score(state.reward_model, world, replies)
    else:
        scores = gold.total if config.reward == "gold" else checkers.CHECKERS[config.reward](world, replies)
    if config.missing_eos_penalty is not None:
        scores = scores - config.missing_eos_penalty * ~replies.ended
    k1 = np.zeros(replies.tokens.shape)
    k1[at] = old - kernels.at(log_ref, tokens.actions)
    penalty = -state.kl_coef * (k1 if config.kl_estimator == "k1" else kernels.k3(k1))
    rewards = np.zeros_like(k1) if config.kl_in_loss else penalty.copy()
    rewards[np.arange(len(rewards)), replies.lengths - 1] += scores
    if config.whiten_rewards and arguments.deviation(rewards[replies.mask]):
        rewards = rewards / np.sqrt(rewards[replies.mask].var() + 1e-8)  # scaled, not shifted: 0 stays 0 in padding
    values = np.zeros((len(rewards), world.max_tokens + 1))
    if config.learns_values:
        values[at] = tokens.x @ state.critic
    _require_finite({"objective/scores": scores, "objective/kl": k1, "ours/mean_value": values})
    advantages, targets = _advantages(config, replies, rewards, values)
    weights = kernels.whiten(advantages, replies.mask) if config.whiten_advantages else advantages
    distances = np.maximum(kernels.mean_under(np.exp(log_pi), log_pi - log_ref), 0.0)
    return Collected(
        replies=replies,
        log_probs=sampled,
        reward_scores=scores,
        gold=gold,
        k1=k1,
        penalty=penalty,
        full_kl=np.asarray(np.bincount(tokens.rows, distances), dtype=np.float64),
        values=values[at],
        advantages=advantages[at],
        log_pi=log_pi,
        batch=Batch(
            tokens=tokens,
            old=old.astype(np.float64),
            advantages=weights[at],
            targets=targets[at],
            log_ref=log_ref if config.kl_in_loss else None,
            weights=_token_weights(config, world, replies, tokens),
        ),
    )


def _token_weights(config: PPOConfig, world: World, replies: Replies, tokens: Contexts) -> FloatArray | None:
    """Return w / m of each token; with mini-batches times their number, so that their mean is the batch's gradient."""
    if config.loss_type == "token_mean":
        return None
    weights = group_advantages.TOKEN_WEIGHTS[config.loss_type](replies.lengths, world.max_tokens)
    return weights[tokens.rows] * (config.num_mini_batches / len(weights))


@arguments.no_overflow("rewards, values")
@arguments.typed
def advantage_estimates(
    config: PPOConfig, replies: Replies, rewards: FloatArray, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the advantage of every token, and the return that the critic is to predict.

    baseline "value": A = GAE(γ, λ), G = A + V; "none": A_t = G_t; "batch mean", "group mean", "leave one out":
    A_t = G_t − b, with b the mean return of all replies, of the group's, or of all others in the group; scale_rewards:
    A_t / (sd + 10⁻⁴) with the returns' sd in the group or the batch

    Args:
        config: has baseline, num_generations, scale_rewards, gamma and lam.
        replies: m replies, those of a group one after the other; with num_generations 1 all are one group.
        rewards: r_t, the score with the last token, shape (m, T), 0 in padding.
        values: V(s_t), shape (m, T + 1), 0 in padding.

    Returns:
        (advantages, targets), both of shape (m, T), 0 in padding.

    Raises:
        TypeError, ValueError: bad arguments, or an overflow.

    Source: Schulman et al. 2016 (GAE); Ahmadian et al. 2024, Back to Basics (leave-one-out); Shao et al. 2024 (GRPO).
    """
    worlds.checked("replies", None, replies)
    rewards, values = arguments.floats(rewards=rewards, values=values)
    arguments.shape("rewards", rewards, replies.tokens.shape, "replies")
    m, length = rewards.shape
    arguments.shape("values", values, (m, length + 1), "replies and one value after the last token")
    if m % config.num_generations:
        raise ValueError(f"replies are {m}, expected a multiple of num_generations, {config.num_generations}")
    return _advantages(config, replies, rewards, values)


def _advantages(
    config: PPOConfig, replies: Replies, rewards: FloatArray, values: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return advantages and targets by the function of the baseline: an end token has nothing after it."""
    goes_on = np.arange(rewards.shape[1]) < replies.lengths[:, None] - 1
    K = config.num_generations if config.num_generations > 1 else len(rewards)
    discounts = config.gamma * goes_on
    return ADVANTAGES[config.baseline](replies, rewards, discounts, values, config.lam, K, config.scale_rewards)


@np.errstate(over="ignore", invalid="ignore")  # the result is looked at
@arguments.typed
def policy_step(
    config: PPOConfig,
    model: LanguageModel,
    batch: Contexts,
    old: FloatArray,
    advantages: FloatArray,
    *,
    kl_coef: float = 0.0,
    log_ref: FloatArray | None = None,
    token_weights: FloatArray | None = None,
) -> PolicyStep:
    """Return PPO's objective over the tokens of a mini-batch, and its gradient.

    value = (1/N) Σ_t min(ρ_t A_t, clip(ρ_t, 1 − ε, 1 + ε) A_t);  ∂ value / ∂θ = (1/N) Σ_t ρ_t A_t x_tᵀ (one-hot − π_t),
    without the tokens where the clip is active. With ρ_t = 1 this is ∂U(τ; θ)/∂θ over N: the advantage-weighted score.
    Other weights of tokens stand in the place of 1/N.

    Args:
        config: has cliprange, epsilon_high, entropy_coef and temperature.
        model: the policy.
        batch: contexts and tokens, N rows.
        old: log π_old of the tokens, shape (N,).
        advantages: A, shape (N,).
        kl_coef: β of a penalty in the loss.
        log_ref: log π_ref, shape (N, V), for a penalty in the loss; None for none.
        token_weights: of each token, at least 0, shape (N,); None for 1/N.

    Returns:
        PolicyStep.

    Raises:
        TypeError, ValueError: bad arguments, or an overflow.

    Source: Schulman et al. 2017, equation 7; ``objectives.ppo_clip_objective`` is the sum over time and mean over
    replies.
    """
    language_model.checked_batch("batch", batch, model)
    n = np.arange(len(batch.x))
    old, advantages = arguments.floats(old=old, advantages=advantages)
    arguments.shape("old", old, n.shape, "the batch's tokens")
    arguments.shape("advantages", advantages, n.shape, "the batch's tokens")
    kl_coef = arguments.number("kl_coef", kl_coef, low=0.0)
    if log_ref is not None:
        (log_ref,) = arguments.floats(log_ref=log_ref)
        arguments.shape("log_ref", log_ref, (len(n), model.readout.shape[1]), "the batch's tokens and words")
    if token_weights is not None:
        (token_weights,) = arguments.floats(token_weights=token_weights)
        arguments.shape("token_weights", token_weights, n.shape, "the batch's tokens")
        arguments.within("token_weights", token_weights, 0.0, np.inf)
    log_pi = _log_policy(config, model, batch)
    return _policy_step(config, model, log_pi, batch, old, advantages, kl_coef, log_ref, token_weights)


def _log_policy(config: PPOConfig, model: LanguageModel, tokens: Contexts) -> FloatArray:
    """Return log π of every word in these contexts, at the temperature of the run, shape (N, V)."""
    z = network.logits(model, tokens.x)
    return kernels.log_softmax_by_row(z if config.temperature == 1 else z / config.temperature)


def _policy_step(
    config: PPOConfig,
    model: LanguageModel,
    log_pi: FloatArray,
    tokens: Contexts,
    old: FloatArray,
    advantages: FloatArray,
    kl_coef: float,
    log_ref: FloatArray | None,
    token_weights: FloatArray | None,
) -> PolicyStep:
    """Return PPO's objective and its gradient; what goes in is not checked, what comes out is."""

    def per_token(x: float) -> float | FloatArray:
        return x / n if token_weights is None else x * token_weights[:, None]

    pi, n = np.exp(log_pi), len(log_pi)
    epsilon = np.inf if config.cliprange is None else config.cliprange
    log_probs = kernels.at(log_pi, tokens.actions).astype(np.float64)
    clipped = kernels.ppo_clip(log_probs, old, advantages, epsilon, config.epsilon_high)
    # The advantage-weighted score of every token: U(τ; θ) climbs here.
    weights = clipped.slope / n if token_weights is None else clipped.slope * token_weights
    scale = max(1.0, float(np.abs(weights).max()))
    rows = kernels.score(pi, tokens.actions, (weights / scale).astype(pi.dtype))
    entropies = -kernels.mean_under(pi, log_pi)
    if config.entropy_coef:
        rows -= kernels.mean_slope(pi, log_pi, -entropies, per_token(config.entropy_coef) / scale)
    if log_ref is not None:
        log_ratio = log_pi - log_ref
        rows -= kernels.mean_slope(pi, log_ratio, kernels.mean_under(pi, log_ratio), per_token(kl_coef) / scale)
    gradient = network.pack(network.gradient(model, tokens.x, rows)) / config.temperature
    value = float(clipped.surrogate.mean() if token_weights is None else token_weights @ clipped.surrogate)
    if not (np.isfinite(value) and arguments.all_finite(gradient) and arguments.all_finite(clipped.ratio)):
        raise arguments.OverflowValueError("model, old, advantages, kl_coef", clipped.ratio.dtype)
    return PolicyStep(value, gradient, scale, clipped.ratio, clipped.active, float(entropies.mean()))


def climb(
    config: PPOConfig, state: State, like: LanguageModel, collected: Collected, rng: np.random.Generator
) -> tuple[State, list[Climbed]]:
    """Take the steps of one update, epoch after epoch on the same batch."""
    batch = collected.batch
    parameters, adam, critic, critic_adam = state.parameters, state.adam, state.critic, state.critic_adam
    measured: list[Climbed] = []
    for epoch in range(config.num_ppo_epochs):
        for part in _mini_batches(config, batch, rng):
            model = network.unpack(parameters, like)
            unmoved = part is batch and not measured  # log π is known of the policy that sampled
            log_pi = collected.log_pi if unmoved else _log_policy(config, model, part.tokens)
            given = part.tokens, part.old, part.advantages, state.kl_coef, part.log_ref, part.weights
            step = _policy_step(config, model, log_pi, *given)
            errors = part.targets - (part.tokens.x @ critic if config.learns_values else 0.0)
            approxkl = float(0.5 * (np.log(step.ratio) ** 2).mean())
            stop = config.target_kl is not None and approxkl > 1.5 * config.target_kl
            length = float(np.linalg.norm(step.gradient)) * step.scale
            epsilon = np.inf if config.cliprange is None else config.cliprange
            beyond = np.where(step.ratio > 1, config.epsilon_high or epsilon, epsilon)
            row = {
                "policy/approxkl_avg": approxkl,
                "policy/clipfrac_avg": _share(step.active),
                "policy/entropy_avg": step.entropy,
                "loss/policy_avg": -step.value,
                "loss/value_avg": float(0.5 * (errors**2).mean()),
                "clip_ratio/low_mean": _share(step.active & (part.advantages < 0)),
                "clip_ratio/high_mean": _share(step.active & (part.advantages > 0)),
                "val/ratio": float(step.ratio.mean()),
                "ours/max_ratio": float(step.ratio.max()),
                "ours/min_ratio": float(step.ratio.min()),
                "ours/out_of_range": _share(np.abs(step.ratio - 1) > beyond),
                "ours/gradient_norm": length,
            }
            measured.append(Climbed(epoch, not stop, row))
            if stop:
                break
            factor = step.scale
            if config.max_grad_norm is not None and length > config.max_grad_norm:
                factor *= config.max_grad_norm / length
            if config.optimizer == "adam":
                parameters, adam = kernels.adam(parameters, step.gradient * factor, adam, config.learning_rate)
            else:
                parameters = parameters + config.learning_rate * (step.gradient * factor)
            if config.learns_values:
                uphill = (errors / len(errors)).astype(critic.dtype) @ part.tokens.x
                critic, critic_adam = kernels.adam(critic, uphill, critic_adam, config.vf_learning_rate)
        if not measured[-1].stepped:
            break
    return state._replace(parameters=parameters, adam=adam, critic=critic, critic_adam=critic_adam), measured


def _share(of_tokens: BoolArray) -> float:
    """Return the share of tokens of which it is true."""
    return np.count_nonzero(of_tokens) / len(of_tokens)


def _mini_batches(config: PPOConfig, batch: Batch, rng: np.random.Generator) -> list[Batch]:
    """Return the parts of a batch for one epoch, whole replies in each."""
    if config.num_mini_batches == 1:
        return [batch]
    group = rng.permutation(config.batch_size) % config.num_mini_batches
    return [batch.take(np.flatnonzero(group[batch.tokens.rows] == i)) for i in range(config.num_mini_batches)]


def _row(config: PPOConfig, world: World, state: State, got: Collected, measured: list[Climbed]) -> Row:
    """Return the update's row of the log; ``metrics.METRICS`` says what the names mean."""
    replies, scores, targets = got.replies, got.reward_scores, got.batch.targets
    non_score = float(got.penalty.sum(axis=1).mean())
    spread = float(targets.var()) if arguments.deviation(targets) else 0.0
    kl = got.k1.sum(axis=1).mean()
    group_sd = kernels.group_sd(scores.reshape(-1, config.group_size), ddof=1)
    ratios = [step.row["val/ratio"] for step in measured]
    means = np.array([[step.row[name] for step in measured] for name in measured[0].row]).mean(axis=1)
    row: dict[str, Any] = {
        **dict(zip(measured[0].row, means, strict=True)),
        "objective/kl": kl,
        "objective/entropy": -got.log_probs.sum(axis=1, dtype=np.float64).mean(),
        "objective/non_score_reward": non_score,
        "objective/rlhf_reward": non_score + scores.mean(),
        "objective/scores": scores.mean(),
        "val/ratio_var": np.var(ratios, ddof=1) if len(ratios) > 1 else 0.0,
        "reward_std": group_sd.mean(),
        "frac_reward_zero_std": (group_sd == 0).mean(),
        "val/num_eos_tokens": replies.ended.sum(),
        "lr": config.learning_rate,
        "episode": state.updates * config.batch_size,
        "ours/gold": got.gold.total.mean(),
        "ours/reply_length": replies.lengths.mean(),
        "ours/polite_words": (replies.counts(len(world.words)) @ world.tags["polite"]).mean(),
        "ours/unsafe": (got.gold.amounts["unsafe"] > 0).mean(),
        "ours/repeats": got.gold.amounts["repeat"].mean(),
        "ours/unique_replies": len({row.tobytes() for row in replies.tokens}) / len(replies.tokens),
        "ours/kl_full": got.full_kl.mean(),
        "ours/kl_coef": state.kl_coef,
        "ours/explained_variance": 1 - (targets - got.values).var() / spread if spread else 0.0,
        "ours/mean_value": got.values.mean(),
        "ours/mean_return": targets.mean(),
        "ours/advantage_sd": got.advantages.std(),
        "ours/positive_advantages": (got.batch.advantages > 0).mean(),
        "ours/long_advantage": _long_advantage(replies, got.batch),
        "ours/max_ratio": max(step.row["ours/max_ratio"] for step in measured),
        "ours/min_ratio": min(step.row["ours/min_ratio"] for step in measured),
        "ours/epochs": len({step.epoch for step in measured if step.stepped}),
    }
    return {name: float(row[name]) for name in METRICS}


def _long_advantage(replies: Replies, batch: Batch) -> float:
    """Return the mean advantage of the tokens of the longer half of replies, less that of the shorter half."""
    order = np.argsort(replies.lengths, kind="stable")
    is_longer = np.zeros(len(order), dtype=bool)
    is_longer[order[len(order) // 2 :]] = True
    longer = is_longer[batch.tokens.rows]
    return float(batch.advantages[longer].mean() - batch.advantages[~longer].mean())


def _require_finite(found: Mapping[str, FloatArray | float]) -> None:
    """Raise a NotFiniteError for the first of the numbers that is not finite."""
    for name, value in found.items():
        if not (math.isfinite(value) if isinstance(value, float) else arguments.all_finite(value)):
            array = np.asarray(value)
            raise NotFiniteError(name, float(array[~np.isfinite(array)].flat[0]))
