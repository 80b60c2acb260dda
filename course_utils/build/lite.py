"""The course in JupyterLite, which runs Python in the browser: ``python -m course_utils.build lite``.

The build holds the notebooks, the course as a wheel, and the wheels that it needs and Pyodide does not bring. Pyodide
itself, with NumPy and matplotlib, comes from where its distribution lies, at the reader's side. The pages want a web
server, any static host: `python -m http.server -d build/lite`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_utils.build import labextension
from course_utils.build.notebooks import NOTEBOOKS, PROBLEM_SETS, REPOSITORY

__all__ = ["LiteError", "build", "contents", "course_wheel", "main", "to_bring"]


OUT = REPOSITORY / "build" / "lite"
COURSE = "policy-gradient-course"
# What the course asks for that only a server or a grader uses: a browser's Python does without.
SERVER_ONLY = {"jupyter-core", "jupyterlab", "pyzmq"}
# Of what it asks for, and what that needs in turn: what Pyodide 314 brings, by its pyodide-lock.json.
IN_PYODIDE = set(
    """asttokens attrs contourpy cycler cloudpickle decorator executing fonttools ipython jedi joblib jsonschema
    jsonschema-specifications kiwisolver matplotlib matplotlib-inline numpy packaging parso pexpect pillow
    prompt-toolkit ptyprocess pure-eval pygments pyparsing python-dateutil referencing rpds-py six stack-data
    threadpoolctl tqdm traitlets typing-extensions wcwidth""".split()  # noqa: SIM905
)
SHIMS = {"widgetsnbextension", "ipykernel", "ipython-pygments-lexers"}  # the kernel brings its own, or does without
# Modules of the standard library that Pyodide 314 does not have, found by importing each there; it has the last two,
# and older ones did not.
ABSENT = set(
    """_multiprocessing _posixshmem curses dbm ensurepip grp idlelib lib2to3 msvcrt pwd readline resource syslog tkinter
    turtle venv winreg fcntl termios""".split()  # noqa: SIM905
)
SETTINGS = {"jupyter-lite-schema-version": 0, "jupyter-config-data": {"appName": "Policy gradients"}}
FIRST = "%pip install -q policy-gradient-course  # in the browser: once in each kernel"
EXTENSIONS = ("@jupyterlite/pyodide-kernel-extension", "@jupyter-widgets/jupyterlab-manager", "anywidget")


class LiteError(Exception):
    """A build that failed; the message says why."""


def build(out: Path = OUT) -> Path:
    """Write the JupyterLite site in place of what is there and return its first page; raise LiteError."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        wheels = [course_wheel(folder / "wheels"), *_download(to_bring(), folder / "wheels")]
        contents(folder / "contents")
        tools = _tools(folder / "tools")
        settings = {"LiteBuildConfig": {"federated_extensions": [str(path) for path in _extensions(folder, tools)]}}
        settings["PipliteAddon"] = {"piplite_urls": [str(wheel) for wheel in wheels]}
        (folder / "jupyter_lite_config.json").write_text(json.dumps(settings), encoding="utf-8")
        (folder / "jupyter-lite.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
        command = [sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", str(folder)]
        command += ["--contents", str(folder / "contents"), "--output-dir", str(folder / "out"), "--apps", "lab"]
        command += ["--ignore-sys-prefix", "--no-libarchive", "--no-sourcemaps"]
        _run(command, folder, PYTHONPATH=sysconfig.get_path("purelib", vars={"base": str(tools)}))
        if out.exists():
            shutil.rmtree(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder / "out", out)
    return out / "lab" / "index.html"


def course_wheel(folder: Path) -> Path:
    """Build the course's wheel, which asks for nothing that a browser's Python cannot have, and return it."""
    made = folder.with_name("made")
    _run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(made),
            str(REPOSITORY),
        ]
    )
    [wheel] = made.glob("*.whl")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / wheel.name
    with zipfile.ZipFile(wheel) as given, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        for name in given.namelist():
            if not name.endswith("/RECORD"):  # of the wheel as it was
                text = given.read(name)
                written.writestr(name, _in_browser(text.decode()).encode() if name.endswith("/METADATA") else text)
        [record] = [name for name in given.namelist() if name.endswith("/RECORD")]
        lines = [f"{name},," for name in given.namelist()]
        written.writestr(record, "\n".join(lines) + "\n")
    return target


def _in_browser(about: str) -> str:
    """Return a wheel's metadata without the extras, and without what only a server uses."""
    kept = []
    for line in about.split("\n"):
        asked = re.match(r"Requires-Dist: (.+)", line)
        if line.startswith("Provides-Extra:") or (asked and "extra ==" in line):
            continue
        if not asked or canonicalize_name(Requirement(asked[1]).name) not in SERVER_ONLY:
            kept.append(line)
    return "\n".join(kept)


def to_bring() -> list[str]:
    """Return a pin of each package that the course needs and Pyodide does not bring, as installed here."""
    pins: dict[str, str] = {}
    waiting = [COURSE]
    seen = IN_PYODIDE | SERVER_ONLY | SHIMS
    while waiting:
        name = waiting.pop()
        if name != COURSE:
            pins[name] = f"{name}=={metadata.version(name)}"
        seen.add(name)
        for need in map(Requirement, metadata.requires(name) or []):
            there = need.marker is None or need.marker.evaluate({"extra": "", "sys_platform": "emscripten"})
            if there and canonicalize_name(need.name) not in seen:
                waiting.append(canonicalize_name(need.name))
    return sorted(pins.values())


def _download(pins: Sequence[str], folder: Path) -> list[Path]:
    """Fetch the pure wheels of these packages; raise LiteError where one has none."""
    before = set(folder.glob("*.whl"))
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--platform", "any"]
    _run([*command, "--python-version", "3.13", "--implementation", "py", "--abi", "none", "-d", str(folder), *pins])
    return sorted(set(folder.glob("*.whl")) - before)


def contents(folder: Path) -> list[str]:
    """Write the notebooks as a browser's Python runs them, and return their names within the folder."""
    names = []
    paths = [*NOTEBOOKS.glob("*.ipynb"), *(NOTEBOOKS / PROBLEM_SETS).glob("*")]
    for path in sorted(path for path in paths if path.suffix in (".ipynb", ".py")):
        target = folder / path.relative_to(NOTEBOOKS)
        target.parent.mkdir(parents=True, exist_ok=True)
        names.append(path.relative_to(NOTEBOOKS).as_posix())
        if path.suffix == ".py":
            shutil.copy(path, target)
            continue
        notebook = nbformat.read(path, as_version=4)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(FIRST, id="in-the-browser"))
        notebook.metadata.kernelspec = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}
        nbformat.write(notebook, target)
    return names


def _tools(folder: Path) -> Path:
    """Install JupyterLite beside this environment, and return where: in it, JupyterLab would load its extension too."""
    asked = [Requirement(line) for line in metadata.requires(COURSE) or []]
    wanted = [
        f"{need.name}{need.specifier}" for need in asked if need.marker and need.marker.evaluate({"extra": "lite"})
    ]
    pins = Path(__file__).with_name("constraints.txt")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-warn-script-location", "--prefix", str(folder)]
    _run([*command, "-c", str(pins), *wanted])
    return folder


def _extensions(folder: Path, tools: Path) -> list[Path]:
    """Return the folders of JupyterLab's extensions that the course needs, its own written anew."""
    places = [Path(prefix) / "share" / "jupyter" / "labextensions" for prefix in (tools, sys.prefix)]
    found = [next(place / name for place in places if (place / name).is_dir()) for name in EXTENSIONS]
    return [*found, labextension.install(folder / "prefix")]


def _run(command: Sequence[str], folder: Path = REPOSITORY, **more: str) -> None:
    run = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    if run.returncode != 0:
        raise LiteError(f"{' '.join(command[1:4])} failed: {run.stdout.strip()[-2000:]}")


def main() -> int:
    """Build it and say how to look at it; 1 where that fails."""
    try:
        page = build()
    except LiteError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{page}\nserve it: {Path(sys.executable).name} -m http.server -d {OUT.relative_to(REPOSITORY)}")
    return 0
