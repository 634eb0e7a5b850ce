"""Which Gaussian is seen in which tile of space: pairs within a radius beyond which all of them together are below rounding."""

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.kernels.gaussian_sum import SMALLEST_FACTOR, Gaussians, whitened

CANDIDATES_AT_ONCE = 2**22  # pairs of a Gaussian and a tile


def cutoff_radius(weights: Float[Tensor, "N c"]) -> float:
    """Standard deviations beyond which all N Gaussians together amount to less than half a unit in the last place of the largest
    weight or of 1, whichever is more: √(2 ln(Σ|c| / (ε/2 · max(1, |c|))))."""
    sizes = weights.detach().abs().amax(dim=-1)
    least = torch.finfo(weights.dtype).eps / 2 * max(1.0, float(sizes.max()))
    return math.sqrt(2 * math.log(max(float(sizes.sum()) / least, math.e)))


def near_pairs(
    tile_axes: Sequence[Float[Tensor, "_ _"]], gaussians: Gaussians
) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"]]:
    """Pairs (gaussian, tile) of Gaussians and the tiles that their `cutoff_radius` reaches, and a few more.

    Args:
        tile_axes: along each axis, the increasing coordinates of each tile [tiles, any]; the first and the last of a tile count.
        gaussians: all N.

    Shape: → indices of Gaussians [pairs], row-major indices of tiles [pairs].
    """
    radius = cutoff_radius(gaussians.weights)
    first, count = _tile_ranges(tile_axes, gaussians, radius)
    parts = runs(count.prod(dim=-1), CANDIDATES_AT_ONCE)
    found = [_near_pairs(tile_axes, gaussians, radius, first, count, part) for part in parts]
    gaussian, tile = (torch.cat(side) for side in zip(*found, strict=True))
    return gaussian, tile


def _tile_ranges(tile_axes: Sequence[Tensor], gaussians: Gaussians, radius: float) -> tuple[Tensor, Tensor]:
    """The first tile along each axis whose cells the cutoff ellipsoid's bounding box reaches, and how many [N, d] each.

    A Gaussian that is not finite reaches every tile, so that it shows.
    """
    first, counts, entry = [], [], 0
    for axis, tiles in enumerate(tile_axes):
        row = gaussians.factors[:, entry : entry + axis + 1]
        entry += axis + 1
        half = radius * row.square().sum(dim=-1).sqrt().clamp(min=SMALLEST_FACTOR)
        center = gaussians.centers[:, axis]
        low, high = torch.nan_to_num(center - half, nan=-math.inf), torch.nan_to_num(center + half, nan=math.inf)
        start = torch.searchsorted(tiles[:, -1].contiguous(), low.contiguous())
        stop = torch.searchsorted(tiles[:, 0].contiguous(), high.contiguous(), right=True)
        first.append(start)
        counts.append((stop - start).clamp(min=0))
    return torch.stack(first, dim=-1), torch.stack(counts, dim=-1)


def runs(sizes: Int[Tensor, " n"], most: int) -> list[Int[Tensor, " run"]]:
    """Indices of n things, in runs whose sizes add up to about `most`, or to one thing's size where that is more."""
    run = sizes.cumsum(0) // most
    _, counts = torch.unique_consecutive(run, return_counts=True)
    return list(torch.arange(len(sizes), device=sizes.device).split(counts.tolist()))


def _near_pairs(
    tile_axes: Sequence[Tensor], gaussians: Gaussians, radius: float, first: Tensor, count: Tensor, part: Tensor
) -> tuple[Tensor, Tensor]:
    """Pairs (gaussian, tile) of a run of Gaussians where the tile's nearest cell may lie within the radius.

    By the triangle inequality: |L⁻¹(tile's center - μ)| less the longest |L⁻¹ half a tile| is at most the distance of any cell.
    """
    sizes = count[part]
    candidates = sizes.prod(dim=-1)
    gaussian = part.repeat_interleave(candidates)
    start = (candidates.cumsum(0) - candidates).repeat_interleave(candidates)
    rest = torch.arange(len(gaussian), device=part.device) - start
    tile = torch.zeros_like(rest)
    middles: list[Tensor] = []
    halves: list[Tensor] = []
    strides = [math.prod(len(axis) for axis in tile_axes[at + 1 :]) for at in range(len(tile_axes))]
    for axis in reversed(range(len(tile_axes))):
        along = sizes[:, axis].repeat_interleave(candidates)
        place = first[gaussian, axis] + rest % along
        rest, tile = rest // along, tile + place * strides[axis]
        low, high = tile_axes[axis][place, 0], tile_axes[axis][place, -1]
        middles.insert(0, (low + high) / 2 - gaussians.centers[gaussian, axis])
        halves.insert(0, (high - low) / 2)
    factors = gaussians.factors[gaussian].unbind(-1)
    corners = itertools.product((1, -1), repeat=len(halves) - 1)
    reaches = [_length(whitened([halves[0], *map(_signed, signs, halves[1:])], factors)) for signs in corners]
    reach = torch.stack(reaches).amax(dim=0)
    is_near = ~(_length(whitened(middles, factors)) - reach > radius)  # where it is no number, too
    return gaussian[is_near], tile[is_near]


def _signed(sign: int, length: Tensor) -> Tensor:
    return sign * length


def _length(parts: list[Tensor]) -> Tensor:
    return torch.stack([part.square() for part in parts]).sum(dim=0).sqrt()  # `norm` is several times as slow here
