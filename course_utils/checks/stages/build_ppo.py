"""Stage 6 of the build: PPO."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.played import Seed
from course_utils.checks.probe_environment import CartPole
from course_utils.checks.probing import Case, Slips, arrays, computed, part, reached
from course_utils.checks.stage import Fault, Functions, Stage
from course_utils.checks.stages import exact, worlds
from course_utils.checks.stages.exact import actor, critic

__all__ = ["STAGE", "update"]


said = Slips("""
ratio-inverted: The ratio is the wrong way round: old over new.
    It says how much more probable the action has become: π_θ / π_old.
log-ratio: The ratio is a difference of log-probabilities, without exp.
    At equal policies the ratio is 1, and the difference 0.
no-clip: Nothing is clipped.
    On the third step with the same data the policy may be anywhere.
clip-without-min: The gradient is 0 wherever the ratio is outside 1 ± ε, on either side.
    Where a step back would help, the plain side is the smaller one: the `min` keeps it.
clip-as-weight: The score is weighted with the clipped ratio.
    A clipped ratio is a constant: it does not change with θ, and its gradient is 0. Where the clipped side is the
    smaller one, the step contributes nothing.
one-sided: Only ratios above 1 + ε are cut off, whatever the sign of A, as by min(ρ, clip(ρ)) · A.
    With a negative A what goes too far lies below 1 − ε, and what is above 1 + ε must be able to come back.
min-before-times: The minimum is taken of the ratios, before they are multiplied with A, and used as a weight.
    With a negative A the larger ratio is the smaller product. Multiply first: min(ρ A, clip(ρ) A).
ties-dropped: Inside of 1 ± ε nothing moves: there both sides are equal, and neither is the smaller one.
    The clipped side is out of play only where it is *smaller*: keep ρ A wherever ρ A ≤ clip(ρ) A.
max-for-min: You kept the larger side.
    The minimum is the pessimistic side: what goes too far in the good direction earns nothing more.
no-ratio: The ratio itself is missing from the gradient: ∂ρ/∂θ = ρ · score.
    It is 1 only at the first step.
sign: The gradient has the other sign.
    The objective goes up.
mean-over-steps: The gradient is averaged over steps; wanted is a sum over steps, a mean over episodes.
    It is the convention of the stages before.
total: The gradient is summed over the episodes and not divided by their number.
    The size of a step would then grow with the number of episodes.
normalised: The advantages are normalised by the batch.
    Many programs do so, and it is no part of this stage: it changes the length of a step, and here also its direction.
old-late: The old log-probabilities are taken after the first step.
    The first ratio is then not 1. They belong to the policy that played: compute them before the loop.
critic-frozen: The critic's gradient is the same in each epoch: that of the w that came in.
    The targets are constants, the values are not: `states @ w - targets`, with the w of this epoch.
returns-as-targets: The critic is taught the reward-to-go, not A_t + V(s_t).
    An episode that is cut off would teach it that nothing comes after.
critic-total: The critic's gradient is not averaged over steps: it is summed, or divided by the number of episodes.
    Its step size would depend on how long the episodes are.
old-recomputed: The old log-probabilities are computed anew in each epoch, so the ratio is always 1.
    Nothing is ever clipped then. They belong to the policy that played.
advantages-recomputed: Advantages and targets are computed anew in each epoch, with the critic that has moved.
    They are constants of this record.
one-epoch: Only one step is taken, however many epochs are asked for.
    Several steps with one record are what the clip is for.
critic-up: The critic steps up its loss.
    w goes down.
no-critic: The critic does not move.
    It is to predict the targets, once an epoch too.
""")


def cases(rng: np.random.Generator) -> list[Case]:
    """Return the probes: the ratio 1, a step too far, a step back, and a drawn record."""
    one, zero, e = worlds.one_step(), np.zeros((1, 2)), 0.2
    d, theta = worlds.drawn_record(rng), rng.normal(size=(2, 3)).round(2)
    old = exact.chosen(theta, d) - np.log([1.6, 0.5, 1.1, 0.95, 0.4, 1.7, 0.6, 1.5])
    A = np.array([1.0, 2.0, -1.0, 1.5, -2.0, -1.5, 0.7, 2.0]) * rng.uniform(0.5, 1.5, 8).round(2)
    return [
        Case("one step, ratio 1, A = 2", (zero, one, np.log([0.5]), np.array([2.0]), e)),
        Case("one step, ratio 2, A = 1: gone too far", (zero, one, np.log([0.25]), np.array([1.0]), e)),
        Case("one step, ratio 2, A = −1: must be able to go back", (zero, one, np.log([0.25]), np.array([-1.0]), e)),
        Case("three episodes, ratios from 0.4 to 1.7", (theta, d, old, A, e)),
    ]


def right(theta, record, old, A, epsilon, weigh=exact.clip_weights, **switches):
    """Return the exact gradient, or with a switch a mistaken one."""
    return actor(theta, record, weigh(np.exp(exact.chosen(theta, record) - old), A, epsilon), **switches)


def other(weigh):
    """Return the gradient with other weights of the scores."""
    return lambda *a: right(*a, weigh=weigh)


def inside(r, e):
    """Say where the ratio is within its range."""
    return abs(r - 1) <= e


def updates(rng: np.random.Generator) -> list[Case]:
    """Return records for a whole update."""
    d = worlds.drawn_record(rng)
    theta, w = rng.normal(size=(2, 3)).round(2), rng.normal(size=2).round(2)
    return [
        Case(
            "one step that pays 2, 3 epochs",
            (np.zeros((1, 2)), np.zeros(1), worlds.one_step(), 0.9, 0.9, 0.1, 3, 1.0, 0.5),
        ),
        Case(f"{worlds.in_words(d)}, 4 epochs", (theta, w, d, 0.9, 0.7, 0.2, 4, 0.4, 0.3)),
    ]


def update(theta, w, record, g, lam, eps, epochs, up, down, recompute="", only=0, white=False, taught="", frozen=False):
    """Return θ and w after one update, or with a switch mistaken ones."""
    for k in range(only or epochs):
        if k == 0 or recompute == "advantages":
            V = record["states"] @ w
            A = exact.advantages(
                record["rewards"], V, record["next_states"] @ w, record["terminated"], record["ended"], g, lam
            )
            targets = A + V
            if taught == "returns":
                targets = exact.reward_to_go(record["rewards"], record["ended"], g)
            A = (A - A.mean()) / (A.std() + 1e-8) if white else A
        if k == 0 or recompute == "old" or (k == 1 and recompute == "late"):
            old = exact.chosen(theta, record)
        if k == 0 or not frozen:
            slope = critic(w, record, targets)
        theta, w = theta + up * right(theta, record, old, A, eps), w - down * slope
    return theta, w


@part("cart-pole", "CartPole, on fresh episodes", 3)
def CART_POLE(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """12 records of 10 episodes, 8 epochs each."""

    pole = CartPole.drawn(rng)

    def train(seed: int) -> FloatArray:
        theta, w, draw = np.zeros((11, 2)), np.zeros(11), np.random.default_rng(seed)
        for _ in range(12):
            record = functions.call("rollout", pole, theta, 10, Seed(int(draw.integers(2**31))))
            answer = functions.call("ppo", theta, w, record, 0.97, 0.95, 0.2, 8, 3e-3, 0.1)
            theta, w = arrays("ppo", answer, [(11, 2), (11,)])
        return worlds.cart_pole_returns(pole, theta, seed)

    return reached("CartPole, 12 records of 10 episodes", train, 80, 22, rng, "The parts above say what is not right.")


STAGE = Stage(
    name="build_ppo",
    lesson="10",
    prompt="Take several steps on one record, with a clipped ratio.",
    signature="ppo(theta, w, record, discount, lambda_, epsilon, epochs, step_size, critic_step)",
    function="ppo",
    parts=(
        computed(
            "clip",
            "the clipped gradient: too far, and back",
            4,
            "ppo_gradient",
            cases,
            right,
            [
                said(
                    "ratio-inverted",
                    other(lambda r, A, e: exact.clip_weights(1 / r, A, e)),
                    other(lambda r, A, e: -exact.clip_weights(1 / r, A, e)),
                ),
                said("log-ratio", other(lambda r, A, e: exact.clip_weights(np.log(r), A, e))),
                said("no-clip", other(lambda r, A, e: r * A)),
                said(
                    "clip-without-min",
                    other(lambda r, A, e: r * A * inside(r, e)),
                ),
                said(
                    "clip-as-weight",
                    other(lambda r, A, e: np.clip(r, 1 - e, 1 + e) * A),
                    other(lambda r, A, e: np.minimum(r * A, np.clip(r, 1 - e, 1 + e) * A)),
                ),
                said(
                    "one-sided",
                    other(lambda r, A, e: r * A * (r <= 1 + e)),
                ),
                said(
                    "min-before-times",
                    other(lambda r, A, e: np.minimum(r, np.clip(r, 1 - e, 1 + e)) * A),
                ),
                said("ties-dropped", other(lambda r, A, e: r * A * (r * A < np.clip(r, 1 - e, 1 + e) * A))),
                said("max-for-min", other(lambda r, A, e: r * A * (r * A >= np.clip(r, 1 - e, 1 + e) * A))),
                said("no-ratio", other(lambda r, A, e: exact.clip_weights(r, A, e) / r)),
                said("sign", lambda *a: -right(*a)),
                said("mean-over-steps", lambda *a: right(*a, per_step=True)),
                said("total", lambda *a: right(*a, total=True)),
            ],
        ),
        computed(
            "update",
            "several epochs on one record",
            3,
            "ppo",
            updates,
            update,
            [
                said("old-recomputed", lambda *a: update(*a, recompute="old")),
                said("advantages-recomputed", lambda *a: update(*a, recompute="advantages")),
                said("old-late", lambda *a: update(*a, recompute="late")),
                said("normalised", lambda *a: update(*a, white=True)),
                said("critic-frozen", lambda *a: update(*a, frozen=True)),
                said("returns-as-targets", lambda *a: update(*a, taught="returns")),
                said(
                    "critic-total",
                    lambda *a: update(*a[:8], a[8] * len(a[2]["rewards"])),
                    lambda *a: update(*a[:8], a[8] * len(a[2]["rewards"]) / a[2]["ended"].sum()),
                ),
                said("one-epoch", lambda *a: update(*a, only=1)),
                said("sign", lambda *a: update(*a[:7], -a[7], a[8])),
                said("critic-up", lambda *a: update(*a[:8], -a[8])),
                said("no-critic", lambda *a: update(*a[:8], 0.0)),
            ],
            names=("θ", "w"),
            uses=("build_a2c",),
        ),
        CART_POLE,
    ),
    read=sections.CLIP,
    remark="One record, many steps: the same loop trains language models.",
    uses=("log_probabilities", "gae", "ppo_gradient", "rollout"),
    helps=(
        (
            r"\(\d+,\d+\) \(\d+,\)|\(\d+,\) \(\d+,\d+\)|IndexError",
            "log π of all actions, shape (N, A), may stand where that of the chosen ones belongs, shape (N,): "
            "`log_probabilities(theta, states)[np.arange(N), actions]`. An array of shape (N,) that weighs rows "
            "is `x[:, None]`.",
        ),
    ),
    seconds=15.0,
)
