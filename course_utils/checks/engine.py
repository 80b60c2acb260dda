"""The check: call, compare, and say what happened.

A function is called on the question's fixed inputs and on fresh ones, drawn from a seed that the evidence keeps. An
answer that differs is compared with what each known mistake would have returned, on all inputs; after that come the
sentences that hold for any question.

A sampled function is called many times on each input. The mean and the variance of its answers have to lie within
Bernstein bounds of their exact values: with v the variance of one answer, M its largest deviation and r calls,
|mean − exact| ≤ M L/(3r) + √((M L/(3r))² + 2 v L/r), where 2 exp(−L) is the share of the false-alarm rate that falls to
this one comparison. These are √(2L) ≈ 6 standard errors and a correction that makes the rate, 10⁻⁶ for all
comparisons of a check together, a proven bound and not an approximation.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_utils import progress
from course_utils.arguments import FloatArray
from course_utils.checks import sentences
from course_utils.checks.calls import Call, Learner, Stop, has_placeholder, is_stub, refusal
from course_utils.checks.question import (
    Inputs,
    Law,
    Mistake,
    Question,
    UnknownQuestionError,
    close,
    exact,
    load,
)
from course_utils.checks.result import CheckResult, show_inputs, show_pair
from course_utils.checks.sentences import FALSE_ALARM, ROUNDING, Diagnosis

REPEATS = 8  # calls that are made again, to see whether the same generator gives the same answers


def check(name: str | Question, fn: Callable[..., Any], *, seed: int | None = None) -> CheckResult:
    """Check a learner's function, and record the outcome in the learner's own progress.

    Args:
        name: the question's name, such as "softmax" (or a Question of your own).
        fn: the learner's function itself.
        seed: of the fresh inputs; the evidence of an earlier result has it, to see the same inputs again.

    Returns:
        CheckResult, which a notebook shows as a card. What goes wrong in the learner's function, or in the way it is
        passed, is part of the answer and raises nothing.
    """
    if callable(name) and not isinstance(name, Question):
        diagnosis = sentences.exchanged(name, fn if isinstance(fn, str) else "softmax")
        return _other(fn if isinstance(fn, str) else "check", diagnosis)
    try:
        question = name if isinstance(name, Question) else load(name)
    except UnknownQuestionError as error:
        return _other(str(name), sentences.unknown_question(error.nearest, error.names))
    result = judge(question, fn, seed)
    progress.record_check(question.name, question.lesson, result.status, result.mistake)
    return result


def judge(question: Question, fn: Callable[..., Any], seed: int | None = None) -> CheckResult:
    """Check a function and record nothing: for graders. See ``check``."""
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
    finding = _before_calling(question, fn) or _by_calling(question, fn, seed)
    return _result(question, fn, seed, finding)


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


def _before_calling(question: Question, fn: Any) -> Finding | None:
    """Return what can be said without calling the function, if there is anything."""
    if not callable(fn):
        return Finding(sentences.not_callable(question.name, fn))
    if is_stub(fn):
        return Finding(_not_attempted(question))
    if inspect.iscoroutinefunction(fn):
        return Finding(sentences.coroutine())
    for inputs in question.fixed:
        if written := refusal(fn, inputs):
            missing = question.arguments()[len(inputs) :]
            fits_all = refusal(fn, max(question.fixed, key=len)) is None
            called = f"{question.name}({', '.join(inputs)})"
            return Finding(sentences.wrong_arguments(written, called, missing[0] if missing and fits_all else ""))
    return None


def _not_attempted(question: Question) -> Diagnosis:
    return Diagnosis(
        "not attempted",
        None,
        "Your function is still empty. Put your code where the `...` is, run that cell, and then this one.",
        f"{question.prompt} It is called as `{question.signature}`.",
    )


def _by_calling(question: Question, fn: Callable[..., Any], seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    inputs = [(given, False) for given in sorted(question.fixed, key=_size)]
    inputs += [(question.fresh(rng), True) for _ in range(question.fresh_count)]
    with Learner(fn) as learner:
        try:
            return (_sampled if question.calls else _computed)(question, learner, inputs, seed)
        except KeyboardInterrupt as error:  # between two calls
            return Finding(sentences.interrupted(learner.stopped(error, interrupted=True)))


def _size(inputs: Inputs) -> int:
    return sum(np.size(value) for value in inputs.values())


# --- functions that compute --------------------------------------------------------------------------


def _computed(question: Question, learner: Learner, inputs: list[tuple[Inputs, bool]], seed: int) -> Finding:
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


def _answer(question: Question, learner: Learner, inputs: Inputs, fresh: bool = False) -> Case | Finding:
    call, wanted = learner(inputs), exact(question.oracle, inputs)
    return _unusable(question, learner, call, wanted, fresh) or Case(inputs, wanted, _numbers(call.value), call, fresh)


def _unusable(question: Question, learner: Learner, call: Call, wanted: NDArray[Any], fresh: bool) -> Finding | None:
    """Return what to say of a call that gave no array of real numbers."""
    diagnosis: Diagnosis | None = None
    value = call.value
    if call.stop:
        if call.stop.error == "NotImplementedError":
            return Finding(_not_attempted(question))
        diagnosis = sentences.interrupted(call.stop) if call.stop.interrupted else sentences.raised(call.stop, False)
    elif value is None or value is Ellipsis:
        if value is Ellipsis or (not call.printed and has_placeholder(learner.function)):
            return Finding(_not_attempted(question))
        diagnosis = sentences.nothing_returned(call.printed)
    elif inspect.iscoroutine(value):
        diagnosis = sentences.coroutine()
    elif isinstance(value, Iterator):
        diagnosis = sentences.iterator(value)
    elif _numbers(value).dtype.kind not in "iuf":
        diagnosis = sentences.wrong_type(value, wanted)
    if diagnosis is None:
        return None
    return Finding(diagnosis, call.inputs, value, wanted, fresh, call.stop, call.printed)


def _numbers(value: Any) -> NDArray[Any]:
    """Return the value as a new array of floats, or of objects where it is not made of real numbers."""
    try:
        array = np.array(value)
    except Exception:  # whatever a strange object raises
        return np.array(None, dtype=object)
    return array.astype(float) if array.dtype.kind in "iuf" else array


def _right(question: Question, case: Case) -> bool:
    return close(case.got, case.wanted, question.rtol, question.atol)


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
        for version in mistake.versions():
            if all(close(c.got, exact(version, c.inputs), question.rtol, question.atol) for c in cases):
                return mistake
    return None


def _from_mistake(mistake: Mistake) -> Diagnosis:
    return Diagnosis("almost" if mistake.almost else "not yet", mistake.id, mistake.happened, mistake.why, mistake.read)


def _unnamed(question: Question, cases: Sequence[Case], differing: Sequence[Case]) -> Diagnosis:
    """Return the sentence, of those that hold for any question, that fits the answers."""
    if _all_right_after(question, cases, lambda c: c.got.T):
        odd = next(case for case in differing if case.wanted.ndim > 1)
        return sentences.transposed(odd.got.shape, odd.wanted.shape)
    odd_shapes = [case for case in differing if case.got.shape != case.wanted.shape]
    if odd_shapes and _all_right_after(question, cases, lambda c: c.got.reshape(c.wanted.shape)):
        return sentences.extra_axes(odd_shapes[0].got.shape, odd_shapes[0].wanted.shape)
    for case in differing:
        if case.call.shared and not case.call.changed:
            return sentences.returns_input(case.call.shared)
    if _always_the_same(cases):
        return sentences.ignores_inputs()
    if odd_shapes:
        return sentences.wrong_shape(odd_shapes[0].got.shape, odd_shapes[0].wanted.shape)
    for case in differing:
        if not np.isfinite(case.got).all():
            return sentences.not_finite(case.got)
    gap = max(np.abs(c.got - c.wanted).max() / max(np.abs(c.wanted).max(), 1e-300) for c in differing)
    if gap <= ROUNDING:
        return sentences.rounding(gap)
    if changed := [case.call.changed for case in cases if case.call.changed]:
        return sentences.mutates(changed[0], right=False)
    got = np.concatenate([case.got.ravel() for case in cases])
    wanted = np.concatenate([case.wanted.ravel() for case in cases])
    ratio = float(got @ wanted / (wanted @ wanted))
    if abs(ratio) > ROUNDING and close(got, ratio * wanted, question.rtol, question.atol):
        return sentences.factor(ratio)
    if close(got - wanted, np.full(got.shape, (got - wanted).mean()), question.rtol, question.atol):
        return sentences.offset(float((got - wanted).mean()))
    if all(case.fresh for case in differing):
        return sentences.only_examples()
    first = differing[0]
    entries = np.abs(first.got - first.wanted) > question.atol + question.rtol * np.abs(first.wanted).max()
    return sentences.unknown(int(entries.sum()), first.got.size, len(differing), len(cases))


def _all_right_after(question: Question, cases: Sequence[Case], change: Callable[[Case], NDArray[Any]]) -> bool:
    return all(
        case.got.size == case.wanted.size and close(change(case), case.wanted, question.rtol, question.atol)
        for case in cases
    )


def _always_the_same(cases: Sequence[Case]) -> bool:
    first = cases[0]
    varies = any(case.wanted.shape != first.wanted.shape or (case.wanted != first.wanted).any() for case in cases)
    return varies and all(np.array_equal(case.got, first.got, equal_nan=True) for case in cases)


def _at_the_extremes(question: Question, learner: Learner) -> list[Case] | Finding:
    """Return the cases, or what to say of the first that is not right; the answer was right on ordinary inputs."""
    cases = []
    for inputs in question.extreme:
        call, wanted = learner(inputs), exact(question.oracle, inputs)
        if call.stop and call.stop.arithmetic:
            got = np.full(wanted.shape, np.nan)
        elif call.stop and not call.stop.interrupted:
            return Finding(sentences.raised(call.stop, True), inputs, None, wanted, stop=call.stop)
        else:
            unusable = _unusable(question, learner, call, wanted, False)
            if unusable:
                return unusable
            got = _numbers(call.value)
        case = Case(inputs, wanted, got, call)
        if not _right(question, case):
            mistake = _named_at_the_extreme(question, case)
            diagnosis = _from_mistake(mistake) if mistake else sentences.extreme()
            return _finding(diagnosis, case)
        cases.append(case)
    return cases


def _named_at_the_extreme(question: Question, case: Case) -> Mistake | None:
    """Return the known mistake that is right on ordinary inputs and gives this answer, or also no finite one, here."""

    def right_elsewhere(version: Callable[..., Any]) -> bool:
        pairs = ((exact(version, given), exact(question.oracle, given)) for given in question.fixed)
        return all(close(a, b, question.rtol, question.atol) for a, b in pairs)

    candidates = [(m, v) for m in question.mistakes for v in m.versions() if right_elsewhere(v)]
    for mistake, version in candidates:
        if close(case.got, exact(version, case.inputs), question.rtol, question.atol):
            return mistake
    if not np.isfinite(case.got).all():
        for mistake, version in candidates:
            if not np.isfinite(exact(version, case.inputs)).all():
                return mistake
    return None


def _side_effects(question: Question, learner: Learner, cases: Sequence[Case]) -> Finding | None:
    """Return what to say of a function whose numbers are right but which leaves traces."""
    for case in cases:
        call = case.call
        if call.shared in call.changed and call.shared:
            return _finding(sentences.in_place(call.shared), case)
        if call.changed:
            return _finding(sentences.mutates(call.changed, right=True), case)
        if call.shared:
            return _finding(sentences.alias(call.shared), case)
    for case in cases:
        later = _numbers(case.call.value)
        if not np.array_equal(later, case.got, equal_nan=True):
            return Finding(
                sentences.overwrites(), case.inputs, later, case.got, labels=("its answer, later", "its answer, then")
            )
    again = _answer(question, learner, cases[0].inputs)
    if isinstance(again, Finding):
        return again
    if not _right(question, again):
        return _finding(sentences.remembers(), again)
    return None


def _finding(diagnosis: Diagnosis, case: Case) -> Finding:
    return Finding(diagnosis, case.inputs, case.got, case.wanted, case.fresh, case.call.stop, case.call.printed)


def _correct(question: Question, cases: Sequence[Case]) -> Finding:
    fresh = sum(case.fresh for case in cases)
    says = f"Your function gives the exact answer on all {len(cases)} inputs, {fresh} of them drawn just now."
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


def _sampled(question: Question, learner: Learner, inputs: list[tuple[Inputs, bool]], seed: int) -> Finding:
    samples: list[Sample] = []
    notes: dict[str, Finding] = {}
    for place, (given, fresh) in enumerate(inputs):
        rng = np.random.default_rng([seed, place])
        unused, children = rng.bit_generator.state, _children(rng)
        mean = question.oracle(**given).mean()
        answers = []
        for _ in range(question.calls):
            answer = _one_answer(question, learner, {**given, "rng": rng}, mean, fresh, notes)
            if isinstance(answer, Finding):
                return answer
            answers.append(answer)
        if rng.bit_generator.state == unused and _children(rng) == children:
            notes.setdefault("unused", Finding(sentences.fixed_seed(), given))
        samples.append(Sample(given, np.array(answers), fresh))
    learner.watch_global_state()

    again = np.random.default_rng([seed, 0])
    first, mean = {**inputs[0][0], "rng": again}, question.oracle(**inputs[0][0]).mean()
    repeated = [_one_answer(question, learner, first, mean, False, notes) for _ in range(min(REPEATS, question.calls))]
    if finding := next((answer for answer in repeated if isinstance(answer, Finding)), None):
        return finding
    repeats = np.array_equal(np.array(repeated), samples[0].answers[: len(repeated)])

    expected = _expected(question, question.oracle, [sample.inputs for sample in samples])
    fits = _fits(samples, expected)
    mistake = None if fits else _named_by_law(question, samples)
    if mistake:
        return _finding_sampled(question, samples, _from_mistake(mistake))
    if learner.touched_global_state:
        return Finding(sentences.global_rng(fits), inputs[0][0])
    if not repeats:
        return Finding(sentences.own_rng(fits), inputs[0][0])
    if "unused" in notes:
        return Finding(sentences.fixed_seed(), inputs[0][0])
    if "out-of-range" in notes:
        return notes["out-of-range"]
    if not fits:
        return _finding_sampled(question, samples, None)
    if notes:
        return next(iter(notes.values()))
    says = (
        f"Over {question.calls} answers to each of {len(samples)} inputs, {sum(s.fresh for s in samples)} of them "
        f"drawn just now, mean and variance agree with the exact ones. {sentences.MILLION}"
    )
    more = (("inputs", [sample.inputs for sample in samples]), ("calls", question.calls))
    return Finding(Diagnosis("correct", None, says, question.remark), None, more=more)


def _children(rng: np.random.Generator) -> int:
    return int(getattr(rng.bit_generator.seed_seq, "n_children_spawned", 0))


def _one_answer(
    question: Question, learner: Learner, inputs: Inputs, mean: FloatArray, fresh: bool, notes: dict[str, Finding]
) -> FloatArray | Finding:
    """Return one answer as an array, or what to say of it; small things go into the notes."""
    call = learner(inputs)
    wanted = np.zeros(()) if question.index else mean
    if unusable := _unusable(question, learner, call, wanted, fresh):
        return unusable
    got = _numbers(call.value)
    if call.changed:
        notes.setdefault("changed", Finding(sentences.mutates(call.changed, right=True), inputs, got))
    if got.shape != wanted.shape:
        if got.size != wanted.size:
            diagnosis = sentences.wrong_shape(got.shape, wanted.shape)
            return Finding(diagnosis, inputs, got, None, fresh)
        notes.setdefault("axes", Finding(sentences.extra_axes(got.shape, wanted.shape), inputs, got))
        got = got.reshape(wanted.shape)
    if not np.isfinite(got).all():
        return Finding(sentences.not_finite(got), inputs, got, None, fresh)
    if not question.index:
        return got
    value, n = float(got), mean.size - 2
    if value != round(value):
        return Finding(sentences.not_an_index(value), inputs, value, None, fresh)
    if np.asarray(call.value).dtype.kind == "f":
        notes.setdefault("float", Finding(sentences.float_index(), inputs, value))
    if not 0 <= value < n:
        notes.setdefault("out-of-range", Finding(sentences.out_of_range(value, n), inputs, int(value), None, fresh))
    slot = int(value) if 0 <= value <= n else n + 1
    frequency = np.zeros(n + 2)
    frequency[slot] = 1
    return frequency


def bounds(law: Law, calls: int, comparisons: int) -> tuple[FloatArray, FloatArray]:
    """Return how far the mean, and the mean squared deviation, of ``calls`` answers may be from their exact values.

    Each is exceeded with a probability of at most FALSE_ALARM / comparisons, for each entry (Bernstein's inequality).
    """
    variance, fourth, largest = law.moments()
    level = np.log(2 * comparisons / FALSE_ALARM)

    def bernstein(second: FloatArray, most: FloatArray) -> FloatArray:
        correction = most * level / (3 * calls)
        result: FloatArray = correction + np.sqrt(correction**2 + 2 * np.maximum(second, 0) * level / calls)
        return result

    return bernstein(variance, largest), bernstein(fourth - variance**2, np.maximum(largest**2 - variance, variance))


@dataclass(frozen=True)
class Expected:
    """What a law promises of the answers to one input."""

    mean: FloatArray
    mean_bound: FloatArray
    variance: FloatArray
    variance_bound: FloatArray


def _expected(question: Question, function: Callable[..., Any], inputs: Sequence[Inputs]) -> list[Expected]:
    """Return what a law promises for each input."""
    with np.errstate(all="ignore"):
        laws: list[Law] = [function(**given) for given in inputs]
    comparisons = sum(2 * law.mean().size for law in laws)
    found = []
    for law in laws:
        slack = question.atol + question.rtol * np.abs(law.outcomes).max(initial=0.0)
        mean_bound, variance_bound = bounds(law, question.calls, comparisons)
        found.append(Expected(law.mean(), mean_bound + slack, law.moments()[0], variance_bound + slack))
    return found


def _excess(sample: Sample, expected: Expected) -> tuple[float, float]:
    """Return by how much mean and variance leave their bounds; at most 0 where they are inside."""
    of_mean = np.abs(sample.answers.mean(axis=0) - expected.mean) - expected.mean_bound
    variance = ((sample.answers - expected.mean) ** 2).mean(axis=0)
    of_variance = np.abs(variance - expected.variance) - expected.variance_bound
    return float(of_mean.max()), float(of_variance.max())


def _fits(samples: Sequence[Sample], expected: Sequence[Expected]) -> bool:
    """Say whether the answers agree with a law: mean and variance within their bounds on every input."""
    return not any(max(_excess(s, e)) > 0 for s, e in zip(samples, expected, strict=True))


def _named_by_law(question: Question, samples: Sequence[Sample]) -> Mistake | None:
    """Return the known mistake whose law fits the answers."""
    inputs = [sample.inputs for sample in samples]
    for mistake in question.mistakes:
        if any(_fits(samples, _expected(question, version, inputs)) for version in mistake.versions()):
            return mistake
    return None


def _finding_sampled(question: Question, samples: Sequence[Sample], diagnosis: Diagnosis | None) -> Finding:
    """Show the smallest input on which mean or variance is outside its bounds."""
    expected = _expected(question, question.oracle, [sample.inputs for sample in samples])
    excess = [_excess(s, e) for s, e in zip(samples, expected, strict=True)]
    by_mean = any(mean > 0 for mean, _ in excess)
    place = next(i for i, (mean, variance) in enumerate(excess) if (mean if by_mean else variance) > 0)
    sample = samples[place]
    mean, variance = expected[place].mean, expected[place].variance
    if by_mean:
        got, wanted = sample.answers.mean(axis=0), mean
        with np.errstate(all="ignore"):
            distance = np.abs(got - wanted) / np.sqrt(variance / question.calls)
        worst = float(np.nanmax(distance))
        diagnosis = diagnosis or sentences.wrong_mean(worst, question.calls)
        what, more = "mean", (("calls", question.calls), ("standard_errors", worst))
    else:
        got, wanted = ((sample.answers - mean) ** 2).mean(axis=0), variance
        ratio = float(got.sum() / wanted.sum())
        diagnosis = diagnosis or sentences.wrong_spread(ratio, question.calls)
        what, more = "variance", (("calls", question.calls), ("variance_ratio", ratio))
    if question.index:
        keep = mean.size - 2 if not (got[-2:].any() or wanted[-2:].any()) else mean.size - 1
        got, wanted, what = got[:keep], wanted[:keep], "share" if by_mean else what
    says = f"   ({what} of {question.calls} answers)"
    return Finding(diagnosis, sample.inputs, got, wanted, sample.fresh, labels=("yours", "exact"), says=says, more=more)


# --- the result --------------------------------------------------------------------------------------


def _result(question: Question, fn: Any, seed: int, finding: Finding) -> CheckResult:
    diagnosis, stop = finding.diagnosis, finding.stop
    evidence: dict[str, Any] = {"input": finding.inputs, "got": finding.got, "wanted": finding.wanted, "seed": seed}
    evidence |= dict(finding.more)
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
        if finding.fresh:
            own = getattr(fn, "__name__", "")
            own = own if own.isidentifier() else "your_function"
            paragraphs += [
                f'This input was drawn at random. `check("{question.name}", {own}, seed={seed})` draws it again.'
            ]
    return CheckResult(diagnosis.status, diagnosis.mistake, evidence, question.name, tuple(paragraphs), _rows(finding))


def _rows(finding: Finding) -> tuple[tuple[str, str], ...]:
    rows: list[tuple[str, str]] = []
    if finding.inputs is not None:
        rows.append(("input", show_inputs(finding.inputs)))
    if finding.stop and finding.stop.interrupted:
        pass
    elif finding.stop:
        rows.append(("message", f"{finding.stop.error}: {finding.stop.message}".rstrip(": ")))
    elif finding.got is not None:
        got, wanted = show_pair(finding.got, finding.wanted)
        shapes = [value.shape if isinstance(value, np.ndarray) else () for value in (finding.got, finding.wanted)]
        if finding.wanted is not None and shapes[0] != shapes[1]:
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


def _other(name: str, diagnosis: Diagnosis) -> CheckResult:
    """Return a result that belongs to no question."""
    evidence = {"input": None, "got": None, "wanted": None, "seed": None}
    return CheckResult(diagnosis.status, diagnosis.mistake, evidence, name, (diagnosis.happened, diagnosis.why))
