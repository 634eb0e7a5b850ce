"""Multiresolution grid encoding, differentiable any number of times: native code for the encoding and its first and second
derivatives, the readable reference beyond.

The reference is a function of (coords, tables) and is handed in, because kernels do not import encodings. It also serves
wherever native code cannot: other dtypes and devices, `torch.func` transforms, forward mode, compilation and tracing.
Without a library, `grid_sample` serves dense linear grids, and the reference all others.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ungrid.kernels.grid_native import Layout, read, read_axes, scatter
from ungrid.kernels.grid_reference import Gradients, Reference, gradients, needed, pull, second_gradients
from ungrid.kernels.grid_torch import sample_dense
from ungrid.kernels.native_library import library

MAX_TABLE_SIZE = 2**32  # native code counts a table's numbers in 32 bits


def encode(coords: Tensor, tables: Iterable[Tensor], layout: Layout, reference: Reference) -> Tensor:
    """Features of points: the levels' features, each interpolated between the rows of its table.

    Args:
        coords: outside [-1, 1] they count as the nearest point of the box.
        tables: one for each level, in the layout's order and sizes.
        layout: of the grid, from `dense_layout` or `hash_layout`.
        reference: the same function in PyTorch operations, of (coords, tables).

    Shape: coords [*, d] → features [*, levels · F].
    """
    tables = tuple(tables)
    if not (_fits(layout, coords.shape[-1], tables) and _is_plain(coords, *tables)):
        return reference(coords, tables)
    if library() is None:
        return sample_dense(coords, tables, reference) if layout.is_dense_linear else reference(coords, tables)
    run = _Encode.apply if torch.is_grad_enabled() else _Encode.forward
    features: Tensor = run(coords, layout, reference, *tables)
    return features


def encode_axes(
    axis_coords: Sequence[Tensor], tables: Iterable[Tensor], layout: Layout, reference: Callable[[Sequence[Tensor]], Tensor]
) -> Tensor:
    """Features on the grid of the given axis coordinates [n] of each axis, which is less work than at its points.

    Native code serves dense levels where no gradient is asked for.

    Args:
        axis_coords: outside [-1, 1] they count as the nearest point of the box.
        tables: one for each level, in the layout's order and sizes.
        layout: of the grid.
        reference: the same function of the axis coordinates, with gradients and for any grid.

    Shape: d axis coordinates [n] → features [*shape, levels · F].
    """
    tables = tuple(tables)
    tensors = (*axis_coords, *tables)
    wants_grad = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    is_served = layout.is_dense and all(coords.ndim == 1 for coords in axis_coords)
    if wants_grad or not is_served or not _fits(layout, len(axis_coords), tables) or not _is_plain(*tensors) or library() is None:
        return reference(axis_coords)
    return read_axes(layout, tables, axis_coords)


class _Encode(torch.autograd.Function):
    """Features of coords. Its backward is a function of its own, so that it can be differentiated again."""

    @staticmethod
    def forward(coords: Tensor, layout: Layout, reference: Reference, *tables: Tensor) -> Tensor:
        features, _ = read(layout, tables, coords)
        assert features is not None
        return features

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        coords, ctx.layout, ctx.reference, *tables = inputs
        ctx.save_for_backward(coords, *tables)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        coords, *tables = ctx.saved_tensors
        needs = needed(ctx)
        if library() is None or not _is_plain(grad):
            grad_coords, *grads = gradients(ctx.reference, needs, grad, coords, *tables)
        elif torch.is_grad_enabled():
            grad_coords, *grads = _Gradients.apply(grad, coords, ctx.layout, ctx.reference, needs, *tables)
        else:
            grad_coords, *grads = _Gradients.forward(grad, coords, ctx.layout, ctx.reference, needs, *tables)
        return grad_coords, None, None, *grads


class _Gradients(torch.autograd.Function):
    """Gradients of coords and tables, each where needed."""

    @staticmethod
    def forward(
        grad: Tensor, coords: Tensor, layout: Layout, reference: Reference, needs: list[bool], *tables: Tensor
    ) -> Gradients:
        _, slopes = read(layout, tables, coords, grad=grad, wanted=(False, needs[0]))
        grads = scatter(layout, tables, coords, grad=grad, wanted=needs[1:])
        return slopes, *grads

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Gradients) -> None:
        grad, coords, ctx.layout, ctx.reference, ctx.needs, *tables = inputs
        ctx.save_for_backward(grad, coords, *tables)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, direction: Tensor | None, *table_directions: Tensor | None) -> Gradients:
        grad, coords, *tables = ctx.saved_tensors
        needs = needed(ctx)
        plain = all(along is None for along in table_directions)
        if direction is None or not plain or library() is None or not _is_plain(direction):
            first = partial(gradients, ctx.reference, ctx.needs)
            grads = pull(first, (grad, coords, *tables), (direction, *table_directions), needs)
        elif torch.is_grad_enabled():
            grads = _SecondGradients.apply(direction, grad, coords, ctx.layout, ctx.reference, needs, *tables)
        else:
            grads = _SecondGradients.forward(direction, grad, coords, ctx.layout, ctx.reference, needs, *tables)
        return *grads[:2], None, None, None, *grads[2:]


class _SecondGradients(torch.autograd.Function):
    """Gradients of direction · grad_coords by grad, coords and tables, each where needed. Beyond it the reference serves."""

    @staticmethod
    def forward(
        direction: Tensor, grad: Tensor, coords: Tensor, layout: Layout, reference: Reference, needs: list[bool], *tables: Tensor
    ) -> Gradients:
        wanted = (needs[0], needs[1])
        features, slopes = read(layout, tables, coords, direction=direction, grad=grad, wanted=wanted)
        grads = scatter(layout, tables, coords, direction=direction, grad=grad, wanted=needs[2:])
        return features, slopes, *grads

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Gradients) -> None:
        direction, grad, coords, _, ctx.reference, ctx.needs, *tables = inputs
        ctx.save_for_backward(direction, grad, coords, *tables)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Gradients:
        second = partial(second_gradients, ctx.reference, ctx.needs)
        grads = pull(second, ctx.saved_tensors, grads, needed(ctx))
        return *grads[:3], None, None, None, *grads[3:]


for function in (_Encode, _Gradients, _SecondGradients):  # `apply` binds its arguments, and would find the signature each time
    function.forward.__signature__ = inspect.signature(function.forward)  # type: ignore[union-attr]


def native_serves(coords: Tensor, tables: Sequence[Tensor], layout: Layout) -> bool:
    """Whether native code does what `encode` is asked for."""
    return library() is not None and _fits(layout, coords.shape[-1], tables) and _is_plain(coords, *tables)


def _fits(layout: Layout, dim: int, tables: Sequence[Tensor]) -> bool:
    """Whether the layout describes these tables, so that native code stays inside them, and coordinates of `dim` axes."""
    sizes = layout.table_sizes
    return (
        dim == layout.dim
        and len(tables) == len(sizes)
        and all(table.numel() == size <= MAX_TABLE_SIZE for table, size in zip(tables, sizes, strict=True))
    )


def _is_plain(*tensors: Tensor) -> bool:
    """Whether these are float32 numbers in memory, and no transform is at work on them."""
    return (
        not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
        and forward_ad._current_level < 0
        and torch._C._len_torch_dispatch_stack() == 0
        and torch._C._get_tracing_state() is None
        and all(map(_is_in_memory, tensors))
    )


def _is_in_memory(tensor: Tensor) -> bool:
    """Also a batch of gradients (`is_grads_batched`) is of class Tensor, but has no storage."""
    return (
        tensor.dtype is torch.float32
        and tensor.is_cpu
        and type(tensor) in (Tensor, torch.nn.Parameter)
        and torch._C._has_storage(tensor)
    )
