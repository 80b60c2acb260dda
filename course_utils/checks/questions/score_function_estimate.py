"""Lesson 03: the score-function estimate of a gradient."""

from collections.abc import Callable

import numpy as np

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Law, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw logits, rewards and a small number of samples."""
    n = int(rng.integers(3, 5))
    rewards = (rng.uniform(0.5, 3.0, size=n) * rng.choice([-1, 1, 1], size=n)).round(1)
    return {
        "logits": rng.normal(scale=0.7, size=n).round(2),
        "reward_of_action": rewards,
        "m": int(rng.integers(3, 9)),
        "rng": None,
    }


def estimate(logits: FloatArray, reward_of_action: FloatArray, m: int, rng: None) -> Law:
    """Return the law of the right answer: the mean over m draws of R_a (one-hot(a) − π)."""
    pi = policy.softmax(logits)
    return Law(reward_of_action[:, None] * (np.eye(pi.size) - pi), pi, m)


def like(change: Callable[[FloatArray, FloatArray, FloatArray], FloatArray]) -> Callable[..., Law]:
    """Return a mistake in what one draw contributes: a function of π, R and the scores, one row for each action."""

    def law(logits: FloatArray, reward_of_action: FloatArray, m: int, rng: None) -> Law:
        pi = policy.softmax(logits)
        return Law(change(pi, reward_of_action, np.eye(pi.size) - pi), pi, m)

    return law


def total(logits: FloatArray, reward_of_action: FloatArray, m: int, rng: None) -> Law:
    """Return the law of a sum over the draws in place of their mean."""
    right = estimate(logits, reward_of_action, m, rng)
    return Law(m * right.outcomes, right.probabilities, m)


def one_draw(logits: FloatArray, reward_of_action: FloatArray, m: int, rng: None) -> Law:
    """Return the law of a single draw, whatever m is."""
    return estimate(logits, reward_of_action, 1, rng)


def always(action: int, logits: FloatArray, reward_of_action: FloatArray) -> Law:
    """Return the law of an estimate that takes the same action each time."""
    pi = policy.softmax(logits)
    return Law((reward_of_action[:, None] * (np.eye(pi.size) - pi))[action, None], np.ones(1))


def uniform(logits: FloatArray, reward_of_action: FloatArray, m: int, rng: None) -> Law:
    """Return the law of an estimate whose actions are drawn uniformly."""
    right = estimate(logits, reward_of_action, m, rng)
    return Law(right.outcomes, np.full(logits.size, 1 / logits.size), m)


def exact_sum(logits: FloatArray, reward_of_action: FloatArray, m: int, rng: None) -> Law:
    """Return the law of the exact gradient, which does not vary."""
    return Law(estimate(logits, reward_of_action, m, rng).mean()[None], np.ones(1))


def all_counts(pi: FloatArray, m: int) -> tuple[FloatArray, FloatArray]:
    """Return how often each action can come up in m draws, shape (K, n), and the probability of each case."""
    lists: list[list[int]] = [[]]
    for _ in range(pi.size - 1):
        lists = [[*c, k] for c in lists for k in range(m - sum(c) + 1)]
    counts = np.array([[*c, m - sum(c)] for c in lists])
    log_factorial = np.concatenate([[0.0], np.log(np.arange(1, m + 1)).cumsum()])
    log_chance = log_factorial[m] - log_factorial[counts].sum(axis=1) + counts @ np.log(pi)
    return counts.astype(float), np.exp(log_chance)


def product_of_means(logits: FloatArray, reward_of_action: FloatArray, m: int, rng: None) -> Law:
    """Return the law of mean reward times mean score, exactly, by going through all outcomes of m draws."""
    pi = policy.softmax(logits)
    counts, chance = all_counts(pi, m)
    return Law((counts @ reward_of_action / m)[:, None] * (counts / m - pi), chance)


def one_for_all(what: str, logits: FloatArray, reward_of_action: FloatArray, m: int) -> Law:
    """Return the law of one draw's reward times the mean score, or of one draw's score times the mean reward."""
    pi = policy.softmax(logits)
    others, chance = all_counts(pi, m - 1)
    outcomes = []
    for action, own in enumerate(np.eye(pi.size)):
        shares = (others + own) / m
        if what == "reward":
            outcomes.append(reward_of_action[action] * (shares - pi))
        else:
            outcomes.append((shares @ reward_of_action)[:, None] * (own - pi))
    return Law(np.concatenate(outcomes), np.outer(pi, chance).ravel())


told = Words(
    """
reward-differentiated (M3): Your estimate is always 0: that is ∂R/∂logits, the derivative of the reward.
    A reward belongs to an action and does not depend on the logits. What depends on them is how often each action is
    taken, so differentiate the probability, and let the reward be its weight.
no-reward (M3): You averaged the score by itself: the reward does not come into it.
    The mean of the score is 0 under the policy. It is the reward that lets good actions pull harder than bad ones:
    weigh each draw's score with its own reward.
sum-for-mean (M7): You added up the m draws and did not divide by m.
    Then the estimate grows with m, and with it the step that you take. An expectation is estimated by a mean: each draw
    counts 1/m.
score-of-probability (M1): You weighed with the gradient of π, where that of log π belongs: every draw carries a factor
  π(a) too many.
    The draw brings that factor already: likely actions come up more often. ∂π = π ∂log π, and the π in front is what
    sampling stands for.
sign (M5): Your estimate has the opposite sign.
    It points to where the expected reward falls. The minus belongs to a loss, for an optimiser that descends; here the
    gradient of E[R] itself is asked for.
no-one-hot (M1): The 1 of the action that was drawn is missing: your draws contribute −R π, where R (one-hot − π)
  belongs.
    Without it every draw pushes in the same direction, whichever action it was. The score says which action the reward
    is for.
only-one-hot (M1): Your draws contribute R · one-hot: −π is missing from the score.
    With positive rewards every action that is drawn is then raised, and none is lowered. −π is the part that keeps the
    pushes in balance.
uniform-sampling: You draw the actions uniformly, and average as if they came from the policy.
    The expectation is one under π. Actions that the policy hardly ever takes now count as much as its favourites. Draw
    with `p=` the probabilities.
only-best: You use one and the same action each time, the most probable one or the one with the largest reward.
    An average over draws needs draws. The other actions' rewards are part of E[R], and so of its gradient.
product-of-means: You multiplied the mean reward by the mean score. Each draw's reward belongs to its own score.
    The gradient is in how the two go together: which action had which reward. Averaged apart, that is lost, and the
    mean score alone tends to 0. Multiply first, average after.
one-for-all: You drew m actions, and used the reward or the score of one of them for all.
    Each draw's reward belongs to its own score. With one of them for all, the pairs that do not belong together cancel
    on average, and the mean is m times too small.
weight-on-one-hot-only (M1): Your draws contribute R · one-hot − π: the reward stands at the one-hot alone. Brackets are
  missing.
    The whole score is weighted: R · (one-hot − π). Without the brackets π is subtracted in full, however small the
    reward.
times-pi (M36): You multiplied the score by π, entry by entry.
    The π in front of ∂log π is how often an action comes up, and the draws bring it already. The score is one-hot − π,
    without another factor.
divided-by-pi (M1): You divided each draw by π(a).
    That undoes that likely actions come up more often. But it is meant to count: the estimate is an average under the
    policy. Dividing belongs to draws from another policy, or to ∂π in place of ∂log π.
logits-for-probabilities (M37): Your score is one-hot − logits. The probabilities are to be subtracted.
    Logits are preferences on any scale. Only after the softmax do they say how often each action is taken.
one-draw: The mean of your estimates is right, and they scatter like single draws: m has no effect.
    Averaging m independent draws divides the variance by m. Draw an action m times, not one action that is counted m
    times.
exact-sum: This is the exact gradient, summed over all actions. It is right, and nothing is sampled.
    With three actions the exact sum is the better answer. With all possible texts as actions nobody can compute it;
    that is what the estimate is for. Draw m actions from `rng`, and average.
baseline: Your estimate is right on average and varies less than asked: you subtracted the mean reward.
    That is a baseline, and a good idea: lesson 06 is about it. Here the plain estimate is asked for, to see how noisy
    it is.
"""
)

QUESTION = Question(
    name="score_function_estimate",
    lesson="03",
    prompt="Estimate ∂E[R]/∂logits by the mean, over m drawn actions a, of `reward_of_action[a]` times the score of a.",
    points=3,
    signature="score_function_estimate(logits, reward_of_action, m, rng)",
    fixed=(
        {"logits": np.array([0.0, 1.0]), "reward_of_action": np.array([3.0, 1.0]), "m": 1, "rng": None},
        {"logits": np.array([2.0, 0.0, 0.0]), "reward_of_action": np.array([1.0, 4.0, 0.0]), "m": 2, "rng": None},
        {"logits": np.array([0.0, 0.5, 1.0]), "reward_of_action": np.array([-2.0, 5.0, 1.0]), "m": 20, "rng": None},
        {
            "logits": np.array([0.3, -0.2, 0.0, 0.5]),
            "reward_of_action": np.array([2.0, -3.0, 1.0, -1.0]),
            "m": 6,
            "rng": None,
        },
    ),
    fresh=fresh,
    fresh_count=1,
    calls=2000,  # an error of 0.05 in a probability passes all inputs less than once in 1,000: test_check_power.py
    oracle=estimate,
    remark="Nothing was differentiated through the reward. It may be a step function, or a person's thumb.",
    read=sections.TRICK,
    mistakes=(
        told("reward-differentiated", like(lambda pi, R, score: 0 * score), sections.REWARD),
        told("no-reward", like(lambda pi, R, score: score), sections.REWARD),
        told("sum-for-mean", total),
        told("score-of-probability", like(lambda pi, R, score: R[:, None] * pi[:, None] * score)),
        told(
            "sign",
            like(lambda pi, R, score: -R[:, None] * score),
            variants=(
                lambda logits, reward_of_action, m, rng: Law(
                    -estimate(logits, reward_of_action, m, rng).mean()[None], np.ones(1)
                ),
            ),
        ),
        told("no-one-hot", like(lambda pi, R, score: -R[:, None] * np.tile(pi, (pi.size, 1))), sections.SCORE),
        told("only-one-hot", like(lambda pi, R, score: R[:, None] * np.eye(pi.size)), sections.SCORE),
        told("uniform-sampling", uniform),
        told(
            "only-best",
            lambda logits, reward_of_action, m, rng: always(int(np.argmax(logits)), logits, reward_of_action),
            variants=(
                lambda logits, reward_of_action, m, rng: always(
                    int(np.argmax(reward_of_action)), logits, reward_of_action
                ),
            ),
        ),
        told("product-of-means", product_of_means, sections.REWARD),
        told(
            "one-for-all",
            lambda logits, reward_of_action, m, rng: one_for_all("reward", logits, reward_of_action, m),
            sections.REWARD,
            variants=(lambda logits, reward_of_action, m, rng: one_for_all("score", logits, reward_of_action, m),),
        ),
        told("weight-on-one-hot-only", like(lambda pi, R, score: R[:, None] * np.eye(pi.size) - pi), sections.SCORE),
        told("times-pi", like(lambda pi, R, score: R[:, None] * pi * score)),
        told("divided-by-pi", like(lambda pi, R, score: (R / pi)[:, None] * score)),
        told(
            "logits-for-probabilities",
            lambda logits, reward_of_action, m, rng: Law(
                reward_of_action[:, None] * (np.eye(logits.size) - logits), policy.softmax(logits), m
            ),
            sections.SCORE,
        ),
        told("one-draw", one_draw),
        told("exact-sum", exact_sum, almost=True),
        told("baseline", like(lambda pi, R, score: (R - pi @ R)[:, None] * score), almost=True),
    ),
)
