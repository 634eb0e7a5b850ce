"""Arrays in .npy and .npz files: read as they are, by name, without ever unpickling; values written to .npy and .csv in bands."""

import contextlib
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ungrid.errors import InputError, ShapeError, UnreadableInput
from ungrid.files import write_beside
from ungrid.signals.base import Outline

MAGIC = b"\x93NUMPY"
ZIP_MAGIC = b"PK\x03\x04"
MOST_BYTES = 2**35  # of one array in an .npz file, which is decompressed whole; an .npy file is mapped
ENDINGS = (".npy", ".csv")
NUMBERS = "biuf"


def is_array_file(path: Path, start: bytes) -> bool:
    """Whether a file is an .npy array, or a ZIP archive of such with the ending .npz."""
    return start.startswith(MAGIC) or (start.startswith(ZIP_MAGIC) and path.suffix.lower() == ".npz")


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file by name, or that of an .npy file, mapped and not copied, under the name "".

    Raises:
        UnreadableInput: no such file of plain numbers, text or dates; damaged; larger than 32 GiB when unpacked.
    """
    try:
        if path.suffix.lower() != ".npz":
            return {"": _checked(np.load(path, mmap_mode="r", allow_pickle=False), path)}
        with zipfile.ZipFile(path) as archive:
            for item in archive.infolist():
                if item.file_size > MOST_BYTES:
                    raise ValueError(f"{item.filename} unpacks to {item.file_size:,} bytes, more than {MOST_BYTES:,}")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: _checked(arrays[name], path) for name in arrays.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, MemoryError) as error:
        said = " ".join(str(error).split())[:160]
        raise UnreadableInput(f"{path.name} cannot be read as numbers: {said}; save it again with numpy.save") from None


def array_shape(path: Path, start: bytes) -> tuple[int, ...]:
    """Shape of an .npy file's array, () for another file or a damaged one: what kind of signal it is follows from it."""
    if not start.startswith(MAGIC):
        return ()
    try:
        return tuple(np.load(path, mmap_mode="r", allow_pickle=False).shape)
    except (ValueError, OSError, EOFError):
        return ()


def _checked(array: NDArray[Any], path: Path) -> NDArray[Any]:
    if array.dtype.kind not in NUMBERS + "cUSMm":
        raise ValueError(f"it holds {array.dtype}")
    return array


class ArrayWriter:
    """Takes a signal's values band by band along its first axis, into an .npy array or the rows of a CSV table."""

    def __init__(self, path: Path, outline: Outline, is_table: bool):
        shape = (*outline.grid.shape, len(outline.channels))
        self._grid, self._done, self._is_table = outline.grid, 0, is_table
        if is_table:
            self._file = open(path, "w", encoding="utf-8", newline="")  # noqa: SIM115 (closed by `close`)
            self._file.write(",".join((*outline.grid.box.axes, *outline.channels)) + "\n")
        else:
            self._array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)

    def write_rows(self, values: Tensor) -> None:
        """The next r of the first axis [r, *shape, c].

        Raises:
            ShapeError: more of them than were announced, or of another shape.
        """
        expected, rows = (*self._grid.shape[1:], values.shape[-1]), len(values)
        if tuple(values.shape[1:]) != expected or self._done + rows > self._grid.shape[0]:
            raise ShapeError(f"a band of shape {tuple(values.shape)} does not fit into {self._grid.shape} after {self._done}")
        band = values.detach().cpu().float().numpy()
        if self._is_table:
            where = slice(self._done, self._done + rows)
            part = self._grid.part((where, *(slice(0, n) for n in self._grid.shape[1:])))
            table = np.concatenate([part.points(dtype=values.double().dtype).numpy(), band.astype(np.float64)], axis=-1)
            np.savetxt(self._file, table.reshape(-1, table.shape[-1]), delimiter=",", fmt="%.9g")
        else:
            self._array[self._done : self._done + rows] = band
        self._done += rows

    def check_complete(self) -> None:
        """Raise InputError where bands are missing."""
        if self._done != self._grid.shape[0]:
            raise InputError(f"the array has {self._grid.shape[0]} entries along its first axis, {self._done} were written")

    def close(self) -> None:
        """Complete the file."""
        if self._is_table:
            self._file.close()
        else:
            self._array.flush()


@contextlib.contextmanager
def open_array_writer(path: Path, outline: Outline) -> Iterator[ArrayWriter]:
    """Begin an .npy array [*shape, c] of float32, or a CSV table of one row a sample: its coordinates, then its channels.

    Raises:
        InputError: another ending, or a table of more than 2^27 numbers.
        MachineError: not writable, disk full.
    """
    is_table = path.suffix.lower() == ".csv"
    if not is_table and path.suffix.lower() != ".npy":
        raise InputError(f"cannot write an array to {path.name}; expected a name ending in {' or '.join(ENDINGS)}")
    if is_table and math.prod(outline.grid.shape) * (len(outline.channels) + outline.grid.box.dim) > 2**27:
        raise InputError(f"a table of {math.prod(outline.grid.shape):,} rows would be huge; write .npy instead, or a region")
    with write_beside(path) as temporary:
        writer = ArrayWriter(temporary, outline, is_table)
        try:
            yield writer
            writer.check_complete()
        finally:
            writer.close()
