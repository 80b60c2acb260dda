"""What lesson 12 says, held to what it printed and to the files of the cases.

nbval shows that the stored outputs come out again, so they are read here. What is said of healthy runs in general is
run with seeds that its reader does not see; test_clinic.py holds what the cases say of themselves.
"""

import json
import re
from functools import cache

import nbformat
import numpy as np
import pytest
from claims import Lesson, holds, numbers

from course_utils.build.notebooks import NOTEBOOKS
from course_utils.checks import load
from course_utils.data_files import DATA
from course_utils.rlhf import clinic, clinic_cases, reward_model
from course_utils.rlhf import run as rlhf
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.metrics import METRICS

LESSON = Lesson("12")
ASKED = LESSON.predictions
CASES = clinic_cases.known()
REAL = ["D4", "D5", "D8", "D10", "D9", "D6", "D7"]  # in the lesson's order
OTHER_SEEDS = (312, 313)
text, lines = LESSON.text, {label: printed.splitlines() for label, printed in LESSON.stored.items()}


@cache
def run(seed: int, beta: float = RunConfig().kl_coef) -> rlhf.RunLog:
    return rlhf.run(RunConfig(kl_coef=beta), seed, progress=False)


def folded(label: str) -> list[list[str]]:
    """The rows of a table that a cell shows behind a fold, without its head."""
    cells = nbformat.read(NOTEBOOKS / "12_clinic.ipynb", as_version=4).cells
    (output,) = next(cell.outputs for cell in cells if cell.id == label)
    shown = output.data["text/markdown"]
    assert shown.startswith("<details><summary>")
    assert shown.endswith("</details>")
    table = [line.strip("| ").split(" | ") for line in shown.splitlines() if line.startswith("|")]
    return table[2:]


def row(label: str, name: str) -> list[float]:
    """The numbers of the first line of an output that begins with a name."""
    return numbers(next(line for line in lines[label] if line.startswith(name)).removeprefix(name))


# --- the cases ---------------------------------------------------------------------------------------------


def test_every_case_stands_under_its_title_with_its_lab() -> None:
    assert "Eleven patients" in text["title"]
    assert len(CASES) == 11
    headings = re.findall(r"### (D\d+b?) · (.+)", "\n".join(cell.source for cell in LESSON.cells.values()))
    assert [name for name, _ in headings] == ["D1", "D2", "D3", "D3b", *REAL]
    assert all(title == CASES[name].title for name, title in headings)
    for name, _ in headings:
        assert f'ClinicLab("{name}")' in LESSON.cells[f"{name.lower()}-lab"].source
    labels = list(LESSON.cells)
    assert all(labels.index(f"{name.lower()}-answer") == labels.index(f"{name.lower()}-lab") + 1 for name in REAL)
    assert labels.index("sitting") == labels.index("d4-answer") + 1
    minutes = [LESSON.cells[name.lower()].metadata["minutes"] for name in REAL[1:]]
    assert (min(minutes), max(minutes)) == (15, 25)  # “15 to 25 minutes each”
    assert all(f"*{LESSON.cells[n.lower()].metadata['minutes']} minutes.*" in text[n.lower()] for n in REAL)
    before = [cell.metadata.get("minutes", 0) for label, cell in LESSON.cells.items()]
    assert 70 <= sum(before[: labels.index("sitting")]) <= 85  # “About 80 minutes up to case D4”, that with it


def test_nothing_gives_an_answer_away() -> None:
    told = (
        LESSON.prose
        + json.dumps(ASKED, ensure_ascii=False)
        + " ".join(cell.source for cell in LESSON.cells.values() if cell.cell_type == "code")
    )
    for file in CASES.values():
        reasons = [cause.reason for cause in file.causes.values()] + [e.reason for e in file.evidence]
        answers = [file.cause.text, *reasons, *file.debrief.values()]
        answers += [x for change in file.changes.values() for x in (change.text, change.reason) if change.right]
        assert not [answer for answer in answers if answer in told]
        for criterion in file.rubric:
            assert not [example for example in criterion.full if example in told]
    holds(LESSON.cells["common-read"].source, "<details>", "</details>")
    labels = list(LESSON.cells)
    assert labels.index("common") > labels.index("d7-answer")
    assert labels.index("quiz") > labels.index("common-read")


def test_what_is_said_of_each_case_is_so() -> None:
    assert len({CASES[name].cause.id for name in REAL}) == len(REAL) == 7
    assert [name for name in REAL if CASES[name].kind == "design"] == ["D6", "D7"]
    assert "five numbers" in text["d6"]
    assert len(CASES["D6"].goals) == 5
    assert "six numbers" in text["d7"]
    assert len(CASES["D7"].goals) == 6
    blueprint = CASES["D7"].blueprint
    assert blueprint is not None
    named = ["frozen", "updated", "each batch", "monitored", "release gate", "roll-back"]
    told = [text["d7"].index(name) for name in named]
    assert told == sorted(told)
    assert [x in title.lower() for x, title in zip(named, blueprint.titles.values(), strict=True)] == [True] * 6
    assert len(CASES["D10"].changes) > 7  # “many changes are offered”
    assert "unsafe" in {goal.measure for goal in CASES["D7"].goals}
    assert any(e.metric == "policy/approxkl_avg" and e.by == 1 for e in CASES["D8"].evidence)  # “approxkl above 1”
    assert all(len(CASES[name].seeds) == 3 for name in CASES)


def test_the_card_is_what_the_clinic_does() -> None:
    assert clinic_cases.EDGE == 5
    assert clinic.ENOUGH == 0.9  # with three seeds: all of them, since 2/3 is less
    assert "mean of the last 5 updates" in text["convention"]
    usual = RunConfig()
    assert usual.batch_size / usual.horizon * 0.2 == pytest.approx(0.04)
    remark = load("adaptive_kl").remark
    holds(remark, f"{usual.batch_size} replies", f"{usual.horizon}", "4 %")
    assert {CASES[name].config.horizon for name in CASES} == {usual.horizon}
    assert {CASES[name].config.batch_size for name in REAL} == {usual.batch_size}


def test_the_rules_are_those_of_every_world() -> None:
    shown = {what: float(points.replace("−", "-")) for points, what in folded("rules-code")}
    text_of = (worlds.DATA / "settings.txt").read_text(encoding="utf-8")
    assert len(shown) == text_of.count("\ngold.") == 11

    def rules(file: str) -> list[str]:
        return [line for line in file.splitlines() if line.startswith("gold.")]

    others = list((DATA / "clinic" / "worlds").glob("*/settings.txt"))
    assert others
    assert all(rules(path.read_text(encoding="utf-8")) == rules(text_of) for path in others)
    # “one case has a topic more”
    assert [name for name in CASES if len(CASES[name].world.topics) > len(worlds.load().topics)] == ["D7"]


def test_the_seven_side_by_side() -> None:
    rows = folded("common-code")
    assert [one[0] for one in rows] == REAL
    assert [one[0] for one in rows if one[-1] == "yes"] == ["D10"]
    for name, _, cause, tells, first, _ in rows:
        assert cause == CASES[name].cause.text
        evidence = CASES[name].evidence[:2]
        assert tells == ", ".join(f"`{one.metric}` {one.direction}" for one in evidence)
        assert next(change for change in CASES[name].changes.values() if change.right).text == first


@pytest.mark.slow
def test_longer_replies_have_six_causes_and_two_numbers_tell_them_apart() -> None:
    charts = {name: clinic.case(name).run(progress=False) for name in REAL}

    def gain(name: str, metric: str) -> float:
        return float(charts[name][metric][-5:].mean() - charts[name][metric][:5].mean())

    longer = {name for name in REAL if gain(name, "ours/reply_length") > 1.5}
    assert "six causes" in text["common-read"]
    assert longer == set(REAL) - {"D7"}
    assert all(gain("D5", x) > 0 for x in ("objective/scores", "ours/reply_length", "objective/kl"))
    assert all(gain("D10", x) > 5 for x in ("objective/scores", "objective/kl"))
    assert charts["D8"]["ours/unique_replies"][-5:].mean() < 0.2
    assert gain("D7", "objective/kl") < 6

    def shows(name: str, one: clinic_cases.Evidence) -> bool:
        if one.metric not in METRICS:
            return one.holds(clinic.case(name)._before_and_after(charts[name], one.metric))
        return one.holds(charts[name][one.metric])

    for name in REAL[:-1]:  # D7's numbers are of a topic that the others do not have
        evidence = CASES[name].evidence[:2]
        assert {other for other in REAL if all(shows(other, one) for one in evidence)} == {name}
    falls = next(one for one in CASES["D9"].evidence if one.metric == "objective/rlhf_reward")
    of_d8 = [clinic.case("D8").run(seed=seed, progress=False) for seed in range(8)]
    assert any(falls.holds(chart[falls.metric]) for chart in of_d8)  # “Steps that go too far can make it fall, too”
    assert max(charts["D8"]["policy/approxkl_avg"]) > 1 > max(charts["D9"]["policy/approxkl_avg"])


# --- reading a log -----------------------------------------------------------------------------------------


def test_the_lines_of_the_three_links_are_in_the_log() -> None:
    named = re.findall(r"`(\w+(?:/\w+)?)`", text["chain"])[:9]
    assert "ours" not in named
    for name in named:
        assert METRICS[name].source == ("ours" if name.startswith("ours/") else "TRL")


def check_healthy(first: dict[str, float], last: dict[str, float], steps: list[float]) -> None:
    assert last["objective/scores"] - first["objective/scores"] > 1
    assert last["reward_std"] < first["reward_std"] - 0.2
    assert steps[0] == max(steps) < 0.05
    assert 0.2 < 1 - last["policy/entropy_avg"] / first["policy/entropy_avg"] < 0.45  # “by a third”
    assert last["ours/unique_replies"] > 0.8
    assert abs(last["ours/reply_length"] - first["ours/reply_length"]) < 1.2
    assert last["ours/explained_variance"] > 0.3
    assert 1.8 < last["objective/kl"] < 3.6
    assert last["objective/rlhf_reward"] > first["objective/rlhf_reward"] + 0.2


def test_a_healthy_run() -> None:
    table = {line.split()[0]: numbers(line.split(maxsplit=1)[1]) for line in lines["healthy-code"][1:]}
    check_healthy(*({name: x[i] for name, x in table.items()} for i in (0, -1)), table["policy/approxkl_avg"])
    assert table["ours/explained_variance"][-1] > 0.5  # “more than half”
    assert set(table["ours/kl_coef"]) == {0.3}
    for seed in OTHER_SEEDS:
        log = run(seed)
        ends = {name: log[name][-5:].mean() for name in table}
        check_healthy({name: log[name][0] for name in table}, ends, log["policy/approxkl_avg"].tolist())
        sampled, exact = log["objective/kl"].mean(), log["ours/kl_full"].mean()
        assert sampled == pytest.approx(exact, rel=0.06)  # “the two agree, but for noise”
        assert abs(log["objective/kl"] - log["ours/kl_full"]).mean() > 0.1


def test_most_happens_early() -> None:
    score, kl = (row("early-code", name)[0] for name in ("objective/scores", "objective/kl"))
    assert 75 < score < 85  # “four fifths”
    assert numbers(ASKED["early-share"]["came"]) == [score, kl]
    assert ASKED["early-share"]["answer"] == score
    assert kl > 90
    for seed in OTHER_SEEDS:
        x = run(seed)["objective/scores"]
        assert 0.7 < (x[15:20].mean() - x[0]) / (x[-5:].mean() - x[0]) < 0.95


def test_three_numbers_lie_and_one_does_not() -> None:
    healthy, at_home, away, bad, bad_at_home, bad_away = (numbers(line) for line in lines["lie-code"][1:])
    assert bad[0] > healthy[0] + 3  # the score
    assert bad[1] > healthy[1] + 0.1  # explained variance
    assert at_home == bad_at_home
    right, sampled, exact = away
    told = [bad[0], healthy[0], bad[1], healthy[1], at_home[0], bad_away[0], bad_away[2], right, exact]
    assert numbers(ASKED["three-numbers"]["came"]) == told
    assert "64 %, and 58 % is not far below it" in text["lie-ceiling"]
    assert [round(exact), right] == [64, 58]
    assert bad_away[0] <= 51  # “no better than a coin”
    assert bad_away[2] >= exact
    for _, sampled, exact in (at_home, away, bad_away):
        assert abs(sampled - exact) < 100 * 4 * np.sqrt(0.25 / 3500)
    names = ("objective/scores", "ours/explained_variance")
    for seed in OTHER_SEEDS:
        (score, explained), (score_too, explained_too) = (
            [run(seed, beta)[name][-5:].mean() for name in names] for beta in (0.3, 0.0)
        )
        assert score_too > score + 3
        assert explained_too > explained
        good, free = short_of_the_ceiling(run(seed)), short_of_the_ceiling(run(seed, 0.0))
        assert free > 1.3 * good > 0  # 1.5 to 3.1 times in six seeds


def short_of_the_ceiling(log: rlhf.RunLog) -> float:
    """How much less often the reward model is right on the policy's pairs than any model can be."""
    rng = np.random.default_rng(7)
    pairs = log.config.label(log.world, reward_model.sample_pairs(log.model, log.world, 4000, rng), rng)
    chosen, rejected = (worlds.gold_reward(log.world, side).total for side in pairs)
    ceiling = np.mean(1 / (1 + np.exp(-abs(chosen - rejected) / log.config.label_temperature)))
    return float(ceiling - reward_model.accuracy(log.state.reward_model, log.world, pairs))


def test_the_kl_parts_first() -> None:
    score, kl, length = (numbers_of_two(k) for k in (0, 3, 6))
    tenth = 2
    assert 1.7 < kl[1][tenth] / kl[0][tenth] < 2.1  # “nearly twice”
    assert length[1][tenth] - length[0][tenth] == pytest.approx(1, abs=0.2)  # “by a word”
    assert 0 < score[1][tenth] - score[0][tenth] < 0.4
    told = [column[run][tenth] for column in (kl, score, length) for run in (1, 0)]
    assert numbers(ASKED["parts-first"]["came"]) == [10, *told]
    for seed in OTHER_SEEDS:
        columns = ("objective/kl", "ours/reply_length")
        near = [[run(seed, beta)[name][8:11].mean() for name in columns] for beta in (0.3, 0.0)]
        assert near[1][0] > 1.7 * near[0][0]
        assert near[1][1] < near[0][1] + 1.5


def numbers_of_two(first: int) -> list[list[float]]:
    """The rows of the healthy run and of the other one, below the line with a metric's name."""
    return [numbers(line) for line in lines["part-code"][first + 1 : first + 3]]


def test_twice_the_updates_cure_nothing() -> None:
    assert lines["verdict-code"][-1] == "cured: False"
    before, after = (numbers(line) for line in lines["verdict-code"][1:3])
    assert max(before + after) < 1.9
    assert numbers(ASKED["twice-the-updates"]["came"]) == [*before, *after]
    assert CASES["D1"].brief in LESSON.stored["case-code"].replace("\n", " ")
