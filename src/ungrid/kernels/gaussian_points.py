"""The sum of many Gaussians at scattered points, without gradients: each only near where it is seen."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.kernels.gaussian_pairs import near_pairs, runs
from ungrid.kernels.gaussian_sum import PAIRS_AT_ONCE, Gaussians, bells, gaussian_sum, whitened

POINTS_PER_TILE = 8  # in the mean
WORTH_SORTING = 2**20  # pairs; below, the plain sum is as fast


@torch.no_grad()
def gaussian_sum_nearby(points: Float[Tensor, "*batch d"], gaussians: Gaussians) -> Float[Tensor, "*batch c"]:
    """`gaussian_sum` to rounding, where no gradient is asked for: points are sorted into tiles, and only pairs within
    `cutoff_radius` are summed.

    Shape: points [*, d], N Gaussians with weights [N, c] → [*, c].
    """
    flat = points.reshape(-1, points.shape[-1])
    is_little = len(flat) * len(gaussians.centers) < WORTH_SORTING
    if is_little or flat.numel() == 0 or flat.is_meta or not bool(flat.isfinite().all()):
        return gaussian_sum(points, gaussians)
    tile_axes, tile_of_point = _sorted_into_tiles(flat)
    order = tile_of_point.argsort()
    counts = tile_of_point.bincount(minlength=math.prod(len(axis) for axis in tile_axes))
    starts = counts.cumsum(0) - counts
    gaussian, tile = near_pairs(tile_axes, gaussians)
    is_seen = counts[tile] > 0
    gaussian, tile = gaussian[is_seen], tile[is_seen]
    total = flat.new_zeros((len(flat), gaussians.weights.shape[-1]))
    for run in runs(counts[tile], PAIRS_AT_ONCE) if len(tile) else []:
        repeats = counts[tile[run]]
        behind = torch.arange(int(repeats.sum()), device=flat.device) - (repeats.cumsum(0) - repeats).repeat_interleave(repeats)
        point = order[starts[tile[run]].repeat_interleave(repeats) + behind]
        near = gaussians.take(gaussian[run].repeat_interleave(repeats))
        parts = whitened((flat[point] - near.centers).unbind(-1), near.factors.unbind(-1))
        total.index_add_(0, point, bells(parts)[:, None] * near.weights)
    return total.reshape(*points.shape[:-1], -1)


def _sorted_into_tiles(flat: Tensor) -> tuple[list[Tensor], Tensor]:
    """Bounds of equal tiles along each axis [tiles, 2], and the tile of each point [n], row-major."""
    per_axis = max(1, round((len(flat) / POINTS_PER_TILE) ** (1 / flat.shape[-1])))
    tile = torch.zeros(len(flat), dtype=torch.long, device=flat.device)
    tile_axes = []
    for along in flat.unbind(-1):
        low, width = along.min(), ((along.max() - along.min()) / per_axis).clamp(min=1e-6)
        place = ((along - low) / width).long().clamp(0, per_axis - 1)
        start = low + width * torch.arange(per_axis, device=flat.device)
        # a little wider than they are, for a point that rounding puts into the neighbor
        tile_axes.append(torch.stack([start - 1e-3 * width, start + 1.001 * width], dim=-1))
        tile = tile * per_axis + place
    return tile_axes, tile
