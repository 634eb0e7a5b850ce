"""Values between the samples of a grid, by Keys's cubic convolution: through the samples, continuously differentiable."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.encodings.interpolation import over_corners, weighted_rows

N_TAPS = 4
SMOOTHNESS = 1.0
GHOSTS = 2  # samples that are added at each end, so that the half cell outside of the last sample has its taps

Span = tuple[int, int]


def keys_weights(t: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 4"]:
    """Weights of the samples at -1, 0, 1, 2 for a place t in [0, 1]: a = -1/2, exact for parabolas (keys1981cubic)."""
    s = 1 - t
    return torch.stack([-t * s * s, 2 - t * t * (5 - 3 * t), 2 - s * s * (5 - 3 * s), -s * t * t], dim=-1) / 2


def span_of(positions: Float[Tensor, "n"], n: int) -> Span:
    """First and last-but-one of n samples that values at these positions are made of; only themselves where they lie on some."""
    low, high = math.floor(float(positions.min())), math.floor(float(positions.max()))
    if on_samples(positions, n):
        return round(float(positions.min())), round(float(positions.max())) + 1
    return max(0, low - 1), min(n, high + N_TAPS - 1)


def places_on(lattice: Grid, grid: Grid) -> list[Float[Tensor, "_"]]:
    """Where a grid's samples lie along each axis of a lattice in the same units, in its samples and inside; float64, so that its
    own are met exactly."""
    places = []
    for axis, ((low, high), n) in enumerate(zip(lattice.box.bounds, lattice.shape, strict=True)):
        coords = grid.axis_coords(axis, dtype=torch.float64)
        places.append(((coords - low) * (n / (high - low)) - 0.5).clamp(-0.5, n - 0.5))
    return places


def on_samples(positions: Float[Tensor, "n"], n: int) -> bool:
    """Whether all positions are those of samples, to a millionth of their distance."""
    nearest = positions.round()
    return bool(((positions - nearest).abs() <= 1e-6).all() and (nearest >= 0).all() and (nearest < n).all())


def at_points(samples: Float[Tensor, "*shape c"], positions: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch c"]:
    """Values at points.

    Args:
        samples: on a grid.
        positions: of the points along its axes, in samples: 0 is the first. Beyond half a sample outside, the nearest there.
    """
    shape = samples.shape[:-1]
    table = extended(samples)
    taps = [_taps(along, n) for along, n in zip(positions.unbind(-1), shape, strict=True)]
    strides = [math.prod(table.shape[axis + 1 : -1]) for axis in range(len(taps))]
    rows = over_corners(torch.add, [nodes * stride for (nodes, _), stride in zip(taps, strides, strict=True)])
    weights = over_corners(torch.mul, [weights for _, weights in taps])
    return weighted_rows(table.flatten(0, -2), rows, weights)


def on_axes(samples: Float[Tensor, "*shape c"], positions: Sequence[Float[Tensor, "_"]]) -> Float[Tensor, "*grid c"]:
    """Values on the grid of the given positions along each axis, one axis after another.

    Equal to `at_points`; positions on samples give these to the bit.
    """
    values = samples
    for axis, along in enumerate(positions):
        n = values.shape[axis]
        if on_samples(along, n):
            values = values.index_select(axis, along.round().long().to(values.device))
            continue
        nodes, weights = (part.to(values.device) for part in _taps(along, n))
        across = (-1,) + (1,) * (values.ndim - axis - 1)
        table = _extended_along(values, axis)
        values = sum(
            (weights[:, tap].to(values.dtype).reshape(across) * table.index_select(axis, nodes[:, tap]) for tap in range(N_TAPS)),
            start=values.new_zeros(()),
        )
    return values


def extended(samples: Float[Tensor, "*shape c"]) -> Float[Tensor, "*longer c"]:
    """The samples with two more at each end of each axis, on the line through the last two."""
    for axis in range(samples.ndim - 1):
        samples = _extended_along(samples, axis)
    return samples


def _extended_along(samples: Tensor, axis: int) -> Tensor:
    n = samples.shape[axis]
    first, last = samples.narrow(axis, 0, 1), samples.narrow(axis, n - 1, 1)
    down, up = first - samples.narrow(axis, min(1, n - 1), 1), last - samples.narrow(axis, max(0, n - 2), 1)
    return torch.cat([first + 2 * down, first + down, samples, last + up, last + 2 * up], dim=axis)


def _taps(positions: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Rows of the extended samples that each position sees, and their weights."""
    inside = positions.clamp(-0.5, n - 0.5)
    cell = inside.detach().floor().long().clamp(-1, n - 1)  # on integers, so that NaN too stays inside the table
    nodes = cell[..., None] + torch.arange(GHOSTS - 1, GHOSTS - 1 + N_TAPS, device=positions.device)
    return nodes, keys_weights(inside - cell)
