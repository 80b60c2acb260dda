"""Questions that learners answer in code, and answers that name the mistake.

    from course_utils.checks import check

    check("softmax", my_softmax)

``check`` calls the function on inputs of its own, compares it with the exact answer and returns a CheckResult, which
a notebook shows as a card.
"""

from course_utils.checks.engine import check, judge
from course_utils.checks.question import Law, Mistake, Question, Section, load, names
from course_utils.checks.result import CheckResult

__all__ = ["CheckResult", "Law", "Mistake", "Question", "Section", "check", "judge", "load", "names"]
