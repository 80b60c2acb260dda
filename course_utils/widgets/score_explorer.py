"""The score explorer: the policy as a point of the simplex, its scores as arrows, and the mean of sampled scores."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from traitlets import Dict, TraitError, observe, validate

from course_utils import kernels, policy
from course_utils.arguments import FloatArray
from course_utils.widgets.formulas import formula
from course_utils.widgets.lab import Flag, Lab, Numbers, Texts, Whole, lab_source, lab_style, listed, uniform

__all__ = ["ScoreExplorer", "row_formulas"]


ACTIONS = 3
LEAST_PROBABILITY = 0.001
MOST_DRAWS = 10_000


def row_formulas() -> dict[str, str]:
    """Return the formulas of the explorer's arithmetic, as SVG, by row."""
    return {
        "probability": formula(r"\pi_b", "pi b"),
        "score": formula(r"[b=a]-\pi_b", "1 if b is a, else 0, minus pi b"),
        "exact-mean": formula(r"\Sigma_a\pi_a([b=a]-\pi_b)", "sum over a of pi a times the score"),
        "sample-mean": formula(r"n_b/n-\pi_b", "n b over n, minus pi b"),
        "error": formula(r"\sqrt{\pi_b(1-\pi_b)/n}", "square root of pi b times 1 minus pi b, over n"),
    }


class ScoreExplorer(Lab):
    """A lab in which the learner moves a policy over the simplex and sees its scores, one by one and on average.

    The policy has three actions and is a point of the triangle whose corners are the certain choices. The
    score of action a, one-hot(a) − π, is the arrow from π to corner a. Draw number i uses the i-th uniform
    number of the seed; a new policy starts a new sample.

    probabilities: π, three numbers from 0.001 that sum to 1; actions: their names; weighted: shrink each arrow
    by the probability of its action; draws: how many actions are drawn at first; seed: for the draws.

    Read `scores` (row a: the score of action a), `fisher_information`, `drawn_actions`, `counts` and
    `mean_score`. Set any trait.

    Raises TraitError, naming the trait, for values that are no such probabilities.
    """

    same_length = ("actions", "probabilities")

    _esm = lab_source("score_explorer.js")
    _css = lab_style("score_explorer.css")

    actions = Texts((ACTIONS,)).tag(sync=True)
    probabilities = Numbers(LEAST_PROBABILITY, 1.0, (ACTIONS,)).tag(sync=True)
    weighted = Flag(False).tag(sync=True)
    seed = Whole(0, min=0, max=2**32 - 1).tag(sync=True)
    draws = Whole(0, min=0, max=MOST_DRAWS).tag(sync=True)
    draw_start = Whole(0, min=0).tag(sync=True)
    initial = Dict().tag(sync=True, of=("probabilities", "weighted"))
    formulas = Dict().tag(sync=True)

    def __init__(
        self,
        probabilities: Sequence[float] = (0.5, 0.3, 0.2),
        actions: Sequence[str] = ("a", "b", "c"),
        *,
        weighted: bool = False,
        draws: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            actions=listed("actions", actions),
            probabilities=probabilities,
            weighted=weighted,
            draws=draws,
            seed=seed,
            formulas=row_formulas(),
        )

    # --- checks -----------------------------------------------------------------------------------

    @validate("probabilities")
    def _is_distribution(self, proposal: Any) -> list[float]:
        value: list[float] = proposal["value"]
        if abs(sum(value) - 1) > 1e-6:
            raise TraitError(f"probabilities sums to {sum(value):.6g}, expected 1")
        return value

    # --- what follows from the setting ------------------------------------------------------------

    @property
    def scores(self) -> FloatArray:
        """The scores, shape (3, 3): row a is one-hot(a) − π."""
        logits = np.tile(np.log(self.probabilities), (ACTIONS, 1))
        return policy.score(logits, np.arange(ACTIONS))

    @property
    def fisher_information(self) -> FloatArray:
        """The covariance of the score under π, diag π − π πᵀ."""
        pi = np.array(self.probabilities)
        return np.asarray(np.diag(pi) - np.outer(pi, pi))

    @property
    def drawn_actions(self) -> list[int]:
        """The actions drawn so far, as indices."""
        cumulative = np.cumsum(self.probabilities)
        numbers = [uniform(self.seed, self.draw_start + i) for i in range(self.draws)]
        return [int(a) for a in kernels.invert(cumulative, np.array(numbers))]

    @property
    def counts(self) -> list[int]:
        """How often each action has been drawn."""
        return [int(n) for n in np.bincount(self.drawn_actions, minlength=ACTIONS)]

    @property
    def mean_score(self) -> FloatArray:
        """The mean of the drawn actions' scores; NaN before the first draw."""
        if not self.draws:
            return np.full(ACTIONS, np.nan)
        return np.asarray(np.array(self.counts) @ self.scores / self.draws)

    @observe("probabilities", "seed")
    def _new_policy(self, _change: Any) -> None:
        if self.initial and "draws" not in self.from_page:  # not while it is being made
            self.clear()

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
        """Go back to the first policy, as the button *reset* does."""
        super().reset()
        self.clear()

    # --- viewers without widgets --------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        now = ", ".join(f"{name} {p:.2f}" for name, p in zip(self.actions, self.probabilities, strict=True))
        lengths = ", ".join(f"{np.linalg.norm(s):.2f}" for s in self.scores)
        length = np.linalg.norm(self.mean_score)
        drawn = f" The mean of {self.draws} sampled scores has length {length:.2f}." if self.draws else ""
        return (
            f"Score explorer. A triangle with the policy as a point: {now}. From it an arrow to each corner, the "
            f"score of that action; lengths {lengths}.{drawn}"
        )

    def first_frame(self) -> bytes:
        """Return the triangle with π and its three scores as PNG bytes."""
        from course_utils import figures

        fig, (ax,) = figures.new_figure(5.0, 4.2)
        corners = np.array([[0.0, np.sqrt(3) / 2], [-0.5, 0.0], [0.5, 0.0]])
        pi = np.array(self.probabilities)
        point = pi @ corners
        ax.fill(*corners.T, facecolor=figures.MUTED, edgecolor=figures.EDGE)
        for a, name in enumerate(self.actions):
            tip = point + (pi[a] if self.weighted else 1.0) * (corners[a] - point)
            arrow = {"arrowstyle": "-|>", "color": figures.EXACT, "linewidth": 1.8, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", tip, point, arrowprops=arrow)
            ax.annotate(
                name,
                corners[a],
                (0, 6 if a == 0 else -16),
                textcoords="offset points",
                ha="center",
            )
        ax.plot(*point, "o", color=figures.POLICY, markersize=12, markeredgecolor=figures.PAPER)
        ax.annotate("π", point, (9, -4), textcoords="offset points", color=figures.POLICY, fontsize=13)
        if self.draws:
            mean = point + self.mean_score @ corners
            ax.plot(*np.array([point, mean]).T, color=figures.SAMPLED, linewidth=3)
            ax.plot(*mean, "o", color=figures.SAMPLED, markeredgecolor=figures.SAMPLED_INK)
        ax.set_aspect("equal")
        ax.set(xlim=(-0.68, 0.68), ylim=(-0.1, 0.97))
        ax.axis("off")
        return figures.png(fig)
