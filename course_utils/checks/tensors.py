"""Calling a function of PyTorch's tensors with the arrays of a question, and its answer as an array.

The check compares arrays, so nothing else of it knows tensors. What a loss is good for is its gradient: where a
question names arguments to differentiate by, the answer is the value and then these gradients, in one row.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["call"]


def call(names: Sequence[str], gradients: Sequence[str], function: Callable[..., Any], *arrays: Any) -> Any:
    """Call the function with tensors that share the arrays' memory; return its answer as an array.

    (value, ∂ value / ∂ first argument, …), flat; a gradient is 0 where the value does not depend on the argument

    Args:
        names: of the arguments, in order.
        gradients: names of those to differentiate by; none for the answer alone.
        function: takes tensors, returns one.
        arrays: the arguments; what is no array is passed as it is.

    Returns:
        An array; an answer that is no tensor as it came, and one that is no single number without gradients.
    """
    import torch

    given = [torch.from_numpy(x) if isinstance(x, np.ndarray) else x for x in arrays]
    leaves = [x.requires_grad_() for name, x in zip(names, given, strict=False) if name in gradients]
    value = function(*given)
    if not isinstance(value, torch.Tensor):
        return value
    kept = value.detach()
    number = (kept.float() if kept.dtype == torch.bfloat16 else kept).numpy()
    if not leaves or value.ndim:
        return number.astype(float) if number.dtype == bool else number
    found = torch.autograd.grad(value, leaves, allow_unused=True) if value.requires_grad else [None] * len(leaves)
    slopes = [torch.zeros_like(x) if slope is None else slope for x, slope in zip(leaves, found, strict=True)]
    row = np.concatenate([number[None], *(slope.numpy().ravel() for slope in slopes)])
    return row.astype(number.dtype)  # as precise as the loss
