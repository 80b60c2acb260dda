"""The group lab: drag the rewards of one group of replies, and see what each method makes of them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from traitlets import Dict, Enum, TraitError, observe, validate

from course_utils import policy
from course_utils.arguments import FloatArray
from course_utils.group_advantages import EPSILON, METHODS
from course_utils.rlhf import exact, language_model
from course_utils.rlhf import world as worlds
from course_utils.rlhf.language_model import Contexts
from course_utils.rlhf.network import LanguageModel
from course_utils.rlhf.world import Replies, World
from course_utils.widgets.formulas import formula
from course_utils.widgets.lab import Lab, Number, Numbers, Texts, Whole, lab_source, lab_style, listed

__all__ = ["GroupLab", "row_formulas", "start"]


PROMPT = 0
SHOWN = ("total return", "mean of the group", "RLOO", "GRPO", "Dr. GRPO", "DAPO")
RIGHT = ("parcel", "sorry parcel", "parcel thanks", "sorry parcel thanks")
FOUR = ("parcel", "sorry parcel", "bill", "refund thanks")
WRONG = ("bill", "sorry bill", "refund", "bill thanks", "sorry refund", "refund thanks", "thanks")
LONG = ("parcel", "sorry parcel thanks", "bill", "sorry bill thanks")
GROUPS: dict[str, tuple[tuple[str, ...], list[float], float, str]] = {  # replies, rewards, their offset, a method
    "two right, two wrong": (FOUR, [1.0, 1.0, 0.0, 0.0], 0.0, "GRPO"),
    "reward offset +5": (FOUR, [1.0, 1.0, 0.0, 0.0], 5.0, "total return"),
    "all right": (RIGHT, [1.0, 1.0, 1.0, 1.0], 0.0, "GRPO"),
    "nearly equal": (FOUR, [0.501, 0.5, 0.499, 0.5], 0.0, "GRPO"),
    "short and long": (LONG, [1.0, 1.0, 0.0, 0.0], 0.0, "GRPO"),
    "one of eight": (("parcel", *WRONG), [1.0, *[0.0] * 7], 0.0, "GRPO"),
    "seven of eight": ((*RIGHT, *RIGHT[1:], "bill"), [*[1.0] * 7, 0.0], 0.0, "GRPO"),
}
FIRST = "two right, two wrong"


@cache
def start() -> tuple[World, LanguageModel]:
    """Return the tiny world, and the SFT model whose replies to the prompt are right with p = ½."""
    world, rng = worlds.load(worlds.TINY), np.random.default_rng(0)
    model = language_model.sft(world, worlds.demonstrations(world, 3000, rng), rng, epochs=6).model
    return world, exact.with_success_rate(model, world, PROMPT, 0.5)


def _replies_of(preset: str) -> tuple[Replies, Contexts]:
    """Return the replies of a preset, and the contexts of their tokens."""
    world, texts = start()[0], GROUPS[preset][0]
    replies = world.replies([PROMPT] * len(texts), texts)
    return replies, language_model.contexts(world, replies)


def _browser_world() -> dict[str, Any]:
    """Return what the browser must know: words, the model's table, and the tokens and contexts of each group."""
    world, model = start()
    groups: dict[str, Any] = {}
    for preset, (_, rewards, offset, method) in GROUPS.items():
        replies, tokens = _replies_of(preset)
        listed_tokens: list[list[Any]] = [[] for _ in replies.lengths]
        for row, action, x in zip(tokens.rows, tokens.actions, tokens.x, strict=True):
            listed_tokens[row].append({"token": int(action), "context": np.flatnonzero(x).tolist()})
        groups[preset] = {"replies": listed_tokens, "rewards": list(rewards), "offset": offset, "method": method}
    names = ["end", *world.words[1:]]
    prompt = world.prompts[PROMPT].text
    return {
        "prompt": prompt,
        "words": names,
        "longest": world.max_tokens,
        "epsilon": EPSILON,
        "table": model.table.tolist(),
        "groups": groups,
    }


def row_formulas() -> dict[str, str]:
    """Return the formulas from the objective to the gradient of a token, as SVG; methods that share one share it."""
    mean, sd = (r"R_i-\frac{1}{K}\Sigma_jR_j", "R i minus the mean of the group"), "over its standard deviation"
    others = r"R_i-\frac{1}{K-1}\Sigma_{j\neq i}R_j"
    normalised = formula(r"\frac{R_i-\mathrm{mean}\,R}{\mathrm{sd}\,R+\varepsilon}", f"{mean[1]}, {sd} plus epsilon")
    group = formula(r"\frac{K}{\Sigma_j|o_j|}", "K over all tokens of the group")
    return {
        "objective": formula(
            r"U=\frac{1}{K}\Sigma_iw_i\Sigma_tA_i\log\pi(a_t|s_t)",
            "U, the mean over the replies of w i times the sum over t of A i times log pi of a t given s t",
        ),
        "A": formula("A_i", "A i"),
        "A:total return": formula("R_i", "R i"),
        "A:mean of the group": formula(*mean),
        "A:RLOO": formula(others, "R i minus the mean of the others"),
        "A:GRPO": normalised,
        "A:Dr. GRPO": formula(*mean),
        "A:DAPO": normalised,
        "w": formula("w_i", "w i"),
        "w:total return": formula("1", "1"),
        "w:mean of the group": formula("1", "1"),
        "w:RLOO": formula("1", "1"),
        "w:GRPO": formula(r"\frac{1}{|o_i|}", "1 over the reply's length"),
        "w:Dr. GRPO": formula(r"\frac{1}{L}", "1 over the largest length"),
        "w:DAPO": group,
        "gradient": formula(
            r"\frac{\partial U}{\partial z_b}=\frac{w_iA_i}{K}([b=a_t]-\pi(b|s_t))",
            "the derivative of U by z b, w i A i over K times 1 if b is a t, else 0, minus pi of b given s t",
        ),
    }


class GroupLab(Lab):
    """A lab with one group of replies: drag the rewards and see six methods' advantages, token weights and updates.

    The tiny world of data/rlhf_tiny, one prompt, a log-linear language model whose replies are right with p = ½. Each
    method takes one step on (1/K) Σ_i w_i Σ_t A_i log π(a_t | s_t); the replies share the model's parameters.

    preset: the group of replies, one of GROUPS by name; rewards: one for each of them, from −1 to 2, instead of the
    preset's; offset: added to all rewards, from −5 to 5, instead of the preset's; step_size: η, from 0 to 1; method:
    the one that is spoken of, one of SHOWN, instead of the preset's; shown: the names of those that have a column.

    Read `advantages(method)`, `weights(method)`, `probabilities()` and `probabilities_after(method)`, with an entry for
    each of `replies`. Set any trait; `reply` and `token` say which token's formula is open.

    Raises TraitError, naming the trait, for values that are not finite, out of range or unknown.
    """

    _esm = lab_source("group_lab.js")
    _css = lab_style("group_lab.css")

    preset = Enum(tuple(GROUPS), FIRST).tag(sync=True)
    rewards = Numbers(-1.0, 2.0, (4, 8)).tag(sync=True)
    offset = Number(0.0, min=-5.0, max=5.0).tag(sync=True)
    step_size = Number(0.2, min=0.0, max=1.0).tag(sync=True)
    method = Enum(SHOWN, "GRPO").tag(sync=True)
    shown = Texts().tag(sync=True)
    reply = Whole(0, min=0, max=7).tag(sync=True)
    token = Whole(0, min=0, max=3).tag(sync=True)
    initial = Dict().tag(sync=True, of=("preset", "rewards", "offset", "step_size", "method", "shown"))
    world = Dict().tag(sync=True)
    formulas = Dict().tag(sync=True)

    def __init__(
        self,
        preset: str = FIRST,
        rewards: Sequence[float] | None = None,
        offset: float | None = None,
        step_size: float = 0.2,
        *,
        method: str | None = None,
        shown: Sequence[str] = SHOWN,
    ) -> None:
        if not isinstance(preset, str) or preset not in GROUPS:
            raise TraitError(f"preset is {preset!r}, expected one of {', '.join(GROUPS)}")
        super().__init__(
            preset=preset,
            rewards=GROUPS[preset][1] if rewards is None else rewards,
            offset=GROUPS[preset][2] if offset is None else offset,
            step_size=step_size,
            method=GROUPS[preset][3] if method is None else method,
            shown=listed("shown", shown),
            world=_browser_world(),
            formulas=row_formulas(),
        )

    # --- checks -----------------------------------------------------------------------------------

    @validate("rewards")
    def _one_each(self, proposal: Any) -> list[float]:
        value: list[float] = proposal["value"]
        if len(value) != len(self.replies):
            raise TraitError(f"rewards has {len(value)} entries, expected {len(self.replies)}, one for each reply")
        return value

    @validate("shown")
    def _known(self, proposal: Any) -> list[str]:
        value: list[str] = proposal["value"]
        if not value or not set(value) <= set(SHOWN) or len(set(value)) < len(value):
            raise TraitError(f"shown is {value}, expected some of {', '.join(SHOWN)}")
        return [name for name in SHOWN if name in value]

    @observe("preset")
    def _another_group(self, _change: Any) -> None:
        if self.initial and "rewards" not in self.from_page:  # not while it is being made
            _, self.rewards, self.offset, self.method = GROUPS[self.preset]
            self.reply = self.token = 0

    def reset(self) -> None:
        """Go back to how the lab began, as the button *reset* does."""
        super().reset()
        for name in ("rewards", "offset", "method"):  # another preset has just set its own
            self.set_trait(name, self.initial[name])

    # --- what follows from the setting --------------------------------------------------------------

    @property
    def replies(self) -> list[str]:
        """The texts of the group's replies, K of them."""
        return list(GROUPS[self.preset][0])

    def advantages(self, method: str | None = None) -> FloatArray:
        """Return A_i of each reply under the present method, or another one, shape (K,)."""
        return METHODS[method or self.method].advantages(np.array(self.rewards) + self.offset)

    def weights(self, method: str | None = None) -> FloatArray:
        """Return w_i A_i, with which each of a reply's tokens counts, shape (K,)."""
        lengths: Any = _replies_of(self.preset)[0].lengths
        w = METHODS[method or self.method].token_weights(lengths, start()[0].max_tokens)
        return np.asarray(w * self.advantages(method))

    def probabilities(self) -> FloatArray:
        """Return the probability of each reply, shape (K,)."""
        return self._probabilities(start()[1])

    def probabilities_after(self, method: str | None = None) -> FloatArray:
        """Return the probability of each reply after the update, shape (K,).

        θ' = θ + (η/K) Σ_i w_i A_i Σ_t x_tᵀ (one-hot(a_t) − π_t)
        """
        _, tokens = _replies_of(self.preset)
        model = start()[1]
        score = policy.score(language_model.logits(model, tokens.x), tokens.actions)
        share = (self.weights(method) / len(self.replies))[tokens.rows]
        gradient = language_model.gradient(model, tokens.x, share[:, None] * score)
        return self._probabilities(model._replace(table=model.table + self.step_size * gradient.table))

    def _probabilities(self, model: LanguageModel) -> FloatArray:
        log_probs = language_model.log_probs(model, start()[0], _replies_of(self.preset)[0])
        return np.asarray(np.exp(log_probs.sum(axis=1)))

    # --- viewers without widgets --------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        from course_utils.figures import signed

        now, after = self.probabilities(), self.probabilities_after()
        rows = zip(self.replies, np.array(self.rewards) + self.offset, self.advantages(), now, after, strict=True)
        told = "; ".join(
            f"{text}: reward {R:.3g}, advantage {signed(A)}, {p:.3f} to {q:.3f}" for text, R, A, p, q in rows
        )
        others = "; ".join(
            f"{name} {', '.join(signed(A) for A in self.advantages(name))}"
            for name in self.shown
            if name != self.method
        )
        return (
            f"Group lab. {len(self.replies)} replies to one prompt, and the probability of each before and after one "
            f"update of {self.method}. {told}. Advantages of the others: {others}."
        )

    def first_frame(self) -> bytes:
        """Return the advantages of each reply by each method, and its probability after the update, as PNG bytes."""
        from course_utils import figures

        fig, axes = figures.new_figure(7.2, 1.0 + 0.3 * len(self.replies), columns=len(self.shown))
        y = np.arange(len(self.replies))
        limit = 1.2 * max(1e-3, *(float(np.abs(self.advantages(name)).max()) for name in self.shown))
        for ax, name in zip(axes, self.shown, strict=True):
            A = self.advantages(name)
            ax.barh(y, A, 0.5, color=[figures.ABOVE if a > 0 else figures.BELOW for a in A])
            for k, (a, q) in enumerate(zip(A, self.probabilities_after(name), strict=True)):
                ax.text(-limit, k - 0.3, figures.signed(a), fontsize=7, weight="bold")
                ax.text(limit, k - 0.3, f"{q:.3f}", ha="right", fontsize=7)
            ax.axvline(0, color=figures.NEUTRAL, linewidth=1)
            ax.set(xlim=(-limit, limit), ylim=(len(y) - 0.4, -0.8), xticks=[], yticks=[])
            ax.set_title(f"{name}\nA, π after", fontsize=8)
            ax.spines[["left", "bottom"]].set_visible(False)
        rewards = np.array(self.rewards) + self.offset
        names = [f"{text}\nR = {R:.3g}" for text, R in zip(self.replies, rewards, strict=True)]
        axes[0].set_yticks(y, names, fontsize=7)
        axes[0].tick_params(length=0)
        return figures.png(fig)
