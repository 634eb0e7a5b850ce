"""A field along one axis with fewer samples than its source, and no frequency that they cannot hold: a windowed sinc."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field

CROSSINGS = 48  # of the sinc on either side, in samples of the result
BETA = 10.06  # of the Kaiser window: what is beyond the band is 100 dB down
EDGE = 1 - (100 - 7.95) / (14.36 * 2 * CROSSINGS)  # middle of the band's edge, for it to end where aliasing begins
TAPS_AT_ONCE = 2**20


def band_limited(field: Field, band: Grid, max_memory: int) -> Float[Tensor, "n c"]:
    """Values on a band of a coarser grid: the field at its source's samples, under a sinc that ends at the band's highest
    frequency.

    Passes what is below 0.87 of the highest frequency to 0.01 dB, and leaves 100 dB less of what would alias. Near the ends of
    the field the window is cut, and its weights sum to 1 all the same.

    Args:
        field: with a record, of one axis.
        band: where, in the units of the field's box.
        max_memory: bytes that this may take.

    Raises:
        InputError: a grid of several axes.
    """
    if band.box.dim != 1:
        raise InputError(f"a band limit goes with one axis; the grid has {band.box.axes}")
    source = field.grid()
    pitch, (low, _) = source.spacing[0], source.box.bounds[0]
    ratio = band.spacing[0] / pitch
    reach = math.ceil(CROSSINGS * ratio)
    centers = (band.axis_coords(0, dtype=torch.float64) - low) / pitch - 0.5  # in samples of the source
    n_taps = 2 * reach + 2
    step = max(1, min(TAPS_AT_ONCE, max_memory // 48) // n_taps)
    return torch.cat([_filtered(field, source, part, ratio, reach) for part in centers.split(step)])


def _filtered(field: Field, source: Grid, centers: Tensor, ratio: float, reach: int) -> Tensor:
    """Around each center [m], in samples of the source, the weighted mean of what lies within `reach` of it [m, c]."""
    first, last = int(centers[0].floor()) - reach, int(centers[-1].floor()) + reach + 2
    inside = slice(max(first, 0), min(last, source.shape[0]))
    values = field.sample(source.part((inside,))).cpu().double()
    start = centers.floor().long() - reach
    index = start[:, None] + torch.arange(2 * reach + 2)
    weights = kernel((index - centers[:, None]) / ratio)
    weights = weights * ((index >= 0) & (index < source.shape[0]))
    weights = weights / weights.sum(dim=1, keepdim=True)
    near = values[(index - inside.start).clamp(0, len(values) - 1)]
    return torch.einsum("mt,mtc->mc", weights, near).float()


def kernel(distance: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """Kaiser-windowed sinc at distances in samples of the result; 0 beyond `CROSSINGS`."""
    inside = (1 - (distance / CROSSINGS).square()).clamp_min(0)
    window = torch.special.i0(BETA * inside.sqrt()) / float(torch.special.i0(torch.tensor(BETA, dtype=torch.float64)))
    weights: Tensor = torch.sinc(EDGE * distance) * window * (distance.abs() <= CROSSINGS)
    return weights
