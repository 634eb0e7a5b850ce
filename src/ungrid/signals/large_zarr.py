"""Blocks of a Zarr array, or of the finest level of an OME-Zarr image."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid, Slices
from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.base import Outline
from ungrid.signals.image_raster import decoding
from ungrid.signals.large import LargeSignal, array_outline

MARKERS = ("zarr.json", ".zarray", ".zgroup")
MOST_CHUNK = 2**30  # bytes of a chunk, which is decoded whole
SPACE_KINDS = {("y", "x"): "image", ("z", "y", "x"): "volume", ("t",): "series"}


class ZarrBlocks:
    """Blocks of a Zarr array.

    Args:
        path: of the store.
        component: of the array in it; "" for the store itself.
        axes: positions of the signal's axes among the array's; other axes are of length 1.
        channel_axis: position of the channels, or None.
    """

    def __init__(self, path: Path, component: str, axes: tuple[int, ...], channel_axis: int | None):
        self.path, self.component, self.axes, self.channel_axis = Path(path), component, axes, channel_axis
        self._array: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_array": None}

    def read(self, where: Slices) -> NDArray[Any]:
        """A block [*block, c].

        Raises:
            UnreadableInput: a chunk of it is damaged.
        """
        with decoding(f"a chunk of {self.path.name}", "Zarr"):
            if self._array is None:
                self._array = _open(self.path / self.component if self.component else self.path)
            index: list[Any] = [0] * self._array.ndim
            for axis, wanted in zip(self.axes, where, strict=True):
                index[axis] = wanted
            if self.channel_axis is not None:
                index[self.channel_axis] = slice(None)
            kept = [axis for axis, item in enumerate(index) if isinstance(item, slice)]
            block = np.asarray(self._array[tuple(index)])
            order = [kept.index(axis) for axis in self.axes]
            if self.channel_axis is None:
                return block.transpose(order)[..., None]
            return block.transpose([*order, kept.index(self.channel_axis)])


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr array or group."""
    return path.is_dir() and any((path / marker).is_file() for marker in MARKERS)


def open_zarr(path: Path, kind: str | None) -> LargeSignal:
    """A Zarr array, by its shape as other arrays are read; or an OME-Zarr image, by its axes and scale.

    Raises:
        UnreadableInput: no array in it, or metadata that cannot be read.
        InputError: a kind, shape or type that goes with none, chunks of more than 1 GiB.
        MissingExtra: no package to read it.
    """
    with decoding(path.name, "Zarr"):
        found = _open(path)
        described = _multiscales(found)
        if described is None:
            if not hasattr(found, "shape"):
                raise UnreadableInput(f"{path.name} is a Zarr group and no OME-Zarr image; give the folder of one of its arrays")
            outline, peak = array_outline(tuple(found.shape), np.dtype(found.dtype), kind, path.name, "Zarr")
            dim = outline.grid.box.dim
            blocks = ZarrBlocks(path, "", tuple(range(dim)), dim if found.ndim > dim else None)
        else:
            found, outline, peak, blocks = _ome(path, found, described, kind)
        notes = _chunk_notes(found, path.name)
    return LargeSignal(outline, blocks, peak, _identity(path, found), notes)


def zarr_shape(path: Path) -> tuple[int, ...]:
    """Shape of the array that `open_zarr` would read; (0,) where it would find none."""
    with decoding(path.name, "Zarr"):
        found = _open(path)
        described = _multiscales(found)
        array = found if described is None else found[described["datasets"][0]["path"]]
        return tuple(getattr(array, "shape", (0,)))


def _open(path: Path) -> Any:
    try:
        import zarr
    except ImportError:
        raise MissingExtra("zarr", "arrays", f"reading {path.name}, a Zarr store,") from None
    return zarr.open(str(path), mode="r")


def _multiscales(found: Any) -> dict[str, Any] | None:
    """The first image that OME-Zarr's metadata, of version 0.4 or 0.5, describes in a group."""
    if hasattr(found, "shape"):
        return None
    attributes = dict(found.attrs)
    images = attributes.get("ome", attributes).get("multiscales")
    return images[0] if isinstance(images, list) and images else None


def _ome(path: Path, group: Any, image: dict[str, Any], kind: str | None) -> tuple[Any, Outline, float, ZarrBlocks]:
    component = str(image["datasets"][0]["path"])
    if ".." in component or component.startswith("/"):
        raise InputError(f"{path.name} names a level {component!r} outside itself; expected the name of one of its arrays")
    array = group[component]
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in image["axes"]]
    names = [str(axis["name"]) for axis in axes]
    if len(names) != array.ndim:
        raise InputError(f"{path.name} names the axes {names} of an array of shape {array.shape}; expected as many")
    channel = names.index("c") if "c" in names else None
    space = tuple(i for i, n in enumerate(array.shape) if i != channel and (n > 1 or names[i] in ("y", "x")))
    named = tuple(names[i] for i in space)
    chosen = SPACE_KINDS.get(named)
    if chosen is None or kind not in (None, chosen):
        raise InputError(f"{path.name} has the axes {named}; expected y, x for an image, z, y, x for a volume, or t for a series")
    shape = tuple(array.shape[i] for i in space) + (() if channel is None else (array.shape[channel],))
    outline, peak = array_outline(shape, np.dtype(array.dtype), chosen, path.name, "OME-Zarr")
    if chosen != "image":  # a picture's coordinates are pixels
        scale = _scale(image["datasets"][0], array.ndim)
        box, sizes = outline.grid.box, outline.grid.shape
        bounds = tuple((0.0, n * scale[i]) for n, i in zip(sizes, space, strict=True))
        units = tuple(str(axes[i].get("unit", "")) for i in space)
        outline = Outline(Grid(Box(box.axes, bounds, units), sizes), chosen, outline.channels, outline.source)
    return array, outline, peak, ZarrBlocks(path, component, space, channel)


def _scale(dataset: dict[str, Any], dim: int) -> list[float]:
    for transform in dataset.get("coordinateTransformations", []):
        scale = transform.get("scale")
        if isinstance(scale, list) and len(scale) == dim and all(isinstance(s, int | float) and 0 < s < 1e30 for s in scale):
            return [float(s) for s in scale]
    return [1.0] * dim


def _chunk_notes(array: Any, name: str) -> tuple[str, ...]:
    """What is to be said of chunks that are not there, which Zarr takes to hold one value."""
    size = math.prod(getattr(array, "shards", None) or array.chunks) * array.dtype.itemsize
    if size > MOST_CHUNK:
        raise InputError(f"{name} has chunks of {size:,} bytes; expected at most {MOST_CHUNK:,}: store it in smaller ones")
    missing, n = array.nchunks - array.nchunks_initialized, array.nchunks
    if missing == n:
        raise UnreadableInput(f"{name} has none of its {n} chunks; copy it again")
    return (f"{missing} of {n} chunks of {name} are not there and count as {array.fill_value}",) if missing > 0 else ()


def _identity(path: Path, array: Any) -> dict[str, Any]:
    metadata = json.dumps(array.metadata.to_dict(), sort_keys=True, default=str)
    return {"file": path.name, "array": metadata[:4000]}
