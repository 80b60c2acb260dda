"""How time and peak memory grow with the size of the problem, five sizes each, with the exponent that fits them."""

import numpy as np


def exponent(sizes, amounts) -> list[float]:
    """Return k of amount ∝ size^k by least squares on the logarithms, and its standard error."""
    x, y = np.log(np.asarray(sizes, dtype=float)), np.log(np.asarray(amounts, dtype=float))
    x = x - x.mean()
    k = float(x @ y / (x @ x))
    rest = y - y.mean() - k * x
    return [k, float(np.sqrt(rest @ rest / (len(x) - 2) / (x @ x)))]


def rows():
    yield from ()
