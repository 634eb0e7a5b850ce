"""NIfTI-1 and NIfTI-2 files, plain or gzip-compressed: read with every field of their header, which is kept as bytes."""

import gzip
import zlib
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.base import Signal
from ungrid.signals.volume_frame import Frame
from ungrid.signals.volume_stored import KIND, Stored, Ticks, check_size, to_signal, told_of

GZIP = b"\x1f\x8b"
MOST_RATIO = 1032  # of deflate: a file that declares more than this many times its own bytes is cut off or forged
MOST_HEADER = 2**24  # bytes of header and extensions
HEADER = "nifti_header"
TWO = (b"\x1c\x02\0\0", b"\0\0\x02\x1c")  # 540, the size of NIfTI-2's header, in either order of bytes
SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}  # temporal code → seconds
SPECTRAL = {32: "Hz", 40: "ppm", 48: "rad/s"}
MILLIMETERS = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 1e-3}  # spatial code → mm; a header that does not say is taken as mm
_PART = 2**22


@runtime_checkable
class Stream(Protocol):
    """Bytes in turn, plain or unpacked on the way."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, fewer at the end."""


def is_nifti(path: Path, start: bytes) -> bool:
    """Whether a file is NIfTI by its magic, also behind gzip, where its beginning is unpacked."""
    if start.startswith(GZIP):
        try:
            start = zlib.decompressobj(wbits=31).decompress(start, 1024)
        except zlib.error:
            return path.name.lower().endswith(".nii.gz")
        if len(start) < 348:
            return path.name.lower().endswith(".nii.gz")
    return start[344:347] in (b"n+1", b"ni1") or start[4:7] == b"n+2"


def read_nifti(path: Path) -> Signal:
    """A NIfTI file as a volume in world mm (x right, y anterior, z superior), a fourth axis as time in seconds.

    The header's whole bytes are kept, with its extensions: writing gives back the same ones.

    Raises:
        UnreadableInput: no NIfTI, cut off, or a header that contradicts itself or the file's size.
        InputError: beyond what is read, or numbers that are not real.
        MissingExtra: nibabel is not installed.
    """
    with told_of(path, "NIfTI"):
        with open(path, "rb") as file:
            is_packed = file.read(2) == GZIP
        with gzip.open(path) if is_packed else open(path, "rb") as stream:
            head = _begin(stream)
            header = parsed(head)
            head += stream.read(max(0, _data_start(header) - len(head)))
            shape = _shape(header, path.name)
            room = path.stat().st_size * (MOST_RATIO if is_packed else 1)
            samples = _samples(stream, header, shape, room)
        return to_signal(stored_nifti(header, samples, {HEADER: head}), path.name)


def parsed(head: bytes) -> Any:
    """nibabel's header of the bytes that a file begins with.

    Raises:
        MissingExtra: nibabel is not installed.
        UnreadableInput: no header.
    """
    nibabel = nibabel_for("reading and writing NIfTI")
    kind = nibabel.Nifti2Header if head[:4] in TWO else nibabel.Nifti1Header
    if head[344:347] == b"ni1":
        raise UnreadableInput(
            "its header says that the voxels are in a file of their own (.img); convert the pair to one .nii file"
        )
    try:
        return kind(head[: kind.sizeof_hdr], check=False)
    except Exception as error:  # nibabel raises several kinds
        raise UnreadableInput(f"its header is broken: {' '.join(str(error).split())[:120]}") from None


def nibabel_for(purpose: str) -> Any:
    """nibabel, or MissingExtra."""
    try:
        import nibabel
    except ImportError:
        raise MissingExtra("nibabel", "medical", purpose) from None
    return nibabel


def stored_nifti(header: Any, samples: NDArray[Any], blobs: dict[str, bytes]) -> Stored:
    """What a header says of samples [i, j, k, t, c], as they lie in the file."""
    space, time = int(header["xyzt_units"]) & 7, int(header["xyzt_units"]) & 56
    if space not in MILLIMETERS:
        raise UnreadableInput(f"its header has the unit code {space} for space; expected 0 to 3 (m, mm, µm)")
    matrix = np.asarray(header.get_best_affine(), dtype=np.float64)
    matrix[:3] *= MILLIMETERS[space]
    i, j, k, n_ticks, n_channels = samples.shape
    frame = Frame(tuple(tuple(float(entry) for entry in row) for row in matrix), (i, j, k))
    ticks = None
    if int(header["dim"][0]) >= 4 and n_ticks > 1:
        pitch = float(header["pixdim"][4])
        step = pitch * SECONDS.get(time, 1.0) if np.isfinite(pitch) and pitch > 0 else 1.0
        offset = float(header["toffset"]) * SECONDS.get(time, 1.0)
        unit, name = (SPECTRAL[time], "f") if time in SPECTRAL else ("s", "t")
        ticks = Ticks(offset if np.isfinite(offset) else 0.0, step, unit, name)
    slope, intercept = (float(header[key]) for key in ("scl_slope", "scl_inter"))
    is_scaled = np.isfinite(slope) and slope != 0  # 0 and NaN both mean that there is no scale
    colored = header.get_data_dtype().fields is not None
    names = tuple("rgba"[:n_channels]) if colored else _names(n_channels)
    return Stored(
        np.moveaxis(samples, 3, 0),
        frame,
        "NIfTI",
        names,
        ticks,
        slope if is_scaled else 1.0,
        (intercept if np.isfinite(intercept) else 0.0) if is_scaled else 0.0,
        "RAS",
        _notes(header, colored),
        blobs,
    )


def _names(n_channels: int) -> tuple[str, ...]:
    return ("value",) if n_channels == 1 else ("x", "y", "z") if n_channels == 3 else tuple(f"v{i}" for i in range(n_channels))


def _notes(header: Any, colored: bool) -> dict[str, Any]:
    """What a person would want to know of a header, beside geometry."""
    text = {key: bytes(header[key]).split(b"\0")[0].decode("latin-1") for key in ("descrip", "aux_file", "intent_name")}
    codes = {key: int(header[key]) for key in ("qform_code", "sform_code", "intent_code", "xyzt_units")}
    pixdim = [float(entry) for entry in header["pixdim"]]
    colors = {"colored": True} if colored else {}
    return {key: value for key, value in text.items() if value} | codes | {"pixdim": _plain(pixdim)} | colors


def _plain(numbers: list[float]) -> list[float | None]:
    return [number if np.isfinite(number) else None for number in numbers]


def _begin(stream: Stream) -> bytes:
    """The header's bytes: 348, or 540 of NIfTI-2."""
    head = stream.read(348)
    if head[:4] in TWO:
        head += stream.read(192)
    if len(head) < 348 or (head[:4] in TWO and len(head) < 540):
        raise UnreadableInput(f"it ends after {len(head)} bytes, within the header: it is cut off")
    return head


def _data_start(header: Any) -> int:
    offset = float(header["vox_offset"])
    least = int(header["sizeof_hdr"])
    if not (offset == 0 or least <= offset <= MOST_HEADER):
        raise UnreadableInput(f"its header says that voxels begin at byte {offset:g}; expected {least} to {MOST_HEADER:,}")
    return max(int(offset), least + 4)


def _shape(header: Any, name: str) -> tuple[int, ...]:
    """(i, j, k, t, c); of colors, c is in the samples' type."""
    dim = [int(n) for n in header["dim"]]
    if not 1 <= dim[0] <= 7 or any(n < 0 for n in dim[1 : dim[0] + 1]):
        raise UnreadableInput(f"its header declares the dimensions {dim}; expected 1 to 7, none below 1")
    sizes = dim[1 : dim[0] + 1] + [1] * (7 - dim[0])
    check_size(tuple(sizes), name)
    if max(sizes[5:]) > 1:
        raise InputError(
            f"{name} has {dim[0]} dimensions {sizes[: dim[0]]}; expected space, time and one of values: cut out a part"
        )
    return tuple(sizes[:5])


def _samples(stream: Stream, header: Any, shape: tuple[int, ...], room: int) -> NDArray[Any]:
    """Voxels [i, j, k, t, c] in the file's order, read exactly and no more."""
    kind = header.get_data_dtype()
    n_bytes = kind.itemsize * int(np.prod(shape, dtype=np.int64))
    if kind.itemsize == 0 or kind.hasobject:
        raise UnreadableInput(f"its header declares samples of type {kind}; expected numbers")
    if kind.kind == "c":
        raise InputError(
            f"its header declares complex samples ({kind}); expected real ones: store magnitude or parts on their own"
        )
    if n_bytes > room:
        raise UnreadableInput(
            f"its header declares {n_bytes:,} bytes of voxels, more than a file of its size holds: it is cut off"
        )
    buffer = np.empty(n_bytes, np.uint8)
    done = 0
    while done < n_bytes:
        part = stream.read(min(_PART, n_bytes - done))
        if not part:
            raise UnreadableInput(f"it is cut off: its header declares {n_bytes:,} bytes of voxels, {done:,} are there")
        buffer[done : done + len(part)] = np.frombuffer(part, np.uint8)
        done += len(part)
    if kind.fields is None:
        samples: NDArray[Any] = buffer.view(kind).reshape(shape, order="F")
        return samples
    if shape[4] > 1:
        raise UnreadableInput(f"its header declares colors and {shape[4]} of them a voxel; expected one")
    n_colors = len(kind.fields)
    return np.moveaxis(buffer.reshape((n_colors, *shape[:4]), order="F"), 0, -1)


def adopt_nifti(image: Any) -> Signal | None:
    """An image of nibabel's as a volume, or None for anything else."""
    if not all(hasattr(image, name) for name in ("affine", "header", "dataobj", "get_fdata")):
        return None
    nibabel = nibabel_for("taking over an image of nibabel's")
    header = nibabel.Nifti1Header.from_header(image.header, check=False)
    array = np.asanyarray(image.dataobj)  # scaled
    header.set_data_shape(array.shape)
    header.set_data_dtype(array.dtype)
    header.set_slope_inter(1, 0)
    if image.affine is not None:
        header.set_sform(image.affine, int(header["sform_code"]) or 2)
        header.set_qform(image.affine, int(header["qform_code"]))
    sizes = list(array.shape) + [1] * (5 - array.ndim)
    if array.ndim > 5:
        raise InputError(f"the image has {array.ndim} dimensions; expected at most 5: space, time and values")
    return to_signal(stored_nifti(header, array.reshape(sizes), {HEADER: header.binaryblock + b"\0\0\0\0"}), f"the {KIND}")
