"""Lesson 05: the discounted reward-to-go of one trajectory."""

import numpy as np

from course_utils import returns
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the rewards of three to six steps and a discount."""
    length = int(rng.integers(3, 7))
    rewards = rng.uniform(0.5, 3.0, size=length).round(1) * rng.choice([-1, 1, 1], size=length)
    return {"rewards": rewards, "discount": round(float(rng.uniform(0.3, 0.9)), 2)}


def to_go(rewards: FloatArray, discount: float) -> FloatArray:
    """Return G_t = Σ_{k ≥ t} γ^(k−t) r_k."""
    return returns.discounted_returns(rewards, discount)


def powers(rewards: FloatArray, discount: float) -> FloatArray:
    """Return γ^(t−1) for each step."""
    result: FloatArray = discount ** np.arange(len(rewards))
    return result


def from_the_start(rewards: FloatArray, discount: float) -> FloatArray:
    """Return Σ_{k ≥ t} γ^(k−1) r_k, in which the discount counts from step 1."""
    return returns.reward_to_go(powers(rewards, discount) * rewards)


def backwards(rewards: FloatArray, discount: float) -> FloatArray:
    """Return what a loop from step 1 to T gives: the rewards before count γ less."""
    return to_go(rewards[::-1], discount)[::-1]


def placed(rewards: FloatArray, place: int, value: float) -> FloatArray:
    """Return zeros with one value at a place."""
    result = np.zeros(len(rewards))
    result[place] = value
    return result


def after(rewards: FloatArray, discount: float) -> FloatArray:
    """Return G_{t+1}, and 0 for the last step."""
    return np.append(to_go(rewards, discount)[1:], 0.0)


told = Words(
    """
past-for-future (M8): You went from the first step to the last: yours is what was earned up to each step.
    An action cannot change what came before it. Its weight is what comes from its own step on, so begin at the end and
    go backwards.
total-return (M8): You gave every step the return of the whole trajectory.
    Its gradient has the same mean, so it is not biased. But the past, which the action could not change, stays in the
    weight and is mostly noise.
underflow: The formula is right. In a long trajectory, though, γ^(t−1) becomes 0 in floating point, and you divide by
  it.
    G_t = r_t + γ G_{t+1}, computed from the end, needs no division and no large powers.
discounted-from-the-start (M9): Your exponents count from step 1: γ^(k−1) where γ^(k−t) is asked for.
    This is γ^(t−1) · G_t. It is what the gradient of J needs as a whole; but who multiplies by γ^(t−1) again applies it
    twice. Seen from step t, the reward of step t counts in full.
counted-from-zero (M25): Your exponents are one too small for steps that are counted from 0: the reward of the first
  step is divided by γ.
    In the book's γ^(k−1) the steps are counted from 1. Python counts from 0, so the same factor is `discount**k`; and
    seen from step t it is `discount**(k - t)`.
remainder-undiscounted (M25): You added up the plain rewards that remain, and then discounted the sum as a whole.
    Seen from step t each reward has its own factor, γ^(k−t): 1 for the step's own, γ for the next. The power belongs
    inside the sum.
discounted-once (M25): Every later reward counts γ once, however many steps later it comes.
    A reward that comes n steps later counts γⁿ: the discount is applied anew at each step, to all that is behind it.
one-step-only (M8): You added the next reward alone: r_t + γ r_{t+1}.
    In G_t = r_t + γ G_{t+1} the last term is G of the next step, with all that follows. Compute it first: go backwards.
last-term-only (M38): Only the last reward is in each of your entries.
    In a loop, `=` keeps the last term where `+=` adds them all.
last-reward-missing: You left out the reward of the last step.
    `range(T - 1)` ends with the last step but one. The last reward is earned too, and often the largest.
first-entry-missing (M38): The entry of the first step is 0, and the others are right.
    `range(T - 1, 0, -1)` stops before 0. The first step is number 0: `reversed(range(T))` includes it.
last-step-only (M38): Only the reward of the last step is in your answer.
    A `return` inside the loop ends it after one round, and a loop that goes backwards begins with the last step. Each
    step has its own reward-to-go.
off-by-one (M11): Every entry is γ times the wanted one: you discounted the step's own reward as well.
    G_t = r_t + γ G_{t+1}: the reward of step t counts in full, and the discount begins with the next one. `discount *
    (r + G)` discounts one step too many.
discount-ignored (M8): You added up the rewards without the discount.
    That is the reward-to-go for γ = 1. For a smaller γ a reward that comes n steps later counts γⁿ.
own-reward-missing (M11): You left out the reward of the step itself: your entry t is G of the next step.
    The action of step t earns r_t, so r_t belongs to its weight. The last step would learn nothing at all.
never-summed (M8): You discounted the rewards and did not add them up.
    An action is answerable for all that follows. With its own reward alone, an action that costs a point now and earns
    ten later looks bad.
rewards-unchanged (M8): You returned the rewards as they are.
    Nothing is added up yet. An action is answerable for all that follows: G_t = r_t + γ G_{t+1}.
reversed: Your numbers are right and stand in reverse order.
    A loop from the last step to the first appends G of the last step first. Turn the list round at the end, or write
    into place t.
first-step-only: You returned the return from the first step on, and nothing for the later steps.
    Each step has its own reward-to-go: shape (T,). Yours is the first entry. A `return` inside the loop ends it after
    one round.
mean-for-sum (M7): You divided by a number of steps: a mean where a sum is asked for.
    J is a sum of rewards. Divided by the steps that remain, early actions would count for too little; divided by T, all
    actions of a long trajectory would.
sign (M5): Your answer has the opposite sign.
    A minus belongs to a loss, for an optimiser that descends. G_t is a sum of rewards as they are.
last-undiscounted (M9): Your exponents run backwards: the last reward counts in full and earlier ones less.
    A discount makes what is far away count less. Seen from step t, the reward of step k has the factor γ^(k−t).
"""
)

QUESTION = Question(
    name="reward_to_go",
    lesson="05",
    prompt="Return the discounted reward-to-go of each step, from the rewards of one trajectory, shape (T,).",
    points=1,
    signature="reward_to_go(rewards, discount)",
    fixed=(
        {"rewards": np.array([1.0, 2.0]), "discount": 0.5},
        {"rewards": np.array([1.0, 2.0, 4.0]), "discount": 0.5},
        {"rewards": np.array([2.0, -1.0, 0.5, 3.0]), "discount": 0.8},
        {"rewards": np.array([-1.0, -1.0, -1.0, 0.0]), "discount": 1.0},
        {"rewards": np.array([3.0]), "discount": 0.6},
        {"rewards": np.array([0.0, 0.0, -2.0, 0.0, 0.0, 1.0, 5.0]), "discount": 0.9},
        {"rewards": np.array([12.125, -25.375, 31.5]), "discount": 0.95},
        {"rewards": np.arange(120) % 4 - 1.375, "discount": 0.99},
    ),
    # long enough that γ^(t−1) is 0 in floating point
    extreme=({"rewards": np.arange(340) % 3 - 1.5, "discount": 0.1},),
    fresh=fresh,
    oracle=to_go,
    remark="One pass from the end is enough: T steps of work, where adding up anew for each t takes T².",
    read=sections.PAST,
    mistakes=(
        told(
            "past-for-future",
            backwards,
            variants=(
                lambda rewards, discount: np.cumsum(rewards),
                lambda rewards, discount: np.cumsum(powers(rewards, discount) * rewards),
            ),
        ),
        told(
            "total-return",
            lambda rewards, discount: np.full(len(rewards), from_the_start(rewards, discount)[0]),
            variants=(lambda rewards, discount: np.full(len(rewards), rewards.sum()),),
        ),
        told(
            "underflow",
            lambda rewards, discount: from_the_start(rewards, discount) / powers(rewards, discount),
            almost=True,
        ),
        told("discounted-from-the-start", from_the_start, sections.DISCOUNT),
        told(
            "counted-from-zero",
            lambda rewards, discount: from_the_start(rewards, discount) / discount,
            sections.DISCOUNT,
            variants=(lambda rewards, discount: to_go(rewards, discount) / discount,),
        ),
        told(
            "remainder-undiscounted",
            lambda rewards, discount: powers(rewards, discount) * returns.reward_to_go(rewards),
            sections.DISCOUNT,
            variants=(
                lambda rewards, discount: discount * powers(rewards, discount) * returns.reward_to_go(rewards),
                lambda rewards, discount: powers(rewards, discount) * returns.reward_to_go(rewards) / discount,
            ),
        ),
        told(
            "discounted-once",
            lambda rewards, discount: rewards + discount * (returns.reward_to_go(rewards) - rewards),
            sections.DISCOUNT,
            variants=(lambda rewards, discount: discount * returns.reward_to_go(rewards),),
        ),
        told("one-step-only", lambda rewards, discount: rewards + discount * np.append(rewards[1:], 0.0)),
        told("last-term-only", lambda rewards, discount: powers(rewards, discount)[::-1] * rewards[-1]),
        told(
            "last-reward-missing",
            lambda rewards, discount: (
                np.append(to_go(rewards[:-1], discount), 0.0) if len(rewards) > 1 else 0 * rewards
            ),
        ),
        told(
            "first-entry-missing", lambda rewards, discount: np.append(0.0, to_go(rewards, discount)[1:]), almost=True
        ),
        told(
            "last-step-only",
            lambda rewards, discount: placed(rewards, -1, rewards[-1]),
            variants=(lambda rewards, discount: rewards[-1], lambda rewards, discount: rewards[-1:]),
        ),
        told("off-by-one", lambda rewards, discount: discount * to_go(rewards, discount), sections.DISCOUNT),
        told("discount-ignored", lambda rewards, discount: returns.reward_to_go(rewards), sections.DISCOUNT),
        told("own-reward-missing", after, variants=(lambda rewards, discount: discount * after(rewards, discount),)),
        told(
            "never-summed",
            lambda rewards, discount: powers(rewards, discount) * rewards,
            variants=(lambda rewards, discount: discount * powers(rewards, discount) * rewards,),
        ),
        told("rewards-unchanged", lambda rewards, discount: np.array(rewards)),
        told("reversed", lambda rewards, discount: to_go(rewards, discount)[::-1], almost=True),
        told(
            "first-step-only",
            lambda rewards, discount: to_go(rewards, discount)[0],
            variants=(
                lambda rewards, discount: to_go(rewards, discount)[:1],
                lambda rewards, discount: placed(rewards, 0, to_go(rewards, discount)[0]),
            ),
        ),
        told(
            "mean-for-sum",
            lambda rewards, discount: to_go(rewards, discount) / np.arange(len(rewards), 0, -1, dtype=float),
            sections.LENGTHS,
            variants=(lambda rewards, discount: to_go(rewards, discount) / len(rewards),),
        ),
        told("sign", lambda rewards, discount: -to_go(rewards, discount)),
        told(
            "last-undiscounted",
            lambda rewards, discount: returns.reward_to_go(powers(rewards, discount)[::-1] * rewards),
            sections.DISCOUNT,
        ),
    ),
)
