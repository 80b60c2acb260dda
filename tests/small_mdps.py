"""Random MDPs of three states, and how means of samples are held to exact values."""

import numpy as np

from course_utils import mdp

Z = 8.0  # standard errors; each file that uses them says how often a false alarm is to be expected


def rng(seed=0):
    return np.random.default_rng(seed)


def dense_mdp(horizon=None, discount=0.9, features=None):
    """Three states, the last one terminal, and two actions."""
    transitions = rng(3).dirichlet(np.full(3, 3.0), size=(3, 2))
    rewards = rng(4).normal(size=(3, 2))
    transitions[2], rewards[2] = np.eye(3)[2], 0.0
    return mdp.TabularMDP(transitions, rewards, [0.4, 0.6, 0.0], discount, horizon, [2], features=features)


def within(samples, exact, axis=0):
    """Require the mean of the samples to be within Z standard errors of the exact value, in every entry."""
    samples = np.asarray(samples, dtype=np.float64)
    error = samples.std(axis=axis, ddof=1) / np.sqrt(samples.shape[axis])
    assert np.all(np.abs(samples.mean(axis=axis) - exact) <= Z * error + 1e-12)


def same(one, two):
    """Require two records, or other tuples of arrays, to be equal to the last bit."""
    for x, y in zip(one, two, strict=True):
        np.testing.assert_array_equal(x, y)
