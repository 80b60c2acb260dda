"""Labs, quizzes and predictions in a page without Python: what a notebook stores of one, made to mount itself there.

    names = live_pages.prepare(notebook)                       # its outputs are now HTML that waits for the scripts
    scripts = live_pages.scripts(names)                        # text by file name, page.js last
    head = "".join(f'<script defer src="{name}"></script>' for name in scripts)

Plain scripts, since a browser loads no ES module from a folder (file://). What learners do is kept in the browser.
"""

import json
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from course_utils.build import labextension, pages
from course_utils.widgets import offline
from course_utils.widgets.kernel_lab import KernelLab
from course_utils.widgets.quiz import Quiz

__all__ = ["prepare", "script", "scripts"]


PAGE = "page.js"
SHARED = Path(__file__).parents[1] / "widgets" / "live_page.js"
KERNEL_HINT = "This is a picture: the lab learns in Python, to be run in the notebook of this lesson."
EXPORTS = {  # of a lab's module, and what stands there in a plain script
    "export default {": "void {",
    "export const { mount, note } =": "(globalThis.policyGradientLabs ??= {})[NAME] =",
}


def script(name: str) -> str:
    """Return the plain script that knows how to mount one lab; questions are in the page that asks them."""
    module = labextension.lab_module(name, without=("library",))
    for export, plain in EXPORTS.items():
        if module.count(export) != 1:
            raise ValueError(f"the module of {name} has {module.count(export)} lines {export!r}, expected one")
        module = module.replace(export, plain.replace("NAME", json.dumps(name)))
    if issubclass(offline.labs()[name], Quiz):  # so that the page can keep what an answer was worth
        module += f"globalThis.policyGradientLabs[{json.dumps(name)}].isRight = isRight;\n"
    return f"(() => {{\n{module}}})();\n"


def scripts(names: set[str]) -> dict[str, str]:
    """Return the scripts that a page with these labs needs, by file name, in the order to load them in."""
    return {**{f"{name}.js": script(name) for name in sorted(names)}, PAGE: SHARED.read_text(encoding="utf-8")}


def prepare(notebook: Any, *, one_by_one: bool = False) -> set[str]:
    """Make each output with a lab in it HTML that mounts itself, with its picture or text before; return their names.

    A lab that learns in Python stays a picture, with a hint. one_by_one: of a quiz each question mounts itself, all
    with the same record. Raises ValueError for a lab that this package does not have.
    """
    found: set[str] = set()
    for cell, output in [(one, output) for one in notebook.cells for output in one.get("outputs", [])]:
        stored = output.get("data", {}).get(offline.MIME_TYPE)
        if stored is None:
            continue
        several = stored.get("labs", [stored])
        if unknown := [name for one in several if (name := one.get("lab")) not in offline.labs()]:
            raise ValueError(f"the cell {cell.id!r} holds the lab {unknown[0]!r}, which there is not")
        alive = [one for one in several if not issubclass(offline.labs()[one["lab"]], KernelLab)]
        found |= {one["lab"] for one in alive}
        still = pages.still(output)
        parts = [part for one in alive for part in _parts(one, one_by_one=one_by_one)]
        places = "".join(_place(part, still if len(parts) == len(several) == 1 else "") for part in parts)
        hint = f'<p class="pgc-kernel-hint">{escape(KERNEL_HINT)}</p>' if len(alive) < len(several) else ""
        output.data = {"text/html": places + (hint and f"{still}{hint}")}
        output.metadata = {}
    return found


def _parts(stored: dict[str, Any], *, one_by_one: bool) -> list[dict[str, Any]]:
    """Return a lab's data with what it asks, if it asks; one_by_one: a quiz as one of each question."""
    library = _questions(stored)
    wholes = [(key, one, question) for key, one in library.items() for question in one["questions"]]
    if not one_by_one or len(wholes) < 2:
        return [{**stored, "constants": {"library": library} if library else {}}]
    count = len(wholes)
    return [
        {
            **stored,
            "constants": {"library": {key: {**one, "title": f"{one['title']} ({n} of {count})", "questions": [q]}}},
        }
        for n, (key, one, q) in enumerate(wholes, start=1)
    ]


def _place(data: dict[str, Any], still: str) -> str:
    """Return where one lab mounts itself: its data, and what stands there until then."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return f'<div class="pgc-live"><script type="application/json">{text}</script><div>{still}</div></div>'


def _questions(stored: dict[str, Any]) -> dict[str, Any]:
    """Return what a quiz or a prediction asks."""
    key = stored["state"].get("quiz")
    library = _library(stored["lab"]) if key else {}
    return {key: library[key]} if library else {}


@cache
def _library(name: str) -> dict[str, Any]:
    return dict(offline.description(offline.labs()[name])["constants"].get("library", {}))
