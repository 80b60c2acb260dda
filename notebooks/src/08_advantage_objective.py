# %% [markdown] label="title" tags=["slide"] minutes=1
# # 08 · The advantage-weighted objective
#
# This lesson is about one line:
#
# $$U(\tau;\theta)=\sum_t \log \pi_\theta(a_t\mid s_t)\,A(s_t,a_t)$$

# %% [markdown] label="aims" tags=["subslide"]
# After it you will be able to
#
# - **read** each symbol of that line and say what it is for,
# - **compute** its gradient by hand and check it in two ways,
# - **predict** which action probabilities rise and which fall after one step, and say why the obvious answer can be wrong,
# - **explain** why one sampled action and all actions together give different steps with the same mean,
# - **tell** an objective from a loss, and say what neither of them measures.
#
# *About 60 minutes, and 15 more for the exercises. You need Python, derivatives and expectations. Lessons 04–07 show
# where the advantage comes from; here it is given, and the lesson can be read on its own.*

# %% label="review" tags=["skip"]
from course_utils.widgets import Review

Review("08")

# %% label="setup" tags=["skip"]
import numpy as np
from course_utils import figures, objectives, policy, worlds
from course_utils.checks import check
from course_utils.widgets import AdvantageLab, Predict, Quiz

np.set_printoptions(precision=4, suppress=True)

# %% [markdown] label="scene" tags=["slide"] minutes=3
# ## One state, three actions
#
# A support assistant has received an angry message. That is its situation, the **state** $s$. It can answer in three
# ways, its **actions** $a$: give a *refund*, *replace* the product, or *apologise* and do nothing else.
#
# The assistant does not always choose the same way. It draws its action from a **policy**: $\pi_\theta(a\mid s)$ is the
# probability of action $a$ in state $s$. The policy has **parameters** $\theta$, numbers that training may change.
#
# Our parameters are one number for each action, a **logit** $z_a$. The *softmax* turns logits into probabilities:
#
# $$\pi_\theta(a\mid s)=\frac{e^{z_a}}{\sum_b e^{z_b}}$$
#
# The larger a logit is beside the others, the more probable its action. Here are logits that give the probabilities
# 0.5, 0.3 and 0.2.

# %% label="scene-code" tags=["subslide"]
actions = ["refund", "replace", "apologise"]
logits = np.log([0.5, 0.3, 0.2])
pi = policy.softmax(logits)
for action, z, p in zip(actions, logits, pi, strict=True):
    print(f"{action:10s} logit {z:7.4f}   probability {p:.4f}")

# %% [markdown] label="advantage" tags=["slide"] minutes=3
# ## Better than usual, by how much?
#
# Suppose we know how well each action turns out on average. Call this number the **action value** $Q(s,a)$: the total
# reward that follows when the assistant takes action $a$ now and acts by its policy afterwards.
#
# The policy mixes the actions. What it earns on average from this state is the **state value**
#
# $$V(s)=\sum_a \pi_\theta(a\mid s)\,Q(s,a).$$
#
# The **advantage** of an action is how much better it is than this average:
#
# $$A(s,a)=Q(s,a)-V(s).$$
#
# A positive advantage says *better than what you usually do here*. A negative one says *worse than usual*. It says
# nothing about the next reward alone, and nothing about other states.

# %% label="advantage-code" tags=["subslide"]
Q = np.array([4.0, 3.1, 0.35])  # action values
V = pi @ Q  # state value: the mean of Q under the policy
A = Q - V  # advantages
print(f"V = {V:.4f}")
print(f"A = {A}")
print(f"mean advantage under the policy: {pi @ A:z.4f}")

# %% [markdown] label="mean-zero" tags=["fragment"]
# Look at the last line. Under the policy that they were computed for, advantages always average to 0:
# $\sum_a \pi_a (Q_a - V) = V - V = 0$. Some actions can only be above the average because others are below it.

# %% [markdown] label="objective" tags=["slide"] minutes=3
# ## The objective U
#
# You want a policy that takes good actions more often. So whenever an action was taken, raise its log-probability if it
# was better than usual, and lower it if it was worse. Weigh each by how much better or worse it was.
#
# An assistant acts more than once. A **trajectory** $\tau=(s_1,a_1,\dots,s_T,a_T)$ is what happened in one conversation,
# step by step. Written for all its steps, the idea is
#
# $$U(\tau;\theta)=\sum_{t=1}^{T} \log \pi_\theta(a_t\mid s_t)\,A(s_t,a_t).$$

# %% [markdown] label="objective-notice" tags=["subslide"]
# Three things to notice:
#
# - It is a **sum over steps** $t$, of *log-probability times advantage*.
# - The parameters $\theta$ stand in the log-probability only. The advantage is a **constant**: a weight that was
#   measured before the step, and that the gradient does not go through.
# - More of it is better, so you walk **uphill**: $\theta \leftarrow \theta + \eta\,\partial U/\partial\theta$ with a step
#   size $\eta$ (eta).

# %% label="objective-by-hand" tags=["subslide"]
taken = np.array([0, 1, 0, 2])  # four steps: refund, replace, refund, apologise
U = 0.0
for t, a in enumerate(taken, start=1):
    term = np.log(pi[a]) * A[a]
    U += term
    factors = f"log π = {np.log(pi[a]):7.4f}   A = {A[a]:5.2f}"
    print(f"t = {t}  {actions[a]:10s} {factors}   product = {term:7.4f}")
print(f"U = {U:.4f}")

# %% [markdown] label="objective-package-text" tags=["subslide"]
# The package has this sum as one function. It takes the logits of every step, the actions taken and their advantages.
# Here the state is the same at each step, so the logits are repeated.

# %% label="objective-package" tags=["fragment"]
step_logits = np.tile(logits, (len(taken), 1))  # shape (T, number of actions)
result = objectives.advantage_objective(step_logits, taken, A[taken])
print(f"U = {result.value:.4f}")
print(f"its terms: {result.terms}")

# %% [markdown] label="predict" tags=["slide"] minutes=7
# ## Three actions, one step
#
# Before you derive anything, see what one step uphill does. Take it on average over the actions that the policy would draw: the
# log-probability of each is pushed up or down, as strongly as its advantage says and as often as it comes.

# %% label="predict-three-actions" tags=["fragment"]
Predict("08-three-actions")

# %% [markdown] label="predict-bars" tags=["subslide"]
# **And how far?** In the lab below, *drag the dashed bars* to the probabilities you expect after one step with η = 1,
# then press *reveal the step*. (Mouse, finger or keyboard: press Tab until a bar has a ring, then use the arrow keys.)
#
# After that the lab is free. The left side shows each action's value $Q$, with the mean $V$ as a dashed line, and the
# bars from there are the advantages. Drag one, or take steps.

# %% label="predict-lab" tags=["subslide"]
lab = AdvantageLab(action_values=Q, logits=logits, actions=actions, predict_first=True)
lab

# %% [markdown] label="gradient" tags=["slide"] minutes=4
# ## The gradient of U, three ways
#
# One derivative is enough for everything that follows. For a softmax policy,
#
# $$\frac{\partial \log\pi_\theta(a\mid s)}{\partial z_b}=[b=a]-\pi_b,$$
#
# where $[b=a]$ is 1 if $b$ is the action that was taken and 0 otherwise. This vector is called the **score**. It raises
# the logit of the action taken and lowers all others, each by its own probability. (Lesson 02 derives it.)
#
# U is a weighted sum of log-probabilities, so its gradient is the same weighted sum of scores:
#
# $$\frac{\partial U}{\partial z_b}=\sum_t A(s_t,a_t)\,\bigl([b=a_t]-\pi_b\bigr).$$
#
# Compute it by hand; nudge each logit a little and see how U answers (*central differences*); ask the package. The three
# should agree.

# %% label="gradient-three-ways" tags=["subslide"]
by_hand = sum(A[a] * (np.eye(3)[a] - pi) for a in taken)


def U_of(z):
    return sum(policy.log_softmax(z)[a] * A[a] for a in taken)


h = 1e-5
slopes = [(U_of(logits + h * e) - U_of(logits - h * e)) / (2 * h) for e in np.eye(3)]
by_nudging = np.array(slopes)
# One row for each step; they share the state and its logits, so add them up.
by_package = result.grad_logits.sum(axis=0)

print(f"by hand     {by_hand}")
print(f"by nudging  {by_nudging}")
print(f"by package  {by_package}")
gap = max(abs(by_hand - by_nudging).max(), abs(by_hand - by_package).max())
print(f"largest difference below 1e-8: {gap < 1e-8}")

# %% [markdown] label="gradient-sum" tags=["subslide"]
# The three entries of the gradient add up to 0. They have to: adding the same number to all logits changes no
# probability, so there is no reason to go in that direction.

# %% [markdown] label="usual-answer" tags=["slide"] minutes=3
# ### From logits to probabilities

# %% [markdown] label="usual-answer-why" answers="three-actions" tags=["fragment"]
# Back to the lab. Most people answer that the two positive ones rise, and the largest rises most. That is right for the
# **logits** and wrong for the **probabilities**. *Replace* has a positive advantage, its logit goes up, and its
# probability goes down.
#
# The lab's table writes it out. Averaged over the actions that the policy would draw, the gradient is
#
# $$g_a=\sum_b \pi_b\,A_b\,([a=b]-\pi_a)=\pi_a\,\bigl(A_a-\bar A\bigr),\qquad \bar A=\sum_b \pi_b A_b .$$
#
# Each logit moves by $\eta\,g_a$. Then the softmax couples the actions: a probability grows only if its logit grows by
# *more than the average logit does*. For a small step,
#
# $$\Delta\pi_a\approx\eta\,\pi_a\,\Bigl(g_a-\sum_b \pi_b\,g_b\Bigr).$$
#
# Compare $g_a$ with $\Delta\pi_a$ below.

# %% label="usual-answer-code" answers="three-actions" tags=["subslide"]
g = objectives.expected_advantage_objective(logits, A).grad_logits
average_move = pi @ g
for eta in [0.01, 1.0]:
    exact = policy.softmax(logits + eta * g) - pi
    first_order = eta * pi * (g - average_move)
    print(f"step size {eta}")
    for a, action in enumerate(actions):
        print(f"   {action:10s} g = {g[a]:6.3f}", end="   ")
        print(f"Δπ = {exact[a]:9.6f}   first order {first_order[a]:9.6f}")
print(f"average move of a logit, Σ π g = {average_move:.3f}")

# %% [markdown] label="usual-answer-read" answers="three-actions" tags=["subslide"]
# *Replace* has $g=0.03$, but the average logit, weighted with π, moves by 0.153: five times as far. It rises, and falls
# behind.
#
# At η = 0.01 the first-order formula is as good as exact. At η = 1 it is a rough guide: it overstates the fall of
# *apologise*.

# %% [markdown] label="keep" tags=["slide"] minutes=3
# ### What stays between two steps?
#
# A step changes π. Take it that the conversation ends here, so that nothing later depends on these logits. Then the
# action values $Q$ of this state stay: a refund is worth what it was worth. So $V$, their mean, moves, and with it
# every advantage. In the lab press *10 steps* and watch the dashed line climb.
#
# Now press *reset*, choose *keep A*, and press *10 steps* again. Old advantages weigh the new policy's actions. Their mean
# leaves 0. The path is the same as before, which stands behind it, dotted.

# %% label="keep-code" tags=["subslide"]
z_new, z_kept = logits.copy(), logits.copy()
for _ in range(10):
    A_new = Q - policy.softmax(z_new) @ Q  # computed anew for the policy of this step
    z_new = z_new + objectives.expected_advantage_objective(z_new, A_new).grad_logits
    z_kept = z_kept + objectives.expected_advantage_objective(z_kept, A).grad_logits
later = policy.softmax(z_kept)
print(f"π after 10 steps: {later}, V = {later @ Q:.3f}")
print(f"the same with A kept: {np.allclose(later, policy.softmax(z_new))}")
print(f"mean of the A that was kept: {later @ A:.3f}")
print(f"mean of A computed anew:     {later @ (Q - later @ Q):z.3f}")

# %% [markdown] label="keep-read" tags=["fragment"]
# The expected gradient contains $A_a-\bar A$, so a number added to all advantages drops out. A *single sample* is another
# story: it weighs with the advantage of the action drawn, $\bar A$ and all. Its mean over the draws is the same, since
# scores average to 0 (lesson 02); its size is not.
#
# So here $Q$ stays and $A$ does not. (Where the policy acts again later, $Q$ belongs to one policy too: lesson 07.)

# %% [markdown] label="turn-u" tags=["slide"] minutes=4
# ### Your turn: write U
#
# Write a function that takes the log-probabilities of the actions of **one trajectory** and their advantages, and returns
# U. Run the cell, then the one below it: it says whether the function is right and, if not, what it does instead.
#
# <details><summary>Hint 1</summary>
#
# Both arguments are arrays with one number for each step. What happens to the two numbers of one step?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Multiply them step by step. Then U is one number for the whole trajectory: is it a mean or a sum?
#
# </details>
# <details><summary>Hint 3</summary>
#
# NumPy multiplies two arrays entry by entry with `*`. `np.sum` adds up what you get.
#
# </details>


# %% label="turn-u-code" tags=["fragment"]
def my_objective(log_probs, advantages):
    # BEGIN SOLUTION
    return np.sum(log_probs * advantages)  # step by step, then a sum and not a mean
    # END SOLUTION


# %% label="turn-u-check" tags=["skip"]
check("advantage_objective", my_objective)

# %% [markdown] label="turn-gradient" tags=["slide"] minutes=5
# ### Your turn: write its gradient
#
# Now with a different policy at each step: `logits` has one row for each of the T steps, shape (T, n). Return the
# gradient of U with respect to these logits, in the same shape.
#
# <details><summary>Hint 1</summary>
#
# Row t of the logits appears in one term of U only. So row t of the gradient needs that term alone.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Row t is $A_t\,([b=a_t]-\pi_{t,b})$: the advantage of step t times the score of step t.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `policy.score(logits, actions)` gives all scores at once, one row for each step. `advantages[:, None]` is a column that
# multiplies each row by its own number.
#
# </details>


# %% label="turn-gradient-code" tags=["fragment"]
def my_gradient(logits, actions, advantages):
    # BEGIN SOLUTION
    one_hot = np.eye(logits.shape[-1])[actions]  # [b = a_t], one row for each step
    return np.asarray(advantages)[:, None] * (one_hot - policy.softmax(logits))
    # END SOLUTION


# %% label="turn-gradient-check" tags=["skip"]
check("advantage_gradient", my_gradient)

# %% [markdown] label="turn-step" tags=["slide"] minutes=6
# ### Your turn: predict a step in code
#
# Write what the lab does: from logits, advantages and a step size to the **probabilities after one expected ascent
# step**.
#
# <details><summary>Hint 1</summary>
#
# Three lines: the policy now, the gradient of its logits, the policy after the step. Which of them does the step size
# enter?
#
# </details>
# <details><summary>Hint 2</summary>
#
# The gradient is $g_a=\pi_a(A_a-\bar A)$ with $\bar A=\sum_b\pi_b A_b$. In NumPy `pi @ advantages` is that mean.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The step belongs to the logits, not to the probabilities: apply `policy.softmax` to `logits + step_size * g`.
#
# </details>


# %% label="turn-step-code" tags=["fragment"]
def my_step(logits, advantages, step_size):
    # BEGIN SOLUTION
    now = policy.softmax(logits)
    gradient = now * (advantages - now @ advantages)  # above the mean, weighted with π
    return policy.softmax(logits + step_size * gradient)
    # END SOLUTION


# %% label="turn-step-check" tags=["skip"]
check("ascent_step", my_step)

# %% [markdown] label="zero" tags=["slide"] minutes=4
# ## An action with advantage 0
#
# What does it mean for an action to be exactly as good as usual?

# %% label="predict-zero" tags=["fragment"]
Predict("08-zero")

# %% [markdown] label="zero-try" tags=["fragment"]
# The lab below has these advantages. Look where the bar of *replace* goes. Then turn the other two around: drag *refund*
# below 0 and *apologise* above 0.

# %% label="zero-lab" answers="zero" tags=["subslide"]
AdvantageLab(preset="zero_advantage", actions=actions)

# %% label="zero-code" answers="zero" tags=["subslide"]
print("replace has advantage 0.")
zero_A = np.array([1.0, 0.0, -2.5])
only_replace = objectives.advantage_objective(logits, 1, zero_A[1])
print(f"gradient of a sample of replace: {only_replace.grad_logits + 0}")

for others in [zero_A, -zero_A]:
    g_zero = objectives.expected_advantage_objective(logits, others).grad_logits
    change = policy.softmax(logits + g_zero) - pi
    print(f"expected update with A = {others + 0}: probabilities change by {change}")

# %% [markdown] label="zero-read" answers="zero" tags=["fragment"]
# The sample itself adds nothing: 0 times any score is 0.
#
# "Advantage 0" means *no push from this sample*. It does not mean *this probability stays where it is*.

# %% [markdown] label="sampled" tags=["slide"] minutes=6
# ## One sampled action, or all of them
#
# The expected update needs the advantage of every action in the state. In practice the assistant takes *one* action and
# learns how *that one* turned out. So you step on a single sample: draw $a_1\sim\pi$, use
# $A_{a_1}\,([a=a_1]-\pi_a)$.

# %% label="predict-sampled" tags=["fragment"]
Predict("08-sampled")

# %% [markdown] label="sampled-try" tags=["subslide"]
# Press *new sample* until *replace* is drawn. The dashed outline behind each bar is the expected step.

# %% label="sampled-lab" tags=["subslide"]
AdvantageLab(action_values=Q, logits=logits, actions=actions, mode="sampled_action", seed=3)

# %% [markdown] label="sampled-explain" answers="sampled" tags=["subslide"]
# A sample of *replace* speaks for it alone, and raises it. A sample of *refund* raises that, and pushes *replace* down.
# A sample of *apologise* lowers that, and with a step as large as the lab's *replace* as well: *refund* gains from
# both. The single steps contradict each other; only their gradients' **mean** is the expected update.
#
# See it happen. Draw many actions, compute each one's gradient, average, and hold the average against the exact value.
# The *standard error* says how far such an average usually lies from the truth.

# %% label="sampled-code" tags=["subslide"]
rng = np.random.default_rng(8)
g_exact = objectives.expected_advantage_objective(logits, A).grad_logits
for m in [10, 1_000, 100_000]:
    drawn = policy.sample(np.tile(logits, (m, 1)), rng)
    gradients = A[drawn, None] * policy.score(np.tile(logits, (m, 1)), drawn)
    mean, error = gradients.mean(axis=0), gradients.std(axis=0, ddof=1) / np.sqrt(m)
    print(f"m = {m:6d}   sampled {mean}   standard error {error}")
print(f"             exact   {g_exact}")

# %% label="sampled-figure" tags=["subslide", "folded"]
# draws the running mean of 400 sampled gradients for replace, in its band
m = 400
drawn = policy.sample(np.tile(logits, (m, 1)), rng)
gradients = A[drawn, None] * policy.score(np.tile(logits, (m, 1)), drawn)
count = np.arange(1, m + 1)
running = gradients[:, 1].cumsum() / count
variance = pi @ (A * (np.eye(3)[1] - pi[1])) ** 2 - g_exact[1] ** 2  # exact, of one sample
band = 2 * np.sqrt(variance / count)

many = policy.sample(np.tile(logits, (1_000, m, 1)), rng)
ends = (A[many] * ((many == 1) - pi[1])).mean(axis=1)  # where 1,000 other runs end
outside = np.abs(running - g_exact[1]) > band
share = np.mean(np.abs(ends - g_exact[1]) > band[-1])
print(f"outside the band: {outside.sum()} of {m} draws of this run; {share:.1%} of 1,000 ends")

fig, (ax,) = figures.new_figure(7.2, 2.8)
low, high = g_exact[1] - band, g_exact[1] + band
ax.fill_between(count, low, high, color=figures.SAMPLED, alpha=0.25, lw=0)
ax.plot(count, running, color=figures.SAMPLED)
ax.axhline(g_exact[1], color=figures.EXACT)
ax.set(xlim=(1, m * 1.12), ylim=(-0.6, 0.6))
ax.set(xlabel="number of sampled actions m", ylabel="gradient for replace")
ax.annotate("exact", (m * 1.02, g_exact[1] + 0.02))
ax.annotate("mean of samples", (40, 0.3), color=figures.SAMPLED_INK)
figures.show(
    fig,
    alt="A funnel narrows around the exact value 0.03. The mean of the sampled gradients for "
    "replace wanders in it at first, and from draw 152 on lies a little above it.",
)

# %% [markdown] label="sampled-read" tags=["fragment"]
# The band of two standard errors narrows as $1/\sqrt m$, and after 400 draws about one run in twenty is outside. This one
# is, from draw 152 on: a running mean contains all draws before, so it carries its luck along. A single sample can be far
# from 0.03; averaging brings it home. That is the whole bargain of policy gradients: *cheap, unbiased, noisy*.

# %% [markdown] label="trajectory" tags=["slide"] minutes=6
# ## Many steps, many trajectories
#
# Nothing new happens when an episode has several steps: U adds up the terms, and its gradient adds up the weighted
# scores. In the lab below a trajectory has five steps in the same state. Each chip is one term of U.

# %% label="predict-order" tags=["fragment"]
Predict("08-order")

# %% label="trajectory-lab" tags=["subslide"]
AdvantageLab(action_values=Q, logits=logits, actions=actions, mode="sampled_trajectory", seed=1)

# %% [markdown] label="order-read" answers="order" tags=["subslide"]
# A sum does not care about order, and here every step is in the same state.

# %% [markdown] label="dataset" tags=["fragment"]
# With a data set $\mathcal D$ of $m=|\mathcal D|$ trajectories, sum over time and **average over trajectories**:
#
# $$\frac{\partial J}{\partial\theta}\;\approx\;\frac1{|\mathcal D|}\sum_{\tau\in\mathcal D}\frac{\partial}{\partial\theta}\sum_t\log\pi_\theta(a_t\mid s_t)\,A(s_t,a_t)$$
#
# On the left stands the **performance** $J(\theta)$: the total reward of a trajectory, on average over all trajectories
# that the policy can produce. So ascending U on samples is ascending what you really care about, up to noise. Lessons
# 04 to 07 prove it. Here you can check it, on a task whose exact gradient is known: in each step *stay* (reward 1) or
# *stop* (reward 0, and the episode ends).

# %% label="dataset-exact" tags=["subslide"]
game = worlds.geometric_mdp(discount=1.0)
# Row 0: playing. Row 1: stopped, where there is nothing to decide.
game_logits = np.array([[np.log(0.7), np.log(0.3)], [0.0, 0.0]])
print(f"exact J = {game.performance(game_logits):.4f}")
print(f"exact advantages of stay and stop: {game.advantages(game_logits)[0]}")
print(f"exact ∂J/∂logits: {game.policy_gradient(game_logits)[0]}")

# %% label="dataset-sampled" tags=["subslide"]
m, longest = 20_000, 60  # more than 60 steps have probability 0.7⁶⁰, about 5e-10
everywhere = np.broadcast_to(game_logits[0], (m, longest, 2))
drawn = policy.sample(everywhere, np.random.default_rng(1))
stayed_so_far = np.cumprod(drawn == 0, axis=1)
mask = np.hstack([np.ones((m, 1)), stayed_so_far[:, :-1]])  # 1 while the episode runs

advantages = game.advantages(game_logits)[0][drawn]
batch = objectives.advantage_objective(everywhere, drawn, advantages, weights=mask)
per_trajectory = m * batch.grad_logits.sum(axis=1)  # undo the 1/m: each one's own gradient
error = per_trajectory.std(axis=0, ddof=1) / np.sqrt(m)
print(f"sampled ∂U/∂logits: {per_trajectory.mean(axis=0)}   standard error {error}")
print(f"exact   ∂J/∂logits: {game.policy_gradient(game_logits)[0]}")

# %% [markdown] label="convention" tags=["slide"] minutes=2
# > ### Convention card
# >
# > | question | in this course | elsewhere |
# > |---|---|---|
# > | sum or mean over time? | **sum** over the steps of a trajectory | many programs take the mean over all steps of a batch: the same direction if all episodes are equally long, scaled by 1/T |
# > | and over trajectories? | **mean**, 1/m | the same |
# > | objective or loss? | U is an **objective**: go up. L = −U is a **loss**: go down | libraries minimise, so they print L |
# > | whose samples? | the policy $\pi_\theta$ that is being changed | lesson 10: samples of an older policy, with a ratio |
# > | does the gradient go through A? | **no**, A is a constant | the same; forgetting it is a classic bug (lesson 09) |

# %% label="convention-code" tags=["subslide"]
T = len(taken)
weights = np.full(T, 1 / T)
mean_over_steps = objectives.advantage_objective(step_logits, taken, A[taken], weights)
print(f"sum over time {result.value:.4f} = {T} × mean over time {mean_over_steps.value:.4f}")

# %% [markdown] label="large" tags=["slide"] minutes=6
# ## What a large step does
#
# The gradient is a slope: it describes the ground *where you stand*.

# %% label="predict-large" tags=["fragment"]
Predict("08-large")

# %% [markdown] label="large-how" tags=["subslide"]
# The cell below trains 2,000 assistants in each group. Before each step it computes the advantages anew for the policy
# of that moment, so no weight is ever out of date.


# %% label="large-code-learn" tags=["fragment"]
def learn(step_size, runs, rng, steps=400):
    """Step on one sampled action at a time; return each run's final policy."""
    z = np.tile(logits, (runs, 1))
    for _ in range(steps):
        p = policy.softmax(z)
        drawn = policy.sample(z, rng)
        advantages = Q[drawn] - p @ Q  # exact advantages of the present policy
        z = z + step_size * advantages[:, None] * policy.score(z, drawn)
    return policy.softmax(z)


# %% label="large-code" answers="large" tags=["subslide"]
runs = 2_000
print(f"after 400 steps, {runs} runs of each:")
for step_size in [0.5, 5.0, 50.0]:
    final = learn(step_size, runs, np.random.default_rng(0))
    on_top = final.argmax(axis=1)
    lost = (on_top != 0) & (final.max(axis=1) > 0.99)
    print(
        f"η = {step_size:4.1f}:  refund on top in {np.mean(on_top == 0):7.2%} of runs, "
        f"more than 99% sure of something worse in {np.mean(lost):6.2%}"
    )

# %% [markdown] label="large-read" answers="large" tags=["subslide"]
# With small steps every run finds the best action. With the largest, about one run in five ends up sure of a worse one.
#
# A large step on a single sample makes the policy almost certain of whatever that sample
# praised. From then on it draws nothing else. And the score of an action with probability 1 is $1-1=0$, so its gradient
# is 0 too: the policy has no way left to learn better.
#
# No advantage was wrong here. The step left the ground on which the slope held. Lesson 10 (PPO) is about keeping it
# there.

# %% [markdown] label="loss" tags=["slide"] minutes=4
# ## Objective and loss
#
# Optimisers in libraries *minimise*. So programs hand them $L(\theta)=-U$, averaged over the data, and call it the actor
# loss. Going down on L is going up on U: the same step.
#
# The name misleads. In supervised learning a falling loss means progress. Does it here?

# %% label="predict-loss" tags=["fragment"]
Predict("08-loss")

# %% [markdown] label="loss-how" tags=["subslide"]
# The run below follows the exact expected gradient, with the advantages computed anew at each step, so that there is no
# noise to blame.

# %% label="loss-code" answers="loss" tags=["fragment"]
z = logits.copy()
J, L = [], []
for _ in range(200):
    p = policy.softmax(z)
    advantages = Q - p @ Q
    J.append(p @ Q)
    L.append(-(p @ (np.log(p) * advantages)))  # the mean of −log π(a) A(a), a drawn from π
    z = z + 0.5 * objectives.expected_advantage_objective(z, advantages).grad_logits
for k in [0, 3, 10, 50, 199]:
    print(f"step {k:3d}   J = {J[k]:.3f}   L = {L[k]:7.4f}")
print(f"J rises at every step: {np.all(np.diff(J) > 0)}")
print(f"L is lowest at step {np.argmin(L)}, with {min(L):.4f}")

# %% label="loss-figure" answers="loss" tags=["subslide", "folded"]
# draws J and L against the step
fig, (left, right) = figures.new_figure(7.2, 2.6, columns=2)
left.plot(J, color=figures.EXACT)
left.set(xlabel="step", ylabel="performance J")
right.plot(L, color=figures.EXACT)
right.set(xlabel="step", ylabel="actor loss L = −U")
figures.show(
    fig,
    alt="Two curves over 200 steps. The performance J rises from 3 towards 4. The actor loss L "
    "dips for three steps and then rises from about minus 0.66 towards 0.",
)

# %% [markdown] label="loss-read" answers="loss" tags=["subslide"]
# J climbs at every single step. L falls for three steps, to −0.658, and then *rises* towards 0. By L alone you would have
# stopped at step 3, at J = 3.524, with almost half of the way to 3.993 still to go.
#
# And L near 0 does not say that nothing was learned. It says that little is left to learn: almost every action drawn is
# the best one, and the best action's advantage over a policy that nearly always takes it is close to 0.
#
# To see progress, look at J: the average reward. (In real runs that is the average return of fresh episodes.)

# %% [markdown] label="sign" tags=["subslide"]
# One more way to go wrong is the sign. Descend on U, or ascend on L, and the worst action wins. One step is enough to
# see it.

# %% label="sign-code" tags=["fragment"]
right_way = policy.softmax(logits + 1.0 * g_exact)
wrong_way = policy.softmax(logits - 1.0 * g_exact)
print(f"before              π = {pi}   J = {pi @ Q:.3f}")
print(f"uphill on U         π = {right_way}   J = {right_way @ Q:.3f}")
print(f"downhill on U       π = {wrong_way}   J = {wrong_way @ Q:.3f}")

# %% [markdown] label="quiz-text" tags=["slide"] minutes=3
# ## Quiz
#
# After your answer you see a reason for every option, the wrong ones too.

# %% label="quiz" tags=["fragment"]
Quiz("08")

# %% [markdown] label="recap" tags=["slide"] minutes=2
# ## Recap
#
# 1. U is $\sum_t\log\pi_\theta(a_t\mid s_t)\,A(s_t,a_t)$: log-probability times advantage, summed over the steps of a
#    trajectory.
# 2. Its gradient is a weighted sum of scores; the advantage is a constant weight.
# 3. In the expected update logits follow the sign of *advantage minus mean*. Probabilities follow the logits *relative
#    to their average move*, so a small positive advantage can lose.
# 4. Sampled steps disagree with each other; their mean is the exact gradient.
# 5. U goes up, L = −U goes down, and neither measures progress. J does.

# %% [markdown] label="next" tags=["skip"]
# **Next:** [lesson 09](09_actor_critic.ipynb) learns the advantage instead of being given it. (The map is in
# [00 · Start here](00_start_here.ipynb).)
#
# *Sources.* The objective and its notation: T. Xiao and J. Zhu, *Foundations of Large Language Models*, chapter 4
# (2025). The policy gradient theorem: R. S. Sutton, D. McAllester, S. Singh and Y. Mansour, *Policy gradient methods for
# reinforcement learning with function approximation* (2000). Single-sample updates: R. J. Williams, *Simple statistical
# gradient-following algorithms for connectionist reinforcement learning* (1992).
