"""Gradients of a grid encoding by its readable reference, to any order, and which of them are asked for."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

Reference = Callable[[Tensor, Sequence[Tensor]], Tensor]  # features of (coords, tables)
Gradients = tuple[Tensor | None, ...]


def _features(reference: Reference, coords: Tensor, *tables: Tensor) -> Gradients:
    return (reference(coords, tables),)


def gradients(reference: Reference, needs: Sequence[bool], grad: Tensor, *inputs: Tensor) -> Gradients:
    """Of coords and tables, the inputs, each where needed, given the gradient of the features."""
    return pull(partial(_features, reference), inputs, (grad,), needs)


def second_gradients(reference: Reference, needs: Sequence[bool], direction: Tensor, *inputs: Tensor) -> Gradients:
    """Of direction · (gradient of coords) by grad, coords and tables, the inputs, each where needed."""
    no_tables = (None,) * (len(inputs) - 2)
    slopes = partial(gradients, reference, [True, *map(bool, no_tables)])
    return pull(slopes, inputs, (direction, *no_tables), needs)


def pull(
    function: Callable[..., Gradients], inputs: Sequence[Tensor], grads: Sequence[Tensor | None], needs: Sequence[bool]
) -> Gradients:
    """Gradients of a function's inputs where needed, else None; they can be differentiated again where gradients are enabled."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        # other tensors of the same values: one input may depend on another, which is no matter of this function's
        inputs = [x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in inputs]
        outputs = function(*inputs)
        given = {output: grad for output, grad in zip(outputs, grads, strict=True) if output is not None and grad is not None}
        wanted = [x for x, need in zip(inputs, needs, strict=True) if need]
        if not given or not wanted:
            return (None,) * len(inputs)
        found = torch.autograd.grad(
            list(given), wanted, list(given.values()), create_graph=again, allow_unused=True, materialize_grads=True
        )
    results = iter(found)
    return tuple(next(results) if need else None for need in needs)


def needed(ctx: Any) -> list[bool]:
    """Of each tensor that a function took, whether its gradient is asked for by the call under way.

    `ctx.needs_input_grad` would say yes to tables where only the slopes by the coordinates are asked for.
    """
    return [node is not None and _will_run(node) for node, _ in ctx.next_functions]


def _will_run(node: Any) -> bool:
    try:
        return bool(torch._C._will_engine_execute_node(node))
    except RuntimeError:  # a leaf that `torch.autograd.grad` was asked for
        return True
