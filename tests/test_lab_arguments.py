"""The arguments of every lab: flags are Booleans, whole numbers whole, lists lists; a refusal names an argument."""

import inspect
import json

import numpy as np
import pytest
from traitlets import Dict, Enum, List, TraitError

from course_utils import widgets
from course_utils.widgets import offline
from course_utils.widgets.lab import Flag, Number, Numbers, Text, Texts, Whole

ARGUMENTS = [
    pytest.param(lab, name, parameter.default, id=f"{lab.__name__}-{name}")
    for lab in (getattr(widgets, name) for name in widgets.__all__)
    for name, parameter in inspect.signature(lab).parameters.items()
]
NO_NUMBERS = [True, np.True_, "0.5", b"1", None, [0.5], np.array(0.5), np.nan, np.inf]
NO_TEXTS = [0, True, None, b"a", ["a"]]
WRONG = {
    Flag: [0, 1.0, "True", None],
    Whole: [0.0, 1.0, np.float64(0), True, np.True_, "0", None],
    Number: NO_NUMBERS,
    Text: NO_TEXTS,
    Enum: [True, None, b"a", ["a"], "none of them"],
    Texts: [0, "abc", b"ab", {"a": 1}, [1], [None]],
}
LISTS = ("advantages", "logits", "actions", "quantities", "rewards", "probabilities")


@pytest.mark.long
@pytest.mark.parametrize(("lab", "name", "usual"), ARGUMENTS)
def test_an_argument_is_of_its_kind_or_refused_by_name(lab, name, usual):
    wrong = [object(), {1: 2}, 1j]
    if isinstance(usual, bool):
        wrong += ["False", "", 0, 1, None, np.array(True)]
        assert getattr(lab(**{name: np.bool_(usual)}), name) is usual
    elif isinstance(usual, int):
        wrong += [True, np.False_, -1, 0.9, 0.0, np.float64(1), np.array(1), np.nan, "1", None, [1], 10**30]
        assert getattr(lab(**{name: np.uint8(1)}), name) == 1
    elif isinstance(usual, float):
        wrong += NO_NUMBERS
        assert getattr(lab(**{name: np.float32(usual)}), name) == np.float32(usual)
    elif isinstance(usual, str):
        wrong += NO_TEXTS
    if name in LISTS:
        wrong += [0, 0.5, True, np.array(1.0), np.ma.masked, np.ma.array([0.5, 0.3, 0.2], mask=[0, 1, 0]), [1j] * 3]
        wrong += [[True, False, True], ["0.5", "0.3", "0.2"][: None if name != "actions" else 1]]
    for value in wrong:
        with pytest.raises((TypeError, ValueError, TraitError)) as caught:
            lab(**{name: value})
        assert any(argument in str(caught.value) for argument in inspect.signature(lab).parameters)


@pytest.mark.long
@pytest.mark.parametrize("lab", [getattr(widgets, name) for name in widgets.__all__])
def test_a_trait_takes_what_is_of_its_kind_alone(lab):
    one = lab()
    for name, trait in one.traits(sync=True).items():
        if name.startswith("_") or name in ("layout", "tabbable", "tooltip"):  # those of every widget
            continue
        assert isinstance(trait, (*WRONG, Numbers, Dict, List)), (
            f"{name} is a {type(trait).__name__}: what does it refuse?"
        )
        for value in WRONG.get(type(trait), []):
            with pytest.raises(TraitError, match=name):
                setattr(one, name, value)


def emptied(value):
    """Empty a dictionary or list, and all that it holds, in place."""
    if isinstance(value, dict | list):
        for part in [*value.values()] if isinstance(value, dict) else [*value]:
            emptied(part)
        value.clear()


@pytest.mark.parametrize("lab", [getattr(widgets, name) for name in widgets.__all__])
def test_what_is_changed_in_one_lab_reaches_no_other(lab):
    def state():
        return json.dumps(offline.stored(lab()), sort_keys=True)

    before, first = state(), lab()
    for name in first.traits(sync=True):
        if not name.startswith("_"):
            emptied(getattr(first, name))
    assert state() == before
