"""What may help after an exception: each piece of advice against the exception itself, raised by Python or NumPy."""

import math
import re
from importlib.util import find_spec

import numpy as np
import pytest
from learners import torch

from course_utils.checks import advice as module
from course_utils.checks.advice import KEEPDIMS, ROWS, TWO_SHAPES, advice

X, Z = np.array([1.0, 2.0]), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
TWO, NOTHING = 2, None
WHOLE, MASK = np.array([1, 2]), np.array([True, False, True])


def unbound():
    value += 1  # noqa: F821
    return value


def assign(array, index, value):
    array[index] = value


def read_only():
    array = np.zeros(2)
    array.flags.writeable = False
    array[0] = 1


def add_in_place(array, other):
    array += other


def endless():
    return endless()


def unpack(values):
    a, b = values
    return a, b


def imports():
    import torch_that_nobody_has  # noqa: F401


def asserts():
    assert X.sum() == 0


CASES = [
    # code that raises, the line as a learner wrote it, words of the advice
    (unbound, "", "no value before that line"),
    (lambda: undefined_name, "", "Python knows no such name"),  # noqa: F821
    (imports, "", "NumPy and nothing else"),
    (lambda: [1].shape, "", "an array has"),
    (lambda: (1.0).mean(), "", "an array has"),
    (lambda: None.sum(), "", "without a `return`"),
    (lambda: X.softmax(), "", "no attribute of that name"),
    (lambda: np.sofmax, "", "no attribute of that name"),
    (endless, "", "calls itself without end"),
    (lambda: X(0), "", "square brackets"),
    (lambda: TWO(X), "", "`*` may be missing"),
    (lambda: np.exp(), "", "arguments that it does not take"),
    (lambda: unpack(), "", "arguments that it does not take"),
    (lambda: unpack(1, 2), "", "arguments that it does not take"),
    (lambda: unpack(axis=1), "", "arguments that it does not take"),
    (lambda: max(Z), "z = z - max(z)", "Python's own `max`"),
    (lambda: sorted(Z), "z = sorted(z)", "Python's own `max`"),
    (lambda: 1 if X > 0 else 0, "return 1 if x > 0 else 0", "An `if` needs one truth value"),
    (lambda: bool(0 < X < 1), "small = 0 < x < 1", "One truth value is needed"),
    (lambda: bool(np.max(Z, axis=0) > 1 or X > 0), "a = z.max() > 1 or x > 0", "One truth value is needed"),
    (lambda: X.sum(axis=3), "", "fewer axes"),
    (lambda: assign(np.zeros(3), slice(0, 2), np.ones(3)), "", "What is assigned has more entries"),
    (lambda: assign(np.zeros(3), 0, X), "", "What is assigned has more entries"),
    (lambda: add_in_place(np.zeros(2), np.zeros((3, 2))), "", "What is assigned has more entries"),
    (lambda: np.array([[1, 2], [3]]), "", "Rows of different lengths"),
    (lambda: Z[[0, 1, 0], [0, 1]], "", "one pair of square brackets"),
    (lambda: X @ np.ones((5, 5)), "", "For `@` and `np.dot`"),
    (lambda: np.dot(Z, Z), "", "For `@` and `np.dot`"),
    (lambda: Z - Z.sum(axis=1), "", "`keepdims=True` keeps a summed axis"),
    (lambda: np.ones((4, 2, 3)) / np.ones((4, 2)), "", "`keepdims=True` keeps a summed axis"),
    (lambda: X + np.zeros(7), "", "compared from the right"),
    (lambda: Z * np.zeros((3, 2)), "", "compared from the right"),
    (lambda: Z.reshape(4), "", "keeps the number of entries"),
    (lambda: np.concatenate([X, Z]), "", "Arrays that are joined"),
    (lambda: np.stack([X, np.zeros(3)]), "", "Arrays that are joined"),
    (lambda: np.concatenate([Z, np.zeros((2, 2))]), "", "Arrays that are joined"),
    (lambda: np.max([]), "", "Nothing is left"),
    (lambda: max([]), "", "Nothing is left"),
    (lambda: X[np.array([0.0, 1.0])], "", "An index has to be a whole number"),
    (lambda: X[1.0], "", "An index has to be a whole number"),
    (lambda: [1, 2][float(1)], "", "An index has to be a whole number"),
    (lambda: [1, 2][: float(1)], "", "An index has to be a whole number"),
    (lambda: X[0, 1], "", "More indices"),
    (lambda: X[0][1], "", "More indices"),
    (lambda: TWO[0], "", "More indices"),
    (lambda: X[MASK], "", "A mask needs the shape"),
    (lambda: X[99], "", "points past the end"),
    (lambda: [1][5], "", "points past the end"),
    (lambda: [].pop(), "", "points past the end"),
    (lambda: {}["a"], "", "no such key"),
    (lambda: [1, 2][WHOLE], "", "as the index of a list"),
    (lambda: range(X), "", "as the index of a list"),
    (lambda: math.exp(X), "", "take one number"),
    (lambda: float(X), "", "take one number"),
    (lambda: range(2.0), "", "`//` divides without"),
    (lambda: np.zeros(2.0), "", "`//` divides without"),
    (lambda: list(2.0), "", "a single number is none"),
    (lambda: list(np.float64(2)), "", "a single number is none"),
    (lambda: unpack(3), "", "a single number is none"),
    (lambda: len(2.0), "", "has no length"),
    (lambda: len(np.array(2.0)), "", "has no length"),
    (lambda: 1 + None, "", "Something is None there"),
    (lambda: NOTHING[0], "", "Something is None there"),
    (lambda: [1.0] * 2.0, "", "Lists do not compute"),
    (lambda: [1.0] - [2.0], "", "Lists do not compute"),
    (lambda: -[1.0], "", "Lists do not compute"),
    (lambda: [1.0] + 1.0, "", "Lists do not compute"),
    (lambda: add_in_place(np.array([1, 2]), 0.5), "", "Begin with `np.zeros(n)`"),
    (lambda: 1 + "a", "", "do not go together"),
    (lambda: 1 < "a", "", "do not go together"),
    (lambda: np.exp("a"), "", "do not go together"),
    (lambda: math.exp("a"), "", "do not go together"),
    (lambda: unpack([1, 2, 3]), "", "as many names on the left"),
    (lambda: unpack([1]), "", "as many names on the left"),
    (lambda: np.random.default_rng(0).choice(2, p=[0.5, 0.4]), "", "`p=` has to be probabilities"),
    (lambda: np.random.default_rng(0).choice(2, p=[1.5, -0.5]), "", "`p=` has to be probabilities"),
    (lambda: np.random.default_rng(0).choice(2, p=[1.0]), "", "`p=` has to be probabilities"),
    (lambda: math.log(-1.0), "", "that has none"),
    (lambda: math.sqrt(-1.0), "", "that has none"),
    (lambda: 1 / 0, "", "divided by 0"),
    (lambda: math.exp(1000), "", "exceeds the largest float"),
    (lambda: np.linalg.inv(np.zeros((2, 2))), "", "without an inverse"),
    (read_only, "", "cannot be changed"),
    (lambda: np.zeros((10**9, 10**9)), "", "too large for this computer"),
    (asserts, "", "An `assert`"),
    (lambda: next(iter([])), "", "left early"),
    (lambda: exit(), "", "left early"),
    (lambda: (_ for _ in ()).throw(RuntimeError("something of mine")), "", "what Python could not do"),
]


def half_graph():
    x = torch.ones(2, requires_grad=True)
    y = x.exp()
    y -= 1
    y.sum().backward()


def backward_twice():
    y = torch.ones(2, requires_grad=True).exp().sum()
    y.backward()
    y.backward()


OF_TORCH = [
    (lambda: torch.ones(2, requires_grad=True).numpy(), "", "`torch` has the functions of `np`"),
    (half_graph, "", "overwritten that the gradient needs"),
    (lambda: add_in_place(torch.ones(2, requires_grad=True), 1), "", "overwritten that the gradient needs"),
    (backward_twice, "", "thrown away by a first"),
    (lambda: torch.ones(()).backward(), "", "a number without a past"),
    (lambda: torch.ones(2).bool() - torch.ones(2).bool(), "", "no minus in PyTorch"),
    (lambda: torch.ones(2).long() - torch.ones(2).bool(), "", "no minus in PyTorch"),
    (lambda: max(torch.ones(2), torch.zeros(2)), "a = max(x, y)", "`torch.minimum` and"),
    (lambda: 1 if torch.ones(2) > 0 else 0, "", "`torch.where` chooses"),
    (lambda: torch.ones(1, 2, 3).gather(-1, torch.zeros(1, 2).long()), "", "`index[..., None]`"),
    (lambda: torch.ones(2) + torch.ones(3), "", "compared from the right"),
    (lambda: torch.ones(2, 3) @ torch.ones(2, 3), "", "compared from the right"),
    (lambda: torch.ones(2, 3)[torch.ones(2, 2).bool()], "", "compared from the right"),
    (lambda: torch.ones(2, 2) @ torch.ones(2, 2).double(), "", "Print the `.dtype`"),
]
CASES += OF_TORCH if find_spec("torch") else []


def raised(code):
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        code()
    return type(caught.value).__name__, " ".join(str(caught.value).split())


@pytest.mark.parametrize(("code", "line", "words"), CASES)
def test_what_an_exception_says_decides_the_advice(code, line, words):
    error, message = raised(code)
    assert words in advice(error, message, line), (error, message)


def test_every_row_is_needed_and_met():
    told = {advice(*raised(code), line) for code, line, _ in CASES}
    met = ROWS if find_spec("torch") else ROWS[len(module.OF_TORCH) :]
    assert {text for _, _, text in met} | {KEEPDIMS, TWO_SHAPES, module.OTHERWISE} == told
    assert not re.search(r"\b(simply|clearly|obviously|trivial|stupid)\b|[a-z]!", " ".join(told), re.IGNORECASE)
