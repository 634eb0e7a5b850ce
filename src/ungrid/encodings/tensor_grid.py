"""Tensor decompositions of a feature grid: sums of products of learned vectors (CP), or of vectors and matrices (VM)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.encodings.axis_grid import AxisGrid, normal
from ungrid.encodings.base import Encoding
from ungrid.encodings.dense_grid import check_resolutions
from ungrid.encodings.fusion import across, fuse, fuse_axes
from ungrid.encodings.interpolation import KERNELS, Kernel
from ungrid.encodings.limits import MAX_FEATURES_PER_LEVEL, MAX_GRID_DIM, check_count, check_number
from ungrid.spec import lookup

Axes = tuple[int, ...]

# axes → pairs of groups that are multiplied: TensoRF has the third row, the fourth is its extension by HexPlane (cao2023hexplane)
VM_GROUPS: dict[int, tuple[tuple[Axes, ...], ...]] = {
    1: (((0,),),),
    2: (((0,), (1,)),),
    3: (((0,), (1, 2)), ((1,), (0, 2)), ((2,), (0, 1))),
    4: (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))),
}


class TensorCP(Encoding):
    """Canonical polyadic decomposition: γᵣ(x) = Πₐ vᵃᵣ(xₐ), vᵃᵣ learned vectors that are interpolated, r = 1 … R.

    The smallest of the factored grids: R numbers for each cell along each axis. With one linear layer behind it, a dense grid of
    rank R. Detail that does not follow the axes takes many components.

    Args:
        in_dim: d, length of a coordinate, 1 to 4.
        resolution: cells along each axis.
        n_components: R, also the number of features. The paper has 96 for density and 288 for color.
        interpolation: "linear" (continuous), "smoothstep" (C¹) or "cubic" (uniform B-spline, C²).
        init_scale: nodes start as N(0, init_scale²); the default is the authors'.
        seed: of the initial nodes.

    Shape: coords [*, d] in [-1, 1] → features [*, R]. Outside, the value at the nearest point of the box. Nodes are those of
        `DenseGrid`.
    Raises: InputError: an argument out of range. UnknownName: no such interpolation.
    Differs from the paper: the resolution is fixed, where the authors refine it five times during the fit; the basis matrix is
        left to the network's first layer; and the authors have no cubic interpolation.
    """

    paper = "chen2022tensorf"
    is_separable = True

    def __init__(
        self,
        in_dim: int,
        resolution: tuple[int, ...],
        n_components: int = 96,
        *,
        interpolation: str = "linear",
        init_scale: float = 0.2,
        seed: int = 0,
    ):
        super().__init__()
        kernel = _checked(in_dim, resolution, n_components, interpolation, init_scale)
        self.in_dim, self.out_dim, self.resolution, self.n_components = in_dim, n_components, tuple(resolution), n_components
        self.interpolation, self.init_scale, self.seed, self.smoothness = interpolation, init_scale, seed, kernel.smoothness
        start = normal(init_scale, torch.Generator().manual_seed(seed))
        self.vectors = nn.ModuleList(
            AxisGrid((axis,), [self.resolution], n_components, interpolation=interpolation, kernel=kernel, start=start)
            for axis in range(in_dim)
        )

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        return fuse([vector(coords) for vector in self._vectors], "product")

    def on_axes(self, axis_coords: list[Float[Tensor, "_"]]) -> Float[Tensor, "*shape features"]:
        """Features on the grid of the given axis coordinates: each axis once, then products alone."""
        return fuse_axes([vector.on_axes(axis_coords) for vector in self._vectors], "product")

    def width_sum(self) -> int:
        """Floats that one point needs on its way, those of all vectors included."""
        return 2 * self.out_dim + sum(vector.width_sum() for vector in self._vectors)

    @property
    def _vectors(self) -> tuple[AxisGrid, ...]:
        return tuple(self.vectors)  # type: ignore[arg-type]


class TensorVM(Encoding):
    """Vector-matrix decomposition: γ(x) = [vᵃᵣ(xₐ) · Mᵃᵣ(the other axes) for each axis a and r = 1 … R], all learned.

    Between `TensorCP` and a dense grid: a matrix holds detail across its two axes that would take many vectors. On four axes both
    factors are matrices of two axes each, in three pairings, as in HexPlane. On two axes the matrix has one axis left and is a
    vector: it is then `TensorCP`, and on one axis a vector alone.

    Args:
        in_dim: d, length of a coordinate, 1 to 4.
        resolution: cells along each axis.
        n_components: R, of each pairing; there are three on three and four axes, else one. The paper has 16 for density and 48
            for color.
        interpolation: "linear" (continuous), "smoothstep" (C¹) or "cubic" (uniform B-spline, C²).
        init_scale: nodes start as N(0, init_scale²); the default is the authors'.
        seed: of the initial nodes.

    Shape: coords [*, d] in [-1, 1] → features [*, R · pairings], a pairing at a time. Outside, the value at the nearest point of
        the box. Nodes are those of `DenseGrid`.
    Raises: InputError: an argument out of range. UnknownName: no such interpolation.
    Differs from the paper: the resolution is fixed, where the authors refine it five times during the fit; the basis matrix is
        left to the network's first layer; and the authors have three axes and no cubic interpolation.
    """

    paper = "chen2022tensorf"
    is_separable = True

    def __init__(
        self,
        in_dim: int,
        resolution: tuple[int, ...],
        n_components: int = 48,
        *,
        interpolation: str = "linear",
        init_scale: float = 0.1,
        seed: int = 0,
    ):
        super().__init__()
        kernel = _checked(in_dim, resolution, n_components, interpolation, init_scale)
        self.groups = VM_GROUPS[in_dim]
        self.in_dim, self.out_dim = in_dim, n_components * len(self.groups)
        self.resolution, self.n_components = tuple(resolution), n_components
        self.interpolation, self.init_scale, self.seed, self.smoothness = interpolation, init_scale, seed, kernel.smoothness
        start = normal(init_scale, torch.Generator().manual_seed(seed))
        self.factors = nn.ModuleList(
            AxisGrid(axes, [self.resolution], n_components, interpolation=interpolation, kernel=kernel, start=start)
            for pairing in self.groups
            for axes in pairing
        )

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        return self._paired([factor(coords) for factor in self._factors])

    def on_axes(self, axis_coords: list[Float[Tensor, "_"]]) -> Float[Tensor, "*shape features"]:
        """Features on the grid of the given axis coordinates: each factor on its own axes, then products alone."""
        return self._paired([across(factor.on_axes(axis_coords), factor.axes, self.in_dim) for factor in self._factors])

    def width_sum(self) -> int:
        """Floats that one point needs on its way, those of all factors included."""
        return 2 * self.out_dim + sum(factor.width_sum() for factor in self._factors)

    @property
    def _factors(self) -> tuple[AxisGrid, ...]:
        return tuple(self.factors)  # type: ignore[arg-type]

    def _paired(self, parts: list[Tensor]) -> Tensor:
        n_factors = len(self.groups[0])
        pairings = [parts[first : first + n_factors] for first in range(0, len(parts), n_factors)]
        return torch.cat([fuse(pairing, "product") for pairing in pairings], dim=-1)


def _checked(in_dim: int, resolution: tuple[int, ...], n_components: int, interpolation: str, init_scale: float) -> Kernel:
    """The interpolation of this name, once all other arguments are in range."""
    check_count("in_dim", in_dim, 1, MAX_GRID_DIM)
    check_count("n_components", n_components, 1, MAX_FEATURES_PER_LEVEL)
    check_number("init_scale", init_scale, 0, 1e9)
    check_resolutions((resolution,), in_dim)
    kernel: Kernel = lookup(interpolation, KERNELS, "interpolation")
    return kernel
