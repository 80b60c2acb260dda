"""The GAE lab: one dial λ, and the exact bias and variance of the advantage estimate at each of its settings."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from traitlets import Dict

from course_utils import kernels, policy, returns
from course_utils.arguments import FloatArray
from course_utils.estimators import gae_moments
from course_utils.mdp import TabularMDP
from course_utils.rollout import Rollout
from course_utils.widgets.formulas import formula
from course_utils.widgets.lab import Constant, Number, SampledLab, Whole, lab_source, lab_style, uniforms
from course_utils.worlds import ICY_PLACES, icy_path

__all__ = ["GaeLab", "row_formulas"]


PLACES = ICY_PLACES
ACTIONS = ("walk", "run")
EPISODES = 400
GRID = 100  # steps of λ from 0 to 1
LOGITS = np.zeros((PLACES + 1, len(ACTIONS)))  # the policy: walk or run with equal probability
ERROR_SHAPE = np.array([0.0, 1.0, 0.8, 0.6, 0.4, 0.2, 0.0])  # the critic is right at the first place and at home
LOWEST_DISCOUNT, HIGHEST_DISCOUNT = 0.5, 1.0
ERROR_LIMIT = 3.0


WORLD = {  # what the browser must know of the path, the policy and the critic
    "transitions": icy_path().transitions.tolist(),
    "rewards": icy_path().rewards.tolist(),
    "policy": policy.softmax(LOGITS).tolist(),
    "error_shape": ERROR_SHAPE.tolist(),
    "actions": list(ACTIONS),
}


def row_formulas() -> dict[str, str]:
    """Return the formula of the estimate, as SVG."""
    estimate = r"\hat{A}(\lambda)=\sum_l(\gamma\lambda)^l\,\delta_{1+l}"
    return {
        "estimate": formula(estimate, "A hat of lambda, the sum over l of gamma lambda to the l times delta 1 plus l")
    }


class GaeLab(SampledLab):
    """A lab with GAE's dial: turn λ and see the bias and the variance of the advantage estimate trade places.

    Someone walks or runs home over ice, from the first of six places. Â(λ) = Σ_l (γλ)^l δ_{1+l} estimates the
    advantage of the first action, with a critic V̂ = V + error. Exact curves stand beside 400 sampled episodes.

    lambda_: λ in [0, 1]; critic_error: the critic's error at the second place, from −3 to 3 (it shrinks towards
    home, and is 0 at the first place); discount: γ in [0.5, 1]; action: the first action, 0 walk or 1 run;
    seed, draw: of the episodes.

    Read `exact_advantage()`, `exact_bias()`, `exact_variance()`, `curves(lambdas)`, `best_lambda()`, `estimates()`,
    `episodes()`, `values()` and `critic()`. Set any trait.

    Raises TraitError, naming the trait, for values that are not finite or out of range.
    """

    _esm = lab_source("gae_lab.js")
    _css = lab_style("gae_lab.css")

    lambda_ = Number(0.9, min=0.0, max=1.0).tag(sync=True)
    critic_error = Number(2.0, min=-ERROR_LIMIT, max=ERROR_LIMIT).tag(sync=True)
    discount = Number(0.95, min=LOWEST_DISCOUNT, max=HIGHEST_DISCOUNT).tag(sync=True)
    action = Whole(0, min=0, max=len(ACTIONS) - 1).tag(sync=True)
    initial = Dict().tag(sync=True, of=("lambda_", "critic_error", "discount", "action"))
    world = Constant(WORLD, read_only=True).tag(sync=True)
    formulas = Dict().tag(sync=True)

    def __init__(
        self,
        lambda_: float = 0.9,
        critic_error: float = 2.0,
        discount: float = 0.95,
        *,
        action: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            lambda_=lambda_,
            critic_error=critic_error,
            discount=discount,
            action=action,
            seed=seed,
            formulas=row_formulas(),
        )

    # --- the mathematics ----------------------------------------------------------------------------

    def mdp(self) -> TabularMDP:
        """Return the icy path with the present discount."""
        return icy_path(self.discount)

    def values(self) -> FloatArray:
        """Return the exact values V of the six places and home, shape (7,)."""
        return self.mdp().state_values(LOGITS)

    def critic(self) -> FloatArray:
        """Return the critic V̂ = V + critic_error · (0, 1, 0.8, 0.6, 0.4, 0.2, 0), shape (7,)."""
        critic: FloatArray = self.values() + self.critic_error * ERROR_SHAPE
        return critic

    def exact_advantage(self) -> float:
        """Return A(s, a) of the first place and the chosen action."""
        return float(self.mdp().advantages(LOGITS)[0, self.action])

    def exact_bias(self, lambda_: float | None = None) -> float:
        """Return E[Â(λ)] − A(s, a), at the present λ or at another one."""
        return float(self.curves([self.lambda_ if lambda_ is None else lambda_])[0][0])

    def exact_variance(self, lambda_: float | None = None) -> float:
        """Return Var[Â(λ)], at the present λ or at another one."""
        return float(self.curves([self.lambda_ if lambda_ is None else lambda_])[1][0])

    def best_lambda(self) -> float:
        """Return the λ among 0, 0.01, …, 1 with the least bias² + variance."""
        grid = np.arange(GRID + 1) / GRID
        bias, variance = self.curves(grid)
        return float(grid[np.argmin(bias**2 + variance)])

    def curves(self, lambdas: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the exact bias and the exact variance at each λ, both of the shape (n,) of lambdas."""
        tables, critic, advantage = self.mdp(), self.critic(), self.exact_advantage()
        moments = [gae_moments(tables, LOGITS, critic, float(x)) for x in np.asarray(lambdas)]
        mean = np.array([m.mean[0, self.action] for m in moments])
        return mean - advantage, np.array([m.variance[0, self.action] for m in moments])

    def episodes(self) -> Rollout:
        """Return the 400 sampled episodes: all begin at the first place with the chosen action."""
        tables = self.mdp()
        pi, moves = policy.softmax(LOGITS).cumsum(axis=1), tables.transitions.cumsum(axis=2)
        state, states = np.zeros(EPISODES, dtype=np.intp), [np.zeros(EPISODES, dtype=np.intp)]
        actions = list[Any]()
        while (state < PLACES).any():
            t = len(actions)
            action = kernels.invert(pi[state], uniforms(EPISODES, self.seed, self.draw, 2 * t))
            action = np.full(EPISODES, self.action) if t == 0 else np.where(state < PLACES, action, 0)
            state = kernels.invert(moves[state, action], uniforms(EPISODES, self.seed, self.draw, 2 * t + 1))
            actions.append(action)
            states.append(state)
        s, a = np.stack(states, axis=1), np.stack(actions, axis=1)
        mask = (s[:, :-1] < PLACES).astype(np.float64)
        return Rollout(
            states=s,
            actions=a,
            rewards=tables.rewards[s[:, :-1], a],
            discounts=self.discount * (s[:, 1:] < PLACES),
            mask=mask,
            truncated=np.zeros(EPISODES, dtype=bool),
        )

    def estimates(self) -> FloatArray:
        """Return Â(λ) of the first step of each sampled episode, shape (400,)."""
        record = self.episodes()
        return returns.gae(record.rewards, record.discounts, self.critic()[record.states], self.lambda_)[:, 0]

    # --- viewers without widgets --------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        from course_utils.figures import signed

        bias, variance = self.exact_bias(), self.exact_variance()
        sampled = self.estimates()
        return (
            f"GAE lab. The advantage of the first action, {ACTIONS[self.action]}, is {signed(self.exact_advantage())}. "
            f"At λ = {self.lambda_:.3g}, with γ = {self.discount:.3g} and a critic's error of {self.critic_error:.3g}, "
            f"the estimate has bias {signed(bias)} and variance {variance:.3g}: bias² + variance is "
            f"{bias**2 + variance:.3g}.\nBest is λ = {self.best_lambda():.2g}. {EPISODES} sampled episodes have mean "
            f"{signed(float(sampled.mean()))} and variance {float(sampled.var(ddof=1)):.3g}."
        )

    def first_frame(self) -> bytes:
        """Return the three curves and the sampled estimates as PNG bytes."""
        from course_utils import figures

        fig, (left, right) = figures.new_figure(7.2, 3.4, columns=2)
        grid = np.linspace(0, 1, 51)
        bias, variance = self.curves(grid)
        left.plot(grid, bias**2 + variance, "-", color=figures.EXACT, lw=2.2, label="sum")
        left.plot(grid, variance, "-.", color=figures.QUIET, label="variance")
        left.plot(grid, bias**2, "--", color=figures.VALUE, lw=2, label="bias²")
        left.axvline(self.lambda_, color=figures.POLICY, lw=2)
        left.plot(self.best_lambda(), (bias**2 + variance).min(), "v", color=figures.EXACT, ms=8, label="least")
        left.set(xlim=(0, 1), ylim=(0, 1.15 * float((bias**2 + variance).max())))
        left.set_xlabel("λ")
        left.set_title("squared error of Â(λ), exact", fontsize=11, loc="left")
        left.legend(frameon=False, fontsize=9, ncols=2, loc="upper center")
        sampled = self.estimates()
        height = np.arange(EPISODES) * 0.6180339887498949 % 1
        right.plot(sampled, height, "o", color=figures.SAMPLED, ms=3.5, alpha=0.5)
        right.axvline(self.exact_advantage(), color=figures.EXACT, lw=1)
        right.plot(self.exact_advantage(), -0.12, "D", color=figures.EXACT, ms=7, label="exact A(s, a)")
        right.errorbar(
            sampled.mean(),
            1.12,
            xerr=2 * sampled.std(ddof=1) / np.sqrt(EPISODES),
            fmt="o",
            color=figures.SAMPLED_INK,
            label="mean ± 2 standard errors",
        )
        right.set(ylim=(-0.25, 1.25), yticks=[])
        right.set_title(f"{EPISODES} sampled Â(λ), λ = {self.lambda_:.3g}", fontsize=11, loc="left")
        right.legend(frameon=False, fontsize=9, ncols=1, loc="upper center", bbox_to_anchor=(0.5, -0.1))
        return figures.png(fig)
