"""What lesson 08 says in prose, asserted; statistical claims on fresh samples, with a stated false-alarm rate."""

import json
import math
from statistics import NormalDist

import numpy as np
import pytest
from claims import Lesson

from course_utils import lessons, objectives, policy, worlds

LESSON = Lesson("08")
TEXT = LESSON.text
LOGITS = np.log([0.5, 0.3, 0.2])
PI = np.array([0.5, 0.3, 0.2])
Q = np.array([4.0, 3.1, 0.35])
A = Q - PI @ Q
G = objectives.expected_advantage_objective(LOGITS, A).grad_logits
CAME = {q["id"]: q["came"] for q in json.loads((lessons.PREDICTIONS / "08.json").read_text("utf-8"))["questions"]}
FALSE_ALARM = 1e-9
SEEDS = [11, 12, 13]


def z_bound(comparisons: int) -> float:
    """Return how many standard errors all comparisons stay within, but for one run in 10⁹ (Bonferroni)."""
    return NormalDist().inv_cdf(1 - FALSE_ALARM / comparisons / 2)


def change(eta: float, gradient: np.ndarray = G) -> np.ndarray:
    return policy.softmax(LOGITS + eta * gradient) - PI


def test_advantages_average_to_zero_and_are_the_numbers_of_the_text() -> None:
    np.testing.assert_allclose(A, [1.0, 0.1, -2.65], atol=1e-12)
    assert abs(PI @ A) < 1e-12


def test_replace_has_a_positive_advantage_its_logit_rises_and_its_probability_falls() -> None:
    assert A[1] > 0
    assert G[1] == pytest.approx(0.03)
    for eta in (0.01, 1.0):
        assert change(eta)[1] < 0 < change(eta)[0]
        assert change(eta)[2] < 0


def test_the_average_logit_moves_five_times_as_far_as_that_of_replace() -> None:
    np.testing.assert_allclose(PI @ G, 0.153, atol=1e-12)
    assert 5 < (PI @ G) / G[1] < 5.2
    assert "moves by 0.153: five times as far" in TEXT["usual-answer-read"]


def test_first_order_is_exact_for_small_steps_and_overstates_the_fall_of_apologise_for_large_ones() -> None:
    first_order = PI * (G - PI @ G)
    np.testing.assert_allclose(change(0.01), 0.01 * first_order, rtol=0.01)
    assert first_order[2] < change(1.0)[2] < 0


def test_zero_advantage_adds_no_gradient_and_moves_either_way() -> None:
    zero = np.array([1.0, 0.0, -2.5])
    assert not objectives.advantage_objective(LOGITS, 1, zero[1]).grad_logits.any()
    for sign, moves in ((1, -1), (-1, 1)):
        gradient = objectives.expected_advantage_objective(LOGITS, sign * zero).grad_logits
        assert np.sign(change(1.0, gradient)[1]) == moves


def test_what_came_of_the_predictions() -> None:
    zero = np.array([1.0, 0.0, -2.5])
    expected = objectives.expected_advantage_objective(LOGITS, zero).grad_logits
    assert f"falls, by {-change(1.0, expected)[1]:.3f}" in CAME["zero"]
    one = change(1.0, A[1] * policy.score(LOGITS, 1))[1]
    assert CAME["sampled"] == f"Up, by {one:.3f}. The expected update lowers it, by {-change(1.0)[1]:.3f}."
    assert np.sign(change(1.0)).tolist() == [1, -1, -1]
    assert "Only that of refund" in CAME["three-actions"]
    first, second = ([0, 1, 2, 0, 0], [2, 0, 0, 1, 0])
    gradients = [sum(A[a] * policy.score(LOGITS, a) for a in drawn) for drawn in (first, second)]
    np.testing.assert_allclose(*gradients, atol=1e-15)


def test_a_kept_advantage_moves_its_mean_and_no_expected_step() -> None:
    """“Its mean over the draws is the same; its size is not”: exact, over the three actions."""
    after = LESSON.play(only=("setup", "scene-code", "advantage-code", "keep-"))["keep-code"]
    later = after["later"]
    np.testing.assert_allclose(later, policy.softmax(after["z_new"]), atol=1e-12)
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


@pytest.mark.parametrize("seed", SEEDS)
def test_sampled_updates_average_to_the_expected_one(seed: int) -> None:
    """z-bounds against the exact gradient; false-alarm rate 1e-9 for the three components together."""
    m = 100_000
    drawn = policy.sample(np.tile(LOGITS, (m, 1)), np.random.default_rng(seed))
    gradients = A[drawn, None] * policy.score(np.tile(LOGITS, (m, 1)), drawn)
    error = gradients.std(axis=0, ddof=1) / math.sqrt(m)
    assert np.all(np.abs(gradients.mean(axis=0) - G) < z_bound(3) * error)


def test_a_running_mean_carries_its_luck_along() -> None:
    """“One run in twenty”: among 4,000 fresh runs, with an exact chance p, 6 standard errors; a false alarm in 10⁸."""
    outside = LESSON.play(only=("setup", "scene-code", "advantage-code", "sampled-"))["sampled-figure"]["outside"]
    assert outside.shape == (400,)
    assert not outside[:151].any()
    assert outside[151:].all()
    assert "This one is, from draw 152 on" in TEXT["sampled-read"]
    assert "from draw 152 on lies a little above it" in LESSON.cells["sampled-figure"].source
    values = A * (np.array([0, 1, 0]) - PI[1])  # of a sample of each action
    variance = PI @ values**2 - G[1] ** 2
    means = np.random.default_rng(408).multinomial(400, PI, 4_000) @ values / 400
    share = np.mean(np.abs(means - G[1]) > 2 * math.sqrt(variance / 400))
    assert (
        abs(share - 0.0455) < 6 * math.sqrt(0.05 * 0.95 / 4_000) + 0.005
    )  # the normal share, and that it is not quite
    assert "about one run in twenty is outside" in TEXT["sampled-read"]


@pytest.mark.parametrize("seed", SEEDS)
def test_u_on_sampled_trajectories_gives_the_policy_gradient(seed: int) -> None:
    """z-bound against the exact gradient of the geometric MDP; false-alarm rate 1e-9."""
    game, m, longest = worlds.geometric_mdp(), 20_000, 60
    logits = np.array([[math.log(0.7), math.log(0.3)], [0.0, 0.0]])
    everywhere = np.broadcast_to(logits[0], (m, longest, 2))
    drawn = policy.sample(everywhere, np.random.default_rng(seed))
    mask = np.concatenate([np.ones((m, 1)), np.cumprod(drawn == 0, axis=1)[:, :-1]], axis=1)
    batch = objectives.advantage_objective(everywhere, drawn, game.advantages(logits)[0][drawn], weights=mask)
    each = m * batch.grad_logits.sum(axis=1)
    error = each.std(axis=0, ddof=1) / math.sqrt(m)
    assert np.all(np.abs(each.mean(axis=0) - game.policy_gradient(logits)[0]) < z_bound(1) * error)
    assert np.all(error > 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_large_steps_end_sure_of_a_worse_action(seed: int) -> None:
    """Shares among 500 runs, on other seeds than the lesson's: none at η = 0.5; near one in five at η = 50.

    With a share p = 0.193 in the lesson's 2,000 runs, a share outside 0.10 … 0.30 among 500 fresh ones has a
    z-score above 5.1, a false-alarm rate below 1e-6.
    """

    def lost(eta: float) -> float:
        rng, z = np.random.default_rng(seed), np.tile(LOGITS, (500, 1))
        for _ in range(400):
            drawn = policy.sample(z, rng)
            advantages = Q[drawn] - policy.softmax(z) @ Q
            z = z + eta * advantages[:, None] * policy.score(z, drawn)
        final = policy.softmax(z)
        return float(np.mean((final.argmax(axis=1) != 0) & (final.max(axis=1) > 0.99)))

    assert lost(0.5) == 0
    assert 0.10 < lost(50.0) < 0.30


def test_j_rises_at_every_step_while_the_loss_falls_three_times_and_then_rises_to_zero() -> None:
    z, J, L = LOGITS.copy(), [], []
    for _ in range(200):
        p = policy.softmax(z)
        advantages = Q - p @ Q
        J.append(p @ Q)
        L.append(-(p @ (np.log(p) * advantages)))
        z = z + 0.5 * objectives.expected_advantage_objective(z, advantages).grad_logits
    assert np.all(np.diff(J) > 0)
    assert np.argmin(L) == 3
    assert f"falls for three steps, to −{-min(L):.3f}," in CAME["loss"]
    assert np.all(np.diff(L[3:]) > 0)
    assert -0.05 < L[-1] < 0
    assert 0.4 < (J[-1] - J[3]) / (J[-1] - J[0]) < 0.5, "almost half of the way"
    assert f"at step 3, at J = {J[3]:.3f}, with almost half of the way to {J[-1]:.3f} still to go" in TEXT["loss-read"]


def test_the_wrong_sign_makes_the_worst_action_the_most_probable() -> None:
    wrong = policy.softmax(LOGITS - G)
    assert wrong.argmax() == A.argmin()
    assert wrong @ Q < PI @ Q < policy.softmax(LOGITS + G) @ Q
