"""The conversation of the lessons in plain NumPy: all eight paths, and what they are worth on average.

States are the first message, a calm and an angry customer; replies are to refund and to apologise.
"""

import itertools

import numpy as np

PI = np.array([[0.5, 0.5], [0.2, 0.8], [0.6, 0.4]])
POINTS = np.array([[-1.0, 0.0], [1.0, 3.0], [0.0, -4.0]])
CALM = np.array([0.8, 0.3])  # how probable a calm customer is after each first reply
PATHS = list(itertools.product((0, 1), (1, 2), (0, 1)))  # first reply, customer, second reply


def chances(pi: np.ndarray = PI, calm: np.ndarray = CALM) -> np.ndarray:
    """Pr of the eight conversations, as PATHS lists them."""
    return np.array([pi[0, a] * (calm[a] if s == 1 else 1 - calm[a]) * pi[s, b] for a, s, b in PATHS])


PR = chances()
STATES = np.array([[0, s] for _, s, _ in PATHS])
REPLIES = np.array([[a, b] for a, _, b in PATHS])
REWARDS = POINTS[STATES, REPLIES]
SCORES = np.zeros((8, 2, 3, 2))  # of each step, for all three states
for i, (a, s, b) in enumerate(PATHS):
    SCORES[i, 0, 0], SCORES[i, 1, s] = np.eye(2)[a] - PI[0], np.eye(2)[b] - PI[s]


def to_go(rewards: np.ndarray = REWARDS) -> np.ndarray:
    """What is still to come at each of the two steps, (8, 2)."""
    return np.stack([rewards.sum(axis=1), rewards[:, 1]], axis=1)


def total(rewards: np.ndarray = REWARDS) -> np.ndarray:
    """The total return as the weight of both steps, (8, 2)."""
    return np.repeat(rewards.sum(axis=1)[:, None], 2, axis=1)


def averaged(of_path: np.ndarray, weights: np.ndarray = PR) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each entry, over the paths."""
    mean = np.tensordot(weights, of_path, axes=1)
    return mean, np.tensordot(weights, (of_path - mean) ** 2, axes=1)


def gradients(weights: np.ndarray) -> np.ndarray:
    """Σ_t weight · score of each conversation, (8, 3, 2)."""
    result: np.ndarray = np.einsum("it,itsa->isa", weights, SCORES)
    return result


def moments(weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Exact mean (3, 2) and variance (trace) of one conversation's gradient."""
    mean, variance = averaged(gradients(weights))
    return mean, float(variance.sum())


def cosine(x: np.ndarray, y: np.ndarray) -> float:
    return float((x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum()))


def of_state(of_steps: np.ndarray, s: int, reply: int | None = None) -> float:
    """The mean over all conversations in which this state (and this reply to it) is met."""
    met = s == STATES
    if reply is not None:
        met &= reply == REPLIES
    return float((PR[:, None] * of_steps)[met].sum() / (PR[:, None] * met).sum())


# Values by their definition, averages of what is still to come, and not by their recursion.
V = np.array([of_state(to_go(), s) for s in range(3)])
Q = np.array([[of_state(to_go(), s, a) for a in range(2)] for s in range(3)])
GRADIENT = moments(total())[0]
