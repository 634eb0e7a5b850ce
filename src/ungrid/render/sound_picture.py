"""Sound as a picture: its waveform above its spectrogram, with axes in seconds, hertz and decibels."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.files import write_beside
from ungrid.metrics.error import check_pair
from ungrid.render.evaluate import bands
from ungrid.signals.base import Signal

Read = Callable[[int, int], Tensor]  # samples [first, last) → their mean over channels [n]
WIDTH, WAVE, SPECTRUM = 900, 130, 260  # pixels of a panel, across and high
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 20, 32
FFT = 1024
RANGE = 90.0  # dB from black to white
STEP = 2**16
COLORS = ((0, 0, 4), (40, 11, 84), (101, 21, 110), (159, 42, 99), (212, 72, 66), (245, 125, 21), (250, 193, 39), (252, 255, 164))
INK, PAPER, LINE = (40, 40, 40), (255, 255, 255), (30, 90, 160)


def draw_sound(field: Field, path: Path, grid: Grid, *, max_memory: int | None = None) -> None:
    """Waveform and spectrogram of a field of sound on a grid, as a picture.

    A long sound is read in parts; of each column of the spectrogram one frame of 1,024 samples is looked at.

    Args:
        field: of one axis in seconds.
        path: of the picture.
        grid: the samples, as `drawing_grid` gives them.
        max_memory: bytes that evaluating may take.

    Raises:
        InputError: a name that no picture has, too little memory.
        MachineError: not writable, disk full.
    """

    def read(first: int, last: int) -> Tensor:
        part = grid.part((slice(first, last),))
        return torch.cat([*bands(field, part, max_memory=max_memory)]).mean(dim=1).cpu()

    n = grid.shape[0]
    panels = [
        framed(waveform(read, n), "waveform", _seconds(grid), _loudest(read, n), ""),
        framed(spectrogram(read, n)[0], "spectrogram", _seconds(grid), _hertz(grid), "Hz"),
    ]
    _save(panels, path)


def draw_sound_comparison(result: Signal, reference: Signal, path: Path) -> None:
    """Spectrograms of the original, the result and the error on one scale of 90 dB, above each other.

    Raises:
        ShapeError: sounds of different length or channels.
        InputError: a name that no picture has.
        MachineError: not writable, disk full.
    """
    check_pair(result.values, reference.values)
    error = result.values - reference.values
    top: float | None = None
    panels = []
    for caption, values in (("original", reference.values), ("result", result.values), ("error", error)):

        def read(first: int, last: int, values: Tensor = values) -> Tensor:
            return values[first:last].mean(dim=1)

        picture, found = spectrogram(read, len(values), top)
        top = found if top is None else top
        panels.append(framed(picture, caption, _seconds(reference.grid), _hertz(reference.grid), "Hz"))
    _save(panels, path)


def waveform(read: Read, n: int) -> NDArray[np.uint8]:
    """Lowest to highest sample under each column [WAVE, WIDTH, 3], from the largest magnitude above to its negative below."""
    low, high = torch.full((WIDTH,), math.inf), torch.full((WIDTH,), -math.inf)
    for first in range(0, n, STEP):
        values = read(first, min(first + STEP, n)).float()
        column = (torch.arange(first, first + len(values)) * WIDTH) // n
        low.scatter_reduce_(0, column, values, "amin")
        high.scatter_reduce_(0, column, values, "amax")
    empty = ~low.isfinite()  # fewer samples than columns: the nearest one before
    held = torch.cummax(torch.where(empty, -1, torch.arange(WIDTH)), dim=0).values.clamp_min(0)
    low, high = low[held], high[held]
    peak = max(float(high.abs().max()), float(low.abs().max()), 1e-30)
    rows = [((1 - edge / peak) / 2 * (WAVE - 1)).numpy() for edge in (high, low)]
    at = np.arange(WAVE)[:, None]
    inside = (at >= np.floor(rows[0])) & (at <= np.ceil(rows[1]))
    return np.where(inside[..., None], np.array(LINE, np.uint8), np.array(PAPER, np.uint8))


def spectrogram(read: Read, n: int, top: float | None = None) -> tuple[NDArray[np.uint8], float]:
    """Powers of Hann windows of 1,024 samples by time and frequency [SPECTRUM, WIDTH, 3], and the strongest [dB], which is `top`
    unless that is given."""
    taper = torch.hann_window(FFT)
    columns = []
    for column in range(WIDTH):
        start = round((column + 0.5) * n / WIDTH) - FFT // 2
        inside = read(max(start, 0), min(start + FFT, n)).float()
        frame = torch.zeros(FFT)
        frame[max(-start, 0) : max(-start, 0) + len(inside)] = inside
        columns.append(torch.fft.rfft(frame * taper).abs().square())
    power = torch.stack(columns, dim=1)[None, None]
    power = torch.nn.functional.adaptive_max_pool2d(power, (SPECTRUM, WIDTH))[0, 0].flip(0)
    decibels = 10 * power.clamp_min(1e-20).log10()
    top = float(decibels.max()) if top is None else top
    shade = ((decibels - top) / RANGE + 1).clamp(0, 1).numpy() * (len(COLORS) - 1)
    table = np.array(COLORS, dtype=np.float64)
    below = np.minimum(shade.astype(int), len(COLORS) - 2)
    mixed = table[below] + (shade - below)[..., None] * (table[below + 1] - table[below])
    return mixed.round().astype(np.uint8), top


def framed(
    panel: NDArray[np.uint8], caption: str, seconds: tuple[float, float], range_: tuple[float, float], unit: str
) -> NDArray[np.uint8]:
    """A panel with its caption above, ticks in seconds below and in the unit of its height at the left."""
    from PIL import Image, ImageDraw

    height, width = panel.shape[:2]
    sheet = Image.new("RGB", (LEFT + width + RIGHT, TOP + height + BOTTOM), PAPER)
    sheet.paste(Image.fromarray(panel), (LEFT, TOP))
    pen = ImageDraw.Draw(sheet)
    pen.text((LEFT, 3), f"{caption} ({unit})" if unit else caption, fill=INK, font_size=13)
    pen.rectangle((LEFT - 1, TOP - 1, LEFT + width, TOP + height), outline=INK)
    for value in ticks(*seconds, 10):
        x = LEFT + (value - seconds[0]) / (seconds[1] - seconds[0]) * width
        pen.line((x, TOP + height, x, TOP + height + 4), fill=INK)
        pen.text((x, TOP + height + 5), f"{value:g} s", fill=INK, font_size=11, anchor="ma")
    for value in ticks(*range_, 5):
        y = TOP + height - (value - range_[0]) / (range_[1] - range_[0]) * height
        pen.line((LEFT - 5, y, LEFT - 1, y), fill=INK)
        pen.text((LEFT - 8, y), f"{value:g}", fill=INK, font_size=11, anchor="rm")
    return np.asarray(sheet)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers in a range, about `most` of them: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return [round(i * step, 12) for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _seconds(grid: Grid) -> tuple[float, float]:
    return grid.box.bounds[0]


def _hertz(grid: Grid) -> tuple[float, float]:
    return 0.0, 0.5 / grid.spacing[0]


def _loudest(read: Read, n: int) -> tuple[float, float]:
    peak = max(float(read(first, min(first + STEP, n)).abs().max()) for first in range(0, n, STEP)) or 1.0
    return -peak, peak


def _save(panels: list[NDArray[np.uint8]], path: Path) -> None:
    from PIL import Image

    sheet = Image.fromarray(np.concatenate(panels))
    with write_beside(path) as temporary:
        try:
            sheet.save(temporary)
        except (ValueError, KeyError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InputError(f"cannot write the picture as {path.name} ({error}); expected a .png or .jpg name") from None
