"""What may help after an exception: each piece of advice against the exception itself, raised by Python or NumPy."""

import math
import re
from importlib.util import find_spec
from operator import iadd, setitem

import numpy as np
import pytest
from learners import torch

from course_utils.checks import advice as module
from course_utils.checks.advice import KEEPDIMS, ROWS, TWO_SHAPES, advice

X, Z = np.array([1.0, 2.0]), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
TWO, NOTHING, RNG = 2, None, np.random.default_rng(0)
WHOLE, MASK = np.array([1, 2]), np.array([True, False, True])


def unbound():
    value += 1  # noqa: F821
    return value


def endless():
    return endless()


def unpack(values):
    a, b = values
    return a, b


def asserts():
    assert X.sum() == 0


def half_graph():
    x = torch.ones(2, requires_grad=True)
    y = x.exp()
    y -= 1
    y.sum().backward()


def backward_twice():
    y = torch.ones(2, requires_grad=True).exp().sum()
    y.backward()
    y.backward()


ADVICE = [  # words of the advice, and what raises
    ("no value before that line", unbound),
    ("Python knows no such name", lambda: undefined_name),  # noqa: F821
    ("NumPy and nothing else", lambda: __import__("torch_that_nobody_has")),
    ("an array has", lambda: [1].shape, lambda: (1.0).mean()),
    ("without a `return`", lambda: None.sum()),
    ("no attribute of that name", lambda: X.softmax(), lambda: np.sofmax),
    ("calls itself without end", endless),
    ("square brackets", lambda: X(0)),
    ("`*` may be missing", lambda: TWO(X)),
    ("arguments that it does not take", lambda: np.exp(), lambda: unpack(), lambda: unpack(1, 2)),
    ("arguments that it does not take", lambda: unpack(axis=1)),
    ("fewer axes", lambda: X.sum(axis=3)),
    ("What is assigned has more entries", lambda: setitem(np.zeros(3), slice(0, 2), np.ones(3))),
    ("What is assigned has more entries", lambda: setitem(np.zeros(3), 0, X)),
    ("What is assigned has more entries", lambda: iadd(np.zeros(2), np.zeros((3, 2)))),
    ("Rows of different lengths", lambda: np.array([[1, 2], [3]])),
    ("one pair of square brackets", lambda: Z[[0, 1, 0], [0, 1]]),
    ("For `@` and `np.dot`", lambda: X @ np.ones((5, 5)), lambda: np.dot(Z, Z)),
    ("`keepdims=True` keeps a summed axis", lambda: Z - Z.sum(axis=1), lambda: np.ones((4, 2, 3)) / np.ones((4, 2))),
    ("compared from the right", lambda: X + np.zeros(7), lambda: Z * np.zeros((3, 2))),
    ("keeps the number of entries", lambda: Z.reshape(4)),
    ("Arrays that are joined", lambda: np.concatenate([X, Z]), lambda: np.stack([X, np.zeros(3)])),
    ("Arrays that are joined", lambda: np.concatenate([Z, np.zeros((2, 2))])),
    ("Nothing is left", lambda: np.max([]), lambda: max([])),
    ("An index has to be a whole number", lambda: X[np.array([0.0, 1.0])], lambda: X[1.0], lambda: [1, 2][float(1)]),
    ("An index has to be a whole number", lambda: [1, 2][: float(1)]),
    ("More indices", lambda: X[0, 1], lambda: X[0][1], lambda: TWO[0]),
    ("A mask needs the shape", lambda: X[MASK]),
    ("points past the end", lambda: X[99], lambda: [1][5], lambda: [].pop()),
    ("no such key", lambda: {}["a"]),
    ("as the index of a list", lambda: [1, 2][WHOLE], lambda: range(X)),
    ("take one number", lambda: math.exp(X), lambda: float(X)),
    ("`//` divides without", lambda: range(2.0), lambda: np.zeros(2.0)),
    ("a single number is none", lambda: list(2.0), lambda: list(np.float64(2)), lambda: unpack(3)),
    ("has no length", lambda: len(2.0), lambda: len(np.array(2.0))),
    ("Something is None there", lambda: 1 + None, lambda: NOTHING[0]),
    ("Lists do not compute", lambda: [1.0] * 2.0, lambda: [1.0] - [2.0], lambda: -[1.0], lambda: [1.0] + 1.0),
    ("Begin with `np.zeros(n)`", lambda: iadd(np.array([1, 2]), 0.5)),
    ("do not go together", lambda: 1 + "a", lambda: 1 < "a", lambda: np.exp("a"), lambda: math.exp("a")),
    ("as many names on the left", lambda: unpack([1, 2, 3]), lambda: unpack([1])),
    ("`p=` has to be probabilities", lambda: RNG.choice(2, p=[0.5, 0.4]), lambda: RNG.choice(2, p=[1.5, -0.5])),
    ("`p=` has to be probabilities", lambda: RNG.choice(2, p=[1.0])),
    ("that has none", lambda: math.log(-1.0), lambda: math.sqrt(-1.0)),
    ("divided by 0", lambda: 1 / 0),
    ("exceeds the largest float", lambda: math.exp(1000)),
    ("without an inverse", lambda: np.linalg.inv(np.zeros((2, 2)))),
    ("cannot be changed", lambda: setitem(np.broadcast_to(0.0, 2), 0, 1)),
    ("too large for this computer", lambda: np.zeros((10**9, 10**9))),
    ("An `assert`", asserts),
    ("left early", lambda: next(iter([])), lambda: exit()),
    ("what Python could not do", lambda: (_ for _ in ()).throw(RuntimeError("something of mine"))),
]
OF_A_LINE = [  # as a learner wrote it, which stands between the two
    ("Python's own `max`", "z = z - max(z)", lambda: max(Z)),
    ("Python's own `max`", "z = sorted(z)", lambda: sorted(Z)),
    ("An `if` needs one truth value", "return 1 if x > 0 else 0", lambda: 1 if X > 0 else 0),
    ("One truth value is needed", "small = 0 < x < 1", lambda: bool(0 < X < 1)),
    ("One truth value is needed", "a = z.max() > 1 or x > 0", lambda: bool(np.max(Z, axis=0) > 1 or X > 0)),
]
OF_TORCH = [
    ("`torch` has the functions of `np`", lambda: torch.ones(2, requires_grad=True).numpy()),
    ("overwritten that the gradient needs", half_graph, lambda: iadd(torch.ones(2, requires_grad=True), 1)),
    ("thrown away by a first", backward_twice),
    ("a number without a past", lambda: torch.ones(()).backward()),
    ("no minus in PyTorch", lambda: torch.ones(2).bool() - torch.ones(2).bool()),
    ("no minus in PyTorch", lambda: torch.ones(2).long() - torch.ones(2).bool()),
    ("`torch.where` chooses", lambda: 1 if torch.ones(2) > 0 else 0),
    ("`index[..., None]`", lambda: torch.ones(1, 2, 3).gather(-1, torch.zeros(1, 2).long())),
    ("compared from the right", lambda: torch.ones(2) + torch.ones(3), lambda: torch.ones(2, 3) @ torch.ones(2, 3)),
    ("compared from the right", lambda: torch.ones(2, 3)[torch.ones(2, 2).bool()]),
    ("Print the `.dtype`", lambda: torch.ones(2, 2) @ torch.ones(2, 2).double()),
]
if find_spec("torch"):
    ADVICE += OF_TORCH
    OF_A_LINE += [("`torch.minimum` and", "a = max(x, y)", lambda: max(torch.ones(2), torch.zeros(2)))]
CASES = [(words, "", code) for words, *codes in ADVICE for code in codes] + OF_A_LINE


def raised(code):
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        code()
    return type(caught.value).__name__, " ".join(str(caught.value).split())


@pytest.mark.parametrize(("words", "line", "code"), CASES)
def test_what_an_exception_says_decides_the_advice(words, line, code):
    error, message = raised(code)
    assert words in advice(error, message, line), (error, message)


def test_every_row_is_needed_and_met():
    told = {advice(*raised(code), line) for _, line, code in CASES}
    met = ROWS if find_spec("torch") else ROWS[len(module.OF_TORCH) :]
    assert {text for _, _, text in met} | {KEEPDIMS, TWO_SHAPES, module.OTHERWISE} == told
    assert not re.search(r"\b(simply|clearly|obviously|trivial|stupid)\b|[a-z]!", " ".join(told), re.IGNORECASE)
