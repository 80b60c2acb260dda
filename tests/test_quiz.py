"""Quizzes: files that break a rule are refused with line and reason, numbers are right, answers are kept."""

import html
import json
import re
import time

import numpy as np
import pytest
from refusals import bad

from course_utils import group_advantages, lessons, policy, progress, returns
from course_utils.objectives import advantage_objective, expected_advantage_objective, ppo_clip_objective
from course_utils.widgets import CourseMap, Quiz, Review, course_map, offline, prediction, quiz, review
from course_utils.worlds import REPLY_LOGITS, conversation

NAMES = quiz.names()


@pytest.fixture(autouse=True)
def record(tmp_path, monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "record.json"))
    monkeypatch.setattr(progress, "_told", set())


def document(name):
    return quiz.load(lessons.QUIZZES / f"{name}.json")


# --- the course's own quizzes ---------------------------------------------------------------------------


@pytest.mark.long
def test_the_quizzes_have_questions_of_all_kinds():
    kinds = {q["kind"] for name in NAMES for q in document(name)["questions"]}
    assert kinds == {"single", "several", "numeric", "order"}


DISTRACTORS = {
    **{"01": "M1", "02": "M1", "03": "M2 M3", "04": "M3 M4", "05": "M5 M7 M8 M9", "06": "M10 M13"},
    **{"07": "M10 M11 M12 M18", "08": "M5 M6 M7 M14", "09": "M5 M6 M15 M16 M24", "10": "M5 M17 M19 M20 M21"},
    **{"11": "M6 M21 M22 M23", "12": "M6 M21 M23 M24 M32 M47", "13": "M7 M12 M23 M34", "14": "M7 M15 M35"},
}


@pytest.mark.long
@pytest.mark.parametrize("name", DISTRACTORS)
def test_the_misconceptions_of_a_lesson_are_distractors(name):
    assert {*DISTRACTORS[name].split()} <= {*re.findall(r'"misconception": "(M\d+)"', json.dumps(document(name)))}


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_written_like_the_lessons(name):
    for where, text in quiz.texts(document(name)):
        outside = "".join(text.split("$")[::2])
        assert not re.search(r"—|-\d", outside), f"{where}: a minus sign is −, and a dash –"
        assert not re.search(r"\*\w[^*]*\*|`", outside), f"{where}: it is shown as plain text"
        assert not re.search(r"  |^\s|\s$", text), where


# Options are shuffled.
BY_PLACE = re.compile(r"\b(first|last|previous|following) (two|three|four|options?|answers?)\b|of (the above|these)\b")


def test_no_option_speaks_of_the_place_of_another():
    files = [(document(n), n) for n in NAMES]
    files += [(prediction.load(lessons.PREDICTIONS / f"{n}.json"), n) for n in quiz.names(lessons.PREDICTIONS)]
    asked = {f"{n} {q['id']}": [o["text"] for o in q.get("options", [])] for one, n in files for q in one["questions"]}
    assert [name for name, texts in asked.items() if any(map(BY_PLACE.search, texts))] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_was_missed_is_told_in_a_section_of_the_lesson(name):
    (source,) = (lessons.REPOSITORY / "notebooks/src").glob(f"{name}_*.py")
    headings = re.findall(r"^# ##+ (.+)$", source.read_text(encoding="utf-8"), re.MULTILINE)
    assert [asked["section"] for asked in document(name)["questions"] if asked["section"] not in headings] == []


def test_options_stand_in_an_order_of_the_learner():
    """A right option stands first as often as chance has it: over 400 learners, its share is 1/4 within 5 errors."""
    choices = [q for name in NAMES for q in document(name)["questions"] if q["kind"] == "single"]
    first = {seed: [q["options"][quiz.shuffled(seed, q)[0]]["right"] for q in choices] for seed in range(400)}
    expected = np.mean([1 / len(q["options"]) for q in choices])
    share = np.mean(list(first.values()))
    assert abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / (400 * len(choices)))
    assert len({tuple(row) for row in first.values()}) > 390


def test_options_that_number_the_lines_of_a_text_keep_their_order():
    """Shuffled, the second option would be “Line 3”, and the room's votes would count neither."""
    files = [*lessons.PREDICTIONS.glob("[0-9]*.json"), *lessons.QUIZZES.glob("[0-9]*.json")]
    asked = [q for file in files for q in json.loads(file.read_text(encoding="utf-8"))["questions"]]
    of_lines = [q for q in asked if any(re.match("Line [0-9]", option["text"]) for option in q.get("options", []))]
    assert len(of_lines) >= 2
    for question in of_lines:
        assert [quiz.shuffled(seed, question) for seed in range(9)] == [[*range(len(question["options"]))]] * 9


def test_the_order_is_kept_with_the_record(monkeypatch):
    first = Quiz("08").seed
    assert first == Quiz("08").seed == Quiz("03").seed == progress.learner_seed() > 0
    progress.reset(confirm=True)
    assert Quiz("08").seed != first
    monkeypatch.setenv(progress.VARIABLE, "")
    assert Quiz("08").seed == 0


# --- the numbers in the questions -----------------------------------------------------------------------

PI = np.array([0.5, 0.3, 0.2])


def holds(name, id_, *values, within=5e-5):
    """These are the numbers of a numeric question, the right one first, to the digits that the file gives."""
    (asked,) = (question for question in document(name)["questions"] if question["id"] == id_)
    assert [asked["answer"], *(wrong["value"] for wrong in asked["wrong"])] == pytest.approx(values, abs=within)


def test_01_temperature():
    logits = np.array([0.0, 1.386])
    (_, at_one), (other, at_two) = policy.softmax(logits), policy.softmax(logits, temperature=2)
    sharper = policy.softmax(logits, temperature=0.5)[1]
    holds("01", "temperature", at_two, at_one / 2, sharper, at_one, other, within=2e-4)


def test_02_one_entry_of_the_score():
    score = policy.score(np.log(PI), 1)[1]
    holds("02", "one-entry", score, -PI[1], PI[1] * score, 1 / PI[1], -score)  # ∂π = π ∂log π


def test_03_an_estimate_from_one_sample():
    pi, reward = np.array([0.8, 0.2]), 5.0
    score = policy.score(np.log(pi), 1)[1]
    told = [score * reward, -pi[1] * reward, pi[1] * score * reward, reward / pi[1], -score * reward]
    holds("03", "one-sample", *told)


def test_04_the_score_of_a_trajectory_with_three_visits():
    pi, visits = np.array([0.7, 0.3]), [0, 1, 0]
    each = np.array([policy.score(np.log(pi), a)[0] for a in visits])
    told = [each.sum(), each[-1], visits.count(0), -3 * pi[0], each[0] + each[-1], each.mean(), -each.sum()]
    holds("04", "three-visits", *told)


def test_10_a_clipped_term():
    def surrogate(ratio, advantage):
        return ppo_clip_objective([np.log([0.7, 0.3])], [np.log(0.3 / ratio)], [1], [advantage])

    got = surrogate(0.5, -4.0)
    holds("10", "clipped-value", got.value, 0.5 * -4, -got.value, 1.2 * -4)
    assert got.active[0]
    pushes_back = surrogate(1.5, -2.0)
    assert pushes_back.value == pytest.approx(-3)
    assert not pushes_back.active[0]


def test_09_a_leaking_critic():
    entropy, exact, c_V = policy.entropy(np.zeros(2)), 3.0, 0.5
    settled = exact + entropy / c_V  # the two forces balance
    holds("09", "leak", settled, exact + entropy, exact - entropy / c_V, exact, exact + entropy * c_V, within=1e-3)


def test_06_the_best_baseline_of_two_actions():
    pi, rewards = np.array([0.8, 0.2]), np.array([5.0, 1.0])
    squared = ((np.eye(2) - pi) ** 2).sum(axis=1)
    best = (pi * squared) @ rewards / (pi @ squared)
    without_pi = squared @ rewards / squared.sum()
    holds("06", "best-height", best, pi @ rewards, rewards.mean(), without_pi, (pi * squared) @ rewards, -best)


def test_07_ten_and_eight_and_gae_by_hand():
    rewards, values = np.array([0.0, 4.0]), np.array([2.0, 3.0, 0.0])
    by_lambda = [returns.gae(rewards, [0.5, 0.0], values, lambda_)[0] for lambda_ in (0.8, 0.0, 1.0)]
    deltas = returns.td_errors(rewards, [0.5, 0.0], values)
    exchanged = 0.8 * values[1] - values[0] + 0.4 * deltas[1]
    holds("07", "gae-by-hand", *by_lambda, deltas[0] + 0.8 * deltas[1], exchanged, -by_lambda[0])


def test_05_the_weight_of_the_second_step():
    r, gamma = np.array([2.0, -1.0, 4.0]), 0.5
    discounted = gamma ** np.arange(3) * r
    G = returns.discounted_returns(r, gamma)[1]
    told = [gamma * G, G, gamma**2 * G, discounted.sum(), r[1:].sum(), discounted[:2].sum(), discounted[1]]
    holds("05", "weight", *told)
    assert discounted[1] == -gamma * G  # the own reward, and the weight of a loss


def test_05_the_probabilities_of_the_conversations():
    paths = conversation().enumerate_trajectories(np.vstack([REPLY_LOGITS, [0, 0]]))
    assert [paths.probabilities.min(), paths.probabilities.max()] == pytest.approx([0.03, 0.32], abs=5e-5)


def test_08_the_loss_measures_no_progress():
    """The run of lesson 08 once more: J rises at every step, L falls for three and then rises."""
    p, Q, J, L = np.array([0.5, 0.3, 0.2]), np.array([4.0, 3.1, 0.35]), [], []
    for _ in range(200):
        A = Q - p @ Q
        J.append(p @ Q)
        L.append(-p @ (np.log(p) * A))
        p = policy.softmax(np.log(p) + 0.5 * p * A)
    assert np.all(np.diff(J) > 0)
    assert np.argmin(L) == 3
    assert np.all(np.diff(L[3:]) > 0)


def test_08_three_actions():
    pi, A = np.array([0.6, 0.3, 0.1]), np.array([1, 0.2, -6.6])
    assert pi @ A == pytest.approx(0, abs=1e-15)
    g = expected_advantage_objective(np.log(pi), A).grad_logits
    np.testing.assert_allclose(g, [0.6, 0.06, -0.66], atol=1e-12)
    assert pi @ g == pytest.approx(0.31, abs=5e-3)
    for eta in (0.01, 0.1, 1.0):
        change = policy.softmax(np.log(pi) + eta * g) - pi
        assert list(change > 0) == [True, False, False]
        assert (policy.softmax(np.log(pi) - eta * g) > pi)[2]


def test_08_sum_over_steps_mean_over_trajectories():
    first, second = np.array([4.0, 0, 0]), np.array([1.0, 2.0, -1.0])
    A = np.array([first, second]) / -np.log(2)  # log π = −log 2 everywhere
    U = advantage_objective(np.zeros((2, 3, 2)), np.zeros((2, 3), int), A, weights=[[1.0, 0, 0], [1, 1, 1]]).value
    total = first.sum() + second.sum()
    holds("08", "sum-or-mean", U, total / 4, (first.sum() + second.mean()) / 2, total, -U)


def test_13_spread_and_groups_that_say_nothing():
    easy, middling, hard = group_advantages.sd_weight([0.95, 0.5, 0.05], 8)
    assert easy == pytest.approx(hard)
    assert hard > 1.3 * middling
    all_right, all_wrong = 0.8**4, 0.2**4
    holds("13", "no-signal", all_right + all_wrong, all_right, 1 - all_right - all_wrong, all_wrong, 0)


def test_14_forecasts_and_means():
    holds("14", "shift", 4 * (10 - 1), 4 * 10, 4 * (10 - 2))
    lengths = np.array([2, 4, 6, 8])
    ratio = (1 / len(lengths)) / (1 / lengths.sum())
    holds("14", "mean", ratio, lengths.sum(), len(lengths), 1 / ratio)


def test_12_the_ceiling_of_a_ranking():
    d = np.array([0.0, 0.6, 1.8])
    each, of_mean, undivided = (1 / (1 + np.exp(-x)) for x in (d / 0.6, (d / 0.6).mean(), d))
    holds("12", "ceiling", each.mean(), 1, np.where(d > 0, 1, each).mean(), of_mean, undivided.mean())


# --- files that break a rule ----------------------------------------------------------------------------

GOOD = """{
  "quiz": "07",
  "title": "A quiz for tests",
  "formulas": { "x^2": "x squared" },
  "questions": [
    {
      "id": "one", "kind": "single", "title": "One", "text": "What is $x^2$?",
      "options": [
        { "text": "this", "right": true, "reason": "yes" },
        { "text": "that", "right": false, "reason": "no", "misconception": "M5" }
      ]
    },
    {
      "id": "two", "kind": "numeric", "title": "Two", "text": "How much?",
      "answer": 1, "tolerance": 0.1, "reason": "so", "otherwise": "count again",
      "wrong": [
        { "value": 2, "reason": "twice" },
        { "value": 3, "reason": "thrice" }
      ]
    },
    {
      "id": "three", "kind": "order", "title": "Three", "text": "In order?",
      "items": [{ "text": "a", "reason": "1" }, { "text": "b", "reason": "2" }, { "text": "c", "reason": "3" }],
      "start": [2, 0, 1]
    },
    {
      "id": "four", "kind": "several", "title": "Four", "text": "Which?",
      "options": [{ "text": "p", "right": true, "reason": "yes" }, { "text": "q", "right": false, "reason": "no" }]
    }
  ]
}
"""


def refusal(tmp_path, text):
    path = tmp_path / "quizzes" / "07.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(quiz.QuizError) as caught:
        quiz.load(path)
    return str(caught.value)


def test_the_good_file_is_good(tmp_path):
    (tmp_path / "07.json").write_text(GOOD)
    assert quiz.load(tmp_path / "07.json") == json.loads(GOOD)


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ('"title": "A quiz', 'title": "A quiz', 3, "no valid JSON"),
        ('"right": false, "reason": "no", "misc', '"right": false "reason": "no", "misc', 10, "no valid JSON"),
        ('"title": "One"', '"titel": "One"', 6, "'titel' was unexpected"),
        (', "reason": "no", "misconception"', ', "misconception"', 10, "'reason' is a required property"),
        ('"text": "this", "right": true', '"text": "this", "right": "yes"', 9, "not of type 'boolean'"),
        ('"text": "this", "right"', '"text": ["' + "la" * 50 + '"], "right"', 9, "al… is not of type"),
        ('"title": "One"', '"title": "' + "One" * 50 + '"', 7, "has 150 characters, expected at most 60"),
        ('"kind": "numeric"', '"kind": "number"', 14, "not one of"),
        ('"tolerance": 0.1', '"tolerance": 0', 15, "minimum of 0"),
        ('"id": "two"', '"id": "one"', 14, "used twice"),
        ('"x^2": "x squared"', '"x^2": "x squared", "y": "why"', 4, "no text uses"),
        ('"x^2": "x squared"', '"x^2": ""', 4, "has 0 characters, expected at least 1"),
        ('$x^2$', '$x^3$', 7, "no spoken form"),
        ('$x^2$', '$x^2', 7, "does not end"),
        ('"text": "that", "right": false', '"text": "that", "right": true', 8, "2 options are right"),
        ('"text": "this", "right": true', '"text": "this", "right": false', 8, "0 options are right"),
        ('"text": "q", "right": false', '"text": "q", "right": true', 28, "2 of 2 options"),
        ('"text": "that"', '"text": " this "', 10, "same text"),
        ('"M5"', '"M99"', 10, "'M99' is not one of M1 to M"),
        ('{ "text": "this", ', '{ "text": "this", "misconception": "M1", ', 9, "no misconception"),
        ('"value": 2', '"value": 1.05', 17, "counts as right"),
        ('"value": 3', '"value": 2.1', 18, "cannot be told"),
        ('[2, 0, 1]', '[0, 1, 2]', 24, "right order"),
        ('[2, 0, 1]', '[2, 0]', 24, "each of 0 to 2 once"),
        ('"quiz": "07"', '"quiz": "08"', 2, "to match the file's name"),
        ('"title": "Two"', '"title": "Two", "title": "Zwei"', 14, "stands twice"),
        ('"text": "b"', '"text": " "', 23, "does not match"),
        ('"x^2": "x squared" }', '"x^2": "x squared", "\\\\frac{": "half a fraction" }', 4, "frac"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_line_and_reason(tmp_path, old, new, line, reason):
    assert GOOD.count(old) == 1, old
    told = refusal(tmp_path, GOOD.replace(old, new))
    assert f"quizzes/07.json, line {line}" in told, told
    assert reason in told, told


def test_a_quiz_has_three_to_five_questions(tmp_path):
    document = json.loads(GOOD)
    for n, bound in ((2, "at least 3"), (6, "at most 5")):
        told = refusal(tmp_path, json.dumps(document | {"questions": (2 * document["questions"])[:n]}))
        assert told == f"quizzes/07.json, line 1: questions: has {n} entries, expected {bound}"


def test_every_fault_of_a_file_is_told_in_order(tmp_path):
    told = refusal(tmp_path, GOOD.replace('"M5"', '"M99"').replace("[2, 0, 1]", "[0, 1, 2]").replace("$x^2$", "x"))
    assert [int(n) for n in re.findall(r"line (\d+):", told)] == [4, 10, 24]


@pytest.mark.parametrize("text", ["", "[]", "3", "[" * 100_000, b"\xff\xfe", "{}", '{"a": NaN}'])
def test_what_is_no_quiz_at_all(tmp_path, text):
    assert "quizzes/07.json" in refusal(tmp_path, text)


def test_a_quiz_that_does_not_exist_says_which_do():
    with pytest.raises(quiz.QuizError, match=", ".join(NAMES)):
        Quiz("99")


# --- answers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "given", "right"),
    [
        (0, 0, True), (0, 1, False), (0, "0", False), (0, None, False), (0, [0], False),
        (1, 1, True), (1, 1.1, True), (1, 0.9, True), (1, 1.11, False), (1, float("nan"), False), (1, True, False),
        (2, [0, 1, 2], True), (2, [1, 0, 2], False), (2, [], False), (2, None, False),
        (3, [0], True), (3, [], False), (3, [0, 1], False), (3, [1], False), (3, 0, False), (3, [0, 0], False),
    ],
)  # fmt: skip
def test_what_is_right(number, given, right):
    assert quiz.is_right(json.loads(GOOD)["questions"][number], given) is right


def test_answers_are_recorded_once_each():
    shown = Quiz("08")
    shown.answers = {"loss": [0]}
    shown.answers = {"loss": [0, 2], "three-actions": [1]}
    shown.answers = {"loss": [0, 2], "three-actions": [1], "no such question": [3]}
    assert shown.recorded == 3
    assert shown.results == {
        "three-actions": {"first_try": True, "correct": True, "tries": 1},
        "loss": {"first_try": False, "correct": True, "tries": 2},
    }
    assert progress.summary()["08"]["quiz"] == shown.results
    events = json.loads(progress.location().read_text())["events"]
    assert [event["first_try"] for event in events if event.get("question") == "loss"] == [True, False]


def test_a_quiz_shown_again_knows_what_was_answered(monkeypatch):
    assert Quiz("08").before == {}
    Quiz("08").answers = {"loss": [0, 2], "three-actions": [1]}
    progress.record_quiz("08", "a question of an older course", True, True)
    shown = Quiz("08")
    assert shown.before == {"three-actions": True, "loss": False}
    assert shown.answers == {}
    assert "before" not in offline.stored(shown)["state"]
    assert Quiz("03").before == {}
    monkeypatch.setenv(progress.VARIABLE, "")
    assert Quiz("08").before == {}


def test_with_recording_off_answers_are_only_shown(monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, "")
    shown = Quiz("08")
    shown.answers = {"loss": [2]}
    assert shown.recorded == -1
    assert shown.results["loss"]["correct"]


def test_showing_a_quiz_takes_no_time():
    Quiz("03")
    start = time.perf_counter()
    Quiz("03")
    assert time.perf_counter() - start < 0.5


# --- pages without widgets ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_page_tells_each_question_with_each_reason_behind_a_fold(name):
    data, metadata = Quiz(name)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "image/png" not in data
    assert "image/png" not in metadata
    page = html.unescape(data["text/html"])
    assert not re.search(r"<script|<style|javascript:|on\w+=", page)
    folds = re.findall(r"<details>(.*?)</details>", page, re.DOTALL)
    for asked, fold in zip(document(name)["questions"], folds, strict=True):
        assert asked["text"] in page
        for where, text in quiz.texts(asked):
            if where[-1] == "reason":
                assert text in fold
                assert page.count(text) == fold.count(text), "a reason stands outside the fold"
    assert data["text/plain"] == repr(Quiz(name))
    assert "$" not in data["text/plain"]
    assert Quiz(name)._repr_mimebundle_()[0]["text/html"] == data["text/html"]


def test_html_in_a_question_stays_text(tmp_path, monkeypatch):
    bad = GOOD.replace('"text": "this"', '"text": "<img src=x onerror=alert(1)>"').replace("What is", "</p><script>")
    (tmp_path / "07.json").write_text(bad)
    monkeypatch.setattr(lessons, "QUIZZES", tmp_path)
    quiz._content.cache_clear()
    page = Quiz("07").page()
    assert "<img" not in page
    assert "<script" not in page
    quiz._content.cache_clear()


# --- the review ---------------------------------------------------------------------------------------------


def test_a_review_asks_first_what_was_missed():
    def asked(number):
        return [question["id"] for question in Review(number).questions]

    assert {number: tuple(asked(number)) for number in review.CHOICE} == review.CHOICE
    missed = [("01", "entropy"), ("02", "no such question"), ("04", "dynamics"), ("05", "weight")]
    for lesson, name, *tries in [
        ("03", "purpose", True),
        ("03", "flawed", False, True),
        *((*m, False) for m in missed),
    ]:
        for n, right in enumerate(tries):
            progress.record_quiz(lesson, name, right, n == 0)
    assert asked("04") == ["01-entropy", "03-flawed", "01-why-probabilities"]
    shown = Review("04")
    shown.answers = {"03-flawed": [0], "01-entropy": [[0]]}
    assert [q["notebook"][:3] for q in shown.questions] == ["01_", "03_", "01_"]
    tries = {lesson: progress.summary()[lesson]["quiz"] for lesson in ("01", "03")}
    assert (tries["01"]["entropy"]["tries"], tries["03"]["flawed"]["tries"]) == (2, 3)
    assert asked("11") == ["05-weight", "04-dynamics", "01-entropy"]
    bad(ValueError, r"there is no review '05', expected one of: 04, 08, 11", Review, "05")


# --- the map --------------------------------------------------------------------------------------------


@pytest.fixture
def three_lessons(tmp_path, monkeypatch):
    """Notebooks of lessons 00, 01, 02 and 08 only."""
    for stem in ("00_start_here", "01_policies", "02_score", "08_objective"):
        (tmp_path / f"{stem}.ipynb").touch()
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path)


def states(shown):
    return {row["number"]: row["state"] for row in shown.lessons}


def finish(number):
    for name in next(lesson for lesson in lessons.LESSONS if lesson.number == number).checks:
        progress.record_check(name, number, "correct")
    for asked in document(number)["questions"]:
        progress.record_quiz(number, asked["id"], True, True)


def test_the_map_without_a_record(three_lessons, monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, "")
    shown = CourseMap()
    assert [number for number, state in states(shown).items() if state == "new"] == ["01", "02", "08"]
    assert states(shown)["00"] == "here"
    assert states(shown)["13"] == "preparation"
    assert [*shown.suggestion.values()] == ["Next: begin with 01 · Policies.", "", "01_policies.ipynb"]
    assert shown._repr_mimebundle_()[0]["text/html"] == CourseMap()._repr_mimebundle_()[0]["text/html"]
    assert repr(shown) == repr(CourseMap())
    assert set(shown._repr_mimebundle_()[0]) >= {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}


def test_the_map_tells_what_is_done_what_was_hard_and_what_comes_next(three_lessons):
    finish("01")
    shown = CourseMap()
    assert states(shown)["01"] == "done"
    assert shown.suggestion["text"] == "Next: go on with 02 · The score function."
    progress.record_check("score", "02", "not yet", "one_hot_forgotten")
    progress.record_check("score", "02", "correct")
    progress.record_quiz("02", "fisher", False, True)
    progress.record_quiz("02", "one-entry", False, True)
    progress.record_quiz("02", "one-entry", True, False)
    progress.record_prediction("PolicyExplorer", {})
    shown.refresh()
    assert shown.lessons[1]["facts"][-2:] == ["0 of 7 predictions", "1 prediction in labs"]
    for said in (0, 1, None):  # said anew counts once, and what was just shown, or is asked no more, not at all
        for name in ("arrows", "mean", "gone")[: 3 if said is None else 1]:
            progress.record_prediction("Predict", {"lesson": "02", "prediction": name, "said": said})
    progress.record_prediction("Predict", {"lesson": "02", "prediction": "gone", "said": 1})
    shown.refresh()
    row = shown.lessons[2]
    assert row["facts"] == ["1 of 2 checks", "quiz: 1 of 4 right, 0 at the first try", "1 of 6 predictions"]
    assert row["hard"] == [
        "check score (2 tries; met: one hot forgotten)",
        "quiz “One entry of the score” (right by now)",
        "quiz “Fisher information” (open)",
    ]
    assert shown.suggestion["text"] == "Next: finish 02 · The score function."
    assert shown.suggestion["detail"] == " Still open: the check fisher_information, and 3 quiz questions."
    for text in (*row["facts"], *row["hard"]):
        assert html.escape(text) in shown.page()
        assert text in repr(shown)
    finish("02")
    finish("08")
    shown.refresh()
    assert shown.suggestion == {"text": "You have done all that there is so far.", "detail": "", "notebook": ""}


def test_what_shows_labs_without_python_holds_no_record(three_lessons):
    progress.record_check("score", "02", "not yet", "a_secret_mistake")
    assert "a secret mistake" in repr(CourseMap())
    assert "lessons" not in offline.description(CourseMap)["constants"]
    assert "a secret mistake" not in json.dumps(offline.description(Quiz))


def test_the_map_shows_all_the_same_when_a_quiz_is_broken(tmp_path, monkeypatch, three_lessons):
    (tmp_path / "01.json").write_text("{")
    (tmp_path / "08.json").write_text('{"questions": [1]}')
    monkeypatch.setattr(lessons, "QUIZZES", tmp_path)
    assert course_map._titles(tmp_path / "01.json") == {}
    assert len(CourseMap().lessons) == len(lessons.LESSONS)
