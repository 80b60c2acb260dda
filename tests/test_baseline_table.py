"""The baseline table without a browser: its proofs against the estimators, and which lines are biased."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from course_utils import estimators, policy, progress, worlds
from course_utils.widgets import BaselineTable
from course_utils.widgets.baseline_table import NAMES, WORLD, prove

SUPPORT, LOGITS = worlds.conversation(), np.vstack([worlds.REPLY_LOGITS, [0.0, 0.0]])
PATHS = SUPPORT.enumerate_trajectories(LOGITS)
G, EXACT = estimators.reward_to_go(PATHS), SUPPORT.policy_gradient(LOGITS)[:3, 0]
OWN = {  # b_t of those that look at their own conversation alone
    "": np.zeros((8, 2)),
    "action": np.where(PATHS.actions == 0, 2.0, -1.0),
    "return": np.repeat(PATHS.returns[:, None], 2, axis=1),
    "theta": SUPPORT.state_values(LOGITS)[PATHS.states[:, :-1]],
}


@pytest.mark.parametrize("name", OWN)
def test_one_conversations_moments_are_the_estimators(name):
    one, proof = estimators.exact_moments(PATHS, LOGITS, G - OWN[name]), prove(name)
    assert_allclose(proof.gradient, one.mean[:3, 0], atol=1e-12)
    assert proof.variance == pytest.approx(one.variance / 2, abs=1e-12), "a batch of two"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_taken_away_is_missing_and_comes_of_unequal_means(name):
    proof, line = prove(name), WORLD["lines"][NAMES.index(name)]
    assert_allclose(proof.gradient, EXACT - proof.taken, atol=1e-12)
    pi, visits = policy.softmax(LOGITS)[:3, 0], SUPPORT.visits(LOGITS)[:3]
    apart = proof.means[:, 0] - proof.means[:, 1]
    assert_allclose(proof.taken, visits * pi * (1 - pi) * apart, atol=1e-12)
    assert line["biased"] == (name in ("action", "return", "batch"))


def test_two_pairs_are_what_the_words_say():
    assert_allclose(prove("return").gradient, 0, atol=1e-12)
    assert_allclose(prove("batch").gradient, EXACT / 2, atol=1e-12)
    rng, n = np.random.default_rng(6), 40_000  # sampled pairs: within 4.9 standard errors, a false alarm in a million
    i, j = rng.choice(8, size=(2, n), p=PATHS.probabilities)
    each = [estimators.score_gradients(LOGITS, PATHS, G - G[k]) for k in range(8)]  # of each conversation beside k
    both = np.array([(each[b][a, 0, 0] + each[a][b, 0, 0]) / 2 for a, b in zip(i, j, strict=True)])
    assert abs(both.mean() - prove("others").gradient[0]) < 4.9 * both.std() / np.sqrt(n)


def test_nothing_is_told_before_it_is_answered():
    lab = BaselineTable()
    first = lab.first_frame()
    assert lab.alt_text().count("biased or not?") == 8
    lab.answers = [1, 1, 3, 0, 0, 0, 0, 2]
    assert lab.right == 2
    assert "the action aₜ? biased;" in lab.alt_text()
    assert lab.first_frame() != first


def test_the_picture_of_an_unanswered_table_is_the_same_whatever_is_true(monkeypatch):
    before = BaselineTable().first_frame()
    turned = [line | {"biased": not line["biased"]} for line in WORLD["lines"]]
    monkeypatch.setitem(WORLD, "lines", turned)
    assert BaselineTable().first_frame() == before


def test_the_first_answer_to_each_line_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "record.json"))
    table = BaselineTable()
    table.answers = [0, 2, 3, 0, 0, 0, 0, 1]
    table.answers = [0, 2, 1, 0, 2, 0, 0, 2]  # as after a reset
    assert progress.summary()["06"]["predictions"]["count"] == 3
    kept = [event["record"] for event in progress._read()]
    assert [(one["line"], one["said"], one["right"]) for one in kept] == [
        ("action", "biased", True), ("batch", "not biased", False), ("others", "biased", False)
    ]  # fmt: skip
