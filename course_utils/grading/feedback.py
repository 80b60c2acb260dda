"""What a student is told: one page for each submission, which opens anywhere, without a network.

The words are those of `check`. Inputs and answers are not told; the first failing case is where the instructor says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils import data_files
from course_utils.checks.result import marked_up, printable
from course_utils.grading.pages import STATUSES, amount, document, said, status
from course_utils.grading.problem_sets import Item, ProblemSet
from course_utils.grading.results import FAILED

__all__ = ["ManualMark", "page", "write"]


@dataclass(frozen=True)
class ManualMark:
    """What a person gave an item in the gradebook."""

    points: float | None
    """None: not marked yet"""
    comment: str = ""


NO_MARKS: Mapping[str, ManualMark] = {}


def page(
    problem_set: ProblemSet,
    result: Mapping[str, Any],
    marks: Mapping[str, ManualMark] = NO_MARKS,
    *,
    name: str = "",
    show_first_failure: bool = False,
) -> str:
    """Return the page of one student.

    Args:
        problem_set: what was asked.
        result: a result file, as ``results`` reads it.
        marks: what a person gave, by item; it takes the place of what the grader found.
        name: of the student, where it is known.
        show_first_failure: whether the first failing case is shown, input and answer.
    """
    outcomes = {outcome["id"]: outcome for outcome in result.get("outcomes", [])}
    entries = [(item, _entry(item, outcomes.get(item.id), marks.get(item.id))) for item in problem_set.items]
    graded = [(entry["points"], item.points) for item, entry in entries if entry["points"] is not None]
    waiting = sum(item.points for item, entry in entries if entry["points"] is None)
    who = f"{name} ({result['student']})" if name else result["student"]
    rows = "".join(
        f'<tr><th scope="row"><a href="#{said(item.id)}">{n}. {said(item.title)}</a></th>'
        f'<td>{status(entry["status"], entry["words"])}</td><td class="number">{_of(entry, item)}</td></tr>\n'
        for n, (item, entry) in enumerate(entries, start=1)
    )
    body = f"""<h1>{said(problem_set.title)}</h1>
<p class="quiet">Feedback for {said(who)}</p>
{_total(graded, waiting)}
{_notes([result.get("refused") or "", *result.get("notes", [])])}
<table><thead><tr><th scope="col">question</th><th scope="col">outcome</th>
<th scope="col" class="number">points</th></tr></thead><tbody>
{rows}</tbody></table>
"""
    body += "".join(_section(n, item, entry, show_first_failure) for n, (item, entry) in enumerate(entries, start=1))
    body += (
        f'<p class="quiet">This is about the file with the SHA-256 {said(str(result.get("sha256", ""))[:12])}…. '
        "Your code ran on fresh inputs of your own, alone and without a network.</p>"
    )
    return document(f"{problem_set.title}: feedback for {who}", body)


def write(
    problem_set: ProblemSet,
    results: Sequence[Mapping[str, Any]],
    folder: Path,
    marks: Mapping[str, Mapping[str, ManualMark]] | None = None,
    *,
    names: Mapping[str, str] | None = None,
    show_first_failure: bool = False,
) -> list[Path]:
    """Write the page of each student to ``folder/STUDENT.html``, and return the files.

    marks, names: by student. Raises OSError where a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for result in results:
        student = result["student"]
        text = page(
            problem_set,
            result,
            (marks or {}).get(student, NO_MARKS),
            name=(names or {}).get(student, ""),
            show_first_failure=show_first_failure,
        )
        files.append(folder / f"{student}.html")
        data_files.write(files[-1], text)
    return files


def _entry(item: Item, outcome: Mapping[str, Any] | None, mark: ManualMark | None) -> dict[str, Any]:
    """Return an outcome with what a person gave in its place."""
    entry: dict[str, Any] = {"status": "infrastructure", "points": None, "words": "", "comment": "", **(outcome or {})}
    if outcome is None:
        entry["words"] = "not graded yet"
    if mark is not None:
        entry["comment"] = mark.comment
        if mark.points is not None:
            entry["points"] = mark.points
            entry["status"] = _level(mark.points, item.points)
            entry["words"] = "marked by a person"
    return entry


def _level(points: float, most: float) -> str:
    return "correct" if points >= most else "partial" if points > 0 else "wrong"


def _of(entry: Mapping[str, Any], item: Item) -> str:
    return f"{'–' if entry['points'] is None else amount(entry['points'])} of {amount(item.points)}"


def _total(graded: list[tuple[float, float]], waiting: float) -> str:
    if not graded:
        return '<p class="score">Nothing is graded yet.</p>'
    got, most = (amount(sum(column)) for column in zip(*graded, strict=True))
    rest = f" graded so far; {amount(waiting)} points are not graded yet" if waiting else ""
    return f'<p class="score"><b>{got}</b> of {most} points{rest}</p>'


def _notes(sentences: list[str]) -> str:
    told = "".join(f"<p>{marked_up(printable(one))}</p>" for one in sentences if one and not one.startswith(FAILED))
    return f'<div class="notes" role="note" aria-label="About your file">{told}</div>' if told else ""


def _section(n: int, item: Item, entry: Mapping[str, Any], show_first_failure: bool) -> str:
    told = () if entry["status"] == "infrastructure" else entry.get("paragraphs", ())  # why it failed may tell more
    blocks = [f"<p>{marked_up(printable(paragraph))}</p>" for paragraph in told]
    if show_first_failure and entry.get("rows"):
        cells = "".join(
            f'<tr><th scope="row">{said(k)}</th><td><pre>{said(v)}</pre></td></tr>' for k, v in entry["rows"]
        )
        blocks.append(f"<h3>The first case that fails</h3><table><tbody>{cells}</tbody></table>")
    if entry.get("parts"):
        blocks.append(_parts(item, entry["parts"]))
    if item.rubric:
        rows = "".join(
            f'<tr><th scope="row">{marked_up(printable(one.title))}</th>'
            f'<td class="number">{amount(one.points)}</td></tr>'
            for one in item.rubric
        )
        head = '<tr><th scope="col">it is read for</th><th scope="col" class="number">points at most</th></tr>'
        blocks.append(f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>")
    if entry["comment"]:
        comment = said(entry["comment"]).replace("\n", "<br>")
        blocks.append(f"<h3>Comment</h3><p>{comment}</p>")
    group = STATUSES.get(entry["status"], ("open", ""))[0]
    return f"""<section class="item {group}" id="{said(item.id)}" aria-labelledby="{said(item.id)}-title">
<div class="heading"><h2 id="{said(item.id)}-title">{n}. {said(item.title)}</h2>
<p>{status(entry["status"], entry["words"])} · {_of(entry, item)} points</p></div>
{"".join(blocks)}
</section>
"""


def _parts(item: Item, parts: Sequence[Sequence[Any]]) -> str:
    titles = {part.id: part.title for part in getattr(item.question, "parts", ())}
    rows = "".join(
        f'<tr><th scope="row">{said(titles.get(part, part))}</th><td>{status(how)}</td>'
        f'<td class="number">{amount(points)} of {amount(most)}</td></tr>'
        for part, points, most, how in parts
    )
    head = '<th scope="col">part</th><th scope="col">outcome</th><th scope="col" class="number">points</th>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
