# %% [markdown] label="title" tags=["slide"] minutes=1
# # 00 · Start here
#
# This course teaches one idea until you own it: **how a policy learns from rewards by following a gradient**. It begins
# with one derivative and ends with the way language models are aligned with human preferences.
#
# In the middle stands one line, the objective that gives the course its shape:
#
# $$U(\tau;\theta)=\sum_t \log \pi_\theta(a_t\mid s_t)\,A(s_t,a_t)$$
#
# You need no knowledge of reinforcement learning. You need Python, derivatives and expectations.
#
# *This page takes about 10 minutes.*

# %% [markdown] label="installed" tags=["slide"] minutes=1
# ## Is everything there?
#
# Run the next cell: click on it and press **Shift + Enter**. It says what is missing, if anything is, and how to mend it.

# %% label="check-installation" tags=["skip"]
try:
    from course_utils import installation
except ModuleNotFoundError as error:
    print(f"{error}. Start the course with `make lab`,")
    print("or choose the kernel of its .venv (menu Kernel → Change Kernel).")
else:
    print(installation.report())

# %% [markdown] label="first-lab" tags=["slide"] minutes=3
# ## Your first lab
#
# Pictures that you can touch are called **labs** here. Below is the one that the course is built around. It has two
# halves, beside each other or, on a narrow page, one below the other:
#
# - The first shows for each of three actions how much *better or worse than usual* it is: its **advantage**.
# - The second shows how *probable* each action is: now (solid), and after one small step of learning (hatched).
#
# Before you touch it, say what you expect. Choose an answer and press *Commit*.

# %% label="predict-larger" tags=["subslide"]
from course_utils.widgets import AdvantageLab, Predict

Predict("00-larger")

# %% [markdown] label="first-lab-try" tags=["fragment"]
# Now try it: take hold of a round handle in the first half and drag it. Then press *step* a few times. The hatched bars
# become the solid ones, and the next step starts from there.

# %% label="first-lab-code" tags=["subslide"]
AdvantageLab(advantages=[1.0, 0.0, -1.0], actions=["left", "stay", "right"], reduced=True)

# %% [markdown] label="first-lab-explain" answers="larger" tags=["subslide"]
# The probabilities share a total of 1. So whatever one action gains, others lose. Much of this course follows from that
# and from the question *how much better than usual was this?*

# %% [markdown] label="first-lab-mouse" tags=["fragment"]
# **Without a mouse:** press Tab until a handle has a ring around it. Arrow keys move it by 0.1, with Shift by 1, Home
# and End to the ends of its range. Escape leaves the lab. **If you see a still picture** where the lab should be, your
# viewer shows no widgets: open the notebook in JupyterLab with `make lab`.

# %% [markdown] label="how" tags=["slide"] minutes=2
# ## How a lesson works
#
# Each lesson is a chain of three moves:
#
# 1. **Predict.** A question comes before its answer. Choose, give a number or drag bars, and commit. What answers it
#    stays folded until then, or until you press *just show me*. A wrong prediction teaches more than a right one that
#    you never made.
# 2. **Experiment.** Run the cell, drag the bar, change a number and run it again.
# 3. **Explain.** The text says what happened and why. Where something is *estimated* from samples, the *exact* value
#    stands beside it, so you can see how far off the estimate is.

# %% [markdown] label="how-trust" tags=["subslide"]
# Nothing in a lesson has to be taken on trust: each number in the text is computed in a cell above it. You can change
# any cell. To go back to the start, choose *Kernel → Restart Kernel and Run All Cells*.
#
# Everything runs on your machine. No lesson needs a network.

# %% [markdown] label="help" tags=["slide"] minutes=2
# ## You get an answer
#
# - **Your turn.** In lessons 01 to 13 you write a few short functions, in 14 you mend some. `check(…)` tries your
#   function and tells you what it does, not only whether it is right. Three hints wait behind folds, the next one
#   stronger than the last. Solved versions are in the folder `solutions`.
# - **Quiz.** A few questions end each lesson, with a reason for every option.
# - **Progress.** What you checked, answered and predicted is kept in one file on your machine, and nowhere else. The map
#   below shows it: run its cell again to bring it up to date.

# %% [markdown] label="help-record" tags=["subslide"]
# `progress.export()` writes your record to a file that you can keep or hand in. `progress.reset()` starts over, and asks
# you first. Both need `from course_utils import progress`.

# %% [markdown] label="map" tags=["slide"] minutes=1
# ## The map
#
# Lesson 08 is the heart of the course, and it can be read on its own.

# %% label="map-code" tags=["fragment"]
from course_utils.widgets import CourseMap

CourseMap()

# %% [markdown] label="reference" tags=["subslide"]
# Whenever you meet a symbol or a word that you have forgotten: the [reference](reference.ipynb) has all of them on two pages,
# with a cheat sheet of formulas.

# %% [markdown] label="sources" tags=["fragment"]
# *Source of the objective and of the notation:* T. Xiao and J. Zhu, *Foundations of Large Language Models*, chapter 4
# (2025).
