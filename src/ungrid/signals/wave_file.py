"""WAV files without a library: uncompressed integers and floats, read and streamed, with the tags of their LIST chunk.

Samples are float32 [n, c] in [-1, 1): integers are v / 2^(bits − 1), floats as they are.
"""

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ungrid.errors import InputError, UnreadableInput

INTEGERS, FLOATS, EXTENSIBLE = 1, 3, 0xFFFE
UNTOLD = (0, 0xFFFFFFFF)  # bytes of samples, as programs leave them that cannot go back to the header: all that follow
MOST_CHUNKS, MOST_TEXT = 1000, 2**20
STEP = 2**20  # samples converted at once
GUID = bytes.fromhex("000000001000800000aa00389b71")  # of a sub-format, behind its code
# tags by the names that libsndfile has; ILIC is ours
INFO = {
    "title": b"INAM",
    "artist": b"IART",
    "album": b"IPRD",
    "date": b"ICRD",
    "comment": b"ICMT",
    "copyright": b"ICOP",
    "software": b"ISFT",
    "genre": b"IGNR",
    "tracknumber": b"ITRK",
    "license": b"ILIC",
}


class CompressedWave(UnreadableInput):
    """A WAV file whose samples are compressed: a library may read it."""


@dataclass(frozen=True)
class Recording:
    """What a sound file holds, its samples yet to be read.

    Args:
        shape: (n, c) as announced; some files only estimate n, or do not say it, which is 0.
        rate: samples a second.
        blocks: the samples in turn [m, c] float32, read as they are asked for.
        known: what else it says: format, subtype, bit_depth, sample_format, tags, channel_mask.
    """

    shape: tuple[int, int]
    rate: int
    blocks: Callable[[], Iterator[NDArray[Any]]]
    known: dict[str, Any] = field(default_factory=dict)

    def samples(self) -> NDArray[Any]:
        """All of them [n, c]."""
        samples, at = np.empty(self.shape, dtype=np.float32), 0
        for block in self.blocks():
            if at + len(block) > len(samples):  # more than was announced
                samples = np.concatenate([samples[:at], np.empty((max(at, len(block)), self.shape[1]), dtype=np.float32)])
            samples[at : at + len(block)] = block
            at += len(block)
        return samples[:at]


@dataclass(frozen=True)
class _Chunks:
    """Of a file: the layout of its samples, where they are, and its tags."""

    layout: bytes
    start: int
    size: int
    tags: dict[str, str]


def open_wave(path: Path) -> Recording:
    """A WAV file, its header read.

    Raises:
        UnreadableInput: no WAV file, cut off, damaged, or without samples; `CompressedWave` for one of compressed samples.
    """
    with open(path, "rb") as file:
        try:
            chunks = _chunks(file, os.path.getsize(path))
            code, n_channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", chunks.layout)
            mask = None
            if code == EXTENSIBLE:  # the code proper begins the sub-format's identifier
                mask, code = struct.unpack_from("<IH", chunks.layout, 20)
            if code not in (INTEGERS, FLOATS) or bits not in ((32, 64) if code == FLOATS else (8, 16, 24, 32)):
                raise CompressedWave(f"{path.name} has samples of code {code} and {bits} bits; expected integers or floats")
            if n_channels < 1 or rate < 1 or block not in (0, n_channels * bits // 8):
                raise ValueError(f"it declares {n_channels} channels at {rate} Hz, {block} bytes for each sample of all")
            n = chunks.size // (n_channels * bits // 8)
            if n < 1:
                raise ValueError("it holds no samples")
        except (ValueError, struct.error) as error:
            raise UnreadableInput(
                f"{path.name} cannot be read as a WAV file: {error}; expected integers or floats: export it again"
            ) from None
    kind = "float" if code == FLOATS else "int"
    subtype = {8: "PCM_U8"}.get(bits, f"PCM_{bits}") if kind == "int" else {32: "FLOAT", 64: "DOUBLE"}[bits]
    known = {"format": "WAV", "subtype": subtype, "bit_depth": bits, "sample_format": kind}
    optional = {"channel_mask": mask, "tags": chunks.tags}
    known |= {key: value for key, value in optional.items() if value}
    return Recording((n, n_channels), rate, lambda: _blocks(path, chunks.start, (n, n_channels), code, bits), known)


def _chunks(file: BinaryIO, n_bytes: int) -> _Chunks:
    """The first chunk of each name; nothing is read that is larger than it may be."""
    start = file.read(12)
    if start[:4] == b"RIFX":
        raise ValueError("it is big-endian (RIFX); convert it to a little-endian one, e.g. with sox or ffmpeg")
    if start[:4] != b"RIFF" or start[8:12] != b"WAVE":
        raise ValueError("it does not start as one")
    layout: bytes | None = None
    tags: dict[str, str] = {}
    where: tuple[int, int] | None = None
    at = 12
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            break
        name, size = head[:4], int.from_bytes(head[4:], "little")
        if name == b"fmt " and layout is None:
            layout = file.read(min(size, 64))
        elif name == b"LIST":
            tags |= _tags(file.read(min(size, MOST_TEXT)))
        elif name == b"data" and where is None:
            left = n_bytes - at - 8
            size = left if size in UNTOLD else size
            if size > left:
                raise ValueError(f"it is cut off: {size:,} bytes of samples are announced, {left:,} are there")
            where = at + 8, size
        at += 8 + size + size % 2
    if layout is None or where is None:
        raise ValueError(f"it has no {'fmt' if layout is None else 'data'} chunk")
    return _Chunks(layout, *where, tags)


def _tags(chunk: bytes) -> dict[str, str]:
    """Texts of a LIST chunk of kind INFO, by our names."""
    names, found, at = {mark: name for name, mark in INFO.items()}, {}, 4
    while chunk[:4] == b"INFO" and at + 8 <= len(chunk):
        mark, size = chunk[at : at + 4], int.from_bytes(chunk[at + 4 : at + 8], "little")
        raw = chunk[at + 8 : at + 8 + size].split(b"\0")[0]
        if mark in names and raw:
            try:
                found[names[mark]] = raw.decode("utf-8")
            except UnicodeDecodeError:
                found[names[mark]] = raw.decode("latin-1")
        at += 8 + size + size % 2
    return found


def _blocks(path: Path, start: int, shape: tuple[int, int], code: int, bits: int) -> Iterator[NDArray[Any]]:
    """float32 [m, c], a step at a time."""
    n, n_channels = shape
    step = max(1, STEP // n_channels)
    with open(path, "rb") as file:
        file.seek(start)
        for first in range(0, n, step):
            octets = file.read(min(step, n - first) * n_channels * bits // 8)
            yield _decoded(octets, code, bits).reshape(-1, n_channels)


def _decoded(octets: bytes, code: int, bits: int) -> NDArray[Any]:
    if code == FLOATS:
        with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite and is reported as such
            return np.frombuffer(octets, dtype=f"<f{bits // 8}").astype(np.float32)
    width = bits // 8
    raw = np.frombuffer(octets, dtype=np.uint8).reshape(-1, width)
    if width == 1:
        return (raw[:, 0].astype(np.float32) - 128) / 128
    whole: NDArray[Any] = np.zeros((len(raw), 4), dtype=np.uint8)
    whole[:, 4 - width :] = raw  # the high bytes of 32 bits, so that the sign stands where it belongs
    numbers: NDArray[Any] = (whole.view("<i4")[:, 0] / 2**31).astype(np.float32)
    return numbers


def as_integers(samples: NDArray[Any], bits: int) -> NDArray[Any]:
    """The nearest integers of so many bits, from −2^(bits − 1) to 2^(bits − 1) − 1; what is beyond is clipped."""
    half = 2 ** (bits - 1)
    whole: NDArray[Any] = np.clip(np.rint(samples.astype(np.float64) * half), -half, half - 1).astype(np.int64)
    return whole


class WaveWriter:
    """Streams samples into a WAV file.

    Args:
        file: open for writing, at its start.
        shape: (n, c) of all samples.
        rate: samples a second.
        bits: of a sample: 8, 16, 24 or 32, or 32 or 64 of a float.
        is_float: whether samples are floats.
        tags: by name, those of `INFO`.
        channel_mask: which loudspeakers the channels are for, or None.

    Raises:
        InputError: more than a WAV file can hold, 4 GB.
    """

    def __init__(
        self,
        file: BinaryIO,
        shape: tuple[int, int],
        rate: int,
        *,
        bits: int = 16,
        is_float: bool = False,
        tags: dict[str, str] | None = None,
        channel_mask: int | None = None,
    ):
        self._file, self._bits, self._is_float = file, bits, is_float
        block = shape[1] * bits // 8
        size = shape[0] * block
        code = FLOATS if is_float else INTEGERS
        extended = shape[1] > 2 or channel_mask is not None
        layout = struct.pack("<HHIIHH", EXTENSIBLE if extended else code, shape[1], rate, rate * block, block, bits)
        if extended:
            layout += struct.pack("<HHIH", 22, bits, channel_mask or 0, code) + GUID
        body = b"WAVE" + _chunk(b"fmt ", layout)
        if is_float:
            body += _chunk(b"fact", struct.pack("<I", min(shape[0], 2**32 - 1)))
        entries = b"".join(_chunk(INFO[name], text.encode() + b"\0") for name, text in (tags or {}).items() if name in INFO)
        body += _chunk(b"LIST", b"INFO" + entries) if entries else b""
        if len(body) + size + 16 >= 2**32 or shape[1] >= 2**16 or rate * block >= 2**32:
            raise InputError(
                f"a WAV file holds 4 GB, 65,535 channels and 4 GB a second, and {size:,} bytes of {shape[1]} channels at {rate} "
                f"Hz were asked for; write .flac or a region"
            )
        self._odd = size % 2
        file.write(b"RIFF" + struct.pack("<I", len(body) + 8 + size + self._odd) + body + b"data" + struct.pack("<I", size))

    def write(self, samples: NDArray[Any]) -> None:
        """The next samples [r, c]."""
        if self._is_float:
            self._file.write(samples.astype(f"<f{self._bits // 8}").tobytes())
            return
        numbers = as_integers(samples, self._bits)
        if self._bits == 8:
            self._file.write((numbers + 128).astype(np.uint8).tobytes())
        else:
            raw = np.ascontiguousarray(numbers.astype("<i4")).view(np.uint8).reshape(-1, 4)
            self._file.write(raw[:, : self._bits // 8].tobytes())

    def close(self) -> None:
        """Complete the file."""
        if self._odd:
            self._file.write(b"\0")
        self._file.close()


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
