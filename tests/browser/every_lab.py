"""The table of the contract (test_contract.py): one row for each lab, the quiz and the map."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from course_utils import lessons, widgets
from course_utils.widgets import ClinicLab, Predict, Quiz, RlhfLab, TrainingLab, clinic_lab, offline, quiz, review
from course_utils.widgets.grid_lab import CELLS, DECISIONS, ENTRIES
from course_utils.widgets.group_lab import GROUPS
from course_utils.widgets.lab import Lab
from course_utils.widgets.rlhf_lab import LINE

State = Mapping[str, Any]


@dataclass(frozen=True)
class Hand:
    """One thing a hand does: drag a role's handle so far, or else click the roles one after the other."""

    roles: str
    trait: str  # what it moves
    by: tuple[float, float] | None = None
    index: int | None = None


@dataclass(frozen=True)
class Row:
    """What the contract must be told of a lab; what is left out has its default."""

    hands: Sequence[Hand]
    tab: str  # the roles that Tab reaches, in order; × 3: that one, or those in brackets, so many times
    states: Mapping[str, State] = field(default_factory=dict)
    """crowded settings for the layout; "lab": another one of its kind; "least": px that it is asked to fit"""
    least: int = 0  # px that every state of it is asked to fit
    calm: int = 302  # px from which on no sentence pushes down what follows it
    high: int = 740  # px that it may have of a screen of 1280 × 800, less what a notebook has around it
    leaves: float = 2  # px that a part of a picture may leave it by
    level: Sequence[str] = ()  # states in which the lab is equally high
    stays: str = ""  # parts of its pictures that stay as they are under its first handle, beside axes and frames
    reset: str = "reset"
    narrow: bool = True  # next to no room draws nothing of negative width
    still: bool = True  # the page stays where it is under a finger that drags
    speaks: bool = True  # of the hand's move; a lab that learns speaks of its updates
    seen: str = ""  # what JupyterLab shows (the words of lab_view.reading)
    computed: str = ""  # the same in Python, of `lab`
    codes: Sequence[str] = ()  # what a learner's cell may then do

    @property
    def handles(self) -> bool:
        """Whether it has handles in an SVG: one of its hands drags them."""
        return any(hand.by for hand in self.hands)


# --- settings that some rows need -------------------------------------------------------------------------------------


@cache
def healthy() -> RlhfLab:
    lab = RlhfLab()
    lab.train(37)
    return lab


@cache
def hacked() -> RlhfLab:
    lab = RlhfLab(kl_coef=0.0, show_gold=True)
    lab.train(102)
    return lab


@cache
def visited() -> ClinicLab:
    """The richest case, with few updates, from the run to the debrief."""
    lab = shortened("D7", 6)
    lab.run()
    lab.diagnose("coverage", [("fresh/helpful/advice", "falls"), ("objective/kl", "stays")])
    for change in ("stop", "beta-3"):
        lab.intervene(change)
        lab.verdict(seeds=[0])
    lab.plan, lab.answer = ["frozen.policy", "updated.policy", "monitored.kl"], "Nobody labelled a topic."
    lab.turned = ["kl_coef=0.5", "target_kl=null", "adap_kl_ctrl=true", 'loss_type="grpo"']
    lab._check_blueprint()
    lab._show_rubric()
    lab.debrief()
    lab.step = "replies"
    return lab


def shortened(name: str, updates: int) -> ClinicLab:
    lab = ClinicLab(name)
    config = dataclasses.replace(lab.case.file.config, updates=updates)
    lab.case.file = dataclasses.replace(lab.case.file, config=config)
    return lab


@cache
def lake() -> TrainingLab:
    lab = TrainingLab()
    for updates in (15, 50):
        lab.train(updates)
        lab.evaluate()
    return lab


@cache
def cart() -> TrainingLab:
    lab = TrainingLab("CartPole")
    lab.train(8)
    lab.evaluate(20)
    return lab


def questions(name: str) -> list[dict[str, Any]]:
    return quiz.load(lessons.QUIZZES / f"{name}.json")["questions"]


def right_answer(item: Mapping[str, Any]) -> Any:
    if "options" not in item:
        return sorted(item["start"]) if item["kind"] == "order" else item["answer"]
    right = [n for n, option in enumerate(item["options"]) if option["right"]]
    return right if item["kind"] == "several" else right[0]


def wrong_answer(item: Mapping[str, Any]) -> Any:
    if "options" not in item:
        return item["start"] if item["kind"] == "order" else item["wrong"][0]["value"]
    wrong = next(n for n, option in enumerate(item["options"]) if not option["right"])
    return sorted({0, wrong}) if item["kind"] == "several" else wrong


def stops(item: Mapping[str, Any]) -> str:
    """What Tab reaches of a question: one of a group of radio buttons, and every other control."""
    many = {"several": f"option×{len(item.get('options', []))}", "order": f"(up down)×{len(item.get('items', []))}"}
    return many.get(item["kind"]) or {"single": "option", "numeric": "number"}[item["kind"]]


def quizzes() -> dict[str, State]:
    """Each quiz unanswered, all right and all wrong; every other one ends with the right answers, which axe reads."""
    states: dict[str, State] = {}
    for n, name in enumerate(quiz.names()):
        lab = Quiz(name)
        states[f"{name} asked"] = {"lab": lab, "answers": {}}
        for how, answer in (("right", right_answer), ("wrong", wrong_answer))[:: -1 if n % 2 else 1]:
            answers = {item["id"]: [answer(item)] for item in questions(name)}
            states[f"{name} {how}"] = {"lab": lab, "answers": answers}
    return states


def final_tests() -> dict[str, State]:
    """The final test unanswered, and with every other answer right."""
    lab = widgets.FinalTest("final")
    said = {item["id"]: [(right_answer, wrong_answer)[n % 2](item)] for n, item in enumerate(lab.questions)}
    return {"asked": {"lab": lab, "answers": {}}, "answered": {"lab": lab, "answers": said}}


def predictions() -> dict[str, State]:
    """One prediction of each kind that there is: asked, as said, not as said, and just shown."""
    states: dict[str, State] = {}
    library = Predict().library
    for kind, name in {asked["questions"][0]["kind"]: name for name, asked in library.items()}.items():
        lab, item = Predict(name), library[name]["questions"][0]
        said = {"as said": right_answer(item), "otherwise": wrong_answer(item), "shown": None}
        states[f"{kind} asked"] = {"lab": lab, "answers": {}}
        states |= {f"{kind} {how}": {"lab": lab, "answers": {item["id"]: [given]}} for how, given in said.items()}
    return states


def advantages() -> dict[str, State]:
    """Three actions and six with long names, in both kinds of mode, before a prediction and without."""
    names = ["go left", "go right", "stay", "jump", "wait", "stop now"]
    six = widgets.AdvantageLab([-0.35, 2.75, 0, -3, 1.25, -12.5], logits=[0, 1, -2, 0.5, 3, -1], actions=names)
    three = widgets.AdvantageLab(logits=np.log([0.5, 0.3, 0.2]))
    return {
        f"{many} {mode} {predict}": {"lab": lab, "mode": mode, "predict_first": predict, "least": least}
        for many, lab, least in (("three", three, 0), ("six", six, 406))
        for mode in ("expected", "sampled_trajectory")
        for predict in (False, True)
    } | {
        "too much": {"lab": three, "mode": "expected", "predict_first": True, "ghosts": [0.72, 0.3, 0.2]},
        "told": {"lab": three, "revealed": True, "mode": "sampled_action", "keep": "action_values"},
    }


def probabilities() -> dict[str, State]:
    six = widgets.PolicyExplorer([12.0, 0.5, -0.5, 0.0, 2.0, -3.25], draws=10_000, temperature=2.0, shift=5.0)
    three = widgets.PolicyExplorer([1.0, 0.5, -0.5], NAMED, draws=30)
    guess = widgets.PolicyExplorer([1.0, 0.5, -0.5], NAMED, predict_first=True)
    return {"three": {"lab": three}, "six": {"lab": six, "least": 390}, "predict": {"lab": guess}}


def scores() -> dict[str, State]:
    wide = widgets.ScoreExplorer([0.9, 0.06, 0.04], NAMED, draws=10_000, seed=3)
    return {"start": {"lab": widgets.ScoreExplorer([0.5, 0.3, 0.2], NAMED)}, "wide": {"lab": wide}}


NAMED = ["refund", "replace", "apologise"]
ONE_MOVE = [10.0 if k % 4 == 1 else 0.0 for k in range(ENTRIES)]
ENDLESS = [10.0 if k % 4 == 3 else -10.0 for k in range(ENTRIES)]
CLIP = {"ratio": 1.1, "advantage": 1.0, "epsilon": 0.2, "clip": True, "step_size": 0.5, "steps": 0}
GAE = {"lambda_": 0.9, "critic_error": 2.0, "discount": 0.95, "action": 0}
HAND = {"rewards": [11, 10, 9], "logits": [-0.69, -1.2, -1.61], "baseline": 0.0, "action_dependence": 0.0}
LONG = " ".join(["replace", "correct", "promise", "package"] * 4)
STOPPED = "Training stopped: " + "x" * 60 + " y."
STRANGE_LINE = np.resize([-507.3, 123.4, 0.0123, 184_000.0, -12_345.0], len(LINE)).tolist()
SURE = np.eye(4)[np.arange(16) % 4].ravel().tolist()


# --- the table --------------------------------------------------------------------------------------------------------

ROWS: dict[str, Callable[[], Row]] = {
    "advantage_lab": lambda: Row(
        hands=[Hand("advantage", "advantages", (2, 60), 0)],
        tab="preset mode keep predict-first advantage×3 advantage-input×3 step-size step-size-input step ten-steps "
        "reset logit-input×3",
        calm=760,
        narrow=False,
        states=advantages(),
        seen="role('pi-after')",
        computed="list(lab.probabilities_after)",
        codes=(
            "import numpy; lab.advantages = numpy.array([-2, 1, 0.25])",
            "lab.logits = [0, 2, -1]; lab.step_size = 3",
            "lab.probabilities = [0.2, 0.5, 0.3]",
            "lab.step(); lab.step(10)",
            "lab.reset()",
        ),
    ),
    "baseline_lab": lambda: Row(
        hands=[
            Hand("baseline", "baseline", (90, 4)),
            Hand("reward", "rewards", (2, 40), 1),
            Hand("preset-even", "rewards"),
        ],
        tab="preset-near_ten preset-nearly_certain preset-even reset baseline baseline-input set-zero set-value "
        "set-best depends dependence reward×3 reward-input×3 component draw-again logit×3",
        calm=390,
        high=800,
        stays='[data-role="exact"]',
        states={
            "start": HAND,
            "at-V": HAND | {"baseline": 10.3},
            "V-is-best": HAND | {"rewards": [4, 1, -2], "logits": [0, 0, 0], "baseline": 1.0},
            "V-is-bad": HAND | {"rewards": [10, 0, 0], "logits": [4.585, 0, 0], "baseline": 9.8},
            "follows": HAND | {"baseline": 3.0, "action_dependence": 0.6, "component": 1},
            "best-but-follows": HAND | {"baseline": 9.99, "action_dependence": 0.6},
            "all-at-0": HAND | {"rewards": [1, 0, -1], "logits": [0, 0, 0], "action_dependence": 1.0},
            "wide": HAND | {"rewards": [-20, 20, -9.75], "logits": [-8, 8, 0.55], "baseline": -19.75},
            "small": HAND | {"rewards": [0.01, -0.01, 0.02], "logits": [1, 0, 0], "baseline": 20.0},
            "nothing": HAND | {"rewards": [0, 0, 0]},
        },
        seen="[...numbers('[data-role=baseline] .pgc-handle'), ...role('average')]",
        computed="[lab.variance(), lab.estimates()[:, lab.component].mean()]",
        codes=("lab.action_dependence = 0.3; lab.draw_again()", "lab.use_preset('nearly_certain')"),
    ),
    "baseline_table": lambda: Row(
        hands=[Hand("biased", "answers", index=1), Hand("not-biased", "answers", index=7), Hand("show", "answers")],
        tab="(not-biased biased show)×8 reset",
        calm=390,
        states={"start": {}, "half": {"answers": [1, 1, 0, 3, 0, 2, 0, 0], "selected": 1}}
        | {f"proof {k}": {"answers": [1, 2, 2, 1, 3, 1, 1, 2], "selected": k} for k in (3, 4, 5, 6, 7)},
        seen="[...row('taken'), ...row('gradient'), ...role('variance')]",
        computed="[*lab.proof().taken, *lab.proof().gradient, lab.proof().variance]",
        codes=("lab.answers = [3] * 8; lab.selected = 7", "lab.selected = 5"),
    ),
    "clinic_lab": lambda: Row(
        hands=[Hand("step", "step", index=2)],
        speaks=False,
        tab="train new-seed SUMMARY SUMMARY step measure",
        states={
            "start": {"lab": ClinicLab("D4")},
            "before": {"lab": ClinicLab("D4"), "step": "debrief"},
            "verdict under way": {"lab": visited(), "job": "verdict", "standing": [3, 3, 1, 100, 120]}
            | {"message": STOPPED},
            "long": {"lab": visited(), "step": "replies", "replies": [LONG] * 12, "changed": LONG},
        }
        | {step: {"lab": visited(), "step": step} for step in clinic_lab.STEPS},
        reset="",  # Python's wish
    ),
    "clip_lab": lambda: Row(
        hands=[Hand("ratio", "ratio", (60, 9)), Hand("advantage", "advantage", (1, 45)), Hand("step", "steps")],
        tab="epsilon reset ratio advantage step ten-steps restart clip step-size steps",
        leaves=5,
        high=800,
        stays="svg > :not([data-role=ratio])",
        states={
            "start": CLIP,
            "likelier-good": CLIP | {"ratio": 1.6, "advantage": 1.5, "steps": 3},
            "rarer-good": CLIP | {"ratio": 0.37, "advantage": 2.0, "epsilon": 0.5, "steps": 100},
            "rarer-bad": CLIP | {"ratio": 0.0, "advantage": -2.0, "epsilon": 0.13, "steps": 15, "step_size": 0.1},
            "no-clip": {"ratio": 1.2, "advantage": 0.0, "epsilon": 0.0, "clip": False, "steps": 100, "step_size": 2.0},
            "still": CLIP | {"ratio": 2.0, "advantage": 2.0, "steps": 100},
            "likelier-bad": CLIP | {"ratio": 1.7, "advantage": -1.5, "steps": 20},
        },
        seen="numbers('dd').filter((_, k) => [2, 3, 6, 7].includes(k))",
        computed="[lab.surrogate(), lab.gradient(), lab.largest_ratio()[-1], lab.kl()[-1]]",
        codes=("lab.step(10)", "lab.clip = False", "lab.epsilon = 0.1; lab.clip = True", "lab.reset()"),
    ),
    "course_map": lambda: Row(hands=[], tab=f"link×{len(lessons.LESSONS)}", states={"start": {}}, speaks=False),
    "estimator_explorer": lambda: Row(
        hands=[Hand("logit", "logits", (1, -40), 1), Hand("quantity", "quantities", (1, 30), 0)],
        tab="reward-kind differences logit×3 logit-input×3 quantity×3 quantity-input×3 samples h draw-again reset "
        "SUMMARY",
        calm=760,
        high=800,
        narrow=False,
        states={
            kind: {"actions": NAMED, "quantities": [2.35, -0.75, -9.5]}
            | {"reward_kind": kind, "differences": differences, "samples": samples}
            for kind, differences, samples in (("number", True, 20), ("step", True, 10_000), ("thumb", False, 1))
        },
        seen="numbers('[data-role=score-mark][data-batch=\"0\"]')",
        computed="lab.score_function().batches[0].tolist()",
        codes=("lab.samples = 700; lab.reward_kind = 'thumb'", "lab.draw_again()"),
    ),
    "final_test": lambda: Row(
        hands=[Hand("option send", "answers")],
        tab=" send ".join([*map(stops, widgets.FinalTest().library["final"]["questions"]), ""]),
        states=final_tests(),
        reset="",
    ),
    "gae_lab": lambda: Row(
        hands=[Hand("lambda", "lambda_", (-60, 9)), Hand("draw-again", "draw")],
        tab="action critic-error discount reset lambda draw-again",
        leaves=5,
        stays='[data-role="curve"], [data-role="best"]',
        states={
            "start": GAE,
            "all-luck": GAE | {"lambda_": 1.0, "critic_error": 3.0, "discount": 1.0},
            "all-critic": GAE | {"lambda_": 0.0, "critic_error": -3.0, "discount": 1.0, "action": 1},
            "short-sighted": GAE | {"lambda_": 0.5, "critic_error": 3.0, "discount": 0.5, "action": 1},
            "exact-critic": GAE | {"lambda_": 0.03, "critic_error": 0.0, "discount": 0.7},
            "about-right": GAE | {"lambda_": 0.77},
        },
        seen="row('exact').slice(1, 3)",
        computed="[lab.exact_bias(), lab.exact_variance()]",
        codes=("lab.lambda_ = 0.25", "lab.critic_error = -1", "lab.reset()"),
    ),
    "gradient_cloud": lambda: Row(
        hands=[Hand("samples", "samples"), Hand("zoom", "zoom"), Hand("draw-again", "draw")],
        tab="samples weighting policy×3 draw-again reset vertical zoom",
        calm=390,
        states={
            "start": {"samples": 16, "weighting": "total return"},
            "one": {"samples": 1},
            "all": {"samples": 1024},
            "all-zoomed": {"samples": 1024, "zoom": True},
            "extreme": {"samples": 1024, "zoom": True, "logits": [4.6, -5, -5, 5, 5, -5], "vertical": "calm"}
            | {"weighting": "reward to go minus V"},
            "outside": {"logits": [4, 0, 0, 0, -3, 1], "samples": 1},
        },
        level=("start", "one", "all", "all-zoomed"),
        seen="[role('estimate', 'x'), role('estimate', 'y')]",
        computed="lab.estimates().T.tolist()",
        codes=("lab.samples = 700", "lab.logits = [1, 0, 0, 2, -1, 1]; lab.draw_again()", "lab.reset()"),
    ),
    "grid_lab": lambda: Row(
        hands=[
            Hand("greedy", "logits"),
            Hand("cell", "selected", index=CELLS.index("c2")),
            Hand("move", "action", index=2),
        ],
        tab="cell (move logit)×4 greedy improve uniform reset discount",
        calm=760,
        leaves=5,
        states={
            "start": {},
            "toll": {"selected": "b3", "action": "right"},
            "greedy": {"logits": ONE_MOVE, "selected": "c2", "action": "up"},
            "endless": {"logits": ENDLESS, "discount": 0.99, "selected": "d1", "action": "up"},
            "improved": {"logits": np.resize(ONE_MOVE[::-1], ENTRIES).tolist(), "selected": "b3", "action": "right"},
        },
        seen="numbers('svg [data-role=value]')",
        computed=f"lab.state_values()[{[CELLS.index(name) for name in DECISIONS]}].tolist()",
        codes=("lab.discount = 0.6", "lab.improve()", "lab.reset()"),
    ),
    "group_lab": lambda: Row(
        hands=[Hand("reward", "rewards", (-30, 9), 0), Hand("token", "token", index=1), Hand("show-0", "shown")],
        tab="preset offset step-size reset show-0 show-1 show-2 show-3 show-4 show-5 reward×4 token",
        calm=390,
        states={
            preset: {"preset": preset, "rewards": rewards, "offset": offset, "method": method, "reply": 1, "token": 2}
            for preset, (_, rewards, offset, method) in GROUPS.items()
            if preset in ("reward offset +5", "nearly equal", "seven of eight")
        }
        | {
            "uneven": {"preset": "one of eight", "rewards": [-0.87, 1.13, *[0.25] * 5, 2], "offset": -5.0}
            | {"method": "DAPO", "reply": 7},
            "two methods": {"preset": "short and long", "rewards": [0.01, -0.99, 1.99, 0.37], "offset": 3.0}
            | {"shown": ["total return", "GRPO"], "method": "total return", "reply": 3, "token": 3, "step_size": 1.0},
        },
        seen="role('pi-after')",
        computed="[q for name in lab.shown for q in lab.probabilities_after(name)]",
        codes=(
            "lab.rewards = [1, 0.5, 0, -1]",
            "lab.offset = 5; lab.step_size = 0.5",
            "lab.preset = 'one of eight'",
            "lab.shown = ['RLOO', 'GRPO']",
            "lab.reset()",
        ),
    ),
    "kl_lab": lambda: Row(
        hands=[
            Hand("pi", "logits", (2, -40), 1),
            Hand("reward", "rewards", (2, 20), 0),
            Hand("updates", "updates", (60, 3)),
            Hand("adaptive", "adaptive"),
            Hand("ten-updates", "updates"),
        ],
        tab="beta adaptive target samples draw-again reset (reward pi)×4 to-reference ten-updates updates",
        calm=390,
        states={
            "start": {},
            "one": {"samples": 1, "ref_logits": [0, 1, -1, 3], "rewards": [-10, 10, 0.25, -9.75], "beta": 0.03},
            "adaptive": {"adaptive": True, "updates": 300, "beta": 30.0, "samples": 10_000},
            "out of reach": {"adaptive": True, "target": 2.0, "rewards": [0, 0, 0, 0], "updates": 600},
            "far": {"logits": [-300, 0, 1, 300], "target": 0.01, "beta": 0.1},
        },
        seen="[...role('pi'), ...numbers('[data-role=kl], [data-role=forward-kl], [data-role=objective]')]",
        computed="[*lab.probabilities, lab.kl(), lab.forward_kl(), lab.objective()]",
        codes=("lab.logits = [0, 1, 0, -1]; lab.draw_again()", "lab.adaptive = True; lab.updates = 50", "lab.reset()"),
    ),
    "policy_explorer": lambda: Row(
        hands=[Hand("logit", "logits", (9, -40), 0), Hand("draw-100", "draws")],
        tab="count-of-actions temperature temperature-input shift shift-input logit×3 draw-1 draw-100 reset "
        "logit-input×3",
        calm=760,
        narrow=False,
        states=probabilities(),
        seen="row('probability')",
        computed="list(lab.probabilities)",
        codes=("lab.logits = [0, 0, 2]", "lab.temperature = 2", "lab.reset()"),
    ),
    "preference_lab": lambda: Row(
        hands=[Hand("left", "choices")],
        tab="left right skip back start-over rater select",
        states={f"{n} judged": {"choices": widgets.PreferenceLab().rater_choices()[:n]} for n in (0, 7, 20)},
        level=("0 judged", "7 judged", "20 judged"),
        reset="",
        seen="[Number(texts('place')[0].split(' ')[1])]",
        computed="[len(lab.choices) + 1]",
        codes=("lab.choices = lab.rater_choices()[:9]",),
    ),
    "prediction": lambda: Row(
        hands=[Hand("option send", "answers")], tab="option send show", states=predictions(), reset=""
    ),
    "quiz": lambda: Row(
        hands=[Hand("option send", "answers")],
        tab="option send option×6 send number send option send option send",
        states=quizzes(),
        reset="",
    ),
    "reinforce_lab": lambda: Row(
        hands=[Hand("one-update", "updates"), Hand("run", "updates"), Hand("draw-again", "draw")],
        tab="step-size samples sign run one-update restart draw-again reset",
        calm=390,
        states={
            "start": {},
            "learned": {"updates": 200, "samples": 7},
            "stuck": {"step_size": 0.125, "samples": 1, "updates": 60, "start": 0.99},
            "downhill": {"sign": "minus", "updates": 1},
        },
        level=("start", "learned", "stuck", "downhill"),
        seen="role('run-j').reverse()",
        computed="lab.runs().performances[:, -1].tolist()",
        codes=("lab.samples = 3; lab.updates = 5", "lab.sign = 'minus'; lab.draw_again()", "lab.reset()"),
    ),
    "review": lambda: Row(
        hands=[Hand("option send", "answers")],
        tab="option send option send option send",
        states={f"{number} asked": {"lab": widgets.Review(number)} for number in review.CHOICE},
        reset="",
    ),
    "rlhf_lab": lambda: Row(
        hands=[Hand("clip", "clip")],
        speaks=False,
        tab="kl-coef learning-rate epochs clip features show-gold train one-update reset new-seed",
        states={
            "start": {"lab": RlhfLab()},
            "healthy": {"lab": healthy()},
            "long": {"lab": healthy(), "replies": [LONG] * 3},
            "none": {"lab": healthy(), "replies": [""] * 3},
            "hacked": {"lab": hacked()},
            "extreme": {"lab": hacked(), "updates": 12_345, "learning_rate": 0.0011, "num_ppo_epochs": 16}
            | {"own_pairs": 1500, "replies": [" ".join(["guarantee"] * 16)] * 3, "line_numbers": STRANGE_LINE}
            | {"message": "Training stopped: " + "x" * 60 + " " + "y" * 70 + "."},
        },
        least=390,
        calm=761,  # its line has room when it is full
        level=("start", "healthy", "long", "none"),
        reset="",  # Python's wish
    ),
    "score_explorer": lambda: Row(
        hands=[Hand("policy", "probabilities", (30, -25)), Hand("draw-10", "draws")],
        tab="policy draw-1 draw-10 draw-100 reset weighted probability-input×3",
        calm=760,
        still=False,
        states=scores(),
        seen="row('probability')",
        computed="list(lab.probabilities)",
        codes=("lab.probabilities = [0.2, 0.2, 0.6]", "lab.reset()"),
    ),
    "training_lab": lambda: Row(
        hands=[Hand("critic", "critic")],
        speaks=False,
        tab="environment critic entropy-cost lambda step-size train one-update evaluate reset new-seed",
        calm=390,
        states={
            "lake-start": {"lab": TrainingLab()},
            "lake-trained": {"lab": lake()},
            "lake-sure": {"lab": lake(), "policy": SURE, "values": [-0.25] * 16, "message": STOPPED, "least": 390},
            "cart-start": {"lab": TrainingLab("CartPole")},
            "cart-trained": {"lab": cart()},
            "cart-long": {"lab": cart(), "updates": 12345, "steps": 12345678, "step_size": 0.0011}
            | {"entropy_cost": 0.125},
        },
        reset="",  # Python's wish
    ),
    "trajectory_tree": lambda: Row(
        hands=[Hand("policy", "logits"), Hand("path", "selected", index=3)],
        tab="path policy-which policy dynamics-which dynamics reset SUMMARY",
        calm=760,
        states={
            "start": {"selected": 5},
            "moved": {"logits": [-1.23, 0, 2.5, 0, -4, 0], "calm": [0.98, 0.02], "selected": 1},
            "one-path": {"logits": [5, -5, -5, 5, 0, 0], "rewards": [-10, 10, -9.75, 9.75, 0.125, -0.125]}
            | {"selected": 3},
        },
        seen="role('probability')",
        computed="lab.trajectories().probabilities.tolist()",
        codes=("lab.calm = [0.5, 0.25]", "lab.logits = [1, 0, 0, 2, -1, 1]", "lab.reset()"),
    ),
}

NAMES = tuple(offline.labs())


@cache
def row(name: str) -> Row:
    """Return the lab's row; a lab without one has no contract."""
    return ROWS[name]()


@cache
def made(name: str) -> Lab | widgets.CourseMap:
    """Return one of each, far enough along to show all that it has; what a test sets in the page stays in the page."""
    special: dict[str, Callable[[], Lab]] = {
        "prediction": lambda: Predict("08-three-actions"),
        "review": lambda: widgets.Review("04"),
        "final_test": lambda: widgets.FinalTest("final"),
        "quiz": lambda: Quiz("06"),  # all four kinds of question
        "clinic_lab": visited,
    }
    lab = special.get(name, offline.labs()[name])()
    if isinstance(lab, widgets.PreferenceLab):
        lab.choices = [1, -1, 1, 1, 0, -1]
    if isinstance(lab, RlhfLab | TrainingLab):
        lab.train(8)
    if isinstance(lab, TrainingLab):
        lab.evaluate(10)
    return lab
