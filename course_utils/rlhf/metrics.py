"""What a run of RLHF writes into its log: TRL's names and definitions for TRL's metrics, ``ours/…`` for additions.

Whoever can read this log can read that of a large run. Means are over the tokens of a batch, padding left out, or over
its replies; what is measured in an epoch is averaged over the epochs and mini-batches of the update, as TRL does.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from course_utils import arguments, kernels
from course_utils.arguments import FloatArray
from course_utils.rlhf import network
from course_utils.rlhf import world as worlds
from course_utils.rlhf.language_model import checked_model, contexts, log_probs
from course_utils.rlhf.network import LanguageModel
from course_utils.rlhf.world import Replies, World

__all__ = ["ExactKL", "Metric", "columns", "exact_kl", "full_kl"]

Row = dict[str, float]


class Metric(NamedTuple):
    """One column of the log."""

    source: Literal["TRL", "ours"]
    meaning: str


METRICS: dict[str, Metric] = {
    "objective/kl": Metric(
        "TRL", "Σ_t log π(a_t|s_t) − log π_ref(a_t|s_t) of a reply, mean: KL to the reference by k1"
    ),
    "objective/entropy": Metric("TRL", "Σ_t −log π(a_t|s_t) of a reply, mean: a sum over the reply, not per token"),
    "objective/non_score_reward": Metric("TRL", "−β Σ_t KL estimate of a reply, mean: what the penalty costs"),
    "objective/rlhf_reward": Metric("TRL", "score + non-score reward: what is maximised"),
    "objective/scores": Metric("TRL", "the reward model's score of a reply, mean"),
    "policy/approxkl_avg": Metric("TRL", "½ mean (log π_new − log π_old)²: within the update, not to the reference"),
    "policy/clipfrac_avg": Metric("TRL", "share of the tokens where the clip is active, so that they send no gradient"),
    "policy/entropy_avg": Metric("TRL", "mean entropy H(π(·|s_t)) of a token, in nats"),
    "loss/policy_avg": Metric("TRL", "−mean min(ρ_t A_t, clip(ρ_t) A_t), tokens weighted by loss_type"),
    "loss/value_avg": Metric("TRL", "½ mean (V(s_t) − G_t)²"),
    "val/ratio": Metric("TRL", "mean ρ_t = π_new / π_old of an epoch's tokens, mean over the epochs"),
    "val/ratio_var": Metric("TRL", "variance of these means: not of the ratios themselves"),
    "clip_ratio/low_mean": Metric("TRL", "share of the tokens with ρ_t < 1 − ε and A_t < 0: part of clipfrac"),
    "clip_ratio/high_mean": Metric("TRL", "share of the tokens with ρ_t > 1 + ε_high and A_t > 0: the other part"),
    "reward_std": Metric("TRL", "standard deviation of the scores of a group, mean; without groups of the batch"),
    "frac_reward_zero_std": Metric("TRL", "share of the groups whose scores are all equal: no signal in them"),
    "val/num_eos_tokens": Metric("TRL", "replies with an end token"),
    "lr": Metric("TRL", "learning rate of the policy"),
    "episode": Metric("TRL", "replies sampled so far"),
    "ours/gold": Metric("ours", "gold reward of a reply, mean: a real run cannot know it"),
    "ours/reply_length": Metric("ours", "tokens of a reply, end token included, mean"),
    "ours/polite_words": Metric("ours", "polite words of a reply, mean"),
    "ours/unsafe": Metric("ours", "share of the replies with an unsafe word, such as a promise"),
    "ours/repeats": Metric("ours", "content words said again in a reply, mean"),
    "ours/unique_replies": Metric("ours", "share of the batch's replies that differ from each other"),
    "ours/kl_full": Metric("ours", "Σ_t KL(π(·|s_t) ‖ π_ref(·|s_t)) of a reply, all tokens counted, mean: less noise"),
    "ours/kl_coef": Metric("ours", "β in this update"),
    "ours/explained_variance": Metric(
        "ours", "1 − Var(G_t − V(s_t)) / Var(G_t), before the critic's step; 0 if G is flat"
    ),
    "ours/mean_value": Metric(
        "ours", "mean V(s_t): explained variance is blind to a constant error, these two are not"
    ),
    "ours/mean_return": Metric("ours", "mean G_t, the critic's target"),
    "ours/advantage_sd": Metric("ours", "standard deviation of A_t over the batch's tokens, before whitening"),
    "ours/positive_advantages": Metric("ours", "share of the tokens with A_t > 0, as the update uses it"),
    "ours/long_advantage": Metric(
        "ours", "mean A_t, as the update uses it, of the batch's longer half of replies, less that of the shorter half"
    ),
    "ours/max_ratio": Metric("ours", "largest ρ_t in any epoch: the mean hides it"),
    "ours/min_ratio": Metric("ours", "smallest ρ_t in any epoch: what was all but forbidden"),
    "ours/out_of_range": Metric("ours", "share of the tokens with ρ_t outside 1 ± ε, the other clip fraction in use"),
    "ours/gradient_norm": Metric("ours", "length of the policy's gradient before max_grad_norm, mean over the steps"),
    "ours/epochs": Metric("ours", "epochs that took a step; fewer than num_ppo_epochs where target_kl stopped them"),
}


class ExactKL(NamedTuple):
    """The KL divergence between two models over whole replies to one prompt, by listing all replies."""

    value: float
    """Σ_τ Pr_π(τ) log(Pr_π(τ) / Pr_ref(τ))"""
    k1_variance: float
    """variance of log(Pr_π(τ) / Pr_ref(τ)), the sampled estimate, under π"""


@arguments.no_overflow("model, reference")
@arguments.typed
def exact_kl(model: LanguageModel, reference: LanguageModel, world: World, prompt: int) -> ExactKL:
    """Return KL(π ‖ π_ref) over replies to one prompt, exactly; only for worlds small enough to list them.

    KL = Σ_τ Pr_π(τ) Σ_t (log π(a_t | s_t) − log π_ref(a_t | s_t))

    Args:
        model: π.
        reference: π_ref.
        world: a world with at most 200,000 possible replies.
        prompt: number of the prompt.

    Returns:
        ExactKL.

    Raises:
        ValueError: too many replies, or a prompt that does not exist.
    """
    listed = worlds.every_reply(world, prompt)
    log_pi = log_probs(model, world, listed).sum(axis=1, dtype=np.float64)
    log_ratio = log_pi - log_probs(reference, world, listed).sum(axis=1, dtype=np.float64)
    probabilities = np.exp(log_pi)
    value = max(float(probabilities @ log_ratio), 0.0)  # rounding can dip below 0
    return ExactKL(value, float(probabilities @ (log_ratio - value) ** 2))


@arguments.no_overflow("model, reference")
@arguments.typed
def full_kl(model: LanguageModel, reference: LanguageModel, world: World, replies: Replies) -> FloatArray:
    """Return the KL divergence in the states that each reply visits, summed: with replies of π, its mean is the KL.

    Σ_t KL(π(· | s_t) ‖ π_ref(· | s_t))

    Args:
        model: π.
        reference: π_ref.
        world: the world.
        replies: m replies, sampled from π.

    Returns:
        shape (m,).

    Raises:
        TypeError, ValueError: bad arguments.
    """
    checked_model("model", model, world)
    checked_model("reference", reference, world)
    batch = contexts(world, replies, model.table.dtype)
    log_pi, log_ref = (kernels.log_softmax_by_row(network.logits(each, batch.x)) for each in (model, reference))
    per_token = np.maximum(kernels.mean_under(np.exp(log_pi), log_pi - log_ref), 0.0)
    return np.asarray(np.bincount(batch.rows, per_token, minlength=len(replies.prompts)), dtype=np.float64)


@arguments.typed
def columns(rows: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Return the log as a dict of columns, as ``pandas.DataFrame`` takes it."""
    rows = _checked_rows(rows)
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else {})}


def _checked_rows(rows: Sequence[Mapping[str, float]]) -> list[Row]:
    """Return rows of plain numbers; they must have the same metrics, all of them finite."""
    if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows):
        raise TypeError(f"rows is {arguments.said(rows)}, expected a list of dictionaries, such as the rows of a log")
    for i, row in enumerate(rows):
        if row.keys() != rows[0].keys() or not METRICS.keys() >= row.keys():
            raise ValueError(f"rows[{i}] has {arguments.said(list(row))}, expected the same metrics in every row")
    return [
        {name: arguments.number(f"rows[{i}][{name!r}]", x) for name, x in row.items()} for i, row in enumerate(rows)
    ]
