"""What every lab shares: one ES module, a first frame for viewers without widgets, checked traits.

A lab is a Python file and a JavaScript file of the same name. The lab runs in the browser; Python sees
its state through synced traits and can set them.
"""

from collections.abc import Mapping, Set
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import numpy as np
from IPython import get_ipython
from ipywidgets import Box
from traitlets import Bool, Dict, Float, Int, List, TraitError, TraitType, Unicode, observe

from course_utils import arguments
from course_utils.arguments import FloatArray
from course_utils.widgets import offline

__all__ = ["Constant", "Flag", "Lab", "Number", "Numbers", "SampledLab", "Text", "Texts", "Whole", "lab_source"]
__all__ += ["lab_style", "labs_in", "listed", "uniform", "uniforms"]


HERE = Path(__file__).parent


def lab_source(*names: str) -> str:
    """Return the ES module of a lab: the shared files, then these, the lab's own last."""
    return "\n".join((HERE / file).read_text(encoding="utf-8") for file in ("lab.js", "picture.js", *names))


def lab_style(*names: str) -> str:
    """Return the style sheet of a lab: the shared file, then these, if there are any."""
    return "\n".join((HERE / file).read_text(encoding="utf-8") for file in ("lab.css", *names))


def _mix_bits(x: int) -> int:
    h = x & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x21F0AAAD) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 0x735A2D97) & 0xFFFFFFFF
    return h ^ (h >> 15)


def uniform(*key: int) -> float:
    """Return a number in [0, 1) that depends on the key alone, the same here and in lab.js.

    Labs draw their samples with it, so that a seed means the same with and without a kernel.
    It mixes bits with multiply and xor-shift rounds; it is not meant for statistics.
    """
    h = 0x9E3779B9
    for part in key:
        h = _mix_bits((h ^ (part & 0xFFFFFFFF)) + 0x9E3779B9)
    return float(h / 2**32)


def uniforms(count: int, *key: int) -> FloatArray:
    """Return uniform(*key, 0) … uniform(*key, count − 1), all at once."""
    h = np.full(count, 0x9E3779B9, dtype=np.uint64)
    whole = np.uint64(0xFFFFFFFF)
    for part in [
        *(np.full(count, part & 0xFFFFFFFF, dtype=np.uint64) for part in key),
        np.arange(count, dtype=np.uint64),
    ]:
        h = ((h ^ part) + np.uint64(0x9E3779B9)) & whole
        h = ((h ^ (h >> np.uint64(16))) * np.uint64(0x21F0AAAD)) & whole
        h = ((h ^ (h >> np.uint64(15))) * np.uint64(0x735A2D97)) & whole
        h = h ^ (h >> np.uint64(15))
    return np.asarray(h / 2**32, dtype=np.float64)


def listed(name: str, value: Any) -> list[Any]:
    """Return an argument of a lab as a list, or raise a TraitError that names it: a text is no list of letters."""
    try:
        if isinstance(value, (str, bytes, Mapping, Set)):
            raise TypeError
        return list(value)
    except TypeError:
        raise TraitError(f"{name} is {arguments.said(value)}, expected a list") from None


def _refuse(trait: Any, obj: Any, value: Any) -> Any:
    """Raise a TraitError that names the trait, what was got and what was wanted; for an entry, its list does that."""
    if trait.name is None:
        trait.error(obj, value)
    raise TraitError(f"{trait.name} is {arguments.said(value)}, expected {trait.info_text}")


class Flag(Bool):  # type: ignore[type-arg]
    """True or False; traitlets' own takes 0 and 1 too."""

    info_text = "True or False"

    def validate(self, obj: Any, value: Any) -> bool:
        """Return the Boolean, or raise a TraitError that names the trait."""
        return bool(value) if isinstance(value, (bool, np.bool_)) else bool(_refuse(self, obj, value))


class Whole(Int):  # type: ignore[type-arg]
    """A whole number; traitlets' own takes Booleans, and 1.0, too."""

    info_text = "a whole number"

    def validate(self, obj: Any, value: Any) -> int:
        """Return the number as an int, or raise a TraitError that names the trait."""
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            _refuse(self, obj, value)
        return int(super().validate(obj, int(value)))


class Number(Float):  # type: ignore[type-arg]
    """A finite number from min to max; traitlets' own takes Booleans, NaN and infinity too."""

    info_text = "a finite number"

    def validate(self, obj: Any, value: Any) -> float:
        """Return the number as a float, or raise a TraitError that names the trait."""
        real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if not real or not np.isfinite(float(value)):
            _refuse(self, obj, value)
        number = float(value)
        if not self.min <= number <= self.max:
            raise TraitError(f"{self.name} is {number}, expected a number from {self.min:g} to {self.max:g}")
        return number


class Text(Unicode):  # type: ignore[type-arg]
    """A text; traitlets' own takes bytes too, and half of a surrogate pair, which no page could be sent."""

    info_text = "a text"

    def validate(self, obj: Any, value: Any) -> str:
        """Return the text, or raise a TraitError that names the trait."""
        whole = isinstance(value, str) and (value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value))
        return str(value) if whole else str(_refuse(self, obj, value))


class Texts(List):  # type: ignore[type-arg]
    """A list of texts; traitlets' own makes a list of one text. With `names`, so many short names that differ."""

    info_text = "a list of texts"

    def __init__(self, names: tuple[int, ...] = (), **kwargs: Any) -> None:
        super().__init__(Text(), **kwargs)
        self.names = names
        self.tag(rule={"kind": "list", "of": {"kind": "text"}})

    def set(self, obj: Any, value: Any) -> None:
        """Set the list, or raise a TraitError that names the trait."""
        if isinstance(value, str):
            _refuse(self, obj, value)
        super().set(obj, value)

    def validate(self, obj: Any, value: Any) -> list[str]:
        """Return the list, or raise a TraitError that names the trait."""
        texts: list[str] = super().validate(obj, value) or []
        if not self.names:
            return texts
        if len(texts) not in self.names:
            to = " to ".join(str(count) for count in sorted({self.names[0], self.names[-1]}))
            raise TraitError(f"{self.name} has {len(texts)} names, expected {to}")
        if any(not text.strip() for text in texts):
            raise TraitError(f"{self.name} contains an empty name, expected a short name for each action")
        if len(set(texts)) < len(texts):
            raise TraitError(f"{self.name} is {texts}, expected names that differ")
        return texts


class Constant(Dict):
    """What every lab of a class shows; each lab has a copy, so that an edit in place reaches no other."""

    def make_dynamic_default(self) -> dict[str, Any]:
        """Return a copy, deep, of what it was declared with."""
        return deepcopy(super().make_dynamic_default() or {})


class Numbers(TraitType[list[float], Any]):
    """A list of finite numbers within bounds; takes any one-dimensional sequence, NumPy arrays too."""

    info_text = "a list of finite numbers"

    def __init__(self, low: float, high: float, lengths: tuple[int, ...] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high, self.lengths = low, high, lengths
        self.tag(rule={"kind": "numbers", "low": low, "high": high, "lengths": list(lengths)})

    def make_dynamic_default(self) -> list[float]:
        """Start empty."""
        return []

    def validate(self, obj: Any, value: Any) -> list[float]:
        """Return the value as a list of floats, or raise a TraitError that names the trait."""
        try:
            array = arguments.rectangular(str(self.name), value)
        except TypeError as error:
            raise TraitError(str(error)) from None
        except ValueError:
            array = np.array(None)
        if array.dtype.kind not in "iuf":
            raise TraitError(f"{self.name} is {arguments.said(value)}, expected a list of numbers")
        numbers = array.astype(np.float64)
        if numbers.ndim != 1:
            raise TraitError(f"{self.name} has shape {numbers.shape}, expected one number for each action")
        if self.lengths and numbers.size not in self.lengths:
            raise TraitError(
                f"{self.name} has {numbers.size} entries, expected {min(self.lengths)} to {max(self.lengths)}"
            )
        if not np.all((numbers >= self.low) & (numbers <= self.high)):
            wrong = numbers[~((numbers >= self.low) & (numbers <= self.high))][0]
            raise TraitError(f"{self.name} contains {wrong}, expected numbers from {self.low:g} to {self.high:g}")
        return [float(x) for x in numbers]


class Lab(anywidget.AnyWidget):  # type: ignore[misc]
    """A widget that is also shown where no Python is behind it, and as picture or text where widgets cannot run.

    same_length: the names of traits that have one entry for each action (or step); untrusted data must obey it;
    offline_note: what stands under the lab while no Python is behind it.

    What `reset` brings back is kept when the lab is made: `logits` where there is a trait `initial_logits`, and in a
    trait `initial`, a Dict, the traits that its tag `of` names.
    """

    same_length: ClassVar[tuple[str, ...]] = ()
    offline_note: ClassVar[str] = "This lab is not connected to Python until you run the cell."
    from_page: frozenset[str] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep the kernel from echoing what the page sends: an echo that comes late would undo a drag."""
        super().__init_subclass__(**kwargs)
        for trait in vars(cls).values():
            if isinstance(trait, TraitType) and trait.metadata.get("sync"):
                trait.tag(echo_update=False)

    def __init__(self, **traits: Any) -> None:
        kept = {f"initial_{name}": value for name, value in traits.items() if self.has_trait(f"initial_{name}")}
        super().__init__(**traits, **kept)
        if self.has_trait("initial"):
            self.set_trait("initial", {name: getattr(self, name) for name in self.trait_metadata("initial", "of")})

    def reset(self) -> None:
        """Go back to how the lab began, as the button *reset* does."""
        with self.hold_trait_notifications():
            for name in self.traits():
                if self.has_trait(f"initial_{name}"):
                    self.set_trait(name, getattr(self, f"initial_{name}"))
            for name, value in getattr(self, "initial", {}).items():
                self.set_trait(name, value)

    def alt_text(self) -> str:
        """Return what the first frame shows, in words."""
        raise NotImplementedError

    def first_frame(self) -> bytes:
        """Return the first frame as PNG bytes; none where the page says more than a picture."""
        raise NotImplementedError

    def page(self) -> str:
        """Return the lab as HTML for pages without widgets; nothing where the picture says it."""
        return ""

    @observe("predictions")  # a lab that asks for predictions has this trait
    def _remember_prediction(self, change: Any) -> None:
        if len(change["new"]) > len(change["old"] or []):
            from course_utils import progress

            progress.record_prediction(type(self).__name__, change["new"][-1])

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what the page says; meanwhile `from_page` names the traits in it, which are not Python's to change."""
        self.from_page = frozenset(sync_data)
        try:
            super().set_state(sync_data)
        finally:
            self.from_page = frozenset()

    def __repr__(self) -> str:
        """Return the alt text: the same in each run, without an address."""
        return self.alt_text()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = super()._repr_mimebundle_(**kwargs)
        data: Mapping[str, Any] = bundle[0] if isinstance(bundle, tuple) else (bundle or {})
        alt = self.alt_text()
        shown = {"text/html": self.page(), "image/png": self.first_frame()}
        shown = {kind: content for kind, content in shown.items() if content}
        return (
            {**data, offline.MIME_TYPE: offline.stored(self), "text/plain": alt, **shown},
            {"image/png": {"alt": alt}} if "image/png" in shown else {},
        )


class SampledLab(Lab):
    """A lab with samples: `seed` and `draw`, how often they were drawn anew, say which."""

    seed = Whole(0, min=0, max=2**32 - 1).tag(sync=True)
    draw = Whole(0, min=0).tag(sync=True)

    def draw_again(self) -> None:
        """Draw all samples anew, as the button does."""
        self.draw += 1

    def reset(self) -> None:
        """Go back to how the lab began and to its first samples, as the button *reset* does."""
        with self.hold_trait_notifications():
            super().reset()
            self.draw = 0


def labs_in(widget: Any) -> list[Lab]:
    """Return the labs among what a box, tab or accordion holds, in order, also inside of boxes that it holds."""
    if isinstance(widget, Lab):
        return [widget]
    return [lab for child in getattr(widget, "children", ()) for lab in labs_in(child)]


def _show_boxes() -> None:
    """Let a learner's own box of labs store the data of its labs too: a box by itself is nothing without Python."""
    shell = get_ipython()
    if shell is not None:
        shell.display_formatter.mimebundle_formatter.for_type(Box, _box_bundle)


def _box_bundle(box: Box, include: Any = None, exclude: Any = None) -> Any:
    from course_utils.widgets import offline

    bundle, labs = box._repr_mimebundle_(include=include, exclude=exclude), labs_in(box)
    if not labs or not bundle:
        return bundle
    stored = {"labs": [offline.stored(lab) for lab in labs]}
    return {**bundle, offline.MIME_TYPE: stored, "text/plain": "\n".join(lab.alt_text() for lab in labs)}


_show_boxes()
