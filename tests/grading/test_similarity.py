"""What counts as shared code: not names, layout and comments, not the hand-out, not what everybody writes."""

import random
import textwrap
from itertools import combinations

import pytest
import similar_code

from course_utils.grading import similarity

STUB = "def f(z, a):\n    ...\n"
LONG = """
def f(z, a):
    total = 0.0
    for t in range(len(z)):
        row = np.exp(z[t] - z[t].max())
        if a[t] > 0 and row.sum() > 1e-9:
            total += np.log(row[a[t]] / row.sum()) * (1 - 0.5 ** t)
    return total / max(len(z), 1)
"""
# The same, with other names, numbers, layout, remarks, brackets and annotations.
DISGUISED = '''
def f(logits: list, actions) -> float:
    """My own work."""
    s = 1.0  # start
    for i in range( len(logits) ):
        w = (np.exp((logits[i]) - logits[i].max()))

        if actions[i] > 3 and w.sum() > 1e-7: s += np.log(w[actions[i]] / w.sum()) * (2 - 0.9 ** i)
    return s / max(len(logits), 1)
'''
OTHER = """
def f(z, a):
    shifted = z - np.max(z, axis=-1, keepdims=True)
    table = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    chosen = np.take_along_axis(table, a[:, None], axis=-1)[:, 0]
    weights = np.array([1 - pow(0.5, t) for t in range(len(a))])
    return (chosen * weights)[a > 0].mean()
"""
COMMON = "def f(z, a):\n    p = np.exp(z) / np.exp(z).sum()\n    return np.eye(len(z))[a] - p\n"


def words(source):
    return [word for word, _ in similarity.tokens(source)]


def test_names_numbers_layout_and_remarks_do_not_count():
    assert words(LONG) == words(DISGUISED)
    assert words(LONG) != words(OTHER)
    assert words("import numpy as np\nnp.exp(x)") != words("np.log(x)")


@pytest.mark.parametrize(
    "source",
    [
        *("", "'''", "\0\ud800", "def f(:\n  x = = 1", "(" * 5000, "-" * 90_000 + "1", "x" + "**x" * 9000),
        *("not " * 9000 + "1", "lambda:" * 9000 + "1", "a" + ".b" * 20_000, "a" + "+a" * 20_000, "f'{" * 200),
        *("if 1: pass\n" + "elif 1: pass\n" * 4000, "\n".join(" " * n + "if 1:" for n in range(99)), "x=" * 9000),
    ],
    ids=lambda source: ascii(source[:10]),
)
def test_any_text_has_tokens(source):
    assert isinstance(similarity.fingerprints(source), dict)


def test_what_breaks_off_is_still_compared():
    broken = LONG + "\nprint("
    assert len(similarity.fingerprints(broken).keys() & similarity.fingerprints(broken + "[").keys()) > 8


def test_a_long_shared_run_is_always_found():
    """Winnowing's promise: a run of LENGTH + WINDOW − 1 tokens, whatever stands around it."""
    run = "shared = np.exp(a[1] - b.max()) / (c.sum() + np.log(d[2]))"
    assert len(words(run)) >= similarity.LENGTH + similarity.WINDOW - 1
    for before in ("", "x = 1\n", "for i in y:\n  print(i)\n", "x = [1, 2, {3: 4}]\ny = x[0]\n"):
        one, two = before + run, run + "\nprint(shared)"
        assert similarity.fingerprints(one).keys() & similarity.fingerprints(two).keys()


def test_a_copy_is_found_and_what_a_third_writes_is_not():
    cells = {f"s{n:02}": {"q1": COMMON, "q2": STUB} for n in range(20)}
    cells["anna"] = {"q1": COMMON, "q2": LONG}
    cells["ben"] = {"q1": COMMON, "q2": textwrap.dedent(DISGUISED)}
    cells["carl"] = {"q1": COMMON, "q2": OTHER}
    (group,) = similarity.groups(cells, {"q2": STUB})
    assert (group.students, group.share) == (("anna", "ben"), 1.0)
    (fragment,) = group.fragments
    assert fragment.item == "q2"
    assert "row = np.exp" in fragment.first
    assert "w = (np.exp" in fragment.second
    assert similarity.groups(cells, {"q2": LONG}) == []  # it was handed out
    assert similarity.groups({}) == []


@pytest.mark.parametrize("copies", [2, similarity.RARE + 5])
def test_a_source_that_many_copied_binds_them_all(copies):
    cells = {f"s{n:03}": {"q1": LONG if n < copies else OTHER if n % 2 else COMMON} for n in range(4 * copies)}
    bound = {group.students: group.share for group in similarity.groups(cells)}
    assert bound[tuple(f"s{n:03}" for n in range(copies))] == 1.0


def met(students, copies, seed):
    """A class, and its copied pairs that are shown and not shown, and the others that are shown."""
    rng = random.Random(seed)
    cells = {f"h{n:04}": similar_code.honest(rng) for n in range(students)}
    pairs = set()
    for n, source in enumerate(rng.sample(sorted(cells), copies)):
        cells[f"c{n:04}"] = {item: similar_code.copied(text, rng) for item, text in cells[source].items()}
        pairs.add(frozenset({f"c{n:04}", source}))
    shown = {pair for group in similarity.groups(cells) for pair in map(frozenset, combinations(group.students, 2))}
    return len(pairs & shown), len(pairs - shown), len(shown - pairs)


def test_copies_are_found_and_who_never_met_is_not():
    """Of a class of 30 one or two pairs are shown without a reason, and nearly all disguised copies.

    Where 6 pairs are expected in 4 classes, more than 20 have a probability below 1e-5; where 98 of 100 copies are
    found, fewer than 13 of 16 have one of 1e-4. `tests/bench/similarity.py` measures both.
    """
    found, missed, others = map(sum, zip(*(met(26, 4, seed) for seed in range(4)), strict=True))
    assert found + missed == 16
    assert missed <= 3
    assert others <= 20


def test_two_who_only_renamed_are_found_in_any_class():
    rng = random.Random(3)
    cells = {f"h{n:04}": similar_code.honest(rng) for n in range(200)}
    cells["copy"] = {item: text.replace("gamma", "discount") + "\n# mine" for item, text in cells["h0007"].items()}
    assert any(set(group.students) == {"h0007", "copy"} and group.share == 1 for group in similarity.groups(cells))
