"""The instructor's page of a problem set: scores, outcomes, mistakes, what needs a person, shared code, predictions."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from course_utils import data_files
from course_utils.checks.result import marked_up, printable
from course_utils.grading.feedback import ManualMark
from course_utils.grading.pages import GROUPS, STATUSES, amount, document, said
from course_utils.grading.problem_sets import Item, ProblemSet
from course_utils.grading.similarity import Group

__all__ = ["page", "write"]


BARS = 10  # of the histogram
MOST_MISTAKES = 3  # of a question
# Second carriers of the bars' colours.
PATTERNS = {
    "correct": "",
    "partial": '<path class="hatch" d="M-2 10 10-2M-2 2 2-2M6 10l4-4"/>',
    "wrong": '<path class="hatch" d="M0 0 8 8M8 0 0 8"/>',
    "stopped": '<path class="hatch" d="M0 4h8"/>',
    "none": "",
    "open": '<circle class="dot" cx="4" cy="4" r="1.7"/>',
}
NO_MARKS: Mapping[str, Mapping[str, ManualMark]] = {}


def page(
    problem_set: ProblemSet,
    results: Sequence[Mapping[str, Any]],
    *,
    marks: Mapping[str, Mapping[str, ManualMark]] = NO_MARKS,
    predictions: Mapping[str, Mapping[str, int]] | None = None,
    similar: Sequence[Group] | None = None,
) -> str:
    """Return the page.

    Args:
        problem_set: what was asked.
        results: the result files, as ``results`` reads them.
        marks: what persons gave, by student and item.
        predictions: how many said what, by prediction, as ``progress.count_predictions`` counts.
        similar: groups of submissions that share code; None where nobody compared them.
    """
    results = sorted(results, key=lambda result: str(result["student"]))
    table = {result["student"]: _outcomes(result, marks.get(result["student"], {})) for result in results}
    blocks = [
        f"<h1>{said(problem_set.title)}</h1>",
        f'<p class="quiet">{_plural(len(results), "submission")}, {amount(problem_set.points)} points in all</p>',
        _scores(problem_set, table),
        _questions(problem_set, table),
        _mistakes(problem_set, table),
        _persons(problem_set, results, table),
        _similar(problem_set, similar),
        _predictions(predictions),
        _students(problem_set, table),
    ]
    return document(f"{problem_set.title}: the class", "\n".join(blocks), wide=True)


def write(
    problem_set: ProblemSet,
    results: Sequence[Mapping[str, Any]],
    file: Path,
    *,
    marks: Mapping[str, Mapping[str, ManualMark]] = NO_MARKS,
    predictions: Mapping[str, Mapping[str, int]] | None = None,
    similar: Sequence[Group] | None = None,
) -> Path:
    """Write the page to a file and return the file; arguments as of ``page``. Raises OSError."""
    data_files.write(file, page(problem_set, results, marks=marks, predictions=predictions, similar=similar))
    return file


def _outcomes(result: Mapping[str, Any], marks: Mapping[str, ManualMark]) -> dict[str, dict[str, Any]]:
    """Return the outcomes by item, with what a person gave in their place."""
    found = {outcome["id"]: dict(outcome) for outcome in result.get("outcomes", [])}
    for item, mark in marks.items():
        if mark.points is not None and item in found:
            most = found[item]["max_points"]
            level = "correct" if mark.points >= most else "partial" if mark.points > 0 else "wrong"
            found[item] |= {"points": mark.points, "status": level}
    return found


def _share(problem_set: ProblemSet, outcomes: Mapping[str, Mapping[str, Any]]) -> tuple[float, float] | None:
    """Return the points so far, and the most that the graded items give; None where nothing is graded."""
    graded = [
        (outcomes[item.id]["points"], item.points)
        for item in problem_set.items
        if outcomes.get(item.id, {}).get("points") is not None
    ]
    return (sum(got for got, _ in graded), sum(most for _, most in graded)) if graded else None


def _section(title: str, *blocks: str) -> str:
    return f"<section><h2>{said(title)}</h2>\n{''.join(blocks)}\n</section>"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


# --- pictures ----------------------------------------------------------------------------------------


def _scores(problem_set: ProblemSet, table: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Draw how many have which share of the points that are graded so far."""
    found = [share for outcomes in table.values() if (share := _share(problem_set, outcomes)) and share[1] > 0]
    shares = [got / most for got, most in found]
    if not shares:
        return _section("Scores", "<p>Nothing is graded yet.</p>")
    counts = Counter(min(BARS - 1, math.floor(share * BARS + 1e-9)) for share in shares)
    top, width, height = max(counts.values()), 60, 150
    bars = []
    for n in range(BARS):
        high = height * counts[n] / top
        x = 20 + n * width
        if counts[n]:
            bars.append(
                f'<rect class="bar policy" x="{x}" y="{24 + height - high:.1f}" width="{width}" height="{high:.1f}"/>'
                f'<text x="{x + width / 2}" y="{18 + height - high:.1f}" text-anchor="middle">{counts[n]}</text>'
            )
    for n in range(0, BARS + 1, 2):
        anchor = {0: "start", BARS: "end"}.get(n, "middle")
        bars.append(f'<text x="{20 + n * width}" y="{45 + height}" text-anchor="{anchor}">{n * 100 // BARS} %</text>')
    words = (
        f"Half of the class has {median(shares):.0%} or more of the points that are graded so far; "
        f"the lowest is {min(shares):.0%}, the highest {max(shares):.0%}."
    )
    picture = (
        f'<svg viewBox="0 0 640 {height + 82}" role="img" aria-label="Histogram of the scores. {words}">'
        f'{"".join(bars)}<path class="axis" d="M20 {24 + height}h{BARS * width}"/>'
        f'<text x="320" y="{height + 73}" text-anchor="middle">share of the points that are graded so far</text></svg>'
    )
    return _section("Scores", f"<figure>{picture}<figcaption>{words}</figcaption></figure>")


def _questions(problem_set: ProblemSet, table: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Draw, for each question, how many answers have which status."""
    row, left, width = 46, 10, 620
    drawn, lines = [], []
    for n, item in enumerate(problem_set.items):
        counts = _groups(item, table)
        total, x, y = max(1, sum(counts.values())), float(left), n * row
        drawn.append(f'<text x="{left}" y="{y + 15}">{n + 1}. {said(item.title)}</text>')
        for group in GROUPS:
            wide = width * counts[group] / total
            if not wide:
                continue
            box = f'x="{x:.1f}" y="{y + 21}" width="{wide:.1f}" height="20"'
            drawn.append(f'<rect class="bar ground-{group}" {box}/>')
            if PATTERNS[group]:
                drawn.append(f'<rect fill="url(#p-{group})" {box}/>')
            x += wide
        numbers = "".join(f'<td class="number">{counts[group]}</td>' for group in GROUPS)
        lines.append(f'<tr><th scope="row">{n + 1}. {said(item.title)}</th>{numbers}</tr>')
    patterns = "".join(
        f'<pattern id="p-{group}" width="8" height="8" patternUnits="userSpaceOnUse">{drawing}</pattern>'
        for group, drawing in PATTERNS.items()
        if drawing
    )
    key = "".join(
        f'<li><svg viewBox="0 0 26 14" aria-hidden="true"><rect class="ground-{group}" width="26" height="14"/>'
        + (f'<rect fill="url(#p-{group})" width="26" height="14"/>' if PATTERNS[group] else "")
        + f"</svg>{words}</li>"
        for group, words in GROUPS.items()
    )
    picture = (
        f'<svg viewBox="0 0 640 {row * len(problem_set.items)}" role="img" '
        'aria-label="Bars: the outcomes of each question; the table below has the numbers.">'
        f"<defs>{patterns}</defs>{''.join(drawn)}</svg>"
    )
    head = "".join(f'<th scope="col" class="number">{words.partition(":")[0]}</th>' for words in GROUPS.values())
    numbers = (
        '<details><summary>The numbers</summary><div class="scroll" tabindex="0" role="region" aria-label="Outcomes in '
        f'numbers"><table><thead><tr><th scope="col">question</th>{head}</tr></thead><tbody>{"".join(lines)}</tbody>'
        "</table></div></details>"
    )
    return _section("Outcomes by question", f'<ul class="key">{key}</ul><figure>{picture}</figure>{numbers}')


def _groups(item: Item, table: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Counter[str]:
    found = (outcomes.get(item.id, {}).get("status", "") for outcomes in table.values())
    return Counter(STATUSES.get(status, ("open", ""))[0] for status in found)


# --- tables ------------------------------------------------------------------------------------------


def _mistakes(problem_set: ProblemSet, table: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    blocks = []
    for n, item in enumerate(problem_set.items, start=1):
        met = [outcomes[item.id] for outcomes in table.values() if outcomes.get(item.id, {}).get("mistake")]
        counts = Counter(str(outcome["mistake"]) for outcome in met)
        if not counts:
            continue
        rows = []
        for mistake, count in counts.most_common(MOST_MISTAKES):
            first = next(outcome for outcome in met if outcome["mistake"] == mistake)
            rows.append(
                f'<tr><td class="number">{count}</td><td>{_sentence(item, mistake, first)} '
                f'<span class="quiet">({said(mistake)})</span></td></tr>'
            )
        rest = len(counts) - MOST_MISTAKES
        more = f'<p class="quiet">and {_plural(rest, "other named mistake")}</p>' if rest > 0 else ""
        head = '<thead><tr><th scope="col" class="number">answers</th><th scope="col">what was done</th></tr></thead>'
        blocks.append(f"<h3>{n}. {said(item.title)}</h3><table>{head}<tbody>{''.join(rows)}</tbody></table>{more}")
    return _section("The mistakes met most often", *(blocks or ["<p>No named mistake was met.</p>"]))


def _sentence(item: Item, mistake: str, outcome: Mapping[str, Any]) -> str:
    """Return what the question says of a mistake; where it says nothing, what this student was told."""
    known = {one.id: one.happened for one in getattr(item.question, "mistakes", ())}
    known["raised"] = "The code stopped with an exception."
    told = known.get(mistake) or next(iter(outcome.get("paragraphs", ())), mistake)
    return marked_up(printable(told))


def _persons(
    problem_set: ProblemSet,
    results: Sequence[Mapping[str, Any]],
    table: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> str:
    """List what only a person can do: mark, look why the grader failed, read the notes."""
    titles = {item.id: f"{n}" for n, item in enumerate(problem_set.items, start=1)}
    rows = []
    for result in results:
        outcomes = table[result["student"]]
        told = []
        for status, words in (("needs-marking", "to be marked"), ("infrastructure", "the grader failed, grade again")):
            items = [titles[id] for id, one in outcomes.items() if one["status"] == status and id in titles]
            if items:
                told.append(f"{said(words)}: question{'' if len(items) == 1 else 's'} {', '.join(items)}")
        told += [said(sentence) for sentence in [result.get("refused"), *result.get("notes", [])] if sentence]
        if told:
            words = "<br>".join(told)
            rows.append(f'<tr><th scope="row">{said(result["student"])}</th><td>{words}</td></tr>')
    if not rows:
        return _section("What needs you", "<p>Nothing: all is graded, and no file was odd.</p>")
    head = '<thead><tr><th scope="col">student</th><th scope="col">what</th></tr></thead>'
    table_ = f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"
    summary = f"<summary>{_plural(len(rows), 'submission')}</summary>"
    shown = table_ if len(rows) <= 12 else f"<details>{summary}{table_}</details>"
    return _section("What needs you", shown)


def _similar(problem_set: ProblemSet, similar: Sequence[Group] | None) -> str:
    if similar is None:
        return ""
    hint = (
        '<p class="quiet">A hint and no proof: two who learned from the same page write the same. Names, numbers, '
        "layout and remarks do not count, nor what the hand-out holds or more than a third of the class writes. Where "
        "nobody has copied, a class shows one or two pairs.</p>"
    )
    if not similar:
        return _section("Shared code", hint, "<p>No two share more than the class does.</p>")
    titles = {item.id: f"{n}. {item.title}" for n, item in enumerate(problem_set.items, start=1)}
    blocks = []
    for group in similar:
        first, second, *others = group.students
        code = "".join(
            f"<h3>{said(titles.get(one.item, one.item))}</h3>"
            f'<div class="side"><pre>{said(one.first)}</pre><pre>{said(one.second)}</pre></div>'
            for one in group.fragments
        )
        more = f"<p>As close to one of them, or to each other: {said(', '.join(others))}</p>" if others else ""
        who = f"{said(first)} and {said(second)}" + (f", and {len(others)} more" if others else "")
        blocks.append(
            f"<details><summary>{who}: {group.share:.0%} of the shorter one's own, {group.shared} fragments</summary>"
            f"{more}{code}</details>"
        )
    return _section("Shared code", hint, *blocks)


def _predictions(predictions: Mapping[str, Mapping[str, int]] | None) -> str:
    if predictions is None:
        return ""
    blocks = ['<p class="quiet">From the learners’ own records, which they can edit. ✓: it came so.</p>']
    for name, said_ in predictions.items():
        rows = "".join(
            f'<tr><td class="number">{count}</td><td>{said(words)}</td></tr>'
            for words, count in sorted(said_.items(), key=lambda entry: (-entry[1], entry[0]))
        )
        head = '<thead><tr><th scope="col" class="number">learners</th><th scope="col">first said</th></tr></thead>'
        blocks.append(f"<h3>{said(name)}</h3><table>{head}<tbody>{rows}</tbody></table>")
    return _section("What the class predicted", *blocks)


def _students(problem_set: ProblemSet, table: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    rows = []
    for student, outcomes in table.items():
        points = [outcomes.get(item.id, {}).get("points") for item in problem_set.items]
        cells = "".join(f'<td class="number">{"–" if one is None else amount(one)}</td>' for one in points)
        share = _share(problem_set, outcomes)
        total = "–" if share is None else f"{amount(share[0])} of {amount(share[1])}"
        rows.append(f'<tr><th scope="row">{said(student)}</th>{cells}<td class="number">{total}</td></tr>')
    head = "".join(
        f'<th scope="col" class="number">{n} <span class="quiet">/ {amount(item.points)}</span></th>'
        for n, item in enumerate(problem_set.items, start=1)
    )
    return _section(
        "Points",
        '<p class="quiet">–: not graded yet, which is not 0.</p><details><summary>All students</summary>'
        '<div class="scroll" tabindex="0" role="region" aria-label="Points of all students">'
        f'<table><thead><tr><th scope="col">student</th>{head}<th scope="col" class="number">so far</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></details>",
    )
