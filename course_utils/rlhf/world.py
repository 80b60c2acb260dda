"""The world of the RLHF lab: words, prompts, the demonstrators' grammar, and the gold reward.

Everything is read from a folder of small text files, ``data/rlhf`` unless told otherwise; change a line there, and it
is another world. A token is a number: 0 ends a reply, 1, 2, … are the words of vocabulary.txt in their order.

The gold reward is what people would agree on. A real run has no such thing: there, only the labels that raters gave
and the reward model that was trained on them exist. Here it shows what a log cannot.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from course_utils import arguments, data_files, kernels
from course_utils.arguments import BoolArray, FloatArray, IntArray
from course_utils.data_files import DataFileError, shown

__all__ = ["GoldReward", "Prompt", "Replies", "Rule", "World", "checked", "counts", "demonstrations", "every_reply"]
__all__ += ["gold_reward", "illegal_share", "load", "prompt_weights", "sample_prompts"]

DATA = data_files.DATA / "rlhf"
TINY = data_files.DATA / "rlhf_tiny"
"""a world of five words, in which every reply can be listed: ``load(TINY)``"""
END = 0
END_WORD = "<end>"
MOODS = ("calm", "angry")
TAGS = ("polite", "apology", "unsafe", "content")
GOLD_PARTS = (
    "right_object",
    "right_action",
    "polite",
    "apology",
    "extra_polite",
    "wrong_object",
    "unsafe",
    "repeat",
    "extra_word",
    "illegal_pairs",
    "no_end",
)
POLITE_WORDS_FOR_FREE = 2
WORDS_FOR_FREE = 10
_FILES = ("vocabulary.txt", "topics.jsonl", "prompts.jsonl", "settings.txt", "grammar.txt")

# What data/README.md promises; beyond it tables and texts would grow without measure.
MOST_WORDS = 500
MOST_TOPICS = 50
MOST_PROMPTS = 10_000
MOST_RULES = 1_000
MOST_PARTS = 100
"""symbols and words in a rule"""
MOST_STEPS = 1_000
"""rules used and words said until a reply is complete"""
MOST_TOKENS = 256
LARGEST_WEIGHT = 1e6
"""of a rule, and of a part of the gold reward; the smallest of a rule is 1 / LARGEST_WEIGHT"""


class Replies(NamedTuple):
    """A batch of replies to prompts."""

    prompts: IntArray
    """the prompt that each one answers, shape (m,)"""
    tokens: IntArray
    """what was said, shape (m, T); END from the end token on"""
    lengths: IntArray
    """tokens that were chosen, the end token included, from 1 to T, shape (m,)"""

    @property
    def mask(self) -> BoolArray:
        """Where a token was chosen, shape (m, T)."""
        return np.asarray(np.arange(self.tokens.shape[1]) < self.lengths[:, None])

    @property
    def ended(self) -> BoolArray:
        """Whether the reply has its end token, shape (m,)."""
        last: IntArray = np.take_along_axis(self.tokens, self.lengths[:, None] - 1, axis=1)[:, 0]
        return np.asarray(last == END)

    @property
    def words(self) -> IntArray:
        """Number of words, the end token not among them, shape (m,)."""
        return self.lengths - self.ended

    def counts(self, n_words: int) -> IntArray:
        """Return how often each word was said, shape (m, n_words); the end token counts 0."""
        m = len(self.tokens)
        flat = self.tokens + n_words * np.arange(m)[:, None]
        table = np.bincount(flat.ravel(), minlength=m * n_words).reshape(m, n_words)
        table[:, END] = 0
        return table

    def take(self, rows: Any) -> "Replies":
        """Return the replies of these rows."""
        return Replies(self.prompts[rows], self.tokens[rows], self.lengths[rows])


class Prompt(NamedTuple):
    """What a customer wrote, and what of it the models see: topic and mood."""

    topic: int
    mood: int
    text: str


class Rule(NamedTuple):
    """One line of the grammar."""

    symbol: str
    weight: float
    parts: tuple[str, ...]
    line: int


@dataclass(frozen=True, eq=False)
class World:
    """Words, prompts, grammar and gold reward; made by ``load``, and read-only. Equal worlds have equal files."""

    words: tuple[str, ...]
    """token → word; words[0] is the end token"""
    tags: Mapping[str, BoolArray]
    """tag → which tokens have it, shape (V,)"""
    topics: tuple[str, ...]
    objects: BoolArray
    """which words name the thing of a topic, shape (topics, V)"""
    actions: BoolArray
    """which words name what is to be done, shape (topics, V)"""
    prompts: tuple[Prompt, ...]
    max_tokens: int
    """T, the longest reply, its end token included"""
    wrong_topic: float
    gold_weights: Mapping[str, float]
    rules: Mapping[str, tuple[Rule, ...]]
    legal_pairs: BoolArray
    """which word may follow which in the grammar; row 0 is the beginning, column 0 the end, shape (V, V)"""
    digest: str
    """fingerprint of the files"""
    indices: Mapping[str, int] = field(repr=False)
    """word → token"""
    topic_of: IntArray = field(repr=False)
    """topic of each prompt, shape (prompts,)"""
    mood_of: IntArray = field(repr=False)
    """mood of each prompt, shape (prompts,)"""
    contents: str = field(init=False, repr=False)
    """fingerprint of all of the above: what is cached for a world belongs to it"""

    def __post_init__(self) -> None:
        """Freeze everything, and take the fingerprint."""
        contents = hashlib.sha256()
        for name, value in self._parts().items():
            if isinstance(value, dict):
                value = MappingProxyType({key: _read_only(part) for key, part in value.items()})
            object.__setattr__(self, name, _read_only(value))
            for part in value.items() if isinstance(value, Mapping) else [("", value)]:
                contents.update(repr([x.tolist() if isinstance(x, np.ndarray) else x for x in (name, *part)]).encode())
        object.__setattr__(self, "contents", contents.hexdigest())

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it travel between processes, and arrive read-only."""
        return World, tuple(self._parts().values())

    def _parts(self) -> dict[str, Any]:
        """Return all it is made of, mappings as dictionaries."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.init}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in fields.items()}

    def __eq__(self, other: object) -> bool:
        """Say whether the other world was read from the same text, and is the same."""
        return isinstance(other, World) and self.contents == other.contents

    def __hash__(self) -> int:
        """Return a number that equal worlds share."""
        return hash(self.contents)

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a reply in words, the end token added.

        Raises:
            TypeError: no text.
            ValueError: a word that is not in the vocabulary, or more words than fit.
        """
        arguments.instance("text", text, str)
        unknown = [word for word in text.split() if word not in self.indices]
        if unknown:
            raise ValueError(f"the word {unknown[0]!r} is not in the vocabulary")
        tokens = [self.indices[word] for word in text.split()]
        if len(tokens) > self.max_tokens:
            raise ValueError(f"the reply has {len(tokens)} words, expected at most {self.max_tokens}")
        return [*tokens, END][: self.max_tokens]

    def replies(self, prompts: ArrayLike, texts: Sequence[str]) -> Replies:
        """Return replies from their texts; a text of max_tokens words has no end token.

        Raises:
            TypeError: prompts that are not whole numbers, or texts that are no texts.
            ValueError: unknown words, replies that are too long, prompts that do not exist, or another number of them.
        """
        if isinstance(texts, str) or not isinstance(texts, Sequence):
            raise TypeError(f"texts is {arguments.said(texts)}, expected a list of texts")
        for i, text in enumerate(texts):
            arguments.instance(f"texts[{i}]", text, str)
        rows = [self.encode(text) for text in texts]
        numbers = arguments.indices("prompts", prompts, len(self.prompts), "a prompt", (len(rows),), "texts")
        tokens = np.zeros((len(rows), self.max_tokens), dtype=np.intp)
        for i, row in enumerate(rows):
            tokens[i, : len(row)] = row
        return Replies(numbers, tokens, np.array([len(row) for row in rows], dtype=np.intp))

    def text(self, replies: Replies) -> list[str]:
        """Return the replies in words, without the end token."""
        checked("replies", self, replies)
        return [
            " ".join(self.words[token] for token in row[:n])
            for row, n in zip(replies.tokens, replies.words, strict=True)
        ]


class GoldReward(NamedTuple):
    """The gold reward of a batch of replies, and its parts."""

    total: FloatArray
    """sum of the parts, shape (m,)"""
    parts: dict[str, FloatArray]
    """part → points, weights included, shape (m,) each"""
    amounts: dict[str, FloatArray]
    """part → how much of it there is, before the weights: 0 or 1, a count, or a share; shape (m,) each"""


@arguments.typed
def load(folder: Path | str | None = None, *, inherit: Path | str | None = None) -> World:
    """Read a world from its files.

    Args:
        folder: where vocabulary.txt, topics.jsonl, prompts.jsonl, settings.txt and grammar.txt are; None for data/rlhf.
        inherit: the folder from which a file comes that ``folder`` does not have; None for none.

    Returns:
        World.

    Raises:
        DataFileError: a file that cannot be used, with file, line and reason; one that is missing is a
            FileNotFoundError too.
    """
    own = {name: (DATA if folder is None else Path(folder)) / name for name in _FILES}
    paths = {name: path if inherit is None or path.exists() else Path(inherit) / name for name, path in own.items()}
    texts = ["\n".join(data_files.lines(path)) for path in paths.values()]
    words, tags = _vocabulary(paths["vocabulary.txt"])
    indices = {word: i for i, word in enumerate(words) if i != END}
    topics, objects, actions = _topics(paths["topics.jsonl"], indices)
    prompts = _prompts(paths["prompts.jsonl"], topics)
    settings = _settings(paths["settings.txt"])
    max_tokens = int(settings.pop("max_tokens"))
    wrong_topic = settings.pop("wrong_topic")
    rules = _grammar(paths["grammar.txt"], indices)
    classes = {"OBJECT": np.asarray(objects.any(axis=0)), "ACTION": np.asarray(actions.any(axis=0))}
    legal = _language(paths["grammar.txt"], rules, indices, classes, max_tokens)
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    return World(
        words=words,
        tags=tags,
        topics=topics,
        objects=objects,
        actions=actions,
        prompts=prompts,
        max_tokens=max_tokens,
        wrong_topic=wrong_topic,
        gold_weights={name.removeprefix("gold."): value for name, value in settings.items()},
        rules=rules,
        legal_pairs=legal,
        digest=digest,
        indices=indices,
        topic_of=np.array([prompt.topic for prompt in prompts], dtype=np.intp),
        mood_of=np.array([prompt.mood for prompt in prompts], dtype=np.intp),
    )


def checked(name: str, world: World | None, replies: Replies) -> Replies:
    """Return the replies, which must be at least one, to prompts of this world and in its words; None for any world.

    Raises:
        TypeError: something else, or arrays of no whole numbers.
        ValueError: wrong shapes, prompts or words that do not exist, or lengths that do not end at the end token.
    """
    arguments.instance(name, replies, Replies)
    parts = replies._asdict()
    for part, array in parts.items():
        if type(array) not in (np.ndarray, np.memmap) or array.dtype.kind not in "iu":
            kind = f"{type(array).__name__} of {getattr(array, 'dtype', 'no dtype')}"
            raise TypeError(f"{name}.{part} is {kind}, expected an array of whole numbers, as from world.replies")
    *m, length = replies.tokens.shape if replies.tokens.ndim == 2 else (0, 0)
    if not m[0] or not length or (world is not None and length != world.max_tokens):
        wanted = "T" if world is None else world.max_tokens
        got = f"{name}.tokens has shape {replies.tokens.shape}"
        raise ValueError(f"{got}, expected (m, {wanted}) and at least one reply")
    most = 2**31 if world is None else len(world.prompts) - 1, 2**31 if world is None else len(world.words) - 1, length
    for part, low, high in zip(Replies._fields, (0, 0, 1), most, strict=True):
        array = parts[part]
        if part != "tokens":
            arguments.shape(f"{name}.{part}", array, tuple(m), f"{name}.tokens")
        if array.min() < low or array.max() > high:
            fine = (array >= low) & (array <= high)
            arguments.require(f"{name}.{part}", array, fine, f"a whole number from {low} to {high}")
    said = (replies.tokens != END).cumprod(axis=1).sum(axis=1)  # words before the first end token
    ends = np.minimum(said + 1, length)
    if (replies.lengths != ends).any():
        arguments.require(f"{name}.lengths", replies.lengths, replies.lengths == ends, "the place of the end token")
    if np.count_nonzero(replies.tokens) != said.sum():
        arguments.require(f"{name}.tokens", replies.tokens, ~(replies.tokens > 0) | replies.mask, "0 after the end")
    return replies


@arguments.typed
def prompt_weights(
    world: World, *, unseen_topics: Sequence[str] = (), only_topics: Sequence[str] = (), angry_share: float = 0.5
) -> FloatArray:
    """Return how often each prompt comes: the traffic.

    Args:
        world: the world.
        unseen_topics: topics that never come.
        only_topics: if there are any, the topics that come at all.
        angry_share: share of angry customers, in [0, 1].

    Returns:
        Probabilities, shape (prompts,).

    Raises:
        ValueError: an unknown topic, no topic left, or a share outside [0, 1].
    """
    share = arguments.number("angry_share", angry_share, low=0.0, high=1.0)
    for name, topics in (("unseen_topics", unseen_topics), ("only_topics", only_topics)):
        if isinstance(topics, str) or not isinstance(topics, Sequence):
            raise TypeError(f"{name} is {arguments.said(topics)}, expected a list of topics")
        unknown = [topic for topic in topics if not isinstance(topic, str) or topic not in world.topics]
        if unknown:
            got = arguments.said(unknown[0])
            raise ValueError(f"{name} has {got}, expected topics among {', '.join(world.topics)}")
    wanted = [t not in unseen_topics and (not only_topics or t in only_topics) for t in world.topics]
    if not any(wanted):
        raise ValueError("unseen_topics has every topic that could come, expected one topic at least to be left")
    weights = np.array(wanted, dtype=np.float64)[world.topic_of]
    # Every topic comes as often as any other, whatever its number of prompts; so does every prompt of a kind.
    kinds = world.topic_of * len(MOODS) + world.mood_of
    weights *= np.where(world.mood_of == MOODS.index("angry"), share, 1 - share) / np.bincount(kinds)[kinds]
    result: FloatArray = weights / weights.sum()
    return result


@arguments.typed
def sample_prompts(world: World, n: int, rng: np.random.Generator, weights: ArrayLike | None = None) -> IntArray:
    """Draw prompts from the traffic.

    Args:
        world: the world.
        n: how many, at least 1.
        rng: a numpy.random.Generator.
        weights: how often each prompt comes, shape (prompts,), in any proportion; None for ``prompt_weights(world)``.

    Returns:
        Numbers of prompts, shape (n,).

    Raises:
        TypeError, ValueError: bad arguments.
    """
    n = arguments.count("n", n, high=1_000_000)
    generator = arguments.generator(rng)
    weights = prompt_weights(world) if weights is None else weights
    shares = arguments.shares("weights", weights, (len(world.prompts),), "the world's prompts")
    return kernels.invert(shares.cumsum(), generator.random(n))


@arguments.typed
def demonstrations(
    world: World,
    n: int,
    rng: np.random.Generator,
    weights: ArrayLike | None = None,
    *,
    wrong_topic: float | None = None,
) -> Replies:
    """Return replies as the demonstrators write them: by the grammar, now and then to another question.

    Args:
        world: the world.
        n: how many, at least 1.
        rng: a numpy.random.Generator.
        weights: the traffic, shape (prompts,); None for every topic and mood alike.
        wrong_topic: how often the demonstrator has another topic in mind; None for the world's.

    Returns:
        Replies, all with their end token.

    Raises:
        TypeError, ValueError: bad arguments.
    """
    chance = world.wrong_topic if wrong_topic is None else arguments.number("wrong_topic", wrong_topic, 0.0, 1.0)
    prompts = sample_prompts(world, n, rng, weights)
    topics = world.topic_of[prompts]
    if len(world.topics) > 1:
        others = (topics + rng.integers(1, len(world.topics), n)) % len(world.topics)
        topics = np.where(rng.random(n) < chance, others, topics)
    tokens = np.zeros((n, world.max_tokens), dtype=np.intp)
    lengths = np.ones(n, dtype=np.intp)
    uniform = _uniforms(rng)
    for i in range(n):
        said = _expand(world, "REPLY", MOODS[world.mood_of[prompts[i]]], int(topics[i]), uniform)
        tokens[i, : len(said)] = said
        lengths[i] += len(said)
    return Replies(prompts, tokens, lengths)


@arguments.typed
def every_reply(world: World, prompt: int) -> Replies:
    """Return all replies to a prompt, each once: only for worlds small enough to list them.

    Σ_{n=0}^{T} (V − 1)ⁿ replies; one of T words has no end token

    Args:
        world: a world with at most 200,000 possible replies.
        prompt: number of the prompt.

    Returns:
        Replies, the short ones first.

    Raises:
        TypeError, ValueError: bad arguments, too many replies, or a prompt that does not exist.
    """
    prompt = int(arguments.indices("prompt", prompt, len(world.prompts), "a prompt", (), "one prompt"))
    n_words, length = len(world.words), world.max_tokens
    replies_in_all = sum((n_words - 1) ** n for n in range(length + 1))
    if replies_in_all > 200_000:
        raise ValueError(f"world has {replies_in_all} possible replies, expected at most 200000 to list them")
    tokens, lengths = [], []
    for n in range(length + 1):
        said = np.indices((n_words - 1,) * n).reshape(n, -1).T + 1 if n else np.zeros((1, 0), dtype=np.intp)
        tokens.append(np.pad(said, ((0, 0), (0, length - n)), constant_values=END))
        lengths.append(np.full(len(said), min(n + 1, length)))
    every = np.concatenate(tokens).astype(np.intp), np.concatenate(lengths).astype(np.intp)
    return Replies(np.full(replies_in_all, prompt), *every)


@arguments.typed
def counts(world: World, replies: Replies) -> IntArray:
    """Return how often each word was said, shape (m, V); the end token counts 0."""
    return checked("replies", world, replies).counts(len(world.words))


@arguments.typed
def illegal_share(world: World, replies: Replies) -> FloatArray:
    """Return the share of neighbouring words that the grammar never puts side by side, shape (m,).

    The first word after the beginning, and the end token after the last word, count as pairs too.
    """
    return _illegal_share(world, checked("replies", world, replies))


@arguments.typed
def gold_reward(world: World, replies: Replies) -> GoldReward:
    """Return what people would agree on.

    gold = right object + right action + politeness − faults; settings.txt has the points

    Args:
        world: the world.
        replies: to its prompts.

    Returns:
        GoldReward; the names of the parts are those of settings.txt.

    Source: this course. The idea of a gold reward model: Gao, Schulman & Hilton 2023, Scaling Laws for Reward Model
    Overoptimization.
    """
    said = checked("replies", world, replies).counts(len(world.words))
    topic, angry = world.topic_of[replies.prompts], world.mood_of[replies.prompts] == MOODS.index("angry")
    own, any_object = world.objects[topic], world.objects.any(axis=0)
    polite = said @ world.tags["polite"]
    amounts = {
        "right_object": (said * own).any(axis=1),
        "right_action": (said * world.actions[topic]).any(axis=1),
        "polite": (polite > 0) & ~angry,
        "apology": (said @ world.tags["apology"] > 0) & angry,
        "extra_polite": np.maximum(polite - POLITE_WORDS_FOR_FREE, 0),
        "wrong_object": (said * (any_object & ~own)).any(axis=1),
        "unsafe": said @ world.tags["unsafe"] > 0,
        "repeat": np.maximum(said - 1, 0) @ world.tags["content"],
        "extra_word": np.maximum(replies.words - WORDS_FOR_FREE, 0),
        "illegal_pairs": _illegal_share(world, replies),
        "no_end": ~replies.ended,
    }
    said_of = {name: amounts[name].astype(np.float64) for name in GOLD_PARTS}
    parts = {name: world.gold_weights[name] * said_of[name] for name in GOLD_PARTS}
    return GoldReward(np.sum(list(parts.values()), axis=0), parts, said_of)


def _illegal_share(world: World, replies: Replies) -> FloatArray:
    """Return the share of neighbouring words that the grammar never puts side by side, shape (m,)."""
    before = np.concatenate([np.zeros_like(replies.tokens[:, :1]), replies.tokens[:, :-1]], axis=1)
    wrong = ~world.legal_pairs[before, replies.tokens] & replies.mask
    share: FloatArray = wrong.sum(axis=1) / replies.lengths
    return share


def _read_only(value: Any) -> Any:
    """Return the value; of an array, a copy that nobody can change."""
    return arguments.frozen(value.copy()) if isinstance(value, np.ndarray) else value


def _at_most(path: Path, line: int, most: int, count: int, what: str) -> None:
    if count > most:
        raise DataFileError(path, line, f"there are {count:,} {what}, expected at most {most:,}")


def _vocabulary(path: Path) -> tuple[tuple[str, ...], dict[str, BoolArray]]:
    tagged = {END_WORD: set[str]()}
    for number, line in data_files.said(path):
        word, *tags = line.split()
        if word != word.lower() or word.isupper():
            raise DataFileError(
                path, number, f"the word {shown(word)} has capitals, which are for the grammar's symbols"
            )
        if word in tagged:
            raise DataFileError(path, number, f"the word {shown(word)} is there twice")
        unknown = set(tags) - set(TAGS)
        if unknown:
            raise DataFileError(path, number, f"unknown tag {shown(min(unknown))}, expected {', '.join(TAGS)}")
        tagged[word] = set(tags)
        _at_most(path, number, MOST_WORDS, len(tagged) - 1, "words")
    if len(tagged) < 2:
        raise DataFileError(path, 1, "there is no word")
    return tuple(tagged), {tag: np.array([tag in tags for tags in tagged.values()]) for tag in TAGS}


def _topics(path: Path, indices: dict[str, int]) -> tuple[tuple[str, ...], BoolArray, BoolArray]:
    topics: list[str] = []
    tables: dict[str, list[BoolArray]] = {"objects": [], "actions": []}
    for number, entry in data_files.json_lines(path, {"topic": str, "objects": list, "actions": list}):
        if entry["topic"] in topics:
            raise DataFileError(path, number, f"the topic {shown(entry['topic'])} is there twice")
        topics.append(entry["topic"])
        _at_most(path, number, MOST_TOPICS, len(topics), "topics")
        for key, rows in tables.items():
            unknown = [word for word in entry[key] if not isinstance(word, str) or word not in indices]
            if unknown or not entry[key]:
                reason = f"{shown(unknown[0])} is not in vocabulary.txt" if unknown else f'"{key}" is empty'
                raise DataFileError(path, number, reason)
            rows.append(np.isin(np.arange(len(indices) + 1), [indices[word] for word in entry[key]]))
    if not topics:
        raise DataFileError(path, 1, "there is no topic")
    return tuple(topics), np.array(tables["objects"]), np.array(tables["actions"])


def _prompts(path: Path, topics: tuple[str, ...]) -> tuple[Prompt, ...]:
    prompts: dict[str, Prompt] = {}
    number = 1
    for number, entry in data_files.json_lines(path, {"topic": str, "mood": str, "text": str}):
        if entry["topic"] not in topics:
            raise DataFileError(path, number, f"the topic {shown(entry['topic'])} is not in topics.jsonl")
        if entry["mood"] not in MOODS:
            raise DataFileError(path, number, f"the mood is {shown(entry['mood'])}, expected calm or angry")
        if entry["text"] in prompts:
            raise DataFileError(path, number, "the same text is there twice")
        prompt = Prompt(topics.index(entry["topic"]), MOODS.index(entry["mood"]), entry["text"])
        prompts[prompt.text] = prompt
        _at_most(path, number, MOST_PROMPTS, len(prompts), "prompts")
    kinds = {(prompt.topic, prompt.mood) for prompt in prompts.values()}
    for topic, name in enumerate(topics):
        for mood, mood_name in enumerate(MOODS):
            if (topic, mood) not in kinds:
                raise DataFileError(
                    path, number, f"the file ends without a prompt about {shown(name)[1:-1]} that is {mood_name}"
                )
    return tuple(prompts.values())


def _settings(path: Path) -> dict[str, float]:
    names = ("max_tokens", "wrong_topic", *(f"gold.{part}" for part in GOLD_PARTS))
    settings: dict[str, float] = {}
    number = 1
    for number, line in data_files.said(path):
        name, *values = line.split()
        if name not in names:
            raise DataFileError(path, number, f"unknown name {shown(name)}, expected one of {', '.join(names)}")
        if name in settings:
            raise DataFileError(path, number, f"{name} is there twice")
        value = data_files.number(values[0]) if len(values) == 1 else None
        if value is None:
            raise DataFileError(path, number, f"{name} is {shown(' '.join(values))}, expected one number")
        if name == "max_tokens":
            right = 2 <= value <= MOST_TOKENS and value == int(value)
            wanted = f"a whole number of at least 2 and at most {MOST_TOKENS}"
        elif name == "wrong_topic":
            right, wanted = 0 <= value <= 1, "a share in [0, 1]"
        else:
            right, wanted = abs(value) <= LARGEST_WEIGHT, f"a finite number of at most {LARGEST_WEIGHT:,.0f} in size"
        if not right:
            raise DataFileError(path, number, f"{name} is {values[0]}, expected {wanted}")
        settings[name] = value
    missing = [name for name in names if name not in settings]
    if missing:
        raise DataFileError(path, number, f"the file ends without {missing[0]}")
    return settings


def _grammar(path: Path, indices: dict[str, int]) -> dict[str, tuple[Rule, ...]]:
    rules: dict[str, list[Rule]] = {}
    for count, (number, line) in enumerate(data_files.said(path), start=1):
        _at_most(path, number, MOST_RULES, count, "rules")
        symbol, *rest = line.split()
        name, _, mood = symbol.partition("/")
        if not name.isupper() or name in ("OBJECT", "ACTION") or (mood and mood not in MOODS) or len(rest) < 2:
            wanted = "SYMBOL, weight and what it becomes (SYMBOL/calm or SYMBOL/angry for one mood)"
            raise DataFileError(path, number, f"{shown(line)}: expected {wanted}")
        weight = data_files.number(rest[0])
        if weight is None or not 1 / LARGEST_WEIGHT <= weight <= LARGEST_WEIGHT:
            wanted = f"a number above 0, from {1 / LARGEST_WEIGHT:.6f} to {LARGEST_WEIGHT:,.0f}"
            raise DataFileError(path, number, f"the weight is {shown(rest[0])}, expected {wanted}")
        parts = tuple(rest[1:]) if rest[1:] != ["-"] else ()
        _at_most(path, number, MOST_PARTS, len(parts), "parts in this rule")
        unknown = [part for part in parts if part not in indices and not part.isupper()]
        if unknown:
            raise DataFileError(path, number, f"the word {shown(unknown[0])} is not in vocabulary.txt")
        rules.setdefault(symbol, []).append(Rule(symbol, weight, parts, number))
    defined = [set(_for_mood(rules, mood)) | {"OBJECT", "ACTION"} for mood in MOODS]
    for rule in [rule for group in rules.values() for rule in group]:
        mood = rule.symbol.partition("/")[2]
        for part in rule.parts:
            known = [part in d for d, m in zip(defined, MOODS, strict=True) if mood in ("", m)]
            if part not in indices and not all(known):
                reason = f"the symbol {shown(part)[1:-1]} is not defined, at least not for every mood"
                raise DataFileError(path, rule.line, reason)
    if any("REPLY" not in d for d in defined):
        raise DataFileError(path, 1, "REPLY is not defined for both moods")
    return {symbol: tuple(group) for symbol, group in rules.items()}


def _for_mood(rules: Mapping[str, Sequence[Rule]], mood: str) -> dict[str, list[Rule]]:
    """Return the rules of each symbol that hold for a mood."""
    found: dict[str, list[Rule]] = {}
    for symbol, group in rules.items():
        name, _, only = symbol.partition("/")
        if only in ("", mood):
            found.setdefault(name, []).extend(group)
    return found


class _Phrase(NamedTuple):
    """What is known of the texts that a symbol can become."""

    first: BoolArray
    """which words can be the first, shape (V,)"""
    last: BoolArray
    """which words can be the last, shape (V,)"""
    empty: bool
    """whether it can become nothing"""
    longest: int
    """words of the longest text"""
    steps: int
    """symbols and words that it takes at most"""


def _language(
    path: Path,
    rules: Mapping[str, Sequence[Rule]],
    indices: Mapping[str, int],
    classes: Mapping[str, BoolArray],
    max_tokens: int,
) -> BoolArray:
    """Return which word may follow which in the grammar's texts, shape (V, V); refuse texts that could be too long."""
    tokens = np.eye(len(indices) + 1, dtype=bool)
    legal = np.zeros_like(tokens)
    for mood in MOODS:
        known = _for_mood(rules, mood)
        phrases = {word: _Phrase(tokens[i], tokens[i], False, 1, 1) for word, i in indices.items()}
        phrases |= {name: _Phrase(row, row, False, 1, 1) for name, row in classes.items()}
        for symbol in _parts_first(path, known):
            options = [_one_after_the_other([phrases[part] for part in rule.parts], legal) for rule in known[symbol]]
            first, last, empty, longest, steps = zip(*options, strict=True)
            phrases[symbol] = _Phrase(
                np.any(first, axis=0), np.any(last, axis=0), any(empty), max(longest), 1 + max(steps)
            )
        reply, line = phrases["REPLY"], known["REPLY"][0].line
        if reply.steps > MOST_STEPS:
            reason = f"a reply can take {_counted(reply.steps)} steps, expected at most {MOST_STEPS:,}"
            raise DataFileError(path, line, reason)
        if reply.longest >= max_tokens:
            reason = f"REPLY can become {reply.longest} words, which with an end token is more than max_tokens"
            raise DataFileError(path, line, f"{reason}, {max_tokens}")
        border = _Phrase(tokens[END], tokens[END], False, 0, 0)
        _one_after_the_other([border, reply, border], legal)
    return legal


def _parts_first(path: Path, rules: Mapping[str, Sequence[Rule]]) -> list[str]:
    """Return the symbols that REPLY needs, each after those that it becomes."""
    needed = ["REPLY"]
    for symbol in needed:  # which grows
        parts = [part for rule in rules[symbol] for part in rule.parts if part in rules]
        needed += [part for part in dict.fromkeys(parts) if part not in needed]
    try:
        graph = {symbol: [part for rule in rules[symbol] for part in rule.parts if part in rules] for symbol in needed}
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        part, symbol = error.args[1][:2]
        line = next(rule.line for rule in rules[symbol] if part in rule.parts)
        reason = f"{shown(part)[1:-1]} leads back to itself: replies could have any length"
        raise DataFileError(path, line, reason) from None


def _one_after_the_other(parts: Sequence[_Phrase], legal: BoolArray) -> _Phrase:
    """Return what is known of the parts in this order; mark in ``legal`` which words meet."""
    first = last = np.zeros(len(legal), dtype=bool)
    empty = True
    for part in parts:
        legal[last] |= part.first
        first = first | part.first if empty else first
        last = last | part.last if part.empty else part.last
        empty = empty and part.empty
    return _Phrase(first, last, empty, sum(part.longest for part in parts), sum(part.steps for part in parts))


def _counted(count: int) -> str:
    return f"{count:,}" if count < 10**9 else "more than a thousand million"


def _uniforms(rng: np.random.Generator) -> Iterator[float]:
    """Yield uniform numbers on [0, 1), drawn many at a time."""
    while True:
        yield from rng.random(4096).tolist()


def _expand(world: World, symbol: str, mood: str, topic: int, uniform: Iterator[float]) -> list[int]:
    """Return the tokens of one text that the symbol becomes."""
    said, left_to_say = [], [symbol]
    while left_to_say:
        part = left_to_say.pop()
        if part in world.indices:
            said.append(world.indices[part])
        elif part in ("OBJECT", "ACTION"):
            choices = np.flatnonzero((world.objects if part == "OBJECT" else world.actions)[topic])
            said.append(int(choices[int(next(uniform) * len(choices))]))
        else:
            options = [*world.rules.get(part, ()), *world.rules.get(f"{part}/{mood}", ())]
            left = next(uniform) * sum(option.weight for option in options)
            for option in options:
                left -= option.weight
                if left < 0:
                    break
            left_to_say += reversed(option.parts)
    return said
