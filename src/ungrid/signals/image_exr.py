"""OpenEXR: linear light in half or single precision, with named channels. The alpha of EXR is associated (premultiplied)."""

import contextlib
import io
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.image_raster import Raster, Samples, check_size, decoding

MAGIC = b"\x76\x2f\x31\x01"
_OURS = {"R": "r", "G": "g", "B": "b", "A": "a", "Y": "gray"}
_THEIRS = {ours: theirs for theirs, ours in _OURS.items()}
MOST_TEXT = 2**16  # characters of an attribute
WINDOWS = ("dataWindow", "displayWindow")
_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000
# compression's number in the file → rows that are packed together: none, RLE, ZIPS, ZIP, PIZ, PXR24, B44, B44A, DWAA, DWAB
_ROWS_OF_CHUNK = dict(enumerate((1, 1, 1, 16, 32, 16, 32, 32, 32, 256)))


def read_exr(path: Path, *, max_pixels: int) -> Raster:
    """The first part of an EXR file; channels R, G, B, A and Y become r, g, b, a and gray, others keep their names.

    Raises:
        UnreadableInput: cut off or damaged.
        InputError: too large, deep samples, or channels of different sizes.
        MissingExtra: OpenEXR is not installed.
    """
    name = path.name
    with decoding(name, "EXR"):
        data = path.read_bytes()
        flags = struct.unpack_from("<I", data, 4)[0]
        if flags & _DEEP:
            raise InputError(f"{name} holds deep samples, several per pixel; expected one: flatten it first")
        attributes, header_end = _attributes(data, 8)
        check_size(*_window(attributes), _n_channels(attributes), max_pixels=max_pixels, name=name)
        if not flags & _MULTIPART:
            _check_complete(data, header_end, _n_chunks(attributes, tiled=bool(flags & _TILED)), bool(flags & _TILED), name)
        exr = _open_exr("reading EXR files")
        # it prints its warnings to standard output, where a program's own result belongs
        with contextlib.redirect_stdout(io.StringIO()), exr.File(str(path), separate_channels=True) as file:
            channels, header, n_parts = file.channels(), dict(file.header()), len(file.parts)  # header: emptied on closing
            pixels = {key: np.asarray(channel.pixels) for key, channel in channels.items()}
        sizes = {array.shape for array in pixels.values()}
        if len(sizes) != 1:
            raise InputError(f"{name} has channels of different sizes {sorted(sizes)}; expected one size: convert it to R, G, B")
        return _raster(pixels, header, n_parts)


class ExrSink:
    """Gathers rows, and writes an EXR file with lossless ZIP compression when the last has come.

    Args:
        file: open for writing.
        shape: (H, W, c).
        bit_depth: 16 for half precision, whose values are clipped to ±65504, or 32.
        channels: their names.
        dpi: pixels per inch along x and y, or None.
        chromaticities: of the primaries and white, eight numbers, or None.
        known: windows and attributes, as a picture's `source["exr"]` has them; windows are of a picture of that size alone.
    """

    def __init__(
        self,
        file: BinaryIO,
        shape: tuple[int, int, int],
        *,
        bit_depth: int,
        channels: tuple[str, ...],
        dpi: tuple[float, float] | None = None,
        chromaticities: Sequence[float] | None = None,
        known: Mapping[str, Any] | None = None,
    ):
        self._exr = _open_exr("writing EXR files")
        self._file, self._channels, self._done = file, channels, 0
        self._samples = np.empty(shape, np.float16 if bit_depth == 16 else np.float32)
        self._header: dict[str, Any] = {"compression": self._exr.ZIP_COMPRESSION, "type": self._exr.scanlineimage}
        if dpi:
            self._header |= {"xDensity": float(dpi[0]), "pixelAspectRatio": float(dpi[1] / dpi[0])}
        if chromaticities:
            self._header["chromaticities"] = tuple(float(value) for value in chromaticities)
        self._header |= _known_header(known or {}, shape)

    def rows(self, samples: Samples) -> None:
        """The next rows [r, W, c], float32."""
        limit = np.finfo(self._samples.dtype).max
        self._samples[self._done : self._done + len(samples)] = np.clip(samples, -limit, limit)
        self._done += len(samples)

    def close(self) -> None:
        """After the last row."""
        pixels = {_THEIRS.get(name, name): np.ascontiguousarray(self._samples[..., i]) for i, name in enumerate(self._channels)}
        encoded = io.BytesIO()
        with self._exr.File(self._header, pixels) as file:
            file.write(encoded)
        self._file.write(encoded.getbuffer())


def _raster(pixels: dict[str, Samples], header: dict[str, Any], n_parts: int) -> Raster:
    renamed = {_OURS.get(key, key): array for key, array in pixels.items()}
    known = [name for name in ("gray", "r", "g", "b", "a") if name in renamed]
    names = [*known, *(name for name in renamed if name not in known)]
    is_half = all(array.dtype == np.float16 for array in renamed.values())
    notes: dict[str, Any] = {"alpha": "associated"} if "a" in names else {}
    if "chromaticities" in header:
        notes["chromaticities"] = [float(value) for value in header["chromaticities"]]
    if own := _known(header):
        notes["exr"] = own
    density = float(header.get("xDensity") or 0)
    aspect = float(header.get("pixelAspectRatio") or 1)
    return Raster(
        np.stack([renamed[name].astype(np.float16 if is_half else np.float32, copy=False) for name in names], axis=-1),
        tuple(names),
        "EXR",
        16 if is_half else 32,
        transfer="linear",
        dpi=(density, density * aspect) if density > 0 and math.isfinite(density * aspect) else None,
        n_pages=n_parts,
        notes=notes,
    )


def _known(header: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of texts and numbers; and the windows, [x, y] of the first and of the last pixel, where they differ."""
    own = {"compression", "lineOrder", "type", "pixelAspectRatio", "xDensity", "screenWindowWidth", "version", "chunkCount"}
    plain = {
        key: value
        for key, value in header.items()
        if key not in own and (isinstance(value, int) or _is_short(value) or (isinstance(value, float) and math.isfinite(value)))
    }
    known: dict[str, Any] = {"attributes": plain} if plain else {}
    windows = {name: [np.asarray(corner).tolist() for corner in header[name]] for name in WINDOWS if name in header}
    if len(windows) == len(WINDOWS) and (windows["dataWindow"] != windows["displayWindow"] or any(windows["dataWindow"][0])):
        known["windows"] = windows
    return known


def _is_short(value: Any) -> bool:
    """Whether a value is a text that a field's file has room for."""
    return isinstance(value, str) and len(value) <= MOST_TEXT


def _known_header(known: Mapping[str, Any], shape: tuple[int, int, int]) -> dict[str, Any]:
    """The header's part of what `_known` found, for a picture of a shape."""
    header = dict(known.get("attributes", {}))
    windows = known.get("windows", {})
    (left, top), (right, bottom) = windows.get("dataWindow", ((0, 0), (-1, -1)))
    if (bottom - top + 1, right - left + 1) == tuple(shape[:2]):
        header |= {name: tuple(np.array(corner, np.int32) for corner in windows[name]) for name in WINDOWS}
    return header


def _open_exr(purpose: str) -> Any:
    try:
        import OpenEXR
    except ImportError:
        raise MissingExtra("OpenEXR", "image", purpose) from None
    return OpenEXR


def _window(attributes: dict[str, tuple[bytes, bytes]]) -> tuple[int, int]:
    """(width, height) of the data window."""
    x_min, y_min, x_max, y_max = struct.unpack("<4i", attributes["dataWindow"][1])
    return x_max - x_min + 1, y_max - y_min + 1


def _check_complete(data: bytes, at: int, n_chunks: int, tiled: bool, name: str) -> None:
    """Raise unless the table of `n_chunks` positions at `at`, and every chunk that it points to, lie within the file."""
    if n_chunks > (len(data) - at) // 8:
        raise UnreadableInput(f"{name} is an EXR file that ends in its table of chunks: it is cut off; copy or export it again")
    leader = 20 if tiled else 8  # which tile, or which row, and the size of what follows
    for position in struct.unpack_from(f"<{n_chunks}Q", data, at):
        start = position + leader
        if not at < position <= len(data) - leader or start + max(0, struct.unpack_from("<i", data, start - 4)[0]) > len(data):
            raise UnreadableInput(
                f"{name} is an EXR file with a chunk beyond its {len(data)} bytes: it is cut off; copy or export it again"
            )


def _n_chunks(attributes: dict[str, tuple[bytes, bytes]], *, tiled: bool) -> int:
    """Chunks that a single part must have; 0 where the header does not tell, for mipmaps and compressions to come."""
    width, height = _window(attributes)
    if not tiled:
        rows = _ROWS_OF_CHUNK.get(attributes["compression"][1][0])
        return -(-height // rows) if rows else 0
    tile_width, tile_height, mode = struct.unpack("<IIB", attributes["tiles"][1])
    return -(-width // tile_width) * -(-height // tile_height) if mode & 0xF == 0 else 0


def _n_channels(attributes: dict[str, tuple[bytes, bytes]]) -> int:
    """Channels in the list: each is a name, 0, and 16 bytes; then a 0."""
    listed, at, n_channels = attributes["channels"][1], 0, 0
    while listed[at] != 0:
        at, n_channels = listed.index(b"\0", at) + 17, n_channels + 1
    return n_channels


def _attributes(data: bytes, at: int) -> tuple[dict[str, tuple[bytes, bytes]], int]:
    """Header attributes {name: (type, value)} and where they end: each is name, 0, type, 0, size, value; then a 0."""
    found: dict[str, tuple[bytes, bytes]] = {}
    while data[at] != 0:
        name_end = data.index(b"\0", at)
        type_end = data.index(b"\0", name_end + 1)
        size = struct.unpack_from("<i", data, type_end + 1)[0]
        value_at = type_end + 5
        if size < 0 or value_at + size > len(data):
            raise ValueError(f"attribute {data[at:name_end]!r} is longer than the file")
        found[data[at:name_end].decode("latin-1")] = (data[name_end + 1 : type_end], data[value_at : value_at + size])
        at = value_at + size
    return found, at + 1
