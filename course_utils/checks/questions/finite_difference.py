"""Lesson 03: central differences."""

from collections.abc import Callable

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Named, Question, Words

__all__ = ["QUESTION"]


Function = Callable[[FloatArray], float]

SQUARES = Named("z ↦ z[0]² + 3 z[1]", lambda z: z[0] ** 2 + 3 * z[1])
CUBES = Named("z ↦ Σ z³ + z[0] z[1]", lambda z: (np.asarray(z) ** 3).sum() + z[0] * z[1])
EXPONENTIALS = Named("z ↦ log Σ exp z", lambda z: np.log(np.exp(z).sum()))
FIFTHS = Named("z ↦ z[0] z[−1] − Σ z⁵", lambda z: z[0] * z[-1] - (np.asarray(z) ** 5).sum())


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a function of one to four numbers, a place, and a width."""
    n = int(rng.integers(1, 5))
    c = rng.uniform(1.0, 2.0, size=n).round(1)
    f = Named(f"z ↦ Σ c z⁵ + z[0] z[−1] with c = {c.tolist()}", lambda z: (c * np.asarray(z) ** 5).sum() + z[0] * z[-1])
    return {
        "f": f,
        "z": rng.choice([-1, 1], size=n) * rng.uniform(0.3, 1.5, size=n).round(3),
        "h": round(float(rng.uniform(0.1, 1.2)), 3),
    }


def quotient(up: float, down: float, over: float) -> Callable[..., FloatArray]:
    """Return the function (f(z + up·h·e) − f(z + down·h·e)) / (over·h) for each unit vector e."""

    def difference(f: Function, z: FloatArray, h: float) -> FloatArray:
        return np.array([(f(z + up * h * e) - f(z + down * h * e)) / (over * h) for e in np.eye(z.size)])

    return difference


central = quotient(1, -1, 2)


def accumulated(f: Function, z: FloatArray, h: float) -> FloatArray:
    """Return central differences in which the entries before are still nudged, as the entry itself is."""
    nudges = np.tri(z.size)
    return np.array([(f(z + h * e) - f(z - h * e)) / (2 * h) for e in nudges])


def left_behind(side: float) -> Callable[..., FloatArray]:
    """Return central differences in which the entries before have stayed at z + side · h."""

    def difference(f: Function, z: FloatArray, h: float) -> FloatArray:
        starts = z + side * h * np.tri(z.size, k=-1)
        pairs = zip(starts, np.eye(z.size), strict=True)
        return np.array([(f(start + h * e) - f(start - h * e)) / (2 * h) for start, e in pairs])

    return difference


def with_width(sides: Callable[..., FloatArray], width: float) -> Callable[..., FloatArray]:
    """Return differences of a width that the function chooses itself."""
    return lambda f, z, h: sides(f, z, width)


def five_points(f: Function, z: FloatArray, h: float) -> FloatArray:
    """Return the differences over four points of each axis, at −2h, −h, h and 2h."""
    return (4 * central(f, z, h) - central(f, z, 2 * h)) / 3


def first_only(f: Function, z: FloatArray, h: float) -> FloatArray:
    """Return zeros, with the difference of the first entry."""
    return np.asarray(central(f, z, h) * (np.arange(z.size) == 0))


def second(f: Function, z: FloatArray, h: float) -> FloatArray:
    """Return second differences."""
    return (quotient(1, 0, 1)(f, z, h) - quotient(0, -1, 1)(f, z, h)) / h


def all_at_once(f: Function, z: FloatArray, h: float) -> FloatArray:
    """Return one difference, with all entries nudged together, for every entry."""
    return np.full(z.size, (f(z + h) - f(z - h)) / (2 * h))


told = Words(
    """
forward: This is the forward difference, (f(z + h) − f(z)) / h.
    It looks to one side only, so its error shrinks like h. Looking to both sides lets the first error cancel, and what
    is left shrinks like h². Use f(z + h) − f(z − h), over 2h.
backward: This is the backward difference, (f(z) − f(z − h)) / h.
    It looks to one side only, so its error shrinks like h. Looking to both sides lets the first error cancel, and what
    is left shrinks like h². Use f(z + h) − f(z − h), over 2h.
divided-by-h: Your answer is twice the wanted one: you divided by h.
    From z − h to z + h it is a distance of 2h.
not-divided: You returned f(z + h) − f(z − h) and did not divide it by 2h.
    A slope is a difference over a distance. Without the division the answer goes to 0 with h.
precedence (M39): You divided by 2 and then multiplied by h: `/ 2 * h` is read from left to right.
    In Python `a / 2 * h` is (a/2)·h. Write `/ (2 * h)`.
all-at-once: You nudged all entries of z together.
    This gives one slope, in the direction (1, 1, …), the sum of the gradient's entries. For each entry's own slope
    nudge that entry and leave the others where they are.
accumulated (M45): The first entry is right. From the second on, the entries before it are still nudged.
    The gradient asks for one entry at a time. Begin with a fresh copy of z for each entry, inside the loop.
sign (M5): Your answer has the opposite sign: you subtracted f(z + h) from f(z − h).
    A function that grows has a positive slope. A check with the wrong sign approves of a step downhill.
own-width: You use a width of your own: h has no effect.
    Your answer may be the better gradient, but whoever calls the function chooses h: too large blurs, too small drowns
    in rounding, and with noisy samples it has to be large.
five-points: You used four points for each entry, at a distance of h and of 2h. That is nearer to the true slope than
  what was asked for.
    It is a good formula: its error shrinks like h⁴, for twice as many calls of f. Asked for are central differences,
    from one point on each side.
half-width: You nudged by h/2 to each side, and divided by h.
    That is a central difference as well, of half the width. Here h is the distance to each side, so it is 2h from one
    point to the other.
second-difference: You computed the second difference, (f(z + h) − 2 f(z) + f(z − h)) / h².
    That is the curvature, by how much the slope changes. The slope is (f(z + h) − f(z − h)) / 2h.
first-only (M38): Your answer stops after the first entry.
    A `return` that is indented as far as the body of a loop ends the function in the loop's first round. Move it to the
    left, below the loop.
"""
)

QUESTION = Question(
    name="finite_difference",
    lesson="03",
    prompt="Return the gradient of f at z by central differences of width h, one entry for each entry of z.",
    points=2,
    signature="finite_difference(f, z, h)",
    fixed=(
        {"f": SQUARES, "z": np.array([1.0, 2.0]), "h": 0.5},
        {"f": CUBES, "z": np.array([1.0, -0.5]), "h": 0.5},
        {"f": EXPONENTIALS, "z": np.array([0.0, 1.0, -1.0]), "h": 0.25},
        {"f": FIFTHS, "z": np.array([-0.5]), "h": 1.0},
        {"f": SQUARES, "z": np.array([12.25, -7.5]), "h": 0.125},
        {"f": FIFTHS, "z": np.array([0.375, -1.25, 0.0, -3.125]), "h": 1.375},
    ),
    fresh=fresh,
    oracle=central,
    remark="It takes two calls of f for each parameter. With a million parameters, the score does better.",
    read=sections.FINITE_DIFFERENCES,
    mistakes=(
        told("forward", quotient(1, 0, 1)),
        told("backward", quotient(0, -1, 1)),
        told("divided-by-h", quotient(1, -1, 1)),
        told("not-divided", lambda f, z, h: central(f, z, h) * 2 * h),
        told("precedence", lambda f, z, h: central(f, z, h) * h * h),
        told("all-at-once", all_at_once, variants=(lambda f, z, h: (f(z + h) - f(z - h)) / (2 * h),)),
        told("accumulated", accumulated, variants=(left_behind(-1), left_behind(1))),
        told("sign", quotient(-1, 1, 2)),
        told(
            "own-width",
            lambda f, z, h: central(f, z, 1e-5),
            variants=tuple(
                with_width(sides, width)
                for width in (1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-7, 1e-8)
                for sides in (central, quotient(1, 0, 1))
            ),
            almost=True,
        ),
        told("five-points", five_points, almost=True),
        told("half-width", quotient(0.5, -0.5, 1), almost=True),
        told("second-difference", second),
        told(
            "first-only",
            first_only,
            variants=(lambda f, z, h: central(f, z, h)[0], lambda f, z, h: central(f, z, h)[:1]),
        ),
    ),
)
