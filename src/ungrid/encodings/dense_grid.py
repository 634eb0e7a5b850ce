"""Learned features on the nodes of regular grids, from coarse to fine, interpolated in between."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.encodings.base import Encoding
from ungrid.encodings.interpolation import KERNELS, interpolate_axes, interpolate_points
from ungrid.encodings.limits import MAX_FEATURES_PER_LEVEL, MAX_GRID_DIM, MAX_LEVELS, check_count, check_number
from ungrid.errors import InputError
from ungrid.kernels.grid import encode, encode_axes
from ungrid.kernels.grid_native import dense_layout
from ungrid.kernels.native_library import library
from ungrid.spec import lookup

MAX_RESOLUTION = 2**24  # cells per axis; a float32 coordinate tells no more apart


class DenseGrid(Encoding):
    """Features stored on grid nodes: γ(x) = [Σⱼ w(x - xⱼ) θˡⱼ for each level l], θ learned.

    Fast to fit and, with few parameters per cell, hard to beat in 1 to 3 dimensions. Linear in its parameters. Choose "cubic"
    where second derivatives count (they are continuous), "linear" for speed.

    Args:
        in_dim: d, length of a coordinate, 1 to 4.
        resolutions: cells along each axis, for each level, coarse first: ((16, 16), (64, 64)).
        n_features_per_level: F, features of each node.
        interpolation: "linear" (continuous), "smoothstep" (C¹) or "cubic" (uniform B-spline, C²).
        init_scale: nodes start uniform in ±init_scale; the default is instant-ngp's.
        seed: of the initial nodes.

    Shape: coords [*, d] in [-1, 1] → features [*, F · levels]. Outside, the value at the nearest point of the box.
        `levels[l]` is [*nodes, F] with nodes = cells + 1 per axis, node j at -1 + 2j / cells; for "cubic" cells + 3, node j at
        -1 + 2(j - 1) / cells.
    Raises: InputError: an argument out of range. UnknownName: no such interpolation.
    Differs from the paper: that of instant-ngp, whose dense grids put their nodes half a cell off the box's corners, grow by one
        factor on all axes, and have no C² interpolation.
    """

    paper = "mueller2022instant"

    def __init__(
        self,
        in_dim: int,
        resolutions: tuple[tuple[int, ...], ...],
        n_features_per_level: int = 2,
        *,
        interpolation: str = "linear",
        init_scale: float = 1e-4,
        seed: int = 0,
    ):
        super().__init__()
        check_count("in_dim", in_dim, 1, MAX_GRID_DIM)
        check_count("n_features_per_level", n_features_per_level, 1, MAX_FEATURES_PER_LEVEL)
        check_number("init_scale", init_scale, 0, 1e9)
        check_resolutions(resolutions, in_dim)
        self.kernel = lookup(interpolation, KERNELS, "interpolation")
        self.in_dim, self.out_dim = in_dim, n_features_per_level * len(resolutions)
        self.resolutions, self.n_features_per_level = tuple(tuple(cells) for cells in resolutions), n_features_per_level
        self.interpolation, self.init_scale, self.seed = interpolation, init_scale, seed
        self.smoothness = self.kernel.smoothness
        rng = torch.Generator().manual_seed(seed)
        shapes = [[n + self.kernel.n_taps - 1 for n in cells] + [n_features_per_level] for cells in self.resolutions]
        starts = (torch.rand(shape, generator=rng).mul_(2 * init_scale).sub_(init_scale) for shape in shapes)
        self.levels = nn.ParameterList(nn.Parameter(start) for start in starts)
        self.layout = dense_layout(self.resolutions, n_features_per_level, interpolation)

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        return encode(coords, self.levels, self.layout, self.reference)

    def reference(self, coords: Float[Tensor, "*batch d"], tables: Sequence[Tensor]) -> Float[Tensor, "*batch features"]:
        """The features by plain operations, which the kernels agree with, from tables in place of `levels`."""
        levels = zip(tables, self.resolutions, strict=True)
        return torch.cat([interpolate_points(table, coords, cells, self.kernel) for table, cells in levels], dim=-1)

    def on_axes(self, axis_coords: list[Float[Tensor, "_"]]) -> Float[Tensor, "*shape features"]:
        """Features on the grid of the given axis coordinates, equal to pointwise evaluation, one axis after another."""
        return encode_axes(axis_coords, self.levels, self.layout, self._on_axes_by_torch)

    def _on_axes_by_torch(self, axis_coords: Sequence[Tensor]) -> Tensor:
        """With gradients. Where a kernel serves points, it is faster at all points than PyTorch along the axes."""
        first = axis_coords[0]
        if library() is not None and first.dtype == torch.float32 and first.device.type == "cpu":
            return super().on_axes(list(axis_coords))
        levels = zip(self.levels, self.resolutions, strict=True)
        return torch.cat([interpolate_axes(table, axis_coords, cells, self.kernel) for table, cells in levels], dim=-1)

    def width_sum(self) -> int:
        """Floats that one point needs: its features, and without native kernels its corners' features, rows and weights."""
        if library() is not None and not self.levels[0].is_cuda:
            return 2 * self.out_dim
        corners: int = self.kernel.n_taps**self.in_dim
        return corners * (self.out_dim + 2 * len(self.levels))

    def octaves(self) -> Float[Tensor, " features"]:
        """log₂ of the level's cells per axis (their geometric mean), above the coarsest level."""
        levels = [sum(map(math.log2, cells)) / len(cells) for cells in self.resolutions]
        octaves: Tensor = self.levels[0].new_tensor([level - min(levels) for level in levels])
        return octaves.repeat_interleave(self.n_features_per_level)


def check_resolutions(resolutions: tuple[tuple[int, ...], ...], in_dim: int) -> None:
    """Raise InputError unless there are 1 to 64 levels of `in_dim` positive cell counts each."""
    if not 1 <= len(resolutions) <= MAX_LEVELS:
        raise InputError(f"resolutions has {len(resolutions)} levels, expected 1 to {MAX_LEVELS}")
    for level, cells in enumerate(resolutions):
        if not isinstance(cells, tuple | list) or len(cells) != in_dim:
            raise InputError(f"resolutions[{level}] is {cells!r}, expected cells along each of {in_dim} axes")
        for n_cells in cells:
            check_count(f"each entry of resolutions[{level}]", n_cells, 1, MAX_RESOLUTION)
