"""NIfTI files written by bands: the source's own header where the grid is its own, else one that leads to the new grid."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ungrid.errors import InputError
from ungrid.signals.base import Outline
from ungrid.signals.volume_frame import Frame
from ungrid.signals.volume_nifti import HEADER, SECONDS, nibabel_for, parsed
from ungrid.signals.volume_stored import frame_of, in_world, ticks_of
from ungrid.signals.volume_voxels import Layout, VoxelWriter, open_voxels

ENDINGS = (".nii", ".nii.gz")
MM, ALIGNED = 2, 2  # codes: of the unit, and of a frame that something was aligned to
MOST_SIDE = 32_767  # of NIfTI-1
KINDS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")


@contextlib.contextmanager
def open_nifti_writer(path: Path, outline: Outline) -> Iterator[VoxelWriter]:
    """Begin a NIfTI file for a volume.

    A volume from NIfTI keeps its order, type, scale and header; on its own grid all of them to the byte, on another one with that
    grid's affine and sizes. Others are stored along x, y, z that rise, in their source's type.

    Raises:
        InputError: more than one axis beside space, or what the format cannot count.
        MissingExtra: nibabel is not installed.
        MachineError: not writable, disk full.
    """
    layout = nifti_layout(outline)
    with open_voxels(path, outline, layout, packed=path.name.lower().endswith(".gz")) as writer:
        yield writer


def nifti_layout(outline: Outline) -> Layout:
    """Header, order and type of a NIfTI file for a volume."""
    source = outline.source
    is_ours = HEADER in outline.blobs and source.get("format") == "NIfTI"
    frame = frame_of(outline, canonical=not is_ours)
    if not is_ours:
        raw = _with_grid(_new_header(outline), outline, in_world(frame, outline, "RAS"), is_new=True)
        return Layout(raw + b"\0\0\0\0", _kind(source), frame, False)
    head = outline.blobs[HEADER]
    header = parsed(head)
    colored, kind = bool(source.get("colored")), np.dtype(header.get_data_dtype())
    if colored:
        kind = np.dtype(np.uint8)
    if _shape_of(outline, frame, colored) != _sizes(header) or not _is_own(outline, frame):
        head = _with_grid(header, outline, frame, is_new=False) + head[int(header.sizeof_hdr) :]
    return Layout(head, kind, frame, colored, float(source.get("slope", 1.0)), float(source.get("intercept", 0.0)))


def _is_own(outline: Outline, frame: Frame) -> bool:
    """Whether the grid is the source's own."""
    source = outline.source
    rows = tuple(tuple(float(entry) for entry in row) for row in source["affine"])
    ticks = ticks_of(outline)
    return rows == frame.affine and (ticks is None or [ticks.start, ticks.step] == source.get("ticks", [ticks.start, ticks.step]))


def _sizes(header: Any) -> list[int]:
    dim = [int(n) for n in header["dim"]]
    return (dim[1 : dim[0] + 1] + [1] * 5)[:5]


def _shape_of(outline: Outline, frame: Frame, colored: bool) -> list[int]:
    n_ticks = outline.grid.shape[0] if outline.grid.box.dim == 4 else 1
    return [*frame.shape, n_ticks, 1 if colored else len(outline.channels)]


def _new_header(outline: Outline) -> Any:
    nibabel = nibabel_for("writing NIfTI")
    header = nibabel.Nifti1Header() if max(outline.grid.shape) <= MOST_SIDE else nibabel.Nifti2Header()
    header.set_data_dtype(_kind(outline.source))
    header["magic"] = b"n+1" if header.sizeof_hdr == 348 else header["magic"]
    header["xyzt_units"] = MM + 8
    header["vox_offset"] = int(header.sizeof_hdr) + 4
    if len(outline.channels) > 1:
        header["intent_code"] = 1007  # a vector
    return header


def _kind(source: dict[str, Any]) -> np.dtype[Any]:
    """The source's type where NIfTI has it and values are not scaled, else float32."""
    name = str(source.get("dtype", "float32"))
    is_plain = float(source.get("slope", 1.0)) == 1 and float(source.get("intercept", 0.0)).is_integer()
    if name in KINDS and is_plain and float(source.get("intercept", 0.0)) == 0:
        return np.dtype(name)
    return np.dtype(np.float32)


def _with_grid(header: Any, outline: Outline, frame: Frame, *, is_new: bool) -> bytes:
    """The header's bytes with the sizes and the affine of another grid; of its codes, those that were set stay."""
    colored = bool(outline.source.get("colored")) and not is_new
    i, j, k, n_ticks, c = _shape_of(outline, frame, colored)
    shape = [i, j, k] + ([n_ticks, c] if c > 1 else [n_ticks] if n_ticks > 1 else [])
    try:
        header.set_data_shape(shape)
    except Exception as error:  # nibabel's own kinds
        raise InputError(f"NIfTI-1 cannot hold {shape} samples: {error}; write .npy or a region") from None
    matrix = frame.matrix
    space = 1000.0 if int(header["xyzt_units"]) & 7 == 1 else 1e-3 if int(header["xyzt_units"]) & 7 == 3 else 1.0
    matrix[:3] /= space  # in the header's own unit
    had_qform, had_sform = int(header["qform_code"]), int(header["sform_code"])
    header.set_qform(matrix, had_qform or None, strip_shears=True)
    header["qform_code"] = had_qform
    if had_sform or not had_qform:
        header.set_sform(matrix, had_sform or ALIGNED)
    header["pixdim"][1:4] = np.linalg.norm(matrix[:3, :3], axis=0)
    ticks = ticks_of(outline)
    if ticks is not None:
        factor = SECONDS.get(int(header["xyzt_units"]) & 56, 1.0) if ticks.unit == "s" else 1.0
        header["pixdim"][4], header["toffset"] = ticks.step / factor, ticks.start / factor
    raw: bytes = header.binaryblock
    return raw
