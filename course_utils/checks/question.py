"""What a question is: inputs, the exact answer, and the mistakes learners make, in a form that grading can reuse.

Each file in ``questions`` defines one ``QUESTION``. A mistake is recognised by its numbers: it computes what the
mistaken version would return, and an answer that agrees with it on every input is that mistake.
"""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from itertools import combinations_with_replacement
from math import comb
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.arguments import FloatArray
from course_utils.checks.result import show

__all__ = ["Law", "Mistake", "Named", "Question", "Section", "UnknownQuestionError", "Words", "close", "copied"]
__all__ += ["entries", "exact", "index_law", "load", "names"]


MOST_ANSWERS = 20_000  # of a sampled question, to be listed
SINGLE = (1e-4, 1e-5)  # rtol and atol of answers in float32, where formulas that cancel lose three digits
Inputs = Mapping[str, Any]
"""Arguments by name, in the order in which they are passed. "rng" stands for a fresh generator: {"rng": None}."""


def copied(value: Any) -> Any:
    """Return a copy of an argument; a function or a generator is passed on as it is."""
    if type(value) is np.ndarray and value.dtype.kind != "O":
        return value.copy()
    return value if callable(value) or isinstance(value, np.random.Generator) else copy.deepcopy(value)


def _frozen(inputs: Inputs) -> Inputs:
    kept = {name: copied(value) for name, value in inputs.items()}
    for value in kept.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return MappingProxyType(kept)


@dataclass(frozen=True)
class Section:
    """A section of a lesson, where a learner reads on."""

    lesson: str
    """two digits"""
    title: str

    def __str__(self) -> str:
        """Return where it is, in words."""
        return f"lesson {self.lesson}, section “{self.title}”"


@dataclass(frozen=True)
class Named:
    """A function that an input consists of, with a formula that a learner can read in the card."""

    formula: str
    function: Callable[..., Any] = field(repr=False)

    def __call__(self, *args: Any) -> Any:
        """Call the function."""
        return self.function(*args)

    def __repr__(self) -> str:
        """Return the formula."""
        return self.formula


@dataclass(frozen=True)
class Mistake:
    """A known way to go wrong. The texts may hold `code` in backticks and say "you", never "wrong"."""

    id: str
    """stable: progress and grading keep it"""
    misconception: str
    """its id in the list of misconceptions, such as "M7", or "" """
    compute: Callable[..., Any]
    """takes the inputs, returns what the mistaken version returns (a Law, where the question is sampled)"""
    happened: str
    """what the code did, in one or two sentences"""
    why: str
    """why it matters"""
    read: Section | None = None
    """where to read; None: where the question says"""
    variants: tuple[Callable[..., Any], ...] = ()
    """other ways to write the same mistake"""
    almost: bool = False
    """True for something small: the idea is right"""

    def versions(self) -> tuple[Callable[..., Any], ...]:
        """Return all ways to write this mistake."""
        return (self.compute, *self.variants)


def entries(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the entries of a text: ``head: what happened``, and below it, four spaces in, why it matters.

    What happened may go on two spaces in.
    """
    for found in re.finditer(r"^(\w[^:\n]*): (\S.*(?:\n  \S.*)*)\n((?:    \S.*\n)+)", text, re.MULTILINE):
        head, happened, why = (" ".join(part.split()) for part in found.groups())
        yield head, happened, why


class Words:
    """What a question says of its mistakes. The head of an entry is ``id (M7)``, or ``id`` without a misconception."""

    def __init__(self, text: str) -> None:
        """text: see ``entries``."""
        self.entries = {head.partition(" ")[0]: (head, happened, why) for head, happened, why in entries(text)}

    def __call__(
        self,
        mistake: str,
        compute: Callable[..., Any],
        read: Section | None = None,
        variants: tuple[Callable[..., Any], ...] = (),
        almost: bool = False,
    ) -> Mistake:
        """Return the mistake with its words; the other arguments as of ``Mistake``."""
        head, happened, why = self.entries[mistake]
        misconception = head.removeprefix(mistake).strip(" ()")
        return Mistake(mistake, misconception, compute, happened, why, read, variants, almost)


@dataclass(frozen=True)
class Question:
    """One question, answered by a function."""

    name: str
    lesson: str
    """two digits"""
    prompt: str
    """what is asked, in one line"""
    points: int
    signature: str
    """as a learner writes it: "score(logits, action)" """
    fixed: tuple[Inputs, ...]
    """inputs that are always used; keep the first ones small, they are shown"""
    fresh: Callable[[np.random.Generator], Inputs]
    """draws a further input"""
    oracle: Callable[..., Any]
    """takes the inputs, returns the exact answer (a Law, where the question is sampled)"""
    mistakes: tuple[Mistake, ...]
    remark: str
    """said when the answer is right: what it is good for, or worth noticing"""
    read: Section
    extreme: tuple[Inputs, ...] = ()
    """inputs that need numerical care: an answer that fails on these alone is almost right"""
    fresh_count: int = 4
    rtol: float = 1e-9
    """relative to the largest entry of the exact answer; larger where a right answer may differ by more"""
    atol: float = 1e-12
    calls: int = 0
    """more than 0: the function takes an rng and is sampled, this often on every input"""
    index: bool = False
    """sampled, and the answer is the index of an action; see ``index_law``"""
    tensors: bool = False
    """the function takes and returns PyTorch's tensors; see ``tensors.call``"""
    gradients: tuple[str, ...] = ()
    """of tensors: the answer is a value, and then its gradients by these arguments"""

    def __post_init__(self) -> None:
        """Keep copies of the inputs that nobody can change."""
        object.__setattr__(self, "fixed", tuple(map(_frozen, self.fixed)))
        object.__setattr__(self, "extreme", tuple(map(_frozen, self.extreme)))

    def tolerance(self, single: bool) -> tuple[float, float]:
        """Return rtol and atol for an answer in float64, or in float32 (single)."""
        return (max(self.rtol, SINGLE[0]), max(self.atol, SINGLE[1])) if single else (self.rtol, self.atol)

    def arguments(self) -> tuple[str, ...]:
        """Return the names of all arguments, in order."""
        return max((tuple(inputs) for inputs in self.fixed), key=len)


@dataclass(frozen=True)
class Law:
    """The exact distribution of a sampled answer: the mean of ``count`` independent draws from a finite set."""

    outcomes: FloatArray
    """shape (K, …): what one draw contributes"""
    probabilities: FloatArray
    """shape (K,)"""
    count: int = 1

    def mean(self) -> FloatArray:
        """Return the expectation of the answer, shape (…)."""
        result: FloatArray = np.tensordot(self.probabilities, self.outcomes, axes=1)
        return result

    def moments(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return, for each entry, the answer's variance, fourth central moment and largest deviation."""
        deviation = self.outcomes - self.mean()
        m = self.count
        second = np.tensordot(self.probabilities, deviation**2, axes=1)
        fourth = np.tensordot(self.probabilities, deviation**4, axes=1)
        possible = np.abs(deviation[self.probabilities > 0])
        return second / m, (fourth + 3 * (m - 1) * second**2) / m**3, possible.max(axis=0)

    def answers(self) -> tuple[FloatArray, FloatArray] | None:
        """Return all possible answers, shape (N, …), and their probabilities; None where they are too many to list."""
        possible = np.flatnonzero(self.probabilities > 0)
        if comb(possible.size + self.count - 1, self.count) > MOST_ANSWERS:
            return None
        draws = np.array(list(combinations_with_replacement(possible, self.count)))
        log_factorial = np.concatenate([[0.0], np.log(np.arange(1, self.count + 1)).cumsum()])
        shares = np.stack([(draws == k).sum(axis=1) for k in possible], axis=1)
        log_chance = log_factorial[self.count] - log_factorial[shares].sum(axis=1)
        log_chance = log_chance + shares @ np.log(self.probabilities[possible])
        values = np.tensordot(shares, self.outcomes[possible], axes=1) / self.count
        return values, np.exp(log_chance)


def index_law(probabilities: ArrayLike, n: int) -> Law:
    """Return the law of an index from 0 to n − 1: entry k is the frequency of k, n + 2 entries in all.

    probabilities: of the indices 0, 1, …, and of n as well where one past the end can come out. The last entry counts
    all other answers.
    """
    p = np.asarray(probabilities, dtype=float)
    return Law(np.eye(n + 2)[: p.size], p)


class UnknownQuestionError(LookupError):
    """No question has this name."""

    def __init__(self, name: object) -> None:
        """Say which names exist, the nearest first."""
        self.names = names()
        self.nearest = get_close_matches(name, self.names, n=1, cutoff=0.5) if type(name) is str else []
        hint = f" Did you mean {self.nearest[0]!r}?" if self.nearest else ""
        super().__init__(f"there is no question {show(name)}.{hint} The questions are: {', '.join(self.names)}")


def names() -> list[str]:
    """Return the names of all questions, sorted."""
    package = import_module("course_utils.checks.questions")
    return sorted(module.name for module in iter_modules(package.__path__))


def load(name: str) -> Question:
    """Return the question with this name; raise UnknownQuestionError where there is none."""
    if type(name) is not str or name not in names():
        raise UnknownQuestionError(name)
    question: Question = import_module(f"course_utils.checks.questions.{name}").QUESTION
    return question


# --- comparing answers -------------------------------------------------------------------------------


def close(got: NDArray[Any], wanted: NDArray[Any], rtol: float, atol: float) -> bool:
    """Say whether two answers agree in shape, in NaN and inf, and in every entry up to the tolerance."""
    if got.shape != wanted.shape:
        return False
    finite = np.isfinite(wanted)
    if not np.array_equal(got[~finite], wanted[~finite], equal_nan=True) or not np.isfinite(got[finite]).all():
        return False
    scale = np.abs(wanted[finite]).max(initial=0.0)
    return bool((np.abs(got[finite] - wanted[finite]) <= atol + rtol * scale).all())


def exact(function: Callable[..., Any], inputs: Inputs) -> NDArray[Any]:
    """Return what a definition's function gives on copies of the inputs, as an array."""
    arguments = {name: copied(value) for name, value in inputs.items()}
    with np.errstate(all="ignore"):
        return np.array(function(**arguments), dtype=float)
