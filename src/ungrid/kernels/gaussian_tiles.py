"""The sum of many Gaussians on a grid, tile by tile: each only where it is seen, far ones being below rounding.

Agrees with `gaussian_sum`, the reference, to rounding. Memory, for the gradient too, is for some thousand pairs of a Gaussian
and a tile at a time, and for the list of pairs.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.kernels.gaussian_pairs import near_pairs
from ungrid.kernels.gaussian_sum import PAIRS_AT_ONCE, SMALLEST_FACTOR, Gaussians, bells, whitened

TILE_SIDE = {1: 64, 2: 8, 3: 4}


def gaussian_sum_on_grid(axes: Sequence[Float[Tensor, "_"]], gaussians: Gaussians) -> Float[Tensor, "*shape c"]:
    """The same sum on a whole grid, each Gaussian only on the tiles that its `cutoff_radius` reaches.

    Args:
        axes: increasing coordinates along each axis, in cells; one to three axes.
        gaussians: all N.

    Shape: axes [n₀], [n₁], … → [n₀, n₁, …, c].
    """
    plan = _plan([axis.detach() for axis in axes], Gaussians(*(part.detach() for part in gaussians)))
    tiles: Tensor = _TileSums.apply(plan, *gaussians)
    return _untiled(tiles.unflatten(1, (-1, gaussians.weights.shape[-1])), [len(axis) for axis in axes])


class _Plan(NamedTuple):
    """Which Gaussian is seen by which tile, and the coordinates of each tile's cells along each axis [tiles along it, side]."""

    tile_axes: list[Tensor]
    gaussian: Tensor
    tile: Tensor

    @property
    def n_tiles(self) -> int:
        return math.prod(len(axis) for axis in self.tile_axes)

    def chunks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Pairs (gaussian, tile), some at a time."""
        cells = math.prod(axis.shape[1] for axis in self.tile_axes)
        size = max(1, PAIRS_AT_ONCE // cells)
        return zip(self.gaussian.split(size), self.tile.split(size), strict=True)

    def offsets(self, tile: Tensor, centers: Tensor) -> list[Tensor]:
        """x - μ of each pair along each axis, shaped to spread over the cells of a tile."""
        places = _unraveled(tile, [len(axis) for axis in self.tile_axes])
        dim = len(self.tile_axes)
        spread = []
        for axis, (coords, place) in enumerate(zip(self.tile_axes, places, strict=True)):
            shape = [-1] + [coords.shape[1] if other == axis else 1 for other in range(dim)]
            spread.append((coords[place] - centers[:, axis, None]).reshape(shape))
        return spread


def _pair_bells(plan: _Plan, tile: Tensor, centers: Tensor, factors: Tensor) -> tuple[list[Tensor], Tensor]:
    """z = L⁻¹(x - μ) of each pair at its tile's cells, axis by axis, and exp(-½ |z|²) [pairs, *cells]."""
    spread = [-1] + [1] * len(plan.tile_axes)
    parts = whitened(plan.offsets(tile, centers), [entry.reshape(spread) for entry in factors.unbind(-1)])
    return parts, bells(parts)


def _pair_values(plan: _Plan, tile: Tensor, gaussians: Gaussians) -> Tensor:
    """Values of each pair's Gaussian at its tile's cells [pairs, cells · c]."""
    _, heights = _pair_bells(plan, tile, gaussians.centers, gaussians.factors)
    return (heights.flatten(1)[..., None] * gaussians.weights[:, None, :]).flatten(1)


class _TileSums(torch.autograd.Function):
    """Sums over the pairs of each tile [tiles, cells · c]. The gradient computes the pairs once more, some at a time."""

    @staticmethod
    def forward(plan: _Plan, centers: Tensor, factors: Tensor, weights: Tensor) -> Tensor:
        return _sums(plan, Gaussians(centers, factors, weights))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.plan, *gaussians = inputs
        ctx.save_for_backward(*gaussians)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        gaussians = Gaussians(*ctx.saved_tensors)
        if not torch.is_grad_enabled():
            return None, *_gradients(ctx.plan, gaussians, grad)
        # to be differentiated again: plainly, keeping everything
        wanted = [part for part, needed in zip(gaussians, ctx.needs_input_grad[1:], strict=True) if needed]
        slopes = iter(torch.autograd.grad(_sums(ctx.plan, gaussians), wanted, grad, create_graph=True))
        return None, *(next(slopes) if needed else None for needed in ctx.needs_input_grad[1:])


def _gradients(plan: _Plan, gaussians: Gaussians, grad: Tensor) -> Gaussians:
    """Gradients of the sums. With z = L⁻¹(x - μ) and t the gradient by -½|z|², dμ = L⁻ᵀ Σ t z and dL = L⁻ᵀ Σ t z zᵀ, lower part;
    so the sums over cells are of moments of t, and L is solved for once per Gaussian."""
    (count, dim), channels = gaussians.centers.shape, gaussians.weights.shape[-1]
    pairs = [(a, b) for a in range(dim) for b in range(a, dim)]
    moments = gaussians.centers.new_zeros((count, dim + len(pairs)))
    weights = torch.zeros_like(gaussians.weights)
    for index, tile in plan.chunks():
        part = gaussians.take(index)
        parts, heights = _pair_bells(plan, tile, part.centers, part.factors)
        slopes = grad.index_select(0, tile).unflatten(1, (-1, channels))
        weights.index_add_(0, index, torch.bmm(heights.flatten(1)[:, None, :], slopes)[:, 0])
        tug = torch.bmm(slopes, part.weights[..., None]).reshape(heights.shape) * heights
        tugs = [tug * along for along in parts]
        products = [*tugs, *(tugs[b] * parts[a] for a, b in pairs)]
        moments.index_add_(0, index, torch.stack([product.flatten(1).sum(dim=1) for product in products], dim=-1))
    second = moments.new_zeros((count, dim, dim))
    for column, (a, b) in enumerate(pairs, start=dim):
        second[:, a, b] = second[:, b, a] = moments[:, column]
    square, is_free = _lower_triangle(gaussians.factors, dim)
    solved = torch.linalg.solve_triangular(square.mT, torch.cat([moments[:, :dim, None], second], dim=-1), upper=True)
    rows, columns = torch.tril_indices(dim, dim)
    return Gaussians(solved[..., 0], solved[:, rows, columns + 1] * is_free, weights)


def _lower_triangle(factors: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """L [N, d, d] with its diagonal kept away from 0 as `whitened` does, and whether each entry acts [N, entries]."""
    rows, columns = torch.tril_indices(dim, dim)
    is_free = ~((rows == columns).to(factors.device) & (factors.abs() < SMALLEST_FACTOR))
    square = factors.new_zeros((len(factors), dim, dim))
    square[:, rows, columns] = torch.where(is_free, factors, torch.full_like(factors, SMALLEST_FACTOR).copysign(factors))
    return square, is_free


def _sums(plan: _Plan, gaussians: Gaussians) -> Tensor:
    cells = math.prod(axis.shape[1] for axis in plan.tile_axes)
    total = gaussians.weights.new_zeros((plan.n_tiles, cells * gaussians.weights.shape[-1]))
    for index, tile in plan.chunks():
        values = _pair_values(plan, tile, gaussians.take(index))
        total = total.index_add(0, tile, values) if values.requires_grad else total.index_add_(0, tile, values)
    return total


def _plan(axes: list[Tensor], gaussians: Gaussians) -> _Plan:
    tile_axes = [_tiled_axis(axis, TILE_SIDE[len(axes)]) for axis in axes]
    return _Plan(tile_axes, *near_pairs(tile_axes, gaussians))


def _tiled_axis(axis: Tensor, side: int) -> Tensor:
    """Coordinates of each tile's cells [tiles, side]; the last tile repeats the last one."""
    index = torch.arange(-(-len(axis) // side) * side, device=axis.device).clamp(max=len(axis) - 1)
    return axis[index].reshape(-1, side)


def _unraveled(index: Tensor, shape: Sequence[int]) -> list[Tensor]:
    return [index // math.prod(shape[axis + 1 :]) % size for axis, size in enumerate(shape)]


def _untiled(tiles: Float[Tensor, "tiles cells c"], shape: Sequence[int]) -> Float[Tensor, "*shape c"]:
    """Tiles side by side, what reaches beyond the shape cut off."""
    dim, side = len(shape), TILE_SIDE[len(shape)]
    counts = [-(-n // side) for n in shape]
    grid = tiles.reshape(*counts, *[side] * dim, -1)
    order = [place for axis in range(dim) for place in (axis, dim + axis)]
    whole = grid.permute(*order, 2 * dim).reshape(*[n * side for n in counts], -1)
    return whole[tuple(slice(0, n) for n in shape)]
