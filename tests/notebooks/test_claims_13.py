"""What lesson 13 says: its exact part is computed again, its runs are read where the notebook stores them.

What the text says of runs in general is tried with seeds that its reader does not see; test_rlhf_groups.py and
test_rlhf_dpo.py hold what it says of checkers and of DPO.
"""

import math
import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from claims import After, Lesson, holds, numbers

from course_utils import group_advantages
from course_utils.checks import load
from course_utils.rlhf import run as rlhf
from course_utils.rlhf.config import RunConfig
from course_utils.widgets import group_lab

LESSON = Lesson("13")
ASKED = LESSON.predictions
text = LESSON.text
EXACT = ("setup", "group-code", "exact-code", "sampled-code", "equal-code", "near-code", "length-code")
OTHER_SEEDS = (1301, 1302)


@pytest.fixture(scope="module")
def own() -> After:
    """The exact part, with the reader's seeds."""
    return LESSON.play(only=(*EXACT, "dpo-derivation", "deeper-code", "gspo-code"))


@pytest.fixture(scope="module")
def again() -> After:
    """The tiny world with another SFT model."""
    return LESSON.play(seed=1301, only=EXACT)


def lines(label: str) -> list[str]:
    """What a cell of the stored notebook printed."""
    return LESSON.stored[label].splitlines()


def rows(label: str, first: int = 0, last: int | None = None) -> dict[str, list[float]]:
    """Rows of a stored table that begin with a name in 18 characters."""
    return {line[:18].strip(): numbers(line[18:]) for line in lines(label)[first:last]}


def degrees(cosine: float) -> int:
    return round(math.degrees(math.acos(cosine)))


def test_six_methods_in_one_group(own: After) -> None:
    six, R, o = (own["group-code"][name] for name in ("six", "R", "o"))
    assert (R.tolist(), o.tolist()) == ([1, 1, 0, 0], [2, 3, 2, 3])
    holds(text["group"], "earn 1", "earn 0", "2, 3, 2 and 3 tokens")
    world = own["exact-code"]["tiny"]
    assert "*What have you sent me?*" in text["group"]
    assert world.prompts[0].text == "What have you sent me?"
    alone = [name for name, (A, _) in six.items() if (A[R == 0] == 0).all()]
    notice = [
        name for name, method in group_advantages.METHODS.items()
        if not np.allclose(method.advantages(R + 5), method.advantages(R))
    ]  # fmt: skip
    assert alone == notice == ["total return"]
    assert (six["total return"][0] + 5 > 0).all()  # “pushes all replies up”
    holds(ASKED["offset"]["came"], "from 1, 1, 0, 0 to 6, 6, 5, 5")
    for line in re.findall(r"[-+] [Aw] = (.+?) +#", LESSON.cells["six-methods"].source):
        known = {"R": R, "o": o, "K": 4, "L": 4}
        if "gae" not in line:  # every line of the diff computes what the method's function computes
            assert np.isfinite(eval(line, known)).all()


def test_in_the_lab_only_the_total_return_disagrees_about_a_sign() -> None:
    rises: dict[str, dict[str, Any]] = {}
    for preset in group_lab.GROUPS:
        lab = group_lab.GroupLab(preset)
        moves = {name: lab.probabilities_after(name) - lab.probabilities() for name in group_lab.SHOWN}
        rises[preset] = {name: np.sign(move.round(9)).tolist() for name, move in moves.items()}
        plain = rises[preset].pop("total return")
        assert all(signs == rises[preset]["RLOO"] for signs in rises[preset].values())
        if preset == "reward offset +5":
            bill = lab.replies.index("bill")
            assert (plain[bill], rises[preset]["RLOO"][bill]) == (1, -1)
    holds(text["group-lab-read"], "*reward offset +5*", "raises *bill*", "differ in size alone")


def check_directions(after: After) -> None:
    space = after["exact-code"]
    found = {name: space["exact"].agreement(u, space["gradient"]) for name, u in space["updates"].items()}
    straight = [name for name, at in found.items() if at.cosine > 1 - 1e-9]
    assert straight == ["total return", "mean of the group", "RLOO", "Dr. GRPO", "GAE, exact critic"]
    assert found["mean of the group"].length_ratio == pytest.approx(1 - 1 / 8)
    assert found["Dr. GRPO"].length_ratio == pytest.approx((1 - 1 / 8) / 4)
    noise = {name: at.signal_to_noise for name, at in found.items()}
    assert noise["RLOO"] > 2 * noise["total return"]
    assert noise["GAE, exact critic"] > noise["RLOO"] + 0.3
    assert noise["sd alone"] == pytest.approx(0.75 * noise["RLOO"], rel=0.05)  # “costs a quarter”
    assert degrees(found["GRPO"].cosine) > degrees(found["1/|o| alone"].cosine) > degrees(found["sd alone"].cosine) > 3


def test_directions_lengths_and_noise(own: After, again: After) -> None:
    for after in (own, again):
        check_directions(after)
    space = own["exact-code"]
    found = {name: space["exact"].agreement(u, space["gradient"]) for name, u in space["updates"].items()}
    told = [degrees(found[name].cosine) for name in ("GRPO", "DAPO", "sd alone", "1/|o| alone")]
    assert told == [14, 6, 5, 11]
    cosines = [f"{found[name].cosine:.3f}" for name in ("total return", "GRPO", "DAPO")]
    assert re.findall(r"[01]\.\d+", ASKED["along-the-gradient"]["came"]) == cosines
    holds(text["exact-read"], "by 14 and 6 degrees", "turns by 5 degrees", "turns by 11")
    assert len(space["listed"][0].probabilities) == 781
    assert "781 replies to a prompt" in text["exact"]


@pytest.mark.parametrize("which", ["own", "again"])
def test_sampled_groups_agree_with_all_groups(which: str, request: pytest.FixtureRequest) -> None:
    space = request.getfixturevalue(which)["sampled-code"]
    g, exact = space["g"], space["updates"]["GRPO"][1].mean @ space["along"]
    assert abs(g.mean() - exact) < 5 * g.std() / len(g) ** 0.5  # two-sided false alarm 6e-7


def test_the_spread_favours_easy_and_hard_alike() -> None:
    p = np.linspace(0.01, 0.99, 99)
    for K in (2, 3, 4, 8, 16):
        w = group_advantages.sd_weight(p, K)
        np.testing.assert_allclose(w, w[::-1])
        assert (np.ptp(w) < 1e-9) == (K < 4)  # “in groups of two or three nothing is re-weighted”
        if K > 3:
            assert w.argmin() == 49
    of_16 = group_advantages.sd_weight(np.array([0.05, 0.5, 0.95]), 16)
    assert f"{of_16[0] / of_16[1]:.2f} times as much" in ASKED["who-gains"]["came"]
    many = group_advantages.sd_weight(p, 1000)
    slope = np.gradient(2 * np.arcsin(np.sqrt(p)), p)
    np.testing.assert_allclose(many[10:-10], slope[10:-10], rtol=0.02)
    np.testing.assert_allclose(
        group_advantages.sd_weight(p, 8, ddof=1), np.sqrt(7 / 8) * group_advantages.sd_weight(p, 8)
    )


def test_groups_that_are_all_equal() -> None:
    easy, middling, hard = ([numbers(line)[i] for i in (1, -1)] for line in lines("equal-code")[1:])
    assert easy == hard
    assert easy[0] == 66
    assert "two thirds of the groups" in text["equal-read"]
    assert middling[0] == 1
    assert easy[1] / middling[1] == pytest.approx(4, abs=0.15)  # “four times as much”


def test_nearly_equal_rewards(own: After, again: After) -> None:
    holds(ASKED["nearly-equal"]["came"], "1.0911", "RLOO's is 0.0013", "a thousand times as far")
    for after in (own, again):
        rloo, grpo = (numbers(line) for line in after["near-code"]["printed"].splitlines()[1:])
        assert rloo[0] == 0.0013
        assert grpo[0] == 1.0911
        rloo, grpo = (row[-3:] for row in (rloo, grpo))
        assert 200 < sum(grpo) / sum(rloo) < 5000  # “a thousand times as far”


def test_length(own: After, again: After) -> None:
    for after in (own, again):
        for line in after["length-code"]["printed"].splitlines()[1:]:
            p, of_right, of_wrong, of_all = numbers(line.replace("+", ""))
            assert of_right < 0 < of_wrong
            assert p == 0.5 or (of_all > 0) == (p < 0.5)
    easy, _, hard = (numbers(line)[1:3] for line in own["length-code"]["printed"].replace("+", "").splitlines()[1:])
    assert numbers(ASKED["length"]["came"].replace("+", "")) == [0.01, 0.05, abs(hard[0]), hard[1], 0.95, *easy]


GROUPS: dict[str, Any] = {"num_generations": 4, "whiten_advantages": False, "updates": 50}
ONE = GROUPS | {"num_ppo_epochs": 1, "cliprange": None}


def at_the_end(seed: int, metric: str = "ours/gold", **settings: Any) -> float:
    """The mean of a metric, the gold reward say, over the last twenty batches of a run."""
    return float(ended(seed, **settings)[metric][-20:].mean())


@cache
def ended(seed: int, **settings: Any) -> rlhf.RunLog:
    return rlhf.run(RunConfig(**settings), seed, progress=False)


def test_no_group_method_wins_and_what_matters_more() -> None:
    table = rows("curves-code", first=1)
    assert list(table) == ["total return", "batch mean", "RLOO", "GRPO", "Dr. GRPO", "DAPO's A and w", "A2C"]
    ends = {name: row[0] for name, row in table.items()}
    assert max(ends.values()) - min(ends.values()) < 0.1
    assert "within a tenth of a point" in text["curves-read"]
    others = rows("steps-code", first=1)
    told = [ends[name] for name in ("RLOO", "GRPO", "A2C", "total return")] + [others["RLOO, 4 steps"][0]]
    assert re.findall(r"\d\.\d+", ASKED["winner"]["came"]) == [f"{x:.2f}" for x in told]
    assert max(abs(table[name][-2]) for name in ("GRPO", "A2C")) < 0.03  # “of the size of their standard errors”
    less = {name: row[-2] for name, row in (table | others).items()}
    for name in ("RLOO, 4 steps", "PPO, 4 steps"):
        assert less[name] > max(less[other] for other in table) + 0.05
    for name in ("total return, +5", "total return, −5"):
        assert less[name] < less["A2C, " + name[-2:]] - 0.05 < 0
    # With other seeds. Over eight of them the three differences from RLOO are .00, .22, −.72, of sd .02, .04, .12: each
    # bound is five of them away.
    rloo = {seed: at_the_end(seed, **ONE, baseline="leave one out") for seed in OTHER_SEEDS}
    for seed in OTHER_SEEDS:
        grpo = at_the_end(seed, **ONE, baseline="group mean", scale_rewards="group", loss_type="grpo")
        assert abs(grpo - rloo[seed]) < 0.2
        # Over six seeds the entropies per token differ by .05, of sd .015, and the gold by .05, of sd .02.
        total = at_the_end(seed, "policy/entropy_avg", **ONE, baseline="none")
        assert total < at_the_end(seed, "policy/entropy_avg", **ONE, baseline="leave one out")
    assert table["total return"][-2] > 0
    assert at_the_end(OTHER_SEEDS[0], **GROUPS, baseline="leave one out") > rloo[OTHER_SEEDS[0]]
    assert at_the_end(OTHER_SEEDS[0], **ONE, baseline="none", reward_offset=-5.0) < rloo[OTHER_SEEDS[0]] - 0.1


def test_a_group_s_baseline_removes_an_offset_exactly() -> None:
    short = ONE | {"baseline": "leave one out", "updates": 5}
    assert at_the_end(0, **short) == pytest.approx(at_the_end(0, **short, reward_offset=5.0), abs=1e-3)


def sft_gold() -> float:
    (line,) = (line for line in lines("checker-code") if line.startswith("SFT model"))
    return numbers(line)[-1]


def test_checkers() -> None:
    table: dict[str, list[list[float]]] = {}
    for line in lines("checker-code")[1:9]:
        table.setdefault(line[:18].strip(), []).append(numbers(line[18:].replace("→", "")))
    _, golds, _, passes, foreign, before, after = np.array(list(table.values())).transpose(2, 0, 1)
    model, strict, closed, plain = range(4)
    assert list(table) == ["reward model", "strict checker", "closed checker", "strict, plain SGD"]
    assert (golds[model] < -3).all()
    assert (golds[closed] > golds[strict]).all()
    assert (golds[plain] > golds[strict]).all()
    assert (passes[[strict, closed, plain]] > 95).all()
    assert (foreign[strict] > 15).all()
    assert (foreign[[closed, plain]] < 2).all()
    assert (before[strict] < 80).all()
    assert (after[strict] > 140).all()
    told = [*golds[strict], sft_gold(), *golds[model], *foreign[strict]]
    assert numbers(ASKED["checker"]["came"]) == told
    assert sft_gold() < golds[strict].min() - 0.1  # “above the SFT model's”, loophole and all
    assert lines("checker-code")[10] == "passes:"
    assert len(lines("checker-code")) == 14


def test_dpo(own: After) -> None:
    space = own["dpo-derivation"]
    assert np.ptp(0.3 * np.log(space["best"] / space["ref"]) - space["R"]) < 1e-12
    table = np.array([numbers(line) for line in lines("dpo-code")[1:]])
    _, epochs, loss, margin, chosen, seen, fresh, golds, kl = table.T
    assert epochs.tolist() == [1, 3, 10, 1, 3, 10]
    assert (chosen < 0).all()
    told = re.findall(r"\d\.\d+", ASKED["dpo"]["came"])
    assert told == [
        f"{x:.2f}" for x in (-chosen[0], -chosen[1], -chosen[4], -chosen[2], -chosen[5], golds[2], golds[5])
    ]
    assert chosen[0] == chosen[3]
    for i in (0, 3):
        assert golds[i + 1] - sft_gold() == pytest.approx(1, abs=0.2)  # “a point above”
        assert golds[i + 2] < sft_gold() - 0.3
        assert kl[i + 2] > 10 * kl[i + 1]
        for column in (-loss, margin, seen, fresh):  # “look better than ever”
            assert (np.diff(column[i : i + 3]) > 0).all()


def test_going_deeper(own: After) -> None:
    two_rloo, two_sd, four_rloo, four_sd = (
        numbers(line)[-1] for line in own["deeper-code"]["printed"].splitlines()
    )  # fmt: skip
    assert two_rloo == two_sd == four_rloo == 0
    assert four_sd > 0.05
    assert len(own["deeper-code"]["groups"]) == 256
    update, hits = own["deeper-code"]["expected_update"], np.array([0.0, 0.0, 1.0, 1.0])
    even, sure = (
        update(np.log(p), hits, "sd alone")[0] / update(np.log(p), hits, "RLOO")[0]
        for p in ([0.25] * 4, [0.6, 0.3, 0.05, 0.05])
    )
    assert sure > 1.03 * even  # “a gradient, of another function of p”
    clipped = np.exp(own["gspo-code"]["log_ratio"]) > 1.2
    assert clipped.sum() == 1
    assert np.exp(own["gspo-code"]["log_ratio"].mean()) > 1 + 4e-4
    rloo, low, high, low_1, high_1 = (numbers(line.split(":")[1])[0] for line in lines("critic-code"))
    assert low > rloo + 0.3 > rloo - 0.3 > high
    assert max(abs(low_1 - rloo), abs(high_1 - rloo)) < 0.5


def test_our_options_have_the_names_of_the_map() -> None:
    fields = set(RunConfig.__dataclass_fields__)
    assert {"num_generations", "scale_rewards", "loss_type", "epsilon_high"} <= fields
    for name in ("num_generations", "scale_rewards", "loss_type", "epsilon_high"):
        assert f"`{name}" in text["map"]
    for loss_type in group_advantages.TOKEN_WEIGHTS:
        assert f'`loss_type="{loss_type}"`' in text["map"]
    assert group_advantages.EPSILON == 1e-4
    holds(text["map"], "ε = 1e-4", "July 2026", "1.10.0.dev0")


def test_the_questions_are_those_of_the_lesson() -> None:
    for name, place in (("grpo_advantages", "turn-group"), ("dpo_loss", "turn-dpo")):
        assert f"def {load(name).signature}:" in LESSON.cells[place].source
