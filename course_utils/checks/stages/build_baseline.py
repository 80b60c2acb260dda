"""Stage 4 of the build: a baseline."""

import numpy as np

from course_utils.checks import sections
from course_utils.checks.probing import Case, Slips, arrays, computed, part
from course_utils.checks.result import show
from course_utils.checks.stage import Fault, Functions, Stage
from course_utils.checks.stages import build_returns, exact, worlds
from course_utils.checks.stages.exact import actor, critic, reward_to_go

__all__ = ["STAGE"]


said = Slips("""
plus-value: The value is added to the reward-to-go, not subtracted.
    That is unbiased too, and the noise grows. Better than usual is G − V.
no-baseline: The policy's gradient is that of `reinforce`: the value is not subtracted.
    Where every action earns the same, a step in any direction is only noise.
next-value: You subtracted the value of the next state.
    The next state depends on the action, so the mean is another one. The baseline is V(s_t).
normalised: The advantages are normalised by the batch.
    That changes the length of the gradient, and its direction over several steps. It is no part of this stage.
batch-mean: You subtracted the mean of the returns, and not V(s_t).
    It holds each sample's own return, which shrinks the gradient, and it is the same in every state. w is the baseline.
whole-return: The return of the whole episode stands in place of the reward-to-go.
    What was earned before a step is not its action's doing.
total: The policy's gradient is summed over the episodes and not divided by their number.
    The size of a step would then grow with the number of episodes.
mean-over-steps: The policy's gradient is averaged over steps; wanted is a sum over steps, a mean over episodes.
    The critic's loss is a mean over steps, the policy's objective is not.
actor-sign: The policy's gradient has the other sign.
    It is used by stepping up.
critic-sign: The critic's gradient has the other sign: that of G − V, where the loss has V − G.
    It is the gradient of a loss, and whoever uses it steps down.
value-in-reward: The value is subtracted from each reward, before these are added up.
    Then all later values are subtracted too. The baseline is taken once from the finished sum: G_t − V(s_t).
critic-total: The critic's gradient is not averaged over steps: it is summed, or divided by the number of episodes.
    Its step size would depend on how long the episodes are.
critic-reward: The critic is taught the reward of the step, not what comes from the state on.
    V(s) is the expected reward-to-go.
critic-doubled: The critic's gradient is twice what it should be, or half of it.
    The loss is ½ (V − G)²: its derivative has no factor in front.
""")


def cases(rng: np.random.Generator) -> list[Case]:
    """Return the probes: the value alone, two steps, a drawn record."""
    d = worlds.drawn_record(rng)
    return [
        Case(
            "one step that pays 2 whatever is done, V = 2: the policy must not move",
            (np.zeros((1, 2)), np.array([2.0]), worlds.one_step(), 0.5),
        ),
        Case(
            "two steps; 4 is paid at the second, γ = 0.5, V = 1 and 3",
            (np.zeros((2, 2)), np.array([1.0, 3.0]), worlds.two_steps(), 0.5),
        ),
        Case(worlds.in_words(d), (*rng.normal(size=(1, 2, 3)).round(2), rng.normal(size=2).round(2), d, 0.8)),
    ]


def right(theta, w, record, discount, weigh=lambda G, V, r: G - V, flip=1, factor=1.0, target=None, **switches):
    """Return both gradients, or with a switch mistaken ones."""
    G, V = reward_to_go(record["rewards"], record["ended"], discount), record["states"] @ w
    aim = G if target is None else record[target]
    return flip * actor(theta, record, weigh(G, V, record["next_states"] @ w), **switches), factor * critic(
        w, record, aim
    )


def whole(theta, w, record, discount):
    """Return both gradients with the return of the whole episode as weight of each step."""
    G = build_returns.totals(record["rewards"], record["ended"], discount)[exact.spread_over(record["ended"])]
    return right(theta, w, record, discount, weigh=lambda _, V, __: G - V)


def paying(theta, w, record, discount):
    """Return both gradients with the value subtracted from the rewards."""
    less = reward_to_go(record["rewards"] - record["states"] @ w, record["ended"], discount)
    return right(theta, w, record, discount, weigh=lambda *_: less)


def white(G, V, _):
    """Return normalised advantages."""
    A = G - V
    return (A - A.mean()) / (A.std() + 1e-8)


@part("same-mean", "the mean is still ∂J/∂θ, whatever the baseline", 2)
def SAME_MEAN(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """Weigh the estimate of every possible episode with its probability: exact."""
    world, theta, w = exact.small_world(), rng.normal(size=(4, 2)).round(2), rng.normal(size=4).round(2)
    mean, wanted = np.zeros((4, 2)), np.zeros((4, 2))
    for chance, record in exact.paths(world, theta):
        answer = functions.call("reinforce_with_baseline", theta, w, record, 1.0)
        mean += chance * arrays("reinforce_with_baseline", answer, [(4, 2), (4,)])[0]
        wanted += chance * actor(theta, record, reward_to_go(record["rewards"], record["ended"], 1.0))
    if np.allclose(mean, wanted, rtol=1e-9, atol=1e-11):
        return None
    return Fault(
        "biased",
        "The mean of your policy's gradient over all possible episodes is not ∂J/∂θ.",
        "A baseline may depend on the state, and on nothing that comes after it.",
        (("mean of yours", show(mean)), ("exact", show(wanted))),
    )


STAGE = Stage(
    name="build_baseline",
    lesson="06",
    prompt="Subtract the critic's value from the reward-to-go, and return the critic's gradient too.",
    signature="reinforce_with_baseline(theta, w, record, discount)",
    function="reinforce_with_baseline",
    parts=(
        computed(
            "gradients",
            "both gradients: value but not policy, two steps, three episodes",
            4,
            "reinforce_with_baseline",
            cases,
            right,
            [
                said("plus-value", lambda *a: right(*a, weigh=lambda G, V, _: G + V)),
                said("no-baseline", lambda *a: right(*a, weigh=lambda G, V, _: G)),
                said("next-value", lambda *a: right(*a, weigh=lambda G, V, after: G - after)),
                said("normalised", lambda *a: right(*a, weigh=white)),
                said("batch-mean", lambda *a: right(*a, weigh=lambda G, V, _: G - G.mean())),
                said("whole-return", whole),
                said("value-in-reward", paying),
                said("total", lambda *a: right(*a, total=True)),
                said("mean-over-steps", lambda *a: right(*a, per_step=True)),
                said("actor-sign", lambda *a: right(*a, flip=-1)),
                said("critic-sign", lambda *a: right(*a, factor=-1.0)),
                said(
                    "critic-total",
                    lambda *a: right(*a, factor=len(a[2]["rewards"])),
                    lambda *a: right(*a, factor=len(a[2]["rewards"]) / a[2]["ended"].sum()),
                ),
                said("critic-reward", lambda *a: right(*a, target="rewards")),
                said("critic-doubled", lambda *a: right(*a, factor=2.0), lambda *a: right(*a, factor=0.5)),
            ],
            names=("policy", "critic"),
            uses=("build_returns", "build_reinforce"),
        ),
        SAME_MEAN,
    ),
    read=sections.MAY_DEPEND,
    remark="The same mean, less noise: lesson 06 measures how much.",
    uses=("log_probabilities", "reward_to_go"),
    helps=(
        (
            r"\(\d+,\) \(\d+,\d+\)|\(\d+,\d+\) \(\d+,\)",
            "An array of shape (N,) that weighs the rows of another, (N, A), is `x[:, None]`.",
        ),
    ),
)
