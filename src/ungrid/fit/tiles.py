"""Batches that are blocks of a grid, for fields that see a grid at once: convolutional ones, and those that split by axis."""

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.domain.sampling import Batch, Tile
from ungrid.errors import InputError


class TileSampler:
    """Blocks of a signal's grid at random places, or all of it at every step.

    Args:
        grid: where the values lie.
        values: [*grid.shape, c].
        known: [n] row-major indices of the samples that may be seen, or None for all.
        withheld: [m] indices that may be seen only after `give_back`, or None.
    """

    def __init__(
        self,
        grid: Grid,
        values: Float[Tensor, "*shape c"],
        *,
        known: Int[Tensor, " n"] | None = None,
        withheld: Int[Tensor, " m"] | None = None,
    ):
        self.grid, self.values, self.withheld = grid, values, withheld
        self._seen = None if known is None else _mask(grid, known)
        self._given_back = False
        if self._seen is not None and not self._seen.any():
            raise InputError("nothing to fit: no observation is known")

    def __len__(self) -> int:
        return self.grid.size if self._seen is None else int(self._seen.sum())

    def sample(self, rng: torch.Generator, batch_size: int | None) -> Batch:
        """A block of about `batch_size` cells, as near to a cube as the grid allows; the whole grid for None."""
        whole = tuple(slice(0, n) for n in self.grid.shape)
        if batch_size is None or batch_size >= self.grid.size:
            return self._batch(whole)
        shape = block_shape(self.grid.shape, batch_size)
        while True:
            # a block that would reach over an edge is moved inside, so that edges are seen no less than the middle
            starts = [
                min(max(int(torch.randint(1 - t, n, (1,), generator=rng)), 0), n - t)
                for n, t in zip(self.grid.shape, shape, strict=True)
            ]
            where = tuple(slice(start, start + t) for start, t in zip(starts, shape, strict=True))
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
            return Batch(Tile(self.grid.part(where)), values)
        index = self._seen[where].flatten().nonzero().squeeze(-1)
        return Batch(Tile(self.grid.part(where), index), values[index.to(values.device)])


def block_shape(shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Sides of a block of about `size` cells: equal ones, but for axes that are shorter."""
    sides: dict[int, int] = {}
    left = size
    for done, axis in enumerate(sorted(range(len(shape)), key=lambda axis: shape[axis])):
        sides[axis] = max(1, min(shape[axis], round(left ** (1 / (len(shape) - done)))))
        left = max(1, math.ceil(left / sides[axis]))
    return tuple(sides[axis] for axis in range(len(shape)))


def _mask(grid: Grid, index: Tensor) -> Tensor:
    mask = torch.zeros(grid.size, dtype=torch.bool)
    mask[index] = True
    return mask.reshape(grid.shape)
