"""Answers as learners write them, in many styles: each is judged rightly.

A right answer is accepted in every style. A wrong one is told its own mistake, or that no name is known for it; two
faults at once are told one of the two, or none, and never a third. The inputs of a question share no property behind
which a class of mistakes could hide, and the calls of a sampled one are enough to notice a small error.
"""

from itertools import permutations

import numpy as np
import pytest
from learners import (
    ANSWERS,
    column_softmax,
    mean_shifted,
    naive,
    one_hot,
    one_maximum,
    softmax,
    stops_early,
    table_softmax,
)

from course_utils import checks
from course_utils.checks import engine, judge, load
from course_utils.checks.question import close, exact

pytestmark = pytest.mark.long


SEEDS = range(2)
SAMPLED = [name for name in checks.names() if load(name).calls]
TENSORS = {name for name in checks.names() if load(name).tensors}  # NumPy's styles and changes are not theirs
RIGHT = [answer for answer in ANSWERS if answer.what == "right"]
UNNAMED = [answer for answer in ANSWERS if answer.what == "unnamed"]
NAMED = [answer for answer in ANSWERS if answer.what not in ("right", "unnamed")]
NO_NAME = {None, "rounding", "wrong-shape", "not-finite", "raised", "factor", "offset", "extreme-inputs"}
"""what is said where no known mistake fits, and says nothing untrue of any wrong answer"""


@pytest.mark.parametrize("name", checks.names())
def test_there_are_four_wrong_and_two_right_answers(name):
    right = [answer for answer in RIGHT if answer.question == name]
    assert len(right) >= 3  # two that differ, and one in float32
    assert any("float32" in answer.code for answer in right)
    assert len({answer.what for answer in NAMED if answer.question == name}) >= 4


@pytest.mark.parametrize("answer", RIGHT, ids=str)
def test_a_right_answer_is_accepted(answer):
    question = load(answer.question)
    for seed in range(1) if question.calls else range(4):
        result = judge(question, answer.function, seed)
        assert (result.status, result.mistake) == ("correct", None), result


def in_float32(f):
    def answer(*given):
        narrowed = [np.float32(x) if isinstance(x, np.ndarray) and x.dtype == float else x for x in given]
        return np.float32(f(*narrowed))

    return answer


def in_arrays_of_their_own(f):
    return lambda *given: list(map(np.array, f(*given))) if np.ndim(f(*given)) else f(*given)


STYLES = {
    "list": lambda f: lambda *given: np.asarray(f(*given)).tolist(),
    "numbers in arrays of their own": in_arrays_of_their_own,
    "columns": lambda f: lambda *given: np.array(f(*given), order="F"),
    "float32 result": lambda f: lambda *given: np.float32(f(*given)),
    "float32": in_float32,
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("answer", [answer for answer in RIGHT if answer.question not in {*SAMPLED, *TENSORS}], ids=str)
def test_right_answers_of_every_style_are_accepted(answer, style):
    styled = STYLES[style](answer.function)
    fn = (lambda z, temperature=1.0: styled(z, temperature)) if answer.question == "softmax" else styled
    for seed in SEEDS:
        result = judge(load(answer.question), fn, seed)
        assert (result.status, result.mistake) == ("correct", None), result


@pytest.mark.parametrize("answer", NAMED, ids=str)
def test_a_wrong_answer_is_told_its_own_mistake(answer):
    question = load(answer.question)
    known = {m.id: m for m in question.mistakes}[answer.what]
    for seed in [answer.line] if question.calls else range(4):
        result = judge(question, answer.function, seed)
        assert result.mistake == answer.what, result
        assert result.status == ("almost" if known.almost else "not yet")
        assert result.paragraphs[0] == known.happened
        assert result.evidence["input"] is not None
        assert np.asarray(result.evidence["got"]).tolist() != np.asarray(result.evidence["wanted"]).tolist()


@pytest.mark.parametrize("answer", UNNAMED, ids=str)
def test_a_wrong_answer_without_a_name_is_told_none(answer):
    for seed in [answer.line] if answer.question in SAMPLED else SEEDS:
        result = judge(load(answer.question), answer.function, seed)
        assert result.status != "correct"
        assert result.mistake in NO_NAME, result


# --- what inputs that are all alike would hide -------------------------------------------------------

CHANGES = {
    "abs": np.abs,
    "above 0": lambda x: np.maximum(x, 0),
    "below 0": lambda x: np.minimum(x, 0),
    "clipped": lambda x: np.clip(x, -10, 10),
    "rounded": lambda x: np.round(x, 1),
}
OF_ORDER = {"sorted": np.sort, "reversed": lambda x: x[::-1]}
CHANGES |= OF_ORDER
HARMLESS = [  # what an answer stays right after, such as |x| of a step size: it would be wrong to refuse it
    ({"above 0"}, "adaptive_kl.kl"),
    ({"abs", "above 0"}, "adaptive_kl.beta adaptive_kl.target adaptive_kl.answer actor_gradient.entropy_cost"),
    ({"abs", "above 0"}, "dpo_loss.answer kl_estimate.answer"),
    ({"abs", "above 0", "rounded"}, "adaptive_kl.n adaptive_kl.horizon"),
    ({"below 0"}, "advantage_objective.log_probs kl_estimate.log_probs kl_estimate.ref_log_probs"),
    ({"below 0"}, "dpo_loss.chosen dpo_loss.rejected dpo_loss.ref_chosen dpo_loss.ref_rejected"),
    ({"abs", "above 0", "clipped"}, "ascent_step.step_size ascent_step.answer best_baseline.probabilities"),
    ({"abs", "above 0", "clipped"}, "critic_gradient.discount dpo_loss.beta entropy.answer finite_difference.h"),
    ({"abs", "above 0", "clipped"}, "fisher_information.probabilities gae.discount gae.lambda_"),
    ({"sorted"}, "entropy.logits"),
    ({"clipped"}, "fisher_information.answer grpo_advantages.answer"),
]
HARMLESS = {argument: changes for changes, arguments in HARMLESS for argument in arguments.split()}


def hidden(name, argument, change):
    """Say whether a change of an argument, or of the answer, leaves all exact answers of a question as they are."""
    question, change = load(name), CHANGES[change]
    right = next(answer.function for answer in RIGHT if answer.question == name)
    place = question.arguments().index(argument) if argument != "answer" else None

    def answer(*given):
        if place is None:
            return change(np.asarray(right(*given)))
        return right(*given[:place], change(given[place]), *given[place + 1 :])

    return all(judge(question, answer, seed).status == "correct" for seed in SEEDS)


@pytest.mark.parametrize("name", [name for name in checks.names() if name < "l" and name not in TENSORS])
def test_inputs_differ_in_sign_order_size_shape_and_digits(name):
    question = load(name)
    for argument in {*question.arguments(), "answer"} - {"f", "ended"}:
        whole = question.oracle(**question.fixed[-1]) if argument == "answer" else question.fixed[0][argument]
        changes = OF_ORDER.keys() if argument == "actions" else CHANGES.keys() - (() if np.ndim(whole) else OF_ORDER)
        harmless = {change for change in changes if hidden(name, argument, change)}
        assert harmless == HARMLESS.get(f"{name}.{argument}", set()), argument


# --- two faults at once ------------------------------------------------------------------------------

ALSO = {  # a fault in what is done with the answer, and the names that fit it
    "sign": (np.negative, {"sign", "ascent", "descends", "minus-k1", "value-not-subtracted"}),
    "sum": (np.sum, {"sum", "summed-over-rows", "summed-over-steps", "mean"}),
    "mean": (np.mean, {"mean", "mean-for-sum", "summed-over-rows"}),
    "steps": (lambda x: x / len(x) if np.ndim(x) else x, {"mean-over-steps", "mean-for-sum", "plain-mean"}),
    "order": (lambda x: x[::-1] if np.ndim(x) else x, {"reversed"}),
}
SAME = {  # two faults that together are the same function as a third, whose name then says what was done
    ("actor_gradient", "entropy-sign", "sign"): "actor-sign",
    ("actor_gradient", "actor-sign", "sign"): "entropy-sign",
    ("entropy", "sign", "sign"): "zero-log-zero",
    ("fisher_information", "only-variances", "sum"): "inner-product-of-scores",
    ("kl_estimate", "minus-k1", "sign"): "k1",
    ("penalised_rewards", "score-subtracted", "pays-the-policy"): "score-subtracted",
    ("preference_loss", "no-logarithm", "log-likelihood"): "probability",
    ("preference_loss", "no-logarithm", "exchanged"): "probability",
    ("preference_loss", "probability", "log-likelihood"): "no-logarithm",
    ("preference_loss", "probability", "exchanged"): "no-logarithm",
    ("reinforce_gradient", "total-return", "discount-ignored"): "undiscounted-total-return",
    ("reply_objective", "mean-over-positions", "sum-over-replies"): "axes-exchanged",
    ("reward_to_go", "counted-from-zero", "off-by-one"): "discounted-from-the-start",
    ("reward_to_go", "discount-ignored", "off-by-one"): "discounted-once",
    ("reward_to_go", "never-summed", "discount-ignored"): "rewards-unchanged",
    ("score", "one-over-pi", "score-of-probability"): "only-one-hot",
}
UNDONE = {("reversed", "order"), ("sign", "sign"), ("ascent", "sign"), ("not-averaged", "mean")}
CONSTANT = {"ignores-inputs"}  # a sum of scores, say, is 0 on every input


@pytest.mark.parametrize(
    "answer",
    [answer for answer in NAMED + UNNAMED if answer.question < "l" and answer.question not in TENSORS],
    ids=str,
)
def test_two_faults_are_told_one_of_them_or_none(answer):
    name, mistake = answer.question, answer.what
    for fault, (change, names) in ALSO.items():
        result = judge(load(name), lambda *given, change=change: change(np.asarray(answer.function(*given), float)), 0)
        if result.status == "correct":
            assert (mistake, fault) in UNDONE
        else:
            allowed = NO_NAME | CONSTANT | {mistake, SAME.get((name, mistake, fault))} | names
            assert result.mistake in allowed, (fault, result)


SOFTMAXES = {
    "whole-table": table_softmax,
    "axis": column_softmax,
    "not-normalised": np.exp,
    "logits-for-probabilities": lambda z: z,
    "one-maximum": one_maximum,
    "mean-subtracted": mean_shifted,
    "no-maximum": naive,
}
AXIS = {"first-axis", "over-states", "softmax-over-time"}
BUILT = [  # the question, the names that fit the second fault, and the answer, made of π and the inputs
    ("entropy", {"sign"}, lambda p, z: (p * np.log(p)).sum(-1)),
    ("entropy", {"base-two"}, lambda p, z: -(p * np.log2(p)).sum(-1)),
    ("entropy", {"mean-for-sum"}, lambda p, z: -(p * np.log(p)).mean(-1)),
    ("entropy", {"not-weighted"}, lambda p, z: -np.log(p).sum(-1)),
    ("entropy", {"not-summed"}, lambda p, z: -(p * np.log(p))),
    ("entropy", {"summed-over-rows"}, lambda p, z: -(p * np.log(p)).sum()),
    ("entropy", {"first-axis"}, lambda p, z: -(p * np.log(p)).sum(0)),
    ("entropy", {"logits-for-probabilities"}, lambda p, z: -(p * z).sum(-1)),
    ("action_advantages", {"sign"}, lambda p, z, q: (p * q).sum(1, keepdims=True) - q),
    ("action_advantages", {"one-value-for-all"}, lambda p, z, q: q - (p * q).sum()),
    ("action_advantages", {"plain-mean"}, lambda p, z, q: q - (p * q).mean(1, keepdims=True)),
    ("action_advantages", {"over-states"}, lambda p, z, q: q - (p * q).sum(0)),
    ("action_advantages", {"weighted"}, lambda p, z, q: p * (q - (p * q).sum(1, keepdims=True))),
    ("action_advantages", {"weighted-q"}, lambda p, z, q: q - p * q),
    ("action_advantages", {"values-returned"}, lambda p, z, q: (p * q).sum(1)),
    ("advantage_gradient", {"sign"}, lambda p, z, a, A: A[:, None] * (p - one_hot(z, a))),
    ("advantage_gradient", {"mean-over-steps"}, lambda p, z, a, A: A[:, None] * (one_hot(z, a) - p) / len(a)),
    ("advantage_gradient", {"no-advantage"}, lambda p, z, a, A: one_hot(z, a) - p),
    ("advantage_gradient", {"no-one-hot"}, lambda p, z, a, A: -A[:, None] * p),
    ("advantage_gradient", {"brackets"}, lambda p, z, a, A: A[:, None] * one_hot(z, a) - p),
    ("advantage_gradient", {"score-times-pi"}, lambda p, z, a, A: p * A[:, None] * (one_hot(z, a) - p)),
    ("advantage_gradient", {"summed-over-steps"}, lambda p, z, a, A: A @ (one_hot(z, a) - p)),
    ("advantage_gradient", {"one-step"}, lambda p, z, a, A: stops_early(A[:, None] * (one_hot(z, a) - p))),
]


@pytest.mark.parametrize("mistake", SOFTMAXES)
@pytest.mark.parametrize("place", range(len(BUILT)))
def test_a_wrong_softmax_inside_another_mistake(place, mistake):
    name, names, build = BUILT[place]
    result = judge(load(name), lambda z, *rest: build(SOFTMAXES[mistake](z), z, *rest), 0)
    assert result.status != "correct"
    assert result.mistake in NO_NAME | names | (AXIS if mistake == "axis" else {mistake}), result


def negated(f):
    return lambda *given: -f(*given)


FAULTS = [  # questions, one of their mistakes, and how a right function makes it
    ("ppo_surrogate reply_objective", "loss", negated),
    ("leave_one_out reinforce_gradient reward_to_go", "sign", negated),
    ("score trajectory_log_prob trajectory_score whiten", "sign", negated),
    ("penalised_rewards", "no-beta", lambda f: lambda s, new, ref, beta: f(s, new, ref, 1.0)),
    ("penalised_rewards", "no-score", lambda f: lambda s, new, ref, beta: f(0.0, new, ref, beta)),
    ("penalised_rewards", "beta-on-score", lambda f: lambda s, new, ref, beta: f(beta * s, new, ref, beta)),
    ("penalised_rewards", "pays-the-policy", lambda f: lambda s, new, ref, beta: f(s, ref, new, beta)),
    ("penalised_rewards", "total", lambda f: lambda *given: f(*given).sum()),
    ("ppo_surrogate", "averaged", lambda f: lambda *given: f(*given).mean()),
    ("ppo_surrogate", "ratio-upside-down", lambda f: lambda new, old, a, e: f(old, new, a, e)),
    ("ppo_surrogate", "probability-not-ratio", lambda f: lambda new, old, a, e: f(new, 0 * old, a, e)),
    ("ppo_surrogate", "advantages-whitened", lambda f: lambda new, old, a, e: f(new, old, (a - a.mean()) / a.std(), e)),
    ("preference_loss", "log-likelihood", negated),
    ("preference_loss", "exchanged", lambda f: lambda c, r: f(r, c)),
    ("preference_loss", "sum", lambda f: lambda c, r: len(c) * f(c, r)),
    ("preference_loss", "no-difference", lambda f: lambda c, r: f(c, 0 * r)),
    ("reinforce_gradient", "sum-over-trajectories", lambda f: lambda z, s, a, r, g: len(s) * f(z, s, a, r, g)),
    ("reinforce_gradient", "mean-over-steps", lambda f: lambda z, s, a, r, g: f(z, s, a, r, g) / s.shape[1]),
    ("reinforce_gradient", "discount-off-by-one", lambda f: lambda z, s, a, r, g: g * f(z, s, a, r, g)),
    ("reinforce_gradient", "counted-from-zero", lambda f: lambda z, s, a, r, g: f(z, s, a, r, g) / g),
    ("reinforce_gradient", "discount-ignored", lambda f: lambda z, s, a, r, g: f(z, s, a, r, 1.0)),
    ("reply_objective", "no-advantages", lambda f: lambda p, a, mask: f(p, a**0, mask)),
    ("reply_objective", "padding-counts", lambda f: lambda p, a, mask: f(p, a, mask | True)),
    ("reply_objective", "probability-not-log", lambda f: lambda p, a, mask: f(np.exp(p), a, mask)),
    ("reply_objective", "sum-over-replies", lambda f: lambda p, a, mask: len(mask) * f(p, a, mask)),
    ("reward_to_go", "reversed", lambda f: lambda r, g: f(r, g)[..., ::-1] if f(r, g).ndim else f(r, g)),
    ("reward_to_go", "off-by-one", lambda f: lambda r, g: g * f(r, g)),
    ("reward_to_go", "discount-ignored", lambda f: lambda r, g: f(r, 1.0)),
    ("reward_to_go", "mean-for-sum", lambda f: lambda r, g: f(r, g) / len(r)),
    ("score", "score-of-probability", lambda f: lambda z, a: f(z, a) * softmax(z)[a]),
    ("score", "next-action", lambda f: lambda z, a: f(z, a - 1 if a else len(z) - 1)),
    ("softmax", "sign", lambda f: lambda z, temperature=1.0: f(-z, temperature)),
    ("softmax", "temperature-ignored", lambda f: lambda z, temperature=1.0: f(z, 1.0)),
    ("softmax", "temperature-multiplied", lambda f: lambda z, temperature=1.0: f(z, 1 / temperature)),
    ("trajectory_log_prob", "base", lambda f: lambda p, d: f(p, d) / np.log(2)),
    ("trajectory_log_prob", "dynamics-dropped", lambda f: lambda p, d: f(p, d**0)),
    ("trajectory_log_prob", "policy-dropped", lambda f: lambda p, d: f(p**0, d)),
    ("trajectory_log_prob", "shifted-logarithm", lambda f: lambda p, d: f(p + 1e-8, d + 1e-8)),
    ("trajectory_score", "mean-over-steps", lambda f: lambda z, s, a: f(z, s, a) / len(s)),
    ("trajectory_score", "first-step-only", lambda f: lambda z, s, a: f(z, s[:1], a[:1])),
    ("trajectory_score", "last-step-only", lambda f: lambda z, s, a: f(z, s[-1:], a[-1:])),
    ("whiten", "padding-counted", lambda f: lambda a, mask: f(a, mask**0) * mask),
]


@pytest.mark.parametrize(
    ("name", "fault", "wrap"), [(n, fault, f) for names, fault, f in FAULTS for n in names.split()]
)
def test_two_faults_at_once_are_never_called_a_third(name, fault, wrap):
    question = load(name)
    assert fault in {m.id for m in question.mistakes}
    rng = np.random.default_rng(3)
    inputs = [*question.fixed, *(question.fresh(rng) for _ in range(question.fresh_count))]
    right = [exact(question.oracle, given) for given in inputs]
    known = [(m.id, [exact(v, given) for given in inputs]) for m in question.mistakes for v in m.versions()]

    def agree(answers, others):
        return all(close(a, b, 1e-6, 1e-9) for a, b in zip(answers, others, strict=True))

    def both_in(version):
        one = wrap(lambda *given: exact(version, dict(zip(question.arguments(), given, strict=False))))
        return [exact(lambda *_, given=given, **__: one(*given.values()), given) for given in inputs]

    for mistake in question.mistakes:
        answers = [both_in(version) for version in mistake.versions() if mistake.id != fault]
        wrong = [answer for answer in answers if not agree(answer, right)]  # two faults may undo each other
        called = {m for m, others in known if any(agree(answer, others) for answer in wrong)}
        assert called <= {mistake.id, fault, SAME.get((name, mistake.id, fault))}, (mistake.id, called)


# --- what the inputs have in common, and what the calls can notice -------------------------------------


SHOWS = [  # what at least one of a question's own inputs has to show, for a mistake that cannot be seen without it
    ("leave_one_out", "returns below 0 alone", lambda r: (r < 0).all()),
    ("leave_one_out", "equal returns beside others", lambda r: 1 < len(set(r)) < len(r)),
    ("leave_one_out", "all returns equal", lambda r: np.ptp(r) == 0),
    ("penalised_rewards", "one token", lambda s, new, ref, beta: len(new) == 1),
    ("penalised_rewards", "a score of 0", lambda s, new, ref, beta: s == 0),
    ("penalised_rewards", "no price", lambda s, new, ref, beta: beta == 0),
    ("penalised_rewards", "a price above 1", lambda s, new, ref, beta: beta > 1),
    ("penalised_rewards", "a token liked as much", lambda s, new, ref, beta: (new == ref).any()),
    ("penalised_rewards", "a probability too small for a float", lambda s, new, ref, beta: (np.exp(new) == 0).any()),
    ("ppo_surrogate", "a ratio over 10 and A below 0", lambda new, old, a, e: (np.exp(new - old)[a < 0] > 10).any()),
    ("ppo_surrogate", "a ratio over 2 and A above 0", lambda new, old, a, e: (np.exp(new - old)[a > 0] > 2).any()),
    ("ppo_surrogate", "a ratio under 0.1", lambda new, old, a, e: (np.exp(new - old) < 0.1).any()),
    ("ppo_surrogate", "a ratio of 1", lambda new, old, a, e: (new == old).any()),
    ("ppo_surrogate", "an advantage of 0", lambda new, old, a, e: (a == 0).any()),
    ("preference_loss", "a tie", lambda c, r: (c == r).any()),
    ("preference_loss", "large scores and a small margin", lambda c, r: (c[np.abs(c - r) < 2] > 800).any()),
    ("preference_loss", "very negative scores", lambda c, r: (c < -800).any() and (r < -800).any()),
    ("preference_loss", "a wide margin the right way", lambda c, r: (c - r > 800).any()),
    ("reinforce_gradient", "as many states as actions", lambda z, *_: np.equal(*z.shape)),
    ("reinforce_gradient trajectory_score", "more actions than states", lambda z, *_: np.less(*z.shape)),
    ("reinforce_gradient", "fewer actions than states", lambda z, *_: np.greater(*z.shape)),
    ("reinforce_gradient", "more trajectories than steps", lambda z, s, a, r, g: np.greater(*s.shape)),
    ("reinforce_gradient", "one step", lambda z, s, a, r, g: s.shape[1] == 1),
    ("reinforce_gradient", "no discount", lambda z, s, a, r, g: g == 1),
    ("reinforce_gradient", "rewards of both signs", lambda z, s, a, r, g: r.min() < 0 < r.max()),
    ("reply_objective", "an advantage of 0 in a reply", lambda p, a, mask: (a[mask] == 0).any()),
    ("reply_objective", "a certain token", lambda p, a, mask: (p[mask] == 0).any()),
    ("reply_objective", "a column that is all padding", lambda p, a, mask: not mask.any(axis=0).all()),
    ("reply_objective", "no padding", lambda p, a, mask: mask.all()),
    ("reward_to_go", "one step", lambda r, g: len(r) == 1),
    ("reward_to_go", "rewards of both signs", lambda r, g: r.min() < 0 < r.max()),
    ("reward_to_go", "powers that are 0 in floating point", lambda r, g: g ** len(r) == 0),
    ("sample_action", "a 0 first", lambda p, rng: p[0] == 0),
    ("sample_action", "a 0 in the middle", lambda p, rng: (p[1:-1] == 0).any()),
    ("sample_action", "a 0 last", lambda p, rng: p[-1] == 0),
    ("sample_action", "equal ones", lambda p, rng: len(set(p)) < len(p)),
    ("score softmax", "logits below 0 alone", lambda z, *_: (z < 0).all()),
    ("score", "the last action", lambda z, a: a == len(z) - 1),
    ("score", "equal logits", lambda z, a: len(set(z)) < len(z)),
    ("score_function_estimate", "rewards of both signs", lambda z, r, m, rng: r.min() < 0 < r.max()),
    ("score_function_estimate", "one draw", lambda z, r, m, rng: m == 1),
    ("score_function_estimate", "more draws than actions", lambda z, r, m, rng: m > len(z)),
    ("softmax", "a temperature at large logits", lambda z, temperature=1: temperature > 100 and z.max() > 5000),
    ("softmax", "a temperature near 0", lambda z, temperature=1: temperature < 0.01),
    ("softmax", "a row far above its mean", lambda z, *_: z.max() - z.mean() > 800),
    ("softmax", "rows of one table far apart", lambda z, *_: z.ndim == 2 and np.ptp(z.max(axis=-1)) > 800),
    ("softmax reinforce_gradient score trajectory_score", "a share of 0", lambda z, *_: np.ptp(z, axis=-1).max() > 750),
    ("trajectory_log_prob", "each product too small for a float", lambda p, d: np.prod(p) == np.prod(d) == 0),
    ("trajectory_log_prob", "an improbable step", lambda p, d: len(p) < 9 and p.min() < 1e-11),
    ("trajectory_log_prob", "a certain step", lambda p, d: (d == 1).any()),
    ("trajectory_score", "one step", lambda z, s, a: len(s) == 1),
    ("trajectory_score", "rows far apart", lambda z, s, a: z[s[0]].max() < z.max() - 800),
    ("whiten", "a true 0", lambda a, mask: ((a == 0) & (mask == 1)).any()),
    ("whiten", "a mean below 0", lambda a, mask: a.sum() < 0),
    ("whiten", "one trajectory", lambda a, mask: len(mask) == 1),
    ("whiten", "more trajectories than steps", lambda a, mask: np.greater(*mask.shape)),
    ("whiten", "all equal", lambda a, mask: np.ptp(a[mask == 1]) == 0),
]


@pytest.mark.parametrize(("name", "what", "shows"), [(n, what, f) for names, what, f in SHOWS for n in names.split()])
def test_no_property_is_shared_by_all_inputs(name, what, shows):
    question = load(name)
    shown = [bool(shows(*given.values())) for given in [*question.fixed, *question.extreme]]
    assert any(shown)
    assert not all(shown)


def share_inside(probability, wanted, bound, calls):
    """Return the chance that the share of something of this probability is within a bound of the wanted one."""
    k = np.arange(calls + 1)
    logs = np.log(np.maximum(k, 1)).cumsum()  # of k!
    chances = np.exp(logs[-1] - logs - logs[::-1] + k * np.log(probability) + k[::-1] * np.log1p(-probability))
    return chances[np.abs(k / calls - wanted) <= bound].sum()


def chance_to_miss(law, bound, calls, i, j):
    """Return the chance that a function is accepted which draws i more often by 0.05, and j less often."""
    right, wrong = law.probabilities, law.probabilities.copy()
    wrong[i] += 0.05
    wrong[j] -= 0.05
    if wrong.min() < 0 or wrong.max() > 1:
        return 0.0
    return min(share_inside(wrong[k], right[k], bound[k], calls) for k in (i, j) if wrong[k])


def test_an_error_of_a_twentieth_is_noticed_999_times_in_1000():
    """Of sampled actions; test_check_power.py has the estimate."""
    assert engine.FALSE_ALARM <= 1e-6
    question = load("sample_action")
    for seed in range(10):
        inputs = [*question.fixed, question.fresh(np.random.default_rng(seed))]
        expected = engine._expected(question, question.oracle, inputs)
        for given, of_input in zip(inputs, expected, strict=True):
            if seed and given is not inputs[-1]:
                continue
            law = question.oracle(**given)
            for i, j in permutations(range(law.probabilities.size), 2):
                assert chance_to_miss(law, of_input.mean_bound, question.calls, i, j) <= 1e-3, (given, i, j)
