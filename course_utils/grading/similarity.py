"""Which submissions share code: a hint for a person to look at, never a proof and never a mark.

Each solution cell is read as a sequence of what it does: names, numbers and texts are all alike, comments, layout and
annotations do not count. Of its runs of LENGTH such tokens one in WINDOW is kept, that with the smallest hash
(winnowing: Schleimer, Wilkerson and Aiken, 2003), so that a shared run of LENGTH + WINDOW − 1 is always found. What the
hand-out holds already, and what more than a third of the class writes, counts nothing. Nothing is run.
"""

import ast
import io
import keyword
import re
import tokenize
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

__all__ = ["Fragment", "Pair", "fingerprints", "pairs", "tokens"]


LENGTH = 9  # tokens of a fingerprint
WINDOW = 4  # of so many runs side by side one is kept
THRESHOLD = 0.6  # a pair is shown when this share of the smaller one's own fingerprints is in the other
FEWEST = 8  # shared fingerprints of a pair
MOST = 100  # pairs that are returned
RARE = 25  # a fingerprint that more students have is counted by matrices, others pair by pair
LONGEST = 50_000  # characters of a cell that are read
DEEPEST = 40  # brackets inside brackets, and signs before an operand; what is deeper is not parsed

Token = tuple[str, int]  # what stands there, and its line
_BETWEEN = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


@dataclass(frozen=True)
class Fragment:
    """Code that two students share, as each wrote it."""

    item: str
    first: str
    second: str


@dataclass(frozen=True)
class Pair:
    """Two submissions that share more than the class does."""

    first: str
    second: str
    share: float
    """of the fingerprints that are the smaller one's own, from 0 to 1"""
    shared: int
    """fingerprints"""
    fragments: tuple[Fragment, ...]


def tokens(source: str) -> list[Token]:
    """Return what a cell does, in the order in which it says so, each with its line; of any text whatever."""
    source = source[:LONGEST].replace("\0", " ").encode("utf-8", "replace").decode()
    if not _deep(source):
        try:
            with warnings.catch_warnings(action="ignore"):  # of an odd escape, for one
                tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
        else:
            return list(_of_tree(tree))
    return list(_of_text(source))


def fingerprints(source: str) -> dict[int, tuple[int, int]]:
    """Return the fingerprints of a cell, each with the first and the last line of where it stands first."""
    found = tokens(source)
    hashes = []
    for start in range(len(found) - LENGTH + 1):
        run = "\0".join(word for word, _ in found[start : start + LENGTH])
        hashes.append(int.from_bytes(blake2b(run.encode(), digest_size=6).digest(), "big"))
    kept: dict[int, tuple[int, int]] = {}
    for start in range(max(len(hashes) - WINDOW + 1, min(1, len(hashes)))):
        chosen = min(range(start, min(start + WINDOW, len(hashes))), key=lambda i: (hashes[i], -i))
        lines = [line for _, line in found[chosen : chosen + LENGTH]]
        kept.setdefault(hashes[chosen], (min(lines), max(lines)))
    return kept


def pairs(
    cells: Mapping[str, Mapping[str, str]], stubs: Mapping[str, str] | None = None, threshold: float = THRESHOLD
) -> list[Pair]:
    """Return the pairs of submissions that share code, the closest first, MOST of them at most.

    share = |A ∩ B| / min(|A|, |B|), with A and B the fingerprints that are neither the hand-out's nor a third of the
    class's. The time grows with the number of fingerprints, as long as few are shared by many.

    Args:
        cells: by student, the source of each solution cell by its item's id.
        stubs: what the hand-out holds in these cells.
        threshold: the smallest share that is returned.
    """
    students = sorted(cells)
    stub = {item: set(fingerprints(source)) for item, source in (stubs or {}).items()}
    where: dict[tuple[str, int], list[int]] = defaultdict(list)
    found: list[dict[str, dict[int, tuple[int, int]]]] = []
    for place, student in enumerate(students):
        found.append({item: fingerprints(source) for item, source in sorted(cells[student].items())})
        for item, prints in found[-1].items():
            for one in prints.keys() - stub.get(item, set()):
                where[item, one].append(place)
    most = max(2.0, len(students) / 3)
    counted = {key: places for key, places in where.items() if len(places) <= most}
    sizes = np.bincount([place for places in counted.values() for place in places], minlength=len(students))
    shared = _shared([places for places in counted.values() if len(places) > 1], len(students))
    first, second = np.nonzero(np.triu(shared >= FEWEST, 1))
    number = shared[first, second]
    share = number / np.maximum(1, np.minimum(sizes[first], sizes[second]))
    closest = sorted(np.flatnonzero(share >= threshold), key=lambda k: (-share[k], -number[k], first[k], second[k]))
    result = []
    for k in closest[:MOST]:
        i, j = first[k], second[k]
        fragments = tuple(_fragments(cells, students[i], students[j], found[i], found[j], counted))
        result.append(Pair(students[i], students[j], float(share[k]), int(number[k]), fragments))
    return result


def _shared(places: list[list[int]], students: int) -> NDArray[np.float32]:
    """Return how many fingerprints each two students share."""
    shared = np.zeros((students, students), dtype=np.float32)
    common = [who for who in places if len(who) > RARE]
    for start in range(0, len(common), 1000):
        block = np.zeros((students, len(common[start : start + 1000])), dtype=np.float32)
        for column, who in enumerate(common[start : start + 1000]):
            block[who, column] = 1
        shared += block @ block.T
    for who in places:
        if len(who) <= RARE:
            shared[np.ix_(who, who)] += 1
    return shared


def _fragments(
    cells: Mapping[str, Mapping[str, str]],
    first: str,
    second: str,
    of_first: Mapping[str, Mapping[int, tuple[int, int]]],
    of_second: Mapping[str, Mapping[int, tuple[int, int]]],
    counted: Mapping[tuple[str, int], list[int]],
) -> Iterator[Fragment]:
    for item in sorted(of_first.keys() & of_second.keys()):
        both = [one for one in of_first[item].keys() & of_second[item].keys() if (item, one) in counted]
        if both:
            yield Fragment(
                item,
                _lines(cells[first][item], [of_first[item][one] for one in both]),
                _lines(cells[second][item], [of_second[item][one] for one in both]),
            )


def _lines(source: str, spans: list[tuple[int, int]]) -> str:
    """Return the lines of a cell in these spans, with … where others are left out."""
    wanted = {line for first, last in spans for line in range(first, last + 1)}
    shown: list[str] = []
    for number, line in enumerate(source[:LONGEST].split("\n"), start=1):
        if number in wanted:
            shown.append(line.rstrip())
        elif shown and shown[-1] != "…":
            shown.append("…")
    return "\n".join(shown[:-1] if shown and shown[-1] == "…" else shown)


# --- code as tokens ----------------------------------------------------------------------------------


def _deep(source: str) -> bool:
    """Say whether to parse it could exhaust the parser."""
    depth = deepest = 0
    for sign in source:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    chain = re.search(rf"(?:(?:[-+~]|\bnot\b|\blambda\b[^:\n]*:)\s*){{{DEEPEST}}}|(?:\*\*[^*\n]*){{{DEEPEST}}}", source)
    return deepest > DEEPEST or chain is not None or len(re.findall(r"\belif\b", source)) > DEEPEST


def _of_tree(tree: ast.AST) -> Iterator[Token]:
    """Yield the kinds of a tree's nodes from top to bottom, on a stack of its own: a deep tree is no danger."""
    stack: list[tuple[ast.AST, int]] = [(tree, 1)]
    while stack:
        node, line = stack.pop()
        line = getattr(node, "lineno", line)
        if isinstance(node, ast.expr_context | ast.Module):
            word = ""
        elif isinstance(node, ast.Constant):
            word = f"={type(node.value).__name__}" if isinstance(node.value, str | bytes | bool | None) else "=number"
        elif isinstance(node, ast.Attribute):
            word = f".{node.attr}"  # what is called of a library says what is done
        else:
            word = type(node).__name__
        if word:
            yield word, line
        below: list[ast.AST] = []
        for name, value in ast.iter_fields(node):
            if name not in ("annotation", "returns", "type_comment"):
                below += [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, ast.AST)]
        stack += [(one, line) for one in reversed(below) if not _says_nothing(one)]


def _says_nothing(node: ast.AST) -> bool:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or isinstance(node, ast.Pass | ast.Import | ast.ImportFrom)


def _of_text(source: str) -> Iterator[Token]:
    """Yield the words and signs of what is no Python, or too deep."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in _BETWEEN:
                yield _word(token.string, token.type), token.start[0]
    except (tokenize.TokenError, SyntaxError, ValueError):  # up to where it breaks off it is told already
        return


def _word(text: str, kind: int) -> str:
    if kind == tokenize.NAME:
        return text if keyword.iskeyword(text) else "Name"
    return {tokenize.NUMBER: "=number", tokenize.STRING: "=str"}.get(kind, text)
