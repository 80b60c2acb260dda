"""Answers as learners write them, in many styles, to the questions from L to Z: each is judged rightly.

A right answer is accepted in every style. A wrong one is told its own mistake, or that no name is known for it; two
faults at once are told one of the two, or none, and never a third. The inputs of a question share no property behind
which a class of mistakes could hide, and the calls of a sampled one are enough to notice a small error.
"""

import math
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from course_utils.checks import engine, judge, load
from course_utils.checks.question import close, exact

pytestmark = pytest.mark.long


SEEDS = range(2)
QUESTIONS = (
    "leave_one_out",
    "penalised_rewards",
    "ppo_surrogate",
    "preference_loss",
    "reinforce_gradient",
    "reply_objective",
    "reward_to_go",
    "sample_action",
    "score",
    "score_function_estimate",
    "softmax",
    "trajectory_log_prob",
    "trajectory_score",
    "whiten",
)
SAMPLED = [name for name in QUESTIONS if load(name).calls]
COMPUTED = [name for name in QUESTIONS if not load(name).calls]


def softmax(z):
    weights = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def naive(z, shift=0.0):
    return np.exp(z - shift) / np.exp(z - shift).sum(axis=-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def per_step(term):
    """Compute each entry of the reward-to-go by itself, from t, rewards and discount."""
    return lambda r, g: [term(t, r, g) for t in range(len(r))]


def backwards(r, g, first=0.0):
    carried, result = first, np.zeros(len(r))
    for t in reversed(range(len(r))):
        carried = r[t] + g * carried
        result[t] = carried
    return result


def recursive(r, g):
    return [r[0] + g * rest[0], *rest] if len(r) > 1 and (rest := recursive(r[1:], g)) else list(r)


def surrogate(ratio):
    def answer(new, old, advantage, epsilon):
        rho = ratio(new, old)
        return np.minimum(rho * advantage, np.clip(rho, 1 - epsilon, 1 + epsilon) * advantage)

    return answer


plain = surrogate(lambda new, old: np.exp(new - old))


def with_score(penalty):
    def answer(score, new, ref, beta):
        rewards = -beta * penalty(new, ref)
        rewards[-1] += score
        return rewards

    return answer


def right_weight(t, r, g):
    return sum(g**k * r[k] for k in range(t, len(r)))


def reinforce(weight=right_weight, pi=softmax, step=None, begin=0, rounds=None, divide=True, keep=False):
    """REINFORCE in two loops, with one of its parts exchanged."""

    def answer(logits, states, actions, rewards, discount):
        g, table = np.zeros_like(logits), pi(logits)
        for i in range(rounds or len(states)):
            for t in range(begin, states.shape[1]):
                s, w = states[i, t], weight(t, rewards[i], discount)
                hot, p = np.eye(logits.shape[1])[actions[i, t]], table[states[i, t]]
                row = step(w, hot, p) if step else w * (hot - p)
                g[s] = row if keep else g[s] + row
        return g / len(states) if divide else g

    return answer


def path_score(pi=softmax, begin=0, keep=False, step=lambda hot, p: hot - p):
    one = reinforce(lambda t, r, g: 1.0, pi, lambda w, hot, p: step(hot, p), begin, keep=keep)
    return lambda logits, states, actions: one(logits, states[None], actions[None], states[None], 1.0)


def whitened(size=np.std, of=lambda a, mask: a[mask == 1], centre=np.mean):
    def answer(a, mask):
        steps = of(a, mask)
        return (a - centre(steps)) / (size(steps) + 1e-8) * mask

    return answer


def estimate(contribution, mean=True):
    """The score-function estimate, from what all draws contribute: a function of R, the identity, π and the actions."""

    def answer(logits, rewards, m, rng):
        p = softmax(logits)
        draws = rng.choice(len(p), size=m, p=p)
        rows = contribution(rewards, np.eye(len(p)), p, draws)
        return rows.mean(axis=0) if mean else rows

    return answer


def loop_of_counts(logits, rewards, m, rng):
    p = softmax(logits)
    counts = rng.multinomial(m, p)
    return counts * rewards / m - p * (counts @ rewards) / m


def inverse_transform(p, rng):
    u, total = rng.random(), 0.0
    for action in range(len(p)):
        total += p[action]
        if u < total:
            return action
    return int(np.flatnonzero(p)[-1])


def fresh_at_each_comparison(p, rng):
    edges = np.cumsum(p)
    for action in range(len(p)):
        if rng.random() < edges[action]:
            return action
    return len(p) - 1


def replies_until(rounds):
    def answer(log_probs, advantages, mask):
        total = sum((log_probs[i] * advantages[i])[mask[i]].sum() for i in range(len(mask))[:rounds])
        return total / len(mask)

    return answer


RIGHT = {
    "leave_one_out": [
        lambda r: (len(r) * r - r.sum()) / (len(r) - 1),
        lambda r: r - (np.ones((len(r), len(r))) - np.eye(len(r))) @ r / (len(r) - 1),
        lambda r: np.array([r[i] - np.delete(r, i).mean() for i in range(len(r))]),
    ],
    "penalised_rewards": [
        lambda s, new, ref, beta: np.append(-beta * (new - ref)[:-1], s - beta * (new[-1] - ref[-1])),
        lambda s, new, ref, beta: np.eye(len(new))[-1] * s + beta * ref - beta * new,
        lambda s, new, ref, beta: np.array(
            [-beta * (p - q) + (s if t == len(new) - 1 else 0) for t, (p, q) in enumerate(zip(new, ref, strict=True))]
        ),
    ],
    "ppo_surrogate": [
        plain,
        lambda new, old, a, e: np.where(a >= 0, np.exp(new - old).clip(max=1 + e), np.exp(new - old).clip(1 - e)) * a,
        lambda new, old, a, e: np.minimum(np.exp(new - old) * a, np.where(a > 0, (1 + e) * a, (1 - e) * a)),
    ],
    "preference_loss": [
        lambda c, r: np.mean(np.maximum(r - c, 0) + np.log1p(np.exp(-np.abs(c - r)))),
        lambda c, r: np.mean(np.logaddexp(c, r) - c),
        lambda c, r: sum(np.logaddexp(0, b - a) for a, b in zip(c, r, strict=True)) / len(c),
    ],
    "reinforce_gradient": [
        reinforce(),
        lambda z, s, a, r, g: (
            sum(
                np.outer(
                    np.eye(len(z))[s[i, t]],
                    right_weight(t, r[i], g) * (np.eye(z.shape[1])[a[i, t]] - softmax(z[s[i, t]])),
                )
                for i, t in np.ndindex(s.shape)
            )
            / len(s)
        ),
        lambda z, s, a, r, g: (
            np.einsum(
                "mts,mtk,kj,mj,mta->sa",
                np.eye(len(z))[s],
                np.eye(r.shape[1])[None].repeat(len(s), 0),
                np.triu(np.ones((r.shape[1],) * 2)),
                r * g ** np.arange(r.shape[1]),
                np.eye(z.shape[1])[a] - softmax(z)[s],
            )
            / len(s)
        ),
    ],
    "reply_objective": [
        lambda p, a, mask: np.einsum("mt,mt,mt->", p, a, mask.astype(float)) / len(p),
        lambda p, a, mask: np.where(mask, p * a, 0).sum() / mask.shape[0],
        lambda p, a, mask: np.mean([p[i][mask[i]] @ a[i][mask[i]] for i in range(len(p))]),
    ],
    "reward_to_go": [
        backwards,
        recursive,
        per_step(lambda t, r, g: np.dot(r[t:], g ** np.arange(len(r) - t))),
        lambda r, g: np.linalg.solve(np.eye(len(r)) - g * np.eye(len(r), k=1), r),
    ],
    "score": [
        lambda z, a: np.eye(len(z))[a] - softmax(z),
        lambda z, a: np.where(np.arange(len(z)) == a, 1.0, 0.0) - np.exp(z - np.logaddexp.reduce(z)),
        lambda z, a: [(b == a) - 1 / np.exp(z - z[b]).sum() if np.isfinite(z[b]) else 0.0 for b in range(len(z))],
    ],
    "softmax": [
        lambda z, temperature=1.0: softmax(z / temperature),
        lambda z, temperature=1.0: np.exp(
            z / temperature - np.logaddexp.reduce(z / temperature, axis=-1, keepdims=True)
        ),
        lambda z, temperature=1.0: np.apply_along_axis(lambda row: softmax(row / temperature), -1, z),
    ],
    "trajectory_log_prob": [
        lambda p, d: math.fsum(math.log(x) for x in [*p, *d]),
        lambda p, d: np.log(np.concatenate([p, d])).sum(),
        lambda p, d: np.einsum("t->", np.log(p * d)),
        lambda p, d: np.log2(p * d).sum() * np.log(2),
    ],
    "trajectory_score": [
        path_score(),
        lambda z, s, a: np.einsum("ts,ta->sa", np.eye(len(z))[s], np.eye(z.shape[1])[a] - softmax(z)[s]),
        lambda z, s, a: np.array(
            [
                sum(
                    ((np.eye(z.shape[1])[a[t]] - softmax(z[i])) * (s[t] == i) for t in range(len(s))),
                    np.zeros(z.shape[1]),
                )
                for i in range(len(z))
            ]
        ),
    ],
    "whiten": [
        whitened(),
        lambda a, mask: np.nan_to_num((a - a[mask == 1].mean()) / a[mask == 1].std()) * mask,
        lambda a, mask: np.where(mask == 1, (a - a[mask == 1].mean()) / max(a[mask == 1].std(), 1e-8), 0.0),
        lambda a, mask: (c := (a - (a * mask).sum() / mask.sum()) * mask) / np.sqrt((c**2).sum() / mask.sum() + 1e-10),
    ],
}
RIGHT_SAMPLED = [
    ("sample_action", inverse_transform),
    ("sample_action", lambda p, rng: np.searchsorted(np.cumsum(p), rng.random(), side="right")),
    ("sample_action", lambda p, rng: np.argmax(np.cumsum(p) > rng.random())),
    ("sample_action", lambda p, rng: rng.multinomial(1, p).argmax()),
    ("sample_action", lambda p, rng: np.argmax(np.log(np.maximum(p, 1e-300)) + rng.gumbel(size=len(p)))),
    ("sample_action", lambda p, rng: np.argmin(rng.exponential(size=len(p)) / np.maximum(p, 1e-300))),
    ("score_function_estimate", estimate(lambda R, one, p, a: R[a, None] * (one[a] - p))),
    ("score_function_estimate", estimate(lambda R, one, p, a: R[a] @ (one[a] - p) / len(a), mean=False)),
    ("score_function_estimate", loop_of_counts),
]


def as_single(values):
    return [np.float32(v) if isinstance(v, np.ndarray) and v.dtype.kind == "f" else v for v in values]


def as_list(answer):
    return np.asarray(answer).tolist()


STYLES = {
    "as it is": lambda f: f,
    "as a list": lambda f: lambda *given: as_list(f(*given)),
    "float32 result": lambda f: lambda *given: np.float32(f(*given)),
    "float32 throughout": lambda f: lambda *given: np.float32(f(*as_single(given))),
    "column by column in memory": lambda f: lambda *given: np.array(f(*given), order="F"),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", COMPUTED)
def test_right_answers_of_every_style_are_accepted(name, style):
    question = load(name)
    for answer in RIGHT[name]:
        # a default value has to stay one
        styled = STYLES[style](answer)
        fn = (lambda z, temperature=1.0, styled=styled: styled(z, temperature)) if name == "softmax" else styled
        for seed in SEEDS:
            result = judge(question, fn, seed)
            assert (result.status, result.mistake) == ("correct", None), result


@pytest.mark.parametrize("place", range(len(RIGHT_SAMPLED)))
def test_right_samplers_are_accepted(place):
    name, answer = RIGHT_SAMPLED[place]
    assert judge(load(name), answer, 0).status == "correct"


# --- wrong answers -----------------------------------------------------------------------------------

UNNAMED = {None, "wrong-shape", "factor", "offset", "wrong-mean", "wrong-spread", "extreme-inputs"}
"""what is said where no known mistake fits, and says nothing untrue of any wrong answer"""


def looped(term, start=0, stop=None, early=False):
    """A loop over t that keeps the last term (a term function of t), or with ``early`` returns in its first round."""
    return lambda p, d: term(p, d, range(start, len(p) + (stop or 0))[0 if early else -1])


def shifted_log(epsilon):
    return lambda p, d: np.log(p + epsilon).sum() + np.log(d + epsilon).sum()


def dual_clip(bound):
    return lambda new, old, a, e: np.where(a < 0, np.maximum(plain(new, old, a, e), bound * a), plain(new, old, a, e))


def rounded(f):
    return lambda *given: np.round(f(*given), 4)


def in_loop(early):
    """A loop over t in which `G =` replaces `G +=`, or that a `return` ends after one round."""

    def answer(r, g):
        result = []
        for t in range(len(r)):
            total = 0.0
            for k in range(t, len(r)):
                total = g ** (k - t) * r[k] + (total if early else 0.0)
            result.append(total)
            if early:
                break
        return result

    return answer


def moved(p, by=0.05):
    """Probabilities of which the largest gives something to the smallest."""
    wrong = p.copy()
    wrong[p.argmax()] -= by
    wrong[p.argmin()] += by
    return wrong


TABLES = {
    "softmax-over-table": lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(),
    "softmax-over-states": lambda z: softmax(z.T).T,
    "logits-for-probabilities": lambda z: z,
    "not-normalised": np.exp,
}
"""tables that are taken for π"""

WRONG = [
    ("softmax", "maximum-undivided", lambda z, temperature=1.0: naive(z / temperature, z.max(axis=-1, keepdims=True))),
    ("softmax", "maximum-undivided", lambda z, temperature=1.0: naive(z / temperature, z.mean(axis=-1, keepdims=True))),
    (
        "softmax",
        "no-maximum",
        lambda z, temperature=1.0: naive(z / temperature, (z / temperature).mean(-1, keepdims=True)),
    ),
    ("softmax", "no-maximum", lambda z, temperature=1.0: naive(z / temperature, np.max(z / temperature))),
    ("softmax", "not-normalised", lambda z, temperature=1.0: np.exp((z - z.max(axis=-1, keepdims=True)) / temperature)),
    ("softmax", "columns-shifted", lambda z, temperature=1.0: naive(z / temperature, (z / temperature).max(axis=0))),
    ("score", "times-pi", lambda z, a: softmax(z) * (np.eye(len(z))[a] - softmax(z))),
    ("score", "logits-for-probabilities", lambda z, a: np.eye(len(z))[a] - z),
    ("score", "not-normalised", lambda z, a: np.eye(len(z))[a] - np.exp(z)),
    ("score", "own-probability-everywhere", lambda z, a: np.eye(len(z))[a] - softmax(z)[a]),
    ("score", "no-maximum", lambda z, a: np.eye(len(z))[a] - naive(z, z.mean())),
    ("trajectory_log_prob", "underflow", lambda p, d: np.log(np.prod(p)) + np.log(np.prod(d))),
    ("trajectory_log_prob", "underflow", lambda p, d: math.log(math.prod(p)) + math.log(math.prod(d))),
    ("trajectory_log_prob", "shifted-logarithm", shifted_log(1e-8)),
    ("trajectory_log_prob", "shifted-logarithm", shifted_log(1e-12)),
    ("trajectory_log_prob", "shifted-logarithm", lambda p, d: np.log(np.maximum([p, d], 1e-10)).sum()),
    ("trajectory_log_prob", "first-step-only", looped(lambda p, d, t: np.log(p[t] * d[t]), early=True)),
    ("trajectory_log_prob", "last-step-only", looped(lambda p, d, t: np.log(p[t] * d[t]))),
    ("trajectory_log_prob", "first-step-missing", lambda p, d: sum(np.log(p[t] * d[t]) for t in range(1, len(p)))),
    *(("trajectory_score", name, path_score(table)) for name, table in TABLES.items()),
    ("trajectory_score", "first-step-missing", path_score(begin=1)),
    ("trajectory_score", "overwritten", path_score(keep=True)),
    ("trajectory_score", "times-pi", path_score(step=lambda hot, p: p * (hot - p))),
    ("trajectory_score", "no-maximum", path_score(lambda z: naive(z, z.max()))),
    *(("reinforce_gradient", name, reinforce(pi=table)) for name, table in TABLES.items()),
    ("reinforce_gradient", "counted-from-zero", reinforce(lambda t, r, g: right_weight(t, r, g) / g)),
    ("reinforce_gradient", "remainder-undiscounted", reinforce(lambda t, r, g: g**t * r[t:].sum())),
    ("reinforce_gradient", "remainder-undiscounted", reinforce(lambda t, r, g: g ** (t - 1) * r[t:].sum())),
    ("reinforce_gradient", "one-trajectory-only", reinforce(rounds=1)),
    ("reinforce_gradient", "one-trajectory-only", reinforce(rounds=1, divide=False)),
    ("reinforce_gradient", "first-step-missing", reinforce(begin=1)),
    ("reinforce_gradient", "weight-on-one-hot-only", reinforce(step=lambda w, hot, p: w * hot - p)),
    ("reinforce_gradient", "times-pi", reinforce(step=lambda w, hot, p: w * p * (hot - p))),
    ("reinforce_gradient", "times-pi", reinforce(step=lambda w, hot, p: w * (p @ hot) * (hot - p))),
    ("reinforce_gradient", "no-maximum", reinforce(pi=naive)),
    ("leave_one_out", "brackets", lambda r: r - r.sum() - r / (len(r) - 1)),
    ("leave_one_out", "brackets", lambda r: r - (r.sum() - r / (len(r) - 1))),
    ("leave_one_out", "brackets", lambda r: (r - (r.sum() - r)) / (len(r) - 1)),
    ("leave_one_out", "brackets", lambda r: r - (r.sum() - r) / len(r) - 1),
    ("leave_one_out", "equal-ones-left-out", lambda r: np.array([x - r[r != x].mean() for x in r])),
    ("penalised_rewards", "score-replaces", lambda s, new, ref, beta: np.append(-beta * (new - ref)[:-1], s)),
    ("penalised_rewards", "k3", with_score(lambda new, ref: np.exp(ref - new) - 1 - (ref - new))),
    ("penalised_rewards", "quotient-of-logs", with_score(lambda new, ref: new / ref)),
    ("penalised_rewards", "ratio-without-logarithm", with_score(lambda new, ref: np.exp(new - ref))),
    ("penalised_rewards", "underflow", with_score(lambda new, ref: np.log(np.exp(new) / np.exp(ref)))),
    ("ppo_surrogate", "quotient-of-logs", surrogate(lambda new, old: new / old)),
    ("ppo_surrogate", "difference-of-probabilities", surrogate(lambda new, old: np.exp(new) - np.exp(old))),
    ("ppo_surrogate", "clipped-product", lambda new, old, a, e: np.clip(np.exp(new - old) * a, 1 - e, 1 + e)),
    *(("ppo_surrogate", "dual-clip", dual_clip(bound)) for bound in (2.0, 3.0, 5.0)),
    (
        "ppo_surrogate",
        "advantages-whitened",
        lambda new, old, a, e: plain(new, old, (a - a.mean()) / (a.std() + 1e-8), e),
    ),
    ("preference_loss", "log-of-the-mean", lambda c, r: -np.log(sigmoid(c - r).mean())),
    ("preference_loss", "loss-of-the-mean", lambda c, r: -np.log(sigmoid((c - r).mean()))),
    ("preference_loss", "overflow", lambda c, r: -np.log(np.exp(c) / (np.exp(c) + np.exp(r))).mean()),
    ("preference_loss", "overflow", lambda c, r: sum(math.log(1 + math.exp(-m)) for m in c - r) / len(c)),
    ("preference_loss", "sigmoid-of-each", lambda c, r: -np.mean(np.log(sigmoid(c)) - np.log(sigmoid(r)))),
    ("reply_objective", "one-reply-only", replies_until(1)),
    ("reply_objective", "first-token-missing", lambda p, a, mask: (p * a * mask)[:, 1:].sum() / len(mask)),
    ("reply_objective", "axes-exchanged", lambda p, a, mask: (p * a * mask).sum(axis=0).mean()),
    ("reply_objective", "padding-counts", lambda p, a, mask: (p * a * (a != 0)).sum() / len(mask)),
    ("reward_to_go", "rewards-unchanged", lambda r, g: r),
    ("reward_to_go", "rewards-unchanged", lambda r, g: list(r)),
    ("reward_to_go", "counted-from-zero", per_step(lambda t, r, g: sum(g ** (k - 1) * r[k] for k in range(t, len(r))))),
    ("reward_to_go", "remainder-undiscounted", per_step(lambda t, r, g: g**t * r[t:].sum())),
    ("reward_to_go", "remainder-undiscounted", per_step(lambda t, r, g: g ** (t - 1) * r[t:].sum())),
    ("reward_to_go", "total-return", per_step(lambda t, r, g: right_weight(0, r, g))),
    ("reward_to_go", "first-step-only", in_loop(early=True)),
    ("reward_to_go", "last-term-only", in_loop(early=False)),
    ("reward_to_go", "discounted-once", per_step(lambda t, r, g: r[t] + g * r[t + 1 :].sum())),
    (
        "reward_to_go",
        "underflow",
        lambda r, g: np.cumsum((r * g ** np.arange(len(r)))[::-1])[::-1] / g ** np.arange(len(r)),
    ),
    ("whiten", "zero-as-padding", whitened(of=lambda a, mask: a[a != 0])),
    ("whiten", "zero-as-padding", lambda a, mask: whitened()(a, (a != 0).astype(float))),
    ("whiten", "degrees-of-freedom", whitened(lambda steps: steps.std(ddof=1) if len(steps) > 1 else 1.0)),
    ("whiten", "padding-in-one", lambda a, mask: (a - a.mean()) / (a[mask == 1].std() + 1e-8) * mask),
    ("whiten", "padding-in-one", lambda a, mask: (a - a[mask == 1].mean()) / (a.std() + 1e-8) * mask),
    ("whiten", None, rounded(whitened())),
    *(("whiten", None, lambda a, mask, k=k: np.clip(whitened()(a, mask), -k, k)) for k in (2, 3, 5)),
    ("whiten", None, whitened(lambda steps: max(steps.std(), 1.0))),
    # right on ordinary inputs, and finite on extreme ones: not what no maximum, or none of a row, gives
    *(("score", None, lambda z, a, k=k: np.eye(len(z))[a] - softmax(np.clip(z, -k, k))) for k in (20, 500)),
    ("softmax", None, lambda z, temperature=1.0: np.clip(softmax(z / temperature), 1e-8, 1)),
    ("softmax", None, lambda z, temperature=1.0: softmax(z / max(temperature, 0.1))),
    ("penalised_rewards", None, lambda s, new, ref, beta: np.clip(with_score(np.subtract)(s, new, ref, beta), -5, 5)),
    ("ppo_surrogate", None, dual_clip(20.0)),
    ("ppo_surrogate", None, surrogate(lambda new, old: np.exp(np.clip(new - old, -20, 20)))),
    ("reply_objective", None, lambda p, a, mask: (np.maximum(p, -5) * a)[mask].sum() / len(mask)),
    ("reward_to_go", None, lambda r, g: np.clip(backwards(r, g), -10, 10)),
    ("reward_to_go", None, per_step(lambda t, r, g: np.dot(r[t : t + 100], g ** np.arange(len(r[t : t + 100]))))),
]
WRONG_SAMPLED = [
    ("sample_action", "fresh-number-each", fresh_at_each_comparison),
    ("sample_action", "fresh-number-each", lambda p, rng: np.argmax(rng.random(len(p)) < np.cumsum(p))),
    ("sample_action", "fresh-number-each", lambda p, rng: np.argmax(rng.random(len(p)) < p)),
    ("sample_action", "fresh-number-each", lambda p, rng: (rng.random(len(p)) > np.cumsum(p)).sum()),
    ("sample_action", "largest-with-noise", lambda p, rng: np.argmax(p + rng.random(len(p)))),
    ("sample_action", None, lambda p, rng: np.argmax(p * rng.random(len(p)))),
    ("sample_action", None, lambda p, rng: rng.choice(len(p), p=p**2 / (p**2).sum())),
    ("sample_action", "softmax-again", lambda p, rng: np.argmax(p + rng.gumbel(size=len(p)))),
    ("sample_action", "sorted", lambda p, rng: np.searchsorted(np.cumsum(np.sort(p)), rng.random(), side="right")),
    ("sample_action", None, lambda p, rng: np.argmax(p + rng.normal(size=len(p)))),
    ("sample_action", None, lambda p, rng: rng.choice(len(p), p=moved(p))),
    ("score_function_estimate", "one-for-all", estimate(lambda R, one, p, a: R[a[0]] * (one[a] - p))),
    ("score_function_estimate", "one-for-all", estimate(lambda R, one, p, a: R[a[-1]] * (one[a] - p))),
    ("score_function_estimate", "one-for-all", estimate(lambda R, one, p, a: R[a].mean() * (one[a[:1]] - p))),
    ("score_function_estimate", "product-of-means", estimate(lambda R, one, p, a: R[a].mean() * (one[a] - p))),
    ("score_function_estimate", "weight-on-one-hot-only", estimate(lambda R, one, p, a: R[a, None] * one[a] - p)),
    ("score_function_estimate", "times-pi", estimate(lambda R, one, p, a: R[a, None] * p * (one[a] - p))),
]


def assert_told(name, mistake, answer, seed):
    result = judge(load(name), answer, seed)
    assert result.status != "correct"
    assert result.mistake in (UNNAMED | {"rounding"} if mistake is None else {mistake}), result


@pytest.mark.parametrize("place", range(len(WRONG)))
def test_wrong_answers_are_told_their_own_mistake_or_none(place):
    for seed in SEEDS:
        assert_told(*WRONG[place], seed)


@pytest.mark.parametrize("place", range(len(WRONG_SAMPLED)))
def test_wrong_samplers_are_told_their_own_mistake_or_none(place):
    assert_told(*WRONG_SAMPLED[place], seed=place)


# --- two faults at once ------------------------------------------------------------------------------


def negated(f):
    return lambda *given: -f(*given)


FAULTS = {
    "leave_one_out": {"sign": negated},
    "penalised_rewards": {
        "no-beta": lambda f: lambda s, new, ref, beta: f(s, new, ref, 1.0),
        "no-score": lambda f: lambda s, new, ref, beta: f(0.0, new, ref, beta),
        "beta-on-score": lambda f: lambda s, new, ref, beta: f(beta * s, new, ref, beta),
        "pays-the-policy": lambda f: lambda s, new, ref, beta: f(s, ref, new, beta),
        "total": lambda f: lambda *given: f(*given).sum(),
    },
    "ppo_surrogate": {
        "loss": negated,
        "averaged": lambda f: lambda *given: f(*given).mean(),
        "ratio-upside-down": lambda f: lambda new, old, a, e: f(old, new, a, e),
        "probability-not-ratio": lambda f: lambda new, old, a, e: f(new, 0 * old, a, e),
        "advantages-whitened": lambda f: lambda new, old, a, e: f(new, old, (a - a.mean()) / a.std(), e),
    },
    "preference_loss": {
        "log-likelihood": negated,
        "exchanged": lambda f: lambda c, r: f(r, c),
        "sum": lambda f: lambda c, r: len(c) * f(c, r),
        "no-difference": lambda f: lambda c, r: f(c, 0 * r),
    },
    "reinforce_gradient": {
        "sign": negated,
        "sum-over-trajectories": lambda f: lambda z, s, a, r, g: len(s) * f(z, s, a, r, g),
        "mean-over-steps": lambda f: lambda z, s, a, r, g: f(z, s, a, r, g) / s.shape[1],
        "discount-off-by-one": lambda f: lambda z, s, a, r, g: g * f(z, s, a, r, g),
        "counted-from-zero": lambda f: lambda z, s, a, r, g: f(z, s, a, r, g) / g,
        "discount-ignored": lambda f: lambda z, s, a, r, g: f(z, s, a, r, 1.0),
    },
    "reply_objective": {
        "loss": negated,
        "no-advantages": lambda f: lambda p, a, mask: f(p, a**0, mask),
        "padding-counts": lambda f: lambda p, a, mask: f(p, a, mask | True),
        "probability-not-log": lambda f: lambda p, a, mask: f(np.exp(p), a, mask),
        "sum-over-replies": lambda f: lambda p, a, mask: len(mask) * f(p, a, mask),
    },
    "reward_to_go": {
        "sign": negated,
        "reversed": lambda f: lambda r, g: f(r, g)[..., ::-1] if f(r, g).ndim else f(r, g),
        "off-by-one": lambda f: lambda r, g: g * f(r, g),
        "discount-ignored": lambda f: lambda r, g: f(r, 1.0),
        "mean-for-sum": lambda f: lambda r, g: f(r, g) / len(r),
    },
    "score": {
        "sign": negated,
        "score-of-probability": lambda f: lambda z, a: f(z, a) * softmax(z)[a],
        "next-action": lambda f: lambda z, a: f(z, a - 1 if a else len(z) - 1),
    },
    "softmax": {
        "sign": lambda f: lambda z, temperature=1.0: f(-z, temperature),
        "temperature-ignored": lambda f: lambda z, temperature=1.0: f(z, 1.0),
        "temperature-multiplied": lambda f: lambda z, temperature=1.0: f(z, 1 / temperature),
    },
    "trajectory_log_prob": {
        "sign": negated,
        "base": lambda f: lambda p, d: f(p, d) / np.log(2),
        "dynamics-dropped": lambda f: lambda p, d: f(p, d**0),
        "policy-dropped": lambda f: lambda p, d: f(p**0, d),
        "shifted-logarithm": lambda f: lambda p, d: f(p + 1e-8, d + 1e-8),
    },
    "trajectory_score": {
        "sign": negated,
        "mean-over-steps": lambda f: lambda z, s, a: f(z, s, a) / len(s),
        "first-step-only": lambda f: lambda z, s, a: f(z, s[:1], a[:1]),
        "last-step-only": lambda f: lambda z, s, a: f(z, s[-1:], a[-1:]),
    },
    "whiten": {
        "sign": negated,
        "padding-counted": lambda f: lambda a, mask: f(a, mask**0) * mask,
    },
}
SAME = {
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
"""two faults that together are the same function as a third, whose name then says what was done"""


@pytest.mark.parametrize(("name", "fault"), [(name, fault) for name in FAULTS for fault in FAULTS[name]])
def test_two_faults_at_once_are_never_called_a_third(name, fault):
    question = load(name)
    assert fault in {m.id for m in question.mistakes}
    rng = np.random.default_rng(3)
    inputs = [*question.fixed, *(question.fresh(rng) for _ in range(question.fresh_count))]
    right = [exact(question.oracle, given) for given in inputs]
    known = [(m.id, [exact(v, given) for given in inputs]) for m in question.mistakes for v in m.versions()]

    def agree(answers, others):
        return all(close(a, b, 1e-6, 1e-9) for a, b in zip(answers, others, strict=True))

    def both_in(version):
        one = FAULTS[name][fault](lambda *given: exact(version, dict(zip(question.arguments(), given, strict=False))))
        return [exact(lambda *_, given=given, **__: one(*given.values()), given) for given in inputs]

    for mistake in question.mistakes:
        answers = [both_in(version) for version in mistake.versions() if mistake.id != fault]
        wrong = [answer for answer in answers if not agree(answer, right)]  # two faults may undo each other
        called = {m for m, others in known if any(agree(answer, others) for answer in wrong)}
        assert called <= {mistake.id, fault, SAME.get((name, mistake.id, fault))}, (mistake.id, called)


# --- what the inputs have in common, and what the calls can notice -------------------------------------


def ratios(given):
    return np.exp(given["log_probs"] - given["old_log_probs"])


SHOWS = {
    "leave_one_out": {
        "returns below 0 alone": lambda g: (g["returns"] < 0).all(),
        "equal returns beside others": lambda g: 1 < len(set(g["returns"])) < len(g["returns"]),
        "all returns equal": lambda g: np.ptp(g["returns"]) == 0,
    },
    "penalised_rewards": {
        "one token": lambda g: len(g["log_probs"]) == 1,
        "a score of 0": lambda g: g["score"] == 0,
        "no price": lambda g: g["beta"] == 0,
        "a price above 1": lambda g: g["beta"] > 1,
        "a token liked as much": lambda g: (g["log_probs"] == g["ref_log_probs"]).any(),
        "a probability too small for a float": lambda g: (np.exp(g["log_probs"]) == 0).any(),
    },
    "ppo_surrogate": {
        "a ratio over 10 and A below 0": lambda g: ((ratios(g) > 10) & (g["advantages"] < 0)).any(),
        "a ratio over 2 and A above 0": lambda g: ((ratios(g) > 2) & (g["advantages"] > 0)).any(),
        "a ratio under 0.1": lambda g: (ratios(g) < 0.1).any(),
        "a ratio of 1": lambda g: (ratios(g) == 1).any(),
        "an advantage of 0": lambda g: (g["advantages"] == 0).any(),
    },
    "preference_loss": {
        "a tie": lambda g: (g["chosen"] == g["rejected"]).any(),
        "large scores and a small margin": lambda g: (
            (g["chosen"] > 800) & (np.abs(g["chosen"] - g["rejected"]) < 2)
        ).any(),
        "very negative scores": lambda g: (g["chosen"] < -800).any() and (g["rejected"] < -800).any(),
        "a wide margin the right way": lambda g: (g["chosen"] - g["rejected"] > 800).any(),
    },
    "reinforce_gradient": {
        "as many states as actions": lambda g: g["logits"].shape[0] == g["logits"].shape[1],
        "more actions than states": lambda g: g["logits"].shape[0] < g["logits"].shape[1],
        "fewer actions than states": lambda g: g["logits"].shape[0] > g["logits"].shape[1],
        "more trajectories than steps": lambda g: g["states"].shape[0] > g["states"].shape[1],
        "one step": lambda g: g["states"].shape[1] == 1,
        "no discount": lambda g: g["discount"] == 1,
        "rewards of both signs": lambda g: g["rewards"].min() < 0 < g["rewards"].max(),
        "a share that rounds to 0": lambda g: np.ptp(g["logits"], axis=-1).max() > 750,
    },
    "reply_objective": {
        "an advantage of 0 in a reply": lambda g: (g["advantages"][g["mask"]] == 0).any(),
        "a certain token": lambda g: (g["log_probs"][g["mask"]] == 0).any(),
        "a column that is all padding": lambda g: not g["mask"].any(axis=0).all(),
        "no padding": lambda g: g["mask"].all(),
    },
    "reward_to_go": {
        "one step": lambda g: len(g["rewards"]) == 1,
        "rewards of both signs": lambda g: g["rewards"].min() < 0 < g["rewards"].max(),
        "powers that are 0 in floating point": lambda g: g["discount"] ** len(g["rewards"]) == 0,
    },
    "sample_action": {
        "a 0 first": lambda g: g["probabilities"][0] == 0,
        "a 0 in the middle": lambda g: (g["probabilities"][1:-1] == 0).any(),
        "a 0 last": lambda g: g["probabilities"][-1] == 0,
        "equal ones": lambda g: len(set(g["probabilities"])) < len(g["probabilities"]),
    },
    "score": {
        "logits below 0 alone": lambda g: (g["logits"] < 0).all(),
        "the last action": lambda g: g["action"] == len(g["logits"]) - 1,
        "equal logits": lambda g: len(set(g["logits"])) < len(g["logits"]),
        "a share that rounds to 0": lambda g: np.ptp(g["logits"], axis=-1).max() > 750,
    },
    "score_function_estimate": {
        "rewards of both signs": lambda g: g["reward_of_action"].min() < 0 < g["reward_of_action"].max(),
        "one draw": lambda g: g["m"] == 1,
        "more draws than actions": lambda g: g["m"] > len(g["logits"]),
    },
    "softmax": {
        "a temperature at large logits": lambda g: g.get("temperature", 1) > 100 and g["logits"].max() > 5000,
        "a temperature near 0": lambda g: g.get("temperature", 1) < 0.01,
        "a row far above its mean": lambda g: g["logits"].max() - g["logits"].mean() > 800,
        "rows of one table far apart": lambda g: g["logits"].ndim == 2 and np.ptp(g["logits"].max(axis=-1)) > 800,
        "a share that rounds to 0": lambda g: np.ptp(g["logits"], axis=-1).max() > 750,
        "logits below 0 alone": lambda g: (g["logits"] < 0).all(),
    },
    "trajectory_log_prob": {
        "each product too small for a float": lambda g: np.prod(g["policy_probs"]) == np.prod(g["dynamics_probs"]) == 0,
        "an improbable step": lambda g: len(g["policy_probs"]) < 9 and g["policy_probs"].min() < 1e-11,
        "a certain step": lambda g: (g["dynamics_probs"] == 1).any(),
    },
    "trajectory_score": {
        "one step": lambda g: len(g["states"]) == 1,
        "more actions than states": lambda g: g["logits"].shape[0] < g["logits"].shape[1],
        "rows far apart": lambda g: g["logits"][g["states"][0]].max() < g["logits"].max() - 800,
        "a share that rounds to 0": lambda g: np.ptp(g["logits"], axis=-1).max() > 750,
    },
    "whiten": {
        "a true 0": lambda g: ((g["advantages"] == 0) & (g["mask"] == 1)).any(),
        "a mean below 0": lambda g: g["advantages"].sum() < 0,
        "one trajectory": lambda g: len(g["mask"]) == 1,
        "more trajectories than steps": lambda g: g["mask"].shape[0] > g["mask"].shape[1],
        "all equal": lambda g: np.ptp(g["advantages"][g["mask"] == 1]) == 0,
    },
}
"""what at least one of a question's own inputs has to show, for a mistake that cannot be seen without it"""


@pytest.mark.parametrize(("name", "what"), [(name, what) for name in SHOWS for what in SHOWS[name]])
def test_no_property_is_shared_by_all_inputs(name, what):
    question = load(name)
    shown = [bool(SHOWS[name][what](given)) for given in [*question.fixed, *question.extreme]]
    assert any(shown)
    assert not all(shown)


def share_inside(probability, wanted, bound, calls):
    """Return the chance that the share of something of this probability is within a bound of the wanted one."""
    k = np.arange(calls + 1)
    logs = np.log(np.maximum(k, 1)).cumsum()  # of k!
    chances = np.exp(logs[-1] - logs - logs[::-1] + k * np.log(probability) + k[::-1] * np.log1p(-probability))
    return chances[np.abs(k / calls - wanted) <= bound].sum()


def mean_inside(law, wrong, bound, calls):
    """Bound the chance that the mean of answers of another law is inside the bounds, by Chernoff's inequality."""
    gap = wrong.mean() - law.mean()
    beyond = (wrong.outcomes - law.mean()) * np.sign(gap)  # missed where the mean of all draws is at most the bound
    t = np.geomspace(1e-3, 10, 200)[:, None, None]
    rate = np.log((wrong.probabilities[:, None] * np.exp(-t * beyond)).sum(axis=1)) + t[:, 0] * bound
    return np.exp(calls * law.count * np.where(np.abs(gap) > bound, rate.min(axis=0), 0.0).min())


def chance_to_miss(question, law, bound, i, j):
    """Return the chance that a function is accepted which draws i more often by 0.05, and j less often."""
    wrong = law.probabilities.copy()
    wrong[i] += 0.05
    wrong[j] -= 0.05
    if wrong.min() < 0 or wrong.max() > 1:
        return 0.0
    if question.index:
        return min(share_inside(wrong[k], law.probabilities[k], bound[k], question.calls) for k in (i, j) if wrong[k])
    return mean_inside(law, replace(law, probabilities=wrong), bound, question.calls)


@pytest.mark.parametrize("name", SAMPLED)
def test_an_error_of_a_twentieth_is_noticed_999_times_in_1000(name):
    assert engine.FALSE_ALARM <= 1e-6
    question = load(name)
    for seed in range(10):
        inputs = [*question.fixed, question.fresh(np.random.default_rng(seed))]
        expected = engine._expected(question, question.oracle, inputs)
        for given, of_input in zip(inputs, expected, strict=True):
            if given.get("m", 20) < 20 or (seed and given is not inputs[-1]):
                continue  # of the estimates, the one with many draws has to notice
            law = question.oracle(**given)
            for i, j in permutations(range(law.probabilities.size), 2):
                assert chance_to_miss(question, law, of_input.mean_bound, i, j) <= 1e-3, (given, i, j)
