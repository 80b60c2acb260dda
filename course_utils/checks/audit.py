"""Is a question sound? What a teacher runs on a new one, and the test suite on all."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_utils.checks.engine import bounds
from course_utils.checks.question import Inputs, Law, Question, close, exact
from course_utils.checks.sentences import ROUNDING

__all__ = ["problems"]


MARGIN = 5 * ROUNDING  # relative to the largest entry: answers that differ by less are called indistinguishable
Version = tuple[str, Callable[..., Any]]


def problems(question: Question, seed: int = 0) -> list[str]:
    """Return what is not right with a definition, in sentences; an empty list if all is well.

    seed: of the fresh inputs. Try several.
    """
    rng = np.random.default_rng(seed)
    inputs = [*question.fixed, *(question.fresh(rng) for _ in range(question.fresh_count))]
    found = _form(question)
    if question.calls:
        return found + _sampled(question, inputs)
    return found + _computed(question, inputs)


def _form(question: Question) -> list[str]:
    ids = [mistake.id for mistake in question.mistakes]
    arguments = [part.split("=")[0].strip() for part in question.signature.partition("(")[2].rstrip(")").split(",")]
    texts = [question.prompt, question.remark, *(t for m in question.mistakes for t in (m.happened, m.why))]
    checks = {
        "it has fewer than four mistakes": len(ids) < 4,
        "two of its mistakes have the same id": len(set(ids)) < len(ids),
        "its signature does not begin with its name": not question.signature.startswith(f"{question.name}("),
        "its signature and its inputs name different arguments": tuple(arguments) != question.arguments(),
        "it has fewer than two fixed inputs": len(question.fixed) < 2,
        "one of its texts does not end with a full stop": not all(text.rstrip(")").endswith(".") for text in texts),
        "one of its texts has an odd number of backticks": any(text.count("`") % 2 for text in texts),
        "it is worth no points": question.points < 1,
    }
    return [sentence for sentence, true in checks.items() if true]


def _versions(question: Question) -> list[Version]:
    return [("the right answer", question.oracle)] + [(m.id, v) for m in question.mistakes for v in m.versions()]


def _computed(question: Question, inputs: Sequence[Inputs]) -> list[str]:
    versions = _versions(question)
    core = [[exact(function, given) for given in inputs] for _, function in versions]
    found = []
    if not all(np.isfinite(wanted).all() for wanted in core[0]):
        found.append("its right answer is not finite on some input")
    elif all(close(np.round(w, 4), w, question.rtol, question.atol) for w in core[0]) and any(
        (w % 1).any() for w in core[0]
    ):  # whole numbers, as of a mask, have no more digits
        found.append("its right answers have but four digits, so that rounding to four is not noticed")
    right_on_core = []
    for i, ((name, function), answers) in enumerate(zip(versions, core, strict=True)):
        if all(close(a, w, question.rtol, question.atol) for a, w in zip(answers, core[0], strict=True)):
            right_on_core.append((name, function))
        elif not any(_apart(a, w, allow_reshaped=False) for a, w in zip(answers, core[0], strict=True)):
            found.append(f"{name} cannot be told from the right answer")
        for (other, _), others in zip(versions[1:i], core[1:i], strict=True):
            both_right = (name, function) in right_on_core and other in dict(right_on_core)
            if other != name and not both_right and not any(map(_apart, answers, others)):
                found.append(f"{name} cannot be told from {other}")
    return found + _at_the_extremes(question, right_on_core[1:])


def _at_the_extremes(question: Question, versions: Sequence[Version]) -> list[str]:
    """Each has to fail somewhere, and where it fails first the others have to be right."""
    found = []
    failures = {}
    for name, function in versions:
        wrong = [
            place
            for place, given in enumerate(question.extreme)
            if not close(exact(function, given), exact(question.oracle, given), question.rtol, question.atol)
        ]
        if wrong:
            failures[name, function] = wrong
        else:
            found.append(f"{name} cannot be told from the right answer")
    for (a, b), first in ((pair, failures[pair[0]][0]) for pair in combinations(failures, 2)):
        if a[0] != b[0] and (first in failures[b] or failures[b][0] in failures[a]):
            found.append(f"{a[0]} cannot be told from {b[0]} on the extreme inputs")
    return found


def _apart(a: NDArray[Any], b: NDArray[Any], allow_reshaped: bool = True) -> bool:
    if a.shape != b.shape:
        return allow_reshaped or a.size != b.size or _apart(a.reshape(b.shape), b)
    if not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return True
    gap = np.abs(a - b)[np.isfinite(a)].max(initial=0.0)
    scale = max(np.abs(a)[np.isfinite(a)].max(initial=0.0), np.abs(b)[np.isfinite(b)].max(initial=0.0))
    return bool(gap > MARGIN * scale)


def _sampled(question: Question, inputs: Sequence[Inputs]) -> list[str]:
    versions = _versions(question)
    laws: list[list[Law]] = [[function(**given) for given in inputs] for _, function in versions]
    comparisons = sum(2 * law.mean().size for law in laws[0])
    found = []
    for (a, first), (b, second) in combinations(zip(versions, laws, strict=True), 2):
        pairs = zip(first, second, strict=True)
        if a[0] != b[0] and not any(_laws_apart(x, y, question.calls, comparisons) for x, y in pairs):
            found.append(f"{a[0]} cannot be told from {b[0]} in {question.calls} calls")
    return found


def _laws_apart(a: Law, b: Law, calls: int, comparisons: int) -> bool:
    """Say whether answers that follow one law fail to fit the other, but for a chance of about one in a million."""
    gap = np.abs(a.mean() - b.mean())
    (mean_a, variance_a), (mean_b, variance_b) = bounds(a, calls, comparisons), bounds(b, calls, comparisons)
    between = np.abs(a.moments()[0] - b.moments()[0])
    by_mean, by_variance = gap > mean_a + mean_b + MARGIN, between > variance_a + variance_b + gap**2 + MARGIN
    return bool(by_mean.any() or by_variance.any())
