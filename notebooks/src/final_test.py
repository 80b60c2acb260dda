# %% [markdown] label="title"
# # Final test
#
# Twenty questions over lessons 01 to 13: new numbers to compute, logs to read, lines of code with a fault, a derivation
# to put in order. Paper and a calculator are welcome.
#
# *About 40 minutes. Nothing is graded.* Your answers stay in your own record, and are here again when you go on another
# day. The result stands below the last question, topic by topic, with links to what you may want to read again.

# %% label="test"
from course_utils.widgets import FinalTest

FinalTest("final")

# %% [markdown] label="end"
# The formulas are together in the [reference](reference.ipynb), and the map of what you have done is in
# [00 · Start here](00_start_here.ipynb).
