"""Signals larger than memory: what is known of all of it, and samples a block at a time.

`open_large` reads .npy arrays and plain or tiled TIFF where they lie, Zarr arrays and OME-Zarr images by chunks, and decodes any
other picture, films and sound once, as the numbers that they hold, into a file beside the output.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid, Slices
from ungrid.errors import InputError, UngridError
from ungrid.signals.base import Outline, Signal
from ungrid.signals.image_raster import color_names

LARGE_VALUES = 2**26  # from which a signal is fitted in tiles: in memory, its fit would take some 3 GB
BYTES_PER_VALUE = 40  # of a fit in memory: values, order of the batches, errors, the judge's copies
# of fits whose kind has its own default, as measured: 774 million values of a film took 9.9 GB, 13 million of sound 1.2 GB
OWN_BYTES_PER_VALUE = {"video": 13, "audio": 90}
KINDS = ("image", "volume", "series")
AXES = {"image": ("y", "x"), "volume": ("z", "y", "x"), "series": ("t",)}
HASHED_BYTES = 2**28  # of a file whose content is hashed; a larger one goes by size and time of change


@runtime_checkable
class Blocks(Protocol):
    """Samples as a file stores them, read a block at a time; can be pickled, to be opened again by another process."""

    def read(self, where: Slices) -> NDArray[Any]:
        """A block [*block, c] of numbers."""


@dataclass(frozen=True)
class LargeSignal:
    """A signal of which only blocks are in memory at a time.

    Args:
        outline: all but the values.
        blocks: samples as stored, with channels last.
        peak: the number that stands for 1 in a picture of integers; 1 where numbers are as measured.
        identity: plain values that tell this source from another, for going on with a fit.
        notes: what a person should know of it, a sentence each.
    """

    outline: Outline
    blocks: Blocks
    peak: float
    identity: dict[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def grid(self) -> Grid:
        """Where the samples lie."""
        return self.outline.grid

    @property
    def n_values(self) -> int:
        """Number of values, of all channels."""
        return self.grid.size * len(self.outline.channels)

    def read(self, where: Slices) -> Tensor:
        """Values of a block [*block, c], float32, in the range of the kind.

        Raises:
            UnreadableInput: the block is cut off or damaged.
            InputError: it holds values that are NaN or infinite.
        """
        values = self.peek(where)
        if not bool(torch.isfinite(values).all()):
            n = int((~torch.isfinite(values)).sum())
            place = ", ".join(f"{axis}={s.start}:{s.stop}" for axis, s in zip(self.grid.box.axes, where, strict=True))
            raise InputError(f"{n} values are NaN or infinite at {place}; expected finite numbers: replace them, e.g. by 0")
        return values

    def peek(self, where: Slices) -> Tensor:
        """Like `read`, with values that are not finite as they are."""
        samples = self.blocks.read(where)
        exact = np.float32 if self.peak < 2**24 else np.float64
        with np.errstate(over="ignore"):
            values = samples.astype(np.float32) if self.peak == 1 else np.true_divide(samples, exact(self.peak), dtype=exact)
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))

    def part(self, where: Slices) -> Signal:
        """A block as a signal on its part of the grid."""
        known = self.outline
        return Signal(self.read(where), self.grid.part(where), known.kind, known.channels, known.source, known.blobs)


class ArrayBlocks:
    """Blocks of an .npy file that is mapped into memory.

    Args:
        path: of the file.
        dim: axes of the signal; one more is channels.
    """

    def __init__(self, path: Path, dim: int):
        self.path, self.dim = Path(path), dim

    def read(self, where: Slices) -> NDArray[Any]:
        """A block [*block, c]."""
        # mapped anew each time: pages that were read would else count as this process's memory until it ends
        block = np.array(np.load(self.path, mmap_mode="r", allow_pickle=False)[where])
        return block if block.ndim > self.dim else block[..., None]


def is_large(n_values: int, max_memory: int | None) -> bool:
    """Whether a signal of so many values is fitted in tiles: 2²⁶ or more, or a fit in memory would take more than is allowed."""
    return n_values >= LARGE_VALUES or (max_memory is not None and n_values * BYTES_PER_VALUE > max_memory)


def is_long(kind: str, n_values: int, available: int) -> bool:
    """Whether a film or recording is fitted in windows: in one piece a fit of so many values would take more than there is."""
    return n_values * OWN_BYTES_PER_VALUE[kind] > available


def array_outline(
    shape: tuple[int, ...], dtype: np.dtype[Any], kind: str | None, name: str, format: str
) -> tuple[Outline, float]:
    """What is known of a bare array by its shape and type, and its `peak`.

    One axis is a series, two a picture, three a picture if the last is at most 4 and a volume else; `kind` says it otherwise,
    with an axis of channels last where there is one more.

    Raises:
        InputError: a kind, shape or type that goes with none.
    """
    if kind is not None and kind not in KINDS:
        raise InputError(f"a {kind} is not read by blocks; expected --as {' or '.join(KINDS)}")
    if kind is None:
        guess = {1: "series", 2: "image", 3: "image" if shape[-1] <= 4 else "volume", 4: "volume"}
        kind = guess.get(len(shape), "volume")
    dim = len(AXES[kind])
    if len(shape) not in (dim, dim + 1) or 0 in shape:
        wanted = ", ".join(AXES[kind])
        raise InputError(f"{name} has shape {shape}; expected [{wanted}] or [{wanted}, channels] for {kind}, none of them 0")
    if dtype.kind not in ("ubf" if kind == "image" else "iubf"):
        raise InputError(f"{name} holds {dtype}; expected {'unsigned ' if kind == 'image' else ''}integers or floats: convert it")
    c = shape[dim] if len(shape) > dim else 1
    grid_shape = shape[:dim]
    bounds = tuple((0.0, float(n)) for n in grid_shape)
    units = ("px", "px") if kind == "image" else ("",) * dim
    source = {"format": format, "sample_format": "float" if dtype.kind == "f" else "uint" if dtype.kind in "ub" else "int"}
    peak = 1.0
    channels = color_names(c) if kind == "image" else tuple(f"c{i}" for i in range(c)) if c > 1 else ("value",)
    if kind == "image":
        source |= {"height": shape[0], "width": shape[1], "transfer": "srgb"}  # type: ignore[dict-item]
        if dtype.kind == "u":
            peak = float(2 ** (8 * dtype.itemsize) - 1)
            source |= {"bit_depth": 8 * dtype.itemsize}  # type: ignore[dict-item]
    return Outline(Grid(Box(AXES[kind], bounds, units), grid_shape), kind, channels, source), peak


def file_identity(path: Path) -> dict[str, Any]:
    """What tells a file from another: its content's hash, or size and time of change where it is large."""
    status = os.stat(path)
    if status.st_size > HASHED_BYTES:
        return {"file": path.name, "bytes": status.st_size, "changed": status.st_mtime_ns}
    with open(path, "rb") as file:
        return {"file": path.name, "bytes": status.st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def described(outline: Outline, identity: dict[str, Any]) -> Outline:
    """The outline with what tells its file from others."""
    return replace(outline, source={**outline.source, **identity})


@torch.no_grad()
def reduced(
    signal: LargeSignal,
    factor: int,
    *,
    to_light: Callable[[Tensor], Tensor] | None,
    from_light: Callable[[Tensor], Tensor] | None,
) -> tuple[Signal, int]:
    """A large signal averaged over blocks of `factor` samples along each axis, streamed; and how many blocks could not be read.

    The last block along an axis may be partial: its cell then reaches beyond the signal's box. Samples that are not finite are
    left out; a cell of nothing else is not known.

    Args:
        signal: what is reduced.
        factor: samples along each axis of a block.
        to_light, from_light: curves between which values are averaged, or None to average them as they are.
    """
    box, shape = signal.grid.box, tuple(-(-n // factor) for n in signal.grid.shape)
    reach = zip(box.bounds, signal.grid.spacing, shape, strict=True)
    grid = Grid(Box(box.axes, tuple((low, low + n * factor * pitch) for (low, _), pitch, n in reach), box.units), shape)
    values, count = torch.zeros(*shape, len(signal.outline.channels)), torch.zeros(*shape, 1)
    failed = 0
    for cells, _ in grid.chunks(max(1, 2**21 // factor**grid.box.dim)):
        where = tuple(
            slice(cell.start * factor, min(cell.stop * factor, n)) for cell, n in zip(cells, signal.grid.shape, strict=True)
        )
        try:
            block = signal.peek(where)
        except (UngridError, OSError):
            failed += 1
            continue
        good = torch.isfinite(block).all(dim=-1, keepdim=True)
        light = torch.where(good, block if to_light is None else to_light(block), torch.zeros_like(block))
        values[cells], count[cells] = _sums(light, factor), _sums(good.float(), factor)
    mean = values / count.clamp_min(1)
    known = count[..., 0] > 0
    source = {"sample_format": "float"} | (
        {"transfer": signal.outline.source["transfer"]} if "transfer" in signal.outline.source else {}
    )
    result = mean if from_light is None else from_light(mean)
    return Signal(
        result, grid, signal.outline.kind, signal.outline.channels, source, known=None if bool(known.all()) else known
    ), failed


def _sums(values: Tensor, factor: int) -> Tensor:
    """Sums over blocks of `factor` along every axis but the last; the last block may be partial."""
    for axis in range(values.ndim - 1):
        missing = -values.shape[axis] % factor
        if missing:
            values = torch.cat(
                [values, values.new_zeros([missing if a == axis else n for a, n in enumerate(values.shape)])], axis
            )
        values = values.unflatten(axis, (-1, factor)).sum(dim=axis + 1)
    return values
