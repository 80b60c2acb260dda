# ruff: noqa: E501 (a leak is one row of the table)
"""What code has seen of the hidden inputs, it may try to tell its student: the feedback page does not pass it on."""

import dataclasses
import os
import shutil

import pytest

from course_utils.checks import load, stage
from course_utils.grading import feedback, marking
from course_utils.grading.problem_sets import Item, Number, ProblemSet
from course_utils.grading.sandbox import Limits, Sandbox

pytestmark = pytest.mark.long

if shutil.which("bwrap") is None and not os.environ.get("REQUIRE_SANDBOX"):
    pytest.skip("needs bubblewrap (Debian package bubblewrap)", allow_module_level=True)

NUMBER = Number("", lambda rng: {"x": 2.0}, lambda x: 3 * x, (), "Good.", load("softmax").read)
SET = ProblemSet(
    "leaks",
    "Leaks",
    ("01",),
    (
        Item("q1", "function", "The leak", 4, "reward_to_go", load("reward_to_go")),
        Item("q2", "function", "Another question", 2, "softmax", load("softmax")),
        Item(
            "q3", "function", "A sampled one", 2, "sample_action", dataclasses.replace(load("sample_action"), calls=9)
        ),
        Item("q4", "number", "A number", 2, "n", NUMBER),
        Item("q5", "stage", "A stage", 4, "rollout", stage.load("build_rollout")),
    ),
)
# `told` is what a piece of code saw: a word that no page may hold, and the inputs.
TOLD = "def tell(*seen):\n    return 'Smuggled' + ''.join(c if c.isalnum() else '_' for c in repr(seen))[:40]\n"
FIRST = TOLD + "def reward_to_go(rewards, gamma):\n    told = tell(rewards, gamma)\n    "
STAGE = TOLD + "def rollout(env, theta, episodes, rng):\n    told = tell(theta)\n    "
RECORD = "{name: [told] for name in ('states', 'actions', 'rewards', 'next_states', 'terminated', 'ended')}"
FORGED = """
import worker
def answer(self, request):
    known = request["do"] in ("cell", "begin", "touched", "look", "outside", "get")
    return was(self, request) if known else {"stop": dict.fromkeys(("error", "message", "text"), "Smuggled") | {
        "line": 1, "seconds": 0.1, "memory": False}, "elsewhere": ["Smuggled", "Smuggled", False], "kind": "other",
        "printed": "Smuggled", "invalid": ["Smuggled"]}
was, worker._Session.answer = worker._Session.answer, answer
"""
LEAKS = {
    "a message": ("q1", FIRST + "raise ValueError(told)"),
    "the name of an exception": ("q1", FIRST + "raise type(told, (Exception,), {})()"),
    "the text of a line": ("q1", FIRST + "import linecache\n    linecache.cache['<q1>'] = (9, None, [told] * 99, '<q1>')\n    raise ValueError"),
    "the name of a file": ("q1", FIRST + "exec(compile('raise ValueError', told, 'exec'))"),
    "a file of its own": ("q1", FIRST + "import linecache\n    linecache.cache['/o'] = (9, None, [told], '/o')\n    exec(compile('1/0', '/o', 'exec'))"),
    "what is printed": ("q1", FIRST + "print(told)"),
    "a text": ("q1", FIRST + "return told"),
    "a list of texts": ("q1", FIRST + "return [told] * 3"),
    "a type": ("q1", FIRST + "return type(told, (), {})()"),
    "a field of an array": ("q1", FIRST + "return np.zeros(3, dtype=[(told, float)])"),
    "the name of another function": ("q1", FIRST + "softmax.__name__ = told"),
    "the arguments of another function": ("q1", FIRST + "global softmax\n    exec(f'def softmax({told}): return {told}', globals())"),
    "variables of another function": ("q1", FIRST + "globals()[told] = 1.0\n    exec(f'def softmax(logits, temperature=1): return {told}', globals())"),
    "an exception in another function": ("q1", FIRST + "global softmax\n    def softmax(logits, temperature=1): raise KeyError(told)"),
    "a number's place": ("q1", FIRST + "global n\n    n = told"),
    "a draw": ("q3", TOLD + "def sample_action(probabilities, rng):\n    return tell(probabilities)"),
    "the names of a record": ("q5", STAGE + "return {told: 1}"),
    "the columns of a record": ("q5", STAGE + f"return {RECORD}"),
    "texts in the columns of a record": ("q5", STAGE + f"return {{k: np.array(v) for k, v in {RECORD}.items()}}"),
    "a message of a stage": ("q5", STAGE + "raise ValueError(told)"),
    "a record of another kind": ("q5", STAGE + "return told"),
    "a forged worker": ("q1", FORGED + FIRST + "return 1"),
}  # fmt: skip
OTHERS = {
    "q1": "def reward_to_go(rewards, gamma): return 1.0\n",
    "q2": "def softmax(logits, temperature=1.0): return 1.0\n",
    "q3": "def sample_action(probabilities, rng): return 0.5\n",
    "q4": "n = 1.0\n",
    "q5": "def rollout(env, theta, episodes, rng): return 1\n",
}


@pytest.fixture(scope="module")
def box():
    return Sandbox("bubblewrap", Limits(wall=10, memory=2**30))


def page(outcomes, **options):
    result = {"student": "ada", "outcomes": [dataclasses.asdict(one) for one in outcomes], **options.pop("more", {})}
    return feedback.page(SET, result, **options)


@pytest.fixture
def no_data(monkeypatch):
    monkeypatch.setattr(marking, "given", lambda id, student: {"x": 2.0})
    monkeypatch.setattr(marking, "preamble", lambda problem_set, student: "import numpy as np")


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize("name", LEAKS, ids=lambda name: name.replace(" ", "-"))
def test_the_page_holds_nothing_that_the_code_chose_to_say(name, box):
    item, source = LEAKS[name]
    outcomes = marking.mark(SET, {**OTHERS, item: source}, lambda _: 7, box, student="ada")
    assert all(one.status != "infrastructure" for one in outcomes), outcomes
    assert "Smuggled" not in page(outcomes)
    if item == "q1" and name not in ("a text", "a list of texts"):  # what is returned is shown where a case is
        assert "Smuggled" not in page(outcomes, show_first_failure=True)


@pytest.mark.usefixtures("no_data")
def test_why_the_grader_failed_is_told_to_the_instructor_alone(box, monkeypatch):
    def fails(question, learner, seed):
        raise ValueError("Smuggled")

    monkeypatch.setattr(marking, "examine", fails)
    outcomes = marking.mark(SET, OTHERS, lambda _: 7, box, student="ada")
    assert "Smuggled" in outcomes[0].paragraphs[0]
    told = page(outcomes, more={"notes": [f"{feedback.FAILED}: Smuggled"]})
    assert "Smuggled" not in told
    assert "the grader failed, not your code" in told
