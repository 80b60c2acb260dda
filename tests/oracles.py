"""Independent answers to test against: automatic differentiation, central differences, brute force."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np

Function = Callable[[np.ndarray], Any]


def gradient(function: Function, x: np.ndarray) -> np.ndarray:
    """The gradient by HIPS autograd; the function must use autograd.numpy."""
    return autograd.grad(function)(np.asarray(x, dtype=np.float64))


def central_differences(function: Function, x: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """The gradient by five-point central differences; the error is of order step⁴."""
    x = np.asarray(x, dtype=np.float64)
    result = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        nudge = np.zeros_like(x)
        nudge[index] = step
        weighted = (w * float(function(x + k * nudge)) for k, w in ((-2, 1), (-1, -8), (1, 8), (2, -1)))
        result[index] = sum(weighted) / (12 * step)
    return result


def slopes(function: Function, x: np.ndarray, entries: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Some entries of the gradient with regard to a long vector, by central differences."""
    units = step * (np.arange(x.size) == np.asarray(entries)[:, None])
    return np.array([function(x + unit) - function(x - unit) for unit in units]) / (2 * step)


def relative_error(got: np.ndarray, wanted: np.ndarray) -> float:
    """The largest deviation, relative to the largest entry wanted."""
    return float(np.max(np.abs(np.asarray(got) - wanted)) / np.max(np.abs(wanted)))


def agree(got: np.ndarray, function: Function, x: np.ndarray, tolerance: float = 1e-7) -> None:
    """Require a gradient to equal both oracles'."""
    assert np.shape(got) == np.shape(x)
    assert relative_error(got, gradient(function, x)) <= tolerance
    assert relative_error(got, central_differences(function, x)) <= tolerance


def log_softmax(logits: Any) -> Any:
    """The textbook's formula in autograd.numpy, for moderate logits."""
    return logits - anp.log(anp.sum(anp.exp(logits), axis=-1, keepdims=True))


def picked(table: Any, actions: np.ndarray) -> Any:
    """table[..., a] for each action a, by a one-hot product."""
    one_hot = np.eye(table.shape[-1])[np.asarray(actions)]
    return anp.sum(table * one_hot, axis=-1)


def trajectories(mdp: Any, logits: np.ndarray, horizon: int) -> Iterator[tuple[float, float, list[int], list[int]]]:
    """Every sequence of states and actions, possible or not: (probability, return, states, actions).

    Written with plain loops over all combinations. A sequence that has reached a terminal state counts
    only with the actions that stand for "nothing" (0).
    """
    n_states, n_actions = mdp.rewards.shape
    pi = np.exp(log_softmax(np.asarray(logits, dtype=np.float64)))
    for first in range(n_states):
        for steps in product(product(range(n_actions), range(n_states)), repeat=horizon):
            probability, total, s = float(mdp.start[first]), 0.0, first
            states, actions = [first], []
            for t, (a, following) in enumerate(steps):
                if s in mdp.terminal_states:
                    probability *= float(a == 0 and following == s)
                else:
                    probability *= pi[s, a] * mdp.transitions[s, a, following]
                    total += mdp.discount**t * mdp.rewards[s, a]
                states.append(following)
                actions.append(a)
                s = following
            yield probability, total, states, actions


def performance(mdp: Any, logits: Any, horizon: int) -> Any:
    """J by pushing the distribution of states forward, in autograd.numpy."""
    pi = anp.exp(log_softmax(logits))
    d, total = mdp.start, 0.0
    for t in range(horizon):
        total = total + mdp.discount**t * anp.sum(d[:, None] * pi * mdp.rewards)
        d = anp.einsum("s,sa,sax->x", d, pi, mdp.transitions)
    return total
