"""Multiresolution hash encoding: learned grids whose fine levels share their nodes' features through a hash table."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ungrid.encodings.base import Encoding
from ungrid.encodings.interpolation import KERNELS, over_corners, weighted_rows
from ungrid.encodings.limits import MAX_FEATURES_PER_LEVEL, MAX_GRID_DIM, MAX_LEVELS, check_count, check_number
from ungrid.errors import InputError
from ungrid.kernels.grid import encode
from ungrid.kernels.grid_native import hash_layout
from ungrid.kernels.native_library import library
from ungrid.spec import lookup

PRIMES = (1, 2654435761, 805459861, 3674653429)  # tiny-cuda-nn's coherent prime hash
UINT32 = 2**32 - 1
MAX_RESOLUTION = 2**30  # times a prime stays below 2⁶³, so int64 products are exact
TWO_TAP_KERNELS = {name: kernel for name, kernel in KERNELS.items() if kernel.n_taps == 2}


class HashGrid(Encoding):
    """Multiresolution hash encoding: at level l a grid of base_resolution · per_level_scaleˡ nodes per axis, each node a row
    of a table of at most 2^log2_hashmap_size rows, and features interpolated between the nodes.

    Gives much detail for little memory, since collisions cost little where most of space is empty or smooth. Wants a small MLP
    behind it and, in Adam, ε = 1e-15. Second derivatives need "smoothstep", and are not continuous even so.

    Args:
        in_dim: d, length of a coordinate, 1 to 4.
        n_levels: L, 1 to 64.
        n_features_per_level: F.
        log2_hashmap_size: T, 1 to 30; the paper used 14 to 24.
        base_resolution: nodes per axis of the coarsest level.
        per_level_scale: growth of the resolution per level, 1 or more; 2 is the default of tiny-cuda-nn's documentation.
            The paper sets it to (finest / base)^(1 / (L - 1)).
        interpolation: "linear" or "smoothstep".
        seed: of the initial table, uniform in ±1e-4.

    Shape: coords [*, d] in [-1, 1] → features [*, F · L], coarse first. Outside, the value at the nearest point of the box.
    Raises: InputError: an argument out of range. UnknownName: no such interpolation.
    Differs from the paper: as in its released code (tiny-cuda-nn), resolutions are ⌈base · scaleˡ - 1⌉ + 1 and positions are
        shifted by half a cell; a node past a dense level's last one is the start of the next row. Coordinates are mapped from
        [-1, 1] to the paper's [0, 1], and are not extrapolated. Level scales are computed in double precision.
    """

    paper = "mueller2022instant"

    def __init__(
        self,
        in_dim: int,
        n_levels: int = 16,
        n_features_per_level: int = 2,
        *,
        log2_hashmap_size: int = 19,
        base_resolution: int = 16,
        per_level_scale: float = 2.0,
        interpolation: str = "linear",
        seed: int = 0,
    ):
        super().__init__()
        check_count("in_dim", in_dim, 1, MAX_GRID_DIM)
        check_count("n_levels", n_levels, 1, MAX_LEVELS)
        check_count("n_features_per_level", n_features_per_level, 1, MAX_FEATURES_PER_LEVEL)
        check_count("log2_hashmap_size", log2_hashmap_size, 1, 30)
        check_count("base_resolution", base_resolution, 1, MAX_RESOLUTION)
        check_number("per_level_scale", per_level_scale, 1, 1e6)
        self.kernel = lookup(interpolation, TWO_TAP_KERNELS, "hash grid interpolation")
        self.in_dim, self.out_dim = in_dim, n_levels * n_features_per_level
        self.n_levels, self.n_features_per_level, self.seed = n_levels, n_features_per_level, seed
        self.log2_hashmap_size, self.base_resolution = log2_hashmap_size, base_resolution
        self.per_level_scale, self.interpolation = per_level_scale, interpolation
        scales = level_scales(n_levels, base_resolution, per_level_scale)
        self.lattices = [lattice(scale, in_dim, log2_hashmap_size) for scale in scales]
        rng = torch.Generator().manual_seed(seed)
        shapes = [(level.n_rows, n_features_per_level) for level in self.lattices]
        starts = (torch.rand(shape, generator=rng).mul_(2e-4).sub_(1e-4) for shape in shapes)
        self.levels = nn.ParameterList(nn.Parameter(start) for start in starts)
        self.smoothness = self.kernel.smoothness
        self.layout = hash_layout(self.lattices, PRIMES[:in_dim], n_features_per_level, interpolation)

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        return encode(coords, self.levels, self.layout, self.reference)

    def reference(self, coords: Float[Tensor, "*batch d"], tables: Sequence[Tensor]) -> Float[Tensor, "*batch features"]:
        """The features by plain operations, which the kernels agree with, from tables in place of `levels`."""
        unit = (coords.clamp(-1, 1) + 1) / 2
        features = []
        for table, level in zip(tables, self.lattices, strict=True):
            position = unit * level.scale + 0.5
            cell = position.detach().floor().long().clamp(0, level.resolution)  # on integers: NaN too finds a row
            corner_weights = over_corners(torch.mul, self.kernel.weights(position - cell).unbind(-2))
            features.append(weighted_rows(table, level.corner_rows(cell), corner_weights))
        return torch.cat(features, dim=-1)

    def width_sum(self) -> int:
        """Floats that one point needs: its features, and without native kernels its corners' features, rows and weights."""
        if library() is not None and not self.levels[0].is_cuda:
            return 2 * self.out_dim
        corners: int = 2**self.in_dim
        return corners * (self.out_dim + 2 * len(self.levels))

    def octaves(self) -> Float[Tensor, " features"]:
        """l · log₂(per_level_scale) of each feature's level l."""
        levels: Tensor = self.levels[0].new_tensor([float(level) for level in range(self.n_levels)])
        return (levels * math.log2(self.per_level_scale)).repeat_interleave(self.n_features_per_level)


class Lattice(NamedTuple):
    """One level's nodes: x in [0, 1] lies at scale · x + 0.5; `resolution` nodes per axis share `n_rows` rows."""

    scale: float
    resolution: int
    n_rows: int
    is_hashed: bool

    def corner_rows(self, cell: Int[Tensor, "*batch d"]) -> Int[Tensor, "*batch corners"]:
        """Rows of the 2^d corners of each cell, the first axis's corner changing slowest.

        A node's row is Σ nodeₐ · resolutionᵃ where the level fits its table, else the exclusive or ⊕ nodeₐ · primeₐ mod 2³²;
        both modulo the number of rows.
        """
        factors = PRIMES if self.is_hashed else [self.resolution**axis for axis in range(cell.shape[-1])]
        join = torch.bitwise_xor if self.is_hashed else torch.add
        nodes = (cell[..., None] + torch.arange(2, device=cell.device)).unbind(-2)
        terms = [node * factor for node, factor in zip(nodes, factors, strict=False)]
        return (over_corners(join, terms) & UINT32) % self.n_rows


def level_scales(n_levels: int, base_resolution: int, per_level_scale: float) -> list[float]:
    """base_resolution · per_level_scaleˡ - 1 of each level.

    Raises:
        InputError: a finest level beyond 2³⁰ nodes per axis.
    """
    finest = math.log2(base_resolution) + (n_levels - 1) * math.log2(per_level_scale)
    if finest > math.log2(MAX_RESOLUTION):
        raise InputError(
            f"the finest of {n_levels} levels has 2^{finest:.1f} nodes per axis, expected at most 2^30; "
            f"lower base_resolution ({base_resolution}) or per_level_scale ({per_level_scale})"
        )
    return [base_resolution * per_level_scale**level - 1 for level in range(n_levels)]


def lattice(scale: float, in_dim: int, log2_hashmap_size: int) -> Lattice:
    """The nodes of a level: dense, rounded up to a multiple of 8 rows, or hashed where that exceeds the table."""
    resolution = math.ceil(scale) + 1
    n_nodes = resolution**in_dim
    n_rows = min((n_nodes + 7) // 8 * 8, 2**log2_hashmap_size)
    return Lattice(scale, resolution, n_rows, is_hashed=n_nodes > n_rows)
