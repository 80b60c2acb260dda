"""The preference lab: judge twenty pairs of replies, and see what a reward model learns from your preferences."""

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np
from traitlets import Dict, TraitError

from course_utils import arguments
from course_utils.rlhf import world as worlds
from course_utils.rlhf.reward_model import Pairs, RewardModel, choose, fit, read_pairs, reward_score, write_pairs
from course_utils.rlhf.world import MOODS, Replies, World
from course_utils.widgets.lab import Lab, Numbers, lab_source, lab_style, uniform

__all__ = ["Choices", "PreferenceLab"]


JUDGED = 20  # the first pairs of preferences.jsonl; the others are held out
SIDES_SEED = 4  # which reply of a pair is on the left; it does not know the label
SHOWN = 6  # words liked, and words disliked
DIGITS = 9  # weights and margins that differ by less are equal: only rounding parts them


class _Material(NamedTuple):
    """What the lab shows, read from the world's files."""

    world: World
    left: Replies
    right: Replies
    rater: tuple[int, ...]
    """what the file's raters would choose: 1 for left, −1 for right"""
    held_out: Pairs


@lru_cache(maxsize=1)
def _material() -> _Material:
    world = worlds.load()
    chosen, rejected = read_pairs(worlds.DATA / "preferences.jsonl", world)
    first = slice(0, JUDGED)
    chosen_is_left = np.array([uniform(SIDES_SEED, pair) < 0.5 for pair in range(JUDGED)])
    left, right = choose(chosen.take(first), rejected.take(first), chosen_is_left)
    held_out = Pairs(chosen.take(slice(JUDGED, None)), rejected.take(slice(JUDGED, None)))
    rater = tuple(1 if is_left else -1 for is_left in chosen_is_left)
    return arguments.frozen(_Material(world, left, right, rater, held_out))


@lru_cache(maxsize=1)
def _for_the_page() -> dict[str, Any]:
    """Return the material as JSON; a reply is a list of token numbers without its end token."""
    world, left, right, rater, held_out = _material()

    def tokens(replies: Replies) -> list[list[int]]:
        return [row[:n].tolist() for row, n in zip(replies.tokens, replies.words, strict=True)]

    return {
        "words": list(world.words),
        "polite": np.flatnonzero(world.tags["polite"]).tolist(),
        "topics": list(world.topics),
        "moods": list(MOODS),
        "prompts": [prompt._asdict() for prompt in world.prompts],
        "pairs": [
            {"prompt": prompt, "left": one, "right": other, "rater": choice}
            for prompt, one, other, choice in zip(
                left.prompts.tolist(), tokens(left), tokens(right), rater, strict=True
            )
        ],
        "held_out": [
            {"prompt": prompt, "chosen": one, "rejected": other}
            for prompt, one, other in zip(
                held_out.chosen.prompts.tolist(), tokens(held_out.chosen), tokens(held_out.rejected), strict=True
            )
        ],
    }


class Choices(Numbers):
    """A list of at most twenty choices: 1 for the left reply, −1 for the right one, 0 for no preference."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(-1.0, 1.0, tuple(range(JUDGED + 1)), **kwargs)

    def validate(self, obj: Any, value: Any) -> list[int]:  # type: ignore[override]
        """Return the value as a list of whole numbers, or raise a TraitError that names the trait."""
        wanted = "expected 1 (left), -1 (right) or 0 (no preference) for each pair"
        try:
            entries = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise TraitError(f"{self.name} is {value!r}, {wanted}") from None
        if entries.ndim != 1:
            raise TraitError(f"{self.name} has shape {entries.shape}, {wanted}")
        if entries.size > JUDGED:
            raise TraitError(f"{self.name} has {entries.size} entries, expected at most {JUDGED}")
        wrong = entries[~np.isin(entries, (-1, 0, 1))]
        if wrong.size:
            raise TraitError(f"{self.name} contains {wrong[0]:g}, {wanted}")
        return [int(entry) for entry in entries]


class PreferenceLab(Lab):
    """A lab in which you judge twenty pairs of replies, and a reward model learns from your preferences at once.

    choices: what you chose in the pairs so far, in their order: 1 for the left reply, −1 for the right one, 0 for no
    preference, which trains nothing. Set it, for example to `rater_choices()`.

    Read `pairs()`, `reward_model()`, `agreement()` and `held_out()`; `write(path)` keeps your pairs in a file.

    Raises TraitError, naming the trait, for other entries or more than twenty; the choices then stay as they were.
    """

    _esm = lab_source("preference_lab.js")
    _css = lab_style("preference_lab.css")

    choices = Choices().tag(sync=True)
    material = Dict(read_only=True).tag(sync=True)

    def __init__(self, choices: Any = None) -> None:
        super().__init__(choices=[] if choices is None else choices)
        self.set_trait("material", deepcopy(_for_the_page()))

    # --- what your choices say ------------------------------------------------------------------------

    def pairs(self) -> Pairs:
        """Return the pairs in which you have a preference, in their order.

        Raises ValueError as long as there is none.
        """
        choices = self._preferences()
        rows = np.flatnonzero(choices)
        return choose(_material().left.take(rows), _material().right.take(rows), choices[rows] > 0)

    def reward_model(self, kind: str = "log") -> RewardModel:
        """Return the reward model that your preferences train; with "log", it is the one on the page.

        kind: of features, one of reward_model.KINDS. Raises ValueError as long as there is no preference.
        """
        return fit(_material().world, self.pairs(), kind)

    def agreement(self) -> float:
        """Return the share of your preferences that are also the raters'.

        Raises ValueError as long as there is none.
        """
        choices = self._preferences()
        same = choices == self.rater_choices()[: choices.size]
        return float(same[choices != 0].mean())

    def held_out(self) -> Pairs:
        """Return the other pairs of data/rlhf/preferences.jsonl, 180 of them, with the raters' labels."""
        return _material().held_out

    def rater_choices(self) -> list[int]:
        """Return what the file's raters would choose in the twenty pairs: 1 for the left reply, −1 for the right."""
        return list(_material().rater)

    def write(self, path: Path | str) -> None:
        """Write your preferences as JSON Lines, which `reward_model.read_pairs` reads.

        Raises ValueError as long as there is none.
        """
        write_pairs(path, _material().world, self.pairs())

    def _preferences(self) -> np.ndarray[Any, np.dtype[np.int_]]:
        if not any(self.choices):
            raise ValueError(
                f"choices has no preference yet ({len(self.choices)} pairs judged), expected at least one: judge a "
                "pair in the lab, or set choices to rater_choices()"
            )
        return np.array(self.choices)

    # --- viewers without widgets ------------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        from course_utils.figures import signed

        judged = len(self.choices)
        if judged == JUDGED:
            told = [f"Preference lab. All {JUDGED} pairs are judged."]
        else:
            customer, left, right = self._present()
            told = [
                f"Preference lab, pair {judged + 1} of {JUDGED}. The customer writes: “{customer}” The left reply: "
                f"“{left}”. The right reply: “{right}”."
            ]
        if not any(self.choices):
            return " ".join([*told, "There is no preference yet, so the reward model has learned nothing."])
        liked, disliked = self._largest()
        for verb, words in (("likes", liked), ("dislikes", disliked)):
            listed = ", ".join(f"{word} {signed(weight)}" for word, weight in words)
            told.append(f"Your reward model {verb} {listed or 'no word'}.")
        told.append(f"It agrees with the raters on {self._share_of_held_out():.0%} of the other pairs.")
        return " ".join(told)

    def first_frame(self) -> bytes:
        """Return the present pair and the largest weights as PNG bytes."""
        from course_utils import figures

        fig, (pair, weights) = figures.new_figure(7.2, 3.6, columns=2)
        pair.axis("off")
        judged = len(self.choices)
        if judged == JUDGED:
            pair.set_title(f"All {JUDGED} pairs are judged", fontsize=11, loc="left")
            told = f"You had a preference in {np.count_nonzero(self.choices)} of them."
            if any(self.choices):
                told += (
                    f"\n\nYou agree with the raters in {self.agreement():.0%} of these."
                    f"\n\nYour model agrees with them on\n{self._share_of_held_out():.0%} of the other pairs."
                )
            pair.text(0, 0.94, told, fontsize=10, va="top")
        else:
            pair.set_title(f"Pair {judged + 1} of {JUDGED}", fontsize=11, loc="left")
            names = ("The customer writes", "Left reply", "Right reply")
            for place, name, text in zip((0.98, 0.64, 0.3), names, self._present(), strict=True):
                pair.text(0, place, name, fontsize=9, color=figures.QUIET, va="top")
                pair.text(0, place - 0.08, fill(text, 40), fontsize=10, va="top")
        weights.set_title("What your reward model has learned", fontsize=11, loc="left")
        liked, disliked = self._largest() if any(self.choices) else ([], [])
        rows = [*liked, *reversed(disliked)]
        if not rows:
            weights.axis("off")
            told = "Nothing yet. After your first preference, see here\nwhich words it likes and dislikes."
            weights.text(0, 0.98, told, fontsize=10, va="top")
            return figures.png(fig)
        values = [weight for _, weight in rows]
        colours = [figures.ABOVE if value > 0 else figures.BELOW for value in values]
        places = -np.arange(len(rows))
        weights.barh(places, values, 0.7, color=colours)
        weights.axvline(0, color=figures.EXACT, lw=1)
        weights.set_yticks(places, [f"{word}  {figures.signed(value)}" for word, value in rows])
        weights.tick_params(axis="y", length=0, labelsize=9)
        weights.set_xlabel("weight of the word", fontsize=10)
        return figures.png(fig)

    def _present(self) -> tuple[str, str, str]:
        """Return the customer's message, the left and the right reply of the pair to be judged next."""
        world, left, right, *_ = _material()
        row = [len(self.choices)]
        customer = world.prompts[left.prompts[row[0]]].text
        return customer, world.text(left.take(row))[0], world.text(right.take(row))[0]

    def _share_of_held_out(self) -> float:
        """Return the model's accuracy on the other pairs; scores that rounding alone parts are equal and count half."""
        world, held_out, model = _material().world, self.held_out(), self.reward_model()
        margin = reward_score(model, world, held_out.chosen) - reward_score(model, world, held_out.rejected)
        return float((np.sign(np.round(margin, DIGITS)).mean() + 1) / 2)

    def _largest(self) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
        """Return the words with the largest and the smallest weights, at most SHOWN each, the largest size first."""
        words = _material().world.words[1:]
        weights = np.round(self.reward_model().weights[: len(words)], DIGITS)
        ranked = [(words[i], float(weights[i])) for i in np.argsort(-np.abs(weights), kind="stable")]
        liked = [(word, weight) for word, weight in ranked if weight > 0]
        disliked = [(word, weight) for word, weight in ranked if weight < 0]
        return liked[:SHOWN], disliked[:SHOWN]
