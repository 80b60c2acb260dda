"""What counts as shared code: not names, layout and comments, not the hand-out, not what everybody writes."""

import textwrap

import pytest

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
    (pair,) = similarity.pairs(cells, {"q2": STUB})
    assert (pair.first, pair.second, pair.share) == ("anna", "ben", 1.0)
    (fragment,) = pair.fragments
    assert fragment.item == "q2"
    assert "row = np.exp" in fragment.first
    assert "w = (np.exp" in fragment.second
    assert similarity.pairs(cells, {"q2": LONG}) == []  # it was handed out
    assert similarity.pairs({}) == []


@pytest.mark.parametrize("copies", [2, similarity.RARE + 5])
def test_a_source_that_many_copied_binds_them_all(copies):
    cells = {f"s{n:03}": {"q1": LONG if n < copies else OTHER if n % 2 else COMMON} for n in range(4 * copies)}
    found = similarity.pairs(cells)
    assert {pair.share for pair in found} == {1.0}
    together = {frozenset({pair.first, pair.second}) for pair in found}
    assert frozenset({"s000", "s001"}) in together
    assert len(found) == min(similarity.MOST, copies * (copies - 1) // 2)
