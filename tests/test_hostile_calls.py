"""Thousands of calls with hostile arguments: each is answered with finite numbers, or refused in a sentence.

A table has one good call for every public function of the numeric floor and of rlhf. A case replaces one or two of
its arguments by something of another kind, shape, size or convention.
"""

import copy
import dataclasses
import inspect
import signal
import warnings
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import gymnasium
import numpy as np
import pytest
import tiny_world
from test_bad_input import GOOD, arguments, label

from course_utils import estimators, learning_curves, mdp, objectives, policy, returns, rollout, training
from course_utils import group_advantages as group
from course_utils import worlds as worlds_of_lessons
from course_utils.rlhf import checkers, clinic, clinic_cases, config, dpo, evaluation, exact, metrics, ppo, sweep
from course_utils.rlhf import language_model as language
from course_utils.rlhf import reward_model as reward
from course_utils.rlhf import run as rlhf
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig

MODULES = (policy, returns, objectives, mdp, worlds_of_lessons, rollout, estimators, training, learning_curves)
MODULES += (group, worlds, language, reward, config, metrics, ppo, rlhf, evaluation, sweep, checkers, exact, dpo)
MODULES += (clinic, clinic_cases)
SECONDS = 10  # for one call; the slowest good one takes a tenth of one
LONGER = {}
_FOLDER = TemporaryDirectory()
FOLDER = Path(_FOLDER.name)
WORLD = tiny_world.load(FOLDER)
TINY = RunConfig(demonstrations=20, sft_epochs=1, pairs=10, batch_size=2, updates=1, num_ppo_epochs=1)
REPLIES = WORLD.replies([0, 1], ["send refund", "sorry refund sorry"])
PAIRS = reward.Pairs(REPLIES, WORLD.replies([0, 1], ["", "sorry refund"]))
MODEL = language.new(WORLD, hidden=2, rng=np.random.default_rng(0))
CONTEXTS = language.contexts(WORLD, REPLIES)
N_TOKENS, N_WORDS = len(CONTEXTS.x), len(WORLD.words)
LOG = rlhf.run(TINY, 0, world=WORLD, progress=False)
RM = LOG.state.reward_model
ROWS = [dict(row) for row in LOG.rows]
UPDATE = {"config": TINY, "world": WORLD, "reference": LOG.reference, "state": LOG.state, "traffic": [1.0, 1.0]}
COLLECTED = ppo.collect(**UPDATE, rng=np.random.default_rng(0))
PARAMETERS = language.pack(MODEL)
reward.write_pairs(FOLDER / "pairs.jsonl", WORLD, PAIRS)

FILE = dataclasses.replace(clinic_cases.known()["D7"], config=TINY, world=WORLD, evidence=())
SICK = clinic.Case(dataclasses.replace(FILE, goals=FILE.goals[:1]))
CHART = SICK.run(progress=False)

CHAIN = worlds_of_lessons.geometric_mdp(0.9, horizon=3)
CORRIDOR = worlds_of_lessons.short_corridor()
LOGITS = np.zeros((2, 2))
RECORD = rollout.from_mdp(CHAIN, LOGITS, 3, np.random.default_rng(0))
EVERY = CHAIN.enumerate_trajectories(LOGITS)
POLE = rollout.make_vec("CartPole-v1", 2, max_steps=5)
CORRIDOR_RUN = {"env": CHAIN, "parameters": LOGITS, "updates": 2, "optimizer": training.SGD(0.1), "features": None}
CORRIDOR_RUN |= {"value_parameters": None, "value_optimizer": training.Adam(0.1), "discount": None, "on_update": None}

LINEAR = language.new(WORLD)
LISTED, ONES = exact.list_replies(LINEAR, WORLD, 1), np.arange(40.0) % 2
MOMENTS = exact.Moments(np.ones(LINEAR.table.size), 1.0)


def weigh(record):
    return estimators.reward_to_go(record)


def look(*_):
    """Watch a run."""


# The random generators are made anew for each call: None stands for one here.
CALLS = {function: dict(call) for function, call in GOOD.items()}


USUAL = {"rng": None, "seed": 0, "n": 3, "episodes": 2, "max_steps": 5, "horizon": 3, "discount": 0.9, "step_size": 0.1}
USUAL |= {"mdp": CHAIN, "logits": LOGITS, "record": RECORD, "discount_steps": True, "parameters": np.ones(2)}
USUAL |= {"world": WORLD, "replies": REPLIES, "model": MODEL, "batch": CONTEXTS, "pairs": PAIRS, "weights": np.ones(2)}
USUAL |= {"first": PAIRS.chosen, "second": PAIRS.rejected, "config": TINY, "log": LOG, "listed": LISTED}
USUAL |= {"prompt": 1, "prompts": np.array([0, 1]), "lengths": np.array([2, 3]), "rewards": np.eye(2, 3), "epochs": 1}
USUAL |= {"reference": MODEL, "beta": 0.3, "lambda_": 0.5, "false_alarm": 0.01, "gradient": np.ones(2)}
USUAL |= {"progress": False, "on_update": look}


def good(*functions, **special):
    """Good calls, with every argument: what is not special has its usual value."""
    for function in functions:
        names = [name for name in inspect.signature(function).parameters if name != "kwargs"]
        CALLS[function] = {name: (USUAL | special)[name] for name in names}


good(mdp.from_gymnasium, env_id="FrozenLake-v1")
good(worlds_of_lessons.conversation, calm_after=np.array([0.8, 0.3]), rewards=np.ones((3, 2)))
good(worlds_of_lessons.grid_world, worlds_of_lessons.icy_path, worlds_of_lessons.frozen_lake)
good(estimators.gae_moments, mdp=worlds_of_lessons.geometric_mdp(0.9), values=np.zeros(2))
good(rollout.from_mdp, episodes=3, max_steps=2)
good(rollout.require_end)
good(rollout.require_end_by, steps=1, endless=False, name="episodes")
good(rollout.make_vec, env_id="CartPole-v1", n=2)
good(rollout.from_gymnasium, envs=POLE, logits=lambda x: np.zeros((2, 2)))
good(estimators.score_gradients, weights=np.ones((3, 3)))
good(estimators.total_return, estimators.reward_to_go)
good(estimators.constant_baseline, baseline=0.5)
good(estimators.batch_mean_baseline, estimators.leave_one_out_baseline)
good(estimators.value_baseline, values=np.ones(2))
good(estimators.td_error, values=np.ones((4, 2)), discount_steps=False)
good(estimators.gae, values=np.ones(2))
good(estimators.optimal_baseline, probabilities=np.full(3, 1 / 3))
good(estimators.exact_moments, trajectories=EVERY, weights=np.ones(EVERY.rewards.shape))
good(estimators.summarise, estimates=np.arange(12.0).reshape(3, 2, 2) % 5, exact=np.ones((2, 2)))
good(estimators.compare, weightings={"to go": weigh}, batches=3, max_steps=2)
good(estimators.describe, comparisons={"x": estimators.summarise(np.eye(4).reshape(4, 2, 2), np.ones((2, 2)))})
good(estimators.finite_difference, episodes=8, step=0.1, common_random_numbers=True, max_steps=3)
good(training.reinforce, **CORRIDOR_RUN, baseline="value")
good(training.a2c, **CORRIDOR_RUN, lambda_=0.9, entropy_cost=0.1, whiten=True)
good(training.evaluate, env=CHAIN, parameters=LOGITS, episodes=3, features=None, greedy=False)
few = {"parameters": np.zeros(2), "step_sizes": np.array([0.01, 0.02]), "runs": 2, "max_steps": 20}
good(learning_curves.reinforce_runs, **few, mdp=CORRIDOR, value_step_size=0.1, least_probability=0.05)
good(training.kept, what="the log", done=3, name="log")
good(training.SGD, training.SGD(0.1).step, training.SGD(0.1).fresh)
good(training.Adam, beta1=0.9, beta2=0.99, epsilon=1e-8)
good(training.Adam(0.1).step, training.Adam(0.1).fresh, group.total_return, group.mean_baseline, group.leave_one_out)
good(group.group_normalised, ddof=1, epsilon=1e-4)
good(group.sum_over_time, group.reply_mean, group.group_token_mean, group.batch_token_mean)
good(group.constant_length, longest=4)
good(group.sd_weight, p=np.array([0.1, 0.5]), group_size=4, ddof=0)
good(worlds.load, folder=FOLDER, inherit=FOLDER)
good(worlds.checked, name="replies")
good(worlds.prompt_weights, unseen_topics=(), only_topics=("refund",), angry_share=0.5)
good(worlds.sample_prompts)
good(worlds.demonstrations, wrong_topic=0.1)
good(worlds.counts, worlds.illegal_share, worlds.every_reply, worlds.gold_reward)
good(WORLD.encode, text="send refund")
good(WORLD.replies, texts=["send refund", ""])
good(WORLD.text)
good(language.one_blas_thread, function=look)
good(language.feature_names, language.n_features)
good(language.new, hidden=2, dtype=np.float64)
good(language.contexts, dtype=np.float64)
good(language.logits, x=CONTEXTS.x)
good(language.gradient, x=CONTEXTS.x, grad_logits=np.ones((N_TOKENS, N_WORDS)))
good(language.score, weights=np.ones(N_TOKENS))
good(language.log_probs)
good(language.sample, temperature=1.0)
good(language.pack)
good(language.unpack, parameters=PARAMETERS, like=MODEL)
good(language.sft, demonstrations=REPLIES, dtype=np.float32, batch=4, hidden=1, held_out=0.5)
good(language.checked_model, name="model")
good(language.checked_batch, name="batch")
good(reward.RewardModel, kind="log", weights=RM.weights, length_weight=0.0, mean=0.0, sd=1.0, offset=0.0)
good(reward.feature_names, reward.features, kind="rich")
good(reward.sample_pairs)
good(reward.label, biased_share=0.5, temperature=0.6, polite_bias=0.1, length_bias=0.1, unsafe_bias=0.1)
good(reward.choose, first_wins=np.array([True, False]))
good(reward.join, pairs=[PAIRS, PAIRS])
good(reward.fit, kind="log", penalty=1.0, length_control=True)
good(reward.normalise, reward.reward_score, reward.accuracy, model=RM)
good(dpo.train, learning_rate=0.01, batch_size=2)
good(dpo.measure)
good(reward.check_pairs, name="pairs")
good(reward.weight_table, model=RM)
good(reward.read_pairs, path=FOLDER / "pairs.jsonl")
good(reward.write_pairs, path=FOLDER / "other.jsonl")
good(metrics.exact_kl, metrics.full_kl, reference=LOG.reference)
good(metrics.columns, rows=ROWS)
few = RunConfig(missing_eos_penalty=1.0, target_kl=1.0, stop_at_kl=9.0, epsilon_high=0.3)
good(RunConfig, **dataclasses.asdict(few))
good(rlhf.run, rlhf.begin)
good(rlhf.resume, updates=1)
good(rlhf.relabel, pairs=2)
good(rlhf.prepare)
good(evaluation.evaluate, replies=4, model=LOG.model)
good(evaluation.pair_accuracy, pairs=4, model=LOG.model, own_raters=True)
good(ppo.advantage_estimates, values=np.zeros((2, 4)), rewards=np.ones((2, 3)) * REPLIES.mask)
few = {"log_ref": np.full((N_TOKENS, N_WORDS), -1.0), "old": np.full(N_TOKENS, -1.0), "kl_coef": 0.1}
good(ppo.policy_step, **few, advantages=np.ones(N_TOKENS), token_weights=np.ones(N_TOKENS))
good(config.stage, kind=config.SFTConfig)
good(ppo.update, ppo.collect, **UPDATE)
good(ppo.climb, state=LOG.state, like=LOG.reference, collected=COLLECTED)
good(checkers.strict, checkers.on_topic, checkers.closed)
good(exact.list_replies, model=LINEAR)
good(exact.expected_reward_gradient, exact.state_values, rewards=ONES)
good(exact.reply_update, advantages=np.ones((40, 3)), replies=2)
good(exact.group_update, rewards=ONES, method=group.METHODS["GRPO"], group_size=3)
good(exact.agreement, updates=[MOMENTS], gradients=np.ones((1, LINEAR.table.size)))
good(exact.with_success_rate, model=LINEAR, p=0.2)
good(clinic.cases)
good(clinic.case, name="D4")
good(clinic_cases.read, path=clinic_cases.DATA / "D7.json")
good(clinic_cases.names, folder=clinic_cases.DATA)
good(clinic_cases.known, clinic_cases.fresh_measures, SICK.run)
good(SICK.measure, chart=CHART, reference=True)
good(SICK.diagnose, cause="step", evidence=[("lr", "stays"), ("objective/kl", "rises")])
good(SICK.check_blueprint, plan={"frozen": ["reference"]})
good(sweep.sweep, configs=TINY, seeds=[0], jobs=1)
if find_spec("torch"):
    from course_utils.rlhf import transformer

    MODULES += (transformer,)
    WRITER = transformer.seeded(transformer.Writer(WORLD, d=4), np.random.default_rng(0))
    good(transformer.seeded, model=transformer.Writer(WORLD, d=4))
    good(transformer.log_policy, model=WRITER)
    good(transformer.sample, model=WRITER, prompts=np.array([0, 1, 1]))
    good(transformer.fine_tune, n=7, batch=3)
    LONGER[transformer.fine_tune] = 60  # PyTorch loads much of itself with its first optimiser
# What other modules ask at their doors; the name is theirs, not a user's.
DOORS = {worlds.checked, language.checked_model, language.checked_batch, reward.check_pairs}
DOORS |= {rollout.require_end_by, training.kept, config.stage, ppo.update, ppo.collect, ppo.climb}
# Files: what is no file is the system's own error.
FILES = (worlds.load, clinic_cases.read, clinic_cases.names, reward.read_pairs, reward.write_pairs)
# Answers that are not numbers, or in which NaN and infinity have a meaning that the docstring says.
INFINITE = {estimators.summarise, estimators.compare, training.reinforce, training.a2c, worlds.load}
# +inf in a KL divergence and −inf in log-probabilities, but only where these forbid an action.
FORBIDDING = {policy.log_softmax: "logits", policy.log_prob: "logits", policy.kl_divergence: "q_logits"}


class Sub(np.ndarray):
    """A subclass that adds nothing."""


class Failing:
    """An object that fails whatever is asked of it."""

    def __array__(self, *_, **__):
        raise RuntimeError("no array")

    def __repr__(self):
        raise RuntimeError("no repr")


class Wild:
    """An optimiser whose steps are not finite."""

    def step(self, parameters, gradient):
        return parameters * np.nan

    def fresh(self):
        return self


def scalars():
    """Hostile values for any argument."""
    return [
        *(np.nan, np.inf, -np.inf, 0, 0.0, -1, -0.5, 1, 0.5, 2, 10**30, -(10**30), 10**400, 1e300, -1e300, 5e-324),
        *(True, False, np.True_, None, "3", "False", "", "\ud800", b"x", 1j, np.float16(0.5), np.longdouble(0.5)),
        *(np.int8(1), np.uint64(2**64 - 1), np.datetime64("2020-01-01"), np.timedelta64(3, "s"), object(), int),
        *([], {}, set(), (), [[]], [[1.0], [1.0, 2.0]], {"a": 1}, range(2), (x for x in (1, 2)), Ellipsis, Failing()),
        *(np.array(1.0), np.array(1), np.array([]), np.zeros((0, 2)), np.array(None), np.array("a")),
        *(memoryview(b"ab"), np.ma.masked, np.ma.array([1.0, 2.0], mask=[0, 1]), [np.ma.masked, 1.0], [True, 0.5]),
        *(np.float64, gymnasium, Path("nowhere"), lambda *_: np.nan, lambda *_: None, Wild(), training.SGD),
        *({"x": lambda _: np.nan}, {"x": lambda r: r.mask[:, 1:]}, {"x": lambda r: r.rewards.fill(7)}, Wild),
    ]


EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-300, 5e-324, 1e300, -1e300, 1.7e308, -1.7e308, 730.0, 1000.0, -1000.0]
EDGES += [np.nan, np.inf, -np.inf] + [0.25] * 18


def arrays(good, rng):
    """Hostile relatives of a good array."""
    some = [good[None], good[..., :0], good[..., None], good.ravel()[:-1], np.zeros_like(good), good[::-1], good.T]
    some += [good.astype(t) for t in ("f2", "f4", "g", "c16", "O", "U3", "i8", "u1", "?", ">f8")]
    some += [np.ma.array(good, mask=np.ones(good.shape)), np.ma.array(good), good.tolist(), memoryview(good.copy())]
    some += [[np.ma.array(good)], np.asfortranarray(good), np.repeat(good, 2, axis=-1)[..., ::2], good.view(Sub)]
    some += [good.view(np.matrix) if good.ndim == 2 else good]
    some += [good[:1], np.broadcast_to(np.ones((), good.dtype), good.shape)]
    if good.dtype.kind in "fi":
        entries = EDGES if good.dtype.kind == "f" else range(-2, 4)
        shapes = (good.shape, good.shape, good.shape, tuple(rng.integers(0, 5, rng.integers(4))))
        some += [rng.choice(np.array(entries, good.dtype), shape) for shape in shapes]
    some.append(good.copy())
    some[-1].setflags(write=False)
    if good.dtype.kind == "f" and good.size:
        for value in (np.nan, np.inf, -np.inf, 1e308, -1e308, 1e-320, 1e154, 1e17):
            poisoned = good.copy()
            poisoned.flat[-1] = value
            some += [poisoned, np.full_like(good, value), -good]
    elif good.size and good.dtype.kind == "i":
        some += [-good, good - 1, good + 1, good + 1000, good.astype("i8") * 2**40, good + 0.9]
    return some


def hostile(good, rng):
    """Something in place of a good argument."""
    kind = rng.integers(4)
    if kind and isinstance(good, np.ndarray):
        some = arrays(good, rng)
        return some[rng.integers(len(some))]
    if kind and hasattr(good, "_fields"):
        field = good._fields[rng.integers(len(good._fields))]
        return good._replace(**{field: hostile(getattr(good, field), rng)})
    if kind and isinstance(good, list) and good:
        return [hostile(good[0], rng), *good[1:]]
    if kind and isinstance(good, dict) and good:
        key = list(good)[rng.integers(len(good))]
        return good | {key: hostile(good[key], rng)}
    some = scalars()
    return some[rng.integers(len(some))]


def parts(result):
    """Every array and number in a result, with its shape."""
    if isinstance(result, (np.ndarray, np.generic, float, int)):
        return [np.asarray(result)]
    if hasattr(result, "detach"):
        return [result.detach().numpy()]
    if isinstance(result, dict):
        return [part for value in result.values() for part in parts(value)]
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return [part for field in dataclasses.fields(result) for part in parts(getattr(result, field.name))]
    return [part for value in result for part in parts(value)] if isinstance(result, (tuple, list)) else []


@cache
def good_shapes(function):
    """The shapes of a good call's answer; of samples and names, nothing is said."""
    result = function(**CALLS[function] | fresh(function))
    return [part.shape for part in parts(result)]


def fresh(function):
    """New generators for a call."""
    return {name: np.random.default_rng(0) for name in CALLS[function] if name == "rng"}


def changed(before, after):
    """Whether an array of an argument was changed in place."""
    if isinstance(before, np.ndarray) and before.dtype.kind != "O":
        return np.asarray(before).tobytes() != np.asarray(after).tobytes()
    if isinstance(before, (tuple, list)):
        return any(changed(x, y) for x, y in zip(before, after, strict=True))
    if isinstance(before, dict):
        return any(changed(x, after[name]) for name, x in before.items())
    return False


def kept(call):
    """A copy of the arrays of a call."""
    copies = {}
    for name, value in call.items():
        with suppress(Exception):  # a generator, say, which is not looked at
            copies[name] = copy.deepcopy(value)
    return copies


def too_long(*_):
    raise TimeoutError(f"no answer after {SECONDS} s")


def fault(function, call):
    """Make the call; what is wrong with its outcome, or None."""
    before = kept(call)
    old = signal.signal(signal.SIGALRM, too_long) if hasattr(signal, "SIGALRM") else None
    try:
        if old is not None:
            signal.setitimer(signal.ITIMER_REAL, LONGER.get(function, SECONDS))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="gymnasium")
            result = function(**call)
    except (ValueError, TypeError, FloatingPointError) as error:
        message = str(error)
        explains = isinstance(error, (worlds.DataFileError, FloatingPointError)) or function in FILES  # in other words
        if not explains and not any(name in message for name in (*call, "the word", "the reply")):
            return f"no argument is named: {type(error).__name__}: {message}"
    except BaseException as error:
        if function not in FILES or not isinstance(error, OSError) or isinstance(error, TimeoutError):
            return f"{type(error).__name__}: {error}"
    else:
        if function not in INFINITE:
            for part in parts(result):
                forbids = function in FORBIDDING and np.isneginf(call[FORBIDDING[function]]).any()
                if part.dtype.kind == "f" and not (~np.isnan(part) if forbids else np.isfinite(part)).all():
                    return f"not finite: {part}"
        same = all(np.shape(call[name]) == np.shape(good) for name, good in CALLS[function].items() if is_array(good))
        if same and function in SHAPED and [part.shape for part in parts(result)] != good_shapes(function):
            return f"shapes {[part.shape for part in parts(result)]}, expected {good_shapes(function)}"
    finally:
        if old is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
    if changed(before, call):
        return "an argument was changed in place"
    return None


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Hostile paths are written here."""
    monkeypatch.chdir(tmp_path)


def is_array(value):
    return isinstance(value, np.ndarray)


FLOOR = {module.__name__ for module in (policy, returns, objectives)}
SHAPED = {function for function in CALLS if getattr(function, "__module__", "") in FLOOR}


def outcomes(cases, seed):
    """What is wrong with so many hostile calls: a text for each fault."""
    rng = np.random.default_rng(seed)
    functions = [function for function in CALLS if CALLS[function] and function not in DOORS]
    found = []
    for _ in range(cases):
        function = functions[rng.integers(len(functions))]
        call = CALLS[function]
        names = rng.permutation(list(call))[: 1 + (rng.random() < 0.3)]
        replaced = {str(name): hostile(call[name], rng) for name in names}
        wrong = fault(function, call | fresh(function) | replaced)
        if wrong is not None:
            found.append(f"{label(function)}({', '.join(map(shown, replaced, replaced.values()))}): {wrong}")
    return found


def shown(name, value):
    try:
        return f"{name}: {type(value).__name__} {value!r}"[:300]
    except Exception:
        return f"{name}: {type(value).__name__}"


def test_the_table_holds_every_public_function():
    public = {
        value
        for module in MODULES
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    assert {label(function) for function in public} <= {label(function) for function in CALLS}
    floor = {f for f in public if f.__module__ in FLOOR | {mdp.__name__}}
    assert floor - {mdp.from_gymnasium} <= set(GOOD), "what is tested of all of these in test_bad_input.py"
    for kind in (mdp.TabularMDP, worlds.World, training.SGD, training.Adam):
        methods = {f"{kind.__module__}.{f.__qualname__}" for f in vars(kind).values() if inspect.isfunction(f)}
        public_methods = {name for name in methods if not name.rsplit(".", 1)[1].startswith("_")}
        assert public_methods <= {label(function) for function in CALLS}


@pytest.mark.parametrize("function", CALLS, ids=label)
def test_the_good_call_is_accepted_and_has_every_argument(function):
    assert set(CALLS[function]) == set(inspect.signature(function).parameters) - {"kwargs"}
    assert fault(function, CALLS[function] | fresh(function)) is None


def refused(function, name, value):
    """The message with which the value is refused."""
    with pytest.raises((TypeError, ValueError)) as caught:
        function(**CALLS[function] | fresh(function) | {name: value})
    assert name in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("function", "name"), arguments(CALLS, lambda function, name, good: isinstance(good, bool)))
def test_flags_are_booleans(function, name):
    for value in ("False", "", 0, 1, 0.0, None, [], np.array(True)):
        if function not in DOORS:
            assert "expected True or False" in refused(function, name, value)
    function(**CALLS[function] | fresh(function) | {name: np.bool_(CALLS[function][name])})


@pytest.mark.long
@pytest.mark.parametrize(("function", "name"), arguments(CALLS, lambda function, name, good: is_array(good)))
def test_masked_arrays_are_refused(function, name):
    good = CALLS[function][name]
    for masked in (np.ma.array(good, mask=np.ones(good.shape)), np.ma.array(good), [np.ma.array(good)]):
        refused(function, name, masked)


SAMPLING = {worlds.sample_prompts, worlds.demonstrations, reward.sample_pairs}
SAMPLING |= {rlhf.relabel, evaluation.evaluate, evaluation.pair_accuracy}


@pytest.mark.parametrize(("function", "name"), arguments(CALLS, lambda f, name, _: f in SAMPLING and name == "weights"))
def test_weights_to_sample_with_have_a_positive_sum(function, name):
    assert "expected a positive sum" in refused(function, name, np.zeros(2))
    refused(function, name, np.array([1.0, -0.5]))
    refused(function, name, np.array([True, False]))


@pytest.mark.long
@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 20))])
def test_hostile_calls_are_answered_or_refused_in_a_sentence(seed):
    assert outcomes(1000, seed) == []
