"""The samples of a WAV file, for the benches that need a sound: uncompressed integers or floats."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ungrid.errors import UnreadableInput

INTEGERS, FLOATS, EXTENSIBLE = 1, 3, 0xFFFE
MOST_BYTES = 2**30


def read_wave(path: Path) -> tuple[NDArray[Any], int]:
    """Samples [t, c] from -1 to 1, and how many there are a second.

    Raises:
        UnreadableInput: no WAV file, a damaged one, or one of compressed samples.
    """
    with open(path, "rb") as file:
        content = file.read(MOST_BYTES)
    try:
        if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
            raise ValueError("it does not start as one")
        chunks = _chunks(content)
        code, n_channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunks[b"fmt "])
        if code == EXTENSIBLE:  # the code proper begins the sub-format's identifier
            (code,) = struct.unpack_from("<H", chunks[b"fmt "], 24)
        samples = _samples(chunks[b"data"], code, bits)
        if n_channels < 1 or rate < 1 or len(samples) < n_channels:
            raise ValueError("it holds no samples")
        return samples[: len(samples) // n_channels * n_channels].reshape(-1, n_channels), rate
    except (ValueError, KeyError, struct.error) as error:
        raise UnreadableInput(f"{path.name} cannot be read as a WAV file: {error}; expected integers or floats") from None


def _chunks(content: bytes) -> dict[bytes, bytes]:
    """The first chunk of each name."""
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        chunks.setdefault(name, content[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return chunks


def _samples(data: bytes, code: int, bits: int) -> NDArray[Any]:
    if code == FLOATS and bits in (32, 64):
        return np.frombuffer(data[: len(data) // (bits // 8) * (bits // 8)], dtype=f"<f{bits // 8}").astype(np.float64)
    if code != INTEGERS or bits not in (8, 16, 24, 32):
        raise ValueError(f"its samples are of code {code} and {bits} bits")
    width = bits // 8
    octets = np.frombuffer(data[: len(data) // width * width], dtype=np.uint8).reshape(-1, width)
    if width == 1:
        return (octets[:, 0].astype(np.float64) - 128) / 128
    whole = np.zeros((len(octets), 4), dtype=np.uint8)
    whole[:, 4 - width :] = octets  # the high bytes of 32 bits, so that the sign stands where it belongs
    numbers: NDArray[Any] = whole.view("<i4")[:, 0].astype(np.float64) / 2**31
    return numbers
