# %% [markdown] label="title" tags=["slide"] minutes=1
# # 07 · The advantage
#
# This lesson is about one difference:
#
# $$A(s,a)=Q(s,a)-V(s)$$

# %% [markdown] label="aims" tags=["subslide"]
# After it you will be able to
#
# - **read** values and advantages off a small world, and say what each compares with what,
# - **explain** what a positive advantage promises and what it does not,
# - **say** what the advantage does to the expected gradient and to its noise, in numbers,
# - **estimate** it from one step, from a whole trajectory, and from anything in between,
# - **say** what whitening does to a batch.
#
# *About 60 minutes, and 20 more for the exercises. You need lessons 04 to 06.*

# %% label="setup" tags=["skip"]
import numpy as np
from course_utils import estimators, policy, returns, rollout, worlds
from course_utils.checks import check
from course_utils.widgets import GaeLab, GridLab, Predict, Quiz

np.set_printoptions(precision=4, suppress=True)

# %% [markdown] label="ten-eight" tags=["slide"] minutes=2
# ## A ten and an eight
#
# You stand in a situation that is usually worth 10: acting as you always do, you collect 10 points from here on, on
# average. One of the things that you could do now leads to 8 points on average. Is it a good action?

# %% label="ten-eight-code" tags=["fragment"]
V_s, Q_sa = 10, 8
print(f"advantage: {Q_sa} − {V_s} = {Q_sa - V_s}")

# %% [markdown] label="ten-eight-read" tags=["fragment"]
# The advantage is −2. Eight points are a lot of points, and the action is still worse than what you usually do here.
#
# A baseline of lesson 06 asked: *how far is this return from some fixed height?* The advantage asks: *how far is this
# action from your own average, in this state?*

# %% [markdown] label="values" tags=["slide"] minutes=4
# ## Values of states and of actions
#
# Back to the support conversation. The points that are still to come are random. Their average is a **value**:
#
# - the **state value** of lesson 06, $V(s)=\mathbb E\left[\,r_t+r_{t+1}+\dots\mid s_t=s\right]$: the policy acts from $s$ on;
# - the **action value** $Q(s,a)=\mathbb E\left[\,r_t+r_{t+1}+\dots\mid s_t=s,\,a_t=a\right]$: first $a$, whatever the policy
#   would have done, then the policy.
#
# The policy is what chooses $a$, so $V(s)=\sum_a\pi_\theta(a\mid s)\,Q(s,a)$. And after $a$ you
# stand in a new state, so $Q(s,a)=r(s,a)+\gamma\sum_{s'}\mathrm{Pr}(s'\mid s,a)\,V(s')$. (The discount
# $\gamma$ is 1 here. With a smaller one, later points count less in $V$ and $Q$, as in lesson 05.)

# %% label="predict-refund-first" tags=["fragment"]
Predict("07-refund-first")

# %% label="values-code" answers="refund-first" tags=["subslide"]
support = worlds.conversation()
states, actions = support.state_names[:3], support.action_names
pi = np.array([[0.5, 0.5], [0.2, 0.8], [0.6, 0.4]])
logits = np.log(np.vstack([pi, [0.5, 0.5]]))  # the last row: closed, nothing to decide

r, next_state = support.rewards[:3], support.transitions[:3, :, :3]
V = np.zeros(3)
for s in (2, 1, 0):  # the last states first: their Q needs no later V
    Q_row = r[s] + next_state[s] @ V
    V[s] = pi[s] @ Q_row
Q = r + next_state @ V
print("from the last states to the first:")
for s in range(3):
    each = [f"Q({name}) = {q:5.2f}" for name, q in zip(actions, Q[s], strict=True)]
    print(f"{states[s]:14s} V = {V[s]:5.2f}   {'   '.join(each)}")

# %% [markdown] label="values-read" tags=["subslide"]
# Where nothing follows, $Q$ is the reward. For the first message it is the reward and the mean of the two values that may
# follow. Now hold conversations and average. Each estimate of $V$ takes the conversations that come through the state, each
# estimate of $Q$ those in which the action was taken there too. (± is one standard error.)

# %% label="values-sampled" answers="refund-first" tags=["subslide"]
rng = np.random.default_rng(7)
talks = rollout.from_mdp(support, logits, 20_000, rng)
to_go = returns.discounted_returns(talks.rewards, talks.discounts)  # points still to come
print("from 20,000 conversations, beside the exact values:")
for s in range(3):
    here = talks.states[:, :-1] == s
    print(f"{states[s]:14s} V: sampled {to_go[here].mean():6.3f}   exact {V[s]:6.3f}")
    for a in range(2):
        G = to_go[here & (talks.actions == a)]
        error = G.std(ddof=1) / np.sqrt(len(G))
        sampled = f"{G.mean():6.3f} ± {error:.3f}"
        print(f"   Q({actions[a]}): sampled {sampled}   exact {Q[s, a]:6.3f}")

# %% [markdown] label="advantage" tags=["slide"] minutes=3
# ## The advantage of an action
#
# $$A(s,a)=Q(s,a)-V(s)$$
#
# A refund costs a point at the first message and earns 0 with an angry customer. An apology costs nothing at first.

# %% label="predict-which-hold" tags=["subslide"]
Predict("07-which-hold")

# %% label="advantage-code" answers="which-hold" tags=["subslide"]
A = Q - V[:, None]
print("advantages, and their mean under the policy:")
for s in range(3):
    each = [f"A({name}) = {x:+.2f}" for name, x in zip(actions, A[s], strict=True)]
    print(f"{states[s]:14s} {'   '.join(each)}   mean {pi[s] @ A[s]:z.2f}")
same = np.allclose(A, support.advantages(logits)[:3], rtol=0, atol=1e-12)
print(f"the same as mdp.advantages to 1e-12: {same}")

# %% [markdown] label="advantage-read" answers="which-hold" tags=["subslide"]
# A refund for an angry customer earns nothing and has advantage +1.6: 0 points are much better there
# than the usual −1.6.
#
# The mean under the policy is 0 in every state. It must be: $\sum_a\pi_a(Q_a-V)=V-V$.
#
# **Not the highest reward.** Look at the first message. The refund has the *lower* reward at once, −1 against 0, and the *positive* advantage, +0.55. It
# makes a calm customer likelier, and a calm customer is worth 2.6.
#
# So a positive advantage does **not** promise a higher reward at once than the other actions have. It compares everything
# that follows, on average, with the policy's own average.

# %% [markdown] label="turn-advantages-text" tags=["slide"] minutes=5
# ## Your turn: advantages from action values
#
# `logits` and `q_values` have shape (S, A): a row for each state, a column for each action. Return $A(s,a)$ in the same
# shape.
#
# <details><summary>Hint 1</summary>
#
# Each state has its own $V(s)$. It is an average: over what, and with which weights?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `policy.softmax(logits)` gives $\pi(a\mid s)$, row by row. $V(s)=\sum_a\pi(a\mid s)\,Q(s,a)$.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Sum over axis 1 and keep the axis, `keepdims=True`, so that a column of values can be subtracted from the table.
#
# </details>


# %% label="turn-advantages" tags=["fragment"]
def action_advantages(logits, q_values):
    """Return A(s, a), shape (S, A)."""
    # BEGIN SOLUTION
    V = (policy.softmax(logits) * q_values).sum(axis=1, keepdims=True)  # the average
    return q_values - V
    # END SOLUTION


# %% label="turn-advantages-check" tags=["skip"]
check("action_advantages", action_advantages)

# %% [markdown] label="grid" tags=["slide"] minutes=6
# ## Read it off a grid
#
# A larger world. The number in each cell is its $V$, under the policy that the arrows show. Choose a cell with the mouse, or
# with Tab and the arrow keys: the table shows $\pi$, $r$, $Q$ and $A$ of its four moves. *Greedy here* raises the logit of
# the move with the largest $Q$ (a policy that always takes that move is called *greedy*).

# %% label="predict-one-cell" tags=["subslide"]
Predict("07-one-cell")

# %% label="grid-lab" answers="one-cell" tags=["subslide"]
GridLab(selected="b3")

# %% label="grid-check" answers="one-cell" tags=["subslide"]
lab = GridLab()
grid, cells = lab.mdp(), lab.mdp().state_names
b3 = cells.index("b3")
table = np.zeros((len(cells), 4))  # the uniform policy
before = grid.state_values(table)
print("greedy here, in b3:")
print(f"b3, reward at once of up, right, down, left: {grid.rewards[b3]}")
for press in range(3):
    A_b3 = grid.advantages(table)[b3]
    p = policy.softmax(table[b3])[1]
    print(f"greedy here, pressed {press} times: π(right) {p:.3f}   A(right) {A_b3[1]:.3f}")
    table[b3, 1] += 3.0
moved = np.abs(grid.state_values(table) - before) > 1e-9
undecided = [cells.index(name) for name in ("b2", "d2", "d3")]  # wall, trap, goal
print(f"V changed in {moved.sum()} of the {len(cells) - len(undecided)} cells with a decision")

# %% [markdown] label="grid-read" answers="one-cell" tags=["subslide"]
# One cell's policy changed, and **every** cell's $V$ did: from everywhere you may come by that cell.
#
# The advantage of the best move *shrinks* as the move becomes certain, from 2.68 to 0.26 to 0.01. The move did not become
# worse. $V$ has risen to meet it: what you always do is no better than what you always do.
#
# And in b3 the best move has the lowest reward at once: it pays the toll of 2, where the others cost 1. Behind the toll lies
# the goal.

# %% [markdown] label="theorem" tags=["slide"] minutes=5
# ## The gradient with the advantage in it
#
# Lesson 05 weighed each score with the points still to come; lesson 06 subtracted a baseline. Put the two together,
# with $V(s_t)$ as the baseline. Once $s_t$ and $a_t$ are given, the score is a fixed vector. So on average its weight
# may be replaced by the weight's mean, $Q(s,a)-V(s)$: the advantage. So
#
# $$\frac{\partial J}{\partial\theta}=\mathbb E_\tau\left[\sum_t\frac{\partial\log\pi_\theta(a_t\mid s_t)}{\partial\theta}\,A(s_t,a_t)\right]$$
#
# and this is the gradient of $U(\tau;\theta)=\sum_t\log\pi_\theta(a_t\mid s_t)\,A(s_t,a_t)$, averaged over trajectories,
# with $A$ held constant. (With a discount, step $t$ has the factor $\gamma^{t-1}$ in front.)
#
# Here are five weights for the same scores. Four you know; the fifth, *one TD error*, is the reward of the step plus
# $V(s_{t+1})$ minus $V(s_t)$. For each, the list of all eight conversations gives expectation and variance exactly.

# %% label="predict-five-weights" tags=["subslide"]
Predict("07-five-weights")


# %% label="theorem-code" answers="five-weights" tags=["subslide"]
def exact_advantages(record):
    """Return A(s_t, a_t) of each step, worked out from the customer's numbers."""
    return support.advantages(logits)[record.states[:, :-1], record.actions] * record.mask


values = support.state_values(logits)
weightings = {
    "total return": estimators.total_return,
    "reward-to-go": estimators.reward_to_go,
    "reward-to-go − V": lambda record: estimators.value_baseline(record, values),
    "one TD error": lambda record: estimators.td_error(record, values),
    "exact advantage": exact_advantages,
}
exact = support.policy_gradient(logits)
paths = support.enumerate_trajectories(logits)
print("weight of each score, by the list of all conversations:")
for name, weigh in weightings.items():
    moments = estimators.exact_moments(paths, logits, weigh(paths))
    right = np.allclose(moments.mean, exact, rtol=0, atol=1e-12)
    print(f"{name:17s} mean = exact gradient: {right}   variance {moments.variance:.2f}")

# %% [markdown] label="theorem-read" answers="five-weights" tags=["subslide"]
# No expectation differs. The variance falls from 4.84 to 0.90. What each line gets rid of:
#
# - *reward-to-go* leaves out points that were earned before the action;
# - *− V* leaves out how good the state was, which is not the action's merit;
# - *one TD error* leaves out the luck after the next state, the *exact advantage* all luck of what followed.
#
# What remains, 0.90, is the luck of which states and actions were drawn at all.
#
# Less variance means fewer conversations for the same accuracy: 4.84 / 0.90, more than five times fewer.  Texts mean
# this when they say that the advantage *stabilises* learning.

# %% [markdown] label="states" tags=["slide"] minutes=3
# ### Summed over states
#
# Sort the same sum by states. Let $d(s)=\sum_t\gamma^{t-1}\,\mathrm{Pr}(s_t=s)$ be how often the policy decides in $s$. Then
#
# $$\frac{\partial J}{\partial\theta}=\sum_sd(s)\sum_a\frac{\partial\pi_\theta(a\mid s)}{\partial\theta}\,Q(s,a).$$
#
# In this form it is usually called the **policy gradient theorem**. ($A$ may stand for $Q$: $V(s)$ times $\sum_a\partial\pi=0$
# is 0.) No trajectory is left in it, and no $\partial d$, although $\theta$ changes which states are visited: *Going deeper*
# has the proof. For the logit of *refund* the inner sum is $\pi\,A$, three numbers that you can multiply by hand.

# %% label="states-code" tags=["subslide"]
d = [1.0, 0.5 * 0.8 + 0.5 * 0.3, 0.5 * 0.2 + 0.5 * 0.7]  # every first message; calm; angry
for s in range(3):
    by_hand = d[s] * pi[s, 0] * A[s, 0]
    print(f"{states[s]:14s} d π A = {d[s]:.2f} × {pi[s, 0]:.1f} × {A[s, 0]:5.2f}", end="")
    print(f" = {by_hand:6.3f}   exact {exact[s, 0]:6.3f}")

# %% [markdown] label="sampled" tags=["slide"] minutes=3
# A program has samples, and no list: 400 batches of 50 conversations, every weight on the same batches. The columns are
# those of lesson 06's table.

# %% label="sampled-code" answers="five-weights" tags=["subslide"]
found = estimators.compare(
    weightings, support, logits, episodes=50, batches=400, rng=np.random.default_rng(70)
)
print(estimators.describe(found))

# %% [markdown] label="learn" tags=["slide"] minutes=4
# ## Nobody tells you V
#
# So far $V$ came from the customer's numbers. Nobody gives you those. What you can have is a **critic**: an estimate
# $\hat V$ of the state values, learned from returns. In a world of three states, the plainest critic averages the points
# still to come in each state. Learned from only 20 conversations, it comes out wrong.

# %% label="predict-rough-critic" tags=["fragment"]
Predict("07-rough-critic")


# %% label="learn-code-values" tags=["subslide"]
def learn_values(record, n_states):
    """Return the mean reward-to-go of each state, shape (S,): a critic as a table."""
    G = returns.discounted_returns(record.rewards, record.discounts)
    V_hat = np.zeros(n_states)
    for s in range(n_states):
        visits = (record.states[:, :-1] == s) & (record.mask == 1)
        V_hat[s] = G[visits].mean() if visits.any() else 0.0
    return V_hat


# %% label="learn-code" answers="rough-critic" tags=["subslide"]
few = rollout.from_mdp(support, logits, 20, np.random.default_rng(1))
V_hat = learn_values(few, support.n_states)
print(f"learned V {V_hat[:3]}")
print(f"exact V   {V}")
learned = {
    "reward-to-go": estimators.reward_to_go(paths),
    "reward-to-go − V_hat": estimators.value_baseline(paths, V_hat),
    "one TD error": estimators.td_error(paths, V_hat),
}
for name, weights in learned.items():
    moments = estimators.exact_moments(paths, logits, weights)
    bias = np.linalg.norm(moments.mean - exact)
    print(f"{name:20s} bias {bias:z.3f}   variance {moments.variance:.2f}")

# %% [markdown] label="learn-read" answers="rough-critic" tags=["subslide"]
# As a baseline, even a wrong critic leaves the expectation alone: lesson 06's lemma holds for any function of the
# state. The variance changes: here it grows a little. With (0.21, 1.4, −2.4) in place of $V$ it
# would be 3.18, since the exact $V$ is not the best height (lesson 06).
#
# The last line is different. It uses the critic not only to *compare* but also to *replace* what was never observed. That
# costs bias, and it saves variance.

# %% [markdown] label="td" tags=["slide"] minutes=5
# ## One step: the TD error
#
# After one step you know its reward and the state that it led to. The critic can stand for the rest:
#
# $$\delta_t=r_t+\gamma\,V(s_{t+1})-V(s_t)$$
#
# This is the **TD error** (temporal difference): what you now expect in total, minus what you expected before. Average it over
# all the times that action $a$ was taken in state $s$, with the exact $V$ and with one that overrates the calm customer
# by one point.

# %% label="predict-overrated" tags=["fragment"]
Predict("07-overrated")

# %% label="td-code" answers="overrated" tags=["subslide"]
fresh = rollout.from_mdp(support, logits, 20_000, np.random.default_rng(71))
overrated = values + np.array([0.0, 1.0, 0.0, 0.0])
for name, critic in {"exact V": values, "calm overrated by 1": overrated}.items():
    deltas = estimators.td_error(fresh, critic)
    print(name)
    for s in range(2):
        for a in range(2):
            seen = deltas[(fresh.states[:, :-1] == s) & (fresh.actions == a)]
            error = seen.std(ddof=1) / np.sqrt(len(seen))
            print(
                f"   {states[s]:14s} {actions[a]:10s} mean δ {seen.mean():6.3f} ± {error:z.3f}"
                f"   A {A[s, a]:6.3f}"
            )

# %% [markdown] label="td-read" answers="overrated" tags=["subslide"]
# With the exact $V$ the mean TD error **is** the advantage: $\mathbb E[\,r_t+\gamma V(s_{t+1})\mid s,a]=Q(s,a)$, minus
# $V(s)$. (The ± is 0 for the calm customer. There the conversation ends, and the next thing is certain.)
#
# A critic with an error $e(s)=\hat V(s)-V(s)$ shifts it by $\gamma\,\mathbb E[e(s_{t+1})\mid s,a]-e(s)$. For the calm
# customer that is −1 for both actions, a shift that the lemma forgives. For the first message it is +0.8 for a refund, which
# leads to a calm customer with probability 0.8, and +0.3 for an apology. That difference between the actions is a **bias**,
# and the policy learns it.

# %% [markdown] label="gae" tags=["slide"] minutes=6
# ## The dial between them: GAE
#
# The TD error looks one step ahead and believes the critic for the rest: little variance, and all of
# the critic's faults. Reward-to-go − V believes only what happened: no bias, and all the luck. Between them you may look $n$
# steps ahead, and then believe the critic:
#
# $$\hat A_t^{(n)}=r_t+\dots+\gamma^{n-1}r_{t+n-1}+\gamma^nV(s_{t+n})-V(s_t)=\delta_t+\gamma\,\delta_{t+1}+\dots+\gamma^{n-1}\delta_{t+n-1}$$

# %% [markdown] label="gae-mix" tags=["subslide"]
# (Write it out for $n=2$: the inner value cancels.) These are the **$n$-step estimates** of $A(s_t,a_t)$. Instead of choosing
# one $n$, mix all of them, with weights that fade by a number $\lambda$ between 0 and 1:
#
# $$\hat A_t=(1-\lambda)\sum_{n\ge1}\lambda^{n-1}\hat A_t^{(n)}=\delta_t+\gamma\lambda\,\delta_{t+1}+(\gamma\lambda)^2\delta_{t+2}+\dots=\delta_t+\gamma\lambda\,\hat A_{t+1}$$
#
# This is **generalised advantage estimation** (GAE). (At an episode's end the last estimate takes all the weight that
# is left.) The middle form follows since $\delta_{t+k}$ is in all estimates with $n>k$, whose weights sum to
# $\lambda^k$. The last form is how it is computed: from the last step to the first.


# %% label="gae-code-by-hand" tags=["subslide"]
def gae_by_hand(rewards, values, discount, lambda_):
    """Return the estimates of one episode that ends with its last step, shape (T,)."""
    T = len(rewards)
    A_hat = np.zeros(T + 1)
    for t in reversed(range(T)):
        after = values[t + 1] if t < T - 1 else 0.0  # nothing follows the end
        delta = rewards[t] + discount * after - values[t]
        A_hat[t] = delta + discount * lambda_ * A_hat[t + 1]
    return A_hat[:T]


# %% label="gae-code" tags=["subslide"]
points = np.array([0.0, -1.0, 0.0, 5.0])
guesses = np.array([2.0, 1.0, 3.0, 4.0, 0.0])
discounts = np.array([0.9, 0.9, 0.9, 0.0])  # the end of an episode is a discount of 0
to_go = returns.discounted_returns(points, discounts)
for lambda_ in (0.0, 0.5, 1.0):
    by_hand = gae_by_hand(points, guesses, 0.9, lambda_)
    package = returns.gae(points, discounts, guesses, lambda_)
    print(f"λ = {lambda_}: {by_hand}   package agrees: {np.allclose(by_hand, package)}")
print(f"TD errors {returns.td_errors(points, discounts, guesses)}")
print(f"G − V     {to_go - guesses[:-1]}")

# %% label="steps-code" tags=["subslide"]
mix, left = 0.0, 1.0  # of the n-step estimates of step 1, at λ = 0.5
for n in (1, 2, 3, 4):  # no reward follows the fourth: it has all the weight that is left
    believed = 0.9**n * guesses[n] if n < 4 else 0.0
    A_n = 0.9 ** np.arange(n) @ points[:n] + believed - guesses[0]
    weight = left / 2 if n < 4 else left
    mix, left = mix + weight * A_n, left - weight
    print(f"n = {n}: estimate {A_n:7.4f}   weight {weight:.3f}")
print(f"their mix {mix:.4f}")

# %% [markdown] label="gae-read" tags=["subslide"]
# λ = 0 gives the TD errors, λ = 1 the return minus the value. And the mix of the four estimates, −0.5724, is the first
# number of the line λ = 0.5.
#
# Mind the last step. After the end nothing follows: no value, and no later estimate. In our records the end of an episode is
# a **discount of 0**, which cuts both. An episode that was only *cut off*, say by a time limit, is another matter: there the
# critic stands for what would have followed.
#
# Two Greek letters, two jobs. $\gamma$ belongs to the **problem**: it says how much later points count. $\lambda$ belongs
# to the **estimate**: it says how far you trust what happened over what the critic says.

# %% [markdown] label="turn-gae-text" tags=["slide"] minutes=10
# ### Your turn: GAE with ends of episodes
#
# A record of T steps, one after the other, in which several episodes may follow each other. `ended[t]` is True where step t
# ended its episode; the next step is the first of another one. `values` has T + 1 entries: $V(s_t)$ for each step, and the
# value of the state after the last one. Return $\hat A_t$ for each step.
#
# <details><summary>Hint 1</summary>
#
# Without any end: $\delta_t=r_t+\gamma V(s_{t+1})-V(s_t)$ and $\hat A_t=\delta_t+\gamma\lambda\hat A_{t+1}$. In which
# direction do you have to go through the steps?
#
# </details>
# <details><summary>Hint 2</summary>
#
# An end cuts two things: $V(s_{t+1})$ belongs to another episode, and so does $\hat A_{t+1}$.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Let `goes_on = discount * (1 - ended[t])` stand for γ in both formulas. Start with an estimate of 0 after the last step.
#
# </details>


# %% label="turn-gae" tags=["fragment"]
def gae(rewards, values, ended, discount, lambda_):
    """Return the generalised advantage estimates, shape (T,)."""
    # BEGIN SOLUTION
    A_hat, after = np.zeros(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        goes_on = discount * (1 - ended[t])  # an end lets nothing through
        delta = rewards[t] + goes_on * values[t + 1] - values[t]
        after = delta + goes_on * lambda_ * after
        A_hat[t] = after
    return A_hat
    # END SOLUTION


# %% label="turn-gae-check" tags=["skip"]
check("gae", gae)

# %% [markdown] label="dial" tags=["slide"] minutes=6
# ### Turn the dial
#
# You stand on the first of six icy places and want to get home; each step costs 1. *Walking* gains a place, or sometimes none. *Running* gains two, or sometimes sends you
# back to the start. From the second step on you do either with probability ½.

# %% [markdown] label="dial-lab-text" tags=["subslide"]
# The lab estimates one number: the advantage of *walking* first. It is negative: running is the better start. The critic is
# right about the first place and **too optimistic** about the others, by an amount that you set: so much at the second
# place, and less and less towards home. The curves are exact: squared bias, variance, and their sum, the mean
# squared error. Its lowest point is the best λ. The dots below are 400 sampled estimates.

# %% label="predict-best-dial" tags=["subslide"]
Predict("07-best-dial")

# %% [markdown] label="dial-tasks" tags=["fragment"]
# Turn λ to 0 and to 1: does the mean of the dots have the right sign? How wide are they? Then raise the critic's error from 0
# to 3.

# %% label="dial-lab" answers="best-dial" tags=["subslide"]
GaeLab()

# %% label="dial-check" answers="best-dial" tags=["subslide"]
print(f"advantage of walking first: {GaeLab().exact_advantage():.3f}")
for critic_error in (0.0, 1.0, 2.0, 3.0):
    lab = GaeLab(critic_error=critic_error)
    best = lab.best_lambda()
    bias, variance = lab.exact_bias, lab.exact_variance
    row = [f"{bias(x):z5.2f} and {variance(x):4.2f}" for x in (0.0, best, 1.0)]
    print(f"critic's error {critic_error:.0f}: bias and variance at λ = 0: {row[0]}")
    print(f"   at the best λ, {best:.2f}: {row[1]}   at λ = 1: {row[2]}")

# %% [markdown] label="dial-read" answers="best-dial" tags=["subslide"]
# At λ = 1 the bias is 0, whatever the critic says of the later places, and the variance is large. At λ = 0 the bias of a
# critic with error 2 is 1.52. Added to the advantage of −0.273, that says that walking is *good*, and it is not.
#
# With a faultless critic λ = 0 is best, and there is next to no variance. The worse the critic, the farther the best λ moves
# towards 1. This is why practice uses something like 0.95: critics are never faultless, and long returns are never quiet.

# %% [markdown] label="whitening" tags=["slide"] minutes=5
# ## Whitening a batch
#
# Many programs put one more line between the estimate and the gradient: they subtract the mean of all the advantages in the
# batch and divide by their standard deviation. This is called **whitening**, or normalising the advantages.

# %% label="predict-four-batches" tags=["fragment"]
Predict("07-four-batches")


# %% label="whitening-code" answers="four-batches" tags=["subslide"]
def whitened(advantages):
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8)


batches = {
    "a mixed batch": np.array([-3.0, 0.0, 1.0, 4.0]),
    "all better than usual": np.array([1.0, 2.0, 2.0, 7.0]),
    "all the same": np.array([2.0, 2.0, 2.0, 2.0]),
    "one conversation, two replies": np.array([5.0, 4.9]),
}
print("advantages → whitened:")
for name, batch in batches.items():
    print(f"{name:30s} {batch} → {whitened(batch)}")

# %% [markdown] label="whitening-read" answers="four-batches" tags=["subslide"]
# In the second batch three actions that were better than usual are now below 0, and each of them pushes its own logit down.
# “So whitening turns good actions into bad ones!” For this one batch, yes. On average over batches, subtracting a number
# that does not depend on the action changes nothing (lesson 06). The mean of the batch does depend on the action a
# little, since the action's own return is in it: *Going deeper* counts what that costs.

# %% [markdown] label="whitening-small" answers="four-batches" tags=["subslide"]
# The third batch says that everything went equally well, and teaches nothing. The small number in the denominator keeps 0/0
# out.
#
# The fourth is the harmful one. Both replies were far better than usual, and hardly different, and the smallest
# difference is blown up to full size. **A batch of one conversation, or of very few, should not be whitened.**

# %% [markdown] label="turn-whiten-text" tags=["slide"] minutes=5
# ## Your turn: whitening with padding
#
# Trajectories differ in length. So `advantages` has shape (m, T), a row for each trajectory, and short rows are filled up
# with zeros. `mask` has the same shape: 1 for a step that was taken, 0 for padding. Return the advantages with mean 0 and
# standard deviation 1 **over the steps that were taken**, and 0 in the padding. If all are equal, return zeros.
#
# <details><summary>Hint 1</summary>
#
# A zero in the padding is no advantage. Which entries belong in the mean?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `advantages[mask == 1]` is a row of all steps that were taken, from all trajectories. Take mean and standard deviation of
# that.
#
# </details>
# <details><summary>Hint 3</summary>
#
# Add a very small number to the standard deviation, such as 1e-8, and multiply the result by the mask.
#
# </details>


# %% label="turn-whiten" tags=["fragment"]
def whiten(advantages, mask):
    """Return the advantages, whitened over the steps that were taken."""
    # BEGIN SOLUTION
    taken = advantages[mask == 1]  # padding is no advantage
    return mask * (advantages - taken.mean()) / (taken.std() + 1e-8)
    # END SOLUTION


# %% label="turn-whiten-check" tags=["skip"]
check("whiten", whiten)

# %% [markdown] label="convention" tags=["slide"] minutes=1
# > ### Convention card
# >
# > | question | in this course | elsewhere |
# > |---|---|---|
# > | V and Q of which policy? | of the policy that acts **now**, $\pi_\theta$; after a step they are old | some texts write $V^\pi$, $Q^\pi$; V* and Q* belong to the best policy |
# > | what ends an episode? | a discount of 0 at its last step | a list of “dones”, 1 at the last step; then γ(1 − done) |
# > | and an episode that was cut off? | the critic's value of its last state counts | often treated as an end: a bias |
# > | is A differentiated? | **no**, it is a number that was measured | automatic differentiation must be told so (lesson 09) |
# > | whiten? | no, unless the text says so | many libraries do it for each batch, or for each small part of a batch |

# %% [markdown] label="quiz-text" tags=["slide"] minutes=5
# ## Quiz
#
# Read also the reasons of the options that you did not choose.

# %% label="quiz" tags=["fragment"]
Quiz("07")

# %% [markdown] label="recap" tags=["slide"] minutes=1
# ## Recap
#
# 1. $V(s)$ is what the policy earns from a state on average, $Q(s,a)$ the same with $a$ done first, and $A=Q-V$ compares the
#    action with the policy's own average.
# 2. It looks at everything that follows. The best action may be the one that costs most at once.
# 3. As the weight of the score it leaves the expected gradient as it is, and takes out the luck of the state and of what
#    followed.
# 4. Nobody tells you A. The TD error believes the critic (bias), the return believes what happened (variance), and GAE's
#    λ is the dial between them.
# 5. Whitening subtracts a baseline and adapts the step size. It is harmful in very small batches.

# %% [markdown] label="next" tags=["skip"]
# **Next:** [lesson 08](08_advantage_objective.ipynb) takes the advantage as given and looks closely at the objective that
# it weighs, one step at a time. (The map is in [00 · Start here](00_start_here.ipynb).)
#
# **Build it:** [the last stage](problem_sets/build.ipynb).
#
# *Sources.* The theorem: R. S. Sutton, D. McAllester, S. Singh and
# Y. Mansour, *Policy gradient methods for reinforcement learning with function approximation* (2000). GAE: J. Schulman,
# P. Moritz, S. Levine, M. Jordan and P. Abbeel, *High-dimensional continuous control using generalized advantage estimation*
# (2016). Ends and cuts: F. Pardo, A. Tavakoli, V. Levdik and P. Kormushev, *Time limits in reinforcement learning* (2018).

# %% [markdown] label="deeper" tags=["skip"]
# ## Going deeper
#
# ### The policy gradient theorem, proved
#
# Differentiate $V(s)=\sum_a\pi(a\mid s)\,Q(s,a)$ by the product rule. In $Q(s,a)=r(s,a)+\gamma\sum_{s'}\mathrm{Pr}(s'\mid s,a)V(s')$
# neither the reward nor the dynamics depends on $\theta$; only $V(s')$ does. So
#
# $$\frac{\partial V(s)}{\partial\theta}=\underbrace{\sum_a\frac{\partial\pi(a\mid s)}{\partial\theta}\,Q(s,a)}_{B(s)}+\gamma\sum_{s'}\mathrm{Pr}_\pi(s'\mid s)\,\frac{\partial V(s')}{\partial\theta},\qquad\mathrm{Pr}_\pi(s'\mid s)=\sum_a\pi(a\mid s)\,\mathrm{Pr}(s'\mid s,a).$$
#
# That is the recursion of a value, with $B$ for the reward. Put it into itself again and again: $\partial V(s)$ is the sum of
# all $B$ on the way, discounted. From the start, that is
#
# $$\frac{\partial J}{\partial\theta}=\sum_{t\ge1}\gamma^{t-1}\sum_s\mathrm{Pr}(s_t=s)\,B(s)=\sum_sd(s)\,B(s).$$
#
# So a change of the later visits is in it, inside of $\partial V(s')$. Lesson 04's form, with $R(\tau)$ over trajectories, is the
# *likelihood-ratio identity*; the two have the same value. The cell unrolls the recursion on the grid, where the way is
# long, and compares with a nudge of one logit.

# %% label="unroll-code" tags=["skip"]
even = np.zeros_like(table)  # all four moves alike
pi_grid = policy.softmax(even)
moves = (pi_grid[:, :, None] * grid.transitions).sum(axis=1)  # Pr_π(s' | s)
B = pi_grid * grid.advantages(even)  # row s: B(s), by the logits of s (the others' are 0)
visits, total = grid.start.copy(), np.zeros_like(B)
for t in range(1, 201):
    total += visits[:, None] * B
    visits = grid.discount * visits @ moves
    if t in (1, 3, 10, 30, 200):
        print(f"summed over {t:3d} steps: b3 right {total[b3, 1]:.4f}")
nudge = np.zeros_like(table)
nudge[b3, 1] = 1e-4
rise = grid.performance(even + nudge) - grid.performance(even - nudge)
print(f"J nudged: {rise / 2e-4:.4f}")

# %% [markdown] label="unroll-read" tags=["skip"]
# At first b3 has not been reached, then each visit adds its share, and the sum comes to the slope of $J$.

# %% [markdown] label="whitening-deeper" tags=["skip"]
# ### What whitening does to the direction
#
# Dividing by the standard deviation is a step size that adapts to the batch. Is the direction still right? The first line
# subtracts the mean alone, exactly, from all pairs of conversations. Then the mean of many whitened gradients.


# %% label="whitening-direction" tags=["skip"]
def cosine(x, y):
    return (x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum())


A_hat, pairs = estimators.value_baseline(paths, values), 0
for chance, other in zip(paths.probabilities, A_hat, strict=True):  # the batch's other half
    height = (A_hat.mean(axis=1, keepdims=True) + other.mean()) / 2
    pairs = pairs + chance * estimators.exact_moments(paths, logits, A_hat - height).mean
print(f"mean subtracted, batches of 2: of each row is left {pairs[:3, 0] / exact[:3, 0]}")

rng = np.random.default_rng(72)
for m in (2, 8, 64):
    B = 32_000 // m
    record = rollout.from_mdp(support, logits, B * m, rng)
    A_hat = estimators.value_baseline(record, values).reshape(B, -1)
    spread = A_hat.std(axis=1, keepdims=True) + 1e-8
    A_white = (A_hat - A_hat.mean(axis=1, keepdims=True)) / spread
    per_talk = estimators.score_gradients(logits, record, A_white.reshape(B * m, -1))
    g = per_talk.reshape(B, m, 4, 2).mean(axis=1)  # one estimate for each batch
    error = np.sqrt(g.var(axis=0, ddof=1).sum() / B)
    mean = g.mean(axis=0)
    size = np.linalg.norm(mean)
    print(f"batches of {m:2d}: cosine to the exact gradient {cosine(mean, exact):.4f}", end="")
    print(f"   length {size:.3f} ± {error:.3f}   exact {np.linalg.norm(exact):.3f}")
print(f"standard deviation of the advantages before whitening: {A_hat.std():.2f}")

# %% [markdown] label="whitening-end" tags=["skip"]
# Subtracting leaves 0.75 of the gradient at the first message and 0.5 at the second: a first reply's luck is in one of the
# four advantages, a second reply's in two. No sign changes, but the direction turns.
#
# Dividing by the standard deviation of two conversations turns it further. That depends on the same luck: a batch with a
# large surprise is divided by a large number, so large surprises count for too little.
#
# From batches of 64 the direction is nearly right, and the length is halved: the advantages have a standard deviation of
# about 2. That is a change of the step size.
