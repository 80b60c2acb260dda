"""DPO on a run's pairs, and the best of n: what they climb, what they log, what they cannot see."""

import numpy as np
import pytest
import tiny_world

from course_utils.rlhf import dpo, evaluation, language_model, reward_model, run
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig

WORLD = worlds.load()
SHORT = RunConfig(demonstrations=300, sft_epochs=2, pairs=100)


@pytest.fixture
def small(tmp_path):
    """A tiny world, a random reference, and pairs of it."""
    world = tiny_world.load(tmp_path)
    reference = tiny_world.random_model(world, 0)
    rng = np.random.default_rng(1)
    first, second = reward_model.sample_pairs(reference, world, 30, rng)
    return world, reference, reward_model.label(world, first, second, rng)


def test_training_begins_at_the_reference_and_logs_by_definition(small):
    world, reference, pairs = small
    trained = dpo.train(world, pairs, reference, beta=0.7, epochs=2, learning_rate=0.05, batch_size=8)
    first, _, last = trained.rows
    assert set(first) == set(dpo.METRICS)
    assert (first["loss"], first["rewards/margins"], first["rewards/accuracies"]) == (pytest.approx(np.log(2)), 0, 0)
    pi, ref = (
        [language_model.log_probs(model, world, side).sum(axis=1) for side in pairs]
        for model in (trained.model, reference)
    )
    chosen, rejected = (0.7 * (p - r) for p, r in zip(pi, ref, strict=True))
    assert last["rewards/chosen"] == pytest.approx(chosen.mean())
    assert last["rewards/rejected"] == pytest.approx(rejected.mean())
    assert last["rewards/margins"] == pytest.approx((chosen - rejected).mean())
    assert last["rewards/accuracies"] == np.mean(chosen > rejected)
    assert last["logps/chosen"] == pytest.approx(pi[0].mean())
    assert last["logps/rejected"] == pytest.approx(pi[1].mean())
    assert last["loss"] == pytest.approx(np.log1p(np.exp(rejected - chosen)).mean())
    assert last["loss"] < first["loss"]
    for row, model in zip(trained.rows, trained.models, strict=True):
        assert dpo.measure(world, pairs, model, reference, beta=0.7) == row
    assert trained.rows == dpo.train(world, pairs, reference, beta=0.7, epochs=2, learning_rate=0.05, batch_size=8).rows


def test_the_first_step_goes_downhill_in_every_parameter(small):
    """Adam's first step is the sign of the gradient: here of all pairs, by differences of the loss."""
    world, reference, pairs = small
    step = dpo.train(world, pairs, reference, epochs=1, learning_rate=1e-9, batch_size=30).model
    theta = language_model.pack(reference)
    moved = np.sign(np.round((language_model.pack(step) - theta) / 1e-9, 3))
    for i in np.random.default_rng(2).choice(np.flatnonzero(moved), 20, replace=False):
        unit = 1e-4 * (np.arange(theta.size) == i)
        up, down = (
            dpo.measure(world, pairs, language_model.unpack(theta + sign * unit, reference), reference)["loss"]
            for sign in (1, -1)
        )
        assert np.sign(down - up) == moved[i]


@pytest.fixture(params=[range(1), pytest.param(range(10), marks=pytest.mark.slow)], ids=["1 seed", "10 seeds"])
def seeds(request):
    return request.param


@pytest.mark.long
def test_more_epochs_over_optimise_and_the_accuracy_does_not_show_it(seeds):
    for seed in seeds:
        log = run.begin(RunConfig(), seed)
        fresh = reward_model.sample_pairs(log.reference, WORLD, 1000, np.random.default_rng([seed, 7]))
        held_out = log.config.label(WORLD, fresh, np.random.default_rng([seed, 8]))
        rows, gold, kl, accuracy = {}, {}, {}, {}
        for epochs in (3, 10):
            trained = dpo.train(WORLD, log.state.pairs, log.reference, epochs=epochs)
            seen = evaluation.evaluate(log, model=trained.model, replies=1000)
            rows[epochs], gold[epochs], kl[epochs] = trained.rows, seen.gold, seen.kl
            accuracy[epochs] = dpo.measure(WORLD, held_out, trained.model, log.reference)["rewards/accuracies"]
        assert gold[3] > evaluation.evaluate(log, model=log.reference, replies=1000).gold + 0.5
        assert gold[10] < gold[3] - 0.5
        assert kl[10] > 5 * kl[3]
        assert rows[10][-1]["rewards/accuracies"] > rows[3][-1]["rewards/accuracies"]
        assert accuracy[10] > accuracy[3] - 0.04  # on fresh pairs of the reference, where gold has fallen
        assert rows[10][-1]["logps/chosen"] < rows[10][0]["logps/chosen"] - 2  # chosen replies become less probable
        assert rows[10][-1]["loss"] < rows[3][-1]["loss"]


def test_bad_arguments_of_dpo_are_named(small):
    world, reference, pairs = small
    for options, message in [
        ({"beta": 0.0}, "beta is 0.0, expected a positive number"),
        ({"epochs": 0}, "epochs is 0, expected"),
        ({"batch_size": 0}, "batch_size is 0, expected"),
        ({"learning_rate": 1e308}, "learning_rate, beta overflow"),
    ]:
        with pytest.raises(ValueError, match=message):
            dpo.train(world, pairs, reference, **options)
