"""The trajectory tree: all conversations of two replies, their probabilities split into policy and dynamics."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from traitlets import Dict, TraitError

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.mdp import TabularMDP, Trajectories
from course_utils.widgets.formulas import formula
from course_utils.widgets.lab import Lab, Numbers, Whole, lab_source, lab_style
from course_utils.worlds import CALM_AFTER, REPLY_LOGITS, REPLY_REWARDS, conversation

__all__ = ["TrajectoryTree", "flat", "row_formulas"]


STATES = ("first message", "calm", "angry")
ACTIONS = ("refund", "apologise")
PATHS = 8
ENTRIES = len(STATES) * len(ACTIONS)
LOGIT_LIMIT = 5.0
REWARD_LIMIT = 10.0
LOWEST_CALM, HIGHEST_CALM = 0.02, 0.98


def row_formulas() -> dict[str, str]:
    """Return the formulas of the tree, as SVG, by place."""
    gradient = r"\frac{\partial}{\partial\,z}\,"
    return {
        "probability": formula(r"\mathrm{Pr}_{\theta}(\tau)", "Pr theta of tau"),
        "policy": formula(r"\prod_t\pi_{\theta}(a_t|s_t)", "the product over t of pi of a t given s t"),
        "dynamics": formula(
            r"\prod_t\mathrm{Pr}(s_{t+1}|s_t,a_t)", "the product over t of Pr of s t plus 1 given s t and a t"
        ),
        "score": formula(gradient + r"\log\mathrm{Pr}_{\theta}(\tau)", "the derivative of log Pr with respect to z"),
        "total": formula(r"\sum_{\tau}\mathrm{Pr}_{\theta}(\tau)", "the sum of Pr over all paths"),
        "performance": formula(
            r"J=\sum_{\tau}\mathrm{Pr}_{\theta}(\tau)\,R(\tau)", "J, the sum of Pr times R over all paths"
        ),
    }


class TrajectoryTree(Lab):
    """A tree of the eight conversations of two replies; choose a path and see its probability taken apart.

    Pr_θ(τ) = π(a_1 | s_1) Pr(s_2 | s_1, a_1) π(a_2 | s_2): two factors of the policy, one of the dynamics.

    logits: z(s, a) of the states first message, calm, angry and the actions refund, apologise, shape (3, 2),
    kept as six numbers; calm: the probability that the customer is calm after a refund and after an apology;
    rewards: r(s, a), like the logits; selected: the path, from 0 to 7, in the order of enumerate_trajectories.

    Set any trait. Read `trajectories()`, `scores()`, `performance()` and `gradient()`.

    Raises TraitError, naming the trait, for values that are not finite, out of range or of wrong length.
    """

    _esm = lab_source("trajectory_tree.js")
    _css = lab_style("trajectory_tree.css")
    same_length = ("logits", "rewards", "initial_logits")

    logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT, (ENTRIES,)).tag(sync=True)
    calm = Numbers(LOWEST_CALM, HIGHEST_CALM, (len(ACTIONS),)).tag(sync=True)
    rewards = Numbers(-REWARD_LIMIT, REWARD_LIMIT, (ENTRIES,)).tag(sync=True)
    selected = Whole(0, min=0, max=PATHS - 1).tag(sync=True)
    logit_state = Whole(0, min=0, max=len(STATES) - 1).tag(sync=True)
    dynamics_action = Whole(0, min=0, max=len(ACTIONS) - 1).tag(sync=True)
    initial_logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT, (ENTRIES,)).tag(sync=True)
    initial_calm = Numbers(LOWEST_CALM, HIGHEST_CALM, (len(ACTIONS),)).tag(sync=True)
    formulas = Dict().tag(sync=True)

    def __init__(
        self,
        logits: ArrayLike = REPLY_LOGITS,
        calm: ArrayLike = CALM_AFTER,
        rewards: ArrayLike = REPLY_REWARDS,
        *,
        selected: int = 0,
    ) -> None:
        super().__init__(
            logits=flat("logits", logits),
            calm=calm,
            rewards=flat("rewards", rewards),
            selected=selected,
            formulas=row_formulas(),
        )

    # --- the mathematics ----------------------------------------------------------------------------

    def mdp(self) -> TabularMDP:
        """Return the conversation with the present dynamics and rewards."""
        return conversation(self.calm, np.reshape(self.rewards, (3, 2)))

    def table(self) -> FloatArray:
        """Return the logits as the MDP wants them, shape (4, 2); nothing is decided in the last row."""
        return np.vstack([np.reshape(self.logits, (3, 2)), np.zeros((1, 2))])

    def trajectories(self) -> Trajectories:
        """Return the eight paths with their probabilities, policy parts, dynamics parts and returns."""
        return self.mdp().enumerate_trajectories(self.table())

    def scores(self) -> FloatArray:
        """Return ∂ log Pr_θ(τ) / ∂z of each path, shape (8, 3, 2)."""
        paths, table = self.trajectories(), self.table()
        result = np.zeros((PATHS, *table.shape))
        for t in range(paths.actions.shape[1]):
            states, actions = paths.states[:, t], paths.actions[:, t]
            result[np.arange(PATHS), states] += policy.score(table[states], actions)
        return result[:, :3]

    def performance(self) -> float:
        """Return J = Σ_τ Pr_θ(τ) R(τ)."""
        return self.mdp().performance(self.table())

    def gradient(self) -> FloatArray:
        """Return the exact ∂J/∂z, shape (3, 2)."""
        return self.mdp().policy_gradient(self.table())[:3]

    # --- viewers without widgets --------------------------------------------------------------------

    def names(self) -> list[str]:
        """Return the eight paths in words."""
        paths = self.trajectories()
        return [
            f"{ACTIONS[a[0]]}, {STATES[s[1]]}, {ACTIONS[a[1]]}"
            for s, a in zip(paths.states, paths.actions, strict=True)
        ]

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        from course_utils.figures import signed

        paths = self.trajectories()
        each = [
            f"{name}: {p:.2g}, return {signed(R)}"
            for name, p, R in zip(self.names(), paths.probabilities, paths.returns, strict=True)
        ]
        i = self.selected
        return (
            f"Trajectory tree. Eight paths and their probabilities. {'; '.join(each)}. They sum to 1, and "
            f"J = {self.performance():.3g}. Selected: {self.names()[i]}, policy part "
            f"{paths.policy_probabilities[i]:.2g} times dynamics part {paths.dynamics_probabilities[i]:.2g}."
        )

    def first_frame(self) -> bytes:
        """Return the tree with the probability of each path as PNG bytes."""
        from course_utils import figures

        paths = self.trajectories()
        fig, (ax,) = figures.new_figure(7.2, 3.6)
        pi, calm = policy.softmax(self.table()), np.array(self.calm)
        for a in range(2):
            first = 7 - (4 * a + 1.5)
            _edge(ax, (0, 3.5), (1, first), ACTIONS[a], pi[0, a], figures.POLICY, "-")
            for s in range(2):
                second = 7 - (4 * a + 2 * s + 0.5)
                chance = calm[a] if s == 0 else 1 - calm[a]
                _edge(ax, (1, first), (2, second), STATES[1 + s], chance, figures.NEUTRAL, "--")
                for b in range(2):
                    leaf = 7 - (4 * a + 2 * s + b)
                    _edge(ax, (2, second), (3, leaf), ACTIONS[b], pi[1 + s, b], figures.POLICY, "-")
        widest = float(paths.probabilities.max())
        for i in range(PATHS):
            p = float(paths.probabilities[i])
            width = 0.7 * p / widest
            ax.barh(7 - i, width, 0.5, left=3.1, color=figures.POLICY, alpha=1 if i == self.selected else 0.6)
            ax.annotate(f"{p:.2g}".lstrip("0"), (3.15 + width, 7 - i), va="center", fontsize=9)
            ax.annotate(figures.signed(paths.returns[i]), (4.4, 7 - i), va="center", ha="right", fontsize=9)
        for x, text in ((0.6, "1st reply"), (1.6, "customer"), (2.6, "2nd reply"), (3.35, "Pr(τ)"), (4.3, "R(τ)")):
            ax.annotate(text, (x, 7.75), ha="center", fontsize=9, color=figures.QUIET)
        ax.set(xlim=(-0.05, 4.45), ylim=(-0.6, 8.1))
        ax.axis("off")
        return figures.png(fig)


def flat(name: str, value: ArrayLike) -> list[float]:
    """Return a table of shape (3, 2), or its six entries, as a list."""
    try:
        table = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise TraitError(f"{name} is {value!r}, expected numbers of shape (3, 2)") from None
    if table.shape not in ((len(STATES), len(ACTIONS)), (ENTRIES,)):
        raise TraitError(f"{name} has shape {table.shape}, expected (3, 2): a row for each state")
    return [float(x) for x in table.ravel()]


def _edge(
    ax: Any, start: tuple[float, float], end: tuple[float, float], name: str, p: float, colour: str, dash: str
) -> None:
    """Draw one branch of the tree: up or down, then level under its name."""
    bend = start[0] + 0.15
    ax.plot([start[0], bend, end[0]], [start[1], end[1], end[1]], color=colour, ls=dash, lw=1.5)
    ax.annotate(f"{name} {p:.2f}".replace(" 0.", " ."), (bend + 0.05, end[1] + 0.08), fontsize=8.5)
