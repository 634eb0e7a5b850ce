"""Sound: files and arrays to signals of the axis "t" in seconds, and back.

`read_sound`, `sound_signal` and `open_sound` are the door. The n samples of a recording at a rate r are cells of [0, n / r] s:
sample i lies at (i + 1/2) / r. What a file knew is in the signal's `source`, and is written back.
"""

import contextlib
import hashlib
import math
import numbers
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, ShapeError, UnreadableInput
from ungrid.files import write_beside
from ungrid.signals.audio_library import LibraryWriter, open_by_library
from ungrid.signals.base import Outline, Signal
from ungrid.signals.first_bytes import first_bytes, what_else
from ungrid.signals.modality import Modality
from ungrid.signals.wave_file import CompressedWave, Recording, WaveWriter, open_wave

MOST_VALUES = 2**30  # samples of all channels: three hours in stereo at 44.1 kHz
ENDINGS = (".wav", ".flac", ".ogg")
MAGICS = {b"fLaC": "FLAC", b"OggS": "Ogg", b"ID3": "MP3", b"FORM": "AIFF", b"RIFX": "WAV", b"RF64": "WAV", b"RIFF": "WAV"}
FLAC_BITS = (8, 16, 24)


def sound_format(start: bytes) -> str | None:
    """Which sound a file holds by its first bytes, or None."""
    for magic, name in MAGICS.items():
        if start.startswith(magic):
            inner = {b"FORM": (b"AIFF", b"AIFC"), b"RIFF": (b"WAVE",), b"RIFX": (b"WAVE",), b"RF64": (b"WAVE",)}.get(magic)
            return name if inner is None or start[8:12] in inner else None
    # an MPEG frame of layer III: eleven ones, a version, the layer, then a bitrate and a rate that exist
    is_frame = len(start) > 3 and start[0] == 0xFF and start[1] & 0xE6 == 0xE2 and start[1] & 0x18 != 0x08
    return "MP3" if is_frame and start[2] >> 4 not in (0, 15) and start[2] >> 2 & 3 != 3 else None


def read_sound(path: str | os.PathLike[str]) -> Signal:
    """A sound file as a signal: WAV without any package, FLAC, Ogg, MP3 and AIFF by soundfile; by content and not by name.

    Integers become v / 2^(bits − 1), in [-1, 1); floats are kept as they are, in float32. `source` has format, subtype,
    sample_rate, bit_depth, sample_format ("int" or "float"), n_samples, tags (title, artist …), file, bytes and sha256.

    Raises:
        MissingFile: no such file.
        UnreadableInput: no sound, cut off or damaged, no samples, or samples that are NaN or infinite.
        InputError: longer than 2^30 samples of all channels.
        MissingExtra: a format that needs soundfile, where it is not installed.
    """
    path = Path(path)
    recording = recording_of(path, MOST_VALUES)
    samples = recording.samples()
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    known = {"file": path.name, "bytes": path.stat().st_size, "sha256": digest}
    return sound_signal(samples, recording.rate, recording.known | known, name=path.name)


def recording_of(path: Path, most_values: int) -> Recording:
    """A sound file by its content, its samples yet to be read.

    Args:
        path: of the file.
        most_values: samples of all channels, beyond which it is refused.

    Raises:
        MissingFile: no such file.
        UnreadableInput: no sound, cut off or damaged, or no samples.
        InputError: longer than that.
        MissingExtra: a format that needs soundfile, where it is not installed.
    """
    start = first_bytes(path)
    what = sound_format(start)
    if what is None:
        raise UnreadableInput(
            f"{path.name} holds {what_else(start) if start else 'no sound'}; expected sound: WAV, FLAC, Ogg, MP3 or AIFF"
        )
    if what != "WAV" or start.startswith(b"RF64"):
        return open_by_library(path, what, most_values)
    if path.stat().st_size > 8 * most_values:
        raise InputError(f"{path.name} has {path.stat().st_size:,} bytes, more than {8 * most_values:,}; cut it into parts")
    try:
        return open_wave(path)
    except CompressedWave:
        return open_by_library(path, "compressed WAV", most_values)


def sound_signal(
    samples: NDArray[Any] | Tensor, rate: float | int, source: dict[str, Any] | None = None, *, name: str = "the sound"
) -> Signal:
    """Samples [n] or [n, c] at a rate [Hz] as a signal; integers become v / 2^(bits − 1).

    Raises:
        InputError: another shape or type, NaN or infinite samples, a rate that is not positive.
    """
    array = samples.detach().cpu().numpy() if isinstance(samples, Tensor) else np.asarray(samples)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "if" or array.shape[1] > max(array.shape[0], 64):
        raise InputError(f"{name} has {array.dtype} of shape {array.shape}; expected signed integers or floats [n] or [n, c]")
    if not (isinstance(rate, numbers.Real) and math.isfinite(rate) and 0 < rate < 1e12):
        raise InputError(f"{name} has a rate of {rate} Hz; expected a positive number")
    known = {"sample_format": "int" if array.dtype.kind == "i" else "float", "bit_depth": 8 * array.dtype.itemsize}
    if array.dtype.kind == "i":
        array = array / 2.0 ** (8 * array.dtype.itemsize - 1)
    values = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    _check_finite(values, float(rate), name)
    grid = Grid(Box(("t",), ((0.0, len(values) / float(rate)),), ("s",)), (len(values),))
    known = known | (source or {}) | {"sample_rate": rate, "n_samples": len(values)}
    return Signal(values, grid, "audio", channel_names(values.shape[1]), known)


def _check_finite(values: Tensor, rate: float, name: str) -> None:
    if not bool(values.sum().isfinite()) and not bool(values.isfinite().all()):  # the sum needs no copy
        at, channel = (int(i) for i in (~values.isfinite()).nonzero()[0])
        raise UnreadableInput(
            f"{name} has a sample that is {float(values[at, channel])}, at {at / rate:.6f} s of channel {channel}; expected "
            f"finite numbers: replace it, e.g. numpy.nan_to_num"
        )


def channel_names(n_channels: int) -> tuple[str, ...]:
    """Mono; left and right; channel0, channel1 … for more."""
    few = {1: ("mono",), 2: ("left", "right")}
    return few.get(n_channels) or tuple(f"channel{i}" for i in range(n_channels))


def adopt_sound(thing: Any) -> Signal | None:
    """A pair (samples [n] or [n, c], rate in Hz) as a signal, None for anything else."""
    is_pair = isinstance(thing, tuple) and len(thing) == 2 and hasattr(thing[0], "shape") and isinstance(thing[1], numbers.Real)
    return sound_signal(thing[0], thing[1]) if is_pair else None


class SoundWriter:
    """Takes a signal's samples band by band, in order."""

    def __init__(self, path: Path, outline: Outline):
        self._n, self._done, self._shape = outline.grid.shape[0], 0, (outline.grid.shape[0], len(outline.channels))
        rate = whole_rate(outline.grid)
        source, ending = outline.source, path.suffix.lower()
        tags = source.get("tags") or {}
        bits = _bits(source, ending)
        self._to: WaveWriter | LibraryWriter
        if ending != ".wav":
            self._to = LibraryWriter(path, self._shape[1], rate, bits=bits, tags=tags)
            return
        is_float = source.get("sample_format") == "float"
        mask = source.get("channel_mask")
        file = open(path, "wb")  # noqa: SIM115 (closed by `close`)
        try:
            self._to = WaveWriter(file, self._shape, rate, bits=bits, is_float=is_float, tags=tags, channel_mask=mask)
        except InputError:
            file.close()
            raise

    def write_rows(self, values: Tensor) -> None:
        """The next r samples [r, c].

        Raises:
            ShapeError: more of them than were announced, or of another shape.
        """
        if tuple(values.shape[1:]) != self._shape[1:] or self._done + len(values) > self._n:
            raise ShapeError(f"a band of shape {tuple(values.shape)} does not fit into {self._shape} after {self._done}")
        self._to.write(values.detach().cpu().float().numpy())
        self._done += len(values)

    def close(self) -> None:
        """Complete the file."""
        self._to.close()

    def check_complete(self) -> None:
        """Raise InputError where samples are missing."""
        if self._done != self._n:
            raise InputError(f"the sound has {self._n} samples, {self._done} were written")


def _bits(source: dict[str, Any], ending: str) -> int:
    """Bits of a sample in the file: those of the source, where the format has them."""
    depth = source.get("bit_depth", 16)
    if ending == ".flac":
        return next((bits for bits in FLAC_BITS if bits >= depth), FLAC_BITS[-1])
    if source.get("sample_format") == "float":
        return 64 if depth == 64 else 32
    return next((bits for bits in (8, 16, 24) if bits >= depth), 32)


def whole_rate(grid: Grid) -> int:
    """Samples a second, as files have it: whole.

    Raises:
        InputError: a rate so far from a whole number that the sound would be a sample shorter or longer.
    """
    rate = 1 / grid.spacing[0]
    whole = round(rate)
    if whole < 1 or abs(grid.shape[0] - grid.box.extent[0] * whole) > 1:
        raise InputError(f"a sound file has a whole number of samples a second, not {rate:g}; say one with --rate, or write .npy")
    return whole


@contextlib.contextmanager
def open_sound(path: Path, outline: Outline) -> Iterator[SoundWriter]:
    """Begin a WAV, FLAC or Ogg file for a signal's outline; it has the source's bit depth and tags where the format has them.

    WAV keeps integers of 8 to 32 bits and floats of 32 and 64; FLAC has integers up to 24 bits, to which floats are rounded and
    clipped at ±1; Ogg is Vorbis, and loses some.

    Raises:
        InputError: another ending, a rate that is not whole, channels that the format does not have.
        MissingExtra: FLAC or Ogg without soundfile.
        MachineError: not writable, disk full.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"cannot write sound to {path.name}; expected a name ending in {' '.join(ENDINGS)}")
    with write_beside(path) as temporary:
        writer = SoundWriter(temporary, outline)
        try:
            yield writer
            writer.check_complete()
        finally:
            writer.close()


AUDIO = Modality(
    "audio",
    "a sound (WAV, FLAC, Ogg, MP3, AIFF)",
    lambda path, start: sound_format(start) is not None,
    read_sound,
    ENDINGS,
    open_sound,
    adopt_sound,
)
