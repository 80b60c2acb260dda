"""The clip lab: where PPO's clip turns the gradient of one sample off, and what that does not bound."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from traitlets import Dict

from course_utils import arguments, policy
from course_utils.arguments import FloatArray
from course_utils.objectives import PPOClipObjective, ppo_clip_objective
from course_utils.widgets.formulas import formula
from course_utils.widgets.lab import Constant, Flag, Lab, Number, Whole, lab_source, lab_style

__all__ = ["ClipLab", "OneSample", "ascend", "batch_objective", "lab_formulas", "one_sample"]


HIGHEST_RATIO = 2.0
ADVANTAGE_LIMIT = 2.0
HIGHEST_EPSILON = 0.5
LOWEST_STEP_SIZE, HIGHEST_STEP_SIZE = 0.1, 2.0
MOST_STEPS = 100
NO_CLIP = 1e6  # an ε that no ratio reaches: the objective without its clip

ACTIONS = ("refund", "replace", "apologise")
START_LOGITS = np.log([0.6, 0.3, 0.1])  # the policy that sampled the batch
BATCH = (  # action and advantage of each sample; the advantages have mean 0, and the rare action is the good one
    *((0, advantage) for advantage in (-0.6, -0.3, -0.5, -0.2, -0.4, -0.5, -0.3)),
    *((1, advantage) for advantage in (-0.1, -0.1, -0.1, -0.1)),
    (2, 3.2),
)
SAMPLED = np.array([action for action, _ in BATCH])
ADVANTAGES = np.array([advantage for _, advantage in BATCH])
WORLD = {  # what the browser must know of the batch
    "actions": list(ACTIONS),
    "logits": START_LOGITS.tolist(),
    "sampled": SAMPLED.tolist(),
    "advantages": ADVANTAGES.tolist(),
}


def lab_formulas() -> dict[str, str]:
    """Return the formulas that the lab shows, as SVG."""
    surrogate = r"\min\left(\rho A,\ \mathrm{clip}(\rho,\,1-\varepsilon,\,1+\varepsilon)\,A\right)"
    return {
        "surrogate": formula(surrogate, "the minimum of rho A and rho, clipped to 1 plus or minus epsilon, A"),
        "ratio": formula(r"\rho=\pi/\pi_{\mathrm{old}}", "rho, pi divided by pi old"),
        "kl": formula(r"\mathrm{KL}(\pi_{\mathrm{old}}\,\Vert\,\pi)", "K L of pi old and pi"),
    }


class OneSample(NamedTuple):
    """The clipped surrogate of one sample, and what it is made of."""

    unclipped: float
    """ρA"""
    clipped: float
    """clip(ρ, 1 − ε, 1 + ε) A"""
    surrogate: float
    """the smaller of the two"""
    gradient: float
    """∂ surrogate / ∂ log π = ρA, and 0 where the clip is active"""
    outside: bool
    """Whether ρ is outside 1 ± ε: what the clip fraction of most libraries counts"""
    active: bool
    """Whether the clip takes the gradient away: outside, on the side to which the advantage pushes"""


def one_sample(ratio: float, advantage: float, epsilon: float) -> OneSample:
    """Return the clipped surrogate of one sample as a function of its ratio.

    surrogate = min(ρA, clip(ρ, 1 − ε, 1 + ε) A)
    ∂ surrogate / ∂ log π = ρA, and 0 where ρ > 1 + ε and A > 0, or ρ < 1 − ε and A < 0

    Args:
        ratio: ρ = π / π_old, at least 0.
        advantage: A, a constant.
        epsilon: ε, at least 0.

    Returns:
        OneSample. At a corner, where ρ is 1 ± ε, the clip is not active: `objectives.ppo_clip_objective`'s rule.

    Raises:
        TypeError: not a real number.
        ValueError: NaN, inf or below the least value.

    Source: Schulman et al. 2017, Proximal Policy Optimization Algorithms, equation 7 and figure 1.
    """
    ratio = arguments.number("ratio", ratio, low=0.0)
    advantage = arguments.number("advantage", advantage)
    epsilon = arguments.number("epsilon", epsilon, low=0.0)
    unclipped = ratio * advantage
    clipped = min(max(ratio, 1 - epsilon), 1 + epsilon) * advantage
    above, below = ratio > 1 + epsilon, ratio < 1 - epsilon
    active = (above and advantage > 0) or (below and advantage < 0)
    return OneSample(
        unclipped=unclipped,
        clipped=clipped,
        surrogate=min(unclipped, clipped),
        gradient=0.0 if active else unclipped,
        outside=above or below,
        active=active,
    )


def batch_objective(logits: ArrayLike, epsilon: float) -> PPOClipObjective:
    """Return PPO's objective of the batch, each sample a trajectory of one step, and its gradient.

    value = (1/12) Σ_i min(ρ_i A_i, clip(ρ_i, 1 − ε, 1 + ε) A_i)

    Args:
        logits: of the present policy in the one state, shape (3,).
        epsilon: ε, at least 0; 1e6 for no clip.

    Returns:
        PPOClipObjective; its grad_logits has the shape (12, 1, 3), and its sum over the samples is the gradient.

    Raises:
        TypeError: not real numbers.
        ValueError: wrong shape, NaN or inf, or an overflow.

    Source: Schulman et al. 2017, Proximal Policy Optimization Algorithms, equation 7.
    """
    (logits,) = arguments.floats(logits=logits)
    arguments.shape("logits", logits, (len(ACTIONS),), "the three actions")
    old = policy.log_softmax(START_LOGITS)[SAMPLED]
    rows = np.broadcast_to(logits, (len(BATCH), 1, len(ACTIONS)))
    return ppo_clip_objective(rows, old[:, None], SAMPLED[:, None], ADVANTAGES[:, None], epsilon)


def ascend(epsilon: float, step_size: float, steps: int) -> FloatArray:
    """Return the logits before and after each of so many steps of gradient ascent on the same batch.

    z ← z + η ∂ value / ∂ z

    Args:
        epsilon: ε, at least 0; 1e6 for no clip.
        step_size: η, at least 0.
        steps: number of steps, at least 0.

    Returns:
        The logits, shape (steps + 1, 3), those of the policy that sampled first.

    Raises:
        TypeError: not real numbers.
        ValueError: NaN, inf or below 0.

    Source: Schulman et al. 2017, Proximal Policy Optimization Algorithms, algorithm 1.
    """
    step_size = arguments.number("step_size", step_size, low=0.0)
    steps = arguments.count("steps", steps, low=0)
    logits = [START_LOGITS]
    for _ in range(steps):
        logits.append(logits[-1] + step_size * batch_objective(logits[-1], epsilon).grad_logits.sum(axis=(0, 1)))
    return np.stack(logits)


@lru_cache(maxsize=32)
def _ascended(epsilon: float, step_size: float, steps: int) -> FloatArray:
    """Return `ascend`'s logits, kept: a lab asks for the same path many times."""
    logits = ascend(epsilon, step_size, steps)
    logits.setflags(write=False)
    return logits


class ClipLab(Lab):
    """A lab with PPO's clip: the surrogate of one sample, and many steps on one batch.

    First, one sample: drag its ratio ρ and its advantage A, and see where the gradient is off. Then one state,
    three actions and a batch of 12 samples: gradient ascent on that same batch, with and without the clip.

    ratio: ρ of the one sample, from 0 to 2; advantage: its A, from −2 to 2; epsilon: ε, from 0 to 0.5, in both parts;
    clip: whether the shown policy learns with the clip; step_size: η, from 0.1 to 2; steps: taken so far, 0 to 100.

    Read `surrogate()`, `gradient()`, `sample()`, `run()`, `ratios()`, `largest_ratio()`, `kl()` and `batch()`;
    `step(n)`, `restart()` and `reset()` are the buttons. Set any trait.

    Raises TraitError, naming the trait, for values that are not finite or out of range.
    """

    _esm = lab_source("clip_lab.js")
    _css = lab_style("clip_lab.css")

    ratio = Number(1.1, min=0.0, max=HIGHEST_RATIO).tag(sync=True)
    advantage = Number(1.0, min=-ADVANTAGE_LIMIT, max=ADVANTAGE_LIMIT).tag(sync=True)
    epsilon = Number(0.2, min=0.0, max=HIGHEST_EPSILON).tag(sync=True)
    clip = Flag(True).tag(sync=True)
    step_size = Number(0.5, min=LOWEST_STEP_SIZE, max=HIGHEST_STEP_SIZE).tag(sync=True)
    steps = Whole(0, min=0, max=MOST_STEPS).tag(sync=True)
    initial = Dict().tag(sync=True, of=("ratio", "advantage", "epsilon", "clip", "step_size", "steps"))
    world = Constant(WORLD, read_only=True).tag(sync=True)
    formulas = Dict().tag(sync=True)

    def __init__(
        self,
        ratio: float = 1.1,
        advantage: float = 1.0,
        epsilon: float = 0.2,
        *,
        clip: bool = True,
        step_size: float = 0.5,
        steps: int = 0,
    ) -> None:
        super().__init__(
            ratio=ratio,
            advantage=advantage,
            epsilon=epsilon,
            clip=clip,
            step_size=step_size,
            steps=steps,
            formulas=lab_formulas(),
        )

    # --- the mathematics ----------------------------------------------------------------------------

    def sample(self) -> OneSample:
        """Return the clipped surrogate of the one sample, and what it is made of."""
        return one_sample(self.ratio, self.advantage, self.epsilon)

    def surrogate(self) -> float:
        """Return min(ρA, clip(ρ, 1 − ε, 1 + ε) A) of the one sample."""
        return self.sample().surrogate

    def gradient(self) -> float:
        """Return ∂ surrogate / ∂ log π of the one sample: ρA, and 0 where the clip is active."""
        return self.sample().gradient

    def run(self, clip: bool | None = None) -> FloatArray:
        """Return the policy after 0, 1, …, `steps` steps on the batch, shape (steps + 1, 3).

        clip: with the clip or without; None for what the lab shows.
        """
        return policy.softmax(self._logits(clip))

    def ratios(self, clip: bool | None = None) -> FloatArray:
        """Return π / π_old of the three actions after 0, 1, …, `steps` steps, shape (steps + 1, 3)."""
        ratios: FloatArray = self.run(clip) / policy.softmax(START_LOGITS)
        return ratios

    def largest_ratio(self, clip: bool | None = None) -> FloatArray:
        """Return the largest of the three ratios after 0, 1, …, `steps` steps, shape (steps + 1,)."""
        largest: FloatArray = self.ratios(clip).max(axis=1)
        return largest

    def kl(self, clip: bool | None = None) -> FloatArray:
        """Return KL(π_old ‖ π) after 0, 1, …, `steps` steps, shape (steps + 1,)."""
        logits = self._logits(clip)
        return np.asarray(policy.kl_divergence(np.broadcast_to(START_LOGITS, logits.shape), logits))

    def batch(self, clip: bool | None = None) -> PPOClipObjective:
        """Return the objective of the batch at the present policy: its value, gradient, ratios and clip fractions.

        Its two fractions are counted with ε whether or not the clip is on, its value and gradient are those of the
        objective that the policy learns from.
        """
        logits = self._logits(clip)[-1]
        clipped = batch_objective(logits, self.epsilon)
        if self.clip if clip is None else arguments.flag("clip", clip):
            return clipped
        return batch_objective(logits, NO_CLIP)._replace(clip_fraction=clipped.clip_fraction)

    def _logits(self, clip: bool | None = None) -> FloatArray:
        on = self.clip if clip is None else arguments.flag("clip", clip)
        return _ascended(self.epsilon if on else NO_CLIP, self.step_size, self.steps)

    # --- the buttons, from Python -------------------------------------------------------------------

    def step(self, number: int = 1) -> None:
        """Take one or more steps on the batch, as the buttons do; the 100th is the last."""
        self.steps = min(MOST_STEPS, self.steps + arguments.whole("number", number, low=1))

    def restart(self) -> None:
        """Go back to the policy that sampled, as the button does; the settings stay."""
        self.steps = 0

    # --- viewers without widgets --------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        from course_utils.figures import signed

        seen, now = self.sample(), self.run()[-1]
        push = "the gradient is off" if seen.active else f"the gradient on log π is {signed(seen.gradient)}"
        bars = ", ".join(f"{name} {p:.3g}" for name, p in zip(ACTIONS, now, strict=True))
        return (
            f"Clip lab. One sample with ratio {self.ratio:.3g}, advantage {signed(self.advantage)} and "
            f"ε = {self.epsilon:.3g}: the clipped surrogate is {signed(seen.surrogate)}, and {push}. "
            f"After {self.steps} steps on a batch of {len(BATCH)} samples, {'with' if self.clip else 'without'} the "
            f"clip, the policy is {bars}; its largest ratio to the old one is {self.largest_ratio()[-1]:.3g}."
        )

    def first_frame(self) -> bytes:
        """Return the surrogate of one sample and the policy beside the old one as PNG bytes."""
        from course_utils import figures

        fig, (left, right) = figures.new_figure(7.2, 3.4, columns=2)
        grid = np.linspace(0, HIGHEST_RATIO, 201)
        seen, epsilon = self.sample(), self.epsilon
        off, back = (1 + epsilon, HIGHEST_RATIO), (0.0, 1 - epsilon)
        if self.advantage < 0:
            off, back = back, off
        if self.advantage != 0:
            left.axvspan(*off, color=figures.BLOCK, lw=0)
            left.axvspan(*back, color=figures.WASH, lw=0)
            height = -3.4 if self.advantage > 0 else 3.1
            left.text(sum(off) / 2, height, "gradient\noff", ha="center", va="center", fontsize=9)
            left.text(sum(back) / 2, height, "pushes\nback", ha="center", va="center", fontsize=9)
        left.plot(grid, grid * self.advantage, ":", color=figures.REFERENCE, lw=2, label="ρA")
        surrogates = [one_sample(float(x), self.advantage, epsilon).surrogate for x in grid]
        left.plot(grid, surrogates, "-", color=figures.EXACT, lw=2.2, label="surrogate")
        left.plot(self.ratio, seen.surrogate, "o", color=figures.POLICY, ms=9)
        left.set(xlim=(0, HIGHEST_RATIO), ylim=(-4.2, 4.2))
        left.set_xlabel("ratio ρ = π / π_old")
        left.set_title("one sample", fontsize=11, loc="left")
        left.legend(frameon=False, fontsize=9, loc="upper left" if self.advantage > 0 else "lower left")
        places, old = np.arange(len(ACTIONS)), policy.softmax(START_LOGITS)
        right.bar(places, self.run()[-1], 0.55, color=figures.POLICY, label="π now")
        right.bar(places, old, 0.75, fill=False, ec=figures.REFERENCE, ls=":", lw=2, label="π_old")
        right.errorbar(
            places + 0.42, old, yerr=epsilon * old, fmt="none", ecolor=figures.EXACT, capsize=3, label="1 ± ε"
        )
        right.set_xticks(places, ACTIONS)
        right.set(ylim=(0, 1))
        right.set_title(f"after {self.steps} steps on one batch", fontsize=11, loc="left")
        right.legend(frameon=False, fontsize=9, loc="upper right")
        return figures.png(fig)
