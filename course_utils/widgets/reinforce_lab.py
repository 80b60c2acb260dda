"""The REINFORCE lab: eight runs in the short corridor, by step size, batch size and sign of the step."""

from typing import NamedTuple

import numpy as np
from traitlets import Dict, Enum

from course_utils import mdp, returns, worlds
from course_utils.arguments import FloatArray
from course_utils.widgets.formulas import formula
from course_utils.widgets.lab import Constant, Number, SampledLab, Whole, lab_source, lab_style, uniforms

__all__ = ["ReinforceLab", "Runs", "corridor", "lab_formulas"]


RUNS = 8
HORIZON = 100  # steps, after which an episode ends
UPDATES = 200
STEP_SIZES = 2.0**-14, 2.0**-3
MOST_SAMPLES = 100
SIGNS = ("plus", "minus")
EXIT = 3


def corridor() -> mdp.TabularMDP:
    """Return the short corridor of Sutton and Barto, whose episodes end after 100 steps."""
    book = worlds.short_corridor()
    return mdp.TabularMDP(
        book.transitions, book.rewards, book.start, horizon=HORIZON, terminal_states=[EXIT], features=book.features
    )


def _logits(p: float) -> FloatArray:
    """Return the logits of right with probability p in every place, shape (4, 2)."""
    return np.tile(np.log([1 - p, p]), (4, 1))


BEST_P = 2 - 2**0.5  # of the book's corridor, whose episodes go on; the cut moves it by less than 0.001
BEST = {"p": BEST_P, "J": corridor().performance(_logits(BEST_P))}
WORLD = {  # what the browser must know: where left and right lead from each place
    "next": corridor().transitions.argmax(axis=2).tolist(),
    "horizon": HORIZON,
    "best": BEST,
}


class Runs(NamedTuple):
    """Eight runs of the updates that are done."""

    probabilities: FloatArray  # (8, updates + 1): π(right) before and after each
    performances: FloatArray  # (8, updates + 1): exact J
    mean_returns: FloatArray  # (8, updates): of each batch


def lab_formulas() -> dict[str, str]:
    """Return the update rule, as SVG."""
    rule = r"g=\frac{1}{m}\Sigma_i\Sigma_t\,\partial\log\pi(a_t)/\partial\theta\;G_t"
    return {"update": formula(rule, "g is the mean over episodes of the sum over t of the score times G t")}


class ReinforceLab(SampledLab):
    """A lab in which REINFORCE learns in the short corridor, eight times at once, and exact J is seen as it goes.

    Three places look the same: π(right) is one number, the softmax of θ = (θ_right, θ_left). Each step costs 1, and
    an episode ends after 100. Every update holds m episodes and takes θ ← θ ± α g, with
    g = (1/m) Σ_i Σ_t ∂log π(a_t)/∂θ G_t.

    step_size: α, from 2⁻¹⁴ to 2⁻³; samples: m, from 1 to 100; sign: "plus" or "minus"; start: π(right) at the start,
    from 0.01 to 0.99; updates: how many are done, up to 200; seed: of all episodes.

    Read `runs()` and `best_performance`. Set any trait.

    Raises TraitError, naming the trait, for values that are not finite or out of range.
    """

    _esm = lab_source("reinforce_lab.js")
    _css = lab_style("reinforce_lab.css")

    step_size = Number(2.0**-9, min=STEP_SIZES[0], max=STEP_SIZES[1]).tag(sync=True)
    samples = Whole(10, min=1, max=MOST_SAMPLES).tag(sync=True)
    sign = Enum(SIGNS, "plus").tag(sync=True)
    start = Number(0.05, min=0.01, max=0.99).tag(sync=True)
    updates = Whole(0, min=0, max=UPDATES).tag(sync=True)
    initial = Dict().tag(sync=True, of=("step_size", "samples", "sign", "start", "updates"))
    world = Constant(WORLD, read_only=True).tag(sync=True)
    formulas = Dict().tag(sync=True)

    def __init__(
        self,
        step_size: float = 2.0**-9,
        samples: int = 10,
        *,
        sign: str = "plus",
        start: float = 0.05,
        updates: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            step_size=step_size,
            samples=samples,
            sign=sign,
            start=start,
            updates=updates,
            seed=seed,
            formulas=lab_formulas(),
        )

    # --- the mathematics ----------------------------------------------------------------------------

    @property
    def best_performance(self) -> float:
        """The largest J of a policy that is the same in every place."""
        return BEST["J"]

    def runs(self) -> Runs:
        """Return the eight runs of the updates that are done."""
        z, tables = np.full(RUNS, np.log(self.start / (1 - self.start))), corridor()
        step = -self.step_size if self.sign == "minus" else self.step_size
        probabilities, means = [1 / (1 + np.exp(-z))], []
        for k in range(self.updates):
            batches = [self._batch(float(p), r, k) for r, p in enumerate(probabilities[-1])]
            z = z + 2 * step * np.array([gradient for gradient, _ in batches])  # θ_left takes the opposite step
            probabilities.append(1 / (1 + np.exp(-z)))
            means.append([mean for _, mean in batches])
        every = np.array(probabilities).T
        exact = [[tables.performance(_logits(float(p))) for p in run] for run in every]
        return Runs(every, np.array(exact), np.array(means).reshape(-1, RUNS).T)

    def _batch(self, p: float, run: int, update: int) -> tuple[float, float]:
        """Return the estimate of ∂J/∂θ_right from one batch, and the batch's mean return."""
        m = self.samples
        right = uniforms(m * HORIZON, self.seed, self.draw, run, update).reshape(m, HORIZON) < p
        following = np.array(WORLD["next"])
        states = np.zeros((m, HORIZON + 1), dtype=np.intp)
        for t in range(HORIZON):
            states[:, t + 1] = following[states[:, t], right[:, t].astype(np.intp)]
        goes_on = states[:, :-1] != EXIT
        to_go = returns.reward_to_go(-goes_on.astype(np.float64))
        gradient = ((right - p) * goes_on * to_go).sum() / m
        return float(gradient), float(to_go[:, 0].mean())

    # --- viewers without widgets --------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        now = self.runs().performances[:, -1]
        return (
            f"REINFORCE lab, eight runs in the short corridor: step size {self.step_size:.3g}, batches of "
            f"{self.samples}, a {self.sign} sign. From π(right) = {self.start:.2g}, after {self.updates} updates, the "
            f"mean of exact J is {now.mean():.1f}, the lowest {now.min():.1f}; the best possible is "
            f"{self.best_performance:.1f}."
        )

    def first_frame(self) -> bytes:
        """Return J as a function of π(right) with the runs on it, and J over the updates, as PNG bytes."""
        from course_utils import figures

        fig, (left, right) = figures.new_figure(7.2, 3.0, columns=2)
        runs, grid, tables = self.runs(), np.linspace(0.005, 0.995, 100), corridor()
        left.plot(grid, [tables.performance(_logits(float(p))) for p in grid], color=figures.EXACT, lw=1.5)
        left.plot(runs.probabilities[:, -1], runs.performances[:, -1], "o", color=figures.POLICY, mec=figures.PAPER)
        left.set_xlabel("π(right), in every place")
        left.set_title("exact J", fontsize=11, loc="left")
        right.plot(runs.mean_returns[0], "o", color=figures.SAMPLED, ms=3)
        right.plot(runs.performances.T, color=figures.POLICY, lw=1, alpha=0.6)
        right.set(xlim=(0, UPDATES))
        right.set_xlabel("updates")
        right.set_title("J of 8 runs as it goes", fontsize=11, loc="left")
        for ax in (left, right):
            ax.axhline(self.best_performance, color=figures.EXACT, ls=":", lw=1)
            ax.set(ylim=(-102, 0))
        return figures.png(fig)
