# %% [markdown] label="title" folder="problem_sets"
# # Capstone: a question of your own
#
# Answer one open question with an experiment. You may use `build.py`, the package, or both. Plan five hours: one for the plan,
# three for the runs, one for the page.
#
# ## Choose
#
# 1. Does the critic of A2C pay on CartPole, if steps in the world are what you count?
# 2. At which batch size does REINFORCE with a baseline learn the most per episode?
# 3. How far does λ of GAE move the number of episodes until CartPole stands, and does the best λ depend on the critic's step?
# 4. How many epochs on one record does PPO bear, with the clip and without it?
# 5. Does the entropy bonus help on the icy path, or only delay?
# 6. In the miniature RLHF world: which β gives the most gold reward, and does it depend on the number of labels?
# 7. How much of the score's rise is lost in gold reward when the raters are noisier?
# 8. RLOO against a learned critic, at the same number of replies: which has the higher gold reward?
# 9. Does whitening the advantages change more than the step size, once the step size is tuned for both?
# 10. Does leaving out $\gamma^{t-1}$ cost anything on a world whose rewards come late?
#
# Or one of your own: it has two sides that could both be true, and a number that tells them apart.
#
# ## Plan, before you run anything
#
# Write the plan here first. A plan that is written after the runs cannot be wrong, and teaches nothing.

# %% [markdown] label="plan"
# - **Question**, in one sentence:
# - **What I compare**, and what I hold equal (episodes, updates, tuning):
# - **What I measure**, on fresh episodes:
# - **Seeds**: how many, and why that is enough for the difference that I want to see:
# - **Prediction**: a number or an order, and how sure I am:
# - **What would change my mind**:

# %% label="setup"
import numpy as np

SEEDS = range(20)  # the same for everything that is compared


def interval(values):
    """Return mean and half of the 95 % interval (1.96 standard errors) over seeds."""
    values = np.asarray(values, dtype=float)
    return values.mean(), 1.96 * values.std(ddof=1) / np.sqrt(len(values))


# %% [markdown] label="runs"
# ## Run
#
# Run all seeds of the plan, keep all of them, and compare **seed by seed**: the interval of the differences is often narrower
# than those of the two means. What you decide while you look at the results is a new question: say so.

# %% label="experiment"
# your experiment

# %% [markdown] label="report"
# ## Report
#
# One page: question, plan and prediction; one figure or table with intervals; what came, beside what you predicted; what it
# does not show; what you would run next.
#
# ## How it is read: 30 points
#
# | criterion | points | full | partial |
# |---|---|---|---|
# | question | 4 | “Does λ = 0.95 need fewer episodes than λ = 1 to hold the pole for 150 steps?” | “How good is GAE?”: no number would settle it |
# | plan and prediction | 5 | written before, with a number: “a third fewer, 70 % sure”, and what would refute it | a direction without a size, or a plan that fits what came |
# | fair comparison | 5 | step sizes tuned for both, with equal numbers of tries; the same seeds | the new method is tuned, the old one at its defaults |
# | seeds and intervals | 6 | 20 seeds, differences by seed: “31 ± 12 episodes fewer (95 %)”; every seed is shown | a mean of 3 seeds without interval, or the best seed |
# | conclusion | 6 | says what was expected and what came, one rival explanation, and where it may not hold | repeats the figure in words, or claims more than was run |
# | one page that others can repeat | 4 | settings, seeds and code run again to the same numbers | a setting or a seed is missing |
