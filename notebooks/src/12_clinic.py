# %% [markdown] label="title" tags=["slide"] minutes=2
# # 12 · The clinic
#
# A run of RLHF has gone wrong. The numbers look fine, and people do not like the replies. What do you look at? What do you
# change? And how do you know that it helped?
#
# $$\underbrace{r(s,\tau)}_{\text{(a) a ranking}}\qquad\underbrace{\sum_t\frac{\partial\log\pi_\theta(a_t\mid s_t)}{\partial\theta}\,A_t}_{\text{(b) the update}}\qquad\underbrace{-\beta\,\log\frac{\pi_\theta(a_t\mid s_t)}{\pi_{\mathrm{ref}}(a_t\mid s_t)}}_{\text{(c) the KL term}}$$
#
# Eleven patients are waiting. All of them are real runs of lesson 11's language model, and they train while you watch.

# %% [markdown] label="aims" tags=["subslide"]
# After it you will be able to
#
# - **read** a log line by line, and say which of the three links each line shows,
# - **say** what three reassuring numbers hide,
# - **name** the cause of a sick run, and cite two curves that tell it from its neighbours,
# - **change** one thing, and judge it by fresh replies over several seeds,
# - **design** settings against constraints that are numbers.
#
# *About 80 minutes up to case D4, which is enough for one sitting. The other six take 15 to 25 minutes each, in any order.
# You need lessons 10 and 11.*

# %% label="setup" tags=["skip"]
import numpy as np
from course_utils.checks import check
from course_utils.rlhf import clinic, reward_model
from course_utils.rlhf import run as rlhf
from course_utils.rlhf import world as worlds
from course_utils.rlhf.config import RunConfig
from course_utils.widgets import ClinicLab, Predict, Quiz
from IPython.display import Markdown, display

# %% [markdown] label="chain" tags=["slide"] minutes=4
# ## Three links
#
# A reward model ranks replies. An update makes likelier what ranks above the usual. A penalty says how far that may go. What
# goes wrong goes wrong in one of these links, and each writes its own lines into the log.
#
# | link | lines of the log |
# |---|---|
# | (a) the reward model, a **ranking** | `objective/scores`, `reward_std` (its spread); and how often it agrees with raters, which is in no log |
# | (b) the **advantage-weighted update** | `policy/approxkl_avg`, `policy/entropy_avg`, `ours/advantage_sd`, `ours/explained_variance` |
# | (c) the **KL term** | `objective/kl`, `ours/kl_coef` (β), `objective/rlhf_reward` (score less penalty) |
#
# Names without `ours` are those of the library TRL.

# %% [markdown] label="healthy" tags=["slide"] minutes=7
# ## A healthy run, line by line
#
# Nobody can see illness who has not seen health. Here is a run that is well: keep it as your yardstick.

# %% label="predict-early-share" tags=["fragment"]
Predict("12-early-share")

# %% label="healthy-code" answers="early-share" tags=["subslide"]
ranking = ["objective/scores", "reward_std"]
update = ["policy/approxkl_avg", "policy/entropy_avg", "ours/advantage_sd"]
update += ["ours/explained_variance", "ours/unique_replies", "ours/reply_length"]
penalty = ["objective/kl", "ours/kl_full", "ours/kl_coef", "objective/rlhf_reward"]


def lines(log, names, updates=(1, 2, 4, 10, 20, 50, 100)):
    """Print a line for each metric, a column for each update."""
    print(f"{'update':25s}", *(f"{u:6d}" for u in updates))
    for name in names:
        digits = 3 if "approxkl" in name else 2
        print(f"{name:25s}", *(f"{log[name][u - 1]:z6.{digits}f}" for u in updates))


healthy = rlhf.run(RunConfig(), seed=12, progress=False)
lines(healthy, ranking + update + penalty)

# %% [markdown] label="healthy-read" tags=["subslide"]
# - **(a)** The score rises by more than 1. Scores of SFT replies have sd 1, so that is a lot. Their spread gets smaller:
#   the replies are alike in quality.
# - **(b)** The first step is the largest, and none is large. The entropy falls by a third. Nearly all replies differ, and their
#   length stays. The critic begins with nothing; in the end it explains more than half.
# - **(c)** The KL rises to 2 or 3 and is held there. β stands still. `objective/rlhf_reward` rises: the score gained more
#   than the distance cost.

# %% [markdown] label="healthy-kl" tags=["subslide"]
# `objective/kl` is **sampled**: it adds up the log-ratios of the tokens that were drawn. `ours/kl_full` has the **exact** KL of
# the next token in each state that was visited. The two agree, but for noise.
#
# How much happens early?

# %% label="early-code" answers="early-share" tags=["subslide"]
print("share of the way to the last five updates, by update 20:")
for name in ("objective/scores", "objective/kl", "policy/entropy_avg"):
    x = healthy[name]
    first, early, late = x[0], x[15:20].mean(), x[-5:].mean()
    print(f"{name:20s} {(early - first) / (late - first):.0%}")

# %% [markdown] label="early-read" answers="early-share" tags=["fragment"]
# Four fifths of the score, nearly all of the KL. So **look at the first twenty updates** before you look at the end. What is
# violent happens there, and the end of a log may show a policy that can no longer move.

# %% [markdown] label="lie" tags=["slide"] minutes=9
# ## Which numbers tell?
#
# Now the same seed without a penalty, β = 0. You know from lesson 11 how that ends: in word salad. Look at four numbers: the
# *score*, the critic's *explained variance*, the reward model's *accuracy* on held-out pairs of SFT replies, and the same on
# fresh pairs of the policy's own replies, beside its **ceiling**, the best accuracy that any model could reach on those pairs.

# %% label="predict-three-numbers" tags=["fragment"]
Predict("12-three-numbers")

# %% label="lie-code-agreement" tags=["subslide"]
salad = rlhf.run(RunConfig(kl_coef=0.0), seed=12, progress=False)


def agreement(log, writer, n=3_500):
    """Return how often reward model and gold agree with new labels, and the exact ceiling."""
    rng = np.random.default_rng(121)
    both = reward_model.sample_pairs(writer, log.world, n, rng)
    pairs = log.config.label(log.world, both, rng)
    chosen, rejected = (worlds.gold_reward(log.world, side).total for side in pairs)
    model = reward_model.accuracy(log.state.reward_model, log.world, pairs)
    gold = np.mean((chosen > rejected) + 0.5 * (chosen == rejected))
    exact = np.mean(1 / (1 + np.exp(-abs(chosen - rejected) / log.config.label_temperature)))
    return model, gold, exact


# %% label="lie-code" answers="three-numbers" tags=["subslide"]
print("means of the last five updates; fresh pairs:")
for name, log in [("healthy", healthy), ("no penalty", salad)]:
    score = log["objective/scores"][-5:].mean()
    explained = log["ours/explained_variance"][-5:].mean()
    print(f"{name:11s} score {score:.1f}   explained variance {explained:.2f}")
    for who, writer in [("SFT model", log.reference), ("policy", log.model)]:
        model, gold, exact = agreement(log, writer)
        print(f"   pairs of the {who:10s} reward model right in {model:.0%}", end="")
        print(f"   ceiling: sampled {gold:.1%}, exact {exact:.1%}")

# %% [markdown] label="lie-read" answers="three-numbers" tags=["subslide"]
# Three of the four are often shown to prove that all is well. None of them looks worse here, and two look *better*.
#
# - **The score** is what is being climbed. It goes up in a good run and in a bad one.
# - **Explained variance** says that the critic knows which score will come. It does not say what the score is worth. (Nor does it
#   see a constant error, lesson 09.)
# - **Accuracy on held-out pairs** is about replies of the SFT model, where neither policy writes any more.

# %% [markdown] label="lie-ceiling" answers="three-numbers" tags=["subslide"]
# What tells is the last line of each: accuracy **on pairs of the present policy, beside its ceiling**. Raters disagree with
# themselves, most about replies that are nearly equal. Two replies that differ by $d$ in gold are told apart with probability
# $\sigma(|d|/\kappa)$, with κ = 0.6 for our raters. Its mean is the best that any model can do. In the healthy run the
# policy's replies are so alike that the ceiling itself is low, 64 %, and 58 % is not far below it. Without the penalty the
# ceiling is no lower, and the model is no better than a coin.
#
# And in the log itself?

# %% label="predict-parts-first" tags=["subslide"]
Predict("12-parts-first")

# %% label="part-code" answers="parts-first" tags=["subslide"]
for name in ("objective/scores", "objective/kl", "ours/reply_length"):
    print(f"{name:18s} update {'':7s}", *(f"{u:6d}" for u in (5, 8, 10, 12, 15, 20)))
    for run, log in [("healthy", healthy), ("no penalty", salad)]:
        means = [log[name][u - 2 : u + 1].mean() for u in (5, 8, 10, 12, 15, 20)]
        print(f"{'':18s} {run:14s}", *(f"{x:6.2f}" for x in means))

# %% [markdown] label="part-read" answers="parts-first" tags=["fragment"]
# The KL. At update 10 it is nearly twice that of the healthy run, while the length differs by a word. The score is higher,
# which would have worried nobody.

# %% [markdown] label="turn-ranking-text" tags=["slide"] minutes=5
# ## Your turn: how often does a ranking agree?
#
# `chosen` and `rejected` are a reward model's scores of $n$ pairs, shape (n,): of the reply that the rater chose, and of the
# other one. Return the share of pairs that the model ranks as the rater did. A pair with equal scores counts half.
#
# <details><summary>Hint 1</summary>
#
# Each pair is judged by itself. Which comparison makes n answers, True or False?
#
# </details>
# <details><summary>Hint 2</summary>
#
# True counts as 1: the mean of n comparisons is a share. You need two such shares.
#
# </details>
# <details><summary>Hint 3</summary>
#
# One for `>`, and half of one for `==`.
#
# </details>


# %% label="turn-ranking" tags=["fragment"]
def ranking_accuracy(chosen, rejected):
    """Return the share of pairs ranked as the raters did, a number."""
    # BEGIN SOLUTION
    wins, ties = chosen > rejected, chosen == rejected
    return np.mean(wins + ties / 2)
    # END SOLUTION


# %% label="turn-ranking-check" tags=["skip"]
check("ranking_accuracy", ranking_accuracy)

# %% [markdown] label="in-code" tags=["slide"] minutes=5
# ## A case in code
#
# A case has a brief, a run, causes to choose from, changes to try, and goals. `clinic.case` has all of it. The gold reward,
# what people would say, is hidden until you ask for the debrief; before that only a verdict's goals may know it.

# %% label="case-code" tags=["subslide"]
case = clinic.case("D1")
print(case.file.brief.replace(". ", ".\n"))
chart = case.run(progress=False)
lines(chart, case.file.dashboard)
for name, change in case.changes.items():
    print(f"{name}: {change.text} Cost: {change.cost}")

# %% [markdown] label="verdict" tags=["subslide"]
# A **verdict** trains with the change and without it, from several seeds, and measures *fresh* replies. A change has cured the
# case if the goals are met in nine of ten seeds; with three seeds that means all of them.
#
# “Twice as many updates” is what somebody proposes.

# %% label="predict-twice-the-updates" tags=["fragment"]
Predict("12-twice-the-updates")

# %% label="verdict-code" answers="twice-the-updates" tags=["subslide"]
verdict = case.verdict("more-updates", seeds=[0, 1], progress=False)
for reached in verdict.goals:
    print(reached.goal.text)
    for name, values in [("before", reached.before), ("after", reached.after)]:
        print(f"   {name:6s}", *(f"{x:.1f}" for x in values))
print("cured:", verdict.cured)

# %% [markdown] label="quick" tags=["slide"] minutes=5
# It is no cure. And the cause? Look at the lines again, link by link, with the healthy run beside them.
#
# ## Four quick cases
#
# Each lab below is one case, and has trained already: its brief, its dashboard, its replies, the causes and the changes. Choose a
# cause, then a change, then ask for the verdict. Every option has its reason. After each, read the debrief. Beneath the replies
# stands how often the reward model agrees with *its own raters*, whose labels trained it, and with *a second panel*: other people,
# who judge by the rules of customers.
#
# ### D1 · The run that hardly moves
#
# *4 minutes.* You have just seen its log.

# %% label="d1-lab" tags=["subslide", "nbval-ignore-output"]
d1 = ClinicLab("D1")
d1.run()
d1

# %% [markdown] label="d2" tags=["slide"] minutes=4
# ### D2 · Quiet after the first updates
#
# *4 minutes.* Should it be released? Read the log from the left.

# %% label="d2-lab" tags=["subslide", "nbval-ignore-output"]
d2 = ClinicLab("D2")
d2.run()
d2

# %% [markdown] label="d3" tags=["slide"] minutes=4
# ### D3 · Slow, and never the same twice
#
# *4 minutes.* Is it the reward model, as its author suspects?

# %% label="d3-lab" tags=["subslide", "nbval-ignore-output"]
d3 = ClinicLab("D3")
d3.run()
d3

# %% [markdown] label="d3b" tags=["slide"] minutes=4
# ### D3b · A dip at update fifty
#
# *4 minutes.* Somebody wants to stop this one. Hold it against your yardstick.

# %% label="d3b-lab" tags=["subslide", "nbval-ignore-output"]
d3b = ClinicLab("D3b")
d3b.run()
d3b

# %% [markdown] label="convention" tags=["slide"] minutes=1
# > ### Convention card
# >
# > | question | in this lesson | elsewhere |
# > |---|---|---|
# > | a curve *rises*? | mean of the last 5 updates against that of the first 5 | your eye, or a smoothed curve |
# > | a curve is *high*? | its largest value of the whole run | an alarm at a threshold |
# > | `objective/kl` | nats of a whole reply, by k1; for the prompts that came | some log it per token |
# > | `policy/approxkl_avg` | old against new policy, mean over tokens and epochs | the same in TRL |
# > | `policy/clipfrac_avg` | tokens that send no gradient | some count every ratio out of range |
# > | adaptive β | up to 20 % in `horizon` replies | the same in verl; TRL's first PPOTrainer had it |
# > | cured | fresh replies reach every goal in 9 of 10 seeds | often one run, one number |

# %% [markdown] label="turn-kl-text" tags=["slide"] minutes=5
# ## Your turn: a controller for β
#
# Among the settings of the runs that follow is a β that moves by itself. The controller is that of lesson 10, and its gain is now
# counted in replies: a batch has $n$ of the $h$ replies (`horizon`) in which β may change by 20 %.
#
# $$\beta\leftarrow\beta\,\Bigl(1+\mathrm{clip}\bigl(\tfrac{\mathrm{KL}}{\text{target}}-1,\,-0.2,\,0.2\bigr)\cdot\tfrac nh\Bigr)$$
#
# All arguments are numbers. Return the β of the next update.
#
# <details><summary>Hint 1</summary>
#
# First the error: by what share is the KL above its target? It is negative below.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Clip the error, and nothing else. Then multiply it by the batch's share of the horizon.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `np.clip(error, -0.2, 0.2)`; the new β is the old one times 1 + what you have.
#
# </details>


# %% label="turn-kl" tags=["fragment"]
def adaptive_kl(beta, kl, target, n, horizon):
    """Return the β of the next update, a number."""
    # BEGIN SOLUTION
    error = np.clip(kl / target - 1, -0.2, 0.2)  # a share of the target, never more than 20 %
    return beta * (1 + error * n / horizon)
    # END SOLUTION


# %% label="turn-kl-check" tags=["skip"]
check("adaptive_kl", adaptive_kl)

# %% [markdown] label="seven" tags=["slide"] minutes=5
# ## Seven real ones
#
# All seven have the same dashboard and the same list of causes. The brief alone does not tell you which it is: what people say
# in it may be right or wrong. Treat each in this order:

# %% [markdown] label="seven-order" tags=["subslide"]
# 1. **Brief.** Which cause do you suspect? Choose one now, from the list, and keep it.
# 2. **Dashboard** and **replies**, link by link. You may also measure fresh replies: all, or those to one topic.
# 3. **Diagnosis**: the cause, and *two* curves or measures that its neighbours would not show.
# 4. **One** change, and what you expect of it. Then the verdict over the seeds. Nothing is lost if it fails.
# 5. **Written answer**, in the lab's *Debrief*, before you open it. The questions stand below each lab; your record keeps what
#    you write. Then hold it against the criteria: what would have been full marks?
# 6. **Debrief**: only now do you see what people say, the gold reward.

# %% [markdown] label="seven-rules" tags=["subslide"]
# What will people say? The rules by which the gold reward judges are no secret (one case has a topic more, with the same
# rules):


# %% label="rules-code" tags=["fragment", "folded"]
# Shows the gold reward's rules behind a fold.
def fold(title, rows):
    """Show a table behind a fold."""
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    head = f"<details><summary>{title}</summary>\n\n"
    display(Markdown(f"{head}{table}\n\n</details>"))


settings = (worlds.DATA / "settings.txt").read_text(encoding="utf-8").splitlines()
rules = [line.split(maxsplit=3) for line in settings if line.startswith("gold.")]
fold(
    "What people would give a reply: open",
    [
        ("points", "for"),
        ("---", "---"),
        *((x.replace("-", "−"), text) for _, x, _, text in rules),
    ],
)

# %% [markdown] label="d4" tags=["slide"] minutes=20
# ### D4 · Better numbers, worse replies
#
# *20 minutes.* Take your time with this one: it is the whole method. Special here: every number is good that the
# reward model gets from its own raters.

# %% label="d4-lab" tags=["subslide", "nbval-ignore-output"]
d4 = ClinicLab("D4")
d4.run()
d4

# %% [markdown] label="d4-answer" tags=["subslide"]
# > **D4, your written answer:** the chain from ranking to words; why the accuracy rose all the same; two changes
# > that can be tested, and what would show success; what a larger β trades.

# %% [markdown] label="sitting" tags=["fragment"]
# That is enough for one sitting. The [quiz](#Quiz) and the recap are at the end. The other six wait for you, in any order.

# %% [markdown] label="d5" tags=["slide"] minutes=15
# ### D5 · Everything goes up
#
# *15 minutes.* Special here: three observations, and your diagnosis must explain all of them at once.

# %% label="d5-lab" tags=["subslide", "nbval-ignore-output"]
d5 = ClinicLab("D5")
d5.run()
d5

# %% [markdown] label="d5-answer" tags=["subslide"]
# > **D5, your written answer:** how can all three be true? What does the KL term charge for, and what did it do here? Two changes,
# > each with its price.

# %% [markdown] label="d8" tags=["slide"] minutes=15
# ### D8 · Up by a standard deviation
#
# *15 minutes.* Special here: the slide is true. A good change keeps most of the gain, so look at the score of the verdict, too.

# %% label="d8-lab" tags=["subslide", "nbval-ignore-output"]
d8 = ClinicLab("D8")
d8.run()
d8

# %% [markdown] label="d8-answer" tags=["subslide"]
# > **D8, your written answer:** one change, and what it keeps; why clip and penalty did not prevent the harm; the numbers of this run that
# > say so.

# %% [markdown] label="d10" tags=["slide"] minutes=15
# ### D10 · A spike after a quiet start
#
# *15 minutes.* Special here: many changes are offered that sound alike. Try one that you believe to be wrong first, and say
# beforehand how it will fail.

# %% label="d10-lab" tags=["subslide", "nbval-ignore-output"]
d10 = ClinicLab("D10")
d10.run()
d10

# %% [markdown] label="d10-answer" tags=["subslide"]
# > **D10, your written answer:** the most plausible mechanism, two neighbours and what rules them out, and the single first change.

# %% [markdown] label="d9" tags=["slide"] minutes=20
# ### D9 · It used to be brief
#
# *20 minutes.* Special here: it seems to contradict what PPO is for. Do the sum for a brief and a wordy reply with numbers
# from the log, before you choose.

# %% label="d9-lab" tags=["subslide", "nbval-ignore-output"]
d9 = ClinicLab("D9")
d9.run()
d9

# %% [markdown] label="d9-answer" tags=["subslide"]
# > **D9, your written answer:** why does training raise replies that cost more than they bring? One change, and how you would see
# > that it works.

# %% [markdown] label="d6" tags=["slide"] minutes=25
# ### D6 · Every knob is too much
#
# *25 minutes.* A **design**: five numbers must hold at once, and you may turn several settings together. There is no single
# answer. The lab shows your tries as points: one that no other try beats in every number stays on the edge.

# %% label="d6-lab" tags=["subslide", "nbval-ignore-output"]
d6 = ClinicLab("D6")
d6.run()
d6

# %% [markdown] label="d6-answer" tags=["subslide"]
# > **D6, your written answer:** an approach with its settings; one failure with β too low and one with β too high, and how each shows
# > in the updates; what your design costs.

# %% [markdown] label="d7" tags=["slide"] minutes=25
# ### D7 · A careful run in a regulated field
#
# *25 minutes.* A design, too, with six numbers. And a **blueprint** to fill in: what is frozen, what is updated, what is computed
# for each batch, what is monitored to raise or lower β, the release gate, the roll-back. The lab says what is missing in it, or
# contradicts itself.

# %% label="d7-lab" tags=["subslide", "nbval-ignore-output"]
d7 = ClinicLab("D7")
d7.run()
d7

# %% [markdown] label="d7-answer" tags=["subslide"]
# > **D7, your written answer:** the blueprint in your own words, and why the log was calm.

# %% [markdown] label="common" tags=["slide"] minutes=5
# ## What the seven have in common
#
# In how many of the seven was *raise β to 0.3* a cure? The fold below has the answer, and the answers to all seven cases.
# Open it when you have done those that you want to do.


# %% label="common-code" tags=["subslide", "folded"]
# Shows the seven cases side by side, behind a fold.
see = {
    "D4": "accuracy up, replies worse",
    "D5": "score, length and KL go up",
    "D8": "score up, replies all alike",
    "D10": "score and KL shoot up together",
    "D9": "replies grow, for little score",
    "D6": "each seed and setting ends elsewhere",
    "D7": "nothing: the log is calm",
}
head = ("", "what you see", "what it was", "the number that tells, and a second")
head += ("first change", "β = 0.3 cures")
rows = [head, ("---",) * len(head)]
for name, seen in see.items():
    file = clinic.case(name).file
    tells = ", ".join(f"`{one.metric}` {one.direction}" for one in file.evidence[:2])
    first = next(change for change in file.changes.values() if change.right)
    raised = next(x for x in file.changes.values() if x.settings == {"kl_coef": 0.3})
    cures = "yes" if raised.right else "no"
    rows.append((name, seen, file.cause.text, tells, first.text, cures))
fold("The seven, side by side: open when you are done", rows)

# %% [markdown] label="common-read" tags=["fragment"]
# <details><summary>And what to make of it: open when you are done</summary>
#
# - Link (b) has no taste of its own. It raised what had a positive advantage, also where the advantage had lost its meaning.
# - The same symptom, longer replies, came of six causes. Numbers that the neighbours do not show name the cause. One is seldom
#   enough: `objective/rlhf_reward` falls in D9 and in D8, where an approxkl above 1 comes first.
# - A larger β is a cure where the *price of distance* is the trouble. It cures no wrong target, no step that is over before the
#   penalty is counted, no topic that nobody labelled, no β that moves by itself. Where scores have no known unit, nobody can say
#   beforehand which β is large.
# - The cure is at the link that failed, it is one change, and it has a price that can be said beforehand.
#
# </details>

# %% [markdown] label="large" tags=["slide"] minutes=3
# ## What is different in a large run
#
# | here | there |
# |---|---|
# | one fault in each run | several at once, and bugs: log-probabilities of another engine, masks, padding, a wrong chat template |
# | a verdict over three seeds in seconds | one run, perhaps two; compare checkpoints of it, and try changes on a small model first |
# | the gold reward ends every dispute | blind comparisons by people, checked for raters who agree by chance |
# | replies are as good as their words | the same faults hide in style, in facts, in what is left out |
# | labels by a second panel cost a number in a file | they cost weeks, and guidelines that both panels read alike |
#
# Thresholds such as “approxkl above 1” belong to this miniature. What carries over: the links, the order of looking, and the
# question *which number would differ if it were the other cause?*

# %% [markdown] label="quiz-text" tags=["slide"] minutes=5
# ## Quiz
#
# Read also the reasons of the options that you did not choose.

# %% label="quiz" tags=["fragment"]
Quiz("12")

# %% [markdown] label="recap" tags=["slide"] minutes=1
# ## Recap
#
# 1. Three links: a ranking, an advantage-weighted update, a KL term. Read a log by links, from the first twenty updates on.
# 2. Score, explained variance and held-out accuracy can all look good in a ruined run. Accuracy on the policy's own pairs, beside
#    its ceiling, tells more.
# 3. A diagnosis is a cause and two numbers that its neighbours would not show.
# 4. Change one thing, say beforehand what it costs, and judge fresh replies over several seeds.
# 5. β is the right knob for one kind of trouble. “Leave it alone” is a treatment, too.

# %% [markdown] label="next" tags=["skip"]
# **Next:** [lesson 13](13_many_advantages.ipynb): one objective, many advantages. (The map is in
# [00 · Start here](00_start_here.ipynb).)
#
# *Sources.* Notation: T. Xiao and J. Zhu, *Foundations of Large Language Models*, chapter 4 (2025). Names and definitions of the
# log, and the controller: the library TRL, and D. Ziegler and others, *Fine-tuning language models from human preferences*
# (2019). Reward hacking: L. Gao, J. Schulman and J. Hilton, *Scaling laws for reward model overoptimization* (2023). Length: P.
# Singhal and others, *A long way to go: investigating length correlations in RLHF* (2023). What goes wrong in practice: S. Huang
# and others, *The N+ implementation details of RLHF with PPO* (2024).
