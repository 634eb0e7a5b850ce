"""A learned grid over some of the axes: the vectors, planes and smaller volumes that factored encodings multiply."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.encodings.interpolation import Kernel, interpolate_axes, interpolate_points
from ungrid.kernels.grid import encode
from ungrid.kernels.grid_native import dense_layout
from ungrid.kernels.native_library import library

Start = Callable[[list[int]], Tensor]


class AxisGrid(nn.Module):
    """Features of a few axes' coordinates: those of `DenseGrid` on the axes, whatever the others are.

    Args:
        axes: which of a coordinate's entries are seen, rising.
        resolutions: cells along each of all axes, for each level.
        n_features: of each node.
        interpolation: name of the kernel, as layouts know it.
        kernel: how one axis is interpolated.
        start: shape [*nodes, n_features] → initial nodes of a level.
    """

    def __init__(
        self,
        axes: tuple[int, ...],
        resolutions: Sequence[Sequence[int]],
        n_features: int,
        *,
        interpolation: str,
        kernel: Kernel,
        start: Start,
    ):
        super().__init__()
        self.axes, self.kernel = axes, kernel
        self.resolutions = [[cells[axis] for axis in axes] for cells in resolutions]
        shapes = [[n + kernel.n_taps - 1 for n in cells] + [n_features] for cells in self.resolutions]
        self.levels = nn.ParameterList(nn.Parameter(start(shape)) for shape in shapes)
        self.layout = dense_layout(self.resolutions, n_features, interpolation)

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        """Features [*, levels · n_features] at coordinates of all axes."""
        return encode(torch.stack([coords[..., axis] for axis in self.axes], dim=-1), self.levels, self.layout, self._reference)

    def on_axes(self, axis_coords: Sequence[Float[Tensor, "_"]]) -> Float[Tensor, "*sizes features"]:
        """Features on the grid of this part's own axes, of which the coordinates of all are given."""
        own = [axis_coords[axis] for axis in self.axes]
        if library() is not None and own[0].dtype == torch.float32 and own[0].device.type == "cpu":
            points = torch.stack(torch.meshgrid(*own, indexing="ij"), dim=-1)
            return encode(points, self.levels, self.layout, self._reference)
        levels = zip(self.levels, self.resolutions, strict=True)
        return torch.cat([interpolate_axes(table, own, cells, self.kernel) for table, cells in levels], dim=-1)

    def width_sum(self) -> int:
        """Floats that one point needs: its features, and without native kernels its corners' features, rows and weights."""
        n_features: int = sum(table.shape[-1] for table in self.levels)
        if library() is not None and not self.levels[0].is_cuda:
            return 2 * n_features
        corners: int = self.kernel.n_taps ** len(self.axes)
        return corners * (n_features + 2 * len(self.levels))

    def _reference(self, coords: Tensor, tables: Sequence[Tensor]) -> Tensor:
        levels = zip(tables, self.resolutions, strict=True)
        return torch.cat([interpolate_points(table, coords, cells, self.kernel) for table, cells in levels], dim=-1)


def normal(scale: float, rng: torch.Generator) -> Start:
    """Nodes N(0, scale²)."""
    return lambda shape: torch.randn(shape, generator=rng).mul_(scale)


def uniform(low: float, high: float, rng: torch.Generator) -> Start:
    """Nodes uniform between two numbers."""
    return lambda shape: torch.rand(shape, generator=rng).mul_(high - low).add_(low)
