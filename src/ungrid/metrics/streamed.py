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

MOST_VALUES = 2**22  # looked at at once: each takes some 40 bytes
FLAT_PEAKS = {"image": 1.0, "video": 1.0}


@torch.no_grad()
def streamed_metrics(field: TiledField, signal: LargeSignal) -> dict[str, float | None]:
    """`psnr`, `rmse` and `max_abs_error` over the whole signal, a part of a tile at a time; what cannot be read is left out.

    PSNR is against 1 for pictures and films, the root mean square for sound, which makes it the SNR, also as `snr`; the source's
    peak to peak for all else. Of films also `psnr_lowest`, of the worst frame.

    Args:
        field: what is judged; values are clipped as they would be shown.
        signal: what it should be.
    """
    outline = signal.outline
    channels = color_channels(outline.channels) if outline.kind in FLAT_PEAKS else list(range(len(outline.channels)))
    limits = None if outline.source.get("sample_format") == "float" else RANGES.get(outline.kind)
    squares, power, largest, n, low, high = 0.0, 0.0, 0.0, 0, math.inf, -math.inf
    frames: dict[int, float] = {}
    for where in pieces(field, signal):
        try:
            truth = signal.read(where)[..., channels]
        except (UngridError, OSError):
            continue
        values = field.sample(signal.grid.part(where))
        error = ((values if limits is None else values.clamp(*limits))[..., channels] - truth).double()
        if outline.kind == "video":
            for index, square in enumerate(error.square().sum(dim=(1, 2, 3)).tolist(), start=where[0].start):
                frames[index] = frames.get(index, 0.0) + square
        squares, power, n = squares + float(error.square().sum()), power + float(truth.double().square().sum()), n + error.numel()
        largest, low, high = max(largest, float(error.abs().max())), min(low, float(truth.min())), max(high, float(truth.max()))
    if n == 0:
        return {"psnr": None, "rmse": None, "max_abs_error": None}
    spread = math.sqrt(power / n) if outline.kind == "audio" else high - low
    peak = FLAT_PEAKS.get(outline.kind, spread or 1.0)
    level = decibels(squares / n, peak)
    own = {"snr": level} if outline.kind == "audio" else {}
    if frames:
        own["psnr_lowest"] = decibels(max(frames.values()) * len(frames) / n, peak)
    return {"psnr": level, **own, "rmse": math.sqrt(squares / n), "max_abs_error": largest}


def pieces(field: TiledField, signal: LargeSignal) -> Iterator[Slices]:
    """Each tile without its reach, cut along the first axis into parts of few values; together they are the whole."""
    for where in cores(field, signal):
        row = math.prod(part.stop - part.start for part in where[1:]) * len(signal.outline.channels)
        step = max(1, MOST_VALUES // row)
        for start in range(where[0].start, where[0].stop, step):
            yield (slice(start, min(start + step, where[0].stop)), *where[1:])


def cores(field: TiledField, signal: LargeSignal) -> Iterator[Slices]:
    """Each tile without its reach, as slices of the signal's grid; together they are the whole, each sample once."""
    for flat in range(field.tiling.size):
        parts = zip(signal.grid.shape, field.tiling.index(flat), field.counts, strict=True)
        ends = [[round(n * (i + k) / count) for k in (0, 1)] for n, i, count in parts]
        yield tuple(slice(start, stop) for start, stop in ends)
