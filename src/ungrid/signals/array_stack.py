"""Stacks: one file with many arrays of one shape, [n, h, w] or [n, h, w, c]: idx (MNIST's), .npy, .npz and Zarr."""

import gzip
import math
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ungrid.errors import InputError, MissingExtra, MissingFile, UnknownName, UnreadableInput, nearest
from ungrid.signals.array_file import NUMBERS, is_array_file, read_arrays
from ungrid.signals.first_bytes import first_bytes, what_else

GZIP_MAGIC = b"\x1f\x8b"
MOST_INFLATED = 1_100  # times: deflate packs no better, so that a file which declares more lies
IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
ZARR_FILES = ("zarr.json", ".zarray", ".zgroup")
PREFERRED = "images"
MOST_ITEMS = 10_000_000
MOST_ITEM_BYTES = 2**32
FILES = "an idx file (MNIST's, also .gz), .npy, .npz, a Zarr store"


@dataclass(frozen=True, eq=False)
class ArrayStack:
    """n arrays of one shape.

    Args:
        array: [n, *shape], in memory, mapped from a file, or a Zarr array that reads what it is asked for.
        name: of the array in its file, or "".
    """

    array: Any
    name: str

    def __len__(self) -> int:
        return int(self.array.shape[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Of each item."""
        return tuple(int(n) for n in self.array.shape[1:])

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Items from start up to stop [m, *shape]."""
        return np.asarray(self.array[start:stop])


def is_stack(path: Path) -> bool:
    """Whether a path is a stack by its content: a Zarr store, an idx file, packed or not, or an array file."""
    if path.is_dir():
        return any((path / name).is_file() for name in ZARR_FILES)
    start = first_bytes(path)
    return is_array_file(path, start) or _is_idx(start) or (start.startswith(GZIP_MAGIC) and _is_idx(_unpacked_start(path)))


def open_stack(path: Path, name: str | None = None) -> ArrayStack:
    """The stack in a file.

    Args:
        path: of the file, or of a Zarr store's folder.
        name: of the array, where there are several; None for the only one with three axes or more, or the one called "images".

    Raises:
        MissingFile: no such file.
        UnreadableInput: no stack, cut off, damaged, or one that declares more than it can hold.
        InputError: several stacks and none named, or items beyond the limits.
        UnknownName: no array of that name.
        MissingExtra: a Zarr store without the package zarr.
    """
    if not path.exists():
        raise MissingFile(f"there is no file {path}")
    if not is_stack(path):
        found = what_else(first_bytes(path)) if path.is_file() else "a folder that is no Zarr store"
        raise UnreadableInput(f"{path.name} holds {found}; expected many signals: a folder of files, {FILES}")
    if path.is_dir():
        arrays = _zarr_arrays(path)
    elif is_array_file(path, first_bytes(path)):
        arrays = read_arrays(path)
    else:
        arrays = {"": _read_idx(path)}
    chosen = _chosen(arrays, name, path.name)
    stack = ArrayStack(arrays[chosen], chosen)
    item_bytes = math.prod(stack.shape) * np.dtype(stack.array.dtype).itemsize
    if not 1 <= len(stack) <= MOST_ITEMS or not 1 <= item_bytes <= MOST_ITEM_BYTES:
        raise InputError(
            f"{path.name} holds {len(stack):,} items of shape {stack.shape}; expected 1 to {MOST_ITEMS:,}, each of 1 to "
            f"{MOST_ITEM_BYTES:,} bytes"
        )
    return stack


def _chosen(arrays: Mapping[str, Any], name: str | None, file: str) -> str:
    """Which of the arrays is the stack."""
    if name is not None:
        if name not in arrays:
            raise UnknownName(f"{file} has no array {name!r}; there are {', '.join(map(repr, arrays))}{nearest(name, arrays)}")
        return name
    stacks = [key for key, array in arrays.items() if array.ndim >= 3 and np.dtype(array.dtype).kind in NUMBERS]
    if len(stacks) == 1:
        return stacks[0]
    if PREFERRED in stacks:
        return PREFERRED
    shapes = ", ".join(f"{key or 'an array'} {tuple(array.shape)}" for key, array in list(arrays.items())[:8])
    if not stacks:
        raise InputError(f"{file} holds {shapes or 'nothing'}; expected numbers of shape [n, h, w] or [n, h, w, c]")
    raise InputError(f"{file} holds several stacks: {shapes}; say which with --array NAME")


def _zarr_arrays(path: Path) -> dict[str, Any]:
    try:
        import zarr
    except ImportError:
        raise MissingExtra("zarr", "arrays", "reading a Zarr store") from None
    try:
        node = zarr.open(str(path), mode="r")
        return {"": node} if hasattr(node, "dtype") else dict(node.arrays())
    except Exception as error:  # what its codecs and readers of metadata raise has no common root
        said = " ".join(str(error).split())[:160]
        raise UnreadableInput(f"{path.name} cannot be read as a Zarr store: {said}; write it again") from None


def _is_idx(start: bytes) -> bool:
    return len(start) >= 8 and start[:2] == b"\0\0" and start[2] in IDX_TYPES and 1 <= start[3] <= 8


def _unpacked_start(path: Path) -> bytes:
    """First bytes inside a gzip file; none where it is damaged."""
    try:
        with gzip.open(path) as file:
            return file.read(16)
    except (OSError, EOFError, zlib.error):
        return b""


def _read_idx(path: Path) -> NDArray[Any]:
    """The array of an idx file: two zeros, a type, the number of axes, their sizes as big-endian 32-bit integers, the numbers."""
    packed = first_bytes(path).startswith(GZIP_MAGIC)
    try:
        with gzip.open(path) if packed else open(path, "rb") as file:
            start = file.read(4)
            sizes = struct.unpack(f">{start[3]}I", file.read(4 * start[3]))
            dtype = np.dtype(IDX_TYPES[start[2]])
            expected = math.prod(sizes) * dtype.itemsize
            most = os.path.getsize(path) * (MOST_INFLATED if packed else 1)
            content = file.read(expected + 1) if expected <= most else b""
    except (OSError, EOFError, struct.error, zlib.error) as error:
        raise UnreadableInput(f"{path.name} is damaged or cut off ({error}); copy it again") from None
    if len(content) != expected:
        found = "fewer" if len(content) < expected else "more"
        raise UnreadableInput(
            f"{path.name} declares {' × '.join(map(str, sizes))} numbers, {expected:,} bytes, and holds {found}; copy it again"
        )
    return np.frombuffer(content, dtype).reshape(sizes)
