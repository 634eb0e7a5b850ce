"""TIFF and BigTIFF as rows come, through tifffile: whole where the picture is small, in tiles where it is large.

tifffile pulls tiles from an iterator, while a picture that is being drawn pushes rows: a large one is written by a thread,
which waits for bands of tiles.
"""

import json
import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from ungrid.signals.image_raster import DEFLATE_LEVEL, Samples, band_names
from ungrid.signals.image_tiff import DESCRIPTION_KEY
from ungrid.signals.image_tiff_exif import put_directories, tags_of

TILE = 256
_TILED_FROM = 2**26  # bytes of samples: below, the whole picture is kept and written in strips, which everything reads
_BIG_FROM = 2**32 - 2**26  # classic files have 32-bit positions


class TiffSink:
    """Writes a TIFF file row by row; a large one in memory of two rows of tiles.

    Args:
        file: open for writing, able to seek.
        shape: (H, W, c).
        dtype: of the samples: uint8, uint16, int8, int16 or float32.
        channels: their names; r, g, b make a color picture, a final a is alpha.
        associated: whether colors are already multiplied by alpha.
        transfer: "srgb" or "linear"; noted in the file where a reader would assume the other.
        dpi: pixels per inch along x and y, or None.
        blobs: "icc_profile", "exif" (without prefix) and "xmp", as far as there are.
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
        dpi: tuple[float, float] | None = None,
        blobs: Mapping[str, bytes] | None = None,
        big: bool | None = None,
    ):
        self._file, self._shape, self._dtype = file, shape, np.dtype(dtype)
        tiles = -(-shape[0] // TILE) * -(-shape[1] // TILE)
        size = shape[0] * shape[1] * shape[2] * self._dtype.itemsize
        self._tiled = size >= _TILED_FROM and min(shape[:2]) >= TILE
        self._big = (
            max(size, self._tiled * tiles * TILE**2 * shape[2] * self._dtype.itemsize) >= _BIG_FROM if big is None else big
        )
        blobs = blobs or {}
        self._exif, self._xmp = blobs.get("exif"), blobs.get("xmp")
        self._options = self._describe(channels, associated, transfer, blobs.get("icc_profile"), dpi)
        self._waiting: list[Samples] = []
        self._bands: queue.Queue[Samples | None] = queue.Queue(maxsize=1)
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def rows(self, samples: Samples) -> None:
        """The next rows [r, W, c]."""
        self._waiting.append(samples)
        if not self._tiled or sum(map(len, self._waiting)) < TILE:
            return
        waiting = np.concatenate(self._waiting)
        whole = len(waiting) - len(waiting) % TILE
        for start in range(0, whole, TILE):
            self._pass_on(waiting[start : start + TILE])
        self._waiting = [waiting[whole:].copy()]

    def close(self) -> None:
        """After the last row: what is left, and the directory."""
        left = np.concatenate(self._waiting)
        if not self._tiled:
            self._write(left if self._shape[2] > 1 else left[..., 0])
            return
        if len(left):
            self._pass_on(left)
        self._pass_on(None)
        assert self._thread is not None, "a tiled picture has at least one band"
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _pass_on(self, band: Samples | None) -> None:
        """Hand a band to the thread; one that has failed takes no more."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_tiles, daemon=True)
            self._thread.start()
        while self._thread.is_alive():
            try:
                self._bands.put(band, timeout=0.05)
                return
            except queue.Full:
                continue

    def _write_tiles(self) -> None:
        try:
            self._write(self._tiles(), tile=(TILE, TILE))
        except BaseException as error:
            self._error = error

    def _tiles(self) -> Iterator[Samples]:
        """Tiles [256, 256(, c)] of each band from left to right, filled up with zeros at the picture's ends."""
        while (band := self._next_band()) is not None:
            for left in range(0, self._shape[1], TILE):
                part = band[:, left : left + TILE]
                tile = np.zeros((TILE, TILE, self._shape[2]), self._dtype)
                tile[: part.shape[0], : part.shape[1]] = part
                yield tile if self._shape[2] > 1 else tile[..., 0]

    def _next_band(self) -> Samples | None:
        """The next band, or None at the end; a picture that is broken off ends with its file."""
        while not self._file.closed:
            try:
                return self._bands.get(timeout=0.2)
            except queue.Empty:
                continue
        return None

    def _write(self, data: Samples | Iterator[Samples], **layout: Any) -> None:
        import tifffile

        shape = self._shape if self._shape[2] > 1 else self._shape[:2]
        with tifffile.TiffWriter(self._file, bigtiff=self._big) as tif:
            tif.write(data, shape=shape, dtype=self._dtype, metadata=None, **self._options, **layout)
        if self._exif:
            put_directories(self._file, self._exif, big=self._big)

    def _describe(
        self,
        channels: tuple[str, ...],
        associated: bool,
        transfer: str,
        icc_profile: bytes | None,
        dpi: tuple[float, float] | None,
    ) -> dict[str, Any]:
        """tifffile's options for what the samples are."""
        is_float = self._dtype.kind == "f"
        is_measured = self._dtype.kind in "if"
        n_colors = 3 if channels[:3] == ("r", "g", "b") else 1
        options: dict[str, Any] = {
            "photometric": "rgb" if n_colors == 3 else "minisblack",
            "compression": "zlib",
            "compressionargs": {"level": DEFLATE_LEVEL},
            "predictor": not is_float,
            "software": "ungrid",
        }
        if self._exif:
            options |= tags_of(self._exif, big=self._big)
        if self._xmp:
            options["extratags"] = [*options.get("extratags", ()), (700, "B", len(self._xmp), self._xmp, True)]
        if self._shape[2] > 1:
            alpha = "assocalpha" if associated else "unassalpha"
            options["planarconfig"] = "contig"
            options["extrasamples"] = [alpha if name == "a" else "unspecified" for name in channels[n_colors:]]
        if dpi:
            options |= {"resolution": dpi, "resolutionunit": "inch"}
        if icc_profile:
            options["iccprofile"] = icc_profile
        said = _unsaid(channels, transfer, is_measured)
        if said:
            options["description"] = json.dumps({DESCRIPTION_KEY: said})
        return options


def _unsaid(channels: tuple[str, ...], transfer: str, is_measured: bool) -> dict[str, object]:
    """What a reader would get wrong from the tags alone."""
    usual = [("gray",), ("gray", "a"), ("r", "g", "b"), ("r", "g", "b", "a"), band_names(len(channels))]
    said: dict[str, object] = {} if channels in usual else {"channels": list(channels)}
    if transfer != ("linear" if is_measured else "srgb"):
        said["transfer"] = transfer
    return said
