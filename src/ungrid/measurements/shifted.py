"""What the pixels of a shot gather that lies a fraction of a pixel off the scene's lattice."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.measurements.linear import LinearMeasurement


class ShiftedFootprint(LinearMeasurement):
    """Pixels [h, w, c], each the mean over its area of a scene that is even over each of its samples: exact at any shift.

    Args:
        grid: of the scene, of two axes.
        shape: rows and columns of the shot.
        factor: samples of the scene along each side of a pixel.
        corner: (y, x) of the shot's outer corner, in samples from the scene's.

    Shape: values [*grid.shape, c] of the scene → [*shape, c].
    Raises: InputError: a shot that reaches beyond the scene.
    """

    def __init__(self, grid: Grid, shape: tuple[int, int], factor: int, corner: tuple[float, float]):
        ends = [at + factor * n for at, n in zip(corner, shape, strict=True)]
        if min(corner) < -1e-9 or any(end > n + 1e-9 for end, n in zip(ends, grid.shape, strict=True)):
            raise InputError(f"a shot from {corner} to {tuple(ends)} lies outside of a scene of {grid.shape} samples")
        self.grid, self.shape, self.factor = grid, shape, factor
        self._first = tuple(
            min(max(0, math.floor(at)), n - factor * m) for at, n, m in zip(corner, grid.shape, shape, strict=True)
        )
        taps = []
        for at, first in zip(corner, self._first, strict=True):
            part = min(1.0, max(0.0, at - first))
            taps.append(torch.tensor([1 - part, *[1.0] * (factor - 1), part], dtype=torch.float64) / factor)
        self._kernel = torch.outer(*taps)[None, None]
        reach = [first + factor * n + 1 for first, n in zip(self._first, shape, strict=True)]
        self._missing = [max(0, end - n) for end, n in zip(reach, grid.shape, strict=True)]  # whose weight is 0

    def A(self, values: Float[Tensor, "y x c"], /) -> Float[Tensor, "h w c"]:
        """The pixels of a scene."""
        (y, x), (height, width) = self._first, self.shape
        wide = functional.pad(values.movedim(-1, 0)[:, None], (0, self._missing[1], 0, self._missing[0]))
        part = wide[..., y : y + self.factor * height + 1, x : x + self.factor * width + 1]
        return functional.conv2d(part, self._kernel.to(values), stride=self.factor)[:, 0].movedim(0, -1)

    def A_adjoint(self, seen: Float[Tensor, "h w c"], /) -> Float[Tensor, "y x c"]:
        """Each pixel spread over the samples that it gathered."""
        (y, x), (rows, columns) = self._first, self.grid.shape
        spread = functional.conv_transpose2d(seen.movedim(-1, 0)[:, None], self._kernel.to(seen), stride=self.factor)[:, 0]
        spread = spread[:, : rows - y, : columns - x]
        wide = functional.pad(spread, (x, columns - x - spread.shape[2], y, rows - y - spread.shape[1]))
        return wide.movedim(0, -1)
