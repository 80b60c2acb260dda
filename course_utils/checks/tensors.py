"""Calling a function of PyTorch's tensors with the arrays of a question, and its answer as an array.

The check compares arrays, so nothing else of it knows tensors. What a loss is good for is its gradient: where a
question names arguments to differentiate by, the answer is the value and then these gradients, in one row. In other
questions an answer has to remember the floats that it was made of.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.checks import sentences
from course_utils.checks.limit import attempt

__all__ = ["Unusable", "call", "named"]


@dataclass(frozen=True)
class Unusable:
    """Stands for an answer that its numbers cannot speak for."""

    sentence: str
    """its name in ``sentences``"""
    value: str
    """what came, in words"""
    names: str = ""
    """the arguments that it is about"""

    def __repr__(self) -> str:
        """Return what is shown in its place."""
        return self.value


def named(gradients: Sequence[str], inputs: Mapping[str, Any], row: Any) -> dict[str, Any]:
    """Return the parts of a row as ``call`` makes it: the value, then each gradient in the shape of its argument."""
    sizes = [np.size(inputs[name]) for name in gradients]
    parts = np.split(np.asarray(row)[1:], np.cumsum(sizes)[:-1])
    shaped = {f"∂/∂{name}": part.reshape(np.shape(inputs[name])) for name, part in zip(gradients, parts, strict=True)}
    return {"value": float(row[0]), **shaped}


def call(names: Sequence[str], gradients: Sequence[str], function: Callable[..., Any], *arrays: Any) -> Any:
    """Call the function with tensors; return its answer as an array. PyTorch's modes are afterwards as they were.

    (value, ∂ value / ∂ first argument, …), flat; a gradient is 0 where the value does not depend on the argument

    Args:
        names: of the arguments, in order.
        gradients: names of those to differentiate by; none for the answer alone.
        function: takes tensors, returns one.
        arrays: the arguments; what is no array is passed as it is. What the function does to a tensor in place is done
            to its array.

    Returns:
        An array; Unusable where the answer is no tensor or none that can be used, and None or whatever else a function
        returns by an oversight as it came.
    """
    import torch

    given = [torch.from_numpy(x) if isinstance(x, np.ndarray) else x for x in arrays]
    floats = [isinstance(x, torch.Tensor) and x.is_floating_point() for x in given]
    learns = [name in gradients if gradients else real for name, real in zip(names, floats, strict=False)]
    was = torch.get_default_dtype()
    try:
        with torch.enable_grad():
            leaves = [x.clone().requires_grad_() for x, is_leaf in zip(given, learns, strict=True) if is_leaf]
            rest = iter(leaves)
            passed = [next(rest).clone() if is_leaf else x for x, is_leaf in zip(given, learns, strict=True)]
            value = function(*passed)
    finally:
        torch.set_default_dtype(was)
    for kept, x in zip(given, passed, strict=True):
        if kept is not x and not torch.equal(kept, x.detach()):
            kept.copy_(x.detach())
    if _is_an_oversight(value):
        return value
    wrong = _unusable(value, [name for name, is_leaf in zip(names, learns, strict=True) if is_leaf], gradients)
    if wrong is None and any(leaf.grad is not None for leaf in leaves):
        wrong = Unusable("backward-inside", "a loss")
    if wrong is not None:
        return wrong
    number = (value.detach().float() if value.dtype == torch.bfloat16 else value.detach()).numpy()
    if not gradients:
        return number.astype(float) if number.dtype == bool else number
    slopes: Sequence[Any] = [None] * len(leaves)
    if value.requires_grad:
        with torch.enable_grad():  # of a sum: to be given a seed, PyTorch would load a computer algebra system
            slopes = torch.autograd.grad(value.sum(), leaves, allow_unused=True)
    found = [np.zeros(x.shape) if slope is None else slope.numpy() for x, slope in zip(leaves, slopes, strict=True)]
    row = np.concatenate([number.ravel(), *(slope.ravel() for slope in found)])
    return row.astype(number.dtype)  # as precise as the loss


def _is_an_oversight(value: Any) -> bool:
    """Say whether an answer is none at all: None, a function, a coroutine or a generator."""
    if value is None or value is Ellipsis:
        return True
    return not _is_tensor(value) and attempt(
        lambda: callable(value) or inspect.isawaitable(value) or isinstance(value, Iterator), False
    )


def _is_tensor(value: Any) -> bool:
    import torch

    return issubclass(type(value), torch.Tensor)


def _unusable(value: Any, learned: Sequence[str], gradients: Sequence[str]) -> Unusable | None:
    """Return what is wrong with an answer before its numbers are."""
    import torch

    if not _is_tensor(value):
        return Unusable("no-tensor", sentences.describe(value))
    kind = str(value.dtype).removeprefix("torch.")
    shape = attempt(lambda: f"a tensor of shape {tuple(value.shape)}", "a tensor")
    said = f"{shape} (dtype {kind})"
    if value.layout != torch.strided or value.device.type != "cpu" or value.is_complex():
        where = "" if value.device.type == "cpu" else f", on the device {value.device.type}"
        return Unusable("odd-tensor", f"{shape} (dtype {kind}, {value.layout}{where})")
    if learned and value.dtype in (torch.bfloat16, torch.float16):
        return Unusable("low-precision", said)
    if gradients and value.numel() != 1:
        return Unusable("no-loss", said)
    if learned and not value.is_floating_point():
        return Unusable("no-floats", said)
    if learned and not gradients and not value.requires_grad:
        return Unusable("graph-cut", said, " and ".join(f"`{name}`" for name in learned))
    return None
