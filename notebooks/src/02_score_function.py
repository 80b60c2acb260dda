# %% [markdown] label="title" tags=["slide"] minutes=1
# # 02 · The score function
#
# Which way do the parameters push a log-probability? This lesson is about one vector:
#
# $$\frac{\partial \log\pi(a)}{\partial z}=\text{one-hot}(a)-\pi$$

# %% [markdown] label="aims" tags=["subslide"]
# After it you will be able to
#
# - **derive** this vector, the *score*, for a softmax policy, and **see** it as an arrow,
# - **check** it in two ways that do not trust the derivation,
# - **compute** its mean under the policy, exactly and with samples,
# - **compute** its covariance, the *Fisher information*, and say what it measures,
# - **tell** the score from the gradient of $\pi$, and say why rare actions have large scores.
#
# *About 40 minutes. You need [lesson 01](01_policies.ipynb): logits, softmax, shares of draws and their standard error.*

# %% label="setup" tags=["skip"]
import numpy as np
from course_utils import figures, policy
from course_utils.checks import check
from course_utils.widgets import Predict, Quiz, ScoreExplorer

np.set_printoptions(precision=4, suppress=True)

# %% [markdown] label="question" tags=["slide"] minutes=2
# ## It went well. Now what?
#
# The support assistant drew *replace*, and the customer was happy. Next time it should reply like that a little more
# often. The logits $z$ are its parameters. How should it change them?
#
# Here is the plan: raise $\log\pi(replace)$, and take the direction in which it rises fastest. That direction is the
# **gradient**, one derivative for each logit. Why the *logarithm* of $\pi$? Lesson 03 is about that. For now it is enough
# that $\log\pi$ rises exactly when $\pi$ does.
#
# To find it, nudge each logit up by the same small amount, one at a time.

# %% label="predict-nudges" tags=["subslide"]
Predict("02-nudges")

# %% label="question-code" answers="nudges" tags=["subslide"]
actions = ["refund", "replace", "apologise"]
pi = np.array([0.5, 0.3, 0.2])
logits = np.log(pi)  # one choice of logits that gives this policy
h = 1e-5


def nudge(f, z):
    """Return how f answers to a small change of each entry of z (central differences)."""
    return np.array([(f(z + h * e) - f(z - h * e)) / (2 * h) for e in np.eye(len(z))])


slopes = nudge(lambda z: policy.log_softmax(z)[1], logits)  # 1 is replace
print("one logit at a time:")
for action, slope in zip(actions, slopes, strict=True):
    print(f"slope of log π(replace) in the logit of {action:10s} {slope:7.4f}")

# %% [markdown] label="question-read" answers="nudges" tags=["subslide"]
# The function `nudge` goes a small step $h$ up and a small step down, and divides the difference by $2h$. Such *central
# differences* need no formula. They will be our witness in the whole lesson.
#
# Look at the three numbers: −0.5, 0.7, −0.2. For the other two actions they are *minus their probabilities*. For
# *replace* itself, 0.7 is $1-0.3$. Where do such round numbers come from?

# %% [markdown] label="score" tags=["slide"] minutes=4
# ## The score of a softmax policy
#
# Now derive them. The logarithm turns the fraction of the softmax into a difference of two parts:
#
# $$\log\pi_a=\log\frac{e^{z_a}}{\sum_c e^{z_c}}=z_a-\log\sum_c e^{z_c}$$
#
# Take the derivative with respect to a logit $z_b$, part by part.
#
# **First part.** $z_a$ changes with $z_b$ only if they are the same logit. Write $[b=a]$ for the number that is 1 if
# $b=a$ and 0 otherwise. The derivative is $[b=a]$. Put into a vector, that is **one-hot(a)**: 1 at action $a$, 0
# elsewhere.

# %% [markdown] label="score-second" tags=["subslide"]
# **Second part.** By the chain rule the derivative of a logarithm is one over its inside, times the derivative of the
# inside:
#
# $$\frac{\partial}{\partial z_b}\log\sum_c e^{z_c}=\frac{1}{\sum_c e^{z_c}}\cdot e^{z_b}=\pi_b$$
#
# Out comes the probability of $b$. It does not matter which action $a$ was taken.
#
# **Together:**
#
# $$\frac{\partial\log\pi_a}{\partial z_b}=[b=a]-\pi_b$$
#
# This vector is called the **score** of action $a$. Watch the two parts, each by nudging.

# %% label="score-parts" tags=["subslide"]
a = 1  # replace
first = nudge(lambda z: z[a], logits)
second = nudge(lambda z: np.log(np.exp(z).sum()), logits)
print(f"first part    {first}   one-hot(a)")
print(f"second part   {second}   the probabilities")
print(f"difference    {first - second}   the score")

# %% [markdown] label="three-ways" tags=["slide"] minutes=1
# ### Three ways, one vector
#
# By hand, by nudging, by the package: for each action that could have been taken.


# %% label="three-ways-code" tags=["subslide"]
def nudged_score(a):
    """Return the score of action a by central differences, as a witness."""
    return nudge(lambda z: policy.log_softmax(z)[a], logits)


gaps = []  # below, z in a format writes −0 as 0
for a, action in enumerate(actions):
    by_hand = np.eye(3)[a] - pi
    by_package = policy.score(logits, a)
    gaps += [abs(by_hand - nudged_score(a)).max(), abs(by_hand - by_package).max()]
    print(f"{action:10s} by hand {by_hand}   sum of the entries {by_package.sum():z.4f}")
print(f"largest difference below 1e-9: {max(gaps) < 1e-9}")

# %% [markdown] label="three-ways-read" tags=["fragment"]
# The entries of a score sum to 0: one minus a sum of probabilities that is 1. You could have known. Adding the same
# number to all logits changes no probability (lesson 01), so a score has no part in that direction.

# %% [markdown] label="score-turn-text" tags=["slide"] minutes=3
# ### Your turn: the score
#
# Write a function that takes the logits of one state and the index of an action, and returns the score.
#
# <details><summary>Hint 1</summary>
#
# You need two vectors of the same length, and their difference.
#
# </details>
# <details><summary>Hint 2</summary>
#
# One is the softmax of the logits. The other is 0 everywhere, except for one place.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Let `policy.softmax` compute the probabilities, so that large logits do no harm. Turn their signs, and add 1 at the
# place of the action.
#
# </details>


# %% label="score-turn" tags=["fragment"]
def score(logits, action):
    """Return the gradient of log π(action) with respect to the logits, shape (n,)."""
    # BEGIN SOLUTION
    gradient = -policy.softmax(logits)
    gradient[action] += 1
    return gradient
    # END SOLUTION


# %% label="score-check" tags=["skip"]
check("score", score)

# %% [markdown] label="see" tags=["slide"] minutes=4
# ## See it: the policy is a point, the score an arrow
#
# Three probabilities that sum to 1 are a point of a triangle, the **simplex**. Its corners are the policies that always
# take the same action. In the corner of *refund* the probabilities are (1, 0, 0).
#
# But (1, 0, 0) is also *one-hot(refund)*. So the score, $\text{one-hot}(a)-\pi$, is the difference between a corner and the
# point $\pi$. It is **the arrow from the policy to the corner of the action that was taken**.
#
# The arrow says how the *logits* are pushed. The policy itself does not travel along it: how far and where it moves is a
# matter of the matrix $F$, below.

# %% label="predict-arrows" tags=["subslide"]
Predict("02-arrows")

# %% [markdown] label="see-try" tags=["fragment"]
# Drag the point π. (Keyboard: Tab to it, then the arrow keys. Or type probabilities into the table.)

# %% label="see-lab" tags=["subslide"]
explorer = ScoreExplorer(pi, actions)
explorer

# %% [markdown] label="rare" tags=["slide"] minutes=2
# ### Common and rare actions
#
# Follow one action as it becomes rare, while the other two share the rest evenly.

# %% label="rare-code" answers="arrows" tags=["subslide"]
print("from nearly certain to rare:")
for p in [0.99, 0.9, 0.5, 0.1, 0.01, 0.001]:
    z = np.log([p, (1 - p) / 2, (1 - p) / 2])
    s = policy.score(z, 0)
    print(f"π = {p:5.3f}   score {s}   length {np.linalg.norm(s):.4f}", end="")
    print(f"   times π {p * np.linalg.norm(s):.4f}")
print(f"√1.5 = {np.sqrt(1.5):.4f}, √2 = {np.sqrt(2):.4f}")

# %% [markdown] label="rare-read" answers="arrows" tags=["subslide"]
# The entry of the action taken is $1-\pi_a$. For an action that was almost certain it is nearly 0: *this happens anyway,
# there is little left to push*. For a rare one it is nearly 1.
#
# A surprise pushes the logits hard, and the expected hardly at all. But the push has a limit. The arrow lies inside the
# triangle, and the longest way there is from corner to corner: $\sqrt2\approx1.414$.
#
# Rare actions do not take over, because they are rare. How much an action pushes *on average* is its length times the
# probability of drawing it, the last column: small at both ends.

# %% [markdown] label="mean" tags=["slide"] minutes=5
# ## Its mean
#
# The assistant draws actions from $\pi$. Each draw has its score. Where do they point, on average?

# %% label="predict-mean" tags=["fragment"]
Predict("02-mean")

# %% [markdown] label="mean-try" tags=["subslide"]
# In the lab above, press *draw 1* a few times, then *draw 10*, then *draw 100*. A thick line goes from $\pi$ to the
# mean of the scores so far. Then tick *shorten each arrow by its probability* and look at the three arrows.

# %% label="mean-code" answers="mean" tags=["fragment"]
scores = np.eye(3) - pi  # row a: the score of action a
print(f"π = {pi}")
print(f"exact mean: {sum(pi[a] * scores[a] for a in range(3)).round(12) + 0}")

rng = np.random.default_rng(3)
for m in [10, 1_000, 100_000]:
    drawn = policy.sample(np.tile(logits, (m, 1)), rng)
    sampled = policy.score(np.tile(logits, (m, 1)), drawn)
    mean, error = sampled.mean(axis=0), sampled.std(axis=0, ddof=1) / np.sqrt(m)
    print(f"m = {m:6d}   sampled {mean.round(12) + 0}   standard error {error}")

# %% [markdown] label="mean-explain" answers="mean" tags=["subslide"]
# The average is **0**, for any policy. The action that is drawn often has a short arrow, the one that is drawn rarely a
# long one, and they balance at the point $\pi$, as weights do at a centre of gravity:
#
# $$\sum_a \pi_a\bigl([b=a]-\pi_b\bigr)=\pi_b-\pi_b\sum_a\pi_a=\pi_b-\pi_b=0$$
#
# It has a deeper reason, which holds for every policy, softmax or not. The derivative of a logarithm is
# $\partial\log\pi_a=\partial\pi_a/\pi_a$. So the weight $\pi_a$ cancels:
#
# $$\sum_a \pi_a\,\frac{\partial\log\pi_a}{\partial z_b}=\sum_a\frac{\partial\pi_a}{\partial z_b}=\frac{\partial}{\partial z_b}\sum_a\pi_a=\frac{\partial}{\partial z_b}\,1=0$$
#
# Probabilities always sum to 1. If some rise, others must fall by as much.
#
# So scores *alone* push nowhere, on average. They need a weight: how good the action turned out. That comes in lesson 03.

# %% label="mean-figure" answers="mean" tags=["subslide", "folded"]
# Draws the length of the mean of m scores, beside its typical length.
m = 2_000
drawn = policy.sample(np.tile(logits, (m, 1)), np.random.default_rng(5))
count = np.arange(1, m + 1)
running = scores[drawn].cumsum(axis=0) / count[:, None]
typical = np.sqrt((pi * (1 - pi)).sum() / count)  # exact: root of the mean squared length

fig, (ax,) = figures.new_figure(7.2, 2.6)
ax.plot(count, typical, color=figures.EXACT)
ax.plot(count, np.linalg.norm(running, axis=1), ".", ms=3, color=figures.SAMPLED)
ax.axhline(0, color=figures.EXACT, lw=1)
ax.annotate("typical length (exact)", (5, 0.38))
ax.annotate("exact mean: 0", (1.1, 0.03))
ax.annotate("length of the mean of m scores", (60, 0.16), color=figures.SAMPLED_INK)
ax.set(
    xscale="log", xlim=(0.9, m), xlabel="number of draws m", ylabel="length", ylim=(-0.05, 1.1)
)
figures.show(
    fig,
    alt="The length of the mean score against the number of draws, on a logarithmic axis. "
    "It falls towards 0 around a curve that shrinks as one over the square root of m.",
)

# %% [markdown] label="mean-figure-read" answers="mean" tags=["fragment"]
# Each dot is the length of the mean of the first $m$ scores. The dots fall along the curve: a hundred times as
# many draws, a tenth of the length.

# %% [markdown] label="whose" tags=["subslide"] minutes=1
# **Whose mean?** It is 0 under the policy that the score belongs to, and under no other. Draw the actions evenly, and
# keep the scores of $\pi$:

# %% label="whose-code" tags=["fragment"]
evenly = np.full(3, 1 / 3)
print(f"mean of the scores of π, actions drawn from π:      {(pi @ scores).round(12) + 0}")
print(f"mean of the scores of π, actions drawn evenly:      {evenly @ scores}")
print(f"the way from π to the even policy, (1/3, 1/3, 1/3) − π: {evenly - pi}")

# %% [markdown] label="whose-read" tags=["fragment"]
# The mean of the arrows leads from $\pi$ to the policy that really drew. Only if that is $\pi$ itself does it lead
# nowhere. Remember this when samples come from an older policy (lesson 10).

# %% [markdown] label="fisher" tags=["slide"] minutes=4
# ## Its covariance is the Fisher information
#
# The mean is 0, but a single score is not. How do scores scatter? That is their **covariance**: the mean of products of
# their entries. For the score it has a name, the **Fisher information** $F$:
#
# $$F_{bc}=\sum_a\pi_a\,\bigl([b=a]-\pi_b\bigr)\bigl([c=a]-\pi_c\bigr)$$
#
# Multiply out. The four products average to $[b=c]\,\pi_b$, then twice $-\pi_b\pi_c$, then $+\pi_b\pi_c$. Together:
#
# $$F=\operatorname{diag}(\pi)-\pi\pi^{\mathsf T},\qquad F_{bb}=\pi_b(1-\pi_b),\qquad F_{bc}=-\pi_b\pi_c\ \ (b\ne c)$$

# %% label="predict-fisher" tags=["subslide"]
Predict("02-fisher")

# %% label="fisher-code" answers="fisher" tags=["subslide"]
F = np.diag(pi) - np.outer(pi, pi)
by_definition = sum(pi[a] * np.outer(scores[a], scores[a]) for a in range(3))
m = 100_000
drawn = policy.sample(np.tile(logits, (m, 1)), np.random.default_rng(3))
products = scores[drawn, :, None] * scores[drawn, None, :]
print(f"exact, diag(π) − π πᵀ:\n{F}")
print(f"as by its definition, to 1e-15: {abs(F - by_definition).max() < 1e-15}")
print(f"sampled, m = {m}:\n{products.mean(axis=0)}")
print(f"standard error:\n{products.std(axis=0, ddof=1) / np.sqrt(m)}")
for p in [np.array([0.98, 0.01, 0.01]), evenly]:
    print(f"π = {p.round(2)}: diagonal {p * (1 - p)}, sum {(p * (1 - p)).sum():.4f}")

# %% [markdown] label="fisher-explain" answers="fisher" tags=["subslide"]
# (One standard error is 0. At $\pi=0.5$ the entry of the score is +0.5 or −0.5, so its square is always 0.25.)
#
# The ellipse in the lab *is* this matrix: its shape is $F$, its size shrinks as $1/\sqrt m$ with the number $m$ of
# draws. The standard errors of lesson 01 were its diagonal: $\sqrt{F_{bb}/m}=\sqrt{\pi_b(1-\pi_b)/m}$.
#
# The sum of this diagonal is largest when the policy is even. A policy that is almost certain has almost no scatter:
# its scores are nearly all the same tiny arrow.

# %% [markdown] label="information" tags=["slide"] minutes=2
# ### Information about what?
#
# $F$ also says how much the *policy* changes when its *logits* do. Change $z$ by a small vector $d$. The usual measure of
# how far the new policy $\pi'$ is from the old is the **Kullback–Leibler divergence**, the mean of $\log\pi_a-\log\pi'_a$
# over actions from $\pi$. For small changes
#
# $$\mathrm{KL}(\pi\,\|\,\pi')=\sum_a\pi_a\log\frac{\pi_a}{\pi'_a}\approx\tfrac12\,d^{\mathsf T}F\,d .$$

# %% label="predict-furthest" tags=["subslide"]
Predict("02-furthest")

# %% label="information-code" answers="furthest" tags=["subslide"]
print("changes of length 0.1:")
for name, d in [
    ("refund up", [1, 0, 0]),
    ("refund up, apologise down", [1, 0, -1]),
    ("all three up", [1, 1, 1]),
]:
    d = 0.1 * np.array(d) / np.linalg.norm(d)
    exact = policy.kl_divergence(logits, logits + d)
    print(f"{name:26s} KL {exact:z.6f}   ½ d F d {0.5 * d @ F @ d:z.6f}")

# %% [markdown] label="information-read" answers="furthest" tags=["fragment"]
# Of the three, raising one logit and lowering another moves the policy most. Raising all does nothing: in that direction the
# information is 0.
#
# Lesson 10 uses this KL as a leash, and in its *Going deeper* $F$ comes back as a step: where the gradient is $g$, the
# *natural gradient* is the direction $d$ with $F\,d=g$. It measures a step by how far it moves the policy, and not by how
# far it moves the logits.

# %% [markdown] label="fisher-turn-text" tags=["slide"] minutes=2
# ### Your turn: the Fisher information
#
# Write a function that takes the *probabilities* of $n$ actions and returns the $n\times n$ matrix $F$.
#
# <details><summary>Hint 1</summary>
#
# Each entry is a mean over actions. There is a way with a loop over actions, and one without.
#
# </details>
# <details><summary>Hint 2</summary>
#
# With a loop: start from zeros, and for each action add the product of its score with itself, weighted by the action's
# probability.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Put all scores into one matrix $S$, row $a$ for action $a$. Then $F=S^{\mathsf T}\operatorname{diag}(\pi)\,S$. In NumPy:
# multiply the rows of $S$ by the probabilities, then `S.T @ …`.
#
# </details>


# %% label="fisher-turn" tags=["fragment"]
def fisher_information(probabilities):
    """Return the covariance of the score under the policy, shape (n, n)."""
    # BEGIN SOLUTION
    S = np.eye(len(probabilities)) - probabilities
    return S.T @ (np.asarray(probabilities)[:, None] * S)
    # END SOLUTION


# %% label="fisher-check" tags=["skip"]
check("fisher_information", fisher_information)

# %% [markdown] label="not" tags=["slide"] minutes=4
# ## Three vectors that are not the score
#
# Two slips are so common that you should know them by their numbers.
#
# **The gradient of $\pi$ instead of $\log\pi$.** By the chain rule $\partial\pi_a=\pi_a\,\partial\log\pi_a$. So this is
# the score times $\pi_a$: the same direction, another length. Often drawn actions get too much weight.
#
# **The one-hot forgotten.** What remains is $-\pi$, whatever action was taken. It does not know what happened.
#
# A third is the **sign**: $\pi-\text{one-hot}(a)$ points away from the corner.

# %% label="predict-tests" tags=["subslide"]
Predict("02-tests")

# %% label="not-code" answers="tests" tags=["subslide"]
candidates = {
    "score": scores,
    "gradient of π": pi[:, None] * scores,
    "one-hot forgotten": np.tile(-pi, (3, 1)),
    "sign turned": -scores,
}
witness = np.array([nudged_score(a) for a in range(3)])
for name, rows in candidates.items():  # row a: what it returns when a was taken
    sums = np.allclose(rows.sum(axis=1), 0)
    centred = np.allclose(pi @ rows, 0)
    agrees = np.allclose(rows, witness, atol=1e-8)
    print(f"{name:18s} replace: {rows[1]}", end="")
    print(f"   sums 0: {sums!s:5s}  mean 0: {centred!s:5s}  nudging: {agrees}")
print(f"mean of the gradient of π: {pi @ candidates['gradient of π']}")

# %% [markdown] label="not-read" answers="tests" tags=["subslide"]
# The sum of the entries catches only the forgotten one-hot. The mean under $\pi$ catches the gradient of $\pi$ too: its
# mean points to *refund*, the action that is drawn most. A learner who used it would be pushed towards its own habits
# even where every action earns the same.
#
# Neither catches the turned sign. Nudging catches all three. When you write a gradient, nudge it.

# %% [markdown] label="convention" tags=["slide"] minutes=1
# > ### Convention card
# >
# > | question | in this course | elsewhere |
# > |---|---|---|
# > | gradient with respect to what? | the **logits** z: one-hot − π | network weights θ: by the chain rule (∂z/∂θ)ᵀ (one-hot − π) |
# > | which sign? | the score points **uphill** on log π | the gradient of the cross-entropy loss −log π is π − one-hot: the same vector turned round |
# > | mean 0 under whom? | the policy that is differentiated | samples of another policy: not 0 |
# > | sum or mean? | one score for each action; no sum yet | lesson 04: a sum over the steps of a conversation |

# %% label="convention-code" tags=["fragment"]
W = np.array([[0.4, -0.2], [0.1, 0.3], [-0.5, 0.6]])  # weights θ: three actions, two features
x = np.array([1.0, 2.0])  # the features of a state; its logits are W x
chain_rule = np.outer(policy.score(W @ x, 1), x)
nudged = nudge(lambda w: policy.log_softmax(w.reshape(3, 2) @ x)[1], W.ravel()).reshape(3, 2)
print(f"chain rule and nudging agree: {np.allclose(chain_rule, nudged, atol=1e-8)}")

# %% [markdown] label="quiz-text" tags=["slide"] minutes=3
# ## Quiz
#
# Each option has its reason. Read also the reasons of those you did not choose.

# %% label="quiz" tags=["fragment"]
Quiz("02")

# %% [markdown] label="recap" tags=["slide"] minutes=1
# ## Recap
#
# 1. The score of a softmax policy is $\partial\log\pi_a/\partial z=\text{one-hot}(a)-\pi$: the arrow from the policy to
#    the corner of the action.
# 2. It raises the logit of the action taken and lowers all others, each by its own probability. Its entries sum to 0.
# 3. Rare actions have long scores, at most $\sqrt2$. Weighted by how often they are drawn, all scores balance: the mean
#    under $\pi$ is 0.
# 4. The covariance of the score is the Fisher information $\operatorname{diag}(\pi)-\pi\pi^{\mathsf T}$: how far the policy moves when
#    the logits do.
# 5. The gradient of $\pi$ is $\pi_a$ times the score, and its mean is not 0. Nudging tells them apart.

# %% [markdown] label="next" tags=["skip"]
# **Next:** [lesson 03](03_log_derivative_trick.ipynb) gives each score a weight, and makes an average that you can only
# sample differentiable.
#
# *Sources.* The score in policy gradients: R. J. Williams, *Simple statistical gradient-following algorithms for
# connectionist reinforcement learning* (1992). Its covariance as a measure of how far a policy moves: S. Kakade, *A
# natural policy gradient* (2001). Notation: T. Xiao and J. Zhu, *Foundations of Large Language Models*, chapter 4 (2025).
