"""The bank of exam questions: each answer is what an independent computation gives, and no distractor is."""

import math
import re

import numpy as np
import pytest

from course_utils.grading import bank
from course_utils.grading.bank_formulas import FORMULAS


def soft(z):
    weights = np.exp(np.array(z, dtype=float))
    return weights / weights.sum()


def law(p, a, b, base=0.0):
    """Chances and first entries of score times (R − b)."""
    return np.array([p, 1 - p]), np.array([1 - p, -p]) * (np.array([a, b]) - base)


def variance(p, a, b, base):
    chances, values = law(p, a, b, base)
    return chances @ (values - chances @ values) ** 2


def lowest(p, a, b):
    heights = np.linspace(min(a, b), max(a, b), 100_001)
    return heights[np.argmin([variance(p, a, b, h) for h in heights[::100]]) * 100]


def slope(p, adv, h=1e-6):
    z = np.log([p, 1 - p])
    g = np.array([p * adv, -p * adv])
    return (soft(z + h * g)[0] - soft(z - h * g)[0]) / (2 * h)


ORACLES = {
    "01-softmax-temperature": lambda z, t: soft(np.array(z) / t)[0],
    "01-entropy-two": lambda p: -sum(x * math.log(x) for x in (p, 1 - p)),
    "02-score-entry": lambda z: (
        (np.log(soft([z[0] + 1e-6, *z[1:]])[0]) - np.log(soft([z[0] - 1e-6, *z[1:]])[0])) / 2e-6
    ),
    "02-fisher-entry": lambda p: p * (1 - p) ** 2 + (1 - p) * p**2,
    "03-exact-gradient": lambda p, a, b: np.dot(*law(p, a, b)),
    "03-samples-for-error": lambda k: (1 / (1 / k)) ** 2,
    "04-path-probability": lambda p, q, d: math.exp(math.log(p) + math.log(d) + math.log(q)),
    "04-path-score": lambda p, q, d: (1 - p) + (1 - q),
    "05-to-go": lambda r, g: r[1] + g * r[2],
    "05-sum-or-mean": lambda n, k: k / (n * k),
    "06-variance-with-baseline": variance,
    "06-best-height": lowest,
    "06-leave-one-out": lambda r: r[0] - np.mean(r[1:]),
    "07-advantage-two": lambda p, a, b: a - np.dot([p, 1 - p], [a, b]),
    "07-gae-first": lambda r, v, g, lam: r[0] + g * v[1] - v[0] + g * lam * (r[1] + g * v[2] - v[1]),
    "07-td-error": lambda r, v, w, g: r + g * w - v,
    "08-objective-u": lambda p, q, a, b: np.log([p, q]) @ [a, b],
    "08-first-order-change": slope,
    "09-critic-target": lambda r, v, g: r + g * v,
    "09-explained-variance": lambda y, e: (y - e) / y,
    "10-clipped-objective": lambda rho, adv, eps: min(rho * adv, np.clip(rho, 1 - eps, 1 + eps) * adv),
    "10-k3-estimate": lambda p, q: q / p - 1 - math.log(q / p),
    "11-preference": lambda a, b: math.exp(a) / (math.exp(a) + math.exp(b)),
    "11-last-token": lambda s, x, beta: s - beta * x,
    "12-adaptive-beta": lambda beta, kl, target, n: beta * (1 + np.clip(kl / target - 1, -0.2, 0.2) * n),
    "13-grpo-one-right": lambda k: (1 - 1 / k) / np.std([1] + [0] * (k - 1)),
    "13-dpo-pair": lambda m, beta: -math.log(1 / (1 + math.exp(-beta * m))),
}
LESSONS = [f"{n:02d}" for n in range(1, 14)]


def test_each_lesson_has_its_questions_and_each_question_an_oracle():
    known = bank.templates()
    assert [template.id for template in known] == list(ORACLES)
    assert all(sum(template.lesson == lesson for template in known) >= 1 for lesson in LESSONS)
    used = {formula for one in known for formula in (one.answer, *(name for name, _ in one.distractors))}
    assert used == set(FORMULAS)


@pytest.mark.parametrize("template", bank.templates(), ids=lambda template: template.id)
def test_the_key_is_right_and_no_distractor_is(template):
    drawn = [bank.draw(template, seed) for seed in range(20)]
    for one in drawn:
        wanted = float(ORACLES[template.id](**one.values))
        options = [float(option) for option in one.options]
        near = [abs(option - wanted) <= 6e-3 * abs(wanted) for option in options]
        assert near == [place == one.right for place in range(4)], (one.values, wanted, options)
        assert [cited == "" for cited in one.misconceptions] == near
        assert not re.search(r"[{}]", one.text)
    assert len({one.text for one in drawn}) > 3
    assert len({one.right for one in drawn}) > 1


def test_an_exam_and_its_key(tmp_path, capsys):
    assert bank.main(tmp_path, 7, 10, "05-08") == 0
    paper, key = (tmp_path / name for name in ("exam_7.md", "exam_7_key.md"))
    assert capsys.readouterr().out.split() == [str(paper), str(key)]
    text, answers = paper.read_text("utf-8"), key.read_text("utf-8")
    questions = bank.exam(7, 10, ("05", "08"))
    assert len({one.template.id for one in questions}) == 10
    assert {one.template.lesson for one in questions} <= {"05", "06", "07", "08"}
    for n, one in enumerate(questions, start=1):
        assert f"**{n}.** {one.text}" in text
        assert f"**{n}. {'ABCD'[one.right]}**" in answers
        assert one.template.reason not in text
    assert bank.exam(7, 10, ("05", "08")) == questions
    assert bank.exam(8, 10, ("05", "08")) != questions


@pytest.mark.parametrize(
    ("count", "lessons", "said"), [(99, "05-08", "count"), (0, "05", "count"), (1, "20", "no question")]
)
def test_an_exam_that_cannot_be_is_refused(count, lessons, said, tmp_path, capsys):
    assert bank.main(tmp_path, 1, count, lessons) == 2
    assert said in capsys.readouterr().err
