"""Lesson 12: one move of the controller that steers the KL to a target."""

import numpy as np

from course_utils.checks import sections
from course_utils.checks.question import Inputs, Question, Words

__all__ = ["QUESTION"]


def fresh(rng: np.random.Generator) -> Inputs:
    """Draw a KL that is far above the target, far below it, or near."""
    target, horizon = round(float(rng.uniform(1.0, 9.0)), 2), int(rng.choice([320, 640, 1280]))
    kl = round(float(target * rng.choice([rng.uniform(0.85, 1.15), rng.uniform(1.4, 3.0), rng.uniform(0.1, 0.6)])), 3)
    beta, n = round(float(rng.uniform(0.05, 0.9)), 3), int(rng.choice([16, 48, 64]))
    return {"beta": beta, "kl": kl, "target": target, "n": n, "horizon": horizon}


def clipped(error: float) -> float:
    """Return a number clipped to ±0.2."""
    return float(np.clip(error, -0.2, 0.2))


def error(kl: float, target: float) -> float:
    """Return KL/target − 1, clipped to ±0.2."""
    return clipped(kl / target - 1)


def upside_down(kl: float, target: float) -> float:
    """Return target/KL, with a KL of 0 counted as nearly 0."""
    return target / (kl or 1e-12)


def moved(beta: float, kl: float, target: float, n: int, horizon: int) -> float:
    """Return β (1 + clip(KL/target − 1, ±0.2) · n/horizon)."""
    return beta * (1 + error(kl, target) * n / horizon)


told = Words(
    """
turned-round: Your β moves the wrong way: it falls where the KL is above the target.
    β is the price of distance. Too far away means too cheap, so the price must rise.
fraction-turned-round: You compared the target with the KL, and not the KL with the target.
    What counts is how far the KL is from the target, as a share of the target: KL/target − 1. The other fraction rises
    where the KL falls.
not-clipped: The error is not clipped.
    At the beginning the KL is 0, and after a bad batch it may be three times the target. The clip lets no batch move β
    by more than 20 % of n/horizon.
clipped-too-late: You clipped the whole change, n/horizon included.
    n/horizon is small, so that the clip would hardly ever act. It belongs to the error, before anything multiplies it.
one-missing: You clipped KL/target itself: the − 1 comes first.
    A quotient of two KLs is near 1, so that the clip makes +0.2 of every one, and β never stops rising.
difference: You took the difference of KL and target, in nats.
    The error is a share of the target. With a difference the same controller would be timid at a small target and wild
    at a large one.
no-horizon: n/horizon is missing: β moves by up to 20 % in one batch.
    The horizon says in how many replies β may move by 20 %. Without it β jumps with the noise of each batch.
horizon-turned-round: You multiplied by horizon/n.
    A batch of few replies should move β by little: n stands above, the horizon below.
added: You added the change to β, and it should multiply.
    β has a scale of its own, .02 in one run and 2 in another. A change in per cent fits each; a sum can take β below 0.
only-the-factor: You returned the factor, or the change, and not the new β.
    Asked for is the β of the next update: the old one times the factor.
only-the-sign: Your β moves by the same step however large the error is.
    Near the target the moves should get smaller. With a fixed step β swings around for ever.
exponential: You took the exponential of the change.
    For a small change it is nearly the same. The controller in use has the plain factor, 1 + error · n/horizon.
"""
)

QUESTION = Question(
    name="adaptive_kl",
    lesson="12",
    prompt="Return the β of the next update, a number.",
    points=2,
    signature="adaptive_kl(beta, kl, target, n, horizon)",
    fixed=(
        {"beta": 0.3, "kl": 1.7, "target": 1.5, "n": 64, "horizon": 320},
        {"beta": 0.3, "kl": 6.0, "target": 1.5, "n": 64, "horizon": 320},
        {"beta": 0.45, "kl": 0.0, "target": 4.0, "n": 48, "horizon": 640},
        {"beta": 12.5, "kl": 14.25, "target": 13.0, "n": 7, "horizon": 9},
        {"beta": 0.062, "kl": -0.37, "target": 0.21, "n": 5, "horizon": 7},
        {"beta": 0.062, "kl": 0.23, "target": 0.21, "n": 9, "horizon": 11},
    ),
    fresh=fresh,
    oracle=moved,
    remark="In this lesson's runs a batch has 64 replies and the horizon is 320: no update moves β by more than 4 %.",
    read=sections.ADAPTIVE_BETA,
    mistakes=(
        told(
            "turned-round",
            lambda beta, kl, target, n, horizon: beta * (1 - error(kl, target) * n / horizon),
            variants=(lambda beta, kl, target, n, horizon: beta / (1 + error(kl, target) * n / horizon),),
        ),
        told(
            "fraction-turned-round",
            lambda beta, kl, target, n, horizon: beta * (1 + clipped(upside_down(kl, target) - 1) * n / horizon),
            variants=(
                lambda beta, kl, target, n, horizon: beta * (1 + clipped(1 - upside_down(kl, target)) * n / horizon),
            ),
        ),
        told(
            "not-clipped",
            lambda beta, kl, target, n, horizon: beta * (1 + (kl / target - 1) * n / horizon),
            almost=True,
        ),
        told(
            "clipped-too-late",
            lambda beta, kl, target, n, horizon: beta * (1 + clipped((kl / target - 1) * n / horizon)),
        ),
        told(
            "one-missing",
            lambda beta, kl, target, n, horizon: beta * (1 + clipped(kl / target) * n / horizon),
            variants=(
                lambda beta, kl, target, n, horizon: beta * clipped(kl / target) * n / horizon,
                lambda beta, kl, target, n, horizon: beta * (1 + kl / target * n / horizon),
            ),
        ),
        told(
            "difference",
            lambda beta, kl, target, n, horizon: beta * (1 + clipped(kl - target) * n / horizon),
            variants=(lambda beta, kl, target, n, horizon: beta * (1 + (kl - target) * n / horizon),),
        ),
        told("no-horizon", lambda beta, kl, target, n, horizon: beta * (1 + error(kl, target))),
        told(
            "horizon-turned-round",
            lambda beta, kl, target, n, horizon: beta * (1 + error(kl, target) * horizon / n),
        ),
        told("added", lambda beta, kl, target, n, horizon: beta + error(kl, target) * n / horizon),
        told(
            "only-the-factor",
            lambda beta, kl, target, n, horizon: 1 + error(kl, target) * n / horizon,
            variants=(
                lambda beta, kl, target, n, horizon: error(kl, target) * n / horizon,
                lambda beta, kl, target, n, horizon: beta * error(kl, target) * n / horizon,
            ),
        ),
        told(
            "only-the-sign",
            lambda beta, kl, target, n, horizon: beta * (1 + 0.2 * np.sign(kl - target) * n / horizon),
        ),
        told(
            "exponential",
            lambda beta, kl, target, n, horizon: beta * np.exp(error(kl, target) * n / horizon),
            almost=True,
        ),
    ),
)
