"""Interpolation on a regular grid: which nodes a coordinate sees, and how much of each.

A kernel gives the weights of the `n_taps` nodes around a coordinate from its fraction t in [0, 1] of the cell that it lies
in. The weights of each kernel sum to one. In d dimensions the weight of a node is the product over the axes.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

Weights = Callable[[Tensor], Tensor]


class Kernel(NamedTuple):
    """How one axis is interpolated: number of nodes seen, fraction [*] → their weights [*, n_taps], continuous derivatives."""

    n_taps: int
    weights: Weights
    smoothness: float


def linear_weights(t: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 2"]:
    """[1 - t, t]: continuous, with a kink at each node and no second derivative along an axis."""
    return torch.stack([1 - t, t], dim=-1)


def smoothstep_weights(t: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 2"]:
    """Linear weights of 3t² - 2t³: C¹, flat at the nodes (instant-ngp's choice for derivatives)."""
    return linear_weights(t * t * (3 - 2 * t))


def cubic_weights(t: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 4"]:
    """Uniform cubic B-spline: C², so second derivatives are continuous. Does not pass through the nodes' values."""
    s = 1 - t
    inner = (4 + t * t * (3 * t - 6)) / 6
    mirrored = (4 + s * s * (3 * s - 6)) / 6
    return torch.stack([s * s * s / 6, inner, mirrored, t * t * t / 6], dim=-1)


KERNELS: dict[str, Kernel] = {
    "linear": Kernel(2, linear_weights, 0.0),
    "smoothstep": Kernel(2, smoothstep_weights, 1.0),
    "cubic": Kernel(4, cubic_weights, 2.0),
}


def axis_taps(
    coords: Float[Tensor, "*batch"], n_cells: int, kernel: Kernel
) -> tuple[Int[Tensor, "*batch taps"], Float[Tensor, "*batch taps"]]:
    """Nodes that each coordinate of one axis sees, and their weights, for `n_cells` equal cells on [-1, 1].

    Coordinates outside are moved to the nearer end.
    """
    position = (coords.clamp(-1, 1) + 1) * (n_cells / 2)
    cell = position.detach().floor().long().clamp(0, n_cells - 1)  # on integers, so that NaN too stays inside the table
    nodes = cell[..., None] + torch.arange(kernel.n_taps, device=coords.device)
    return nodes, kernel.weights(position - cell)


def over_corners(join: Callable[[Tensor, Tensor], Tensor], parts: Sequence[Tensor]) -> Tensor:
    """Join the axes' parts [*, taps] over all combinations of taps [*, taps^d], the first axis's tap changing slowest."""
    return functools.reduce(lambda joined, part: join(joined[..., :, None], part[..., None, :]).flatten(-2), parts)


def weighted_rows(
    table: Float[Tensor, "rows features"], rows: Int[Tensor, "*batch taps"], weights: Float[Tensor, "*batch taps"]
) -> Float[Tensor, "*batch features"]:
    """Weighted sum of rows of a table. The table's gradient is summed in a fixed order, so it is the same bits each time."""
    # index_select's gradient adds atomically on a GPU, where embedding's sorts; on a CPU embedding's is several times slower
    taken = F.embedding(rows, table) if table.is_cuda else table.index_select(0, rows.flatten()).unflatten(0, rows.shape)
    return (weights[..., None] * taken).sum(dim=-2)


def interpolate_points(
    table: Float[Tensor, "*nodes features"], coords: Float[Tensor, "*batch d"], n_cells: Sequence[int], kernel: Kernel
) -> Float[Tensor, "*batch features"]:
    """Values at points: the nodes [*nodes, features] weighted by the kernel's product over the axes."""
    taps = [axis_taps(along, cells, kernel) for along, cells in zip(coords.unbind(-1), n_cells, strict=True)]
    strides = [math.prod(table.shape[axis + 1 : -1]) for axis in range(len(taps))]
    rows = over_corners(torch.add, [nodes * stride for (nodes, _), stride in zip(taps, strides, strict=True)])
    weights = over_corners(torch.mul, [weights for _, weights in taps])
    return weighted_rows(table.flatten(0, -2), rows, weights)


def interpolate_axes(
    table: Float[Tensor, "*nodes features"],
    axis_coords: Sequence[Float[Tensor, "_"]],
    n_cells: Sequence[int],
    kernel: Kernel,
) -> Float[Tensor, "*shape features"]:
    """Values on the grid of the given axis coordinates, one axis at a time: n_taps products per value, and not n_taps^d."""
    values = table
    for axis, (coords, cells) in enumerate(zip(axis_coords, n_cells, strict=True)):
        nodes, weights = axis_taps(coords, cells, kernel)
        across = (-1,) + (1,) * (values.ndim - axis - 1)
        values = sum(
            (weights[:, tap].reshape(across) * values.index_select(axis, nodes[:, tap]) for tap in range(kernel.n_taps)),
            start=values.new_zeros(()),
        )
    return values
