"""The score explorer without a browser: its traits, its numbers, its first frame."""

import numpy as np

from course_utils import policy
from course_utils.widgets import ScoreExplorer
from course_utils.widgets.lab import uniform

PI = [0.5, 0.3, 0.2]


def test_scores_are_one_hot_minus_pi():
    lab = ScoreExplorer(PI)
    np.testing.assert_allclose(lab.scores, [[0.5, -0.3, -0.2], [-0.5, 0.7, -0.2], [-0.5, -0.3, 0.8]], atol=1e-15)
    np.testing.assert_allclose(PI @ lab.scores, 0, atol=1e-15)
    moments = sum(p * np.outer(s, s) for p, s in zip(PI, lab.scores, strict=True))
    np.testing.assert_allclose(lab.fisher_information, moments, atol=1e-15)


def test_the_mean_of_the_draws():
    lab = ScoreExplorer(PI, draws=40, seed=3)
    ends = np.cumsum(PI)
    drawn = [int(np.argmax(uniform(3, i) < ends)) for i in range(40)]
    assert lab.drawn_actions == drawn
    scores = policy.score(np.tile(np.log(PI), (40, 1)), np.array(drawn))
    np.testing.assert_allclose(lab.mean_score, scores.mean(axis=0), atol=1e-14)
    np.testing.assert_allclose(lab.mean_score, np.array(lab.counts) / 40 - PI, atol=1e-14)
    assert np.isnan(ScoreExplorer().mean_score).all()
