"""The baseline table: may a baseline depend on this? Answered line by line, then proved by numbers."""

from typing import Any, NamedTuple

import numpy as np
from traitlets import Dict, observe

from course_utils import estimators, policy, progress, worlds
from course_utils.arguments import FloatArray
from course_utils.widgets.formulas import formula
from course_utils.widgets.lab import Constant, Lab, Numbers, Whole, lab_source, lab_style

__all__ = ["BaselineTable", "Proof", "lab_formulas", "prove"]


UNANSWERED, UNBIASED, BIASED, SHOWN = range(4)  # what `answers` holds of each line
STATES = 3  # of the conversation, before it is closed
LINES = (  # name, words, b as it is tried, and why
    (
        "state",
        "the state sₜ?",
        "b = 1, 2 or −2, by the state",
        "Given the state, b is the same whichever reply is drawn, so the two terms cancel.",
    ),
    (
        "action",
        "the action aₜ?",
        "b = 2 for a refund, −1 for an apology",
        "b differs between the replies, so the two terms do not cancel.",
    ),
    (
        "time",
        "the time step t?",
        "b = 2 at the first reply, −1 at the second",
        "The clock does not look at the reply, so b is the same for both.",
    ),
    (
        "past",
        "what was done before step t?",
        "b = 3 after a refund at first, −1 after an apology",
        "What came before is settled when aₜ is drawn.",
    ),
    (
        "others",
        "the other conversations of the batch?",
        "b = the reward-to-go of the other one, m = 2",
        "The other conversation was drawn without regard to this one’s reply: leave one out.",
    ),
    (
        "return",
        "the return of the same conversation?",
        "b = R(τ), of this conversation",
        "The reply had a hand in the return. This b takes the whole gradient away.",
    ),
    (
        "theta",
        "the parameters θ?",
        "b = V(sₜ) of the present θ, as a number",
        "θ stands fixed while replies are drawn. b is a number here: nobody differentiates it.",
    ),
    (
        "batch",
        "the mean of the batch, itself included?",
        "b = the batch’s mean reward-to-go, m = 2",
        "Half of b is the conversation’s own return, so half of the gradient is taken away: 1/m.",
    ),
)
NAMES = tuple(name for name, *_ in LINES)


class Proof(NamedTuple):
    """Exact numbers of one baseline b_t, in batches of two conversations."""

    means: FloatArray
    """E[b | s, a] in each state, shape (3, 2): after a refund, after an apology"""
    taken: FloatArray
    """E[Σ_t b_t ∂log π(a_t | s_t)/∂z] for the logit of refund in each state, shape (3,)"""
    gradient: FloatArray
    """the mean of the estimate with weights G_t − b_t, shape (3,)"""
    variance: float
    """its variance, all entries together"""


def prove(name: str) -> Proof:
    """Return the exact numbers of a line of the table, by going through all pairs of conversations.

    name: one of state, action, time, past, others, return, theta and batch; "" for no baseline, b = 0.

    Raises KeyError for another name.
    """
    support, logits = worlds.conversation(), np.vstack([worlds.REPLY_LOGITS, [0.0, 0.0]])
    paths = support.enumerate_trajectories(logits)
    s, a, p = paths.states[:, :-1], paths.actions, paths.probabilities
    to_go, one = estimators.reward_to_go(paths), np.ones(a.shape)
    own = {
        "": 0 * one,
        "state": np.array([1.0, 2.0, -2.0, 0.0])[s],
        "action": np.where(a == 0, 2.0, -1.0),
        "time": one * [2.0, -1.0],
        "past": np.stack([0 * p, np.where(a[:, 0] == 0, 3.0, -1.0)], axis=1),
        "return": paths.returns[:, None] * one,
        "theta": support.state_values(logits)[s],
    }
    n = p.size
    pair = {"others": np.broadcast_to(to_go, (n, n, 2)), "batch": (to_go[:, None] + to_go) / 2}
    b = pair[name] if name in pair else np.repeat(own[name][:, None], n, axis=1)  # of i, beside j: shape (n, n, T)

    chance = np.outer(p, p)
    means = np.zeros((STATES, 2))
    for state, action in np.ndindex(means.shape):
        here = chance[:, :, None] * ((s == state) & (a == action))[:, None]
        means[state, action] = (here * b).sum() / here.sum()

    of_step = np.eye(len(logits))[s][..., None] * policy.score(logits[s], a)[:, :, None]  # shape (n, T, S, A)
    taken = np.einsum("ij,ijt,itsa->sa", chance, b, of_step)
    each = np.einsum("ijt,itsa->ijsa", to_go[:, None] - b, of_step)
    both = (each + each.swapaxes(0, 1)) / 2  # the mean over the batch of i and j
    gradient = np.einsum("ij,ijsa->sa", chance, both)
    variance = float((chance * ((both - gradient) ** 2).sum(axis=(2, 3))).sum())
    return Proof(means, taken[:STATES, 0], gradient[:STATES, 0], variance)


def _world() -> dict[str, Any]:
    """Return what the browser must know: the lines, and their numbers."""
    support = worlds.conversation()
    exact, lines = prove(""), []
    for name, words, tried, why in LINES:
        proof = prove(name)
        is_biased = bool(np.abs(proof.taken).max() > 1e-12)
        numbers = {key: np.asarray(value).tolist() for key, value in proof._asdict().items()}
        lines.append({"name": name, "words": words, "tried": tried, "why": why, "biased": is_biased, **numbers})
    return {
        "states": list(support.state_names or ())[:STATES],
        "replies": list(support.action_names or ()),
        "pi": policy.softmax(worlds.REPLY_LOGITS)[:, 0].tolist(),
        "exact": exact.gradient.tolist(),
        "variance": exact.variance,
        "lines": lines,
    }


WORLD = _world()


def lab_formulas() -> dict[str, str]:
    """Return what a baseline takes away of the gradient in one state, as SVG."""
    lemma = r"\mathbb{E}[b\,\partial\log\pi]=\Sigma_a\pi(a|s)\;\mathbb{E}[b|s,a]\;\partial\log\pi(a|s)"
    return {"lemma": formula(lemma, "expected b times score: the sum over a of pi times expected b times score", 15)}


class BaselineTable(Lab):
    """A table to click: may a baseline depend on the state, the action, the time step …? Then the proof by numbers.

    The support assistant's conversation, batches of two. For each line the learner says whether the estimate with
    weights G_t − b_t is biased; then the exact numbers open: E[b | s, a] for both replies, E[b ∂log π], and mean and
    variance of the estimate with b and without.

    answers: of the eight lines, 0 not answered, 1 "not biased", 2 "biased", 3 shown without an answer; selected: the
    line whose proof is open, from 0 to 7, once it is answered.

    Read `right`, how many lines were answered rightly, and `proof()`, the numbers of the selected line. Set any trait.

    Raises TraitError, naming the trait, for values that are not finite or out of range.
    """

    _esm = lab_source("baseline_table.js")
    _css = lab_style("baseline_table.css")

    answers = Numbers(UNANSWERED, SHOWN, (len(LINES),)).tag(sync=True)
    selected = Whole(0, min=0, max=len(LINES) - 1).tag(sync=True)
    initial = Dict().tag(sync=True, of=("answers", "selected"))
    world = Constant(WORLD, read_only=True).tag(sync=True)
    formulas = Dict().tag(sync=True)

    def __init__(self) -> None:
        self._kept: set[int] = set()
        super().__init__(answers=[UNANSWERED] * len(LINES), formulas=lab_formulas())

    @observe("answers")
    def _record(self, _change: Any) -> None:
        """Keep the first answer to each line as a prediction; one that was only shown is none."""
        for k, (said, line) in enumerate(zip(self.answers, WORLD["lines"], strict=True)):
            if said == UNANSWERED or k in self._kept:
                continue
            self._kept.add(k)
            if said != SHOWN:
                about = {
                    "line": line["name"],
                    "said": "biased" if said == BIASED else "not biased",
                    "right": (said == BIASED) == line["biased"],
                }
                progress.record_prediction("baseline_table", about)

    @property
    def right(self) -> int:
        """How many lines were answered rightly."""
        truth = [BIASED if line["biased"] else UNBIASED for line in WORLD["lines"]]
        return sum(said == is_so for said, is_so in zip(self.answers, truth, strict=True))

    def proof(self) -> Proof:
        """Return the numbers of the selected line."""
        return prove(NAMES[self.selected])

    def alt_text(self) -> str:
        """Return what the first frame shows, in words: nothing of what was not answered yet."""
        told = []
        for (_, words, _, _), line, said in zip(LINES, WORLD["lines"], self.answers, strict=True):
            told.append(f"{words} {('biased' if line['biased'] else 'not biased') if said else 'biased or not?'}")
        return f"Baseline table. May the baseline of step t depend on … {'; '.join(told)}."

    def first_frame(self) -> bytes:
        """Return the table as PNG bytes."""
        from course_utils import figures

        fig, (ax,) = figures.new_figure(5.6, 3.0)
        ax.axis("off")
        ax.set(xlim=(0, 1), ylim=(len(LINES) + 0.6, -0.8))
        ax.text(0, -0.3, "May the baseline of step t depend on …", fontweight="bold", color=figures.INK)
        for k, ((_, words, _, _), line, said) in enumerate(zip(LINES, WORLD["lines"], self.answers, strict=True)):
            verdict = ("biased" if line["biased"] else "not biased") if said else "biased?"
            ax.text(0, k + 0.8, words, color=figures.INK)
            ax.text(0.98, k + 0.8, verdict, ha="right", color=figures.INK if said else figures.QUIET)
            ax.axhline(k + 0.3, color=figures.LINE, lw=0.8)
        return figures.png(fig)
