"""The course's labs: interactive pictures that run in the browser, with or without a kernel."""

from course_utils.widgets.advantage_lab import AdvantageLab
from course_utils.widgets.baseline_lab import BaselineLab
from course_utils.widgets.baseline_table import BaselineTable
from course_utils.widgets.clinic_lab import ClinicLab
from course_utils.widgets.clip_lab import ClipLab
from course_utils.widgets.course_map import CourseMap
from course_utils.widgets.estimator_explorer import EstimatorExplorer
from course_utils.widgets.final_test import FinalTest
from course_utils.widgets.gae_lab import GaeLab
from course_utils.widgets.gradient_cloud import GradientCloud
from course_utils.widgets.grid_lab import GridLab
from course_utils.widgets.group_lab import GroupLab
from course_utils.widgets.kl_lab import KLLab
from course_utils.widgets.policy_explorer import PolicyExplorer
from course_utils.widgets.prediction import Predict
from course_utils.widgets.preference_lab import PreferenceLab
from course_utils.widgets.quiz import Quiz
from course_utils.widgets.reinforce_lab import ReinforceLab
from course_utils.widgets.review import Review
from course_utils.widgets.rlhf_lab import RlhfLab
from course_utils.widgets.score_explorer import ScoreExplorer
from course_utils.widgets.training_lab import TrainingLab
from course_utils.widgets.trajectory_tree import TrajectoryTree

__all__ = [
    "AdvantageLab",
    "BaselineLab",
    "BaselineTable",
    "ClinicLab",
    "ClipLab",
    "CourseMap",
    "EstimatorExplorer",
    "FinalTest",
    "GaeLab",
    "GradientCloud",
    "GridLab",
    "GroupLab",
    "KLLab",
    "PolicyExplorer",
    "Predict",
    "PreferenceLab",
    "Quiz",
    "ReinforceLab",
    "Review",
    "RlhfLab",
    "ScoreExplorer",
    "TrainingLab",
    "TrajectoryTree",
]
