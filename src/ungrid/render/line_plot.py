"""Series as pictures: each channel a line over time, with its scale, under each other."""

import datetime as dt
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.files import write_beside
from ungrid.render.evaluate import bands

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1200, 96, 24, 26, 30  # pixels
PANEL, GAP = 150, 18
MOST_CHANNELS = 40
STEPS = (1, 2, 5, 10)
CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 432000, 864000)
INK, FAINT, LINE = (40, 40, 40), (225, 225, 225), (31, 90, 160)


def draw_series(field: Field, path: Path, grid: Grid, *, max_memory: int | None = None) -> None:
    """One picture of a series, on a width of 1,200 pixels: of many samples in a pixel the lowest and the highest.

    Args:
        field: fitted to a series.
        path: of the picture.
        grid: what is drawn.
        max_memory: bytes that evaluating may take.

    Raises:
        InputError: more than 40 channels, or a name of no picture.
        MachineError: not writable, disk full.
    """
    from PIL import Image, ImageDraw

    record = field.record
    channels = record.channels if record else ()
    if len(channels) > MOST_CHANNELS:
        raise InputError(f"a picture has room for {MOST_CHANNELS} channels, the series has {len(channels)}; write .csv or .npy")
    source = record.source if record else {}
    low, high = _envelopes(field, grid, max_memory)
    height = TOP + len(channels) * (PANEL + GAP) - GAP + BOTTOM
    sheet = Image.new("RGB", (WIDTH, height), "white")
    pen = ImageDraw.Draw(sheet)
    bounds = grid.box.bounds[0]
    ticks = _time_ticks(bounds, source, grid.box.units[0])
    for row, name in enumerate(channels):
        top = TOP + row * (PANEL + GAP)
        unit = source.get("units", {}).get(name, "")
        _panel(pen, top, low[:, row], high[:, row], [_across(at, bounds) for at, _ in ticks])
        pen.text((LEFT + 4, top - 15), f"{name} [{unit}]" if unit else name, fill=INK, font_size=12)
    for at, text in ticks:
        pen.text((_across(at, bounds), height - BOTTOM + 4), text, fill=INK, font_size=12, anchor="ma")
    with write_beside(path) as temporary:
        try:
            sheet.save(temporary)
        except (ValueError, KeyError) as error:
            raise InputError(f"cannot write the plot as {path.name} ({error}); expected a .png or .jpg name") from None


def _envelopes(field: Field, grid: Grid, max_memory: int | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Lowest and highest value [columns, c] in each column of pixels; of fewer samples than columns, the field at each."""
    n_columns = WIDTH - LEFT - RIGHT
    if grid.shape[0] < n_columns:
        grid = Grid(grid.box, (n_columns,))
    low, high = np.full((n_columns, field.out_dim), np.inf), np.full((n_columns, field.out_dim), -np.inf)
    done = 0
    for band in bands(field, grid, max_memory=max_memory):
        column = (torch.arange(done, done + len(band)) * n_columns // grid.shape[0]).numpy()
        values = band.cpu().double().numpy()
        np.minimum.at(low, column, values)
        np.maximum.at(high, column, values)
        done += len(band)
    return low, high


def _panel(pen: Any, top: int, low: NDArray[Any], high: NDArray[Any], verticals: list[float]) -> None:
    """One channel: its frame, its scale, its line."""
    least, most = float(low.min()), float(high.max())
    if most - least <= 1e-6 * max(abs(most), abs(least), 1e-30):
        least, most = least - 0.5, most + 0.5
    margin = 0.06 * (most - least)
    least, most = least - margin, most + margin

    def height(value: float) -> float:
        return top + PANEL * (most - value) / (most - least)

    for x in verticals:
        pen.line([(x, top), (x, top + PANEL)], fill=FAINT)
    for value in _round_numbers(least, most, 4):
        pen.line([(LEFT, height(value)), (WIDTH - RIGHT, height(value))], fill=FAINT)
        pen.text((LEFT - 6, height(value)), f"{value:.6g}", fill=INK, font_size=12, anchor="rm")
    pen.rectangle([LEFT, top, WIDTH - RIGHT, top + PANEL], outline=INK)
    middle = [(LEFT + k + 0.5, height((a + b) / 2)) for k, (a, b) in enumerate(zip(low, high, strict=True))]
    for (x, _), a, b in zip(middle, low, high, strict=True):
        pen.line([(x, height(b)), (x, height(a))], fill=LINE)
    pen.line(middle, fill=LINE)


def _time_ticks(bounds: tuple[float, float], source: dict[str, Any], unit: str) -> list[tuple[float, str]]:
    """Where to write which time."""
    start = source.get("start")
    if source.get("time_kind") != "date" or not isinstance(start, str):
        offset = float(start) if isinstance(start, int | float) else 0.0
        ticks = _round_numbers(bounds[0] + offset, bounds[1] + offset, 8)
        return [(at - offset, f"{at:.8g} {unit}".rstrip()) for at in ticks]
    first, span = dt.datetime.fromisoformat(start), bounds[1] - bounds[0]
    step = next((step for step in CLOCK if span / step <= 8), 86_400.0 * math.ceil(span / 86_400 / 8))
    midnight = -(first - first.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()
    form = "%Y-%m-%d" if step >= 86_400 else "%m-%d %H:%M" if step >= 60 else "%H:%M:%S"
    places = np.arange(math.ceil((bounds[0] - midnight) / step), math.floor((bounds[1] - midnight) / step) + 1) * step + midnight
    return [(float(at), (first + dt.timedelta(seconds=float(at))).strftime(form)) for at in places]


def _round_numbers(low: float, high: float, about: int) -> list[float]:
    """Round numbers within a range, at most so many and at least a third of it."""
    raw = (high - low) / about
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * scale for factor in STEPS if factor * scale >= raw * (1 - 1e-9))
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _across(at: float, bounds: tuple[float, float]) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (at - bounds[0]) / (bounds[1] - bounds[0])
