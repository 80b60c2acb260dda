"""Stage 1 of the build: the policy, and whole episodes played with it."""

from math import log, sqrt
from typing import Any

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.played import Seed
from course_utils.checks.probe_environment import ProbeEnvironment
from course_utils.checks.probing import Case, Slips, arrays, computed, fault, part
from course_utils.checks.result import show
from course_utils.checks.sentences import describe
from course_utils.checks.stage import Fault, Functions, Stage, Stopped
from course_utils.checks.stages.exact import log_probabilities

__all__ = ["STAGE", "allowed"]

FALSE_ALARM = 1e-6
EPISODES = 2_000
NAMES = ("states", "actions", "rewards", "next_states", "terminated", "ended")

said = Slips("""
whole-table: The softmax runs over all states at once: the probabilities of one state do not sum to 1.
    Each state is a decision of its own. Maximum and sum go along the last axis: `axis=1, keepdims=True`.
wrong-axis: The softmax runs over the states, not over the actions: the probabilities of one action sum to 1.
    The last axis holds the actions. Maximum and sum go along it: `axis=1, keepdims=True`.
no-log: You returned π, and log π is asked for.
    The score, the ratio and the KL are all made of log-probabilities.
logits-only: You returned the logits: nothing is subtracted that makes the probabilities sum to 1.
    log π = z − log Σ exp z.
overflow: With large logits it returns NaN or inf.
    exp(800) is beyond the floats. Subtract each row's largest logit first: that changes no probability.
state-after-action: `states` holds the state after the action, where the one that it was chosen in belongs.
    The score is that of π(a | s) at the state where a was chosen. Keep `state` before it is replaced by the next one.
state-stays: `states` holds an episode's first state at every step.
    The action is then chosen in a state that has passed. At the end of each step, `state = next_state`.
next-is-reset: `next_states` holds the first state of the next episode where an episode has ended.
    The critic would then value a state that this episode never came to. Keep what `step` returned.
reset-once: After the end of an episode it goes on without `env.reset`.
    A world that is over gives nothing any more: each episode begins with `env.reset(seed=…)`.
limit-ignored: An episode that is cut off does not end in your rollout: you look at `terminated` alone.
    `truncated` says that the time is up. The episode is over when either is true.
cut-is-terminal: `terminated` is True for a step at which the episode was only cut off.
    From there more could have been earned, so a critic's value must count there. `terminated` is what `step` said;
    `ended` is terminated or truncated.
ended-is-terminal: `ended` is False at the last step of an episode that was cut off.
    Returns would then run on into the next episode. `ended` is terminated or truncated.
greedy: The action is always the most probable one.
    Without chance nothing else is ever tried, and the gradient of a policy that is not followed says nothing.
uniform: Every action comes up equally often, whatever theta is.
    The policy gradient is an expectation under π. Draw with the probabilities exp(log π).
noisy-argmax: The action is the largest of π plus noise, and that is not a draw from π.
    Draw one number u from [0, 1) and take the first action at which the sum of the probabilities up to it is above u.
not-seeded: Two rollouts with equal generators differ.
    All chance must come from `rng`: the actions, and the seed of each `env.reset(seed=int(rng.integers(2**31)))`.
same-seed: Every episode begins with the same seed, so the world repeats itself.
    Draw a new seed from `rng` for each episode.
wrong-number: The number of episodes is not the one asked for.
    `ended` is True at the last step of each episode, so it counts them.
""")


def policies(rng: np.random.Generator) -> list[Case]:
    """Return two small policies and a large one."""
    small = Case("2 actions in 1 state", (np.array([[0.0, 1.0]]), np.ones((1, 1))))
    drawn = Case("3 actions in 2 states", (rng.normal(size=(2, 3)).round(2), rng.normal(size=(2, 2)).round(2)))
    return [small, drawn]


def table_wide(theta: FloatArray, states: FloatArray) -> FloatArray:
    """Normalise over all states at once."""
    logits = states @ theta
    return np.asarray(logits - np.log(np.exp(logits).sum()))


def over_states(theta: FloatArray, states: FloatArray) -> FloatArray:
    """Normalise over the states."""
    return log_probabilities(np.eye(len(states)), (states @ theta).T).T


def shifted(theta: FloatArray, states: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return parameters and states whose logits are less by their maximum, row by row."""
    logits = states @ theta
    return np.eye(logits.shape[1]), logits - logits.max(axis=1, keepdims=True)


POLICY = computed(
    "policy",
    "the policy: log π(a | s)",
    2,
    "log_probabilities",
    policies,
    log_probabilities,
    [
        said("no-log", lambda theta, states: np.exp(log_probabilities(theta, states))),
        said("logits-only", lambda theta, states: states @ theta),
        said("whole-table", table_wide, lambda theta, states: table_wide(*shifted(theta, states))),
        said("wrong-axis", over_states, lambda theta, states: over_states(*shifted(theta, states))),
    ],
)


@part("large-logits", "the policy with large logits", 1)
def LARGE(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """Call it with logits of 800."""
    answer = functions.call("log_probabilities", np.array([[800.0, -800.0]]), np.ones((1, 1)))
    got = np.asarray(answer, dtype=float) if np.size(answer) == 2 else np.zeros(0)
    if got.size == 2 and np.allclose(got, [[0, -1600]]):
        return None
    return said("overflow").fault([("logits", "[800, -800]"), ("yours", str(got.ravel().tolist()))])


def line(limit: int = 0) -> ProbeEnvironment:
    """Return a walk of three steps: action a pays a, and state k is seen as its one-hot vector."""
    moves = np.zeros((4, 2, 4))
    moves[[0, 1, 2, 3], :, [1, 2, 3, 3]] = 1
    return ProbeEnvironment(moves, [[0, 1], [10, 11], [20, 21], [0, 0]], limit=limit)


def play(functions: Functions, env: ProbeEnvironment, theta: FloatArray, episodes: int, seed: int) -> dict[str, Any]:
    """Return a record as it should be in form, or end the part."""
    try:
        record = functions.call("rollout", env, theta, episodes, Seed(seed))
    except Stopped as stopped:
        if "call reset first" in stopped.stop.message:
            slip = said("limit-ignored" if env.limit else "reset-once")
            fault(slip.id, slip.happened, slip.why, ("message", stopped.stop.message))
        raise
    if not isinstance(record, dict) or set(NAMES) - set(record):
        what = f"without {sorted(set(NAMES) - set(record))}" if isinstance(record, dict) else type(record).__name__
        fault(
            "no-record",
            f"`rollout` returned {f'a dictionary {what}' if isinstance(record, dict) else f'a {what}'}.",
            f"The later stages read its arrays by name: {', '.join(NAMES)}.",
        )
    if lists := [name for name in NAMES if not isinstance(record[name], np.ndarray)]:
        fault(
            "not-arrays",
            f"`record['{lists[0]}']` is {describe(record[lists[0]])}, and an array is wanted.",
            "The later stages compute with whole columns: `np.array(…)` makes an array of a list.",
            (f"record['{lists[0]}']", show(record[lists[0]])),
        )
    n, d = np.size(record["rewards"]), theta.shape[0]
    shapes = [(n, d), (n,), (n,), (n, d), (n,), (n,)]
    found = {name: arrays(f"record['{name}']", record[name], [s])[0] for name, s in zip(NAMES, shapes, strict=True)}
    if found["ended"].sum() != episodes:
        slip = said("wrong-number" if not env.limit else "ended-is-terminal")
        fault(
            slip.id,
            slip.happened,
            slip.why,
            ("episodes asked for", str(episodes)),
            ("ends in `ended`", str(int(found["ended"].sum()))),
        )
    return found


@part("record", "what is recorded, and when", 2)
def RECORD(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """Play two episodes of the walk."""
    got = play(functions, line(), np.zeros((4, 2)), 2, int(rng.integers(2**31)))
    visits, eye = np.tile([0, 1, 2], 2), np.eye(4)
    saw = [("what was played", "2 episodes of 3 steps; state k is seen as one-hot k, action a pays 10 k + a")]
    saw += [(f"your {name}", str(got[name].argmax(axis=1).tolist())) for name in ("states", "next_states")]
    if np.array_equal(got["states"], eye[visits + 1]) and len(got["states"]) == 6:
        return said("state-after-action").fault(saw)
    if np.array_equal(got["states"], eye[0 * visits]):
        return said("state-stays").fault(saw)
    if np.array_equal(got["states"], eye[visits]) and np.array_equal(got["next_states"][[2]], eye[[0]]):
        return said("next-is-reset").fault(saw)
    right = np.array_equal(got["states"], eye[visits]) and np.array_equal(got["next_states"], eye[visits + 1])
    if (
        right
        and np.array_equal(got["rewards"], 10 * visits + got["actions"])
        and np.array_equal(got["ended"], visits == 2)
    ):
        return None
    saw += [(f"your {name}", str(got[name].tolist())) for name in ("actions", "rewards", "ended")]
    return Fault(
        None,
        "The record is not that of what was played.",
        "Keep state, action, reward and next state of one and the same step in one row.",
        tuple(saw),
    )


@part("cut", "an episode that is cut off", 1)
def CUT(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """Play the walk with a limit of two steps."""
    got = play(functions, line(limit=2), np.zeros((4, 2)), 3, int(rng.integers(2**31)))
    if not got["terminated"].any():
        return None
    saw = [("what was played", "3 episodes, each cut off after 2 of its 3 steps")]
    return said("cut-is-terminal").fault([*saw, ("your terminated", str(got["terminated"].astype(bool).tolist()))])


def allowed(p: float) -> float:
    """Return how far a share of EPISODES draws may be from p (Bernstein), for two shares at FALSE_ALARM together."""
    level = log(4 / FALSE_ALARM)
    correction = level / (3 * EPISODES)
    return correction + sqrt(correction**2 + 2 * p * (1 - p) * level / EPISODES)


@part("law", "actions are drawn from π, the world from rng", 2)
def LAW(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """Hold the share of an action, and of a state that the world draws, against their probabilities.

    Bernstein: for n draws |share − p| > b with probability at most FALSE_ALARM / 2 each; a share that is 0.12 away is
    noticed with probability above 1 − 10⁻⁵ (n = 2,000).
    """
    seed, p = int(rng.integers(2**31)), 0.75
    world = ProbeEnvironment(np.full((3, 2, 3), [0, 0, 1.0]), [[0, 0], [0, 0], [0, 0]], start=[0.4, 0.6, 0.0])
    theta = np.array([[0.0, log(p / (1 - p))]] * 3)
    got = play(functions, world, theta, EPISODES, seed)
    again = play(functions, world, theta, EPISODES, seed)
    if any(not np.array_equal(got[name], again[name]) for name in NAMES):
        return said("not-seeded").fault()
    for id, what, share, wanted in [
        ("action", "share of action 1", got["actions"].mean(), p),
        ("state", "share of the second first state", got["states"][:, 1].mean(), 0.6),
    ]:
        bound = allowed(wanted)
        if abs(share - wanted) > bound:
            saw = [
                ("what was played", f"{EPISODES} episodes of one step"),
                (what, f"{share:.3f}"),
                ("exact", f"{wanted:g} ± {bound:.2f}"),
            ]
            if id == "state":
                return said("same-seed").fault(saw)
            if share == 1:
                return said("greedy").fault(saw)
            if abs(share - (1 - (p - 0.5) ** 2 * 2)) < bound:
                return said("noisy-argmax").fault(saw)
            if abs(share - 0.5) < bound:
                return said("uniform").fault(saw)
            return Fault(
                None,
                "Actions are not drawn with the policy's probabilities.",
                "The policy gradient is an expectation under π: each action must come up with probability π(a | s).",
                tuple(saw),
            )
    return None


STAGE = Stage(
    name="build_rollout",
    lesson="05",
    prompt="Play whole episodes with a softmax policy whose logits are linear in the state, and keep a record of them.",
    signature="rollout(env, theta, episodes, rng)",
    function="rollout",
    parts=(POLICY, LARGE, RECORD, CUT, LAW),
    read=sections.REINFORCE,
    remark="Every later stage begins with this function. A right one is stopped less than once in a million checks.",
    uses=("log_probabilities",),
    helps=(
        ("inhomogeneous|tuple indices", "`env.reset(seed=…)` returns two things: `state, _ = env.reset(seed=…)`."),
        ("AxisError", "One state has shape (d,). `log_probabilities(theta, state[None])[0]` is its log π, shape (A,)."),
        ("Generator'", "A seed is a whole number: `int(rng.integers(2**31))`."),
        (
            "the action is .*, expected a whole number",
            "To draw, take one random number u, and the first action at which the sum of the probabilities up to it "
            "(`cumsum`) is above u; or `rng.choice(len(p), p=p)`.",
        ),
        ("unpack", "`reset` returns 2 things, `step` 5: next state, reward, terminated, truncated, info."),
        ("1-dimensional|same size", "`log_probabilities` returns a row for each state: take row 0 of one state's."),
    ),
)
