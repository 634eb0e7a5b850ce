"""Volumes: files and arrays to signals of axes ("z", "y", "x"), behind "t" where they change, in world mm, and back.

Values are physical: a file's slope and intercept are applied, so CT comes in Hounsfield units. Samples that are no numbers are 0
and not known. What a file knew of geometry, type, order and text is in the signal's `source` and `blobs`, and is written back.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.array_file import is_array_file
from ungrid.signals.base import Outline, Signal
from ungrid.signals.first_bytes import first_bytes, what_else
from ungrid.signals.modality import Modality, Writer
from ungrid.signals.netcdf_classic import is_classic_volume, read_classic
from ungrid.signals.volume_array import is_volume_array, open_npz_writer, read_array, stored_arrays
from ungrid.signals.volume_axes import is_tiff, read_stack
from ungrid.signals.volume_dicom import is_dicom, read_dicom
from ungrid.signals.volume_hdf5 import is_hdf5, read_hdf5
from ungrid.signals.volume_itk import ENDINGS as ITK
from ungrid.signals.volume_itk import is_itk, open_itk_writer, read_itk
from ungrid.signals.volume_nifti import adopt_nifti, is_nifti, read_nifti
from ungrid.signals.volume_nifti_write import ENDINGS as NIFTI
from ungrid.signals.volume_nifti_write import open_nifti_writer
from ungrid.signals.volume_stored import KIND, to_signal, with_file
from ungrid.signals.volume_zarr import is_zarr, read_zarr

Reader = Callable[[Path], Signal]
FORMATS: tuple[tuple[Callable[[Path, bytes], bool], Reader], ...] = (
    (is_nifti, read_nifti),
    (is_dicom, read_dicom),
    (is_itk, read_itk),
    (is_zarr, read_zarr),
    (is_hdf5, read_hdf5),
    (is_classic_volume, read_classic),
    (is_volume_array, read_array),
)
SAID: tuple[tuple[Callable[[Path, bytes], bool], Reader], ...] = (
    *FORMATS,
    (is_array_file, read_array),
    (lambda path, start: is_tiff(start), read_stack),
)  # what is a volume where that is said
READABLE = ("NIfTI", "DICOM", "MHA", "NRRD", "HDF5", "NetCDF", "Zarr", "OME-Zarr", ".npz with a spacing")
_BAND_VALUES = 2**22


def is_volume(path: Path, start: bytes) -> bool:
    """Whether a file or folder is a volume by its content."""
    return any(recognizes(path, start) for recognizes, _ in FORMATS)


def read_volume(path: str | os.PathLike[str]) -> Signal:
    """A file or folder as a volume: NIfTI, DICOM, MHA, MHD, NRRD, HDF5, NetCDF, Zarr, OME-Zarr, .npy, .npz or a TIFF stack.

    Raises:
        MissingFile: no such file.
        UnreadableInput: none of these, cut off or damaged.
        InputError: beyond what is read.
        MissingExtra: a kind of file whose package is not installed.
    """
    path = Path(path)
    start = first_bytes(path)
    for recognizes, read in SAID:
        if recognizes(path, start):
            return with_file(read(path), path)
    found = what_else(start) if path.is_file() else "no files of a known kind"
    raise UnreadableInput(f"{path.name} holds {found}; expected a volume ({', '.join(READABLE)}, .npy or a TIFF stack)")


def from_array(array: Any, *, spacing: Any = None, affine: Any = None) -> Signal:
    """An array [z, y, x], [z, y, x, c] of up to 4 channels, or [t, z, y, x] as a volume.

    Args:
        array: real numbers.
        spacing: distances along z, y, x in mm, or one for all; None for one sample, without a unit.
        affine: [4, 4] what takes indices (z, y, x) to the world's x, y, z instead.

    Raises:
        InputError: another number of axes, no real numbers, a spacing that is none.
    """
    if isinstance(array, torch.Tensor):
        array = array.detach().cpu()
        array = (array.float() if array.dtype == torch.bfloat16 else array).numpy()
    array = np.asarray(array)
    if array.ndim not in (3, 4):
        raise InputError(f"the array has shape {array.shape}; expected [z, y, x], with channels last or t first")
    beside = {name: np.asarray(given) for name, given in (("spacing", spacing), ("affine", affine)) if given is not None}
    return to_signal(stored_arrays({"": array}, beside, "the array"), "the array")


def write_volume(path: str | os.PathLike[str], volume: Any) -> None:
    """Write a volume, or an array as `from_array` takes it, to a .nii, .nii.gz, .mha, .nrrd or .npz file.

    Raises:
        InputError: another ending, or what the format cannot hold.
        MissingExtra: the format's package is not installed.
        MachineError: not writable, disk full.
    """
    signal = volume if isinstance(volume, Signal) else from_array(volume)
    if signal.kind != KIND:
        raise InputError(f"a signal of kind {signal.kind!r} is no volume")
    values = signal.values
    if signal.known is not None and np.dtype(str(signal.source.get("dtype", "float32"))).kind == "f":
        values = torch.where(signal.known[..., None], values, torch.nan)  # as the source has it
    step = max(1, _BAND_VALUES * len(values) // max(1, values.numel()))
    with open_volume(Path(path), signal.outline) as writer:
        for part in values.split(step):
            writer.write_rows(part)


def adopt_volume(thing: Any) -> Signal | None:
    """An image of nibabel's, or an array of 3 or 4 axes, as a volume; None for anything else."""
    image = adopt_nifti(thing)
    if image is not None:
        return image
    return from_array(thing) if len(getattr(thing, "shape", ())) in (3, 4) else None


@contextlib.contextmanager
def open_volume(path: Path, outline: Outline) -> Iterator[Writer]:
    """Begin the file of a volume whose outline is given; the ending says which format.

    Raises:
        InputError: another ending, or what the format cannot hold.
    """
    name = path.name.lower()
    opener = next((opener for endings, opener in WRITERS if name.endswith(endings)), None)
    if opener is None:
        raise InputError(f"cannot write a volume to {path.name}; expected a name ending in {' '.join(ENDINGS)}")
    with opener(path, outline) as writer:
        yield writer


WRITERS: tuple[tuple[tuple[str, ...], Callable[[Path, Outline], Any]], ...] = (
    (NIFTI, open_nifti_writer),
    (ITK, open_itk_writer),
    ((".npz",), open_npz_writer),
)
ENDINGS = tuple(ending for endings, _ in WRITERS for ending in endings)
VOLUME = Modality(KIND, f"a volume ({', '.join(READABLE)})", is_volume, read_volume, ENDINGS, open_volume, adopt_volume)
