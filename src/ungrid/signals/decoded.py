"""Samples that must be decoded in turn, kept as the numbers they are in an .npy file that blocks are then read from."""

import io
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ungrid.errors import MachineError
from ungrid.files import write_beside, writing_error

DECODED = "source.npy"
SPARE_BYTES = 2**26  # of the disk, left for the tiles


def decode(blocks: Iterable[NDArray[Any]], folder: Path, n_bytes: int, name: str) -> tuple[Path, int]:
    """Write consecutive blocks [m, …] into one file [n, …] of the folder; its path, and n. Only a block is in memory.

    Args:
        blocks: in turn, of one type, and of one shape but for their first axis.
        folder: made if need be.
        n_bytes: that they will take, about.
        name: of what is decoded, for messages.

    Raises:
        MachineError: the disk has no room for them, or cannot be written.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise writing_error(folder, error) from None
    free = shutil.disk_usage(folder).free
    if n_bytes + SPARE_BYTES > free:
        raise MachineError(
            f"{name} takes {n_bytes / 1e9:.2f} GB when it is decoded, and {free / 1e9:.2f} GB are free beside {folder}; free "
            f"some space or write elsewhere with -o"
        )
    path, n = folder / DECODED, 0
    with write_beside(path) as temporary, open(temporary, "wb") as file:
        tail, dtype = (), np.dtype(np.uint8)
        for block in blocks:
            if n == 0:
                tail, dtype = block.shape[1:], block.dtype
                file.write(_head((0, *tail), dtype))
            file.write(np.ascontiguousarray(block).data)
            n += len(block)
        file.seek(0)
        file.write(_head((n, *tail), dtype))
    return path, n


def _head(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """The header of an .npy file, as long for any length of the first axis: NumPy leaves room for it to grow."""
    head = io.BytesIO()
    known = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, known)
    return head.getvalue()
