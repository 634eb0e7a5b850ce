"""A cubic spline on a regular grid that keeps fine nodes only where the signal is rich: for volumes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.encodings.bit_packing import pack, unpack
from ungrid.encodings.interpolation import KERNELS, interpolate_axes, interpolate_points
from ungrid.encodings.limits import MAX_FEATURES_PER_LEVEL, MAX_GRID_DIM, check_count, check_number
from ungrid.errors import InputError
from ungrid.fields.base import CACHE_POINTS, Field
from ungrid.fields.refinement import (
    Shape,
    block_shape,
    block_size,
    coarsen,
    level_shapes,
    mirrored,
    placed,
    refine,
    taken,
)
from ungrid.kernels.grid import encode, encode_axes
from ungrid.kernels.grid_native import dense_layout
from ungrid.kernels.native_library import library

MAX_NODES = 2**32  # of the finest level, most of which may be left out
MARGIN = 2  # nodes beyond the outermost samples that a point of the box sees
AXES_TIMES = 64  # points at once along the axes of a grid, in those at once anywhere: each chunk costs its own start


class RefinedSpline(Field):
    """values = offset + scale · Σₗ Σⱼ B(u / 2ˡ − j) θˡⱼ: cubic B-splines around the samples, on levels twice as coarse each.

    On the finest level there is a node at every sample, so the spline can pass through all of them; but on each level only
    those blocks of nodes are kept that matter. Where a volume is smooth or empty, a coarse level is enough. C² everywhere and
    linear in its parameters. Beyond the outermost samples it is mirrored.

    Args:
        box: where the field lives, of 1 to 4 axes.
        out_dim: channels, 1 to 64.
        shape: samples along each axis.
        n_blocks: kept blocks of each level, the finest first; all of the coarsest.
        value_scale: factor of each channel, or one for all.
        value_offset: added to each channel, or one for all.

    Shape: coords [*, d] in the units of the box → values [*, c]. Outside, the value at the nearest point of the box.
    Raises: InputError: sizes out of range, or that do not fit together.
    Differs from the paper: its refinements are rectangles; here they are blocks of 2ᵈ nodes, found by their coefficients.
    """

    paper = "forsey1988hierarchical"
    smoothness = 2.0

    def __init__(
        self,
        box: Box,
        out_dim: int,
        shape: tuple[int, ...],
        n_blocks: tuple[int, ...],
        *,
        value_scale: tuple[float, ...] = (1.0,),
        value_offset: tuple[float, ...] = (0.0,),
    ):
        super().__init__()
        check_count("out_dim", out_dim, 1, MAX_FEATURES_PER_LEVEL)
        check_count("the number of axes", box.dim, 1, MAX_GRID_DIM)
        _check_shape(box, shape)
        self.box, self.out_dim, self.shape, self.n_blocks = box, out_dim, tuple(shape), tuple(n_blocks)
        self.value_scale, self.value_offset = tuple(value_scale), tuple(value_offset)
        self.level_shapes = level_shapes(self.shape)
        _check_blocks(self.n_blocks, self.level_shapes)
        for name, given in (("value_scale", value_scale), ("value_offset", value_offset)):
            if len(given) not in (1, out_dim):
                raise InputError(f"{name} has {len(given)} entries; expected 1 or {out_dim}, one per channel")
            for number in given:
                check_number(f"each entry of {name}", number, -1e30, 1e30)
        size = block_size(box.dim)
        self.nodes = nn.ParameterList(nn.Parameter(torch.zeros(n * size, out_dim)) for n in self.n_blocks)
        for level, nodes in enumerate(self.level_shapes):
            count = math.prod(block_shape(nodes))
            first = torch.arange(count) < self.n_blocks[level]
            self.register_buffer(f"kept_{level}", pack(first.int(), 1))
        self.layout = dense_layout((self._cells,), out_dim, "cubic")
        self._made: dict[str, Any] = {}

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        n = coords.new_tensor(self.shape)
        inner = coords.clamp(-1, 1) * (n / (n + 1))  # the margin is one cell on a side, of which the box has half
        raw: Tensor = encode(inner, [self.table()], self.layout, self._reference)
        return self._scaled(raw)

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid, along its axes rather than point by point."""
        table = self.table()
        axes = []
        for axis, ((low, high), n) in enumerate(zip(self.box.bounds, self.shape, strict=True)):
            coords = grid.axis_coords(axis, dtype=torch.float64, device=table.device)
            inner = coords.sub_(low).mul_(2 / (high - low)).sub_(1).clamp_(-1, 1).mul_(n / (n + 1))
            axes.append(inner.to(table.dtype))
        return self._scaled(encode_axes(axes, [table], self.layout, lambda along: self._on_axes(table, along)))

    def table(self) -> Float[Tensor, "*nodes c"]:
        """All nodes of the finest level, of the whole sum, with those of the margin; made anew when a parameter has changed."""
        nodes = list(self.nodes)
        if nodes[0].is_meta or torch._C._are_functorch_transforms_active():
            return self._padded(self.expand(nodes))
        table: Tensor = _Table.apply(self, *nodes)
        return table

    def expand(self, nodes: Sequence[Tensor]) -> Float[Tensor, "*shape c"]:
        """The nodes of the finest level that stand for the kept nodes of all levels."""
        if nodes[0].is_meta:
            return nodes[0].new_empty(*self.shape, self.out_dim)
        kept = self.kept()
        whole = placed(nodes[-1], kept[-1], self.level_shapes[-1])
        for level in range(len(nodes) - 2, -1, -1):
            finer = refine(whole, self.level_shapes[level])
            whole = finer + placed(nodes[level], kept[level], self.level_shapes[level]) if len(nodes[level]) else finer
        return whole

    def collapse(self, slopes: Float[Tensor, "*shape c"]) -> list[Tensor]:
        """The transpose of `expand`: what a change of each kept node changes, from the same of the finest level's nodes."""
        found = []
        for level, kept in enumerate(self.kept()):
            found.append(taken(slopes, kept))
            if level + 1 < len(self.level_shapes):
                slopes = coarsen(slopes, self.level_shapes[level + 1])
        return found

    def kept(self) -> list[Bool[Tensor, "_"]]:
        """Of each level, which blocks are kept.

        Raises:
            InputError: not as many as there are nodes for, as only a damaged file has.
        """
        found = []
        for level, nodes in enumerate(self.level_shapes):
            bits = unpack(self.get_buffer(f"kept_{level}"), 1, math.prod(block_shape(nodes))).bool()
            if int(bits.sum()) != self.n_blocks[level]:
                raise InputError(f"level {level} keeps {int(bits.sum())} blocks and has nodes of {self.n_blocks[level]}")
            found.append(bits)
        return found

    @torch.no_grad()
    def keep(self, kept: Sequence[Bool[Tensor, "_"]]) -> None:
        """Say which blocks of each level are kept, as many as `n_blocks`."""
        for level, bits in enumerate(kept):
            self.get_buffer(f"kept_{level}").copy_(pack(bits.int(), 1))
        if not self.nodes[0].is_meta:
            self.kept()

    @property
    def most_points(self) -> int:
        """More than of other fields: grids are drawn along their axes."""
        return CACHE_POINTS * AXES_TIMES

    def width_sum(self) -> int:
        """Floats that one point needs."""
        corners: int = 4**self.in_dim
        return 2 * self.out_dim if library() is not None else corners * (self.out_dim + 2)

    @property
    def _cells(self) -> Shape:
        return tuple(n + 1 for n in self.shape)

    def _reference(self, coords: Tensor, tables: Sequence[Tensor]) -> Tensor:
        return interpolate_points(tables[0], coords, self._cells, KERNELS["cubic"])

    def _on_axes(self, table: Tensor, axis_coords: Sequence[Tensor]) -> Tensor:
        return interpolate_axes(table, axis_coords, self._cells, KERNELS["cubic"])

    def _padded(self, nodes: Tensor) -> Tensor:
        """With the nodes beyond the ends."""
        for axis, n in enumerate(self.shape):
            index = mirrored(torch.arange(-MARGIN, n + MARGIN, device=nodes.device), n)
            nodes = nodes.index_select(axis, index)
        return nodes

    def _scaled(self, raw: Tensor) -> Tensor:
        return torch.addcmul(raw.new_tensor(self.value_offset), raw, raw.new_tensor(self.value_scale))


class _Table(torch.autograd.Function):
    """The field's table, kept as long as its parameters stay as they are: points are asked for in many small chunks."""

    @staticmethod
    def forward(ctx: Any, field: RefinedSpline, *nodes: Tensor) -> Tensor:
        tensors = (*nodes, *field.buffers())
        # with a sum, since `.data` is written to without a new version
        sums = [float(tensor.sum(dtype=torch.float64)) for tensor in tensors]
        key = [(t.data_ptr(), t._version, t.dtype, t.device, total) for t, total in zip(tensors, sums, strict=True)]
        if field._made.get("key") != key:
            field._made.update(key=key, table=field._padded(field.expand(nodes)))
        ctx.field, ctx.like = field, nodes[0]
        table: Tensor = field._made["table"]
        return table.view_as(table)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        field = ctx.field
        with torch.enable_grad():
            whole = grad.new_zeros(*field.shape, field.out_dim).requires_grad_(True)
            (slopes,) = torch.autograd.grad(field._padded(whole), whole, grad)
        return None, *field.collapse(slopes)


def _check_shape(box: Box, shape: tuple[int, ...]) -> None:
    if not isinstance(shape, tuple | list) or len(shape) != box.dim:
        raise InputError(f"shape is {shape!r}, expected samples along each of the axes {box.axes}")
    for n in shape:
        check_count("each entry of shape", n, 1, 2**24)
    check_count("the product of shape", math.prod(shape), 1, MAX_NODES)


def _check_blocks(n_blocks: tuple[int, ...], shapes: Sequence[Shape]) -> None:
    most = [math.prod(block_shape(nodes)) for nodes in shapes]
    if len(n_blocks) != len(shapes):
        raise InputError(f"n_blocks has {len(n_blocks)} entries; a spline of this shape has {len(shapes)} levels")
    for level, (n, count) in enumerate(zip(n_blocks, most, strict=True)):
        check_count(f"n_blocks[{level}]", n, count if level + 1 == len(shapes) else 0, count)
