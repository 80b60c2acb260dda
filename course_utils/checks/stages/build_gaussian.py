"""One more stage of the build: an action that is any number."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.played import Seed
from course_utils.checks.probe_environment import ProbeEnvironment
from course_utils.checks.probing import Case, Slips, arrays, computed, fault, part, reached
from course_utils.checks.question import close
from course_utils.checks.result import show
from course_utils.checks.stage import Fault, FaultFound, Functions, Stage
from course_utils.checks.stages import worlds
from course_utils.checks.stages.exact import critic, reward_to_go

__all__ = ["STAGE"]


said = Slips("""
no-square: You divided by σ once; the score of the mean has σ².
    log π = −(a − μ)² / (2σ²) − log σ: its derivative in μ is (a − μ) / σ².
mean-sign: The score of the mean has the other sign: μ − a.
    An action that paid must come nearer, not go away.
no-minus-one: The −1 in the score of log σ is missing.
    It comes from −log σ. Without it the spread can only grow when things go well.
sigma-for-log: That is the derivative in σ, and log σ is the parameter.
    ∂/∂ log σ = σ ∂/∂σ.
variance-for-sigma: exp(log_sigma) is used as the variance.
    It is the standard deviation.
no-baseline: The value is not subtracted.
    All is as in `reinforce_with_baseline`, but for the scores.
plus-value: The value is added to the reward-to-go, not subtracted.
    Better than usual is G − V.
total: The policy's gradients are summed over the episodes and not divided by their number.
    The size of a step would then grow with the number of episodes.
critic-up: `train_gaussian` steps the critic uphill: w goes up its own loss.
    Its errors grow with each update. θ and log σ go up, w goes down: `w = w - critic_step * …`.
critic-still: `train_gaussian` returns the w that came in: the critic learns nothing.
    The baseline is then that of the first guess for ever.
spread-still: `train_gaussian` returns the log σ that came in: the spread is not learned.
    log σ goes up its gradient as θ does.
mean-over-steps: The gradients are averaged over steps; wanted is a sum over steps, a mean over episodes.
    It is the convention of the stages before.
critic-sign: The critic's gradient has the other sign.
    It is used by stepping down.
""")


def cases(rng: np.random.Generator) -> list[Case]:
    """Return one step, and a few."""
    return [
        Case("μ = 0, σ = 2, the action 3", (np.zeros(1), np.log(2.0), np.ones((1, 1)), np.array([3.0]))),
        Case(
            "four steps",
            (rng.normal(size=2).round(2), -0.4, rng.normal(size=(4, 2)).round(2), rng.normal(size=4).round(2)),
        ),
    ]


def scores(theta, log_sigma, states, actions, power=2.0, minus=1.0, by=0.0, sign=1.0):
    """Return both scores, or with a switch mistaken ones."""
    sigma, error = np.exp(log_sigma), actions - states @ theta
    return sign * states * (error / sigma**power)[:, None], ((error / sigma) ** 2 - minus) / sigma**by


def records(rng: np.random.Generator) -> list[Case]:
    """Return one step, and three episodes."""
    one = worlds.one_step() | {"actions": np.array([3.0])}
    d = worlds.drawn_record(rng) | {"actions": rng.normal(size=8).round(2)}
    return [
        Case("one step, the action 3 pays 2, V = 1", (np.zeros(1), 0.5, np.ones(1), one, 0.9)),
        Case(worlds.in_words(d), (rng.normal(size=2).round(2), -0.3, rng.normal(size=2).round(2), d, 0.8)),
    ]


def right(theta, log_sigma, w, record, g, base=1.0, flip=1.0, steps=False, total=False):
    """Return the three gradients, or with a switch mistaken ones."""
    G = reward_to_go(record["rewards"], record["ended"], g)
    A, n = G - base * record["states"] @ w, 1 if total else len(G) if steps else record["ended"].sum()
    mean, spread = scores(theta, log_sigma, record["states"], record["actions"])
    return A @ mean / n, A @ spread / n, flip * critic(w, record, G)


def critic_alone(functions: Functions, rng: np.random.Generator) -> None:
    """End the part where w is not what it should be: with no step of θ and nearly no spread every reward is known."""
    env = ProbeEnvironment([[[0, 1.0]], [[0, 1.0]]], np.zeros((2, 1)), targets=[1.5, 0.0])
    start = (np.zeros(2), -35.0, np.zeros(2), 3, 2)
    answer = functions.call("train_gaussian", env, *start, 0.0, 0.4, 1.0, Seed(int(rng.integers(2**31))))
    w = arrays("train_gaussian", answer, [(2,), (), (2,)])[2]

    def after(step: float) -> FloatArray:
        return np.array([-(1.5**2) * (1 - (1 - step) ** 3), 0.0])

    saw = [("what was played", "3 updates of w alone: each action is 0 and pays −2.25")]
    saw += [("your w", show(w)), ("wanted", show(after(0.4)))]
    for id, step in (("critic-up", -0.4), ("critic-still", 0.0)):
        if close(w, after(step), 1e-6, 1e-6):
            raise FaultFound(said(id).fault(saw))
    if not close(w, after(0.4), 1e-6, 1e-6):
        fault(
            None,
            "`train_gaussian` does not bring the critic to where it should be.",
            "It steps w down, once an update.",
            *saw,
        )


@part("target", "training: come near a target that differs by state", 3)
def TARGET(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """One step from one of two states, with the reward −(a − target)²."""
    critic_alone(functions, rng)
    targets = np.append(rng.permutation([1.5, -1.0]), 0.0)
    env = ProbeEnvironment(np.full((3, 1, 3), [0, 0, 1.0]), np.zeros((3, 1)), [0.5, 0.5, 0], targets=targets)

    def train(seed: int) -> FloatArray:
        answer = functions.call(
            "train_gaussian", env, np.zeros(3), 0.0, np.zeros(3), 150, 20, 0.05, 0.3, 1.0, Seed(seed)
        )
        theta, log_sigma, _ = arrays("train_gaussian", answer, [(3,), (), (3,)])
        if log_sigma == 0:
            raise FaultFound(said("spread-still").fault([("your log σ", "0 before training and after")]))
        draw = np.random.default_rng(seed)
        return worlds.play(env, lambda s: draw.normal(s @ theta, np.exp(np.minimum(log_sigma, 5.0))), 200, seed + 1)

    return reached(
        "Two targets, 150 updates of 20 episodes",
        train,
        -1.2,
        -2.6,
        rng,
        "θ and log σ go up, w goes down, and each action is `rng.normal(state @ theta, np.exp(log_sigma))`.",
    )


STAGE = Stage(
    name="build_gaussian",
    lesson="07",
    prompt="Do the same with an action that is any number: a Gaussian policy, its score, and its training.",
    signature="gaussian_reinforce(theta, log_sigma, w, record, discount)",
    function="gaussian_reinforce",
    parts=(
        computed(
            "scores",
            "the score of the mean and of log σ",
            3,
            "gaussian_scores",
            cases,
            scores,
            [
                said("no-square", lambda *a: scores(*a, power=1.0)),
                said("mean-sign", lambda *a: scores(*a, sign=-1.0)),
                said("no-minus-one", lambda *a: scores(*a, minus=0.0)),
                said("sigma-for-log", lambda *a: scores(*a, by=1.0)),
                said("variance-for-sigma", lambda t, s, x, a: scores(t, s / 2, x, a)),
            ],
            names=("∂/∂θ", "∂/∂ log σ"),
        ),
        computed(
            "gradients",
            "the three gradients",
            2,
            "gaussian_reinforce",
            records,
            right,
            [
                said("no-baseline", lambda *a: right(*a, base=0.0)),
                said("plus-value", lambda *a: right(*a, base=-1.0)),
                said("total", lambda *a: right(*a, total=True)),
                said("mean-over-steps", lambda *a: right(*a, steps=True)),
                said("critic-sign", lambda *a: right(*a, flip=-1.0)),
            ],
            names=("θ", "log σ", "critic"),
            uses=("build_returns",),
        ),
        TARGET,
    ),
    read=sections.GAUSSIAN,
    remark="Only the score has changed: the policy gradient does not ask what an action is.",
    uses=("gaussian_scores", "reward_to_go", "train_gaussian"),
    helps=(
        ("AxisError", "`rollout` draws from a softmax over actions. Play the episodes in `train_gaussian` itself."),
        ("scale < 0", "The parameter is log σ: the spread of a draw is `np.exp(log_sigma)`."),
        ("broadcast", "An array of shape (N,) that weighs the rows of `states`, (N, d), is `x[:, None]`."),
    ),
)
