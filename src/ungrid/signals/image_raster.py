"""A decoded picture before it becomes a signal: samples as the file has them, checked, turned upright and scaled."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, MachineError, UngridError, UnreadableInput
from ungrid.signals.base import Signal
from ungrid.signals.image_exif import orientation_of

Samples = NDArray[Any]
DEFLATE_LEVEL = 3  # on differences of a photograph: a third of the time of level 6 for 1.5 % more bytes
VALUES_PER_PIXEL = 4  # max_pixels bounds values too: four times as many


@dataclass
class Raster:
    """Samples of a picture as its file stores them, and what the file says about them.

    Args:
        samples: [H, W, c], unsigned integers from 0 to 2^bit_depth − 1, booleans, or what was measured: floating point, signed.
        channels: name of each of the c channels.
        format: as a person calls it, e.g. "PNG"; "array" for what was no file.
        bit_depth: bits of one sample as declared; None where nothing was declared.
        transfer: "srgb" for encoded values, "linear" for light.
        orientation: EXIF's 1 to 8, by which `samples` must still be turned.
        dpi: pixels per inch along x and y of the samples as stored.
        palette: whether the samples were looked up in a table of colors.
        n_pages: pictures in the file, of which this is the first.
        notes: more plain values for the signal's source.
        blobs: "icc_profile", "exif", "xmp", a JPEG's "comment", and "png", chunks that only a PNG has.
    """

    samples: Samples
    channels: tuple[str, ...]
    format: str
    bit_depth: int | None
    transfer: str = "srgb"
    orientation: int = 1
    dpi: tuple[float, float] | None = None
    palette: bool = False
    n_pages: int = 1
    notes: dict[str, Any] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    @property
    def is_float(self) -> bool:
        """Whether samples are floating point, which are taken as they are."""
        return bool(self.samples.dtype.kind == "f")

    @property
    def is_measured(self) -> bool:
        """Whether samples are numbers without a white, floating point or signed integers."""
        return bool(self.samples.dtype.kind in "fi")


def to_signal(raster: Raster, name: str) -> Signal:
    """The signal of a raster: upright, integers divided by their depth's maximum, float32.

    Args:
        raster: what was read.
        name: of the file or array, for messages.

    Raises:
        InputError: float samples that are NaN or infinite.
    """
    values = _scaled(turned(raster.samples, raster.orientation), raster.bit_depth)
    height, width = values.shape[:2]
    if raster.is_float:
        _check_finite(values, raster.channels, name)
    source = raster_source(raster, height, width)
    return picture_signal(torch.from_numpy(values), source, raster.blobs, channels=raster.channels)


def raster_source(raster: Raster, height: int, width: int) -> dict[str, Any]:
    """What a signal's source says of a raster, of the size that it has when it is upright."""
    dpi = raster.dpi if raster.dpi is None or raster.orientation < 5 else raster.dpi[::-1]
    source: dict[str, Any] = {
        "format": raster.format,
        "width": width,
        "height": height,
        "bit_depth": raster.bit_depth,
        "sample_format": "float" if raster.is_measured else "uint",
        "stored": f"int{8 * raster.samples.dtype.itemsize}" if raster.samples.dtype.kind == "i" else None,
        "transfer": raster.transfer,
        "dpi": list(dpi) if dpi else None,
        "orientation": raster.orientation,
        "palette": raster.palette,
        "n_pages": raster.n_pages,
        **raster.notes,
    }
    return {key: value for key, value in source.items() if value is not None}


def picture_signal(
    values: Tensor, source: Mapping[str, Any], blobs: Mapping[str, bytes], *, channels: Sequence[str] | None = None
) -> Signal:
    """Values [H, W, c] as a picture on its grid of pixels, with what is known of their source; nothing is scaled or checked."""
    height, width, n_channels = values.shape
    grid = Grid(Box(("y", "x"), ((0.0, float(height)), (0.0, float(width))), ("px", "px")), (height, width))
    return Signal(values, grid, "image", tuple(channels or color_names(n_channels)), dict(source), dict(blobs))


def color_names(n_channels: int) -> tuple[str, ...]:
    """Names of the channels of a gray (1), gray and alpha (2), color (3) or color and alpha (4) picture; bands beyond."""
    named = {1: ("gray",), 2: ("gray", "a"), 3: ("r", "g", "b"), 4: ("r", "g", "b", "a")}
    return named.get(n_channels) or band_names(n_channels)


def band_names(n_channels: int) -> tuple[str, ...]:
    """("band0", "band1", …): channels without a color."""
    return tuple(f"band{i}" for i in range(n_channels))


def check_size(width: int, height: int, n_channels: int, *, max_pixels: int, name: str) -> None:
    """Raise, before anything is decoded, for a declared size of nothing or beyond the limit.

    Raises:
        UnreadableInput: no pixels.
        InputError: more than `max_pixels` pixels, or four times as many values.
    """
    if width < 1 or height < 1 or n_channels < 1:
        raise UnreadableInput(
            f"{name} declares a picture of {width}×{height} pixels; a picture has at least one, so it is damaged"
        )
    if width * height > max_pixels or width * height * n_channels > VALUES_PER_PIXEL * max_pixels:
        raise InputError(
            f"{name} declares {width}×{height} pixels of {n_channels} channels; the limit is max_pixels={max_pixels} pixels "
            f"and {VALUES_PER_PIXEL} values for each; crop it, make it smaller, or raise max_pixels"
        )


@contextlib.contextmanager
def decoding(name: str, format: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one line: the file is of this format, but damaged.

    Raises:
        UnreadableInput: the decoder failed.
        MachineError: no memory for the picture.
    """
    try:
        yield
    except (UngridError, ImportError):
        raise
    except MemoryError:
        raise MachineError(f"there is not enough memory to decode {name}; close programs or use a smaller picture") from None
    except Exception as error:  # decoders raise nearly every class on damaged bytes
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise UnreadableInput(
            f"{name} starts like a {format} file but cannot be decoded: it is cut off or damaged ({why}); copy or export it again"
        ) from None


def exif_blobs(exif: bytes | None, icc_profile: bytes | None, xmp: bytes | None = None) -> dict[str, bytes]:
    """Blobs by name, without those that are missing or empty."""
    found = {"icc_profile": icc_profile, "exif": exif, "xmp": xmp}
    return {name: bytes(blob) for name, blob in found.items() if blob}


def declared_orientation(blobs: dict[str, bytes]) -> int:
    """Orientation 1 to 8 by the EXIF among the blobs."""
    return orientation_of(blobs.get("exif", b""))


def turned(samples: Samples, orientation: int) -> Samples:
    """Samples [H, W, c] as they are to be seen, given EXIF's orientation 1 to 8 of the stored ones; 5 to 8 swap H and W."""
    if orientation >= 5:
        samples = samples.swapaxes(0, 1)
    flip_y, flip_x = {2: (0, 1), 3: (1, 1), 4: (1, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}.get(orientation, (0, 0))
    return samples[:: -1 if flip_y else 1, :: -1 if flip_x else 1]


def _scaled(samples: Samples, bit_depth: int | None) -> Samples:
    """float32 [H, W, c], contiguous and its own: v / (2^bits − 1) for integers."""
    if samples.dtype.kind in "fib":
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite and is reported as such
            return np.array(samples, dtype=np.float32, order="C")
    peak = 2 ** (bit_depth or 8 * samples.dtype.itemsize) - 1
    exact = np.float32 if peak < 2**24 else np.float64
    return np.ascontiguousarray(np.true_divide(samples, exact(peak), dtype=exact), dtype=np.float32)


def _check_finite(values: Samples, channels: tuple[str, ...], name: str) -> None:
    wrong = ~np.isfinite(values)
    if wrong.any():
        y, x, channel = np.unravel_index(int(wrong.argmax()), values.shape)
        raise InputError(
            f"{name} holds {int(wrong.sum())} values that are NaN or infinite, the first at y={y}, x={x} in channel "
            f"{channels[channel]!r}; expected finite numbers: replace them, e.g. by 0"
        )
