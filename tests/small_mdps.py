"""Random MDPs, and how means of samples are held to exact values."""

from functools import partial

import numpy as np

from course_utils import mdp

Z = 8.0  # standard errors; each file that uses them says how often a false alarm is to be expected


def rng(seed=0):
    return np.random.default_rng(seed)


def random_mdp(seed=0, *, n_states=3, n_actions=2, discount=0.9, horizon=None, terminal=True, features=None):
    """A dense random MDP, by default with its last state terminal."""
    generator = rng(seed)
    transitions = generator.dirichlet(np.ones(n_states), size=(n_states, n_actions))
    rewards = generator.normal(size=(n_states, n_actions))
    start = generator.dirichlet(np.ones(n_states))
    if terminal:
        transitions[-1], rewards[-1] = np.eye(n_states)[-1], 0.0
        start = np.append(generator.dirichlet(np.ones(n_states - 1)), 0.0)
    ends = (n_states - 1,) if terminal else ()
    return mdp.TabularMDP(transitions, rewards, start, discount, horizon, ends, features=features)


dense_mdp = partial(random_mdp, 26)  # every place is reached often, and both values differ


def within(samples, exact, axis=0):
    """Require the mean of the samples to be within Z standard errors of the exact value, in every entry."""
    samples = np.asarray(samples, dtype=np.float64)
    error = samples.std(axis=axis, ddof=1) / np.sqrt(samples.shape[axis])
    assert np.all(np.abs(samples.mean(axis=axis) - exact) <= Z * error + 1e-12)


def same(one, two):
    """Require two records, or other tuples of arrays, to be equal to the last bit."""
    for x, y in zip(one, two, strict=True):
        np.testing.assert_array_equal(x, y)
