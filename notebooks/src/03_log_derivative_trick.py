# %% [markdown] label="title" tags=["slide"] minutes=1
# # 03 · The log-derivative trick
#
# This lesson is about one line:
#
# $$\frac{\partial}{\partial\theta}\sum_a \pi_\theta(a)\,R(a)\;=\;\mathbb E_{a\sim\pi_\theta}\!\left[\frac{\partial\log\pi_\theta(a)}{\partial\theta}\,R(a)\right]$$

# %% [markdown] label="aims" tags=["subslide"]
# After it you will be able to
#
# - **say** when a sum can be estimated by drawing from the policy, and what one step of algebra has to do with it,
# - **derive** the right side in three steps, each of them checked by a number,
# - **estimate** the gradient of an average reward from samples alone, with a standard error,
# - **explain** what the estimate needs to know of a reward, and what not,
# - **find** the error in a flawed derivation.
#
# *About 40 minutes, and 15 more for the exercises. You need lesson 02: the score, and that it is one-hot minus π.*

# %% label="setup" tags=["skip"]
import math

import numpy as np
from course_utils import figures, policy, worlds
from course_utils.checks import check
from course_utils.widgets import EstimatorExplorer, Predict, Quiz

np.set_printoptions(precision=4, suppress=True)

# %% [markdown] label="scene" tags=["slide"] minutes=3
# ## An average that you can only sample
#
# The support assistant of the earlier lessons answers an angry message. Its **policy** $\pi_\theta(a)$ is the
# probability that it will *refund*, *replace* or *apologise*. There is one state here, so we leave $s$ out. The
# parameters $\theta$ are the three **logits** $z$.
#
# Each action earns a **reward** $R(a)$: points that a quality team gives. What the assistant earns on average is its
# **performance**
#
# $$J(\theta)=\sum_a \pi_\theta(a)\,R(a).$$

# %% [markdown] label="scene-sampled" tags=["subslide"]
# You are on the outside. You may let the assistant act, and for each action that it takes you are told the points. The
# table of all points is not shown to you.
#
# Even so, you can learn $J$. Each action turns up with its own probability, so the plain mean of the points that you
# are told closes in on the sum above. That is what an **expectation** is: a sum in which each term is weighted with
# the probability of drawing it. An expectation can be **sampled**.

# %% label="scene-code" tags=["subslide"]
actions = ["refund", "replace", "apologise"]
logits = np.log([0.5, 0.3, 0.2])
R = np.array([2.0, 1.0, -1.0])  # the team's table; you only see entries of actions taken
pi = policy.softmax(logits)

J = pi @ R
rng = np.random.default_rng(3)
for m in [10, 1_000, 100_000]:
    points = R[rng.choice(3, size=m, p=pi)]
    error = points.std(ddof=1) / np.sqrt(m)
    print(f"m = {m:6d}   mean of the points {points.mean():.4f}   standard error {error:.4f}")
print(f"             exact J            {J:.4f}")

# %% [markdown] label="scene-read" tags=["fragment"]
# The **standard error** says how far a mean of $m$ samples usually lies from the truth: about two times in three no
# further than that. You will see one beside each sampled number of this lesson.

# %% [markdown] label="wanted" tags=["slide"] minutes=3
# ## What we want
#
# Learning means changing $\theta$ so that $J$ grows. So you want the **gradient** $\partial J/\partial\theta$: how much
# $J$ gains when each logit is raised a little.
#
# For now we cheat and look at the table, so that there is a true value to compare with. Three ways to get it:
#
# - nudge each logit up and down by a small $h$, and see how $J$ answers,
# - differentiate the sum, $\partial J/\partial\theta=\sum_a \frac{\partial\pi_\theta(a)}{\partial\theta}R(a)$,
# - ask the package, which knows the exact answer for every small problem.
#
# The second way needs $\partial\pi_a/\partial z_b=\pi_a([a=b]-\pi_b)$, where $[a=b]$ is 1 if $a$ is $b$ and 0
# otherwise. It is $\pi_a$ times the score of lesson 02.

# %% label="wanted-code" tags=["subslide"]
h = 1e-5
by_nudging = np.array(
    [
        (policy.softmax(logits + h * e) - policy.softmax(logits - h * e)) @ R / (2 * h)
        for e in np.eye(3)
    ]
)
d_pi = pi[:, None] * (np.eye(3) - pi)  # row a: the gradient of π(a)
by_sum = sum(d_pi[a] * R[a] for a in range(3))
decision = worlds.three_action_state(R)  # its second state is the end: nothing to decide
by_package = decision.policy_gradient(np.stack([logits, np.zeros(3)]))[0]

print(f"by nudging     {by_nudging}")
print(f"by the sum     {by_sum}")
print(f"by the package {by_package}")
gap = max(abs(by_sum - by_nudging).max(), abs(by_sum - by_package).max())
print(f"largest difference below 1e-8: {gap < 1e-8}")
exact = by_sum

# %% [markdown] label="turn-difference-text" tags=["slide"] minutes=6
# ## Your turn: central differences
#
# Write the nudging as a function, for any function $f$ of a vector. You can check any gradient of this course with it.
#
# Entry $b$ of the result is $\bigl(f(z+he_b)-f(z-he_b)\bigr)/2h$, where $e_b$ is 1 at place $b$ and 0 elsewhere. Leave
# the `z` that you were given as it is.
#
# <details><summary>Hint 1</summary>
#
# One entry of the result for each entry of $z$: a loop over them, with two calls of $f$ in each round.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The rows of `np.eye(len(z))` are the vectors $e_b$. `z + h * e` makes a new array, so the original stays as it is.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `(f(z + h * e) - f(z - h * e)) / (2 * h)` is one entry. The brackets around `2 * h` matter. Collect the entries and make
# an array of them.
#
# </details>


# %% label="turn-difference" tags=["fragment"]
def finite_difference(f, z, h):
    """Return the central differences of f at z with step h, an array of the shape of z."""
    # BEGIN SOLUTION
    z = np.asarray(z, dtype=float)
    return np.array([(f(z + h * unit) - f(z - h * unit)) / (2 * h) for unit in np.eye(len(z))])
    # END SOLUTION


# %% label="turn-difference-check" tags=["skip"]
check("finite_difference", finite_difference)

# %% [markdown] label="tempting" tags=["slide"] minutes=3
# ## A tempting mean
#
# Now stop cheating. You have samples $a_1,\dots,a_m$ of the policy and their rewards. You know the policy, so you can
# compute $\partial\pi(a_i)/\partial\theta$ for each action you saw.
#
# The gradient is the sum of $\frac{\partial\pi(a)}{\partial\theta}R(a)$ over the actions. So why not take the mean of
# it over the samples?
#
# $$\frac1m\sum_{i=1}^m \frac{\partial\pi_\theta(a_i)}{\partial\theta}\,R(a_i)\qquad\text{?}$$

# %% label="predict-tempting" tags=["subslide"]
Predict("03-tempting")

# %% label="tempting-code" answers="tempting" tags=["subslide"]
m = 100_000
drawn = rng.choice(3, size=m, p=pi)
terms = d_pi[drawn] * R[drawn, None]
tempting, error = terms.mean(axis=0), terms.std(axis=0, ddof=1) / np.sqrt(m)
print(f"exact gradient           {exact}")
print(f"mean over samples        {tempting}")
print(f"   standard error        {error}")

closes_in_on = sum(pi[a] * d_pi[a] * R[a] for a in range(3))
print(f"what the mean closes in on  {closes_in_on}")
print(f"   over the exact gradient  {closes_in_on / exact}")

# %% [markdown] label="tempting-read" answers="tempting" tags=["subslide"]
# The mean is very precise and wrong. More samples make it more precise, and no less wrong.
#
# You can say to the last digit what it closes in on. Action $a$ turns up with frequency $\pi(a)$, so each term is
# counted $\pi(a)$ times:
#
# $$\frac1m\sum_i \frac{\partial\pi(a_i)}{\partial\theta}R(a_i)\;\longrightarrow\;\sum_a \pi(a)\,\frac{\partial\pi(a)}{\partial\theta}\,R(a).$$
#
# That is not the gradient, and no common factor mends it: the three entries are off by 0.5, 2.5 and 0.36. The
# terms of rare actions count for too little.

# %% [markdown] label="not-expectation" tags=["slide"] minutes=2
# ### Why: it is not an expectation under the policy
#
# To be sampled by drawing from $\pi$, a sum must have the form $\sum_a \pi(a)\,(\dots)$. Its weights are then
# probabilities: none is negative, and together they make 1.
#
# The sum that we want has the weights $\partial\pi(a)/\partial\theta$ in that place.

# %% label="predict-weights" tags=["fragment"]
Predict("03-weights")

# %% label="not-expectation-code" answers="weights" tags=["subslide"]
print("weights of R(a), for the logit of refund:")
for a, action in enumerate(actions):
    print(f"   {action:10s} π = {pi[a]:.2f}   ∂π/∂z = {d_pi[a, 0]:6.3f}")
print(f"   sum        π = {pi.sum():.2f}   ∂π/∂z = {d_pi[:, 0].sum():z6.3f}")
print(f"sums for all three logits: {d_pi.sum(axis=0).round(12) + 0}")

# %% [markdown] label="not-expectation-read" answers="weights" tags=["fragment"]
# They add up to **0**, as they must. And some of them are negative.
#
# Nothing is drawn with frequency −0.15. As it stands, $\sum_a \frac{\partial\pi(a)}{\partial\theta}R(a)$ is a fine sum
# and no expectation under the policy.

# %% [markdown] label="trick" tags=["slide"] minutes=5
# ## The log-derivative trick
#
# You saw what goes wrong: sampling counts each term $\pi(a)$ times, and nobody asked for that. So **divide it out**.
# Give each sample the weight
#
# $$\frac{1}{\pi(a)}\,\frac{\partial\pi(a)}{\partial\theta}.$$
#
# This quotient has a name. By the chain rule, $\frac{\partial\log\pi}{\partial\theta}=\frac1\pi\frac{\partial\pi}{\partial\theta}$.
# It is the score! So the whole derivation is three steps:
#
# 1. Differentiate the sum. $R(a)$ does not depend on $\theta$:
#    $\quad\frac{\partial J}{\partial\theta}=\sum_a\frac{\partial\pi(a)}{\partial\theta}\,R(a)$
# 2. Write $\partial\pi=\pi\;\partial\log\pi$:
#    $\quad\frac{\partial J}{\partial\theta}=\sum_a\pi(a)\,\frac{\partial\log\pi(a)}{\partial\theta}\,R(a)$
# 3. Read the weights. They are probabilities again:
#    $\quad\frac{\partial J}{\partial\theta}=\mathbb E_{a\sim\pi}\!\left[\frac{\partial\log\pi(a)}{\partial\theta}\,R(a)\right]$
#
# Check each step with numbers before you believe it.

# %% label="trick-steps" tags=["subslide"]
score = np.array([np.eye(3)[a] - pi for a in range(3)])  # row a: ∂ log π(a) / ∂z

step_1 = sum(d_pi[a] * R[a] for a in range(3))
step_2 = sum(pi[a] * score[a] * R[a] for a in range(3))
print(f"before          {by_nudging}")
print(f"after step 1    {step_1}")
print(f"after step 2    {step_2}")
print(f"∂π equals π ∂ log π in all nine entries: {np.allclose(d_pi, pi[:, None] * score)}")
print(f"weights of step 3: {pi}, their sum {pi.sum():.2f}")

# %% [markdown] label="trick-sample-text" tags=["subslide"]
# And now what all this was for. The mean over samples, with the score in place of $\partial\pi$:

# %% label="trick-sample" tags=["fragment"]
for m in [10, 100, 10_000, 1_000_000]:
    drawn = rng.choice(3, size=m, p=pi)
    terms = score[drawn] * R[drawn, None]
    mean, error = terms.mean(axis=0), terms.std(axis=0, ddof=1) / np.sqrt(m)
    print(f"m = {m:7d}   sampled {mean}   standard error {error}")
print(f"              exact   {exact}")

# %% [markdown] label="trick-read" tags=["fragment"]
# This one closes in on the right number. It is called the **score-function estimator**, or *likelihood-ratio*
# estimator. It is **unbiased**: its mean is the gradient for every $m$, even for $m=1$.

# %% [markdown] label="trick-package-text" tags=["subslide"]
# The package has both ingredients. `policy.sample` draws, `policy.score` returns one-hot minus π for each draw, and
# the three lines below are all that is left of the lesson so far.

# %% label="trick-package" tags=["fragment"]
repeated = np.tile(logits, (10_000, 1))  # one row for each sample
drawn = policy.sample(repeated, rng)
terms = policy.score(repeated, drawn) * R[drawn, None]
print(f"sampled {terms.mean(axis=0)}   standard error {terms.std(axis=0, ddof=1) / 100}")
print(f"exact   {exact}")

# %% [markdown] label="gain" tags=["slide"] minutes=3
# ### “But π is still inside the logarithm. What did we gain?”
#
# A good question, and many people ask it. The purpose was never to get rid of $\pi$. You know $\pi$: it is your own
# program, and its score costs one line. What you do *not* have is the table of rewards. The only place to see a reward
# is an action that the policy itself took.

# %% [markdown] label="gain-answer" tags=["subslide"]
# - Before step 2 the weights were $\partial\pi(a)$: negative here, positive there, sum 0. *Nothing* draws with these.
# - After step 2 the weights are $\pi(a)$: the frequencies with which **the policy draws by itself**. The sum has become
#   an expectation under the policy, and so a mean over its samples.
#
# The purpose of the step is to turn the gradient of an expectation into an expectation.

# %% [markdown] label="uniform" tags=["subslide"]
# Could you not draw the actions in some other way? You could. If all $n$ actions are drawn equally often, the mean of
# $n\,\frac{\partial\pi(a)}{\partial\theta}R(a)$ is right as well. With three actions that works.

# %% label="uniform-code" tags=["fragment"]
drawn = rng.integers(3, size=10_000)
terms = 3 * d_pi[drawn] * R[drawn, None]
print(f"equally often: {terms.mean(axis=0)}   standard error {terms.std(axis=0, ddof=1) / 100}")
print(f"exact          {exact}")
replies = 20 * math.log10(50_000)  # 20 words, each one of 50,000
print(f"replies of 20 words: about 10^{replies:.0f}")

# %% [markdown] label="uniform-read" tags=["fragment"]
# Now let an action be a whole reply of 20 words. There are about $10^{94}$ of them, nearly all gibberish, and no
# customer will rate gibberish for you. The replies that you *can* get rated are those that the assistant gives. They
# come with frequency $\pi$.

# %% [markdown] label="noise" tags=["slide"] minutes=4
# ## Unbiased, and noisy
#
# A single unbiased estimate may lie far off.

# %% label="predict-cloud" tags=["fragment"]
Predict("03-cloud")

# %% [markdown] label="noise-lab-text" tags=["fragment"]
# In the lab each dot is one estimate of the gradient, from its own batch of $m$ samples. The diamond is exact. The band
# reaches two standard errors up and down. Move *samples m* from 10 to 1,000 and watch the dots; press *draw again* for
# new batches.
#
# Then drag a probability or a reward. Where does the gradient become 0 for all three logits?

# %% label="noise-lab" answers="cloud" tags=["subslide"]
EstimatorExplorer(quantities=R, logits=logits, actions=actions, differences=False, samples=10)

# %% [markdown] label="noise-text" tags=["subslide"]
# Count it. For each $m$, the cell below makes 400 estimates and takes the root of their mean squared distance from the
# exact gradient. What follows the ± is the standard error of that. The *exact* column is the same distance without
# sampling: $\sqrt{v/m}$, with the variance $v$ of one sample.

# %% label="noise-code" answers="cloud" tags=["fragment"]
one_sample = pi @ (score**2 * R[:, None] ** 2) - exact**2  # exact variance
print("distance of 400 estimates from the exact gradient")
for m in [10, 100, 1_000, 10_000]:
    counts = rng.multinomial(m, pi, size=400)  # m draws: how often each action came up
    estimates = (counts * R / m) @ score
    squared = ((estimates - exact) ** 2).sum(axis=1)
    measured, expected = np.sqrt(squared.mean()), np.sqrt(one_sample.sum() / m)
    band = squared.std(ddof=1) / np.sqrt(400) / (2 * measured)
    print(f"m = {m:5d}   distance {measured:.4f} ± {band:.4f}   exact {expected:.4f}", end="")
    print(f"   exact × √m = {expected * np.sqrt(m):.3f}")

# %% [markdown] label="noise-read" answers="cloud" tags=["subslide"]
# The distance times $\sqrt m$ stays at 0.900. So 100 times the samples shrink the cloud by a factor of **10**, and one
# more digit costs 100 times the work. Lessons 06 and 07 are about making that 0.900 smaller.
#
# The gradient is 0 for all logits when all rewards are equal: then no choice is better than another. It also comes near 0
# when one action has almost all the probability.

# %% [markdown] label="weight" tags=["slide"] minutes=4
# ## Which rewards will do
#
# So far the rewards came from a table. Here are four ways to make one from a conversation: the customer's mark from 0 to
# 10; a step, 1 for a mark of 7 or more and 0 below; a thumb up or down; and the verdict of a compiler on a line of code.
# The mark can change by a little. The step and the thumb jump, and the compiler does not look at the mark at all.

# %% label="predict-rewards" tags=["subslide"]
Predict("03-rewards")

# %% label="weight-code" tags=["subslide"]
marks = np.array([8.2, 6.4, 2.5])
drafts = ["refund(order=17", "replace(order=17)", "apologise to order 17"]


def compiles(draft):
    """Return 1 if Python can read the draft, else 0."""
    try:
        compile(draft, "draft", "eval")
    except SyntaxError:
        return 0.0
    return 1.0


rewards = {
    "marks themselves": marks,
    "step: mark ≥ 7": np.where(marks >= 7, 1.0, 0.0),
    "thumb up or down": np.where(marks >= 5, 1.0, -1.0),
    "compiler": np.array([compiles(draft) for draft in drafts]),
}

# %% label="weight-sample" answers="rewards" tags=["subslide"]
m = 100_000
drawn = policy.sample(np.tile(logits, (m, 1)), rng)
for name, reward in rewards.items():
    terms = score[drawn] * reward[drawn, None]  # the same line for every reward
    mean, error = terms.mean(axis=0), terms.std(axis=0, ddof=1) / np.sqrt(m)
    print(f"{name:17s} R = {reward}")
    print(f"   sampled {mean}   standard error {error}")
    print(f"   exact   {pi * (reward - pi @ reward)}")

# %% [markdown] label="weight-read" answers="rewards" tags=["subslide"]
# All four agree with their exact gradients, within a few standard errors. The line that estimates did not change.
#
# Look at what is differentiated in $\mathbb E\left[\frac{\partial\log\pi(a)}{\partial\theta}R(a)\right]$: the
# log-probability, and nothing else. $R(a)$ multiplies the score of the action that earned it. It is a **number that
# came back**, and nobody asks how it was made.

# %% [markdown] label="weight-stairs" answers="rewards" tags=["subslide"]
# The rewards of language models are of this kind. Words are chosen one by one, and a person's judgement of them has no
# slope with respect to a word. (A method that does need the slope, and what it says of a step, stands in *Going deeper*.)

# %% [markdown] label="weight-hand" tags=["subslide"]
# Try it by hand. In this lab the handle is a quantity $x$, and the reward is $x$ *rounded down*: a staircase. Drag a
# handle slowly. What does the gradient do along a stair, and what when the handle reaches the next? Then switch *Reward*
# to the thumb.

# %% label="weight-lab" tags=["fragment"]
EstimatorExplorer(
    quantities=[2.4, 1.5, -0.6],
    logits=logits,
    actions=actions,
    reward_kind="step",
    differences=False,
    samples=500,
    seed=2,
)

# %% [markdown] label="weight-hand-read" tags=["fragment"]
# Along a stair nothing changes. At the next one the reward gains 1, and the exact gradient jumps. The estimate follows it,
# although nothing was ever differentiated along $x$.

# %% [markdown] label="flawed" tags=["slide"] minutes=3
# ### A flawed derivation
#
# A student hands this in:
#
# 1. $J(\theta)=\sum_a\pi_\theta(a)\,R(a)$
# 2. $\frac{\partial J}{\partial\theta}=\sum_a\pi_\theta(a)\,\frac{\partial R(a)}{\partial\theta}$
# 3. “So the reward must be differentiable in $\theta$, and a thumb up or down cannot be learned from.”

# %% label="predict-flawed" tags=["fragment"]
Predict("03-flawed")

# %% [markdown] label="flawed-text" tags=["subslide"]
# One number convicts it. Change a logit, and look at the points of each action and at $J$.


# %% label="flawed-code" answers="flawed" tags=["subslide"]
def table_of_points(z):
    """The quality team's table. It never looks at the policy's logits z."""
    return np.array([2.0, 1.0, -1.0])


def performance(z):
    return policy.softmax(z) @ table_of_points(z)


nudge = 1e-4 * np.eye(3)[0]  # raise the logit of refund
d_points = (table_of_points(logits + nudge) - table_of_points(logits - nudge)) / 2e-4
d_policy = (policy.softmax(logits + nudge) - policy.softmax(logits - nudge)) / 2e-4
d_J = (performance(logits + nudge) - performance(logits - nudge)) / 2e-4
print("the logit of refund, up and down:")
print(f"∂R(a)/∂z for each action:              {d_points}")
print(f"the student's gradient, Σ π ∂R:        {pi @ d_points:.4f}")
print(f"what was left out, Σ ∂π R:             {d_policy @ R:.4f}")
print(f"how much J really gains, by nudging:   {d_J:.4f}")

# %% [markdown] label="flawed-read" answers="flawed" tags=["subslide"]
# The student's gradient is **0**. Yet raising this logit does raise $J$, at a rate of 0.45. Line 2 is the error.
#
# The product rule gives two terms: $\sum_a\frac{\partial\pi}{\partial\theta}R+\sum_a\pi\frac{\partial R}{\partial\theta}$.
# The student kept the second and dropped the first. But the points of a refund are the points of a refund, whatever the
# logits are: $\partial R/\partial\theta=0$. Training does not change what actions are *worth*. It changes how *often* they
# are chosen, and that is the first term.
#
# So line 3 has it upside down. Because $R$ is not differentiated, it need not be differentiable.
#
# (Should the formula of a reward itself contain $\theta$, the product rule keeps both terms. Then the mean of
# $\partial\log\pi\;R$ is no longer the whole gradient.)

# %% [markdown] label="trajectory" tags=["slide"] minutes=3
# ## From one action to a whole trajectory
#
# None of the three steps used that $a$ is a single action. Put in its place whatever the policy draws. In the next
# lessons that is a **trajectory** $\tau$, a whole conversation, with probability $\mathrm{Pr}_\theta(\tau)$ and total
# reward $R(\tau)$:
#
# $$\frac{\partial J}{\partial\theta}=\sum_\tau\frac{\partial\,\mathrm{Pr}_\theta(\tau)}{\partial\theta}R(\tau)=\sum_\tau\mathrm{Pr}_\theta(\tau)\frac{\partial\log\mathrm{Pr}_\theta(\tau)}{\partial\theta}R(\tau)=\mathbb E_\tau\!\left[\frac{\partial\log\mathrm{Pr}_\theta(\tau)}{\partial\theta}R(\tau)\right]$$
#
# A data set $\mathcal D$ of $m$ sampled trajectories estimates it, each of them counting $1/m$:
#
# $$\frac{\partial J}{\partial\theta}\approx\frac1m\sum_{\tau\in\mathcal D}\frac{\partial\log\mathrm{Pr}_\theta(\tau)}{\partial\theta}R(\tau).$$
#
# With one state and one step, $\tau$ is the action $a$, and this is what you have been computing.

# %% [markdown] label="convention" tags=["slide"] minutes=1
# > ### Convention card
# >
# > | question | in this course | elsewhere |
# > |---|---|---|
# > | sum or mean? | a **sum** over all actions, weighted with π, is exact; a **mean** over samples, 1/m each, estimates it. No π in the mean: drawing has done that | the same |
# > | objective or loss? | J is an **objective**: go up along ∂J/∂θ | libraries minimise −log π(a) · R(a), averaged over samples: its gradient is minus our estimate |
# > | whose samples? | the policy $\pi_\theta$ that is being differentiated, at the θ of this moment | lesson 10: samples of an older policy, with a ratio |
# > | does the gradient go through R? | **no**, R is a number that came back | pathwise methods go through it, and need its slope |
# > | what is it called? | score-function estimator | likelihood-ratio estimator; REINFORCE (lesson 05) |

# %% [markdown] label="turn-estimate-text" tags=["slide"] minutes=9
# ## Your turn: estimate a gradient
#
# Write the score-function estimator as a function. It draws $m$ actions from the softmax policy with these logits, and
# returns one estimate of $\partial J/\partial z$, with an entry for each logit. `reward_of_action[a]` is the reward of
# action $a$; look up only the entries of actions that you drew. All randomness comes from `rng`.
#
# Your function will be called many times. Its mean and its scatter are compared with the exact ones.
#
# <details><summary>Hint 1</summary>
#
# You need three things, in this order: $m$ actions drawn from the policy, one reward for each draw, one score for each
# draw. The estimate is a mean over the draws.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `policy.sample` draws one action for each *row* of logits, so repeat the logits $m$ times with `np.tile`. Give the same
# rows and the draws to `policy.score`: you get an array of shape $(m, n)$.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `reward_of_action[draws]` looks up all rewards at once, in shape (m,). `[:, None]` makes a column of them, so that each
# reward multiplies its own row of scores. Then take the mean over the draws, which is axis 0.
#
# </details>


# %% label="turn-estimate" tags=["fragment"]
def score_function_estimate(logits, reward_of_action, m, rng):
    """Return the estimate of ∂J/∂z from m samples, shape (n,)."""
    # BEGIN SOLUTION
    rows = np.tile(logits, (m, 1))
    taken = policy.sample(rows, rng)
    earned = np.asarray(reward_of_action)[taken]
    return (policy.score(rows, taken) * earned[:, None]).mean(axis=0)
    # END SOLUTION


# %% label="turn-estimate-check" tags=["skip"]
check("score_function_estimate", score_function_estimate)

# %% [markdown] label="quiz-text" tags=["slide"] minutes=4
# ## Quiz
#
# Each option has its reason. Read also the reasons of those you did not choose.

# %% label="quiz" tags=["fragment"]
Quiz("03")

# %% [markdown] label="recap" tags=["slide"] minutes=1
# ## Recap
#
# 1. $\sum_a\partial\pi(a)\,R(a)$ is the gradient of $J$, but its weights sum to 0: it is no expectation under the
#    policy. Averaging $\partial\pi\,R$ over samples of the policy closes in on a wrong number.
# 2. $\partial\pi=\pi\,\partial\log\pi$ brings the weight $\pi$ back, and drawing from the policy supplies it:
#    $\frac{\partial J}{\partial\theta}=\mathbb E\left[\frac{\partial\log\pi}{\partial\theta}R\right]$.
# 3. The estimate is unbiased for every $m$. Its distance from the truth shrinks with $1/\sqrt m$.
# 4. $R$ is only a weight: a step, a thumb or a compiler will do. Differentiating $R$ instead of $\pi$ gives 0.
# 5. Nudging each logit checks a gradient where you know the table. How it does from samples stands in *Going deeper*.

# %% [markdown] label="next" tags=["skip"]
# **Next:** [lesson 04](04_trajectories.ipynb) puts a trajectory in place of the single action, and finds that no model of
# the customer is needed.
#
# *Sources.* The likelihood-ratio estimator: P. W. Glynn, *Likelihood ratio gradient estimation for stochastic systems*
# (1990). Its use for learning policies: R. J. Williams, *Simple statistical gradient-following algorithms for
# connectionist reinforcement learning* (1992). Notation and the course of the derivation: T. Xiao and J. Zhu,
# *Foundations of Large Language Models*, chapter 4 (2025).

# %% [markdown] label="deeper" tags=["skip"]
# ## Going deeper
#
# Nothing later in the course needs what follows.

# %% [markdown] label="differences" tags=["skip"]
# ### Finite differences on the same budget
#
# Nudging gave the exact gradient at the start, because we had the table. It can be done from samples too: let the
# assistant act with the logits $z+he_b$ (logit $b$ raised by $h$), then with $z-he_b$, and compare the two means
# $\hat J$ of the points:
#
# $$\frac{\hat J(z+he_b)-\hat J(z-he_b)}{2h}.$$
#
# It needs no score at all. But each logit is tried up and down, so with three logits the $m$ samples are shared out
# among **six** means.

# %% label="predict-budget" tags=["skip"]
Predict("03-budget")


# %% label="differences-code" tags=["skip"]
def difference_estimates(h, m, repeats):
    """Estimate the gradient by finite differences from m samples, again and again."""
    share = m // 6  # three logits, each up and down
    columns = []
    for e in np.eye(3):
        up = rng.multinomial(share, policy.softmax(logits + h * e), size=repeats) @ R / share
        down = rng.multinomial(share, policy.softmax(logits - h * e), size=repeats) @ R / share
        columns.append((up - down) / (2 * h))
    return np.stack(columns, axis=1)


def exact_difference(h, m):
    """The same without sampling: the estimate's exact mean, and its exact variance."""
    nudges = h * np.stack([np.eye(3), -np.eye(3)], axis=1)  # [b, 0]: logit b up; [b, 1]: down
    sides = policy.softmax(logits + nudges)
    variance = (sides @ R**2 - (sides @ R) ** 2) / (m / 6)
    return (sides @ R) @ [1, -1] / (2 * h), variance.sum(axis=1) / (2 * h) ** 2


# %% label="differences-table" tags=["skip"] answers="budget"
m, repeats = 600, 500
print("   h       bias     noise    distance: exact   measured")
for h in [0.01, 0.1, 0.5, 1.0, 1.5, 2.0, 3.0]:
    mean, variance = exact_difference(h, m)
    bias, noise = np.linalg.norm(mean - exact), np.sqrt(variance.sum())
    squared = ((difference_estimates(h, m, repeats) - exact) ** 2).sum(axis=1)
    measured = np.sqrt(squared.mean())
    band = squared.std(ddof=1) / np.sqrt(repeats) / (2 * measured)
    print(f"{h:5.2f}   {bias:8.4f}  {noise:8.4f}   {np.hypot(bias, noise):13.4f}", end="")
    print(f"   {measured:8.4f} ± {band:.4f}")
print(f"score function: {np.sqrt(one_sample.sum() / m):20.4f}")

# %% [markdown] label="differences-read" answers="budget" tags=["skip"]
# The **bias** is how far the mean of many estimates lies from the exact gradient. The **noise** is how far a single one
# usually lies from that mean.
#
# Read down the columns. As $h$ shrinks, the bias vanishes and the noise explodes: the difference of two noisy means is
# divided by $2h$. As $h$ grows, the noise calms down and the bias takes over: a wide step measures the slope of a chord,
# where you want that of the tangent.
#
# The best compromise in the table is $h=1.5$, at a distance of 0.110. The score function, on the same 600 samples, is at
# 0.037: three times closer, with no $h$ to choose. You also could not have known the best $h$ without the exact answer.

# %% [markdown] label="differences-lab-text" tags=["skip"]
# See both at once. Squares are finite differences, on the same number of samples as the dots beside them. The number
# line at the bottom shows the squared errors.
#
# Move $h$ to 2 and $m$ to 10,000: on which number do the squares of *refund* agree with each other?

# %% label="differences-lab" tags=["skip"] answers="budget"
EstimatorExplorer(quantities=R, logits=logits, actions=actions, samples=500, h=0.5, seed=1)

# %% label="differences-lab-check" tags=["skip"]
far_mean, _ = exact_difference(2.0, 10_000)
print(f"h = 2: the squares settle at {far_mean}")
print(f"exact gradient              {exact}")

# %% [markdown] label="differences-lab-read" answers="budget" tags=["skip"]
# The squares settle at about 0.343, together, and the exact value is 0.45. More samples take away the noise and leave the
# bias. The dots have no bias, so they settle on the diamond.

# %% [markdown] label="differences-figure-text" tags=["skip"]
# The same as a picture, for budgets from 60 to 60,000 samples. Lines are exact. Each mark is measured on 400 estimates, and
# its standard error is smaller than the mark. Down is better.


# %% label="differences-budgets" tags=["skip"] answers="budget"
def distance(estimates):
    return np.sqrt(((estimates - exact) ** 2).sum(axis=1).mean())


budgets = np.array([60, 600, 6_000, 60_000])
counts = [rng.multinomial(n, pi, size=400) for n in budgets]  # how often each action came
marks = {"score function": [distance((c * R / c.sum(axis=1)[:, None]) @ score) for c in counts]}
lines = {"score function": np.sqrt(one_sample.sum() / budgets)}
for h in [0.05, 0.5, 2.0]:
    moments = [exact_difference(h, n) for n in budgets]
    lines[f"differences, h = {h:g}"] = [
        np.sqrt(((g - exact) ** 2 + v).sum()) for g, v in moments
    ]
    marks[f"differences, h = {h:g}"] = [
        distance(difference_estimates(h, n, 400)) for n in budgets
    ]
print(f"h = 2, with {budgets[-1]} samples: {lines['differences, h = 2'][-1]:.3f}")

# %% label="differences-figure" tags=["folded", "skip"] answers="budget"
# Draws the distance from the exact gradient against the budget.
fig, (ax,) = figures.new_figure(7.2, 3.6)
for name, line in lines.items():
    mark, face = ("o", figures.SAMPLED) if name == "score function" else ("s", figures.PAPER)
    ax.plot(budgets, line, color=figures.EXACT, lw=1)
    ax.plot(budgets, marks[name], mark, mfc=face, mec=figures.SAMPLED_INK, ms=7)
    ax.annotate(name, (80_000, line[-1]), va="center", annotation_clip=False)
ax.set(xscale="log", yscale="log", xlim=(40, 75_000))
ax.set(xlabel="samples m, in all", ylabel="distance from the exact gradient")
figures.show(
    fig,
    alt="Distance from the exact gradient against the number of samples, both on log axes. "
    "The score function lies lowest and falls steadily. Finite differences with h 0.05 and 0.5 "
    "lie above it and fall in parallel. With h = 2 they soon stay level.",
)

# %% [markdown] label="differences-figure-read" answers="budget" tags=["skip"]
# Two lines of finite differences fall in parallel to the score function, above it. The third, $h=2$, falls at first and
# then lies flat at 0.109: that is bias, and no budget buys it off.
#
# There is a second cost, and it decides the matter for large models. Three logits need six shares of the budget. A
# billion parameters would need two billion. The score function reads **all** entries of the gradient off the *same*
# samples.

# %% [markdown] label="gaussian" tags=["skip"]
# ### A continuous action: the Gaussian score
#
# Nothing in the three steps asked for a list of actions. An action may be a number on a line: a steering angle, a price.
# A probability becomes a density and the sum an integral, and that is all.
#
# Let the assistant offer a voucher of $x$ euros, drawn from a normal distribution with mean $\mu$ and standard deviation
# $\sigma$. This is a **Gaussian policy**. Its density, and the logarithm of that, are
#
# $$p(x)=\frac{1}{\sigma\sqrt{2\pi}}\,e^{-(x-\mu)^2/2\sigma^2},\qquad
# \log p(x)=-\frac{(x-\mu)^2}{2\sigma^2}-\log\sigma-\tfrac12\log2\pi .$$
#
# (This $\pi$ is the number 3.14.) Differentiate $\log p(x)$ with respect to $\mu$, on paper.

# %% label="predict-gaussian" tags=["skip"]
Predict("03-gaussian")


# %% label="gaussian-code" tags=["skip"] answers="gaussian"
def log_density(x, mu, log_sigma):
    return -(((x - mu) / np.exp(log_sigma)) ** 2) / 2 - log_sigma - math.log(2 * math.pi) / 2


h, mu, sigma = 1e-5, 8.0, 3.0
print(f"a voucher of x euros, μ = {mu:.0f}, σ = {sigma:.0f}")
for x in [2.0, 8.0, 9.0, 14.0]:  # nudge μ, then log σ
    ends = [log_density(x, mu + sign * h, math.log(sigma)) for sign in (1, -1)]
    for_mu = (ends[0] - ends[1]) / (2 * h)
    ends = [log_density(x, mu, math.log(sigma) + sign * h) for sign in (1, -1)]
    for_log_sigma = (ends[0] - ends[1]) / (2 * h)
    print(
        f"x = {x:4.0f}   nudged: for μ {for_mu:7.4f}   for log σ {for_log_sigma:7.4f}", end=""
    )
    print(f"   formulas: {(x - mu) / sigma**2:7.4f}   {((x - mu) / sigma) ** 2 - 1:7.4f}")

drawn = mu + sigma * rng.normal(size=100_000)
for_mu, for_log_sigma = (drawn - mu) / sigma**2, ((drawn - mu) / sigma) ** 2 - 1
for name, s in [("μ,", for_mu), ("log σ,", for_log_sigma)]:
    error = s.std(ddof=1) / math.sqrt(s.size)
    print(f"score for {name:6s} mean {s.mean():z7.4f}   standard error {error:.4f}   exact 0")

# %% [markdown] label="gaussian-read" answers="gaussian" tags=["skip"]
# The score is
#
# $$\frac{\partial\log p(x)}{\partial\mu}=\frac{x-\mu}{\sigma^2},\qquad
# \frac{\partial\log p(x)}{\partial\log\sigma}=\frac{(x-\mu)^2}{\sigma^2}-1 .$$
#
# It reads like one-hot minus π: what was drawn, minus what was expected. A large voucher that was rewarded pulls $\mu$ up.
# A voucher more than $\sigma$ away from $\mu$ that was rewarded widens the policy, a nearer one narrows it. Both scores
# have mean 0, as every score has.
#
# (Programs learn $\log\sigma$ in place of $\sigma$: whatever step it takes, $\sigma$ stays positive.) The last stage of
# [Build it yourself](problem_sets/build.ipynb) has you write both scores, and checks them.

# %% [markdown] label="pathwise" tags=["skip"]
# ### A method that needs the slope
#
# With a number as the action there is another way to a gradient: go *through* the reward. Write the draw as
# $x=\mu+\sigma\varepsilon$ with standard normal noise $\varepsilon$. When $\mu$ grows by 1, so does $x$, and the reward
# changes by its slope. So $\frac{\partial J}{\partial\mu}=\mathbb E\left[R'(x)\right]$. This is the **pathwise**
# estimator.
#
# Two rewards: a smooth one, $R(x)=-(x-10)^2/20$, and a step, $R(x)=1$ if $x\ge10$ (the customer accepts), else 0. The
# exact gradient of the step is the density of $x$ at 10: so fast does the share of accepted vouchers grow with $\mu$.

# %% label="predict-pathwise" tags=["skip"]
Predict("03-pathwise")

# %% label="pathwise-code" tags=["skip"] answers="pathwise"
m = 100_000
x = mu + sigma * rng.normal(size=m)
voucher_score = (x - mu) / sigma**2
density_at_10 = math.exp(-(((10 - mu) / sigma) ** 2) / 2) / (sigma * math.sqrt(2 * math.pi))

cases = {  # reward, its slope, exact gradient
    "smooth": (-((x - 10) ** 2) / 20, -(x - 10) / 10, (10 - mu) / 10),
    "step": (np.where(x >= 10, 1.0, 0.0), np.zeros(m), density_at_10),
}
for name, (reward, slope, truth) in cases.items():
    print(f"{name} reward: exact ∂J/∂μ = {truth:.4f}")
    for estimator, terms in [("pathwise", slope), ("score function", voucher_score * reward)]:
        error = terms.std(ddof=1) / math.sqrt(m)
        print(f"   {estimator:15s} {terms.mean():.4f}   standard error {error:.4f}")

# %% [markdown] label="pathwise-read" answers="pathwise" tags=["skip"]
# For the smooth reward both are right, and pathwise has the smaller standard error. Where you have a slope, use it.
#
# For the step, pathwise says **0**, with standard error 0. It is certain, and wrong: a larger voucher does win
# customers. The slope of a step is 0 at every point that is ever drawn, so the news never gets through. The
# score-function estimator does not go through the reward, and gets it right.
