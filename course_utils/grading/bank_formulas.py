"""The formulas of the exam bank: what its questions ask for, and what known mistakes make of it."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from course_utils import group_advantages, policy, returns

__all__ = ["FORMULAS"]


def _pi(z: list[float]) -> list[float]:
    return list(map(float, policy.softmax(z)))


def _length(p: float) -> float:
    """Return the mean squared length of the score of two actions: 2 p (1 − p)."""
    return 2 * p * (1 - p)


def _variance(p: float, a: float, b: float, base: float) -> float:
    """Return the variance of the first entry of score times (R − b)."""
    return p * (1 - p) * ((1 - p) * (a - base) + p * (b - base)) ** 2


def _best(p: float, a: float, b: float) -> float:
    return (1 - p) * a + p * b


def _gae(r: list[float], v: list[float], g: float, lam: float) -> float:
    return float(returns.gae(r, g, v, lam)[0])


def _k3(x: float) -> float:
    return math.exp(-x) - 1 + x


def _clip(rho: float, adv: float, eps: float) -> float:
    return min(rho * adv, min(max(rho, 1 - eps), 1 + eps) * adv)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _first_step(p: float, adv: float) -> float:
    return p * (1 - p) * p * adv


FORMULAS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        # 01
        "softmax": lambda z, t: policy.softmax([x / t for x in z])[0],
        "softmax_times_t": lambda z, t: policy.softmax([x * t for x in z])[0],
        "softmax_no_t": lambda z, t: policy.softmax(z)[0],
        "softmax_not_divided": lambda z, t: math.exp(z[0] / t),
        "entropy": lambda p: -(p * math.log(p) + (1 - p) * math.log(1 - p)),
        "entropy_bits": lambda p: -(p * math.log2(p) + (1 - p) * math.log2(1 - p)),
        "entropy_one": lambda p: -p * math.log(p),
        "entropy_not_weighted": lambda p: -math.log(p) - math.log(1 - p),
        # 02
        "score_own": lambda z: 1 - _pi(z)[0],
        "score_minus_pi": lambda z: -_pi(z)[0],
        "score_of_pi": lambda z: _pi(z)[0] * (1 - _pi(z)[0]),
        "score_one_over": lambda z: 1 / _pi(z)[0],
        "fisher": lambda p: _length(p) / 2,
        "fisher_square": lambda p: p**2,
        "fisher_sd": lambda p: math.sqrt(p * (1 - p)),
        "fisher_one_minus": lambda p: (1 - p) ** 2,
        # 03
        "gradient_two": lambda p, a, b: p * (1 - p) * (a - b),
        "gradient_mean": lambda p, a, b: p * a + (1 - p) * b,
        "gradient_uniform": lambda p, a, b: ((1 - p) * a - p * b) / 2,
        "gradient_own": lambda p, a, b: p * (1 - p) * a,
        "needed_samples": lambda k: k**2,
        "needed_linear": lambda k: k,
        "needed_root": lambda k: math.sqrt(k),
        "needed_twice": lambda k: 2 * k,
        # 04
        "path": lambda p, q, d: p * d * q,
        "path_policy": lambda p, q, d: p * q,
        "path_sum": lambda p, q, d: p + d + q,
        "path_dynamics": lambda p, q, d: d,
        "path_score": lambda p, q, d: 2 - p - q,
        "path_score_dynamics": lambda p, q, d: 3 - p - q - d,
        "path_score_mean": lambda p, q, d: (2 - p - q) / 2,
        "path_score_last": lambda p, q, d: 1 - q,
        # 05
        "to_go": lambda r, g: returns.discounted_returns(r, g)[1],
        "to_go_total": lambda r, g: returns.discounted_returns(r, g)[0],
        "to_go_own": lambda r, g: r[1],
        "to_go_late": lambda r, g: g * returns.discounted_returns(r, g)[1],
        "to_go_plain": lambda r, g: returns.reward_to_go(r)[1],
        "sum_mean": lambda n, k: 1 / n,
        "sum_mean_steps": lambda n, k: 1 / (n * k),
        "sum_sum": lambda n, k: 1.0,
        "sum_of_steps": lambda n, k: 1 / k,
        # 06
        "variance_b": _variance,
        "variance_no_b": lambda p, a, b, base: _variance(p, a, b, 0.0),
        "variance_of_r": lambda p, a, b, base: p * (1 - p) * (a - b) ** 2,
        "variance_square": lambda p, a, b, base: p * (1 - p) ** 2 * (a - base) ** 2 + (1 - p) * p**2 * (b - base) ** 2,
        "best_b": _best,
        "best_v": lambda p, a, b: p * a + (1 - p) * b,
        "best_mean": lambda p, a, b: (a + b) / 2,
        "best_max": lambda p, a, b: max(a, b),
        "loo": lambda r: group_advantages.leave_one_out(r)[0],
        "loo_self": lambda r: group_advantages.mean_baseline(r)[0],
        "loo_baseline": lambda r: r[0] - group_advantages.leave_one_out(r)[0],
        "loo_nothing": lambda r: r[0],
        # 07
        "advantage": lambda p, a, b: a - p * a - (1 - p) * b,
        "advantage_plain": lambda p, a, b: a - (a + b) / 2,
        "advantage_value": lambda p, a, b: p * a + (1 - p) * b,
        "advantage_gap": lambda p, a, b: a - b,
        "gae": _gae,
        "gae_td": lambda r, v, g, lam: returns.td_errors(r, g, v)[0],
        "gae_return": lambda r, v, g, lam: _gae(r, v, g, 1.0),
        "gae_no_gamma": lambda r, v, g, lam: returns.td_errors(r, g, v)[0] + lam * returns.td_errors(r, g, v)[1],
        "gae_no_lambda_value": lambda r, v, g, lam: _gae(r, v, g, lam) + v[0],
        "td": lambda r, v, w, g: returns.td_errors([r], g, [v, w])[0],
        "td_undiscounted": lambda r, v, w, g: r + w - v,
        "td_no_value": lambda r, v, w, g: r + g * w,
        "td_all": lambda r, v, w, g: g * (r + w) - v,
        # 08
        "objective": lambda p, q, a, b: math.log(p) * a + math.log(q) * b,
        "objective_probability": lambda p, q, a, b: p * a + q * b,
        "objective_mean": lambda p, q, a, b: (math.log(p) * a + math.log(q) * b) / 2,
        "objective_loss": lambda p, q, a, b: -math.log(p) * a - math.log(q) * b,
        "step_first_order": lambda p, adv: 2 * _first_step(p, adv),
        "step_logit": lambda p, adv: p * adv,
        "step_sampled": lambda p, adv: (1 - p) * adv,
        "step_zero": lambda p, adv: adv,
        # 09
        "target": lambda r, v, g: r + g * v,
        "target_end": lambda r, v, g: r,
        "target_undiscounted": lambda r, v, g: r + v,
        "target_all": lambda r, v, g: g * (r + v),
        "explained": lambda y, e: 1 - e / y,
        "explained_ratio": lambda y, e: e / y,
        "explained_swapped": lambda y, e: 1 - y / e,
        "explained_sd": lambda y, e: 1 - math.sqrt(e / y),
        # 10
        "clip": _clip,
        "clip_ratio": lambda rho, adv, eps: rho * adv,
        "clip_zero": lambda rho, adv, eps: 0.0,
        "clip_min_first": lambda rho, adv, eps: min(rho, 1 - eps) * adv,
        "k3": lambda p, q: _k3(math.log(p / q)),
        "k1": lambda p, q: math.log(p / q),
        "k1_turned": lambda p, q: -math.log(p / q),
        "k3_turned": lambda p, q: _k3(-math.log(p / q)),
        "k2": lambda p, q: math.log(p / q) ** 2 / 2,
        # 11
        "bradley_terry": lambda a, b: _sigmoid(a - b),
        "bradley_terry_turned": lambda a, b: _sigmoid(b - a),
        "bradley_terry_share": lambda a, b: a / (a + b),
        "bradley_terry_alone": lambda a, b: _sigmoid(a),
        "last_token": lambda s, x, beta: s - beta * x,
        "last_token_score": lambda s, x, beta: s,
        "last_token_turned": lambda s, x, beta: s + beta * x,
        "last_token_all": lambda s, x, beta: beta * (s - x),
        # 12
        "adaptive": lambda beta, kl, target, n: beta * (1 + min(max(kl / target - 1, -0.2), 0.2) * n),
        "adaptive_no_clip": lambda beta, kl, target, n: beta * (1 + (kl / target - 1) * n),
        "adaptive_sign": lambda beta, kl, target, n: beta * (1 - min(max(kl / target - 1, -0.2), 0.2) * n),
        "adaptive_none": lambda beta, kl, target, n: beta,
        # 13
        "grpo_equal": lambda k: math.sqrt(k - 1),
        "grpo_no_sd": lambda k: 1 - 1 / k,
        "grpo_loo": lambda k: 1.0,
        "grpo_sample_sd": lambda k: math.sqrt(k) * (1 - 1 / k),
        "dpo_loss": lambda m, beta: math.log1p(math.exp(-beta * m)),
        "dpo_no_beta": lambda m, beta: math.log1p(math.exp(-m)),
        "dpo_sign": lambda m, beta: math.log1p(math.exp(beta * m)),
        "dpo_probability": lambda m, beta: _sigmoid(beta * m),
    }
)
