"""The log-linear language model: score, log-probabilities, sampling, supervised fine-tuning."""

import numpy as np
import pytest
import tiny_world
from tiny_world import random_model

from course_utils import policy as softmax_policy
from course_utils.rlhf import language_model
from course_utils.rlhf import world as worlds

WORLD = worlds.load()
V = len(WORLD.words)
Z_LIMIT = 5.5  # two-sided false alarm 4e-8 for each comparison


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_world.load(tmp_path_factory.mktemp("tiny"))


def random_replies(world, m, seed):
    rng = np.random.default_rng(seed)
    prompts = rng.integers(0, len(world.prompts), m)
    return language_model.sample(random_model(world, seed + 100, scale=0.2), world, prompts, rng).replies


def plain_log_prob(model, world, prompt, tokens):
    """log Pr of a reply, one token and one feature at a time, by names."""
    names = language_model.feature_names(world)
    total, used = 0.0, []
    n_words = len(world.words)
    for t, token in enumerate(tokens):
        word = [world.words[w] for w in used]
        active = [
            "bias",
            f"topic {world.topics[world.prompts[prompt].topic]}",
            f"mood {worlds.MOODS[world.prompts[prompt].mood]}",
            f"position {t + 1}",
            f"after {word[-1] if word else 'the beginning'}",
            f"two after {word[-2] if len(word) > 1 else 'the beginning'}",
            *(f"used {w}" for w in set(word)),
        ]
        inner = sum(model.table[names.index(name)] for name in active)
        z = inner[:n_words] + np.tanh(inner[n_words:]) @ model.readout
        total += z[token] - np.log(np.exp(z).sum())
        used.append(token)
    return total


def test_context_size():
    assert language_model.n_features(WORLD) == len(language_model.feature_names(WORLD)) == 187
    assert V * language_model.n_features(WORLD) == 10_098
    x = language_model.contexts(WORLD, WORLD.replies([0], ["we can can"])).x
    names = np.array(language_model.feature_names(WORLD))
    assert names[x[0] == 1].tolist() == [
        "bias",
        "topic refund",
        "mood calm",
        "position 1",
        "after the beginning",
        "two after the beginning",
    ]
    assert names[x[3] == 1].tolist()[3:] == ["position 4", "after can", "two after can", "used we", "used can"]


@pytest.mark.parametrize("hidden", [0, 3])
def test_log_probs_by_brute_force(hidden):
    model = random_model(WORLD, 0, hidden)
    replies = random_replies(WORLD, 12, 1)
    log_probs = language_model.log_probs(model, WORLD, replies)
    for i in range(12):
        tokens = replies.tokens[i, : replies.lengths[i]]
        assert log_probs[i].sum() == pytest.approx(plain_log_prob(model, WORLD, replies.prompts[i], tokens), abs=1e-9)
    assert (log_probs[~replies.mask] == 0).all()
    assert (log_probs[replies.mask] < 0).all()


def test_log_probs_are_those_of_the_softmax_policy():
    model, replies = random_model(WORLD, 0), random_replies(WORLD, 12, 1)
    batch = language_model.contexts(WORLD, replies, np.float64)
    expected = softmax_policy.log_prob(language_model.logits(model, batch.x), batch.actions)
    assert language_model.log_probs(model, WORLD, replies)[replies.mask] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("hidden", [0, 2])
def test_probabilities_of_all_replies_sum_to_one(tiny, hidden):
    model = random_model(tiny, 2, hidden)
    for prompt in range(2):
        log_probs = language_model.log_probs(model, tiny, tiny_world.every_reply(tiny, prompt)).sum(axis=1)
        assert np.exp(log_probs).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("hidden", [0, 3])
def test_score_against_finite_differences(hidden):
    model, replies = random_model(WORLD, 3, hidden), random_replies(WORLD, 6, 4)
    batch = language_model.contexts(WORLD, replies, np.float64)
    rng = np.random.default_rng(5)
    weights = rng.normal(size=len(batch.x))
    gradient = language_model.pack(language_model.score(model, batch, weights))
    parameters = language_model.pack(model)

    def objective(theta):
        table = language_model.log_probs(language_model.unpack(theta, model), WORLD, replies)
        return table[replies.mask] @ weights

    entries = rng.choice(np.flatnonzero(gradient), 40, replace=False)
    step = 1e-6
    for i in entries:
        unit = np.zeros_like(parameters)
        unit[i] = step
        difference = (objective(parameters + unit) - objective(parameters - unit)) / (2 * step)
        assert gradient[i] == pytest.approx(difference, rel=1e-5, abs=1e-7)
    silent = rng.choice(np.flatnonzero(gradient == 0), 5, replace=False)
    for i in silent:
        unit = np.zeros_like(parameters)
        unit[i] = step
        assert objective(parameters + unit) == pytest.approx(objective(parameters), abs=1e-12)


def test_score_is_x_times_one_hot_minus_pi():
    model, replies = random_model(WORLD, 3), random_replies(WORLD, 1, 4)
    batch = language_model.contexts(WORLD, replies, np.float64)
    rows = softmax_policy.score(language_model.logits(model, batch.x), batch.actions)
    expected = sum(np.outer(x, row) for x, row in zip(batch.x, rows, strict=True))
    assert language_model.score(model, batch).table == pytest.approx(expected, abs=1e-12)
    with pytest.raises(ValueError, match=r"weights has shape \(2,\)"):
        language_model.score(model, batch, [1.0, 2.0])


@pytest.mark.parametrize(("hidden", "temperature"), [(0, 1.0), (2, 1.0), (0, 2.0)])
def test_sampling_frequencies(tiny, hidden, temperature):
    model, m = random_model(tiny, 6, hidden), 40_000
    rng = np.random.default_rng(7)
    warmed = model
    if temperature != 1:
        warmed = language_model.LanguageModel(model.table / temperature, model.readout)
    for prompt in range(2):
        sampled = language_model.sample(model, tiny, np.full(m, prompt), rng, temperature=temperature)
        code = np.array([4**2, 4, 1])
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


def test_the_same_seed_samples_the_same():
    model = random_model(WORLD, 8)
    a, b = (language_model.sample(model, WORLD, np.arange(24), np.random.default_rng(1)) for _ in range(2))
    assert (a.replies.tokens == b.replies.tokens).all()
    assert (a.log_probs == b.log_probs).all()


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
    theirs = worlds.gold_reward(WORLD, replies).total
    ours = worlds.gold_reward(WORLD, sampled).total
    assert abs(ours.mean() - theirs.mean()) < 0.35


def test_sft_is_deterministic():
    replies = worlds.demonstrations(WORLD, 200, np.random.default_rng(0))
    a, b = (language_model.sft(WORLD, replies, np.random.default_rng(1), epochs=2) for _ in range(2))
    assert (a.model.table == b.model.table).all()
    assert a.held_out_loss == b.held_out_loss


def test_bad_arguments():
    model, rng = random_model(WORLD, 0), np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"prompts\[1\] is 24, expected a prompt from 0 to 23"):
        language_model.sample(model, WORLD, [0, 24], rng)
    with pytest.raises(ValueError, match=r"prompts has shape \(\)"):
        language_model.sample(model, WORLD, 3, rng)
    with pytest.raises(ValueError, match=r"temperature is 0\.0, expected a positive number"):
        language_model.sample(model, WORLD, [0], rng, temperature=0)
    with pytest.raises(TypeError, match="rng is NoneType"):
        language_model.new(WORLD, hidden=2)
    with pytest.raises(ValueError, match="epochs is 0"):
        language_model.sft(WORLD, random_replies(WORLD, 4, 0), rng, epochs=0)


def test_sft_needs_demonstrations_and_a_dtype_that_it_can_work_in():
    rng, shown = np.random.default_rng(0), worlds.demonstrations(WORLD, 20, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"demonstrations.tokens has shape \(0, 16\), expected .* at least one reply"):
        language_model.sft(WORLD, shown.take(slice(0, 0)), rng)
    for dtype in (np.float16, np.longdouble, int, "f2", "words", None, complex):
        for function in (language_model.sft, language_model.contexts):
            with pytest.raises(ValueError, match=r"dtype is .*, expected float32 or float64"):
                function(WORLD, shown, *([rng] if function is language_model.sft else []), dtype=dtype)
        with pytest.raises(ValueError, match=r"dtype is .*, expected float32 or float64"):
            language_model.new(WORLD, dtype=dtype)


def test_models_of_another_world_or_with_nan_are_refused():
    model, replies = random_model(WORLD, 0), WORLD.replies([0], ["hello"])
    for wrong, message in [
        (
            model._replace(table=model.table[:-1]),
            r"model.table has shape \(\d+, 54\), expected \(\d+, 54\) to match the world",
        ),
        (model._replace(table=model.table * np.nan), r"model.table\[0, 0\] is nan, expected a finite number"),
        (model._replace(readout=np.zeros((3, 54))), "model.table has shape .* and model.readout"),
    ]:
        with pytest.raises(ValueError, match=message):
            language_model.log_probs(wrong, WORLD, replies)
        with pytest.raises(ValueError, match=message):
            language_model.sample(wrong, WORLD, [0], np.random.default_rng(0))
