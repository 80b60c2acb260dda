"""The check: call, compare, and say what happened.

A function is called on the question's fixed inputs and on fresh ones, drawn from a seed that the evidence keeps. An
answer that differs is compared with what each known mistake would have returned, on all inputs; after that come the
sentences that hold for any question.

A sampled function is called many times on each input. Each answer has to be one that draws can give, and the mean and
the variance of the answers have to lie within Bernstein bounds of their exact values: with v the variance of one
answer, M its largest deviation and r calls, |mean − exact| ≤ M L/(3r) + √((M L/(3r))² + 2 v L/r), where 2 exp(−L) is
the share of the false-alarm rate that falls to this one comparison. These are √(2L) ≈ 6 standard errors and a
correction that makes the rate, 10⁻⁶ for all comparisons of a check together, a proven bound and not an approximation.
The same holds for the products of two answers' deviations, 1 to 3 calls apart, so that dependent draws are noticed:
their mean is 0, their variance v², and the pairs that are averaged have no answer in common.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from math import isfinite
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from course_utils import progress, stored_outputs
from course_utils.arguments import FloatArray
from course_utils.checks import building, sentences, stage, tensors
from course_utils.checks.calls import Answers, Call, Learner, Stop
from course_utils.checks.inspection import heeding, is_single, own_name
from course_utils.checks.limit import TimeUp, Watch, attempt
from course_utils.checks.question import (
    Inputs,
    Law,
    Mistake,
    Question,
    UnknownQuestionError,
    close,
    copied,
    exact,
    load,
)
from course_utils.checks.result import CheckResult, cut, show, show_inputs, show_pair
from course_utils.checks.sentences import FALSE_ALARM, ROUNDING, Diagnosis

__all__ = ["Case", "Differences", "Expected", "Finding", "Sample", "bounds", "check", "comparisons", "examine", "judge"]


LIMIT = 30.0  # seconds for all calls of a learner's function together
NAMING = 1e-6  # relative to the largest entry: how closely an answer agrees with a known mistake
LAGS = (1, 2, 3)  # calls apart: between them draws are examined for dependence
OPEN = ("ignores-inputs", "wrong-shape", "factor", "offset", "only-examples", "not-finite", "raised", "empty", None)
ZERO = np.zeros(())
REPEATS = 64  # calls that are made again, to see whether the same generator gives the same answers


@dataclass(frozen=True)
class Case:
    """An input, the exact answer to it, and the learner's."""

    inputs: Inputs
    wanted: NDArray[Any]
    got: NDArray[Any]
    call: Call
    fresh: bool = False


@dataclass(frozen=True)
class Finding:
    """A diagnosis and what is shown with it."""

    diagnosis: Diagnosis
    inputs: Inputs | None = None
    got: Any = None
    wanted: Any = None
    fresh: bool = False
    stop: Stop | None = None
    printed: str = ""
    labels: tuple[str, str] = ("yours", "wanted")
    says: str = ""
    """stands after the learner's answer"""
    more: tuple[tuple[str, Any], ...] = ()
    """further evidence"""


def check(
    name: str | Question, fn: Callable[..., Any], *, seed: int | None = None, limit: float | None = LIMIT
) -> CheckResult:
    """Check a learner's function, and record the outcome in the learner's own progress.

    Args:
        name: the question's name, such as "softmax" (or a Question of your own), or that of a stage of the build,
            such as "build_reinforce".
        fn: the learner's function itself.
        seed: of the fresh inputs, 0 or larger; the evidence of an earlier result has it, to see the same inputs again.
        limit: seconds that the function may take for all calls together; None: any time.

    Returns:
        CheckResult, which a notebook shows as a card. What goes wrong in the learner's function, or in the way it is
        passed, is part of the answer and raises nothing.
    """
    if not issubclass(type(name), str | Question) and callable(name):
        question_name = fn if type(fn) is str else "softmax"
        return _other(
            question_name, sentences.say("exchanged-arguments", first=cut(question_name, 60), own=own_name(name))
        )
    if type(name) is str and name in stage.names():
        step = stage.load(name)
        result = building.judge_stage(step, fn, seed, building.LIMIT if limit == LIMIT else limit)
        progress.record_check(step.name, step.lesson, result.status, result.mistake)
        return result
    try:
        question = cast(Question, name) if issubclass(type(name), Question) else load(cast(str, name))
    except UnknownQuestionError as error:
        return _other(name if type(name) is str else show(name), sentences.unknown_question(error.nearest, error.names))
    result = judge(question, fn, seed, limit)
    progress.record_check(question.name, question.lesson, result.status, result.mistake)
    return result


def _bad_argument(name: str, got: object, wanted: str) -> Diagnosis:
    return sentences.say("bad-argument", name=name, got=cut(show(got), 60), wanted=wanted)


def judge(
    question: Question, fn: Callable[..., Any], seed: int | None = None, limit: float | None = LIMIT
) -> CheckResult:
    """Check a function and record nothing: for graders. See ``check``."""
    if seed is not None and not (_is_number(seed, np.integer | int) and seed >= 0):
        return _other(question.name, _bad_argument("seed", seed, "a whole number that is 0 or larger"))
    if limit is not None and not (_is_number(limit, np.integer | np.floating | int | float) and limit > 0):
        return _other(question.name, _bad_argument("limit", limit, "a number of seconds, or None for any time"))
    if question.tensors and not stored_outputs.is_there("torch"):
        return _other(question.name, sentences.say("no-torch"))
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
    own, out, started = own_name(fn), sys.stdout, time.perf_counter()
    watch = Watch(limit, partial(_say, sentences.still_running(own, limit), out))
    through = partial(tensors.call, question.arguments(), question.gradients) if question.tensors else None
    learner = Learner(fn, watch, through)
    try:
        with watch:
            if not callable(fn):
                return _result(question, own, seed, Finding(sentences.not_callable(question.name, fn)))
            return examine(question, learner, seed, replayed=True)
    except (KeyboardInterrupt, TimeUp) as error:  # between two calls, or while an answer is looked at
        watch.stop()
        seconds = time.perf_counter() - started
        in_time = isinstance(error, KeyboardInterrupt)
        stop = Stop(type(error).__name__, "", None, "", seconds, in_time, limit=None if in_time else limit)
        return _result(question, own, seed, Finding(_stopped(question, learner, stop), stop=stop))
    finally:
        watch.stop()


def examine(question: Question, learner: Answers, seed: int, replayed: bool = False) -> CheckResult:
    """Judge what a learner's function answers, wherever it runs; replayed: say how an input is drawn again."""
    finding = _before_calling(question, learner) or _by_calling(question, learner, seed)
    return _result(question, learner.own_name(), seed, _from_outside(learner, finding), replayed)


def _is_number(value: Any, kinds: Any) -> bool:
    return issubclass(type(value), kinds) and type(value) is not bool and bool(value == value)


def _say(text: str, out: Any) -> None:
    attempt(lambda: print(text, file=out, flush=True), None)  # the stream may be closed


def _stopped(question: Question, learner: Answers, stop: Stop, extreme: bool = False) -> Diagnosis:
    """Return what is said of a call that did not come to its end."""
    if stop.interrupted:
        return sentences.say("interrupted", seconds=stop.seconds, line=sentences.in_line(stop))
    if stop.limit is not None:
        return sentences.too_long(stop, question.name, learner.own_name())
    return sentences.raised(stop, extreme)


def _from_outside(learner: Answers, finding: Finding) -> Finding:
    """Return the finding, or that the function reads the notebook's variables where nothing more is known of it."""
    if finding.diagnosis.mistake not in OPEN or finding.inputs is None or finding.diagnosis.status == "correct":
        return finding
    outside = learner.read_from_outside(finding.inputs)
    if outside is None:
        return finding
    diagnosis = sentences.notebook_names(outside)
    if finding.stop:
        diagnosis = replace(finding.diagnosis, why=f"{diagnosis.happened} {diagnosis.why}")
    return replace(finding, diagnosis=diagnosis)


def _before_calling(question: Question, learner: Answers) -> Finding | None:
    """Return what can be said without calling the function, if there is anything."""
    if learner.is_stub():
        return Finding(_not_attempted(question, learner))
    if learner.is_async():
        return Finding(sentences.say("coroutine"))
    for inputs in question.fixed:
        if refused := learner.refusal(len(inputs)):
            missing = question.arguments()[len(inputs) :]
            fits_all = learner.refusal(max(map(len, question.fixed))) is None
            called = f"{learner.own_name(question.name)}({', '.join(inputs)})"
            return Finding(sentences.wrong_arguments(refused, called, missing[0] if missing and fits_all else ""))
    return None


def _not_attempted(question: Question, learner: Answers) -> Diagnosis:
    called = learner.own_name(question.name) + question.signature.removeprefix(question.name)
    return Diagnosis(
        "not attempted",
        None,
        "Your function is still empty. Put your code where the `...` is, run that cell, and then this one.",
        f"{question.prompt} It is called as `{called}`.",
    )


def _by_calling(question: Question, learner: Answers, seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    inputs = [(given, False) for given in sorted(question.fixed, key=_size)]
    inputs += [(question.fresh(rng), True) for _ in range(question.fresh_count)]
    with learner:
        return (_sampled if question.calls else _computed)(question, learner, inputs, seed)


def _size(inputs: Inputs) -> int:
    return sum(np.size(value) for value in inputs.values())


# --- functions that compute --------------------------------------------------------------------------


def _computed(question: Question, learner: Answers, inputs: list[tuple[Inputs, bool]], seed: int) -> Finding:
    cases = []
    for given, fresh in inputs:
        case = _answer(question, learner, given, fresh)
        if isinstance(case, Finding):
            return case
        cases.append(case)
    if not all(_right(question, case) for case in cases):
        return _what_differs(question, cases)
    extreme = _at_the_extremes(question, learner)
    if isinstance(extreme, Finding):
        return extreme
    return _side_effects(question, learner, cases + extreme) or _correct(question, cases + extreme)


def _answer(question: Question, learner: Answers, inputs: Inputs, fresh: bool = False) -> Case | Finding:
    call, wanted = learner(inputs, heed_warnings=True), exact(question.oracle, inputs)
    return _unusable(question, learner, call, wanted, fresh) or Case(inputs, wanted, call.numbers, call, fresh)


def _unusable(question: Question, learner: Answers, call: Call, wanted: NDArray[Any], fresh: bool) -> Finding | None:
    """Return what to say of a call that gave no array of real numbers."""
    diagnosis: Diagnosis | None = None
    value = call.value
    if call.stop:
        if call.stop.error == "NotImplementedError":
            return Finding(_not_attempted(question, learner))
        diagnosis = _stopped(question, learner, call.stop)
    elif value is None or value is Ellipsis:
        if value is Ellipsis or (not call.printed and learner.has_placeholder()):
            return Finding(_not_attempted(question, learner))
        diagnosis = sentences.nothing_returned(call.printed, learner.returns_something())
    elif type(value) is tensors.Unusable:
        diagnosis = sentences.say(value.sentence, value=value.value, names=value.names)
    elif call.kind == "coroutine":
        diagnosis = sentences.say("coroutine")
    elif call.kind == "iterator":
        diagnosis = sentences.say("generator", kind=sentences.type_name(value))
    elif call.kind == "too many":
        diagnosis = sentences.say("too-many", value=sentences.describe(value), wanted=sentences.a_shape(wanted.shape))
    elif call.kind == "other":
        diagnosis = sentences.wrong_type(value, wanted)
    elif call.numbers.size == 0 and wanted.size:
        diagnosis = sentences.say("empty", wanted=sentences.a_shape(wanted.shape))
    if diagnosis is None:
        return None
    return Finding(diagnosis, call.inputs, value, wanted, fresh, call.stop, call.printed)


def _right(question: Question, case: Case) -> bool:
    return close(case.got, case.wanted, *question.tolerance(case.call.single))


def _what_differs(question: Question, cases: Sequence[Case]) -> Finding:
    differing = [case for case in cases if not _right(question, case)]
    shown = differing[0]
    mistake = _named(question, cases)
    diagnosis = _from_mistake(mistake) if mistake else _unnamed(question, cases, differing)
    if diagnosis.mistake in ("wrong-shape", "axes"):
        shown = next(case for case in differing if case.got.shape != case.wanted.shape)
    elif diagnosis.mistake == "not-finite":
        shown = next(case for case in differing if not np.isfinite(case.got).all())
    elif diagnosis.mistake == "returns-input":
        shown = next(case for case in differing if case.call.shared)
    elif diagnosis.mistake == "transposed":
        shown = next(case for case in differing if case.wanted.ndim > 1)
    return _finding(diagnosis, shown)


def _named(question: Question, cases: Sequence[Case]) -> Mistake | None:
    """Return the known mistake that gives the learner's answer on every input."""
    for mistake in question.mistakes:
        if any(_agrees(question, version, cases) for version in mistake.versions()):
            return mistake
    return None


def _agrees(question: Question, version: Callable[..., Any], cases: Sequence[Case]) -> bool:
    """Say whether the answers are those of a mistaken version. That both are NaN alone is not enough.

    Where nothing finite tells the version from the right answer, the same function of NumPy has to have warned.
    """
    telling = False
    for case in cases:
        theirs = exact(version, case.inputs)
        if not _same_numbers(question, case, theirs):
            return False
        if theirs.shape == case.wanted.shape:
            gap = np.abs(theirs - case.wanted)[np.isfinite(theirs)]
            telling = telling or bool((gap > NAMING * np.abs(case.wanted).max(initial=0.0)).any())
        else:
            telling = telling or bool(np.isfinite(theirs).any())
    return telling or any(
        case.call.invalid & heeding(version, **{name: copied(value) for name, value in case.inputs.items()})[1]
        for case in cases
    )


def _same_numbers(question: Question, case: Case, theirs: NDArray[Any]) -> bool:
    rtol, atol = question.tolerance(case.call.single)
    return close(case.got, theirs, max(rtol, NAMING), atol)


def _from_mistake(mistake: Mistake) -> Diagnosis:
    return Diagnosis("almost" if mistake.almost else "not yet", mistake.id, mistake.happened, mistake.why, mistake.read)


def _unnamed(question: Question, cases: Sequence[Case], differing: Sequence[Case]) -> Diagnosis:
    """Return the sentence, of those that hold for any question, that fits the answers."""
    if _all_right_after(question, cases, lambda c: c.got.T):
        odd = next(case for case in differing if case.wanted.ndim > 1)
        return sentences.transposed(odd.got.shape, odd.wanted.shape)
    odd_shapes = [case for case in differing if case.got.shape != case.wanted.shape]
    if odd_shapes and _all_right_after(question, cases, lambda c: c.got.reshape(c.wanted.shape)):
        return sentences.say("axes", got=odd_shapes[0].got.shape, wanted=odd_shapes[0].wanted.shape)
    for case in differing:
        if case.call.shared and not case.call.changed:
            return sentences.say("returns-input", name=case.call.shared)
    if _always_the_same(cases):
        return sentences.say("ignores-inputs")
    nowhere_finite = not any(np.isfinite(case.got).any() for case in differing)
    if odd_shapes and not nowhere_finite:
        return sentences.wrong_shape(odd_shapes[0].got.shape, odd_shapes[0].wanted.shape)
    for case in differing:
        if not np.isfinite(case.got).all():
            return sentences.not_finite(case.got)
    sizes = [max(float(np.abs(c.wanted).max(initial=0.0)), 1e-300) for c in cases]
    scales = [max(size, max(sizes) / 10) for size in sizes]  # a number near 0 has few digits left
    gap = max(np.abs(c.got - c.wanted).max() / scale for c, scale in zip(cases, scales, strict=True))
    if gap <= ROUNDING:
        return sentences.rounding(gap)
    if changed := [case.call.changed for case in cases if case.call.changed]:
        return sentences.mutates(changed[0], right=False)
    got = np.concatenate([case.got.ravel() for case in cases])
    wanted = np.concatenate([case.wanted.ravel() for case in cases])
    ratio = float(got @ wanted / (wanted @ wanted))
    if abs(ratio) > ROUNDING and close(got, ratio * wanted, NAMING, question.atol):
        return sentences.factor(ratio)
    if close(got - wanted, np.full(got.shape, (got - wanted).mean()), NAMING, question.atol):
        return sentences.offset(float((got - wanted).mean()))
    if all(case.fresh for case in differing):
        return sentences.say("only-examples")
    first = differing[0]
    entries = np.abs(first.got - first.wanted) > question.atol + NAMING * np.abs(first.wanted).max()
    return sentences.unknown(int(entries.sum()), first.got.size, len(differing), len(cases))


def _all_right_after(question: Question, cases: Sequence[Case], change: Callable[[Case], NDArray[Any]]) -> bool:
    return all(
        case.got.size == case.wanted.size and close(change(case), case.wanted, *question.tolerance(case.call.single))
        for case in cases
    )


def _always_the_same(cases: Sequence[Case]) -> bool:
    first = cases[0]
    varies = any(case.wanted.shape != first.wanted.shape or (case.wanted != first.wanted).any() for case in cases)
    return varies and np.isfinite(first.got).all() and all(np.array_equal(case.got, first.got) for case in cases)


def _at_the_extremes(question: Question, learner: Answers) -> list[Case] | Finding:
    """Return the cases, or what to say of the first that is not right; the answer was right on ordinary inputs."""
    cases: list[Case] = []
    for inputs in question.extreme:
        call, wanted = learner(inputs), exact(question.oracle, inputs)
        if call.stop and call.stop.arithmetic:
            got = np.full(wanted.shape, np.nan)
        elif call.stop:
            diagnosis = _stopped(question, learner, call.stop, extreme=True)
            return Finding(diagnosis, inputs, None, wanted, stop=call.stop)
        else:
            unusable = _unusable(question, learner, call, wanted, False)
            if unusable:
                return unusable
            got = call.numbers
        case = Case(inputs, wanted, got, call)
        if not _right(question, case):
            mistake = _named_at_the_extreme(question, case, question.extreme[: len(cases)])
            diagnosis = _from_mistake(mistake) if mistake else sentences.say("extreme-inputs")
            return _finding(diagnosis, case)
        cases.append(case)
    return cases


def _named_at_the_extreme(question: Question, case: Case, passed: Sequence[Inputs]) -> Mistake | None:
    """Return the known mistake that is right on ordinary inputs and gives this answer, or also no finite one, here.

    passed: the extreme inputs on which the learner was right; where neither is finite, the mistake must be so too.
    """

    def right_on(version: Callable[..., Any], inputs: Sequence[Inputs]) -> bool:
        pairs = ((exact(version, given), exact(question.oracle, given)) for given in inputs)
        return all(close(a, b, max(question.rtol, NAMING), question.atol) for a, b in pairs)

    candidates = [(m, v) for m in question.mistakes for v in m.versions() if right_on(v, question.fixed)]
    candidates = [(m, v) for m, v in candidates if not right_on(v, [case.inputs])]
    for mistake, version in candidates:
        if _same_numbers(question, case, exact(version, case.inputs)):
            return mistake
    if not np.isfinite(case.got).all():
        for mistake, version in candidates:
            if not np.isfinite(exact(version, case.inputs)).all() and right_on(version, passed):
                return mistake
    return None


def _side_effects(question: Question, learner: Answers, cases: Sequence[Case]) -> Finding | None:
    """Return what to say of a function whose numbers are right but which leaves traces."""
    for case in cases:
        call = case.call
        if call.shared in call.changed and call.shared:
            return _finding(sentences.say("in-place", name=call.shared), case)
        if call.changed:
            return _finding(sentences.mutates(call.changed, right=True), case)
        if call.shared:
            return _finding(sentences.say("alias", name=call.shared), case)
    for case, later in zip(cases, learner.later([case.call for case in cases]), strict=True):
        if not np.array_equal(later, case.got, equal_nan=True):
            labels = ("its answer, later", "its answer, then")
            return Finding(sentences.say("overwrites"), case.inputs, later, case.got, labels=labels)
    again = _answer(question, learner, cases[0].inputs)
    if isinstance(again, Finding):
        return again
    if not _right(question, again):
        return _finding(sentences.say("remembers"), again)
    return _numbers_exchanged(question, learner, cases)


def _numbers_exchanged(question: Question, learner: Answers, cases: Sequence[Case]) -> Finding | None:
    """Return what to say of a function that gives an old answer to an array whose numbers have changed."""

    def shapes(case: Case) -> dict[str, Any]:
        return {name: (value.shape, value.dtype) for name, value in _arrays(case.inputs).items()}

    for first, then in combinations(cases, 2):
        if shapes(first) == shapes(then) and not np.array_equal(first.wanted, then.wanted):
            learner(first.inputs)
            call = learner(then.inputs, in_place=True)
            case = replace(then, got=call.numbers, call=call)
            return None if _right(question, case) else _finding(sentences.say("remembers-arrays"), case)
    return None


def _arrays(inputs: Inputs) -> dict[str, NDArray[Any]]:
    return {name: value for name, value in inputs.items() if isinstance(value, np.ndarray)}


def _finding(diagnosis: Diagnosis, case: Case) -> Finding:
    return Finding(diagnosis, case.inputs, case.got, case.wanted, case.fresh, case.call.stop, case.call.printed)


def _correct(question: Question, cases: Sequence[Case]) -> Finding:
    fresh, single = sum(case.fresh for case in cases), all(case.call.single for case in cases)
    digits = sentences.digits_of(question.tolerance(single)[0])
    precision = f"to {digits} digits, as float32 allows" if single else f"to {digits} digits or more"
    says = (
        f"Your function gives the exact answer on all {len(cases)} inputs, {fresh} of them drawn just now, {precision}."
    )
    return Finding(
        Diagnosis("correct", None, says, question.remark), None, more=(("inputs", [case.inputs for case in cases]),)
    )


# --- functions that sample ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """An input, and what the learner's function answered to it, many times."""

    inputs: Inputs
    answers: FloatArray
    """shape (calls, …); indices as frequencies, see ``index_law``"""
    fresh: bool
    single: bool = False
    """the answers are in float32"""


def _sampled(question: Question, learner: Answers, inputs: list[tuple[Inputs, bool]], seed: int) -> Finding:
    samples: list[Sample] = []
    notes: dict[str, Finding] = {}
    for place, (given, fresh) in enumerate(inputs):
        mean = question.oracle(**given).mean()
        answers = []
        for call in learner.draws(given, [seed, place], question.calls):
            answer = _one_answer(question, learner, call, mean, fresh, notes)
            if isinstance(answer, Finding):
                return answer
            answers.append(answer)
        answered = np.array(answers)
        samples.append(Sample(given, answered, fresh, not question.index and is_single(answered)))
        if not learner.drew:
            notes.setdefault("unused", Finding(sentences.say("fixed-seed"), given))
    learner.watch_global_state()

    first, mean = inputs[0][0], question.oracle(**inputs[0][0]).mean()
    list(learner.draws(first, [seed, len(inputs)], 1))  # what is kept from it must not come out again
    again = learner.draws(first, [seed, 0], min(REPEATS, question.calls))
    repeated = [_one_answer(question, learner, call, mean, False, notes) for call in again]
    if finding := next((answer for answer in repeated if isinstance(answer, Finding)), None):
        return finding
    repeats = np.array_equal(np.array(repeated), samples[0].answers[: len(repeated)])

    expected = _expected_of(question, question.oracle, samples)
    fits = _fits(samples, expected)
    mistake = None if fits else _named_by_law(question, samples)
    if mistake:
        return _finding_sampled(question, samples, _from_mistake(mistake))
    if learner.touched_global_state:
        return Finding(sentences.say("global-rng", fits), inputs[0][0])
    if "unused" in notes and all((sample.answers == sample.answers[0]).all() for sample in samples):
        if not learner.makes_generator():
            return Finding(sentences.say("nothing-drawn"), samples[0].inputs, samples[0].answers[0])
        return Finding(sentences.say("fixed-seed"), inputs[0][0])
    apart = [_differences(s, e) for s, e in zip(samples, expected, strict=True)]
    if not fits and not any(difference.by_itself for difference in apart):
        return Finding(
            sentences.say("dependent-draws", calls=question.calls),
            next(sample.inputs for sample, difference in zip(samples, apart, strict=True) if difference.dependent),
        )
    if not repeats:
        return Finding(sentences.say("own-rng", fits), inputs[0][0])
    if "unused" in notes:
        return Finding(sentences.say("fixed-seed"), inputs[0][0])
    if "out-of-range" in notes:
        return notes["out-of-range"]
    if not fits:
        return _finding_sampled(question, samples, None)
    if notes:
        return next(iter(notes.values()))
    says = (
        f"Over {question.calls} answers to each of {len(samples)} inputs, {sum(s.fresh for s in samples)} of them "
        f"drawn just now, mean and variance agree with the exact ones, and no answer depends on those before. "
        f"{sentences.MILLION}"
    )
    more = (("inputs", [sample.inputs for sample in samples]), ("calls", question.calls))
    return Finding(Diagnosis("correct", None, says, question.remark), None, more=more)


def _one_answer(
    question: Question, learner: Answers, call: Call, mean: FloatArray, fresh: bool, notes: dict[str, Finding]
) -> FloatArray | Finding:
    """Return one answer as an array, or what to say of it; small things go into the notes."""
    inputs = call.inputs
    wanted = ZERO if question.index else mean
    if unusable := _unusable(question, learner, call, wanted, fresh):
        return unusable
    got = call.numbers
    if call.changed:
        notes.setdefault("changed", Finding(sentences.mutates(call.changed, right=True), inputs, got))
    if got.shape != wanted.shape:
        if got.size != wanted.size:
            diagnosis = sentences.wrong_shape(got.shape, wanted.shape)
            return Finding(diagnosis, inputs, got, None, fresh)
        notes.setdefault("axes", Finding(sentences.say("axes", got=got.shape, wanted=wanted.shape), inputs, got))
        got = got.reshape(wanted.shape)
    if not question.index:
        return got if np.isfinite(got).all() else Finding(sentences.not_finite(got), inputs, got, None, fresh)
    value, n = float(got), mean.size - 2
    if not isfinite(value):
        return Finding(sentences.not_finite(got), inputs, got, None, fresh)
    if value != round(value):
        return Finding(sentences.say("not-an-index", value=show(value)), inputs, value, None, fresh)
    if not isinstance(call.value, int | np.integer) and np.asarray(call.value).dtype.kind == "f":
        notes.setdefault("float", Finding(sentences.say("float-index"), inputs, value))
    if not 0 <= value < n:
        notes.setdefault(
            "out-of-range",
            Finding(sentences.say("out-of-range", value=value, n=n, last=n - 1), inputs, int(value), None, fresh),
        )
    frequency = np.zeros(n + 2)
    frequency[int(value) if 0 <= value <= n else n + 1] = 1
    return frequency


def comparisons(laws: Sequence[Law]) -> int:
    """Return the number of comparisons that a check makes; entries that do not vary cannot give a false alarm."""
    varying = [int((law.moments()[0] > 0).sum()) for law in laws]
    return max(sum(2 * n + 2 * len(LAGS) * n**2 for n in varying), 1)


def bounds(law: Law, calls: int, comparisons: int) -> tuple[FloatArray, FloatArray]:
    """Return how far the mean, and the mean squared deviation, of ``calls`` answers may be from their exact values.

    Each is exceeded with a probability of at most FALSE_ALARM / comparisons, for each entry (Bernstein's inequality).
    """
    variance, fourth, largest = law.moments()
    of_variance = _bernstein(fourth - variance**2, np.maximum(largest**2 - variance, variance), calls, comparisons)
    return _bernstein(variance, largest, calls, comparisons), of_variance


def _bernstein(variance: FloatArray, largest: FloatArray, n: int, comparisons: int) -> FloatArray:
    level = np.log(2 * comparisons / FALSE_ALARM)
    correction = largest * level / (3 * n)
    result: FloatArray = correction + np.sqrt(correction**2 + 2 * np.maximum(variance, 0) * level / n)
    return result


@dataclass(frozen=True)
class Expected:
    """What a law promises of the answers to one input."""

    mean: FloatArray
    mean_bound: FloatArray
    variance: FloatArray
    variance_bound: FloatArray
    comparisons: int
    largest: FloatArray
    slack: float
    """what rounding explains"""
    possible: FloatArray | None
    """the sums of all possible answers' entries, each times a number of its own, sorted; None where too many"""


def _expected(
    question: Question, function: Callable[..., Any], inputs: Sequence[Inputs], single: bool = False
) -> list[Expected]:
    """Return what a law promises for each input."""
    with np.errstate(all="ignore"):
        laws: list[Law] = [function(**given) for given in inputs]
    total, found = comparisons(laws), []
    rtol, atol = question.tolerance(single)
    for law in laws:
        slack = atol + rtol * np.abs(law.outcomes).max(initial=0.0)
        mean_bound, variance_bound = bounds(law, question.calls, total)
        variance, _, largest = law.moments()
        answers = None if question.index else law.answers()
        possible = None if answers is None else np.sort(_key(answers[0]))
        found.append(
            Expected(law.mean(), mean_bound + slack, variance, variance_bound + slack, total, largest, slack, possible)
        )
    return found


def _expected_of(question: Question, function: Callable[..., Any], samples: Sequence[Sample]) -> list[Expected]:
    single = bool(samples) and all(sample.single for sample in samples)
    return _expected(question, function, [sample.inputs for sample in samples], single)


def _key(answers: FloatArray) -> FloatArray:
    """Return one number for each answer, by which different answers differ."""
    flat = answers.reshape(len(answers), -1)
    key: FloatArray = flat @ np.cos(np.arange(1, flat.shape[1] + 1))
    return key


@dataclass(frozen=True)
class Differences:
    """By how much answers leave the bounds of a law; nothing is above 0 where they fit it."""

    mean: float
    variance: float
    dependence: float
    impossible: FloatArray
    """for each answer, how far it is from all possible ones"""

    @property
    def by_itself(self) -> bool:
        """Say whether the answers do not fit, each taken by itself."""
        return bool(max(self.mean, self.variance, self.impossible.max(initial=0.0)) > 0)

    @property
    def dependent(self) -> bool:
        """Say whether answers depend on earlier ones."""
        return self.dependence > 0


def _differences(sample: Sample, expected: Expected) -> Differences:
    deviation = sample.answers - expected.mean
    of_mean = np.abs(deviation.mean(axis=0)) - expected.mean_bound
    of_variance = np.abs((deviation**2).mean(axis=0) - expected.variance) - expected.variance_bound
    off = np.zeros(len(deviation))
    if expected.possible is not None:
        key = _key(sample.answers)
        right = np.searchsorted(expected.possible, key).clip(1, max(len(expected.possible) - 1, 1))
        near = np.stack([expected.possible[right - 1], expected.possible[right % len(expected.possible)]])
        width = expected.slack * max(expected.mean.size, 1)
        off = np.maximum(np.abs(near - key).min(axis=0) - width, 0)
    return Differences(float(of_mean.max()), float(of_variance.max()), _dependence(deviation, expected), off)


def _dependence(deviation: FloatArray, expected: Expected) -> float:
    """Return by how much the mean product of two deviations, some calls apart, leaves its bound."""
    flat, worst = deviation.reshape(len(deviation), -1), -np.inf
    variance, largest = expected.variance.ravel(), expected.largest.ravel()
    for lag in LAGS:
        for offset in (0, lag):  # within each block of two lags, the first half is paired with the second
            blocks = flat[offset : offset + (len(flat) - offset) // (2 * lag) * 2 * lag].reshape(
                -1, 2, lag, flat.shape[1]
            )
            first, second = blocks[:, 0].reshape(-1, flat.shape[1]), blocks[:, 1].reshape(-1, flat.shape[1])
            if not (n := len(first)):
                continue
            bound = _bernstein(np.outer(variance, variance), np.outer(largest, largest), n, expected.comparisons)
            excess = np.abs(first.T @ second) / n - bound - expected.slack * (1 + largest.max(initial=0.0))
            worst = max(worst, float(excess.max(initial=-np.inf)))
    return worst


def _fits(samples: Sequence[Sample], expected: Sequence[Expected]) -> bool:
    """Say whether the answers agree with a law on every input."""
    found = (_differences(s, e) for s, e in zip(samples, expected, strict=True))
    return not any(difference.by_itself or difference.dependent for difference in found)


def _named_by_law(question: Question, samples: Sequence[Sample]) -> Mistake | None:
    """Return the known mistake whose law fits the answers."""
    for mistake in question.mistakes:
        if any(_fits(samples, _expected_of(question, version, samples)) for version in mistake.versions()):
            return mistake
    return None


def _finding_sampled(question: Question, samples: Sequence[Sample], diagnosis: Diagnosis | None) -> Finding:
    """Show the smallest input on which mean, variance or an answer is outside its bounds."""
    expected = _expected_of(question, question.oracle, samples)
    apart = [_differences(s, e) for s, e in zip(samples, expected, strict=True)]
    by_mean = any(difference.mean > 0 for difference in apart)
    by_variance = not by_mean and any(difference.variance > 0 for difference in apart)
    place = next(
        (
            i
            for i, d in enumerate(apart)
            if (d.mean if by_mean else d.variance if by_variance else d.impossible.max()) > 0
        ),
        0,
    )
    sample = samples[place]
    mean, variance = expected[place].mean, expected[place].variance
    if by_mean:
        got, wanted = sample.answers.mean(axis=0), mean
        with np.errstate(all="ignore"):
            distance = np.abs(got - wanted) / np.sqrt(variance / question.calls)
        worst = float(np.nanmax(distance))
        diagnosis = diagnosis or sentences.wrong_mean(worst, question.calls)
        what, more = "mean", (("calls", question.calls), ("standard_errors", worst))
    elif by_variance:
        got, wanted = ((sample.answers - mean) ** 2).mean(axis=0), variance
        ratio = float(got.sum() / wanted.sum())
        diagnosis = diagnosis or sentences.say("wrong-spread", ratio=ratio, calls=question.calls)
        what, more = "variance", (("calls", question.calls), ("variance_ratio", ratio))
    else:
        return _impossible(question, sample, apart[place], diagnosis)
    if question.index:
        keep = mean.size - 2 if not (got[-2:].any() or wanted[-2:].any()) else mean.size - 1
        got, wanted, what = got[:keep], wanted[:keep], "share" if by_mean else what
    says = f"   ({what} of {question.calls} answers)"
    return Finding(diagnosis, sample.inputs, got, wanted, sample.fresh, labels=("yours", "exact"), says=says, more=more)


def _impossible(question: Question, sample: Sample, apart: Differences, diagnosis: Diagnosis | None) -> Finding:
    """Show an answer that no draw can give; all of them are near possible ones where a function rounds."""
    got = sample.answers[int(apart.impossible.argmax())]
    gap = float(apart.impossible.max() / max(np.abs(sample.answers).max(), 1e-300))
    if diagnosis is None:
        diagnosis = (
            sentences.rounding(gap) if 0 < gap <= ROUNDING else sentences.say("impossible", calls=question.calls)
        )
    return Finding(diagnosis, sample.inputs, got, None, sample.fresh, says="   (one of your answers)")


# --- the result --------------------------------------------------------------------------------------


def _result(question: Question, own: str, seed: int, finding: Finding, replayed: bool = True) -> CheckResult:
    diagnosis, stop = finding.diagnosis, finding.stop
    inputs = None if finding.inputs is None else _copies(finding.inputs)
    evidence: dict[str, Any] = {"input": inputs, "got": finding.got, "wanted": finding.wanted, "seed": seed}
    evidence |= {name: list(map(_copies, value)) if name == "inputs" else value for name, value in finding.more}
    if question.calls:
        evidence["false_alarm_rate"] = FALSE_ALARM
    if stop:
        evidence |= {"error": stop.error, "message": stop.message, "line": stop.line, "line_text": stop.text}
    if finding.printed:
        evidence["printed"] = finding.printed
    read = f"Where to read: {diagnosis.read or question.read}."
    paragraphs = [diagnosis.happened]
    if diagnosis.status == "correct":
        paragraphs += [diagnosis.why]
    elif diagnosis.status == "not attempted":
        paragraphs += [f"What is asked: {diagnosis.why}", read]
    else:
        paragraphs += [f"{diagnosis.label}: {diagnosis.why}" if diagnosis.label else diagnosis.why]
        if diagnosis.mistake != "not-callable":
            paragraphs += [read]
        if finding.fresh and replayed:
            paragraphs += [
                f'This input was drawn at random. `check("{question.name}", {own}, seed={seed})` draws it again.'
            ]
    return CheckResult(
        diagnosis.status,
        diagnosis.mistake,
        evidence,
        question.name,
        tuple(paragraphs),
        _rows(finding, question.gradients),
    )


def _copies(inputs: Inputs) -> dict[str, Any]:
    return {name: copied(value) for name, value in inputs.items()}


def _rows(finding: Finding, gradients: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    rows: list[tuple[str, str]] = []
    if finding.inputs is not None:
        rows.append(("input", show_inputs(finding.inputs)))
    if finding.stop and (finding.stop.interrupted or finding.stop.limit is not None):
        pass
    elif finding.stop:
        rows.append(("message", f"{finding.stop.error}: {finding.stop.message}".rstrip(": ")))
    elif finding.got is not None:
        got, wanted = _pair(finding, gradients)
        shapes = [value.shape if issubclass(type(value), np.ndarray) else () for value in (finding.got, finding.wanted)]
        if finding.wanted is not None and shapes[0] != shapes[1] and not gradients:
            got, wanted = (
                f"{text}   shape {shape}" if shape else text for text, shape in zip((got, wanted), shapes, strict=True)
            )
        rows.append((finding.labels[0], got + finding.says))
        if finding.wanted is not None:
            rows.append((finding.labels[1], wanted))
    elif finding.wanted is not None:
        rows += [("yours", "None"), ("wanted", show_pair(None, finding.wanted)[1])]
    if finding.printed:
        rows.append(("printed", finding.printed.strip()[:200]))
    return tuple(rows)


def _pair(finding: Finding, gradients: Sequence[str]) -> tuple[str, str]:
    """Return the learner's answer and the wanted one as text; of a loss, by the names of what they are made of."""
    got, wanted, inputs = finding.got, finding.wanted, finding.inputs
    if not gradients or inputs is None or not isinstance(wanted, np.ndarray):
        return show_pair(got, wanted)
    named = partial(tensors.named, gradients, inputs)
    is_row = isinstance(got, np.ndarray) and got.shape == wanted.shape
    texts = show_inputs(named(got)) if is_row else show(got), show_inputs(named(wanted))
    return texts if texts[0] != texts[1] else show_pair(got, wanted)  # with more digits


def _other(name: str, diagnosis: Diagnosis) -> CheckResult:
    """Return a result that belongs to no question."""
    evidence = {"input": None, "got": None, "wanted": None, "seed": None}
    return CheckResult(
        diagnosis.status, diagnosis.mistake, evidence, cut(name, 60), (diagnosis.happened, diagnosis.why)
    )
