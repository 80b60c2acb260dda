"""The gradient cloud: sixty sampled estimates of one gradient, the exact gradient, and the exact spread around it."""

import numpy as np
from numpy.typing import ArrayLike
from traitlets import Dict, Enum

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.mdp import TabularMDP, Trajectories
from course_utils.widgets.formulas import formula
from course_utils.widgets.lab import Flag, Numbers, SampledLab, Whole, lab_source, lab_style, uniforms
from course_utils.widgets.trajectory_tree import ENTRIES, LOGIT_LIMIT, STATES, flat
from course_utils.worlds import CALM_AFTER, REPLY_LOGITS, REPLY_REWARDS, conversation

__all__ = ["GradientCloud", "weight_formulas"]


WEIGHTINGS = ("total return", "reward to go", "reward to go minus V")
VERTICALS = ("calm", "angry")  # the state of the vertical component; the horizontal one is the first message
ESTIMATES = 60
MOST_SAMPLES = 1024
REACH, SHORT = 3.4, 1.9  # ends of the axes where the picture does not follow the cloud
UPHILL = 1e-12  # a dot product above it points uphill; rounding leaves less of an exact 0


def weight_formulas() -> dict[str, str]:
    """Return the formulas of the lab, as SVG: the estimate, and the weight of each weighting."""
    return {
        "estimate": formula(
            r"\hat{g}=\frac{1}{m}\sum_i\sum_t w_t\,\nabla\log\pi_{\theta}(a_t|s_t)",
            "g hat, 1 over m times the sum over conversations i and steps t of w t times the gradient of "
            "log pi of a t given s t",
        ),
        "total return": formula(r"R(\tau)", "R of tau"),
        "reward to go": formula(r"G_t", "G t"),
        "reward to go minus V": formula(r"G_t-V(s_t)", "G t minus V of s t"),
    }


class GradientCloud(SampledLab):
    """A lab in which sixty estimates of the policy gradient scatter around the exact one.

    The world is the conversation of the trajectory tree. One estimate is a mean over m sampled conversations,
    (1/m) Σ_i Σ_t w_t ∂ log π(a_t | s_t) / ∂z, of which two components are drawn: across, the logit of *refund*
    at the first message, and upwards, that of *refund* to the calm or the angry customer. Around the exact
    gradient stand the ellipses of 1 and 2 standard deviations of one estimate, exact too.

    logits: z(s, a) of the states first message, calm, angry and the actions refund, apologise, shape (3, 2),
    kept as six numbers; samples: m, from 1 to 1,024; weighting: the weights w_t, "total return" R(τ),
    "reward to go" G_t or "reward to go minus V" G_t − V(s_t), with the exact V of this policy; vertical: "calm"
    or "angry"; zoom: whether the picture follows the cloud as it shrinks; seed, draw: of the samples.

    Set any trait. Read `exact_gradient()`, `covariance()`, `standard_deviation()`, `estimates()` and `uphill()`.

    Raises TraitError, naming the trait, for values that are not finite, out of range or of wrong length.
    """

    _esm = lab_source("gradient_cloud.js")
    _css = lab_style("gradient_cloud.css")
    same_length = ("logits",)

    logits = Numbers(-LOGIT_LIMIT, LOGIT_LIMIT, (ENTRIES,)).tag(sync=True)
    samples = Whole(10, min=1, max=MOST_SAMPLES).tag(sync=True)
    weighting = Enum(WEIGHTINGS, WEIGHTINGS[0]).tag(sync=True)
    vertical = Enum(VERTICALS, "angry").tag(sync=True)
    zoom = Flag(False).tag(sync=True)
    initial = Dict().tag(sync=True, of=("logits", "samples", "weighting", "vertical", "zoom"))
    world = Dict().tag(sync=True)
    formulas = Dict().tag(sync=True)

    def __init__(
        self,
        logits: ArrayLike = REPLY_LOGITS,
        samples: int = 10,
        weighting: str = "total return",
        *,
        vertical: str = "angry",
        zoom: bool = False,
        seed: int = 0,
    ) -> None:
        logits = flat("logits", logits)
        super().__init__(
            logits=logits,
            samples=samples,
            weighting=weighting,
            vertical=vertical,
            zoom=zoom,
            seed=seed,
            world={"calm": list(CALM_AFTER), "rewards": [r for row in REPLY_REWARDS for r in row]},
            formulas=weight_formulas(),
        )

    # --- the mathematics ----------------------------------------------------------------------------

    def mdp(self) -> TabularMDP:
        """Return the conversation."""
        return conversation()

    def table(self) -> FloatArray:
        """Return the logits as the MDP wants them, shape (4, 2); nothing is decided in the last row."""
        return np.vstack([np.reshape(self.logits, (3, 2)), np.zeros((1, 2))])

    def trajectories(self) -> Trajectories:
        """Return the eight conversations with their probabilities."""
        return self.mdp().enumerate_trajectories(self.table())

    def path_gradients(self) -> FloatArray:
        """Return what one conversation contributes, Σ_t w_t ∂ log π(a_t | s_t) / ∂z, for each path, shape (8, 3, 2)."""
        paths, table = self.trajectories(), self.table()
        to_go = paths.rewards[:, ::-1].cumsum(axis=1)[:, ::-1]
        weights = {
            "total return": np.broadcast_to(to_go[:, :1], to_go.shape),
            "reward to go": to_go,
            "reward to go minus V": to_go - self.mdp().state_values(table)[paths.states[:, :-1]],
        }[self.weighting]
        result = np.zeros((len(to_go), *table.shape))
        for t in range(to_go.shape[1]):
            states = paths.states[:, t]
            scores = policy.score(table[states], paths.actions[:, t])
            result[np.arange(len(to_go)), states] += weights[:, t, None] * scores
        return result[:, : len(STATES)]

    def _shown(self) -> FloatArray:
        """Return the two components of `path_gradients` that are drawn, shape (8, 2)."""
        state = STATES.index(self.vertical)
        return self.path_gradients()[:, [0, state], 0]

    def exact_gradient(self) -> FloatArray:
        """Return ∂J/∂z of *refund*: at the first message, and to the customer of the vertical axis, shape (2,)."""
        gradient = self.mdp().policy_gradient(self.table())
        return gradient[[0, STATES.index(self.vertical)], 0]

    def covariance(self) -> FloatArray:
        """Return the exact covariance of one estimate's two components, over the eight paths, shape (2, 2)."""
        probabilities, shown = self.trajectories().probabilities, self._shown()
        apart = shown - probabilities @ shown
        result: FloatArray = (probabilities[:, None] * apart).T @ apart / self.samples
        return result

    def standard_deviation(self) -> FloatArray:
        """Return the exact standard deviation of one estimate's two components, shape (2,)."""
        result: FloatArray = np.sqrt(np.diag(self.covariance()))
        return result

    def counts(self) -> FloatArray:
        """Return how often each path was drawn for each estimate, shape (60, 8); the rows sum to m."""
        pi, calm = policy.softmax(self.table()), np.array(CALM_AFTER)
        u = np.stack([uniforms(3 * self.samples, self.seed, self.draw, k) for k in range(ESTIMATES)])
        first, mood, second = u[:, 0::3], u[:, 1::3], u[:, 2::3]
        a = (first >= pi[0, 0]).astype(int)
        angry = (mood >= calm[a]).astype(int)
        b = (second >= pi[1 + angry, 0]).astype(int)
        paths = 4 * a + 2 * angry + b
        result: FloatArray = (paths[..., None] == np.arange(8)).sum(axis=1).astype(np.float64)
        return result

    def estimates(self) -> FloatArray:
        """Return the two drawn components of the sixty estimates, shape (60, 2)."""
        result: FloatArray = self.counts() @ self._shown() / self.samples
        return result

    def uphill(self) -> int:
        """Return how many estimates point uphill: a small step along them makes J larger, as far as these two go."""
        return int((self.estimates() @ self.exact_gradient() > UPHILL).sum())

    # --- viewers without widgets --------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        from course_utils.figures import signed

        exact, deviation, mean = self.exact_gradient(), self.standard_deviation(), self.estimates().mean(axis=0)
        return (
            f"Gradient cloud. Across: the derivative of J by the logit of refund at the first message; upwards: "
            f"by that of refund to the {self.vertical} customer. Exact gradient ({signed(exact[0])}, "
            f"{signed(exact[1])}). {ESTIMATES} estimates with {self.weighting}, each from m = {self.samples} "
            f"conversations: mean ({signed(mean[0])}, {signed(mean[1])}), standard deviation of one estimate "
            f"{deviation[0]:.2g} across and {deviation[1]:.2g} upwards; {self.uphill()} of {ESTIMATES} point uphill."
        )

    def first_frame(self) -> bytes:
        """Return the cloud, the ellipses and the exact gradient as PNG bytes."""
        from course_utils import figures

        fig, (ax,) = figures.new_figure(7.2, 4.6)
        exact, dots = self.exact_gradient(), self.estimates()
        uphill = dots @ exact > UPHILL
        # axes of the ellipse: the covariance's eigenvectors, as long as the roots of its eigenvalues
        lengths, directions = np.linalg.eigh(self.covariance())
        turn = np.linspace(0, 2 * np.pi, 181)
        circle = np.sqrt(np.maximum(lengths, 0)) * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        for k, style in ((1, "-"), (2, "--")):
            outline = exact + k * circle @ directions.T
            ax.fill(*outline.T, color=figures.SAMPLED, alpha=0.12, lw=0)
            ax.plot(
                *outline.T,
                color=figures.SAMPLED_INK,
                ls=style,
                lw=1,
                label="1, 2 standard deviations, exact" if k == 1 else None,
            )
        for chosen, face, label in (
            (uphill, figures.SAMPLED, "an estimate that points uphill"),
            (~uphill, figures.PAPER, "one that does not"),
        ):
            ax.plot(*dots[chosen].T, "o", ms=6, mfc=face, mec=figures.SAMPLED_INK, alpha=0.85, label=label)
        ax.plot([0, exact[0]], [0, exact[1]], color=figures.EXACT, lw=2)
        ax.plot(*exact, "D", color=figures.EXACT, ms=8, mec=figures.PAPER, label="exact gradient")
        for line in (ax.axhline, ax.axvline):
            line(0, color=figures.LINE, lw=1, zorder=0)
        ax.set_aspect("equal", adjustable="datalim" if self.zoom else "box")
        if not self.zoom:
            ax.set(xlim=(-REACH, REACH), ylim=(-SHORT, REACH) if self.vertical == "angry" else (-REACH, SHORT))
        ax.set_xlabel("∂J/∂logit of refund, first message")
        ax.set_ylabel(f"∂J/∂logit of refund, {self.vertical}")
        ax.set_title(f"{ESTIMATES} estimates, {self.weighting}, m = {self.samples}", fontsize=11, loc="left")
        fig.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
        return figures.png(fig)
