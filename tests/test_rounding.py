"""A printed digit that rounding decides is refused by the builder; digits that every processor prints are not."""

import ast
import builtins

import numpy as np
import pytest
from refusals import bad

from course_utils.build import rounding

EDGES = {
    "a field": "f'{0.5575:.3f}'",
    "a percentage": "f'{np.mean([1.0] * 1943 + [0.0] * 57):.1%}'",
    "the sign of what rounding leaves of 0": "f'{0.1 + 0.2 - 0.3:.4f}'",
    "round": "round(0.5575, 3)",
    "np.round": "np.round(np.array([0.5, 0.5575]), 3)",
    "the method": "np.array([0.5575]).round(3)",
    "an array that is printed": "print(np.array([0.31325, 0.5]))",
    "an array in a field": "f'{np.array([0.31325, 0.5])}'",
    "an array that ends a cell": "np.array([0.31325, 0.5])",
    "all digits of a float": "print(0.1 + 0.2)",
    "all digits in a list": "[0.1 + 0.2]",
    "all digits in a field": "f'{0.1 + 0.2}'",
}
SAFE = {
    "away from an edge": "f'{0.5573:.3f}'",
    "a true 0": "f'{0.0:.3f}'",
    "the z that drops the sign of 0": "f'{0.1 + 0.2 - 0.3:z.4f}'",
    "what rounding leaves of 0, removed": "print((np.array([0.1 + 0.2 - 0.3, 0.5])).round(12) + 0)",
    "a whole number": "f'{12:5d} {\"word\":>8s}'",
    "a short float": "print(0.25, [0.1], {'a': -1.5e-7})",
    "no format at all": "f'{\"word\"!r}'",
    "not finite": "print(float('inf'), np.nan)",
}


def play(code):
    tree = rounding.watched(ast.parse(f"it = None\n{code}"))
    tree.body[-1] = ast.copy_location(ast.Assign([ast.Name("it", ast.Store())], tree.body[-1].value), tree.body[-1])
    names = {"np": np}
    with np.printoptions(precision=4, suppress=True):
        exec(compile(ast.fix_missing_locations(tree), "cell", "exec"), names)
    return names["it"]


@pytest.fixture(autouse=True)
def watched(monkeypatch):
    monkeypatch.setattr(builtins, "__rounding__", rounding, raising=False)


@pytest.mark.parametrize("code", EDGES.values(), ids=EDGES)
def test_digits_that_rounding_decides_are_refused(code):
    bad(rounding.RoundingError, "depending on the processor; print fewer digits", play, code)


@pytest.mark.parametrize("code", SAFE.values(), ids=SAFE)
def test_other_digits_are_not(code):
    assert repr(play(code)) == repr(eval(code, {"np": np}))
