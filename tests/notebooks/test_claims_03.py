"""What lesson 03 says about numbers: exact statements to the digit, sampled ones against exact values by z-bounds.

The lesson's own cells run here, with other seeds than the reader's. False alarms of all sampled tests together: below
1 in 5,000. Every bound is z = 6 on a mean of at least 500 bounded or Gaussian terms, or of 100,000 squares of such, a
chance below 1e-6 each by Bernstein's inequality, and fewer than 200 such bounds are drawn.
"""

import math
from typing import Any

import numpy as np
import pytest
from claims import After, Lesson, numbers

from course_utils import policy
from course_utils.widgets import EstimatorExplorer

LESSON = Lesson("03", "differences-figure")
prose = LESSON.prose
asked = LESSON.predictions
Z = 6.0


@pytest.fixture(scope="module")
def first() -> After:
    """The lesson as its reader sees it."""
    return LESSON.play()


@pytest.fixture(scope="module", params=[101, 102, 103])
def other(request: pytest.FixtureRequest) -> After:
    return LESSON.play(request.param)


# --- exact statements ------------------------------------------------------------------------------------

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
    assert "off by 0.5, 2.5 and 0.36" in prose
    assert numbers(asked["tempting"]["came"]) == pytest.approx([*limit, *GRADIENT, 0.5, 2.5, 0.36], abs=0.003)
    d_pi = first["wanted-code"]["d_pi"]
    np.testing.assert_allclose(d_pi.sum(axis=0), asked["weights"]["answer"], atol=1e-16)
    assert numbers(asked["weights"]["came"])[:3] == pytest.approx(d_pi[:, 0])
    assert d_pi[1, 0] == pytest.approx(-0.15)
    assert "frequency −0.15" in prose
    np.testing.assert_allclose((3 * d_pi * R[:, None]).mean(axis=0), GRADIENT, atol=1e-14)  # drawing equally would do
    assert np.abs(PI @ (d_pi * R[:, None]) - GRADIENT).max() > 0.1  # drawing from the policy does not
    assert "it is no expectation under the policy. Averaging $\\partial\\pi\\,R$ over samples of the policy" in prose
    assert "cannot be sampled" not in prose
    np.testing.assert_allclose(first["trick-steps"]["step_2"], GRADIENT, atol=1e-14)
    assert "in all nine entries: True" in first["trick-steps"]["printed"]


def test_noise_falls_like_one_over_root_m(first: Any) -> None:
    _, sd = moments(SCORE * R[:, None])
    assert np.linalg.norm(sd) == pytest.approx(0.900, abs=5e-4)
    assert "stays at 0.900" in prose
    assert "$\\sqrt{v/m}$, with the variance $v$ of one sample" in prose
    np.testing.assert_allclose(first["noise-code"]["one_sample"], sd**2, atol=1e-14)
    assert first["noise-code"]["printed"].count("exact × √m = 0.900") == 4
    assert asked["cloud"]["answer"] == math.sqrt(100)
    assert "0.900 divided by the root of m" in asked["cloud"]["came"]
    assert round(first["uniform-code"]["replies"]) == 94
    assert "$10^{94}$" in prose


def test_flawed_derivation(first: Any) -> None:
    flawed = first["flawed-code"]
    assert flawed["pi"] @ flawed["d_points"] == 0
    assert flawed["d_J"] == pytest.approx(0.45, abs=1e-7)
    assert flawed["d_policy"] @ R == pytest.approx(0.45, abs=1e-7)
    assert "at a rate of 0.45" in prose
    assert numbers(asked["flawed"]["came"]) == [0, 0.45, 0.45]
    assert asked["flawed"]["options"][1]["right"]


def test_pathwise(first: Any) -> None:
    """Exact values by Gauss–Hermite quadrature and the normal density; pathwise is less noisy where it is right."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    x = 8 + 3 * nodes
    smooth_score = (x - 8) / 9 * -((x - 10) ** 2) / 20
    assert weights @ smooth_score == pytest.approx(0.2)
    assert weights @ (-(x - 10) / 10) == pytest.approx(0.2)
    score_sd = math.sqrt(weights @ (smooth_score - 0.2) ** 2)
    assert score_sd > 2 * 0.3  # the slope −(x − 10)/10 has standard deviation 3/10
    truth = first["pathwise-code"]["cases"]["step"][2]
    nudge = 1e-5
    accepted = [0.5 * math.erfc((10 - mu) / (3 * math.sqrt(2))) for mu in (8 + nudge, 8 - nudge)]
    assert truth == pytest.approx((accepted[0] - accepted[1]) / (2 * nudge), abs=1e-8)
    assert not first["pathwise-code"]["cases"]["step"][1].any()
    assert numbers(asked["pathwise"]["came"]) == pytest.approx([0.2, truth, 0, 0], abs=0.0005)


def test_the_gaussian_score(first: Any) -> None:
    """Both scores against the printed nudges, and their means 0 by Gauss–Hermite quadrature."""
    rows = [numbers(line) for line in first["gaussian-code"]["printed"].splitlines() if line.startswith("x =")]
    for x, *told in rows:
        by_formula = [(x - 8) / 9, ((x - 8) / 3) ** 2 - 1]
        assert told == pytest.approx([*by_formula, *by_formula], abs=5e-5)
    assert [row[0] for row in rows] == [2, 8, 9, 14]
    answer = asked["gaussian"]["answer"]
    assert answer == pytest.approx((14 - 8) / 9, abs=5e-5)
    density = math.exp(-((14 - 8) ** 2) / 18) / (3 * math.sqrt(2 * math.pi))
    wrong = [each["value"] for each in asked["gaussian"]["wrong"]]
    assert wrong == pytest.approx([(14 - 8) / 3, -answer, 14 - 8, answer * density], abs=5e-5)
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
    assert all(text in prose for text in ("$h=1.5$, at a distance of 0.110", "at 0.037: three times closer"))
    assert numbers(asked["budget"]["came"]) == [1.5, 0.110, 0.037]
    biases = [np.linalg.norm(exact_difference(h, 600)[0] - GRADIENT) for h in table]
    noises = [exact_difference(h, 600)[1].sum() for h in table]
    assert biases == sorted(biases)
    assert noises == sorted(noises, reverse=True)
    assert exact_difference(2.0, 10_000)[0][0] == pytest.approx(0.343, abs=5e-4)
    assert "settle at about 0.343" in prose
    lab = EstimatorExplorer(quantities=R, samples=10_000, h=2.0)
    np.testing.assert_allclose(lab.finite_differences().mean, exact_difference(2.0, 10_000)[0], atol=1e-12)
    assert distance(2.0, 60_000) == pytest.approx(0.109, abs=5e-4)
    assert "flat at 0.109" in prose


def test_the_mark_of_the_figure_hides_the_standard_error(first: Any) -> None:
    """400 squared Gaussian distances: their root mean square is within 3.6 %, a pixel or two of four decades."""
    lines = first["differences-budgets"]["lines"]
    top, low = max(max(line) for line in lines.values()), min(min(line) for line in lines.values())
    pixels_for_each_decade = 360 / math.log10(top / low)
    assert pixels_for_each_decade * math.log10(1 + math.sqrt(2 / 400) / 2) < 3


# --- sampled statements ----------------------------------------------------------------------------------


def all_z(seen: dict[str, dict[str, Any]]) -> dict[str, np.ndarray]:
    """How many exact standard errors the lesson's sampled means lie from their exact values."""
    z = {}
    for label, of_action, probabilities in (
        ("tempting-code", PI[:, None] * SCORE * R[:, None], PI),
        ("trick-sample", SCORE * R[:, None], PI),
        ("trick-package", SCORE * R[:, None], PI),
        ("uniform-code", 3 * PI[:, None] * SCORE * R[:, None], np.full(3, 1 / 3)),
    ):
        terms = seen[label]["terms"]
        mean, sd = moments(of_action, probabilities)
        z[label] = (terms.mean(axis=0) - mean) / sd * math.sqrt(len(terms))
    points = seen["scene-code"]["points"]
    mean, sd = moments(R)
    z["scene-code"] = (points.mean() - mean) / sd * math.sqrt(points.size)
    drawn = seen["weight-sample"]["drawn"]
    for name, reward in seen["weight-sample"]["rewards"].items():
        mean, sd = moments(SCORE * reward[:, None])
        np.testing.assert_allclose(mean, PI * (reward - PI @ reward), atol=1e-14)
        z[name] = ((SCORE[drawn] * reward[drawn, None]).mean(axis=0) - mean) / sd * math.sqrt(drawn.size)
    step, truth = seen["pathwise-code"]["cases"]["step"][0], seen["pathwise-code"]["cases"]["step"][2]
    terms = seen["pathwise-code"]["voucher_score"] * step
    z["pathwise, step"] = (terms.mean() - truth) / terms.std() * math.sqrt(terms.size)
    scores = np.stack([seen["gaussian-code"]["for_mu"] * 3, seen["gaussian-code"]["for_log_sigma"] / math.sqrt(2)])
    z["gaussian"] = scores.mean(axis=1) * math.sqrt(scores.shape[1])
    smooth = seen["pathwise-code"]["cases"]["smooth"][1]
    z["pathwise, smooth"] = (smooth.mean() - 0.2) / 0.3 * math.sqrt(smooth.size)
    return z


def test_sampled_means_agree_with_exact_values(other: Any) -> None:
    for label, z in all_z(other).items():
        assert np.all(np.abs(z) < Z), f"{label}: {z}"


def test_what_the_reader_sees_is_not_far_off(first: Any) -> None:
    """The stored seed shows nothing odd: the text says “within a few standard errors”."""
    for label, z in all_z(first).items():
        assert np.all(np.abs(z) < 3.5), f"{label}: {z}"


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
