"""What lesson 11 says, held to what it printed.

nbval shows that the stored outputs come out again, so they are read here, and not computed a second time. What the
text says of training in general is run with seeds that its reader does not see; test_rlhf_patterns.py holds the rest.
"""

import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from claims import Lesson, holds, numbers

from course_utils.build.notebooks import REPOSITORY
from course_utils.rlhf import evaluation, ppo, reward_model
from course_utils.rlhf import language_model as lm
from course_utils.rlhf import run as rlhf
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.metrics import METRICS

LESSON = Lesson("11")
text = {label: " ".join(cell.source.split()) for label, cell in LESSON.cells.items()}
lines = {label: printed.splitlines() for label, printed in LESSON.stored.items()}
ASKED, CAME = LESSON.predictions, LESSON.came
WORLD = worlds.load()
OTHER_SEEDS = (311, 312, 313)


def table(label: str, first: int = 0, last: int | None = None) -> np.ndarray:
    return np.array([numbers(line) for line in lines[label][first:last]])


@cache
def run(seed: int) -> rlhf.RunLog:
    return rlhf.run(RunConfig(), seed, progress=False)


def test_the_world_is_as_it_is_told() -> None:
    assert "A world of 53 words" in text["world"]
    words, topics = len(WORLD.words) - 1, len(WORLD.topics)  # the last word is the end
    assert (words, topics, WORLD.max_tokens, WORLD.wrong_topic) == (53, 6, 16, 0.18)
    assert topics * words > 300  # “more than 300 combinations of topic and word”
    unsafe = {rule.parts: rule.weight for rule in WORLD.rules["ANSWER"]}
    assert unsafe[("UNSAFE",)] / sum(unsafe.values()) == pytest.approx(0.11)
    assert WORLD.prompts[2].text in text["world-gold"]
    assert worlds.MOODS[WORLD.prompts[2].mood] == "angry"
    assert worlds.POLITE_WORDS_FOR_FREE == 2  # “where 2 are enough”


def test_three_replies() -> None:
    golds = [numbers(line)[0] for line in lines["world-code"][1::2]]
    assert golds[0] > golds[1] > golds[2]
    assert numbers(CAME["three-replies"]) == golds
    items = [item["text"] for item in ASKED["three-replies"]["items"]]
    assert items == [line[7:] for line in lines["world-code"][1::2]]
    assert "unsafe" in lines["world-code"][4]
    holds(lines["world-code"][6], "repeat", "extra_polite", "illegal_pairs")


def test_imitation_is_no_better_than_its_model() -> None:
    (demo, _, unsafe, wrong), (model, _, unsafe_too, wrong_too) = table("sft-code")
    assert model < demo
    assert max(abs(unsafe - unsafe_too), abs(wrong - wrong_too)) <= 2  # per cent: “about the same shares”
    assert wrong == 10
    for seed in OTHER_SEEDS:
        rng = np.random.default_rng(seed)
        shown, n = worlds.demonstrations(WORLD, 3000, rng), 10_000
        more = worlds.demonstrations(WORLD, n, rng)
        said = lm.sample(lm.sft(WORLD, shown, rng).model, WORLD, worlds.sample_prompts(WORLD, n, rng), rng).replies
        theirs, its = (worlds.gold_reward(WORLD, replies) for replies in (more, said))
        gap = its.total.mean() - theirs.total.mean()
        assert gap < 5.5 * np.hypot(its.total.std(), theirs.total.std()) / n**0.5  # false alarm below 1e-7
        for fault in ("unsafe", "wrong_object"):
            assert abs(np.mean(its.parts[fault] < 0) - np.mean(theirs.parts[fault] < 0)) < 0.03


def test_the_score_is_that_of_lesson_2() -> None:
    sizes, by_nudging, by_formula = (numbers(line) for line in lines["policy-code"])
    assert sizes == [lm.n_features(WORLD), lm.n_features(WORLD) * len(WORLD.words)]
    assert by_nudging == by_formula
    assert by_formula[0] != 0


def test_twenty_pairs_say_little_and_1500_nearly_all() -> None:
    learned, unseen = numbers(lines["compare-code"][0])[0], numbers(lines["compare-code"][0])[-1]
    assert learned == 100
    assert 50 < unseen < 70
    assert lines["compare-code"][1].startswith("your labels: none yet")
    rows = table("reward-code", last=4)
    assert rows[:, 0].tolist() == [20, 100, 300, 1500]
    assert np.all(np.diff(rows[:, 1]) <= 0)
    assert np.all(np.diff(rows[:, 3]) > 0)
    oracle, error = numbers(lines["reward-code"][4])
    assert 3 * error < oracle - rows[-1, 3] < 4
    assert "behind by more than three standard errors, and by less than 4 points" in text["reward-read"]
    assert numbers(CAME["ceiling"]) == [oracle, rows[-1, 3]]
    assert ASKED["ceiling"]["answer"] == oracle
    assert "accuracy of the reward model was 80 %" in text["why"]
    assert round(rows[-1, 3]) == 80


def test_the_loss_is_the_likelihood() -> None:
    (d, *_, odds, share), (_, likelihood, by_hand) = (numbers(line) for line in lines["likelihood-code"])
    assert d == odds == pytest.approx(np.log(3), abs=0.005)
    assert share == 0.75
    assert likelihood == by_hand == pytest.approx(0.75**3 * 0.25, abs=0.0005)
    holds(text["reward"], "Three raters of four choose A", "where ≻ reads *is preferred to*")


def test_the_weights_are_what_the_text_reads_in_them() -> None:
    by_topic, words, moods = lines["weights-code"]
    for pair in re.findall(r"(\w+) × (\w+) \+", by_topic):
        t = WORLD.topics.index(pair[0])
        assert (WORLD.objects | WORLD.actions)[t, WORLD.words.index(pair[1])]
    assert re.findall(r"(\w+) −", words)[:2] == ["promise", "guarantee"]
    assert "angry × sorry +" in moods
    assert not set(reward_model.feature_names(WORLD, "log")) & set(reward_model.RICH)  # “Not in the table”
    odd, of = numbers(lines["reward-code"][5])
    assert f"in {odd:.0f} of {of:,.0f} the replies differ in odd word pairs" in text["weights-read"]
    assert "share of odd word pairs" in reward_model.RICH  # “this model has no feature for them”


def test_only_differences_count() -> None:
    rows = {line.split()[0]: numbers(line) for line in lines["differences-code"][:6]}
    assert rows["delivery"][0] > rows["billing"][0] + 0.5
    scores, golds = ([rows[name][i] for name in ("delivery", "billing")] for i in (0, 1))
    assert numbers(ASKED["two-topics"]["text"])[:2] == scores
    assert numbers(CAME["two-topics"])[:2] == golds
    assert np.ptp([gold for _, gold in rows.values()]) < 0.15
    before, _, after = numbers(lines["differences-code"][6])
    assert before == after
    assert 100 * (len(WORLD.topics) - 1) == 500


def test_one_update() -> None:
    replies, tokens, _ = numbers(lines["update-code"][0])
    assert all(line.endswith("True") for line in lines["same-code"][:2])
    assert numbers(lines["same-code"][2])[0] == pytest.approx(tokens / replies, abs=0.005)


def check_course(columns: Any, first: int, tenth: int, last: int) -> None:
    score, kl, step, entropy, length, gold = columns
    for column in (score, gold):
        assert column[tenth] - column[first] > 0.5 * (column[last] - column[first]) > 0  # “most of it in ten updates”
    assert kl[first] == pytest.approx(0, abs=1e-9)
    assert 1 < kl[last] < 5
    assert step[first] == max(step)
    assert entropy[last] < entropy[first] - 0.15
    assert abs(length[last] - length[first]) < 1.5


def test_a_hundred_updates() -> None:
    columns = table("run-code", first=1)[:, 1:].T
    check_course(columns, 0, 1, -1)
    score, kl, step, entropy, _, gold = columns
    assert numbers(CAME["six-curves"]) == [*(x[i] for x in (score, kl, gold, step, entropy) for i in (0, -1)), 8]
    told = re.findall(r"`((?:objective|policy|ours)/\w+)`", text["run"])
    assert set(told) <= set(METRICS)
    names = [*told[:4], "ours/reply_length", "ours/gold"]
    assert [option["text"] for option in ASKED["six-curves"]["options"]] == names
    for seed in OTHER_SEEDS:
        check_course([run(seed)[name] for name in names], 0, 9, -1)


def test_what_has_changed_in_the_replies() -> None:
    sft, now = (
        np.array([numbers(line)[0] for line in lines["before-after"] if line.split()[0] == who])
        for who in ("SFT", "PPO")
    )
    assert now.mean() > sft.mean() + 0.5
    assert now.min() >= 2.5
    assert sum("sorry" in line for line in lines["before-after"] if "PPO" in line) == 3


def test_the_sweep() -> None:
    beta, score, gold, error, kl, length = table("beta-code", first=1).T
    assert beta.tolist() == [0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
    assert len(error) == len(text["beta-code"].split("betas = [")[1].split("]")[0].split(","))
    assert np.all(np.diff([score, kl]) < 0)
    sft = numbers(lines["sft-code"][1])[0]
    told = [column[i] for column in (score, kl, length) for i in (0, 3)]
    assert numbers(CAME["no-penalty"]) == [*told, gold[0], sft]
    assert gold[0] == gold.min() < sft - 3
    assert 0 < gold.argmax() < len(beta) - 1
    assert gold[-1] < sft + 0.3  # “hardly moves”
    np.testing.assert_array_equal(score - beta * kl > 0, beta < 1)
    assert np.all((score - beta * kl)[beta >= 1] < -0.2)
    assert "From β = 1 on, the score minus β · KL ends below 0" in text["beta-read"]
    assert kl[-1] > 20 * 1 / (2 * 10**2)  # the best policy's, for scores with sd 1: Var / (2 β²)
    assert length[0] == length[1] == 16
    assert length[-1] < 9


def test_over_optimisation() -> None:
    assert numbers(CAME["way-down"]) == table("over-code", first=1)[0, 1:5].tolist()
    for _, start, peak, away, end, score in table("over-code", first=1):
        assert peak > start + 0.6
        assert 1 < away < 3  # “at √KL near 2”
        assert end < -3.5
        assert score > 5


def test_accuracy_is_a_statement_about_a_distribution() -> None:
    accuracy = {row[0]: row[1:] for row in table("why-code", first=1, last=8)}
    right = accuracy[0.03][0]
    assert right < 46
    error = np.sqrt(right * (100 - right) / 2_000)
    assert f"(the standard error of the {right:.0f} % is {error:.1f} %)" in text["why-read"]
    assert numbers(CAME["own-pairs"]) == accuracy[0.03].tolist()
    on_sft = numbers(lines["reward-code"][4])[0]
    assert all(on_own < ceiling for on_own, ceiling in accuracy.values())
    assert all(accuracy[beta][1] < on_sft - 5 for beta in (0.0, 0.03, 0.1, 0.3))  # “lower there too”
    for seed in OTHER_SEEDS:  # .415 to .451 in eight runs; the standard error of 4,000 pairs is .008
        weak = rlhf.run(RunConfig(kl_coef=0.03, updates=40), seed, progress=False)
        assert evaluation.pair_accuracy(weak, pairs=4000).reward_model < 0.49
        # “objective/kl warns you … approxkl_avg does not”; “the score climbs far higher”
        assert weak["objective/kl"][-1] > 5 * run(seed)["objective/kl"][-1]
        assert weak["policy/approxkl_avg"].max() == weak["policy/approxkl_avg"][0] < 0.05
        assert weak["objective/scores"][-1] > 2 * run(seed)["objective/scores"][-1]
        assert weak["ours/gold"][-1] < weak["ours/gold"][0]
    strong = [accuracy[beta][0] for beta in (0.3, 1.0, 3.0, 10.0)]
    assert strong == sorted(strong)
    salad, count = (line.split(": ")[1].split() for line in lines["why-code"][8:])
    assert len(salad) == len(count) == 9  # the last eight words
    assert len(set(salad)) < 7  # word salad: it repeats itself
    assert set(count[1:]) == {count[-1]}  # “one word is said to the end”
    more = ["hi" + n * " repair" for n in range(1, 15)]
    judge = run(OTHER_SEEDS[0]).start.reward_model
    gains = np.diff(reward_model.reward_score(judge, WORLD, WORLD.replies([20] * len(more), more)))
    assert np.all(gains > 0)  # “every repeated repair adds to the score”
    assert np.all(np.diff(gains) < 0)  # “it adds less each time”


def test_four_kinds_of_features() -> None:
    rows = {line.split()[0]: numbers(line) for line in lines["kinds-code"]}
    accuracy, *golds = np.array(list(rows.values())).T
    assert list(rows) == list(reward_model.KINDS)
    assert max(accuracy) - min(accuracy) <= 1
    for count, log, presence, rich in golds:
        assert count < -1 < 1 < log
        assert min(presence, rich) > 2
        assert abs(presence - rich) < 0.2  # “cannot be told apart here”
    assert "*count* ends far below 0, whichever seed" in text["kinds-read"]


def test_a_soft_spot() -> None:
    shown = table("bias-code", first=1).reshape(2, 4, 2)  # means and their standard errors
    (fair, soft), errors = shown[..., 0], np.hypot(*shown[..., 1])
    more = soft - fair
    assert more[0] > 0.02
    assert more[1] < min(-0.3, -2 * errors[1])
    assert more[2] > max(1, 2 * errors[2])
    assert 0.5 < more[3] < 2 * errors[3]  # three runs cannot tell, so twelve do
    came = np.array([100 * soft[0], 100 * fair[0], soft[1], fair[1]])
    assert numbers(CAME["soft-spot"])[:5] == [*came.round(2), round(soft[2], 1)]
    assert fair[2] < 2 < soft[2]
    assert WORLD.gold_weights["extra_polite"] == -0.5
    asked_for = "a polite word over 2 costs half a point of gold, and pleases them by one"
    holds(text["bias-read"], f"says {soft[2]:.1f} polite words", asked_for, "(over twelve runs, 1.5 ± 0.3 tokens)")


@pytest.mark.slow
def test_over_twelve_runs_a_soft_spot_for_length_makes_replies_longer() -> None:
    soft_spot = {"polite_bias": 1.0, "length_bias": 0.2}
    assert str(soft_spot).replace("'", '"') in text["bias-code"]
    fair, soft = (
        [
            evaluation.evaluate(rlhf.run(RunConfig(kl_coef=0.15, **taste), seed, progress=False), replies=1_000).length
            for seed in range(12)
        ]
        for taste in ({}, soft_spot)
    )
    more = np.subtract(soft, fair)
    assert more.mean() == pytest.approx(1.5, abs=0.3)
    assert more.std(ddof=1) / np.sqrt(12) == pytest.approx(0.3, abs=0.15)


def test_the_convention_card_is_the_configuration() -> None:
    usual = RunConfig()
    card = text["convention"]
    holds(card, f"β = {usual.kl_coef}", f"λ = {usual.lam}")
    assert usual.whiten_advantages
    assert (usual.kl_estimator, usual.kl_in_loss) == ("k1", False)
    assert "four epochs" in text["same-read"]
    assert usual.num_ppo_epochs == 4
    docs = " ".join(str(ppo.__doc__).split())
    holds(docs, "policy and critic have an optimiser each", "the critic's loss is not clipped")
    holds(card, "an optimiser each, the critic's loss not clipped", "TRL's PPOTrainer")
    code = (REPOSITORY / "course_utils" / "rlhf" / "ppo.py").read_text(encoding="utf-8")
    assert "# The advantage-weighted score of every token: U(τ; θ) climbs here." in code


def test_twenty_pairs_gain_less_gold() -> None:
    """Seeds 311, 312 and 313 had 0.66, 0.62 and 0.58 less than with 1,500 pairs, in the last ten updates."""
    few = rlhf.run(RunConfig(pairs=20), OTHER_SEEDS[0], progress=False)
    assert few["ours/gold"][-10:].mean() < run(OTHER_SEEDS[0])["ours/gold"][-10:].mean() - 0.2
    assert "with the same β the gold reward gains less" in text["live-read"]
