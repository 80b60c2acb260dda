"""The sections of the lessons that the cards send learners to. A test compares them with the lessons' headings."""

from course_utils.checks.question import Section

SOFTMAX = Section("01", "From preferences to probabilities")
OVERFLOW = Section("01", "Large logits")
TEMPERATURE = Section("01", "Temperature")
ENTROPY = Section("01", "Entropy")
SAMPLING = Section("01", "Sampling")

SCORE = Section("02", "The score of a softmax policy")
FISHER = Section("02", "Its covariance is the Fisher information")

TRICK = Section("03", "The log-derivative trick")
REWARD = Section("03", "The reward is only a weight")
FINITE_DIFFERENCES = Section("03", "Finite differences on the same budget")

PATH_PROBABILITY = Section("04", "The probability of a path")
DECOMPOSITION = Section("04", "The logarithm splits it in two")
NO_MODEL = Section("04", "No model of the customer is needed")
THEOREM = Section("04", "The policy gradient theorem")
FLAWED_PATHS = Section("04", "Find the error")

OBJECTIVE = Section("08", "The objective U")
GRADIENT = Section("08", "Its gradient, three ways")
STEP = Section("08", "Predict: three actions, one step")
SAMPLED_STEP = Section("08", "One sampled action, or all of them")
MANY_STEPS = Section("08", "Many steps, many trajectories")
LOSS = Section("08", "Objective and loss")
