"""The log-linear language model: score, log-probabilities, sampling, supervised fine-tuning."""

import numpy as np
import pytest
import tiny_world
from oracles import slopes
from refusals import bad
from tiny_world import random_model

from course_utils.rlhf import language_model
from course_utils.rlhf import world as worlds

WORLD = worlds.load()
Z_LIMIT = 5.5  # two-sided false alarm 4e-8 for each comparison


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_world.load(tmp_path_factory.mktemp("tiny"))


def random_replies(world, m, seed):
    rng = np.random.default_rng(seed)
    prompts = rng.integers(0, len(world.prompts), m)
    return language_model.sample(random_model(world, seed + 100, scale=0.2), world, prompts, rng).replies


def plain_log_probs(model, world, prompt, tokens):
    """log π of each token of a reply, one feature at a time, by names."""
    names, n_words = language_model.feature_names(world), len(world.words)
    for t, token in enumerate(tokens):
        words = ["the beginning", "the beginning", *(world.words[w] for w in tokens[:t])]
        topic, mood = world.topics[world.prompts[prompt].topic], worlds.MOODS[world.prompts[prompt].mood]
        active = ["bias", f"topic {topic}", f"mood {mood}", f"position {t + 1}", f"after {words[-1]}"]
        active += [f"two after {words[-2]}", *(f"used {word}" for word in set(words[2:]))]
        inner = sum(model.table[names.index(name)] for name in active)
        z = inner[:n_words] + np.tanh(inner[n_words:]) @ model.readout
        yield z[token] - np.log(np.exp(z).sum())


def test_context_size():
    assert language_model.n_features(WORLD) == len(language_model.feature_names(WORLD)) == 187
    assert len(WORLD.words) * language_model.n_features(WORLD) == 10_098
    x = language_model.contexts(WORLD, WORLD.replies([0], ["we can can"])).x
    names, same = np.array(language_model.feature_names(WORLD)), ["bias", "topic refund", "mood calm"]
    beginning = [*same, "position 1", "after the beginning", "two after the beginning"]
    assert names[x[0] == 1].tolist() == beginning
    assert names[x[3] == 1].tolist() == [*same, "position 4", "after can", "two after can", "used we", "used can"]


@pytest.mark.parametrize("hidden", [0, 3])
def test_log_probs_by_brute_force(hidden):
    model = random_model(WORLD, 0, hidden)
    replies = random_replies(WORLD, 12, 1)
    log_probs = language_model.log_probs(model, WORLD, replies)
    for prompt, tokens, n, row in zip(replies.prompts, replies.tokens, replies.lengths, log_probs, strict=True):
        assert row[:n] == pytest.approx([*plain_log_probs(model, WORLD, prompt, tokens[:n])], abs=1e-12)
    assert (log_probs[~replies.mask] == 0).all()


@pytest.mark.parametrize("hidden", [0, 3])
def test_score_against_finite_differences(hidden):
    model, replies = random_model(WORLD, 3, hidden), random_replies(WORLD, 6, 4)
    batch = language_model.contexts(WORLD, replies, np.float64)
    rng = np.random.default_rng(5)
    weights = rng.normal(size=len(batch.x))
    gradient = language_model.pack(language_model.score(model, batch, weights))

    def objective(theta):
        table = language_model.log_probs(language_model.unpack(theta, model), WORLD, replies)
        return table[replies.mask] @ weights

    for at, size, tolerance in ((gradient != 0, 40, 1e-7), (gradient == 0, 5, 1e-6)):
        entries = rng.choice(np.flatnonzero(at), size, replace=False)
        wanted = slopes(objective, language_model.pack(model), entries)
        assert gradient[entries] == pytest.approx(wanted, rel=1e-5, abs=tolerance)


@pytest.mark.parametrize(("hidden", "temperature"), [(0, 1.0), (2, 1.0), (0, 2.0)])
def test_sampling_frequencies(tiny, hidden, temperature):
    model, m = random_model(tiny, 6, hidden), 40_000
    rng, code = np.random.default_rng(7), np.array([4**2, 4, 1])
    warmed = model._replace(table=model.table / temperature)
    for prompt in range(2):
        sampled = language_model.sample(model, tiny, np.full(m, prompt), rng, temperature=temperature)
        listed = tiny_world.every_reply(tiny, prompt)
        exact = np.exp(language_model.log_probs(warmed, tiny, listed).sum(axis=1))
        frequency = (sampled.replies.tokens @ code == (listed.tokens @ code)[:, None]).mean(axis=1)
        assert frequency.sum() == pytest.approx(1, abs=1e-9)
        error = np.sqrt(exact * (1 - exact) / m) + 1 / m
        assert (np.abs(frequency - exact) < Z_LIMIT * error).all()


@pytest.mark.parametrize("hidden", [0, 4])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_sampled_log_probs_are_the_models(hidden, dtype, tolerance):
    model = random_model(WORLD, 8, hidden, scale=0.4, dtype=dtype)
    model.table[0, worlds.END] += 2
    rng = np.random.default_rng(9)
    sampled = language_model.sample(model, WORLD, worlds.sample_prompts(WORLD, 200, rng), rng)
    assert sampled.log_probs.dtype == dtype
    assert sampled.log_probs == pytest.approx(language_model.log_probs(model, WORLD, sampled.replies), abs=tolerance)
    replies = sampled.replies
    assert len(set(replies.lengths.tolist())) > 5
    assert (replies.tokens[~replies.mask] == worlds.END).all()
    assert (replies.ended | (replies.lengths == WORLD.max_tokens)).all()
    inside = replies.mask & (np.arange(16) < replies.lengths[:, None] - 1)
    assert (replies.tokens[inside] != worlds.END).all()


@pytest.mark.long
@pytest.mark.parametrize("hidden", [0, 8])
def test_sft_learns_the_demonstrations(hidden):
    rng = np.random.default_rng(0)
    replies = worlds.demonstrations(WORLD, 1500, rng)
    tuned = language_model.sft(WORLD, replies, rng, hidden=hidden)
    assert tuned.model.table.dtype == np.float64
    assert all(np.isfinite(array).all() for array in tuned.model)
    assert (np.diff(tuned.losses) < 0).all()
    # The grammar itself, asked for its own words, needs about 0.8 nats a token; a uniform guess log 54 = 4.
    assert 0.7 < tuned.held_out_loss < 1.05
    sampled = language_model.sample(tuned.model, WORLD, worlds.sample_prompts(WORLD, 2000, rng), rng).replies
    assert worlds.illegal_share(WORLD, sampled).mean() < 0.06
    theirs, ours = (worlds.gold_reward(WORLD, said).total.mean() for said in (replies, sampled))
    assert abs(ours - theirs) < 0.35


def test_bad_arguments():
    model, rng, sample = random_model(WORLD, 0), np.random.default_rng(0), language_model.sample
    bad(ValueError, r"prompts\[1\] is 24, expected a prompt from 0 to 23", sample, model, WORLD, [0, 24], rng)
    bad(ValueError, r"prompts has shape \(\)", sample, model, WORLD, 3, rng)
    bad(ValueError, r"temperature is 0\.0, expected a positive", sample, model, WORLD, [0], rng, temperature=0)
    batch = language_model.contexts(WORLD, random_replies(WORLD, 1, 4))
    bad(ValueError, r"weights has shape \(2,\)", language_model.score, model, batch, [1.0, 2.0])
    bad(TypeError, "rng is NoneType", language_model.new, WORLD, hidden=2)
    bad(ValueError, "epochs is 0", language_model.sft, WORLD, random_replies(WORLD, 4, 0), rng, epochs=0)


def test_sft_needs_demonstrations_and_a_dtype_that_it_can_work_in():
    rng, shown = np.random.default_rng(0), worlds.demonstrations(WORLD, 20, np.random.default_rng(0))
    none = r"demonstrations.tokens has shape \(0, 16\), expected .* at least one reply"
    bad(ValueError, none, language_model.sft, WORLD, shown.take(slice(0, 0)), rng)
    for dtype in (np.float16, np.longdouble, int, "f2", "words", None, complex):
        for name, more in (("sft", [shown, rng]), ("contexts", [shown]), ("new", [])):
            refused = getattr(language_model, name)
            bad(ValueError, r"dtype is .*, expected float32 or float64", refused, WORLD, *more, dtype=dtype)


def test_models_of_another_world_or_with_nan_are_refused():
    model, replies = random_model(WORLD, 0), WORLD.replies([0], ["hello"])
    for change, message in (
        ({"table": model.table[:-1]}, r"table has shape \(\d+, 54\), expected \(\d+, 54\) to match the world"),
        ({"table": model.table * np.nan}, r"model.table\[0, 0\] is nan, expected a finite number"),
        ({"readout": np.zeros((3, 54))}, "model.table has shape .* and model.readout"),
    ):
        wrong = model._replace(**change)
        bad(ValueError, message, language_model.log_probs, wrong, WORLD, replies)
        bad(ValueError, message, language_model.sample, wrong, WORLD, [0], np.random.default_rng(0))
