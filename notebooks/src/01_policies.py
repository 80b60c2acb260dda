# %% [markdown] label="title" tags=["slide"] minutes=1
# # 01 · Policies
#
# How does a program choose at random, and still have preferences?

# %% [markdown] label="aims" tags=["subslide"]
# After this lesson you will be able to
#
# - **turn** preferences into probabilities with the softmax, and say what a shift and a temperature do to them,
# - **measure** how undecided a policy is, with its entropy,
# - **draw** actions from a policy, and say how far the shares may lie from the probabilities,
# - **explain** why a learner needs probabilities and not only the best action,
# - **compute** a softmax where the obvious code fails.
#
# *About 40 minutes. You need Python, derivatives and expectations, and nothing about reinforcement learning.*

# %% label="setup" tags=["skip"]
import math

import numpy as np
from course_utils import figures, policy
from course_utils.checks import check
from course_utils.widgets import PolicyExplorer, Predict, Quiz

np.set_printoptions(precision=4, suppress=True)

# %% [markdown] label="scene" tags=["slide"] minutes=1
# ## One message, three replies
#
# A support assistant receives an angry message. That is its situation, the **state** $s$. It can reply in three ways,
# its **actions** $a$: give a *refund*, *replace* the product, or *apologise* and do nothing else.
#
# It has preferences. For each action it keeps one number, a **logit** $z_a$. A logit can be any number, also a negative
# one. The larger it is, the more the assistant likes the action.

# %% [markdown] label="scene-policy" tags=["subslide"]
# Which reply should it give? It could always take the one with the largest logit. It will not. It draws its reply at
# random, and gives the replies that it likes more often. The rule by which it draws is its **policy**: $\pi(a\mid s)$ is
# the probability of action $a$ in state $s$.
#
# So you need a way from any three numbers to three probabilities.

# %% [markdown] label="softmax" tags=["slide"] minutes=2
# ## From preferences to probabilities
#
# Probabilities are not negative, and they sum to 1. Two moves get you there.
#
# 1. Take $e^{z_a}$. Whatever the logit is, this is positive, and it grows with the logit.
# 2. Divide by the sum over all actions $b$. Then the results sum to 1.
#
# Together the two moves are the **softmax**:
#
# $$\pi(a\mid s)=\frac{e^{z_a}}{\sum_b e^{z_b}}$$
#
# From here on $\pi_a$ is short for $\pi(a\mid s)$, as long as there is only one state.

# %% label="softmax-by-hand" tags=["subslide"]
actions = ["refund", "replace", "apologise"]
logits = np.array([1.0, 0.5, -0.5])

exponentials = np.exp(logits)
pi = exponentials / exponentials.sum()
for action, z, e, p in zip(actions, logits, exponentials, pi, strict=True):
    print(f"{action:10s} logit {z:5.2f}   e to the logit {e:6.4f}   probability {p:.4f}")
print(f"sum of the probabilities: {pi.sum():.4f}")

# %% [markdown] label="softmax-package-text" tags=["fragment"]
# The package has this as one function. The two agree.

# %% label="softmax-package" tags=["fragment"]
print(policy.softmax(logits))
print(f"largest difference below 1e-15: {abs(policy.softmax(logits) - pi).max() < 1e-15}")

# %% [markdown] label="ratio" tags=["slide"] minutes=3
# ## What does one logit do?
#
# One of the three logits goes up by 1. First say which way the probabilities go.

# %% label="predict-ratio" tags=["fragment"]
Predict("01-ratio")

# %% [markdown] label="ratio-bars" tags=["subslide"]
# And how far? In the lab below *drag the dashed bars* to the probabilities you expect, then press *reveal the
# probabilities*. After that drag the logits as you like. (Mouse, finger or keyboard: press Tab until a bar
# has a ring, then use the arrow keys. You can also type into the table.)

# %% label="ratio-lab" tags=["subslide"]
explorer = PolicyExplorer([2.0, 0.5, -0.5], actions, predict_first=True)
explorer

# %% label="ratio-code" answers="ratio" tags=["subslide"]
raised = policy.softmax([2.0, 0.5, -0.5])
print(f"before: {pi}   replace : apologise = {pi[1] / pi[2]:.4f}")
print(f"after:  {raised}   replace : apologise = {raised[1] / raised[2]:.4f}")
print(f"refund : replace  was {pi[0] / pi[1]:.4f}, is {raised[0] / raised[1]:.4f}, ", end="")
print(f"that is {raised[0] / raised[1] / (pi[0] / pi[1]):.4f} times as much")

# %% [markdown] label="ratio-explain" answers="ratio" tags=["subslide"]
# The probability of *refund* goes from 0.547 to 0.766. It cannot double: that would be more than 1.
#
# What multiplies is the **ratio** of two probabilities. The sum in the denominator is the same for both, so it cancels:
#
# $$\frac{\pi_a}{\pi_b}=\frac{e^{z_a}}{e^{z_b}}=e^{z_a-z_b}$$
#
# One more in the logit of *refund* makes its ratio to each other action $e\approx2.718$ times as large. The ratio of
# *replace* to *apologise* does not contain $z_{refund}$ at all. So it stays at 2.718, which is $e^{0.5-(-0.5)}$.
#
# Still, both *lose probability*, and *replace* loses more. They keep their proportions and share what *refund* leaves
# over.

# %% [markdown] label="shift" tags=["slide"] minutes=1
# ## All logits at once
#
# The ratios contain differences of logits. What if all of them move together?

# %% label="predict-shift" tags=["fragment"]
Predict("01-shift")

# %% [markdown] label="shift-try" tags=["subslide"]
# Go back to the lab and move the slider *shift all logits*. Then read on.

# %% label="shift-code" answers="shift" tags=["fragment"]
for c in [0.0, 5.0, -20.0]:
    print(f"shift {c:5.1f}   logits {logits + c}   probabilities {policy.softmax(logits + c)}")

# %% [markdown] label="shift-explain" answers="shift" tags=["fragment"]
# Nothing happens: **only differences count**. A shift $c$ multiplies every $e^{z_a}$ by the same $e^{c}$, above and below
# the line of the fraction:
#
# $$\frac{e^{z_a+c}}{\sum_b e^{z_b+c}}=\frac{e^{c}\,e^{z_a}}{e^{c}\sum_b e^{z_b}}=\pi_a$$
#
# A logit of 3 says nothing until you know the others. You will meet this
# **shift invariance** again.

# %% [markdown] label="temperature" tags=["slide"] minutes=2
# ## Temperature
#
# How strongly should preferences show? Divide all logits by a number $\kappa>0$ (kappa), the **temperature**:
#
# $$\pi_a=\frac{e^{z_a/\kappa}}{\sum_b e^{z_b/\kappa}}$$
#
# Move the temperature slider in the lab, down to 0.1 and up to 10. What does the policy become?

# %% label="temperature-code" tags=["subslide"]
for kappa in [0.1, 0.5, 1.0, 2.0, 10.0]:
    print(f"temperature {kappa:4.1f}   probabilities {policy.softmax(logits, kappa)}")

# %% [markdown] label="temperature-explain" tags=["fragment"]
# A **low** temperature stretches the differences: at 0.1 the assistant gives a refund in more than 99 of 100 cases. As
# $\kappa$ goes to 0, the softmax becomes the rule *always take the largest logit*, the **argmax**.
#
# A **high** temperature shrinks the differences: at 10 the three replies are almost equally probable.
#
# The order of the actions never changes. Temperature sets how much the order matters.

# %% [markdown] label="entropy" tags=["slide"] minutes=3
# ## Entropy
#
# How undecided is a policy? One number for that is the **entropy**. Begin with one action. How *surprised* are you to see it? The usual measure is
# $-\log\pi_a$: 0 for an action that was certain, large for a rare one. The entropy is the surprise that you must expect:
#
# $$H(\pi)=-\sum_a \pi_a\log\pi_a$$
#
# With the natural logarithm its unit is the *nat*.

# %% label="predict-entropy" tags=["subslide"]
Predict("01-entropy")

# %% label="entropy-code" answers="entropy" tags=["subslide"]
for p in [(1.0, 0.0, 0.0), (0.5, 0.5, 0.0), (1 / 3, 1 / 3, 1 / 3)]:
    H = 0.0
    for x in p:
        if x > 0:  # an action that is never taken adds nothing
            H += x * -math.log(x)
    print(f"π = ({p[0]:.3f}, {p[1]:.3f}, {p[2]:.3f})   H = {H:.4f}")
print(f"log 1 = {math.log(1):.4f}, log 2 = {math.log(2):.4f}, log 3 = {math.log(3):.4f}")

# %% [markdown] label="entropy-explain" answers="entropy" tags=["fragment"]
# An action of probability 0 adds nothing: it is never seen. A policy that spreads evenly over $k$ actions has entropy
# $\log k$. With $n$ actions nothing goes above $\log n$: the most undecided policy treats all alike. The bar beside the
# entropy in the lab shows how far up the way to $\log n$ you are.
#
# Here is our assistant, at five temperatures, with the package's function. It takes logits. Entropy rises with
# temperature.

# %% label="entropy-package" tags=["subslide"]
for kappa in [0.1, 0.5, 1.0, 2.0, 10.0]:
    print(f"temperature {kappa:4.1f}   entropy {policy.entropy(logits / kappa):.4f}", end="")
    print(f"   of at most {math.log(3):.4f}")

at_random = 3 * np.random.default_rng(0).normal(size=(100_000, 3))
print(f"largest entropy among 100,000 random policies: {policy.entropy(at_random).max():.4f}")

# %% [markdown] label="entropy-turn-text" tags=["slide"] minutes=3
# ### Your turn: entropy
#
# Write a function that takes logits and returns the entropy of their softmax policy. One row of logits gives one
# number; several rows give one number for each.
#
# <details><summary>Hint 1</summary>
#
# Turn the logits into probabilities first. Then you need one product for each action, and their sum.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Each product is probability times log-probability. The sum is negative or 0, so there is a minus in front of it.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `policy.softmax` gives the probabilities, `policy.log_softmax` their logarithms. Multiply the two arrays, sum over the
# last axis, and change the sign.
#
# </details>


# %% label="entropy-turn" tags=["fragment"]
def entropy(logits):
    """Return H(π) in nats, for logits of shape (..., n)."""
    # BEGIN SOLUTION
    log_pi = policy.log_softmax(logits)  # finite, also where a probability rounds to 0
    return -(np.exp(log_pi) * log_pi).sum(axis=-1)
    # END SOLUTION


# %% label="entropy-check" tags=["skip"]
check("entropy", entropy)

# %% [markdown] label="sampling" tags=["slide"] minutes=2
# ## Sampling
#
# A computer gives you random numbers $u$, spread evenly between 0 and 1. How do you get an action from one?
#
# Cut the line from 0 to 1 into pieces, one for each action, as long as its probability. Then see in which piece $u$
# falls. A piece of length 0.547 is hit with probability 0.547.

# %% label="sampling-code" tags=["subslide"]
rng = np.random.default_rng(1)
ends = np.cumsum(pi)  # where each piece ends
print(f"the pieces end at {ends}")
for u in rng.random(5):
    a = np.argmax(u < ends)  # the first piece whose end lies beyond u
    print(f"u = {u:.4f}   draws {actions[a]}")

# %% [markdown] label="sampling-predict" tags=["slide"] minutes=3
# ### Exact beside sampled
#
# The **share** of an action among $m$ draws is off by chance. The **standard error** says how far off it usually is:
#
# $$\text{standard error}=\sqrt{\frac{\pi_a(1-\pi_a)}{m}}$$

# %% label="predict-counts" tags=["fragment"]
Predict("01-counts")

# %% [markdown] label="sampling-try" tags=["subslide"]
# In the lab below press *draw 100* a few times, and *clear draws* to begin again. The dots are the shares. The bands
# reach two standard errors up and down from the exact probabilities. How do dots and bands move as the draws grow?

# %% label="sampling-lab" tags=["subslide"]
PolicyExplorer(logits, actions, seed=4)

# %% label="sampling-table" tags=["subslide"]
for m in [100, 10_000]:
    drawn = policy.sample(np.tile(logits, (m, 1)), rng)  # one row of logits for each draw
    share = np.bincount(drawn, minlength=3) / m
    error = np.sqrt(pi * (1 - pi) / m)
    print(f"m = {m:6d}   sampled {share}   standard error {error}")
print(f"             exact   {pi}")

# %% [markdown] label="sampling-within-text" tags=["subslide"]
# How often is a share within two standard errors? You can compute it. The number of refunds among 100 draws follows the
# binomial distribution, so add up the probabilities of all counts that are near enough. Then hold it against 10,000
# experiments of 100 draws each.

# %% label="sampling-within" answers="counts" tags=["fragment"]
m, p = 100, pi[0]
near = 2 * math.sqrt(p * (1 - p) / m)
counts = [k for k in range(m + 1) if abs(k / m - p) <= near]
exact = sum(math.comb(m, k) * p**k * (1 - p) ** (m - k) for k in counts)

experiments = policy.sample(np.tile(logits, (10_000, m, 1)), np.random.default_rng(2))
shares = (experiments == 0).mean(axis=1)
print("How many refunds, and how often?")
print(f"counts within two standard errors: {counts[0]} to {counts[-1]}")
print(f"exact probability of such a count: {exact:.4f}")
print(f"share of the experiments:          {(abs(shares - p) <= near).mean():.4f}")

# %% [markdown] label="sampling-explain" answers="counts" tags=["subslide"]
# From 45 to 64 refunds is nothing to wonder about: about 96 of 100 experiments end there. Exactly 55 is *one* count
# among many.
#
# For a hundred times as many draws the error is a tenth: it shrinks as $1/\sqrt n$. Whenever this course estimates
# something from samples, the exact value stands beside it, and the standard error says how far apart they may be.

# %% [markdown] label="sample-turn-text" tags=["slide"] minutes=2
# ### Your turn: draw an action
#
# Write a function that takes the *probabilities* of the actions and a random number generator, and returns the index of
# one action, drawn with these probabilities. The check calls it many times and compares the shares.
#
# <details><summary>Hint 1</summary>
#
# You need the ends of the pieces and one random number from `rng.random()`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.cumsum` of the probabilities gives the ends. The action is the first piece whose end lies beyond the number.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Count how many ends are at or below the number: no end below it means action 0, one end means action 1. NumPy's
# `searchsorted(…, side="right")` counts that for you.
#
# </details>


# %% label="sample-turn" tags=["fragment"]
def sample_action(probabilities, rng):
    """Return the index of one drawn action; rng is a numpy.random.Generator."""
    # BEGIN SOLUTION
    pieces = np.cumsum(probabilities)
    return int(np.searchsorted(pieces[:-1], rng.random(), side="right"))
    # END SOLUTION


# %% label="sample-check" tags=["skip"]
check("sample_action", sample_action)

# %% [markdown] label="explore" tags=["slide"] minutes=3
# ## Why not always the best? First reason: you do not know it
#
# So far the preferences were given. Suppose the assistant must find them out. A customer is satisfied with a refund
# with probability 0.5, with a replacement 0.7, with an apology 0.3. The assistant does not know these numbers. It tries
# each reply once, and from then on keeps, for each reply, the share of satisfied customers so far.
#
# Two assistants serve 500 customers each:
#
# - **Always the best-looking**: it gives the reply whose share is highest now (ties at random).
# - **Softmax**: its logits are these shares, at temperature 0.1.
#
# One function serves for both: at a temperature of nearly 0 the softmax *is* the argmax.

# %% label="predict-explore" tags=["subslide"]
Predict("01-explore")


# %% label="explore-code" answers="explore" tags=["subslide"]
def serve(temperature, runs, rng, customers=500):
    """Return how often each run gave each reply, and how often it satisfied."""
    satisfies = np.array([0.5, 0.7, 0.3])
    given, satisfied = np.ones((runs, 3)), 1.0 * (rng.random((runs, 3)) < satisfies)
    every = np.arange(runs)
    for _ in range(customers):
        a = policy.sample(satisfied / given, rng, temperature)
        satisfied[every, a] += rng.random(runs) < satisfies[a]
        given[every, a] += 1
    return given, satisfied


runs = 2_000
print(f"among {runs} runs of each:")
for name, kappa in [("best-looking", 1e-9), ("softmax", 0.1)]:
    given, satisfied = serve(kappa, runs, np.random.default_rng(0))
    print(f"{name:13s} replace never offered again: {(given[:, 1] == 1).mean():6.2%}", end="")
    print(f"   customers satisfied: {satisfied.sum() / given.sum():.1%}")

# %% label="explore-exact" answers="explore" tags=["subslide"]
print("computed and not drawn:")
unlucky = 0.3 * (1 - 0.5 * 0.7)  # replace fails its one try, another reply does not
all_fail = 0.3 * 0.5 * 0.7  # all three fail: ties, until one of them is lifted above 0
# then refund or apologise satisfies, before replace is drawn again
lifted_first = (0.5 + 0.3) / (0.5 + 0.3 + 1)
exact_never = unlucky + all_fail * lifted_first
error = math.sqrt(exact_never * (1 - exact_never) / runs)
print(f"best-looking: exact {exact_never:.1%}, standard error of {runs} runs {error:.1%}")

# %% [markdown] label="explore-explain" answers="explore" tags=["fragment"]
# In about one run of four, the first assistant drops the best reply for good. Its one try of *replace* failed, its
# share stands at 0, and because it never offers it again, it never learns better. More customers do not help.
#
# The second one gives every reply a chance, so bad luck at the start is nearly always repaired. Over 500 customers it
# satisfies more of them, although it gives worse replies on purpose now and then. Trying what does not look best, to
# learn how good it is, is called **exploration**.

# %% [markdown] label="smooth" tags=["slide"] minutes=3
# ## Second reason: a slope to follow
#
# How good is a policy? Average the satisfaction over the replies that it draws. This is its **performance** $J$:
#
# $$J=\sum_a \pi_a\,r_a,\qquad r=(0.5,\;0.7,\;0.3)$$
#
# Here $r_a$ is the **reward** that action $a$ earns on average: the probability that the customer is satisfied.
#
# This course improves policies by *small changes of their parameters*, in the direction in which $J$ rises.

# %% label="predict-smooth" tags=["subslide"]
Predict("01-smooth")

# %% label="smooth-code" answers="smooth" tags=["subslide"]
r = np.array([0.5, 0.7, 0.3])


def J_softmax(z_replace):
    return policy.softmax([1.0, z_replace, -0.5]) @ r


def J_argmax(z_replace):
    return r[np.argmax([1.0, z_replace, -0.5])]


print("How J answers:")
for old, new in [(0.5, 0.51), (0.995, 1.005)]:
    smooth = J_softmax(new) - J_softmax(old)
    jump = J_argmax(new) - J_argmax(old)
    print(f"z from {old:.3f} to {new:.3f}:   softmax J {smooth:+.5f}   argmax J {jump:+.5f}")

# %% label="smooth-figure" answers="smooth" tags=["subslide", "folded"]
# Draws J against the logit of replace, for the softmax and for the argmax.
z = np.linspace(-2, 4, 601)
fig, (ax,) = figures.new_figure(7.2, 2.8)
ax.plot(z, [J_softmax(x) for x in z], color=figures.POLICY, lw=2.5)
ax.plot(z[z < 1], [J_argmax(x) for x in z[z < 1]], color=figures.REFERENCE, ls=":", lw=2.5)
ax.plot(z[z > 1], [J_argmax(x) for x in z[z > 1]], color=figures.REFERENCE, ls=":", lw=2.5)
ax.annotate("softmax", (2.3, 0.6), color=figures.POLICY)
ax.annotate("argmax", (2.3, 0.71), color=figures.NEUTRAL)
ax.set(xlabel="logit of replace z", ylabel="performance J", ylim=(0.46, 0.74))
figures.show(
    fig,
    alt="Performance J against the logit of replace. For the softmax policy it rises smoothly "
    "from below 0.5 to nearly 0.7. For the argmax it is 0.5 up to 1, jumps, and is 0.7 beyond.",
)

# %% [markdown] label="smooth-explain" answers="smooth" tags=["fragment"]
# The softmax policy answers a small change with a small change, here +0.00052. So it has a slope, and the slope says
# which way is up.
#
# The argmax does not answer at all, until the logit passes 1. Then it jumps by 0.2. Where it is flat, its slope is 0
# and tells you nothing; at the jump there is no slope. You could not find your way uphill.

# %% [markdown] label="overflow" tags=["slide"] minutes=2
# ## Large logits
#
# A shift changes no probability. So logits may be as large as they like, in mathematics.

# %% label="predict-overflow" tags=["fragment"]
Predict("01-overflow")

# %% label="overflow-code" answers="overflow" tags=["subslide"]
large = logits + 1000


def two_moves(z):
    with np.errstate(all="ignore"):  # no warnings: you will see the result
        e = np.exp(z)
        return e / e.sum()


print(f"logits {large}")
with np.errstate(over="ignore"):
    print(f"e to the 709: {np.exp(709.0):.3g}   e to the 710: {np.exp(710.0)}")
print(f"the two moves:            {two_moves(large)}")
print(f"the two moves, negative:  {two_moves(logits - 1000)}")
print(f"largest subtracted first: {two_moves(large - max(large))}")
print(f"the package:              {policy.softmax(large)}")

# %% [markdown] label="overflow-explain" answers="overflow" tags=["subslide"]
# $e^{710}$ is already larger than any number that the computer can write down. It becomes `inf`, infinity, and infinity
# divided by infinity is `nan`, *not a number*. With very negative logits, all of them become 0, and 0/0 is `nan` too.
#
# The cure is the shift that changes nothing. Subtract the largest logit from all of them **first**. Then the largest
# exponent is 0, nothing can overflow, and the sum is at least 1. The package does this. In the lab, type a shift of 1000
# and look at the row *e to that*.

# %% [markdown] label="axis-text" tags=["subslide"] minutes=1
# One more trap. In practice you have a table of logits: one row for each state, one column for each action. Each
# **row** must sum to 1. Divide by the sum of the *whole table*, or of each *column*, and you get numbers that look like
# probabilities and are not.

# %% label="axis-code" tags=["fragment"]
table = np.array([[1.0, 0.5, -0.5], [0.0, 2.0, 0.0]])  # two states
e = np.exp(table)
print(f"over the whole table: rows sum to {(e / e.sum()).sum(axis=-1)}")
print(f"over each column:     rows sum to {(e / e.sum(axis=0)).sum(axis=-1)}")
print(f"over each row:        rows sum to {policy.softmax(table).sum(axis=-1)}")

# %% [markdown] label="softmax-turn-text" tags=["slide"] minutes=3
# ### Your turn: softmax
#
# Now write the softmax so that it holds: for one row of logits and for several, with a temperature, and for logits as
# large as 1000. `two_moves` above does only the first of these.
#
# <details><summary>Hint 1</summary>
#
# Three lines are enough: subtract the largest, divide by the temperature and take $e$ to that power, divide by the
# sum.
#
# </details>
# <details><summary>Hint 2</summary>
#
# What you subtract, and what you divide by, is one number *for each row*: the row's maximum, the row's sum. The actions
# are on the last axis, `axis=-1`.
#
# </details>
# <details><summary>Hint 3</summary>
#
# With `keepdims=True`, `max` and `sum` keep the last axis with length 1. Then NumPy lines the rows up when you subtract
# and divide.
#
# </details>


# %% label="softmax-turn" tags=["fragment"]
def softmax(logits, temperature=1.0):
    """Return probabilities for logits of shape (..., n), the actions on the last axis."""
    # BEGIN SOLUTION
    below_top = logits - np.max(logits, axis=-1, keepdims=True)
    lifted = np.exp(below_top / temperature)
    return lifted / lifted.sum(axis=-1, keepdims=True)
    # END SOLUTION


# %% label="softmax-check" tags=["skip"]
check("softmax", softmax)

# %% [markdown] label="convention" tags=["slide"] minutes=1
# > ### Convention card
# >
# > | question | in this course | elsewhere |
# > |---|---|---|
# > | which axis holds the actions? | the **last** one; each row sums to 1 | the same in most libraries, but the argument `axis` or `dim` must be given |
# > | are logits unique? | **no**: z and z + c are the same policy; log π is one choice of logits | some texts fix one logit at 0 |
# > | which logarithm? | the **natural** one; entropy in nats | base 2: bits, 1 nat = 1/log 2 ≈ 1.443 bits |
# > | temperature | divides the logits, κ > 0 | “temperature 0” stands for the argmax |
# > | which policy draws? | π itself, at κ = 1 | text generators often draw at another temperature than the one they were trained at |

# %% label="convention-code" tags=["subslide"]
print(f"softmax of log π gives π back: {policy.softmax(np.log(pi))}")
print(f"1 nat = {1 / math.log(2):.4f} bits")

# %% [markdown] label="quiz-text" tags=["slide"] minutes=3
# ## Quiz
#
# Each option has its reason. Read also the reasons of those you did not choose.

# %% label="quiz" tags=["fragment"]
Quiz("01")

# %% [markdown] label="recap" tags=["slide"] minutes=1
# ## Recap
#
# 1. A policy is a probability for each action. The softmax makes it from logits: $e^{z_a}$, divided by the sum.
# 2. Only differences of logits count: $\pi_a/\pi_b=e^{z_a-z_b}$. A shift of all logits changes nothing, and subtracting
#    the largest keeps the computer from overflowing.
# 3. Temperature divides the logits: low is nearly argmax, high is nearly uniform. Entropy measures the difference, from 0
#    to $\log n$.
# 4. Shares of $m$ draws differ from the probabilities by about $\sqrt{\pi_a(1-\pi_a)/m}$.
# 5. Probabilities let a policy *explore*, and they make $J$ *smooth*, so that a small change of a logit has a slope.

# %% [markdown] label="next" tags=["skip"]
# **Next:** [lesson 02](02_score_function.ipynb) computes the slope of a log-probability, the one derivative on which
# this course stands.
#
# *Sources.* Notation and the view of language models as policies: T. Xiao and J. Zhu, *Foundations of Large Language
# Models*, chapter 4 (2025). Softmax preferences and exploration: R. S. Sutton and A. G. Barto, *Reinforcement Learning:
# An Introduction*, second edition, sections 2.8 and 13.1 (2018). Entropy: C. E. Shannon, *A Mathematical Theory of
# Communication* (1948).
