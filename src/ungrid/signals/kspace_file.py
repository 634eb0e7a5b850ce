"""k-space in files: .npy, and HDF5 as the fastMRI data set has it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ungrid.errors import InputError, MissingExtra, MissingFile
from ungrid.files import write_beside
from ungrid.signals.array_file import MAGIC, read_arrays
from ungrid.signals.volume_hdf5 import MAGIC as HDF5
from ungrid.signals.volume_stored import told_of

DATASET = "kspace"  # its name in fastMRI's files


def read_kspace_file(path: Path) -> NDArray[Any]:
    """The array of an .npy file, or of an HDF5 file the dataset called kspace, else its only complex one.

    Raises:
        MissingFile, UnreadableInput: not there, or neither of these.
        InputError: no complex dataset, or several of which none is called kspace.
        MissingExtra: h5py is not installed.
    """
    if _start_of(path).startswith(HDF5):
        return _from_hdf5(path)
    return read_array(path)


def read_array(path: Path) -> NDArray[Any]:
    """The array of an .npy file."""
    if not _start_of(path).startswith(MAGIC):
        raise InputError(f"{path.name} is no NumPy array; expected an .npy file, as numpy.save writes it")
    array = read_arrays(path)[""]
    if array.dtype.kind not in "biufc":
        raise InputError(f"{path.name} holds {array.dtype}; expected numbers")
    return np.array(array, dtype=array.dtype.newbyteorder("="))


def write_complex(path: Path, values: Tensor) -> None:
    """Values as an .npy file of complex64, beside and renamed."""
    with write_beside(path) as temporary, open(temporary, "wb") as file:
        np.save(file, values.detach().cpu().numpy().astype(np.complex64))


def _from_hdf5(path: Path) -> NDArray[Any]:
    try:
        import h5py
    except ImportError:
        raise MissingExtra("h5py", "arrays", "reading k-space from HDF5") from None
    with told_of(path, "HDF5"), h5py.File(path, "r") as file:
        found: dict[str, Any] = {}
        file.visititems(
            lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) and item.dtype.kind == "c" else None
        )
        name = DATASET if DATASET in found else next(iter(found), "") if len(found) == 1 else None
        if not name:
            listed = ", ".join(sorted(found)[:9]) or "none"
            raise InputError(f"{path.name} has these complex datasets: {listed}; expected one, or one that is called {DATASET}")
        return np.asarray(found[name][...])


def _start_of(path: Path) -> bytes:
    if not path.exists():
        raise MissingFile(f"there is no file {path}")
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected a file of k-space, .npy or .h5")
    with open(path, "rb") as file:
        return file.read(8)
