"""What goes wrong in RLHF goes wrong here too, by itself: symptom in the log, what mends it, what does not.

Every row runs on three seeds, and with ``make test-slow`` on ten. Gold is that of fresh replies. Means over the seeds
carry the comparison of two settings; what holds of every seed is asserted of every seed.
"""

import dataclasses
from functools import cache

import numpy as np
import pytest

from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.evaluation import evaluate, pair_accuracy
from course_utils.rlhf.run import relabel, resume, run

pytestmark = pytest.mark.long
EXPLOIT = {"kl_coef": 0.15, "polite_bias": 1.0, "length_bias": 0.2}
BIASED_CROWD = {"kl_coef": 0.2, "updates": 75, "feature_kind": "count", "polite_bias": 0.6, "length_bias": 0.1}
BIASED_CROWD |= {"pairs": 5300, "biased_share": 5000 / 5300}
BLOW_UP = {"learning_rate": 0.2, "num_ppo_epochs": 16, "updates": 30}
SETTINGS = {
    "healthy": {},
    "no penalty": {"kl_coef": 0.0},
    "no penalty, small steps": {"kl_coef": 0.0, "learning_rate": 0.005, "updates": 150},
    "no penalty, entropy bonus": {"kl_coef": 0.0, "entropy_coef": 0.05},
    "no penalty, early stop": {"kl_coef": 0.0, "stop_at_kl": 6.0},
    "no penalty, count": {"kl_coef": 0.0, "feature_kind": "count"},
    "no penalty, rich": {"kl_coef": 0.0, "feature_kind": "rich"},
    "adaptive": {"kl_coef": 0.03, "adap_kl_ctrl": True},
    "weak penalty": {"kl_coef": 0.1},
    "weak penalty, relabelled": {"kl_coef": 0.1, "relabel_every": 25},
    "weak penalty, rich": {"kl_coef": 0.1, "feature_kind": "rich"},
    "gold": {"kl_coef": 0.0, "reward": "gold"},
    "tight": {"kl_coef": 10.0, "updates": 50},
    "blow-up": BLOW_UP,
    "blow-up, target_kl": BLOW_UP | {"target_kl": 0.02},
    "lr 1, target_kl": {"learning_rate": 1.0, "updates": 50, "target_kl": 0.02},
    "collapse": {"learning_rate": 0.5, "updates": 50},
    "60 updates": {"updates": 60},
    "critic off": {"critic": False, "updates": 60},
    "critic off, offset +10": {"critic": False, "reward_offset": 10.0, "updates": 60},
    "critic off, offset −10": {"critic": False, "reward_offset": -10.0, "updates": 60},
    "critic off, offset +10, λ = 1": {"critic": False, "reward_offset": 10.0, "lam": 1.0, "updates": 60},
    "critic on, offset +10": {"reward_offset": 10.0, "updates": 60},
    "vf_lr 10": {"vf_learning_rate": 10.0, "batch_size": 16, "updates": 60},
    "small batch": {"batch_size": 16, "updates": 60},
    "exploit": EXPLOIT,
    "exploit, β .5": EXPLOIT | {"kl_coef": 0.5},
    "exploit, half unbiased": EXPLOIT | {"biased_share": 0.5},
    "exploit, length control": EXPLOIT | {"length_control": True},
    "fair raters": {"kl_coef": 0.15},
    "300 fair pairs": BIASED_CROWD | {"pairs": 300, "polite_bias": 0.0, "length_bias": 0.0},
    "5,000 biased pairs more": BIASED_CROWD,
    "drift": {"unseen_topics": ("billing", "cancel"), "angry_share": 0.1},
}
BETAS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
SETTINGS |= {f"β = {beta:g}": {"kl_coef": beta} for beta in BETAS}
LIVE = worlds.prompt_weights(worlds.load(), only_topics=("billing", "cancel"), angry_share=0.9)


@pytest.fixture(params=[range(3), pytest.param(range(10), marks=pytest.mark.slow)], ids=["3 seeds", "10 seeds"])
def seeds(request):
    return request.param


@cache
def run_of(config, seed):
    """A run that is longer than another of the same settings goes on where that one ends: test_rlhf_run.py."""
    for shorter in (RunConfig(**settings) for settings in SETTINGS.values()):
        if shorter.updates < config.updates and dataclasses.replace(shorter, updates=config.updates) == config:
            return resume(run_of(shorter, seed), config.updates - shorter.updates, config=config, progress=False)
    return run(config, seed, progress=False)


def trained(name, seed):
    return run_of(RunConfig(**SETTINGS[name]), seed)


@cache
def measured(config, seed):
    return evaluate(run_of(config, seed), replies=1000)


def of(seeds, name, field="gold"):
    """A number of every seed, from fresh replies."""
    return np.array([getattr(measured(RunConfig(**SETTINGS[name]), seed), field) for seed in seeds])


def logs(seeds, name):
    return [trained(name, seed) for seed in seeds]


def test_a_healthy_run(seeds):
    assert (of(seeds, "healthy") > 2.2).all()
    assert of(seeds, "healthy").std() < 0.1
    assert (of(seeds, "healthy", "kl") < 5).all()
    assert (of(seeds, "healthy", "unique") > 0.2).all()
    for log in logs(seeds, "healthy"):
        assert evaluate(log, replies=1000, model=log.reference).gold < 1.4
        assert log["ours/max_ratio"].max() < 10
        assert log["policy/approxkl_avg"].max() < 0.05


def test_over_optimisation_without_a_penalty(seeds):
    assert (of(seeds, "no penalty") < -2).all()
    assert (of(seeds, "no penalty", "score") > of(seeds, "healthy", "score") + 2).all()
    assert (of(seeds, "no penalty", "kl") > 40).all()
    assert (of(seeds, "no penalty", "length") > 15.5).all()
    for log in logs(seeds, "no penalty"):
        gold, score = log["ours/gold"], log["objective/scores"]
        peak = int(gold.argmax())
        assert gold[peak] > gold[:3].mean() + 0.5  # it rises first …
        assert gold[-5:].mean() < gold[peak] - 3  # … and falls while the score still rises
        assert score[-5:].mean() > score[peak] + 1


def test_a_tight_penalty_stands_still(seeds):
    assert (of(seeds, "tight", "kl") < 0.8).all()
    assert (of(seeds, "tight", "score") < 0.4).all()
    assert (of(seeds, "tight") < of(seeds, "healthy") - 0.8).all()


def test_kl_blow_up(seeds):
    assert of(seeds, "blow-up").mean() < of(seeds, "healthy").mean() - 1
    assert of(seeds, "blow-up", "score").mean() < of(seeds, "healthy", "score").mean() - 0.8  # unlike hacking
    for log in logs(seeds, "blow-up"):
        assert log["policy/approxkl_avg"].max() > 1
        assert log["ours/max_ratio"].max() > 30  # a healthy run stays under 10
        assert log["objective/kl"].max() > 8
    assert (of(seeds, "blow-up, target_kl") > 2.0).all()
    assert of(seeds, "blow-up, target_kl").mean() > of(seeds, "blow-up").mean() + 1


def test_entropy_collapse(seeds):
    assert (of(seeds, "collapse", "unique") < 0.06).all()
    assert of(seeds, "collapse").mean() < of(seeds, "healthy").mean() - 0.6
    for log in logs(seeds, "collapse"):
        assert log["policy/entropy_avg"][-5:].mean() < 0.15 < log["policy/entropy_avg"][0]
        early, late = log["policy/clipfrac_avg"][:20].max(), log["policy/clipfrac_avg"][-5:].mean()
        assert early > 0.25  # look at the first updates: afterwards nothing moves any more
        assert late < 0.5 * early


def test_critic_off_does_harm_only_with_an_offset(seeds):
    plus, minus = of(seeds, "critic off, offset +10", "length"), of(seeds, "critic off, offset −10", "length")
    assert (minus > plus + 2).all()  # a GAE with λ < 1 and no critic pays for short replies, or for long ones
    for name in ("critic off, offset +10", "critic off, offset −10"):
        assert of(seeds, name).mean() < of(seeds, "healthy").mean() - 0.15


def test_a_critic_that_learns_too_fast(seeds):
    assert of(seeds, "vf_lr 10").mean() < of(seeds, "small batch").mean() - 0.4
    for log in logs(seeds, "vf_lr 10"):
        assert log["ours/explained_variance"].min() < -20
    assert (of(seeds, "small batch") > 1.7).all()


def test_raters_who_like_politeness_and_length(seeds):
    assert of(seeds, "exploit").mean() < of(seeds, "fair raters").mean() - 0.15
    assert of(seeds, "exploit", "polite_words").mean() > of(seeds, "fair raters", "polite_words").mean() + 0.7
    assert of(seeds, "exploit", "length").mean() > of(seeds, "fair raters", "length").mean() + 0.5
    for pair in zip(logs(seeds, "exploit"), logs(seeds, "fair raters"), strict=True):
        right = [pair_accuracy(log, model=log.reference, own_raters=True, pairs=4000).reward_model for log in pair]
        assert right[0] > right[1]  # by its own pairs the worse reward model looks better


def test_deployment_drift(seeds):
    below = []
    for log in logs(seeds, "drift"):
        offline, live = evaluate(log, replies=1000), evaluate(log, replies=1000, weights=LIVE)
        reference = evaluate(log, replies=1000, weights=LIVE, model=log.reference)
        assert offline.gold > 2.0
        assert live.gold < offline.gold - 0.5
        below.append(reference.gold - live.gold)
        assert live.kl > 1.3 * offline.kl
        assert pair_accuracy(log, model=log.reference).reward_model > 0.75
        assert pair_accuracy(log, model=log.reference, weights=LIVE).reward_model < 0.65
    assert np.mean(below) > 0.2  # worse than before all the training


# --- fixes and decoys: slow, since `make test` tries those of the clinic's cases, on two seeds (test_clinic.py) -------


@pytest.mark.slow
def test_what_mends_over_optimisation_and_what_does_not(seeds):
    assert (of(seeds, "adaptive") > 2.2).all()
    assert (of(seeds, "adaptive", "kl") < 5).all()
    weak = of(seeds, "weak penalty")
    assert weak.mean() < of(seeds, "healthy").mean() - 0.6
    assert of(seeds, "weak penalty, relabelled").mean() > weak.mean() + 0.9
    assert of(seeds, "weak penalty, rich").mean() > weak.mean() + 0.8
    for log in logs(seeds, "weak penalty"):
        assert pair_accuracy(log).reward_model < 0.47  # backwards, where it is used
        assert pair_accuracy(log, model=log.reference).reward_model > 0.75
    # decoys
    assert (of(seeds, "no penalty, entropy bonus") < -2).all()
    assert (of(seeds, "no penalty, entropy bonus", "kl") > 40).all()
    assert of(seeds, "no penalty, early stop").mean() < of(seeds, "healthy").mean() - 0.2


def test_training_on_the_gold_itself(seeds):
    assert (of(seeds, "gold") > of(seeds, "healthy")).all()


@pytest.mark.slow
def test_features_decide_how_far_the_score_can_be_driven(seeds):
    gold = {kind: of(seeds, f"no penalty, {kind}").mean() for kind in ("count", "rich")}
    assert gold["count"] < of(seeds, "no penalty").mean() < gold["rich"]


def test_kl_sweep(seeds):
    """The best β is inside; at the ends gold falls; KL falls all the way."""
    sweep = [of(seeds, f"β = {beta:g}").mean() for beta in BETAS]
    assert BETAS[int(np.argmax(sweep))] == 0.3
    assert sweep[0] < sweep[1] < sweep[2] > sweep[3] > sweep[4] > sweep[5]
    assert (np.diff([of(seeds, f"β = {beta:g}", "kl").mean() for beta in BETAS]) < 0).all()


def test_gold_against_the_root_of_kl(seeds):
    """It rises, turns and falls; both of Gao's forms fit it, and neither is to be told from the other by eye."""
    for log in logs(seeds, "no penalty, small steps"):
        d, gold = np.sqrt(log["ours/kl_full"]), log["ours/gold"]
        far = d > 0.3
        d, gain = d[far], gold[far] - gold[:3].mean()
        assert 1 < d[gain.argmax()] < 3
        assert gain.max() > 0.7
        assert gain[-5:].mean() < -3
        for bend in (d * np.log(d), d**2):
            x = np.column_stack([d, bend])
            left = gain - x @ np.linalg.lstsq(x, gain, rcond=None)[0]
            assert 1 - left.var() / gain.var() > 0.8


@pytest.mark.slow
def test_target_kl_cannot_rescue_an_absurd_learning_rate(seeds):
    assert of(seeds, "lr 1, target_kl").mean() < of(seeds, "healthy").mean() - 0.5


@pytest.mark.slow
def test_an_entropy_bonus_after_the_collapse_comes_too_late(seeds):
    for seed in seeds:
        log = trained("collapse", seed)
        late = resume(log, 50, config=dataclasses.replace(log.config, entropy_coef=0.01), progress=False)
        assert evaluate(late, replies=1000).unique < 0.1


@pytest.mark.slow
def test_what_mends_a_missing_critic(seeds):
    broken = of(seeds, "critic off, offset +10").mean()
    assert of(seeds, "critic off").mean() > of(seeds, "60 updates").mean() - 0.15  # a normalised score needs no mending
    assert of(seeds, "critic off, offset +10, λ = 1").mean() > broken + 0.15
    assert of(seeds, "critic on, offset +10").mean() > broken


@pytest.mark.slow
def test_what_mends_biased_raters(seeds):
    exploited = of(seeds, "exploit").mean()
    assert of(seeds, "exploit, β .5").mean() > exploited + 0.1
    assert of(seeds, "exploit, half unbiased").mean() > exploited + 0.1
    # decoy: with the length out of the score the politeness is still there
    polite = of(seeds, "exploit, length control", "polite_words").mean()
    assert polite > of(seeds, "fair raters", "polite_words").mean() + 0.6


@pytest.mark.slow
def test_drift_is_mended_by_new_pairs_and_new_prompts_together(seeds):
    for seed in seeds:
        log = trained("drift", seed)
        everyone = dataclasses.replace(log.config, unseen_topics=(), angry_share=0.5)
        relabelled = relabel(log, 1500, weights=worlds.prompt_weights(log.world))

        def live(end):
            return evaluate(end, replies=1000, weights=LIVE).gold

        both = live(resume(relabelled, 100, config=everyone, progress=False))
        assert both > 2.2
        assert live(resume(log, 100, config=everyone, progress=False)) < both - 0.5  # new prompts alone
        assert live(resume(relabelled, 100, progress=False)) < both - 0.5  # new pairs alone


@pytest.mark.slow
def test_more_pairs_of_the_wrong_kind(seeds):
    few, many = of(seeds, "300 fair pairs"), of(seeds, "5,000 biased pairs more")
    assert many.mean() < few.mean() - 0.3
    assert (many < few).mean() >= 0.8
    higher = []
    for seed in seeds:
        a, b = trained("300 fair pairs", seed), trained("5,000 biased pairs more", seed)
        theirs = pair_accuracy(a, model=a.reference).reward_model
        higher.append(pair_accuracy(b, model=b.reference, own_raters=True).reward_model > theirs)
        assert pair_accuracy(b).reward_model < 0.5  # on pairs of the policy: it ranks backwards where it is used
    assert np.mean(higher) >= 0.8
