"""A field on a grid of any size, band by band, in bounded memory; a pixel wider than a sample is integrated over."""

import math
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.render.band_limit import band_limited

ToneCurve = Callable[[Tensor], Tensor]
BAND_ROWS = 256  # of a band at most: the height of a TIFF tile
LINE_ROWS = 2**16  # of one where a row is a single sample
# kind → how it is drawn with fewer samples than its source: (field, band of the grid, bytes) → values; the others are averaged
REDUCTIONS: dict[str, Callable[[Field, Grid, int], Tensor]] = {"audio": band_limited}


def bands(
    field: Field,
    grid: Grid,
    *,
    max_memory: int | None = None,
    to_light: ToneCurve | None = None,
    from_light: ToneCurve | None = None,
) -> Iterator[Float[Tensor, "rows *shape c"]]:
    """Values on `grid`, as consecutive bands along its first axis.

    Where a cell of the grid is wider than a sample of what the field was fitted to, the field is averaged over the cell
    (a box footprint, sampled at least once per sample of the source), so that shrinking does not alias. The average is
    taken in linear light where a tone curve is given. A kind in `REDUCTIONS` is reduced in its own way: sound by a windowed sinc.

    Args:
        field: what is drawn.
        grid: where; its box lies in the field's.
        max_memory: bytes that this may take; None for about 256 MB.
        to_light, from_light: curves from stored values to linear light and back, or None to average values as they are.

    Raises:
        InputError: `max_memory` is too small for one row.
    """
    budget = max_memory or 2**28
    field = field.seen_from(grid)
    factors = footprint(field, grid)
    rows = _band_rows(grid, field.out_dim, factors, budget)
    for start in range(0, grid.shape[0], rows):
        where = (slice(start, min(start + rows, grid.shape[0])), *(slice(0, n) for n in grid.shape[1:]))
        yield _band(field, grid.part(where), factors, budget, to_light, from_light)


def footprint(field: Field, grid: Grid) -> tuple[int, ...]:
    """Number of points along each axis that a cell of the grid is averaged over: 1 where it is no wider than a sample."""
    if field.record is None:
        return (1,) * grid.box.dim
    native = field.grid().spacing
    return tuple(max(1, math.ceil(cell / pitch - 1e-6)) for cell, pitch in zip(grid.spacing, native, strict=True))


def _band_rows(grid: Grid, channels: int, factors: tuple[int, ...], budget: int) -> int:
    row = math.prod(grid.shape[1:]) * channels * 4
    # a band is held three times (evaluated, in light, encoded for the file), each of its points factors[0] rows at once
    per_row = row * 3 + row * math.prod(factors[1:]) * 2
    rows = budget // 2 // per_row
    if rows < 1:
        raise InputError(
            f"max_memory of {budget:,} bytes is too small: one row of {grid.shape[1:]} takes {2 * per_row:,}; "
            f"allow more, or render a region"
        )
    return int(min(rows, BAND_ROWS if len(grid.shape) > 1 else LINE_ROWS, grid.shape[0]))


@torch.no_grad()
def _band(
    field: Field,
    band: Grid,
    factors: tuple[int, ...],
    budget: int,
    to_light: ToneCurve | None,
    from_light: ToneCurve | None,
) -> Tensor:
    if max(factors) == 1:
        return field.sample(band, max_memory=budget // 2)
    own_way = None if field.record is None else REDUCTIONS.get(field.record.kind)
    if own_way is not None:
        return own_way(field, band, budget // 2)
    rows = []
    for row in range(band.shape[0]):  # one row of cells at a time: its fine points are many
        cells = band.part((slice(row, row + 1), *(slice(0, n) for n in band.shape[1:])))
        fine = Grid(cells.box, tuple(n * f for n, f in zip(cells.shape, factors, strict=True)))
        mean = torch.zeros((*cells.shape, field.out_dim))
        for inner in range(factors[0]):
            line = fine.part((slice(inner, inner + 1), *(slice(0, n) for n in fine.shape[1:])))
            values = field.sample(line, max_memory=budget // 2)
            mean = mean.to(values) + _average(values if to_light is None else to_light(values), factors[1:]) / factors[0]
        rows.append(mean if from_light is None else from_light(mean))
    return torch.cat(rows)


def _average(values: Tensor, factors: tuple[int, ...]) -> Tensor:
    """Mean over blocks of `factors` along the axes between the first and the channels."""
    for axis, factor in enumerate(factors, start=1):
        values = values.unflatten(axis, (-1, factor)).mean(dim=axis + 1)
    return values
