"""TIFF and BigTIFF, read with tifffile: the first page, any number of channels, integers of any depth and floats.

Resolution, color profile, the kind of alpha, texts and EXIF are kept; private tags are not. Signed integers are measured
values, and taken as they are.
"""

import contextlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.image_pillow import cmyk_to_rgb
from ungrid.signals.image_raster import Raster, Samples, band_names, check_size, decoding, exif_blobs
from ungrid.signals.image_tiff_exif import exif_in

DESCRIPTION_KEY = "ungrid"  # in a JSON image description: what the tags of a TIFF cannot say
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_ASSOCIATED, _STRAIGHT = 1, 2


def read_tiff(path: Path, *, max_pixels: int) -> Raster:
    """The first page of a TIFF file.

    Raises:
        UnreadableInput: cut off or damaged.
        InputError: too large, complex samples, colors in a space that is not read.
        MissingExtra: a compression that needs imagecodecs.
    """
    import tifffile

    with decoding(path.name, "TIFF"), quiet(), tifffile.TiffFile(path) as file:
        if not file.pages:
            raise UnreadableInput(
                f"{path.name} is a TIFF file without a picture: it is cut off or damaged; copy or export it again"
            )
        page: Any = file.pages[0]
        check_size(page.imagewidth, page.imagelength, page.samplesperpixel, max_pixels=max_pixels, name=path.name)
        check_kind(page, path.name)
        check_extent(page, path)
        return page_raster(page, _samples(page, path.name), path.name, len(file.pages))


def page_raster(page: Any, samples: Samples, name: str, n_pages: int) -> Raster:
    """Samples [H, W, c] of a page, or a few of them, with what its tags say of them."""
    raster = Raster(
        samples,
        (),
        "TIFF",
        page.bitspersample,
        orientation=_orientation(page),
        dpi=_dpi(page),
        n_pages=n_pages,
        blobs=exif_blobs(exif_in(Path(page.parent.filehandle.path)), page.iccprofile, _xmp(page)),
    )
    _name_channels(raster, page, name)
    return raster


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without tifffile's log lines on standard error: what matters of them is raised."""
    logger, refuse = logging.getLogger("tifffile"), lambda record: False
    logger.addFilter(refuse)
    try:
        yield
    finally:
        logger.removeFilter(refuse)


def check_kind(page: Any, name: str) -> None:
    if page.dtype is None or page.dtype.kind not in "uibf" or page.imagedepth != 1:
        what = "several slices in depth" if page.imagedepth != 1 else f"samples of type {page.dtype}"
        raise InputError(f"{name} has {what}; expected integers or floating point [y, x] with channels: convert it")
    is_decoded = page.photometric == _YCBCR and page.compression != 1  # the decoder of JPEG gives RGB
    if page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK) and not is_decoded:
        space = getattr(page.photometric, "name", page.photometric)
        raise InputError(
            f"{name} holds colors as {space}, which is not read from TIFF; expected gray, RGB, palette or CMYK: convert it"
        )


def check_extent(page: Any, path: Path) -> None:
    """Raise if a strip or tile lies beyond the file's end, which a lenient decoder would leave empty."""
    size = os.path.getsize(path)
    ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)]
    if not ends or max(ends) > size:
        raise UnreadableInput(
            f"{path.name} is a TIFF file of {size} bytes whose samples reach to byte {max(ends, default=0)}: it is cut off; "
            f"copy or export it again"
        )


def _samples(page: Any, name: str) -> Samples:
    """[H, W, c] as stored, with channels last."""
    try:
        samples = np.asarray(page.asarray())
    except (ValueError, ImportError) as error:
        if "imagecodecs" in str(error):
            compression = getattr(page.compression, "name", page.compression)
            raise MissingExtra("imagecodecs", "image", f"reading {name}, a TIFF with compression {compression},") from None
        raise
    axes = page.axes
    if samples.ndim == 2:
        return samples[..., None]
    if axes not in ("YXS", "SYX"):
        raise InputError(f"{name} is a TIFF file of axes {axes}; expected a picture [y, x] with channels")
    return np.moveaxis(samples, 0, -1) if axes == "SYX" else samples


def _name_channels(raster: Raster, page: Any, name: str) -> None:
    """Give channels their names and colors: palettes, inverted grays and CMYK become what is seen."""
    n_channels = raster.samples.shape[-1]
    extra = [int(kind) for kind in page.extrasamples]
    n_colors = n_channels - len(extra)
    colors: tuple[str, ...] = {1: ("gray",), 3: ("r", "g", "b")}.get(n_colors, ())
    if page.photometric == _PALETTE:
        raster.samples = np.moveaxis(page.colormap, 0, -1)[raster.samples[..., 0]]
        raster.bit_depth, raster.palette, colors, extra = 16, True, ("r", "g", "b"), []
        if not (raster.samples % 257).any():  # a table of 8-bit colors, stored in 16 bits
            raster.samples, raster.bit_depth = (raster.samples // 257).astype(np.uint8), 8
    elif page.photometric == _CMYK:
        colors, extra = _from_cmyk(raster, name), []
    elif page.photometric == _WHITE_IS_ZERO:
        raster.samples = _inverted(raster)
    elif page.photometric == _BLACK_IS_ZERO and n_colors != 1:
        colors = ()
    if extra in ([_ASSOCIATED], [_STRAIGHT]) and colors:
        raster.notes["alpha"] = "associated" if extra == [_ASSOCIATED] else "straight"
        colors = (*colors, "a")
    raster.channels = colors if len(colors) == raster.samples.shape[-1] else band_names(raster.samples.shape[-1])
    raster.transfer = "linear" if raster.is_measured else "srgb"
    _apply_description(raster, page.description)


def _from_cmyk(raster: Raster, name: str) -> tuple[str, ...]:
    if raster.samples.shape[-1] != 4 or raster.samples.dtype != np.uint8:
        raise InputError(
            f"{name} is CMYK of {raster.samples.shape[-1]} channels of {raster.samples.dtype}; expected 4 of 8 bits: convert it"
        )
    picture = Image.frombytes("CMYK", raster.samples.shape[1::-1], np.ascontiguousarray(raster.samples).tobytes())
    converted, notes = cmyk_to_rgb(picture, raster.blobs.pop("icc_profile", None))
    raster.samples = np.asarray(converted)
    raster.notes.update(notes)
    return ("r", "g", "b")


def _inverted(raster: Raster) -> Samples:
    """Samples of which 0 is white, as samples of which 0 is black."""
    if raster.samples.dtype.kind == "u":
        peak = 2 ** (raster.bit_depth or 8) - 1
        return np.asarray(peak - raster.samples, dtype=raster.samples.dtype)
    if raster.samples.dtype.kind == "i":
        return np.asarray(-raster.samples.astype(np.int64))
    return ~raster.samples if raster.samples.dtype.kind == "b" else 1 - raster.samples


def _apply_description(raster: Raster, description: str) -> None:
    """Names of channels and transfer that our own writer has put into the description."""
    try:
        said = json.loads(description)[DESCRIPTION_KEY]
        channels, transfer = said.get("channels"), said.get("transfer")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return
    if transfer in ("srgb", "linear"):
        raster.transfer = transfer
    if isinstance(channels, list) and len(set(map(str, channels))) == raster.samples.shape[-1] == len(channels):
        raster.channels = tuple(str(channel)[:255] for channel in channels)


def _orientation(page: Any) -> int:
    tag = page.tags.get(274)
    return int(tag.value) if tag is not None and tag.value in range(1, 9) else 1


def _xmp(page: Any) -> bytes | None:
    tag = page.tags.get(700)
    return tag.value if tag is not None and isinstance(tag.value, bytes) else None


def _dpi(page: Any) -> tuple[float, float] | None:
    unit = page.tags.get(296)
    per_inch = {2: 1.0, 3: 2.54}.get(int(unit.value) if unit is not None else 2)
    x, y = page.tags.get(282), page.tags.get(283)
    if per_inch is None or x is None or y is None or not (x.value[1] and y.value[1] and x.value[0] and y.value[0]):
        return None
    return per_inch * x.value[0] / x.value[1], per_inch * y.value[0] / y.value[1]
