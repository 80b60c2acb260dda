"""Answers as learners write them, in many styles, to the questions from A to K: each is judged rightly.

A right answer is accepted in every style. A wrong one is told its own mistake, or that no name is known for it; two
faults at once are told one of the two, or none, and never a third.
"""

import numpy as np
import pytest

from course_utils import policy
from course_utils.checks import judge, load

pytestmark = pytest.mark.long


SEEDS = range(2)
UNNAMED = {None, "rounding", "wrong-shape", "not-finite", "raised", "factor", "offset"}
"""what is said where no known mistake fits, and says nothing untrue of any wrong answer"""


def softmax(z):
    weights = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def one_hot(z, a):
    return np.eye(np.shape(z)[-1])[a]


def rows(f):
    """Compute an answer row by row, and put the rows together."""
    return lambda *arguments: np.array([f(*row) for row in zip(*arguments, strict=True)])


def filled(z, entry):
    """Fill an array of the shape of z entry by entry."""
    result = np.zeros(np.shape(z))
    for place in np.ndindex(result.shape):
        result[place] = entry(*place)
    return result


def entropy_of_row(z):
    total = 0.0
    for p in softmax(z):
        if p > 0:
            total -= p * np.log(p)
    return total


def entropy_by_log_sum(z):
    z = z - z.max(axis=-1, keepdims=True)
    log_total = np.log(np.exp(z).sum(axis=-1))
    return log_total - (softmax(z) * z).sum(axis=-1)


def gae_backwards(r, v, ended, g, lam):
    found, after = [], 0
    for t in range(len(r) - 1, -1, -1):
        after = r[t] - v[t] if ended[t] else r[t] + g * v[t + 1] - v[t] + g * lam * after
        found.append(after)
    return found[::-1]


def gae_deltas(r, v, ended, g, lam):
    deltas = r + g * v[1:] * ~ended - v[:-1]
    result = np.zeros_like(deltas)
    for t in range(len(r)):
        weight = 1.0
        for k in range(t, len(r)):
            result[t] += weight * deltas[k]
            if ended[k]:
                break
            weight *= g * lam
    return result


def gae_by_matrix(r, v, ended, g, lam):
    goes_on = g * (1 - ended.astype(float))
    step_back = np.diag(lam * goes_on[:-1], k=1) if len(r) > 1 else np.zeros((1, 1))
    return np.linalg.solve(np.eye(len(r)) - step_back, r + goes_on * v[1:] - v[:-1])


def nudged_one_by_one(f, z, h):
    slopes = []
    for i in range(len(z)):
        up, down = z.copy(), z.copy()
        up[i] += h
        down[i] -= h
        slopes.append((f(up) - f(down)) / (2 * h))
    return slopes


def fisher_by_loop(p):
    F = np.zeros((len(p), len(p)))
    for a in range(len(p)):
        s = np.eye(len(p))[a] - p
        F += p[a] * np.outer(s, s)
    return F


def baseline_by_loop(p, r):
    above = below = 0.0
    for a in range(len(p)):
        s = -np.array(p)
        s[a] += 1
        above += p[a] * (s @ s) * r[a]
        below += p[a] * (s @ s)
    return above / below


def slope_of_entropy(z):
    return -softmax(z) * (np.log(softmax(z)) + policy.entropy(z)[:, None])


RIGHT = {
    "action_advantages": [
        lambda z, q: q - (softmax(z) * q).sum(axis=1, keepdims=True),
        lambda z, q: q - np.einsum("sa,sa->s", softmax(z), q)[:, None],
        lambda z, q: (q.T - np.diag(softmax(z) @ q.T)).T,
        rows(lambda z, q: q - softmax(z) @ q),
        lambda z, q: filled(q, lambda s, a: q[s, a] - sum(softmax(z)[s] * q[s])),
    ],
    "actor_gradient": [
        lambda z, a, A, c: A[:, None] * (softmax(z) - one_hot(z, a)) - c * slope_of_entropy(z),
        lambda z, a, A, c: -(policy.score(z, a).T * A).T - c * slope_of_entropy(z),
        lambda z, a, A, c: [
            A[t] * (softmax(z[t]) - one_hot(z, a[t])) - c * slope_of_entropy(z[t : t + 1])[0] for t in range(len(a))
        ],
        lambda z, a, A, c: filled(
            z,
            lambda t, b: (
                -A[t] * ((b == a[t]) - softmax(z)[t, b])
                + c * softmax(z)[t, b] * (np.log(softmax(z)[t, b]) + entropy_of_row(z[t]))
            ),
        ),
    ],
    "advantage_gradient": [
        lambda z, a, A: A[:, None] * (one_hot(z, a) - softmax(z)),
        lambda z, a, A: np.einsum("t,tb->tb", A, policy.score(z, a)),
        lambda z, a, A: np.diag(A) @ (one_hot(z, a) - softmax(z)),
        rows(lambda z, a, A: A * (one_hot(z, a) - softmax(z))),
        lambda z, a, A: filled(z, lambda t, b: A[t] * ((1 if a[t] == b else 0) - softmax(z)[t, b])),
    ],
    "advantage_objective": [
        lambda p, A: np.sum(p * A),
        lambda p, A: p @ A,
        lambda p, A: np.einsum("t,t", p, A),
        lambda p, A: sum(x * y for x, y in zip(p, A, strict=True)),
        lambda p, A: sum(p[t] * A[t] for t in reversed(range(len(p)))),
    ],
    "ascent_step": [
        lambda z, A, h: softmax(z + h * softmax(z) * (A - softmax(z) @ A)),
        lambda z, A, h: softmax(z + h * (np.diag(softmax(z)) - np.outer(softmax(z), softmax(z))) @ A),
        lambda z, A, h: softmax(
            [x + h * p * (y - sum(softmax(z) * A)) for x, p, y in zip(z, softmax(z), A, strict=True)]
        ),
        lambda z, A, h: softmax(z - np.max(z) + h * (softmax(z) * A - softmax(z) * np.dot(softmax(z), A))),
    ],
    "best_baseline": [
        lambda p, r: (p * ((np.eye(len(p)) - p) ** 2).sum(axis=1)) @ r / (p @ ((np.eye(len(p)) - p) ** 2).sum(axis=1)),
        lambda p, r: np.average(r, weights=p * (1 - 2 * p + (p**2).sum())),
        lambda p, r: np.average(r, weights=p * np.linalg.norm(np.eye(len(p)) - p, axis=1) ** 2),
        baseline_by_loop,
    ],
    "critic_gradient": [
        lambda r, v, g: v[:-1] - (r + g * v[1:]),
        lambda r, v, g: -(r + g * v[1:] - v[:-1]),
        lambda r, v, g: [v[t] - r[t] - g * v[t + 1] for t in range(len(r))],
        lambda r, v, g: filled(r, lambda t: v[t] - (r[t] + g * v[t + 1])),
    ],
    "entropy": [
        lambda z: -(policy.softmax(z) * policy.log_softmax(z)).sum(axis=-1),
        entropy_by_log_sum,
        lambda z: entropy_of_row(z) if z.ndim == 1 else np.array([entropy_of_row(row) for row in z]),
        lambda z: -np.einsum("...a,...a->...", policy.softmax(z), policy.log_softmax(z)),
        lambda z: -np.nan_to_num(softmax(z) * np.log(softmax(z))).sum(-1),
    ],
    "explained_variance": [
        lambda v, g: 1 - np.var(g - v) / np.var(g),
        lambda v, g: 1 - np.var(v - g, ddof=1) / np.var(g, ddof=1),
        lambda v, g: 1 - (np.std(g - v) / np.std(g)) ** 2,
        lambda v, g: (2 * np.cov(v, g)[0, 1] - np.cov(v, g)[0, 0]) / np.cov(v, g)[1, 1],
        lambda v, g: 1 - sum((g - v - np.mean(g - v)) ** 2) / sum((g - np.mean(g)) ** 2),
    ],
    "finite_difference": [
        lambda f, z, h: np.array([(f(z + h * e) - f(z - h * e)) / (2 * h) for e in np.eye(len(z))]),
        nudged_one_by_one,
        lambda f, z, h: np.array([f(z + h * e) - f(z - h * e) for e in np.eye(len(z))]) / 2 / h,
        lambda f, z, h: (
            np.array([f(z + n) for n in h * np.eye(z.size)]) / (2 * h)
            - np.array([f(z - n) for n in h * np.eye(z.size)]) / (2 * h)
        ),
    ],
    "fisher_information": [
        lambda p: np.diag(p) - np.outer(p, p),
        lambda p: np.diag(p) - p[:, None] * p[None, :],
        lambda p: (np.eye(len(p)) - p).T @ (p[:, None] * (np.eye(len(p)) - p)),
        lambda p: np.einsum("a,ab,ac->bc", p, np.eye(len(p)) - p, np.eye(len(p)) - p),
        lambda p: np.cov(np.eye(len(p)) - p, rowvar=False, aweights=p, ddof=0),
        lambda p: [[p[a] * ((a == b) - p[b]) for b in range(len(p))] for a in range(len(p))],
        fisher_by_loop,
    ],
    "gae": [gae_backwards, gae_deltas, gae_by_matrix],
    "kl_estimate": [
        lambda p, r: np.exp(r - p) - 1 - (r - p),
        lambda p, r: np.expm1(r - p) + p - r,
        lambda p, r: [np.exp(y - x) - 1 + x - y for x, y in zip(p, r, strict=True)],
        lambda p, r: filled(p, lambda t: 2.718281828459045 ** (r[t] - p[t]) - 1 - (r[t] - p[t])),
    ],
}


def in_float32(function):
    def answer(*arguments):
        narrowed = [np.float32(x) if isinstance(x, np.ndarray) and x.dtype == float else x for x in arguments]
        return np.float32(function(*narrowed))

    return answer


STYLES = {
    "plain": lambda f: f,
    "list": lambda f: lambda *arguments: np.asarray(f(*arguments)).tolist(),
    "numbers in arrays of their own": lambda f: (
        lambda *arguments: list(map(np.array, f(*arguments))) if np.ndim(f(*arguments)) else f(*arguments)
    ),
    "columns": lambda f: lambda *arguments: np.array(f(*arguments), order="F"),
    "float32": in_float32,
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("name", "place"), [(name, k) for name in RIGHT for k in range(len(RIGHT[name]))])
def test_right_answers_of_every_style_are_accepted(name, place, style):
    answer = STYLES[style](RIGHT[name][place])
    for seed in SEEDS:
        result = judge(load(name), answer, seed)
        assert (result.status, result.mistake) == ("correct", None), result


# --- wrong answers -----------------------------------------------------------------------------------


def table_softmax(z):
    return np.exp(z - z.max()) / np.exp(z - z.max()).sum()


def column_softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=0)


def one_maximum(z):
    return np.exp(z - z.max()) / np.exp(z - z.max()).sum(axis=-1, keepdims=True)


def mean_shifted(z):
    weights = np.exp(z - z.mean(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def naive(z):
    return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)


def entropy_of(p):
    return -(p * np.log(p)).sum(axis=-1)


def mean_log_sum_entropy(z):
    y = z - z.mean(axis=-1, keepdims=True)
    return np.log(np.exp(y).sum(axis=-1)) - (np.exp(y) * y).sum(axis=-1) / np.exp(y).sum(axis=-1)


def stops_early(result, rounds=1):
    """What a `return` inside the outer loop leaves: the first rows, and zeros."""
    kept = np.zeros(np.shape(result))
    kept[:rounds] = result[:rounds]
    return kept


def without_first(result):
    """What range(1, T) leaves."""
    kept = np.array(result)
    kept[0] = 0
    return kept


def gae_late_reset(r, v, ended, g, lam):
    result, after = np.zeros(len(r)), 0.0
    for t in reversed(range(len(r))):
        after = r[t] + g * v[t + 1] * (1 - ended[t]) - v[t] + g * lam * after
        result[t] = after
        if ended[t]:
            after = 0.0
    return result


def gae_early_reset(r, v, ended, g, lam):
    result, after = np.zeros(len(r)), 0.0
    for t in reversed(range(len(r))):
        carried = g * lam * after
        after = r[t] + g * v[t + 1] * (1 - ended[t]) - v[t] + (0.0 if t > 0 and ended[t - 1] else carried)
        result[t] = after
    return result


def gae_record_ends(r, v, ended, g, lam):
    result, after = np.zeros(len(r)), 0.0
    for t in reversed(range(len(r))):
        following = 0.0 if t == len(r) - 1 or ended[t] else v[t + 1]
        after = r[t] + g * following - v[t] + g * lam * (not ended[t]) * after
        result[t] = after
    return result


def gae_from_one(r, v, ended, g, lam):
    result, after = np.zeros(len(r)), 0.0
    for t in range(len(r) - 1, 0, -1):
        after = r[t] + g * v[t + 1] * (1 - ended[t]) - v[t] + g * lam * (1 - ended[t]) * after
        result[t] = after
    return result


def nudged_in_place(f, z, h):
    z, slopes = z.copy(), []
    for i in range(len(z)):
        z[i] += h
        up = f(z)
        z[i] -= 2 * h
        slopes.append((up - f(z)) / (2 * h))
    return slopes


def five_points(f, z, h):
    def at(k, e):
        return f(z + k * h * e)

    return [(-at(2, e) + 8 * at(1, e) - 8 * at(-1, e) + at(-2, e)) / (12 * h) for e in np.eye(len(z))]


def fisher_with_inner_products(p):
    F = np.zeros((len(p), len(p)))
    for a in range(len(p)):
        s = np.eye(len(p))[a] - p
        F += p[a] * s @ s.T
    return F


def lengths(p, axis=1):
    return ((np.eye(len(p)) - p) ** 2).sum(axis=axis)


def with_slope(slope):
    return lambda z, a, A, c: -policy.score(z, a) * A[:, None] - c * slope(z)


def with_score(score):
    return lambda z, a, A, c: -score(z, a) * A[:, None] - c * slope_of_entropy(z)


WRONG = {
    "action_advantages": [
        ("whole-table", lambda z, q: q - (table_softmax(z) * q).sum(axis=1, keepdims=True)),
        ("over-states", lambda z, q: q - (column_softmax(z) * q).sum(axis=1, keepdims=True)),
        ("over-states", lambda z, q: q - (softmax(z) * q).sum(axis=0)),
        ("logits-for-probabilities", lambda z, q: q - (z * q).sum(axis=1, keepdims=True)),
        ("not-normalised", lambda z, q: q - (np.exp(z) * q).sum(axis=1, keepdims=True)),
        ("one-value-for-all", lambda z, q: q - np.sum(softmax(z) * q)),
        ("one-value-for-all", lambda z, q: q - np.mean(q)),
        ("plain-mean", lambda z, q: (q.T - q.T.mean(axis=0)).T),
        ("best-subtracted", lambda z, q: q - np.sort(q)[:, -1:]),
        ("one-maximum", lambda z, q: q - (one_maximum(z) * q).sum(axis=1, keepdims=True)),
        ("mean-subtracted", lambda z, q: q - (mean_shifted(z) * q).sum(axis=1, keepdims=True)),
        ("no-maximum", lambda z, q: q - (naive(z) * q).sum(axis=1, keepdims=True)),
        (None, lambda z, q: (q - (softmax(z) * q).sum(1, keepdims=True)) / q.std()),
        (None, lambda z, q: (q - q.mean(1, keepdims=True)) / (q.std(1, keepdims=True) + 1e-8)),
        (None, lambda z, q: np.maximum(q - (softmax(z) * q).sum(1, keepdims=True), 0)),
    ],
    "actor_gradient": [
        ("entropy-itself", with_slope(lambda z: policy.entropy(z)[:, None])),
        ("entropy-itself", with_slope(lambda z: -policy.entropy(z)[:, None])),
        ("entropy-itself", with_slope(lambda z: policy.entropy(z).sum())),
        ("entropy-bracket", with_slope(lambda z: -softmax(z) * np.log(softmax(z)))),
        ("entropy-bracket", with_slope(lambda z: -softmax(z) * (np.log(softmax(z)) + 1))),
        ("entropy-bracket", with_slope(lambda z: -softmax(z) * (np.log(softmax(z)) - policy.entropy(z)[:, None]))),
        ("entropy-of-all-steps", with_slope(lambda z: -softmax(z) * (np.log(softmax(z)) + policy.entropy(z).sum()))),
        ("entropy-averaged", with_slope(lambda z: slope_of_entropy(z) / len(z))),
        ("score-times-pi", with_score(lambda z, a: softmax(z) * policy.score(z, a))),
        ("score-times-pi", with_score(lambda z, a: softmax(z)[np.arange(len(a)), a, None] * policy.score(z, a))),
        ("logits-for-probabilities", with_score(lambda z, a: one_hot(z, a) - z)),
        ("not-normalised", with_score(lambda z, a: one_hot(z, a) - np.exp(z))),
        ("whole-table", with_score(lambda z, a: one_hot(z, a) - table_softmax(z))),
        ("softmax-over-time", with_score(lambda z, a: one_hot(z, a) - column_softmax(z))),
        ("only-one-hot", with_score(one_hot)),
        ("no-one-hot", with_score(lambda z, a: -softmax(z))),
        ("brackets", lambda z, a, A, c: -(one_hot(z, a) * A[:, None] - softmax(z)) - c * slope_of_entropy(z)),
        (None, with_score(lambda z, a: policy.score(z, a) * np.log(softmax(z)))),
    ],
    "advantage_gradient": [
        ("whole-table", lambda z, a, A: A[:, None] * (one_hot(z, a) - table_softmax(z))),
        ("softmax-over-time", lambda z, a, A: A[:, None] * (one_hot(z, a) - column_softmax(z))),
        ("logits-for-probabilities", lambda z, a, A: A[:, None] * (one_hot(z, a) - z)),
        ("not-normalised", lambda z, a, A: A[:, None] * (one_hot(z, a) - np.exp(z))),
        ("brackets", lambda z, a, A: one_hot(z, a) * A[:, None] - softmax(z)),
        ("score-times-pi", lambda z, a, A: A[:, None] * softmax(z) * policy.score(z, a)),
        ("score-of-probability", lambda z, a, A: (A * softmax(z)[range(len(a)), a])[:, None] * policy.score(z, a)),
        ("one-step", lambda z, a, A: stops_early(A[:, None] * policy.score(z, a))),
        ("step-left-out", lambda z, a, A: without_first(A[:, None] * policy.score(z, a))),
        ("whitened", lambda z, a, A: ((A - A.mean()) / (A.std() + 1e-8))[:, None] * policy.score(z, a)),
        ("one-maximum", lambda z, a, A: A[:, None] * (one_hot(z, a) - one_maximum(z))),
        ("mean-subtracted", lambda z, a, A: A[:, None] * (one_hot(z, a) - mean_shifted(z))),
        ("no-maximum", lambda z, a, A: A[:, None] * (one_hot(z, a) - naive(z))),
        (None, lambda z, a, A: np.abs(A)[:, None] * policy.score(z, a)),
        (None, lambda z, a, A: np.maximum(A, 0)[:, None] * policy.score(z, a)),
        (None, lambda z, a, A: np.cumsum(A)[:, None] * policy.score(z, a)),
        (None, lambda z, a, A: A[:, None] * (one_hot(z, np.argmax(z, axis=1)) - softmax(z))),
    ],
    "advantage_objective": [
        ("one-step", lambda p, A: p[-1] * A[-1]),
        ("one-step", lambda p, A: p[0] * A[0]),
        ("step-left-out", lambda p, A: sum(p[t] * A[t] for t in range(1, len(p)))),
        ("step-left-out", lambda p, A: sum(p[t] * A[t] for t in range(len(p) - 1))),
        ("log-twice", lambda p, A: np.sum(np.log(p) * A)),
        ("probabilities", lambda p, A: np.exp(p) @ A),
        ("whitened", lambda p, A: p @ ((A - np.mean(A)) / (np.std(A) + 1e-8))),
        (None, lambda p, A: np.sum(np.sqrt(p) * A)),
        (None, lambda p, A: np.sum(p * np.cumsum(A[::-1])[::-1])),
        (None, lambda p, A: np.sum(p * np.abs(A))),
        (None, lambda p, A: np.sum(p * np.maximum(A, 0))),
        (None, lambda p, A: np.sum(np.maximum(p, -5) * A)),
        (None, lambda p, A: np.prod(p * A)),
        (None, lambda p, A: np.sum((p * A)[p < -0.1])),
    ],
    "ascent_step": [
        ("logits-for-probabilities", lambda z, A, h: softmax(z + h * z * (A - z @ A))),
        ("not-normalised", lambda z, A, h: np.exp(z + h * softmax(z) * (A - softmax(z) @ A))),
        ("softmax-twice", lambda z, A, h: softmax(softmax(z + h * softmax(z) * (A - softmax(z) @ A)))),
        ("no-probability-factor", lambda z, A, h: softmax(z + h * A)),
        ("no-probability-factor", lambda z, A, h: softmax(z + h * (A - softmax(z) @ A))),
        ("mean-subtracted", lambda z, A, h: mean_shifted(z + h * mean_shifted(z) * (A - mean_shifted(z) @ A))),
        ("no-maximum", lambda z, A, h: naive(z + h * softmax(z) * (A - softmax(z) @ A))),
        (None, lambda z, A, h: softmax(z + h * softmax(z) * (A - softmax(z) @ A) / len(z))),
        (None, lambda z, A, h: softmax(z + h * softmax(z) * (A - A.max()))),
        (None, lambda z, A, h: np.clip(softmax(z) * (1 + h * (A - softmax(z) @ A)), 0, 1)),
    ],
    "best_baseline": [
        ("variance-weights", lambda p, r: np.average(r, weights=p * (1 - p))),
        ("variance-weights", lambda p, r: np.average(r, weights=p * p * (1 - p))),
        ("axis-of-actions", lambda p, r: np.average(r, weights=p * lengths(p, axis=0))),
        ("only-own-entry", lambda p, r: np.average(r, weights=p * (1 - p) ** 2)),
        ("value", lambda p, r: np.average(r, weights=p * np.sum(p**2))),
        ("not-squared", lambda p, r: np.average(r, weights=p * np.linalg.norm(np.eye(len(p)) - p, axis=1))),
        ("divided-by-mean", lambda p, r: (p * lengths(p)) @ r / (p * lengths(p)).mean()),
        (
            "for-each-logit",
            lambda p, r: np.array([np.average(r, weights=p * (np.eye(len(p)) - p)[:, b] ** 2) for b in range(len(p))]),
        ),
        ("variance-weights", lambda p, r: np.average(r, weights=p * np.abs(np.eye(len(p)) - p).sum(axis=1))),
        (None, lambda p, r: np.median(r)),
        (None, lambda p, r: r.max()),
        (None, lambda p, r: np.average(r, weights=p**2)),
    ],
    "critic_gradient": [
        ("last-is-an-end", lambda r, v, g: v[:-1] - r - g * np.append(v[1:-1], 0)),
        ("discount-power", lambda r, v, g: v[:-1] - r - g ** np.arange(len(r)) * v[1:]),
        ("discount-power", lambda r, v, g: v[:-1] - r - g ** (np.arange(len(r)) - 1.0) * v[1:]),
        ("value-of-wrong-state", lambda r, v, g: v[1:] - (r + g * v[:-1])),
        ("step-left-out", lambda r, v, g: without_first(v[:-1] - r - g * v[1:])),
        ("step-left-out", lambda r, v, g: stops_early(v[:-1] - r - g * v[1:])),
        ("value-not-subtracted", lambda r, v, g: r + g * v[1:]),
        ("loss-terms", lambda r, v, g: (r + g * v[1:] - v[:-1]) ** 2 / 2),
        (None, lambda r, v, g: np.abs(v[:-1] - r - g * v[1:])),
        (None, lambda r, v, g: np.sign(v[:-1] - r - g * v[1:])),
        (None, lambda r, v, g: (v[:-1] - r - g * v[1:]) * v[:-1]),
        (None, lambda r, v, g: np.clip(v[:-1] - r - g * v[1:], -1, 1)),
    ],
    "entropy": [
        ("whole-table", lambda z: entropy_of(table_softmax(z))),
        ("whole-table", lambda z: -np.sum(table_softmax(z) * np.log(table_softmax(z)))),
        ("first-axis", lambda z: entropy_of(column_softmax(z))),
        ("first-axis", lambda z: -(softmax(z) * np.log(softmax(z))).sum(axis=0)),
        ("not-normalised", lambda z: -(np.exp(z) * z).sum(axis=-1)),
        ("divided-by-log-n", lambda z: entropy_of(softmax(z)) / np.log(z.shape[-1])),
        ("logits-for-probabilities", lambda z: -(softmax(z) * z).sum(axis=-1)),
        ("summed-over-rows", lambda z: np.mean(entropy_of(softmax(z)))),
        ("base-two", lambda z: -(softmax(z) * np.log2(softmax(z))).sum(axis=-1)),
        ("one-maximum", lambda z: np.log(np.exp(z - z.max()).sum(-1)) + z.max() - (policy.softmax(z) * z).sum(-1)),
        ("mean-subtracted", mean_log_sum_entropy),
        ("zero-log-zero", lambda z: entropy_of(softmax(z))),
        (
            "no-maximum",
            lambda z: -np.nan_to_num(naive(z) * np.log(naive(z))).sum(-1) if z.max() < 600 else z.sum(-1) * np.nan,
        ),
        (None, lambda z: np.exp(entropy_of(softmax(z)))),
        (None, lambda z: -(softmax(z) * np.log(np.clip(softmax(z), 1e-8, 1))).sum(axis=-1)),
        (None, lambda z: (softmax(z) * (1 - softmax(z))).sum(axis=-1)),
        (None, lambda z: 1 - (softmax(z) ** 2).sum(axis=-1)),
    ],
    "explained_variance": [
        ("clipped", lambda v, g: max(0, 1 - np.var(g - v) / np.var(g))),
        ("clipped", lambda v, g: np.clip(1 - np.var(g - v) / np.var(g), 0, 1)),
        ("clipped", lambda v, g: abs(1 - np.var(g - v) / np.var(g))),
        ("not-centred", lambda v, g: 1 - np.var(g - v) / np.mean(g**2)),
        ("not-centred", lambda v, g: 1 - np.sum((g - v) ** 2) / np.sum(g**2)),
        ("ratio-of-variances", lambda v, g: np.var(v) / np.var(g)),
        ("ratio-of-variances", lambda v, g: 1 - np.var(v) / np.var(g)),
        ("correlation", lambda v, g: np.cov(v, g)[0, 1] / np.sqrt(np.cov(v, g)[0, 0] * np.cov(v, g)[1, 1])),
        (None, lambda v, g: np.cov(v, g)[0, 1] / np.var(g, ddof=1)),
        (None, lambda v, g: 1 - np.var(g - v) / np.var(g, ddof=1)),
        (None, lambda v, g: 1 - np.abs(g - v).mean() / np.abs(g - g.mean()).mean()),
        (None, lambda v, g: np.log(np.var(g - v) / np.var(g))),
    ],
    "finite_difference": [
        ("own-width", lambda f, z, h: [(f(z + 1e-4 * e) - f(z)) / 1e-4 for e in np.eye(len(z))]),
        ("own-width", lambda f, z, h: [(f(z + 1e-6 * e) - f(z - 1e-6 * e)) / 2e-6 for e in np.eye(len(z))]),
        ("forward", lambda f, z, h: [(f(z + h * e) - f(z)) / h for e in np.eye(len(z))]),
        ("five-points", five_points),
        ("half-width", lambda f, z, h: [(f(z + h / 2 * e) - f(z - h / 2 * e)) / h for e in np.eye(len(z))]),
        (
            "second-difference",
            lambda f, z, h: [(f(z + h * e) - 2 * f(z) + f(z - h * e)) / h**2 for e in np.eye(len(z))],
        ),
        ("first-only", lambda f, z, h: stops_early(nudged_one_by_one(f, z, h))),
        ("first-only", lambda f, z, h: nudged_one_by_one(f, z, h)[0]),
        ("accumulated", nudged_in_place),
        ("all-at-once", lambda f, z, h: (f(z + h) - f(z - h)) / (2 * h) * np.ones(len(z))),
        (None, lambda f, z, h: [(f(z * (1 + h * e)) - f(z * (1 - h * e))) / (2 * h) for e in np.eye(len(z))]),
        (None, lambda f, z, h: [abs(f(z + h * e) - f(z - h * e)) / (2 * h) for e in np.eye(len(z))]),
        (None, lambda f, z, h: [(f(h * e) - f(-h * e)) / (2 * h) for e in np.eye(len(z))]),
    ],
    "fisher_information": [
        ("inner-product-of-scores", fisher_with_inner_products),
        ("inner-product-of-scores", lambda p: sum(p[a] * s @ s.T for a, s in enumerate(np.eye(len(p)) - p))),
        ("scores-exchanged", lambda p: (np.eye(len(p)) - p) @ np.diag(p) @ (np.eye(len(p)) - p).T),
        ("scores-exchanged", lambda p: p * (np.eye(len(p)) - p) @ (np.eye(len(p)) - p).T),
        ("columns-weighted", lambda p: (np.eye(len(p)) - p).T @ (p * (np.eye(len(p)) - p))),
        ("one-action", lambda p: p[0] * np.outer(np.eye(len(p))[0] - p, np.eye(len(p))[0] - p)),
        ("one-action", lambda p: p[-1] * np.outer(np.eye(len(p))[-1] - p, np.eye(len(p))[-1] - p)),
        ("action-left-out", lambda p: sum(p[a] * np.outer(s, s) for a, s in enumerate(np.eye(len(p)) - p) if a)),
        ("plain-mean", lambda p: (np.eye(len(p)) - p).T @ (np.eye(len(p)) - p)),
        (None, lambda p: np.cov(np.eye(len(p)) - p, rowvar=False)),
        (None, lambda p: np.cov(np.eye(len(p)) - p, rowvar=False, aweights=p)),
        (None, lambda p: np.linalg.pinv(np.diag(p) - np.outer(p, p))),
        (None, lambda p: (np.eye(len(p)) - p).T @ np.diag(p**2) @ (np.eye(len(p)) - p)),
    ],
    "gae": [
        ("cut-one-off", gae_late_reset),
        ("cut-one-off", gae_early_reset),
        ("last-is-an-end", gae_record_ends),
        ("step-left-out", gae_from_one),
        ("step-left-out", lambda *given: stops_early(gae_backwards(*given)[::-1])[::-1]),
        ("ends-inverted", lambda r, v, ended, g, lam: gae_deltas(r, v, ~ended, g, lam)),
        ("reversed", lambda *given: gae_backwards(*given)[::-1]),
        ("discounted-again", lambda r, v, e, g, lam: np.array(gae_backwards(r, v, e, g, lam)) * g ** np.arange(len(r))),
        ("lambda-beside-discount", lambda r, v, ended, g, lam: gae_deltas(r, v, ended, g * lam, 1.0)),
        ("bootstraps-terminal", lambda r, v, e, g, lam: gae_by_matrix(r + g * v[1:] * e, v, e, g, lam)),
        (None, lambda r, v, e, g, lam: np.cumsum((r + g * v[1:] * ~e - v[:-1])[::-1])[::-1]),
        (None, lambda r, v, e, g, lam: (lambda A: (A - A.mean()) / (A.std() + 1e-8))(gae_deltas(r, v, e, g, lam))),
        (None, lambda r, v, e, g, lam: gae_deltas(r, v, e, g, lam) * (1 - lam)),
    ],
    "kl_estimate": [
        ("ratio-of-logs", lambda p, r: r / p - 1 - np.log(r / p)),
        ("ratio-of-logs", lambda p, r: r / p - 1 - (r - p)),
        ("ratio-of-logs", lambda p, r: (r - p) - 1 - np.log(r - p)),
        ("ratio-of-logs", lambda p, r: (r - p) - 1 - (r - p)),
        ("k2", lambda p, r: (p - r) ** 2),
        ("weighted", lambda p, r: np.exp(p) * (np.exp(r - p) - 1 - (r - p))),
        ("mean", lambda p, r: np.sum(np.exp(r - p) - 1 - (r - p))),
        ("absolute", lambda p, r: np.abs(p - r)),
        ("clipped", lambda p, r: np.maximum(p - r, 0)),
        ("no-log", lambda p, r: np.exp(r) / np.exp(p) - 1),
        ("underflow", lambda p, r: np.exp(r) / np.exp(p) - 1 - (r - p)),
        (None, lambda p, r: np.clip(np.exp(r - p) - 1 - (r - p), -10, 10)),
        (None, lambda p, r: np.exp(np.clip(r - p, -2, 2)) - 1 - np.clip(r - p, -2, 2)),
        (None, lambda p, r: (np.exp(r) - np.exp(p)) ** 2),
        (None, lambda p, r: np.exp(r - p) - 1 - np.log10(np.exp(r - p))),
    ],
}


@pytest.mark.parametrize(("name", "place"), [(name, k) for name in WRONG for k in range(len(WRONG[name]))])
def test_wrong_answers_are_told_their_own_mistake_or_none(name, place):
    mistake, answer = WRONG[name][place]
    for seed in SEEDS:
        result = judge(load(name), answer, seed)
        assert result.status != "correct"
        assert result.mistake in (UNNAMED if mistake is None else {mistake}), result


# --- what inputs that are all alike would hide -------------------------------------------------------

CHANGES = {
    "abs": np.abs,
    "above 0": lambda x: np.maximum(x, 0),
    "below 0": lambda x: np.minimum(x, 0),
    "clipped": lambda x: np.clip(x, -10, 10),
    "rounded": lambda x: np.round(x, 1),
    "sorted": lambda x: np.sort(x) if np.ndim(x) else x,
    "reversed": lambda x: x[::-1] if np.ndim(x) else x,
    "squeezed": np.squeeze,
}
POSITIVE = {"abs", "above 0", "clipped"}  # what changes nothing in a probability
HARMLESS = {  # an answer stays right after these: it would be wrong to refuse it
    ("actor_gradient", "entropy_cost"): {"abs", "above 0"},
    ("advantage_objective", "log_probs"): {"below 0"},
    ("ascent_step", "step_size"): POSITIVE,
    ("ascent_step", "answer"): POSITIVE,
    ("best_baseline", "probabilities"): POSITIVE,
    ("critic_gradient", "discount"): POSITIVE,
    ("entropy", "logits"): {"sorted"},
    ("entropy", "answer"): POSITIVE,
    ("finite_difference", "h"): POSITIVE,
    ("fisher_information", "probabilities"): POSITIVE,
    ("fisher_information", "answer"): {"clipped"},
    ("gae", "discount"): POSITIVE,
    ("gae", "lambda_"): POSITIVE,
    ("kl_estimate", "log_probs"): {"below 0"},
    ("kl_estimate", "ref_log_probs"): {"below 0"},
    ("kl_estimate", "answer"): {"abs", "above 0"},
}


def hidden(name, argument, change):
    """Say whether a change of an argument, or of the answer, leaves all exact answers of a question as they are."""
    question, right, change = load(name), RIGHT[name][0], CHANGES[change]
    place = question.arguments().index(argument) if argument != "answer" else None

    def answer(*given):
        if place is None:
            return change(np.asarray(right(*given)))
        return right(*given[:place], change(given[place]), *given[place + 1 :])

    return all(judge(question, answer, seed).status == "correct" for seed in SEEDS)


@pytest.mark.parametrize("name", RIGHT)
def test_inputs_differ_in_sign_order_size_shape_and_digits(name):
    question = load(name)
    for argument in (*question.arguments(), "answer"):
        if argument in ("f", "ended"):
            continue
        kept = HARMLESS.get((name, argument), set())
        for change in CHANGES:
            scalar = argument != "answer" and not np.ndim(question.fixed[0][argument])
            indices = argument == "actions" and change not in ("reversed", "sorted")
            number = argument == "answer" and not np.ndim(question.oracle(**question.fixed[-1]))
            if indices or (change in ("sorted", "reversed", "squeezed") and (scalar or number or change == "squeezed")):
                continue
            assert hidden(name, argument, change) == (change in kept), (argument, change)


# --- two faults at once ------------------------------------------------------------------------------

ALSO = {  # a fault in what is done with the answer, and the names that fit it
    "sign": (np.negative, {"sign", "ascent", "descends", "minus-k1", "value-not-subtracted"}),
    "sum": (np.sum, {"summed-over-rows", "summed-over-steps", "mean"}),
    "mean": (np.mean, {"mean", "mean-for-sum", "summed-over-rows"}),
    "steps": (lambda x: x / len(x) if np.ndim(x) else x, {"mean-over-steps", "mean-for-sum", "plain-mean"}),
    "order": (lambda x: x[::-1] if np.ndim(x) else x, {"reversed"}),
}
SAME = {  # two faults that give the numbers of a third, so that no check can tell
    ("actor_gradient", "entropy-sign", "sign"): "actor-sign",
    ("actor_gradient", "actor-sign", "sign"): "entropy-sign",
    ("kl_estimate", "minus-k1", "sign"): "k1",
}
CONSTANT = {"ignores-inputs"}  # a sum of scores, say, is 0 on every input


@pytest.mark.parametrize(("name", "place"), [(name, k) for name in WRONG for k in range(len(WRONG[name]))])
def test_two_faults_are_told_one_of_them_or_none(name, place):
    mistake, answer = WRONG[name][place]
    for fault, (change, names) in ALSO.items():
        result = judge(load(name), lambda *given, change=change: change(np.asarray(answer(*given), float)), 0)
        if result.status == "correct":
            assert mistake == "reversed"
            assert fault == "order"
        else:
            allowed = UNNAMED | CONSTANT | {mistake, SAME.get((name, mistake, fault))} | names
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
    assert result.mistake in UNNAMED | names | (AXIS if mistake == "axis" else {mistake}), result
