"""Volumes in NumPy's files: arrays with a spacing beside them, or none; .npz files are written, too."""

import contextlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ungrid.errors import InputError, UnreadableInput
from ungrid.files import write_beside
from ungrid.signals.array_file import MAGIC, array_shape, is_array_file, read_arrays
from ungrid.signals.base import Outline, Signal
from ungrid.signals.volume_frame import Frame, straight, turned
from ungrid.signals.volume_stored import Stored, Ticks, check_size, frame_of, ticks_of, to_signal, told_of
from ungrid.signals.volume_voxels import Layout, stored_as

SPACING, ORIGIN, AFFINE, CHANNELS = "spacing", "origin", "affine", "channels"
BESIDE = {SPACING, ORIGIN, AFFINE, CHANNELS, "ticks", "unit", "world"}
FEW = 4  # samples along the last axis that are taken as channels


def is_volume_array(path: Path, start: bytes) -> bool:
    """Whether an .npz file has an array of 3 or 4 axes beside a "spacing", or is one array of 3 axes, none of them short."""
    if start.startswith(MAGIC):
        shape = array_shape(path, start)
        return len(shape) == 3 and min(shape) > FEW
    if not is_array_file(path, start):
        return False
    try:
        shapes = npz_shapes(path)
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile):
        return False
    fields = [shape for name, shape in shapes.items() if name not in BESIDE]
    if SPACING in shapes:
        return any(len(shape) in (3, 4) for shape in fields)
    return len(shapes) == 1 and len(fields[0]) == 3 and min(fields[0]) > FEW if fields else False


def npz_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shape of each array of an .npz file, from its header alone."""
    shapes = {}
    with zipfile.ZipFile(path) as archive:
        for item in archive.infolist():
            with archive.open(item) as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shapes[item.filename.removesuffix(".npy")] = tuple(read(file)[0])
    return shapes


def read_array(path: Path) -> Signal:
    """An .npy or .npz file as a volume on axes z, y, x.

    Of an .npz, "spacing" has the distances between samples along z, y, x; "origin" the place of the first sample, "affine" [4, 4]
    what takes indices to the world's x, y, z instead; "channels" names. All other arrays on one grid become channels: [z, y, x],
    [z, y, x, c] or [t, z, y, x, c].

    Raises:
        UnreadableInput: no arrays of numbers, or damaged.
        InputError: arrays of several sizes, none of 3 axes, a spacing that is none.
    """
    arrays = read_arrays(path)
    beside = {name: array for name, array in arrays.items() if name in BESIDE and len(arrays) > 1}
    fields = {name: array for name, array in arrays.items() if name not in beside}
    with told_of(path, "a volume"):
        return to_signal(stored_arrays(fields, beside, path.name), path.name)


def stored_arrays(fields: Mapping[str, NDArray[Any]], beside: Mapping[str, NDArray[Any]], name: str) -> Stored:
    """Arrays of one grid as channels of one volume."""
    fields = {key: array for key, array in fields.items() if array.dtype.kind in "biuf" and array.ndim >= 3}
    if not fields:
        raise InputError(f"{name} has no array [z, y, x] of numbers; expected 3 axes, or 4 with channels last")
    ticked = "ticks" in beside
    grids = {array.shape[: 3 + ticked] for array in fields.values()}
    if len(grids) > 1 or any(array.ndim > 4 + ticked for array in fields.values()):
        sizes = ", ".join(f"{key or 'the array'} {array.shape}" for key, array in list(fields.items())[:4])
        raise InputError(f"{name} has arrays on several grids ({sizes}); expected one grid [z, y, x] and channels behind it")
    ticks = _ticks(beside)
    if not ticked and len(fields) == 1:
        only = next(iter(fields.values()))
        if only.ndim == 4 and only.shape[3] > FEW:
            ticks, fields = Ticks(0.5, 1.0), {key: array[..., None] for key, array in fields.items()}
    lead = 3 + (ticks is not None)
    columns, channels = [], []
    for key, array in fields.items():
        columns.append(array if array.ndim > lead else array[..., None])
        channels += _names(key, columns[-1].shape[-1], len(fields))
    check_size((*columns[0].shape[:lead], len(channels)), name)
    samples = columns[0] if len(columns) == 1 else np.concatenate(columns, axis=-1)
    samples = samples if ticks is not None else samples[None]
    if CHANNELS in beside and beside[CHANNELS].size == len(channels):
        channels = [str(entry) for entry in beside[CHANNELS].reshape(-1)]
    frame = _frame(samples.shape[1:4], beside, name)
    notes = {"arrays": [[key, array.shape[-1] if array.ndim > lead else 0] for key, array in fields.items()]}
    return Stored(samples, frame, "array", tuple(channels), ticks, world=_text(beside, "world"), notes=notes)


def _names(key: str, n: int, n_fields: int) -> list[str]:
    base = key if key and (n_fields > 1 or n > 1) and not key.startswith("arr_") else "value"
    if n == 1:
        return [base]
    ends = ["x", "y", "z"] if n == 3 else [str(at) for at in range(n)]
    return [f"{base}_{end}" for end in ends]


def _frame(shape: tuple[int, ...], beside: Mapping[str, NDArray[Any]], name: str) -> Frame:
    sizes, unit = (shape[0], shape[1], shape[2]), _text(beside, "unit") if "unit" in beside else "mm" if SPACING in beside else ""
    if AFFINE in beside:
        matrix = np.asarray(beside[AFFINE], dtype=np.float64)
        if matrix.shape != (4, 4):
            raise UnreadableInput(f"{name} has an affine of shape {matrix.shape}; expected [4, 4]")
        return Frame(tuple(tuple(float(entry) for entry in row) for row in matrix), sizes, unit)
    spacing = np.asarray(beside.get(SPACING, np.ones(3)), dtype=np.float64).reshape(-1)
    if spacing.size == 1:
        spacing = spacing.repeat(3)
    if spacing.size != 3 or not (np.isfinite(spacing).all() and (spacing > 0).all()):
        raise UnreadableInput(f"{name} has the spacing {spacing.tolist()}; expected three positive numbers, along z, y, x")
    frame = straight(sizes, (float(spacing[0]), float(spacing[1]), float(spacing[2])), unit)
    if ORIGIN not in beside:
        return frame
    matrix, origin = frame.matrix, np.asarray(beside[ORIGIN], dtype=np.float64).reshape(-1)
    if origin.size != 3:
        raise UnreadableInput(f"{name} has the origin {origin.tolist()}; expected three numbers, along z, y, x")
    matrix[:3, 3] = origin[::-1]
    return Frame(tuple(tuple(float(entry) for entry in row) for row in matrix), sizes, unit)


def _ticks(beside: Mapping[str, NDArray[Any]]) -> Ticks | None:
    if "ticks" not in beside:
        return None
    start, step = (float(entry) for entry in beside["ticks"].reshape(-1)[:2])
    return Ticks(start, step)


def _text(beside: Mapping[str, NDArray[Any]], key: str) -> str:
    return str(beside[key].reshape(-1)[0]) if key in beside and beside[key].size else ""


class NpzWriter:
    """Takes a volume's values band by band along its first axis, into arrays beside the file, which become an .npz archive.

    Args:
        path: of the archive.
        outline: of the volume.
    """

    def __init__(self, path: Path, outline: Outline):
        is_ours = outline.source.get("format") == "array"
        frame = frame_of(outline)
        self._frame = frame if is_ours else frame.as_signal()
        self._outline, self._path, self._done = outline, path, 0
        source, c = outline.source, len(outline.channels)
        kind = np.dtype(str(source.get("dtype", "float32")) if float(source.get("slope", 1.0)) == 1 else "float32")
        plan = [(str(name) or "volume", int(n)) for name, n in source.get("arrays", [])] if is_ours else []
        self._plan = plan if sum(max(1, n) for _, n in plan) == c else [("volume", c if c > 1 else 0)]
        self._ticks = ticks_of(outline)
        lead = (outline.grid.shape[0],) if self._ticks is not None else ()
        self._files = [path.with_name(f"{path.name}.{at}.npy") for at in range(len(self._plan))]
        self._layout = Layout(b"", kind, self._frame, False, 1.0, float(source.get("intercept", 0.0)))
        shapes = [(*lead, *self._frame.shape, *((n,) if n else ())) for _, n in self._plan]
        self._arrays = [np.lib.format.open_memmap(f, "w+", kind, shape) for f, shape in zip(self._files, shapes, strict=True)]

    def write_rows(self, values: Tensor) -> None:
        """The next r of the first axis [r, *shape, c].

        Raises:
            InputError: more of them than were announced, or of another shape.
        """
        expected, rows = (*self._outline.grid.shape[1:], len(self._outline.channels)), len(values)
        if tuple(values.shape[1:]) != expected or self._done + rows > self._outline.grid.shape[0]:
            raise InputError(f"a band of shape {tuple(values.shape)} does not fit into {self._outline.grid.shape}")
        samples, at = stored_as(values, self._layout), 0
        for (_, n), array in zip(self._plan, self._arrays, strict=True):
            part = samples[..., at : at + n] if n else samples[..., at]
            if self._ticks is None:
                turned(array, self._frame)[self._done : self._done + rows] = part
            else:
                for row in range(rows):
                    turned(array[self._done + row], self._frame)[...] = part[row]
            at += max(1, n)
        self._done += rows

    def finish(self) -> None:
        """Pack the arrays, with what is known of their grid.

        Raises: InputError: bands are missing.
        """
        if self._done != self._outline.grid.shape[0]:
            raise InputError(f"the volume has {self._outline.grid.shape[0]} entries along its first axis, {self._done} came")
        for array in self._arrays:
            array.flush()
        with zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED) as archive:
            for (name, _), file in zip(self._plan, self._files, strict=True):
                archive.write(file, f"{name}.npy")
            for name, small in self._beside().items():
                with archive.open(f"{name}.npy", "w") as stream:
                    np.lib.format.write_array(stream, np.asarray(small), allow_pickle=False)

    def _beside(self) -> dict[str, Any]:
        frame, outline = self._frame, self._outline
        beside: dict[str, Any] = {SPACING: np.linalg.norm(frame.matrix[:3, :3], axis=0)}
        if frame.unit != "mm":
            beside["unit"] = frame.unit
        if frame.affine != straight(frame.shape, tuple(beside[SPACING]), frame.unit).affine:
            beside[AFFINE] = frame.matrix
        if outline.source.get("world"):
            beside["world"] = outline.source["world"]
        if len(outline.channels) > 1:
            beside[CHANNELS] = np.array(outline.channels)
        if self._ticks is not None:
            beside["ticks"] = np.array([self._ticks.start, self._ticks.step])
        return beside

    def close(self) -> None:
        """Remove the arrays beside the file."""
        self._arrays = []
        for file in self._files:
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)


@contextlib.contextmanager
def open_npz_writer(path: Path, outline: Outline) -> Iterator[NpzWriter]:
    """Begin an .npz file for a volume: its arrays under their names in their source's type, "spacing" along z, y, x and, where it
    does not begin at 0 along them, "affine".

    Raises:
        InputError: an axis that is none of space or time.
        MachineError: not writable, disk full.
    """
    with write_beside(path) as temporary:
        writer = None
        try:
            writer = NpzWriter(temporary, outline)
            yield writer
            writer.finish()
        finally:
            if writer is not None:
                writer.close()
