"""The baseline lab: one decision, a baseline to drag, and what it does to the mean and the variance of a gradient."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from traitlets import TraitError

from course_utils import kernels, policy
from course_utils.arguments import FloatArray, IntArray
from course_utils.widgets.lab import (
    Constant,
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

__all__ = ["BaselineLab"]


COUNT = 3  # actions
LOGIT_LIMIT = 8.0
REWARD_LIMIT = BASELINE_LIMIT = 20.0
MOST_SAMPLES = 1000

# Situations of the lesson. In the second, one action is nearly certain and good: V is a bad baseline there.
PRESETS: dict[str, dict[str, Any]] = {
    "near_ten": {
        "label": "all rewards near 10",
        "rewards": [11.0, 10.0, 9.0],
        "logits": [float(x) for x in np.log([0.5, 0.3, 0.2])],
    },
    "nearly_certain": {
        "label": "good and nearly certain policy",
        "rewards": [10.0, 0.0, 0.0],
        "logits": [float(x) for x in np.log([0.98, 0.01, 0.01])],
    },
    "even": {
        "label": "even policy",
        "rewards": [4.0, 1.0, -2.0],
        "logits": [0.0, 0.0, 0.0],
    },
}


class BaselineLab(SampledLab):
    """A lab in which the learner drags a baseline and watches the spread of gradient estimates, and their mean.

    One state, three actions, J = Σ_a π_a R_a. One sample a ~ π estimates ∂J/∂z by
    g(a) = (R_a − b_a) (one-hot(a) − π). With b_a = b its mean is π_a (R_a − J) for every b, and the trace of its
    variance is a parabola in b, lowest at b* = Σ_a π_a |one-hot(a) − π|² R_a / Σ_a π_a |one-hot(a) − π|².

    rewards: R, one for each of three actions; logits, actions: as in other labs; baseline: b;
    action_dependence: c from 0 to 1, how far the baseline follows the drawn action's own reward,
    b_a = (1 − c) b + c R_a; component: the logit whose estimates are drawn; samples: how many of them;
    seed: of the samples; preset: one of PRESETS, instead of rewards and logits.

    Read `value()`, `best_baseline()`, `variance()`, `exact_gradient()`, `mean_estimate()`, `bias()`, `deviations()`
    and `estimates()`. Set any trait.

    Raises TraitError, naming the trait, for values that are not finite, out of range or of wrong length.
    """

    _esm = lab_source("baseline_lab.js")
    _css = lab_style("baseline_lab.css")
    same_length = ("actions", "rewards", "logits", "initial_rewards", "initial_logits")

    actions = Texts((COUNT,)).tag(sync=True)
    rewards = Numbers(-REWARD_LIMIT, REWARD_LIMIT, (COUNT,)).tag(sync=True)
    logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT, (COUNT,)).tag(sync=True)
    baseline = Number(0.0, min=-BASELINE_LIMIT, max=BASELINE_LIMIT).tag(sync=True)
    action_dependence = Number(0.0, min=0.0, max=1.0).tag(sync=True)
    component = Whole(0, min=0, max=COUNT - 1).tag(sync=True)
    samples = Whole(200, min=1, max=MOST_SAMPLES).tag(sync=True)
    initial_rewards = Numbers(-REWARD_LIMIT, REWARD_LIMIT, (COUNT,)).tag(sync=True)
    initial_logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT, (COUNT,)).tag(sync=True)
    initial_baseline = Number(0.0, min=-BASELINE_LIMIT, max=BASELINE_LIMIT).tag(sync=True)
    initial_action_dependence = Number(0.0, min=0.0, max=1.0).tag(sync=True)
    presets = Constant(PRESETS, read_only=True).tag(sync=True)

    def __init__(
        self,
        rewards: Sequence[float] | None = None,
        logits: Sequence[float] | None = None,
        baseline: float = 0.0,
        actions: Sequence[str] = ("refund", "replace", "apologise"),
        *,
        action_dependence: float = 0.0,
        component: int = 0,
        samples: int = 200,
        seed: int = 0,
        preset: str | None = None,
    ) -> None:
        if preset is not None and not (isinstance(preset, str) and preset in PRESETS):
            raise TraitError(f"preset is {preset!r}, expected one of {', '.join(PRESETS)}")
        start = PRESETS[preset or "near_ten"]
        rewards = start["rewards"] if rewards is None else rewards
        logits = start["logits"] if logits is None else logits
        super().__init__(
            actions=listed("actions", actions),
            rewards=rewards,
            logits=logits,
            baseline=baseline,
            action_dependence=action_dependence,
            component=component,
            samples=samples,
            seed=seed,
        )

    # --- the mathematics ----------------------------------------------------------------------------

    def probabilities(self) -> FloatArray:
        """Return π, shape (3,)."""
        return policy.softmax(self.logits)

    def value(self) -> float:
        """Return V = J = Σ_a π_a R_a, the value of the only state."""
        return float(self.probabilities() @ self.rewards)

    def best_baseline(self) -> float:
        """Return b* = Σ_a π_a |score_a|² R_a / Σ_a π_a |score_a|²: the rewards averaged by squared score."""
        pi = self.probabilities()
        squared = pi * (_scores(pi) ** 2).sum(axis=1)
        return float(squared @ self.rewards / squared.sum())

    def weights(self, baseline: float | None = None, action_dependence: float | None = None) -> FloatArray:
        """Return R_a − b_a for each action, b_a = (1 − c) b + c R_a; the present b and c, unless given."""
        b = self.baseline if baseline is None else float(baseline)
        c = self.action_dependence if action_dependence is None else float(action_dependence)
        rewards = np.array(self.rewards)
        result: FloatArray = rewards - ((1 - c) * b + c * rewards)
        return result

    def exact_gradient(self) -> FloatArray:
        """Return ∂J/∂z_a = π_a (R_a − J), shape (3,)."""
        gradient: FloatArray = self.probabilities() * (np.array(self.rewards) - self.value())
        return gradient

    def mean_estimate(self) -> FloatArray:
        """Return the exact expectation of one sample's estimate, shape (3,)."""
        pi = self.probabilities()
        mean: FloatArray = (pi * self.weights()) @ _scores(pi)
        return mean

    def bias(self) -> FloatArray:
        """Return the mean of the estimate minus the exact gradient, shape (3,): 0 unless b depends on the action."""
        bias: FloatArray = self.mean_estimate() - self.exact_gradient()
        return bias

    def variance(self, baseline: float | None = None, action_dependence: float | None = None) -> float:
        """Return the trace of the variance of one sample's estimate; the present b and c, unless given."""
        return float(self._variances(self.weights(baseline, action_dependence)).sum())

    def deviations(self) -> FloatArray:
        """Return the exact standard deviation of one sample's estimate, logit by logit, shape (3,)."""
        deviations: FloatArray = np.sqrt(self._variances(self.weights()))
        return deviations

    def _variances(self, weights: FloatArray) -> FloatArray:
        pi = self.probabilities()
        each = weights[:, None] * _scores(pi)  # a row for each action that can be drawn
        variances: FloatArray = pi @ (each - pi @ each) ** 2
        return variances

    def drawn_actions(self) -> IntArray:
        """Return the actions that were drawn, shape (samples,)."""
        return kernels.invert(np.cumsum(self.probabilities()), uniforms(self.samples, self.seed, self.draw))

    def estimates(self) -> FloatArray:
        """Return each sample's estimate of the gradient, shape (samples, 3)."""
        each = self.weights()[:, None] * _scores(self.probabilities())
        estimates: FloatArray = each[self.drawn_actions()]
        return estimates

    # --- the buttons, from Python -------------------------------------------------------------------

    def use_preset(self, name: str) -> None:
        """Set up one of PRESETS without a baseline, as its button does."""
        if name not in PRESETS:
            raise ValueError(f"name is {name!r}, expected one of {', '.join(PRESETS)}")
        with self.hold_trait_notifications():
            self.rewards, self.logits = PRESETS[name]["rewards"], PRESETS[name]["logits"]
            self.baseline = self.action_dependence = 0.0

    # --- viewers without widgets --------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        from course_utils.figures import signed

        each = [
            f"{name} has probability {p:.2f}, reward {signed(R)}"
            for name, p, R in zip(self.actions, self.probabilities(), self.rewards, strict=True)
        ]
        text = f"Baseline lab. {'; '.join(each)}.\nThe variance of one sample's gradient estimate is a parabola in the "
        text += f"baseline b: {self.variance(0, 0):.3g} at b = 0, {self.variance(self.value(), 0):.3g} at "
        text += f"V = {self.value():.3g}, lowest at b* = {self.best_baseline():.3g} with "
        text += f"{self.variance(self.best_baseline(), 0):.3g}. Now b = {self.baseline:.3g}"
        if self.action_dependence:
            largest = float(np.abs(self.bias()).max())
            text += f" and follows the action by {self.action_dependence:.2g}, with a bias up to {largest:.2g}"
        return f"{text}: variance {self.variance():.3g}."

    def first_frame(self) -> bytes:
        """Return the parabola, and the estimates of one logit, as PNG bytes."""
        from course_utils import figures

        fig, (left, right) = figures.new_figure(7.2, 3.2, columns=2)
        value, best = self.value(), self.best_baseline()
        low, high = min(0.0, *self.rewards, self.baseline), max(0.0, *self.rewards, self.baseline)
        room = 0.1 * max(high - low, 1.0)
        grid = np.linspace(low - room, high + room, 161)
        left.plot(grid, [self.variance(b) for b in grid], color=figures.EXACT, lw=2)
        marks = [(0.0, "b = 0", figures.REFERENCE, ":"), (value, "V", figures.VALUE, "--")]
        for b, name, colour, dash in [*marks, (best, "b*", figures.EXACT, "-")]:
            left.axvline(b, color=colour, ls=dash, lw=1.5, zorder=0, label=f"{name}: {self.variance(b, 0):.3g}")
        left.plot([self.baseline], [self.variance()], "o", ms=10, color=figures.EXACT, mec=figures.PAPER, zorder=3)
        left.set_ylim(bottom=0)
        left.set_xlabel("baseline b")
        left.set_title("variance of one sample's gradient", fontsize=11, loc="left")
        k = self.component
        drawn, values = self.drawn_actions(), self.estimates()[:, k]
        mean, deviation = self.mean_estimate()[k], self.deviations()[k]
        right.axvspan(mean - deviation, mean + deviation, color=figures.SAMPLED, alpha=0.25, lw=0)
        right.axvline(0, color=figures.LINE, lw=1, zorder=0)
        jitter = 0.6 * (uniforms(self.samples, self.seed, self.draw, 1) - 0.5)
        right.plot(
            values,
            jitter + COUNT - 1 - drawn,
            "o",
            ms=4,
            color=figures.SAMPLED,
            mec=figures.SAMPLED_INK,
            mew=0.5,
            ls="",
        )
        right.plot([self.exact_gradient()[k]], [-1], "D", color=figures.EXACT, ms=7)
        right.set_yticks(range(-1, COUNT), ["exact", *reversed([_fitted(name) for name in self.actions])])
        right.set_ylim(-1.5, COUNT - 0.5)
        right.set_title(f"{self.samples} estimates, logit of {_fitted(self.actions[k])}", fontsize=11, loc="left")
        fig.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=9)
        return figures.png(fig)


def _scores(pi: FloatArray) -> FloatArray:
    """Return the score one-hot(a) − π of each action, a row each, shape (3, 3)."""
    scores: FloatArray = np.eye(COUNT) - pi
    return scores


def _fitted(name: str) -> str:
    return name if len(name) <= 12 else f"{name[:11]}…"
