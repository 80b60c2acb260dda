# %% [markdown] label="title"
# # Problem set 4 · PPO, RLHF, and many advantages
#
# Covers lessons 10 to 13. About two hours; 45 points.
#
# | question | points | marked by |
# |---|---|---|
# | 1 · Penalties along a reply | 3 | your function, on fresh inputs |
# | 2 · Groups of unequal size | 3 | your function, on fresh inputs |
# | 3 · How hard DPO pushes | 3 | your function, on fresh inputs |
# | 4 · The build: PPO | 10 | your functions, part by part |
# | 5 · The build: the RLHF update | 10 | your functions, part by part |
# | 6 · Cure this run | 4 | runs with your settings and fresh seeds |
# | 7 · A case: better by every number | 6 | a person, with a rubric |
# | 8 · A case: two groups, one spread | 6 | a person, with a rubric |
#
# **How it is marked.** Your answers' cells are run one after the other, on inputs that you have not seen, without the
# other cells and the course's package. NumPy is there as `np`, and for a question about your data these are too. The
# checks here are for practice, and count for nothing.
#
# **What you hand in**: this notebook, saved. Write into the cells that say so; leave the others where they are.

# %% label="setup"
import numpy as np
from course_utils.checks import check
from course_utils.grading.problem_sets import look_at
from course_utils.rlhf import evaluation, run
from course_utils.rlhf.config import RunConfig

np.set_printoptions(precision=4, suppress=True)

# %% [markdown] label="q1-text"
# ## 1 · Penalties along a reply
#
# Each token of a reply pays $-\beta\,(\log\pi-\log\pi_{\text{ref}})$, and the score of the whole reply comes with the last token.
# `log_probs` and `ref_log_probs` have shape $(T,)$. Return the discounted return-to-go of each token, shape $(T,)$, with the
# discount $\gamma$.


# %% label="ps4-q1"
def penalised_returns(score, log_probs, ref_log_probs, beta, gamma):
    """Return the return-to-go of each token, shape (T,)."""
    # BEGIN SOLUTION
    rewards = -beta * (log_probs - ref_log_probs)
    rewards[-1] += score
    following = 0.0
    to_go = np.zeros(len(rewards))
    for t in reversed(range(len(rewards))):
        following = rewards[t] + gamma * following
        to_go[t] = following
    return to_go
    # END SOLUTION


# %% label="ps4-q1-check"
check("penalised_returns", penalised_returns)

# %% [markdown] label="q2-text"
# ## 2 · Groups of unequal size
#
# Some replies were dropped on the way, so that the prompts of a batch have different numbers of replies. `rewards` and
# `prompts` have shape $(N,)$, and `prompts[i]` says which prompt reply $i$ answers, in any order. Return each reward less the
# mean of the **other** replies to its prompt, shape $(N,)$; 0 for a reply that is alone.


# %% label="ps4-q2"
def uneven_leave_one_out(rewards, prompts):
    """Return the leave-one-out advantages, shape (N,)."""
    # BEGIN SOLUTION
    advantages = np.zeros(len(rewards))
    for prompt in np.unique(prompts):
        inside = prompts == prompt
        replies = inside.sum()
        if replies > 1:
            centred = rewards[inside] - rewards[inside].mean()
            advantages[inside] = centred * replies / (replies - 1)
    return advantages
    # END SOLUTION


# %% label="ps4-q2-check"
check("uneven_leave_one_out", uneven_leave_one_out)

# %% [markdown] label="q3-text"
# ## 3 · How hard DPO pushes
#
# DPO's loss of a pair is $-\log\sigma(\beta\,m)$, where the margin $m$ is
# $\log\frac{\pi}{\pi_{\text{ref}}}(\text{chosen})-\log\frac{\pi}{\pi_{\text{ref}}}(\text{rejected})$. One step of descent raises
# $\log\pi(\text{chosen})-\log\pi(\text{rejected})$ with a weight of its own for each pair. Derive it, and return the weights.
# All arguments but `beta` are log-probabilities of whole replies, shape $(N,)$. Margins of several hundred occur.


# %% label="ps4-q3"
def pair_weight(chosen, rejected, ref_chosen, ref_rejected, beta):
    """Return the weight of each pair, shape (N,)."""
    # BEGIN SOLUTION
    margin = (chosen - ref_chosen) - (rejected - ref_rejected)
    return beta * np.exp(-np.logaddexp(0.0, beta * margin))
    # END SOLUTION


# %% label="ps4-q3-check"
check("pair_weight", pair_weight)

# %% [markdown] label="q4-text"
# ## 4 · The build: PPO
#
# From your own `build.py`: paste `log_probabilities`, `rollout`, `gae`, `ppo_gradient` and `ppo` into the cell. It is
# marked part by part, on worlds of a few steps and against exact answers.

# %% label="ps4-q4"
from build import ppo  # STAGE build_ppo

# %% label="ps4-q4-check"
check("build_ppo", ppo)

# %% [markdown] label="q5-text"
# ## 5 · The build: the RLHF update
#
# From your own `build.py`: paste `penalised_rewards` and `rlhf`. They may call the functions of question 4.

# %% label="ps4-q5"
from build import rlhf  # STAGE build_rlhf

# %% label="ps4-q5-check"
check("build_rlhf", rlhf)

# %% [markdown] label="q6-text"
# ## 6 · Cure this run
#
# A run of the miniature of lesson 11. Its score rises, and people would rather have the reference's replies. You see it below:
# the gold reward of fresh replies, before and after.
#
# Put into `settings` a dict of at most **three** settings to change, among `kl_coef` (0 to 5), `learning_rate` (0.001 to 0.1),
# `num_ppo_epochs` (1 to 8), `cliprange` (0.05 to 0.5), `adap_kl_ctrl`, `target` (0.5 to 30), `entropy_coef` (0 to 0.1),
# `baseline` ("value", "leave one out", "none") and `updates` (30 to 60). It is trained with **fresh seeds**. All points if the
# mean gold reward of fresh replies, less the half-width of its 95 % interval over four seeds, is at least 1.8; half of them if
# it is above that of the reference.

# %% label="q6-run" tags=["nbval-ignore-output"]
sick = {"feature_kind": "count", "kl_coef": 0.02, "learning_rate": 0.04, "updates": 40}


def gold(changes, seed):
    """Return the gold reward of fresh replies after a run with changes, and its log."""
    log = run.run(RunConfig(**{**sick, **changes}), seed, progress=False)
    return evaluation.evaluate(log, replies=500, seed=seed).gold, log


after, log = gold({}, seed=1)
before = evaluation.evaluate(log, replies=500, seed=1, model=log.reference).gold
print(f"gold of the reference {before:.0f}, of the policy {after:.0f}")
for name in ["objective/scores", "objective/kl", "ours/reply_length"]:
    print(f"{name:18s} last {log[name][-1]:5.0f}")

# %% label="ps4-q6"
# Try it with gold(settings, seed) in a cell of your own.
settings = ...  # a dict, such as {"cliprange": 0.1}
# BEGIN SOLUTION
settings = {"kl_coef": 0.25}
# END SOLUTION

# %% label="ps4-q6-check"
look_at("ps4-q6", settings)

# %% [markdown] label="q7-text"
# ## 7 · A case: better by every number
#
# A support assistant was trained for two weeks. The reward model's loss falls and its accuracy on held-out pairs of the first
# round rises. The policy's score is up, and the penalty is on. Yet people who spot-check find replies longer, vaguer and full of
# assurances, and they prefer the assistant of a month ago.
#
# Write about fifteen lines: **the causal chain**, from a reward model that was trained to rank, through the advantage-weighted
# update, to the KL penalty (3 points); **two interventions**, each with the number that would refute it (2 points); **what
# each costs** (1 point).

# %% [markdown] label="ps4-q7"
# The reward model learned the order of pairs that the reference wrote. Longer replies came out a little better there. PPO
# samples replies, and those that score above the usual get a positive advantage and become more likely, among them the longer
# ones, update after update. The penalty takes β for each nat, and that is less than a longer reply gains. So the policy leaves the
# region of the pairs, and there the order is a guess. The accuracy is measured on the old pairs and knows nothing of it.
#
# First, raise β to three times: people's checks should recover while the score falls a little; if they do not, distance is not
# the trouble. Second, label pairs of the present policy and refit: the old model's accuracy on them should be well below that on
# old pairs; if it is not, the ranking still holds there.
#
# A larger β keeps the assistant near the reference also where that is unhelpful. New labels cost people's time.

# %% [markdown] label="q8-text"
# ## 8 · A case: two groups, one spread
#
# A team trains with groups of eight replies to each prompt, and divides each group's advantages by the group's standard
# deviation. Half of the prompts are settled: their eight rewards differ in the second decimal only, by the rater's noise. The
# other half has rewards from 0 to 1. After a while the settled prompts get worse, though nothing was wrong with them.
#
# Write about fifteen lines: **what the division does** to the weights within and across prompts (3 points); **one change**, and
# what you predict for which number (2 points); **what it costs** (1 point).

# %% [markdown] label="ps4-q8"
# After the division each group's advantages have the spread 1. In a settled prompt that is the rater's noise, blown up: eight
# replies that are equally good are pushed up and down as hard as replies of 0 and 1 elsewhere. So across prompts the direction
# of the step changes, and half of each batch is noise.
#
# Leave the division out, as Dr. GRPO does. I predict that fresh gold on the settled prompts stays where it was, and that the
# gradient's noise falls; if the settled prompts go on getting worse, the cause is another one.
#
# The length of a step then depends on the units of the reward, so the learning rate has to be found anew, and prompts with wide
# rewards dominate a batch.
