"""The sections of the lessons that the cards send learners to. A test compares them with the lessons' headings."""

from course_utils.checks.question import Section

__all__ = []


SOFTMAX = Section("01", "From preferences to probabilities")
OVERFLOW = Section("01", "Large logits")
TEMPERATURE = Section("01", "Temperature")
ENTROPY = Section("01", "Entropy")
SAMPLING = Section("01", "Sampling")

SCORE = Section("02", "The score of a softmax policy")
FISHER = Section("02", "Its covariance is the Fisher information")

TRICK = Section("03", "The log-derivative trick")
REWARD = Section("03", "Which rewards will do")
GAUSSIAN = Section("03", "A continuous action: the Gaussian score")
FINITE_DIFFERENCES = Section("03", "What we want")

PATH_PROBABILITY = Section("04", "The probability of a path")
DECOMPOSITION = Section("04", "The logarithm splits it in two")
NO_MODEL = Section("04", "No model of the customer is needed")
THEOREM = Section("04", "The policy gradient theorem")

REINFORCE = Section("05", "From the theorem to an algorithm")
ASCENT = Section("05", "Walking uphill")
PAST = Section("05", "An action cannot change the past")
LENGTHS = Section("05", "Sum or mean")
DISCOUNT = Section("05", "Where the discount goes")

PUZZLE = Section("06", "A hundred points for everyone")
BEST_BASELINE = Section("06", "The best height")
BATCH = Section("06", "Baselines from the batch")
MAY_DEPEND = Section("06", "What a baseline may depend on")

ADVANTAGE = Section("07", "The advantage of an action")
GAE = Section("07", "The dial between them: GAE")
WHITENING = Section("07", "Whitening a batch")

OBJECTIVE = Section("08", "The objective U")
GRADIENT = Section("08", "The gradient of U, three ways")
STEP = Section("08", "From logits to probabilities")
SAMPLED_STEP = Section("08", "One sampled action, or all of them")
MANY_STEPS = Section("08", "Many steps, many trajectories")
LOSS = Section("08", "Objective and loss")

THREE_TERMS = Section("09", "A loss of three terms")
STOP_GRADIENT = Section("09", "What must not flow")
EXPLAINED = Section("09", "Is the critic any good?")

RATIO = Section("10", "The importance ratio")
CLIP = Section("10", "A brake: the clip")
KL_ESTIMATES = Section("10", "KL from samples")
WHERE_KL = Section("10", "In the reward or in the loss")
ADAPTIVE_BETA = Section("10", "An adaptive β")

REWARD_MODEL = Section("11", "Stage 3: a reward model")
HAND_UPDATE = Section("11", "Stage 4: one update by hand")

TELLING_NUMBERS = Section("12", "Which numbers tell?")
GROUP = Section("13", "One group, six methods")
SPREAD = Section("13", "Dividing by the spread")
DPO = Section("13", "DPO: no samples at all")
BUGS = Section("14", "Nine bugs")
