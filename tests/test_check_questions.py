"""Every question's definition: its mistakes are recognised, none look alike, its texts and sections are sound."""

import re
from pathlib import Path

import numpy as np
import pytest
from learners import ANSWERS, torch

from course_utils import checks, lessons
from course_utils.checks import audit, engine
from course_utils.checks.question import Law
from course_utils.grading import problem_sets

pytestmark = pytest.mark.long


SAMPLED = [name for name in checks.names() if checks.load(name).calls]
COMPUTED = [name for name in checks.names() if not checks.load(name).calls]
MISTAKES = [(name, mistake.id) for name in checks.names() for mistake in checks.load(name).mistakes]
NOTEBOOKS = Path(__file__).parents[1] / "notebooks" / "src"


@pytest.mark.parametrize("name", checks.names())
def test_no_two_mistakes_look_alike(name):
    for seed in range(6):
        assert audit.problems(checks.load(name), seed) == []


def simulate(question, version, rng, inputs=None):
    """The answers of a function that follows this law, to fixed and fresh inputs: what ``judge`` collects."""
    samples = []
    for given in inputs or [*question.fixed, question.fresh(rng)]:
        law: Law = version(**given)
        edges = law.probabilities.cumsum()[:-1]
        draws = np.searchsorted(edges, rng.random((question.calls, law.count)), side="right")
        samples.append(engine.Sample(given, law.outcomes[draws].mean(axis=1), False))
    return samples


def written_out(question, version):
    """A learner's function that makes this mistake, or gives the exact answer, with the gradient that belongs to it."""

    def answer(*args):
        arrays = [x.detach().numpy() if hasattr(x, "detach") else x for x in args]
        row = version(**dict(zip(question.arguments(), arrays, strict=False)))
        if not question.tensors:
            return row
        learned = [x for x in args if getattr(x, "requires_grad", False)]
        slopes = np.split(row[1:], np.cumsum([x.numel() for x in learned])[:-1]) if question.gradients else ()
        value = torch.tensor(row[0] if question.gradients else row)
        for x, slope in zip(learned, slopes or [np.zeros(x.numel()) for x in learned], strict=True):
            value = value + ((x - x.detach()) * torch.tensor(slope).view(x.shape)).sum()
        return value

    return answer


@pytest.mark.parametrize("name", COMPUTED)
def test_the_exact_answer_is_always_correct(name):
    question = checks.load(name)
    answer = written_out(question, question.oracle)
    for seed in range(10):
        assert checks.judge(question, answer, seed).status == "correct"


@pytest.mark.parametrize(("name", "mistake"), MISTAKES)
def test_each_way_to_make_a_mistake_is_recognised(name, mistake):
    question = checks.load(name)
    versions = {m.id: m for m in question.mistakes}[mistake].versions()
    for seed, version in enumerate(versions):
        if question.calls:
            samples = simulate(question, version, np.random.default_rng(seed))
            assert not engine._fits(samples, engine._expected_of(question, question.oracle, samples))
            assert engine._named_by_law(question, samples).id == mistake
        else:
            assert checks.judge(question, written_out(question, version), seed).mistake == mistake


def alarms(name, runs, seed):
    """How often a right function is called into question: the answers are drawn from the exact law."""
    question, rng, found = checks.load(name), np.random.default_rng(seed), 0
    for _ in range(runs // 50):
        inputs = [*question.fixed, question.fresh(rng)]
        expected = engine._expected(question, question.oracle, inputs)
        found += sum(not engine._fits(simulate(question, question.oracle, rng, inputs), expected) for _ in range(50))
    return found


@pytest.mark.parametrize("runs", [300, pytest.param(3000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SAMPLED)
def test_right_functions_without_a_false_alarm(name, runs):  # 300 runs notice one alarm in 100 with 95 per cent
    assert alarms(name, runs, seed=1) == 0


@pytest.mark.parametrize("name", SAMPLED)
def test_the_false_alarm_rate_is_a_bound(name, monkeypatch):
    # one in a million cannot be measured; one in two can
    monkeypatch.setattr(engine, "FALSE_ALARM", 0.5)
    assert alarms(name, 200, seed=2) <= 100


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLED)
def test_100_real_runs_of_a_right_function(name):
    right = next(answer.function for answer in ANSWERS if (answer.question, answer.what) == (name, "right"))
    for seed in range(100, 200):
        assert checks.judge(checks.load(name), right, seed).status == "correct"


def test_every_question_belongs_to_its_lesson_or_to_a_problem_set():
    listed = {check: lesson.number for lesson in lessons.LESSONS for check in lesson.checks}
    for found in map(problem_sets.load, problem_sets.names()):
        listed |= {item.name: item.question.lesson for item in found.items if item.kind == "function"}
    assert listed == {name: checks.load(name).lesson for name in checks.names()}


@pytest.mark.parametrize("name", checks.names())
def test_sections_to_read_exist(name):
    question = checks.load(name)
    for section in {question.read, *(m.read for m in question.mistakes if m.read)}:
        for source in NOTEBOOKS.glob(f"{section.lesson}_*.py"):
            headings = re.findall(r"^# ##+ (.+)$", source.read_text(encoding="utf-8"), re.MULTILINE)
            assert section.title in headings, f"{source.name} has no section “{section.title}”"


@pytest.mark.parametrize("name", checks.names())
def test_texts_are_calm(name):
    question = checks.load(name)
    for mistake in question.mistakes:
        text = f"{mistake.happened} {mistake.why}"
        assert not re.search(r"\b(simply|clearly|obviously|just|easy|trivial|of course)\b|!", text, re.IGNORECASE), text
        assert len(mistake.happened) <= 200, text
        assert len(mistake.why) <= 330, text
