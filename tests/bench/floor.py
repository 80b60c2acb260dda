"""What the floor takes, beside what people would otherwise use: value and gradient of U, and GAE."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import targets
import timing
from timing import Contender

from course_utils import objectives, returns

torch, jax, numba, autograd = (timing.peer(name) for name in ("torch", "jax", "numba", "autograd"))
anp = autograd and __import__("autograd.numpy").numpy
jnp = jax and jax.numpy


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


def value_and_gradient(N: int, n: int, dtype: str) -> dict[str, Contender | None]:
    """The contenders of a row, ours first."""
    rng = np.random.default_rng(N + n)
    z, A = rng.normal(size=(N, n)).astype(dtype), rng.normal(size=N).astype(dtype)
    a = rng.integers(n, size=N)
    return {
        "ours": lambda: objectives.advantage_objective(z, a, A)[:2],
        "Categorical": torch
        and torch_both(lambda logits, x: torch.distributions.Categorical(logits=logits).log_prob(x), z, a, A),
        "gather": torch and torch_both(lambda logits, x: logits.log_softmax(1).gather(1, x[:, None])[:, 0], z, a, A),
        "JAX": jax and jax_both(z, a, A),
        "autograd": autograd and autograd_both(z, a, A),
        "NumPy": partial(plain, z, a, A),
    }


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


def entry_loop(r: np.ndarray, d: np.ndarray, v: np.ndarray, lam: float) -> np.ndarray:
    """The same as a loop over entries, for numba to compile."""
    result = np.empty_like(r)
    for b in range(r.shape[0]):
        following = 0.0
        for t in range(r.shape[1] - 1, -1, -1):
            following = r[b, t] + d[b, t] * v[b, t + 1] - v[b, t] + lam * d[b, t] * following
            result[b, t] = following
    return result


def gae(T: int, B: int) -> dict[str, Contender | None]:
    """The contenders of a row, ours first."""
    rng = np.random.default_rng(T + B)
    r, v = rng.normal(size=(B, T)), rng.normal(size=(B, T + 1))
    d = np.where(rng.random((B, T)) < 0.01, 0.0, 0.99)
    return {
        "ours": lambda: returns.gae(r, d, v, 0.95),
        "row loop": partial(row_loop, r, d, v, 0.95),
        "CleanRL": torch and torch_loop(r, d, v, 0.95),
        "JAX": jax and jax_scan(r, d, v, 0.95),
        "numba": numba and partial(numba.njit(entry_loop), r, d, v, 0.95),
    }


def rows() -> Iterator[dict[str, Any]]:
    for id in targets.ROWS["floor"]:
        kind, *sizes = id.split("-")
        if kind == "u":
            N, n, dtype = sizes
            tolerance = 1e-9 if dtype == "float64" else 2e-4
            yield timing.row(id, value_and_gradient(int(N), int(n), dtype), tolerance=tolerance)
        else:
            yield timing.row(id, gae(*map(int, sizes)), tolerance=1e-9)
