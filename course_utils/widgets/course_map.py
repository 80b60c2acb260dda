"""The course as a map: what is there, what you have done, what was hard, what comes next."""

from collections.abc import Mapping
from html import escape
from typing import Any

from traitlets import Dict, List

from course_utils import data_files, lessons, progress
from course_utils.lessons import Lesson
from course_utils.widgets.lab import Lab, lab_source, lab_style

__all__ = ["CourseMap"]


HARD_FROM = 3  # tries at a check from which on it counts as hard
STATES = {"preparation": "in preparation", "new": "", "begun": "begun", "done": "done", "here": "you are here"}

# What a stored map may say (offline.js).
TEXT = {"kind": "text", "longest": 2000}
TEXTS = {"kind": "list", "of": TEXT}
LESSON = dict.fromkeys(("number", "title", "question", "notebook", "state"), TEXT) | {"facts": TEXTS, "hard": TEXTS}
SUGGESTION = dict.fromkeys(("text", "detail", "notebook"), TEXT)


class CourseMap(Lab):
    """A map of the lessons with the learner's own record on it.

    Read `lessons` (one dict for each: number, title, question, notebook, state, facts, hard) and `suggestion` (text,
    detail and notebook). Both are made when the map is; `refresh()` makes them anew.
    """

    _esm = lab_source("course_map.js")
    _css = lab_style("course_map.css")
    offline_note = "Run the cell to bring your map up to date."

    lessons = List(Dict()).tag(sync=True, rule={"kind": "list", "of": {"kind": "record", "fields": LESSON}})
    suggestion = Dict().tag(sync=True, rule={"kind": "record", "fields": SUGGESTION})

    def __init__(self) -> None:
        super().__init__()
        self.refresh()

    def refresh(self) -> None:
        """Read the learner's record again."""
        done = progress.summary()
        rows = [_row(lesson, done.get(lesson.number, {})) for lesson in lessons.LESSONS]
        self.suggestion = _suggestion(rows)
        self.lessons = [{key: value for key, value in row.items() if key != "open"} for row in rows]

    # --- viewers without widgets ---------------------------------------------------------------------

    def alt_text(self) -> str:
        """Return the map as text."""
        lines = []
        for row in self.lessons:
            notes = [STATES[row["state"]], *row["facts"], *(f"hard: {hard}" for hard in row["hard"])]
            noted = "; ".join(note for note in notes if note)
            lines.append(f"{row['number']} · {row['title']}{f' ({noted})' if noted else ''}")
        return "\n".join(["Course map", *lines, self.suggestion["text"] + self.suggestion["detail"]])

    def first_frame(self) -> bytes:
        """Return nothing: as a table a map says more than as a picture."""
        return b""

    def page(self) -> str:
        """Return the map as an HTML table."""
        rows = []
        for row in self.lessons:
            title = escape(f"{row['number']} · {row['title']}")
            title = f'<a href="{escape(row["notebook"])}">{title}</a>' if row["notebook"] else title
            notes = [STATES[row["state"]], *row["facts"], *(f"hard: {hard}" for hard in row["hard"])]
            noted = "<br>".join(escape(note) for note in notes if note)
            rows.append(f"<tr><td>{title}</td><td>{escape(row['question'])}</td><td>{noted}</td></tr>")
        head = "<tr><th>lesson</th><th>question</th><th>you</th></tr>"
        next_ = escape(self.suggestion["text"])
        if self.suggestion["notebook"]:
            next_ = f'<a href="{escape(self.suggestion["notebook"])}">{next_}</a>'
        next_ += escape(self.suggestion["detail"])
        return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table><p>{next_}</p>"


def _row(lesson: Lesson, done: Mapping[str, Any]) -> dict[str, Any]:
    notebook = lesson.notebook()
    checks: Mapping[str, Any] = done.get("checks", {})
    answered: Mapping[str, Any] = done.get("quiz", {})
    predictions = done.get("predictions", {}).get("count", 0)
    titles = _quiz_titles(lesson)
    solved = [name for name in lesson.checks if checks.get(name, {}).get("status") == "correct"]
    right = [question for question in titles if answered.get(question, {}).get("correct")]
    left = []
    if unsolved := [name for name in lesson.checks if name not in solved]:
        left.append(f"the check{'s' if len(unsolved) > 1 else ''} {', '.join(unsolved)}")
    if len(right) < len(titles):
        left.append(_counted(len(titles) - len(right), "quiz question"))
    facts = []
    if done:
        if lesson.checks:
            facts.append(f"{len(solved)} of {_counted(len(lesson.checks), 'check')}")
        if titles:
            at_once = sum(bool(answered.get(question, {}).get("first_try")) for question in titles)
            facts.append(f"quiz: {len(right)} of {len(titles)} right, {at_once} at the first try")
        if built := [name for name in lesson.stages if checks.get(name, {}).get("status") == "correct"]:
            facts.append(f"build: {len(built)} of {_counted(len(lesson.stages), 'stage')}")
        if predictions:
            facts.append(_counted(predictions, "prediction"))
    elif notebook or not lessons.are_here():
        parts = [(len(lesson.checks), "check"), (len(titles), "quiz question")]
        facts = [_counted(count, what) for count, what in parts if count]
    hard = []
    for name, entry in checks.items():
        met = ", ".join(mistake.replace("_", " ").replace("-", " ") for mistake in entry["mistakes"])
        if met or entry["tries"] >= HARD_FROM:
            told = _counted(entry["tries"], "try") + (f"; met: {met}" if met else "")
            hard.append(f"check {name} ({told})")
    for question, title in titles.items():
        if question in answered and not answered[question]["first_try"]:
            hard.append(f"quiz “{title}” ({'right by now' if question in right else 'open'})")
    state = "begun" if done else "new"
    if done and not left:
        state = "done"
    if lesson.number == "00":
        state = "here"
    elif notebook is None and lessons.are_here():
        state = "preparation"
    return {
        "number": lesson.number,
        "title": lesson.title,
        "question": lesson.question,
        "notebook": notebook or "",
        "state": state,
        "facts": facts,
        "hard": hard,
        "open": ", and ".join(left),
    }


def _suggestion(rows: list[dict[str, Any]]) -> dict[str, str]:
    if not lessons.are_here():
        return {
            "text": "The notebooks are not in this folder: they are in the course's repository.",
            "detail": "",
            "notebook": "",
        }
    there = [row for row in rows if row["state"] in ("new", "begun", "done")]
    begun = [row for row in there if row["state"] == "begun"]
    done = [row["number"] for row in there if row["state"] == "done"]
    new = [row for row in there if row["state"] == "new"]
    later = [row for row in new if not done or row["number"] > max(done)] or new
    if begun:
        row, detail = begun[0], f" Still open: {begun[0]['open']}."
        text = f"Next: finish {row['number']} · {row['title']}."
    elif later:
        row, detail = later[0], ""
        text = f"Next: {'go on' if done else 'begin'} with {row['number']} · {row['title']}."
    else:
        return {"text": "You have done all that there is so far." if there else "", "detail": "", "notebook": ""}
    return {"text": text, "detail": detail, "notebook": row["notebook"]}


def _quiz_titles(lesson: Lesson) -> dict[str, str]:
    """Return the titles of a quiz's questions by id; none where the file is missing or broken (the quiz tells why)."""
    try:
        document, _ = data_files.document(lessons.QUIZZES / f"{lesson.number}.json")
        return {str(question["id"]): str(question["title"]) for question in document["questions"]}
    except (ValueError, KeyError, TypeError):
        return {}


def _counted(count: int, what: str) -> str:
    many = f"{what[:-1]}ies" if what.endswith("try") else f"{what}s"
    return f"{count} {what if count == 1 else many}"
