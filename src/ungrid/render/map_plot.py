"""Fields over the sphere as maps: each channel in colors on longitude and latitude, with its scale."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.files import write_beside

WIDE, LEFT, RIGHT, TOP, BOTTOM, BAR = 900, 56, 96, 42, 22, 16  # pixels
MOST_CHANNELS = 12
INK, GRID_INK = (40, 40, 40), (120, 120, 120)
# dark blue to yellow for one sign, blue to red over white for two: a few colors of matplotlib's viridis and RdBu
ONE_SIGN = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
TWO_SIGNS = ((33, 102, 172), (146, 197, 222), (247, 247, 247), (244, 165, 130), (178, 24, 43))
STEPS = (1, 2, 5, 10, 15, 30, 45, 60, 90)


def draw_map(field: Field, path: Path, grid: Grid, *, max_memory: int | None = None) -> None:
    """One picture of the channels under each other, of the first level and time of the grid.

    Args:
        field: fitted to a field over the sphere.
        path: of the picture.
        grid: what is drawn; a coarser or finer one is sampled at the picture's pixels.
        max_memory: bytes that evaluating may take.

    Raises:
        InputError: more than 12 channels, or a name of no picture.
        MachineError: not writable, disk full.
    """
    from PIL import Image, ImageDraw

    record = field.record
    channels = record.channels if record else ()
    if len(channels) > MOST_CHANNELS:
        raise InputError(f"a picture has room for {MOST_CHANNELS} maps, the field has {len(channels)}; write .npz or .npy")
    first = grid.part((*(slice(0, 1) for _ in grid.shape[:-2]), *(slice(0, n) for n in grid.shape[-2:])))
    latitude, longitude = first.box.extent[-2:]
    high = max(40, min(WIDE, round(WIDE * latitude / longitude)))
    pixels = Grid(first.box, (*first.shape[:-2], high, WIDE), (*first.ticks[:-2], None, None) if first.ticks else ())
    values = field.sample(pixels, max_memory=max_memory).cpu().double().numpy().reshape(high, WIDE, -1)[::-1]
    sheet = Image.new("RGB", (LEFT + WIDE + RIGHT, len(channels) * (TOP + high) + BOTTOM), "white")
    pen = ImageDraw.Draw(sheet)
    where = "".join(
        f"  {axis} {_middle(first, at):g} {unit}"
        for at, (axis, unit) in enumerate(zip(first.box.axes[:-2], first.box.units[:-2], strict=True))
    )
    for row, name in enumerate(channels):
        top = row * (TOP + high) + TOP
        low, most = float(values[..., row].min()), float(values[..., row].max())
        sheet.paste(Image.fromarray(_colors(values[..., row], low, most)), (LEFT, top))
        bar = np.linspace(most, low, high)[:, None].repeat(BAR, 1)
        sheet.paste(Image.fromarray(_colors(bar, low, most)), (LEFT + WIDE + 10, top))
        for y, value in ((top, most), (top + high - 8, low)):
            pen.text((LEFT + WIDE + 14 + BAR, y), f"{value:.5g}", fill=INK, font_size=12)
        pen.text((LEFT, top - 19), f"{name}{where}", fill=INK, font_size=13)
        _graticule(pen, top, high, first)
    with write_beside(path) as temporary:
        try:
            sheet.save(temporary)
        except (ValueError, KeyError) as error:
            raise InputError(f"cannot write the map as {path.name} ({error}); expected a .png or .jpg name") from None


def _colors(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Values as colors [h, w, 3]; two signs get a scale that is white at zero."""
    palette = np.array(TWO_SIGNS if low < 0 < high else ONE_SIGN, dtype=np.float64)
    if low < 0 < high:
        low, high = -max(-low, high), max(-low, high)
    place = (values - low) / ((high - low) or 1.0) * (len(palette) - 1)
    steps = np.arange(len(palette))
    return np.stack([np.interp(place, steps, palette[:, k]) for k in range(3)], axis=-1).round().astype(np.uint8)


def _graticule(pen: Any, top: int, high: int, grid: Grid) -> None:
    """Meridians and parallels at round degrees, with their numbers."""
    (south, north), (west, east) = grid.box.bounds[-2:]
    for at in _round_degrees(south, north):
        y = top + high * (north - at) / (north - south)
        pen.line([(LEFT, y), (LEFT + WIDE, y)], fill=GRID_INK)
        pen.text((LEFT - 6, y), f"{at:g}°", fill=INK, font_size=12, anchor="rm")
    for at in _round_degrees(west, east):
        x = LEFT + WIDE * (at - west) / (east - west)
        pen.line([(x, top), (x, top + high)], fill=GRID_INK)
        pen.text((x, top + high + 3), f"{at:g}°", fill=INK, font_size=11, anchor="ma")


def _round_degrees(low: float, high: float) -> list[float]:
    """At most seven round numbers of degrees."""
    step = next((step for step in STEPS if (high - low) / step <= 7), 90)
    return [float(step * k) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _middle(grid: Grid, axis: int) -> float:
    return float(grid.axis_coords(axis)[0])
