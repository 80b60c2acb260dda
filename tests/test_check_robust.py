"""Whatever comes in, a check answers in a sentence, in time, and leaves nothing behind."""

import asyncio
import contextlib
import gc
import os
import re
import signal
import sys
import threading
import time
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import policy
from course_utils.checks import check, judge, load
from course_utils.checks import limit as clock

pytestmark = pytest.mark.long


SCORE = load("score")
FEW_CALLS = replace(load("sample_action"), calls=100)
MAIN_THREAD_ONLY = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")


# --- hostile functions and answers -------------------------------------------------------------------


class Raises:
    """An object that raises this, whatever is asked of it."""

    def __init__(self, error):
        object.__setattr__(self, "error", error)

    def __getattribute__(self, name):
        raise object.__getattribute__(self, "error")

    def __call__(self, *args):
        return 1.0

    def __repr__(self):
        raise object.__getattribute__(self, "error")

    __str__ = __len__ = __iter__ = __getitem__ = __array__ = __float__ = __bool__ = __eq__ = __hash__ = __repr__


class Mute(Exception):
    def __str__(self):
        raise ZeroDivisionError


class Shouts(str):
    def split(self, *args):
        raise ZeroDivisionError

    __getitem__ = __len__ = __iter__ = split


class Odd(Exception):
    def __str__(self):
        return Shouts("odd")


class Greedy(list):
    def __len__(self):
        return 10**18


class Own(np.ndarray):
    def __array_finalize__(self, obj):
        if obj is not None and type(obj) is Own:
            raise RuntimeError("no copies")


class Base(BaseException):
    pass


KNOT = []
KNOT.append(KNOT)
ERRORS = [
    *(Mute(), Odd("x"), Base("own"), asyncio.CancelledError(), GeneratorExit(), SystemExit(3), StopIteration(1)),
    *(MemoryError(), RecursionError(), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), NotImplementedError()),
    *(ExceptionGroup("many", [ValueError(1), Mute()]), ValueError("x" * 10**6), Exception(10**4000)),
    ValueError("\ud800\x00\x1b[31m\u202e`<b>`"),
]
ANSWERS = [
    *(10**5000, -(10**400), [10**5000, 1], 10**30, Fraction(1, 3), np.float64("nan"), complex("nan")),
    *(np.broadcast_to(0.0, (10**5, 10**5)), np.broadcast_to(np.float32(1), (10**10,)), [[0.0] * 1000] * 10**6),
    *(range(10**15), Greedy([1.0]), KNOT, {"a": KNOT}),
    *("\ud800", "\x00\x1b[2J", "x" * 10**7, b"\xff" * 1000, np.array("\ud800"), np.array([Mute(), object()])),
    *(np.ma.masked_array([0.5, -0.5], [True, False]), np.ma.masked, np.array([1, 2]).view(Own)),
    *(np.array(["2020-01-01"], dtype="datetime64[D]"), np.array([(1, 2.0)], dtype=[("a", int), ("b", float)])),
    *(np.zeros((0, 3)), [], (), {}, set(), iter([]), (x for x in ())),
    *(type, np, sys, policy.softmax, NotImplemented, memoryview(b"abc"), threading.Lock()),
    *map(Raises, ERRORS),
]


def raising(error):
    def raises(logits, action):
        raise error

    return raises


def answering(answer):
    return lambda logits, action: answer


def printing(text):
    def prints(logits, action):
        print(text)
        sys.stdout.close()

    return prints


def renamed(name, function):
    function.__name__ = name
    return function


def by_keyword(logits, *, action):
    return logits


def optional_keyword(logits, *, action=0):
    return logits


answers = st.integers(0, len(ANSWERS) - 1).map(lambda place: ANSWERS[place])  # which need not be shown by hypothesis
errors = st.integers(0, len(ERRORS) - 1).map(lambda place: ERRORS[place])
KINDS = st.one_of(
    answers,
    answers.map(answering),
    errors.map(raising),
    errors.map(Raises),
    answers.map(lambda answer: partial(answering(answer))),
    st.recursive(answers, lambda inner: st.lists(inner, max_size=3), max_leaves=5).map(answering),
    st.text(st.characters(), max_size=50).map(printing),
    st.text(st.characters(exclude_categories=()), max_size=20).map(lambda text: renamed(text, answering(1.0))),
    st.text(st.characters(exclude_categories=()), max_size=20).map(lambda text: raising(ValueError(text))),
    st.sampled_from([by_keyword, optional_keyword, print, int, max, np.exp, np.linalg.inv, len, type, eval]),
)


def words_of(result):
    """Everything that shows a result; raise where that cannot be written to a page or a terminal."""
    shown = [str(result), repr(result), result.text, result._repr_html_()]
    assert all(len(text.encode("utf-8")) < 20_000 for text in shown)
    return " ".join(result.text.split())


@settings(max_examples=200)
@given(KINDS)
def test_nothing_that_comes_in_raises_or_lasts(function):
    before = time.process_time()
    result = judge(SCORE, function, 1, limit=20)
    words_of(result)
    assert time.process_time() - before < 10
    assert result.status in ("not yet", "not attempted", "almost")
    assert judge(FEW_CALLS, function, 1, limit=20).status in ("not yet", "not attempted", "almost")


@pytest.mark.parametrize("make", [answering, lambda answer: answer, raising, Raises])
def test_each_hostile_thing_gets_an_answer(make):
    for thing in ERRORS if make in (raising, Raises) else ANSWERS:
        words_of(judge(SCORE, make(thing), 1, limit=20))


def test_a_name_that_is_none_gets_an_answer():
    for name in [*ANSWERS, *map(Raises, ERRORS), "x" * 10**6, None]:
        assert check(name, policy.score).status == "not attempted"
        words_of(check(name, policy.score))
        words_of(check(policy.score, name))


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("seed", [-1, 1.5, "7", True], "a whole number that is 0 or larger"),
        ("limit", [0, float("nan"), "long", True], "a number of seconds"),
    ],
)
def test_a_bad_argument_is_named(name, values, wanted):
    for value in values:
        result = check("score", policy.score, **{name: value})
        assert (result.status, result.mistake) == ("not attempted", "bad-argument")
        assert f"`{name}` is {value!r}, expected {wanted}" in words_of(result)


@pytest.mark.parametrize("arguments", [{"seed": 0}, {"seed": np.int64(5)}, {"seed": 10**30}, {"limit": None}])
def test_other_arguments_are_right(arguments):
    assert check("score", policy.score, **arguments).status == "correct"


@pytest.mark.parametrize(
    ("function", "mistake", "words"),
    [
        (answering(10**5000), "wrong-type", "a whole number of 16610 bits"),
        (answering(np.broadcast_to(0.0, (10**5, 10**5))), "wrong-shape", "holds over a million numbers"),
        (lambda z, a: np.ma.array(policy.score(z, a), mask=z > 0), "not-finite", "1 of the 2 entries"),
        (answering(Raises(ZeroDivisionError())), "wrong-type", "a Raises"),
        (raising(Mute()), "raised", "Mute: (its message cannot be read)"),
        (raising(asyncio.CancelledError()), "raised", "stopped with a CancelledError"),
        (raising(ValueError("x" * 10**6)), "raised", "…"),
        (by_keyword, "wrong-arguments", "What stands after `*` (`action`) can be passed by name only"),
        (renamed("by_name", optional_keyword), "wrong-arguments", "`by_name(logits, action)`"),
        (partial(by_keyword), "wrong-arguments", "take the `*` out"),
    ],
)
def test_what_is_said_of_them(function, mistake, words):
    result = judge(SCORE, function, 1)
    assert result.mistake == mistake
    assert words in words_of(result)


# --- nothing that is handed out belongs to a question ------------------------------------------------


@pytest.mark.parametrize("function", [policy.score, lambda logits, action: -policy.score(logits, action)])
def test_evidence_can_be_changed_without_a_trace(function):
    result = judge(SCORE, function, 1)
    for inputs in [*result.evidence.get("inputs", []), result.evidence["input"] or {}]:
        for value in inputs.values():
            if isinstance(value, np.ndarray):
                value[...] = 9
    if isinstance(result.evidence["wanted"], np.ndarray):
        result.evidence["wanted"][...] = 9
    assert judge(SCORE, function, 1).status == result.status
    assert judge(SCORE, policy.score, 1).status == "correct"


def test_a_questions_own_inputs_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        SCORE.fixed[0]["logits"][0] = 9
    with pytest.raises(TypeError):
        SCORE.fixed[0]["logits"] = np.zeros(2)


# --- functions that do not end -----------------------------------------------------------------------


def forever(logits, action):
    while True:
        pass


def swallows(logits, action):
    count = 0
    while True:
        try:
            count += len(logits)
        except:  # noqa: E722
            count = 0


def swallows_twice(logits, action):
    while True:
        try:
            while True:
                try:
                    np.sort(np.ones(1000))
                except BaseException:
                    continue
        except BaseException:
            continue


def loud(logits, action):
    while True:
        print("still here")


def suppresses(logits, action):
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(0.01)


def comes_again(logits, action):
    while True:
        try:
            time.sleep(0.01)
        finally:
            continue  # noqa: B012


def sleeps(logits, action):
    time.sleep(60)


def at_the_recursion_limit(logits, action):
    try:
        return at_the_recursion_limit(logits, action)
    except RecursionError:
        while True:
            try:
                time.sleep(0.01)
            except:  # noqa: E722
                logits = action


class Dives:
    def __repr__(self):
        while True:
            try:
                repr(self)
            except:  # noqa: E722
                continue


class Endless:
    def __repr__(self):
        while True:
            pass

    __array__ = __len__ = __repr__

    def __getitem__(self, index):
        return self


ENDLESS = [forever, swallows, swallows_twice, suppresses, comes_again, sleeps, at_the_recursion_limit]
ENDLESS += [lambda logits, action: repr(Dives()), answering(Endless())]


@pytest.fixture
def uncollected():
    """Without garbage collection: hypothesis has it call a function, which has no room at the recursion limit."""
    gc.disable()
    yield
    gc.enable()


@MAIN_THREAD_ONLY
@pytest.mark.parametrize("function", ENDLESS)
def test_a_function_that_does_not_end_is_stopped_whatever_it_catches(function, uncollected):
    handlers, trace = [signal.getsignal(number) for number in (signal.SIGINT, clock.SIGNAL)], sys.gettrace()
    depth, before = sys.getrecursionlimit(), time.perf_counter()
    result = judge(SCORE, function, 1, limit=0.2)
    assert time.perf_counter() - before < 8
    assert result.mistake == "too-long"
    assert result.evidence["message"] == ""
    assert "still running after 0.2 s" in words_of(result)
    assert "limit=1)`" in words_of(result)
    assert [signal.getsignal(number) for number in (signal.SIGINT, clock.SIGNAL)] == handlers
    assert (sys.gettrace(), sys.getrecursionlimit()) == (trace, depth)
    assert judge(SCORE, policy.score, 1).status == "correct"


@MAIN_THREAD_ONLY
@pytest.mark.parametrize("function", [forever, loud, swallows, sleeps, suppresses])
def test_a_user_can_interrupt_whatever_it_catches_or_prints(function):
    def runs_when_interrupted(logits, action):
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        return function(logits, action)

    result = judge(SCORE, runs_when_interrupted, 1)
    assert (result.status, result.mistake) == ("not yet", "interrupted")
    assert re.match(r"Stopped by you after \d+\.\d s, in your line \d+: `\w+", result.paragraphs[0])
    assert "Nothing is lost" in result.text
    assert len(result.evidence.get("printed", "")) <= 2000


@pytest.mark.parametrize(("function", "mistake"), [(forever, "too-long"), (swallows, "too-long"), (policy.score, None)])
def test_in_another_thread_too(function, mistake):
    results = []
    thread = threading.Thread(target=lambda: results.append(judge(SCORE, function, 1, limit=0.2)), daemon=True)
    thread.start()
    thread.join(20)
    assert results[0].mistake == mistake


def test_after_two_seconds_it_is_said(monkeypatch, capsys):
    monkeypatch.setattr(clock, "PATIENCE", 0.1)
    judge(SCORE, forever, 1, limit=0.3)
    told = capsys.readouterr().out
    assert told.startswith("forever is still running. Stop it with ■")
    assert told.endswith("It will be stopped after 0.3 s.\n")
    judge(SCORE, policy.score, 1)
    assert capsys.readouterr().out == ""


def test_many_short_calls_are_not_called_long(monkeypatch, capsys):
    monkeypatch.setattr(clock, "PATIENCE", 1.0)
    began = time.perf_counter()
    assert judge(SCORE, lambda z, a: [time.sleep(0.1), policy.score(z, a)][1], 1).status == "correct"
    assert time.perf_counter() - began > 1.0
    assert capsys.readouterr().out == ""
