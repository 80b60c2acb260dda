# %% [markdown] label="title" tags=["slide"] minutes=1
# # 05 · REINFORCE
#
# This lesson is about one line, and the program that it becomes:
#
# $$\frac{\partial J}{\partial\theta}\;\approx\;\frac1m\sum_{\tau\in\mathcal D}\;\sum_t\frac{\partial\log\pi_\theta(a_t\mid s_t)}{\partial\theta}\;G_t$$

# %% [markdown] label="aims" tags=["subslide"]
# $G_t$ is what is earned from step $t$ on. After this lesson you will be able to
#
# - **write** REINFORCE, from sampled conversations to a policy that has learned,
# - **explain** why an action is not credited with the past, and **show** that what you leave out has mean 0,
# - **tell** a sum over the steps of an episode from a mean, and what the mean does to the direction,
# - **say** where the discount goes, and what becomes of the gradient if you leave one of its two places out.
#
# *About 50 minutes, and 15 more for the exercises. You need lesson 04: the policy gradient theorem.*

# %% label="setup" tags=["skip"]
import numpy as np
from course_utils import estimators, figures, learning_curves, mdp, policy, rollout, worlds
from course_utils.checks import check
from course_utils.widgets import GradientCloud, Predict, Quiz, ReinforceLab

np.set_printoptions(precision=4, suppress=True)

# %% [markdown] label="algorithm" tags=["slide"] minutes=5
# ## From the theorem to an algorithm
#
# The support assistant of lesson 04 replies twice: to the *first message*, and then to a *calm* or an *angry* customer.
# Each time it may give a *refund* or *apologise*. There are eight possible conversations, so the package can compute the
# exact performance $J$ and the exact gradient.
#
# The theorem says that the gradient is an expectation over trajectories:
#
# $$\frac{\partial J}{\partial\theta}=\mathbb E_{\tau}\!\left[\Bigl(\sum_t\frac{\partial\log\pi_\theta(a_t\mid s_t)}{\partial\theta}\Bigr)R(\tau)\right].$$
#
# You do not have the eight probabilities. You have $m$ conversations that were held.

# %% label="predict-count" tags=["fragment"]
Predict("05-count")

# %% label="algorithm-code" tags=["subslide"]
support = worlds.conversation()
logits = np.vstack([worlds.REPLY_LOGITS, [0.0, 0.0]])  # last row: closed, nothing to decide
pi = policy.softmax(logits)
names, replies = support.state_names, support.action_names
print(f"{'':14s}   π(refund)   points for refund, apologise")
for s in range(3):
    print(f"{names[s]:14s}   {pi[s, 0]:.1f}         {support.rewards[s]}")
print(f"exact J = {support.performance(logits):.2f}")

rng = np.random.default_rng(6)
m = 2_000
record = rollout.from_mdp(support, logits, m, rng)  # hold m conversations
for i in range(5):
    moves = zip(record.states[i], record.actions[i], record.rewards[i], strict=False)
    told = [f"{names[s]}: {replies[a]} ({r:+.0f})" for s, a, r in moves]
    print(f"conversation {i + 1}:  {', then '.join(told)}")

# %% [markdown] label="algorithm-read" answers="count" tags=["subslide"]
# How much should each conversation count? All the same. A probable one *comes up* more often: drawing has put the
# probability in already. So in the mean each counts $1/m$. This is called **uniform trajectory probability**. A factor
# $\mathrm{Pr}_\theta(\tau)$ on top would count it twice.
#
# So the estimator is a double loop. Read it line by line: which line is the score of lesson 02, which the sum over time,
# which the $1/m$?


# %% label="estimator" tags=["subslide"] answers="count"
def gradient_from(logits, states, actions, rewards):
    """Estimate ∂J/∂logits from m conversations of T replies; the arrays have shape (m, T)."""
    m, T = actions.shape
    g = np.zeros(logits.shape)
    for i in range(m):
        R = rewards[i].sum()  # what this conversation earned
        for t in range(T):
            s, a = states[i, t], actions[i, t]
            g[s] += policy.score(logits[s], a) * R / m
    return g


by_hand = gradient_from(logits, record.states[:, :-1], record.actions, record.rewards)
exact = support.policy_gradient(logits)
print("for the logits of refund, when each conversation counts 1/m")
print(f"from {m} conversations   {by_hand[:3, 0]}")
print(f"exact                     {exact[:3, 0]}")

# %% [markdown] label="package" tags=["subslide"]
# (Shown are the logits of *refund*, one for each state. The gradient for *apologise* is minus that.)
#
# This is the whole of **REINFORCE**. From here on the package does the two loops at once: `total_return` gives each step its
# weight $R(\tau)$, and `score_gradients` multiplies weights and scores and adds up over time, one gradient for each
# conversation. The mean over them is the estimate.

# %% label="package-code" tags=["fragment"]
weights = estimators.total_return(record)  # shape (m, T)
each = estimators.score_gradients(logits, record, weights)  # shape (m, states, actions)
estimate, error = each.mean(axis=0), each.std(axis=0, ddof=1) / np.sqrt(m)
print(f"estimate         {estimate[:3, 0]}")
print(f"standard error   {error[:3, 0]}")
print(f"exact            {exact[:3, 0]}")
print(f"the same as by hand: {np.allclose(estimate, by_hand, rtol=0, atol=1e-12)}")

# %% [markdown] label="cloud" tags=["slide"] minutes=4
# ## A cloud around the exact arrow
#
# One batch of $m$ conversations gives one estimate. Another batch gives another. The lab shows the estimates of 60 batches,
# each a dot, and the exact gradient, an arrow with a diamond. Two of its entries are drawn: the logit of *refund* at the first
# message (across), and for the angry customer (upwards). A hollow dot points downhill.

# %% label="predict-width" tags=["fragment"]
Predict("05-width")

# %% [markdown] label="cloud-lab-text" tags=["fragment"]
# Move *m* and watch the dashed ellipse. Change the policy as well: does the cloud follow its arrow?

# %% label="cloud-lab" tags=["subslide"]
GradientCloud(samples=4)

# %% [markdown] label="root" tags=["slide"] minutes=4
# ### How wide is the cloud?
#
# For each $m$ the cell makes 400 estimates and takes the root of their mean squared distance from the exact gradient. (It is
# enough to draw how often each of the eight conversations came up, with `multinomial`.)
#
# The exact line needs no sampling. `exact_moments` goes through all eight conversations and returns the mean of one
# conversation's gradient and its **variance**: the mean squared distance from the exact gradient, all entries together.

# %% label="root-code" tags=["subslide"] answers="width"
paths = support.enumerate_trajectories(logits)
one = estimators.exact_moments(paths, logits, estimators.total_return(paths))
print(f"mean of one conversation's gradient is exact: {np.allclose(one.mean, exact)}")
print(f"its variance: {one.variance:.3f}", end="")
print(f"   length of the exact gradient: {np.sqrt((exact**2).sum()):.3f}")

# %% label="root-code-batches" tags=["subslide"] answers="width"
of_path = estimators.score_gradients(logits, paths, estimators.total_return(paths))
of_path = of_path.reshape(8, -1)  # a row for each kind of conversation: its gradient
batches, sizes = 400, 4 ** np.arange(7)  # 1, 4, 16, … 4096
distance, band = np.zeros(7), np.zeros(7)
for k, m in enumerate(sizes):
    counts = rng.multinomial(m, paths.probabilities, size=batches)
    estimates = (counts / m) @ of_path  # 400 estimates, a row for each
    squared = ((estimates - exact.ravel()) ** 2).sum(axis=1)
    distance[k] = np.sqrt(squared.mean())
    band[k] = squared.std(ddof=1) / np.sqrt(batches) / (2 * distance[k])
    print(f"m = {m:4d}   distance {distance[k]:.4f} ± {band[k]:.4f}", end="")
    print(f"   exact {np.sqrt(one.variance / m):.4f}")

# %% label="root-figure" tags=["subslide", "folded"] answers="width"
# Draws the distance from the exact gradient against the batch size.
fig, (ax,) = figures.new_figure(7.2, 3.2)
ax.plot(sizes, np.sqrt(one.variance / sizes), color=figures.EXACT, lw=1)
ink = figures.SAMPLED_INK
ax.errorbar(sizes, distance, 2 * band, fmt="o", color=figures.SAMPLED, mec=ink, ms=7)
ax.set(xscale="log", yscale="log", xlim=(0.7, 6_000), ylim=(0.025, 3.5))
ax.set_xticks(sizes, [f"{m:,}" for m in sizes], minor=False)
ax.set_xticks([], minor=True)
ax.set_yticks([0.03, 0.1, 0.3, 1, 3], ["0.03", "0.1", "0.3", "1", "3"])
ax.set_yticks([], minor=True)
ax.set(xlabel="conversations in a batch, m", ylabel="distance from exact gradient")
ax.annotate("exact", (1.8, 1.75))
ax.annotate("measured, 400 batches for each dot", (20, 0.62), color=ink)
figures.show(
    fig,
    alt="Distance of the estimate from the exact gradient against the batch size, on log "
    "axes. Seven dots, from m = 1 to 4,096, lie on a straight line that falls by half each "
    "time m grows fourfold.",
)

# %% [markdown] label="root-read" answers="width" tags=["subslide"]
# **Four** times the conversations, half the distance. A mean over $m$ independent conversations has $1/m$ of the variance of
# one, and so a distance of
#
# $$\sqrt{\text{variance}/m}.$$
#
# The measured distances agree with that, the exact ones, within a few standard errors.
#
# The exact gradient itself has a length of 0.77. (The lab draws two of its six entries, and its arrow is shorter.) With one
# conversation the estimate lies 2.2 away from it: nearly three times that length. Only the mean is right.

# %% [markdown] label="ascent" tags=["slide"] minutes=5
# ## Walking uphill
#
# Estimate the gradient, take a small step along it, hold new conversations with the new policy, and so on. That is all
# there is to learning:


# %% label="ascent-code" tags=["subslide"]
def reinforce(logits, updates, m, step_size, rng):
    """Return the logits after these updates, and the exact J before and after each."""
    J = [support.performance(logits)]
    for _ in range(updates):
        record = rollout.from_mdp(support, logits, m, rng)  # 1. talk, with the present policy
        weights = estimators.total_return(record)  # 2. see what it earned
        g = estimators.score_gradients(logits, record, weights).mean(axis=0)  # 3. estimate
        logits = logits + step_size * g  # 4. step uphill
        J.append(support.performance(logits))  # for the picture; the learner does not see it
    return logits, np.array(J)


best_second = support.rewards[1:3].max(axis=1)  # the best reply to a calm, an angry customer
best = support.rewards[0] + support.transitions[0, :, 1:3] @ best_second
print(f"the best J after a refund {best[0]:.1f}, after an apology {best[1]:.1f}")

# %% [markdown] label="ascent-predict" tags=["fragment"]
# The best possible $J$ here is 1.4: refund at first, refund the angry, apologise to the calm.
#
# The next cell runs the loop with $m=5$ for 200 updates, and once more with `logits - step_size * g`.

# %% label="predict-climb" tags=["subslide"]
Predict("05-climb")

# %% label="ascent-run" tags=["subslide"] answers="climb"
climbed, J_up = reinforce(logits, 200, 5, 0.2, rng)
fallen, J_down = reinforce(logits, 200, 5, -0.2, rng)
print("200 updates with m = 5")
for name, z, J in [("uphill", climbed, J_up), ("minus sign", fallen, J_down)]:
    print(f"{name:10s}  J from {J[0]:.2f} to {J[-1]:5.2f}", end="")
    print(f"   π(refund) {policy.softmax(z)[:3, 0]}")
lost = np.diff(J_up) < 0
print(f"uphill: J fell at {lost.sum()} of {lost.size} updates", end="")
print(f", the most by {-np.diff(J_up).min():.3f}")

z, J_exact = logits, [J_up[0]]
for _ in range(200):
    z = z + 0.2 * support.policy_gradient(z)
    J_exact.append(support.performance(z))

# %% label="ascent-figure" tags=["subslide", "folded"] answers="climb"
# Draws J over the updates: uphill, with a minus sign, and along the exact gradient.
fig, (ax,) = figures.new_figure(7.2, 2.8)
ax.axhline(1.4, color=figures.REFERENCE, ls=":")
ax.plot(J_up, color=figures.SAMPLED)
ax.plot(J_down, color=figures.BELOW, ls="--")
ax.plot(J_exact, color=figures.EXACT, lw=1)
ax.set(xlim=(0, 200), ylim=(-2.7, 1.9), xlabel="updates", ylabel="exact performance J")
ax.annotate("best possible", (150, 1.5), color=figures.NEUTRAL)
ax.annotate("REINFORCE, m = 5 (thin: exact gradient)", (50, 0.55), color=figures.SAMPLED_INK)
ax.annotate("the same with a minus sign", (50, -1.9), color=figures.BELOW)
figures.show(
    fig,
    alt="Exact performance over 200 updates. REINFORCE climbs from 0.21 to nearly 1.4, close "
    "to the smooth curve of exact gradient ascent. With a minus sign it falls, "
    "far below 0.",
)

# %% [markdown] label="ascent-read" answers="climb" tags=["subslide"]
# REINFORCE climbs close to the best possible. It does not rise at every update: an estimate from 5 conversations sometimes
# points the wrong way. These falls are small, and later batches mend them.
#
# The minus sign learns as eagerly, and learns the worst: to apologise first, and then to do the wrong thing with either
# customer. $J$ is an **objective**, so you add. Libraries minimise a loss: there the minus stands in the loss, once.

# %% [markdown] label="luck" tags=["slide"] minutes=3
# ### Bad luck
#
# The estimate is unbiased for every $m$, even for $m=1$: its mean is the exact gradient. Now 400 assistants learn with
# $m=1$ and 400 with $m=10$, for 300 updates with a step size of 0.5.

# %% label="predict-luck" tags=["fragment"]
Predict("05-luck")


# %% label="luck-code-runs" tags=["subslide"]
def many_runs(m, runs, updates, step_size, rng):
    """REINFORCE in many runs at once; return the final J of each run."""
    z = np.tile(logits[:3], (runs, 1, 1))
    run = np.arange(runs)[:, None]
    for _ in range(updates):
        row = np.repeat(z[:, :1], m, axis=1)  # logits of the first message, shape (runs, m, 2)
        first = policy.sample(row, rng)
        calm = rng.random((runs, m)) < np.where(first == 0, 0.8, 0.3)
        mood = np.where(calm, 1, 2)
        row_2 = z[run, mood]
        second = policy.sample(row_2, rng)
        R = (support.rewards[0, first] + support.rewards[mood, second])[:, :, None]
        push, push_2 = policy.score(row, first) * R, policy.score(row_2, second) * R
        rows = [push, push_2 * (mood == 1)[:, :, None], push_2 * (mood == 2)[:, :, None]]
        g = np.stack([each.mean(axis=1) for each in rows], axis=1)  # first message, calm, angry
        z = z + step_size * g
    padding = np.zeros((1, 2))
    return np.array([support.performance(np.vstack([final, padding])) for final in z])


# %% label="luck-code" tags=["subslide"] answers="luck"
ended = {m: many_runs(m, 400, 300, 0.5, rng) for m in (1, 10)}
print("400 runs each, 300 updates")
for m, final in ended.items():
    print(f"m = {m:2d}: {(final < 1.0).sum():3d} runs end below J = 1", end="")
    print(f"   (lowest {final.min():.2f}, middle {np.median(final):.2f})")

# %% [markdown] label="luck-read" answers="luck" tags=["fragment"]
# With $m=10$ every run comes close to 1.4. With $m=1$ more than one in ten ends near **0.9**, the best that can follow when
# one apologises first.
#
# A few unlucky conversations made the first refund rare. From then on it was hardly ever tried, so nothing spoke for it any
# more. The gradient still points the right way on average. But it is nearly 0 there: it contains the probability of the
# refund.
#
# “Unbiased” is a promise about one estimate. It does not promise that every run arrives.

# %% [markdown] label="past" tags=["slide"] minutes=5
# ## An action cannot change the past
#
# Look at the weight again. Every reply of a conversation is multiplied with the *whole* return $R(\tau)$. The second reply
# gets credit for what the first one earned. But it came later. It cannot have caused that.
#
# Write the return out as a sum of rewards. The estimator then has a term for each pair of steps, $t$ for the score and $k$
# for the reward:
#
# $$\sum_t\frac{\partial\log\pi_\theta(a_t\mid s_t)}{\partial\theta}\;R(\tau)=\sum_t\sum_k\frac{\partial\log\pi_\theta(a_t\mid s_t)}{\partial\theta}\;r_k .$$
#
# Take a small game: in each of at most five steps you *stay* (1 point) or *stop* (no point, and it is over). The policy
# stays with probability 0.7. That makes 25 terms.

# %% label="predict-past" tags=["subslide"]
Predict("05-past")

# %% label="past-code" tags=["subslide"] answers="past"
game = worlds.geometric_mdp(horizon=5)
game_logits = np.log([[0.7, 0.3], [0.5, 0.5]])  # playing; stopped, nothing to decide
plays = game.enumerate_trajectories(game_logits)
means = np.zeros((5, 5))
for t in range(5):
    score_t = ((plays.actions[:, t] == 0) - 0.7) * plays.mask[:, t]  # for the logit of stay
    for k in range(5):
        means[t, k] = plays.probabilities @ (score_t * plays.rewards[:, k])
print("mean of score_t · r_k, exact")
print("        " + "".join(f"k = {k + 1}   " for k in range(5)))
for t in range(5):
    print(f"t = {t + 1}  " + " ".join(f"{x:7.4f}" for x in means[t].round(12) + 0))
of_stay = game.policy_gradient(game_logits)[0, 0]
print(f"all together {means.sum():.4f}   exact gradient {of_stay:.4f}")

# %% [markdown] label="past-read" answers="past" tags=["subslide"]
# The terms below the diagonal, $k<t$, are 0: the score met with a reward of the **past**. On the diagonal and above it they
# are not: an action does change the reward of its own step, and later ones.
#
# Why 0? Stand just before step $t$. The past is settled, so $r_k$ is a known number, call it $c$. The mean of the score is 0
# (lesson 02), and so is the mean of $c$ times the score. That holds after every past, hence also on average.
#
# Terms with mean 0 can be left out without changing the mean of the estimate. What remains as the weight of step $t$ is the
# **reward-to-go**
#
# $$G_t=\sum_{k\ge t}r_k .$$

# %% [markdown] label="diff" tags=["slide"] minutes=4
# ### Two lines
#
# ```diff
#      for i in range(m):
# -        R = rewards[i].sum()                            # what this conversation earned
#          for t in range(T):
# +            G = rewards[i, t:].sum()                    # what it earned from here on
#              s, a = states[i, t], actions[i, t]
# -            g[s] += policy.score(logits[s], a) * R / m
# +            g[s] += policy.score(logits[s], a) * G / m
# ```
#
# In the package `reward_to_go` takes the place of `total_return`.
#
# The mean stays. What becomes of the variance? The next cell measures it in three problems: our conversation of two replies;
# the game with up to 20 steps, staying with probability 0.9; and a tiny language model that writes three letters and is
# rewarded *once, at the end*.

# %% label="predict-variance" tags=["subslide"]
Predict("05-variance")

# %% label="diff-code" tags=["subslide"] answers="variance"
long_game, stay = worlds.geometric_mdp(horizon=20), np.log([[0.9, 0.1], [0.5, 0.5]])
letters = worlds.token_mdp()
problems = {
    "conversation": (support, logits),
    "game, 20 steps": (long_game, stay),
    "three letters": (letters, np.zeros(letters.rewards.shape)),
}
print("variance with the total return → with reward-to-go")
for name, (problem, z) in problems.items():
    every = problem.enumerate_trajectories(z)
    total = estimators.exact_moments(every, z, estimators.total_return(every))
    to_go = estimators.exact_moments(every, z, estimators.reward_to_go(every))
    right = np.allclose([total.mean, to_go.mean], problem.policy_gradient(z))
    print(f"{name:15s} both unbiased: {right}   variance", end="")
    factor = total.variance / to_go.variance
    print(f" {total.variance:8.3f} → {to_go.variance:8.3f}   ÷ {factor:.2f}")

# %% label="diff-code-states" tags=["subslide"] answers="variance"
print("conversation, variance of each state's logit of refund:")
for name, weigh in [("total", estimators.total_return), ("to go", estimators.reward_to_go)]:
    g = estimators.score_gradients(logits, paths, weigh(paths))[:, :3, 0]
    print(f"   {name}   {paths.probabilities @ g**2 - (paths.probabilities @ g) ** 2}")

# %% [markdown] label="diff-read" answers="variance" tags=["fragment"]
# - **The game:** the variance falls to less than a third. In a long episode most of a late step's weight was past. You need
#   3.5 times fewer episodes for the same precision.
# - **Three letters:** nothing changes. The only reward comes last, so *everything* is still to come at every step. A language
#   model that is rewarded at the end (lesson 11) gains nothing from this trick.
# - **The conversation:** one per cent.

# %% [markdown] label="diff-noisier" answers="variance" tags=["subslide"]
# Look at the last two lines before you call it progress. For the *calm* customer (second entry) the variance has **more than
# doubled**. After a refund, what we dropped was $-1$, and $-1$ happened to bring large weights nearer to 0. Unbiased does not
# mean less noisy. Lesson 06 subtracts such numbers on purpose.
#
# See it in the lab: choose *reward to go* as the weight and watch how high the ellipse becomes.

# %% label="diff-lab" tags=["subslide"]
GradientCloud(samples=4, vertical="calm")

# %% [markdown] label="corridor" tags=["slide"] minutes=4
# ## REINFORCE in a corridor
#
# Now the **short corridor** of Sutton and Barto. Three places in a row, the exit behind the third. Each step costs one
# point. *Right* leads towards the exit and *left* away from it, but in the **second** place the two are exchanged.

# %% label="corridor-picture" tags=["folded", "subslide"]
# Draws the corridor: where each action leads from each place.
fig, (ax,) = figures.new_figure(7.2, 2.0)
for x, name in enumerate(["first", "second", "third", "exit"]):
    line = {"ec": figures.EDGE, "fc": figures.MUTED if x < 3 else figures.PAPER}
    ax.text(x, 0, name, ha="center", va="center", bbox={"boxstyle": "round,pad=0.6", **line})
u = np.linspace(0, 1, 50)


def arrow(x, y, **line):
    ax.plot(x, y, lw=1.5, **line)
    angle = np.degrees(np.arctan2(0.8 * (y[-1] - y[-2]), 1.5 * (x[-1] - x[-2])))  # on paper
    ax.plot(x[-1], y[-1], marker=(3, 0, angle - 90), ms=9, color=line["color"])


solid = {"color": figures.POLICY}
dashed = {"color": figures.INK, "ls": "--"}
moves = [(0, 1, solid, "right"), (1, 0, solid, "right"), (2, 3, solid, "right")]
moves += [(1, 2, dashed, "left"), (2, 1, dashed, "left")]
for here, there, line, name in moves:  # to the right above the places, to the left below them
    side = 1 if there > here else -1
    inner = here + 0.12 * side + (there - here - 0.24 * side) * u
    arrow(inner, side * (0.4 + 1.2 * u * (1 - u)), **line)
    ax.text((here + there) / 2, 0.95 * side, name, ha="center", va="center")
turn = np.pi * (1 / 3 + 4 / 3 * u)
arrow(-0.27 + 0.2 * np.cos(turn), 0.45 * np.sin(turn), **dashed)
ax.text(-0.55, 0, "left", ha="right", va="center")
ax.set(xlim=(-1.2, 3.5), ylim=(-1.25, 1.25))
ax.axis("off")
figures.show(
    fig,
    alt="The short corridor: first, second, third place, and the exit, in a row. Solid "
    "arrows, the action right: from first to second, from second back to first, from third "
    "to the exit. Dashed arrows, the action left: from first to itself, from second on to "
    "third, from third to second.",
)

# %% [markdown] label="lab-text" tags=["subslide"]
# The walker in this lab has a handicap: all places look the same to it. It has one probability of *right* for all three.
# Always right never arrives, always left neither, so the best policy is a random one. Eight runs learn at once, with
# reward-to-go, from *right* at probability 0.05. Press *run*, and then try
#
# - the step size 1/64 and a batch of 1 episode: what happens to some of the runs?
# - the same step size with 10 episodes,
# - the minus sign.

# %% label="reinforce-lab" tags=["subslide"]
ReinforceLab()

# %% [markdown] label="lab-read" tags=["subslide"]
# As it stands, all eight come close to the best. With 1/64 and single episodes some run into *always left* or *always
# right*: one long, unlucky episode makes a huge step, and no later one leads back. Ten episodes make the step less noisy, and
# the same size does. The minus sign leads all eight to the worst.

# %% [markdown] label="means" tags=["slide"] minutes=3
# ## Sum or mean
#
# In the corridor episodes differ in length. The formula has a **sum** over the steps of an episode, and a **mean** over
# episodes. Many programs take a mean over steps in its place. There are two ways to do that:
#
# - **A** a mean over the steps of *each episode*, then a mean over episodes;
# - **B** one mean over *all steps of the batch* together: the sum of everything, divided by the number of steps.
#
# Take A first. The policy goes left and right equally often, now with logits of its own in each place. Episodes are cut off
# after 10 steps, so that they can all be listed.

# %% label="predict-steps" tags=["subslide"]
Predict("05-steps")

# %% label="corridor-code-walks" tags=["subslide"]
book = worlds.short_corridor()
corridor = mdp.TabularMDP(
    book.transitions, book.rewards, book.start, horizon=10, terminal_states=[3]
)
flat = np.zeros((4, 2))  # left and right equally likely, everywhere
walks = corridor.enumerate_trajectories(flat)
length = walks.mask.sum(axis=1)
Pr, mean_length = walks.probabilities, walks.probabilities @ length
print(f"{Pr.size} episodes of {length.min():.0f} to {length.max():.0f} steps", end="")
print(f", {mean_length:.3f} on average")


def degrees(g, h):
    """Return the angle between two gradients."""
    cosine = (g * h).sum() / np.sqrt((g**2).sum() * (h**2).sum())
    return np.degrees(np.arccos(min(1.0, cosine)))


# %% label="corridor-code" tags=["subslide"] answers="steps"
uphill = corridor.policy_gradient(flat)
print(f"exact                               {uphill[:3, 1]}")
for name, weigh in [("total", estimators.total_return), ("to go", estimators.reward_to_go)]:
    weights = weigh(walks) / length[:, None]  # a mean over the steps of each episode
    A = estimators.exact_moments(walks, flat, weights).mean
    angle = f"{degrees(A, uphill):.1f}° off" if np.abs(A).max() > 1e-12 else "no direction"
    print(f"A, mean in each episode, {name}      {A[:3, 1].round(12) + 0}   {angle}")

# %% [markdown] label="corridor-read" answers="steps" tags=["fragment"]
# (Shown are the logits of *right* in the three places.)
#
# **A leads elsewhere.** With the total return its mean is exactly **0**: nothing is ever learned. You can see why. In the
# corridor $R=-T$ for an episode of $T$ steps. Divided by $T$ every episode has the weight $-1$, the short ones and the
# long ones alike, and the mean of the scores alone is 0. In general, A with the total return follows the gradient of
# $\mathbb E[R/T]$, the reward *per step*, and that is another aim.

# %% [markdown] label="corridor-togo" answers="steps" tags=["subslide"]
# With reward-to-go the mean is 18° off: a bias that no batch size removes.
#
# **B** becomes a mere step size as the batch grows: the gradient divided by the mean length of an episode (*Going deeper*).
#
# Where all episodes are equally long, as in our conversation, both are exactly the gradient divided by $T$. That is why
# the mistake goes unnoticed for so long.

# %% [markdown] label="discount" tags=["slide"] minutes=5
# ## Where the discount goes
#
# With a discount $\gamma<1$, later rewards count less: $J=\mathbb E\bigl[\sum_t\gamma^{t-1}r_t\bigr]$. The reward-to-go,
# seen from step $t$, is
#
# $$G_t=\sum_{k\ge t}\gamma^{k-t}\,r_k .$$
#
# Its first reward has the factor 1. But in $J$ this reward has the factor $\gamma^{t-1}$. So the gradient of $J$ is
#
# $$\frac{\partial J}{\partial\theta}=\mathbb E\Bigl[\sum_t\gamma^{t-1}\,\frac{\partial\log\pi_\theta(a_t\mid s_t)}{\partial\theta}\,G_t\Bigr].$$
#
# The discount has **two places**: inside $G_t$, and as the factor $\gamma^{t-1}$ in front. Most programs leave the second
# one out. Some write $\sum_{k\ge t}\gamma^{k-1}r_k$, which contains it already, and then multiply by it again.
#
# Take our conversation with $\gamma=0.5$.

# %% label="predict-discount" tags=["subslide"]
Predict("05-discount")

# %% label="discount-code" tags=["subslide"] answers="discount"
impatient = mdp.TabularMDP(
    support.transitions, support.rewards, support.start, discount=0.5, terminal_states=[3]
)
talks = impatient.enumerate_trajectories(logits)
right = estimators.reward_to_go(talks)  # γ^(t−1) G_t
dropped = estimators.reward_to_go(talks, discount_steps=False)  # G_t
twice = right * 0.5 ** np.arange(2)  # γ^(t−1) γ^(t−1) G_t
print("                 first message, calm, angry")
print(f"exact            {impatient.policy_gradient(logits)[:3, 0]}")
for name, weights in [("γ^(t−1) G", right), ("G, dropped", dropped), ("twice", twice)]:
    g = estimators.exact_moments(talks, logits, weights).mean
    off = degrees(g, impatient.policy_gradient(logits))
    print(f"{name:14s}   {g[:3, 0]}   {off:.1f}° off")

# %% [markdown] label="discount-read" answers="discount" tags=["subslide"]
# The row of the first message stays: there $\gamma^0=1$. The rows of the second replies become twice as large when the factor
# is dropped, and half as large when it is applied twice. Later states get more weight, or less, than they have in $J$.
#
# Without the factor it is tempting to say that the gradient of the *undiscounted* $J$ is followed. It is not: $G_t$ is still
# discounted. In general it is the gradient of **no function at all** (*Going deeper* has the number that shows it). Programs
# leave the factor out and often do well: with $\gamma$ near 1 and short episodes the directions are close.

# %% [markdown] label="discount-say" answers="discount" tags=["subslide"]
# So say which one you use. In `estimators` it is `discount_steps=True` (the gradient of $J$) or `False`. With $\gamma=1$ there
# is no difference.

# %% [markdown] label="once" tags=["slide"] minutes=1
# ### A batch is used once
#
# Each batch is used for **one** update, and then thrown away. The estimate is an average over conversations *of the policy
# that is being changed*. After the update there is another policy, and the old conversations come with the old policy's
# frequencies.
#
# So REINFORCE is slow in two ways: it needs many conversations for one good estimate, and it needs them anew for the next.
# Less noise is the subject of lessons 06 and 07, and using a batch more than once that of lesson 10.

# %% [markdown] label="convention" tags=["slide"] minutes=1
# > ### Convention card
# >
# > | question | in this course | elsewhere |
# > |---|---|---|
# > | what weighs a step? | reward-to-go, $\gamma^{t-1}G_t$ | the total return R(τ): the same mean, mostly more noise |
# > | sum or mean over time? | a **sum** over the steps of an episode | a mean over all steps of the batch: a smaller step, and in small batches of unequal lengths a biased one (*Going deeper*) |
# > | is $\gamma^{t-1}$ in the gradient? | **yes**: it is the gradient of J | most programs drop it; in general that is the gradient of no function |
# > | objective or loss? | J is an **objective**: add the step | libraries minimise minus the mean of $\sum_tG_t\log\pi$ |
# > | does the gradient go through G? | **no**, G is a number that came back | the same |

# %% [markdown] label="turn-togo-text" tags=["slide"] minutes=7
# ## Your turn: reward-to-go
#
# Write a function for the rewards of **one** trajectory, shape (T,). Return $G_t=\sum_{k\ge t}\gamma^{k-t}r_k$ for each step,
# shape (T,).
#
# <details><summary>Hint 1</summary>
#
# Do the last step first: what is $G_T$? Then how does $G_{T-1}$ follow from it?
#
# </details>
# <details><summary>Hint 2</summary>
#
# $G_t=r_t+\gamma\,G_{t+1}$. Behind the last step there is nothing, so begin with 0 and go backwards.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `for t in reversed(range(T))` goes backwards. Keep the latest value in a variable, and write it into place t of an array of
# zeros, so that the order is right at the end.
#
# </details>


# %% label="turn-togo" tags=["fragment"]
def reward_to_go(rewards, discount):
    """Return G_t for each step, shape (T,)."""
    # BEGIN SOLUTION
    result, following = np.zeros(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        following = rewards[t] + discount * following  # what comes after counts γ less
        result[t] = following
    return result
    # END SOLUTION


# %% label="turn-togo-check" tags=["skip"]
check("reward_to_go", reward_to_go)

# %% [markdown] label="turn-reinforce-text" tags=["slide"] minutes=8
# ## Your turn: REINFORCE's gradient
#
# Now the whole estimate, for a batch. `states`, `actions` and `rewards` have shape (m, T): m trajectories of T steps each.
# `logits` has shape (S, A). Return the estimate of $\partial J/\partial\,\text{logits}$ for the discounted $J$, shape (S, A):
# with reward-to-go, and with the factor $\gamma^{t-1}$.
#
# <details><summary>Hint 1</summary>
#
# Take the double loop of this lesson. What has to change in it are the weights.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Your function `reward_to_go` gives the $G_t$ of one trajectory. In Python the first step has the index 0, so the factor of
# step `t` is `discount**t`.
#
# </details>
# <details><summary>Hint 3</summary>
#
# For each trajectory compute all $G_t$ once, before the loop over its steps. Add to the row of the state, and divide by m at
# the end: by m alone, and not by T.
#
# </details>


# %% label="turn-reinforce" tags=["fragment"]
def reinforce_gradient(logits, states, actions, rewards, discount):
    """Return the estimate of ∂J/∂logits, shape (S, A)."""
    # BEGIN SOLUTION
    gradient = np.zeros(np.shape(logits))
    for s_row, a_row, r_row in zip(states, actions, rewards, strict=True):
        G = [discount**t * G_t for t, G_t in enumerate(reward_to_go(r_row, discount))]
        for s, a, weight in zip(s_row, a_row, G, strict=True):
            gradient[s] += weight * policy.score(logits[s], a)
    return gradient / len(states)  # each trajectory counts 1/m
    # END SOLUTION


# %% label="turn-reinforce-check" tags=["skip"]
check("reinforce_gradient", reinforce_gradient)

# %% [markdown] label="quiz-text" tags=["slide"] minutes=4
# ## Quiz
#
# Each option has its reason. Read also the reasons of those you did not choose.

# %% label="quiz" tags=["fragment"]
Quiz("05")

# %% [markdown] label="recap" tags=["slide"] minutes=1
# ## Recap
#
# 1. REINFORCE: hold m conversations, weigh each step's score with what was earned, average with 1/m each, step uphill, and
#    begin anew.
# 2. The estimate is unbiased for every m. Its distance from the truth shrinks with $1/\sqrt m$.
# 3. An action cannot change the past, so $R(\tau)$ may give way to $G_t$: the mean stays, and in long episodes the noise
#    falls.
# 4. Sum over the steps of an episode, mean over episodes. A mean over each episode's own steps has another aim when
#    lengths differ.
# 5. The discount stands in $G_t$ **and** in front of it, $\gamma^{t-1}$. Without the second, later states count for more than
#    they do in $J$.

# %% [markdown] label="next" tags=["skip"]
# **Next:** [lesson 06](06_baselines.ipynb) takes away much of the noise, by subtracting a number that changes nothing on
# average. (The map is in [00 · Start here](00_start_here.ipynb).)
#
# **Build it:** [stages 1 to 3](problem_sets/build.ipynb).
#
# *Sources.* R. J. Williams, *Simple statistical gradient-following algorithms for connectionist reinforcement learning* (1992).
# R. S. Sutton and A. G. Barto, *Reinforcement Learning: An Introduction*, 2nd edition, section 13.3 and figure 13.1 (2018).
# T. Xiao and J. Zhu, *Foundations of Large Language Models*, chapter 4 (2025). C. Nota and P. S. Thomas, *Is the policy gradient a
# gradient?* (2020).

# %% [markdown] label="deeper" tags=["skip"]
# ## Going deeper
#
# Lesson 06 comes back to the corridor. Nothing else later in the course needs what follows.
#
# ### One mean over all steps of the batch
#
# Mean B divides by the number of steps in the batch, and that number is random: it depends on the episodes that were drawn.
# What does B come to on average? A batch is one episode and the other $m-1$. The cell builds up the distribution of their
# length together, one episode at a time: `np.convolve` gives the distribution of a sum of two independent numbers.

# %% label="corridor-batch" tags=["skip"]
steps = np.arange(11)
frequency = np.bincount(length.astype(int), Pr, minlength=11)  # Pr(an episode has n steps)
scores = estimators.score_gradients(flat, walks, walks.mask)
shares = Pr[:, None, None] * scores  # each episode with its probability
by_length = [shares[length == n].sum(axis=0) for n in steps]
for m in [1, 2, 4, 16, 64]:
    others = np.ones(1)  # Pr(the other m − 1 episodes have so many steps together)
    for _ in range(m - 1):
        others = np.convolve(others, frequency)
    B = np.zeros((4, 2))
    for n in steps[1:]:  # R = −n; all m episodes are alike
        B += by_length[n] * -n * m * (others / (n + np.arange(others.size))).sum()
    angle = f"{degrees(B, uphill):.2f}° off" if np.abs(B).max() > 1e-12 else "no direction"
    share = mean_length * np.linalg.norm(B) / np.linalg.norm(uphill)
    print(f"B, m = {m:2d}   B · mean length {mean_length * B[:3, 1].round(12) + 0}", end="")
    print(f"   {share:6.1%} as long, {angle}")
print(f"exact                      {uphill[:3, 1]}")

# %% [markdown] label="corridor-batch-read" tags=["skip"]
# These are exact means, by going through all lengths of the other $m-1$ episodes.
#
# **B becomes a step size** as the batch grows: with 64 episodes it is the exact gradient divided by the mean length, up to
# about one per cent. Here, with few episodes, it is shorter: a long episode enlarges the denominator that it is divided by. The
# direction hardly turns, by under 1°. For $m=1$, B and A are the same thing, and here that is 0.
#
# Even a mere step size is not innocent: the mean length changes while the policy learns.

# %% [markdown] label="angle" tags=["skip"]
# ### How far the missing factor turns the direction
#
# That depends on the problem and on $\gamma$. The next cell measures it in the corridor, now without the cut, and on a
# frozen lake of 16 places. In both the policy walks at random.
#
# These episodes can be of any length, so the cell does not list them. It uses that the exact gradient counts how often the
# policy decides in each state, a visit at step $t$ with the factor $\gamma^{t-1}$. Leave the factor out, and every visit counts
# in full. (What `advantages` are is the subject of lesson 07. They stand for the mean of $G_t$ here.)


# %% label="discount-angle" tags=["skip"]
def with_discount(problem, discount):
    terminal = problem.terminal_states
    return mdp.TabularMDP(
        problem.transitions, problem.rewards, problem.start, discount, terminal_states=terminal
    )


def without_factor(problem, z):
    """The mean of Σ_t score_t · G_t: the factor γ^(t−1) is left out."""
    visits = with_discount(problem, 1.0).visits(z)
    return visits[:, None] * policy.softmax(z) * problem.advantages(z)


lake = worlds.frozen_lake()
for discount in [0.5, 0.9, 0.99, 1.0]:
    told = []
    for name, base in [("corridor", book), ("lake", lake)]:
        problem, z = with_discount(base, discount), np.zeros(base.rewards.shape)
        off = degrees(without_factor(problem, z), problem.policy_gradient(z))
        told.append(f"{name} {off:5.1f}°")
    print(f"γ = {discount:4.2f}   " + "   ".join(told))

# %% [markdown] label="discount-what" tags=["skip"]
# ### What is followed without the factor?
#
# For any function, the order of two derivatives does not matter. So if $g$ is a gradient, the slope of its entry for the
# *first message* along the logit for the *calm* customer equals the slope the other way round. The cell compares the two,
# with the factor and without, in our conversation with $\gamma=0.5$.

# %% label="discount-what-code" tags=["skip"]
h = 1e-5
first, calm, angry = (0, 0), (1, 0), (2, 0)  # state, action: the logits of refund


def slope_of(field, entry, along):
    nudge = np.zeros((4, 2))
    nudge[along] = h
    return (field(logits + nudge)[entry] - field(logits - nudge)[entry]) / (2 * h)


def dropped_field(z):
    return without_factor(impatient, z)


for name, field in [("with factor", impatient.policy_gradient), ("without", dropped_field)]:
    for other, place in [("calm", calm), ("angry", angry)]:
        one_way, other_way = slope_of(field, first, place), slope_of(field, place, first)
        print(f"{name:12s} first along {other:5s} {one_way:.4f}", end="")
        print(f"   {other} along first {other_way:.4f}")

# %% [markdown] label="discount-what-read" tags=["skip"]
# With the factor the two slopes are equal. Without it one is twice the other. So here what is followed without the factor is
# the gradient of no function at all. There is nothing that it climbs.
#
# Nota and Thomas (2020) prove that this is so in general, and build a problem in which the update that most programs use can
# settle on the worst policy of all, by the discounted and by the undiscounted measure.

# %% [markdown] label="figure" tags=["skip"]
# ### A figure of the literature
#
# Sutton and Barto show REINFORCE at work in the short corridor (*Reinforcement Learning*, 2nd edition, figure 13.1). The
# walker is that of the lab: one probability of *right* for all three places. So $\theta$ has two entries, one for *right* and
# one for *left*, shared by all places. (In code `book.features` holds, for each place and action, how much each entry of
# $\theta$ adds to the logit: its **features**. Here they are 0 and 1.)
#
# The best policy goes right with probability $2-\sqrt2\approx0.59$, and its performance is $v_*=-(6+4\sqrt2)\approx-11.66$.
# (The lab ends an episode after 100 steps. Here it goes on to the exit, so $J$ begins lower than in the lab.)
#
# The book's settings: step sizes $\alpha=2^{-12},2^{-13},2^{-14}$; 1,000 episodes; the mean of 100 runs; no discount. After
# each episode the book's program goes through its steps in order and changes $\theta$ at **every step**, by
# $\alpha\,G_t\,\partial\log\pi_\theta(a_t\mid s_t)/\partial\theta$. `reinforce_runs` does the same, for all 300 runs at once.
#
# Two things are ours to choose, since the settings do not say. We begin with *right* at probability 0.05, one of the two
# policies that the book's example 13.1 discusses. And we keep the probability of either action at 0.05 or above, by a floor;
# the next section shows why.

# %% label="figure-code" tags=["skip"]
theta = np.array([np.log(0.05 / 0.95), 0.0])  # right, left
start_J = book.performance(book.features @ theta)
v_star = -(6 + 4 * np.sqrt(2))
alphas = [2.0**-12, 2.0**-13, 2.0**-14]
returns = learning_curves.reinforce_runs(
    book,
    theta,
    step_sizes=alphas,
    runs=100,
    episodes=1_000,
    least_probability=0.05,
    rng=np.random.default_rng(131),
)
print(f"start: J = {start_J:.1f}   v* = {v_star:.2f}")
early, late = returns[:, :, 50:150].mean(axis=2), returns[:, :, -100:].mean(axis=2)
for k, name in enumerate(["2^-12", "2^-13", "2^-14"]):
    for when, block in [("episodes 51–150", early[k]), ("last 100", late[k])]:
        error = block.std(ddof=1) / np.sqrt(block.size)
        print(f"α = {name}   {when:15s}  {block.mean():6.2f} ± {error:.2f}", end="")
        print(f"   lowest run {block.min():6.2f}, middle {np.median(block):5.1f}")

# %% label="figure-figure" tags=["folded", "skip"]
# Draws the mean return of 100 runs over the episodes, for three step sizes.
fig, (ax,) = figures.new_figure(7.2, 3.8)
blocks = returns.reshape(3, 100, 100, 10).mean(axis=3)  # means of 10 episodes, in each run
episode = np.arange(5.5, 1_000, 10)
ax.axhline(v_star, color=figures.EXACT, ls=":")
styles = [(figures.BELOW, "--"), (figures.ABOVE, "-"), (figures.POLICY, "-.")]
labels = ["α = 2⁻¹²", "α = 2⁻¹³", "α = 2⁻¹⁴"]
for k, (color, style) in enumerate(styles):
    mean = blocks[k].mean(axis=0)
    error = blocks[k].std(axis=0, ddof=1) / np.sqrt(100)
    ax.fill_between(episode, mean - error, mean + error, color=color, alpha=0.3, lw=0)
    ax.plot(episode, mean, color=color, ls=style, lw=1.3, label=labels[k])
ax.annotate("v*", (985, v_star + 1), ha="right")
ax.legend(loc="lower right", frameon=False)
ax.set(xlim=(0, 1_000), ylim=(-85, -5))
ax.set(xlabel="episode", ylabel="return, mean of 100 runs")
figures.show(
    fig,
    alt="Mean return of 100 runs against the episode, for three step sizes, with narrow bands. "
    "All rise from about minus 80. The largest step size rises fastest. It and the middle one "
    "come close to the dotted line v* at minus 11.66; the smallest is still below it at the "
    "end.",
)

# %% [markdown] label="figure-read" tags=["skip"]
# The bands are one standard error to each side, over the 100 runs. Each point is a mean of 10 episodes as well.
#
# Our plateaus, the mean of the last 100 episodes $\pm$ one standard error over the runs:
#
# | $\alpha$ | $2^{-12}$ | $2^{-13}$ | $2^{-14}$ |
# |---|---|---|---|
# | last 100 episodes | $-12.05\pm0.30$ | $-12.42\pm0.11$ | $-14.90\pm0.15$ |
#
# The book's conclusion is ours as well: with a good step size the return approaches $v_*=-11.66$. The smallest step size is
# still on its way, so its number is no plateau yet.
#
# The largest is far ahead at episode 100. At the end it cannot be told from the middle one, and its standard error is by far
# the largest. Look at the lowest run: **one** of the 100 is at $-40.70$, while the middle run is at $-11.75$. That one is stuck
# near *always right*, where the floor holds it. Speed has its risk.
#
# No curve lies above $v_*$ but for noise. It is the best that *any* policy with this handicap can do.

# %% [markdown] label="runaway" tags=["skip"]
# ### Changing θ inside an episode
#
# How does a run get stuck at *always right*, and why the floor? Here is the reason, without any chance in it. Take an episode in
# which every 20th step is *right*, as often as the policy says. Sweep over it in order, as the book does; or add up first and
# take one step, as our loop did. No floor here.


# %% label="runaway-code" tags=["skip"]
def after_one_episode(length, alpha):
    """Return π(right) after a sweep that changes θ at every step, and after one step."""
    start = swept = np.log(0.05 / 0.95)  # θ_right − θ_left
    one_step = 0.0
    for t in range(length):
        right, G = t % 20 == 19, -(length - t)
        pi_right = 1 / (1 + np.exp(-swept))
        swept += alpha * G * 2 * (right - pi_right)  # 2: θ_left moves against θ_right
        one_step += alpha * G * 2 * (right - 0.05)
    return 1 / (1 + np.exp(-swept)), 1 / (1 + np.exp(-start - one_step))


for episode_length in [100, 200, 400, 600]:
    swept, one_step = after_one_episode(episode_length, 2.0**-12)
    print(f"{episode_length} steps   π(right) after a sweep {swept:.4f}", end="")
    print(f"   after one step {one_step:.4f}")

# %% [markdown] label="runaway-read" tags=["skip"]
# Up to 200 steps the two hardly differ. With 400 the sweep doubles the probability, and with 600 it ends at **always right**.
# From there the exit is never reached. (With the floor, *right* stays at 0.95 or below, and the next episode does end.)
#
# The old *lefts* were drawn when *left* had probability 0.95. During the sweep the policy changes, and they no longer come
# with its frequencies. Each old *left* pushes *right* up by $\alpha\,|G_t|\,\pi(\text{right})$. The more probable *right*
# becomes, the harder they push. A return of a few hundred is enough to set that off.
#
# The theorem speaks of samples of the policy that is being changed. Samples of an older policy are another matter, even when
# it is older by a few steps only.
