"""Simultaneous iterative reconstruction: gradient steps scaled by what each ray and each pixel take part in."""

from collections.abc import Callable

import torch
from torch import Tensor

from ungrid.measurements.linear import LinearMeasurement

NEVER = 1e-6  # of the largest sum: rays and pixels below it meet nothing


def sirt(
    measured: Tensor,
    sensor: LinearMeasurement,
    *,
    iterations: int = 100,
    weights: Tensor | float = 1.0,
    callback: Callable[[int, Tensor], bool | None] | None = None,
) -> Tensor:
    """x ← max(0, x + C Aᵀ R (y − A x)), R and C one over the sums of A's rows and columns (gilbert1972iterative), from 0.

    Each iteration brings out finer detail and more noise; when to stop is what its quality depends on.

    Args:
        measured: y, of the shape that `sensor.A` gives.
        sensor: of non-negative weights, such as `LineIntegral`.
        iterations: how many.
        weights: 0 for measurements to leave out, 1 for others.
        callback: told the number of each iteration and its x; True stops.
    """
    ones = torch.ones((*sensor.grid.shape, 1), dtype=measured.dtype)
    through = sensor.A(ones)
    rows = _inverse(through) * weights
    columns = _inverse(sensor.A_adjoint(torch.ones_like(measured) * weights))
    values = torch.zeros_like(ones)
    for iteration in range(iterations):
        values = (values + columns * sensor.A_adjoint(rows * (measured - sensor.A(values)))).clamp_min(0)
        if callback is not None and callback(iteration + 1, values):
            break
    return values


def _inverse(sums: Tensor) -> Tensor:
    return torch.where(sums > NEVER * sums.max(), 1 / sums.clamp_min(1e-30), 0.0)
