# %% [markdown] label="title" tags=["slide"] minutes=1
# # 06 · Baselines
#
# This lesson is about one line:
#
# $$\mathbb E\left[\frac{\partial\log\pi_\theta(a\mid s)}{\partial\theta}\,b(s)\right]=0$$

# %% [markdown] label="aims" tags=["subslide"]
# After it you will be able to
#
# - **prove** that line in three steps, and **say** what $b$ may depend on and what not,
# - **derive** the height $b$ at which an estimate has the smallest variance,
# - **compute** by hand what a state is worth, and **say** when that is a good height,
# - **tell** what becomes of the gradient when $b$ is the mean of a batch,
# - **choose** between six baselines by their bias and their noise.
#
# *About 55 minutes, and 15 more for the exercises. You need lesson 05: reward-to-go, and that its gradient is noisy.*

# %% label="setup" tags=["skip"]
import numpy as np
from course_utils import estimators, figures, learning_curves, policy, rollout, worlds
from course_utils.checks import check
from course_utils.widgets import BaselineLab, BaselineTable, Predict, Quiz

np.set_printoptions(precision=4, suppress=True)

# %% [markdown] label="puzzle" tags=["slide"] minutes=5
# ## A hundred points for everyone
#
# The support assistant of lessons 04 and 05 replies twice: to an angry *first message*, then to a customer who is *calm*
# or still *angry*. Each reply, *refund* or *apologise*, earns points.
#
# The quality team becomes generous. Every reply now gets **100 points more**, whatever it is. No reply is better than
# another because of that.
#
# You estimate the gradient of the performance $J$ from sampled conversations: each reply's score times the return
# $R(\tau)$. The **variance** is that of one conversation's gradient: its mean squared distance from the exact gradient,
# all entries together.

# %% label="predict-hundred-points" tags=["subslide"]
Predict("06-hundred-points")

# %% label="puzzle-code" answers="hundred-points" tags=["subslide"]
states = ["first message", "calm", "angry"]
logits = np.log([[0.5, 0.5], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])  # the last row: closed
support = worlds.conversation()
generous = worlds.conversation(rewards=support.rewards[:3] + 100)
both_worlds = {"as it was": support, "100 more": generous}

# No samples: the world is gone through, all eight conversations of it.
exact = support.policy_gradient(logits)
variance = {}
for name, world in both_worlds.items():
    paths = world.enumerate_trajectories(logits)
    mean, variance[name] = estimators.exact_moments(
        paths, logits, estimators.total_return(paths)
    )
    print(f"{name:10s} J = {world.performance(logits):6.2f}", end="   ")
    print(f"∂J/∂logits of refund: {world.policy_gradient(logits)[:3, 0]}")
    print(f"{'':10s} one conversation: mean {mean[:3, 0]}   variance {variance[name]:.2f}")
print(f"the variance grew by a factor of {variance['100 more'] / variance['as it was']:.0f}")

# %% [markdown] label="puzzle-read" answers="hundred-points" tags=["subslide"]
# The exact gradient is the same to the last digit. The estimate is unbiased in both worlds. And its variance has
# grown 7,348 times.
#
# (Every conversation has two replies, so each return grows by 200. Where an episode's length depends on the actions,
# 100 points a step would pay for long episodes, and that is another task.)
#
# What does it cost you? Ask how many conversations you need until the estimate's typical error is a tenth
# of the gradient's length. The typical error is $\sqrt{\text{variance}/m}$.

# %% label="puzzle-sample" answers="hundred-points" tags=["subslide"]
rng = np.random.default_rng(6)
m, batches = 500, 300
squared_length = (exact**2).sum()
cloud = {}
for name, world in both_worlds.items():
    record = rollout.from_mdp(world, logits, m * batches, rng)
    each = estimators.score_gradients(logits, record, estimators.total_return(record))
    cloud[name] = each.reshape(batches, m, 4, 2).mean(axis=1)  # one estimate for each batch
    squared = ((cloud[name] - exact) ** 2).sum(axis=(1, 2))
    measured = np.sqrt(squared.mean())
    error = squared.std(ddof=1) / np.sqrt(batches) / (2 * measured)
    needed = 100 * variance[name] / squared_length
    print(f"{name:10s} m = {m}: typical error {measured:.3f} ± {error:.3f}", end="")
    print(f"   exact {np.sqrt(variance[name] / m):.3f}   m needed {needed:9,.0f}")
print(f"length of the exact gradient: {np.sqrt(squared_length):.3f}")

# %% label="puzzle-figure" answers="hundred-points" tags=["subslide", "folded"]
# Draws 300 estimates of each world beside the exact gradient, two entries of each.
fig, axes = figures.new_figure(7.2, 3.4, columns=2)
for ax, (name, dots) in zip(axes, cloud.items(), strict=True):
    ax.plot(dots[:, 0, 0], dots[:, 1, 0], ".", color=figures.SAMPLED, ms=5)
    ax.plot(exact[0, 0], exact[1, 0], "D", mfc="none", mec=figures.EXACT, ms=9)
    ax.plot(exact[0, 0] + [0.7, 10.2], exact[1, 0] + [0.8, 12.2], color=figures.EXACT, lw=1)
    ax.text(10, 13, "exact")
    ax.set(xlim=(-17, 17), ylim=(-17, 17), title=name)
    ax.set(xlabel="refund at the first message", ylabel="refund, calm customer")
figures.show(
    fig,
    alt="Two panels of the same scale, each with 300 estimates of two entries of the gradient "
    "and the exact one. As it was, all estimates lie on the exact value. With 100 points "
    "more they are spread over a large part of the panel.",
)

# %% [markdown] label="puzzle-figure-read" answers="hundred-points" tags=["subslide"]
# Each dot is the mean of 500 conversations. On the left they sit on the exact gradient; 825 conversations would
# bring the typical error to a tenth of its length. On the right you would need more than six million.
#
# Look at what a sample says. Every return is now near 200, so **every** reply that was taken is praised, with nearly the
# same weight. Refund drawn: refund up. Apology drawn: apology up. The small difference between them is all you want to know.

# %% [markdown] label="lemma" tags=["slide"] minutes=5
# ## Subtract it again
#
# What the team added, you can subtract. And why only that? Subtract any number $b$, a **baseline**, from the return:
#
# $$\frac{\partial\log\pi_\theta(a\mid s)}{\partial\theta}\,\bigl(R-b\bigr).$$
#
# May you? It changes the mean gradient by $-\mathbb E\left[b\;\partial\log\pi\right]$. Look at this mean term by term. Take
# one state with three replies, *refund*, *replace* and *apologise*. They have probabilities 0.5, 0.3 and 0.2, and earn
# 11, 10 and 9 points.

# %% label="predict-three-terms" tags=["fragment"]
Predict("06-three-terms")

# %% label="lemma-code" answers="three-terms" tags=["subslide"]
actions = ["refund", "replace", "apologise"]
pi = np.array([0.5, 0.3, 0.2])
R = np.array([11.0, 10.0, 9.0])
score = np.eye(3) - pi  # row a: ∂ log π(a) / ∂z
d_pi = pi[:, None] * score  # row a: ∂π(a) / ∂z
b = 100.0

print("E[b ∂log π] = Σ π(a) b ∂log π(a), for the logit of refund:")
for a, action in enumerate(actions):
    term = pi[a] * b * score[a, 0]
    print(f"   {action:10s} {pi[a]:.1f} × {b:.0f} × {score[a, 0]:4.1f} = {term:6.1f}")
print(f"   sum {(pi * b * score[:, 0]).sum():z6.1f}")
print(f"b Σ ∂π(a) = {b:.0f} × ({' + '.join(f'({d:.2f})' for d in d_pi[:, 0])})", end="")
print(f" = {b * d_pi[:, 0].sum():z.1f}")
h, z = 1e-4, np.log(pi)
nudge = h * np.eye(3)[0]
up, down = policy.softmax(z + nudge).sum(), policy.softmax(z - nudge).sum()
print(f"b ∂ Σ π(a): the sum is {up:.4f} with the logit raised and {down:.4f} with it lowered")

# %% [markdown] label="lemma-read" answers="three-terms" tags=["subslide"]
# The contributions are 25, −15 and −10. They cancel, and they must. This is the **baseline lemma**:
#
# $$\mathbb E\left[b\,\frac{\partial\log\pi(a)}{\partial\theta}\right]=\sum_a\pi(a)\,b\,\frac{\partial\log\pi(a)}{\partial\theta}\;\overset{1}{=}\;b\sum_a\frac{\partial\pi(a)}{\partial\theta}\;\overset{2}{=}\;b\,\frac{\partial}{\partial\theta}\sum_a\pi(a)\;\overset{3}{=}\;b\,\frac{\partial}{\partial\theta}1=0.$$
#
# 1. $\pi\,\partial\log\pi=\partial\pi$, and $b$ is the same in all terms, so it moves in front of the sum.
# 2. The sum of derivatives is the derivative of the sum.
# 3. Probabilities always sum to 1, and a constant has no slope.
#
# Step 1 needs that $b$ is **the same for all actions** $a$. It does not need that $b$ is the same in all states: the sum
# runs over the actions of one state. So $b$ may be a function $b(s)$.

# %% [markdown] label="lemma-action" tags=["slide"] minutes=2
# ### A baseline that looks at the action
#
# A colleague subtracts more from *refund*, “because refunds always earn more”: $b=11$ for a refund, and 9 for the other two.

# %% label="predict-colleague" tags=["fragment"]
Predict("06-colleague")

# %% label="lemma-action-code" answers="colleague" tags=["subslide"]
g = pi @ (R[:, None] * score)
b_of_action = np.array([11.0, 9.0, 9.0])
biased = pi @ ((R - b_of_action)[:, None] * score)
print(f"exact gradient       {g}")
print(f"with b(a) subtracted {biased}")
print(f"bias                 {biased - g}")
print(f"−Σ b(a) ∂π(a)        {-b_of_action @ d_pi}")

# %% [markdown] label="lemma-action-read" answers="colleague" tags=["fragment"]
# Step 1 breaks: $b(a)$ stays inside the sum. What is left is $-\sum_a b(a)\,\partial\pi(a)$, and that is the gradient of
# $-\mathbb E[b(a)]$. The colleague has changed the task: the refund now pays no more than an apology, and its gradient
# went from 0.35 to −0.15. The best reply would be unlearned.

# %% [markdown] label="height" tags=["slide"] minutes=6
# ## How high?
#
# Every $b$ gives the same mean. They differ in their variance. For the three replies above one number suggests itself, their
# mean reward $V=\sum_a\pi(a)R(a)=10.3$: it is called the **value**. In the lab below you move $b$ and watch the cloud of
# samples and its variance. (Its box *b depends on the action* is the colleague's idea: tick it, and the mean of the
# samples leaves the exact gradient.)

# %% label="predict-lowest" tags=["subslide"]
Predict("06-lowest")

# %% label="height-lab" answers="lowest" tags=["subslide"]
BaselineLab(rewards=R, logits=np.log(pi), actions=actions)

# %% label="height-code" answers="lowest" tags=["subslide"]
squared_score = (score**2).sum(axis=1)  # |∂ log π(a)|² of each action


def variance_with(b):
    """Exact variance of one sample's gradient, all three entries together."""
    return pi @ (squared_score * (R - b) ** 2) - g @ g


V = pi @ R
print("variance of one sample's gradient, exact")
for b in [0.0, 9.0, 9.8, 10.0, V, 11.0, 20.0]:
    print(f"b = {b:5.2f}   variance {variance_with(b):9.4f}")
print(f"by enumeration, b = 0: {pi @ ((R[:, None] * score - g) ** 2).sum(axis=1):.4f}")

# %% [markdown] label="height-read" answers="lowest" tags=["subslide"]
# The curve is a **parabola**. A baseline that is too high is as bad as one that is too low: at 0 and at 20 the variance is
# above 62, and between them it falls below 0.2. The lowest point lies near 10, and not at $V=10.3$.

# %% [markdown] label="best" tags=["slide"] minutes=5
# ### The best height
#
# Where is the lowest point? Two steps are enough.
#
# **Step 1: write the variance.** The variance of a vector is the mean of its squared length minus the squared length of
# its mean. The mean is the gradient $g$, for every $b$ (that was the lemma). So
#
# $$\mathrm{Var}(b)=\mathbb E\left[\Bigl|\tfrac{\partial\log\pi}{\partial\theta}\Bigr|^2(R-b)^2\right]-|g|^2 .$$
#
# **Step 2: set its slope to 0.** Only the first term contains $b$:
#
# $$-2\,\mathbb E\left[\Bigl|\tfrac{\partial\log\pi}{\partial\theta}\Bigr|^2(R-b)\right]=0\quad\Longrightarrow\quad b^*=\frac{\mathbb E\left[\bigl|\frac{\partial\log\pi}{\partial\theta}\bigr|^2R\right]}{\mathbb E\left[\bigl|\frac{\partial\log\pi}{\partial\theta}\bigr|^2\right]} .$$
#
# So $b^*$ is a mean of the rewards, and each reward counts with $\pi(a)$ **times the squared length of its score**. $V$ is
# the mean that counts with $\pi(a)$ alone. Which actions have long scores?

# %% label="best-code" answers="lowest" tags=["subslide"]
for a, action in enumerate(actions):
    weight = pi[a] * squared_score[a]
    print(f"{action:10s} π = {pi[a]:.1f}   |score|² = {squared_score[a]:.2f}", end="")
    print(f"   π |score|² = {weight:.3f}   R = {R[a]:.0f}")
best = (pi * squared_score) @ R / (pi @ squared_score)
print(f"V  = {V:.4f}   variance {variance_with(V):.4f}")
print(f"b* = {best:.4f}   variance {variance_with(best):.4f}")
tried = np.linspace(9, 11, 2_001)
lowest = tried[np.argmin([variance_with(b) for b in tried])]
print(f"lowest of 2,001 heights tried: {lowest:.3f}")
gap = (pi @ squared_score) * (V - best) ** 2
print(f"E|score|² (V − b*)² = {gap:.4f}   variance at V minus at b*: ", end="")
print(f"{variance_with(V) - variance_with(best):.4f}")

# %% [markdown] label="best-read" answers="lowest" tags=["subslide"]
# Rare actions have long scores: the squared length is 0.98 for *apologise*, 0.38 for *refund*. Their samples push hardest,
# so $b^*$ leans to their rewards. Here it is 9.990, below $V=10.3$.
#
# Yet almost everything is gained at $V$ already: from 62.07 to 0.2472, and the last bit to 0.1877. The last line
# has a formula for how much $V$ leaves on the table. If all scores are equally long (three replies, one third each) the two
# coincide.
#
# That is why $V$ is what everybody subtracts. It is nearly the best, it can be learned from returns without a look at any
# score, and $R-V$ has a meaning: *better than usual*. Lesson 07 is about that.

# %% [markdown] label="turn-best-text" tags=["slide"] minutes=8
# ### Your turn: the best baseline
#
# A softmax policy has the action probabilities `probabilities`, shape (n,), in its only state, and `rewards` holds the reward
# of each action. Return $b^*$, the constant with the smallest variance, one number.
#
# <details><summary>Hint 1</summary>
#
# $b^*$ is a weighted mean of the rewards: sum of weight times reward, over the sum of weights. What is the weight of
# action $a$?
#
# </details>
# <details><summary>Hint 2</summary>
#
# The weight is $\pi(a)$ times the squared length of the score of $a$: all entries of the vector, squared and summed.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `np.eye(n) - probabilities` has the score of action $a$ as row $a$. Square it and sum over axis 1: one squared length for
# each action.
#
# </details>


# %% label="turn-best" tags=["fragment"]
def best_baseline(probabilities, rewards):
    """Return b*, a number."""
    # BEGIN SOLUTION
    squared_lengths = ((np.eye(len(probabilities)) - probabilities) ** 2).sum(axis=1)
    weights = probabilities * squared_lengths
    return weights @ rewards / weights.sum()
    # END SOLUTION


# %% label="turn-best-check" tags=["skip"]
check("best_baseline", best_baseline)

# %% [markdown] label="hurts" tags=["slide"] minutes=5
# ### Does V always help?
#
# “Subtracting $V$ always lowers the variance.” You will read this often. Try it on two replies: *refund* earns 1 and
# *apologise* 0, and the assistant has already learned it: it refunds with probability $p$. Then $V=p$.

# %% label="predict-nearly-certain" tags=["fragment"]
Predict("06-nearly-certain")

# %% label="hurts-code" answers="nearly-certain" tags=["subslide"]
print("   p        V       b*   variance: b = 0      b = V     b = b*")
for p in [0.5, 0.6, 2 / 3, 0.8, 0.95, 0.99]:
    two = np.array([p, 1 - p])
    length = ((np.eye(2) - two) ** 2).sum(axis=1)
    points = np.array([1.0, 0.0])
    b_star = (two * length) @ points / (two @ length)
    slope = two @ (points[:, None] * (np.eye(2) - two))
    row = [two @ (length * (points - b) ** 2) - slope @ slope for b in (0, p, b_star)]
    print(f"{p:.3f}   {p:.3f}   {b_star:.3f}   {row[0]:15.7f} {row[1]:10.7f}", end="")
    print(f" {row[2]:z10.7f}")

# %% [markdown] label="hurts-read" answers="nearly-certain" tags=["subslide"]
# The parabola says why. It is symmetric about $b^*$, and no baseline is the height 0. So $V$ is worse than nothing **if it is
# farther from $b^*$ than 0 is**. Here $b^*=1-p$, and the two are equally far where $p-(1-p)=1-p$, which is $p=\tfrac23$.
# **Beyond two thirds, $V$ is worse than no baseline.** At $p=0.95$ its variance is 324 times that of no baseline.
#
# Look at the samples. With $b=0$ an apology has weight 0 and pushes nothing, while the many refunds push a little each, since
# their score is short. With $b=V$ the rare apology gets weight −0.95 and a long score. One sample in twenty makes a jump.

# %% [markdown] label="hurts-rule" answers="nearly-certain" tags=["subslide"]
# So the sentence is a good rule where the policy is still undecided. It can fail once a policy prefers a good action
# and the others happen to earn about 0, most of all when it is nearly certain. See it with three replies: *refund*
# earns 10 and has probability 0.98; the others earn 0. Drag $b$ from 0 to $V$, and watch the few dots that jump.

# %% label="hurts-lab" answers="nearly-certain" tags=["subslide"]
BaselineLab(preset="nearly_certain", actions=actions)

# %% label="hurts-lab-check" answers="nearly-certain" tags=["subslide"]
sure, points = np.array([0.98, 0.01, 0.01]), np.array([10.0, 0.0, 0.0])
weights = sure * ((np.eye(3) - sure) ** 2).sum(axis=1)
slope = sure * (points - sure @ points)
at_0, at_V = (weights @ (points - b) ** 2 - slope @ slope for b in (0, sure @ points))
print(f"V = {sure @ points:.1f}   b* = {weights @ points / weights.sum():.3f}")
print(f"variance with b = 0: {at_0:.4f}   with b = V: {at_V:.4f}")

# %% [markdown] label="hurts-lab-read" answers="nearly-certain" tags=["fragment"]
# $V$ is at 9.8 and $b^*$ close to 0. Subtracting $V$ makes the variance more than 3,000 times as large.

# %% [markdown] label="values" tags=["slide"] minutes=5
# ## What a state is worth
#
# The lemma allows one baseline for each state. The usual one is the **state value**
#
# $$V(s)=\mathbb E\left[\,G_t\mid s_t=s\,\right],\qquad G_t=r_t+r_{t+1}+\dots$$
#
# what the policy still earns from $s$ on, on average. ($G_t$ is the reward-to-go of lesson 05. With a single step it is
# $R$, and $V$ is the mean reward, as above.)
#
# Work it out from the back. The second reply ends the conversation, so for a *calm* customer only that reply counts. It is
# a refund with probability 0.2 (1 point) and an apology with 0.8 (3 points): $V(\text{calm})=0.2\cdot1+0.8\cdot3=2.6$. For an
# *angry* customer it is a refund with probability 0.6 (0 points) and an apology with 0.4 (−4 points).

# %% label="predict-angry-value" tags=["subslide"]
Predict("06-angry-value")

# %% label="values-code" answers="angry-value" tags=["subslide"]
V_calm = 0.2 * 1 + 0.8 * 3
V_angry = 0.6 * 0 + 0.4 * -4
after_refund = -1 + 0.8 * V_calm + 0.2 * V_angry  # costs a point; calm with probability 0.8
after_apology = 0 + 0.3 * V_calm + 0.7 * V_angry  # costs nothing; calm with probability 0.3
V_first = 0.5 * after_refund + 0.5 * after_apology
print("by hand, from the back:")
print(f"calm {V_calm:.2f}   angry {V_angry:.2f}   first message {V_first:.2f}")
print(f"J    {support.performance(logits):.2f}")
for name, world in both_worlds.items():
    paths = world.enumerate_trajectories(logits)
    with_V = estimators.value_baseline(paths, world.state_values(logits))
    moments = estimators.exact_moments(paths, logits, with_V)
    print(f"{name:10s} V {world.state_values(logits)[:3]}   variance {moments.variance:.4f}")

# %% [markdown] label="values-read" answers="angry-value" tags=["subslide"]
# For the first message, each reply counts half: its points at once, plus the values of the two states that may follow, each
# by its probability. That is 0.21, and it is $J$: every conversation begins there.
#
# And so the puzzle is solved. Subtract $V(s_t)$ from the reward-to-go of step $t$, and the hundred points are gone: the
# variance of one conversation is 3.5703 in both worlds. $V$ knows of the team's generosity. It grew by 200 where two replies
# are still to come, and by 100 where there is one.

# %% [markdown] label="batch" tags=["slide"] minutes=6
# ## Baselines from the batch
#
# Where do you get a number near $V$ when you know nothing but the returns of your own samples? There are three ideas, and
# they look alike. Ask of each: is $b$ the same, whatever reply $a_t$ was drawn?
#
# - **A: the mean of the conversation's own rewards-to-go.** $b=\frac1T\sum_tG_t$, where $T$ is the number of steps.
# - **B: the batch mean.** $b_t=\frac1m\sum_{j=1}^mG_t^{\,j}$, over all $m$ conversations of the batch.
# - **C: leave one out.** $b_t^{\,i}=\frac1{m-1}\sum_{j\ne i}G_t^{\,j}$: conversation $i$ is compared with the mean of *the others*.

# %% label="predict-three-means" tags=["subslide"]
Predict("06-three-means")

# %% label="batch-code" answers="three-means" tags=["subslide"]
paths = support.enumerate_trajectories(logits)
Pr, G = paths.probabilities, estimators.reward_to_go(paths)  # (8,) and (8, 2)


def mean_gradient(weights):
    return estimators.exact_moments(paths, logits, weights).mean


# all conversations (A), and all pairs of conversations (B and C with m = 2)
A = mean_gradient(G - G.mean(axis=1, keepdims=True))
B = sum(Pr[j] * mean_gradient(G - (G + G[j]) / 2) for j in range(8))
C = sum(Pr[j] * mean_gradient(G - G[j]) for j in range(8))
found = {"exact": exact, "A own mean": A, "B batch mean": B, "C leave one out": C}
for name, gradient in found.items():
    print(f"{name:16s} {gradient[:3, 0].round(12) + 0}")
print(f"B is half of exact: {np.allclose(B, exact / 2)}   C is exact: {np.allclose(C, exact)}")

# %% [markdown] label="batch-read" answers="three-means" tags=["subslide"]
# **A is wrong**, and not by a factor: at the first message it points the other way, and for the second replies it is 0.
# With two replies its weights are $r_1/2$ and $-r_1/2$. The points of the second reply have cancelled. Nothing that comes
# of the first reply counts any more, only that a refund costs a point.
#
# **B is too short by half.** Conversation $i$ is part of its own baseline, with weight $1/m$, and that takes a share of $1/m$
# of the gradient away. The other conversations are independent of $a_t$, and contribute 0. So
#
# $$\mathbb E[\text{estimate with the batch mean}]=\Bigl(1-\frac1m\Bigr)\frac{\partial J}{\partial\theta}.$$

# %% [markdown] label="batch-exact" answers="three-means" tags=["subslide"]
# **C is exact.** Leaving one's own return out removes the share that was lost.
#
# In every single batch B's weights are $1-\frac1m$ times C's. (Write out $G_t^{\,i}$ minus each mean.) So the direction is
# the same: the shrinkage is a **smaller step size**, with $m=100$ by one percent. With $m=1$ the batch mean is the sample
# itself, and nothing is ever learned. (Lesson 13 meets both again, under the names GRPO and RLOO.)

# %% [markdown] label="turn-leave-text" tags=["slide"] minutes=7
# ## Your turn: leave one out
#
# `returns` holds the returns $R_1,\dots,R_m$ of one batch, $m\ge2$. Return for each the advantage over the mean of *the
# others*: $R_i-\frac1{m-1}\sum_{j\ne i}R_j$, shape (m,).
#
# <details><summary>Hint 1</summary>
#
# For three returns 1, 2 and 6: what is the mean of the others for the first? For the second? How many numbers are in each
# of these means?
#
# </details>
# <details><summary>Hint 2</summary>
#
# The sum of the others is the sum of all, minus your own. That gives all $m$ sums at once.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `others = (returns.sum() - returns) / (m - 1)` with `m = len(returns)`. What is left to do is one subtraction.
#
# </details>


# %% label="turn-leave" tags=["fragment"]
def leave_one_out(returns):
    """Return each return minus the mean of the other ones, shape (m,)."""
    # BEGIN SOLUTION
    returns = np.asarray(returns)
    others = (returns.sum() - returns) / (len(returns) - 1)  # the mean without one's own
    return returns - others
    # END SOLUTION


# %% label="turn-leave-check" tags=["skip"]
check("leave_one_out", leave_one_out)

# %% [markdown] label="may" tags=["slide"] minutes=4
# ## What a baseline may depend on
#
# In a trajectory each step has its own lemma: given $s_t$, the action $a_t$ is drawn, and the sum over $a_t$ gives 0, **as
# long as $b$ is the same number whichever $a_t$ is drawn**. So ask one question of each candidate: *could it come out
# differently because of $a_t$?* Say *biased* or *not biased* to each line of the table; then its proof opens, by numbers,
# over all pairs of conversations.

# %% label="may-lab" tags=["subslide"]
BaselineTable()

# %% [markdown] label="may-read" tags=["subslide"]
# Whatever is settled before $a_t$ is drawn may enter: the time, the state, $\theta$ as it stands, all that happened earlier.
# So may everything that is independent of $a_t$: other conversations, last week's average, a die.
#
# Whatever comes *after* $a_t$ in the same conversation may not, because the action had a hand in it: the reward, the next
# state, the return.

# %% [markdown] label="compare" tags=["slide"] minutes=5
# ## All of them beside each other
#
# Back to the puzzle, in both worlds. Six estimators see the same 1,000 batches of ten conversations. All but the first weigh
# with reward-to-go, minus the baseline that is named. (*Best constant* is one number for both replies, the one with the smallest
# variance.) The table has for each
#
# - **bias**, or “not distinguishable from 0”, by a test that raises a false alarm once in a thousand lines; of a bias that
#   is found, the clearest entry, as [state, action],
# - **variance** of the estimate from one batch,
# - **SNR**, signal-to-noise ratio: squared length of the exact gradient over the variance,
# - **cosine** of the angle to the exact gradient, the mean over batches: 1 is the right direction.

# %% label="predict-who-notices" tags=["subslide"]
Predict("06-who-notices")

# %% label="compare-code" answers="who-notices" tags=["subslide"]
tables = {}
for name, world in both_worlds.items():
    paths, values = world.enumerate_trajectories(logits), world.state_values(logits)
    constant = estimators.optimal_baseline(paths, logits, paths.probabilities)
    six = {
        "total return": estimators.total_return,
        "reward-to-go": estimators.reward_to_go,
        "best constant": lambda record, b=constant: estimators.constant_baseline(record, b),
        "batch mean": estimators.batch_mean_baseline,
        "leave one out": estimators.leave_one_out_baseline,
        "V": lambda record, v=values: estimators.value_baseline(record, v),
    }
    draws = np.random.default_rng(6)  # the same in both worlds
    tables[name] = estimators.compare(six, world, logits, episodes=10, batches=1_000, rng=draws)
    print(f"{name}: best constant {constant:.3f}, V {values[:3]}")
    print(estimators.describe(tables[name]), end="\n\n")

# %% [markdown] label="compare-read" answers="who-notices" tags=["subslide"]
# Read the lower table first, where everybody earns 100 more.
#
# - *Total return* and *reward-to-go* drown. Their cosine is close to 0: hardly better than a direction drawn by chance.
# - The *best constant* takes away more than nine tenths of the variance, and is still hundreds of times noisier than
#   the ones below it.
# - *Batch mean*, *leave one out* and *V* do not notice the hundred points. Both tables are of the same draws, and these
#   three lines are the same.
# - One bias is found, that of the *batch mean*: with $m=10$ it has 0.9 of the gradient. Its cosine is that of *leave one
#   out*, and its variance is lower by the factor $0.9^2$.

# %% [markdown] label="compare-upper" answers="who-notices" tags=["subslide"]
# In the upper table the returns lie around 0 already. There *leave one out* is even **noisier** than no baseline: the mean of
# nine other conversations is a noisy number, and it knows nothing of the mood. *V* knows it: 2.6 points are to be expected
# of a calm customer and −1.6 of an angry one. It is the quietest in both.
#
# Less noise can mean faster learning: *Going deeper* has two figures of Sutton and Barto, with and without a baseline.

# %% [markdown] label="convention" tags=["slide"] minutes=1
# > ### Convention card
# >
# > | question | in this course | elsewhere |
# > |---|---|---|
# > | what may b depend on? | all that is fixed before $a_t$ is drawn, or independent of it | “action-dependent baselines” exist: they add the missing term back |
# > | does the gradient go through b? | **no**, b is a number | the same; a learned b has a loss of its own (lesson 09) |
# > | variance of a vector? | the **trace**: sum of the variances of its entries, of **one** episode unless a batch is named | some papers give each entry, or its root |
# > | batch mean or leave-one-out? | leave-one-out is unbiased; the batch mean is (1 − 1/m) times it | RLOO leaves one out, GRPO keeps it (lesson 13) |

# %% [markdown] label="quiz-text" tags=["slide"] minutes=4
# ## Quiz
#
# Each option has its reason. Read also the reasons of those you did not choose.

# %% label="quiz" tags=["fragment"]
Quiz("06")

# %% [markdown] label="recap" tags=["slide"] minutes=1
# ## Recap
#
# 1. $\mathbb E[b\;\partial\log\pi]=b\,\partial\sum_a\pi(a)=0$: a baseline changes no expectation, and it can change the
#    variance by orders of magnitude.
# 2. It may depend on all that is fixed before the action is drawn or independent of it, and on nothing that the
#    action had a hand in.
# 3. The variance is a parabola in $b$, lowest at $b^*=\mathbb E[|\partial\log\pi|^2R]\,/\,\mathbb E[|\partial\log\pi|^2]$. $V$ is
#    usually close to it. For a policy that already prefers a good action it can be worse than no baseline.
# 4. $V(s)$ is what the policy earns from $s$ on, on average; you compute it from the back.
# 5. The mean of one's own episode is a biased baseline. The batch mean shrinks the gradient by $1-\frac1m$, a smaller step
#    size; leave-one-out does not.

# %% [markdown] label="next" tags=["skip"]
# **Next:** [lesson 07](07_advantage.ipynb) gives $G_t-V(s_t)$ its name, the advantage, and finds cheaper estimates of it.
# (The map is in [00 · Start here](00_start_here.ipynb).)
#
# **Build it:** [stage 4](problem_sets/build.ipynb).
#
# *Sources.* Baselines: R. J. Williams, *Simple statistical gradient-following algorithms for connectionist
# reinforcement learning* (1992). The best height: E. Greensmith, P. L. Bartlett and J. Baxter,
# *Variance reduction techniques for gradient estimates in reinforcement learning* (2004). Figures 2.5 and 13.2: R. S. Sutton
# and A. G. Barto, *Reinforcement Learning: An Introduction* (2018). Leave-one-out: W. Kool, H. van Hoof
# and M. Welling, *Buy 4 REINFORCE samples, get a baseline for free!* (2019).

# %% [markdown] label="deeper" tags=["skip"]
# ## Going deeper
#
# ### What a baseline may depend on, in Python
#
# What each candidate takes away from the gradient, over all eight conversations: 0, or a bias.

# %% label="may-code" tags=["skip"]
paths = support.enumerate_trajectories(logits)
s, a, r = paths.states[:, :-1], paths.actions, paths.rewards
one = np.ones((8, 2))
refunded_before = np.stack([np.zeros(8), a[:, 0] == 0], axis=1)
candidates = {
    "a constant": 5 * one,
    "the time t": one * [3, 7],
    "the state s_t": np.array([5.0, 2.0, -4.0, 0.0])[s],
    "what was done before": 5 * refunded_before,
    "the action a_t": 5.0 * (a == 0),
    "the reward r_t": r,
    "the next state": 5.0 * (paths.states[:, 1:] == 1),
    "the own return": np.repeat(paths.returns[:, None], 2, axis=1),
}
taken_away = {name: mean_gradient(b) for name, b in candidates.items()}
taken_away["another's return"] = sum(
    Pr[j] * mean_gradient(one * paths.returns[j]) for j in range(8)
)
for name, bias in taken_away.items():
    verdict = "not biased" if np.allclose(bias, 0, atol=1e-12) else "biased"
    print(f"{name:22s} {verdict:10s}   taken away: {bias[:3, 0].round(12) + 0}")

# %% [markdown] label="deeper-may-read" tags=["skip"]
# The own return takes away the whole gradient, and nothing is left to learn from.

# %% [markdown] label="bandit" tags=["skip"]
# ### A gradient bandit
#
# Sutton and Barto's figure 2.5 is the puzzle of this lesson as an experiment. A **bandit** has one state
# and ten actions (“arms”). The mean rewards $q_*(a)$ are drawn from a normal distribution around **+4**, with standard
# deviation 1. Each pull of arm $a$ earns $q_*(a)$ plus standard normal noise. The policy is a softmax of ten logits
# $z$ (the book writes $H$), all 0 at the start. After each pull,
#
# $$z\leftarrow z+\alpha\,\bigl(R_t-\bar R_t\bigr)\,\frac{\partial\log\pi(a_t)}{\partial z},$$
#
# where $\bar R_t$ is the average of the rewards so far, or 0 for “without baseline”. Step sizes are $\alpha=0.1$ and 0.4,
# with 2,000 runs of 1,000 steps each.
#
# Does $\bar R_t$ include the present reward $R_t$? The book's formula (section 2.8) leaves it out; a footnote says that the
# runs of the figure included it. We include it, as the figure did. Including it is idea B above, and the second cell shows
# what it does. Which matters more, the step size or the baseline?

# %% label="bandit-code" tags=["skip"]
alpha = np.array([0.1, 0.1, 0.4, 0.4])[:, None]  # four settings at once
subtract = np.array([1, 0, 1, 0])[:, None]
runs, n_steps, pulls = 2_000, 1_000, np.random.default_rng(25)
q = pulls.normal(4.0, 1.0, size=(runs, 10))  # mean rewards: other arms in each run
z, average = np.zeros((4, runs, 10)), np.zeros((4, runs))
hits = np.zeros((n_steps, 4, runs), dtype=bool)
for t in range(n_steps):
    chances = policy.softmax(z)
    drawn = (chances.cumsum(axis=2) < pulls.random((4, runs, 1))).sum(axis=2).clip(max=9)
    reward = q[np.arange(runs), drawn] + pulls.normal(size=(4, runs))
    average += (reward - average) / (t + 1)
    push = alpha * (reward - subtract * average)
    z += push[..., None] * (np.eye(10)[drawn] - chances)
    hits[t] = drawn == q.argmax(axis=1)

# %% label="bandit-table" tags=["skip"]
labels = [f"α = {x:.1f}, {w} baseline" for x in (0.1, 0.4) for w in ("with", "without")]
at_end = hits[-100:].mean(axis=0)  # each run's share of best arms over the last 100 steps
final = 100 * at_end.mean(axis=1)
final_error = 100 * at_end.std(axis=1, ddof=1) / np.sqrt(runs)
for name, share, error in zip(labels, final, final_error, strict=True):
    print(f"{name:26s} best arm in the last 100 steps: {share:.1f} % ± {error:.1f} %")
seen = pulls.normal(4.0, 1.0, size=50)  # any fifty rewards
for t in (2, 10, 50):
    before, including = seen[: t - 1].mean(), seen[:t].mean()
    ratio = (seen[t - 1] - including) / (seen[t - 1] - before)
    print(f"t = {t:2d}: the push with R_t in the average is {ratio:.2f} of that without")

# %% label="bandit-figure" tags=["skip", "folded"]
# Draws the share of runs that choose the best arm against the step, for the four settings.
fig, (ax,) = figures.new_figure(7.2, 3.6)
curve = 100 * hits.mean(axis=2)
when = np.arange(1, n_steps + 1)
for k, name in enumerate(labels):
    color = figures.POLICY if subtract[k, 0] else figures.BELOW
    ax.plot(when, curve[:, k], color=color, lw=1, ls="-" if alpha[k, 0] < 0.2 else "--")
    ax.annotate(name, (n_steps * 1.01, final[k]), va="center", annotation_clip=False)
ax.set(xlim=(1, n_steps), ylim=(0, 100), xlabel="step", ylabel="% best arm")
figures.show(
    fig,
    alt="Share of runs that choose the best arm against the step, for four settings, all from "
    "10 percent. With a baseline: 0.1 climbs to 84 percent, 0.4 is faster at first and "
    "levels off at 72. Without: 0.1 reaches 50 percent and 0.4 reaches 28.",
)

# %% [markdown] label="bandit-read" tags=["skip"]
# The best arm's share in the last 100 steps of 2,000 runs, ± one standard error (the book says “optimal action”):
#
# | | with baseline | without |
# |---|---|---|
# | $\alpha=0.1$ | 83.6 % ± 0.8 % | 49.6 % ± 1.1 % |
# | $\alpha=0.4$ | 71.9 % ± 1.0 % | 28.2 % ± 1.0 % |
#
# The baseline matters more than the step size: with it, even the worse step size beats the better one without. The order is
# that of the book's figure. (The book prints no numbers to compare the heights with.)
#
# From step 100 on, both curves with a baseline lie above both without. Around +4, every arm that is pulled is praised.
# Whatever is drawn early becomes more probable, good or not, and with the large step size the policy is soon sure of it.
#
# Including $R_t$ in the average multiplies the push by $1-\frac1t$: a half at step 2, a tenth less at step 10, next to
# nothing later. (At step 1 both versions do nothing: the book sets $\bar R_1=R_1$.)

# %% [markdown] label="corridor" tags=["skip"]
# ### The short corridor with a baseline
#
# Does less noise mean faster learning? Sutton and Barto's figure 13.2 shows REINFORCE on the corridor of lesson 05, with and
# without a **learned** baseline. Each step costs one point. The three states of the corridor look the same to the policy, so
# it has one probability of *right* for all of them. The best performance is $v_*=-(6+4\sqrt2)\approx-11.66$.
#
# All states look the same to the baseline too. So it is one number $w$, which follows the returns:
#
# $$\delta=G_t-w,\qquad w\leftarrow w+\alpha^w\delta,\qquad\theta\leftarrow\theta+\alpha^\theta\,\delta\,\frac{\partial\log\pi(a_t)}{\partial\theta}.$$
#
# The step sizes are the book's: $\alpha=2^{-13}$ without baseline, $\alpha^\theta=2^{-9}$ and $\alpha^w=2^{-6}$ with it. The
# probability of *right* begins at 0.05, and no action's may sink below that, as in lesson 05: an episode in which it does might not end.

# %% label="corridor-code" tags=["skip"]
corridor = worlds.short_corridor()
theta = np.log([0.05, 0.95])  # right, left: as in lesson 05
runs, n_episodes = 100, 1_000
settings = {"runs": runs, "episodes": n_episodes, "rng": np.random.default_rng(13)}
plain = learning_curves.reinforce_runs(corridor, theta, step_sizes=[2**-13], **settings)[0]
helped = learning_curves.reinforce_runs(
    corridor, theta, step_sizes=[2**-9], value_step_size=2**-6, **settings
)[0]
best_J = -(6 + 4 * np.sqrt(2))
for name, returns in [("REINFORCE", plain), ("with baseline", helped)]:
    print(name)
    for first, last in [(1, 10), (51, 100), (901, 1_000)]:
        each = returns[:, first - 1 : last].mean(axis=1)  # of each run
        error = each.std(ddof=1) / np.sqrt(runs)
        print(f"   episodes {first:3d} to {last:4d}: {each.mean():7.2f} ± {error:.2f}")
print(f"v* = {best_J:.2f}")

# %% label="corridor-figure" tags=["skip", "folded"]
# Draws the mean return against the episode, with bands of one standard error.
fig, (ax,) = figures.new_figure(7.2, 3.6)
when = np.arange(5.5, n_episodes, 10)
for name, returns, color, ls in [
    ("REINFORCE, α = 2⁻¹³", plain, figures.BELOW, "--"),
    ("with baseline", helped, figures.POLICY, "-"),
]:
    blocks = returns.reshape(runs, -1, 10).mean(axis=2)  # means of 10 episodes, in each run
    mean, band = blocks.mean(axis=0), blocks.std(axis=0, ddof=1) / np.sqrt(runs)
    ax.fill_between(when, mean - band, mean + band, color=color, alpha=0.3, lw=0)
    ax.plot(when, mean, color=color, ls=ls, lw=1.3, label=name)
ax.axhline(best_J, color=figures.EXACT, lw=1, ls=":")
ax.annotate("v*", (n_episodes * 1.01, best_J), va="center", annotation_clip=False)
ax.set(
    xlim=(1, n_episodes), ylim=(-80, -5), xlabel="episode", ylabel="return, mean of 100 runs"
)
ax.legend(loc="lower right", frameon=False)
figures.show(
    fig,
    alt="Mean return of 100 runs against the episode, with bands of one standard error. With "
    "baseline the curve rises to the line of v* within about 100 episodes. REINFORCE alone "
    "takes several hundred.",
)

# %% label="corridor-large" tags=["skip"]
settings = {"runs": 50, "episodes": 200, "rng": np.random.default_rng(9)}
same_step = learning_curves.reinforce_runs(corridor, theta, step_sizes=[2**-9], **settings)[0]
each = same_step[:, 100:].mean(axis=1)
error = each.std(ddof=1) / np.sqrt(50)
print(f"α = 2⁻⁹ without baseline, episodes 101 to 200: {each.mean():.2f} ± {error:.2f}")

# %% [markdown] label="corridor-read" tags=["skip"]
# In episodes 51 to 100 the runs with baseline earn −12.69 ± 0.21, close to what they earn at the end. REINFORCE alone is at −37.18 ± 0.83 by then.
# In the last 100 episodes (mean over the runs ± one standard error) it is **−12.18 ± 0.11 with baseline**, **−12.27 ± 0.11
# without**. As in the book's figure, both end near $v_*$, and the baseline gets there much sooner.
#
# What does the baseline do? Returns begin near −80, all below 0. Without a baseline *every* step that was taken is blamed, with a
# large weight, and only a small step size survives that. With $\alpha=2^{-9}$ and no baseline the runs are
# far from their goal, and earn −29.53 ± 2.56 in episodes 101 to 200. Once $w$ has come down to the usual return, a step is
# blamed or praised for what was *unusual*, and the step size may be 16 times larger.

# %% [markdown] label="length" tags=["skip"]
# ### Longer episodes, more noise
#
# How fast does the noise grow with the length of an episode? For one small task you can have the answer as a formula. In
# each step the policy *stays* (reward 1) with probability $p$, or *stops* (reward 0, the end). Let $q=1-p$, and let $L$ be the
# number of stays. An episode has $L+1$ steps, on average $1/q$. Its value is $V=\mathbb E[L]=p/q$ at every step, because
# the task does not remember.
#
# The score of *stay* is $q\,(1,-1)$, that of *stop* $-p\,(1,-1)$. Now each estimator is a polynomial in $L$. The scores of an
# episode sum to $(qL-p)(1,-1)=q(L-V)(1,-1)$, so
#
# - **total return**: $\;g=L\cdot q(L-V)$ times $(1,-1)$,
# - **total return minus V**: $\;g=q(L-V)^2$ times $(1,-1)$.
#
# With reward-to-go, the stays have the weights $L,L-1,\dots,1$ and the stop has 0:
#
# - **reward-to-go**: $\;g=q\,(L+(L-1)+\dots+1)=\tfrac q2L(L+1)$ times $(1,-1)$,
# - **reward-to-go minus V**: $\;g=\tfrac q2L(L+1)-V\,q(L-V)$ times $(1,-1)$.
#
# $L$ has a geometric distribution, $\mathrm{Pr}(L)=p^Lq$, whose moments are in every table:
# $\mathbb E[L]=\frac pq$, $\mathbb E[L^2]=\frac{p(1+p)}{q^2}$, $\mathbb E[L^3]=\frac{p(1+4p+p^2)}{q^3}$,
# $\mathbb E[L^4]=\frac{p(1+11p+11p^2+p^3)}{q^4}$.
# For the total return, for example, $\mathbb E[g^2]=q^2\,\mathbb E[L^4]-2pq\,\mathbb E[L^3]+p^2\,\mathbb E[L^2]$. Subtract the
# square of the mean, $p^2/q^2$, and double it, since there are two logits. Multiplied out, all four are short:
#
# | estimator | variance | divided by the squared gradient $2p^2/q^2$ |
# |---|---|---|
# | total return | $2p\,(1+8p+4p^2)/q^2$ | $(1+8p+4p^2)/p$ |
# | total return − V | $2p\,(1+6p+p^2)/q^2$ | $(1+6p+p^2)/p$ |
# | reward-to-go | $2p\,(1+3p+p^2)/q^2$ | $(1+3p+p^2)/p$ |
# | reward-to-go − V | $2p\,(1+p)/q^2$ | $(1+p)/p$ |
#
# How does the variance grow when episodes become ten times as long? And which of the four would you use?

# %% label="length-code" tags=["skip"]
closed_form = {
    "total return": lambda p: 2 * p * (1 + 8 * p + 4 * p**2) / (1 - p) ** 2,
    "total return − V": lambda p: 2 * p * (1 + 6 * p + p**2) / (1 - p) ** 2,
    "reward-to-go": lambda p: 2 * p * (1 + 3 * p + p**2) / (1 - p) ** 2,
    "reward-to-go − V": lambda p: 2 * p * (1 + p) / (1 - p) ** 2,
}


def weightings(record, V):
    """The weights of the four estimators; V is the value while playing."""
    total, to_go = estimators.total_return(record), estimators.reward_to_go(record)
    baseline = V * record.mask
    return {
        "total return": total,
        "total return − V": total - baseline,
        "reward-to-go": to_go,
        "reward-to-go − V": to_go - baseline,
    }


short = worlds.geometric_mdp(horizon=60)  # at p = 0.5 a longer episode has probability 2⁻⁶⁰
even = np.zeros((2, 2))
listed = short.enumerate_trajectories(even)
print("p = 0.5     by the formula   by enumeration")
for name, weights in weightings(listed, V=1.0).items():
    enumerated = estimators.exact_moments(listed, even, weights).variance
    print(f"{name:17s} {closed_form[name](0.5):8.4f} {enumerated:16.4f}")

# %% label="length-sample" tags=["skip"]
game, episodes = worlds.geometric_mdp(), 20_000
staying = np.array([0.2, 0.4, 0.6, 0.8, 0.9])
measured = {name: [] for name in closed_form}
for p in staying:
    play_logits = np.array([[np.log(p), np.log(1 - p)], [0.0, 0.0]])
    record = rollout.from_mdp(game, play_logits, episodes, rng)
    gradient = game.policy_gradient(play_logits)
    for name, weights in weightings(record, V=p / (1 - p)).items():
        each = estimators.score_gradients(play_logits, record, weights)
        squared = ((each - gradient) ** 2).sum(axis=(1, 2))
        measured[name].append((squared.mean(), squared.std(ddof=1) / np.sqrt(episodes)))
for name, pairs in measured.items():
    v, error = pairs[-1]
    print(
        f"p = 0.9   {name:17s} {closed_form[name](0.9):7.1f}   measured {v:7.1f} ± {error:.1f}"
    )
for p in (0.5, 0.9, 0.99):
    row = [f"{formula(p):9,.0f}" for formula in closed_form.values()]
    print(f"p = {p:.2f}, {1 / (1 - p):3.0f} steps on average: variances {''.join(row)}")

# %% label="length-figure" tags=["skip", "folded"]
# Draws the four exact curves against p, with the sampled variances as marks on them.
fig, (ax,) = figures.new_figure(7.2, 3.8)
grid = np.linspace(0.1, 0.95, 200)
marks = dict(zip(closed_form, "os^D", strict=True))
for name, formula in closed_form.items():
    ax.plot(grid, formula(grid), color=figures.EXACT, lw=1)
    v, error = np.array(measured[name]).T
    look = {"fmt": marks[name], "color": figures.SAMPLED, "mec": figures.SAMPLED_INK}
    ax.errorbar(staying, v, 2 * error, label=name, **look)
for name, raised in zip(
    closed_form, (7, 1, -5, -3), strict=True
):  # so that the names do not touch
    at = (0.95, closed_form[name](0.95))
    ax.annotate(name, at, (5, raised), textcoords="offset points", va="center", fontsize=9)
ax.set(xlim=(0.1, 0.95), yscale="log", xlabel="probability p of staying")
ax.set(ylabel="variance of one episode's gradient")
figures.show(
    fig,
    alt="Four exact curves of the variance against p, on a log axis, all rising steeply "
    "towards p = 1: from the top total return, total return minus V, reward-to-go, "
    "reward-to-go minus V. Sampled marks with error bars lie on the curves.",
)

# %% [markdown] label="length-read" tags=["skip"]
# Every one of them explodes with $1/q^2$: the **square of the mean length** $1/q$. Ten times longer episodes have about a
# hundred times the variance. With total returns it goes from 24 at 2 steps to 2,059 at 10 and 254,240 at 100.
#
# The sampled marks lie on the curves; two standard errors are about as large as a mark. Do not trust them too far: most of the variance comes from a few very long
# episodes, and a sample that happens to lack them underestimates it, *and* its own error.
#
# In this task the gradient grows as well, with $1/q$. So look at the last column of the table: how large the variance is
# beside the squared gradient. As $p\to1$ the four come to 13, 8, 5 and 2. For the same precision, total returns need 13
# episodes where reward-to-go minus V needs 2. And which two pieces did it: dropping the past (13 to 5), and subtracting V
# (5 to 2).
