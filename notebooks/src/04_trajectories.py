# %% [markdown] label="title" tags=["slide"] minutes=1
# # 04 · Trajectories
#
# This lesson is about one line, the **policy gradient theorem**:
#
# $$\frac{\partial J}{\partial\theta}=\mathbb E_{\tau}\!\left[\Bigl(\sum_t\frac{\partial\log\pi_\theta(a_t\mid s_t)}{\partial\theta}\Bigr)\,R(\tau)\right]$$

# %% [markdown] label="aims" tags=["subslide"]
# After it you will be able to
#
# - **write** the probability of a whole trajectory as a product, and say which factors belong to whom,
# - **split** its logarithm into a policy part and a dynamics part, and **compute** the gradient of each,
# - **explain** why no model of the customer is needed, and what is still needed of the customer,
# - **derive** the theorem step by step, with a number after each step,
# - **find** the error in two flawed derivations, and the number that convicts each.
#
# *About 50 minutes, and 15 more for the exercises. You need lesson 03: ∂Pr = Pr · ∂ log Pr.*

# %% label="review" tags=["skip"]
from course_utils.widgets import Review

Review("04")

# %% label="setup" tags=["skip"]
import numpy as np
from course_utils import diagrams, mdp, policy
from course_utils.checks import check
from course_utils.widgets import Predict, Quiz, TrajectoryTree

np.set_printoptions(precision=4, suppress=True)

# %% [markdown] label="scene" tags=["slide"] minutes=3
# ## A conversation of two replies
#
# So far the support assistant acted once. Now it acts twice, and the first reply changes what comes next.
#
# A customer sends an angry first message. The assistant replies: *refund* or *apologise*. The customer is then *calm* or
# still *angry*. The assistant replies once more, and the conversation is closed.
#
# What happens in one conversation, step by step, is a **trajectory**
#
# $$\tau=(s_1,a_1,s_2,a_2).$$

# %% [markdown] label="scene-parties" tags=["subslide"]
# Two parties have a hand in it. The assistant chooses its replies, with its **policy** $\pi_\theta(a\mid s)$. The
# customer's mood follows the **dynamics** $\mathrm{Pr}(s_{t+1}\mid s_t,a_t)$: 0.8 for calm after a refund, 0.3 after an
# apology. Only the policy has parameters $\theta$ that you may change. They are the logits, one row for each state.
#
# Whoever acts is called the **agent**, and whatever answers is its **environment**. Here these are the assistant and the
# customer.
#
# Each reply earns points $r(s,a)$, its **reward** $r_t$. The **return** $R(\tau)$ is the sum of the rewards.

# %% label="scene-picture" tags=["subslide"]
diagrams.agent_environment()

# %% label="scene-code" tags=["subslide"]
states = ["first message", "calm", "angry", "closed"]
actions = ["refund", "apologise"]
transitions = np.zeros((4, 2, 4))  # Pr(s' | s, a)
transitions[0, :, 1] = [0.8, 0.3]  # calm after a refund, after an apology
transitions[0, :, 2] = [0.2, 0.7]  # angry
transitions[1:, :, 3] = 1.0  # after the second reply it is over
rewards = np.array([[-1.0, 0.0], [1.0, 3.0], [0.0, -4.0], [0.0, 0.0]])
start = np.array([1.0, 0.0, 0.0, 0.0])
support = mdp.TabularMDP(transitions, rewards, start, terminal_states=[3])

logits = np.log([[0.5, 0.5], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])  # last row: closed, no choice
pi = policy.softmax(logits)
print(f"{'':14s}   {actions[0]:15s}   {actions[1]}")
for s in range(3):
    row = [f"π = {p:.1f}, r = {r:2.0f}" for p, r in zip(pi[s], rewards[s], strict=True)]
    print(f"{states[s]:14s}   {row[0]}   {row[1]}")

# %% [markdown] label="product" tags=["slide"] minutes=3
# ## The probability of a path
#
# Things that have to happen one after the other multiply their probabilities. So a trajectory, a path through the
# conversation, has the probability
#
# $$\mathrm{Pr}_\theta(\tau)=\mathrm{Pr}(s_1)\prod_{t}\pi_\theta(a_t\mid s_t)\,\mathrm{Pr}(s_{t+1}\mid s_t,a_t).$$
#
# The conversation always begins with the first message, so $\mathrm{Pr}(s_1)=1$. It is always closed after the second
# reply, so that factor is 1 too.

# %% label="predict-path" tags=["fragment"]
Predict("04-path")

# %% label="product-code" tags=["subslide"] answers="path"
by_hand = pi[0, 0] * transitions[0, 0, 1] * pi[1, 1]
print("refund, calm, apologise")
print(f"by hand: {pi[0, 0]:.1f} × {transitions[0, 0, 1]:.1f} × {pi[1, 1]:.1f} = {by_hand:.2f}")

paths = support.enumerate_trajectories(logits)  # all of them
N = len(paths.probabilities)
replies = [[actions[a] for a in row] for row in paths.actions]
names = [
    f"{a}, {states[s]}, {b}" for (a, b), s in zip(replies, paths.states[:, 1], strict=True)
]
for name, p, R in zip(names, paths.probabilities, paths.returns, strict=True):
    print(f"   {name:28s} Pr = {p:.2f}   R = {R:2.0f}")
print(f"{N} conversations, their probabilities sum to {paths.probabilities.sum():.2f}")

# %% [markdown] label="product-read" answers="path" tags=["subslide"]
# Eight conversations, and yours has probability 0.32. Together they make 1: one of them is sure to happen.
#
# With the list of all trajectories, the **performance** is a sum that you can write out:
#
# $$J(\theta)=\sum_\tau \mathrm{Pr}_\theta(\tau)\,R(\tau).$$
#
# Check it in two ways. The package solves a linear equation for each state, without any list. And you can hold
# conversations and count.


# %% label="converse" tags=["subslide"]
def customer(reply, rng):
    """Return each customer's mood, 1 (calm) or 2 (angry). Call it; pretend not to read it."""
    return np.where(rng.random(reply.size) < np.where(reply == 0, 0.8, 0.3), 1, 2)


def converse(logits, m, rng, customer=customer):
    """Hold m conversations: states and replies, shape (m, 2), and returns, shape (m,)."""
    first = policy.sample(np.tile(logits[0], (m, 1)), rng)
    mood = customer(first, rng)
    second = policy.sample(logits[mood], rng)
    seen = np.stack([np.zeros(m, dtype=int), mood], axis=1)
    replies = np.stack([first, second], axis=1)
    return seen, replies, rewards[seen, replies].sum(axis=1)


# %% label="performance-code" tags=["subslide"]
rng = np.random.default_rng(5)
m = 100_000
seen, replies, R = converse(logits, m, rng)

J = paths.probabilities @ paths.returns
print(f"J, sum over all paths      {J:.4f}")
print(f"J, from linear equations   {support.performance(logits):.4f}")
error = R.std(ddof=1) / np.sqrt(m)
print(f"mean of {m} returns    {R.mean():.4f}   standard error {error:.4f}")

which = 4 * replies[:, 0] + 2 * (seen[:, 1] - 1) + replies[:, 1]  # place in the list above
frequency = np.bincount(which, minlength=N) / m
error = np.sqrt(paths.probabilities * (1 - paths.probabilities) / m)
print(f"frequencies  {frequency}")
print(f"exact Pr     {paths.probabilities}")
print(f"standard error at most {error.max():.4f}")

# %% [markdown] label="tree" tags=["slide"] minutes=4
# ## The tree of all paths
#
# In the tree each path runs from left to right. Solid branches belong to the policy, dashed ones to the customer. Point
# at a path, click it, or press Tab and the arrow keys: beside the tree (below it on a narrow page) it is taken apart into a
# **policy part**, the product of the policy's factors, and a **dynamics part**, the product of the customer's.
#
# One slider changes the policy, the other the customer. First say what you expect, then move them.

# %% label="predict-parts" tags=["fragment"]
Predict("04-parts")

# %% label="tree-lab" tags=["subslide"]
TrajectoryTree(logits[:3], selected=1)

# %% label="tree-check" tags=["subslide"] answers="parts"
calmer = transitions.copy()
calmer[0, 0, 1:3] = [0.9, 0.1]
milder = mdp.TabularMDP(calmer, rewards, start, terminal_states=[3])
raised = {s: logits + 0.5 * np.outer(np.arange(4) == s, [1, 0]) for s in (0, 1)}
print(f"how many of the {N} paths change, and what")
worlds = {
    "logit at the first message": support.enumerate_trajectories(raised[0]),
    "logit for a calm customer": support.enumerate_trajectories(raised[1]),
    "a calmer customer": milder.enumerate_trajectories(logits),
}
for name, new in worlds.items():
    by_policy = ~np.isclose(new.policy_probabilities, paths.policy_probabilities)
    by_world = ~np.isclose(new.dynamics_probabilities, paths.dynamics_probabilities)
    print(f"{name}: policy part moves on {by_policy.sum()}, dynamics part on {by_world.sum()}")
    total, J = new.probabilities.sum(), new.probabilities @ new.returns
    print(f"   sum of Pr {total:.2f}   J {J:.3f}")

# %% [markdown] label="tree-read" answers="parts" tags=["subslide"]
# A logit moves policy parts and no dynamics part: all eight at the first message, four for the calm customer. (A path
# that never meets a calm customer does not use those logits.)
#
# The customer's mood moves dynamics parts and no policy part. $J$ moves as well, from 0.21 to 0.42: what your policy is
# worth depends on the customer.
#
# The sum stays 1 in every case.

# %% [markdown] label="split" tags=["slide"] minutes=4
# ## The logarithm splits it in two
#
# The trick of lesson 03 needs $\log\mathrm{Pr}_\theta(\tau)$. The logarithm turns the product into a sum, and the sum can
# be sorted:
#
# $$\log\mathrm{Pr}_\theta(\tau)=\underbrace{\sum_t\log\pi_\theta(a_t\mid s_t)}_{\text{policy part}}+\underbrace{\log\mathrm{Pr}(s_1)+\sum_t\log\mathrm{Pr}(s_{t+1}\mid s_t,a_t)}_{\text{dynamics part}}.$$
#
# From here on the two names mean these two sums.


# %% label="split-code" tags=["subslide"]
def log_parts(logits, i):
    """Return the policy part and the dynamics part of log Pr, for path i."""
    s, a, following = paths.states[i, :-1], paths.actions[i], paths.states[i, 1:]
    policy_part = policy.log_softmax(logits)[s, a].sum()
    dynamics_part = np.log(start[s[0]]) + np.log(transitions[s, a, following]).sum()
    return policy_part, dynamics_part


for i in (1, 6):
    of_policy, of_dynamics = log_parts(logits, i)
    log_Pr = of_policy + of_dynamics
    print(f"{names[i]}: log Pr = {of_policy:.4f} + ({of_dynamics:.4f}) = {log_Pr:.4f}")
    print(f"   exp of that: {np.exp(log_Pr):.2f}")

factors = np.full(2_000, 0.5)  # a trajectory of 2,000 steps
print(f"2,000 factors 0.5: product {factors.prod()}, sum of logs {np.log(factors).sum():.1f}")

# %% [markdown] label="split-read" tags=["subslide"]
# The last line is a reason to work with logarithms in programs. The product of 2,000 factors 0.5 is too small for a
# floating-point number and comes out as 0. The sum of the logarithms is an ordinary number.

# %% [markdown] label="zero" tags=["slide"] minutes=5
# ### The gradient of the dynamics part
#
# Now differentiate both parts with respect to each logit, by nudging it up and down.
#
# A thought that many people have: “The customer's mood depends on my reply, and my reply depends on $\theta$. So the mood
# depends on $\theta$, and its derivative cannot be 0.”

# %% label="predict-zero" tags=["fragment"]
Predict("04-zero")

# %% label="zero-code" tags=["subslide"] answers="zero"
h = 1e-5
d_policy, d_dynamics = np.zeros((N, 3, 2)), np.zeros((N, 3, 2))
for i in range(N):
    for s, a in np.ndindex(3, 2):
        nudge = np.zeros((4, 2))
        nudge[s, a] = h
        up, down = log_parts(logits + nudge, i), log_parts(logits - nudge, i)
        d_policy[i, s, a] = (up[0] - down[0]) / (2 * h)
        d_dynamics[i, s, a] = (up[1] - down[1]) / (2 * h)

print(f"{names[1]}: gradient of the policy part, a row for each state")
print(d_policy[1])
print(f"gradient of the dynamics part: all {d_dynamics.size} entries, of all paths, are")
print(f"exactly 0: {(d_dynamics == 0).all()}")

# %% [markdown] label="zero-read" answers="zero" tags=["subslide"]
# **Exactly 0.** Not small, and not only on average. $\theta$ stands in the policy part alone, so the same number is subtracted
# from itself. (In the lab, unfold *the gradient of the path's log-probability* and go from path to path.)
#
# And the thought above? A trajectory is *given*: its replies stand written in it. “How calm is a customer after a refund?”
# has one answer, 0.8, whatever made you choose the refund. Your $\theta$ decides how *often* a refund is chosen, and that
# is counted already: in the factor $\pi_\theta(a_1\mid s_1)$.

# %% [markdown] label="trajectory-picture-text" tags=["subslide"]
# What depends on $\theta$, and what does not, in one picture. Under each factor stands the derivative of its logarithm.

# %% label="trajectory-picture" tags=["fragment"]
diagrams.trajectory_probability()

# %% [markdown] label="scores-text" tags=["subslide"]
# The gradient of the policy part is what lesson 02 promises: one-hot minus π at each step. Each step pushes the row of the
# state it was taken in, and the rows of states that the path does not visit stay 0.


# %% label="scores" tags=["fragment"]
def scores(logits, seen, replies):
    """Return ∂ log Pr(τ) / ∂logits of each conversation, shape (m, 4, 2). No customer in it."""
    g = np.zeros((len(replies), *logits.shape))
    for t in range(replies.shape[1]):
        s, a = seen[:, t], replies[:, t]
        g[np.arange(len(s)), s] += policy.score(logits[s], a)
    return g


score = scores(logits, paths.states[:, :-1], paths.actions)
print(f"nudged and by formula agree: {np.allclose(score[:, :3], d_policy, rtol=0, atol=1e-8)}")

# %% [markdown] label="keep" tags=["slide"] minutes=3
# ### What is 0, and what is not
#
# The *gradient* of the dynamics part is 0. It is tempting to go one step further and cross the dynamics out of
# $\mathrm{Pr}_\theta(\tau)$ itself, so that only the product of the policy's factors is left.

# %% label="predict-keep" tags=["fragment"]
Predict("04-keep")

# %% label="keep-code" tags=["subslide"] answers="keep"
exact = support.policy_gradient(logits)  # from a linear solve: no list of paths
weights = {"Pr(τ)": paths.probabilities, "policy's": paths.policy_probabilities}
for name, weight in weights.items():
    gradient = sum(w * R * g for w, R, g in zip(weight, paths.returns, score, strict=True))
    print(f"{name:12s} sum {weight.sum():.2f}   Σ weight · R = {weight @ paths.returns:z.2f}")
    print(f"   gradient, logits of refund: {gradient[:3, 0]}")
print(f"exact: J = {support.performance(logits):.2f}")
print(f"   gradient, logits of refund: {exact[:3, 0]}")

# %% [markdown] label="keep-read" answers="keep" tags=["fragment"]
# The policy's products sum to 2. They are no probabilities of paths. The gradient that they give is wrong in all three states,
# and at the first message it even points the other way. (The gradient for *apologise* is minus that for *refund*.)
#
# So keep two things apart:
#
# - The dynamics stay in $\mathrm{Pr}_\theta(\tau)$, which says how often each path happens.
# - They drop out of $\partial\log\mathrm{Pr}_\theta(\tau)/\partial\theta$, which says how to push.

# %% [markdown] label="model" tags=["slide"] minutes=4
# ## No model of the customer is needed
#
# This is why it matters. To estimate $\mathbb E_\tau[\dots]$ from samples you need two things:
#
# - trajectories that come with frequency $\mathrm{Pr}_\theta(\tau)$: **hold conversations**, and the customer supplies the
#   dynamics without telling you any number;
# - $\partial\log\mathrm{Pr}_\theta(\tau)/\partial\theta$ for each: the **scores of your own policy**.
#
# The function `scores` above has the logits, the states and the replies as its arguments. The customer's numbers are not
# among them.
#
# Now another customer walks in, much harder to calm. No line of the estimator has to change.


# %% label="model-code" tags=["subslide"]
def sullen(reply, rng):
    return np.where(rng.random(reply.size) < np.where(reply == 0, 0.4, 0.1), 1, 2)


harder = transitions.copy()
harder[0, :, 1], harder[0, :, 2] = [0.4, 0.1], [0.6, 0.9]
hard = mdp.TabularMDP(harder, rewards, start, terminal_states=[3])
exact_answers = {customer: support, sullen: hard}

for who, problem in exact_answers.items():
    seen, replies, R = converse(logits, m, rng, who)
    terms = scores(logits, seen, replies) * R[:, None, None]  # the same line for every customer
    mean, error = terms.mean(axis=0), terms.std(axis=0, ddof=1) / np.sqrt(m)
    print(f"{who.__name__:8s} sampled {mean[:3, 0]}   standard error {error[:3, 0]}")
    print(f"         exact   {problem.policy_gradient(logits)[:3, 0]}")

# %% [markdown] label="model-read" tags=["subslide"]
# The same line gives the gradient for either customer, within a few standard errors. (The logits of *refund* are
# shown, one for each state.)
#
# The customer still matters: the two gradients differ. What you do not need is the customer's *formula*. For a language
# model that talks to people, nobody has it.

# %% [markdown] label="theorem" tags=["slide"] minutes=6
# ## The policy gradient theorem
#
# You have all the pieces of the derivation.

# %% label="predict-theorem" tags=["subslide"]
Predict("04-theorem")

# %% [markdown] label="theorem-read" answers="theorem" tags=["subslide"]
# - **A** $\quad\frac{\partial J}{\partial\theta}=\frac{\partial}{\partial\theta}\sum_\tau\mathrm{Pr}_\theta(\tau)\,R(\tau)$
# - **B** $\quad=\sum_\tau\frac{\partial\,\mathrm{Pr}_\theta(\tau)}{\partial\theta}\,R(\tau)$
# - **C** $\quad=\sum_\tau\mathrm{Pr}_\theta(\tau)\,\frac{\partial\log\mathrm{Pr}_\theta(\tau)}{\partial\theta}\,R(\tau)$
# - **D** $\quad=\sum_\tau\mathrm{Pr}_\theta(\tau)\Bigl(\sum_t\frac{\partial\log\pi_\theta(a_t\mid s_t)}{\partial\theta}$ ${}+\sum_t\frac{\partial\log\mathrm{Pr}(s_{t+1}\mid s_t,a_t)}{\partial\theta}\Bigr)R(\tau)$
# - **E** $\quad=\mathbb E_\tau\!\left[\Bigl(\sum_t\frac{\partial\log\pi_\theta(a_t\mid s_t)}{\partial\theta}\Bigr)R(\tau)\right]$
# - **F** $\quad\approx\frac1m\sum_{\tau\in\mathcal D}\Bigl(\sum_t\frac{\partial\log\pi_\theta(a_t\mid s_t)}{\partial\theta}\Bigr)R(\tau)$

# %% [markdown] label="theorem-steps" answers="theorem" tags=["subslide"]
# What happens between them:
#
# 1. **A → B**: differentiate each term. $R(\tau)$ belongs to the path and does not contain $\theta$.
# 2. **B → C**: the log-derivative trick, $\partial\mathrm{Pr}=\mathrm{Pr}\,\partial\log\mathrm{Pr}$.
# 3. **C → D**: the logarithm of the product splits into policy and dynamics. ($\mathrm{Pr}(s_1)$ goes with the dynamics.)
# 4. **D → E**: the second sum is exactly 0, and a sum weighted with probabilities is an expectation.
# 5. **E → F**: sample. $\mathcal D$ is a data set of $m$ trajectories, and each counts $1/m$.
#
# Do not take it on trust. Each line of the next cell computes one step by a way of its own. Shown is the logit of *refund*
# at the first message.

# %% label="theorem-code-nudges" tags=["subslide"]
nudge = np.zeros((4, 2))
nudge[0, 0] = h
up = support.enumerate_trajectories(logits + nudge)
down = support.enumerate_trajectories(logits - nudge)
Pr, R = paths.probabilities, paths.returns
d_J = support.performance(logits + nudge) - support.performance(logits - nudge)
d_Pr = up.probabilities - down.probabilities
d_log_Pr = np.log(up.probabilities) - np.log(down.probabilities)

# %% label="theorem-code" tags=["subslide"] answers="theorem"
steps = {
    "A  nudge J": d_J / (2 * h),
    "B  nudge each Pr": d_Pr @ R / (2 * h),
    "C  nudge each log Pr": (Pr * d_log_Pr) @ R / (2 * h),
    "D  both parts": (Pr * (d_policy + d_dynamics)[:, 0, 0]) @ R,
    "E  scores alone": (Pr * score[:, 0, 0]) @ R,
}
print("the logit of refund at the first message")
for name, value in steps.items():
    print(f"{name:22s} {value:.6f}")
seen, replies, returns = converse(logits, m, rng)
terms = scores(logits, seen, replies)[:, 0, 0] * returns
error = terms.std(ddof=1) / np.sqrt(m)
print(f"F  {m} samples      {terms.mean():.6f}   standard error {error:.6f}")
print(f"   exact               {exact[0, 0]:.6f}")

# %% [markdown] label="theorem-why" answers="theorem" tags=["subslide"]
# Steps A to E give 0.275, and so do the package's linear equations, which know nothing of paths. Step F agrees with it
# within a few standard errors.
#
# The number is above 0: at the first message a refund is the better reply here. It costs a point and makes a calm
# customer likelier. The theorem found that out without the customer's numbers: from how the paths *ended*.

# %% [markdown] label="ratio" tags=["slide"] minutes=2
# ### Its other name
#
# In this form, with the whole return, the line is the **likelihood-ratio identity**, also known as the score-function
# identity. It is the trick of lesson 03 with a path in place of an action. What belongs to the theorem alone is step D: the
# score of a path is the sum of its policy's scores. (Many books give the name *policy gradient theorem* to a sum over
# states, which follows from this line. Lesson 07 has it.)

# %% [markdown] label="ratio-why" tags=["subslide"]
# Why *ratio*? Take another policy $\theta'$, and ask what *it* would earn. Paths of the present policy can say so, if
# each return counts in the ratio of its two probabilities, its *likelihoods*:
#
# $$J(\theta')=\sum_\tau\mathrm{Pr}_{\theta'}(\tau)R(\tau)=\mathbb E_{\tau\sim\theta}\!\left[\frac{\mathrm{Pr}_{\theta'}(\tau)}{\mathrm{Pr}_{\theta}(\tau)}\,R(\tau)\right].$$
#
# The next cell does that for the policy of the tree with the raised first logit. The dynamics stand above and below the
# line, and cancel. The slope of the ratio at $\theta'=\theta$ is $\partial\mathrm{Pr}/\mathrm{Pr}=\partial\log\mathrm{Pr}$:
# the score.

# %% label="ratio-code" tags=["subslide"]
new = worlds["logit at the first message"]
ratio = new.probabilities / paths.probabilities
without = new.policy_probabilities / paths.policy_probabilities
print(f"ratio of each path    {ratio}   dynamics cancel: {np.allclose(ratio, without)}")
print(f"mean of ratio · R     {paths.probabilities @ (ratio * paths.returns):.4f}")
print(f"J of the new policy   {support.performance(raised[0]):.4f}")

# %% [markdown] label="error" tags=["slide"] minutes=3
# ## Find the error
#
# A student hands this in:
#
# 1. $J(\theta)=\sum_\tau\mathrm{Pr}_\theta(\tau)\,R(\tau)$
# 2. $R(\tau)=\sum_t r(s_t,a_t)$, and the actions $a_t$ are chosen by the policy. So $R(\tau)$ depends on $\theta$.
# 3. $\frac{\partial J}{\partial\theta}=\sum_\tau\mathrm{Pr}_\theta(\tau)\,\frac{\partial R(\tau)}{\partial\theta}$
# 4. “So the reward must be differentiable in $\theta$, and I need a smooth model of the customer's satisfaction.”

# %% label="predict-error" tags=["fragment"]
Predict("04-error")

# %% label="error-code" tags=["subslide"] answers="error"
print("the logit of refund at the first message, a little down and a little up")
print(f"returns of the paths, logit lowered: {down.returns}")
print(f"returns of the paths, logit raised:  {up.returns}")
d_R = (up.returns - down.returns) / (2 * h)
print(f"the student's gradient, Σ Pr ∂R:     {Pr @ d_R:.4f}")
print(f"how much J really gains:             {steps['A  nudge J']:.4f}")
print(f"what was left out, Σ ∂Pr R:          {steps['B  nudge each Pr']:.4f}")

# %% [markdown] label="error-read" answers="error" tags=["fragment"]
# The number that convicts is the **0**.
#
# Line 2 sounds right and is the error. *Which* path you get depends on $\theta$. What a given path is *worth* does not:
# the eight returns are the same before and after. So line 3 differentiates the wrong factor, and the conclusion of
# line 4 falls: a reward that is never differentiated need not be differentiable.

# %% [markdown] label="error-second" tags=["slide"] minutes=2
# ### A second one
#
# Another student has the theorem right, and then writes: “The points that matter come at the end. So I keep only the score
# of the **last** reply.” In the estimator the sum over $t$ is gone.

# %% label="predict-second" tags=["fragment"]
Predict("04-second")

# %% label="error-second-code" answers="second" tags=["subslide"]
last, s_2 = np.zeros((N, 4, 2)), paths.states[:, 1]
last[np.arange(N), s_2] = policy.score(logits[s_2], paths.actions[:, 1])
without_sum = sum(p * r * g for p, r, g in zip(Pr, R, last, strict=True))
print("gradient for the logit of refund")
for s in range(3):
    print(f"{states[s]:14s} last step {without_sum[s, 0]:z7.4f}   exact {exact[s, 0]:7.4f}")

# %% [markdown] label="error-second-read" answers="second" tags=["fragment"]
# For the second replies it is right, and at the first message it is 0. The first reply would never be learned, although
# it decides how the rest goes. $\log\mathrm{Pr}_\theta(\tau)$ has a term for each step, and each of them has a gradient.

# %% [markdown] label="judge" tags=["slide"] minutes=3
# ## A judge at the end
#
# The first student wanted a smooth reward. Take one that is not, and let nobody hand out points for single replies: a judge
# reads the finished conversation and says *thumb up* (+1) or *thumb down* (−1). That is a function of words: it has no slope at all.
#
# In the estimator nothing changes but the numbers in $R$. The verdict multiplies the scores of **all** the replies of its
# conversation.


# %% label="judge-code" tags=["subslide"]
def judge(transcript):
    """One verdict on the whole: no angry customer, and no money paid twice."""
    return 1.0 if "angry" not in transcript and transcript.count("refund") < 2 else -1.0


verdicts = np.array([judge(name) for name in names])
for name, verdict in zip(names, verdicts, strict=True):
    print(f"   {name:28s} {verdict:+.0f}")

exact_judged = sum(p * v * g for p, v, g in zip(Pr, verdicts, score, strict=True))
nudged = (up.probabilities - down.probabilities) @ verdicts / (2 * h)
seen, replies, _ = converse(logits, m, rng)
which = 4 * replies[:, 0] + 2 * (seen[:, 1] - 1) + replies[:, 1]
terms = scores(logits, seen, replies) * verdicts[which][:, None, None]
mean, error = terms.mean(axis=0), terms.std(axis=0, ddof=1) / np.sqrt(m)
print(f"sampled {mean[:3, 0]}   standard error {error[:3, 0]}")
print(f"exact   {exact_judged[:3, 0].round(12) + 0}   (the first one by nudging: {nudged:.4f})")

# %% [markdown] label="judge-read" tags=["subslide"]
# For the angry customer the exact gradient is 0: this judge's thumb is down by then, whatever the second reply.
#
# This judge cannot be written as points $r(s,a)$ for single replies: a second refund is bad only *because* there was a
# first. The theorem does not mind, since $R(\tau)$ belongs to the whole path. Training a language model on human verdicts
# (lesson 11) is this case.
#
# There is a price. A good first reply is blamed when the second goes wrong. On average that evens out, and until then it
# is noise. Lessons 05 to 07 are about less of it.

# %% [markdown] label="convention" tags=["slide"] minutes=1
# > ### Convention card
# >
# > | question | in this course | elsewhere |
# > |---|---|---|
# > | what is in Pr(τ)? | start, policy **and** dynamics | some texts write the product of the policy's factors alone and call it the probability of a reply: right where the policy produces everything, as in text |
# > | sum or mean over time? | a **sum** over the steps of a trajectory | mean over steps or tokens: another weight for each length |
# > | and over trajectories? | a **mean**, 1/m each | the same |
# > | what is R(τ)? | the sum of the rewards; lesson 05 adds a discount γ | often called G, or the return from step 1 |
# > | objective or loss? | J is an **objective**: go up | libraries minimise the mean of −R(τ) Σ log π |
# > | whose samples? | the policy $\pi_\theta$ of this moment, in the real environment | lesson 10: samples of an older policy |
# > | does the gradient go through R or the dynamics? | **no**, through neither | methods with a model go through both, and need their slopes |

# %% [markdown] label="turn-log-text" tags=["slide"] minutes=7
# ## Your turn: the log-probability of a trajectory
#
# Write a function for **one** trajectory. `policy_probs` holds $\pi(a_t\mid s_t)$ for each step. `dynamics_probs` holds
# $\mathrm{Pr}(s_1)$ and then $\mathrm{Pr}(s_{t+1}\mid s_t,a_t)$ for each move to a further state. Return
# $\log\mathrm{Pr}_\theta(\tau)$.
#
# <details><summary>Hint 1</summary>
#
# The probability of a trajectory is a product of all these numbers. What does the logarithm make of a product?
#
# </details>
# <details><summary>Hint 2</summary>
#
# A long trajectory has a product that is too small for a float. Take logarithms before you combine anything.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `np.log(policy_probs)` gives the logarithm of each factor. Sum them; then do the same for the other array, and add the
# two.
#
# </details>


# %% label="turn-log" tags=["fragment"]
def trajectory_log_prob(policy_probs, dynamics_probs):
    """Return log Pr(τ), a number."""
    # BEGIN SOLUTION
    return np.log(policy_probs).sum() + np.log(dynamics_probs).sum()  # logs first: no underflow
    # END SOLUTION


# %% label="turn-log-check" tags=["skip"]
check("trajectory_log_prob", trajectory_log_prob)

# %% [markdown] label="turn-score-text" tags=["slide"] minutes=8
# ## Your turn: the score of a trajectory
#
# Now its gradient. `logits` has a row for each state, shape (S, A). `states` and `actions` hold $s_t$ and $a_t$ of the steps
# of one trajectory, shape (T,). A state can be visited more than once. Return
# $\partial\log\mathrm{Pr}_\theta(\tau)/\partial\,\text{logits}$, shape (S, A).
#
# <details><summary>Hint 1</summary>
#
# Each step gives one row: one-hot of its action, minus the policy of its state. To which row of the result does it belong?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Begin with zeros in the shape of `logits`. Go through the steps and *add* each step's row to the row of its state.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `policy.score(logits[s], a)` is the row of one step, and `g[s] += …` adds it. Mind that `g[states] += …` without a loop
# counts a state that occurs twice only once.
#
# </details>


# %% label="turn-score" tags=["fragment"]
def trajectory_score(logits, states, actions):
    """Return the gradient of log Pr(τ) with respect to the logits, shape (S, A)."""
    # BEGIN SOLUTION
    g = np.zeros(np.shape(logits))
    for s, a in zip(states, actions, strict=True):
        g[s] += policy.score(logits[s], a)  # one-hot minus π, in the row of the state
    return g
    # END SOLUTION


# %% label="turn-score-check" tags=["skip"]
check("trajectory_score", trajectory_score)

# %% [markdown] label="quiz-text" tags=["slide"] minutes=5
# ## Quiz
#
# The first question is the derivation once more, now from memory. Each option has its reason; read also the reasons of those you did not choose.

# %% label="quiz" tags=["fragment"]
Quiz("04")

# %% [markdown] label="recap" tags=["slide"] minutes=1
# ## Recap
#
# 1. A trajectory's probability is a product: of the policy's factors, and of the dynamics'.
# 2. Its logarithm is a sum of two parts. $\theta$ stands in the policy part alone, so the dynamics part has gradient
#    exactly 0.
# 3. The dynamics stay in $\mathrm{Pr}_\theta(\tau)$, and the environment itself draws with them. No model of it is needed.
# 4. $\frac{\partial J}{\partial\theta}=\mathbb E_\tau\left[\bigl(\sum_t\partial\log\pi_\theta(a_t\mid s_t)/\partial\theta\bigr)R(\tau)\right]$:
#    the policy gradient theorem, in the form that is also called likelihood-ratio identity.
# 5. Differentiating $R$ gives 0, dropping the sum over $t$ loses the early steps. $R$ is only a weight: a judge at the end
#    will do.

# %% [markdown] label="next" tags=["skip"]
# **Next:** [lesson 05](05_reinforce.ipynb) makes this estimator an algorithm, REINFORCE, and shows what to leave out of it. (The
# map is in [00 · Start here](00_start_here.ipynb).)
#
# *Sources.* Notation and the course of the derivation: T. Xiao and J. Zhu, *Foundations of Large Language Models*,
# chapter 4 (2025). The theorem: R. S. Sutton, D. McAllester, S. Singh and Y. Mansour, *Policy gradient methods for
# reinforcement learning with function approximation* (2000). Estimates from trajectories alone: R. J. Williams, *Simple
# statistical gradient-following algorithms for connectionist reinforcement learning* (1992).
