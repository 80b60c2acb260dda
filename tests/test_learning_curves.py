"""Many runs of the book's REINFORCE at once against one run in plain Python, step by step.

Two samples are compared within 8 standard errors, added in squares. No test makes more than 40 such comparisons: each
raises a false alarm with probability below 1e-9 (see test_rollout.py).
"""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from refusals import bad
from small_mdps import Z, dense_mdp, rng, within
from test_training import softmax

from course_utils import learning_curves, worlds


def test_bad_input_to_many_runs():
    corridor, good = worlds.short_corridor(), {"step_sizes": [0.1], "runs": 1, "episodes": 1, "rng": rng()}
    runs = learning_curves.reinforce_runs
    bad(TypeError, "mdp is int", runs, 3, [0.0, 0.0], **good)
    bad(ValueError, "mdp has no features", runs, dense_mdp(), [0.0, 0.0], **good)
    bad(ValueError, "mdp has discount 0.9, expected 1", runs, dense_mdp(features=np.ones((3, 2, 2))), [0, 0], **good)
    bad(ValueError, r"parameters has shape \(3,\), expected \(2,\)", runs, corridor, np.zeros(3), **good)
    for name, value, text in [
        ("step_sizes", [0.1, 0.0], r"step_sizes\[1\] is 0.0, expected a positive number"),
        ("step_sizes", 0.1, r"step_sizes has shape \(\)"),
        ("runs", 0, "runs is 0"),
        ("episodes", 0, "episodes is 0"),
        ("value_step_size", 0.0, "value_step_size is 0.0"),
        ("least_probability", 0.5, "least_probability is 0.5, expected less than 1 / 2"),
        ("max_steps", 0, "max_steps is 0"),
    ]:
        bad(ValueError, text, runs, corridor, [0.0, 0.0], **good | {name: value})
    bad(TypeError, "rng is int", runs, corridor, [0.0, 0.0], **good | {"rng": 0})


def one_run(problem, theta, alpha, beta, episodes, draw, floor=0.05):
    """The two boxes of the book in plain Python, for one run; ``draw`` gives uniform numbers, None at an update."""
    theta, w, result, x = np.array(theta), 0.0, [], problem.features

    def pi(s):
        p = softmax(x[s] @ theta)
        spare = np.maximum(p - floor, 0.0)
        return floor + (1 - floor * len(p)) * spare / spare.sum()

    def invert(p, u):
        a = 0
        while u >= p[a] and a < len(p) - 1:
            u, a = u - p[a], a + 1
        return a

    for _ in range(episodes):
        s, steps = invert(problem.start, draw("start")), []
        while s not in problem.terminal_states and len(steps) != problem.horizon:
            a = invert(pi(s), draw("action"))
            steps.append((s, a, problem.rewards[s, a]))
            s = invert(problem.transitions[s, a], draw("next"))
        result.append(sum(r for _, _, r in steps))
        for t, (s, a, _) in enumerate(steps):
            draw("update")
            delta = sum(r for _, _, r in steps[t:]) - w
            w += beta * delta
            theta += alpha * delta * (x[s, a] - pi(s) @ x[s])
    return result


@pytest.mark.long
@pytest.mark.parametrize(("alpha", "beta"), [(2**-12, None), (2**-7, None), (2**-9, 2**-6), (2**-5, 0.5)])
def test_a_run_equals_the_box_step_by_step(alpha, beta):
    theta = [-1.0, 0.3]
    generator, block = rng(1), []

    def draw(what):
        if what in ("start", "next"):
            return 0.0  # one outcome only
        if not block:
            block.extend(generator.random((64, 1))[:, 0])
        return block.pop(0)

    corridor = worlds.short_corridor()
    [[got]] = learning_curves.reinforce_runs(
        corridor, theta, step_sizes=[alpha], runs=1, episodes=40, rng=rng(1), value_step_size=beta
    )
    assert_array_equal(got, one_run(corridor, theta, alpha, beta or 0.0, 40, draw))


@pytest.mark.long
@pytest.mark.parametrize("horizon", [None, 4])
def test_many_runs_have_the_law_of_single_ones(horizon):
    # Random transitions, two starts, three shared parameters; large steps, so that every episode depends on the last.
    x = rng(8).normal(size=(3, 2, 3))
    problem, theta, alphas = dense_mdp(horizon=horizon, discount=1.0, features=x), rng(9).normal(size=3), [0.05, 0.2]
    got = learning_curves.reinforce_runs(problem, theta, step_sizes=alphas, runs=2_000, episodes=6, rng=rng(1))
    assert got.shape == (2, 2_000, 6)
    if horizon is None:
        within(got[:, :, 0].ravel(), problem.performance(x @ theta))
    generator = rng(2)
    for k, alpha in enumerate(alphas):
        wanted = np.array([one_run(problem, theta, alpha, 0.0, 6, lambda _: generator.random()) for _ in range(150)])
        error = np.sqrt(got[k].var(axis=0, ddof=1) / 2_000 + wanted.var(axis=0, ddof=1) / 150)
        assert np.all(np.abs(got[k].mean(axis=0) - wanted.mean(axis=0)) <= Z * error)
    assert abs(np.corrcoef(got[0, :1_000, 5], got[0, 1_000:, 5])[0, 1]) < Z / np.sqrt(1_000)


@pytest.mark.long
def test_a_run_that_diverges_stops_with_an_error_or_is_cut_off():
    corridor, settings = worlds.short_corridor(), {"step_sizes": [2**-13, 0.5], "runs": 3, "episodes": 20}
    with pytest.raises(ValueError, match=r"step size 0.5, run \d, episode \d+: more than 50000 steps.*max_steps"):
        learning_curves.reinforce_runs(corridor, [0.0, 0.0], rng=rng(1), least_probability=0.0, **settings)
    cut = learning_curves.reinforce_runs(
        corridor, [0.0, 0.0], rng=rng(1), least_probability=0.0, max_steps=100, **settings
    )
    assert cut.min() == -100
    with pytest.raises(FloatingPointError, match=r"step size 1e\+308, run 1, episode \d+: the parameters are not"):
        learning_curves.reinforce_runs(corridor, [0.0, 0.0], step_sizes=[1e308], runs=1, episodes=99, rng=rng(1))
