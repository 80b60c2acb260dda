# ruff: noqa: E501 (a changed line of the solved file is one line of the table)
"""The build: its solved file is right in every stage, each known mistake is refused by name, and a stub is no attempt."""

import linecache
import math
import re
import types
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from refusals import bad

from course_utils import lessons, mdp
from course_utils.build import markers, notebooks
from course_utils.checks import building, check, stage, stages
from course_utils.checks.probe_environment import CartPole, ProbeEnvironment
from course_utils.checks.stages import build_rollout, exact

SOURCE = (Path(notebooks.NOTEBOOKS) / "src" / "files" / "build.py").read_text(encoding="utf-8")
SOLVED, STUBS = (markers.derived(SOURCE, solved=solved) for solved in (True, False))
TRAINS = ("cart-pole", "world", "target", "bandit", "loop", "law")
SEEDS = range(20)


def module(text):
    """A learner's file."""
    made = types.ModuleType("build")
    linecache.cache["build_of_a_test.py"] = len(text), None, text.splitlines(keepends=True), "build_of_a_test.py"
    exec(compile(text, "build_of_a_test.py", "exec"), made.__dict__)
    return made


def judged(name, text, seed=1, only=None, without=TRAINS):
    found = stage.load(name)
    parts = [part for part in found.parts if (part.id in only if only else part.id not in without)]
    return building.judge_stage(replace(found, parts=tuple(parts)), getattr(module(text), found.function), seed)


def body(start, stop):
    """The lines of the solved file from one definition to another."""
    return SOLVED[SOLVED.index(f"def {start}(") : SOLVED.index(f"def {stop}(")]


# stage, mistake, perhaps the part that shows it, then old and new text in the solved file; "@n" picks the n-th occurrence
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
build_rollout not-seeded (law): rng.random() => np.random.default_rng().random()
build_rollout greedy (law): action = int((chances <= chances[-1] * rng.random()).sum()) => action = int(np.diff(chances, prepend=0).argmax())
build_rollout uniform (law): action = int((chances <= chances[-1] * rng.random()).sum()) => action = int(rng.integers(len(chances)))
build_rollout same-seed (law): seed=int(rng.integers(2**31)) => seed=7
build_rollout wrong-number: for _ in range(episodes): => for _ in range(episodes + 1):
build_rollout wrong-axis: logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)) => logits - np.log(np.exp(logits).sum(axis=0))
build_rollout wrong-axis: logits.max(axis=1, keepdims=True)\n    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)) => logits.max(axis=0)\n    return logits - np.log(np.exp(logits).sum(axis=0))
build_rollout logits-only: return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)) => return states @ theta
build_rollout next-is-reset: next_state, terminated, over)) => env.reset()[0] if over else next_state, terminated, over))
build_rollout reset-once: for _ in range(episodes):\n        state, _ = env.reset(seed=int(rng.integers(2**31)))\n => state, _ = env.reset(seed=int(rng.integers(2**31)))\n    for _ in range(episodes):\n
build_rollout no-record: zip(names, zip(*steps, strict=True), strict=True)\n    } => zip(names, zip(*steps, strict=True), strict=True)\n    }.values()
build_rollout noisy-argmax (law): action = int((chances <= chances[-1] * rng.random()).sum()) => action = int((np.diff(chances, prepend=0) + rng.random(len(chances))).argmax())
build_returns no-reset: if ended[t]: => if False:
build_returns off-by-one: after = rewards[t] + discount * after\n        returns[t] = after => returns[t] = discount * after\n        after = rewards[t] + discount * after
build_returns discount-late: after = rewards[t] + discount * after => after = discount * (rewards[t] + after)
build_returns discount-ignored: after = rewards[t] + discount * after => after = rewards[t] + after
build_returns own-reward: return returns => return 1.0 * rewards
build_returns running: np.diff(rewards.cumsum()[last], prepend=0.0) => rewards.cumsum()[last]
build_returns whole-return: return returns => return np.bincount(np.cumsum(ended) - ended, rewards)[np.cumsum(ended) - ended]
build_returns past-for-future: for t in reversed(range(len(rewards))):\n        if ended[t]: => for t in range(len(rewards)):\n        if t and ended[t - 1]:
build_returns reset-late: if ended[t]: => if t + 1 < len(rewards) and ended[t + 1]:
build_returns discount-from-start: return returns => starts = np.append(0, np.flatnonzero(ended)[:-1] + 1)\n    return returns * discount ** (np.arange(len(ended)) - starts[np.cumsum(ended) - ended])
build_returns discount-outside: after = rewards[t] + discount * after\n        returns[t] = after\n    return returns => after = rewards[t] + after\n        returns[t] = after\n    starts = np.append(0, np.flatnonzero(ended)[:-1] + 1)\n    return returns * discount ** (np.arange(len(ended)) - starts[np.cumsum(ended) - ended])
build_returns whole-numbers: returns, after = np.zeros(len(rewards)) => returns, after = np.zeros_like(rewards)
build_returns whole-numbers: returns, after = np.zeros(len(rewards)) => returns, after = np.zeros_like(ended)
build_returns whole-numbers: returns, after = np.zeros(len(rewards)), 0.0\n    for t in reversed(range(len(rewards))):\n        if ended[t]:\n            after = 0.0\n        after = rewards[t] + discount * after\n        returns[t] = after => returns = np.zeros(len(rewards), dtype=int)\n    for t in reversed(range(len(rewards))):\n        returns[t] = rewards[t] + (0 if ended[t] else discount * returns[t + 1])
build_returns whole-numbers: return np.diff(rewards.cumsum()[last], prepend=0.0) => return np.diff(rewards.cumsum()[last], prepend=0.0).astype(int)
build_returns episode-returns: return returns => return episode_returns(rewards, ended)
build_returns every-step: return np.diff(rewards.cumsum()[last], prepend=0.0) => return reward_to_go(rewards, ended, 1.0)
build_returns discounted: return np.diff(rewards.cumsum()[last], prepend=0.0) => return reward_to_go(rewards, ended, 0.99)[np.append(0, last[:-1] + 1)]
build_returns mean-for-sum: return np.diff(rewards.cumsum()[last], prepend=0.0) => return np.diff(rewards.cumsum()[last], prepend=0.0) / np.diff(last, prepend=-1)
build_returns discount-ignored: return returns => return np.cumsum(rewards[::-1])[::-1]
build_returns discount-from-start: return returns => return returns * discount ** np.arange(len(returns))
build_reinforce sign: return states.T @ (returns[:, None] * scores) / episodes => return -states.T @ (returns[:, None] * scores) / episodes
build_reinforce mean-over-steps: return states.T @ (returns[:, None] * scores) / episodes => return states.T @ (returns[:, None] * scores) / len(returns)
build_reinforce total: return states.T @ (returns[:, None] * scores) / episodes => return states.T @ (returns[:, None] * scores)
build_reinforce whole-table-score: [actions] - np.exp(log_probabilities(theta, states)) => [actions]
build_reinforce own-reward: returns = reward_to_go(record["rewards"], record["ended"], discount) => returns = record["rewards"]
build_reinforce no-reset: returns = reward_to_go(record["rewards"], record["ended"], discount) => returns = reward_to_go(record["rewards"], 0 * record["ended"], discount)
build_reinforce normalised: return states.T @ (returns[:, None] * scores) / episodes => return states.T @ ((returns - returns.mean())[:, None] * scores) / episodes
build_reinforce discount-ignored: record["ended"], discount)\n    return => record["ended"], 1.0)\n    return
build_reinforce minus-pi: np.eye(theta.shape[1])[actions] - np.exp(log_probabilities(theta, states)) => -np.exp(log_probabilities(theta, states))
build_reinforce times-pi: return states.T @ (returns[:, None] * scores) / episodes => scores *= np.exp(log_probabilities(theta, states))[np.arange(len(actions)), actions, None]\n    return states.T @ (returns[:, None] * scores) / episodes
build_reinforce whole-return: returns = reward_to_go(record["rewards"], record["ended"], discount) => returns = episode_returns(record["rewards"], record["ended"])[np.cumsum(record["ended"]) - record["ended"]]
build_reinforce gamma-to-the-t: return states.T @ (returns[:, None] * scores) / episodes => ends = np.append(0, np.flatnonzero(record["ended"])[:-1] + 1)\n    returns = returns * discount ** (np.arange(len(returns)) - ends[np.cumsum(record["ended"]) - record["ended"]])\n    return states.T @ (returns[:, None] * scores) / episodes
build_reinforce no-step (bandit): theta = theta + step_size * reinforce(theta, record, discount) => pass
build_reinforce descends (bandit): theta = theta + step_size * reinforce => theta = theta - step_size * reinforce
build_reinforce mutates-input (bandit): theta = theta + step_size * reinforce => theta += step_size * reinforce
build_reinforce learns-too-little (bandit): theta = theta + step_size * reinforce(theta, record, discount)\n    return => theta = theta + step_size * reinforce(theta, record, discount) / updates\n    return
build_reinforce one-rollout (bandit): for _ in range(updates):\n        record = rollout(env, theta, episodes, rng)\n => record = rollout(env, theta, episodes, rng)\n    for _ in range(updates):\n
build_reinforce first-theta (bandit): for _ in range(updates):\n        record => new = theta\n    for _ in range(updates):\n        record && theta = theta + step_size * reinforce(theta, record, discount)\n    return theta => new = new + step_size * reinforce(theta, record, discount)\n    return new
build_reinforce wrong-shape: return states.T @ (returns[:, None] * scores) / episodes => return (returns[:, None] * scores).T @ states / episodes
build_baseline plus-value: advantages = returns - values => advantages = returns + values
build_baseline no-baseline: advantages = returns - values => advantages = returns
build_baseline next-value: advantages = returns - values => advantages = returns - record["next_states"] @ w
build_baseline normalised: advantages = returns - values => advantages = returns - values; advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
build_baseline critic-sign: critic = states.T @ (values - returns) => critic = states.T @ (returns - values)
build_baseline critic-total: (values - returns) / len(returns) => (values - returns)
build_baseline critic-reward: (values - returns) / len(returns) => (values - record["rewards"]) / len(returns)
build_baseline critic-doubled: (values - returns) / len(returns) => (values - returns) * 2 / len(returns)
build_baseline actor-sign: return actor, critic => return -actor, critic
build_baseline mean-over-steps: actor = states.T @ (advantages[:, None] * scores) / episodes => actor = states.T @ (advantages[:, None] * scores) / len(returns)
build_baseline total: actor = states.T @ (advantages[:, None] * scores) / episodes => actor = states.T @ (advantages[:, None] * scores)
build_baseline batch-mean: advantages = returns - values => advantages = returns - returns.mean()
build_baseline whole-return: advantages = returns - values => ends = record["ended"]; firsts = np.append(0, np.flatnonzero(ends)[:-1] + 1); advantages = returns[firsts][np.cumsum(ends) - ends] - values
build_baseline value-in-reward: advantages = returns - values => advantages = reward_to_go(record["rewards"] - values, record["ended"], discount)
build_baseline critic-total: critic = states.T @ (values - returns) / len(returns) => critic = states.T @ (values - returns) / episodes
build_baseline plus-value: advantages = returns - values => advantages = returns + values && (values - returns) / len(returns) => (values - record["rewards"]) / episodes
build_baseline wrong-order: return actor, critic => return critic, actor
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
build_a2c whole-numbers: advantages, after = np.zeros(len(rewards)) => advantages, after = np.zeros_like(rewards)
build_a2c whole-numbers: advantages, after = np.zeros(len(rewards)) => advantages, after = np.zeros_like(terminated)
build_a2c lambda-for-gamma: record["ended"],\n        discount,\n        lambda_,@1 => record["ended"],\n        lambda_,\n        discount,
build_a2c lambda-for-gamma: deltas = rewards + discount * next_values => deltas = rewards + lambda_ * next_values
build_a2c returns: return advantages\n => return advantages + values\n
build_a2c td-only: return advantages\n => return deltas\n
build_a2c no-discount-in-delta: deltas = rewards + discount * next_values => deltas = rewards + next_values
build_a2c not-less-value: next_values * ~terminated - values => next_values * ~terminated
build_a2c sign: deltas = rewards + discount * next_values * ~terminated - values => deltas = values - rewards - discount * next_values * ~terminated
build_a2c sign: return actor, critic@2 => return -actor, critic
build_a2c normalised: entropy = -(pi * log_pi) => critic_errors = advantages\n    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)\n    entropy = -(pi * log_pi) && critic = states.T @ -advantages => critic = states.T @ -critic_errors
build_a2c total: (advantages[:, None] * scores + bonus) / episodes => (advantages[:, None] * scores + bonus)
build_a2c mean-over-steps: (advantages[:, None] * scores + bonus) / episodes => (advantages[:, None] * scores + bonus) / len(actions)
build_a2c critic-total: critic = states.T @ -advantages / len(advantages) => critic = states.T @ -advantages
build_a2c critic-td: critic = states.T @ -advantages / len(advantages) => critic = states.T @ (values - record["rewards"] - discount * next_values * ~record["terminated"]) / len(values)
build_a2c leak: critic = states.T @ -advantages / len(advantages) => critic = (states - discount * record["next_states"] * ~record["terminated"][:, None]).T @ -advantages / len(values)
build_a2c critic-up (loop): w - critic_step * critic\n    return => w + critic_step * critic\n    return
build_a2c critic-still (loop): theta, w = theta + step_size * actor, w - critic_step * critic => theta = theta + step_size * actor
build_a2c steps-exchanged (loop): w - critic_step * critic\n    return => w - step_size * critic\n    return
build_a2c one-update (loop): return theta, w\n\n\n# --- Stage 6 =>     return theta, w\n\n\n# --- Stage 6
build_a2c no-step (loop): theta, w = theta + step_size * actor, w - critic_step * critic => w = w - critic_step * critic
build_a2c descends (loop): theta, w = theta + step_size * actor => theta, w = theta - step_size * actor
build_a2c next-is-same: values, next_values = states @ w, record["next_states"] @ w => values, next_values = states @ w, states @ w
build_a2c entropy-as-reward: (advantages[:, None] * scores + bonus) => ((advantages[:, None] + entropy_weight * entropy) * scores)
build_a2c entropy-per-step: (advantages[:, None] * scores + bonus) / episodes => (advantages[:, None] * scores) / episodes + states.T @ bonus / len(bonus)
build_a2c lambda-for-gamma (loop): a2c(theta, w, record, discount, lambda_, entropy_weight)\n => a2c(theta, w, record, lambda_, discount, entropy_weight)\n
build_a2c critic-total: critic = states.T @ -advantages / len(advantages) => critic = states.T @ -advantages / episodes
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
build_ppo one-sided: kept = ratios * advantages <= np.clip(ratios, 1 - epsilon, 1 + epsilon) * advantages => kept = ratios <= np.clip(ratios, 1 - epsilon, 1 + epsilon)
build_ppo ties-dropped: kept = ratios * advantages <= => kept = ratios * advantages <
build_ppo sign: weights = ratios * advantages * kept => weights = -ratios * advantages * kept
build_ppo sign: theta = theta + step_size * ppo_gradient => theta = theta - step_size * ppo_gradient
build_ppo mean-over-steps: return states.T @ (weights[:, None] * scores) / episodes => return states.T @ (weights[:, None] * scores) / len(weights)
build_ppo total: return states.T @ (weights[:, None] * scores) / episodes => return states.T @ (weights[:, None] * scores)
build_ppo advantages-recomputed: for _ in range(epochs):\n => for _ in range(epochs):\n        advantages = gae(record["rewards"], states @ w, record["next_states"] @ w, record["terminated"], record["ended"], discount, lambda_)\n        targets = advantages + states @ w\n
build_ppo normalised: targets = advantages + values => targets = advantages + values; advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
build_ppo old-late: w = w - critic_step * states.T @ (states @ w - targets) / len(targets) => w = w - critic_step * states.T @ (states @ w - targets) / len(targets)\n        old_log_probs = log_probabilities(theta, states)[np.arange(len(actions)), actions] if _ == 0 else old_log_probs
build_ppo critic-total: (states @ w - targets) / len(targets) => (states @ w - targets)
build_ppo no-critic: w = w - critic_step * states.T => states.T
build_ppo min-before-times: weights = ratios * advantages * kept => weights = np.minimum(ratios, np.clip(ratios, 1 - epsilon, 1 + epsilon)) * advantages
build_ppo clip-as-weight: weights = ratios * advantages * kept => weights = np.minimum(ratios * advantages, np.clip(ratios, 1 - epsilon, 1 + epsilon) * advantages)
build_ppo critic-frozen: (states @ w - targets) => (values - targets)
build_ppo returns-as-targets: targets = advantages + values => targets = reward_to_go(record["rewards"], record["ended"], discount)
build_ppo critic-total: (states @ w - targets) / len(targets) => (states @ w - targets) / record["ended"].sum()
build_rlhf kl-sign: rewards = -beta * (log_probs => rewards = beta * (log_probs
build_rlhf score-overwrites: rewards[ended] += scores => rewards[ended] = scores
build_rlhf no-beta: rewards = -beta * (log_probs => rewards = -1.0 * (log_probs
build_rlhf no-score: rewards[ended] += scores => pass
build_rlhf score-everywhere: rewards[ended] += scores => rewards += scores[np.cumsum(ended) - ended]
build_rlhf reference-exchanged: log_probabilities(reference, states) => log_probabilities(theta, states)
build_rlhf rewards-kept: record = {**record, "rewards": rewards} => pass
build_rlhf no-penalty: rewards = -beta * (log_probs - reference_log_probs) => rewards = 0.0 * log_probs
build_rlhf score-first: rewards[ended] += scores => rewards[np.append(True, ended[:-1])] += scores
build_rlhf discounted: return ppo(theta, w, record, 1.0, lambda_ => return ppo(theta, w, record, 0.99, lambda_
build_rlhf discounted: return ppo(theta, w, record, 1.0, lambda_ => return ppo(theta, w, record, lambda_, 1.0
build_rlhf last-alone: rewards[ended] += scores => rewards[-1] += scores[-1]
build_rlhf ratio-not-log: rewards = -beta * (log_probs - reference_log_probs) => rewards = -beta * np.exp(log_probs - reference_log_probs)
build_rlhf times-pi: rewards = -beta * (log_probs - reference_log_probs) => rewards = -beta * np.exp(log_probs) * (log_probs - reference_log_probs)
build_rlhf mutates-input: record = {**record, "rewards": rewards} => record["rewards"] = rewards
build_gaussian no-square: states * (z / np.exp(log_sigma))[:, None] => states * z[:, None]
build_gaussian no-minus-one: z**2 - 1 => z**2
build_gaussian mean-sign: states * (z / => -states * (z /
build_gaussian variance-for-sigma: z = (actions - states @ theta) / np.exp(log_sigma)\n    return states * (z / np.exp(log_sigma))[:, None] => z = (actions - states @ theta) / np.exp(log_sigma / 2)\n    return states * (z / np.exp(log_sigma / 2))[:, None]
build_gaussian critic-sign: critic = states.T @ (values - returns)@2 => critic = states.T @ (returns - values)
build_gaussian sigma-for-log: z**2 - 1 => (z**2 - 1) / np.exp(log_sigma)
build_gaussian no-baseline: advantages = returns - values@2 => advantages = returns
build_gaussian plus-value: advantages = returns - values@2 => advantages = returns + values
build_gaussian total: return advantages @ of_mean / episodes, advantages @ of_spread / episodes => return advantages @ of_mean, advantages @ of_spread
build_gaussian mean-over-steps: return advantages @ of_mean / episodes, advantages @ of_spread / episodes => episodes = len(returns)\n    return advantages @ of_mean / episodes, advantages @ of_spread / episodes
build_gaussian critic-up (target): w = w - critic_step * critic => w = w + critic_step * critic
build_gaussian critic-still (target): w = w - critic_step * critic => pass
build_gaussian spread-still (target): log_sigma + step_size * of_spread => log_sigma
"""
TABLE = re.findall(r"^(build_\w+) ([\w-]+)(?: \((\w+)\))?: (.*)$", MISTAKES, re.MULTILINE)


def mistaken(changes, text=SOLVED):
    for change in changes.replace("\\n", "\n").split(" && "):
        old, new = change.split(" => ")
        old, _, nth = old.rpartition("@") if re.search(r"@\d$", old) else (old, "", "1")
        pieces = text.split(old)
        assert len(pieces) > int(nth), old
        text = old.join(pieces[: int(nth)]) + new + old.join(pieces[int(nth) :])
    return text


@pytest.mark.parametrize(("name", "mistake", "part", "changes"), TABLE, ids=[f"{row[0]}-{row[1]}" for row in TABLE])
def test_a_known_mistake_is_refused_and_named(name, mistake, part, changes):
    for seed in SEEDS[: 1 if part else 3]:
        result = judged(name, mistaken(changes), seed, only=part and [part])
        assert (result.status, result.mistake) == ("not yet", mistake), result


def test_each_mistake_that_a_stage_knows_stands_in_the_table():
    known = {(name, id) for name in stage.names() for id in import_module(f"{stages.__name__}.{name}").said.words}
    assert known <= {row[:2] for row in TABLE}


RIGHT = """
build_rollout log_probabilities(theta, states):
    logits = states.dot(theta)
    return logits - np.logaddexp.reduce(logits, axis=1)[:, None]
build_rollout log_probabilities(theta, states):
    rows = []
    for state in states:
        z = [sum(float(x) * float(t) for x, t in zip(state, column)) for column in theta.T]
        top = max(z)
        total = sum(np.exp(one - top) for one in z)
        rows.append([one - top - np.log(total) for one in z])
    return rows
build_rollout rollout(env, theta, episodes, rng):
    seen = {name: [] for name in ("states", "actions", "rewards", "next_states", "terminated", "ended")}
    finished = 0
    state = env.reset(seed=int(rng.integers(2**31)))[0]
    while finished < episodes:
        p = np.exp(log_probabilities(theta, np.array([state])))[0]
        a = rng.choice(len(p), p=p / p.sum())
        after, r, end, cut, _ = env.step(a)
        for name, value in zip(seen, (state, a, r, after, end, end or cut)):
            seen[name].append(value)
        state = after
        if end or cut:
            finished += 1
            state = env.reset(seed=int(rng.integers(2**31)))[0]
    return {name: np.asarray(column) for name, column in seen.items()}
build_returns reward_to_go(rewards, ended, discount):
    found = []
    for t in range(len(rewards)):
        total, k = 0.0, t
        while True:
            total += discount ** (k - t) * float(rewards[k])
            if ended[k]:
                break
            k += 1
        found.append(total)
    return found
build_returns reward_to_go(rewards, ended, discount):
    episode = np.cumsum(ended) - ended
    n = np.arange(len(rewards))
    later = (n[None] >= n[:, None]) & (episode[None] == episode[:, None])
    return np.einsum("ts,s->t", np.where(later, float(discount) ** (n[None] - n[:, None]).clip(0), 0), rewards)
build_returns episode_returns(rewards, ended):
    return np.add.reduceat(rewards, np.r_[0, np.flatnonzero(ended)[:-1] + 1])
build_reinforce reinforce(theta, record, discount):
    total = 0 * theta
    G = reward_to_go(record["rewards"], record["ended"], discount)
    for s, a, g in zip(record["states"], record["actions"], G):
        pi = np.exp(log_probabilities(theta, s[None])[0])
        for b in range(theta.shape[1]):
            total[:, b] += g * s * ((a == b) - pi[b])
    return total / sum(record["ended"])
build_baseline reinforce_with_baseline(theta, w, record, discount):
    x, done = record["states"], record["ended"]
    pi = np.exp(log_probabilities(theta, x))
    hot = np.zeros_like(pi)
    hot[np.arange(len(x)), record["actions"]] = 1
    off = np.einsum("nd,d->n", x, w) - reward_to_go(record["rewards"], done, discount)
    return np.einsum("n,nd,na->da", -off, x, hot - pi) / np.count_nonzero(done), (off[:, None] * x).mean(axis=0)
build_a2c gae(rewards, values, next_values, terminated, ended, discount, lambda_):
    found = []
    for part in np.split(np.arange(len(rewards)), np.flatnonzero(ended)[:-1] + 1):
        d = [rewards[t] - values[t] + (0 if terminated[t] else discount * next_values[t]) for t in part]
        found += [sum((discount * lambda_) ** k * x for k, x in enumerate(d[i:])) for i in range(len(d))]
    return np.array(found)
build_a2c a2c(theta, w, record, discount, lambda_, entropy_weight):
    x, ends, n = record["states"], record["ended"].sum(), len(record["states"])
    V = x @ w
    A = gae(record["rewards"], V, record["next_states"] @ w, record["terminated"], record["ended"], discount, lambda_)
    up, down = np.zeros(theta.shape), np.zeros(len(w))
    for t in range(n):
        log_pi = log_probabilities(theta, x[t : t + 1])[0]
        pi = np.exp(log_pi)
        slope = (np.diag(pi) - np.outer(pi, pi)) @ -(log_pi + 1)
        up += np.outer(x[t], A[t] * (np.eye(len(pi))[record["actions"][t]] - pi) + entropy_weight * slope) / ends
        down += (V[t] - (A[t] + V[t])) * x[t] / n
    return [up, down]
build_ppo ppo_gradient(theta, record, old_log_probs, advantages, epsilon):
    x, a = record["states"], record["actions"]
    log_pi = log_probabilities(theta, x)
    r = np.exp(np.take_along_axis(log_pi, a[:, None], 1)[:, 0] - old_log_probs)
    active = np.where(advantages > 0, r <= 1 + epsilon, r >= 1 - epsilon)
    given = np.where(active, r * advantages, 0)
    return sum(g * np.outer(s, -np.exp(l) + (np.arange(len(l)) == b)) for g, s, l, b in zip(given, x, log_pi, a)) / sum(record["ended"])
build_rlhf penalised_rewards(log_probs, reference_log_probs, ended, scores, beta):
    found, reply = [], 0
    for own, other, last in zip(log_probs, reference_log_probs, ended):
        found.append(beta * (other - own) + (scores[reply] if last else 0))
        reply += int(last)
    return np.array(found)
build_gaussian gaussian_scores(theta, log_sigma, states, actions):
    error, variance = actions - np.array([s @ theta for s in states]), np.exp(2 * log_sigma)
    return [[e / variance * x for x in s] for e, s in zip(error, states)], error**2 / variance - 1
"""
VARIANTS = re.findall(r"^(build_\w+) (\w+)(\(.*\n(?:    .*\n)+)", RIGHT, re.MULTILINE)


@pytest.mark.parametrize(("name", "function", "rest"), VARIANTS, ids=[row[1] for row in VARIANTS])
def test_what_is_right_in_another_style_is_right(name, function, rest):
    text = f"{SOLVED}\n\ndef {function}{rest}"
    for seed in SEEDS[:3]:
        result = judged(name, text, seed, without=TRAINS if function != "rollout" else ())
        assert result.status == "correct", result


@pytest.mark.parametrize("name", stage.names())
def test_the_solved_file_is_right_and_a_stub_is_no_attempt(name):
    for seed in SEEDS:
        result = judged(name, SOLVED, seed)
        assert result.status == "correct", result
    assert judged(name, SOLVED, without=()).status == "correct"
    assert judged(name, STUBS, without=()).status == "not attempted"


@pytest.mark.slow
@pytest.mark.parametrize("name", stage.names())
def test_the_solved_file_learns_on_twenty_seeds(name):
    for seed in SEEDS:
        result = judged(name, SOLVED, seed, only=[part.id for part in stage.load(name).parts if part.id in TRAINS])
        assert result.status == "correct", result


PLANNERS = [
    ("bandit", "reinforce", "9.0 * np.array(env.rewards)"),
    ("bandit", "reinforce", "np.array([[0.0, 9], [0, 0]])"),
    ("cart-pole", "reinforce", "np.array([[0.0] * 11, [0, 1, 2, 20, 10, *[0] * 6]]).T"),
    ("target", "gaussian", "(np.array(env.targets), -3.0, w)"),
    ("target", "gaussian", "(np.array([1.5, -1.0, 0]), -3.0, w)"),
]


@pytest.mark.parametrize(("part", "trained", "known"), PLANNERS)
def test_who_knows_a_world_beforehand_or_asks_for_its_tables_is_no_learner(part, trained, known):
    text = SOLVED + re.search(rf"^def train_{trained}\([^:]*:\n", SOLVED, re.MULTILINE)[0] + f"    return {known}\n"
    statuses = {judged(f"build_{trained}", text, seed, only=[part]).status for seed in range(4)}
    assert statuses > {"correct"} or statuses == {"not yet"}


def test_the_card_lists_the_parts_and_names_the_line():
    text = SOLVED.replace("returns = reward_to_go(", "returns = reward_to_come(")
    result = judged("build_reinforce", text, only=["gradient"])
    assert result.evidence["error"] == "NameError"
    assert "reward_to_come" in text.splitlines()[result.evidence["line"] - 1]
    assert "✗ the gradient" in result.text
    empty = judged("build_reinforce", f"{STUBS}\n\n{body('reinforce', 'train_reinforce')}", only=["gradient"])
    assert empty.mistake == "empty"
    assert "still empty" in empty.text


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("build_rollout", "state, _ = env.reset( => state = env.reset(", "returns two things"),
        ("build_rollout", "theta, state[None])[0]) => theta, state))", "One state has shape"),
        ("build_rollout", "seed=int(rng.integers(2**31)) => seed=rng", "A seed is a whole number"),
        ("build_rollout", "chances[-1] * rng.random()).sum()) => rng.random()).sum() + 1)", "take one random number"),
        ("build_returns", "= rewards[t] + discount => = 0 * rewards[t + 1] + discount", "there is no t . 1"),
        ("build_reinforce", "returns[:, None] * scores => returns * scores", r"is `x\[:, None\]`"),
        ("build_rlhf", "(reference, states)[chosen] => (reference, states)", "log π of all actions"),
        ("build_ppo", "np.arange(len(actions)), actions]\n    values => :]\n    values", "reached from line"),
        ("build_gaussian", "np.exp(log_sigma))\n => log_sigma - 1)\n", "your line .*normal.*the spread of a draw is"),
    ],
)
def test_where_the_code_stops_the_stage_says_what_may_help(name, changes, sentence):
    only = ["target"] if name == "build_gaussian" else None
    assert re.search(sentence, " ".join(judged(name, mistaken(changes), only=only).text.split()))


def test_the_first_function_of_a_stage_is_checked_before_the_last_is_written():
    result = judged("build_rollout", f"{STUBS}\n\n{body('log_probabilities', 'rollout')}", without=())
    assert (result.status, result.mistake, result.evidence["points"]) == ("not yet", "empty", 3)


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
    chances, records = zip(*exact.paths(world, theta), strict=True)
    assert sum(chances) == pytest.approx(1, abs=1e-12)
    returns = (exact.reward_to_go(record["rewards"], record["ended"], 1.0) for record in records)
    mean = np.tensordot(chances, [exact.actor(theta, *each) for each in zip(records, returns, strict=True)], axes=1)
    oracle = mdp.TabularMDP(world.transitions, world.rewards, world.start, terminal_states=(3,))
    np.testing.assert_allclose(mean, oracle.policy_gradient(theta), rtol=1e-10, atol=1e-12)


def test_the_map_has_each_stage_in_its_lesson():
    of = {name: lesson.number for lesson in lessons.LESSONS for name in lesson.stages}
    assert of == {name: stage.load(name).lesson for name in stage.names()}


def test_probe_environments():
    again = ProbeEnvironment(np.full((2, 1, 2), [0, 1.0]), np.zeros((2, 1)), targets=[1.0, 0.0]).played()
    again.reset(seed=1)
    assert again.step(3.0)[1:4] == (-4.0, True, False)
    bad(RuntimeError, "call reset first", again.step, 0.0)
    plain, pole = (one.played() for one in (CartPole(3), CartPole(3, order=[1, 3, -2, *range(4, 12)])))
    first = plain.reset(seed=4)[0]
    assert first.shape == (11,)
    np.testing.assert_array_equal(pole.reset(seed=4)[0], [1, first[2], -first[1], *first[3:]])
    assert [pole.step(k % 2)[3] for k in range(3)] == [False, False, True]
