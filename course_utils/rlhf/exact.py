"""What an update does on average, exactly: all replies to a prompt are listed, and all groups of them are counted.

Only for worlds as small as ``world.load(world.TINY)``. An update is that of one group of K replies to one prompt at
ratio 1, g = (1/K) Σ_i w_i A_i Σ_t ∂ log π(a_t | s_t) / ∂θ, with the parameters in one row.
"""

import math
from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from course_utils import arguments, kernels
from course_utils.arguments import FloatArray
from course_utils.group_advantages import Method
from course_utils.rlhf import checkers, language_model, network
from course_utils.rlhf import world as worlds
from course_utils.rlhf.network import LanguageModel
from course_utils.rlhf.world import Replies, World

__all__ = ["Agreement", "Listed", "Moments", "agreement", "expected_reward_gradient", "group_update", "list_replies"]
__all__ += ["reply_update", "state_values", "with_success_rate"]

_MOST_ENTRIES = 20_000_000
"""of one array: 160 MB"""


class Listed(NamedTuple):
    """All replies to one prompt, R of them, as one model would write them."""

    replies: Replies
    probabilities: FloatArray
    """Pr(τ), shape (R,)"""
    token_scores: FloatArray
    """∂ log π(a_t | s_t) / ∂θ, 0 in padding, shape (R, T, P)"""


class Moments(NamedTuple):
    """Expectation and variance of an update."""

    mean: FloatArray
    """E[g], shape (P,)"""
    variance: float
    """E|g − E g|², the trace of the covariance"""


class Agreement(NamedTuple):
    """The updates of a batch with one group for each prompt, beside the exact gradient."""

    cosine: float
    """between E[g] and the gradient"""
    length_ratio: float
    """|E g| over the gradient's length"""
    signal_to_noise: float
    """|E g|² over the trace of the covariance"""


@np.errstate(over="ignore", invalid="ignore")  # the result is looked at
@arguments.typed
def list_replies(model: LanguageModel, world: World, prompt: int) -> Listed:
    """Return all replies to a prompt with their probabilities and the scores of their tokens.

    ∂ log π(a_t | s_t) / ∂θ = x_tᵀ (one-hot(a_t) − π_t)

    Args:
        model: the policy, log-linear (without a tanh layer).
        world: a small world, such as ``world.load(world.TINY)``.
        prompt: number of the prompt.

    Returns:
        Listed.

    Raises:
        TypeError, ValueError: bad arguments, a model with a tanh layer, or too many replies.
    """
    language_model.checked_model("model", model, world)
    if len(model.readout):
        raise ValueError(f"model has {len(model.readout)} units of a tanh layer, expected a log-linear model")
    replies = worlds.every_reply(world, prompt)
    shape = (*replies.tokens.shape, model.table.size)
    if math.prod(shape) > _MOST_ENTRIES:
        raise ValueError(f"world needs an array of shape {shape}, expected at most {_MOST_ENTRIES} entries")
    tokens = language_model.contexts(world, replies)
    log_pi = kernels.log_softmax_by_row(network.logits(model, tokens.x).astype(np.float64))
    if not arguments.all_finite(log_pi):
        raise arguments.OverflowValueError("model", model.table.dtype)
    score = kernels.score(np.exp(log_pi), tokens.actions)
    token_scores = np.zeros(shape)
    token_scores[tokens.rows, tokens.steps] = (tokens.x[:, :, None] * score[:, None]).reshape(len(score), -1)
    log_probs = np.bincount(tokens.rows, kernels.at(log_pi, tokens.actions))
    return Listed(replies, np.exp(log_probs), token_scores)


@arguments.no_overflow("listed, rewards")
@arguments.typed
def expected_reward_gradient(listed: Listed, rewards: ArrayLike) -> FloatArray:
    """Return the gradient of the expected reward of a reply.

    ∂J/∂θ = Σ_τ Pr(τ) R(τ) Σ_t ∂ log π(a_t | s_t) / ∂θ

    Args:
        listed: all replies to the prompt.
        rewards: R of each, shape (R,).

    Returns:
        shape (P,).

    Raises:
        TypeError, ValueError: bad arguments, or an overflow.
    """
    rewards, scores = _of_each("rewards", rewards, listed)
    result: FloatArray = (listed.probabilities * rewards) @ scores
    return result


@arguments.no_overflow("listed, rewards")
@arguments.typed
def state_values(listed: Listed, rewards: ArrayLike) -> FloatArray:
    """Return the value of each prefix of each reply: the exact critic.

    V(s_t) = E[R | the tokens before t]

    Args:
        listed: all replies to the prompt.
        rewards: R of each, shape (R,).

    Returns:
        V, and 0 after a reply's last token, shape (R, T + 1).

    Raises:
        TypeError, ValueError: bad arguments, or an overflow.
    """
    rewards, _ = _of_each("rewards", rewards, listed)
    tokens, pr = listed.replies.tokens, listed.probabilities
    values = np.zeros((len(tokens), tokens.shape[1] + 1))
    for t in range(tokens.shape[1]):
        here = np.flatnonzero(listed.replies.lengths > t)
        state = np.unique(tokens[here, :t], axis=0, return_inverse=True)[1].ravel() if t else np.zeros(len(here), int)
        reached, earned = (np.bincount(state, pr[here] * x) for x in (np.ones(len(here)), rewards[here]))
        values[here, t] = (earned / np.maximum(reached, np.finfo(np.float64).tiny))[state]
    return values


@arguments.no_overflow("listed, advantages")
@arguments.typed
def reply_update(listed: Listed, advantages: ArrayLike, replies: int = 1) -> Moments:
    """Return the moments of the mean update of replies whose advantages know nothing of one another, such as GAE's.

    g = (1/K) Σ_i Σ_t A_t ∂ log π(a_t | s_t) / ∂θ

    Args:
        listed: all replies to the prompt.
        advantages: A of each token of each reply, shape (R, T).
        replies: K.

    Returns:
        Moments.

    Raises:
        TypeError, ValueError: bad arguments, or an overflow.
    """
    _check_listed(listed)
    (advantages,) = arguments.floats(advantages=advantages)
    arguments.shape("advantages", advantages, listed.replies.tokens.shape, "the replies' tokens")
    K = arguments.count("replies", replies)
    updates = np.einsum("rt,rtp->rp", advantages, listed.token_scores)
    mean = listed.probabilities @ updates
    second = listed.probabilities @ (updates**2).sum(axis=1)
    return Moments(mean, max(float(second - mean @ mean), 0.0) / K)


@arguments.no_overflow("listed, rewards")
@arguments.typed
def group_update(listed: Listed, rewards: ArrayLike, method: Method, group_size: int) -> Moments:
    """Return the moments of the update of one group of K replies, drawn independently.

    E[g] = Σ_groups Pr(group) (1/K) Σ_i w_i A_i E[score | class i]

    Advantages and weights of tokens depend on rewards and lengths alone. So replies fall into classes (reward, length),
    and every way to draw K of them counts once, with its multinomial probability; given the classes, the scores of a
    group's replies are independent.

    Args:
        listed: all replies to the prompt.
        rewards: R of each, with few different values, shape (R,).
        method: what makes A and w of a group, such as ``group_advantages.METHODS["GRPO"]``.
        group_size: K, at least 2.

    Returns:
        Moments.

    Raises:
        TypeError, ValueError: bad arguments, more groups than can be counted, or an overflow.
    """
    rewards, scores = _of_each("rewards", rewards, listed)
    arguments.instance("method", method, Method)
    K = arguments.count("group_size", group_size, low=2, high=1_000)
    lengths, pr = listed.replies.lengths, listed.probabilities
    classes, of_reply = np.unique(np.stack([rewards, lengths]), axis=1, return_inverse=True)
    n, of_reply = classes.shape[1], of_reply.ravel()
    if math.comb(n + K - 1, K) * K * n > _MOST_ENTRIES:
        raise ValueError(f"rewards and lengths make {n} classes, too many for all groups of group_size {K}")
    chance, second = (np.bincount(of_reply, pr * x, minlength=n) for x in (np.ones(len(pr)), (scores**2).sum(axis=1)))
    chance = np.maximum(chance, np.finfo(np.float64).tiny)
    mean_score = np.stack([(pr * (of_reply == c)) @ scores for c in range(n)]) / chance[:, None]
    inner = second / chance - (mean_score**2).sum(axis=1)  # variance of a score within its class

    group = np.array(list(combinations_with_replacement(range(n), K)))
    count = (group[:, :, None] == np.arange(n)).sum(axis=1)
    log_factorials = np.array([math.lgamma(k + 1) for k in range(K + 1)])
    probability = np.exp(log_factorials[K] - log_factorials[count].sum(axis=1) + count @ np.log(chance))
    longest = listed.replies.tokens.shape[1]
    A = _applied("method.advantages", method.advantages, classes[0][group])
    w = _applied("method.token_weights", method.token_weights, classes[1][group].astype(np.intp), longest)
    share = A * w / K  # the same for all replies of a class in a group
    of_class = np.zeros((len(group), n))
    np.put_along_axis(of_class, group, share, axis=1)
    mean = probability @ (of_class * count) @ mean_score
    between = ((of_class * count) @ mean_score) @ mean_score.T
    square = probability @ ((of_class**2 * count) @ inner + (between * of_class * count).sum(axis=1))
    return Moments(mean, max(float(square - mean @ mean), 0.0))


@arguments.no_overflow("updates, gradients")
def agreement(updates: Sequence[Moments], gradients: ArrayLike) -> Agreement:
    """Compare the update of a batch, one group for each prompt, with the exact gradient of all prompts together.

    cosine = E[g]·∂J / (|E g| |∂J|);  signal to noise = |E g|² / Σ_prompts tr Cov, with E[g] and ∂J summed over prompts

    Args:
        updates: of one group of each prompt.
        gradients: of each prompt's expected reward, shape (prompts, P).

    Returns:
        Agreement.

    Raises:
        TypeError, ValueError: bad arguments, an expected update or a gradient of 0, no noise, or an overflow.
    """
    if not isinstance(updates, Sequence) or not updates or not all(isinstance(each, Moments) for each in updates):
        raise TypeError(f"updates is {arguments.said(updates)}, expected a list of Moments")
    exact, means = arguments.floats(gradients=gradients, updates=[each.mean for each in updates])
    if means.ndim != 2:
        raise ValueError(f"updates have means of shape {means.shape[1:]}, expected (P,)")
    arguments.shape("gradients", exact, means.shape, "updates")
    mean, gradient = means.sum(axis=0), exact.sum(axis=0)
    lengths = [float(np.linalg.norm(x)) for x in (mean, gradient)]
    noise = sum(arguments.number("updates.variance", each.variance, low=0.0) for each in updates)
    if not (np.isfinite(sum(lengths)) and noise < np.inf):
        raise arguments.OverflowValueError("updates, gradients", means.dtype)
    if not (min(lengths) > 0 and noise > 0):
        raise ValueError("updates or gradients sum to 0 or have no noise, expected a direction and a variance")
    return Agreement(float(mean @ gradient) / lengths[0] / lengths[1], lengths[0] / lengths[1], lengths[0] ** 2 / noise)


@arguments.typed
def with_success_rate(model: LanguageModel, world: World, prompt: int, p: float) -> LanguageModel:
    """Return the model with the logits of a topic's things shifted, in that topic alone, so that Pr(on topic) = p.

    Args:
        model: the policy, log-linear.
        world: a small world.
        prompt: the prompt for which p holds.
        p: in (0, 1); between what shifts by ±30 reach.

    Returns:
        LanguageModel.

    Raises:
        TypeError, ValueError: bad arguments, or a p that no such shift reaches.
    """
    p = arguments.positive("p", arguments.number("p", p, low=0.0, high=1.0))
    language_model.checked_model("model", model, world)
    every = worlds.every_reply(world, prompt)
    right = checkers.on_topic(world, every)
    topic = world.topic_of[every.prompts[0]]

    def shifted(by: float) -> LanguageModel:
        table = model.table.copy()
        table[1 + topic, : len(world.words)] += by * world.objects[topic]
        return model._replace(table=table)

    def rate(by: float) -> float:
        return float(np.exp(language_model.log_probs(shifted(by), world, every)).prod(axis=1) @ right)

    low, high = -30.0, 30.0
    if not rate(low) < p < rate(high):
        raise ValueError(
            f"p is {p:g}, expected a number between {rate(low):.3g} and {rate(high):.3g}, which shifts reach"
        )
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rate(middle) < p else (low, middle)
    return shifted((low + high) / 2)


def _of_each(name: str, value: ArrayLike, listed: Listed) -> tuple[FloatArray, FloatArray]:
    """Return a number for each of the listed replies, and the sum of their tokens' scores, shape (R, P)."""
    _check_listed(listed)
    (array,) = arguments.floats(**{name: value})
    arguments.shape(name, array, listed.probabilities.shape, "the listed replies")
    return array, listed.token_scores.sum(axis=1)


def _check_listed(listed: Listed) -> None:
    """Require what ``list_replies`` returns."""
    arguments.instance("listed", listed, Listed)
    m, length = worlds.checked("listed.replies", None, listed.replies).tokens.shape
    for part, shape in (("probabilities", (m,)), ("token_scores", (m, length, None))):
        array = arguments.instance(f"listed.{part}", getattr(listed, part), np.ndarray)
        arguments.floats(**{f"listed.{part}": array})
        wanted = tuple(array.shape[-1] if n is None and array.ndim == 3 else n for n in shape)
        arguments.shape(f"listed.{part}", array, wanted, "listed.replies")  # type: ignore[arg-type]
    arguments.within("listed.probabilities", listed.probabilities, 0.0, 1.0)


def _applied(name: str, function: Callable[..., FloatArray], *given: Any) -> FloatArray:
    """Return what a half of a method makes of a group's rewards or lengths."""
    arguments.function(name, function, "a function of a group, such as those of METHODS")
    (result,) = arguments.floats(**{name: function(*given)})
    arguments.shape(name, result, given[0].shape, "the groups")
    return result
