"""The check engine: each way to go wrong has its own sentence, and nothing leaks out of a check."""

import asyncio
import html
import math
import random
import re
import sys
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import learners
import numpy as np
import pytest
from numpy.typing import NDArray

from course_utils import policy, progress
from course_utils.checks import Mistake, Question, Section, audit, check, judge, load, names, sentences
from course_utils.checks.question import Named, UnknownQuestionError
from course_utils.checks.result import marked_up, show, show_pair

EXAMPLES = ({"x": np.array([1.0, -2.0])}, {"x": np.array([[1.0, 2.0, -3.0], [0.5, 4.0, 1.0]])})


def nonlinear(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x**2 + x


DOUBLE = Question(
    name="double",
    lesson="01",
    prompt="Return x² + x.",
    points=1,
    signature="double(x)",
    fixed=EXAMPLES,
    fresh=lambda rng: {"x": rng.normal(size=(2, 4))},
    oracle=nonlinear,
    remark="Well done.",
    read=Section("01", "Softmax"),
    mistakes=(Mistake("square", "M1", lambda x: x**2, "You forgot x.", "It matters.", Section("02", "There")),),
)


@pytest.fixture(autouse=True)
def no_progress(monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, "")


def judged(function, seed=1):
    return judge(DOUBLE, function, seed)


# --- the four outcomes -------------------------------------------------------------------------------


def test_correct():
    result = judged(lambda x: x * (x + 1))
    assert (result.status, result.mistake) == ("correct", None)
    assert result.text.startswith("double: correct\n\nYour function gives the exact answer on all 6 inputs, 4 of them")
    assert result.text.endswith("Well done.")
    assert len(result.evidence["inputs"]) == 6


@pytest.mark.parametrize("change", [list, np.ndarray.tolist, tuple, np.float32, np.float16, np.asarray])
def test_array_likes_with_the_right_numbers_are_right_or_nearly(change):
    result = judged(lambda x: change(x * x + x))
    assert result.status == ("almost" if change is np.float16 else "correct"), result


def test_a_known_mistake_is_named_with_its_smallest_input():
    result = judged(lambda x: x * x)
    assert (result.status, result.mistake) == ("not yet", "square")
    assert result.evidence["input"]["x"].tolist() == [1, -2]
    assert result.evidence["got"].tolist() == [1, 4]
    assert result.evidence["wanted"].tolist() == [2, 2]
    assert result.text == (
        "double: not yet\n\nYou forgot x.\n\n"
        "  input    x = [1, -2]\n  yours    [1, 4]\n  wanted   [2, 2]\n\n"
        "Why it matters: It matters.\n\nWhere to read: lesson 02, section “There”."
    )


def test_the_smallest_input_on_which_it_shows():
    result = judged(lambda x: x * x if x.ndim == 1 and x[0] > 5 else x * x + x if x.ndim == 1 else x)
    assert result.evidence["input"]["x"].shape == (2, 3)


def test_stub():
    def begun(x):
        y = x**2
        ...  # your code here
        del y

    bodies = ("...", '"""Return x² + x."""', "pass", "return ...", "raise NotImplementedError")
    for function in (*(learners.written("double(x)", code, {}) for code in bodies), begun):
        result = judge(DOUBLE, function)
        assert (result.status, result.mistake) == ("not attempted", None)
        assert f"Return x² + x. It is called as `{function.__name__}(x)`." in result.text.replace("\n", " ")
    assert judge(DOUBLE, begun)._repr_html_() == judge(DOUBLE, begun)._repr_html_()


# --- each with its own sentence ----------------------------------------------------------------------


def body(code):
    return learners.written("double(x)", code, {"np": np, "COUNT": COUNT, "BUFFERS": {}})


COUNT, ANSWERS = [0], {}
prints = body("print(x**2 + x)")
overwrites = body("buffer = BUFFERS.setdefault(x.shape, np.empty_like(x)); buffer[...] = x**2 + x; return buffer")
remembers = body("COUNT[0] += 1; return x**2 + x + (COUNT[0] % 7 == 0)")


def hard_coded(x):
    return x**2 + x if x.shape[-1] in (2, 3) else x**2 + x * 3


async def waits(x):
    return x**2 + x


R = np.array([1.0, 2.0])
SENTENCES = [
    # what a learner wrote, the mistake's id, its status, and words that must be said
    (prints, "prints", "not yet", "prints its answer"),
    (body("x**2 + x"), "returns-none", "not yet", "without a `return`"),
    (body("yield from x**2 + x"), "generator", "not yet", "a generator, which has not computed"),
    (lambda x: map(nonlinear, x), "generator", "not yet", "a map, which has not computed"),
    (waits, "coroutine", "not yet", "`async def`"),
    (lambda x: waits(x), "coroutine", "not yet", "`async def`"),
    (lambda x: {"answer": x}, "wrong-type", "not yet", "a dict of 1"),
    (lambda x: [[1, 2], [3]], "wrong-type", "not yet", "rows of equal length"),
    (lambda x: "12", "wrong-type", "not yet", "a str"),
    (lambda x: x > 0, "wrong-type", "not yet", "dtype bool"),
    (lambda x: x + 1j, "wrong-type", "not yet", "dtype complex128"),
    (lambda x: x.sum, "wrong-type", "not yet", "Perhaps brackets are missing"),
    (lambda x: object(), "wrong-type", "not yet", "an object"),
    (lambda x: (x * x + x).T, "transposed", "almost", "rows and columns exchanged"),
    (lambda x: (x * x + x)[None], "axes", "almost", "has shape (1, 2), wanted is (2,)"),
    (lambda x: (x * x + x).ravel(), "axes", "almost", "has shape (6,), wanted is (2, 3)"),
    (lambda x: (x**2 + x).sum(axis=-1), "wrong-shape", "not yet", "An axis of length 2 is missing"),
    (lambda x: np.array([x, x]), "wrong-shape", "not yet", "one axis too many, of length 2"),
    (lambda x: x[..., :1], "returns-input", "not yet", "came in as `x`, or a part of it"),
    (lambda x: x, "returns-input", "not yet", "came in as `x`"),
    (lambda other: np.array([1.0, 2.0]), "ignores-inputs", "not yet", "whatever it is given"),
    (lambda x: np.sqrt(x), "not-finite", "not yet", "1 of the 2 entries of your answer are NaN"),
    (lambda x: np.full(x.shape, np.nan), "not-finite", "not yet", "are NaN"),
    (lambda x: x / 0, "not-finite", "not yet", "are inf"),
    (lambda x: np.nan, "not-finite", "not yet", "Your answer is NaN"),
    (lambda x: np.inf, "not-finite", "not yet", "Your answer is inf"),
    (lambda x: [], "empty", "not yet", "Your answer has no entries. Wanted is an array of shape (2,)"),
    (lambda x: x[:0], "empty", "not yet", "Your answer has no entries"),
    (lambda x: 0.0, "ignores-inputs", "not yet", "whatever it is given"),
    (body("if x.max() > 100: return x"), "returns-none", "not yet", "without reaching its `return`"),
    (lambda x: R**2 + R, "notebook-names", "not yet", "uses `R` from outside, and never its own argument `x`"),
    (lambda x: R[:1] * 3, "notebook-names", "not yet", "uses `R` from outside"),
    (lambda x: np.sum([R[i] for i in range(2)]), "notebook-names", "not yet", "uses `R` from outside"),
    (lambda x: R[99], "raised", "not yet", "uses `R` from outside"),
    (lambda x: x**3 + R[0], None, "not yet", "none of the mistakes"),  # x is read: R may be a constant
    (lambda x: x[99], "raised", "not yet", "points past the end"),  # more of these in test_check_advice.py
    (lambda x: 1 if x > 0 else 0, "raised", "not yet", "An `if` needs one truth value"),
    (body("return double(x)"), "raised", "not yet", "calls itself without end"),
    (lambda x: np.round(x**2 + x, 3), "rounding", "almost", "Right to about three digits"),
    (lambda x: np.round(x**2 + x, 4), "rounding", "almost", "Right to about four digits"),
    (lambda x: (x**2 + x) * (1 + 3e-9), "rounding", "almost", "Right to about eight digits"),
    (lambda x: (x**2 + x) * (1 + 3e-7), "rounding", "almost", "Right to about six digits"),
    (
        lambda x: ((x + 3e-4) ** 3 - x**3) / 9e-4 + x,
        "rounding",
        "almost",
        "about three digits",
    ),  # a one-sided difference
    (lambda x: 3 * (x**2 + x), "factor", "not yet", "3 times the wanted one"),
    (lambda x: -(x**2 + x), "factor", "not yet", "the opposite sign"),
    (lambda x: x**2 + x - 0.5, "offset", "not yet", "0.5 below the wanted one"),
    (hard_coded, "only-examples", "not yet", "written into the code"),
    (remembers, "remembers", "almost", "The same input was given twice"),
    (lambda x: ANSWERS.setdefault(id(x), (x, x * x + x))[1], "remembers", "almost", "The same array was given twice"),
    (lambda x: x**3, None, "not yet", "in 2 of its 2 entries"),
    (body("x *= x + 1; return x"), "in-place", "almost", "the very array that came in as `x`"),
    (body("y = x**2 + x; x[...] = 0; return y"), "mutates-input", "almost", "and the function changes its input `x`"),
    (body("x[0] += 1; return x**2 + x * 7"), "mutates-input", "not yet", "Your function changes its input `x`"),
    (overwrites, "overwrites", "almost", "the next call writes over it"),
    (lambda: 1, "wrong-arguments", "not yet", "written with the arguments `()`"),
    (lambda x, y: x, "wrong-arguments", "not yet", "`(x, y)`. It is called as `double(x)`"),
    (None, "not-callable", "not yet", "received None instead of a function"),
    (np.ones(3), "not-callable", "not yet", "received an array of shape (3,)"),
    ("double", "not-callable", "not yet", "received the text `double`"),
    (2.5, "not-callable", "not yet", "received the number 2.5"),
]


@pytest.mark.parametrize(("function", "mistake", "status", "words"), SENTENCES)
def test_each_has_its_own_sentence(function, mistake, status, words):
    COUNT[0] = 0
    ANSWERS.clear()
    result = judged(function)
    assert (result.mistake, result.status) == (mistake, status), result
    shown = result.evidence.get("line_text") or "\n"  # a line of the table, with the words in it
    assert words in " ".join(result.text.split()).replace(" ".join(shown.split()), "")
    assert all(len(paragraph) < 420 for paragraph in result.paragraphs)


def test_an_answer_that_shares_memory_with_the_input():
    identity = replace(DOUBLE, oracle=lambda x: x, mistakes=())
    assert judge(identity, lambda x: x.copy(), 1).status == "correct"
    result = judge(identity, lambda x: x[...], 1)
    assert (result.mistake, result.status) == ("alias", "almost")


def test_what_a_function_prints_is_kept_not_shown(capsys):
    result = judged(prints)
    assert result.evidence["printed"].startswith("[2. 2.]")
    assert "printed   [2. 2.]" in result.text
    assert capsys.readouterr().out == ""


def test_extreme_inputs_of_a_question_without_a_name_for_it():
    extreme = replace(DOUBLE, extreme=({"x": np.array([1e6])},))
    result = judge(extreme, lambda x: np.minimum(x**2 + x, 1e9), 1)
    assert (result.mistake, result.status) == ("extreme-inputs", "almost")
    result = judge(extreme, lambda x: [0][int(x.max() > 1e5)] + x**2 + x, 1)
    assert (result.mistake, result.status) == ("raised", "almost")
    assert "right on ordinary inputs" in result.text


# --- exceptions and interrupts -----------------------------------------------------------------------


def helper(x):
    return x + np.zeros(7)  # shapes do not fit


def raises_in_helper(x):
    y = x**2
    return helper(y)


def test_an_exception_is_shown_at_the_learners_own_line():
    result = judged(raises_in_helper)
    line, said = helper.__code__.co_firstlineno + 1, " ".join(result.text.split())
    assert (result.status, result.mistake) == ("not yet", "raised")
    assert f"ValueError in your line {line}: `return x + np.zeros(7) # shapes do not fit`" in said
    assert "message   ValueError: operands could not be broadcast together with shapes (2,) (7,)" in result.text
    assert "each pair of lengths has to be equal" in said
    assert "course_utils" not in result.text
    assert "Traceback" not in result.text
    assert result.evidence["line"] == line


def test_an_exception_inside_the_package_is_told_at_the_line_that_called_it():
    def calls_policy(x):
        return policy.softmax(x * np.nan)

    result = judged(calls_policy)
    assert result.evidence["line_text"] == "return policy.softmax(x * np.nan)"
    assert result.evidence["message"].startswith("logits[0] is nan, expected a finite number")


def test_an_exception_without_a_line_of_the_learners():
    result = judged(np.linalg.inv)
    assert "stopped with a LinAlgError." in result.text
    assert result.evidence["line"] is None


def test_an_interrupt_between_two_calls():
    question = replace(DOUBLE, oracle=lambda x: (_ for _ in ()).throw(KeyboardInterrupt))
    result = judge(question, nonlinear, 1)
    assert result.paragraphs[0].startswith("Stopped by you after 0.")


# --- nothing leaks -----------------------------------------------------------------------------------


def test_inputs_are_pristine_for_every_call_and_in_the_evidence():
    def destroys(x):
        x[...] = np.nan
        return x

    result = judged(destroys)
    assert result.evidence["input"]["x"].tolist() == [1, -2]
    assert EXAMPLES[0]["x"].tolist() == [1, -2]


def test_the_global_state_is_left_as_it_was():
    def draws(x):
        np.random.seed(3)  # noqa: NPY002
        random.seed(3)
        return x + np.random.normal() + random.random()  # noqa: NPY002

    np.random.seed(0)  # noqa: NPY002
    random.seed(0)
    wanted = np.random.RandomState(0).rand(), random.Random(0).random()
    handling, filters, out = np.geterr(), list(warnings.filters), sys.stdout
    judged(draws)
    assert (np.random.rand(), random.random()) == wanted  # noqa: NPY002
    assert (np.geterr(), warnings.filters, sys.stdout) == (handling, filters, out)


def test_a_check_within_a_running_event_loop():
    async def cell():
        return judged(waits)

    assert asyncio.run(cell()).mistake == "coroutine"


def test_a_seed_repeats_the_fresh_inputs():
    first = judged(hard_coded, 77)
    again = judged(hard_coded, first.evidence["seed"])
    assert np.array_equal(first.evidence["input"]["x"], again.evidence["input"]["x"])
    assert 'check("double", hard_coded, seed=77)' in first.text
    assert not np.array_equal(judged(hard_coded, 78).evidence["input"]["x"], first.evidence["input"]["x"])
    unseeded = judge(DOUBLE, hard_coded), judge(DOUBLE, hard_coded)
    assert unseeded[0].evidence["seed"] != unseeded[1].evidence["seed"]


# --- sampled functions -------------------------------------------------------------------------------


def sampled(function, name="sample_action", seed=5):
    return judge(replace(load(name), calls=300, fresh_count=0), function, seed)


MADE_ONCE = np.random.default_rng(1)
STORE = []


def changes(p, rng):
    np.cumsum(p, out=p)
    return int((p <= rng.random()).sum())


def uses_numbers_twice(p, rng):
    if not STORE:
        STORE.extend(np.tile(rng.random(5), 2))
    return np.searchsorted(np.cumsum(p), STORE.pop())


@pytest.mark.parametrize(
    ("function", "mistake", "status"),
    [
        (lambda p, rng: np.random.choice(len(p), p=p), "global-rng", "almost"),  # noqa: NPY002
        (lambda p, rng: random.choices(range(len(p)), p)[0], "global-rng", "almost"),
        (lambda p, rng: MADE_ONCE.choice(len(p), p=p), "own-rng", "almost"),
        (uses_numbers_twice, "own-rng", "almost"),
        (lambda p, rng: np.random.default_rng().choice(len(p), p=p), "own-rng", "almost"),
        (lambda p, rng: np.random.default_rng(7).choice(len(p), p=p), "fixed-seed", "not yet"),
        (lambda p, rng: float(rng.choice(len(p), p=p)), "float-index", "almost"),
        (lambda p, rng: rng.choice(len(p), p=p, size=1), "axes", "almost"),
        (lambda p, rng: p[rng.choice(len(p), p=p)], "not-an-index", "not yet"),
        (lambda p, rng: rng.choice(len(p), p=p) - len(p), "out-of-range", "not yet"),
        (lambda p, rng: rng.multinomial(1, p), "wrong-shape", "not yet"),
        (lambda p, rng: np.nan, "not-finite", "not yet"),
        (lambda p, rng: rng.shuffle(list(p)), "returns-none", "not yet"),
        (changes, "mutates-input", "almost"),
        (lambda p: 0, "wrong-arguments", "not yet"),
        (lambda p, rng: rng.spawn(1)[0].choice(len(p), p=p), None, "correct"),
    ],
)
def test_sentences_for_sampled_functions(function, mistake, status):
    result = sampled(function)
    assert (result.mistake, result.status) == (mistake, status), result


def test_an_unknown_deviation_is_measured_in_standard_errors():
    result = sampled(lambda p, rng: rng.choice(len(p), p=p**2 / (p**2).sum()))
    assert (result.status, result.mistake) == ("not yet", None)
    assert re.search(r"mean of 300 answers of yours is \d+ standard errors from the exact value", result.text)
    assert "less than once in a million checks" in " ".join(result.text.split())
    assert result.evidence["false_alarm_rate"] == 1e-6
    assert result.evidence["standard_errors"] > 6


# --- named rightly, or not at all --------------------------------------------------------------------


def test_that_both_are_nan_names_no_mistake():
    log_twice = Mistake("log-twice", "M1", lambda x: np.log(-np.log(np.exp(x**2))), "You took two.", "It matters.")
    question = replace(DOUBLE, mistakes=(log_twice,))
    with np.errstate(all="ignore"):
        assert judge(question, lambda x: np.log(-np.log(np.exp(x * x))), 1).mistake == "log-twice"
        assert judge(question, lambda x: np.sqrt(-np.abs(x)), 1).mistake == "not-finite"
        assert judge(question, lambda x: x * np.nan, 1).mistake == "not-finite"


def differences(f, z, h):
    return np.array([(nonlinear(z + h * e) - nonlinear(z - h * e)) / 2 / h for e in np.eye(len(z))])


def of_pythons_floats(z, temperature=1.0):
    weights = np.vectorize(math.exp)(z / temperature)
    return weights / weights.sum(axis=-1, keepdims=True)


def shifted_logarithm(z):
    return -(policy.softmax(z) * np.log(policy.softmax(z) + 1e-8)).sum(axis=-1)


@pytest.mark.parametrize(
    ("name", "function", "mistake", "status", "words"),
    [
        ("softmax", lambda z, temperature: z, "wrong-arguments", "not yet", "Give `temperature` a default value"),
        ("softmax", of_pythons_floats, "no-maximum", "almost", "message OverflowError: math range error"),
        ("finite_difference", differences, "notebook-names", "not yet", "outside, and never its own argument `f`"),
        ("entropy", lambda z: np.round(policy.entropy(z), 7), "rounding", "almost", "seven digits"),
        ("entropy", shifted_logarithm, "rounding", "almost", ""),  # not the mistake that is right but at the extremes
    ],
)
def test_functions_of_the_courses_own_questions_are_told_what_is_wrong(name, function, mistake, status, words):
    result = judge(load(name), function, 1)
    assert (result.mistake, result.status) == (mistake, status), result
    assert words in " ".join(result.text.split())


def test_the_audit_asks_for_answers_with_many_digits():
    whole = replace(DOUBLE, fresh=lambda rng: {"x": rng.integers(9, size=(2, 4)) / 10})
    assert any("four digits" in problem for problem in audit.problems(whole))
    assert not any("four digits" in problem for problem in audit.problems(DOUBLE))


def test_how_many_digits_agree_is_said():
    assert "drawn just now, to nine digits or more." in " ".join(judged(nonlinear).text.split())
    single = judged(lambda x: nonlinear(np.float32(x)))
    assert "drawn just now, to four digits, as float32 allows." in " ".join(single.text.split())
    assert judged(lambda x: nonlinear(x) * (1 + 1e-12)).status == "correct"


# --- what a sampled check notices --------------------------------------------------------------------

KEPT: dict = {}


def draw(p, u):
    return np.minimum(np.searchsorted(np.cumsum(p), u, side="right"), len(p) - 1)


def antithetic(p, rng):
    if KEPT.get("rng") is rng and "u" in KEPT:
        return draw(p, 1 - KEPT.pop("u"))
    KEPT.update(rng=rng, u=rng.random())
    return draw(p, KEPT["u"])


def sticky(p, rng):
    if KEPT.get("rng") is not rng or rng.random() > 0.2:
        KEPT.update(rng=rng, action=draw(p, rng.random()))
    return KEPT["action"]


@pytest.mark.long
@pytest.mark.parametrize("function", [antithetic, sticky])
def test_draws_that_depend_on_each_other_are_noticed(function):
    KEPT.clear()
    result = judge(load("sample_action"), function, 3)
    assert (result.status, result.mistake) == ("not yet", "dependent-draws"), result


def estimate_of(choose):
    def estimate(logits, reward_of_action, m, rng):
        pi = policy.softmax(logits)
        actions = choose(pi, m, rng)
        return (reward_of_action[actions, None] * (np.eye(len(pi))[actions] - pi)).mean(axis=0)

    return estimate


@pytest.mark.long
def test_an_estimate_with_the_right_mean_and_another_spread():
    half = estimate_of(lambda p, m, rng: rng.choice(len(p), size=4 * m, p=p))
    result = sampled(half, "score_function_estimate")
    assert (result.status, result.mistake) == ("not yet", None)
    assert "their variance is 0.2" in " ".join(result.text.split())
    assert result.rows[1][1].endswith("(variance of 300 answers)")


@pytest.mark.long
@pytest.mark.parametrize(
    "choose",
    [
        lambda p, m, rng: draw(p, (np.arange(m) + rng.random(m)) / m),  # one in each m-th part
        lambda p, m, rng: draw(p, np.resize(rng.random((m + 1) // 2), m)),  # each number used twice
        lambda p, m, rng: draw(p, np.append(u := rng.random((m + 1) // 2), 1 - u)[:m]),
    ],
)
def test_actions_of_one_draw_that_depend_on_each_other_are_noticed(choose):
    result = judge(load("score_function_estimate"), estimate_of(choose), 3)
    assert result.status != "correct", result


@pytest.mark.long
def test_the_exact_gradient_with_the_other_sign_draws_nothing():
    def minus(logits, reward_of_action, m, rng):
        pi = policy.softmax(logits)
        return -pi * (reward_of_action - pi @ reward_of_action)

    assert judge(load("score_function_estimate"), minus, 3).mistake in ("nothing-drawn", "sign", "exact-sum")


@pytest.mark.long
def test_a_rounded_estimate_is_told_to_be_rounded():
    exact = estimate_of(lambda p, m, rng: draw(p, rng.random(m)))
    question = replace(load("score_function_estimate"), calls=300)
    result = judge(question, lambda *arguments: np.round(exact(*arguments), 4), 3)
    assert (result.status, result.mistake) == ("almost", "rounding")


# --- names, progress, the card -----------------------------------------------------------------------


def test_an_unknown_name():
    result = check("sofmax", nonlinear)
    assert (result.status, result.mistake) == ("not attempted", "unknown-question")
    assert "The nearest is `softmax`." in result.text
    assert all(f"`{name}`" in result.text for name in names())
    assert "nearest" not in check("zzz", nonlinear).text
    with pytest.raises(UnknownQuestionError, match=r"no question 'sofmax'\. Did you mean 'softmax'"):
        load("sofmax")


def test_the_two_arguments_in_the_wrong_order():
    result = check(nonlinear, "softmax")
    assert (result.status, result.mistake) == ("not attempted", "exchanged-arguments")
    assert '`check("softmax", nonlinear)`' in result.text


def test_the_outcome_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "progress.json"))
    check("score", lambda logits, action: -policy.softmax(logits))
    check("sofmax", nonlinear)
    judge(load("score"), policy.score)
    assert progress.summary() == {
        "02": {
            "checks": {"score": {"status": "not yet", "tries": 1, "mistakes": ["no-one-hot"]}},
            "quiz": {},
            "predictions": {"count": 0, "mean_gap": None, "asked": {}},
        }
    }
    check("score", policy.score)
    assert progress.summary()["02"]["checks"]["score"]["status"] == "correct"


def words(page):
    return html.unescape(re.sub("<[^>]*>", "", page)).split()


@pytest.mark.parametrize("function", [row[0] for row in SENTENCES[::4]] + [nonlinear, raises_in_helper])
def test_card_and_text_say_the_same(function):
    result = judged(function)
    card = result._repr_html_()
    tick = ["✓"] * (result.status == "correct")  # in words it is the headline's “correct”
    assert words(card) == tick + result.text.replace("`", "").split()
    assert set(re.findall(r"<(\w+)", card)) <= {"div", "p", "strong", "pre", "code", "span"}
    attributes = re.findall(r' ([\w-]+)="', " ".join(re.findall("<[^>]*>", card)))
    assert set(attributes) <= {"role", "aria-label", "aria-hidden", "style"}
    assert repr(result) == result.text


def test_what_a_learner_writes_is_escaped():
    def bold(x):
        raise ValueError("<script>alert(1)</script> & `<b>`")

    page = judged(bold)._repr_html_()
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;" in page


def test_success_is_seen_and_no_colour_carries_it_alone():
    right, wrong = judged(nonlinear)._repr_html_(), judged(lambda x: x**2)._repr_html_()
    assert "✓" in right
    assert "✓" not in wrong
    lines = [re.search(r"border-left: 6px (\w+) (#\w+)", page).groups() for page in (right, wrong)]
    assert lines == [("solid", "#009e73"), ("dashed", "#d55e00")]
    assert " color" not in wrong, "the text has the page's own colour"


def test_indices_stand_below_and_code_and_names_of_python_stay_as_they_are():
    assert marked_up("ρ = π_θ / π_old(a_t), `a_t`") == (
        "ρ = π<sub>θ</sub> / π<sub>old</sub>(a<sub>t</sub>), <code>a_t</code>"
    )
    names = "n_steps, my_a, got an unexpected keyword argument 'a_t', a ` b"
    assert marked_up(names) == names


def test_the_card_survives_a_sanitiser():
    bleach = pytest.importorskip("bleach")
    page = judged(raises_in_helper)._repr_html_()
    cleaned = bleach.clean(page, tags={"div", "p", "strong", "pre", "code"}, attributes=[])
    assert words(cleaned) == words(page)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (-0.0, "0"),
        (1 / 3, "0.3333"),
        (True, "True"),
        (None, "None"),
        (np.float64(np.nan), "nan"),
        (np.array(2.0), "2"),
        (np.array([1, 20]), "[1, 20]"),
        (np.array([0.01, 1 / 3, -1e-9]), "[0.01, 0.3333, -1e-09]"),
        (np.array([0.5, -0.04321, 12.0]), "[0.5, -0.0432, 12]"),
        (np.array([[1.0, 20.0], [0.5, np.inf]]), "[[  1,  20],\n [0.5, inf]]"),
        (np.zeros(30), "an array of shape (30,) that begins with 0, 0, 0, 0, 0, 0"),
        (Named("z ↦ z²", np.square), "z ↦ z²"),
        (np.zeros((0,)), "[]"),
    ],
)
def test_show(value, text):
    assert show(value) == text


def test_a_pair_has_enough_digits_to_differ():
    assert show_pair(1.00001, 1.0) == ("1.00001", "1")
    assert show_pair(2.0, 2.0) == ("2", "2")


def test_sentences_are_calm():
    text = Path(sentences.__file__).read_text(encoding="utf-8")
    assert not re.search(r"\b(simply|clearly|obviously|trivial|stupid)\b|[a-z]!", text, re.IGNORECASE)


def test_functions_of_other_kinds():
    class Callable:
        def method(self, x):
            return nonlinear(x)

        def empty(self, x): ...

        __call__ = method

    for function in (nonlinear, Callable(), Callable().method, partial(nonlinear), np.vectorize(nonlinear)):
        assert judged(function).status == "correct"
    assert judged(Callable().empty).status == "not attempted"
