"""What lesson 03 says about numbers: exact statements to the digit, sampled ones against exact values by z-bounds.

The lesson's own cells run here, with other seeds than the reader's. False alarms of all sampled tests together: below
1 in 5,000. Every bound is z = 6 on a mean of at least 500 bounded or Gaussian terms, or of 100,000 squares of such, a
chance below 1e-6 each by Bernstein's inequality, and fewer than 200 such bounds are drawn.
"""

import math
from typing import Any

import numpy as np
import pytest
from claims import Lesson, holds, numbers, stay_within

from course_utils import policy
from course_utils.widgets import EstimatorExplorer

LESSON = Lesson("03", "differences-figure")
prose = LESSON.prose
asked = LESSON.predictions
Z = 6.0


first = LESSON.played()
other = LESSON.played(101, 102, 103)

PI, R = np.array([0.5, 0.3, 0.2]), np.array([2.0, 1.0, -1.0])
GRADIENT = np.array([0.45, -0.03, -0.42])
SCORE = np.eye(3) - PI


def moments(terms: np.ndarray, probabilities: np.ndarray = PI) -> tuple[np.ndarray, np.ndarray]:
    """Exact mean and standard deviation of one draw, from what each action would give."""
    mean = probabilities @ terms
    return mean, np.sqrt(probabilities @ (terms - mean) ** 2)


def test_the_gradient_and_what_the_tempting_mean_closes_in_on(first: Any) -> None:
    wanted = first["wanted-code"]
    for name in ("by_nudging", "by_sum", "by_package"):
        np.testing.assert_allclose(wanted[name], GRADIENT, atol=1e-8)
    assert "largest difference below 1e-8: True" in wanted["printed"]
    limit = first["tempting-code"]["closes_in_on"]
    np.testing.assert_allclose(limit, [0.225, -0.075, -0.15], atol=1e-14)
    np.testing.assert_allclose(limit / GRADIENT, [0.5, 2.5, 0.357], atol=5e-4)
    assert numbers(asked["tempting"]["came"]) == pytest.approx([*limit, *GRADIENT, 0.5, 2.5, 0.36], abs=0.003)
    d_pi = wanted["d_pi"]
    np.testing.assert_allclose(d_pi.sum(axis=0), asked["weights"]["answer"], atol=1e-16)
    assert numbers(asked["weights"]["came"])[:3] == pytest.approx(d_pi[:, 0])
    assert d_pi[1, 0] == pytest.approx(-0.15)
    np.testing.assert_allclose((3 * d_pi * R[:, None]).mean(axis=0), GRADIENT, atol=1e-14)  # drawing equally would do
    assert np.abs(PI @ (d_pi * R[:, None]) - GRADIENT).max() > 0.1  # drawing from the policy does not
    no_mean = "it is no expectation under the policy. Averaging $\\partial\\pi\\,R$ over samples of the policy"
    holds(prose, "off by 0.5, 2.5 and 0.36", "frequency −0.15", no_mean)
    assert "cannot be sampled" not in prose
    np.testing.assert_allclose(first["trick-steps"]["step_2"], GRADIENT, atol=1e-14)
    assert "in all nine entries: True" in first["trick-steps"]["printed"]


def test_noise_falls_like_one_over_root_m(first: Any) -> None:
    _, sd = moments(SCORE * R[:, None])
    assert np.linalg.norm(sd) == pytest.approx(0.900, abs=5e-4)
    holds(prose, "stays at 0.900", "$\\sqrt{v/m}$, with the variance $v$ of one sample", "$10^{94}$")
    np.testing.assert_allclose(first["noise-code"]["one_sample"], sd**2, atol=1e-14)
    assert first["noise-code"]["printed"].count("exact × √m = 0.900") == 4
    assert asked["cloud"]["answer"] == math.sqrt(100)
    assert "0.900 divided by the root of m" in asked["cloud"]["came"]
    assert round(first["uniform-code"]["replies"]) == 94


def test_flawed_derivation(first: Any) -> None:
    flawed = first["flawed-code"]
    assert flawed["pi"] @ flawed["d_points"] == 0
    assert [flawed["d_J"], flawed["d_policy"] @ R] == pytest.approx([0.45] * 2, abs=1e-7)
    assert "at a rate of 0.45" in prose
    assert numbers(asked["flawed"]["came"]) == [0, 0.45, 0.45]
    assert asked["flawed"]["options"][1]["right"]


def test_pathwise(first: Any) -> None:
    """Exact values by Gauss–Hermite quadrature and the normal density; pathwise is less noisy where it is right."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights, x = weights / weights.sum(), 8 + 3 * nodes
    smooth_score, slope = (x - 8) / 9 * -((x - 10) ** 2) / 20, -(x - 10) / 10
    assert [weights @ smooth_score, weights @ slope] == pytest.approx([0.2, 0.2])
    assert weights @ (smooth_score - 0.2) ** 2 > (2 * 0.3) ** 2  # the slope has standard deviation 3/10
    _, by_path, truth = first["pathwise-code"]["cases"]["step"]
    density = math.exp(-((10 - 8) ** 2) / 18) / (3 * math.sqrt(2 * math.pi))  # how Pr(x > 10) grows with μ
    assert truth == pytest.approx(density, abs=1e-8)
    assert not by_path.any()
    assert numbers(asked["pathwise"]["came"]) == pytest.approx([0.2, truth, 0, 0], abs=0.0005)


def test_the_gaussian_score(first: Any) -> None:
    """Both scores against the printed nudges, and their means 0 by Gauss–Hermite quadrature."""
    rows = [numbers(line) for line in first["gaussian-code"]["printed"].splitlines() if line.startswith("x =")]
    for x, *told in rows:
        by_formula = [(x - 8) / 9, ((x - 8) / 3) ** 2 - 1]
        assert told == pytest.approx([*by_formula, *by_formula], abs=5e-5)
    assert [row[0] for row in rows] == [2, 8, 9, 14]
    answer, density = (14 - 8) / 9, math.exp(-((14 - 8) ** 2) / 18) / (3 * math.sqrt(2 * math.pi))
    told = [answer, (14 - 8) / 3, -answer, 14 - 8, answer * density]
    assert LESSON.offered("gaussian") == pytest.approx(told, abs=5e-5)
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    assert weights @ np.stack([nodes / 3, nodes**2 - 1], axis=1) == pytest.approx(0, abs=1e-12)


def test_finite_differences(first: Any) -> None:
    exact_difference = first["differences-code"]["exact_difference"]

    def distance(h: float, m: int) -> float:
        mean, variance = exact_difference(h, m)
        return math.sqrt(((mean - GRADIENT) ** 2).sum() + variance.sum())

    table = {h: distance(h, 600) for h in (0.01, 0.1, 0.5, 1.0, 1.5, 2.0, 3.0)}
    best = min(table, key=table.__getitem__)
    of_score = 0.9001 / math.sqrt(600)
    assert (best, round(table[best], 3), round(of_score, 3)) == (1.5, 0.110, 0.037)
    assert table[best] / of_score == pytest.approx(3.0, abs=0.05)
    assert numbers(asked["budget"]["came"]) == [1.5, 0.110, 0.037]
    biases = [np.linalg.norm(exact_difference(h, 600)[0] - GRADIENT) for h in table]
    noises = [exact_difference(h, 600)[1].sum() for h in table]
    assert biases == sorted(biases)
    assert noises == sorted(noises, reverse=True)
    far = exact_difference(2.0, 10_000)[0]
    assert [far[0], distance(2.0, 60_000)] == pytest.approx([0.343, 0.109], abs=5e-4)
    lab = EstimatorExplorer(quantities=R, samples=10_000, h=2.0)
    np.testing.assert_allclose(lab.finite_differences().mean, far, atol=1e-12)
    told = "$h=1.5$, at a distance of 0.110", "at 0.037: three times closer", "settle at about 0.343", "flat at 0.109"
    holds(prose, *told)


def test_the_mark_of_the_figure_hides_the_standard_error(first: Any) -> None:
    """400 squared Gaussian distances: their root mean square is within 3.6 %, a pixel or two of four decades."""
    lines = first["differences-budgets"]["lines"]
    top, low = max(max(line) for line in lines.values()), min(min(line) for line in lines.values())
    pixels_for_each_decade = 360 / math.log10(top / low)
    assert pixels_for_each_decade * math.log10(1 + math.sqrt(2 / 400) / 2) < 3


# --- sampled statements ----------------------------------------------------------------------------------


def all_z(seen: dict[str, dict[str, Any]]) -> dict[str, np.ndarray]:
    """How many exact standard errors the lesson's sampled means lie from their exact values."""

    def z(terms: np.ndarray, of_action: np.ndarray, probabilities: np.ndarray = PI) -> np.ndarray:
        mean, sd = moments(of_action, probabilities)
        return np.asarray((terms.mean(axis=0) - mean) / sd * math.sqrt(len(terms)))

    terms = {
        label: seen[label]["terms"] for label in ("tempting-code", "trick-sample", "trick-package", "uniform-code")
    }
    weighted, (drawn, rewards) = SCORE * R[:, None], (seen["weight-sample"][name] for name in ("drawn", "rewards"))
    pathwise, gaussian = seen["pathwise-code"]["cases"], seen["gaussian-code"]
    step, slopes = seen["pathwise-code"]["voucher_score"] * pathwise["step"][0], pathwise["smooth"][1]
    scores = np.stack([gaussian["for_mu"] * 3, gaussian["for_log_sigma"] / math.sqrt(2)])
    of_rewards = {name: z(SCORE[drawn] * r[drawn, None], SCORE * r[:, None]) for name, r in rewards.items()}
    return of_rewards | {
        "tempting": z(terms["tempting-code"], PI[:, None] * weighted),
        "trick": z(terms["trick-sample"], weighted),
        "package": z(terms["trick-package"], weighted),
        "uniform": z(terms["uniform-code"], 3 * PI[:, None] * weighted, np.full(3, 1 / 3)),
        "points": z(seen["scene-code"]["points"].ravel(), R),
        "pathwise, step": (step.mean() - pathwise["step"][2]) / step.std() * math.sqrt(step.size),
        "pathwise, smooth": (slopes.mean() - 0.2) / 0.3 * math.sqrt(slopes.size),
        "gaussian": scores.mean(axis=1) * math.sqrt(scores.shape[1]),
    }


def test_sampled_means_agree_with_exact_values(other: Any) -> None:
    stay_within(Z, all_z(other))


def test_what_the_reader_sees_is_not_far_off(first: Any) -> None:
    """The stored seed shows nothing odd: the text says “within a few standard errors”."""
    stay_within(3.5, all_z(first))


def test_the_tempting_mean_is_precise_and_wrong(other: Any) -> None:
    """Its entries are over 30 standard errors from the gradient: chance takes no one there."""
    seen = other["tempting-code"]
    assert np.all(np.abs(seen["tempting"] - GRADIENT) > 30 * seen["error"])


def test_measured_distances_agree_with_exact_ones(other: Any) -> None:
    """Means of n squared distances of (nearly) Gaussian estimates: variance 2 tr Σ² + 4 bᵀΣb, each over n."""
    seen = other["differences-budgets"]
    of_score = (SCORE * R[:, None]).T @ (PI[:, None] * SCORE * R[:, None]) - np.outer(GRADIENT, GRADIENT)
    for name, marks in seen["marks"].items():
        for m, line, mark in zip(seen["budgets"], seen["lines"][name], marks, strict=True):
            if m < 600:
                continue  # too few draws to be Gaussian
            if name == "score function":
                covariance, bias = of_score / m, np.zeros(3)
            else:
                mean, variance = seen["exact_difference"](float(name.split("=")[1]), m)
                covariance, bias = np.diag(variance), mean - GRADIENT
            spread = math.sqrt((2 * (covariance**2).sum() + 4 * bias @ covariance @ bias) / 400)
            assert line**2 == pytest.approx(np.trace(covariance) + bias @ bias)
            assert abs(mark**2 - line**2) < Z * 1.1 * spread, f"{name}, m = {m}"
    # the last row that the two tables printed: m = 10,000 and h = 3
    squared = other["noise-code"]["squared"]
    expected = np.trace(of_score) / 10_000
    assert abs(squared.mean() - expected) < Z * 1.1 * math.sqrt(2 * (of_score**2).sum() / 400) / 10_000


def test_the_compilers_verdict(first: Any) -> None:
    np.testing.assert_array_equal(first["weight-code"]["rewards"]["compiler"], [0, 1, 0])
    np.testing.assert_array_equal(policy.softmax(first["scene-code"]["logits"]).round(12), PI)
