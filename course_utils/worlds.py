"""The MDPs that the lessons meet by name, in the order in which they are met.

Each is a ``mdp.TabularMDP``, so its values, gradient and trajectories are known exactly. ``discount`` is γ in [0, 1],
``horizon`` the most steps of an episode, None for no limit. Arguments of another kind raise TypeError, and those of a
wrong shape or out of range ValueError.
"""

import numpy as np
from numpy.typing import ArrayLike

from course_utils import arguments, mdp
from course_utils.mdp import TabularMDP

__all__ = ["conversation", "frozen_lake", "geometric_mdp", "grid_world", "icy_path", "short_corridor"]
__all__ += ["three_action_state", "token_mdp"]


# The conversation: two replies to a customer.
REPLY_LOGITS = np.log([[0.5, 0.5], [0.2, 0.8], [0.6, 0.4]])  # a policy to begin with
CALM_AFTER = (0.8, 0.3)  # after a refund, after an apology
REPLY_REWARDS = ((-1.0, 0.0), (1.0, 3.0), (0.0, -4.0))

# The grid, row by row from the top left; columns a to d, rows 1 to 3 from below.
# S start, T toll, G goal, X trap, # wall.
GRID = ("..TG", ".#.X", "S...")
GRID_CELLS = tuple("abcd"[x] + str(len(GRID) - y) for y, row in enumerate(GRID) for x in range(len(row)))
GRID_MOVES = {"up": (-1, 0), "right": (0, 1), "down": (1, 0), "left": (0, -1)}  # rows down, columns to the right
ENTERING = {"G": 10.0, "X": -10.0, "T": -2.0}  # the reward of a step into such a cell
STEP_REWARD = -1.0  # and of every other step, also of one into a wall or the border, which stays

ICY_PLACES = 6
LARGEST_TREE = 1_000  # states of a token MDP, whose table has their square times the vocabulary


def three_action_state(rewards: ArrayLike = (1.0, 0.25, -1.0)) -> TabularMDP:
    """Return the smallest decision: one state, three actions, one reward, end.

    Q(s, a) = r_a, V(s) = Σ_b π_b r_b, J = V

    Args:
        rewards: one for each action, shape (3,).

    Returns:
        An MDP with state 0 "decision" and terminal state 1 "end".

    Source: lesson 08 of this course, “Three actions, one step”.
    """
    (rewards,) = arguments.floats(rewards=rewards)
    arguments.shape("rewards", rewards, (3,), "three actions")
    transitions = np.zeros((2, 3, 2))
    transitions[:, :, 1] = 1.0
    return TabularMDP(
        transitions=transitions,
        rewards=np.stack([rewards, np.zeros(3)]),
        start=np.array([1.0, 0.0]),
        terminal_states=(1,),
        state_names=("decision", "end"),
        action_names=("first", "second", "third"),
    )


def conversation(calm_after: ArrayLike = CALM_AFTER, rewards: ArrayLike = REPLY_REWARDS) -> TabularMDP:
    """Return the conversation: reply to the first message, then to a calm or an angry customer, end.

    Args:
        calm_after: Pr(calm | first message, a) after a refund and after an apology, shape (2,).
        rewards: r(s, a) in the three states, shape (3, 2).

    Returns:
        An MDP with states 0 "first message", 1 "calm", 2 "angry" and terminal state 3 "closed", and actions 0 "refund"
        and 1 "apologise".
    """
    (calm,), (replies,) = arguments.floats(calm_after=calm_after), arguments.floats(rewards=rewards)
    arguments.shape("calm_after", calm, (2,), "two replies")
    arguments.within("calm_after", calm, 0.0, 1.0)
    arguments.shape("rewards", replies, (3, 2), "three states and two replies")
    transitions = np.zeros((4, 2, 4))
    transitions[0, :, 1], transitions[0, :, 2] = calm, 1 - calm
    transitions[1:, :, 3] = 1.0
    return TabularMDP(
        transitions=transitions,
        rewards=np.vstack([replies, np.zeros((1, 2))]),
        start=np.array([1.0, 0.0, 0.0, 0.0]),
        terminal_states=(3,),
        state_names=("first message", "calm", "angry", "closed"),
        action_names=("refund", "apologise"),
    )


def geometric_mdp(discount: float = 1.0, horizon: int | None = None) -> TabularMDP:
    """Return the one-state MDP of staying (action 0, reward 1) or stopping (action 1, reward 0, end).

    Without a horizon, V = π_stay (1 + γ V), so V = π_stay / (1 − γ π_stay) and
    ∂V / ∂logit_stay = π_stay π_stop / (1 − γ π_stay)². The length of an episode is geometric.

    Returns:
        An MDP with state 0 "playing" and terminal state 1 "stopped".

    Source: Sutton & Barto 2018, example 5.5 (one state, two actions), with the reward on staying.
    """
    transitions = np.zeros((2, 2, 2))
    transitions[0, 0, 0] = transitions[0, 1, 1] = 1.0
    transitions[1, :, 1] = 1.0
    return TabularMDP(
        transitions=transitions,
        rewards=np.array([[1.0, 0.0], [0.0, 0.0]]),
        start=np.array([1.0, 0.0]),
        discount=discount,
        horizon=horizon,
        terminal_states=(1,),
        state_names=("playing", "stopped"),
        action_names=("stay", "stop"),
    )


def token_mdp(vocabulary: int = 4, length: int = 3, rewards: ArrayLike | None = None) -> TabularMDP:
    """Return a language model small enough to enumerate: a state is the text so far, an action the next token.

    Every text of ``length`` tokens is one trajectory, and Pr_θ(text) = Π_t π(token_t | tokens before): the
    dynamics are certain. The reward comes with the last token, for the text as a whole.

    Args:
        vocabulary: number of tokens, from 1 to 26; they are called a, b, c …
        length: number of tokens in a text, at least 1.
        rewards: one for each text, shape (vocabulary,) * length, indexed by the tokens in order; None for the
            number of neighbours in alphabetical order (abc: 2, aab: 1, cba: 0).

    Returns:
        An MDP whose states are the unfinished texts, the shorter first and then in alphabetical order (state 0
        "start" is the empty one, its child by token a is state ``vocabulary · s + 1 + a``), and terminal state
        −1 "end". The horizon is ``length``.

    Source: Xiao & Zhu, Foundations of Large Language Models, ch. 4 (generating text as decisions).
    """
    vocabulary, length = arguments.whole("vocabulary", vocabulary, low=1), arguments.whole("length", length, low=1)
    if vocabulary > 26:
        raise ValueError(f"vocabulary is {vocabulary}, expected at most 26: one letter for each token")
    n_texts = 0
    for t in range(length):
        n_texts += vocabulary**t
        if n_texts >= LARGEST_TREE:
            raise ValueError(
                f"vocabulary {vocabulary} and length {length} make {n_texts} or more states, expected fewer than "
                f"{LARGEST_TREE}"
            )
    if rewards is None:
        rewards = (np.diff(np.indices((vocabulary,) * length), axis=0) > 0).sum(axis=0)
    (rewards,) = arguments.floats(rewards=rewards)
    arguments.shape("rewards", rewards, (vocabulary,) * length, "vocabulary and length")

    child = vocabulary * np.arange(n_texts)[:, None] + 1 + np.arange(vocabulary)
    transitions = np.zeros((n_texts + 1, vocabulary, n_texts + 1))
    transitions[np.arange(n_texts)[:, None], np.arange(vocabulary), np.minimum(child, n_texts)] = 1.0
    transitions[-1, :, -1] = 1.0
    table = np.zeros((n_texts + 1, vocabulary))
    table[n_texts - vocabulary ** (length - 1) : n_texts] = rewards.reshape(-1, vocabulary)
    tokens = [chr(ord("a") + a) for a in range(vocabulary)]
    texts = [""]
    for s in range(1, n_texts):
        texts.append(texts[(s - 1) // vocabulary] + tokens[(s - 1) % vocabulary])
    return TabularMDP(
        transitions=transitions,
        rewards=table,
        start=np.eye(n_texts + 1)[0],
        horizon=length,
        terminal_states=(n_texts,),
        state_names=("start", *texts[1:], "end"),
        action_names=tokens,
    )


def short_corridor() -> TabularMDP:
    """Return the short corridor with switched actions: three states in a row that all look the same.

    Each step costs 1. Right leads towards the end and left away from it (in the first state, nowhere), but in the
    second state the two are exchanged. With the same probability p of right in all states,
    J = −(4 − 2p) / (p (1 − p)), at most −(6 + 4√2) ≈ −11.66, at p = 2 − √2 ≈ 0.59.

    Returns:
        An MDP with states 0, 1, 2 and terminal state 3 "end", actions 0 "left" and 1 "right", and the features
        (0, 1) for left and (1, 0) for right in every state, shape (4, 2, 2).

    Source: Sutton & Barto 2018, example 13.1.
    """
    transitions = np.zeros((4, 2, 4))
    for s, left, right in [(0, 0, 1), (1, 2, 0), (2, 1, 3), (3, 3, 3)]:
        transitions[s, 0, left] = transitions[s, 1, right] = 1.0
    return TabularMDP(
        transitions=transitions,
        rewards=np.array([[-1.0, -1.0]] * 3 + [[0.0, 0.0]]),
        start=np.array([1.0, 0.0, 0.0, 0.0]),
        terminal_states=(3,),
        state_names=("first", "second", "third", "end"),
        action_names=("left", "right"),
        features=np.broadcast_to(np.eye(2)[::-1], (4, 2, 2)),
    )


def grid_world(discount: float = 0.9) -> TabularMDP:
    """Return the grid world: four columns, three rows, a goal behind a toll cell, a trap and a wall.

    Moves are certain; one into the border or the wall stays. A step gives −1, into the toll cell −2, into the goal
    +10 and into the trap −10; goal and trap end the episode. From b3 the best move pays the toll: its reward at
    once is the lowest of the four, its advantage the highest.

    Returns:
        An MDP with one state for each cell, row by row from the top left ("a3" to "d1"), and actions 0 "up",
        1 "right", 2 "down", 3 "left". The goal d3, the trap d2 and the wall b2, which nothing enters, are terminal.

    Source: a grid world after Sutton & Barto 2018, examples 3.5 and 4.1, with a layout of its own.
    """
    discount = arguments.number("discount", discount, low=0.0, high=1.0)
    kinds, columns = "".join(GRID), len(GRID[0])
    over = tuple(i for i, kind in enumerate(kinds) if kind in "G#X")  # where nothing is decided
    transitions = np.zeros((len(kinds), len(GRID_MOVES), len(kinds)))
    rewards = np.zeros((len(kinds), len(GRID_MOVES)))
    for s, a in np.ndindex(*rewards.shape):
        down, right = list(GRID_MOVES.values())[a]
        row, column = s // columns + down, s % columns + right
        inside = 0 <= row < len(GRID) and 0 <= column < columns and GRID[row][column] != "#"
        following = row * columns + column if inside and s not in over else s
        transitions[s, a, following] = 1.0
        if s not in over:
            rewards[s, a] = STEP_REWARD if following == s else ENTERING.get(kinds[following], STEP_REWARD)
    return TabularMDP(
        transitions=transitions,
        rewards=rewards,
        start=np.eye(len(kinds))[kinds.index("S")],
        discount=discount,
        terminal_states=over,
        state_names=GRID_CELLS,
        action_names=tuple(GRID_MOVES),
    )


def icy_path(discount: float = 0.95) -> TabularMDP:
    """Return the icy path: six places in a row, then home; each step costs 1.

    Walking gains a place with probability 0.8, else none. Running gains two with probability 0.8, else one slides
    back to the first place.

    Returns:
        An MDP with states 0 to 5 "place 1" to "place 6" and terminal state 6 "home", and actions 0 "walk" and 1 "run".
    """
    home = ICY_PLACES
    transitions = np.zeros((home + 1, 2, home + 1))
    for s in range(home):
        transitions[s, 0, s], transitions[s, 0, s + 1] = 0.2, 0.8
        transitions[s, 1, 0], transitions[s, 1, min(s + 2, home)] = 0.2, 0.8
    transitions[home, :, home] = 1.0
    rewards = np.full((home + 1, 2), -1.0)
    rewards[home] = 0.0
    return TabularMDP(
        transitions=transitions,
        rewards=rewards,
        start=np.eye(home + 1)[0],
        discount=discount,
        terminal_states=(home,),
        state_names=(*(f"place {s + 1}" for s in range(home)), "home"),
        action_names=("walk", "run"),
    )


def frozen_lake(discount: float = 1.0, horizon: int | None = None) -> TabularMDP:
    """Return Gymnasium's FrozenLake, 4 × 4, on ice that does not slip: a present, four holes, no other reward.

    Gymnasium's own limit is 100 steps.

    Returns:
        An MDP with 16 states, row by row from the start, and actions 0 left, 1 down, 2 right, 3 up. The holes and the
        present are terminal.

    Source: Towers et al. 2024, Gymnasium (toy text environments).
    """
    return mdp.from_gymnasium("FrozenLake-v1", discount, horizon, is_slippery=False)
