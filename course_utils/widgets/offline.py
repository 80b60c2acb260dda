"""A lab's setting as plain data, for viewers that show the lab without Python (offline.js).

The data carries numbers, names and modes. Code, styles and whatever becomes HTML are never in it: the viewer
takes them from the installed package, and checks each value against the rules that the lab's traits imply.
"""

import importlib
from pathlib import Path
from typing import Any

from ipywidgets import DOMWidget
from traitlets import Bool, Dict, Enum, Float, Int, TraitType, Unicode

__all__ = ["description", "labs", "name", "rules", "stored", "traits"]


MIME_TYPE = "application/vnd.policy-gradient-course.lab+json"
LARGEST = 2.0**53  # bound of numbers whose trait has none


def labs() -> dict[str, type[DOMWidget]]:
    """Return the labs that run in the browser, by name: each has a Python and a JavaScript file of that name.

    What labs share has such files too, but no ES module that could be shown.
    """
    names = [path.stem for path in sorted(Path(__file__).parent.glob("*.js")) if path.with_suffix(".py").is_file()]
    modules = {key: vars(importlib.import_module(f"course_utils.widgets.{key}")) for key in names}
    return {
        key: value
        for key, module in modules.items()
        for value in module.values()
        if isinstance(value, type)
        and issubclass(value, DOMWidget)
        and value.__module__ == module["__name__"]
        and "_esm" in vars(value)
    }


def name(lab: type[DOMWidget]) -> str:
    """Return the lab's name, which is that of its module; a learner's subclass has the name of the course's lab."""
    module = next(c.__module__ for c in lab.__mro__ if c.__module__.startswith("course_utils.widgets."))
    return module.rsplit(".", 1)[-1]


def rules(lab: type[DOMWidget]) -> dict[str, dict[str, Any]]:
    """Return what each trait's stored value may be; traits that no stored value may set are left out."""
    return {key: rule for key, trait in traits(lab).items() if (rule := _rule(trait)) is not None}


def traits(lab: type[DOMWidget]) -> dict[str, TraitType[Any, Any]]:
    """Return the lab's own synced traits, without those that every widget has."""
    of_widgets = set(DOMWidget.class_trait_names())
    synced = sorted(lab.class_traits(sync=True).items())
    return {key: trait for key, trait in synced if key not in of_widgets and not key.startswith("_")}


def _rule(trait: TraitType[Any, Any]) -> dict[str, Any] | None:
    if "rule" in trait.metadata:
        return dict(trait.metadata["rule"])
    if isinstance(trait, Int | Float):
        low = -LARGEST if trait.min is None else max(trait.min, -LARGEST)
        high = LARGEST if trait.max is None else min(trait.max, LARGEST)
        return {"kind": "number", "low": low, "high": high, "whole": isinstance(trait, Int)}
    if isinstance(trait, Enum):
        return {"kind": "choice", "values": list(trait.values or ())}
    if isinstance(trait, Bool):
        return {"kind": "flag"}
    if isinstance(trait, Unicode):
        return {"kind": "text"}
    if isinstance(trait, Dict) and trait.name == "initial":  # what *reset* brings back: some of the other traits
        return {"kind": "initial"}
    return None


def stored(lab: DOMWidget) -> dict[str, Any]:
    """Return the lab's name and setting as JSON: what is the same on each processor, and after JupyterLab has saved it.

    So floats carry 12 digits, and whole ones are integers, since JavaScript knows no other.
    """
    return {"lab": name(type(lab)), "state": {key: _rounded(getattr(lab, key)) for key in rules(type(lab))}}


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, float):
        rounded = float(f"{value:.12g}")
        return int(rounded) if rounded.is_integer() else rounded
    return value


def description(lab: type[DOMWidget]) -> dict[str, Any]:
    """Return what offline.js must know of a lab: style, rules, the values that only the package sets, and the note."""
    first = lab()
    known = rules(lab)
    return {
        "style": vars(lab)["_css"],
        "rules": known,
        "sameLength": list(lab.same_length),
        "note": lab.offline_note,
        "constants": {key: getattr(first, key) for key in traits(lab) if key not in known},
    }
