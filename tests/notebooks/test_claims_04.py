"""What lesson 04 says about numbers: exact ones against a second way, sampled ones by z-bounds against enumeration.

The lesson's cells run here with seeds that its reader does not see. A false alarm has a chance below 1 in 100,000 for
all sampled tests together: fewer than 80 means of 100,000 bounded terms are held to 6 exact standard errors, and by
Bernstein's inequality each leaves them with a chance below 1e-7 (no term lies over 15 standard deviations out).
"""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from claims import Lesson, holds, numbers, stay_within
from conversation import PI, PR, REWARDS, SCORES, averaged, chances

from course_utils import policy

LESSON = Lesson("04", "tree-lab")
prose = LESSON.prose
asked = LESSON.predictions
Z = 6.0
R, OF_PATH = REWARDS.sum(axis=1), SCORES.sum(axis=1)

read = LESSON.played()
again = LESSON.played(211, 212, 213)


def test_the_paths(read: Any) -> None:
    paths = read["product-code"]["paths"]
    np.testing.assert_allclose(paths.probabilities, PR, atol=1e-15)
    np.testing.assert_array_equal(paths.returns, R)
    assert [read["product-code"]["by_hand"], PR[1]] == pytest.approx([0.32] * 2)
    assert LESSON.offered("path")[:2] == pytest.approx([PR[1], 0.4])
    assert PR[1] / 0.8 == pytest.approx(0.4)  # the wrong one: a factor forgotten
    assert "Eight conversations, and yours has probability 0.32" in prose
    assert [PR @ R, read["performance-code"]["J"]] == pytest.approx([0.21] * 2)


def test_which_parts_move(read: Any) -> None:
    printed = read["tree-check"]["printed"]
    for moved, on, off in (("first message", 8, 0), ("calm customer", 4, 0), ("calmer customer", 0, 4)):
        assert f"{moved}: policy part moves on {on}, dynamics part on {off}" in printed
    assert asked["parts"]["answer"] == 4
    assert printed.count("sum of Pr 1.00") == 3
    assert printed.rstrip().endswith("J 0.420")
    assert "from 0.21 to 0.42" in prose


def test_the_split_and_the_zero(read: Any) -> None:
    np.testing.assert_allclose(read["zero-code"]["d_policy"], OF_PATH, atol=1e-9)
    assert not read["zero-code"]["d_dynamics"].any()
    assert f"all {OF_PATH.size} entries, of all paths, are\nexactly 0: True" in read["zero-code"]["printed"]
    assert numbers(asked["zero"]["came"]) == [OF_PATH.size, OF_PATH[0].size, len(OF_PATH), 0]
    assert "agree: True" in read["scores"]["printed"]
    factors = read["split-code"]["factors"]
    assert (factors.size, factors.prod()) == (2_000, 0.0)
    assert math.isfinite(np.log(factors).sum())


def test_dynamics_crossed_out_of_the_probability(read: Any) -> None:
    paths, exact = read["keep-code"]["paths"], read["keep-code"]["exact"][:3]
    np.testing.assert_allclose(np.einsum("i,isa,i->sa", PR, OF_PATH, R), exact, atol=1e-14)
    assert paths.policy_probabilities.sum() == pytest.approx(2)
    flawed = np.einsum("i,isa,i->sa", paths.policy_probabilities, OF_PATH, R)
    np.testing.assert_allclose(flawed[:, 0], [-0.5, -0.32, 0.96], atol=1e-12)
    assert np.all(np.abs(flawed - exact) > 0.1)
    assert flawed[0, 0] * exact[0, 0] < 0 < flawed[1, 0] * exact[1, 0]
    np.testing.assert_allclose(exact[:, 1], -exact[:, 0], atol=1e-15)
    holds(prose, "policy's products sum to 2", "points the other way")
    assert asked["keep"]["answer"] == 2
    assert numbers(asked["keep"]["came"])[1:] == pytest.approx([flawed[0, 0], exact[0, 0]])


def test_the_steps_of_the_theorem(read: Any) -> None:
    steps = read["theorem-code"]["steps"]
    assert [name[0] for name in steps] == list("ABCDE")
    np.testing.assert_allclose(list(steps.values()), 0.275, atol=1e-8)
    assert "give 0.275" in prose
    assert "gives 0.275" in asked["theorem"]["came"]


def test_the_likelihood_ratio(read: Any) -> None:
    """J of the new policy, path by path, and the ratio without the customer's numbers."""
    raised = PI.copy()
    raised[0] = policy.softmax(np.log(PI[0]) + np.array([0.5, 0]))
    seen = read["ratio-code"]
    np.testing.assert_allclose(seen["ratio"], np.repeat(raised[0] / PI[0], 4), atol=1e-12)
    assert PR @ (seen["ratio"] * R) == pytest.approx(seen["support"].performance(seen["raised"][0]), abs=1e-12)
    holds(seen["printed"], "dynamics cancel: True")
    told = [numbers(line)[0] for line in seen["printed"].splitlines()[-2:]]
    assert told == pytest.approx([PR @ (seen["ratio"] * R)] * 2, abs=5e-5)


def test_what_convicts_the_two_students(read: Any) -> None:
    flawed = read["error-code"]
    assert flawed["Pr"] @ flawed["d_R"] == 0
    assert "Nudging says that J gains 0.275" in asked["error"]["came"]
    assert numbers(asked["error"]["came"]) == numbers(asked["second"]["came"]) == [0, 0.275]
    without_sum, exact = read["error-second-code"]["without_sum"], read["keep-code"]["exact"]
    np.testing.assert_allclose(without_sum[1:3], exact[1:3], atol=1e-14)
    np.testing.assert_allclose(without_sum[0], 0, atol=1e-15)
    assert "at the first message it is 0" in prose


def test_the_judge(read: Any) -> None:
    verdicts = read["judge-code"]["verdicts"]
    np.testing.assert_array_equal(verdicts, [-1, 1, -1, -1, 1, 1, -1, -1])
    exact = np.einsum("i,isa,i->sa", PR, OF_PATH, verdicts)
    np.testing.assert_allclose(read["judge-code"]["exact_judged"][:3], exact, atol=1e-14)
    assert read["judge-code"]["nudged"] == pytest.approx(exact[0, 0], abs=1e-8)
    np.testing.assert_allclose(exact[2], 0, atol=1e-15)
    # "cannot be written as points r(s, a)": the best fit of eight verdicts by first message + second reply misses
    table = np.array([[a == 0, a == 1, *np.eye(4)[2 * s + b]] for a, s, b in itertools.product((0, 1), repeat=3)])
    fitted = table @ np.linalg.lstsq(table.astype(float), verdicts, rcond=None)[0]
    assert np.abs(fitted - verdicts).max() > 0.2


# --- sampled statements ----------------------------------------------------------------------------------


def deviations(seen: dict[str, dict[str, Any]]) -> dict[str, np.ndarray]:
    """How many exact standard errors each sampled mean of the lesson lies from its exact value."""
    first, judge = seen["performance-code"], seen["judge-code"]
    assert np.all(first["error"] <= 0.0015)
    sullen = chances(calm=np.array([0.4, 0.1]))
    found = {}
    for name, samples, of_path, weights in (
        ("returns", first["R"], R, PR),
        ("frequencies", np.eye(8)[first["which"]], np.eye(8), PR),
        ("theorem", seen["theorem-code"]["terms"], OF_PATH[:, 0, 0] * R, PR),
        ("sullen", seen["model-code"]["terms"][:, :3], OF_PATH * R[:, None, None], sullen),
        ("judge", judge["terms"][:, :3], OF_PATH * judge["verdicts"][:, None, None], PR),
    ):
        mean, variance = averaged(of_path, weights)
        sd = np.sqrt(variance)
        assert np.max(np.abs(of_path - mean) / sd) < 15, "the false-alarm rate above supposes this"
        found[name] = (samples.mean(axis=0) - mean) / sd * math.sqrt(len(samples))
    return found


def test_sampled_means_agree_with_exact_values(again: Any) -> None:
    stay_within(Z, deviations(again))


def test_what_the_reader_sees_is_not_far_off(read: Any) -> None:
    """The stored seed shows nothing odd: the text says “within a few standard errors”."""
    stay_within(3.5, deviations(read))


def test_no_customer_is_an_argument_of_the_scores(read: Any) -> None:
    assert read["scores"]["scores"].__code__.co_varnames[:3] == ("logits", "seen", "replies")
    assert "transitions" not in LESSON.cells["scores"].source.partition("\n\n\n")[0]
    np.testing.assert_allclose(policy.softmax(read["scene-code"]["logits"])[:3], PI, atol=1e-15)
