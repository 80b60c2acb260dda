"""A notebook without an optional package: what its cells printed where the package was, in place of running them.

A cell with the tag "needs-torch" is replaced while the package is missing, as long as its code is the notebook's own.
All others run.
"""

import json
from importlib.util import find_spec
from typing import Any

from course_utils import lessons

__all__ = ["is_there", "needs", "show"]

TAG = "needs-torch"
SENTENCE = (
    "PyTorch is not installed, so the cells of this lesson show what they printed elsewhere: to run them, install it "
    "with %pip install torch==2.13.0 (a CPU build will do) and restart the kernel."
)
CHECK = "This check needs PyTorch, which is not installed.\n"
_stored: dict[str, list[Any]] = {}


def needs(package: str, notebook: str) -> bool:
    """Say whether a package is installed; if not, say so in a sentence, and let the notebook show its stored outputs.

    Args:
        package: the name that is imported.
        notebook: the file's name without its ending; a file that cannot be read stores nothing.

    Returns:
        True where the package can be imported.
    """
    if is_there(package):
        return True
    print(SENTENCE)
    try:
        text = (lessons.NOTEBOOKS / f"{notebook}.ipynb").read_text(encoding="utf-8")
        cells = json.loads(text)["cells"]
    except (OSError, ValueError, KeyError):
        cells = []
    _stored.clear()
    for cell in cells:
        tags = cell.get("metadata", {}).get("tags", [])
        if TAG in tags:  # of an answer's check nothing is stored
            said = [{"output_type": "stream", "text": CHECK}] if "answer" in tags else cell.get("outputs", [])
            _stored["".join(cell["source"]).strip()] = said
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None and _stand_in not in shell.input_transformers_post:
        shell.input_transformers_post.append(_stand_in)
    return False


def is_there(package: str) -> bool:
    """Say whether a package can be imported, without importing it."""
    try:
        return find_spec(package) is not None
    except ValueError:  # it has no spec, or is hidden
        return False


def show(code: str) -> None:
    """Show what the cell with this code has stored."""
    from IPython.display import display

    for output in _stored[code]:
        if output["output_type"] == "stream":
            print("".join(output["text"]), end="")
        else:
            data = {kind: "".join(x) if isinstance(x, list) else x for kind, x in output["data"].items()}
            display(data, metadata=output.get("metadata"), raw=True)  # type: ignore[no-untyped-call]


def _stand_in(lines: list[str]) -> list[str]:
    """Return in place of a stored cell's lines one that shows its outputs, and other lines as they are."""
    code = "".join(lines).strip()
    if code not in _stored:
        return lines
    return [f"__import__('course_utils.stored_outputs', fromlist=['show']).show({code!r})\n"]
