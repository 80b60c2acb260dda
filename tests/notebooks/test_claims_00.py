"""What lesson 00 says that its first lab does, computed."""

import numpy as np
from claims import Lesson

from course_utils.widgets import AdvantageLab

LESSON = Lesson("00")


def test_what_came_of_the_prediction() -> None:
    (question,) = LESSON.predictions.values()
    before, after = (AdvantageLab([left, 0.0, -1.0]).probabilities_after for left in (1.0, 2.0))
    for name, old, new in zip(("left", "stay", "right"), before, after, strict=True):
        assert (new > old) == (name == "left")
        assert f"from {old:.2f} to {new:.2f}" in question["came"], name
    assert "from +1 to +2" in question["text"]
    assert "AdvantageLab(advantages=[1.0, 0.0, -1.0]" in LESSON.cells["first-lab-code"].source


def test_the_first_lab_says_nothing_that_nobody_knows_yet() -> None:
    """Its words in the page are tested in the browser; here those of viewers without widgets."""
    lab = AdvantageLab([1.0, 0.0, -1.0], actions=["left", "stay", "right"], reduced=True)
    assert lab.reduced
    assert not {"logit", "gradient", "softmax"} & set(lab.alt_text().lower().split())
    np.testing.assert_allclose(lab.probabilities, 1 / 3)
