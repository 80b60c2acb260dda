# %% [markdown] label="title"
# # Problem set 1 · Policies, scores, and the log-derivative trick
#
# Covers lessons 01 to 03. About 90 minutes; 16 points.
#
# | question | points | marked by |
# |---|---|---|
# | 1 · Heat a policy | 3 | your function, on fresh inputs |
# | 2 · Actions that share their parameters | 3 | your function, on fresh inputs |
# | 3 · How long is a score? | 2 | your number, for your own data |
# | 4 · The noise of one sample | 3 | your number, for your own data |
# | 5 · Read a plot | 5 | a person, with a rubric |
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
# ## 1 · Heat a policy
#
# At temperature $T$ the policy is $\pi=\mathrm{softmax}(z/T)$. Return $\partial\pi_a/\partial T$ for each action $a$:
# `logits` has shape $(n,)$, and so has your answer. It should hold for very low temperatures too.
#
# Derive it first: $\log\pi_a=z_a/T-\log\sum_b e^{z_b/T}$, and $\partial\pi=\pi\,\partial\log\pi$.


# %% label="ps1-q1"
def temperature_gradient(logits, temperature):
    """Return ∂π/∂T, shape (n,)."""
    # BEGIN SOLUTION
    scaled = logits / temperature
    shares = np.exp(scaled - scaled.max())
    shares = shares / shares.sum()
    return shares * (shares @ logits - logits) / temperature**2
    # END SOLUTION


# %% label="ps1-q1-check"
check("temperature_gradient", temperature_gradient)

# %% [markdown] label="q2-text"
# ## 2 · Actions that share their parameters
#
# A table has a logit of its own for each action. A model has not: action $a$ has the features $\varphi(a)$, row $a$ of
# `features`, shape $(n,d)$, and its logit is $z_a=\varphi(a)\cdot\theta$ with one $\theta$ for all, shape $(d,)$.
#
# Return the gradient of $\log\pi_\theta(a)$ for `action` with respect to $\theta$, shape $(d,)$.


# %% label="ps1-q2"
def shared_score(theta, features, action):
    """Return ∂ log π(action)/∂θ, shape (d,)."""
    # BEGIN SOLUTION
    logits = features @ theta
    shares = np.exp(logits - logits.max())
    shares = shares / shares.sum()
    return features[action] - shares @ features
    # END SOLUTION


# %% label="ps1-q2-check"
check("shared_score", shared_score)

# %% [markdown] label="q3-text"
# ## 3 · How long is a score?
#
# A policy takes three actions with the probabilities below, which are yours alone. The parameters are its three logits.
# Derive the mean squared length of the score, $\mathbb E_\pi\bigl[|\partial\log\pi/\partial z|^2\bigr]$, which is the trace of
# the Fisher information, and give the number to at least four significant digits.

# %% label="q3-data"
trace_data = given("ps1-q3", student)
trace_data

# %% label="ps1-q3"
trace = ...  # a number, or an expression of trace_data and np.
# BEGIN SOLUTION
pi = trace_data["pi"]
trace = 1 - sum(p * p for p in pi)
# END SOLUTION

# %% label="ps1-q3-check"
look_at("ps1-q3", trace)

# %% [markdown] label="q4-text"
# ## 4 · The noise of one sample
#
# Two actions: the first is taken with probability $p$ and earns $R_1$, the other one earns $R_2$. One sample's estimate
# of $\partial\mathbb E[R]/\partial z_1$ is the score's first entry times the reward. Derive its variance over the draw
# of the action, and give the number for your data to at least four significant digits.

# %% label="q4-data"
variance_data = given("ps1-q4", student)
variance_data

# %% label="ps1-q4"
variance = ...  # a number, or an expression of variance_data and np.
# BEGIN SOLUTION
two = variance_data
p, (first, second) = two["p"], two["rewards"]
variance = p * (1 - p) * ((1 - p) * first + p * second) ** 2
# END SOLUTION

# %% label="ps1-q4-check"
look_at("ps1-q4", variance)

# %% [markdown] label="q5-text"
# ## 5 · Read a plot: error against samples
#
# Two tasks with two actions, each taken with probability one half. In the one they earn 1 and 0, in the other 10 and 9. The
# figure shows the typical error of the estimated gradient, from $m$ samples of score times reward.

# %% label="q5-figure"
# Draws the typical error of the estimate against the number of samples, for two tasks.
samples = np.array([10, 100, 1000, 10_000])
scores = np.array([0.5, -0.5])
fig, [ax] = figures.new_figure(6.0, 3.4)
for label, rewards, style in [
    ("rewards 10 and 9", [10, 9], "-"),
    ("rewards 1 and 0", [1, 0], "--"),
]:
    typical = np.std(scores * np.array(rewards)) / np.sqrt(samples)
    ax.loglog(samples, typical, style, color=figures.SAMPLED)
    ax.annotate(label, (samples[1], typical[1]), xytext=(5, 5), textcoords="offset points")
ax.set(xlabel="samples m", ylabel="typical error of ∂E[R]/∂z₁")
figures.show(
    fig,
    alt="Two straight lines that fall side by side on logarithmic axes. The one of the rewards "
    "10 and 9 lies far above the one of the rewards 1 and 0.",
)

# %% [markdown] label="q5-ask"
# In your own words, about ten lines: (a) Why are the lines straight, and what is their slope? What does a tenth of the error
# cost? (b) Why does the one lie above the other, and by the same distance everywhere, although the exact gradient is the same?
# (c) Name a change that brings the upper line down without more samples, and say why it leaves the mean as it is.

# %% [markdown] label="ps1-q5"
# (a) The typical error is $\sqrt{\text{variance}/m}$. On logarithmic axes that is a line with slope −1/2: a tenth of the error
# costs a hundred times the samples.
#
# (b) The lines differ by a factor, the ratio of the standard deviations of score times reward, which is the same at every $m$.
# With rewards near 10 every sample pushes hard, one way or the other; the difference between the actions, which is what the
# gradient is made of, is 1 in both tasks.
#
# (c) Subtract a number near the mean reward. The score has mean 0, so the mean of the estimate stays as it is.
