"""Quality of a field of many tiles over a signal of which only blocks are in memory at a time."""

import math
from collections.abc import Iterator

import torch

from ungrid.domain.grid import Slices
from ungrid.errors import UngridError
from ungrid.fields.tiled import TiledField
from ungrid.metrics.signal import decibels
from ungrid.signals.base import RANGES, color_channels
from ungrid.signals.large import LargeSignal

FLAT_PEAKS = {"image": 1.0, "video": 1.0}


@torch.no_grad()
def streamed_metrics(field: TiledField, signal: LargeSignal) -> dict[str, float | None]:
    """`psnr`, `rmse` and `max_abs_error` over the whole signal, a tile at a time; blocks that cannot be read are left out.

    PSNR is against 1 for pictures, the root mean square for sound, the source's peak to peak for all else.

    Args:
        field: what is judged; values are clipped as they would be shown.
        signal: what it should be.
    """
    outline = signal.outline
    channels = color_channels(outline.channels) if outline.kind in FLAT_PEAKS else list(range(len(outline.channels)))
    limits = None if outline.source.get("sample_format") == "float" else RANGES.get(outline.kind)
    squares, power, largest, n, low, high = 0.0, 0.0, 0.0, 0, math.inf, -math.inf
    for where in cores(field, signal):
        try:
            truth = signal.read(where)[..., channels]
        except (UngridError, OSError):
            continue
        values = field.sample(signal.grid.part(where))
        error = ((values if limits is None else values.clamp(*limits))[..., channels] - truth).double()
        squares, power, n = squares + float(error.square().sum()), power + float(truth.double().square().sum()), n + error.numel()
        largest, low, high = max(largest, float(error.abs().max())), min(low, float(truth.min())), max(high, float(truth.max()))
    if n == 0:
        return {"psnr": None, "rmse": None, "max_abs_error": None}
    spread = math.sqrt(power / n) if outline.kind == "audio" else high - low
    peak = FLAT_PEAKS.get(outline.kind, spread or 1.0)
    return {"psnr": decibels(squares / n, peak), "rmse": math.sqrt(squares / n), "max_abs_error": largest}


def cores(field: TiledField, signal: LargeSignal) -> Iterator[Slices]:
    """Each tile without its reach, as slices of the signal's grid; together they are the whole, each sample once."""
    for flat in range(field.tiling.size):
        parts = zip(signal.grid.shape, field.tiling.index(flat), field.counts, strict=True)
        ends = [[round(n * (i + k) / count) for k in (0, 1)] for n, i, count in parts]
        yield tuple(slice(start, stop) for start, stop in ends)
