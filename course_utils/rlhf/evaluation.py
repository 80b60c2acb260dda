"""Measure a run from outside: its policy on fresh replies, its reward model on fresh pairs."""

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from course_utils import arguments
from course_utils.arguments import BoolArray
from course_utils.rlhf import language_model, reward_model
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RewardConfig
from course_utils.rlhf.network import LanguageModel
from course_utils.rlhf.run import RunLog
from course_utils.rlhf.world import MOODS, Replies

__all__ = ["Evaluation", "Group", "PairAccuracy", "evaluate", "pair_accuracy"]


class Group(NamedTuple):
    """The replies of one kind of prompts."""

    n: int
    """replies; 0 where no such prompt came, and then every number is 0"""
    gold: float
    score: float
    kl: float
    length: float
    shares: dict[str, float]


class Evaluation(NamedTuple):
    """A policy on fresh replies."""

    gold: float
    """mean gold reward"""
    score: float
    """mean score of the reward model"""
    kl: float
    """mean log(π / π_ref) of a reply"""
    length: float
    """mean tokens"""
    polite_words: float
    unique: float
    """share of the replies that differ from each other"""
    parts: dict[str, float]
    """part of the gold reward → points, mean"""
    shares: dict[str, float]
    """part of the gold reward → share of the replies that have it, such as "unsafe", "wrong_object", "repeat",
    and "illegal_pairs" for odd replies, with two neighbours that the grammar never puts side by side"""
    by_topic: dict[str, Group]
    by_mood: dict[str, Group]
    replies: Replies


@language_model.one_blas_thread
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
    traffic = log.config.traffic(log.world) if weights is None else weights
    chosen = log.model if model is None else model
    language_model.checked_model("model", chosen, log.world)
    prompts = worlds.sample_prompts(log.world, n, rng, traffic)
    said, log_probs = language_model.sample(chosen, log.world, prompts, rng, temperature=log.config.temperature)
    gold, parts, amounts = worlds.gold_reward(log.world, said)
    scores = reward_model.reward_score(log.state.reward_model, log.world, said)
    reference = language_model.log_probs(_tempered(log.reference, log.config.temperature), log.world, said)
    kl = (log_probs - reference).sum(axis=1)

    def group(rows: BoolArray) -> Group:
        many = max(int(rows.sum()), 1)
        means = [float(column[rows].sum() / many) for column in (gold, scores, kl, said.lengths)]
        shares = {name: float((amount[rows] > 0).sum() / many) for name, amount in amounts.items()}
        return Group(int(rows.sum()), means[0], means[1], means[2], means[3], shares)

    return Evaluation(
        gold=float(gold.mean()),
        score=float(scores.mean()),
        kl=float(kl.mean()),
        length=float(said.lengths.mean()),
        polite_words=float((worlds.counts(log.world, said) @ log.world.tags["polite"]).mean()),
        unique=len(np.unique(said.tokens, axis=0)) / n,
        parts={name: float(points.mean()) for name, points in parts.items()},
        shares={name: float((amount > 0).mean()) for name, amount in amounts.items()},
        by_topic={name: group(log.world.topic_of[prompts] == i) for i, name in enumerate(log.world.topics)},
        by_mood={name: group(log.world.mood_of[prompts] == i) for i, name in enumerate(MOODS)},
        replies=said,
    )


class PairAccuracy(NamedTuple):
    """How often raters are agreed with, on pairs."""

    reward_model: float
    """by the reward model"""
    ceiling: float
    """by what the raters mean, without their noise: no model can do better but by chance"""


@language_model.one_blas_thread
@arguments.typed
def pair_accuracy(
    log: RunLog,
    *,
    pairs: int = 2000,
    seed: int = 0,
    weights: ArrayLike | None = None,
    model: LanguageModel | None = None,
    own_raters: bool = False,
) -> PairAccuracy:
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
        PairAccuracy: the shares of pairs ranked as the raters did; equal scores, and equal replies, count half.
    """
    pairs = arguments.count("pairs", pairs, high=100_000)
    rng = np.random.default_rng([arguments.whole("seed", seed, low=0), 4])
    traffic = log.config.traffic(log.world) if weights is None else weights
    both = reward_model.sample_pairs(log.model if model is None else model, log.world, pairs, rng, traffic)
    raters: RewardConfig = log.config if own_raters else RewardConfig(label_temperature=log.config.label_temperature)
    said = raters.label(log.world, both, rng)
    meant = dataclasses.replace(raters, label_temperature=1e-9).label(log.world, both, rng)
    same = (said.chosen.tokens == meant.chosen.tokens).all(axis=1)
    equal = (said.chosen.tokens == said.rejected.tokens).all(axis=1)
    ceiling = float(np.where(equal, 0.5, same).mean())
    return PairAccuracy(reward_model.accuracy(log.state.reward_model, log.world, said), ceiling)


def _tempered(model: LanguageModel, temperature: float) -> LanguageModel:
    """Return the model whose logits are those of the given one over the temperature."""
    n_words = model.readout.shape[1]
    table = model.table.copy()
    table[:, :n_words] /= temperature
    return LanguageModel(table, model.readout / np.asarray(temperature, model.readout.dtype))
