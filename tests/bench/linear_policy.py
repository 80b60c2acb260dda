"""Value and gradient of U of a policy that is linear in 32 features: the course beside torch and JAX."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import targets
import timing

from course_utils import objectives

torch, jax = timing.peer("torch"), timing.peer("jax")
N, F, A = 65_536 if timing.QUICK else 262_144, 32, 256


def contenders(dtype: str) -> dict[str, timing.Contender | None]:
    """Ours first; what goes in is made beforehand."""
    rng = np.random.default_rng(0)
    theta, x = rng.normal(size=(F, A)).astype(dtype) / 10, rng.normal(size=(N, F)).astype(dtype)
    actions, advantages = rng.integers(A, size=N), rng.normal(size=N).astype(dtype)
    steps = x[:, None], actions[:, None], advantages[:, None]  # every decision is a trajectory: the mean over N
    given = theta, x, actions, advantages
    return {
        "ours": lambda: tuple(objectives.linear_advantage_objective(theta, *steps)),
        "torch": torch and torch_both(*given),
        "JAX": jax and jax_both(*given),
    }


def torch_both(theta: np.ndarray, x: np.ndarray, a: np.ndarray, A: np.ndarray) -> timing.Contender:
    parameters = torch.tensor(theta, requires_grad=True)
    features, actions, advantages = map(torch.tensor, (x, a, A))

    def run() -> Any:
        parameters.grad = None
        log_pi = (features @ parameters).log_softmax(1)
        value = (log_pi.gather(1, actions[:, None])[:, 0] * advantages).mean()
        value.backward()
        return value.detach().numpy(), parameters.grad.numpy()

    return run


def jax_both(theta: np.ndarray, x: np.ndarray, a: np.ndarray, A: np.ndarray) -> timing.Contender:
    def value(parameters: Any, features: Any, actions: Any, advantages: Any) -> Any:
        log_pi = jax.nn.log_softmax(features @ parameters)
        return (jax.numpy.take_along_axis(log_pi, actions[:, None], axis=1)[:, 0] * advantages).mean()

    both, arrays = jax.jit(jax.value_and_grad(value)), [jax.numpy.asarray(v) for v in (theta, x, a, A)]
    return lambda: jax.block_until_ready(both(*arrays))


def rows() -> Iterator[dict[str, Any]]:
    for id in targets.ROWS["linear_policy"]:
        dtype = id.removeprefix("linear-")
        note = f"of {N:,} steps" if timing.QUICK else ""
        yield timing.row(id, contenders(dtype), tolerance=1e-9 if dtype == "float64" else 2e-4, seconds=27, note=note)
