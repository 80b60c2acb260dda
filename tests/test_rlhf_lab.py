"""The RLHF lab: it is PPO and nothing else, however it is called, and every end is told in words."""

import asyncio
import dataclasses

import numpy as np
import pytest
from event_loop import in_the_background, wait_until
from refusals import bad
from traitlets import TraitError

from course_utils.rlhf import language_model, ppo, reward_model
from course_utils.rlhf import run as rlhf
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.reward_model import Pairs
from course_utils.widgets import RlhfLab, kernel_lab, offline
from course_utils.widgets import rlhf_lab as module

pytestmark = pytest.mark.usefixtures("own_event_loop")
WORLD = worlds.load()


@pytest.fixture(scope="module")
def lab():
    """A run without a penalty, with the axes after every other update."""
    lab = RlhfLab(kl_coef=0.0, show_gold=True)
    lab.all_axes = [lab.axes]
    for _ in range(25):
        lab.train(2)
        lab.all_axes.append(lab.axes)
    return lab


def same(one, other):
    """Say whether two runs are the same to the last bit."""
    kept = ((x.state.parameters.tolist(), x.state.critic.tolist(), x.state.random, x.rows) for x in (one, other))
    return next(kept) == next(kept)


@pytest.mark.long
def test_two_halves_are_one_whole_and_that_is_ppo():
    lab = RlhfLab(kl_coef=0.1, learning_rate=0.05, num_ppo_epochs=2, clip=False, feature_kind="count", seed=1)
    lab.train(4)
    first = lab.evaluate(50)  # fresh replies do not disturb the run
    assert not np.array_equal(first.replies.tokens, lab.evaluate(50).replies.tokens), "fresh ones each time"
    lab.train(3)
    config = RunConfig(kl_coef=0.1, learning_rate=0.05, num_ppo_epochs=2, cliprange=None, feature_kind="count")
    whole = rlhf.run(dataclasses.replace(config, updates=7), 1, progress=False)
    assert same(lab.log, whole)
    assert dataclasses.replace(lab.log.config, updates=7) == whole.config
    lab.reset()
    assert (lab.updates, lab.scores, lab.line()) == (0, [], "No update yet.")
    lab.train(7)
    assert same(lab.log, whole)
    assert lab.evaluate(50).gold != first.gold


@pytest.mark.long
def test_settings_count_from_the_next_update_on():
    lab, config = RlhfLab(), RunConfig(kl_coef=3.0, learning_rate=0.2, num_ppo_epochs=2, cliprange=None)
    lab.train(2)
    lab.kl_coef, lab.learning_rate, lab.num_ppo_epochs, lab.clip = 3.0, 0.2, 2, False
    lab.train(2)
    before = rlhf.run(RunConfig(updates=2), 0, progress=False)
    assert same(lab.log, rlhf.resume(before, 2, config=config, progress=False))


@pytest.mark.long
def test_other_features_or_another_seed_start_anew():
    lab = RlhfLab(kl_coef=0.2)
    lab.train(2)
    lab.feature_kind = "presence"
    assert (lab.updates, lab.log.start.reward_model.kind, lab.kl_coef) == (0, "presence", 0.2)
    lab.train(1)
    lab.reset(seed=1)
    assert (lab.updates, lab.seed, lab.log.seed) == (0, 1, 1)
    lab.seed, lab.feature_kind = 0, "log"
    lab.train(2)
    assert same(lab.log, rlhf.run(RunConfig(kl_coef=0.2, updates=2), 0, progress=False))


def test_the_run_before_stays_as_a_ghost_and_changes_are_marked():
    lab = RlhfLab()
    lab.kl_coef = 0.5
    lab.train(1)
    assert (lab.before, lab.changes) == ("", []), "what was set before the first update is no change"
    lab.kl_coef, lab.clip = 0.1, False
    lab.train(2)
    assert (lab.changed_at, lab.changes) == ([1], ["β 0.5 → 0.1, clip 0.2 → off"])
    first = lab.log
    lab.reset(seed=3)
    lab.reset()  # a run without an update is none
    assert lab.before == "seed 0, β 0.1, learning rate 0.02, epochs 4, clip off, log features"
    assert (lab.before_updates, lab.changed_at, lab.scores) == (3, [], [])
    rows = module.shown_rows(3)
    for trait, name in zip(("scores", "lengths", "kl", "approxkl"), module.PANELS, strict=True):
        assert getattr(lab, f"before_{trait}") == first[name][rows].tolist()
    assert lab.axes[1] >= max(lab.before_scores)
    assert module.shown_rows(150, 90)[:3] == module.shown_rows(90, 150)[:3] == [0, 4, 8], "at the same updates"


@pytest.mark.long
def test_the_picture_is_the_log(lab):
    log, rows = lab.log, module.shown_rows(50)
    assert rows == [*range(0, 50, 2), 49]
    for trait, name in zip(("scores", "lengths", "kl", "approxkl", "gold"), (*module.PANELS, "ours/gold"), strict=True):
        assert getattr(lab, trait) == log[name][rows].tolist(), name
    assert lab.line_numbers == [log.rows[-1][name] for name in module.LINE]
    assert module.shown_rows(0) == []
    for n in (1, 2, 99, 100, 101, 12_345):
        assert len(module.shown_rows(n)) <= kernel_lab.POINTS + 1
        assert module.shown_rows(n)[-1] == n - 1


@pytest.mark.long
def test_replies_are_samples_that_change_only_with_the_policy(lab):
    fresh = RlhfLab()
    assert fresh.replies == fresh.first_replies == lab.first_replies
    assert fresh.reply_scores == lab.first_scores
    fresh._show()
    assert fresh.replies == lab.first_replies
    said = WORLD.replies(list(module.PROMPTS), lab.replies)
    np.testing.assert_allclose(lab.reply_scores, reward_model.reward_score(lab.log.start.reward_model, WORLD, said))
    np.testing.assert_allclose(lab.reply_gold, worlds.gold_reward(WORLD, said).total)
    assert all(len(reply.split()) == WORLD.max_tokens for reply in lab.replies), "β = 0: word salad up to the cap"
    assert min(lab.reply_scores) > max(lab.first_scores)
    assert max(lab.reply_gold) < min(lab.first_gold)
    assert {prompt["mood"] for prompt in lab.world["prompts"]} == {"calm", "angry"}
    assert len({WORLD.topic_of[i] for i in module.PROMPTS}) == 3


def test_axes_hold_the_curves_and_never_shrink(lab):
    axes = lab.all_axes
    lows, highs = np.array(axes)[:, ::2], np.array(axes)[:, 1::2]
    assert (np.diff(lows, axis=0) <= 0).all()
    assert (np.diff(highs, axis=0) >= 0).all()
    assert len({tuple(row) for row in axes}) < 15, "in steps, not with every update"
    held = [lab.scores, [*lab.scores, *lab.gold], lab.kl, lab.approxkl]
    slack = 1e-9  # the first KL is 0 up to rounding
    assert all(low - slack <= min(x) and max(x) <= high for x, low, high in zip(held, lows[-1], highs[-1], strict=True))
    assert (lows[-1, 2:] == 0).all()
    assert (np.maximum(-lows, highs)[:, :2] <= 5.01 * np.minimum(-lows, highs)[:, :2]).all(), "0 has room for its label"
    assert [module.nice(x) for x in (0.01, 0.011, 0.3, 1.0, 4.9, 5.1, 20, 86)] == [0.01, 0.02, 0.5, 1, 5, 10, 20, 100]


def test_an_axis_from_0_reaches_below_it_for_a_negative_sampled_kl_and_not_for_rounding():
    assert module.from_0(np.array([]), 1.0) == (0.0, 1.0)
    assert module.from_0(np.array([-2.7e-17, 0.4]), 1.0) == (0.0, 1.0)
    assert module.from_0(np.array([-0.03, 7.0]), 1.0) == (-2.0, 10.0), "0 has room for its label"
    assert module.from_0(np.array([-0.3, -0.2]), 0.01) == (-0.5, 0.01)


def test_numbers_have_three_digits():
    known = {0.0: "0", 1e-12: "0", 0.00242: "0.00242", -0.5: "−0.5", 5.984: "5.98", 1234.5: "1230", 99_999.0: "100000",
             184_000.0: "1.8e+5", 1.5e-5: "1.5e−5", -507.1: "−507", 0.000123: "0.000123"}  # fmt: skip
    assert {x: module.digits(x) for x in known} == known


@pytest.mark.long
def test_in_the_background_until_the_bar_is_full(monkeypatch):
    monkeypatch.setattr(module, "FIRST_RUN", 50)

    monkeypatch.setattr(RlhfLab, "picture_time", 0.0)
    lab = in_the_background(RlhfLab, lambda lab: lab.updates >= 3, lambda lab: lab.set_trait("kl_coef", 0.0))
    assert (lab.updates, lab.running, lab.message) == (50, False, "")
    assert lab._chunk() == 2, "a second run is twice as long, and as long to watch"
    (done,) = lab.changed_at
    half = rlhf.run(RunConfig(updates=int(done)), 0, progress=False)
    assert same(lab.log, rlhf.resume(half, 50 - int(done), config=RunConfig(kl_coef=0.0), progress=False))


@pytest.mark.long
def test_the_page_chooses_features_while_it_runs():
    async def scenario():
        lab, heard = RlhfLab(), []
        lab.send = heard.append
        for wish in ("evaluate", "train"):
            lab._on_message(lab, {"wish": wish}, [])
        await wait_until(lambda: lab.updates > 2)
        lab._on_message(lab, {"wish": "count"}, [])
        await wait_until(lambda: lab.feature_kind == "count")
        await wait_until(lambda: lab.updates > 0)
        lab.running = False
        assert heard == [{"heard": "train"}, {"heard": "count"}]

    asyncio.run(scenario())


@pytest.mark.long
def test_an_error_ends_in_words_and_nothing_is_lost(monkeypatch, capsys):
    climb = ppo.climb

    def broken(config, state, *rest):
        moved, epochs = climb(config, state, *rest)
        return (moved._replace(parameters=moved.parameters * np.nan), epochs) if state.updates == 3 else (moved, epochs)

    monkeypatch.setattr(ppo, "climb", broken)
    lab, told = RlhfLab(), "update 4: the policy's parameters is nan, expected a finite number. Try a smaller learning"
    for _ in range(2):
        bad(rlhf.NonFiniteError, told, lab.train, 5)
        assert lab.message == f"Training stopped: {told}_rate."
    monkeypatch.undo()
    assert same(lab.log, rlhf.run(RunConfig(updates=3), 0, progress=False))
    lab.train(1)
    assert (lab.updates, lab.message) == (4, "")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ppo, "climb", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lab.train(2)
    assert len(lab.log) == 4
    assert "Interrupted" in capsys.readouterr().out


@pytest.fixture
def own():
    """Forty pairs of a person who likes short replies."""
    both = reward_model.sample_pairs(RlhfLab().log.reference, WORLD, 40, np.random.default_rng(3))
    return reward_model.choose(*both, both[0].lengths < both[1].lengths)


@pytest.mark.long
def test_own_pairs_train_the_reward_model(own):
    lab = RlhfLab(pairs=own, kl_coef=0.1)
    lab.train(40)
    assert same(lab.log, rlhf.run(RunConfig(kl_coef=0.1, updates=40), 0, pairs=own, progress=False))
    assert lab.own_pairs == 40
    assert lab.lengths[-1] < lab.lengths[0] - 1
    lab.feature_kind = "rich"
    assert len(lab.log.state.pairs.chosen.prompts) == 40, "they stay"


def test_pairs_that_teach_nothing_are_refused(own, monkeypatch):
    nothing = own.chosen.take(slice(0, 0))
    bad(TraitError, "pairs is str, expected Pairs", RlhfLab, pairs="these")
    bad(TraitError, "pairs is empty, expected one pair", RlhfLab, pairs=Pairs(nothing, nothing))
    equal = Pairs(own.chosen, own.chosen)
    bad(TraitError, "trained on pairs: replies all have the same score", RlhfLab, pairs=equal)
    lab = RlhfLab()
    lab.train(1)

    def refuse(*_, **__):
        raise ValueError("it did not settle")

    monkeypatch.setattr(rlhf, "begin", refuse)
    bad(TraitError, "did not settle", setattr, lab, "feature_kind", "count")
    bad(TraitError, "did not settle", lab.reset, seed=3)
    assert (lab.feature_kind, lab.seed, lab.updates, len(lab.log)) == ("log", 0, 1, 1)


def test_wrong_numbers_of_replies():
    for wrong, error in ((0, ValueError), (1.5, TypeError), (True, TypeError)):
        bad(error, "replies", RlhfLab().evaluate, wrong)


@pytest.mark.long
def test_what_viewers_without_widgets_get(lab):
    frame, gold = lab.first_frame(), module.digits(lab.gold[-1])
    assert lab.line() in repr(lab)
    assert f"objective/kl {module.digits(lab.kl[-1])}, " in repr(lab)
    assert f"the policy now “{lab.replies[2]}”" in repr(lab)
    assert len(frame) < 120_000
    assert f"ours/gold {gold}" in repr(lab)
    lab.show_gold = False
    assert gold not in repr(lab)
    assert frame != lab.first_frame()
    lab.show_gold = True


def test_a_stored_lab_fits_into_a_notebook(lab):
    state = offline.stored(lab)["state"]
    longest = max(WORLD.words[1:], key=len)
    assert len(" ".join([longest] * WORLD.max_tokens)) <= kernel_lab.LONGEST_MESSAGE, "any reply fits"
    assert max(len(value) for value in state.values() if isinstance(value, list)) <= 100
    assert "kernel_lab" not in offline.labs()
    assert offline.labs()["rlhf_lab"] is RlhfLab


@pytest.mark.long
def test_the_sampled_replies_are_the_policys():
    """Over many seeds of the sampler the first word has the policy's distribution: the mean score of SFT's replies."""
    log = RlhfLab().log
    prompts = np.full(4000, module.PROMPTS[0])
    said = language_model.sample(log.model, WORLD, prompts, np.random.default_rng(0)).replies
    scores = reward_model.reward_score(log.state.reward_model, WORLD, said)
    mine = [module._said(dataclasses.replace(log, seed=seed)).scores[0] for seed in range(300)]
    assert abs(np.mean(mine) - scores.mean()) < 4 * scores.std() / np.sqrt(300)
