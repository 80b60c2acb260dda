"""Value and gradient of U of a policy that is a table, S = 64: the course beside torch's gather and JAX."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import targets
import timing

from course_utils import objectives

torch, jax = timing.peer("torch"), timing.peer("jax")
S = 64


def contenders(N: int, n: int) -> dict[str, timing.Contender | None]:
    """Ours first; what goes in is made beforehand."""
    rng = np.random.default_rng(N + n)
    theta, states, actions = rng.normal(size=(S, n)), rng.integers(S, size=N), rng.integers(n, size=N)
    advantages = rng.normal(size=N)
    mean = advantages / N  # every decision is a trajectory: the mean over N
    return {
        "ours": lambda: tuple(
            objectives.tabular_advantage_objective(theta, states[:, None], actions[:, None], advantages[:, None])
        ),
        "torch": torch and torch_both(theta, states, actions, mean),
        "JAX": jax and jax_both(theta, states, actions, mean),
    }


def torch_both(theta: np.ndarray, s: np.ndarray, a: np.ndarray, w: np.ndarray) -> timing.Contender:
    table = torch.tensor(theta, requires_grad=True)
    states, actions, weights = map(torch.tensor, (s, a, w))

    def run() -> Any:
        table.grad = None
        value = (table.log_softmax(1)[states, actions] * weights).sum()
        value.backward()
        return value.detach().numpy(), table.grad.numpy()

    return run


def jax_both(theta: np.ndarray, s: np.ndarray, a: np.ndarray, w: np.ndarray) -> timing.Contender:
    def value(table: Any, states: Any, actions: Any, weights: Any) -> Any:
        return (jax.nn.log_softmax(table)[states, actions] * weights).sum()

    both, arrays = jax.jit(jax.value_and_grad(value)), [jax.numpy.asarray(x) for x in (theta, s, a, w)]
    return lambda: jax.block_until_ready(both(*arrays))


def rows() -> Iterator[dict[str, Any]]:
    for id in targets.ROWS["tabular_policy"]:
        _, N, n = id.split("-")
        yield timing.row(id, contenders(int(N), int(n)), tolerance=1e-9)
