"""The README: its badge, and its moving picture, of which the alternative text tells what comes out."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from course_utils import objectives, policy

VOTES = (2, 9, 14, 3)  # in tests/browser/slide_picture.py

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_badge_is_of_a_workflow_that_there_is():
    named = set(re.findall(r"actions/workflows/([\w.]+)", README))
    assert named == {path.name for path in (ROOT / ".github" / "workflows").iterdir()}


def test_the_picture_of_a_slide_is_told_in_words():
    (alt,) = re.findall(r"!\[([^]]*)\]\(pictures/slide\.png\)", README)
    assert f"a room of {sum(VOTES)}" in alt
    assert f"which {VOTES[0]} had chosen" in alt
    with Image.open(ROOT / "pictures" / "slide.png") as picture:
        assert picture.size == (1280, 720)


def test_the_moving_picture_moves_is_small_and_is_told_in_words():
    (alt,) = re.findall(r"!\[([^]]*)\]\(pictures/advantage_lab\.webp\)", README)
    path = ROOT / "pictures" / "advantage_lab.webp"
    assert path.stat().st_size < 600_000
    with Image.open(path) as picture:
        assert picture.n_frames > 40
        picture.seek(picture.n_frames - 1)
        assert picture.convert("L").getextrema() == (0, 255)
    Q, z = np.array([4.0, 3.1, 0.35]), np.log([0.5, 0.3, 0.2])  # lesson 08's
    for _ in range(6):
        z = z + objectives.expected_advantage_objective(z, Q - policy.softmax(z) @ Q).grad_logits
    assert "six steps" in alt
    assert f"rises to {policy.softmax(z)[0]:.2f}" in alt
