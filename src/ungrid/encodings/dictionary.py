"""Dictionary fields: a coarse grid of coefficients times patterns that repeat over the box."""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.encodings.base import Encoding
from ungrid.encodings.interpolation import KERNELS, interpolate_points
from ungrid.encodings.limits import MAX_FEATURES_PER_LEVEL, MAX_GRID_DIM, MAX_LEVELS, check_count, check_number
from ungrid.errors import InputError
from ungrid.kernels.grid import encode
from ungrid.kernels.grid_native import dense_layout
from ungrid.kernels.native_library import library
from ungrid.spec import lookup

MAX_RESOLUTION = 2**20
MAX_PERIODS = 1e6
LINEAR = KERNELS["linear"]


def sawtooth(periods: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
    """2 (u - ⌊u⌋) - 1: from -1 to 1 in every period, then back with a jump."""
    return 2 * (periods - periods.detach().floor()) - 1


def triangle(periods: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
    """The sawtooth with every other period mirrored: from -1 to 1 and back, without a jump."""
    half = periods / 2
    return 1 - 2 * (2 * (half - half.detach().floor()) - 1).abs()


Mapping = Callable[[Tensor], Tensor]
MAPPINGS: dict[str, tuple[Mapping, float]] = {"sawtooth": (sawtooth, -1.0), "triangle": (triangle, 0.0)}  # and smoothness


class FactorGrid(Encoding):
    """Dictionary field: γ(x) = c(x) ⊙ [b₁(γ₁(x)), b₂(γ₂(x)), …], coefficients c on a grid over the box, basis grids bᵢ on one
    period of the repeating coordinate γᵢ, both learned.

    Patterns that recur are stored once, and the coefficients say where they are seen: texture for fewer parameters than a grid
    of its resolution. Wants a small MLP behind it.

    Args:
        in_dim: d, length of a coordinate, 1 to 4.
        coefficient_resolution: nodes of c along each axis, at least 2 each.
        basis_resolutions: nodes of each bᵢ, the same along all axes; at least 2.
        basis_dims: features of each bᵢ.
        periods: of each γᵢ, how often it repeats across the box along each axis; above 0. With as many samples in a period as
            bᵢ has nodes, as the authors fit pictures, the basis has the signal's resolution.
        mapping: γᵢ within the periods: "sawtooth", which the paper takes throughout and which jumps where a period ends, or
            "triangle", every other period mirrored, continuous.
        coefficient_start: value of all coefficients at first; the authors' for pictures is 0.001.

    Shape: coords [*, d] in [-1, 1] → features [*, Σ basis_dims]. Outside, coefficients are those of the nearest point of the
        box, and the patterns go on. `coefficients` is [*nodes, Σ basis_dims], `bases[i]` [*nodes, basis_dims[i]].
    Raises: InputError: an argument out of range, or lists of unequal lengths. UnknownName: no such mapping.
    Differs from the paper: grids are interpolated linearly where its picture setting takes the nearest node, so that "triangle"
        is continuous; `smoothness` of "sawtooth" is -1, which stands for jumps. Bases start as its cosines do, without a seed.
    """

    paper = "chen2023factor"

    def __init__(
        self,
        in_dim: int,
        coefficient_resolution: tuple[int, ...],
        basis_resolutions: tuple[int, ...],
        basis_dims: tuple[int, ...],
        periods: tuple[tuple[float, ...], ...],
        *,
        mapping: str = "sawtooth",
        coefficient_start: float = 0.001,
    ):
        super().__init__()
        check_count("in_dim", in_dim, 1, MAX_GRID_DIM)
        check_number("coefficient_start", coefficient_start, -1e9, 1e9)
        _check_lists(in_dim, coefficient_resolution, basis_resolutions, basis_dims, periods)
        self.map, self.smoothness = lookup(mapping, MAPPINGS, "mapping")
        self.in_dim, self.out_dim = in_dim, sum(basis_dims)
        self.coefficient_resolution, self.basis_resolutions = tuple(coefficient_resolution), tuple(basis_resolutions)
        self.basis_dims, self.periods = tuple(basis_dims), tuple(tuple(counts) for counts in periods)
        self.mapping, self.coefficient_start = mapping, coefficient_start
        nodes = (*coefficient_resolution, self.out_dim)
        self.coefficients = nn.Parameter(torch.ones(nodes).mul_(coefficient_start))
        sizes = zip(basis_resolutions, basis_dims, strict=True)
        self.bases = nn.ParameterList(nn.Parameter(cosine_patterns(n, in_dim, dim)) for n, dim in sizes)

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        return self._coefficients_at(coords) * self._patterns_at(coords)

    def width_sum(self) -> int:
        """Floats that one point needs: features of both factors, and without native kernels the corners of each."""
        if library() is not None and not self.coefficients.is_cuda:
            return 4 * self.out_dim
        corners: int = 2**self.in_dim
        return corners * (2 * self.out_dim + 2 * (1 + len(self.bases))) + 4 * self.out_dim

    def octaves(self) -> Float[Tensor, " features"]:
        """log₂ of the basis nodes across the box (their geometric mean over the axes), above the coarsest basis."""
        pairs = zip(self.basis_resolutions, self.periods, strict=True)
        fineness = [math.log2(n) + sum(map(math.log2, counts)) / len(counts) for n, counts in pairs]
        octaves = [value - min(fineness) for value, dim in zip(fineness, self.basis_dims, strict=True) for _ in range(dim)]
        return self.coefficients.new_tensor(octaves)

    def _coefficients_at(self, coords: Tensor) -> Tensor:
        """c(x): its nodes are the centers of equal cells, and the outermost ones reach to the box's faces."""
        cells = self.coefficient_resolution
        stretch = coords.new_tensor([n / (n - 1) for n in cells])
        return _lookup(self.coefficients, (coords * stretch).clamp(-1, 1), [n - 1 for n in cells])

    def _patterns_at(self, coords: Tensor) -> Tensor:
        """[b₁(γ₁(x)), …]: each basis's outermost nodes lie at the two ends of its period."""
        unit = (coords + 1) / 2
        patterns = []
        for basis, n_nodes, counts in zip(self.bases, self.basis_resolutions, self.periods, strict=True):
            local = self.map(unit * coords.new_tensor(counts))
            patterns.append(_lookup(basis, local, [n_nodes - 1] * self.in_dim))
        return torch.cat(patterns, dim=-1)


def cosine_patterns(n_nodes: int, in_dim: int, n_patterns: int) -> Float[Tensor, "*nodes patterns"]:
    """Products over the axes of cosines cos(πjk / p), j = 0 … n_nodes - 1, k = 0 … p - 1, each pattern of unit norm.

    p = ⌊n_patterns^(1/d)⌋ + 1. Cosines but the first have their mean taken off. Of the p^d products `n_patterns` are taken,
    evenly spread, the first axis's k changing slowest: the authors' start of a basis.
    """
    p = int(n_patterns ** (1 / in_dim) + 1)
    j, k = torch.arange(n_nodes), torch.arange(p)[:, None]
    waves = torch.cos(j * k * (math.pi / p))
    waves = waves - waves.mean(dim=-1, keepdim=True) * (k > 0)
    chosen = _first_of_parts(p**in_dim, n_patterns)
    patterns = torch.ones([n_patterns] + [1] * in_dim)
    for axis in range(in_dim):
        along = [index // p ** (in_dim - 1 - axis) % p for index in chosen]
        shape = [n_patterns] + [n_nodes if other == axis else 1 for other in range(in_dim)]
        patterns = patterns * waves[along].reshape(shape)
    norm = patterns.flatten(1).norm(dim=1).reshape([n_patterns] + [1] * in_dim)
    return (patterns / torch.where(norm > 0, norm, 1.0)).movedim(0, -1).contiguous()


def _first_of_parts(count: int, n_parts: int) -> list[int]:
    """Where each of `n_parts` runs begins that `count` things are cut into, the longer runs first."""
    size, longer = divmod(count, n_parts)
    return [part * size + min(part, longer) for part in range(n_parts)]


def _lookup(table: Tensor, coords: Tensor, cells: Sequence[int]) -> Tensor:
    """A table of nodes [*nodes, F] interpolated linearly, its outermost nodes at -1 and 1."""

    def reference(coords: Tensor, tables: Sequence[Tensor]) -> Tensor:
        return interpolate_points(tables[0], coords, cells, LINEAR)

    return encode(coords, [table], dense_layout((tuple(cells),), table.shape[-1], "linear"), reference)


def _check_lists(
    in_dim: int,
    coefficient_resolution: tuple[int, ...],
    basis_resolutions: tuple[int, ...],
    basis_dims: tuple[int, ...],
    periods: tuple[tuple[float, ...], ...],
) -> None:
    """Raise InputError unless each list has an entry per axis, or per basis, in range."""
    n_bases = len(basis_resolutions)
    if not 1 <= n_bases <= MAX_LEVELS or len(basis_dims) != n_bases or len(periods) != n_bases:
        raise InputError(
            f"got {n_bases} basis_resolutions, {len(basis_dims)} basis_dims and {len(periods)} periods, expected as many of "
            f"each, 1 to {MAX_LEVELS}"
        )
    if len(coefficient_resolution) != in_dim or any(len(counts) != in_dim for counts in periods):
        raise InputError(f"coefficient_resolution and each of the periods need an entry along each of {in_dim} axes")
    for n_nodes in (*coefficient_resolution, *basis_resolutions):
        check_count("each entry of coefficient_resolution and basis_resolutions", n_nodes, 2, MAX_RESOLUTION)
    for dim in basis_dims:
        check_count("each entry of basis_dims", dim, 1, MAX_FEATURES_PER_LEVEL)
    for count in (count for counts in periods for count in counts):
        check_number("each entry of periods", count, 1e-6, MAX_PERIODS)
