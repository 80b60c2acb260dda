"""Stage 5 of the build: A2C with GAE."""

from functools import partial

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.played import Seed
from course_utils.checks.probe_environment import CartPole, ProbeEnvironment
from course_utils.checks.probing import Case, Slips, arrays, computed, part, reached, record_of
from course_utils.checks.question import close
from course_utils.checks.result import show_pair
from course_utils.checks.stage import Fault, Functions, Stage
from course_utils.checks.stages import build_returns, exact, worlds
from course_utils.checks.stages.exact import actor, critic

__all__ = ["STAGE"]


said = Slips("""
bootstrap-at-end: V(s_{t+1}) counts after a terminal state too.
    Nothing is earned there. Multiply it with `~terminated`.
no-bootstrap-at-cut: V(s_{t+1}) does not count where an episode was only cut off.
    There more could have been earned: `terminated` decides about the value, `ended` about the sum.
no-reset: The estimates run on from one episode into the next.
    A_{t+1} of another episode is nothing that this one's action has caused: where `ended` is True, begin anew.
cut-by-terminated: The sum is cut where `terminated` is True, so it runs on after an episode that was cut off.
    `ended` decides about the sum.
whole-numbers: The estimates are kept in an array of whole numbers or of truth values: what is after the point is lost.
    `np.zeros_like(x)` makes an array of x's kind. `np.zeros(len(x))` holds floats.
lambda-for-gamma: λ stands in δ where γ belongs: the two are exchanged.
    γ says what a later reward is worth, λ how far the critic is trusted. δ_t = r_t + γ V(s_{t+1}) − V(s_t).
returns: You returned estimates of the return, A_t + V(s_t): the value is not subtracted in the end.
    The advantage is what is better than V(s_t).
lambda-missing: λ does not appear: the errors are summed with γ alone.
    That is G − V, the noisiest estimate.
gamma-missing: γ does not appear in γ λ.
    A_t = δ_t + γ λ A_{t+1}.
td-only: You returned the TD errors δ_t: nothing is summed.
    That is GAE with λ = 0.
no-discount-in-delta: γ does not appear before V(s_{t+1}).
    δ_t = r_t + γ V(s_{t+1}) − V(s_t).
not-less-value: V(s_t) is not subtracted.
    δ_t = r_t + γ V(s_{t+1}) − V(s_t): better than expected.
sign: The estimates have the other sign.
    Better than usual is positive.
entropy-sign: The entropy's gradient has the other sign.
    The policy would be pushed to be sure of itself. The bonus is added.
no-entropy: The entropy is missing.
    Its gradient in the logits is −π (log π + H).
entropy-no-mean: The entropy's gradient is −π log π: the −π H is missing.
    The gradient in the logits has to sum to 0.
normalised: The advantages are normalised by the batch.
    That changes the length of the gradient, and its direction over several steps. It is no part of this stage.
total: The policy's gradient is summed over the episodes and not divided by their number.
    The size of a step would then grow with the number of episodes.
next-is-same: The values of the states stand in place of those of the next states.
    δ_t = r_t + γ V(s_{t+1}) − V(s_t): `record["next_states"] @ w` is V(s_{t+1}).
entropy-as-reward: The entropy is added to the advantage, so it is multiplied with the score.
    That rewards the action that was drawn. Asked for is the derivative of H itself: −π (log π + H) in the logits.
entropy-per-step: The entropy's gradient is averaged over steps.
    It is summed over steps and averaged over episodes, as all of the policy's gradient.
critic-td: The critic is taught r_t + γ V(s_{t+1}), not A_t + V(s_t).
    That is the target of λ = 0. Take that of your own λ.
critic-sign: The critic's gradient has the other sign.
    It is used by stepping down: states.T @ (V − target), averaged over steps.
critic-total: The critic's gradient is not averaged over steps: it is summed, or divided by the number of episodes.
    Its step size would depend on how long the episodes are.
mean-over-steps: The policy's gradient is averaged over steps; wanted is a sum over steps, a mean over episodes.
    It is the same convention as before.
critic-up: `train_a2c` steps the critic uphill: w goes up its own loss.
    Its errors grow with each update. θ goes up, w goes down: `w = w - critic_step * …`.
critic-still: `train_a2c` returns the w that came in: the critic learns nothing.
    Its advantages are then those of the first guess for ever.
steps-exchanged: `train_a2c` steps the critic by `step_size`, and not by `critic_step`.
    The two learn at different speeds.
one-update: `train_a2c` does one update, however many are asked for.
    Each update needs a new rollout with the newest θ, `updates` times.
leak: The critic's gradient passes through V(s_{t+1}) of the target as well.
    The target is a constant: in w only V(s_t) is differentiated.
""")


def records(rng: np.random.Generator) -> list[Case]:
    """Return the probes of GAE."""
    end, cut = np.array([False, True]), np.array([False, False])
    whole = np.array([0, 3]), np.array([1.0, 2.0]), np.array([2.0, 10.0])
    pair = np.array([0.0, 4.0]), np.array([1.0, 2.0]), np.array([2.0, 10.0])
    d = worlds.drawn_record(rng)
    v, following = rng.normal(size=(2, 8)).round(2)
    return [
        Case(
            "one step that pays 2, then a terminal state",
            (np.array([2.0]), np.ones(1), np.full(1, 5.0), np.array([True]), np.array([True]), 0.5, 0.5),
        ),
        Case("two steps, then a terminal state, γ = 0.5", (*pair, end, end, 0.5, 0.8)),
        Case("two steps, then cut off, γ = 0.5", (*pair, cut, end, 0.5, 0.8)),
        Case("two steps that pay the whole numbers 0 and 3", (*whole, end, end, 0.5, 0.8)),
        Case(worlds.in_words(d), (d["rewards"], v, following, d["terminated"], d["ended"], 0.9, 0.7)),
        Case(
            "the same, cut off after 3 steps",
            (d["rewards"], v, following, d["terminated"] & False, d["ended"], 0.9, 0.7),
        ),
    ]


def gae(r, v, n, t, e, g, lam, **switches):
    """Return the exact answer; see ``exact.advantages``."""
    return exact.advantages(r, v, n, t, e, g, lam, **switches)


def kept(r, v, n, t, e, g, lam, kind=None, carried=False):
    """Return the estimates as an array of another kind keeps them; None: of the rewards' kind."""
    return build_returns.kept(r + g * n * (1 - t) - v, e, g * lam, kind or r.dtype, carried)


def cases(rng: np.random.Generator) -> list[Case]:
    """Return the probes of A2C."""
    d = worlds.drawn_record(rng)
    return [
        Case(
            "one step that pays 2, V = 2: neither may move",
            (np.zeros((1, 2)), np.array([2.0]), worlds.one_step(), 0.5, 0.9, 0.0),
        ),
        Case(
            "two steps; 4 is paid at the second, γ = 0.5",
            (np.array([[0.0, 1], [0, 0]]), np.array([1.0, 3.0]), worlds.two_steps(), 0.5, 0.8, 0.1),
        ),
        Case(
            worlds.in_words(d),
            (rng.normal(size=(2, 3)).round(2), rng.normal(size=2).round(2), d, 0.9, 0.7, 0.3),
        ),
    ]


def white(A):
    """Return normalised advantages."""
    return (A - A.mean()) / (A.std() + 1e-8)


def right(
    theta,
    w,
    record,
    g,
    lam,
    c,
    sign=1,
    factor=1.0,
    bonus=1.0,
    leak=False,
    flat=False,
    scale=lambda A: A,
    taught=None,
    paid=False,
    **switches,
):
    """Return both gradients, or with a switch mistaken ones."""
    V, after = record["states"] @ w, record["next_states"] @ w
    A = gae(record["rewards"], V, after, record["terminated"], record["ended"], g, lam)
    errors = gae(
        record["rewards"], V, after, record["terminated"], record["ended"], g, lam if taught is None else taught
    )
    down = critic(w, record, errors + V)
    if leak:
        down = (record["states"] - g * record["next_states"] * ~record["terminated"][:, None]).T @ -A / len(A)
    log_pi = exact.log_probabilities(theta, record["states"])
    A = A - c * (np.exp(log_pi) * log_pi).sum(axis=1) if paid else A
    up = actor(theta, record, scale(A), entropy_weight=bonus * c, **switches)
    if flat:
        pi = np.exp(exact.log_probabilities(theta, record["states"]))
        up = actor(theta, record, A) - c * record["states"].T @ (pi * np.log(pi)) / record["ended"].sum()
    return sign * up, factor * down


def chain(w, updates, critic_step, g, lam):
    """Return w after so many updates in a chain where the action changes nothing, so that all of it is known."""
    for _ in range(updates):
        V, after = CHAIN["states"] @ w, CHAIN["next_states"] @ w
        A = gae(CHAIN["rewards"], V, after, CHAIN["terminated"], CHAIN["ended"], g, lam)
        w = w - critic_step * critic(w, CHAIN, A + V)
    return w


CHAIN = record_of(np.eye(3)[:2], [0, 0], [1.0, 3.0], [False, True], np.eye(3)[1:])


@part("loop", "training: θ up, w down", 1)
def LOOP(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """Train the critic where it is known what it learns, then the policy on the smallest world."""
    moves = np.zeros((3, 2, 3))
    moves[[0, 1, 2], :, [1, 2, 2]] = 1
    env, zero = ProbeEnvironment(moves, [[1, 1], [3, 3], [0, 0]]), (np.zeros((3, 2)), np.zeros(3))
    seed = int(rng.integers(2**31))
    answer = functions.call("train_a2c", env, *zero, 3, 2, 0.05, 0.4, 0.9, 0.8, 0.0, Seed(seed))
    w = arrays("train_a2c", answer, [(3, 2), (3,)])[1]
    wanted = chain(zero[1], 3, 0.4, 0.9, 0.8)
    if not close(w, wanted, 1e-9, 1e-12):
        pair = show_pair(w, wanted)
        saw = [("what was played", "3 updates, a chain of two steps that pay 1 and 3 whatever is done")]
        saw += [("your w", pair[0]), ("wanted", pair[1])]
        for id, *mistaken in [
            ("critic-up", 3, -0.4, 0.9, 0.8),
            ("critic-still", 3, 0.0, 0.9, 0.8),
            ("steps-exchanged", 3, 0.05, 0.9, 0.8),
            ("one-update", 1, 0.4, 0.9, 0.8),
            ("lambda-for-gamma", 3, 0.4, 0.8, 0.9),
        ]:
            if close(w, chain(zero[1], *mistaken), 1e-9, 1e-12):
                return said(id).fault(saw)
        return Fault(
            None,
            "`train_a2c` does not bring the critic to where it should be.",
            "An update is `rollout`, `a2c`, then one step of each. If the part above is not right yet, begin there.",
            tuple(saw),
        )
    zero, pays = (np.zeros((2, 2)), np.zeros(2)), int(rng.integers(2))
    env = worlds.bandit(pays)
    answer = functions.call("train_a2c", env, *zero, 60, 8, 0.5, 0.1, 1.0, 0.9, 0.0, Seed(seed))
    return worlds.climbed("train_a2c", env, zero[0], arrays("train_a2c", answer, [(2, 2), (2,)])[0], pays)


@part("cart-pole", "CartPole, on fresh episodes", 2)
def CART_POLE(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """20 updates with 10 episodes."""

    pole = CartPole.drawn(rng)

    def train(seed: int) -> FloatArray:
        answer = functions.call(
            "train_a2c", pole, np.zeros((11, 2)), np.zeros(11), 20, 10, 0.01, 0.1, 0.97, 0.95, 0.0, Seed(seed)
        )
        return worlds.cart_pole_returns(pole, arrays("train_a2c", answer, [(11, 2), (11,)])[0], seed)

    return reached(
        "CartPole, 20 updates of 10 episodes",
        train,
        70,
        22,
        rng,
        "If all parts above are right, look at "
        "`train_a2c`: θ goes up, w goes down, `updates` times, with new episodes each time.",
    )


STAGE = Stage(
    name="build_a2c",
    lesson="09",
    prompt="Weigh the score with generalised advantage estimates, add the entropy bonus, teach the critic.",
    signature="a2c(theta, w, record, discount, lambda_, entropy_weight)",
    function="a2c",
    parts=(
        computed(
            "gae",
            "GAE: two steps, a terminal state, an episode that is cut off",
            4,
            "gae",
            records,
            gae,
            [
                said("bootstrap-at-end", lambda r, v, n, t, e, g, lam: gae(r, v, n, 0 * t, e, g, lam)),
                said("no-bootstrap-at-cut", lambda r, v, n, t, e, g, lam: gae(r, v, n, e, e, g, lam)),
                said("no-reset", lambda r, v, n, t, e, g, lam: gae(r, v, n, t, 0 * e, g, lam)),
                said("cut-by-terminated", lambda r, v, n, t, e, g, lam: gae(r, v, n, t, t, g, lam)),
                said(
                    "whole-numbers",
                    *(partial(kept, kind=kind, carried=c) for kind in (None, int, bool) for c in (False, True)),
                ),
                said("lambda-for-gamma", lambda r, v, n, t, e, g, lam: gae(r, v, n, t, e, lam, g)),
                said("returns", lambda r, v, *rest: gae(r, v, *rest) + v),
                said("lambda-missing", lambda *a: gae(*a, carry=a[5])),
                said("gamma-missing", lambda *a: gae(*a, carry=a[6])),
                said("td-only", lambda *a: gae(*a, carry=0.0)),
                said("no-discount-in-delta", lambda r, v, n, t, e, g, lam: gae(r, v, n / g, t, e, g, lam)),
                said("not-less-value", lambda r, v, n, t, e, g, lam: gae(r, 0 * v, n, t, e, g, lam)),
                said("sign", lambda *a: -gae(*a)),
            ],
        ),
        computed(
            "gradients",
            "both gradients, and the entropy",
            3,
            "a2c",
            cases,
            right,
            [
                said("entropy-sign", lambda *a: right(*a, bonus=-1.0)),
                said("no-entropy", lambda *a: right(*a, bonus=0.0)),
                said("entropy-no-mean", lambda *a: right(*a, flat=True)),
                said("sign", lambda *a: right(*a, sign=-1)),
                said("lambda-for-gamma", lambda t, w, r, g, lam, c: right(t, w, r, lam, g, c)),
                said("normalised", lambda *a: right(*a, scale=white)),
                said("total", lambda *a: right(*a, total=True)),
                said("next-is-same", lambda t, w, r, *rest: right(t, w, {**r, "next_states": r["states"]}, *rest)),
                said("entropy-as-reward", lambda *a: right(*a, bonus=0.0, paid=True)),
                said("entropy-per-step", lambda *a: right(*a, bonus=a[2]["ended"].sum() / len(a[2]["rewards"]))),
                said("critic-td", lambda *a: right(*a, taught=0.0)),
                said("critic-sign", lambda *a: right(*a, factor=-1.0)),
                said(
                    "critic-total",
                    lambda *a: right(*a, factor=len(a[2]["rewards"])),
                    lambda *a: right(*a, factor=len(a[2]["rewards"]) / a[2]["ended"].sum()),
                ),
                said("mean-over-steps", lambda *a: right(*a, per_step=True)),
                said("leak", lambda *a: right(*a, leak=True)),
            ],
            names=("policy", "critic"),
            uses=("build_rollout",),
        ),
        LOOP,
        CART_POLE,
    ),
    read=sections.GAE,
    remark="With λ = 1 it is the stage before, with λ = 0 the critic says nearly all.",
    uses=("log_probabilities", "gae", "rollout", "train_a2c"),
    helps=(
        (
            r"\(\d+,\) \(\d+,\d+\)|\(\d+,\d+\) \(\d+,\)",
            "An array of shape (N,) that weighs the rows of another, (N, A), is `x[:, None]`.",
        ),
        (
            "IndexError.*t ?\\+ ?1",
            "At the last step there is no t + 1. Carry the sum along in a variable, or make the array one longer.",
        ),
    ),
    seconds=15.0,
)
