"""Argument checks shared by the numeric floor.

Every public function begins with these. A message names the argument, what was got and what was wanted:
``ValueError: advantages has shape (4,), expected (5,) to match actions``. Wrong kinds of data (text, Booleans,
complex numbers, fractional actions) raise TypeError; wrong shapes and values raise ValueError.
"""

from __future__ import annotations  # numpy.random, named in annotations, is slow to load

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]
P = ParamSpec("P")
R = TypeVar("R")


def floats(**values: ArrayLike) -> list[FloatArray]:
    """Turn the named values into finite arrays of one dtype, in the order given.

    The dtype is float32 when at least one array is float32 and none is of another floating type, otherwise
    float64. Integers are converted; scalars follow the arrays. An argument whose name ends in ``logits`` may
    hold −inf, a forbidden action; any other NaN or infinity is an error.

    Raises:
        TypeError: a value is not made of real numbers (Booleans, complex numbers, text and objects are not).
        ValueError: a value is ragged, empty or not finite, or does not fit the dtype.
    """
    arrays = {name: _numbers(name, value) for name, value in values.items()}
    kinds = {array.dtype for array in arrays.values() if array.ndim and array.dtype.kind == "f"}
    dtype = np.dtype(np.float32 if kinds == {np.dtype(np.float32)} else np.float64)
    return [_finite(name, array, dtype) for name, array in arrays.items()]


def number(name: str, value: ArrayLike, low: float = -np.inf, high: float = np.inf) -> float:
    """Return a single finite number in [low, high] as a float.

    Raises:
        TypeError: it is not a real number.
        ValueError: it is an array with axes, not finite, or out of range.
    """
    (array,) = floats(**{name: value})
    if array.ndim:
        raise ValueError(f"{name} has shape {array.shape}, expected a single number")
    within(name, array, low, high)
    return float(array)


def whole(name: str, value: object, low: int) -> int:
    """Return a whole number of at least ``low`` as an int.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is too small.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} is {value!r}, expected a whole number of at least {low}")
    if value < low:
        raise ValueError(f"{name} is {value}, expected a whole number of at least {low}")
    return int(value)


def logits_rows(name: str, logits: FloatArray) -> None:
    """Require at least one axis, the actions, and one allowed action in every row."""
    if logits.ndim == 0:
        raise ValueError(f"{name} has shape (), expected (..., n) with the actions on the last axis")
    rows = np.asarray((logits > -np.inf).any(axis=-1))
    if not rows.all():
        row = _index(~rows)
        raise ValueError(f"{name}{row or ''} is -inf for every action, expected at least one allowed action")


def action_indices(actions: ArrayLike, logits: FloatArray, *, allowed_only: bool = False) -> IntArray:
    """Return the actions as indices, one for each row of logits.

    Raises:
        TypeError: the actions are not integers.
        ValueError: wrong shape, out of range, or (with ``allowed_only``) an action whose logit is −inf.
    """
    array = _numbers("actions", actions)
    if array.dtype.kind not in "iu":
        raise TypeError(f"actions has dtype {array.dtype}, expected integers")
    shape("actions", array, logits.shape[:-1], "logits without their last axis")
    n = logits.shape[-1]
    require("actions", array, (array >= 0) & (array < n), f"an action from 0 to {n - 1}")
    indices = array.astype(np.intp)
    if allowed_only:
        taken = np.take_along_axis(logits, indices[..., None], axis=-1)[..., 0]
        require("actions", array, np.asarray(taken > -np.inf), "an action that logits allow (its logit is -inf)")
    return indices


def rectangular(name: str, value: object) -> NDArray[Any]:
    """Return an array, of any dtype; nested lists of unequal length are an error."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is {value!r}, expected a rectangular array of numbers") from error


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
    if array.ndim and array.shape != expected:
        raise ValueError(f"{name} has shape {array.shape}, expected a scalar or {expected} to match {match}")
    return np.broadcast_to(array, expected)


def within(name: str, array: FloatArray, low: float, high: float) -> None:
    """Require every entry to be in [low, high]."""
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
                with np.errstate(over="ignore", invalid="ignore"):
                    result = function(*args, **kwargs)
                for part in result if isinstance(result, tuple) else (result,):
                    if not np.isfinite(np.asarray(part)).all():
                        raise OverflowValueError(names, np.asarray(part).dtype)
            except OverflowValueError as error:  # perhaps from a function inside, which names other arguments
                raise OverflowValueError(names, error.dtype) from None
            return result

        return checked

    return decorate


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
