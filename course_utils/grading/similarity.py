"""Which submissions share code: a hint for a person to look at, never a proof and never a mark.

Each solution cell is read as a sequence of what it does: names, numbers and texts are all alike, comments, layout and
annotations do not count. Of its runs of LENGTH such tokens one in WINDOW is kept, that with the smallest hash
(winnowing: Schleimer, Wilkerson and Aiken, 2003), so that a shared run of LENGTH + WINDOW − 1 is always found. What the
hand-out holds already, and what more than a third of the class writes, counts nothing; of the rest a fingerprint counts
the more the fewer have it, log2(1 + students / those who have it). Nothing is run.
"""

import ast
import io
import keyword
import math
import re
import tokenize
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Fragment", "Group", "fingerprints", "groups", "threshold_of", "tokens"]


LENGTH = 6  # tokens of a fingerprint
WINDOW = 2  # of so many runs side by side one is kept
FEWEST = 12  # shared fingerprints of a pair
MOST = 100  # groups that are returned
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
class Group:
    """Submissions of which each shares more with another one than the class does."""

    students: tuple[str, ...]
    """the closest two first, then the others in order"""
    share: float
    """of the closest two: what they share of the smaller one's own, from 0 to 1"""
    shared: int
    """fingerprints of the closest two"""
    fragments: tuple[Fragment, ...]
    """of the closest two"""


def threshold_of(students: int) -> float:
    """Return the share from which two of so many students are shown: 0.65 in a class of 30, 0.2 more of ten times it.

    Pairs grow with the square of a class. As it is, a class that never met shows one or two pairs.
    """
    return float(np.clip(0.65 + 0.2 * np.log10(max(students, 1) / 30), 0.65, 0.95))


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


def groups(
    cells: Mapping[str, Mapping[str, str]], stubs: Mapping[str, str] | None = None, threshold: float | None = None
) -> list[Group]:
    """Return the groups of submissions that share code, the closest first, MOST of them at most.

    share = w(A ∩ B) / min(w(A), w(B)), with A and B the fingerprints that are neither the hand-out's nor a third of the
    class's, and w the sum of what they count. Whoever shares enough with one of a group belongs to it.

    Args:
        cells: by student, the source of each solution cell by its item's id.
        stubs: what the hand-out holds in these cells.
        threshold: the smallest share that binds two; None for that of ``threshold_of``.
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
    number, shared, own = _shared(list(counted.values()), len(students))
    share = shared / np.maximum(1, np.minimum.outer(own, own))
    enough = threshold_of(len(students)) if threshold is None else threshold
    first, second = np.nonzero(np.triu((share >= enough - 1e-6) & (number >= FEWEST), 1))
    pairs = [(int(i), int(j)) for i, j in zip(first, second, strict=True)]
    closest = sorted(pairs, key=lambda two: (-round(float(share[two]), 4), -number[two], *two))
    leader = list(range(len(students)))

    def lead(one: int) -> int:
        while leader[one] != one:
            leader[one] = one = leader[leader[one]]
        return one

    for i, j in closest:
        leader[lead(j)] = lead(i)
    members: dict[int, list[int]] = defaultdict(list)
    for place in sorted({int(one) for two in closest for one in two}):
        members[lead(place)].append(place)
    result = list[Group]()
    for i, j in closest:
        if not (all_ := members.pop(lead(i), [])) or len(result) == MOST:
            continue
        names = tuple(students[one] for one in (i, j, *(one for one in all_ if one not in (i, j))))
        fragments = tuple(_fragments(cells, names[0], names[1], found[i], found[j], counted))
        result.append(Group(names, min(1.0, round(float(share[i, j]), 4)), int(number[i, j]), fragments))
    return result


def _shared(places: list[list[int]], students: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return how many fingerprints each two share, what these count together, and what each one's own count."""
    number = np.zeros((students, students), dtype=np.int32)
    weight = np.zeros((students, students), dtype=np.float32)
    common = [who for who in places if len(who) > RARE]
    for start in range(0, len(common), 1000):
        block = np.zeros((students, len(common[start : start + 1000])), dtype=np.float32)
        for column, who in enumerate(common[start : start + 1000]):
            block[who, column] = 1
        number += (block @ block.T).astype(np.int32)
        weight += (block * [_counts(who, students) for who in common[start : start + 1000]]).astype(
            np.float32
        ) @ block.T
    for who in places:
        if len(who) <= RARE:
            number[np.ix_(who, who)] += 1
            weight[np.ix_(who, who)] += _counts(who, students)
    return number, weight, np.diagonal(weight).copy()


def _counts(who: list[int], students: int) -> float:
    return math.log2(1 + students / len(who))


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
