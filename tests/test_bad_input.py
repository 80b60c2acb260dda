"""Bad input is refused by name, and no NaN leaves a public function silently."""

import inspect
from functools import partial

import numpy as np
import pytest
from refusals import bad

from course_utils import mdp, objectives, policy, returns, worlds

INF, NAN = np.inf, np.nan
RNG = np.random.default_rng(0)
T, N = 3, 2  # steps and actions of the good examples below
Z, A, ONES, DISCOUNTS, LOG_PROBS = np.zeros((T, N)), np.array([0, 1, 0]), np.ones(T), np.full(T, 0.9), np.full(T, -0.5)

GOOD = {}


def good(function, /, **arguments):
    """A good call, with every argument."""
    GOOD[function] = arguments


STEPS = {"logits": Z, "actions": A}
RECORD = {"rewards": ONES, "discounts": DISCOUNTS, "values": np.ones(T + 1)}
TEXTS = {"log_probs": LOG_PROBS, "ref_log_probs": np.full(T, -0.7)}
for function in (policy.softmax, policy.log_softmax):
    good(function, logits=Z, temperature=1.0)
for function in (policy.log_prob, policy.score):
    good(function, **STEPS)
good(policy.entropy, logits=Z)
good(policy.kl_divergence, p_logits=Z, q_logits=np.ones((T, N)))
good(policy.sample, logits=Z, rng=RNG, temperature=1.0)
good(returns.discounted_returns, rewards=ONES, discounts=DISCOUNTS, bootstrap=1.0)
good(returns.reward_to_go, rewards=ONES)
good(returns.td_errors, **RECORD)
good(returns.gae, **RECORD | {"discounts": 0.9}, lambda_=0.5)
good(returns.whiten, advantages=np.arange(T * 1.0), mask=np.array([1.0, 0.0, 1.0]))
good(objectives.advantage_objective, **STEPS, advantages=ONES, weights=ONES)
good(objectives.tabular_advantage_objective, logits=Z, states=np.arange(T), actions=A, advantages=ONES)
good(objectives.linear_advantage_objective, parameters=Z, features=np.ones((T, T)), actions=A, advantages=ONES)
good(objectives.expected_advantage_objective, logits=Z, advantages=np.ones((T, N)))
good(objectives.a2c_loss, **STEPS, **RECORD, lambda_=0.9, value_cost=0.5, entropy_cost=0.01)
good(objectives.ppo_clip_objective, **STEPS, old_log_probs=LOG_PROBS, advantages=ONES, epsilon=0.2, weights=ONES)
good(objectives.kl_estimates, **TEXTS)
good(objectives.kl_penalised_rewards, **TEXTS, rewards=ONES, beta=0.3)
good(objectives.kl_penalty, logits=Z, ref_logits=np.ones((T, N)), weights=ONES)
good(objectives.bradley_terry_loss, chosen=ONES, rejected=np.zeros(T))
LOGS = dict.fromkeys(("chosen", "rejected", "ref_chosen", "ref_rejected"), LOG_PROBS)
good(objectives.dpo_loss, **LOGS, beta=0.3)
MDP = {"transitions": np.full((2, N, 2), 0.5), "rewards": np.ones((2, N)), "start": np.array([1.0, 0.0])}
MDP |= {"discount": 0.9, "horizon": 3, "terminal_states": (), "features": np.ones((2, N, 1))}
good(mdp.TabularMDP, **MDP, state_names=("here", "there"), action_names=("left", "right"))
good(worlds.three_action_state, rewards=np.ones(3))
good(worlds.geometric_mdp, discount=0.9, horizon=3)
good(worlds.token_mdp, vocabulary=N, length=2, rewards=np.ones((N, 2)))
good(worlds.short_corridor)
PROBLEM = worlds.geometric_mdp(0.9, horizon=3)
for name in ["state_values", "action_values", "advantages", "performance", "visits", "policy_gradient"]:
    GOOD[getattr(PROBLEM, name)] = {"logits": np.zeros((2, N))}
    GOOD[getattr(worlds.geometric_mdp(), name)] = {"logits": np.zeros((2, N))}
GOOD[PROBLEM.enumerate_trajectories] = {"logits": np.zeros((2, N)), "limit": 100}

# the arguments that are real numbers, and those of them that are arrays in every call
REALS = {name for call in GOOD.values() for name, good in call.items() if np.asarray(good).dtype.kind == "f"}
REALS -= {"mask", "terminal_states"}  # a mask may be of Booleans, an empty list is of no kind
SCALARS = {name for call in GOOD.values() for name, good in call.items() if isinstance(good, float)}
ARRAYS = REALS - SCALARS
BROADCAST = {"discounts", "bootstrap", "weights"}  # a scalar is fine there


def label(function):
    return f"{function.__module__}.{getattr(function, '__qualname__', function)}"


def arguments(calls, is_so):
    """The functions of these calls, each with an argument of which it is so."""
    chosen = [
        (function, name) for function, call in calls.items() for name in call if is_so(function, name, call[name])
    ]
    return [pytest.param(function, name, id=f"{label(function)}-{name}") for function, name in chosen]


def arguments_named(names):
    return arguments(GOOD, lambda function, name, good: name in names)


def refused(function, error, *parts, **changes):
    """Require an error whose message contains all parts."""
    with pytest.raises(error) as caught:
        function(**GOOD[function] | changes)
    for part in parts:
        assert str(part) in str(caught.value)


def poisoned(good, value):
    """The good argument with its last entry replaced."""
    array = np.array(good, dtype=np.float64)
    array[(-1,) * array.ndim] = value
    return array


# The same for every function


@pytest.mark.parametrize(("function", "name"), arguments_named(REALS))
def test_nan_and_infinity_are_refused(function, name):
    good = GOOD[function][name]
    refused(function, ValueError, name, "nan", "finite", **{name: poisoned(good, NAN)})
    refused(function, ValueError, name, "inf", "finite", **{name: poisoned(good, INF)})
    if not name.endswith("logits"):
        refused(function, ValueError, name, "-inf", "finite", **{name: poisoned(good, -INF)})


@pytest.mark.parametrize(("function", "name"), arguments_named(REALS))
def test_other_kinds_of_data_are_refused(function, name):
    good = np.asarray(GOOD[function][name])
    for dtype in (bool, complex, object, str):
        refused(function, TypeError, name, "dtype", "expected real numbers", **{name: good.astype(dtype)})
    refused(function, TypeError, name, "expected real numbers", **{name: 10**400})
    if inspect.signature(function).parameters[name].default is not None:
        refused(function, TypeError, name, "expected real numbers", **{name: None})


@pytest.mark.parametrize(("function", "name"), arguments_named(REALS))
def test_empty_and_ragged_arrays_are_refused(function, name):
    refused(function, ValueError, name, "empty", "(0,)", **{name: []})
    refused(function, ValueError, name, "rectangular", **{name: [[1.0], [1.0, 2.0]]})


@pytest.mark.long
@pytest.mark.parametrize(("function", "name"), arguments_named(ARRAYS))
def test_wrong_shapes_are_refused(function, name):
    good = np.asarray(GOOD[function][name])
    agreeing = (ARRAYS | {"actions"}) & set(GOOD[function]) - {name}
    if agreeing or inspect.ismethod(function):
        bad(ValueError, r"has shape .*expected", function, **GOOD[function] | {name: good[:, None]})
    if name not in BROADCAST:
        refused(function, ValueError, name, "shape ()", **{name: 1.0})


@pytest.mark.parametrize(("function", "name"), arguments_named({"logits", "p_logits", "q_logits"}))
def test_a_row_without_any_allowed_action_is_refused(function, name):
    logits = np.zeros_like(GOOD[function][name])
    logits[1] = -INF
    refused(function, ValueError, f"{name}[1]", "-inf for every action", **{name: logits})


@pytest.mark.parametrize(("function", "name"), arguments_named({"actions"}))
def test_bad_actions_are_refused(function, name):
    refused(function, ValueError, "actions[2] is 2", "an action from 0 to 1", actions=[0, 1, 2])
    refused(function, ValueError, "actions[0] is -1", "an action from 0 to 1", actions=[-1, 1, 0])
    refused(function, TypeError, "actions has dtype float64", "expected integers", actions=[0.0, 1.0, 0.0])
    refused(function, TypeError, "actions has dtype bool", actions=[True, False, True])
    refused(function, ValueError, "actions has shape (2,), expected (3,)", actions=[0, 1])
    refused(function, ValueError, "actions has shape (3, 1), expected (3,)", actions=[[0], [1], [0]])
    refused(function, ValueError, "actions is empty", actions=[])
    refused(function, ValueError, "actions[1] is 18446744073709551615", actions=np.uint64([0, 2**64 - 1, 0]))


@pytest.mark.parametrize(("function", "name"), arguments_named({"temperature"}))
def test_bad_temperatures_are_refused(function, name):
    for value in (0.0, -1.0, -1e-300):
        refused(function, ValueError, f"temperature is {value}, expected a positive number", temperature=value)
    refused(function, ValueError, "temperature", "expected a positive number", temperature=[1.0, 2.0])
    refused(function, ValueError, "temperature", logits=np.zeros(2, np.float32), temperature=1e-60)
    refused(function, ValueError, "logits", "temperature", logits=[0.0, 1e10], temperature=1e-300)


@pytest.mark.parametrize(("function", "name"), arguments_named({"discounts", "lambda_", "discount"}))
def test_numbers_outside_the_unit_interval_are_refused(function, name):
    refused(function, ValueError, f"{name} is 1.1, expected a number in [0, 1]", **{name: 1.1})
    refused(function, ValueError, f"{name} is -0.1, expected a number in [0, 1]", **{name: -0.1})
    if name == "discounts":
        refused(function, ValueError, "discounts[1] is 2.0", discounts=[1.0, 2.0, 1.0])
        refused(function, ValueError, "discounts has shape (2,), expected a scalar or (3,)", discounts=[1.0, 1.0])


@pytest.mark.parametrize(("function", "name"), arguments_named({"values"}))
def test_values_need_one_entry_more_than_rewards(function, name):
    refused(function, ValueError, "values has shape (3,), expected (4,)", "bootstrap", values=np.ones(T))
    refused(function, ValueError, "values has shape (1, 4), expected (4,)", values=np.ones((1, T + 1)))


# One by one


def test_the_actions_of_forbidden_logits_cannot_be_scored():
    logits = [[0.0, 0.0], [0.0, -INF], [0.0, 0.0]]
    for function in (policy.score, objectives.advantage_objective, objectives.a2c_loss):
        refused(function, ValueError, "actions[1] is 1, expected an action that logits allow", logits=logits)


def test_logits_too_far_apart_are_refused():
    far = [[0.0, 0.0], [1e308, -1e308], [0.0, 0.0]]
    refused(policy.log_softmax, ValueError, "logits[1, 1] is -1e+308", "float64", logits=far)
    refused(policy.kl_divergence, ValueError, "q_logits[1, 1]", q_logits=far)
    refused(policy.softmax, ValueError, "float32", logits=np.float32([3e38, -3e38]))


def test_rng_must_be_a_generator():
    for rng in (0, None, np.random.RandomState(0), np.random):
        refused(policy.sample, TypeError, "rng is", "expected numpy.random.Generator", rng=rng)


def test_shapes_are_named_with_what_they_must_match():
    four, told = np.ones(4), "advantages has shape (4,), expected (3,) to match actions"
    refused(objectives.advantage_objective, ValueError, told, advantages=four)
    refused(objectives.advantage_objective, ValueError, "weights has shape (4,)", weights=four)
    refused(objectives.a2c_loss, ValueError, "rewards has shape (4,), expected (3,)", rewards=np.ones(4))
    refused(returns.discounted_returns, ValueError, "bootstrap has shape (3,), expected a scalar", bootstrap=[1.0] * 3)
    refused(policy.kl_divergence, ValueError, "q_logits has shape (3,), expected (3, 2)", q_logits=np.zeros(3))


@pytest.mark.parametrize("name", ["value_cost", "entropy_cost"])
def test_costs_are_not_negative(name):
    refused(objectives.a2c_loss, ValueError, f"{name} is -0.5, expected a number of at least 0", **{name: -0.5})
    refused(objectives.a2c_loss, ValueError, f"{name} has shape (1,), expected a single number", **{name: [0.5]})


def test_overflow_is_an_error():
    huge = np.full(T, 1e308)
    refused(returns.discounted_returns, ValueError, "rewards", "overflow float64", rewards=huge)
    refused(returns.reward_to_go, ValueError, "rewards overflow float64", rewards=huge)
    refused(returns.reward_to_go, ValueError, "rewards overflow float32", rewards=np.full(T, 3e38, np.float32))
    refused(returns.td_errors, ValueError, "rewards", "overflow", rewards=huge, values=[-1e308, 1e308, 0, 0])
    refused(returns.gae, ValueError, "rewards", "overflow", rewards=huge, discounts=1.0, lambda_=1.0)
    refused(objectives.advantage_objective, ValueError, "advantages", "overflow", advantages=huge, weights=huge)
    refused(objectives.expected_advantage_objective, ValueError, "overflow", advantages=np.full((T, N), 1e308))
    refused(objectives.a2c_loss, ValueError, "rewards", "value_cost", rewards=np.full(T, 1e200))
    refused(objectives.a2c_loss, ValueError, "rewards", "overflow", rewards=np.full(T, 1.7e308), lambda_=0)
    single = {"rewards": np.ones(T, np.float32), "discounts": 1}
    refused(returns.discounted_returns, ValueError, "bootstrap", "fits float32", bootstrap=1e300, **single)
    problem = worlds.three_action_state([1e308, -1e308, 0.0])
    bad(ValueError, "rewards, logits overflow float64", problem.advantages, [[800.0, 0.0, 0.0], [0.0, 0.0, 0.0]])


def test_bad_mdps_are_refused():
    bad = partial(refused, mdp.TabularMDP, ValueError)
    half = np.full((2, N, 2), 0.5)
    bad("sum over the last axis of transitions[0, 0] is 0.8", transitions=half * 0.8)
    bad("transitions[0, 0, 0] is -0.5, expected a number in [0, 1]", transitions=half * [-1.0, 3.0])
    bad("transitions has shape (2, 2, 3), expected (S, A, S)", transitions=np.ones((2, N, 3)) / 3)
    bad("rewards has shape (2, 3), expected (2, 2)", rewards=np.ones((2, 3)))
    bad("sum over the last axis of start is 0.5", start=[0.5, 0.0])
    bad("start has shape (3,), expected (2,)", start=[1.0, 0.0, 0.0])
    bad("horizon is 0, expected a whole number of at least 1", horizon=0)
    refused(mdp.TabularMDP, TypeError, "horizon is 2.0", horizon=2.0)
    refused(mdp.TabularMDP, TypeError, "horizon is True", horizon=True)
    bad("discount is 1, horizon is None", "reached from state 0", discount=1.0, horizon=None)
    bad("terminal_states[0] is 2, expected a state from 0 to 1", terminal_states=[2])
    bad("terminal_states has shape (), expected a list", terminal_states=1)
    bad("terminal_states is", "rectangular", terminal_states=[[1], [1, 0]])
    refused(mdp.TabularMDP, TypeError, "terminal_states has dtype float64", terminal_states=[1.0])
    refused(mdp.TabularMDP, TypeError, "terminal_states has dtype bool", terminal_states=[False, True])
    bad("terminal state 1, expected a loop with reward 0", terminal_states=[1])
    ends = np.array([[[0.0, 1.0]] * N, [[0.0, 1.0]] * N])
    bad("terminal state 1, expected a loop", transitions=ends, terminal_states=[1])
    quiet = [[1.0, 1.0], [0.0, 0.0]]
    bad("start[1] is 1.0", transitions=ends, rewards=quiet, terminal_states=[1], start=[0.0, 1.0])
    bad("state_names has 1 entries, expected 2", state_names=["here"])
    refused(mdp.TabularMDP, TypeError, "action_names is 'ab'", action_names="ab")
    refused(mdp.TabularMDP, TypeError, "action_names is [0, 1]", action_names=[0, 1])
    refused(mdp.TabularMDP, TypeError, "state_names is 2", state_names=2)


@pytest.mark.parametrize(
    ("stay", "message"),
    [
        ([0.0, -INF], "discount is 1, horizon is None, and under these logits"),
        ([1000.0, 0.0], "discount is 1, horizon is None, and under these logits"),  # π_stop rounds to 0
        ([740.0, 0.0], "logits overflow float64"),  # V = exp(740)
    ],
)
def test_policies_that_never_end_and_values_that_are_too_large_are_refused(stay, message):
    problem = worlds.geometric_mdp()
    for method in (problem.state_values, problem.performance, problem.visits, problem.policy_gradient):
        bad(ValueError, message, method, [stay, [0.0, 0.0]])


def test_policies_that_all_but_never_end_are_refused():
    transitions = np.zeros((3, 2, 3))  # to and fro between 0 and 1; action 1 ends
    transitions[0, 0, 1] = transitions[1, 0, 0] = transitions[2, :, 2] = 1.0
    transitions[:2, 1, 2] = 1.0
    problem = mdp.TabularMDP(transitions, [[1.0, 0.0]] * 2 + [[0.0, 0.0]], [1.0, 0, 0], terminal_states=[2])
    bad(ValueError, "all but endless", problem.state_values, [[35.0, 0.0]] * 3)
    assert problem.performance([[5.0, 0.0]] * 3) == pytest.approx(np.exp(5.0))


def test_logits_of_another_mdp_are_refused():
    with pytest.raises(ValueError, match=r"logits has shape \(2, 3\), expected \(2, 2\) to match the MDP's"):
        PROBLEM.state_values(np.zeros((2, 3)))
    refused(PROBLEM.enumerate_trajectories, ValueError, "limit is 0", limit=0)
    refused(PROBLEM.enumerate_trajectories, TypeError, "limit is 1.5", limit=1.5)
