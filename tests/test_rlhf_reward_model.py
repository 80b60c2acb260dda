"""The reward model: pairs, raters, features, training, accuracy, preference files."""

import dataclasses

import numpy as np
import pytest
from autograd import grad
from autograd import numpy as anp
from refusals import bad
from small_mdps import same

from course_utils.rlhf import language_model
from course_utils.rlhf import reward_model as rm
from course_utils.rlhf import world as worlds
from course_utils.rlhf.world import DataFileError

WORLD = worlds.load()
Z_LIMIT = 5.5  # two-sided false alarm 4e-8 for each comparison


@pytest.fixture(scope="module")
def sft():
    rng = np.random.default_rng(0)
    return language_model.sft(WORLD, worlds.demonstrations(WORLD, 3000, rng), rng).model


def labelled(sft, n, seed, **tastes):
    rng = np.random.default_rng(seed)
    return rm.label(WORLD, *rm.sample_pairs(sft, WORLD, n, rng), rng, **tastes)


@pytest.fixture(scope="module")
def pairs(sft):
    return labelled(sft, 1500, 1)


@pytest.fixture(scope="module")
def fresh(sft):
    return labelled(sft, 4000, 2)


def test_features_by_hand():
    def row_of(text, kind):  # about a refund, calm
        names, row = rm.feature_names(WORLD, kind), rm.features(WORLD, WORLD.replies([0], [text]), kind)[0]
        return {name: value for name, value in zip(names, row, strict=True) if value}

    for kind, twice in (("count", 2.0), ("log", np.log2(3)), ("presence", 1.0), ("rich", np.log2(3))):
        found = row_of("sorry sorry send", kind)
        odd = found.pop("share of odd word pairs", None)
        wanted = {"sorry": twice, "send": 1, "refund × sorry": twice, "refund × send": 1, "calm × sorry": twice}
        assert found == pytest.approx(wanted)
        assert odd == (pytest.approx(3 / 4) if kind == "rich" else None)
    row = row_of("thanks thanks thanks send send " + "we " * 7, "rich")
    assert (row["repeated words"], row["polite words over 2"], row["words over 10"]) == (1, 1, 2)


@pytest.mark.long
@pytest.mark.parametrize("kind", rm.KINDS)
def test_score_is_features_times_weights(kind, fresh):
    weights = np.random.default_rng(3).normal(size=len(rm.feature_names(WORLD, kind)))
    model = rm.RewardModel(kind, weights, mean=0.3, sd=2.0, offset=5.0)
    expected = (rm.features(WORLD, fresh.chosen, kind) @ weights - 0.3) / 2 + 5
    assert rm.reward_score(model, WORLD, fresh.chosen) == pytest.approx(expected, abs=1e-10)


@pytest.mark.long
@pytest.mark.parametrize("length_control", [False, True])
def test_training_finds_the_minimum(pairs, length_control):
    small = rm.Pairs(pairs.chosen.take(slice(0, 150)), pairs.rejected.take(slice(0, 150)))
    model = rm.fit(WORLD, small, "log", penalty=0.7, length_control=length_control)
    x = rm.features(WORLD, small.chosen, "log") - rm.features(WORLD, small.rejected, "log")
    w = model.weights
    if length_control:
        x = np.column_stack([x, small.chosen.lengths - small.rejected.lengths])
        w = np.append(w, model.length_weight)
        assert model.length_weight != 0

    def loss(v):
        return anp.sum(anp.log(1 + anp.exp(-anp.dot(x, v)))) + 0.35 * anp.sum(v**2)

    assert np.abs(grad(loss)(w)).max() < 1e-6  # convex: no slope, no lower point


@pytest.mark.long
def test_length_control_leaves_the_length_out_of_the_score(sft):
    pairs = labelled(sft, 1500, 6, length_bias=0.3)
    model = rm.fit(WORLD, pairs, length_control=True)
    assert model.length_weight > 0.1  # the raters' liking was found
    expected = rm.features(WORLD, pairs.chosen) @ model.weights
    assert rm.reward_score(model, WORLD, pairs.chosen) == pytest.approx(expected)


@pytest.mark.long
@pytest.mark.parametrize(
    ("first", "second", "settings", "gold", "liked"),
    [
        ("we can help you", "hello we can help you", {}, 0.0, 0.0),
        ("we can help you", "hello we can help you", {"length_bias": -0.3}, 0.0, 0.3),
        ("we can help you", "hello we can help you", {"length_bias": -0.3, "biased_share": 0.5}, 0.0, 0.3),
        ("we can help you thanks", "we can help you", {"polite_bias": -1.5}, 0.5, -1.5),
        ("i promise to send it", "i will send it", {"unsafe_bias": 0.0, "temperature": 1.0}, -1.5, 0.0),
        ("i promise to send it", "i will send it", {"unsafe_bias": 2.0, "temperature": 1.0}, -1.5, 2.0),
    ],
)
def test_raters_prefer_as_bradley_and_terry_say(first, second, settings, gold, liked):
    n, shares = 20_000, [1 - settings.get("biased_share", 1.0), settings.get("biased_share", 1.0)]
    both = [WORLD.replies([0] * n, [text] * n) for text in (first, second)]
    labels = rm.label(WORLD, *both, np.random.default_rng(4), **settings)
    margins = np.array([gold, gold + liked]) / settings.get("temperature", 0.6)
    share = (labels.chosen.tokens == both[0].tokens).all(axis=1).mean()
    assert abs(share - shares @ (1 / (1 + np.exp(-margins)))) < Z_LIMIT * np.sqrt(0.25 / n)


@pytest.mark.long
@pytest.mark.parametrize("kind", rm.KINDS)
def test_every_kind_of_features_ranks_fresh_pairs_well(kind, pairs, fresh, sft):
    model = rm.normalise(rm.fit(WORLD, pairs, kind), WORLD, pairs.chosen)
    right, wrong = (rm.accuracy(model, WORLD, asked) for asked in (fresh, rm.Pairs(fresh.rejected, fresh.chosen)))
    assert 0.76 < right < 0.82
    assert wrong == pytest.approx(1 - right)


@pytest.mark.long
def test_normalised_scores(pairs, fresh):
    model = rm.normalise(rm.fit(WORLD, pairs), WORLD, fresh.chosen)
    scores = rm.reward_score(model, WORLD, fresh.chosen)
    assert scores.mean() == pytest.approx(0, abs=1e-12)
    assert scores.std() == pytest.approx(1)
    again = rm.normalise(model, WORLD, fresh.chosen)
    assert (again.mean, again.sd) == pytest.approx((model.mean, model.sd))
    shifted = dataclasses.replace(model, offset=5.0)
    assert rm.reward_score(shifted, WORLD, fresh.chosen) == pytest.approx(scores + 5)
    assert rm.accuracy(shifted, WORLD, fresh) == rm.accuracy(model, WORLD, fresh)


@pytest.mark.long
def test_the_readable_table_says_what_matters(pairs):
    model = rm.fit(WORLD, pairs)
    table = rm.weight_table(model, WORLD)
    assert table == sorted(table, key=lambda row: -abs(row[1]))
    weights = dict(table)
    assert weights["angry × sorry"] > 0.2
    assert weights["promise"] < -0.2
    assert weights["refund × send"] > 0.3
    assert len(table) == 53 + 6 * 53 + 2 * 5


def test_files_of_preferences(tmp_path, pairs):
    path = tmp_path / "pairs.jsonl"
    rm.write_pairs(path, WORLD, pairs)
    for back, side in zip(rm.read_pairs(path, WORLD), pairs, strict=True):
        same(back, side)


def test_the_sample_set(pairs):
    sample = rm.read_pairs(worlds.DATA / "preferences.jsonl", WORLD)
    assert len(sample.chosen.prompts) == 200
    better = worlds.gold_reward(WORLD, sample.chosen).total > worlds.gold_reward(WORLD, sample.rejected).total
    assert better.mean() > 0.65
    assert rm.accuracy(rm.fit(WORLD, sample), WORLD, pairs) > 0.65


GOOD = '{"prompt": "%s", "chosen": "we can help you", "rejected": "we"}' % WORLD.prompts[0].text  # noqa: UP031


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: not JSON: .* at column 2"),
        ("7", "line 2: expected a JSON object, got int"),
        ('{"prompt": "?", "chosen": "we", "rejected": "i"}', r"line 2: the prompt '\?' is not in prompts.jsonl"),
        ('{"prompt": "?", "chosen": "we"}', 'line 2: the key "rejected" is missing'),
        (GOOD.replace('"we"', "null"), 'line 2: "rejected" is None, expected a text'),
        (GOOD.replace('"we"', '"elephant"'), "line 2: \"rejected\": the word 'elephant' is not in the vocabulary"),
        (GOOD.replace('"we"', f'"{"we " * 17}"'), 'line 2: "rejected": the reply has 17 words, expected at most 16'),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    path = tmp_path / "pairs.jsonl"
    path.write_text(f"{GOOD}\n{line}\n", encoding="utf-8")
    bad(DataFileError, message, rm.read_pairs, path, WORLD)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "pairs.jsonl").write_text("\n", encoding="utf-8")
    bad(DataFileError, r"pairs\.jsonl, line 1: there is no pair", rm.read_pairs, tmp_path / "pairs.jsonl", WORLD)


def test_bad_arguments(pairs):
    rng, two = np.random.default_rng(0), [WORLD.replies([prompt], ["we"]) for prompt in (0, 1)]
    bad(ValueError, "kind is 'square', expected one of 'count'", rm.fit, WORLD, pairs, "square")
    bad(ValueError, r"penalty is 0\.0, expected a positive number", rm.fit, WORLD, pairs, penalty=0)
    bad(TypeError, "length_control is 'False', expected True or False", rm.fit, WORLD, pairs, length_control="False")
    bad(ValueError, r"temperature is 0\.0", rm.label, WORLD, *pairs, rng, temperature=0)
    bad(ValueError, r"biased_share is 1\.5", rm.label, WORLD, *pairs, rng, biased_share=1.5)
    bad(ValueError, "second.* expected replies to the prompts of first", rm.label, WORLD, *two, rng)
    bad(ValueError, "pairs is empty", rm.join, [])
    for wins in (["False"] * 1500, np.ones(1500), np.zeros(1500, int), [None] * 1500):
        bad(TypeError, r"first_wins has dtype .*, expected Booleans", rm.choose, *pairs, wins)
    told = r"model.weights has shape \(7,\), expected \(\d+,\) to match the world"
    bad(ValueError, told, rm.reward_score, rm.RewardModel("log", np.ones(7)), WORLD, pairs.chosen)


def test_joined_pairs(pairs):
    both = rm.join([pairs, pairs])
    assert len(both.chosen.prompts) == 3000
    assert (both.rejected.tokens[1500:] == pairs.rejected.tokens).all()


@pytest.mark.long
def test_replies_that_all_have_the_same_score_cannot_be_normalised(pairs):
    model, replies = rm.fit(WORLD, pairs), pairs.chosen
    small, zero = (dataclasses.replace(model, weights=factor * model.weights) for factor in (1e-200, 0.0))
    sd = rm.normalise(model, WORLD, replies).sd
    assert 1e200 * rm.normalise(small, WORLD, replies).sd == pytest.approx(sd)
    for flat, said in ((model, replies.take(np.zeros(20, dtype=int))), (zero, replies)):
        bad(ValueError, "replies all have the same score", rm.normalise, flat, WORLD, said)
    none = r"replies.tokens has shape \(0, 16\), expected .* at least one reply"
    bad(ValueError, none, rm.normalise, model, WORLD, replies.take(slice(0, 0)))


@pytest.mark.long
@pytest.mark.parametrize("penalty", [1e-300, 1e-30, 1e-12])
def test_penalties_with_which_nothing_settles_are_refused(pairs, penalty):
    told = f"^penalty is {penalty}, with which the weights did not settle"
    bad(ValueError, told, rm.fit, WORLD, pairs, penalty=penalty)


@pytest.mark.long
@pytest.mark.parametrize("penalty", [0.01, 1e12, 1e300])
def test_other_extreme_penalties_give_a_model(pairs, penalty):
    model = rm.normalise(rm.fit(WORLD, pairs, penalty=penalty), WORLD, pairs.chosen)
    scores = rm.reward_score(model, WORLD, pairs.chosen)
    assert (scores.mean(), scores.std()) == (pytest.approx(0, abs=1e-9), pytest.approx(1))
