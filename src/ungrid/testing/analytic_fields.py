"""Fields whose values and derivatives are known in closed form: for tests of what is made of fields."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.fields.base import Field

MM_BOX = Box(("y", "x"), ((0.0, 4.0), (-1.0, 5.0)), ("mm", "mm"))


class WaveField(Field):
    """A plane wave in each channel, in float64: values_c = sin(k_c · x), x in the units of the box.

    Its derivatives are those of `toys.plane_wave`. `asked` has the grids that it was asked for.

    Args:
        wave_vectors: k of each channel, in radians per unit.
        box: where the field lives.
    """

    def __init__(self, wave_vectors: tuple[tuple[float, ...], ...], box: Box = MM_BOX):
        super().__init__()
        self.box, self.wave_vectors, self.out_dim = box, wave_vectors, len(wave_vectors)
        self.vectors = nn.Parameter(torch.tensor(wave_vectors, dtype=torch.float64))
        self.asked: list[Grid] = []

    def values_at(self, coords: Tensor, inputs: Mapping[str, Tensor] | None = None) -> Tensor:
        """Values at normalized coords."""
        return (self.box.denormalize(coords) @ self.vectors.T).sin()

    def on(self, grid: Grid) -> Tensor:
        """Values on a whole grid, which is noted."""
        self.asked.append(grid)
        return super().on(grid)


class LineField(Field):
    """An affine function, in float64: values = A x + b, x in the units of the box.

    Args:
        matrix: A, a row for each channel.
        shift: b.
        box: where the field lives.
    """

    def __init__(self, matrix: tuple[tuple[float, ...], ...], shift: tuple[float, ...], box: Box = MM_BOX):
        super().__init__()
        self.box, self.matrix, self.shift, self.out_dim = box, matrix, shift, len(matrix)
        self.slopes = nn.Parameter(torch.tensor(matrix, dtype=torch.float64))
        self.start = nn.Parameter(torch.tensor(shift, dtype=torch.float64))

    def values_at(self, coords: Tensor, inputs: Mapping[str, Tensor] | None = None) -> Tensor:
        """Values at normalized coords."""
        return self.box.denormalize(coords) @ self.slopes.T + self.start


def places(n: int = 6, box: Box = MM_BOX) -> Tensor:
    """Coords [n, d] in a box, in float64, the same ones each time."""
    unit = 2 * torch.rand(n, box.dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    return box.denormalize(unit)
