"""Write the JupyterLab extension that shows labs in every state of a notebook (widgets/labextension.js).

JupyterLab finds prebuilt extensions in <prefix>/share/jupyter/labextensions. Nothing here needs Node.
"""

import hashlib
import json
import sys
from pathlib import Path

from course_utils import __version__
from course_utils.data_files import DATA

__all__ = ["build", "fingerprint", "folder", "install", "lab_module"]


PACKAGE = "policy-gradient-course"
WIDGETS = Path(__file__).parents[1] / "widgets"


def folder(prefix: Path) -> Path:
    """Return where the extension of the Python environment at this prefix lies."""
    return prefix / "share" / "jupyter" / "labextensions" / PACKAGE


def install(prefix: Path = Path(sys.prefix)) -> Path:
    """Write the extension and return its folder; a few milliseconds if it is there and no source has changed."""
    target = folder(prefix)
    sources = fingerprint()
    if _written_from(target) != sources:
        files = build(sources)
        for path, text in files.items():  # package.json comes last: what it names must be there
            _write(target / path, text)
        for old in set((target / "static").iterdir()) - {target / path for path in files}:
            old.unlink(missing_ok=True)
    return target


def fingerprint() -> str:
    """Return a hash of all that the extension is made from."""
    files = [path for path in WIDGETS.iterdir() if path.suffix in (".py", ".js", ".css")]
    files = [*sorted(files), *sorted(path for path in DATA.rglob("*") if path.is_file()), Path(__file__)]
    return _hash("\n".join(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files))


def build(sources: str) -> dict[str, str]:
    """Return the text of each file, by its path in the extension's folder."""
    from course_utils.widgets import offline  # here, since it loads the widgets, and formulas are typeset

    labs = {name: lab_module(name) for name in offline.labs()}
    files = {name: f"{name}.{_hash(text)}.js" for name, text in labs.items()}
    arguments = ", ".join(json.dumps(value) for value in (PACKAGE, offline.MIME_TYPE, files))
    container = f"{_source('labextension.js').rstrip()}({arguments});\n"
    entry = f"static/remoteEntry.{_hash(container)}.js"
    package = {
        "name": PACKAGE,
        "version": __version__,
        "description": "Shows the labs of the policy-gradient course in every state of a notebook",
        "license": "BSD-3-Clause",
        "jupyterlab": {"extension": True, "_build": {"load": entry, "extension": "./extension"}},
        "sources": sources,
    }
    return {
        **{f"static/{files[name]}": text for name, text in labs.items()},
        entry: container,
        "package.json": json.dumps(package, indent=2) + "\n",
    }


def lab_module(name: str, without: tuple[str, ...] = ()) -> str:
    """Return the ES module that shows one lab without Python: it exports mount(element, state) and note.

    without: the constants that its page brings itself.
    """
    from course_utils.widgets import offline

    lab = offline.labs()[name]
    told = offline.description(lab)
    told["constants"] = {key: value for key, value in told["constants"].items() if key not in without}
    constants = json.dumps(told, ensure_ascii=False, allow_nan=False)
    return f"{vars(lab)['_esm']}\n{_source('offline.js').rstrip()}({constants});\n"


def _source(name: str) -> str:
    return (WIDGETS / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _written_from(target: Path) -> str | None:
    """Return the fingerprint of the sources of a complete extension, None if there is none."""
    try:
        package = json.loads((target / "package.json").read_text(encoding="utf-8"))
        complete = (target / package["jupyterlab"]["_build"]["load"]).is_file()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return package.get("sources") if complete else None


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
