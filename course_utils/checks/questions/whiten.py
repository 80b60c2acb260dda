"""Lesson 07: whitened advantages of a batch whose trajectories differ in length."""

from collections.abc import Callable

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Question

Whitening = Callable[[FloatArray, FloatArray], FloatArray]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the advantages of a batch of a few trajectories, some shorter than the others and padded with 0."""
    m, longest = rng.permutation([3, 4, 5])[:2]
    lengths = rng.integers(2, longest + 1, size=m)
    lengths[0], lengths[1] = longest, longest - 1
    mask = (np.arange(longest) < lengths[:, None]).astype(float)
    return {"advantages": rng.normal(1.0, 3.0, size=(m, longest)).round(1) * mask, "mask": mask}


def scaled(centred: FloatArray, size: float, mask: FloatArray) -> FloatArray:
    """Return centred / size on the steps that were taken, and zeros in padding or where size is 0."""
    return np.asarray(centred / size * mask) if size > 0 else np.zeros(mask.shape)


def taken(advantages: FloatArray, mask: FloatArray) -> FloatArray:
    """Return the advantages of the steps that were taken, in one row."""
    return np.asarray(advantages[mask == 1])


def whitened(advantages: FloatArray, mask: FloatArray) -> FloatArray:
    """Return (A − mean) / sd over the steps that were taken; zeros in padding, and where the sd is 0."""
    steps = taken(advantages, mask)
    return scaled(advantages - steps.mean(), steps.std(), mask)


def with_parts(shift: Callable[[FloatArray], float], size: Callable[[FloatArray], float]) -> Whitening:
    """Return whitening with another mean or another size; both are functions of the steps that were taken."""

    def mistaken(advantages: FloatArray, mask: FloatArray) -> FloatArray:
        steps = taken(advantages, mask)
        return scaled(advantages - shift(steps), size(steps), mask)

    return mistaken


def each_trajectory(advantages: FloatArray, mask: FloatArray) -> FloatArray:
    """Whiten each trajectory by itself."""
    rows = [whitened(row[None], real[None])[0] for row, real in zip(advantages, mask, strict=True)]
    return np.array(rows)


def padding_counted(advantages: FloatArray, mask: FloatArray) -> FloatArray:
    """Count the zeros of the padding as advantages."""
    return scaled(advantages - advantages.mean(), advantages.std(), mask)


def padding_shifted(advantages: FloatArray, mask: FloatArray) -> FloatArray:
    """Subtract the right mean from the padding too."""
    steps = taken(advantages, mask)
    return scaled(advantages - steps.mean(), steps.std(), np.ones(mask.shape))


QUESTION = Question(
    name="whiten",
    lesson="07",
    prompt="Return the advantages with mean 0 and sd 1 over the steps that were taken, and 0 in the padding.",
    points=2,
    signature="whiten(advantages, mask)",
    fixed=(
        {
            "advantages": np.array([[1.0, 5.0, 6.0], [3.0, 9.0, 0.0]]),
            "mask": np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]),
        },
        {
            "advantages": np.array([[1.0, 2.0, 6.0, 0.0], [0.5, -3.0, 0.0, 0.0], [4.0, -1.0, 2.0, 2.5]]),
            "mask": np.array([[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]),
        },
    ),
    extreme=(
        {"advantages": np.array([[2.0, 2.0], [2.0, 0.0]]), "mask": np.array([[1.0, 1.0], [1.0, 0.0]])},
        {"advantages": np.array([[1.5]]), "mask": np.array([[1.0]])},
    ),
    fresh=fresh,
    oracle=whitened,
    remark="The mean is a baseline, and the standard deviation a step size that adapts. Neither is free: see the text.",
    read=sections.WHITENING,
    rtol=1e-5,  # a small number is added to the standard deviation, and which one is up to the learner
    mistakes=(
        Mistake(
            "zero-by-zero",
            "M12",
            lambda advantages, mask: (
                (advantages - taken(advantages, mask).mean()) / taken(advantages, mask).std() * mask
            ),
            "On different advantages your function is right. Where they are all equal it divides 0 by 0.",
            "A batch in which everything went alike has nothing to teach, and its whitened advantages are 0. NaN would "
            "destroy all parameters. Add a small number to the standard deviation, such as 1e-8.",
            almost=True,
        ),
        Mistake(
            "padding-counted",
            "M12",
            padding_counted,
            "You took the mean and the standard deviation over the padding too.",
            "The zeros in the padding are no advantages. A batch with many short trajectories would have a mean near 0 "
            "and too small a standard deviation.",
        ),
        Mistake(
            "padding-shifted",
            "M12",
            padding_shifted,
            "On the steps that were taken you are right. The padding is not 0 any more.",
            "Your mean was subtracted there as well, and steps that never happened would send a gradient. Multiply by "
            "the mask.",
            almost=True,
        ),
        Mistake(
            "each-trajectory",
            "M12",
            each_trajectory,
            "You whitened each trajectory by itself.",
            "Then a trajectory in which everything was better than usual looks no better than one in which everything "
            "was worse. Use the mean and the standard deviation of the whole batch.",
        ),
        Mistake(
            "not-centred",
            "M12",
            with_parts(lambda steps: 0.0, np.std),
            "You divided by the standard deviation, and did not subtract the mean.",
            "Dividing alone is a change of the step size. The mean is the part that acts as a baseline.",
        ),
        Mistake(
            "not-scaled",
            "M12",
            with_parts(np.mean, lambda steps: 1.0),
            "You subtracted the mean, and did not divide by the standard deviation.",
            "That is a baseline, and a good one. Whitening also makes the size of the step independent of the scale of "
            "the rewards.",
        ),
        Mistake(
            "variance",
            "M12",
            with_parts(np.mean, np.var),
            "You divided by the variance. Its square root, the standard deviation, was asked for.",
            "Advantages ten times as large would come out ten times as *small*.",
        ),
        Mistake(
            "range",
            "M12",
            with_parts(np.min, np.ptp),
            "You mapped the advantages to the range from 0 to 1.",
            "Then none is below 0, and every action that was taken is made likelier, the bad ones too.",
        ),
        Mistake(
            "scaled-by-size",
            "M12",
            with_parts(np.mean, lambda steps: float(np.abs(steps).max())),
            "You divided by the largest advantage.",
            "One outlier would decide the size of the whole step. The standard deviation is made by all of them.",
        ),
    ),
)
