"""The grid: a regular, cell-centered sampling of a box."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.errors import InputError

Slices = tuple[slice, ...]


@dataclass(frozen=True)
class Grid:
    """n cells along each axis of a box; samples lie at the cells' centers.

    n samples on [-1, 1] lie at −1 + (2i + 1)/n, so that a grid refined by any whole factor covers the same box and
    lines up with this one.

    Args:
        box: what is sampled.
        shape: number of cells along each axis; at least 1.
        ticks: of each axis the places of its samples, rising, where they are not evenly spaced (pressure levels, Gaussian
            latitudes), or None; () for none. Cells then end halfway between them, and at the box's ends.
    """

    box: Box
    shape: tuple[int, ...]
    ticks: tuple[tuple[float, ...] | None, ...] = ()

    def __post_init__(self) -> None:
        if len(self.shape) != self.box.dim or any(n < 1 for n in self.shape):
            raise InputError(f"a grid on axes {self.box.axes} needs that many sizes, each at least 1; got {self.shape}")
        if not any(ticks is not None for ticks in self.ticks):
            object.__setattr__(self, "ticks", ())
        if self.ticks and len(self.ticks) != self.box.dim:
            raise InputError(f"a grid on axes {self.box.axes} needs ticks or None for each; got {len(self.ticks)} of them")
        for axis, ticks in enumerate(self.ticks):
            if ticks is not None and not self._fits(axis, ticks):
                raise InputError(
                    f"the {self.shape[axis]} ticks of axis {self.box.axes[axis]!r} must rise within its bounds; got {ticks[:9]}"
                )

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance between neighboring samples along each axis, in its unit."""
        return tuple(extent / n for extent, n in zip(self.box.extent, self.shape, strict=True))

    def axis_coords(
        self, axis: int, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
    ) -> Float[Tensor, "n"]:
        """Centers of the cells along one axis [n], in the box's units. Computed in float64 and rounded once."""
        low, high = self.box.bounds[axis]
        if self.ticks and self.ticks[axis] is not None:
            return torch.tensor(self.ticks[axis], dtype=torch.float64, device=device).to(dtype)
        index = torch.arange(self.shape[axis], dtype=torch.float64, device=device)
        return (low + (index + 0.5) * ((high - low) / self.shape[axis])).to(dtype)

    def points(self, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> Float[Tensor, "*shape d"]:
        """All centers [*shape, d], in the box's units."""
        axes = [self.axis_coords(axis, dtype=dtype, device=device) for axis in range(self.box.dim)]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)

    def part(self, slices: Slices) -> "Grid":
        """The grid of a block of cells, given as one step-less slice per axis; its points are the same coordinates."""
        shape, bounds, ticks = [], [], []
        for axis, (n, where) in enumerate(zip(self.shape, slices, strict=True)):
            start, stop, step = where.indices(n)
            if step != 1 or stop <= start:
                raise InputError(f"a part of a grid is a non-empty block without steps; got {where}")
            shape.append(stop - start)
            bounds.append((self._edge(axis, start), self._edge(axis, stop)))
            ticks.append(self.ticks[axis][start:stop] if self.ticks and self.ticks[axis] else None)  # type: ignore[index]
        whole = (new == old for new, old in zip(shape, self.shape, strict=True))
        periodic = tuple(wraps and kept for wraps, kept in zip(self.box.periodic, whole, strict=True))  # a part does not wrap
        return Grid(Box(self.box.axes, tuple(bounds), self.box.units, periodic, self.box.affine), tuple(shape), tuple(ticks))

    def crop(self, region: Mapping[str, tuple[float, float]]) -> "Grid":
        """The cells that overlap `region`, {axis: (low, high)} in the box's units.

        Raises:
            InputError: an unknown axis, or bounds outside the box.
        """
        cropped = self.box.crop(region)
        pairs = zip(self.box.bounds, cropped.bounds, strict=True)
        if any(low < own[0] or high > own[1] for own, (low, high) in pairs):
            raise InputError(f"the region {dict(region)} runs across the end of a periodic axis; cells are taken within the box")
        slices = []
        for axis, ((low, _), spacing, n) in enumerate(zip(self.box.bounds, self.spacing, self.shape, strict=True)):
            first, last = cropped.bounds[axis]
            if self.ticks and self.ticks[axis] is not None:
                inside = [k for k in range(n) if self._edge(axis, k + 1) > first and self._edge(axis, k) < last]
                slices.append(slice(inside[0], inside[-1] + 1))
                continue
            # 1e-9 of a cell: a bound written on a cell's edge must not take in its neighbor
            start = math.floor((first - low) / spacing + 1e-9)
            stop = math.ceil((last - low) / spacing - 1e-9)
            slices.append(slice(max(start, 0), min(max(stop, start + 1), n)))
        return self.part(tuple(slices))

    def refine(self, scale: float) -> "Grid":
        """The same box with `scale` times the cells along each axis, rounded, at least one; scale < 1 coarsens."""
        if not (math.isfinite(scale) and scale > 0):
            raise InputError(f"scale is {scale}; expected a positive number")
        shape = tuple(max(1, round(n * scale)) for n in self.shape)
        return Grid(self.box, shape, tuple(self._refined(axis, n) for axis, n in enumerate(shape)) if self.ticks else ())

    def with_midpoints(self) -> "Grid":
        """The samples and the points halfway between them: 2n - 1 along each axis, at half the pitch, on a smaller box."""
        if self.ticks:
            raise InputError("a grid whose samples are not evenly spaced has no lattice of half the pitch")
        bounds = tuple(
            (low + spacing / 4, high - spacing / 4) if n > 1 else (low, high)
            for (low, high), spacing, n in zip(self.box.bounds, self.spacing, self.shape, strict=True)
        )
        inside = Box(self.box.axes, bounds, self.box.units, affine=self.box.affine)
        return Grid(inside, tuple(2 * n - 1 for n in self.shape))

    def _edge(self, axis: int, index: int) -> float:
        """Where cell `index` of an axis begins."""
        low, high = self.box.bounds[axis]
        ticks = self.ticks[axis] if self.ticks else None
        if ticks is None:
            return low + index * self.spacing[axis]
        return low if index == 0 else high if index == len(ticks) else (ticks[index - 1] + ticks[index]) / 2

    def _refined(self, axis: int, n: int) -> tuple[float, ...] | None:
        """The axis's ticks for n cells: as they are for as many, else in proportion within the cells."""
        if self.ticks[axis] is None or n == self.shape[axis]:
            return self.ticks[axis]
        places = [(k + 0.5) * self.shape[axis] / n for k in range(n)]
        cells = [min(int(place), self.shape[axis] - 1) for place in places]
        ends = [(self._edge(axis, cell), self._edge(axis, cell + 1)) for cell in cells]
        return tuple(low + (place - cell) * (high - low) for place, cell, (low, high) in zip(places, cells, ends, strict=True))

    def _fits(self, axis: int, ticks: tuple[float, ...]) -> bool:
        low, high = self.box.bounds[axis]
        rises = all(first < second for first, second in itertools.pairwise(ticks))
        return len(ticks) == self.shape[axis] and rises and low <= ticks[0] and ticks[-1] <= high

    def chunks(self, max_points: int) -> Iterator[tuple[Slices, "Grid"]]:
        """Blocks of at most `max_points` cells that tile the grid, in row-major order, with their slices.

        Blocks are whole along the last axes where they fit, so that writing them in turn streams an array.
        """
        block = _block_shape(self.shape, max(1, max_points))
        counts = [math.ceil(n / b) for n, b in zip(self.shape, block, strict=True)]
        for flat in range(math.prod(counts)):
            slices: list[slice] = []
            for axis in reversed(range(len(counts))):
                flat, index = divmod(flat, counts[axis])
                slices.append(slice(index * block[axis], min((index + 1) * block[axis], self.shape[axis])))
            where = tuple(reversed(slices))
            yield where, self.part(where)


def _block_shape(shape: tuple[int, ...], max_points: int) -> tuple[int, ...]:
    block: list[int] = []
    left = max_points
    for n in reversed(shape):
        block.append(max(1, min(n, left)))
        left = left // n if block[-1] == n else 1
    return tuple(reversed(block))
