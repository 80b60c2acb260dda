"""The Advantage Lab: one state, a few actions; drag an advantage and watch one ascent step move π."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from traitlets import Dict, Enum, List, TraitError, observe, validate

from course_utils import kernels, policy
from course_utils.objectives import advantage_objective, expected_advantage_objective
from course_utils.widgets.formulas import formula
from course_utils.widgets.lab import (
    Constant,
    Flag,
    Lab,
    Number,
    Numbers,
    Text,
    Texts,
    Whole,
    lab_source,
    lab_style,
    listed,
    uniform,
)

__all__ = ["AdvantageLab", "row_formulas"]


MODES = ("expected", "sampled_action", "sampled_trajectory")
ACTION_COUNTS = (2, 3, 4, 5, 6)
KEEPS = ("advantages", "action_values")
ADVANTAGE_LIMIT = LOGIT_LIMIT = STEP_SIZE_LIMIT = 1000.0
LONGEST_PATH = 201
CENTRED_LOGITS = [float(x) for x in np.log([0.5, 0.3, 0.2])]

# Where π is (.5, .3, .2) the advantages average to 0 under π, as true advantages do.
PRESETS: dict[str, dict[str, Any]] = {
    "three_actions": {
        "label": "three actions, even odds",
        "advantages": [2.0, 0.5, -1.0],
        "logits": [0.0, 0.0, 0.0],
    },
    "small_positive": {
        "label": "a small positive advantage",
        "advantages": [1.0, 0.1, -2.65],
        "logits": CENTRED_LOGITS,
    },
    "zero_advantage": {
        "label": "an advantage of 0",
        "advantages": [1.0, 0.0, -2.5],
        "logits": CENTRED_LOGITS,
    },
    "all_equal": {
        "label": "equal advantages",
        "advantages": [1.0, 1.0, 1.0],
        "logits": [0.0, 0.0, 0.0],
    },
    "rare_action": {
        "label": "a rare good action",
        "advantages": [2.0, -0.1, -0.1],
        "logits": [-3.0, 0.0, 0.0],
    },
    "large_step": {
        "label": "a large step",
        "advantages": [2.0, 0.5, -1.0],
        "logits": [0.0, 0.0, 0.0],
        "step_size": 10.0,
    },
    "sampled_action": {
        "label": "one sampled action",
        "advantages": [1.0, 0.1, -2.65],
        "logits": CENTRED_LOGITS,
        "mode": "sampled_action",
    },
    "sampled_trajectory": {
        "label": "a sampled trajectory",
        "advantages": [1.0, 0.1, -2.65],
        "logits": CENTRED_LOGITS,
        "mode": "sampled_trajectory",
    },
}
for _entry in PRESETS.values():
    _entry.setdefault("actions", ["a", "b", "c"])
    _entry.setdefault("mode", "expected")
    _entry.setdefault("step_size", 1.0)


def row_formulas() -> dict[str, str]:
    """Return the formulas of the Lab's arithmetic, as SVG, by row (and mode, where it differs)."""
    return {
        "logit": formula("z_a", "z a"),
        "probability": formula(r"\pi_a", "pi a"),
        "advantage": formula("A_a", "A a"),
        "relative:expected": formula(r"A_a-\bar{A}", "A a minus the mean advantage"),
        "relative:sampled_action": formula(r"[a=a_1]-\pi_a", "1 if a is the drawn action, else 0, minus pi a"),
        "relative:sampled_trajectory": formula("n_a", "n a, how often a was drawn"),
        "gradient:expected": formula(r"g_a=\pi_a(A_a-\bar{A})", "g a equals pi a times A a minus the mean advantage"),
        "gradient:sampled_action": formula(
            r"g_a=A_{a_1}([a=a_1]-\pi_a)", "g a equals the drawn action's advantage times the score"
        ),
        "gradient:sampled_trajectory": formula(
            r"g_a=n_aA_a-\pi_a\Sigma_tA_{a_t}",
            "g a equals n a A a minus pi a times the sum of the drawn advantages",
        ),
        "new-logit": formula(r"z_a+\eta\,g_a", "z a plus eta g a"),
        "probability-after": formula(r"\pi_a^{\prime}", "pi prime a"),
        "change": formula(r"\pi_a^{\prime}-\pi_a", "pi prime a minus pi a"),
    }


class AdvantageLab(Lab):
    """A lab in which the learner changes advantages and sees the policy move by one ascent step.

    The expected update ascends Σ_a π_a A_a; the sampled ones ascend U = Σ_t log π(a_t) A(a_t) for actions
    a_t drawn from π with a seed. The step is z' = z + η ∂/∂z on the logits z.

    advantages, logits: one number for each of 2 to 6 actions; actions: their names; step_size: η;
    mode: "expected", "sampled_action" or "sampled_trajectory"; predict_first: hide the step until the
    learner has drawn what they expect; seed, trajectory_length: for the sampled modes;
    action_values: Q, instead of advantages; A = Q − V, with V = Σ_a π_a Q_a; keep: what a step leaves as it is:
    "advantages", or "action_values" (as when Q is given), and A is computed anew for each π;
    reduced: bars and steps alone, in words that need no lesson; preset: one of PRESETS, instead of all these.

    Read `probabilities`, `probabilities_after`, `sampled_actions`, `action_values`, `path` (π after each step) and
    `predictions` (one dict for each prediction: before, predicted as drawn, actual, total_variation and the
    setting). Set any other trait.

    Raises TraitError, naming the trait, for values that are not finite, out of range or of unequal length.
    """

    _esm = lab_source("advantage_lab.js")
    _css = lab_style("advantage_lab.css")
    same_length = ("actions", "advantages", "logits", "probabilities", "initial_advantages", "initial_logits")

    actions = Texts(ACTION_COUNTS).tag(sync=True)
    advantages = Numbers(-ADVANTAGE_LIMIT, ADVANTAGE_LIMIT, ACTION_COUNTS).tag(sync=True)
    logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT, ACTION_COUNTS).tag(sync=True)
    probabilities = Numbers(0.0, 1.0, ACTION_COUNTS).tag(sync=True)
    probabilities_after = Numbers(0.0, 1.0, ACTION_COUNTS)
    state_value = Number(0.0, min=-2 * ADVANTAGE_LIMIT, max=2 * ADVANTAGE_LIMIT).tag(sync=True)
    keep = Enum(KEEPS, "advantages").tag(sync=True)
    step_size = Number(1.0, min=0.0, max=STEP_SIZE_LIMIT).tag(sync=True)
    mode = Enum(MODES, "expected").tag(sync=True)
    predict_first = Flag(False).tag(sync=True)
    predictions = List(Dict()).tag(sync=True)
    seed = Whole(0, min=0, max=2**32 - 1).tag(sync=True)
    draw = Whole(0, min=0).tag(sync=True)
    trajectory_length = Whole(5, min=1, max=20).tag(sync=True)
    sampled_actions = List(Whole())
    preset = Text("").tag(sync=True)
    steps_taken = Whole(0, min=0).tag(sync=True)
    path = List(List(Number())).tag(sync=True)
    former = List(List(Number())).tag(sync=True)
    reduced = Flag(False).tag(sync=True)
    ghosts = Numbers(0.0, 1.0).tag(sync=True)
    revealed = Flag(False).tag(sync=True)
    initial_advantages = Numbers(-ADVANTAGE_LIMIT, ADVANTAGE_LIMIT).tag(sync=True)
    initial_logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT).tag(sync=True)
    initial_state_value = Number(0.0, min=-2 * ADVANTAGE_LIMIT, max=2 * ADVANTAGE_LIMIT).tag(sync=True)
    presets = Constant(PRESETS, read_only=True).tag(sync=True)
    formulas = Dict().tag(sync=True)

    def __init__(
        self,
        advantages: Sequence[float] | None = None,
        logits: Sequence[float] | None = None,
        actions: Sequence[str] | None = None,
        step_size: float | None = None,
        mode: str | None = None,
        *,
        predict_first: bool = False,
        seed: int = 0,
        trajectory_length: int = 5,
        preset: str | None = None,
        action_values: Sequence[float] | None = None,
        keep: str | None = None,
        reduced: bool = False,
    ) -> None:
        if preset is not None and not (isinstance(preset, str) and preset in PRESETS):
            raise TraitError(f"preset is {preset!r}, expected one of {', '.join(PRESETS)}")
        start = PRESETS[preset or "three_actions"]
        if action_values is not None:
            if advantages is not None:
                raise TraitError("advantages and action_values are both given, expected one of them")
            advantages, keep = action_values, keep or "action_values"
        if advantages is None:
            given = ("logits", logits) if logits is not None else ("actions", [*"abc"] if actions is None else actions)
            count = len(listed(*given))
            advantages = start["advantages"] if count == 3 else [0.0] * count
        count = len(listed("advantages", advantages))
        if logits is None:
            logits = start["logits"] if preset else [0.0] * count
        names = [chr(ord("a") + i) for i in range(count)] if actions is None else listed("actions", actions)
        super().__init__(
            advantages=advantages,
            logits=logits,
            actions=names,
            step_size=start["step_size"] if step_size is None else step_size,
            mode=start["mode"] if mode is None else mode,
            predict_first=predict_first,
            seed=seed,
            trajectory_length=trajectory_length,
            preset=preset or "",
            state_value=0.0,
            reduced=reduced,
            formulas=row_formulas(),
        )
        if action_values is not None or keep == "action_values":
            self._recompute()
            self.initial_advantages, self.initial_state_value = self.advantages, self.state_value
        self.keep = keep or "advantages"
        self._compute()

    # --- checks -----------------------------------------------------------------------------------

    @validate("actions", "advantages", "logits")
    def _same_length(self, proposal: Any) -> Any:
        counts = {name: len(getattr(self, name)) for name in ("actions", "advantages", "logits")}
        counts[proposal["trait"].name] = len(proposal["value"])
        known = {name: count for name, count in counts.items() if count}
        if len(set(known.values())) > 1:
            got = ", ".join(f"{name} has {count}" for name, count in known.items())
            raise TraitError(f"{proposal['trait'].name}: {got} entries; expected the same number for each action")
        return proposal["value"]

    @validate("step_size")
    def _above_zero(self, proposal: Any) -> float:
        if proposal["value"] == 0:
            raise TraitError("step_size is 0.0, expected a number above 0")
        return float(proposal["value"])

    @validate("probabilities")
    def _is_distribution(self, proposal: Any) -> list[float]:
        value: list[float] = proposal["value"]
        if len(value) != len(self.actions):
            raise TraitError(f"probabilities has {len(value)} entries, expected {len(self.actions)} to match actions")
        if abs(sum(value) - 1) > 1e-6:
            raise TraitError(f"probabilities sums to {sum(value):.6g}, expected 1")
        return value

    # --- what follows from the setting ------------------------------------------------------------

    def _gradient(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        logits, advantages = np.array(self.logits), np.array(self.advantages)
        if self.mode == "expected":
            return np.asarray(expected_advantage_objective(logits, advantages).grad_logits)
        drawn = np.array(self.sampled_actions)
        each_step = np.broadcast_to(logits, (drawn.size, logits.size))
        return np.asarray(advantage_objective(each_step, drawn, advantages[drawn]).grad_logits.sum(axis=0))

    def _draw_actions(self) -> list[int]:
        if self.mode == "expected":
            return []
        cumulative = np.cumsum(policy.softmax(np.array(self.logits)))
        length = 1 if self.mode == "sampled_action" else self.trajectory_length
        return [int(kernels.invert(cumulative, uniform(self.seed, self.draw, t))) for t in range(length)]

    @property
    def action_values(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Q = V + A, one number for each action."""
        values: np.ndarray[Any, np.dtype[np.float64]] = np.array(self.advantages) + self.state_value
        return values

    def _recompute(self) -> None:
        """Move V to the mean of Q under π, and the advantages with it, so that Q stays."""
        mean = float(policy.softmax(np.array(self.logits)) @ np.array(self.advantages))
        if abs(mean) > 1e-9:
            with self.hold_trait_notifications():
                self.state_value += mean
                self.advantages = np.array(self.advantages) - mean

    @observe("logits", "advantages", "step_size", "mode", "seed", "draw", "trajectory_length", "keep")
    def _compute(self, _change: Any = None) -> None:
        if not len(self.logits) == len(self.advantages) == len(self.actions):
            return  # another trait of the same change is still to come
        if self.keep == "action_values":
            self._recompute()
        self.sampled_actions = self._draw_actions()
        after = policy.softmax(np.array(self.logits) + self.step_size * self._gradient())
        self.probabilities_after = after
        self.probabilities = policy.softmax(np.array(self.logits))

    @observe("probabilities")
    def _probabilities_set(self, _change: Any) -> None:
        wanted = np.array(self.probabilities)
        if np.allclose(wanted, policy.softmax(np.array(self.logits)), rtol=0, atol=1e-15):
            return
        if np.any(wanted <= 0):
            self.probabilities = policy.softmax(np.array(self.logits))
            raise TraitError("probabilities contains 0, expected numbers above 0 (a softmax never reaches 0)")
        self.logits = np.log(wanted / wanted.sum())

    # --- the buttons, from Python -------------------------------------------------------------------

    def step(self, n: int = 1) -> None:
        """Take n ascent steps, as the button *step* does."""
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise ValueError(f"n is {n!r}, expected a whole number of steps from 1 on")
        for _ in range(n):
            with self.hold_trait_notifications():
                path = self.path if self.path and np.allclose(self.path[-1], self.probabilities) else []
                now, after = list(self.probabilities), list(self.probabilities_after)
                self.path = [*(path or [now]), after][-LONGEST_PATH:]
                self.logits = np.array(self.logits) + self.step_size * self._gradient()
                self.draw += self.mode != "expected"
                self.steps_taken += 1
                self.ghosts = []

    def new_sample(self) -> None:
        """Draw the next sample, as the button *new sample* does."""
        with self.hold_trait_notifications():
            self.draw += 1
            self.ghosts = []

    def reset(self) -> None:
        """Go back to the first logits and advantages, as the button *reset* does. Predictions are kept."""
        with self.hold_trait_notifications():
            super().reset()
            self.draw = self.steps_taken = 0
            self.former, self.path = (self.path if len(self.path) > 1 else self.former), []
            self.ghosts = []

    @property
    def _waiting(self) -> bool:
        """The step is hidden until a prediction is made."""
        return self.predict_first and not self.revealed

    # --- viewers without widgets --------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        from course_utils.figures import signed

        advantages = ", ".join(f"{name} {signed(A)}" for name, A in zip(self.actions, self.advantages, strict=True))
        now = ", ".join(f"{p:.2f}" for p in self.probabilities)
        after = (
            "hidden until you predict it" if self._waiting else ", ".join(f"{p:.2f}" for p in self.probabilities_after)
        )
        return f"Advantage Lab. Advantages: {advantages}. Probabilities: {now}.\nAfter one step: {after}."

    def first_frame(self) -> bytes:
        """Return the two bar charts, advantages and probabilities, as PNG bytes."""
        from course_utils import figures

        fig, (left, right) = figures.new_figure(7.2, 2.8, columns=2)
        x = np.arange(len(self.actions))
        colours = [figures.ABOVE if A > 0 else figures.BELOW for A in self.advantages]
        for bar, A in zip(left.bar(x, self.advantages, 0.5, color=colours), self.advantages, strict=True):
            left.annotate(
                figures.signed(A),
                (bar.get_x() + bar.get_width() / 2, A),
                (0, 4 if A >= 0 else -14),
                textcoords="offset points",
                ha="center",
            )
        limit = max(3.0, 1.25 * max(abs(A) for A in self.advantages))
        left.set_ylim(-limit, limit)
        left.axhline(0, color=figures.NEUTRAL, linewidth=1)
        left.set_title("advantage A(s, a)", fontsize=11, loc="left")
        bars = [(self.probabilities, -0.18, figures.POLICY, "", "now")]
        if not self._waiting:
            bars.append((self.probabilities_after, 0.18, figures.AFTER, figures.HATCH, "after the step"))
        for heights, shift, colour, hatch, label in bars:
            drawn = right.bar(x + shift, heights, 0.34, color=colour, hatch=hatch, edgecolor=figures.PAPER, label=label)
            right.bar_label(drawn, [f"{p:.2f}".lstrip("0") for p in heights], padding=2, fontsize=9)
        right.set_ylim(0, 1.12)
        right.set_title("probability π(a | s)", fontsize=11, loc="left")
        right.legend(frameon=False, fontsize=9, loc="upper right", ncols=2)
        for ax in (left, right):
            ax.set_xticks(x, self.actions)
        return figures.png(fig)
