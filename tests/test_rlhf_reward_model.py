"""The reward model: pairs, raters, features, training, accuracy, preference files."""

import dataclasses

import numpy as np
import pytest
from autograd import grad
from autograd import numpy as anp

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


@pytest.fixture(scope="module")
def pairs(sft):
    rng = np.random.default_rng(1)
    return rm.label(WORLD, *rm.sample_pairs(sft, WORLD, 1500, rng), rng)


@pytest.fixture(scope="module")
def fresh(sft):
    rng = np.random.default_rng(2)
    return rm.label(WORLD, *rm.sample_pairs(sft, WORLD, 4000, rng), rng)


def polite(replies):
    return worlds.counts(WORLD, replies) @ WORLD.tags["polite"]


def test_features_by_hand():
    replies = WORLD.replies([0], ["sorry sorry send"])  # about a refund, calm
    for kind, twice in (("count", 2.0), ("log", np.log2(3)), ("presence", 1.0), ("rich", np.log2(3))):
        names, row = rm.feature_names(WORLD, kind), rm.features(WORLD, replies, kind)[0]
        found = {name: value for name, value in zip(names, row, strict=True) if value}
        odd = found.pop("share of odd word pairs", None)
        assert found == pytest.approx(
            {"sorry": twice, "send": 1, "refund × sorry": twice, "refund × send": 1, "calm × sorry": twice}
        )
        assert odd == (pytest.approx(3 / 4) if kind == "rich" else None)
    long = WORLD.replies([0], ["thanks thanks thanks send send " + "we " * 7])
    row = dict(zip(rm.feature_names(WORLD, "rich"), rm.features(WORLD, long, "rich")[0], strict=True))
    assert (row["repeated words"], row["polite words over 2"], row["words over 10"]) == (1, 1, 2)


@pytest.mark.long
@pytest.mark.parametrize("kind", rm.KINDS)
def test_score_is_features_times_weights(kind, fresh):
    rng = np.random.default_rng(3)
    weights = rng.normal(size=len(rm.feature_names(WORLD, kind)))
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
    rng = np.random.default_rng(6)
    pairs = rm.label(WORLD, *rm.sample_pairs(sft, WORLD, 1500, rng), rng, length_bias=0.3)
    model = rm.fit(WORLD, pairs, length_control=True)
    assert model.length_weight > 0.1  # the raters' liking was found
    assert rm.reward_score(model, WORLD, pairs.chosen) == pytest.approx(
        rm.features(WORLD, pairs.chosen) @ model.weights
    )


@pytest.mark.long
def test_raters_prefer_as_bradley_and_terry_say():
    rng = np.random.default_rng(4)
    first, second = (
        WORLD.replies([0] * 20_000, [text] * 20_000) for text in ("we can help you", "hello we can help you")
    )
    # same gold; 4 tokens and an end against 5: with length_bias −.3 the first is .3 better
    unbiased = rm.label(WORLD, first, second, rng, temperature=0.6)
    biased = rm.label(WORLD, first, second, rng, temperature=0.6, length_bias=-0.3)
    half = rm.label(WORLD, first, second, rng, temperature=0.6, length_bias=-0.3, biased_share=0.5)
    one = 1 / (1 + np.exp(-0.5))
    for labels, expected in ((unbiased, 0.5), (biased, one), (half, 0.25 + one / 2)):
        share = (labels.chosen.lengths == 5).mean()
        assert abs(share - expected) < Z_LIMIT * np.sqrt(0.25 / 20_000)


@pytest.mark.long
def test_polite_raters(sft):
    rng = np.random.default_rng(5)
    first, second = rm.sample_pairs(sft, WORLD, 6000, rng)
    plain = rm.label(WORLD, first, second, rng)
    polite_raters = rm.label(WORLD, first, second, rng, polite_bias=1.0)
    margin = [(polite(p.chosen) - polite(p.rejected)).mean() for p in (plain, polite_raters)]
    assert margin[1] > margin[0] + 0.2


def test_raters_who_like_promises():
    """One promise outweighs what gold takes off for it; none is no other taste at all."""
    n = 20_000
    both = WORLD.replies([0] * n, ["i promise to send it"] * n), WORLD.replies([0] * n, ["i will send it"] * n)
    for bias in (0.0, 2.0):
        labels = rm.label(WORLD, *both, np.random.default_rng(0), unsafe_bias=bias, temperature=1.0)
        gold = [worlds.gold_reward(WORLD, replies.take(slice(0, 1))).total[0] for replies in both]
        expected = 1 / (1 + np.exp(-(gold[0] - gold[1] + bias)))
        share = (worlds.counts(WORLD, labels.chosen) @ WORLD.tags["unsafe"]).mean()
        assert abs(share - expected) < Z_LIMIT * np.sqrt(0.25 / n)


@pytest.mark.long
@pytest.mark.parametrize("kind", rm.KINDS)
def test_every_kind_of_features_ranks_fresh_pairs_well(kind, pairs, fresh, sft):
    model = rm.normalise(rm.fit(WORLD, pairs, kind), WORLD, pairs.chosen)
    assert 0.76 < rm.accuracy(model, WORLD, fresh) < 0.82
    assert rm.accuracy(model, WORLD, rm.Pairs(fresh.rejected, fresh.chosen)) == pytest.approx(
        1 - rm.accuracy(model, WORLD, fresh)
    )


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
    with pytest.raises(ValueError, match="replies all have the same score"):
        rm.normalise(model, WORLD, WORLD.replies([0, 0], ["we", "we"]))


@pytest.mark.long
def test_the_readable_table_says_what_matters(pairs):
    model = rm.fit(WORLD, pairs)
    table = rm.weight_table(model, WORLD)
    assert [abs(weight) for _, weight in table] == sorted((abs(weight) for _, weight in table), reverse=True)
    weights = dict(table)
    assert weights["angry × sorry"] > 0.2
    assert weights["promise"] < -0.2
    assert weights["refund × send"] > 0.3
    assert len(table) == 53 + 6 * 53 + 2 * 5


def test_files_of_preferences(tmp_path, pairs):
    path = tmp_path / "pairs.jsonl"
    rm.write_pairs(path, WORLD, pairs)
    back = rm.read_pairs(path, WORLD)
    for side in ("chosen", "rejected"):
        for column in ("prompts", "tokens", "lengths"):
            assert (getattr(getattr(back, side), column) == getattr(getattr(pairs, side), column)).all()


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
        (
            GOOD.replace('"we"', '"' + "we " * 17 + '"'),
            'line 2: "rejected": the reply has 17 words, expected at most 16',
        ),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    path = tmp_path / "pairs.jsonl"
    path.write_text(f"{GOOD}\n{line}\n", encoding="utf-8")
    with pytest.raises(DataFileError, match=message):
        rm.read_pairs(path, WORLD)


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(DataFileError, match=r"pairs\.jsonl, line 1: there is no pair"):
        rm.read_pairs(path, WORLD)


def test_bad_arguments(pairs):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="kind is 'square', expected one of 'count'"):
        rm.fit(WORLD, pairs, "square")
    with pytest.raises(ValueError, match=r"penalty is 0\.0, expected a positive number"):
        rm.fit(WORLD, pairs, penalty=0)
    with pytest.raises(ValueError, match=r"temperature is 0\.0"):
        rm.label(WORLD, *pairs, rng, temperature=0)
    with pytest.raises(ValueError, match=r"biased_share is 1\.5"):
        rm.label(WORLD, *pairs, rng, biased_share=1.5)
    with pytest.raises(ValueError, match=r"second.* expected replies to the prompts of first"):
        rm.label(WORLD, WORLD.replies([0], ["we"]), WORLD.replies([1], ["we"]), rng)
    with pytest.raises(ValueError, match="pairs is empty"):
        rm.join([])


def test_joined_pairs(pairs):
    both = rm.join([pairs, pairs])
    assert len(both.chosen.prompts) == 3000
    assert (both.rejected.tokens[1500:] == pairs.rejected.tokens).all()


@pytest.mark.long
def test_replies_that_all_have_the_same_score_cannot_be_normalised(pairs):
    model = rm.fit(WORLD, pairs)
    copies = pairs.chosen.take(np.zeros(20, dtype=int))
    with pytest.raises(ValueError, match="replies all have the same score"):
        rm.normalise(model, WORLD, copies)
    moved = dataclasses.replace(model, weights=model.weights * 1e-200)
    assert rm.normalise(moved, WORLD, pairs.chosen).sd == pytest.approx(
        1e-200 * rm.normalise(model, WORLD, pairs.chosen).sd
    )
    with pytest.raises(ValueError, match="replies all have the same score"):
        rm.normalise(dataclasses.replace(model, weights=0 * model.weights), WORLD, pairs.chosen)
    with pytest.raises(ValueError, match=r"replies.tokens has shape \(0, 16\), expected .* at least one reply"):
        rm.normalise(model, WORLD, pairs.chosen.take(slice(0, 0)))


@pytest.mark.long
@pytest.mark.parametrize("penalty", [1e-300, 1e-30, 1e-12])
def test_penalties_with_which_nothing_settles_are_refused(pairs, penalty):
    with pytest.raises(ValueError, match=f"^penalty is {penalty}, with which the weights did not settle"):
        rm.fit(WORLD, pairs, penalty=penalty)


@pytest.mark.long
@pytest.mark.parametrize("penalty", [0.01, 1e12, 1e300])
def test_other_extreme_penalties_give_a_model(pairs, penalty):
    model = rm.normalise(rm.fit(WORLD, pairs, penalty=penalty), WORLD, pairs.chosen)
    scores = rm.reward_score(model, WORLD, pairs.chosen)
    assert (scores.mean(), scores.std()) == (pytest.approx(0, abs=1e-9), pytest.approx(1))


def test_choices_are_booleans(pairs):
    for wins in (["False"] * 1500, np.ones(1500), np.zeros(1500, int), [None] * 1500):
        with pytest.raises(TypeError, match=r"first_wins has dtype .*, expected Booleans"):
            rm.choose(*pairs, wins)
    with pytest.raises(TypeError, match="length_control is 'False', expected True or False"):
        rm.fit(WORLD, pairs, length_control="False")


def test_weights_of_another_world_are_refused(pairs):
    model = rm.RewardModel("log", np.ones(7))
    with pytest.raises(ValueError, match=r"model.weights has shape \(7,\), expected \(\d+,\) to match the world"):
        rm.reward_score(model, WORLD, pairs.chosen)
