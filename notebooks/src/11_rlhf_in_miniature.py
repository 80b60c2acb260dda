# %% [markdown] label="title" tags=["slide"] minutes=2
# # 11 · RLHF in miniature
#
# Until now somebody gave you the rewards. Who gives a reward for a *helpful* reply? Nobody can write that formula down.
# **RLHF**, reinforcement learning from human feedback, gets it from people, in four stages. The last one climbs
#
# $$\mathbb E\bigl[\text{score}\bigr]-\beta\,\mathrm{KL}(\pi_\theta\,\Vert\,\pi_{\mathrm{ref}}).$$
#
# You go through all of them here, on a language model so small that a training run takes seconds. What goes wrong in
# large runs goes wrong in this one too. Nothing is scripted.

# %% [markdown] label="aims" tags=["subslide"]
# After it you will be able to
#
# - **name** the four stages, what each learns from, and what it cannot know,
# - **train** a reward model on your own preferences, and read what it has learned,
# - **point** at U(τ; θ) in the training loop,
# - **read** the log of a PPO run, with its two KLs,
# - **recognise** over-optimisation, and say what β does about it.
#
# *About 75 minutes, and 15 more for the exercises. You need lessons 08 and 10.*

# %% label="review" tags=["skip"]
from course_utils.widgets import Review

Review("11")

# %% label="setup" tags=["skip"]
import numpy as np
from course_utils import diagrams, figures, objectives, returns
from course_utils.checks import check
from course_utils.rlhf import language_model as lm
from course_utils.rlhf import ppo, reward_model
from course_utils.rlhf import run as rlhf
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.rlhf.evaluation import evaluate, pair_accuracy
from course_utils.rlhf.sweep import sweep
from course_utils.widgets import Predict, PreferenceLab, Quiz, RlhfLab

# %% label="stages" tags=["subslide"]
diagrams.rlhf_stages()

# %% [markdown] label="world" tags=["slide"] minutes=4
# ## A world of 53 words
#
# An assistant answers the customers of a shop. They write about six topics, and each of them is calm or angry. The assistant
# has 53 words and writes at most 16 **tokens**: words, and an *end token* that says “I have finished”.
#
# The state is the customer's message and the words so far. The action is the next token. The trajectory τ is the whole
# reply.

# %% [markdown] label="world-gold" tags=["subslide"]
# Because this world is invented, it has something that no real project has: a **gold reward**, what people would agree on if
# you could ask all of them. Nothing in this lesson is trained on it. It is your oracle, the exact value beside the estimate.
#
# An angry customer writes: *Three weeks and still no refund! Where is my money?*

# %% label="predict-three-replies" tags=["subslide"]
Predict("11-three-replies")

# %% label="world-code" answers="three-replies" tags=["subslide"]
world = worlds.load()
angry_refund = 2
texts = [
    "sorry i will return the money today",
    "we are sorry we guarantee your money today",
    "sorry sorry please thanks kindly send money refund return money now",
]
replies = world.replies([angry_refund] * 3, texts)
gold = worlds.gold_reward(world, replies)
print("customer:", world.prompts[angry_refund].text)
for i, text in enumerate(texts):
    parts = [f"{name} {figures.signed(x[i])}" for name, x in gold.parts.items() if x[i]]
    print(f"{gold.total[i]:5.2f}  {text}\n       {', '.join(parts)}")

# %% [markdown] label="world-read" answers="three-replies" tags=["subslide"]
# The first says sorry, names the money and says what will be done. The second makes a promise that nobody should make.
#
# The third has every good word in it, and is a **word salad**. It loses points for repeating itself, for too many polite
# words and for word pairs that nobody would say (`illegal_pairs`). Remember it. You will meet it again.

# %% [markdown] label="sft" tags=["slide"] minutes=5
# ## Stage 1: imitate
#
# People write a few thousand replies, and the model learns to write like them. This is **supervised fine-tuning**, SFT:
#
# $$\theta\leftarrow\theta+\alpha\sum_t\frac{\partial\log\pi_\theta(a_t\mid s_t)}{\partial\theta}.$$
#
# You know that formula. It is U with all advantages equal to 1, on trajectories that somebody else has written.
#
# The demonstrators are not perfect. In 18 cases out of 100 they have another topic in mind than the customer, and in 11 they
# promise or guarantee something. Is the model that imitates them better than they are?

# %% label="sft-code" tags=["subslide"]
rng = np.random.default_rng(11)
shown = worlds.demonstrations(world, 3_000, rng)
reference = lm.sft(world, shown, rng).model
prompts = worlds.sample_prompts(world, 3_000, rng)
written = lm.sample(reference, world, prompts, rng).replies
for name, said in [("demonstrators", shown), ("SFT model", written)]:
    gold = worlds.gold_reward(world, said)
    error = gold.total.std() / len(gold.total) ** 0.5
    unsafe, wrong = (np.mean(gold.parts[fault] < 0) for fault in ("unsafe", "wrong_object"))
    print(f"{name:14s} gold {gold.total.mean():.2f} ± {error:.2f}", end="")
    print(f"   promises {unsafe:.0%}   thing of another topic {wrong:.0%}")

# %% [markdown] label="sft-read" tags=["fragment"]
# It is no better. It has the same faults in about the same shares. (A wrong topic shows in 10 % only: not every reply names
# a thing.) Imitation raises the log-probability of *everything* that was written, and cannot tell the good replies from the
# bad ones. (What the model sees of a context, and its score function, stand in *Going deeper*.)
#
# Read some of what it writes:

# %% label="sft-samples" tags=["subslide"]
for prompt in (angry_refund, 20):
    print("customer:", world.prompts[prompt].text)
    few = lm.sample(reference, world, [prompt] * 4, np.random.default_rng(111)).replies
    points = worlds.gold_reward(world, few).total
    for text, worth in zip(world.text(few), points, strict=True):
        print(f"{worth:8.2f}  {text}")

# %% [markdown] label="compare" tags=["slide"] minutes=7
# ## Stage 2: compare
#
# Is a reply worth 7.3 points or 6.8? Nobody can say. But of two replies to the same message most people can say which is the
# better one. So raters are shown pairs.
#
# Now you are the rater. Run the cell, so that Python can read what you choose, and label the twenty pairs. There is no right
# answer, only yours. Below them you see what a reward model makes of your choices. (In a hurry? *Let a rater finish.*)
#
# The cell after the lab tells how often it agrees with raters on pairs that it has never seen. A coin would in 50 %.

# %% label="compare-lab" tags=["subslide"]
lab = PreferenceLab()
lab


# %% label="compare-code" tags=["subslide"]
def report(name, labelled):
    """Print how well the reward model of a lab's choices does."""
    mine = labelled.reward_model()
    seen = reward_model.accuracy(mine, world, labelled.pairs())
    unseen = reward_model.accuracy(mine, world, labelled.held_out())
    print(f"{name}: right on the pairs it has learned {seen:.0%}, on 180 others {unseen:.0%}")


report("twenty labels of the raters", PreferenceLab(choices=lab.rater_choices()))
if any(lab.choices):
    report("your labels", lab)
    print(f"you and the raters agree on {lab.agreement():.0%} of the pairs that you judged")
else:
    print("your labels: none yet. Label some pairs above, and run this cell again.")

# %% [markdown] label="compare-read" tags=["fragment"]
# Twenty pairs are learned by heart, and say little about other pairs. There are more than 300 combinations of topic and word
# to be judged, and most of them did not occur.
#
# Where you and the raters differ, nobody is wrong. You may value short replies, they may value an apology. A reward model
# learns the taste of those who label.

# %% [markdown] label="reward" tags=["slide"] minutes=6
# ## Stage 3: a reward model
#
# A **reward model** gives a score $r(s,\tau)$ to a reply. The model of Bradley and Terry says how scores become choices:
#
# $$\Pr(\text{chosen}\succ\text{rejected})=\sigma\bigl(r(\text{chosen})-r(\text{rejected})\bigr),\qquad\sigma(d)=\frac1{1+e^{-d}},$$
#
# where ≻ reads *is preferred to*. If raters choose independently, the probability of *all* their choices, the
# **likelihood**, is the product over the pairs. The scores under which it is largest make its negative logarithm smallest:
#
# $$-\log\prod_i\sigma(d_i)=\sum_i-\log\sigma(d_i),\qquad d_i=r(\text{chosen}_i)-r(\text{rejected}_i).$$
#
# Divided by the number of pairs that is the loss. Take two replies, A and B. Three raters of four choose A. By how
# much should the score of A be higher?

# %% label="likelihood-code" tags=["subslide"]
a_won = np.array([1.0, 1.0, 1.0, 0.0])
tried = np.linspace(0, 3, 301)  # r(A) − r(B)
losses = [objectives.bradley_terry_loss(d * a_won, d * (1 - a_won)).value for d in tried]
d, least = tried[np.argmin(losses)], min(losses)
share = 1 / (1 + np.exp(-d))
print(f"least loss at d = {d:.2f}; log(3/1) = {np.log(3):.2f}; σ(d) = {share:.2f}")
print(f"likelihood exp(−4 · loss) = {np.exp(-4 * least):.3f}; by hand {0.75**3 * 0.25:.3f}")

# %% [markdown] label="likelihood-read" tags=["fragment"]
# By log 3, the logarithm of the odds: then σ(d) is the share that chose A. It is a **ranking problem**: nobody ever tells
# the model what a score should be.
#
# Our score is linear in **features**, what is counted in a reply: each word, each pair of topic and word, each pair of mood
# and polite word. A word that occurs $c$ times counts $\log_2(1+c)$.
#
# The raters are shown pairs of SFT replies. They choose by the gold reward, with noise: two replies that are nearly as good as
# each other get a nearly random label.

# %% label="predict-ceiling" tags=["subslide"]
Predict("11-ceiling")


# %% label="reward-code-part" tags=["subslide"]
def part(labelled, rows):
    """Return some of the pairs."""
    return reward_model.Pairs(*(side.take(rows) for side in labelled))


# %% label="reward-code" answers="ceiling" tags=["subslide"]
both = reward_model.sample_pairs(reference, world, 5_500, rng)
labels = reward_model.label(world, *both, rng)
pairs, fresh = part(labels, slice(1_500)), part(labels, slice(1_500, None))
for n in (20, 100, 300, 1_500):
    judge = reward_model.fit(world, part(pairs, slice(n)))
    right = [reward_model.accuracy(judge, world, p) for p in (part(pairs, slice(n)), fresh)]
    print(f"{n:5,d} pairs: right on them {right[0]:.0%}, on 4,000 fresh pairs {right[1]:.1%}")
oracle = objectives.bradley_terry_loss(*(worlds.gold_reward(world, p).total for p in fresh))
error = (oracle.accuracy * (1 - oracle.accuracy) / 4_000) ** 0.5
print(f"gold reward: on the fresh pairs {oracle.accuracy:.1%}, standard error {error:.1%}")
odd = [worlds.gold_reward(world, p).parts["illegal_pairs"] for p in pairs]
print(f"pairs that differ in odd word pairs: {(abs(odd[0] - odd[1]) > 1e-9).sum()} of 1,500")
judge = reward_model.normalise(judge, world, written)  # mean 0 and sd 1 on SFT replies

# %% [markdown] label="reward-read" answers="ceiling" tags=["subslide"]
# With 1,500 pairs the reward model agrees with the raters nearly as often as the gold reward does: it is behind by more than
# three standard errors, and by less than 4 points. The rest is noise of the raters, which nobody can predict.
#
# Its weights can be read. (In a large model the same is in there, and cannot be read.)

# %% label="weights-code" tags=["subslide"]
table = reward_model.weight_table(judge, world)
kinds = {
    "topic × word": [row for row in table if row[0].split(" × ")[0] in world.topics],
    "word": [row for row in table if " × " not in row[0]],
    "mood × word": [row for row in table if row[0].split(" × ")[0] in worlds.MOODS],
}
for name, rows in kinds.items():
    shown_rows = [f"{what} {figures.signed(round(w, 2))}" for what, w in rows[:4]]
    print(f"{name:13s}", ", ".join(shown_rows))

# %% [markdown] label="weights-read" tags=["fragment"]
# It has found out which words belong to which topic, that nobody should promise or guarantee anything, and that angry
# customers want to hear *sorry*.
#
# **Not** in the table: that a word helps only once, that word pairs can be nonsense, that 16 words are too many. The pairs
# would have told: in 207 of 1,500 the replies differ in odd word pairs. But this model has no feature for them.

# %% [markdown] label="differences" tags=["slide"] minutes=4
# ### Scores of two topics
#
# SFT replies about deliveries have a higher mean score than SFT replies about bills.

# %% label="predict-two-topics" tags=["fragment"]
Predict("11-two-topics")

# %% label="differences-code" answers="two-topics" tags=["subslide"]
scores = reward_model.reward_score(judge, world, written)
golds = worlds.gold_reward(world, written).total
for t, topic in enumerate(world.topics):
    on = world.topic_of[written.prompts] == t
    print(f"{topic:9s} mean score {scores[on].mean():5.2f}   mean gold {golds[on].mean():.2f}")

chosen, rejected = (reward_model.reward_score(judge, world, p) for p in pairs)
bonus = 100.0 * world.topic_of[pairs.chosen.prompts]  # some number for each prompt
before = objectives.bradley_terry_loss(chosen, rejected).value
after = objectives.bradley_terry_loss(chosen + bonus, rejected + bonus).value
print(f"loss {before:.6f}, with up to 500 points added to both replies of a pair {after:.6f}")

# %% [markdown] label="differences-read" answers="two-topics" tags=["subslide"]
# By the gold reward there is next to no difference. **Only differences mean anything**: the two replies of a pair
# always answer the same message. Scores of replies to *different* prompts must not be compared.
#
# The policy gradient can live with that. Its advantage compares an action with the policy's own average *in the same state*.

# %% [markdown] label="update" tags=["slide"] minutes=7
# ## Stage 4: one update by hand
#
# Now the pieces of this course come together. The policy starts as a copy of the SFT model, which stays as the frozen
# reference $\pi_{\mathrm{ref}}$. One update of a batch of 64 replies:

# %% label="update-code" tags=["subslide"]
m, beta = 64, 0.3
model = reference
prompts = worlds.sample_prompts(world, m, rng)
replies, log_pi = lm.sample(model, world, prompts, rng)  # 1. the policy writes
score = reward_model.reward_score(judge, world, replies)  # 2. the reward model judges
rewards = np.zeros(log_pi.shape)
rewards[np.arange(m), replies.lengths - 1] = score  # 3. once, with the last token,
log_ref = lm.log_probs(reference, world, replies)
rewards = objectives.kl_penalised_rewards(rewards, log_pi, log_ref, beta)  # less the drift
goes_on = 1.0 * (np.arange(world.max_tokens) < replies.lengths[:, None] - 1)
values = np.zeros((m, world.max_tokens + 1))  # a critic that knows nothing yet
A = returns.gae(rewards, goes_on, values, 0.95)  # 4. better than usual?
batch = lm.contexts(world, replies)
uphill = lm.score(model, batch, weights=A[replies.mask] / m)  # 5. score × advantage
print(f"{m} replies, {len(batch.x)} tokens, mean score {score.mean():.2f}")

# %% [markdown] label="update-read" tags=["fragment"]
# Line 5 is this course in one call. It sums $\frac{\partial\log\pi_\theta(a_t\mid s_t)}{\partial\theta}A_t$ over the tokens
# and averages over the replies: the gradient of $\frac1m\sum_\tau U(\tau;\theta)$.
#
# PPO's clipped objective is a mean over all *tokens* of the batch. How does its gradient differ from line 5, at the first
# step of an update?

# %% label="same-code" tags=["subslide"]
z = np.zeros((m, world.max_tokens, len(world.words)))
z[batch.rows, batch.steps] = lm.logits(model, batch.x)
of_u = objectives.advantage_objective(z, replies.tokens, A, weights=1.0 * replies.mask)
by_lesson_8 = lm.gradient(model, batch.x, of_u.grad_logits[batch.rows, batch.steps])
step = ppo.policy_step(RunConfig(), model, batch, log_pi[replies.mask], A[replies.mask])
by_ppo = step.gradient * step.scale * len(batch.x) / m  # a sum over tokens, a mean over replies
mine = lm.pack(uphill)
for name, other in [("lesson 08", lm.pack(by_lesson_8)), ("PPO, times N/m", by_ppo)]:
    print(f"{name:15s} equals line 5 to 1e-12: {abs(other - mine).max() < 1e-12}")
print(f"N/m = {len(batch.x) / m:.2f} tokens in a reply")

# %% [markdown] label="same-read" tags=["fragment"]
# Only by the factor N/m, the mean length of the replies. The direction is the same. In `course_utils/rlhf/ppo.py` you find
# the line in `_policy_step`, under the comment *The advantage-weighted score of every token: U(τ; θ) climbs here*.
#
# The rest of PPO is around it: whitened advantages, four epochs with the clip, a critic that learns, a hundred batches. One
# call does all of it, from the demonstrations on:

# %% [markdown] label="run" tags=["slide"] minutes=6
# ### A hundred updates
#
# The log uses the names of the library TRL, so that you can read the log of a large run with it.
#
# | name | what it is |
# |---|---|
# | `objective/scores` | the reward model's score, mean of the batch |
# | `objective/kl` | $\log\pi-\log\pi_{\mathrm{ref}}$ of a whole reply: distance to the **reference** |
# | `policy/approxkl_avg` | $\frac12(\log\pi_{\mathrm{new}}-\log\pi_{\mathrm{old}})^2$ of a token: size of this update's **step** |
# | `policy/entropy_avg` | entropy of a token's distribution |
# | `ours/reply_length`, `ours/gold` | tokens of a reply; gold reward (a real log cannot have it) |

# %% label="predict-six-curves" tags=["subslide"]
Predict("11-six-curves")

# %% label="run-code" answers="six-curves" tags=["subslide"]
log = rlhf.run(RunConfig(kl_coef=0.3, updates=100), seed=0)
names = ["objective/scores", "objective/kl", "policy/approxkl_avg", "policy/entropy_avg"]
names += ["ours/reply_length", "ours/gold"]
print("update  " + "  ".join(name.split("/")[1].removesuffix("_avg") for name in names))
for update in (1, 10, 25, 50, 100):
    row = [log[name][update - 1] for name in names]
    print(f"{update:6d}  {row[0]:6.2f} {row[1]:z4.1f} {row[2]:9.3f} {row[3]:8.2f}", end="")
    print(f" {row[4]:13.2f} {row[5]:5.2f}")

# %% [markdown] label="run-read" answers="six-curves" tags=["fragment"]
# Score and gold rise together, and most of it happens in the first ten updates. The KL to the reference rises to 2 or 3 nats,
# where the penalty holds it. The steps are small, and largest at the start. The entropy falls, since the policy has become
# surer of what to say.
#
# What has changed in the replies? The same random numbers, before and after:

# %% label="before-after" tags=["subslide"]
for prompt in (angry_refund, 20):
    print("customer:", world.prompts[prompt].text)
    for name, who in [("SFT", log.reference), ("PPO", log.model)]:
        few = lm.sample(who, world, [prompt] * 3, np.random.default_rng(111)).replies
        points = worlds.gold_reward(world, few).total
        for text, worth in zip(world.text(few), points, strict=True):
            print(f"   {name} {worth:5.2f}  {text}")

# %% [markdown] label="before-after-read" tags=["fragment"]
# In these replies the wrong topics are gone, and the angry customer hears an apology. No demonstrator had to be perfect
# for this. Comparing replies was enough.

# %% [markdown] label="live" tags=["slide"] minutes=7
# ### Watch it, and break it
#
# The lab below has made 40 updates. *Reset* it, press *Run*, and read the replies while they change. Then *Reset* again,
# take the penalty away (β = 0), and run. But first:

# %% label="predict-no-penalty" tags=["fragment"]
Predict("11-no-penalty")

# %% label="live-lab" tags=["subslide"]
live = RlhfLab()
live.train(40)
live

# %% [markdown] label="live-read" answers="no-penalty" tags=["subslide"]
# Without the penalty the score climbs far higher, and the gold reward falls: tick *show the gold reward*. `objective/kl`
# warns you. `policy/approxkl_avg` does not, since each step stays small.
#
# If you have labelled pairs, `RlhfLab(pairs=lab.pairs())` trains a policy on *your* taste.
# Twenty pairs leave most words unjudged: with the same β the gold reward gains less.

# %% [markdown] label="beta" tags=["slide"] minutes=6
# ## How much β?
#
# Seven values of β, three seeds each, 40 updates. All cores of your computer take part. Which β has the highest score?
# Which the highest gold reward?

# %% label="beta-code" answers="no-penalty" tags=["subslide"]
betas = [0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
runs = sweep([RunConfig(kl_coef=b, updates=40) for b in betas], seeds=range(3), progress=False)
ends = [evaluate(run.log, replies=1_000) for run in runs]  # fresh replies
numbers = np.array([[e.score, e.gold, e.kl, e.length] for e in ends]).reshape(-1, 3, 4)
print("    β   score     gold ± s.e.   KL    length")
for b, of_seeds in zip(betas, numbers, strict=True):
    score_, gold_, kl_, length_ = of_seeds.mean(axis=0)
    error = of_seeds[:, 1].std(ddof=1) / 3**0.5
    print(f"{b:5.2f} {score_:7.2f} {gold_:8.2f} ± {error:.2f} {kl_:7.1f} {length_:7.1f}")

# %% [markdown] label="beta-read" answers="no-penalty" tags=["fragment"]
# The score is highest without any penalty, and the gold reward is lowest there, far below that of the SFT model. From β
# = 1 on, the score minus β · KL ends below 0, which is what the reference has: by their own objective these policies
# got worse. (The best one at β = 10 has a KL below 0.01. ) The best β lies in between, and the *score alone cannot tell
# you which it is*. The length tells something: with a weak penalty the replies run into the limit of 16 tokens.

# %% [markdown] label="over" tags=["slide"] minutes=5
# ## Over-optimisation
#
# Without a penalty, and with small steps, you can watch the gold reward on its way down: three runs, means of seven
# updates in a row.

# %% label="predict-way-down" tags=["fragment"]
Predict("11-way-down")

# %% label="over-code" answers="no-penalty, way-down" tags=["subslide"]
small_steps = RunConfig(kl_coef=0.0, learning_rate=0.005, updates=150)
free = [rlhf.run(small_steps, seed, progress=False) for seed in range(3)]


def smooth(column):
    """Return means of seven updates in a row."""
    return np.convolve(column, np.ones(7) / 7, mode="valid")


print("seed   gold: at first   at most, at √KL    at last   score at last")
for seed, run in enumerate(free):
    gold, away = smooth(run["ours/gold"]), np.sqrt(smooth(run["ours/kl_full"]))
    ends = f"{gold[-1]:10.2f} {smooth(run['objective/scores'])[-1]:15.2f}"
    print(f"{seed:4d} {gold[0]:16.2f} {gold.max():9.2f} {away[gold.argmax()]:8.1f} {ends}")

# %% label="over-figure" answers="no-penalty, way-down" tags=["subslide", "folded"] picture="over_optimisation.png"
# Draws score and gold reward against the distance from the reference.
fig, (ax,) = figures.new_figure(7.2, 3.8)
for run in free:
    away = np.sqrt(smooth(run["ours/kl_full"]))
    gold, score = smooth(run["ours/gold"]), smooth(run["objective/scores"])
    ax.plot(away, score, color=figures.SAMPLED, lw=1.6, ls="--")
    ax.plot(away, gold, color=figures.EXACT, lw=1.6)
    ax.plot(away[gold.argmax()], gold.max(), "D", color=figures.EXACT, ms=6)
ax.annotate("what the reward model says", (6.3, 5.4), ha="right", color=figures.SAMPLED_INK)
ax.annotate("what the replies are worth (gold)", (5.3, -3.2), ha="right")
ax.annotate("best", (2.0, 2.75), ha="center")
ax.set_xlabel("distance from the reference, √KL (nats)")
ax.set_ylabel("mean of seven batches")
alt = (
    "Three runs without a penalty. The reward model's score rises all the way, from 0 to 6. "
    "The gold reward rises from 1.4 to above 2 at √KL near 2, then falls below −3.5."
)
figures.show(fig, alt)

# %% [markdown] label="over-read" answers="no-penalty, way-down" tags=["fragment"]
# The solid lines rise first, as in a healthy run. Then they turn, while the score goes on rising. From there on the policy gets
# better at pleasing the reward model, and worse at answering customers. This is **over-optimisation**, or *reward hacking*.
#
# Gao, Schulman and Hilton measured such curves on large models. Say “the same qualitative shape”, and no more: three runs of
# one small world cannot tell a formula.

# %% [markdown] label="why" tags=["slide"] minutes=5
# ### An accuracy, and where it was measured
#
# The accuracy of the reward model was 80 %. On whose replies?

# %% label="predict-own-pairs" tags=["fragment"]
Predict("11-own-pairs")

# %% label="why-code" answers="own-pairs" tags=["subslide"]
print("    β   right on pairs of the trained policy: reward model, gold reward")
for run in runs[::3]:
    rng = np.random.default_rng(112)
    both = reward_model.sample_pairs(run.log.model, world, 2_000, rng)
    labels = reward_model.label(world, *both, rng)
    best = objectives.bradley_terry_loss(*(worlds.gold_reward(world, p).total for p in labels))
    right = reward_model.accuracy(run.log.state.reward_model, world, labels)
    print(f"{run.config.kl_coef:5.2f} {right:52.0%} {best.accuracy:12.0%}")
counts = RunConfig(kl_coef=0.0, feature_kind="count")  # every repetition counts in full
for kind, run in [("log", free[0]), ("count", rlhf.run(counts, seed=1, progress=False))]:
    words = world.text(evaluate(run, replies=2).replies)[0].split()
    print(f"no penalty, {kind:5s}: … {' '.join(words[-8:])}")  # how it ends

# %% [markdown] label="why-read" answers="own-pairs" tags=["subslide"]
# The policy does not stay where the reward model was trained. It goes where the score is high: and among the places
# where the score is high are those where the reward model errs *upwards*. A weak penalty takes it just there. At β =
# 0.03 the reward model is right less often than a coin (the standard error of the 42 % is 1.1 %). (The gold reward is
# the ceiling, lower there too: the replies of a pair are closer in worth.)

# %% [markdown] label="why-salad" answers="own-pairs" tags=["subslide"]
# And there is the word salad. Every repeated *repair* adds to the score, since nothing in 1,500 pairs ever said that it
# should not. With $\log_2(1+c)$ it adds less each time, and other words come in between. With `count` features, one of the
# lab's choices, a word that occurs $c$ times counts $c$: here one word is said to the end.
#
# So an accuracy is a statement about a distribution of replies. To know whether a reward model can still be trusted, measure
# it on **fresh pairs of the present policy**.

# %% [markdown] label="bias" tags=["slide"] minutes=4
# ### Raters with a soft spot
#
# Suppose that raters have a soft spot: each polite word pleases them by a point, each further token by 0.2.

# %% label="predict-soft-spot" tags=["fragment"]
Predict("11-soft-spot")

# %% label="bias-code" answers="soft-spot" tags=["subslide"]
print("raters      right on own pairs        gold      polite words      tokens")
for name, taste in [("fair", {}), ("soft spot", {"polite_bias": 1.0, "length_bias": 0.2})]:
    ends = []
    for seed in range(3):
        run = rlhf.run(RunConfig(kl_coef=0.15, **taste), seed, progress=False)
        right = pair_accuracy(run, model=run.reference, own_raters=True).reward_model
        end = evaluate(run, replies=1_000)
        ends.append([right, end.gold, end.polite_words, end.length])
    error = np.std(ends, axis=0, ddof=1) / np.sqrt(3)
    told = [f"{m:5.2f} ± {e:.2f}" for m, e in zip(np.mean(ends, axis=0), error, strict=True)]
    print(f"{name:14s}", *told, sep="    ")

# %% [markdown] label="bias-read" answers="soft-spot" tags=["fragment"]
# It is *more* accurate: a strong taste is easy to learn. And the policy gives them more of it: it says 2.9 polite words
# in a reply, where 2 are enough, and writes more (over twelve runs, 1.5 ± 0.3 tokens). By their own taste the raters
# asked for that: a polite word over 2 costs half a point of gold, and pleases them by one.

# %% [markdown] label="chain" answers="soft-spot" tags=["subslide"]
# The causal chain is always the same. (a) A reward model learns to rank. (b) An advantage-weighted update raises whatever
# scores a bit better than usual, over and over. (c) The KL penalty is the only term that says where to stop. That
# carries over to large runs. The digits do not (*Going deeper*).

# %% [markdown] label="convention" tags=["slide"] minutes=1
# > ### Convention card
# >
# > | question | in this lesson | elsewhere |
# > |---|---|---|
# > | what is a step? | a token, the end token too | some count a whole reply as one action (RLOO, lesson 13) |
# > | sum or mean over tokens? | U: sum over a reply, mean over replies. The PPO loop: mean over all tokens, as TRL does | both are in use |
# > | where is the KL? | in the reward of each token, as k1, β = 0.3 | GRPO puts it into the loss |
# > | scale of the score | mean 0, sd 1 on SFT replies | often not normalised: then β means something else |
# > | actor and critic | an optimiser each, the critic's loss not clipped | TRL's PPOTrainer: one optimiser, a clipped loss |
# > | advantages | GAE, λ = 0.95, whitened over the batch | the same in most libraries |
# > | `objective/entropy` | a sum over a reply, as in TRL | `policy/entropy_avg` is per token |

# %% [markdown] label="turn-preference-text" tags=["slide"] minutes=7
# ## Your turn: the preference loss
#
# `chosen` and `rejected` are the scores of $n$ pairs, shape (n,). Return the mean of
# $-\log\sigma(\text{chosen}-\text{rejected})$, one number. It must not overflow, however far apart the scores are.
#
# <details><summary>Hint 1</summary>
#
# Which single number of a pair does the loss depend on? Compute that first.
#
# </details>
# <details><summary>Hint 2</summary>
#
# With d for the difference, $-\log\sigma(d)=\log(1+e^{-d})$.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `np.logaddexp(a, b)` is $\log(e^a+e^b)$ without overflow, and 1 is $e^0$.
#
# </details>


# %% label="turn-preference" tags=["fragment"]
def preference_loss(chosen, rejected):
    """Return the mean loss of the pairs, a number."""
    # BEGIN SOLUTION
    margin = chosen - rejected
    return np.logaddexp(0, -margin).mean()  # −log σ(d) = log(1 + exp(−d))
    # END SOLUTION


# %% label="turn-preference-check" tags=["skip"]
check("preference_loss", preference_loss)

# %% [markdown] label="turn-objective-text" tags=["slide"] minutes=8
# ## Your turn: U of a batch of replies
#
# `log_probs` and `advantages` have shape (m, T), for m replies of at most T tokens. `mask` is True where there is a token;
# elsewhere the arrays hold padding, which means nothing. Return $\frac1m\sum_\tau U(\tau;\theta)$: a sum over the tokens of
# a reply, a mean over the replies.
#
# <details><summary>Hint 1</summary>
#
# What must a padded position contribute? Which array says where they are?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Sum over the last axis first: one U for each reply. Then average.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `np.where(mask, x, 0)` keeps x where mask is True. Divide by the number of replies, not of tokens.
#
# </details>


# %% label="turn-objective" tags=["fragment"]
def reply_objective(log_probs, advantages, mask):
    """Return the mean of U(τ; θ) over the replies, a number."""
    # BEGIN SOLUTION
    u = np.where(mask, log_probs * advantages, 0).sum(axis=-1)  # U of each reply
    return u.mean()
    # END SOLUTION


# %% label="turn-objective-check" tags=["skip"]
check("reply_objective", reply_objective)

# %% [markdown] label="quiz-text" tags=["slide"] minutes=5
# ## Quiz
#
# Read also the reasons of the options that you did not choose.

# %% label="quiz" tags=["fragment"]
Quiz("11")

# %% [markdown] label="recap" tags=["slide"] minutes=1
# ## Recap
#
# 1. Imitation (SFT) copies the demonstrators, faults and all. It is U with every advantage equal to 1.
# 2. Comparisons train a reward model to *rank*. Only score differences within a prompt mean anything.
# 3. The policy gradient of a language model is the score of each token times its advantage. PPO, the critic and the KL
#    penalty are around that line.
# 4. `objective/kl` is the distance to the reference, `policy/approxkl_avg` the size of a step.
# 5. Without a brake the score rises and the replies get worse. Accuracy on old pairs does not show it. On fresh pairs
#    of the policy, an accuracy below one half does; a mere fall may be that of its ceiling.

# %% [markdown] label="next" tags=["skip"]
# **Next:** [lesson 12](12_clinic.ipynb), the clinic: a run has gone wrong, and you find out why. (The map is in
# [00 · Start here](00_start_here.ipynb).)
#
# **Build it:** [stage 7](problem_sets/build.ipynb).
#
# *Sources.* Notation: T. Xiao and J. Zhu, *Foundations of Large Language Models*, chapter 4 (2025). The pipeline: L. Ouyang and
# others, *Training language models to follow instructions with human feedback* (2022), and D. Ziegler and others, *Fine-tuning
# language models from human preferences* (2019). Preferences: R. Bradley and M. Terry, *Rank analysis of incomplete block
# designs* (1952). Over-optimisation: L. Gao, J. Schulman and J. Hilton, *Scaling laws for reward model overoptimization* (2023).

# %% [markdown] label="deeper" tags=["skip"]
# ## Going deeper

# %% [markdown] label="large" tags=["skip"]
# ### What is different in a large run
#
# | here | there |
# |---|---|
# | 53 words, 16 tokens, 10,000 parameters | 100,000 tokens, thousands in a reply, billions of parameters |
# | a linear policy on hand-made features | a transformer; the policy starts as a pretrained model |
# | a linear reward model that is right in 80 % | a transformer with one output; InstructGPT's was right in 72 % |
# | noise from one known source | many raters who disagree, tire, and follow guidelines |
# | β = 0.3, a KL of 2 to 3 nats for a reply | other numbers: both depend on length and scale (InstructGPT: β = 0.02) |
# | seconds on one core | days on many accelerators; bugs in sampling and padding cost most of the time |
# | **the gold reward is known** | **nobody knows it.** You have spot checks and held-out comparisons |
#
# What carries over is the chain of (a), (b) and (c), the shape of the curves, and how to read a log.

# %% [markdown] label="policy" tags=["skip"]
# ### The policy, and its score function
#
# The model sees of a state a row $x(s)$ of zeros and ones: the topic, the mood, the position, the two words before, and
# which words were used already. The logits are $z=x(s)\,\theta$, with one column of θ for each token. So the score is the one
# of lesson 02, with $x$ in front:
#
# $$\frac{\partial\log\pi_\theta(a\mid s)}{\partial\theta}=x(s)^{\mathsf T}\bigl(\text{one-hot}(a)-\pi_\theta(\cdot\mid s)\bigr).$$
#
# Compare it with a nudge of one parameter, the one that joins the topic *refund* to the word *money*:

# %% label="policy-code" tags=["skip"]
one = world.replies([angry_refund], texts[:1])
batch = lm.contexts(world, one)
features, size = reference.table.shape[0], reference.table.size
print(f"{features} features of a context, {size:,} parameters")
entry = lm.feature_names(world).index("topic refund"), world.words.index("money")
nudged = []
for h in (1e-5, -1e-5):
    table = reference.table.copy()
    table[entry] += h
    nudged.append(lm.log_probs(reference._replace(table=table), world, one).sum())
print(f"by nudging   {(nudged[0] - nudged[1]) / 2e-5:.6f}")
print(f"by formula   {lm.score(reference, batch).table[entry]:.6f}")

# %% [markdown] label="kinds" tags=["skip"]
# ### Other features
#
# What would help against over-optimisation? A reward model that goes on differently where it has no data. Four kinds of
# features, the same pairs, a weak penalty. Do their accuracies tell you which one is safe?

# %% label="kinds-code" tags=["skip"]
tries = [RunConfig(kl_coef=0.1, feature_kind=k, updates=40) for k in reward_model.KINDS]
of_kinds = sweep(tries, seeds=range(3), progress=False)
for i, kind in enumerate(reward_model.KINDS):
    logs = [run.log for run in of_kinds[3 * i : 3 * i + 3]]
    on_sft = np.mean([pair_accuracy(log, model=log.reference).reward_model for log in logs])
    gold = np.array([evaluate(log, replies=1_000).gold for log in logs])
    print(f"{kind:9s} accuracy {on_sft:.0%}   gold of three seeds {gold.round(1)}")

# %% [markdown] label="kinds-read" tags=["skip"]
# No. All four agree with the raters about equally often, and *count* ends far below 0, whichever seed. A reward that grows with
# every repetition (*count*) is driven up without end. One that counts a word once (*presence*), or that knows about
# repetition, length and odd pairs (*rich*), leaves less to exploit; these two cannot be told apart here.
