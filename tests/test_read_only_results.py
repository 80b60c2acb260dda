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
    """Edit in place everything that can be reached and edited; say of each array whether it could be."""
    if id(value) in seen:
        return []
    seen[id(value)] = value
    if isinstance(value, np.ndarray):
        if value.flags.writeable:
            value[...] = 1
        return [value.flags.writeable]
    if dataclasses.is_dataclass(value):
        inside = [getattr(value, field.name) for field in dataclasses.fields(value)]
    else:
        inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    edited = [each for part in [*inside] for each in spoil(part, seen)]
    if isinstance(value, dict):
        value.update(dict.fromkeys(value, 1))
    elif isinstance(value, list):
        value[:] = [1] * len(value)
    return edited


def run(world, **settings):
    return rlhf.run(CONFIG, 3, world=world, progress=False, **settings)


def same(one, two):
    return one.rows == two.rows and one.samples == two.samples and np.array_equal(one.state.critic, two.state.critic)


def scored(log):
    return reward_model.reward_score(log.state.reward_model, log.world, evaluation.evaluate(log, replies=10).replies)


def test_editing_what_a_run_hands_out_changes_no_other_run(world):
    before = run(world)
    score, log = scored(before), run(world)
    handed_out = [log, log.model, log.reference, log.state.reward_model, log.world, rlhf.prepare(CONFIG, 3, log.world)]
    handed_out += [rlhf.begin(CONFIG, 3, world=log.world), evaluation.evaluate(log, replies=10), rlhf.relabel(log, 5)]
    spoil(handed_out, {})
    after = run(world)
    assert same(after, before)
    assert np.array_equal(scored(after), score)


def test_the_arrays_of_a_log_are_read_only_or_copies(world):
    log = run(world)
    edited = spoil(log, {})
    assert len(edited) >= 20
    assert not any(edited)
    for array in (*log.model, *log.reference, log.state.reward_model.weights, world.topic_of):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1
    for mapping in (world.tags, world.gold_weights, world.rules, world.indices):
        with pytest.raises(TypeError):
            mapping["polite"] = 1


def test_what_on_update_does_to_its_log_changes_nothing(world):
    assert same(run(world, on_update=lambda log: spoil(log, {})), run(world))


def test_what_the_user_gave_stays_the_users(world):
    pairs = reward_model.Pairs(world.replies([0, 1], ["send refund", ""]), world.replies([0, 1], ["", "sorry"]))
    weights = np.ones(len(reward_model.feature_names(world)))
    model = reward_model.RewardModel("log", weights)
    said = world.replies([0], ["send refund"])
    before = reward_model.reward_score(model, world, said)
    log = run(world, pairs=pairs)
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
@pytest.mark.parametrize(
    ("make", "read"),
    [
        (RlhfLab, lambda lab: lab.world),
        (PreferenceLab, lambda lab: (lab.material, lab.held_out(), lab.rater_choices())),
        (lambda: Quiz("01"), lambda lab: lab.library),
        (ClipLab, lambda lab: (lab.run(), lab.ratios(), lab.kl())),
        (schema, lambda schema: schema),
    ],
)
def test_labs_and_schemas_share_nothing_that_can_be_edited(make, read):
    first = repr(read(make()))
    spoil(read(make()), {})
    assert repr(read(make())) == first


def test_models_and_worlds_come_out_of_another_process_read_only(world):
    log = pickle.loads(pickle.dumps(run(world)))
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
