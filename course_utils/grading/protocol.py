"""Values as text, between the grader and the student's code: plain data only, and never more than stated.

A value is None, a bool, a number, a text, a list, a tuple, a dict with texts as keys, an array of numbers, a Seed, or
the Handle of an environment. As JSON, a tuple is ``{"tuple": […]}``, a dict ``{"dict": {…}}``, an array ``{"array":
"<f8", "shape": [2, 3], "data": base64}`` (with ``"scalar": true`` where it is a number of NumPy's), a seed ``{"seed":
7}``, and a handle ``{"environment": 0}``.

Whatever comes in, the answer is a value or a ProtocolError with a sentence: nothing is unpickled or evaluated.
This file is also there where the student's code runs, so it imports Python, NumPy and ``played`` alone.
"""

import base64
import json
import math
from typing import Any

import numpy as np

try:
    from course_utils.checks.played import Handle, Seed
except ModuleNotFoundError:
    from played import Handle, Seed  # type: ignore[import-not-found, no-redef]

__all__ = ["ProtocolError", "decode", "encode"]


DTYPES = ("|b1", "|i1", "|u1", *(f"<{kind}{size}" for kind in "iu" for size in (2, 4, 8)), "<f2", "<f4", "<f8")
DEPTH = 40  # of lists in lists
MOST_TEXT = 32 * 2**20  # characters of one message
MOST_PARTS = 5 * 10**5  # of lists and dicts together: read in a few seconds at most
BITS = 1024  # of a whole number
TAGS = (
    {"tuple"},
    {"dict"},
    {"seed"},
    {"environment"},
    {"array", "shape", "data"},
    {"array", "shape", "data", "scalar"},
)


class ProtocolError(ValueError):
    """A value that cannot be passed on, or a text that is none."""


def encode(value: Any) -> str:
    """Return a value as JSON in one line of ASCII; raise ProtocolError where it is none of those above."""
    text = json.dumps(_plain(value, 0), separators=(",", ":"))
    if len(text) > MOST_TEXT:
        raise ProtocolError(f"this is a message of {len(text)} characters, expected {MOST_TEXT} at most")
    return text


def decode(text: str | bytes, finite: bool = False) -> Any:
    """Return the value that a text stands for; raise ProtocolError where it is none.

    finite: refuse NaN and inf.
    """
    if len(text) > MOST_TEXT:
        raise ProtocolError(f"this is a message of {len(text)} characters, expected {MOST_TEXT} at most")
    try:
        text = text.decode("utf-8") if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        raise ProtocolError("this is not a text in UTF-8") from None
    if text.count(",") + text.count("[") + text.count("{") > MOST_PARTS:
        raise ProtocolError(f"this is a message of more than {MOST_PARTS} parts")
    try:
        plain = json.loads(text, object_pairs_hook=_once, parse_int=_whole)
    except ProtocolError:
        raise
    except (ValueError, RecursionError):
        raise ProtocolError("this is not JSON") from None
    return _value(plain, finite, 0)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ProtocolError("a key stands twice in one object")
    return found


def _whole(digits: str) -> int:
    if len(digits) > BITS:  # decimal digits: far above, and short enough to be read
        raise ProtocolError(f"this is a whole number of {len(digits)} digits")
    return _checked_int(int(digits))


def _checked_int(value: int) -> int:
    if value.bit_length() > BITS:
        raise ProtocolError(f"this is a whole number of {value.bit_length()} bits, expected {BITS} at most")
    return value


def _checked_text(text: str) -> str:
    if len(text) > MOST_TEXT:
        raise ProtocolError(f"this is a text of {len(text)} characters, expected {MOST_TEXT} at most")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ProtocolError("a text holds half of a surrogate pair") from None
    return text


# --- to JSON -----------------------------------------------------------------------------------------


def _plain(value: Any, depth: int) -> Any:
    if depth > DEPTH:
        raise ProtocolError(f"lists stand in lists, more than {DEPTH} deep")
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind is int:
        return _checked_int(value)
    if kind is str:
        return _checked_text(value)
    if kind is np.float64 or kind is np.bool_:
        return value.item()
    if kind is list:
        return [_plain(entry, depth + 1) for entry in value]
    if kind is tuple:
        return {"tuple": [_plain(entry, depth + 1) for entry in value]}
    if kind is dict:
        if not all(type(key) is str for key in value):
            raise ProtocolError("a dict has a key that is not a text")
        return {"dict": {_checked_text(key): _plain(entry, depth + 1) for key, entry in value.items()}}
    if kind is np.ndarray:
        return _plain_array(value)
    if isinstance(value, np.generic):
        return {**_plain_array(np.asarray(value)), "scalar": True}
    if kind is Seed:
        return {"seed": _checked_int(value.number)}
    if kind is Handle:
        return {"environment": _checked_int(value.number)}
    raise ProtocolError(f"an object of type {kind.__name__} cannot be passed on")


def _plain_array(array: Any) -> dict[str, Any]:
    ordered = array.astype(array.dtype.newbyteorder("<"), copy=False)
    if ordered.dtype.str not in DTYPES:
        raise ProtocolError(f"an array of dtype {array.dtype} cannot be passed on")
    if array.nbytes > MOST_TEXT:
        raise ProtocolError(f"an array of shape {array.shape} is too large")
    data = base64.b64encode(ordered.tobytes()).decode()
    return {"array": ordered.dtype.str, "shape": list(array.shape), "data": data}


# --- from JSON ---------------------------------------------------------------------------------------


def _value(plain: Any, finite: bool, depth: int) -> Any:
    if depth > DEPTH:
        raise ProtocolError(f"lists stand in lists, more than {DEPTH} deep")
    if isinstance(plain, str):
        return _checked_text(plain)
    if isinstance(plain, list):
        return [_value(entry, finite, depth + 1) for entry in plain]
    if isinstance(plain, dict):
        return _tagged(plain, finite, depth)
    if finite and isinstance(plain, float) and not math.isfinite(plain):
        raise ProtocolError(f"a number is {plain}")
    return plain


def _tagged(plain: dict[str, Any], finite: bool, depth: int) -> Any:
    if set(plain) not in TAGS:
        raise ProtocolError("an object has other keys than those of a value")
    if "array" in plain:
        return _array(plain["array"], plain["shape"], plain["data"], plain.get("scalar", False), finite)
    content: Any
    ((tag, content),) = plain.items()
    kinds: Any = {"tuple": list, "seed": int, "environment": int}
    if not isinstance(content, kinds.get(tag, dict)) or isinstance(content, bool):
        raise ProtocolError(f"what stands under {tag!r} is of the wrong kind")
    if tag in ("seed", "environment"):
        if content < 0:
            raise ProtocolError(f"what stands under {tag!r} is not a whole number that is 0 or larger")
        return Seed(content) if tag == "seed" else Handle(content)
    if tag == "tuple":
        return tuple(_value(entry, finite, depth + 1) for entry in content)
    return {_checked_text(key): _value(entry, finite, depth + 1) for key, entry in content.items()}


def _array(dtype: Any, shape: Any, data: Any, scalar: Any, finite: bool) -> Any:
    if dtype not in DTYPES:
        raise ProtocolError("an array has a dtype that is not one of numbers")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 32:
        raise ProtocolError("the shape of an array is not a list of lengths")
    if math.prod(n for n in shape if n) > MOST_TEXT:  # also beside a length of 0: a sum over that axis is as long
        raise ProtocolError("an array has a shape that cannot be")
    if not isinstance(data, str) or type(scalar) is not bool or (scalar and shape):
        raise ProtocolError("an array is not written as an array")
    try:
        content = base64.b64decode(data, validate=True)
    except ValueError:
        raise ProtocolError("the numbers of an array are not in base64") from None
    if len(content) != math.prod(shape) * np.dtype(dtype).itemsize:
        raise ProtocolError("an array has more or fewer numbers than its shape says")
    if dtype == "|b1" and content.strip(b"\x00\x01"):
        raise ProtocolError("a truth value is neither true nor false")
    array = np.frombuffer(content, dtype).reshape(shape).copy()
    if finite and not np.isfinite(array).all():
        raise ProtocolError("an array holds NaN or inf")
    return array[()] if scalar else array
