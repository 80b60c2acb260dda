"""The course's lessons, in order: titles, questions, checks, labs. The one place that the map and the progress read."""

import re
from pathlib import Path
from typing import NamedTuple

from course_utils import data_files

__all__ = ["Lesson", "are_here", "lab_name", "lesson_of_lab"]


REPOSITORY = Path(__file__).resolve().parents[1]
# Without the repository the notebooks are wherever the learner put them, and a kernel runs in its notebook's folder.
NOTEBOOKS = REPOSITORY / "notebooks" if (REPOSITORY / "pyproject.toml").is_file() else Path()
QUIZZES = data_files.DATA / "quizzes"
PREDICTIONS = data_files.DATA / "predictions"


class Lesson(NamedTuple):
    """One lesson: what it is called, what it asks, and what a learner can do in it."""

    number: str
    """two digits"""
    title: str
    question: str
    """the question that the lesson answers"""
    checks: tuple[str, ...] = ()
    """names of the questions that are answered in code"""
    labs: tuple[str, ...] = ()
    """names of the labs whose predictions count for this lesson"""
    stages: tuple[str, ...] = ()
    """stages of the build that follow it"""

    def notebook(self, folder: Path | None = None) -> str | None:
        """Return the file name of the lesson's notebook, or None while it is in preparation.

        folder: the notebooks folder. Its sources count, so that a build gives the same in any order.
        """
        folder = NOTEBOOKS if folder is None else folder
        found = [*folder.glob(f"src/{self.number}_*.py"), *folder.glob(f"{self.number}_*.ipynb")]
        stems = [path.stem for path in found if re.fullmatch(r"\w+", path.stem)]  # not a copy that is being written
        return f"{min(stems)}.ipynb" if stems else None


LESSONS: tuple[Lesson, ...] = (
    Lesson("00", "Start here", "Is everything there, and how does a lesson work?"),
    Lesson(
        "01",
        "Policies",
        "How does a program choose at random, with preferences?",
        ("softmax", "entropy", "sample_action"),
        ("policy",),
    ),
    Lesson(
        "02",
        "The score function",
        "Which way do the parameters push a log-probability?",
        ("score", "fisher_information"),
    ),
    Lesson(
        "03",
        "The log-derivative trick",
        "How can you differentiate an average that you can only sample?",
        ("score_function_estimate", "finite_difference"),
    ),
    Lesson(
        "04",
        "Trajectories",
        "What if one action leads to the next?",
        ("trajectory_log_prob", "trajectory_score"),
    ),
    Lesson(
        "05",
        "REINFORCE",
        "Can you learn from returns alone?",
        ("reward_to_go", "reinforce_gradient"),
        stages=("build_rollout", "build_returns", "build_reinforce"),
    ),
    Lesson(
        "06",
        "Baselines",
        "Why is it so noisy, and what may you subtract?",
        ("leave_one_out", "best_baseline"),
        ("baseline_table",),
        stages=("build_baseline",),
    ),
    Lesson(
        "07",
        "The advantage",
        "Better than what?",
        ("action_advantages", "gae", "whiten"),
        stages=("build_gaussian",),
    ),
    Lesson(
        "08",
        "The advantage-weighted objective",
        "What does one step of learning do?",
        ("advantage_objective", "advantage_gradient", "ascent_step"),
        ("advantage",),
    ),
    Lesson(
        "09",
        "Actor-critic",
        "Who says how good usual is?",
        ("actor_gradient", "critic_gradient", "explained_variance"),
        stages=("build_a2c",),
    ),
    Lesson(
        "10",
        "PPO and KL",
        "How far may a step go?",
        ("ppo_surrogate", "kl_estimate", "penalised_rewards"),
        stages=("build_ppo",),
    ),
    Lesson(
        "11",
        "RLHF in miniature",
        "How do preferences become rewards?",
        ("preference_loss", "reply_objective"),
        stages=("build_rlhf",),
    ),
    Lesson("12", "The clinic", "A run has gone wrong. What do you do?", ("ranking_accuracy", "adaptive_kl")),
    Lesson("13", "Many advantages", "What do GRPO, RLOO and DPO change?", ("grpo_advantages", "dpo_loss")),
    Lesson(
        "14",
        "To real code",
        "What does it look like in PyTorch, and what goes wrong there?",
        ("actor_critic_loss", "token_log_probs", "ppo_token_loss", "reply_mask"),
    ),
)


def are_here(folder: Path | None = None) -> bool:
    """Say whether the folder of notebooks holds any lesson."""
    return any(lesson.notebook(folder) for lesson in LESSONS)


def lab_name(lab: str) -> str:
    """Return a lab's name as LESSONS has it: "AdvantageLab", "advantage_lab" and "advantage" are one lab."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", lab).lower()
    return "_".join(word for word in re.findall(r"[a-z0-9]+", words) if word not in ("lab", "explorer"))


def lesson_of_lab(lab: str) -> str | None:
    """Return the number of the lesson that a lab's predictions count for, or None for a lab of no lesson."""
    name = lab_name(lab)
    return next((lesson.number for lesson in LESSONS if name in lesson.labs), None)
