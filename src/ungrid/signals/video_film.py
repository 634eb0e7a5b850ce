"""A film before it is a signal: its frames in turn, and when each is shown; from there to values on an even grid."""

import math
import os
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.base import Signal, color_channels
from ungrid.signals.color import linear_to_srgb, srgb_to_linear
from ungrid.signals.part import Part

Picture = NDArray[Any]  # [h, w, c] of unsigned integers or floats
AXES, UNITS = ("t", "y", "x"), ("s", "px", "px")
EVEN = 0.02  # of a frame's time, by which frames may be off an even beat
FIT_COPIES = 3  # of a film's values that fitting and measuring hold: the film, what is drawn, what is shown
MOST_VALUES = 2**33


@dataclass(frozen=True)
class Film:
    """Frames and their times.

    Args:
        name: of the file or folder, for messages.
        shape: (height, width) in pixels, upright.
        channels: of each frame.
        times: when each frame begins, in seconds from the first.
        duration: when the last one ends.
        tick: seconds; times in the file are whole multiples of it.
        declared: frames a second that the file says, or None.
        white: the number that becomes 1.
        frames: all frames in turn, decoded as they are asked for.
        source: what the file knew.
        blobs: what it knew as bytes.
    """

    name: str
    shape: tuple[int, int]
    channels: tuple[str, ...]
    times: list[float]
    duration: float
    tick: float
    declared: Fraction | None
    white: float
    frames: Callable[[], Iterator[Picture]]
    source: dict[str, Any]
    blobs: dict[str, bytes]


def to_signal(film: Film, part: Part) -> Signal:
    """The film, or a part of it, as values [t, y, x, c] on a grid; frame i is in the middle of the i-th frame's time.

    Raises:
        InputError: frames at uneven times and no rate asked for, a region outside, more than fits into memory.
        UnreadableInput: frames of several sizes, missing or damaged ones.
    """
    taken = excerpt(film, part)
    check_room(film.name, (*taken.grid.shape, len(film.channels)), taken.whole_seconds)
    values = torch.empty((*taken.grid.shape, len(film.channels)))
    for index, picture in enumerate(pictures(film, taken)):
        values[index] = torch.from_numpy(picture.astype(np.float32)) / taken.white
    return Signal(values, taken.grid, "video", film.channels, taken.source, film.blobs)


@dataclass(frozen=True)
class Excerpt:
    """What is to be read of a film.

    Args:
        grid: of the samples, frame i in the middle of the i-th frame's time.
        shown: of each frame of the grid, the index of the film's.
        window: rows and columns of the film's pictures.
        reduction: n of the n × n pixels whose mean light becomes one.
        white: the number that becomes 1.
        source: what is known of the result.
        whole_seconds: of the whole film.
    """

    grid: Grid
    shown: list[int]
    window: tuple[slice, slice]
    reduction: int
    white: float
    source: dict[str, Any]
    whole_seconds: float


def excerpt(film: Film, part: Part) -> Excerpt:
    """Which frames and pixels a part of a film is.

    Raises:
        InputError: frames at uneven times and no rate asked for, a region outside.
    """
    rate, shown = beat(film, part.rate)
    height, width = film.shape
    bounds = ((0.0, len(shown) / float(rate)), (0.0, float(height)), (0.0, float(width)))
    whole = Grid(Box(AXES, bounds, UNITS), (len(shown), height, width))
    taken = whole.crop(part.region) if part.region else whole
    first, rows, columns = (
        slice(round((low - start) / pitch), round((low - start) / pitch) + n)
        for (low, _), (start, _), pitch, n in zip(taken.box.bounds, whole.box.bounds, whole.spacing, taken.shape, strict=True)
    )
    known = {"frame_rate": str(rate), "n_frames": len(film.times)}
    if part.rate is not None and "frame_rate" in film.source:
        known["resampled_from"] = film.source["frame_rate"]
    if part.reduction > 1:
        known["reduction"] = part.reduction
    white = film.white if part.reduction == 1 else 1.0
    grid, seconds = _reduced(taken, part.reduction), whole.shape[0] / float(rate)
    return Excerpt(grid, shown[first], (rows, columns), part.reduction, white, film.source | known, seconds)


def beat(film: Film, rate: float | None) -> tuple[Fraction, list[int]]:
    """Frames a second, and the index of the film's frame that is shown in the middle of each.

    Raises:
        InputError: the film has no even rate and none is asked for.
    """
    if rate is not None and film.tick > 0:
        return _resampled(film, rate)
    if rate is not None:  # pictures without times
        return Fraction(rate).limit_denominator(100_000), list(range(len(film.times)))
    even = even_rate(film)
    if even is not None:
        return even, list(range(len(film.times)))
    steps = [after - before for before, after in zip(film.times, film.times[1:], strict=False)]
    suggestion = max(1, round((len(film.times) - 1) / (film.times[-1] - film.times[0]))) if film.times[-1] > film.times[0] else 25
    raise InputError(
        f"the frames of {film.name} come at uneven times, {min(steps):.4g} to {max(steps):.4g} s apart, and a grid needs "
        f"even ones; say a rate to take the frame that is shown at each time: --fps {suggestion}"
    )


def even_rate(film: Film) -> Fraction | None:
    """Frames a second of frames at even times, to a tick of the file's clock and a fiftieth of a frame; None if they are not."""
    n = len(film.times)
    if n == 1:
        return film.declared or Fraction(1 / max(film.duration, 1e-3)).limit_denominator(1001)
    mean = (film.times[-1] - film.times[0]) / (n - 1)
    if not mean > 0:
        return None
    near = Fraction(1 / mean).limit_denominator(1001)
    for rate in (film.declared, near, Fraction(1 / mean).limit_denominator(100_000)):
        if not rate:
            continue
        most = max(1.001 * film.tick, EVEN / float(rate)) if film.tick < 0.5 / float(rate) else EVEN / float(rate)
        if all(abs(time - film.times[0] - index / float(rate)) <= most for index, time in enumerate(film.times)):
            return rate
    return None


def _resampled(film: Film, rate: float) -> tuple[Fraction, list[int]]:
    n = max(1, round(film.duration * rate))
    if n > 2**24:
        raise InputError(f"{film.name} of {film.duration:.4g} s has {n:,} frames at {rate:g} a second; ask for fewer")
    shown = [max(0, bisect_right(film.times, (index + 0.5) / rate + 1e-9) - 1) for index in range(n)]
    return Fraction(rate).limit_denominator(100_000), shown


def _reduced(grid: Grid, reduction: int) -> Grid:
    """Cells n × n times as large along y and x; rows and columns that fill no cell are left out."""
    n_frames, *sides = grid.shape
    if min(sides) < reduction:
        raise InputError(f"a part of {sides[1]}×{sides[0]} pixels cannot be reduced by {reduction}; ask for less")
    kept = grid.part((slice(0, n_frames), *(slice(0, n // reduction * reduction) for n in sides)))
    return Grid(kept.box, (n_frames, *(n // reduction for n in sides)))


def check_room(name: str, shape: tuple[int, ...], duration: float, available: int | None = None) -> None:
    """Raise InputError, before anything of that size is allocated, unless a film and its fit fit into memory.

    Args:
        name: of the film.
        shape: (frames, height, width, channels) that would be read.
        duration: of the whole film in seconds.
        available: bytes of memory; None for what the machine has free.
    """
    available = free_memory() if available is None else available
    n_values = math.prod(shape)
    if n_values <= MOST_VALUES and 4 * n_values * FIT_COPIES <= available:
        return
    share = max(1e-9, min(available / (4 * n_values * FIT_COPIES), MOST_VALUES / n_values))
    raise InputError(
        f"{shape[0]} frames of {shape[2]}×{shape[1]} pixels in {name} take {4 * n_values / 1e9:,.1f} GB as numbers and a fit "
        f"{FIT_COPIES} times that, and {available / 1e9:,.1f} GB are free: read a part with --region t=0:{duration * share:.2g}, "
        f"fewer pixels with --reduce {min(64, math.ceil(share**-0.5))}, or fewer frames with --fps; ungrid fit and "
        "ug.fit_large fit all of it in windows"
    )


def free_memory() -> int:
    """Bytes of memory that can be taken without swapping; the largest number where the machine does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**62


def pictures(film: Film, taken: Excerpt) -> Iterator[Picture]:
    """The frames of an excerpt [h, w, c] in turn, as they are stored, or the mean light of their pixels; none beyond the last
    that is needed is decoded.

    Raises:
        UnreadableInput: frames of several sizes, missing or damaged ones.
    """
    place, shown, expected = 0, taken.shown, (*film.shape, len(film.channels))
    for index, frame in enumerate(film.frames()):
        if place == len(shown):
            return
        if frame.shape != expected:
            raise UnreadableInput(
                f"frame {index} of {film.name} has {frame.shape[1]}×{frame.shape[0]} pixels of {frame.shape[2]} channels, the "
                f"first {expected[1]}×{expected[0]} of {expected[2]}; a film has one size: convert it, or read the part before"
            )
        if index < shown[place]:
            continue
        picture = frame[taken.window]
        if taken.reduction > 1:
            light = torch.from_numpy(picture.astype(np.float32)) / film.white
            picture = _smaller(light, film.channels, taken.reduction).numpy()
        while place < len(shown) and shown[place] == index:
            yield picture
            place += 1
    if place < len(shown):
        raise UnreadableInput(
            f"{film.name} is cut off or damaged: {len(film.times)} frames are announced, and frame {shown[place]} is not there; "
            f"copy it again, or read what is there with --region t=0:SECONDS"
        )


def _smaller(picture: Tensor, channels: tuple[str, ...], reduction: int) -> Tensor:
    """Mean light of n × n pixels."""
    height, width = (n // reduction * reduction for n in picture.shape[:2])
    light, color = picture[:height, :width].clone(), color_channels(channels)
    light[..., color] = srgb_to_linear(light[..., color])
    mean = avg_pool2d(light.permute(2, 0, 1)[None], reduction)[0].permute(1, 2, 0).clone()
    mean[..., color] = linear_to_srgb(mean[..., color])
    return mean
