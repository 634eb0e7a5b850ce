"""Dense linear grids through PyTorch's `grid_sample`: the path without a compiler, up to five times as fast as the reference."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ungrid.kernels.grid_reference import Gradients, Reference, gradients, needed

BACKWARD = {2: torch.ops.aten.grid_sampler_2d_backward, 3: torch.ops.aten.grid_sampler_3d_backward}
WIDEST = {2: 8, 3: 2}  # axes → features per node up to which its backward is 1.6 to 4 times as fast; beyond, about as fast
BILINEAR, BORDER = 0, 1  # numbers of its modes, as the backward operations take them


def sample_dense(coords: Tensor, tables: Sequence[Tensor], reference: Reference) -> Tensor:
    """Features [*, levels · F] of coords [*, d] from tables [*nodes, F], whose outer nodes lie on the box's faces.

    The reference serves where `grid_sample` differs from it (on one or four axes, for coordinates that are not numbers, and
    for derivatives by coordinates, which it has wrong at the box's faces), and where it is no faster.
    """
    d, n_features = coords.shape[-1], tables[0].shape[-1]
    is_learning = torch.is_grad_enabled()
    if d not in BACKWARD or (is_learning and (coords.requires_grad or n_features > WIDEST[d])):
        return reference(coords, tables)
    if coords.numel() == 0 or coords.isnan().any():
        return reference(coords, tables)
    features: Tensor = _Sample.apply(coords, reference, *tables)
    return features


class _Sample(torch.autograd.Function):
    """Features of coords. Its backward is of the tables only; differentiated again, it is the reference's."""

    @staticmethod
    def forward(coords: Tensor, reference: Reference, *tables: Tensor) -> Tensor:
        sampled = (F.grid_sample(*_arranged(coords, table), padding_mode="border", align_corners=True) for table in tables)
        features = [values.flatten(2)[0].T for values in sampled]
        return torch.cat(features, dim=-1).reshape(*coords.shape[:-1], -1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        coords, ctx.reference, *tables = inputs
        ctx.save_for_backward(coords, *tables)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        coords, *tables = ctx.saved_tensors
        needs = needed(ctx)
        if torch.is_grad_enabled() or not torch._C._has_storage(grad):  # a batch of gradients has none
            grad_coords, *grads = gradients(ctx.reference, needs, grad, coords, *tables)
            return grad_coords, None, *grads
        columns = grad.flatten(0, -2).split([table.shape[-1] for table in tables], dim=-1)
        return (
            None,
            None,
            *(
                _table_gradient(coords, table, column) if need else None
                for table, column, need in zip(tables, columns, needs[1:], strict=True)
            ),
        )


def _arranged(coords: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """What `grid_sample` takes: nodes [1, F, *nodes], and points [1, …, 1, n, d] whose first coordinate is of the last axis."""
    d = coords.shape[-1]
    return table.movedim(-1, 0)[None], coords.reshape(1, *[1] * (d - 1), -1, d).flip(-1)


def _table_gradient(coords: Tensor, table: Tensor, grad: Tensor) -> Tensor:
    d = coords.shape[-1]
    values = grad.T.reshape(1, table.shape[-1], *[1] * (d - 1), len(grad))
    nodes: Tensor
    nodes, _ = BACKWARD[d](values, *_arranged(coords, table), BILINEAR, BORDER, True, [True, False])
    return nodes[0].movedim(0, -1)
