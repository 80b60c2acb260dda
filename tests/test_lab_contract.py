"""What every lab keeps, by tables: refused values, reset, what viewers without widgets get, what a notebook stores.

A new lab adds its row to each table; what only it can do is tested in a file of its own.
"""

import inspect
import json
import re
from collections import namedtuple

import numpy as np
import pytest
from refusals import bad
from traitlets import Dict, Enum, List, TraitError

from course_utils import widgets as w
from course_utils.widgets import offline
from course_utils.widgets.grid_lab import DECISIONS
from course_utils.widgets.group_lab import SHOWN as SHOWN_METHODS
from course_utils.widgets.lab import Flag, Number, Numbers, Text, Texts, Whole

NAN = float("nan")
NAMES = [["a", "b"], ["a", "b", "b"], ["a", "b", " "]]  # too few, one twice, an empty one
THREE_BY_TWO = [[0, 1], [0, 1, 2, 3, 4, 6], [0, 1, 2, 3, 4, NAN], np.zeros((2, 3)), "abc", [[0, 1], [2]]]
REPLIES = ["refund", "replace", "apologise"]
MIXED = [1, -1, 0, 0, -1, 1, 1]
# A wrong value, and the words with which it is refused; usually the name of its trait is enough.
Told = namedtuple("Told", ["value", "message"])
TABLES = {"presets", "world", "formulas", "material"}  # what comes from the package alone, never from a notebook


START = {
    w.AdvantageLab: {"preset": "small_positive"},
    w.KLLab: {"logits": [0.0] * 4, "actions": [*REPLIES, "wait"]},
    w.PolicyExplorer: {"logits": [1.0, 0.5, -0.5], "actions": REPLIES},
    w.PreferenceLab: {"choices": MIXED},
    w.ScoreExplorer: {"probabilities": [0.5, 0.3, 0.2]},
}
REFUSED = []


def refuses(lab, **wrong):
    """For each trait the values that are refused."""
    REFUSED.extend((lab, trait, value) for trait, values in wrong.items() for value in values)


refuses(w.AdvantageLab, advantages=[Told([1.0, NAN, 0.0], "contains nan, expected numbers from -1000 to 1000")])
refuses(w.AdvantageLab, advantages=[Told([[1.0, 2.0]], r"has shape \(1, 2\), expected one number for each action")])
refuses(w.AdvantageLab, advantages=[Told("abc", "advantages is 'abc', expected a list"), ["x", 1, 2]])
refuses(w.AdvantageLab, advantages=[Told([1.0], "advantages has 1 entries, expected 2 to 6"), [1.0, 2.0]])
refuses(w.AdvantageLab, logits=[Told([0.0, x, 0.0], f"logits contains {x}") for x in (NAN, np.inf)])
refuses(w.AdvantageLab, probabilities=[Told([0.5, 0.6, 0.2], "probabilities sums to 1.3, expected 1")])
refuses(w.AdvantageLab, probabilities=[Told([0.5, 0.5, 0.0], "probabilities contains 0")])
refuses(w.AdvantageLab, probabilities=[Told([1.5, -0.6, 0.1], "probabilities contains 1.5")])
refuses(w.AdvantageLab, step_size=[Told(0.0, "step_size is 0.0, expected a number above 0"), "big"], mode=["all"])
refuses(w.AdvantageLab, step_size=[Told(x, f"step_size is {x}") for x in (-1.0, NAN)], seed=[-1], trajectory_length=[0])
refuses(w.AdvantageLab, actions=[Told(["a", "b", " "], "an empty name"), Told(["a", "a", "b"], "names that differ")])
refuses(w.BaselineLab, logits=[[0, 1], [0, 1, 9]], rewards=[[0, 1, 21], [0, 1, NAN], "abc"], baseline=[20.5, NAN])
refuses(w.BaselineLab, action_dependence=[-0.1, 1.1], component=[3], samples=[0, 1001], actions=NAMES)
refuses(w.BaselineTable, answers=[[0] * 7, [4] + [0] * 7, [NAN] * 8, "abc"], selected=[8, -1, 0.5])
refuses(w.ClinicLab, seed=[-1], step=["all"], updates=[[1, 2, 3], [-1]], first=[[["x"]], [7], "abc"])
refuses(w.ClinicLab, answer=[7, "\ud800"])
refuses(w.ClipLab, ratio=[2.01, -0.1, NAN], advantage=[2.1], epsilon=[0.51, -0.01], clip=[2])
refuses(w.ClipLab, step_size=[0.0], steps=[101, -1, 1.5])
refuses(w.EstimatorExplorer, logits=[[0, 1], [0, 1, 9], [0, 1, NAN]], quantities=[[0, 1, 11], "abc"], actions=NAMES)
refuses(w.EstimatorExplorer, reward_kind=["smile"], samples=[0, 10_001], h=[0, 6, NAN])
refuses(w.GaeLab, lambda_=[1.01, -0.1, NAN], critic_error=[3.1], discount=[0.49, 1.01], action=[2], seed=[-1])
refuses(w.GradientCloud, logits=THREE_BY_TWO, samples=[0, 1025, 1.5], seed=[-1], draw=[-1])
refuses(w.GradientCloud, weighting=["reward"], vertical=["first message"])
refuses(w.GridLab, logits=[[0.0] * 47, [0.0] * 47 + [NAN], [0.0] * 47 + [10.5], np.zeros((4, 12)), np.zeros(47)])
refuses(w.GridLab, logits=["abc", [[0, 1], [2]]], discount=[1.0, 0.4, NAN])
refuses(w.GridLab, selected=["d3", "b2", "e1"], action=["jump"])
refuses(w.GroupLab, preset=["five right"], rewards=[[1, 0], [1] * 8, [1, 0, 0, 3], [1, 0, 0, NAN], "abcd"])
refuses(w.GroupLab, offset=[5.5, NAN], step_size=[-0.1, 1.1], method=["PPO"], shown=[[], ["PPO"], ["RLOO", "RLOO"]])
refuses(w.GroupLab, reply=[8, -1], token=[4])
refuses(w.KLLab, logits=[[0, 1, 2], [0, 1, 2, NAN], [0] * 6], ref_logits=[[0] * 3, "abcd"], rewards=[[0, 0, 0, 11]])
refuses(w.KLLab, actions=[["a", "b", "c"], ["a", "b", "c", "c"]], beta=[0.0, 31.0, NAN], adaptive=[1])
refuses(w.KLLab, target=[0.0, 3.0], updates=[-1, 601], samples=[0, 10_001], seed=[-1])
refuses(w.PolicyExplorer, logits=[[0, 1], [0, 1, NAN], [0, 1, 2000], "abc"], actions=NAMES, temperature=[0, NAN, 1e6])
refuses(w.PolicyExplorer, shift=[np.inf], draws=[-1, 10_001], seed=[-1])
refuses(w.PreferenceLab, choices=[Told([0.5], r"choices contains 0\.5"), Told([NAN], "choices contains nan"), None])
no_choice = r"choices contains 2, expected 1 \(left\), -1 \(right\) or 0 \(no preference\)"
refuses(w.PreferenceLab, choices=[Told([1, 2], no_choice), Told(1, r"choices has shape \(\)")])
refuses(w.PreferenceLab, choices=[Told([1] * 21, "choices has 21 entries, expected at most 20")], material=[{}])
refuses(w.PreferenceLab, choices=[Told([[1, -1]], r"choices has shape \(1, 2\), expected 1 \(left\)")])
refuses(w.PreferenceLab, choices=[Told(["left"], r"choices is \['left'\], expected 1 \(left\)")])
refuses(w.ReinforceLab, step_size=[0.0, 0.2, NAN], samples=[0, 101, 1.5], sign=["+"], start=[0.0, 1.0], seed=[-1])
refuses(w.ReinforceLab, updates=[-1, 201])
refuses(w.RlhfLab, kl_coef=[-0.1, 11.0, NAN], learning_rate=[0.0, 2.0], num_ppo_epochs=[0, 17, 1.5], clip=["yes"])
refuses(w.RlhfLab, feature_kind=["deep"], seed=[-1], show_gold=[1.5])
refuses(w.ScoreExplorer, probabilities=[[0.5, 0.5], [0.5, 0.3, 0.3], [1, 0, 0], [0.5, 0.6, -0.1], [0.5, 0.5, NAN]])
refuses(w.ScoreExplorer, actions=[*NAMES, ["a", "", "b"]], draws=[10_001], seed=[2**32])
refuses(w.TrainingLab, environment=["Taxi"], entropy_cost=[-0.1, 0.3], lambda_=[1.1, NAN], step_size=[0.0, 2.0])
refuses(w.TrainingLab, critic=["yes"], seed=[-1])
refuses(w.TrajectoryTree, logits=[*THREE_BY_TWO, np.zeros((4, 2))], calm=[[0.5], [0.5, 0.0], [0.5, 1.0]])
refuses(w.TrajectoryTree, rewards=[[0, 1, 2, 3, 4, 11], np.zeros((2, 3)), np.zeros((4, 2)), "abc", [[0, 1], [2]]])
refuses(w.TrajectoryTree, selected=[8, -1], logit_state=[3], dynamics_action=[2])


def synced(lab):
    """All that the page and Python share of a lab."""
    return {name: getattr(lab, name) for name in lab.traits(sync=True)}


@pytest.mark.parametrize(("lab", "trait", "wrong"), REFUSED, ids=lambda x: getattr(x, "__name__", None))
def test_a_wrong_value_is_refused_by_name_and_changes_nothing(lab, trait, wrong):
    start = START.get(lab, {})
    made, (value, message) = lab(**start), wrong if isinstance(wrong, Told) else (wrong, trait)
    before = synced(made)
    with pytest.raises(TraitError, match=message):
        setattr(made, trait, value)
    assert synced(made) == before
    if trait in inspect.signature(lab).parameters and value is not None:  # None stands for what is usual
        with pytest.raises(TraitError, match=message):
            lab(**start | {trait: value})


# Of each lab: how it begins, and what is then changed and has to be undone.
RESET = {}


def resets(lab, start, /, **changes):
    RESET[lab] = start, changes


start = {"advantages": [1.0, 2.0], "logits": [0.0, 1.0]}
resets(w.AdvantageLab, start, advantages=[3.0, 0.0], logits=[1.0, 1.0], steps_taken=10)
resets(w.BaselineLab, {"baseline": 2.0}, rewards=[10.0, 0.0, 0.0], baseline=0.0, action_dependence=0.5)
resets(w.BaselineTable, {}, answers=[1, 2, 3, 0, 0, 0, 0, 1], selected=2)
start = {"ratio": 0.7, "advantage": -1.0, "epsilon": 0.3, "clip": False, "step_size": 1.0, "steps": 4}
resets(w.ClipLab, start, ratio=1.5, advantage=2.0, epsilon=0.1, clip=True, step_size=0.2, steps=9)
resets(w.EstimatorExplorer, {"seed": 3}, logits=[0, 0, 0], quantities=[1, 1, 1], draw=1)
start = {"lambda_": 0.3, "critic_error": 1.0, "discount": 0.8, "action": 1, "seed": 2}
resets(w.GaeLab, start, lambda_=0.9, critic_error=-1.0, discount=0.9, action=0, draw=1)
start = {"logits": np.zeros((3, 2)), "samples": 4, "weighting": "reward to go", "vertical": "calm", "zoom": True}
resets(w.GradientCloud, start, logits=range(-3, 3), samples=1, weighting="total return", vertical="angry", zoom=False)
resets(w.GridLab, {"logits": np.full((12, 4), 0.5), "discount": 0.8}, logits=[0.0] * 48, discount=0.6)
start = {"preset": "short and long", "rewards": [1.0, 0.5, 0.0, 0.0], "offset": 1.0, "step_size": 0.5}
resets(w.GroupLab, start, preset="one of eight", offset=-2.0, step_size=0.1)
start = {"rewards": [1, 0, 0, 0], "beta": 0.5, "adaptive": True, "target": 0.2, "updates": 3, "samples": 10}
resets(w.KLLab, start, logits=[0] * 4, rewards=[0] * 4, beta=2.0, adaptive=False, target=0.1, updates=0, draw=1)
start = START[w.PolicyExplorer] | {"temperature": 2.0, "shift": 1.0, "predict_first": True}
resets(w.PolicyExplorer, start, actions=["x", "y", "z"], logits=[0, 1, 0], temperature=1, shift=0, revealed=True)
start = {"step_size": 0.01, "samples": 5, "sign": "minus", "start": 0.2, "updates": 4}
resets(w.ReinforceLab, start, step_size=0.02, samples=1, sign="plus", start=0.5, updates=0, draw=1)
resets(w.ScoreExplorer, {"weighted": True}, probabilities=[0.2, 0.2, 0.6], weighted=False)
resets(w.TrajectoryTree, {"logits": np.zeros((3, 2)), "calm": [0.5, 0.4]}, logits=range(-3, 3), calm=[0.9, 0.9])


@pytest.mark.parametrize("lab", RESET)
def test_reset_goes_back_to_how_it_began(lab):
    start, changes = RESET[lab]
    made = lab(**start)
    before = synced(made)
    if made.has_trait("predictions"):  # which stay
        made.predictions = before["predictions"] = [{"total_variation": 0.1}]
    for trait, value in changes.items():
        setattr(made, trait, value)
        assert getattr(made, trait) != before[trait], trait
    made.reset()
    after = synced(made)
    for trait in {*changes, "predictions"} & set(after):
        assert after[trait] == before[trait], trait


SHOWN = []


def shows(lab, start, *words):
    """How it begins, and words of the text that stands for it."""
    SHOWN.append((lab, start, words))


refund = "refund has probability 0.50, reward"
stepped = "a +1, b +0.1, c −2.65. Probabilities: 0.50, 0.30, 0.20.\nAfter one step: 0.66, 0.25, 0.09."
shows(w.AdvantageLab, {"preset": "small_positive"}, f"Advantage Lab. Advantages: {stepped}")
shows(w.BaselineLab, {}, f"{refund} +11", "62.1 at b = 0", "0.247 at V = 10.3", "b* = 9.99 with 0.188")
shows(w.BaselineLab, {"rewards": [0, 0, 0]}, "Now b = 0: variance 0")
follows = "Now b = 3 and follows the action by 0.6, with a bias up to 0.21: variance 4.88"
shows(w.BaselineLab, {"baseline": 3.0, "action_dependence": 0.6}, follows)
shows(w.BaselineTable, {}, "the action aₜ? biased or not?", "itself included? biased or not?")
shows(w.ClinicLab, {"case": "D2"}, "case D2: Quiet after the first updates. A model for", "It was not run yet.")
clipped = "surrogate is +1.2", "gradient is off", "After 20 steps", "with the clip", "apologise 0.157"
shows(w.ClipLab, {"ratio": 1.5, "steps": 20}, *clipped)
shows(w.EstimatorExplorer, {"actions": REPLIES}, f"{refund} +2", "+0.45", "finite differences", "m = 100")
dialled = "walk, is −0.273", "bias +0.427 and variance 1.71", "Best is λ = 0.77", "400 sampled episodes"
shows(w.GaeLab, {}, *dialled)
for setting in ({"samples": 16}, {"samples": 1, "vertical": "calm"}, {"zoom": True}):
    shows(w.GradientCloud, setting, "Exact gradient (+0.275, ")
shows(w.GridLab, {"selected": "b3"}, "b3 −6.29", "a1 −9.25", "Selected: b3", "right 0.25 (+2.68)")
grouped = "parcel: reward 1, advantage +0.866, 0.086 to 0.105", "RLOO +0.667, +0.667, −0.667, −0.667"
shows(w.GroupLab, {}, *grouped)
shows(w.GroupLab, {"preset": "one of eight"}, "8 replies", "advantage +2.47", "total return +1, 0, 0")
priced = "refund π 0.55, reference 0.40, best 0.60", "π_ref) is 0.060, KL(π_ref ‖ π) 0.066", "is 0.515, at best 0.598"
shows(w.KLLab, {}, *priced)
shows(w.KLLab, {"adaptive": True, "updates": 600}, "π_ref) is 0.100")
drawn = "refund 1, replace 0.5, apologise -0.5", "0.55, 0.33, 0.12", "100 drawn"
shows(w.PolicyExplorer, START[w.PolicyExplorer] | {"draws": 100}, *drawn)
shows(w.PreferenceLab, {"choices": MIXED}, "pair 8 of 20")
shows(w.ReinforceLab, {}, "From π(right) = 0.05, after 0 updates, the mean of exact J is -62.1", "possible is -11.7")
shows(w.RlhfLab, {}, "update 0 of 100. No update yet. To “Could you")
scored = "refund 0.50, replace 0.30, apologise 0.20", "lengths 0.62, 0.88, 0.99"
shows(w.ScoreExplorer, START[w.ScoreExplorer] | {"actions": REPLIES, "draws": 50}, *scored)
shows(w.TrainingLab, {}, "The exact probability to reach the present is")
path = "refund, calm, apologise: 0.32, return +2", "J = 0.21", "policy part 0.4 times dynamics part 0.8"
shows(w.TrajectoryTree, {"selected": 1}, *path)


@pytest.mark.long
@pytest.mark.parametrize(("lab", "start", "words"), SHOWN, ids=lambda x: getattr(x, "__name__", ""))
def test_what_viewers_without_widgets_get(lab, start, words):
    made = lab(**start)
    data, metadata = made._repr_mimebundle_()
    alt = metadata["image/png"]["alt"]
    assert data["text/plain"] == alt == repr(made) == made.alt_text()
    assert not re.search(r"0x[0-9a-f]{6,}|model_id|[0-9a-f]{32}", alt), "an address"
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data[offline.MIME_TYPE]["lab"] in made.__module__
    assert [part for part in words if part not in alt] == []
    assert data["image/png"].startswith(b"\x89PNG")
    large = {w.ClipLab: 70_000, w.GaeLab: 70_000, w.GroupLab: 70_000, w.PreferenceLab: 70_000, w.RlhfLab: 90_000}
    assert len(data["image/png"]) < large.get(lab, 60_000)
    assert made.first_frame() == data["image/png"], "the same picture each time"
    state = offline.stored(made)["state"]
    assert not TABLES & set(state), "tables, markup and what becomes buttons come from the package alone"
    for trait in set(start) & set(state):
        assert state[trait] == getattr(made, trait)


def number(low, high, whole=False):
    return {"kind": "number", "low": low, "high": high, "whole": whole}


@pytest.mark.parametrize(
    ("lab", "trait", "rule"),
    [
        (w.BaselineLab, "baseline", number(-20.0, 20.0)),
        (w.BaselineTable, "answers", {"kind": "numbers", "low": 0, "high": 3, "lengths": [8]}),
        (w.ClipLab, "steps", number(0, 100, whole=True)),
        (w.ClipLab, "epsilon", number(0.0, 0.5)),
        (w.EstimatorExplorer, "h", number(1e-3, 5.0)),
        (w.GaeLab, "critic_error", number(-3.0, 3.0)),
        (w.GridLab, "selected", {"kind": "choice", "values": list(DECISIONS)}),
        (w.GridLab, "discount", number(0.5, 0.99)),
        (w.GroupLab, "method", {"kind": "choice", "values": list(SHOWN_METHODS)}),
        (w.GroupLab, "rewards", {"kind": "numbers", "low": -1.0, "high": 2.0, "lengths": [4, 8]}),
        (w.KLLab, "beta", number(0.03, 30.0)),
        (w.PreferenceLab, "choices", {"kind": "numbers", "low": -1.0, "high": 1.0, "lengths": list(range(21))}),
        (w.ReinforceLab, "sign", {"kind": "choice", "values": ["plus", "minus"]}),
        (w.TrajectoryTree, "selected", number(0, 7, whole=True)),
    ],
)
def test_what_a_notebook_may_set(lab, trait, rule):
    assert offline.rules(lab)[trait] == rule


@pytest.mark.parametrize(("lab", "trait"), [(w.PolicyExplorer, "logits"), (w.ScoreExplorer, "probabilities")])
def test_a_new_policy_takes_its_draws_away_but_those_that_the_page_sends_with_it(lab, trait):
    made = lab([0.5, 0.3, 0.2], draws=2)
    made.draw(3)
    made.set_state({trait: [0.2, 0.2, 0.6], "draw_start": 5, "draws": 100})  # a drag and a click in one message
    assert (made.draws, made.draw_start) == (100, 5)
    made.set_state({trait: [0.1, 0.2, 0.7]})
    assert (made.draws, made.draw_start) == (0, 105)
    made.draw(20_000)
    assert made.draws == 10_000
    made.reset()
    assert made.draws == 0


@pytest.mark.parametrize(
    ("lab", "act"), [(w.AdvantageLab, "step"), (w.PolicyExplorer, "draw"), (w.ScoreExplorer, "draw")]
)
def test_a_button_is_pressed_a_whole_number_of_times(lab, act):
    for n in (0, -1, 2.5, "3"):
        bad(ValueError, f"n is {n!r}, expected a whole number", getattr(lab(), act), n)


@pytest.mark.long
@pytest.mark.parametrize(("lab", "answer"), [(w.AdvantageLab, "0.66"), (w.PolicyExplorer, "0.55")])
def test_words_and_picture_do_not_give_away_what_is_to_be_predicted(lab, answer):
    shown, hidden = (lab(**START[lab], predict_first=first) for first in (False, True))
    assert answer in repr(shown)
    assert answer not in repr(hidden)
    assert hidden.first_frame() != shown.first_frame()


def test_every_lab_has_its_rows():
    """But for the map, the quiz and its kin, which are no labs."""
    labs = set(w.__all__) - {"CourseMap", "FinalTest", "Predict", "Quiz", "Review"}
    assert {lab.__name__ for lab, *_ in REFUSED} == {lab.__name__ for lab, *_ in SHOWN} == labs


ARGUMENTS = [
    pytest.param(lab, name, parameter.default, id=f"{lab.__name__}-{name}")
    for lab in (getattr(w, name) for name in w.__all__)
    for name, parameter in inspect.signature(lab).parameters.items()
]
NO_NUMBERS = [True, np.True_, "0.5", b"1", None, [0.5], np.array(0.5), np.nan, np.inf]
NO_TEXTS = [0, True, None, b"a", ["a"]]
WRONG = {
    Flag: [0, 1.0, "True", None],
    Whole: [0.0, 1.0, np.float64(0), True, np.True_, "0", None],
    Number: NO_NUMBERS,
    Text: NO_TEXTS,
    Enum: [True, None, b"a", ["a"], "none of them"],
    Texts: [0, "abc", b"ab", {"a": 1}, [1], [None]],
}
LISTS = ("advantages", "logits", "ref_logits", "actions", "quantities", "rewards", "probabilities")


@pytest.mark.long
@pytest.mark.parametrize(("lab", "name", "usual"), ARGUMENTS)
def test_an_argument_is_of_its_kind_or_refused_by_name(lab, name, usual):
    wrong = [object(), {1: 2}, 1j]
    if isinstance(usual, bool):
        wrong += ["False", "", 0, 1, None, np.array(True)]
        assert getattr(lab(**{name: np.bool_(usual)}), name) is usual
    elif isinstance(usual, int):
        wrong += [True, np.False_, -1, 0.9, 0.0, np.float64(1), np.array(1), np.nan, "1", None, [1], 10**30]
        assert getattr(lab(**{name: np.uint8(1)}), name) == 1
    elif isinstance(usual, float):
        wrong += NO_NUMBERS
        assert getattr(lab(**{name: np.float32(usual)}), name) == np.float32(usual)
    elif isinstance(usual, str):
        wrong += NO_TEXTS
    if name in LISTS:
        wrong += [0, 0.5, True, np.array(1.0), np.ma.masked, np.ma.array([0.5, 0.3, 0.2], mask=[0, 1, 0]), [1j] * 3]
        wrong += [[True, False, True], ["0.5", "0.3", "0.2"][: None if name != "actions" else 1]]
    for value in wrong:
        with pytest.raises((TypeError, ValueError, TraitError)) as caught:
            lab(**{name: value})
        assert any(argument in str(caught.value) for argument in inspect.signature(lab).parameters)


@pytest.mark.long
@pytest.mark.parametrize("lab", [getattr(w, name) for name in w.__all__])
def test_a_trait_takes_what_is_of_its_kind_alone(lab):
    one = lab()
    for name, trait in one.traits(sync=True).items():
        if name.startswith("_") or name in ("layout", "tabbable", "tooltip"):  # those of every widget
            continue
        kinds = (*WRONG, Numbers, Dict, List)
        assert isinstance(trait, kinds), f"{name} is a {type(trait).__name__}: what does it refuse?"
        for value in WRONG.get(type(trait), []):
            with pytest.raises(TraitError, match=name):
                setattr(one, name, value)


def emptied(value):
    """Empty a dictionary or list, and all that it holds, in place."""
    if isinstance(value, dict | list):
        for part in [*value.values()] if isinstance(value, dict) else [*value]:
            emptied(part)
        value.clear()


@pytest.mark.parametrize("lab", [getattr(w, name) for name in w.__all__])
def test_what_is_changed_in_one_lab_reaches_no_other(lab):
    def state():
        return json.dumps(offline.stored(lab()), sort_keys=True)

    before, first = state(), lab()
    for name in first.traits(sync=True):
        if not name.startswith("_"):
            emptied(getattr(first, name))
    assert state() == before
