"""What lesson 14 says: of its formulas and bugs, of its two trained networks, and of the stored log."""

import json
import re
from typing import Any

import numpy as np
import pytest
from claims import After, Lesson, holds, numbers

from course_utils import worlds
from course_utils.build import stored_run
from course_utils.checks import judge, load
from course_utils.data_files import DATA

torch = pytest.importorskip("torch")
LESSON = Lesson("14")
ASKED, text = LESSON.predictions, LESSON.text
HISTORY = json.loads((DATA / "trainer_log/trainer_state.json").read_text("utf-8"))["log_history"]
DEBRIEF = json.loads((DATA / "trainer_log/debrief.json").read_text("utf-8"))
FORMULAS = ("setup", "autodiff-code", "six-code", "proof-", "ratio-", "bfloat16-code", "deeper")


@pytest.fixture(scope="module", autouse=True)
def _floats() -> Any:
    """The lesson's setup is the process's: leave it as it was."""
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="module")
def own() -> After:
    return LESSON.play(only=FORMULAS)


def table(label: str) -> dict[str, list[float]]:
    """The rows of a stored table, by name."""
    rows = (re.match(r"(.*?)  +(-?\d.*)", line) for line in LESSON.stored[label].splitlines())
    return {" ".join(row[1].split()): numbers(row[2]) for row in rows if row}


def test_backward_adds(own: After) -> None:
    assert own["autodiff-code"]["z"].grad.numpy() == pytest.approx([0.67, -0.489, -0.18], abs=1e-3)
    holds(ASKED["twice"]["came"], "Twice the score", "0.67", "0.335")


@pytest.mark.parametrize("seed", [None, 1401, 1402])
def test_formulas_agree_and_a_wrong_one_does_not(own: After, seed: int | None) -> None:
    after = own if seed is None else LESSON.play(seed=seed, only=FORMULAS[:4])
    printed = after["proof-code"]["printed"].splitlines()
    assert len(printed) == text["six"].count("$ |") == 6
    space = after["proof-code"]
    with pytest.raises(AssertionError):  # a mean for the sum
        space["agree"]("U", space["U"](space["z"], space["a"], torch.tensor(space["A"])) / 4, [space["z"]], 0.0, 0.0)


def function(label: str, solved: bool) -> Any:
    """The function of a cell, as the learner gets it or solved."""
    from course_utils.build import notebooks

    space: dict[str, Any] = {"torch": torch}
    exec(notebooks.derived(LESSON.cells[label].source, solved=solved), space)
    return next(reversed(space.values()))


@pytest.mark.parametrize(
    ("bug", "question", "name"),
    [
        ("bug-1", "actor_critic_loss", "not-detached"),
        ("bug-2", "token_log_probs", "not-shifted"),
        ("bug-3", "token_log_probs", "half-precision"),
        ("bug-4", "ppo_token_loss", "padding-counts"),
        ("bug-5", "ppo_token_loss", "mean-over-tokens"),
        ("bug-6", "reply_mask", "end-not-trained"),
    ],
)
def test_each_bug_is_named_and_mended(bug: str, question: str, name: str) -> None:
    assert LESSON.stored[f"{bug}-check"] == ""  # it would name the bug
    assert f'check("{question}", ' in LESSON.cells[f"{bug}-check"].source
    assert judge(load(question), function(bug, solved=False), 0).mistake == name
    assert judge(load(question), function(bug, solved=True), 0).status == "correct"


def test_three_ways_to_a_ratio_that_is_not_1(own: After) -> None:
    from course_utils.build import notebooks

    for solved in (False, True):
        space = dict(own["ratio-code"])
        said = []
        for bug in ("bug-7", "bug-8", "bug-9"):
            exec(notebooks.derived(LESSON.cells[bug].source, solved=solved), space)
            said.append(eval(LESSON.cells[f"{bug}-check"].source.removeprefix("print"), space))
        assert len(set(said)) == (1 if solved else 3)
        assert (said[0] == "The ratio is 1.") == solved


def test_what_16_bits_cost(own: After) -> None:
    off = own["bfloat16-code"]["off"]
    holds(ASKED["rounded"]["came"], f"{np.median(off):.3f}", f"{off.max():.2f}")
    holds(text["bfloat16-read"], "Two per cent")
    holds(text["bug-3-text"], "eight binary digits where float32 has 24")
    assert (torch.finfo(torch.bfloat16).eps, torch.finfo(torch.float32).eps) == (2.0 ** (1 - 8), 2.0 ** (1 - 24))
    for seed in (1, 2):
        other = LESSON.play(seed=seed, only=("setup", "bfloat16-code"))["bfloat16-code"]["off"]
        assert 0.01 < np.median(other) < 0.03
        assert 0.1 < other.max() < 0.3
    drawn = own["bfloat16-code"]["logits"].gather(-1, own["bfloat16-code"]["words"]).numpy()
    assert 1 / 8 < (drawn > 32).mean() < 1 / 6  # “one in seven of the drawn”


def printed(own: After, label: str) -> list[str]:
    return own[label]["printed"].splitlines()


def test_the_loss_has_no_meaning_and_one_right_derivative(own: After) -> None:
    z, J, U = (own["deeper-second"][name] for name in ("z", "J", "expected_U"))
    rows = [numbers(line.split("value")[1]) for line in printed(own, "deeper-surrogate")]
    holds(text["deeper-surrogate-read"], "Three values, one gradient")
    assert len({row[0] for row in rows}) == 3
    assert rows[0][1:] == rows[1][1:] == rows[2][1:]
    second = [torch.autograd.functional.hessian(f, z) for f in (J, own["deeper-second"]["by_ratio"], U)]
    assert torch.allclose(second[0], second[1], atol=1e-12)
    assert second[0][0, 0] > 0.1 > -0.1 > second[2][0, 0]  # wrong sign
    assert printed(own, "deeper-second")[0].split(":")[1] == printed(own, "deeper-second")[2].split(":")[1]


def test_what_runs_backwards(own: After) -> None:
    assert printed(own, "deeper-backwards")[1:] == [
        "the same by Categorical: True",
        "a draw has a past: False   it can have one: False",
    ]
    assert torch.distributions.Normal.has_rsample
    z, g = torch.tensor([0.3, -1.0, 2.0], requires_grad=True), torch.tensor([0.5, -2.0, 1.0])
    (sent,) = torch.autograd.grad(z.log_softmax(-1), z, g)
    assert torch.allclose(sent, g - z.softmax(-1).detach() * g.sum())


def test_a_mean_of_means_weighs_short_replies_more(own: After) -> None:
    weights = numbers(printed(own, "deeper-micro")[1])
    assert weights == pytest.approx([20 / 12, 20 / 28], abs=0.005)
    holds(text["deeper-micro-read"], f"{28 / 12:.1f} times")
    assert printed(own, "deeper-micro")[2].endswith("True")


def test_padding_on_the_left_is_read_first(own: After) -> None:
    off = numbers(printed(own, "deeper-left")[1].split(":")[1])
    assert (min(off[:2]) > 0.01, off[2]) == (True, 0)
    assert printed(own, "deeper-left")[0].startswith("A prompt alone gives other numbers")


def test_an_answer_of_another_shape_is_no_riddle(own: After) -> None:
    space = own["ratio-code"]
    for wrong in (None, 0.0, space["old"][:1]):
        said = space["why_not_one"](lambda prompts, wrong=wrong: wrong, space["prompts"], space["old"])
        assert said == "Wanted are the logarithms of 3 prompts, shape (3, 6)."


def test_the_network_of_the_grid_world() -> None:
    grid = worlds.grid_world()
    values = np.zeros(12)
    for _ in range(200):
        values = (grid.rewards + 0.9 * np.einsum("sax,x->sa", grid.transitions, values)).max(axis=1)
        values[list(grid.terminal_states)] = 0
    best = float(grid.start @ values)
    holds(text["net-read"], f"worth {best:.2f}")
    reached = [numbers(line)[1] for line in LESSON.stored["net-code"].splitlines()]
    assert reached[0] < -9
    assert best - 0.15 < reached[-1] < best
    assert 2 * 16 + 16 + 16 * 5 + 5 == 133
    holds(text["net"], "133 parameters")


def test_two_networks_one_story() -> None:
    rows = table("run-code")
    assert LESSON.stored["run-code"].startswith("the ratio before each first step is 1: True")
    for who in ("transformer", "log-linear"):
        score, gold = (rows[f"{name} {who}"] for name in ("objective/scores", "ours/gold"))
        assert score[-1] - score[0] > 0.6
        assert gold[-1] - gold[0] > 0.6
        assert 2 < rows[f"objective/kl {who}"][-1] < 3
        assert rows[f"policy/entropy_avg {who}"][-1] < rows[f"policy/entropy_avg {who}"][0]
        assert np.ptp(rows[f"ours/reply_length {who}"]) < 0.8
        assert max(rows[f"policy/approxkl_avg {who}"]) < 0.01
    # the transformer's later digits are the processor's, so what came is said in round numbers
    assert abs(rows["objective/scores transformer"][0]) < 0.1
    assert 0.6 < rows["objective/scores transformer"][-1] < 1.4
    assert rows["ours/gold transformer"][-1] > 2
    assert rows["ours/gold transformer"][0] == 1.15
    holds(
        ASKED["begins"]["came"], f"{rows['objective/scores log-linear'][-1]}", f"{rows['objective/kl log-linear'][-1]}"
    )
    assert LESSON.stored["sft-code"].startswith("5,745 parameters")
    holds(ASKED["begins"]["text"], "half the parameters")


def test_the_stored_log_says_what_the_text_reads_in_it() -> None:
    assert [row["step"] for row in HISTORY] == list(range(5, 101, 5))
    column = {name: np.array([row[name] for row in HISTORY]) for name in HISTORY[0]}
    reward, gold, kl = column["reward"], np.array(DEBRIEF["gold"]), np.array(DEBRIEF["kl"])
    assert reward[-1] == reward.max() > 3
    assert reward[11:].mean() - reward[8:12].mean() > reward[4:8].mean() - reward[:4].mean()  # faster towards the end
    assert column["entropy"][-1] > column["entropy"][0]
    assert column["clip_ratio/region_mean"].any() == column["frac_reward_zero_std"].any() == ("kl" in column) == False  # noqa: E712
    assert column["completions/clipped_ratio"][:8].max() < 0.1 < 0.9 < column["completions/clipped_ratio"][-1]
    assert 5 * (gold.argmax() + 1) in (25, 30)
    holds(
        ASKED["people"]["came"],
        f"to {gold.max():.1f}",
        "thirtieth step",
        f"−{-gold[-1]:.1f}",
        f"{kl[0]:.1f} to {kl[-1]:.0f}",
    )
    holds(ASKED["people"]["text"], f"began at {gold[0]:.1f}")
    assert len(DEBRIEF["last_replies"]) == 3


@pytest.mark.slow
def test_the_stored_log_is_what_the_script_makes() -> None:
    state, debrief = stored_run.train()
    for made, kept in zip(state["log_history"][:3], HISTORY[:3], strict=True):
        assert made == pytest.approx(kept, rel=1e-4, abs=1e-6)
    assert debrief["gold"][:3] == pytest.approx(DEBRIEF["gold"][:3], rel=1e-4)
    last = state["log_history"][-1]  # its digits are the processor's
    assert (last["reward"] > 3, last["completions/clipped_ratio"] > 0.9, debrief["gold"][-1] < -2) == (True,) * 3
