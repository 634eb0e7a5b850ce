"""Batches that are grids, for fields that see a grid at once: blocks for convolutional ones, lattices for those split by axis."""

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid, Slices
from ungrid.domain.sampling import Batch, Tile
from ungrid.errors import InputError


class TileSampler:
    """Blocks of a signal's grid at random places, or lattices across all of it, or all of it at every step.

    Args:
        grid: where the values lie.
        values: [*grid.shape, c].
        known: [n] row-major indices of the samples that may be seen, or None for all.
        withheld: [m] indices that may be seen only after `give_back`, or None.
        is_spread: take every k-th cell along each axis, from a random one, in place of a block. Such a batch is a fair sample of
            the signal, where a block teaches one part at the cost of the others; convolutions need blocks.
    """

    def __init__(
        self,
        grid: Grid,
        values: Float[Tensor, "*shape c"],
        *,
        known: Int[Tensor, " n"] | None = None,
        withheld: Int[Tensor, " m"] | None = None,
        is_spread: bool = False,
    ):
        self.grid, self.values, self.withheld, self.is_spread = grid, values, withheld, is_spread
        self._seen = None if known is None else _mask(grid, known)
        self._given_back = False
        if self._seen is not None and not self._seen.any():
            raise InputError("nothing to fit: no observation is known")

    def __len__(self) -> int:
        return self.grid.size if self._seen is None else int(self._seen.sum())

    def sample(self, rng: torch.Generator, batch_size: int | None) -> Batch:
        """About `batch_size` cells, on sides as equal as the grid allows; the whole grid for None."""
        whole = tuple(slice(0, n) for n in self.grid.shape)
        if batch_size is None or batch_size >= self.grid.size:
            return self._batch(whole)
        shape = block_shape(self.grid.shape, batch_size)
        while True:
            where = (_lattice if self.is_spread else _block)(self.grid.shape, shape, rng)
            if self._seen is None or self._seen[where].any():
                return self._batch(where)

    def give_back(self) -> None:
        """Sample the withheld observations, too, from now on."""
        if self.withheld is not None and self._seen is not None and not self._given_back:
            self._seen = self._seen | _mask(self.grid, self.withheld).to(self._seen.device)
            self._given_back = True

    def state(self) -> dict[str, Any]:
        """Whether the withheld are given back: the generator holds the rest."""
        return {"given_back": self._given_back}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        if state["given_back"]:
            self.give_back()

    def to(self, device: torch.device) -> None:
        """Move the values to a device."""
        self.values = self.values.to(device)

    def _batch(self, where: tuple[slice, ...]) -> Batch:
        values = self.values[where].flatten(0, -2)
        if self._seen is None:
            return Batch(Tile(every(self.grid, where)), values)
        index = self._seen[where].flatten().nonzero().squeeze(-1)
        return Batch(Tile(every(self.grid, where), index), values[index.to(values.device)])


def every(grid: Grid, slices: Slices) -> Grid:
    """The grid of the cells that slices with steps take; its cells are as much larger, around the same centers."""
    if all(where.step in (None, 1) for where in slices):
        return grid.part(slices)
    bounds, shape = [], []
    for (low, _), n, spacing, where in zip(grid.box.bounds, grid.shape, grid.spacing, slices, strict=True):
        start, stop, step = where.indices(n)
        first = low + (start + 0.5 - step / 2) * spacing
        shape.append(len(range(start, stop, step)))
        bounds.append((first, first + shape[-1] * step * spacing))
    return Grid(Box(grid.box.axes, tuple(bounds), grid.box.units, affine=grid.box.affine), tuple(shape))


def block_shape(shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Sides of a block of about `size` cells: equal ones, but for axes that are shorter."""
    sides: dict[int, int] = {}
    left = size
    for done, axis in enumerate(sorted(range(len(shape)), key=lambda axis: shape[axis])):
        sides[axis] = max(1, min(shape[axis], round(left ** (1 / (len(shape) - done)))))
        left = max(1, math.ceil(left / sides[axis]))
    return tuple(sides[axis] for axis in range(len(shape)))


def _block(whole: tuple[int, ...], sides: tuple[int, ...], rng: torch.Generator) -> Slices:
    """A block at a random place."""
    # one that would reach over an edge is moved inside, so that edges are seen no less than the middle
    starts = [min(max(int(torch.randint(1 - t, n, (1,), generator=rng)), 0), n - t) for n, t in zip(whole, sides, strict=True)]
    return tuple(slice(start, start + t) for start, t in zip(starts, sides, strict=True))


def _lattice(whole: tuple[int, ...], sides: tuple[int, ...], rng: torch.Generator) -> Slices:
    """Every k-th cell along each axis, k such that about as many are taken as a block has, from a random one of the first k."""
    steps = [max(1, round(n / t)) for n, t in zip(whole, sides, strict=True)]
    return tuple(slice(int(torch.randint(k, (1,), generator=rng)), n, k) for n, k in zip(whole, steps, strict=True))


def _mask(grid: Grid, index: Tensor) -> Tensor:
    mask = torch.zeros(grid.size, dtype=torch.bool)
    mask[index] = True
    return mask.reshape(grid.shape)
