"""One update of PPO: gradients, options, what an epoch measures."""

import dataclasses

import numpy as np
import pytest
from oracles import slopes
from tiny_world import random_model

from course_utils import objectives
from course_utils import policy as softmax_policy
from course_utils.rlhf import language_model, ppo, reward_model
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import ALGORITHMS, RunConfig
from course_utils.rlhf.run import begin, resume, run

WORLD = worlds.load()
SHORT = {"updates": 3, "batch_size": 8, "demonstrations": 300, "sft_epochs": 2, "pairs": 100}


def sampled_batch(seed, m=12):
    """Another model, not far from the one that sampled; the log-probabilities then, and what was sampled."""
    rng = np.random.default_rng(seed)
    old = random_model(WORLD, seed, scale=0.2)
    sampled = language_model.sample(old, WORLD, worlds.sample_prompts(WORLD, m, rng), rng)
    moved = language_model.LanguageModel(old.table + rng.normal(0, 0.08, old.table.shape), old.readout)
    batch = language_model.contexts(WORLD, sampled.replies, np.float64)
    return moved, sampled.log_probs[batch.rows, batch.steps], batch, rng


@pytest.mark.parametrize("cliprange", [0.2, 0.01, None])
def test_the_gradient_is_the_chain_rule_of_ppo_clip_objective(cliprange):
    model, old, batch, rng = sampled_batch(0)
    advantages = rng.normal(size=len(old))
    step = ppo.policy_step(RunConfig(cliprange=cliprange), model, batch, old, advantages)
    # All tokens as one trajectory: the sum over time becomes the mean over tokens by weights of 1 / N.
    z = language_model.logits(model, batch.x)
    epsilon = 1e9 if cliprange is None else cliprange
    theirs = objectives.ppo_clip_objective(z, old, batch.actions, advantages, epsilon, np.full(len(old), 1 / len(old)))
    expected = language_model.pack(language_model.gradient(model, batch.x, theirs.grad_logits))
    assert step.gradient * step.scale == pytest.approx(expected, abs=1e-12)
    assert step.value == pytest.approx(theirs.value, abs=1e-12)
    assert step.ratio == pytest.approx(theirs.ratio, rel=1e-12)
    assert (step.active == theirs.active).all()
    assert step.active.any() == (cliprange is not None)


@pytest.mark.parametrize("hidden", [0, 3])
def test_gradient_with_all_options_against_finite_differences(hidden):
    config = RunConfig(entropy_coef=0.3, temperature=1.5, cliprange=0.4)
    rng = np.random.default_rng(2)
    model, reference = random_model(WORLD, 3, hidden, 0.3), random_model(WORLD, 4, scale=0.3)
    sampled = language_model.sample(model, WORLD, worlds.sample_prompts(WORLD, 6, rng), rng, temperature=1.5)
    batch = language_model.contexts(WORLD, sampled.replies, np.float64)
    old = sampled.log_probs[batch.rows, batch.steps] + rng.normal(0, 0.2, len(batch.x))
    advantages = rng.normal(size=len(batch.x))
    ref_logits = language_model.logits(reference, batch.x) / 1.5
    log_ref = softmax_policy.log_softmax(ref_logits)

    def step_at(theta):
        changed = language_model.unpack(theta, model)
        return ppo.policy_step(config, changed, batch, old, advantages, kl_coef=0.7, log_ref=log_ref)

    def objective(theta):
        z = language_model.logits(language_model.unpack(theta, model), batch.x) / 1.5
        kl = softmax_policy.kl_divergence(z, ref_logits).mean()
        return step_at(theta).value + 0.3 * softmax_policy.entropy(z).mean() - 0.7 * kl

    theta = language_model.pack(model)
    gradient = step_at(theta).gradient * step_at(theta).scale
    entries = rng.choice(np.flatnonzero(gradient), 25, replace=False)
    assert gradient[entries] == pytest.approx(slopes(objective, theta, entries), rel=1e-4, abs=1e-8)


def test_a_ratio_too_large_for_float32_still_gives_a_finite_gradient():
    model, old, batch, _ = sampled_batch(5)
    small = language_model.LanguageModel(model.table.astype(np.float32), model.readout.astype(np.float32))
    x32 = batch._replace(x=batch.x.astype(np.float32))
    step = ppo.policy_step(RunConfig(), small, x32, np.full(len(old), -200.0), np.full(len(old), -1.0))
    assert step.ratio.max() > 1e80
    assert np.isfinite(step.gradient).all()
    assert np.linalg.norm(step.gradient) > 0


@pytest.mark.parametrize(
    ("kl_estimator", "temperature", "whiten_rewards"), [("k1", 1.0, False), ("k3", 1.5, True)], ids=["plain", "options"]
)
def test_metrics_from_their_definitions(kl_estimator, temperature, whiten_rewards):
    """One update at learning rate 0, measured again from the same random state."""
    options = {"kl_estimator": kl_estimator, "temperature": temperature, "whiten_rewards": whiten_rewards}
    config = RunConfig(**SHORT | options | {"updates": 1, "learning_rate": 0.0, "batch_size": 40, "kl_coef": 0.5})
    before = resume(run(config, 0), 1, config=dataclasses.replace(config, learning_rate=0.05))  # now it moves …
    row = resume(before, 1, config=config).rows[-1]  # … and is measured
    rng = np.random.default_rng()
    rng.bit_generator.state = before.state.random
    prompts = worlds.sample_prompts(WORLD, 40, rng)
    replies, log_probs = language_model.sample(before.model, WORLD, prompts, rng, temperature=temperature)
    cooled = before.reference._replace(table=before.reference.table / temperature)
    both = (x[replies.mask] for x in (log_probs, language_model.log_probs(cooled, WORLD, replies)))
    estimates = objectives.kl_estimates(*both)
    penalty = -0.5 * getattr(estimates, kl_estimator)
    scores = reward_model.reward_score(before.state.reward_model, WORLD, replies)
    near = {"rel": 1e-4, "abs": 1e-5}
    assert row["objective/kl"] == pytest.approx(estimates.k1.sum() / 40, **near)
    assert row["objective/entropy"] == pytest.approx(-log_probs.sum() / 40, **near)
    assert row["objective/scores"] == pytest.approx(scores.mean(), **near)
    assert row["objective/non_score_reward"] == pytest.approx(penalty.sum() / 40, **near)
    assert row["objective/rlhf_reward"] == pytest.approx(scores.mean() + penalty.sum() / 40, **near)
    batch = language_model.contexts(WORLD, replies)
    entropies = softmax_policy.entropy(language_model.logits(before.model, batch.x) / temperature)
    assert row["policy/entropy_avg"] == pytest.approx(entropies.mean(), **near)
    assert row["ours/gold"] == pytest.approx(worlds.gold_reward(WORLD, replies).total.mean())
    assert row["ours/reply_length"] == replies.lengths.mean()
    assert row["val/num_eos_tokens"] == replies.ended.sum()
    assert row["ours/mean_value"] == pytest.approx((batch.x @ before.state.critic).mean(), **near)
    rewards = np.zeros((40, 16))
    rewards[batch.rows, batch.steps] = penalty
    rewards[np.arange(40), replies.lengths - 1] += scores
    if whiten_rewards:
        rewards /= rewards[replies.mask].std()
    values = np.zeros((40, 17))
    values[batch.rows, batch.steps] = batch.x @ before.state.critic
    a, targets = ppo.advantage_estimates(config, replies, rewards, values)
    g, v = targets[replies.mask], values[:, :-1][replies.mask]
    assert row["ours/mean_return"] == pytest.approx(g.mean(), **near)
    assert row["ours/explained_variance"] == pytest.approx(1 - (g - v).var() / g.var(), **near)
    # learning rate 0: nothing moved, so the ratio is 1 throughout; the critic still learned between the epochs
    assert row["policy/approxkl_avg"] == pytest.approx(0, abs=1e-8)
    assert row["policy/clipfrac_avg"] == 0
    assert [row[name] for name in ("val/ratio", "ours/max_ratio", "ours/min_ratio")] == pytest.approx([1] * 3, abs=1e-5)
    assert row["loss/policy_avg"] == pytest.approx(0, abs=1e-5)  # −mean of whitened advantages
    assert row["ours/advantage_sd"] == pytest.approx(a[replies.mask].std(), **near)
    used = np.where(replies.mask, (a - a[replies.mask].mean()) / a[replies.mask].std(), 0.0)
    assert row["ours/positive_advantages"] == (used > 0).sum() / replies.mask.sum()
    halves = np.split(np.argsort(replies.lengths, kind="stable"), 2)
    short, long = (used[half].sum() / replies.lengths[half].sum() for half in halves)
    assert row["ours/long_advantage"] == pytest.approx(long - short, **near)
    said = worlds.counts(WORLD, replies)
    assert row["ours/unsafe"] == (said @ WORLD.tags["unsafe"] > 0).mean()
    assert row["ours/repeats"] == (np.maximum(said - 1, 0) @ WORLD.tags["content"]).mean()


def test_metrics_of_an_epoch_that_moved():
    """The second of two epochs meets the policy and the critic that an update of one epoch leaves behind."""
    config = RunConfig(**SHORT | {"learning_rate": 0.1, "batch_size": 40, "num_ppo_epochs": 2})
    start = begin(config, 0)
    after_one = resume(start, 1, config=dataclasses.replace(config, num_ppo_epochs=1))
    row = resume(start, 1).rows[0]
    rng = np.random.default_rng()
    rng.bit_generator.state = start.state.random
    replies, old = language_model.sample(start.model, WORLD, worlds.sample_prompts(WORLD, 40, rng), rng)
    rewards = np.zeros((40, 16))  # the policy is still the reference, so there is no penalty; the critic still says 0
    rewards[np.arange(40), replies.lengths - 1] = reward_model.reward_score(start.state.reward_model, WORLD, replies)
    raw, targets = (x[replies.mask] for x in ppo.advantage_estimates(config, replies, rewards, np.zeros((40, 17))))
    a = (raw - raw.mean()) / raw.std()
    ratio = np.exp(language_model.log_probs(after_one.model, WORLD, replies) - old)[replies.mask]
    active = ((a > 0) & (ratio > 1.2)) | ((a < 0) & (ratio < 0.8))
    assert 0 < active.mean() < (np.abs(ratio - 1) > 0.2).mean()
    assert row["policy/clipfrac_avg"] == pytest.approx(active.mean() / 2)
    assert row["ours/out_of_range"] == pytest.approx((np.abs(ratio - 1) > 0.2).mean() / 2)
    assert row["policy/approxkl_avg"] == pytest.approx((np.log(ratio) ** 2).mean() / 2 / 2)
    assert row["val/ratio"] == pytest.approx((1 + ratio.mean()) / 2)
    assert row["ours/max_ratio"] == pytest.approx(ratio.max())
    assert row["ours/min_ratio"] == pytest.approx(min(ratio.min(), 1))
    surrogate = np.minimum(ratio * a, np.clip(ratio, 0.8, 1.2) * a)
    assert row["loss/policy_avg"] == pytest.approx(-(a.mean() + surrogate.mean()) / 2)
    values = language_model.contexts(WORLD, replies).x @ after_one.state.critic
    assert row["ours/epochs"] == 2
    assert row["loss/value_avg"] == pytest.approx((0.5 * targets**2 + 0.5 * (targets - values) ** 2).mean() / 2)


@pytest.mark.parametrize("limit", [0.001, None])
def test_max_grad_norm_limits_the_step(limit):
    log = run(RunConfig(**SHORT | {"updates": 1, "num_ppo_epochs": 1, "max_grad_norm": limit}), 0)
    stepped = np.linalg.norm(log.state.adam.mean) / 0.1  # Adam's first mean is a tenth of the gradient
    assert log["ours/gradient_norm"][0] > 0.001
    assert stepped == pytest.approx(limit or log["ours/gradient_norm"][0])


def test_mini_batches_are_of_whole_replies(monkeypatch):
    original, rows = ppo._policy_step, []

    def watched(config, model, log_pi, tokens, *args):
        rows.append(set(tokens.rows))
        return original(config, model, log_pi, tokens, *args)

    monkeypatch.setattr(ppo, "_policy_step", watched)
    run(RunConfig(**SHORT | {"updates": 1, "num_ppo_epochs": 2, "num_mini_batches": 3}), 0)
    assert len(rows) == 6
    for epoch in (rows[:3], rows[3:]):
        assert set.union(*epoch) == set(range(8))
        assert sum(map(len, epoch)) == 8


def test_adam_remembers_from_update_to_update():
    log = run(RunConfig(**SHORT | {"num_mini_batches": 2}), 0)
    assert log.state.adam.steps == log.state.critic_adam.steps == 3 * 4 * 2
    assert log.state.updates == len(log) == 3


@pytest.mark.long
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_learns(algorithm):
    learning_rate = 0.05 if algorithm != "PPO" else 0.02
    log = run(RunConfig(**ALGORITHMS[algorithm], updates=40, learning_rate=learning_rate), 0)
    assert log["objective/scores"][-10:].mean() > log["objective/scores"][:3].mean() + 0.5


def test_one_epoch_without_clip_is_a2c():
    """With one epoch the ratio is 1: PPO's clip changes nothing."""
    a, b = (run(RunConfig(**SHORT | {"num_ppo_epochs": 1, "cliprange": clip}), 0) for clip in (0.2, None))
    assert (a.state.parameters == b.state.parameters).all()


@pytest.mark.long
def test_options_do_what_they_say():
    base = RunConfig(**SHORT | {"batch_size": 32})
    plain = run(base, 0)

    def changed(**options):
        return run(dataclasses.replace(base, **options), 0)

    score = plain["objective/scores"][0]
    assert changed(reward_offset=5.0)["objective/scores"][0] == pytest.approx(score + 5)
    off = changed(critic=False)
    assert (off["ours/mean_value"] == 0).all()
    assert (off.state.critic == 0).all()
    assert plain.state.critic.any()
    assert (changed(kl_estimator="k3", learning_rate=0.1)["objective/non_score_reward"][1:] < 0).all()
    in_loss, loose = (changed(learning_rate=0.1, **kl) for kl in ({"kl_in_loss": True, "kl_coef": 20}, {"kl_coef": 0}))
    assert in_loss["ours/kl_full"][-1] < loose["ours/kl_full"][-1]
    assert (changed(target_kl=1e-6, learning_rate=0.1)["ours/epochs"] == 1).all()
    cut = 1 - plain["val/num_eos_tokens"][0] / 32
    assert changed(missing_eos_penalty=100.0)["objective/scores"][0] == pytest.approx(score - 100 * cut)
    early = changed(updates=50, kl_coef=0.0, learning_rate=0.1, stop_at_kl=0.5)
    assert early.stopped_early
    assert early["objective/kl"][-1] > 0.5 >= early["objective/kl"][:-1].max()
    gold = changed(reward="gold")
    assert gold["objective/scores"] == pytest.approx(gold["ours/gold"])
    rising = changed(adap_kl_ctrl=True, target=1e-3, learning_rate=0.1, updates=6)["ours/kl_coef"]
    falling = changed(adap_kl_ctrl=True, target=100.0, updates=6)["ours/kl_coef"]
    assert rising[-1] > rising[0] == 0.3 == falling[0] > falling[-1]
    assert falling[1] == pytest.approx(0.3 * (1 - 0.2 * 32 / 320))
    entropic = changed(entropy_coef=1.0, learning_rate=0.1, updates=10)
    assert entropic["policy/entropy_avg"][-1] > plain["policy/entropy_avg"][0]
    assert changed(hidden=8).model.readout.shape == (8, 54)
