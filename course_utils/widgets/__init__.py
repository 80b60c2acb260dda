"""The course's labs: interactive pictures that run in the browser, with or without a kernel."""

from course_utils.widgets.advantage_lab import AdvantageLab
from course_utils.widgets.course_map import CourseMap
from course_utils.widgets.estimator_explorer import EstimatorExplorer
from course_utils.widgets.policy_explorer import PolicyExplorer
from course_utils.widgets.quiz import Quiz
from course_utils.widgets.score_explorer import ScoreExplorer
from course_utils.widgets.trajectory_tree import TrajectoryTree

__all__ = [
    "AdvantageLab",
    "CourseMap",
    "EstimatorExplorer",
    "PolicyExplorer",
    "Quiz",
    "ScoreExplorer",
    "TrajectoryTree",
]
