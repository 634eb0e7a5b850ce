"""The pictures that quality is measured on: given ones, freely licensed ones of scikit-image, or the package's own."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.signals.base import Signal, color_channels
from ungrid.signals.image import from_array, read_picture
from ungrid.signals.sample import sample_photo

PHOTOGRAPHS = ("astronaut", "coffee", "chelsea")  # of skimage.data, in the public domain or CC0
CAMERA_SIDE = 256


def pictures(paths: Sequence[Path] = ()) -> dict[str, Signal]:
    """Pictures by name: of the given files, or scikit-image's camera reduced to 256² and three photographs, or our sample.

    Raises:
        UngridError: a file that is missing or no picture.
    """
    if paths:
        return {path.stem: color_only(read_picture(path)) for path in paths}
    if importlib.util.find_spec("skimage") is None:
        return {"chelsea": read_picture(sample_photo())}
    from skimage import data

    camera = Image.fromarray(data.camera()).resize((CAMERA_SIDE, CAMERA_SIDE), Image.Resampling.BILINEAR)
    return {"camera 256": from_array(np.asarray(camera)), **{name: from_array(getattr(data, name)()) for name in PHOTOGRAPHS}}


def color_only(signal: Signal) -> Signal:
    """The picture without its alpha channel."""
    color = color_channels(signal.channels)
    return Signal(
        signal.values[..., color].contiguous(), signal.grid, signal.kind, tuple(signal.channels[c] for c in color), signal.source
    )


def center(signal: Signal, side: int | None) -> Signal:
    """The middle of a picture, at most side × side pixels, as a picture of its own; all of it for None."""
    if side is None:
        return signal
    rows, columns = (slice((n - m) // 2, (n - m) // 2 + m) for n, m in ((n, min(n, side)) for n in signal.grid.shape))
    return of_pixels(signal, signal.values[rows, columns])


def of_pixels(signal: Signal, values: torch.Tensor) -> Signal:
    """Other pixels [h, w, c] as a picture of the same channels, on a box of its own pixels."""
    shape = (values.shape[0], values.shape[1])
    box = Box(("y", "x"), ((0.0, float(shape[0])), (0.0, float(shape[1]))), ("px", "px"))
    return Signal(values.contiguous(), Grid(box, shape), signal.kind, signal.channels, signal.source)
