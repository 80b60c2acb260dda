"""Lesson 03: central differences."""

from collections.abc import Callable

import numpy as np

from course_utils.arguments import FloatArray
from course_utils.checks import sections
from course_utils.checks.question import Inputs, Mistake, Named, Question

Function = Callable[[FloatArray], float]

SQUARES = Named("z ↦ z[0]² + 3 z[1]", lambda z: z[0] ** 2 + 3 * z[1])
CUBES = Named("z ↦ Σ z³ + z[0] z[1]", lambda z: (np.asarray(z) ** 3).sum() + z[0] * z[1])
EXPONENTIALS = Named("z ↦ log Σ exp z", lambda z: np.log(np.exp(z).sum()))


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a function of two to four numbers, a place, and a width."""
    n = int(rng.integers(2, 5))
    c = rng.uniform(1.0, 2.0, size=n).round(1)
    f = Named(f"z ↦ Σ c z³ + z[0] z[1] with c = {c.tolist()}", lambda z: (c * np.asarray(z) ** 3).sum() + z[0] * z[1])
    return {"f": f, "z": rng.uniform(0.3, 1.5, size=n).round(2), "h": round(float(rng.uniform(0.1, 0.4)), 2)}


def quotient(up: float, down: float, over: float) -> Callable[..., FloatArray]:
    """Return the function (f(z + up·h·e) − f(z + down·h·e)) / (over·h) for each unit vector e."""

    def difference(f: Function, z: FloatArray, h: float) -> FloatArray:
        return np.array([(f(z + up * h * e) - f(z + down * h * e)) / (over * h) for e in np.eye(z.size)])

    return difference


central = quotient(1, -1, 2)


def accumulated(f: Function, z: FloatArray, h: float) -> FloatArray:
    """Return central differences in which the entries before are still nudged."""
    nudges = np.tri(z.size)
    return np.array([(f(z + h * e) - f(z - h * e)) / (2 * h) for e in nudges])


def all_at_once(f: Function, z: FloatArray, h: float) -> FloatArray:
    """Return one difference, with all entries nudged together, for every entry."""
    return np.full(z.size, (f(z + h) - f(z - h)) / (2 * h))


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
    ),
    fresh=fresh,
    oracle=central,
    remark="It takes two calls of f for each parameter. With a million parameters, the score does better.",
    read=sections.FINITE_DIFFERENCES,
    mistakes=(
        Mistake(
            "forward",
            "",
            quotient(1, 0, 1),
            "This is the forward difference, (f(z + h) − f(z)) / h.",
            "It looks to one side only, so its error shrinks like h. Looking to both sides lets the first error "
            "cancel, and what is left shrinks like h². Use f(z + h) − f(z − h), over 2h.",
        ),
        Mistake(
            "backward",
            "",
            quotient(0, -1, 1),
            "This is the backward difference, (f(z) − f(z − h)) / h.",
            "It looks to one side only, so its error shrinks like h. Looking to both sides lets the first error "
            "cancel, and what is left shrinks like h². Use f(z + h) − f(z − h), over 2h.",
        ),
        Mistake(
            "divided-by-h",
            "",
            quotient(1, -1, 1),
            "Your answer is twice the wanted one: you divided by h.",
            "From z − h to z + h it is a distance of 2h.",
        ),
        Mistake(
            "not-divided",
            "",
            lambda f, z, h: central(f, z, h) * 2 * h,
            "You returned f(z + h) − f(z − h) and did not divide it by 2h.",
            "A slope is a difference over a distance. Without the division the answer goes to 0 with h.",
        ),
        Mistake(
            "precedence",
            "",
            lambda f, z, h: central(f, z, h) * h * h,
            "You divided by 2 and then multiplied by h: `/ 2 * h` is read from left to right.",
            "In Python `a / 2 * h` is (a/2)·h. Write `/ (2 * h)`.",
        ),
        Mistake(
            "all-at-once",
            "",
            all_at_once,
            "You nudged all entries of z together.",
            "This gives one slope, in the direction (1, 1, …), the sum of the gradient's entries. For each entry's own "
            "slope nudge that entry and leave the others where they are.",
            variants=(lambda f, z, h: (f(z + h) - f(z - h)) / (2 * h),),
        ),
        Mistake(
            "accumulated",
            "",
            accumulated,
            "The first entry is right. From the second on, the entries before it are still nudged.",
            "The gradient asks for one entry at a time. Begin with a fresh copy of z for each entry, inside the loop.",
        ),
        Mistake(
            "sign",
            "M5",
            quotient(-1, 1, 2),
            "Your answer has the opposite sign: you subtracted f(z + h) from f(z − h).",
            "A function that grows has a positive slope. A check with the wrong sign approves of a step downhill.",
        ),
        Mistake(
            "own-width",
            "",
            lambda f, z, h: central(f, z, 1e-4),
            "You use a width of your own: h has no effect.",
            "Your answer may be the better gradient, but whoever calls the function chooses h: too large blurs, too "
            "small drowns in rounding, and with noisy samples it has to be large.",
            almost=True,
        ),
    ),
)
