"""Stage 7 of the build: the update of RLHF."""

from typing import Any

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.probing import Case, Slips, arrays, computed, part, reached, record_of
from course_utils.checks.stage import Fault, Functions, Stage
from course_utils.checks.stages import build_ppo, exact, worlds
from course_utils.rlhf import language_model, reward_model, run
from course_utils.rlhf import world as world_of
from course_utils.rlhf.config import StartConfig
from course_utils.rlhf.network import LanguageModel

__all__ = ["STAGE"]


said = Slips("""
kl-sign: The penalty has the wrong sign: moving away from the reference is paid.
    The reward is −β (log π − log π_ref): a token that became more probable costs.
score-overwrites: At the last token the score stands in place of the penalty, where it belongs on top.
    The penalty of each reply's last token is lost: `+=`, not `=`.
score-everywhere: Every token gets the score.
    A reply is judged once: a long one would be paid again and again.
no-penalty: The penalty is missing.
    Nothing then holds the policy near the reference.
no-beta: The penalty is not multiplied with β.
    β says what a unit of distance costs.
no-score: The score is missing.
    Only the penalty is left: the policy would stay where it is.
last-alone: Only the last reply of the record gets its score.
    Each reply ends somewhere: `rewards[ended] += scores` reaches the last token of each.
ratio-not-log: The penalty is made of the ratio π / π_ref, not of its logarithm.
    At equal policies the ratio is 1 and would cost; log π − log π_ref is then 0.
times-pi: The penalty is multiplied with π of the token.
    Drawing has put the probability in already: a likely token comes up often.
score-first: The score stands at the first token of each reply.
    It is known when the reply is finished.
discounted: `rlhf` passes a discount other than 1 on to `ppo`.
    A reply is short, and its score is worth the same to every token of it: here γ = 1.
    γ and λ are two arguments of `ppo`.
reference-exchanged: In `rlhf` the penalty is measured with the two models exchanged, or the reference is not used.
    log_probs are those of θ, reference_log_probs those of the reference, of the same tokens.
rewards-kept: `rlhf` passes the record's own rewards on to `ppo`.
    These are 0. The penalised rewards take their place.
""")
START = StartConfig(demonstrations=1000, pairs=600, sft_epochs=4)
WANTED = 0.6


def tokens(rng: np.random.Generator) -> list[Case]:
    """Return one reply, and three."""
    n, ended = 7, np.array([0, 1, 0, 0, 1, 0, 1], dtype=bool)
    own, reference = -rng.uniform(0.2, 3, size=(2, n)).round(2)
    return [
        Case(
            "one reply of two tokens, score 1, β = 0.5",
            (np.array([-1.0, -0.5]), np.array([-2.0, -1.5]), np.array([False, True]), np.ones(1), 0.5),
        ),
        Case("three replies of 2, 3 and 2 tokens", (own, reference, ended, rng.normal(size=3).round(2), 0.3)),
    ]


def penalised(own, reference, ended, scores, beta, at="last", sign=-1.0, overwrite=False):
    """Return the exact rewards, or with a switch mistaken ones."""
    rewards, ends = sign * beta * (own - reference), np.asarray(ended, dtype=bool)
    place = {"last": ends, "first": np.append(True, ends[:-1]), "all": np.ones(len(ends), dtype=bool)}[at]
    given = scores[exact.spread_over(ended)] * place
    return np.where(place, given, rewards) if overwrite else rewards + given


def updates(rng: np.random.Generator) -> list[Case]:
    """Return a record of three replies."""
    d = worlds.drawn_record(rng) | {"rewards": np.zeros(8)}
    d["terminated"] = d["ended"].copy()
    theta, reference = rng.normal(size=(2, 2, 3)).round(2)
    return [
        Case(
            worlds.in_words(d),
            (theta, rng.normal(size=2).round(2), reference, d, rng.normal(size=3).round(2), 0.3, 0.9, 0.2, 3, 0.3, 0.2),
        )
    ]


def update(theta, w, reference, record, scores, beta, lam, eps, epochs, up, down, reward=penalised, swap=0, g=1.0):
    """Return θ and w after one update, or with a switch mistaken ones."""
    own, ref = exact.chosen(theta, record), exact.chosen(reference, record)
    ref, own = (own, ref) if swap == 1 else (own, own) if swap == 2 else (ref, own)
    rewards = reward(own, ref, record["ended"], scores, beta)
    return build_ppo.update(theta, w, {**record, "rewards": rewards}, g, lam, eps, epochs, up, down)


def replies(theta: FloatArray, n: int, rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
    """Let the policy write n replies in the miniature world; return them, and their record."""
    world, model = world_of.load(), LanguageModel(theta, np.zeros((0, theta.shape[1])))
    written = language_model.sample(model, world, world_of.sample_prompts(world, n, rng), rng).replies
    seen = language_model.contexts(world, written)
    ended = np.append(seen.rows[1:] != seen.rows[:-1], True)
    following = np.vstack([seen.x[1:], seen.x[:1]]) * ~ended[:, None]
    return written, record_of(seen.x, seen.actions, np.zeros(len(ended)), ended, following)


@part("world", "the miniature RLHF world, on fresh replies", 4)
def WORLD(functions: Functions, rng: np.random.Generator) -> Fault | None:
    """15 updates of 96 replies, from the SFT model, with a reward model."""
    world = world_of.load()
    start = run.prepare(START, 3, world)
    reference = np.array(start.sft.model.table)

    def train(seed: int) -> FloatArray:
        theta, w, draw = reference.copy(), np.zeros(len(reference)), np.random.default_rng(seed)
        for _ in range(15):
            written, record = replies(theta, 96, draw)
            scores = reward_model.reward_score(start.reward_model, world, written)
            answer = functions.call("rlhf", theta, w, reference, record, scores, 0.05, 0.95, 0.2, 3, 0.3, 0.05)
            theta, w = arrays("rlhf", answer, [theta.shape, w.shape])
        return np.asarray(reward_model.reward_score(start.reward_model, world, replies(theta, 300, draw)[0]))

    return reached(
        "Score of the reward model, 15 updates of 96 replies",
        train,
        WANTED,
        0.0,
        rng,
        "The parts above say what is not right.",
    )


STAGE = Stage(
    name="build_rlhf",
    lesson="11",
    prompt="Let each token pay for its distance from the reference, add the score at the end, and do a PPO update.",
    signature="rlhf(theta, w, reference, record, scores, beta, lambda_, epsilon, epochs, step_size, critic_step)",
    function="rlhf",
    parts=(
        computed(
            "rewards",
            "the reward of each token",
            3,
            "penalised_rewards",
            tokens,
            penalised,
            [
                said("kl-sign", lambda *a: penalised(*a, sign=1.0)),
                said("score-overwrites", lambda *a: penalised(*a, overwrite=True)),
                said("score-everywhere", lambda *a: penalised(*a, at="all")),
                said("no-penalty", lambda *a: penalised(*a, sign=0.0)),
                said("no-beta", lambda *a: penalised(*a[:4], 1.0)),
                said("no-score", lambda *a: penalised(*a[:3], 0 * a[3], a[4])),
                said("score-first", lambda *a: penalised(*a, at="first")),
                said("last-alone", lambda *a: penalised(*a[:3], a[3] * (np.arange(len(a[3])) == len(a[3]) - 1), a[4])),
                said("ratio-not-log", lambda own, ref, *a: penalised(np.exp(own - ref), 0 * ref, *a)),
                said("times-pi", lambda own, ref, *a: penalised(np.exp(own) * (own - ref), 0 * ref, *a)),
            ],
        ),
        computed(
            "update",
            "one update",
            3,
            "rlhf",
            updates,
            update,
            [
                said("kl-sign", lambda *a: update(*a, reward=lambda *b: penalised(*b, sign=1.0))),
                said("reference-exchanged", lambda *a: update(*a, swap=1), lambda *a: update(*a, swap=2)),
                said(
                    "discounted",
                    *(lambda *a, g=g: update(*a, g=g) for g in (0.999, 0.99, 0.98, 0.97, 0.95, 0.9, 0.5, 0.0)),
                    lambda *a: update(*a, g=a[6]),
                    lambda *a: update(*a[:6], 1.0, *a[7:], g=a[6]),
                ),
                said("rewards-kept", lambda *a: update(*a, reward=lambda own, *_: 0 * own)),
                said("score-overwrites", lambda *a: update(*a, reward=lambda *b: penalised(*b, overwrite=True))),
                said("score-everywhere", lambda *a: update(*a, reward=lambda *b: penalised(*b, at="all"))),
            ],
            names=("θ", "w"),
            uses=("build_ppo",),
        ),
        WORLD,
    ),
    read=sections.HAND_UPDATE,
    remark="You have built it all: from a rollout to a language model that follows preferences.",
    uses=("log_probabilities", "gae", "ppo_gradient", "ppo", "penalised_rewards"),
    helps=(
        (
            r"\(\d+,\d+\) \(\d+,\)|\(\d+,\) \(\d+,\d+\)|IndexError",
            "log π of all actions, shape (N, A), may stand where that of the chosen ones belongs, shape (N,): "
            "`log_probabilities(theta, states)[np.arange(N), actions]`. An array of shape (N,) that weighs rows "
            "is `x[:, None]`.",
        ),
        (
            r"scores.* from |sequence",
            "`scores` has one entry for each reply, and the rewards one for each token: `rewards[ended]` are those of "
            "the last tokens, in the order of the replies.",
        ),
    ),
    seconds=15.0,
)
