"""The language model of the RLHF lab: softmax over a sparse 0/1 context, sampling, and supervised fine-tuning.

The context x(s) of a token is a row of zeros and ones: a bias, the prompt's topic and mood, the position, the word
before, the word before that, and which words were already used. Logits are linear in it, z = x θ, so the score is that
of lesson 2 with a row vector in front: ∂ log π(a | s) / ∂θ = xᵀ (one-hot(a) − π). With ``hidden`` > 0 a small tanh
layer stands beside the linear part: z = x θ + tanh(x H) R.

Models are float64, so that a seed gives the same log on every processor. A float32 table makes everything float32: a
third faster, but after some sixty updates of PPO two processors that round differently have sampled different words.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from threadpoolctl import threadpool_limits

from course_utils import arguments, kernels
from course_utils.arguments import FloatArray, IntArray
from course_utils.rlhf import network
from course_utils.rlhf.network import LanguageModel
from course_utils.rlhf.world import END, MOODS, Replies, World, checked

__all__ = ["Contexts", "FineTuned", "Sampled", "checked_batch", "checked_model", "contexts", "feature_names"]
__all__ += ["gradient", "log_probs", "logits", "n_features", "new", "one_blas_thread", "pack", "sample", "score", "sft"]
__all__ += ["unpack"]

P = ParamSpec("P")
R = TypeVar("R")


class Contexts(NamedTuple):
    """All tokens of a batch of replies, one row for each, padding left out."""

    x: FloatArray
    """context, zeros and ones, shape (N, d)"""
    actions: IntArray
    """the token that was chosen, shape (N,)"""
    rows: IntArray
    """which reply, shape (N,)"""
    steps: IntArray
    """which position in it, shape (N,)"""


class Sampled(NamedTuple):
    """Replies that a model has written."""

    replies: Replies
    log_probs: FloatArray
    """log π(a_t | s_t), 0 in padding, shape (m, T)"""


class FineTuned(NamedTuple):
    """What supervised fine-tuning leaves behind."""

    model: LanguageModel
    losses: FloatArray
    """mean −log π of a token, for each epoch, as the batches saw it, shape (epochs,)"""
    held_out_loss: float
    """mean −log π of a token of demonstrations that were not trained on"""


def one_blas_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function run with one thread in BLAS: more of them only get in each other's way at these sizes."""

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with threadpool_limits(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited


@arguments.typed
def feature_names(world: World) -> list[str]:
    """Return what each column of the context means, d names."""
    return [
        "bias",
        *(f"topic {topic}" for topic in world.topics),
        *(f"mood {mood}" for mood in MOODS),
        *(f"position {t + 1}" for t in range(world.max_tokens)),
        *(f"after {word}" for word in ("the beginning", *world.words[1:])),
        *(f"two after {word}" for word in ("the beginning", *world.words[1:])),
        *(f"used {word}" for word in world.words),
    ]


@arguments.typed
def n_features(world: World) -> int:
    """Return d, the length of a context."""
    return 1 + len(world.topics) + len(MOODS) + world.max_tokens + 3 * len(world.words)


@arguments.typed
def new(
    world: World, *, hidden: int = 0, rng: np.random.Generator | None = None, dtype: DTypeLike = np.float64
) -> LanguageModel:
    """Return a model that finds every token equally probable.

    Args:
        world: the world.
        hidden: units of the tanh layer; 0 for the log-linear model.
        rng: a numpy.random.Generator for the tanh layer's weights, which must differ to learn; without it None.
        dtype: float32 or float64.

    Returns:
        LanguageModel.

    Raises:
        TypeError, ValueError: bad arguments.
    """
    hidden = arguments.count("hidden", hidden, low=0, high=10_000)
    dtype = _dtype(dtype)
    d, n_words = n_features(world), len(world.words)
    table = np.zeros((d, n_words + hidden), dtype=dtype)
    if hidden:
        table[:, n_words:] = arguments.generator(rng).normal(0.0, 0.3, (d, hidden))
    return LanguageModel(table, np.zeros((hidden, n_words), dtype=dtype))


@arguments.typed
def contexts(world: World, replies: Replies, dtype: DTypeLike = np.float64) -> Contexts:
    """Return the contexts in which the tokens of the replies were chosen.

    Args:
        world: the world.
        replies: m replies.
        dtype: of x.

    Returns:
        Contexts with N rows, the tokens of the first reply first.

    Raises:
        TypeError, ValueError: bad arguments.
    """
    checked("replies", world, replies)
    dtype = _dtype(dtype)
    m, length = replies.tokens.shape
    n_words, n_topics = len(world.words), len(world.topics)
    mask = replies.mask
    rows, steps = mask.nonzero()
    actions = replies.tokens[mask]
    n = np.arange(len(rows))
    x = np.zeros((len(rows), n_features(world)), dtype=dtype)
    before = np.zeros((m, length + 2), dtype=np.intp)  # END stands for the beginning
    before[:, 2:] = replies.tokens
    used = np.zeros((m, length, n_words), dtype=bool)
    used[np.arange(m)[:, None], np.arange(1, length), replies.tokens[:, :-1]] = True
    for t in range(1, length):  # NumPy's own accumulate takes four times as long
        used[:, t] |= used[:, t - 1]
    at = 1 + n_topics + len(MOODS)
    x[:, 0] = 1
    x[n, 1 + world.topic_of[replies.prompts][rows]] = 1
    x[n, 1 + n_topics + world.mood_of[replies.prompts][rows]] = 1
    x[n, at + steps] = 1
    at += world.max_tokens
    x[n, at + before[rows, steps + 1]] = 1
    x[n, at + n_words + before[rows, steps]] = 1
    x[:, at + 2 * n_words :] = used[mask]
    return Contexts(x, actions, rows, steps)


@arguments.no_overflow("model, x")
@arguments.typed
def logits(model: LanguageModel, x: FloatArray) -> FloatArray:
    """Return the logits of every token in these contexts.

    z = x θ, or x θ + tanh(x H) R

    Args:
        model: the policy.
        x: contexts, shape (N, d).

    Returns:
        z, shape (N, V).

    Raises:
        TypeError, ValueError: bad arguments, or logits that overflow.
    """
    checked_model("model", model)
    _rows("x", x, len(model.table))
    return network.logits(model, x)


@arguments.no_overflow("model, x, grad_logits")
@arguments.typed
def gradient(model: LanguageModel, x: FloatArray, grad_logits: FloatArray) -> LanguageModel:
    """Return the gradient with respect to the parameters from the one with respect to the logits: the chain rule.

    ∂/∂θ = xᵀ ∂/∂z; with a tanh layer h = tanh(x H) also ∂/∂R = hᵀ ∂/∂z and ∂/∂H = xᵀ ((∂/∂z Rᵀ) (1 − h²))

    Args:
        model: the policy.
        x: contexts, shape (N, d).
        grad_logits: ∂ objective / ∂ z, shape (N, V).

    Returns:
        The gradient, in the shape of the model.

    Raises:
        TypeError, ValueError: bad arguments, or a gradient that overflows.
    """
    checked_model("model", model)
    _rows("x", x, len(model.table))
    _rows("grad_logits", grad_logits, model.readout.shape[1])
    arguments.shape("grad_logits", grad_logits, (len(x), model.readout.shape[1]), "x and the model's words")
    return network.gradient(model, x, grad_logits)


@arguments.no_overflow("model, batch, weights")
@arguments.typed
def score(model: LanguageModel, batch: Contexts, weights: ArrayLike | None = None) -> LanguageModel:
    """Return the gradient of the weighted log-probability of what was said.

    Σ_t w_t ∂ log π(a_t | s_t) / ∂θ = Σ_t w_t x_tᵀ (one-hot(a_t) − π_t)

    With w_t = A_t / m this is the gradient of U(τ; θ), averaged over m replies.

    Args:
        model: the policy.
        batch: contexts and tokens, N rows.
        weights: w, shape (N,); None for 1.

    Returns:
        The gradient, in the shape of the model.

    Raises:
        TypeError, ValueError: bad arguments, or a gradient that overflows.

    Source: Williams 1992 (REINFORCE); Xiao & Zhu, Foundations of Large Language Models, ch. 4.
    """
    checked_batch("batch", batch, model)
    (w,) = arguments.floats(weights=np.ones(len(batch.x)) if weights is None else weights)
    arguments.shape("weights", w, (len(batch.x),), "the batch's tokens")
    pi = np.exp(kernels.log_softmax_by_row(network.logits(model, batch.x)))
    slope = kernels.score(pi, batch.actions, w.astype(model.table.dtype))
    return network.gradient(model, batch.x, slope)


@arguments.no_overflow("model, replies")
@arguments.typed
def log_probs(model: LanguageModel, world: World, replies: Replies) -> FloatArray:
    """Return the log-probability of every token of the replies.

    log π(a_t | s_t) for t = 1 … length, and 0 in padding; the sum over a row is log Pr_θ(τ)

    Args:
        model: the policy.
        world: the world.
        replies: m replies.

    Returns:
        shape (m, T).

    Raises:
        TypeError, ValueError: bad arguments.
    """
    checked_model("model", model, world)
    batch = contexts(world, replies, model.table.dtype)
    table = np.zeros(replies.tokens.shape, dtype=model.table.dtype)
    log_pi = kernels.log_softmax_by_row(network.logits(model, batch.x))
    table[batch.rows, batch.steps] = kernels.at(log_pi, batch.actions)
    return table


@np.errstate(over="ignore", invalid="ignore")  # the result is looked at
@arguments.typed
def sample(
    model: LanguageModel, world: World, prompts: ArrayLike, rng: np.random.Generator, *, temperature: float = 1.0
) -> Sampled:
    """Let the model write a reply to each prompt.

    A context changes by a few entries from token to token, so its logits are running sums of rows of the table. Each
    reply consumes T uniform numbers, used or not: the replies do not depend on each other's lengths.

    Args:
        model: the policy.
        world: the world.
        prompts: numbers of prompts, shape (m,).
        rng: a numpy.random.Generator.
        temperature: κ > 0, which divides the logits.

    Returns:
        Sampled.

    Raises:
        TypeError, ValueError: bad arguments.
    """
    checked_model("model", model, world)
    numbers = arguments.indices("prompts", prompts, len(world.prompts), "a prompt")
    if numbers.ndim != 1:
        raise ValueError(f"prompts has shape {numbers.shape}, expected whole numbers of shape (m,)")
    generator = arguments.generator(rng)
    kappa = arguments.positive("temperature", arguments.number("temperature", temperature))
    m, length, n_words, n_topics = len(numbers), world.max_tokens, len(world.words), len(world.topics)
    table, dtype = model.table, model.table.dtype
    mood_at, position_at = 1 + n_topics, 1 + n_topics + len(MOODS)
    last_at = position_at + length
    second_at, used_at = last_at + n_words, last_at + 2 * n_words

    tokens = np.zeros((m, length), dtype=np.intp)
    lengths = np.full(m, length, dtype=np.intp)
    chosen = np.zeros((m, length), dtype=dtype)
    uniform = np.minimum(generator.random((m, length)).astype(dtype), np.nextafter(dtype.type(1), dtype.type(0)))
    # Row i of what follows belongs to reply alive[i]; replies that have ended drop out.
    alive = np.arange(m)
    still = table[0] + table[1 + world.topic_of[numbers]] + table[mood_at + world.mood_of[numbers]]
    used = np.zeros((m, n_words), dtype=bool)
    last = second = np.zeros(m, dtype=np.intp)
    for t in range(length):
        z = still + table[position_at + t]
        z += table.take(last_at + last, axis=0)
        z += table.take(second_at + second, axis=0)
        if len(model.readout):
            z = z[:, :n_words] + np.tanh(z[:, n_words:]) @ model.readout
        if kappa != 1:
            z /= kappa
        z -= z.max(axis=1, keepdims=True)
        cumulative = np.exp(z).cumsum(axis=1)
        word = kernels.invert(cumulative, uniform[alive, t])
        here = np.arange(len(alive))
        tokens[alive, t] = word
        chosen[alive, t] = z[here, word] - np.log(cumulative[:, -1])
        ended = word == END
        if ended.any():
            lengths[alive[ended]] = t + 1
            going = np.flatnonzero(~ended)
            if not len(going):
                break
            alive, still, used, last, word = alive[going], still[going], used[going], last[going], word[going]
            here = here[: len(going)]
        fresh = ~used[here, word]
        still += table.take(used_at + word, axis=0) * fresh[:, None]
        used[here, word] = True
        second, last = last, word
    if not np.isfinite(chosen).all():
        raise arguments.OverflowValueError("model, temperature", chosen.dtype)
    return Sampled(Replies(numbers, tokens, lengths), chosen)


@arguments.typed
def pack(model: LanguageModel) -> FloatArray:
    """Return all parameters in one row."""
    checked_model("model", model)
    for part, array in zip(model._fields, model, strict=True):
        _array(f"model.{part}", array)
    return network.pack(model)


@arguments.typed
def unpack(parameters: FloatArray, like: LanguageModel) -> LanguageModel:
    """Return the model whose ``pack`` is this row."""
    checked_model("like", like)
    _array("parameters", parameters)
    arguments.shape("parameters", parameters, (like.table.size + like.readout.size,), "like")
    return network.unpack(parameters, like)


@one_blas_thread
@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # the result is looked at
@arguments.typed
def sft(
    world: World,
    demonstrations: Replies,
    rng: np.random.Generator,
    *,
    epochs: int = 6,
    step_size: float = 0.05,
    batch: int = 512,
    hidden: int = 0,
    held_out: float = 0.1,
    dtype: DTypeLike = np.float64,
) -> FineTuned:
    """Train a model to say what the demonstrators said: supervised fine-tuning.

    θ goes up along the mean of ∂ log π(a | s) / ∂θ over the tokens of a batch, by Adam, whose steps shrink to 0

    Args:
        world: the world.
        demonstrations: what to imitate.
        rng: a numpy.random.Generator, for the order of the tokens.
        epochs: passes through the demonstrations, at least 1.
        step_size: α of the first step, above 0.
        batch: tokens in a batch, at least 1.
        hidden: units of the tanh layer.
        held_out: share of the demonstrations that only measures, in [0, 0.5].
        dtype: float32 or float64.

    Returns:
        FineTuned; without held-out demonstrations its held_out_loss is that of all.

    Raises:
        TypeError, ValueError: bad arguments.

    Source: Ouyang et al. 2022, Training language models to follow instructions with human feedback, section 3.
    """
    checked("demonstrations", world, demonstrations)
    epochs, batch = arguments.count("epochs", epochs), arguments.whole("batch", batch, low=1)
    step_size = arguments.positive("step_size", step_size)
    held_out = arguments.number("held_out", held_out, low=0.0, high=0.5)
    generator = arguments.generator(rng)
    measuring = int(held_out * len(demonstrations.tokens))
    every = contexts(world, demonstrations.take(slice(measuring, None)), dtype)
    model = new(world, hidden=hidden, rng=generator, dtype=dtype)
    parameters = network.pack(model)
    state = kernels.adam_start(parameters)
    starts = range(0, len(every.x), batch)
    losses = np.zeros(epochs)
    for epoch in range(epochs):
        order = generator.permutation(len(every.x))
        for i, start in enumerate(starts):
            rows = order[start : start + batch]
            x, actions = every.x[rows], every.actions[rows]
            log_pi = kernels.log_softmax_by_row(network.logits(model, x))
            losses[epoch] -= kernels.at(log_pi, actions).sum()
            uphill = network.gradient(model, x, kernels.score(np.exp(log_pi), actions) / len(rows))
            left = 1 - (epoch * len(starts) + i) / (epochs * len(starts))
            parameters, state = kernels.adam(parameters, network.pack(uphill), state, step_size * left)
            model = network.unpack(parameters, model)
    if not (arguments.all_finite(parameters) and arguments.all_finite(state.square)):
        raise arguments.OverflowValueError("step_size", parameters.dtype)
    check = demonstrations.take(slice(0, measuring)) if measuring else demonstrations
    measured = log_probs(model, world, check).sum() / check.lengths.sum()
    return FineTuned(model, losses / len(every.x), -float(measured))


def checked_model(name: str, model: LanguageModel, world: World | None = None) -> None:
    """Require parameters that fit together, and (if there is one) the world, and are finite then."""
    arguments.instance(name, model, LanguageModel)
    for part, array in (("table", model.table), ("readout", model.readout)):
        _array(f"{name}.{part}", array, finite=world is not None)
        if array.ndim != 2 or array.dtype != model.table.dtype:
            got = f"shape {array.shape}, {array.dtype}"
            raise ValueError(f"{name}.{part} has {got}, expected two axes and the dtype of the table")
    hidden, n_words = model.readout.shape
    if model.table.shape[1] != n_words + hidden:
        shapes = f"shape {model.table.shape}, and {name}.readout {model.readout.shape}"
        raise ValueError(f"{name}.table has {shapes}, expected (d, V + hidden) and (hidden, V)")
    if world is not None:
        arguments.shape(f"{name}.table", model.table, (n_features(world), len(world.words) + hidden), "the world")


def checked_batch(name: str, batch: Contexts, model: LanguageModel) -> None:
    """Require contexts of this model, and as many actions of it; TypeError or ValueError."""
    arguments.instance(name, batch, Contexts)
    checked_model("model", model)
    _rows(f"{name}.x", batch.x, len(model.table))
    n = batch.x.shape[:1]
    arguments.instance(f"{name}.actions", batch.actions, np.ndarray)
    arguments.indices(f"{name}.actions", batch.actions, model.readout.shape[1], "a word", n, f"{name}.x")


def _rows(name: str, array: FloatArray, width: int | None = None) -> None:
    """Require rows, of this width."""
    _array(name, array, finite=False)
    if array.ndim != 2 or array.shape[1] != (array.shape[1] if width is None else width) or not array.shape[1]:
        raise ValueError(f"{name} has shape {array.shape}, expected (N, {width or 'V'})")


def _array(name: str, array: FloatArray, *, finite: bool = True) -> None:
    """Require an array of float32 or float64 numbers; whether they are finite, a result that is looked at says too."""
    if type(array) not in (np.ndarray, np.memmap):
        raise TypeError(f"{name} is {type(array).__name__}, expected an array")
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(f"{name} has dtype {array.dtype}, expected float32 or float64")
    if finite and not arguments.all_finite(array):
        arguments.require(name, array, np.asarray(np.isfinite(array)), "a finite number")


def _dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return float32 or float64."""
    if dtype is not None:
        try:
            result = np.dtype(dtype)
        except Exception:  # NumPy asks an object for its dtype attribute, which may fail as it likes
            result = np.dtype(object)
        if result in (np.float32, np.float64):
            return result
    raise ValueError(f"dtype is {arguments.said(dtype)}, expected float32 or float64")
