"""The training lab: the same numbers however it is called, and every end in words."""

import asyncio
import os
import signal
from functools import partial
from itertools import count

import numpy as np
import pytest
from event_loop import in_the_background, wait_until
from refusals import bad

from course_utils import rollout, training
from course_utils.widgets import TrainingLab, kernel_lab, offline
from course_utils.widgets import lab as lab_files
from course_utils.widgets import training_lab as module
from course_utils.worlds import frozen_lake

pytestmark = pytest.mark.usefixtures("own_event_loop")


def same(one, other):
    """Say whether two labs have learned the same, to the last bit, by the same episodes."""
    kept = ((x.parameters.tolist(), x.value_parameters.tolist(), x.history().returns.tolist()) for x in (one, other))
    return next(kept) == next(kept)


@pytest.fixture(scope="module")
def cart():
    lab = TrainingLab("CartPole")
    lab.train(3)
    return lab


@pytest.mark.long
@pytest.mark.parametrize(("environment", "updates"), [("FrozenLake", 20), ("CartPole", 3)])
def test_two_halves_are_one_whole(environment, updates):
    halves, whole, other = (TrainingLab(environment, seed=seed) for seed in (0, 0, 1))
    halves.train(updates)
    halves.evaluate(4)  # fresh episodes do not disturb training
    halves.train(updates)
    whole.train(2 * updates)
    other.train(2 * updates)
    assert same(halves, whole)
    assert halves.cart == whole.cart
    assert not np.array_equal(other.parameters, whole.parameters)
    whole.reset()
    assert not whole.parameters.any()
    assert (whole.updates, whole.steps, whole.batch_returns, whole.evaluated_at) == (0, 0, [], [])
    whole.train(updates)
    halves.reset(seed=0)
    halves.train(updates)
    assert same(halves, whole)


@pytest.mark.parametrize("critic", [True, False])
def test_it_is_a2c_and_nothing_else(critic):
    """The same run by one call of the package; without a critic, A2C with λ = 1 and V = 0 is REINFORCE."""
    a2c = {"entropy_cost": 0.02, "lambda_": 0.9} if critic else {"entropy_cost": 0.0}
    lab = TrainingLab(critic=critic, step_size=0.07, seed=3, **a2c)
    lab.train(12)
    run = {"env": frozen_lake(horizon=module.STEP_LIMIT), "parameters": np.zeros((16, 4)), "updates": 12, "episodes": 8}
    run |= {"optimizer": training.Adam(0.07), "rng": np.random.default_rng([3, 0]), "progress": False}
    if critic:
        wanted = training.a2c(**run, **a2c, value_optimizer=training.Adam(0.1))
        assert np.array_equal(lab.value_parameters, wanted.value_parameters)
    else:
        wanted = training.reinforce(**run)
        assert not lab.value_parameters.any()
    np.testing.assert_allclose(lab.parameters, wanted.parameters, atol=1e-12)
    assert np.array_equal(lab.history().returns, wanted.history.returns)


@pytest.mark.long
def test_a_setting_counts_from_the_next_update_on():
    lab, unchanged = TrainingLab(), TrainingLab()
    lab.train(30)
    before, lab.step_size = lab.parameters, 0.001
    lab.train(1)
    unchanged.train(31)
    moved, usual = lab.parameters - before, unchanged.parameters - before
    assert usual.any()
    np.testing.assert_allclose(moved, usual / 50, atol=1e-12)
    lab.critic = False
    judged = lab.value_parameters
    lab.train(1)
    assert np.array_equal(lab.value_parameters, judged), "switched off, it waits as it was"


@pytest.mark.long
def test_the_lake_is_learned_in_a_few_dozen_updates():
    """With 8 episodes a batch, 90 % took 58 to 85 updates over 20 seeds: 200 are ample for any seed."""
    lab = TrainingLab()
    assert lab.performance() == pytest.approx(0.0139, abs=5e-4)
    lab.train(200)
    assert lab.performance() > 0.9
    fresh = lab.evaluate(400)
    assert abs(fresh.mean - lab.performance()) < 5 * np.sqrt(lab.performance() * (1 - lab.performance()) / 400)
    assert (lab.evaluated_at, lab.evaluated_over, lab.evaluated_mean) == ([200.0], [400.0], [fresh.mean])
    assert not np.array_equal(fresh.returns, lab.evaluate(400).returns), "fresh ones each time"


@pytest.mark.long
def test_the_exact_line_is_the_oracles_and_dots_scatter_about_it():
    lab = TrainingLab(seed=5)
    assert len(lab.exact) == 1
    lab.train(110)  # every fourth of 200
    assert (len(lab.batch_returns), len(lab.exact)) == (28, 29)
    again = TrainingLab(seed=5)
    again.train(80)
    assert lab.exact[20] == pytest.approx(again.performance(), abs=1e-12), "J after 80 updates"
    assert lab.batch_returns[20] == lab.history().returns[80], "the batch drawn at that policy"
    spread = np.array(lab._exact[:-1])
    z = (lab.history().returns - spread).sum() / np.sqrt((spread * (1 - spread) / 8).sum())
    assert abs(z) < 5
    assert [kernel_lab.budget(n) for n in (0, 50, 51, 110, 400, 401)] == [50, 50, 100, 200, 400, 800]


def test_the_replay_is_an_episode_of_the_policy(cart):
    rng = np.random.default_rng([0, 2, 3])
    envs = rollout.make_vec("CartPole-v1", 1)
    record = rollout.from_gymnasium(envs, lambda o: module.cart_features(o) @ cart.parameters, 1, rng)
    envs.close()
    length = record.actions.shape[1]
    assert cart.replay_length == length
    assert cart.pole[-1] == pytest.approx(record.states[0, -1, 2], abs=1e-6)
    assert cart.cart[1] == pytest.approx(record.states[0, module.frame_stride(length), 0], abs=1e-6)
    for length in range(1, 501):
        assert len(range(0, length, module.frame_stride(length))) + 1 <= module.FRAMES


def test_in_the_background_until_it_is_paused():
    lab = in_the_background(TrainingLab, lambda lab: lab.updates >= 10, lambda lab: lab.set_trait("running", False))
    trained = TrainingLab()
    trained.train(lab.updates)
    assert same(lab, trained), "the same path as train()"
    assert lab.message == ""


def test_the_page_is_heard():
    async def scenario():
        lab, heard = TrainingLab(), []
        lab.send = heard.append
        for wish in ("hear", "update", "no such thing", 3):
            lab._on_message(lab, {"wish": wish}, [])
        lab._on_message(lab, "nonsense", [])
        await wait_until(lambda: lab.updates == 1)
        assert heard == [{"heard": "hear"}, {"heard": "update"}]
        for wish, done in (
            ("train", lambda: lab.updates > 3),
            ("reset", lambda: lab._task.done() and (lab.updates, lab.running) == (0, False)),  # in mid-run it stops it
            ("train", lambda: lab.updates > 3),
            ("pause", lambda: lab._task.done()),
            ("evaluate", lambda: len(lab.evaluated_at) == 1),
            ("new seed", lambda: (lab.seed, lab.updates) == (1, 0)),
            ("CartPole", lambda: lab.environment == "CartPole"),
        ):
            lab._on_message(lab, {"wish": wish}, [])
            await wait_until(done)
        assert (lab.step_size, lab.lambda_, lab.policy, len(lab.pole) > 1) == (0.1, 0.99, [], True)

    asyncio.run(scenario())


def broken_after(monkeypatch, updates, error):
    """Let a2c fail after so many updates."""
    a2c, calls = training.a2c, count()

    def failing(*args, **kwargs):
        if next(calls) >= updates:
            raise error
        return a2c(*args, **kwargs)

    monkeypatch.setattr(training, "a2c", failing)


@pytest.mark.long
def test_an_error_ends_in_words_and_nothing_is_lost(monkeypatch):
    broken_after(monkeypatch, 7, FloatingPointError("update 1: the gradient is not finite. Try a smaller step size."))

    lab, again = in_the_background(TrainingLab, lambda lab: not lab.running), TrainingLab()
    told = "Training stopped: update 8: the gradient is not finite. Try a smaller step size."
    assert lab.message == told
    assert lab.updates == len(lab.history().returns) == 7
    monkeypatch.undo()
    again.train(7)
    kept = lab.parameters
    assert same(lab, again)
    assert lab._rng.random() == again._rng.random()
    broken_after(monkeypatch, 0, FloatingPointError("update 1: the gradient is not finite. Try a smaller step size."))
    lab._loop = None
    bad(FloatingPointError, "update 8: the gradient", lab.train, 5)
    assert lab.parameters is kept
    assert lab.message == told
    monkeypatch.setattr(training, "a2c", lambda *_, **__: 1 / 0)
    lab._on_message(lab, {"wish": "update"}, [])
    assert lab.message == "Training stopped: division by zero."
    assert len(kernel_lab.told(ValueError("x" * 500))) == 160
    assert "LONGEST_TEXT = 160;" in (lab_files.HERE / "offline.js").read_text(), "what a stored notebook may hold"


def test_an_interrupt_ends_in_words_and_nothing_is_lost(capsys):
    handler = signal.getsignal(signal.SIGINT)

    interrupt = partial(os.kill, os.getpid(), signal.SIGINT)
    lab = in_the_background(TrainingLab, lambda lab: lab.updates >= 5, lambda _: interrupt())
    assert lab.message == f"Interrupted after update {lab.updates}. What was learned until then is kept."
    assert signal.getsignal(signal.SIGINT) is handler
    done, update = lab.updates, lab._update

    def interrupted():
        update()
        interrupt()

    lab._update = interrupted
    lab.train(50)
    assert lab.updates == done + 1
    assert capsys.readouterr().out.strip() == lab.message
    assert signal.getsignal(signal.SIGINT) is handler


def test_without_an_event_loop_it_says_what_to_call():
    lab = TrainingLab()
    lab.running = True
    assert not lab.running
    assert lab.message == kernel_lab.NO_LOOP


def test_wrong_numbers_of_updates_and_episodes(cart):
    for wrong, error in ((0, ValueError), (1.5, TypeError), (True, TypeError)):
        bad(error, "updates", cart.train, wrong)
        bad(error, "episodes", cart.evaluate, wrong)
    assert cart.updates == 3
    bad(ValueError, "CartPole, expected FrozenLake", cart.performance)
    bad(ValueError, "CartPole, expected FrozenLake", cart.probabilities)


@pytest.mark.long
def test_what_viewers_without_widgets_get(cart):
    lab = TrainingLab(seed=1)
    assert lab.world["map"] == "SFFFFHFHFFFHHFFG"
    lab.train(60)
    lab.evaluate()
    for one in (lab, cart):
        assert one.line() in repr(one)
        assert len(one.first_frame()) < 70_000
        state = offline.stored(one)["state"]
        assert max(len(value) for value in state.values() if isinstance(value, list)) <= 100
        assert state["updates"] == one.updates
    assert "One fresh episode lasted" in repr(cart)
