"""Refuse a printed digit that rounding decides: another processor would print another one.

The last bits of a float differ between processors. Where a number lies next to a rounding edge, as 0.5575 does with
three decimals, they decide a printed digit, and the stored output is one machine's own. The builder loads this module
into its kernels as an IPython extension: each f-string field, ``round`` and ``print`` of a lesson is tried with numbers
a little smaller and a little larger, and must come out the same.
"""

import ast
import builtins
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

__all__ = ["RoundingError", "in_field", "load_ipython_extension", "printed", "rounded", "shown", "steady", "watched"]


RELATIVE = 1e-11  # far above what sums of a few thousand terms differ by, far below any digit that a lesson prints
ABSOLUTE = 1e-14  # below it there is rounding only, and its sign is nobody's
MOST_SHOWN = 8  # decimals of an array that is printed
MOST_DIGITS = 12  # a float written with more has digits that rounding decides


class RoundingError(ValueError):
    """A printed digit that differs from processor to processor."""

    def __init__(self, value: object, one: str, other: str) -> None:
        """Say which number it is and how it could be printed."""
        super().__init__(
            f"{value!r} lies at a rounding edge and prints as {one} or {other}, depending on the processor; "
            "print fewer digits, or choose a seed with which it does not lie there"
        )


def steady(value: Any, written: Callable[[Any], str]) -> Any:
    """Return the value; raise RoundingError where a slightly different number is written otherwise."""
    if isinstance(value, float | np.floating | np.ndarray) and np.asarray(value).dtype.kind == "f":
        x = np.asarray(value, dtype=np.float64)
        step = np.where(x == 0, 0.0, np.maximum(np.abs(x) * RELATIVE, ABSOLUTE))
        low, high = (written((x + side * step)[()] if np.ndim(x) else float(x + side * step)) for side in (-1, 1))
        if low != high:
            raise RoundingError(value, low, high)
    return value


def in_field(value: Any, spec: str) -> Any:
    """Return the value of an f-string's field with a format."""
    return steady(value, lambda x: format(x, spec)) if spec and np.ndim(value) == 0 else value


def rounded(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return what ``round(x, n)``, ``np.round(x, n)`` or ``x.round(n)`` returns.

    Rounding to many digits is there to remove what rounding left of 0: no digit of it is seen.
    """
    owner = getattr(function, "__self__", None)
    x, *more = (owner, *args) if isinstance(owner, np.ndarray | np.generic) else args
    if kwargs.get("decimals", more[0] if more else 0) <= MOST_SHOWN:
        steady(x, lambda near: repr(np.round(near, *more, **kwargs).tolist()))
    return function(*args, **kwargs)


def printed(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Print; refuse a float with all its digits, and an array at an edge of those that are shown."""
    for value in args:
        shown(value)
    return function(*args, **kwargs)


def shown(value: Any) -> Any:
    """Return the value; raise RoundingError where its str() or repr() would differ."""
    if isinstance(value, np.ndarray):
        steady(value, str)
    elif isinstance(value, float | np.floating) and np.isfinite(value):
        digits = len(repr(float(value)).partition("e")[0].replace(".", "").replace("-", "").strip("0"))
        if digits > MOST_DIGITS:
            raise RoundingError(value, f"{value:.17g}", "with other last digits")
    elif isinstance(value, list | tuple):
        for entry in value:
            shown(entry)
    elif isinstance(value, dict):
        for entry in value.values():
            shown(entry)
    return value


class _Watch(ast.NodeTransformer):
    """Route fields, ``round`` and ``print`` of a cell through the functions above."""

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        self.generic_visit(node)
        if node.format_spec is None:
            node.value = _call("shown", node.value)
        elif node.conversion == -1:
            node.value = _call("in_field", node.value, node.format_spec)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        function = node.func
        if (isinstance(function, ast.Name) and function.id == "round") or (
            isinstance(function, ast.Attribute) and function.attr in ("round", "around")
        ):
            return _call("rounded", function, *node.args, keywords=node.keywords)
        if isinstance(function, ast.Name) and function.id == "print":
            return _call("printed", function, *node.args, keywords=node.keywords)
        return node


def _call(name: str, *args: ast.expr, keywords: list[ast.keyword] | None = None) -> ast.Call:
    module = ast.Name("__rounding__", ast.Load())
    return ast.Call(ast.Attribute(module, name, ast.Load()), list(args), keywords or [])


def watched(cell: ast.Module) -> ast.Module:
    """Return the cell's syntax tree, changed so that it refuses digits that rounding decides."""
    tree: ast.Module = _Watch().visit(cell)
    if tree.body and isinstance(last := tree.body[-1], ast.Expr):
        last.value = _call("shown", last.value)
    return ast.fix_missing_locations(tree)


def load_ipython_extension(shell: Any) -> None:
    """Watch all cells that this shell will run."""
    builtins.__rounding__ = sys.modules[__name__]  # type: ignore[attr-defined]
    shell.ast_transformers.append(SimpleNamespace(visit=watched))
