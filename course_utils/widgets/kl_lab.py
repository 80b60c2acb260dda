"""The KL lab: a policy beside its reference, both KLs and their estimates, and what a price β on the KL leads to."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from traitlets import Dict, TraitError, validate

from course_utils import kernels, policy
from course_utils.arguments import FloatArray
from course_utils.objectives import KLEstimates, kl_estimates, kl_penalty
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

__all__ = ["Ascent", "KLLab", "lab_formulas"]


ACTION_COUNTS = (3, 4, 5)
ACTIONS = ("refund", "replace", "apologise", "wait", "escalate")
LOGIT_LIMIT = 300.0
REWARD_LIMIT = 10.0
BETAS = 0.03, 30.0
ADAPTED_BETAS = 0.03, 1000.0
TARGETS = 0.01, 2.0
UPDATES = 600
STEP_SIZE, GAIN = 0.3, 0.1  # of an update of the policy, and of β
MOST_SAMPLES = 10_000


class Ascent(NamedTuple):
    """The policy and β after 0, 1, …, 600 updates."""

    logits: FloatArray  # (601, n)
    betas: FloatArray  # (601,)
    kls: FloatArray  # (601,): KL(π ‖ π_ref)


def lab_formulas() -> dict[str, str]:
    """Return the formulas of the lab's numbers, as SVG."""
    return {
        "kl": formula(r"\mathrm{KL}(\pi\Vert\pi_{\mathrm{ref}})", "KL of pi from the reference"),
        "forward-kl": formula(r"\mathrm{KL}(\pi_{\mathrm{ref}}\Vert\pi)", "KL of the reference from pi"),
        "objective": formula(r"\mathbb{E}[r]-\beta\,\mathrm{KL}", "expected r minus beta KL"),
        "optimum": formula(r"\pi^*\propto\pi_{\mathrm{ref}}\,e^{r/\beta}", "pi star, pi ref times e to r over beta"),
        "k1": formula("k_1=x", "k 1, x"),
        "k2": formula(r"k_2=\frac{1}{2}x^2", "k 2, half of x squared"),
        "k3": formula(r"k_3=e^{-x}-1+x", "k 3, e to the minus x, minus 1, plus x"),
    }


@lru_cache(maxsize=8)
def _ascend(
    logits: tuple[float, ...],
    ref_logits: tuple[float, ...],
    rewards: tuple[float, ...],
    beta: float,
    target: float | None,
) -> Ascent:
    z, r = np.array(logits), np.array(rewards)
    scale = max(1.0, float(np.abs(r).max()))
    rows = []
    for _ in range(UPDATES + 1):
        pi, penalty = policy.softmax(z), kl_penalty([z], [ref_logits])
        rows.append((z, beta, penalty.value))
        slope = pi * (r - pi @ r) - beta * penalty.grad_logits[0]
        z = z + STEP_SIZE / max(scale, beta / 10) * slope
        if target is not None:
            beta = float(np.clip(kernels.adapted_beta(beta, penalty.value, target, GAIN), *ADAPTED_BETAS))
    path = Ascent(*map(np.array, zip(*rows, strict=True)))
    for array in path:
        array.flags.writeable = False
    return path


class KLLab(SampledLab):
    """A lab in which the learner drags a policy away from its reference and reads what the distance is, and costs.

    One decision. Beside the exact KL(π ‖ π_ref) and KL(π_ref ‖ π) stand k1, k2 and k3 of m samples of π, with
    x = log π(a) − log π_ref(a). The objective is E[r] − β KL(π ‖ π_ref), and its best policy π* ∝ π_ref e^{r/β}. From
    π as it is dragged the lab ascends it exactly, with β fixed, or with a β that steers the KL to a target.

    logits: of π, 3 to 5 numbers; ref_logits: of the reference; rewards: r of each action, from −10 to 10; beta: β at
    the start, from 0.03 to 30; adaptive: whether β is adapted; target: the KL that it steers to, from 0.01 to 2;
    updates: how many are done, up to 600; samples: m, up to 10,000; actions: their names; seed: of the samples.

    Read `probabilities`, `reference`, `optimum()`, `kl()`, `forward_kl()`, `objective()`, `best_objective()`,
    `estimates()` (of the samples) and `ascend(adaptive)`. Set any trait.

    Raises TraitError, naming the trait, for values that are not finite, out of range or of wrong length.
    """

    _esm = lab_source("kl_lab.js")
    _css = lab_style("kl_lab.css")
    same_length = ("actions", "logits", "ref_logits", "rewards")

    actions = Texts(ACTION_COUNTS).tag(sync=True)
    logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT, ACTION_COUNTS).tag(sync=True)
    ref_logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT, ACTION_COUNTS).tag(sync=True)
    rewards = Numbers(-REWARD_LIMIT, REWARD_LIMIT, ACTION_COUNTS).tag(sync=True)
    beta = Number(1.0, min=BETAS[0], max=BETAS[1]).tag(sync=True)
    adaptive = Flag(False).tag(sync=True)
    target = Number(0.1, min=TARGETS[0], max=TARGETS[1]).tag(sync=True)
    updates = Whole(0, min=0, max=UPDATES).tag(sync=True)
    samples = Whole(100, min=1, max=MOST_SAMPLES).tag(sync=True)
    initial = Dict().tag(sync=True, of=("logits", "rewards", "beta", "adaptive", "target", "updates", "samples"))
    formulas = Dict().tag(sync=True)

    def __init__(
        self,
        logits: Sequence[float] | None = None,
        ref_logits: Sequence[float] | None = None,
        rewards: Sequence[float] | None = None,
        actions: Sequence[str] | None = None,
        beta: float = 1.0,
        *,
        adaptive: bool = False,
        target: float = 0.1,
        updates: int = 0,
        samples: int = 100,
        seed: int = 0,
    ) -> None:
        given = {"logits": logits, "ref_logits": ref_logits, "rewards": rewards, "actions": actions}
        lengths = {name: len(listed(name, value)) for name, value in given.items() if value is not None}
        if len({*lengths.values()}) > 1:
            told = " and ".join(f"{name} has {length}" for name, length in lengths.items())
            raise TraitError(f"{told} entries; expected the same number for each action")
        count = next(iter(lengths.values()), 4)
        usual = count == 4
        if logits is None:
            logits = [float(z) for z in np.log([0.55, 0.25, 0.1, 0.1])] if usual else [0.0] * count
        if ref_logits is None:
            ref_logits = [float(z) for z in np.log([0.4, 0.3, 0.2, 0.1])] if usual else [0.0] * count
        if rewards is None:
            rewards = [1.0, 0.5, 0.0, -1.0] if usual else [0.0] * count
        super().__init__(
            actions=ACTIONS[:count] if actions is None else listed("actions", actions),
            logits=logits,
            ref_logits=ref_logits,
            rewards=rewards,
            beta=beta,
            adaptive=adaptive,
            target=target,
            updates=updates,
            samples=samples,
            seed=seed,
            formulas=lab_formulas(),
        )

    @validate("actions", "logits", "ref_logits", "rewards")
    def _same_length(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        for other in self.same_length:
            if len(getattr(self, other)) not in (0, len(value)):
                raise TraitError(
                    f"{name}: {name} has {len(value)} and {other} has {len(getattr(self, other))} entries; "
                    "expected the same number for each action"
                )
        return value

    # --- the mathematics ----------------------------------------------------------------------------

    def ascend(self, adaptive: bool | None = None) -> Ascent:
        """Return 600 updates from `logits` and `beta`, with β fixed or adapted; None takes the lab's own.

        z ← z + η ∂(E[r] − β KL)/∂z, then β ← β (1 + 0.1 clip(KL / target − 1, −0.2, 0.2)), with the KL before the step.
        η = 0.3 where rewards are within ± 1 and β at most 10, and shorter in proportion where they are larger. The
        adapted β stays between 0.03 and 1,000.
        """
        target = self.target if (self.adaptive if adaptive is None else adaptive) else None
        return _ascend(tuple(self.logits), tuple(self.ref_logits), tuple(self.rewards), self.beta, target)

    def now(self) -> tuple[FloatArray, float]:
        """Return log π and β after the updates that are done."""
        if not self.updates:
            return policy.log_softmax(self.logits), self.beta
        path = self.ascend()
        return policy.log_softmax(path.logits[self.updates]), float(path.betas[self.updates])

    @property
    def probabilities(self) -> FloatArray:
        """π after the updates that are done."""
        return np.exp(self.now()[0])

    @property
    def reference(self) -> FloatArray:
        """π_ref."""
        return policy.softmax(self.ref_logits)

    def optimum(self) -> FloatArray:
        """Return π* ∝ π_ref e^{r/β}, the best policy at the present β."""
        return policy.softmax(policy.log_softmax(self.ref_logits) + np.array(self.rewards) / self.now()[1])

    def kl(self) -> float:
        """Return KL(π ‖ π_ref), which RLHF uses."""
        return float(policy.kl_divergence(self.now()[0], self.ref_logits))

    def forward_kl(self) -> float:
        """Return KL(π_ref ‖ π), the other way round."""
        return float(policy.kl_divergence(self.ref_logits, self.now()[0]))

    def objective(self) -> float:
        """Return E[r] − β KL(π ‖ π_ref)."""
        return float(self.probabilities @ self.rewards - self.now()[1] * self.kl())

    def best_objective(self) -> float:
        """Return what π* has: β log Σ π_ref e^{r/β}."""
        beta = self.now()[1]
        exponent = policy.log_softmax(self.ref_logits) + np.array(self.rewards) / beta
        return float(beta * (exponent.max() + np.log(np.exp(exponent - exponent.max()).sum())))

    def drawn_actions(self) -> list[int]:
        """Return the sampled actions, as indices."""
        drawn = kernels.invert(np.cumsum(self.probabilities), uniforms(self.samples, self.seed, self.draw))
        return [int(a) for a in drawn]

    def estimates(self) -> KLEstimates:
        """Return k1, k2 and k3 of each sample."""
        drawn = self.drawn_actions()
        return kl_estimates(self.now()[0][drawn], policy.log_softmax(self.ref_logits)[drawn])

    # --- viewers without widgets --------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        named = [
            f"{name} π {p:.2f}, reference {q:.2f}, best {best:.2f}"
            for name, p, q, best in zip(self.actions, self.probabilities, self.reference, self.optimum(), strict=True)
        ]
        kl, k = self.kl(), self.estimates()
        means = ", ".join(f"{name} {values.mean():.3f}" for name, values in k._asdict().items())
        return (
            f"KL lab. {'; '.join(named)}. KL(π ‖ π_ref) is {kl:.3f}, KL(π_ref ‖ π) {self.forward_kl():.3f}. Means of "
            f"{self.samples} samples: {means}; k1 is below 0 in {int((k.k1 < -1e-10).sum())}, k3 in none. "
            f"At β = {self.now()[1]:.3g} the objective is {self.objective():.3f}, at best {self.best_objective():.3f}."
        )

    def first_frame(self) -> bytes:
        """Return the policies as bars and outlines, and the means of the estimates, as PNG bytes."""
        from course_utils import figures

        fig, (left, right) = figures.new_figure(7.2, 3.0, columns=2)
        x, pi = np.arange(len(self.actions)), self.probabilities
        left.bar(x, pi, 0.5, color=figures.POLICY, label="π")
        outlines = [(self.reference, figures.REFERENCE, ":", 0.8, "reference"), (self.optimum(), "k", "--", 0.64, "π*")]
        for values, color, style, width, name in outlines:
            left.bar(x, values, width, fill=False, edgecolor=color, linestyle=style, linewidth=1.5, label=name)
        left.set_xticks(x, self.actions, fontsize=9)
        left.set_title("probability", fontsize=11, loc="left")
        left.legend(frameon=False, fontsize=9)
        for row, values in enumerate(self.estimates()):
            error = 2 * values.std(ddof=1) / np.sqrt(self.samples) if self.samples > 1 else 0.0
            right.errorbar(
                values.mean(), -row, xerr=error, fmt="o", color=figures.SAMPLED, mec=figures.SAMPLED_INK, capsize=3
            )
        right.axvline(self.kl(), color=figures.EXACT, lw=1)
        right.annotate("exact KL(π ‖ π_ref)", (self.kl(), 0.5), (4, 0), textcoords="offset points", fontsize=9)
        right.axvline(0, color=figures.NEUTRAL, lw=1)
        right.set(ylim=(-2.6, 0.8))
        right.set_yticks([0, -1, -2], ["k1", "k2", "k3"])
        right.set_title(f"mean of {self.samples} samples ± 2 s.e.", fontsize=11, loc="left")
        return figures.png(fig)
