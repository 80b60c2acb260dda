"""Diagrams, drawn as SVG that says itself in words: who sends what to whom.

Each function returns a ``Diagram``. As the last line of a cell it shows itself: a sharp picture where the viewer draws
SVG, a PNG where it does not, as in a notebook that is not trusted, and its sentences for those who see neither.
"""

import io
import re
from html import escape
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from course_utils import figures

__all__ = ["Diagram", "actor_critic", "agent_environment", "ppo_update", "rlhf_stages", "trajectory_probability"]

WIDTH = 560  # pixels: in a page of 390 its smallest words are still 9 pixels high
LARGE, WORDS, SMALL = 15.0, 12.0, 10.5  # points, 72 of them to 100 pixels
HEAD = 9.0  # length of an arrow's head
Line = tuple[str, str]  # colour and dashes, of boxes and of what leaves them
POLICY: Line = (figures.POLICY, "-")
OUTSIDE: Line = (figures.REFERENCE, ":")  # environment, reference, old policy: nothing there moves
CRITIC: Line = (figures.VALUE, "--")
PLAIN: Line = (figures.NEUTRAL, "-")


class Diagram(NamedTuple):
    """A drawn diagram: the figure, and what it shows in words."""

    figure: Figure
    alt: str

    def svg(self) -> str:
        """Return the diagram as SVG, the same each time, with letters as outlines and its words as title and name."""
        text = io.StringIO()
        with mpl.rc_context({"svg.hashsalt": "diagram", "svg.fonttype": "path"}):
            nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
            self.figure.savefig(text, format="svg", metadata=nothing)
        head, rest = text.getvalue().split("<svg", 1)[1].split(">", 1)
        box = re.search(r'viewBox="[^"]*"', head)
        if box is None:
            raise RuntimeError("matplotlib wrote an SVG without a viewBox")
        width, height = (round(100 * inches) for inches in self.figure.get_size_inches())
        names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        said = escape(self.alt)
        head = f'<svg {names} role="img" aria-label="{said}" width="{width}" height="{height}" {box[0]}>'
        return f"{head}<title>{said}</title>{rest}"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data = {"image/svg+xml": self.svg(), "image/png": figures.png(self.figure, colours=64)}
        return data | {"text/plain": f"Figure: {self.alt}"}, {mime: {"alt": self.alt} for mime in data}


class _Sheet:
    """A white card for boxes, arrows and labels, in pixels from the top left."""

    def __init__(self, height: int) -> None:
        self.figure = Figure(figsize=(WIDTH / 100, height / 100), dpi=100)
        FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
        self.axes.set_axis_off()

    def box(self, x: float, y: float, w: float, h: float, line: Line, *words: str) -> None:
        """Draw a box with lines of words in its middle, the first one the largest."""
        face = figures.WASH if line == POLICY else figures.MUTED
        shape = "round,pad=0,rounding_size=8"
        self.axes.add_patch(FancyBboxPatch((x, y), w, h, shape, fc=face, ec=line[0], ls=line[1], lw=1.8))
        for i, one in enumerate(words):
            self.label(x + w / 2, y + h / 2 + 24 * (i - (len(words) - 1) / 2), one, size=SMALL if i else WORDS)

    def label(self, x: float, y: float, words: str, ha: str = "center", size: float = SMALL) -> None:
        """Write words, which may hold formulas, at a point."""
        self.axes.text(x, y, words, size=size, ha=ha, va="center", color=figures.INK)

    def arrow(self, line: Line, *points: tuple[float, float]) -> None:
        """Draw a line of level and upright pieces through the points, with a head at the last one."""
        (x0, y0), (x, y) = points[-2:]
        dx, dy = HEAD * ((x > x0) - (x < x0)), HEAD * ((y > y0) - (y < y0))
        self.axes.plot(*zip(*points[:-1], (x - dx, y - dy), strict=True), color=line[0], ls=line[1], lw=1.8)
        head = [(x, y), (x - dx + dy / 2, y - dy + dx / 2), (x - dx - dy / 2, y - dy - dx / 2)]
        self.axes.fill(*zip(*head, strict=True), color=line[0], lw=0)


def agent_environment() -> Diagram:
    """Return the loop of agent and environment: an action one way, reward and next state the other way."""
    sheet = _Sheet(190)
    sheet.box(15, 62, 180, 66, POLICY, "agent", r"policy $\pi_\theta(a_t\mid s_t)$")
    sheet.box(345, 62, 200, 66, OUTSIDE, "environment", r"$\mathrm{Pr}(s_{t+1}\mid s_t,a_t)$")
    sheet.arrow(POLICY, (105, 62), (105, 24), (445, 24), (445, 62))
    sheet.label(275, 43, "action $a_t$", size=WORDS)
    sheet.arrow(PLAIN, (445, 128), (445, 166), (105, 166), (105, 128))
    sheet.label(275, 147, "reward $r_t$, next state $s_{t+1}$", size=WORDS)
    return Diagram(
        sheet.figure,
        "A loop of two boxes. The agent, a policy π_θ(a_t | s_t), sends an action a_t to the environment. The "
        "environment, with dynamics Pr(s_(t+1) | s_t, a_t), sends back the reward r_t and the next state s_(t+1).",
    )


def trajectory_probability() -> Diagram:
    """Return the factors of Pr_θ(τ) in their order: the policy's, which depend on θ, and the environment's."""
    sheet = _Sheet(285)
    factors = [
        (10, 100, "$s_1$", r"$\mathrm{Pr}(s_1)$", "$0$", OUTSIDE),
        (130, 100, "$a_1$", r"$\pi_\theta(a_1\mid s_1)$", "score", POLICY),
        (250, 130, "$s_2$", r"$\mathrm{Pr}(s_2\mid s_1,a_1)$", "$0$", OUTSIDE),
        (400, 100, "$a_2$", r"$\pi_\theta(a_2\mid s_2)$", "score", POLICY),
    ]
    for (x, w, name, factor, slope, line), after in zip(factors, (180, 315, 450, 530), strict=True):
        middle = x + w / 2
        sheet.label(middle, 25, name, size=LARGE)
        sheet.arrow(PLAIN, (middle + 18, 25), (after - 18, 25))
        sheet.box(x, 58, w, 44, line, factor)
        sheet.arrow(line, (middle, 102), (middle, 172))
        sheet.box(x, 172, w, 44, line, slope)
    for y, sign in ((80, "·"), (194, "+")):
        for x in (120, 240, 390):
            sheet.label(x, y, sign, size=WORDS)
    for y in (25, 80, 194):
        sheet.label(530, y, "…", size=LARGE)
    sheet.label(120, 137, r"$\partial\log/\partial\theta$")
    sheet.label(12, 255, r"dotted: environment, without $\theta$", "left")
    sheet.label(548, 255, r"solid: policy, depends on $\theta$", "right")
    return Diagram(
        sheet.figure,
        "A trajectory s_1, a_1, s_2, a_2 and so on, and below it the factors of its probability: Pr(s_1) times "
        "π_θ(a_1 | s_1) times Pr(s_2 | s_1, a_1) times π_θ(a_2 | s_2) and so on. Below each factor stands the "
        "derivative of its logarithm with respect to θ: 0 for those of the environment, the score for those of the "
        "policy.",
    )


def actor_critic() -> Diagram:
    """Return who tells whom what: environment, actor, critic, and the advantage that moves both."""
    sheet = _Sheet(320)
    sheet.box(45, 25, 170, 62, POLICY, "actor", r"policy $\pi_\theta(a_t\mid s_t)$")
    sheet.box(345, 25, 200, 62, OUTSIDE, "environment", r"$\mathrm{Pr}(s_{t+1}\mid s_t,a_t)$")
    sheet.box(45, 180, 170, 62, CRITIC, "critic", "value $V_w(s_t)$")
    sheet.box(345, 180, 200, 62, PLAIN, "advantage", r"$\hat{A}_t=G_t-V_w(s_t)$")
    sheet.arrow(POLICY, (215, 56), (345, 56))
    sheet.label(278, 40, "action $a_t$")
    sheet.arrow(PLAIN, (385, 87), (385, 133), (130, 133), (130, 87))
    sheet.arrow(PLAIN, (130, 133), (130, 180))
    sheet.label(255, 116, "state $s_t$")
    sheet.arrow(PLAIN, (485, 87), (485, 180))
    sheet.label(477, 133, "reward $r_t$", "right")
    sheet.arrow(CRITIC, (215, 198), (345, 198))
    sheet.label(278, 181, "$V_w(s_t)$")
    sheet.arrow(PLAIN, (345, 224), (215, 224))
    sheet.label(278, 242, "target $G_t$")
    sheet.arrow(PLAIN, (445, 242), (445, 280), (16, 280), (16, 56), (45, 56))
    sheet.label(230, 299, r"$\hat{A}_t$ weighs the score, as a constant")
    return Diagram(
        sheet.figure,
        "Four boxes. The actor, a policy π_θ, sends actions to the environment. The environment sends the state to "
        "the actor and to the critic, and the reward to the advantage Â_t = G_t − V_w(s_t). The critic sends its "
        "value V_w(s_t) there. Two arrows leave the advantage: the target G_t moves the critic, and Â_t, as a "
        "constant, weighs the score that moves the actor.",
    )


def rlhf_stages() -> Diagram:
    """Return the four stages of RLHF: what each learns from, and what it hands on."""
    sheet = _Sheet(425)
    boxes = [
        (OUTSIDE, "1 · imitate (SFT)", "a pretrained model copies demonstrations"),
        (PLAIN, "2 · compare", "raters choose the better one of two replies"),
        (CRITIC, "3 · reward model", r"learns to rank: $\sigma(r(\mathrm{chosen})-r(\mathrm{rejected}))$"),
        (POLICY, "4 · policy update", r"$\pi_\theta$ climbs the score, less $\beta\,\mathrm{KL}$"),
    ]
    for i, (line, *words) in enumerate(boxes):
        sheet.box(85, 15 + 110 * i, 390, 66, line, *words)
    for y, handed in ((81, r"pairs of replies of $\pi_{\mathrm{ref}}$"), (191, "chosen, rejected"), (301, "score $r$")):
        sheet.arrow(PLAIN, (280, y), (280, y + 44))
        sheet.label(292, y + 20, handed, "left")
    sheet.arrow(OUTSIDE, (85, 48), (30, 48), (30, 378), (85, 378))
    sheet.label(42, 211, r"start of $\pi_\theta$, and $\pi_{\mathrm{ref}}$", "left")
    sheet.arrow(POLICY, (475, 378), (530, 378), (530, 268), (475, 268))
    sheet.label(518, 321, r"replies of $\pi_\theta$", "right")
    return Diagram(
        sheet.figure,
        "The four stages of RLHF, one below the other. 1, imitate: a pretrained model copies demonstrations and "
        "becomes π_ref, which writes pairs of replies. 2, compare: raters choose the better one of two. 3, the "
        "reward model learns to rank the chosen above the rejected one, and gives a score. 4, the policy update: "
        "π_θ starts as π_ref and climbs the score, less β KL to π_ref. Its new replies go back to the reward model.",
    )


def ppo_update() -> Diagram:
    """Return the data flow of one update of PPO: what is computed once, and what in each epoch."""
    sheet = _Sheet(472)
    sheet.box(70, 15, 410, 62, OUTSIDE, r"collect a batch with $\pi_{\mathrm{old}}$", "states, actions, rewards")
    sheet.box(70, 122, 185, 62, CRITIC, "critic", "values $V_w(s_t)$")
    sheet.box(305, 122, 175, 62, PLAIN, r"advantages $\hat{A}_t$", "once, then constant")
    old_and_new = r"$\pi_\theta(a_t\mid s_t)\,/\,\pi_{\mathrm{old}}(a_t\mid s_t)$"
    sheet.box(70, 222, 230, 62, POLICY, r"ratio $\rho_t$", old_and_new)
    clipped = r"$\min(\rho_t\hat{A}_t,\ \mathrm{clip}(\rho_t,1-\varepsilon,1+\varepsilon)\,\hat{A}_t)$"
    sheet.box(70, 322, 410, 62, PLAIN, "clipped objective", clipped)
    sheet.box(70, 422, 410, 36, POLICY, r"a gradient step on $\theta$, and the critic's on $w$")
    sheet.arrow(PLAIN, (162, 77), (162, 122))
    sheet.label(172, 98, "states", "left")
    sheet.arrow(PLAIN, (395, 77), (395, 122))
    sheet.label(385, 98, "rewards", "right")
    sheet.arrow(CRITIC, (255, 153), (305, 153))
    sheet.arrow(OUTSIDE, (70, 46), (24, 46), (24, 240), (70, 240))
    sheet.label(34, 98, r"$\log\pi_{\mathrm{old}}$", "left")
    sheet.arrow(POLICY, (240, 284), (240, 322))
    sheet.arrow(PLAIN, (395, 184), (395, 322))
    sheet.arrow(PLAIN, (275, 384), (275, 422))
    sheet.arrow(POLICY, (70, 440), (24, 440), (24, 266), (70, 266))
    sheet.label(34, 402, "each epoch", "left")
    sheet.arrow(PLAIN, (480, 440), (530, 440), (530, 46), (480, 46))
    sheet.label(520, 402, r"at the end: $\pi_{\mathrm{old}}\leftarrow\pi_\theta$", "right")
    return Diagram(
        sheet.figure,
        "The data flow of one PPO update. π_old collects a batch of states, actions and rewards. The critic's "
        "values and the rewards give the advantages, once; they stay constant. log π_old and the present policy "
        "give the ratio ρ_t = π_θ / π_old. Ratio and advantage meet in the clipped objective min(ρ Â, clip(ρ, 1 − "
        "ε, 1 + ε) Â), whose gradient moves θ; the critic's w takes a step of its own. An arrow goes back to the "
        "ratio in each epoch, another one to the next batch at the end: π_old becomes π_θ.",
    )
