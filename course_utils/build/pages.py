"""Let `jupyter nbconvert`, and JupyterLab's export, make pages of lessons that show everything without a network.

nbconvert would leave out the alt text of pictures, and of a lab that it has just run show only a view that scripts
from the network must fill. A function that each page passes through puts both right; a configuration file in the
Python environment names it.
"""

import base64
import re
import sys
from html import escape
from pathlib import Path
from typing import Any

__all__ = ["as_page", "check_words", "install", "still", "with_tables"]


_QUOTE = re.compile(r"^>.*(?:\n>.*)*\n?", re.MULTILINE)
_WORDLESS = re.compile(r"!\[\s*\]\(|<img(?![^>]*\balt=.?[^\s\"'>])[^>]*>")
PICTURES = ("image/svg+xml", "image/png")  # the sharper one first
VIEW = "application/vnd.jupyter.widget-view+json"
MARK = "# Written by the policy-gradient course: its lessons as pages (course_utils/build/pages.py)."
CONFIGURATION = f"""{MARK}
from importlib.util import find_spec

c = get_config()
if find_spec("course_utils"):
    c.HTMLExporter.preprocessors.append("course_utils.build.pages.as_page")
"""


def install(prefix: Path = Path(sys.prefix)) -> Path:
    """Write the configuration of the Python environment at this prefix and return its file; that of others stays."""
    path = prefix / "etc" / "jupyter" / "jupyter_config.py"
    there = path.read_text(encoding="utf-8") if path.is_file() else MARK
    if there.startswith(MARK) and there != CONFIGURATION:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CONFIGURATION, encoding="utf-8", newline="\n")
    return path


def as_page(notebook: Any, resources: Any) -> tuple[Any, Any]:
    """Return a notebook whose pictures are HTML with alt text, its labs pictures, and its answers folded."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_tables(cell.source)
        if cell.cell_type == "markdown" and "answers" in cell.metadata:
            cell.source = f"<details><summary>What came, and why</summary>\n\n{cell.source}\n\n</details>"
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    if any(VIEW in output.data for output in outputs):
        from course_utils.widgets.offline import MIME_TYPE  # here, since it loads the widgets

        for output in outputs:
            if MIME_TYPE in output.data:
                output.data.pop(VIEW, None)
        if not any(VIEW in output.data for output in outputs):
            notebook.metadata.pop("widgets", None)
    for output in outputs:
        if html := still(output):
            output.data["text/html"] = html
    return notebook, resources


def check_words(notebook: Any, name: str) -> None:
    """Raise ValueError for a picture without alt text: some pages would drop it, others show it to eyes alone."""
    for cell in notebook.cells:
        shown = [output for output in cell.get("outputs", []) if {*PICTURES, "text/html"} & {*output.get("data", {})}]
        texts = [cell.source] if cell.cell_type == "markdown" else [still(output) or "![](" for output in shown]
        if any(map(_WORDLESS.search, texts)):
            raise ValueError(f"{name}: a picture of the cell {cell.get('id', cell.source[:40])!r} has no alt text")


def with_tables(source: str) -> str:
    """Return a text whose quotes with a table in them are written as HTML: nbconvert takes a table there for prose."""
    return _QUOTE.sub(lambda quote: _quote(quote[0]) if "\n> |" in quote[0] else quote[0], source)


def _quote(text: str) -> str:
    inner = re.sub(r"^> ?", "", text.rstrip("\n"), flags=re.MULTILINE)
    return f"<blockquote>\n\n{inner}\n\n</blockquote>\n"


def still(output: Any) -> str:
    """Return the HTML of an output, or its picture as HTML with alt text; nothing where it has neither."""
    if "text/html" in output.data:
        return str(output.data["text/html"])
    kind = next((kind for kind in PICTURES if kind in output.data), None)
    about = output.get("metadata", {}).get(kind, {})
    return _picture(str(kind), output.data[kind], about) if isinstance(about.get("alt"), str) else ""


def _picture(kind: str, content: str, about: dict[str, Any]) -> str:
    if kind == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    sizes = "".join(f' {name}="{about[name]}"' for name in ("width", "height") if isinstance(about.get(name), int))
    return f'<img alt="{escape(about["alt"])}"{sizes} src="data:{kind};base64,{"".join(content.split())}">'
