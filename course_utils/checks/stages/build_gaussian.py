"""One more stage of the build: an action that is any number."""

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.probe_environment import ProbeEnvironment, Seed
from course_utils.checks.probing import Case, Slips, arrays, computed, part, reached
from course_utils.checks.stage import Fault, Functions, Stage
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
        Case(worlds.no_record_differs(d), (rng.normal(size=2).round(2), -0.3, rng.normal(size=2).round(2), d, 0.8)),
    ]


def right(theta, log_sigma, w, record, g, base=1.0, flip=1.0, steps=False):
    """Return the three gradients, or with a switch mistaken ones."""
    G = reward_to_go(record["rewards"], record["ended"], g)
    A, n = G - base * record["states"] @ w, len(G) if steps else record["ended"].sum()
    mean, spread = scores(theta, log_sigma, record["states"], record["actions"])
    return A @ mean / n, A @ spread / n, flip * critic(w, record, G)


@part("target", "training: come near a target that differs by state", 3)
def TARGET(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """One step from one of two states, with the reward −(a − target)²."""
    targets = np.array([1.5, -1.0, 0.0])
    env = ProbeEnvironment(np.full((3, 1, 3), [0, 0, 1.0]), np.zeros((3, 1)), [0.5, 0.5, 0], targets=targets)

    def train(seed: int) -> FloatArray:
        answer = functions.call(
            "train_gaussian", env, np.zeros(3), 0.0, np.zeros(3), 150, 20, 0.05, 0.3, 1.0, Seed(seed)
        )
        theta, log_sigma, _ = arrays("train_gaussian", answer, [(3,), (), (3,)])
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
                said("mean-over-steps", lambda *a: right(*a, steps=True)),
                said("critic-sign", lambda *a: right(*a, flip=-1.0)),
            ],
            names=("θ", "log σ", "critic"),
            uses=("build_returns",),
        ),
        TARGET,
    ),
    read=sections.REWARD,
    remark="Only the score has changed: the policy gradient does not ask what an action is.",
    uses=("gaussian_scores", "reward_to_go", "train_gaussian"),
)
