"""A window of a recording: the default's spline, with as many cells in each window as give the whole the default's quality."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ungrid.domain.tiling import local_box
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.spline import N_TAPS, SplineField
from ungrid.presets.recording import (
    CELLS,
    ENOUGH,
    UNEVEN,
    WINDOW,
    codes_at,
    codes_of,
    densities,
    lost_in_windows,
    spline_recipe,
    with_ends,
)
from ungrid.presets.tile_cut import Cut
from ungrid.presets.tile_fields import TileShape, looked_at
from ungrid.signals.base import Signal
from ungrid.signals.large import LargeSignal
from ungrid.tasks.draws import HELDOUT_FRACTION

LOOKED_AT = 64  # windows by which the cells are chosen: a twentieth of a second each
MOST_CELLS = 0.95  # a sample; with one, the samples do not say what lies between them
LEAST_CELLS = 0.01
PRICES = np.logspace(-12, 4, 65)  # of a cell, in shares of a window's energy
SHARES = np.geomspace(LEAST_CELLS, MOST_CELLS, 200)
LESS = 0.9
MARGIN = 0.2  # dB more than is aimed at: seven recordings in 3 to 44 windows ended 0.03 dB below to 1.8 dB above one piece


@dataclass(frozen=True)
class SoundTile:
    """The default for sound: a spline with more cells where the sound is rich.

    Args:
        n_cells: of each window; where they lie is the window's own.
        n_windows: stretches of a window with a density of their own.
        scale: of the values.
    """

    n_cells: int
    n_windows: int
    scale: float
    judged_whole: ClassVar[bool] = False
    heldout: ClassVar[float] = HELDOUT_FRACTION

    def build(self, tile: TileShape, effort: str, seed: int) -> Field:
        """See `TileField`."""
        field = SplineField(local_box(tile.axes), tile.out_dim, self.n_cells, self.n_windows, scale=self.scale)
        field.recipe = replace(spline_recipe(), order="solved_sums")
        return field

    def begin(self, field: Field, rest: Signal) -> None:
        """Put the cells where this window is rich; what it reaches beyond the recording counts as silence."""
        pitch, (low, high) = rest.grid.spacing[0], rest.box.bounds[0]
        ends = (0, 0, max(0, round((low + 1) / pitch)), max(0, round((1 - high) / pitch)))
        values = functional.pad(rest.values, ends)
        lost = lost_in_windows(values, self.n_windows, WINDOW)
        field.get_buffer("codes").copy_(with_ends(_codes_of_share(lost, self.n_cells / len(values))))

    def estimates(self, tile: TileShape, effort: str) -> str:
        """None: sums hold samples alone."""
        return "none"

    def describe(self, field: Field, tile: TileShape) -> str:
        """See `TileField`."""
        per_value = field.n_params / (tile.shape[0] * tile.out_dim)
        return f"a cubic spline of {self.n_cells:,} cells, dense where the sound is rich ({per_value:.2f} per value)"

    def smaller(self) -> "SoundTile | None":
        """See `TileField`."""
        return None if self.n_cells < 2 * N_TAPS else replace(self, n_cells=int(LESS * self.n_cells))


def choose_sound_tile(signal: LargeSignal, cut: Cut, effort: str, seed: int) -> SoundTile:
    """As many cells in each window as lose no more of the whole than the default in one piece would, by a look at some windows.

    The default in one piece puts cells where the whole is rich. Windows have as many each, and so a few more in all.

    Raises:
        InputError: none of the windows can be read.
    """
    n = cut.shape[0]
    n_windows, energy, n_values, curves = max(1, round(n / WINDOW)), 0.0, 0, []
    for part in looked_at(signal, cut, LOOKED_AT):
        if part is not None:
            curves.append(_curve(lost_in_windows(part.values, n_windows, WINDOW), float(part.values.double().square().sum())))
            energy, n_values = energy + float(part.values.double().square().sum()), n_values + part.values.numel()
    if not curves:
        raise InputError("none of the samples that were looked at can be read, or they are not finite; check the file")
    allowed = max(_lost_in_one_piece(curves, CELLS[effort]), energy * 10 ** (-(ENOUGH[effort] + UNEVEN) / 10))
    allowed *= 10 ** (-MARGIN / 10)
    lost = np.sum([np.exp(np.interp(SHARES, shares[::-1], losses[::-1])) for _, shares, losses in curves], axis=0)
    enough = lost <= allowed
    share = float(SHARES[int(enough.argmax()) if enough.any() else -1])
    scale = math.sqrt(energy / n_values) if energy > 0 else 1.0
    return SoundTile(max(1, round(share * n) - N_TAPS), n_windows, scale)


Curve = tuple[np.ndarray, np.ndarray, np.ndarray]  # logarithm of prices, rising; cells a sample; logarithm of the energy lost


def _curve(lost: Tensor, energy: float) -> Curve:
    """What a window loses, and the cells that it takes, at each price of a cell."""
    prices = PRICES * max(energy, 1e-20) / len(lost)
    shares, losses = [], []
    for price in prices:
        codes = codes_at(lost, float(price))
        shares.append(float(densities()[codes].mean()))
        losses.append(math.log(max(float(lost.gather(1, codes[:, None]).sum(dtype=torch.float64)), 1e-30)))
    return np.log(prices), np.minimum.accumulate(shares), np.maximum.accumulate(losses)


def _lost_in_one_piece(curves: list[Curve], cells: float) -> float:
    """Energy that all windows lose together at one price of a cell for all, with so many cells a sample."""
    common = np.linspace(min(c[0][0] for c in curves), max(c[0][-1] for c in curves), 400)
    shares = np.mean([np.interp(common, prices, shares) for prices, shares, _ in curves], axis=0)
    losses = np.sum([np.exp(np.interp(common, prices, losses)) for prices, _, losses in curves], axis=0)
    few = shares <= cells
    return float(losses[int(few.argmax()) if few.any() else -1])


def _codes_of_share(lost: Tensor, share: float) -> Tensor:
    """Codes for so many cells a sample, which the spline spreads in their proportions: where they lose the least, and none as
    dense as the samples, for which some are put where there are fewest."""
    codes = lifted = codes_of(lost, lambda found, _: found <= share)
    for floor in range(len(densities())):
        lifted = codes.clamp_min(floor)
        density = densities()[lifted]
        if float(density.max() * share / density.mean()) <= 1:
            break
    return lifted
