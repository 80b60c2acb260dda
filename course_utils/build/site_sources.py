"""The course's pages as Sphinx reads them: notebooks for a page without Python, and a few pages around them."""

import re
from pathlib import Path
from typing import Any

import nbformat

from course_utils import data_files, lessons
from course_utils.build import glossary, live_pages, pages
from course_utils.build import reference as names
from course_utils.build.notebooks import NOTEBOOKS, PROBLEM_SETS, REPOSITORY
from course_utils.grading import problem_sets

__all__ = ["asked", "functions", "index", "minutes", "notebooks", "page", "plain_links", "sets_page", "write"]


RAW = "notebooks"  # the folder of the site that holds the notebooks themselves
WAITING = "What came, and why"
SHOWN, HIDDEN = "Show the code", "Hide the code"
OUTPUT, NO_OUTPUT = "What came", "Fold it again"
_MINUTES = re.compile(r"\*(?:About|This page takes about) (\d+) minutes")
_NOTEBOOK = re.compile(r"\]\((?:\.\./)?notebooks/(\w+\.ipynb)")
_FILES = re.compile(r"\[(`?[\w./]+`?)\]\((?!https?:|#)[\w./-]+\.(?:py|md)\)")
_CARD = re.compile(r"^> (#+ .*)\n>\n", re.MULTILINE)  # a section cannot begin inside a quote
_HREF = re.compile(r'href="(\w+)\.ipynb')
# Code that does nothing but ask: its page shows what is asked.
_ASKS = re.compile(
    r"(?:from course_utils\.widgets import [\w, ]+\n+)?(?:Predict|Quiz|Review|FinalTest|CourseMap)\([^()]*\)"
)
PANEL = """<div class="pgc-record" hidden>
<button type="button" data-role="save">Save to a file</button>
<button type="button" data-role="take">Take from a file</button>
<button type="button" data-role="forget">Start over</button>
<input type="file" accept="application/json,.json" aria-label="A file of your progress" hidden>
<p role="status"></p>
</div>
"""
INDEX = """{title}

{about}

<p class="pgc-doors"><a class="pgc-door" href="00_start_here.html">Begin</a>
<a href="08_advantage_objective.html">The heart: lesson 08</a> <a href="problem_sets.html">Problem sets</a>
<a href="reference.html">Reference</a></p>

Pictures that you can touch are alive on these pages, and so are quizzes and predictions. Code is shown with what it
printed: to run and change it, and for the labs that learn in Python, take the notebooks.

## Your progress

```{{raw}} html
:file: map.html
```

```{{toctree}}
:hidden:
:caption: Lessons
:glob:

[0-9]*
final_test
```

```{{toctree}}
:hidden:
:caption: Beside them

problem_sets
reference
functions
lecturing
teaching
```
"""
SETS = """# Problem sets

Questions to hand in. Each set is a notebook; open it in JupyterLab (`make lab` in the course's folder) and write your
answers there.

| set | about | lessons | points | file |
|---|---|---|---|---|
{rows}

From lesson 05 on [Build it yourself](problem_sets/build.ipynb) grows beside the lessons: {build}, to be put into one
folder.
The [capstone](problem_sets/capstone.ipynb) asks an open question at the end: {capstone}.

```{{toctree}}
:hidden:

{pages}
```
"""
NAMES = """# The package, name by name

What `course_utils` offers: each equation with the name that it has in code. The lesson is the first that uses the name,
itself or in a lab.
"""


def notebooks() -> list[Path]:
    """Return the notebooks that become pages, in the order of the course."""
    listed = [NOTEBOOKS / name for lesson in lessons.LESSONS if (name := lesson.notebook())]
    more = [NOTEBOOKS / "final_test.ipynb", NOTEBOOKS / "reference.ipynb"]
    sets = [NOTEBOOKS / PROBLEM_SETS / f"{name}.ipynb" for name in ("build", *problem_sets.names(), "capstone")]
    return [*listed, *more, *dict.fromkeys(path for path in sets if path.is_file())]


def minutes(notebook: Any) -> int:
    """Return how long a lesson takes, by what its first cells say; 0 where they do not."""
    found = _MINUTES.search("\n".join(cell.source for cell in notebook.cells[:3]))
    return int(found[1]) if found else 0


def page(path: Path) -> tuple[Any, set[str]]:
    """Return a notebook as its page shows it, and the names of the labs that are alive there.

    Raises ValueError for a lab that is not known, a picture without alt text, a question that has not run.
    """
    notebook = nbformat.read(path, as_version=4)
    pages.check_words(notebook, path.name)
    takes = minutes(notebook)
    names = live_pages.prepare(notebook)
    for cell in notebook.cells:
        answers = cell.metadata.get("answers", [])
        tags = [f"answers-{name}" for name in answers]
        jupyter = cell.metadata.get("jupyter", {})
        shown: dict[str, str] = {}
        if cell.cell_type == "code" and _ASKS.fullmatch(cell.source.strip()):
            if not cell.outputs:
                raise ValueError(f"{path.name}: the cell {cell.id!r} asks nothing: it has no output, so run it")
            tags.append("remove-input")
        if jupyter.get("source_hidden"):
            tags.append("hide-input")
            shown |= {"code_prompt_show": SHOWN, "code_prompt_hide": HIDDEN}
        if jupyter.get("outputs_hidden"):
            tags.append("hide-output")
            shown |= {"code_prompt_show": OUTPUT, "code_prompt_hide": NO_OUTPUT}
        if cell.cell_type == "markdown":
            if answers:
                cell.source = _folded(cell.source, answers)
                del cell.metadata["answers"]
            cell.source = glossary.as_directive(_CARD.sub(r"\1\n\n", cell.source))
        cell.metadata = nbformat.from_dict({"tags": tags, "mystnb": shown} if shown else {"tags": tags})
    pages.as_page(notebook, {})
    _lead_to_pages(notebook)
    first = notebook.cells[0]
    inside = path.relative_to(NOTEBOOKS)
    up = "../" * (len(inside.parts) - 1)
    about = [f'<span class="pgc-minutes">{takes} minutes</span>'] if takes else []
    about.append(f'<a href="{up}{RAW}/{inside.as_posix()}" download>Download the notebook</a>')
    title, _, rest = first.source.partition("\n")
    first.source = f'{title}\n\n<p class="pgc-about">{" ".join(about)}</p>\n{rest}'
    return notebook, names


def _folded(text: str, answers: list[str]) -> str:
    """Return a text that explains, behind a fold that opens once what it answers was predicted (site.js)."""
    names = " ".join(answers)
    return f'<details class="pgc-answer" data-answers="{names}"><summary>{WAITING}</summary>\n\n{text}\n\n</details>'


def plain_links(text: str) -> str:
    """Return a text of the repository whose links to what has a page lead there, without links to other files."""
    text = (
        _NOTEBOOK.sub(r"](\1", text).replace("](TEACHING.md)", "](teaching)").replace("](LECTURING.md)", "](lecturing)")
    )
    return _FILES.sub(r"\1", text)


def index() -> str:
    """Return the first page: what the course is, what this reader has done in it, and the lessons."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    title, about = readme.partition("\n## ")[0].split("\n", 1)
    words = [part for part in about.strip().split("\n\n") if not part.startswith(("![", "[!["))]  # no badge, no picture
    return INDEX.format(title=title, about="\n\n".join(words))


def sets_page() -> str:
    """Return the page that hands out the problem sets."""
    folder = NOTEBOOKS / PROBLEM_SETS
    rows = []
    for name in problem_sets.names():
        found = problem_sets.load(name)
        points = sum(item.points for item in found.items)
        of = f"{found.lessons[0]} to {found.lessons[-1]}" if len(found.lessons) > 1 else found.lessons[0]
        page_, file = f"[{found.title}]({PROBLEM_SETS}/{name}.ipynb)", f"{RAW}/{PROBLEM_SETS}/{name}.ipynb"
        rows.append(f"| {name} | {page_} | {of} | {points:g} | {_file(file)} |")
    build = [f"{RAW}/{PROBLEM_SETS}/{path.name}" for path in sorted(folder.glob("build.*"))]
    capstone = _file(f"{RAW}/{PROBLEM_SETS}/capstone.ipynb")
    pages_ = [path.relative_to(NOTEBOOKS) for path in notebooks() if path.parent == folder]
    return SETS.format(
        rows="\n".join(rows),
        build=", ".join(map(_file, build)),
        capstone=capstone,
        pages="\n".join(page.as_posix() for page in pages_),
    )


def functions() -> str:
    """Return the page of the package's names, with links to the pages of their lessons."""
    return plain_links(NAMES + names.page().removeprefix(names.HEAD))


def asked() -> dict[str, tuple[list[str], list[str]]]:
    """Return the ids of the quiz questions and of the predictions of each lesson, by its number."""
    found = {}
    for lesson in lessons.LESSONS:
        files = (lessons.QUIZZES / f"{lesson.number}.json", lessons.PREDICTIONS / f"{lesson.number}.json")
        questions, predictions = (data_files.document(f)[0]["questions"] if f.is_file() else [] for f in files)
        found[lesson.number] = [one["id"] for one in questions], [one["id"] for one in predictions]
    return found


def _map() -> str:
    """Return the map of the course as HTML that mounts itself."""
    start = nbformat.read(NOTEBOOKS / str(lessons.LESSONS[0].notebook()), as_version=4)
    start.cells = [cell for cell in start.cells if "CourseMap()" in cell.source]
    live_pages.prepare(start)
    _lead_to_pages(start)
    return f"{start.cells[0].outputs[0].data['text/html']}{PANEL}"


def _lead_to_pages(notebook: Any) -> None:
    """Make links of outputs to notebooks lead to their pages."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        if "text/html" in output.get("data", {}):
            output.data["text/html"] = _HREF.sub(r'href="\1.html', output.data["text/html"])


def _file(address: str) -> str:
    return f'<a href="{address}" download>{address.rpartition("/")[2]}</a>'


def write(folder: Path) -> dict[str, set[str]]:
    """Write the sources of all pages into a folder; return the labs that are alive on each page, by its name."""
    alive: dict[str, set[str]] = {}
    for path in notebooks():
        inside = path.relative_to(NOTEBOOKS)
        notebook, alive[inside.with_suffix("").as_posix()] = page(path)
        target = folder / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)
    written = {"index": index(), "problem_sets": sets_page(), "functions": functions()}
    for name in ("teaching", "lecturing"):
        written[name] = plain_links((REPOSITORY / f"{name.upper()}.md").read_text(encoding="utf-8"))
    (folder / "map.html").write_text(_map(), encoding="utf-8")
    for name, text in written.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    alive["index"] = {"course_map"}
    return alive
