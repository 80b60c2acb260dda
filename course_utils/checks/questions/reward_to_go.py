"""Lesson 05: the discounted reward-to-go of one trajectory."""

import numpy as np

from course_utils import returns
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the rewards of three to six steps and a discount."""
    rewards = rng.uniform(0.5, 3.0, size=int(rng.integers(3, 7))).round(1) * rng.choice([-1, 1, 1])
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


def after(rewards: FloatArray, discount: float) -> FloatArray:
    """Return G_{t+1}, and 0 for the last step."""
    return np.append(to_go(rewards, discount)[1:], 0.0)


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
    ),
    fresh=fresh,
    oracle=to_go,
    remark="One pass from the end is enough: T steps of work, where adding up anew for each t takes T².",
    read=sections.PAST,
    mistakes=(
        Mistake(
            "past-for-future",
            "M8",
            backwards,
            "You went from the first step to the last: yours is what was earned up to each step.",
            "An action cannot change what came before it. Its weight is what comes from its own step on, so begin at "
            "the end and go backwards.",
            variants=(
                lambda rewards, discount: np.cumsum(rewards),
                lambda rewards, discount: np.cumsum(powers(rewards, discount) * rewards),
            ),
        ),
        Mistake(
            "total-return",
            "M8",
            lambda rewards, discount: np.full(len(rewards), from_the_start(rewards, discount)[0]),
            "You gave every step the return of the whole trajectory.",
            "Its gradient has the same mean, so it is not biased. But the past, which the action could not change, "
            "stays in the weight and is mostly noise.",
            variants=(lambda rewards, discount: np.full(len(rewards), rewards.sum()),),
        ),
        Mistake(
            "discounted-from-the-start",
            "M9",
            from_the_start,
            "Your exponents count from step 1: γ^(k−1) where γ^(k−t) is asked for.",
            "This is γ^(t−1) · G_t. It is what the gradient of J needs as a whole; but who multiplies by γ^(t−1) again "
            "applies it twice. Seen from step t, the reward of step t counts in full.",
            sections.DISCOUNT,
        ),
        Mistake(
            "off-by-one",
            "M11",
            lambda rewards, discount: discount * to_go(rewards, discount),
            "Every entry is γ times the wanted one: you discounted the step's own reward as well.",
            "G_t = r_t + γ G_{t+1}: the reward of step t counts in full, and the discount begins with the next one. "
            "`discount * (r + G)` discounts one step too many.",
            sections.DISCOUNT,
        ),
        Mistake(
            "discount-ignored",
            "M8",
            lambda rewards, discount: returns.reward_to_go(rewards),
            "You added up the rewards without the discount.",
            "That is the reward-to-go for γ = 1. For a smaller γ a reward that comes n steps later counts γⁿ.",
            sections.DISCOUNT,
        ),
        Mistake(
            "own-reward-missing",
            "M11",
            after,
            "You left out the reward of the step itself: your entry t is G of the next step.",
            "The action of step t earns r_t, so r_t belongs to its weight. The last step would learn nothing at all.",
            variants=(lambda rewards, discount: discount * after(rewards, discount),),
        ),
        Mistake(
            "never-summed",
            "M8",
            lambda rewards, discount: powers(rewards, discount) * rewards,
            "You discounted the rewards and did not add them up.",
            "An action is answerable for all that follows. With its own reward alone, an action that costs a point now "
            "and earns ten later looks bad.",
            variants=(lambda rewards, discount: np.array(rewards),),
        ),
        Mistake(
            "reversed",
            "",
            lambda rewards, discount: to_go(rewards, discount)[::-1],
            "Your numbers are right and stand in reverse order.",
            "A loop from the last step to the first appends G of the last step first. Turn the list round at the end, "
            "or write into place t.",
            almost=True,
        ),
        Mistake(
            "first-step-only",
            "",
            lambda rewards, discount: to_go(rewards, discount)[0],
            "You returned one number, the return from the first step on.",
            "Each step has its own reward-to-go: shape (T,). Yours is the first entry.",
        ),
        Mistake(
            "mean-for-sum",
            "M7",
            lambda rewards, discount: to_go(rewards, discount) / np.arange(len(rewards), 0, -1, dtype=float),
            "You took a mean over the steps that remain where a sum is asked for.",
            "J is a sum of rewards. Divided by the number of steps that remain, early actions would count for too "
            "little.",
            sections.LENGTHS,
        ),
        Mistake(
            "last-undiscounted",
            "M9",
            lambda rewards, discount: returns.reward_to_go(powers(rewards, discount)[::-1] * rewards),
            "Your exponents run backwards: the last reward counts in full and earlier ones less.",
            "A discount makes what is far away count less. Seen from step t, the reward of step k has the factor "
            "γ^(k−t).",
            sections.DISCOUNT,
        ),
    ),
)
