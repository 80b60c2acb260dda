"""From what a learning platform hands over, a folder or a ZIP, to one submission for each student.

Whatever lies there, each oddity gets a sentence of its own, and what can be graded is graded. Nothing is unpacked, no
link is followed, and a name found in a ZIP never becomes the name of a file. Outputs are never needed and never kept.
``find`` lists who handed in what and reads nothing; ``read`` reads one student's file; so memory stays flat.
"""

import contextlib
import hashlib
import io
import itertools
import json
import lzma
import mmap
import os
import re
import stat
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from course_utils import data_files
from course_utils.grading.problem_sets import ProblemSet

__all__ = ["Entry", "Handed", "Listing", "Submission", "SubmissionsError", "collect", "find", "read", "safe_name"]


LARGEST = 512 * 2**20  # bytes of a file
LARGEST_WITHOUT_OUTPUTS = 8 * 2**20
SMALL = 4 * 2**20  # bytes that are parsed as they are
LARGEST_CELL = 200_000  # characters
LARGEST_STUDENTS_ZIP = 20 * 2**20
MOST_ENTRIES = 200_000  # of a class's ZIP
MOST_STUDENTS_ENTRIES = 1_000
MOST_TOKENS = 4_000_000  # strings and brackets of a large file
DEEPEST = 100
RATIO, FREE_OF_RATIO = 300, 8 * 2**20  # of an entry that unpacks to more than so many bytes
LONGEST_NAME = 80  # characters of an id

_CANVAS = re.compile(r"(?P<name>[^_/]+)_(?P<late>LATE_)?(?P<number>\d{1,18})_(?P<attempt>\d{1,18})_(?P<rest>[^/]+)")
_MOODLE = re.compile(r"(?P<name>[^/]+?)_(?P<number>\d{1,18})_assignsubmission_(?:file|onlinetext)[_/](?P<rest>.*)")
_AGAIN = re.compile(r"(?:[-_ ]\(?(?P<n>\d{1,6})\)?)$")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
_CLUTTER = {"__macosx", ".ds_store", "thumbs.db", "desktop.ini", "timestamp.txt", ".ipynb_checkpoints"}
_TOKEN = re.compile(
    rb'"(?P<heavy>(?:outputs|attachments)")\s*+:\s*+[\[{]|"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL
)
_DAMAGED = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error, lzma.LZMAError)
_SAYS = re.compile(r"""^student\s*=\s*(["'])(?P<id>[^"'\n]{1,200})\1""", re.MULTILINE)


class SubmissionsError(ValueError):
    """What was named as submissions cannot be used; the message says why."""


@dataclass(frozen=True)
class Submission:
    """What one student handed in."""

    student: str
    """the student's id, from the name of the file or folder; safe as the name of a file"""
    file: Path
    sha256: str
    cells: Mapping[str, str]
    """the source of each solution cell, by its id: only ids of the set"""
    written: Mapping[str, str]
    """the Markdown of each written answer, by its id"""
    notes: tuple[str, ...]
    """one sentence for each oddity"""
    refused: str = ""
    """the sentence that says why nothing of it can be graded"""
    name: str = ""
    """the student's name as the platform writes it, where it does"""
    number: str = ""
    """the platform's number of the student (Canvas's ID, Moodle's participant), where there is one"""
    says: str = ""
    """the id that the notebook names itself by: only what the student wrote there"""


@dataclass(frozen=True)
class Entry:
    """A file as it lies in the folder or ZIP; nothing of it has been read."""

    where: PurePosixPath
    size: int
    open: Callable[[], IO[bytes]] = field(repr=False, compare=False)
    trouble: str = ""
    """why it cannot be read"""


@dataclass(frozen=True)
class Handed:
    """The files of one student, the one that counts first."""

    student: str
    files: tuple[tuple[Entry, str], ...]
    """each with the name that the student gave it"""
    root: Path
    name: str = ""
    number: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing:
    """Who handed in what, by id, and what is said of files that are nobody's."""

    students: tuple[Handed, ...]
    notes: tuple[str, ...]


def collect(source: str | os.PathLike[str], problem_set: ProblemSet) -> Iterator[Submission]:
    """Yield the submissions one by one, sorted by the student's id; SubmissionsError as ``find``."""
    for handed in find(source, problem_set.name).students:
        yield read(handed, problem_set)


# --- who handed in what ------------------------------------------------------------------------------


def find(source: str | os.PathLike[str], set_name: str) -> Listing:
    """List who handed in what, without reading a notebook.

    A folder or ZIP may hold one file for each student (STUDENT.ipynb), one folder for each (STUDENT/ps1.ipynb, or as
    nbgrader has it STUDENT/ps1/ps1.ipynb, with or without submitted/ above), or what Canvas and Moodle name.

    Args:
        source: a folder, or the ZIP of one.
        set_name: such as "ps1".

    Raises SubmissionsError where there is no such folder or ZIP, or where it holds no submission.
    """
    root = Path(source)
    if root.is_dir():
        entries, notes = _of_folder(root)
    elif root.is_file():
        try:
            entries, notes = _of_zip(root, MOST_ENTRIES, str(root))
        except _RefusedError as error:
            raise SubmissionsError(f"SUBMISSIONS is {root}, which {error}; expected a folder or a ZIP") from None
    else:
        raise SubmissionsError(f"SUBMISSIONS is {root}, which is not there; expected a folder or a ZIP of submissions")
    grouped: dict[str, list[tuple[int, Entry, str, bool]]] = {}
    who: dict[str, tuple[str, str]] = {}
    by_number: dict[str, str] = {}
    for entry, parts in sorted(_shortened(entries, set_name, packed=root.is_file()), key=lambda pair: pair[1]):
        if any(part.casefold() in _CLUTTER or part.startswith("._") for part in parts):
            continue
        name = number = ""
        attempt, late, given = 0, False, parts[-1]
        if len(parts) == 1 and (canvas := _CANVAS.fullmatch(parts[0])):
            name, number, given = canvas["name"], canvas["number"], canvas["rest"]
            attempt, late = int(canvas["attempt"]), bool(canvas["late"])
        elif moodle := _MOODLE.fullmatch("/".join(parts)):
            name, number, given = moodle["name"], moodle["number"], moodle["rest"].rpartition("/")[2]
        elif len(parts) > 1:
            if re.fullmatch(r"ps\d+", parts[1]) and len(parts) > 2:
                continue  # of another set, in nbgrader's folders
        elif entry.where.suffix.casefold() in (".ipynb", ".zip") or entry.trouble:
            given = f"{set_name}{entry.where.suffix}"
        else:
            notes.append(f"{_shown(parts[0])} is no notebook and no ZIP, and was passed over.")
            continue
        key = PurePosixPath(parts[0]).stem if len(parts) == 1 else parts[0]
        if number:  # it is the platform's, so it says who it is; a name may be written in two ways
            key = by_number.setdefault(number, f"{_plain(name)}_{number}")
        grouped.setdefault(key, []).append((attempt, entry, given, late))
        who.setdefault(key, (name, number))
    if not grouped:
        raise SubmissionsError(
            f"SUBMISSIONS is {root}, which holds no submission; expected {set_name}.ipynb of each student, in "
            "files STUDENT.ipynb, in folders STUDENT/, or as Canvas or Moodle hands them over"
        )
    students = []
    names = _unlike_names(grouped)
    for key, files in grouped.items():
        own, name_notes = names[key]
        files.sort(key=lambda file: _rank(file, set_name))
        more = list(name_notes)
        attempts = [file for file in files if _is_notebook(file[2])]
        if len(attempts) > 1:
            more.append(
                f"{len(attempts)} files were handed in, and the newest by its name counts: {_shown(files[0][1].where)}."
            )
        if files[0][3]:
            more.append("The platform marks it as late.")
        name, number = who[key]
        students.append(
            Handed(own, tuple((entry, given) for _, entry, given, _ in files), root, name, number, tuple(more))
        )
    return Listing(tuple(sorted(students, key=lambda one: one.student)), tuple(notes))


def safe_name(name: str) -> str:
    """Return a name that is safe for a file on any system, the same one for the same name and for no other one.

    Letters, digits, "_", "." and "-" stay; of a name with anything else eight digits of its SHA-256 are added.
    """
    kept = _plain(name)
    good = kept == name and kept.partition(".")[0].casefold() not in _DEVICES
    if good and not re.search(r"-[0-9a-f]{8}$", kept):
        return kept
    return f"{kept}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFC", name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    return re.sub(r"[^\w.-]+", "_", text).strip("._-")[:LONGEST_NAME] or "student"


def _unlike_names(names: Iterable[str]) -> dict[str, tuple[str, list[str]]]:
    """Return an id for each name, and what is to be said of it; no two ids differ by upper and lower case alone."""
    taken: set[str] = set()
    found: dict[str, tuple[str, list[str]]] = {}
    for name in sorted(names, key=lambda name: (name != name.casefold(), name)):  # that of small letters keeps its own
        own, notes = safe_name(name), []
        if own != name:
            notes.append(f"The name {_shown(name)} is not safe for a file; the student's id is {own}.")
        if own.casefold() in taken:
            own = f"{own}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
            notes.append(f"Another student's name differs by upper and lower case alone; this one's id is {own}.")
        taken.add(own.casefold())
        found[name] = own, notes
    return found


def _shortened(entries: list[Entry], set_name: str, packed: bool) -> list[tuple[Entry, tuple[str, ...]]]:
    """Return the entries with their paths, without the folders that nbgrader and a ZIP of the whole put around them.

    A ZIP's one folder is one student's only where most notebooks in it are called as the set is.
    """
    paths = [entry.where.parts for entry in entries]
    while paths and all(len(parts) > 1 and parts[0] == paths[0][0] for parts in paths):
        notebooks = [parts for parts in paths if _is_notebook(parts[-1])]
        around = sum(
            parts[1] != set_name if len(parts) > 2 else _AGAIN.sub("", PurePosixPath(parts[1]).stem) != set_name
            for parts in notebooks
        )
        if (
            not (packed or paths[0][0] == "submitted")
            or 2 * around <= len(notebooks)
            or _MOODLE.fullmatch("/".join(paths[0]))
        ):
            break
        paths = [parts[1:] for parts in paths]
    paths = [(parts[0], *parts[2:]) if len(parts) > 2 and parts[1] == set_name else parts for parts in paths]
    return list(zip(entries, paths, strict=True))


def _is_notebook(name: str) -> bool:
    return name.casefold().endswith((".ipynb", ".zip"))


def _rank(file: tuple[int, Entry, str, bool], set_name: str) -> tuple[Any, ...]:
    """Sort what counts first: a notebook, the newest by the platform's number, the right name, the newest by its own.

    Canvas names a second attempt ps1-1.ipynb, a browser a second download ps1 (1).ipynb.
    """
    attempt, entry, name, _ = file
    stem = PurePosixPath(name).stem
    again = _AGAIN.search(stem)
    right = _AGAIN.sub("", stem).casefold() == set_name
    kind = 0 if name.casefold().endswith(".ipynb") else 1 if _is_notebook(name) else 2
    return kind == 2, -attempt, not right, kind, -int(again["n"]) if again and right else 0, str(entry.where)


class _RefusedError(Exception):
    """Says, as the end of a sentence, why a file cannot be used."""


def _of_folder(root: Path) -> tuple[list[Entry], list[str]]:
    entries: list[Entry] = []
    folders = [root]
    while folders:
        folder = folders.pop()
        for item in os.scandir(folder):
            where = PurePosixPath(Path(item.path).relative_to(root).as_posix())
            path = Path(item.path)
            mode = item.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                if len(where.parts) < 20:
                    folders.append(path)
                continue
            trouble = ""
            if stat.S_ISLNK(mode):
                trouble = "is a link, and no link is followed"
            elif not stat.S_ISREG(mode):
                trouble = "is no ordinary file"
            size = item.stat(follow_symlinks=False).st_size
            entries.append(Entry(where, size, partial(_opened, path), trouble))
    return entries, []


def _opened(path: Path) -> IO[bytes]:
    """Open a file that was no link when it was listed, and is none now."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return open(os.open(path, flags), "rb")


def _of_zip(file: Path | IO[bytes], most: int, shown: str) -> tuple[list[Entry], list[str]]:
    """Return the files of a ZIP, which stays open for as long as one of them is at hand."""
    try:
        archive = zipfile.ZipFile(file)
        infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, OverflowError) as error:
        raise _RefusedError(f"is no ZIP that can be read ({error})") from None
    if len(infos) > most:
        raise _RefusedError(f"is a ZIP of {len(infos):,} entries, and {most:,} are the most")
    places = sorted((info.header_offset, info.compress_size) for info in infos)
    if any(here + packed > there for (here, packed), (there, _) in itertools.pairwise(places)):
        raise _RefusedError("is a ZIP whose entries lie over each other, as those of a ZIP bomb do")
    entries, notes = [], []
    for info in infos:
        name = info.filename
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or re.match(r"[A-Za-z]:", name) or "\0" in info.orig_filename:
            notes.append(f"The entry {_shown(name)} of {shown} names a place outside of it, and was passed over.")
            continue
        if info.is_dir():
            continue
        trouble = ""
        if stat.S_ISLNK(info.external_attr >> 16):
            trouble = "is a link, and no link is followed"
        elif info.flag_bits & 0x1:
            trouble = "is encrypted, and there is no password"
        elif info.file_size > FREE_OF_RATIO and info.file_size > RATIO * max(info.compress_size, 1):
            trouble = f"unpacks to {_megabytes(info.file_size)}, {RATIO} times its size or more, as a ZIP bomb does"
        where = PurePosixPath(*[part for part in parts if part not in ("", ".")] or ["?"])
        entries.append(Entry(where, info.file_size, partial(archive.open, info), trouble))
    return entries, notes


# --- one student's file ------------------------------------------------------------------------------


def read(handed: Handed, problem_set: ProblemSet) -> Submission:
    """Read what counts of one student's files. Nothing that lies in them raises."""
    notes = list(handed.notes)
    entry, given = handed.files[0]
    digest = ""
    cells: dict[str, str] = {}
    written: dict[str, str] = {}
    refused = says = ""
    file = handed.root / entry.where
    try:
        if not _is_notebook(given):
            raise _RefusedError(f"is no notebook; expected {problem_set.name}.ipynb")
        with _content(entry) as content:
            digest = hashlib.sha256(content).hexdigest()
            if content[:4] == b"PK\x03\x04":
                notebook = _of_students_zip(content, problem_set.name, notes)
            else:
                if _AGAIN.sub("", PurePosixPath(given).stem).casefold() != problem_set.name:
                    notes.append(f"The file is called {_shown(given)}, expected {problem_set.name}.ipynb.")
                notebook = _parsed(content, notes)
        found = list(_cells(notebook, notes))
        says = _says(found)
        cells, written = _answers(found, problem_set, notes)
    except _RefusedError as error:
        refused = f"{_shown(entry.where)} {error}."
    except OSError as error:
        refused = f"{_shown(entry.where)} could not be read ({error.strerror or error})."
    if says and not handed.number and says.strip().casefold() != handed.student.casefold():
        notes.append(f"The notebook says that its student is {_shown(says)}; the file is that of {handed.student}.")
    return Submission(
        handed.student, file, digest, cells, written, tuple(notes), refused, handed.name, handed.number, says
    )


@contextlib.contextmanager
def _content(entry: Entry) -> Iterator[Any]:
    """Give the bytes of a file: those of a large one are not in memory, but in a temporary file."""
    if entry.trouble:
        raise _RefusedError(entry.trouble)
    if entry.size > LARGEST:
        raise _RefusedError(f"has {_megabytes(entry.size)}, and {_megabytes(LARGEST)} are the most")
    with tempfile.SpooledTemporaryFile(SMALL) as kept:
        try:
            with entry.open() as stream:
                while piece := stream.read(2**20):
                    kept.write(piece)
                    if kept.tell() > LARGEST:
                        raise _RefusedError(f"is larger than it says, and {_megabytes(LARGEST)} are the most")
        except _DAMAGED as error:
            raise _RefusedError(f"is damaged in its ZIP ({error})") from None
        if kept.tell() <= SMALL:
            kept.seek(0)
            yield kept.read()
            return
        kept.flush()
        with mmap.mmap(kept.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped


def _of_students_zip(content: Any, set_name: str, notes: list[str]) -> Any:
    """Return the notebook in a ZIP that a student handed in; a ZIP in that is not opened."""
    if len(content) > LARGEST_STUDENTS_ZIP:
        raise _RefusedError(f"is a ZIP of {_megabytes(len(content))}, {_megabytes(LARGEST_STUDENTS_ZIP)} are the most")
    entries, passed_over = _of_zip(io.BytesIO(content[:]), MOST_STUDENTS_ENTRIES, "the ZIP")
    notes += passed_over
    files = [
        (0, entry, entry.where.name, False)
        for entry in entries
        if entry.where.suffix.casefold() == ".ipynb"
        and not any(part.casefold() in _CLUTTER or part.startswith("._") for part in entry.where.parts)
    ]
    if not files:
        nested = any(entry.where.suffix.casefold() == ".zip" for entry in entries)
        inside = "and a ZIP inside a ZIP is not opened" if nested else f"expected {set_name}.ipynb in it"
        raise _RefusedError(f"is a ZIP without a notebook, {inside}")
    files.sort(key=lambda file: _rank(file, set_name))
    entry = files[0][1]
    more = f", which holds {len(files)} notebooks" if len(files) > 1 else ""
    notes.append(f"The notebook is {_shown(entry.where)} of the ZIP that was handed in{more}.")
    try:
        with _content(entry) as inner:
            return _parsed(inner, notes)
    except _RefusedError as error:
        raise _RefusedError(f"is a ZIP in which {_shown(entry.where)} {error}") from None


def _parsed(content: Any, notes: list[str]) -> Any:
    """Return what the JSON of a notebook says; a large one is read without its outputs."""
    start = bytes(content[:4096])
    if not start.strip(b" \t\r\n\0\xef\xbb\xbf"):
        raise _RefusedError("is empty")
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|\?xml)", start, re.IGNORECASE):
        raise _RefusedError("is a web page, such as a platform's login page, and no notebook")
    for magic, kind in ((b"%PDF", "a PDF"), (b"\x89PNG", "a picture"), (b"\x1f\x8b", "a gzip file")):
        if start.startswith(magic):
            raise _RefusedError(f"is {kind}, and no notebook")
    text: Any = content
    if len(content) > SMALL:
        text = _without_outputs(content)
        notes.append(f"The file has {_megabytes(len(content))}; it was read without its outputs, which are not needed.")
    try:
        return json.loads(text)
    except RecursionError:
        raise _RefusedError("is nested too deeply to be a notebook") from None
    except json.JSONDecodeError as error:
        if error.pos >= len(error.doc.rstrip()) - 1 or error.msg.startswith("Unterminated"):
            raise _RefusedError(f"breaks off in line {error.lineno}, as a file does that was cut short") from None
        raise _RefusedError(f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except ValueError as error:  # bytes that are no Unicode, a number of 5,000 digits
        raise _RefusedError(f"is not JSON ({error.__class__.__name__})") from None


def _without_outputs(content: Any) -> bytes:
    """Return a notebook's JSON with every list of outputs, and what is attached to cells, left out."""
    pieces: list[bytes] = []
    kept_to, depth, size, skipping = 0, 0, 0, 0
    for tokens, match in enumerate(_TOKEN.finditer(content)):
        if tokens > MOST_TOKENS or depth > DEEPEST:
            raise _RefusedError(f"has {_megabytes(len(content))} and is no notebook by its form")
        last = content[match.end() - 1 : match.end()]
        if match["heavy"]:
            depth += 1
            if not skipping:
                skipping = depth
                pieces.append(content[kept_to : match.end()])
                size += len(pieces[-1])
        elif match.end() - match.start() == 1:
            if last in b"[{":
                depth += 1
            elif last in b"]}":
                if skipping and depth == skipping:
                    kept_to, skipping = match.start(), 0
                depth -= 1
        if size > LARGEST_WITHOUT_OUTPUTS:
            break
    if not skipping and size + len(content) - kept_to <= LARGEST_WITHOUT_OUTPUTS:
        return b"".join([*pieces, content[kept_to:]])
    if skipping:
        raise _RefusedError("breaks off in an output, as a file does that was cut short")
    raise _RefusedError(
        f"has more than {_megabytes(LARGEST_WITHOUT_OUTPUTS)} without its outputs, and is not what was handed out"
    )


@dataclass(frozen=True)
class _Cell:
    ids: tuple[str, ...]
    kind: str
    source: str
    of_nbgrader: bool
    locked: bool


def _cells(notebook: Any, notes: list[str]) -> Iterator[_Cell]:
    if not isinstance(notebook, dict):
        raise _RefusedError("is JSON, and no notebook")
    cells = notebook.get("cells")
    if not isinstance(cells, list) and isinstance(notebook.get("worksheets"), list):
        notes.append("The notebook is of the old format 3 and was converted.")
        sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in sheet.get("cells", []) if isinstance(sheet.get("cells"), list)]
    if not isinstance(cells, list):
        raise _RefusedError("is JSON, and no notebook: it has no list of cells")
    broken = 0
    for cell in cells:
        source = _source(cell)
        if source is None:
            broken += 1
            continue
        metadata = cell.get("metadata")
        nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        nbgrader = nbgrader if isinstance(nbgrader, dict) else {}
        ids = tuple(dict.fromkeys(i for i in (cell.get("id"), nbgrader.get("grade_id")) if isinstance(i, str)))
        kind = str(cell.get("cell_type"))
        yield _Cell(ids, kind, source, bool(nbgrader), nbgrader.get("solution") is not True)
    if broken:
        notes.append(f"{_count(broken, 'cell is', 'cells are')} broken and passed over.")


def _source(cell: Any) -> str | None:
    """Return a cell's text, None where it has none."""
    if not isinstance(cell, dict):
        return None
    source = cell.get("source", cell.get("input"))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    return source if isinstance(source, str) else None


def _says(cells: Iterable[_Cell]) -> str:
    """Return the id that the notebook gives its student, in a line such as: student = "anna"."""
    for cell in cells:
        if cell.kind == "code" and (match := _SAYS.search(cell.source)):
            return _text(match["id"])
    return ""


def _answers(found: list[_Cell], problem_set: ProblemSet, notes: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the sources of solution cells and of written answers, by the ids of the set, in its order."""
    cells: dict[str, str] = {}
    written: dict[str, str] = {}
    places: list[int] = []
    for item in problem_set.items:
        claims = [(n, cell) for n, cell in enumerate(found) if item.id in cell.ids]
        if not claims:
            notes.append(f"The cell {item.id} is missing.")
            continue
        if len(claims) > 1:
            notes.append(
                f"{len(claims)} cells are called {item.id}; the last one counts, as it does when the notebook runs."
            )
        place, cell = claims[-1]
        places.append(place)
        wanted = "markdown" if item.kind == "written" else "code"
        if cell.kind != wanted:
            notes.append(f"The cell {item.id} is of the type {_shown(cell.kind)}, expected {wanted}; its text counts.")
        if len(cell.source) > LARGEST_CELL:
            notes.append(
                f"The cell {item.id} has {len(cell.source):,} characters, "
                f"{LARGEST_CELL:,} are the most; it was left out."
            )
            continue
        source = _text(cell.source)
        if source != cell.source:
            notes.append(f"The cell {item.id} holds signs that are no Unicode; they were replaced.")
        (written if item.kind == "written" else cells)[item.id] = source
    if len(places) == 0:
        raise _RefusedError(f"is a notebook without any cell of {problem_set.name}")
    if places != sorted(places):
        notes.append("The cells stand in another order than handed out; each was taken by its id.")
    known = {name for item in problem_set.items for name in (item.id, f"{item.id}-check")}
    foreign = sorted({i for cell in found if cell.of_nbgrader and not cell.locked for i in cell.ids[-1:]} - known)
    if foreign:
        shown = ", ".join(_shown(i) for i in foreign[:5]) + (", …" if len(foreign) > 5 else "")
        notes.append(
            f"{_count(len(foreign), 'cell', 'cells')} for answers not of {problem_set.name}, passed over: {shown}."
        )
    return cells, written


# --- words -------------------------------------------------------------------------------------------


def _text(text: str) -> str:
    """Return a text that UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _shown(name: object) -> str:
    """Return a name as a sentence shows it: whatever stands in it, on one line."""
    return data_files.shown(_text(str(name)))


def _count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.1f} MB"
