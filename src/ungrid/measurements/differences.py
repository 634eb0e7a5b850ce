"""Differences of neighboring samples, where they are counted: a picture's gradients as a linear sensor."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import ShapeError
from ungrid.measurements.linear import LinearMeasurement


class Differences(LinearMeasurement):
    """Differences to the next sample along each axis, 0 where they are not counted and at the last.

    Args:
        grid: of the values.
        counted: [axes, *grid.shape] which differences count, by the sample they begin at; None for all.

    Shape: values [*grid.shape, c] → [axes, *grid.shape, c].
    Raises: ShapeError: counted of another shape.
    """

    def __init__(self, grid: Grid, counted: Bool[Tensor, "axes *shape"] | None = None):
        if counted is not None and tuple(counted.shape) != (len(grid.shape), *grid.shape):
            raise ShapeError(f"counted has shape {tuple(counted.shape)}; expected {(len(grid.shape), *grid.shape)}")
        self.grid, self.counted = grid, counted

    def A(self, values: Float[Tensor, "*shape c"], /) -> Float[Tensor, "axes *shape c"]:
        """The differences of values."""
        found = values.new_zeros(len(self.grid.shape), *values.shape)
        for axis, n in enumerate(self.grid.shape):
            found[axis].narrow(axis, 0, n - 1).copy_(values.diff(dim=axis))
        return self._kept(found)

    def A_adjoint(self, seen: Float[Tensor, "axes *shape c"], /) -> Float[Tensor, "*shape c"]:
        """Minus the divergence of differences."""
        found, seen = torch.zeros_like(seen[0]), self._kept(seen)
        for axis, n in enumerate(self.grid.shape):
            inside = seen[axis].narrow(axis, 0, n - 1)
            found.narrow(axis, 1, n - 1).add_(inside)
            found.narrow(axis, 0, n - 1).sub_(inside)
        return found

    def _kept(self, differences: Tensor) -> Tensor:
        return differences if self.counted is None else differences * self.counted[..., None].to(differences)
