"""Voxels written band by band: into a mapped file in the order and type that its format wants, then behind gzip if asked."""

import contextlib
import gzip
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ungrid.errors import InputError, ShapeError
from ungrid.files import write_beside
from ungrid.signals.base import Outline
from ungrid.signals.volume_frame import Frame, turned

DEFLATE_LEVEL = 5
_PART = 2**22


@dataclass(frozen=True)
class Layout:
    """What a file of voxels holds.

    Args:
        head: bytes before the voxels.
        dtype: of a sample, with its order of bytes.
        frame: stored order of the axes of space.
        channels_first: whether the values of a voxel lie together, else volume after volume.
        slope, intercept: value = stored · slope + intercept.
    """

    head: bytes
    dtype: np.dtype[Any]
    frame: Frame
    channels_first: bool
    slope: float = 1.0
    intercept: float = 0.0


class VoxelWriter:
    """Takes a volume's values band by band along its first axis, in any stored order.

    Args:
        path: of the file, which is made.
        outline: of the volume.
        layout: what the file holds.
    """

    def __init__(self, path: Path, outline: Outline, layout: Layout):
        self._shape = (*outline.grid.shape, len(outline.channels))
        n_ticks, c = (self._shape[0] if len(self._shape) == 5 else 1), self._shape[-1]
        with open(path, "wb") as file:
            file.write(layout.head)
            file.truncate(len(layout.head) + math.prod(self._shape) * layout.dtype.itemsize)
        i, j, k = layout.frame.shape
        order = (c, i, j, k, n_ticks) if layout.channels_first else (i, j, k, n_ticks, c)
        self._mapped = np.memmap(path, layout.dtype, "r+", len(layout.head), order, order="F")
        stored = np.moveaxis(self._mapped, 0, -1) if layout.channels_first else self._mapped  # [i, j, k, t, c]
        view = np.moveaxis(turned(stored, layout.frame), 3, 0)  # [t, z, y, x, c]
        self._view: NDArray[Any] = view if len(self._shape) == 5 else view[0]
        self._layout, self._done = layout, 0

    def write_rows(self, values: Tensor) -> None:
        """The next r of the first axis [r, *shape, c].

        Raises:
            ShapeError: more of them than were announced, or of another shape.
        """
        rows = len(values)
        if tuple(values.shape[1:]) != self._shape[1:] or self._done + rows > self._shape[0]:
            raise ShapeError(f"a band of shape {tuple(values.shape)} does not fit into {self._shape} after {self._done}")
        self._view[self._done : self._done + rows] = stored_as(values, self._layout)
        self._done += rows

    def check_complete(self) -> None:
        """Raise InputError where bands are missing."""
        if self._done != self._shape[0]:
            raise InputError(f"the volume has {self._shape[0]} entries along its first axis, {self._done} were written")

    def close(self) -> None:
        """Complete the file."""
        self._mapped.flush()
        del self._view, self._mapped  # which closes it


def stored_as(values: Tensor, layout: Layout) -> NDArray[Any]:
    """Values as samples: unscaled; integers rounded, and cut off at their type's ends."""
    array: NDArray[Any] = values.detach().cpu().numpy()
    if (layout.slope, layout.intercept) != (1.0, 0.0):
        array = (array.astype(np.float64) - layout.intercept) / layout.slope
    if layout.dtype.kind == "f":
        return array.astype(layout.dtype)
    if layout.dtype.kind == "b":
        return array > 0.5
    ends = np.iinfo(layout.dtype)
    wide = np.rint(array.astype(np.float64) if layout.dtype.itemsize > 2 else array)
    highest = np.nextafter(float(ends.max), 0) if layout.dtype.itemsize == 8 else ends.max  # 2^63 - 1 is no float64
    clipped: NDArray[Any] = np.clip(wide, ends.min, highest)
    return clipped.astype(layout.dtype)


@contextlib.contextmanager
def open_voxels(path: Path, outline: Outline, layout: Layout, *, packed: bool = False) -> Iterator[VoxelWriter]:
    """Begin a file of voxels; it appears under its name when the block ends without an error.

    Args:
        path: of the file.
        outline: of the volume.
        layout: what the file holds.
        packed: compress it, all of it, at the end; until then as many bytes lie beside it as it has voxels.

    Raises:
        MachineError: not writable, disk full.
    """
    with write_beside(path) as temporary:
        raw = temporary.with_name(temporary.name + ".raw") if packed else temporary
        writer = None
        try:
            writer = VoxelWriter(raw, outline, layout)
            yield writer
            writer.check_complete()
            writer.close()
            if packed:
                _pack(raw, temporary)
        finally:
            if packed:
                with contextlib.suppress(OSError):
                    raw.unlink(missing_ok=True)


def _pack(source: Path, target: Path) -> None:
    """Compress a file into another, without name and date, so that equal volumes are equal files."""
    with open(source, "rb") as plain, open(target, "wb") as file, gzip.GzipFile("", "wb", DEFLATE_LEVEL, file, 0) as stream:
        shutil.copyfileobj(plain, stream, _PART)
