"""Sound files through libsndfile: FLAC, Ogg, MP3, AIFF, large and compressed WAV; FLAC and Ogg written."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ungrid.errors import InputError, MissingExtra, UngridError, UnreadableInput
from ungrid.signals.wave_file import INFO, Recording, as_integers

STEP = 2**16  # samples read or encoded at once
SIGNATURE = " (libsndfile-"  # that the library adds to the tag "software"
INTEGER_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
FLOAT_BITS = {"FLOAT": 32, "DOUBLE": 64}
END_OF_STREAM = 4  # flag of an Ogg page


def _library(purpose: str) -> ModuleType:
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: the package without its library
        raise MissingExtra("soundfile", "audio", purpose) from None
    return soundfile  # type: ignore[no-any-return]


def open_by_library(path: Path, what: str, most_values: int) -> Recording:
    """A sound file, its header read.

    Args:
        path: of the file.
        what: it is by its first bytes, for messages: "FLAC".
        most_values: samples of all channels, beyond which it is refused, whatever it announces.

    Raises:
        UnreadableInput: cut off, damaged, or no sound; also while the samples are read.
        InputError: too long; while the samples are read.
        MissingExtra: without soundfile.
    """
    with _opened(path, what) as file:
        if file.format == "OGG":
            _check_last_page(path)
        rate, known, n_channels = int(file.samplerate), _known(file), int(file.channels)
        n = int(file.frames) if file.frames * n_channels <= most_values else 0  # 2^63 - 1 where it is not known
    return Recording((n, n_channels), rate, lambda: _blocks(path, what, most_values), known)


def _blocks(path: Path, what: str, most_values: int) -> Iterator[NDArray[Any]]:
    """float32 [m, c], a step at a time."""
    n = 0
    with _opened(path, what) as file:
        while len(block := file.read(STEP, dtype="float32", always_2d=True)):
            n += len(block)
            if n * file.channels > most_values:
                raise InputError(f"{path.name} has more than {most_values:,} samples; cut it into parts")
            yield block
        if n == 0:
            raise ValueError("it holds no samples")
        if 0 < n < file.frames < 2**62:
            raise ValueError(f"it is cut off: {file.frames:,} samples are announced, {n:,} are there")


@contextlib.contextmanager
def _opened(path: Path, what: str) -> Iterator[Any]:
    """The file. The library's own errors become ours."""
    soundfile = _library(f"reading {what} sound")
    try:
        with soundfile.SoundFile(path) as file:
            yield file
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        if isinstance(error, UngridError):
            raise
        said = " ".join(str(error).split()).replace(str(path), path.name).removeprefix(f"Error opening '{path.name}': ")
        raise UnreadableInput(f"{path.name} cannot be read as {what} sound: {said[:160]}; copy or export it again") from None


def _known(file: Any) -> dict[str, Any]:
    tags = {name: getattr(file, name, "") for name in INFO}
    tags = {name: text.split(SIGNATURE)[0] for name, text in tags.items() if text}
    known: dict[str, Any] = {"format": file.format.replace("WAVEX", "WAV"), "subtype": file.subtype}
    if file.subtype in INTEGER_BITS:
        known |= {"bit_depth": INTEGER_BITS[file.subtype], "sample_format": "int"}
    else:
        known |= {"bit_depth": FLOAT_BITS.get(file.subtype, 32), "sample_format": "float"}
    return known | ({"tags": tags} if tags else {})


def _check_last_page(path: Path) -> None:
    """Raise ValueError unless an Ogg file ends with a page that ends its stream: one that is cut off has none."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 2**16))
        end = file.read()
    at = end.rfind(b"OggS")
    if at < 0 or len(end) < at + 6 or not end[at + 5] & END_OF_STREAM:
        raise ValueError("it is cut off: its last page does not end the stream")


class LibraryWriter:
    """Streams samples into a FLAC or Ogg file.

    Args:
        path: of the file, ending in .flac or .ogg.
        n_channels: c.
        rate: samples a second.
        bits: of FLAC's integers: 8, 16 or 24.
        tags: by name.

    Raises:
        InputError: channels or a rate that the format does not have.
        MissingExtra: without soundfile.
    """

    def __init__(self, path: Path, n_channels: int, rate: int, *, bits: int = 16, tags: dict[str, str] | None = None):
        soundfile = _library(f"writing {path.suffix}")
        is_flac = path.suffix.lower() == ".flac"
        subtype = {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24"}[bits] if is_flac else "VORBIS"
        self._bits = bits if is_flac else None
        try:
            self._file = soundfile.SoundFile(path, "w", rate, n_channels, subtype, format="FLAC" if is_flac else "OGG")
        except (soundfile.LibsndfileError, ValueError) as error:
            path.unlink(missing_ok=True)
            raise InputError(
                f"{path.suffix} cannot hold {n_channels} channels at {rate} Hz ({' '.join(str(error).split())[-80:]}); write .wav"
            ) from None
        for name, text in (tags or {}).items():
            if name in INFO:
                setattr(self._file, name, text)

    def write(self, samples: NDArray[Any]) -> None:
        """The next samples [r, c]."""
        for start in range(0, len(samples), STEP):
            part = samples[start : start + STEP]
            if self._bits is None:
                self._file.write(part.astype(np.float32))
            else:
                self._file.write((as_integers(part, self._bits) << (32 - self._bits)).astype(np.int32))

    def close(self) -> None:
        """Complete the file."""
        self._file.close()
