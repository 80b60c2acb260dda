"""Turn notebooks/src/NN_topic.py into the learner's notebook and the solved one, executed.

The sources are jupytext py:percent files. Each cell carries a label, which becomes its id:

    # %% [markdown] label="what-u-is" tags=["slide"] minutes=2
    # %% label="u-by-hand"
    # %% label="u-exact" answers="which-rises, how-far"

In a code cell the lines between `# BEGIN SOLUTION` and `# END SOLUTION` stay in the solved notebook and
become one line to fill in for the learner, or, for a bug to find, the lines among them that begin with `#: `; a stage
of the build is named, not copied (see `markers`). A cell with the tag "solution" exists in the solved notebook only.
The figure of a cell with picture="name.png" is also written to notebooks/pictures, for pages that show it.
A source psN.py is a problem set. Its cells are marked for nbgrader: a cell whose label is the id of one of the set's
items is a solution cell, the one called {id}-check its test, and all others but "student" are read-only. Its solved
version keeps the two comments, from which nbgrader makes the learner's again.
A notebook whose first cell has folder="problem_sets" goes into that folder of notebooks/. The files in
notebooks/src/files are derived by the same markers; a notebook whose first cell names one (file="build.py") has a
solved version, beside the solved file.
The output of a cell with answers="…" is folded until the reader has made these predictions, by the id of each, which
a cell Predict("NN-…") above asks for; a text with it, which explains, is not shown until then (labextension.js). The
code of a cell with the tag "folded" is folded but for its first line. With "answer" the learner's notebook
stores no output, which would name the bug. A cell with "needs-torch" shows what is stored where PyTorch is not
installed (stored_outputs.py).
"""

import argparse
import asyncio
import base64
import os
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from course_utils import lessons
from course_utils.build import markers, stale
from course_utils.build.markers import SOLUTION, derived
from course_utils.grading import problem_sets
from course_utils.grading.problem_sets import ProblemSet
from course_utils.widgets import prediction
from course_utils.widgets.offline import MIME_TYPE

__all__ = ["BuildError", "build", "build_and_keep", "check_no_solution_left", "derive", "drop_models"]
__all__ += [
    "execute",
    "has_solution",
    "heaviest",
    "made_of",
    "main",
    "nbgrader_metadata",
    "notebook_metadata",
    "outputs",
]
__all__ += ["pictures", "read_source", "set_of", "sources", "to_build", "with_table", "write_files", "written"]


REPOSITORY = stale.REPOSITORY
NOTEBOOKS = REPOSITORY / "notebooks"
README = REPOSITORY / "README.md"
PICTURES = "pictures"
PROBLEM_SETS = "problem_sets"
BUILD = Path("files", "build.py")  # beside the sources
LARGEST = 1_000_000  # bytes
LONGEST_LINE = 96  # characters of code that JupyterLab shows beside its file browser
SLIDE_TAGS = {"slide", "subslide", "fragment", "notes", "skip"}
OTHER_TAGS = {
    "solution",
    "nbval-ignore-output",
    "folded",
    "answer",
    "needs-torch",
}  # the second: of long training, digits are the processor's
# Loaded into kernels: one refuses digits that rounding decides, one notes what is read.
EXTENSIONS = ("course_utils.build.rounding", "course_utils.build.stale")
PROGRESS_FILE = "POLICY_GRADIENT_COURSE_PROGRESS"  # empty: a build is nobody's progress
TO_WRITE = "*Your answer here.*"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_PREDICT = re.compile(r"""^Predict\(["'](\d\d)-([a-z0-9-]+)["']\)$""", re.MULTILINE)
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_HEADING = re.compile(r"^#+ ", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_LIST_IN_PROSE = re.compile(r"^(?![ \t>|#*+-]|\d+[.)] ).+\n((?:\d+[.)]|[-+*]) .*)", re.MULTILINE)
_TABLE = re.compile(r"(\| lesson \| question \|\n\|---\|---\|\n)(?:\|.*\n)*")  # of README.md


class BuildError(Exception):
    """A source or a build that breaks a rule; the message names the file and the cell's label."""


# --- from source to cells ---------------------------------------------------------------------------


def read_source(path: Path) -> NotebookNode:
    """Return the cells of a source, checked: each labelled, no label twice, known tags, paired markers."""
    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    try:
        markers.take_in(notebook, path.parent / BUILD)
    except LookupError as error:
        raise BuildError(f"{path.name}: {error}") from None
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells, start=1):
        label = cell.metadata.get("label")
        if label is None:
            raise BuildError(f'{path.name}: cell {number} has no label; write # %% label="…" above {_start(cell)!r}')
        where = f"{path.name}, cell {label!r}"
        if not isinstance(label, str) or not _LABEL.fullmatch(label):
            raise BuildError(f"{where}: expected a label of lower-case letters, digits and hyphens")
        if label in seen:
            raise BuildError(f"{where}: this label is used twice; each cell needs its own")
        seen.add(label)
        unknown = set(cell.metadata.get("tags", [])) - SLIDE_TAGS - OTHER_TAGS
        if unknown:
            raise BuildError(
                f"{where}: unknown tags {sorted(unknown)}, expected some of {sorted(SLIDE_TAGS | OTHER_TAGS)}"
            )
        long = [line for line in cell.source.split("\n") if cell.cell_type == "code" and len(line) > LONGEST_LINE]
        if long:
            raise BuildError(f"{where}: {long[0].strip()[:40]!r}… has over {LONGEST_LINE} characters and would be cut")
        list_in_prose = _LIST_IN_PROSE.search(_FENCED.sub("", cell.source)) if cell.cell_type == "markdown" else None
        if list_in_prose:
            raise BuildError(f"{where}: {list_in_prose[1][:40]!r}… would begin a list; break the line elsewhere")
        rest = SOLUTION.sub("", cell.source)
        if "BEGIN SOLUTION" in rest or "END SOLUTION" in rest:
            raise BuildError(f"{where}: # BEGIN SOLUTION and # END SOLUTION do not pair up")
        if "folded" in cell.metadata.get("tags", []) and not cell.source.startswith("# "):
            raise BuildError(f"{where}: folded code begins with a comment that says what it draws")
    _check_predictions(notebook, path)
    return notebook


def _answered(cell: NotebookNode) -> list[str]:
    """Return the ids of the predictions that a cell of a source answers."""
    return list(cell.metadata.get("answers", "").replace(",", " ").split())


def _check_predictions(notebook: NotebookNode, path: Path) -> None:
    """Raise BuildError unless each prediction of the lesson's file is asked once, and before what answers it."""
    number, asked = path.name[:2], set[str]()
    file = lessons.PREDICTIONS / f"{number}.json"
    known = {question["id"] for question in prediction.load(file)["questions"]} if file.is_file() else set()
    for cell in notebook.cells:
        where = f"{path.name}, cell {cell.metadata['label']!r}"
        for lesson, id in _PREDICT.findall(cell.source) if cell.cell_type == "code" else ():
            if lesson != number or id not in known:
                name = id if lesson == number else f"{lesson}-{id}"
                raise BuildError(f"{where}: {file.name} has no prediction {name!r}, expected some of {sorted(known)}")
            if id in asked:
                raise BuildError(f"{where}: the prediction {id!r} is asked twice")
            asked.add(id)
        if late := set(_answered(cell)) - asked:
            raise BuildError(f"{where}: it answers {sorted(late)}, which no Predict above it asks")
        if _answered(cell) and cell.cell_type == "markdown" and _HEADING.search(_FENCED.sub("", cell.source)):
            raise BuildError(f"{where}: it answers, so it is not shown at first, and a heading in it cannot be found")
    if unasked := known - asked:
        raise BuildError(f"{path.name}: no Predict asks {sorted(unasked)} of {file.name}")


def _start(cell: NotebookNode) -> str:
    return str(cell.source.strip().split("\n")[0][:60])


def has_solution(source: NotebookNode) -> bool:
    """Say whether the learner's and the solved notebook differ."""
    return any(SOLUTION.search(cell.source) or "solution" in cell.metadata.get("tags", []) for cell in source.cells)


def set_of(path: Path) -> ProblemSet | None:
    """Return the problem set that a source is the notebook of, or None for a lesson.

    Raises BuildError where its cells are not those of the set's items.
    """
    if path.stem not in problem_sets.names():
        return None
    found = problem_sets.load(path.stem)
    cells = {cell.metadata["label"]: cell for cell in read_source(path).cells}
    kinds = {label: cell.cell_type for label, cell in cells.items()}
    for item in found.items:
        written = item.kind == "written"
        if kinds.get(item.id) != ("markdown" if written else "code"):
            raise BuildError(f"{path.name} has no {'markdown' if written else 'code'} cell {item.id!r}")
        if (kinds.get(f"{item.id}-check") == "code") == written:
            raise BuildError(f"{path.name}, {item.id!r}: expected {'no' if written else 'a'} cell {item.id}-check")
        if item.kind == "stage" and f"def {item.name}(" not in cells[item.id].source:
            raise BuildError(f"{path.name}, {item.id!r}: expected the stage {item.question.name}")
    return found


def nbgrader_metadata(label: str, graded: ProblemSet) -> dict[str, Any]:
    """Return what nbgrader reads of a cell of a problem set: whose answer it is, what it is worth."""
    if label == "student":
        return {}
    item = next((one for one in graded.items if label in (one.id, f"{one.id}-check")), None)
    solution = item is not None and label == item.id
    grade = item is not None and (not solution or item.kind == "written")
    marks: dict[str, Any] = {"schema_version": 3, "grade_id": label, "grade": grade, "solution": solution}
    marks |= {"locked": not solution, "task": False}
    if item is not None and grade:
        marks["points"] = item.points
    return {"nbgrader": marks}


def derive(source: NotebookNode, *, solved: bool, graded: ProblemSet | None = None) -> NotebookNode:
    """Return the learner's or the solved notebook, not yet executed, with cell ids from the labels.

    graded: the problem set that it is the notebook of.
    """
    written = {item.id for item in graded.items if item.kind == "written"} if graded else set()
    cells = []
    for cell in source.cells:
        tags = list(cell.metadata.get("tags", []))
        if "solution" in tags and not solved:
            continue
        text = cell.source if graded and solved else derived(cell.source, solved=solved)
        if cell.metadata["label"] in written and not solved:
            text = TO_WRITE
        if "answer" in tags and not solved:
            tags.append("nbval-ignore-output")
        metadata: dict[str, Any] = {"tags": tags} if tags else {}
        if graded:
            metadata |= nbgrader_metadata(cell.metadata["label"], graded)
        for tag in SLIDE_TAGS & set(tags):
            metadata["slideshow"] = {"slide_type": tag}
        if "minutes" in cell.metadata:
            metadata["minutes"] = cell.metadata["minutes"]
        if answered := _answered(cell):
            metadata["answers"] = answered
            if cell.cell_type == "code":
                metadata["jupyter"] = {"outputs_hidden": True}
        if "folded" in tags:
            metadata.setdefault("jupyter", {})["source_hidden"] = True
        make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        cells.append(make(text, id=cell.metadata["label"], metadata=metadata))
    return nbformat.v4.new_notebook(
        cells=cells,
        metadata=notebook_metadata(),
    )


def notebook_metadata() -> dict[str, Any]:
    """Return what JupyterLab would write on opening the notebook, but for Python's version."""
    return {
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
        "language_info": {
            "codemirror_mode": {"name": "ipython", "version": 3},
            "file_extension": ".py",
            "mimetype": "text/x-python",
            "name": "python",
            "nbconvert_exporter": "python",
            "pygments_lexer": "ipython3",
        },
    }


def check_no_solution_left(learner: NotebookNode, source: NotebookNode, name: str) -> None:
    """Raise BuildError when a line that only the solution has stands in the learner's notebook."""
    shown = {line.strip() for cell in learner.cells for line in cell.source.split("\n")}
    for cell in source.cells:
        for match in SOLUTION.finditer(cell.source):
            for line in match[2].split("\n"):
                if len(line.strip()) > 12 and line.strip() in shown:
                    raise BuildError(
                        f"{name}, cell {cell.metadata['label']!r}: the solution's line {line.strip()!r} "
                        "stands elsewhere in the learner's notebook"
                    )


# --- execution --------------------------------------------------------------------------------------


def execute(
    notebook: NotebookNode, name: str, folder: Path, *, notes: Path | None = None, timeout: int = 120
) -> NotebookNode:
    """Run all cells and keep their outputs, with nothing that differs from run to run or lives in a kernel alone.

    notes: the file in which the kernel notes what it reads.
    """
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,  # the pieces that a stream comes in differ from run to run
        extra_arguments=[
            "--IPKernelApp.log_level=ERROR",
            *(f"--IPKernelApp.extra_extensions={name}" for name in EXTENSIONS),
        ],
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        run = client.async_execute(env={**os.environ, PROGRESS_FILE: "", stale.NOTES: str(notes or os.devnull)})
        with ThreadPoolExecutor(1) as thread:  # a loop of its own, also where one is running already
            thread.submit(asyncio.run, run).result()
    except CellExecutionError as error:
        label = next((c.id for c in notebook.cells if any(o.output_type == "error" for o in c.get("outputs", []))), "?")
        raise BuildError(f"{name}, cell {label!r} raises {error.ename}: {error.evalue}") from None
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                raise BuildError(f"{name}, cell {cell.id!r} warns: {output.text.strip()}")
        if {"answer", "nbval-ignore-output"} <= {*cell.metadata.get("tags", [])}:
            cell.outputs = []
    notebook.metadata = nbformat.from_dict(notebook_metadata())
    drop_models(notebook, name)
    return notebook


def drop_models(notebook: NotebookNode, name: str) -> None:
    """Leave of each widget its data, picture and text: what outlives the kernel (widgets/labextension.js draws it).

    Raises BuildError for a widget that would then be an empty output.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("data", {}).pop(WIDGET_VIEW, None) and MIME_TYPE not in output.data:
                raise BuildError(f"{name}, cell {cell.id!r} shows a widget that is nothing without Python")


# --- files ------------------------------------------------------------------------------------------


def sources(numbers: list[str] | None = None) -> Iterator[Path]:
    """Yield the source files, all or those with the given names, which begin a file's: two digits, "final" or others.

    "all" is every name.
    """
    if numbers == ["all"]:
        numbers = None
    paths = {path.stem.split("_")[0]: path for path in sorted((NOTEBOOKS / "src").glob("*.py"))}
    for number in numbers or []:
        if number not in paths:
            raise BuildError(f"there is no lesson {number!r} in notebooks/src, expected some of {sorted(paths)}")
    yield from (path for name, path in paths.items() if not numbers or name in numbers)


def outputs(path: Path) -> dict[Path, NotebookNode]:
    """Return the notebooks of one source, not yet executed, by the file that each is written to."""
    source = read_source(path)
    graded = set_of(path)
    learner = derive(source, solved=False, graded=graded)
    check_no_solution_left(learner, source, path.name)
    folder = PROBLEM_SETS if graded else source.cells[0].metadata.get("folder", "")
    notebooks = {NOTEBOOKS / folder / f"{path.stem}.ipynb": learner}
    if has_solution(source) or source.cells[0].metadata.get("file"):
        solutions = NOTEBOOKS / "solutions" / (folder if graded else "")
        notebooks[solutions / f"{path.stem}.ipynb"] = derive(source, solved=True, graded=graded)
    return notebooks


def write_files() -> list[Path]:
    """Write the learner's and the solved version of each file in notebooks/src/files; return those that changed."""
    changed = []
    for path in sorted((NOTEBOOKS / "src" / "files").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        for folder, solved in [("problem_sets", False), ("solutions", True)]:
            target, content = NOTEBOOKS / folder / path.name, derived(text, solved=solved)
            if not target.is_file() or target.read_text(encoding="utf-8") != content:
                target.parent.mkdir(exist_ok=True)
                target.write_text(content, encoding="utf-8", newline="\n")
                changed.append(target)
    return changed


def written(notebook: NotebookNode) -> bytes:
    """Return a notebook's file as JupyterLab would write it."""
    return f"{nbformat.writes(notebook)}\n".encode()


def to_build(numbers: list[str]) -> list[tuple[Path, str]]:
    """Return the sources with the given numbers, or without a number those that are stale, each with the reason."""
    reasons = ((path, "asked for" if numbers else stale.why(path.stem)) for path in sources(numbers))
    return [(path, reason) for path, reason in reasons if reason]


def build(path: Path, notes: Path | None = None) -> dict[Path, bytes]:
    """Return each notebook of one source, executed, and its pictures, by the file that they belong in."""
    files = {}
    for target, notebook in outputs(path).items():
        target.parent.mkdir(parents=True, exist_ok=True)
        content = written(execute(notebook, path.name, target.parent, notes=notes))
        if len(content) > LARGEST:
            raise BuildError(f"{path.name}, {heaviest(notebook)}: the notebook has {len(content)} bytes, over 1 MB")
        files[target] = content
        files.update(pictures(read_source(path), notebook, path.name))
    return files


def build_and_keep(path: Path) -> None:
    """Build one source, write its files, and write down what went into them."""
    since = time.time()
    with TemporaryDirectory() as folder:
        notes = Path(folder) / "notes.txt"
        files = build(path, notes)
        for target, content in files.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            print(f"  {target.relative_to(NOTEBOOKS.parent)}  {len(content) / 1000:.0f} kB", flush=True)
        stale.keep(path.stem, [path, *made_of(path), *stale.noted(notes)], files, since)


def made_of(path: Path) -> list[Path]:
    """Return the files that a source takes stages from, or brings with it."""
    text = path.read_text(encoding="utf-8")
    brought = [path.parent / "files" / name for name in re.findall(r' file="([\w.]+)"', text.partition("\n")[0])]
    return brought + [path.parent / BUILD] * ("  # STAGE " in text)


def with_table(readme: str) -> str:
    """Return the text of README.md with its table of lessons as LESSONS has it."""
    rows = [
        f"| [{lesson.number} · {lesson.title}](notebooks/{file}) | {lesson.question} |\n"
        for lesson in lessons.LESSONS
        if (file := lesson.notebook())
    ]
    return _TABLE.sub(lambda table: table[1] + "".join(rows), readme)


def pictures(source: NotebookNode, executed: NotebookNode, name: str) -> dict[Path, bytes]:
    """Return the PNG of each cell that the source marks with `picture="…"`, by the file that it belongs in."""
    found = {}
    shown = {cell.id: cell.get("outputs", []) for cell in executed.cells}
    for cell in source.cells:
        if "picture" in cell.metadata:
            label, file = cell.metadata["label"], cell.metadata["picture"]
            images = [o.data["image/png"] for o in shown[label] if "image/png" in o.get("data", {})]
            if len(images) != 1 or Path(file).name != file or not file.endswith(".png"):
                raise BuildError(f"{name}, cell {label!r}: expected one figure and a file name like picture.png")
            found[NOTEBOOKS / PICTURES / file] = base64.b64decode(images[0])
    return found


def heaviest(notebook: NotebookNode) -> str:
    """Name the cell whose outputs weigh most."""
    weights = {cell.id: len(str(cell.get("outputs", ""))) for cell in notebook.cells}
    label = max(weights, key=weights.__getitem__)
    return f"heaviest cell {label!r}"


def main(argv: list[str] | None = None) -> int:
    """Build the lessons with the given numbers, or what is stale."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.build notebooks", description=__doc__.split("\n")[0])
    parser.add_argument(
        "numbers", nargs="*", metavar="NN", help="two-digit numbers of lessons, or all; none means what is stale"
    )
    arguments = parser.parse_args(argv)
    try:
        for file in write_files():
            print(file.relative_to(NOTEBOOKS.parent))
        chosen = to_build(arguments.numbers)
        for n, (path, reason) in enumerate(chosen, start=1):
            print(f"{n} of {len(chosen)}, {path.stem}: {reason}", flush=True)
            build_and_keep(path)
        readme = README.read_text(encoding="utf-8")
        if with_table(readme) != readme:
            README.write_text(with_table(readme), encoding="utf-8", newline="\n")
            print(README.name)
        if not chosen:
            print("Nothing that a notebook was built from has changed. NOTEBOOKS=all builds them all the same.")
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
