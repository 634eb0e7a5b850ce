"""Conjugate gradients as an optimizer: for a loss that is quadratic in the parameters and the same at every step."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


class ConjugateGradients(torch.optim.Optimizer):
    """Preconditioned conjugate gradients with an exact step, two gradients a step (hestenes1952conjugate).

    The length of a step follows from how much the gradient changes along it, which is exact for a quadratic loss; on any other
    loss take another optimizer. A parameter that knows its `curvature`, the diagonal of the Hessian, is scaled by it. When
    the loss has changed from one step to the next, the directions begin anew.

    Args:
        parameters: to be fitted.
        learning_rate: share of the exact step that is taken, above 0; directions are conjugate with 1 alone.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float = 1.0):
        super().__init__(parameters, {"lr": learning_rate, "slope": 0.0, "expected": None})

    @torch.no_grad()
    def step(self, closure: Callable[[], float]) -> float:  # type: ignore[override]
        """One step along the next direction."""
        loss = self._evaluated(closure)
        (group,) = self.param_groups
        parameters = [p for p in group["params"] if p.grad is not None]
        slopes = [p.grad.clone() for p in parameters]
        steepest = [
            -slope / p.curvature if hasattr(p, "curvature") else -slope for p, slope in zip(parameters, slopes, strict=True)
        ]
        size = -_dot(slopes, steepest)
        if not size > 0:
            return loss
        is_same = group["expected"] is not None and abs(loss - group["expected"]) <= 1e-3 * abs(loss) + 1e-9
        factor = size / group["slope"] if is_same and group["slope"] > 0 else 0.0
        along = []
        for p, down in zip(parameters, steepest, strict=True):
            before = self.state[p].get("direction")
            along.append(down if before is None or factor == 0 else down.add_(before, alpha=factor))
        if (fall := -_dot(slopes, along)) <= 0:  # rounding has used the directions up
            along, fall = steepest, size
        length = self._length(closure, parameters, slopes, along, fall)
        for p, direction in zip(parameters, along, strict=True):
            self.state[p]["direction"] = direction
        rate = group["lr"]
        group["slope"], group["expected"] = size, loss - length * fall * rate * (1 - rate / 2)
        return loss

    def _length(
        self, closure: Callable[[], float], parameters: list[Any], slopes: list[Tensor], along: list[Tensor], fall: float
    ) -> float:
        """Take the step, and say how long it is in directions."""
        for p, direction in zip(parameters, along, strict=True):
            p.add_(direction)
        self._evaluated(closure)
        curved = _dot(along, [p.grad - slope for p, slope in zip(parameters, slopes, strict=True)])
        length = fall / curved if curved > 0 else 0.0
        for p, direction in zip(parameters, along, strict=True):
            p.add_(direction, alpha=self.param_groups[0]["lr"] * length - 1)
        return length

    @staticmethod
    def _evaluated(closure: Callable[[], float]) -> float:
        with torch.enable_grad():
            return float(closure())


def _dot(first: list[Tensor], second: list[Tensor]) -> float:
    return sum(float(torch.sum(a * b, dtype=torch.float64)) for a, b in zip(first, second, strict=True))
