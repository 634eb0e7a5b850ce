"""Nested cubic splines on grids twice as coarse each: their nodes, how one is written in the next finer, and blocks of nodes.

The finest level has a node at each sample. A spline of a coarser level is one of the finer, too, with nodes by the two-scale
relation; so a sum over levels is one spline on the finest, and only blocks of nodes that matter need to be kept.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Shape = tuple[int, ...]

BLOCK = 2  # nodes of a block along each axis: of larger ones more nodes are kept for the few that matter
LEAST_NODES = 8  # an axis of no more is not halved


def level_shapes(shape: Shape) -> list[Shape]:
    """Nodes along each axis of each level, the finest first, which has one at each sample."""
    levels = [tuple(shape)]
    while True:
        coarser = tuple(n // 2 + 1 if n > LEAST_NODES else n for n in levels[-1])
        if coarser == levels[-1]:
            return levels
        levels.append(coarser)


def block_shape(shape: Shape) -> Shape:
    """Blocks of a level along each axis; the last ones reach beyond it where its nodes do not fill them."""
    return tuple(-(-n // BLOCK) for n in shape)


def block_size(dim: int) -> int:
    """Nodes of a block."""
    return int(BLOCK**dim)


def mirrored(index: Tensor, n: int) -> Tensor:
    """Integers folded into 0 … n − 1, as in a mirror at the first and the last."""
    if n == 1:
        return torch.zeros_like(index)
    folded = index.remainder(2 * (n - 1))
    return torch.where(folded >= n, 2 * (n - 1) - folded, folded)


def at_samples(n: int) -> Float[Tensor, "n n"]:
    """From the nodes of the finest level to the spline's values at the samples, along one axis, float64."""
    return _banded(n, n, {-1: 1 / 6, 0: 4 / 6, 1: 1 / 6}, torch.arange(n))


def refining(n_finer: int, n: int) -> Float[Tensor, "finer n"]:
    """From the nodes of a level to those of the next finer, along one axis, float64."""
    rows = torch.arange(n_finer)
    even = _banded(n_finer, n, {-1: 1 / 8, 0: 6 / 8, 1: 1 / 8}, rows // 2)
    odd = _banded(n_finer, n, {0: 1 / 2, 1: 1 / 2}, rows // 2)
    return torch.where((rows % 2 == 0)[:, None], even, odd)


def refining_axes(finer: Shape, shape: Shape) -> list[Tensor]:
    """`refining` along each axis, empty where both levels have the same nodes."""
    return [refining(m, n) if m != n else torch.empty(0) for m, n in zip(finer, shape, strict=True)]


def along_axes(values: Float[Tensor, "*shape c"], matrices: Sequence[Tensor]) -> Float[Tensor, "*sizes c"]:
    """Each matrix [m, n] times its axis of the values; an empty one leaves it as it is."""
    for axis, matrix in enumerate(matrices):
        if matrix.numel():
            values = torch.tensordot(matrix.to(values), values, dims=([1], [axis])).movedim(0, axis)
    return values


def to_samples(nodes: Float[Tensor, "*shape c"]) -> Float[Tensor, "*shape c"]:
    """`at_samples` along all axes: the spline at the samples."""
    for axis in range(nodes.dim() - 1):
        nodes = _smoothed(nodes, axis, 4 / 6, 1 / 6)
    return nodes


def from_samples(slopes: Float[Tensor, "*shape c"]) -> Float[Tensor, "*shape c"]:
    """The transpose of `to_samples`."""
    for axis in range(slopes.dim() - 1):
        slopes = _smoothed(slopes, axis, 4 / 6, 1 / 6, is_transposed=True)
    return slopes


def refine(nodes: Float[Tensor, "*shape c"], finer: Shape) -> Float[Tensor, "*finer c"]:
    """`refining` along all axes: the same spline by the nodes of the next finer level."""
    for axis, m in enumerate(finer):
        n = nodes.shape[axis]
        if m == n:
            continue
        even = _smoothed(nodes, axis, 6 / 8, 1 / 8).narrow(axis, 0, m - m // 2)
        odd = (nodes.narrow(axis, 0, n - 1) + nodes.narrow(axis, 1, n - 1)).mul_(1 / 2)
        found = nodes.new_empty(*nodes.shape[:axis], m, *nodes.shape[axis + 1 :])
        along = found.transpose(0, axis)
        along[0::2], along[1::2] = even.transpose(0, axis), odd.transpose(0, axis)
        nodes = found
    return nodes


def coarsen(slopes: Float[Tensor, "*finer c"], shape: Shape) -> Float[Tensor, "*shape c"]:
    """The transpose of `refine`."""
    for axis, n in enumerate(shape):
        m = slopes.shape[axis]
        if m == n:
            continue
        along = slopes.transpose(0, axis)
        even = slopes.new_zeros(*slopes.shape[:axis], n, *slopes.shape[axis + 1 :])
        even.transpose(0, axis)[: m - m // 2] = along[0::2]
        found = _smoothed(even, axis, 6 / 8, 1 / 8, is_transposed=True)
        odd = along[1::2].transpose(0, axis) * (1 / 2)
        found.narrow(axis, 0, n - 1).add_(odd)
        found.narrow(axis, 1, n - 1).add_(odd)
        slopes = found
    return slopes


def level_bases(shape: Shape) -> list[list[Tensor]]:
    """Of each level along each axis, its nodes' functions at the samples [n, nodes], float64."""
    shapes = level_shapes(shape)
    bases = [[at_samples(n) for n in shape]]
    for finer, coarser in itertools.pairwise(shapes):
        axes = zip(bases[-1], refining_axes(finer, coarser), strict=True)
        bases.append([basis @ matrix if matrix.numel() else basis for basis, matrix in axes])
    return bases


def level_weights(shape: Shape) -> list[float]:
    """Of each level, the squares of one node's function summed over the samples, on average over its nodes."""
    return [math.prod(float(basis.square().sum() / basis.shape[1]) for basis in bases) for bases in level_bases(shape)]


def blocked(nodes: Float[Tensor, "*shape c"]) -> Float[Tensor, "blocks size c"]:
    """The nodes of a level by blocks, zeros where a block reaches beyond it."""
    *shape, c = nodes.shape
    blocks = block_shape(tuple(shape))
    padding = [after for n, b in zip(reversed(shape), reversed(blocks), strict=True) for after in (0, b * BLOCK - n)]
    padded = torch.nn.functional.pad(nodes, (0, 0, *padding))
    dim = len(shape)
    split = padded.reshape(*[size for b in blocks for size in (b, BLOCK)], c)
    order = [2 * axis for axis in range(dim)] + [2 * axis + 1 for axis in range(dim)] + [2 * dim]
    return split.permute(order).reshape(math.prod(blocks), block_size(dim), c)


def unblocked(blocks: Float[Tensor, "blocks size c"], shape: Shape) -> Float[Tensor, "*shape c"]:
    """Inverse of `blocked`."""
    counts, dim, c = block_shape(shape), len(shape), blocks.shape[-1]
    split = blocks.reshape(*counts, *[BLOCK] * dim, c)
    order = [place for axis in range(dim) for place in (axis, dim + axis)] + [2 * dim]
    whole = split.permute(order).reshape(*[b * BLOCK for b in counts], c)
    return whole[tuple(slice(0, n) for n in shape)]


def placed(rows: Float[Tensor, "rows c"], kept: Bool[Tensor, "blocks"], shape: Shape) -> Float[Tensor, "*shape c"]:
    """The nodes of a level of which only some blocks are kept: zeros elsewhere."""
    size, c = block_size(len(shape)), rows.shape[-1]
    whole = rows.new_zeros(len(kept), size, c)
    return unblocked(whole.index_copy(0, kept.nonzero().squeeze(-1), rows.reshape(-1, size, c)), shape)


def taken(nodes: Float[Tensor, "*shape c"], kept: Bool[Tensor, "blocks"]) -> Float[Tensor, "rows c"]:
    """The rows of the kept blocks of a level: the transpose of `placed`."""
    return blocked(nodes)[kept].flatten(0, 1)


def _smoothed(values: Tensor, axis: int, center: float, side: float, *, is_transposed: bool = False) -> Tensor:
    """center · vⱼ + side · (vⱼ₋₁ + vⱼ₊₁) along an axis, mirrored at both ends."""
    n = values.shape[axis]
    if n == 1:
        return values * (center + 2 * side)
    found = values * center
    found.narrow(axis, 1, n - 1).add_(values.narrow(axis, 0, n - 1), alpha=side)
    found.narrow(axis, 0, n - 1).add_(values.narrow(axis, 1, n - 1), alpha=side)
    for end, next_to_it in ((0, 1), (n - 1, n - 2)):
        to, of = (next_to_it, end) if is_transposed else (end, next_to_it)
        found.narrow(axis, to, 1).add_(values.narrow(axis, of, 1), alpha=side)
    return found


def _banded(n_rows: int, n: int, weights: dict[int, float], middle: Tensor) -> Tensor:
    """Rows with these weights around their middle, mirrored at both ends."""
    matrix = torch.zeros(n_rows, n, dtype=torch.float64)
    rows = torch.arange(n_rows)
    for offset, weight in weights.items():
        matrix.index_put_((rows, mirrored(middle + offset, n)), torch.tensor(weight, dtype=torch.float64), accumulate=True)
    return matrix
