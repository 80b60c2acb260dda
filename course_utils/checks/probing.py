"""How a stage's parts look at what the learner's functions return: compare, name the mistake, say what was seen.

Most parts compare with the exact answer to nine digits, so they raise no false alarm. Where something is drawn, the
bound is Bernstein's and its rate stands beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks.inspection import MOST
from course_utils.checks.limit import attempt
from course_utils.checks.question import close, entries
from course_utils.checks.result import show, show_pair
from course_utils.checks.sentences import describe
from course_utils.checks.stage import Fault, FaultFound, Functions, Part, finding

__all__ = ["Case", "Slip", "Slips", "arrays", "computed", "fault", "interval", "part", "reached", "record_of"]


RTOL, ATOL = 1e-9, 1e-12


@dataclass(frozen=True)
class Slip:
    """A known way to go wrong in a part."""

    id: str
    happened: str
    why: str
    compute: tuple[Callable[..., Any], ...] = ()
    """take the case's arguments and return what the mistaken version returns"""

    def fault(self, saw: Sequence[tuple[str, str]] = ()) -> Fault:
        """Return what is said of it."""
        return Fault(self.id, self.happened, self.why, tuple(saw))


class Slips:
    """The words of a stage's known mistakes, in a text as of ``question.entries``."""

    def __init__(self, text: str) -> None:
        """text: ``id: what happened``, and below it, four spaces in, why it matters."""
        self.words = {head: (happened, why) for head, happened, why in entries(text)}

    def __call__(self, id: str, *compute: Callable[..., Any]) -> Slip:
        """Return the mistake with its words."""
        return Slip(id, *self.words[id], compute)


@dataclass(frozen=True)
class Case:
    """One call, and what is seen in it, in words."""

    says: str
    arguments: tuple[Any, ...]


def fault(mistake: str | None, happened: str, why: str, *saw: tuple[str, str]) -> NoReturn:
    """End the part with this fault."""
    raise FaultFound(Fault(mistake, happened, why, saw))


def part(id: str, title: str, points: float) -> Callable[[Callable[..., Fault | None]], Part]:
    """Make a part of a function (functions, rng) that returns a fault or None, or raises FaultFound."""
    return lambda run: Part(id, title, points, finding(run))


def arrays(name: str, answer: Any, shapes: Sequence[tuple[int, ...]], *saw: tuple[str, str]) -> list[FloatArray]:
    """Return an answer, one array or several, as finite arrays of these shapes; end the part where it is not so."""
    if answer is None:
        fault(
            "returns-none",
            f"`{name}` came to its end without a `return`, so its answer is None.",
            "What a function computes is forgotten when it ends, except for what it returns.",
            *saw,
        )
    parts = [answer] if len(shapes) == 1 else answer
    if len(shapes) > 1 and not (isinstance(answer, list | tuple) and len(answer) == len(shapes)):
        fault(
            "wrong-type",
            f"`{name}` returned {describe(answer)}. Wanted are {len(shapes)} values, as in `return "
            f"{', '.join('abc'[: len(shapes)])}`.",
            "Whoever calls it takes them apart in the order of the docstring.",
            *saw,
            ("yours", show(answer)),
        )
    if len(shapes) > 1 and [np.shape(one) for one in parts] == [*reversed(shapes)] != [*shapes]:
        fault(
            "wrong-order",
            f"`{name}` returned its {len(shapes)} values the other way round.",
            "Whoever calls it takes them apart in the order of the docstring.",
            *saw,
            ("yours", show(answer)),
        )
    found = []
    for place, (value, shape) in enumerate(zip(parts, shapes, strict=True), start=1):
        which = f"`{name}`" if len(shapes) == 1 else f"As value {place} `{name}`"
        array = attempt(partial(_numbers, value), None)
        if array is None:
            fault(
                "wrong-type",
                f"{which} returned {describe(value)} where an array of numbers of shape {shape} is wanted.",
                "The docstring says what comes out.",
                *saw,
                ("yours", show(value)),
            )
        if array.shape != shape:
            why = "A shape says what each axis means. Print the `.shape` of each intermediate result."
            if array.ndim == 0:
                why = (
                    "One number has come out: summed too early? Of an objective or a loss the *gradient* is asked for."
                )
            if array.shape == shape[::-1]:
                why = "The axes are exchanged: `.T` exchanges them, and so does the order in a product, `a.T @ b`."
            fault("wrong-shape", f"{which} returned an array of shape {array.shape}, wanted is {shape}.", why, *saw)
        if not np.isfinite(array).all():
            fault(
                "not-finite",
                f"{which} returned NaN or inf.",
                "Steps in the wrong direction grow without bound: θ goes up its objective, w goes down its loss."
                if name.startswith("train_")
                else "They come from an overflowing exp, the log of 0, or 0/0, and pass into all that comes later.",
                *saw,
            )
        found.append(array)
    return found


def _numbers(value: Any) -> FloatArray | None:
    array = np.asarray(value)
    return array.astype(float) if array.dtype.kind in "iufb" and array.size <= MOST else None


def record_of(
    states: Any, actions: Any, rewards: Any, ended: Any, next_states: Any = None, terminated: Any = None
) -> dict[str, Any]:
    """Return a record; next states follow from the states, and every end is terminal, unless told otherwise."""
    states, ended = np.asarray(states, dtype=float), np.asarray(ended, dtype=bool)
    following = np.vstack([states[1:], states[:1]]) if next_states is None else np.asarray(next_states, dtype=float)
    return {
        "states": states,
        "actions": np.asarray(actions),
        "rewards": np.asarray(rewards, dtype=float),
        "next_states": following,
        "terminated": ended.copy() if terminated is None else np.asarray(terminated, dtype=bool),
        "ended": ended,
    }


def _list(value: Any) -> list[FloatArray]:
    return [np.asarray(v, dtype=float) for v in (value if isinstance(value, tuple) else (value,))]


def computed(
    id: str,
    title: str,
    points: float,
    function: str,
    cases: Callable[[np.random.Generator], Sequence[Case]],
    oracle: Callable[..., Any],
    slips: Sequence[Slip],
    names: Sequence[str] = ("",),
    uses: Sequence[str] = (),
) -> Part:
    """Return a part that compares a function with the exact answer, and with each known mistake's, on every case.

    names: of the function's answers, where there are several. uses: stages that the function stands on.
    """

    def run(functions: Functions, rng: np.random.Generator) -> Fault | None:
        asked = list(cases(rng))
        exact = [_list(oracle(*case.arguments)) for case in asked]
        given = [functions.call(function, *case.arguments) for case in asked]
        answers = [_loose(one, len(wanted)) for one, wanted in zip(given, exact, strict=True)]
        wrong = [i for i in range(len(asked)) if not _agree(answers[i], exact[i])]
        if not wrong:
            return None
        first = wrong[0]
        rows = [("what was played", asked[first].says)]
        for name, got, wanted in zip(names, answers[first], exact[first], strict=False):
            if not close(got, wanted, RTOL, ATOL):
                pair = show_pair(got, wanted)
                rows += [(f"yours{name and f', {name}'}", pair[0]), ("wanted", pair[1])]
        versions = [
            (slip, [_list(version(*case.arguments)) for case in asked]) for slip in slips for version in slip.compute
        ]
        for slip, mistaken in versions:
            if all(map(_agree, answers, mistaken)) and not all(map(_agree, mistaken, exact)):
                return slip.fault(rows)
        for place in range(len(names) if len(names) > 1 and all(answers) else 0):  # one mistake in each value
            own, right = ([one[place : place + 1] for one in several] for several in (answers, exact))
            for slip, mistaken in versions if not all(map(_agree, own, right)) else ():
                of_slip = [one[place : place + 1] for one in mistaken]
                if all(map(_agree, own, of_slip)) and not all(map(_agree, of_slip, right)):
                    return slip.fault(rows)
        for one, shapes, case in zip(given, ([w.shape for w in wanted] for wanted in exact), asked, strict=True):
            arrays(function, one, shapes, ("what was played", case.says))
        stands = " and ".join(f'`check("{name}", …)`' for name in uses)
        return Fault(
            None,
            f"In {len(wrong)} of {len(asked)} cases `{function}` differs. It is none of the mistakes known by name.",
            "The case shown is the smallest. Go through it by hand, print each intermediate result, and see where the "
            f"two part.{f' If {stands} is not right yet, begin there.' if stands else ''}",
            tuple(rows),
        )

    return Part(id, title, points, finding(run))


def _loose(answer: Any, count: int) -> list[FloatArray]:
    """Return an answer as so many arrays of whatever shape; as none where it is not that."""
    parts = [answer] if count == 1 else answer if isinstance(answer, list | tuple) and len(answer) == count else []
    found = [attempt(partial(_numbers, part), None) for part in parts]
    return [] if any(one is None for one in found) else [one for one in found if one is not None]


def _agree(got: Sequence[FloatArray], wanted: Sequence[FloatArray]) -> bool:
    return len(got) == len(wanted) and all(close(a, b, RTOL, ATOL) for a, b in zip(got, wanted, strict=True))


def interval(values: FloatArray) -> tuple[float, float]:
    """Return the mean and half the width of its 95 % interval, 1.96 standard errors."""
    return float(values.mean()), 1.96 * float(values.std(ddof=1)) / float(np.sqrt(len(values)))


def reached(
    what: str, train: Callable[[int], FloatArray], wanted: float, before: float, rng: np.random.Generator, why: str
) -> Fault | None:
    """Train up to twice, with other seeds; return what was reached where no run's interval comes up to what is wanted.

    train: takes a seed and returns what fresh episodes earned. before: what the policy earned before training.
    """
    rows = []
    for attempt_number in range(2):
        mean, half = interval(train(int(rng.integers(2**31))))
        if mean + half >= wanted:
            return None
        rows.append((f"run {attempt_number + 1}", f"mean {mean:.3g} ± {half:.2g} (95 %), wanted at least {wanted:g}"))
    rows.append(("before training", f"{before:.3g}"))
    if mean < before - half:
        return Fault("descends", f"{what}: training made it worse.", f"A step downhill does that. {why}", tuple(rows))
    return Fault("learns-too-little", f"{what}: it learns too little.", why, tuple(rows))
