"""Argument checks shared by the numeric floor.

Every public function begins with these. A message names the argument, what was got and what was wanted:
``ValueError: advantages has shape (4,), expected (5,) to match actions``. Wrong kinds of data (text, Booleans,
complex numbers, fractional actions) raise TypeError; wrong shapes and values raise ValueError.
"""

from __future__ import annotations  # numpy.random, named in annotations, is slow to load

import inspect
import math
import sys
from collections.abc import Callable, Collection, Sequence
from functools import wraps
from types import UnionType
from typing import Any, ParamSpec, TypeVar, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["OverflowValueError", "action_axis", "action_indices", "all_finite", "cast", "choice", "count"]
__all__ += ["deviation", "discount_steps", "finite_result", "flag", "floats", "frozen", "function", "generator"]
__all__ += ["indices", "instance", "logits_rows", "no_overflow", "number", "positive", "record", "rectangular"]
__all__ += ["require", "said", "scalar_or", "shape", "shares", "spread", "time_axis", "typed", "whole", "within"]


FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

LARGEST_RECORD = 22_000_000  # entries of each array of a record: some 40 bytes for each in all, so 1 GB
_LARGEST_COUNT = 10_000_000  # of updates, runs, episodes, … that no other limit is given for
_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_ROUNDING = 4096  # units in the last place of the numbers that went in: a spread below it is none


def floats(**values: ArrayLike) -> list[FloatArray]:
    """Turn the named values into finite arrays of one dtype, in the order given.

    The dtype is float32 when at least one array is float32 and none is of another floating type, otherwise
    float64. Integers are converted; scalars follow the arrays. An argument whose name ends in ``logits`` may
    hold −inf, a forbidden action; any other NaN or infinity is an error.

    Raises:
        TypeError: a value is not made of real numbers (Booleans, complex numbers, text and objects are not).
        ValueError: a value is ragged, empty or not finite, or does not fit the dtype.
    """
    arrays = [_numbers(name, value) for name, value in values.items()]
    dtype = _common(arrays)
    return [_finite(name, array, dtype) for name, array in zip(values, arrays, strict=True)]


def cast(**values: ArrayLike) -> list[FloatArray]:
    """Turn the named values into arrays as ``floats`` does, and leave it to the caller to see NaN and infinity.

    They come out of every equation that they go into. So a caller looks at its result, and asks ``floats`` for the
    name of the guilty argument where it is not finite. The arrays may be those that went in: do not change them.
    """
    arrays = [
        value if type(value) is np.ndarray and value.dtype.char in "df" and value.size else _numbers(name, value)
        for name, value in values.items()
    ]
    dtype = _common(arrays)
    if all(array.dtype == dtype for array in arrays):
        return arrays
    with np.errstate(over="ignore"):
        return [array.astype(dtype, copy=False) for array in arrays]


def _common(arrays: Sequence[NDArray[Any]]) -> np.dtype[Any]:
    """Return float32 where at least one array is float32 and none is of another floating type, otherwise float64."""
    kinds = {array.dtype.char for array in arrays if array.ndim and array.dtype.kind == "f"}
    return _FLOAT32 if kinds == {"f"} else _FLOAT64


def number(name: str, value: ArrayLike, low: float = -np.inf, high: float = np.inf) -> float:
    """Return a single finite number in [low, high] as a float.

    Raises:
        TypeError: it is not a real number.
        ValueError: it is an array with axes, not finite, or out of range.
    """
    if type(value) is float and low <= value <= high and math.isfinite(value):
        return value
    (array,) = floats(**{name: value})
    if array.ndim:
        raise ValueError(f"{name} has shape {array.shape}, expected a single number")
    within(name, array, low, high)
    return float(array)


def positive(name: str, value: ArrayLike) -> float:
    """Return a single finite number above 0 as a float; TypeError or ValueError as for ``number``."""
    result = number(name, value)
    if result <= 0:
        raise ValueError(f"{name} is {said(value)}, expected a positive number")
    return result


def whole(name: str, value: object, low: int, high: int | None = None) -> int:
    """Return a whole number of at least ``low``, and at most ``high``, as an int.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is too small or too large.
    """
    wanted = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"
    if isinstance(value, (bool, np.timedelta64)) or not isinstance(value, (int, np.integer)):  # both are kinds of int
        raise TypeError(f"{name} is {said(value)}, expected {wanted}")
    if value < low or (high is not None and value > high):
        raise ValueError(f"{name} is {said(value)}, expected {wanted}")
    return int(value)


def count(name: str, value: object, low: int = 1, high: int = _LARGEST_COUNT) -> int:
    """Return how many of something are wanted: a whole number that fits into memory; errors as for ``whole``."""
    result = whole(name, value, low)
    return whole(name, value, low, high) if result > high else result


def flag(name: str, value: object) -> bool:
    """Return a Boolean; TypeError for anything else: "False", 0 and None are not False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {said(value)}, expected True or False")
    return bool(value)


def choice(name: str, value: object, choices: Collection[str]) -> str:
    """Return one of the texts; ValueError for anything else."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} is {said(value)}, expected one of {', '.join(map(repr, choices))}")
    return value


def instance(name: str, value: object, kind: type[T]) -> T:
    """Return an object of this class; TypeError for anything else."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} is {type(value).__name__}, expected {kind.__name__}")
    return value


def logits_rows(name: str, logits: FloatArray) -> None:
    """Require at least one axis, the actions, and one allowed action in every row."""
    action_axis(name, logits)
    rows = np.asarray((logits > -np.inf).any(axis=-1))
    if not rows.all():
        row = _index(~rows)
        raise ValueError(f"{name}{row or ''} is -inf for every action, expected at least one allowed action")


def action_axis(name: str, logits: FloatArray) -> None:
    """Require at least one axis, the actions."""
    if logits.ndim == 0:
        raise ValueError(f"{name} has shape (), expected (..., n) with the actions on the last axis")


def action_indices(actions: ArrayLike, logits: FloatArray, *, allowed_only: bool = False) -> IntArray:
    """Return the actions as indices, one for each row of logits.

    Raises:
        TypeError: the actions are not integers.
        ValueError: wrong shape, out of range, or (with ``allowed_only``) an action whose logit is −inf.
    """
    match = "logits without their last axis"
    chosen = indices("actions", actions, logits.shape[-1], "an action", logits.shape[:-1], match)
    if allowed_only:
        taken = np.take_along_axis(logits, chosen[..., None], axis=-1)[..., 0]
        require("actions", chosen, np.asarray(taken > -np.inf), "an action that logits allow (its logit is -inf)")
    return chosen


def indices(
    name: str, value: ArrayLike, n: int, what: str, expected: tuple[int, ...] | None = None, match: str = ""
) -> IntArray:
    """Return indices below n of things that a message calls ``what``, of the expected shape if there is one.

    Raises:
        TypeError: they are not integers.
        ValueError: none at all, wrong shape, below 0 or too large.
    """
    array = _numbers(name, value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}, expected integers")
    if expected is not None:
        shape(name, array, expected, match)
    chosen: IntArray = np.asarray(array, dtype=np.intp)
    if chosen.view(np.uintp).max() >= n or chosen is not array:  # an index below 0 is a very large one without sign
        require(name, array, (array >= 0) & (array < n), f"{what} from 0 to {n - 1}")
    return chosen


def shares(name: str, value: ArrayLike, expected: tuple[int, ...], match: str) -> FloatArray:
    """Return weights to sample with: none below 0, and a positive sum; TypeError or ValueError for others."""
    (array,) = floats(**{name: value})
    shape(name, array, expected, match)
    within(name, array, 0.0, np.inf)
    largest = array.max()
    if not largest:
        raise ValueError(f"{name} are all 0, expected a positive sum")
    result: FloatArray = array / largest  # so that no sum overflows; only their proportions count
    return result


def record(rewards: ArrayLike, discounts: ArrayLike, values: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return rewards, discounts and values of one dtype, whose shapes go together; NaN and inf are let through."""
    rewards, discounts, values = cast(rewards=rewards, discounts=discounts, values=values)
    discounts = discount_steps(rewards, discounts)
    expected = (*rewards.shape[:-1], rewards.shape[-1] + 1)
    shape("values", values, expected, "rewards and one bootstrap value after the last step")
    return rewards, discounts, values


def discount_steps(rewards: FloatArray, discounts: FloatArray) -> FloatArray:
    """Return discounts of the shape of rewards, which must have a time axis."""
    time_axis("rewards", rewards)
    within("discounts", discounts, 0.0, 1.0)
    return spread("discounts", discounts, rewards.shape, "rewards")


def rectangular(name: str, value: object) -> NDArray[Any]:
    """Return an array, of any dtype; nested lists of unequal length and masked arrays are an error."""
    if "numpy.ma" in sys.modules and _masked(value):  # who has not loaded it has no masked arrays
        raise TypeError(f"{name} is a masked array, whose mask would be lost: expected an array, such as x.filled(0)")
    try:
        return np.asarray(value)
    except Exception as error:  # an object's own __array__ may raise anything
        raise ValueError(f"{name} is {said(value)}, expected a rectangular array of numbers") from error


def time_axis(name: str, array: FloatArray) -> None:
    """Require at least one axis, time, the last."""
    if array.ndim == 0:
        raise ValueError(f"{name} has shape (), expected (..., T) with time on the last axis")


def shape(name: str, array: NDArray[Any], expected: tuple[int, ...], match: str) -> None:
    """Require the expected shape, which follows from ``match``."""
    if array.shape != expected:
        raise ValueError(f"{name} has shape {array.shape}, expected {expected} to match {match}")


def spread(name: str, array: FloatArray, expected: tuple[int, ...], match: str) -> FloatArray:
    """Return the array with the expected shape; a scalar counts for every entry, nothing else broadcasts."""
    scalar_or(name, array, expected, match)
    return array if array.shape == expected else np.broadcast_to(array, expected)


def scalar_or(name: str, array: FloatArray, expected: tuple[int, ...], match: str) -> None:
    """Require a scalar, or the expected shape."""
    if array.ndim and array.shape != expected:
        raise ValueError(f"{name} has shape {array.shape}, expected a scalar or {expected} to match {match}")


def within(name: str, array: FloatArray, low: float, high: float) -> None:
    """Require every entry to be in [low, high]."""
    if array.min() >= low and array.max() <= high:
        return
    require(name, array, np.isfinite(array), "a finite number")
    wanted = f"a number in [{low:g}, {high:g}]" if np.isfinite(high) else f"a number of at least {low:g}"
    require(name, array, np.asarray((array >= low) & (array <= high)), wanted)


def require(name: str, array: NDArray[Any], fine: BoolArray, wanted: str) -> None:
    """Require ``fine`` to hold everywhere; the message shows the first entry where it does not."""
    if not fine.all():
        index = _index(~fine)
        got = array[tuple(index)] if index else array[()]
        raise ValueError(f"{name}{index or ''} is {got}, expected {wanted}")


def generator(rng: object) -> np.random.Generator:
    """Require a numpy.random.Generator."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is {type(rng).__name__}, expected numpy.random.Generator (default_rng(seed))")
    return rng


def function(name: str, value: object, what: str) -> None:
    """Require something that can be called, and is no class; TypeError for anything else."""
    if not callable(value) or isinstance(value, type):
        raise TypeError(f"{name} is {type(value).__name__}, expected {what}")


def said(value: object) -> str:
    """Return what a message says of a value: its repr, cut where it is long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a repr may fail, and an int may have too many digits for one
        text = f"of type {type(value).__name__}"
    return text if len(text) <= 200 else f"{text[:150]} … {text[-40:]}"


def deviation(array: FloatArray, magnitude: float | None = None) -> float:
    """Return the standard deviation, and exactly 0 for numbers that differ by no more than rounding.

    What rounding is depends on the size of the numbers, or of those that they were computed from: ``magnitude``.
    """
    largest = float(np.abs(array).max())
    size = largest if magnitude is None else magnitude
    with np.errstate(over="ignore", under="ignore"):
        sd = float(array.std())
    if largest and not 1e-150 < sd < 1e150:  # the squares may have overflowed, or have rounded to 0
        sd = float((array / largest).std()) * largest
    return sd if sd > _ROUNDING * float(np.finfo(array.dtype).eps) * size else 0.0


def all_finite(array: NDArray[Any]) -> bool:
    """Say whether every entry is a finite number: their sum says it, unless that overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(array.sum()) or bool(np.isfinite(array).all())


def finite_result(result: T, *looked_at: float | NDArray[Any], names: str = "", **values: ArrayLike) -> T:
    """Return a result that is finite; else raise the error of the argument that is not, or of an overflow.

    result: of an equation that let NaN and infinity through; looked_at: what of it holds any of them, the result itself
    where nothing is given; names: of the arguments that may be too large, all where nothing is given.
    """
    parts = looked_at or (result,)
    if not all(math.isfinite(part) if isinstance(part, float) else all_finite(np.asarray(part)) for part in parts):
        for name, array in zip(values, floats(**values), strict=True):
            if name.endswith("logits"):
                logits_rows(name, array)
        raise OverflowValueError(names or ", ".join(values), _common([_numbers(n, v) for n, v in values.items()]))
    return result


def frozen(value: T) -> T:
    """Make the arrays of a tuple read-only, also those of tuples in it, and return it."""
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    elif isinstance(value, tuple):
        for part in value:
            frozen(part)
    return value


def typed(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function refuse, with a TypeError, what is of another class than it is annotated with.

    It looks at classes of this course, texts, paths and Booleans; a bool takes no 0, no None and no "False".
    """
    names = list(inspect.signature(function).parameters)
    kinds = {}
    for name, hint in inspect.get_annotations(function).items():
        classes = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        if name != "return" and all(map(_is_checked, classes)):
            kinds[name] = (*classes, np.bool_) if bool in classes else classes

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in (*zip(names, args, strict=False), *kwargs.items()):
            if name in kinds and not isinstance(value, kinds[name]):
                wanted = [c.__name__ for c in kinds[name] if c not in (type(None), np.bool_)]
                if "bool" in wanted:
                    flag(name, value)
                raise TypeError(f"{name} is {type(value).__name__}, expected {' or '.join(wanted)}")
        return function(*args, **kwargs)

    return checked


class OverflowValueError(ValueError):
    """A result too large for its dtype."""

    def __init__(self, names: str, dtype: np.dtype[Any]) -> None:
        """Say which arguments are too large, and remember the dtype."""
        super().__init__(f"{names} overflow {dtype}: the result is not finite, expected smaller numbers")
        self.dtype = dtype


def no_overflow(names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function raise a ValueError that names its arguments where its result would be inf or NaN."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                    result = function(*args, **kwargs)
                for part in result if isinstance(result, tuple) else (result,):
                    if not all_finite(np.asarray(part)):
                        raise OverflowValueError(names, np.asarray(part).dtype)
            except OverflowValueError as error:  # perhaps from a function inside, which names other arguments
                raise OverflowValueError(names, error.dtype) from None
            return result

        return checked

    return decorate


def _masked(value: object, depth: int = 0) -> bool:
    """Say whether it is a masked array, or a list with one in it."""
    if isinstance(value, (list, tuple)) and depth < 64:  # no array has more axes
        return any(_masked(part, depth + 1) for part in value if not isinstance(part, (int, float)))
    return isinstance(value, np.ma.MaskedArray)


def _is_checked(kind: object) -> bool:
    """Say whether ``typed`` asks for this class."""
    if not isinstance(kind, type) or get_args(kind):
        return False
    return kind in (bool, str, type(None)) or kind.__module__.startswith(("course_utils", "pathlib"))


def _numbers(name: str, value: ArrayLike) -> NDArray[Any]:
    """Return a non-empty array of integers or floats."""
    array = rectangular(name, value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} has dtype {array.dtype}, expected real numbers (integer or floating)")
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {array.shape}), expected at least one entry")
    return array


def _finite(name: str, array: NDArray[Any], dtype: np.dtype[Any]) -> FloatArray:
    """Convert to the dtype; require finite entries before and after, or −inf in logits."""
    forbidden = array == -np.inf if name.endswith("logits") else np.zeros(array.shape, bool)
    wanted = "a finite number" + (" or -inf (a forbidden action)" if name.endswith("logits") else "")
    require(name, array, np.asarray(np.isfinite(array) | forbidden), wanted)
    with np.errstate(over="ignore"):
        converted = array.astype(dtype)
    require(name, array, np.asarray(np.isfinite(converted) | forbidden), f"a number that fits {dtype}")
    return converted


def _index(wrong: BoolArray) -> list[int]:
    """Return the index of the first True, as a list so that it prints as in name[0, 2]."""
    return [int(i) for i in np.argwhere(wrong)[0]]
