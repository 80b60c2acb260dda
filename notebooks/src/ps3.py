# %% [markdown] label="title"
# # Problem set 3 · The advantage, its objective, and actor-critic
#
# Covers lessons 07 to 09. About two hours; 35 points.
#
# | question | points | marked by |
# |---|---|---|
# | 1 · n steps, then a value | 3 | your function, on fresh inputs |
# | 2 · Cut off is not ended | 3 | your function, on fresh inputs |
# | 3 · Whiten group by group | 3 | your function, on fresh inputs |
# | 4 · How fast does a probability move? | 3 | your number, for your own data |
# | 5 · The build: A2C | 10 | your functions, part by part |
# | 6 · The build: an action that is any number | 8 | your functions, part by part |
# | 7 · Read a plot | 5 | a person, with a rubric |
#
# **How it is marked.** Your answers' cells are run one after the other, on inputs that you have not seen, without the
# other cells and the course's package. NumPy is there as `np`, and for a question about your data these are too. The
# checks here are for practice, and count for nothing.
#
# **What you hand in**: this notebook, saved. Write into the cells that say so; leave the others where they are.

# %% label="setup"
import numpy as np
from course_utils import figures
from course_utils.checks import check
from course_utils.grading.problem_sets import given, look_at

np.set_printoptions(precision=4, suppress=True)

# %% [markdown] label="student-text"
# Your student id, as your course writes it. The data of question 4 follow from it, and the grader takes it from the name under
# which you hand in.

# %% label="student"
student = "your-id"

# %% [markdown] label="q1-text"
# ## 1 · n steps, then a value
#
# The TD error trusts the critic after one step. Trust it after $n$:
# $\hat A_t=\sum_{k=0}^{n-1}\gamma^k r_{t+k}+\gamma^n V(s_{t+n})-V(s_t)$.
#
# `rewards` has shape $(T,)$ and `values` $(T+1,)$, with the value of the state behind the last step. Where fewer than $n$ steps
# remain, take those that there are, and then the last value. Return $\hat A$, shape $(T,)$.


# %% label="ps3-q1"
def n_step_advantages(rewards, values, discount, n):
    """Return the n-step advantage of each step, shape (T,)."""
    # BEGIN SOLUTION
    length = len(rewards)
    advantages = np.zeros(length)
    for t in range(length):
        end = min(t + n, length)
        earned = sum(discount ** (k - t) * rewards[k] for k in range(t, end))
        advantages[t] = earned + discount ** (end - t) * values[end] - values[t]
    return advantages
    # END SOLUTION


# %% label="ps3-q1-check"
check("n_step_advantages", n_step_advantages)

# %% [markdown] label="q2-text"
# ## 2 · Cut off is not ended
#
# A critic learns from $r+\gamma V(s')$. An episode may be **terminated**: it has ended, and nothing follows. Or **truncated**: a
# clock cut it off, and it would have gone on. Gymnasium says both for each step.
#
# All arguments but `discount` have shape $(N,)$, a step each; `next_values` is the critic's $V(s')$, and `terminated` and
# `truncated` are Booleans. Return the targets, shape $(N,)$.


# %% label="ps3-q2"
def truncated_targets(rewards, next_values, terminated, truncated, discount):
    """Return the critic's targets, shape (N,)."""
    # BEGIN SOLUTION
    return rewards + discount * np.where(terminated, 0.0, next_values)
    # END SOLUTION


# %% label="ps3-q2-check"
check("truncated_targets", truncated_targets)

# %% [markdown] label="q3-text"
# ## 3 · Whiten group by group
#
# `advantages` and `groups` have shape $(N,)$: `groups[i]` says which group step $i$ belongs to, in any order. Return
# $(A-\text{mean})/\text{sd}$ with mean and standard deviation of the own group (`std()`, which divides by the group's size), and 0 where a group's advantages are all equal.


# %% label="ps3-q3"
def whiten_by_group(advantages, groups):
    """Return the advantages, whitened within their groups, shape (N,)."""
    # BEGIN SOLUTION
    whitened = np.zeros(len(advantages))
    for group in np.unique(groups):
        inside = groups == group
        part = advantages[inside]
        if part.max() > part.min():
            whitened[inside] = (part - part.mean()) / part.std()
    return whitened
    # END SOLUTION


# %% label="ps3-q3-check"
check("whiten_by_group", whiten_by_group)

# %% [markdown] label="q4-text"
# ## 4 · How fast does a probability move?
#
# One state, three actions, with the probabilities `pi` and the action values `q` below, which are yours alone. The logits
# follow the exact gradient of the performance, $z\leftarrow z+\eta\,\partial J/\partial z$. Derive $d\pi_1/d\eta$ at $\eta=0$, to at least four significant digits.

# %% label="q4-data"
rate_data = given("ps3-q4", student)
rate_data

# %% label="ps3-q4"
rate = ...  # a number, or an expression of rate_data and np.
# BEGIN SOLUTION
state = rate_data
shares, action_values = np.array(state["pi"]), np.array(state["q"])
slope = shares * (action_values - shares @ action_values)
rate = shares[0] * (slope[0] - shares @ slope)
# END SOLUTION

# %% label="ps3-q4-check"
look_at("ps3-q4", rate)

# %% [markdown] label="q5-text"
# ## 5 · The build: A2C
#
# From your own `build.py`: paste `log_probabilities`, `rollout`, `gae`, `a2c` and `train_a2c` into the cell. It is
# marked part by part, on worlds of a few steps and against exact answers.

# %% label="ps3-q5"
from build import a2c  # STAGE build_a2c

# %% label="ps3-q5-check"
check("build_a2c", a2c)

# %% [markdown] label="q6-text"
# ## 6 · The build: an action that is any number
#
# From your own `build.py`, its last stage: paste `gaussian_scores`, `gaussian_reinforce` and `train_gaussian`, and
# `reward_to_go` above them. They may call the functions of question 5.

# %% label="ps3-q6"
from build import gaussian_reinforce  # STAGE build_gaussian

# %% label="ps3-q6-check"
check("build_gaussian", gaussian_reinforce)

# %% [markdown] label="q7-text"
# ## 7 · Read a plot: a loss that rises
#
# A log of an actor-critic, drawn by a formula so that all see the same: the mean return of an episode, the actor's loss (with
# whitened advantages), and the critic's loss.

# %% label="q7-figure"
# Draws three curves of a training log: mean return, actor's loss, critic's loss.
updates = np.arange(0, 201)
mean_return = 180 / (1 + np.exp(-(updates - 90) / 18)) + 20
actor_loss = 0.02 * np.sin(updates / 3)
critic_loss = 0.0012 * np.gradient(mean_return) ** 2 * 100 + 0.05 * mean_return / 20
fig, axes = figures.new_figure(8.0, 2.8, columns=3)
curves = [
    ("mean return", mean_return),
    ("actor's loss", actor_loss),
    ("critic's loss", critic_loss),
]
for ax, (label, curve) in zip(axes, curves, strict=True):
    ax.plot(updates, curve, color=figures.POLICY)
    ax.set(xlabel="update", title=label)
axes[1].set_ylim(-0.5, 0.5)
figures.show(
    fig,
    alt="Three panels. The mean return climbs from 20 to 200. The actor's loss stays near 0 "
    "throughout. The critic's loss rises while the return climbs, has a hump, and ends higher "
    "than it began.",
)

# %% [markdown] label="q7-ask"
# In your own words, about ten lines: (a) The actor's loss stays near 0 while the return climbs. Why does it say nothing of
# progress? (b) The critic's loss rises. Is that a failure? (c) What would you look at to know whether the agent learns?

# %% [markdown] label="ps3-q7"
# (a) The loss is built anew in each batch with that batch's advantages. Its gradient is right at the present parameters; its
# height compares nothing. With whitened advantages it stays near 0.
#
# (b) No. The critic's targets are returns, and they grow while the agent gets better. Larger returns make larger squared errors.
#
# (c) The mean return of fresh episodes, over several seeds, with an interval; beside it the critic's explained variance.
