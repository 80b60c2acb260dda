"""Run of a solved notebook what it does not share with the learner's: the Makefile loads this with ``-p solved_once``.

The two have most of their cells in common, and nbval would run the long training of a lesson twice. A cell of the
solved one is left out if its code and what is stored of its outputs are the learner's, which nbval holds to a run, if
it uses no name that a cell with a difference binds, and if no cell that runs needs it. ``make test-slow`` runs all.
"""

from __future__ import annotations

import symtable
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import nbformat
import pytest


class Names(NamedTuple):
    """The names of the notebook's space that a cell's code has in it."""

    used: frozenset[str]
    bound: frozenset[str]
    fixed: frozenset[str]
    """what it imports or defines: calling it is no reason to run the other cells that call it"""


def names(source: str) -> Names:
    """Return the names of a cell; a SyntaxError for what is no plain Python."""
    module = symtable.symtable(source, "cell", "exec")
    top = module.get_symbols()
    inner = {name for scope in _scopes(module) for name in scope.get_identifiers() if scope.lookup(name).is_global()}
    fixed = {symbol.get_name() for symbol in top if symbol.is_imported() or symbol.is_namespace()}
    bound = {symbol.get_name() for symbol in top if symbol.is_assigned()} | fixed
    return Names(frozenset(inner | set(module.get_identifiers())), frozenset(bound), frozenset(fixed))


def _scopes(of: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for scope in of.get_children():
        yield scope
        yield from _scopes(scope)


def outputs(cell: Any) -> list[Any]:
    """Return what is stored of a cell's outputs, without what is new in each run."""
    kept = []
    for output in cell.get("outputs", ()):
        data = {kind: what for kind, what in output.get("data", {}).items() if "widget-view" not in kind}
        rest = {key: what for key, what in output.items() if key not in ("data", "execution_count", "metadata")}
        kept.append((rest, data))
    return kept


def to_run(learners: Sequence[Any], solved: Sequence[Any]) -> set[int]:
    """Return the places of the code cells of the solved notebook that are to run."""
    code = [i for i, cell in enumerate(solved) if cell.cell_type == "code"]
    try:
        of = {i: names(solved[i].source) for i in code}
    except SyntaxError:
        return set(code)
    theirs = {cell.id: cell for cell in learners}
    run, changed = set(), set[str]()
    for i in code:
        cell, other = solved[i], theirs.get(solved[i].id)
        same = other is not None and (cell.source, outputs(cell)) == (other.source, outputs(other))
        if not same or of[i].used & changed:
            run.add(i)
            changed |= of[i].bound | (names(other.source).bound if other is not None else set())
    variables = {name for each in of.values() for name in each.bound - each.fixed}
    while True:  # a cell that binds or may change what a cell that runs needs has to run too
        needed = {name for i in run for name in of[i].used}
        more = {i for i in code if i <= max(run, default=-1) and needed & (of[i].bound | (of[i].used & variables))}
        if more <= run:
            return run
        run |= more


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the other cells out, unless slow tests run too or the learner's notebook is not among what runs."""
    if config.option.markexpr != "not slow":
        return
    files = {item.path for item in items if item.path.suffix == ".ipynb"}
    left_out = set()
    for path in files:
        learners = path.parent.parent / path.name
        if path.parent.name == "solutions" and learners in files:
            solved = nbformat.read(path, as_version=4).cells
            run = to_run(nbformat.read(learners, as_version=4).cells, solved)
            code = [i for i, cell in enumerate(solved) if cell.cell_type == "code"]
            left_out |= {(path, f"Cell {place}") for place, i in enumerate(code) if i not in run}
    out = [item for item in items if (item.path, item.name) in left_out]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if (item.path, item.name) not in left_out]
