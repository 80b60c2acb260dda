"""The Advantage Lab seen from Python: its arithmetic, its checks, what it shows without a browser."""

import math
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from refusals import bad
from traitlets import TraitError

from course_utils import progress
from course_utils.widgets import AdvantageLab
from course_utils.widgets.advantage_lab import PRESETS
from course_utils.widgets.lab import uniform


def softmax(z: Any) -> Any:
    e = np.exp(np.asarray(z) - np.max(z))
    return e / e.sum()


def test_expected_step_is_softmax_of_logits_plus_step_size_times_gradient() -> None:
    lab = AdvantageLab(advantages=[1.0, 0.1, -2.65], logits=np.log([0.5, 0.3, 0.2]), step_size=2.0)
    gradient = [0.5 * 1.0, 0.3 * 0.1, 0.2 * -2.65]  # the mean advantage is 0
    expected = softmax(np.log([0.5, 0.3, 0.2]) + 2.0 * np.array(gradient))
    np.testing.assert_allclose(lab.probabilities_after, expected, rtol=0, atol=1e-14)
    lab.step()
    np.testing.assert_allclose(lab.probabilities, expected, rtol=0, atol=1e-14)
    assert lab.steps_taken == 1


def test_sampled_steps_add_up_weighted_scores() -> None:
    lab = AdvantageLab(advantages=[2.0, 0.5, -1.0], logits=[0.3, 0.0, -0.2], mode="sampled_trajectory", seed=4)
    pi = softmax(lab.logits)
    gradient = sum(lab.advantages[a] * (np.eye(3)[a] - pi) for a in lab.sampled_actions)
    assert len(lab.sampled_actions) == 5
    np.testing.assert_allclose(lab.probabilities_after, softmax(np.array(lab.logits) + gradient), atol=1e-14)


def test_the_same_seed_draws_the_same_and_new_sample_draws_the_next() -> None:
    first, second = (AdvantageLab(mode="sampled_trajectory", seed=7) for _ in range(2))
    assert first.sampled_actions == second.sampled_actions
    seen = set()
    for _ in range(10):
        seen.add(tuple(first.sampled_actions))
        first.new_sample()
    assert len(seen) > 1
    first.reset()
    assert first.sampled_actions == second.sampled_actions


@pytest.mark.long
def test_samples_follow_the_policy() -> None:
    """Chi-square over 20,000 draws; false-alarm rate 1e-9."""
    lab = AdvantageLab(logits=np.log([0.5, 0.3, 0.2]), mode="sampled_trajectory", trajectory_length=20)
    counts = np.zeros(3)
    for draw in range(1000):
        lab.draw = draw
        counts += np.bincount(lab.sampled_actions, minlength=3)
    expected = 20_000 * np.array([0.5, 0.3, 0.2])
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < -2 * math.log(1e-9)  # two degrees of freedom: P(χ² > x) = exp(−x / 2), exactly


def test_uniform_is_uniform_in_each_part_of_its_key() -> None:
    """Means of 20,000 numbers against 1/2 ± z/√(12 n); false-alarm rate 1e-9 for each of three."""
    n = 20_000
    for keys in ([(k, 0, 0) for k in range(n)], [(0, k, 0) for k in range(n)], [(3, 5, k) for k in range(n)]):
        numbers = np.array([uniform(*key) for key in keys])
        assert 0 <= numbers.min() <= numbers.max() < 1
        assert abs(numbers.mean() - 0.5) < NormalDist().inv_cdf(1 - 1e-9 / 2) / math.sqrt(12 * n)


def test_presets_show_what_they_are_named_for() -> None:
    labs = {name: AdvantageLab(preset=name) for name in PRESETS}
    falling, idle, equal = (labs[name] for name in ("small_positive", "zero_advantage", "all_equal"))
    assert falling.advantages[1] > 0
    assert falling.probabilities_after[1] < falling.probabilities[1] - 0.01
    assert idle.advantages[1] == 0
    assert abs(idle.probabilities_after[1] - idle.probabilities[1]) > 0.01
    np.testing.assert_allclose(equal.probabilities_after, equal.probabilities, atol=1e-15)
    for lab in (falling, idle):
        assert abs(np.dot(lab.probabilities, lab.advantages)) < 1e-12, "true advantages average to 0"
    assert {lab.mode for lab in labs.values()} == {"expected", "sampled_action", "sampled_trajectory"}


def test_setting_probabilities_sets_the_logits() -> None:
    lab = AdvantageLab()
    lab.probabilities = [0.2, 0.3, 0.5]
    np.testing.assert_allclose(softmax(lab.logits), [0.2, 0.3, 0.5], atol=1e-15)


def test_a_prediction_goes_into_the_learners_record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("POLICY_GRADIENT_COURSE_PROGRESS", str(tmp_path / "progress.json"))
    lab = AdvantageLab(preset="small_positive", predict_first=True)
    lab.predictions = [{"total_variation": 0.1}]
    assert progress.summary()["08"]["predictions"]["count"] == 1


def test_bad_arguments_are_refused_by_name() -> None:
    told = "advantages has 2, logits has 3 .*the same number"
    bad(TraitError, told, AdvantageLab, advantages=[1.0, 2.0], logits=[0.0, 0.0, 0.0])
    bad(TraitError, "preset is 'nonsense', expected one of three_actions", AdvantageLab, preset="nonsense")
    both = {"advantages": [1.0, 0.0], "action_values": [1.0, 0.0]}
    bad(TraitError, "advantages and action_values are both given", AdvantageLab, **both)


def test_with_q_kept_the_advantages_are_those_of_each_policy() -> None:
    Q = np.array([4.0, 3.1, 0.35])
    lab = AdvantageLab(action_values=Q, logits=np.log([0.5, 0.3, 0.2]))
    np.testing.assert_allclose(lab.advantages, [1.0, 0.1, -2.65], atol=1e-12)
    lab.step(10)
    pi = softmax(lab.logits)
    np.testing.assert_allclose(lab.advantages, Q - pi @ Q, atol=1e-12)
    np.testing.assert_allclose(lab.action_values, Q, atol=1e-12)
    assert len(lab.path) == 11
    np.testing.assert_allclose(lab.path[-1], pi, atol=1e-12)
    lab.reset()
    np.testing.assert_allclose([*lab.advantages, lab.state_value], [1.0, 0.1, -2.65, 3.0], atol=1e-12)
    assert len(lab.former) == 11
    kept = AdvantageLab(advantages=[1.0, 0.1, -2.65], logits=np.log([0.5, 0.3, 0.2]))
    kept.step(10)
    assert kept.advantages == [1.0, 0.1, -2.65]
    np.testing.assert_allclose(kept.probabilities, pi, atol=1e-12, err_msg="a constant on all A moves no expected step")
    kept.keep = "action_values"
    np.testing.assert_allclose(kept.advantages, lab.action_values - pi @ Q, atol=1e-12)
