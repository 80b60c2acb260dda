"""Training against longhand arithmetic on the same episodes, and whole runs.

Means of independent evaluations stay within 8 estimated standard errors of the exact value but with probability below
1e-11 (see test_rollout.py). The tests of whole runs on FrozenLake and CartPole say their own rates.
"""

import os
import signal
import sys
import threading
import time
import types

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from refusals import bad
from small_mdps import dense_mdp, rng, same, within

from course_utils import mdp, returns, rollout, training, worlds


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def episodes_of(record, discount):
    """Each episode as a list of steps (state, action, reward), with the state after it if it was truncated."""
    for i in range(len(record.actions)):
        n = int(record.mask[i].sum())
        steps = [(record.states[i, t], record.actions[i, t], record.rewards[i, t]) for t in range(n)]
        yield steps, (record.states[i, n] if record.truncated[i] else None)


# Optimisers


def test_sgd_goes_up():
    assert_allclose(training.SGD(0.5).step([1.0, -2.0], [2.0, 4.0]), [2.0, 0.0], rtol=1e-15)


def test_adam_equals_its_longhand():
    a, b1, b2, eps = 0.1, 0.8, 0.95, 1e-3
    adam = training.Adam(a, b1, b2, eps)
    theta, wanted, m, v = np.array([1.0, -1.0]), [1.0, -1.0], [0.0, 0.0], [0.0, 0.0]
    for k, gradient in enumerate(rng().normal(size=(6, 2)), start=1):
        theta = adam.step(theta, gradient)
        for i in range(2):
            m[i] = b1 * m[i] + (1 - b1) * gradient[i]
            v[i] = b2 * v[i] + (1 - b2) * gradient[i] ** 2
            wanted[i] += a * (m[i] / (1 - b1**k)) / ((v[i] / (1 - b2**k)) ** 0.5 + eps)
        assert_allclose(theta, wanted, rtol=1e-13)


def test_a_fresh_adam_has_forgotten_and_runs_do_not_share_one():
    adam = training.Adam(0.1)
    first = adam.step([0.0], [1.0])
    adam.step(first, [-3.0])
    assert_array_equal(adam.fresh().step([0.0], [1.0]), first)
    one, two = (small_run(optimizer=adam, value_optimizer=adam).parameters for _ in range(2))
    assert_array_equal(one, two)


# One update


@pytest.mark.parametrize("discount_steps", [True, False])
@pytest.mark.parametrize("baseline", training.BASELINES)
def test_one_update_of_reinforce_equals_its_longhand(baseline, discount_steps):
    problem, gamma, m = dense_mdp(), 0.9, 7
    theta, w = rng(1).normal(size=(3, 2)), np.array([0.3, -0.4, 5.0])
    critic = {"value_parameters": w, "value_optimizer": training.SGD(0.1)} if baseline == "value" else {}
    got = training.reinforce(
        problem, theta, updates=1, episodes=m, optimizer=training.SGD(1.0), rng=rng(2), baseline=baseline,
        discount_steps=discount_steps, max_steps=3, **critic,
    )  # fmt: skip
    record = rollout.from_mdp(problem, theta, m, rng(2), max_steps=3)
    assert record.truncated.any()
    assert not record.truncated.all()
    runs = list(episodes_of(record, gamma))
    togo = [[sum(gamma ** (k - t) * steps[k][2] for k in range(t, len(steps))) for t in range(len(steps))]
            for steps, _ in runs]  # fmt: skip
    gradient, value_gradient, squares = np.zeros((3, 2)), np.zeros(3), []
    for i, (steps, cut) in enumerate(runs):
        for t, (s, a, _) in enumerate(steps):
            others = [togo[j][t] if t < len(togo[j]) else 0.0 for j in range(m)]
            weight = togo[i][t]
            if baseline == "batch mean":
                weight -= sum(others) / m
            elif baseline == "leave one out":
                weight -= (sum(others) - togo[i][t]) / (m - 1)
            elif baseline == "value":
                weight -= w[s] - (0.0 if cut is None else gamma ** (len(steps) - t) * w[cut])
                value_gradient[s] += weight / m
                squares.append(weight**2)
            factor = gamma**t if discount_steps else 1.0
            gradient[s] += factor * weight * (np.eye(2)[a] - softmax(theta[s])) / m
    assert_allclose(got.parameters - theta, gradient, atol=1e-12)
    assert_allclose(got.history.gradient_norms, [np.sqrt((gradient**2).sum())], rtol=1e-12)
    whole = [row[0] for row in togo]
    assert_allclose(got.history.returns, [np.mean(whole)], rtol=1e-12)
    assert_allclose(got.history.return_errors, [np.std(whole, ddof=1) / np.sqrt(m)], rtol=1e-12)
    if baseline == "value":
        assert_allclose(got.value_parameters - w, 0.1 * value_gradient, atol=1e-12)
        assert_allclose(got.history.value_errors, [np.sqrt(np.mean(squares))], rtol=1e-12)
    else:
        assert got.value_parameters is None
        assert np.isnan(got.history.value_errors).all()


@pytest.mark.parametrize("whiten", [False, True])
def test_one_update_of_a2c_equals_its_longhand(whiten):
    problem, gamma, lambda_, cost, m = dense_mdp(), 0.9, 0.7, 0.3, 6
    theta, w = rng(1).normal(size=(3, 2)), np.array([0.3, -0.4, 5.0])
    got = training.a2c(
        problem, theta, updates=1, episodes=m, optimizer=training.SGD(1.0), value_optimizer=training.SGD(0.1),
        rng=rng(5), value_parameters=w, lambda_=lambda_, entropy_cost=cost, whiten=whiten, max_steps=3,
    )  # fmt: skip
    record = rollout.from_mdp(problem, theta, m, rng(5), max_steps=3)
    assert 0 < record.truncated.sum() < m
    steps_of_all, entropies = [], []
    for steps, cut in episodes_of(record, gamma):
        following = [w[s] for s, _, _ in steps[1:]] + [0.0 if cut is None else w[cut]]
        delta = [r + gamma * v - w[s] for (s, _, r), v in zip(steps, following, strict=True)]
        for t, (s, a, _) in enumerate(steps):
            steps_of_all.append((s, a, sum((gamma * lambda_) ** k * d for k, d in enumerate(delta[t:]))))
    every = [advantage for _, _, advantage in steps_of_all]
    gradient, value_gradient = np.zeros((3, 2)), np.zeros(3)
    for s, a, advantage in steps_of_all:
        value_gradient[s] += advantage / m
        weight = (advantage - np.mean(every)) / np.std(every) if whiten else advantage
        pi = softmax(theta[s])
        entropy = -sum(p * np.log(p) for p in pi)
        entropies.append(entropy)
        gradient[s] += (weight * (np.eye(2)[a] - pi) - cost * pi * (np.log(pi) + entropy)) / m
    assert_allclose(got.parameters - theta, gradient, atol=1e-12)
    assert_allclose(got.value_parameters - w, 0.1 * value_gradient, atol=1e-12)
    assert_allclose(got.history.entropies, [np.mean(entropies)], rtol=1e-12)
    assert_allclose(got.history.value_errors, [np.sqrt(np.mean(np.square(every)))], rtol=1e-12)


def test_shared_features_turn_the_gradient_by_the_chain_rule():
    x = rng(8).normal(size=(3, 2, 4))
    problem, theta = dense_mdp(features=x), rng(9).normal(size=4)
    settings = {"updates": 1, "episodes": 50, "optimizer": training.SGD(1.0)}
    shared = training.reinforce(problem, theta, rng=rng(1), **settings).parameters - theta
    table = training.reinforce(problem, x @ theta, rng=rng(1), **settings).parameters - x @ theta
    wanted = [sum(table[s, a] * x[s, a, i] for s in range(3) for a in range(2)) for i in range(4)]
    assert_allclose(shared, wanted, atol=1e-12)


def test_one_hot_features_are_a_table():
    problem, settings = dense_mdp(), {"updates": 4, "episodes": 20, "lambda_": 0.5, "entropy_cost": 0.1}
    settings |= {"optimizer": training.Adam(0.3), "value_optimizer": training.SGD(0.2)}
    theta, w = rng(1).normal(size=(3, 2)), [1.0, 2.0, 3.0]
    table = training.a2c(problem, theta, rng=rng(2), value_parameters=w, **settings)
    linear = training.a2c(problem, theta, rng=rng(2), value_parameters=w, features=lambda s: np.eye(3)[s], **settings)
    for got, wanted in zip(linear[:2] + linear.history, table[:2] + table.history, strict=True):
        assert_allclose(got, wanted, rtol=1e-10)


# Whole runs


@pytest.mark.long
def test_training_raises_the_exact_performance():
    problem = worlds.token_mdp()
    zero = np.zeros(problem.rewards.shape)
    for baseline in ("none", "batch mean", "leave one out"):
        got = training.reinforce(
            problem, zero, updates=60, episodes=50, optimizer=training.Adam(0.2), rng=rng(1), baseline=baseline
        )
        assert problem.performance(got.parameters) > 1.8 > 2 * problem.performance(zero)
        assert len(got.history.returns) == got.updates_done == 60
        assert not got.interrupted
        assert_array_equal(got.history.lengths, np.full(60, 3.0))


# Fresh episodes


@pytest.mark.long
def test_the_confidence_interval_covers_the_exact_value_in_95_percent():
    problem = worlds.token_mdp()
    theta = rng(1).normal(size=problem.rewards.shape)
    exact, n, generator = problem.performance(theta), 1_200, rng(2)
    got = [training.evaluate(problem, theta, episodes=40, rng=generator) for _ in range(n)]
    covered = np.mean([e.low <= exact <= e.high for e in got])
    # Returns from 0 to 2 are not normal: 0.01 for that, and 6 standard errors (false alarm 2e-9).
    assert abs(covered - 0.95) <= 0.01 + 6 * np.sqrt(0.95 * 0.05 / n)
    within([e.mean for e in got], exact)


def test_an_evaluation_is_longhand_arithmetic_on_fresh_episodes():
    problem, theta = dense_mdp(), rng(1).normal(size=(3, 2))
    generator = rng(2)
    trained = training.reinforce(problem, theta, updates=1, episodes=10, optimizer=training.SGD(1e-9), rng=generator)
    got = training.evaluate(problem, trained.parameters, episodes=10, rng=generator)
    record = rollout.from_mdp(problem, theta, 10, rng(2))
    seen = returns.discounted_returns(record.rewards, record.discounts)[:, 0]
    assert_allclose(trained.history.returns, seen.mean(), rtol=1e-12)
    assert not np.isclose(got.mean, seen.mean())
    assert_allclose(got.mean, sum(got.returns) / 10, rtol=1e-12)
    error = (sum((r - got.mean) ** 2 for r in got.returns) / 9 / 10) ** 0.5
    assert_allclose(got.standard_error, error, rtol=1e-12)
    assert_allclose([got.low, got.high], [got.mean - 2.262157 * error, got.mean + 2.262157 * error], rtol=1e-6)


def test_greedy_evaluation_takes_the_best_action():
    problem = worlds.three_action_state((1.0, 0.25, -1.0))
    theta = [[0.1, 0.0, 0.05], [0.0, 0.0, 0.0]]
    assert_array_equal(training.evaluate(problem, theta, episodes=20, rng=rng(), greedy=True).returns, np.ones(20))
    assert training.evaluate(problem, theta, episodes=20, rng=rng()).mean < 1


# Stopping


def small_run(**changes):
    settings = {"updates": 20, "episodes": 5, "optimizer": training.Adam(0.1), "value_optimizer": training.Adam(0.1)}
    return training.a2c(dense_mdp(), np.zeros((3, 2)), rng=rng(1), **settings | changes)


def test_an_interrupt_keeps_what_was_learned(capsys):
    def stop(update, parameters, value_parameters, history):
        assert len(history.returns) == update
        if update == 3:
            raise KeyboardInterrupt

    got, wanted = small_run(on_update=stop), small_run(updates=3)
    assert (got.updates_done, got.interrupted, wanted.interrupted) == (3, True, False)
    same(got[:2] + got.history, wanted[:2] + wanted.history)
    assert capsys.readouterr().out == "Interrupted after update 3 of 20: what was learned until then is kept.\n"


@pytest.mark.long
@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals need the main thread")
def test_a_real_interrupt_in_the_middle_keeps_what_was_learned():
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        got = small_run(updates=10**6)
    finally:
        timer.join()
    assert got.interrupted
    assert 0 < got.updates_done < 10**6
    again = small_run(updates=got.updates_done)
    same(got[:2] + got.history, again[:2] + again.history)


def test_parameters_that_are_not_finite_stop_the_run_by_name():
    settings = {"updates": 9, "episodes": 3, "rng": rng()}
    steep = worlds.three_action_state((1e3, -1e3, 0.0))
    with pytest.raises(FloatingPointError, match=r"update 1: .*overflow.*smaller step size"):
        training.reinforce(steep, np.zeros((2, 3)), optimizer=training.SGD(1e308), **settings)
    with pytest.raises(FloatingPointError, match=r"update 1: the differences of the parameters are not finite"):
        training.reinforce(steep, [[8e307, 8e307, -9e307], [0.0] * 3], optimizer=training.SGD(1e305), **settings)
    with pytest.raises(FloatingPointError, match=r"update 2: the logits, .* are not finite.*smaller step size"):
        training.a2c(
            worlds.token_mdp(), np.zeros((22, 4)), features=lambda s: 1e10 * np.eye(22)[s],
            optimizer=training.SGD(1e292), value_optimizer=training.SGD(1e-30), **settings,
        )  # fmt: skip
    bad(FloatingPointError, r"update [2-9]: .*smaller step size", small_run, value_optimizer=training.SGD(1e200))


def test_the_bar_is_silent_where_nobody_watches_and_shown_in_jupyterlab(monkeypatch, capfd):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    small_run()
    assert capfd.readouterr() == ("", "")
    stub = types.ModuleType("IPython.display")
    outputs = []
    stub.display = lambda data, **_: (
        outputs.append(data) or types.SimpleNamespace(update=lambda d, raw: outputs.append(d))
    )
    monkeypatch.setitem(sys.modules, "IPython.display", stub)
    monkeypatch.setenv("JPY_SESSION_NAME", "lesson.ipynb")
    small_run()
    assert "/20 [" in outputs[1]["text/plain"]
    assert outputs[0] == outputs[-1] == {}, "what stays in the notebook shows nothing"
    assert {key for data in outputs for key in data} == {"text/plain"}, "a widget is lost the next day"
    assert capfd.readouterr() == ("", "")
    seen = len(outputs)
    small_run(progress=False)
    assert len(outputs) == seen


# Bad input


def test_bad_input_to_optimisers():
    bad(ValueError, "step_size is 0, expected a positive number", training.SGD, 0)
    bad(ValueError, "step_size is nan", training.Adam, np.nan)
    bad(TypeError, "step_size has dtype", training.SGD, "small")
    bad(ValueError, "beta1 is 1, expected a number below 1", training.Adam, 0.1, 1)
    bad(ValueError, r"beta2 is 1.5, expected a number in \[0, 1\]", training.Adam, 0.1, 0.9, 1.5)
    bad(ValueError, "epsilon is 0", training.Adam, 0.1, epsilon=0)
    for optimizer in (training.SGD(0.1), training.Adam(0.1)):
        bad(ValueError, r"gradient has shape \(3,\), expected \(2,\)", optimizer.step, np.zeros(2), np.zeros(3))
        bad(ValueError, r"gradient\[1\] is nan", optimizer.step, np.zeros(2), [0.0, np.nan])
        bad(ValueError, "gradient.* overflow", optimizer.step, [1.7e308], [1.7e308])
    adam = training.Adam(0.1)
    adam.step([0.0], [1.0])
    bad(ValueError, r"gradient has shape \(2,\), expected \(1,\).*fresh", adam.step, np.zeros(2), np.zeros(2))


STEP = {"updates": 1, "optimizer": training.SGD(0.1)}
CRITIC = {"value_optimizer": training.SGD(0.1)}
REFUSED = [
    (TypeError, "env is str, expected course_utils.mdp.TabularMDP or", {"env": "CartPole-v1"}),
    (ValueError, r"parameters has shape \(2, 2\), expected \(3, 2\)", {"parameters": np.zeros((2, 2))}),
    (ValueError, "the MDP has no features", {"parameters": np.zeros(4)}),
    (ValueError, r"parameters\[0, 0\] is nan", {"parameters": np.full((3, 2), np.nan)}),
    (TypeError, "features is ndarray, expected a function", {"features": np.eye(3)}),
    (ValueError, r"features gives \(3, 5\) for 3 observations", {"features": lambda s: np.zeros((len(s), 5))}),
    (ValueError, "episodes is 0", {"episodes": 0}),
    (TypeError, "rng is int", {"rng": 0}),
    (ValueError, "max_steps is 0", {"max_steps": 0}),
]
OF_A_TRAINING = [
    (TypeError, "optimizer is 0.1, expected SGD", {"optimizer": 0.1}),
    (ValueError, "discount is 0.5, but the MDP has its own", {"discount": 0.5}),
    (ValueError, "updates is 0", {"updates": 0}),
]
OF_REINFORCE = [
    (ValueError, "baseline is 'mean', expected one of 'none'", {"baseline": "mean"}),
    (TypeError, "value_optimizer is None", {"baseline": "value"}),
    (ValueError, "baseline is 'none', which learns no values", CRITIC),
    (ValueError, "episodes is 1.*at least 2", {"baseline": "leave one out", "episodes": 1}),
]
OF_A2C = [
    (TypeError, "value_optimizer is None", {"value_optimizer": None}),
    (ValueError, r"lambda_ is 2", {"lambda_": 2}),
    (ValueError, r"entropy_cost is -1", {"entropy_cost": -1}),
    (ValueError, r"value_parameters has shape \(2,\), expected \(3,\)", {"value_parameters": [0.0, 0.0]}),
]


@pytest.mark.parametrize(
    ("function", "settings", "refused"),
    [
        (training.reinforce, STEP, REFUSED + OF_A_TRAINING + OF_REINFORCE),
        (training.a2c, STEP | CRITIC, REFUSED + OF_A_TRAINING + OF_A2C),
        (training.evaluate, {}, REFUSED),
    ],
)
def test_bad_input_to_training_and_evaluation(function, settings, refused):
    good = settings | {"env": dense_mdp(), "parameters": np.zeros((3, 2)), "episodes": 3, "rng": rng()}
    for error, text, changes in refused:
        bad(error, text, function, **good | changes)
    good |= {"env": rollout.make_vec("CartPole-v1", 2), "parameters": np.zeros((4, 2))}
    bad(ValueError, "logits is a table, but observations", function, **good)
    bad(ValueError, "max_steps cuts off.*make_vec", function, **good, max_steps=5)


# Whole problems, and how long they take. The times are processor time, and the limits 5 times those of the docstring,
# because a busy machine is slow in processor time too.


FROZEN_LAKE = {
    "updates": 12, "episodes": 128, "optimizer": training.Adam(1.0), "value_optimizer": training.Adam(0.3),
    "whiten": True, "max_steps": 50,
}  # fmt: skip


@pytest.mark.long
def test_frozen_lake_is_solved():
    # 60 of 60 seeds succeeded, so a seed fails with probability at most 0.05 (95 % confidence); that 5 of 8 fail has
    # then a probability below 2e-5.
    lake = mdp.from_gymnasium("FrozenLake-v1", discount=0.95, is_slippery=False)
    score = mdp.from_gymnasium("FrozenLake-v1", is_slippery=False)  # undiscounted: R(τ) is 1 at the goal
    successes, seconds = [], []
    for seed in range(8):
        generator, start = rng(seed), time.process_time()
        got = training.a2c(lake, np.zeros((16, 4)), rng=generator, **FROZEN_LAKE)
        seconds.append(time.process_time() - start)
        successes.append(training.evaluate(score, got.parameters, episodes=200, rng=generator, max_steps=100).mean)
    assert np.median(successes) >= 0.9
    assert np.median(seconds) < 0.5


def scaled(observations):
    return observations / np.array([2.4, 2.0, 0.21, 2.0])


CART_POLE = {
    "updates": 25, "episodes": 16, "optimizer": training.Adam(0.2), "value_optimizer": training.Adam(0.5),
    "lambda_": 0.98, "whiten": True, "discount": 0.99, "features": scaled,
}  # fmt: skip


@pytest.mark.long
def test_cart_pole_is_balanced():
    # 24 of 24 seeds succeeded, so a seed fails with probability at most 0.12 (95 % confidence); that both of 2 fail has
    # then a probability below 0.015 (the seeds are fixed, so this matters only with another Gymnasium or NumPy).
    means, seconds = [], []
    for seed in range(2):
        generator, start = rng(seed), time.process_time()
        envs, fresh = rollout.make_vec("CartPole-v1", 16, max_steps=200), rollout.make_vec("CartPole-v1", 100)
        got = training.a2c(envs, np.zeros((4, 2)), rng=generator, **CART_POLE)
        evaluation = training.evaluate(fresh, got.parameters, episodes=100, rng=generator, features=scaled)
        seconds.append(time.process_time() - start)
        means.append(evaluation.mean)
        assert (got.history.lengths * 16).sum() < 100_000
        assert evaluation.returns.max() > 200  # not cut off as in training
    assert max(means) >= 195
    assert min(seconds) < 10


@pytest.mark.parametrize("error", [KeyError, SystemExit])
@pytest.mark.parametrize("function", [training.reinforce, training.a2c])
def test_an_error_after_the_first_update_keeps_what_was_learned(function, error):
    problem, settings = dense_mdp(), {"episodes": 3, "optimizer": training.SGD(0.1), "max_steps": 9}
    settings |= {"value_optimizer": training.SGD(0.1)} | ({} if function is training.a2c else {"baseline": "value"})

    def stop(update, *given):
        for array in given[:2]:
            array[:] = 77.0  # what on_update does with its arrays is its own affair
        if update == 3:
            raise error("mine")

    with pytest.raises(error, match="mine") as caught:
        function(problem, np.zeros((3, 2)), updates=9, rng=rng(), on_update=stop, **settings)
    kept, wanted = caught.value.trained, function(problem, np.zeros((3, 2)), updates=3, rng=rng(), **settings)
    assert kept.updates_done == 3
    same(kept[:2] + kept.history, wanted[:2] + wanted.history)
    assert caught.value.__notes__[0].startswith("After update 3: what was learned until then is this error's attribute")
    with pytest.raises(KeyError, match="mine") as caught:
        function(problem, np.zeros((3, 2)), updates=9, rng=rng(), on_update=lambda *_: {}["mine"], **settings)
    assert caught.value.trained.updates_done == 1


def test_a_policy_that_no_longer_ends_its_episodes_stops_the_run_with_what_it_learned(monkeypatch):
    monkeypatch.setattr(rollout, "LONGEST_EPISODE", 2000)
    settings = {"updates": 500, "episodes": 4, "optimizer": training.SGD(0.1), "rng": rng()}
    with pytest.raises(rollout.EndlessEpisodeError, match=r"not ended after 2000 steps: expected max_steps") as caught:
        training.reinforce(worlds.short_corridor(), np.zeros(2), **settings)
    assert caught.value.trained.updates_done >= 1
    assert "After update" in caught.value.__notes__[0]


def test_what_is_guilty_of_an_overflow_is_named():
    settings = {"updates": 2, "episodes": 3, "optimizer": training.SGD(0.1), "rng": rng()}
    costly = settings | {"value_optimizer": training.SGD(0.1), "max_steps": 5, "entropy_cost": 1e308}
    logits = [[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]]
    with pytest.raises(FloatingPointError, match=r"update 1: .*Try a smaller entropy_cost \(it is 1e\+308\)\.$"):
        training.a2c(dense_mdp(), logits, **costly)
    huge = worlds.three_action_state((1.7e308, -1.7e308, 1.7e308))
    with pytest.raises(FloatingPointError, match=r"update 1: ") as caught:
        training.reinforce(huge, np.zeros((2, 3)), baseline="leave one out", **settings)
    assert "step size" not in str(caught.value), "no step was taken yet"


@pytest.mark.parametrize("brackets", [training.SGD, training.Adam])
@pytest.mark.parametrize("name", ["optimizer", "value_optimizer"])
def test_an_optimizer_without_its_brackets_is_refused(brackets, name):
    told = rf"^{name} is <class '.*'>, expected SGD\(step_size\) or Adam"
    bad(TypeError, told, small_run, **{name: brackets})


@pytest.mark.parametrize("answer", [None, "text", np.zeros(7), 0.5, np.ma.zeros((3, 2)), np.zeros((3, 2), complex)])
@pytest.mark.parametrize("name", ["optimizer", "value_optimizer"])
def test_an_optimizer_that_returns_no_parameters_is_named(answer, name):
    class Own:
        def step(self, parameters, gradient):
            return answer

        def fresh(self):
            return self

    bad(TypeError, rf"\b{name} returns .*expected", small_run, **{name: Own()})


def test_an_optimizer_that_changes_what_it_returned_changes_no_parameters():
    class InPlace:
        def step(self, parameters, gradient):
            self.own = getattr(self, "own", parameters.copy())
            self.own += 0.1 * gradient
            return self.own

        def fresh(self):
            return InPlace()

    got, usual = (small_run(updates=3, optimizer=how).parameters for how in (InPlace(), training.SGD(0.1)))
    np.testing.assert_allclose(got, usual, rtol=1e-12)
