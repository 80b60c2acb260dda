"""Nothing that is handed out can change another's result: the same seed gives the same log, whatever was edited."""

import dataclasses
import pickle
from collections.abc import Mapping

import numpy as np
import pytest
import tiny_world

from course_utils.rlhf import evaluation, reward_model
from course_utils.rlhf import run as rlhf
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.widgets.clip_lab import ClipLab
from course_utils.widgets.preference_lab import PreferenceLab
from course_utils.widgets.quiz import Quiz, schema
from course_utils.widgets.rlhf_lab import RlhfLab
from course_utils.worlds import three_action_state

CONFIG = RunConfig(demonstrations=40, sft_epochs=1, pairs=20, batch_size=4, updates=2, relabel_every=1)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return tiny_world.load(tmp_path_factory.mktemp("world"))


def spoil(value, seen):
    """Edit in place everything that can be reached and edited; return how many arrays refused, and how many did not."""
    if id(value) in seen or isinstance(value, (str, bytes, int, float, type(None))):
        return np.zeros(2, dtype=int)
    seen[id(value)] = value
    count = np.zeros(2, dtype=int)
    if isinstance(value, np.ndarray):
        try:
            value[...] = 1
        except ValueError:
            return np.array([1, 0])
        return np.array([0, 1])
    if dataclasses.is_dataclass(value):
        return sum((spoil(getattr(value, field.name), seen) for field in dataclasses.fields(value)), count)
    if isinstance(value, Mapping):
        count = sum((spoil(part, seen) for part in value.values()), count)
        if isinstance(value, dict):
            value.update(dict.fromkeys(value, 1))
        return count
    if isinstance(value, list):
        count = sum((spoil(part, seen) for part in value), count)
        value[:] = [1] * len(value)
        return count
    return sum((spoil(part, seen) for part in value), count) if isinstance(value, tuple) else count


def same(one, two):
    return one.rows == two.rows and one.samples == two.samples and np.array_equal(one.state.critic, two.state.critic)


@pytest.mark.parametrize(
    "reached",
    [
        lambda log: log,
        lambda log: log.model,
        lambda log: log.reference,
        lambda log: log.state.reward_model,
        lambda log: log.world,
        lambda log: rlhf.prepare(CONFIG, 3, log.world),
        lambda log: rlhf.begin(CONFIG, 3, world=log.world),
        lambda log: evaluation.evaluate(log, replies=10),
        lambda log: rlhf.relabel(log, 5),
    ],
)
def test_editing_what_a_run_hands_out_changes_no_other_run(world, reached):
    before = rlhf.run(CONFIG, 3, world=world, progress=False)
    score = reward_model.reward_score(before.state.reward_model, world, evaluation.evaluate(before, replies=10).replies)
    spoil(reached(rlhf.run(CONFIG, 3, world=world, progress=False)), {})
    after = rlhf.run(CONFIG, 3, world=world, progress=False)
    assert same(after, before)
    assert np.array_equal(
        score,
        reward_model.reward_score(after.state.reward_model, world, evaluation.evaluate(after, replies=10).replies),
    )


def test_the_arrays_of_a_log_are_read_only_or_copies(world):
    log = rlhf.run(CONFIG, 3, world=world, progress=False)
    refused, edited = spoil(log, {})
    assert refused >= 20
    assert not edited
    for array in (*log.model, *log.reference, log.state.reward_model.weights, world.topic_of):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1
    for mapping in (world.tags, world.gold_weights, world.rules, world.indices):
        with pytest.raises(TypeError):
            mapping["polite"] = 1


def test_what_on_update_does_to_its_log_changes_nothing(world):
    wanted = rlhf.run(CONFIG, 3, world=world, progress=False)
    got = rlhf.run(CONFIG, 3, world=world, progress=False, on_update=lambda log: spoil(log, {}))
    assert same(got, wanted)


def test_what_the_user_gave_stays_the_users(world):
    pairs = reward_model.Pairs(world.replies([0, 1], ["send refund", ""]), world.replies([0, 1], ["", "sorry"]))
    weights = np.ones(len(reward_model.feature_names(world)))
    model = reward_model.RewardModel("log", weights)
    said = world.replies([0], ["send refund"])
    before = reward_model.reward_score(model, world, said)
    log = rlhf.run(CONFIG, 3, world=world, pairs=pairs, progress=False)
    weights[:] = 5.0
    spoil(pairs, {})
    assert reward_model.reward_score(model, world, said) == before
    assert same(log, rlhf.resume(rlhf.begin(CONFIG, 3, world=world, pairs=log.start.pairs), 2, progress=False))


def test_tables_of_an_mdp_are_copies():
    rewards = np.array([1.0, 2.0, 3.0])
    problem = three_action_state(rewards)
    before = problem.performance(np.zeros((2, 3)))
    rewards[:] = 9.0
    spoil(problem, {})
    spoil(problem.enumerate_trajectories(np.zeros((2, 3))), {})
    assert problem.performance(np.zeros((2, 3))) == before


@pytest.mark.long
def test_labs_share_nothing_that_can_be_edited():
    for make, read in [
        (RlhfLab, lambda lab: lab.world),
        (PreferenceLab, lambda lab: (lab.material, lab.held_out(), lab.rater_choices())),
        (lambda: Quiz("01"), lambda lab: lab.library),
        (ClipLab, lambda lab: (lab.run(), lab.ratios(), lab.kl())),
    ]:
        first = repr(read(make()))
        spoil(read(make()), {})
        assert repr(read(make())) == first
    spoil(schema(), {})
    assert schema()["type"] == "object"


def test_models_and_worlds_come_out_of_another_process_read_only(world):
    log = pickle.loads(pickle.dumps(rlhf.run(CONFIG, 3, world=world, progress=False)))
    for array in (log.state.reward_model.weights, log.world.topic_of, log.world.tags["polite"]):
        assert not array.flags.writeable
    assert log.world == world


def test_equal_worlds_share_what_is_cached_and_no_others_do(world):
    kinder = dataclasses.replace(world, gold_weights={**world.gold_weights, "polite": 9.0})
    config = dataclasses.replace(CONFIG, reward="gold")
    usual, other = (rlhf.run(config, 3, world=w, progress=False) for w in (world, kinder))
    assert not np.array_equal(usual["ours/gold"], other["ours/gold"])
    assert not np.array_equal(usual.start.pairs.chosen.tokens, other.start.pairs.chosen.tokens)
    assert all(np.isfinite(array).all() for array in usual.model)
    assert worlds.load() is not worlds.load()
