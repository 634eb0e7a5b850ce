"""Feature planes: learned grids over all pairs of axes, multiplied (K-planes) or added (tri-planes)."""

import itertools
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.encodings.axis_grid import AxisGrid, uniform
from ungrid.encodings.base import Encoding
from ungrid.encodings.dense_grid import check_resolutions
from ungrid.encodings.fusion import FUSIONS, across, fuse
from ungrid.encodings.interpolation import KERNELS
from ungrid.encodings.limits import MAX_FEATURES_PER_LEVEL, MAX_GRID_DIM, check_count, check_number
from ungrid.spec import lookup


class Planes(Encoding):
    """Features on all pairs of axes: γ(x) = [Π_{a<b} Pˡₐᵦ(xₐ, xᵦ) for each level l], Pˡₐᵦ learned on the plane of axes a and b.

    Memory grows with the square of the resolution, where a dense grid's grows with its power d. A product (K-planes) selects, as
    in "here and then"; a sum is the tri-plane (chan2022efficient), and leaves that to the network. On two axes there is a single
    plane, which is a dense grid; on one, a line.

    Args:
        in_dim: d, length of a coordinate, 1 to 4: there are d (d - 1) / 2 planes.
        resolutions: cells along each axis, for each level, coarse first. K-planes double those of space and keep that of time.
        n_features_per_level: of each node.
        fusion: of the planes, "product" or "sum".
        interpolation: "linear" (continuous), "smoothstep" (C¹) or "cubic" (uniform B-spline, C²).
        init_range: nodes start uniform between these two numbers. The default is K-planes'; for a sum take ±0.1.
        time_axis: planes that hold this axis start at 1, so that a product starts from what does not change in time; or None.
        seed: of the initial nodes.

    Shape: coords [*, d] in [-1, 1] → features [*, n_features_per_level · levels]. Outside, the value at the nearest point of
        the box. Nodes are those of `DenseGrid`.
    Raises: InputError: an argument out of range. UnknownName: no such fusion or interpolation.
    Differs from the paper: the authors' code sets planes of time to 1 on four axes only, and has no cubic interpolation. For
        tri-planes the paper says sum and its code takes the mean; their nodes come from another network, so the start is ours.
    """

    paper = "fridovichkeil2023kplanes"
    is_separable = True

    def __init__(
        self,
        in_dim: int,
        resolutions: tuple[tuple[int, ...], ...],
        n_features_per_level: int = 32,
        *,
        fusion: str = "product",
        interpolation: str = "linear",
        init_range: tuple[float, float] = (0.1, 0.5),
        time_axis: int | None = None,
        seed: int = 0,
    ):
        super().__init__()
        check_count("in_dim", in_dim, 1, MAX_GRID_DIM)
        check_count("n_features_per_level", n_features_per_level, 1, MAX_FEATURES_PER_LEVEL)
        check_resolutions(resolutions, in_dim)
        check_range(init_range)
        if time_axis is not None:
            check_count("time_axis", time_axis, 0, in_dim - 1)
        lookup(fusion, FUSIONS, "fusion")
        kernel = lookup(interpolation, KERNELS, "interpolation")
        self.in_dim, self.out_dim = in_dim, n_features_per_level * len(resolutions)
        self.resolutions, self.n_features_per_level = tuple(tuple(cells) for cells in resolutions), n_features_per_level
        self.fusion, self.interpolation, self.init_range = fusion, interpolation, (init_range[0], init_range[1])
        self.time_axis, self.seed, self.smoothness = time_axis, seed, kernel.smoothness
        start = uniform(self.init_range[0], self.init_range[1], torch.Generator().manual_seed(seed))
        self.planes = nn.ModuleList(
            AxisGrid(
                axes,
                self.resolutions,
                n_features_per_level,
                interpolation=interpolation,
                kernel=kernel,
                start=torch.ones if time_axis in axes and len(axes) > 1 else start,
            )
            for axes in itertools.combinations(range(in_dim), min(2, in_dim))
        )

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        return fuse([plane(coords) for plane in self._planes], self.fusion)

    def on_axes(self, axis_coords: list[Float[Tensor, "_"]]) -> Float[Tensor, "*shape features"]:
        """Features on the grid of the given axis coordinates: each plane on its own two axes, then products or sums alone."""
        parts = [across(plane.on_axes(axis_coords), plane.axes, self.in_dim) for plane in self._planes]
        return fuse(parts, self.fusion)

    def width_sum(self) -> int:
        """Floats that one point needs on its way, those of all planes included."""
        return 2 * self.out_dim + sum(plane.width_sum() for plane in self._planes)

    def octaves(self) -> Float[Tensor, " features"]:
        """log₂ of the level's cells per axis (their geometric mean), above the coarsest level."""
        levels = [sum(map(math.log2, cells)) / len(cells) for cells in self.resolutions]
        octaves: Tensor = self._planes[0].levels[0].new_tensor([level - min(levels) for level in levels])
        return octaves.repeat_interleave(self.n_features_per_level)

    @property
    def _planes(self) -> tuple[AxisGrid, ...]:
        return tuple(self.planes)  # type: ignore[arg-type]


def check_range(init_range: tuple[float, float]) -> None:
    """Raise InputError unless these are two numbers within ±10⁹, the second no smaller."""
    low, high = init_range
    check_number("the lower end of init_range", low, -1e9, 1e9)
    check_number("the upper end of init_range", high, low, 1e9)
