"""A box cut into equal tiles that overlap, with blending weights that sum to one and have two continuous derivatives."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid, Slices
from ungrid.errors import InputError

MOST_TILES = 2**22
LEAST_OVERLAP, MOST_OVERLAP = 1e-6, 0.5


@dataclass(frozen=True)
class Tiling:
    """Equal tiles of a box, each reaching a little into its neighbors.

    Places are counted in tiles: 0 at the box's lower bound, `counts` at its upper. Around a seam at place j, the tile below it
    fades out and the one above fades in, by w = 6t⁵ − 15t⁴ + 10t³ over `overlap` tiles to either side; everywhere else one tile
    has all the weight.

    Args:
        box: what is cut.
        counts: tiles along each axis, at least 1.
        overlap: how far a tile reaches into each neighbor, as a share of a tile, above 0 and at most a half; one for all axes, or
            one for each.

    Raises:
        InputError: counts or an overlap out of range.
    """

    box: Box
    counts: tuple[int, ...]
    overlap: float | tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.counts) != self.box.dim or any(not 1 <= n <= MOST_TILES for n in self.counts) or self.size > MOST_TILES:
            raise InputError(
                f"a tiling of axes {self.box.axes} has counts {self.counts}; expected that many, at least 1 each and at most "
                f"{MOST_TILES:,} tiles together"
            )
        if len(self.overlaps) != self.box.dim or not all(LEAST_OVERLAP <= share <= MOST_OVERLAP for share in self.overlaps):
            raise InputError(
                f"overlap is {self.overlap}; expected a share of a tile from {LEAST_OVERLAP} to {MOST_OVERLAP}, for all axes or "
                f"each"
            )

    @property
    def overlaps(self) -> tuple[float, ...]:
        """The overlap along each axis."""
        return self.overlap if isinstance(self.overlap, tuple) else (self.overlap,) * self.box.dim

    @property
    def size(self) -> int:
        """Number of tiles."""
        return math.prod(self.counts)

    def place(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """Coords in the units of the box, counted in tiles."""
        low = coords.new_tensor([low for low, _ in self.box.bounds])
        per_unit = [n / extent for n, extent in zip(self.counts, self.box.extent, strict=True)]
        return (coords - low) * coords.new_tensor(per_unit)

    def local(self, place: Float[Tensor, "*batch d"], index: tuple[int, ...]) -> Float[Tensor, "*batch d"]:
        """Places as coords of one tile: [-1, 1] over the tile and what it reaches into its neighbors."""
        return (place - place.new_tensor([i + 0.5 for i in index])) / place.new_tensor([0.5 + share for share in self.overlaps])

    def index(self, flat: int) -> tuple[int, ...]:
        """Position of a tile along each axis, from its row-major number."""
        return tuple(int(i) for i in torch.unravel_index(torch.tensor(flat), self.counts))

    def flat(self, index: tuple[int, ...]) -> int:
        """Row-major number of a tile from its position along each axis."""
        number = 0
        for n, i in zip(self.counts, index, strict=True):
            number = number * n + i
        return number

    def seams(self, place: Float[Tensor, "*batch d"]) -> tuple[Int[Tensor, "*batch d"], Float[Tensor, "*batch d"]]:
        """The tile below the nearest seam along each axis, and the weight of the one above it: 0 where there is no seam."""
        counts = torch.tensor(self.counts, device=place.device)
        seam = place.detach().round().clamp(min=torch.ones_like(counts), max=(counts - 1).clamp_min(1)).long()
        rising = fade((place - seam) / (2 * place.new_tensor(self.overlaps)) + 0.5)
        return seam - 1, torch.where(counts > 1, rising, torch.zeros_like(rising))

    def weight(self, place: Float[Tensor, "*batch d"], index: tuple[int, ...]) -> Float[Tensor, "*batch"]:
        """Weight of one tile at places: a product over the axes."""
        below, rising = self.seams(place)
        own = place.new_tensor(index)
        each = torch.where(below == own, 1 - rising, torch.where(below + 1 == own, rising, torch.zeros_like(rising)))
        return each.prod(dim=-1)

    def seen(self, place: Float[Tensor, "n d"]) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Each tile that has weight at some of the places: its row-major number, which ones [m], and its weight there [m].

        A tile may come several times, each time with other places.
        """
        below, rising = self.seams(place)
        strides = below.new_tensor([math.prod(self.counts[axis + 1 :]) for axis in range(self.box.dim)])
        for corner in itertools.product((0, 1), repeat=self.box.dim):
            sides = torch.tensor(corner, device=place.device)
            weight = torch.where(sides.bool(), rising, 1 - rising).prod(dim=-1)
            tiles = ((below + sides) * strides).sum(dim=-1)
            seen = (weight.detach() != 0).nonzero().squeeze(-1)
            order = tiles[seen].argsort(stable=True)
            numbers, sizes = tiles[seen[order]].unique_consecutive(return_counts=True)
            for flat, index in zip(numbers.tolist(), seen[order].split(sizes.tolist()), strict=True):
                yield flat, index, weight[index]

    def cell(self, grid: Grid, index: tuple[int, ...]) -> tuple[Grid, Slices]:
        """Samples of a grid that a tile is to be fitted to, those within its reach, as slices and as a grid of local coords.

        Raises:
            InputError: a tile without a sample.
        """
        slices = []
        for axis, i in enumerate(index):
            low, high = i - self.overlaps[axis], i + 1 + self.overlaps[axis]
            first, pitch = self._places(grid, axis)
            start, stop = math.ceil((low - first) / pitch - 1e-9), math.floor((high - first) / pitch + 1e-9) + 1
            slices.append(slice(max(0, start), min(grid.shape[axis], stop)))
        if any(where.stop <= where.start for where in slices):
            raise InputError(f"tile {index} of {self.counts} has no sample of a grid of {grid.shape}; take fewer tiles")
        return self.local_grid(grid.part(tuple(slices)), index), tuple(slices)

    def local_grid(self, grid: Grid, index: tuple[int, ...]) -> Grid:
        """A grid in the units of the box, or a part of one, with its bounds as coords of one tile."""
        bounds = []
        for (low, _), n, extent, (first, last), i, share in zip(
            self.box.bounds, self.counts, self.box.extent, grid.box.bounds, index, self.overlaps, strict=True
        ):
            ends = [((end - low) * (n / extent) - i - 0.5) / (0.5 + share) for end in (first, last)]
            bounds.append((ends[0], ends[1]))
        return Grid(local_box(self.box.axes, tuple(bounds)), grid.shape)

    def touched(self, grid: Grid) -> Iterator[tuple[tuple[int, ...], Slices, list[Tensor]]]:
        """Tiles that have weight on a grid: position, slices of the grid, and weight along each axis there [n] (float64)."""
        along = [self._touched_along(grid, axis) for axis in range(grid.box.dim)]
        for tile in itertools.product(*along):
            yield tuple(i for i, _, _ in tile), tuple(where for _, where, _ in tile), [weight for _, _, weight in tile]

    def _touched_along(self, grid: Grid, axis: int) -> list[tuple[int, slice, Tensor]]:
        first, pitch = self._places(grid, axis)
        place = first + torch.arange(grid.shape[axis], dtype=torch.float64) * pitch
        n, share = self.counts[axis], self.overlaps[axis]
        found = []
        for i in range(_bounded(place[0] - share, n), _bounded(place[-1] + share, n) + 1):
            start = 0 if i == 0 else math.floor((i - share - first) / pitch) + 1
            stop = len(place) if i == n - 1 else math.ceil((i + 1 + share - first) / pitch)
            where = slice(max(0, start), min(len(place), stop))
            if where.stop > where.start:
                found.append((i, where, self._weight_along(place[where], i, axis)))
        return found

    def _weight_along(self, place: Tensor, i: int, axis: int) -> Tensor:
        n, reach = self.counts[axis], 2 * self.overlaps[axis]
        rise = fade((place - i) / reach + 0.5) if i > 0 else torch.ones_like(place)
        fall = fade((place - i - 1) / reach + 0.5) if i < n - 1 else torch.zeros_like(place)
        return rise - fall  # never both within reach: the overlap is at most a half

    def _places(self, grid: Grid, axis: int) -> tuple[float, float]:
        """Place of a grid's first sample along an axis, and the distance between samples, in tiles."""
        per_unit = self.counts[axis] / self.box.extent[axis]
        low, pitch = grid.box.bounds[axis][0], grid.spacing[axis]
        return (low + pitch / 2 - self.box.bounds[axis][0]) * per_unit, pitch * per_unit


def local_box(axes: tuple[str, ...], bounds: tuple[tuple[float, float], ...] | None = None) -> Box:
    """The box of a tile, [-1, 1] along each axis, or a part of it."""
    return Box(axes, bounds or ((-1.0, 1.0),) * len(axes))


def fade(t: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """6t⁵ − 15t⁴ + 10t³ from 0 to 1, constant beyond: two continuous derivatives, and fade(t) + fade(1 − t) = 1."""
    t = t.clamp(0, 1)
    return t**3 * (t * (6 * t - 15) + 10)


def _bounded(place: Tensor, n: int) -> int:
    return min(max(math.floor(float(place)), 0), n - 1)
