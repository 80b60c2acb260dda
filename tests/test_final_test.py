"""The final test: its numbers are computed, what is missed leads to a section, what was answered comes back."""

import json
import re

import numpy as np
import pytest
from refusals import bad

from course_utils import lessons, misconceptions, objectives, policy, progress, returns
from course_utils.widgets import FinalTest, final_test, quiz

TEST = final_test.load()
ASKED = {question["id"]: question for question in TEST["questions"]}


@pytest.fixture(autouse=True)
def record(tmp_path, monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "record.json"))
    monkeypatch.setattr(progress, "_told", set())


def holds(id_, *values):
    """These are the numbers of a numeric question, the right one first, to the digits that the file gives."""
    asked = ASKED[id_]
    assert [asked["answer"], *(wrong["value"] for wrong in asked["wrong"])] == pytest.approx(values, abs=5e-5)


# --- the file -------------------------------------------------------------------------------------------


def test_twenty_questions_over_all_lessons_and_topics():
    assert len(ASKED) == 20
    covered = [number for topic in TEST["topics"] for number in topic["lessons"]]
    assert covered == sorted({question["lesson"] for question in ASKED.values()})
    assert covered == [lesson.number for lesson in lessons.LESSONS[1:14]]  # the bridge to PyTorch is for who wants it
    assert {question["kind"] for question in ASKED.values()} == {"single", "several", "numeric", "order"}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_a_question_leads_to_its_section_and_is_written_like_the_lessons(asked):
    (source,) = (lessons.REPOSITORY / "notebooks/src").glob(f"{asked['lesson']}_*.py")
    assert asked["section"] in re.findall(r"^# ##+ (.+)$", source.read_text(encoding="utf-8"), re.MULTILINE)
    assert {*re.findall(r'"misconception": "(\w+)"', json.dumps(asked))} <= {*misconceptions.known()}
    for where, text in quiz.texts(asked):
        assert not re.search(r"—|  |^\s|\s$|-\d", "".join(text.split("$")[::2])), where


def test_no_question_is_one_of_the_lessons():
    known = [q for name in quiz.names() for q in quiz.load(lessons.QUIZZES / f"{name}.json")["questions"]]
    assert {q["text"] for q in known}.isdisjoint(q["text"] for q in ASKED.values())


# --- the numbers ----------------------------------------------------------------------------------------


def test_01_even_odds():
    odds = 0.8 / 0.2
    holds("even-odds", np.log(odds), 0.8 - 0.2, odds, np.log(odds) / 2, -np.log(odds))
    assert policy.softmax([np.log(0.2) + np.log(odds), np.log(0.8)]) == pytest.approx(0.5)


def test_02_and_03_means_of_scores():
    pi, rewards = np.array([0.5, 0.3, 0.2]), np.array([2.0, 0.0, 5.0])
    scores = np.array([policy.score(np.log(pi), a) for a in range(3)])
    told = [[0.06, -0.024, -0.036], [0, 0, 0], [0.25, 0.09, 0.04], pi]
    means = [(pi * pi) @ scores, pi @ scores, pi**2, pi]
    np.testing.assert_allclose(means, told, atol=1e-12)
    for option, vector in zip(ASKED["twice-counted"]["options"], told, strict=True):
        assert option["text"] == f"({', '.join(f'{x:g}' for x in vector)})".replace("-", "−")
    assert (pi**2).sum() == pytest.approx(0.38)
    J = pi @ rewards
    gradient = pi * rewards @ scores
    holds("mean-of-estimates", gradient[2], pi[2] * rewards[2], scores[2, 2] * rewards[2], rewards[2] - J, 0)


def test_04_the_factor_of_a_path():
    old, new = np.array([0.6, 0.3]), np.array([0.9, 0.6])
    ratio = new / old
    holds("factor-of-a-path", ratio.prod(), new.prod(), ratio.sum(), *ratio, np.log(ratio).sum())


def test_05_a_sum_turned_round():
    rewards = np.array([3.0, 0.0, -1.0, 2.0])
    right = np.flip(np.cumsum(rewards)) == returns.reward_to_go(rewards)
    assert [option["right"] for option in ASKED["reversed-sum"]["options"]] == list(right)
    np.testing.assert_array_equal(np.cumsum(rewards), [3, 3, 2, 4])
    np.testing.assert_array_equal(returns.reward_to_go(rewards), [4, 1, 1, 2])


def test_05_without_its_minus_a_loss_leads_downhill():
    z, rewards = np.log([0.48, 0.52]), np.array([0.0, 1.0])
    step = objectives.expected_advantage_objective(z, rewards).grad_logits
    assert policy.softmax(z - 0.1 * step) @ rewards < policy.softmax(z) @ rewards


def test_07_the_third_advantage():
    pi, A = np.array([0.5, 0.3]), np.array([2.0, -1.0])
    rest = -(pi @ A)
    holds("third-advantage", rest / 0.2, -A.sum(), rest, -rest / 0.2)


def test_07_what_runs_on_over_the_end():
    rewards, ended = np.array([0, 0, 0, 0, -10.0]), np.array([0, 0, 1, 0, 1])
    cut = returns.gae(rewards, 0.9 * (1 - ended), np.zeros(6), 0.9)
    not_cut = returns.gae(rewards, np.full(5, 0.9), np.zeros(6), 0.9)
    assert list(cut < 0) == [False, False, False, True, True]
    assert np.all(not_cut < 0)


def test_08_who_gains_most_and_one_logit():
    pi, A = np.array([0.7, 0.2, 0.1]), np.array([-1.0, 2, 3])
    assert pi @ A == pytest.approx(0, abs=1e-15)
    g = objectives.expected_advantage_objective(np.log(pi), A).grad_logits
    np.testing.assert_allclose(g, pi * A, atol=1e-12)
    np.testing.assert_allclose([*g, pi @ g], [-0.7, 0.4, 0.3, -0.38], atol=1e-12)
    np.testing.assert_allclose(pi * (g - pi @ g), [-0.224, 0.156, 0.068], atol=1e-12)
    assert np.argmax(policy.softmax(np.log(pi) + 0.1 * g) - pi) == 1


def test_08_a_mean_too_many():
    A = np.ones((8, 20))
    U = objectives.advantage_objective(np.zeros((8, 20, 2)), np.zeros((8, 20), int), A)
    mean = (U.log_probs * A).mean()
    holds("factor-of-the-mean", U.value / mean, 8, 160, mean / U.value)


def test_09_the_largest_entropy_and_an_explained_variance():
    assert policy.entropy(np.zeros(4)) == pytest.approx(1.39, abs=0.005)
    G, V = np.array([1.0, 3, 5]), np.array([6.0, 7, 8])
    share = np.var(G - V) / np.var(G)
    holds("explained", 1 - share, 1 - np.mean((G - V) ** 2) / np.var(G), share, 1 - np.var(G - V) / np.var(V))


def test_10_a_term_from_log_probabilities():
    def term(old, new):
        return objectives.ppo_clip_objective([[new, np.log(-np.expm1(new))]], [old], [0], [2.0])

    got, turned = term(-1.6, -1.2), term(-1.2, -1.6)
    assert got.active[0]
    ratio = np.exp(0.4)
    divided, difference = (min(2 * x, 2 * np.clip(x, 0.8, 1.2)) for x in (1.2 / 1.6, 0.4))
    holds("from-log-probs", got.value, 2 * ratio, divided, difference, turned.value, np.clip(2 * ratio, 0.8, 1.2))


def test_10_the_price_of_even():
    odds = 0.8 / 0.2
    beta = 1 / np.log(odds)
    assert policy.softmax(np.log([0.8, 0.2]) + np.array([0, 1]) / beta) == pytest.approx(0.5)
    holds("price-of-even", beta, 1 / beta, odds, 1 / odds)


def test_11_what_the_second_token_answers_for():
    score, ratios, beta = np.array([0, 0, 2.0]), np.array([0.2, -0.1, 0.4]), 0.5
    r = objectives.kl_penalised_rewards(score, ratios - 3, np.full(3, -3.0), beta)
    np.testing.assert_allclose(r, [-0.1, 0.05, 1.8])
    G, pays = returns.reward_to_go(r), returns.reward_to_go(score + beta * ratios)
    holds("second-token", G[1], r[2], r[1], r[1] + score[2], pays[1], G[0])


def test_12_two_rows_of_a_log():
    scores, kl, rewards = np.array([1.2, 2.4]), np.array([4, 24]), np.array([1.0, 1.2])
    np.testing.assert_allclose((scores - rewards) / kl, 0.05)
    np.testing.assert_allclose(scores - 0.5 * kl, [-0.8, -9.6])


def test_13_a_row_of_dpo():
    got = objectives.dpo_loss([-10.0], [-25.0], [0.0], [0.0], 0.1)
    assert got.margins == pytest.approx(1.5)
    assert got.value == pytest.approx(0.201, abs=5e-4)


# --- the widget -----------------------------------------------------------------------------------------


def test_what_was_answered_comes_back():
    shown = FinalTest("final")
    assert shown.answers == {}
    shown.answers = {"even-odds": [4.0, 1.386], "reversed-sum": [[0, 3]]}
    shown.answers = {**shown.answers, "one-logit": [[0, 1, 2, 3, 4, 5]]}
    progress.record_quiz("final", "twice-counted", True, True, said=17)  # of another version of the question
    progress.record_quiz("final", "third-advantage", False, True, said=10**400)  # of a record that somebody edited
    progress.record_quiz("final", "third-advantage", True, False, said=1.5)
    again = FinalTest("final")
    assert again.answers == shown.answers
    assert again.results == shown.results
    assert [done["first_try"] for done in again.results.values()] == [False, False, True]
    assert progress.summary()["final"]["quiz"]["even-odds"]["tries"] == 2


def test_each_question_tells_its_topic_and_its_notebook():
    told = {q["lesson"]: (q["topic"], q["notebook"]) for q in FinalTest("final").questions}
    assert told["05"] == ("Trajectories and REINFORCE", "05_reinforce.ipynb")
    assert FinalTest().library == FinalTest("final").library
    assert FinalTest().answers == {}
    bad(ValueError, r"there is no final test '13', expected 'final'", FinalTest, "13")
