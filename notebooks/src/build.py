# %% [markdown] label="title" folder="problem_sets" file="build.py"
# # Build it yourself
#
# One file grows through the course: `build.py`, beside this notebook. It begins with signatures and docstrings, and at its
# end stands the update that trains a language model from preferences. NumPy is all that it uses.
#
# 1. Open `build.py` in JupyterLab (double-click) and write the functions of a stage, where the `...` are.
# 2. Save the file, and run the stage's cell below.
# 3. The card lists the stage's parts with ✓ and ✗, and says of the first ✗ what it saw.
#
# Each check runs your code in **probe environments**, worlds of one or two steps in which one fault at a time shows; against
# the **exact** gradient of a small world; and then on a real task, with a threshold on fresh episodes. Such a mean stands
# there with its 95 % interval. Only an interval that lies wholly below the threshold, in two runs, is refused.
#
# The first cell makes JupyterLab read `build.py` again whenever you have saved it.

# %% label="setup"
# %load_ext autoreload
# %autoreload 2
from course_utils.checks import check

import build

# %% [markdown] label="rollout"
# ## Stage 1: rollout
#
# *After lesson 05.* Write `log_probabilities` and `rollout`. The policy is a softmax whose logits are linear in what is seen
# of the state: `states @ theta`. An episode can end in two ways. It is **terminated** where nothing more can be earned, and
# **truncated** where only the time was up. The record keeps both: `terminated`, and `ended`, which is either.

# %% label="check-rollout"
check("build_rollout", build.rollout)

# %% [markdown] label="returns"
# ## Stage 2: return and reward-to-go
#
# *After lesson 05.* Write `episode_returns` and `reward_to_go`. Episodes stand one after the other in a record, so a sum has
# to begin anew where one has ended.

# %% label="check-returns"
check("build_returns", build.reward_to_go)

# %% [markdown] label="reinforce"
# ## Stage 3: REINFORCE
#
# *After lesson 05.* Write `reinforce` and `train_reinforce`.
#
# **Convention.** The gradient is a sum over the steps of an episode and a mean over episodes. The factor
# $\gamma^{t-1}$ of lesson 05 is left out, here and in all later stages, as nearly all programs do: the discount then only
# shapes the weight of a step.

# %% label="check-reinforce"
check("build_reinforce", build.reinforce)

# %% [markdown] label="baseline"
# ## Stage 4: a baseline
#
# *After lesson 06.* Copy `reinforce` to `reinforce_with_baseline`. What changes:
#
# ```diff
# -def reinforce(theta, record, discount):
# +def reinforce_with_baseline(theta, w, record, discount):
#      …
#      returns = reward_to_go(record["rewards"], record["ended"], discount)
# +    values = the critic's values of the states
# +    advantages = returns less values
# -    return scores weighted with returns
# +    actor = scores weighted with advantages
# +    critic = gradient of ½ (values − returns)², a mean over steps
# +    return actor, critic
# ```

# %% label="check-baseline"
check("build_baseline", build.reinforce_with_baseline)

# %% [markdown] label="a2c"
# ## Stage 5: A2C with GAE
#
# *After lesson 09.* Write `gae`, then `a2c` and `train_a2c`. What changes in the gradient:
#
# ```diff
# -def reinforce_with_baseline(theta, w, record, discount):
# +def a2c(theta, w, record, discount, lambda_, entropy_weight):
#      …
# -    returns = reward_to_go(…)
#      values = the critic's values of the states
# -    advantages = returns less values
# +    next_values = the critic's values of the next states
# +    advantages = gae(…)
# -    actor = scores weighted with advantages
# +    actor = scores weighted with advantages, and the entropy's gradient
# -    critic = gradient of ½ (values − returns)²
# +    critic = gradient of ½ (values − target)², target = advantages + values, a constant
# ```

# %% label="check-a2c"
check("build_a2c", build.a2c)

# %% [markdown] label="ppo"
# ## Stage 6: PPO
#
# *After lesson 10.* Write `ppo_gradient` and `ppo`. What changes:
#
# ```diff
# +    old_log_probs = log π of the actions, with the θ that came in
#      advantages = gae(…)
# +    targets = advantages + values
# +    for each epoch:
# -    actor = scores weighted with advantages
# +        actor = scores weighted with ratio · advantage, 0 where the clipped side is the smaller one
# +        one step of θ up, one step of w down
# ```

# %% label="check-ppo"
check("build_ppo", build.ppo)

# %% [markdown] label="rlhf"
# ## Stage 7: the update of RLHF
#
# *After lesson 11.* A step is a token, an episode a reply. Write `penalised_rewards` and `rlhf`. The language model of the
# miniature world is a softmax with linear logits too, so your `ppo` trains it as it is. The last part does so: 15 updates,
# then the reward model's score of fresh replies.

# %% label="check-rlhf"
check("build_rlhf", build.rlhf)

# %% [markdown] label="gaussian"
# ## One more: an action that is any number
#
# *After lesson 07.* A Gaussian policy draws a number around μ(s) with spread σ. Only the score is another one. Write
# `gaussian_scores`, `gaussian_reinforce` and `train_gaussian`.

# %% label="check-gaussian"
check("build_gaussian", build.gaussian_reinforce)

# %% [markdown] label="next"
# ## And then?
#
# [The capstone](capstone.ipynb): a question of your own, with what you have built.
