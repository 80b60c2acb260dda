"""Stage 2 of the build: the return of an episode, and the reward-to-go of a step."""

from functools import partial
from typing import Any

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.probing import Case, Slips, computed
from course_utils.checks.stage import Stage
from course_utils.checks.stages.exact import reward_to_go, spread_over

__all__ = ["STAGE", "kept", "power", "totals"]

said = Slips("""
no-reset: The sum runs on past the end of an episode, into the next one.
    What the next episode earns is nothing that this one's actions have caused. Where `ended` is True, begin anew.
reset-late: The sum is cut one step too early: the last reward of an episode does not reach the steps before it.
    Going backwards, set what comes after to 0 at the step that `ended`, before its own reward is added.
whole-return: Every step gets the return of its whole episode.
    An action cannot change what was earned before it. That part has mean 0 and only adds noise.
past-for-future: You add up the rewards up to the step, not those from it on.
    An action is to be judged by what follows it. Go from the last step to the first.
off-by-one: The step's own reward is missing: your sum begins at the next one.
    r_t is what the action a_t is paid at once.
discount-late: Every reward is discounted once too often: r_t already counts γ.
    G_t = r_t + γ G_{t+1}: seen from step t, its own reward is not discounted.
discount-from-start: The discount counts from the beginning of the episode, not from the step.
    That is γ^t times the reward-to-go. G_t is what step t sees: its own reward counts fully.
discount-ignored: The discount does not appear in your sum.
    With γ below 1, what comes later counts less.
own-reward: You returned the rewards themselves: nothing that comes later counts.
    An action that pays later would never be learned.
whole-numbers: Your sums are kept in an array of whole numbers or of truth values: what is after the point is lost.
    `np.zeros_like(x)` makes an array of x's kind, and NumPy cuts off silently what does not fit.
    `np.zeros(len(x))` holds floats.
episode-returns: You returned one number for each episode, its return. Asked for is one for each step.
    Every step has a reward-to-go of its own: an action is judged by what follows it.
discount-outside: The discount multiplies the whole sum, not each reward: γ^t times what remains.
    G_t = r_t + γ r_{t+1} + γ² r_{t+2} + …: each further step counts γ times the one before.
every-step: You returned one number for each step, the reward-to-go. Asked for is one for each episode.
    The return is the reward-to-go of an episode's first step, with γ = 1.
discounted: The return of an episode is discounted here; asked for is the plain sum.
    It reports what was earned.
running: The sums run on from episode to episode.
    Each episode's return is a sum of its own.
mean-for-sum: You took the mean of an episode's rewards.
    A long episode that earns a little at each step would look as good as a short one.
""")


def records(rng: np.random.Generator) -> list[Case]:
    """Return a step, two steps with a discount, two episodes, and a drawn record."""
    n = 7
    ended = rng.random(n) < 0.4
    ended[-1] = True
    ended[2] = True
    ended[3] = False
    return [
        Case("one step that pays 3", (np.array([3.0]), np.array([True]), 0.5)),
        Case("two steps, the second pays 4, γ = 0.5", (np.array([1.0, 4.0]), np.array([False, True]), 0.5)),
        Case("two steps that pay the whole numbers 1 and 3, γ = 0.5", (np.array([1, 3]), np.array([False, True]), 0.5)),
        Case(
            "an episode of two steps, then one of one step, γ = 0.5",
            (np.array([1.0, 4.0, 8.0]), np.array([False, True, True]), 0.5),
        ),
        Case("seven steps", (rng.uniform(-3, 3, n).round(2), ended, float(rng.uniform(0.6, 0.95)))),
    ]


def totals(rewards: FloatArray, ended: Any, discount: float = 1.0) -> FloatArray:
    """Return the sums of the episodes; discounted where γ is not 1."""
    starts = np.concatenate([[True], np.asarray(ended[:-1], dtype=bool)])
    return np.asarray(reward_to_go(rewards, ended, discount)[starts])


def power(ended: Any, discount: float) -> FloatArray:
    """Return γ to the number of steps since the episode began."""
    starts = np.concatenate([[True], np.asarray(ended[:-1], dtype=bool)])
    first = np.maximum.accumulate(np.where(starts, np.arange(len(ended)), 0))
    return np.asarray(discount ** (np.arange(len(ended)) - first))


def past(rewards: FloatArray, ended: Any, discount: float) -> FloatArray:
    """Return the sums up to the step."""
    result, before = np.zeros(len(rewards)), 0.0
    for t, reward in enumerate(rewards):
        before = reward + discount * before
        result[t] = before
        before = 0.0 if ended[t] else before
    return result


def kept(rewards: FloatArray, ended: Any, discount: float, kind: Any = None, carried: bool = False) -> FloatArray:
    """Return the sums as an array of another kind keeps them; None: of the rewards' kind. carried: and sums up."""
    result = np.zeros(len(rewards), dtype=kind or rewards.dtype)
    exact = reward_to_go(rewards, ended, discount)
    for t in reversed(range(len(rewards))):
        after = 0.0 if ended[t] else result[t + 1]
        result[t] = rewards[t] + discount * after if carried else exact[t]
    return result


def sums(rng: np.random.Generator) -> list[Case]:
    """Return the same records without their discount."""
    return [Case(case.says, case.arguments[:2]) for case in records(rng)]


never = np.zeros(100, dtype=bool)

STAGE = Stage(
    name="build_returns",
    lesson="05",
    prompt="Add up the rewards of each episode, and for each step those from it on, discounted.",
    signature="reward_to_go(rewards, ended, discount)",
    function="reward_to_go",
    parts=(
        computed(
            "to-go",
            "reward-to-go: one step, two steps, an episode's end",
            3,
            "reward_to_go",
            records,
            reward_to_go,
            [
                said("no-reset", lambda r, e, g: reward_to_go(r, e, g, reset=never)),
                said(
                    "reset-late",
                    lambda r, e, g: reward_to_go(r, e, g, reset=np.append(e[1:], True)),
                    lambda r, e, g: reward_to_go(r, e, g, reset=np.append(e[1:], False)),
                ),
                said(
                    "whole-return",
                    lambda r, e, g: totals(r, e, g)[spread_over(e)],
                    lambda r, e, g: totals(r, e)[spread_over(e)],
                ),
                said("past-for-future", past, lambda r, e, g: past(r, e, 1.0), lambda r, e, g: past(r, never, g)),
                said(
                    "off-by-one",
                    lambda r, e, g: reward_to_go(r, e, g, own=False),
                    lambda r, e, g: reward_to_go(r, e, g, own=False) / g,
                ),
                said("discount-late", lambda r, e, g: reward_to_go(r, e, g, late=True)),
                said(
                    "discount-from-start",
                    lambda r, e, g: power(e, g) * reward_to_go(r, e, g),
                    lambda r, e, g: g ** np.arange(len(r)) * reward_to_go(r, e, g),
                ),
                said(
                    "discount-ignored",
                    lambda r, e, g: reward_to_go(r, e, 1.0),
                    lambda r, e, g: reward_to_go(r, e, 1.0, reset=never),
                ),
                said("discount-outside", lambda r, e, g: power(e, g) * reward_to_go(r, e, 1.0)),
                said("own-reward", lambda r, e, g: r),
                said(
                    "whole-numbers",
                    *(partial(kept, kind=kind, carried=c) for kind in (None, int, bool) for c in (False, True)),
                ),
                said("episode-returns", lambda r, e, g: totals(r, e), lambda r, e, g: totals(r, e, g)),
            ],
        ),
        computed(
            "returns",
            "the return of each episode",
            1,
            "episode_returns",
            sums,
            totals,
            [
                said("discounted", *(partial(totals, discount=g) for g in (0.99, 0.95, 0.9, 0.5))),
                said("running", lambda r, e: np.cumsum(r)[np.flatnonzero(e)]),
                said("every-step", lambda r, e: reward_to_go(r, e, 1.0), lambda r, e: totals(r, e)[spread_over(e)]),
                said("whole-numbers", lambda r, e: np.trunc(totals(r, e)), lambda r, e: totals(r, e) != 0),
                said("mean-for-sum", lambda r, e: totals(r, e) / np.diff(np.flatnonzero(e), prepend=-1)),
            ],
        ),
    ),
    read=sections.PAST,
    remark="The reward-to-go is the first estimate of what an action was worth; later stages have better ones.",
    uses=("episode_returns",),
    helps=(
        (
            "IndexError.*t ?\\+ ?1",
            "At the last step there is no t + 1. Carry the sum along in a variable, or make the array one longer.",
        ),
    ),
)
