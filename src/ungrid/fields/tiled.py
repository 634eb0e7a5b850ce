"""One field out of many: equal local fields over the tiles of a box, blended where they meet, above a coarse one of the whole."""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.domain.tiling import Tiling, local_box
from ungrid.errors import FormatError, InputError
from ungrid.fields.base import CoordsLike, Field
from ungrid.fields.composite import CompositeField, check_parts
from ungrid.shapes import Values


class TiledField(CompositeField):
    """values = coarse + Σₖ wₖ · tileₖ(coords of tile k), Σₖ wₖ = 1: for signals too large for one field, or for memory.

    All tiles are alike: `tile` holds each of its tensors once for every tile, stacked along a new first axis in the row-major
    order of the tiles. Coords become those of a tile, [-1, 1] over it and its reach, in float64 before they are rounded, so that
    float32 is as precise in an hour of sound as in a second; numbers in lists or arrays stay float64 until then. A whole grid,
    or a part of one, asks only the tiles that it touches, one after another. The weights' two continuous derivatives make the
    whole as smooth as its tiles, at most C².

    A field from a file reads a tile's numbers when it is asked for: opening it costs as much as its header and coarse field, and
    a part of a picture costs the bytes of its tiles. `.float()` reads them all, and `.train()` does where the file keeps halves.

    Level of detail: where the samples of a drawing lie at least as far apart as those of `coarse_shape`, along every axis, the
    coarse field is drawn alone, `seen_from(grid)`.

    Args:
        box: where the whole lives.
        tile: one tile, in a box of [-1, 1] along each axis. It is taken over: all tiles start as it is.
        counts: tiles along each axis.
        overlap: how far a tile reaches into each neighbor, as a share of a tile; above 0, at most a half; for all axes or each.
        coarse: a field of at least the whole box, in its units, or None. It is taken over and frozen.
        coarse_shape: samples along each axis of its own box that the coarse field was fitted to; none without one.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: fields that do not go together, counts or an overlap out of range.
    """

    mapped_parts = ("tile",)  # whose tensors a file reader leaves in the file
    is_mapped = False  # whether it did: then numbers are checked when they are read

    def __init__(
        self,
        box: Box,
        tile: Field,
        counts: tuple[int, ...],
        overlap: float | tuple[float, ...],
        coarse: Field | None = None,
        coarse_shape: tuple[int, ...] = (),
    ):
        super().__init__()
        self.tiling = Tiling(box, tuple(counts), overlap)
        check_parts((tile,) if coarse is None else (tile, coarse))
        if tile.box != local_box(box.axes):
            raise InputError(f"a tile lives in a box of [-1, 1] along axes {box.axes}; got {tile.box}")
        if any(True for part in tile.modules() if isinstance(part, TiledField)):
            raise InputError("the tiles of a tiled field are tiled themselves; take more tiles instead")
        self.box, self.counts, self.overlap, self.out_dim = box, tuple(counts), overlap, tile.out_dim
        self.coarse, self.coarse_shape = coarse, tuple(coarse_shape)
        if coarse is None and coarse_shape:
            raise InputError(f"coarse_shape is {coarse_shape} and there is no coarse field; leave it out")
        if coarse is not None:
            self._check_coarse(coarse)
            coarse.eval().requires_grad_(False)
        _stack(tile, self.tiling.size)
        self.tile = tile

    def _check_coarse(self, coarse: Field) -> None:
        holds = all(low <= a and b <= high for (low, high), (a, b) in zip(coarse.box.bounds, self.box.bounds, strict=False))
        if coarse.box.axes != self.box.axes or coarse.box.units != self.box.units or not holds:
            raise InputError(f"the coarse field lives in {coarse.box}, which does not hold {self.box}")
        if coarse.out_dim != self.out_dim:
            raise InputError(f"the coarse field has {coarse.out_dim} channels, the tiles {self.out_dim}; expected as many")
        if len(self.coarse_shape) != self.box.dim or any(n < 1 for n in self.coarse_shape):
            raise InputError(f"coarse_shape is {self.coarse_shape}; expected samples along each of the axes {self.box.axes}")

    @property
    def parts(self) -> tuple[Field, ...]:
        """The tile, and the coarse field where there is one."""
        return (self.tile,) if self.coarse is None else (self.tile, self.coarse)

    @property
    def smoothness(self) -> float:
        """At most 2, that of the weights."""
        return min(2.0, super().smoothness)

    @property
    def dtype(self) -> torch.dtype:
        """Of coords and values: that of the tiles, float32 where a file keeps them as halves."""
        own = next(self.tile.parameters()).dtype
        return torch.float32 if own == torch.float16 else own

    @property
    def coords_dtype(self) -> torch.dtype:
        """float64 where the tiles take it, as those of sound do; else the field's own."""
        return torch.float64 if self.tile.coords_dtype == torch.float64 else self.dtype

    def train(self, mode: bool = True) -> "TiledField":
        """Enter or leave training mode; the coarse field stays as it is, and halves become floats that can be fitted."""
        self.training = mode
        self.tile.train(mode)
        if mode and next(self.tile.parameters()).dtype == torch.float16:
            self.tile.float()
        return self

    def forward(self, coords: CoordsLike, inputs: Mapping[str, Tensor] | None = None) -> Values:
        """Values [*, c] at coords [*, d] in the units of the box; lists and arrays are taken at their full precision."""
        if isinstance(coords, Tensor):
            coords = self.as_coords(coords)
        else:
            device = next(self.tile.parameters()).device
            coords = torch.as_tensor(coords, dtype=torch.float64, device=device)
            self.box.check_coords(coords)
        if inputs:
            raise InputError(f"this field takes no inputs beside coords; got {tuple(inputs)}")
        return self._at(coords.double())

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords, whose own precision counts: in float32 2²⁴ places along an axis."""
        return self._at(self.box.denormalize(coords.double()))

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid: each tile that it touches is asked for its part."""
        values = self._start(grid, lambda coarse: coarse.on(grid))
        for index, where, weights in self.tiling.touched(grid):
            own = self.numbers_of(self.tiling.flat(index))
            part = _ask(self.tile, own, "on", self.tiling.local_grid(grid.part(where), index))
            values[where] = values[where] + part * _outer(weights).to(part)
        return values

    @torch.no_grad()
    def sample(self, grid: Grid, *, max_memory: int | None = None) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid, without gradients, a tile at a time in chunks: each tile's numbers are read once."""
        values = self._start(grid, lambda coarse: coarse.sample(grid, max_memory=max_memory))
        for index, where, weights in self.tiling.touched(grid):
            own, weight = self.numbers_of(self.tiling.flat(index)), _outer(weights)
            here, place = grid.part(where), self.tiling.local_grid(grid.part(where), index)
            view = values[where]
            for chunk, _ in here.chunks(self.tile.chunk_points(max_memory)):
                part = _ask(self.tile, own, "on", place.part(chunk))
                view[chunk] += part * weight[chunk].to(part)
        return values

    def seen_from(self, grid: Grid) -> Field:
        """What a grid needs to be asked: the coarse field alone where the grid is no finer than its samples, else this field."""
        if self.coarse is None:
            return self
        pitch = Grid(self.coarse.box, self.coarse_shape).spacing
        if any(own > 1.001 * wanted for own, wanted in zip(pitch, grid.spacing, strict=True)):
            return self
        if self.record is not None:
            self.coarse.record = replace(self.record, shape=self.coarse_shape, metrics={})
        return self.coarse

    def numbers_of(self, flat: int) -> dict[str, Tensor]:
        """The tensors of one tile by name, in the field's dtype; from a file they are read here.

        Raises:
            FormatError: the file holds numbers that are not finite.
        """
        own = {}
        for name, stacked in itertools.chain(self.tile.named_parameters(), self.tile.named_buffers()):
            tensor = stacked[flat]
            if tensor.dtype == torch.float16:  # only a file's: a fitted field has none
                tensor = tensor.to(self.dtype)
            if self.is_mapped and tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise FormatError(f"tile {flat} holds values that are not finite in {name!r}")
            own[name] = tensor
        return own

    def _start(self, grid: Grid, ask: Callable[[Field], Tensor]) -> Tensor:
        """Values of the coarse field on a grid, or zeros."""
        if self.coarse is not None:
            return ask(self.coarse).to(self.dtype)
        return torch.zeros((*grid.shape, self.out_dim), dtype=self.dtype, device=next(self.tile.parameters()).device)

    def _at(self, coords: Tensor) -> Tensor:
        """Values at coords in the units of the box, in float64."""
        place = self.tiling.place(coords)
        if torch._C._are_functorch_transforms_active() or coords.is_meta:  # which cannot be asked where they are
            values = self._everywhere(place)
        else:
            values = self._where_seen(place.reshape(math.prod(place.shape[:-1]), place.shape[-1]))
            values = values.reshape(*place.shape[:-1], self.out_dim)
        if self.coarse is not None:
            values = values + self.coarse.values_at(self.coarse.box.normalize(coords).to(self.dtype))
        return values

    def _everywhere(self, place: Tensor) -> Tensor:
        """Values of the tiles at any places, all tiles at all of them."""
        total = place.new_zeros((*place.shape[:-1], self.out_dim), dtype=self.dtype)
        for flat in range(self.tiling.size):
            index = self.tiling.index(flat)
            values = _ask(self.tile, self.numbers_of(flat), "values_at", self.tiling.local(place, index).to(self.coords_dtype))
            total = total + self.tiling.weight(place, index)[..., None].to(self.dtype) * values
        return total

    def _where_seen(self, place: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values of the tiles at places, each tile at those where it has weight."""
        values = place.new_zeros((len(place), self.out_dim), dtype=self.dtype)
        for flat, seen, weight in self.tiling.seen(place):
            local = self.tiling.local(place[seen], self.tiling.index(flat)).to(self.coords_dtype)
            part = _ask(self.tile, self.numbers_of(flat), "values_at", local)
            values = values.index_add(0, seen, part * weight[:, None].to(part))
        return values


class _Asked(nn.Module):
    """A tile whose methods can be called with other tensors: `functional_call` knows `forward` alone."""

    def __init__(self, tile: Field):
        super().__init__()
        self.tile = tile

    def forward(self, what: str, query: Tensor | Grid) -> Tensor:
        answer: Tensor = getattr(self.tile, what)(query)
        return answer


def _ask(tile: Field, own: dict[str, Tensor], what: str, query: Tensor | Grid) -> Tensor:
    """What a method of the tile gives, with one tile's tensors in place of the stacks."""
    named = {f"tile.{name}": tensor for name, tensor in own.items()}
    answer: Tensor = torch.func.functional_call(_Asked(tile), named, (what, query))
    return answer


def _stack(tile: Field, n: int) -> None:
    """Replace every tensor of a field by n copies along a new first axis."""
    for part in tile.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                copies = parameter.detach().expand(n, *parameter.shape).clone()
                part._parameters[name] = nn.Parameter(copies, requires_grad=parameter.requires_grad)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = buffer.expand(n, *buffer.shape).clone()


def _outer(weights: list[Tensor]) -> Tensor:
    """Product of the weights along each axis [*shape, 1]."""
    product = torch.ones((), dtype=torch.float64)
    for weight in weights:
        product = product[..., None] * weight
    return product[..., None]
