"""Direct preference optimisation: the preferences climb into the policy themselves, and nothing is sampled.

The contrast to ``ppo``: no reward model, no advantages, no replies of the policy as it is now. What the pairs do not
show it cannot see.
"""

from typing import NamedTuple

import numpy as np

from course_utils import arguments, kernels, objectives
from course_utils.arguments import FloatArray
from course_utils.rlhf import language_model, network, reward_model
from course_utils.rlhf.metrics import Metric, Row
from course_utils.rlhf.network import LanguageModel
from course_utils.rlhf.reward_model import Pairs
from course_utils.rlhf.world import Replies, World

__all__ = ["Trained", "measure", "train"]

METRICS: dict[str, Metric] = {
    "loss": Metric("TRL", "mean −log σ(margin)"),
    "rewards/chosen": Metric("TRL", "β (log π − log π_ref) of the chosen replies, mean"),
    "rewards/rejected": Metric("TRL", "β (log π − log π_ref) of the rejected replies, mean"),
    "rewards/accuracies": Metric("TRL", "share of the pairs with a margin above 0"),
    "rewards/margins": Metric("TRL", "rewards/chosen − rewards/rejected"),
    "logps/chosen": Metric("TRL", "log π of the chosen replies, a sum over tokens, mean"),
    "logps/rejected": Metric("TRL", "log π of the rejected replies, a sum over tokens, mean"),
}
_AT_ONCE = 1000
"""pairs"""


class Trained(NamedTuple):
    """What DPO leaves behind."""

    model: LanguageModel
    rows: tuple[Row, ...]
    """METRICS over all pairs: before the first epoch, and after each. (TRL logs means over the steps between.)"""
    models: tuple[LanguageModel, ...]
    """of each row, the last one being ``model``"""


@np.errstate(over="ignore", invalid="ignore")  # the result is looked at
@language_model.one_blas_thread
@arguments.typed
def train(
    world: World,
    pairs: Pairs,
    reference: LanguageModel,
    *,
    beta: float = 0.3,
    epochs: int = 5,
    learning_rate: float = 0.01,
    batch_size: int = 64,
    seed: int = 0,
) -> Trained:
    """Train a policy on preferences, from the reference on, with Adam on mini-batches of pairs.

    ∂ value / ∂θ = Σ_i ∂ value / ∂ log Pr_π(τ_i) Σ_t ∂ log π(a_t | s_t) / ∂θ, downhill

    Args:
        world: the world.
        pairs: the preferences, such as ``log.state.pairs`` of a run.
        reference: π_ref, such as ``log.reference``; the policy begins there.
        beta: β > 0; the larger, the nearer to the reference. It weighs the raters' own scale, not normalised scores.
        epochs: how often each pair is seen, at least 1.
        learning_rate: Adam's, at least 0.
        batch_size: pairs of a step, at least 1.
        seed: of the order of the pairs.

    Returns:
        Trained.

    Raises:
        TypeError, ValueError: bad arguments, or an overflow.

    Source: Rafailov et al. 2023, Direct Preference Optimization; ``objectives.dpo_loss`` is the loss.
    """
    reward_model.check_pairs("pairs", world, pairs)
    language_model.checked_model("reference", reference, world)
    beta, step_size = arguments.positive("beta", beta), arguments.number("learning_rate", learning_rate, low=0.0)
    epochs, size = arguments.count("epochs", epochs, high=10_000), arguments.count("batch_size", batch_size)
    rng = np.random.default_rng([arguments.whole("seed", seed, low=0), 6])
    frozen = [_log_probs(reference, world, side) for side in pairs]
    parameters = network.pack(reference)
    adam = kernels.adam_start(parameters)
    models, rows = [reference], [_measured(world, pairs, reference, frozen, beta)]
    for _ in range(epochs):
        for few in np.array_split(rng.permutation(len(frozen[0])), -(-len(frozen[0]) // size)):
            model, n = network.unpack(parameters, reference), len(few)
            both = Replies(*(np.concatenate([a[few], b[few]]) for a, b in zip(*pairs, strict=True)))
            tokens = language_model.contexts(world, both, model.table.dtype)
            log_pi = kernels.log_softmax_by_row(network.logits(model, tokens.x))
            log_probs = np.bincount(tokens.rows, kernels.at(log_pi, tokens.actions)).astype(np.float64)
            if not arguments.all_finite(log_probs):
                raise arguments.OverflowValueError("reference, learning_rate", log_pi.dtype)
            loss = _loss(log_probs[:n], log_probs[n:], frozen[0][few], frozen[1][few], beta)
            weights = -np.concatenate([loss.grad_chosen, loss.grad_rejected])[tokens.rows]
            slope = kernels.score(np.exp(log_pi), tokens.actions, weights.astype(model.table.dtype))
            uphill = network.pack(network.gradient(model, tokens.x, slope))
            parameters, adam = kernels.adam(parameters, uphill, adam, step_size)
            if not arguments.all_finite(parameters):
                raise arguments.OverflowValueError("learning_rate, beta", parameters.dtype)
        models.append(network.unpack(parameters, reference))
        rows.append(_measured(world, pairs, models[-1], frozen, beta))
    return Trained(models[-1], tuple(rows), tuple(models))


@language_model.one_blas_thread
@arguments.typed
def measure(world: World, pairs: Pairs, model: LanguageModel, reference: LanguageModel, *, beta: float = 0.3) -> Row:
    """Return the METRICS of a policy on preferences, such as pairs that it was not trained on.

    Args:
        world: the world.
        pairs: the preferences.
        model: π.
        reference: π_ref.
        beta: β > 0.

    Returns:
        A row, by METRICS' names.

    Raises:
        TypeError, ValueError: bad arguments, or an overflow.
    """
    reward_model.check_pairs("pairs", world, pairs)
    for name, each in (("model", model), ("reference", reference)):
        language_model.checked_model(name, each, world)
    beta = arguments.positive("beta", beta)
    return _measured(world, pairs, model, [_log_probs(reference, world, side) for side in pairs], beta)


def _measured(world: World, pairs: Pairs, model: LanguageModel, frozen: list[FloatArray], beta: float) -> Row:
    """Return the metrics, with log Pr_ref of both sides known."""
    chosen, rejected = (_log_probs(model, world, side) for side in pairs)
    loss = _loss(chosen, rejected, frozen[0], frozen[1], beta)
    row = {
        "loss": loss.value,
        "rewards/chosen": loss.chosen_rewards.mean(),
        "rewards/rejected": loss.rejected_rewards.mean(),
        "rewards/accuracies": (loss.margins > 0).mean(),
        "rewards/margins": loss.margins.mean(),
        "logps/chosen": chosen.mean(),
        "logps/rejected": rejected.mean(),
    }
    return {name: float(row[name]) for name in METRICS}


def _loss(
    chosen: FloatArray, rejected: FloatArray, ref_chosen: FloatArray, ref_rejected: FloatArray, beta: float
) -> objectives.DPOLoss:
    """Return the loss; a log-probability that rounding has put above 0 counts as 0."""
    at_most_0 = [np.minimum(each, 0.0) for each in (chosen, rejected, ref_chosen, ref_rejected)]
    return objectives.dpo_loss(at_most_0[0], at_most_0[1], at_most_0[2], at_most_0[3], beta)


def _log_probs(model: LanguageModel, world: World, replies: Replies) -> FloatArray:
    """Return log Pr(τ) of each reply, some at a time."""
    m = len(replies.prompts)
    parts = [replies.take(slice(i, i + _AT_ONCE)) for i in range(0, m, _AT_ONCE)]
    with np.errstate(over="ignore"):
        sums = [language_model.log_probs(model, world, part).sum(axis=1, dtype=np.float64) for part in parts]
    result = np.concatenate(sums)
    if not arguments.all_finite(result):
        raise arguments.OverflowValueError("model, reference", result.dtype)
    return result
