"""What a page without Python keeps of its reader: in a browser that is full or forbids it, in files from anywhere."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from test_javascript import node

from course_utils import progress
from course_utils.build import live_pages, site

QUIZ, PREDICTION = "answers/quiz/08", "answers/prediction/08-zero"
ASKED = {"08": [["three-actions", "loss"], ["zero"]]}
GIVEN = {"of": 7, "tries": [2, 0], "right": [False, True], "at": ["2026-01-02T03:04:05.678Z"] * 2}
SHOWN = {"of": 8, "tries": [None], "right": [None], "at": ["2026-01-02T03:04:06.000Z"]}
SAID = {"of": 8, "tries": [[1]], "right": [True], "at": ["2026-01-02T03:04:06.000Z"]}
FILE: dict[str, Any] = {
    "format": progress.FORMAT,
    "version": progress.VERSION,
    "answers": {QUIZ: {"three-actions": GIVEN}, PREDICTION: {"zero": SAID}},
}
PAGE = """
const box = Object.create({
  getItem(name) { return this[name] ?? null; },
  removeItem(name) { delete this[name]; },
  setItem(name, text) {
    if (Object.keys(this).length >= ROOM && !(name in this)) throw new Error("full");
    this[name] = text;
  },
});
const about = { configurable: true, get() { if (ROOM < 0) throw new Error("forbidden"); return box; } };
Object.defineProperty(globalThis, "localStorage", about);
Object.assign(globalThis, { document: { addEventListener() {}, querySelectorAll: () => [] }, addEventListener() {} });
globalThis.ResizeObserver = class { observe() {} };
const state = { lessons: [{ number: "08", title: "T", notebook: "08.ipynb" }] };
"""


def in_a_page(steps: str, room: int = 100) -> Any:
    """What these steps return, in a page whose browser keeps that many texts; it forbids it where that is below 0."""
    scripts = [live_pages.SHARED, Path(site.__file__).with_name("site.js")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in scripts)
    start = f"const ROOM = {room}, ASKED = {json.dumps(ASKED)};\n{PAGE}\n{text}"
    names = "const { storage } = policyGradientPage, { exported, mapped, takeIn } = policyGradientRecord;"
    return json.loads(node(f"{start}\n{names}\nconsole.log(JSON.stringify((() => {{ {steps} }})()));"))


def changed(*path: str, **values: Any) -> dict[str, Any]:
    made = copy.deepcopy(FILE)
    place = made
    for name in path:
        place = place[name]
    place.update(values)
    return made


HERE = ("answers", QUIZ, "three-actions")
TAKEN = "questions taken from the file."
ALL = "quiz: 1 of 2 right, 0 at the first try · 1 of 1 prediction"


@pytest.mark.parametrize(
    ("file", "said", "facts"),
    [
        (FILE, f"2 {TAKEN}", ALL),
        (changed("answers", PREDICTION, zero=SHOWN), f"2 {TAKEN}", ALL.replace("1 of 1", "0 of 1")),
        (changed("answers", **{QUIZ: {"three-actions": GIVEN, "loss": GIVEN}, PREDICTION: {}}), f"2 {TAKEN}", None),
        (changed("answers", QUIZ, gone=GIVEN), f"3 {TAKEN}", ALL),
        (changed("answers", QUIZ, loss=GIVEN), f"3 {TAKEN}", ALL.replace("1 of 2", "2 of 2")),
        (changed(*HERE, right=None), "1 question taken", "quiz: 0 of 2 right, 0 at the first try · 1 of 1 prediction"),
        (changed(*HERE, right="yes"), "1 question taken", None),
        (changed(*HERE, at=[5]), "1 question taken", None),
        (changed(*HERE, tries=[]), "1 question taken", None),
        (changed("answers", **{QUIZ: 5}), "1 question taken", None),
        (changed("answers", **{"votes/x": {"a": GIVEN}, "answers/../x": {"a": GIVEN}}), f"2 {TAKEN}", None),
        (changed(answers={}), "There are no answers in this file.", "2 quiz questions · 1 prediction"),
        (changed(version=2), "refused: it is of another version", "2 quiz questions · 1 prediction"),
        (changed(format="x"), "refused: it is no file of this course", None),
        (changed(answers=[]), "refused: it was written by the notebooks", None),
        ([], "refused: it is no file of this course", None),
    ],
)  # fmt: skip
def test_a_file_from_anywhere_leaves_a_map_and_a_record(file: Any, said: str, facts: str | None) -> None:
    told, row, events, next_, again, fewer = in_a_page(
        f"""
        const file = {json.dumps(file)};
        let told;
        try {{ told = takeIn(storage, file); }} catch (error) {{ told = `refused: ${{error.message}}`; }}
        const {{ lessons: [row], suggestion }} = mapped(storage, state);
        const [{{ events, ...more }}, kept] = [exported(storage), storage.get("{QUIZ}")];
        for (const junk of [5, [], {{ a: null }}, {{ loss: {{ tries: 3 }} }}]) {{
          storage.set("{QUIZ}", junk);
          mapped(storage, state);
          exported(storage);
        }}
        storage.set("{QUIZ}", kept);
        const again = takeIn(storage, {{ ...more, events }});
        storage.set("{QUIZ}", {{ "three-actions": {json.dumps(GIVEN | {"tries": [2, 2, 0]})} }});
        try {{ takeIn(storage, file); }} catch {{ /* told above */ }}
        const fewer = storage.get("{QUIZ}")["three-actions"].tries;
        return [told, [row.state, ...row.facts], events, suggestion.text, again, fewer];"""
    )
    assert told.startswith(said)
    state, *shown = row
    assert facts is None or " · ".join(shown) == facts
    assert state == ("done" if "2 of 2" in shown[0] and "1 of 1" in shown[1] else "begun" if events else "new")
    assert next_.startswith({"done": "You have done all", "begun": "Next: finish 08", "new": "Next: begin"}[state])
    assert fewer == [2, 2, 0], "who has tried more often here keeps that"
    assert again in ("All of it was here already.", "There are no answers in this file.")
    assert all(event["kind"] in progress.MERGED for event in events)


@pytest.mark.parametrize(
    ("room", "note"), [(100, "kept in this browser"), (1, "no room left"), (0, "no room left"), (-1, "keeps nothing")]
)
def test_a_browser_without_room_says_so_and_shows_what_it_has(room: int, note: str) -> None:
    steps = f"""
      box["policy-gradient-course/votes/x"] = '{{"1": 3}}';
      storage.set("{QUIZ}", {{ a: 1 }});
      return [storage.note, storage.isKept, storage.get("{QUIZ}"), storage.get("votes/x"), storage.keys().sort()];"""
    told, is_kept, answers, votes, keys = in_a_page(steps, room)
    assert note in told
    assert is_kept is (room == 100)
    assert answers == {"a": 1}, "the page holds what the browser does not"
    assert votes == (None if room < 0 else {"1": 3}), "what was kept before is still read"
    assert keys == [QUIZ, *(["votes/x"] if room >= 0 else [])]


def test_python_takes_what_a_page_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"answers/review/08": {"02-zero": {**SAID, "at": []}}, "answers/final_test/final": {"which-sum": SAID}}
    file = changed("answers", **more)
    saved = in_a_page(f"takeIn(storage, {json.dumps(file)}); return exported(storage);")
    (tmp_path / "saved.json").write_text(json.dumps(saved))
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "record.json"))
    times = [event["time"] for event in saved["events"]]
    assert times[:3] == ["2026-01-02T03:04:05+00:00"] * 2 + ["2026-01-02T03:04:06+00:00"], "when it was said"
    assert times == sorted(times)
    assert sorted(str(event.get("first_try")) for event in saved["events"]) == ["False", "None", "True", "True", "True"]
    assert progress.merge(tmp_path / "saved.json") == 5
    summary = progress.summary()
    assert list(summary["02"]["quiz"]) == ["zero"], "a review asks of another lesson"
    assert summary["final"]["quiz"]["which-sum"]["said"] == [[1]]
    done = summary["08"]
    assert done["quiz"] == {"three-actions": {"correct": True, "first_try": False, "tries": 2}}
    assert list(done["predictions"]["asked"]) == ["zero"]
