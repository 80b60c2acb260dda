# ruff: noqa: E501 (a changed line of the solved file is one line of the table)
"""The build: its solved file is right in every stage, each known mistake is refused by name, and a stub is no attempt."""

import linecache
import math
import re
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from course_utils import lessons, mdp
from course_utils.build import markers, notebooks
from course_utils.checks import building, check, stage
from course_utils.checks.probe_environment import CartPole, ProbeEnvironment, Seed, rebuild
from course_utils.checks.stages import build_rollout, exact

SOURCE = (Path(notebooks.NOTEBOOKS) / "src" / "files" / "build.py").read_text(encoding="utf-8")
SOLVED, STUBS = (markers.derived(SOURCE, solved=solved) for solved in (True, False))
TRAINS = ("cart-pole", "world", "target", "bandit", "law")
SEEDS = range(20)


def module(text):
    """A learner's file."""
    made = types.ModuleType("build")
    linecache.cache["build_of_a_test.py"] = len(text), None, text.splitlines(keepends=True), "build_of_a_test.py"
    exec(compile(text, "build_of_a_test.py", "exec"), made.__dict__)
    return made


def judged(name, text, seed, only=None, without=()):
    found = stage.load(name)
    parts = [part for part in found.parts if (part.id in only if only else part.id not in without)]
    return building.judge_stage(replace(found, parts=tuple(parts)), getattr(module(text), found.function), seed)


# stage, mistake, then old and new text in the solved file; "@n" picks the n-th occurrence
MISTAKES = r"""
build_rollout whole-table: logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)) => logits - np.log(np.exp(logits).sum())
build_rollout no-log: logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)) => np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
build_rollout overflow: logits = logits - logits.max(axis=1, keepdims=True) => pass
build_rollout state-after-action: steps.append((state, action => steps.append((next_state, action
build_rollout state-stays: state = next_state => pass
build_rollout global-rng: chances[-1] * rng.random() => chances[-1] * np.random.random()
build_rollout not-arrays: name: np.array(column) => name: list(column)
build_rollout limit-ignored: over = terminated or truncated => over = terminated
build_rollout cut-is-terminal: next_state, terminated, over)) => next_state, over, over))
build_rollout ended-is-terminal: next_state, terminated, over)) => next_state, terminated, terminated))
build_rollout not-seeded: rng.random() => np.random.default_rng().random()
build_rollout greedy: action = int((chances <= chances[-1] * rng.random()).sum()) => action = int(np.diff(chances, prepend=0).argmax())
build_rollout uniform: action = int((chances <= chances[-1] * rng.random()).sum()) => action = int(rng.integers(len(chances)))
build_rollout same-seed: seed=int(rng.integers(2**31)) => seed=7
build_rollout wrong-number: for _ in range(episodes): => for _ in range(episodes + 1):
build_returns no-reset: if ended[t]: => if False:
build_returns off-by-one: after = rewards[t] + discount * after\n        returns[t] = after => returns[t] = discount * after\n        after = rewards[t] + discount * after
build_returns discount-late: after = rewards[t] + discount * after => after = discount * (rewards[t] + after)
build_returns discount-ignored: after = rewards[t] + discount * after => after = rewards[t] + after
build_returns own-reward: return returns => return 1.0 * rewards
build_returns running: np.diff(rewards.cumsum()[last], prepend=0.0) => rewards.cumsum()[last]
build_reinforce sign: return states.T @ (returns[:, None] * scores) / episodes => return -states.T @ (returns[:, None] * scores) / episodes
build_reinforce mean-over-steps: return states.T @ (returns[:, None] * scores) / episodes => return states.T @ (returns[:, None] * scores) / len(returns)
build_reinforce total: return states.T @ (returns[:, None] * scores) / episodes => return states.T @ (returns[:, None] * scores)
build_reinforce whole-table-score: [actions] - np.exp(log_probabilities(theta, states)) => [actions]
build_reinforce own-reward: returns = reward_to_go(record["rewards"], record["ended"], discount) => returns = record["rewards"]
build_reinforce no-reset: returns = reward_to_go(record["rewards"], record["ended"], discount) => returns = reward_to_go(record["rewards"], 0 * record["ended"], discount)
build_reinforce normalised: return states.T @ (returns[:, None] * scores) / episodes => return states.T @ ((returns - returns.mean())[:, None] * scores) / episodes
build_reinforce discount-ignored: record["ended"], discount)\n    return => record["ended"], 1.0)\n    return
build_baseline plus-value: advantages = returns - values => advantages = returns + values
build_baseline no-baseline: advantages = returns - values => advantages = returns
build_baseline next-value: advantages = returns - values => advantages = returns - record["next_states"] @ w
build_baseline normalised: advantages = returns - values => advantages = returns - values; advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
build_baseline critic-sign: critic = states.T @ (values - returns) => critic = states.T @ (returns - values)
build_baseline critic-total: (values - returns) / len(returns) => (values - returns)
build_baseline critic-reward: (values - returns) / len(returns) => (values - record["rewards"]) / len(returns)
build_baseline critic-doubled: (values - returns) / len(returns) => (values - returns) * 2 / len(returns)
build_a2c bootstrap-at-end: next_values * ~terminated - values => next_values - values
build_a2c no-bootstrap-at-cut: next_values * ~terminated - values => next_values * ~ended - values
build_a2c no-reset: if ended[t]:@2 => if False:
build_a2c cut-by-terminated: if ended[t]:@2 => if terminated[t]:
build_a2c lambda-missing: discount * lambda_ * after => discount * after
build_a2c gamma-missing: discount * lambda_ * after => lambda_ * after
build_a2c entropy-sign: bonus = -entropy_weight => bonus = entropy_weight
build_a2c no-entropy: bonus = -entropy_weight => bonus = 0 * entropy_weight
build_a2c entropy-no-mean: pi * (log_pi + entropy) => pi * log_pi
build_a2c critic-sign: states.T @ -advantages => states.T @ advantages
build_ppo ratio-inverted: ratios = np.exp(log_pi[np.arange(len(actions)), actions] - old_log_probs) => ratios = np.exp(old_log_probs - log_pi[np.arange(len(actions)), actions])
build_ppo log-ratio: ratios = np.exp(log_pi[np.arange(len(actions)), actions] - old_log_probs) => ratios = log_pi[np.arange(len(actions)), actions] - old_log_probs
build_ppo no-clip: weights = ratios * advantages * kept => weights = ratios * advantages
build_ppo clip-without-min: weights = ratios * advantages * kept => weights = ratios * advantages * (abs(ratios - 1) <= epsilon)
build_ppo clip-as-weight: weights = ratios * advantages * kept => weights = np.clip(ratios, 1 - epsilon, 1 + epsilon) * advantages
build_ppo max-for-min: kept = ratios * advantages <= => kept = ratios * advantages >=
build_ppo no-ratio: weights = ratios * advantages * kept => weights = advantages * kept
build_ppo old-recomputed: for _ in range(epochs):\n => for _ in range(epochs):\n        old_log_probs = log_probabilities(theta, states)[np.arange(len(actions)), actions]\n
build_ppo one-epoch: for _ in range(epochs): => for _ in range(1):
build_ppo critic-up: w = w - critic_step * states.T => w = w + critic_step * states.T
build_rlhf kl-sign: rewards = -beta * (log_probs => rewards = beta * (log_probs
build_rlhf score-overwrites: rewards[ended] += scores => rewards[ended] = scores
build_rlhf no-beta: rewards = -beta * (log_probs => rewards = -1.0 * (log_probs
build_rlhf no-score: rewards[ended] += scores => pass
build_rlhf score-everywhere: rewards[ended] += scores => rewards += scores[np.cumsum(ended) - ended]
build_rlhf reference-exchanged: log_probabilities(reference, states) => log_probabilities(theta, states)
build_rlhf rewards-kept: record = {**record, "rewards": rewards} => pass
build_gaussian no-square: states * (z / np.exp(log_sigma))[:, None] => states * z[:, None]
build_gaussian no-minus-one: z**2 - 1 => z**2
build_gaussian mean-sign: states * (z / => -states * (z /
build_gaussian variance-for-sigma: z = (actions - states @ theta) / np.exp(log_sigma)\n    return states * (z / np.exp(log_sigma))[:, None] => z = (actions - states @ theta) / np.exp(log_sigma / 2)\n    return states * (z / np.exp(log_sigma / 2))[:, None]
build_gaussian critic-sign: critic = states.T @ (values - returns)@2 => critic = states.T @ (returns - values)
"""
TABLE = [
    (*head.split(), *(part.replace("\\n", "\n") for part in change.split(" => ")))
    for head, change in re.findall(r"^(build_\w+ [\w-]+): (.*)$", MISTAKES, re.MULTILINE)
]


def mistaken(old, new):
    old, _, nth = old.rpartition("@") if re.search(r"@\d$", old) else (old, "", "1")
    pieces = SOLVED.split(old)
    assert len(pieces) > int(nth), old
    return old.join(pieces[: int(nth)]) + new + old.join(pieces[int(nth) :])


@pytest.mark.parametrize(("name", "mistake", "old", "new"), TABLE, ids=[f"{row[0]}-{row[1]}" for row in TABLE])
def test_a_known_mistake_is_refused_and_named(name, mistake, old, new):
    text = mistaken(old, new)
    if mistake in ("greedy", "uniform", "same-seed", "not-seeded"):
        results = [judged(name, text, seed, only=["law"]) for seed in SEEDS[:2]]
    else:
        results = [judged(name, text, seed, without=TRAINS) for seed in SEEDS]
    assert {result.status for result in results} == {"not yet"}
    named = [result.mistake == mistake for result in results]
    assert sum(named) >= len(named) * 19 / 20, results[named.index(False)]


@pytest.mark.parametrize("name", stage.names())
def test_the_solved_file_is_right_and_a_stub_is_no_attempt(name):
    for seed in SEEDS:
        result = judged(name, SOLVED, seed, without=TRAINS)
        assert result.status == "correct", result
    assert judged(name, SOLVED, 1).status == "correct"
    assert judged(name, STUBS, 1).status == "not attempted"


@pytest.mark.slow
@pytest.mark.parametrize("name", stage.names())
def test_the_solved_file_learns_on_twenty_seeds(name):
    for seed in SEEDS:
        result = judged(name, SOLVED, seed, only=[part.id for part in stage.load(name).parts if part.id in TRAINS])
        assert result.status == "correct", result


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("theta = theta + step_size * reinforce(theta, record, discount)", "pass", "no-step"),
        ("theta = theta + step_size * reinforce", "theta = theta - step_size * reinforce", "descends"),
        ("theta = theta + step_size * reinforce", "theta += step_size * reinforce", "mutates-input"),
    ],
)
def test_a_training_loop_that_does_not_climb(old, new, mistake):
    assert judged("build_reinforce", mistaken(old, new), 3, only=["bandit"]).mistake == mistake


def test_the_card_lists_the_parts_and_names_the_line():
    text = SOLVED.replace("returns = reward_to_go(", "returns = reward_to_come(")
    result = judged("build_reinforce", text, 1, only=["gradient"])
    assert result.evidence["error"] == "NameError"
    assert "reward_to_come" in text.splitlines()[result.evidence["line"] - 1]
    assert "✗ the gradient" in result.text
    body = SOLVED[SOLVED.index("def reinforce(") : SOLVED.index("def train_reinforce(")]
    empty = judged("build_reinforce", STUBS + "\n\n" + body, 1, only=["gradient"])
    assert empty.mistake == "empty"
    assert "still empty" in empty.text


def test_check_knows_the_stages(tmp_path, monkeypatch):
    monkeypatch.setenv("POLICY_GRADIENT_COURSE_PROGRESS", str(tmp_path / "progress.json"))
    assert check("build_returns", module(SOLVED).reward_to_go).status == "correct"
    assert "build_returns" in (tmp_path / "progress.json").read_text()
    assert check("build_returns", 3).mistake == "not-callable"


def test_the_laws_false_alarm_rate_and_power():
    """At most 1e-6 for both shares together, and a share 0.12 away is missed in less than one of 100,000."""
    n = build_rollout.EPISODES
    for p in (0.75, 0.6):
        bound = build_rollout.allowed(p)
        assert 2 * math.exp(-n * bound**2 / (2 * (p * (1 - p) + bound / 3))) <= build_rollout.FALSE_ALARM / 2 * 1.0001
        assert math.exp(-2 * n * (0.12 - bound) ** 2) < 1e-5  # Hoeffding's bound of missing it


def test_paths_are_all_paths_and_their_mean_is_the_exact_gradient():
    world, theta = exact.small_world(), np.random.default_rng(0).normal(size=(4, 2))
    found = list(exact.paths(world, theta))
    assert sum(chance for chance, _ in found) == pytest.approx(1, abs=1e-12)
    mean = sum(
        chance * exact.actor(theta, record, exact.reward_to_go(record["rewards"], record["ended"], 1.0))
        for chance, record in found
    )
    oracle = mdp.TabularMDP(world.transitions, world.rewards, world.start, terminal_states=(3,))
    np.testing.assert_allclose(mean, oracle.policy_gradient(theta), rtol=1e-10, atol=1e-12)


def test_the_map_has_each_stage_in_its_lesson():
    of = {name: lesson.number for lesson in lessons.LESSONS for name in lesson.stages}
    assert of == {name: stage.load(name).lesson for name in stage.names()}


def test_probe_environments():
    env = ProbeEnvironment(np.full((2, 1, 2), [0, 1.0]), np.zeros((2, 1)), targets=[1.0, 0.0])
    again = rebuild(env.arrays())
    again.reset(seed=1)
    assert again.step(3.0)[1:4] == (-4.0, True, False)
    with pytest.raises(RuntimeError, match="call reset first"):
        again.step(0.0)
    pole = rebuild(CartPole(3).arrays())
    first = pole.reset(seed=Seed(4).number)[0]
    assert first.shape == (11,)
    assert [pole.step(k % 2)[3] for k in range(3)] == [False, False, True]
