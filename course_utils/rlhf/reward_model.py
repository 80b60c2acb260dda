"""The reward model: Bradley–Terry on pairs of replies, one of which a rater preferred.

reward_score(prompt, reply) = features(prompt, reply) · w, so the score of a pair's difference is linear too, and the
training is a logistic regression. The kinds of features reach about the same accuracy on pairs like those they were
trained on. They differ in how they go on beyond them, and a policy that is trained on the score goes beyond them.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from course_utils import arguments, data_files, objectives
from course_utils.arguments import FloatArray
from course_utils.data_files import DataFileError, shown
from course_utils.rlhf import world as worlds
from course_utils.rlhf.language_model import one_blas_thread, sample
from course_utils.rlhf.network import LanguageModel
from course_utils.rlhf.world import MOODS, Replies, World, checked, counts

__all__ = ["Pairs", "RewardModel", "UnsettledError", "accuracy", "check_pairs", "choose"]
__all__ += [
    "feature_names",
    "features",
    "fit",
    "join",
    "label",
    "normalise",
    "read_pairs",
    "reward_score",
    "sample_pairs",
]
__all__ += ["weight_table", "write_pairs"]

MOST_PAIRS = 100_000
KINDS = ("count", "log", "presence", "rich")
RICH = ("repeated words", "polite words over 2", "words over 10", "share of odd word pairs")


class UnsettledError(ValueError):
    """Newton's method did not find the weights."""

    def __init__(self, penalty: float) -> None:
        super().__init__(f"penalty is {penalty}, with which the weights did not settle: expected a larger number")


class Pairs(NamedTuple):
    """Preferences: of two replies to the same prompt, the one that a rater chose and the other."""

    chosen: Replies
    rejected: Replies


@dataclass(frozen=True, eq=False)
class RewardModel:
    """A linear score of replies, shifted and scaled."""

    kind: str
    """the kind of features, one of KINDS"""
    weights: FloatArray
    """w, in the order of ``feature_names``, shape (F,)"""
    length_weight: float = 0.0
    """what a token more was worth to the raters; known under length_control and left out of the score"""
    mean: float = 0.0
    """subtracted from features · w"""
    sd: float = 1.0
    """what then divides it"""
    offset: float = 0.0
    """added at the end; 0 in a normalised model"""

    def __post_init__(self) -> None:
        """Check everything, and keep a copy of the weights that nobody can change: tables made of them are cached.

        Raises:
            TypeError, ValueError: an unknown kind, or numbers that are not finite; sd must be above 0.
        """
        _check_kind(self.kind)
        (weights,) = arguments.floats(weights=self.weights)
        if weights.ndim != 1:
            raise ValueError(f"weights has shape {weights.shape}, expected (F,)")
        object.__setattr__(self, "weights", arguments.frozen(weights.astype(np.float64)))
        for name in ("length_weight", "mean", "offset"):
            object.__setattr__(self, name, arguments.number(name, getattr(self, name)))
        object.__setattr__(self, "sd", arguments.positive("sd", self.sd))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it travel between processes, and arrive read-only."""
        return RewardModel, tuple(getattr(self, field.name) for field in dataclasses.fields(self))


@arguments.typed
def feature_names(world: World, kind: str = "log") -> list[str]:
    """Return what each feature means, F names.

    Raises:
        ValueError: an unknown kind.
    """
    _check_kind(kind)
    words, polite = world.words[1:], [world.words[i] for i in np.flatnonzero(world.tags["polite"])]
    return [
        *words,
        *(f"{topic} × {word}" for topic in world.topics for word in words),
        *(f"{mood} × {word}" for mood in MOODS for word in polite),
        *(RICH if kind == "rich" else ()),
    ]


@arguments.typed
def features(world: World, replies: Replies, kind: str = "log") -> FloatArray:
    """Return what the reward model sees of a reply.

    f(count of each word), the same for each topic and word, and for each mood and polite word, where f is
    count: c;  log: log₂(1 + c);  presence: c > 0;  rich: log₂(1 + c), and RICH beside it

    Args:
        world: the world.
        replies: m replies.
        kind: one of KINDS.

    Returns:
        shape (m, F); ``feature_names`` says which is which.

    Raises:
        ValueError: an unknown kind.
    """
    _check_kind(kind)
    said = _transformed(world, checked("replies", world, replies), kind)
    topic, mood = world.topic_of[replies.prompts], world.mood_of[replies.prompts]
    polite = said[:, world.tags["polite"][1:]]
    by_topic = (topic[:, None] == np.arange(len(world.topics)))[:, :, None] * said[:, None]
    by_mood = (mood[:, None] == np.arange(len(MOODS)))[:, :, None] * polite[:, None]
    m = len(said)
    parts = [said, by_topic.reshape(m, -1), by_mood.reshape(m, -1)]
    return np.concatenate([*parts, _rich(world, replies)] if kind == "rich" else parts, axis=1)


@arguments.typed
def sample_pairs(
    model: LanguageModel, world: World, n: int, rng: np.random.Generator, weights: ArrayLike | None = None
) -> tuple[Replies, Replies]:
    """Return two replies of a model to each of n prompts.

    Args:
        model: who writes.
        world: the world.
        n: pairs, at least 1.
        rng: a numpy.random.Generator.
        weights: the traffic, shape (prompts,); None for every topic and mood alike.

    Returns:
        (first replies, second replies), n each.
    """
    n = arguments.count("n", n, high=500_000)
    prompts = worlds.sample_prompts(world, n, rng, weights)
    both = sample(model, world, np.concatenate([prompts, prompts]), rng).replies
    return both.take(slice(0, n)), both.take(slice(n, None))


@arguments.typed
def label(
    world: World,
    first: Replies,
    second: Replies,
    rng: np.random.Generator,
    *,
    temperature: float = 0.6,
    polite_bias: float = 0.0,
    length_bias: float = 0.0,
    unsafe_bias: float = 0.0,
    biased_share: float = 1.0,
) -> Pairs:
    """Let raters choose between the two replies of each pair.

    Pr(first ≻ second) = σ((taste(first) − taste(second)) / κ);  taste = gold + polite_bias · polite words
    + length_bias · tokens + unsafe_bias · unsafe words, all but gold only for the biased share of the labels

    Args:
        world: the world.
        first: n replies.
        second: n other replies to the same prompts.
        rng: a numpy.random.Generator.
        temperature: κ > 0: how often raters disagree with themselves.
        polite_bias: points that they give for each polite word.
        length_bias: points that they give for each token.
        unsafe_bias: points that they give for each unsafe word.
        biased_share: share of the labels with these biases, in [0, 1].

    Returns:
        Pairs.

    Raises:
        TypeError, ValueError: bad arguments, or replies to different prompts.

    Source: Bradley & Terry 1952.
    """
    _check_two(world, "first", first, "second", second)
    kappa = arguments.positive("temperature", arguments.number("temperature", temperature))
    polite_bias = arguments.number("polite_bias", polite_bias)
    length_bias = arguments.number("length_bias", length_bias)
    unsafe_bias = arguments.number("unsafe_bias", unsafe_bias)
    biased_share = arguments.number("biased_share", biased_share, low=0.0, high=1.0)
    generator = arguments.generator(rng)
    n = len(first.prompts)
    biased = np.arange(n) < round(biased_share * n)  # pairs come in random order, so the first ones are as good as any

    @arguments.no_overflow("polite_bias, length_bias, unsafe_bias")
    def taste(replies: Replies) -> FloatArray:
        said = counts(world, replies)
        liked = polite_bias * (said @ world.tags["polite"]) + length_bias * replies.lengths
        if unsafe_bias:
            liked = liked + unsafe_bias * (said @ world.tags["unsafe"])
        result: FloatArray = worlds.gold_reward(world, replies).total + biased * liked
        return result

    with np.errstate(over="ignore"):  # a margin of ±inf is a choice that is certain
        margin = (taste(first) - taste(second)) / kappa
        wins = generator.random(n) < np.exp(-np.logaddexp(0.0, -margin))
    return choose(first, second, wins)


@arguments.typed
def choose(first: Replies, second: Replies, first_wins: ArrayLike) -> Pairs:
    """Return the pairs in which the first reply was chosen where ``first_wins``, shape (n,), says so.

    Raises:
        TypeError: ``first_wins`` that is not made of Booleans.
        ValueError: wrong shapes, or replies to different prompts.
    """
    wins = arguments.rectangular("first_wins", first_wins)
    if wins.dtype != np.bool_:
        raise TypeError(f"first_wins has dtype {wins.dtype}, expected Booleans")
    _check_two(None, "first", first, "second", second)
    arguments.shape("first_wins", wins, first.prompts.shape, "first")

    def pick(a: Replies, b: Replies) -> Replies:
        tokens = np.where(wins[:, None], a.tokens, b.tokens)
        return Replies(a.prompts, tokens, np.where(wins, a.lengths, b.lengths))

    return Pairs(pick(first, second), pick(second, first))


def join(pairs: Sequence[Pairs]) -> Pairs:
    """Return all the pairs in one.

    Raises:
        TypeError: anything but a list of Pairs.
        ValueError: no pairs at all, or replies of different worlds.
    """
    if isinstance(pairs, Pairs) or not isinstance(pairs, Sequence) or not all(isinstance(p, Pairs) for p in pairs):
        raise TypeError(f"pairs is {type(pairs).__name__}, expected a list of Pairs")
    if not pairs:
        raise ValueError("pairs is empty, expected at least one Pairs")
    for p in pairs:
        _check_two(None, "pairs.chosen", p.chosen, "pairs.rejected", p.rejected)
        arguments.shape("pairs", p.chosen.tokens[0], pairs[0].chosen.tokens[0].shape, "the first of them")

    def stack(side: list[Replies]) -> Replies:
        return Replies(*(np.concatenate(columns) for columns in zip(*side, strict=True)))

    return Pairs(stack([p.chosen for p in pairs]), stack([p.rejected for p in pairs]))


@one_blas_thread
@arguments.typed
def fit(
    world: World, pairs: Pairs, kind: str = "log", *, penalty: float = 1.0, length_control: bool = False
) -> RewardModel:
    """Train a reward model on preferences.

    w = arg min Σ_i −log σ((x(chosen_i) − x(rejected_i)) · w) + (penalty / 2) ‖w‖², by Newton's method

    Args:
        world: the world.
        pairs: the preferences.
        kind: of features, one of KINDS.
        penalty: strength of the pull to 0, above 0; without it a feature that always wins would get no end of weight.
        length_control: train with the number of tokens as one feature more, and leave it out of the score.

    Returns:
        RewardModel, not yet normalised: mean 0, sd 1, offset 0.

    Raises:
        TypeError, ValueError: bad arguments.
        UnsettledError (a ValueError): a penalty so small that Newton's method does not settle.

    Source: Ouyang et al. 2022, section 3; ``objectives.bradley_terry_loss`` is the loss of one pair.
    """
    penalty = arguments.positive("penalty", arguments.number("penalty", penalty))
    _check_kind(kind)
    check_pairs("pairs", world, pairs)
    x = features(world, pairs.chosen, kind) - features(world, pairs.rejected, kind)
    if length_control:
        longer = pairs.chosen.lengths - pairs.rejected.lengths
        x = np.concatenate([x, longer[:, None]], axis=1)
    n, d = x.shape
    w = np.zeros(d)
    nothing = np.zeros(n)
    for _ in range(25):
        loss = objectives.bradley_terry_loss(x @ w, nothing)
        slope = n * (loss.grad_chosen @ x) + penalty * w
        right = loss.probabilities
        curvature = (x * (right * (1 - right))[:, None]).T @ x
        curvature[np.arange(d), np.arange(d)] += penalty
        try:
            step = np.linalg.solve(curvature, slope)
        except np.linalg.LinAlgError:  # no curvature is left where everything is certain
            raise UnsettledError(penalty) from None
        w -= step
        if np.abs(step).max() < 1e-6:
            break
    else:
        raise UnsettledError(penalty)
    if length_control:
        return RewardModel(kind, w[:-1], length_weight=float(w[-1]))
    return RewardModel(kind, w)


@arguments.typed
def normalise(model: RewardModel, world: World, replies: Replies) -> RewardModel:
    """Return the model with scores of mean 0 and standard deviation 1 on these replies.

    Only differences of scores within a prompt mean anything, so the shift is free; the scale is what β is measured in.

    Raises:
        TypeError: arguments of another type.
        ValueError: no replies, or all have the same score but for rounding.
    """
    raw = reward_score(dataclasses.replace(model, mean=0.0, sd=1.0, offset=0.0), world, replies)
    summands = np.abs(features(world, replies, model.kind)) @ np.abs(model.weights)
    sd = arguments.deviation(raw, float(summands.max()))
    if not sd:
        raise ValueError("replies all have the same score, expected replies that the model tells apart")
    return dataclasses.replace(model, mean=float(raw.mean()), sd=sd)


@arguments.no_overflow("model")
@arguments.typed
def reward_score(model: RewardModel, world: World, replies: Replies) -> FloatArray:
    """Return the score of each reply.

    (features · w − mean) / sd + offset

    Args:
        model: the reward model.
        world: the world.
        replies: m replies.

    Returns:
        shape (m,), float64.

    Raises:
        TypeError, ValueError: bad arguments, or scores that overflow.
    """
    checked("replies", world, replies)
    table, rich = _by_prompt_kind(world, model)
    said = _transformed(world, replies, model.kind)
    kind_of_prompt = world.topic_of[replies.prompts] * len(MOODS) + world.mood_of[replies.prompts]
    raw = (said * table[kind_of_prompt]).sum(axis=1)
    if model.kind == "rich":
        raw = raw + _rich(world, replies) @ rich
    result: FloatArray = (raw - model.mean) / model.sd + model.offset
    return result


@arguments.typed
def accuracy(model: RewardModel, world: World, pairs: Pairs) -> float:
    """Return the share of pairs whose chosen reply has the higher score; equal scores count half."""
    check_pairs("pairs", world, pairs)
    chosen, rejected = (reward_score(model, world, replies) for replies in pairs)
    return objectives.bradley_terry_loss(chosen, rejected).accuracy


@arguments.typed
def weight_table(model: RewardModel, world: World) -> list[tuple[str, float]]:
    """Return (feature, weight) with the largest weights first; divided by sd, so that they add up to the score."""
    _by_prompt_kind(world, model)  # its weights must be those of this world
    names = feature_names(world, model.kind)
    order = np.argsort(-np.abs(model.weights), kind="stable")
    return [(names[i], float(model.weights[i] / model.sd)) for i in order]


@arguments.typed
def read_pairs(path: Path | str, world: World) -> Pairs:
    """Read preferences from a JSON Lines file with ``prompt``, ``chosen`` and ``rejected``, all of them texts.

    A reply of as many words as fit, max_tokens, was cut off; a shorter one has its end token.

    Raises:
        DataFileError: with file, line and reason, for what is no JSON, no pair, or not of this world, and for more than
            MOST_PAIRS pairs; a missing file is a FileNotFoundError too.
    """
    path = Path(path)
    numbers = {prompt.text: i for i, prompt in enumerate(world.prompts)}
    prompts: list[int] = []
    texts: dict[str, list[str]] = {"chosen": [], "rejected": []}
    for line, entry in data_files.json_lines(path, {"prompt": str, "chosen": str, "rejected": str}):
        if entry["prompt"] not in numbers:
            raise DataFileError(path, line, f"the prompt {shown(entry['prompt'])} is not in prompts.jsonl")
        prompts.append(numbers[entry["prompt"]])
        if len(prompts) > MOST_PAIRS:
            raise DataFileError(path, line, f"there are more than {MOST_PAIRS:,} pairs, the most that are read")
        for key, column in texts.items():
            try:
                world.encode(entry[key])
            except ValueError as error:
                raise DataFileError(path, line, f'"{key}": {error}') from None
            column.append(entry[key])
    if not prompts:
        raise DataFileError(path, 1, "there is no pair")
    return Pairs(world.replies(prompts, texts["chosen"]), world.replies(prompts, texts["rejected"]))


@arguments.typed
def write_pairs(path: Path | str, world: World, pairs: Pairs) -> None:
    """Write preferences as JSON Lines with ``prompt``, ``chosen`` and ``rejected``; ``read_pairs`` reads them."""
    check_pairs("pairs", world, pairs)
    columns = (pairs.chosen.prompts, world.text(pairs.chosen), world.text(pairs.rejected))
    if len(columns[0]) > MOST_PAIRS:
        raise ValueError(f"pairs has {len(columns[0]):,} pairs, expected at most {MOST_PAIRS:,}")
    entries = (
        {"prompt": world.prompts[prompt].text, "chosen": chosen, "rejected": rejected}
        for prompt, chosen, rejected in zip(*columns, strict=True)
    )
    data_files.write_json_lines(Path(path), entries)


def check_pairs(name: str, world: World, pairs: Pairs) -> None:
    """Require pairs of replies to the same prompts of this world; TypeError or ValueError."""
    arguments.instance(name, pairs, Pairs)
    _check_two(world, f"{name}.chosen", pairs.chosen, f"{name}.rejected", pairs.rejected)


def _check_two(world: World | None, first_name: str, first: Replies, second_name: str, second: Replies) -> None:
    """Require replies to the same prompts."""
    checked(first_name, world, first)
    checked(second_name, world, second)
    arguments.shape(f"{second_name}.tokens", second.tokens, first.tokens.shape, f"{first_name}.tokens")
    same = first.prompts == second.prompts
    arguments.require(second_name, second.prompts, np.asarray(same), f"replies to the prompts of {first_name}")


def _check_kind(kind: object) -> None:
    arguments.choice("kind", kind, KINDS)


def _transformed(world: World, replies: Replies, kind: str) -> FloatArray:
    """Return f(count) of every word but the end token, shape (m, V − 1)."""
    said = replies.counts(len(world.words))[:, 1:].astype(np.float64)
    if kind == "count":
        return said
    if kind == "presence":
        return (said > 0).astype(np.float64)
    result: FloatArray = np.log2(1 + said)
    return result


def _rich(world: World, replies: Replies) -> FloatArray:
    """Return the columns of RICH, shape (m, 4)."""
    said = replies.counts(len(world.words))
    return np.column_stack(
        [
            np.maximum(said - 1, 0) @ world.tags["content"],
            np.maximum(said @ world.tags["polite"] - worlds.POLITE_WORDS_FOR_FREE, 0),
            np.maximum(replies.words - worlds.WORDS_FOR_FREE, 0),
            worlds.illegal_share(world, replies),
        ]
    ).astype(np.float64)


@lru_cache(maxsize=32)
def _by_prompt_kind(world: World, model: RewardModel) -> tuple[FloatArray, FloatArray]:
    """Return the weight of each word for each (topic, mood), shape (topics · moods, V − 1), and those of RICH."""
    n_words, n_topics = len(world.words) - 1, len(world.topics)
    polite = world.tags["polite"][1:]
    n_features = n_words * (1 + n_topics) + len(MOODS) * int(polite.sum()) + (len(RICH) if model.kind == "rich" else 0)
    arguments.shape("model.weights", model.weights, (n_features,), f"the world and features of kind {model.kind!r}")
    word, rest = np.split(model.weights, [n_words])
    topic, rest = np.split(rest, [n_topics * n_words])
    mood, rich = np.split(rest, [len(MOODS) * polite.sum()])
    by_mood = np.zeros((len(MOODS), n_words))
    by_mood[:, polite] = mood.reshape(len(MOODS), -1)
    table = word + topic.reshape(n_topics, 1, n_words) + by_mood
    return arguments.frozen((table.reshape(n_topics * len(MOODS), n_words), rich))
