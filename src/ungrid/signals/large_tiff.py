"""Blocks of a TIFF file: its tiles or strips are decoded one by one, and only those that a block touches."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ungrid.domain.grid import Slices
from ungrid.signals.image_raster import Raster, decoding
from ungrid.signals.image_tiff import check_extent, check_kind, page_raster, quiet

KEPT_BYTES = 2**26  # of decoded segments: strips are as wide as the picture, and its tiles take them in turn
MOST_SEGMENT = 2**26  # values of a segment: beyond, a file is as good as one piece
_BLACK_IS_ZERO, _RGB = 1, 2


class TiffBlocks:
    """Blocks of the first page of a TIFF file.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self._file: Any = None
        self._kept: OrderedDict[int, NDArray[Any]] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_file": None, "_kept": OrderedDict()}

    def read(self, where: Slices) -> NDArray[Any]:
        """A block [h, w, c].

        Raises:
            UnreadableInput: a segment of it is damaged.
        """
        import tifffile

        with quiet(), decoding(self.path.name, "TIFF"):
            if self._file is None:
                self._file = tifffile.TiffFile(self.path)
            page = self._file.pages[0]
            high, wide = segment_shape(page)
            rows, columns = where
            block = np.zeros((rows.stop - rows.start, columns.stop - columns.start, page.samplesperpixel), page.dtype)
            across = -(-page.imagewidth // wide)
            for down in range(rows.start // high, -(-rows.stop // high)):
                for along in range(columns.start // wide, -(-columns.stop // wide)):
                    self._place(block, page, down * across + along, (down * high, along * wide), where)
            return block

    def _place(self, block: NDArray[Any], page: Any, index: int, corner: tuple[int, int], where: Slices) -> None:
        """Copy what a segment has of a block, of all planes where channels are stored apart."""
        per_plane = len(page.dataoffsets) // page.samplesperpixel
        planes = range(page.samplesperpixel) if page.planarconfig == 2 and page.samplesperpixel > 1 else [None]
        for plane in planes:
            segment = self._segment(page, index if plane is None else plane * per_plane + index)
            target, source = [], []
            for start, size, wanted in zip(corner, segment.shape, where, strict=False):
                low, high = max(start, wanted.start), min(start + size, wanted.stop)
                target.append(slice(low - wanted.start, high - wanted.start))
                source.append(slice(low - start, high - start))
            channels = slice(None) if plane is None else slice(plane, plane + 1)
            block[target[0], target[1], channels] = segment[source[0], source[1]]

    def _segment(self, page: Any, index: int) -> NDArray[Any]:
        """A decoded tile or strip [h, w, c], at its full size."""
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        handle = self._file.filehandle
        handle.seek(page.dataoffsets[index])
        data = handle.read(page.databytecounts[index])
        decoded = page.decode(data, index, jpegtables=page.jpegtables, jpegheader=page.jpegheader)[0]
        if decoded is None:  # a tile that the writer left out
            decoded = np.full((1, *segment_shape(page), 1), page.nodata, page.dtype)
        segment: NDArray[Any] = np.asarray(decoded)[0]
        self._kept[index] = segment
        while len(self._kept) > 1 and sum(kept.nbytes for kept in self._kept.values()) > KEPT_BYTES:
            self._kept.popitem(last=False)
        return segment


def segment_shape(page: Any) -> tuple[int, int]:
    """Rows and columns of a page's tiles or strips."""
    if page.is_tiled:
        return int(page.tilelength), int(page.tilewidth)
    return min(int(page.rowsperstrip), int(page.imagelength)), int(page.imagewidth)


def tiff_raster(path: Path) -> tuple[tuple[int, int, int], Raster] | None:
    """Height, width and channels of a TIFF file's first page, and what its tags say; None where it must be decoded whole.

    Whole are: palettes, CMYK, white as zero, JPEG's own colors, pictures to be turned, depths that are no whole bytes, and files
    of one compressed piece.

    Raises:
        UnreadableInput: cut off or damaged.
    """
    import tifffile

    with decoding(path.name, "TIFF"), quiet(), tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        check_kind(page, path.name)
        check_extent(page, path)
        high, wide = segment_shape(page)
        plain = page.photometric in (_BLACK_IS_ZERO, _RGB) and page.bitspersample == 8 * page.dtype.itemsize
        if not plain or page.imagedepth != 1 or high * wide * page.samplesperpixel > MOST_SEGMENT:
            return None
        stub = np.zeros((1, 1, page.samplesperpixel), page.dtype)
        raster = page_raster(page, stub, path.name, len(file.pages))
        return None if raster.orientation != 1 else ((page.imagelength, page.imagewidth, page.samplesperpixel), raster)
