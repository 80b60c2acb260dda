"""The policy explorer: drag logits, watch the softmax's probabilities, and draw actions from them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from traitlets import Dict, List, TraitError, observe, validate

from course_utils import kernels, policy
from course_utils.arguments import FloatArray
from course_utils.widgets.formulas import formula
from course_utils.widgets.lab import Flag, Lab, Number, Numbers, Texts, Whole, lab_source, lab_style, listed, uniform

__all__ = ["PolicyExplorer", "row_formulas"]


ACTION_COUNTS = (2, 3, 4, 5, 6)
LOGIT_LIMIT = SHIFT_LIMIT = 1000.0
TEMPERATURES = 0.05, 100.0
MOST_DRAWS = 10_000


def row_formulas() -> dict[str, str]:
    """Return the formulas of the explorer's arithmetic, as SVG, by row."""
    return {
        "logit": formula("z_a", "z a"),
        "scaled": formula(r"(z_a+c)/\kappa", "z a plus c, over kappa"),
        "exponential": formula(r"e^{(z_a+c)/\kappa}", "e to the z a plus c, over kappa"),
        "probability": formula(r"\pi_a", "pi a"),
        "count": formula("n_a", "n a"),
        "share": formula("n_a/n", "n a over n"),
        "error": formula(r"\sqrt{\pi_a(1-\pi_a)/n}", "square root of pi a times 1 minus pi a, over n"),
    }


class PolicyExplorer(Lab):
    """A lab in which the learner changes logits and temperature and sees the policy, exact and sampled.

    The policy is π_a = softmax((z + c) / κ)_a, with logits z, a shift c of all logits and a temperature κ.
    Draw number i uses the i-th uniform number of the seed; a new policy starts a new sample.

    logits: one number for each of 2 to 6 actions; actions: their names; temperature: κ; shift: c;
    draws: how many actions are drawn at first; seed: for the draws; predict_first: hide the probabilities until
    the learner has drawn what they expect.

    Read `probabilities`, `entropy`, `drawn_actions`, `counts` and `predictions` (one dict for each prediction:
    predicted, actual, total_variation and the setting). Set any trait.

    Raises TraitError, naming the trait, for values that are not finite, out of range or of unequal length.
    """

    same_length = ("actions", "logits")

    _esm = lab_source("policy_explorer.js")
    _css = lab_style("policy_explorer.css")

    actions = Texts(ACTION_COUNTS).tag(sync=True)
    logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT, ACTION_COUNTS).tag(sync=True)
    temperature = Number(1.0, min=TEMPERATURES[0], max=TEMPERATURES[1]).tag(sync=True)
    shift = Number(0.0, min=-SHIFT_LIMIT, max=SHIFT_LIMIT).tag(sync=True)
    seed = Whole(0, min=0, max=2**32 - 1).tag(sync=True)
    draws = Whole(0, min=0, max=MOST_DRAWS).tag(sync=True)
    draw_start = Whole(0, min=0).tag(sync=True)
    predict_first = Flag(False).tag(sync=True)
    revealed = Flag(False).tag(sync=True)
    ghosts = Numbers(0.0, 1.0).tag(sync=True)
    predictions = List(Dict()).tag(sync=True)
    initial = Dict().tag(sync=True, of=("actions", "logits", "temperature", "shift"))
    formulas = Dict().tag(sync=True)

    def __init__(
        self,
        logits: Sequence[float] | None = None,
        actions: Sequence[str] | None = None,
        temperature: float = 1.0,
        *,
        shift: float = 0.0,
        draws: int = 0,
        seed: int = 0,
        predict_first: bool = False,
    ) -> None:
        if logits is None:
            logits = [0.0] * (3 if actions is None else len(listed("actions", actions)))
        count = len(listed("logits", logits))
        names = [chr(ord("a") + i) for i in range(count)] if actions is None else listed("actions", actions)
        super().__init__(
            actions=names,
            logits=logits,
            temperature=temperature,
            shift=shift,
            draws=draws,
            seed=seed,
            predict_first=predict_first,
            formulas=row_formulas(),
        )

    # --- checks -----------------------------------------------------------------------------------

    @validate("actions", "logits")
    def _same_length(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        other = "logits" if name == "actions" else "actions"
        if len(getattr(self, other)) not in (0, len(value)):
            raise TraitError(
                f"{name}: {name} has {len(value)} and {other} has {len(getattr(self, other))} entries; "
                "expected the same number for each action"
            )
        return value

    # --- what follows from the setting ------------------------------------------------------------

    def _scaled(self) -> FloatArray:
        scaled: FloatArray = (np.array(self.logits) + self.shift) / self.temperature
        return scaled

    @property
    def probabilities(self) -> FloatArray:
        """π, one number for each action."""
        return policy.softmax(self._scaled())

    @property
    def entropy(self) -> float:
        """H(π) in nats."""
        return float(policy.entropy(self._scaled()))

    @property
    def drawn_actions(self) -> list[int]:
        """The actions drawn so far, as indices."""
        cumulative = np.cumsum(self.probabilities)
        numbers = [uniform(self.seed, self.draw_start + i) for i in range(self.draws)]
        return [int(a) for a in kernels.invert(cumulative, np.array(numbers))]

    @property
    def counts(self) -> list[int]:
        """How often each action has been drawn."""
        return [int(n) for n in np.bincount(self.drawn_actions, minlength=len(self.actions))]

    @observe("logits", "temperature", "seed")
    def _new_policy(self, _change: Any) -> None:
        if self.initial and "draws" not in self.from_page:  # not while it is being made
            self.clear()
            if self.revealed:  # what was predicted was another policy
                self.ghosts = []

    # --- the buttons, from Python -------------------------------------------------------------------

    def draw(self, n: int = 1) -> None:
        """Draw n more actions, as the buttons do; at most 10,000 in all."""
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise ValueError(f"n is {n!r}, expected a whole number of draws from 1 on")
        self.draws = min(MOST_DRAWS, self.draws + n)

    def clear(self) -> None:
        """Forget the draws; the next ones are new."""
        with self.hold_trait_notifications():
            self.draw_start += self.draws
            self.draws = 0

    def reset(self) -> None:
        """Go back to the first logits, temperature and shift, as the button *reset* does. Predictions are kept."""
        with self.hold_trait_notifications():
            self.revealed, self.ghosts = False, []
            super().reset()
        self.clear()

    @property
    def _waiting(self) -> bool:
        """The probabilities are hidden until a prediction is made."""
        return self.predict_first and not self.revealed

    # --- viewers without widgets --------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        logits = ", ".join(f"{name} {z:.3g}" for name, z in zip(self.actions, self.logits, strict=True))
        start = f"Policy explorer. Logits: {logits}. Temperature {self.temperature:g}. Probabilities: "
        if self._waiting:
            return f"{start}hidden until you predict them."
        now = ", ".join(f"{p:.2f}" for p in self.probabilities)
        shares = ", ".join(f"{n / max(1, self.draws):.2f}" for n in self.counts)
        drawn = f" Shares among {self.draws} drawn: {shares}." if self.draws else ""
        return f"{start}{now}. Entropy {self.entropy:.2f} nats of at most {np.log(len(self.actions)):.2f}.{drawn}"

    def first_frame(self) -> bytes:
        """Return the two bar charts, logits and probabilities, as PNG bytes."""
        from course_utils import figures

        fig, (left, right) = figures.new_figure(7.2, 2.8, columns=2)
        x = np.arange(len(self.actions))
        shown = np.array(self.logits) + self.shift
        left.bar(x, shown, 0.5, color=figures.REFERENCE)
        for position, z in zip(x, shown, strict=True):
            left.annotate(
                figures.signed(float(z)),
                (position, z),
                (0, 4 if z >= 0 else -14),
                textcoords="offset points",
                ha="center",
            )
        limit = max(3.0, 1.25 * float(abs(shown).max()))
        left.set_ylim(-limit, limit)
        left.axhline(0, color=figures.NEUTRAL, linewidth=1)
        left.set_title("logit z" if self.shift == 0 else "logit z + c", fontsize=11, loc="left")
        pi = np.full(x.size, 1 / x.size) if self._waiting else self.probabilities
        if self._waiting:
            right.bar(x, pi, 0.5, color=figures.MUTED, edgecolor=figures.NEUTRAL, linestyle="--")
            right.annotate("your prediction", (0.03, 0.92), xycoords="axes fraction")
        aside = 0.16 if self.draws else 0.0
        if not self._waiting:
            bars = right.bar(x - aside, pi, 0.3 if self.draws else 0.5, color=figures.POLICY)
            right.bar_label(bars, [f"{p:.2f}".lstrip("0") for p in pi], padding=2, fontsize=9)
        if self.draws and not self._waiting:
            error = np.sqrt(pi * (1 - pi) / self.draws)
            right.bar(x + aside, 4 * error, 0.2, bottom=pi - 2 * error, color=figures.SAMPLED, alpha=0.35)
            right.plot(
                x + aside, np.array(self.counts) / self.draws, "o", color=figures.SAMPLED, mec=figures.SAMPLED_INK
            )
        right.set_ylim(0, 1.12)
        right.set_title("probability π(a | s)", fontsize=11, loc="left")
        for ax in (left, right):
            ax.set_xticks(x, self.actions)
        return figures.png(fig)
