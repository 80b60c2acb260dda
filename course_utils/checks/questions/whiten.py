"""Lesson 07: whitened advantages of a batch whose trajectories differ in length."""

from collections.abc import Callable

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


Whitening = Callable[[FloatArray, FloatArray], FloatArray]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw the advantages of a batch, a true 0 among them; some trajectories are shorter and padded with 0."""
    m, longest = rng.permutation([3, 4, 5])[:2]
    lengths = rng.integers(2, longest + 1, size=m)
    lengths[0], lengths[1] = longest, longest - 1
    mask = (np.arange(longest) < lengths[:, None]).astype(float)
    advantages = rng.uniform(2.0, 8.0, size=(m, longest)).round(1) * rng.choice([-1, 1], size=(m, longest)) * mask
    advantages[rng.integers(m), rng.integers(2)] = 0.0
    return {"advantages": advantages, "mask": mask}


def scaled(centred: FloatArray, size: float, mask: FloatArray) -> FloatArray:
    """Return centred / size on the steps that were taken, and zeros in padding or where size is 0."""
    return np.asarray(centred / size * mask) if size > 0 else np.zeros(mask.shape)


def taken(advantages: FloatArray, mask: FloatArray) -> FloatArray:
    """Return the advantages of the steps that were taken, in one row."""
    return np.asarray(advantages[mask == 1])


def whitened(advantages: FloatArray, mask: FloatArray) -> FloatArray:
    """Return (A − mean) / sd over the steps that were taken; zeros in padding, and where the sd is 0."""
    steps = taken(advantages, mask)
    return scaled(advantages - steps.mean(), spread(steps), mask)


def spread(steps: FloatArray) -> float:
    """Return the standard deviation, exactly 0 where all are equal: the mean of equal numbers may be rounded."""
    return float(steps.std()) if np.ptp(steps) > 0 else 0.0


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


def each_step(advantages: FloatArray, mask: FloatArray) -> FloatArray:
    """Whiten each step by itself, over the trajectories that reach it."""
    return each_trajectory(advantages.T, mask.T).T


def zero_as_padding(advantages: FloatArray, mask: FloatArray) -> FloatArray:
    """Take every 0 for padding."""
    return whitened(advantages, (advantages != 0).astype(float))


def zero_left_out(advantages: FloatArray, mask: FloatArray) -> FloatArray:
    """Leave every 0 out of mean and sd, and whiten it all the same."""
    steps = advantages[advantages != 0]
    return scaled(advantages - steps.mean(), spread(steps), mask)


def padding_counted(advantages: FloatArray, mask: FloatArray) -> FloatArray:
    """Count the zeros of the padding as advantages."""
    return scaled(advantages - advantages.mean(), advantages.std(), mask)


def padding_shifted(advantages: FloatArray, mask: FloatArray) -> FloatArray:
    """Subtract the right mean from the padding too."""
    steps = taken(advantages, mask)
    return scaled(advantages - steps.mean(), steps.std(), np.ones(mask.shape))


told = Words(
    """
zero-by-zero (M12): On different advantages your function is right. Where they are all equal it divides 0 by 0.
    A batch in which everything went alike has nothing to teach, and its whitened advantages are 0. NaN would destroy
    all parameters. Add a small number to the standard deviation, such as 1e-8.
zero-as-padding (M30): You took every advantage of exactly 0 for padding.
    A step that went exactly as expected has the advantage 0, and it was taken: it belongs in the mean and in the
    standard deviation. Only `mask` knows which steps were taken.
degrees-of-freedom (M42): You divided by n − 1 inside the standard deviation, as `ddof=1` does.
    That estimates the spread of a population from a sample. Here the numbers themselves are to have sd 1, so divide by
    their number n. For large batches it is the same.
padding-in-one (M42): The padding counts in one of the two, the mean or the standard deviation.
    The zeros in the padding are no advantages. Take mean and standard deviation over the same steps, those where `mask`
    is 1.
each-step (M12): You whitened each column by itself: the first steps among each other, then the second, and so on.
    That is another baseline for each step, and another size of it. Use the mean and the standard deviation of the whole
    batch.
brackets (M39): The terms are right, and brackets are missing: only the mean or only the advantages are divided by the
  standard deviation.
    Division comes before subtraction. It is `(advantages - mean) / sd`: subtract first, then divide the whole.
root-mean-square (M12): You divided by the root of the mean square of the advantages, without their mean subtracted in
  it.
    The standard deviation is the root of the mean square *deviation*. The two agree only where the mean is 0.
mean-absolute (M12): You divided by the mean absolute deviation.
    It is a measure of spread as well, and a smaller one: the result does not have sd 1.
sign (M5): Your answer has the opposite sign: you subtracted the advantages from the mean.
    What went better than usual would be made rarer. It is advantage minus mean.
padding-counted (M12): You took the mean and the standard deviation over the padding too.
    The zeros in the padding are no advantages. A batch with many short trajectories would have a mean near 0 and too
    small a standard deviation.
padding-shifted (M12): On the steps that were taken you are right. The padding is not 0 any more.
    Your mean was subtracted there as well, and steps that never happened would send a gradient. Multiply by the mask.
each-trajectory (M12): You whitened each trajectory by itself.
    Then a trajectory in which everything was better than usual looks no better than one in which everything was worse.
    Use the mean and the standard deviation of the whole batch.
not-centred (M12): You divided by the standard deviation, and did not subtract the mean.
    Dividing alone is a change of the step size. The mean is the part that acts as a baseline.
not-scaled (M12): You subtracted the mean, and did not divide by the standard deviation.
    That is a baseline, and a good one. Whitening also makes the size of the step independent of the scale of the
    rewards.
variance (M12): You divided by the variance. Its square root, the standard deviation, was asked for.
    Advantages ten times as large would come out ten times as *small*.
range (M12): You mapped the advantages to the range from 0 to 1.
    Then none is below 0, and every action that was taken is made likelier, the bad ones too.
scaled-by-size (M12): You divided by the largest advantage.
    One outlier would decide the size of the whole step. The standard deviation is made by all of them.
"""
)

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
        {
            "advantages": np.array([[-1.0, 0.0], [-7.0, 0.0], [0.0, -4.0], [-2.5, -9.0]]),
            "mask": np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]),
        },
        {"advantages": np.array([[3.0, 0.0, -2.0, 4.5, 0.0]]), "mask": np.ones((1, 5))},
        # a standard deviation below 1, and an advantage more than 5 of them from the mean
        {"advantages": np.array([[1.25, -0.5, 0.75, -1.5, 0.25]]), "mask": np.ones((1, 5))},
        {"advantages": 38.5 * np.eye(6, 7, -5) + np.arange(42).reshape(6, 7) % 5, "mask": np.ones((6, 7))},
    ),
    extreme=(
        {"advantages": np.array([[2.0, 2.0], [2.0, 0.0]]), "mask": np.array([[1.0, 1.0], [1.0, 0.0]])},
        {"advantages": np.array([[1.5]]), "mask": np.array([[1.0]])},
    ),
    fresh=fresh,
    oracle=whitened,
    remark="The mean is a baseline, and the standard deviation a step size that adapts. Neither is free: see the text.",
    read=sections.WHITENING,
    rtol=1e-5,  # room for a small number added to the standard deviation, up to 1e-5
    atol=1e-6,
    mistakes=(
        told(
            "zero-by-zero",
            lambda advantages, mask: (
                (advantages - taken(advantages, mask).mean()) / taken(advantages, mask).std() * mask
            ),
            almost=True,
        ),
        told("zero-as-padding", zero_as_padding, variants=(zero_left_out,)),
        told(
            "degrees-of-freedom",
            with_parts(np.mean, lambda steps: float(steps.std(ddof=1)) if steps.size > 1 else 0.0),
            almost=True,
        ),
        told(
            "padding-in-one",
            lambda advantages, mask: scaled(advantages - advantages.mean(), spread(taken(advantages, mask)), mask),
            variants=(
                lambda advantages, mask: scaled(
                    advantages - taken(advantages, mask).mean(), float(advantages.std()), mask
                ),
                lambda advantages, mask: scaled(
                    advantages - taken(advantages, mask).mean(),
                    float(((advantages - taken(advantages, mask).mean()) * mask).std()),
                    mask,
                ),
            ),
        ),
        told("each-step", each_step),
        told(
            "brackets",
            lambda advantages, mask: (
                (advantages - taken(advantages, mask).mean() / taken(advantages, mask).std()) * mask
            ),
            variants=(
                lambda advantages, mask: (
                    (advantages / taken(advantages, mask).std() - taken(advantages, mask).mean()) * mask
                ),
            ),
        ),
        told(
            "root-mean-square",
            with_parts(np.mean, lambda steps: float(np.sqrt((steps**2).mean()))),
            variants=(with_parts(lambda steps: 0.0, lambda steps: float(np.sqrt((steps**2).mean()))),),
        ),
        told("mean-absolute", with_parts(np.mean, lambda steps: float(np.abs(steps - steps.mean()).mean()))),
        told("sign", lambda advantages, mask: -whitened(advantages, mask)),
        told("padding-counted", padding_counted),
        told("padding-shifted", padding_shifted, almost=True),
        told("each-trajectory", each_trajectory),
        told("not-centred", with_parts(lambda steps: 0.0, np.std)),
        told("not-scaled", with_parts(np.mean, lambda steps: 1.0)),
        told("variance", with_parts(np.mean, np.var)),
        told("range", with_parts(np.min, np.ptp)),
        told("scaled-by-size", with_parts(np.mean, lambda steps: float(np.abs(steps).max()))),
    ),
)
