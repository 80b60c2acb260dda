"""Stage 3 of the build: REINFORCE."""

import numpy as np

from course_utils import mdp
from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.played import Seed
from course_utils.checks.probe_environment import CartPole
from course_utils.checks.probing import Case, Slips, arrays, computed, part, reached
from course_utils.checks.result import show
from course_utils.checks.stage import Fault, Functions, Stage
from course_utils.checks.stages import build_returns, exact, worlds
from course_utils.checks.stages.exact import actor, reward_to_go

__all__ = ["STAGE"]


said = Slips("""
sign: Your gradient points downhill: every entry has the other sign.
    J is an objective: adding this gradient makes what pays rarer.
mean-over-steps: You averaged over all steps; the formula sums over steps and averages over episodes.
    With episodes of different lengths the mean over steps points in another direction.
total: You summed over the episodes and did not divide by their number.
    The size of a step would then grow with the number of episodes.
whole-table-score: The −π of the score is missing: the one-hot alone is not the gradient of log π.
    Then every probability is pushed up, and nothing sends it down.
minus-pi: The one-hot of the action that was taken is missing.
    The gradient would be the same whichever action it was: nothing can be learned.
times-pi: The score is multiplied with π of the action: that is ∂π, not ∂ log π.
    Drawing has put the probability in already.
own-reward: Each score is multiplied with the reward of its own step alone.
    An action that decides a later reward gets no credit for it. The weight is the reward-to-go.
whole-return: Each score is multiplied with the return of the whole episode.
    That is unbiased, and noisier: what was earned before cannot be the action's doing. Use your `reward_to_go`.
no-reset: The weights run on from one episode into the next.
    Pass `record["ended"]` on to `reward_to_go`, and let it begin anew there.
normalised: The weights are normalised by the batch: their mean is subtracted, or they are divided by their spread.
    The estimate is then not unbiased: with one step it is 0.
discount-ignored: The discount is not passed on.
    What comes later then counts as much as what comes at once.
gamma-to-the-t: γ^t stands in front of each term as well.
    That is the exact gradient of the discounted J (lesson 05). The build leaves it out from the start, as nearly all
    programs do.
""")


def cases(rng: np.random.Generator) -> list[Case]:
    """Return the probes: one action, credit, an episode's end, and a drawn record."""
    d = worlds.drawn_record(rng)
    return [
        Case("one step, action 1 pays 2", (np.zeros((1, 2)), worlds.one_step(), 0.5)),
        Case("two steps; 4 is paid at the second, γ = 0.5", (np.zeros((2, 2)), worlds.two_steps(), 0.5)),
        Case(worlds.in_words(d), (rng.normal(size=(2, 3)).round(2), d, 0.8)),
    ]


def right(theta, record, discount, **switches):
    """Return the exact answer, or with a switch a mistaken one."""
    return actor(theta, record, reward_to_go(record["rewards"], record["ended"], discount), **switches)


def weighted(weigh):
    """Return REINFORCE with other weights, a function of (rewards, ended, discount)."""
    return lambda theta, r, g: actor(theta, r, weigh(r["rewards"], r["ended"], g))


def centred(r, e, g, divide=False, floor=1e-8):
    """Return the returns, less their mean, perhaps by their spread."""
    G = reward_to_go(r, e, g)
    return (G - G.mean()) / (G.std() + floor if divide else 1)


def whole(r, e, g):
    """Return the return of the whole episode at each step."""
    return build_returns.totals(r, e, g)[exact.spread_over(e)]


@part("unbiased", "the mean over all episodes of a small world is ∂J/∂θ", 2)
def UNBIASED(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """Weigh the estimate of every possible episode with its probability: an exact test, no sampling."""
    world, theta = exact.small_world(), rng.normal(size=(4, 2)).round(2)
    mean = np.zeros((4, 2))
    for chance, record in exact.paths(world, theta):
        mean += chance * arrays("reinforce", functions.call("reinforce", theta, record, 1.0), [(4, 2)])[0]
    oracle = mdp.TabularMDP(world.transitions, world.rewards, world.start, terminal_states=(3,))
    wanted = oracle.policy_gradient(theta)
    if np.allclose(mean, wanted, rtol=1e-9, atol=1e-11):
        return None
    saw = [("mean of yours", show(mean)), ("exact ∂J/∂θ", show(wanted))]
    if np.allclose(mean, -wanted):
        return said("sign").fault(saw)
    return Fault(
        "biased",
        "The mean of your estimate over all possible episodes is not the exact gradient.",
        "An estimate may be noisy, but its mean has to be ∂J/∂θ. The part above says more.",
        tuple(saw),
    )


@part("bandit", "training: one step, one action pays", 1)
def BANDIT(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """Train on the smallest world: 60 updates with 8 episodes."""
    theta, pays = np.zeros((2, 2)), int(rng.integers(2))
    env = worlds.bandit(pays)
    answer = functions.call("train_reinforce", env, theta, 60, 8, 0.5, 1.0, Seed(int(rng.integers(2**31))))
    return worlds.climbed("train_reinforce", env, theta, arrays("train_reinforce", answer, [(2, 2)])[0], pays)


@part("cart-pole", "CartPole, on fresh episodes", 3)
def CART_POLE(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """30 updates with 10 episodes."""

    pole = CartPole.drawn(rng)

    def train(seed: int) -> FloatArray:
        answer = functions.call("train_reinforce", pole, np.zeros((11, 2)), 30, 10, 3e-3, 0.97, Seed(seed))
        return worlds.cart_pole_returns(pole, arrays("train_reinforce", answer, [(11, 2)])[0], seed)

    return reached(
        "CartPole, 30 updates of 10 episodes",
        train,
        50,
        22,
        rng,
        "If all parts above are right, look at "
        "`train_reinforce`: new episodes with the newest θ, `updates` times, and the discount passed on.",
    )


STAGE = Stage(
    name="build_reinforce",
    lesson="05",
    prompt="Estimate the policy gradient from a record, and climb with it.",
    signature="reinforce(theta, record, discount)",
    function="reinforce",
    parts=(
        computed(
            "gradient",
            "the gradient: one step, credit, discount, an episode's end",
            3,
            "reinforce",
            cases,
            right,
            [
                said("sign", lambda *a: -right(*a)),
                said("mean-over-steps", lambda *a: right(*a, per_step=True)),
                said("total", lambda *a: right(*a, total=True)),
                said("whole-table-score", lambda *a: right(*a, score="one-hot")),
                said("minus-pi", lambda *a: right(*a, score="minus-pi")),
                said("times-pi", lambda *a: right(*a, score="times-pi")),
                said("own-reward", weighted(lambda r, e, g: r)),
                said("whole-return", weighted(whole), weighted(lambda r, e, g: whole(r, e, 1.0))),
                said("no-reset", weighted(lambda r, e, g: reward_to_go(r, e, g, reset=0 * e))),
                said(
                    "normalised",
                    weighted(centred),
                    weighted(lambda r, e, g: centred(r, e, g, True)),
                    weighted(lambda r, e, g: centred(r, e, g, True, 0.0)),
                ),
                said("discount-ignored", weighted(lambda r, e, g: reward_to_go(r, e, 1.0))),
                said("gamma-to-the-t", weighted(lambda r, e, g: build_returns.power(e, g) * reward_to_go(r, e, g))),
            ],
            uses=("build_returns",),
        ),
        UNBIASED,
        BANDIT,
        CART_POLE,
    ),
    read=sections.REINFORCE,
    remark="The same lines, with another weight, are all that follows.",
    uses=("log_probabilities", "reward_to_go", "rollout", "train_reinforce"),
    helps=(
        (
            r"\(\d+,\) \(\d+,\d+\)|\(\d+,\d+\) \(\d+,\)",
            "An array of shape (N,) that weighs the rows of another, (N, A), is `x[:, None]`.",
        ),
    ),
    seconds=15.0,
)
