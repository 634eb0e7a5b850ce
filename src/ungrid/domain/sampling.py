"""Samples of what was observed: a batch of queries and answers, and what a sampler of batches does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.domain.grid import Grid


@dataclass(frozen=True, eq=False)
class Tile:
    """A block of a grid as one query, for fields that see a grid as a whole or axis by axis.

    Args:
        grid: the block.
        index: [n] row-major indices of the cells that were observed, or None for all of them.
    """

    grid: Grid
    index: Int[Tensor, " n"] | None = None

    def __len__(self) -> int:
        return self.grid.size if self.index is None else len(self.index)


@dataclass(frozen=True, eq=False)
class Batch:
    """Queries and what the sensor said to each.

    Args:
        query: where or how was measured: [n, q] points, rays, (angle, offset), frequencies; or a `Tile` of n observed cells.
        target: [n, *c] what was measured there.
        member: [n] which signal of a family, or None for a single signal.
        weight: [n, c] or [n, 1] what each number counts: errors are multiplied by it; 0 where nothing was observed. None for 1.
    """

    query: Float[Tensor, "n q"] | Tile
    target: Float[Tensor, "n *c"]
    member: Tensor | None = None
    weight: Float[Tensor, "n w"] | None = None

    def __len__(self) -> int:
        return len(self.query)

    def split(self, size: int | None) -> Iterator["Batch"]:
        """The batch in parts of at most `size` samples, in order; whole for None, and where it is a tile."""
        if size is None or len(self) <= size or isinstance(self.query, Tile):
            yield self
            return
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            member, weight = (None if each is None else each[part] for each in (self.member, self.weight))
            yield Batch(self.query[part], self.target[part], member, weight)


@runtime_checkable
class Sampler(Protocol):
    """Draws batches for one term, and can be stopped and continued."""

    def sample(self, rng: torch.Generator, batch_size: int | None) -> Batch:
        """The next batch, of about `batch_size` samples; all of them for None."""
        ...

    def state(self) -> dict[str, Any]:
        """A tree of plain values and tensors from which `restore` continues the same sequence of batches."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        ...

    def to(self, device: torch.device) -> None:
        """Move what is sampled to a device."""
        ...
