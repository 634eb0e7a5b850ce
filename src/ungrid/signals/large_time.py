"""Films and sound of any length: decoded once, in turn, as the numbers that they hold, into a file beside the output."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import UnreadableInput
from ungrid.signals.audio import channel_names, recording_of
from ungrid.signals.base import Outline
from ungrid.signals.decoded import decode
from ungrid.signals.first_bytes import first_bytes
from ungrid.signals.large import ArrayBlocks, LargeSignal, described, file_identity
from ungrid.signals.part import Part
from ungrid.signals.video import film_of
from ungrid.signals.video_film import excerpt, pictures

MOST_SAMPLES = 2**36  # of all channels of a recording
SHORT = 16  # bits of integers that are kept as they are; float32 holds those of 24 without loss
FLOAT_BYTES = 4


def open_large_film(path: Path, folder: Path, part: Part) -> LargeSignal:
    """A film, or a part of it, as a signal that is read by blocks; frames are kept as the 8 or 16 bits that they have.

    Args:
        path: of the file, or of a folder of pictures.
        folder: where the frames are kept.
        part: which seconds and pixels, reduced by which factor, at which rate.

    Raises:
        UnreadableInput: no film, or cut off or damaged.
        InputError: frames at uneven times where no rate is asked for, a part outside.
        MissingExtra: PyAV is not installed.
        MachineError: no room on the disk.
    """
    film = film_of(path, first_bytes(path))
    taken = excerpt(film, part)
    identity = {"file": path.name} if path.is_dir() else file_identity(path)
    width = FLOAT_BYTES if taken.white == 1 else 1 if film.white < 256 else 2
    frames = (picture[None] for picture in pictures(film, taken))
    where, _ = decode(frames, folder, width * taken.grid.size * len(film.channels), path.name)
    outline = Outline(taken.grid, "video", film.channels, taken.source, film.blobs)
    whole = {} if part.is_all else {"part": str(part)}
    return LargeSignal(described(outline, identity), ArrayBlocks(where, 3), taken.white, identity | whole)


def film_values(path: Path, part: Part) -> int:
    """Number of values of a film, or of a part of it; nothing but its first frame is decoded."""
    film = film_of(path, first_bytes(path))
    return excerpt(film, part).grid.size * len(film.channels)


def open_large_sound(path: Path, folder: Path) -> LargeSignal:
    """A recording as a signal that is read by blocks; integers of at most 16 bits are kept as they are, others as float32.

    Raises:
        UnreadableInput: no sound, cut off or damaged, or samples that are NaN or infinite.
        InputError: longer than 2^36 samples of all channels.
        MissingExtra: a format that needs soundfile, where it is not installed.
        MachineError: no room on the disk.
    """
    recording, identity = recording_of(path, MOST_SAMPLES), file_identity(path)
    is_short = recording.known.get("sample_format") == "int" and recording.known.get("bit_depth", 32) <= SHORT
    peak = 2.0 ** (SHORT - 1) if is_short else 1.0
    n, n_channels = recording.shape
    about = (n or 4 * path.stat().st_size) * n_channels * (2 if is_short else FLOAT_BYTES)
    blocks = _integers(recording.blocks(), peak) if is_short else _finite(recording.blocks(), recording.rate, path.name)
    where, n = decode(blocks, folder, about, path.name)
    grid = Grid(Box(("t",), ((0.0, n / recording.rate),), ("s",)), (n,))
    known = recording.known | {"sample_rate": recording.rate, "n_samples": n}
    outline = Outline(grid, "audio", channel_names(n_channels), known)
    return LargeSignal(described(outline, identity), ArrayBlocks(where, 1), peak, identity)


def sound_values(path: Path) -> int:
    """Number of values of a recording by its header, 0 where that does not say it."""
    n, n_channels = recording_of(path, MOST_SAMPLES).shape
    return n * n_channels


def _integers(blocks: Iterator[NDArray[Any]], peak: float) -> Iterator[NDArray[Any]]:
    for block in blocks:
        yield np.rint(block * peak).astype(np.int16)


def _finite(blocks: Iterator[NDArray[Any]], rate: int, name: str) -> Iterator[NDArray[Any]]:
    at = 0
    for block in blocks:
        if not bool(torch.from_numpy(block).isfinite().all()):
            bad = at + int(np.argwhere(~np.isfinite(block))[0, 0])
            raise UnreadableInput(
                f"{name} has a sample that is not finite, at {bad / rate:.6f} s; expected finite numbers: replace it, e.g. "
                f"numpy.nan_to_num"
            )
        at += len(block)
        yield block
