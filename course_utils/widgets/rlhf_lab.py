"""The RLHF lab: PPO with a KL penalty on a tiny language model, drawn while it learns."""

import textwrap
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from traitlets import Dict, Enum, TraitError, observe

from course_utils.arguments import FloatArray
from course_utils.rlhf import evaluation, language_model, reward_model
from course_utils.rlhf import run as rlhf
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.reward_model import Pairs
from course_utils.rlhf.run import RunLog
from course_utils.widgets.kernel_lab import KernelLab, budget, stride
from course_utils.widgets.lab import Flag, Number, Numbers, Text, Texts, Whole, lab_source, lab_style

__all__ = ["RlhfLab", "Said", "digits", "from_0", "nice", "shown_rows", "two_sided"]


FIRST_RUN = 100  # updates; then it is 200, 400, …
PROMPTS = (4, 14, 20)  # whose replies one sees: calm about a parcel, angry about a bill, calm about a lamp
PANELS = {
    "objective/scores": "the reward model’s score of a reply",
    "ours/reply_length": "tokens of a reply; dotted: where it is cut off",
    "objective/kl": "policy against the SFT reference, per reply",
    "policy/approxkl_avg": "new policy against old in an update, per token",
}
LINE = (
    "objective/rlhf_reward",
    "objective/entropy",
    "policy/clipfrac_avg",
    "ours/max_ratio",
    "ours/min_ratio",
    "ours/explained_variance",
)
GOLD = "ours/gold"
CLIP_RANGE = RunConfig().cliprange
LIMIT = 1e300  # what is beyond is drawn there
SETTINGS = {"kl_coef": "β", "learning_rate": "learning rate", "num_ppo_epochs": "epochs", "cliprange": "clip"}
MARKS = 20  # changes of a setting that are kept
ROUNDING = 1e-9  # what is nearer to 0 is drawn and written as 0


class Said(NamedTuple):
    """What a policy replies to the PROMPTS, and what it is worth."""

    texts: list[str]
    scores: FloatArray
    gold: FloatArray


class RlhfLab(KernelLab):
    """A lab that trains a tiny language model by PPO with a KL penalty, and shows metrics and replies as they change.

    kl_coef: β of the penalty, from 0 to 10; learning_rate: of the policy, from 0.001 to 1; num_ppo_epochs: from 1 to
    16; clip: PPO's clip, with ε = 0.2; feature_kind: what the reward model sees of a reply, "count", "log", "presence"
    or "rich"; seed: of everything that is random; show_gold: draw the gold reward, which no real run has; pairs: what
    to train the reward model on, such as your own from PreferenceLab, None for the raters' 1,500.

    Another kl_coef, learning_rate, num_ppo_epochs or clip counts from the next update on; another feature_kind or seed
    starts anew, and the run before stays as a ghost. Call `train(updates)`, `evaluate(replies)` and `reset(seed)`; read
    `log`. `running = True` trains in the background, where an event loop runs, until the bar is full: after 100
    updates, then 200, 400, ….

    Raises TraitError, naming the trait, for values that are of another kind or out of range.
    """

    _esm = lab_source("kernel_lab.js", "rlhf_lab.js")
    _css = lab_style("kernel_lab.css", "rlhf_lab.css")
    picture_time = 0.08

    kl_coef = Number(0.3, min=0.0, max=10.0).tag(sync=True)
    learning_rate = Number(0.02, min=0.001, max=1.0).tag(sync=True)
    num_ppo_epochs = Whole(4, min=1, max=16).tag(sync=True)
    clip = Flag(True).tag(sync=True)
    feature_kind = Enum(reward_model.KINDS, "log").tag(sync=True)
    show_gold = Flag(False).tag(sync=True)

    # What the picture shows. All of it follows from the run; nothing is to be set.
    updates = Whole(0, min=0).tag(sync=True)
    scores = Numbers(-LIMIT, LIMIT).tag(sync=True)
    gold = Numbers(-LIMIT, LIMIT).tag(sync=True)
    lengths = Numbers(-LIMIT, LIMIT).tag(sync=True)
    kl = Numbers(-LIMIT, LIMIT).tag(sync=True)
    approxkl = Numbers(-LIMIT, LIMIT).tag(sync=True)
    axes = Numbers(-10 * LIMIT, 10 * LIMIT, (0, 8)).tag(sync=True)
    line_numbers = Numbers(-LIMIT, LIMIT, (0, len(LINE))).tag(sync=True)
    first_replies = Texts().tag(sync=True)
    first_scores = Numbers(-LIMIT, LIMIT, (0, len(PROMPTS))).tag(sync=True)
    first_gold = Numbers(-LIMIT, LIMIT, (0, len(PROMPTS))).tag(sync=True)
    replies = Texts().tag(sync=True)
    reply_scores = Numbers(-LIMIT, LIMIT, (0, len(PROMPTS))).tag(sync=True)
    reply_gold = Numbers(-LIMIT, LIMIT, (0, len(PROMPTS))).tag(sync=True)
    before = Text("", help="what the run before had set").tag(sync=True)
    before_updates = Whole(0, min=0, help="as far as its curves are drawn").tag(sync=True)
    before_scores = Numbers(-LIMIT, LIMIT).tag(sync=True)
    before_lengths = Numbers(-LIMIT, LIMIT).tag(sync=True)
    before_kl = Numbers(-LIMIT, LIMIT).tag(sync=True)
    before_approxkl = Numbers(-LIMIT, LIMIT).tag(sync=True)
    changed_at = Numbers(0, LIMIT, help="after which update").tag(sync=True)
    changes = Texts().tag(sync=True)
    own_pairs = Whole(0, min=0).tag(sync=True)
    world = Dict(read_only=True).tag(sync=True)

    def __init__(
        self,
        *,
        kl_coef: float = 0.3,
        learning_rate: float = 0.02,
        num_ppo_epochs: int = 4,
        clip: bool = True,
        feature_kind: str = "log",
        seed: int = 0,
        show_gold: bool = False,
        pairs: Pairs | None = None,
    ) -> None:
        super().__init__(
            kl_coef=kl_coef,
            learning_rate=learning_rate,
            num_ppo_epochs=num_ppo_epochs,
            clip=clip,
            feature_kind=feature_kind,
            seed=seed,
            show_gold=show_gold,
        )
        self._pairs = _checked(pairs)
        self._before: RunLog | None = None
        self.own_pairs = 0 if pairs is None else len(pairs.chosen.prompts)
        self.set_trait("world", deepcopy(_constants()))
        self.reset()
        self._ready = True

    # --- training -----------------------------------------------------------------------------------

    @property
    def log(self) -> RunLog:
        """The run so far, as `rlhf.run.run` returns it."""
        return self._log

    def reset(self, seed: int | None = None) -> None:
        """Begin anew with the SFT model, the settings being kept; with another seed, if one is given."""
        if seed is not None and seed != self.seed:
            with self.hold_sync():
                self.seed = seed  # which begins anew
            return
        try:
            log = rlhf.begin(self._config(), self.seed, pairs=self._pairs)
        except ValueError as error:
            raise TraitError(f"no reward model could be trained on pairs: {error}") from error
        past: RunLog | None = getattr(self, "_log", None)
        self._before = past if past else self._before
        self._log: RunLog = log
        self._changes: list[tuple[int, str]] = []
        self._first = _said(self._log)
        self._n_evaluations = 0
        self._show(message="")

    @observe("feature_kind", "seed")
    def _on_other_start(self, change: Any) -> None:
        """Begin anew; if that fails, the run and the setting stay as they were."""
        if not self._ready or (self.feature_kind, self.seed) == (self._log.config.feature_kind, self._log.seed):
            return
        try:
            self.reset()
        except TraitError:
            self.set_trait(change["name"], change["old"])
            raise

    def evaluate(self, replies: int = 2000) -> evaluation.Evaluation:
        """Measure the policy on fresh replies to fresh prompts; the run goes on as if nothing had been."""
        result = evaluation.evaluate(self._log, replies=replies, seed=self._n_evaluations)
        self._n_evaluations += 1
        return result

    def _config(self) -> RunConfig:
        return RunConfig(
            kl_coef=self.kl_coef,
            learning_rate=self.learning_rate,
            num_ppo_epochs=self.num_ppo_epochs,
            cliprange=CLIP_RANGE if self.clip else None,
            feature_kind=self.feature_kind,
        )

    def _done(self) -> int:
        return len(self._log)

    def _update(self) -> None:
        log = rlhf.resume(self._log, 1, config=self._config(), progress=False)
        if log.interrupted:
            raise KeyboardInterrupt
        if len(self._log) and (told := _changed(self._log.config, log.config)):
            self._changes = [*self._changes, (len(self._log), told)][-MARKS:]
        self._log = log
        if len(log) == budget(len(log), FIRST_RUN):
            self.running = False

    def _chunk(self) -> int:
        """Return how many updates there are between two pictures: every run takes as long to watch as the first."""
        return budget(len(self._log) + 1, FIRST_RUN) // FIRST_RUN

    # --- the picture --------------------------------------------------------------------------------

    def _show(self, *, at_rest: bool = False, message: str | None = None) -> None:
        n = len(self._log)
        columns = {name: np.clip(self._log[name], -LIMIT, LIMIT) for name in (*PANELS, *LINE, GOLD)}
        rows = shown_rows(n)
        scores, lengths, kl, approxkl = (columns[name][rows] for name in PANELS)
        said = _said(self._log)
        with self.hold_sync():
            self.updates = n
            self.scores, self.lengths, self.kl, self.approxkl = scores, lengths, kl, approxkl
            self.gold = columns[GOLD][rows]
            self.axes = self._axes(columns)
            self._show_before(n)
            self.changed_at, self.changes = [at for at, _ in self._changes], [told for _, told in self._changes]
            self.line_numbers = [columns[name][-1] for name in LINE] if n else []
            self.first_replies, self.first_scores, self.first_gold = self._first
            self.replies, self.reply_scores, self.reply_gold = said
            if message is not None:
                self.message = message

    def _show_before(self, updates: int) -> None:
        """Show the run before this one, as far as the axis of the updates goes."""
        if self._before is None:
            return
        rows = shown_rows(min(len(self._before), budget(updates, FIRST_RUN)), updates)
        self.before, self.before_updates = _settings(self._before), rows[-1] + 1
        curves = (np.clip(self._before[name][rows], -LIMIT, LIMIT) for name in PANELS)
        self.before_scores, self.before_lengths, self.before_kl, self.before_approxkl = curves

    def _axes(self, columns: dict[str, FloatArray]) -> list[float]:
        """Return low and high of the axes: of the score alone, of score and gold, of the KL, of the approximate KL."""
        before = {} if self._before is None else {name: [self._before[name]] for name in PANELS}
        both_runs = (np.concatenate([columns[name], *before.get(name, [])]) for name in PANELS)
        scores, _, kl, approxkl = (np.clip(values, -LIMIT, LIMIT) for values in both_runs)
        both = np.concatenate([scores, columns[GOLD]])
        return [*two_sided(scores), *two_sided(both), *from_0(kl, 1.0), *from_0(approxkl, 0.01)]

    def _wishes(self) -> Mapping[str, Callable[[], object]]:
        return {kind: partial(self.set_trait, "feature_kind", kind) for kind in reward_model.KINDS}

    # --- viewers without widgets --------------------------------------------------------------------

    def line(self) -> str:
        """Return the line of numbers under the picture."""
        if not self.updates:
            return "No update yet."
        return ", ".join(f"{name} {digits(x)}" for name, x in zip(LINE, self.line_numbers, strict=True))

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        end = budget(self.updates, FIRST_RUN)
        words = f"RLHF lab: β = {digits(self.kl_coef)}, seed {self.seed}, update {self.updates:,} of {end:,}. "
        if self.updates:
            names = [*PANELS, GOLD] if self.show_gold else [*PANELS]
            words += ", ".join(f"{name} {digits(self._log.rows[-1][name])}" for name in names) + ", "
        words += self.line().rstrip(".") + "."
        for prompt, first, now in zip(self.world["prompts"], self.first_replies, self.replies, strict=True):
            words += f" To “{prompt['text']}” the SFT model replies “{first}”"
            words += f", the policy now “{now}”." if self.updates else "."
        return words

    def first_frame(self) -> bytes:
        """Return the four panels and the replies as PNG bytes."""
        from course_utils import figures

        fig, _ = figures.new_figure(7.2, 7.0, columns=0)
        parts: Any = fig.subfigures(2, 1, height_ratios=[4.6, 2.4])
        curves = (self.scores, self.lengths, self.kl, self.approxkl)
        axes = np.reshape(self.axes, (4, 2))
        cap = self.world["cap"]
        ranges = (axes[1 if self.show_gold else 0], (0, 1.15 * cap), axes[2], axes[3])
        looks = ((figures.SAMPLED, "o"), (figures.SAMPLED, "o"), (figures.REFERENCE, "s"), (figures.AFTER, "^"))
        at = np.array(shown_rows(self.updates)) + 1
        for ax, (name, words), curve, (low, high), (colour, marker) in zip(
            parts[0].subplots(2, 2).flat, PANELS.items(), curves, ranges, looks, strict=True
        ):
            if self.updates:  # no points that are not clipped have no place, and the layout fails
                ax.plot(at, curve, marker, color=colour, mec=figures.INK, mew=0.4, ms=4, clip_on=False)
            ax.set(xlim=(0, budget(self.updates, FIRST_RUN)), ylim=(low, high))
            ax.set_title(f"{name}\n{words}", fontsize=8.5, loc="left")
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(labelsize=9)
            if name == "objective/scores" and self.show_gold and self.updates:
                ax.plot(at, self.gold, color=figures.EXACT, lw=2)
                ax.annotate("gold", (at[-1], self.gold[-1]), (0, 4), textcoords="offset points", ha="right", fontsize=9)
            if name == "ours/reply_length":
                ax.axhline(cap, color=figures.INK, lw=1, ls=":")
                ax.set_yticks([0, cap])
        wrap = partial(textwrap.wrap, width=88, initial_indent="     ", subsequent_indent="          ")
        text: list[str] = []
        for i, prompt in enumerate(self.world["prompts"]):
            text += [
                f"“{prompt['text']}”",
                *wrap(f"SFT, score {digits(self.first_scores[i])}: {self.first_replies[i]}"),
                *wrap(f"now, score {digits(self.reply_scores[i])}: {self.replies[i]}"),
            ]
        parts[1].text(0.02, 0.98, "\n".join(text), va="top", fontsize=9, linespacing=1.4)
        return figures.png(fig)


def shown_rows(updates: int, beside: int = 0) -> list[int]:
    """Return which rows of the log a curve shows, beside one of so many updates: every n-th, and the newest."""
    rows = list(range(0, updates, stride(max(updates, beside), FIRST_RUN)))
    return rows if not rows or rows[-1] == updates - 1 else [*rows, updates - 1]


def nice(x: float) -> float:
    """Return the least of …, 0.1, 0.2, 0.5, 1, 2, 5, 10, … that is at least x > 0."""
    power = 10.0 ** np.floor(np.log10(x))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= x * (1 - 1e-9)))


def from_0(values: FloatArray, least: float) -> tuple[float, float]:
    """Return both ends of an axis from 0 to a nice number, at least `least`. It never shrinks while values are added.

    It reaches below 0 only where a value does: a sampled KL can be negative. What rounding leaves of 0 counts as 0.
    """
    high = nice(max(least, *values)) if len(values) else least
    low = -min(0.0, *values) if len(values) else 0.0
    return (-max(nice(low), nice(high / 5)) if low > ROUNDING else 0.0), high


def two_sided(values: FloatArray) -> tuple[float, float]:
    """Return both ends of an axis with 0 inside, neither so near to it that their labels would touch."""
    high, low = nice(max(2.0, *values, 0.0)), nice(max(0.5, *(-values), 0.0))
    return -max(low, nice(high / 5)), max(high, nice(low / 5))


def digits(x: float) -> str:
    """Return a number with three significant digits and a real minus sign, as rlhf_lab.js writes it."""
    size = abs(x)
    if size < ROUNDING:
        return "0"
    if size < 1e-4 or size >= 1e5:
        mantissa, exponent = f"{x:.1e}".split("e")
        text = f"{mantissa}e{int(exponent):+d}"
    else:
        text = f"{float(f'{x:.3g}'):g}"
    return text.replace("-", "−")


@lru_cache(maxsize=1)
def _constants() -> dict[str, Any]:
    """Return what the page draws and no run changes."""
    world = worlds.load()
    prompts = [world.prompts[i] for i in PROMPTS]
    return {
        "prompts": [{"text": prompt.text, "mood": worlds.MOODS[prompt.mood]} for prompt in prompts],
        "cap": world.max_tokens,
        "kinds": list(reward_model.KINDS),
        "panels": PANELS,
        "line": list(LINE),
    }


def _settings(log: RunLog) -> str:
    config = log.config
    numbers = ", ".join(f"{word} {_setting(getattr(config, name))}" for name, word in SETTINGS.items())
    return f"seed {log.seed}, {numbers}, {config.feature_kind} features"


def _changed(old: RunConfig, new: RunConfig) -> str:
    """Return which settings differ, in words; "" where none does."""
    pairs = [(word, getattr(old, name), getattr(new, name)) for name, word in SETTINGS.items()]
    return ", ".join(f"{word} {_setting(a)} → {_setting(b)}" for word, a, b in pairs if a != b)


def _setting(x: float | None) -> str:
    return "off" if x is None else digits(x)


def _said(log: RunLog) -> Said:
    """Return the replies of the run's policy; its random numbers are the same each time, and not the run's."""
    rng = np.random.default_rng([log.seed, 6])
    said = language_model.sample(log.model, log.world, np.array(PROMPTS), rng).replies
    scores = reward_model.reward_score(log.state.reward_model, log.world, said)
    return Said(log.world.text(said), scores, worlds.gold_reward(log.world, said).total)


def _checked(pairs: Any) -> Pairs | None:
    """Return the pairs, or raise a TraitError."""
    if pairs is None:
        return None
    if not isinstance(pairs, Pairs):
        raise TraitError(f"pairs is {type(pairs).__name__}, expected Pairs (chosen, rejected) or None")
    if not len(pairs.chosen.prompts):
        raise TraitError("pairs is empty, expected one pair at least")
    return pairs
