"""What lesson 04 says about numbers: exact ones against a second way, sampled ones by z-bounds against enumeration.

The lesson's cells run here with seeds that its reader does not see. A false alarm has a chance below 1 in 100,000 for
all sampled tests together: fewer than 80 means of 100,000 bounded terms are held to 6 exact standard errors, and by
Bernstein's inequality each leaves them with a chance below 1e-7 (no term lies over 15 standard deviations out).
"""

import contextlib
import io
import itertools
import math
from typing import Any

import numpy as np
import pytest

from course_utils import policy
from course_utils.build.notebooks import NOTEBOOKS, read_source

SOURCE = NOTEBOOKS / "src" / "04_trajectories.py"
NOT_RUN = ("tree-lab", "turn-", "quiz")
SEED = "default_rng(5)"
Z = 6.0

PI = np.array([[0.5, 0.5], [0.2, 0.8], [0.6, 0.4]])
POINTS = np.array([[-1.0, 0.0], [1.0, 3.0], [0.0, -4.0]])
CALM = {"customer": (0.8, 0.3), "sullen": (0.4, 0.1)}


def written_out(who: str = "customer") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All paths in plain NumPy: probabilities (8,), returns (8,), scores (8, 3, 2)."""
    Pr, R, scores = [], [], []
    for a, s, b in itertools.product((0, 1), (1, 2), (0, 1)):
        calm = CALM[who][a]
        Pr.append(PI[0, a] * (calm if s == 1 else 1 - calm) * PI[s, b])
        R.append(POINTS[0, a] + POINTS[s, b])
        g = np.zeros((3, 2))
        g[0] = np.eye(2)[a] - PI[0]
        g[s] = np.eye(2)[b] - PI[s]
        scores.append(g)
    return np.array(Pr), np.array(R), np.array(scores)


@pytest.fixture(scope="module")
def lesson() -> dict[str, Any]:
    return {cell.metadata["label"]: cell for cell in read_source(SOURCE).cells}


@pytest.fixture(scope="module")
def prose(lesson: dict[str, Any]) -> str:
    words = [word for cell in lesson.values() if cell.cell_type == "markdown" for word in cell.source.split()]
    return " ".join(words)


def play(lesson: dict[str, Any], seed: int) -> dict[str, dict[str, Any]]:
    """Run the code cells in order; keep what each leaves behind, and what it printed."""
    space: dict[str, Any] = {}
    after: dict[str, dict[str, Any]] = {}
    for label, cell in lesson.items():
        if cell.cell_type == "code" and not label.startswith(NOT_RUN):
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(cell.source.replace(SEED, f"default_rng({seed})"), space)
            after[label] = space | {"printed": printed.getvalue()}
    return after


@pytest.fixture(scope="module")
def read(lesson: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the reader sees."""
    assert sum(cell.source.count(SEED) for cell in lesson.values()) == 1
    return play(lesson, 4)


@pytest.fixture(scope="module", params=[211, 212, 213])
def again(lesson: dict[str, Any], request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    return play(lesson, request.param)


# --- exact statements ------------------------------------------------------------------------------------


def test_the_paths(read: Any, prose: str) -> None:
    Pr, R, _ = written_out()
    paths = read["product-code"]["paths"]
    np.testing.assert_allclose(paths.probabilities, Pr, atol=1e-15)
    np.testing.assert_array_equal(paths.returns, R)
    assert read["product-code"]["by_hand"] == pytest.approx(0.32)
    assert pytest.approx(0.32) == Pr[1]
    assert "Eight conversations, and yours has probability 0.32" in prose
    assert pytest.approx(0.21) == Pr @ R
    assert read["performance-code"]["J"] == pytest.approx(0.21)


def test_which_parts_move(read: Any, prose: str) -> None:
    printed = read["tree-check"]["printed"]
    for line in (
        "first message: policy part moves on 8, dynamics part on 0",
        "calm customer: policy part moves on 4, dynamics part on 0",
        "calmer customer: policy part moves on 0, dynamics part on 4",
    ):
        assert line in printed
    assert printed.count("sum of Pr 1.00") == 3
    assert printed.rstrip().endswith("J 0.420")
    assert "from 0.21 to 0.42" in prose


def test_the_split_and_the_zero(read: Any) -> None:
    _, _, scores = written_out()
    np.testing.assert_allclose(read["zero-code"]["d_policy"], scores, atol=1e-9)
    assert not read["zero-code"]["d_dynamics"].any()
    assert "exactly 0: True" in read["zero-code"]["printed"]
    assert "agree to 1e-8: True" in read["scores"]["printed"]
    factors = read["split-code"]["factors"]
    assert (factors.size, factors.prod()) == (2_000, 0.0)
    assert math.isfinite(np.log(factors).sum())


def test_dynamics_crossed_out_of_the_probability(read: Any, prose: str) -> None:
    Pr, R, scores = written_out()
    paths, exact = read["keep-code"]["paths"], read["keep-code"]["exact"][:3]
    np.testing.assert_allclose(np.einsum("i,isa,i->sa", Pr, scores, R), exact, atol=1e-14)
    assert paths.policy_probabilities.sum() == pytest.approx(2)
    flawed = np.einsum("i,isa,i->sa", paths.policy_probabilities, scores, R)
    np.testing.assert_allclose(flawed[:, 0], [-0.5, -0.32, 0.96], atol=1e-12)
    assert np.all(np.abs(flawed - exact) > 0.1)
    assert flawed[0, 0] * exact[0, 0] < 0 < flawed[1, 0] * exact[1, 0]
    np.testing.assert_allclose(exact[:, 1], -exact[:, 0], atol=1e-15)
    assert "policy parts sum to 2" in prose
    assert "points the other way" in prose


def test_the_steps_of_the_theorem(read: Any, prose: str) -> None:
    steps = read["theorem-code"]["steps"]
    assert [name[0] for name in steps] == list("DBFEA")
    np.testing.assert_allclose(list(steps.values()), 0.275, atol=1e-8)
    assert "**D, B, F, E, A, C**" in prose
    assert "give 0.275" in prose


def test_what_convicts_the_two_students(read: Any, prose: str) -> None:
    flawed = read["error-code"]
    assert flawed["Pr"] @ flawed["d_R"] == 0
    assert "Nudging says that $J$ gains 0.275" in prose
    without_sum, exact = read["error-second-code"]["without_sum"], read["keep-code"]["exact"]
    np.testing.assert_allclose(without_sum[1:3], exact[1:3], atol=1e-14)
    np.testing.assert_allclose(without_sum[0], 0, atol=1e-15)
    assert "at the first message it is 0" in prose


def test_the_judge(read: Any) -> None:
    Pr, _, scores = written_out()
    verdicts = read["judge-code"]["verdicts"]
    np.testing.assert_array_equal(verdicts, [-1, 1, -1, -1, 1, 1, -1, -1])
    exact = np.einsum("i,isa,i->sa", Pr, scores, verdicts)
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
    Pr, R, scores = written_out()
    found = {}

    def compare(name: str, samples: np.ndarray, of_path: np.ndarray, weights: np.ndarray) -> None:
        mean = np.tensordot(weights, of_path, axes=1)
        sd = np.sqrt(np.tensordot(weights, (of_path - mean) ** 2, axes=1))
        assert np.max(np.abs(of_path - mean) / sd) < 15, "the false-alarm rate above supposes this"
        found[name] = (samples.mean(axis=0) - mean) / sd * math.sqrt(len(samples))

    first = seen["performance-code"]
    compare("returns", first["R"], R, Pr)
    compare("frequencies", np.eye(8)[first["which"]], np.eye(8), Pr)
    assert np.all(first["error"] <= 0.0015)
    compare("theorem", seen["theorem-code"]["terms"], scores[:, 0, 0] * R, Pr)
    other, R_other, _ = written_out("sullen")
    compare("sullen", seen["model-code"]["terms"][:, :3], scores * R_other[:, None, None], other)
    verdicts = seen["judge-code"]["verdicts"]
    compare("judge", seen["judge-code"]["terms"][:, :3], scores * verdicts[:, None, None], Pr)
    return found


def test_sampled_means_agree_with_exact_values(again: Any) -> None:
    for name, z in deviations(again).items():
        assert np.all(np.abs(z) < Z), f"{name}: {z}"


def test_what_the_reader_sees_is_not_far_off(read: Any) -> None:
    """The stored seed shows nothing odd: the text says “within a few standard errors”."""
    for name, z in deviations(read).items():
        assert np.all(np.abs(z) < 3.5), f"{name}: {z}"


def test_no_customer_is_an_argument_of_the_scores(read: Any, lesson: dict[str, Any]) -> None:
    assert read["scores"]["scores"].__code__.co_varnames[:3] == ("logits", "seen", "replies")
    assert "transitions" not in lesson["scores"].source.partition("\n\n\n")[0]
    np.testing.assert_allclose(policy.softmax(read["scene-code"]["logits"])[:3], PI, atol=1e-15)
