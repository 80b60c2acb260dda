# %% [markdown] label="title"
# # Problem set 2 · Trajectories, REINFORCE, and baselines
#
# Covers lessons 04 to 06. About 90 minutes; 31 points.
#
# | question | points | marked by |
# |---|---|---|
# | 1 · A variance on two lines | 3 | your function, on fresh inputs |
# | 2 · A baseline for each entry | 3 | your function, on fresh inputs |
# | 3 · The variance at V | 3 | your number, for your own data |
# | 4 · The weight of a step | 2 | your number, for your own data |
# | 5 · The build: REINFORCE | 9 | your functions, part by part |
# | 6 · The build: a baseline | 6 | your functions, part by part |
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
# Your student id, as your course writes it. The data of questions 3 and 4 follow from it, and the grader takes it from the
# name under which you hand in.

# %% label="student"
student = "your-id"

# %% [markdown] label="q1-text"
# ## 1 · A variance on two lines
#
# Two actions: the first is taken with probability $p$ and earns `rewards[0]`, the second `rewards[1]`. One sample's
# estimate of $\partial J/\partial z_1$ is the score's first entry times $(R-b)$. Return its exact variance, a number.


# %% label="ps2-q1"
def two_armed_variance(p, rewards, baseline):
    """Return the variance of one sample's estimate, a number."""
    # BEGIN SOLUTION
    shares = np.array([p, 1 - p])
    outcomes = np.array([1 - p, -p]) * (rewards - baseline)
    return shares @ outcomes**2 - (shares @ outcomes) ** 2
    # END SOLUTION


# %% label="ps2-q1-check"
check("two_armed_variance", two_armed_variance)

# %% [markdown] label="q2-text"
# ## 2 · A baseline for each entry
#
# Lesson 06 found the best constant for the whole gradient. Nothing forbids a baseline of its own for each entry $j$ of
# $\theta$. Derive the height $b_j$ at which the variance of entry $j$ is smallest, as lesson 06 does with its parabola.
#
# Then estimate it: `scores`, shape $(m,d)$, has a row for each trajectory, its whole score, and `returns`, shape $(m,)$, its
# return. Replace each expectation by the mean over the batch, and return $b$, shape $(d,)$.


# %% label="ps2-q2"
def separate_baselines(scores, returns):
    """Return the best baseline of each entry, shape (d,)."""
    # BEGIN SOLUTION
    weights = scores**2
    return weights.T @ returns / weights.sum(axis=0)
    # END SOLUTION


# %% label="ps2-q2-check"
check("separate_baselines", separate_baselines)

# %% [markdown] label="q3-text"
# ## 3 · The variance at V
#
# Three replies, with the probabilities and rewards below, which are yours alone. Lesson 06 prints the variance of one
# sample's gradient for its own three replies, at several baselines. Derive yours with $b=V$: all three entries
# together, the mean squared distance from the exact gradient. Give it to at least four significant digits.

# %% label="q3-data"
variance_data = given("ps2-q3", student)
variance_data

# %% label="ps2-q3"
variance = ...  # a number, or an expression of variance_data and np.
# BEGIN SOLUTION
replies = variance_data
shares, earned = np.array(replies["pi"]), np.array(replies["rewards"])
rows = (np.eye(3) - shares) * (earned - shares @ earned)[:, None]
variance = shares @ (rows**2).sum(axis=1) - ((shares @ rows) ** 2).sum()
# END SOLUTION

# %% label="ps2-q3-check"
look_at("ps2-q3", variance)

# %% [markdown] label="q4-text"
# ## 4 · The weight of a step
#
# A trajectory has three steps, with the rewards and the discount $\gamma$ below; $J$ is the expected discounted return,
# with $\gamma^{t-1}$ on the reward of step $t$. With which number does the score of step **2** stand in the gradient of
# $J$, where nothing of the past is in it? Give it to at least four significant digits.

# %% label="q4-data"
weight_data = given("ps2-q4", student)
weight_data

# %% label="ps2-q4"
weight = ...  # a number, or an expression of weight_data and np.
# BEGIN SOLUTION
three = weight_data
gamma = three["discount"]
weight = gamma * (three["rewards"][1] + gamma * three["rewards"][2])
# END SOLUTION

# %% label="ps2-q4-check"
look_at("ps2-q4", weight)

# %% [markdown] label="q5-text"
# ## 5 · The build: REINFORCE
#
# From your own `build.py`: paste `log_probabilities`, `rollout`, `reward_to_go`, `reinforce` and `train_reinforce` into
# the cell. It is marked part by part, on worlds of a few steps and against exact answers.

# %% label="ps2-q5"
from build import reinforce  # STAGE build_reinforce

# %% label="ps2-q5-check"
check("build_reinforce", reinforce)

# %% [markdown] label="q6-text"
# ## 6 · The build: a baseline
#
# From your own `build.py`: paste `reinforce_with_baseline`. It may call the functions of question 5.

# %% label="ps2-q6"
from build import reinforce_with_baseline  # STAGE build_baseline

# %% label="ps2-q6-check"
check("build_baseline", reinforce_with_baseline)

# %% [markdown] label="q7-text"
# ## 7 · Read a plot: two parabolas
#
# Two replies, *refund* earns 1 and *apologise* 0. The figure shows the variance of one sample's gradient against the baseline
# for a policy that refunds with probability one half, and for one that refunds nine times in ten. A dot marks $b=V$.

# %% label="q7-figure"
# Draws the variance against the baseline for two policies, with a dot at V.
heights = np.linspace(-0.2, 1.2, 141)
fig, [ax] = figures.new_figure(6.0, 3.4)
for refund, style in [(0.5, "-"), (0.9, "--")]:
    both, points = np.array([refund, 1 - refund]), np.array([1.0, 0.0])
    hits = np.eye(2) - both
    lengths = (hits**2).sum(axis=1)
    slope = both @ (points[:, None] * hits)
    curve = [both @ (lengths * (points - b) ** 2) - slope @ slope for b in heights]
    at_v = both @ (lengths * (points - refund) ** 2) - slope @ slope
    ax.plot(heights, curve, style, color=figures.POLICY)
    ax.plot(refund, at_v, "o", color=figures.VALUE)
    ax.annotate(
        f"refund {refund}",
        (heights[0], curve[0]),
        xytext=(14, 2),
        textcoords="offset points",
    )
ax.set(xlabel="baseline b", ylabel="variance of one sample's gradient")
figures.show(
    fig,
    alt="Two parabolas. That of the even policy has its lowest point at one half, "
    "at the dot of its value. That of the nearly certain one has it near 0.1, "
    "and its dot at 0.9 lies high up on the right.",
)

# %% [markdown] label="q7-ask"
# In your own words, about ten lines: (a) Where do the lowest points lie, and why there? (b) For which policy is $V$ a good
# baseline, and for which is none at all better? (c) What is the same on the whole of either curve?

# %% [markdown] label="ps2-q7"
# (a) At $b^*$, the mean of the rewards weighted with $\pi|\text{score}|^2$. The even policy's scores are equally long, so $b^*$ is
# $V$. The nearly certain one's rare apology has a long score, so $b^*$ lies near the apology's reward.
#
# (b) For the even policy $V$ is the best height. For the other one $V$ is farther from $b^*$ than 0 is, and the parabola is
# symmetric about $b^*$: no baseline is better.
#
# (c) The mean of the estimate. A constant changes its scatter alone.
