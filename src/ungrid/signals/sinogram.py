"""Sinograms and their angles in files: .npy, .tif and HDF5 arrays as they are, angles also as START:STOP:N."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ungrid.errors import InputError, MissingExtra, MissingFile, UnreadableInput
from ungrid.signals.array_file import read_arrays
from ungrid.signals.volume_stored import told_of

MOST_NUMBERS = 2**33
MOST_VIEWS = 2**20


def read_sinogram(path: Path) -> NDArray[Any]:
    """The array of a .npy, .tif or .h5 file; of several HDF5 datasets, the largest of two or three axes.

    Raises:
        MissingFile: no such file.
        UnreadableInput: damaged, or of no kind that is read.
        MissingExtra: h5py is not installed.
    """
    if path.is_dir() or not path.exists():
        raise MissingFile(f"there is no file {path}")
    ending = path.suffix.lower()
    if ending not in READERS:
        raise InputError(f"cannot read a sinogram from {path.name}; expected a name ending in {' '.join(READERS)}")
    array = READERS[ending](path)
    if array.dtype.kind not in "iuf" or array.size > MOST_NUMBERS:
        raise InputError(f"{path.name} holds {array.dtype} of shape {array.shape}; expected at most 2^33 real numbers")
    return np.array(array, dtype=np.float32 if array.dtype != np.float64 else np.float64)


def read_angles(text: str) -> NDArray[np.float64]:
    """Angles in degrees from a .npy file, or N of them evenly from START up to but without STOP.

    Raises:
        InputError: neither; numbers that are not finite.
    """
    if not text.lower().endswith(".npy"):
        return _evenly(text)
    path = Path(text)
    if not path.is_file():
        raise MissingFile(f"there is no file {path}")
    array = read_arrays(path)[""]
    if array.ndim != 1 or array.dtype.kind not in "iuf" or not len(array):
        raise InputError(f"{path.name} holds {array.dtype} of shape {array.shape}; expected one angle in degrees for each view")
    return np.array(array, dtype=np.float64)


def _evenly(text: str) -> NDArray[np.float64]:
    try:
        start, stop, n = text.split(":")
        ends, count = (float(start), float(stop)), int(n)
        if not all(map(math.isfinite, ends)) or not 1 <= count <= MOST_VIEWS:
            raise ValueError
    except ValueError:
        raise InputError(
            f"--angles-degrees {text}: expected a .npy file, or START:STOP:N such as 0:180:60, where STOP itself is left out"
        ) from None
    return np.linspace(*ends, count, endpoint=False)


def _from_tiff(path: Path) -> NDArray[Any]:
    import tifffile

    with told_of(path, "TIFF"):
        array: NDArray[Any] = tifffile.imread(path)
    return array


def _from_hdf5(path: Path) -> NDArray[Any]:
    try:
        import h5py
    except ImportError:
        raise MissingExtra("h5py", "arrays", "reading HDF5") from None
    found: list[Any] = []

    def look(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf" and item.ndim in (2, 3) and item.external is None:
            found.append(item)

    with told_of(path, "HDF5"), h5py.File(path, "r") as file:
        file.visititems(look)
        if not found:
            raise UnreadableInput(f"{path.name} has no dataset of numbers with two or three axes; expected a sinogram")
        chosen = max(found, key=lambda one: (one.size, one.name))
        return np.asarray(chosen[()])


READERS: dict[str, Callable[[Path], NDArray[Any]]] = {
    ".npy": lambda path: read_arrays(path)[""],
    ".tif": _from_tiff,
    ".tiff": _from_tiff,
    ".h5": _from_hdf5,
    ".hdf5": _from_hdf5,
}
