"""The KL lab without a browser: its numbers against the package's, its controller, its samples."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from refusals import bad
from traitlets import TraitError

from course_utils import objectives, policy
from course_utils.widgets import KLLab
from course_utils.widgets.lab import uniforms

REF, R = np.array([0.4, 0.3, 0.2, 0.1]), np.array([1.0, 0.5, 0.0, -1.0])


def test_the_numbers_are_those_of_the_definitions():
    lab = KLLab(beta=0.5)
    pi = np.array([0.55, 0.25, 0.1, 0.1])
    assert_allclose(lab.probabilities, pi, atol=1e-15)
    assert lab.kl() == pytest.approx(float(pi @ np.log(pi / REF)), abs=1e-15)
    assert lab.forward_kl() == pytest.approx(float(REF @ np.log(REF / pi)), abs=1e-15)
    assert lab.objective() == pytest.approx(float(pi @ R) - 0.5 * lab.kl(), abs=1e-15)
    best = REF * np.exp(R / 0.5)
    assert_allclose(lab.optimum(), best / best.sum(), atol=1e-15)
    assert KLLab(np.log(lab.optimum()), beta=0.5).objective() == pytest.approx(lab.best_objective(), abs=1e-14)
    assert lab.objective() < lab.best_objective()


@pytest.mark.parametrize("rewards", [R, 10 * R])
def test_updates_end_at_the_optimum_of_a_fixed_beta_and_at_the_target_of_an_adaptive_one(rewards):
    """From the reference; rewards ten times as large end in the same KL only where β is adapted (lesson 10)."""
    lab = KLLab(np.log(REF), rewards=rewards, beta=3.0, target=0.1, updates=600)
    assert lab.objective() == pytest.approx(lab.best_objective(), rel=3e-3)  # on its way, in lesson 10 too
    assert lab.now()[1] == 3.0
    fixed, path = lab.kl(), lab.ascend(True)
    lab.adaptive = True
    assert abs(lab.kl() - 0.1) < 2e-3 < abs(fixed - 0.1)
    assert path.kls[-1] == pytest.approx(lab.kl(), rel=1e-12)
    for k in (0, int(path.kls.argmax()), 300):
        change = 1 + 0.1 * np.clip(path.kls[k] / 0.1 - 1, -0.2, 0.2)
        assert path.betas[k + 1] == pytest.approx(path.betas[k] * change, rel=1e-14)
    step = path.logits[1] - path.logits[0]
    slope = policy.softmax(np.log(REF)) * (rewards - REF @ rewards)  # at the reference the KL has slope 0
    assert_allclose(step, 0.3 / max(1, rewards.max()) * slope, atol=1e-15)


def test_a_high_price_is_climbed_in_short_steps():
    lab = KLLab(beta=30.0, updates=600)  # steps of 0.3 would jump over the top and away
    assert lab.objective() == pytest.approx(lab.best_objective(), abs=1e-9)


def test_actions_are_drawn_by_inversion_estimates_are_of_them_and_k3_is_never_below_0():
    lab = KLLab(samples=500, seed=4)
    drawn = np.array(lab.drawn_actions())
    assert_array_equal(drawn, (uniforms(500, 4, 0)[:, None] >= np.cumsum(lab.probabilities)).sum(axis=1))
    wanted = objectives.kl_estimates(np.log(lab.probabilities)[drawn], np.log(REF)[drawn])
    assert_allclose(lab.estimates(), wanted, atol=1e-15)
    assert lab.estimates().k1.min() < 0 <= lab.estimates().k3.min()
    lab.draw_again()
    assert (np.array(lab.drawn_actions()) != drawn).any()


def test_three_to_five_actions():
    assert KLLab(actions=["a", "b", "c"]).kl() == 0
    assert len(KLLab([0, 1, 2, 3, 4]).actions) == 5
    bad(TraitError, "names", KLLab, [0, 1])
