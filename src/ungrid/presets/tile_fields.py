"""What is fitted to each tile: the default's field of the kind, its size per tile chosen by a look at the signal."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, runtime_checkable

import torch

from ungrid.domain.grid import Grid
from ungrid.domain.tiling import Tiling, local_box
from ungrid.errors import InputError, UngridError
from ungrid.fields.base import Field
from ungrid.presets.auto import EFFORTS, estimates_on, needed, scheduled
from ungrid.presets.film import FILM_EFFORTS, film_grid, film_recipe
from ungrid.presets.published import dense_grid
from ungrid.presets.tile_cut import Cut
from ungrid.signals.base import Signal
from ungrid.signals.large import LargeSignal
from ungrid.tasks.draws import HELDOUT_FRACTION

LOOKED_AT = 8  # tiles by which sizes and ranges are chosen
SPREADS = 2.0  # standard deviations of what the tiles hold, on either side of its middle
LESS = 0.9  # of the parameters, until a file is small enough
LEAST_SHARE = 1e-3  # parameters for each value


@dataclass(frozen=True)
class TileShape:
    """What a tile is without what is fitted to it.

    Args:
        axes: of the box.
        out_dim: channels.
        shape: samples along each axis of a tile with its reach.
    """

    axes: tuple[str, ...]
    out_dim: int
    shape: tuple[int, ...]


@runtime_checkable
class TileField(Protocol):
    """What is fitted to each tile of a plan; plain values, which tell a fit from another."""

    judged_whole: ClassVar[bool]  # whether a tile is measured at all its samples when it is fitted, or at some
    heldout: ClassVar[float]  # fraction of the samples that a tile does not see at first

    def build(self, tile: TileShape, effort: str, seed: int) -> Field:
        """The field, in [-1, 1] along each axis, with its recipe; the same for each tile."""

    def begin(self, field: Field, rest: Signal) -> None:
        """Set what depends on the samples of one tile, before it is fitted."""

    def estimates(self, tile: TileShape, effort: str) -> str:
        """What a tile is fitted to beside its samples."""

    def describe(self, field: Field, tile: TileShape) -> str:
        """The field of one tile in words."""

    def smaller(self) -> "TileField | None":
        """With fewer parameters; None where there are hardly any."""


@dataclass(frozen=True)
class GridTile:
    """The default for pictures: a multiresolution grid.

    Args:
        params_per_value: grid parameters for each value of a tile.
        value_range: where most of what the tiles hold lies.
    """

    params_per_value: float
    value_range: tuple[float, float]
    judged_whole: ClassVar[bool] = True
    heldout: ClassVar[float] = HELDOUT_FRACTION

    def build(self, tile: TileShape, effort: str, seed: int) -> Field:
        """See `TileField`."""
        field = dense_grid(
            local_box(tile.axes),
            tile.out_dim,
            shape=tile.shape,
            params_per_value=max(self.params_per_value, 1e-9),
            interpolation="cubic",
            value_range=self.value_range,
            seed=seed,
        )
        field.recipe = scheduled(field, Grid(local_box(tile.axes), tile.shape).size, EFFORTS[effort])
        return field

    def begin(self, field: Field, rest: Signal) -> None:
        """Nothing depends on the samples."""

    def estimates(self, tile: TileShape, effort: str) -> str:
        """Between the samples, as the default does for a picture of this size."""
        return estimates_on(Grid(local_box(tile.axes), tile.shape), EFFORTS[effort])

    def describe(self, field: Field, tile: TileShape) -> str:
        """See `TileField`."""
        return f"a dense grid of 4 levels and a 2×32 network, {_sizes(field, tile)}"

    def smaller(self) -> "GridTile | None":
        """See `TileField`."""
        return None if self.params_per_value < LEAST_SHARE else replace(self, params_per_value=LESS * self.params_per_value)


@dataclass(frozen=True)
class FilmTile:
    """The default for films: a grid with more cells along time.

    Args:
        params_per_value: grid parameters for each value of a tile.
        drawn: samples that are drawn in all while a tile is fitted.
    """

    params_per_value: float
    drawn: int
    judged_whole: ClassVar[bool] = False
    heldout: ClassVar[float] = HELDOUT_FRACTION

    def build(self, tile: TileShape, effort: str, seed: int) -> Field:
        """See `TileField`."""
        field = film_grid(
            local_box(tile.axes), tile.out_dim, shape=tile.shape, params_per_value=max(self.params_per_value, 1e-9), seed=seed
        )
        field.recipe = film_recipe(field, self.drawn, FILM_EFFORTS[effort])
        return field

    def begin(self, field: Field, rest: Signal) -> None:
        """Nothing depends on the samples."""

    def estimates(self, tile: TileShape, effort: str) -> str:
        """None: a film's samples are many."""
        return "none"

    def describe(self, field: Field, tile: TileShape) -> str:
        """See `TileField`."""
        return f"a dense grid of time and space and a 2×32 network, {_sizes(field, tile)}"

    def smaller(self) -> "FilmTile | None":
        """See `TileField`."""
        return None if self.params_per_value < LEAST_SHARE else replace(self, params_per_value=LESS * self.params_per_value)


def _sizes(field: Field, tile: TileShape) -> str:
    assert field.recipe is not None
    n_values = Grid(local_box(tile.axes), tile.shape).size * tile.out_dim
    return (
        f"{field.n_params:,} parameters ({field.n_params / n_values:.2f} per value), {field.recipe.steps} steps of "
        f"{field.recipe.batch_size:,} samples"
    )


def choose_film_tile(signal: LargeSignal, cut: Cut, effort: str, seed: int) -> FilmTile:
    """A window's share of the parameters and samples that the default has for the whole film."""
    level, n_tiles = FILM_EFFORTS[effort], Tiling(signal.grid.box, cut.counts, cut.overlap).size
    share = min(level.params_per_value, level.most_params / signal.n_values)
    drawn = min(level.passes * Grid(local_box(signal.grid.box.axes), cut.shape).size, level.most_samples // n_tiles)
    return FilmTile(share, drawn)


def choose_grid_tile(signal: LargeSignal, cut: Cut, effort: str, seed: int) -> GridTile:
    """Parameters and range as some tiles, spread over the signal, need them.

    Raises:
        InputError: none of them can be read.
    """
    seen = [tile for tile in looked_at(signal, cut, LOOKED_AT) if tile is not None]
    if not seen:
        raise InputError("none of the samples that were looked at can be read, or they are not finite; check the file")
    share = max(needed(tile, EFFORTS[effort], seed) for tile in seen)
    if signal.outline.kind == "image" and signal.peak != 1:
        return GridTile(share, (-0.5, 0.5) if cut.coarse_factor else (0.0, 1.0))
    values = torch.cat([tile.values.flatten() for tile in seen]).double()
    if cut.coarse_factor:
        rest = [tile.values - tile.values.flatten(0, -2).mean(dim=0) for tile in seen]
        spread = max(float(torch.cat([r.flatten() for r in rest]).double().std(correction=0)), 1e-12)
        return GridTile(share, (-SPREADS / 2 * spread, SPREADS / 2 * spread))
    spread, middle = float(values.std(correction=0)), float(values.mean())
    spread = spread if spread > 0 else 0.5
    return GridTile(share, (middle - spread, middle + spread))


def looked_at(signal: LargeSignal, cut: Cut, most: int) -> Iterator[Signal | None]:
    """Up to so many tiles, evenly among all, without their reach beyond the signal; None for one that cannot be read."""
    tiling = Tiling(signal.grid.box, cut.counts, cut.overlap)
    n = min(tiling.size, most)
    for i in range(n):
        where = tiling.cell(signal.grid, tiling.index((2 * i + 1) * tiling.size // (2 * n)))[1]
        try:
            yield signal.part(where)
        except (UngridError, OSError):
            yield None
