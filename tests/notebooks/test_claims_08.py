"""What lesson 08 says in prose, asserted; statistical claims on fresh samples, with a stated false-alarm rate."""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from claims import Lesson, holds

from course_utils import objectives, policy

LESSON = Lesson("08")
TEXT = LESSON.text
PI = np.array([0.5, 0.3, 0.2])
LOGITS = np.log(PI)
Q = np.array([4.0, 3.1, 0.35])
A = Q - PI @ Q
ZERO = np.array([1.0, 0.0, -2.5])
G = objectives.expected_advantage_objective(LOGITS, A).grad_logits
CAME = LESSON.came
SCENE = ("setup", "scene-code", "advantage-code")

read = LESSON.played(only=(*SCENE, "keep-", "sampled-", "loss-code"))
again = LESSON.played(11, 12, 13, only=(*SCENE, "sampled-code", "dataset-", "large-code-learn"))


def change(eta: float, gradient: np.ndarray = G) -> np.ndarray:
    return policy.softmax(LOGITS + eta * gradient) - PI


def test_advantages_average_to_zero_and_are_the_numbers_of_the_text() -> None:
    np.testing.assert_allclose(A, [1.0, 0.1, -2.65], atol=1e-12)
    assert abs(PI @ A) < 1e-12


def test_replace_has_a_positive_advantage_its_logit_rises_and_its_probability_falls() -> None:
    assert A[1] > 0
    assert G[1] == pytest.approx(0.03)
    for eta in (0.01, 1.0):
        assert np.sign(change(eta)).tolist() == [1, -1, -1]


def test_the_average_logit_moves_five_times_as_far_as_that_of_replace() -> None:
    np.testing.assert_allclose(PI @ G, 0.153, atol=1e-12)
    assert 5 < (PI @ G) / G[1] < 5.2
    assert "moves by 0.153: five times as far" in TEXT["usual-answer-read"]


def test_first_order_is_exact_for_small_steps_and_overstates_the_fall_of_apologise_for_large_ones() -> None:
    first_order = PI * (G - PI @ G)
    np.testing.assert_allclose(change(0.01), 0.01 * first_order, rtol=0.01)
    assert first_order[2] < change(1.0)[2] < 0


def test_zero_advantage_adds_no_gradient_and_moves_either_way() -> None:
    assert not objectives.advantage_objective(LOGITS, 1, ZERO[1]).grad_logits.any()
    for sign, moves in ((1, -1), (-1, 1)):
        gradient = objectives.expected_advantage_objective(LOGITS, sign * ZERO).grad_logits
        assert np.sign(change(1.0, gradient)[1]) == moves


def test_what_came_of_the_predictions() -> None:
    expected = objectives.expected_advantage_objective(LOGITS, ZERO).grad_logits
    assert f"falls, by {-change(1.0, expected)[1]:.3f}" in CAME["zero"]
    one = change(1.0, A[1] * policy.score(LOGITS, 1))[1]
    assert CAME["sampled"] == f"Up, by {one:.3f}. The expected update lowers it, by {-change(1.0)[1]:.3f}."
    assert "Only that of refund" in CAME["three-actions"]
    first, second = ([0, 1, 2, 0, 0], [2, 0, 0, 1, 0])
    gradients = [sum(A[a] * policy.score(LOGITS, a) for a in drawn) for drawn in (first, second)]
    np.testing.assert_allclose(*gradients, atol=1e-15)


def test_a_kept_advantage_moves_its_mean_and_no_expected_step(read: Any) -> None:
    """“Its mean over the draws is the same; its size is not”: exact, over the three actions."""
    later = read["keep-code"]["later"]
    np.testing.assert_allclose(later, policy.softmax(read["keep-code"]["z_new"]), atol=1e-12)
    assert later @ A > 0.9, "their mean leaves 0"
    scores = np.eye(3) - later
    kept, anew = (later[:, None] * a[:, None] * scores for a in (A, Q - later @ Q))
    np.testing.assert_allclose(kept.sum(axis=0), anew.sum(axis=0), atol=1e-12)
    sizes = [(g**2 / later[:, None]).sum() for g in (kept, anew)]
    assert max(sizes) > 1.5 * min(sizes)


def test_single_samples_contradict_each_other_as_the_text_says() -> None:
    moves = np.array([change(1.0, A[a] * policy.score(LOGITS, a)) for a in range(3)])
    assert moves[0, 1] < 0, "a sample of a pushes b down"
    assert moves[1, 1] > 0, "a sample of b raises b"
    assert moves[0, 0] > 0
    assert moves[2, 2] < 0, "a sample of c lowers c"
    assert moves[2, 0] > -moves[2, 2] / 2, "and most of what c loses goes to a"


def test_sampled_gradients_average_to_the_exact_ones(again: Any) -> None:
    """z-bounds, for one state (three entries: Bonferroni) and for the geometric MDP; a false alarm in 10⁹ for each."""
    game = again["dataset-sampled"]
    of_j = game["game"].policy_gradient(game["game_logits"])[0]
    for gradients, exact, n in ((again["sampled-code"]["gradients"], G, 3), (game["per_trajectory"], of_j, 1)):
        error = gradients.std(axis=0, ddof=1) / math.sqrt(len(gradients))
        assert np.all(error > 0)
        z = NormalDist().inv_cdf(1 - 1e-9 / n / 2)
        assert np.all(np.abs(gradients.mean(axis=0) - exact) < z * error)


def test_a_running_mean_carries_its_luck_along(read: Any) -> None:
    """“One run in twenty”: among 4,000 fresh runs, with an exact chance p, 6 standard errors; a false alarm in 10⁸."""
    outside = read["sampled-figure"]["outside"]
    assert outside.tolist() == [False] * 151 + [True] * 249
    assert "This one is, from draw 152 on" in TEXT["sampled-read"]
    assert "from draw 152 on lies a little above it" in LESSON.cells["sampled-figure"].source
    values = A * (np.array([0, 1, 0]) - PI[1])  # of a sample of each action
    variance = PI @ values**2 - G[1] ** 2
    means = np.random.default_rng(408).multinomial(400, PI, 4_000) @ values / 400
    share, normal = np.mean(np.abs(means - G[1]) > 2 * math.sqrt(variance / 400)), 0.0455
    assert abs(share - normal) < 6 * math.sqrt(0.05 * 0.95 / 4_000) + 0.005  # it is not quite normal
    assert "about one run in twenty is outside" in TEXT["sampled-read"]


def test_large_steps_end_sure_of_a_worse_action(again: Any) -> None:
    """Shares among 500 runs, on other seeds than the lesson's: none at η = 0.5; near one in five at η = 50.

    With a share p = 0.193 in the lesson's 2,000 runs, a share outside 0.10 … 0.30 among 500 fresh ones has a
    z-score above 5.1, a false-alarm rate below 1e-6.
    """
    lost = []
    for step_size in (0.5, 50.0):
        final = again["large-code-learn"]["learn"](step_size, 500, np.random.default_rng(again["setup"]["seed"]))
        lost.append(np.mean((final.argmax(axis=1) != 0) & (final.max(axis=1) > 0.99)))
    assert lost[0] == 0
    assert 0.10 < lost[1] < 0.30


def test_j_rises_at_every_step_while_the_loss_falls_three_times_and_then_rises_to_zero(read: Any) -> None:
    """The run of the lesson's cell; test_quiz.py has a second writing of it."""
    J, L = read["loss-code"]["J"], read["loss-code"]["L"]
    assert np.all(np.diff(J) > 0)
    assert np.argmin(L) == 3
    assert f"falls for three steps, to −{-min(L):.3f}," in CAME["loss"]
    assert np.all(np.diff(L[3:]) > 0)
    assert -0.05 < L[-1] < 0
    assert 0.4 < (J[-1] - J[3]) / (J[-1] - J[0]) < 0.5, "almost half of the way"
    holds(TEXT["loss-read"], f"at step 3, at J = {J[3]:.3f}, with almost half of the way to {J[-1]:.3f} still to go")


def test_the_wrong_sign_makes_the_worst_action_the_most_probable() -> None:
    wrong = policy.softmax(LOGITS - G)
    assert wrong.argmax() == A.argmin()
    assert wrong @ Q < PI @ Q < policy.softmax(LOGITS + G) @ Q
