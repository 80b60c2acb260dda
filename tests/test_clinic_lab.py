"""The clinic lab: it is the Case and nothing else, whoever asks; nothing is given away, and nothing is lost."""

import asyncio
import dataclasses
import json
import signal

import pytest
import tiny_world
from event_loop import wait_until
from refusals import bad

from course_utils import progress
from course_utils.rlhf import clinic, clinic_cases
from course_utils.widgets import ClinicLab, kernel_lab, offline
from course_utils.widgets import clinic_lab as module

pytestmark = pytest.mark.usefixtures("own_event_loop")
CASES = clinic_cases.known()
GOLD = "ours/gold"
CITED = [("objective/kl", "high"), ("lr", "stays")]


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setattr(clinic, "REPLIES", 20)
    monkeypatch.setattr(clinic, "PAIRS", 10)
    made = ClinicLab("D7")
    made.picture_time = 0.0
    made.case.file = tiny_world.clinic_case(tmp_path)
    return made


@pytest.fixture
def long(lab):
    """The lab with a run that does not end soon."""
    lab.case.file = dataclasses.replace(lab.case.file, config=dataclasses.replace(lab.case.file.config, updates=5000))
    return lab


def played(lab, scenario):
    """Let a scenario happen in an event loop that the lab knows."""

    async def play():
        lab._loop = asyncio.get_running_loop()
        await scenario()

    asyncio.run(play())


def state(lab):
    """All that the page is told."""
    return json.dumps({name: getattr(lab, name) for name in offline.traits(type(lab)) if name != "library"})


async def wish(lab, *wishes):
    """Wish as the page does, and wait until all is done."""
    for one in wishes:
        lab._on_message(lab, {"wish": one}, [])
        await asyncio.sleep(0.01)
        await wait_until(lambda: not lab.running and (lab._task is None or lab._task.done()))


def interrupt_after(monkeypatch, lab, steps):
    """Let the interrupt of a notebook come in the middle of a step."""
    update, left = lab._update, iter(range(steps - 1))

    def interrupted():
        if next(left, None) is None:
            signal.raise_signal(signal.SIGINT)
        update()

    monkeypatch.setattr(lab, "_update", interrupted)


def test_the_picture_is_the_chart_before_and_after_a_change(lab):
    chart = lab.run()
    assert lab.first == [chart[name].tolist() for name in CASES["D7"].dashboard]
    assert (lab.updates, lab.planned, lab.second, lab.job) == ([12], [12], [], "")
    changed = lab.intervene("beta-3", gamma=0.9, lam=0.5)
    assert lab.first == [chart[name].tolist() for name in CASES["D7"].dashboard]
    assert lab.second == [changed[name].tolist() for name in CASES["D7"].dashboard]
    assert (lab.updates, lab.changed) == ([12, 12], "Raise β to 3. gamma=0.9, lam=0.5")
    assert changed.settings == {"kl_coef": 2.3, "gamma": 0.9, "lam": 0.5}
    groups = 1 + 1 + 2
    measured = [lab.case.measure(chart, reference=True), lab.case.measure(chart), lab.case.measure(changed)]
    names = [name for name in module.MEASURED if name != "gold"]
    assert lab.fresh[::groups] == [[found.overall[name] for name in names] for found in measured]
    assert lab.fresh[1] == [measured[0].by_topic["refund"].get(name, 0.0) for name in names]
    assert lab.accuracy == [[*found.accuracy.values(), *found.ceiling.values()] for found in measured[1:]]
    assert lab.replies[:4] == [reply.text for reply in lab.case.said(chart, reference=True)]
    assert lab.replies[8:] == [reply.text for reply in lab.case.said(changed)]
    lab.run()
    assert (lab.updates, lab.second, lab.changed) == ([12], [], "")


def test_nothing_is_given_away_before_it_is_asked_for(lab):
    def answers():
        file = lab.case.file
        reasons = [one.reason for one in (*file.causes.values(), *file.changes.values(), *file.evidence)]
        return [*reasons, *file.debrief.values(), *(text for one in file.rubric for text in (one.text, *one.full))]

    lab.run()
    lab.intervene("beta-3")
    lab.verdict(seeds=[0])
    public = state(lab) + json.dumps(lab.library, ensure_ascii=False)
    assert [text for text in answers() if json.dumps(text)[1:-1] in public or text in public] == []
    assert GOLD not in lab.alt_text()
    assert len(lab.first) == len(CASES["D7"].dashboard)
    lab.diagnose("coverage", CITED)
    assert lab.told["diagnosis"]["reason"] == CASES["D7"].causes["coverage"].reason
    assert [one["supports"] for one in lab.told["diagnosis"]["citations"]] == [True, False]
    assert "debrief" not in lab.told
    columns = len(lab.fresh[0])
    lab.debrief()
    assert len(lab.first) == len(lab.second) == len(CASES["D7"].dashboard) + 1
    assert len(lab.fresh[0]) == columns + 1
    assert lab.opened
    assert GOLD in lab.alt_text()


def test_a_verdict_is_the_cases(lab):
    lab.intervene("beta-3")
    verdict = lab.verdict()
    (told,) = lab.told["tries"]
    assert (told["what"], told["seeds"], told["cured"]) == ("Raise β to 3.", [0, 1], verdict.cured)
    assert told["goals"] == [[list(one.before), list(one.after), one.met] for one in verdict.goals]
    assert (lab.step, lab.job, lab.standing) == ("verdict", "", [])
    assert verdict == clinic.Case(lab.case.file).verdict("beta-3", progress=False)
    lab.verdict(kl_coef=3.0, lam=0.5, seeds=[1])
    assert [one["what"] for one in lab.told["tries"]] == ["Raise β to 3.", "kl_coef=3.0, lam=0.5"]
    assert lab.case.tries[-1].seeds == (1,)


def test_an_interrupt_keeps_what_was_run_and_one_may_go_on(lab, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        interrupt_after(patch, lab, 6)
        chart = lab.run()
    assert (len(chart), lab.updates, lab.job) == (5, [5], "run")
    assert lab.message.startswith("Interrupted. Nothing is lost")
    assert lab.message in capsys.readouterr().out
    lab.train(2)
    assert lab.updates == [7]
    lab.train(100)
    assert (lab.updates, lab.job, lab.message) == ([12], "", "")
    whole = clinic.Case(lab.case.file).run(progress=False)
    assert lab.first == [whole[name].tolist() for name in CASES["D7"].dashboard]


def test_an_interrupted_verdict_keeps_its_seeds(lab, monkeypatch):
    lab.run()
    lab.intervene("beta-3")
    with monkeypatch.context() as patch:
        interrupt_after(patch, lab, 2)
        with pytest.raises(KeyboardInterrupt):
            lab.verdict(seeds=[1])
    assert lab.case.tries == []
    interrupt_after(monkeypatch, lab, 6)  # of seed 0 all is known
    assert lab.verdict(seeds=[0, 2]).seeds == (0,)
    assert lab.told["tries"][0]["seeds"] == [0]


@pytest.mark.parametrize("act", ["new seed", "run", "change", "stop"])
def test_a_verdict_that_waits_keeps_its_seeds_whatever_comes_next(lab, act, monkeypatch, capsys):
    lab.intervene("beta-3")
    lab.change = "beta-3"
    lab._loop = None
    lab._take("verdict", lab.case.judging("beta-3", seeds=[0, 3]))
    with monkeypatch.context() as patch:
        interrupt_after(patch, lab, 18)  # in the second seed, of which nothing is known
        lab.train(100)
    assert (lab.job, lab.case.tries) == ("verdict", [])
    capsys.readouterr()
    lab._try(lab._wishes()[act])
    assert [list(one.seeds) for one in lab.case.tries] == [one["seeds"] for one in lab.told["tries"]] == [[0]]
    assert capsys.readouterr().out == "", "no cell is there to print into"


def test_a_change_waits_for_a_run_and_a_verdict_is_of_the_change_that_is_shown(lab):
    async def scenario():
        lab.change = "beta-3"
        await wish(lab, "change")
        assert "there is no run yet" in lab.message
        await wish(lab, "run", "change")
        lab.case.intervene(gamma=0.5, progress=False)  # unseen by the page
        await wish(lab, "verdict")
        assert lab.told["tries"][0]["what"] == lab.changed == "Raise β to 3."

    played(lab, scenario)


def test_an_interrupt_reaches_every_lab_that_trains(long):
    async def scenario():
        other = ClinicLab("D7")
        other.case.file, other.picture_time, other._loop = long.case.file, 0.0, long._loop
        for one in (long, other):
            one._on_message(one, {"wish": "run"}, [])
        await wait_until(lambda: all(one.updates and one.updates[0] > 1 for one in (long, other)))
        signal.raise_signal(signal.SIGINT)
        await wait_until(lambda: all(not one.running and one._task.done() for one in (long, other)))
        assert long.message == other.message == long._interruption()

    before = signal.getsignal(signal.SIGINT)
    played(long, scenario)
    assert signal.getsignal(signal.SIGINT) is before


def test_what_the_page_asks_for_happens_in_the_background(lab):
    async def scenario():
        seen, heard, standing = [], [], []
        lab.send = heard.append
        lab.observe(lambda change: seen.append(change["new"]), "updates")
        await wish(lab, "run")
        assert ([0.0] in seen, [12.0] in seen) == (False, True)
        assert len(seen) > 2, "it is drawn while it trains"
        lab.change = "beta-3"
        lab.turned = ["gamma=0.9", 'loss_type="grpo"', "max_grad_norm=null"]
        await wish(lab, "change")
        assert lab.case.last == "beta-3, gamma=0.9, loss_type='grpo', max_grad_norm=None"
        lab.observe(lambda change: standing.append(change["new"]), "standing")
        await wish(lab, "verdict")
        assert lab.told["tries"][0]["seeds"] == [0, 1]
        assert [2.0, 2.0, 1.0] in [one[:3] for one in standing]
        # A wish may overtake the choices made before it, which Jupyter keeps back while Python is busy: it brings them.
        answer = {"cause": "step", "evidence": ["objective/kl", "high", "fresh/length/refund", "rises"]}
        lab._on_message(lab, {"wish": "diagnose", "changes": answer}, [])
        await wait_until(lambda: "diagnosis" in lab.told)
        assert lab.told["diagnosis"]["right"] is False
        lab.plan = ["frozen.policy", "updated.policy"]
        await wish(lab, "blueprint")
        assert {fault["kind"] for fault in lab.told["blueprint"]["faults"]} == {"missing", "together"}
        lab.answer = "Nobody asked."
        await wish(lab, "rubric", "debrief", "new seed")
        assert len(lab.told["rubric"]) == len(CASES["D7"].rubric)
        assert (lab.seed, lab.updates, lab.opened, lab.message) == (1, [], True, "")
        assert heard[0] == {"heard": "run"}

    played(lab, scenario)


def test_pause_go_on_and_stop(long):
    lab = long

    async def scenario():
        lab._on_message(lab, {"wish": "run"}, [])
        await wait_until(lambda: lab.updates and lab.updates[0] > 3)
        for one in ("run", "diagnose"):  # while it runs, no other thing begins
            lab._on_message(lab, {"wish": one}, [])
        await wait_until(lambda: lab.message.startswith("something trains here"))
        await wish(lab, "pause")
        done = lab.updates
        assert (lab.job, lab.running) == ("run", False)
        lab._on_message(lab, {"wish": "train"}, [])
        await wait_until(lambda: lab.updates > done)
        await wish(lab, "pause", "stop")
        assert lab.job == ""
        assert done < lab.updates == [len(lab.case._chart)]

    played(lab, scenario)


def test_a_fault_is_told_and_ends_nothing(lab):
    async def scenario():
        await wish(lab, "diagnose")
        assert lab.message.startswith("cause is '', expected one of 'taste', ")
        assert len(lab.message) <= kernel_lab.LONGEST_MESSAGE
        await wish(lab, "run")
        lab.change = "beta-3"
        await wish(lab, "change")
        assert (lab.updates, lab.changed) == ([12, 12], "Raise β to 3.")
        for turned, said in (("kl_coef=-1", "kl_coef is -1.0, expected"), ("gamma=2", "gamma is 2.0, expected")):
            lab.change, lab.turned = "", [turned]
            await wish(lab, "change")
            assert said in lab.message
            assert (lab.updates, lab.job, lab.changed) == ([12], "", ""), "the former change is not this one"
        lab.turned = ["vf_learning_rate=1e308"]
        await wish(lab, "change")
        assert "vf_learning_rate" in lab.message
        assert (lab.updates[0], lab.changed) == (12, "vf_learning_rate=1e+308")
        lab.diagnose("coverage", CITED)
        lab.evidence = ["lr", "stays", "lr", "stays"]
        await wish(lab, "diagnose")
        assert "expected two different curves" in lab.message
        assert "diagnosis" not in lab.told, "what was answered before is no answer to this"

    played(lab, scenario)


def test_what_was_done_is_kept_and_exported(lab, tmp_path, monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "record.json"))
    lab.run()
    lab.intervene("beta-3")
    lab.verdict()
    lab.diagnose("coverage", CITED)
    lab.answer, lab.criteria = "Nobody asked.", ["coverage"]
    lab._wishes()["keep"]()
    lab.debrief()
    kept = json.loads(progress.export(tmp_path / "export.json").read_text(encoding="utf-8"))["events"]
    assert [event["step"] for event in kept] == ["change", "verdict", "diagnosis", "answer", "debrief"]
    assert kept[0]["record"] == {"what": "beta-3", "settings": {"kl_coef": 2.3}, "seed": 0}
    assert kept[3]["record"] == {"text": "Nobody asked.", "criteria": ["coverage"]}


def test_two_labs_know_nothing_of_each_other(lab):
    other = ClinicLab("D7")
    other.case.file = lab.case.file
    lab.run()
    lab.debrief()
    other.run()
    assert not other.opened
    assert (len(other.first), len(lab.first)) == (12, 13)
    assert other.case.tries is not lab.case.tries


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_a_lab(name, monkeypatch):
    monkeypatch.setattr(clinic, "REPLIES", 50)
    monkeypatch.setattr(clinic, "PAIRS", 10)
    lab = ClinicLab(name)
    file = lab.case.file
    short = dataclasses.replace(file.config, demonstrations=50, sft_epochs=1, pairs=20, batch_size=4, updates=2)
    lab.case.file = dataclasses.replace(file, config=short)
    lab.run()
    lab.intervene(next(change.id for change in file.changes.values() if change.right))
    assert lab.seed == file.seeds[0]
    told = lab.library["cases"][name]
    usual = {setting: value for setting, (value, words, _) in lab.library["settings"].items() if words}
    assert usual | told["settings"] == clinic.case(name).settings, "each with words, as the case has it"
    assert len(lab.first) == len(told["dashboard"])
    assert len(lab.fresh) == 3 * (1 + len(told["topics"]) + len(told["moods"]))
    longest = max(file.world.words[1:], key=len)
    assert len(" ".join([longest] * file.world.max_tokens)) <= kernel_lab.LONGEST_MESSAGE, "any reply fits"
    assert lab.alt_text().startswith(f"Clinic lab, case {name}: {file.title}. ")


def test_a_curve_has_not_too_many_points():
    for done in (0, 1, 60, 61, 120, 12_345):
        shown = module.shown_updates(done)
        assert len(shown) <= module.CURVE_POINTS + 1
        assert shown[:1] + shown[-1:] == ([1, done] if done else [])


def test_a_case_that_is_unknown_is_refused_by_name():
    bad(ValueError, "case is 'D99', expected one of 'D1'", ClinicLab, "D99")


def test_what_viewers_without_widgets_get(lab):
    lab.run()
    data = lab._repr_mimebundle_()[0]
    assert "As it is, update 12 of 12: objective/scores " in data["text/plain"]
    lab.intervene("beta-3")
    changed = lab._repr_mimebundle_()[0]
    assert "With the change “Raise β to 3.”, update 12 of 12: " in changed["text/plain"]
    assert changed["image/png"].startswith(b"\x89PNG")
    assert data["image/png"] != changed["image/png"] == lab.first_frame()
    assert len(changed["image/png"]) < 150_000
    assert "told" not in offline.stored(lab)["state"]
    lab.case.file = dataclasses.replace(lab.case.file, brief=r"It costs $\frac$ and $x_$ <img src=x>")
    assert lab.first_frame().startswith(b"\x89PNG")
