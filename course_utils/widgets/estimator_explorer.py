"""The estimator explorer: the exact gradient of an average reward beside two ways to estimate it from samples."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from traitlets import Dict, Enum

from course_utils import kernels, policy
from course_utils.arguments import FloatArray
from course_utils.widgets.formulas import formula
from course_utils.widgets.lab import (
    Flag,
    Number,
    Numbers,
    SampledLab,
    Texts,
    Whole,
    lab_source,
    lab_style,
    listed,
    uniforms,
)

__all__ = ["Estimator", "EstimatorExplorer", "row_formulas"]


REWARD_KINDS = ("number", "step", "thumb")
COUNT = 3  # actions
BATCHES = 8  # independent batches of each estimator, one dot each
LOGIT_LIMIT = 8.0
REWARD_LIMIT = 10.0
MOST_SAMPLES = 10_000
SMALLEST_H, LARGEST_H = 1e-3, 5.0
SCORE, DIFFERENCES = 0, 1  # streams of random numbers


class Estimator(NamedTuple):
    """One estimator of the gradient: what its batches gave, and what it gives on average, exactly."""

    batches: FloatArray  # (BATCHES, n): one estimate a row
    mean: FloatArray  # (n,): the exact expectation of an estimate
    error: FloatArray  # (n,): the exact standard deviation of an estimate
    squared_error: FloatArray  # (BATCHES,): squared distance of each estimate from the exact gradient
    expected_squared_error: float  # its exact expectation: variance plus squared bias


def row_formulas() -> dict[str, str]:
    """Return the formulas of the arithmetic, as SVG, by row."""
    return {
        "exact": formula(r"\pi_a(R_a-J)", "pi a times R a minus J"),
        "score": formula(
            r"\frac{1}{m}\sum_i R(a_i)([a=a_i]-\pi_a)",
            "1 over m times the sum over samples i of the reward of a i times the score: 1 if a is a i, else 0, "
            "minus pi a",
        ),
        "difference": formula(
            r"\frac{\hat{J}(z+he_a)-\hat{J}(z-he_a)}{2h}",
            "estimated J at z plus h e a, minus estimated J at z minus h e a, over 2 h",
        ),
    }


class EstimatorExplorer(SampledLab):
    """A lab in which sampled estimates of ∂J/∂z close in on the exact gradient as samples are added.

    One state, three actions, J(z) = Σ_a π_a R_a. From the same budget of m samples, eight times over:
    the score function (1/m) Σ_i R(a_i) ([a = a_i] − π_a), and finite differences, which share the m samples
    out among Ĵ(z ± h e_a) for each logit.

    quantities: a number x for each action; reward_kind: how it becomes the reward R, "number" (R = x),
    "step" (x rounded down) or "thumb" (+1 from x = 0 on, else −1); logits, actions: as in other labs;
    samples: m, from 1 to 10,000; h: how far finite differences move a logit; differences: show them;
    seed: of the samples.

    Read `rewards`, `exact_gradient()`, `score_function()` and `finite_differences()`. Set any trait.

    Raises TraitError, naming the trait, for values that are not finite, out of range or of wrong length.
    """

    _esm = lab_source("estimator_explorer.js")
    _css = lab_style("estimator_explorer.css")
    same_length = ("actions", "logits", "quantities")

    actions = Texts((COUNT,)).tag(sync=True)
    logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT, (COUNT,)).tag(sync=True)
    quantities = Numbers(-REWARD_LIMIT, REWARD_LIMIT, (COUNT,)).tag(sync=True)
    reward_kind = Enum(REWARD_KINDS, "number").tag(sync=True)
    samples = Whole(100, min=1, max=MOST_SAMPLES).tag(sync=True)
    h = Number(0.5, min=SMALLEST_H, max=LARGEST_H).tag(sync=True)
    differences = Flag(True).tag(sync=True)
    initial_logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT, (COUNT,)).tag(sync=True)
    initial_quantities = Numbers(-REWARD_LIMIT, REWARD_LIMIT, (COUNT,)).tag(sync=True)
    formulas = Dict().tag(sync=True)

    def __init__(
        self,
        quantities: Sequence[float] = (2.0, 1.0, -1.0),
        logits: Sequence[float] | None = None,
        actions: Sequence[str] = ("a", "b", "c"),
        reward_kind: str = "number",
        *,
        samples: int = 100,
        h: float = 0.5,
        differences: bool = True,
        seed: int = 0,
    ) -> None:
        logits = [float(z) for z in np.log([0.5, 0.3, 0.2])] if logits is None else logits
        super().__init__(
            actions=listed("actions", actions),
            logits=logits,
            quantities=quantities,
            reward_kind=reward_kind,
            samples=samples,
            h=h,
            differences=differences,
            seed=seed,
            formulas=row_formulas(),
        )

    # --- the mathematics ----------------------------------------------------------------------------

    @property
    def rewards(self) -> FloatArray:
        """R of each action: the quantity x, x rounded down, or a thumb."""
        x = np.array(self.quantities)
        if self.reward_kind == "step":
            x = np.floor(x)
        elif self.reward_kind == "thumb":
            x = np.where(x >= 0, 1.0, -1.0)
        return x

    def exact_gradient(self) -> FloatArray:
        """Return ∂J/∂z_a = π_a (R_a − J), shape (3,)."""
        pi, rewards = policy.softmax(self.logits), self.rewards
        gradient: FloatArray = pi * (rewards - pi @ rewards)
        return gradient

    def score_function(self) -> Estimator:
        """Return the score-function estimates of the batches, and their exact mean and standard error."""
        pi, rewards, m = policy.softmax(self.logits), self.rewards, self.samples
        counts = np.stack([_counts(pi, uniforms(m, self.seed, self.draw, b, SCORE)) for b in range(BATCHES)])
        batches = (counts * rewards - np.outer(counts @ rewards, pi)) / m
        one_sample = rewards[:, None] * (np.eye(COUNT) - pi)  # a row for each action that can be drawn
        variance = pi @ one_sample**2 - self.exact_gradient() ** 2
        return self._estimator(batches, self.exact_gradient(), np.sqrt(np.maximum(variance, 0) / m))

    def finite_differences(self) -> Estimator | None:
        """Return the same for finite differences; None when m is too small to try each logit both ways."""
        m, rewards, sides = self.samples, self.rewards, 2 * COUNT
        if m < sides:
            return None
        moved = np.repeat(np.eye(COUNT), 2, axis=0) * np.tile([self.h, -self.h], COUNT)[:, None]
        pi = policy.softmax(np.array(self.logits) + moved)  # row 2a: logit a raised; row 2a + 1: lowered
        drawn = [uniforms(m, self.seed, self.draw, b, DIFFERENCES) for b in range(BATCHES)]
        average = np.array(
            [[_counts(pi[e], u[e::sides]) @ rewards / u[e::sides].size for e in range(sides)] for u in drawn]
        )
        exact = pi @ rewards
        variance = (pi @ rewards**2 - exact**2) / [len(range(e, m, sides)) for e in range(sides)]
        width = 2 * self.h
        return self._estimator(
            (average[:, 0::2] - average[:, 1::2]) / width,
            (exact[0::2] - exact[1::2]) / width,
            np.sqrt(np.maximum(variance[0::2] + variance[1::2], 0)) / width,
        )

    def _estimator(self, batches: FloatArray, mean: FloatArray, error: FloatArray) -> Estimator:
        exact = self.exact_gradient()
        return Estimator(
            batches=batches,
            mean=mean,
            error=error,
            squared_error=((batches - exact) ** 2).sum(axis=1),
            expected_squared_error=float((error**2 + (mean - exact) ** 2).sum()),
        )

    # --- viewers without widgets --------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        from course_utils.figures import signed

        pi = policy.softmax(self.logits)
        each = [
            f"{name} has probability {p:.2f}, reward {signed(R)}, exact gradient {signed(g)}"
            for name, p, R, g in zip(self.actions, pi, self.rewards, self.exact_gradient(), strict=True)
        ]
        text = f"Estimator explorer. {'; '.join(each)}. With m = {self.samples} samples, the mean squared error "
        text += f"of the score-function estimate is {self.score_function().expected_squared_error:.2g}"
        other = self.finite_differences() if self.differences else None
        if other is not None:
            text += f", of finite differences with h = {self.h:g} it is {other.expected_squared_error:.2g}"
        return text + "."

    def first_frame(self) -> bytes:
        """Return the exact gradient and both kinds of estimates as PNG bytes."""
        from course_utils import figures

        fig, (ax,) = figures.new_figure(7.2, 3.2)
        exact, pi = self.exact_gradient(), policy.softmax(self.logits)
        limit = max(0.5, float(np.abs(self.rewards).max()) / 2, 1.4 * float(np.abs(exact).max()))
        kinds = [(self.score_function(), -0.24, "o", figures.SAMPLED, "score function, 8 batches")]
        other = self.finite_differences() if self.differences else None
        if other is not None:
            kinds.append((other, 0.24, "s", "none", "finite differences, 8 batches"))
        spread = np.linspace(-0.14, 0.14, BATCHES)
        for estimator, shift, marker, face, label in kinds:
            for a in range(COUNT):
                ax.fill_between(
                    [a + shift - 0.18, a + shift + 0.18],
                    estimator.mean[a] - 2 * estimator.error[a],
                    estimator.mean[a] + 2 * estimator.error[a],
                    color=figures.SAMPLED,
                    alpha=0.25,
                    lw=0,
                )
                y = np.clip(estimator.batches[:, a], -limit, limit)
                ax.plot(
                    a + shift + spread,
                    y,
                    marker,
                    ms=5,
                    mfc=face,
                    mec=figures.SAMPLED_INK,
                    ls="",
                    label=label if a == 0 else None,
                )
        for a in range(COUNT):
            ax.plot([a - 0.44, a + 0.44], [exact[a]] * 2, color=figures.EXACT, lw=1)
        ax.plot(range(COUNT), exact, "D", color=figures.EXACT, ms=7, label="exact")
        ax.axhline(0, color=figures.LINE, lw=1, zorder=0)
        names = [
            f"{n}\nπ {p:.2f}, R {figures.signed(R)}" for n, p, R in zip(self.actions, pi, self.rewards, strict=True)
        ]
        ax.set(ylim=(-1.05 * limit, 1.05 * limit), xlim=(-0.5, COUNT - 0.5))
        ax.set_xticks(range(COUNT), names)
        ax.set_title(f"gradient ∂J/∂z from m = {self.samples} samples", fontsize=11, loc="left")
        fig.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
        return figures.png(fig)


def _counts(probabilities: FloatArray, u: FloatArray) -> FloatArray:
    """Return how often each action is drawn by the uniform numbers."""
    drawn = kernels.invert(np.cumsum(probabilities), u)
    return np.bincount(drawn, minlength=probabilities.size).astype(np.float64)
