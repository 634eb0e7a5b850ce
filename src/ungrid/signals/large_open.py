"""Which reader a large signal's file takes, and how many values it has, before anything is decoded."""

import contextlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, UngridError, UnreadableInput
from ungrid.signals.array_file import MAGIC as ARRAY_MAGIC
from ungrid.signals.audio import sound_format
from ungrid.signals.base import Outline, Signal
from ungrid.signals.decoded import decode
from ungrid.signals.first_bytes import first_bytes
from ungrid.signals.image_pillow import PLUGINS, open_picture
from ungrid.signals.image_raster import Raster, decoding, raster_source, turned
from ungrid.signals.image_read import format_by_start, read_raster
from ungrid.signals.large import ArrayBlocks, LargeSignal, array_outline, described, file_identity, is_large, is_long
from ungrid.signals.large_tiff import TiffBlocks, tiff_raster
from ungrid.signals.large_time import film_values, open_large_film, open_large_sound, sound_values
from ungrid.signals.large_zarr import is_zarr, open_zarr, zarr_shape
from ungrid.signals.part import WHOLE, Part
from ungrid.signals.video import is_film
from ungrid.signals.video_film import free_memory

MOST_PIXELS = 2**32  # of a picture that is decoded whole
FILES = "a picture, a film, a sound, an .npy array or a Zarr store"


def values_in(path: Path) -> int | None:
    """Number of values of a file or folder that can be read by blocks, by its first bytes; None where it is none.

    Raises:
        UnreadableInput: cut off or damaged, where that is seen so early.
    """
    if is_zarr(path):
        return math.prod(zarr_shape(path))
    if path.is_dir():
        return None
    start = first_bytes(path)
    if start.startswith(ARRAY_MAGIC):
        return int(_mapped(path).size)
    format = format_by_start(start)
    if format == "TIFF":
        found = tiff_raster(path)
        return None if found is None else int(np.prod(found[0]))
    if format not in PLUGINS:
        return None
    with contextlib.suppress(UngridError), decoding(path.name, format), open_picture(path.read_bytes(), format) as picture:
        return int(picture.size[0] * picture.size[1] * len(picture.getbands()))
    return None  # what is wrong with it is said when it is read


def needs_tiles(path: Path, kind: str | None, part: Part, max_memory: int | None) -> bool:
    """Whether a file is fitted in tiles: by its number of values, and for films and sound by the memory that one piece takes.

    Args:
        path: of the file or folder.
        kind: what it was said to be, or None.
        part: of a film, what is to be read.
        max_memory: bytes that the fit may take, or None: for films and sound, what the machine has free.

    Raises:
        UnreadableInput: cut off or damaged, where that is seen so early.
    """
    timed = timed_kind(path, kind)
    if timed is not None:
        available = free_memory() if max_memory is None else max_memory
        return is_long(timed, film_values(path, part) if timed == "video" else sound_values(path), available)
    n_values = values_in(path)
    return n_values is not None and is_large(n_values, max_memory)


def timed_kind(path: Path, kind: str | None) -> str | None:
    """ "video" or "audio" where a file is read as that, None for all else; arrays and tables are read otherwise."""
    if kind not in (None, "video", "audio") or is_zarr(path):
        return None
    start = first_bytes(path)
    if kind != "audio" and is_film(path, start):
        return "video"
    return "audio" if kind != "video" and sound_format(start) is not None else None


def open_large(path: Path, kind: str | None, folder: Path, part: Part = WHOLE) -> LargeSignal:
    """A file or folder as a signal that is read by blocks.

    Args:
        path: of the file: an .npy array, a TIFF, a Zarr store, any other picture, a film, a recording.
        kind: "image", "volume" or "series" where a bare array leaves it open.
        folder: where what must be decoded is kept, as the numbers that it holds; made if need be.
        part: of a film, what is to be read.

    Raises:
        UnreadableInput: no such file, or a damaged one.
        InputError: a kind that it is not, or a part of what is no film.
        MissingExtra: no package to read it.
        MachineError: the disk has no room for what is decoded.
    """
    timed = timed_kind(path, kind)
    if timed == "video":
        return open_large_film(path, folder, part)
    if not part.is_all:
        raise InputError(f"{path.name} is no film, and is read whole; leave out --region, --reduce and --fps")
    if timed == "audio":
        return open_large_sound(path, folder)
    if is_zarr(path):
        return open_zarr(path, kind)
    if path.is_dir():
        raise InputError(f"{path} is a folder and no Zarr store; expected {FILES}")
    start = first_bytes(path)
    if start.startswith(ARRAY_MAGIC):
        array = _mapped(path)
        outline, peak = array_outline(tuple(array.shape), array.dtype, kind, path.name, "npy")
        identity = file_identity(path)
        return LargeSignal(described(outline, identity), ArrayBlocks(path, outline.grid.box.dim), peak, identity)
    format = format_by_start(start)
    if format is None or kind not in (None, "image"):
        what = "" if format is None else f" as {kind}"
        raise InputError(f"{path.name} cannot be read by blocks{what}; expected {FILES}")
    identity = file_identity(path)
    found = tiff_raster(path) if format == "TIFF" else None
    if found is not None:
        shape, raster = found
        outline = described(_picture_outline(raster, shape), identity)
        return LargeSignal(outline, TiffBlocks(path), _peak(raster), identity)
    raster = read_raster(path, max_pixels=MOST_PIXELS)
    samples = turned(raster.samples, raster.orientation)
    outline = described(_picture_outline(raster, samples.shape), identity)
    where, _ = decode([samples], folder, samples.nbytes, path.name)
    return LargeSignal(outline, ArrayBlocks(where, 2), _peak(raster), identity)


def hold_array(array: NDArray[Any], kind: str | None, folder: Path) -> LargeSignal:
    """A bare array, in memory or mapped into it, written into the folder; read as an .npy file of it is.

    Raises:
        InputError: a kind, shape or type that goes with none.
        MachineError: the disk has no room for it.
    """
    outline, peak = array_outline(tuple(array.shape), array.dtype, kind, "the array", "array")
    where, _ = decode([array], folder, array.nbytes, "the array")
    return LargeSignal(outline, ArrayBlocks(where, outline.grid.box.dim), peak, file_identity(where))


def hold_signal(signal: Signal, folder: Path) -> LargeSignal:
    """A signal in memory, its values written into the folder.

    Raises:
        InputError: one of which some values are not known, or whose samples do not lie on its grid.
        MachineError: the disk has no room for it.
    """
    if signal.known is not None or signal.places is not None or signal.grid.ticks:
        raise InputError("tiles take signals of which all is known, on an even grid; fit this one in one piece")
    where, _ = decode([signal.values.numpy()], folder, signal.values.nbytes, "the signal")
    return LargeSignal(signal.outline, ArrayBlocks(where, signal.box.dim), 1.0, file_identity(where))


def _picture_outline(raster: Raster, shape: tuple[int, ...]) -> Outline:
    height, width = shape[:2]
    grid = Grid(Box(("y", "x"), ((0.0, float(height)), (0.0, float(width))), ("px", "px")), (height, width))
    return Outline(grid, "image", raster.channels, raster_source(raster, height, width), raster.blobs)


def _peak(raster: Raster) -> float:
    if raster.samples.dtype.kind in "fib":
        return 1.0
    return float(2 ** (raster.bit_depth or 8 * raster.samples.dtype.itemsize) - 1)


def _mapped(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        said = " ".join(str(error).split())[:160]
        raise UnreadableInput(f"{path.name} cannot be read as numbers: {said}; save it again with numpy.save") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{path.name} holds {array.dtype}; expected integers or floats")
    return array
