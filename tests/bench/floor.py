"""How long the floor takes, beside what people would otherwise use: `make bench`.

Each row first checks that all give the same numbers. Then they take turns, round after round, so that a machine that is
busy or slow at some time is so for all of them; a figure is the median over the rounds of processor time, a ratio the
median of the rounds' own ratios, and what stands behind ± is half the distance between its quartiles. One core, one
thread. `QUICK=1` takes fewer rounds.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_ENABLE_X64"] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import autograd
import autograd.numpy as anp
import jax
import jax.numpy as jnp
import numba
import numpy as np
import torch

from course_utils import objectives, returns

torch.set_num_threads(1)
OUT = Path(__file__).parents[2] / "build" / "bench.json"
ROUNDS = 7 if os.environ.get("QUICK") else 25
ROUND = 0.02  # seconds that a contender runs in a round, about
Contender = Callable[[], Any]

# What each row is to reach, ours over theirs; how far is printed beside it.
VALUE_AND_GRADIENT = {
    (8, 4, "float64"): {"Categorical": 0.45, "gather": 0.9, "JAX": 3.5, "autograd": 0.33, "NumPy": 3.5},
    (64, 16, "float64"): {"Categorical": 0.45, "gather": 0.9, "JAX": 3.5, "autograd": 0.33, "NumPy": 3.5},
    (4096, 16, "float64"): {"Categorical": 0.65, "gather": 0.7, "JAX": 2.5, "autograd": 0.55, "NumPy": 1.2},
    (4096, 256, "float64"): {"Categorical": 0.5, "gather": 0.6, "JAX": 1.7, "autograd": 0.4, "NumPy": 1.2},
    (65536, 16, "float32"): {"Categorical": 0.65, "gather": 2.5, "JAX": 2.0, "autograd": 0.35, "NumPy": 0.75},
}
GAE = {
    (2048, 64): {"row loop": 0.4, "CleanRL": 0.07, "JAX": 9.0, "numba": 13.0},
    (128, 8): {"row loop": 0.35, "CleanRL": 0.06, "JAX": 15.0, "numba": 50.0},
}


# --- value and gradient of U -------------------------------------------------------------------------


def plain(z: np.ndarray, a: np.ndarray, A: np.ndarray) -> tuple[float, np.ndarray]:
    """What one writes in NumPy without any check."""
    n = np.arange(len(z))
    shifted = z - z.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    value = ((shifted[n, a] - np.log(total[:, 0])) * A).sum()
    gradient = -(e / total) * A[:, None]
    gradient[n, a] += A
    return value, gradient


def torch_both(log_prob: Callable[..., Any], z: np.ndarray, a: np.ndarray, A: np.ndarray) -> Contender:
    """A value and its gradient by torch; its tensors are made beforehand, as in a training loop."""
    logits = torch.tensor(z, requires_grad=True)
    actions, advantages = torch.tensor(a), torch.tensor(A)

    def run() -> Any:
        logits.grad = None
        value = (log_prob(logits, actions) * advantages).sum()
        value.backward()
        return value.detach().numpy(), logits.grad.numpy()

    return run


def jax_both(z: np.ndarray, a: np.ndarray, A: np.ndarray) -> Contender:
    """The same compiled by JAX; the compilation does not count."""

    def value(logits: Any, actions: Any, advantages: Any) -> Any:
        taken = jnp.take_along_axis(jax.nn.log_softmax(logits), actions[:, None], axis=1)[:, 0]
        return (taken * advantages).sum()

    both, arrays = jax.jit(jax.value_and_grad(value)), [jnp.asarray(x) for x in (z, a, A)]
    return lambda: jax.block_until_ready(both(*arrays))


def autograd_both(z: np.ndarray, a: np.ndarray, A: np.ndarray) -> Contender:
    """The same by HIPS autograd."""
    n = np.arange(len(z))

    def value(logits: Any) -> Any:
        shifted = logits - anp.max(logits, axis=1, keepdims=True)
        log_pi = shifted - anp.log(anp.sum(anp.exp(shifted), axis=1, keepdims=True))
        return anp.sum(log_pi[n, a] * A)

    return partial(autograd.value_and_grad(value), z)


def value_and_gradient(N: int, n: int, dtype: str) -> dict[str, Contender]:
    """The contenders of a row, ours first."""
    rng = np.random.default_rng(N + n)
    z, A = rng.normal(size=(N, n)).astype(dtype), rng.normal(size=N).astype(dtype)
    a = rng.integers(n, size=N)
    return {
        "ours": lambda: objectives.advantage_objective(z, a, A)[:2],
        "Categorical": torch_both(
            lambda logits, x: torch.distributions.Categorical(logits=logits).log_prob(x), z, a, A
        ),
        "gather": torch_both(lambda logits, x: logits.log_softmax(1).gather(1, x[:, None])[:, 0], z, a, A),
        "JAX": jax_both(z, a, A),
        "autograd": autograd_both(z, a, A),
        "NumPy": partial(plain, z, a, A),
    }


# --- GAE ---------------------------------------------------------------------------------------------


def row_loop(r: np.ndarray, d: np.ndarray, v: np.ndarray, lam: float) -> np.ndarray:
    """Backwards over time, the last axis, all rows at once."""
    deltas, decay = r + d * v[:, 1:] - v[:, :-1], lam * d
    result, following = np.empty_like(deltas), np.zeros(len(r))
    for t in reversed(range(r.shape[1])):
        following = deltas[:, t] + decay[:, t] * following
        result[:, t] = following
    return result


def torch_loop(r: np.ndarray, d: np.ndarray, v: np.ndarray, lam: float) -> Contender:
    """A loop over time on torch tensors, time first, as CleanRL has one in its PPO."""
    rewards, discounts, values = (torch.tensor(np.ascontiguousarray(x.T)) for x in (r, d, v))

    def run() -> Any:
        result, last = torch.zeros_like(rewards), 0.0
        for t in reversed(range(len(rewards))):
            delta = rewards[t] + discounts[t] * values[t + 1] - values[t]
            result[t] = last = delta + discounts[t] * lam * last
        return result.numpy().T

    return run


def jax_scan(r: np.ndarray, d: np.ndarray, v: np.ndarray, lam: float) -> Contender:
    """The same as a compiled scan."""

    @jax.jit
    def run(r: Any, d: Any, v: Any) -> Any:
        deltas = r + d * v[:, 1:] - v[:, :-1]

        def step(following: Any, now: Any) -> Any:
            following = now[0] + lam * now[1] * following
            return following, following

        return jax.lax.scan(step, jnp.zeros(len(r)), (deltas.T, d.T), reverse=True)[1].T

    arrays = [jnp.asarray(x) for x in (r, d, v)]
    return lambda: jax.block_until_ready(run(*arrays))


@numba.njit(cache=False)
def compiled_loop(r: np.ndarray, d: np.ndarray, v: np.ndarray, lam: float) -> np.ndarray:
    """The same as a loop over entries, compiled."""
    result = np.empty_like(r)
    for b in range(r.shape[0]):
        following = 0.0
        for t in range(r.shape[1] - 1, -1, -1):
            following = r[b, t] + d[b, t] * v[b, t + 1] - v[b, t] + lam * d[b, t] * following
            result[b, t] = following
    return result


def gae(T: int, B: int) -> dict[str, Contender]:
    """The contenders of a row, ours first."""
    rng = np.random.default_rng(T + B)
    r, v = rng.normal(size=(B, T)), rng.normal(size=(B, T + 1))
    d = np.where(rng.random((B, T)) < 0.01, 0.0, 0.99)
    return {
        "ours": lambda: returns.gae(r, d, v, 0.95),
        "row loop": partial(row_loop, r, d, v, 0.95),
        "CleanRL": torch_loop(r, d, v, 0.95),
        "JAX": jax_scan(r, d, v, 0.95),
        "numba": partial(compiled_loop, r, d, v, 0.95),
    }


# --- taking turns ------------------------------------------------------------------------------------


def agree(contenders: dict[str, Contender], tolerance: float) -> None:
    """Raise AssertionError where a contender gives other numbers than ours."""
    (ours, *others) = contenders.values()
    wanted = ours()
    for name, other in zip([*contenders][1:], others, strict=True):
        for one, two in zip(*(x if isinstance(x, tuple) else (x,) for x in (wanted, other())), strict=True):
            np.testing.assert_allclose(np.asarray(two), one, rtol=tolerance, atol=tolerance, err_msg=name)


def seconds(run: Contender, repeats: int) -> float:
    """Return the processor time of one call."""
    start = time.process_time()
    for _ in range(repeats):
        run()
    return (time.process_time() - start) / repeats


def measured(contenders: dict[str, Contender]) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each contender's time and its ratio, ours over it, with their spreads."""
    repeats = {name: max(1, round(ROUND / max(seconds(run, 3), 1e-7))) for name, run in contenders.items()}
    times = np.array([[seconds(run, repeats[name]) for name, run in contenders.items()] for _ in range(ROUNDS)])
    for name, mine, theirs in zip(contenders, [times[:, 0]] * len(contenders), times.T, strict=True):
        quartiles = np.percentile(mine / theirs, [25, 50, 75])
        yield (
            name,
            {
                "microseconds": float(np.median(theirs) * 1e6),
                "ratio": float(quartiles[1]),
                "spread": float(quartiles[2] - quartiles[0]) / 2,
            },
        )


def row(name: str, contenders: dict[str, Contender], wanted: dict[str, float], tolerance: float) -> dict[str, Any]:
    """Measure a row and print it."""
    agree(contenders, tolerance)
    found = dict(measured(contenders))
    cells = [f"{name:34s} {found['ours']['microseconds']:9.1f} µs"]
    for other, most in wanted.items():
        ratio, spread = found[other]["ratio"], found[other]["spread"]
        cells.append(f"{other} {ratio:.2f} ± {spread:.2f} ({'' if ratio <= most else 'not '}≤ {most:g})")
    print("   ".join(cells), flush=True)
    return {"name": name, "contenders": found, "wanted": wanted}


def main() -> int:
    """Measure all rows, print them and write them to build/bench.json."""
    versions = {name: metadata.version(name) for name in ("numpy", "torch", "jax", "autograd", "numba")}
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}\nours over theirs, lower is better\n")
    rows = [
        row(f"value + gradient, N = {N:,}, A = {n}, {dtype}", value_and_gradient(N, n, dtype), wanted,
            1e-9 if dtype == "float64" else 2e-4)
        for (N, n, dtype), wanted in VALUE_AND_GRADIENT.items()
    ]  # fmt: skip
    rows += [row(f"GAE, T = {T:,}, B = {B}", gae(T, B), wanted, 1e-9) for (T, B), wanted in GAE.items()]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"versions": versions, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
