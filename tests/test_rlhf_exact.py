"""The oracle that lists replies and counts groups, against differences, brute force and sampled groups."""

import itertools
from functools import cache

import numpy as np
import pytest
import tiny_world
from numpy.testing import assert_allclose

from course_utils import group_advantages, returns
from course_utils.group_advantages import METHODS
from course_utils.rlhf import checkers, exact, language_model
from course_utils.rlhf import world as worlds

TINY = worlds.load(worlds.TINY)
PROMPTS, RATES = (0, 2, 4), (0.95, 0.5, 0.05)
Z_LIMIT = 5.5  # two-sided false alarm 4e-8 for each comparison


@cache
def three_prompts():
    """The model of lesson 13: SFT, and of each topic a share of right replies; what is listed, rewards, gradients."""
    rng = np.random.default_rng(0)
    model = language_model.sft(TINY, worlds.demonstrations(TINY, 3000, rng), rng, epochs=6).model
    for prompt, p in zip(PROMPTS, RATES, strict=True):
        model = exact.with_success_rate(model, TINY, prompt, p)
    listed = [exact.list_replies(model, TINY, prompt) for prompt in PROMPTS]
    rewards = [checkers.on_topic(TINY, each.replies) for each in listed]
    return listed, rewards, [exact.expected_reward_gradient(*each) for each in zip(listed, rewards, strict=True)]


@cache
def agreement(method, K):
    listed, rewards, gradients = three_prompts()
    updates = [exact.group_update(*each, METHODS[method], K) for each in zip(listed, rewards, strict=True)]
    return exact.agreement(updates, gradients), updates


@pytest.fixture
def small(tmp_path):
    """A world of 40 replies, a random model of it, and what it lists."""
    world = tiny_world.load(tmp_path)
    model = tiny_world.random_model(world, 0)
    return world, model, exact.list_replies(model, world, 1)


def test_the_tiny_world_is_as_its_page_says():
    assert len(worlds.every_reply(TINY, 0).lengths) == 781
    assert language_model.new(TINY).table.size == 168
    assert (len(TINY.topics), TINY.max_tokens, len(TINY.words)) == (3, 4, 6)
    every = worlds.every_reply(TINY, 3)
    assert len({row.tobytes() for row in every.tokens}) == 781
    gold = worlds.gold_reward(TINY, every).total
    assert set(gold) == {-1.0, 0.0, 1.0}
    assert ((gold == 1) == checkers.on_topic(TINY, every)).all()


def test_every_reply_is_the_list_that_one_writes_down(tmp_path):
    world = tiny_world.load(tmp_path)
    ours, theirs = worlds.every_reply(world, 1), tiny_world.every_reply(world, 1)
    assert sorted(zip(world.text(ours), ours.lengths, strict=True)) == sorted(
        zip(world.text(theirs), theirs.lengths, strict=True)
    )
    assert (ours.prompts == 1).all()
    for world, prompt, message in [(worlds.load(), 0, "at most 200000"), (TINY, 6, "prompt is 6"), (TINY, -1, "-1")]:
        with pytest.raises(ValueError, match=message):
            worlds.every_reply(world, prompt)


def test_listed_replies_have_the_probabilities_and_scores_of_the_model(small):
    world, model, listed = small
    assert listed.probabilities.sum() == pytest.approx(1, abs=1e-12)
    log_probs = language_model.log_probs(model, world, listed.replies)
    assert_allclose(listed.probabilities, np.exp(log_probs.sum(axis=1)))
    for i in (0, 5, 39):
        batch = language_model.contexts(world, listed.replies.take([i]))
        score = language_model.pack(language_model.score(model, batch))
        assert_allclose(listed.token_scores[i].sum(axis=0), score, atol=1e-12)
    with pytest.raises(ValueError, match="expected a log-linear model"):
        exact.list_replies(tiny_world.random_model(world, 0, hidden=2), world, 1)


def test_the_exact_gradient_is_that_of_the_expected_reward(small):
    world, model, listed = small
    rewards = np.random.default_rng(1).normal(size=40)
    theta = language_model.pack(model)

    def J(parameters):
        moved = exact.list_replies(language_model.unpack(parameters, model), world, 1)
        return moved.probabilities @ rewards

    gradient = exact.expected_reward_gradient(listed, rewards)
    for i in np.random.default_rng(2).choice(np.flatnonzero(gradient), 15, replace=False):
        unit = 1e-5 * (np.arange(theta.size) == i)
        assert gradient[i] == pytest.approx((J(theta + unit) - J(theta - unit)) / 2e-5, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("K", [2, 3])
def test_all_groups_one_by_one(small, method, K):
    """Every group of K replies, 1,600 or 64,000 of them, with rewards of three values."""
    world, _, listed = small
    rewards = np.random.default_rng(3).choice([0.0, 0.3, 1.0], 40)
    scores = listed.token_scores.sum(axis=1) @ np.random.default_rng(4).normal(size=(listed.token_scores.shape[2], 3))
    groups = np.array(list(itertools.product(range(40), repeat=K)))
    probability = listed.probabilities[groups].prod(axis=1)
    A = METHODS[method].advantages(rewards[groups])
    w = METHODS[method].token_weights(listed.replies.lengths[groups], world.max_tokens)
    g = np.einsum("gk,gkp->gp", A * w / K, scores[groups])
    seen = listed._replace(token_scores=np.stack([scores, *[0 * scores] * 2], axis=1))
    got = exact.group_update(seen, rewards, METHODS[method], K)
    assert_allclose(got.mean, probability @ g, atol=1e-12)
    assert got.variance == pytest.approx(probability @ ((g - probability @ g) ** 2).sum(axis=1), rel=1e-9)


def test_the_expected_update_of_each_method():
    """Rewards of 0 and 1: ∇p, (1 − 1/K) ∇p, w_K(p) ∇p."""
    _, _, gradients = three_prompts()
    for K in (2, 4, 8):
        sample = group_advantages.sd_weight(RATES, K, ddof=1)
        for method, factors in [
            ("total return", [1, 1, 1]),
            ("RLOO", [1, 1, 1]),
            ("mean of the group", [1 - 1 / K] * 3),
            ("Dr. GRPO", [(1 - 1 / K) / 4] * 3),
            ("sd alone", sample / (1 + 1e-4)),
        ]:
            rel = 1e-3 if method == "sd alone" else 1e-9  # the ε beside the sd
            for update, gradient, factor in zip(agreement(method, K)[1], gradients, factors, strict=True):
                assert_allclose(update.mean, factor * gradient, rtol=rel, atol=1e-9)


def test_the_table_of_the_lesson():
    """Cosine with the exact gradient and length ratio at K = 8, and the signal-to-noise ratio at K = 2, 4, 8."""
    table = {
        "total return": (1, 1, [0.068, 0.137, 0.274]),
        "mean of the group": (1, 0.875, [0.098, 0.301, 0.708]),
        "RLOO": (1, 1, [0.098, 0.301, 0.708]),
        "sd alone": (0.9965, 1.704, [0.098, 0.287, 0.538]),
        "1/|o| alone": (0.983, 0.372, [0.095, 0.288, 0.675]),
        "GRPO": (0.970, 0.643, [0.095, 0.276, 0.523]),
        "Dr. GRPO": (1, 0.219, [0.098, 0.301, 0.708]),
        "DAPO": (0.995, 0.584, [0.097, 0.280, 0.521]),
    }
    assert set(table) == set(METHODS)
    for method, (cosine, ratio, noise) in table.items():
        at = [agreement(method, K)[0] for K in (2, 4, 8)]
        assert at[-1].cosine == pytest.approx(cosine, abs=1e-9 if cosine == 1 else 1e-3), method
        assert at[-1].length_ratio == pytest.approx(ratio, rel=5e-3), method
        assert_allclose([each.signal_to_noise for each in at], noise, rtol=0.02, err_msg=method)


def test_gae_with_the_exact_values_has_no_bias_and_less_noise():
    listed, rewards, gradients = three_prompts()
    updates = []
    for each, reward in zip(listed, rewards, strict=True):
        values, lengths = exact.state_values(each, reward), each.replies.lengths
        assert_allclose(values[:, 0], each.probabilities @ reward)
        assert (values[:, 1:][~each.replies.mask] == 0).all()
        per_token = np.zeros(each.replies.tokens.shape)
        per_token[np.arange(len(lengths)), lengths - 1] = reward
        goes_on = np.arange(4) < lengths[:, None] - 1
        A = returns.gae(per_token, goes_on.astype(float), values, 0.95) * each.replies.mask
        updates.append(exact.reply_update(each, A, 8))
    got = exact.agreement(updates, gradients)
    assert got.cosine == pytest.approx(1, abs=1e-9)
    assert got.length_ratio == pytest.approx(1, abs=1e-9)
    assert got.signal_to_noise > 1.5 * agreement("RLOO", 8)[0].signal_to_noise


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GRPO", "DAPO"])
def test_sampled_groups_agree_with_the_counted_ones(method):
    listed, rewards, _ = three_prompts()
    K, groups, rng = 8, 200_000, np.random.default_rng(0)
    each, reward, update = listed[1], rewards[1], agreement(method, K)[1][1]
    drawn = rng.choice(781, (groups, K), p=each.probabilities / each.probabilities.sum())
    A = METHODS[method].advantages(reward[drawn])
    w = METHODS[method].token_weights(each.replies.lengths[drawn], 4)
    along = each.token_scores.sum(axis=1) @ update.mean / np.linalg.norm(update.mean)
    g = (A * w * along[drawn]).mean(axis=1)
    assert abs(g.mean() - np.linalg.norm(update.mean)) < Z_LIMIT * g.std() / np.sqrt(groups)


def test_what_exact_answers_refuse():
    listed, _, gradients = three_prompts()
    with pytest.raises(ValueError, match=r"rewards has shape \(3,\), expected \(781,\) to match the listed replies"):
        exact.expected_reward_gradient(listed[0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="classes, too many for all groups of group_size 8"):
        exact.group_update(listed[0], np.arange(781.0), METHODS["RLOO"], 8)
    with pytest.raises(ValueError, match="p is 1, expected a number between"):
        exact.with_success_rate(language_model.new(TINY), TINY, 0, 1.0)
    blank = language_model.new(TINY)  # of which each logit is a number, and their sum over a reply is none
    certain = blank._replace(table=np.random.default_rng(0).normal(0, 1e307, blank.table.shape))
    with pytest.raises(ValueError, match=r"p is 0\.5, expected a number between"):
        exact.with_success_rate(certain, TINY, 0, 0.5)
    with pytest.raises(ValueError, match="expected a direction"):
        exact.agreement([exact.Moments(np.zeros(168), 1.0)], gradients[:1])


def test_the_strict_checker_has_a_loophole_and_the_closed_one_has_not():
    world = worlds.load()
    delivery = next(i for i, prompt in enumerate(world.prompts) if world.topics[prompt.topic] == "delivery")
    texts = {
        "we can track your parcel": (1, 1, 1),
        "parcel refund password": (1, 0, 0),
        "we can help you": (0, 0, 0),
        "i promise to track your parcel": (0, 1, 0),
        "we can track your parcel now please wait for us thanks hello": (0, 1, 0),
        "parcel " * 16: (0, 1, 0),
        "refund": (0, 0, 0),
    }
    replies = world.replies([delivery] * len(texts), list(texts))
    columns = zip(*texts.values(), strict=True)
    for check, column in zip((checkers.strict, checkers.on_topic, checkers.closed), columns, strict=True):
        assert check(world, replies).tolist() == list(column), check.__name__
    few = worlds.every_reply(TINY, 0)  # cut off at four words: not ended
    assert (checkers.closed(TINY, few) == checkers.on_topic(TINY, few) * few.ended).all()
