"""TIFF and BigTIFF written as a stream of rows: strips, or tiles where the picture is large, each deflated.

tifffile pulls its tiles from an iterator, while a picture that is being drawn pushes rows; the format's file is simple enough to
write as the rows come: samples first, the directory at the end.
"""

import json
import struct
import zlib
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from ungrid.signals.image_raster import DEFLATE_LEVEL, Samples, band_names
from ungrid.signals.image_tiff import DESCRIPTION_KEY

TILE = 256
_TILED_FROM = 2**26  # bytes of samples: below, strips, which everything reads
_STRIP_BYTES = 2**18
_BIG_FROM = 2**32 - 2**26  # classic files have 32-bit positions
_SHORT, _LONG, _RATIONAL, _ASCII, _UNDEFINED, _LONG8 = 3, 4, 5, 2, 7, 16
_CODES = {_SHORT: "H", _LONG: "I", _RATIONAL: "II", _LONG8: "Q"}


class TiffSink:
    """Writes a TIFF file row by row in memory of one row of tiles.

    Args:
        file: open for writing, able to seek.
        shape: (H, W, c).
        dtype: of the samples: uint8, uint16 or float32.
        channels: their names; r, g, b make a color picture, a final a is alpha.
        associated: whether colors are already multiplied by alpha.
        transfer: "srgb" or "linear"; noted in the file where a reader would assume the other.
        icc_profile: or None.
        dpi: pixels per inch along x and y, or None.
        big: whether to write BigTIFF; None for where the size may need it.
    """

    def __init__(
        self,
        file: BinaryIO,
        shape: tuple[int, int, int],
        dtype: np.dtype,
        *,
        channels: tuple[str, ...],
        associated: bool = False,
        transfer: str = "srgb",
        icc_profile: bytes | None = None,
        dpi: tuple[float, float] | None = None,
        big: bool | None = None,
    ):
        self._file, self._shape, self._dtype = file, shape, np.dtype(dtype).newbyteorder("<")
        height, width, pixel_bytes = shape[0], shape[1], shape[2] * self._dtype.itemsize
        self._tiled = height * width * pixel_bytes >= _TILED_FROM and min(height, width) >= TILE
        strip = max(1, min(height, _STRIP_BYTES // (width * pixel_bytes)))
        self._block = (TILE, TILE) if self._tiled else (strip, width)
        blocks = -(-height // self._block[0]) * -(-width // self._block[1])
        self._big = blocks * self._block[0] * self._block[1] * pixel_bytes >= _BIG_FROM if big is None else big
        self._waiting: list[Samples] = []
        self._positions: list[int] = []
        self._sizes: list[int] = []
        self._tags = self._describe(channels, associated, transfer, icc_profile, dpi)
        # version 43 with 8-byte positions, or 42 with 4; the directory's position follows when it is known
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0) if self._big else struct.pack("<2sHI", b"II", 42, 0))

    def rows(self, samples: Samples) -> None:
        """The next rows [r, W, c]."""
        self._waiting.append(samples)
        if sum(map(len, self._waiting)) < self._block[0]:
            return
        waiting = np.concatenate(self._waiting)
        whole = len(waiting) - len(waiting) % self._block[0]
        for start in range(0, whole, self._block[0]):
            self._write_band(waiting[start : start + self._block[0]])
        self._waiting = [waiting[whole:]]

    def close(self) -> None:
        """After the last row: the last band and the directory."""
        if sum(map(len, self._waiting)):
            self._write_band(np.concatenate(self._waiting))
        position = _LONG8 if self._big else _LONG
        places = (324, 325) if self._tiled else (273, 279)
        self._tags += [(places[0], position, self._positions), (places[1], position, self._sizes)]
        at = self._write_directory()
        self._file.seek(8 if self._big else 4)
        self._file.write(struct.pack("<Q" if self._big else "<I", at))

    def _write_band(self, band: Samples) -> None:
        """One row of blocks; tiles are filled up with zeros, a last strip is shorter."""
        height = self._block[0] if self._tiled else len(band)
        for left in range(0, self._shape[1], self._block[1]):
            part = band[:, left : left + self._block[1]]
            block = np.zeros((height, self._block[1], self._shape[2]), self._dtype)
            block[: part.shape[0], : part.shape[1]] = part
            if self._dtype.kind == "u":
                block[:, 1:] -= block[:, :-1].copy()  # predictor 2: differences along x
            compressed = zlib.compress(block.tobytes(), DEFLATE_LEVEL)
            self._positions.append(self._file.tell())
            self._sizes.append(len(compressed))
            self._file.write(compressed)

    def _describe(
        self,
        channels: tuple[str, ...],
        associated: bool,
        transfer: str,
        icc_profile: bytes | None,
        dpi: tuple[float, float] | None,
    ) -> list[tuple[int, int, Sequence[int] | bytes]]:
        """Tags as (number, type, values), but for where the blocks lie."""
        height, width, n_channels = self._shape
        is_float = self._dtype.kind == "f"
        n_colors = 3 if channels[:3] == ("r", "g", "b") else 1
        kinds = [(1 if associated else 2) if name == "a" else 0 for name in channels[n_colors:]]
        tags: list[tuple[int, int, Sequence[int] | bytes]] = [
            (256, _LONG, [width]),
            (257, _LONG, [height]),
            (258, _SHORT, [8 * self._dtype.itemsize] * n_channels),
            (259, _SHORT, [8]),  # deflate
            (262, _SHORT, [2 if n_colors == 3 else 1]),
            (277, _SHORT, [n_channels]),
            (284, _SHORT, [1]),
            (305, _ASCII, b"ungrid\0"),
            (317, _SHORT, [1 if is_float else 2]),
            (339, _SHORT, [3 if is_float else 1] * n_channels),
        ]
        tags += [(322, _LONG, [TILE]), (323, _LONG, [TILE])] if self._tiled else [(278, _LONG, [self._block[0]])]
        if kinds:
            tags.append((338, _SHORT, kinds))
        if dpi:
            tags += [(282 + i, _RATIONAL, _fraction(value)) for i, value in enumerate(dpi)] + [(296, _SHORT, [2])]
        if icc_profile:
            tags.append((34675, _UNDEFINED, icc_profile))
        said = _unsaid(channels, transfer, is_float)
        if said:
            tags.append((270, _ASCII, json.dumps({DESCRIPTION_KEY: said}).encode() + b"\0"))
        return tags

    def _write_directory(self) -> int:
        """Write the values that are too long for an entry, then the entries; returns where they start."""
        room, position, count_code = (8, "Q", "Q") if self._big else (4, "I", "I")
        entries = []
        for number, kind, values in sorted(self._tags):
            data = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{_CODES[kind][0]}", *values)
            count = len(values) // len(_CODES.get(kind, "B"))
            if len(data) > room:
                self._align()
                at = self._file.tell()
                self._file.write(data)
                data = struct.pack("<" + position, at)
            entries.append(struct.pack("<HH" + count_code, number, kind, count) + data.ljust(room, b"\0"))
        self._align()
        start = self._file.tell()
        self._file.write(
            struct.pack("<Q" if self._big else "<H", len(entries)) + b"".join(entries) + struct.pack("<" + position, 0)
        )
        return start

    def _align(self) -> None:
        self._file.write(b"\0" * (-self._file.tell() % 8))


def _fraction(value: float) -> list[int]:
    """A positive number as a 32-bit numerator and denominator."""
    denominator = max(1, min(1_000_000, int(2**32 // (value + 1))))
    return [round(value * denominator), denominator]


def _unsaid(channels: tuple[str, ...], transfer: str, is_float: bool) -> dict[str, object]:
    """What a reader would get wrong from the tags alone."""
    usual = [("gray",), ("gray", "a"), ("r", "g", "b"), ("r", "g", "b", "a"), band_names(len(channels))]
    said: dict[str, object] = {} if channels in usual else {"channels": list(channels)}
    if transfer != ("linear" if is_float else "srgb"):
        said["transfer"] = transfer
    return said
