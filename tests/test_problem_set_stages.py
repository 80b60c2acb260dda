"""The stages of the build that problem sets ask for have one solution, that of ``notebooks/src/files/build.py``."""

import ast
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "notebooks" / "src"


def functions(path):
    """The functions at the top of a source, by name, without docstrings and layout."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for node in found:
        node.body = node.body[1:] if ast.get_docstring(node) else node.body
    return {node.name: ast.unparse(node) for node in found}


@pytest.mark.parametrize("name", ["ps2", "ps3", "ps4"])
def test_a_sets_stages_are_solved_as_in_the_build(name):
    build, own = functions(SOURCES / "files" / "build.py"), functions(SOURCES / f"{name}.py")
    shared = own.keys() & build.keys()
    assert len(shared) >= 3
    assert {one: own[one] for one in shared} == {one: build[one] for one in shared}
