"""Problem set 4: PPO, RLHF in miniature, the clinic, and many advantages (lessons 10 to 13)."""

from course_utils.checks import sections
from course_utils.grading.problem_sets import Criterion, Cure, Item, ProblemSet, function, stage, written

__all__ = ["PROBLEM_SET"]


CURE = Cure(
    prompt="Settings with which this run gets better than its reference by the gold reward of fresh replies.",
    settings={"feature_kind": "count", "kl_coef": 0.02, "learning_rate": 0.04, "updates": 40},
    bounds={
        "kl_coef": (0.0, 5.0),
        "learning_rate": (0.001, 0.1),
        "num_ppo_epochs": (1, 8),
        "cliprange": (0.05, 0.5),
        "adap_kl_ctrl": (True, False),
        "target": (0.5, 30.0),
        "entropy_coef": (0.0, 0.1),
        "baseline": ("value", "leave one out", "none"),
        "updates": (30, 60),
    },
    enough=1.8,
    remark="The reward model is as it was. What changed is how far from its training replies the policy may go.",
    read=sections.TELLING_NUMBERS,
)

PROBLEM_SET = ProblemSet(
    name="ps4",
    title="PPO, RLHF, and many advantages",
    lessons=("10", "11", "12", "13"),
    items=(
        function("ps4-q1", "Penalties along a reply", "penalised_returns"),
        function("ps4-q2", "Groups of unequal size", "uneven_leave_one_out"),
        function("ps4-q3", "How hard DPO pushes", "pair_weight"),
        stage("ps4-q4", "The build: PPO", "build_ppo"),
        stage("ps4-q5", "The build: the RLHF update", "build_rlhf"),
        Item("ps4-q6", "cure", "Cure this run", 4.0, "settings", CURE),
        written(
            "ps4-q7",
            "A case: better by every number",
            Criterion(
                "The causal chain",
                3.0,
                "The reward model was trained to rank pairs of the reference's replies; far from those its order is a "
                "guess. Long replies score a little higher, so they get positive advantages and each update makes them "
                "more likely. The KL term is charged per reply with a weight that is too small for the gain, so the "
                "policy moves on to replies that nobody compared.",
                "The reward model is fooled by long replies, and PPO uses that.",
            ),
            Criterion(
                "Two interventions that can be tested",
                2.0,
                "Raise β to three times and look whether the score falls by little while people's checks recover; "
                "label fresh pairs of the present policy, refit, and look whether the accuracy on such pairs rises. "
                "Each names the number that would refute it.",
                "Raise β, and train the reward model better.",
            ),
            Criterion(
                "What it costs",
                1.0,
                "A larger β gives up score that was real as well: the assistant stays nearer to the reference, also "
                "where the reference is unhelpful. New labels cost people's time and a run.",
                "There is a trade-off.",
            ),
        ),
        written(
            "ps4-q8",
            "A case: two groups, one spread",
            Criterion(
                "What dividing by the spread does",
                3.0,
                "Each group's advantages get the spread 1. A prompt whose rewards hardly differ gets weights as large "
                "as one where they differ by much, so noise of the rater is blown up; and a group of equal rewards has "
                "no weight. The direction changes across prompts, and not only the length.",
                "It makes the groups comparable.",
            ),
            Criterion(
                "A change, and a prediction",
                2.0,
                "Leave the division out (Dr. GRPO), or divide by the batch's spread. Then I expect the nearly tied "
                "prompts to move less and fresh gold on them to stop falling; if not, the cause is another.",
                "Use another normalisation.",
            ),
            Criterion(
                "What it costs",
                1.0,
                "Prompts with wide rewards then dominate a batch, and the step's length depends on the units of the "
                "reward: the learning rate has to be chosen anew.",
                "It may be slower.",
            ),
        ),
    ),
)
