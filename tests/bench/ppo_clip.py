"""PPO's clipped surrogate and its gradient by the logits: the course beside torch."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import targets
import timing

from course_utils import objectives, policy

torch = timing.peer("torch")
EPSILON = 0.2


def contenders(N: int, n: int, dtype: str) -> dict[str, timing.Contender | None]:
    """Ours first; what goes in is made beforehand. About a third of the steps are clipped."""
    rng = np.random.default_rng(N + n)
    old, step = rng.normal(size=(N, n)), rng.normal(size=(N, n)) / 3
    z, A = (old + step).astype(dtype), rng.normal(size=N).astype(dtype)
    a = rng.integers(n, size=N)
    old_log_probs = policy.log_prob(old, a).astype(dtype)
    given = z[:, None], old_log_probs[:, None], a[:, None], A[:, None]  # every decision is a trajectory

    def ours() -> Any:
        found = objectives.ppo_clip_objective(*given, EPSILON)
        return found.value, found.grad_logits[:, 0]

    return {"ours": ours, "torch": torch and torch_both(z, old_log_probs, a, A)}


def torch_both(z: np.ndarray, old: np.ndarray, a: np.ndarray, A: np.ndarray) -> timing.Contender:
    logits = torch.tensor(z, requires_grad=True)
    old_log_probs, actions, advantages = map(torch.tensor, (old, a, A))

    def run() -> Any:
        logits.grad = None
        ratio = (logits.log_softmax(1).gather(1, actions[:, None])[:, 0] - old_log_probs).exp()
        clipped = ratio.clamp(1 - EPSILON, 1 + EPSILON) * advantages
        value = torch.minimum(ratio * advantages, clipped).mean()
        value.backward()
        return value.detach().numpy(), logits.grad.numpy()

    return run


def rows() -> Iterator[dict[str, Any]]:
    for id in targets.ROWS["ppo_clip"]:
        _, N, n, dtype = id.split("-")
        tolerance = 1e-9 if dtype == "float64" else 2e-4
        yield timing.row(id, contenders(int(N), int(n), dtype), tolerance=tolerance)
