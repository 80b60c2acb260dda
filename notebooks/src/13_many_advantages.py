# %% [markdown] label="title" tags=["slide"] minutes=2
# # 13 · Many advantages
#
# RLOO, GRPO, Dr. GRPO, DAPO, A2C, PPO: put the methods side by side, and nearly everything is the same. Each climbs
#
# $$\frac1m\sum_{i=1}^m w_i\sum_t\log\pi_\theta(a_t\mid s_t)\,A_i ,$$
#
# lesson 08's U, averaged over a batch of $m$ replies. They differ in **A**, the advantage, and in **w**, the weight
# of a reply's tokens.

# %% [markdown] label="aims" tags=["subslide"]
# After it you will be able to
#
# - **write** each method as the two or three lines that differ,
# - **compare** its update with the exact gradient: direction, length, noise,
# - **say** what a division by a spread or by a length does, and to whom,
# - **tell** a checked reward from a learned one,
# - **derive** DPO, and say what it cannot see,
# - **find** each formula among the options of TRL.
#
# *About 65 minutes, and 20 more for the exercises. You need lessons 06, 10 and 11.*

# %% label="setup" tags=["skip"]
import numpy as np
from course_utils import figures, group_advantages, policy, returns
from course_utils.checks import check
from course_utils.group_advantages import METHODS
from course_utils.rlhf import checkers, dpo, exact, metrics, reward_model
from course_utils.rlhf import language_model as lm
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.evaluation import evaluate
from course_utils.rlhf.sweep import sweep
from course_utils.widgets import GroupLab, Predict, Quiz

np.set_printoptions(precision=3, suppress=True)

# %% [markdown] label="group" tags=["slide"] minutes=7
# ## One group, six methods
#
# The $K$ replies to one prompt are a **group**. To *What have you sent me?* a model writes *parcel* and *sorry
# parcel*, which are right and earn 1, and *bill* and *refund thanks*, which earn 0. With their end tokens they have
# 2, 3, 2 and 3 tokens. That is $|o|$, below `o`; `L` is the length of the longest possible reply, and `R` the reward.

# %% [markdown] label="six-methods" tags=["subslide"]
# ```diff
#   A = R                                           # total return (REINFORCE)
#   w = 1
#
# - A = R
# + A = R - (R.sum() - R) / (K - 1)                 # RLOO: less the mean of the others (lesson 06)
#
# - A = R - (R.sum() - R) / (K - 1)
# - w = 1
# + A = (R - R.mean()) / (R.std(ddof=1) + 1e-4)     # GRPO: over the spread of the group,
# + w = 1 / o                                       #       a mean over the reply's tokens
#
# - A = (R - R.mean()) / (R.std(ddof=1) + 1e-4)
# - w = 1 / o
# + A = R - R.mean()                                # Dr. GRPO: no spread,
# + w = 1 / L                                       #           one constant for all lengths
#
# - w = 1 / o
# + w = K / o.sum()                                 # DAPO: GRPO, a mean over the group's tokens,
# - clip(rho, 1 - 0.2, 1 + 0.2)
# + clip(rho, 1 - 0.2, 1 + 0.28)                    #       more room upwards (clip-higher),
# + groups = [g for g in groups if g.std() > 0]     #       none without spread (dynamic sampling)
#
# - A = R - (R.sum() - R) / (K - 1)
# + A = gae(r + gamma * V[1:] - V[:-1], lam)        # A2C: a critic, A for each token (lesson 09)
# + clip(rho, 1 - 0.2, 1 + 0.2)                     # PPO: several steps, and the clip (lesson 10)
# ```

# %% label="predict-offset" tags=["subslide"]
Predict("13-offset")

# %% label="group-code" answers="offset" tags=["subslide"]
R, o = np.array([1.0, 1.0, 0.0, 0.0]), np.array([2, 3, 2, 3])  # o: tokens of each reply
K, L, w1 = len(R), 4, np.ones(4)  # L: tokens of the longest possible reply
centred, sd = R - R.mean(), R.std(ddof=1) + 1e-4
six = {
    "total return": (R, w1),
    "mean of the group": (centred, w1),
    "RLOO": (R - (R.sum() - R) / (K - 1), w1),
    "GRPO": (centred / sd, 1 / o),
    "Dr. GRPO": (centred, w1 / L),
    "DAPO": (centred / sd, w1 * K / o.sum()),
}
print(f"{'':18s} weight of a token, w A              A if all rewards are 5 higher")
for name, (A, w) in six.items():
    method = METHODS[name]  # the same in course_utils, for many groups at once
    assert np.allclose(method.advantages(R) * method.token_weights(o, L), w * A)
    print(f"{name:18s} {w * A!s:35s} {method.advantages(R + 5)}")

# %% [markdown] label="group-read" answers="offset" tags=["subslide"]
# Only the total return leaves the wrong ones alone, and only it notices the 5: then it pushes *all* replies up.
# Whatever is subtracted takes a common offset away.
#
# In the lab you drag the rewards. Click a token, and its formula opens. Try each of its groups: in which of them do
# two methods disagree about the sign of a change?

# %% label="group-lab" tags=["subslide"]
lab = GroupLab()
lab

# %% [markdown] label="group-lab-read" tags=["subslide"]
# Where two methods disagree, one of them is the total return: with *reward offset +5*, say, it raises *bill*, and all
# others lower it. (Replies share parameters: more for one can be less for another.) Those with a baseline differ in
# size alone, in these groups.

# %% [markdown] label="exact" tags=["slide"] minutes=8
# ## Against the exact gradient
#
# A world so small that nothing has to be sampled: five words, at most four tokens, 781 replies to a prompt. All are
# listed, so $\partial J/\partial\theta$ is a sum. A method's *average* update is one too, over all groups of $K$
# replies.
#
# Three prompts: an easy one (a reply is right with $p=0.95$), a middling one (0.5), a hard one (0.05). Groups of $K=8$.

# %% label="predict-along-the-gradient" tags=["subslide"]
Predict("13-along-the-gradient")

# %% label="exact-code-gradients" tags=["subslide"]
tiny, rng = worlds.load(worlds.TINY), np.random.default_rng(13)
start = lm.sft(tiny, worlds.demonstrations(tiny, 3_000, rng), rng).model
model, rates = start, (0.95, 0.5, 0.05)
for prompt, p in zip((0, 2, 4), rates, strict=True):
    model = exact.with_success_rate(model, tiny, prompt, p)
listed = [exact.list_replies(model, tiny, prompt) for prompt in (0, 2, 4)]
world_of = [(each, checkers.on_topic(tiny, each.replies)) for each in listed]  # R: 1 or 0
gradient = [exact.expected_reward_gradient(*each) for each in world_of]


def critic_update(each, R):
    """Return the update of eight replies with GAE, λ = 0.95, and the exact values."""
    left, V = each.replies.lengths[:, None] - 1 - np.arange(4), exact.state_values(each, R)
    A = returns.gae(R[:, None] * (left == 0), 1.0 * (left > 0), V, 0.95)
    return exact.reply_update(each, A * each.replies.mask, replies=8)


# %% label="exact-code" answers="along-the-gradient" tags=["subslide"]
updates = {k: [exact.group_update(*x, m, 8) for x in world_of] for k, m in METHODS.items()}
updates["GAE, exact critic"] = [critic_update(*each) for each in world_of]
print("K = 8               cosine   length   signal/noise")
for name, moments in updates.items():
    found = exact.agreement(moments, gradient)
    print(f"{name:18s} {found.cosine:7.3f} {found.length_ratio:8.3f}", end="")
    print(f" {found.signal_to_noise:14.2f}")

# %% [markdown] label="exact-read" answers="along-the-gradient" tags=["subslide"]
# *Cosine* is the direction: 1 is exact. *Length* is a step size. *Signal/noise* is $|\mathbb E g|^2$ over the
# variance.
#
# - Total return, the mean of the group, RLOO and Dr. GRPO follow the gradient, with other step sizes: lesson 06's
#   $1-1/K$, and $1/L$.
# - A baseline more than doubles signal/noise. A perfect critic adds as much again: it judges each token. (No learned
#   critic is perfect.)
# - **GRPO and DAPO point elsewhere**, by 14 and 6 degrees. Dividing by the spread alone turns by 5 degrees and costs
#   a quarter of signal/noise. Dividing by the length turns by 11.
#
# Where a world cannot be listed, groups are sampled. Do they agree?

# %% label="sampled-code" tags=["subslide"]
groups, along = 5_000, gradient[1] / np.linalg.norm(gradient[1])
drawn = rng.choice(781, (groups, 8), p=listed[1].probabilities / listed[1].probabilities.sum())
A = METHODS["GRPO"].advantages(world_of[1][1][drawn])
w = METHODS["GRPO"].token_weights(listed[1].replies.lengths[drawn], 4)
g = (A * w * (listed[1].token_scores.sum(axis=1) @ along)[drawn]).mean(axis=1)
print(f"GRPO, middling prompt, along its gradient: exact {updates['GRPO'][1].mean @ along:.4f}")
print(f"from {groups:,} sampled groups: {g.mean():.3f} ± {g.std(ddof=1) / groups**0.5:.3f}")

# %% [markdown] label="spread" tags=["slide"] minutes=6
# ## Dividing by the spread
#
# A bias is not yet a fault: perhaps the method climbs another hill. Which one?
#
# With rewards of 0 and 1, division by the group's standard deviation multiplies a prompt's expected update
# $\partial p$ by a number $w_K(p)$.

# %% label="predict-who-gains" tags=["fragment"]
Predict("13-who-gains")

# %% label="spread-code" answers="who-gains" tags=["subslide"]
p = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
print("  K   p =", "  ".join(f"{x:5.2f}" for x in p), "  0.05 against 0.5")
for K in (2, 3, 4, 8, 16):
    row = group_advantages.sd_weight(p, K)
    print(f"{K:3d}      ", "  ".join(f"{x:5.3f}" for x in row), f"  {row[1] / row[3]:5.2f}")

# %% label="spread-figure" answers="who-gains" tags=["subslide", "folded"] picture="sd_weight.png"
# Draws the weight of a prompt against p, a curve for each K.
fig, (ax,) = figures.new_figure(7.2, 3.4)
grid = np.linspace(0.004, 0.996, 249)
for K in (2, 3, 4, 8, 16):
    curve = group_advantages.sd_weight(grid, K)
    ax.plot(grid, curve, color=figures.EXACT, lw=1.6)
    ax.annotate(f"K = {K}", (1.005, curve[-1]), va="center")
ax.plot(grid, 1 / np.sqrt(grid * (1 - grid)), color=figures.NEUTRAL, lw=1.2, ls="--")
ax.annotate("K → ∞: 1/√(p(1 − p))", (0.1, 4.3), va="center")
ax.set(xlim=(0, 1.12), ylim=(0, 5), xticks=np.arange(0, 1.1, 0.25))
ax.set(xlabel="probability of a right reply, p", ylabel="weight of the prompt, $w_K(p)$")
figures.show(fig, "Weight against p: flat for K = 2 and 3, else a bowl with ends alike.")

# %% [markdown] label="spread-read" answers="who-gains" tags=["subslide"]
# Easy and hard prompts **alike**. You will read that GRPO favours hard prompts. That is half of it: a group with one
# wrong reply has the spread of a group with one right reply. And in groups of two or three nothing is re-weighted.
# (This is the population's spread; the sample's multiplies all by $\sqrt{(K-1)/K}$.)
#
# With such rewards there is a hill behind it: for large $K$ the update climbs $2\arcsin\sqrt p$ in place of $p$. With
# more than two values there is in general none (see *Going deeper*).

# %% [markdown] label="failures" tags=["slide"] minutes=3
# ## How each of them fails
#
# ### All rewards equal
#
# A group whose replies all earn the same sends no gradient, whatever is subtracted within it. How often is that? And
# what if you draw groups until one is mixed?

# %% label="equal-code" tags=["subslide"]
print("of groups of 8, say nothing   draws for a mixed one   weight   of mixed ones only")
for p in rates:
    mixed = 1 - p**8 - (1 - p) ** 8
    factor = group_advantages.sd_weight(p, 8, ddof=1)
    print(f"p = {p:.2f} {1 - mixed:18.0%} {1 / mixed:23.1f}", end="")
    print(f" {factor:8.2f} {factor / mixed:20.2f}")

# %% [markdown] label="equal-read" tags=["fragment"]
# Of the easy and of the hard prompt two thirds of the groups are for nothing. DAPO's dynamic sampling leaves them out
# and fills the batch with groups of *other* prompts: all updates grow alike. Whoever draws *the same prompt* until
# its group is mixed re-weights: easy and hard prompts then count four times as much as the middling one.

# %% [markdown] label="near" tags=["slide"] minutes=3
# ### Nearly equal rewards
#
# Rewards 0.501, 0.500, 0.499 and 0.500: noise of a reward model, say.

# %% label="predict-nearly-equal" tags=["fragment"]
Predict("13-nearly-equal")

# %% [markdown] label="near-run" tags=["subslide"]
# And a run in which *every* reply is worth 1, with a noise of 0.01. There is nothing to learn.

# %% label="near-code" answers="nearly-equal" tags=["fragment"]
near = np.array([0.501, 0.5, 0.499, 0.5])
print("four nearly equal rewards, and 100 steps on noise with three seeds:")
for name in ("RLOO", "GRPO"):
    far = []
    for seed in range(3):
        walker, draws = start, np.random.default_rng(seed)
        for _ in range(100):
            prompts = np.repeat(worlds.sample_prompts(tiny, 16, draws), 4)
            replies = lm.sample(walker, tiny, prompts, draws).replies
            A = METHODS[name].advantages(1 + 0.01 * draws.normal(size=(16, 4)))
            w = METHODS[name].token_weights(replies.lengths.reshape(16, 4), 4)
            tokens = lm.contexts(tiny, replies)
            uphill = lm.score(walker, tokens, weights=(A * w).ravel()[tokens.rows] / 64)
            walker = walker._replace(table=walker.table + 0.5 * uphill.table)  # plain steps
        far.append(f"{metrics.exact_kl(walker, start, tiny, 0).value:.4f}")
    print(f"{name} largest A {METHODS[name].advantages(near).max():.4f}", end="")
    print(f"   KL {'  '.join(far)}")

# %% [markdown] label="near-read" answers="nearly-equal" tags=["subslide"]
# After the division noise has the spread 1. GRPO walks a thousand times as far, by KL, on nothing.
# ($\varepsilon=10^{-4}$ helps only where the spread is of that size.) With **Adam** you would not see a difference:
# it divides by the gradient's size too.

# %% [markdown] label="length" tags=["slide"] minutes=4
# ### Length
#
# $w=1/|o|$ makes each token of a short reply count more. In the tiny world the slope of a mean length along an update
# is exact. Both updates, RLOO's and that with $1/|o|$, are scaled to the same gain in $p$.

# %% label="predict-length" tags=["fragment"]
Predict("13-length")


# %% label="length-code" answers="length" tags=["subslide"]
def length_slope(each, which):
    """Return the gradient of the mean length of some replies, such as the right ones."""
    n, share = each.replies.lengths, each.probabilities @ which
    mean = each.probabilities @ (which * n) / share
    return exact.expected_reward_gradient(each, which * (n - mean)) / share


print("by 1/|o|, beyond RLOO: change of the mean length for each 0.01 of p")
for (each, R), g, p in zip(world_of, gradient, rates, strict=True):
    of = {"right": R, "wrong": 1 - R, "all": 1 + 0 * R}
    both = [METHODS["1/|o| alone"], METHODS["RLOO"]]
    up, plain = (exact.group_update(each, R, method, 4).mean for method in both)
    beyond = 0.01 * (up / (g @ up) - plain / (g @ plain))
    said = [f"{k} {length_slope(each, x) @ beyond:+z.4f}" for k, x in of.items()]
    print(f"p = {p:.2f}:", "   ".join(said))

# %% [markdown] label="length-read" answers="length" tags=["subslide"]
# Right replies become shorter: the short ones are praised most. Wrong ones become longer: the long ones are blamed
# least. The mean over *all* grows where most are wrong, and shrinks where most are right. So “GRPO lengthens replies”
# holds on hard prompts, and not in general.
#
# A mean over the group's tokens (DAPO) is milder, and has the same bias. A sum, or a constant as in Dr. GRPO, has
# none.

# %% [markdown] label="curves" tags=["slide"] minutes=7
# ## Does it matter?
#
# Lesson 11's language model and reward model, β = 0.3. A batch is 16 prompts × 4 replies; 40 updates, three seeds,
# one step on each batch. Seven methods.

# %% label="predict-winner" tags=["fragment"]
Predict("13-winner")

# %% label="curves-code-methods" tags=["subslide"]
one = {"whiten_advantages": False, "num_ppo_epochs": 1, "cliprange": None}
group_sd = {"baseline": "group mean", "scale_rewards": "group"}
seven = {
    "total return": one | {"baseline": "none"},
    "batch mean": one | {"baseline": "batch mean"},
    "RLOO": one | {"baseline": "leave one out"},
    "GRPO": one | group_sd | {"loss_type": "grpo"},
    "Dr. GRPO": one | {"baseline": "group mean", "loss_type": "dr_grpo"},
    "DAPO's A and w": one | group_sd | {"loss_type": "dapo"},
    "A2C": one,  # a critic, GAE
}
kept = {}  # gold of three seeds at the end, and the mean curve


# %% label="curves-code" answers="winner" tags=["subslide"]
def error(x):  # standard error of the mean
    return x.std(ddof=1) / len(x) ** 0.5


def compare(settings):
    """Run each; print the gold of fresh replies, and the difference from RLOO seed by seed."""
    configs = [RunConfig(num_generations=4, updates=40, **each) for each in settings.values()]
    logs = [run.log for run in sweep(configs, seeds=range(3), progress=False)]
    ends = np.reshape([evaluate(log, replies=1_000).gold for log in logs], (-1, 3))
    curves = np.reshape([log["ours/gold"] for log in logs], (-1, 3, 40)).mean(axis=1)
    kept.update(zip(settings, zip(ends, curves, strict=True), strict=True))
    print("gold of fresh replies, and less RLOO's, seed by seed, ± standard error")
    for name, x in zip(settings, ends, strict=True):
        row = [f"{y.mean():z5.2f} ± {error(y):.2f}" for y in (x, x - kept["RLOO"][0])]
        print(f"{name:18s} gold {row[0]}   less RLOO's {row[1]}")


compare(seven)

# %% [markdown] label="curves-read" answers="winner" tags=["subslide"]
# **No group method wins.** The seven end within a tenth of a point. (Do not crown the largest number: with three seeds a
# 95 % interval is 4.3 standard errors to each side, and six were compared.) Directions differ little here, and Adam
# evens out step sizes.
#
# The plain total return is a little ahead: one of six comparisons, so we make nothing of it.
#
# What does matter? Four steps on each batch, with the clip. Or 5 points more, or less, in every score:

# %% label="steps-code" answers="winner" tags=["subslide"]
four = {
    "RLOO, 4 steps": {"whiten_advantages": False, "baseline": "leave one out"},
    "PPO, 4 steps": {},
}
offset = {
    f"{name}, {figures.signed(by)}": seven[name] | {"reward_offset": by}
    for name in ("total return", "A2C")
    for by in (5.0, -5.0)
}
compare(four | offset)

# %% label="curves-figure" answers="winner" tags=["subslide", "folded"] picture="many_advantages.png"
# Draws nine learning curves, and all differences from RLOO.
fig, (ax, ax_less) = figures.new_figure(10.2, 4.0, columns=2)
look = {"fmt": "o", "color": figures.SAMPLED, "mec": figures.SAMPLED_INK}
for i, (name, (gold, curve)) in enumerate(kept.items()):
    if name not in offset:
        style = {"color": figures.EXACT, "lw": 1.2, "ls": "--" if name in four else "-"}
        smooth = np.convolve(curve, np.ones(5) / 5, mode="valid")
        ax.plot(range(3, 39), smooth, **style)
        if name in four:
            ax.annotate(
                name,
                (38, smooth[-1]),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
    less = gold - kept["RLOO"][0]
    ax_less.errorbar(less.mean(), -i, xerr=error(less), **look)
ax.annotate("four steps on a batch", (4, 2.36))
ax.annotate("one step: seven methods", (19, 1.9))
ax.set(xlim=(0, 48), xlabel="update", ylabel="gold reward, mean of three seeds")
ax_less.axvline(0, color=figures.NEUTRAL, lw=1)
ax_less.set_yticks(-np.arange(len(kept)), kept)
ax_less.set_xlabel("gold at the end, less RLOO's (± standard error)")
figures.show(fig, "Seven methods rise together; four steps rise faster, an offset loses most.")

# %% [markdown] label="steps-read" answers="winner" tags=["subslide"]
# On the same replies, with the same learning rate, *four steps* on a batch gain more than any choice of A, for RLOO as
# for PPO. (They are four times as many steps; we tuned nobody's step size.) An *offset* throws the total return far
# back; a group's baseline removes it exactly. A2C's critic begins at 0 and is **warming up**: until it has learned the
# offset, its error is in A. (More in *Going deeper*.)
#
# DAPO's clip-higher matters only with several steps. Its paper reports more entropy; we have nothing to show for it
# here. Long runs on hard prompts, with thousands of tokens in a reply, are another matter: there a bias has time.

# %% [markdown] label="checker" tags=["slide"] minutes=7
# ## A checker for a reward
#
# For some tasks a program can say whether a reply is right: a test suite passes, a number agrees. No reward model, so
# nothing to over-optimise? A *strict checker* for the shop: 1 if the reply names a thing of the customer's topic,
# promises nothing, and has at most 10 words. No penalty, β = 0.

# %% label="predict-checker" tags=["fragment"]
Predict("13-checker")

# %% label="checker-code-runs" tags=["subslide"]
world = worlds.load()
free = {"num_generations": 4, "kl_coef": 0.0} | four["RLOO, 4 steps"]
rivals = {
    "reward model": {},
    "strict checker": {"reward": "strict checker"},
    "closed checker": {"reward": "closed checker"},
    "strict, plain SGD": {"reward": "strict checker", "optimizer": "sgd", "learning_rate": 5.0},
}
configs = [RunConfig(updates=100, **free, **each) for each in rivals.values()]
logs = [run.log for run in sweep(configs, seeds=range(2), progress=False)]
ends = [evaluate(log, replies=1_000) for log in logs]

# %% label="checker-code" answers="checker" tags=["subslide"]
print(" " * 19 + "seed   gold     KL   passes   names others too   equal groups of 160")
names = [f"{name:18s} {seed:4d}" for name in rivals for seed in range(2)]
for name, log, seen in zip(names, logs, ends, strict=True):
    quiet = log["frac_reward_zero_std"]
    passed, clean = (test(world, seen.replies) for test in (checkers.strict, checkers.on_topic))
    print(f"{name} {seen.gold:6.2f} {seen.kl:6.1f} {passed.mean():8.1%}", end="")
    print(f" {(passed * (1 - clean)).mean():12.1%}", end="")
    print(f" {16 * quiet[:10].sum():18.0f} → {16 * quiet[-10:].sum():.0f}")
sft, last = evaluate(logs[0], model=logs[0].reference, replies=1_000), ends[2].replies
print(f"{'SFT model':18s}    0 {sft.gold:6.2f}")
loophole = checkers.strict(world, last) > checkers.on_topic(world, last)
print("passes:", *world.text(last.take(np.flatnonzero(loophole)[:3])), sep="\n   ")

# %% [markdown] label="checker-read" answers="checker" tags=["subslide"]
# The gold reward ends above the SFT model's. (With the reward model the policy writes word salad.) A checker has an end:
# once nearly all groups pass there is no spread, and no signal. (The last columns count equal groups in the first and
# the last ten updates.) In place of over-optimisation there is a **loophole**. The strict checker never asked whether a
# reply names the things of *other* topics, and replies that do so pass.

# %% [markdown] label="checker-closed" answers="checker" tags=["subslide"]
# Close the loophole (no foreign thing, an end token), and the share is near 0. With plain steps, which also end nearer
# to the start, it is hardly used at all. Adam walks on in full steps when the signal has gone. A checker is as good as
# what it asks, and “passes: 99 %” does not tell.

# %% [markdown] label="dpo" tags=["slide"] minutes=7
# ## DPO: no samples at all
#
# One more method, which changes more than A. Take a reply as one decision. Lesson 10 wrote down the best policy at
# the price β:
#
# $$\pi^*(\tau)=\tfrac1Z\,\pi_{\mathrm{ref}}(\tau)\,e^{R(\tau)/\beta}\quad\Longleftrightarrow\quad R(\tau)=\beta\log\frac{\pi^*(\tau)}{\pi_{\mathrm{ref}}(\tau)}+\beta\log Z .$$
#
# $Z$ belongs to the prompt. In a *difference* of two replies to one prompt it cancels, and lesson 11's preference
# loss needs only differences. So put the policy where the reward model was:
#
# ```diff
# - margin = r(chosen) - r(rejected)
# + margin = beta * (log_pi(chosen) - log_ref(chosen))
# + margin -= beta * (log_pi(rejected) - log_ref(rejected))
#   loss = -log(sigmoid(margin)).mean()
# ```
#
# That is **direct preference optimisation**: no reward model, no replies of the policy, no advantage. First the
# algebra:

# %% label="dpo-derivation" tags=["subslide"]
ref, R = np.array([0.4, 0.3, 0.2, 0.1]), np.array([1.0, 0.5, 0.0, -1.0])  # lesson 10's
best = policy.softmax(np.log(ref) + R / 0.3)
print(f"β log(π*/π_ref) {0.3 * np.log(best / ref)}   less R {0.3 * np.log(best / ref) - R}")

# %% [markdown] label="dpo-train" tags=["fragment"]
# It is R up to one constant. Now train on lesson 11's 1,500 pairs, for 1, 3 and 10 epochs.

# %% label="predict-dpo" tags=["fragment"]
Predict("13-dpo")

# %% label="dpo-code" answers="dpo" tags=["subslide"]
print("seed epochs  loss  margin  log π of chosen  right: its pairs, fresh pairs   gold    KL")
for seed, log in enumerate(logs[:2]):  # their pairs and reference; their own steps play no part
    draws = np.random.default_rng([13, seed])
    both = reward_model.sample_pairs(log.reference, world, 1_500, draws)
    fresh = reward_model.label(world, *both, draws)
    trained = dpo.train(world, log.state.pairs, log.reference, epochs=10)
    for epochs in (1, 3, 10):
        row, model = trained.rows[epochs], trained.models[epochs]
        end = evaluate(log, model=model, replies=1_000)
        unseen = dpo.measure(world, fresh, model, log.reference)
        change = row["logps/chosen"] - trained.rows[0]["logps/chosen"]
        print(f"{seed:4d} {epochs:6d} {row['loss']:5.2f} {row['rewards/margins']:7.2f}", end="")
        print(f" {change:+16.2f} {row['rewards/accuracies']:20.0%}", end="")
        print(f" {unseen['rewards/accuracies']:12.0%} {end.gold:6.2f} {end.kl:5.1f}")

# %% [markdown] label="dpo-read" answers="dpo" tags=["subslide"]
# The chosen replies become **less** probable. Only the margin counts, and it grows while both fall, the rejected ones
# faster. The probability goes to replies that stand in no pair, and what those are worth DPO never asks.
#
# So it over-optimises too, by epochs. After three the gold reward is a point above the SFT model's, after ten below
# it. Loss, margin and both accuracies look better than ever. What tells is the KL, and fresh replies of the policy.
# For both you must sample after all.
#
# Better or worse than a policy gradient? Cheaper. Which is ahead depends on the KL and on the settings.

# %% [markdown] label="map" tags=["slide"] minutes=4
# ## The map: our formulas, their options
#
# TRL 1.10.0.dev0 (July 2026); verl at commit 018f23b, OpenRLHF at commit 021d1b0. Names change: look them up.
#
# | formula | TRL | verl | OpenRLHF |
# |---|---|---|---|
# | K | `num_generations` (GRPO 8, RLOO 2) | `rollout.n` | `n_samples_per_prompt` |
# | R − mean of the others | `RLOOTrainer` | `adv_estimator=rloo` | `advantage_estimator=rloo` |
# | (R − mean) / (sd + ε) | `scale_rewards="group"`, ε = 1e-4 | `grpo`, ε = 1e-6 | `group_norm` |
# | R − mean | `scale_rewards="none"` | `norm_adv_by_std_in_grpo=False` | `dr_grpo` |
# | GAE | PPO, in `trl.experimental` (TRL 1.13 has none) | `gae` | `gae` |
# | w = 1 | `RLOOTrainer`: the ratio of a whole reply | `loss_agg_mode=seq-mean-token-sum` | |
# | w = 1/\|o\| | `loss_type="grpo"` | `seq-mean-token-mean` | |
# | w = 1/L | `loss_type="dr_grpo"` | `seq-mean-token-sum-norm` | |
# | w = m/Σ\|o\| of the batch | `loss_type="dapo"`, **default** | `token-mean`, default | |
# | 1 − ε, 1 + ε | `epsilon`, `epsilon_high` | `clip_ratio_low`, `clip_ratio_high` | `eps_clip_low_high` |
# | only mixed groups | | `filter_groups` | `dynamic_filtering` |
# | β KL in the loss | GRPO: `beta` (0), k3 | `use_kl_loss` | `use_kl_loss` |
# | β KL in the reward | RLOO: `beta` (0.05), k1 | `use_kl_in_reward` | `init_kl_coef` |
# | steps on a batch | `num_iterations` | `ppo_epochs` | `max_epochs` |
#
# An empty field: none that we have checked. TRL's default is neither the GRPO paper's formula nor Dr. GRPO's, but
# GRPO's spread and, over a batch, DAPO's token mean. Dr. GRPO needs `loss_type="dr_grpo"` **and**
# `scale_rewards="none"`.
#
# TRL **logs** `reward`, `reward_std`, `frac_reward_zero_std` (groups without spread), `kl`, `entropy`,
# `clip_ratio/…`, `completions/mean_length` (|o|); for DPO (`beta` 0.1) `rewards/chosen`, which is
# $\beta\log(\pi/\pi_{\mathrm{ref}})$, `rewards/margins`, `rewards/accuracies`, `logps/chosen`. verl:
# `critic/score/mean`, `actor/pg_clipfrac`, `actor/ppo_kl` (to the *old* policy).

# %% [markdown] label="convention" tags=["slide"] minutes=1
# > ### Convention card
# >
# > | question | in this lesson | elsewhere |
# > |---|---|---|
# > | which spread? | the sample's, and ε = 10⁻⁴; in the table of $w_K$ the population's | papers differ |
# > | sum or mean over tokens? | that is w; in the runs w = 1 and DAPO's w are a mean over the batch's tokens | see the map |
# > | objective or loss? | U goes up; DPO's is a **loss** | libraries minimise −U |
# > | which policy sampled? | $\pi_\theta$; with four steps $\pi_{\mathrm{old}}$; for DPO $\pi_{\mathrm{ref}}$, before | the same |
# > | log-probability of a reply | a **sum** over its tokens | some divide by the length |
# > | β | in points of the normalised score; DPO's in points of the raters | do not compare digits |

# %% [markdown] label="turn-group-text" tags=["slide"] minutes=10
# ## Your turn: GRPO's advantages
#
# `rewards` has shape (n, K): n groups, each of K replies. Return, for each reply, its reward minus the mean of its
# group, divided by the group's *sample* standard deviation plus $10^{-4}$. A group whose rewards are all equal gets
# zeros.
#
# <details><summary>Hint 1</summary>
#
# Which axis holds the replies of one group? Mean and spread are taken over that axis alone.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `keepdims=True` leaves the axis in place, so that the means of shape (n, 1) can be subtracted from (n, K).
#
# </details>
# <details><summary>Hint 3</summary>
#
# `rewards.std(axis=1, ddof=1, keepdims=True)` divides by K − 1. Add `1e-4` to it, outside the root.
#
# </details>


# %% label="turn-group" tags=["fragment"]
def grpo_advantages(rewards):
    """Return the advantage of each reply, shape (n, K)."""
    # BEGIN SOLUTION
    centred = rewards - rewards.mean(axis=1, keepdims=True)
    return centred / (rewards.std(axis=1, ddof=1, keepdims=True) + 1e-4)
    # END SOLUTION


# %% label="turn-group-check" tags=["skip"]
check("grpo_advantages", grpo_advantages)

# %% [markdown] label="turn-dpo-text" tags=["slide"] minutes=10
# ## Your turn: DPO's loss
#
# `chosen` and `rejected` are the policy's log-probabilities of n pairs of replies, `ref_chosen` and `ref_rejected`
# those of the reference, all of shape (n,). `beta` is a number. Return the mean of $-\log\sigma(\text{margin})$ over
# the pairs.
#
# <details><summary>Hint 1</summary>
#
# What is the implied reward of the chosen reply? It is a difference of two log-probabilities, times β.
#
# </details>
# <details><summary>Hint 2</summary>
#
# The margin is the implied reward of the chosen reply, minus that of the rejected one. β is inside σ.
#
# </details>
# <details><summary>Hint 3</summary>
#
# As in lesson 11: $-\log\sigma(d)$ is `np.logaddexp(0, -d)`, without overflow.
#
# </details>


# %% label="turn-dpo" tags=["fragment"]
def dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta):
    """Return the mean loss of the pairs, a number."""
    # BEGIN SOLUTION
    margin = beta * ((chosen - ref_chosen) - (rejected - ref_rejected))
    return np.logaddexp(0, -margin).mean()
    # END SOLUTION


# %% label="turn-dpo-check" tags=["skip"]
check("dpo_loss", dpo_loss)

# %% [markdown] label="quiz-text" tags=["slide"] minutes=5
# ## Quiz
#
# Read also the reasons of the options that you did not choose.

# %% label="quiz" tags=["fragment"]
Quiz("13")

# %% [markdown] label="recap" tags=["slide"] minutes=1
# ## Recap
#
# 1. All these methods climb one objective. They differ in A, in the weight w of a token, in the clip, in the choice
#    of groups.
# 2. RLOO and Dr. GRPO follow the gradient. The spread favours easy and hard prompts alike; 1/|o| shortens right
#    replies and lengthens wrong ones.
# 3. In the miniature no group method wins. Steps on a batch matter more, and a baseline insures against an offset.
# 4. A checker has loopholes in place of over-optimisation. A group without spread says nothing.
# 5. DPO is the preference loss with $\beta\log(\pi/\pi_{\mathrm{ref}})$ as the score. It samples nothing, so it does
#    not see where its probability goes.

# %% [markdown] label="next" tags=["skip"]
# **Next:** the [final test](final_test.ipynb), twenty questions over the whole course, and, for those who want to see it
# in PyTorch, [14 · To real code](14_real_code.ipynb). (The map is in [00 · Start here](00_start_here.ipynb).)
#
# *Sources.* Notation: T. Xiao and J. Zhu, *Foundations of Large Language Models*, chapter 4 (2025). A. Ahmadian and
# others, [*Back to basics*](https://arxiv.org/abs/2402.14740) (RLOO, 2024). Z. Shao and others,
# [*DeepSeekMath*](https://arxiv.org/abs/2402.03300) (GRPO, 2024). Z. Liu and others, [*Understanding R1-Zero-like
# training*](https://arxiv.org/abs/2503.20783) (Dr. GRPO, 2025). Q. Yu and others,
# [*DAPO*](https://arxiv.org/abs/2503.14476) (2025). R. Rafailov and others, [*Direct preference
# optimization*](https://arxiv.org/abs/2305.18290) (2023). Y. Mroueh, [*Reinforcement learning with verifiable
# rewards*](https://arxiv.org/abs/2503.06639) (large K, 2025). C. Zheng and others, [*Group sequence policy
# optimization*](https://arxiv.org/abs/2507.18071) (2025).

# %% [markdown] label="deeper" tags=["skip"]
# ## Going deeper
#
# ### Four rewards: no hill at all
#
# A gradient has a symmetric derivative: $\partial^2F/\partial z_a\partial z_b$ does not depend on the order. So if the
# derivative of an expected update is *not* symmetric, the update is the gradient of nothing. Four replies to one
# prompt, a softmax, groups of four, all 256 of them:

# %% label="deeper-code" tags=["skip"]
groups = np.array(np.meshgrid(*[np.arange(4)] * 4)).reshape(4, -1).T  # 256 of them


def expected_update(z, R, method):
    """Return the mean update of the logits, over all groups of four."""
    pi = policy.softmax(z)
    A = METHODS[method].advantages(R[groups])
    scores = np.eye(4)[groups] - pi
    return np.einsum("g,gk,gka->a", pi[groups].prod(axis=1), A / 4, scores)


z0 = np.log([0.4, 0.3, 0.2, 0.1])
for name, R in [("two values ", [0.0, 0.0, 1.0, 1.0]), ("four values", [0.0, 0.2, 0.5, 1.0])]:
    for method in ("RLOO", "sd alone"):
        slope = np.zeros((4, 4))
        for a, h in enumerate(1e-5 * np.eye(4)):
            ends = [expected_update(z0 + sign * h, np.array(R), method) for sign in (1, -1)]
            slope[a] = (ends[0] - ends[1]) / 2e-5
        print(f"{name}   {method:9s} largest asymmetry {abs(slope - slope.T).max():z.6f}")

# %% [markdown] label="deeper-read" tags=["skip"]
# With two values the spread leaves a gradient, of another function of $p$. With four it does not. “GRPO maximises …”
# has then no end to the sentence. Where such updates lead can only be followed, not read off an objective.
#
# ### What an update costs
#
# | cost of an update | replies to a prompt | models beside policy, reference, reward model |
# |---|---|---|
# | total return, batch mean | 1 will do | none |
# | RLOO, GRPO, Dr. GRPO | K ≥ 2 | none |
# | DAPO | K, in more groups than it uses | none |
# | A2C, PPO | 1 will do | a critic, in large runs as big as the policy |
#
# ### A ratio for the whole reply
#
# With several steps on a batch, the clip looks at each token's ratio. GSPO takes one ratio for a reply, the geometric
# mean of its tokens' ratios, $\bigl(\pi_\theta(\tau)/\pi_{\mathrm{old}}(\tau)\bigr)^{1/|o|}$, and clips that. A reply
# in which one token has run away:

# %% label="gspo-code" tags=["skip"]
log_ratio = np.array([0.0, 0.01, 1.2, -0.02, 0.0, 0.01, 0.0, 0.0])
print(f"ratios of the tokens   {np.exp(log_ratio)}")
print(f"ratio of the reply     {np.exp(log_ratio.sum()):.3f}")
print(f"GSPO: geometric mean   {np.exp(log_ratio.mean()):.3f}")

# %% [markdown] label="gspo-read" tags=["skip"]
# By tokens, one of eight is clipped. By GSPO, with its small ε (3e-4 down and 4e-4 up in the paper), all eight or
# none. The reward was given to the reply, so the ratio is too. The mean in the exponent keeps long replies
# comparable, and it is a $1/|o|$ once more. In TRL `importance_sampling_level` is then
# `"sequence"`.

# %% [markdown] label="critic" tags=["skip"]
# ### A critic that is warming up
#
# With an offset of ±5 and a slow critic the values are wrong for many updates. With λ = 0.95 the error reaches A,
# more of it the longer the reply still is. What happens to the length, which nobody pays for?

# %% label="critic-code" tags=["skip"]
cases = {"RLOO": one | {"baseline": "leave one out"}}
for lam in (0.95, 1.0):
    for by in (-5.0, 5.0):
        slow = {"vf_learning_rate": 0.005, "lam": lam, "reward_offset": by}
        cases[f"critic, λ = {lam}, {figures.signed(by)}"] = one | slow
configs = [RunConfig(num_generations=4, updates=20, **each) for each in cases.values()]
runs = sweep(configs, seeds=range(3), progress=False)
lengths = np.array([run.log["ours/reply_length"][10:].mean() for run in runs]).reshape(-1, 3)
for name, x in zip(cases, lengths, strict=True):
    print(f"{name:21s} tokens in updates 11 to 20: {x.mean():.1f} ± {error(x):.1f}")

# %% [markdown] label="critic-read" tags=["skip"]
# Replies grow when scores are too low, and shrink when they are too high. With λ = 1 the critic is only a baseline,
# and cannot do that.
