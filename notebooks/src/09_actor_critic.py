# %% [markdown] label="title" tags=["slide"] minutes=1
# # 09 · Actor-critic
#
# This lesson is about one loss:
#
# $$L(\theta,w)=-\,U(\theta)\;+\;c_V\sum_t\tfrac12\bigl(G_t-V_w(s_t)\bigr)^2\;-\;c_H\sum_t H\bigl(\pi_\theta(\cdot\mid s_t)\bigr)$$

# %% [markdown] label="aims" tags=["subslide"]
# After it you will be able to
#
# - **name** its three terms and say which parameters each of them moves,
# - **say** what must not be differentiated, and compute what goes wrong if it is,
# - **tell** what the loss says about the policy, and whether a critic is any good,
# - **train** an agent, and report what it can do from fresh episodes, with a confidence interval.
#
# *About 60 minutes, and 20 more for the exercises. You need lessons 07 and 08.*

# %% label="setup" tags=["skip"]
import numpy as np
from course_utils import (
    diagrams,
    figures,
    objectives,
    policy,
    returns,
    rollout,
    training,
    worlds,
)
from course_utils.checks import check
from course_utils.widgets import Predict, Quiz, TrainingLab

np.set_printoptions(precision=4, suppress=True)

# %% [markdown] label="two" tags=["slide"] minutes=3
# ## Two learners
#
# The objective of lesson 08 needs advantages, and lesson 07 said where they come from: from a **critic** that estimates the
# state values. So there are two learners.
#
# - The **actor** is the policy $\pi_\theta(a\mid s)$. It acts, and learns which actions to take more often.
# - The **critic** is $V_w(s)$, with parameters $w$ of its own. It never acts. It learns what is usual, and tells the actor
#   how much better it went.
#
# They learn from the same trajectories, over and over: act, judge, step both, act again.

# %% label="two-diagram" tags=["subslide"]
diagrams.actor_critic()

# %% [markdown] label="two-read" tags=["fragment"]
# At the start both know nothing, and neither waits for the other. As long as the critic says 0 everywhere, $\hat A_t$ of
# lesson 07 is nearly the plain return (with λ near 1), and REINFORCE learns from that too. Later the critic follows the
# actor, always a little behind.

# %% [markdown] label="three" tags=["slide"] minutes=6
# ## A loss of three terms
#
# Libraries minimise one number, a **loss** with three terms:
#
# | term | says | moves |
# |---|---|---|
# | actor loss, −U = −Σ log π · Â | make better-than-usual actions likelier | θ |
# | critic loss, Σ ½ (G − V)² | make V the average of the returns | w |
# | entropy bonus, −Σ H | do not become certain too soon | θ |
#
# $H$ is the entropy of lesson 01. $\hat A_t$ are the estimates of GAE (lesson 07), and $G_t=\hat A_t+V_w(s_t)$ is the critic's
# **target**. With λ = 1 that is the return, as $G_t$ was until now; with less, it is partly the critic's own guess: in the
# example below it is 1.9, where the return is −1 + 3 = 2. The factors $c_V$ and $c_H$ say how much the second and the third term
# count.
#
# This is **advantage actor-critic**, A2C for short. Here it is, for one conversation of the support assistant.

# %% label="three-code" tags=["subslide"]
support = worlds.conversation()
logits = np.log([[0.5, 0.5], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])  # first, calm, angry, closed
states, actions = np.array([0, 1]), np.array([0, 1])  # refund; calm; apologise
rewards, discounts = np.array([-1.0, 3.0]), np.array([1.0, 0.0])
V = np.array([0.0, 1.0, -1.0, 0.0])  # an untrained critic
c_V, c_H = 0.5, 0.1

values = np.append(V[states], 0.0)
A_hat = returns.gae(rewards, discounts, values, lambda_=0.95)
G = A_hat + values[:-1]
log_pi = policy.log_softmax(logits)[states]
H = -(np.exp(log_pi) * log_pi).sum(axis=1)
actor = -(log_pi[np.arange(2), actions] * A_hat).sum()
critic = (0.5 * (G - values[:-1]) ** 2).sum()
print(f"advantages {A_hat}   targets {G}")
print(f"actor {actor:.4f}   critic {critic:.4f}   entropy {H.sum():.4f}")
print(f"total loss {actor + c_V * critic - c_H * H.sum():.4f}")

# %% [markdown] label="three-package-text" tags=["subslide"]
# The package has it as one function, with both gradients. Descending is subtracting them.

# %% label="three-package" tags=["fragment"]
loss = objectives.a2c_loss(
    logits[states], actions, rewards, discounts, values,
    lambda_=0.95, value_cost=c_V, entropy_cost=c_H,
)  # fmt: skip
print(f"total {loss.total:.4f}")
print(f"gradient for the logits, a row for each step\n{loss.grad_logits}")
print(f"gradient for the values {loss.grad_values}")

# %% [markdown] label="three-read" tags=["subslide"]
# Read the signs. Both replies had a positive advantage, and the gradient is negative at the reply that was given:
# **descending** raises its logit. Both values were below their targets, and descending raises them.
#
# Compared with REINFORCE, lesson 05:
#
# ```diff
# - weights = G_t
# + weights = GAE(rewards, V)                       # lesson 07, as constants
#   θ ← θ + η Σ_t score_t · weights_t
# + w ← w + η_V Σ_t (target_t − V(s_t)) ∂V(s_t)/∂w  # the critic follows
# + θ ← θ + η c_H Σ_t ∂H_t/∂θ                       # the entropy bonus
# ```

# %% [markdown] label="stop" tags=["slide"] minutes=7
# ## What must not flow
#
# $\hat A_t$ contains $V_w$. So the actor loss −Σ log π · Â *could* be differentiated with respect to $w$ as well. Automatic
# differentiation does exactly that, unless it is told to **stop the gradient** (`detach`, `stop_gradient`) at the advantage.
#
# What if it is forgotten? Take λ = 1, so that $\hat A_t=G_t-V_w(s_t)$ with the observed return. The actor loss is then
# −Σ log π (G − V). Below, the whole loss is descended with respect to V alone, with the leak and without, on 4,000
# conversations.

# %% label="predict-stop" tags=["subslide"]
Predict("09-stop")

# %% label="stop-code-settle" tags=["subslide"]
rng = np.random.default_rng(9)
talks = rollout.from_mdp(support, logits, 4_000, rng)
s, a = talks.states[:, :-1], talks.actions
to_go = returns.discounted_returns(talks.rewards, talks.discounts)
log_prob = policy.log_softmax(logits)[s, a]


def settle(leak):
    """Descend on the loss with respect to V alone, with or without the leak."""
    V = np.zeros(3)
    for _ in range(60):
        slope = c_V * (V[s] - to_go)  # the critic's own loss
        if leak:
            slope = slope + log_prob  # ∂/∂V of −log π (G − V)
        V -= [slope[s == k].mean() for k in range(3)]  # for each state its mean
    return V


# %% label="stop-code" answers="stop" tags=["subslide"]
exact, entropy = support.state_values(logits)[:3], policy.entropy(logits)[:3]
print("V of the first message, then of a calm and of an angry customer")
print(f"exact V                  {exact}")
print(f"stopped                  {settle(leak=False)}")
print(f"leaking                  {settle(leak=True)}")
print(f"exact V + entropy / c_V  {exact + entropy / c_V}")

# %% [markdown] label="stop-read" answers="stop" tags=["fragment"]
# With the leak every value comes out too high, by the entropy of the policy in that state, divided by $c_V$. Here that is
# more than a point. The critic no longer says what is usual. It says what makes the *actor's loss* small.
#
# Why? The leak's push on $V(s)$ is $-\log\pi(a\mid s)$ each time, and its mean under the policy is the entropy. The critic's
# own pull, $c_V(V-G)$, balances it $H/c_V$ above the exact value.
#
# The same goes for the critic's **target**. In $r_t+\gamma V(s_{t+1})$ the second part comes from the critic, and it is held
# constant as well: the target is where the critic should go, so it stays put.

# %% [markdown] label="entropy" tags=["slide"] minutes=5
# ## The entropy bonus
#
# A policy that has become nearly certain hardly tries anything else, and so cannot find out that something else is better.
# The bonus $c_H H$ pays for staying undecided.
#
# Which way does it push? Lesson 02 gave $\partial\pi_b/\partial z_a=\pi_b([a=b]-\pi_a)$. Put that into the derivative of
# $H=-\sum_b\pi_b\log\pi_b$:
#
# $$\frac{\partial H}{\partial z_a}=-\sum_b\frac{\partial\pi_b}{\partial z_a}(\log\pi_b+1)=-\pi_a(\log\pi_a+1)+\pi_a\sum_b\pi_b(\log\pi_b+1)=-\pi_a(\log\pi_a+H).$$
#
# Compare the exact gradient of one decision, $\pi_a(R_a-J)$. The **surprise** $-\log\pi_a$ stands in the place of the
# reward, and $H$, its mean, in the place of J: actions that are rarer than usual are pushed up.

# %% label="entropy-slope" tags=["subslide"]
p, h = np.array([0.05, 0.9, 0.05]), 1e-6
z, H_p = np.log(p), policy.entropy(np.log(p))
nudged = [policy.entropy(z + h * one) - policy.entropy(z - h * one) for one in np.eye(3)]
print(f"−π (log π + H)  {-p * (np.log(p) + H_p)}")
print(f"z nudged        {np.array(nudged) / (2 * h)}")

# %% [markdown] label="entropy-ask" tags=["slide"] minutes=4
# ### How much of it?
#
# Three replies, with rewards 1.0, 0.9 and 0, and a policy that starts out fond of the second: probabilities 0.05, 0.9, 0.05.
# We follow the *exact* gradient for 300 steps, with $c_H=0$, 0.05, 0.5 and −0.05.

# %% label="predict-entropy" tags=["fragment"]
Predict("09-entropy")

# %% label="entropy-code" answers="entropy" tags=["subslide"]
choice = worlds.three_action_state([1.0, 0.9, 0.0])
print("after 300 steps")
for c in (0.0, 0.05, 0.5, -0.05):
    z = np.log([0.05, 0.9, 0.05])
    for _ in range(300):
        table = np.stack([z, np.zeros(3)])
        log_p = policy.log_softmax(z)
        bonus = -np.exp(log_p) * (log_p + policy.entropy(z))  # ∂H/∂z
        z = z + choice.policy_gradient(table)[0] + c * bonus
    p, H_end = policy.softmax(z), policy.entropy(z)
    print(f"c_H = {c:5.2f}: policy {p}   entropy {H_end:.3f}   J = {p @ choice.rewards[0]:.3f}")

# %% [markdown] label="entropy-read" answers="entropy" tags=["subslide"]
# Without the bonus, 300 steps were not enough: the policy is still fond of the second reply, J = 0.907.
#
# With $c_H=0.05$ it found the best reply, and keeps trying the others now and then: J = 0.986. With 0.5 it stays so
# undecided that J ends at 0.889, lower than with no bonus at all. The bonus is paid for with reward.
#
# The wrong sign, −0.05, makes the policy certain of whatever it happened to prefer: 0.994 for the second reply.
#
# So a falling entropy is not bad in itself. It is a warning when it falls *before* the rewards have risen.

# %% [markdown] label="stale" tags=["slide"] minutes=6
# ## The loss is not a loss
#
# In supervised learning the loss measures how well you do. The actor loss looks the same and is something else. It is built
# so that its **gradient** is right, at one place: for the policy that drew the batch.
#
# A test. The assistant may *refund* (reward 0.4), *apologise* (0), or *promise* anything. A promise earns 1, and in one case
# in ten it goes badly wrong and costs 12. The policy starts with 0.4, 0.3, 0.3.
#
# **One** batch of 20 replies came out as it should: 8 refunds, 6 apologies, 6 promises. None of the promises failed, which has
# a chance of $0.9^6=0.53$. We keep the batch, and drive its loss down for 300 steps.

# %% label="predict-stale" tags=["subslide"]
Predict("09-stale")

# %% label="stale-code" answers="stale" tags=["subslide"]
pi_0 = np.array([0.4, 0.3, 0.3])
mean_reward = np.array([0.4, 0.0, 0.9 * 1 + 0.1 * -12])  # refund, apologise, promise
a = np.repeat([0, 1, 2], [8, 6, 6])  # the batch
r = np.array([0.4, 0.0, 1.0])[a]  # no promise failed
A = r - r.mean()
z, losses, J = np.log(pi_0), [], []
for _ in range(301):
    losses.append(-(policy.log_softmax(z)[a] * A).mean())
    J.append(policy.softmax(z) @ mean_reward)
    push = (np.eye(3)[a] - policy.softmax(z)) * A[:, None]  # a row for each reply: score × A
    z = z + 0.2 * push.mean(axis=0)
print("steps   loss of the batch   exact J")
for step in (0, 20, 100, 300):
    print(f"{step:5d} {losses[step]:19.3f} {J[step]:9.3f}")

# %% label="stale-figure" answers="stale" tags=["subslide", "folded"]
# Draws the loss of the batch and the exact J, step by step.
fig, (left, right) = figures.new_figure(7.2, 2.9, columns=2)
left.plot(losses, color=figures.SAMPLED)
right.plot(J, color=figures.POLICY)
right.axhline(J[0], color=figures.EXACT, lw=1)
right.text(300, J[0] - 0.01, "J at the start", ha="right", va="top", fontsize=9)
left.set(xlabel="steps on the same batch", title="actor loss of the batch")
right.set(xlabel="steps on the same batch", title="exact performance J")
figures.show(
    fig,
    "Two panels. Left: the actor loss of the batch falls in a straight line. Right: the exact "
    "performance falls below its start at once and levels off at −0.3.",
)

# %% [markdown] label="stale-read" answers="stale" tags=["fragment"]
# The loss falls, and falls, and has no floor: the log-probability of an action with a negative advantage can go to −∞.
# Meanwhile the policy becomes *worse than at the start*. In this batch promises look excellent, so it makes nothing but
# promises: J = −0.3. (Bad luck? *Going deeper* draws a thousand batches.)

# %% [markdown] label="stale-rules" answers="stale" tags=["subslide"]
# Nothing in the loss can tell you: it is computed from the batch, and the batch does not know what it has not seen. So
#
# - **Watch the return of fresh episodes, not the loss.** A loss near 0 does not mean that nothing is learned.
# - **Take one step for each batch.** Then draw anew. (Lesson 10 takes a few steps, with a brake.)
# - **Do not compare the losses of different batches.** Each of them measures something else.

# %% [markdown] label="fresh" tags=["subslide"]
# ### The other way round
#
# Now train properly, a fresh batch of 200 replies for each of 600 steps, and write down the actor loss as well.

# %% label="predict-fresh" tags=["fragment"]
Predict("09-fresh")

# %% label="fresh-code" answers="fresh" tags=["subslide"]
rng = np.random.default_rng(91)
z = np.log(pi_0)
print("step   loss of the batch   expected loss        J")
for step in range(601):
    p, log_p = policy.softmax(z), policy.log_softmax(z)
    a = policy.sample(np.broadcast_to(z, (200, 3)), rng)
    promise = np.where(rng.random(200) < 0.1, -12.0, 1.0)
    r = np.where(a == 2, promise, np.array([0.4, 0.0, 0.0])[a])
    A = r - p @ mean_reward
    if step % 150 == 0:
        expected = -(p * (mean_reward - p @ mean_reward) * log_p).sum()
        of_batch = -(log_p[a] * A).mean()
        print(f"{step:4d} {of_batch:19.3f} {expected:15.3f} {p @ mean_reward:8.3f}")
    z = z + 0.1 * ((np.eye(3)[a] - p) * A[:, None]).mean(axis=0)  # then draw anew

# %% [markdown] label="fresh-read" answers="fresh" tags=["subslide"]
# The expected loss falls at first. Then it turns and goes *up*, and J goes on rising. At the end the policy is nearly certain
# and little is left to push. By the loss alone, it would look hardly better than the policy at the start.

# %% [markdown] label="explained" tags=["slide"] minutes=4
# ## Is the critic any good?
#
# The critic's loss does not tell: it depends on the scale of the rewards, and even a perfect critic has the noise of the
# returns left. A number that can be compared between runs is the **explained variance**, with G the return,
#
# $$1-\frac{\mathrm{Var}(G-V)}{\mathrm{Var}(G)}.$$
#
# 1 means that V follows every return.
#
# Four critics for the conversation: the exact V, a constant, the exact V plus 100, and the exact V times −1.

# %% label="predict-explained" tags=["subslide"]
Predict("09-explained")

# %% label="explained-code" answers="explained" tags=["subslide"]
exact_V = support.state_values(logits)[s]
critics = {
    "exact V": exact_V,
    "a constant": np.full(s.shape, 0.21),
    "exact V + 100": exact_V + 100,
    "exact V times −1": -exact_V,
}
print("explained variance, and mean error")
for name, guess in critics.items():
    share = 1 - (to_go - guess).var() / to_go.var()
    print(f"{name:17s} {share:z6.2f} {(guess - to_go).mean():z7.2f}")

# %% [markdown] label="explained-read" answers="explained" tags=["fragment"]
# Even the exact V explains only 0.37 of the variance: the rest comes from what no function of the state knows, the
# customer's next mood and the assistant's own choices. (From the second the actor learns.) So there is no mark to
# reach. Watch whether the number rises during training, and be alarmed when it is below 0.
#
# And it is blind to an offset. The critic that is wrong by 100 gets the same number, and as a baseline it would be a
# disaster. Look at the mean error too.

# %% [markdown] label="live" tags=["slide"] minutes=10
# ## Watch it learn
#
# Now the whole loop, on an **environment**, a world that a program acts in, of the library Gymnasium. FrozenLake is a grid of
# 4 × 4 cells: start in one corner, a present in the other, four holes on the way. Reaching the present pays 1, everything
# else 0. A hole ends the episode. The ice does not slip here. Policy and critic are tables, of logits and of values.
#
# Gymnasium publishes this environment's transition table, so J can be computed exactly: it is the probability to reach the
# present within 100 steps.

# %% [markdown] label="live-loop" tags=["subslide"]
# The lab trains by A2C, with batches of 8 episodes, no whitening, no discount. Its steps are those of **Adam**, a common rule
# that divides each entry of the gradient by that entry's recent size.

# %% label="predict-live" tags=["subslide"]
Predict("09-live")

# %% label="live-lab" answers="live" tags=["subslide"]
lab = TrainingLab("FrozenLake")
lab.train(60)
lab

# %% [markdown] label="live-try" tags=["subslide"]
# Dots are the mean returns of the training batches, the line is the exact J, the arrows are the policy, and the number in a
# cell is the critic's V. Things to try:
#
# 1. Reset, train a few updates at a time, and watch where V rises.
# 2. Set the entropy cost as high as it goes, reset and train 150 updates. How often does the policy reach the present?
# 3. Choose the pole on the cart, train, and press *play*: you see one fresh episode of what it has learned.

# %% label="live-check" answers="live" tags=["subslide"]
print(f"the critic's V after {lab.updates} updates, cell by cell")
print(lab.value_parameters.reshape(4, 4).round(2))
for entropy_cost in (0.2, 0.01):
    other = TrainingLab("FrozenLake", entropy_cost=entropy_cost)
    other.train(150)
    J, H = other.performance(), other.history().entropies[-1]
    print(f"entropy cost {entropy_cost:.2f}: after 150 updates J {J:.2f}, entropy {H:.2f}")
print(f"V after 150 updates\n{other.value_parameters.reshape(4, 4).round(2)}")

# %% [markdown] label="live-read" answers="live" tags=["subslide"]
# $V$ is highest next to the present, from where least can go wrong. Train on, and it comes
# near 1 everywhere. Without a discount, a policy that always arrives is worth 1 from anywhere.
#
# With the highest entropy cost the policy stays undecided and misses the present in one episode out of five.

# %% [markdown] label="helps" tags=["subslide"]
# ### Does the critic help?
#
# One run with and one without a critic prove nothing. So take twelve of each: REINFORCE on the grid of lesson 07, where each
# step costs a point, with a critic as the baseline or without. Of each dozen we print the mean J and its 95 % **confidence
# interval**: about 95 of 100 such intervals contain the true mean.

# %% label="predict-helps" tags=["fragment"]
Predict("09-helps")

# %% label="live-helps" answers="helps" tags=["subslide"]
grid = worlds.grid_world()
print("exact J at the end, mean of twelve runs")
for baseline, judge in [("none", None), ("value", training.Adam(1.0))]:
    J = []
    for seed in range(12):
        run = training.reinforce(
            grid, np.zeros((12, 4)), updates=20, episodes=8, baseline=baseline,
            optimizer=training.Adam(0.1), value_optimizer=judge, discount_steps=False,
            rng=np.random.default_rng(seed), progress=False,
        )  # fmt: skip
        J.append(grid.performance(run.parameters))
    half = 2.2 * np.std(J, ddof=1) / 12**0.5  # 2.2: of Student's t, for 12 runs
    print(f"baseline {baseline:5s}: J {np.mean(J):.2f}, 95 % interval", end=" ")
    print(f"{np.mean(J) - half:.2f} to {np.mean(J) + half:.2f}")

# %% [markdown] label="helps-read" answers="helps" tags=["fragment"]
# Twelve runs with a critic as the baseline do better than twelve without: the intervals of J do not overlap.

# %% [markdown] label="cart" tags=["slide"] minutes=7
# ## A pole on a cart, and how to report it
#
# CartPole has no table of states. The state is four numbers: the position and the speed of a cart, the angle and the angular
# speed of a pole on it. Two actions push the cart left or right. Each step that the pole stays up pays 1. An episode ends
# when the pole falls or the cart leaves its track, and is cut off after 500 steps.
#
# The policy is linear: the logit of each action is a weighted sum of the four numbers, its **features**. That makes eight
# parameters. The critic is such a sum too.

# %% [markdown] label="cart-care" tags=["subslide"]
# No exact J is known here, so the evaluation has to be done with care. We train twice, and cut the training episodes off
# after 200 steps to save time.

# %% label="predict-cart" tags=["subslide"]
Predict("09-cart")


# %% label="cart-code" answers="cart" tags=["subslide"]
def features(observations):
    """Scale the four numbers to about ±1."""
    return observations / np.array([2.4, 2.0, 0.21, 2.0])


for seed in (0, 1):
    envs = rollout.make_vec("CartPole-v1", 16, max_steps=200)  # 16 poles at once
    run = training.a2c(
        envs, np.zeros((4, 2)), updates=25, episodes=16, features=features, discount=0.99,
        lambda_=0.98, whiten=True, optimizer=training.Adam(0.2),
        value_optimizer=training.Adam(0.5), rng=np.random.default_rng(seed),
    )  # fmt: skip
    poles = rollout.make_vec("CartPole-v1", 100)  # the environment's own limit, 500 steps
    rng = np.random.default_rng(1_000 + seed)
    fresh = training.evaluate(poles, run.parameters, episodes=100, features=features, rng=rng)
    returns_seen = run.history.returns
    print(f"run {seed}: {16 * run.history.lengths.sum():,.0f} steps of training")
    print(f"   first batch {returns_seen[0]:.0f}, last five {returns_seen[-5:].mean():.1f}")
    print(f"   100 fresh episodes: {fresh.mean:.1f}, 95 % interval", end=" ")
    print(f"{fresh.low:.1f} to {min(fresh.high, 500):.1f}")

# %% [markdown] label="cart-read" answers="cart" tags=["subslide"]
# By their training the two runs cannot be told apart: the last five batches have 200.0 and 199.7 steps. On fresh episodes
# the first holds the pole up for 496 of 500 steps, the second for 344. The intervals are far apart.
#
# Training returns mislead in three ways:
#
# - The training episodes were cut off after 200 steps. Nobody had looked at what comes after.
# - Each batch was played by the policy *before* the step that it was used for.
# - Whoever reports the best batch of many reports its luck as well.
#
# So report the **final** policy, on **fresh** episodes, under the conditions that count, with an **interval**, and more than
# one seed.

# %% [markdown] label="convention" tags=["slide"] minutes=1
# > ### Convention card
# >
# > | question | in this course | elsewhere |
# > |---|---|---|
# > | sum or mean over time? | all three terms are **sums** over the steps, means over trajectories | mostly means over all steps of a batch: other good values for $c_H$ and the step size |
# > | the ½ in the critic's loss | in it | often missing; then $c_V$ means twice as much |
# > | $c_V$, $c_H$ | 0.5 and a small number, as arguments | value coefficient, entropy coefficient |
# > | is $\gamma^{t-1}$ in the gradient? | **no**, it is dropped here (lesson 05 keeps it) | the same |
# > | the critic's target | G = Â + V, by GAE, **constant** | sometimes the discounted return, sometimes r + γV |
# > | sign of the entropy | **minus** in the loss: entropy is rewarded | libraries that print “entropy loss” print −H |
# > | one network or two? | two tables, or two vectors | often shared layers, which $c_V$ then divides |

# %% [markdown] label="turn-actor-text" tags=["slide"] minutes=8
# ## Your turn: the actor's gradient
#
# One episode: `logits` has shape (T, A), a row for each step; `actions` and `advantages` have shape (T,). Return the
# gradient of the loss $-U-c_H\sum_tH_t$ with respect to the logits, shape (T, A). The slope of the
# entropy is that of the lesson: $\partial H/\partial z_a=-\pi_a(\log\pi_a+H)$.
#
# <details><summary>Hint 1</summary>
#
# The gradient of U for one step is lesson 08's: the advantage times (one-hot − π). Which sign does the loss give it?
#
# </details>
# <details><summary>Hint 2</summary>
#
# The second part is $-c_H\,\partial H/\partial z$, and two minus signs make a plus.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `policy.score(logits, actions)` gives all rows of one-hot − π, `policy.log_softmax(logits)` the log π, and
# `policy.entropy(logits)` one H for each row; `[:, None]` makes a column of it.
#
# </details>


# %% label="turn-actor" tags=["fragment"]
def actor_gradient(logits, actions, advantages, entropy_cost):
    """Return the gradient of −U − c_H Σ H, shape (T, A)."""
    # BEGIN SOLUTION
    log_pi, H = policy.log_softmax(logits), policy.entropy(logits)[:, None]
    push = policy.score(logits, actions) * advantages[:, None]
    return -push + entropy_cost * np.exp(log_pi) * (log_pi + H)  # both have a minus in the loss
    # END SOLUTION


# %% label="turn-actor-check" tags=["skip"]
check("actor_gradient", actor_gradient)

# %% [markdown] label="turn-critic-text" tags=["slide"] minutes=7
# ## Your turn: the critic's gradient
#
# `rewards` has shape (T,), `values` has T + 1 entries, the last one for the state after the last step. The target of step t
# is $y_t=r_t+\gamma V(s_{t+1})$, a **constant**. Return the gradient of $\sum_t\frac12(y_t-V(s_t))^2$ with respect to
# $V(s_t)$ of each of the T steps.
#
# <details><summary>Hint 1</summary>
#
# Differentiate ½ (y − V)² with respect to V, with y as a number.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `values[1:]` are the values after each step, `values[:-1]` those before.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The derivative is V − y. Is that the TD error, or minus the TD error?
#
# </details>


# %% label="turn-critic" tags=["fragment"]
def critic_gradient(rewards, values, discount):
    """Return ∂/∂V(s_t) of Σ ½ (y_t − V(s_t))², shape (T,)."""
    # BEGIN SOLUTION
    targets = rewards + discount * values[1:]  # constants: nothing flows through them
    return values[:-1] - targets
    # END SOLUTION


# %% label="turn-critic-check" tags=["skip"]
check("critic_gradient", critic_gradient)

# %% [markdown] label="turn-explained-text" tags=["slide"] minutes=5
# ## Your turn: explained variance
#
# `values` and `returns` have one entry for each step. Return $1-\mathrm{Var}(G-V)/\mathrm{Var}(G)$.
#
# <details><summary>Hint 1</summary>
#
# What is to be explained, and what is left when the critic's guess is taken off?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `x.var()` is the variance of an array. Whose variance stands below the line?
#
# </details>
# <details><summary>Hint 3</summary>
#
# The variance of the returns stands below, the variance of the returns minus the values above.
#
# </details>


# %% label="turn-explained" tags=["fragment"]
def explained_variance(values, returns):
    """Return the share of the variance of the returns that the values explain."""
    # BEGIN SOLUTION
    return 1 - (returns - values).var() / returns.var()
    # END SOLUTION


# %% label="turn-explained-check" tags=["skip"]
check("explained_variance", explained_variance)

# %% [markdown] label="quiz-text" tags=["slide"] minutes=5
# ## Quiz
#
# Read also the reasons of the options that you did not choose.

# %% label="quiz" tags=["fragment"]
Quiz("09")

# %% [markdown] label="recap" tags=["slide"] minutes=1
# ## Recap
#
# 1. The actor acts, the critic says what is usual. Both learn from the same trajectories.
# 2. Three terms: −U for the actor, half the squared error for the critic, minus the entropy so that it keeps trying.
# 3. Advantages and targets are constants. If the actor's loss leaks into the critic, every value is too high by
#    entropy / $c_V$.
# 4. The loss is a device for a gradient, not a measure of progress: on a stale batch it falls without end, even while J
#    falls too.
# 5. Report fresh episodes of the final policy, with an interval. Explained variance tells about the critic, but for an
#    offset.

# %% [markdown] label="next" tags=["skip"]
# **Next:** [lesson 10](10_ppo_and_kl.ipynb) takes several steps on one batch, and puts a brake on them: PPO. (The map is
# in [00 · Start here](00_start_here.ipynb).)
#
# **Build it:** [stage 5](problem_sets/build.ipynb).
#
# *Sources.* Notation: T. Xiao and J. Zhu, *Foundations of Large Language Models*, chapter 4 (2025). V. Mnih and others,
# [*Asynchronous methods*](https://arxiv.org/abs/1602.01783) (A2C, 2016). R. S. Sutton and A. G. Barto, *Reinforcement
# Learning*, chapter 13 (2018). A. G. Barto, R. S. Sutton and C. W. Anderson, *Neuronlike adaptive elements* (the pole, 1983).
# M. Towers and others, [*Gymnasium*](https://arxiv.org/abs/2407.17032) (2024).

# %% [markdown] label="deeper" tags=["skip"]
# ## Going deeper
#
# ### A thousand batches, used again
#
# The batch of *The loss is not a loss* was made up, as the most usual one without a failed promise. Here a thousand batches
# of 20 are drawn, and the loss of each is driven down. The advantages of a batch sum to 0, so in the sum of
# $(\text{one-hot}-\pi)A$ the π drops out: the push is the same at every step, and a formula for all batches at once.


# %% label="deeper-code" tags=["skip"]
def draw(batches, rng, size=20):
    """Return the actions and rewards of batches, shape (batches, size)."""
    a = policy.sample(np.broadcast_to(np.log(pi_0), (batches, size, 3)), rng)
    promise = np.where(rng.random(a.shape) < 0.1, -12.0, 1.0)
    return a, np.where(a == 2, promise, np.array([0.4, 0.0, 0.0])[a])


def reuse(a, r, steps=300, step_size=0.2):
    """Descend on each batch's own actor loss; return losses and J, shape (steps, batches)."""
    A = r - r.mean(axis=1, keepdims=True)
    push = (np.eye(3)[a] * A[..., None]).mean(axis=1)
    z = np.tile(np.log(pi_0), (len(a), 1))
    losses, J = [], []
    for _ in range(steps):
        losses.append(-(push * policy.log_softmax(z)).sum(axis=1))
        J.append(policy.softmax(z) @ mean_reward)
        z = z + step_size * push
    return np.array(losses), np.array(J)


a, r = draw(1_000, np.random.default_rng(90))
losses, J = reuse(a, r)
spared = ~(r == -12).any(axis=1)  # batches without a failed promise
print(f"no failed promise: {spared.mean():.3f} of all batches, exactly {0.97**20:.3f}")
print(f"loss fell in {(losses[-1] < losses[0]).mean():.0%} of all batches")
print(f"J fell in {(J[-1] < J[0])[spared].mean():.1%} of those without a failed promise")

# %% [markdown] label="deeper-read" tags=["skip"]
# More than half of all batches of 20 contain no failed promise. In nearly all of those, reusing the batch ruins the policy.

# %% [markdown] label="lake" tags=["skip"]
# ### The lake in code, and quickly
#
# The frozen lake again, with large whitened batches, larger steps of Adam (1.0 moves a logit by up to about 1, however small
# the gradient) and a discount of 0.95 in training. Actor and critic have a step size each, and the critic's contains $c_V$.

# %% label="lake-code" tags=["skip"]
lake = worlds.frozen_lake(discount=0.95)
limit = worlds.frozen_lake(horizon=100)  # J is the success
start = np.zeros((16, 4))
success = [limit.performance(start)]


def keep(update, theta, w, history):
    """Called after each update: the exact J of the new policy, for the picture."""
    success.append(limit.performance(theta))


run = training.a2c(
    lake, start, updates=12, episodes=128, max_steps=50, lambda_=0.95, whiten=True,
    optimizer=training.Adam(1.0), value_optimizer=training.Adam(0.3),
    rng=np.random.default_rng(92), progress=False, on_update=keep,
)  # fmt: skip
for update in (0, 1, 2, 3, 6, 12):
    print(f"after update {update:2d}: exact probability of success {success[update]:.3f}")
print(f"steps an episode in the last batch: {run.history.lengths[-1]:.2f}")
fresh = training.evaluate(limit, run.parameters, episodes=200, rng=np.random.default_rng(93))
print(f"200 fresh episodes: {fresh.mean:.2f}, 95 % interval", end=" ")
print(f"{fresh.low:.2f} to {fresh.high:.2f}")

# %% [markdown] label="lake-read" tags=["skip"]
# Walking at random succeeds in 1.4 % of the episodes: the first present is found by luck. Before that all returns are 0, the
# advantages are 0, and there is no gradient at all. After it everything goes fast.
#
# 200 of 200 fresh episodes succeeded, so the interval has no width. That does not prove that none would fail. Here we know:
# the exact probability is 1.000 to three digits.
#
# With the discount the policy also learned to be quick, since an early present is worth more: the last batch took 6.00 steps
# an episode, and no way is shorter.
