"""PNG: read strictly, and written as a stream of rows.

Pillow accepts a file whose data end early and cuts 16-bit colors to 8, so that the chunks are checked here, and 16-bit
colors are decoded by imagecodecs.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ungrid.errors import MissingExtra, UnreadableInput
from ungrid.signals.image_pillow import from_pillow, open_picture
from ungrid.signals.image_raster import DEFLATE_LEVEL, Raster, Samples, check_size, color_names, decoding

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # color type → samples of a pixel as stored
_COLOR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))  # y, x, steps
_PIECE = 2**20
# kept as they are: how colors are meant, the date of the last change, and texts
KEPT = (b"cHRM", b"gAMA", b"sRGB", b"cICP", b"tIME", b"tEXt", b"zTXt", b"iTXt")
_XMP = b"XML:com.adobe.xmp"
MOST_KEPT = 2**22  # bytes of them
_INCH = 0.0254  # metres


def read_png(path: Path, *, max_pixels: int) -> Raster:
    """A PNG picture; palettes and transparent colors become channels, 16 bits stay 16.

    Raises:
        UnreadableInput: cut off or damaged anywhere.
        MissingExtra: 16-bit color without imagecodecs.
    """
    with decoding(path.name, "PNG"):
        with open(path, "rb") as file:
            width, height, depth, color_type = _declared(file.read(33), path.name)
        check_size(width, height, _CHANNELS[color_type], max_pixels=max_pixels, name=path.name)
        data = path.read_bytes()
        transparent = _check_chunks(data, path.name)
        kept = _kept(data, path.name)
        with open_picture(data, "PNG") as picture:
            raster = from_pillow(picture, "PNG")
            raster.blobs |= {"png": kept} if kept else {}
        if depth == 16 and color_type != 0:
            raster.samples = _decode_16_bit_color(data)
            raster.channels, raster.bit_depth = color_names(raster.samples.shape[-1]), 16
        elif depth == 16 and transparent is not None:
            opaque = raster.samples != struct.unpack(">H", transparent)[0]
            raster.samples = np.concatenate([raster.samples, opaque * np.uint16(65535)], axis=-1)
            raster.channels = color_names(2)
        return raster


class PngSink:
    """Writes a PNG row by row: each row with the filter that leaves the smallest differences, deflated as it comes.

    Args:
        file: open for writing.
        shape: (H, W, c), with c from 1 to 4: gray, gray and alpha, RGB, RGB and alpha.
        bit_depth: 8 or 16.
        icc_profile: of a kind that fits the channels, or None.
        dpi: pixels per inch along x and y, or None.
        exif: without prefix, or None.
        chunks: whole ones that are written as they are, see `KEPT`, or None.
        xmp: written unless it is among the chunks, or None.
    """

    def __init__(
        self,
        file: BinaryIO,
        shape: tuple[int, int, int],
        *,
        bit_depth: int,
        icc_profile: bytes | None = None,
        dpi: tuple[float, float] | None = None,
        exif: bytes | None = None,
        chunks: bytes | None = None,
        xmp: bytes | None = None,
    ):
        height, width, n_channels = shape
        self._file, self._pixel_bytes = file, n_channels * bit_depth // 8
        self._above = np.zeros(width * self._pixel_bytes, np.uint8)
        self._deflate = zlib.compressobj(DEFLATE_LEVEL)
        file.write(SIGNATURE)
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bit_depth, _COLOR_TYPE[n_channels], 0, 0, 0))
        if icc_profile:
            self._chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile))
        if dpi:
            self._chunk(b"pHYs", struct.pack(">IIB", *(round(value / _INCH) for value in dpi), 1))
        if exif:
            self._chunk(b"eXIf", exif)
        file.write(chunks or b"")
        if xmp and _XMP not in (chunks or b""):
            self._chunk(b"iTXt", _XMP + b"\0\0\0\0\0" + xmp)

    def rows(self, samples: Samples) -> None:
        """The next rows [r, W, c], uint8 or uint16."""
        big_endian = np.ascontiguousarray(samples, dtype=samples.dtype.newbyteorder(">"))
        raw = big_endian.view(np.uint8).reshape(len(samples), -1)
        step = max(1, _PIECE // raw.shape[1])
        for start in range(0, len(raw), step):
            piece = raw[start : start + step]
            filtered = _filtered(piece, self._above, self._pixel_bytes)
            self._above = piece[-1].copy()
            self._data(self._deflate.compress(filtered.tobytes()))

    def close(self) -> None:
        """After the last row."""
        self._data(self._deflate.flush())
        self._chunk(b"IEND", b"")

    def _data(self, compressed: bytes) -> None:
        if compressed:
            self._chunk(b"IDAT", compressed)

    def _chunk(self, kind: bytes, data: bytes) -> None:
        self._file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))


def _filtered(rows: Samples, above: Samples, pixel_bytes: int) -> Samples:
    """Rows of bytes [r, n] → [r, 1 + n]: the number of each row's filter, then what it leaves."""
    up = np.concatenate([above[None], rows[:-1]])
    left = _shifted(rows, pixel_bytes)
    candidates = {0: rows, 1: rows - left, 2: rows - up, 4: rows - _paeth(left, up, _shifted(up, pixel_bytes))}
    # the specification's heuristic: the filter whose differences, taken as signed, are smallest in sum
    costs = [np.minimum(left_over, 256 - left_over.astype(np.int16)).sum(axis=1) for left_over in candidates.values()]
    best = np.argmin(costs, axis=0)
    filters = np.array(list(candidates), np.uint8)[best]
    chosen = np.stack(list(candidates.values()))[best, np.arange(len(rows))]
    return np.concatenate([filters[:, None], chosen], axis=1)


def _shifted(rows: Samples, pixel_bytes: int) -> Samples:
    """Each row's bytes one pixel to the right, zeros entering."""
    return np.concatenate([np.zeros_like(rows[:, :pixel_bytes]), rows[:, :-pixel_bytes]], axis=1)


def _paeth(left: Samples, up: Samples, corner: Samples) -> Samples:
    """Whichever of left, up and corner is nearest to left + up − corner, the first of them on a tie."""
    a, b, c = (array.astype(np.int16) for array in (left, up, corner))
    to_left, to_up, to_corner = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    nearest = np.where(to_up <= to_corner, up, corner)
    return np.where((to_left <= to_up) & (to_left <= to_corner), left, nearest)


def _declared(start: bytes, name: str) -> tuple[int, int, int, int]:
    """(width, height, bit depth, color type) of the header, the first chunk."""
    if len(start) < 33 or start[12:16] != b"IHDR" or start[25] not in _CHANNELS:
        raise UnreadableInput(
            f"{name} starts like a PNG file but has no PNG header: it is cut off or damaged; copy or export it again"
        )
    width, height, depth, color_type = struct.unpack(">IIBB", start[16:26])
    return width, height, depth, color_type


def _check_chunks(data: bytes, name: str) -> bytes | None:
    """Raise unless every chunk is whole and the data hold every row; returns the transparent color's bytes, if any."""
    n_bytes, expected = 0, _expected_bytes(data)
    inflate, transparent = zlib.decompressobj(), None
    for kind, content in _chunks(data, name):
        if kind == b"tRNS":
            transparent = content
        while kind == b"IDAT" and content and n_bytes < expected:
            n_bytes += len(inflate.decompress(content, _PIECE))
            content = inflate.unconsumed_tail
    if n_bytes < expected and n_bytes + len(inflate.flush()) < expected:
        raise UnreadableInput(
            f"{name} is a PNG file with {n_bytes} of {expected} bytes of samples: it is cut off; copy or export it again"
        )
    return transparent


def _chunks(data: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    kind = b""
    while kind != b"IEND":
        length = int.from_bytes(data[at : at + 4], "big")
        kind, content, checksum = data[at + 4 : at + 8], data[at + 8 : at + 8 + length], data[at + 8 + length : at + 12 + length]
        if len(checksum) < 4:
            raise UnreadableInput(
                f"{name} is a PNG file that ends at byte {len(data)} within its data: it is cut off; copy or export it again"
            )
        if int.from_bytes(checksum, "big") != zlib.crc32(content, zlib.crc32(kind)):
            raise UnreadableInput(
                f"{name} is a PNG file whose checksum at byte {at} is wrong: it is damaged; copy or export it again"
            )
        yield kind, content
        at += 12 + length


def _kept(data: bytes, name: str) -> bytes:
    """The chunks that are written again as they are, up to 4 MiB of them; those of color before the others, as a PNG has them."""
    found = [(kind, content) for kind, content in _chunks(data, name) if kind in KEPT]
    kept, size = b"", 0
    for kind, content in sorted(found, key=lambda chunk: KEPT.index(chunk[0]) if chunk[0] in KEPT[:4] else len(KEPT)):
        size += len(content) + 12
        if size <= MOST_KEPT:
            kept += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
    return kept


def _expected_bytes(data: bytes) -> int:
    """Bytes of all rows with their filter numbers, plain or interlaced."""
    width, height, depth, color_type = struct.unpack(">IIBB", data[16:26])
    bits = depth * _CHANNELS[color_type]
    passes = _ADAM7 if data[28] else ((0, 0, 1, 1),)
    sizes = [(-(-(height - y) // dy), -(-(width - x) // dx)) for y, x, dy, dx in passes]
    return sum(rows * (1 + -(-columns * bits // 8)) for rows, columns in sizes if rows > 0 and columns > 0)


def _decode_16_bit_color(data: bytes) -> Any:
    try:
        import imagecodecs
    except ImportError:
        raise MissingExtra("imagecodecs", "image", "reading 16-bit color PNG") from None
    return imagecodecs.png_decode(data)
