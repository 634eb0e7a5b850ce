"""The field: coordinates in, values out. It is what is fitted, saved, queried and drawn."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.record import Recipe, Record
from ungrid.shapes import Coords, Values

CoordsLike = Coords | np.ndarray | Sequence[Any]
CACHE_POINTS = 16_384  # a chunk, at least: activations of a small network then stay in a core's cache
MOST_POINTS = 65_536  # a chunk of a field with few numbers a point; each chunk costs as much time as some thousand of its points
CHUNK_BYTES = 2**27  # of a chunk between the two, by the estimate below: on the most points wide layers take 1.7 times as long


class Field(nn.Module, ABC):
    """A function from coords [*, d] in the units of its box to values [*, c].

    A final class keeps each constructor argument under its own name (they are the saved spec) and defines `values_at`.
    Coordinates may be a tensor, which keeps its dtype and device, or numbers in lists or arrays, which become a tensor
    of the field's own. Beyond the box a field still answers, by extrapolation of no promise.

    `recipe` says how the field likes to be fitted; `record` what it was fitted to and how well. Both are None on a bare field.
    """

    paper: ClassVar[str | None] = None
    box: Box
    out_dim: int
    recipe: Recipe | None = None
    record: Record | None = None

    @abstractmethod
    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords, in [-1, 1] on the box; `inputs` holds what `input_names` lists."""

    def forward(self, coords: CoordsLike, inputs: Mapping[str, Tensor] | None = None) -> Values:
        """Values [*, c] at coords [*, d] in the units of the box.

        Args:
            coords: where to look.
            inputs: further inputs by name (directions, time, code …), each [*, …] like the coords.

        Raises:
            ShapeError: coords that do not end in d.
            InputError: coords of another dtype than the field's, or inputs other than `input_names`.
        """
        coords = self.as_coords(coords)
        if set(inputs or ()) != set(self.input_names):
            raise InputError(f"this field takes the inputs {self.input_names} beside coords; got {tuple(inputs or ())}")
        return self.values_at(self.box.normalize(coords), inputs)

    @property
    def in_dim(self) -> int:
        """d, the number of axes."""
        return self.box.dim

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs beside coords; none for a plain field."""
        return ()

    @property
    def outputs(self) -> dict[str, int]:
        """Name and number of channels of each output, in the order of the values' channels."""
        return {"values": self.out_dim}

    @property
    def coords_dtype(self) -> torch.dtype:
        """Of the coords that the field tells apart: its own; float64 for one that is asked along an axis of many samples."""
        return self.dtype

    @property
    def smoothness(self) -> float:
        """How often values are continuously differentiable by the coords: 0 for ReLU networks and linear grids, whose second
        derivatives are zero almost everywhere; 2 for cubic grids; infinity for sines."""
        return min((getattr(part, "smoothness", math.inf) for part in self.children()), default=math.inf)

    @property
    def n_params(self) -> int:
        """Number of fitted values."""
        return sum(p.numel() for p in self.parameters())

    @property
    def dtype(self) -> torch.dtype:
        """Of coords and values: that of the parameters."""
        return next(self.parameters(), torch.zeros(())).dtype

    @property
    def metrics(self) -> dict[str, Any]:
        """How good the field is: {"quality": {"psnr": …}, "heldout": {…}}; empty before a fit."""
        return self.record.metrics if self.record else {}

    def as_coords(self, coords: CoordsLike) -> Coords:
        """Coords checked against the box; lists and arrays become a tensor of the field's dtype and device."""
        if not isinstance(coords, Tensor):
            device = next(self.parameters(), torch.zeros(())).device
            coords = torch.as_tensor(np.asarray(coords, dtype=np.float64), dtype=self.coords_dtype, device=device)
        self.box.check_coords(coords)
        if coords.dtype == self.dtype:
            return coords.to(self.coords_dtype)  # no more than wider, hence exact
        if coords.dtype != self.coords_dtype:
            raise InputError(
                f"coords are {coords.dtype} but the field is {self.dtype}; convert one of them: coords.to({self.dtype}) "
                f"or field.to({coords.dtype})"
            )
        return coords

    def grid(self, scale: float = 1.0) -> Grid:
        """The grid of the signal that the field was fitted to, with `scale` times its samples along each axis.

        Raises:
            InputError: the field was not fitted to a sampled signal, so it has no grid of its own.
        """
        if self.record is None or not self.record.shape:
            raise InputError("this field was not fitted to a sampled signal: say where to look with Grid(field.box, shape)")
        ticks = self.record.source.get("ticks", {})
        own = tuple(tuple(ticks[axis]) if axis in ticks else None for axis in self.box.axes)
        return Grid(self.box, self.record.shape, own).refine(scale)

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid [*grid.shape, c], differentiable. Fields with structure do better than point by point."""
        own = next(self.parameters(), torch.zeros(()))
        values: Tensor = self(grid.points(dtype=own.dtype, device=own.device))
        return values

    @torch.no_grad()
    def sample(self, grid: Grid, *, max_memory: int | None = None) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid [*grid.shape, c], without gradients, evaluated in chunks.

        Args:
            grid: where to look, in this field's box or another one with the same axes.
            max_memory: bytes that the evaluation may take beyond the result; None for chunks that fit the cache.
        """
        own = next(self.parameters(), torch.zeros(()))
        values = torch.empty((*grid.shape, self.out_dim), dtype=own.dtype, device=own.device)
        for where, part in grid.chunks(self.chunk_points(max_memory)):
            values[where] = self.on(part)
        return values

    def seen_from(self, grid: Grid) -> "Field":
        """The field that is enough to draw a grid: this one, or a coarser one that a field of several levels has."""
        return self

    def chunk_points(self, max_memory: int | None = None) -> int:
        """Number of points to evaluate at once within `max_memory` bytes, at least 1."""
        most = self.most_points
        return most if max_memory is None else max(1, min(max_memory // self.bytes_per_point(), most))

    @property
    def most_points(self) -> int:
        """Number of points beyond which larger chunks are not faster: fewer for a field of many numbers a point."""
        return min(max(CACHE_POINTS, CHUNK_BYTES // self.bytes_per_point()), MOST_POINTS)

    def bytes_per_point(self) -> int:
        """Estimate of the bytes that evaluating one point takes: three copies of every float on its way, four bytes each."""
        return 4 * 3 * (self.width_sum() + 8 * self.in_dim + self.out_dim)

    def width_sum(self) -> int:
        """Floats that one point needs on its way through the field's parts: those of every part that counts its own."""
        counts = (getattr(part, "width_sum", None) for part in self.children())
        return sum(count() for count in counts if callable(count))
