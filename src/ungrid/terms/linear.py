"""The data term of a linear sensor that sees the whole field at once."""

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import ShapeError
from ungrid.shapes import GridFieldLike


@runtime_checkable
class Sensor(Protocol):
    """A linear measurement on a grid, such as those of `measurements.linear`."""

    grid: Grid

    def A(self, values: Tensor, /) -> Tensor:
        """What is seen of values [*grid.shape, c]."""
        ...

    def A_adjoint(self, seen: Tensor, /) -> Tensor:
        """The adjoint."""
        ...

    def __call__(self, field: GridFieldLike, /) -> Tensor:
        """What is seen of a field."""
        ...


class LinearMisfit:
    """½ Σ weight · |A(field) − measured|² / n: squared error of everything that was measured, at every step.

    With a weight of 1 / variance it is the negative logarithm of a Gaussian likelihood, per number.

    Args:
        measurement: the sensor.
        measured: what it saw, of the shape that its `A` gives; n numbers, real or complex.
        weight: of each number, of the same shape or one that broadcasts, or one for all.
        name: in logs.

    Raises:
        ShapeError: what was measured does not have the shape of what the sensor sees; found at the first comparison.
    """

    is_quadratic = True

    def __init__(self, measurement: Sensor, measured: Tensor, *, weight: Tensor | float = 1.0, name: str = "misfit"):
        self.measurement, self.measured, self.name = measurement, measured, name
        self.weights = weight

    def weight(self, progress: float) -> float:
        """Always 1."""
        return 1.0

    def sample(self, rng: torch.Generator, field: Any, batch_size: int | None) -> None:
        """Nothing by chance: all that was measured counts at every step."""

    def __call__(self, field: GridFieldLike, batch: Any = None) -> Tensor:
        """The loss."""
        return self.of(self.measurement(field))

    def of(self, seen: Tensor) -> Tensor:
        """The loss of what is seen."""
        if seen.shape != self.measured.shape:
            raise ShapeError(f"the sensor sees a shape of {tuple(seen.shape)}, measured were {tuple(self.measured.shape)}")
        loss: Tensor = (self.weights * (seen - self.measured).abs().square()).sum() / (2 * self.measured.numel())
        return loss

    def normal(self, values: Tensor) -> Tensor:
        """AᵀW A · values."""
        return self.measurement.A_adjoint(self.weights * self.measurement.A(values))

    def right_side(self) -> Tensor:
        """AᵀW · measured."""
        return self.measurement.A_adjoint(self.weights * self.measured)
