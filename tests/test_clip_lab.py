"""The clip lab's Python side: one sample and the batch against the objective and longhand, traits, first frame."""

import numpy as np
import pytest
from refusals import bad

from course_utils import policy
from course_utils.objectives import ppo_clip_objective
from course_utils.widgets import ClipLab, clip_lab
from course_utils.widgets.clip_lab import ADVANTAGES, BATCH, SAMPLED, START_LOGITS, WORLD, ascend, one_sample

OLD = np.array([0.6, 0.3, 0.1])


@pytest.mark.long
@pytest.mark.parametrize(
    ("ratio", "advantage", "surrogate", "gradient", "outside", "active"),
    [
        (1.5, 1.0, 1.2 * 1.0, 0.0, True, True),  # likelier and good: off
        (1.5, -1.0, 1.5 * -1.0, -1.5, True, False),  # likelier and bad: pushes back
        (0.5, 2.0, 0.5 * 2.0, 1.0, True, False),  # rarer and good: pushes back
        (0.5, -2.0, 0.8 * -2.0, 0.0, True, True),  # rarer and bad: off
        (1.1, 2.0, 1.1 * 2.0, 1.1 * 2.0, False, False),
        (0.9, -2.0, 0.9 * -2.0, 0.9 * -2.0, False, False),
        (1.2, 1.0, 1.2, 1.2, False, False),  # at the corner the gradient is still on
        (0.8, -1.0, -0.8, -0.8, False, False),
        (0.0, 1.0, 0.0, 0.0, True, False),
        (2.0, 0.0, 0.0, 0.0, True, False),
    ],
)
def test_one_sample_longhand(ratio, advantage, surrogate, gradient, outside, active):
    lab = ClipLab(ratio, advantage, 0.2)
    assert lab.surrogate() == pytest.approx(surrogate, abs=1e-15)
    assert lab.gradient() == pytest.approx(gradient, abs=1e-15)
    seen = lab.sample()
    assert (seen.outside, seen.active) == (outside, active)
    assert seen.surrogate == min(seen.unclipped, seen.clipped)


def test_one_sample_is_the_objectives():
    rng = np.random.default_rng(3)
    for _ in range(200):
        ratio, advantage, epsilon = rng.uniform(0.001, 2), rng.uniform(-2, 2), rng.uniform(0, 0.5)
        p = 0.4 * ratio
        logits = np.log([p, 1 - p])
        objective = ppo_clip_objective(logits[None], [np.log(0.4)], [0], [advantage], epsilon)
        seen = one_sample(ratio, advantage, epsilon)
        assert seen.surrogate == pytest.approx(objective.value, abs=1e-12)
        np.testing.assert_allclose(seen.gradient * np.array([1 - p, p - 1]), objective.grad_logits[0], atol=1e-12)
        assert seen.active == objective.active[0]
        assert seen.outside == bool(objective.clip_fraction)


def test_one_sample_and_the_batch_refuse_by_name():
    for name, wrong in {"ratio": -0.1, "advantage": float("nan"), "epsilon": -1.0}.items():
        bad(ValueError, name, one_sample, **{"ratio": 1.0, "advantage": 1.0, "epsilon": 0.2} | {name: wrong})
    bad(ValueError, "logits has shape", clip_lab.batch_objective, np.zeros(2), 0.2)
    bad(ValueError, "step_size", ascend, 0.2, -1.0, 3)
    bad(ValueError, "steps", ascend, 0.2, 1.0, -3)
    bad(TypeError, r"steps is 0\.9, expected a whole number", ascend, 0.2, 1.0, 0.9)


def longhand(epsilon, step_size, steps, clip):
    """Gradient ascent on the batch, one sample after the other."""
    logits, policies = np.log(OLD), [OLD]
    for _ in range(steps):
        pi, gradient = policies[-1], np.zeros(3)
        for action, advantage in BATCH:
            ratio = pi[action] / OLD[action]
            off = ratio > 1 + epsilon if advantage > 0 else ratio < 1 - epsilon
            if not (clip and off):
                gradient += ratio * advantage * (np.eye(3)[action] - pi) / 12
        logits = logits + step_size * gradient
        policies.append(np.exp(logits) / np.exp(logits).sum())
    return np.array(policies)


@pytest.mark.parametrize(("epsilon", "step_size"), [(0.2, 0.5), (0.13, 0.17), (0.41, 1.9)])
@pytest.mark.parametrize("clip", [True, False])
def test_the_run_longhand(epsilon, step_size, clip):
    lab = ClipLab(epsilon=epsilon, step_size=step_size, steps=60, clip=clip)
    wanted = longhand(epsilon, step_size, 60, clip)
    np.testing.assert_allclose(lab.run(), wanted, rtol=0, atol=1e-12)
    np.testing.assert_allclose(lab.ratios(), wanted / OLD, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(lab.largest_ratio(), (wanted / OLD).max(axis=1), rtol=1e-12)
    np.testing.assert_allclose(lab.kl(), (OLD * np.log(OLD / wanted)).sum(axis=1), atol=1e-12)
    other = ClipLab(epsilon=epsilon, step_size=step_size, steps=60, clip=not clip)
    assert np.array_equal(lab.run(clip=not clip), other.run())
    assert lab.run().shape == (61, 3)


def test_the_batch_is_fair():
    """About as many samples of each action as the old policy wants, advantages normalised, each action of one sign."""
    assert np.bincount(SAMPLED).tolist() == [7, 4, 1]
    np.testing.assert_allclose(policy.softmax(START_LOGITS), OLD, atol=1e-15)
    assert ADVANTAGES.mean() == pytest.approx(0, abs=1e-15)
    assert ADVANTAGES.std() == pytest.approx(1, abs=0.03)
    assert all(len(set(np.sign(ADVANTAGES[a == SAMPLED]))) == 1 for a in range(3))
    assert (WORLD["sampled"], WORLD["advantages"]) == (SAMPLED.tolist(), ADVANTAGES.tolist())


def test_at_the_start_every_sample_is_on_even_with_no_room():
    """The first ratio is 1 to the last digit, so that ε = 0 clips nothing before the first step."""
    lab = ClipLab(epsilon=0.0)
    assert lab.ratios().tolist() == [[1, 1, 1]]
    assert not lab.batch().active.any()
    assert lab.batch().clip_fraction == 0


@pytest.mark.long
def test_what_the_clip_does_not_bound():
    """The misconception: with the clip on, and at each step size, the largest ratio runs far beyond 1 + ε and stops
    only when every sample is off."""
    lab = ClipLab(steps=100)
    ratios = lab.ratios()
    moved = np.abs(np.diff(ratios, axis=0)).max(axis=1)
    assert moved[94] > 0
    assert not moved[95:].any(), "the gradient is exactly 0"
    assert lab.batch().active.all()
    assert (ratios[-1, :2] < 0.8).all()
    limit = 1 + 0.2 * 0.9 / 0.1  # what the two others shed, all of it, when steps are short
    assert limit < ratios[-1, 2] < limit + 0.1
    for step_size in (0.2, 0.5, 1.0, 2.0):
        lab.step_size = step_size
        assert lab.largest_ratio()[-1] > 1.5 * (1 + lab.epsilon)
        assert lab.largest_ratio()[-1] < 0.5 * lab.largest_ratio(clip=False)[-1], "it does restrain"


def test_the_two_clip_fractions_part():
    """For some steps one action is outside and yet on: it pushes back."""
    lab = ClipLab(steps=20)
    batch = lab.batch()
    assert batch.clip_fraction == 1.0
    assert batch.active_fraction == pytest.approx(8 / 12)
    assert lab.ratios()[-1, 1] > 1.2
    lab.clip = False
    assert lab.batch().active_fraction == 0
    assert lab.batch().clip_fraction == 1.0
    free = clip_lab.batch_objective(np.log(lab.run()[-1]), clip_lab.NO_CLIP)
    np.testing.assert_array_equal(lab.batch().grad_logits, free.grad_logits)


def test_buttons():
    lab = ClipLab(0.7, -1.0, 0.3, clip=False, step_size=1.0, steps=4)
    for more, steps in ((1, 5), (10, 15), (1000, 100)):
        lab.step(more)
        assert lab.steps == steps
    lab.restart()
    assert (lab.steps, lab.clip) == (0, False)


@pytest.mark.long
def test_the_picture_follows_the_sample():
    assert ClipLab(0.5, -1.0).first_frame() != ClipLab(0.5, 1.0).first_frame()
