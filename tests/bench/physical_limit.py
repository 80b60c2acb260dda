"""How far the floor is from what the hardware allows: its bytes copied once, its exponentials and products alone."""

from collections.abc import Iterator
from typing import Any

import floor
import linear_policy
import numpy as np
import timing

from course_utils import kernels


def copies(*arrays: np.ndarray) -> timing.Contender:
    """Copy each array: what is read once and written once moves at least so many bytes."""
    targets = [np.empty_like(array) for array in arrays]

    def run() -> None:
        for target, array in zip(targets, arrays, strict=True):
            np.copyto(target, array)

    return run


def exponentials(entries: int, dtype: str) -> timing.Contender:
    """Take so many exponentials, as many at once as the cache holds."""
    x = np.random.default_rng(0).normal(size=min(entries, kernels.CACHED)).astype(dtype)
    out, times = np.empty_like(x), entries // len(x)

    def run() -> None:
        for _ in range(times):
            np.exp(x, out=out)

    return run


def products(N: int, F: int, A: int, dtype: str) -> timing.Contender:
    """Take z = x θ and xᵀ z, as many rows at once as the cache holds."""
    rng, size = np.random.default_rng(0), kernels.CACHED // A
    x, theta = rng.normal(size=(size, F)).astype(dtype), rng.normal(size=(F, A)).astype(dtype)

    def run() -> None:
        for _ in range(N // size):
            x.T @ (x @ theta)

    return run


def rows() -> Iterator[dict[str, Any]]:
    N, n, dtype = 65536, 16, "float32"
    ours = floor.value_and_gradient(N, n, dtype)["ours"]
    moved = copies(np.ones((N, n), dtype), np.ones(N, np.intp), np.ones(N, dtype))  # logits to gradient, and the rest
    yield measured("limit-u", {"ours": ours, "copy": moved, "exp": exponentials(N * n, dtype)})
    T, B = 2048, 64
    three = [np.ones((B, T)) for _ in range(3)]
    yield measured("limit-gae", {"ours": floor.gae(T, B)["ours"], "copy": copies(*three)})
    N, F, A, dtype = linear_policy.N, linear_policy.F, linear_policy.A, "float64"
    alone = {"exp": exponentials(N * A, dtype), "products": products(N, F, A, dtype)}
    yield measured("limit-linear", {"ours": linear_policy.contenders(dtype)["ours"], **alone})


def measured(id: str, contenders: dict[str, timing.Contender]) -> dict[str, Any]:
    return timing.measured(id, timing.in_turn(contenders, 5))
