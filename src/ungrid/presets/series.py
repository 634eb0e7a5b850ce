"""The default for series: a cubic spline by channel, as smooth as held-out samples say."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ungrid.encodings.dense_grid import DenseGrid
from ungrid.errors import InputError
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe
from ungrid.fields.storage import file_bytes
from ungrid.fit.smoothing import Splined, cross_validated
from ungrid.fit.solver import SplineSolver
from ungrid.networks.mlp import Mlp
from ungrid.presets.choice import Choice
from ungrid.signals.base import Signal
from ungrid.tasks.draws import HELDOUT_FRACTION, hold_out

TOLERANCES = {"fast": 1.05, "balanced": 1.01}  # of the held-out error, for the sake of fewer cells
MOST_CELLS = 8  # for each sample, where most of them are crowded
LEAST_CELLS = 4
NEAR = 1.05  # squared errors that differ by less are called equal


class Found(NamedTuple):
    """Cells of the spline and what cross-validation says of each channel."""

    n_cells: int
    channels: tuple[Splined, ...]


def choose_series(signal: Signal, effort: str, *, max_bytes: int | None = None, seed: int = 0) -> Choice:
    """A cubic B-spline by channel: as many cells as samples or half, a quarter … of it, and a penalty on bending, both by
    five-fold cross-validation; exact, by banded equations, in place of descent.

    On a tenth of the samples, held out, of seven series of 600 (hours at two places of ERA5, sines with noise, a chirp, a random
    walk, irregular times) its error is 0.1 to 1.02 times that of SciPy's smoothing spline, 0.1 to 0.95 times that of the cubic
    spline through the samples, and below that of multiresolution grids with a network, the best of five sizes of each; 1.0 s.

    Args:
        signal: of kind series.
        effort: "fast" takes fewer cells for 5 % of the held-out error, "balanced" for 1 %; "best" takes as many cells as samples,
            which any PSNR can be reached with.
        max_bytes: most bytes of the file, or None.
        seed: of the fifths; samples that the fit will hold out with it are not looked at.

    Raises:
        InputError: `max_bytes` leaves no room.
    """
    step = _median_step(signal)
    most = max(LEAST_CELLS, round(min(signal.box.extent[0] / step, MOST_CELLS * signal.grid.size)))
    if max_bytes is not None:
        room = max_bytes - file_bytes(_spline_field(signal, LEAST_CELLS), "float32")
        if room < 0:
            raise InputError(f"max_bytes is {max_bytes}; a field of this series needs at least {max_bytes - room}")
        most = max(LEAST_CELLS, min(most, LEAST_CELLS + room // (4 * signal.out_dim)))
    scale, offset = _scales(signal)
    sizes = [most]
    while effort in TOLERANCES and sizes[-1] // 2 >= LEAST_CELLS:
        sizes.append(sizes[-1] // 2)
    tried = [_tried(signal, n_cells, scale, offset, seed) for n_cells in sizes]
    least = [min(found.channels[c].error for found in tried) for c in range(signal.out_dim)]
    worst = [_worst(found, least) for found in tried]
    found = [each for each, error in zip(tried, worst, strict=True) if error <= TOLERANCES.get(effort, 1.0) ** 2 * min(worst)][-1]
    field = _spline_field(signal, found.n_cells)
    reason = (
        f"{effort}: a cubic spline of {found.n_cells:,} cells by channel, {field.n_params:,} parameters; {_said(signal, found)}"
    )
    return Choice(field, "float32", "none", reason, solver=SplineSolver(tuple(one.penalty for one in found.channels)))


def _spline_field(signal: Signal, n_cells: int) -> EncodedField:
    """A cubic grid of one level whose features are the channels, in units of each channel's spread."""
    encoding = DenseGrid(1, ((n_cells,),), signal.out_dim, interpolation="cubic", init_scale=0.0)
    network = Mlp(signal.out_dim, signal.out_dim, signal.out_dim, depth=0)
    with torch.no_grad():
        network.layers[0].weight.copy_(torch.eye(signal.out_dim))  # type: ignore[operator]
        network.layers[0].bias.zero_()  # type: ignore[operator]
    scale, offset = _scales(signal)
    field = EncodedField(signal.box, encoding, network, tuple(scale), tuple(offset))
    field.recipe = Recipe(learning_rate=1e-2, schedule="cosine", steps=1000, batch_size=8192)  # where a start asks for descent
    return field


def _scales(signal: Signal) -> tuple[list[float], list[float]]:
    """Standard deviation (1 for a constant) and mean of each channel."""
    channels = [signal.known_channel(channel).double() for channel in range(signal.out_dim)]
    return [float(values.std(correction=0)) or 1.0 for values in channels], [float(values.mean()) for values in channels]


def _tried(signal: Signal, n_cells: int, scale: list[float], offset: list[float], seed: int) -> Found:
    rng = torch.Generator().manual_seed(seed)
    known = signal.known_samples
    index = None if known is None else known.nonzero().squeeze(-1)
    kept, _ = hold_out(signal.grid.size, index, HELDOUT_FRACTION, seed)
    rows = torch.arange(signal.grid.size) if kept is None else kept.long()
    at, channels = _in_cells(signal, n_cells)[rows], []
    for channel in range(signal.out_dim):
        values = (signal.values[rows, channel].double() - offset[channel]) / scale[channel]
        seen = torch.ones_like(rows, dtype=torch.bool)
        if signal.known is not None and signal.known.ndim == 2:
            seen = signal.known[rows, channel]
        channels.append(cross_validated(at[seen], values[seen], n_cells, rng))
    return Found(n_cells, tuple(channels))


def _in_cells(signal: Signal, n_cells: int) -> Tensor:
    """Where the samples lie [n], from 0 to n_cells."""
    low, high = signal.box.bounds[0]
    times = signal.grid.axis_coords(0, dtype=torch.float64) if signal.places is None else signal.places[:, 0]
    return (times - low) * (n_cells / (high - low))


def _median_step(signal: Signal) -> float:
    return signal.grid.spacing[0] if signal.places is None else float(signal.places[:, 0].diff().median())


def _worst(found: Found, least: list[float]) -> float:
    """The held-out error over the least of any number of cells, of the channel where that is largest."""
    return max(one.error / low if low > 0 else 1.0 for one, low in zip(found.channels, least, strict=True))


def _said(signal: Signal, found: Found) -> str:
    """What cross-validation says, in words."""
    parts = []
    for name, scale, one in zip(signal.channels[:3], _scales(signal)[0], found.channels, strict=False):
        smooth, through = math.sqrt(one.error) * scale, math.sqrt(one.interpolated) * scale
        parts.append(f"{name} {smooth:.3g} ({through:.3g})")
    more = "" if signal.out_dim <= 3 else " …"
    better = sum(NEAR * one.interpolated < one.error for one in found.channels)
    verdict = f"; interpolation is better for {better} of {signal.out_dim}, for these say --target-psnr" if better else ""
    return f"error at samples left out (that of cubic interpolation): {', '.join(parts)}{more}{verdict}"
