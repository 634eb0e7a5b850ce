"""A volume as its file stores it, before it becomes a signal: samples in the file's order and type, and what is known of them."""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, UngridError, UnreadableInput
from ungrid.signals.base import Outline, Signal
from ungrid.signals.volume_frame import Frame, Matrix, turned

KIND = "volume"
MOST_VALUES = 2**33  # of a volume that is read: 32 GiB of float32
MOST_CHANNELS = 4_096
TO_OTHER_SIDE = np.diag([-1.0, -1.0, 1.0, 1.0])  # right-anterior to left-posterior and back


@dataclass(frozen=True)
class Ticks:
    """The axis of a volume that changes: its name, unit, first sample and step."""

    start: float = 0.0
    step: float = 1.0
    unit: str = "s"
    name: str = "t"


@dataclass
class Stored:
    """Samples as they are stored, and what the file says of them.

    Args:
        samples: [t, *frame.shape, c], numbers of any real type; t is 1 where `ticks` is None.
        frame: order, directions and place of the three axes of space.
        format: as a person calls it, e.g. "NIfTI".
        channels: name of each of the c channels.
        ticks: of the axis before space, or None for a volume that does not change.
        slope, intercept: value = stored · slope + intercept.
        world: "RAS" where x goes right and y anterior, "LPS" where they go left and posterior, "" where that is not known.
        notes: more plain values for the signal's source.
        blobs: what the file knew as bytes.
    """

    samples: NDArray[Any]
    frame: Frame
    format: str
    channels: tuple[str, ...] = ("value",)
    ticks: Ticks | None = None
    slope: float = 1.0
    intercept: float = 0.0
    world: str = ""
    notes: dict[str, Any] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)


def to_signal(stored: Stored, name: str) -> Signal:
    """The signal of a stored volume: axes (t,) z, y, x that rise, physical values in float32.

    Samples that are NaN or infinite become 0 and unknown.

    Args:
        stored: what was read.
        name: of the file or array, for messages.

    Raises:
        InputError: no samples, more than 2^33 of them, no real numbers, none that is finite.
        UnreadableInput: a scale that is not finite.
    """
    check_size(stored.samples.shape, name)
    if stored.samples.dtype.kind not in "biuf":
        raise InputError(f"{name} holds {stored.samples.dtype}; expected real numbers: store magnitude or parts on their own")
    if not (math.isfinite(stored.slope) and stored.slope != 0 and math.isfinite(stored.intercept)):
        raise UnreadableInput(f"{name} scales its values by {stored.slope} and adds {stored.intercept}; expected finite numbers")
    array = np.moveaxis(turned(np.moveaxis(stored.samples, 0, 3), stored.frame), 3, 0)  # [t, z, y, x, c]
    values = np.array(array, dtype=np.float32, order="C")
    if (stored.slope, stored.intercept) != (1.0, 0.0):
        values *= np.float32(stored.slope)
        values += np.float32(stored.intercept)
    finite = np.isfinite(values).all(axis=-1) if array.dtype.kind == "f" or stored.slope != 1 else None
    known = None
    if finite is not None and not finite.all():
        if not finite.any():
            raise InputError(f"{name} holds nothing but NaN and infinities; expected values")
        values[~finite] = 0
        known = torch.from_numpy(finite)
    grid = grid_of(stored.frame, stored.ticks, values.shape[0])
    tensor = torch.from_numpy(values)
    if stored.ticks is None:
        tensor, known = tensor[0], None if known is None else known[0]
    return Signal(tensor, grid, KIND, stored.channels, source_of(stored), stored.blobs, known)


def check_size(shape: tuple[int, ...], name: str) -> None:
    """Raise InputError for an axis of no samples, no channels, or more values than are read."""
    if 0 in shape:
        raise InputError(
            f"{name} has shape {tuple(shape)}: an axis of no samples holds no volume; expected at least 1 along each"
        )
    if math.prod(shape) > MOST_VALUES or shape[-1] > MOST_CHANNELS:
        raise InputError(
            f"{name} declares {math.prod(shape):,} values, {shape[-1]:,} a sample; expected at most {MOST_VALUES:,}, and "
            f"{MOST_CHANNELS:,} a sample: cut out a part"
        )


def grid_of(frame: Frame, ticks: Ticks | None, n_ticks: int) -> Grid:
    """The signal's grid: that of the frame, behind the axis that changes."""
    box = frame.box()
    if ticks is None:
        return Grid(box, frame.sizes)
    low = ticks.start - ticks.step / 2
    affine = box.affine
    if affine is not None:
        affine = ((1.0, 0.0, 0.0, 0.0, 0.0), *((0.0, *row) for row in affine))
    bounds = ((low, low + n_ticks * ticks.step), *box.bounds)
    return Grid(Box((ticks.name, *box.axes), bounds, (ticks.unit, *box.units), affine=affine), (n_ticks, *frame.sizes))


def source_of(stored: Stored) -> dict[str, Any]:
    """What the signal's source says of a stored volume: enough to write its file again."""
    kind = stored.samples.dtype
    return {
        "format": stored.format,
        "bit_depth": 8 * kind.itemsize,
        "dtype": kind.newbyteorder("=").name,
        "byte_order": "big" if kind.str.startswith(">") else "little",
        "shape": list(stored.frame.shape),
        "affine": [list(row) for row in stored.frame.affine],
        "unit": stored.frame.unit,
        "world": stored.world,
        "slope": stored.slope,
        "intercept": stored.intercept,
        **({} if stored.ticks is None else {"ticks": [stored.ticks.start, stored.ticks.step]}),
        **stored.notes,
    }


def frame_of(outline: Outline, *, canonical: bool = False) -> Frame:
    """How a volume is stored in a file, in its source's world: as its source was, or with axes x, y, z that rise."""
    source, box = outline.source, outline.grid.box
    if box.axes[-3:] != ("z", "y", "x"):
        raise InputError(
            f"a volume on axes {box.axes} cannot be written as a file of volumes; expected z, y, x, after t: write .npy"
        )
    if "affine" in source and "shape" in source:
        rows = tuple(tuple(float(entry) for entry in row) for row in source["affine"])
        i, j, k = source["shape"]
        frame = Frame(rows, (i, j, k), str(source.get("unit", "mm"))).on(outline.grid)
    else:
        frame = _bare(outline.grid)
    return frame.canonical() if canonical else frame


def in_world(frame: Frame, outline: Outline, world: str) -> Frame:
    """The frame with its affine to another world, for a header; samples are stored by the frame of the source's own world."""
    own = outline.source.get("world", "")
    return frame if not own or own == world else replace(frame, affine=_rows(TO_OTHER_SIDE @ frame.matrix))


def ticks_of(outline: Outline) -> Ticks | None:
    """The axis before space, or None."""
    box = outline.grid.box
    if box.dim == 3:
        return None
    step = outline.grid.spacing[0]
    return Ticks(box.bounds[0][0] + step / 2, step, box.units[0], box.axes[0])


def _bare(grid: Grid) -> Frame:
    """Of a grid alone: axes x, y, z."""
    steps, low = grid.spacing[-3:], [bounds[0] for bounds in grid.box.bounds[-3:]]
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for axis in range(3):
        matrix[axis, axis], matrix[axis, 3] = steps[2 - axis], low[2 - axis] + steps[2 - axis] / 2
    z, y, x = grid.shape[-3:]
    return Frame(_rows(matrix), (x, y, z), grid.box.units[-1])


def _rows(matrix: Matrix) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(entry) for entry in row) for row in matrix)


def with_file(signal: Signal, path: Path) -> Signal:
    """The signal with its file's name, size and SHA-256 in its source."""
    if not path.is_file():
        return replace(signal, source={**signal.source, "file": path.name})
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return replace(signal, source={**signal.source, "file": path.name, "bytes": path.stat().st_size, "sha256": digest})


@contextmanager
def told_of(path: Path, what: str) -> Iterator[None]:
    """Turn what a reader's package raises into one line about the file."""
    try:
        yield
    except UngridError as error:
        if path.name in str(error):
            raise
        raise type(error)(f"{path.name}: {error}") from None
    except MemoryError:
        raise InputError(f"{path.name} does not fit into memory; cut out a part") from None
    except Exception as error:  # what packages raise for damaged files is beyond listing
        said = " ".join(str(error).split())[:160] or type(error).__name__
        raise UnreadableInput(f"{path.name} cannot be read as {what}: {said}; copy or export it again") from None
