"""MetaImage (.mha, .mhd) and NRRD files: read by SimpleITK, written as plain headers before raw voxels."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.base import Outline, Signal
from ungrid.signals.volume_frame import Frame
from ungrid.signals.volume_stored import Stored, Ticks, check_size, frame_of, in_world, ticks_of, to_signal, told_of
from ungrid.signals.volume_voxels import Layout, VoxelWriter, open_voxels

ENDINGS = (".mha", ".nrrd")
META = {"int8": "MET_CHAR", "uint8": "MET_UCHAR", "int16": "MET_SHORT", "uint16": "MET_USHORT", "int32": "MET_INT",
        "uint32": "MET_UINT", "int64": "MET_LONG_LONG", "uint64": "MET_ULONG_LONG", "float32": "MET_FLOAT",
        "float64": "MET_DOUBLE"}  # fmt: skip
OF_ITK = re.compile(r"(ITK_|NRRD_(kinds|space|thicknesses|centerings)|Modality|CompressedData|.*=)")  # keys that the reader adds
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_ ]{0,60}")


def is_itk(path: Path, start: bytes) -> bool:
    """Whether a file is a MetaImage or NRRD header."""
    return start.startswith(b"NRRD000") or (start.startswith((b"ObjectType", b"NDims")) and b"=" in start[:64])


def read_itk(path: Path) -> Signal:
    """A MetaImage or NRRD file as a volume in the patient's mm: x to the left, y to the back, z to the head.

    Raises:
        UnreadableInput: cut off, or a header that contradicts itself.
        InputError: no volume, or beyond what is read.
        MissingExtra: SimpleITK is not installed.
    """
    itk = itk_for("reading MHA and NRRD")
    with told_of(path, "MHA or NRRD"):
        reader = itk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        size, n_channels = tuple(reader.GetSize()), reader.GetNumberOfComponents()
        check_size((*size, n_channels), path.name)
        if len(size) not in (3, 4):
            raise InputError(f"{path.name} has {len(size)} dimensions; expected 3, or 4 with time last")
        itk.ProcessObject.SetGlobalWarningDisplay(False)
        return to_signal(_stored(itk, reader.Execute(), path), path.name)


def itk_for(purpose: str) -> Any:
    """SimpleITK, or MissingExtra."""
    try:
        import SimpleITK
    except ImportError:
        raise MissingExtra("SimpleITK", "itk", purpose) from None
    return SimpleITK


def _stored(itk: Any, image: Any, path: Path) -> Stored:
    dim, n_channels = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    array = itk.GetArrayFromImage(image)  # [t?, k, j, i, c?]
    if array.dtype.kind == "c":
        raise InputError(f"{path.name} holds complex numbers; expected real ones: store magnitude or parts on their own")
    samples = array.reshape(*array.shape[:dim], n_channels)
    samples = samples if dim == 4 else samples[None]
    directions = np.array(image.GetDirection()).reshape(dim, dim)
    spacing, origin = np.array(image.GetSpacing()), np.array(image.GetOrigin())
    if dim == 4 and np.abs(directions[3, :3]).max() + np.abs(directions[:3, 3]).max() > 1e-6:
        raise UnreadableInput("its fourth axis leans into space; expected time")
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = directions[:3, :3] * spacing[:3], origin[:3]
    i, j, k = (int(n) for n in image.GetSize()[:3])
    frame = Frame(tuple(tuple(float(entry) for entry in row) for row in matrix), (i, j, k))
    texts = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    texts = {key: text for key, text in texts.items() if WORD.fullmatch(key) and not OF_ITK.match(key) and text.isprintable()}
    return Stored(
        samples.transpose(0, 3, 2, 1, 4),
        frame,
        "NRRD" if path.suffix.lower() in (".nrrd", ".nhdr") else "MHA",
        ("value",) if n_channels == 1 else tuple(f"v{at}" for at in range(n_channels)),
        Ticks(float(origin[3]), float(spacing[3])) if dim == 4 else None,
        world="LPS",
        notes={"metadata": texts} if texts else {},
    )


@contextlib.contextmanager
def open_itk_writer(path: Path, outline: Outline) -> Iterator[VoxelWriter]:
    """Begin a .mha or .nrrd file of raw voxels, in the source's order and type.

    Raises:
        InputError: an axis that is none of space or time.
        MachineError: not writable, disk full.
    """
    is_ours = outline.source.get("format") in ("MHA", "NRRD", "DICOM", "NIfTI")
    frame = frame_of(outline, canonical=not is_ours)
    source = outline.source
    name = str(source.get("dtype", "float32"))
    is_scaled = (float(source.get("slope", 1.0)), float(source.get("intercept", 0.0))) != (1.0, 0.0)
    kind = np.dtype(name if name in META and not is_scaled else np.float32)
    make = _nrrd if path.suffix.lower() == ".nrrd" else _mha
    head = make(outline, in_world(frame, outline, "LPS"), kind).encode()
    with open_voxels(path, outline, Layout(head, kind.newbyteorder("<"), frame, True)) as writer:
        yield writer


def _words(numbers: Sequence[float]) -> str:
    return " ".join(repr(float(number)) for number in numbers)


def _mha(outline: Outline, frame: Frame, kind: np.dtype[Any]) -> str:
    """A MetaImage header, before its voxels."""
    ticks = ticks_of(outline)
    matrix, dim = np.eye(4), 3 if ticks is None else 4
    spacing = np.linalg.norm(frame.matrix[:3, :3], axis=0)
    matrix[:3, :3] = frame.matrix[:3, :3] / spacing
    sizes, steps, origin = list(frame.shape), list(spacing), list(frame.matrix[:3, 3])
    if ticks is not None:
        sizes, steps, origin = [*sizes, outline.grid.shape[0]], [*steps, ticks.step], [*origin, ticks.start]
    texts = outline.source.get("metadata", {}) if outline.source.get("format") == "MHA" else {}
    fields = {
        "ObjectType": "Image",
        "NDims": str(dim),
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": _words(matrix[:dim, :dim].T.reshape(-1).tolist()),
        "Offset": _words(origin),
        "ElementSpacing": _words(steps),
        "DimSize": " ".join(map(str, sizes)),
        **{key: str(text) for key, text in texts.items() if "\n" not in str(text)},
        "ElementNumberOfChannels": str(len(outline.channels)),
        "ElementType": META[kind.name],
        "ElementDataFile": "LOCAL",
    }
    return "".join(f"{key} = {text}\n" for key, text in fields.items())


def _nrrd(outline: Outline, frame: Frame, kind: np.dtype[Any]) -> str:
    """An NRRD header, before its voxels."""
    ticks, c = ticks_of(outline), len(outline.channels)
    sizes, kinds = list(frame.shape), ["domain"] * 3
    columns = [f"({','.join(repr(float(entry)) for entry in frame.matrix[:3, axis])})" for axis in range(3)]
    origin = ",".join(repr(float(entry)) for entry in frame.matrix[:3, 3])
    space = "left-posterior-superior"
    if ticks is not None:
        space, origin = "left-posterior-superior-time", f"{origin},{ticks.start!r}"
        columns = [column[:-1] + ",0)" for column in columns] + [f"(0,0,0,{ticks.step!r})"]
        sizes, kinds = [*sizes, outline.grid.shape[0]], [*kinds, "domain"]
    if c > 1:
        sizes, kinds, columns = [c, *sizes], ["vector", *kinds], ["none", *columns]
    texts = outline.source.get("metadata", {}) if outline.source.get("format") == "NRRD" else {}
    kept = "".join(f"{key}:={text}\n" for key, text in texts.items() if "\n" not in str(text))
    return (
        f"NRRD0005\ntype: {'float' if kind.name == 'float32' else 'double' if kind.name == 'float64' else kind.name}\n"
        f"dimension: {len(sizes)}\nspace: {space}\nsizes: {' '.join(map(str, sizes))}\n"
        f"space directions: {' '.join(columns)}\nkinds: {' '.join(kinds)}\nendian: little\nencoding: raw\n"
        f"space origin: ({origin})\n{kept}\n"
    )
