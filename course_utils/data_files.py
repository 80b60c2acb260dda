"""The one reader of the course's data files: JSON, JSON Lines and lines of text, and the one writer.

Whatever bytes a file holds, a reader returns a value or raises DataFileError with file, line and reason. A byte-order
mark is skipped. A line ends at "\\n" or "\\r\\n" and nowhere else, so a text may hold any other sign that Unicode calls
a line break. JSON is that of RFC 8259: no NaN, no infinity, no key twice in an object.
"""

import json
import math
import os
import re
import shutil
import stat
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["DataFileError", "MissingFileError", "document", "json_faults", "json_lines", "lines", "number", "said"]
__all__ += ["shown", "text", "write", "write_json_lines"]


# In a copy of the repository the data lies beside the package, in an installed wheel inside it.
_BESIDE, _INSIDE = Path(__file__).resolve().parents[1] / "data", Path(__file__).resolve().parent / "data"
DATA = _INSIDE if _INSIDE.is_dir() else _BESIDE

LARGEST = 100_000_000  # bytes of a file
LARGEST_DOCUMENT = 1_000_000  # bytes of a file that is one JSON document
LONGEST_LINE = 100_000  # characters
LONGEST_NUMBER = 100  # characters
DEEPEST = 50  # brackets inside brackets

JSONPath = tuple[str | int, ...]
_TOKEN = re.compile(
    r'(?P<token>"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]|-?(?:NaN|Infinity)|-?\d[\d.eE+-]*)(?P<colon>[ \t\r\n]*:)?', re.DOTALL
)
_NUMBER = re.compile(r"[+-]?((\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)", re.ASCII | re.IGNORECASE)
# What Python calls printable and fonts show as nothing: joiners, fillers, variation selectors, the empty Braille cell.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


class DataFileError(ValueError):
    """A data file that cannot be used; the message has file, line and reason."""

    def __init__(self, path: Path, line: int | None, reason: str) -> None:
        """path: of the file; line: None where no line is at fault; reason: what was got and what was wanted."""
        self.path, self.line, self.reason = path, line, reason
        self.args = (f"{'/'.join(path.parts[-2:])}{'' if line is None else f', line {line}'}: {reason}",)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it pass between processes."""
        return type(self), (self.path, self.line, self.reason)


class MissingFileError(DataFileError, FileNotFoundError):
    """A data file that is not there."""


def shown(value: object) -> str:
    """Return a value as a message shows it: its beginning, where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


# --- reading -----------------------------------------------------------------------------------------


def text(path: Path, largest: int | None = None) -> str:
    """Return the text of a UTF-8 file, without a byte-order mark.

    largest: bytes that are read at most; None for LARGEST.

    Raises:
        MissingFileError: there is no such file.
        DataFileError: a folder or a device, a file that cannot be opened, is too large or is not UTF-8, or a long line.
    """
    largest = LARGEST if largest is None else largest
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)  # reading from a pipe could wait for ever
        raw = b""
        if regular:
            with open(path, "rb") as file:
                raw = file.read(largest + 1)
    except FileNotFoundError:
        raise MissingFileError(path, None, f"there is no such file in {path.parent}") from None
    except (OSError, ValueError) as error:  # the latter for a name that no file can have
        raise DataFileError(path, None, f"it cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not regular:
        raise DataFileError(path, None, f"this is {'a folder' if path.is_dir() else 'a device'}, expected a file")
    if len(raw) > largest:
        raise DataFileError(path, None, f"the file has more than {largest:,} bytes, the most that is read")
    try:
        decoded = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        reason = f"the byte 0x{raw[error.start]:02x} is not UTF-8: save the file as UTF-8"
        raise DataFileError(path, line, reason) from None
    for number, line_text in enumerate(decoded.split("\n"), start=1):
        if len(line_text) > LONGEST_LINE:
            reason = f"the line has {len(line_text):,} characters, expected at most {LONGEST_LINE:,}"
            raise DataFileError(path, number, reason)
    return decoded


def lines(path: Path) -> list[str]:
    """Return the lines of a file; what ends them is left out. Raises as ``text``."""
    return [line.removesuffix("\r") for line in text(path).split("\n")]


def said(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file that say something, with their numbers; a remark begins with #.

    Raises as ``text``, and DataFileError for a sign that nobody sees.
    """
    for number, line in enumerate(lines(path), start=1):
        words = line.split("#", 1)[0].replace("\t", " ").strip(" ")
        if sign := _unseen(words):
            raise DataFileError(path, number, f"the sign U+{ord(sign):04X} cannot be seen: delete it")
        if words:
            yield number, words


def _unseen(words: str) -> str:
    """Return the first sign that nobody sees, or nothing."""
    return next((sign for sign in words if not sign.isprintable() or _BLANK.match(sign)), "")


def number(word: str) -> float | None:
    """Return the number, perhaps not finite, that a word of a text file says, or None where it says none."""
    return float(word) if len(word) <= LONGEST_NUMBER and _NUMBER.fullmatch(word) else None


def document(path: Path) -> tuple[Any, dict[JSONPath, int]]:
    """Return a JSON document, and the line on which each value in it begins.

    Raises as ``text``, and DataFileError for what is not JSON or exceeds this module's limits.
    """
    content = text(path, LARGEST_DOCUMENT)
    return _parsed(path, content, 1, "no valid JSON"), _places(content)


def json_lines(path: Path, keys: Mapping[str, type]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a JSON Lines file with their line numbers; each must have these keys, of these types.

    Raises as ``text``, and DataFileError for what is not JSON or exceeds this module's limits, is no object, lacks a
    key or has a value of another type.
    """
    for line_number, line in enumerate(lines(path), start=1):
        if not line.strip(" \t\r"):
            continue
        entry = _parsed(path, line, line_number, "not JSON")
        if not isinstance(entry, dict):
            raise DataFileError(path, line_number, f"expected a JSON object, got {type(entry).__name__}")
        for key, kind in keys.items():
            if key not in entry:
                raise DataFileError(path, line_number, f'the key "{key}" is missing')
            if not isinstance(entry[key], kind):
                wanted = "a list" if kind is list else "a text"
                raise DataFileError(path, line_number, f'"{key}" is {shown(entry[key])}, expected {wanted}')
        yield line_number, entry


def _parsed(path: Path, content: str, first_line: int, fault: str) -> Any:
    for start, reason in json_faults(content):
        raise DataFileError(path, first_line + content.count("\n", 0, start), reason)
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        reason = f"{fault}: {error.msg} at column {error.colno}"
        raise DataFileError(path, first_line + error.lineno - 1, reason) from None


def json_faults(content: str) -> Iterator[tuple[int, str]]:
    """Yield position and reason of what Python's parser takes, or stumbles over, and this course does not take."""
    keys: list[set[str]] = []  # of the objects around a token
    for found in _TOKEN.finditer(content):
        token, colon, start = found["token"], found["colon"], found.start()
        if token in "[{":
            keys.append(set())
            if len(keys) > DEEPEST:
                yield start, f"the brackets are nested deeper than {DEEPEST}, the most that is read"
                return
        elif token in "]}":
            del keys[-1:]
        elif token[0] == '"':
            try:
                name = json.loads(token) if "\\" in token else token[1:-1]
                name.encode()
            except UnicodeEncodeError:
                yield start, "a text has one half of a surrogate pair: write the sign itself"
            except ValueError:
                return  # no text at all: the parser says so
            if colon and keys:
                if name in keys[-1]:
                    yield start, f"the key {shown(name)} stands twice"
                keys[-1].add(name)
        elif token[-1] in "Ny":
            yield start, f"{token} is not JSON, expected a finite number"
        elif len(token) > LONGEST_NUMBER:
            yield start, f"a number has {len(token):,} characters, expected at most {LONGEST_NUMBER}"
        elif abs(number(token) or 0) == math.inf:
            yield start, f"{token} is too large for a number"


def _places(content: str) -> dict[JSONPath, int]:
    """Return the line on which each value of a JSON text begins."""
    places: dict[JSONPath, int] = {}
    decoder = json.JSONDecoder()
    ends = [found.start() for found in re.finditer("\n", content)]

    def skip(i: int) -> int:
        while content[i] in " \t\r\n,:":
            i += 1
        return i

    def walk(i: int, path: JSONPath) -> int:
        i = skip(i)
        places[path] = bisect_right(ends, i) + 1
        if content[i] == "{":
            i = skip(i + 1)
            while content[i] != "}":
                key, i = decoder.raw_decode(content, i)
                i = skip(walk(i, (*path, key)))
            return i + 1
        if content[i] == "[":
            i, index = skip(i + 1), 0
            while content[i] != "]":
                i, index = skip(walk(i, (*path, index))), index + 1
            return i + 1
        return decoder.raw_decode(content, i)[1]

    walk(0, ())
    return places


# --- writing -----------------------------------------------------------------------------------------


def write(path: Path, content: str) -> None:
    """Let a text take the place of a file in one step: a crash leaves the old file or the new one.

    A link stays a link, the file that it leads to is replaced, and its permissions stay.

    Raises:
        OSError: the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():  # a terminal, a pipe: nothing to replace
        with open(target, "w", encoding="utf-8", newline="") as stream:
            stream.write(content)
        return
    new = target.with_name(f"{target.name[:100]}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with open(new, "w", encoding="utf-8", newline="") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(OSError):
            shutil.copymode(target, new)
        os.replace(new, target)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def write_json_lines(path: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Write objects as JSON Lines, one a line, which ``json_lines`` reads.

    Raises:
        DataFileError: an entry that ``json_lines`` would refuse, such as one with NaN; nothing is written then.
        OSError: the file cannot be written.
    """
    rows = []
    for line, entry in enumerate(entries, start=1):
        try:
            row = json.dumps(entry, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise DataFileError(path, line, f"cannot be written: {error}") from error
        for _, reason in json_faults(row):
            raise DataFileError(path, line, f"cannot be written: {reason}")
        if len(row) > LONGEST_LINE:
            reason = f"cannot be written: it has {len(row):,} characters, expected at most {LONGEST_LINE:,}"
            raise DataFileError(path, line, reason)
        rows.append(f"{row}\n")
    write(path, "".join(rows))
