"""The REINFORCE lab without a browser: its corridor, its estimate against the exact gradient, what its dials do."""

import numpy as np
import pytest

from course_utils import worlds
from course_utils.widgets import ReinforceLab
from course_utils.widgets.lab import uniforms
from course_utils.widgets.reinforce_lab import BEST, EXIT, RUNS, corridor


def logits(p):
    return np.tile(np.log([1 - p, p]), (4, 1))


def test_the_corridor_is_the_books_but_for_what_takes_100_steps():
    book = worlds.short_corridor()
    assert corridor().performance(logits(0.5)) == pytest.approx(book.performance(logits(0.5)), abs=1e-3)
    assert corridor().performance(logits(0.05)) > book.performance(logits(0.05)) + 10
    assert BEST["J"] == pytest.approx(-(6 + 4 * np.sqrt(2)), abs=1e-3)
    assert all(corridor().performance(logits(BEST["p"] + nudge)) < BEST["J"] for nudge in (-0.001, 0.001))


def test_the_estimate_is_unbiased():
    """The mean of 200 batches lies within 4.9 standard errors of the exact ∂J/∂θ: a false alarm in a million."""
    lab = ReinforceLab(samples=20, seed=3)
    for p in (0.1, 0.95):
        estimates = np.array([lab._batch(p, run, 0)[0] for run in range(200)])
        exact = corridor().policy_gradient(logits(p))[:3, 1].sum()
        error = estimates.std(ddof=1) / np.sqrt(estimates.size)
        assert abs(estimates.mean() - exact) < 4.9 * error
        assert abs(exact) > 10 * error, "or another sign would pass"


def test_a_batch_longhand():
    lab, p, moves = ReinforceLab(samples=3, seed=5), 0.6, corridor().transitions.argmax(axis=2)
    estimates, lengths = [], []
    for row in uniforms(300, 5, 0, 2, 7).reshape(3, 100):
        place, rights = 0, []
        while place != EXIT and len(rights) < 100:
            rights.append(bool(row[len(rights)] < p))
            place = moves[place, int(rights[-1])]
        lengths.append(len(rights))
        estimates.append(sum((right - p) * -(len(rights) - t) for t, right in enumerate(rights)))
    assert lab._batch(p, 2, 7) == pytest.approx((np.mean(estimates), -np.mean(lengths)))


def test_a_step_goes_where_its_sign_says():
    """One update: θ_right and θ_left move by ± α g, so that their difference moves by 2 α g."""
    for sign, factor in (("plus", 2), ("minus", -2)):
        lab = ReinforceLab(2.0**-10, 5, sign=sign, start=0.2, updates=1, seed=1)
        z = np.log(lab.runs().probabilities / (1 - lab.runs().probabilities))
        gradients = [lab._batch(0.2, run, 0)[0] for run in range(RUNS)]
        np.testing.assert_allclose(z[:, 1] - z[:, 0], factor * 2.0**-10 * np.array(gradients), rtol=1e-9)
