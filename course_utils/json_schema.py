"""Check a JSON data file against its schema and its further rules; each fault is told with file and line."""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from course_utils import data_files
from course_utils.data_files import DataFileError, JSONPath

__all__ = ["load"]

LONGEST_FAULT = 200  # characters of what the schema says
BOUNDS = {"min": "at least", "max": "at most"}  # the schema's minItems, maxLength and their like
COUNTED = {"Items": "entries", "Length": "characters", "Properties": "keys"}

Faults = Iterable[tuple[JSONPath, str]]


def load(path: Path, schema: Mapping[str, Any], rules: Callable[[dict[str, Any]], Faults]) -> dict[str, Any]:
    """Return a document as it stands in its file.

    Args:
        path: the file.
        schema: JSON Schema of such files.
        rules: yields the place and the reason of each fault that no schema can say.

    Raises:
        DataFileError: a file that cannot be read, or breaks the schema or a rule; it names file and line of every
            fault. A missing file is a FileNotFoundError too.
    """
    document, lines = data_files.document(path)
    faults = _against_schema(document, schema) or [*rules(document)]
    if faults:
        placed = sorted((_line(lines, where), f"{_spelled(where)}{reason}") for where, reason in faults)
        (line, first), *others = placed
        # Each further fault stands on a line of its own, after the file's name again.
        rest = "".join(f"\n{DataFileError(path, line, reason)}" for line, reason in others)
        raise DataFileError(path, line, first + rest)
    checked: dict[str, Any] = document
    return checked


def _line(lines: Mapping[JSONPath, int], where: JSONPath) -> int:
    while where not in lines:
        where = where[:-1]
    return lines[where]


def _spelled(where: JSONPath) -> str:
    spelled = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).removeprefix(".")
    return f"{spelled}: " if spelled else ""


def _jsonschema() -> Any:
    """Import jsonschema, without the checker of addresses that it would compile for seconds and no file here needs."""
    blocked = "rfc3987_syntax"
    if blocked not in sys.modules:
        sys.modules[blocked] = None  # type: ignore[assignment]  # its import fails, which jsonschema allows for
    try:
        import jsonschema  # type: ignore[import-untyped,unused-ignore]
    finally:
        if sys.modules[blocked] is None:
            del sys.modules[blocked]
    return jsonschema


def _against_schema(document: Any, schema: Mapping[str, Any]) -> list[tuple[JSONPath, str]]:
    errors = _jsonschema().Draft202012Validator(schema).iter_errors(document)
    return [(tuple(error.absolute_path), _cut(_said(error))) for error in errors]


def _said(error: Any) -> str:
    """Return what the schema says of a fault, without the whole value: its size and the limit, or its beginning."""
    bound, what = error.validator[:3], COUNTED.get(error.validator[3:])
    if bound in BOUNDS and what:
        return f"has {len(error.instance)} {what}, expected {BOUNDS[bound]} {error.validator_value}"
    return str(error.message).replace(repr(error.instance), data_files.shown(error.instance), 1)


def _cut(message: str) -> str:
    """Return a message without the middle of what is long, such as many unexpected keys."""
    half = LONGEST_FAULT // 2
    return message if len(message) <= LONGEST_FAULT else f"{message[:half]} … {message[-half:]}"
