"""Pictures: files and arrays to signals of axes ("y", "x") in pixels, values in [0, 1], and back.

`read_picture`, `from_array` and `write_picture` are the door; `image_write.open_picture_writer` writes by rows, and its module
lists what each format can hold. What a file knew is in the signal's `source` and `blobs`, and is written back.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ungrid.errors import InputError
from ungrid.signals.base import Outline, Signal
from ungrid.signals.image_pillow import from_pillow
from ungrid.signals.image_raster import Raster, Samples, color_names, picture_signal, to_signal
from ungrid.signals.image_read import READABLE, format_by_start, read_raster
from ungrid.signals.image_write import FORMATS, PictureWriter, open_picture_writer
from ungrid.signals.modality import Modality

__all__ = ["IMAGE", "from_array", "picture_signal", "read_picture", "write_picture"]

MAX_PIXELS = 2**28
_BAND_VALUES = 2**22


def read_picture(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> Signal:
    """A picture file as a signal: PNG, JPEG, TIFF, EXR, WebP, AVIF, JPEG 2000, BMP, GIF or PNM, by content and not by name.

    Integers become v / (2^bits − 1), whatever the picture's own range; floats are kept as they are. The picture comes upright
    by its EXIF orientation, palettes as colors, CMYK as sRGB; `source` notes each, with format, width, height, bit_depth,
    sample_format ("uint" or "float"), transfer ("srgb" for integers, "linear" for floats), dpi, orientation, palette, n_pages,
    file, bytes and sha256.
    `blobs` has the color profile and the EXIF. Of a film or a file of pages the first picture is read.

    Args:
        path: of the file.
        max_pixels: most pixels, and a quarter of the most values, that the file may declare; checked before decoding.

    Raises:
        MissingFile: no such file.
        UnreadableInput: no picture, or cut off or damaged.
        InputError: a folder, a picture beyond the limit, samples that are NaN or infinite.
        MissingExtra: a kind of picture whose package is not installed.
    """
    path = Path(path)
    signal = to_signal(read_raster(path, max_pixels=max_pixels), path.name)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    known = {"file": path.name, "bytes": path.stat().st_size, "sha256": digest}
    return replace(signal, source={**signal.source, **known})


def from_array(array: Any, *, channels: Sequence[str] | None = None) -> Signal:
    """An array [H, W] or [H, W, c] (NumPy, torch or alike) or a PIL picture as a signal; channels are the last axis.

    Unsigned integers become v / their type's maximum and booleans 0 or 1; floats are kept as they are and taken as sRGB-encoded.

    Args:
        array: up to 4 channels, or more if they are fewer than rows and columns: [3, H, W] is refused and not guessed at.
        channels: names; None for gray, gray and alpha, RGB, RGBA by their number, and band0, band1 … beyond 4.

    Raises:
        InputError: another shape, signed or complex numbers, NaN or infinite values.
    """
    from PIL import Image

    if isinstance(array, Image.Image):
        return to_signal(from_pillow(array, array.format or "array"), "the picture")
    samples = _picture_samples(array)
    names = tuple(channels) if channels is not None else color_names(samples.shape[2])
    if len(names) != samples.shape[2] or len(set(names)) < len(names):
        raise InputError(f"the array has {samples.shape[2]} channels; expected a name of its own for each, got {names}")
    depth = {"b": 1, "u": 8 * samples.dtype.itemsize}.get(samples.dtype.kind)
    return to_signal(Raster(samples, names, "array", depth), "the array")


def write_picture(
    path: str | os.PathLike[str], picture: Any, *, channels: Sequence[str] | None = None, bit_depth: int | None = None
) -> None:
    """Write a signal, or an array as `from_array` takes it, to a picture file; its extension says the format.

    Args:
        path: of the file; `image_write` lists the extensions.
        picture: what to write.
        channels: of an array: see `from_array`.
        bit_depth: of the file; None for the source's where the format has it.

    Raises:
        InputError: a format that cannot hold the picture.
        MachineError: not writable, disk full.
    """
    signal = picture if isinstance(picture, Signal) else from_array(picture, channels=channels)
    if signal.kind != "image":
        raise InputError(f"a signal of kind {signal.kind!r} is no picture")
    height, width = signal.grid.shape
    step = max(1, _BAND_VALUES // (width * signal.out_dim))
    with open_picture_writer(
        Path(path),
        shape=(height, width),
        channels=signal.channels,
        source=signal.source,
        blobs=signal.blobs,
        bit_depth=bit_depth,
    ) as writer:
        for start in range(0, height, step):
            writer.write_rows(signal.values[start : start + step])


def _picture_samples(array: Any) -> Samples:
    """[H, W, c] of unsigned integers, booleans or floats."""
    if isinstance(array, torch.Tensor):
        array = array.detach().cpu()
        array = (array.float() if array.dtype == torch.bfloat16 else array).numpy()
    samples = np.asarray(array)
    if samples.dtype.kind not in "ubf":
        raise InputError(
            f"the array has numbers of type {samples.dtype}, whose white is unknown; expected unsigned integers (white is the "
            f"type's maximum), booleans or floats (white is 1): convert it, e.g. array.astype('uint8')"
        )
    if samples.ndim not in (2, 3) or 0 in samples.shape:
        raise InputError(f"the array has shape {samples.shape}; expected [H, W] or [H, W, c], none of them 0")
    if samples.ndim == 2:
        return samples[..., None]
    if samples.shape[2] > 4 and samples.shape[2] >= min(samples.shape[:2]):
        raise InputError(
            f"the array has shape {samples.shape}; expected [H, W, c] with channels last, at most 4 or fewer than rows and "
            f"columns; if its channels are first, move them: numpy.moveaxis(array, 0, -1) or tensor.permute(1, 2, 0)"
        )
    return samples


def adopt_picture(thing: Any) -> Signal | None:
    """An array [H, W] or [H, W, c] or a PIL picture as a signal, see `from_array`; None for what is none.

    What has an affine, four axes, or three sizes above 4 of which the last is not the smallest may be a volume.
    """
    from PIL import Image

    shape = tuple(getattr(thing, "shape", ()))
    is_block = len(shape) > 3 or (len(shape) == 3 and min(shape) > 4 and shape[2] >= min(shape[:2]))
    if is_block or hasattr(thing, "affine"):
        return None
    return from_array(thing) if hasattr(thing, "shape") or isinstance(thing, Image.Image | list) else None


@contextlib.contextmanager
def open_picture(path: Path, outline: Outline) -> Iterator[PictureWriter]:
    """Begin the file of a picture whose outline is given: `open_picture_writer` says what is kept."""
    height, width = outline.grid.shape
    with open_picture_writer(
        path, shape=(height, width), channels=outline.channels, source=outline.source, blobs=outline.blobs
    ) as writer:
        yield writer


IMAGE = Modality(
    "image",
    f"a picture ({', '.join(READABLE)})",
    lambda path, start: format_by_start(start) is not None,
    read_picture,
    tuple(FORMATS),
    open_picture,
    adopt_picture,
)
