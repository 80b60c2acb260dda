"""The grid lab: V, Q and A read off a small grid world, under a policy that the learner changes cell by cell."""

import numpy as np
from numpy.typing import ArrayLike
from traitlets import Dict, Enum, TraitError

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.mdp import TabularMDP
from course_utils.widgets.formulas import formula
from course_utils.widgets.lab import Lab, Number, Numbers, lab_source, lab_style
from course_utils.worlds import GRID, GRID_CELLS, GRID_MOVES, grid_world

__all__ = ["GridLab", "row_formulas"]


ROWS, COLUMNS, KINDS = len(GRID), len(GRID[0]), "".join(GRID)
CELLS, OVER = GRID_CELLS, grid_world().terminal_states
DECISIONS = tuple(name for i, name in enumerate(CELLS) if i not in OVER)
START = CELLS[KINDS.index("S")]
ACTIONS, MOVES = tuple(GRID_MOVES), tuple(GRID_MOVES.values())
ENTRIES = len(CELLS) * len(ACTIONS)
LOGIT_LIMIT = 10.0
LOWEST_DISCOUNT, HIGHEST_DISCOUNT = 0.5, 0.99  # with 1, a policy that never ends would have no value
FAVOUR = 3.0  # what *greedy here* adds to the logit of the best action
TIE = 1e-9  # advantages that differ by less are equal; the first of them counts as the best


def row_formulas() -> dict[str, str]:
    """Return the formulas of the lab, as SVG, by place."""
    return {
        "action-value": formula(r"Q(s,a)=r+\gamma\,V(s^{\prime})", "Q of s and a equals r plus gamma V of s prime"),
        "advantage": formula(r"A(s,a)=Q(s,a)-V(s)", "A of s and a equals Q of s and a minus V of s"),
        "value": formula(r"V(s)=\sum_a\pi_{\theta}(a|s)\,Q(s,a)", "V of s, the sum over a of pi times Q"),
        "mean": formula(r"\sum_a\pi_{\theta}(a|s)\,A(s,a)", "the sum over a of pi times A"),
        "performance": formula(r"J=V(s_1)", "J, the value of the start"),
    }


class GridLab(Lab):
    """A grid world; choose a cell, see π, r, Q and A of its four moves, change the policy and watch V everywhere.

    V(s) = Σ_a π(a | s) (r(s, a) + γ V(s')), Q(s, a) = r(s, a) + γ V(s'), A = Q − V, solved exactly.

    logits: one for each cell and move, shape (12, 4), kept as 48 numbers; None for the uniform policy.
    discount: γ from 0.5 to 0.99; selected: the cell, by name, one of those in which something is decided;
    action: the move whose equation is spelt out.

    Set any trait. Read `mdp()`, `state_values()`, `action_values()`, `advantages()`, `visits()`, `performance()`.

    Raises TraitError, naming the trait, for values that are not finite, out of range or of wrong length.
    """

    _esm = lab_source("grid_lab.js")
    _css = lab_style("grid_lab.css")
    same_length = ("logits", "initial_logits")

    logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT, (ENTRIES,)).tag(sync=True)
    discount = Number(0.9, min=LOWEST_DISCOUNT, max=HIGHEST_DISCOUNT).tag(sync=True)
    selected = Enum(DECISIONS, START).tag(sync=True)
    action = Enum(ACTIONS, "up").tag(sync=True)
    initial_logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT, (ENTRIES,)).tag(sync=True)
    initial_discount = Number(0.9, min=LOWEST_DISCOUNT, max=HIGHEST_DISCOUNT).tag(sync=True)
    formulas = Dict().tag(sync=True)

    def __init__(
        self,
        logits: ArrayLike | None = None,
        discount: float = 0.9,
        selected: str = START,
        *,
        action: str = "up",
    ) -> None:
        table = _flat(np.zeros(ENTRIES) if logits is None else logits)
        super().__init__(
            logits=table,
            discount=discount,
            selected=selected,
            action=action,
            formulas=row_formulas(),
        )

    # --- the mathematics ----------------------------------------------------------------------------

    def mdp(self) -> TabularMDP:
        """Return the grid world with the present discount."""
        return grid_world(self.discount)

    def table(self) -> FloatArray:
        """Return the logits as the MDP wants them, shape (12, 4)."""
        return np.reshape(self.logits, (len(CELLS), len(ACTIONS)))

    def probabilities(self) -> FloatArray:
        """Return π(a | s), shape (12, 4)."""
        return policy.softmax(self.table())

    def state_values(self) -> FloatArray:
        """Return V(s) under the present policy, shape (12,); 0 in the goal, the trap and the wall."""
        return self.mdp().state_values(self.table())

    def action_values(self) -> FloatArray:
        """Return Q(s, a), shape (12, 4)."""
        return self.mdp().action_values(self.table())

    def advantages(self) -> FloatArray:
        """Return A(s, a) = Q(s, a) − V(s), shape (12, 4)."""
        return self.mdp().advantages(self.table())

    def visits(self) -> FloatArray:
        """Return how often the policy decides in each cell, later steps discounted, shape (12,)."""
        return self.mdp().visits(self.table())

    def performance(self) -> float:
        """Return J, which is V of the start."""
        return self.mdp().performance(self.table())

    # --- the buttons, from Python -------------------------------------------------------------------

    def uniform(self) -> None:
        """Make all moves equally likely everywhere, as the button does."""
        self.logits = np.zeros(ENTRIES)

    def greedy_here(self) -> None:
        """Add 3 to the logit of the best move in the chosen cell, as the button does."""
        s, table = CELLS.index(self.selected), self.table().copy()
        table[s, _best(self.advantages()[s])] += FAVOUR
        self.logits = np.clip(table, -LOGIT_LIMIT, LOGIT_LIMIT).ravel()

    def improve(self) -> None:
        """Add A(s, a) to every logit, as the button *improve everywhere* does: no V falls, most rise."""
        self.logits = np.clip(self.table() + self.advantages(), -LOGIT_LIMIT, LOGIT_LIMIT).ravel()

    # --- viewers without widgets --------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        from course_utils.figures import signed

        values, s = self.state_values(), CELLS.index(self.selected)
        each = ", ".join(f"{name} {_short(values[CELLS.index(name)])}" for name in DECISIONS)
        moves = ", ".join(
            f"{name} {p:.2f} ({signed(float(A))})"
            for name, p, A in zip(ACTIONS, self.probabilities()[s], self.advantages()[s].round(9) + 0, strict=True)
        )
        return (
            f"Grid lab. A grid of four columns and three rows with a goal, a trap, a toll cell and a wall. V of each "
            f"cell: {each}. Selected: {self.selected}; its moves with probability and advantage: {moves}."
        )

    def first_frame(self) -> bytes:
        """Return the grid with V and π of each cell, and the advantages of the chosen one, as PNG bytes."""
        from course_utils import figures

        fig, (grid, bars) = figures.new_figure(7.2, 3.4, columns=2)
        values, pi = self.state_values(), self.probabilities()
        words = {"G": "goal\n+10", "X": "trap\n−10", "#": "wall"}
        for i, kind in enumerate(KINDS):
            x, y = i % COLUMNS, ROWS - 1 - i // COLUMNS
            shade = np.clip((values[i] + 10) / 20, 0, 1)
            fill = figures.BLOCK if i in OVER else (figures.VALUE_WASH, shade)
            grid.fill([x, x + 1, x + 1, x], [y, y, y + 1, y + 1], facecolor=fill, edgecolor=figures.EDGE, lw=0.8)
            if i in OVER:
                grid.annotate(words[kind], (x + 0.5, y + 0.5), ha="center", va="center", fontsize=9)
                continue
            grid.annotate(_short(values[i]), (x + 0.5, y + 0.5), ha="center", va="center", fontsize=10)
            note = {"T": "toll", "S": "start"}.get(kind, "")
            grid.annotate(CELLS[i], (x + 0.05, y + 0.8), fontsize=7)
            grid.annotate(note, (x + 0.95, y + 0.8), fontsize=7, ha="right")
            for a, (down, right) in enumerate(MOVES):
                towards, across = np.array([right, -down]), np.array([down, right])
                size = np.sqrt(pi[i, a])
                foot = np.array([x, y]) + 0.5 + towards * np.array([0.28, 0.18])
                corners = np.array([foot + 0.07 * size * across, foot - 0.07 * size * across])
                tip = foot + 0.2 * size * towards
                grid.fill(*np.vstack([corners, tip]).T, color=figures.POLICY)
        s = CELLS.index(self.selected)
        x, y = s % COLUMNS, ROWS - 1 - s // COLUMNS
        grid.plot([x, x + 1, x + 1, x, x], [y, y, y + 1, y + 1, y], color=figures.INK, lw=2.5)
        grid.set_title("value V(s)", fontsize=11, loc="left")
        grid.set(xlim=(-0.03, COLUMNS + 0.03), ylim=(-0.03, ROWS + 0.03))
        grid.axis("off")

        advantages = self.advantages()[s].round(9) + 0
        colours = [figures.ABOVE if A > 0 else figures.BELOW for A in advantages]
        for bar, A in zip(bars.bar(ACTIONS, advantages, 0.5, color=colours), advantages, strict=True):
            middle = bar.get_x() + bar.get_width() / 2
            shift = (0, 4 if A >= 0 else -14)
            bars.annotate(figures.signed(float(A)), (middle, A), shift, textcoords="offset points", ha="center")
        limit = 1.3 * max(1.0, float(np.abs(advantages).max()))
        bars.set_ylim(-limit, limit)
        bars.axhline(0, color=figures.NEUTRAL, linewidth=1)
        bars.set_title(f"advantage A(s, a) in {self.selected}", fontsize=11, loc="left")
        return figures.png(fig)


def _flat(logits: ArrayLike) -> list[float]:
    """Return a table of shape (12, 4), or its 48 entries, as a list."""
    try:
        table = np.asarray(logits, dtype=float)
    except (TypeError, ValueError):
        raise TraitError(f"logits is {logits!r}, expected numbers of shape (12, 4)") from None
    if table.shape not in ((len(CELLS), len(ACTIONS)), (ENTRIES,)):
        raise TraitError(f"logits has shape {table.shape}, expected (12, 4): a row for each cell")
    return [float(x) for x in table.ravel()]


def _best(advantages: FloatArray) -> int:
    """Return the action with the largest advantage, the first of equals."""
    return int(np.argmax(advantages > advantages.max() - TIE))


def _short(x: float) -> str:
    """Return a number with at most three significant digits and a real minus sign."""
    return f"{x:.3g}".replace("-", "−")
