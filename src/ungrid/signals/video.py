"""Films: files, folders and arrays to signals of axes ("t", "y", "x") in seconds and pixels, values in [0, 1], and back.

`read_film`, `from_frames` and `write_film` are the door. `video_read` has the containers of FFmpeg, `video_pictures` folders and
animated pictures, `video_film` what all have in common, `video_write` the encoders. What a file knew is in the signal's `source`
and is written back where the format holds it; sound is noted there, and neither read nor written.
"""

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.array_file import is_array_file, read_arrays
from ungrid.signals.base import Signal
from ungrid.signals.first_bytes import first_bytes, what_else
from ungrid.signals.image_raster import color_names
from ungrid.signals.modality import Modality
from ungrid.signals.part import WHOLE, Part
from ungrid.signals.video_film import Film, Picture, to_signal
from ungrid.signals.video_pictures import ASSUMED_RATE, is_animation, is_numbered, open_animation, open_folder
from ungrid.signals.video_read import container_of, open_film
from ungrid.signals.video_write import ENCODERS, ENDINGS, open_film_writer

__all__ = ["VIDEO", "from_frames", "read_film", "write_film"]

FILES = "a film (MP4, MOV, MKV, WebM, AVI, animated GIF, WebP or PNG, or a folder of numbered pictures)"
_BAND_VALUES = 2**24


def read_film(path: str | os.PathLike[str], part: Part = WHOLE) -> Signal:
    """A film, or a part of it, as a signal: MP4, MOV, MKV, WebM, AVI, an animated GIF, WebP or PNG, or a folder of numbered
    pictures; by content and not by name.

    Colors are as stored, by the film's matrix and range: gamma-encoded R'G'B' in [0, 1]. It comes upright. The box is that of the
    whole film, cut to the part: seconds from the first frame, pixels of the file.

    Args:
        path: of the file or folder.
        part: which seconds and pixels, reduced by which factor, at which rate.

    Raises:
        MissingFile: no such file.
        UnreadableInput: no film, or cut off or damaged, or of frames of several sizes.
        InputError: frames at uneven times where no rate is asked for, a part outside, more than fits into memory.
        MissingExtra: PyAV is not installed.
    """
    path = Path(path)
    signal = to_signal(film_of(path, first_bytes(path)), part)
    if path.is_dir():
        return signal
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not part.is_all:  # another signal than the whole file
        digest = hashlib.sha256(f"{digest} {part}".encode()).hexdigest()
    return replace(signal, source=signal.source | {"file": path.name, "bytes": path.stat().st_size, "sha256": digest})


def from_frames(array: Any, rate: float, part: Part = WHOLE, *, name: str = "the array") -> Signal:
    """An array [t, y, x] or [t, y, x, c] (NumPy, torch or alike) as a film of `rate` frames a second.

    Unsigned integers become v / their type's maximum; floats are kept as they are. One channel is gray, three are RGB, four RGBA.

    Raises:
        InputError: another shape, other numbers, NaN or infinite ones, a rate that is not above 0.
    """
    frames = np.asarray(array.detach().cpu() if isinstance(array, torch.Tensor) else array)
    frames = frames[..., None] if frames.ndim == 3 else frames
    if frames.ndim != 4 or 0 in frames.shape or frames.shape[3] not in (1, 3, 4) or frames.dtype.kind not in "uf":
        raise InputError(
            f"{name} holds {frames.dtype} of shape {frames.shape}; a film is [t, y, x] or [t, y, x, c] of unsigned integers or "
            f"floats, with 1, 3 or 4 channels"
        )
    if not (math.isfinite(rate) and rate > 0):
        raise InputError(f"the rate of {name} is {rate} frames a second; expected more than 0")
    if frames.dtype.kind == "f" and not np.isfinite(frames).all():
        raise InputError(f"{name} holds NaN or infinite values; expected finite numbers")
    white = float(np.iinfo(frames.dtype).max) if frames.dtype.kind == "u" else 1.0
    n, height, width, n_channels = frames.shape
    depth = 8 * frames.dtype.itemsize if frames.dtype.kind == "u" else 32
    beat = Fraction(rate).limit_denominator(100_000)
    source = {
        "format": "array", "bit_depth": depth, "sample_format": "uint", "transfer": "srgb", "width": width, "height": height,
        "frame_rate": str(beat), "duration_seconds": n / float(beat), "metadata": {},
    }  # fmt: skip

    def turns() -> Iterator[Picture]:
        yield from frames

    times = [index / float(beat) for index in range(n)]
    film = Film(name, (height, width), color_names(n_channels), times, n / float(beat), 0.0, beat, white, turns, source, {})
    return to_signal(film, part)


def write_film(path: str | os.PathLike[str], film: Signal, *, encoder: str | None = None) -> None:
    """Write a signal to .mp4, .mkv, .webm or .gif, with the color tags, rate and shape of pixels of its source.

    Args:
        path: of the file.
        film: a signal of kind "video".
        encoder: a name in `video_write.ENCODERS`; None for the ending's own.

    Raises:
        InputError: another kind of signal, or a format that cannot hold it.
        MissingExtra: PyAV is not installed.
        MachineError: not writable, disk full.
    """
    if film.kind != "video":
        raise InputError(f"a signal of kind {film.kind!r} is no film")
    step = max(1, _BAND_VALUES // math.prod(film.values.shape[1:]))
    with open_film_writer(Path(path), film.outline, encoder=encoder) as writer:
        for band in film.values.split(step):
            writer.write_rows(band)


def is_film(path: Path, start: bytes) -> bool:
    """Whether a file or folder is a film, by its content."""
    return is_numbered(path) if not start else container_of(start) is not None or is_animation(path, start)


def film_of(path: Path, start: bytes) -> Film:
    """The frames of a file or folder, decoded as they are asked for.

    Args:
        path: of it.
        start: its first bytes; none of a folder.

    Raises:
        UnreadableInput: no film, or cut off or damaged.
    """
    if path.is_dir():
        return open_folder(path)
    container = container_of(start)
    if container is not None:
        return open_film(path, container)
    if is_animation(path, start):
        return open_animation(path)
    raise UnreadableInput(f"{path.name} holds {what_else(start)}; expected {FILES}: check that it is the right one")


def _read(path: Path, part: Part = WHOLE) -> Signal:
    if path.is_file() and is_array_file(path, first_bytes(path)):
        arrays = read_arrays(path)
        if len(arrays) != 1:
            raise InputError(f"{path.name} holds {len(arrays)} arrays, {', '.join(arrays)}; expected one film [t, y, x, c]")
        rate = part.rate or ASSUMED_RATE
        return from_frames(next(iter(arrays.values())), rate, replace(part, rate=None), name=path.name)
    return read_film(path, part)


VIDEO = Modality("video", FILES, is_film, _read, tuple(ENDINGS), open_film_writer, encoders=tuple(ENCODERS), read_part=_read)
